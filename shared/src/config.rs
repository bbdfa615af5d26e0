//! Strict configuration: every fault is found at load and named by JSON path, what was expected and what was found.

pub(crate) mod callout;
mod decode;
mod parse;
#[cfg(test)]
mod tests;
mod types;

use std::fmt::{self, Display};

pub use callout::{check_cluster, headers, is_authority, is_token, variable};
pub(crate) use decode::said;
pub use decode::{Decode, Fields, Named, Node, Texts, describe_default};
pub use parse::{parse, parse_json};

/// Where secrets named by the configuration come from: the VM's environment, by variable name.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// One fault in a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// Where, as a JSON path (RFC 9535) such as `$.rules[3].regex[0]`.
    pub path: String,
    /// What is wrong, as `expected …, found …`.
    pub message: String,
}

impl Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

/// All faults found in a configuration. Collected, so that an operator mends them in one go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Errors(Vec<ConfigError>);

impl Errors {
    /// Faults beyond this many are counted, not listed: the list goes into one log line.
    const LISTED: usize = 20;

    /// Adds a fault at `path`.
    pub fn add(&mut self, path: impl Display, expected: impl Display, found: impl Display) {
        self.add_any(&path, &expected, &found);
    }

    /// [`Errors::add`] once for all types: code that Envoy would compile at each start.
    #[inline(never)]
    fn add_any(&mut self, path: &dyn Display, expected: &dyn Display, found: &dyn Display) {
        self.fault(path, format!("expected {expected}, found {found}"));
    }

    /// Adds a fault whose message says what was expected and what was found.
    pub fn fault(&mut self, path: impl Display, message: String) {
        self.0.push(ConfigError { path: path.to_string(), message });
    }

    /// Adds the faults that another part of the configuration has.
    pub fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    /// Whether no fault was found.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The faults, in the order in which they were found.
    pub fn iter(&self) -> impl Iterator<Item = &ConfigError> {
        self.0.iter()
    }

    /// `value` when no fault was found, else the faults.
    pub fn into_result<T>(self, value: T) -> Result<T, Self> {
        if self.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().take(Self::LISTED).enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{error}")?;
        }
        match self.0.len().saturating_sub(Self::LISTED) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

impl std::error::Error for Errors {}

/// Quotes what was found for an error message, shortened so that a huge value does not flood the log.
pub fn quoted(found: &str) -> String {
    const SHOWN: usize = 80;
    let mut shown: String = found.chars().take(SHOWN).collect();
    if shown.len() < found.len() {
        shown.push('…');
    }
    format!("{shown:?}")
}

/// Checks a name that becomes a metric label and an event field: `[A-Za-z0-9][A-Za-z0-9._-]{0,63}`.
pub fn check_name(name: &str, path: impl Display, errors: &mut Errors) {
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if !starts_well || name.len() > 64 || !name.chars().all(good) {
        errors.add(
            path,
            "a name of 1 to 64 letters, digits, '.', '_' or '-' that starts with a letter or digit",
            quoted(name),
        );
    }
}
