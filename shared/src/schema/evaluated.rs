//! Which members or elements of a value were looked at.

/// Where the bits of one schema and one value are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame(u32);

impl Frame {
    /// No one asks.
    pub(super) const NONE: Self = Self(u32::MAX);
}

/// Frames that are open, one behind the other. The first word of each tells of all of the value.
#[derive(Debug, Default)]
pub(super) struct Evaluated {
    words: Vec<u64>,
}

/// Of the first word: there were `properties`.
const DECLARED: u64 = 1;

impl Evaluated {
    /// A frame for a value of so many parts, none of which is marked.
    pub(super) fn open(&mut self, len: usize) -> Frame {
        let at = self.words.len();
        self.words.resize(at.saturating_add(len.div_ceil(64)).saturating_add(1), 0);
        Frame(super::table::count(at))
    }

    /// Closes the frame that was opened last. What was marked is marked in `outer` too, if it is to be kept.
    pub(super) fn close(&mut self, frame: Frame, outer: Frame, keep: bool) {
        let at = frame.0 as usize;
        if keep && outer != Frame::NONE {
            let (before, own) = self.words.split_at_mut_checked(at).unwrap_or_default();
            for (word, more) in before.iter_mut().skip(outer.0 as usize).zip(own) {
                *word |= *more;
            }
        }
        self.words.truncate(at);
    }

    pub(super) fn mark(&mut self, frame: Frame, position: usize) {
        if frame != Frame::NONE
            && let Some(word) = self.words.get_mut(place(frame, position))
        {
            *word |= bit(position);
        }
    }

    pub(super) fn is_marked(&self, frame: Frame, position: usize) -> bool {
        frame != Frame::NONE && self.words.get(place(frame, position)).is_some_and(|word| word & bit(position) != 0)
    }

    pub(super) fn declare(&mut self, frame: Frame) {
        if frame != Frame::NONE
            && let Some(word) = self.words.get_mut(frame.0 as usize)
        {
            *word |= DECLARED;
        }
    }

    pub(super) fn is_declared(&self, frame: Frame) -> bool {
        frame != Frame::NONE && self.words.get(frame.0 as usize).is_some_and(|word| word & DECLARED != 0)
    }
}

const fn place(frame: Frame, position: usize) -> usize {
    (frame.0 as usize).saturating_add(1).saturating_add(position.wrapping_shr(6))
}

const fn bit(position: usize) -> u64 {
    #[expect(clippy::cast_possible_truncation, reason = "below 64")]
    1_u64.wrapping_shl((position & 63) as u32)
}
