//! What a refused client is told: an RFC 9457 problem document.

use serde::Serialize;

/// A refusal, rendered once when the configuration loads. `type` is left out (RFC 9457 section 3.1.1: `about:blank`)
/// unless a [registered problem type](Refusal::of_type) fits. The reason code and rule stay with the operator: they tell an attacker what
/// to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// gRPC status for gRPC requests (gRPC core `statuscodes.md`).
    pub grpc_status: u8,
    /// What gRPC clients see as `grpc-message`, and the problem's `title`.
    pub title: String,
    /// Response headers besides `content-type`.
    pub headers: Vec<(&'static str, String)>,
    /// The problem document.
    pub body: String,
    /// The detail of the decision that clients are told as well, as a member of the problem (RFC 9457 section 3.2).
    pub shows: Option<&'static str>,
    /// Headers whose values are details: the header's name, and the detail's.
    pub shows_headers: Vec<(&'static str, &'static str)>,
}

#[derive(Serialize)]
struct Problem<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<&'a str>,
    title: &'a str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
}

impl Refusal {
    /// The media type of [`Refusal::body`].
    pub const CONTENT_TYPE: &'static str = "application/problem+json";

    /// A refusal with `status`; `detail` is shown to the client.
    pub fn new(status: u16, detail: Option<&str>) -> Self {
        Self::of(&Problem { r#type: None, title: title(status), status, detail })
    }

    /// The same of a problem type that is registered (RFC 9457 section 4.2), with the title that its registration has.
    pub fn of_type(problem_type: &str, title: &str, status: u16, detail: Option<&str>) -> Self {
        Self::of(&Problem { r#type: Some(problem_type), title, status, detail })
    }

    fn of(problem: &Problem<'_>) -> Self {
        let Problem { title, status, detail, .. } = *problem;
        Self {
            status,
            grpc_status: grpc_status(status),
            title: detail.unwrap_or(title).to_owned(),
            headers: Vec::new(),
            // A struct of strings and a number always serialises; an empty body would still refuse.
            body: serde_json::to_string(problem).unwrap_or_default(),
            shows: None,
            shows_headers: Vec::new(),
        }
    }
}

/// A problem document with one more member.
pub fn with_member(problem: &str, name: &str, value: &serde_json::Value) -> String {
    match problem.strip_suffix('}') {
        Some(start) => format!("{start},\"{name}\":{value}}}"),
        None => problem.to_owned(),
    }
}

/// The status's phrase (RFC 9110 section 15, RFC 6585).
const fn title(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        410 => "Gone",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        418 => "I'm a Teapot",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        451 => "Unavailable For Legal Reasons",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        _ => "Request Refused",
    }
}

/// gRPC's status for an HTTP status, as gRPC's own mapping (`http-grpc-status-mapping.md`) has it, with the richer
/// codes that a service itself would have used.
const fn grpc_status(status: u16) -> u8 {
    match status {
        400 | 422 => 3,       // INVALID_ARGUMENT
        413 | 429 | 431 => 8, // RESOURCE_EXHAUSTED
        404 | 405 => 12,      // UNIMPLEMENTED
        500 => 13,            // INTERNAL
        502..=504 => 14,      // UNAVAILABLE
        401 => 16,            // UNAUTHENTICATED
        _ => 7,               // PERMISSION_DENIED
    }
}
