//! From the text of `:path` to the normal form.

use serde::Serialize;

use crate::{config_enum, config_struct};

use super::{
    Ambiguity, NormalPath, PathBuffer,
    segments::{Segments, refuse_if, split_plain},
};

config_enum! {
    /// What becomes of a shape that has one sensible reading.
    #[derive(Default)]
    pub enum Reading {
        /// The path is refused.
        #[default]
        Refuse = "refuse",
        /// The path is read in the way that the option states.
        Resolve = "resolve",
    }
}

config_enum! {
    /// What becomes of a shape that is data to some servers and syntax to others.
    #[derive(Default)]
    pub enum SeparatorReading {
        /// The path is refused.
        #[default]
        Refuse = "refuse",
        /// It is syntax, with the effect that the option states.
        Resolve = "resolve",
        /// It is data, and stays in its segment.
        Keep = "keep",
    }
}

config_struct! {
    /// How paths are read. Each option is named after the reason code of the shape that it is about.
    ///
    /// The options must fit the upstream. Envoy forwards the path as the client wrote it, unless it is told to normalise
    /// paths itself: whoever resolves or keeps a shape here that the upstream reads in another way opens a way round the
    /// rules. What no client of the service sends is best refused.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    pub struct Normaliser {
        /// `http://host/path`. Resolved: the path behind the host.
        pub absolute_form: Reading = Reading::Refuse,
        /// A `#`. Resolved: the target ends before it.
        pub fragment: Reading = Reading::Refuse,
        /// `%zz`. Resolved: the `%` stands for itself.
        pub bad_percent: Reading = Reading::Refuse,
        /// `%252e`. Resolved: decoded once, to the text `%2e`.
        pub double_encoding: Reading = Reading::Refuse,
        /// `%2F`. Resolved: a slash. Kept: data, except between dots (`..%2F..`), which is refused.
        pub encoded_slash: SeparatorReading = SeparatorReading::Refuse,
        /// `\` and `%5C`. Resolved: a slash. Kept: data, except between dots, which is refused.
        pub backslash: SeparatorReading = SeparatorReading::Refuse,
        /// `%3F` and `%23`. Resolved: data.
        pub encoded_delimiter: Reading = Reading::Refuse,
        /// `;` and `%3B`. Resolved: a raw `;` and what follows it in the segment are dropped, as Java servers do; an
        /// encoded one is data. Kept: data, except that `..;x` is `..`, as Envoy has it.
        pub parameter: SeparatorReading = SeparatorReading::Refuse,
        /// `.` and `..`. Resolved: as RFC 3986 section 5.2.4 says, before empty segments are merged.
        pub dot_segment: Reading = Reading::Refuse,
        /// `%2e` and `%2e%2e`. Resolved: as `.` and `..` are.
        pub encoded_dot: Reading = Reading::Refuse,
        /// `//`. Resolved: one slash. Kept: an empty segment, which `*` matches and `{name}` does not.
        pub empty_segment: SeparatorReading = SeparatorReading::Refuse,
        /// A raw space, or one at a segment's end. Resolved: data.
        pub whitespace: Reading = Reading::Refuse,
        /// `/admin.`. Resolved: data.
        pub trailing_dot: Reading = Reading::Refuse,
        /// `%C0%AF`. Resolved: the bytes are data.
        pub not_utf8: Reading = Reading::Refuse,
        /// Full-width and other look-alikes of ASCII. Resolved: data.
        pub lookalike: Reading = Reading::Refuse,
        /// The longest path in bytes, without its query (RFC 9110 section 4.1 asks servers for 8000).
        pub max_length: usize = DEFAULT_MAX_LENGTH,
    }
}

const DEFAULT_MAX_LENGTH: usize = 8192;

impl Normaliser {
    /// Refuses every ambiguous shape. The default.
    pub const fn strict() -> Self {
        Self {
            absolute_form: Reading::Refuse,
            fragment: Reading::Refuse,
            bad_percent: Reading::Refuse,
            double_encoding: Reading::Refuse,
            encoded_slash: SeparatorReading::Refuse,
            backslash: SeparatorReading::Refuse,
            encoded_delimiter: Reading::Refuse,
            parameter: SeparatorReading::Refuse,
            dot_segment: Reading::Refuse,
            encoded_dot: Reading::Refuse,
            empty_segment: SeparatorReading::Refuse,
            whitespace: Reading::Refuse,
            trailing_dot: Reading::Refuse,
            not_utf8: Reading::Refuse,
            lookalike: Reading::Refuse,
            max_length: DEFAULT_MAX_LENGTH,
        }
    }

    /// Reads as an Envoy forwards that has `normalize_path`, `merge_slashes` and `UNESCAPE_AND_FORWARD`: for policies
    /// that count or label rather than protect. Control bytes and targets that are no path are refused all the same.
    /// Compared with Envoy 1.40 on thousands of paths; only where a backslash touches a segment `..;x` does it differ.
    pub const fn lenient() -> Self {
        Self {
            absolute_form: Reading::Resolve,
            fragment: Reading::Resolve,
            bad_percent: Reading::Resolve,
            double_encoding: Reading::Resolve,
            encoded_slash: SeparatorReading::Resolve,
            backslash: SeparatorReading::Resolve,
            encoded_delimiter: Reading::Resolve,
            parameter: SeparatorReading::Keep,
            dot_segment: Reading::Resolve,
            encoded_dot: Reading::Resolve,
            empty_segment: SeparatorReading::Resolve,
            whitespace: Reading::Resolve,
            trailing_dot: Reading::Resolve,
            not_utf8: Reading::Resolve,
            lookalike: Reading::Resolve,
            max_length: DEFAULT_MAX_LENGTH,
        }
    }

    /// The normal form of a `:path` value, `path?query`.
    ///
    /// # Errors
    /// The first [`Ambiguity`] that this normaliser refuses.
    pub fn normalise<'a>(&self, target: &'a [u8], buffer: &'a mut PathBuffer) -> Result<NormalPath<'a>, Ambiguity> {
        let target = self.cut_fragment(self.origin_form(target)?)?;
        let mut parts = target.splitn(2, |byte| *byte == b'?');
        let path = parts.next().filter(|path| !path.is_empty()).unwrap_or(b"/");
        let query = parts.next();
        if path.len() > self.max_length {
            return Err(Ambiguity::TooLong);
        }
        if let Some(trailing_slash) = split_plain(path, &mut buffer.ends) {
            return Ok(NormalPath { bytes: path, ends: &buffer.ends, trailing_slash, query });
        }
        let trailing_slash = Segments::new(self, buffer).read(path)?;
        Ok(NormalPath { bytes: &buffer.bytes, ends: &buffer.ends, trailing_slash, query })
    }

    /// The target from its path on (RFC 9112 section 3.2).
    fn origin_form<'a>(&self, target: &'a [u8]) -> Result<&'a [u8], Ambiguity> {
        match target {
            [b'/', ..] => return Ok(target),
            b"*" => return Err(Ambiguity::AsteriskForm),
            _ => {}
        }
        let authority = [b"http://".as_slice(), b"https://"].into_iter().find_map(|scheme| {
            let (start, authority) = target.split_at_checked(scheme.len())?;
            start.eq_ignore_ascii_case(scheme).then_some(authority)
        });
        let authority = authority.ok_or(Ambiguity::NotAbsolute)?;
        refuse_if(self.absolute_form, Ambiguity::AbsoluteForm)?;
        let length = authority.iter().take_while(|byte| !b"/?#\\".contains(byte)).count();
        match authority.split_at_checked(length) {
            Some(([_, ..], path @ ([] | [b'/' | b'?' | b'#', ..]))) => Ok(path),
            _ => Err(Ambiguity::NotAbsolute),
        }
    }

    fn cut_fragment<'a>(&self, target: &'a [u8]) -> Result<&'a [u8], Ambiguity> {
        match target.iter().position(|byte| *byte == b'#') {
            None => Ok(target),
            Some(hash) => {
                refuse_if(self.fragment, Ambiguity::Fragment)?;
                Ok(target.get(..hash).unwrap_or(target))
            }
        }
    }
}

impl Default for Normaliser {
    fn default() -> Self {
        Self::strict()
    }
}
