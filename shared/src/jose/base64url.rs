//! Base64url without padding (RFC 7515 section 2).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// The bytes, if the text is their one spelling: no padding, no blanks, no bits set after the last byte.
pub(super) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}
