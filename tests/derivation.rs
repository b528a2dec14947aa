//! Key derivation through the C functions: keys that the parameter names, several keys at once, and what is written back.

mod interface;

use std::ptr;

use coffer_pkcs11::ck::*;
use interface::*;

/// A logged-in session with a token of its own.
struct Host {
    functions: &'static CK_FUNCTION_LIST_3_2,
    session: CK_SESSION_HANDLE,
}

fn with_host(name: &str, check: impl FnOnce(&Host)) {
    in_own_process(name, || {
        let (functions, session) = logged_in();
        check(&Host { functions, session });
        finalize(functions);
    });
}

const READABLE: [(CK_ATTRIBUTE_TYPE, bool); 3] =
    [(CKA_SENSITIVE, false), (CKA_EXTRACTABLE, true), (CKA_DERIVE, true)];
const HIDDEN: [(CK_ATTRIBUTE_TYPE, bool); 3] =
    [(CKA_SENSITIVE, true), (CKA_EXTRACTABLE, false), (CKA_DERIVE, true)];

impl Host {
    fn create(
        &self,
        key_type: CK_KEY_TYPE,
        value: &[u8],
        uses: &[(CK_ATTRIBUTE_TYPE, bool)],
    ) -> CK_OBJECT_HANDLE {
        let flags: Vec<_> = uses.iter().map(|(id, truth)| (*id, [u8::from(*truth)])).collect();
        let (class, key_type) = ([CKO_SECRET_KEY], [key_type]);
        let mut template = vec![
            attribute(CKA_CLASS, &class),
            attribute(CKA_KEY_TYPE, &key_type),
            attribute(CKA_VALUE, value),
        ];
        template.extend(flags.iter().map(|(id, flag)| attribute(*id, flag)));
        let (mut key, count) = (0, template.len() as CK_ULONG);
        let made = call!(
            self.functions,
            C_CreateObject,
            self.session,
            template.as_mut_ptr().cast(),
            count,
            &mut key
        );
        assert_eq!(made, CKR_OK);
        key
    }

    fn secret(&self, value: &[u8]) -> CK_OBJECT_HANDLE {
        self.create(CKK_GENERIC_SECRET, value, &READABLE)
    }

    /// A readable key of this type and length, or the code that says why not.
    fn derive(
        &self,
        mechanism: &mut CK_MECHANISM,
        base: CK_OBJECT_HANDLE,
        template: &mut [Attribute],
    ) -> Result<CK_OBJECT_HANDLE, CK_RV> {
        let (mut key, count) = (0, template.len() as CK_ULONG);
        match call!(
            self.functions,
            C_DeriveKey,
            self.session,
            mechanism,
            base,
            template.as_mut_ptr().cast(),
            count,
            &mut key
        ) {
            CKR_OK => Ok(key),
            refused => Err(refused),
        }
    }

    fn value(&self, key: CK_OBJECT_HANDLE) -> Result<String, CK_RV> {
        let mut value = [0u8; 1024];
        let mut asked = asked(CKA_VALUE, &mut value);
        match call!(self.functions, C_GetAttributeValue, self.session, key, &mut *asked, 1) {
            CKR_OK => {
                let length = asked.ulValueLen as usize;
                Ok(hex::encode(&value[..length]))
            }
            refused => Err(refused),
        }
    }

    fn flags(&self, key: CK_OBJECT_HANDLE) -> [bool; 4] {
        [CKA_SENSITIVE, CKA_EXTRACTABLE, CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE].map(|id| {
            let mut flag = [0u8];
            let mut asked = asked(id, &mut flag);
            let read = call!(self.functions, C_GetAttributeValue, self.session, key, &mut *asked, 1);
            assert_eq!(read, CKR_OK);
            flag == [1]
        })
    }

    fn count(&self) -> usize {
        let functions = self.functions;
        assert_eq!(call!(functions, C_FindObjectsInit, self.session, ptr::null_mut(), 0), CKR_OK);
        let (mut found, mut count) = ([0; 64], 0);
        assert_eq!(call!(functions, C_FindObjects, self.session, found.as_mut_ptr(), 64, &mut count), CKR_OK);
        assert_eq!(call!(functions, C_FindObjectsFinal, self.session), CKR_OK);
        count as usize
    }
}

fn hkdf(salt: CK_OBJECT_HANDLE, info: &mut [u8]) -> CK_HKDF_PARAMS {
    CK_HKDF_PARAMS {
        bExtract: CK_TRUE,
        bExpand: CK_TRUE,
        prfHashMechanism: CKM_SHA256,
        ulSaltType: CKF_HKDF_SALT_KEY,
        pSalt: ptr::null_mut(),
        ulSaltLen: 0,
        hSaltKey: salt,
        pInfo: info.as_mut_ptr(),
        ulInfoLen: info.len() as CK_ULONG,
    }
}

/// RFC 5869 appendix A.1, its salt in a key.
#[test]
fn a_salt_key_must_be_permitted_like_the_base_key() {
    with_host("a_salt_key_must_be_permitted_like_the_base_key", |host| {
        let salt_value: Vec<u8> = (0..13).collect();
        let mut info: Vec<u8> = (0xf0..0xfa).collect();
        let base = host.create(CKK_HKDF, &[0x0b; 22], &READABLE);
        let salt = host.create(CKK_HKDF, &salt_value, &READABLE);
        let length = [42 as CK_ULONG];
        let params = hkdf(salt, &mut info);
        let mut template = [attribute(CKA_VALUE_LEN, &length)];
        let key = host.derive(&mut mechanism_with(CKM_HKDF_DERIVE, &params), base, &mut template).unwrap();
        let wanted = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865";
        assert_eq!(host.value(key).as_deref(), Ok(wanted));

        let class = [CKO_DATA];
        let mut template = [attribute(CKA_CLASS, &class), attribute(CKA_VALUE_LEN, &length)];
        let data = host.derive(&mut mechanism_with(CKM_HKDF_DATA, &params), base, &mut template).unwrap();
        assert_eq!(host.value(data).as_deref(), Ok(wanted));
        let key = host.derive(&mut mechanism_with(CKM_HKDF_DERIVE, &params), base, &mut template);
        assert_eq!(key, Err(CKR_TEMPLATE_INCONSISTENT));

        let mut template = [attribute(CKA_VALUE_LEN, &length)];
        let before = host.count();
        let no_derive = host.create(CKK_HKDF, &salt_value, &[(CKA_DERIVE, false)]);
        let aes = host.create(CKK_AES, &[1; 16], &READABLE);
        for (salt, refused) in [
            (no_derive, CKR_KEY_FUNCTION_NOT_PERMITTED),
            (aes, CKR_KEY_TYPE_INCONSISTENT),
            (4711, CKR_KEY_HANDLE_INVALID),
        ] {
            let params = hkdf(salt, &mut info);
            let key = host.derive(&mut mechanism_with(CKM_HKDF_DERIVE, &params), base, &mut template);
            assert_eq!(key, Err(refused));
            let key = host.derive(&mut mechanism_with(CKM_HKDF_DERIVE, &params), salt, &mut template);
            assert_eq!(key, Err(refused));
        }
        assert_eq!(host.count(), before + 2);
    });
}

#[test]
fn a_concatenation_is_as_hidden_as_the_more_hidden_key() {
    with_host("a_concatenation_is_as_hidden_as_the_more_hidden_key", |host| {
        let open = host.secret(&[1; 16]);
        let hidden = host.create(CKK_GENERIC_SECRET, &[2; 16], &HIDDEN);
        let join = |base, other: CK_OBJECT_HANDLE, template: &mut [Attribute]| {
            host.derive(&mut mechanism_with(CKM_CONCATENATE_BASE_AND_KEY, &other), base, template)
        };
        let both = join(open, open, &mut []).unwrap();
        assert_eq!(host.value(both), Ok("01".repeat(32)));
        for (base, other) in [(open, hidden), (hidden, open)] {
            let key = join(base, other, &mut []).unwrap();
            assert_eq!(host.flags(key), [true, false, false, false]);
            assert_eq!(host.value(key), Err(CKR_ATTRIBUTE_SENSITIVE));
            let visible = [CK_TRUE];
            let asked = join(base, other, &mut [attribute(CKA_EXTRACTABLE, &visible)]);
            assert_eq!(asked, Err(CKR_TEMPLATE_INCONSISTENT));
        }
        let data = [0u8; 1];
        let string = CK_KEY_DERIVATION_STRING_DATA { pData: data.as_ptr().cast_mut(), ulLen: 1 };
        let one = host.derive(&mut mechanism_with(CKM_XOR_BASE_AND_DATA, &string), hidden, &mut []);
        assert_eq!(one, Err(CKR_KEY_SIZE_RANGE));
    });
}

/// NIST CAVP, counter of 8 bits behind the fixed data.
#[test]
fn additional_keys_are_made_all_or_none() {
    with_host("additional_keys_are_made_all_or_none", |host| {
        let base_value = hex::decode("23eb065be127a881e35a6514d435679f").unwrap();
        let base = host.create(CKK_AES, &base_value, &READABLE);
        let fixed = hex::decode(
            "e679861a613465a67385372671b107e6b895a2f64043c934ff4256a7e63cfb8bfacc2124251c90fa670d45745c1c35da9b6e05af77ea\
             9c4ad486fd1a",
        );
        let mut fixed = fixed.unwrap();
        let mut counter = CK_SP800_108_COUNTER_FORMAT { bLittleEndian: CK_FALSE, ulWidthInBits: 8 };
        let mut data = [
            CK_PRF_DATA_PARAM {
                type_: CK_SP800_108_BYTE_ARRAY,
                pValue: fixed.as_mut_ptr().cast(),
                ulValueLen: fixed.len() as CK_ULONG,
            },
            CK_PRF_DATA_PARAM {
                type_: CK_SP800_108_ITERATION_VARIABLE,
                pValue: ptr::from_mut(&mut counter).cast(),
                ulValueLen: size_of_val(&counter) as CK_ULONG,
            },
        ];
        let (aes, label, length) = ([CKK_AES], b"second", [16 as CK_ULONG]);
        let data_place = data.as_mut_ptr();
        let derive = |second_length: CK_ULONG, place: *mut CK_OBJECT_HANDLE| {
            let second_length = [second_length];
            let mut second = [
                attribute(CKA_KEY_TYPE, &aes),
                attribute(CKA_VALUE_LEN, &second_length),
                attribute(CKA_LABEL, label),
                attribute(CKA_TOKEN, &[CK_TRUE]),
            ];
            let mut additional = [CK_DERIVED_KEY {
                pTemplate: second.as_mut_ptr().cast(),
                ulAttributeCount: second.len() as CK_ULONG,
                phKey: place,
            }];
            let params = CK_SP800_108_KDF_PARAMS {
                prfType: CKM_AES_CMAC,
                ulNumberOfDataParams: 2,
                pDataParams: data_place,
                ulAdditionalDerivedKeys: 1,
                pAdditionalDerivedKeys: additional.as_mut_ptr(),
            };
            let mut first = [attribute(CKA_VALUE_LEN, &length)];
            host.derive(&mut mechanism_with(CKM_SP800_108_COUNTER_KDF, &params), base, &mut first)
        };
        let mut handle = 4711;
        let key = derive(16, &mut handle).unwrap();
        assert_eq!(host.value(key).as_deref(), Ok("ea4ebbb4efff4b01684012ed8ff9c64e"));
        assert_eq!(host.value(handle).as_deref(), Ok("70ae38197c36445a6c804a0e44819ac3"));

        // Where the second key cannot be, the first is not made either.
        let before = host.count();
        assert_eq!(derive(17, &mut handle), Err(CKR_TEMPLATE_INCONSISTENT));
        assert_eq!(derive(16, ptr::null_mut()), Err(CKR_MECHANISM_PARAM_INVALID));
        assert_eq!(host.count(), before);
    });
}

/// NIST CAVP, component test of SP 800-135, TLS 1.2 with SHA-256.
#[test]
fn the_keys_of_tls_come_back_through_the_parameter() {
    with_host("the_keys_of_tls_come_back_through_the_parameter", |host| {
        let unhex = |text| hex::decode(text).unwrap();
        let random = |client: &mut Vec<u8>, server: &mut Vec<u8>| CK_SSL3_RANDOM_DATA {
            pClientRandom: client.as_mut_ptr(),
            ulClientRandomLen: client.len() as CK_ULONG,
            pServerRandom: server.as_mut_ptr(),
            ulServerRandomLen: server.len() as CK_ULONG,
        };
        let pre_master = host.secret(&unhex(
            "f8938ecc9edebc5030c0c6a441e213cd24e6f770a50dda07876f8d55da062bcadb386b411fd4fe4313a604fce6c17fbc",
        ));
        let mut client = unhex("36c129d01a3200894b9179faac589d9835d58775f9b5ea3587cb8fd0364cae8c");
        let mut server = unhex("f6c9575ed7ddd73e1f7d16eca115415812a43c2b747daaaae043abfb50053fce");
        let mut version = CK_VERSION { major: 0, minor: 0 };
        let params = CK_TLS12_MASTER_KEY_DERIVE_PARAMS {
            RandomInfo: random(&mut client, &mut server),
            pVersion: &mut version,
            prfHashMechanism: CKM_SHA256,
        };
        let dh =
            host.derive(&mut mechanism_with(CKM_TLS12_MASTER_KEY_DERIVE_DH, &params), pre_master, &mut []);
        assert_eq!((dh, version.major), (Err(CKR_MECHANISM_PARAM_INVALID), 0));
        let mut derive = mechanism_with(CKM_TLS12_MASTER_KEY_DERIVE, &params);
        let master = host.derive(&mut derive, pre_master, &mut []).unwrap();
        let wanted = "202c88c00f84a17a20027079604787461176455539e705be730890602c289a5001e34eeb3a043e5d52a65e66125188bf";
        assert_eq!(host.value(master).as_deref(), Ok(wanted));
        assert_eq!((version.major, version.minor), (0xf8, 0x93));
        // Such a key serves TLS alone (section 6.40).
        let bit = 0 as CK_ULONG;
        let length = [16 as CK_ULONG];
        let mut extract = mechanism_with(CKM_EXTRACT_KEY_FROM_KEY, &bit);
        let part = host.derive(&mut extract, master, &mut [attribute(CKA_VALUE_LEN, &length)]);
        assert_eq!(part, Err(CKR_MECHANISM_INVALID));

        let mut client = unhex("62e1fd91f23f558a605f28478c58cf72637b89784d959df7e946d3f07bd1b616");
        let mut server = unhex("ae6c806f8ad4d80784549dff28a4b58fd837681a51d928c3e30ee5ff14f39868");
        let mut ivs = [[0u8; 16]; 2];
        let mut material = CK_SSL3_KEY_MAT_OUT {
            hClientMacSecret: 7,
            hServerMacSecret: 7,
            hClientKey: 7,
            hServerKey: 7,
            pIVClient: ivs[0].as_mut_ptr(),
            pIVServer: ivs[1].as_mut_ptr(),
        };
        let mut params = CK_TLS12_KEY_MAT_PARAMS {
            ulMacSizeInBits: 256,
            ulKeySizeInBits: 128,
            ulIVSizeInBits: 128,
            bIsExport: CK_FALSE,
            RandomInfo: random(&mut client, &mut server),
            pReturnedKeyMaterial: &mut material,
            prfHashMechanism: CKM_SHA256,
        };
        let aes = [CKK_AES];
        let mut template = [attribute(CKA_KEY_TYPE, &aes)];
        let derive = |id, params: &CK_TLS12_KEY_MAT_PARAMS, template: &mut [Attribute]| {
            let count = template.len() as CK_ULONG;
            let (template, key) = (template.as_mut_ptr(), ptr::null_mut());
            call!(
                host.functions,
                C_DeriveKey,
                host.session,
                &mut *mechanism_with(id, params),
                master,
                template.cast(),
                count,
                key
            )
        };
        assert_eq!(derive(CKM_TLS12_KEY_AND_MAC_DERIVE, &params, &mut template), CKR_OK);
        let keys =
            [material.hClientMacSecret, material.hServerMacSecret, material.hClientKey, material.hServerKey];
        let values = keys.map(|key| host.value(key).unwrap()).concat();
        let block = [values, ivs.map(hex::encode).concat()].concat();
        assert_eq!(
            block,
            "d06139889fffac1e3a71865f504aa5d0d2a2e89506c6f2279b670c3e1b74f531016a2530c51a3a0f7e1d6590d0f0566b2f387f8d\
             11fd4f731cdd572d2eae927f6f2f81410b25e6960be68985add6c38445ad9f8c64bf8068bf9a6679485d966f1ad6f68b43495b10\
             a683755ea2b858d70ccac7ec8b053c6bd41ca299d4e51928"
        );

        // Without MACs and IVs: their handles tell so, and the IVs stay as they are.
        params.ulMacSizeInBits = 0;
        let iv = ivs[0];
        assert_eq!(derive(CKM_TLS12_KEY_SAFE_DERIVE, &params, &mut template), CKR_OK);
        assert_eq!(
            (material.hClientMacSecret, material.hServerMacSecret),
            (CK_INVALID_HANDLE, CK_INVALID_HANDLE)
        );
        assert_eq!(ivs[0], iv);

        // Nothing is made, and nothing written, where one thing is wrong.
        let before = (host.count(), material.hClientKey);
        let sensitive = [CK_TRUE];
        let mut other = [template[0], attribute(CKA_SENSITIVE, &sensitive)];
        assert_eq!(derive(CKM_TLS12_KEY_AND_MAC_DERIVE, &params, &mut other), CKR_TEMPLATE_INCONSISTENT);
        params.bIsExport = CK_TRUE;
        assert_eq!(derive(CKM_TLS12_KEY_AND_MAC_DERIVE, &params, &mut template), CKR_MECHANISM_PARAM_INVALID);
        params.bIsExport = CK_FALSE;
        material.pIVServer = ptr::null_mut();
        assert_eq!(derive(CKM_TLS12_KEY_AND_MAC_DERIVE, &params, &mut template), CKR_MECHANISM_PARAM_INVALID);
        params.pReturnedKeyMaterial = ptr::null_mut();
        assert_eq!(derive(CKM_TLS12_KEY_AND_MAC_DERIVE, &params, &mut template), CKR_MECHANISM_PARAM_INVALID);
        assert_eq!((host.count(), material.hClientKey), before);
    });
}

/// The value was computed with the HMAC of Python.
#[test]
fn the_output_of_the_tls_prf_needs_no_key() {
    with_host("the_output_of_the_tls_prf_needs_no_key", |host| {
        let master = hex::decode(
            "202c88c00f84a17a20027079604787461176455539e705be730890602c289a5001e34eeb3a043e5d52a65e66125188bf",
        );
        let base = host.secret(&master.unwrap());
        let (seed, label) = ([[1u8; 32], [2; 32]].concat(), b"client EAP encryption");
        let (mut output, mut length) = ([0u8; 40], 32);
        let params = CK_TLS_PRF_PARAMS {
            pSeed: seed.as_ptr().cast_mut(),
            ulSeedLen: 64,
            pLabel: label.as_ptr().cast_mut(),
            ulLabelLen: label.len() as CK_ULONG,
            pOutput: output.as_mut_ptr(),
            pulOutputLen: &mut length,
        };
        let mut prf = mechanism_with(CKM_TLS_PRF, &params);
        let null = ptr::null_mut();
        let made =
            call!(host.functions, C_DeriveKey, host.session, &mut *prf, base, ptr::null_mut(), 0, null);
        assert_eq!((made, length), (CKR_OK, 32));
        let wanted = "d58aa8d6d17c919dc038e768bd102a2854de7381179a0386028c76b3e4a0a0d50000000000000000";
        assert_eq!(hex::encode(output), wanted);
    });
}

/// A published value of the PKCS #12 method, and RFC 6070.
#[test]
fn keys_of_passwords_come_with_their_iv_and_in_both_forms_of_the_parameter() {
    with_host("keys_of_passwords_come_with_their_iv_and_in_both_forms_of_the_parameter", |host| {
        let generate = |mechanism: &mut CK_MECHANISM, template: &mut [Attribute]| {
            let (mut key, count) = (0, template.len() as CK_ULONG);
            let template = template.as_mut_ptr();
            match call!(
                host.functions,
                C_GenerateKey,
                host.session,
                mechanism,
                template.cast(),
                count,
                &mut key
            ) {
                CKR_OK => Ok(key),
                refused => Err(refused),
            }
        };
        let visible = [CK_TRUE];
        let password: Vec<u8> = "smeg\0".encode_utf16().flat_map(u16::to_be_bytes).collect();
        let (mut salt, mut iv) = (hex::decode("0a58cf64530d823f").unwrap(), [0u8; 8]);
        let mut params = CK_PBE_PARAMS {
            pInitVector: iv.as_mut_ptr(),
            pPassword: password.as_ptr().cast_mut(),
            ulPasswordLen: password.len() as CK_ULONG,
            pSalt: salt.as_mut_ptr(),
            ulSaltLen: salt.len() as CK_ULONG,
            ulIteration: 1,
        };
        let mut template = [attribute(CKA_EXTRACTABLE, &visible)];
        let key = generate(&mut mechanism_with(CKM_PBE_SHA1_DES3_EDE_CBC, &params), &mut template).unwrap();
        assert_eq!(host.value(key).as_deref(), Ok("8aabe6297a6db04643ab5b077951294fb6138f1a2a7fbca2"));
        assert_eq!(hex::encode(iv), "79993dfe048d3b76");
        params.pInitVector = ptr::null_mut();
        let none = generate(&mut mechanism_with(CKM_PBE_SHA1_DES2_EDE_CBC, &params), &mut template);
        assert_eq!(none, Err(CKR_MECHANISM_PARAM_INVALID));
        let mac = generate(&mut mechanism_with(CKM_PBA_SHA1_WITH_SHA1_HMAC, &params), &mut template).unwrap();
        assert_eq!(host.value(mac).unwrap().len(), 40);
        params.ulIteration = 1 << 40;
        let endless = generate(&mut mechanism_with(CKM_PBA_SHA1_WITH_SHA1_HMAC, &params), &mut template);
        assert_eq!(endless, Err(CKR_MECHANISM_PARAM_INVALID));

        let (class, length) = ([CKO_SECRET_KEY], [20 as CK_ULONG]);
        let key_type = [CKK_GENERIC_SECRET];
        let mut template = [
            attribute(CKA_CLASS, &class),
            attribute(CKA_KEY_TYPE, &key_type),
            attribute(CKA_VALUE_LEN, &length),
            attribute(CKA_EXTRACTABLE, &visible),
        ];
        let mut told = 8;
        let params = |length: CK_ULONG| CK_PKCS5_PBKD2_PARAMS2 {
            saltSource: CKZ_SALT_SPECIFIED,
            pSaltSourceData: b"salt".as_ptr().cast_mut().cast(),
            ulSaltSourceDataLen: 4,
            iterations: 2,
            prf: CKP_PKCS5_PBKD2_HMAC_SHA1,
            pPrfData: ptr::null_mut(),
            ulPrfDataLen: 0,
            pPassword: b"password".as_ptr().cast_mut(),
            ulPasswordLen: length,
        };
        // In the older form the length is a pointer to the length.
        for length in [8, ptr::from_mut::<CK_ULONG>(&mut told).expose_provenance() as CK_ULONG] {
            let key = generate(&mut mechanism_with(CKM_PKCS5_PBKD2, &params(length)), &mut template).unwrap();
            assert_eq!(host.value(key).as_deref(), Ok("ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957"));
        }
        for length in [1 << 20, 1 << 40, 1 << 62, CK_ULONG::MAX] {
            let wrong = generate(&mut mechanism_with(CKM_PKCS5_PBKD2, &params(length)), &mut template);
            assert_eq!(wrong, Err(CKR_MECHANISM_PARAM_INVALID), "{length:#x}");
        }
        let untyped = generate(&mut mechanism_with(CKM_PKCS5_PBKD2, &params(8)), &mut template[2..]);
        assert_eq!(untyped, Err(CKR_TEMPLATE_INCOMPLETE));
    });
}
