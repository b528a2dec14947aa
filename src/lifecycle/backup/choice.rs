//! Which keys are in a backup.

use super::entry::Reason;
use crate::ck::*;
use crate::object::Attributes;

/// What the person who makes a backup wants in it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Choice {
    /// Private keys that sign, too.
    pub signing: bool,
    /// Keys with CKA_EXTRACTABLE false stay out.
    pub only_extractable: bool,
}

impl Choice {
    /// Why an object stays out; `None` where it is taken in. A key that both signs and decrypts is a signature key (NIST SP 800-57
    /// Part 1 Revision 5, section 8.2.2.1 and table 7: private signature keys should not be backed up).
    pub fn leaves_out(self, attributes: &Attributes) -> Option<Reason> {
        let class = attributes.ulong(CKA_CLASS);
        let is_private = class == Some(CKO_PRIVATE_KEY);
        let is_key = is_private || matches!(class, Some(CKO_SECRET_KEY | CKO_OTP_KEY));
        let signs = attributes.is_true(CKA_SIGN) || attributes.is_true(CKA_SIGN_RECOVER);
        if is_stateful_key(attributes) {
            return Some(Reason::Stateful);
        }
        if is_private && signs && !self.signing {
            return Some(Reason::Signature);
        }
        (is_key && self.only_extractable && !attributes.is_true(CKA_EXTRACTABLE))
            .then_some(Reason::NotExtractable)
    }
}

/// A hash-based private key, which must never sign from two states (SP 800-208 section 8).
pub fn is_stateful_key(attributes: &Attributes) -> bool {
    let stateful = matches!(attributes.ulong(CKA_KEY_TYPE), Some(CKK_HSS | CKK_XMSS | CKK_XMSSMT));
    stateful && attributes.ulong(CKA_CLASS) == Some(CKO_PRIVATE_KEY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::Value;

    fn key(class: u64, key_type: u64, uses: &[u64]) -> Attributes {
        let uses = uses.iter().map(|attribute| (*attribute, Value::Bool(true)));
        let identity = [(CKA_CLASS, Value::Ulong(class)), (CKA_KEY_TYPE, Value::Ulong(key_type))];
        identity.into_iter().chain(uses).collect()
    }

    #[test]
    fn signature_keys_stay_out_unless_asked_for_and_stateful_ones_always() {
        let careful = Choice::default();
        let everything = Choice { signing: true, only_extractable: false };
        let (signature, stateful) = (Some(Reason::Signature), Some(Reason::Stateful));
        for (object, by_default, when_asked) in [
            (key(CKO_PRIVATE_KEY, CKK_EC, &[CKA_SIGN]), signature, None),
            (key(CKO_PRIVATE_KEY, CKK_RSA, &[CKA_SIGN_RECOVER, CKA_DECRYPT]), signature, None),
            (key(CKO_PRIVATE_KEY, CKK_RSA, &[CKA_DECRYPT, CKA_UNWRAP]), None, None),
            (key(CKO_PRIVATE_KEY, CKK_HSS, &[CKA_SIGN]), stateful, stateful),
            (key(CKO_PRIVATE_KEY, CKK_XMSS, &[]), stateful, stateful),
            (key(CKO_PRIVATE_KEY, CKK_XMSSMT, &[CKA_SIGN]), stateful, stateful),
            (key(CKO_PUBLIC_KEY, CKK_HSS, &[CKA_VERIFY]), None, None),
            (key(CKO_SECRET_KEY, CKK_GENERIC_SECRET, &[CKA_SIGN]), None, None),
            (key(CKO_OTP_KEY, CKK_HOTP, &[CKA_SIGN]), None, None),
        ] {
            assert_eq!(careful.leaves_out(&object), by_default, "{object:?}");
            assert_eq!(everything.leaves_out(&object), when_asked, "{object:?}");
        }
    }

    #[test]
    fn keys_that_are_not_extractable_stay_out_where_that_is_wanted() {
        let choice = Choice { signing: true, only_extractable: true };
        let secret = |uses: &[u64]| choice.leaves_out(&key(CKO_SECRET_KEY, CKK_AES, uses));
        assert_eq!(secret(&[CKA_ENCRYPT]), Some(Reason::NotExtractable));
        assert_eq!(secret(&[CKA_EXTRACTABLE]), None);
        assert_eq!(choice.leaves_out(&key(CKO_PUBLIC_KEY, CKK_RSA, &[])), None);
    }
}
