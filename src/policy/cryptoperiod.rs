//! Cryptoperiods: how long a key of a type should serve (NIST SP 800-57 Part 1 Revision 5, table 1).

use std::sync::OnceLock;

use serde::Deserialize;

use crate::ck::*;
use crate::object::Attributes;

/// How long a type of key serves.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cryptoperiod {
    /// The words of the standard.
    pub kind: String,
    /// Months in which it protects.
    pub protect: u64,
    /// Months more in which it processes; `None`: as long as what it protected is needed.
    pub process: Option<u64>,
    /// The row of the table, and what it says.
    pub row: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    period: Vec<Cryptoperiod>,
}

/// The table.
pub fn cryptoperiods() -> &'static [Cryptoperiod] {
    static TABLE: OnceLock<Vec<Cryptoperiod>> = OnceLock::new();
    // A test parses it.
    TABLE.get_or_init(|| {
        toml::from_str::<Table>(include_str!("cryptoperiods.toml"))
            .map_or_else(|_| Vec::new(), |table| table.period)
    })
}

/// The cryptoperiod of a key by what its attributes let it do; of a pair, by either half. `None` for a key that the table has
/// no row for.
pub fn cryptoperiod(key: &Attributes) -> Option<&'static Cryptoperiod> {
    let can = |uses: &[CK_ATTRIBUTE_TYPE]| uses.iter().any(|usage| key.is_true(*usage));
    let kind = match key.ulong(CKA_CLASS)? {
        CKO_PRIVATE_KEY | CKO_PUBLIC_KEY => {
            let signs = can(&[CKA_SIGN, CKA_SIGN_RECOVER, CKA_VERIFY, CKA_VERIFY_RECOVER]);
            let transports =
                can(&[CKA_ENCRYPT, CKA_DECRYPT, CKA_WRAP, CKA_UNWRAP, CKA_ENCAPSULATE, CKA_DECAPSULATE]);
            match (signs, transports, can(&[CKA_DERIVE])) {
                // The shortest of several: a key that does more than one thing serves as long as the strictest allows.
                (_, true, _) => "key-transport key pair",
                (_, _, true) => "static key-agreement key pair",
                (true, false, false) => "private signature key",
                (false, false, false) => return None,
            }
        }
        CKO_SECRET_KEY => match () {
            () if can(&[CKA_DERIVE]) => "symmetric master key",
            () if can(&[CKA_ENCRYPT, CKA_DECRYPT]) => "symmetric data-encryption key",
            () if can(&[CKA_WRAP, CKA_UNWRAP]) => "symmetric key-wrapping key",
            () if can(&[CKA_SIGN, CKA_VERIFY]) => "symmetric authentication key",
            () => return None,
        },
        CKO_OTP_KEY => "symmetric authentication key",
        _ => return None,
    };
    cryptoperiods().iter().find(|period| period.kind == kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::Value;

    fn kind(class: CK_OBJECT_CLASS, uses: &[CK_ATTRIBUTE_TYPE]) -> Option<&'static str> {
        let uses = uses.iter().map(|usage| (*usage, Value::Bool(true)));
        let key = std::iter::once((CKA_CLASS, Value::Ulong(class))).chain(uses).collect();
        cryptoperiod(&key).map(|period| period.kind.as_str())
    }

    #[test]
    fn the_table_is_whole_and_each_kind_that_is_asked_for_is_in_it() {
        assert_eq!(cryptoperiods().len(), 7);
        assert_eq!(kind(CKO_PRIVATE_KEY, &[CKA_SIGN]), Some("private signature key"));
        assert_eq!(kind(CKO_PUBLIC_KEY, &[CKA_VERIFY]), Some("private signature key"));
        assert_eq!(kind(CKO_PRIVATE_KEY, &[CKA_SIGN, CKA_DECRYPT]), Some("key-transport key pair"));
        assert_eq!(kind(CKO_PRIVATE_KEY, &[CKA_DERIVE]), Some("static key-agreement key pair"));
        assert_eq!(kind(CKO_SECRET_KEY, &[CKA_DERIVE]), Some("symmetric master key"));
        assert_eq!(kind(CKO_SECRET_KEY, &[CKA_ENCRYPT, CKA_WRAP]), Some("symmetric data-encryption key"));
        assert_eq!(kind(CKO_SECRET_KEY, &[CKA_WRAP]), Some("symmetric key-wrapping key"));
        assert_eq!(kind(CKO_SECRET_KEY, &[CKA_SIGN]), Some("symmetric authentication key"));
        assert_eq!(kind(CKO_SECRET_KEY, &[]), None);
        assert_eq!(kind(CKO_DATA, &[]), None);
    }
}
