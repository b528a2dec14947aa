//! Messages that are encrypted and decrypted: C_EncryptMessage… and C_DecryptMessage… A message is an authenticated
//! encryption as C_Encrypt makes it, but for its tag, which stands apart.
//!
//! A decryption gives nothing out before the tag has been verified: the parts are held until the last one comes.

use crate::error::{Error, Result};
use crate::mechanism::{Cipher, Length, Mechanism, MessageParams, Params};
use crate::policy::{UsableKey, Use};

use super::super::operation::{Operation, Run, Step};
use super::super::output::Output;
use super::super::{Session, State};
use super::{Process, check_message};

/// What is written back into the parameter of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    pub nonce: Vec<u8>,
    pub tag: Vec<u8>,
}

/// The longest tag in bytes.
const TAG: usize = 16;

pub(super) fn check_encrypt(row: &Mechanism, _key: UsableKey, _params: &Params) -> Result<()> {
    row.ops.message.and(row.ops.encrypt).map(|_| ()).ok_or(Error::MechanismInvalid)
}

pub(super) fn check_decrypt(row: &Mechanism, _key: UsableKey, _params: &Params) -> Result<()> {
    row.ops.message.and(row.ops.decrypt).map(|_| ()).ok_or(Error::MechanismInvalid)
}

/// The parameter of a message and its associated data as the parameter of an ordinary encryption.
pub fn message_params(row: &Mechanism, message: MessageParams, aad: &[u8]) -> Result<Params> {
    let mut copy = Vec::new();
    copy.try_reserve_exact(aad.len())?;
    copy.extend_from_slice(aad);
    Ok(row.ops.message.ok_or(Error::MechanismInvalid)?(message, copy))
}

impl Process<Box<dyn Cipher>> {
    /// The next message with its nonce.
    fn seal(&self, message: MessageParams, aad: &[u8]) -> Result<(Box<dyn Cipher>, Vec<u8>)> {
        check_message(self.row, self.profile, &self.key, &message, Use::Encrypt)?;
        let message = message.for_next_message(&self.key)?;
        let nonce = message.nonce.clone();
        let encrypt = self.row.ops.encrypt.ok_or(Error::MechanismInvalid)?;
        Ok((encrypt(self.key.clone(), &message_params(self.row, message, aad)?)?, nonce))
    }
}

impl Process<Opening> {
    fn open(&self, message: MessageParams, aad: &[u8]) -> Result<Opening> {
        check_message(self.row, self.profile, &self.key, &message, Use::Decrypt)?;
        let tag_len = message.tag_len;
        let decrypt = self.row.ops.decrypt.ok_or(Error::MechanismInvalid)?;
        let cipher = decrypt(self.key.clone(), &message_params(self.row, message, aad)?)?;
        Ok(Opening { cipher, tag_len, taken: 0 })
    }
}

/// A message being decrypted.
pub struct Opening {
    cipher: Box<dyn Cipher>,
    tag_len: usize,
    /// Bytes of ciphertext that have come in.
    taken: usize,
}

impl Opening {
    /// Errors: CKR_MECHANISM_PARAM_INVALID for a tag of another length than told when the message began.
    fn check_tag(&self, tag: &[u8]) -> Result<()> {
        if tag.len() == self.tag_len { Ok(()) } else { Err(Error::MechanismParamInvalid) }
    }
}

/// The parts of a message are only taken in; `Operation::conclude` ends it.
impl Run for Opening {
    fn update_len(&self, input: usize) -> Length {
        self.cipher.update_len(input)
    }

    fn update(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize> {
        let written = self.cipher.update(input, output)?;
        self.taken += input.len();
        Ok(written)
    }

    fn finish_len(&self) -> Length {
        self.cipher.finish_len()
    }

    fn finish(self, output: &mut [u8]) -> Result<usize> {
        self.cipher.finish(output)
    }

    fn once_len(&self, input: usize) -> Length {
        Length::Exact(input)
    }

    fn once(self, input: &[u8], output: &mut [u8]) -> Result<usize> {
        self.cipher.once(input, output)
    }

    fn multi_part(&self) -> bool {
        true
    }
}

/// "If … the authenticity of the associated data or ciphertext cannot be verified, then CKR_AEAD_DECRYPT_FAILED is
/// returned" (section 5.11.2).
fn not_authentic(error: Error) -> Error {
    match error {
        Error::EncryptedDataInvalid => Error::AeadDecryptFailed,
        other => other,
    }
}

/// The tag of an encryption, at its end.
fn finish(message: &mut Operation<Box<dyn Cipher>>) -> Result<Vec<u8>> {
    let mut tag = vec![0; TAG];
    let mut output = Output::buffer(&mut tag);
    message.finish(&mut output)?;
    let length = output.length();
    tag.truncate(length);
    Ok(tag)
}

fn encryption(state: &mut State) -> Result<&mut Process<Box<dyn Cipher>>> {
    state.message_encrypt.as_mut().ok_or(Error::OperationNotInitialized)
}

fn decryption(state: &mut State) -> Result<&mut Process<Opening>> {
    state.message_decrypt.as_mut().ok_or(Error::OperationNotInitialized)
}

impl Session {
    /// C_EncryptMessage: the ciphertext, and nonce and tag, which are `None` for a question about the length.
    pub fn encrypt_message(
        &self,
        message: MessageParams,
        aad: &[u8],
        text: &[u8],
        output: &mut Output,
    ) -> Result<Option<Sealed>> {
        let mut state = self.state();
        let process = encryption(&mut state)?;
        process.may_begin(&self.token)?;
        if !output.measure(text.len())? {
            return Ok(None);
        }
        let (cipher, nonce) = process.seal(message, aad)?;
        process.begin(cipher)?;
        let told = process.told.clone();
        let tag = self.telling(&told, || {
            process.message.update(text, output)?;
            finish(&mut process.message)
        });
        process.message = Operation::Idle;
        Ok(Some(Sealed { nonce, tag: tag? }))
    }

    /// C_EncryptMessageBegin: the nonce.
    pub fn encrypt_message_begin(&self, message: MessageParams, aad: &[u8]) -> Result<Vec<u8>> {
        let mut state = self.state();
        let process = encryption(&mut state)?;
        process.may_begin(&self.token)?;
        let (cipher, nonce) = process.seal(message, aad)?;
        process.begin(cipher)?;
        Ok(nonce)
    }

    /// C_EncryptMessageNext: the tag with the last part.
    pub fn encrypt_message_next(
        &self,
        part: &[u8],
        last: bool,
        output: &mut Output,
    ) -> Result<Option<Vec<u8>>> {
        let mut state = self.state();
        let process = encryption(&mut state)?;
        process.message.update(part, output)?;
        if output.is_query() || !last {
            return Ok(None);
        }
        let told = process.told.clone();
        self.telling(&told, || finish(&mut process.message)).map(Some)
    }

    /// C_DecryptMessage. Errors: CKR_AEAD_DECRYPT_FAILED.
    pub fn decrypt_message(
        &self,
        message: MessageParams,
        aad: &[u8],
        text: &[u8],
        tag: &[u8],
        output: &mut Output,
    ) -> Result<()> {
        let mut state = self.state();
        let process = decryption(&mut state)?;
        process.may_begin(&self.token)?;
        if !output.measure(text.len())? {
            return Ok(());
        }
        let opening = process.open(message, aad)?;
        process.began()?;
        let mut whole = Vec::new();
        whole.try_reserve_exact(text.len().saturating_add(tag.len()))?;
        whole.extend_from_slice(text);
        whole.extend_from_slice(tag);
        let told = process.told.clone();
        let written = self.telling(&told, || opening.once(&whole, output.bytes()).map_err(not_authentic))?;
        output.tell(written);
        Ok(())
    }

    /// C_DecryptMessageBegin.
    pub fn decrypt_message_begin(&self, message: MessageParams, aad: &[u8]) -> Result<()> {
        let mut state = self.state();
        let process = decryption(&mut state)?;
        process.may_begin(&self.token)?;
        let opening = process.open(message, aad)?;
        process.begin(opening)?;
        Ok(())
    }

    /// C_DecryptMessageNext: the last part comes with the tag, and gives out the whole message. Errors:
    /// CKR_AEAD_DECRYPT_FAILED.
    pub fn decrypt_message_next(&self, part: &[u8], tag: Option<&[u8]>, output: &mut Output) -> Result<()> {
        let mut state = self.state();
        let message = &mut decryption(&mut state)?.message;
        let opening = message.running()?;
        let Some(tag) = tag else { return message.update(part, output) };
        opening.check_tag(tag)?;
        let length = Length::Exact(opening.taken.saturating_add(part.len()));
        let told = message.told();
        let result = message
            .conclude((Step::Finish, 0), length, output, |mut opening, target| {
                opening.update(part, &mut [])?;
                opening.update(tag, &mut [])?;
                opening.finish(target)
            })
            .map_err(not_authentic);
        if message.running().is_err() {
            self.tell(&told, &result);
        }
        result
    }
}
