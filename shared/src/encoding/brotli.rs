//! Brotli (RFC 7932), without its extension for large windows.

use brotli_decompressor::{
    Allocator, BrotliDecompressStream, BrotliResult, BrotliState, SliceWrapper, SliceWrapperMut,
};

use super::{Fault, reserve};

/// The window that encoders use unless they are told to use another one, 4 MB. A larger one is for larger bodies than the
/// limit allows. Tables may take 3 MB more.
const COMMON_WINDOW: usize = 1 << 22;

/// What the decoder keeps beyond its window.
const SLACK: usize = 1 << 10;

pub(super) fn decode(body: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<(), Fault> {
    let bytes = Memory { most: limit.max(COMMON_WINDOW).saturating_add(SLACK), refused: false };
    let unbounded = || Memory { most: usize::MAX, refused: false };
    let mut state = BrotliState::new_strict(bytes, unbounded(), unbounded());
    let mut chunk = [0_u8; 4096];
    let (mut unread, mut read, mut total) = (body.len(), 0, 0);
    loop {
        let (mut free, mut end) = (chunk.len(), 0);
        let result = BrotliDecompressStream(
            &mut unread,
            &mut read,
            body,
            &mut free,
            &mut end,
            &mut chunk,
            &mut total,
            &mut state,
        );
        if total > limit {
            return Err(Fault::Bomb);
        }
        reserve(out, total, limit);
        out.extend_from_slice(chunk.get(..end).ok_or(Fault::Invalid)?);
        match result {
            BrotliResult::NeedsMoreOutput if end > 0 => {}
            BrotliResult::ResultSuccess if unread == 0 => return Ok(()),
            _ if state.alloc_u8.refused => return Err(Fault::Bomb),
            _ => return Err(Fault::Invalid),
        }
    }
}

/// Gives the decoder its memory, up to so many elements at a time.
struct Memory {
    most: usize,
    refused: bool,
}

#[derive(Default)]
struct Cell<T>(Vec<T>);

impl<T> SliceWrapper<T> for Cell<T> {
    fn slice(&self) -> &[T] {
        &self.0
    }
}

impl<T> SliceWrapperMut<T> for Cell<T> {
    fn slice_mut(&mut self) -> &mut [T] {
        &mut self.0
    }
}

impl<T: Clone + Default> Allocator<T> for Memory {
    type AllocatedMemory = Cell<T>;

    /// An empty one if it would be too large: the decoder gives up.
    fn alloc_cell(&mut self, length: usize) -> Cell<T> {
        if length > self.most {
            self.refused = true;
            return Cell(Vec::new());
        }
        Cell(vec![T::default(); length])
    }

    fn free_cell(&mut self, _: Cell<T>) {}
}
