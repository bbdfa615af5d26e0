//! Tokens that were verified before.

#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, DefaultHasher, Hasher},
    rc::Rc,
};

use crate::hashed::Hashed;

/// Bytes of an entry's own, without its token and value.
const OVERHEAD: usize = 128;

/// How many bytes of a token are hashed, from its end. The signatures of all algorithms are longer in base64url.
const HASHED: usize = 32;

/// What is known of verified tokens, by provider and token, held to a number of entries and to a sum of bytes.
///
/// Only tokens that **are verified** may be put in. All but the last bytes of a token are its claims, which are the same
/// in many tokens; so only its last bytes are hashed, which are of the signature and which nobody can choose. A token is
/// found only if it is equal in full.
///
/// When there is no room, what was not asked for since the hand last passed goes first (CLOCK): a flood of tokens that
/// are used once does not push out those in use. Of two tokens with one hash, the newer one is kept.
#[derive(Debug)]
pub struct TokenCache<T> {
    key: [u64; 2],
    max_entries: usize,
    max_bytes: usize,
    places: HashMap<u64, usize, BuildHasherDefault<Hashed>>,
    slots: Vec<Option<Entry<T>>>,
    free: Vec<usize>,
    hand: usize,
    bytes: usize,
    evictions: u64,
}

#[derive(Debug)]
struct Entry<T> {
    hash: u64,
    provider: u16,
    /// Whether it was asked for since the hand last passed.
    hot: bool,
    token: Box<[u8]>,
    until: u64,
    bytes: usize,
    value: Rc<T>,
}

/// What a cache holds, and what it dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Entries held, those that have ended but were not asked for since among them.
    pub entries: usize,
    /// Their sum of bytes, as [`TokenCache::insert`] counts.
    pub bytes: usize,
    /// How many entries had to go before their end, to make room for others.
    pub evictions: u64,
}

impl<T> TokenCache<T> {
    /// An empty cache for `max_entries` entries and `max_bytes` bytes, either of which may be 0. `key` is random and
    /// secret.
    pub fn new(key: [u64; 2], max_entries: usize, max_bytes: usize) -> Self {
        Self {
            key,
            max_entries,
            max_bytes,
            places: HashMap::default(),
            slots: Vec::new(),
            free: Vec::new(),
            hand: 0,
            bytes: 0,
            evictions: 0,
        }
    }

    /// What is known of a token, if it is known and has not ended at `now`, in nanoseconds since 1970.
    pub fn get(&mut self, provider: u16, token: &[u8], now: u64) -> Option<Rc<T>> {
        let place = *self.places.get(&self.hash(provider, token))?;
        let entry = self.slots.get_mut(place)?.as_mut()?;
        if entry.provider != provider || !equal(&entry.token, token) {
            return None;
        }
        if now >= entry.until {
            self.remove(place);
            return None;
        }
        entry.hot = true;
        Some(Rc::clone(&entry.value))
    }

    /// Puts in what is known of a verified token up to `until`, in nanoseconds since 1970. An entry counts as
    /// `value_bytes` plus the token's length plus 128; one that would not fit alone is not kept.
    pub fn insert(&mut self, provider: u16, token: &[u8], value: Rc<T>, value_bytes: usize, until: u64, now: u64) {
        let bytes = value_bytes.saturating_add(token.len()).saturating_add(OVERHEAD);
        if bytes > self.max_bytes || self.max_entries == 0 || now >= until {
            return;
        }
        let hash = self.hash(provider, token);
        if let Some(place) = self.places.get(&hash) {
            self.remove(*place);
        }
        while !self.places.is_empty() && !self.has_room(bytes) {
            self.evict(now);
        }
        let place = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len().saturating_sub(1)
        });
        if let Some(slot) = self.slots.get_mut(place) {
            *slot = Some(Entry { hash, provider, hot: false, token: token.into(), until, bytes, value });
            self.places.insert(hash, place);
            self.bytes = self.bytes.saturating_add(bytes);
        }
    }

    /// Keeps the entries of which `keep` says so: for keys that are gone, and for revoked tokens. Takes time for each
    /// entry.
    pub fn retain(&mut self, mut keep: impl FnMut(u16, &T) -> bool) {
        for place in 0..self.slots.len() {
            let entry = self.slots.get(place).and_then(Option::as_ref);
            if entry.is_some_and(|entry| !keep(entry.provider, &entry.value)) {
                self.remove(place);
            }
        }
    }

    /// Forgets all entries, and keeps the count of evictions.
    pub fn clear(&mut self) {
        self.retain(|_, _| false);
    }

    /// What is held and was dropped.
    pub fn statistics(&self) -> Statistics {
        Statistics { entries: self.places.len(), bytes: self.bytes, evictions: self.evictions }
    }

    fn has_room(&self, bytes: usize) -> bool {
        self.places.len() < self.max_entries && self.bytes.saturating_add(bytes) <= self.max_bytes
    }

    fn remove(&mut self, place: usize) {
        if let Some(entry) = self.slots.get_mut(place).and_then(Option::take) {
            self.places.remove(&entry.hash);
            self.bytes = self.bytes.saturating_sub(entry.bytes);
            self.free.push(place);
        }
    }

    /// Moves the hand by one place, and drops what is there unless it is hot. All are cold after one round, so the
    /// second finds something.
    fn evict(&mut self, now: u64) {
        let place = self.hand;
        self.hand = if place.saturating_add(1) < self.slots.len() { place.saturating_add(1) } else { 0 };
        let Some(entry) = self.slots.get_mut(place).and_then(Option::as_mut) else { return };
        let ended = now >= entry.until;
        if entry.hot && !ended {
            entry.hot = false;
        } else {
            self.remove(place);
            self.evictions = self.evictions.saturating_add(u64::from(!ended));
        }
    }

    fn hash(&self, provider: u16, token: &[u8]) -> u64 {
        let end = token.last_chunk::<HASHED>().map_or(token, <[u8; HASHED]>::as_slice);
        // SipHash; the key is a prefix, as std has no stable way to set it.
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(self.key[0]);
        hasher.write_u64(self.key[1]);
        hasher.write_u16(provider);
        hasher.write(end);
        hasher.finish()
    }
}

/// Equality eight bytes at a time: what WebAssembly's C library has goes byte by byte.
fn equal(one: &[u8], other: &[u8]) -> bool {
    let ((one_words, one_rest), (other_words, other_rest)) = (one.as_chunks::<8>(), other.as_chunks::<8>());
    let word = |bytes: &[u8; 8]| u64::from_ne_bytes(*bytes);
    one.len() == other.len()
        && one_words.iter().zip(other_words).all(|(one, other)| word(one) == word(other))
        && one_rest == other_rest
}
