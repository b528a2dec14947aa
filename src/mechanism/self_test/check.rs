//! How a known answer is checked: through the row of the mechanism, with a key that `policy::permit` has passed.

use std::sync::Arc;

use crate::ck::*;
use crate::crypto::digest::Hash;
use crate::error::{Error, Result};
use crate::object::{Attributes, Object, Template, Value};
use crate::policy::{Profile, Role, UsableKey, Use, Validity, permit};
use crate::secret::Secret;

use super::super::{Cipher, Derivation, Encapsulation, Mechanism, Params, lookup};

/// The bytes of an answer. A digit that is none makes the test fail.
pub(super) fn hex(digits: &str) -> Result<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let byte = |pair: &[u8]| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    };
    digits.as_bytes().chunks(2).map(byte).collect::<Option<_>>().ok_or(Error::GeneralError)
}

/// The bytes as a value.
pub(super) fn bytes(digits: &str) -> Result<Value> {
    hex(digits).map(Value::Bytes)
}

pub(super) fn secret(digits: &str) -> Result<Value> {
    hex(digits).map(|bytes| Value::Secret(Secret::new(bytes)))
}

fn row(id: CK_MECHANISM_TYPE) -> Result<&'static Mechanism> {
    lookup(id).ok_or(Error::GeneralError)
}

fn key(
    row: &Mechanism,
    class: CK_OBJECT_CLASS,
    key_type: CK_KEY_TYPE,
    purpose: Use,
    values: &[(CK_ATTRIBUTE_TYPE, Value)],
) -> Result<UsableKey> {
    let mut attributes = Attributes::from_iter(values.iter().cloned());
    attributes.set(CKA_CLASS, Value::Ulong(class));
    attributes.set(CKA_KEY_TYPE, Value::Ulong(key_type));
    attributes.set(purpose.attribute(), Value::Bool(true));
    let need = row.need(&Params::None, Profile::Compatible, Validity::NONE, Role::User);
    permit(Arc::new(Object::new(attributes)), &need, purpose)
}

/// A secret key of these bytes.
fn secret_key(row: &Mechanism, key_type: CK_KEY_TYPE, purpose: Use, digits: &str) -> Result<UsableKey> {
    let length = Value::Ulong(digits.len() as u64 / 2);
    key(row, CKO_SECRET_KEY, key_type, purpose, &[(CKA_VALUE, secret(digits)?), (CKA_VALUE_LEN, length)])
}

/// The digest of "abc".
pub(super) fn digest(id: CK_MECHANISM_TYPE, answer: &str) -> Result<bool> {
    let start = row(id)?.ops.digest.ok_or(Error::GeneralError)?;
    let mut running = start(&Params::None)?;
    let mut output = vec![0; running.output_len()];
    running.update(b"abc")?;
    let written = running.finish(&mut output)?;
    output.truncate(written);
    Ok(output == hex(answer)?)
}

/// The MAC of "abc".
pub(super) fn mac(
    id: CK_MECHANISM_TYPE,
    key_type: CK_KEY_TYPE,
    key: &str,
    params: &Params,
    answer: &str,
) -> Result<bool> {
    let row = row(id)?;
    let start = row.ops.sign.ok_or(Error::GeneralError)?;
    let mut running = start(secret_key(row, key_type, Use::Sign, key)?, params)?;
    let mut output = vec![0; running.output_len()];
    running.update(b"abc")?;
    let written = running.finish(&mut output)?;
    output.truncate(written);
    Ok(output == hex(answer)?)
}

/// Encrypts and decrypts.
pub(super) fn cipher(
    id: CK_MECHANISM_TYPE,
    key_type: CK_KEY_TYPE,
    key: &str,
    params: &Params,
    plain: &str,
    ciphertext: &str,
) -> Result<bool> {
    let row = row(id)?;
    let encrypt = row.ops.encrypt.ok_or(Error::GeneralError)?;
    let decrypt = row.ops.decrypt.ok_or(Error::GeneralError)?;
    let (plain, ciphertext) = (hex(plain)?, hex(ciphertext)?);
    let encrypted = once(encrypt(secret_key(row, key_type, Use::Encrypt, key)?, params)?, &plain)?;
    let decrypted = once(decrypt(secret_key(row, key_type, Use::Decrypt, key)?, params)?, &ciphertext)?;
    Ok(encrypted == ciphertext && decrypted == plain)
}

fn once(cipher: Box<dyn Cipher>, input: &[u8]) -> Result<Vec<u8>> {
    let mut output = vec![0; cipher.once_len(input.len()).most()];
    let written = cipher.once(input, &mut output)?;
    output.truncate(written);
    Ok(output)
}

/// Decrypts with a private key.
pub(super) fn opens(
    id: CK_MECHANISM_TYPE,
    key_type: CK_KEY_TYPE,
    private: &[(CK_ATTRIBUTE_TYPE, Value)],
    params: &Params,
    ciphertext: &str,
    plain: &[u8],
) -> Result<bool> {
    let row = row(id)?;
    let start = row.ops.decrypt.ok_or(Error::GeneralError)?;
    let private = key(row, CKO_PRIVATE_KEY, key_type, Use::Decrypt, private)?;
    Ok(once(start(private, params)?, &hex(ciphertext)?)? == plain)
}

/// A message with its known signature.
pub(super) struct Signed {
    pub id: CK_MECHANISM_TYPE,
    pub key_type: CK_KEY_TYPE,
    pub public: Vec<(CK_ATTRIBUTE_TYPE, Value)>,
    pub params: Params,
    pub message: Vec<u8>,
    pub signature: Vec<u8>,
}

/// Takes a known signature and refuses it of a message that goes on.
pub(super) fn takes(known: &Signed) -> Result<bool> {
    let row = row(known.id)?;
    let start = row.ops.verify.ok_or(Error::GeneralError)?;
    let check = |more: &[u8]| -> Result<bool> {
        let public = key(row, CKO_PUBLIC_KEY, known.key_type, Use::Verify, &known.public)?;
        let mut running = start(public, &known.params)?;
        running.update(&known.message)?;
        running.update(more)?;
        Ok(running.finish(&known.signature).is_ok())
    };
    Ok(check(b"")? && !check(b"d")?)
}

/// Takes the known signature of "abc" and refuses it of another message.
pub(super) fn verifies(
    id: CK_MECHANISM_TYPE,
    key_type: CK_KEY_TYPE,
    public: &[(CK_ATTRIBUTE_TYPE, Value)],
    params: &Params,
    signature: &str,
) -> Result<bool> {
    takes(&Signed {
        id,
        key_type,
        public: public.to_vec(),
        params: params.clone(),
        message: b"abc".to_vec(),
        signature: hex(signature)?,
    })
}

/// Makes the known signature of "abc".
pub(super) fn signs(
    id: CK_MECHANISM_TYPE,
    key_type: CK_KEY_TYPE,
    private: &[(CK_ATTRIBUTE_TYPE, Value)],
    params: &Params,
    signature: &str,
) -> Result<bool> {
    Ok(signature_of(id, key_type, private, params)? == hex(signature)?)
}

/// Makes the signature of "abc" that has this SHA-256.
pub(super) fn signs_to(
    id: CK_MECHANISM_TYPE,
    key_type: CK_KEY_TYPE,
    private: &[(CK_ATTRIBUTE_TYPE, Value)],
    params: &Params,
    sha256: &str,
) -> Result<bool> {
    let signature = signature_of(id, key_type, private, params)?;
    Ok(Hash::Sha256.digest(&signature)?.as_bytes() == hex(sha256)?)
}

/// Makes a signature of "abc" that the public key takes, where signatures differ each time.
pub(super) fn pair_agrees(
    id: CK_MECHANISM_TYPE,
    key_type: CK_KEY_TYPE,
    private: &[(CK_ATTRIBUTE_TYPE, Value)],
    public: &[(CK_ATTRIBUTE_TYPE, Value)],
    params: &Params,
) -> Result<bool> {
    let row = row(id)?;
    let start = row.ops.verify.ok_or(Error::GeneralError)?;
    let mut running = start(key(row, CKO_PUBLIC_KEY, key_type, Use::Verify, public)?, params)?;
    running.update(b"abc")?;
    Ok(running.finish(&signature_of(id, key_type, private, params)?).is_ok())
}

fn signature_of(
    id: CK_MECHANISM_TYPE,
    key_type: CK_KEY_TYPE,
    private: &[(CK_ATTRIBUTE_TYPE, Value)],
    params: &Params,
) -> Result<Vec<u8>> {
    let row = row(id)?;
    let start = row.ops.sign.ok_or(Error::GeneralError)?;
    let mut running = start(key(row, CKO_PRIVATE_KEY, key_type, Use::Sign, private)?, params)?;
    let mut output = vec![0; running.output_len()];
    running.update(b"abc")?;
    let written = running.finish(&mut output)?;
    output.truncate(written);
    Ok(output)
}

/// Derives a secret of the answer's length, from a private key where `class` says so.
pub(super) fn derives(
    id: CK_MECHANISM_TYPE,
    class: CK_OBJECT_CLASS,
    key_type: CK_KEY_TYPE,
    base: &[(CK_ATTRIBUTE_TYPE, Value)],
    params: &Params,
    answer: &str,
) -> Result<bool> {
    let row = row(id)?;
    let derive = row.ops.derive.ok_or(Error::GeneralError)?;
    let base = key(row, class, key_type, Use::Derive, base)?;
    let answer = hex(answer)?;
    let template = Template::new();
    let derived = derive(&Derivation {
        base: &base,
        keys: &[],
        params,
        template: &template,
        wanted: Some(answer.len()),
    })?;
    Ok(match derived.main.as_ref().and_then(|main| main.value(CKA_VALUE)) {
        Some(Value::Secret(value)) => value.as_bytes() == answer,
        _ => false,
    })
}

/// As `derives`, from a secret key.
pub(super) fn derives_secret(
    id: CK_MECHANISM_TYPE,
    key_type: CK_KEY_TYPE,
    base: &str,
    params: &Params,
    answer: &str,
) -> Result<bool> {
    derives(id, CKO_SECRET_KEY, key_type, &[(CKA_VALUE, secret(base)?)], params, answer)
}

/// Makes the key of a password.
pub(super) fn generates(
    id: CK_MECHANISM_TYPE,
    key_type: CK_KEY_TYPE,
    params: &Params,
    answer: &str,
) -> Result<bool> {
    let generate = row(id)?.ops.generate_key.ok_or(Error::GeneralError)?;
    let answer = hex(answer)?;
    let template = Attributes::from_iter([
        (CKA_KEY_TYPE, Value::Ulong(key_type)),
        (CKA_VALUE_LEN, Value::Ulong(answer.len() as u64)),
    ]);
    Ok(
        matches!(generate(params, &template)?.value(CKA_VALUE), Some(Value::Secret(value)) if value.as_bytes() == answer),
    )
}

/// Takes the known secret out of a ciphertext.
pub(super) fn decapsulates(
    id: CK_MECHANISM_TYPE,
    key_type: CK_KEY_TYPE,
    private: &[(CK_ATTRIBUTE_TYPE, Value)],
    ciphertext: &[u8],
    answer: &str,
) -> Result<bool> {
    let row = row(id)?;
    let decapsulate = row.ops.decapsulate.ok_or(Error::GeneralError)?;
    let key = key(row, CKO_PRIVATE_KEY, key_type, Use::Decapsulate, private)?;
    let input = Encapsulation { key: &key, params: &Params::None, wanted: None };
    Ok(decapsulate(&input, ciphertext)?.as_bytes() == hex(answer)?)
}
