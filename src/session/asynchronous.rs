//! Asynchronous sessions (PKCS#11 section 5.21): what takes long is worked on by a thread that is made for it, and
//! C_AsyncComplete asks for the result. The thread is joined when the result is fetched, or the session closed.

use std::thread::{Builder, JoinHandle};

use crate::ck::*;
use crate::error::{Error, Result};
use crate::mechanism;
use crate::token::ObjectHandle;

use super::Session;

/// The functions that can be asynchronous.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    GenerateKey,
    GenerateKeyPair,
}

impl Function {
    const ALL: [Function; 2] = [Function::GenerateKey, Function::GenerateKeyPair];

    fn name(self) -> &'static str {
        match self {
            Function::GenerateKey => "C_GenerateKey",
            Function::GenerateKeyPair => "C_GenerateKeyPair",
        }
    }

    /// Errors: CKR_OPERATION_NOT_INITIALIZED for the name of a function that is never asynchronous.
    fn of_name(name: &[u8]) -> Result<Self> {
        let function = Self::ALL.into_iter().find(|function| function.name().as_bytes() == name);
        function.ok_or(Error::OperationNotInitialized)
    }
}

/// What a function has made: hObject and hAdditionalObject of CK_ASYNC_DATA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub object: ObjectHandle,
    pub additional: Option<ObjectHandle>,
}

/// The work of a session that is under way, or done and not fetched yet.
#[derive(Default)]
pub(super) struct Tasks {
    running: Vec<Task>,
    closed: bool,
}

struct Task {
    function: Function,
    thread: JoinHandle<Result<Outcome>>,
}

impl Session {
    /// Whether a thread of its own works on this: in an asynchronous session, with a mechanism that takes long.
    pub fn works_apart(&self, mechanism: CK_MECHANISM_TYPE) -> bool {
        self.asynchronous && mechanism::lookup(mechanism).is_some_and(|row| row.ops.slow)
    }

    /// Lets a thread do the work. The answer is always an error: CKR_PENDING once it works, CKR_OPERATION_ACTIVE while the
    /// same function has a result to come or to be fetched, CKR_HOST_MEMORY where there is no thread to be had.
    pub fn work_apart(
        &self,
        function: Function,
        work: impl FnOnce(&Session) -> Result<Outcome> + Send + 'static,
    ) -> Result<()> {
        let siblings = self.siblings.upgrade().ok_or(Error::CryptokiNotInitialized)?;
        let session = siblings.session(self.handle)?;
        let mut tasks = self.tasks.lock();
        if tasks.closed {
            return Err(Error::SessionClosed);
        }
        if tasks.running.iter().any(|task| task.function == function) {
            return Err(Error::OperationActive);
        }
        let thread = Builder::new().spawn(move || work(&session)).map_err(|_| Error::HostMemory)?;
        tasks.running.push(Task { function, thread });
        Err(Error::Pending)
    }

    /// C_AsyncComplete: what the function has come to. Errors: CKR_PENDING while it works,
    /// CKR_OPERATION_NOT_INITIALIZED where it does not, and those of the function.
    pub fn complete(&self, function: &[u8]) -> Result<Outcome> {
        let function = Function::of_name(function)?;
        let mut tasks = self.tasks.lock();
        let place = tasks.running.iter().position(|task| task.function == function);
        let place = place.ok_or(Error::OperationNotInitialized)?;
        if tasks.running.get(place).is_some_and(|task| !task.thread.is_finished()) {
            return Err(Error::Pending);
        }
        // A panic of the worker is CKR_GENERAL_ERROR, as that of any call.
        tasks.running.swap_remove(place).thread.join().unwrap_or(Err(Error::GeneralError))
    }

    /// C_AsyncGetID: nothing outlives the session. Errors: CKR_STATE_UNSAVEABLE, CKR_OPERATION_NOT_INITIALIZED where the
    /// function does not work.
    pub fn work_id(&self, function: &[u8]) -> Result<u64> {
        let function = Function::of_name(function)?;
        let works = self.tasks.lock().running.iter().any(|task| task.function == function);
        Err(if works { Error::StateUnsaveable } else { Error::OperationNotInitialized })
    }

    /// The session is closed: waits for what works for it, and lets no more begin.
    pub(super) fn end_work(&self) {
        let running = {
            let mut tasks = self.tasks.lock();
            tasks.closed = true;
            std::mem::take(&mut tasks.running)
        };
        for task in running {
            // What it has come to, nobody can ask any more.
            let _ = task.thread.join();
        }
    }
}
