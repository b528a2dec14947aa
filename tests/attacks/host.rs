//! A logged-in session with a token of its own, and short words for what the attacks do with it.

use std::sync::Arc;

use coffer_pkcs11::ck::*;
use coffer_pkcs11::error::Result;
use coffer_pkcs11::mechanism::Params;
use coffer_pkcs11::object::{Template, Value};
use coffer_pkcs11::policy::Profile;
use coffer_pkcs11::session::{Output, Session};
use coffer_pkcs11::token::ObjectHandle;

use crate::common::{Fixture, bytes, template};

pub type Attribute = (CK_ATTRIBUTE_TYPE, Value);

/// An RSA modulus that is large enough to be refused for nothing and small enough to be fast.
pub const RSA_BITS: u64 = 1024;

pub struct Host {
    _fixture: Fixture,
    pub session: Arc<Session>,
}

pub fn yes(attribute: CK_ATTRIBUTE_TYPE) -> Attribute {
    (attribute, Value::Bool(true))
}

pub fn no(attribute: CK_ATTRIBUTE_TYPE) -> Attribute {
    (attribute, Value::Bool(false))
}

/// A template for a secret key of this type.
pub fn secret_key(key_type: CK_KEY_TYPE, more: &[Attribute]) -> Template {
    let head = [(CKA_CLASS, Value::Ulong(CKO_SECRET_KEY)), (CKA_KEY_TYPE, Value::Ulong(key_type))];
    template(&[&head[..], more].concat())
}

pub fn iv() -> Params {
    Params::Bytes(vec![3; 16])
}

pub fn gcm() -> Params {
    Params::Gcm { iv: vec![1; 12], aad: Vec::new(), tag_bits: 128 }
}

/// True where the needle stands somewhere in the bytes.
pub fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

/// `slice` by default, `all` in a full campaign.
pub fn amount(slice: usize, all: usize) -> usize {
    if std::env::var_os("COFFER_CAMPAIGN").is_some_and(|value| value == "full") { all } else { slice }
}

/// The seed of this run.
pub fn seed() -> u64 {
    std::env::var("COFFER_SEED").map_or(20_262, |seed| seed.parse().expect("COFFER_SEED is a number"))
}

/// Methods that begin an operation and carry it out on all of the data.
macro_rules! in_one_part {
    ($($name:ident $init:ident),*) => {$(
        pub fn $name(
            &self,
            id: CK_MECHANISM_TYPE,
            params: &Params,
            key: ObjectHandle,
            data: &[u8],
        ) -> Result<Vec<u8>> {
            self.session.$init(id, params, key)?;
            filled(|output| self.session.$name(data, output))
        }
    )*};
}

impl Host {
    /// With the profile `compatible`.
    pub fn new() -> Self {
        Self::of(Fixture::new())
    }

    pub fn strict() -> Self {
        Self::of(Fixture::with_profile(Profile::Strict))
    }

    fn of(fixture: Fixture) -> Self {
        let session = fixture.user_session();
        Self { _fixture: fixture, session }
    }

    /// An imported secret key.
    pub fn secret(&self, key_type: CK_KEY_TYPE, value: &[u8], more: &[Attribute]) -> ObjectHandle {
        let all = [&[(CKA_VALUE, bytes(value))], more].concat();
        self.session.create_object(&secret_key(key_type, &all)).unwrap()
    }

    pub fn aes(&self, value: &[u8], more: &[Attribute]) -> ObjectHandle {
        self.secret(CKK_AES, value, more)
    }

    /// A generated AES key of 32 bytes.
    pub fn new_aes(&self, more: &[Attribute]) -> ObjectHandle {
        let wanted = template(&[&[(CKA_VALUE_LEN, Value::Ulong(32))], more].concat());
        self.session.generate_key(CKM_AES_KEY_GEN, &Params::None, &wanted).unwrap()
    }

    /// A generated RSA pair for all uses.
    pub fn rsa(&self, bits: u64) -> (ObjectHandle, ObjectHandle) {
        let size = (CKA_MODULUS_BITS, Value::Ulong(bits));
        let exponent = (CKA_PUBLIC_EXPONENT, bytes(&[1, 0, 1]));
        let public = template(&[size, exponent, yes(CKA_ENCRYPT), yes(CKA_WRAP)]);
        let private = template(&[yes(CKA_DECRYPT), yes(CKA_UNWRAP), yes(CKA_SIGN)]);
        let id = CKM_RSA_PKCS_KEY_PAIR_GEN;
        self.session.generate_key_pair(id, &Params::None, &public, &private).unwrap()
    }

    pub fn wrap(
        &self,
        id: CK_MECHANISM_TYPE,
        params: &Params,
        by: ObjectHandle,
        key: ObjectHandle,
    ) -> Result<Vec<u8>> {
        filled(|output| self.session.wrap_key(id, params, by, key, output))
    }

    in_one_part!(encrypt encrypt_init, decrypt decrypt_init, sign sign_init);

    /// A derivation that makes one key.
    pub fn derive(
        &self,
        id: CK_MECHANISM_TYPE,
        params: &Params,
        base: ObjectHandle,
        wanted: &Template,
    ) -> Result<ObjectHandle> {
        Ok(self.session.derive_key(id, params, base, &[], wanted)?.main.unwrap())
    }

    pub fn read(&self, object: ObjectHandle, attribute: CK_ATTRIBUTE_TYPE) -> Result<Value> {
        self.session.attribute_values(object, &[attribute])?.remove(0)
    }

    /// The value of a secret key, if it can be read.
    pub fn value(&self, key: ObjectHandle) -> Result<Vec<u8>> {
        Ok(self.read(key, CKA_VALUE)?.as_bytes().unwrap().to_vec())
    }

    pub fn is(&self, object: ObjectHandle, attribute: CK_ATTRIBUTE_TYPE) -> bool {
        self.read(object, attribute).unwrap().as_bool().unwrap()
    }
}

/// What a call writes into a buffer that is large enough.
pub fn filled(call: impl FnOnce(&mut Output) -> Result<()>) -> Result<Vec<u8>> {
    let mut buffer = vec![0; 8192];
    let mut output = Output::buffer(&mut buffer);
    call(&mut output)?;
    let length = output.length();
    buffer.truncate(length);
    Ok(buffer)
}
