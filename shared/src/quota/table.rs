//! Where the states of a limit's clients are.

use std::{
    cell::Cell,
    fmt::{self, Write},
    hash::Hasher,
    num::NonZero,
};

use siphasher::sip128::{Hasher128, SipHasher13};

use super::{
    Algorithm,
    slot::{PLACES, Slot},
};
use crate::{
    config_enum,
    store::{ABSENT, NotSet, Store, Unavailable},
};

/// How often a lost compare-and-swap is tried again. Each loss is another worker's success, so nobody loses this often
/// but by a broken store.
pub(super) const ROUNDS: usize = 10_000;

/// How long a table's secret is.
pub const SECRET_LEN: usize = 16;

config_enum! {
    /// What happens to a client that finds no room.
    #[derive(Default)]
    pub enum OnFull {
        /// Of the clients that are not limited now, the one that has used the least of its quota is forgotten. Where all are
        /// limited the newcomer is refused.
        #[default]
        Evict = "evict",
        /// It is refused.
        Deny = "deny",
        /// It passes, uncounted.
        Allow = "allow",
    }
}

/// The clients of one limit, in a store. A worker's view; all with the same names, algorithm and size are one table.
pub struct Table {
    on_full: OnFull,
    slots: NonZero<u64>,
    /// A store's key: its first bytes stay. Taken while it is used.
    key: Cell<String>,
    prefix: usize,
    /// What becomes the secret if the table has none yet.
    random: [u8; SECRET_LEN],
    secret: Cell<Option<[u8; SECRET_LEN]>>,
    pub(super) counts: CountCells,
}

/// A client of a table: of use with that table alone. Nobody without the table's secret can tell whose it is, or choose it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    pub(super) slot: u32,
    pub(super) tag: u64,
}

/// What happened to a table by this worker since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Clients that were forgotten with some of their quota used; never limited ones.
    pub evicted: u64,
    /// Requests that were refused, or would have been, because there was no room to count them.
    pub full: u64,
    /// Requests that there was no room to count: they passed, or had happened already.
    pub uncounted: u64,
    /// Lost races with other workers, after each of which all was read and judged again.
    pub lost_races: u64,
}

#[derive(Debug, Default)]
pub(super) struct CountCells {
    pub(super) evicted: Cell<u64>,
    pub(super) full: Cell<u64>,
    pub(super) uncounted: Cell<u64>,
    pub(super) lost_races: Cell<u64>,
}

/// Counts one more.
pub(super) fn count(cell: &Cell<u64>) {
    cell.set(cell.get().wrapping_add(1));
}

impl Table {
    /// A table with room for `entries` clients, rounded up to whole slots of 16. Tables of another `namespace` (the filter
    /// and what else is not to be shared) or `limit` share nothing. `random` are random bytes.
    pub fn new(
        namespace: &str,
        limit: &str,
        algorithm: Algorithm,
        entries: u32,
        on_full: OnFull,
        random: [u8; SECRET_LEN],
    ) -> Self {
        let slots = NonZero::new(entries.div_ceil(16)).unwrap_or(NonZero::<u32>::MIN);
        let mut key = String::from("portcullis.ratelimit.1/");
        for name in [namespace, limit] {
            // So that no two pairs of names are one.
            key.push_str(&name.replace('%', "%25").replace('/', "%2f"));
            key.push('/');
        }
        // A string takes all that is written.
        let _ = write!(key, "{}/{slots}/", algorithm.as_str());
        let prefix = key.len();
        // For the longest end.
        key.reserve_exact("secret00".len());
        Self {
            on_full,
            slots: slots.into(),
            key: Cell::new(key),
            prefix,
            random,
            secret: Cell::default(),
            counts: CountCells::default(),
        }
    }

    /// How many clients there is room for.
    pub fn entries(&self) -> u64 {
        self.slots.get().saturating_mul(PLACES as u64)
    }

    /// What happens to a client that finds no room.
    pub const fn on_full(&self) -> OnFull {
        self.on_full
    }

    /// What happened to it.
    pub const fn counts(&self) -> Counts {
        let CountCells { evicted, full, uncounted, lost_races } = &self.counts;
        Counts { evicted: evicted.get(), full: full.get(), uncounted: uncounted.get(), lost_races: lost_races.get() }
    }

    /// The client with this key, which may have parts.
    pub fn client(&self, store: &dyn Store, parts: &[&[u8]]) -> Result<Client, Unavailable> {
        let secret = match self.secret.get() {
            Some(secret) => secret,
            None => self.find_secret(store)?,
        };
        let mut hasher = SipHasher13::new_with_key(&secret);
        for part in parts {
            // So that no two lists of parts are one.
            hasher.write_u64(part.len() as u64);
            hasher.write(part);
        }
        let hash = hasher.finish128();
        let slot = u32::try_from(hash.h1 % self.slots).unwrap_or_default();
        Ok(Client { slot, tag: hash.h2 })
    }

    /// All workers must have the same secret, and keep it when they are configured anew: it is in the store.
    fn find_secret(&self, store: &dyn Store) -> Result<[u8; SECRET_LEN], Unavailable> {
        let secret = self.with_key("secret", |key| {
            for _ in 0..ROUNDS {
                if let Some(stored) = store.get(key)? {
                    return stored.value.as_ref().try_into().map_err(|_| Unavailable);
                }
                match store.set(key, &self.random, ABSENT) {
                    Ok(()) | Err(NotSet::CasMismatch) => {}
                    Err(NotSet::Unavailable) => return Err(Unavailable),
                }
            }
            Err(Unavailable)
        })?;
        self.secret.set(Some(secret));
        Ok(secret)
    }

    /// Whether both are views of one table.
    pub(super) fn is(&self, other: &Self) -> bool {
        if std::ptr::eq(self, other) {
            return true;
        }
        let (own, others) = (self.key.take(), other.key.take());
        let same = own.get(..self.prefix) == others.get(..other.prefix);
        self.key.set(own);
        other.key.set(others);
        same
    }

    /// A slot, and the `cas` with which to set it. A value that is none is an error: what it counted is unknown.
    pub(super) fn read(&self, store: &dyn Store, slot: u32) -> Result<(Slot, u32), Unavailable> {
        self.with_key(Hex::of(slot).as_str(), |key| match store.get(key)? {
            Some(stored) => Ok((Slot::parse(&stored.value).ok_or(Unavailable)?, stored.cas)),
            None => Ok((Slot::EMPTY, ABSENT)),
        })
    }

    /// Sets a slot; `false`: another worker was first.
    pub(super) fn write(&self, store: &dyn Store, slot: u32, value: &Slot, cas: u32) -> Result<bool, Unavailable> {
        match self.with_key(Hex::of(slot).as_str(), |key| store.set(key, value.as_bytes(), cas)) {
            Ok(()) => Ok(true),
            Err(NotSet::CasMismatch) => {
                count(&self.counts.lost_races);
                Ok(false)
            }
            Err(NotSet::Unavailable) => Err(Unavailable),
        }
    }

    /// With the store's key that ends so. No memory is taken.
    fn with_key<T>(&self, end: &str, act: impl FnOnce(&str) -> T) -> T {
        let mut key = self.key.take();
        key.truncate(self.prefix);
        key.push_str(end);
        let done = act(&key);
        self.key.set(key);
        done
    }
}

/// Without the secret.
impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { on_full, slots, counts, .. } = self;
        let mut table = f.debug_struct("Table");
        table.field("on_full", on_full).field("slots", slots).field("counts", counts).finish_non_exhaustive()
    }
}

/// A number in hexadecimal digits, without formatting machinery.
struct Hex([u8; 8]);

impl Hex {
    fn of(number: u32) -> Self {
        let mut digits = [b'0'; 8];
        for (index, digit) in (0_u32..).zip(digits.iter_mut().rev()) {
            let nibble = number.unbounded_shr(index.wrapping_mul(4)) & 0xf;
            *digit = b"0123456789abcdef".get(nibble as usize).copied().unwrap_or_default();
        }
        Self(digits)
    }

    fn as_str(&self) -> &str {
        // Digits always are UTF-8.
        str::from_utf8(&self.0).unwrap_or_default()
    }
}
