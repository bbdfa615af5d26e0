//! The table of what is measured. A new row is one entry in a group's list; a new kind of request is a new group.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use portcullis_integration_tests::{Bootstrap, WasmFilter};
use serde_json::Value;

use crate::Result;
use crate::agents::{BAD, BROWSER, TEN, thousand};
use crate::options::Options;
use crate::setups::{Audit, lua, rbac, refusing_route, sdk_noop, ua_block};
use crate::stage::Stage;

/// Every group; the first variant of each is the one that the others are compared with.
pub(crate) fn groups() -> Vec<Group> {
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
                variant("bare", "bare Envoy, the route says 403", |stage| stage.proxy().routes(&refusing_route())),
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

/// Variants under the same load.
pub(crate) struct Group {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) load: Load,
    /// The variant whose cost is 1.
    pub(crate) yardstick: Option<&'static str>,
    pub(crate) variants: Vec<Variant>,
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} ({})", self.name, self.title)?;
        self.variants.iter().try_for_each(|variant| writeln!(f, "  {:24}{}", variant.name, variant.title))
    }
}

/// One way to set up Envoy.
pub(crate) struct Variant {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) setup: Box<dyn Fn(&Stage) -> Bootstrap>,
}

fn variant(name: &str, title: &str, setup: impl Fn(&Stage) -> Bootstrap + 'static) -> Variant {
    Variant { name: name.to_owned(), title: title.to_owned(), setup: Box::new(setup) }
}

impl Variant {
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
    pub(crate) headers: Vec<(String, String)>,
    /// It is a POST if there is one.
    pub(crate) body: Vec<u8>,
    pub(crate) status: u16,
}

impl Load {
    pub(crate) fn get(status: u16) -> Self {
        let load = Self { headers: Vec::new(), body: Vec::new(), status };
        load.header("accept", "*/*").header("accept-encoding", "gzip, deflate").header("accept-language", "en")
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

/// Whether `only` is the variant's group, its name, or both.
fn means(only: &str, group: &str, variant: &Variant) -> bool {
    only == group || only == variant.name || only.split_once('/') == Some((group, &variant.name))
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
        assert_eq!(names("bare-again"), ["allowed/bare", "allowed/bare-again", "allowed/rbac"]);
        assert!(names("refused").iter().all(|name| name.starts_with("refused/")));
        assert!(select(&Options { only: vec!["nobody".to_owned()], ..Options::default() }).is_err());
    }
}
