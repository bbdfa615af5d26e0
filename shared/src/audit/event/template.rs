//! The shape of the JSON. The table in the parent module says what each field means.

use super::{EventInput, details, facts, json, parse::Timestamp};
use crate::{audit::Class, decision::Outcome, redact::printable};

/// What all events of one outcome have in common, rendered when the configuration loads; [`Template::render`] fills in
/// the rest.
#[derive(Clone, Debug)]
pub struct Template {
    /// From `event.category` to `event.sequence`.
    before_sequence: String,
    /// From `event.module` to the end of `rule`.
    before_facts: String,
    /// From `observer` to `portcullis.vm`.
    before_vm: String,
    class: Class,
}

impl Template {
    /// Of the events of `filter` in its `version` for an outcome. `class` is how much they matter; mostly
    /// [`Class::of`] the outcome.
    pub fn new(filter: &str, version: &str, outcome: &Outcome, class: Class) -> Self {
        let (refused, failed) = (outcome.refuses(), class == Class::Error);
        let mut before_sequence = String::from(r#"","category":["network","web"],"type":"#);
        before_sequence.push_str(match (refused, failed) {
            (true, true) => r#"["access","denied","error"]"#,
            (true, false) => r#"["access","denied"]"#,
            (false, true) => r#"["access","allowed","error"]"#,
            (false, false) => r#"["access","allowed"]"#,
        });
        before_sequence.push_str(r#","action":""#);
        before_sequence.push_str(if refused { "deny" } else { "allow" });
        before_sequence.push_str(r#"","outcome":""#);
        before_sequence.push_str(match (refused, failed) {
            (true, _) => "failure",
            (false, true) => "unknown",
            (false, false) => "success",
        });
        before_sequence.push_str(r#"","reason":""#);
        name(&mut before_sequence, outcome.reason.0);
        before_sequence.push_str(r#"","sequence":"#);

        let mut before_facts = String::from(r#","module":"portcullis","dataset":"portcullis."#);
        name(&mut before_facts, filter);
        before_facts.push_str(r#"","provider":""#);
        name(&mut before_facts, filter);
        before_facts.push_str(r#""},"rule":{"name":""#);
        json::text(&mut before_facts, &printable(outcome.rule.as_bytes()), 128);
        before_facts.push_str(r#"","ruleset":""#);
        name(&mut before_facts, filter);
        before_facts.push_str(r#""}"#);

        let mut before_vm =
            String::from(r#","observer":{"vendor":"Portcullis","product":"Portcullis","type":"waf","version":""#);
        name(&mut before_vm, version);
        before_vm.push_str(r#""},"portcullis":{"filter":""#);
        name(&mut before_vm, filter);
        before_vm.push_str(r#"","action":""#);
        before_vm.push_str(outcome.action.as_str());
        before_vm.push_str(r#"","mode":""#);
        before_vm.push_str(outcome.mode.as_str());
        before_vm.push_str(r#"","vm":""#);

        Self { before_sequence, before_facts, before_vm, class }
    }

    /// Writes an event's JSON, on one line without its end, in place of what `out` holds: a buffer that is used again
    /// has grown to what events need.
    pub fn render(&self, input: &EventInput, out: &mut String) {
        out.clear();
        out.push_str(r#"{"@timestamp":""#);
        Timestamp(input.time).write(out);
        out.push_str(r#"","ecs":{"version":"8.17.0"},"event":{"id":""#);
        name(out, input.vm);
        out.push('-');
        json::number(out, input.sequence);
        out.push_str(if input.alert { r#"","kind":"alert"# } else { r#"","kind":"event"# });
        out.push_str(&self.before_sequence);
        json::number(out, input.sequence);
        out.push_str(&self.before_facts);
        facts::write(&input.request, out);
        out.push_str(&self.before_vm);
        name(out, input.vm);
        out.push_str(r#"","class":""#);
        out.push_str(self.class.as_str());
        out.push('"');
        details::write(input.details, out);
        out.push_str("}}");
    }
}

fn name(out: &mut String, name: &str) {
    json::text(out, &printable(name.as_bytes()), 64);
}
