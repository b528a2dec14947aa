//! Derivations as oracles (Clulow: reduced key space, related keys; CVE-2015-5464): a key is made of a part of another,
//! small enough to try all its values, or readable.

use coffer_pkcs11::ck::*;
use coffer_pkcs11::error::Error;
use coffer_pkcs11::mechanism::Params;
use coffer_pkcs11::object::Value;
use coffer_pkcs11::token::ObjectHandle;

use crate::host::*;

const VALUE: [u8; 32] = *b"thirty-two bytes of a hidden key";

fn length(bytes: u64) -> Attribute {
    (CKA_VALUE_LEN, Value::Ulong(bytes))
}

/// Keys that cannot be read.
fn hidden(host: &Host) -> [ObjectHandle; 2] {
    [[yes(CKA_SENSITIVE), yes(CKA_EXTRACTABLE)], [no(CKA_SENSITIVE), no(CKA_EXTRACTABLE)]].map(|protection| {
        host.secret(CKK_GENERIC_SECRET, &VALUE, &[&protection[..], &[yes(CKA_DERIVE)]].concat())
    })
}

/// Derivations that give out bytes of their base key as they are, or with known changes.
fn derivations() -> Vec<(CK_MECHANISM_TYPE, Params)> {
    vec![
        (CKM_EXTRACT_KEY_FROM_KEY, Params::FirstBit(0)),
        (CKM_EXTRACT_KEY_FROM_KEY, Params::FirstBit(131)),
        (CKM_XOR_BASE_AND_DATA, Params::Bytes(vec![0; 32])),
        (CKM_CONCATENATE_BASE_AND_DATA, Params::Bytes(b"known".to_vec())),
        (CKM_CONCATENATE_DATA_AND_BASE, Params::Bytes(b"known".to_vec())),
    ]
}

#[test]
fn no_part_of_a_hidden_key_is_derived_that_is_short_enough_to_be_guessed() {
    let host = Host::new();
    for base in hidden(&host) {
        for (id, params) in derivations() {
            // Behind five known bytes.
            let known = if id == CKM_CONCATENATE_DATA_AND_BASE { 5 } else { 0 };
            for bytes in 1..=13 + known {
                let wanted = secret_key(CKK_GENERIC_SECRET, &[length(bytes)]);
                let derived = host.derive(id, &params, base, &wanted);
                assert_eq!(derived.err(), Some(Error::KeySizeRange), "{id:#x}, {bytes} bytes");
            }
            let wanted = secret_key(CKK_GENERIC_SECRET, &[length(14 + known)]);
            assert!(host.derive(id, &params, base, &wanted).is_ok(), "{id:#x}");
        }
        let short = host.derive(
            CKM_XOR_BASE_AND_DATA,
            &Params::Bytes(vec![0; 1]),
            base,
            &secret_key(CKK_GENERIC_SECRET, &[]),
        );
        assert_eq!(short.err(), Some(Error::KeySizeRange));
    }
}

#[test]
fn a_key_that_is_derived_from_bytes_of_a_hidden_key_is_hidden_too() {
    let host = Host::new();
    for base in hidden(&host) {
        for (id, params) in derivations() {
            let wanted = |more: &[Attribute]| {
                host.derive(
                    id,
                    &params,
                    base,
                    &secret_key(CKK_GENERIC_SECRET, &[&[length(32)], more].concat()),
                )
            };
            let key = wanted(&[]).unwrap();
            assert_eq!(host.value(key), Err(Error::AttributeSensitive), "{id:#x}");
            for (attribute, loose) in [(CKA_SENSITIVE, false), (CKA_EXTRACTABLE, true)] {
                let tight = Value::Bool(!loose);
                let loose = wanted(&[(attribute, Value::Bool(loose))]);
                if host.read(base, attribute).as_ref() == Ok(&tight) {
                    assert_eq!(loose.err(), Some(Error::TemplateInconsistent), "{id:#x}, {attribute:#x}");
                }
            }
        }
    }
}

#[test]
fn a_key_that_is_joined_with_a_hidden_key_is_hidden() {
    let host = Host::new();
    let open = host.secret(
        CKK_GENERIC_SECRET,
        b"known",
        &[no(CKA_SENSITIVE), yes(CKA_EXTRACTABLE), yes(CKA_DERIVE)],
    );
    for other in hidden(&host) {
        let wanted = |more: &[Attribute]| {
            let wanted = secret_key(CKK_GENERIC_SECRET, more);
            let id = CKM_CONCATENATE_BASE_AND_KEY;
            let made = host.session.derive_key(id, &Params::None, open, &[other], &wanted)?;
            Ok::<_, Error>(made.main.unwrap())
        };
        assert_eq!(host.value(wanted(&[]).unwrap()), Err(Error::AttributeSensitive));
        let both = [no(CKA_SENSITIVE), yes(CKA_EXTRACTABLE)];
        assert_eq!(wanted(&both).err(), Some(Error::TemplateInconsistent));
        // One byte of the hidden key behind the known ones.
        assert_eq!(wanted(&[length(6)]).err(), Some(Error::KeySizeRange));
    }
}

/// Two steps take a key apart that one step does not: the joined key does not know which of its bytes were known. The
/// standard gives such a key no way to tell; the base key's CKA_ALLOWED_MECHANISMS is the answer.
#[test]
fn a_hidden_key_that_allows_other_derivations_alone_is_not_taken_apart_in_two_steps() {
    let host = Host::new();
    let protection = [yes(CKA_SENSITIVE), no(CKA_EXTRACTABLE), yes(CKA_DERIVE)];
    let allowed = (CKA_ALLOWED_MECHANISMS, Value::Mechanisms(vec![CKM_SHA256_KEY_DERIVATION]));
    let careful = host.secret(CKK_GENERIC_SECRET, &VALUE, &[&protection[..], &[allowed]].concat());
    for (id, params) in derivations() {
        let derived = host.derive(id, &params, careful, &secret_key(CKK_GENERIC_SECRET, &[length(32)]));
        assert_eq!(derived.err(), Some(Error::MechanismInvalid), "{id:#x}");
    }
    let hash =
        host.derive(CKM_SHA256_KEY_DERIVATION, &Params::None, careful, &secret_key(CKK_GENERIC_SECRET, &[]));
    assert!(hash.is_ok());
}

/// CKA_DERIVE is false unless a template asks for it.
#[test]
fn a_key_whose_template_does_not_ask_for_it_derives_nothing() {
    let host = Host::new();
    let key = host.secret(CKK_GENERIC_SECRET, &VALUE, &[yes(CKA_SENSITIVE)]);
    for (id, params) in derivations() {
        let derived = host.derive(id, &params, key, &secret_key(CKK_GENERIC_SECRET, &[length(32)]));
        assert_eq!(derived.err(), Some(Error::KeyFunctionNotPermitted), "{id:#x}");
    }
}
