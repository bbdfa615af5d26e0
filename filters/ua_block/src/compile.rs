//! From configuration to the compiled filter.

use portcullis_shared::{
    audit::AuditConfig,
    config::{Environment, Errors, check_name, quoted},
    decision::{self, Outcome, OutcomeId, Outcomes},
    matcher::{Hits, Kind, Limits, Matcher, Pattern},
    mode::Mode,
    net::CidrSet,
    path::{Case, TemplateSet},
    policy::Filter,
    problem::Refusal,
};
use std::{collections::BTreeSet, rc::Rc};

use crate::{
    UaBlock, Unusual,
    config::{self, Action, Config, Response},
};

/// Patterns in all rules together, presets included.
const MAX_PATTERNS: usize = 20_000;

impl Filter for UaBlock {
    const NAME: &'static str = "ua_block";
    type Config = Config;

    fn audit(config: &mut Config) -> Option<AuditConfig> {
        config.audit.take()
    }

    fn compile(config: Config, _: Environment) -> Result<Self, Errors> {
        let mut errors = Errors::default();
        let mut outcomes = Outcomes::default();
        let refusal = refusal(&config.response, "$.response", &mut errors);
        if !(1..=65_536).contains(&config.max_length) {
            errors.add("$.max_length", "1 to 65536 bytes", config.max_length);
        }
        if config.rules.len() > Hits::CAPACITY {
            errors.add("$.rules", format_args!("at most {} rules", Hits::CAPACITY), config.rules.len());
        }
        let mut unusual = |key: &str, action, reason| {
            (action == Action::Deny && config.mode != Mode::Off)
                .then(|| outcomes.add(outcome(decision::Action::Deny, reason, key, config.mode, &refusal)))
        };
        let unusual = Unusual {
            missing: unusual("missing", config.missing, "user_agent_missing"),
            empty: unusual("empty", config.empty, "user_agent_empty"),
            too_long: unusual("too_long", config.too_long, "user_agent_too_long"),
            non_utf8: unusual("non_utf8", config.non_utf8, "user_agent_not_utf8"),
            multiple: unusual("multiple", config.multiple, "user_agent_multiple"),
        };
        let default = (config.mode != Mode::Off)
            .then(|| outcomes.add(outcome(config.default.into(), "no_rule_matched", "default", config.mode, &refusal)));
        let mut compiler =
            Compiler { config: &config, refusal: &refusal, outcomes, errors, patterns: Vec::new(), paths: Vec::new() };
        let rules = compiler.rules();
        let matcher = compiler.matcher();
        let Compiler { outcomes, errors, .. } = compiler;
        let max_length = config.max_length as usize;
        let matcher = errors.into_result(matcher)?.unwrap_or_default();
        Ok(Self { outcomes, matcher, rules, unusual, max_length, default })
    }
}

struct Compiler<'a> {
    config: &'a Config,
    refusal: &'a Rc<Refusal>,
    outcomes: Outcomes,
    errors: Errors,
    patterns: Vec<Pattern>,
    /// Of each pattern, its JSON path.
    paths: Vec<String>,
}

impl Compiler<'_> {
    /// The rules that are not off; their patterns are gathered.
    fn rules(&mut self) -> Vec<crate::Rule> {
        let mut names = BTreeSet::new();
        let mut rules = Vec::new();
        for (index, rule) in self.config.rules.iter().enumerate() {
            let path = format!("$.rules[{index}]");
            check_name(&rule.name, format_args!("{path}.name"), &mut self.errors);
            if !names.insert(&rule.name) {
                self.errors.add(format_args!("{path}.name"), "a name that no other rule has", quoted(&rule.name));
            }
            // A rule that is off is checked like any other, so that turning it on cannot fail.
            let own = rule.response.as_ref();
            let own = own.map(|own| refusal(own, &format!("{path}.response"), &mut self.errors));
            let mode = self.config.mode.of_rule(rule.mode);
            let number = if mode == Mode::Off { Hits::CAPACITY } else { rules.len() };
            self.gather(rule, number, &path);
            if mode != Mode::Off {
                let refusal = own.as_ref().unwrap_or(self.refusal);
                rules.push(compile(rule, mode, refusal, &mut self.outcomes));
            }
        }
        rules
    }

    fn gather(&mut self, rule: &config::Rule, number: usize, path: &str) {
        let before = self.patterns.len();
        let lists = [
            ("contains", Kind::Contains, &rule.contains),
            ("prefix", Kind::Prefix, &rule.prefix),
            ("exact", Kind::Exact, &rule.exact),
            ("regex", Kind::Regex, &rule.regex),
        ];
        for (key, kind, texts) in lists {
            for (index, text) in texts.iter().enumerate() {
                self.paths.push(format!("{path}.{key}[{index}]"));
                self.patterns.push(Pattern {
                    rule: number,
                    kind,
                    text: text.clone(),
                    case_sensitive: rule.case_sensitive,
                });
            }
        }
        for (index, preset) in rule.preset.iter().enumerate() {
            let path = format!("{path}.preset[{index}]");
            for (kind, text) in preset.patterns() {
                self.paths.push(path.clone());
                self.patterns.push(Pattern { rule: number, kind, text, case_sensitive: false });
            }
        }
        if self.patterns.len() == before {
            self.errors.add(path, "a pattern in `contains`, `prefix`, `exact`, `regex` or `preset`", "none");
        }
    }

    fn matcher(&mut self) -> Option<Matcher> {
        if self.patterns.len() > MAX_PATTERNS {
            self.errors.add("$.rules", format_args!("at most {MAX_PATTERNS} patterns"), self.patterns.len());
            return None;
        }
        match Matcher::new(&self.patterns, Limits::default()) {
            Ok(matcher) => Some(matcher),
            Err(faults) => {
                for fault in faults {
                    let path = self.paths.get(fault.pattern).map_or("$.rules", String::as_str);
                    self.errors.add(path, fault.expected, fault.found);
                }
                None
            }
        }
    }
}

fn compile(rule: &config::Rule, mode: Mode, refusal: &Rc<Refusal>, outcomes: &mut Outcomes) -> crate::Rule {
    let reason = match rule.action {
        Action::Allow => "user_agent_allowed",
        Action::Deny => "user_agent_denied",
    };
    let mut add = |reason| outcomes.add(outcome(rule.action.into(), reason, &rule.name, mode, refusal));
    let id: OutcomeId = add(reason);
    let paths = (!rule.paths.is_empty()).then(|| {
        let templates = rule.paths.iter().map(|template| (template.clone(), ()));
        (
            TemplateSet::new(templates, Case::default()),
            if rule.action == Action::Deny { add("path_ambiguous") } else { id },
        )
    });
    let source = (!rule.source.is_empty()).then(|| CidrSet::new(rule.source.iter().map(|&network| (network, ()))));
    crate::Rule {
        action: rule.action.into(),
        shadow: match rule.action {
            Action::Deny => mode == Mode::Shadow,
            // With the whole filter in shadow mode, an `allow` rule still keeps those after it from being tried.
            Action::Allow => rule.mode == Some(Mode::Shadow),
        },
        outcome: id,
        paths,
        source,
    }
}

fn outcome(action: decision::Action, reason: &'static str, rule: &str, mode: Mode, refusal: &Rc<Refusal>) -> Outcome {
    match action {
        decision::Action::Allow => Outcome::allow(reason, rule, mode),
        decision::Action::Deny => Outcome::deny(reason, rule, mode, refusal),
    }
}

fn refusal(response: &Response, path: &str, errors: &mut Errors) -> Rc<Refusal> {
    if !(400..=599).contains(&response.status) {
        errors.add(format_args!("{path}.status"), "a status from 400 to 599", response.status);
    }
    if let Some(message) = &response.message
        && message.len() > 500
    {
        errors.add(format_args!("{path}.message"), "at most 500 bytes", format_args!("{} bytes", message.len()));
    }
    Rc::new(Refusal::new(response.status, response.message.as_deref()))
}
