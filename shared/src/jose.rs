//! JSON Object Signing: tokens, keys, signatures and claims (RFC 7515, 7517, 7518, 7519, 8725, 8037).
//!
//! A token is found in the request (and where it is not, a [`SourceFault`] says why). If it was verified before, it is in
//! the [`TokenCache`]; else it goes through these steps, and the first that finds a fault names it by a [`Fault`]: its
//! three parts and its header are read strictly, a key is chosen by the rules of the provider, the signature is verified,
//! and only then are the claims believed. At last the [`Revocations`] are asked, and again for what is remembered when they change.

mod algorithm;
mod base64url;
mod bearer;
mod cache;
mod claims;
mod comb;
mod der;
mod ecdsa;
mod ed25519;
mod fault;
mod hash;
mod jwk;
mod key;
mod key_set;
mod revocation;
mod rsa;
mod secret;
#[cfg(test)]
mod testing;
mod token;

pub use algorithm::{Algorithm, KeyType};
pub use bearer::{
    Found, SourceFault, find_in_cookies, find_in_header, find_in_query, without_cookie, without_parameter,
};
pub use cache::{Statistics, TokenCache};
pub use claims::{ClaimRules, Claims, Missed, Validity};
pub use fault::Fault;
pub use hash::Hash;
pub use jwk::{KeyFault, Secrets};
pub use key::{Key, NativeVerify};
pub use key_set::{KeySet, KeySetFault, LeftOut};
pub use revocation::{
    Identifier, Revocations, Revoked, RevokedKey, RevokedSubject, RevokedThings, RevokedToken, TextOr,
};
pub use token::{Compact, media_type_is};
