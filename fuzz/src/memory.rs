//! An allocator that counts what one execution holds, and stops it at a limit.
//!
//! ```text
//! held      bytes allocated less bytes freed since the execution started, by all threads
//! limit     256 MiB; inputs have at most 64 KiB, so a reader that asks for more believed a claim
//! ```

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicIsize, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

/// The most that an execution may hold, in bytes.
pub(crate) const LIMIT: usize = 256 << 20;

/// The fate of a request beyond the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beyond {
    /// It is a finding: the size was to be checked against the file before.
    Found,
    /// It is refused, as by a machine that has no more. A reader that asks with `try_reserve` says so
    /// in its error; any other aborts, which is a finding.
    Refused,
}

static HELD: AtomicIsize = AtomicIsize::new(0);
static MOST: AtomicIsize = AtomicIsize::new(0);
static WATCHED: AtomicBool = AtomicBool::new(false);
static REFUSING: AtomicBool = AtomicBool::new(false);
static EXCESS: AtomicUsize = AtomicUsize::new(0);

/// Counts from zero.
pub(crate) fn start(beyond: Beyond) {
    REFUSING.store(beyond == Beyond::Refused, SeqCst);
    HELD.store(0, SeqCst);
    MOST.store(0, SeqCst);
    WATCHED.store(true, SeqCst);
}

/// The most that was held since the start.
pub(crate) fn stop() -> usize {
    WATCHED.store(false, SeqCst);
    MOST.load(SeqCst).max(0) as usize
}

/// The size of the request that went beyond the limit and waits for the end of the process.
pub(crate) fn excess() -> Option<usize> {
    Some(EXCESS.load(SeqCst)).filter(|&size| size > 0)
}

pub(crate) struct Counting;

/// Whether a request is granted.
fn grow(size: usize) -> bool {
    let held = HELD.fetch_add(size as isize, SeqCst) + size as isize;
    if !WATCHED.load(SeqCst) {
        return true;
    }
    // Sizes of a layout are at most isize::MAX, but their sum may wrap.
    if held > LIMIT as isize || size > LIMIT {
        if REFUSING.load(SeqCst) {
            HELD.fetch_sub(size as isize, SeqCst);
            return false;
        }
        // The watchdog reports it and ends the process; it must be able to allocate meanwhile.
        WATCHED.store(false, SeqCst);
        EXCESS.store(size, SeqCst);
        loop {
            std::thread::sleep(Duration::from_secs(1));
        }
    }
    if held > MOST.load(SeqCst) {
        MOST.fetch_max(held, SeqCst);
    }
    true
}

fn shrink(size: usize) {
    HELD.fetch_sub(size as isize, SeqCst);
}

// SAFETY: every call goes on to the system's allocator as it came, or returns null, which says that
// there is no memory.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !grow(layout.size()) {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller keeps the promises of `GlobalAlloc::alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if !grow(layout.size()) {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller keeps the promises of `GlobalAlloc::alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, p: *mut u8, layout: Layout) {
        shrink(layout.size());
        // SAFETY: the caller keeps the promises of `GlobalAlloc::dealloc`.
        unsafe { System.dealloc(p, layout) }
    }

    unsafe fn realloc(&self, p: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if size > layout.size() {
            if !grow(size - layout.size()) {
                return std::ptr::null_mut();
            }
        } else {
            shrink(layout.size() - size);
        }
        // SAFETY: the caller keeps the promises of `GlobalAlloc::realloc`.
        unsafe { System.realloc(p, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;
