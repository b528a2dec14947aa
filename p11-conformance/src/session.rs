//! A session, and methods with Rust types for the functions that take one.

use crate::call;
use crate::module::{CallError, Module, Outcome};
use crate::template::{Mechanism, Template, attribute};
use cryptoki_sys::*;
use std::ptr;

/// Room for what comes out beyond the input's own length, in bytes.
const ROOM: usize = 16 * 1024;

/// The five kinds of operation that come in one part and in many (PKCS#11 3.2, 5.8 to 5.15).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Encrypt,
    Decrypt,
    Digest,
    Sign,
    Verify,
}

/// What a call with a caller's buffer left behind.
pub struct Filled {
    pub result: Outcome,
    /// The length that the module wrote back.
    pub length: usize,
    /// The whole buffer, also behind `length`.
    pub buffer: Vec<u8>,
}

/// An open session; it is not closed when dropped, since the state at the end of a scenario is its own affair.
#[derive(Clone, Copy)]
pub struct Session<'m> {
    pub module: &'m Module,
    pub handle: CK_SESSION_HANDLE,
}

/// Length of a Rust slice as the C type.
pub fn len(bytes: &[u8]) -> CK_ULONG {
    bytes.len() as CK_ULONG
}

/// The pointer that a C function wants for input (never NULL, also when empty).
pub fn input(bytes: &[u8]) -> *mut u8 {
    bytes.as_ptr().cast_mut()
}

/// Sessions and logins.
impl<'m> Session<'m> {
    pub fn open(module: &'m Module, slot: CK_SLOT_ID, flags: CK_FLAGS) -> Outcome<Session<'m>> {
        let mut handle = 0;
        call!(module, C_OpenSession, slot, flags | CKF_SERIAL_SESSION, ptr::null_mut(), None, &mut handle)?;
        Ok(Session { module, handle })
    }

    pub fn close(&self) -> Outcome {
        call!(self.module, C_CloseSession, self.handle)
    }

    pub fn info(&self) -> Outcome<CK_SESSION_INFO> {
        let mut info = CK_SESSION_INFO { slotID: 0, state: 0, flags: 0, ulDeviceError: 0 };
        call!(self.module, C_GetSessionInfo, self.handle, &mut info)?;
        Ok(info)
    }

    pub fn login(&self, user: CK_USER_TYPE, pin: &[u8]) -> Outcome {
        call!(self.module, C_Login, self.handle, user, input(pin), len(pin))
    }

    pub fn logout(&self) -> Outcome {
        call!(self.module, C_Logout, self.handle)
    }

    pub fn init_pin(&self, pin: &[u8]) -> Outcome {
        call!(self.module, C_InitPIN, self.handle, input(pin), len(pin))
    }

    pub fn set_pin(&self, old: &[u8], new: &[u8]) -> Outcome {
        call!(self.module, C_SetPIN, self.handle, input(old), len(old), input(new), len(new))
    }

    pub fn random(&self, length: usize) -> Outcome<Vec<u8>> {
        let mut bytes = vec![0; length];
        call!(self.module, C_GenerateRandom, self.handle, bytes.as_mut_ptr(), length as CK_ULONG)?;
        Ok(bytes)
    }
}

/// Objects.
impl Session<'_> {
    pub fn create(&self, template: &Template) -> Outcome<CK_OBJECT_HANDLE> {
        let (mut attributes, mut object) = (template.attributes(), 0);
        let count = attributes.count();
        call!(self.module, C_CreateObject, self.handle, attributes.pointer(), count, &mut object)?;
        Ok(object)
    }

    pub fn copy(&self, object: CK_OBJECT_HANDLE, template: &Template) -> Outcome<CK_OBJECT_HANDLE> {
        let (mut attributes, mut copy) = (template.attributes(), 0);
        let count = attributes.count();
        call!(self.module, C_CopyObject, self.handle, object, attributes.pointer(), count, &mut copy)?;
        Ok(copy)
    }

    pub fn destroy(&self, object: CK_OBJECT_HANDLE) -> Outcome {
        call!(self.module, C_DestroyObject, self.handle, object)
    }

    pub fn size(&self, object: CK_OBJECT_HANDLE) -> Outcome<CK_ULONG> {
        let mut size = 0;
        call!(self.module, C_GetObjectSize, self.handle, object, &mut size)?;
        Ok(size)
    }

    pub fn set(&self, object: CK_OBJECT_HANDLE, template: &Template) -> Outcome {
        let mut attributes = template.attributes();
        let count = attributes.count();
        call!(self.module, C_SetAttributeValue, self.handle, object, attributes.pointer(), count)
    }

    /// The value of one attribute: its length first, then the bytes.
    pub fn attribute(&self, object: CK_OBJECT_HANDLE, kind: CK_ATTRIBUTE_TYPE) -> Outcome<Vec<u8>> {
        let mut query = attribute(kind, ptr::null_mut(), 0);
        call!(self.module, C_GetAttributeValue, self.handle, object, &mut query, 1)?;
        let length = usize::try_from(query.ulValueLen).unwrap_or(usize::MAX);
        if length > ROOM {
            return Err(CallError {
                call: "C_GetAttributeValue (length of an attribute)",
                rv: CKR_GENERAL_ERROR,
            });
        }
        let mut value = vec![0_u8; length.max(1)];
        query.pValue = value.as_mut_ptr().cast();
        call!(self.module, C_GetAttributeValue, self.handle, object, &mut query, 1)?;
        value.truncate(length);
        Ok(value)
    }

    pub fn bool(&self, object: CK_OBJECT_HANDLE, kind: CK_ATTRIBUTE_TYPE) -> Outcome<bool> {
        Ok(self.attribute(object, kind)?.first().is_some_and(|byte| *byte != CK_FALSE))
    }

    pub fn ulong(&self, object: CK_OBJECT_HANDLE, kind: CK_ATTRIBUTE_TYPE) -> Outcome<CK_ULONG> {
        let value = self.attribute(object, kind)?;
        let bytes = <[u8; size_of::<CK_ULONG>()]>::try_from(value.as_slice());
        bytes.map(CK_ULONG::from_ne_bytes).map_err(|_| CallError {
            call: "C_GetAttributeValue (size of a CK_ULONG)",
            rv: CKR_ATTRIBUTE_VALUE_INVALID,
        })
    }

    pub fn find_init(&self, template: &Template) -> Outcome {
        let mut attributes = template.attributes();
        let count = attributes.count();
        call!(self.module, C_FindObjectsInit, self.handle, attributes.pointer(), count)
    }

    /// At most `most` more results of the running search.
    pub fn find_next(&self, most: usize) -> Outcome<Vec<CK_OBJECT_HANDLE>> {
        let (mut found, mut count) = (vec![0; most], 0);
        call!(self.module, C_FindObjects, self.handle, found.as_mut_ptr(), most as CK_ULONG, &mut count)?;
        found.truncate(count as usize);
        Ok(found)
    }

    pub fn find_final(&self) -> Outcome {
        call!(self.module, C_FindObjectsFinal, self.handle)
    }

    /// All objects that match.
    pub fn find(&self, template: &Template) -> Outcome<Vec<CK_OBJECT_HANDLE>> {
        self.find_init(template)?;
        let mut all = Vec::new();
        loop {
            let found = self.find_next(64)?;
            if found.is_empty() {
                break;
            }
            all.extend(found);
        }
        self.find_final()?;
        Ok(all)
    }
}

/// Keys.
impl Session<'_> {
    pub fn generate(&self, mechanism: &Mechanism, template: &Template) -> Outcome<CK_OBJECT_HANDLE> {
        let (mut attributes, mut key) = (template.attributes(), 0);
        let (pointer, count) = (attributes.pointer(), attributes.count());
        call!(self.module, C_GenerateKey, self.handle, mechanism.pointer(), pointer, count, &mut key)?;
        Ok(key)
    }

    /// The public and the private key.
    pub fn generate_pair(
        &self,
        mechanism: &Mechanism,
        public: &Template,
        private: &Template,
    ) -> Outcome<(CK_OBJECT_HANDLE, CK_OBJECT_HANDLE)> {
        let (mut public, mut private) = (public.attributes(), private.attributes());
        let (public_pointer, public_count) = (public.pointer(), public.count());
        let (private_pointer, private_count) = (private.pointer(), private.count());
        let (mut public_key, mut private_key) = (0, 0);
        call!(
            self.module,
            C_GenerateKeyPair,
            self.handle,
            mechanism.pointer(),
            public_pointer,
            public_count,
            private_pointer,
            private_count,
            &mut public_key,
            &mut private_key,
        )?;
        Ok((public_key, private_key))
    }

    pub fn derive(
        &self,
        mechanism: &Mechanism,
        base: CK_OBJECT_HANDLE,
        template: &Template,
    ) -> Outcome<CK_OBJECT_HANDLE> {
        let (mut attributes, mut key) = (template.attributes(), 0);
        let (pointer, count) = (attributes.pointer(), attributes.count());
        call!(self.module, C_DeriveKey, self.handle, mechanism.pointer(), base, pointer, count, &mut key)?;
        Ok(key)
    }

    pub fn wrap(
        &self,
        mechanism: &Mechanism,
        with: CK_OBJECT_HANDLE,
        key: CK_OBJECT_HANDLE,
    ) -> Outcome<Vec<u8>> {
        let (mut out, mut length) = (vec![0; ROOM], ROOM as CK_ULONG);
        let pointer = out.as_mut_ptr();
        call!(self.module, C_WrapKey, self.handle, mechanism.pointer(), with, key, pointer, &mut length)?;
        out.truncate(length as usize);
        Ok(out)
    }

    pub fn unwrap(
        &self,
        mechanism: &Mechanism,
        with: CK_OBJECT_HANDLE,
        wrapped: &[u8],
        template: &Template,
    ) -> Outcome<CK_OBJECT_HANDLE> {
        let (mut attributes, mut key) = (template.attributes(), 0);
        let (pointer, count) = (attributes.pointer(), attributes.count());
        call!(
            self.module,
            C_UnwrapKey,
            self.handle,
            mechanism.pointer(),
            with,
            input(wrapped),
            len(wrapped),
            pointer,
            count,
            &mut key,
        )?;
        Ok(key)
    }
}

/// Operations. Verification takes the signature where the others have their output, so it has methods of its own.
impl Session<'_> {
    pub fn init(&self, kind: Kind, mechanism: &Mechanism, key: CK_OBJECT_HANDLE) -> Outcome {
        let (session, mechanism) = (self.handle, mechanism.pointer());
        match kind {
            Kind::Encrypt => call!(self.module, C_EncryptInit, session, mechanism, key),
            Kind::Decrypt => call!(self.module, C_DecryptInit, session, mechanism, key),
            Kind::Digest => call!(self.module, C_DigestInit, session, mechanism),
            Kind::Sign => call!(self.module, C_SignInit, session, mechanism, key),
            Kind::Verify => call!(self.module, C_VerifyInit, session, mechanism, key),
        }
    }

    /// The one-part function with exactly these pointers.
    pub fn once_raw(
        &self,
        kind: Kind,
        data: *mut u8,
        data_len: CK_ULONG,
        out: *mut u8,
        len: *mut CK_ULONG,
    ) -> Outcome {
        let session = self.handle;
        match kind {
            Kind::Encrypt => call!(self.module, C_Encrypt, session, data, data_len, out, len),
            Kind::Decrypt => call!(self.module, C_Decrypt, session, data, data_len, out, len),
            Kind::Digest => call!(self.module, C_Digest, session, data, data_len, out, len),
            Kind::Sign => call!(self.module, C_Sign, session, data, data_len, out, len),
            Kind::Verify => {
                // SAFETY: NULL or the address of a live length.
                let length = unsafe { len.as_ref() }.copied().unwrap_or(0);
                call!(self.module, C_Verify, session, data, data_len, out, length)
            }
        }
    }

    /// The update function with exactly these pointers; digest, sign and verify have no output.
    pub fn update_raw(
        &self,
        kind: Kind,
        data: *mut u8,
        data_len: CK_ULONG,
        out: *mut u8,
        len: *mut CK_ULONG,
    ) -> Outcome {
        let session = self.handle;
        match kind {
            Kind::Encrypt => call!(self.module, C_EncryptUpdate, session, data, data_len, out, len),
            Kind::Decrypt => call!(self.module, C_DecryptUpdate, session, data, data_len, out, len),
            Kind::Digest => call!(self.module, C_DigestUpdate, session, data, data_len),
            Kind::Sign => call!(self.module, C_SignUpdate, session, data, data_len),
            Kind::Verify => call!(self.module, C_VerifyUpdate, session, data, data_len),
        }
    }

    /// The final function with exactly these pointers.
    pub fn finish_raw(&self, kind: Kind, out: *mut u8, len: *mut CK_ULONG) -> Outcome {
        let session = self.handle;
        match kind {
            Kind::Encrypt => call!(self.module, C_EncryptFinal, session, out, len),
            Kind::Decrypt => call!(self.module, C_DecryptFinal, session, out, len),
            Kind::Digest => call!(self.module, C_DigestFinal, session, out, len),
            Kind::Sign => call!(self.module, C_SignFinal, session, out, len),
            Kind::Verify => {
                // SAFETY: NULL or the address of a live length.
                let length = unsafe { len.as_ref() }.copied().unwrap_or(0);
                call!(self.module, C_VerifyFinal, session, out, length)
            }
        }
    }

    /// The length that the one-part function asks for when it is given no buffer.
    pub fn query(&self, kind: Kind, data: &[u8]) -> Outcome<usize> {
        let mut length = 0;
        self.once_raw(kind, input(data), len(data), ptr::null_mut(), &mut length)?;
        Ok(length as usize)
    }

    /// The length that the final function asks for when it is given no buffer.
    pub fn query_final(&self, kind: Kind) -> Outcome<usize> {
        let mut length = 0;
        self.finish_raw(kind, ptr::null_mut(), &mut length)?;
        Ok(length as usize)
    }

    /// The one-part function with a buffer that claims `capacity` bytes; there is more room behind it, filled with
    /// 0xA5, so that a write past the end is seen and hurts nobody.
    pub fn once_into(&self, kind: Kind, data: &[u8], capacity: usize) -> Filled {
        let (mut buffer, mut length) = (vec![0xA5; ROOM + capacity], capacity as CK_ULONG);
        let result = self.once_raw(kind, input(data), len(data), buffer.as_mut_ptr(), &mut length);
        Filled { result, length: length as usize, buffer }
    }

    /// As `once_into` for the final function.
    pub fn finish_into(&self, kind: Kind, capacity: usize) -> Filled {
        let (mut buffer, mut length) = (vec![0xA5; ROOM + capacity], capacity as CK_ULONG);
        let result = self.finish_raw(kind, buffer.as_mut_ptr(), &mut length);
        Filled { result, length: length as usize, buffer }
    }

    /// As `once_into` for the update functions of encryption and decryption.
    pub fn update_into(&self, kind: Kind, data: &[u8], capacity: usize) -> Filled {
        let (mut buffer, mut length) = (vec![0xA5; ROOM + capacity], capacity as CK_ULONG);
        let result = self.update_raw(kind, input(data), len(data), buffer.as_mut_ptr(), &mut length);
        Filled { result, length: length as usize, buffer }
    }

    /// The one-part function with room enough.
    pub fn once(&self, kind: Kind, data: &[u8]) -> Outcome<Vec<u8>> {
        self.once_into(kind, data, ROOM + data.len()).bytes()
    }

    /// One more part; what comes out of it at once (nothing for digest, sign and verify).
    pub fn update(&self, kind: Kind, data: &[u8]) -> Outcome<Vec<u8>> {
        let capacity = if matches!(kind, Kind::Encrypt | Kind::Decrypt) { ROOM + data.len() } else { 0 };
        self.update_into(kind, data, capacity).bytes()
    }

    /// The end of a multi-part operation.
    pub fn finish(&self, kind: Kind) -> Outcome<Vec<u8>> {
        self.finish_into(kind, ROOM).bytes()
    }

    /// Init and the one-part function.
    pub fn run(
        &self,
        kind: Kind,
        mechanism: &Mechanism,
        key: CK_OBJECT_HANDLE,
        data: &[u8],
    ) -> Outcome<Vec<u8>> {
        self.init(kind, mechanism, key)?;
        self.once(kind, data)
    }

    /// Init, one update for each part, and the final function.
    pub fn run_parts(
        &self,
        kind: Kind,
        mechanism: &Mechanism,
        key: CK_OBJECT_HANDLE,
        parts: &[&[u8]],
    ) -> Outcome<Vec<u8>> {
        self.init(kind, mechanism, key)?;
        let mut all = Vec::new();
        for part in parts {
            all.extend(self.update(kind, part)?);
        }
        all.extend(self.finish(kind)?);
        Ok(all)
    }

    pub fn sign(&self, mechanism: &Mechanism, key: CK_OBJECT_HANDLE, data: &[u8]) -> Outcome<Vec<u8>> {
        self.run(Kind::Sign, mechanism, key, data)
    }

    pub fn verify(
        &self,
        mechanism: &Mechanism,
        key: CK_OBJECT_HANDLE,
        data: &[u8],
        signature: &[u8],
    ) -> Outcome {
        self.init(Kind::Verify, mechanism, key)?;
        let (signature, length) = (input(signature), len(signature));
        call!(self.module, C_Verify, self.handle, input(data), len(data), signature, length)
    }

    pub fn verify_parts(
        &self,
        mechanism: &Mechanism,
        key: CK_OBJECT_HANDLE,
        parts: &[&[u8]],
        signature: &[u8],
    ) -> Outcome {
        self.init(Kind::Verify, mechanism, key)?;
        for part in parts {
            self.update(Kind::Verify, part)?;
        }
        call!(self.module, C_VerifyFinal, self.handle, input(signature), len(signature))
    }
}

impl Filled {
    /// The output, if the call succeeded.
    pub fn bytes(mut self) -> Outcome<Vec<u8>> {
        self.result?;
        self.buffer.truncate(self.length);
        Ok(self.buffer)
    }

    /// Whether the module wrote behind the `capacity` that it was told.
    pub fn overran(&self, capacity: usize) -> bool {
        self.buffer.iter().skip(capacity).any(|byte| *byte != 0xA5)
    }
}
