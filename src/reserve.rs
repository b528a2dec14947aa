//! The allocator of the library, and what it has in reserve for the moment when the system refuses memory.
//!
//! A small allocation that fails (a box, a map's entry) ends a Rust program, and the host with it. Here it is served from
//! memory that was set aside, so that the call which needed it comes to its end. The next call needs a whole reserve again:
//! without one it is CKR_HOST_MEMORY at the door ([`ready`]). Blocks of the reserve that are freed are there again.
//!
//! What callers or files size may not take part: it is allocated with `try_reserve`, and work that takes as many steps as a
//! file has records asks [`check`] at each.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::collections::TryReserveError;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// Bytes of a region. A call may use the rest of the one at hand, and of those behind it.
const REGION: usize = 256 * 1024;
const REGIONS: usize = 16;
/// Larger blocks are refused: whoever asks for them can be told so.
const LARGEST: usize = 64 * 1024;
/// A region that is emptier than this will do for another call.
const ENOUGH: usize = REGION / 2;

/// Pages that cost nothing until they are written.
#[repr(align(4096))]
struct Memory(UnsafeCell<[u8; REGION * REGIONS]>);

/// The memory that was set aside, and what is used of it.
struct Reserve {
    memory: Memory,
    /// For each region how far it is used (upper half) and how many blocks of it are alive (lower half). Both are zero as
    /// soon as no block is.
    regions: [AtomicU64; REGIONS],
    /// The region that blocks are taken from first.
    current: AtomicUsize,
    /// The reserve was used since [`Reserve::ready`] has last looked at it.
    touched: AtomicBool,
    /// How many allocations were refused.
    refused: AtomicU64,
}

// SAFETY: the bytes are handed out in pieces, each to one owner; everything else is atomic.
unsafe impl Sync for Reserve {}

static RESERVE: Reserve = Reserve::new();

/// There is no memory. The call that needed it ends with CKR_HOST_MEMORY; also the payload of a panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfMemory;

impl OutOfMemory {
    /// Ends the call, where nothing stands half done.
    pub fn end_call() -> ! {
        std::panic::resume_unwind(Box::new(OutOfMemory))
    }
}

/// Before a call begins: there is a reserve for it. Costs the reading of a flag as long as the system has memory.
#[inline]
pub fn ready() -> Result<(), OutOfMemory> {
    RESERVE.ready()
}

/// A step of work that a file sizes. Ends the call where the reserve has begun to run out: nothing may stand half done.
#[inline]
pub fn check() {
    if RESERVE.runs_out() {
        OutOfMemory::end_call();
    }
}

/// What `try_reserve` has made room for. Ends the call where there is none: nothing may stand half done.
pub fn need(room: Result<(), TryReserveError>) {
    if room.is_err() {
        OutOfMemory::end_call();
    }
}

/// Collects as many things as a file has. Ends the call where there is no memory for them.
pub fn collect<T>(things: impl Iterator<Item = T>) -> Vec<T> {
    let mut all = Vec::new();
    need(all.try_reserve(things.size_hint().0));
    for thing in things {
        check();
        need(all.try_reserve(1));
        all.push(thing);
    }
    all
}

/// So many zero bytes. Fresh pages are zero already: to fill them would touch each one more time than reading into them does.
pub fn zeroed(length: usize) -> Result<Vec<u8>, OutOfMemory> {
    if length == 0 {
        return Ok(Vec::new());
    }
    let layout = Layout::array::<u8>(length).map_err(|_| OutOfMemory)?;
    // SAFETY: the layout is not empty; the answer is NULL or so many zeros, allocated as a vector allocates them.
    unsafe {
        let place = std::alloc::alloc_zeroed(layout);
        if place.is_null() { Err(OutOfMemory) } else { Ok(Vec::from_raw_parts(place, length, length)) }
    }
}

/// How many allocations of this process were refused so far.
#[inline]
pub fn refusals() -> u64 {
    RESERVE.refused.load(Ordering::Relaxed)
}

impl Reserve {
    const fn new() -> Self {
        Self {
            memory: Memory(UnsafeCell::new([0; REGION * REGIONS])),
            regions: [const { AtomicU64::new(0) }; REGIONS],
            current: AtomicUsize::new(0),
            touched: AtomicBool::new(false),
            refused: AtomicU64::new(0),
        }
    }

    #[inline]
    fn ready(&self) -> Result<(), OutOfMemory> {
        if self.touched.load(Ordering::Relaxed) { self.refresh() } else { Ok(()) }
    }

    /// Finds a region for the next calls.
    #[cold]
    fn refresh(&self) -> Result<(), OutOfMemory> {
        // Before the search, so that a use that comes meanwhile is seen by the next look.
        self.touched.store(false, Ordering::Relaxed);
        match (0..REGIONS).find(|region| self.used(*region) <= ENOUGH) {
            Some(region) => {
                self.current.store(region, Ordering::Relaxed);
                Ok(())
            }
            None => {
                self.touched.store(true, Ordering::Relaxed);
                Err(OutOfMemory)
            }
        }
    }

    #[inline]
    fn runs_out(&self) -> bool {
        self.touched.load(Ordering::Relaxed) && self.used(self.current.load(Ordering::Relaxed)) > ENOUGH
    }

    /// Bytes of a region that are used.
    fn used(&self, region: usize) -> usize {
        self.regions.get(region).map_or(REGION, |state| (state.load(Ordering::Relaxed) >> 32) as usize)
    }

    fn start(&self) -> *mut u8 {
        self.memory.0.get().cast()
    }

    /// The region of a block; `None` for one of the system's.
    #[inline]
    fn region_of(&self, block: *mut u8) -> Option<usize> {
        let offset = block.addr().wrapping_sub(self.start().addr());
        (offset < REGION * REGIONS).then_some(offset / REGION)
    }

    /// A block; NULL where it is too large, or the reserve is used up.
    #[cold]
    fn take(&self, layout: Layout) -> *mut u8 {
        self.touched.store(true, Ordering::Relaxed);
        if layout.size() <= LARGEST && layout.align() <= 4096 {
            let first = self.current.load(Ordering::Relaxed);
            for region in (0..REGIONS).map(|step| (first + step) % REGIONS) {
                if let Some(block) = self.take_from(region, layout) {
                    return block;
                }
            }
        }
        self.refused.fetch_add(1, Ordering::Relaxed);
        ptr::null_mut()
    }

    fn take_from(&self, region: usize, layout: Layout) -> Option<*mut u8> {
        let mut offset = 0;
        let place = |state: u64| {
            offset = ((state >> 32) as usize).next_multiple_of(layout.align());
            let end = offset.checked_add(layout.size()).filter(|end| *end <= REGION)?;
            Some((end as u64) << 32 | ((state & u64::from(u32::MAX)) + 1))
        };
        self.regions.get(region)?.fetch_update(Ordering::AcqRel, Ordering::Relaxed, place).ok()?;
        // SAFETY: within the region, and given to nobody else as long as the state tells of it.
        Some(unsafe { self.start().add(region * REGION + offset) })
    }

    /// Takes a block back: the last one empties its region.
    #[cold]
    fn give_back(&self, region: usize) {
        let without_one = |state: u64| {
            let alive = (state & u64::from(u32::MAX)).saturating_sub(1);
            Some(if alive == 0 { 0 } else { state >> 32 << 32 | alive })
        };
        if let Some(state) = self.regions.get(region) {
            let _ = state.fetch_update(Ordering::AcqRel, Ordering::Relaxed, without_one);
        }
    }
}

/// The system's allocator with the reserve behind it.
struct Allocator(&'static Reserve);

// SAFETY: blocks are the system's, or pieces of the reserve with the size and alignment that was asked for; each goes back
// to where it came from.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller promises for the layout.
        let block = unsafe { System.alloc(layout) };
        if block.is_null() { self.0.take(layout) } else { block }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller promises for the layout; a block of the reserve has its size.
        unsafe {
            let mut block = System.alloc_zeroed(layout);
            if block.is_null() {
                block = self.0.take(layout);
                if !block.is_null() {
                    block.write_bytes(0, layout.size());
                }
            }
            block
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        match self.0.region_of(block) {
            // SAFETY: not ours, so the system's, with the layout that it was made with.
            None => unsafe { System.dealloc(block, layout) },
            Some(region) => self.0.give_back(region),
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let is_ours = self.0.region_of(block).is_some();
        if !is_ours {
            // SAFETY: the system's, with the layout that it was made with.
            let moved = unsafe { System.realloc(block, layout, new_size) };
            if !moved.is_null() {
                return moved;
            }
        }
        if new_size <= layout.size() {
            return block;
        }
        // SAFETY: the new size is not zero and fits its alignment, as the caller promises; both blocks have the bytes that
        // are copied, and are different.
        unsafe {
            let new_layout = Layout::from_size_align_unchecked(new_size, layout.align());
            let moved = if is_ours { self.alloc(new_layout) } else { self.0.take(new_layout) };
            if !moved.is_null() {
                ptr::copy_nonoverlapping(block, moved, layout.size());
                self.dealloc(block, layout);
            }
            moved
        }
    }
}

#[cfg(not(miri))]
#[global_allocator]
static ALLOCATOR: Allocator = Allocator(&RESERVE);

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(size: usize) -> Layout {
        Layout::from_size_align(size, 8).unwrap()
    }

    fn filled_with(block: *mut u8, value: u8) -> bool {
        // SAFETY: blocks of these tests have 1000 bytes, which were written.
        unsafe { std::slice::from_raw_parts(block, 1000) }.iter().all(|byte| *byte == value)
    }

    #[test]
    fn a_reserve_serves_small_blocks_and_is_whole_again_when_they_are_freed() {
        static TRIED: Reserve = Reserve::new();
        let allocator = Allocator(&TRIED);
        let blocks: Vec<*mut u8> = (0..600u32).map(|_| TRIED.take(layout(1000))).collect();
        for (number, block) in blocks.iter().enumerate() {
            assert!(TRIED.region_of(*block).is_some() && block.addr().is_multiple_of(8), "{number}");
            // SAFETY: a block of 1000 bytes.
            unsafe { block.write_bytes(number as u8, 1000) };
        }
        assert_eq!(TRIED.ready(), Ok(()));
        assert!(TRIED.take(layout(LARGEST + 1)).is_null());
        assert_eq!(TRIED.refused.load(Ordering::Relaxed), 1);

        // SAFETY: blocks of the reserve, each freed once with the size that it has.
        unsafe {
            assert_eq!(allocator.realloc(blocks[7], layout(1000), 10), blocks[7]);
            let grown = allocator.realloc(blocks[7], layout(1000), 2000);
            assert!(filled_with(grown, 7));
            allocator.dealloc(grown, layout(2000));
            for (number, block) in blocks.iter().enumerate().filter(|(number, _)| *number != 7) {
                assert!(filled_with(*block, number as u8), "{number}");
                allocator.dealloc(*block, layout(1000));
            }
        }
        assert!((0..REGIONS).all(|region| TRIED.used(region) == 0));
    }

    #[test]
    fn a_reserve_that_is_used_up_is_told_before_the_next_call() {
        static TRIED: Reserve = Reserve::new();
        let blocks: Vec<_> = std::iter::repeat_with(|| TRIED.take(layout(1000)))
            .take_while(|block| !block.is_null())
            .collect();
        assert!(blocks.len() >= REGIONS * (REGION / 1000 - 1));
        assert_eq!(TRIED.ready(), Err(OutOfMemory));
        assert!(TRIED.runs_out());
        let (first, others) = blocks.split_at(REGION / 1000);
        first.iter().for_each(|block| TRIED.give_back(TRIED.region_of(*block).unwrap()));
        assert_eq!(TRIED.ready(), Ok(()));
        assert!(!TRIED.runs_out());
        others.iter().for_each(|block| TRIED.give_back(TRIED.region_of(*block).unwrap()));
    }
}
