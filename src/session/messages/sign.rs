//! Messages that are signed and verified: C_SignMessage… and C_VerifyMessage… Every message starts anew with the key and
//! the parameter of the Init. Every mechanism takes a message in parts: what C_SignUpdate refuses is collected here.

use crate::error::{Error, Result};
use crate::mechanism::{Mechanism, Params, Sign, Verify};
use crate::policy::UsableKey;

use super::super::output::Output;
use super::super::{Session, State};
use super::Process;

pub(super) fn check_sign(row: &Mechanism, key: UsableKey, params: &Params) -> Result<()> {
    start_sign(row, key, params).map(|_| ())
}

pub(super) fn check_verify(row: &Mechanism, key: UsableKey, params: &Params) -> Result<()> {
    start_verify(row, key, params).map(|_| ())
}

fn start_sign(row: &Mechanism, key: UsableKey, params: &Params) -> Result<Box<dyn Sign>> {
    let sign = row.ops.sign.filter(|_| !row.ops.one_message).ok_or(Error::MechanismInvalid)?;
    Ok(Box::new(Parts(sign(key, params)?)))
}

fn start_verify(row: &Mechanism, key: UsableKey, params: &Params) -> Result<Box<dyn Verify>> {
    let verify = row.ops.verify.filter(|_| !row.ops.one_message).ok_or(Error::MechanismInvalid)?;
    Ok(Box::new(Parts(verify(key, params)?)))
}

/// A signature or its check over a message in parts, whatever the mechanism says of C_SignUpdate.
struct Parts<T>(T);

impl Sign for Parts<Box<dyn Sign>> {
    fn output_len(&self) -> usize {
        self.0.output_len()
    }

    fn update(&mut self, data: &[u8]) -> Result<()> {
        self.0.update(data)
    }

    fn finish(self: Box<Self>, signature: &mut [u8]) -> Result<usize> {
        self.0.finish(signature)
    }
}

impl Verify for Parts<Box<dyn Verify>> {
    fn update(&mut self, data: &[u8]) -> Result<()> {
        self.0.update(data)
    }

    fn finish(self: Box<Self>, signature: &[u8]) -> Result<()> {
        self.0.finish(signature)
    }
}

fn signing(state: &mut State) -> Result<&mut Process<Box<dyn Sign>>> {
    state.message_sign.as_mut().ok_or(Error::OperationNotInitialized)
}

fn verifying(state: &mut State) -> Result<&mut Process<Box<dyn Verify>>> {
    state.message_verify.as_mut().ok_or(Error::OperationNotInitialized)
}

impl Session {
    /// C_SignMessage.
    pub fn sign_message(&self, data: &[u8], output: &mut Output) -> Result<()> {
        let mut state = self.state();
        let process = signing(&mut state)?;
        process.may_begin(&self.token)?;
        let mut run = start_sign(process.row, process.key.clone(), &process.params)?;
        if !output.measure(run.output_len())? {
            return Ok(());
        }
        process.began()?;
        process.count_bytes(data.len())?;
        let told = process.told.clone();
        self.telling(&told, || {
            run.update(data)?;
            let written = run.finish(output.bytes())?;
            output.tell(written);
            Ok(())
        })
    }

    /// C_SignMessageBegin.
    pub fn sign_message_begin(&self) -> Result<()> {
        let mut state = self.state();
        let process = signing(&mut state)?;
        process.may_begin(&self.token)?;
        let run = start_sign(process.row, process.key.clone(), &process.params)?;
        process.begin(run)?;
        Ok(())
    }

    /// C_SignMessageNext: with an output it is the last part.
    pub fn sign_message_next(&self, part: &[u8], output: Option<&mut Output>) -> Result<()> {
        let mut state = self.state();
        let message = &mut signing(&mut state)?.message;
        let length = message.running()?.output_len();
        let Some(output) = output else { return message.take_in(part) };
        if !output.measure(length)? {
            return Ok(());
        }
        let told = message.told();
        self.telling(&told, || {
            message.take_in(part)?;
            message.finish(output)
        })
    }

    /// C_VerifyMessage.
    pub fn verify_message(&self, data: &[u8], signature: &[u8]) -> Result<()> {
        let mut state = self.state();
        let process = verifying(&mut state)?;
        process.may_begin(&self.token)?;
        let mut run = start_verify(process.row, process.key.clone(), &process.params)?;
        process.began()?;
        let told = process.told.clone();
        self.telling(&told, || {
            run.update(data)?;
            run.finish(signature)
        })
    }

    /// C_VerifyMessageBegin.
    pub fn verify_message_begin(&self) -> Result<()> {
        let mut state = self.state();
        let process = verifying(&mut state)?;
        process.may_begin(&self.token)?;
        let run = start_verify(process.row, process.key.clone(), &process.params)?;
        process.begin(run)?;
        Ok(())
    }

    /// C_VerifyMessageNext: with a signature it is the last part.
    pub fn verify_message_next(&self, part: &[u8], signature: Option<&[u8]>) -> Result<()> {
        let mut state = self.state();
        let message = &mut verifying(&mut state)?.message;
        let Some(signature) = signature else { return message.verify_update(part) };
        let told = message.told();
        self.telling(&told, || {
            message.verify_update(part)?;
            message.verify_final(signature)
        })
    }
}
