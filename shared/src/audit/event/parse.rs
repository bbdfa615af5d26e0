//! What an event takes out of headers and clocks.

use super::json;

/// A time in nanoseconds since 1970 as RFC 3339, in UTC with microseconds.
pub(super) struct Timestamp(pub(super) u64);

impl Timestamp {
    #[expect(
        clippy::arithmetic_side_effects,
        reason = "64 bits of nanoseconds end in the year 2554: nothing overflows"
    )]
    pub(super) fn write(&self, out: &mut String) {
        let (seconds, micros) = (self.0 / 1_000_000_000, self.0 / 1000 % 1_000_000);
        let (days, time) = (seconds / 86_400, seconds % 86_400);
        // Howard Hinnant's `civil_from_days`: years begin in March, so that the leap day comes last.
        let days = days + 719_468;
        let (era, day_of_era) = (days / 146_097, days % 146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        let year = era * 400 + year_of_era + u64::from(month <= 2);
        let mut text = *b"0000-00-00T00:00:00.000000Z";
        let mut places = text.iter_mut().rev().filter(|place| **place == b'0');
        let (second, minute, hour) = (time % 60, time / 60 % 60, time / 3600);
        for (mut number, count) in [(micros, 6), (second, 2), (minute, 2), (hour, 2), (day, 2), (month, 2), (year, 4)] {
            for place in places.by_ref().take(count) {
                *place = json::last_digit(number);
                number /= 10;
            }
        }
        out.push_str(str::from_utf8(&text).unwrap_or_default());
    }
}

/// The trace id and the span id of a `traceparent` header (W3C Trace Context, section 3.2), if it is valid.
pub(super) fn traceparent(header: &[u8]) -> Option<(&str, &str)> {
    let header = str::from_utf8(header).ok()?;
    let mut parts = header.split('-');
    let mut hex = |length: usize| {
        let good =
            |part: &&str| part.len() == length && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        parts.next().filter(good)
    };
    let (version, trace, span, _flags) = (hex(2)?, hex(32)?, hex(16)?, hex(2)?);
    // Later versions may have more parts.
    let is_known = version == "00" && parts.next().is_none() || !matches!(version, "00" | "ff");
    let is_zero = |id: &str| id.bytes().all(|byte| byte == b'0');
    (is_known && !is_zero(trace) && !is_zero(span)).then_some((trace, span))
}

/// The path and the query of a request's target.
pub(super) fn target(target: &[u8]) -> (&[u8], Option<&[u8]>) {
    match target.iter().position(|byte| *byte == b'?') {
        Some(at) => {
            let (path, query) = target.split_at_checked(at).unwrap_or((target, b""));
            (path, query.strip_prefix(b"?"))
        }
        None => (target, None),
    }
}

/// The host of an authority: without login and port, but with the brackets of an IPv6 address.
pub(super) fn host(authority: &[u8]) -> &[u8] {
    let host = authority.rsplit(|byte| *byte == b'@').next().unwrap_or_default();
    let port = host.iter().rposition(|byte| *byte == b':');
    let bracket = host.iter().rposition(|byte| *byte == b']');
    match port {
        Some(at) if bracket.is_none_or(|bracket| bracket < at) => host.get(..at).unwrap_or_default(),
        _ => host,
    }
}

/// The version in `HTTP/1.1`.
pub(super) fn http_version(protocol: &[u8]) -> &[u8] {
    protocol.strip_prefix(b"HTTP/").unwrap_or(protocol)
}
