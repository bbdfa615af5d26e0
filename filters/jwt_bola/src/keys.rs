//! A provider's keys.

use portcullis_shared::jose::{KeySet, Secrets};
use std::{cell::RefCell, rc::Rc};

/// Where a provider's keys are.
#[derive(Debug)]
pub(crate) enum Keys {
    /// From the configuration or the environment.
    Fixed(Rc<KeySet>),
    /// Fetched.
    Remote {
        /// The document's position.
        document: usize,
        current: RefCell<Option<Rc<KeySet>>>,
    },
}

impl Keys {
    /// The keys that are there now.
    pub(crate) fn current(&self) -> Option<Rc<KeySet>> {
        match self {
            Self::Fixed(keys) => Some(Rc::clone(keys)),
            Self::Remote { current, .. } => current.try_borrow().ok()?.clone(),
        }
    }

    /// The document that they come from.
    pub(crate) const fn document(&self) -> Option<usize> {
        match self {
            Self::Fixed(_) => None,
            Self::Remote { document, .. } => Some(*document),
        }
    }

    /// Takes new keys if they come from this document.
    pub(crate) fn replace(&self, fetched: usize, keys: &Rc<KeySet>) -> bool {
        match self {
            Self::Remote { document, current } if *document == fetched => {
                current.replace(Some(Rc::clone(keys)));
                true
            }
            _ => false,
        }
    }
}

/// Reads a fetched key set, and says what is left out of it.
pub(crate) fn read(body: &[u8]) -> Result<(Rc<KeySet>, Option<String>), String> {
    let (keys, left_out) = KeySet::parse(body, Secrets::Refuse).map_err(|fault| fault.to_string())?;
    // A key set without a key would lock everybody out: it is taken for a mistake.
    if keys.is_empty() {
        return Err(format!("no key that can be used; left out: {}", listed(&left_out)));
    }
    let warning = (!left_out.is_empty()).then(|| format!("keys left out: {}", listed(&left_out)));
    Ok((Rc::new(keys), warning))
}

/// What was left out, for the log.
pub(crate) fn listed(left_out: &[portcullis_shared::jose::LeftOut]) -> String {
    left_out.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
