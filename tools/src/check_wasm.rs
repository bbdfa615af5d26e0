//! Holds what each built filter asks of its host, and what it weighs, against `budgets.json`.
//!
//! Envoy refuses a module with an import it does not offer, and other hosts offer fewer: so every
//! import is one that somebody allowed by name.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde::Deserialize;
use wasmparser::{BinaryReaderError, Parser, Payload};

use crate::Outcome;

/// Width to which lists of names are wrapped.
const WIDTH: usize = 100;

/// What one filter is allowed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Budget {
    max_bytes: u64,
    /// Read by the integration tests, which measure it; here only so that a typo is seen.
    #[serde(rename = "max_startup_cpu_ms")]
    _max_startup_cpu_ms: u64,
    imports: BTreeSet<String>,
    exports: BTreeSet<String>,
}

/// What one .wasm file holds. Imports are `module.name`.
#[derive(Debug, Default)]
struct Contents {
    bytes: u64,
    imports: BTreeSet<String>,
    exports: BTreeSet<String>,
}

pub(crate) fn run(dist: &Path, budgets: &Path) -> Outcome {
    let text = fs::read_to_string(budgets).map_err(|e| format!("{}: {e}", budgets.display()))?;
    let budgets: BTreeMap<String, Budget> =
        serde_json::from_str(&text).map_err(|e| format!("{}: {e}", budgets.display()))?;

    let mut files = BTreeMap::new();
    for entry in fs::read_dir(dist).map_err(|e| format!("{}: {e}", dist.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "wasm")
            && let Some(name) = path.file_stem().and_then(|s| s.to_str())
        {
            files.insert(name.to_owned(), path);
        }
    }

    let mut text = String::new();
    let mut faults = 0_usize;
    for (name, path) in &files {
        let contents = inspect(&fs::read(path)?).map_err(|e| format!("{}: {e}", path.display()))?;
        let budget = budgets.get(name);
        describe(&mut text, name, &contents, budget);
        let (wrong, notes) = budget.map_or_else(
            || (vec!["budgets.json has no budget for it".to_owned()], Vec::new()),
            |budget| judge(&contents, budget),
        );
        for note in notes {
            let _ = writeln!(text, "  note: {note}");
        }
        faults = faults.saturating_add(wrong.len());
        for fault in wrong {
            let _ = writeln!(text, "  FAULT: {fault}");
        }
    }
    for name in budgets.keys().filter(|name| !files.contains_key(*name)) {
        faults = faults.saturating_add(1);
        let dist = dist.display();
        let _ = writeln!(text, "{name}\n  FAULT: it has a budget, but {dist} has no {name}.wasm");
    }
    let _ = writeln!(text, "check-wasm: {} modules, {faults} faults", files.len());
    Ok((text, faults == 0))
}

/// Reads a .wasm file's size, imports and exports.
fn inspect(wasm: &[u8]) -> Result<Contents, BinaryReaderError> {
    let mut contents = Contents { bytes: wasm.len() as u64, ..Contents::default() };
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::ImportSection(imports) => {
                for import in imports {
                    let import = import?;
                    contents.imports.insert(format!("{}.{}", import.module, import.name));
                }
            }
            Payload::ExportSection(exports) => {
                for export in exports {
                    contents.exports.insert(export?.name.to_owned());
                }
            }
            _ => {}
        }
    }
    Ok(contents)
}

/// What is wrong, and what is only worth telling.
fn judge(contents: &Contents, budget: &Budget) -> (Vec<String>, Vec<String>) {
    let mut faults = Vec::new();
    if contents.bytes > budget.max_bytes {
        faults.push(format!(
            "{} bytes are {} more than its budget allows",
            grouped(contents.bytes),
            grouped(contents.bytes.saturating_sub(budget.max_bytes)),
        ));
    }
    for import in contents.imports.difference(&budget.imports) {
        faults.push(format!("import {import} is not allowed"));
    }
    for export in contents.exports.difference(&budget.exports) {
        faults.push(format!("export {export} is not allowed"));
    }
    // A callback that is gone is one that the host no longer calls, and nothing else would tell.
    for export in budget.exports.difference(&contents.exports) {
        faults.push(format!("export {export} is gone"));
    }
    // Asking less of the host is no harm; the list should shrink with it.
    let notes = budget.imports.difference(&contents.imports);
    (faults, notes.map(|i| format!("import {i} is gone: take it off the list")).collect())
}

/// The readable part: size, imports by module, exports.
fn describe(text: &mut String, name: &str, contents: &Contents, budget: Option<&Budget>) {
    let _ = write!(text, "{name}: {} bytes", grouped(contents.bytes));
    if let Some(budget) = budget {
        let percent = contents.bytes.saturating_mul(100).checked_div(budget.max_bytes);
        let _ = write!(text, " of {}", grouped(budget.max_bytes));
        let _ = write!(text, " ({} %)", percent.unwrap_or(100));
    }
    text.push('\n');

    let mut modules: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for import in &contents.imports {
        let (module, name) = import.split_once('.').unwrap_or(("", import));
        modules.entry(module).or_default().push(name);
    }
    let _ = writeln!(text, "  {} imports", contents.imports.len());
    for (module, names) in modules {
        wrap(text, &format!("    {module}: "), &names);
    }
    let _ = writeln!(text, "  {} exports", contents.exports.len());
    let exports: Vec<&str> = contents.exports.iter().map(String::as_str).collect();
    wrap(text, "    ", &exports);
}

/// Writes names after a heading, and breaks lines at [`WIDTH`].
fn wrap(text: &mut String, heading: &str, names: &[&str]) {
    let mut line = heading.to_owned();
    for (index, name) in names.iter().enumerate() {
        if index > 0 {
            line.push(',');
            if line.len().saturating_add(name.len()) >= WIDTH {
                let _ = writeln!(text, "{line}");
                "     ".clone_into(&mut line);
            }
            line.push(' ');
        }
        line.push_str(name);
    }
    let _ = writeln!(text, "{line}");
}

/// 1234567 as 1,234,567.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && digits.len().saturating_sub(index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILTER: &str = r#"(module
        (import "env" "proxy_log" (func (param i32)))
        (import "wasi_snapshot_preview1" "fd_write" (func))
        (memory (export "memory") 1)
        (func (export "proxy_on_request_headers")))"#;

    fn budget(max_bytes: u64, imports: &[&str], exports: &[&str]) -> Budget {
        let set = |names: &[&str]| names.iter().map(|&n| n.to_owned()).collect();
        Budget { max_bytes, _max_startup_cpu_ms: 500, imports: set(imports), exports: set(exports) }
    }

    fn fitting_budget() -> Budget {
        budget(1000, &["env.proxy_log", "wasi_snapshot_preview1.fd_write"], &["memory", "proxy_on_request_headers"])
    }

    fn contents(wat: &str) -> Contents {
        inspect(&wat::parse_str(wat).unwrap()).unwrap()
    }

    #[test]
    fn reads_imports_exports_and_size() {
        let wasm = wat::parse_str(FILTER).unwrap();
        let contents = inspect(&wasm).unwrap();
        assert_eq!(contents.bytes, wasm.len() as u64);
        assert_eq!(Vec::from_iter(&contents.imports), ["env.proxy_log", "wasi_snapshot_preview1.fd_write"]);
        assert_eq!(Vec::from_iter(&contents.exports), ["memory", "proxy_on_request_headers"]);
    }

    #[test]
    fn sees_imports_that_are_no_functions() {
        let contents = contents(r#"(module (import "env" "memory" (memory 1)))"#);
        assert_eq!(Vec::from_iter(&contents.imports), ["env.memory"]);
    }

    #[test]
    fn refuses_what_is_no_wasm() {
        assert!(inspect(b"#!/bin/sh").is_err());
        let wasm = wat::parse_str(FILTER).unwrap();
        assert!(inspect(&wasm[..wasm.len() - 1]).is_err());
    }

    #[test]
    fn a_fitting_filter_has_no_faults() {
        let (faults, notes) = judge(&contents(FILTER), &fitting_budget());
        assert!(faults.is_empty() && notes.is_empty(), "{faults:?} {notes:?}");
    }

    #[test]
    fn size_is_allowed_up_to_the_budget() {
        let contents = contents(FILTER);
        let mut budget = fitting_budget();
        budget.max_bytes = contents.bytes;
        assert!(judge(&contents, &budget).0.is_empty());
        budget.max_bytes -= 1;
        let faults = judge(&contents, &budget).0;
        assert_eq!(faults.len(), 1);
        assert!(faults[0].contains("1 more than its budget"), "{faults:?}");
    }

    #[test]
    fn an_import_off_the_list_is_a_fault() {
        let budget = budget(1000, &["env.proxy_log"], &["memory", "proxy_on_request_headers"]);
        let (faults, _) = judge(&contents(FILTER), &budget);
        assert_eq!(faults, ["import wasi_snapshot_preview1.fd_write is not allowed"]);
    }

    #[test]
    fn a_listed_import_that_is_gone_is_told_but_no_fault() {
        let mut budget = fitting_budget();
        budget.imports.insert("env.proxy_done".to_owned());
        let (faults, notes) = judge(&contents(FILTER), &budget);
        assert!(faults.is_empty(), "{faults:?}");
        assert_eq!(notes, ["import env.proxy_done is gone: take it off the list"]);
    }

    #[test]
    fn exports_have_to_match_both_ways() {
        let mut budget = fitting_budget();
        budget.exports.remove("memory");
        budget.exports.insert("proxy_on_log".to_owned());
        let (faults, _) = judge(&contents(FILTER), &budget);
        assert_eq!(faults, ["export memory is not allowed", "export proxy_on_log is gone"]);
    }

    #[test]
    fn the_whole_run_reports_every_fault() {
        let dir = tempfile::tempdir().unwrap();
        let dist = dir.path().join("dist");
        let budgets = dir.path().join("budgets.json");
        fs::create_dir(&dist).unwrap();
        fs::write(dist.join("good.wasm"), wat::parse_str(FILTER).unwrap()).unwrap();
        fs::write(dist.join("good.schema.json"), "{}").unwrap();
        let good = r#""good": {"max_bytes": 1000, "max_startup_cpu_ms": 1,
            "imports": ["env.proxy_log", "wasi_snapshot_preview1.fd_write"],
            "exports": ["memory", "proxy_on_request_headers"]}"#;
        fs::write(&budgets, format!("{{{good}}}")).unwrap();
        let (text, well) = run(&dist, &budgets).unwrap();
        assert!(well, "{text}");

        fs::write(dist.join("stray.wasm"), wat::parse_str("(module)").unwrap()).unwrap();
        let gone = good.replace("\"good\"", "\"gone\"");
        fs::write(&budgets, format!("{{{good}, {gone}}}")).unwrap();
        let (text, well) = run(&dist, &budgets).unwrap();
        assert!(!well, "{text}");
        assert!(text.contains("budgets.json has no budget for it"), "{text}");
        assert!(text.contains("gone\n  FAULT: it has a budget, but"), "{text}");
        assert!(text.contains("2 modules, 2 faults"), "{text}");
    }

    #[test]
    fn a_typo_in_the_budgets_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let budgets = dir.path().join("budgets.json");
        fs::write(&budgets, r#"{"x": {"max_byte": 1}}"#).unwrap();
        let error = run(dir.path(), &budgets).unwrap_err().to_string();
        assert!(error.contains("unknown field `max_byte`"), "{error}");
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1000), "1,000");
        assert_eq!(grouped(1_234_567), "1,234,567");
    }

    #[test]
    fn long_lists_are_wrapped() {
        let mut text = String::new();
        wrap(&mut text, "    env: ", &["proxy_a_rather_long_name"; 9]);
        assert!(text.lines().count() > 1);
        assert!(text.lines().all(|l| l.len() <= WIDTH), "{text}");
        assert_eq!(text.matches("proxy_a").count(), 9);
    }
}
