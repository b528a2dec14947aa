//! Public values that would tell a private key.

use super::{Attack, Attempt, any_of, attack};
use crate::expect::unhex;
use crate::scenarios::keys;
use crate::session::Session;
use crate::template::{Mechanism, Template};
use cryptoki_sys::*;

/// Tries to agree on a secret with this public value.
fn agree(session: &Session, mechanism: &Mechanism, private: CK_OBJECT_HANDLE) -> Attempt {
    let template = Template::new()
        .class(CKO_SECRET_KEY)
        .ulong(CKA_KEY_TYPE, CKK_GENERIC_SECRET)
        .ulong(CKA_VALUE_LEN, 32)
        .bool(CKA_TOKEN, false)
        .bool(CKA_SENSITIVE, false)
        .bool(CKA_EXTRACTABLE, true);
    session.derive(mechanism, private, &template)?;
    Ok("a secret was agreed upon with an invalid public value".into())
}

/// Points of P-256: not on the curve, at infinity, all zeros.
fn off_the_curve() -> [Vec<u8>; 3] {
    let mut point = vec![4];
    point.extend([0x11; 64]);
    [point, vec![0], [&[4][..], &[0; 64]].concat()]
}

fn wrapped(point: &[u8]) -> Vec<u8> {
    [&[4, point.len() as u8][..], point].concat()
}

/// The prime of the second Oakley group (RFC 2409, section 6.2).
const PRIME: &str = "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404ddef95\
     19b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7edee386bfb5a89\
     9fa5ae9f24117c4b1fe649286651ece65381ffffffffffffffff";

pub const ATTACKS: &[Attack] = &[
    attack("agree-with-a-point-off-the-curve", "Biehl 2000; CVE-2021-3798", |h| {
        h.needs(&[CKM_ECDH1_DERIVE])?;
        let session = h.user()?;
        let private = Template::new().bool(CKA_DERIVE, true);
        let (_, private) =
            keys::curve(h, &session, CKM_EC_KEY_PAIR_GEN, keys::P256, Template::new(), private)?;
        any_of(off_the_curve(), |point| {
            any_of([point.clone(), wrapped(&point)], |point| {
                agree(&session, &Mechanism::ecdh(CKM_ECDH1_DERIVE, CKD_NULL, &point, b""), private)
            })
        })
    }),
    attack("import-a-point-off-the-curve", "CVE-2021-3798", |h| {
        h.needs(&[CKM_EC_KEY_PAIR_GEN])?;
        let session = h.user()?;
        any_of(off_the_curve(), |point| {
            let template = Template::new()
                .class(CKO_PUBLIC_KEY)
                .ulong(CKA_KEY_TYPE, CKK_EC)
                .bool(CKA_TOKEN, false)
                .bytes(CKA_EC_PARAMS, &unhex(keys::P256))
                .bytes(CKA_EC_POINT, &wrapped(&point));
            session.create(&template)?;
            Ok("a public key off the curve was imported".into())
        })
    }),
    attack("agree-with-a-point-of-small-order", "RFC 7748, section 6", |h| {
        h.needs(&[CKM_ECDH1_DERIVE])?;
        let session = h.user()?;
        let private = Template::new().bool(CKA_DERIVE, true);
        let id = CKM_EC_MONTGOMERY_KEY_PAIR_GEN;
        let (_, private) = keys::curve(h, &session, id, keys::X25519, Template::new(), private)?;
        let mut one = vec![0; 32];
        one[0] = 1;
        any_of([vec![0; 32], one], |point| {
            agree(&session, &Mechanism::ecdh(CKM_ECDH1_DERIVE, CKD_NULL, &point, b""), private)
        })
    }),
    attack("agree-with-a-value-of-order-1-or-2", "Lim 1997", |h| {
        h.needs(&[CKM_DH_PKCS_KEY_PAIR_GEN, CKM_DH_PKCS_DERIVE])?;
        let session = h.user()?;
        let public =
            Template::new().bool(CKA_TOKEN, false).bytes(CKA_PRIME, &unhex(PRIME)).bytes(CKA_BASE, &[4]);
        let private = Template::new().bool(CKA_TOKEN, false).bool(CKA_DERIVE, true);
        let (_, private) =
            session.generate_pair(&Mechanism::plain(CKM_DH_PKCS_KEY_PAIR_GEN), &public, &private)?;
        let mut minus_one = unhex(PRIME);
        minus_one[127] -= 1;
        any_of([vec![1], minus_one], |value| {
            agree(&session, &Mechanism::bytes(CKM_DH_PKCS_DERIVE, &value), private)
        })
    }),
];
