//! The configuration: see the fields' docs, from which the JSON Schema is made.

use portcullis_shared::{
    audit::AuditConfig,
    config::{Decode, Errors, Fields, Named, Node},
    config_enum, config_struct,
    document::Remote,
    jose::{Algorithm, RevokedKey, RevokedSubject, RevokedToken, TextOr},
    mode::Mode,
    ownership::{ClaimRule, OwnerRule, enumeration::EnumerationConfig},
    path::{Case, Normaliser, Template},
    pointer::Pointer,
};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use crate::word::{Audiences, Auth};

config_struct! {
    /// Configuration of `jwt_bola`: whose tokens are accepted, and who may do what with which object.
    #[derive(Debug)]
    pub struct Config {
        /// Whether denials are carried out (`enforce`, the default) or only counted and audited (`shadow`). `off` turns
        /// the filter off, whatever its rules say. Where a rule is enforced, so is the refusal of paths that can be read in
        /// several ways, even if the filter's mode is `shadow`: they would lead round the rule.
        pub mode: Mode = Mode::default(),
        /// Who issues tokens, by a name that rules use: 1 to 64 letters, digits, `.`, `_` or `-`. At most 64.
        pub providers: Named<Provider> = Named::default(),
        /// What is asked of a request, by path and method: the most specific path that matches decides, wherever it
        /// stands in the list. At most 10,000.
        pub rules: Vec<Rule> = Vec::new(),
        /// A request that no rule matches. Default: `deny`.
        pub default: Default = Default::Deny,
        /// How paths are read. By default, what can be read in several ways is refused.
        pub paths: Normaliser = Normaliser::strict(),
        /// Whether letters in rules' paths stand for both cases, for upstreams that think so. Default: `sensitive`.
        pub path_case: Case = Case::Sensitive,
        /// Headers and parameters that tell an upstream to see another method or path, such as `x-http-method-override`.
        /// `deny` (the default) refuses requests with one on every route that asks for a token.
        pub overrides: Default = Default::Deny,
        /// What is no longer accepted, though it is signed and not expired.
        pub revoked: Option<Revoked> = None,
        /// Verified tokens are remembered, so that a signature is verified once.
        pub cache: Cache = Cache::default(),
        /// Who verifies signatures. Default: `auto`.
        pub signatures: Signatures = Signatures::Auto,
        /// How long a request waits for keys that are on their way, in milliseconds: 0 to 30,000. Then it gets 503, or 401
        /// for a key that the provider does not have. Default: 2000.
        #[schemars(range(min = 0, max = 30_000))]
        pub wait_ms: u32 = 2000,
        /// Raises an alarm about a subject that is refused many objects.
        pub enumeration: Option<EnumerationConfig> = None,
        /// What of a token goes into audit events. By default all: without them, an event says what happened, not to whom.
        pub audit_claims: Vec<AuditClaim> = AuditClaim::ALL.to_vec(),
        /// The `realm` of `WWW-Authenticate`: 1 to 64 visible ASCII characters without `"` and `\`. Default: `api`.
        #[schemars(length(min = 1, max = 64))]
        pub realm: String = "api".to_owned(),
        /// Where events go. Without it, decisions are counted and not audited.
        pub audit: Option<AuditConfig> = None,
    }
}

config_struct! {
    /// One issuer of tokens. It needs `jwks` or `secret`.
    #[derive(Clone, Debug, Serialize)]
    pub struct Provider {
        /// The one `iss` of its tokens, compared exactly; `null`: any or none. Required.
        #[schemars(schema_with = "text_or_null")]
        pub issuer: Option<String>,
        /// Of these, `aud` must hold one; `"any"`: any or none. Required.
        pub audiences: Audiences,
        /// The algorithms that its tokens may be signed with. Required.
        #[schemars(length(min = 1))]
        pub algorithms: Vec<Algorithm>,
        /// Its public keys.
        pub jwks: Option<Jwks> = None,
        /// Its shared secret, for `HS256` to `HS512`.
        pub secret: Option<Secret> = None,
        /// How far its clock and the proxy's may be apart, in seconds: 0 to 3600. Default: 60.
        #[schemars(range(min = 0, max = 3600))]
        pub leeway_s: u32 = 60,
        /// Whether tokens must have `exp`. Default: true.
        pub require_exp: bool = true,
        /// How long after `iat` a token is accepted, in seconds, whatever its `exp`: 1 to 3,153,600,000. By default, for ever.
        #[schemars(range(min = 1, max = 3_153_600_000_u32))]
        pub max_age_s: Option<u32> = None,
        /// Of these, the header's `typ` must be one, such as `["at+jwt"]` (RFC 9068). By default, any or none.
        pub typ: Option<Vec<String>> = None,
        /// What its tokens must claim, on every route.
        pub require: Vec<ClaimRule> = Vec::new(),
        /// Where its tokens are looked for; a request with tokens in two places is refused. Default: `Authorization:
        /// Bearer`.
        #[schemars(length(min = 1, max = 8))]
        pub from: Vec<Place> = vec![Place::bearer()],
        /// Whether the upstream sees the token. Default: false.
        pub forward: bool = false,
        /// Headers for the upstream, each with the claim that it gets, as `{"x-user-id": "/sub"}`. Texts, numbers and
        /// booleans are given as they are, arrays of them with commas between; a claim that is missing or something
        /// else gives no header. What clients send under these names is removed, on every route.
        pub claims_to_headers: Named<Pointer> = Named::default(),
        /// Claims for later filters, as properties `portcullis.claim.<pointer>` that no client can forge. Default:
        /// `["/sub"]`.
        pub claims_to_filters: Vec<Pointer> = subject(),
        /// The longest token in bytes, 256 to 65,536. Default: 8192.
        #[schemars(range(min = 256, max = 65_536))]
        pub max_token_bytes: u32 = 8192,
    }
}

/// An `Option` alone would not be required.
fn text_or_null(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "null"], "minLength": 1 })
}

config_struct! {
    /// Public keys (RFC 7517): one of the three.
    #[derive(Clone, Debug, Serialize)]
    pub struct Jwks {
        /// Fetched from the issuer, such as Keycloak, Auth0 or Vault.
        pub remote: Option<Remote> = None,
        /// A key set, as it stands: `{"keys": [...]}`. Public keys only.
        pub inline: Option<KeySetDocument> = None,
        /// The variable of the VM's environment that holds a key set; it may have `oct` keys.
        pub env: Option<String> = None,
    }
}

config_struct! {
    /// A key set in a configuration.
    #[derive(Clone, Debug, Serialize)]
    pub struct KeySetDocument {
        /// Its keys.
        pub keys: Vec<serde_json::Value>,
    }
}

/// Where a secret is.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Secret {
    /// The variable of the VM's environment (`vm_config.environment_variables`) that holds it, as text. Required.
    pub env: String,
}

impl Decode for Secret {
    fn decode(node: &Node<'_>, errors: &mut Errors) -> Option<Self> {
        if node.value.kind() != portcullis_shared::json::Kind::Object {
            let found = "something else (not shown: it may be a secret)";
            errors.add(node, "an object such as `{\"env\": \"IDP_SECRET\"}`", found);
            return None;
        }
        let fields = Fields::new(node, &["env"], errors)?;
        Some(Self { env: fields.required("env", errors)? })
    }
}

config_struct! {
    /// Where a token is: one of `header`, `cookie` and `query`.
    #[derive(Clone, Debug, Serialize)]
    pub struct Place {
        /// The header's name.
        pub header: Option<String> = None,
        /// What stands before the token in the header. By default nothing does; for `authorization` give `Bearer`.
        pub scheme: Option<String> = None,
        /// The cookie's name.
        pub cookie: Option<String> = None,
        /// The query parameter's name. Queries end up in logs and histories: avoid it.
        pub query: Option<String> = None,
    }
}

impl Place {
    fn bearer() -> Self {
        Self { header: Some("authorization".to_owned()), scheme: Some("Bearer".to_owned()), cookie: None, query: None }
    }
}

fn subject() -> Vec<Pointer> {
    "/sub".parse().into_iter().collect()
}

config_struct! {
    /// What is asked of requests to some paths.
    #[derive(Debug, Serialize)]
    pub struct Rule {
        /// Names the rule in metrics and events: 1 to 64 letters, digits, `.`, `_` or `-`. Default: its path.
        pub name: Option<String> = None,
        /// A template, such as `/users/{user_id}/**`. Required.
        pub path: Template,
        /// By default, all methods. Two rules may have one path and different methods.
        pub methods: Vec<String> = Vec::new(),
        /// `"none"`: no token is asked for. Else the providers of which any one's token is accepted. Required.
        pub auth: Auth,
        /// What the token must claim: all of these.
        pub require: Vec<ClaimRule> = Vec::new(),
        /// Which objects must be the caller's: all of these.
        pub owner: Vec<OwnerRule> = Vec::new(),
        /// Callers that `owner` does not apply to: any of these. Each request that passes so is audited.
        pub exempt: Vec<ClaimRule> = Vec::new(),
        /// The rule's own mode; by default the filter's.
        pub mode: Option<Mode> = None,
        /// The largest body in which an id is looked for, in bytes: 1 to 16,777,216. Larger ones get 413. Envoy's own
        /// `per_connection_buffer_limit_bytes` may be lower. Default: 65,536.
        #[schemars(range(min = 1, max = 16_777_216))]
        pub body_bytes: u32 = 65_536,
    }
}

config_enum! {
    /// What becomes of a request.
    pub enum Default {
        /// It passes.
        Allow = "allow",
        /// It is refused.
        Deny = "deny",
    }
}

config_enum! {
    /// Who verifies signatures.
    pub enum Signatures {
        /// The proxy, where it can (RS256 to RS512 and ES256 to ES512 in Envoy), which takes a tenth of the time; else the
        /// filter.
        Auto = "auto",
        /// The filter.
        Wasm = "wasm",
    }
}

config_enum! {
    /// What of a token may be audited.
    pub enum AuditClaim {
        /// The issuer.
        Issuer = "iss",
        /// The subject.
        Subject = "sub",
        /// The token's id.
        Id = "jti",
        /// The key's id.
        Key = "kid",
    }
}

config_struct! {
    /// Revocations, given here and fetched. A fetched list is a JSON object with `jti`, `subjects` and `kid` as here.
    #[derive(Clone, Debug, Serialize)]
    pub struct Revoked {
        /// Tokens, by their `jti`: a text for that of any issuer, or `{"iss": ..., "jti": ...}`.
        pub jti: Vec<TextOr<RevokedToken>> = Vec::new(),
        /// Subjects, each up to a time: their tokens that were issued before, or do not say when.
        pub subjects: Vec<RevokedSubject> = Vec::new(),
        /// Keys, by their `kid`: a text for that of any issuer, or `{"iss": ..., "kid": ...}`.
        pub kid: Vec<TextOr<RevokedKey>> = Vec::new(),
        /// A list that is fetched; each 10 s by default.
        pub remote: Option<Remote> = None,
        /// Requests while there is no list, or one too old. `deny` (the default) gives them 503.
        pub unavailable: Default = Default::Deny,
    }
}

config_struct! {
    /// Limits of the cache of each worker thread. It holds verified tokens only, so strangers cannot fill it.
    #[derive(Clone, Copy, Debug, Serialize)]
    pub struct Cache {
        /// Tokens, 0 to 1,000,000. Default: 10,000.
        #[schemars(range(min = 0, max = 1_000_000))]
        pub entries: u32 = 10_000,
        /// Bytes, 0 to 268,435,456. Default: 16,777,216.
        #[schemars(range(min = 0, max = 268_435_456))]
        pub bytes: u32 = 16_777_216,
    }
}

impl core::default::Default for Cache {
    fn default() -> Self {
        Self { entries: 10_000, bytes: 16_777_216 }
    }
}
