//! C_WrapKey with a nonce of the token: CK_GCM_WRAP_PARAMS and CK_CCM_WRAP_PARAMS (PKCS#11 section 6.13).

mod interface;

use std::ptr;

use coffer_pkcs11::ck::*;
use interface::*;

struct Host {
    functions: &'static CK_FUNCTION_LIST_3_2,
    session: CK_SESSION_HANDLE,
    wrapping: CK_OBJECT_HANDLE,
    key: CK_OBJECT_HANDLE,
}

const VALUE: [u8; 20] = [7; 20];

fn with_host(name: &str, check: impl FnOnce(&Host)) {
    in_own_process(name, || {
        let (functions, session) = logged_in();
        let create = |key_type: CK_KEY_TYPE, value: &[u8]| {
            let (class, key_type, yes, no) = ([CKO_SECRET_KEY], [key_type], [CK_TRUE], [CK_FALSE]);
            let mut template = [
                attribute(CKA_CLASS, &class),
                attribute(CKA_KEY_TYPE, &key_type),
                attribute(CKA_VALUE, value),
                attribute(CKA_EXTRACTABLE, &yes),
                attribute(CKA_SENSITIVE, &no),
            ];
            let mut key = 0;
            assert_eq!(
                call!(functions, C_CreateObject, session, template.as_mut_ptr().cast(), 5, &mut key),
                CKR_OK
            );
            key
        };
        let (wrapping, key) = (create(CKK_AES, &[1; 16]), create(CKK_GENERIC_SECRET, &VALUE));
        check(&Host { functions, session, wrapping, key });
        finalize(functions);
    });
}

impl Host {
    fn wrap(&self, mut mechanism: Mechanism, room: usize) -> Result<Vec<u8>, CK_RV> {
        let (mut wrapped, mut length) = (vec![0; room], room as CK_ULONG);
        let place = if room == 0 { ptr::null_mut() } else { wrapped.as_mut_ptr() };
        let (functions, session) = (self.functions, self.session);
        match call!(
            functions,
            C_WrapKey,
            session,
            &mut *mechanism,
            self.wrapping,
            self.key,
            place,
            &mut length
        ) {
            CKR_OK => {
                wrapped.resize(length as usize, 0);
                Ok(wrapped)
            }
            refused => Err(refused),
        }
    }

    /// The value of the key that comes out.
    fn unwrap(&self, mut mechanism: Mechanism, wrapped: &[u8]) -> Result<Vec<u8>, CK_RV> {
        let (class, key_type, no) = ([CKO_SECRET_KEY], [CKK_GENERIC_SECRET], [CK_FALSE]);
        let mut template =
            [attribute(CKA_CLASS, &class), attribute(CKA_KEY_TYPE, &key_type), attribute(CKA_SENSITIVE, &no)];
        let (place, length) = (wrapped.as_ptr().cast_mut(), wrapped.len() as CK_ULONG);
        let (functions, session, by) = (self.functions, self.session, self.wrapping);
        let (template, mut key) = (template.as_mut_ptr().cast(), 0);
        match call!(
            functions,
            C_UnwrapKey,
            session,
            &mut *mechanism,
            by,
            place,
            length,
            template,
            3,
            &mut key
        ) {
            CKR_OK => {}
            refused => return Err(refused),
        }
        let mut value = [0u8; VALUE.len()];
        let mut asked = asked(CKA_VALUE, &mut value);
        assert_eq!(call!(functions, C_GetAttributeValue, session, key, &mut *asked, 1), CKR_OK);
        Ok(value.to_vec())
    }
}

fn gcm(iv: &mut [u8], generator: CK_GENERATOR_FUNCTION, fixed_bits: CK_ULONG) -> CK_GCM_WRAP_PARAMS {
    CK_GCM_WRAP_PARAMS {
        pIv: iv.as_mut_ptr(),
        ulIvLen: iv.len() as CK_ULONG,
        ulIvFixedBits: fixed_bits,
        ivGenerator: generator,
        pAAD: b"label".as_ptr().cast_mut(),
        ulAADLen: 5,
        ulTagBits: 128,
    }
}

fn ccm(nonce: &mut [u8], generator: CK_GENERATOR_FUNCTION) -> CK_CCM_WRAP_PARAMS {
    CK_CCM_WRAP_PARAMS {
        ulDataLen: 0,
        pNonce: nonce.as_mut_ptr(),
        ulNonceLen: nonce.len() as CK_ULONG,
        ulNonceFixedBits: 0,
        nonceGenerator: generator,
        pAAD: ptr::null_mut(),
        ulAADLen: 0,
        ulMACLen: 12,
    }
}

#[test]
fn the_token_makes_the_nonce_writes_it_back_and_unwraps_with_it() {
    with_host("the_token_makes_the_nonce_writes_it_back_and_unwraps_with_it", |host| {
        let mut iv = [0xaa; 12];
        let params = gcm(&mut iv, CKG_GENERATE, 32);
        assert_eq!(host.wrap(mechanism_with(CKM_AES_GCM, &params), 0).unwrap().len(), VALUE.len() + 16);
        assert_eq!(iv, [0xaa; 12], "a question about the length takes no nonce");
        assert_eq!(host.wrap(mechanism_with(CKM_AES_GCM, &params), VALUE.len()), Err(CKR_BUFFER_TOO_SMALL));
        assert_eq!(iv, [0xaa; 12]);
        let wrapped = host.wrap(mechanism_with(CKM_AES_GCM, &params), 64).unwrap();
        assert_eq!(wrapped.len(), VALUE.len() + 16);
        assert!(iv[..4] == [0xaa; 4] && iv[4..] != [0xaa; 8], "{iv:?}");
        assert_eq!(host.unwrap(mechanism_with(CKM_AES_GCM, &params), &wrapped), Ok(VALUE.to_vec()));
        // The structure of earlier editions is the same key and nonce.
        let plain = CK_GCM_PARAMS {
            pIv: iv.as_mut_ptr(),
            ulIvLen: 12,
            ulIvBits: 96,
            pAAD: b"label".as_ptr().cast_mut(),
            ulAADLen: 5,
            ulTagBits: 128,
        };
        assert_eq!(host.unwrap(mechanism_with(CKM_AES_GCM, &plain), &wrapped), Ok(VALUE.to_vec()));
        let mut flipped = wrapped.clone();
        flipped[3] ^= 1;
        assert_eq!(host.unwrap(mechanism_with(CKM_AES_GCM, &params), &flipped), Err(CKR_WRAPPED_KEY_INVALID));

        let mut nonce = [0; 13];
        let params = ccm(&mut nonce, CKG_GENERATE_RANDOM);
        let wrapped = host.wrap(mechanism_with(CKM_AES_CCM, &params), 64).unwrap();
        assert_eq!(wrapped.len(), VALUE.len() + 12);
        assert_ne!(nonce, [0; 13]);
        assert_eq!(host.unwrap(mechanism_with(CKM_AES_CCM, &params), &wrapped), Ok(VALUE.to_vec()));
    });
}

#[test]
fn a_nonce_of_the_caller_is_taken_and_wrong_parameters_are_refused() {
    with_host("a_nonce_of_the_caller_is_taken_and_wrong_parameters_are_refused", |host| {
        let mut iv = [5; 12];
        let params = gcm(&mut iv, CKG_NO_GENERATE, 0);
        let wrapped = host.wrap(mechanism_with(CKM_AES_GCM, &params), 64).unwrap();
        assert_eq!(iv, [5; 12]);
        assert_eq!(host.unwrap(mechanism_with(CKM_AES_GCM, &params), &wrapped), Ok(VALUE.to_vec()));
        for (generator, fixed_bits) in [(CKG_GENERATE, 97), (CKG_GENERATE, 96), (99, 0)] {
            let params = gcm(&mut iv, generator, fixed_bits);
            let refused = host.wrap(mechanism_with(CKM_AES_GCM, &params), 64);
            assert_eq!(refused, Err(CKR_MECHANISM_PARAM_INVALID), "{generator} {fixed_bits}");
        }
        // Nothing is encrypted with the parameter for keys.
        let (functions, session) = (host.functions, host.session);
        let mut wrong = mechanism_with(CKM_AES_GCM, &params);
        let started = call!(functions, C_EncryptInit, session, &mut *wrong, host.wrapping);
        assert_eq!(started, CKR_MECHANISM_PARAM_INVALID);
    });
}
