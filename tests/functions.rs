//! Functions beside the plain operations, through the loaded library: signatures with recovery, dual functions, digests of
//! keys, seeds and slot events.

mod interface;

use std::ptr;

use coffer_pkcs11::ck::*;
use interface::calls::*;
use interface::*;

/// An application with a token and a user session.
struct Host {
    functions: &'static CK_FUNCTION_LIST_3_2,
    session: CK_SESSION_HANDLE,
}

impl Host {
    fn new() -> Self {
        let (functions, session) = logged_in();
        Self { functions, session }
    }

    fn create(&self, template: &[Attribute]) -> CK_OBJECT_HANDLE {
        create(self.functions, self.session, template)
    }

    fn digest_init(&self) {
        let mut sha256 = mechanism(CKM_SHA256);
        assert_eq!(call!(self.functions, C_DigestInit, self.session, &mut sha256), CKR_OK);
    }

    fn digest_final(&self) -> Vec<u8> {
        output(32, |out, len| call!(self.functions, C_DigestFinal, self.session, out, len)).unwrap()
    }

    /// The digest of some bytes in one part.
    fn digest(&self, data: &[u8]) -> Vec<u8> {
        self.digest_init();
        let (data, len) = (data.as_ptr().cast_mut(), data.len() as CK_ULONG);
        output(32, |out, out_len| call!(self.functions, C_Digest, self.session, data, len, out, out_len))
            .unwrap()
    }
}

const IV: [u8; 16] = [7; 16];

#[test]
fn a_dual_function_gives_what_its_two_functions_give_alone() {
    in_own_process("a_dual_function_gives_what_its_two_functions_give_alone", || {
        let host = Host::new();
        let (functions, session) = (host.functions, host.session);
        let key = aes_key(functions, session);
        let data: Vec<u8> = (0..40).collect();
        let mut cbc = mechanism_with(CKM_AES_CBC_PAD, &IV);

        host.digest_init();
        assert_eq!(call!(functions, C_EncryptInit, session, &mut *cbc, key), CKR_OK);
        // A query and a buffer that is too small move neither operation.
        let mut len = 0;
        let query =
            call!(functions, C_DigestEncryptUpdate, session, place(&data), 40, ptr::null_mut(), &mut len);
        assert_eq!((query, len), (CKR_OK, 32));
        let mut short = [0; 31];
        len = 31;
        let out = short.as_mut_ptr();
        let short = call!(functions, C_DigestEncryptUpdate, session, place(&data), 40, out, &mut len);
        assert_eq!((short, len), (CKR_BUFFER_TOO_SMALL, 32));
        let mut ciphertext = output(64, |out, len| {
            call!(functions, C_DigestEncryptUpdate, session, place(&data), 40, out, len)
        })
        .unwrap();
        ciphertext
            .extend(output(64, |out, len| call!(functions, C_EncryptFinal, session, out, len)).unwrap());
        assert_eq!(host.digest_final(), host.digest(&data));
        assert_eq!(call!(functions, C_EncryptInit, session, &mut *cbc, key), CKR_OK);
        let alone = output(64, |out, len| call!(functions, C_Encrypt, session, place(&data), 40, out, len));
        assert_eq!(alone, Ok(ciphertext.clone()));

        // Back: what comes out is digested, but for the end that C_DecryptFinal gives.
        host.digest_init();
        assert_eq!(call!(functions, C_DecryptInit, session, &mut *cbc, key), CKR_OK);
        let first = output(64, |out, len| {
            call!(functions, C_DecryptDigestUpdate, session, place(&ciphertext), 48, out, len)
        })
        .unwrap();
        assert_eq!(first, data[..32]);
        assert_eq!(
            output(64, |out, len| call!(functions, C_DecryptFinal, session, out, len)),
            Ok(data[32..].to_vec())
        );
        assert_eq!(host.digest_final(), host.digest(&data[..32]));

        // The same with a signature and its check.
        let mut hmac = mechanism(CKM_SHA256_HMAC);
        let mac_key = host.create(&[
            attribute(CKA_CLASS, &[CKO_SECRET_KEY]),
            attribute(CKA_KEY_TYPE, &[CKK_GENERIC_SECRET]),
            attribute(CKA_VALUE, b"key of a MAC"),
        ]);
        let ctr_block = CK_AES_CTR_PARAMS { ulCounterBits: 64, cb: IV };
        let mut ctr = mechanism_with(CKM_AES_CTR, &ctr_block);
        assert_eq!(call!(functions, C_SignInit, session, &mut hmac, mac_key), CKR_OK);
        assert_eq!(call!(functions, C_EncryptInit, session, &mut *ctr, key), CKR_OK);
        let ciphertext =
            output(64, |out, len| call!(functions, C_SignEncryptUpdate, session, place(&data), 40, out, len))
                .unwrap();
        let mac = output(32, |out, len| call!(functions, C_SignFinal, session, out, len)).unwrap();
        for (tag, answer) in [(mac.clone(), CKR_OK), (vec![0; 32], CKR_SIGNATURE_INVALID)] {
            assert_eq!(call!(functions, C_VerifyInit, session, &mut hmac, mac_key), CKR_OK);
            assert_eq!(call!(functions, C_DecryptInit, session, &mut *ctr, key), CKR_OK);
            let plain = output(64, |out, len| {
                call!(functions, C_DecryptVerifyUpdate, session, place(&ciphertext), 40, out, len)
            });
            assert_eq!(plain, Ok(data.clone()));
            assert_eq!(call!(functions, C_VerifyFinal, session, place(&tag), 32), answer);
            assert_eq!(call!(functions, C_DecryptInit, session, ptr::null_mut(), 0), CKR_OK);
        }
    });
}

#[test]
fn a_digest_takes_the_value_of_a_secret_key_and_of_no_other() {
    in_own_process("a_digest_takes_the_value_of_a_secret_key_and_of_no_other", || {
        let host = Host::new();
        let key = aes_key(host.functions, host.session);
        host.digest_init();
        assert_eq!(call!(host.functions, C_DigestKey, host.session, key), CKR_OK);
        assert_eq!(host.digest_final(), host.digest(b"0123456789abcdef"));
        assert_eq!(call!(host.functions, C_DigestKey, host.session, key), CKR_OPERATION_NOT_INITIALIZED);
        // The public key of RFC 8032, section 7.1, test 2.
        let point = hex::decode("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c").unwrap();
        let public = host.create(&[
            attribute(CKA_CLASS, &[CKO_PUBLIC_KEY]),
            attribute(CKA_KEY_TYPE, &[CKK_EC_EDWARDS]),
            attribute(CKA_EC_PARAMS, &[6u8, 3, 0x2b, 0x65, 0x70]),
            attribute(CKA_EC_POINT, &point),
        ]);
        for (handle, answer) in [(public, CKR_KEY_INDIGESTIBLE), (9999, CKR_KEY_HANDLE_INVALID)] {
            host.digest_init();
            assert_eq!(call!(host.functions, C_DigestKey, host.session, handle), answer);
            // Every error ends the operation.
            let ended = output(32, |out, len| call!(host.functions, C_DigestFinal, host.session, out, len));
            assert_eq!(ended, Err(CKR_OPERATION_NOT_INITIALIZED));
        }
    });
}

#[test]
fn random_numbers_differ_after_the_same_seed() {
    in_own_process("random_numbers_differ_after_the_same_seed", || {
        let host = Host::new();
        let mut seed = *b"the same seed";
        let mut numbers = Vec::new();
        for _ in 0..2 {
            assert_eq!(call!(host.functions, C_SeedRandom, host.session, seed.as_mut_ptr(), 13), CKR_OK);
            let mut bytes = [0u8; 100];
            let place = bytes.as_mut_ptr();
            assert_eq!(call!(host.functions, C_GenerateRandom, host.session, place, 100), CKR_OK);
            numbers.push(bytes);
        }
        assert_ne!(numbers[0], numbers[1]);
    });
}

#[test]
fn a_token_that_appears_or_disappears_is_an_event_and_finalize_wakes_who_waits() {
    let name = "a_token_that_appears_or_disappears_is_an_event_and_finalize_wakes_who_waits";
    in_own_process(name, || {
        let Host { functions, .. } = Host::new();
        let wait = move |flags| {
            let mut slot = 77;
            let rv = call!(functions, C_WaitForSlotEvent, flags, &mut slot, ptr::null_mut());
            (rv, slot)
        };
        // The token that we have made ourselves is no news.
        assert_eq!(wait(CKF_DONT_BLOCK).0, CKR_NO_EVENT);
        let home = std::path::PathBuf::from(std::env::var_os("COFFER_HOME").unwrap());
        let file = home.join("token-0.coffer");
        let waiting = std::thread::spawn(move || wait(0));
        // A second token, made elsewhere: another process does what its own module does.
        let config = coffer_pkcs11::config::Config::with_home(&home);
        let other = coffer_pkcs11::module::Module::new(config);
        let so_pin = coffer_pkcs11::secret::Secret::copy_of(SO_PIN);
        let label = coffer_pkcs11::token::padded("second");
        other.init_token(coffer_pkcs11::token::SlotId(1), &so_pin, label).unwrap();
        assert_eq!(waiting.join().unwrap(), (CKR_OK, 1));
        assert_eq!(wait(CKF_DONT_BLOCK).0, CKR_NO_EVENT);
        assert_eq!(call!(functions, C_CloseAllSessions, 0), CKR_OK);
        std::fs::remove_file(file).unwrap();
        assert_eq!(wait(0), (CKR_OK, 0));
        let waiting = std::thread::spawn(move || wait(0).0);
        assert_eq!(call!(functions, C_Finalize, ptr::null_mut()), CKR_OK);
        assert_eq!(waiting.join().unwrap(), CKR_CRYPTOKI_NOT_INITIALIZED);
    });
}

#[test]
fn a_saved_digest_goes_on_in_another_session_and_in_no_other_token() {
    in_own_process("a_saved_digest_goes_on_in_another_session_and_in_no_other_token", || {
        let host = Host::new();
        let (functions, session) = (host.functions, host.session);
        let none = output(32, |out, len| call!(functions, C_GetOperationState, session, out, len));
        assert_eq!(none, Err(CKR_OPERATION_NOT_INITIALIZED));
        host.digest_init();
        let (mut first, mut second) = (*b"first ", *b"second");
        assert_eq!(call!(functions, C_DigestUpdate, session, first.as_mut_ptr(), 6), CKR_OK);
        let mut len = 0;
        assert_eq!(call!(functions, C_GetOperationState, session, ptr::null_mut(), &mut len), CKR_OK);
        let state = output(len as usize, |out, len| call!(functions, C_GetOperationState, session, out, len));
        let mut state = state.unwrap();
        assert_eq!(host.digest_final(), host.digest(b"first "));

        let other = Host { functions, session: open_session(functions) };
        let set = |state: &mut [u8], key| {
            let len = state.len() as CK_ULONG;
            call!(functions, C_SetOperationState, other.session, state.as_mut_ptr(), len, key, 0)
        };
        assert_eq!(set(&mut state, aes_key(functions, session)), CKR_KEY_NOT_NEEDED);
        // The same state serves twice.
        for _ in 0..2 {
            assert_eq!(set(&mut state, 0), CKR_OK);
            assert_eq!(call!(functions, C_DigestUpdate, other.session, second.as_mut_ptr(), 6), CKR_OK);
            assert_eq!(other.digest_final(), host.digest(b"first second"));
        }
        state[31] ^= 1;
        assert_eq!(set(&mut state, 0), CKR_SAVED_STATE_INVALID);
        state[31] ^= 1;
        assert_eq!(set(&mut state[..31], 0), CKR_SAVED_STATE_INVALID);

        // Nothing of a key that is in use is saved.
        let mut cbc = mechanism_with(CKM_AES_CBC_PAD, &IV);
        let key = aes_key(functions, session);
        assert_eq!(call!(functions, C_EncryptInit, session, &mut *cbc, key), CKR_OK);
        let unsaveable = output(32, |out, len| call!(functions, C_GetOperationState, session, out, len));
        assert_eq!(unsaveable, Err(CKR_STATE_UNSAVEABLE));

        // After C_Finalize the state is gone.
        assert_eq!(call!(functions, C_Finalize, ptr::null_mut()), CKR_OK);
        initialize(functions);
        let fresh = open_session(functions);
        let (place, len) = (state.as_mut_ptr(), state.len() as CK_ULONG);
        let answer = call!(functions, C_SetOperationState, fresh, place, len, 0, 0);
        assert_eq!(answer, CKR_SAVED_STATE_INVALID);
    });
}

#[test]
fn objects_that_nobody_has_made_are_found_by_their_class_alone() {
    in_own_process("objects_that_nobody_has_made_are_found_by_their_class_alone", || {
        let Host { functions, session } = Host::new();
        let find = |template: &mut [Attribute]| {
            let (mut found, mut count) = (vec![0; 1000], 0);
            let len = template.len() as CK_ULONG;
            assert_eq!(
                call!(functions, C_FindObjectsInit, session, template.as_mut_ptr().cast(), len),
                CKR_OK
            );
            assert_eq!(
                call!(functions, C_FindObjects, session, found.as_mut_ptr(), 1000, &mut count),
                CKR_OK
            );
            assert_eq!(call!(functions, C_FindObjectsFinal, session), CKR_OK);
            found.truncate(count as usize);
            found
        };
        assert_eq!(find(&mut []), []);
        let clocks = find(&mut [attribute(CKA_CLASS, &[CKO_HW_FEATURE])]);
        assert_eq!(clocks.len(), 1);
        let mut time = [0u8; 16];
        let mut asked = asked(CKA_VALUE, &mut time);
        assert_eq!(call!(functions, C_GetAttributeValue, session, clocks[0], &mut *asked, 1), CKR_OK);
        // The clock is the one that C_GetTokenInfo shows: the same day, but for midnight.
        let mut info = CK_TOKEN_INFO::default();
        assert_eq!(call!(functions, C_GetTokenInfo, 0, &mut info), CKR_OK);
        assert_eq!(info.flags & CKF_CLOCK_ON_TOKEN, CKF_CLOCK_ON_TOKEN);
        assert!(time.iter().all(u8::is_ascii_digit) && time <= info.utcTime, "{time:?}");
        assert_eq!(call!(functions, C_DestroyObject, session, clocks[0]), CKR_ACTION_PROHIBITED);

        let mut count = 0;
        assert_eq!(call!(functions, C_GetMechanismList, 0, ptr::null_mut(), &mut count), CKR_OK);
        assert_eq!(find(&mut [attribute(CKA_CLASS, &[CKO_MECHANISM])]).len(), count as usize);
        let class = attribute(CKA_CLASS, &[CKO_MECHANISM]);
        let sha256 = find(&mut [class, attribute(CKA_MECHANISM_TYPE, &[CKM_SHA256])]);
        assert_eq!(sha256.len(), 1);
        assert_eq!(find(&mut [class, attribute(CKA_MECHANISM_TYPE, &[0x7fff_ffffu64])]), []);
        assert_eq!(find(&mut [class, attribute(CKA_LABEL, b"x")]), []);

        let class = attribute(CKA_CLASS, &[CKO_PROFILE]);
        let profile = |id: CK_PROFILE_ID| find(&mut [class, attribute(CKA_PROFILE_ID, &[id])]);
        let published: Vec<_> = (0..10).filter(|id| profile(*id).len() == 1).collect();
        assert_eq!(published, [1, 2, 3, 4, 6], "every profile but the Complete Provider's");
        assert_eq!(find(&mut [class]).len(), 5);
        let first = profile(CKP_BASELINE_PROVIDER)[0];
        assert_eq!(call!(functions, C_DestroyObject, session, first), CKR_ACTION_PROHIBITED);
        assert_eq!(find(&mut [attribute(CKA_CLASS, &[CKO_VALIDATION])]), []);
    });
}
