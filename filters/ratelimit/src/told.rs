//! What clients are told of their limits, in headers.
//!
//! `RateLimit` and `RateLimit-Policy` are structured fields (RFC 9651): lists of the limits' names, with the quota (`q`) and
//! window in seconds (`w`), what remains (`r`) and after how many seconds all of it is there again (`t`), as
//! draft-ietf-httpapi-ratelimit-headers has them. Seconds are rounded up, so that nobody comes too early.

use std::fmt::Write;

/// How a client stands with one limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing<'a> {
    /// The limit's name: needs no escapes.
    pub(crate) name: &'a str,
    pub(crate) quota: u32,
    pub(crate) window_s: u32,
    pub(crate) remaining: u32,
    pub(crate) reset_ns: u64,
}

/// The `RateLimit` field.
pub(crate) fn left<'a>(standings: impl Iterator<Item = Standing<'a>>) -> String {
    list(standings, |text, it| write!(text, ";r={};t={}", it.remaining, seconds(it.reset_ns)))
}

/// The `RateLimit-Policy` field.
pub(crate) fn policy<'a>(standings: impl Iterator<Item = Standing<'a>>) -> String {
    list(standings, |text, it| write!(text, ";q={};w={}", it.quota, it.window_s))
}

fn list<'a>(
    standings: impl Iterator<Item = Standing<'a>>,
    parameters: impl Fn(&mut String, &Standing<'a>) -> std::fmt::Result,
) -> String {
    let mut text = String::new();
    for standing in standings {
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push('"');
        text.push_str(standing.name);
        text.push('"');
        // Writing to a String cannot fail.
        let _ = parameters(&mut text, &standing);
    }
    text
}

/// Whole seconds, rounded up.
pub(crate) const fn seconds(nanoseconds: u64) -> u64 {
    nanoseconds.div_ceil(1_000_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_lists() {
        let both = || {
            [("per-client", 100, 60, 99, 600_000_000), ("login", 5, 300, 0, 59_000_000_001)].into_iter().map(
                |(name, quota, window_s, remaining, reset_ns)| Standing { name, quota, window_s, remaining, reset_ns },
            )
        };
        assert_eq!(left(both()), r#""per-client";r=99;t=1, "login";r=0;t=60"#);
        assert_eq!(policy(both()), r#""per-client";q=100;w=60, "login";q=5;w=300"#);
        assert_eq!(left(std::iter::empty()), "");
    }
}
