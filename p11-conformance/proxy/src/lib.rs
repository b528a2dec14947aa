//! A module that forwards every function of the 2.40 list to the module named by `P11_PROXY_MODULE`, and breaks the
//! one behaviour named by `P11_PROXY_BREAK`. `p11-conformance proxy-selftest` shows that each break is noticed.

mod breaks;

use cryptoki_sys::*;
use libloading::{Library, Symbol};
use std::ptr;
use std::sync::OnceLock;

/// The real module's list, and the list that is handed out.
pub(crate) struct Lists {
    pub(crate) real: CK_FUNCTION_LIST,
    broken: CK_FUNCTION_LIST,
}

static LISTS: OnceLock<Option<Lists>> = OnceLock::new();

/// The real module's functions.
pub(crate) fn real() -> Option<&'static CK_FUNCTION_LIST> {
    LISTS.get()?.as_ref().map(|lists| &lists.real)
}

/// Loads the real module and breaks its list.
fn load() -> Option<Lists> {
    let path = std::env::var_os("P11_PROXY_MODULE")?;
    // SAFETY: running the initialisers of the module that the user named is the purpose of this library.
    let library = Box::leak(Box::new(unsafe { Library::new(path) }.ok()?));
    let mut list: *mut CK_FUNCTION_LIST = ptr::null_mut();
    // SAFETY: the symbol has this type in every version of the standard; the list is read while the library,
    // which is never unloaded, is there.
    let mut real = unsafe {
        let function: Symbol<unsafe extern "C" fn(*mut *mut CK_FUNCTION_LIST) -> CK_RV> =
            library.get(b"C_GetFunctionList\0").ok()?;
        if function(&mut list) != CKR_OK {
            return None;
        }
        *list.as_ref()?
    };
    real.C_GetFunctionList = Some(C_GetFunctionList);
    let mut broken = real;
    let name = std::env::var("P11_PROXY_BREAK").unwrap_or_default();
    if !name.is_empty() && !breaks::apply(&mut broken, &name) {
        eprintln!("p11-conformance-proxy: no break is named '{name}'");
        return None;
    }
    Some(Lists { real, broken })
}

/// The only exported function: hands out the broken list.
///
/// # Safety
///
/// `list` is NULL or the address of a pointer, as PKCS#11 says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_GetFunctionList(list: *mut *mut CK_FUNCTION_LIST) -> CK_RV {
    if list.is_null() {
        return CKR_ARGUMENTS_BAD;
    }
    match LISTS.get_or_init(load) {
        Some(lists) => {
            // SAFETY: not NULL, so the address of a pointer.
            unsafe { *list = ptr::from_ref(&lists.broken).cast_mut() };
            CKR_OK
        }
        None => CKR_GENERAL_ERROR,
    }
}
