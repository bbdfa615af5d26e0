//! Where one text is in another.

/// Horspool's search: it looks at one byte in as many as the text is long that it looks for, unless they are made to match.
pub(super) struct Finder<'f> {
    wanted: &'f [u8],
    /// How far to go on from a place whose last byte is this.
    steps: [u8; 256],
}

impl<'f> Finder<'f> {
    /// For a text of 1 to 255 bytes.
    pub(super) fn new(wanted: &'f [u8]) -> Self {
        let length = u8::try_from(wanted.len()).unwrap_or(u8::MAX).max(1);
        let mut steps = [length; 256];
        let left = (1..length).rev();
        for (byte, left) in wanted.iter().zip(left) {
            if let Some(step) = steps.get_mut(usize::from(*byte)) {
                *step = left;
            }
        }
        Self { wanted, steps }
    }

    /// Where it is first.
    pub(super) fn find(&self, text: &[u8]) -> Option<usize> {
        let mut at = 0_usize;
        loop {
            let window = text.get(at..at.checked_add(self.wanted.len())?)?;
            if window == self.wanted {
                return Some(at);
            }
            let step = self.steps.get(usize::from(*window.last()?))?;
            at = at.checked_add(usize::from(*step))?;
        }
    }
}
