//! What can be told from a `user-agent` value by itself.

/// Whether a value looks like several `user-agent` headers that Envoy joined.
///
/// Envoy writes a comma with no space between them. RFC 9110 section 10.1.5 has no comma in a user agent except within a
/// comment (in parentheses), but real ones do: as `, ` (`(KHTML, like Gecko)`), in Apple's model names
/// (`iPhone13,4`), and as the `,gzip(gfe)` that Google's proxies add. So a comma counts when it stands outside of comments,
/// no white space and no such suffix follows, and it is not between digits.
///
/// A client can hide a repeat from this by opening a parenthesis in the first value. It gains nothing: rules judge the
/// joined value, which is the one that the upstream gets.
pub fn is_joined(agent: &[u8]) -> bool {
    if !agent.contains(&b',') {
        return false;
    }
    let mut depth = 0_usize;
    let mut previous = b' ';
    let mut rest = agent;
    while let Some((&byte, after)) = rest.split_first() {
        match byte {
            b'(' => depth = depth.saturating_add(1),
            b')' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => {
                let next = after.first().copied().unwrap_or(b' ');
                let in_a_number = previous.is_ascii_digit() && next.is_ascii_digit();
                if !in_a_number && !matches!(next, b' ' | b'\t') && after != b"gzip(gfe)" {
                    return true;
                }
            }
            _ => {}
        }
        previous = byte;
        rest = after;
    }
    false
}
