//! What can be wrong with a token.

use crate::decision::reasons;

reasons! {
    /// Why a token is not accepted. Where a token has several faults, the one reported is the first in this order,
    /// which is the order in which tokens are judged; but a [duplicate member](Self::DuplicateMember) of the claims
    /// is found when the claims are read, after all that is wrong with the header.
    pub enum Fault {
        /// Longer than the limit.
        TooLarge = "token_too_large",
        /// Five parts: a JWE, which only its recipient can read.
        Encrypted = "token_encrypted",
        /// Not three parts with dots between them.
        Malformed = "token_malformed",
        /// A part is not base64url, has padding, or has stray bits at its end (RFC 7515 section 2).
        Base64 = "token_base64_invalid",
        /// A member of the header or the claims comes twice (RFC 7515 section 4, RFC 7519 section 4).
        DuplicateMember = "token_duplicate_member",
        /// The header is not a JSON object, has no `alg`, or a member is of the wrong type.
        Header = "token_header_invalid",
        /// `alg` is `none`, in whichever case.
        AlgorithmNone = "token_algorithm_none",
        /// `alg` names no algorithm that is known here.
        AlgorithmUnknown = "token_algorithm_unknown",
        /// The token brings or names its own key: `jwk`, `jku`, `x5u` or `x5c` (RFC 8725 section 3.10).
        KeyEmbedded = "token_key_embedded",
        /// `b64` is there: an unencoded payload (RFC 7797).
        PayloadUnencoded = "token_payload_unencoded",
        /// `crit` is there: it names an extension, and none is known here (RFC 7515 section 4.1.11).
        CriticalUnknown = "token_critical_unknown",
        /// `typ` is not what the provider's tokens have (RFC 8725 section 3.11), or `cty` says that a token is nested.
        TypeUnexpected = "token_type_unexpected",
        /// The claims are not a JSON object, or a registered claim is of the wrong type.
        Claims = "token_claims_invalid",
        /// `iss` is missing, or no provider that the rule asks for has it.
        IssuerMismatch = "token_issuer_mismatch",
        /// The provider does not allow this algorithm.
        AlgorithmNotAllowed = "token_algorithm_not_allowed",
        /// No key of the provider has this `kid`.
        KeyUnknown = "token_key_unknown",
        /// The key is not for this algorithm or not for signatures: `kty`, `crv`, `alg`, `use` or `key_ops` (RFC 7517 section 4).
        KeyMismatch = "token_key_mismatch",
        /// The signature has a length or numbers that no signature of this algorithm has.
        SignatureMalformed = "token_signature_malformed",
        /// The signature is not by this key over this token.
        SignatureInvalid = "token_signature_invalid",
        /// `aud` is missing, or holds no audience of the provider.
        AudienceMismatch = "token_audience_mismatch",
        /// `exp` is missing.
        ExpiryMissing = "token_expiry_missing",
        /// `exp` has passed.
        Expired = "token_expired",
        /// `nbf` has not come.
        NotYetValid = "token_not_yet_valid",
        /// `iat` has not come.
        IssuedInFuture = "token_issued_in_future",
        /// `iat` is missing, and the provider limits the age.
        IssuedAtMissing = "token_issued_at_missing",
        /// Older than the provider's limit.
        TooOld = "token_too_old",
        /// Revoked: by its id, its key, or its subject and time.
        Revoked = "token_revoked",
    }
}
