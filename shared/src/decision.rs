//! The one decision record that flows from every policy.
//!
//! Everything that can be known at configure time about a decision is an [`Outcome`]: a policy lists all its outcomes
//! once, and per request only names one by its [`OutcomeId`]. So the adaptor can define each outcome's metric and
//! render each outcome's response when the configuration loads, and an allowed request costs a look-up and no
//! allocation. What only the request can tell (how many seconds a token missed by, which key was limited) travels
//! beside it as [`Detail`]s.

use std::{borrow::Cow, rc::Rc};

use crate::{mode::Mode, problem::Refusal};

/// What is to happen to the request. The metric label and event field `action`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// The request may go on.
    Allow,
    /// The request is refused (in [`Mode::Enforce`]) or would have been (in [`Mode::Shadow`]).
    Deny,
}

impl Action {
    /// The stable word for metrics and events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        }
    }
}

/// A stable reason code, `snake_case`: the metric label `reason`, the event field `event.reason`, and what operators
/// search for. A released code is never renamed or given another meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Reason(pub &'static str);

/// Whether a decision is told to more than its class asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Notice {
    /// Audited where events of its class are.
    #[default]
    Ordinary,
    /// Counted, and never audited: others like it are.
    Counted,
    /// Always audited, such as an exemption from a rule.
    Recorded,
    /// Always audited, as what someone should look at now.
    Alert,
}

/// Makes an enum of what can be wrong, each with its reason code. The enum's variants are in the order in which things are
/// judged.
#[macro_export]
macro_rules! reasons {
    (
        $(#[$meta:meta])*
        pub enum $enum:ident {
            $($(#[doc = $text:literal])+ $name:ident = $code:literal,)+
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $enum {
            $($(#[doc = $text])+ $name,)+
        }

        impl $enum {
            /// All of them, in the order of their declaration.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The stable reason code.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }
        }
    };
}
pub use reasons;

/// Everything about one possible decision that is known when the configuration loads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What happens to the request.
    pub action: Action,
    /// Why, as a stable code.
    pub reason: Reason,
    /// The rule that decided: its `name` in the configuration, or the configuration key (such as `default`).
    pub rule: Rc<str>,
    /// Whether the action is carried out or only reported. Never [`Mode::Off`]: what is off has no outcome.
    pub mode: Mode,
    /// What the client is told. Used when the action is [`Action::Deny`] in [`Mode::Enforce`].
    pub refusal: Option<Rc<Refusal>>,
    /// Who is told.
    pub notice: Notice,
}

impl Outcome {
    /// A request goes on.
    pub fn allow(reason: &'static str, rule: impl Into<Rc<str>>, mode: Mode) -> Self {
        let (reason, rule) = (Reason(reason), rule.into());
        Self { action: Action::Allow, reason, rule, mode, refusal: None, notice: Notice::Ordinary }
    }

    /// A request is refused, or would have been.
    pub fn deny(reason: &'static str, rule: impl Into<Rc<str>>, mode: Mode, refusal: &Rc<Refusal>) -> Self {
        let refusal = (mode == Mode::Enforce).then(|| Rc::clone(refusal));
        Self { action: Action::Deny, refusal, ..Self::allow(reason, rule, mode) }
    }

    /// Whether clients are told some of a decision's details.
    pub fn shows_details(&self) -> bool {
        self.refusal.as_ref().is_some_and(|refusal| refusal.shows.is_some() || !refusal.shows_headers.is_empty())
    }

    /// Whether this outcome ends the request.
    pub fn refuses(&self) -> bool {
        self.action == Action::Deny && self.mode == Mode::Enforce
    }
}

/// Names one [`Outcome`] of a policy: an index into its [`Outcomes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OutcomeId(u32);

impl OutcomeId {
    /// The position in [`Outcomes::iter`], for tables that run parallel to it.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// All outcomes of a policy, in the order in which they were added.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcomes(Vec<Outcome>);

impl Outcomes {
    /// Adds an outcome. An outcome that is there already keeps its id, so that equal decisions share one metric.
    pub fn add(&mut self, outcome: Outcome) -> OutcomeId {
        match self.0.iter().position(|known| *known == outcome) {
            Some(index) => OutcomeId(u32::try_from(index).unwrap_or(u32::MAX)),
            None => self.append(outcome),
        }
    }

    /// Adds an outcome that is not there yet, without looking: for policies with thousands.
    pub fn append(&mut self, outcome: Outcome) -> OutcomeId {
        self.0.push(outcome);
        OutcomeId(u32::try_from(self.0.len().saturating_sub(1)).unwrap_or(u32::MAX))
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The outcome with this id; `None` only for an id of another policy.
    pub fn get(&self, id: OutcomeId) -> Option<&Outcome> {
        self.0.get(id.index())
    }

    /// All outcomes, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Outcome> {
        self.0.iter()
    }
}

/// A fact about a decision that only the request could tell. Goes into the event's `portcullis.details` object.
#[derive(Clone, Debug, PartialEq)]
pub struct Detail {
    /// The field's name, `snake_case`.
    pub name: &'static str,
    /// The field's value.
    pub value: serde_json::Value,
}

impl Detail {
    /// The value as a header has it: a text without quotes.
    pub fn as_header(&self) -> Cow<'_, str> {
        self.value.as_str().map_or_else(|| self.value.to_string().into(), Into::into)
    }
}

/// One decision about one request.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// Which of the policy's outcomes it is.
    pub outcome: OutcomeId,
    /// What only this request could tell. An empty list allocates nothing.
    pub details: Vec<Detail>,
}

impl From<OutcomeId> for Decision {
    fn from(outcome: OutcomeId) -> Self {
        Self { outcome, details: Vec::new() }
    }
}
