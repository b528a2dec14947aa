//! Key management functions (PKCS#11 section 5.18).

use crate::ck::*;
use crate::error::Result;
use crate::session::{Function, Outcome, Session};
use crate::token::ObjectHandle;

use super::asynchronous::work_apart;
use super::mechanism::Message;
use super::pointer::{self, Out};
use super::{mechanism, template};

/// C_GenerateKey.
pub(super) unsafe fn generate(
    session: &Session,
    mechanism: *mut CK_MECHANISM,
    template: *mut CK_ATTRIBUTE,
    count: CK_ULONG,
    key: *mut CK_OBJECT_HANDLE,
) -> Result<()> {
    // SAFETY: as C_GenerateKey describes its arguments.
    unsafe {
        let place = Out::new(key)?;
        let (id, params, references) = mechanism::read_with_references(mechanism)?;
        let template = template::read(template, count)?;
        if session.works_apart(id) {
            return work_apart(session, Function::GenerateKey, move |session| {
                let object = session.generate_key(id, &params, &template)?;
                Ok(Outcome::Objects { object, additional: None })
            });
        }
        let (key, iv) = session.generate_key_and_iv(id, &params, &template)?;
        references.write(&[], iv.as_slice());
        place.write(key.0);
    }
    Ok(())
}

/// C_GenerateKeyPair.
pub(super) unsafe fn generate_pair(
    session: &Session,
    mechanism: *mut CK_MECHANISM,
    public: *mut CK_ATTRIBUTE,
    public_count: CK_ULONG,
    private: *mut CK_ATTRIBUTE,
    private_count: CK_ULONG,
    public_key: *mut CK_OBJECT_HANDLE,
    private_key: *mut CK_OBJECT_HANDLE,
) -> Result<()> {
    // SAFETY: as C_GenerateKeyPair describes its arguments.
    unsafe {
        let (public_place, private_place) = (Out::new(public_key)?, Out::new(private_key)?);
        let (id, params) = mechanism::read(mechanism)?;
        let public = template::read(public, public_count)?;
        let private = template::read(private, private_count)?;
        if session.works_apart(id) {
            return work_apart(session, Function::GenerateKeyPair, move |session| {
                let (object, private) = session.generate_key_pair(id, &params, &public, &private)?;
                Ok(Outcome::Objects { object, additional: Some(private) })
            });
        }
        let (public, private) = session.generate_key_pair(id, &params, &public, &private)?;
        public_place.write(public.0);
        private_place.write(private.0);
    }
    Ok(())
}

/// C_WrapKey.
pub(super) unsafe fn wrap(
    session: &Session,
    mechanism: *mut CK_MECHANISM,
    wrapping_key: CK_OBJECT_HANDLE,
    key: CK_OBJECT_HANDLE,
    wrapped: *mut CK_BYTE,
    wrapped_len: *mut CK_ULONG,
) -> Result<()> {
    // SAFETY: as C_WrapKey describes its arguments.
    unsafe {
        let (wrapping_key, key) = (ObjectHandle(wrapping_key), ObjectHandle(key));
        if let Some((id, message, aad)) = Message::of_wrapping(mechanism)? {
            let nonce = pointer::with_output(wrapped, wrapped_len, |wrapped| {
                session.wrap_key_and_nonce(id, message.params.clone(), &aad, wrapping_key, key, wrapped)
            })?;
            if let Some(nonce) = nonce {
                message.write_nonce(&nonce);
            }
            return Ok(());
        }
        let (id, params) = mechanism::read(mechanism)?;
        pointer::with_output(wrapped, wrapped_len, |wrapped| {
            session.wrap_key(id, &params, wrapping_key, key, wrapped)
        })
    }
}

/// C_UnwrapKey.
pub(super) unsafe fn unwrap(
    session: &Session,
    mechanism: *mut CK_MECHANISM,
    unwrapping_key: CK_OBJECT_HANDLE,
    wrapped: *mut CK_BYTE,
    wrapped_len: CK_ULONG,
    template: *mut CK_ATTRIBUTE,
    count: CK_ULONG,
    key: *mut CK_OBJECT_HANDLE,
) -> Result<()> {
    // SAFETY: as C_UnwrapKey describes its arguments.
    unsafe {
        let place = Out::new(key)?;
        let with_nonce = Message::of_wrapping(mechanism)?;
        let wrapped = pointer::bytes(wrapped, wrapped_len)?;
        let unwrapping_key = ObjectHandle(unwrapping_key);
        let key = match with_nonce {
            Some((id, message, aad)) => {
                let template = template::read(template, count)?;
                session.unwrap_key_authenticated(
                    id,
                    message.params,
                    &aad,
                    unwrapping_key,
                    (wrapped, &[]),
                    &template,
                )?
            }
            None => {
                let (id, params) = mechanism::read(mechanism)?;
                let template = template::read(template, count)?;
                session.unwrap_key(id, &params, unwrapping_key, wrapped, &template)?
            }
        };
        place.write(key.0);
    }
    Ok(())
}

/// C_DeriveKey. `key` may be NULL for mechanisms whose handles stand in the parameter (section 6.40).
pub(super) unsafe fn derive(
    session: &Session,
    mechanism: *mut CK_MECHANISM,
    base_key: CK_OBJECT_HANDLE,
    template: *mut CK_ATTRIBUTE,
    count: CK_ULONG,
    key: *mut CK_OBJECT_HANDLE,
) -> Result<()> {
    // SAFETY: as C_DeriveKey describes its arguments.
    unsafe {
        let (id, params, references) = mechanism::read_with_references(mechanism)?;
        let place = if references.no_main_key { None } else { Some(Out::new(key)?) };
        let template = template::read(template, count)?;
        let base_key = ObjectHandle(base_key);
        let made = session.derive_key(id, &params, base_key, &references.keys, &template)?;
        references.write(&made.further, &made.returned);
        if let (Some(place), Some(key)) = (place, made.main) {
            place.write(key.0);
        }
    }
    Ok(())
}

/// C_WrapKeyAuthenticated.
pub(super) unsafe fn wrap_authenticated(
    session: &Session,
    mechanism: *mut CK_MECHANISM,
    wrapping_key: CK_OBJECT_HANDLE,
    key: CK_OBJECT_HANDLE,
    aad: *mut CK_BYTE,
    aad_len: CK_ULONG,
    wrapped: *mut CK_BYTE,
    wrapped_len: *mut CK_ULONG,
) -> Result<()> {
    // SAFETY: as C_WrapKeyAuthenticated describes its arguments.
    unsafe {
        let (id, message) = Message::of_mechanism(mechanism)?;
        message.check_tag_place()?;
        let aad = pointer::input(aad, aad_len, wrapped, wrapped_len)?;
        let (wrapping_key, key) = (ObjectHandle(wrapping_key), ObjectHandle(key));
        let sealed = pointer::with_output(wrapped, wrapped_len, |wrapped| {
            session.wrap_key_authenticated(id, message.params.clone(), &aad, wrapping_key, key, wrapped)
        })?;
        message.write_sealed(sealed);
    }
    Ok(())
}

/// C_UnwrapKeyAuthenticated.
pub(super) unsafe fn unwrap_authenticated(
    session: &Session,
    mechanism: *mut CK_MECHANISM,
    unwrapping_key: CK_OBJECT_HANDLE,
    wrapped: *mut CK_BYTE,
    wrapped_len: CK_ULONG,
    template: *mut CK_ATTRIBUTE,
    count: CK_ULONG,
    aad: *mut CK_BYTE,
    aad_len: CK_ULONG,
    key: *mut CK_OBJECT_HANDLE,
) -> Result<()> {
    // SAFETY: as C_UnwrapKeyAuthenticated describes its arguments.
    unsafe {
        let place = Out::new(key)?;
        let (id, message) = Message::of_mechanism(mechanism)?;
        let tag = message.tag()?;
        let wrapped = (pointer::bytes(wrapped, wrapped_len)?, tag.as_slice());
        let template = template::read(template, count)?;
        let aad = pointer::bytes(aad, aad_len)?;
        let unwrapping_key = ObjectHandle(unwrapping_key);
        let key =
            session.unwrap_key_authenticated(id, message.params, aad, unwrapping_key, wrapped, &template)?;
        place.write(key.0);
    }
    Ok(())
}

/// C_EncapsulateKey. `key` is not looked at while only the length of the ciphertext is asked for.
pub(super) unsafe fn encapsulate(
    session: &Session,
    mechanism: *mut CK_MECHANISM,
    public_key: CK_OBJECT_HANDLE,
    template: *mut CK_ATTRIBUTE,
    count: CK_ULONG,
    ciphertext: *mut CK_BYTE,
    ciphertext_len: *mut CK_ULONG,
    key: *mut CK_OBJECT_HANDLE,
) -> Result<()> {
    // SAFETY: as C_EncapsulateKey describes its arguments.
    unsafe {
        let place = if ciphertext.is_null() { None } else { Some(Out::new(key)?) };
        let (id, params) = mechanism::read(mechanism)?;
        let template = template::read(template, count)?;
        let made = pointer::with_output(ciphertext, ciphertext_len, |ciphertext| {
            session.encapsulate_key(id, &params, ObjectHandle(public_key), &template, ciphertext)
        })?;
        if let (Some(place), Some(key)) = (place, made) {
            place.write(key.0);
        }
    }
    Ok(())
}

/// C_DecapsulateKey.
pub(super) unsafe fn decapsulate(
    session: &Session,
    mechanism: *mut CK_MECHANISM,
    private_key: CK_OBJECT_HANDLE,
    template: *mut CK_ATTRIBUTE,
    count: CK_ULONG,
    ciphertext: *mut CK_BYTE,
    ciphertext_len: CK_ULONG,
    key: *mut CK_OBJECT_HANDLE,
) -> Result<()> {
    // SAFETY: as C_DecapsulateKey describes its arguments.
    unsafe {
        let place = Out::new(key)?;
        let (id, params) = mechanism::read(mechanism)?;
        let template = template::read(template, count)?;
        let ciphertext = pointer::bytes(ciphertext, ciphertext_len)?;
        let private_key = ObjectHandle(private_key);
        place.write(session.decapsulate_key(id, &params, private_key, &template, ciphertext)?.0);
    }
    Ok(())
}
