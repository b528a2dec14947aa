//! Memory for secrets: locked where the system allows it, left out of core dumps, zeros in forked children, and wiped when
//! it is freed (`pages.c`). A block costs no system call.

use std::ffi::c_int;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::slice;
use std::sync::atomic::{AtomicU64, Ordering};

use zeroize::Zeroizing;

use crate::reserve::{self, OutOfMemory};

/// The kind of block that is zeros in a forked child.
const WIPED: c_int = 1;

#[cfg(not(miri))]
unsafe extern "C" {
    /// How often `coffer_pages_alloc` had no memory.
    static coffer_pages_refused: AtomicU64;
    fn coffer_pages_alloc(kind: c_int, size: usize) -> *mut std::ffi::c_void;
    fn coffer_pages_free(memory: *mut std::ffi::c_void);
}

/// Miri runs no C: plain memory with its size in front.
#[cfg(miri)]
mod plain {
    use std::alloc::{Layout, alloc, dealloc};
    use std::ffi::{c_int, c_void};

    use std::sync::atomic::AtomicU64;

    const PREFIX: usize = 16;

    pub static coffer_pages_refused: AtomicU64 = AtomicU64::new(0);

    fn layout(size: usize) -> Layout {
        Layout::from_size_align(size + PREFIX, PREFIX).unwrap_or(Layout::new::<u128>())
    }

    pub unsafe fn coffer_pages_alloc(_kind: c_int, size: usize) -> *mut c_void {
        // SAFETY: the layout is not empty, and the prefix is within it.
        unsafe {
            let place = alloc(layout(size));
            place.cast::<usize>().write(size);
            place.add(PREFIX).cast()
        }
    }

    pub unsafe fn coffer_pages_free(memory: *mut c_void) {
        // SAFETY: the caller passes what `coffer_pages_alloc` has answered.
        unsafe {
            let place = memory.cast::<u8>().sub(PREFIX);
            dealloc(place, layout(place.cast::<usize>().read()));
        }
    }
}
#[cfg(miri)]
use plain::{coffer_pages_alloc, coffer_pages_free, coffer_pages_refused};

/// How many allocations this process was refused so far: of secrets, of the engine, and all others. An error of a call in
/// which the number has grown has its cause there.
#[inline]
pub fn refusals() -> u64 {
    // SAFETY: defined in `pages.c` as an atomic number of 64 bits, and never written otherwise.
    let pages = unsafe { coffer_pages_refused.load(Ordering::Relaxed) };
    pages + reserve::refusals()
}

/// Bytes in such memory.
pub struct Block {
    place: NonNull<u8>,
    len: usize,
}

// SAFETY: a block owns its memory, and its bytes are reached through its borrows alone.
unsafe impl Send for Block {}
// SAFETY: as above.
unsafe impl Sync for Block {}

impl Block {
    /// So many zero bytes. Ends the call with [`OutOfMemory`] where there is no memory.
    pub fn zeroed(len: usize) -> Self {
        if len == 0 {
            return Self { place: NonNull::dangling(), len };
        }
        // SAFETY: takes any size; the answer is NULL or has `len` bytes, which are written before they are read.
        let place = unsafe {
            let place = coffer_pages_alloc(WIPED, len).cast::<u8>();
            if !place.is_null() {
                place.write_bytes(0, len);
            }
            place
        };
        match NonNull::new(place) {
            Some(place) => Self { place, len },
            None => OutOfMemory::end_call(),
        }
    }

    pub fn copy_of(bytes: &[u8]) -> Self {
        let mut block = Self::zeroed(bytes.len());
        block.copy_from_slice(bytes);
        block
    }
}

impl Deref for Block {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the block has `len` initialised bytes, or none at a dangling place.
        unsafe { slice::from_raw_parts(self.place.as_ptr(), self.len) }
    }
}

impl DerefMut for Block {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, and borrowed by nobody else.
        unsafe { slice::from_raw_parts_mut(self.place.as_ptr(), self.len) }
    }
}

impl Default for Block {
    fn default() -> Self {
        Self::zeroed(0)
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        if self.len > 0 {
            // SAFETY: from `coffer_pages_alloc`, and freed once.
            unsafe { coffer_pages_free(self.place.as_ptr().cast()) };
        }
    }
}

/// A key of a fixed length in such memory; zeros at first.
pub struct Array<const N: usize>(Block);

impl<const N: usize> Array<N> {
    /// Takes over bytes, and wipes the caller's.
    pub fn new(bytes: [u8; N]) -> Self {
        Self(Block::copy_of(&*Zeroizing::new(bytes)))
    }
}

impl<const N: usize> Default for Array<N> {
    fn default() -> Self {
        Self(Block::zeroed(N))
    }
}

impl<const N: usize> Clone for Array<N> {
    fn clone(&self) -> Self {
        Self(Block::copy_of(&self.0))
    }
}

impl<const N: usize> Deref for Array<N> {
    type Target = [u8; N];

    fn deref(&self) -> &[u8; N] {
        // SAFETY: the block has `N` initialised bytes, or none are asked for.
        unsafe { &*self.0.place.as_ptr().cast() }
    }
}

impl<const N: usize> DerefMut for Array<N> {
    fn deref_mut(&mut self) -> &mut [u8; N] {
        // SAFETY: as above, and borrowed by nobody else.
        unsafe { &mut *self.0.place.as_ptr().cast() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_all_sizes_are_zeros_at_first_and_keep_their_bytes() {
        for len in [0, 1, 15, 16, 17, 32, 100, 4096, 16_368, 16_369, 1 << 20] {
            let mut blocks: Vec<Block> = (0..4).map(|_| Block::zeroed(len)).collect();
            for (value, block) in blocks.iter_mut().enumerate() {
                assert!(block.iter().all(|byte| *byte == 0), "{len}");
                block.fill(value as u8 + 1);
            }
            for (value, block) in blocks.iter().enumerate() {
                assert!(block.len() == len && block.iter().all(|byte| *byte == value as u8 + 1), "{len}");
            }
        }
        assert_eq!(&*Block::copy_of(b"abc"), b"abc");
    }

    #[test]
    fn threads_take_and_free_blocks_of_each_other() {
        let (send, receive) = std::sync::mpsc::channel::<Block>();
        std::thread::scope(|scope| {
            for value in 1..=4u8 {
                let send = send.clone();
                scope.spawn(move || {
                    for len in 0..2000 {
                        let mut block = Block::zeroed(len % 700);
                        block.fill(value);
                        send.send(block).unwrap();
                    }
                });
            }
            drop(send);
            scope.spawn(move || {
                let one = |block: Block| assert!(block.windows(2).all(|pair| pair[0] == pair[1]));
                receive.into_iter().for_each(one);
            });
        });
    }
}
