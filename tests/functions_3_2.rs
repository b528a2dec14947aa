//! Functions of PKCS#11 3.0 and 3.2 through the loaded library: checks that begin with the signature, keys that are wrapped
//! with a nonce of the token, users with names, validation flags.

mod interface;

use std::ptr;

use coffer_pkcs11::ck::*;
use interface::calls::*;
use interface::*;

#[test]
fn a_check_takes_its_signature_first() {
    in_own_process("a_check_takes_its_signature_first", || {
        let (functions, session) = logged_in();
        // RFC 4231 test case 2.
        let key = create(
            functions,
            session,
            &[
                attribute(CKA_CLASS, &[CKO_SECRET_KEY]),
                attribute(CKA_KEY_TYPE, &[CKK_GENERIC_SECRET]),
                attribute(CKA_VALUE, b"Jefe"),
                attribute(CKA_VERIFY, &[CK_TRUE]),
            ],
        );
        let mac = hex::decode("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843").unwrap();
        let (data, forged) = (b"what do ya want for nothing?", [&[0], &mac[1..]].concat());
        let mut hmac = mechanism(CKM_SHA256_HMAC);
        let hmac = &raw mut hmac;
        let init = |signature: &[u8]| {
            call!(functions, C_VerifySignatureInit, session, hmac, key, place(signature), len(signature))
        };
        let whole = |data: &[u8]| call!(functions, C_VerifySignature, session, place(data), len(data));
        let part = |data: &[u8]| call!(functions, C_VerifySignatureUpdate, session, place(data), len(data));
        let end = || call!(functions, C_VerifySignatureFinal, session);
        let cases: [(&[u8], CK_RV); 3] =
            [(&mac, CKR_OK), (&forged, CKR_SIGNATURE_INVALID), (&mac[1..], CKR_SIGNATURE_LEN_RANGE)];
        for (signature, answer) in cases {
            assert_eq!((init(signature), whole(data)), (CKR_OK, answer));
            assert_eq!(whole(data), CKR_OPERATION_NOT_INITIALIZED);
            assert_eq!((init(signature), part(&data[..5]), part(&data[5..])), (CKR_OK, CKR_OK, CKR_OK));
            assert_eq!((end(), end()), (answer, CKR_OPERATION_NOT_INITIALIZED));
        }
        assert_eq!((init(&mac), init(&mac)), (CKR_OK, CKR_OPERATION_ACTIVE));
        assert_eq!((part(data), whole(data)), (CKR_OK, CKR_OPERATION_ACTIVE));
        assert_eq!((init(&mac), call!(functions, C_SessionCancel, session, CKF_VERIFY)), (CKR_OK, CKR_OK));
        assert_eq!(end(), CKR_OPERATION_NOT_INITIALIZED);
        assert_eq!(init(&mac), CKR_OK);
        let null: CK_MECHANISM_PTR = ptr::null_mut();
        assert_eq!(call!(functions, C_VerifySignatureInit, session, null, 0, ptr::null_mut(), 0), CKR_OK);
        assert_eq!(end(), CKR_OPERATION_NOT_INITIALIZED);
        let (no_key, place, len) = (9999, place(&mac), len(&mac));
        let refused = call!(functions, C_VerifySignatureInit, session, hmac, no_key, place, len);
        assert_eq!(refused, CKR_KEY_HANDLE_INVALID);
    });
}

/// A key that can wrap, and one that can be read.
fn keys(functions: &CK_FUNCTION_LIST_3_2, session: CK_SESSION_HANDLE) -> [CK_OBJECT_HANDLE; 2] {
    [b"0123456789abcdef", b"fedcba9876543210"].map(|value| {
        create(
            functions,
            session,
            &[
                attribute(CKA_CLASS, &[CKO_SECRET_KEY]),
                attribute(CKA_KEY_TYPE, &[CKK_AES]),
                attribute(CKA_VALUE, value),
                attribute(CKA_EXTRACTABLE, &[CK_TRUE]),
                attribute(CKA_SENSITIVE, &[CK_FALSE]),
                attribute(CKA_WRAP, &[CK_TRUE]),
                attribute(CKA_UNWRAP, &[CK_TRUE]),
            ],
        )
    })
}

#[test]
fn a_key_is_wrapped_with_a_nonce_of_the_token_and_its_tag_apart() {
    in_own_process("a_key_is_wrapped_with_a_nonce_of_the_token_and_its_tag_apart", || {
        let (functions, session) = logged_in();
        let [wrapping, key] = keys(functions, session);
        let (mut iv, mut tag, mut aad) = ([7u8; 12], [0u8; 16], *b"associated");
        let mut gcm = CK_GCM_MESSAGE_PARAMS {
            pIv: iv.as_mut_ptr(),
            ulIvLen: 12,
            ulIvFixedBits: 32,
            ivGenerator: CKG_NO_GENERATE,
            pTag: tag.as_mut_ptr(),
            ulTagBits: 128,
        };
        let ccm = CK_CCM_MESSAGE_PARAMS {
            ulDataLen: 0,
            pNonce: iv.as_mut_ptr(),
            ulNonceLen: 12,
            ulNonceFixedBits: 0,
            nonceGenerator: CKG_GENERATE,
            pMAC: tag.as_mut_ptr(),
            ulMACLen: 16,
        };
        let aad = aad.as_mut_ptr();
        let wrap = |mut message: Mechanism, room| {
            let message = &raw mut *message;
            output(room, |out, out_len| {
                call!(
                    functions,
                    C_WrapKeyAuthenticated,
                    session,
                    message,
                    wrapping,
                    key,
                    aad,
                    10,
                    out,
                    out_len
                )
            })
        };
        let unwrap = |mut message: Mechanism, wrapped: &[u8], aad_len| {
            let template = [
                attribute(CKA_CLASS, &[CKO_SECRET_KEY]),
                attribute(CKA_KEY_TYPE, &[CKK_AES]),
                attribute(CKA_SENSITIVE, &[CK_FALSE]),
            ];
            let mut key = 0;
            let rv = call!(
                functions,
                C_UnwrapKeyAuthenticated,
                session,
                &mut *message,
                wrapping,
                place(wrapped),
                len(wrapped),
                template.as_ptr().cast_mut().cast(),
                3,
                aad,
                aad_len,
                &mut key
            );
            if rv != CKR_OK {
                return Err(rv);
            }
            let mut value = [0u8; 16];
            let mut asked = asked(CKA_VALUE, &mut value);
            assert_eq!(call!(functions, C_GetAttributeValue, session, key, &mut *asked, 1), CKR_OK);
            Ok(value)
        };
        // What C_WrapKey writes in one piece, with the same IV.
        let plain = CK_GCM_PARAMS {
            pIv: gcm.pIv,
            ulIvLen: 12,
            ulIvBits: 96,
            pAAD: aad,
            ulAADLen: 10,
            ulTagBits: 128,
        };
        let mut one_piece = mechanism_with(CKM_AES_GCM, &plain);
        let expected = output(32, |out, out_len| {
            call!(functions, C_WrapKey, session, &mut *one_piece, wrapping, key, out, out_len)
        });
        assert_eq!(wrap(mechanism_with(CKM_AES_GCM, &gcm), 15), Err(CKR_BUFFER_TOO_SMALL));
        let wrapped = wrap(mechanism_with(CKM_AES_GCM, &gcm), 16).unwrap();
        // SAFETY: the tag has been written there.
        let written = unsafe { gcm.pTag.cast::<[u8; 16]>().read() };
        assert_eq!(Ok([&wrapped[..], &written].concat()), expected);
        gcm.ivGenerator = CKG_GENERATE;
        let generating = mechanism_with(CKM_AES_GCM, &gcm);
        let again = wrap(generating, 16).unwrap();
        assert_ne!(again, wrapped);
        assert_eq!(unwrap(generating, &again, 10), Ok(*b"fedcba9876543210"));
        assert_eq!(unwrap(generating, &again, 9), Err(CKR_WRAPPED_KEY_INVALID));
        let mut short = generating;
        short.ulParameterLen -= 1;
        assert_eq!(unwrap(short, &again, 10), Err(CKR_MECHANISM_PARAM_INVALID));
        let ccm = mechanism_with(CKM_AES_CCM, &ccm);
        let wrapped = wrap(ccm, 16).unwrap();
        assert_eq!(unwrap(ccm, &wrapped, 10), Ok(*b"fedcba9876543210"));
        assert_eq!(unwrap(ccm, &wrapped, 9), Err(CKR_WRAPPED_KEY_INVALID));
        let mut none = mechanism_with(CKM_AES_KEY_WRAP, &());
        none.pParameter = ptr::null_mut();
        assert_eq!(wrap(none, 64), Err(CKR_MECHANISM_INVALID));
    });
}

#[test]
fn users_have_the_names_of_their_roles_or_none() {
    in_own_process("users_have_the_names_of_their_roles_or_none", || {
        let (functions, session) = logged_in();
        assert_eq!(call!(functions, C_Logout, session), CKR_OK);
        let log_in = |user, pin: &[u8], name: &[u8]| {
            let (name, name_len) = (place(name), len(name));
            let rv = call!(functions, C_LoginUser, session, user, place(pin), len(pin), name, name_len);
            if rv == CKR_OK {
                assert_eq!(call!(functions, C_Logout, session), CKR_OK);
            }
            rv
        };
        for name in [&b""[..], b"user"] {
            assert_eq!(log_in(CKU_USER, USER_PIN, name), CKR_OK);
        }
        for name in [&b""[..], b"so"] {
            assert_eq!(log_in(CKU_SO, SO_PIN, name), CKR_OK);
        }
        assert_eq!(log_in(CKU_USER, USER_PIN, b"so"), CKR_USER_TYPE_INVALID);
        assert_eq!(log_in(CKU_SO, SO_PIN, b"somebody"), CKR_USER_TYPE_INVALID);
        assert_eq!(log_in(CKU_USER, SO_PIN, b"user"), CKR_PIN_INCORRECT);
    });
}

#[test]
fn no_operation_claims_a_validation() {
    in_own_process("no_operation_claims_a_validation", || {
        let (functions, session) = logged_in();
        let mut flags = 77;
        let known = CKS_LAST_VALIDATION_OK;
        assert_eq!(call!(functions, C_GetSessionValidationFlags, session, known, &mut flags), CKR_OK);
        assert_eq!(flags, 0);
        let unknown = call!(functions, C_GetSessionValidationFlags, session, 2, &mut flags);
        assert_eq!(unknown, CKR_ARGUMENTS_BAD);
        let nowhere = call!(functions, C_GetSessionValidationFlags, session, known, ptr::null_mut());
        assert_eq!(nowhere, CKR_ARGUMENTS_BAD);
    });
}

/// An asynchronous read-write session with the user logged in.
fn asynchronous_session(functions: &CK_FUNCTION_LIST_3_2) -> CK_SESSION_HANDLE {
    let mut session = 0;
    let flags = CKF_SERIAL_SESSION | CKF_RW_SESSION | CKF_ASYNC_SESSION;
    assert_eq!(call!(functions, C_OpenSession, 0, flags, ptr::null_mut(), None, &mut session), CKR_OK);
    session
}

/// Begins to generate an RSA key pair of so many bits.
fn generate_rsa(functions: &CK_FUNCTION_LIST_3_2, session: CK_SESSION_HANDLE, bits: CK_ULONG) -> CK_RV {
    let bits = [bits];
    let mut public = [attribute(CKA_MODULUS_BITS, &bits)];
    let (mut id, mut handles) = (mechanism(CKM_RSA_PKCS_KEY_PAIR_GEN), (0, 0));
    let (public, none) = (public.as_mut_ptr(), ptr::null_mut());
    let (first, second) = (&mut handles.0, &mut handles.1);
    call!(functions, C_GenerateKeyPair, session, &mut id, public.cast(), 1, none, 0, first, second)
}

fn name_of(function: &std::ffi::CStr) -> CK_UTF8CHAR_PTR {
    function.as_ptr().cast_mut().cast()
}

#[test]
fn a_thread_generates_keys_for_an_asynchronous_session() {
    in_own_process("a_thread_generates_keys_for_an_asynchronous_session", || {
        let (functions, _) = logged_in();
        let mut token = CK_TOKEN_INFO::default();
        assert_eq!(call!(functions, C_GetTokenInfo, 0, &mut token), CKR_OK);
        assert_eq!(token.flags & CKF_ASYNC_SESSION_SUPPORTED, CKF_ASYNC_SESSION_SUPPORTED);
        let session = asynchronous_session(functions);
        let mut info = CK_SESSION_INFO::default();
        assert_eq!(call!(functions, C_GetSessionInfo, session, &mut info), CKR_OK);
        assert_eq!(info.flags & CKF_ASYNC_SESSION, CKF_ASYNC_SESSION);
        let pair = name_of(c"C_GenerateKeyPair");
        let mut made = CK_ASYNC_DATA::default();
        let (mut id, mut no_data) = (0, [0; 1]);
        let nothing = CKR_OPERATION_NOT_INITIALIZED;
        assert_eq!(call!(functions, C_AsyncComplete, session, pair, &mut made), nothing);
        assert_eq!(call!(functions, C_AsyncGetID, session, pair, &mut id), nothing);

        assert_eq!(generate_rsa(functions, session, 4096), CKR_PENDING);
        assert_eq!(generate_rsa(functions, session, 4096), CKR_OPERATION_ACTIVE);
        assert_eq!(call!(functions, C_AsyncGetID, session, pair, &mut id), CKR_STATE_UNSAVEABLE);
        let joined = call!(functions, C_AsyncJoin, session, pair, 1, no_data.as_mut_ptr(), 1);
        assert_eq!(joined, CKR_SAVED_STATE_INVALID);
        // Meanwhile the session does other things.
        assert_eq!(digest(functions, session), CKR_OK);
        let mut pending = 0;
        let complete = loop {
            match call!(functions, C_AsyncComplete, session, pair, &mut made) {
                CKR_PENDING => {
                    assert_eq!((made.hObject, made.hAdditionalObject), (0, 0));
                    pending += 1;
                    std::thread::yield_now();
                }
                other => break other,
            }
        };
        assert_eq!(complete, CKR_OK);
        assert!(pending > 0);
        for (handle, class) in [(made.hObject, CKO_PUBLIC_KEY), (made.hAdditionalObject, CKO_PRIVATE_KEY)] {
            let mut found = [0 as CK_ULONG];
            let mut asked = asked(CKA_CLASS, &mut found);
            assert_eq!(call!(functions, C_GetAttributeValue, session, handle, &mut *asked, 1), CKR_OK);
            assert_eq!(found, [class]);
        }
        assert_eq!(call!(functions, C_AsyncComplete, session, pair, &mut made), nothing);

        // Errors come the same way.
        assert_eq!(generate_rsa(functions, session, 17), CKR_PENDING);
        let refused = loop {
            match call!(functions, C_AsyncComplete, session, pair, &mut made) {
                CKR_PENDING => std::thread::yield_now(),
                other => break other,
            }
        };
        assert_eq!(refused, CKR_ATTRIBUTE_VALUE_INVALID);
        assert_eq!(digest(functions, session), CKR_OK);

        // Whoever closes the session or finalises the library waits for the thread.
        assert_eq!(generate_rsa(functions, session, 2048), CKR_PENDING);
        assert_eq!(call!(functions, C_CloseSession, session), CKR_OK);
        assert_eq!(generate_rsa(functions, asynchronous_session(functions), 2048), CKR_PENDING);
        finalize(functions);
        let threads = std::fs::read_dir("/proc/self/task").unwrap().count();
        assert!(threads <= 2, "{threads} threads: the test's own two, and none of the library");
    });
}

#[test]
fn who_forbids_threads_gets_no_asynchronous_session() {
    in_own_process("who_forbids_threads_gets_no_asynchronous_session", || {
        let (functions, _) = logged_in();
        finalize(functions);
        let mut arguments = CK_C_INITIALIZE_ARGS {
            flags: CKF_LIBRARY_CANT_CREATE_OS_THREADS | CKF_OS_LOCKING_OK,
            ..Default::default()
        };
        assert_eq!(call!(functions, C_Initialize, (&raw mut arguments).cast()), CKR_OK);
        let mut session = 0;
        let flags = CKF_SERIAL_SESSION | CKF_ASYNC_SESSION;
        let refused = call!(functions, C_OpenSession, 0, flags, ptr::null_mut(), None, &mut session);
        assert_eq!(refused, CKR_SESSION_ASYNC_NOT_SUPPORTED);
        let mut token = CK_TOKEN_INFO::default();
        assert_eq!(call!(functions, C_GetTokenInfo, 0, &mut token), CKR_OK);
        assert_eq!(token.flags & CKF_ASYNC_SESSION_SUPPORTED, 0);
    });
}

/// A key pair of SLH-DSA-SHA2-128f.
fn slh_dsa_pair(functions: &CK_FUNCTION_LIST_3_2, session: CK_SESSION_HANDLE) -> [CK_OBJECT_HANDLE; 2] {
    let mut public = [attribute(CKA_PARAMETER_SET, &[CKP_SLH_DSA_SHA2_128F])];
    let (mut id, mut keys) = (mechanism(CKM_SLH_DSA_KEY_PAIR_GEN), [0; 2]);
    let [first, second] = &mut keys;
    let (public, none) = (public.as_mut_ptr(), ptr::null_mut());
    let rv = call!(functions, C_GenerateKeyPair, session, &mut id, public.cast(), 1, none, 0, first, second);
    assert_eq!(rv, CKR_OK);
    keys
}

const SLH_DSA_LEN: usize = 17_088;

#[test]
fn a_thread_signs_for_an_asynchronous_session() {
    in_own_process("a_thread_signs_for_an_asynchronous_session", || {
        let (functions, other) = logged_in();
        let [public, private] = slh_dsa_pair(functions, other);
        let session = asynchronous_session(functions);
        let (sign, sign_final) = (name_of(c"C_Sign"), name_of(c"C_SignFinal"));
        let (data, mut buffer) = (b"message", vec![0_u8; SLH_DSA_LEN + 1]);
        let mut slh_dsa = mechanism(CKM_SLH_DSA);
        let slh_dsa = &raw mut slh_dsa;
        let init = || call!(functions, C_SignInit, session, slh_dsa, private);
        let place_of_buffer = buffer.as_mut_ptr();
        let once = |room: usize| {
            let mut length = room as CK_ULONG;
            let rv = call!(functions, C_Sign, session, place(data), len(data), place_of_buffer, &mut length);
            (rv, length as usize)
        };
        let complete = |function| {
            let mut made = CK_ASYNC_DATA::default();
            loop {
                match call!(functions, C_AsyncComplete, session, function, &mut made) {
                    CKR_PENDING => std::thread::yield_now(),
                    rv => return (rv, made),
                }
            }
        };
        let verify = |signature: &[u8]| {
            assert_eq!(call!(functions, C_VerifyInit, other, slh_dsa, public), CKR_OK);
            let (signature, length) = (place(signature), len(signature));
            call!(functions, C_Verify, other, place(data), len(data), signature, length)
        };

        // A question for the length and a short buffer are answered at once, and the operation goes on.
        assert_eq!(init(), CKR_OK);
        let mut length = 0;
        let none = ptr::null_mut();
        let asked = call!(functions, C_Sign, session, place(data), len(data), none, &mut length);
        assert_eq!((asked, length as usize), (CKR_OK, SLH_DSA_LEN));
        assert_eq!(once(100), (CKR_BUFFER_TOO_SMALL, SLH_DSA_LEN));
        assert_eq!(once(SLH_DSA_LEN + 1).0, CKR_PENDING);
        assert_eq!(init(), CKR_OPERATION_ACTIVE);
        assert_eq!(call!(functions, C_SessionCancel, session, CKF_SIGN), CKR_OPERATION_CANCEL_FAILED);
        let mut id = 0;
        assert_eq!(call!(functions, C_AsyncGetID, session, sign, &mut id), CKR_STATE_UNSAVEABLE);
        // Nothing is written before it is fetched.
        assert!(buffer.iter().all(|byte| *byte == 0));
        let (rv, made) = complete(sign);
        assert_eq!((rv, made.pValue, made.ulValue as usize), (CKR_OK, place_of_buffer, SLH_DSA_LEN));
        assert_eq!(verify(&buffer[..SLH_DSA_LEN]), CKR_OK);
        assert_eq!(complete(sign).0, CKR_OPERATION_NOT_INITIALIZED);

        // In parts.
        buffer.fill(0);
        assert_eq!(init(), CKR_OK);
        for part in [&data[..3], &data[3..]] {
            assert_eq!(call!(functions, C_SignUpdate, session, place(part), len(part)), CKR_OK);
        }
        let mut length = SLH_DSA_LEN as CK_ULONG;
        let pending = call!(functions, C_SignFinal, session, buffer.as_mut_ptr(), &mut length);
        assert_eq!((pending, complete(sign).0), (CKR_PENDING, CKR_OPERATION_NOT_INITIALIZED));
        assert_eq!(complete(sign_final).0, CKR_OK);
        assert_eq!(verify(&buffer[..SLH_DSA_LEN]), CKR_OK);

        // What is quick is answered at once in such a session, too.
        let key = aes_key(functions, session);
        let (mut cmac, mut mac, mut length) = (mechanism(CKM_AES_CMAC), [0; 16], 16);
        assert_eq!(call!(functions, C_SignInit, session, &mut cmac, key), CKR_OK);
        let signed = call!(functions, C_Sign, session, place(data), len(data), mac.as_mut_ptr(), &mut length);
        assert_eq!(signed, CKR_OK);

        // After a logout nobody gets the signature.
        assert_eq!((init(), once(SLH_DSA_LEN).0), (CKR_OK, CKR_PENDING));
        assert_eq!(call!(functions, C_Logout, session), CKR_OK);
        let (rv, made) = complete(sign);
        assert_eq!((rv, made.pValue), (CKR_USER_NOT_LOGGED_IN, place_of_buffer));
    });
}

#[test]
fn the_thread_of_a_signature_ends_before_the_library_does() {
    in_own_process("the_thread_of_a_signature_ends_before_the_library_does", || {
        let (functions, other) = logged_in();
        let [_, private] = slh_dsa_pair(functions, other);
        let mut buffer = vec![0_u8; SLH_DSA_LEN];
        for finalise in [false, true] {
            let session = asynchronous_session(functions);
            let (mut slh_dsa, mut length) = (mechanism(CKM_SLH_DSA), SLH_DSA_LEN as CK_ULONG);
            assert_eq!(call!(functions, C_SignInit, session, &mut slh_dsa, private), CKR_OK);
            let data = b"message";
            let out = buffer.as_mut_ptr();
            let pending = call!(functions, C_Sign, session, place(data), len(data), out, &mut length);
            assert_eq!(pending, CKR_PENDING);
            match finalise {
                false => assert_eq!(call!(functions, C_CloseSession, session), CKR_OK),
                true => finalize(functions),
            }
        }
        assert!(buffer.iter().all(|byte| *byte == 0), "what nobody fetched was not written");
        let threads = std::fs::read_dir("/proc/self/task").unwrap().count();
        assert!(threads <= 2, "{threads} threads: the test's own two, and none of the library");
    });
}

/// Threads of musl's C library have 128 KiB.
#[test]
fn a_thread_with_a_small_stack_signs_with_the_largest_set() {
    in_own_process("a_thread_with_a_small_stack_signs_with_the_largest_set", || {
        let (functions, session) = logged_in();
        let work = move || {
            let mut public = [attribute(CKA_PARAMETER_SET, &[CKP_SLH_DSA_SHA2_256F])];
            let (mut id, mut keys) = (mechanism(CKM_SLH_DSA_KEY_PAIR_GEN), [0; 2]);
            let [first, second] = &mut keys;
            let (public, none) = (public.as_mut_ptr(), ptr::null_mut());
            let rv = call!(
                functions,
                C_GenerateKeyPair,
                session,
                &mut id,
                public.cast(),
                1,
                none,
                0,
                first,
                second
            );
            assert_eq!(rv, CKR_OK);
            let (mut slh_dsa, data) = (mechanism(CKM_SLH_DSA), b"message");
            assert_eq!(call!(functions, C_SignInit, session, &mut slh_dsa, keys[1]), CKR_OK);
            let signature = output(49_856, |out, out_len| {
                call!(functions, C_Sign, session, place(data), len(data), out, out_len)
            })
            .unwrap();
            assert_eq!(call!(functions, C_VerifyInit, session, &mut slh_dsa, keys[0]), CKR_OK);
            let (signature, length) = (place(&signature), len(&signature));
            let verified = call!(functions, C_Verify, session, place(data), len(data), signature, length);
            assert_eq!(verified, CKR_OK);
        };
        std::thread::Builder::new().stack_size(128 << 10).spawn(work).unwrap().join().unwrap();
    });
}
