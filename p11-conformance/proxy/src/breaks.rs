//! The breaks, one small function each, and their names.

use crate::real;
use cryptoki_sys::*;
use std::ptr;

type Session = CK_SESSION_HANDLE;
type Object = CK_OBJECT_HANDLE;
type Bytes = *mut CK_BYTE;
type Length = *mut CK_ULONG;

/// Calls the real function.
macro_rules! forward {
    ($function:ident $(, $argument:expr)*) => {
        match real().and_then(|list| list.$function) {
            // SAFETY: the arguments are the caller's own, or live values of this function.
            #[allow(clippy::macro_metavars_in_unsafe)]
            Some(function) => unsafe { function($($argument),*) },
            None => CKR_FUNCTION_NOT_SUPPORTED,
        }
    };
}

/// Functions of the list under their names; each break replaces one of them by a function of this file.
macro_rules! breaks {
    ($($name:literal: $field:ident = $function:ident;)*) => {
        /// Breaks the behaviour of this name; false when there is none.
        pub(crate) fn apply(list: &mut CK_FUNCTION_LIST, name: &str) -> bool {
            match name {
                $($name => list.$field = Some($function),)*
                _ => return false,
            }
            true
        }
    };
}

breaks! {
    "initialize-twice-ok": C_Initialize = initialize_twice_ok;
    "finalize-does-nothing": C_Finalize = finalize_does_nothing;
    "info-with-zero-bytes": C_GetInfo = info_with_zero_bytes;
    "info-kills-the-host": C_GetInfo = info_kills_the_host;
    "info-hangs": C_GetInfo = info_hangs;
    "status-ok": C_GetFunctionStatus = status_ok;
    "slot-list-short-buffer-ok": C_GetSlotList = slot_list_short_buffer_ok;
    "mechanism-listed-twice": C_GetMechanismList = mechanism_listed_twice;
    "mechanism-info-missing": C_GetMechanismInfo = mechanism_info_missing;
    "init-token-with-any-pin": C_InitToken = init_token_with_any_pin;
    "init-token-with-sessions": C_InitToken = init_token_with_sessions;
    "set-pin-does-nothing": C_SetPIN = set_pin_does_nothing;
    "open-without-serial": C_OpenSession = open_without_serial;
    "read-only-is-read-write": C_OpenSession = read_only_is_read_write;
    "close-does-nothing": C_CloseSession = close_does_nothing;
    "state-is-always-public": C_GetSessionInfo = state_is_always_public;
    "login-with-any-pin": C_Login = login_with_any_pin;
    "login-twice-ok": C_Login = login_twice_ok;
    "logout-does-nothing": C_Logout = logout_does_nothing;
    "create-forgets-token": C_CreateObject = create_forgets_token;
    "copy-returns-the-original": C_CopyObject = copy_returns_the_original;
    "destroy-does-nothing": C_DestroyObject = destroy_does_nothing;
    "attribute-sensitive-ok": C_GetAttributeValue = attribute_sensitive_ok;
    "attribute-short-buffer-ok": C_GetAttributeValue = attribute_short_buffer_ok;
    "attribute-error-stops-all": C_GetAttributeValue = attribute_error_stops_all;
    "set-attribute-does-nothing": C_SetAttributeValue = set_attribute_does_nothing;
    "find-ignores-template": C_FindObjectsInit = find_ignores_template;
    "find-skips-last": C_FindObjects = find_skips_last;
    "find-final-does-nothing": C_FindObjectsFinal = find_final_does_nothing;
    "encrypt-with-zero-iv": C_EncryptInit = encrypt_with_zero_iv;
    "encrypt-query-is-zero": C_Encrypt = encrypt_query_is_zero;
    "decrypt-query-ends": C_Decrypt = decrypt_query_ends;
    "decrypt-length-off-by-one": C_Decrypt = decrypt_length_off_by_one;
    "key-type-not-named": C_EncryptInit = key_type_not_named;
    "digest-init-twice-ok": C_DigestInit = digest_init_twice_ok;
    "digest-writes-behind": C_Digest = digest_writes_behind;
    "digest-key-digests-nothing": C_DigestKey = digest_key_digests_nothing;
    "digest-final-does-not-end": C_DigestFinal = digest_final_does_not_end;
    "sign-flips-a-bit": C_Sign = sign_flips_a_bit;
    "sign-ignores-short-buffer": C_Sign = sign_ignores_short_buffer;
    "sign-update-forgets": C_SignUpdate = sign_update_forgets;
    "verify-always-ok": C_Verify = verify_always_ok;
    "verify-length-is-invalid": C_Verify = verify_length_is_invalid;
    "generate-key-of-16-bytes": C_GenerateKey = generate_key_of_16_bytes;
    "generate-pair-swaps": C_GenerateKeyPair = generate_pair_swaps;
    "wrap-not-wrappable": C_WrapKey = wrap_not_wrappable;
    "random-is-constant": C_GenerateRandom = random_is_constant;
}

/// One return value instead of another.
fn replace(rv: CK_RV, from: CK_RV, to: CK_RV) -> CK_RV {
    if rv == from { to } else { rv }
}

unsafe extern "C" fn initialize_twice_ok(arguments: CK_VOID_PTR) -> CK_RV {
    replace(forward!(C_Initialize, arguments), CKR_CRYPTOKI_ALREADY_INITIALIZED, CKR_OK)
}

unsafe extern "C" fn finalize_does_nothing(_: CK_VOID_PTR) -> CK_RV {
    CKR_OK
}

unsafe extern "C" fn info_with_zero_bytes(info: *mut CK_INFO) -> CK_RV {
    let rv = forward!(C_GetInfo, info);
    // SAFETY: NULL or the caller's structure.
    if let Some(info) = unsafe { info.as_mut() } {
        info.manufacturerID[31] = 0;
    }
    rv
}

unsafe extern "C" fn info_kills_the_host(_: *mut CK_INFO) -> CK_RV {
    std::process::abort()
}

unsafe extern "C" fn info_hangs(_: *mut CK_INFO) -> CK_RV {
    loop {
        std::thread::park();
    }
}

unsafe extern "C" fn status_ok(_: Session) -> CK_RV {
    CKR_OK
}

unsafe extern "C" fn slot_list_short_buffer_ok(
    present: CK_BBOOL,
    slots: *mut CK_SLOT_ID,
    count: Length,
) -> CK_RV {
    replace(forward!(C_GetSlotList, present, slots, count), CKR_BUFFER_TOO_SMALL, CKR_OK)
}

unsafe extern "C" fn mechanism_listed_twice(
    slot: CK_SLOT_ID,
    list: *mut CK_MECHANISM_TYPE,
    count: Length,
) -> CK_RV {
    let rv = forward!(C_GetMechanismList, slot, list, count);
    if rv == CKR_OK && !list.is_null() {
        // SAFETY: the real function has just filled in `*count` elements, and there are more than one.
        unsafe { *list.add((*count).saturating_sub(1) as usize) = *list };
    }
    rv
}

unsafe extern "C" fn mechanism_info_missing(
    slot: CK_SLOT_ID,
    id: CK_MECHANISM_TYPE,
    info: *mut CK_MECHANISM_INFO,
) -> CK_RV {
    if id == CKM_SHA512 { CKR_MECHANISM_INVALID } else { forward!(C_GetMechanismInfo, slot, id, info) }
}

unsafe extern "C" fn init_token_with_any_pin(
    slot: CK_SLOT_ID,
    pin: Bytes,
    length: CK_ULONG,
    label: Bytes,
) -> CK_RV {
    replace(forward!(C_InitToken, slot, pin, length, label), CKR_PIN_INCORRECT, CKR_OK)
}

unsafe extern "C" fn init_token_with_sessions(
    slot: CK_SLOT_ID,
    pin: Bytes,
    length: CK_ULONG,
    label: Bytes,
) -> CK_RV {
    replace(forward!(C_InitToken, slot, pin, length, label), CKR_SESSION_EXISTS, CKR_OK)
}

unsafe extern "C" fn set_pin_does_nothing(_: Session, _: Bytes, _: CK_ULONG, _: Bytes, _: CK_ULONG) -> CK_RV {
    CKR_OK
}

unsafe extern "C" fn open_without_serial(
    slot: CK_SLOT_ID,
    flags: CK_FLAGS,
    application: CK_VOID_PTR,
    notify: CK_NOTIFY,
    session: *mut Session,
) -> CK_RV {
    forward!(C_OpenSession, slot, flags | CKF_SERIAL_SESSION, application, notify, session)
}

unsafe extern "C" fn read_only_is_read_write(
    slot: CK_SLOT_ID,
    flags: CK_FLAGS,
    application: CK_VOID_PTR,
    notify: CK_NOTIFY,
    session: *mut Session,
) -> CK_RV {
    forward!(C_OpenSession, slot, flags | CKF_RW_SESSION, application, notify, session)
}

unsafe extern "C" fn close_does_nothing(_: Session) -> CK_RV {
    CKR_OK
}

unsafe extern "C" fn state_is_always_public(session: Session, info: *mut CK_SESSION_INFO) -> CK_RV {
    let rv = forward!(C_GetSessionInfo, session, info);
    // SAFETY: NULL or the caller's structure.
    if let Some(info) = unsafe { info.as_mut() } {
        let writes = info.flags & CKF_RW_SESSION != 0;
        info.state = if writes { CKS_RW_PUBLIC_SESSION } else { CKS_RO_PUBLIC_SESSION };
    }
    rv
}

unsafe extern "C" fn login_with_any_pin(
    session: Session,
    user: CK_USER_TYPE,
    pin: Bytes,
    length: CK_ULONG,
) -> CK_RV {
    replace(forward!(C_Login, session, user, pin, length), CKR_PIN_INCORRECT, CKR_OK)
}

unsafe extern "C" fn login_twice_ok(
    session: Session,
    user: CK_USER_TYPE,
    pin: Bytes,
    length: CK_ULONG,
) -> CK_RV {
    replace(forward!(C_Login, session, user, pin, length), CKR_USER_ALREADY_LOGGED_IN, CKR_OK)
}

unsafe extern "C" fn logout_does_nothing(_: Session) -> CK_RV {
    CKR_OK
}

unsafe extern "C" fn create_forgets_token(
    session: Session,
    template: *mut CK_ATTRIBUTE,
    count: CK_ULONG,
    object: *mut Object,
) -> CK_RV {
    let mut attributes = copy_of(template, count);
    let mut no = CK_FALSE;
    for attribute in attributes.iter_mut().filter(|attribute| attribute.type_ == CKA_TOKEN) {
        attribute.pValue = ptr::from_mut(&mut no).cast();
    }
    forward!(C_CreateObject, session, attributes.as_mut_ptr(), count, object)
}

/// The caller's template, to be changed.
fn copy_of(template: *mut CK_ATTRIBUTE, count: CK_ULONG) -> Vec<CK_ATTRIBUTE> {
    if template.is_null() {
        return Vec::new();
    }
    // SAFETY: only used on templates of the self-test, whose count is right.
    unsafe { std::slice::from_raw_parts(template, count as usize) }.to_vec()
}

unsafe extern "C" fn copy_returns_the_original(
    _: Session,
    object: Object,
    _: *mut CK_ATTRIBUTE,
    _: CK_ULONG,
    copy: *mut Object,
) -> CK_RV {
    // SAFETY: the caller's place for the handle.
    unsafe { *copy = object };
    CKR_OK
}

unsafe extern "C" fn destroy_does_nothing(_: Session, _: Object) -> CK_RV {
    CKR_OK
}

unsafe extern "C" fn attribute_sensitive_ok(
    session: Session,
    object: Object,
    template: *mut CK_ATTRIBUTE,
    count: CK_ULONG,
) -> CK_RV {
    replace(forward!(C_GetAttributeValue, session, object, template, count), CKR_ATTRIBUTE_SENSITIVE, CKR_OK)
}

unsafe extern "C" fn attribute_short_buffer_ok(
    session: Session,
    object: Object,
    template: *mut CK_ATTRIBUTE,
    count: CK_ULONG,
) -> CK_RV {
    replace(forward!(C_GetAttributeValue, session, object, template, count), CKR_BUFFER_TOO_SMALL, CKR_OK)
}

unsafe extern "C" fn attribute_error_stops_all(
    session: Session,
    object: Object,
    template: *mut CK_ATTRIBUTE,
    count: CK_ULONG,
) -> CK_RV {
    let rv = forward!(C_GetAttributeValue, session, object, template, count);
    if rv != CKR_OK {
        for index in 0..count as usize {
            // SAFETY: an element of the caller's array.
            unsafe { (*template.add(index)).ulValueLen = CK_UNAVAILABLE_INFORMATION };
        }
    }
    rv
}

unsafe extern "C" fn set_attribute_does_nothing(
    _: Session,
    _: Object,
    _: *mut CK_ATTRIBUTE,
    _: CK_ULONG,
) -> CK_RV {
    CKR_OK
}

unsafe extern "C" fn find_ignores_template(session: Session, _: *mut CK_ATTRIBUTE, _: CK_ULONG) -> CK_RV {
    forward!(C_FindObjectsInit, session, ptr::null_mut(), 0)
}

unsafe extern "C" fn find_skips_last(
    session: Session,
    objects: *mut Object,
    most: CK_ULONG,
    count: Length,
) -> CK_RV {
    let rv = forward!(C_FindObjects, session, objects, most, count);
    // SAFETY: NULL or the caller's count.
    if let Some(count) = unsafe { count.as_mut() } {
        *count = count.saturating_sub(1);
    }
    rv
}

unsafe extern "C" fn find_final_does_nothing(_: Session) -> CK_RV {
    CKR_OK
}

unsafe extern "C" fn encrypt_with_zero_iv(
    session: Session,
    mechanism: *mut CK_MECHANISM,
    key: Object,
) -> CK_RV {
    let mut iv = [0_u8; 16];
    // SAFETY: NULL or the caller's structure, which is copied.
    let Some(mut changed) = (unsafe { mechanism.as_ref() }).copied() else {
        return forward!(C_EncryptInit, session, mechanism, key);
    };
    if changed.mechanism == CKM_AES_CBC {
        changed.pParameter = iv.as_mut_ptr().cast();
    }
    forward!(C_EncryptInit, session, &mut changed, key)
}

unsafe extern "C" fn key_type_not_named(
    session: Session,
    mechanism: *mut CK_MECHANISM,
    key: Object,
) -> CK_RV {
    let rv = forward!(C_EncryptInit, session, mechanism, key);
    replace(rv, CKR_KEY_TYPE_INCONSISTENT, CKR_FUNCTION_FAILED)
}

unsafe extern "C" fn encrypt_query_is_zero(
    s: Session,
    data: Bytes,
    len: CK_ULONG,
    out: Bytes,
    out_len: Length,
) -> CK_RV {
    let rv = forward!(C_Encrypt, s, data, len, out, out_len);
    if out.is_null() && !out_len.is_null() {
        // SAFETY: the caller's length.
        unsafe { *out_len = 0 };
    }
    rv
}

unsafe extern "C" fn decrypt_query_ends(
    s: Session,
    data: Bytes,
    len: CK_ULONG,
    out: Bytes,
    out_len: Length,
) -> CK_RV {
    let rv = forward!(C_Decrypt, s, data, len, out, out_len);
    if out.is_null() {
        let (mut buffer, mut length) = ([0_u8; 4096], 4096);
        forward!(C_Decrypt, s, data, len, buffer.as_mut_ptr(), &mut length);
    }
    rv
}

unsafe extern "C" fn decrypt_length_off_by_one(
    s: Session,
    data: Bytes,
    len: CK_ULONG,
    out: Bytes,
    out_len: Length,
) -> CK_RV {
    let rv = forward!(C_Decrypt, s, data, len, out, out_len);
    if !out.is_null() && rv == CKR_OK {
        // SAFETY: the caller's length.
        unsafe { *out_len += 1 };
    }
    rv
}

unsafe extern "C" fn digest_init_twice_ok(session: Session, mechanism: *mut CK_MECHANISM) -> CK_RV {
    replace(forward!(C_DigestInit, session, mechanism), CKR_OPERATION_ACTIVE, CKR_OK)
}

unsafe extern "C" fn digest_writes_behind(
    s: Session,
    data: Bytes,
    len: CK_ULONG,
    out: Bytes,
    out_len: Length,
) -> CK_RV {
    // SAFETY: NULL or the caller's length.
    let capacity = unsafe { out_len.as_ref() }.copied().unwrap_or(0);
    let rv = forward!(C_Digest, s, data, len, out, out_len);
    if rv == CKR_BUFFER_TOO_SMALL {
        // SAFETY: the buffers of p11-conformance go on behind their claimed end.
        unsafe { *out.add(capacity as usize) = 0 };
    }
    rv
}

unsafe extern "C" fn digest_key_digests_nothing(_: Session, _: Object) -> CK_RV {
    CKR_OK
}

unsafe extern "C" fn digest_final_does_not_end(session: Session, out: Bytes, out_len: Length) -> CK_RV {
    let rv = forward!(C_DigestFinal, session, out, out_len);
    if rv == CKR_OK && !out.is_null() {
        let mut again =
            CK_MECHANISM { mechanism: CKM_SHA256, pParameter: ptr::null_mut(), ulParameterLen: 0 };
        forward!(C_DigestInit, session, &mut again);
    }
    rv
}

unsafe extern "C" fn sign_flips_a_bit(
    s: Session,
    data: Bytes,
    len: CK_ULONG,
    out: Bytes,
    out_len: Length,
) -> CK_RV {
    let rv = forward!(C_Sign, s, data, len, out, out_len);
    if rv == CKR_OK && !out.is_null() {
        // SAFETY: the real function has just written a signature there.
        unsafe { *out ^= 1 };
    }
    rv
}

unsafe extern "C" fn sign_ignores_short_buffer(
    s: Session,
    data: Bytes,
    len: CK_ULONG,
    out: Bytes,
    out_len: Length,
) -> CK_RV {
    let rv = forward!(C_Sign, s, data, len, out, out_len);
    replace(rv, CKR_BUFFER_TOO_SMALL, CKR_OK)
}

unsafe extern "C" fn sign_update_forgets(_: Session, _: Bytes, _: CK_ULONG) -> CK_RV {
    CKR_OK
}

unsafe extern "C" fn verify_always_ok(
    s: Session,
    data: Bytes,
    len: CK_ULONG,
    signature: Bytes,
    size: CK_ULONG,
) -> CK_RV {
    replace(forward!(C_Verify, s, data, len, signature, size), CKR_SIGNATURE_INVALID, CKR_OK)
}

unsafe extern "C" fn verify_length_is_invalid(
    s: Session,
    data: Bytes,
    len: CK_ULONG,
    signature: Bytes,
    size: CK_ULONG,
) -> CK_RV {
    replace(forward!(C_Verify, s, data, len, signature, size), CKR_SIGNATURE_LEN_RANGE, CKR_SIGNATURE_INVALID)
}

unsafe extern "C" fn generate_key_of_16_bytes(
    session: Session,
    mechanism: *mut CK_MECHANISM,
    template: *mut CK_ATTRIBUTE,
    count: CK_ULONG,
    key: *mut Object,
) -> CK_RV {
    let mut attributes = copy_of(template, count);
    let mut length: CK_ULONG = 16;
    for attribute in attributes.iter_mut().filter(|attribute| attribute.type_ == CKA_VALUE_LEN) {
        attribute.pValue = ptr::from_mut(&mut length).cast();
    }
    forward!(C_GenerateKey, session, mechanism, attributes.as_mut_ptr(), count, key)
}

unsafe extern "C" fn generate_pair_swaps(
    session: Session,
    mechanism: *mut CK_MECHANISM,
    public: *mut CK_ATTRIBUTE,
    public_count: CK_ULONG,
    private: *mut CK_ATTRIBUTE,
    private_count: CK_ULONG,
    public_key: *mut Object,
    private_key: *mut Object,
) -> CK_RV {
    forward!(
        C_GenerateKeyPair,
        session,
        mechanism,
        public,
        public_count,
        private,
        private_count,
        private_key,
        public_key
    )
}

unsafe extern "C" fn wrap_not_wrappable(
    session: Session,
    mechanism: *mut CK_MECHANISM,
    wrapping: Object,
    key: Object,
    out: Bytes,
    out_len: Length,
) -> CK_RV {
    let rv = forward!(C_WrapKey, session, mechanism, wrapping, key, out, out_len);
    replace(rv, CKR_KEY_UNEXTRACTABLE, CKR_KEY_NOT_WRAPPABLE)
}

unsafe extern "C" fn random_is_constant(_: Session, out: Bytes, length: CK_ULONG) -> CK_RV {
    for index in 0..length as usize {
        // SAFETY: inside of the caller's buffer.
        unsafe { *out.add(index) = (index % 251) as u8 };
    }
    CKR_OK
}
