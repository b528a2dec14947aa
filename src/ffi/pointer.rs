//! Raw reads and writes: the rules for NULL, lengths, alignment and overlap, once.
//!
//! Callers may pass unaligned pointers and memory that was never initialised, so no reference is made to a caller's
//! structure: values are copied with `read_unaligned` and `write_unaligned`. Only bytes are borrowed.

use std::ops::Deref;
use std::slice;

use crate::ck::*;
use crate::error::{Error, Result};
use crate::secret::Secret;
use crate::session::Output;

/// Bytes that no caller can have: longer than the address space of a process.
const MAX_LENGTH: usize = 1 << 46;

/// Most bytes of a PIN or a user name. Longer ones are refused before they are copied.
const MAX_PIN: usize = 1 << 16;

/// A count or length of the caller. Errors: CKR_ARGUMENTS_BAD for more bytes than an address space has.
pub(super) fn length(length: CK_ULONG, element: usize) -> Result<usize> {
    let count = usize::try_from(length)?;
    match count.checked_mul(element) {
        Some(bytes) if bytes <= MAX_LENGTH => Ok(count),
        _ => Err(Error::ArgumentsBad),
    }
}

/// The caller's bytes. NULL with length 0 is empty; NULL with a length is CKR_ARGUMENTS_BAD.
///
/// # Safety
/// A pointer that is not NULL has `len` readable bytes, unchanged during the call.
pub(super) unsafe fn bytes<'a>(data: *const CK_BYTE, len: CK_ULONG) -> Result<&'a [u8]> {
    let len = length(len, 1)?;
    match (data.is_null(), len) {
        (_, 0) => Ok(&[]),
        (true, _) => Err(Error::ArgumentsBad),
        // SAFETY: the caller of the C function promises `len` readable bytes; `len` is below `isize::MAX`.
        (false, _) => Ok(unsafe { slice::from_raw_parts(data, len) }),
    }
}

/// The caller's buffer, to be filled whole. NULL as in `bytes`.
///
/// # Safety
/// A pointer that is not NULL has `len` writable bytes that nothing else uses during the call.
pub(super) unsafe fn bytes_mut<'a>(data: *mut CK_BYTE, len: CK_ULONG) -> Result<&'a mut [u8]> {
    let len = length(len, 1)?;
    match (data.is_null(), len) {
        (_, 0) => Ok(&mut []),
        (true, _) => Err(Error::ArgumentsBad),
        // SAFETY: the caller of the C function promises `len` writable bytes; `len` is below `isize::MAX`.
        (false, _) => Ok(unsafe { slice::from_raw_parts_mut(data, len) }),
    }
}

/// Input of a function that writes output too.
pub(super) enum Input<'a> {
    Borrowed(&'a [u8]),
    /// Copied, because the output buffer lies over it.
    Copied(Secret),
}

impl Deref for Input<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Input::Borrowed(bytes) => bytes,
            Input::Copied(bytes) => bytes.as_bytes(),
        }
    }
}

/// The caller's bytes, copied where the output buffer overlaps them: PKCS#11 allows encryption in place
/// (section 5.8), Rust no slice that changes while it is read.
///
/// # Safety
/// As `bytes`; and `output_len`, where it is not NULL, can be read.
pub(super) unsafe fn input<'a>(
    data: *const CK_BYTE,
    len: CK_ULONG,
    output: *const CK_BYTE,
    output_len: *const CK_ULONG,
) -> Result<Input<'a>> {
    // SAFETY: passed on from the caller.
    let bytes = unsafe { bytes(data, len) }?;
    if output.is_null() || output_len.is_null() || bytes.is_empty() {
        return Ok(Input::Borrowed(bytes));
    }
    // SAFETY: not NULL, and readable as the caller promises.
    let capacity = length(unsafe { output_len.read_unaligned() }, 1)?;
    if !overlap(data.addr(), bytes.len(), output.addr(), capacity) {
        return Ok(Input::Borrowed(bytes));
    }
    let mut copy = Vec::new();
    copy.try_reserve_exact(bytes.len())?;
    copy.extend_from_slice(bytes);
    Ok(Input::Copied(Secret::new(copy)))
}

fn overlap(left: usize, left_len: usize, right: usize, right_len: usize) -> bool {
    left < right.saturating_add(right_len) && right < left.saturating_add(left_len)
}

/// Runs `work` with the caller's output buffer, tells the length in `*output_len` (PKCS#11 section 5.2) and answers what
/// `work` does. Errors: CKR_ARGUMENTS_BAD without a place for the length, and those of `work`.
///
/// # Safety
/// `output_len` is NULL or can be read and written; `output` is NULL or has `*output_len` writable bytes.
pub(super) unsafe fn with_output<T>(
    output: *mut CK_BYTE,
    output_len: *mut CK_ULONG,
    work: impl FnOnce(&mut Output) -> Result<T>,
) -> Result<T> {
    if output_len.is_null() {
        return Err(Error::ArgumentsBad);
    }
    let (result, told) = {
        let mut target = if output.is_null() {
            Output::query()
        } else {
            // SAFETY: neither pointer is NULL, and the caller promises `*output_len` bytes.
            Output::buffer(unsafe { bytes_mut(output, output_len.read_unaligned()) }?)
        };
        let result = work(&mut target);
        (result, target.length())
    };
    if matches!(result, Ok(_) | Err(Error::BufferTooSmall)) {
        // SAFETY: not NULL, and writable as the caller promises. The buffer's borrow has ended.
        unsafe { output_len.write_unaligned(told as CK_ULONG) };
    }
    result
}

/// A structure of the caller. Errors: CKR_ARGUMENTS_BAD for NULL.
///
/// # Safety
/// A pointer that is not NULL can be read for a `T` that is valid whatever its bytes are.
pub(super) unsafe fn read<T: Copy>(place: *const T) -> Result<T> {
    if place.is_null() {
        return Err(Error::ArgumentsBad);
    }
    // SAFETY: not NULL, readable as the caller promises; alignment is not assumed.
    Ok(unsafe { place.read_unaligned() })
}

/// A place for a result.
pub(super) struct Out<T>(*mut T);

impl<T> Out<T> {
    /// Looks at the place before any work is done. Errors: CKR_ARGUMENTS_BAD for NULL.
    ///
    /// # Safety
    /// A pointer that is not NULL stays writable until `write`.
    pub(super) unsafe fn new(place: *mut T) -> Result<Self> {
        if place.is_null() { Err(Error::ArgumentsBad) } else { Ok(Self(place)) }
    }

    pub(super) fn write(self, value: T) {
        // SAFETY: not NULL, writable as the maker promised; alignment is not assumed and nothing is dropped.
        unsafe { self.0.write_unaligned(value) }
    }
}

/// Hands over a list whose length the caller may ask for first (section 5.5, C_GetSlotList): with a NULL `list` only
/// the count is told. Errors: CKR_ARGUMENTS_BAD without a place for the count, CKR_BUFFER_TOO_SMALL.
///
/// # Safety
/// `count` is NULL or can be read and written; `list` is NULL or has `*count` writable elements.
pub(super) unsafe fn write_list<T: Copy>(items: &[T], list: *mut T, count: *mut CK_ULONG) -> Result<()> {
    if count.is_null() {
        return Err(Error::ArgumentsBad);
    }
    let needed = items.len() as CK_ULONG;
    // SAFETY: `count` is not NULL and can be read and written; `list` has `*count` elements, which are enough.
    unsafe {
        let capacity = if list.is_null() { needed } else { count.read_unaligned() };
        count.write_unaligned(needed);
        if capacity < needed {
            return Err(Error::BufferTooSmall);
        }
        if !list.is_null() {
            write_items(items, list);
        }
    }
    Ok(())
}

/// Writes items one behind the other.
///
/// # Safety
/// `list` has room for all of them.
pub(super) unsafe fn write_items<T: Copy>(items: &[T], list: *mut T) {
    for (index, item) in items.iter().enumerate() {
        // SAFETY: the caller promises room for every index; alignment is not assumed.
        unsafe { list.add(index).write_unaligned(*item) };
    }
}

/// A PIN. NULL asks for a protected authentication path, which Coffer does not have (CKF_PROTECTED_AUTHENTICATION_PATH).
/// Errors: CKR_ARGUMENTS_BAD.
///
/// # Safety
/// As `bytes`.
pub(super) unsafe fn pin(pin: *const CK_UTF8CHAR, len: CK_ULONG) -> Result<Secret> {
    if pin.is_null() {
        return Err(Error::ArgumentsBad);
    }
    // SAFETY: passed on from the caller.
    Ok(Secret::copy_of(unsafe { short_bytes(pin, len) }?))
}

/// Bytes that nobody makes long: PINs and user names. Errors: CKR_ARGUMENTS_BAD for more than 64 KiB.
///
/// # Safety
/// As `bytes`.
pub(super) unsafe fn short_bytes<'a>(text: *const CK_UTF8CHAR, len: CK_ULONG) -> Result<&'a [u8]> {
    if length(len, 1)? > MAX_PIN {
        return Err(Error::ArgumentsBad);
    }
    // SAFETY: passed on from the caller.
    unsafe { bytes(text, len) }
}

/// The name of a function: a C string. Errors: CKR_ARGUMENTS_BAD for NULL and for names that no function has.
///
/// # Safety
/// NULL, or a C string.
pub(super) unsafe fn name(text: *const CK_UTF8CHAR) -> Result<Vec<u8>> {
    const MOST: usize = 64;
    if text.is_null() {
        return Err(Error::ArgumentsBad);
    }
    let mut name = Vec::new();
    for index in 0..MOST {
        // SAFETY: no byte before this one was the last of the string.
        match unsafe { text.add(index).read() } {
            0 => return Ok(name),
            byte => name.push(byte),
        }
    }
    Err(Error::ArgumentsBad)
}

/// Pads `text` with blanks, as the information structures want it; what does not fit is cut.
pub(super) fn padded<const N: usize>(text: &str) -> [u8; N] {
    let mut field = [b' '; N];
    for (target, source) in field.iter_mut().zip(text.as_bytes()) {
        *target = *source;
    }
    field
}

#[cfg(test)]
mod tests {
    use std::ptr;

    use super::*;

    #[test]
    fn null_is_empty_only_without_a_length() {
        // SAFETY: NULL is never read.
        unsafe {
            assert_eq!(bytes(ptr::null(), 0), Ok(&[][..]));
            assert_eq!(bytes(ptr::null(), 1), Err(Error::ArgumentsBad));
            assert_eq!(bytes_mut(ptr::null_mut(), 1), Err(Error::ArgumentsBad));
            assert!(read::<CK_ULONG>(ptr::null()).is_err());
            assert!(Out::<CK_ULONG>::new(ptr::null_mut()).is_err());
        }
    }

    #[test]
    fn a_length_that_no_process_can_hold_is_refused_before_it_is_read() {
        let byte = 0;
        for len in [1 << 47, 1 << 62, 1 << 63, CK_ULONG::MAX] {
            // SAFETY: the length is refused, so that nothing is read.
            assert_eq!(unsafe { bytes(&byte, len) }, Err(Error::ArgumentsBad), "{len:#x}");
        }
        assert_eq!(length(1 << 60, size_of::<CK_ATTRIBUTE>()), Err(Error::ArgumentsBad));
    }

    #[test]
    fn input_is_copied_exactly_where_the_output_lies_over_it() {
        let mut buffer = [1, 2, 3, 4, 5, 6, 7, 8];
        let len: CK_ULONG = 4;
        let start = buffer.as_mut_ptr();
        for (offset, copied) in [(0, true), (3, true), (4, false)] {
            // SAFETY: both ranges lie within `buffer`.
            let input = unsafe { input(start, 4, start.add(offset), &len) }.unwrap();
            assert_eq!(matches!(input, Input::Copied(_)), copied, "{offset}");
            assert_eq!(&*input, &[1, 2, 3, 4]);
        }
    }

    #[test]
    fn a_result_is_told_on_success_and_when_the_buffer_is_too_small() {
        let mut buffer = [0; 2];
        let mut len: CK_ULONG = 2;
        // SAFETY: buffer and length are ours.
        unsafe {
            let short = with_output(buffer.as_mut_ptr(), &mut len, |out| out.deliver(b"abc").map(drop));
            assert_eq!((short, len), (Err(Error::BufferTooSmall), 3));
            let query = with_output(ptr::null_mut(), &mut len, |out| out.deliver(b"ab").map(drop));
            assert_eq!((query, len), (Ok(()), 2));
            let failed = with_output(buffer.as_mut_ptr(), &mut len, |_| Err::<(), _>(Error::DataInvalid));
            assert_eq!((failed, len), (Err(Error::DataInvalid), 2));
            let written = with_output(buffer.as_mut_ptr(), &mut len, |out| out.deliver(b"z").map(drop));
            assert_eq!((written, len, buffer), (Ok(()), 1, [b'z', 0]));
            assert!(with_output(buffer.as_mut_ptr(), ptr::null_mut(), |_| Ok(())).is_err());
        }
    }

    #[test]
    fn a_list_is_counted_refused_or_written() {
        let mut list = [0u64; 3];
        let mut count: CK_ULONG = 0;
        // SAFETY: list and count are ours.
        unsafe {
            assert_eq!(write_list(&[7, 8], ptr::null_mut(), &mut count), Ok(()));
            assert_eq!(count, 2);
            count = 1;
            assert_eq!(write_list(&[7, 8], list.as_mut_ptr(), &mut count), Err(Error::BufferTooSmall));
            assert_eq!((count, list), (2, [0, 0, 0]));
            assert_eq!(write_list(&[7, 8], list.as_mut_ptr(), &mut count), Ok(()));
            assert_eq!((count, list), (2, [7, 8, 0]));
            assert_eq!(write_list(&[7], list.as_mut_ptr(), ptr::null_mut()), Err(Error::ArgumentsBad));
        }
    }

    #[test]
    fn pins_are_never_null_and_bounded_in_length() {
        // SAFETY: nothing is read but the literal.
        unsafe {
            assert_eq!(pin(ptr::null(), 0), Err(Error::ArgumentsBad));
            assert_eq!(pin(ptr::null(), 4), Err(Error::ArgumentsBad));
            assert_eq!(pin(b"1234".as_ptr(), 4), Ok(Secret::copy_of(b"1234")));
            assert_eq!(pin(b"1234".as_ptr(), 1 << 40), Err(Error::ArgumentsBad));
        }
    }
}
