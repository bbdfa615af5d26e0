//! What a policy may see of a response, and how it asks for it.

use std::fmt;

use crate::{decision::OutcomeId, policy::Trail, request::Headers, store::Store};

/// A response's headers.
#[derive(Clone)]
pub struct Response<'a> {
    /// The status.
    pub status: u16,
    /// All headers, `:status` among them.
    pub headers: Headers<'a>,
    /// Whether nothing follows them.
    pub ended: bool,
    /// The wall clock, in nanoseconds since 1970.
    pub now: u64,
    /// What all workers of the proxy share.
    pub store: &'a dyn Store,
}

impl fmt::Debug for Response<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response").field("status", &self.status).field("ended", &self.ended).finish_non_exhaustive()
    }
}

/// How the response to a request that passes is judged: asked for with [`Trail::watch_response`].
pub struct ResponseCheck {
    /// Whether the client gets nothing of it before it is judged. If not, it is only told of: the response goes on as it
    /// comes, and what the trail concludes refuses nothing.
    pub holds: bool,
    /// Whether answers of Envoy's own and of other filters are judged as well as the upstream's.
    pub judges_local: bool,
    /// Whether it may decide anything, so that what events say of the request has to be kept.
    pub decides: bool,
    /// Judges the headers. Records its decision in the trail unless it asks for the body.
    pub judge: HeadersJudge,
}

/// The code that looks at a response's headers.
pub type HeadersJudge = Box<dyn FnOnce(&Response<'_>, &mut Trail) -> Option<ResponseBody>>;

/// How a response's body is judged.
pub struct ResponseBody {
    /// The most bytes that are looked at.
    pub limit: usize,
    /// What is decided of a response with more.
    pub over_limit: OutcomeId,
    /// Judges the whole body; records its decision in the trail.
    pub judge: BodyJudge,
}

/// The code that looks at a response's body.
pub type BodyJudge = Box<dyn FnOnce(&[u8], &mut Trail)>;

impl fmt::Debug for ResponseCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseCheck").field("holds", &self.holds).finish_non_exhaustive()
    }
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBody").field("limit", &self.limit).finish_non_exhaustive()
    }
}
