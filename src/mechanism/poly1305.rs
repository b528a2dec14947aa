//! Poly1305 (PKCS#11 section 6.60, RFC 8439 section 2.5). A key serves for one message only, which the caller sees to.

use crate::ck::*;
use crate::crypto::poly1305::{KEY, Poly1305};
use crate::error::Result;
use crate::object::{Attributes, Value};
use crate::policy::UsableKey;

use super::generate::generate;
use super::mac::{Leading, mac};
use super::params::{ParamKind, Params};
use super::row::{Approval, KeyNeed, Mechanism, Ops};

/// The one length of keys, in bytes.
const SIZE: u64 = KEY as u64;

pub(super) static ROWS: &[Mechanism] = &[
    mac!(CKM_POLY1305, None, &[CKK_POLY1305], (SIZE, SIZE), NotApproved, start).for_one_message(),
    Mechanism {
        id: CKM_POLY1305_KEY_GEN,
        name: "CKM_POLY1305_KEY_GEN",
        params: ParamKind::None,
        key: KeyNeed::secret(&[CKK_POLY1305]),
        sizes: (SIZE, SIZE),
        flags: 0,
        approval: Approval::NotApproved,
        ops: Ops { generate_key: Some(|_, template| key(template)), ..Ops::NONE },
    },
];

fn start(key: &UsableKey, params: &Params) -> Result<Leading<Poly1305>> {
    Leading::asked(Poly1305::new(super::secret_value(key)?)?, params)
}

/// The length may be left out of the template: there is only one.
fn key(template: &Attributes) -> Result<Attributes> {
    let mut template = template.clone();
    if !template.contains(CKA_VALUE_LEN) {
        template.set(CKA_VALUE_LEN, Value::Ulong(SIZE));
    }
    generate(CKK_POLY1305, &template, |length| length == SIZE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::mechanism::lookup;
    use crate::mechanism::testing::{check_mac, mac, secret_key, unhex};

    /// RFC 8439 section 2.5.2, and appendix A.3 vectors 7, 8 and 9 for the carries at the ends of the field.
    #[test]
    fn the_vectors_of_rfc_8439_come_out() {
        let message = hex::encode("Cryptographic Forum Research Group");
        let (ones, zeros) = ("f".repeat(32), "0".repeat(32));
        let two = format!("02{}", "0".repeat(30));
        for (key, data, expected) in [
            (
                "85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b".to_string(),
                message,
                "a8061dc1305136c6c22b8baf0c0127a9",
            ),
            (two.clone() + &zeros, ones.clone(), "03000000000000000000000000000000"),
            (two.clone() + &ones, two.clone(), "03000000000000000000000000000000"),
            (two + &zeros, format!("fd{}", "f".repeat(30)), "faffffffffffffffffffffffffffffff"),
        ] {
            let (key, data) = (secret_key(CKK_POLY1305, &unhex(&key)), unhex(&data));
            let tag = mac(CKM_POLY1305, &key, &Params::None, &[&data]).unwrap();
            assert_eq!(hex::encode(&tag), expected);
            assert_eq!(check_mac(CKM_POLY1305, &key, &Params::None, &data, &tag), Ok(()));
        }
    }

    #[test]
    fn a_key_has_32_bytes_whether_or_not_its_length_is_asked_for() {
        let make = |length: Option<u64>| {
            let template = length.map(|length| (CKA_VALUE_LEN, Value::Ulong(length))).into_iter().collect();
            lookup(CKM_POLY1305_KEY_GEN).unwrap().ops.generate_key.unwrap()(&Params::None, &template)
        };
        for length in [None, Some(32)] {
            assert_eq!(make(length).unwrap().bytes(CKA_VALUE).unwrap().len(), 32);
        }
        assert_eq!(make(Some(16)).err(), Some(Error::AttributeValueInvalid));
        let short = mac(CKM_POLY1305, &secret_key(CKK_POLY1305, &[1; 31]), &Params::None, &[]);
        assert_eq!(short.err(), Some(Error::KeySizeRange));
    }
}
