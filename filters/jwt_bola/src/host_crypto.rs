//! Envoy's own verification of signatures: its foreign function `verify_signature`, which is native code.

use portcullis_shared::{
    jose::{Hash, NativeVerify},
    request::Request,
};

/// The function of the host that a request came through.
pub(crate) struct HostCrypto<'a>(pub(crate) &'a dyn Request);

impl NativeVerify for HostCrypto<'_> {
    fn verify(&self, hash: Hash, spki_der: &[u8], signature: &[u8], input: &[u8]) -> Option<bool> {
        let arguments = arguments(hash.as_str(), spki_der, signature, input);
        // A `VerifySignatureResult` with `result` true; its `error` field is an explanation, and its absence no proof.
        self.0.foreign("verify_signature", &arguments).map(|answer| answer == [0x08, 0x01])
    }
}

/// Envoy's `VerifySignatureArguments` (`source/extensions/common/wasm/ext/verify_signature.proto`).
fn arguments(hash: &str, key: &[u8], signature: &[u8], text: &[u8]) -> Vec<u8> {
    let fields = [hash.as_bytes(), key, signature, text];
    let size = fields.iter().fold(0_usize, |size, field| size.saturating_add(field.len()).saturating_add(6));
    let mut bytes = Vec::with_capacity(size);
    for (number, field) in (1_u8..).zip(fields) {
        // Length-delimited.
        bytes.push((number << 3) | 2);
        let mut length = field.len();
        while length > 0x7f {
            // The low seven bits.
            bytes.push(u8::try_from(length & 0x7f).unwrap_or_default() | 0x80);
            length >>= 7;
        }
        bytes.push(u8::try_from(length).unwrap_or_default());
        bytes.extend_from_slice(field);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::arguments;

    #[test]
    fn arguments_are_protobuf() {
        let long = [7; 300];
        let bytes = arguments("sha256", b"k", b"", &long);
        assert_eq!(bytes[..14], *b"\x0a\x06sha256\x12\x01k\x1a\x00\x22");
        assert_eq!(bytes[14..17], [0xac, 0x02, 7]);
        assert_eq!(bytes.len(), 316);
    }
}
