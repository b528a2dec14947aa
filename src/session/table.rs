//! All sessions of the application, in shards, so that threads in different sessions do not meet.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::config::Config;
use crate::error::{Error, Result};
use crate::lock::{Mutex, RwLock};
use crate::token::{SessionHandle, SlotId, Token};

use super::saved::Saved;
use super::{Session, State};

const SHARDS: usize = 16;

/// The sessions by handle.
pub struct SessionTable {
    shards: [RwLock<HashMap<SessionHandle, Arc<Session>>>; SHARDS],
    saved: Saved,
}

/// The next session's handle. It outlives C_Finalize, so that a stale handle never meets another session.
static NEXT_HANDLE: AtomicU64 = AtomicU64::new(1);

impl Default for SessionTable {
    fn default() -> Self {
        Self { shards: std::array::from_fn(|_| RwLock::default()), saved: Saved::default() }
    }
}

impl SessionTable {
    /// Errors: CKR_SESSION_READ_WRITE_SO_EXISTS.
    pub fn open(
        self: &Arc<Self>,
        slot: SlotId,
        token: Arc<Token>,
        config: Arc<Config>,
        read_write: bool,
        asynchronous: bool,
    ) -> Result<SessionHandle> {
        let era = token.session_opened(read_write)?;
        let handle = SessionHandle(NEXT_HANDLE.fetch_add(1, Ordering::Relaxed));
        let session = Session {
            handle,
            slot,
            read_write,
            asynchronous,
            tasks: Mutex::default(),
            closed: AtomicBool::new(false),
            era,
            token,
            config,
            siblings: Arc::downgrade(self),
            state: Mutex::new(State::default()),
        };
        self.shard(handle).write().insert(handle, Arc::new(session));
        Ok(handle)
    }

    pub fn saved(&self) -> &Saved {
        &self.saved
    }

    /// Errors: CKR_SESSION_HANDLE_INVALID, also for a session whose token was initialised anew.
    pub fn session(&self, handle: SessionHandle) -> Result<Arc<Session>> {
        let session = self.shard(handle).read().get(&handle).cloned().ok_or(Error::SessionHandleInvalid)?;
        if session.is_alive() {
            return Ok(session);
        }
        // Another thread may have closed it meanwhile.
        let _ = self.close(handle);
        Err(Error::SessionHandleInvalid)
    }

    /// Errors: CKR_SESSION_HANDLE_INVALID.
    pub fn close(&self, handle: SessionHandle) -> Result<()> {
        let session = self.shard(handle).write().remove(&handle).ok_or(Error::SessionHandleInvalid)?;
        session.close();
        Ok(())
    }

    /// Closes all sessions with the token of a slot.
    pub fn close_slot(&self, slot: SlotId) {
        for session in self.of_slot(slot) {
            // Another thread may have closed it meanwhile.
            let _ = self.close(session.handle());
        }
    }

    /// Closes every session (C_Finalize).
    pub fn close_all(&self) {
        self.saved.forget();
        for shard in &self.shards {
            let sessions: Vec<_> = shard.write().drain().map(|(_, session)| session).collect();
            for session in sessions {
                session.close();
            }
        }
    }

    pub fn of_slot(&self, slot: SlotId) -> Vec<Arc<Session>> {
        let in_shard = |shard: &RwLock<HashMap<_, Arc<Session>>>| {
            let sessions = shard.read();
            sessions.values().filter(|session| session.slot() == slot).cloned().collect::<Vec<_>>()
        };
        self.shards.iter().flat_map(in_shard).collect()
    }

    fn shard(&self, handle: SessionHandle) -> &RwLock<HashMap<SessionHandle, Arc<Session>>> {
        &self.shards[handle.0 as usize % SHARDS]
    }
}
