//! What is revoked: by the configuration, and by the list that is fetched.

use portcullis_shared::{
    jose::{Claims, Revocations, RevokedThings},
    request::Request,
};
use std::cell::RefCell;

use crate::verified::Verified;

/// The most entries of a fetched list.
const MAX_ENTRIES: usize = 100_000;

/// Both lists.
#[derive(Debug, Default)]
pub(crate) struct RevokedLists {
    fixed: Revocations,
    fetched: RefCell<Option<Revocations>>,
    /// The list that is fetched, by its position among the documents.
    document: Option<usize>,
    /// Whether nothing passes without the fetched list.
    required: bool,
}

impl RevokedLists {
    pub(crate) fn new(fixed: Revocations, document: Option<usize>, required: bool) -> Self {
        Self { fixed, fetched: RefCell::default(), document, required }
    }

    /// Whether the lists that are needed are there.
    pub(crate) fn is_known(&self, request: &dyn Request) -> bool {
        !self.required || self.document.is_none_or(|document| request.has_document(document))
    }

    pub(crate) fn is_document(&self, document: usize) -> bool {
        self.document == Some(document)
    }

    pub(crate) fn read(body: &[u8]) -> Result<Revocations, String> {
        let things = RevokedThings::parse(body, MAX_ENTRIES).map_err(|errors| errors.to_string())?;
        Ok(things.into())
    }

    pub(crate) fn replace(&self, list: Revocations) {
        self.fetched.replace(Some(list));
    }

    /// Whether a token is revoked: by what it says, or by the key that verified it, whose id it need not say.
    pub(crate) fn revokes(&self, claims: &Claims, kid: Option<&str>, key: Option<&str>) -> bool {
        let revokes = |list: &Revocations| {
            list.revokes(claims, kid).is_some() || (key != kid && list.revokes(claims, key).is_some())
        };
        // A list that is just being replaced, which cannot be, revokes everything.
        revokes(&self.fixed) || self.fetched.try_borrow().map_or(true, |list| list.as_ref().is_some_and(revokes))
    }

    pub(crate) fn revokes_known(&self, known: &Verified) -> bool {
        self.revokes(&known.identity.claims, known.identity.kid.as_deref(), known.identity.key.as_deref())
    }
}
