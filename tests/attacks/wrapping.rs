//! Attacks with keys that wrap: what a key that leaves the token wrapped is worth to whoever holds the wrapping key.

use coffer_pkcs11::ck::*;
use coffer_pkcs11::error::Error;
use coffer_pkcs11::mechanism::Params;
use coffer_pkcs11::object::Value;
use coffer_pkcs11::token::ObjectHandle;

use crate::common::{bytes, secret, template};
use crate::host::*;

/// Every mechanism with which an AES key wraps, with a parameter that it takes.
fn aes_mechanisms() -> Vec<(CK_MECHANISM_TYPE, Params)> {
    vec![
        (CKM_AES_ECB, Params::None),
        (CKM_AES_CBC, iv()),
        (CKM_AES_CBC_PAD, iv()),
        (CKM_AES_CTR, Params::AesCtr { counter_bits: 32, counter_block: [1; 16] }),
        (CKM_AES_GCM, gcm()),
        (CKM_AES_KEY_WRAP, Params::None),
        (CKM_AES_KEY_WRAP_PAD, Params::None),
        (CKM_AES_KEY_WRAP_KWP, Params::None),
        (CKM_AES_KEY_WRAP_PKCS7, Params::None),
    ]
}

fn oaep() -> Params {
    Params::Oaep { hash: CKM_SHA_1, mgf: CKG_MGF1_SHA1, label: Vec::new() }
}

fn rsa_mechanisms() -> Vec<(CK_MECHANISM_TYPE, Params)> {
    vec![(CKM_RSA_PKCS, Params::None), (CKM_RSA_PKCS_OAEP, oaep()), (CKM_RSA_X_509, Params::None)]
}

const VALUE: [u8; 16] = *b"a very secret ke";

/// Sensitive, but extractable: it may be wrapped.
fn wrappable(host: &Host) -> ObjectHandle {
    host.aes(&VALUE, &[yes(CKA_SENSITIVE), yes(CKA_EXTRACTABLE)])
}

/// Clulow, key separation; Bortolozzo a1.
#[test]
fn a_key_that_is_not_extractable_is_wrapped_by_no_secret_key_that_decrypts() {
    let host = Host::new();
    let by = host.new_aes(&[yes(CKA_WRAP), yes(CKA_DECRYPT)]);
    let key = host.aes(&VALUE, &[yes(CKA_SENSITIVE), no(CKA_EXTRACTABLE)]);
    for (id, params) in aes_mechanisms() {
        assert_eq!(host.wrap(id, &params, by, key).err(), Some(Error::KeyUnextractable), "{id:#x}");
    }
}

/// Bortolozzo a2.
#[test]
fn a_key_that_is_not_extractable_is_wrapped_by_no_public_key() {
    let host = Host::new();
    let (public, _) = host.rsa(RSA_BITS);
    let key = host.aes(&VALUE, &[yes(CKA_SENSITIVE), no(CKA_EXTRACTABLE)]);
    for (id, params) in rsa_mechanisms() {
        assert_eq!(host.wrap(id, &params, public, key).err(), Some(Error::KeyUnextractable), "{id:#x}");
    }
}

/// Clulow, key separation; Bortolozzo a1. Applications make one key for everything, so both uses may be in one key;
/// CKA_EXTRACTABLE and CKA_WRAP_WITH_TRUSTED of the wrapped key are the answer.
#[test]
fn a_key_that_wraps_and_decrypts_reveals_what_it_may_wrap_unless_only_trusted_keys_may() {
    let host = Host::new();
    let by = host.new_aes(&[yes(CKA_WRAP), yes(CKA_DECRYPT)]);
    let wrapped = host.wrap(CKM_AES_ECB, &Params::None, by, wrappable(&host)).unwrap();
    assert_eq!(host.decrypt(CKM_AES_ECB, &Params::None, by, &wrapped).unwrap(), VALUE);

    let trusting = host.aes(&VALUE, &[yes(CKA_SENSITIVE), yes(CKA_EXTRACTABLE), yes(CKA_WRAP_WITH_TRUSTED)]);
    for (id, params) in aes_mechanisms() {
        assert_eq!(host.wrap(id, &params, by, trusting).err(), Some(Error::KeyNotWrappable), "{id:#x}");
    }
}

/// Bortolozzo a2; Clulow, Trojan public key.
#[test]
fn a_key_that_only_trusted_keys_may_wrap_is_not_wrapped_by_an_attackers_public_key() {
    let host = Host::new();
    let (public, _) = host.rsa(RSA_BITS);
    let key = host.aes(&VALUE, &[yes(CKA_EXTRACTABLE), yes(CKA_WRAP_WITH_TRUSTED)]);
    for (id, params) in rsa_mechanisms() {
        assert_eq!(host.wrap(id, &params, public, key).err(), Some(Error::KeyNotWrappable), "{id:#x}");
    }
    let trust = template(&[yes(CKA_TRUSTED)]);
    assert!(host.session.set_attribute_values(public, &trust).is_err(), "the user made a key trusted");
    assert!(host.session.copy_object(public, &trust).is_err(), "a copy became trusted");
    assert!(
        host.session
            .create_object(&secret_key(CKK_AES, &[(CKA_VALUE, bytes(&VALUE)), yes(CKA_TRUSTED)]))
            .is_err()
    );
    let untrusting = host.session.set_attribute_values(key, &template(&[no(CKA_WRAP_WITH_TRUSTED)]));
    assert_eq!(untrusting, Err(Error::AttributeReadOnly));
}

/// Clulow, Trojan public key: the security officer alone says which public key may take keys away.
#[test]
fn a_key_that_only_trusted_keys_may_wrap_is_wrapped_by_a_key_that_the_officer_trusts() {
    let host = Host::new();
    let value = template(&[
        (CKA_CLASS, Value::Ulong(CKO_PUBLIC_KEY)),
        (CKA_KEY_TYPE, Value::Ulong(CKK_RSA)),
        (CKA_MODULUS, bytes(host.read(host.rsa(RSA_BITS).0, CKA_MODULUS).unwrap().as_bytes().unwrap())),
        (CKA_PUBLIC_EXPONENT, bytes(&[1, 0, 1])),
        yes(CKA_WRAP),
        yes(CKA_TRUSTED),
        yes(CKA_TOKEN),
    ]);
    host.session.logout().unwrap();
    host.session.login(CKU_SO, &secret(crate::common::SO_PIN)).unwrap();
    let public = host.session.create_object(&value).unwrap();
    host.session.logout().unwrap();
    host.session.login(CKU_USER, &secret(crate::common::USER_PIN)).unwrap();
    let key = host.aes(&VALUE, &[yes(CKA_EXTRACTABLE), yes(CKA_WRAP_WITH_TRUSTED)]);
    assert_eq!(host.wrap(CKM_RSA_PKCS_OAEP, &oaep(), public, key).unwrap().len(), RSA_BITS as usize / 8);
}

/// Clulow, re-import of a wrapped key under other attributes. The standard lets the template of C_UnwrapKey choose;
/// CKA_UNWRAP_TEMPLATE of the unwrapping key is the answer.
#[test]
fn a_key_that_is_unwrapped_under_other_attributes_gets_those_of_the_unwrap_template() {
    let host = Host::new();
    let readable = [no(CKA_SENSITIVE), yes(CKA_EXTRACTABLE)];
    let by = host.new_aes(&[yes(CKA_WRAP), yes(CKA_UNWRAP)]);
    let wrapped = host.wrap(CKM_AES_KEY_WRAP, &Params::None, by, wrappable(&host)).unwrap();
    let wanted = secret_key(CKK_AES, &readable);
    let back = host.session.unwrap_key(CKM_AES_KEY_WRAP, &Params::None, by, &wrapped, &wanted).unwrap();
    assert_eq!(host.value(back).unwrap(), VALUE);
    assert!(!host.is(back, CKA_ALWAYS_SENSITIVE) && !host.is(back, CKA_NEVER_EXTRACTABLE));

    let sealed = template(&[yes(CKA_SENSITIVE), no(CKA_EXTRACTABLE)]);
    let nested = (CKA_UNWRAP_TEMPLATE, Value::Template(sealed.into_attributes()));
    let by = host.new_aes(&[yes(CKA_WRAP), yes(CKA_UNWRAP), nested]);
    let wrapped = host.wrap(CKM_AES_KEY_WRAP, &Params::None, by, wrappable(&host)).unwrap();
    let unwrap = |more: &[Attribute]| {
        let wanted = secret_key(CKK_AES, more);
        host.session.unwrap_key(CKM_AES_KEY_WRAP, &Params::None, by, &wrapped, &wanted)
    };
    for single in &readable {
        assert_eq!(unwrap(std::slice::from_ref(single)).err(), Some(Error::TemplateInconsistent));
    }
    let back = unwrap(&[]).unwrap();
    assert_eq!(host.value(back), Err(Error::AttributeSensitive));
    assert_eq!(host.wrap(CKM_AES_KEY_WRAP, &Params::None, by, back).err(), Some(Error::KeyUnextractable));
}

/// Clulow, key binding: the blocks of a key that was wrapped block by block are put together anew. The mechanisms that
/// authenticate refuse it; ECB cannot tell, as the standard has it.
#[test]
fn blocks_of_wrapped_keys_are_put_together_anew_under_no_mechanism_that_authenticates() {
    let host = Host::new();
    let by = host.new_aes(&[yes(CKA_WRAP), yes(CKA_UNWRAP)]);
    let key = host.aes(&[&VALUE[..], &[7; 16]].concat(), &[yes(CKA_EXTRACTABLE)]);
    let authenticated = [CKM_AES_KEY_WRAP, CKM_AES_KEY_WRAP_PAD, CKM_AES_KEY_WRAP_KWP, CKM_AES_GCM];
    for (id, params) in aes_mechanisms().into_iter().filter(|(id, _)| authenticated.contains(id)) {
        let mut wrapped = host.wrap(id, &params, by, key).unwrap();
        wrapped[..32].rotate_left(16);
        let bound = host.session.unwrap_key(id, &params, by, &wrapped, &secret_key(CKK_AES, &[]));
        assert_eq!(bound.err(), Some(Error::WrappedKeyInvalid), "{id:#x}");
    }
    let mut wrapped = host.wrap(CKM_AES_ECB, &Params::None, by, key).unwrap();
    wrapped.rotate_left(16);
    let wanted = secret_key(CKK_AES, &[no(CKA_SENSITIVE), yes(CKA_EXTRACTABLE)]);
    let bound = host.session.unwrap_key(CKM_AES_ECB, &Params::None, by, &wrapped, &wanted).unwrap();
    assert_eq!(host.value(bound).unwrap(), [&[7; 16], &VALUE[..]].concat());
}

/// Clulow, modification of wrapped private keys: some bytes of the ciphertext are changed, and the signatures of the
/// key that comes back give the real one away.
#[test]
fn a_changed_rsa_private_key_is_unwrapped_under_no_mechanism() {
    let host = Host::new();
    let by = host.new_aes(&[yes(CKA_WRAP), yes(CKA_UNWRAP)]);
    let public = template(&[(CKA_MODULUS_BITS, Value::Ulong(RSA_BITS))]);
    let private = template(&[yes(CKA_EXTRACTABLE)]);
    let id = CKM_RSA_PKCS_KEY_PAIR_GEN;
    let (_, private) = host.session.generate_key_pair(id, &Params::None, &public, &private).unwrap();
    let wanted =
        template(&[(CKA_CLASS, Value::Ulong(CKO_PRIVATE_KEY)), (CKA_KEY_TYPE, Value::Ulong(CKK_RSA))]);
    let mut random = crate::random::Random::new(seed());
    let mut tried = 0;
    for (id, params) in aes_mechanisms() {
        let length = host.wrap(CKM_AES_CTR, &aes_mechanisms()[3].1, by, private).unwrap().len();
        if matches!(id, CKM_AES_ECB | CKM_AES_CBC) && !length.is_multiple_of(16) {
            continue;
        }
        let Ok(wrapped) = host.wrap(id, &params, by, private) else { continue };
        for _ in 0..amount(100, 2_000) {
            let mut changed = wrapped.clone();
            let place = random.below(changed.len());
            changed[place] ^= 1 << random.below(8);
            let back = host.session.unwrap_key(id, &params, by, &changed, &wanted);
            if let Ok(back) = back {
                // What stands around the numbers may change, such as the version or the name of the algorithm.
                let same = |part| host.read(back, part).ok() == host.read(private, part).ok();
                assert!([CKA_MODULUS, CKA_PUBLIC_EXPONENT].into_iter().all(same), "{id:#x}, byte {place}");
                let signature = |key| host.sign(CKM_RSA_PKCS, &Params::None, key, b"message").unwrap();
                assert_eq!(signature(back), signature(private), "{id:#x}, byte {place}");
            }
            tried += 1;
        }
    }
    println!("{tried} changed private keys");
}

/// Clulow, small public exponent without padding: the key is the third root of what it was wrapped into.
#[test]
fn a_short_key_is_not_wrapped_by_raw_rsa_with_a_small_exponent() {
    let host = Host::new();
    let public = template(&[
        (CKA_MODULUS_BITS, Value::Ulong(RSA_BITS)),
        (CKA_PUBLIC_EXPONENT, bytes(&[3])),
        yes(CKA_WRAP),
    ]);
    let id = CKM_RSA_PKCS_KEY_PAIR_GEN;
    let (public, _) = host.session.generate_key_pair(id, &Params::None, &public, &template(&[])).unwrap();
    let wrap = |id, params| host.wrap(id, &params, public, wrappable(&host));
    assert_eq!(wrap(CKM_RSA_X_509, Params::None).err(), Some(Error::KeySizeRange));
    assert!(wrap(CKM_RSA_PKCS_OAEP, oaep()).is_ok());
}

/// Clulow, weaker keys. A wrapping key of 56 bits can be found, and with it whatever it has wrapped; the key's owner can
/// say that only a trusted one may wrap it.
#[test]
fn a_weak_key_wraps_a_strong_one_only_where_the_strong_one_does_not_ask_for_a_trusted_key() {
    let host = Host::new();
    let weak =
        host.session.generate_key(CKM_DES_KEY_GEN, &Params::None, &template(&[yes(CKA_WRAP)])).unwrap();
    assert!(host.wrap(CKM_DES_ECB, &Params::None, weak, wrappable(&host)).is_ok());
    let careful = host.aes(&VALUE, &[yes(CKA_EXTRACTABLE), yes(CKA_WRAP_WITH_TRUSTED)]);
    assert_eq!(host.wrap(CKM_DES_ECB, &Params::None, weak, careful).err(), Some(Error::KeyNotWrappable));
}
