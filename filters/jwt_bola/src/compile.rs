//! From configuration to the compiled filter.

use portcullis_shared::{
    audit::AuditConfig,
    config::{Environment, Errors, check_name, is_token, quoted, variable},
    decision::Outcomes,
    document::{Kind, Source},
    jose::{ClaimRules, Key, KeySet, KeyType, Revocations, RevokedThings, Secrets, TokenCache},
    mode::Mode,
    ownership::{ClaimRule, ClaimTable, Ownership, Requirement, is_header},
    path::{PathBuffer, Template, TemplateSet},
    pointer::Pointer,
    policy::Filter,
};
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    hash::{BuildHasher, Hasher, RandomState},
    rc::Rc,
};

use crate::{
    Gate, JwtBola,
    carrier::{Carrier, Carriers},
    config::{self, Config, Default, Jwks, Place, Signatures},
    keys::{self, Keys},
    outcomes::{GateOutcomes, RuleOutcomes, RuleRefusals, TokenOutcomes},
    provider::Provider,
    revoked::RevokedLists,
    rule::{Methods, Rule},
    seen::Names,
    watch::Watch,
    word::{Audiences, Auth},
};

const MAX_PROVIDERS: usize = 64;
const MAX_RULES: usize = 10_000;
const MAX_LISTED: usize = 64;

/// Key sets: what issuers publish.
const JWKS: Kind = Kind { max_bytes: 262_144, ..Kind::new("jwks") };
/// Revocations: what must be known soon.
const REVOKED: Kind = Kind { refresh_s: 10, max_bytes: 8 << 20, ..Kind::new("revoked") };

impl Filter for JwtBola {
    const NAME: &'static str = "jwt_bola";
    type Config = Config;

    fn audit(config: &mut Config) -> Option<AuditConfig> {
        config.audit.take()
    }

    fn compile(config: Config, environment: Environment) -> Result<Self, Errors> {
        let mut compiler = Compiler {
            environment,
            errors: Errors::default(),
            warnings: Vec::new(),
            outcomes: Outcomes::default(),
            carriers: Carriers::default(),
            claims: ClaimTable::default(),
            documents: Vec::new(),
        };
        let gate = compiler.gate(config);
        compiler.errors.into_result(Self(Rc::new(gate)))
    }
}

struct Compiler<'a> {
    environment: Environment<'a>,
    errors: Errors,
    warnings: Vec<String>,
    outcomes: Outcomes,
    carriers: Carriers,
    claims: ClaimTable,
    documents: Vec<Source>,
}

/// A provider's name and where its tokens may be.
struct Named {
    name: String,
    issuer: Option<String>,
    carriers: Vec<usize>,
}

impl Compiler<'_> {
    fn gate(&mut self, config: Config) -> Gate {
        let mode = config.mode;
        self.limits(&config);
        let mut names = Vec::new();
        let mut providers = Vec::new();
        for (name, provider) in config.providers.0 {
            let path = format!("$.providers.{name}");
            check_name(&name, &path, &mut self.errors);
            let issuer = provider.issuer.clone();
            let (provider, carriers) = self.provider(provider, &path);
            names.push(Named { name, issuer, carriers });
            providers.push(provider);
        }
        // A path that is not clear would lead round a rule that is enforced.
        let is_enforced = config.rules.iter().any(|rule| mode.of_rule(rule.mode) == Mode::Enforce);
        let paths = if is_enforced { Mode::Enforce } else { mode };
        let unmatched = GateOutcomes::new(mode, paths, config.default, &mut self.outcomes);
        self.claim_headers(&names, &providers);
        let (templates, table) = self.rules(config.rules, mode, &names, &config.realm);
        let [enforced, shadowed] = [Mode::Enforce, Mode::Shadow].map(|mode| {
            let is_used = table.iter().any(|rule| rule.mode == mode && !rule.providers.is_empty());
            is_used.then(|| TokenOutcomes::new(mode, &config.realm, &mut self.outcomes))
        });
        for (index, Named { name, .. }) in names.iter().enumerate() {
            if !table.iter().any(|rule| rule.providers.iter().any(|known| usize::from(*known) == index)) {
                self.warnings.push(format!("$.providers.{name}: no rule asks for its tokens"));
            }
        }
        let rules = TemplateSet::new(templates, config.path_case);
        self.overlaps(&rules, &table);
        let revoked = config.revoked.map(|revoked| self.revoked(revoked)).unwrap_or_default();
        let enumeration = config.enumeration.map(|watch| Watch::new(&watch, &mut self.errors));
        let reserved: BTreeSet<Rc<str>> =
            providers.iter().flat_map(|provider| &provider.headers).map(|(name, _)| Rc::clone(name)).collect();
        let reserved: Vec<_> = reserved.into_iter().collect();
        // Its keys are random.
        let random = || RandomState::new().build_hasher().finish();
        Gate {
            outcomes: std::mem::take(&mut self.outcomes),
            unmatched,
            enforced,
            shadowed,
            paths: config.paths,
            rules,
            table,
            providers,
            carriers: std::mem::take(&mut self.carriers),
            names: Names::new(&reserved),
            reserved,
            claims: std::mem::take(&mut self.claims),
            revoked,
            cache: RefCell::new(TokenCache::new(
                [random(), random()],
                config.cache.entries as usize,
                config.cache.bytes as usize,
            )),
            enumeration,
            audit_claims: config.audit_claims,
            refuse_overrides: config.overrides == Default::Deny,
            host_verifies: config.signatures == Signatures::Auto,
            wait: u64::from(config.wait_ms).saturating_mul(1_000_000),
            documents: std::mem::take(&mut self.documents),
            warnings: std::mem::take(&mut self.warnings),
            off: mode == Mode::Off,
            buffer: RefCell::new(PathBuffer::default()),
        }
    }

    fn limits(&mut self, config: &Config) {
        let errors = &mut self.errors;
        let mut range = |path: &str, value: u32, least: u32, most: u32| {
            if !(least..=most).contains(&value) {
                errors.add(path, format_args!("{least} to {most}"), value);
            }
        };
        range("$.wait_ms", config.wait_ms, 0, 30_000);
        range("$.cache.entries", config.cache.entries, 0, 1_000_000);
        range("$.cache.bytes", config.cache.bytes, 0, 256 << 20);
        if config.providers.0.len() > MAX_PROVIDERS {
            errors.add("$.providers", format_args!("at most {MAX_PROVIDERS}"), config.providers.0.len());
        }
        if config.rules.len() > MAX_RULES {
            errors.add("$.rules", format_args!("at most {MAX_RULES} rules"), config.rules.len());
        }
        let good = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\';
        twice("$.audit_claims", &config.audit_claims, errors);
        if config.realm.is_empty() || config.realm.len() > 64 || !config.realm.bytes().all(good) {
            errors.add("$.realm", "1 to 64 visible ASCII characters without `\"` and `\\`", quoted(&config.realm));
        }
    }

    fn provider(&mut self, provider: config::Provider, path: &str) -> (Provider, Vec<usize>) {
        let config::Provider { algorithms, .. } = &provider;
        if algorithms.is_empty() {
            self.errors.add(format_args!("{path}.algorithms"), "at least one algorithm", "none");
        }
        self.range(path, "leeway_s", provider.leeway_s, 0, 3600);
        self.range(path, "max_age_s", provider.max_age_s.unwrap_or(1), 1, 3_153_600_000);
        self.range(path, "max_token_bytes", provider.max_token_bytes, 256, 65_536);
        twice(&format!("{path}.algorithms"), &provider.algorithms, &mut self.errors);
        if provider.issuer.as_ref().is_some_and(String::is_empty) {
            self.errors.add(format_args!("{path}.issuer"), "an issuer, or null for any or none", quoted(""));
        }
        let audiences = match &provider.audiences {
            Audiences::Any => None,
            Audiences::Of(list) => Some(list),
        };
        for (key, list) in [("typ", provider.typ.as_ref()), ("audiences", audiences)] {
            if list.is_some_and(Vec::is_empty) {
                self.errors.add(format_args!("{path}.{key}"), "at least one text, or no such key", "none");
            }
            if let Some(empty) = list.and_then(|list| list.iter().position(String::is_empty)) {
                self.errors.add(format_args!("{path}.{key}[{empty}]"), "a text that is not empty", quoted(""));
            }
        }
        let keys = self.keys(&provider, path);
        let require_path = format!("{path}.require");
        let require = provider.require.into_iter().enumerate();
        let require = require.map(|(index, rule)| {
            Requirement::new(rule, &mut self.claims, &format_args!("{require_path}[{index}]"), &mut self.errors)
        });
        let require = require.collect();
        let mut headers: Vec<(Rc<str>, Pointer)> = Vec::new();
        for (name, pointer) in provider.claims_to_headers.0 {
            let path = format!("{path}.claims_to_headers.{name}");
            self.header_name(&name, &path, FORBIDDEN_CLAIM_HEADERS);
            if let Some((known, _)) = headers.iter().find(|(known, _)| is_header(name.as_bytes(), known)) {
                let expected = format_args!("a header that servers do not take for `{known}`");
                self.errors.add(path, expected, quoted(&name));
            }
            headers.push((name.to_ascii_lowercase().into(), pointer));
        }
        let properties = provider.claims_to_filters.into_iter();
        let properties = properties.map(|pointer| (property(pointer.as_str()).into(), pointer)).collect();
        let carriers = self.carriers(provider.from, &format!("{path}.from"));
        let provider = Provider {
            claims: ClaimRules {
                issuer: provider.issuer,
                audiences: audiences.cloned(),
                leeway_s: provider.leeway_s,
                require_exp: provider.require_exp,
                max_age_s: provider.max_age_s,
                typ: provider.typ,
            },
            algorithms: provider.algorithms.into(),
            keys,
            require,
            headers,
            properties,
            forward: provider.forward,
            max_token_bytes: provider.max_token_bytes as usize,
        };
        (provider, carriers)
    }

    fn range(&mut self, path: &str, key: &str, value: u32, least: u32, most: u32) {
        if !(least..=most).contains(&value) {
            self.errors.add(format_args!("{path}.{key}"), format_args!("{least} to {most}"), value);
        }
    }

    fn keys(&mut self, provider: &config::Provider, path: &str) -> Keys {
        let nothing = || Keys::Fixed(Rc::new(KeySet::default()));
        let (jwks, secret) = match (&provider.jwks, &provider.secret) {
            (Some(jwks), None) => (jwks, None),
            (None, Some(secret)) => (&Jwks { remote: None, inline: None, env: None }, Some(secret)),
            (both, _) => {
                let found = if both.is_some() { "both" } else { "neither" };
                self.errors.add(path, "one of `jwks` and `secret`", found);
                return nothing();
            }
        };
        if let Some(secret) = secret {
            let path = format!("{path}.secret.env");
            let Some(text) = self.variable(&secret.env, &path) else { return nothing() };
            for algorithm in &provider.algorithms {
                if algorithm.key_type() != KeyType::Secret {
                    let expected = "HS256, HS384 or HS512, with a secret";
                    self.errors.add(&path, expected, format_args!("`{}` among the algorithms", algorithm.as_str()));
                }
            }
            return match Key::secret(text.as_bytes(), None, None) {
                Ok(key) => {
                    for algorithm in provider.algorithms.iter().filter(|algorithm| !key.fits(**algorithm)) {
                        let expected = format_args!("a secret that is long enough for {}", algorithm.as_str());
                        self.errors.add(&path, expected, format_args!("{} bytes", text.len()));
                    }
                    Keys::Fixed(Rc::new(KeySet::from(key)))
                }
                Err(fault) => {
                    self.errors.add(&path, "a secret (RFC 7518 section 3.2)", fault);
                    nothing()
                }
            };
        }
        if jwks.env.is_none() {
            for algorithm in provider.algorithms.iter().filter(|algorithm| algorithm.key_type() == KeyType::Secret) {
                let expected = "algorithms with public keys; those with secrets need `secret` or `jwks.env`";
                self.errors.add(format_args!("{path}.algorithms"), expected, quoted(algorithm.as_str()));
            }
        }
        let path = format!("{path}.jwks");
        let (json, path, secrets) = match (&jwks.remote, &jwks.inline, &jwks.env) {
            (Some(remote), None, None) => {
                let source =
                    remote.clone().compile(JWKS, &format!("{path}.remote"), self.environment, &mut self.errors);
                let document = self.documents.len();
                self.documents.extend(source);
                return Keys::Remote { document, current: RefCell::default() };
            }
            (None, Some(inline), None) => {
                let json = serde_json::to_vec(inline).unwrap_or_default();
                (json, format!("{path}.inline"), Secrets::Refuse)
            }
            (None, None, Some(variable)) => {
                let path = format!("{path}.env");
                let Some(text) = self.variable(variable, &path) else { return nothing() };
                (text.into_bytes(), path, Secrets::Allow)
            }
            _ => {
                self.errors.add(&path, "one of `remote`, `inline` and `env`", "none or several");
                return nothing();
            }
        };
        match KeySet::parse(&json, secrets) {
            Ok((keys, left_out)) => {
                if keys.is_empty() {
                    self.errors.add(&path, "a key that can be used", keys::listed(&left_out));
                    return nothing();
                }
                if !left_out.is_empty() {
                    self.warnings.push(format!("{path}: left out: {}", keys::listed(&left_out)));
                }
                for algorithm in &provider.algorithms {
                    if !keys.keys().iter().any(|key| key.fits(*algorithm)) {
                        self.errors.add(&path, format_args!("a key for {}", algorithm.as_str()), "none");
                    }
                }
                Keys::Fixed(Rc::new(keys))
            }
            Err(fault) => {
                self.errors.add(&path, "a key set (RFC 7517)", fault);
                nothing()
            }
        }
    }

    fn variable(&mut self, name: &str, path: &str) -> Option<String> {
        variable(path, name, self.environment, &mut self.errors)
    }

    /// Refuses headers for claims in which clients send tokens: they would be removed.
    fn claim_headers(&mut self, names: &[Named], providers: &[Provider]) {
        for (Named { name, .. }, provider) in names.iter().zip(providers) {
            for (header, _) in &provider.headers {
                if self.carriers.has_header(header) {
                    let path = format_args!("$.providers.{name}.claims_to_headers.{header}");
                    self.errors.add(path, "a header that no provider takes tokens from", quoted(header));
                }
            }
        }
    }

    fn carriers(&mut self, places: Vec<Place>, path: &str) -> Vec<usize> {
        if places.is_empty() || places.len() > 8 {
            self.errors.add(path, "1 to 8 places", places.len());
        }
        let mut positions = Vec::new();
        for (index, place) in places.into_iter().enumerate() {
            let path = format!("{path}[{index}]");
            let carrier = match (place.header, place.cookie, place.query, place.scheme) {
                (Some(name), None, None, scheme) => {
                    self.header_name(&name, &format!("{path}.header"), FORBIDDEN_TOKEN_HEADERS);
                    if let Some(scheme) = &scheme
                        && !is_token(scheme)
                    {
                        self.errors.add(format_args!("{path}.scheme"), "a scheme such as `Bearer`", quoted(scheme));
                    }
                    Carrier::Header {
                        name: name.to_ascii_lowercase().into(),
                        scheme: scheme.map(|scheme| scheme.to_ascii_lowercase().into()),
                    }
                }
                (None, Some(name), None, None) => {
                    if !is_token(&name) {
                        self.errors.add(format_args!("{path}.cookie"), "a cookie's name", quoted(&name));
                    }
                    Carrier::Cookie(name.into())
                }
                (None, None, Some(name), None) => {
                    if !is_token(&name) {
                        self.errors.add(format_args!("{path}.query"), "a parameter's name", quoted(&name));
                    }
                    Carrier::Query(name.into())
                }
                _ => {
                    self.errors.add(
                        &path,
                        "one of `header`, `cookie` and `query`; `scheme` with `header`",
                        "otherwise",
                    );
                    continue;
                }
            };
            let position = self.carriers.add(carrier);
            if positions.contains(&position) {
                self.errors.add(&path, "each place once", "a second one");
            }
            positions.push(position);
        }
        if self.carriers.are_at_odds(&positions) {
            self.errors.add(path, AT_ODDS, "both");
        }
        positions
    }

    fn header_name(&mut self, name: &str, path: &str, forbidden: &[&str]) {
        if !is_token(name) {
            self.errors.add(path, "a header's name", quoted(name));
        } else if forbidden.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            self.errors.add(path, "a header that is free for this", quoted(name));
        }
    }

    fn rules(
        &mut self,
        rules: Vec<config::Rule>,
        mode: Mode,
        providers: &[Named],
        realm: &str,
    ) -> (Vec<(Template, Methods)>, Vec<Rule>) {
        let mut rules: Vec<_> = rules.into_iter().enumerate().collect();
        // Of two rules with one path, the one for the request's method goes before the one for all.
        rules.sort_by_key(|(_, rule)| rule.methods.is_empty());
        let refusals = RuleRefusals::new(realm);
        let (mut templates, mut table) = (Vec::with_capacity(rules.len()), Vec::with_capacity(rules.len()));
        for (place, rule) in rules {
            templates.push((rule.path.clone(), Methods::new(&rule.methods)));
            table.push(self.rule(rule, place, table.len(), mode, providers, &refusals));
        }
        (templates, table)
    }

    fn rule(
        &mut self,
        rule: config::Rule,
        place: usize,
        index: usize,
        mode: Mode,
        providers: &[Named],
        refusals: &RuleRefusals,
    ) -> Rule {
        let path = &format!("$.rules[{place}]");
        if let Some(name) = &rule.name {
            check_name(name, format_args!("{path}.name"), &mut self.errors);
        }
        twice(&format!("{path}.methods"), &rule.methods, &mut self.errors);
        for (index, method) in rule.methods.iter().enumerate() {
            if !is_token(method) || method.bytes().any(|byte| byte.is_ascii_lowercase()) {
                self.errors.add(
                    format_args!("{path}.methods[{index}]"),
                    "a method, which is in upper case (RFC 9110 section 9.1)",
                    quoted(method),
                );
            }
        }
        self.range(path, "body_bytes", rule.body_bytes, 1, 16 << 20);
        let (mut indices, mut carriers) = (Vec::new(), Vec::new());
        let wanted = match &rule.auth {
            Auth::None => &[][..],
            Auth::Providers(names) => names,
        };
        twice(&format!("{path}.auth"), wanted, &mut self.errors);
        for (index, name) in wanted.iter().enumerate() {
            match providers.iter().position(|known| known.name == *name) {
                Some(position) => indices.push(u16::try_from(position).unwrap_or(u16::MAX)),
                None => self.errors.add(format_args!("{path}.auth[{index}]"), "a provider's name", quoted(name)),
            }
            let places = providers.iter().filter(|known| known.name == *name).flat_map(|known| &known.carriers);
            for place in places {
                if !carriers.contains(place) {
                    carriers.push(*place);
                }
            }
        }
        if self.carriers.are_at_odds(&carriers) {
            self.errors.add(format_args!("{path}.auth"), AT_ODDS, "both");
        }
        let named = indices.iter().filter_map(|index| providers.get(usize::from(*index)));
        let issuers: BTreeSet<_> = named.map(|provider| &provider.issuer).collect();
        if !rule.owner.is_empty() && issuers.len() > 1 {
            self.warnings.push(format!("{path}: callers of several issuers: one's `42` owns what is another's `42`"));
        }
        let denies = !(rule.require.is_empty() && rule.owner.is_empty());
        if wanted.is_empty() && (denies || !rule.exempt.is_empty()) {
            self.errors.add(path, "`auth` with a provider, as `require`, `owner` and `exempt` need a token", "`none`");
        }
        if rule.owner.is_empty() && !rule.exempt.is_empty() {
            self.errors.add(format_args!("{path}.exempt"), "`owner`, from which to exempt", "none");
        }
        let mut requirements = |rules: Vec<ClaimRule>, key: &str| -> Box<[Requirement]> {
            let one = |(index, rule)| {
                Requirement::new(rule, &mut self.claims, &format_args!("{path}.{key}[{index}]"), &mut self.errors)
            };
            rules.into_iter().enumerate().map(one).collect()
        };
        let (require, exempt) = (requirements(rule.require, "require"), requirements(rule.exempt, "exempt"));
        let owner_path = format!("{path}.owner");
        let ownership = Ownership::new(rule.owner, &rule.path, &mut self.claims, &owner_path, &mut self.errors);
        let name = rule.name.as_deref().unwrap_or(rule.path.as_str());
        let mode = mode.of_rule(rule.mode);
        let needs_token = !indices.is_empty() && mode != Mode::Off;
        let outcomes = if mode == Mode::Off {
            // What is off has no outcome of its own: requests pass as by a rule that asks for nothing.
            RuleOutcomes::new(name, Mode::Enforce, false, false, refusals, &mut self.outcomes)
        } else {
            RuleOutcomes::new(name, mode, needs_token, denies, refusals, &mut self.outcomes)
        };
        Rule {
            place,
            index,
            mode,
            providers: indices.into(),
            carriers: carriers.into(),
            require,
            exempt,
            ownership,
            outcomes,
            body_bytes: rule.body_bytes as usize,
        }
    }

    /// Refuses rules that never apply, and tells of paths that two rules are for.
    fn overlaps(&mut self, rules: &TemplateSet<Methods>, table: &[Rule]) {
        let place = |index: usize| table.get(index).map_or(index, |rule| rule.place);
        let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (first, again) in rules.duplicates() {
            groups.entry(first).or_insert_with(|| vec![first]).push(again);
        }
        for group in groups.values() {
            for (position, one) in group.iter().enumerate() {
                let earlier = group.iter().take(position);
                let twin = earlier.copied().find(|other| Methods::meet(rules.value(*one), rules.value(*other)));
                if let Some(other) = twin {
                    let expected = format_args!("a path or methods that $.rules[{}] does not have", place(other));
                    self.errors.add(format_args!("$.rules[{}]", place(*one)), expected, "the same");
                }
            }
        }
        let overlaps = rules.overlaps(MAX_LISTED);
        for overlap in overlaps.found {
            let (winner, loser) = (place(overlap.winner), place(overlap.loser));
            let what =
                if overlap.unreachable { "never applies to a method that both are for:" } else { "shares paths:" };
            self.warnings.push(format!("$.rules[{loser}] {what} $.rules[{winner}] goes first"));
        }
        if overlaps.more {
            self.warnings.push("$.rules: there may be more overlaps than those listed".to_owned());
        }
    }

    fn revoked(&mut self, revoked: config::Revoked) -> RevokedLists {
        let things = RevokedThings { jti: revoked.jti, subjects: revoked.subjects, kid: revoked.kid };
        let document = revoked.remote.map(|remote| {
            let source = remote.compile(REVOKED, "$.revoked.remote", self.environment, &mut self.errors);
            let document = self.documents.len();
            self.documents.extend(source);
            document
        });
        RevokedLists::new(Revocations::from(things), document, revoked.unavailable == Default::Deny)
    }
}

/// Refuses lists that have a member twice: one of them is a slip for another.
fn twice<T: PartialEq>(path: &str, list: &[T], errors: &mut Errors) {
    for (index, one) in list.iter().enumerate() {
        if list.iter().take(index).any(|other| other == one) {
            errors.add(format_args!("{path}[{index}]"), "each once", "a second one");
        }
    }
}

/// With both, what is a token in one is a malformed one in the other.
const AT_ODDS: &str = "tokens of one header either behind a scheme or alone";

/// The property that a claim is handed over in.
fn property(pointer: &str) -> String {
    format!("portcullis.claim.{pointer}")
}

/// Headers that a claim may not replace: the message's own, the connection's own, and where tokens are.
const FORBIDDEN_CLAIM_HEADERS: &[&str] = &[
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-forwarded-for",
    "x-request-id",
];

/// Headers that hold something else than a token.
const FORBIDDEN_TOKEN_HEADERS: &[&str] = &[
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "host",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
