//! Where the workers of a process meet.

use std::{borrow::Cow, cell::RefCell, collections::BTreeMap};

/// The `cas` that lets [`Store::set`] succeed only while the key is absent. Envoy takes any `cas` for an absent key, and
/// gives this one to no value; 0 would overwrite.
pub const ABSENT: u32 = u32::MAX;

/// A key-value store that all workers share: Envoy's shared data. Values are copied as wholes, and no key ever goes.
pub trait Store {
    /// A key's value, `None` when there is none.
    fn get(&self, key: &str) -> Result<Option<Stored<'_>>, Unavailable>;

    /// Sets a key to `value` if its value is still the one that came with `cas`, or if it has none and `cas` is
    /// [`ABSENT`].
    fn set(&self, key: &str, value: &[u8], cas: u32) -> Result<(), NotSet>;
}

/// A value in a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored<'a> {
    /// The value.
    pub value: Cow<'a, [u8]>,
    /// For [`Store::set`]: changes with each change of the value; never 0.
    pub cas: u32,
}

/// The store does not work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unavailable;

/// Why a value was not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotSet {
    /// Another worker was first.
    CasMismatch,
    /// The store does not work.
    Unavailable,
}

/// A store of one worker, for tests and tools.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore(RefCell<BTreeMap<String, (Vec<u8>, u32)>>);

impl Store for MemoryStore {
    fn get(&self, key: &str) -> Result<Option<Stored<'_>>, Unavailable> {
        let values = self.0.borrow();
        let stored = values.get(key).map(|(value, cas)| Stored { value: value.clone().into(), cas: *cas });
        Ok(stored)
    }

    fn set(&self, key: &str, value: &[u8], cas: u32) -> Result<(), NotSet> {
        let mut values = self.0.borrow_mut();
        let known = values.get(key).map(|(_, known)| *known);
        if known.is_some_and(|known| known != cas) {
            return Err(NotSet::CasMismatch);
        }
        let next = known.unwrap_or_default().saturating_add(1);
        values.insert(key.to_owned(), (value.to_vec(), next));
        Ok(())
    }
}
