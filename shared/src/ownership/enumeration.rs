//! Who is denied many objects: a caller who tries ids one after another.
//!
//! Only denials are noted, in a fixed number of slots of a store that all workers share. A subject's hash names its
//! slot; a slot holds a few subjects, each with the hashes of its objects and when they were last denied. The one
//! that was not heard of for longest makes room for a new one, so an attacker with very many accounts can push himself
//! out of memory, but not fill it.

use crate::{
    config::Errors,
    config_struct,
    store::{ABSENT, NotSet, Store},
};

config_struct! {
    /// When to raise an event about a caller who is denied many objects.
    #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
    pub struct EnumerationConfig {
        /// More different objects than this, from 1 to 63.
        #[schemars(range(min = 1, max = 63))]
        pub objects: u16 = 10,
        /// Within so many seconds, from 1 to 86400.
        #[schemars(range(min = 1, max = 86400))]
        pub window_s: u32 = 300,
    }
}

/// The most objects that are kept of one subject.
const MAX_OBJECTS: u16 = 64;

/// Subjects that share a slot.
const SUBJECTS: usize = 4;

/// Slots in the store: with 4 subjects each of 64 objects of 12 bytes, 800 KB at most.
const SLOTS: u64 = 256;

/// Attempts to write a slot while other workers write it too.
const ATTEMPTS: usize = 8;

/// Watches denials.
#[derive(Clone, Debug)]
pub struct Enumeration {
    objects: usize,
    window_s: u32,
    prefix: Box<str>,
}

/// One subject was denied more different objects than allowed. Raised once per window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// How many different objects in the window.
    pub objects: usize,
    /// Seconds since the first of them was last tried.
    pub within_s: u32,
}

/// What became of a note.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Noted {
    /// To be raised now.
    pub alarm: Option<Alarm>,
    /// Another subject, with denials in the window, was forgotten for this one.
    pub evicted: bool,
    /// The note was not kept: the store does not answer, or other workers were quicker each time.
    pub lost: bool,
}

impl Enumeration {
    /// Checks a configuration that stands at `path`. `prefix` keeps the keys apart from those of other users of the
    /// store.
    pub fn new(config: &EnumerationConfig, prefix: &str, path: &dyn std::fmt::Display, errors: &mut Errors) -> Self {
        if !(1..MAX_OBJECTS).contains(&config.objects) {
            errors.add(format_args!("{path}.objects"), "a whole number from 1 to 63", config.objects);
        }
        if !(1..=86400).contains(&config.window_s) {
            errors.add(format_args!("{path}.window_s"), "a whole number from 1 to 86400", config.window_s);
        }
        Self { objects: config.objects.into(), window_s: config.window_s, prefix: prefix.into() }
    }

    /// Notes that a subject was denied an object, at a time in seconds by a clock that all workers share.
    ///
    /// The hashes must be keyed with a secret, or a caller could choose ids that are taken for one another.
    pub fn note(&self, subject: u64, object: u64, now_s: u64, store: &dyn Store) -> Noted {
        let now_s = u32::try_from(now_s).unwrap_or(u32::MAX);
        let key = format!("{}{}", self.prefix, subject.checked_rem(SLOTS).unwrap_or(0));
        for _ in 0..ATTEMPTS {
            let Ok(stored) = store.get(&key) else { break };
            let cas = stored.as_ref().map_or(ABSENT, |stored| stored.cas);
            // What cannot be read was written by another version, or by others under our key: it is replaced.
            let mut slot = stored.and_then(|stored| Slot::read(&stored.value)).unwrap_or_default();
            let (alarm, evicted) = self.note_in(&mut slot, subject, object, now_s);
            match store.set(&key, &slot.write(), cas) {
                Ok(()) => return Noted { alarm, evicted, lost: false },
                Err(NotSet::CasMismatch) => {}
                Err(NotSet::Unavailable) => break,
            }
        }
        Noted { lost: true, ..Noted::default() }
    }

    fn note_in(&self, slot: &mut Slot, subject: u64, object: u64, now_s: u32) -> (Option<Alarm>, bool) {
        let fresh = |time: u32| now_s.saturating_sub(time) < self.window_s;
        for known in &mut slot.0 {
            known.objects.retain(|(_, time)| fresh(*time));
            known.alarmed = known.alarmed.filter(|time| fresh(*time));
        }
        slot.0.retain(|known| !known.objects.is_empty() || known.alarmed.is_some());
        // The one that was heard of last is at the end.
        let mut record = match slot.0.iter().position(|known| known.subject == subject) {
            Some(position) => slot.0.remove(position),
            None => Record { subject, alarmed: None, objects: Vec::new() },
        };
        record.objects.retain(|(known, _)| *known != object);
        while record.objects.len() > self.objects {
            record.objects.remove(0);
        }
        record.objects.push((object, now_s));
        let alarm = (record.objects.len() > self.objects && record.alarmed.is_none()).then(|| {
            record.alarmed = Some(now_s);
            let first = record.objects.first().map_or(now_s, |(_, time)| *time);
            Alarm { objects: record.objects.len(), within_s: now_s.saturating_sub(first) }
        });
        let evicted = slot.0.len() >= SUBJECTS;
        if evicted {
            slot.0.remove(0);
        }
        slot.0.push(record);
        (alarm, evicted)
    }
}

/// What is known of one subject.
#[derive(Debug)]
struct Record {
    subject: u64,
    alarmed: Option<u32>,
    /// Hashes and times, the latest last.
    objects: Vec<(u64, u32)>,
}

/// The subjects of one slot, the latest last.
///
/// As bytes, all numbers little-endian: a version byte; then for each subject its hash (8), the time of its alarm (4, 0
/// for none), the number of objects (1); for each of those its hash (8) and its time (4).
#[derive(Debug, Default)]
struct Slot(Vec<Record>);

const VERSION: u8 = 1;

impl Slot {
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut slot = Self::default();
        let [VERSION, rest @ ..] = bytes else { return None };
        let mut rest = rest;
        while !rest.is_empty() {
            let subject = u64::from_le_bytes(take(&mut rest)?);
            let alarmed = Some(u32::from_le_bytes(take(&mut rest)?)).filter(|time| *time != 0);
            let [count] = take(&mut rest)?;
            if u16::from(count) > MAX_OBJECTS || slot.0.len() >= SUBJECTS {
                return None;
            }
            let object = |_| Some((u64::from_le_bytes(take(&mut rest)?), u32::from_le_bytes(take(&mut rest)?)));
            let objects = (0..count).map(object).collect::<Option<_>>()?;
            slot.0.push(Record { subject, alarmed, objects });
        }
        Some(slot)
    }

    fn write(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        for Record { subject, alarmed, objects } in &self.0 {
            bytes.extend(subject.to_le_bytes());
            bytes.extend(alarmed.unwrap_or(0).to_le_bytes());
            bytes.push(u8::try_from(objects.len()).unwrap_or(u8::MAX));
            for (object, time) in objects {
                bytes.extend(object.to_le_bytes());
                bytes.extend(time.to_le_bytes());
            }
        }
        bytes
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(*taken)
}
