//! Subjects who are refused many different objects.

use portcullis_shared::{
    config::Errors,
    ownership::enumeration::{Alarm, Enumeration, EnumerationConfig},
    request::Request,
    store::{ABSENT, Store},
};
use std::{
    cell::OnceCell,
    hash::{BuildHasher, DefaultHasher, Hasher, RandomState},
};

use crate::verified::Verified;

/// Watches denials.
#[derive(Debug)]
pub(crate) struct Watch {
    enumeration: Enumeration,
    /// With which all workers hash, so that nobody can choose ids that are taken for one another.
    secret: OnceCell<Vec<u8>>,
}

impl Watch {
    const PREFIX: &str = "portcullis.jwt_bola.enumeration.1.";
    const SECRET: &str = "portcullis.jwt_bola.enumeration.1.secret";

    pub(crate) fn new(config: &EnumerationConfig, errors: &mut Errors) -> Self {
        let enumeration = Enumeration::new(config, Self::PREFIX, &"$.enumeration", errors);
        Self { enumeration, secret: OnceCell::new() }
    }

    /// Notes that a caller was denied an object; an alarm if it was one too many.
    pub(crate) fn note(&self, caller: &Verified, object: &str, request: &dyn Request) -> Option<Alarm> {
        let claims = &caller.identity.claims;
        let secret = self.secret.get_or_init(|| secret(request.store()));
        let hash = |texts: &[&str]| {
            let mut hasher = DefaultHasher::new();
            hasher.write(secret);
            for text in texts {
                hasher.write_usize(text.len());
                hasher.write(text.as_bytes());
            }
            hasher.finish()
        };
        let subject = hash(&[claims.issuer().unwrap_or_default(), claims.subject().unwrap_or_default()]);
        let now_s = request.now().checked_div(1_000_000_000).unwrap_or_default();
        self.enumeration.note(subject, hash(&[object]), now_s, request.store()).alarm
    }
}

/// The secret of all workers, which the first of them makes. Without a store each has its own, and counts for itself.
fn secret(store: &dyn Store) -> Vec<u8> {
    let known = || store.get(Watch::SECRET).ok().flatten().map(|stored| stored.value.into_owned());
    known().unwrap_or_else(|| {
        // Its keys are random.
        let half = || RandomState::new().build_hasher().finish().to_le_bytes();
        let own = [half(), half()].concat();
        // Who loses the race takes the winner's.
        let _ = store.set(Watch::SECRET, &own, ABSENT);
        known().unwrap_or(own)
    })
}
