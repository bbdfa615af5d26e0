//! Everything that the filter can decide, made once.

use portcullis_shared::{
    decision::{Notice, Outcome, OutcomeId, Outcomes},
    encoding, json,
    mode::Mode,
    path::Ambiguity,
    problem::Refusal,
    reasons,
};
use std::{collections::BTreeMap, rc::Rc};

use crate::config::{Config, Detail, Unknown, Verdict};

reasons! {
    /// What can be wrong with a request whose operation is known, in the order in which it is judged.
    pub enum Reason {
        /// A parameter that must be there is not.
        ParameterMissing = "parameter_missing",
        /// A parameter comes more than once, or under another name that some servers take for it.
        ParameterRepeated = "parameter_repeated",
        /// A parameter is not written as its `style` says, or not decodable.
        ParameterMalformed = "parameter_malformed",
        /// A parameter breaks its schema.
        ParameterInvalid = "parameter_invalid",
        /// A query parameter that the contract does not know.
        QueryUnknown = "query_unknown",
        /// A header that the contract does not know.
        HeaderUnknown = "header_unknown",
        /// A cookie that the contract does not know.
        CookieUnknown = "cookie_unknown",
        /// A body's media type that the contract does not know, or none.
        MediaTypeUnknown = "media_type_unknown",
        /// Text that is not UTF-8 by its media type.
        CharsetUnsupported = "charset_unsupported",
        /// A content coding that is not taken.
        ContentEncodingUnsupported = "content_encoding_unsupported",
        /// A body that is not what its content coding says.
        ContentEncodingInvalid = "content_encoding_invalid",
        /// A body that becomes too large when it is decompressed.
        BodyBomb = "body_bomb",
        /// A body that must be there is not.
        BodyMissing = "body_missing",
        /// A body where the contract has none.
        BodyUnexpected = "body_unexpected",
        /// More than `limits.body_bytes`.
        BodyTooLarge = "body_too_large",
        /// Bytes that are not UTF-8.
        JsonNotUtf8 = "json_not_utf8",
        /// No JSON.
        JsonInvalid = "json_invalid",
        /// A member twice in an object.
        JsonDuplicateKey = "json_duplicate_key",
        /// Half of a surrogate pair.
        JsonLoneSurrogate = "json_lone_surrogate",
        /// Something behind the value.
        JsonTrailingData = "json_trailing_data",
        /// Deeper than `limits.depth`.
        JsonTooDeep = "json_too_deep",
        /// More than `limits.keys`.
        JsonTooManyKeys = "json_too_many_keys",
        /// More than `limits.string_bytes`.
        JsonStringTooLong = "json_string_too_long",
        /// More than `limits.number_digits`.
        JsonNumberTooLong = "json_number_too_long",
        /// A form that is not well-formed.
        FormInvalid = "form_invalid",
        /// A multipart body that is not well-formed.
        MultipartInvalid = "multipart_invalid",
        /// A body that breaks its schema.
        BodyInvalid = "body_invalid",
        /// More work than `limits.steps`.
        TooComplex = "too_complex",
        /// A response with a status that the contract does not know.
        ResponseStatusUnknown = "response_status_unknown",
        /// A response with a media type that the contract does not know.
        ResponseMediaTypeUnknown = "response_media_type_unknown",
        /// A response that is no JSON, though its media type says so.
        ResponseJsonInvalid = "response_json_invalid",
        /// A response that breaks its schema.
        ResponseBodyInvalid = "response_body_invalid",
        /// A response that is too large to be checked.
        ResponseTooLarge = "response_too_large",
    }
}

impl Reason {
    const fn is_of_response(self) -> bool {
        matches!(
            self,
            Self::ResponseStatusUnknown
                | Self::ResponseMediaTypeUnknown
                | Self::ResponseJsonInvalid
                | Self::ResponseBodyInvalid
                | Self::ResponseTooLarge
        )
    }

    /// What may be treated in another way than the rest.
    const fn verdict(self, unknown: &Unknown) -> Verdict {
        match self {
            Self::QueryUnknown => unknown.query,
            Self::HeaderUnknown => unknown.header,
            Self::CookieUnknown => unknown.cookie,
            Self::MediaTypeUnknown => unknown.media_type,
            _ => Verdict::Deny,
        }
    }
}

impl From<json::Fault> for Reason {
    fn from(fault: json::Fault) -> Self {
        match fault {
            json::Fault::NotUtf8 => Self::JsonNotUtf8,
            json::Fault::Invalid => Self::JsonInvalid,
            json::Fault::DuplicateKey => Self::JsonDuplicateKey,
            json::Fault::LoneSurrogate => Self::JsonLoneSurrogate,
            json::Fault::TrailingData => Self::JsonTrailingData,
            json::Fault::TooDeep => Self::JsonTooDeep,
            json::Fault::TooManyKeys => Self::JsonTooManyKeys,
            json::Fault::StringTooLong => Self::JsonStringTooLong,
            json::Fault::NumberTooLong => Self::JsonNumberTooLong,
        }
    }
}

impl From<encoding::Fault> for Reason {
    fn from(fault: encoding::Fault) -> Self {
        match fault {
            encoding::Fault::Unsupported => Self::ContentEncodingUnsupported,
            encoding::Fault::Invalid => Self::ContentEncodingInvalid,
            encoding::Fault::Bomb => Self::BodyBomb,
        }
    }
}

/// The detail that says where in a request which keyword failed; of a problem, the member that RFC 9457 (section 3)
/// itself has for this.
pub(crate) const ERRORS: &str = "errors";

/// The detail that lists the methods of a path, as the header of that name does.
pub(crate) const ALLOW: &str = "allow";

/// Refusals, each made once: there may be a thousand operations.
pub(crate) struct Refusals {
    by_status: BTreeMap<u16, Rc<Refusal>>,
    status: u16,
    too_large: u16,
    media_type: u16,
    path: u16,
    method: u16,
    shows: Option<&'static str>,
}

impl Refusals {
    pub(crate) fn new(config: &Config) -> Self {
        let statuses = &config.statuses;
        Self {
            by_status: BTreeMap::new(),
            status: config.status,
            too_large: statuses.body_bytes,
            media_type: statuses.media_type.unwrap_or(config.status),
            path: statuses.path.unwrap_or(config.status),
            method: statuses.method.unwrap_or(config.status),
            shows: (config.detail == Detail::Pointers).then_some(ERRORS),
        }
    }

    fn with_status(&mut self, status: u16) -> Rc<Refusal> {
        let shows = self.shows;
        let made = || Rc::new(Refusal { shows, ..Refusal::new(status, None) });
        Rc::clone(self.by_status.entry(status).or_insert_with(made))
    }

    fn of(&mut self, reason: Reason) -> Rc<Refusal> {
        let status = match reason {
            Reason::BodyTooLarge | Reason::BodyBomb => self.too_large,
            Reason::MediaTypeUnknown | Reason::CharsetUnsupported | Reason::ContentEncodingUnsupported => {
                self.media_type
            }
            reason if reason.is_of_response() => {
                // What the upstream sent is nobody's business.
                return Rc::clone(self.by_status.entry(502).or_insert_with(|| Rc::new(Refusal::new(502, None))));
            }
            _ => self.status,
        };
        self.with_status(status)
    }
}

/// Of requests whose operation is not known.
#[derive(Debug)]
pub(crate) struct Unmatched {
    ambiguous: Vec<OutcomeId>,
    pub(crate) path: Undocumented,
    pub(crate) method: Undocumented,
}

/// What the contract does not know, by whether it is told of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Undocumented {
    /// A route that was told of already.
    pub(crate) known: OutcomeId,
    /// One that is told of now.
    pub(crate) reported: OutcomeId,
}

impl Undocumented {
    fn new(deny: (&'static str, &'static str, Verdict), mode: Mode, refusal: &Rc<Refusal>, all: &mut Outcomes) -> Self {
        let (reason, rule, verdict) = deny;
        let outcome = match weaker(mode, verdict) {
            None => Outcome::allow("not_documented", rule, mode),
            Some(mode) => Outcome::deny(reason, rule, mode, refusal),
        };
        // A route that gets much traffic is told of now and then, not with each request; what is refused, always.
        let quiet = if outcome.refuses() { Notice::Ordinary } else { Notice::Counted };
        let known = all.append(Outcome { notice: quiet, ..outcome.clone() });
        Self { known, reported: all.append(Outcome { notice: Notice::Recorded, ..outcome }) }
    }
}

/// The mode of a denial; `None` where it is none.
fn weaker(mode: Mode, verdict: Verdict) -> Option<Mode> {
    match verdict {
        Verdict::Allow => None,
        Verdict::Shadow => Some(Mode::Shadow),
        Verdict::Deny => Some(mode),
    }
}

impl Unmatched {
    /// `paths` is the mode of what is about paths that can be read in several ways.
    pub(crate) fn new(
        (mode, paths): (Mode, Mode),
        unknown: &Unknown,
        refusals: &mut Refusals,
        all: &mut Outcomes,
    ) -> Self {
        let bad = refusals.with_status(refusals.status);
        let ambiguous = |shape: &Ambiguity| all.append(Outcome::deny(shape.code(), "paths", paths, &bad));
        let ambiguous = Ambiguity::ALL.iter().map(ambiguous).collect();
        let refusal = refusals.with_status(refusals.path);
        let path = Undocumented::new(("path_unknown", "unknown.path", unknown.path), mode, &refusal, all);
        let refusal = refusals.with_status(refusals.method);
        // Who is told that the method is not allowed is told which are (RFC 9110 section 15.5.6).
        let shows_headers = (refusal.status == 405).then_some((ALLOW, ALLOW)).into_iter().collect();
        let refusal = Rc::new(Refusal { shows_headers, ..(*refusal).clone() });
        let method = Undocumented::new(("method_unknown", "unknown.method", unknown.method), mode, &refusal, all);
        Self { ambiguous, path, method }
    }

    pub(crate) fn ambiguous(&self, shape: Ambiguity) -> OutcomeId {
        self.ambiguous.get(shape as usize).copied().unwrap_or(self.path.known)
    }
}

/// Of one operation.
#[derive(Debug)]
pub(crate) struct OperationOutcomes {
    pub(crate) valid: OutcomeId,
    /// In the order of [`Reason::ALL`]; `None` for what passes.
    denied: Box<[Option<OutcomeId>]>,
}

impl OperationOutcomes {
    /// `response` is the mode of what is about responses. What is not checked passes.
    pub(crate) fn new(
        name: &str,
        (mode, response): (Mode, Mode),
        is_unchecked: bool,
        unknown: &Unknown,
        refusals: &mut Refusals,
        all: &mut Outcomes,
    ) -> Self {
        let valid = Outcome::allow(if is_unchecked { "unchecked" } else { "valid" }, name, mode);
        if is_unchecked {
            return Self { valid: all.append(valid), denied: Box::default() };
        }
        // One text for all of them: there may be a thousand operations.
        let name = Rc::clone(&valid.rule);
        let valid = all.append(valid);
        let denied = Reason::ALL.iter().map(|reason| {
            let mode = if reason.is_of_response() { response } else { mode };
            let mode = weaker(mode, reason.verdict(unknown)).filter(|mode| *mode != Mode::Off)?;
            let refusal = refusals.of(*reason);
            Some(all.append(Outcome::deny(reason.code(), Rc::clone(&name), mode, &refusal)))
        });
        let denied = denied.collect();
        Self { valid, denied }
    }

    /// `None` for what passes.
    pub(crate) fn of(&self, reason: Reason) -> Option<OutcomeId> {
        self.denied.get(reason as usize).copied().flatten()
    }
}
