//! What the children do with the token: a thin client over the function list that answers CK_RV.
#![allow(dead_code)]

use coffer_pkcs11::ck::*;

use crate::call;
use crate::child::fork;
use crate::interface::*;

pub type Functions = &'static CK_FUNCTION_LIST_3_2;

/// The library, never unloaded.
pub fn functions() -> Functions {
    let loaded = load();
    let functions = loaded.functions;
    std::mem::forget(loaded);
    functions
}

/// This test's token folder.
pub fn home() -> std::path::PathBuf {
    std::env::var_os("COFFER_HOME").unwrap().into()
}

/// Writes the configuration of this test's token folder.
pub fn configure(lines: &str) {
    std::fs::write(home().join("coffer.toml"), lines).unwrap();
}

/// Makes the token of slot 0 in a child, so that this process stays without C_Initialize.
pub fn prepare(functions: Functions) {
    fork(|_| {
        initialize(functions);
        make_token(functions);
    })
    .finish();
}

pub fn login(functions: Functions, session: CK_SESSION_HANDLE, user: CK_USER_TYPE, pin: &[u8]) -> CK_RV {
    call!(functions, C_Login, session, user, pin.as_ptr().cast_mut(), pin.len() as CK_ULONG)
}

/// C_Initialize, a session, and the user logged in.
pub fn join(functions: Functions) -> CK_SESSION_HANDLE {
    initialize(functions);
    let session = open_session(functions);
    log_in(functions, session);
    session
}

/// A private AES key on the token.
pub fn create(
    functions: Functions,
    session: CK_SESSION_HANDLE,
    id: &str,
    label: &str,
) -> Result<CK_OBJECT_HANDLE, CK_RV> {
    let mut template = [
        attribute(CKA_CLASS, &[CKO_SECRET_KEY]),
        attribute(CKA_KEY_TYPE, &[CKK_AES]),
        attribute(CKA_VALUE, b"0123456789abcdef"),
        attribute(CKA_TOKEN, &[CK_TRUE]),
        attribute(CKA_PRIVATE, &[CK_TRUE]),
        attribute(CKA_SIGN, &[CK_TRUE]),
        attribute(CKA_ID, id.as_bytes()),
        attribute(CKA_LABEL, label.as_bytes()),
    ];
    let mut handle = 0;
    let count = template.len() as CK_ULONG;
    answer(
        call!(functions, C_CreateObject, session, template.as_mut_ptr().cast(), count, &mut handle),
        handle,
    )
}

/// A P-256 key pair on the token: two objects in one transaction.
pub fn create_pair(functions: Functions, session: CK_SESSION_HANDLE, id: &str, label: &str) -> CK_RV {
    const P256: &[u8] = &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
    let common = [
        attribute(CKA_TOKEN, &[CK_TRUE]),
        attribute(CKA_ID, id.as_bytes()),
        attribute(CKA_LABEL, label.as_bytes()),
    ];
    let [token, id, label] = common;
    let mut public = [token, id, label, attribute(CKA_EC_PARAMS, P256)];
    let mut private = [token, id, label, attribute(CKA_DERIVE, &[CK_TRUE])];
    let mut generate = mechanism(CKM_EC_KEY_PAIR_GEN);
    let (mut one, mut other) = (0, 0);
    call!(
        functions,
        C_GenerateKeyPair,
        session,
        &mut generate,
        public.as_mut_ptr().cast(),
        4,
        private.as_mut_ptr().cast(),
        4,
        &mut one,
        &mut other
    )
}

pub fn set_label(
    functions: Functions,
    session: CK_SESSION_HANDLE,
    object: CK_OBJECT_HANDLE,
    label: &str,
) -> CK_RV {
    let mut template = [attribute(CKA_LABEL, label.as_bytes())];
    call!(functions, C_SetAttributeValue, session, object, template.as_mut_ptr().cast(), 1)
}

pub fn destroy(functions: Functions, session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE) -> CK_RV {
    call!(functions, C_DestroyObject, session, object)
}

/// The handles with this CKA_ID, or all.
pub fn find(
    functions: Functions,
    session: CK_SESSION_HANDLE,
    id: Option<&str>,
) -> Result<Vec<CK_OBJECT_HANDLE>, CK_RV> {
    let mut template: Vec<_> = id.iter().map(|id| attribute(CKA_ID, id.as_bytes())).collect();
    let count = template.len() as CK_ULONG;
    answer(call!(functions, C_FindObjectsInit, session, template.as_mut_ptr().cast(), count), ())?;
    let (mut handles, mut found) = (vec![0; 10_000], 0);
    let listed = call!(functions, C_FindObjects, session, handles.as_mut_ptr(), 10_000, &mut found);
    answer(call!(functions, C_FindObjectsFinal, session), ())?;
    handles.truncate(found as usize);
    answer(listed, handles)
}

/// CKA_ID, CKA_CLASS (as a number) and CKA_LABEL of an object.
pub fn name(
    functions: Functions,
    session: CK_SESSION_HANDLE,
    object: CK_OBJECT_HANDLE,
) -> Result<(String, String, String), CK_RV> {
    let (mut id, mut class, mut label) = ([0u8; 64], [0 as CK_ULONG], [0u8; 64]);
    let mut template = [asked(CKA_ID, &mut id), asked(CKA_CLASS, &mut class), asked(CKA_LABEL, &mut label)];
    answer(call!(functions, C_GetAttributeValue, session, object, template.as_mut_ptr().cast(), 3), ())?;
    let [id_length, _, label_length] = template.map(|attribute| attribute.ulValueLen as usize);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    Ok((text(&id[..id_length]), class[0].to_string(), text(&label[..label_length])))
}

/// A CMAC with an AES key.
pub fn sign(functions: Functions, session: CK_SESSION_HANDLE, key: CK_OBJECT_HANDLE) -> CK_RV {
    let mut cmac = mechanism(CKM_AES_CMAC);
    let (mut data, mut code, mut length) = ([7u8; 16], [0u8; 16], 16);
    match call!(functions, C_SignInit, session, &mut cmac, key) {
        CKR_OK => {
            call!(functions, C_Sign, session, data.as_mut_ptr(), 16, code.as_mut_ptr(), &mut length)
        }
        refused => refused,
    }
}

/// Wraps a session key (AES key wrap).
pub fn wrap(
    functions: Functions,
    session: CK_SESSION_HANDLE,
    wrapping_key: CK_OBJECT_HANDLE,
) -> Result<Vec<u8>, CK_RV> {
    let mut template = [
        attribute(CKA_CLASS, &[CKO_SECRET_KEY]),
        attribute(CKA_KEY_TYPE, &[CKK_AES]),
        attribute(CKA_VALUE, b"fedcba9876543210"),
        attribute(CKA_TOKEN, &[CK_FALSE]),
        attribute(CKA_PRIVATE, &[CK_TRUE]),
        attribute(CKA_EXTRACTABLE, &[CK_TRUE]),
    ];
    let mut key = 0;
    let made = call!(functions, C_CreateObject, session, template.as_mut_ptr().cast(), 6, &mut key);
    answer(made, ())?;
    let (mut key_wrap, mut wrapped, mut length) = (mechanism(CKM_AES_KEY_WRAP), [0u8; 64], 64);
    let rv = call!(
        functions,
        C_WrapKey,
        session,
        &mut key_wrap,
        wrapping_key,
        key,
        wrapped.as_mut_ptr(),
        &mut length
    );
    answer(destroy(functions, session, key), ())?;
    answer(rv, wrapped[..length.min(64) as usize].to_vec())
}

/// Unwraps what `wrap` has made into a session key, and destroys that.
pub fn unwrap(
    functions: Functions,
    session: CK_SESSION_HANDLE,
    unwrapping_key: CK_OBJECT_HANDLE,
    wrapped: &[u8],
) -> CK_RV {
    let mut template = [
        attribute(CKA_CLASS, &[CKO_SECRET_KEY]),
        attribute(CKA_KEY_TYPE, &[CKK_AES]),
        attribute(CKA_TOKEN, &[CK_FALSE]),
        attribute(CKA_PRIVATE, &[CK_TRUE]),
    ];
    let (mut key_wrap, mut key) = (mechanism(CKM_AES_KEY_WRAP), 0);
    let (bytes, length) = (wrapped.as_ptr().cast_mut(), wrapped.len() as CK_ULONG);
    let count = template.len() as CK_ULONG;
    match call!(
        functions,
        C_UnwrapKey,
        session,
        &mut key_wrap,
        unwrapping_key,
        bytes,
        length,
        template.as_mut_ptr().cast(),
        count,
        &mut key
    ) {
        CKR_OK => destroy(functions, session, key),
        refused => refused,
    }
}

pub fn set_user_pin(functions: Functions, session: CK_SESSION_HANDLE) -> CK_RV {
    let (pin, length) = (USER_PIN.as_ptr().cast_mut(), USER_PIN.len() as CK_ULONG);
    call!(functions, C_SetPIN, session, pin, length, pin, length)
}

pub fn init_token(functions: Functions, slot: CK_SLOT_ID, label: &str) -> CK_RV {
    let mut padded = [b' '; 32];
    padded[..label.len()].copy_from_slice(label.as_bytes());
    let (pin, length) = (SO_PIN.as_ptr().cast_mut(), SO_PIN.len() as CK_ULONG);
    call!(functions, C_InitToken, slot, pin, length, padded.as_mut_ptr())
}

/// Every slot with its token's label; `None` where no token was made yet.
pub fn slots(functions: Functions) -> Vec<(CK_SLOT_ID, Option<String>)> {
    let (mut ids, mut count) = ([0; 1000], 1000);
    assert_eq!(call!(functions, C_GetSlotList, CK_TRUE, ids.as_mut_ptr(), &mut count), CKR_OK);
    let described = ids[..count as usize].iter().map(|id| {
        // SAFETY: plain numbers and bytes.
        let mut info: CK_TOKEN_INFO = unsafe { std::mem::zeroed() };
        assert_eq!(call!(functions, C_GetTokenInfo, *id, &mut info), CKR_OK);
        let label = String::from_utf8_lossy(&info.label).trim_end().to_owned();
        (*id, (info.flags & CKF_TOKEN_INITIALIZED != 0).then_some(label))
    });
    described.collect()
}

fn answer<T>(rv: CK_RV, value: T) -> Result<T, CK_RV> {
    if rv == CKR_OK { Ok(value) } else { Err(rv) }
}
