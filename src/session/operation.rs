//! The one state machine of every multi-part operation.
//!
//! An operation survives exactly the two cases that the standard names: a length query and CKR_BUFFER_TOO_SMALL.
//! In all others it has been moved out of its place, and is over (PKCS#11 section 5.2 and each C_…Final).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, Result};
use crate::mechanism::{Cipher, Digest, Length, Sign, Verify};
use crate::policy::{Meter, UsableKey};
use crate::secret::Secret;

use super::output::Output;
use super::told::Told;

/// Something that turns input into output, in one part or many.
pub trait Run {
    fn update_len(&self, input: usize) -> Length;
    fn update(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize>;
    fn finish_len(&self) -> Length;
    fn finish(self, output: &mut [u8]) -> Result<usize>;
    fn once_len(&self, input: usize) -> Length;
    fn once(self, input: &[u8], output: &mut [u8]) -> Result<usize>;
    fn multi_part(&self) -> bool;
}

/// A started operation and what must hold for it to go on.
pub struct Active<T> {
    run: T,
    /// CKA_ALWAYS_AUTHENTICATE: the context-specific login has not been given yet.
    needs_auth: bool,
    /// Later ones have higher numbers.
    number: u64,
    /// Ends at logout, because its key is a private object.
    private: bool,
    /// Counts the bytes that a key with a limit protects.
    meter: Option<Arc<dyn Meter>>,
    /// What is told of the use of its key when it is over.
    told: Told,
}

/// The number of an operation that starts now: higher than that of all before.
pub fn next_number() -> u64 {
    static STARTED: AtomicU64 = AtomicU64::new(0);
    STARTED.fetch_add(1, Ordering::Relaxed)
}

impl<T> Active<T> {
    pub fn new(run: T, needs_auth: bool, private: bool) -> Self {
        Self { run, needs_auth, number: next_number(), private, meter: None, told: None }
    }

    /// The same, with its input counted where the key has a limit.
    pub fn metered(self, key: &UsableKey) -> Self {
        Self { meter: key.meter().cloned(), ..self }
    }

    /// The operation, of which this is told when it is over.
    pub fn telling(self, told: Told) -> Self {
        Self { told, ..self }
    }

    pub fn run(&self) -> &T {
        &self.run
    }
}

/// The step whose result waits in `OutputPending`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Once,
    Finish,
}

/// The state of one kind of operation in a session.
#[derive(Default)]
pub enum Operation<T> {
    #[default]
    Idle,
    /// Initialised; no data yet.
    Ready(Active<T>),
    /// Data has come in parts.
    Streaming(Active<T>),
    /// Done, but the result is longer than the caller's buffer: its length was known only afterwards.
    OutputPending { step: Step, result: Secret, private: bool },
}

impl<T> Operation<T> {
    /// Errors: CKR_OPERATION_ACTIVE while another is running.
    pub fn check_idle(&self) -> Result<()> {
        match self {
            Operation::Idle => Ok(()),
            _ => Err(Error::OperationActive),
        }
    }

    pub fn start(&mut self, active: Active<T>) {
        *self = Operation::Ready(active);
    }

    /// What is running. Errors: CKR_OPERATION_NOT_INITIALIZED.
    pub fn running(&self) -> Result<&T> {
        match self {
            Operation::Ready(active) | Operation::Streaming(active) => Ok(&active.run),
            Operation::Idle | Operation::OutputPending { .. } => Err(Error::OperationNotInitialized),
        }
    }

    /// What is told of it when it is over; `None` also where nothing is running.
    pub fn told(&self) -> Told {
        match self {
            Operation::Ready(active) | Operation::Streaming(active) => active.told.clone(),
            Operation::Idle | Operation::OutputPending { .. } => None,
        }
    }

    /// Moves the operation out, so that it is over whatever happens next, for so many bytes of input. Errors:
    /// CKR_KEY_EXHAUSTED where they are more than the key may protect.
    fn take_for(&mut self, input: usize) -> Result<Active<T>> {
        let active = self.take()?;
        match &active.meter {
            Some(meter) if input > 0 => meter.count_bytes(input).map(|()| active),
            _ => Ok(active),
        }
    }

    /// Moves the operation out, so that it is over whatever happens next.
    fn take(&mut self) -> Result<Active<T>> {
        match std::mem::take(self) {
            Operation::Ready(active) | Operation::Streaming(active) if active.needs_auth => {
                Err(Error::UserNotLoggedIn)
            }
            Operation::Ready(active) | Operation::Streaming(active) => Ok(active),
            Operation::Idle => Err(Error::OperationNotInitialized),
            Operation::OutputPending { .. } => Err(Error::OperationActive),
        }
    }
}

/// What a session does to its operations whatever they are.
pub trait Keyed {
    fn is_active(&self) -> bool;

    /// Ends the operation. `true` where there was one.
    fn cancel(&mut self) -> bool;

    /// Ends the operation if its key is a private object.
    fn logout(&mut self);

    /// The number of the operation where it waits for a context-specific login.
    fn waits_for_auth(&self) -> Option<u64>;

    /// The context-specific login has been given: for this operation and no other.
    fn authenticate(&mut self);
}

impl<T> Keyed for Operation<T> {
    fn is_active(&self) -> bool {
        !matches!(self, Operation::Idle)
    }

    fn cancel(&mut self) -> bool {
        !matches!(std::mem::take(self), Operation::Idle)
    }

    fn logout(&mut self) {
        let private = match self {
            Operation::Idle => false,
            Operation::Ready(active) | Operation::Streaming(active) => active.private,
            Operation::OutputPending { private, .. } => *private,
        };
        if private {
            *self = Operation::Idle;
        }
    }

    fn waits_for_auth(&self) -> Option<u64> {
        match self {
            Operation::Ready(active) | Operation::Streaming(active) if active.needs_auth => {
                Some(active.number)
            }
            _ => None,
        }
    }

    fn authenticate(&mut self) {
        if let Operation::Ready(active) | Operation::Streaming(active) = self {
            active.needs_auth = false;
        }
    }
}

impl<T: Run> Operation<T> {
    /// The one-part form: C_Sign, C_Encrypt, C_Decrypt, C_Digest.
    pub fn once(&mut self, input: &[u8], output: &mut Output) -> Result<()> {
        let length = match self {
            Operation::Ready(active) => active.run.once_len(input.len()),
            Operation::OutputPending { step: Step::Once, .. } => return self.deliver_pending(output),
            Operation::Idle => return Err(Error::OperationNotInitialized),
            Operation::Streaming(_) | Operation::OutputPending { .. } => {
                *self = Operation::Idle;
                return Err(Error::OperationActive);
            }
        };
        self.conclude((Step::Once, input.len()), length, output, |run, target| run.once(input, target))
    }

    /// C_SignUpdate, C_EncryptUpdate … Where the function has no output, it passes an empty buffer.
    pub fn update(&mut self, input: &[u8], output: &mut Output) -> Result<()> {
        let length = match self {
            Operation::Ready(active) | Operation::Streaming(active) if active.run.multi_part() => {
                active.run.update_len(input.len()).most()
            }
            Operation::Idle => return Err(Error::OperationNotInitialized),
            Operation::OutputPending { .. } => {
                *self = Operation::Idle;
                return Err(Error::OperationActive);
            }
            _ => {
                *self = Operation::Idle;
                return Err(Error::FunctionNotSupported);
            }
        };
        if !output.measure(length)? {
            return Ok(());
        }
        let mut active = self.take_for(input.len())?;
        let written = active.run.update(input, output.bytes())?;
        output.tell(written);
        *self = Operation::Streaming(active);
        Ok(())
    }

    /// The update of an operation that gives out nothing before its end.
    pub fn take_in(&mut self, input: &[u8]) -> Result<()> {
        self.update(input, &mut Output::buffer(&mut []))
    }

    /// C_SignFinal, C_EncryptFinal …
    pub fn finish(&mut self, output: &mut Output) -> Result<()> {
        let length = match self {
            Operation::Ready(active) | Operation::Streaming(active) if active.run.multi_part() => {
                active.run.finish_len()
            }
            Operation::OutputPending { step: Step::Finish, .. } => return self.deliver_pending(output),
            Operation::Idle => return Err(Error::OperationNotInitialized),
            Operation::OutputPending { .. } => {
                *self = Operation::Idle;
                return Err(Error::OperationActive);
            }
            _ => {
                *self = Operation::Idle;
                return Err(Error::FunctionNotSupported);
            }
        };
        self.conclude((Step::Finish, 0), length, output, |run, target| run.finish(target))
    }

    /// Reserve first, take second: the last step of an operation, with so many bytes of input.
    pub fn conclude(
        &mut self,
        (step, input): (Step, usize),
        length: Length,
        output: &mut Output,
        work: impl FnOnce(T, &mut [u8]) -> Result<usize>,
    ) -> Result<()> {
        output.tell(length.most());
        if output.is_query() {
            return Ok(());
        }
        if output.capacity() >= length.most() {
            let written = work(self.take_for(input)?.run, output.bytes())?;
            output.tell(written);
            return Ok(());
        }
        if let Length::Exact(_) = length {
            return Err(Error::BufferTooSmall);
        }
        let active = self.take_for(input)?;
        let mut result = Vec::new();
        result.try_reserve_exact(length.most())?;
        result.resize(length.most(), 0);
        let mut result = Secret::new(result);
        let written = work(active.run, result.as_mut_bytes())?;
        result.truncate(written);
        *self = Operation::OutputPending { step, result, private: active.private };
        self.deliver_pending(output)
    }

    fn deliver_pending(&mut self, output: &mut Output) -> Result<()> {
        let Operation::OutputPending { result, .. } = self else { return Err(Error::GeneralError) };
        if output.deliver(result.as_bytes())? {
            *self = Operation::Idle;
        }
        Ok(())
    }
}

impl Operation<Box<dyn Sign>> {
    /// Whether the last step is one for a thread of its own.
    pub fn is_slow(&self) -> bool {
        self.running().is_ok_and(|run| run.slow())
    }

    /// The last step for somebody else to do, with the input of C_Sign taken in. `None`: the call asked for the length, which
    /// leaves the operation as it was, as CKR_BUFFER_TOO_SMALL does.
    pub fn detach(&mut self, step: Step, input: &[u8], output: &mut Output) -> Result<Option<Detached>> {
        let in_order = match (&*self, step) {
            (Operation::Ready(active), Step::Finish) | (Operation::Streaming(active), Step::Finish) => {
                active.run.multi_part()
            }
            (Operation::Ready(_), Step::Once) => true,
            _ => false,
        };
        if !in_order {
            *self = Operation::Idle;
            return Err(Error::OperationActive);
        }
        if !output.measure(self.running()?.output_len())? {
            return Ok(None);
        }
        let mut active = self.take_for(input.len())?;
        Sign::update(active.run.as_mut(), input)?;
        Ok(Some(Detached { run: active.run, private: active.private, told: active.told }))
    }
}

/// An operation that has left its place before its last step.
pub struct Detached {
    pub run: Box<dyn Sign>,
    /// Its key is a private object.
    pub private: bool,
    /// What is told of it when it is over.
    pub told: Told,
}

impl Operation<Box<dyn Verify>> {
    /// C_Verify.
    pub fn verify(&mut self, data: &[u8], signature: &[u8]) -> Result<()> {
        if let Operation::Streaming(_) = self {
            *self = Operation::Idle;
            return Err(Error::OperationActive);
        }
        let mut run = self.take()?.run;
        run.update(data)?;
        run.finish(signature)
    }

    /// C_VerifyUpdate.
    pub fn verify_update(&mut self, data: &[u8]) -> Result<()> {
        let mut active = self.take()?;
        if !active.run.multi_part() {
            return Err(Error::FunctionNotSupported);
        }
        active.run.update(data)?;
        *self = Operation::Streaming(active);
        Ok(())
    }

    /// C_VerifyFinal.
    pub fn verify_final(&mut self, signature: &[u8]) -> Result<()> {
        let run = self.take()?.run;
        if !run.multi_part() {
            return Err(Error::FunctionNotSupported);
        }
        run.finish(signature)
    }
}

/// An operation that takes data in and gives one result at its end.
macro_rules! gives_at_its_end {
    ($kind:ident, |$run:ident| $multi_part:expr) => {
        impl Run for Box<dyn $kind> {
            fn update_len(&self, _input: usize) -> Length {
                Length::Exact(0)
            }

            fn update(&mut self, input: &[u8], _output: &mut [u8]) -> Result<usize> {
                (**self).update(input).map(|()| 0)
            }

            fn finish_len(&self) -> Length {
                Length::Exact(self.output_len())
            }

            fn finish(self, output: &mut [u8]) -> Result<usize> {
                $kind::finish(self, output)
            }

            fn once_len(&self, _input: usize) -> Length {
                Length::Exact(self.output_len())
            }

            fn once(mut self, input: &[u8], output: &mut [u8]) -> Result<usize> {
                (*self).update(input)?;
                $kind::finish(self, output)
            }

            fn multi_part(&self) -> bool {
                let $run = &**self;
                $multi_part
            }
        }
    };
}

gives_at_its_end!(Sign, |run| run.multi_part());
gives_at_its_end!(Digest, |_run| true);

impl Run for Box<dyn Cipher> {
    fn update_len(&self, input: usize) -> Length {
        (**self).update_len(input)
    }

    fn update(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize> {
        (**self).update(input, output)
    }

    fn finish_len(&self) -> Length {
        (**self).finish_len()
    }

    fn finish(self, output: &mut [u8]) -> Result<usize> {
        Cipher::finish(self, output)
    }

    fn once_len(&self, input: usize) -> Length {
        (**self).once_len(input)
    }

    fn once(self, input: &[u8], output: &mut [u8]) -> Result<usize> {
        Cipher::once(self, input, output)
    }

    fn multi_part(&self) -> bool {
        (**self).multi_part()
    }
}

#[cfg(test)]
#[path = "operation_tests.rs"]
mod tests;
