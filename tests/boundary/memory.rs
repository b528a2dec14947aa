//! Memory for arguments between pages that nobody may touch, and the proof that nothing else was written.

use std::ptr;

const PAGE: usize = 4096;
/// What memory holds that is no argument.
const FILLING: u8 = 0xa5;

/// Where an argument lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pointer {
    Null,
    /// Its last byte is the last one before a page that cannot be touched.
    End,
    /// One byte further down, so that it is misaligned.
    Odd,
}

/// A piece of memory with an untouchable page before and behind it.
struct Area {
    start: *mut u8,
    len: usize,
    snapshot: Vec<u8>,
    /// Offsets that may be written, and how many bytes.
    writable: Vec<(usize, usize)>,
}

impl Area {
    fn new(len: usize) -> Self {
        // SAFETY: a new mapping, of which the first and the last page stay untouchable.
        let start = unsafe {
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            let whole = libc::mmap(ptr::null_mut(), len + 2 * PAGE, libc::PROT_NONE, flags, -1, 0);
            assert_ne!(whole, libc::MAP_FAILED);
            let start = whole.cast::<u8>().add(PAGE);
            assert_eq!(libc::mprotect(start.cast(), len, libc::PROT_READ | libc::PROT_WRITE), 0);
            start
        };
        let mut area = Self { start, len, snapshot: vec![FILLING; len], writable: Vec::new() };
        area.bytes().fill(FILLING);
        area
    }

    fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: the mapping, which only this area hands out; calls of the library have returned.
        unsafe { std::slice::from_raw_parts_mut(self.start, self.len) }
    }
}

/// The memory of one call.
pub struct Memory {
    small: Vec<Area>,
    large: Vec<Area>,
    used: [usize; 2],
    /// All that is placed lies in one place.
    shared: bool,
}

impl Memory {
    /// Bytes of a large area: 2^16 and some.
    const LARGE: usize = (1 << 16) + PAGE;

    /// Bytes of the one place that arguments can share.
    const SHARED: usize = 2048;

    pub fn new() -> Self {
        Self { small: Vec::new(), large: Vec::new(), used: [0; 2], shared: false }
    }

    /// Forgets the arguments of the call before.
    pub fn clear(&mut self) {
        for (areas, used) in [(&mut self.small, self.used[0]), (&mut self.large, self.used[1])] {
            for area in areas.iter_mut().take(used) {
                area.bytes().fill(FILLING);
                area.writable.clear();
            }
        }
        self.used = [0; 2];
        self.shared = false;
    }

    /// From now on every argument lies in the same place, which holds zeros and may be written.
    pub fn share(&mut self) {
        self.place(&[0; Self::SHARED], Pointer::End, true);
        self.shared = true;
    }

    /// Puts these bytes into an area of their own.
    pub fn place(&mut self, content: &[u8], pointer: Pointer, writable: bool) -> *mut u8 {
        let odd = match pointer {
            Pointer::Null => return ptr::null_mut(),
            Pointer::End => 0,
            Pointer::Odd => 1,
        };
        if self.shared {
            let area = &self.small[0];
            assert!(content.len() <= Self::SHARED);
            // SAFETY: within the area.
            return unsafe { area.start.add(area.len - Self::SHARED) };
        }
        let large = usize::from(content.len() > PAGE - 8);
        let areas = [&mut self.small, &mut self.large];
        let [small, big] = areas;
        let (areas, len) = if large == 1 { (big, Self::LARGE) } else { (small, PAGE) };
        if areas.len() == self.used[large] {
            areas.push(Area::new(len));
        }
        let area = &mut areas[self.used[large]];
        self.used[large] += 1;
        let offset = area.len - content.len() - odd;
        area.bytes()[offset..offset + content.len()].copy_from_slice(content);
        if writable {
            area.writable.push((offset, content.len()));
        }
        // SAFETY: within the area.
        unsafe { area.start.add(offset) }
    }

    /// Room that the library may write to.
    pub fn room(&mut self, len: usize, pointer: Pointer) -> *mut u8 {
        self.place(&vec![FILLING; len], pointer, true)
    }

    /// Lets the library write to memory that was placed before.
    pub fn allow(&mut self, place: *mut u8, len: usize) {
        for area in self.small.iter_mut().chain(&mut self.large) {
            let offset = place.addr().wrapping_sub(area.start.addr());
            if offset <= area.len {
                area.writable.push((offset, len.min(area.len - offset)));
            }
        }
    }

    /// Remembers what all arguments hold, before the call.
    pub fn remember(&mut self) {
        for area in self.used_areas() {
            let mut snapshot = std::mem::take(&mut area.snapshot);
            snapshot.copy_from_slice(area.bytes());
            area.snapshot = snapshot;
        }
    }

    /// After the call: whether a byte has changed that is not in a buffer for output.
    pub fn touched(&mut self) -> bool {
        self.used_areas().any(|area| {
            let mut wanted = std::mem::take(&mut area.snapshot);
            for (offset, len) in area.writable.clone() {
                wanted[offset..offset + len].copy_from_slice(&area.bytes()[offset..offset + len]);
            }
            let changed = wanted != area.bytes();
            area.snapshot = wanted;
            changed
        })
    }

    fn used_areas(&mut self) -> impl Iterator<Item = &mut Area> {
        self.small.iter_mut().take(self.used[0]).chain(self.large.iter_mut().take(self.used[1]))
    }
}
