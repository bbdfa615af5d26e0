//! From configuration to the compiled filter.

mod provider;
mod rules;

use portcullis_shared::{
    audit::AuditConfig,
    config::{Environment, Errors, check_name, quoted},
    decision::Outcomes,
    document::{Kind, Remote, Source},
    jose::{Revocations, RevokedThings, TokenCache},
    mode::Mode,
    ownership::ClaimTable,
    path::{PathBuffer, TemplateSet},
    policy::Filter,
};
use std::{
    cell::RefCell,
    collections::BTreeSet,
    hash::{BuildHasher, Hasher, RandomState},
    rc::Rc,
};

use crate::{
    Gate, JwtBola,
    carrier::Carriers,
    config::{self, Config, Default, Signatures},
    outcomes::{GateOutcomes, TokenOutcomes},
    revoked::RevokedLists,
    seen::Names,
    watch::Watch,
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
        self.range("$", "wait_ms", config.wait_ms, 0, 30_000);
        self.range("$.cache", "entries", config.cache.entries, 0, 1_000_000);
        self.range("$.cache", "bytes", config.cache.bytes, 0, 256 << 20);
        let errors = &mut self.errors;
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

    fn range(&mut self, path: &str, key: &str, value: u32, least: u32, most: u32) {
        if !(least..=most).contains(&value) {
            self.errors.add(format_args!("{path}.{key}"), format_args!("{least} to {most}"), value);
        }
    }

    /// The position of a document that is fetched.
    fn document(&mut self, remote: Remote, kind: Kind, path: &str) -> usize {
        let position = self.documents.len();
        self.documents.extend(remote.compile(kind, path, self.environment, &mut self.errors));
        position
    }

    fn revoked(&mut self, revoked: config::Revoked) -> RevokedLists {
        let things = RevokedThings { jti: revoked.jti, subjects: revoked.subjects, kid: revoked.kid };
        let document = revoked.remote.map(|remote| self.document(remote, REVOKED, "$.revoked.remote"));
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
