//! JSON Object Signing: tokens, keys, signatures and claims (RFC 7515, 7517, 7518, 7519, 8725, 8037).
//!
//! A token goes through these steps, and the first that finds a fault names it by a [`Fault`]: its three parts and its
//! header are read strictly, a key is chosen by the rules of the provider, the signature is verified, and only
//! then are the claims believed.

mod algorithm;
mod base64url;
mod comb;
mod der;
mod ecdsa;
mod ed25519;
mod fault;
mod hash;
mod jwk;
mod key;
mod key_set;
mod rsa;
mod secret;
#[cfg(test)]
mod testing;

pub use algorithm::{Algorithm, KeyType};
pub use fault::Fault;
pub use hash::Hash;
pub use jwk::{KeyFault, Secrets};
pub use key::{Key, NativeVerify};
pub use key_set::{KeySet, KeySetFault, LeftOut};
