//! Where the host puts what it hands over.
//!
//! For each value the host asks the VM for memory, by [`memory_allocate`], and copies the value there. Nothing of it
//! is needed after the callback, so the memory is one block that each callback fills from its start: no allocation
//! and no free on the request path.

use std::{
    alloc::{Layout, alloc, dealloc},
    cell::{Cell, UnsafeCell},
};

/// Enough for the headers of all but odd requests (Envoy's limit is 60 KiB by default); what does not fit is
/// allocated, and freed when the next callback begins.
const BLOCK: usize = 64 << 10;
const ALIGN: usize = 8;

struct Arena {
    block: UnsafeCell<[u8; BLOCK]>,
    used: Cell<usize>,
    /// The latest of the allocations that did not fit; each starts with a link to the one before.
    overflow: Cell<*mut Overflow>,
}

#[repr(C, align(8))]
struct Overflow {
    before: *mut Overflow,
    layout: Layout,
}

// SAFETY: Envoy's Wasm VMs have one thread.
unsafe impl Sync for Arena {}

static ARENA: Arena =
    Arena { block: UnsafeCell::new([0; BLOCK]), used: Cell::new(0), overflow: Cell::new(std::ptr::null_mut()) };

/// The memory allocation callback: `proxy_on_memory_allocate`. Null (which makes the host's call fail) when memory is
/// out.
pub fn memory_allocate(size: usize) -> *mut u8 {
    let used = ARENA.used.get();
    let end = size.checked_next_multiple_of(ALIGN).and_then(|size| used.checked_add(size));
    match end {
        Some(end) if end <= BLOCK => {
            ARENA.used.set(end);
            // SAFETY: `used <= end <= BLOCK`.
            unsafe { ARENA.block.get().cast::<u8>().add(used) }
        }
        _ => overflow(size),
    }
}

#[cold]
fn overflow(size: usize) -> *mut u8 {
    let Some(total) = size.checked_add(size_of::<Overflow>()) else { return std::ptr::null_mut() };
    let Ok(layout) = Layout::from_size_align(total, ALIGN) else { return std::ptr::null_mut() };
    // SAFETY: the layout is not empty, is aligned for the link, and has room for it and then `size` bytes.
    unsafe {
        #[expect(clippy::cast_ptr_alignment, reason = "the layout has the link's alignment")]
        let link = alloc(layout).cast::<Overflow>();
        if link.is_null() {
            return std::ptr::null_mut();
        }
        link.write(Overflow { before: ARENA.overflow.get(), layout });
        ARENA.overflow.set(link);
        link.add(1).cast()
    }
}

/// Takes all memory back.
///
/// # Safety
/// No slice of memory that [`memory_allocate`] gave may be used afterwards.
pub(super) unsafe fn reset() {
    ARENA.used.set(0);
    let mut link = ARENA.overflow.replace(std::ptr::null_mut());
    while !link.is_null() {
        // SAFETY: `overflow` made each link with `alloc` and this layout, and it is in the list once.
        unsafe {
            let Overflow { before, layout } = link.read();
            dealloc(link.cast(), layout);
            link = before;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{BLOCK, memory_allocate, reset};

    // One test, since the arena is one.
    #[test]
    fn memory_is_distinct_within_a_callback_and_used_again_after_it() {
        for _ in 0..3 {
            let first = memory_allocate(5);
            let second = memory_allocate(BLOCK * 2);
            let third = memory_allocate(8);
            let fourth = memory_allocate(BLOCK);
            // SAFETY: each is as long as was asked for, and `reset` comes after their last use.
            unsafe {
                first.write_bytes(1, 5);
                second.write_bytes(2, BLOCK * 2);
                third.write_bytes(3, 8);
                fourth.write_bytes(4, BLOCK);
                assert_eq!((first.add(4).read(), second.read(), third.read(), fourth.read()), (1, 2, 3, 4));
                reset();
            }
            assert_eq!(memory_allocate(1), first);
            assert!(memory_allocate(usize::MAX).is_null());
            assert!(memory_allocate(isize::MAX as usize).is_null());
            // SAFETY: nothing is used any more.
            unsafe { reset() };
        }
    }
}
