//! The function lists and interfaces: C_GetFunctionList, C_GetInterfaceList, C_GetInterface (PKCS#11 section 5.4).

use std::ffi::c_void;

use crate::ck::*;
use crate::error::{Error, Result};

use super::entry::{LIST_2_40, LIST_3_0, LIST_3_2};
use super::pointer::{self, Out};

/// The name of the standard's own interfaces, as a C string.
const NAME: &[u8; 8] = b"PKCS 11\0";

/// No interface is CKF_INTERFACE_FORK_SAFE: that promises that a forked child keeps the parent's sessions and logins,
/// and here it starts anew with C_Initialize.
const FLAGS: CK_FLAGS = 0;

/// The interfaces, newest first: the first that fits is the default.
static INTERFACES: Interfaces = Interfaces([
    interface_of((&raw const LIST_3_2).cast()),
    interface_of((&raw const LIST_3_0).cast()),
    interface_of((&raw const LIST_2_40).cast()),
]);

/// The version at the start of each interface's list.
const VERSIONS: [CK_VERSION; 3] = [
    CK_VERSION { major: 3, minor: 2 },
    CK_VERSION { major: 3, minor: 0 },
    CK_VERSION { major: 2, minor: 40 },
];

struct Interfaces([CK_INTERFACE; 3]);

// SAFETY: the pointers lead to constants, which nobody writes to.
unsafe impl Sync for Interfaces {}

const fn interface_of(list: *const c_void) -> CK_INTERFACE {
    CK_INTERFACE { pInterfaceName: NAME.as_ptr().cast_mut(), pFunctionList: list.cast_mut(), flags: FLAGS }
}

/// C_GetFunctionList: the functions of PKCS#11 2.40.
pub(super) unsafe fn function_list(list: *mut *mut CK_FUNCTION_LIST) -> Result<()> {
    // SAFETY: NULL, or writable as C_GetFunctionList says.
    unsafe { Out::new(list) }?.write((&raw const LIST_2_40).cast_mut());
    Ok(())
}

/// C_GetInterfaceList.
pub(super) unsafe fn interface_list(list: *mut CK_INTERFACE, count: *mut CK_ULONG) -> Result<()> {
    // SAFETY: as C_GetInterfaceList describes its arguments.
    unsafe { pointer::write_list(&INTERFACES.0, list, count) }
}

/// C_GetInterface: the newest interface with this name, version and flags, each as far as it is given. Errors:
/// CKR_ARGUMENTS_BAD where there is none.
pub(super) unsafe fn interface(
    name: *mut CK_UTF8CHAR,
    version: *mut CK_VERSION,
    interface: *mut *mut CK_INTERFACE,
    flags: CK_FLAGS,
) -> Result<()> {
    // SAFETY: each is NULL, or as C_GetInterface describes it.
    let (place, version) = unsafe {
        let version = if version.is_null() { None } else { Some(pointer::read(version)?) };
        if !name.is_null() && !is_our_name(name) {
            return Err(Error::ArgumentsBad);
        }
        (Out::new(interface)?, version)
    };
    let fits = |offered: &CK_VERSION| {
        version.is_none_or(|wanted| (wanted.major, wanted.minor) == (offered.major, offered.minor))
    };
    let found = INTERFACES
        .0
        .iter()
        .zip(&VERSIONS)
        .find(|(offered, version)| offered.flags & flags == flags && fits(version));
    let (found, _) = found.ok_or(Error::ArgumentsBad)?;
    place.write(std::ptr::from_ref(found).cast_mut());
    Ok(())
}

/// Compares byte for byte and stops at the first difference, so that nothing is read behind the caller's string.
///
/// # Safety
/// `name` is a C string.
unsafe fn is_our_name(name: *const CK_UTF8CHAR) -> bool {
    NAME.iter().enumerate().all(|(index, byte)| {
        // SAFETY: all bytes before this one were equal to ours and not zero, so the string goes on.
        unsafe { *name.add(index) == *byte }
    })
}

#[cfg(test)]
mod tests {
    use std::ptr;

    use super::*;

    fn version_of(name: Option<&[u8]>, version: Option<(u8, u8)>, flags: CK_FLAGS) -> Result<(u8, u8)> {
        let name = name.map_or(ptr::null_mut(), |name| name.as_ptr().cast_mut());
        let mut wanted = version.map(|(major, minor)| CK_VERSION { major, minor });
        let wanted = wanted.as_mut().map_or(ptr::null_mut(), ptr::from_mut);
        let mut found: *mut CK_INTERFACE = ptr::null_mut();
        // SAFETY: all pointers are ours; a list begins with its version.
        unsafe {
            interface(name, wanted, &mut found, flags)?;
            assert_eq!(std::slice::from_raw_parts((*found).pInterfaceName, 8), NAME);
            let CK_VERSION { major, minor } = *(*found).pFunctionList.cast::<CK_VERSION>();
            Ok((major, minor))
        }
    }

    #[test]
    fn an_interface_is_found_by_name_version_and_flags() {
        assert_eq!(version_of(None, None, 0), Ok((3, 2)));
        assert_eq!(version_of(Some(NAME), None, 0), Ok((3, 2)));
        for version in [(3, 2), (3, 0), (2, 40)] {
            assert_eq!(version_of(Some(NAME), Some(version), 0), Ok(version));
            assert_eq!(version_of(None, Some(version), 0), Ok(version));
        }
        for absent in [(3, 1), (2, 20), (4, 0)] {
            assert_eq!(version_of(Some(NAME), Some(absent), 0), Err(Error::ArgumentsBad));
        }
        for name in [&b"\0"[..], b"PKCS 1\0", b"PKCS 11 \0", b"Vendor\0"] {
            assert_eq!(version_of(Some(name), None, 0), Err(Error::ArgumentsBad));
        }
        assert_eq!(version_of(None, None, CKF_INTERFACE_FORK_SAFE), Err(Error::ArgumentsBad));
    }

    #[test]
    fn the_lists_have_the_sizes_of_their_versions() {
        assert_eq!(size_of_val(&LIST_2_40), 8 + 68 * 8);
        assert_eq!(size_of_val(&LIST_3_0), 8 + 92 * 8);
        assert_eq!(size_of_val(&LIST_3_2), 8 + 104 * 8);
        let lists = [LIST_3_2.version, LIST_3_0.version, LIST_2_40.version];
        for (list, version) in lists.iter().zip(&VERSIONS) {
            assert_eq!((list.major, list.minor), (version.major, version.minor));
        }
    }
}
