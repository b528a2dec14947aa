//! Asynchronous sessions (PKCS#11 section 5.21): what takes long is worked on by a thread that is made for it, and
//! C_AsyncComplete asks for the result. The thread is joined when the result is fetched, or the session closed.

use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use crate::ck::*;
use crate::error::{Error, Result};
use crate::mechanism::{self, Sign};
use crate::token::ObjectHandle;

use super::Session;
use super::operation::Detached;
use super::output::Output;
use super::told::tell_use;

/// The functions that can be asynchronous.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    GenerateKey,
    GenerateKeyPair,
    Sign,
    SignFinal,
}

impl Function {
    const ALL: [Function; 4] =
        [Function::GenerateKey, Function::GenerateKeyPair, Function::Sign, Function::SignFinal];

    fn name(self) -> &'static str {
        match self {
            Function::GenerateKey => "C_GenerateKey",
            Function::GenerateKeyPair => "C_GenerateKeyPair",
            Function::Sign => "C_Sign",
            Function::SignFinal => "C_SignFinal",
        }
    }

    /// Errors: CKR_OPERATION_NOT_INITIALIZED for the name of a function that is never asynchronous.
    fn of_name(name: &[u8]) -> Result<Self> {
        let function = Self::ALL.into_iter().find(|function| function.name().as_bytes() == name);
        function.ok_or(Error::OperationNotInitialized)
    }
}

/// What a function has made, as CK_ASYNC_DATA tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// hObject and hAdditionalObject.
    Objects { object: ObjectHandle, additional: Option<ObjectHandle> },
    /// What goes into the caller's buffer.
    Bytes(Vec<u8>),
}

/// A function that has ended.
pub struct Completed {
    /// The address of the buffer that the caller gave when it began; zero for functions without one. The buffer has as many
    /// bytes as the outcome, or more.
    pub buffer: usize,
    pub outcome: Result<Outcome>,
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
    /// As `Completed::buffer`.
    buffer: usize,
    /// Made with a private object: void after a logout.
    private: bool,
    void: bool,
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
        self.begin(function, (0, false), move || work(&session))
    }

    /// Lets a thread give the signature of a detached operation; with `None` the call asked for its length. The answers are
    /// those of `work_apart`. The signature comes into the caller's buffer with C_AsyncComplete.
    pub(super) fn sign_apart(
        &self,
        function: Function,
        detached: Option<Detached>,
        signature: &mut Output,
    ) -> Result<()> {
        let Some(Detached { run, private, told }) = detached else { return Ok(()) };
        let buffer = signature.bytes().as_mut_ptr().expose_provenance();
        let token = Arc::clone(&self.token);
        self.begin(function, (buffer, private), move || {
            let signature = signature_of(run);
            tell_use(&token, &told, &signature);
            signature.map(Outcome::Bytes)
        })
    }

    fn begin(
        &self,
        function: Function,
        (buffer, private): (usize, bool),
        work: impl FnOnce() -> Result<Outcome> + Send + 'static,
    ) -> Result<()> {
        let mut tasks = self.tasks.lock();
        if tasks.closed {
            return Err(Error::SessionClosed);
        }
        if tasks.running.iter().any(|task| task.function == function) {
            return Err(Error::OperationActive);
        }
        let thread = Builder::new().spawn(work).map_err(|_| Error::HostMemory)?;
        tasks.running.push(Task { function, thread, buffer, private, void: false });
        Err(Error::Pending)
    }

    /// Opened with CKF_ASYNC_SESSION.
    pub fn is_asynchronous(&self) -> bool {
        self.asynchronous
    }

    /// Whether a thread works on a signature, or has one to be fetched.
    pub(super) fn signs_apart(&self) -> bool {
        let signs = |task: &Task| matches!(task.function, Function::Sign | Function::SignFinal);
        self.asynchronous && self.tasks.lock().running.iter().any(signs)
    }

    /// A logout: nobody gets signatures any more that were begun with private keys.
    pub(super) fn void_private_work(&self) {
        for task in self.tasks.lock().running.iter_mut().filter(|task| task.private) {
            task.void = true;
        }
    }

    /// C_AsyncComplete: what the function has come to, its own errors among it (CKR_USER_NOT_LOGGED_IN after a logout). Errors:
    /// CKR_PENDING while it works, CKR_OPERATION_NOT_INITIALIZED where it does not.
    pub fn complete(&self, function: &[u8]) -> Result<Completed> {
        let function = Function::of_name(function)?;
        let mut tasks = self.tasks.lock();
        let place = tasks.running.iter().position(|task| task.function == function);
        let place = place.ok_or(Error::OperationNotInitialized)?;
        if tasks.running.get(place).is_some_and(|task| !task.thread.is_finished()) {
            return Err(Error::Pending);
        }
        let Task { thread, buffer, void, .. } = tasks.running.swap_remove(place);
        // A panic of the worker is CKR_GENERAL_ERROR, as that of any call.
        let outcome = thread.join().unwrap_or(Err(Error::GeneralError));
        Ok(Completed { buffer, outcome: if void { Err(Error::UserNotLoggedIn) } else { outcome } })
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

/// The last step of a signature, in the thread that works on it.
fn signature_of(run: Box<dyn Sign>) -> Result<Vec<u8>> {
    let mut signature = Vec::new();
    signature.try_reserve_exact(run.output_len())?;
    signature.resize(run.output_len(), 0);
    let written = run.finish(&mut signature)?;
    signature.truncate(written);
    Ok(signature)
}
