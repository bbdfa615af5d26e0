//! From configuration to the compiled filter.

use portcullis_shared::{
    audit::AuditConfig,
    config::{Environment, Errors, check_name, quoted},
    decision::{Outcome, Outcomes},
    discovery::Routes,
    json::Limits,
    mode::Mode,
    openapi::{self, BasePath, Contract, ReadSettings, Router, inline},
    path::{Case, PathBuffer},
    policy::Filter,
    schema::{Dialect, Fault, Schemas, Settings},
};
use std::{cell::RefCell, rc::Rc};

use crate::{
    Check, SchemaCheck,
    body::Reads,
    config::{self, Config, ContentEncoding, Draft, FROM_SERVERS, Formats, Override, ReadOnly, Undeclared},
    operation::{Operation, Treatment},
    outcomes::{OperationOutcomes, Refusals, Unmatched},
};

/// The most bytes of a body or a response that may be read.
const MOST_BYTES: u32 = 64 << 20;

/// The most operations with plain schemas.
const MAX_OPERATIONS: usize = 10_000;

/// Warnings beyond this many are counted, not listed.
const MAX_WARNINGS: usize = 50;

impl Filter for SchemaCheck {
    const NAME: &'static str = "schema_check";
    type Config = Config;

    fn audit(config: &mut Config) -> Option<AuditConfig> {
        config.audit.take()
    }

    fn compile(config: Config, _: Environment) -> Result<Self, Errors> {
        let mut compiler = Compiler::default();
        compiler.ranges(&config);
        let check = compiler.check(&config);
        compiler.errors.into_result(Self(Rc::new(check)))
    }
}

#[derive(Default)]
struct Compiler {
    errors: Errors,
    warnings: Vec<String>,
    unlisted: usize,
    outcomes: Outcomes,
    /// With the schemas that each refers to.
    operations: Vec<(openapi::Operation, Rc<Schemas>)>,
}

impl Compiler {
    fn check(&mut self, config: &Config) -> Check {
        let mode = config.mode;
        self.contracts(config);
        let known: Vec<_> = self.operations.iter().map(|(operation, _)| operation).collect();
        let (router, warnings) = Router::new(&known, Case::Sensitive);
        // Those of plain schemas have places in the configuration.
        let (plain, documented): (Vec<_>, Vec<_>) =
            warnings.into_iter().partition(|warning| warning.pointer.starts_with("/operations/"));
        self.warn("$.openapi", &documented);
        self.warn("$", &plain);
        let refusals = &mut Refusals::new(config);
        let overrides = self.overrides(&config.overrides);
        let is_enforced = overrides.iter().any(|treatment| mode.of_rule(treatment.mode) == Mode::Enforce);
        // A path that is not clear would lead round an operation that is enforced.
        let paths = if is_enforced { Mode::Enforce } else { mode };
        let unmatched = Unmatched::new((mode, paths), &config.unknown, refusals, &mut self.outcomes);
        let preflight = self.outcomes.append(Outcome::allow("preflight", "openapi", mode));
        let response = if mode == Mode::Off { Mode::Off } else { config.response.mode };
        let operations = std::mem::take(&mut self.operations).into_iter().zip(overrides);
        let operations = operations.map(|((operation, schemas), treatment)| {
            let mode = mode.of_rule(treatment.mode);
            let response = if mode == Mode::Off { Mode::Off } else { response };
            let outcomes = OperationOutcomes::new(
                &operation.id,
                (mode, response),
                operation.is_unchecked || mode == Mode::Off,
                &config.unknown,
                refusals,
                &mut self.outcomes,
            );
            Operation::new(operation, schemas, outcomes, &treatment, (mode, response), config)
        });
        let operations = operations.collect();
        if self.unlisted > 0 {
            self.warnings.push(format!("and {} more", self.unlisted));
        }
        Check {
            outcomes: std::mem::take(&mut self.outcomes),
            unmatched,
            preflight,
            paths: config.paths.clone(),
            router,
            operations,
            reads: reads(config),
            routes: RefCell::new(Routes::new(config.discovery.routes as usize)),
            warnings: std::mem::take(&mut self.warnings),
            off: mode == Mode::Off,
            buffer: RefCell::new(PathBuffer::default()),
            tape: RefCell::default(),
        }
    }

    /// Reads what there is: a document, operations, or both.
    fn contracts(&mut self, config: &Config) {
        if config.openapi.is_none() && config.operations.is_empty() {
            self.errors.add("$", "`openapi` or `operations`", "neither");
        }
        let settings = ReadSettings {
            schema: Settings {
                formats: config.formats == Formats::Enforce,
                closed: config.undeclared_properties == Undeclared::Deny,
                closed_responses: config.response.undeclared_properties == Undeclared::Deny,
            },
            base_path: self.base_path(&config.base_path),
            ignored: config.ignore.iter().map(|pointer| pointer.as_str().to_owned()).collect(),
            responses: config.response.mode != Mode::Off,
            read_only: config.read_only != ReadOnly::Allow,
        };
        if let Some(document) = &config.openapi {
            self.contract("$.openapi", Contract::read(document, &settings));
        }
        if config.operations.is_empty() {
            return;
        }
        let operations: Vec<_> =
            config.operations.iter().enumerate().map(|(index, operation)| self.inline(index, operation)).collect();
        self.contract("$", inline::contract(&operations, &settings));
    }

    fn contract(&mut self, path: &str, (contract, faults, warnings): (Contract, Vec<Fault>, Vec<Fault>)) {
        for Fault { pointer, message } in faults {
            if pointer.is_empty() {
                self.errors.fault(path, message);
            } else {
                self.errors.fault(format_args!("{path} at {pointer}"), message);
            }
        }
        self.warn(path, &warnings);
        let schemas = Rc::new(contract.schemas);
        self.operations.extend(contract.operations.into_iter().map(|operation| (operation, Rc::clone(&schemas))));
    }

    fn warn(&mut self, path: &str, warnings: &[Fault]) {
        for Fault { pointer, message } in warnings {
            if self.warnings.len() < MAX_WARNINGS {
                self.warnings.push(format!("{path} at {pointer}: {message}"));
            } else {
                self.unlisted = self.unlisted.saturating_add(1);
            }
        }
    }

    fn base_path(&mut self, base_path: &str) -> BasePath {
        let is_path = base_path.is_empty() || base_path.starts_with('/');
        if base_path != FROM_SERVERS && !is_path {
            let expected = format_args!("a path such as `/v1`, nothing, or `{FROM_SERVERS}`");
            self.errors.add("$.base_path", expected, quoted(base_path));
        }
        if is_path { BasePath::Explicit(vec![base_path.trim_end_matches('/').to_owned()]) } else { BasePath::Servers }
    }

    fn inline(&mut self, index: usize, operation: &config::Operation) -> inline::Inline {
        if let Some(name) = &operation.name {
            check_name(name, format_args!("$.operations[{index}].name"), &mut self.errors);
        }
        inline::Inline {
            id: operation.name.clone(),
            method: operation.method.clone(),
            path: operation.path.clone(),
            body: operation.body.clone(),
            is_body_required: operation.body_required,
            parameters: operation.parameters.clone(),
            dialect: match operation.draft {
                Draft::Draft4 => Dialect::Draft4,
                Draft::Draft6 => Dialect::Draft6,
                Draft::Draft7 => Dialect::Draft7,
                Draft::Draft201909 => Dialect::Draft201909,
                Draft::Draft202012 => Dialect::Draft202012,
            },
            pointer: format!("/operations/{index}"),
        }
    }

    /// How each operation is treated, in their order.
    fn overrides(&mut self, overrides: &[Override]) -> Vec<Treatment> {
        let mut treatments = vec![Treatment::default(); self.operations.len()];
        for (index, wanted) in overrides.iter().enumerate() {
            let path = format_args!("$.overrides[{index}].operation");
            let known = self.operations.iter().map(|(operation, _)| operation);
            let Some(position) = openapi::position(known, &wanted.operation) else {
                self.errors.add(path, "an operation of the contract", quoted(&wanted.operation));
                continue;
            };
            if overrides.iter().take(index).any(|other| other.operation == wanted.operation) {
                self.errors.add(path, "each operation once", "a second one");
            }
            if let Some(treatment) = treatments.get_mut(position) {
                *treatment = Treatment::from(wanted);
            }
        }
        treatments
    }

    fn ranges(&mut self, config: &Config) {
        let mut range = |path: &str, value: u32, least: u32, most: u32| {
            if !(least..=most).contains(&value) {
                self.errors.add(path, format_args!("{least} to {most}"), value);
            }
        };
        range("$.limits.body_bytes", config.limits.body_bytes, 0, MOST_BYTES);
        range("$.limits.depth", config.limits.depth, 1, 512);
        range("$.limits.steps", config.limits.steps, 1000, u32::MAX);
        range("$.response.body_bytes", config.response.body_bytes, 0, MOST_BYTES);
        range("$.violations", config.violations, 1, 100);
        range("$.discovery.routes", config.discovery.routes, 1, 10_000);
        let statuses = &config.statuses;
        let named = [
            ("$.status", Some(config.status)),
            ("$.statuses.path", statuses.path),
            ("$.statuses.method", statuses.method),
            ("$.statuses.body_bytes", Some(statuses.body_bytes)),
            ("$.statuses.media_type", statuses.media_type),
        ];
        for (path, status) in named {
            if let Some(status) = status {
                range(path, status.into(), 400, 599);
            }
        }
        for (index, wanted) in config.overrides.iter().enumerate() {
            range(&format!("$.overrides[{index}].body_bytes"), wanted.body_bytes.unwrap_or_default(), 0, MOST_BYTES);
        }
        if config.operations.len() > MAX_OPERATIONS {
            self.errors.add("$.operations", format_args!("at most {MAX_OPERATIONS}"), config.operations.len());
        }
        if config.response.mode != Mode::Off && !cfg!(feature = "responses") && cfg!(target_arch = "wasm32") {
            let expected = "`off`: only schema_check_responses.wasm checks responses";
            self.errors.add("$.response.mode", expected, config.response.mode.as_str());
        }
    }
}

fn reads(config: &Config) -> Reads {
    let limits = &config.limits;
    Reads {
        limits: Limits {
            depth: limits.depth,
            keys: limits.keys,
            string_bytes: limits.string_bytes,
            number_digits: limits.number_digits,
        },
        steps: limits.steps,
        violations: config.violations as usize,
        decodes: config.content_encoding == ContentEncoding::Decode,
        drops_read_only: config.read_only == ReadOnly::Drop,
    }
}
