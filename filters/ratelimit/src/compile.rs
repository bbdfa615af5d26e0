//! From configuration to the compiled filter.

use portcullis_shared::{
    audit::AuditConfig,
    config::{Environment, Errors, check_name, is_token, quoted},
    decision::Outcomes,
    mode::Mode,
    net::CidrSet,
    path::{Normaliser, TemplateSet},
    policy::Filter,
    quota,
};
use std::{
    cell::{OnceCell, RefCell},
    collections::BTreeSet,
    rc::Rc,
};

use crate::{
    Check, Limit, Place, RateLimit, Treatment,
    config::{self, Config, Count, Factor, Key, Told},
    fleet::Fleet,
    key,
    outcomes::{Passing, Refusing},
};

/// The most limits: each that applies costs a look-up.
const MOST_LIMITS: usize = 64;
/// The most parts of a key.
const MOST_PARTS: usize = 8;
/// The most networks.
const MOST_NETWORKS: usize = 100_000;

impl Filter for RateLimit {
    const NAME: &'static str = "ratelimit";
    type Config = Config;

    fn audit(config: &mut Config) -> Option<AuditConfig> {
        config.audit.take()
    }

    fn compile(config: Config, environment: Environment) -> Result<Self, Errors> {
        let mut errors = Errors::default();
        check(&config, &mut errors);
        let mut outcomes = Outcomes::default();
        let factors = factors(&config);
        let passing = (config.mode != Mode::Off).then(|| Passing::new(&config, &mut outcomes));
        let limits = limits(&config, &factors, &mut outcomes, &mut errors);
        let fleet = config.global.as_ref().map(|global| Fleet::new(global, environment, &mut errors));
        let networks = networks(&config, &factors, &mut errors);
        let parts = || config.limits.iter().flat_map(|limit| &limit.key);
        let reads_path = config.limits.iter().any(|limit| limit.path.is_some())
            || parts().any(|part| matches!(part, Key::Path | Key::Variable(_)));
        let reads_method =
            config.limits.iter().any(|limit| !limit.methods.is_empty()) || parts().any(|part| *part == Key::Method);
        let single = parts().filter(|part| matches!(part, Key::Query(_))).count();
        let reads_many = usize::from(reads_path).saturating_add(usize::from(reads_method)).saturating_add(single) > 2
            || parts().any(|part| matches!(part, Key::Header(_) | Key::Cookie(_)));
        errors.into_result(Self(Rc::new(Check {
            outcomes,
            passing,
            limits,
            networks,
            fleet,
            paths: Normaliser::strict(),
            reads_path,
            path_case: config.path_case,
            reads_method,
            reads_many,
            ipv6_prefix: config.ipv6_prefix,
            headers: config.headers,
            place: Place { entries: config.table.entries, on_full: config.on_table_full, namespace: config.table.name },
            tables: OnceCell::new(),
            buffer: RefCell::default(),
            scratch: RefCell::default(),
            decider: RefCell::default(),
        })))
    }
}

/// Holds numbers and names against their limits.
fn check(config: &Config, errors: &mut Errors) {
    if config.limits.is_empty() || config.limits.len() > MOST_LIMITS {
        errors.add("$.limits", format_args!("1 to {MOST_LIMITS} limits"), config.limits.len());
    }
    if !(32..=128).contains(&config.ipv6_prefix) {
        errors.add("$.ipv6_prefix", "32 to 128 bits", config.ipv6_prefix);
    }
    if !(16..=4_194_304).contains(&config.table.entries) {
        errors.add("$.table.entries", "16 to 4194304 entries", config.table.entries);
    }
    if let Some(name) = &config.table.name {
        check_name(name, "$.table.name", errors);
    }
    if !(400..=599).contains(&config.response.status) {
        errors.add("$.response.status", "a status from 400 to 599", config.response.status);
    }
    if let Some(message) = &config.response.message
        && message.len() > 500
    {
        errors.add("$.response.message", "at most 500 bytes", format_args!("{} bytes", message.len()));
    }
    if config.headers.on == Told::All {
        needs_responses("$.headers.on", "all", errors);
    }
    let is_asked = config.limits.iter().any(|limit| limit.global);
    if is_asked && config.global.is_none() {
        errors.add("$.global", "the rate limit service that limits with `global` are counted by", "none");
    }
    if !is_asked && config.global.is_some() {
        errors.add("$.limits", "a limit with `\"global\": true`, as there is `$.global`", "none");
    }
}

/// What is done with responses needs a module that sees them.
fn needs_responses(path: &str, found: &str, errors: &mut Errors) {
    if !cfg!(feature = "responses") && cfg!(target_arch = "wasm32") {
        errors.add(path, "the module `ratelimit_responses.wasm`, which sees responses", quoted(found));
    }
}

/// All factors that there are, each once; the first changes nothing.
fn factors(config: &Config) -> Vec<Factor> {
    let mut all = vec![Factor::ONE];
    for factor in config.networks.iter().filter_map(|network| network.factor) {
        if !all.contains(&factor) {
            all.push(factor);
        }
    }
    all
}

fn networks(config: &Config, factors: &[Factor], errors: &mut Errors) -> CidrSet<Treatment> {
    if config.networks.len() > MOST_NETWORKS {
        errors.add("$.networks", format_args!("at most {MOST_NETWORKS} networks"), config.networks.len());
    }
    let mut all = Vec::with_capacity(config.networks.len());
    for (index, network) in config.networks.iter().enumerate() {
        let treatment = match (network.unlimited, network.factor) {
            (true, None) => Treatment::Unlimited,
            (false, Some(factor)) => {
                Treatment::Factor(factors.iter().position(|known| *known == factor).unwrap_or_default())
            }
            (true, Some(_)) => {
                errors.add(format_args!("$.networks[{index}]"), "either `unlimited` or `factor`", "both");
                continue;
            }
            (false, None) => {
                errors.add(format_args!("$.networks[{index}]"), "`\"unlimited\": true` or a `factor`", "neither");
                continue;
            }
        };
        all.push((network.cidr, treatment));
    }
    let set = CidrSet::new(all);
    for (first, second) in set.duplicates() {
        errors.add(
            format_args!("$.networks[{second}].cidr"),
            "each network once",
            format_args!("that of $.networks[{first}]"),
        );
    }
    set
}

/// The limits that are not off. Those that are, are checked like all others, so that turning one on cannot fail.
fn limits(config: &Config, factors: &[Factor], outcomes: &mut Outcomes, errors: &mut Errors) -> Vec<Limit> {
    let mut names = BTreeSet::new();
    let mut all = Vec::with_capacity(config.limits.len());
    for (index, limit) in config.limits.iter().enumerate() {
        let path = format!("$.limits[{index}]");
        check_name(&limit.name, format_args!("{path}.name"), errors);
        if !names.insert(&limit.name) {
            errors.add(format_args!("{path}.name"), "a name that no other limit has", quoted(&limit.name));
        }
        check_limit(limit, &path, errors);
        let mode = config.mode.of_rule(limit.mode);
        if mode != Mode::Off {
            all.push(self::limit(limit, mode, config, factors, outcomes));
        }
    }
    all
}

fn check_limit(limit: &config::Limit, path: &str, errors: &mut Errors) {
    if limit.key.is_empty() || limit.key.len() > MOST_PARTS {
        errors.add(format_args!("{path}.key"), format_args!("1 to {MOST_PARTS} parts"), limit.key.len());
    }
    for (index, part) in limit.key.iter().enumerate() {
        let at = format!("{path}.key[{index}]");
        if limit.key.iter().take(index).any(|known| known == part) {
            errors.add(&at, "each part once", quoted(&part.to_string()));
        }
        if let Key::Variable(name) = part
            && limit.path.as_ref().is_none_or(|template| template.position(name).is_none())
        {
            errors.add(&at, "a variable of the limit's `path`", quoted(name));
        }
    }
    for (index, method) in limit.methods.iter().enumerate() {
        if !is_token(method) || method.bytes().any(|byte| byte.is_ascii_lowercase()) {
            errors.add(format_args!("{path}.methods[{index}]"), "a method in capitals such as `POST`", quoted(method));
        }
    }
    let range = |key: &str, value: u32, most: u32, errors: &mut Errors| {
        if !(1..=most).contains(&value) {
            errors.add(format_args!("{path}.{key}"), format_args!("1 to {most}"), value);
        }
    };
    range("quota", limit.quota, 1_000_000_000, errors);
    range("window_s", limit.window_s, 31_622_400, errors);
    if let Some(burst) = limit.burst {
        range("burst", burst, limit.quota, errors);
        if limit.algorithm != quota::Algorithm::Gcra {
            errors.add(format_args!("{path}.burst"), "no burst, which only `gcra` has", burst);
        }
    }
    range("cost", limit.cost, limit.burst.unwrap_or(limit.quota), errors);
    range("lease", limit.lease, limit.quota, errors);
    if limit.lease != 1 && !limit.global {
        errors.add(format_args!("{path}.lease"), "no lease, which only `global` limits have", limit.lease);
    }
    if limit.count != Count::All {
        needs_responses(&format!("{path}.count"), &limit.count.to_string(), errors);
        if limit.global {
            let expected = "`all`: what only responses tell is not asked of the rate limit service";
            errors.add(format_args!("{path}.count"), expected, quoted(&limit.count.to_string()));
        }
    }
}

fn limit(limit: &config::Limit, mode: Mode, config: &Config, factors: &[Factor], outcomes: &mut Outcomes) -> Limit {
    let whole = quota::Limit::new(limit.algorithm, limit.quota, limit.window_s, limit.burst);
    let scaled = |factor: Factor| whole.scale(factor.compiled());
    let fallback = config.global.as_ref().filter(|_| limit.global).map(|global| global.fallback_factor);
    let compiled = |part: &Key| match part {
        Key::Claim(pointer) => Key::Claim(key::claim(pointer)),
        other => other.clone(),
    };
    Limit {
        name: limit.name.as_str().into(),
        algorithm: limit.algorithm,
        template: limit.path.clone().map(|template| TemplateSet::new([(template, ())], config.path_case)),
        methods: limit.methods.iter().map(|method| method.as_bytes().into()).collect(),
        key: limit.key.iter().map(compiled).collect(),
        key_names: limit.key.iter().map(ToString::to_string).collect(),
        on_missing: limit.on_missing_key.unwrap_or(config.on_missing_key),
        count: limit.count,
        cost: limit.cost,
        refusing: Refusing::new(&limit.name, mode, limit.global, config, outcomes),
        by_factor: factors.iter().map(|factor| scaled(*factor)).collect(),
        in_fallback: fallback.map(|fallback| {
            let scaled = |factor: &Factor| whole.scale(factor.times(fallback));
            factors.iter().map(scaled).collect()
        }),
        lease: limit.lease,
    }
}
