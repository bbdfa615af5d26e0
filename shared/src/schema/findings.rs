//! What is wrong with a document, and what an operator should know of it.

use super::Fault;

/// Faults and warnings.
#[derive(Debug, Default)]
pub(super) struct Findings {
    faults: Vec<Fault>,
    warnings: Vec<(Fault, u32)>,
}

impl Findings {
    /// The most faults, and the most warnings that differ. Who has more of them has seen enough.
    const MOST: usize = 1000;

    pub(super) fn fault(&mut self, pointer: String, message: String) {
        if self.faults.len() < Self::MOST {
            self.faults.push(Fault { pointer, message });
        }
    }

    /// Adds a warning. Of those that read the same, the first is kept, and the others are counted.
    pub(super) fn warn(&mut self, message: &str, pointer: impl FnOnce() -> String) {
        if let Some((_, more)) = self.warnings.iter_mut().find(|(known, _)| known.message == message) {
            *more = more.saturating_add(1);
        } else if self.warnings.len() < Self::MOST {
            self.warnings.push((Fault { pointer: pointer(), message: message.to_owned() }, 0));
        }
    }

    /// Faults and warnings.
    pub(super) fn finish(self) -> (Vec<Fault>, Vec<Fault>) {
        let warnings = self.warnings.into_iter().map(|(mut warning, more)| {
            if more > 0 {
                warning.message.push_str(" (and in ");
                warning.message.push_str(&more.to_string());
                warning.message.push_str(if more == 1 { " other place)" } else { " other places)" });
            }
            warning
        });
        (self.faults, warnings.collect())
    }
}
