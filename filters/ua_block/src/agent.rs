//! What can be told from a `user-agent` value by itself.

/// What real user agents have after a comma outside of comments: Google's proxies, Sogou's browser.
const KNOWN: [&[u8]; 2] = [b"gzip(gfe)", b"SogouMobileBrowser/"];

/// Whether a value looks like several `user-agent` headers that Envoy joined.
///
/// Envoy writes a comma with no space between them. RFC 9110 section 10.1.5 has no comma in a user agent except within a
/// comment (in parentheses), but real ones do: as `, ` (`(KHTML, like Gecko)`), in Apple's model names (`iPhone13,4`), and
/// before a few products. So a comma counts when it stands outside of comments, no white space follows, it is
/// not between digits, and what follows is not one of those products.
///
/// A client can hide a repeat from this, as by opening a parenthesis in the first value. It gains nothing: rules judge
/// the joined value, which is the one that the upstream gets.
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
                let is_known = KNOWN.iter().any(|known| after.starts_with(known));
                if !in_a_number && !is_known && !matches!(next, b' ' | b'\t') {
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
