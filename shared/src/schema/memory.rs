//! What was worked out before: alternatives within alternatives ask the same again and again.

/// Verdicts by schema and value. Empty, until a lot of work was done.
#[derive(Debug)]
pub(super) struct Memory {
    /// From how few steps that are left on it is used.
    from: u32,
    known: Vec<Entry>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    schema: u32,
    value: u32,
    verdict: bool,
}

/// A value that is none's.
const FREE: Entry = Entry { schema: u32::MAX, value: u32::MAX, verdict: false };

/// Work that is done before anything is remembered: most values need far less.
const PATIENCE: u32 = 20_000;

/// How many are remembered at once.
const SIZE: usize = 4096;

impl Memory {
    /// For so many steps; `is_usable` if verdicts depend on nothing but schema and value.
    pub(super) const fn new(steps: u32, is_usable: bool) -> Self {
        Self { from: if is_usable { steps.saturating_sub(PATIENCE) } else { 0 }, known: Vec::new() }
    }

    pub(super) const fn is_on(&self, steps: u32) -> bool {
        steps < self.from
    }

    pub(super) fn get(&self, schema: u32, value: u32) -> Option<bool> {
        let entry = self.known.get(slot(schema, value))?;
        (entry.schema == schema && entry.value == value).then_some(entry.verdict)
    }

    pub(super) fn put(&mut self, schema: u32, value: u32, verdict: bool) {
        if self.known.is_empty() {
            self.known.resize(SIZE, FREE);
        }
        if let Some(entry) = self.known.get_mut(slot(schema, value)) {
            *entry = Entry { schema, value, verdict };
        }
    }
}

const fn slot(schema: u32, value: u32) -> usize {
    (value.wrapping_mul(31).wrapping_add(schema) as usize) & (SIZE - 1)
}
