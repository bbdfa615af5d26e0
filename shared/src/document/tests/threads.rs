//! Workers as they are: threads that read and write at the same time.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    thread,
};

use super::{MS, SECOND, START, source, xorshift};
use crate::{
    document::{Answer, Document, Failure, Step},
    store::{ABSENT, NotSet, Store, Stored, Unavailable},
};

/// [`Memory`](super::Memory) for threads.
#[derive(Default)]
struct Shared(Mutex<(Values, u32)>);

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
        if let Some((_, known)) = values.get(key)
            && *known != cas
        {
            return Err(NotSet::CasMismatch);
        }
        *last += 1;
        assert!(*last < ABSENT);
        values.insert(key.to_owned(), (value.to_vec(), *last));
        Ok(())
    }
}

struct World {
    store: Shared,
    now: AtomicU64,
    /// When the fetch under way began; 0: none is.
    began: AtomicU64,
    fetches: AtomicU64,
    /// What the service has.
    document: AtomicU64,
}

const END: u64 = START + 600 * SECOND;

impl World {
    /// Works till the end, and returns what it has then.
    fn work(&self, seed: u64) -> (u64, Document) {
        let mut document = Document::new("jwt_bola", source(r#", "refresh_s": 10"#));
        let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut held = 0;
        while self.now.load(SeqCst) < END {
            let now = self.now.load(SeqCst);
            // Time stands still while a fetch is old, so that none is lost.
            let began = self.began.load(SeqCst);
            if seed == 1 && (began == 0 || now < began + SECOND) {
                self.now.fetch_add(20 * MS, SeqCst);
            }
            if xorshift(&mut random).is_multiple_of(50) {
                let _ = document.demand(now, &self.store);
            }
            held = self.poll(&mut document, &mut random, now, held);
            thread::yield_now();
        }
        (held, document)
    }

    fn poll(&self, document: &mut Document, random: &mut u64, now: u64, mut held: u64) -> u64 {
        while let Some(step) = document.poll(now, &mut || xorshift(random), &self.store) {
            match step {
                Step::New { body, .. } => {
                    let new: u64 = std::str::from_utf8(&body).unwrap().parse().unwrap();
                    assert!(new > held, "{new} after {held}");
                    held = new;
                }
                Step::Renewed { .. } => {}
                Step::Fetch(id) => {
                    assert_eq!(self.began.swap(now, SeqCst), 0, "two fetches at a time");
                    self.fetches.fetch_add(1, SeqCst);
                    thread::yield_now();
                    let changes = xorshift(random).is_multiple_of(2);
                    let new = self.document.fetch_add(u64::from(changes), SeqCst) + u64::from(changes);
                    let body = new.to_string();
                    let fails = xorshift(random).is_multiple_of(8);
                    let result = if fails { Err(Failure::BadStatus(500)) } else { Ok(body.as_bytes()) };
                    // Others may fetch from the moment that this is told.
                    self.began.store(0, SeqCst);
                    match document.answered(id, result, now, &mut || xorshift(random), &self.store) {
                        Answer::New | Answer::Unchanged => {
                            assert!(new >= held);
                            held = new;
                        }
                        Answer::Failed(_) => assert!(fails),
                        Answer::Ignored => panic!("nothing was late"),
                    }
                }
            }
        }
        held
    }
}

#[test]
fn threads_agree() {
    let world =
        World { store: Shared::default(), now: START.into(), began: 0.into(), fetches: 0.into(), document: 0.into() };
    let held: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (1..=8)
            .map(|seed| {
                scope.spawn({
                    let world = &world;
                    move || world.work(seed)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let fetches = world.fetches.load(SeqCst);
    assert!(fetches > 20, "{fetches}");
    // One more round for all, and another for what it may have brought.
    let mut random = 1;
    let mut held = held;
    for _ in 0..2 {
        for (held, document) in &mut held {
            *held = world.poll(document, &mut random, END, *held);
        }
    }
    assert!(held.iter().all(|(held, document)| *held > 0 && document.is_usable(END)));
    let (first, _) = held[0];
    assert!(held.iter().all(|(held, _)| *held == first));
}
