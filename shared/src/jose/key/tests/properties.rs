//! Whatever a signature's bytes are.

use proptest::{collection::vec, prelude::*, sample::Index};

use crate::jose::{
    Fault,
    testing::{Parts, tokens},
};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_are_refused(which: Index, bytes in vec(any::<u8>(), 0..600)) {
        let (key, token) = which.get(tokens());
        // Of any length, and of the right one.
        let mut fitted = bytes.clone();
        fitted.resize(token.signature.len(), 0x5a);
        for signature in [bytes, fitted] {
            let token = Parts { signature, ..token.clone() };
            let fault = token.verify(key, None).unwrap_err();
            prop_assert!(matches!(fault, Fault::SignatureMalformed | Fault::SignatureInvalid), "{fault:?} {token:?}");
        }
    }

    #[test]
    fn a_flipped_bit_is_refused(which: Index, byte: Index, bit in 0..8_u32) {
        let (key, token) = which.get(tokens());
        let mut token = token.clone();
        *byte.get_mut(&mut token.signature) ^= 1 << bit;
        let fault = token.verify(key, None).unwrap_err();
        prop_assert!(matches!(fault, Fault::SignatureMalformed | Fault::SignatureInvalid), "{fault:?} {token:?}");
    }
}
