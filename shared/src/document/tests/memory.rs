//! Envoy's shared data, to the letter: `source/extensions/common/wasm` of proxy-wasm's C++ host. And its failures.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
};

use crate::store::{NotSet, Store, Stored, Unavailable};

type Hook = Box<dyn FnOnce(&Memory)>;

#[derive(Default)]
pub(super) struct Memory {
    values: RefCell<BTreeMap<String, (Vec<u8>, u32)>>,
    last_cas: Cell<u32>,
    /// Nothing can be read or written.
    pub(super) is_down: Cell<bool>,
    /// Nothing can be written to keys that end so.
    pub(super) unwritable: Cell<Option<&'static str>>,
    /// What others do just before something is written to a key that ends so.
    hooks: RefCell<Vec<(&'static str, Hook)>>,
}

impl Memory {
    /// Once, before the next `set` of a key that ends so.
    pub(super) fn before_set(&self, key: &'static str, hook: impl FnOnce(&Self) + 'static) {
        self.hooks.borrow_mut().push((key, Box::new(hook)));
    }

    pub(super) fn has_hooks(&self) -> bool {
        !self.hooks.borrow().is_empty()
    }

    /// The value of the only key that ends so.
    pub(super) fn value(&self, key: &str) -> Option<Vec<u8>> {
        let values = self.values.borrow();
        let mut found = values.iter().filter(|(known, _)| known.ends_with(key));
        let value = found.next().map(|(_, (value, _))| value.clone());
        assert!(found.next().is_none());
        value
    }

    /// Overwrites the value of the only key that ends so.
    pub(super) fn overwrite(&self, key: &str, value: &[u8]) {
        let full = self.values.borrow().keys().find(|known| known.ends_with(key)).unwrap().clone();
        self.set(&full, value, 0).unwrap();
    }

    pub(super) fn keys(&self) -> usize {
        self.values.borrow().len()
    }
}

impl Store for Memory {
    fn get(&self, key: &str) -> Result<Option<Stored<'_>>, Unavailable> {
        if self.is_down.get() {
            return Err(Unavailable);
        }
        let values = self.values.borrow();
        Ok(values.get(key).map(|(value, cas)| Stored { value: value.clone().into(), cas: *cas }))
    }

    fn set(&self, key: &str, value: &[u8], cas: u32) -> Result<(), NotSet> {
        let index = self.hooks.borrow().iter().position(|(end, _)| key.ends_with(end));
        if let Some(index) = index {
            let (_, hook) = self.hooks.borrow_mut().remove(index);
            hook(self);
        }
        if self.is_down.get() || self.unwritable.get().is_some_and(|end| key.ends_with(end)) {
            return Err(NotSet::Unavailable);
        }
        let mut values = self.values.borrow_mut();
        if let Some((_, known)) = values.get(key)
            && cas != 0
            && cas != *known
        {
            return Err(NotSet::CasMismatch);
        }
        self.last_cas.set(self.last_cas.get() + 1);
        values.insert(key.to_owned(), (value.to_vec(), self.last_cas.get()));
        Ok(())
    }
}
