//! Private keys of ML-DSA, ML-KEM and SLH-DSA leave a token and come back, through the C functions: wrapped with AES, and used.

mod interface;

use coffer_pkcs11::ck::*;
use interface::calls::*;
use interface::*;

type Functions = CK_FUNCTION_LIST_3_2;

/// Public key, private key.
fn pair(
    functions: &Functions,
    session: CK_SESSION_HANDLE,
    id: CK_MECHANISM_TYPE,
    set: CK_ULONG,
) -> [CK_OBJECT_HANDLE; 2] {
    let mut mechanism = mechanism(id);
    let set = [set];
    let mut public = [attribute(CKA_PARAMETER_SET, &set)];
    let mut private = [attribute(CKA_EXTRACTABLE, &[CK_TRUE])];
    let mut keys = [0; 2];
    let [public_key, private_key] = &mut keys;
    let (public, private) = (public.as_mut_ptr().cast(), private.as_mut_ptr().cast());
    let rv = call!(
        functions,
        C_GenerateKeyPair,
        session,
        &mut mechanism,
        public,
        1,
        private,
        1,
        public_key,
        private_key
    );
    assert_eq!(rv, CKR_OK);
    keys
}

fn wrapping_key(functions: &Functions, session: CK_SESSION_HANDLE) -> CK_OBJECT_HANDLE {
    create(
        functions,
        session,
        &[
            attribute(CKA_CLASS, &[CKO_SECRET_KEY]),
            attribute(CKA_KEY_TYPE, &[CKK_AES]),
            attribute(CKA_VALUE, b"0123456789abcdef"),
            attribute(CKA_WRAP, &[CK_TRUE]),
            attribute(CKA_UNWRAP, &[CK_TRUE]),
        ],
    )
}

fn wrap(
    functions: &Functions,
    session: CK_SESSION_HANDLE,
    wrapping: CK_OBJECT_HANDLE,
    key: CK_OBJECT_HANDLE,
) -> Vec<u8> {
    let mut kwp = mechanism(CKM_AES_KEY_WRAP_KWP);
    output(16_384, |out, len| call!(functions, C_WrapKey, session, &mut kwp, wrapping, key, out, len))
        .unwrap()
}

/// The wrapped key as another object.
fn unwrap(
    functions: &Functions,
    session: CK_SESSION_HANDLE,
    wrapping: CK_OBJECT_HANDLE,
    wrapped: &[u8],
    key_type: CK_KEY_TYPE,
    use_of_it: CK_ATTRIBUTE_TYPE,
) -> Result<CK_OBJECT_HANDLE, CK_RV> {
    let mut kwp = mechanism(CKM_AES_KEY_WRAP_KWP);
    let key_type = [key_type];
    let mut template = [
        attribute(CKA_CLASS, &[CKO_PRIVATE_KEY]),
        attribute(CKA_KEY_TYPE, &key_type),
        attribute(use_of_it, &[CK_TRUE]),
    ];
    let (mut key, count) = (0, template.len() as CK_ULONG);
    let (place, length, template) = (place(wrapped), len(wrapped), template.as_mut_ptr());
    match call!(
        functions,
        C_UnwrapKey,
        session,
        &mut kwp,
        wrapping,
        place,
        length,
        template.cast(),
        count,
        &mut key
    ) {
        CKR_OK => Ok(key),
        rv => Err(rv),
    }
}

#[test]
fn a_signing_key_that_came_back_signs_for_its_public_key() {
    in_own_process("a_signing_key_that_came_back_signs_for_its_public_key", || {
        let (functions, session) = logged_in();
        let wrapping = wrapping_key(functions, session);
        for (generate, sign, set, key_type) in [
            (CKM_ML_DSA_KEY_PAIR_GEN, CKM_ML_DSA, CKP_ML_DSA_65, CKK_ML_DSA),
            (CKM_SLH_DSA_KEY_PAIR_GEN, CKM_SLH_DSA, CKP_SLH_DSA_SHA2_128F, CKK_SLH_DSA),
        ] {
            let [public, private] = pair(functions, session, generate, set);
            let wrapped = wrap(functions, session, wrapping, private);
            let back = unwrap(functions, session, wrapping, &wrapped, key_type, CKA_SIGN).unwrap();
            let (mut sign, data) = (mechanism(sign), b"message");
            assert_eq!(call!(functions, C_SignInit, session, &mut sign, back), CKR_OK);
            let signature = output(50_000, |out, out_len| {
                call!(functions, C_Sign, session, place(data), len(data), out, out_len)
            })
            .unwrap();
            assert_eq!(call!(functions, C_VerifyInit, session, &mut sign, public), CKR_OK);
            let (signature, length) = (place(&signature), len(&signature));
            let verified = call!(functions, C_Verify, session, place(data), len(data), signature, length);
            assert_eq!(verified, CKR_OK);
            // Another type than the wrapped key's, and a wrapped key with a flipped bit.
            let other = if key_type == CKK_ML_DSA { CKK_ML_KEM } else { CKK_ML_DSA };
            assert!(unwrap(functions, session, wrapping, &wrapped, other, CKA_SIGN).is_err());
            let mut flipped = wrapped.clone();
            flipped[9] ^= 1;
            let refused = unwrap(functions, session, wrapping, &flipped, key_type, CKA_SIGN);
            assert_eq!(refused, Err(CKR_WRAPPED_KEY_INVALID));
        }
    });
}

#[test]
fn a_decapsulating_key_that_came_back_finds_the_same_secret() {
    in_own_process("a_decapsulating_key_that_came_back_finds_the_same_secret", || {
        let (functions, session) = logged_in();
        let wrapping = wrapping_key(functions, session);
        let [public, private] = pair(functions, session, CKM_ML_KEM_KEY_PAIR_GEN, CKP_ML_KEM_768);
        let wrapped = wrap(functions, session, wrapping, private);
        let back = unwrap(functions, session, wrapping, &wrapped, CKK_ML_KEM, CKA_DECAPSULATE).unwrap();
        let (mut kem, mut secret) = (mechanism(CKM_ML_KEM), 0);
        let template = [
            attribute(CKA_CLASS, &[CKO_SECRET_KEY]),
            attribute(CKA_KEY_TYPE, &[CKK_GENERIC_SECRET]),
            attribute(CKA_SENSITIVE, &[CK_FALSE]),
            attribute(CKA_EXTRACTABLE, &[CK_TRUE]),
        ];
        let (list, count) = (template.as_ptr().cast_mut(), template.len() as CK_ULONG);
        let ciphertext = output(2000, |out, out_len| {
            call!(
                functions,
                C_EncapsulateKey,
                session,
                &mut kem,
                public,
                list.cast(),
                count,
                out,
                out_len,
                &mut secret
            )
        })
        .unwrap();
        let value = |key| {
            let mut bytes = [0_u8; 32];
            let mut asked = asked(CKA_VALUE, &mut bytes);
            assert_eq!(call!(functions, C_GetAttributeValue, session, key, &mut *asked, 1), CKR_OK);
            bytes
        };
        for key in [private, back] {
            let mut found = 0;
            let (ciphertext, length) = (place(&ciphertext), len(&ciphertext));
            let rv = call!(
                functions,
                C_DecapsulateKey,
                session,
                &mut kem,
                key,
                list.cast(),
                count,
                ciphertext,
                length,
                &mut found
            );
            assert_eq!(rv, CKR_OK);
            assert_eq!(value(found), value(secret));
        }
    });
}
