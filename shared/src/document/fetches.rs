//! What comes of fetches.

/// Why a fetch brought no document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The service answered with another status than 200.
    BadStatus(u16),
    /// The document has more than `max_bytes`.
    TooLarge,
    /// The document is not what it should be.
    Refused,
    /// There was no answer in time, or none at all.
    TimedOut,
    /// The host would not send the request.
    NotSent,
}

impl Failure {
    /// What an answer's status says; `None` for 200, which has a document. Envoy answers 504 when time is up, and some
    /// failures come with no status. Other statuses of success have no document (204), a part (206), or none that was
    /// asked for.
    pub const fn of_status(status: Option<u16>) -> Option<Self> {
        match status {
            Some(200) => None,
            Some(504) | None => Some(Self::TimedOut),
            Some(status) => Some(Self::BadStatus(status)),
        }
    }

    /// The stable word for metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadStatus(_) => "bad_status",
            Self::TooLarge => "too_large",
            Self::Refused => "refused",
            Self::TimedOut => "timed_out",
            Self::NotSent => "not_sent",
        }
    }
}

/// Fetches by what came of them, for `portcullis_document_fetches_total{filter, document, result}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fetches {
    /// Brought a new document.
    pub ok: u64,
    /// Brought the document that was there already.
    pub unchanged: u64,
    /// [`Failure::BadStatus`].
    pub bad_status: u64,
    /// [`Failure::TooLarge`].
    pub too_large: u64,
    /// [`Failure::Refused`].
    pub refused: u64,
    /// [`Failure::TimedOut`].
    pub timed_out: u64,
    /// [`Failure::NotSent`].
    pub not_sent: u64,
}

impl Fetches {
    /// All counts with their stable word for metrics.
    #[expect(clippy::iter_not_returning_iterator, reason = "an array can be mapped to an array")]
    pub const fn iter(&self) -> [(&'static str, u64); 7] {
        [
            ("ok", self.ok),
            ("unchanged", self.unchanged),
            ("bad_status", self.bad_status),
            ("too_large", self.too_large),
            ("refused", self.refused),
            ("timed_out", self.timed_out),
            ("not_sent", self.not_sent),
        ]
    }

    pub(super) fn count_failure(&mut self, failure: Failure) {
        let counter = match failure {
            Failure::BadStatus(_) => &mut self.bad_status,
            Failure::TooLarge => &mut self.too_large,
            Failure::Refused => &mut self.refused,
            Failure::TimedOut => &mut self.timed_out,
            Failure::NotSent => &mut self.not_sent,
        };
        *counter = counter.saturating_add(1);
    }

    pub(super) fn count_success(&mut self, changed: bool) {
        let counter = if changed { &mut self.ok } else { &mut self.unchanged };
        *counter = counter.saturating_add(1);
    }
}
