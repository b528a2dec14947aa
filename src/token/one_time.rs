//! One-time keys of HSS private keys (PKCS#11 section 6.65): which of them is next.
//!
//! They are taken one by one, each with a commit of the token file. A larger reservation would be faster, and would lose what is
//! left of it with every process that ends; a tree has as few as 32 of them.

use std::cell::Cell;

use crate::ck::*;
use crate::crypto::lms;
use crate::error::{Error, Result};
use crate::object::{Object, Value};

use super::Token;
use super::handle::ObjectHandle;

/// CKA_HSS_KEYS_REMAINING is "the minimum of" what remains and 2^32 - 1.
const MOST_TOLD: u64 = 0xffff_ffff;

/// How many one-time keys the key has, gone or not. Errors: CKR_GENERAL_ERROR for what is no HSS private key.
fn total(key: &Object) -> Result<u64> {
    match key.attributes().value(CKA_HSS_LMS_TYPES) {
        Some(Value::Mechanisms(types)) => lms::signatures(types).ok_or(Error::GeneralError),
        _ => Err(Error::GeneralError),
    }
}

impl Token {
    /// The index of a one-time key that nobody has had and nobody will have: it counts as used, durably, before it is answered. A
    /// crash between here and the signature loses it. Errors: CKR_KEY_EXHAUSTED after the last one,
    /// CKR_MECHANISM_INVALID in a token without stateful signatures, CKR_TOKEN_WRITE_PROTECTED where it cannot be written.
    pub fn take_one_time_key(&self, handle: ObjectHandle) -> Result<u64> {
        // A session object is changed without a comparison with what was read.
        let _one_at_a_time = self.counters.lock();
        let taken = Cell::new(0);
        // A use, and no change that somebody has decided.
        self.change_as(None, handle, |object| {
            if !self.signs_statefully() {
                return Err(Error::MechanismInvalid);
            }
            let used = object.ulong(CKA_COFFER_ONE_TIME_KEYS_USED).ok_or(Error::GeneralError)?;
            let left = total(object)?.checked_sub(used).and_then(|left| left.checked_sub(1));
            let left = left.ok_or(Error::KeyExhausted)?;
            taken.set(used);
            let mut attributes = object.attributes().clone();
            attributes.set(CKA_COFFER_ONE_TIME_KEYS_USED, Value::Ulong(used + 1));
            attributes.set(CKA_HSS_KEYS_REMAINING, Value::Ulong(left.min(MOST_TOLD)));
            Ok(attributes)
        })?;
        Ok(taken.get())
    }
}
