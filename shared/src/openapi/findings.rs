//! What is found on the way.

use std::fmt::Write;

use crate::{config::said, json::Value, schema::Fault};

/// Faults and warnings of one document.
#[derive(Debug, Default)]
pub(super) struct Findings {
    faults: Vec<Fault>,
    warnings: Vec<Warning>,
    ignored: Vec<String>,
}

#[derive(Debug)]
struct Warning {
    message: &'static str,
    pointers: Vec<String>,
    more: usize,
}

impl Findings {
    /// Places that one warning names; others are counted.
    const NAMED: usize = 3;

    pub(super) fn new(ignored: &[String]) -> Self {
        Self { ignored: ignored.to_vec(), ..Self::default() }
    }

    /// Adds a fault; a warning if it is to be ignored.
    pub(super) fn fault(&mut self, pointer: &str, message: String) {
        if !self.is_ignored(pointer) {
            self.faults.push(Fault { pointer: pointer.to_owned(), message });
        }
    }

    /// Adds a fault: what a place should be, and is not.
    pub(super) fn expected(&mut self, expected: &str, found: Value<'_>, pointer: &str) {
        self.fault(pointer, format!("expected {expected}, found {}", said(found)));
    }

    /// Adds a warning of which one line is printed, however many places it has.
    pub(super) fn warn(&mut self, pointer: &str, message: &'static str) {
        let known = self.warnings.iter_mut().find(|known| known.message == message);
        let Some(warning) = known else {
            self.warnings.push(Warning { message, pointers: vec![pointer.to_owned()], more: 0 });
            return;
        };
        if warning.pointers.iter().any(|known| known == pointer) {
            return;
        }
        if warning.pointers.len() < Self::NAMED {
            warning.pointers.push(pointer.to_owned());
        } else {
            warning.more = warning.more.saturating_add(1);
        }
    }

    /// Whether a place is not to be enforced. Warned of.
    pub(super) fn is_ignored(&mut self, pointer: &str) -> bool {
        let covers = |known: &String| {
            pointer.strip_prefix(known.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let Some(known) = self.ignored.iter().find(|known| covers(known)).cloned() else { return false };
        self.warn(&known, "not enforced, as it is to be ignored");
        true
    }

    /// Adds what another found.
    pub(super) fn add(&mut self, faults: Vec<Fault>) {
        self.faults.extend(faults);
        // What has many ways to it may be told more than once.
        self.faults.dedup();
    }

    /// Faults and warnings.
    pub(super) fn finish(self) -> (Vec<Fault>, Vec<Fault>) {
        let warnings = self.warnings.into_iter().map(|warning| {
            let mut pointers = warning.pointers.into_iter();
            let pointer = pointers.next().unwrap_or_default();
            let mut message = warning.message.to_owned();
            let rest: Vec<_> = pointers.collect();
            if !rest.is_empty() {
                message.push_str("; also ");
                message.push_str(&rest.join(", "));
            }
            if warning.more > 0 {
                let _ = write!(message, " and {} more", warning.more);
            }
            Fault { pointer, message }
        });
        (self.faults, warnings.collect())
    }
}
