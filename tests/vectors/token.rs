//! A token in the loaded library, and its C functions as calls with byte strings. Every result is made in one part and,
//! where the mechanism has parts, in uneven parts; both must agree.

use std::ptr;

use coffer_pkcs11::ck::*;
use coffer_pkcs11::config::Config;
use coffer_pkcs11::module::Module;
use coffer_pkcs11::policy::Profile;
use coffer_pkcs11::secret::Secret;
use coffer_pkcs11::token::{Settings, SlotId, padded};

use super::parameter::Mechanism;
use crate::call;
use crate::interface::calls::{len as length, place};
use crate::interface::*;

/// What a C function answers that is not CKR_OK.
pub type Answer<T> = Result<T, CK_RV>;

/// The attributes of an object: bytes as they go over the boundary.
pub type Attributes = Vec<(CK_ATTRIBUTE_TYPE, Vec<u8>)>;

pub fn ulong(value: CK_ULONG) -> Vec<u8> {
    value.to_ne_bytes().to_vec()
}

/// CK_TRUE.
pub fn yes() -> Vec<u8> {
    vec![CK_TRUE]
}

/// A read-write session with the user logged in.
pub struct Token {
    functions: &'static CK_FUNCTION_LIST_3_2,
    session: CK_SESSION_HANDLE,
    pub mechanisms: Vec<CK_MECHANISM_TYPE>,
}

impl Token {
    /// Loads the library, initialises it and makes a token in the empty folder of this process, with the mechanisms that
    /// are switched off by default.
    pub fn new() -> Self {
        switch_on_legacy();
        make_stateful_token();
        let loaded = Box::leak(Box::new(load()));
        let functions = loaded.functions;
        initialize(functions);
        let session = open_session(functions);
        log_in(functions, session);
        let mut count = 0;
        assert_eq!(call!(functions, C_GetMechanismList, 0, ptr::null_mut(), &mut count), CKR_OK);
        let mut mechanisms = vec![0; count as usize];
        assert_eq!(call!(functions, C_GetMechanismList, 0, mechanisms.as_mut_ptr(), &mut count), CKR_OK);
        Self { functions, session, mechanisms }
    }

    pub fn offers(&self, id: CK_MECHANISM_TYPE) -> bool {
        self.mechanisms.contains(&id)
    }

    /// C_CreateObject of a session object.
    pub fn create(&self, attributes: &Attributes) -> Answer<CK_OBJECT_HANDLE> {
        let mut handle = 0;
        let mut template = template(attributes);
        let count = template.len() as CK_ULONG;
        let rv = call!(
            self.functions,
            C_CreateObject,
            self.session,
            template.as_mut_ptr().cast(),
            count,
            &mut handle
        );
        answer(rv, handle)
    }

    pub fn destroy(&self, handle: CK_OBJECT_HANDLE) {
        assert_eq!(call!(self.functions, C_DestroyObject, self.session, handle), CKR_OK);
    }

    /// One attribute of an object.
    pub fn attribute(&self, handle: CK_OBJECT_HANDLE, id: CK_ATTRIBUTE_TYPE) -> Answer<Vec<u8>> {
        let mut asked = CK_ATTRIBUTE { type_: id, pValue: ptr::null_mut(), ulValueLen: 0 };
        let rv = call!(self.functions, C_GetAttributeValue, self.session, handle, &mut asked, 1);
        answer(rv, ())?;
        let mut value = vec![0; asked.ulValueLen as usize];
        asked.pValue = value.as_mut_ptr().cast();
        let rv = call!(self.functions, C_GetAttributeValue, self.session, handle, &mut asked, 1);
        answer(rv, value)
    }

    pub fn digest(&self, mechanism: &Mechanism, data: &[u8]) -> Answer<Vec<u8>> {
        let init = || call!(self.functions, C_DigestInit, self.session, &mut mechanism.structure());
        answer(init(), ())?;
        let once = self.output(|out, len| {
            call!(self.functions, C_Digest, self.session, place(data), length(data), out, len)
        });
        answer(init(), ())?;
        let update = |part: &[u8]| {
            answer(call!(self.functions, C_DigestUpdate, self.session, place(part), length(part)), vec![])
        };
        let finish = || self.output(|out, len| call!(self.functions, C_DigestFinal, self.session, out, len));
        agree(once, in_parts(data, update, finish))
    }

    pub fn sign(&self, mechanism: &Mechanism, key: CK_OBJECT_HANDLE, data: &[u8]) -> Answer<Vec<u8>> {
        answer(call!(self.functions, C_SignInit, self.session, &mut mechanism.structure(), key), ())?;
        self.output(|out, len| {
            call!(self.functions, C_Sign, self.session, place(data), length(data), out, len)
        })
    }

    /// In uneven parts. CKR_FUNCTION_NOT_SUPPORTED where the mechanism has none.
    pub fn sign_in_parts(
        &self,
        mechanism: &Mechanism,
        key: CK_OBJECT_HANDLE,
        data: &[u8],
    ) -> Answer<Vec<u8>> {
        answer(call!(self.functions, C_SignInit, self.session, &mut mechanism.structure(), key), ())?;
        let update = |part: &[u8]| {
            answer(call!(self.functions, C_SignUpdate, self.session, place(part), length(part)), vec![])
        };
        let finish = || self.output(|out, len| call!(self.functions, C_SignFinal, self.session, out, len));
        in_parts(data, update, finish)
    }

    pub fn verify(
        &self,
        mechanism: &Mechanism,
        key: CK_OBJECT_HANDLE,
        data: &[u8],
        signature: &[u8],
    ) -> Answer<()> {
        let init = || call!(self.functions, C_VerifyInit, self.session, &mut mechanism.structure(), key);
        answer(init(), ())?;
        let (signature, signature_len) = (place(signature), length(signature));
        let (functions, session) = (self.functions, self.session);
        let rv = call!(functions, C_Verify, session, place(data), length(data), signature, signature_len);
        answer(init(), ())?;
        let update = |part: &[u8]| {
            answer(call!(self.functions, C_VerifyUpdate, self.session, place(part), length(part)), vec![])
        };
        let finish = || answer(call!(functions, C_VerifyFinal, session, signature, signature_len), vec![]);
        agree(answer(rv, vec![]), in_parts(data, update, finish)).map(drop)
    }

    pub fn encrypt(&self, mechanism: &Mechanism, key: CK_OBJECT_HANDLE, data: &[u8]) -> Answer<Vec<u8>> {
        answer(call!(self.functions, C_EncryptInit, self.session, &mut mechanism.structure(), key), ())?;
        self.output(|out, len| {
            call!(self.functions, C_Encrypt, self.session, place(data), length(data), out, len)
        })
    }

    pub fn encrypt_in_parts(
        &self,
        mechanism: &Mechanism,
        key: CK_OBJECT_HANDLE,
        data: &[u8],
    ) -> Answer<Vec<u8>> {
        answer(call!(self.functions, C_EncryptInit, self.session, &mut mechanism.structure(), key), ())?;
        let update = |part: &[u8]| {
            self.output(|out, len| {
                call!(self.functions, C_EncryptUpdate, self.session, place(part), length(part), out, len)
            })
        };
        let finish = || self.output(|out, len| call!(self.functions, C_EncryptFinal, self.session, out, len));
        in_parts(data, update, finish)
    }

    pub fn decrypt(&self, mechanism: &Mechanism, key: CK_OBJECT_HANDLE, data: &[u8]) -> Answer<Vec<u8>> {
        let init = || call!(self.functions, C_DecryptInit, self.session, &mut mechanism.structure(), key);
        answer(init(), ())?;
        let once = self.output(|out, len| {
            call!(self.functions, C_Decrypt, self.session, place(data), length(data), out, len)
        });
        answer(init(), ())?;
        let update = |part: &[u8]| {
            self.output(|out, len| {
                call!(self.functions, C_DecryptUpdate, self.session, place(part), length(part), out, len)
            })
        };
        let finish = || self.output(|out, len| call!(self.functions, C_DecryptFinal, self.session, out, len));
        agree(once, in_parts(data, update, finish))
    }

    pub fn wrap(
        &self,
        mechanism: &Mechanism,
        wrapping: CK_OBJECT_HANDLE,
        key: CK_OBJECT_HANDLE,
    ) -> Answer<Vec<u8>> {
        self.output(|out, len| {
            let mut structure = mechanism.structure();
            call!(self.functions, C_WrapKey, self.session, &mut structure, wrapping, key, out, len)
        })
    }

    pub fn unwrap(
        &self,
        mechanism: &Mechanism,
        unwrapping: CK_OBJECT_HANDLE,
        wrapped: &[u8],
        attributes: &Attributes,
    ) -> Answer<CK_OBJECT_HANDLE> {
        let (mut structure, mut template) = (mechanism.structure(), template(attributes));
        let (wrapped, wrapped_len) = (place(wrapped), length(wrapped));
        let count = template.len() as CK_ULONG;
        let template = template.as_mut_ptr();
        let (functions, session) = (self.functions, self.session);
        let mut key = 0;
        let rv = call!(
            functions,
            C_UnwrapKey,
            session,
            &mut structure,
            unwrapping,
            wrapped,
            wrapped_len,
            template.cast(),
            count,
            &mut key
        );
        answer(rv, key)
    }

    pub fn derive(
        &self,
        mechanism: &Mechanism,
        base: CK_OBJECT_HANDLE,
        attributes: &Attributes,
    ) -> Answer<CK_OBJECT_HANDLE> {
        let (mut structure, mut template) = (mechanism.structure(), template(attributes));
        let count = template.len() as CK_ULONG;
        let template = template.as_mut_ptr();
        let (functions, session) = (self.functions, self.session);
        let mut key = 0;
        answer(
            call!(functions, C_DeriveKey, session, &mut structure, base, template.cast(), count, &mut key),
            (),
        )?;
        Ok(key)
    }

    /// C_DeriveKey without a place for a handle: what it makes comes back through the parameter.
    pub fn derive_into_parameter(
        &self,
        mechanism: &Mechanism,
        base: CK_OBJECT_HANDLE,
        attributes: &Attributes,
    ) -> Answer<()> {
        let (mut structure, mut template) = (mechanism.structure(), template(attributes));
        let count = template.len() as CK_ULONG;
        let template = template.as_mut_ptr();
        let (functions, session, none) = (self.functions, self.session, ptr::null_mut());
        answer(call!(functions, C_DeriveKey, session, &mut structure, base, template.cast(), count, none), ())
    }

    /// Ciphertext, key.
    pub fn encapsulate(
        &self,
        mechanism: &Mechanism,
        public: CK_OBJECT_HANDLE,
        attributes: &Attributes,
    ) -> Answer<(Vec<u8>, CK_OBJECT_HANDLE)> {
        let key = std::cell::Cell::new(0);
        let ciphertext = self.output(|out, len| {
            let (mut structure, mut template) = (mechanism.structure(), template(attributes));
            let count = template.len() as CK_ULONG;
            let template = template.as_mut_ptr();
            let (functions, session) = (self.functions, self.session);
            let (place, structure) = (key.as_ptr(), &mut structure);
            call!(
                functions,
                C_EncapsulateKey,
                session,
                structure,
                public,
                template.cast(),
                count,
                out,
                len,
                place
            )
        })?;
        Ok((ciphertext, key.get()))
    }

    pub fn decapsulate(
        &self,
        mechanism: &Mechanism,
        private: CK_OBJECT_HANDLE,
        attributes: &Attributes,
        ciphertext: &[u8],
    ) -> Answer<CK_OBJECT_HANDLE> {
        let (mut structure, mut template) = (mechanism.structure(), template(attributes));
        let count = template.len() as CK_ULONG;
        let template = template.as_mut_ptr();
        let (functions, session) = (self.functions, self.session);
        let (ciphertext, ciphertext_len) = (place(ciphertext), length(ciphertext));
        let (mut key, structure) = (0, &mut structure);
        let rv = call!(
            functions,
            C_DecapsulateKey,
            session,
            structure,
            private,
            template.cast(),
            count,
            ciphertext,
            ciphertext_len,
            &mut key
        );
        answer(rv, key)
    }

    pub fn generate(&self, mechanism: &Mechanism, attributes: &Attributes) -> Answer<CK_OBJECT_HANDLE> {
        let (mut structure, mut template) = (mechanism.structure(), template(attributes));
        let count = template.len() as CK_ULONG;
        let template = template.as_mut_ptr();
        let mut key = 0;
        let rv = call!(
            self.functions,
            C_GenerateKey,
            self.session,
            &mut structure,
            template.cast(),
            count,
            &mut key
        );
        answer(rv, key)
    }

    /// Public key, private key.
    pub fn generate_pair(
        &self,
        mechanism: &Mechanism,
        public: &Attributes,
        private: &Attributes,
    ) -> Answer<(CK_OBJECT_HANDLE, CK_OBJECT_HANDLE)> {
        let (functions, session) = (self.functions, self.session);
        let mut structure = mechanism.structure();
        let (mut public, mut private) = (template(public), template(private));
        let (public_count, private_count) = (public.len() as CK_ULONG, private.len() as CK_ULONG);
        let (public, private) = (public.as_mut_ptr(), private.as_mut_ptr());
        let (mut public_key, mut private_key) = (0, 0);
        let rv = call!(
            functions,
            C_GenerateKeyPair,
            session,
            &mut structure,
            public.cast(),
            public_count,
            private.cast(),
            private_count,
            &mut public_key,
            &mut private_key
        );
        answer(rv, (public_key, private_key))
    }

    /// Asks for the length first, then brings exactly that many bytes.
    fn output(&self, call: impl Fn(CK_BYTE_PTR, &mut CK_ULONG) -> CK_RV) -> Answer<Vec<u8>> {
        let mut len = 0;
        answer(call(ptr::null_mut(), &mut len), ())?;
        // One byte more than none, so that the pointer is not NULL.
        let mut output = vec![0xee; len as usize + 1];
        answer(call(output.as_mut_ptr(), &mut len), ())?;
        output.truncate(len as usize);
        Ok(output)
    }
}

/// Adds `mechanisms.legacy` to the configuration in the folder of this process.
/// A token with stateful signatures, which no C function makes.
fn make_stateful_token() {
    let mut config = Config::with_home(std::env::var_os("COFFER_HOME").unwrap());
    config.pin.kdf_iterations = 10_000;
    let module = Module::new(config);
    let pin = Secret::copy_of;
    let settings = Settings { stateful_signatures: true, ..Settings::default() };
    let (label, profile) = (padded("vectors"), Profile::Compatible);
    module.init_token_as(SlotId(0), &pin(SO_PIN), label, profile, settings).unwrap();
    let handle = module.open_session(SlotId(0), CKF_SERIAL_SESSION | CKF_RW_SESSION).unwrap();
    let session = module.session(handle).unwrap();
    session.login(CKU_SO, &pin(SO_PIN)).unwrap();
    session.init_pin(&pin(USER_PIN)).unwrap();
    module.close_session(handle).unwrap();
}

fn switch_on_legacy() {
    let path = std::path::Path::new(&std::env::var_os("COFFER_HOME").unwrap()).join("coffer.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text + "\n[mechanisms]\nlegacy = true\n").unwrap();
}

pub fn answer<T>(rv: CK_RV, value: T) -> Answer<T> {
    if rv == CKR_OK { Ok(value) } else { Err(rv) }
}

/// One part and parts must give the same, except that mechanisms may have no parts.
pub fn agree(once: Answer<Vec<u8>>, parts: Answer<Vec<u8>>) -> Answer<Vec<u8>> {
    if parts != Err(CKR_FUNCTION_NOT_SUPPORTED) {
        assert_eq!(once, parts, "one part and several parts differ");
    }
    once
}

/// Parts of 1, 2, 4, 8 … bytes.
fn in_parts(
    data: &[u8],
    update: impl Fn(&[u8]) -> Answer<Vec<u8>>,
    finish: impl FnOnce() -> Answer<Vec<u8>>,
) -> Answer<Vec<u8>> {
    let (mut rest, mut size, mut all) = (data, 1, Vec::new());
    while !rest.is_empty() {
        let (part, behind) = rest.split_at(size.min(rest.len()));
        all.extend(update(part)?);
        (rest, size) = (behind, size * 2);
    }
    all.extend(finish()?);
    Ok(all)
}

fn template(attributes: &Attributes) -> Vec<Attribute<'_>> {
    attributes.iter().map(|(id, value)| attribute(*id, value)).collect()
}
