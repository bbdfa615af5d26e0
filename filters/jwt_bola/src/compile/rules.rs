//! Rules, and paths that several of them are for.

use portcullis_shared::{
    config::{check_name, is_token, quoted},
    mode::Mode,
    ownership::{ClaimRule, Ownership, Requirement},
    path::{Template, TemplateSet},
};
use std::collections::{BTreeMap, BTreeSet};

use super::{Compiler, MAX_LISTED, Named, provider::AT_ODDS, twice};
use crate::{
    config,
    outcomes::{RuleOutcomes, RuleRefusals},
    rule::{Methods, Rule},
    word::Auth,
};

impl Compiler<'_> {
    pub(super) fn rules(
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

    pub(super) fn rule(
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
    pub(super) fn overlaps(&mut self, rules: &TemplateSet<Methods>, table: &[Rule]) {
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
}
