//! What can keep a request from an object.

use crate::decision::reasons;

reasons! {
    /// Why a request may not have the object that it names.
    pub enum Fault {
        /// A header or a query parameter asks the upstream to take the request for one of another method.
        MethodOverride = "method_override",
        /// A header asks the upstream to take the request for one of another path.
        PathOverride = "path_override",
        /// The token has none of the values that the rule requires in a claim.
        ClaimMismatch = "claim_mismatch",
        /// The claim is not in the token, or it is `null`, an empty text or an empty array.
        ClaimMissing = "claim_missing",
        /// The claim is of a type that is no id (an object, a boolean, a number with a fraction), an array with such a
        /// member, too long, or not of the form that the comparison is about.
        ClaimInvalid = "claim_invalid",
        /// The request does not name an object where the rule looks for it.
        ResourceMissing = "resource_missing",
        /// The object's id is empty, or `null`.
        ResourceEmpty = "resource_empty",
        /// The object's id is there several times, or under several names that some servers take for one.
        ResourceRepeated = "resource_repeated",
        /// Servers would read different ids from this request, or the id has characters that some drop or replace.
        ResourceAmbiguous = "resource_ambiguous",
        /// The object's id is longer than [`MAX_ID`](super::MAX_ID).
        ResourceTooLong = "resource_too_long",
        /// The object's id is no id for this comparison (`042` is not an integer), or not a text or an integer in JSON.
        ResourceInvalid = "resource_invalid",
        /// The object is not the caller's.
        OwnerMismatch = "owner_mismatch",
        /// The body is compressed or otherwise encoded: it has a `content-encoding`.
        BodyEncoded = "body_encoded",
        /// The body is larger than the limit.
        BodyTooLarge = "body_too_large",
        /// The body is not JSON by its `content-type`, or not by its text: strictly, without duplicate members.
        BodyInvalid = "body_invalid",
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.code())
    }
}

impl std::error::Error for Fault {}
