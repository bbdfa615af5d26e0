//! The shapes of paths that servers read in different ways.

use std::{error::Error, fmt};

macro_rules! ambiguities {
    ($($(#[doc = $text:literal])+ $name:ident = $code:literal,)+) => {
        /// Why a path has no normal form.
        ///
        /// Where a path has several of these shapes, the one reported is: the target's form, then the fragment, then
        /// the length, then the leftmost shape of the path; within one segment, what its bytes say comes before what
        /// the segment as a whole says.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Ambiguity {
            $($(#[doc = $text])+ $name,)+
        }

        impl Ambiguity {
            /// All of them, in the order of their declaration.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The stable reason code.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            /// What was found, for people.
            const fn text(self) -> &'static str {
                match self { $(Self::$name => concat!($($text),+),)+ }
            }
        }
    };
}

ambiguities! {
    /// The target is no path: it is empty, an authority, or does not begin with `/`.
    NotAbsolute = "path_not_absolute",
    /// The target is `*` (RFC 9112 section 3.2.4).
    AsteriskForm = "path_asterisk_form",
    /// The target is `http://host/path` (RFC 9112 section 3.2.2): the host in it may contradict the `Host` header.
    AbsoluteForm = "path_absolute_form",
    /// A `#`, in the path or the query, which no client sends: servers cut there, or do not.
    Fragment = "path_fragment",
    /// The path is longer than allowed.
    TooLong = "path_too_long",
    /// A control character, raw or encoded: servers cut there (NUL), drop it, or split headers (CR, LF).
    ControlByte = "path_control_byte",
    /// A `%` without two hexadecimal digits, such as `%zz`, `%u0041` or `%` at the end.
    BadPercent = "path_bad_percent",
    /// A `%25` that leaves an escape when decoded (`%252e`): a second decoding would change the path.
    DoubleEncoding = "path_double_encoding",
    /// An encoded slash (`%2F`): data, or a separator.
    EncodedSlash = "path_encoded_slash",
    /// A backslash, raw or encoded: data, or a separator.
    Backslash = "path_backslash",
    /// An encoded `?` or `#` (`%3F`, `%23`): a server behind another one may take it for the path's end.
    EncodedDelimiter = "path_encoded_delimiter",
    /// A `;`, raw or encoded: data, or the start of a path parameter that Java servers drop (`/..;/`, `/admin;x`).
    Parameter = "path_parameter",
    /// A segment `.` or `..`, which some resolve before they look at rules and some after.
    DotSegment = "path_dot_segment",
    /// A segment `.` or `..` that is spelt with `%2E`.
    EncodedDot = "path_encoded_dot",
    /// An empty segment (`//`): merged, kept, or read as the start of an authority.
    EmptySegment = "path_empty_segment",
    /// A raw space, or a space at either end of a segment (`/admin%20`): dropped by some servers and file systems.
    Whitespace = "path_whitespace",
    /// A dot at the end of a segment (`/admin.`, `/...`): dropped by some file systems.
    TrailingDot = "path_trailing_dot",
    /// Bytes that are not UTF-8, overlong forms such as `%C0%AF` among them: refused, replaced or decoded.
    NotUtf8 = "path_not_utf8",
    /// A character that some servers turn into an ASCII one or drop: full-width letters, dot leaders, zero-width marks.
    Lookalike = "path_lookalike",
}

impl fmt::Display for Ambiguity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.code(), self.text())
    }
}

impl Error for Ambiguity {}
