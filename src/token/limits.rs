//! Limits of how much a key may do (CKA_COFFER_USE_LIMIT, CKA_COFFER_BYTE_LIMIT): what is used is counted ahead, in reservations
//! that are durable before anything of them is used. A crash loses what was reserved, so that the count is never too low.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::ck::*;
use crate::error::{Error, Result};
use crate::object::{Object, Value, attribute};
use crate::policy::{Concern, Meter, Mode, Use};

use super::Token;
use super::event::{Outcome, What};
use super::handle::ObjectHandle;

/// The most uses of one reservation: so many are lost in a crash.
const MOST_USES: u64 = 1000;
/// The most bytes of one reservation.
const MOST_BYTES: u64 = 16 << 20;

/// What a limit is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Quantity {
    Uses,
    Bytes,
}

impl Quantity {
    fn limit(self) -> CK_ATTRIBUTE_TYPE {
        match self {
            Quantity::Uses => CKA_COFFER_USE_LIMIT,
            Quantity::Bytes => CKA_COFFER_BYTE_LIMIT,
        }
    }

    /// What has been reserved of it.
    fn reserved(self) -> CK_ATTRIBUTE_TYPE {
        match self {
            Quantity::Uses => CKA_COFFER_USES,
            Quantity::Bytes => CKA_COFFER_BYTES,
        }
    }

    /// How much is reserved at a time: a hundredth of the limit, and not too much.
    fn block(self, limit: u64) -> u64 {
        let most = match self {
            Quantity::Uses => MOST_USES,
            Quantity::Bytes => MOST_BYTES,
        };
        (limit / 100).clamp(1, most)
    }
}

/// What this process may still use of its reservations.
struct Allowance {
    /// The limit under which it was reserved: another one makes it void.
    limit: u64,
    left: AtomicU64,
}

impl Allowance {
    fn take(&self, limit: u64, amount: u64) -> bool {
        let take = |left: u64| left.checked_sub(amount);
        self.limit == limit && self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }
}

/// The allowances of this process, by key and quantity.
#[derive(Default)]
pub(super) struct Allowances(crate::lock::RwLock<HashMap<(ObjectHandle, Quantity), Arc<Allowance>>>);

impl Allowances {
    fn take(&self, key: ObjectHandle, quantity: Quantity, limit: u64, amount: u64) -> bool {
        let allowance = self.0.read().get(&(key, quantity)).cloned();
        allowance.is_some_and(|allowance| allowance.take(limit, amount))
    }

    /// Adds what was reserved to what is left under the same limit.
    fn add(&self, key: ObjectHandle, quantity: Quantity, limit: u64, amount: u64) {
        let mut allowances = self.0.write();
        let left = match allowances.get(&(key, quantity)) {
            Some(held) if held.limit == limit => held.left.swap(0, Ordering::Relaxed),
            _ => 0,
        };
        let left = AtomicU64::new(left.saturating_add(amount));
        allowances.insert((key, quantity), Arc::new(Allowance { limit, left }));
    }

    /// The token was initialised anew.
    pub(super) fn forget(&self) {
        self.0.write().clear();
    }
}

/// Counts for one key.
struct KeyMeter {
    token: Arc<Token>,
    key: ObjectHandle,
    purpose: Use,
}

impl Meter for KeyMeter {
    fn count_use(&self) -> Result<()> {
        self.token.spend(self.key, Quantity::Uses, 1, self.purpose)
    }

    fn count_bytes(&self, bytes: usize) -> Result<()> {
        self.token.spend(self.key, Quantity::Bytes, bytes as u64, self.purpose)
    }
}

impl Token {
    /// What counts the uses of a key with a limit.
    pub fn meter(self: &Arc<Self>, key: ObjectHandle, purpose: Use) -> Arc<dyn Meter> {
        Arc::new(KeyMeter { token: Arc::clone(self), key, purpose })
    }

    /// Takes so much of a limit, if the key has it. Errors in a token that enforces: CKR_KEY_EXHAUSTED, and those of
    /// writing the token; CKR_KEY_HANDLE_INVALID for a key that is gone.
    fn spend(&self, key: ObjectHandle, quantity: Quantity, amount: u64, purpose: Use) -> Result<()> {
        let mode = self.validity().mode;
        let (_, object) = self.entry_object(key).map_err(|_| Error::KeyHandleInvalid)?;
        let Some(limit) = object.ulong(quantity.limit()).filter(|_| mode != Mode::Off && amount > 0) else {
            return Ok(());
        };
        if self.allowances.take(key, quantity, limit, amount) {
            return Ok(());
        }
        let _one_at_a_time = self.counters.lock();
        if self.allowances.take(key, quantity, limit, amount) {
            return Ok(());
        }
        match self.reserve(key, quantity, amount, mode, purpose) {
            Ok((limit, reserved)) => {
                self.allowances.add(key, quantity, limit, reserved.saturating_sub(amount));
                Ok(())
            }
            Err(error) if mode == Mode::Enforce => {
                self.note_exhausted(&object, purpose, error);
                Err(error)
            }
            // A token that only warns does not refuse because it cannot count.
            Err(_) => Ok(()),
        }
    }

    /// Tells the log that a use was refused.
    fn note_exhausted(&self, key: &Object, purpose: Use, error: Error) {
        if self.tells_refusals() && error == Error::KeyExhausted {
            let usage = attribute::lookup(purpose.attribute()).map_or("use", |info| info.name);
            let event = self.event(What::Denied).outcome(Outcome::denied(error)).about(key.attributes());
            self.note(&event.detail(&format!("{usage} beyond the key's limit")));
        }
    }

    /// Reserves at least so much, durably. Answers the limit and what was reserved.
    fn reserve(
        &self,
        key: ObjectHandle,
        quantity: Quantity,
        amount: u64,
        mode: Mode,
        purpose: Use,
    ) -> Result<(u64, u64)> {
        let made = Cell::new((0, 0));
        let now = self.now();
        self.change_as(None, key, |object: &Object| {
            let mut attributes = object.attributes().clone();
            let limit = object.ulong(quantity.limit()).unwrap_or(u64::MAX);
            let before = object.ulong(quantity.reserved()).unwrap_or(0);
            let left = limit.saturating_sub(before);
            if amount > left && mode == Mode::Enforce {
                return Err(Error::KeyExhausted);
            }
            let reserved = quantity.block(limit).min(left).max(amount);
            attributes.set(quantity.reserved(), Value::Ulong(before.saturating_add(reserved)));
            attributes.set(CKA_COFFER_LAST_USED, Value::Ulong(now));
            made.set((limit, reserved));
            if amount > left {
                self.note_concern(key, purpose, Concern::Exhausted);
            }
            Ok(attributes)
        })?;
        Ok(made.get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_a_hundredth_of_the_limit_and_bounded() {
        let uses: Vec<u64> = [0, 1, 99, 100, 5000, u64::MAX].map(|limit| Quantity::Uses.block(limit)).into();
        assert_eq!(uses, [1, 1, 1, 1, 50, 1000]);
        assert_eq!(Quantity::Bytes.block(u64::MAX), 16 << 20);
    }

    #[test]
    fn an_allowance_is_void_under_another_limit() {
        let allowances = Allowances::default();
        let key = ObjectHandle(1);
        allowances.add(key, Quantity::Uses, 10, 2);
        assert!(allowances.take(key, Quantity::Uses, 10, 1));
        assert!(!allowances.take(key, Quantity::Bytes, 10, 1));
        assert!(!allowances.take(key, Quantity::Uses, 9, 1));
        allowances.add(key, Quantity::Uses, 10, 1);
        assert!(allowances.take(key, Quantity::Uses, 10, 2));
        assert!(!allowances.take(key, Quantity::Uses, 10, 1));
    }
}
