//! Messages of authenticated encryption (PKCS#11 sections 5.9, 5.11 and 6.13): one key, and for each message a nonce and a
//! tag of its own. The nonce is the caller's or the token's.
//!
//! A token's nonce never comes twice for a key, as far as one process can tell: the key counts them. A random one is safe
//! only for so many messages: the chance that any two are the same stays below 2^-32 (SP 800-38D section 8.3), which
//! for 96 bits are 2^32 messages.

use std::sync::atomic::Ordering;

use crate::ck::*;
use crate::crypto::random;
use crate::error::{Error, Result};
use crate::policy::{Parameter, UsableKey};

/// What the caller tells of a message: CK_GCM_MESSAGE_PARAMS and its like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageParams {
    /// Nonce or IV. Where the token generates it, its length and its fixed bits count.
    pub nonce: Vec<u8>,
    /// So many leading bits stay as they are.
    pub fixed_bits: u64,
    /// CKG_NO_GENERATE … CKG_GENERATE_COUNTER_XOR.
    pub generator: CK_GENERATOR_FUNCTION,
    /// Bytes.
    pub tag_len: usize,
    /// Bytes of text, where the mechanism needs to know before (CCM).
    pub data_len: u64,
}

impl MessageParams {
    /// What a token's profile asks of a parameter; a nonce of the token is right whatever it is.
    pub fn told(&self) -> Parameter<'_> {
        let given = (self.generator == CKG_NO_GENERATE).then_some(self.nonce.as_slice());
        Parameter { iv: given, tag_bits: Some(self.tag_len as u64 * 8), hash: None }
    }

    /// The same with the nonce of the next message. Errors: CKR_MECHANISM_PARAM_INVALID, also for a counter with a token
    /// key or a copy of one, which would begin anew in every process; CKR_KEY_EXHAUSTED after too many nonces.
    pub fn for_next_message(mut self, key: &UsableKey) -> Result<Self> {
        if self.generator == CKG_NO_GENERATE {
            return Ok(self);
        }
        let bits = self.nonce.len() as u64 * 8;
        let free = bits.checked_sub(self.fixed_bits).ok_or(Error::MechanismParamInvalid)?;
        let counts = match self.generator {
            CKG_GENERATE | CKG_GENERATE_RANDOM => false,
            CKG_GENERATE_COUNTER | CKG_GENERATE_COUNTER_XOR => true,
            _ => return Err(Error::MechanismParamInvalid),
        };
        let most = match counts {
            true if key.object().may_be_elsewhere() => None,
            true => 1u64.checked_shl(free.min(63) as u32).filter(|_| free > 0),
            false => free.checked_sub(32).map(|spare| 1 << (spare / 2).min(32)),
        };
        let number = take(key, most.ok_or(Error::MechanismParamInvalid)?)?;
        if counts {
            self.count(number, free);
        } else {
            self.randomise()?;
        }
        Ok(self)
    }

    /// The free bits become random.
    fn randomise(&mut self) -> Result<()> {
        let mut fresh = Vec::new();
        fresh.try_reserve_exact(self.nonce.len())?;
        fresh.resize(self.nonce.len(), 0);
        random::fill(&mut fresh)?;
        for (index, (byte, fresh)) in self.nonce.iter_mut().zip(fresh).enumerate() {
            let mask = fixed_mask(index, self.fixed_bits);
            *byte = *byte & mask | fresh & !mask;
        }
        Ok(())
    }

    /// The free bits become the number, or are mixed with it; it fits into them.
    fn count(&mut self, number: u64, free: u64) {
        if self.generator == CKG_GENERATE_COUNTER {
            let fixed_bits = self.nonce.len() as u64 * 8 - free;
            for (index, byte) in self.nonce.iter_mut().enumerate() {
                *byte &= fixed_mask(index, fixed_bits);
            }
        }
        let number = number.to_be_bytes();
        self.nonce.iter_mut().rev().zip(number.iter().rev()).for_each(|(byte, part)| *byte ^= part);
    }
}

/// The bits of a byte that belong to the first `fixed_bits` bits.
fn fixed_mask(index: usize, fixed_bits: u64) -> u8 {
    match fixed_bits.saturating_sub(index as u64 * 8) {
        0 => 0,
        bits @ 1..8 => !(0xff >> bits),
        _ => 0xff,
    }
}

/// The number of the next nonce that is generated for a key. Errors: CKR_KEY_EXHAUSTED from `most` on.
fn take(key: &UsableKey, most: u64) -> Result<u64> {
    let next = |taken: u64| (taken < most).then(|| taken + 1);
    let count = key.object().generated_nonces();
    count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).map_err(|_| Error::KeyExhausted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::{Attributes, Value};

    fn key(token: bool) -> UsableKey {
        UsableKey::unchecked(Attributes::from_iter([(CKA_TOKEN, Value::Bool(token))]))
    }

    fn asked(generator: CK_GENERATOR_FUNCTION, nonce: &[u8], fixed_bits: u64) -> MessageParams {
        MessageParams { nonce: nonce.to_vec(), fixed_bits, generator, tag_len: 16, data_len: 0 }
    }

    fn nonce(key: &UsableKey, asked: &MessageParams) -> Result<Vec<u8>> {
        asked.clone().for_next_message(key).map(|message| message.nonce)
    }

    #[test]
    fn a_counter_begins_at_zero_goes_on_and_leaves_the_fixed_bits() {
        let session_key = key(false);
        let counter = asked(CKG_GENERATE_COUNTER, &[0xff; 12], 33);
        let mut expected = [0xff, 0xff, 0xff, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(nonce(&session_key, &counter), Ok(expected.to_vec()));
        expected[11] = 1;
        assert_eq!(nonce(&session_key, &counter), Ok(expected.to_vec()));
        let xor = asked(CKG_GENERATE_COUNTER_XOR, &[0xff; 12], 0);
        assert_eq!(nonce(&session_key, &xor).unwrap()[10..], [0xff, 0xfd]);
    }

    #[test]
    fn random_nonces_differ_and_leave_the_fixed_bits() {
        let key = key(true);
        for generator in [CKG_GENERATE, CKG_GENERATE_RANDOM] {
            let asked = asked(generator, &[0xa5; 16], 20);
            let (first, second) = (nonce(&key, &asked).unwrap(), nonce(&key, &asked).unwrap());
            assert_ne!(first, second);
            assert!([&first, &second].iter().all(|nonce| nonce[..2] == [0xa5; 2] && nonce[2] >> 4 == 0xa));
        }
    }

    #[test]
    fn a_nonce_of_the_caller_stays_as_it_is() {
        assert_eq!(nonce(&key(true), &asked(CKG_NO_GENERATE, &[7; 12], 96)), Ok(vec![7; 12]));
    }

    #[test]
    fn nonces_end_before_one_could_come_twice() {
        let counted = key(false);
        let counter = asked(CKG_GENERATE_COUNTER, &[0; 12], 95);
        assert!(nonce(&counted, &counter).is_ok() && nonce(&counted, &counter).is_ok());
        assert_eq!(nonce(&counted, &counter), Err(Error::KeyExhausted));
        // 40 random bits are good for 2^4 messages.
        let drawn = key(true);
        let random = asked(CKG_GENERATE, &[0; 12], 56);
        assert!((0..16).all(|_| nonce(&drawn, &random).is_ok()));
        assert_eq!(nonce(&drawn, &random), Err(Error::KeyExhausted));
        // 96 bits for 2^32.
        let last = key(true);
        last.object().generated_nonces().store((1 << 32) - 1, Ordering::Relaxed);
        let random = asked(CKG_GENERATE, &[0; 12], 0);
        assert!(nonce(&last, &random).is_ok());
        assert_eq!(nonce(&last, &random), Err(Error::KeyExhausted));
    }

    #[test]
    fn what_cannot_give_a_nonce_is_refused() {
        for (generator, fixed_bits) in [
            (CKG_GENERATE, 97),
            (CKG_GENERATE, 65),
            (CKG_GENERATE_RANDOM, 96),
            (CKG_GENERATE_COUNTER, 96),
            (CKG_GENERATE_COUNTER, u64::MAX),
            (5, 0),
        ] {
            let refused = nonce(&key(false), &asked(generator, &[0; 12], fixed_bits));
            assert_eq!(refused, Err(Error::MechanismParamInvalid), "{generator} {fixed_bits}");
        }
        for generator in [CKG_GENERATE_COUNTER, CKG_GENERATE_COUNTER_XOR] {
            let refused = nonce(&key(true), &asked(generator, &[0; 12], 32));
            assert_eq!(refused, Err(Error::MechanismParamInvalid));
        }
    }
}
