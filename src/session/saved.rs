//! Saved operations: C_GetOperationState and C_SetOperationState (PKCS#11 section 5.6).
//!
//! The state itself stays in the library; what the application gets is a random ticket for it. So nothing of a digest, which
//! may be one of a key, leaves the library, and a ticket is worth nothing to another token or process.

use std::collections::VecDeque;

use subtle::ConstantTimeEq;

use crate::crypto::random;
use crate::error::{Error, Result};
use crate::lock::Mutex;
use crate::mechanism::Digest;
use crate::secret::Secret;
use crate::token::{ObjectHandle, SlotId};

use super::Session;
use super::operation::{Active, Operation};
use super::output::Output;

/// The length of a ticket in bytes.
const TICKET: usize = 32;

/// So many states are kept; beyond that the oldest is forgotten.
const MOST: usize = 256;

/// The saved states of all sessions.
#[derive(Default)]
pub struct Saved(Mutex<VecDeque<State>>);

struct State {
    ticket: Secret,
    slot: SlotId,
    digest: Box<dyn Digest>,
}

impl Session {
    /// C_GetOperationState: of a digest. Errors: CKR_OPERATION_NOT_INITIALIZED, CKR_STATE_UNSAVEABLE while an operation
    /// with a key is active.
    pub fn operation_state(&self, output: &mut Output) -> Result<()> {
        let mut state = self.state();
        if state.with_keys().iter().any(|(_, operation)| operation.is_active()) {
            return Err(Error::StateUnsaveable);
        }
        let digest = match &state.digest {
            Operation::Ready(active) | Operation::Streaming(active) => active.run().copy()?,
            Operation::Idle => return Err(Error::OperationNotInitialized),
            Operation::OutputPending { .. } => return Err(Error::StateUnsaveable),
        };
        let ticket = random::secret(TICKET)?;
        // Only a ticket that has been handed over has a state.
        if output.deliver(ticket.as_bytes())? {
            let siblings = self.siblings.upgrade().ok_or(Error::CryptokiNotInitialized)?;
            siblings.saved().keep(State { ticket, slot: self.slot, digest });
        }
        Ok(())
    }

    /// C_SetOperationState: the session's digest goes on from the saved state, and other operations end. Errors:
    /// CKR_SAVED_STATE_INVALID, CKR_KEY_NOT_NEEDED, for a digest has no key.
    pub fn set_operation_state(&self, ticket: &[u8], keys: [ObjectHandle; 2]) -> Result<()> {
        let siblings = self.siblings.upgrade().ok_or(Error::CryptokiNotInitialized)?;
        let digest = siblings.saved().copy(ticket, self.slot)?;
        if keys.iter().any(|key| key.0 != 0) {
            return Err(Error::KeyNotNeeded);
        }
        let mut state = self.state();
        for (_, operation) in state.with_keys() {
            operation.cancel();
        }
        state.digest = Operation::Streaming(Active::new(digest, false, false));
        Ok(())
    }
}

impl Saved {
    fn keep(&self, state: State) {
        let mut states = self.0.lock();
        if states.len() == MOST {
            states.pop_front();
        }
        states.push_back(state);
    }

    fn copy(&self, ticket: &[u8], slot: SlotId) -> Result<Box<dyn Digest>> {
        let states = self.0.lock();
        let same = |state: &&State| state.slot == slot && bool::from(state.ticket.as_bytes().ct_eq(ticket));
        states.iter().find(same).ok_or(Error::SavedStateInvalid)?.digest.copy()
    }

    /// C_Finalize, and a token that is initialised anew.
    pub fn forget(&self) {
        self.0.lock().clear();
    }
}
