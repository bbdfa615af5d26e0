//! The `cookie` header (RFC 6265 section 4.2).

use super::pairs::Malformed;

/// All pairs of a header, as they are written.
pub(super) fn pairs(header: &[u8]) -> impl Iterator<Item = Result<(&[u8], &[u8]), Malformed>> {
    let pieces = header.split(|byte| *byte == b';').map(<[u8]>::trim_ascii).filter(|piece| !piece.is_empty());
    pieces.map(|piece| {
        let place = piece.iter().position(|byte| *byte == b'=').ok_or(Malformed)?;
        let (name, value) = piece.split_at_checked(place).ok_or(Malformed)?;
        let value = value.strip_prefix(b"=").unwrap_or_default();
        let is_odd = |byte: &u8| byte.is_ascii_control();
        if name.is_empty() || name.iter().chain(value).any(is_odd) {
            return Err(Malformed);
        }
        let unquoted = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\""));
        Ok((name, unquoted.unwrap_or(value)))
    })
}
