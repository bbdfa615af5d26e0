//! Stores that behave as Envoy's does, and worse.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    sync::Mutex,
};

use crate::store::{ABSENT, MemoryStore, NotSet, Store, Stored, Unavailable};

/// For threads.
#[derive(Default)]
pub(super) struct Shared(Mutex<(Values, u32)>);

type Values = BTreeMap<String, (Vec<u8>, u32)>;

impl Store for Shared {
    fn get(&self, key: &str) -> Result<Option<Stored<'_>>, Unavailable> {
        let held = self.0.lock().unwrap();
        Ok(held.0.get(key).map(|(value, cas)| Stored { value: value.clone().into(), cas: *cas }))
    }

    fn set(&self, key: &str, value: &[u8], cas: u32) -> Result<(), NotSet> {
        assert_ne!(cas, 0, "a blind write");
        let mut held = self.0.lock().unwrap();
        let (values, last) = &mut *held;
        match values.get(key) {
            Some((_, known)) if *known != cas => return Err(NotSet::CasMismatch),
            // Envoy would take it: nothing else may come here.
            None => assert_eq!(cas, ABSENT),
            Some(_) => {}
        }
        *last += 1;
        values.insert(key.to_owned(), (value.to_vec(), *last));
        Ok(())
    }
}

impl Shared {
    /// Keys, and bytes of values.
    pub(super) fn size(&self) -> (usize, usize) {
        let held = self.0.lock().unwrap();
        (held.0.len(), held.0.values().map(|(value, _)| value.len()).sum())
    }

    pub(super) fn keys(&self) -> Vec<String> {
        self.0.lock().unwrap().0.keys().cloned().collect()
    }

    /// Overwrites the values whose keys do not end so.
    pub(super) fn spoil(&self, but: &str, value: &[u8]) {
        for (key, (known, _)) in &mut self.0.lock().unwrap().0 {
            if !key.ends_with(but) {
                *known = value.to_vec();
            }
        }
    }
}

type Hook = Box<dyn FnOnce(&dyn Store)>;

/// One worker's view of a store that others act on just before something is set, and that fails.
#[derive(Default)]
pub(super) struct Tricky {
    pub(super) store: MemoryStore,
    pub(super) gets: Cell<usize>,
    pub(super) sets: Cell<usize>,
    /// What is done before the set of this number, counted from 1.
    hooks: RefCell<BTreeMap<usize, Hook>>,
    /// Each set of a number that this divides is lost.
    pub(super) loses_each: Cell<usize>,
    /// Sets fail from this number on, and gets from this one.
    pub(super) fails_from: Cell<Option<(usize, usize)>>,
}

impl Tricky {
    /// Before the set of this number, counted from now.
    pub(super) fn before_set(&self, number: usize, act: impl FnOnce(&dyn Store) + 'static) {
        self.hooks.borrow_mut().insert(self.sets.get() + number, Box::new(act));
    }

    pub(super) fn has_hooks(&self) -> bool {
        !self.hooks.borrow().is_empty()
    }
}

impl Store for Tricky {
    fn get(&self, key: &str) -> Result<Option<Stored<'_>>, Unavailable> {
        self.gets.set(self.gets.get() + 1);
        if self.fails_from.get().is_some_and(|(_, from)| self.gets.get() >= from) {
            return Err(Unavailable);
        }
        self.store.get(key)
    }

    fn set(&self, key: &str, value: &[u8], cas: u32) -> Result<(), NotSet> {
        let number = self.sets.get() + 1;
        self.sets.set(number);
        let hook = self.hooks.borrow_mut().remove(&number);
        if let Some(hook) = hook {
            hook(&self.store);
        }
        if self.fails_from.get().is_some_and(|(from, _)| number >= from) {
            return Err(NotSet::Unavailable);
        }
        if self.loses_each.get() > 0 && number.is_multiple_of(self.loses_each.get()) {
            return Err(NotSet::CasMismatch);
        }
        self.store.set(key, value, cas)
    }
}
