//! The library in a state, with a token that has keys; made anew when a call has changed it.

use std::ffi::c_void;
use std::fs;
use std::path::PathBuf;
use std::ptr;

use coffer_pkcs11::ck::*;

use super::arguments::{Handles, Maker, Way};
use super::functions::{FUNCTIONS, Key, index_of};
use super::interface::*;
use super::memory::Memory;
use crate::call;

/// What stands before an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    NotInitialised,
    NoSession,
    Public,
    PublicReadOnly,
    User,
    UserReadOnly,
    SecurityOfficer,
    /// The user has logged out; handles of private keys are remembered.
    LoggedOut,
    /// The session was closed, and its handle is remembered.
    Closed,
}

/// A state: a base, and the calls that lead further.
pub struct State {
    pub base: Base,
    pub calls: &'static [&'static str],
}

const fn state(base: Base, calls: &'static [&'static str]) -> State {
    State { base, calls }
}

pub const STATES: &[State] = &[
    state(Base::NotInitialised, &[]),
    state(Base::NoSession, &[]),
    state(Base::Public, &[]),
    state(Base::PublicReadOnly, &[]),
    state(Base::User, &[]),
    state(Base::UserReadOnly, &[]),
    state(Base::SecurityOfficer, &[]),
    state(Base::LoggedOut, &[]),
    state(Base::Closed, &[]),
    state(Base::Public, &["C_DigestInit"]),
    state(Base::User, &["C_FindObjectsInit"]),
    state(Base::User, &["C_EncryptInit"]),
    state(Base::User, &["C_EncryptInit", "C_EncryptUpdate"]),
    state(Base::User, &["C_DecryptInit"]),
    state(Base::User, &["C_DecryptInit", "C_DecryptUpdate"]),
    state(Base::User, &["C_DigestInit"]),
    state(Base::User, &["C_DigestInit", "C_DigestUpdate"]),
    state(Base::User, &["C_SignInit"]),
    state(Base::User, &["C_SignInit", "C_SignUpdate"]),
    state(Base::User, &["C_SignRecoverInit"]),
    state(Base::User, &["C_VerifyInit"]),
    state(Base::User, &["C_VerifyInit", "C_VerifyUpdate"]),
    state(Base::User, &["C_VerifyRecoverInit"]),
    state(Base::User, &["C_DigestInit", "C_EncryptInit"]),
    state(Base::User, &["C_DecryptInit", "C_DigestInit"]),
    state(Base::User, &["C_SignInit", "C_EncryptInit"]),
    state(Base::User, &["C_DecryptInit", "C_VerifyInit"]),
    state(Base::User, &["C_MessageEncryptInit"]),
    state(Base::User, &["C_MessageDecryptInit"]),
    state(Base::User, &["C_MessageSignInit"]),
    state(Base::User, &["C_MessageSignInit", "C_SignMessageBegin"]),
    state(Base::User, &["C_MessageVerifyInit"]),
    state(Base::User, &["C_MessageVerifyInit", "C_VerifyMessageBegin"]),
    state(Base::User, &["C_VerifySignatureInit"]),
];

/// The library as a caller without types sees it: addresses, in the order of the list.
pub struct Library {
    pub functions: &'static CK_FUNCTION_LIST_3_2,
    addresses: Vec<*const c_void>,
}

impl Library {
    pub fn new(functions: &'static CK_FUNCTION_LIST_3_2) -> Self {
        // SAFETY: behind its version the list has a pointer for each function.
        let addresses = unsafe {
            let first = ptr::from_ref(functions).cast::<*const c_void>().add(1);
            std::slice::from_raw_parts(first, FUNCTIONS.len()).to_vec()
        };
        Self { functions, addresses }
    }

    /// Calls a function with these words. Every argument of the standard is a number or a pointer and fits one.
    pub fn call(&self, function: usize, words: &[u64]) -> CK_RV {
        macro_rules! with {
            ($($word:ident),*) => {{
                let [$($word),*] = words else { unreachable!() };
                // SAFETY: the function takes so many words; the library must bear what they are.
                unsafe {
                    let function: unsafe extern "C" fn($(with!(@ $word)),*) -> CK_RV =
                        std::mem::transmute(self.addresses[function]);
                    function($(*$word),*)
                }
            }};
            (@ $word:ident) => { u64 };
        }
        match words.len() {
            1 => with!(a),
            2 => with!(a, b),
            3 => with!(a, b, c),
            4 => with!(a, b, c, d),
            5 => with!(a, b, c, d, e),
            6 => with!(a, b, c, d, e, f),
            7 => with!(a, b, c, d, e, f, g),
            8 => with!(a, b, c, d, e, f, g, h),
            9 => with!(a, b, c, d, e, f, g, h, i),
            10 => with!(a, b, c, d, e, f, g, h, i, j),
            more => panic!("a function of {more} words"),
        }
    }
}

/// The library, its token, and where they stand.
pub struct World {
    pub library: Library,
    pub memory: Memory,
    pub handles: Handles,
    pub slot: CK_SLOT_ID,
    base: Option<Base>,
    /// Keeps the login while sessions come and go.
    holder: CK_SESSION_HANDLE,
    home: PathBuf,
    /// The files of the token as they were made.
    files: Vec<(PathBuf, Vec<u8>)>,
    changed: bool,
}

impl World {
    /// A token with its keys; the library is not initialised.
    pub fn new(functions: &'static CK_FUNCTION_LIST_3_2) -> Self {
        initialize(functions);
        make_token(functions);
        let session = open_session(functions);
        log_in(functions, session);
        make_keys(functions, session);
        finalize(functions);
        let home = PathBuf::from(std::env::var_os("COFFER_HOME").unwrap());
        let files = fs::read_dir(&home).unwrap().map(|entry| entry.unwrap().path());
        let files = files.map(|path| (path.clone(), fs::read(path).unwrap())).collect();
        Self {
            library: Library::new(functions),
            memory: Memory::new(),
            handles: Handles { session: 0, closed: 0, keys: [0; 5] },
            slot: 0,
            base: None,
            holder: 0,
            home,
            files,
            changed: false,
        }
    }

    /// Puts the library into a state. False where it does not have the functions that lead there.
    pub fn enter(&mut self, state: &State) -> bool {
        let functions = self.library.functions;
        if self.base != Some(state.base) || !self.is_sound() {
            self.rebuild(state.base);
        } else if !matches!(state.base, Base::NotInitialised | Base::NoSession | Base::Closed) {
            call!(functions, C_CloseSession, self.handles.session);
        }
        match state.base {
            Base::NotInitialised | Base::NoSession | Base::Closed => {}
            Base::PublicReadOnly | Base::UserReadOnly => self.handles.session = self.open(CKF_SERIAL_SESSION),
            _ => self.handles.session = self.open(CKF_SERIAL_SESSION | CKF_RW_SESSION),
        }
        state.calls.iter().all(|name| match self.usual_call(name) {
            CKR_OK => true,
            CKR_FUNCTION_NOT_SUPPORTED => false,
            refused => panic!("{name} on the way to a state: {refused:#x}"),
        })
    }

    /// Tells that a call has changed the token or what is not looked at by itself.
    pub fn note(&mut self, name: &str, rv: CK_RV) {
        if rv == CKR_OK {
            self.changed |=
                matches!(name, "C_InitToken" | "C_InitPIN" | "C_SetPIN" | "C_CopyObject" | "C_DestroyObject");
            if matches!(name, "C_OpenSession" | "C_CloseAllSessions")
                || self.base == Some(Base::NoSession) && name == "C_Finalize"
            {
                self.base = None;
            }
        }
    }

    fn usual_call(&mut self, name: &str) -> CK_RV {
        let index = index_of(name);
        self.memory.clear();
        let mut maker =
            Maker { memory: &mut self.memory, handles: &self.handles, slot: self.slot, input: None };
        let words: Vec<u64> =
            FUNCTIONS[index].kinds.iter().flat_map(|kind| maker.words(*kind, Way::Usual)).collect();
        self.library.call(index, &words)
    }

    fn open(&self, flags: CK_FLAGS) -> CK_SESSION_HANDLE {
        let mut session = 0;
        let opened =
            call!(self.library.functions, C_OpenSession, 0, flags, ptr::null_mut(), None, &mut session);
        assert_eq!(opened, CKR_OK);
        session
    }

    /// Whether the base is still what it was.
    fn is_sound(&self) -> bool {
        let functions = self.library.functions;
        let wanted = match self.base {
            None => return false,
            _ if self.changed => return false,
            Some(Base::NotInitialised) => {
                let mut info = CK_INFO::default();
                return call!(functions, C_GetInfo, &mut info) == CKR_CRYPTOKI_NOT_INITIALIZED;
            }
            Some(Base::NoSession) => {
                let mut info = CK_INFO::default();
                return call!(functions, C_GetInfo, &mut info) == CKR_OK;
            }
            Some(Base::User) => CKS_RW_USER_FUNCTIONS,
            Some(Base::UserReadOnly) => CKS_RO_USER_FUNCTIONS,
            Some(Base::SecurityOfficer) => CKS_RW_SO_FUNCTIONS,
            Some(Base::PublicReadOnly) => CKS_RO_PUBLIC_SESSION,
            Some(_) => CKS_RW_PUBLIC_SESSION,
        };
        let mut info = CK_SESSION_INFO::default();
        call!(functions, C_GetSessionInfo, self.holder, &mut info) == CKR_OK && info.state == wanted
    }

    fn rebuild(&mut self, base: Base) {
        let functions = self.library.functions;
        call!(functions, C_Finalize, ptr::null_mut());
        if self.changed {
            for entry in fs::read_dir(&self.home).unwrap() {
                fs::remove_file(entry.unwrap().path()).unwrap();
            }
            for (path, bytes) in &self.files {
                fs::write(path, bytes).unwrap();
            }
            self.changed = false;
        }
        self.base = Some(base);
        if base == Base::NotInitialised {
            return;
        }
        initialize(functions);
        if base == Base::NoSession {
            return;
        }
        let read_only = matches!(base, Base::PublicReadOnly | Base::UserReadOnly);
        self.holder = self.open(CKF_SERIAL_SESSION | if read_only { 0 } else { CKF_RW_SESSION });
        if matches!(base, Base::User | Base::UserReadOnly | Base::LoggedOut | Base::Closed) {
            log_in(functions, self.holder);
            self.handles.keys = find_keys(functions, self.holder);
        }
        self.handles.closed = self.open(CKF_SERIAL_SESSION);
        assert_eq!(call!(functions, C_CloseSession, self.handles.closed), CKR_OK);
        match base {
            Base::LoggedOut => assert_eq!(call!(functions, C_Logout, self.holder), CKR_OK),
            Base::SecurityOfficer => {
                let (pin, len) = (SO_PIN.as_ptr().cast_mut(), SO_PIN.len() as CK_ULONG);
                assert_eq!(call!(functions, C_Login, self.holder, CKU_SO, pin, len), CKR_OK);
            }
            Base::Closed => {
                assert_eq!(call!(functions, C_Logout, self.holder), CKR_OK);
                self.handles.session = self.handles.closed;
            }
            _ => {}
        }
    }
}

/// The keys, in the order of `Key::ALL`, as token objects with labels of their own.
fn make_keys(functions: &CK_FUNCTION_LIST_3_2, session: CK_SESSION_HANDLE) {
    let (yes, no, ids) = ([CK_TRUE], [CK_FALSE], [[0u8], [1], [2], [3], [4]]);
    let own = |id: usize| {
        vec![attribute(CKA_TOKEN, &yes), attribute(CKA_ID, &ids[id]), attribute(CKA_LABEL, b"key")]
    };
    let bits = [1024 as CK_ULONG];
    let curve = [6u8, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
    let (aes, generic, length) = ([CKK_AES], [CKK_GENERIC_SECRET], [16 as CK_ULONG]);
    for (index, key_type, generator) in
        [(0, &aes, CKM_AES_KEY_GEN), (1, &generic, CKM_GENERIC_SECRET_KEY_GEN)]
    {
        let mut template = own(index);
        template.push(attribute(CKA_KEY_TYPE, key_type));
        template.push(attribute(CKA_VALUE_LEN, &length));
        template.push(attribute(CKA_EXTRACTABLE, &yes));
        template.push(attribute(CKA_DERIVE, &yes));
        let (mut mechanism, mut key, count) = (mechanism(generator), 0, template.len() as CK_ULONG);
        let made = call!(
            functions,
            C_GenerateKey,
            session,
            &mut mechanism,
            template.as_mut_ptr().cast(),
            count,
            &mut key
        );
        assert_eq!(made, CKR_OK);
    }
    for (index, generator, parameter) in [
        (2, CKM_RSA_PKCS_KEY_PAIR_GEN, attribute(CKA_MODULUS_BITS, &bits)),
        (4, CKM_EC_KEY_PAIR_GEN, attribute(CKA_EC_PARAMS, &curve)),
    ] {
        let (mut public, mut private) = (own(index), own(if index == 2 { 3 } else { 4 }));
        public.push(parameter);
        public.push(attribute(CKA_PRIVATE, &no));
        private.push(attribute(CKA_PRIVATE, &yes));
        let (mut mechanism, mut keys) = (mechanism(generator), [0; 2]);
        let [public_key, private_key] = &mut keys;
        let (public_count, private_count) = (public.len() as CK_ULONG, private.len() as CK_ULONG);
        let made = call!(
            functions,
            C_GenerateKeyPair,
            session,
            &mut mechanism,
            public.as_mut_ptr().cast(),
            public_count,
            private.as_mut_ptr().cast(),
            private_count,
            public_key,
            private_key
        );
        assert_eq!(made, CKR_OK);
    }
}

fn find_keys(functions: &CK_FUNCTION_LIST_3_2, session: CK_SESSION_HANDLE) -> [CK_OBJECT_HANDLE; 5] {
    std::array::from_fn(|index| {
        let class = match Key::ALL[index] {
            Key::Aes | Key::Generic => CKO_SECRET_KEY,
            Key::RsaPublic => CKO_PUBLIC_KEY,
            Key::RsaPrivate | Key::EcPrivate => CKO_PRIVATE_KEY,
        };
        let (id, classes) = ([index as u8], [class]);
        let mut search = [attribute(CKA_ID, &id), attribute(CKA_CLASS, &classes)];
        let (mut found, mut count) = (0, 0);
        assert_eq!(call!(functions, C_FindObjectsInit, session, search.as_mut_ptr().cast(), 2), CKR_OK);
        assert_eq!(call!(functions, C_FindObjects, session, &mut found, 1, &mut count), CKR_OK);
        assert_eq!(call!(functions, C_FindObjectsFinal, session), CKR_OK);
        assert_eq!(count, 1, "the key {index}");
        found
    })
}
