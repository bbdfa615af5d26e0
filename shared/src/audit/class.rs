//! How much an event matters.

use crate::{
    config_enum,
    decision::{Action, Outcome},
    mode::Mode,
};

config_enum! {
    /// How much an event matters, from least to most: when the queue is full, the lower go first.
    pub enum Class {
        /// A request that was let through.
        Allow = "allow",
        /// A request that would have been refused, had its rule been enforced.
        Shadow = "shadow",
        /// A request that was refused.
        Deny = "deny",
        /// Something that failed: a policy that could not decide, an engine that did not answer.
        Error = "error",
    }
}

impl Class {
    /// The class of an outcome that is not a failure.
    pub fn of(outcome: &Outcome) -> Self {
        match (outcome.action, outcome.mode) {
            (Action::Allow, _) => Self::Allow,
            (Action::Deny, Mode::Enforce) => Self::Deny,
            (Action::Deny, Mode::Shadow | Mode::Off) => Self::Shadow,
        }
    }
}

/// One value for each class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerClass<T> {
    allow: T,
    shadow: T,
    deny: T,
    error: T,
}

impl<T> PerClass<T> {
    /// The value of a class.
    pub const fn get(&self, class: Class) -> &T {
        match class {
            Class::Allow => &self.allow,
            Class::Shadow => &self.shadow,
            Class::Deny => &self.deny,
            Class::Error => &self.error,
        }
    }

    /// The value of a class, to change it.
    pub const fn get_mut(&mut self, class: Class) -> &mut T {
        match class {
            Class::Allow => &mut self.allow,
            Class::Shadow => &mut self.shadow,
            Class::Deny => &mut self.deny,
            Class::Error => &mut self.error,
        }
    }

    /// All values, the lowest class first.
    pub fn iter(&self) -> impl Iterator<Item = (Class, &T)> {
        Class::ALL.iter().map(|class| (*class, self.get(*class)))
    }
}

impl PerClass<u64> {
    /// Counts one more of `class`.
    pub const fn count(&mut self, class: Class) {
        let counter = self.get_mut(class);
        *counter = counter.saturating_add(1);
    }

    /// All classes together.
    pub fn total(&self) -> u64 {
        self.iter().fold(0, |total, (_, count)| total.saturating_add(*count))
    }
}
