//! Rotation of keys: a successor is made, and the key before it only processes, in one transaction.

use std::sync::Arc;

use crate::ck::*;
use crate::error::{Error, Result};
use crate::lifecycle::rotation::{self, Choice};
use crate::mechanism::{self, Mechanism, ParamKind, Params};
use crate::object::{Attributes, Object, SearchTemplate, Template, Value};
use crate::token::{ObjectHandle, What};

use super::Session;

/// What a rotation has made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// The new private or secret key.
    pub key: ObjectHandle,
    /// The new public key, where the old pair had one in the token.
    pub public: Option<ObjectHandle>,
    /// That of the new key, counted from 1.
    pub version: u64,
}

/// A half of the old key, and what comes after it.
struct Half {
    old: ObjectHandle,
    new: Attributes,
}

impl Session {
    /// Makes the successor of a private key, with its public half, or of a secret key. Errors: those of `rotation::check`
    /// and of C_GenerateKey; CKR_ACTION_PROHIBITED also where the old key was to stop and nothing tells when the new one is;
    /// CKR_SESSION_READ_ONLY, CKR_USER_NOT_LOGGED_IN.
    pub fn rotate_key(&self, handle: ObjectHandle, choice: &Choice) -> Result<Rotated> {
        self.need_read_write()?;
        let key = self.token.object(handle)?;
        rotation::check(&key)?;
        if rotation::lacks_period(key.attributes(), choice.period) {
            return Err(Error::ActionProhibited);
        }
        let halves = match key.class() {
            CKO_PRIVATE_KEY => self.next_pair(handle, &key, choice)?,
            _ => vec![self.next_secret_key(handle, &key, choice)?],
        };
        let version = rotation::version(key.attributes()).saturating_add(1);
        let records = self.token.transact(|batch| {
            // Somebody else may have been faster.
            rotation::check(&*self.token.object(handle)?)?;
            let mut records = Vec::new();
            for half in &halves {
                let now = self.token.now();
                let mut old = Attributes::new();
                batch.change(half.old, |object| {
                    old = object.attributes().clone();
                    Ok(rotation::retire(&old, &half.new, now, choice))
                })?;
                let mut new = half.new.clone();
                rotation::succeed(&mut new, &old, now, choice);
                batch.event(
                    self.token.event(What::KeyRotated).about(&new).detail(&told_of(&old, &choice.reason)),
                );
                records.push(batch.create(new)?);
            }
            Ok(records)
        })?;
        let mut made = records.into_iter().map(|id| self.token.handle_of(id));
        let key = made.next().flatten().ok_or(Error::ObjectHandleInvalid)?;
        Ok(Rotated { key, public: made.next().flatten(), version })
    }

    fn next_secret_key(&self, handle: ObjectHandle, key: &Object, choice: &Choice) -> Result<Half> {
        let template = rotation::template(key, &id(key, choice))?;
        let row = generator(key)?;
        let (new, ..) = self.make_key(row.id, &Params::None, &template)?;
        Ok(Half { old: handle, new })
    }

    /// The private half first. A public key that is not in the token does not come into it.
    fn next_pair(&self, handle: ObjectHandle, key: &Object, choice: &Choice) -> Result<Vec<Half>> {
        let id = id(key, choice);
        let private = rotation::template(key, &id)?;
        let public_half = self.public_half(key)?;
        let mut public = match public_half {
            Some(half) => rotation::template(&*self.token.object(half)?, &id)?,
            None => Template::new(),
        };
        rotation::add_domain(&mut public, key)?;
        let row = generator(key)?;
        let (new_public, new) = self.make_key_pair(row.id, &Params::None, &public, &private)?;
        let public = public_half.map(|old| Half { old, new: new_public });
        Ok([Half { old: handle, new }].into_iter().chain(public).collect())
    }

    /// The public half of the pair of a private key, if the token has it.
    pub fn public_half(&self, key: &Object) -> Result<Option<ObjectHandle>> {
        let (Some(key_type), Some(id)) = (key.key_type(), key.attributes().value(CKA_ID)) else {
            return Ok(None);
        };
        if key.class() != CKO_PRIVATE_KEY {
            return Ok(None);
        }
        let search = SearchTemplate::from(Attributes::from_iter([
            (CKA_CLASS, Value::Ulong(CKO_PUBLIC_KEY)),
            (CKA_KEY_TYPE, Value::Ulong(key_type)),
            (CKA_TOKEN, Value::Bool(true)),
            (CKA_ID, id.clone()),
        ]));
        let info = |object: &Object| object.attributes().bytes(CKA_PUBLIC_KEY_INFO).map(<[u8]>::to_vec);
        let wanted = info(key).filter(|info| !info.is_empty());
        for handle in self.token.find(&search)? {
            let object: Arc<Object> = self.token.object(handle)?;
            if wanted.is_none() || info(&object) == wanted {
                return Ok(Some(handle));
            }
        }
        Ok(None)
    }
}

fn id(key: &Object, choice: &Choice) -> Vec<u8> {
    let own = || key.attributes().bytes(CKA_ID).unwrap_or_default().to_vec();
    choice.id.clone().unwrap_or_else(own)
}

fn told_of(old: &Attributes, reason: &str) -> String {
    let unique_id = String::from_utf8_lossy(old.bytes(CKA_UNIQUE_ID).unwrap_or_default());
    let because = if reason.is_empty() { String::new() } else { format!(": {reason}") };
    format!("follows {unique_id}{because}")
}

/// The mechanism that makes keys like this one: the one that made it, or the first that makes keys of its type.
/// Errors: CKR_MECHANISM_INVALID where there is none.
fn generator(key: &Object) -> Result<&'static Mechanism> {
    let pair = key.class() == CKO_PRIVATE_KEY;
    let key_type = key.key_type().ok_or(Error::MechanismInvalid)?;
    let fits = |row: &&'static Mechanism| {
        let generates =
            if pair { row.ops.generate_key_pair.is_some() } else { row.ops.generate_key.is_some() };
        let same_class = row.key.asymmetric == pair && row.key.secret_class == CKO_SECRET_KEY;
        generates && same_class && row.key.types.contains(&key_type) && row.params == ParamKind::None
    };
    let own = key.attributes().ulong(CKA_KEY_GEN_MECHANISM).and_then(mechanism::lookup).filter(fits);
    own.or_else(|| mechanism::all().iter().copied().find(fits)).ok_or(Error::MechanismInvalid)
}
