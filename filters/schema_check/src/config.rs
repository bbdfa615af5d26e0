//! The configuration: see the fields' docs, from which the JSON Schema is made.

use portcullis_shared::{
    audit::AuditConfig, config_enum, config_struct, json::Part, mode::Mode, path::Normaliser, pointer::Pointer,
};
use serde::Serialize;

config_struct! {
    /// Configuration of `schema_check`: which requests the API's contract allows. It needs `openapi` or `operations`.
    #[derive(Debug)]
    pub struct Config {
        /// Whether denials are carried out (`enforce`, the default) or only counted and audited (`shadow`). `off` turns
        /// the filter off, whatever its overrides say.
        pub mode: Mode = Mode::default(),
        /// The API's OpenAPI 3.0 or 3.1 document, as JSON. `make openapi` turns YAML into it.
        pub openapi: Option<Part> = None,
        /// Operations with plain JSON Schemas, instead of a document or beside it.
        pub operations: Vec<Operation> = Vec::new(),
        /// What stands before the document's paths: a path such as `/v1`, or `from servers` (the default) for the paths
        /// of its `servers`.
        pub base_path: String = FROM_SERVERS.to_owned(),
        /// What becomes of what the contract does not know.
        pub unknown: Unknown = Unknown::default(),
        /// What is too much.
        pub limits: Limits = Limits::default(),
        /// Operations that are treated in another way.
        pub overrides: Vec<Override> = Vec::new(),
        /// Places in the document, by JSON pointer, that are not enforced: an operation there passes unchecked, a
        /// parameter, body or schema there takes anything. What cannot be enforced is an error unless it is listed here.
        pub ignore: Vec<Pointer> = Vec::new(),
        /// What becomes of members that are `readOnly`. Default: `refuse`.
        pub read_only: ReadOnly = ReadOnly::Refuse,
        /// Objects whose schema has `properties` and does not say whether there may be others: `allow` them as JSON Schema
        /// does (the default), or `deny` them, so that nobody can send a member that the document does not tell of.
        pub undeclared_properties: Undeclared = Undeclared::Allow,
        /// Whether `format` is enforced. Default: `enforce`.
        pub formats: Formats = Formats::Enforce,
        /// Bodies with a `content-encoding`. Default: `refuse`.
        pub content_encoding: ContentEncoding = ContentEncoding::Refuse,
        /// How paths are read. By default, what can be read in several ways is refused.
        pub paths: Normaliser = Normaliser::strict(),
        /// What of responses is checked. Only in `schema_check_responses.wasm`.
        pub response: Response = Response::default(),
        /// The status of refusals, from 400 to 599. Default: 400.
        #[schemars(range(min = 400, max = 599))]
        pub status: u16 = 400,
        /// The status of some refusals.
        pub statuses: Statuses = Statuses::default(),
        /// Whether refused clients are told where in the request which keyword failed, never what was there.
        /// Default: `pointers`.
        pub detail: Detail = Detail::Pointers,
        /// How many violations are told of at most, from 1 to 100. Default: 10.
        #[schemars(range(min = 1, max = 100))]
        pub violations: u32 = 10,
        /// How undocumented routes are reported.
        pub discovery: Discovery = Discovery::default(),
        /// Where events go. Without it, decisions are counted and not audited.
        pub audit: Option<AuditConfig> = None,
    }
}

/// The `base_path` that the document says.
pub const FROM_SERVERS: &str = "from servers";

config_struct! {
    /// An operation with plain JSON Schemas.
    #[derive(Clone, Debug, Serialize)]
    pub struct Operation {
        /// Names it in metrics, events and `overrides`: 1 to 64 letters, digits, `.`, `_` or `-`. By default it is made of
        /// method and path.
        pub name: Option<String> = None,
        /// Its path, as in an OpenAPI document: `/users/{id}`. `base_path` does not count here.
        pub path: String,
        /// Its method.
        pub method: String,
        /// Its parameters: a list, as in an OpenAPI document.
        pub parameters: Option<Part> = None,
        /// The schema of its body by media type, such as `{"application/json": {"type": "object"}}`. Without it, there may
        /// be no body.
        pub body: Option<Part> = None,
        /// Whether there must be a body. Default: true.
        pub body_required: bool = true,
        /// The draft of schemas without `$schema`. Default: `2020-12`.
        pub draft: Draft = Draft::Draft202012,
    }
}

config_enum! {
    /// A draft of JSON Schema.
    pub enum Draft {
        /// Draft 4.
        Draft4 = "4",
        /// Draft 6.
        Draft6 = "6",
        /// Draft 7.
        Draft7 = "7",
        /// 2019-09.
        Draft201909 = "2019-09",
        /// 2020-12.
        Draft202012 = "2020-12",
    }
}

config_enum! {
    /// What becomes of what the contract does not know.
    pub enum Verdict {
        /// It passes.
        Allow = "allow",
        /// It passes, and is counted and audited as a denial in shadow mode.
        Shadow = "shadow",
        /// The request is refused.
        Deny = "deny",
    }
}

config_struct! {
    /// What becomes of what the contract does not know.
    #[derive(Clone, Debug, Serialize)]
    pub struct Unknown {
        /// A path. Default: `deny`.
        pub path: Verdict = Verdict::Deny,
        /// A method on a known path. Default: `deny`.
        pub method: Verdict = Verdict::Deny,
        /// A query parameter. Default: `deny`.
        pub query: Verdict = Verdict::Deny,
        /// A header, but for those that every client or proxy sends. Default: `allow`.
        pub header: Verdict = Verdict::Allow,
        /// A cookie. Default: `allow`.
        pub cookie: Verdict = Verdict::Allow,
        /// A body's media type. Bodies of types that are allowed so are not checked. Default: `deny`.
        pub media_type: Verdict = Verdict::Deny,
    }
}

impl Default for Unknown {
    fn default() -> Self {
        Self {
            path: Verdict::Deny,
            method: Verdict::Deny,
            query: Verdict::Deny,
            header: Verdict::Allow,
            cookie: Verdict::Allow,
            media_type: Verdict::Deny,
        }
    }
}

config_struct! {
    /// What is too much.
    #[derive(Clone, Debug, Serialize)]
    pub struct Limits {
        /// Bytes in a body that is read, before and after it is decompressed: 0 to 67,108,864. Envoy's
        /// `per_connection_buffer_limit_bytes` must be as much at least. Default: 1,048,576.
        #[schemars(range(max = 67_108_864))]
        pub body_bytes: u32 = 1_048_576,
        /// How deep arrays and objects may be nested, 1 to 512. Default: 64.
        #[schemars(range(min = 1, max = 512))]
        pub depth: u32 = 64,
        /// Members of all objects together. Default: 10,000.
        pub keys: u32 = 10_000,
        /// Bytes in a text or a member's name. Default: 262,144.
        pub string_bytes: u32 = 262_144,
        /// Digits in a number. Default: 100.
        pub number_digits: u32 = 100,
        /// Steps of work for one request: a keyword held against a value is one. Some 20 ns each. Default: 1,000,000.
        #[schemars(range(min = 1000))]
        pub steps: u32 = 1_000_000,
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 1_048_576,
            depth: 64,
            keys: 10_000,
            string_bytes: 262_144,
            number_digits: 100,
            steps: 1_000_000,
        }
    }
}

config_struct! {
    /// An operation that is treated in another way.
    #[derive(Clone, Debug, Serialize)]
    pub struct Override {
        /// Its `operationId`; without one in the document, method and path as in metrics.
        pub operation: String,
        /// Its own mode; by default the filter's.
        pub mode: Option<Mode> = None,
        /// `stream`: its body is not read, and passes as it comes. Default: `check`.
        pub body: Body = Body::Check,
        /// Bytes in its body, if not `limits.body_bytes`.
        #[schemars(range(max = 67_108_864))]
        pub body_bytes: Option<u32> = None,
    }
}

config_enum! {
    /// What becomes of an operation's body.
    pub enum Body {
        /// It is read and checked, where the contract says something of it.
        Check = "check",
        /// It passes as it comes.
        Stream = "stream",
    }
}

config_enum! {
    /// What becomes of members that are `readOnly`.
    pub enum ReadOnly {
        /// They are violations.
        Refuse = "refuse",
        /// They pass.
        Allow = "allow",
        /// They are taken out of the body before the upstream sees it.
        Drop = "drop",
    }
}

config_enum! {
    /// What becomes of members that no schema declares.
    pub enum Undeclared {
        /// They pass.
        Allow = "allow",
        /// They are violations.
        Deny = "deny",
    }
}

config_enum! {
    /// Whether `format` is enforced.
    pub enum Formats {
        /// Texts and numbers must be of their format, if it is a known one.
        Enforce = "enforce",
        /// They need not.
        Ignore = "ignore",
    }
}

config_enum! {
    /// What becomes of bodies with a `content-encoding`.
    pub enum ContentEncoding {
        /// They are refused.
        Refuse = "refuse",
        /// They are decompressed to be checked, up to `limits.body_bytes`; the upstream gets them as they came.
        Decode = "decode",
    }
}

config_enum! {
    /// What refused clients are told.
    pub enum Detail {
        /// The status, and no more.
        None = "none",
        /// Where in the request which keyword failed.
        Pointers = "pointers",
    }
}

config_struct! {
    /// What of responses is checked.
    #[derive(Clone, Debug, Serialize)]
    pub struct Response {
        /// `shadow`: what breaks the contract is counted and audited. `enforce`: clients get 502 in its place, and no
        /// response before its end. Default: `off`.
        pub mode: Mode = Mode::Off,
        /// Bytes in a response that is read; 0 to 67,108,864. Larger ones are not checked in shadow mode, and refused in
        /// enforce mode. Default: 1,048,576.
        #[schemars(range(max = 67_108_864))]
        pub body_bytes: u32 = 1_048_576,
        /// Members that no schema declares. Default: `deny`.
        pub undeclared_properties: Undeclared = Undeclared::Deny,
    }
}

impl Default for Response {
    fn default() -> Self {
        Self { mode: Mode::Off, body_bytes: 1_048_576, undeclared_properties: Undeclared::Deny }
    }
}

config_struct! {
    /// The status of some refusals, from 400 to 599; by default as of all.
    #[derive(Clone, Debug, Serialize)]
    pub struct Statuses {
        /// Of unknown paths, such as 404.
        #[schemars(range(min = 400, max = 599))]
        pub path: Option<u16> = None,
        /// Of unknown methods, such as 405, which comes with `allow`.
        #[schemars(range(min = 400, max = 599))]
        pub method: Option<u16> = None,
        /// Of bodies that are too large. Default: 413.
        #[schemars(range(min = 400, max = 599))]
        pub body_bytes: u16 = 413,
        /// Of media types, charsets and content encodings that are not taken, such as 415.
        #[schemars(range(min = 400, max = 599))]
        pub media_type: Option<u16> = None,
    }
}

impl Default for Statuses {
    fn default() -> Self {
        Self { path: None, method: None, body_bytes: 413, media_type: None }
    }
}

config_struct! {
    /// How undocumented routes are reported: requests to paths that the contract does not know are told of by route
    /// (`/pets/{number}`), not by path.
    #[derive(Clone, Debug, Serialize)]
    pub struct Discovery {
        /// How many routes each worker knows, 1 to 10,000; all others are one. Default: 1,000.
        #[schemars(range(min = 1, max = 10_000))]
        pub routes: u32 = 1000,
    }
}

impl Default for Discovery {
    fn default() -> Self {
        Self { routes: 1000 }
    }
}
