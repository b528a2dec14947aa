//! The message-based functions through the loaded library: published answers, nonces that the token generates, messages in
//! parts, and every way in which a message or a process ends (PKCS#11 sections 5.9, 5.11, 5.14 and 5.16).

mod interface;

use std::ptr;

use coffer_pkcs11::ck::*;
use interface::calls::*;
use interface::*;

type List = CK_FUNCTION_LIST_3_2;

struct Host {
    functions: &'static List,
    session: CK_SESSION_HANDLE,
}

/// What a step gives: the bytes, or the code.
type Answer = Result<Vec<u8>, CK_RV>;

/// The parameter of a GCM message.
#[derive(Clone)]
struct Gcm {
    iv: Vec<u8>,
    fixed_bits: CK_ULONG,
    generator: CK_GENERATOR_FUNCTION,
    tag: Vec<u8>,
}

impl Gcm {
    fn with_iv(iv: &[u8]) -> Self {
        Self { iv: iv.to_vec(), fixed_bits: 0, generator: CKG_NO_GENERATE, tag: vec![0; 16] }
    }

    fn generated(generator: CK_GENERATOR_FUNCTION, fixed_bits: CK_ULONG) -> Self {
        Self { fixed_bits, generator, ..Self::with_iv(&[0xee; 12]) }
    }

    fn params(&mut self) -> CK_GCM_MESSAGE_PARAMS {
        CK_GCM_MESSAGE_PARAMS {
            pIv: self.iv.as_mut_ptr(),
            ulIvLen: len(&self.iv),
            ulIvFixedBits: self.fixed_bits,
            ivGenerator: self.generator,
            pTag: self.tag.as_mut_ptr(),
            ulTagBits: len(&self.tag) * 8,
        }
    }
}

impl Host {
    fn new() -> Self {
        let (functions, session) = logged_in();
        Self { functions, session }
    }

    fn secret(&self, key_type: CK_KEY_TYPE, value: &[u8], more: &[Attribute]) -> CK_OBJECT_HANDLE {
        let key_type = [key_type];
        let template = [
            attribute(CKA_CLASS, &[CKO_SECRET_KEY]),
            attribute(CKA_KEY_TYPE, &key_type),
            attribute(CKA_VALUE, value),
            attribute(CKA_SIGN, &[CK_TRUE]),
            attribute(CKA_VERIFY, &[CK_TRUE]),
        ];
        create(self.functions, self.session, &[&template[..], more].concat())
    }

    /// An RSA, EC or Edwards pair: public key, private key.
    fn pair(
        &self,
        id: CK_MECHANISM_TYPE,
        public: &[Attribute],
        private: &[Attribute],
    ) -> (CK_OBJECT_HANDLE, CK_OBJECT_HANDLE) {
        let (mut of_both, mut id) = ((0, 0), mechanism(id));
        let rv = call!(
            self.functions,
            C_GenerateKeyPair,
            self.session,
            &mut id,
            public.as_ptr().cast_mut().cast(),
            public.len() as CK_ULONG,
            private.as_ptr().cast_mut().cast(),
            private.len() as CK_ULONG,
            &mut of_both.0,
            &mut of_both.1
        );
        assert_eq!(rv, CKR_OK);
        of_both
    }

    fn encrypt_init(&self, id: CK_MECHANISM_TYPE, key: CK_OBJECT_HANDLE) -> CK_RV {
        call!(self.functions, C_MessageEncryptInit, self.session, &mut mechanism(id), key)
    }

    fn decrypt_init(&self, id: CK_MECHANISM_TYPE, key: CK_OBJECT_HANDLE) -> CK_RV {
        call!(self.functions, C_MessageDecryptInit, self.session, &mut mechanism(id), key)
    }

    fn encrypt<T>(&self, params: &T, aad: &[u8], text: &[u8], room: usize) -> Answer {
        self.message(self.functions.C_EncryptMessage, params, aad, text, room)
    }

    fn decrypt<T>(&self, params: &T, aad: &[u8], text: &[u8], room: usize) -> Answer {
        self.message(self.functions.C_DecryptMessage, params, aad, text, room)
    }

    fn message<T>(
        &self,
        function: CK_C_EncryptMessage,
        params: &T,
        aad: &[u8],
        text: &[u8],
        room: usize,
    ) -> Answer {
        let (param, session) = (passed(params), self.session);
        let (aad, aad_len, text, text_len) = (place(aad), len(aad), place(text), len(text));
        // SAFETY: the parameter and the texts live longer than the call.
        output(room, |out, out_len| unsafe {
            function.unwrap()(session, param.start, param.size, aad, aad_len, text, text_len, out, out_len)
        })
    }

    fn begin<T>(&self, encrypt: bool, params: &T, aad: &[u8]) -> CK_RV {
        let List { C_EncryptMessageBegin, C_DecryptMessageBegin, .. } = self.functions;
        let function = if encrypt { C_EncryptMessageBegin } else { C_DecryptMessageBegin };
        let param = passed(params);
        // SAFETY: the parameter and the data live longer than the call.
        unsafe { function.unwrap()(self.session, param.start, param.size, place(aad), len(aad)) }
    }

    fn next<T>(&self, encrypt: bool, params: &T, part: &[u8], room: usize, flags: CK_FLAGS) -> Answer {
        let List { C_EncryptMessageNext, C_DecryptMessageNext, .. } = self.functions;
        let function = if encrypt { C_EncryptMessageNext } else { C_DecryptMessageNext };
        let (param, session) = (passed(params), self.session);
        let (part, part_len) = (place(part), len(part));
        // SAFETY: the parameter and the part live longer than the call.
        output(room, |out, out_len| unsafe {
            function.unwrap()(session, param.start, param.size, part, part_len, out, out_len, flags)
        })
    }

    fn sign(&self, data: &[u8]) -> Answer {
        output(512, |out, out_len| {
            let none = ptr::null_mut();
            call!(self.functions, C_SignMessage, self.session, none, 0, place(data), len(data), out, out_len)
        })
    }

    fn verify(&self, data: &[u8], signature: &[u8]) -> CK_RV {
        let (signature, signature_len) = (place(signature), len(signature));
        let none = ptr::null_mut();
        let (data, data_len) = (place(data), len(data));
        call!(
            self.functions,
            C_VerifyMessage,
            self.session,
            none,
            0,
            data,
            data_len,
            signature,
            signature_len
        )
    }
}

fn unhex(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap()
}

/// McGrew and Viega, "The Galois/Counter Mode of Operation", test case 4: key, IV, data, plaintext, ciphertext, tag.
const GCM_KEY: &str = "feffe9928665731c6d6a8f9467308308";
const GCM_IV: &str = "cafebabefacedbaddecaf888";
const GCM_AAD: &str = "feedfacedeadbeeffeedfacedeadbeefabaddad2";
const GCM_TEXT: &str = "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39";
const GCM_CIPHERTEXT: &str = "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091";
const GCM_TAG: &str = "5bc94fbc3221a5db94fae95ae7121a47";

fn gcm_key(host: &Host) -> CK_OBJECT_HANDLE {
    host.secret(CKK_AES, &unhex(GCM_KEY), &[])
}

#[test]
fn published_answers_come_out_of_one_part_and_of_many() {
    in_own_process("published_answers_come_out_of_one_part_and_of_many", || {
        let host = Host::new();
        let (aad, text, sealed) = (unhex(GCM_AAD), unhex(GCM_TEXT), unhex(GCM_CIPHERTEXT));
        let key = gcm_key(&host);
        assert_eq!(host.encrypt_init(CKM_AES_GCM, key), CKR_OK);
        assert_eq!(host.decrypt_init(CKM_AES_GCM, key), CKR_OK);
        let mut message = Gcm::with_iv(&unhex(GCM_IV));
        assert_eq!(host.encrypt(&message.params(), &aad, &text, 60), Ok(sealed.clone()));
        assert_eq!(message.tag, unhex(GCM_TAG));
        assert_eq!(host.decrypt(&message.params(), &aad, &sealed, 60), Ok(text.clone()));

        let mut parts = Gcm::with_iv(&unhex(GCM_IV));
        assert_eq!(host.begin(true, &parts.params(), &aad), CKR_OK);
        let mut joined = host.next(true, &parts.params(), &text[..13], 60, 0).unwrap();
        // A buffer that is too small, and a question about the length, leave the message as it is.
        let short = host.next(true, &parts.params(), &text[13..], 46, CKF_END_OF_MESSAGE);
        assert_eq!(short, Err(CKR_BUFFER_TOO_SMALL));
        joined.extend(host.next(true, &parts.params(), &text[13..], 47, CKF_END_OF_MESSAGE).unwrap());
        assert_eq!((joined, &parts.tag), (sealed.clone(), &unhex(GCM_TAG)));
        assert_eq!(host.begin(false, &parts.params(), &aad), CKR_OK);
        assert_eq!(host.next(false, &parts.params(), &sealed[..13], 60, 0), Ok(vec![]));
        let short = host.next(false, &parts.params(), &sealed[13..], 59, CKF_END_OF_MESSAGE);
        assert_eq!(short, Err(CKR_BUFFER_TOO_SMALL));
        let whole = host.next(false, &parts.params(), &sealed[13..], 60, CKF_END_OF_MESSAGE);
        assert_eq!(whole, Ok(text));
        for finish in [host.functions.C_MessageEncryptFinal, host.functions.C_MessageDecryptFinal] {
            // SAFETY: the function takes a session handle.
            unsafe {
                assert_eq!(finish.unwrap()(host.session), CKR_OK);
                assert_eq!(finish.unwrap()(host.session), CKR_OPERATION_NOT_INITIALIZED);
            }
        }
    });
}

#[test]
fn ccm_and_chacha20_poly1305_have_messages_too() {
    in_own_process("ccm_and_chacha20_poly1305_have_messages_too", || {
        let host = Host::new();
        // RFC 3610, packet vector 1.
        let key = host.secret(CKK_AES, &unhex("c0c1c2c3c4c5c6c7c8c9cacbcccdcecf"), &[]);
        let (mut nonce, mut mac) = (unhex("00000003020100a0a1a2a3a4a5"), [0; 8]);
        let (aad, text) =
            (unhex("0001020304050607"), unhex("08090a0b0c0d0e0f101112131415161718191a1b1c1d1e"));
        let mut params = CK_CCM_MESSAGE_PARAMS {
            ulDataLen: 23,
            pNonce: nonce.as_mut_ptr(),
            ulNonceLen: 13,
            ulNonceFixedBits: 0,
            nonceGenerator: CKG_NO_GENERATE,
            pMAC: mac.as_mut_ptr(),
            ulMACLen: 8,
        };
        assert_eq!(host.encrypt_init(CKM_AES_CCM, key), CKR_OK);
        assert_eq!(host.decrypt_init(CKM_AES_CCM, key), CKR_OK);
        let sealed = host.encrypt(&params, &aad, &text, 23).unwrap();
        assert_eq!(hex::encode(&sealed), "588c979a61c663d2f066d0c2c0f989806d5f6b61dac384");
        assert_eq!(hex::encode(mac), "17e8d12cfdf926e0");
        assert_eq!(host.decrypt(&params, &aad, &sealed, 23), Ok(text.clone()));
        let mut wrong = mac;
        wrong[7] ^= 1;
        params.pMAC = wrong.as_mut_ptr();
        assert_eq!(host.decrypt(&params, &aad, &sealed, 23), Err(CKR_AEAD_DECRYPT_FAILED));
        params.ulDataLen = 22;
        assert_eq!(host.encrypt(&params, &aad, &text, 23), Err(CKR_DATA_LEN_RANGE));
        (params.ulDataLen, params.nonceGenerator) = (23, CKG_GENERATE);
        assert!(host.encrypt(&params, &aad, &text, 23).is_ok());
        assert_ne!(nonce, unhex("00000003020100a0a1a2a3a4a5"));
        call!(host.functions, C_MessageEncryptFinal, host.session);
        call!(host.functions, C_MessageDecryptFinal, host.session);

        // RFC 8439 section 2.8.2.
        let key: Vec<u8> = (0x80..0xa0).collect();
        let key = host.secret(CKK_CHACHA20, &key, &[]);
        let (mut nonce, mut tag) = (unhex("070000004041424344454647"), [0; 16]);
        let aad = unhex("50515253c0c1c2c3c4c5c6c7");
        let text = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.";
        assert_eq!(host.encrypt_init(CKM_CHACHA20_POLY1305, key), CKR_OK);
        assert_eq!(host.decrypt_init(CKM_CHACHA20_POLY1305, key), CKR_OK);
        // The length of the nonce in bits, and in bytes.
        for ul_nonce_len in [96, 12] {
            let params = CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS {
                pNonce: nonce.as_mut_ptr(),
                ulNonceLen: ul_nonce_len,
                pTag: tag.as_mut_ptr(),
            };
            let sealed = host.encrypt(&params, &aad, text, 114).unwrap();
            assert_eq!(hex::encode(&sealed[..16]), "d31a8d34648e60db7b86afbc53ef7ec2");
            assert_eq!(hex::encode(tag), "1ae10b594f09e26a7e902ecbd0600691");
            assert_eq!(host.decrypt(&params, &aad, &sealed, 114), Ok(text.to_vec()));
            let wrong = host.decrypt(&params, &aad[1..], &sealed, 114);
            assert_eq!(wrong, Err(CKR_AEAD_DECRYPT_FAILED));
        }
    });
}

#[test]
fn nonces_of_the_token_are_written_back_and_do_not_come_twice() {
    in_own_process("nonces_of_the_token_are_written_back_and_do_not_come_twice", || {
        let host = Host::new();
        let key = gcm_key(&host);
        assert_eq!(host.encrypt_init(CKM_AES_GCM, key), CKR_OK);
        assert_eq!(host.decrypt_init(CKM_AES_GCM, key), CKR_OK);
        let mut seen = Vec::new();
        let generators = [CKG_GENERATE, CKG_GENERATE_RANDOM, CKG_GENERATE_COUNTER, CKG_GENERATE_COUNTER_XOR];
        for generator in generators.repeat(2) {
            let mut message = Gcm::generated(generator, 32);
            let sealed = host.encrypt(&message.params(), b"data", b"text", 4).unwrap();
            assert_eq!(message.iv[..4], [0xee; 4]);
            assert!(!seen.contains(&message.iv), "{generator}: {seen:?}");
            seen.push(message.iv.clone());
            message.generator = CKG_NO_GENERATE;
            assert_eq!(host.decrypt(&message.params(), b"data", &sealed, 4), Ok(b"text".to_vec()));
        }

        // A counter begins at zero and goes on: through a new Init, and through a change of the key.
        let key = gcm_key(&host);
        let counted = |expected: u8| {
            let mut message = Gcm::generated(CKG_GENERATE_COUNTER, 32);
            assert!(host.encrypt(&message.params(), b"", b"text", 4).is_ok());
            assert_eq!(message.iv, [0xee, 0xee, 0xee, 0xee, 0, 0, 0, 0, 0, 0, 0, expected]);
        };
        let again = || {
            call!(host.functions, C_MessageEncryptInit, host.session, ptr::null_mut(), 0);
            assert_eq!(host.encrypt_init(CKM_AES_GCM, key), CKR_OK);
        };
        again();
        counted(0);
        counted(1);
        again();
        counted(2);
        let mut label = attribute(CKA_LABEL, b"another");
        assert_eq!(call!(host.functions, C_SetAttributeValue, host.session, key, &mut *label, 1), CKR_OK);
        again();
        counted(3);

        // A question about the length takes no nonce, nor does a buffer that is too small.
        let mut message = Gcm::generated(CKG_GENERATE_COUNTER, 32);
        let short = host.encrypt(&message.params(), b"", b"text", 3);
        assert_eq!((short, message.iv), (Err(CKR_BUFFER_TOO_SMALL), vec![0xee; 12]));
        counted(4);

        // A token key outlives the process that counts.
        let token_key = host.secret(CKK_AES, &unhex(GCM_KEY), &[attribute(CKA_TOKEN, &[CK_TRUE])]);
        call!(host.functions, C_MessageEncryptFinal, host.session);
        assert_eq!(host.encrypt_init(CKM_AES_GCM, token_key), CKR_OK);
        for (generator, answer) in [
            (CKG_GENERATE, Ok(vec![])),
            (CKG_GENERATE_COUNTER, Err(CKR_MECHANISM_PARAM_INVALID)),
            (CKG_GENERATE_COUNTER_XOR, Err(CKR_MECHANISM_PARAM_INVALID)),
            (99, Err(CKR_MECHANISM_PARAM_INVALID)),
        ] {
            assert_eq!(host.encrypt(&Gcm::generated(generator, 0).params(), b"", b"", 1), answer);
        }
    });
}

/// Two messages under one key and one nonce give both plaintexts away, and the key that authenticates.
#[test]
fn a_copy_of_a_key_does_not_begin_its_nonces_anew() {
    in_own_process("a_copy_of_a_key_does_not_begin_its_nonces_anew", || {
        let host = Host::new();
        let nonce = |key| {
            assert_eq!(host.encrypt_init(CKM_AES_GCM, key), CKR_OK);
            let mut message = Gcm::generated(CKG_GENERATE_COUNTER, 32);
            let sealed = host.encrypt(&message.params(), b"", b"text", 4);
            assert_eq!(call!(host.functions, C_MessageEncryptFinal, host.session), CKR_OK);
            sealed.map(|_| message.iv[11])
        };
        let copy = |key, in_token: CK_BBOOL| {
            let (mut copy, in_token) = (0, [in_token]);
            let mut changed = attribute(CKA_TOKEN, &in_token);
            let made = call!(host.functions, C_CopyObject, host.session, key, &mut *changed, 1, &mut copy);
            assert_eq!(made, CKR_OK);
            copy
        };
        let key = gcm_key(&host);
        assert_eq!(nonce(key), Ok(0));
        let second = copy(key, CK_FALSE);
        assert_eq!((nonce(second), nonce(key), nonce(second)), (Ok(1), Ok(2), Ok(3)));
        // Every process may copy a token key.
        let in_token = copy(key, CK_TRUE);
        for copied in [copy(in_token, CK_FALSE), copy(copy(in_token, CK_FALSE), CK_FALSE)] {
            assert_eq!(nonce(copied), Err(CKR_MECHANISM_PARAM_INVALID));
        }
    });
}

#[test]
fn an_error_ends_a_message_and_no_process() {
    in_own_process("an_error_ends_a_message_and_no_process", || {
        let host = Host::new();
        let key = gcm_key(&host);
        let mut message = Gcm::with_iv(&[1; 12]);
        let before = host.encrypt(&message.params(), b"", b"text", 4);
        assert_eq!(before, Err(CKR_OPERATION_NOT_INITIALIZED));
        assert_eq!(host.encrypt_init(CKM_AES_GCM, key), CKR_OK);
        assert_eq!(host.encrypt_init(CKM_AES_GCM, key), CKR_OPERATION_ACTIVE);
        assert_eq!(host.decrypt_init(CKM_AES_GCM, key), CKR_OK);
        let sealed = host.encrypt(&message.params(), b"", b"text", 4).unwrap();
        let mut forged = message.clone();
        forged.tag[0] ^= 1;
        let mut output = [9; 4];
        let params = forged.params();
        let param = passed(&params);
        let mut out_len = 4;
        let rv = call!(
            host.functions,
            C_DecryptMessage,
            host.session,
            param.start,
            param.size,
            ptr::null_mut(),
            0,
            place(&sealed),
            4,
            output.as_mut_ptr(),
            &mut out_len
        );
        assert_eq!(rv, CKR_AEAD_DECRYPT_FAILED);
        assert_ne!(&output, b"text");
        // In parts, nothing comes out before the end, where the tag is wrong.
        assert_eq!(host.begin(false, &forged.params(), b""), CKR_OK);
        assert_eq!(host.next(false, &forged.params(), &sealed, 4, 0), Ok(vec![]));
        let end = host.next(false, &forged.params(), b"", 4, CKF_END_OF_MESSAGE);
        assert_eq!(end, Err(CKR_AEAD_DECRYPT_FAILED));
        let over = host.next(false, &message.params(), b"", 4, CKF_END_OF_MESSAGE);
        assert_eq!(over, Err(CKR_OPERATION_NOT_INITIALIZED));
        // The process has not ended.
        assert_eq!(host.decrypt(&message.params(), b"", &sealed, 4), Ok(b"text".to_vec()));

        // Neither another message nor the end of the process fits into a message in parts.
        assert_eq!(host.begin(true, &message.params(), b""), CKR_OK);
        assert_eq!(host.begin(true, &message.params(), b""), CKR_OPERATION_ACTIVE);
        let inside = host.encrypt(&message.params(), b"", b"text", 4);
        assert_eq!(inside, Err(CKR_OPERATION_ACTIVE));
        let inside = call!(host.functions, C_MessageEncryptFinal, host.session);
        assert_eq!(inside, CKR_OPERATION_ACTIVE);
        // Flags and parameters that nobody knows end the message.
        let flags = host.next(true, &message.params(), b"text", 4, 2);
        assert_eq!(flags, Err(CKR_ARGUMENTS_BAD));
        assert_eq!(call!(host.functions, C_MessageEncryptFinal, host.session), CKR_OK);

        let mut saved = 0;
        let busy = call!(host.functions, C_GetOperationState, host.session, ptr::null_mut(), &mut saved);
        assert_eq!(busy, CKR_STATE_UNSAVEABLE);
        assert_eq!(call!(host.functions, C_SessionCancel, host.session, CKF_MESSAGE_DECRYPT), CKR_OK);
        let cancelled = host.decrypt(&message.params(), b"", &sealed, 4);
        assert_eq!(cancelled, Err(CKR_OPERATION_NOT_INITIALIZED));
        // A logout ends a process with a private key.
        assert_eq!(host.decrypt_init(CKM_AES_GCM, key), CKR_OK);
        assert_eq!(call!(host.functions, C_Logout, host.session), CKR_OK);
        let logged_out = host.decrypt(&message.params(), b"", &sealed, 4);
        assert_eq!(logged_out, Err(CKR_OPERATION_NOT_INITIALIZED));
    });
}

#[test]
fn parameters_and_mechanisms_without_messages_are_refused() {
    in_own_process("parameters_and_mechanisms_without_messages_are_refused", || {
        let host = Host::new();
        let key = gcm_key(&host);
        for id in [CKM_AES_CBC, CKM_AES_CTR, CKM_SHA256, 0x7fff_ffff] {
            assert_eq!(host.encrypt_init(id, key), CKR_MECHANISM_INVALID, "{id:#x}");
            assert_eq!(host.decrypt_init(id, key), CKR_MECHANISM_INVALID, "{id:#x}");
        }
        // A nonce in the Init would be that of every message: GMAC signs one message at a time.
        let mut iv = [0; 12];
        let params = CK_GCM_PARAMS {
            pIv: iv.as_mut_ptr(),
            ulIvLen: 12,
            ulIvBits: 96,
            pAAD: ptr::null_mut(),
            ulAADLen: 0,
            ulTagBits: 128,
        };
        let mut gmac = mechanism_with(CKM_AES_GMAC, &params);
        let refused = call!(host.functions, C_MessageSignInit, host.session, &mut *gmac, key);
        assert_eq!(refused, CKR_MECHANISM_INVALID);
        let mut gcm = mechanism_with(CKM_AES_GCM, &params);
        gcm.ulParameterLen = 3;
        let refused = call!(host.functions, C_MessageEncryptInit, host.session, &mut *gcm, key);
        assert_eq!(refused, CKR_MECHANISM_PARAM_INVALID);

        // The parameter of a message may stand in the Init, as in the standard's example.
        let mut message = Gcm::with_iv(&[1; 12]);
        let params = message.params();
        let mut gcm = mechanism_with(CKM_AES_GCM, &params);
        assert_eq!(call!(host.functions, C_MessageEncryptInit, host.session, &mut *gcm, key), CKR_OK);
        let invalid = Err(CKR_MECHANISM_PARAM_INVALID);
        assert_eq!(host.encrypt(&[0u8; 47], b"", b"", 1), invalid);
        for (tag_bits, iv_len) in [(128, 0), (127, 12), (136, 12), (0, 12), (u64::MAX, 12)] {
            let params = CK_GCM_MESSAGE_PARAMS { ulTagBits: tag_bits, ulIvLen: iv_len, ..message.params() };
            assert_eq!(host.encrypt(&params, b"", b"", 1), invalid, "{tag_bits} {iv_len}");
        }
        for params in [
            CK_GCM_MESSAGE_PARAMS { pTag: ptr::null_mut(), ..message.params() },
            CK_GCM_MESSAGE_PARAMS { pIv: ptr::null_mut(), ..message.params() },
        ] {
            assert_eq!(host.encrypt(&params, b"", b"", 1), invalid);
        }
    });
}

#[test]
fn signed_messages_are_those_of_the_plain_functions() {
    in_own_process("signed_messages_are_those_of_the_plain_functions", || {
        let host = Host::new();
        let p256 = unhex("06082a8648ce3d030107");
        let ed25519 = unhex("06032b6570");
        let rsa = host.pair(CKM_RSA_PKCS_KEY_PAIR_GEN, &[attribute(CKA_MODULUS_BITS, &[1024u64])], &[]);
        let ec = host.pair(CKM_EC_KEY_PAIR_GEN, &[attribute(CKA_EC_PARAMS, &p256)], &[]);
        let ed = host.pair(CKM_EC_EDWARDS_KEY_PAIR_GEN, &[attribute(CKA_EC_PARAMS, &ed25519)], &[]);
        // RFC 4231 test case 2.
        let hmac = host.secret(CKK_GENERIC_SECRET, b"Jefe", &[]);
        let known = unhex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        let data = b"what do ya want for nothing?";
        for (id, (public, private)) in [
            (CKM_SHA256_HMAC, (hmac, hmac)),
            (CKM_SHA256_RSA_PKCS, rsa),
            // In one part only for C_SignUpdate; messages come in parts all the same.
            (CKM_RSA_PKCS, rsa),
            (CKM_ECDSA_SHA256, ec),
            (CKM_ECDSA, ec),
            (CKM_EDDSA, ed),
        ] {
            let sign = |key| call!(host.functions, C_MessageSignInit, host.session, &mut mechanism(id), key);
            let check =
                |key| call!(host.functions, C_MessageVerifyInit, host.session, &mut mechanism(id), key);
            assert_eq!((sign(private), check(public)), (CKR_OK, CKR_OK), "{id:#x}");
            let whole = host.sign(data).unwrap();
            if id == CKM_SHA256_HMAC {
                assert_eq!(whole, known);
            }
            let none: CK_BYTE_PTR = ptr::null_mut();
            let param = ptr::null_mut();
            let (first, second) = data.split_at(5);
            assert_eq!(call!(host.functions, C_SignMessageBegin, host.session, param, 0), CKR_OK);
            assert_eq!(host.sign(data), Err(CKR_OPERATION_ACTIVE));
            let functions = host.functions;
            let next = |part: &[u8], out, out_len| {
                call!(
                    functions,
                    C_SignMessageNext,
                    host.session,
                    param,
                    0,
                    place(part),
                    len(part),
                    out,
                    out_len
                )
            };
            assert_eq!(next(first, none, ptr::null_mut()), CKR_OK);
            let mut asked = 0;
            assert_eq!(next(second, none, &mut asked), CKR_OK);
            assert_eq!(asked as usize, whole.len());
            let parts = output(512, |out, out_len| next(second, out, out_len)).unwrap();
            assert_eq!(next(second, none, &mut asked), CKR_OPERATION_NOT_INITIALIZED);

            for signature in [whole, parts] {
                assert_eq!(host.verify(data, &signature), CKR_OK);
                assert_eq!(host.verify(first, &signature), CKR_SIGNATURE_INVALID);
                assert_eq!(host.verify(data, &signature[1..]), CKR_SIGNATURE_LEN_RANGE);
                // The process has not ended; in parts, and with the plain function, the same comes out.
                for (last, answer) in [(second, CKR_OK), (first, CKR_SIGNATURE_INVALID)] {
                    let begun = call!(host.functions, C_VerifyMessageBegin, host.session, param, 0);
                    assert_eq!(begun, CKR_OK);
                    let next = |part: &[u8], signature, signature_len| {
                        let (part, part_len) = (place(part), len(part));
                        call!(
                            functions,
                            C_VerifyMessageNext,
                            host.session,
                            param,
                            0,
                            part,
                            part_len,
                            signature,
                            signature_len
                        )
                    };
                    assert_eq!(next(first, none, 0), CKR_OK);
                    assert_eq!(next(last, place(&signature), len(&signature)), answer);
                }
                let plain = call!(host.functions, C_VerifyInit, host.session, &mut mechanism(id), public);
                assert_eq!(plain, CKR_OK);
                let (text, signature) = ((place(data), len(data)), (place(&signature), len(&signature)));
                let plain =
                    call!(functions, C_Verify, host.session, text.0, text.1, signature.0, signature.1);
                assert_eq!(plain, CKR_OK);
            }
            let refused = call!(host.functions, C_SignMessageBegin, host.session, param, 1);
            assert_eq!(refused, CKR_MECHANISM_PARAM_INVALID);
            assert_eq!(call!(host.functions, C_MessageSignFinal, host.session), CKR_OK);
            assert_eq!(call!(host.functions, C_MessageVerifyFinal, host.session), CKR_OK);
        }
    });
}

#[test]
fn a_key_that_always_wants_a_login_wants_one_before_each_message() {
    in_own_process("a_key_that_always_wants_a_login_wants_one_before_each_message", || {
        let host = Host::new();
        let p256 = unhex("06082a8648ce3d030107");
        let always = [attribute(CKA_ALWAYS_AUTHENTICATE, &[CK_TRUE])];
        let (_, key) = host.pair(CKM_EC_KEY_PAIR_GEN, &[attribute(CKA_EC_PARAMS, &p256)], &always);
        let mut ecdsa = mechanism(CKM_ECDSA_SHA256);
        let login = || {
            let (pin, pin_len) = (place(USER_PIN), len(USER_PIN));
            call!(host.functions, C_Login, host.session, CKU_CONTEXT_SPECIFIC, pin, pin_len)
        };
        assert_eq!(call!(host.functions, C_MessageSignInit, host.session, &mut ecdsa, key), CKR_OK);
        assert_eq!(host.sign(b"data"), Err(CKR_USER_NOT_LOGGED_IN));
        for _ in 0..2 {
            assert_eq!(login(), CKR_OK);
            assert!(host.sign(b"data").is_ok());
            assert_eq!(host.sign(b"data"), Err(CKR_USER_NOT_LOGGED_IN));
        }
        let begin = || call!(host.functions, C_SignMessageBegin, host.session, ptr::null_mut(), 0);
        assert_eq!(begin(), CKR_USER_NOT_LOGGED_IN);
        assert_eq!((login(), begin()), (CKR_OK, CKR_OK));
    });
}
