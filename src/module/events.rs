//! Slot events (PKCS#11 section 5.5, C_WaitForSlotEvent): a token file that appears or disappears.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::lock::{Condvar, Mutex};
use crate::token::SlotId;

/// How often a waiting thread looks at the folder. There is no thread of our own that could look for it.
const LOOK: Duration = Duration::from_millis(200);

/// What has happened and was not told yet.
#[derive(Default)]
pub(super) struct Events {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Default)]
struct State {
    slots: BTreeSet<SlotId>,
    finalized: bool,
}

impl Events {
    /// Something has happened in this slot.
    pub(super) fn add(&self, slot: SlotId) {
        self.state.lock().slots.insert(slot);
    }

    /// Takes the event of one slot.
    pub(super) fn take(&self) -> Option<SlotId> {
        self.state.lock().slots.pop_first()
    }

    /// C_Finalize: whoever waits gets CKR_CRYPTOKI_NOT_INITIALIZED.
    pub(super) fn end(&self) {
        self.state.lock().finalized = true;
        self.ended.notify_all();
    }

    /// Waits until it is worth looking again. Errors: CKR_CRYPTOKI_NOT_INITIALIZED.
    pub(super) fn pause(&self) -> Result<()> {
        let mut state = self.state.lock();
        if !state.finalized {
            state = self.ended.wait_for(state, LOOK);
        }
        if state.finalized { Err(Error::CryptokiNotInitialized) } else { Ok(()) }
    }
}
