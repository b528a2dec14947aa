//! The attacks that a `compatible` token permits because applications need the uses behind them, on a `strict` one
//! (docs/policy.md). The tests beside this file show what is possible without it.

use coffer_pkcs11::ck::*;
use coffer_pkcs11::error::Error;
use coffer_pkcs11::mechanism::Params;
use coffer_pkcs11::object::Value;
use coffer_pkcs11::token::ObjectHandle;

use crate::common::{bytes, template};
use crate::host::*;

const VALUE: [u8; 32] = *b"thirty-two bytes of a hidden key";

/// A key that wraps and unwraps and does nothing else.
fn wrapping_key(host: &Host) -> ObjectHandle {
    host.new_aes(&[yes(CKA_WRAP), yes(CKA_UNWRAP)])
}

fn wrappable(host: &Host) -> ObjectHandle {
    host.aes(&VALUE, &[yes(CKA_SENSITIVE), yes(CKA_EXTRACTABLE)])
}

/// Clulow, key separation; Bortolozzo a1: neither at once, nor one role after the other, nor by a copy, nor by an
/// imported or derived key of a known value.
#[test]
fn no_key_of_a_strict_token_comes_to_both_wrap_and_decrypt() {
    let host = Host::strict();
    let both = [yes(CKA_WRAP), yes(CKA_DECRYPT)];
    let size = [(CKA_VALUE_LEN, Value::Ulong(32))];
    let generate = |more: &[Attribute]| {
        let wanted = template(&[&size[..], more].concat());
        host.session.generate_key(CKM_AES_KEY_GEN, &Params::None, &wanted)
    };
    assert_eq!(generate(&both).err(), Some(Error::TemplateInconsistent));
    for (first, second) in [(CKA_WRAP, CKA_DECRYPT), (CKA_DECRYPT, CKA_WRAP), (CKA_UNWRAP, CKA_ENCRYPT)] {
        let key = generate(&[yes(first)]).unwrap();
        let wanted = template(&[yes(second)]);
        assert!(host.session.set_attribute_values(key, &wanted).is_err());
        assert!(host.session.copy_object(key, &wanted).is_err());
        let exchanged = template(&[no(first), yes(second)]);
        assert!(host.session.set_attribute_values(key, &exchanged).is_err());
    }
    // A wrapping key whose value is known elsewhere.
    for wraps in [&both[..], &[yes(CKA_WRAP)]] {
        let all = [&[(CKA_VALUE, bytes(&VALUE))], wraps].concat();
        assert!(host.session.create_object(&secret_key(CKK_AES, &all)).is_err());
    }
    let base = host.secret(CKK_GENERIC_SECRET, &VALUE, &[yes(CKA_DERIVE)]);
    let derived = host.derive(
        CKM_XOR_BASE_AND_DATA,
        &Params::Bytes(vec![0; 32]),
        base,
        &secret_key(CKK_AES, &[yes(CKA_WRAP)]),
    );
    assert!(derived.is_err());
}

/// Bortolozzo a1 in two steps: the wrapping key is wrapped itself, and comes back as a key that decrypts.
#[test]
fn no_wrapping_key_of_a_strict_token_is_unwrapped_as_a_key_that_decrypts() {
    let host = Host::strict();
    let outer = wrapping_key(&host);
    let extractable = [(CKA_VALUE_LEN, Value::Ulong(32)), yes(CKA_WRAP), yes(CKA_EXTRACTABLE)];
    let made = host.session.generate_key(CKM_AES_KEY_GEN, &Params::None, &template(&extractable));
    assert_eq!(made.err(), Some(Error::TemplateInconsistent));
    let inner = wrapping_key(&host);
    let wrapped = host.wrap(CKM_AES_KEY_WRAP, &Params::None, outer, inner);
    assert_eq!(wrapped.err(), Some(Error::KeyUnextractable));
}

/// Bortolozzo a2: the halves of a pair count as one key.
#[test]
fn no_pair_of_a_strict_token_wraps_with_one_half_and_decrypts_with_the_other() {
    let host = Host::strict();
    let public = template(&[(CKA_MODULUS_BITS, Value::Ulong(2048)), yes(CKA_WRAP)]);
    let private = template(&[yes(CKA_DECRYPT)]);
    let made = host.session.generate_key_pair(CKM_RSA_PKCS_KEY_PAIR_GEN, &Params::None, &public, &private);
    assert_eq!(made.err(), Some(Error::TemplateInconsistent));
}

/// Clulow, Trojan public key: whoever owns the private half would read all that is wrapped under it.
#[test]
fn no_imported_public_key_wraps_on_a_strict_token() {
    let host = Host::strict();
    let mut modulus = vec![0xc5; 256];
    modulus[255] = 0x01;
    let public = template(&[
        (CKA_CLASS, Value::Ulong(CKO_PUBLIC_KEY)),
        (CKA_KEY_TYPE, Value::Ulong(CKK_RSA)),
        (CKA_MODULUS, bytes(&modulus)),
        (CKA_PUBLIC_EXPONENT, bytes(&[1, 0, 1])),
        yes(CKA_WRAP),
    ]);
    assert_eq!(host.session.create_object(&public).err(), Some(Error::TemplateInconsistent));
}

/// Clulow, re-import under other attributes.
#[test]
fn a_key_that_is_unwrapped_or_imported_on_a_strict_token_is_sensitive() {
    let host = Host::strict();
    let by = wrapping_key(&host);
    let wrapped = host.wrap(CKM_AES_KEY_WRAP, &Params::None, by, wrappable(&host)).unwrap();
    let unwrap = |more: &[Attribute]| {
        let wanted = secret_key(CKK_AES, more);
        host.session.unwrap_key(CKM_AES_KEY_WRAP, &Params::None, by, &wrapped, &wanted)
    };
    assert_eq!(unwrap(&[no(CKA_SENSITIVE)]).err(), Some(Error::TemplateInconsistent));
    assert_eq!(host.value(unwrap(&[]).unwrap()), Err(Error::AttributeSensitive));
    let open = secret_key(CKK_AES, &[(CKA_VALUE, bytes(&VALUE)), no(CKA_SENSITIVE)]);
    assert_eq!(host.session.create_object(&open).err(), Some(Error::TemplateInconsistent));
}

/// Clulow: key binding, key conjuring and modified private keys all need a mechanism that does not authenticate.
#[test]
fn a_strict_token_wraps_and_unwraps_with_no_mechanism_that_does_not_authenticate() {
    let host = Host::strict();
    let (by, key) = (wrapping_key(&host), wrappable(&host));
    for (id, params) in [
        (CKM_AES_ECB, Params::None),
        (CKM_AES_CBC, iv()),
        (CKM_AES_CBC_PAD, iv()),
        (CKM_AES_CTR, Params::AesCtr { counter_bits: 32, counter_block: [1; 16] }),
    ] {
        assert_eq!(host.wrap(id, &params, by, key).err(), Some(Error::MechanismInvalid), "{id:#x}");
        let made = host.session.unwrap_key(id, &params, by, &[9; 32], &secret_key(CKK_AES, &[]));
        assert_eq!(made.err(), Some(Error::MechanismInvalid), "{id:#x}");
    }
}

/// Clulow, weaker keys.
#[test]
fn a_strict_token_wraps_no_key_under_a_weaker_one() {
    let host = Host::strict();
    let size = (CKA_VALUE_LEN, Value::Ulong(16));
    let short = template(&[size, yes(CKA_WRAP)]);
    let short = host.session.generate_key(CKM_AES_KEY_GEN, &Params::None, &short).unwrap();
    let wrapped = host.wrap(CKM_AES_KEY_WRAP, &Params::None, short, wrappable(&host));
    assert_eq!(wrapped.err(), Some(Error::KeyNotWrappable));
    let des = host.session.generate_key(CKM_DES_KEY_GEN, &Params::None, &template(&[yes(CKA_WRAP)]));
    assert!(des.is_err());
}

/// Bleichenbacher: where nothing decrypts PKCS #1 v1.5, there is nothing to ask.
#[test]
fn a_strict_token_does_not_decrypt_pkcs_1_v1_5() {
    let host = Host::strict();
    let size = (CKA_MODULUS_BITS, Value::Ulong(2048));
    let pair = |public: &[Attribute], private: &[Attribute]| {
        let public = template(&[std::slice::from_ref(&size), public].concat());
        let id = CKM_RSA_PKCS_KEY_PAIR_GEN;
        host.session.generate_key_pair(id, &Params::None, &public, &template(private)).unwrap().1
    };
    let decrypts = pair(&[yes(CKA_ENCRYPT)], &[yes(CKA_DECRYPT)]);
    let unwraps = pair(&[yes(CKA_WRAP)], &[yes(CKA_UNWRAP)]);
    for id in [CKM_RSA_PKCS, CKM_RSA_X_509] {
        let started = host.session.decrypt_init(id, &Params::None, decrypts);
        assert_eq!(started, Err(Error::MechanismInvalid), "{id:#x}");
        let made = host.session.unwrap_key(id, &Params::None, unwraps, &[1; 256], &secret_key(CKK_AES, &[]));
        assert_eq!(made.err(), Some(Error::MechanismInvalid), "{id:#x}");
    }
}

/// Ferguson, "Authentication weaknesses in GCM", 2005; and the nonce that is never set.
#[test]
fn a_strict_token_takes_neither_short_tags_nor_a_nonce_of_zeros() {
    let host = Host::strict();
    let key = host.new_aes(&[yes(CKA_ENCRYPT)]);
    let start = |iv: u8, tag_bits| {
        let params = Params::Gcm { iv: vec![iv; 12], aad: Vec::new(), tag_bits };
        let started = host.session.encrypt_init(CKM_AES_GCM, &params, key);
        host.session.encrypt_cancel();
        started
    };
    assert_eq!(start(1, 128), Ok(()));
    for bits in [32, 64] {
        assert_eq!(start(1, bits), Err(Error::MechanismParamInvalid), "{bits}");
    }
    assert_eq!(start(0, 128), Err(Error::MechanismParamInvalid));
}
