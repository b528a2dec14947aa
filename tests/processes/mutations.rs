//! Every C function that changes a token, each with what it needs.

use coffer_pkcs11::ck::*;

use crate::call;
use crate::client::*;
use crate::interface::*;

pub const NEW_PIN: &[u8] = b"another-pin";

/// A C function that changes the token: `prepare` does what comes before, C_Initialize included, and answers the call
/// itself.
pub struct Mutation {
    pub name: &'static str,
    /// What it answers when nothing happens to it.
    pub answer: CK_RV,
    pub prepare: fn(Functions) -> Box<dyn FnOnce() -> CK_RV>,
}

pub const MUTATIONS: [Mutation; 14] = [
    mutation("C_CreateObject", |f| on(f, |f, s| create(f, s, "new", "new").err().unwrap_or(CKR_OK))),
    mutation("C_CopyObject", |f| on_key(f, copy)),
    mutation("C_DestroyObject", |f| on_key(f, destroy)),
    mutation("C_SetAttributeValue", |f| on_key(f, |f, s, key| set_label(f, s, key, "changed"))),
    mutation("C_GenerateKey", |f| on(f, generate_key)),
    mutation("C_GenerateKeyPair", |f| on(f, |f, s| create_pair(f, s, "new", "new"))),
    mutation("C_UnwrapKey", |f| {
        let session = join(f);
        let key = find(f, session, Some("key")).unwrap()[0];
        let wrapped = wrap(f, session, key).unwrap();
        Box::new(move || unwrap_to_token(f, session, key, &wrapped))
    }),
    mutation("C_DeriveKey", |f| {
        let session = join(f);
        let found = find(f, session, Some("pair")).unwrap();
        let is = |object: &CK_OBJECT_HANDLE, class: CK_OBJECT_CLASS| {
            name(f, session, *object).unwrap().1 == class.to_string()
        };
        let private = *found.iter().find(|object| is(object, CKO_PRIVATE_KEY)).unwrap();
        Box::new(move || derive(f, session, private))
    }),
    mutation("C_InitPIN", |f| {
        initialize(f);
        let session = open_session(f);
        assert_eq!(login(f, session, CKU_SO, SO_PIN), CKR_OK);
        Box::new(move || call!(f, C_InitPIN, session, NEW_PIN.as_ptr().cast_mut(), NEW_PIN.len() as CK_ULONG))
    }),
    mutation("C_SetPIN", |f| on(f, set_pin)),
    mutation("C_Login with the right PIN", |f| log_in_with(f, USER_PIN)),
    Mutation {
        name: "C_Login with a wrong PIN",
        answer: CKR_PIN_INCORRECT,
        prepare: |f| log_in_with(f, b"not the PIN"),
    },
    mutation("C_InitToken of an empty slot", |f| {
        initialize(f);
        Box::new(move || init_token(f, 1, "second"))
    }),
    mutation("C_InitToken of a token", |f| {
        initialize(f);
        Box::new(move || init_token(f, 0, "anew"))
    }),
];

const fn mutation(name: &'static str, prepare: fn(Functions) -> Box<dyn FnOnce() -> CK_RV>) -> Mutation {
    Mutation { name, answer: CKR_OK, prepare }
}

/// A call of a user who is logged in.
fn on(functions: Functions, call: fn(Functions, CK_SESSION_HANDLE) -> CK_RV) -> Box<dyn FnOnce() -> CK_RV> {
    let session = join(functions);
    Box::new(move || call(functions, session))
}

/// As `on`, with the key.
fn on_key(
    functions: Functions,
    call: fn(Functions, CK_SESSION_HANDLE, CK_OBJECT_HANDLE) -> CK_RV,
) -> Box<dyn FnOnce() -> CK_RV> {
    let session = join(functions);
    let key = find(functions, session, Some("key")).unwrap()[0];
    Box::new(move || call(functions, session, key))
}

fn log_in_with(functions: Functions, pin: &'static [u8]) -> Box<dyn FnOnce() -> CK_RV> {
    initialize(functions);
    let session = open_session(functions);
    Box::new(move || login(functions, session, CKU_USER, pin))
}

/// The objects that the functions work on.
pub fn make_objects(functions: Functions, session: CK_SESSION_HANDLE) {
    create(functions, session, "key", "key").unwrap();
    assert_eq!(create_pair(functions, session, "pair", "pair"), CKR_OK);
}

/// The attributes of a new AES key on the token, but its value.
fn new_key() -> [Attribute<'static>; 7] {
    [
        attribute(CKA_CLASS, &[CKO_SECRET_KEY]),
        attribute(CKA_KEY_TYPE, &[CKK_AES]),
        attribute(CKA_TOKEN, &[CK_TRUE]),
        attribute(CKA_SIGN, &[CK_TRUE]),
        attribute(CKA_ID, b"new"),
        attribute(CKA_LABEL, b"new"),
        attribute(CKA_VALUE_LEN, &[16 as CK_ULONG]),
    ]
}

fn copy(functions: Functions, session: CK_SESSION_HANDLE, key: CK_OBJECT_HANDLE) -> CK_RV {
    let (mut template, mut made) = ([attribute(CKA_ID, b"copy")], 0);
    call!(functions, C_CopyObject, session, key, template.as_mut_ptr().cast(), 1, &mut made)
}

fn generate_key(functions: Functions, session: CK_SESSION_HANDLE) -> CK_RV {
    let (mut template, mut made, mut generate) = (new_key(), 0, mechanism(CKM_AES_KEY_GEN));
    call!(functions, C_GenerateKey, session, &mut generate, template.as_mut_ptr().cast(), 7, &mut made)
}

fn unwrap_to_token(
    functions: Functions,
    session: CK_SESSION_HANDLE,
    key: CK_OBJECT_HANDLE,
    wrapped: &[u8],
) -> CK_RV {
    let (mut template, mut made, mut key_wrap) = (new_key(), 0, mechanism(CKM_AES_KEY_WRAP));
    let (bytes, length) = (wrapped.as_ptr().cast_mut(), wrapped.len() as CK_ULONG);
    // Its length comes with the wrapped key.
    let count = template.len() as CK_ULONG - 1;
    call!(
        functions,
        C_UnwrapKey,
        session,
        &mut key_wrap,
        key,
        bytes,
        length,
        template.as_mut_ptr().cast(),
        count,
        &mut made
    )
}

/// ECDH with the generator of P-256 as the other party's point.
fn derive(functions: Functions, session: CK_SESSION_HANDLE, private: CK_OBJECT_HANDLE) -> CK_RV {
    const GENERATOR: &str = "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296\
                             4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";
    let mut point = hex::decode(GENERATOR).unwrap();
    let parameters = CK_ECDH1_DERIVE_PARAMS {
        kdf: CKD_NULL,
        ulSharedDataLen: 0,
        pSharedData: std::ptr::null_mut(),
        ulPublicDataLen: point.len() as CK_ULONG,
        pPublicData: point.as_mut_ptr(),
    };
    let mut ecdh = mechanism_with(CKM_ECDH1_DERIVE, &parameters);
    let (mut template, mut made) = (new_key(), 0);
    call!(functions, C_DeriveKey, session, &mut *ecdh, private, template.as_mut_ptr().cast(), 7, &mut made)
}

fn set_pin(functions: Functions, session: CK_SESSION_HANDLE) -> CK_RV {
    let (old, new) = (USER_PIN.as_ptr().cast_mut(), NEW_PIN.as_ptr().cast_mut());
    let (old_length, new_length) = (USER_PIN.len() as CK_ULONG, NEW_PIN.len() as CK_ULONG);
    call!(functions, C_SetPIN, session, old, old_length, new, new_length)
}
