//! What the tests share: an Envoy with `jwt_bola`, and tokens for it.

use std::ops::Deref;

use portcullis_integration_tests::mint::{self, Key, Token};
use portcullis_integration_tests::{Bootstrap, Issuer, Launch, Request, Response, WasmFilter, dist};
use serde_json::{Value, json};

/// An Envoy with `jwt_bola`.
pub(crate) struct Gate(pub(crate) portcullis_integration_tests::Gate);

impl Deref for Gate {
    type Target = portcullis_integration_tests::Gate;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Gate {
    /// One worker, the harness's defaults.
    pub(crate) async fn start(config: &Value) -> Self {
        Self::launch(filter(config), Launch::new).await
    }

    /// With an identity provider as the cluster `idp`.
    pub(crate) async fn with_issuer(config: &Value, issuer: &Issuer) -> Self {
        let address = issuer.address();
        Self::launch(filter(config), |bootstrap| Launch::new(bootstrap.cluster("idp", address))).await
    }

    /// Any form of the filter, and any change to the bootstrap.
    pub(crate) async fn launch(filter: impl Into<Value>, launch: impl FnOnce(Bootstrap) -> Launch) -> Self {
        Self(portcullis_integration_tests::Gate::launch("jwt_bola", filter, launch).await)
    }
}

/// The filter with this config.
pub(crate) fn filter(config: &Value) -> WasmFilter {
    WasmFilter::new("jwt_bola", dist("jwt_bola")).config(config)
}

/// Why the filter refused: [`portcullis_integration_tests::Gate::reason`].
pub(crate) fn reason(response: &Response) -> String {
    portcullis_integration_tests::Gate::reason("jwt_bola", response)
}

/// A config with one provider, `main`, whose key set has `rsa-1`, `p256-1` and `ed25519-1`, these rules, and audit.
pub(crate) fn config(rules: &Value) -> Value {
    let keys = ["rsa-1", "p256-1", "ed25519-1"].map(Key::load);
    with_keys(&json!({"inline": mint::key_set(&keys)}), rules)
}

/// The same with the keys of the cluster `idp`.
pub(crate) fn remote_config(remote: &Value, rules: &Value) -> Value {
    let mut config = json!({"cluster": "idp", "url": format!("http://idp.example{}", Issuer::JWKS)});
    portcullis_integration_tests::merge(&mut config, remote);
    with_keys(&json!({"remote": config}), rules)
}

fn with_keys(jwks: &Value, rules: &Value) -> Value {
    let provider = json!({
        "issuer": "https://idp.example",
        "audiences": ["orders-api"],
        "algorithms": ["RS256", "ES256", "EdDSA"],
        "jwks": jwks,
        "claims_to_headers": {"x-user-id": "/sub"},
    });
    json!({
        "providers": {"main": provider},
        "rules": rules,
        "audit": {"cluster": "audit", "batch": {"max_age_ms": 10}},
    })
}

/// Rules that let users at their own objects.
pub(crate) fn users() -> Value {
    json!([
        {"path": "/health", "auth": "none"},
        {
            "name": "users", "path": "/users/{user_id}/**", "auth": ["main"],
            "owner": [{"resource": "path.user_id", "claim": "/sub"}],
            "exempt": [{"claim": "/roles", "any_of": ["admin"]}],
        },
        {
            "name": "orders", "path": "/orders", "methods": ["POST"], "auth": ["main"],
            "owner": [{"resource": "body./customer_id", "claim": "/sub"}],
        },
    ])
}

/// A token by `rsa-1` of user 42, with this patch to its claims.
pub(crate) fn token(claims: &Value) -> String {
    let mut all = mint::claims_with(&json!({"sub": "42"}));
    portcullis_integration_tests::merge(&mut all, claims);
    Token::new("RS256", &all).kid("rsa-1").sign(&Key::load("rsa-1"))
}

/// The request with a bearer token.
pub(crate) fn with_token(request: Request, token: &str) -> Request {
    request.header("authorization", format!("Bearer {token}"))
}
