//! The table of what is measured. A new row is one entry in a group's list; a new kind of request is a new group.

mod ratelimit;

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use portcullis_integration_tests::{Bootstrap, WasmFilter};
use serde_json::Value;

use crate::Result;
use crate::agents::{BAD, BROWSER, TEN, thousand};
use crate::contract::{self, schema_check};
use crate::options::Options;
use crate::setups::{
    Audit, Crypto, authn, jwt_bola, lua, lua_buffer, rbac, refusing_route, sdk_buffer, sdk_noop, ua_block,
};
use crate::stage::Stage;
use crate::tokens;

/// Every group; the first variant of each is the one that the others are compared with.
pub(crate) fn groups() -> Vec<Group> {
    let mut groups = agents();
    groups.extend(["RS256", "ES256", "EdDSA"].map(fresh_tokens));
    groups.extend(["RS256", "ES256", "EdDSA"].map(known_token));
    groups.extend(schemas());
    groups.extend(ratelimit::groups());
    groups
}

fn agents() -> Vec<Group> {
    vec![
        Group {
            name: "allowed",
            title: "Requests that pass",
            load: Load::get(200).header("user-agent", BROWSER),
            yardstick: Some("rbac"),
            variants: vec![
                variant("bare", "bare Envoy", Stage::proxy),
                variant("bare-again", "bare Envoy again (shows the noise)", Stage::proxy),
                variant("rbac", "Envoy RBAC, 10 patterns", |stage| stage.proxy().filter(rbac(&TEN))),
                variant("lua", "Envoy Lua, 10 patterns", |stage| stage.proxy().filter(lua())),
                variant("sdk-noop", "empty wasm filter (SDK)", |stage| stage.proxy().filter(sdk_noop())),
                variant("ua_block", "ua_block, 10 patterns", |stage| stage.proxy().filter(ua_block(&TEN, Audit::Off))),
                variant("ua_block-1000", "ua_block, 1,000 patterns", |stage| {
                    stage.proxy().filter(ua_block(&thousand(), Audit::Off))
                }),
                variant("ua_block-audit", "ua_block, 10, audit on", |stage| {
                    stage.audited().filter(ua_block(&TEN, Audit::On))
                }),
                variant("ua_block-audit-dead", "ua_block, 10, audit on, collector dead", |stage| {
                    stage.audited_in_vain().filter(ua_block(&TEN, Audit::On))
                }),
                variant("ua_block-audit-all", "ua_block, 10, an event for each request", |stage| {
                    stage.audited().filter(ua_block(&TEN, Audit::Everything))
                }),
            ],
        },
        Group {
            name: "refused",
            title: "Requests that are refused",
            load: Load::get(403).header("user-agent", BAD),
            yardstick: Some("rbac"),
            variants: vec![
                variant("bare", "bare Envoy, the route says 403", |stage| stage.proxy().routes(&refusing_route(403))),
                variant("rbac", "Envoy RBAC, 10 patterns", |stage| stage.proxy().filter(rbac(&TEN))),
                variant("lua", "Envoy Lua, 10 patterns", |stage| stage.proxy().filter(lua())),
                variant("ua_block", "ua_block, 10 patterns", |stage| stage.proxy().filter(ua_block(&TEN, Audit::Off))),
                variant("ua_block-audit", "ua_block, 10, audit on", |stage| {
                    stage.audited().filter(ua_block(&TEN, Audit::On))
                }),
                variant("ua_block-audit-dead", "ua_block, 10, audit on, collector dead", |stage| {
                    stage.audited_in_vain().filter(ua_block(&TEN, Audit::On))
                }),
            ],
        },
    ]
}

/// What it costs to hold requests against a contract.
fn schemas() -> Vec<Group> {
    let posts = |name, title, orders: usize| Group {
        name,
        title,
        load: Load::get(200).path("/orders").post("application/json", contract::orders(orders)),
        yardstick: Some("sdk-buffer"),
        variants: vec![
            variant("bare", "bare Envoy", Stage::proxy),
            variant("bare-again", "bare Envoy again (shows the noise)", Stage::proxy),
            variant("lua-buffer", "Envoy Lua that takes the body", |stage| stage.proxy().filter(lua_buffer())),
            variant("sdk-buffer", "wasm filter that takes the body (SDK)", |stage| stage.proxy().filter(sdk_buffer())),
            variant("schema_check", "schema_check", |stage| stage.proxy().filter(schema_check(10))),
        ],
    };
    vec![
        posts("schema-1k", "POST of 1 KB of JSON", 1),
        posts("schema-64k", "POST of 64 KB of JSON", 64),
        Group {
            name: "schema-upload",
            title: "POST of 1 KB with nothing to check in it",
            load: Load::get(200).path("/files").post("application/octet-stream", vec![b'x'; 1024]),
            yardstick: Some("sdk-noop"),
            variants: vec![
                variant("bare", "bare Envoy", Stage::proxy),
                variant("sdk-noop", "empty wasm filter (SDK)", |stage| stage.proxy().filter(sdk_noop())),
                variant("schema_check", "schema_check", |stage| stage.proxy().filter(schema_check(10))),
            ],
        },
        Group {
            name: "schema-routes",
            title: "GET with a path and a query parameter",
            load: Load::get(200).path("/resources/7/items/00000000-0000-4000-8000-000000000000?limit=10"),
            yardstick: Some("sdk-noop"),
            variants: vec![
                variant("bare", "bare Envoy", Stage::proxy),
                variant("sdk-noop", "empty wasm filter (SDK)", |stage| stage.proxy().filter(sdk_noop())),
                variant("schema_check-10", "schema_check, 10 operations", |stage| {
                    stage.proxy().filter(schema_check(10))
                }),
                variant("schema_check-1000", "schema_check, 1,000 operations", |stage| {
                    stage.proxy().filter(schema_check(1000))
                }),
            ],
        },
    ]
}

/// Each request has a token that was not seen before.
fn fresh_tokens(algorithm: &'static str) -> Group {
    let (name, title) = match algorithm {
        "RS256" => ("jwt-rs256-fresh", "RS256, each token new"),
        "ES256" => ("jwt-es256-fresh", "ES256, each token new"),
        _ => ("jwt-eddsa-fresh", "EdDSA, each token new"),
    };
    let mut variants = vec![
        variant("bare", "bare Envoy", Stage::proxy),
        variant("jwt_authn", "Envoy jwt_authn", |stage| stage.proxy().filter(authn(false))),
        variant("jwt_authn-cache", "Envoy jwt_authn, its cache on", |stage| stage.proxy().filter(authn(true))),
        variant("jwt_bola", "jwt_bola with ownership", |stage| stage.proxy().filter(jwt_bola(Crypto::Host))),
    ];
    if algorithm != "EdDSA" {
        variants.push(variant("jwt_bola-wasm", "jwt_bola, signatures in wasm", |stage| {
            stage.proxy().filter(jwt_bola(Crypto::Wasm))
        }));
    }
    Group {
        name,
        title,
        load: Load::get(200).path(OWN).fresh_tokens(algorithm),
        yardstick: Some("jwt_authn"),
        variants,
    }
}

/// All requests have the same token.
fn known_token(algorithm: &'static str) -> Group {
    let (name, title) = match algorithm {
        "RS256" => ("jwt-rs256-known", "RS256, always the same token"),
        "ES256" => ("jwt-es256-known", "ES256, always the same token"),
        _ => ("jwt-eddsa-known", "EdDSA, always the same token"),
    };
    let bearer = format!("Bearer {}", tokens::one(algorithm, 0));
    Group {
        name,
        title,
        load: Load::get(200).path(OWN).header("authorization", &bearer),
        yardstick: Some("jwt_authn-cache"),
        variants: vec![
            variant("bare", "bare Envoy", Stage::proxy),
            variant("jwt_authn", "Envoy jwt_authn", |stage| stage.proxy().filter(authn(false))),
            variant("jwt_authn-cache", "Envoy jwt_authn, its cache on", |stage| stage.proxy().filter(authn(true))),
            variant("jwt_bola", "jwt_bola with ownership", |stage| stage.proxy().filter(jwt_bola(Crypto::Host))),
        ],
    }
}

/// What belongs to the tokens' subject.
const OWN: &str = "/users/alice/orders";

/// Variants under the same load.
pub(crate) struct Group {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) load: Load,
    /// The variant whose cost is 1.
    pub(crate) yardstick: Option<&'static str>,
    pub(crate) variants: Vec<Variant>,
}

impl Group {
    /// Whether any of its Envoys asks the rate limit service.
    pub(crate) fn asks_service(&self) -> bool {
        self.variants.iter().any(|variant| variant.asks_service)
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} ({})", self.name, self.title)?;
        self.variants.iter().try_for_each(|variant| writeln!(f, "  {:26}{}", variant.name, variant.title))
    }
}

/// One way to set up Envoy.
pub(crate) struct Variant {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) setup: Box<dyn Fn(&Stage) -> Bootstrap>,
    /// Envoy's worker threads.
    pub(crate) workers: u32,
    /// Whether it asks the rate limit service, which sets how fast it can be.
    pub(crate) asks_service: bool,
}

fn variant(name: &str, title: &str, setup: impl Fn(&Stage) -> Bootstrap + 'static) -> Variant {
    Variant { name: name.to_owned(), title: title.to_owned(), setup: Box::new(setup), workers: 1, asks_service: false }
}

impl Variant {
    fn workers(self, workers: u32) -> Self {
        Self { workers, ..self }
    }

    fn asking_service(self) -> Self {
        Self { asks_service: true, ..self }
    }

    /// The modules that its Envoy loads.
    pub(crate) fn modules(&self, stage: &Stage) -> BTreeSet<String> {
        let mut modules = BTreeSet::new();
        collect_modules(&(self.setup)(stage).build(), &mut modules);
        modules
    }
}

/// Every file in `code: {local: {filename}}`, wherever it is.
fn collect_modules(value: &Value, modules: &mut BTreeSet<String>) {
    if let Some(file) = value.pointer("/code/local/filename").and_then(Value::as_str) {
        modules.insert(file.to_owned());
    }
    match value {
        Value::Object(fields) => fields.values().for_each(|value| collect_modules(value, modules)),
        Value::Array(values) => values.iter().for_each(|value| collect_modules(value, modules)),
        _ => {}
    }
}

/// The request that is sent again and again, and the status that has to come back.
pub(crate) struct Load {
    pub(crate) path: &'static str,
    pub(crate) headers: Vec<(String, String)>,
    /// Each request has another token, signed with this algorithm.
    pub(crate) algorithm: Option<&'static str>,
    /// It is a POST if there is one.
    pub(crate) body: Vec<u8>,
    pub(crate) status: u16,
    /// Whether one is sent first, and may have any answer: the one that a limit of one lets pass.
    pub(crate) primed: bool,
}

impl Load {
    pub(crate) fn get(status: u16) -> Self {
        let load = Self { path: "/", headers: Vec::new(), algorithm: None, body: Vec::new(), status, primed: false };
        load.header("accept", "*/*").header("accept-encoding", "gzip, deflate").header("accept-language", "en")
    }

    fn path(self, path: &'static str) -> Self {
        Self { path, ..self }
    }

    fn post(self, media_type: &str, body: Vec<u8>) -> Self {
        Self { body, ..self }.header("content-type", media_type)
    }

    fn primed(self) -> Self {
        Self { primed: true, ..self }
    }

    fn fresh_tokens(self, algorithm: &'static str) -> Self {
        Self { algorithm: Some(algorithm), ..self }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// The groups with what the options ask for. A group that keeps any variant keeps its first one and its yardstick.
pub(crate) fn select(options: &Options) -> Result<Vec<Group>> {
    let mut groups = groups();
    for file in &options.extra_wasm {
        let stem = file.file_stem().ok_or("--extra-wasm takes a file")?.to_string_lossy().into_owned();
        let module = std::path::absolute(file)?;
        groups[0].variants.push(variant(&stem, &format!("{stem}.wasm"), move |stage| extra(stage, &module)));
    }
    for only in &options.only {
        let known = groups.iter().any(|group| group.variants.iter().any(|variant| means(only, group.name, variant)));
        if !known {
            return Err(format!("no variant or group is called {only}; --list has the names").into());
        }
    }
    for group in &mut groups {
        let wanted = |variant: &Variant| options.only.iter().any(|only| means(only, group.name, variant));
        let keep: Vec<bool> = group.variants.iter().map(|it| options.only.is_empty() || wanted(it)).collect();
        let any = keep.contains(&true);
        let mut place = 0..;
        group.variants.retain(|variant| {
            let place = place.next().unwrap_or_default();
            keep[place] || any && (place == 0 || Some(variant.name.as_str()) == group.yardstick)
        });
    }
    groups.retain(|group| !group.variants.is_empty());
    Ok(groups)
}

/// Whether `only` is the variant's group or its first word, its name, or both.
fn means(only: &str, group: &str, variant: &Variant) -> bool {
    only == group
        || group.split('-').next() == Some(only)
        || only == variant.name
        || only.split_once('/') == Some((group, &variant.name))
}

fn extra(stage: &Stage, module: &Path) -> Bootstrap {
    stage.proxy().filter(WasmFilter::new("extra", module))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(only: &str) -> Vec<String> {
        let options = Options { only: vec![only.to_owned()], ..Options::default() };
        let groups = select(&options).expect("a known name");
        let name = |group: &'static str| move |variant: &Variant| format!("{group}/{}", variant.name);
        groups.iter().flat_map(|group| group.variants.iter().map(name(group.name))).collect()
    }

    #[test]
    fn only_keeps_what_the_others_are_compared_with() {
        assert_eq!(names("allowed/lua"), ["allowed/bare", "allowed/rbac", "allowed/lua"]);
        let jwt = names("jwt");
        assert!(jwt.len() > 20 && jwt.iter().all(|name| name.starts_with("jwt-")), "{jwt:?}");
        assert_eq!(
            names("jwt-es256-known/jwt_bola"),
            ["jwt-es256-known/bare", "jwt-es256-known/jwt_authn-cache", "jwt-es256-known/jwt_bola"]
        );
        assert_eq!(names("allowed/bare-again"), ["allowed/bare", "allowed/bare-again", "allowed/rbac"]);
        let limits = names("ratelimit-fleet");
        assert!(limits.len() > 3 && limits.iter().all(|name| name.starts_with("ratelimit-fleet/")), "{limits:?}");
        assert!(names("refused").iter().all(|name| name.starts_with("refused/")));
        assert!(select(&Options { only: vec!["nobody".to_owned()], ..Options::default() }).is_err());
    }
}
