//! The library under test: initialised, with a token in the temporary folder, a user who is logged in, and keys of every
//! type that the mechanisms can generate. It lives as long as the fuzzer and is mended when an input has broken it.

use std::path::PathBuf;
use std::ptr;
use std::sync::{Mutex, MutexGuard, OnceLock};

use coffer_pkcs11::ck::*;
use coffer_pkcs11::ffi::entry;

pub const USER_PIN: &[u8] = b"user-pin";
pub const SO_PIN: &[u8] = b"so-pin-1";
pub const SLOT: CK_SLOT_ID = 0;
/// A token file that has become longer than this is made anew.
const LONGEST: u64 = 1 << 20;

pub type Functions = &'static CK_FUNCTION_LIST_3_2;

/// A session object that the inputs use, and that they cannot destroy.
#[derive(Clone, Copy)]
pub struct Key {
    pub handle: CK_OBJECT_HANDLE,
    pub class: CK_OBJECT_CLASS,
    pub key_type: CK_KEY_TYPE,
}

pub struct World {
    pub functions: Functions,
    /// Owns the keys; inputs get a session of their own.
    base: CK_SESSION_HANDLE,
    pub keys: Vec<Key>,
    /// What C_GetMechanismList tells, with the flags of C_GetMechanismInfo.
    pub mechanisms: Vec<(CK_MECHANISM_TYPE, CK_FLAGS)>,
    home: PathBuf,
}

/// Calls a function of the list.
macro_rules! call {
    ($functions:expr, $name:ident $(, $argument:expr)*) => {{
        let function = $functions.$name.expect("the list has no hole");
        #[allow(unused_unsafe)]
        // SAFETY: the arguments are as PKCS#11 describes them.
        unsafe { function($($argument),*) }
    }};
}

pub fn world() -> MutexGuard<'static, World> {
    static WORLD: OnceLock<Mutex<World>> = OnceLock::new();
    WORLD.get_or_init(|| Mutex::new(World::new())).lock().expect("nothing panics and goes on")
}

impl World {
    fn new() -> Self {
        let home = std::env::temp_dir().join(format!("coffer-fuzz-{}", std::process::id()));
        // SAFETY: the fuzzer has no other thread that reads the environment.
        unsafe { std::env::set_var("COFFER_HOME", &home) };
        let mut world =
            Self { functions: functions(), base: 0, keys: Vec::new(), mechanisms: Vec::new(), home };
        world.make();
        world
    }

    fn make(&mut self) {
        let functions = self.functions;
        let _ = std::fs::remove_dir_all(&self.home);
        std::fs::create_dir(&self.home).expect("a folder for the token");
        std::fs::write(self.home.join("coffer.toml"), "[pin]\nkdf-iterations = 10000\nattempts = 255\n")
            .expect("a configuration");
        assert_eq!(call!(functions, C_Initialize, ptr::null_mut()), CKR_OK);
        let mut label = [b' '; 32];
        let (so_pin, so_length) = (SO_PIN.as_ptr().cast_mut(), SO_PIN.len() as CK_ULONG);
        let (pin, length) = (USER_PIN.as_ptr().cast_mut(), USER_PIN.len() as CK_ULONG);
        assert_eq!(call!(functions, C_InitToken, SLOT, so_pin, so_length, label.as_mut_ptr()), CKR_OK);
        self.base = self.open_session();
        assert_eq!(call!(functions, C_Login, self.base, CKU_SO, so_pin, so_length), CKR_OK);
        assert_eq!(call!(functions, C_InitPIN, self.base, pin, length), CKR_OK);
        assert_eq!(call!(functions, C_Logout, self.base), CKR_OK);
        self.log_in();
        self.mechanisms = mechanisms(functions);
        self.make_keys();
    }

    pub fn open_session(&self) -> CK_SESSION_HANDLE {
        let (flags, mut session) = (CKF_SERIAL_SESSION | CKF_RW_SESSION, 0);
        let rv = call!(self.functions, C_OpenSession, SLOT, flags, ptr::null_mut(), None, &mut session);
        assert_eq!(rv, CKR_OK);
        session
    }

    fn log_in(&self) {
        let (pin, length) = (USER_PIN.as_ptr().cast_mut(), USER_PIN.len() as CK_ULONG);
        assert_eq!(call!(self.functions, C_Login, self.base, CKU_USER, pin, length), CKR_OK);
    }

    /// Ends what an input has left behind.
    pub fn mend(&mut self, sessions: &[CK_SESSION_HANDLE]) {
        for session in sessions.iter().filter(|session| **session != self.base) {
            let _ = call!(self.functions, C_CloseSession, *session);
        }
        let mut info = CK_SESSION_INFO::default();
        let state = match call!(self.functions, C_GetSessionInfo, self.base, &mut info) {
            CKR_OK => Some(info.state),
            _ => None,
        };
        let length = std::fs::metadata(self.file()).map_or(u64::MAX, |metadata| metadata.len());
        let usable = length < LONGEST && self.pin_is_unchanged(state);
        if !usable {
            let _ = call!(self.functions, C_Finalize, ptr::null_mut());
            self.make();
        }
    }

    /// True where the user is logged in, or can be again.
    fn pin_is_unchanged(&self, state: Option<CK_STATE>) -> bool {
        match state {
            Some(CKS_RW_USER_FUNCTIONS) => true,
            None => false,
            Some(_) => {
                let _ = call!(self.functions, C_Logout, self.base);
                let (pin, length) = (USER_PIN.as_ptr().cast_mut(), USER_PIN.len() as CK_ULONG);
                call!(self.functions, C_Login, self.base, CKU_USER, pin, length) == CKR_OK
            }
        }
    }

    fn file(&self) -> PathBuf {
        let files = std::fs::read_dir(&self.home).into_iter().flatten().flatten().map(|entry| entry.path());
        files.filter(|path| path.extension().is_some_and(|end| end == "coffer")).next().unwrap_or_default()
    }

    /// A key or a key pair with each mechanism that makes one, of several sizes and curves.
    fn make_keys(&mut self) {
        self.keys.clear();
        for (mechanism, flags) in self.mechanisms.clone() {
            for more in variants() {
                if flags & CKF_GENERATE != 0 {
                    self.make_key(mechanism, &more);
                }
                if flags & CKF_GENERATE_KEY_PAIR != 0 {
                    self.make_pair(mechanism, &more);
                }
            }
        }
    }

    fn make_key(&mut self, mechanism: CK_MECHANISM_TYPE, more: &[(CK_ATTRIBUTE_TYPE, Vec<u8>)]) {
        let mut template = usual(more);
        let mut mechanism = CK_MECHANISM { mechanism, pParameter: ptr::null_mut(), ulParameterLen: 0 };
        let (mut key, count) = (0, template.len() as CK_ULONG);
        let (functions, base) = (self.functions, self.base);
        if call!(functions, C_GenerateKey, base, &mut mechanism, template.as_mut_ptr(), count, &mut key)
            == CKR_OK
        {
            self.keep(key);
        }
    }

    fn make_pair(&mut self, mechanism: CK_MECHANISM_TYPE, more: &[(CK_ATTRIBUTE_TYPE, Vec<u8>)]) {
        let (mut public, mut private) = (usual(more), usual(&[]));
        let mut mechanism = CK_MECHANISM { mechanism, pParameter: ptr::null_mut(), ulParameterLen: 0 };
        let (mut one, mut other) = (0, 0);
        let rv = call!(
            self.functions,
            C_GenerateKeyPair,
            self.base,
            &mut mechanism,
            public.as_mut_ptr(),
            public.len() as CK_ULONG,
            private.as_mut_ptr(),
            private.len() as CK_ULONG,
            &mut one,
            &mut other
        );
        if rv == CKR_OK {
            self.keep(one);
            self.keep(other);
        }
    }

    fn keep(&mut self, handle: CK_OBJECT_HANDLE) {
        let (class, key_type) = (self.number(handle, CKA_CLASS), self.number(handle, CKA_KEY_TYPE));
        self.keys.push(Key { handle, class, key_type });
    }

    fn number(&self, handle: CK_OBJECT_HANDLE, id: CK_ATTRIBUTE_TYPE) -> CK_ULONG {
        self.attribute(handle, id).and_then(|bytes| bytes.try_into().ok()).map_or(0, CK_ULONG::from_ne_bytes)
    }

    /// The value of an attribute, if it can be read.
    pub fn attribute(&self, handle: CK_OBJECT_HANDLE, id: CK_ATTRIBUTE_TYPE) -> Option<Vec<u8>> {
        let mut value = vec![0; 1024];
        let mut template = CK_ATTRIBUTE {
            type_: id,
            pValue: value.as_mut_ptr().cast(),
            ulValueLen: value.len() as CK_ULONG,
        };
        if call!(self.functions, C_GetAttributeValue, self.base, handle, &mut template, 1) != CKR_OK {
            return None;
        }
        value.truncate(template.ulValueLen as usize);
        Some(value)
    }
}

fn functions() -> Functions {
    let mut interface = ptr::null_mut();
    // SAFETY: the default interface is the newest, whose list is a CK_FUNCTION_LIST_3_2.
    unsafe {
        assert_eq!(entry::C_GetInterface(ptr::null_mut(), ptr::null_mut(), &mut interface, 0), CKR_OK);
        &*(*interface).pFunctionList.cast()
    }
}

fn mechanisms(functions: Functions) -> Vec<(CK_MECHANISM_TYPE, CK_FLAGS)> {
    let mut count = 0;
    assert_eq!(call!(functions, C_GetMechanismList, SLOT, ptr::null_mut(), &mut count), CKR_OK);
    let mut list = vec![0; count as usize];
    assert_eq!(call!(functions, C_GetMechanismList, SLOT, list.as_mut_ptr(), &mut count), CKR_OK);
    let with_flags = list.into_iter().map(|id| {
        let mut info = CK_MECHANISM_INFO::default();
        assert_eq!(call!(functions, C_GetMechanismInfo, SLOT, id, &mut info), CKR_OK);
        (id, info.flags)
    });
    with_flags.collect()
}

/// What the templates of key generation need besides the usual: nothing, a length, a size, a curve, a parameter set.
fn variants() -> Vec<Vec<(CK_ATTRIBUTE_TYPE, Vec<u8>)>> {
    let number = |id, number: CK_ULONG| vec![(id, number.to_ne_bytes().to_vec())];
    let mut variants =
        vec![vec![], number(CKA_VALUE_LEN, 16), number(CKA_VALUE_LEN, 32), number(CKA_MODULUS_BITS, 1024)];
    variants.push(number(CKA_PARAMETER_SET, 1));
    let curves: [&[u8]; 5] = [
        &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7],
        &[6, 3, 0x2b, 0x65, 0x70],
        &[6, 3, 0x2b, 0x65, 0x6e],
        &[6, 3, 0x2b, 0x65, 0x71],
        &[6, 3, 0x2b, 0x65, 0x6f],
    ];
    variants.extend(curves.map(|curve| vec![(CKA_EC_PARAMS, curve.to_vec())]));
    variants
}

/// A template of an extractable session key that is there for everybody, cannot be destroyed, and derives.
fn usual(more: &[(CK_ATTRIBUTE_TYPE, Vec<u8>)]) -> Vec<CK_ATTRIBUTE> {
    static YES: CK_BBOOL = CK_TRUE;
    static NO: CK_BBOOL = CK_FALSE;
    let flag = |id, value: &'static CK_BBOOL| CK_ATTRIBUTE {
        type_: id,
        pValue: ptr::from_ref(value).cast_mut().cast(),
        ulValueLen: 1,
    };
    let mut template = vec![
        flag(CKA_PRIVATE, &NO),
        flag(CKA_DESTROYABLE, &NO),
        flag(CKA_MODIFIABLE, &NO),
        flag(CKA_DERIVE, &YES),
    ];
    let public = more.iter().any(|(id, _)| [CKA_EC_PARAMS, CKA_MODULUS_BITS, CKA_PARAMETER_SET].contains(id));
    if !public {
        template.push(flag(CKA_EXTRACTABLE, &YES));
    }
    template.extend(more.iter().map(|(id, value)| CK_ATTRIBUTE {
        type_: *id,
        pValue: value.as_ptr().cast_mut().cast(),
        ulValueLen: value.len() as CK_ULONG,
    }));
    template
}
