//! Counters of one-time-password keys, which change with their use (PKCS#11 section 6.53).

use std::cell::Cell;

use crate::ck::*;
use crate::error::{Error, Result};
use crate::object::Value;

use super::Token;
use super::handle::ObjectHandle;

impl Token {
    /// The key's counter, CKA_OTP_COUNTER, which is one more afterwards. The new one is durable before the old one is
    /// answered, so that no counter is given out twice, to another process neither. Errors: CKR_KEY_EXHAUSTED after
    /// the last one, CKR_TOKEN_WRITE_PROTECTED where it cannot be written.
    pub fn take_counter(&self, handle: ObjectHandle) -> Result<u64> {
        // A session object is changed without a comparison with what was read.
        let _one_at_a_time = self.counters.lock();
        let taken = Cell::new(0);
        // A use, and no change that somebody has decided.
        self.change_as(None, handle, |object| {
            let counter = object.bytes(CKA_OTP_COUNTER).and_then(|bytes| bytes.try_into().ok());
            let counter = u64::from_be_bytes(counter.ok_or(Error::GeneralError)?);
            let next = counter.checked_add(1).ok_or(Error::KeyExhausted)?;
            taken.set(counter);
            let mut attributes = object.attributes().clone();
            attributes.set(CKA_OTP_COUNTER, Value::Bytes(next.to_be_bytes().to_vec()));
            Ok(attributes)
        })?;
        Ok(taken.get())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::config::Config;
    use crate::object::{Attributes, SearchTemplate};
    use crate::policy::{Profile, Role, Source};
    use crate::secret::Secret;
    use crate::store::MemoryBackend;
    use crate::token::{Identity, SessionHandle, Settings, SlotId, padded};

    fn config() -> Arc<Config> {
        let mut config = Config::with_home("/nowhere");
        config.pin.kdf_iterations = 10_000;
        Arc::new(config)
    }

    fn logged_in(token: Token) -> Token {
        token.session_opened(true).unwrap();
        token.log_in(Role::User, &Secret::copy_of(b"1234")).unwrap();
        token
    }

    fn new_token(backend: Arc<MemoryBackend>) -> Token {
        let so_pin = Secret::copy_of(b"5678");
        let (label, serial) = (padded("t"), padded("1"));
        let (profile, settings) = (Profile::Compatible, Settings::default());
        let identity = Identity { slot: SlotId(0), label, serial, profile, settings };
        let token = Token::create(backend, config(), &identity, &so_pin).unwrap();
        token.session_opened(true).unwrap();
        token.log_in(Role::SecurityOfficer, &so_pin).unwrap();
        token.init_pin(&Secret::copy_of(b"1234")).unwrap();
        token.log_out().unwrap();
        logged_in(token)
    }

    fn key(in_file: bool, counter: u64) -> Attributes {
        Attributes::from_iter([
            (CKA_CLASS, Value::Ulong(CKO_OTP_KEY)),
            (CKA_KEY_TYPE, Value::Ulong(CKK_HOTP)),
            (CKA_TOKEN, Value::Bool(in_file)),
            (CKA_PRIVATE, Value::Bool(true)),
            (CKA_VALUE, Value::Secret(Secret::copy_of(b"12345678901234567890"))),
            (CKA_OTP_COUNTER, Value::Bytes(counter.to_be_bytes().to_vec())),
        ])
    }

    fn the_key(token: &Token) -> ObjectHandle {
        let mut search = SearchTemplate::new();
        search.push(CKA_CLASS, &CKO_OTP_KEY.to_ne_bytes()).unwrap();
        token.find(&search).unwrap()[0]
    }

    /// Two tokens over one file stand for two processes.
    #[test]
    fn no_counter_is_given_out_twice_and_the_last_one_is_in_the_file() {
        let backend = Arc::new(MemoryBackend::new());
        let first = new_token(backend.clone());
        first.create_objects(vec![key(true, 0)], SessionHandle(1), Source::Generated).unwrap();
        let second = logged_in(Token::open(backend.clone(), config()).unwrap());
        let mut taken: Vec<u64> = std::thread::scope(|scope| {
            let takers = [&first, &second, &first, &second].map(|token| {
                scope.spawn(move || {
                    let key = the_key(token);
                    (0..20).map(|_| token.take_counter(key).unwrap()).collect::<Vec<_>>()
                })
            });
            takers.into_iter().flat_map(|taker| taker.join().unwrap()).collect()
        });
        taken.sort_unstable();
        assert_eq!(taken, (0..80).collect::<Vec<u64>>());
        let third = logged_in(Token::open(backend, config()).unwrap());
        assert_eq!(third.take_counter(the_key(&third)), Ok(80));
    }

    #[test]
    fn the_last_counter_exhausts_the_key_and_is_never_given_out() {
        let token = new_token(Arc::new(MemoryBackend::new()));
        let key = token
            .create_objects(vec![key(false, u64::MAX - 1)], SessionHandle(1), Source::Generated)
            .unwrap()[0];
        assert_eq!(token.take_counter(key), Ok(u64::MAX - 1));
        assert_eq!(token.take_counter(key), Err(Error::KeyExhausted));
    }
}
