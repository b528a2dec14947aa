//! Public values of small order in finite fields (Lim and Lee; Valenta and others, "Measuring small subgroup attacks
//! against Diffie-Hellman", NDSS 2017).

use coffer_pkcs11::ck::*;
use coffer_pkcs11::error::{Error, Result};
use coffer_pkcs11::mechanism::Params;
use coffer_pkcs11::object::Value;
use coffer_pkcs11::token::ObjectHandle;

use crate::common::{bytes, template};
use crate::host::*;

/// The prime of the second Oakley group (RFC 2409 section 6.2): twice a prime, and one.
const PRIME: &str = "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404ddef95\
     19b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7edee386bfb5a89\
     9fa5ae9f24117c4b1fe649286651ece65381ffffffffffffffff";

fn prime() -> Vec<u8> {
    hex::decode(PRIME).unwrap()
}

/// The prime and `number`, for a last byte that does not overflow.
fn prime_and(number: i16) -> Vec<u8> {
    let mut value = prime();
    let last = value.len() - 1;
    if number > 0 {
        // ...ffff and a few: the sum carries through the sixteen last digits.
        let mut carry = number as u16;
        for byte in value.iter_mut().rev() {
            let sum = u16::from(*byte) + carry;
            (*byte, carry) = (sum as u8, sum >> 8);
        }
        assert_eq!(carry, 0);
    } else {
        value[last] -= (-number) as u8;
    }
    value
}

/// (p - 1) / 2.
fn order() -> Vec<u8> {
    let mut carry = 0;
    let halve = |byte: &u8| {
        let half = carry << 7 | byte >> 1;
        carry = byte & 1;
        half
    };
    prime().iter().map(halve).collect()
}

fn pair(host: &Host, id: CK_MECHANISM_TYPE, more: &[Attribute]) -> (ObjectHandle, ObjectHandle) {
    let group = [&[(CKA_PRIME, bytes(&prime())), (CKA_BASE, bytes(&[4]))], more].concat();
    let private = template(&[yes(CKA_DERIVE)]);
    host.session.generate_key_pair(id, &Params::None, &template(&group), &private).unwrap()
}

fn import(host: &Host, key_type: CK_KEY_TYPE, more: &[Attribute], public: &[u8]) -> Result<ObjectHandle> {
    let head = [
        (CKA_CLASS, Value::Ulong(CKO_PUBLIC_KEY)),
        (CKA_KEY_TYPE, Value::Ulong(key_type)),
        (CKA_PRIME, bytes(&prime())),
        (CKA_BASE, bytes(&[4])),
        (CKA_VALUE, bytes(public)),
    ];
    host.session.create_object(&template(&[&head[..], more].concat()))
}

#[test]
fn a_public_value_of_order_one_or_two_is_refused() {
    let host = Host::new();
    let wanted = secret_key(CKK_GENERIC_SECRET, &[]);
    let (public, private) = pair(&host, CKM_DH_PKCS_KEY_PAIR_GEN, &[]);
    let agree = |public: &[u8]| {
        let params = Params::Bytes(public.to_vec());
        host.derive(CKM_DH_PKCS_DERIVE, &params, private, &wanted)
    };
    let good = host.read(public, CKA_VALUE).unwrap().as_bytes().unwrap().to_vec();
    assert!(agree(&good).is_ok());
    for bad in [vec![0], vec![1], prime_and(-1), prime(), prime_and(1), prime_and(4)] {
        assert_eq!(agree(&bad).err(), Some(Error::PublicKeyInvalid), "{}", hex::encode(&bad));
        assert!(import(&host, CKK_DH, &[], &bad).is_err(), "{}", hex::encode(&bad));
    }
}

#[test]
fn a_public_value_outside_the_subgroup_is_refused_where_its_order_is_known() {
    let host = Host::new();
    let subprime = (CKA_SUBPRIME, bytes(&order()));
    let (public, private) = pair(&host, CKM_X9_42_DH_KEY_PAIR_GEN, std::slice::from_ref(&subprime));
    let wanted = secret_key(CKK_GENERIC_SECRET, &[]);
    let agree = |public: &[u8]| {
        let params = Params::X942Dh1 { kdf: CKD_NULL, other_info: Vec::new(), public_data: public.to_vec() };
        host.derive(CKM_X9_42_DH_DERIVE, &params, private, &wanted)
    };
    let good = host.read(public, CKA_VALUE).unwrap().as_bytes().unwrap().to_vec();
    assert!(agree(&good).is_ok());
    // -4 is no square, since -1 is none.
    for bad in [vec![0], vec![1], prime_and(-1), prime(), prime_and(-4)] {
        assert_eq!(agree(&bad).err(), Some(Error::PublicKeyInvalid), "{}", hex::encode(&bad));
        let imported = import(&host, CKK_X9_42_DH, std::slice::from_ref(&subprime), &bad);
        assert!(imported.is_err(), "{}", hex::encode(&bad));
    }
}
