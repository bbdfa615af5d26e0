//! What a secret needs, looked for in one pass: nearly every text has nothing of the kind, and costs no more than that.

use super::shapes;

const ASSIGNS: u8 = 1;
const GAP: u8 = 2;
const AT: u8 = 4;
const PERCENT: u8 = 8;
/// Not a printable ASCII character.
const ODD: u8 = 16;
/// What tokens are made of.
const TOKEN: u8 = 32;
const HYPHEN: u8 = 64;
const DOT: u8 = 128;

/// By byte.
static KINDS: [u8; 256] = {
    let mut kinds = [0; 256];
    let mut rest = kinds.as_mut_slice();
    let mut byte = 0_u8;
    while let [kind, tail @ ..] = rest {
        *kind = kind_of(byte);
        rest = tail;
        byte = byte.wrapping_add(1);
    }
    kinds
};

const fn kind_of(byte: u8) -> u8 {
    match byte {
        b'=' | b':' => ASSIGNS,
        b' ' | b'+' => GAP,
        b'\t' => GAP | ODD,
        b'@' => AT,
        b'%' => PERCENT,
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' => TOKEN,
        b'.' => TOKEN | DOT,
        b'-' => TOKEN | HYPHEN,
        b'!'..=b'~' => 0,
        _ => ODD,
    }
}

/// What may be in a text, and in every part of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signs {
    seen: u8,
    /// The longest run of what tokens are made of.
    longest: usize,
}

impl Signs {
    #[cfg(test)]
    pub(super) const ALL: Self = Self { seen: u8::MAX, longest: usize::MAX };

    pub(super) fn of(text: &[u8]) -> Self {
        let (mut seen, mut longest, mut run) = (0_u8, 0_usize, 0_usize);
        for byte in text {
            let kind = KINDS.get(usize::from(*byte)).copied().unwrap_or(u8::MAX);
            seen |= kind;
            run = if kind & TOKEN == 0 { 0 } else { run.saturating_add(1) };
            longest = longest.max(run);
        }
        Self { seen, longest }
    }

    fn has(self, kind: u8) -> bool {
        self.seen & kind != 0
    }

    /// No kind of secret can be here.
    pub(super) fn none(self) -> bool {
        !self.has(ASSIGNS | GAP | AT | PERCENT | HYPHEN) && !self.token()
    }

    /// Whether all of it is printable ASCII.
    pub(super) fn plain(self) -> bool {
        !self.has(ODD)
    }

    /// `name=value`.
    pub(super) fn assignment(self) -> bool {
        self.has(ASSIGNS)
    }

    /// A scheme and a credential, with white space between them.
    pub(super) fn scheme(self) -> bool {
        self.has(GAP)
    }

    /// A key, or a JWT where there is a dot too.
    pub(super) fn token(self) -> bool {
        self.longest >= shapes::SHORTEST
    }

    pub(super) fn dot(self) -> bool {
        self.has(DOT)
    }

    /// A PEM block.
    pub(super) fn hyphen(self) -> bool {
        self.has(HYPHEN)
    }

    /// A login before a host.
    pub(super) fn login(self) -> bool {
        self.has(AT)
    }

    /// Something encoded.
    pub(super) fn encoded(self) -> bool {
        self.has(PERCENT)
    }
}
