//! A PKCS#11 module opened by path: its function lists, and the one macro that calls into them.

use crate::names;
use cryptoki_sys::*;
use libloading::{Library, Symbol};
use std::{fmt, mem::ManuallyDrop, path::Path, ptr};

/// A call that did not return CKR_OK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallError {
    /// The function, `C_Sign`.
    pub call: &'static str,
    /// What it returned.
    pub rv: CK_RV,
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} returned {}", self.call, names::rv(self.rv))
    }
}

/// What a call into a module gives.
pub type Outcome<T = ()> = Result<T, CallError>;

/// CKR_OK or the error with the name of its function.
pub fn outcome(call: &'static str, rv: CK_RV) -> Outcome {
    if rv == CKR_OK { Ok(()) } else { Err(CallError { call, rv }) }
}

/// Calls one function of the 2.40 list with the arguments as they are, NULL pointers and wild lengths included.
///
/// A NULL entry of the list counts as CKR_FUNCTION_NOT_SUPPORTED (a scenario of its own asks for the entries).
#[macro_export]
macro_rules! call {
    ($module:expr, $function:ident $(, $argument:expr)* $(,)?) => {{
        let rv = match $module.list().$function {
            // SAFETY: the pointers come from live Rust values, or are exactly the bad input that the module
            // has to refuse; a module that dies of it ends this child process and nothing else.
            #[allow(clippy::macro_metavars_in_unsafe)]
            Some(function) => unsafe { function($($argument),*) },
            None => cryptoki_sys::CKR_FUNCTION_NOT_SUPPORTED,
        };
        $crate::module::outcome(stringify!($function), rv)
    }};
}

/// Calls one function of the 3.0 list; CKR_FUNCTION_NOT_SUPPORTED where the module has no such interface.
#[macro_export]
macro_rules! call_3_0 {
    ($module:expr, $function:ident $(, $argument:expr)* $(,)?) => {{
        let rv = match $module.list_3_0().and_then(|list| list.$function) {
            // SAFETY: as for `call!`.
            #[allow(clippy::macro_metavars_in_unsafe)]
            Some(function) => unsafe { function($($argument),*) },
            None => cryptoki_sys::CKR_FUNCTION_NOT_SUPPORTED,
        };
        $crate::module::outcome(stringify!($function), rv)
    }};
}

/// Calls one function of the 3.2 list; CKR_FUNCTION_NOT_SUPPORTED where the module has no such interface.
#[macro_export]
macro_rules! call_3_2 {
    ($module:expr, $function:ident $(, $argument:expr)* $(,)?) => {{
        let rv = match $module.list_3_2().and_then(|list| list.$function) {
            // SAFETY: as for `call!`.
            #[allow(clippy::macro_metavars_in_unsafe)]
            Some(function) => unsafe { function($($argument),*) },
            None => cryptoki_sys::CKR_FUNCTION_NOT_SUPPORTED,
        };
        $crate::module::outcome(stringify!($function), rv)
    }};
}

/// One interface that `C_GetInterfaceList` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    pub name: String,
    pub major: u8,
    pub minor: u8,
    pub flags: CK_FLAGS,
    /// Function entries of a list of this version which are not NULL, and how many there should be.
    pub functions: usize,
    pub expected: usize,
}

type GetInterfaceList = unsafe extern "C" fn(*mut CK_INTERFACE, *mut CK_ULONG) -> CK_RV;
type GetInterface =
    unsafe extern "C" fn(*mut CK_UTF8CHAR, *mut CK_VERSION, *mut *mut CK_INTERFACE, CK_FLAGS) -> CK_RV;

/// A loaded module. It stays loaded until the process ends, unless `unload` is called.
pub struct Module {
    library: ManuallyDrop<Library>,
    list: *const CK_FUNCTION_LIST,
    list_3_0: *const CK_FUNCTION_LIST_3_0,
    list_3_2: *const CK_FUNCTION_LIST_3_2,
}

// SAFETY: the lists are constant tables of function pointers, and PKCS#11 modules initialised with
// CKF_OS_LOCKING_OK may be called from any thread (PKCS#11 3.2, 5.4 C_Initialize).
unsafe impl Send for Module {}
// SAFETY: as above.
unsafe impl Sync for Module {}

impl Module {
    /// Opens the module and fetches its function lists.
    pub fn open(path: &Path) -> Result<Module, String> {
        // SAFETY: running the initialisers of a module that the user named is the purpose of this program.
        let library =
            unsafe { Library::new(path) }.map_err(|error| format!("{}: {error}", path.display()))?;
        let mut list: *mut CK_FUNCTION_LIST = ptr::null_mut();
        // SAFETY: the symbol has this type in every version of the standard.
        let rv = unsafe {
            let function: Symbol<unsafe extern "C" fn(*mut *mut CK_FUNCTION_LIST) -> CK_RV> =
                library.get(b"C_GetFunctionList\0").map_err(|error| error.to_string())?;
            function(&mut list)
        };
        if rv != CKR_OK || list.is_null() {
            return Err(format!("C_GetFunctionList returned {}", names::rv(rv)));
        }
        let library = ManuallyDrop::new(library);
        let mut module = Module { library, list, list_3_0: ptr::null(), list_3_2: ptr::null() };
        if let Some(interface) = module.interface(Some("PKCS 11"), Some((3, 0))) {
            module.list_3_0 = interface.pFunctionList.cast();
        }
        if let Some(interface) = module.interface(Some("PKCS 11"), Some((3, 2))) {
            module.list_3_2 = interface.pFunctionList.cast();
        }
        Ok(module)
    }

    /// The function list of `C_GetFunctionList`.
    pub fn list(&self) -> &CK_FUNCTION_LIST {
        // SAFETY: not NULL (checked in `open`) and valid as long as the library is loaded.
        unsafe { &*self.list }
    }

    /// The function list of version 3.0, where the module has one.
    pub fn list_3_0(&self) -> Option<&CK_FUNCTION_LIST_3_0> {
        // SAFETY: NULL or a table of the version that was asked for, valid as long as the library is loaded.
        unsafe { self.list_3_0.as_ref() }
    }

    /// The function list of version 3.2, where the module has one.
    pub fn list_3_2(&self) -> Option<&CK_FUNCTION_LIST_3_2> {
        // SAFETY: as above.
        unsafe { self.list_3_2.as_ref() }
    }

    /// The addresses in the longest function list that the module has, NULL where an entry is empty.
    pub fn newest_functions(&self) -> Vec<*const ()> {
        let newest = [(3, 2), (3, 0)].into_iter().find_map(|version| {
            let list = self.interface(Some("PKCS 11"), Some(version))?.pFunctionList;
            Some(list.cast::<CK_VERSION>().cast_const())
        });
        let list = newest.unwrap_or(self.list.cast());
        // SAFETY: a function list begins with its version and goes on with one pointer per function (PKCS#11 3.2, 3.6).
        unsafe {
            let first = list.cast::<*const ()>().add(1);
            (0..functions_of(list.read())).map(|index| first.add(index).read()).collect()
        }
    }

    /// Unloads the library, as a host does that is done with it.
    pub fn unload(mut self) {
        // SAFETY: `self` is consumed, nothing can use the lists any more.
        unsafe { ManuallyDrop::drop(&mut self.library) };
    }

    /// The address of an exported function, if it is exported.
    pub fn exports(&self, name: &str) -> bool {
        // SAFETY: only asked whether the symbol is there; it is never called through this type.
        unsafe { self.library.get::<*const ()>(name.as_bytes()) }.is_ok()
    }

    /// What `C_GetInterface` answers for a name and version (`None`: the default), or nothing.
    pub fn interface(&self, name: Option<&str>, version: Option<(u8, u8)>) -> Option<CK_INTERFACE> {
        let mut name = name.map(|name| format!("{name}\0").into_bytes());
        let mut version = version.map(|(major, minor)| CK_VERSION { major, minor });
        let mut found: *mut CK_INTERFACE = ptr::null_mut();
        // SAFETY: the symbol has this type since version 3.0; all pointers are NULL or live for the call.
        unsafe {
            let function: Symbol<GetInterface> = self.library.get(b"C_GetInterface\0").ok()?;
            let name = name.as_mut().map_or(ptr::null_mut(), |name| name.as_mut_ptr());
            let version = version.as_mut().map_or(ptr::null_mut(), ptr::from_mut);
            let rv = function(name, version, &mut found, 0);
            if rv == CKR_OK { found.as_ref().copied() } else { None }
        }
    }

    /// All interfaces; `None` for a module older than 3.0.
    pub fn interfaces(&self) -> Option<Vec<Interface>> {
        let mut count: CK_ULONG = 0;
        // SAFETY: the symbol has this type since version 3.0; the vector has `count` elements.
        let raw = unsafe {
            let function: Symbol<GetInterfaceList> = self.library.get(b"C_GetInterfaceList\0").ok()?;
            if function(ptr::null_mut(), &mut count) != CKR_OK || count > 1024 {
                return None;
            }
            let empty =
                CK_INTERFACE { pInterfaceName: ptr::null_mut(), pFunctionList: ptr::null_mut(), flags: 0 };
            let mut raw = vec![empty; count as usize];
            if function(raw.as_mut_ptr(), &mut count) != CKR_OK {
                return None;
            }
            raw.truncate(count as usize);
            raw
        };
        Some(raw.iter().filter_map(describe).collect())
    }
}

/// Reads name, version and filled entries of an interface.
fn describe(interface: &CK_INTERFACE) -> Option<Interface> {
    if interface.pInterfaceName.is_null() || interface.pFunctionList.is_null() {
        return None;
    }
    // SAFETY: both pointers are not NULL; a name ends with a zero byte and every function list starts with its
    // version and goes on with one pointer per function (PKCS#11 3.2, 3.6).
    unsafe {
        let name = std::ffi::CStr::from_ptr(interface.pInterfaceName.cast()).to_string_lossy().into_owned();
        let version = interface.pFunctionList.cast::<CK_VERSION>().read();
        let expected = if name == "PKCS 11" { functions_of(version) } else { 0 };
        let first = interface.pFunctionList.cast::<*const ()>().add(1);
        let functions = (0..expected).filter(|index| !first.add(*index).read().is_null()).count();
        let (major, minor) = (version.major, version.minor);
        Some(Interface { name, major, minor, flags: interface.flags, functions, expected })
    }
}

/// How many functions the standard's list of a version has.
pub fn functions_of(version: CK_VERSION) -> usize {
    let size = match (version.major, version.minor) {
        (2, _) => size_of::<CK_FUNCTION_LIST>(),
        (3, 0 | 1) => size_of::<CK_FUNCTION_LIST_3_0>(),
        (3, 2) => size_of::<CK_FUNCTION_LIST_3_2>(),
        _ => return 0,
    };
    size / size_of::<*const ()>() - 1
}
