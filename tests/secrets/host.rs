//! The application whose memory is read. It holds no key itself for longer than a call, and its own copies of the PINs
//! until it logs out.

use std::os::unix::net::UnixStream;
use std::ptr;

use coffer_pkcs11::ck::*;
use zeroize::Zeroize;

use super::interface::*;
use super::{KEYS, PIN_LEN, SO_PIN_SEED, USER_PIN_SEED, fill, fill_pin, pause};
use crate::call;

/// Every so many keys one that is used, so that the engine has it as well.
pub const USED_OF: usize = 2;
/// Every so many keys one that is in the token file.
const TOKEN_OF: usize = 10;

pub fn run(mut connection: UnixStream) {
    let functions = load().functions;
    let (mut so_pin, mut user_pin) = (vec![0; PIN_LEN], vec![0; PIN_LEN]);
    fill_pin(SO_PIN_SEED, &mut so_pin);
    fill_pin(USER_PIN_SEED, &mut user_pin);
    initialize(functions);
    make_token(functions, &mut so_pin, &mut user_pin);
    let session = open_session(functions);
    log_in(functions, session, CKU_USER, &mut user_pin);
    for index in 0..KEYS {
        make_key(functions, session, index);
    }
    // Once more from the file.
    assert_eq!(call!(functions, C_Logout, session), CKR_OK);
    finalize(functions);
    initialize(functions);
    let session = open_session(functions);
    log_in(functions, session, CKU_USER, &mut user_pin);
    for index in 0..KEYS {
        if index % TOKEN_OF != 0 {
            make_key(functions, session, index);
        }
    }
    for index in (0..KEYS).step_by(USED_OF) {
        use_key(functions, session, index);
    }
    pause(&mut connection, "logged in");
    fork_and_wait(&mut connection);
    so_pin.zeroize();
    user_pin.zeroize();
    assert_eq!(call!(functions, C_Logout, session), CKR_OK);
    pause(&mut connection, "logged out");
    finalize(functions);
    pause(&mut connection, "finalized");
}

/// A child that does nothing: what it has inherited is what is looked at.
fn fork_and_wait(connection: &mut UnixStream) {
    // SAFETY: the child waits for a signal.
    unsafe {
        match libc::fork() {
            0 => {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                loop {
                    libc::pause();
                }
            }
            child => {
                pause(connection, &child.to_string());
                libc::kill(child, libc::SIGKILL);
                libc::waitpid(child, ptr::null_mut(), 0);
            }
        }
    }
}

fn make_token(functions: &CK_FUNCTION_LIST_3_2, so_pin: &mut [u8], user_pin: &mut [u8]) {
    let mut label = [b' '; 32];
    let (place, len) = (so_pin.as_mut_ptr(), so_pin.len() as CK_ULONG);
    assert_eq!(call!(functions, C_InitToken, 0, place, len, label.as_mut_ptr()), CKR_OK);
    let session = open_session(functions);
    log_in(functions, session, CKU_SO, so_pin);
    let (place, len) = (user_pin.as_mut_ptr(), user_pin.len() as CK_ULONG);
    assert_eq!(call!(functions, C_InitPIN, session, place, len), CKR_OK);
    assert_eq!(call!(functions, C_CloseSession, session), CKR_OK);
}

fn log_in(functions: &CK_FUNCTION_LIST_3_2, session: CK_SESSION_HANDLE, user: CK_USER_TYPE, pin: &mut [u8]) {
    let (place, len) = (pin.as_mut_ptr(), pin.len() as CK_ULONG);
    assert_eq!(call!(functions, C_Login, session, user, place, len), CKR_OK);
}

fn class_and_type(index: usize) -> (CK_OBJECT_CLASS, CK_KEY_TYPE) {
    match index % 5 {
        0 | 1 => (CKO_SECRET_KEY, CKK_AES),
        2 | 3 => (CKO_SECRET_KEY, CKK_GENERIC_SECRET),
        _ => (CKO_PRIVATE_KEY, CKK_EC),
    }
}

/// A key with the value of its number: AES, a generic secret, or P-256.
fn make_key(functions: &CK_FUNCTION_LIST_3_2, session: CK_SESSION_HANDLE, index: usize) {
    let (class, key_type) = class_and_type(index);
    let (classes, types, id) = ([class], [key_type], (index as u32).to_be_bytes());
    let (token, yes) = ([CK_BBOOL::from(index.is_multiple_of(TOKEN_OF))], [CK_TRUE]);
    let curve = [6u8, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
    let mut value = vec![0; 32];
    fill(index as u64, &mut value);
    let mut template = vec![
        attribute(CKA_CLASS, &classes),
        attribute(CKA_KEY_TYPE, &types),
        attribute(CKA_TOKEN, &token),
        attribute(CKA_PRIVATE, &yes),
        attribute(CKA_SENSITIVE, &yes),
        attribute(CKA_ID, &id),
        attribute(CKA_VALUE, &value),
    ];
    if key_type == CKK_EC {
        template.push(attribute(CKA_EC_PARAMS, &curve));
    }
    let (mut key, count) = (0, template.len() as CK_ULONG);
    let made = call!(functions, C_CreateObject, session, template.as_mut_ptr().cast(), count, &mut key);
    value.zeroize();
    assert_eq!(made, CKR_OK, "the key {index}");
}

fn use_key(functions: &CK_FUNCTION_LIST_3_2, session: CK_SESSION_HANDLE, index: usize) {
    let (class, key_type) = class_and_type(index);
    let (classes, id) = ([class], (index as u32).to_be_bytes());
    let mut search = [attribute(CKA_CLASS, &classes), attribute(CKA_ID, &id)];
    let (mut key, mut count) = (0, 0);
    assert_eq!(call!(functions, C_FindObjectsInit, session, search.as_mut_ptr().cast(), 2), CKR_OK);
    assert_eq!(call!(functions, C_FindObjects, session, &mut key, 1, &mut count), CKR_OK);
    assert_eq!(call!(functions, C_FindObjectsFinal, session), CKR_OK);
    assert_eq!(count, 1, "the key {index}");
    let (mut data, mut output, mut len) = ([0x31u8; 32], [0u8; 128], 128);
    let (data, output) = (data.as_mut_ptr(), output.as_mut_ptr());
    let mut chosen = mechanism(match key_type {
        CKK_AES => CKM_AES_ECB,
        CKK_EC => CKM_ECDSA,
        _ => CKM_SHA256_HMAC,
    });
    let done = if key_type == CKK_AES {
        assert_eq!(call!(functions, C_EncryptInit, session, &mut chosen, key), CKR_OK);
        call!(functions, C_Encrypt, session, data, 32, output, &mut len)
    } else {
        assert_eq!(call!(functions, C_SignInit, session, &mut chosen, key), CKR_OK);
        call!(functions, C_Sign, session, data, 32, output, &mut len)
    };
    assert_eq!(done, CKR_OK, "the key {index}");
}
