use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::{
    config::{Errors, parse},
    ownership::enumeration::{Alarm, Enumeration, EnumerationConfig, Noted},
    store::{ABSENT, NotSet, Store, Stored, Unavailable},
};

/// A store as Envoy has it: versions, and nothing is deleted.
#[derive(Default)]
struct Memory {
    values: RefCell<BTreeMap<String, (Vec<u8>, u32)>>,
    /// Writes that others win from now on.
    lost: Cell<usize>,
    broken: Cell<bool>,
}

impl Store for Memory {
    fn get(&self, key: &str) -> Result<Option<Stored<'_>>, Unavailable> {
        let stored = self.values.borrow().get(key).cloned();
        Ok(stored.map(|(value, cas)| Stored { value: value.into(), cas }))
    }

    fn set(&self, key: &str, value: &[u8], cas: u32) -> Result<(), NotSet> {
        if self.broken.get() {
            return Err(NotSet::Unavailable);
        }
        if let Some(left) = self.lost.get().checked_sub(1) {
            self.lost.set(left);
            return Err(NotSet::CasMismatch);
        }
        let mut values = self.values.borrow_mut();
        let version = values.get(key).map_or(ABSENT, |(_, version)| *version);
        if version != cas {
            return Err(NotSet::CasMismatch);
        }
        values.insert(key.to_owned(), (value.to_vec(), version.wrapping_add(1)));
        Ok(())
    }
}

fn watch(objects: u16, window_s: u32) -> Enumeration {
    let mut errors = Errors::default();
    let watch = Enumeration::new(&EnumerationConfig { objects, window_s }, "e.", &"$", &mut errors);
    assert!(errors.is_empty(), "{errors}");
    watch
}

fn alarm(objects: usize, within_s: u32) -> Noted {
    Noted { alarm: Some(Alarm { objects, within_s }), ..Noted::default() }
}

const QUIET: Noted = Noted { alarm: None, evicted: false, lost: false };

#[test]
fn an_alarm_is_raised_once_in_a_window() {
    let (watch, store) = (watch(3, 60), Memory::default());
    for (object, now) in [(1, 1000), (2, 1001), (1, 1002), (3, 1003), (3, 1004)] {
        assert_eq!(watch.note(7, object, now, &store), QUIET, "{object}");
    }
    // The first object was last tried at 1002, the second at 1001.
    assert_eq!(watch.note(7, 4, 1005, &store), alarm(4, 4));
    for object in 5..50 {
        assert_eq!(watch.note(7, object, 1010, &store), QUIET);
    }
    assert_eq!(watch.note(7, 50, 1064, &store), QUIET);
    // The window of the alarm is over, and those of 1010 are still in theirs.
    assert_eq!(watch.note(7, 51, 1065, &store), alarm(4, 55));
}

#[test]
fn what_is_old_does_not_count() {
    let (watch, store) = (watch(2, 10), Memory::default());
    for (object, now) in [(1, 100), (2, 105), (3, 110), (4, 115), (5, 125)] {
        assert_eq!(watch.note(7, object, now, &store), QUIET, "{object}");
    }
    assert_eq!(watch.note(7, 6, 126, &store), QUIET);
    assert_eq!(watch.note(7, 7, 134, &store), alarm(3, 9));
}

#[test]
fn subjects_are_counted_apart() {
    let (watch, store) = (watch(1, 60), Memory::default());
    // All in one slot.
    for subject in [0, 256, 512] {
        assert_eq!(watch.note(subject, 1, 1000, &store), QUIET);
    }
    assert_eq!(watch.note(256, 2, 1000, &store), alarm(2, 0));
    assert_eq!(watch.note(512, 2, 1000, &store), alarm(2, 0));
    assert_eq!(store.values.borrow().len(), 1);
    assert_eq!(watch.note(1, 1, 1000, &store), QUIET);
    assert_eq!(store.values.borrow().len(), 2);
}

#[test]
fn the_subject_unheard_of_for_longest_makes_room() {
    let (watch, store) = (watch(1, 60), Memory::default());
    for subject in 0..4 {
        assert_eq!(watch.note(subject * 256, 1, 1000, &store), QUIET);
    }
    assert_eq!(watch.note(0, 1, 1001, &store), QUIET);
    assert_eq!(watch.note(4 * 256, 1, 1002, &store), Noted { evicted: true, ..QUIET });
    assert_eq!(watch.note(0, 2, 1003, &store), alarm(2, 2));
    // 256 was forgotten, for which 512 now is.
    assert_eq!(watch.note(256, 2, 1003, &store), Noted { evicted: true, ..QUIET });
    // Those whose window is over leave room.
    assert_eq!(watch.note(5 * 256, 2, 2000, &store), QUIET);
}

#[test]
fn memory_is_bounded() {
    let (watch, store) = (watch(63, 60), Memory::default());
    for subject in 0..4 {
        for object in 0..200 {
            watch.note(subject * 256, object, 1000, &store);
        }
    }
    let values = store.values.borrow();
    let (value, _) = values.values().next().unwrap();
    assert_eq!((values.len(), value.len()), (1, 1 + 4 * (13 + 64 * 12)));
}

#[test]
fn a_clock_that_goes_back_forgets_nothing() {
    let (watch, store) = (watch(2, 10), Memory::default());
    for (object, now) in [(1, 1000), (2, 500)] {
        assert_eq!(watch.note(7, object, now, &store), QUIET);
    }
    assert_eq!(watch.note(7, 3, 500, &store), alarm(3, 0));
    assert_eq!(watch.note(7, 3, u64::MAX, &store), QUIET);
}

#[test]
fn a_store_that_fails_loses_notes_and_says_so() {
    let (watch, store) = (watch(1, 60), Memory::default());
    store.lost.set(7);
    assert_eq!(watch.note(7, 1, 1000, &store), QUIET);
    store.lost.set(8);
    assert_eq!(watch.note(7, 2, 1000, &store), Noted { lost: true, ..QUIET });
    assert_eq!(watch.note(7, 2, 1000, &store), alarm(2, 0));
    store.broken.set(true);
    assert_eq!(watch.note(7, 3, 1000, &store), Noted { lost: true, ..QUIET });
}

#[test]
fn what_others_wrote_is_replaced() {
    for junk in ["", "\u{1}", "\u{2}", "\u{1}1234567", "\u{1}12345678abcd\u{7f}", "\u{1}12345678abcd\u{1}12345678abc"] {
        let (watch, store) = (watch(1, 60), Memory::default());
        store.set("e.7", junk.as_bytes(), ABSENT).unwrap();
        assert_eq!(watch.note(7, 1, 1000, &store), QUIET, "{junk:?}");
        assert_eq!(watch.note(7, 2, 1000, &store), alarm(2, 0), "{junk:?}");
    }
}

#[test]
fn its_configuration_is_checked() {
    for (json, fault) in [
        (r#"{"objects": 0}"#, "$.e.objects: expected a whole number from 1 to 63, found 0"),
        (r#"{"objects": 64}"#, "$.e.objects: expected a whole number from 1 to 63, found 64"),
        (r#"{"window_s": 0}"#, "$.e.window_s: expected a whole number from 1 to 86400, found 0"),
        (r#"{"window_s": 86401}"#, "$.e.window_s: expected a whole number from 1 to 86400, found 86401"),
        (r#"{"objects": 63, "window_s": 86400}"#, ""),
        ("{}", ""),
    ] {
        let mut errors = Errors::default();
        Enumeration::new(&parse(json.as_bytes()).unwrap(), "", &"$.e", &mut errors);
        assert_eq!(errors.to_string(), fault, "{json}");
    }
}
