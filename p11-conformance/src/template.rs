//! Attribute templates and mechanisms: Rust values that own the memory to which the C structures point.

use cryptoki_sys::*;
use std::{any::Any, ffi::c_void, marker::PhantomData, ptr};

/// What one attribute of a template points to.
#[derive(Clone)]
enum Value {
    Bytes(Vec<u8>),
    Nested(Template),
    /// A pointer and a length that do not belong together: bad input.
    Raw(usize, CK_ULONG),
}

/// A template under construction: `Template::new().class(CKO_DATA).bytes(CKA_LABEL, b"x")`.
#[derive(Clone, Default)]
pub struct Template {
    entries: Vec<(CK_ATTRIBUTE_TYPE, Value)>,
}

impl Template {
    pub fn new() -> Template {
        Template::default()
    }

    pub fn class(self, class: CK_OBJECT_CLASS) -> Template {
        self.ulong(CKA_CLASS, class)
    }

    pub fn bytes(mut self, kind: CK_ATTRIBUTE_TYPE, value: &[u8]) -> Template {
        self.entries.push((kind, Value::Bytes(value.to_vec())));
        self
    }

    pub fn bool(self, kind: CK_ATTRIBUTE_TYPE, value: bool) -> Template {
        self.bytes(kind, &[if value { CK_TRUE } else { CK_FALSE }])
    }

    pub fn ulong(self, kind: CK_ATTRIBUTE_TYPE, value: CK_ULONG) -> Template {
        self.bytes(kind, &value.to_ne_bytes())
    }

    pub fn label(self, value: &str) -> Template {
        self.bytes(CKA_LABEL, value.as_bytes())
    }

    /// An attribute whose value is itself a template (CKA_WRAP_TEMPLATE and its kin).
    pub fn nested(mut self, kind: CK_ATTRIBUTE_TYPE, value: Template) -> Template {
        self.entries.push((kind, Value::Nested(value)));
        self
    }

    /// An attribute with exactly this pointer and length: bad input.
    pub fn raw(mut self, kind: CK_ATTRIBUTE_TYPE, pointer: *const u8, length: CK_ULONG) -> Template {
        self.entries.push((kind, Value::Raw(pointer as usize, length)));
        self
    }

    /// All attributes of `other` after the own ones.
    pub fn and(mut self, other: Template) -> Template {
        self.entries.extend(other.entries);
        self
    }

    /// The C array; valid as long as the returned value lives.
    pub fn attributes(&self) -> Attributes<'_> {
        let mut nested = Vec::new();
        let array = self
            .entries
            .iter()
            .map(|(kind, value)| {
                let (pointer, length) = match value {
                    Value::Bytes(bytes) if bytes.is_empty() => (ptr::null(), 0),
                    Value::Bytes(bytes) => (bytes.as_ptr(), bytes.len()),
                    Value::Raw(pointer, length) => (*pointer as *const u8, *length as usize),
                    Value::Nested(template) => {
                        let inner = template.attributes();
                        let place = (inner.array.as_ptr().cast::<u8>(), size_of_val(inner.array.as_slice()));
                        nested.push(inner);
                        place
                    }
                };
                attribute(*kind, pointer.cast_mut().cast(), length as CK_ULONG)
            })
            .collect();
        Attributes { array, _nested: nested, _values: PhantomData }
    }
}

/// The C form of a template, which it borrows.
pub struct Attributes<'a> {
    array: Vec<CK_ATTRIBUTE>,
    _nested: Vec<Attributes<'a>>,
    _values: PhantomData<&'a Template>,
}

impl Attributes<'_> {
    pub fn pointer(&mut self) -> *mut CK_ATTRIBUTE {
        self.array.as_mut_ptr()
    }

    pub fn count(&self) -> CK_ULONG {
        self.array.len() as CK_ULONG
    }
}

/// One C attribute.
pub fn attribute(kind: CK_ATTRIBUTE_TYPE, pointer: *mut c_void, length: CK_ULONG) -> CK_ATTRIBUTE {
    CK_ATTRIBUTE { type_: kind, pValue: pointer, ulValueLen: length }
}

/// A mechanism with its parameter.
pub struct Mechanism {
    pub raw: CK_MECHANISM,
    _owned: Vec<Box<dyn Any>>,
}

impl Mechanism {
    /// A mechanism without a parameter.
    pub fn plain(id: CK_MECHANISM_TYPE) -> Mechanism {
        let raw = CK_MECHANISM { mechanism: id, pParameter: ptr::null_mut(), ulParameterLen: 0 };
        Mechanism { raw, _owned: Vec::new() }
    }

    /// A mechanism whose parameter is a C structure; `owned` keeps alive what the structure points to.
    pub fn with<T: 'static>(id: CK_MECHANISM_TYPE, parameter: T, owned: Vec<Box<dyn Any>>) -> Mechanism {
        let mut mechanism = Mechanism::plain(id);
        let mut parameter = Box::new(parameter);
        mechanism.raw.pParameter = ptr::from_mut(parameter.as_mut()).cast();
        mechanism.raw.ulParameterLen = size_of::<T>() as CK_ULONG;
        mechanism._owned = owned;
        mechanism._owned.push(parameter);
        mechanism
    }

    /// A mechanism whose parameter is a string of bytes, such as an IV.
    pub fn bytes(id: CK_MECHANISM_TYPE, parameter: &[u8]) -> Mechanism {
        let (pointer, owned) = hold(parameter);
        let mut mechanism = Mechanism::plain(id);
        mechanism.raw.pParameter = pointer.cast();
        mechanism.raw.ulParameterLen = parameter.len() as CK_ULONG;
        mechanism._owned = vec![owned];
        mechanism
    }

    /// The same mechanism with a wrong parameter length: bad input.
    pub fn with_length(mut self, length: CK_ULONG) -> Mechanism {
        self.raw.ulParameterLen = length;
        self
    }

    /// The pointer that the C functions take.
    pub fn pointer(&self) -> *mut CK_MECHANISM {
        ptr::from_ref(&self.raw).cast_mut()
    }

    pub fn pss(id: CK_MECHANISM_TYPE, hash: CK_MECHANISM_TYPE, mgf: CK_ULONG, salt: CK_ULONG) -> Mechanism {
        Mechanism::with(id, CK_RSA_PKCS_PSS_PARAMS { hashAlg: hash, mgf, sLen: salt }, Vec::new())
    }

    pub fn oaep(hash: CK_MECHANISM_TYPE, mgf: CK_ULONG, label: &[u8]) -> Mechanism {
        let (pointer, owned) = hold(label);
        let parameter = CK_RSA_PKCS_OAEP_PARAMS {
            hashAlg: hash,
            mgf,
            source: CKZ_DATA_SPECIFIED,
            pSourceData: pointer.cast(),
            ulSourceDataLen: label.len() as CK_ULONG,
        };
        Mechanism::with(CKM_RSA_PKCS_OAEP, parameter, vec![owned])
    }

    pub fn gcm(iv: &[u8], aad: &[u8], tag_bits: CK_ULONG) -> Mechanism {
        let (iv_pointer, iv_owned) = hold(iv);
        let (aad_pointer, aad_owned) = hold(aad);
        let parameter = CK_GCM_PARAMS {
            pIv: iv_pointer,
            ulIvLen: iv.len() as CK_ULONG,
            ulIvBits: iv.len() as CK_ULONG * 8,
            pAAD: aad_pointer,
            ulAADLen: aad.len() as CK_ULONG,
            ulTagBits: tag_bits,
        };
        Mechanism::with(CKM_AES_GCM, parameter, vec![iv_owned, aad_owned])
    }

    pub fn ccm(data_len: usize, nonce: &[u8], aad: &[u8], mac_len: CK_ULONG) -> Mechanism {
        let (nonce_pointer, nonce_owned) = hold(nonce);
        let (aad_pointer, aad_owned) = hold(aad);
        let parameter = CK_CCM_PARAMS {
            ulDataLen: data_len as CK_ULONG,
            pNonce: nonce_pointer,
            ulNonceLen: nonce.len() as CK_ULONG,
            pAAD: aad_pointer,
            ulAADLen: aad.len() as CK_ULONG,
            ulMACLen: mac_len,
        };
        Mechanism::with(CKM_AES_CCM, parameter, vec![nonce_owned, aad_owned])
    }

    /// `nonce_len`: in bits, as the standard has it, or in bytes.
    pub fn chacha20_poly1305(nonce: &[u8], nonce_len: CK_ULONG, aad: &[u8]) -> Mechanism {
        let (nonce_pointer, nonce_owned) = hold(nonce);
        let (aad_pointer, aad_owned) = hold(aad);
        let parameter = CK_SALSA20_CHACHA20_POLY1305_PARAMS {
            pNonce: nonce_pointer,
            ulNonceLen: nonce_len,
            pAAD: aad_pointer,
            ulAADLen: aad.len() as CK_ULONG,
        };
        Mechanism::with(CKM_CHACHA20_POLY1305, parameter, vec![nonce_owned, aad_owned])
    }

    pub fn ctr(bits: CK_ULONG, block: [u8; 16]) -> Mechanism {
        Mechanism::with(CKM_AES_CTR, CK_AES_CTR_PARAMS { ulCounterBits: bits, cb: block }, Vec::new())
    }

    pub fn ecdh(id: CK_MECHANISM_TYPE, kdf: CK_EC_KDF_TYPE, point: &[u8], shared: &[u8]) -> Mechanism {
        let (point_pointer, point_owned) = hold(point);
        let (shared_pointer, shared_owned) = hold(shared);
        let parameter = CK_ECDH1_DERIVE_PARAMS {
            kdf,
            ulSharedDataLen: shared.len() as CK_ULONG,
            pSharedData: shared_pointer,
            ulPublicDataLen: point.len() as CK_ULONG,
            pPublicData: point_pointer,
        };
        Mechanism::with(id, parameter, vec![point_owned, shared_owned])
    }

    /// CK_MAC_GENERAL_PARAMS: a MAC of `length` bytes.
    pub fn mac_general(id: CK_MECHANISM_TYPE, length: CK_ULONG) -> Mechanism {
        Mechanism::with(id, length, Vec::new())
    }
}

/// A copy of some bytes on the heap and the pointer to it; NULL for no bytes.
pub fn hold(bytes: &[u8]) -> (*mut u8, Box<dyn Any>) {
    let mut copy = bytes.to_vec();
    let pointer = if copy.is_empty() { ptr::null_mut() } else { copy.as_mut_ptr() };
    (pointer, Box::new(copy))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_where_the_array_points() {
        let template = Template::new().class(CKO_DATA).label("label");
        let mut attributes = template.attributes();
        assert_eq!(attributes.count(), 2);
        // SAFETY: two elements, whose values live in `template`.
        let value = unsafe {
            let attribute = *attributes.pointer().add(1);
            std::slice::from_raw_parts(attribute.pValue.cast::<u8>(), attribute.ulValueLen as usize)
        };
        assert_eq!(value, b"label");
    }

    #[test]
    fn an_empty_value_is_null_and_zero() {
        let template = Template::new().label("");
        let mut attributes = template.attributes();
        // SAFETY: one element.
        let attribute = unsafe { *attributes.pointer() };
        assert!(attribute.pValue.is_null());
        assert_eq!(attribute.ulValueLen, 0);
    }

    #[test]
    fn a_nested_template_counts_in_bytes() {
        let template =
            Template::new().nested(CKA_WRAP_TEMPLATE, Template::new().bool(CKA_TOKEN, true).label("x"));
        let mut attributes = template.attributes();
        // SAFETY: one element.
        let attribute = unsafe { *attributes.pointer() };
        assert_eq!(attribute.ulValueLen as usize, 2 * size_of::<CK_ATTRIBUTE>());
    }

    #[test]
    fn a_parameter_has_the_size_of_its_structure() {
        let mechanism = Mechanism::gcm(&[1; 12], b"", 128);
        assert_eq!(mechanism.raw.ulParameterLen as usize, size_of::<CK_GCM_PARAMS>());
        assert_eq!(mechanism.with_length(3).raw.ulParameterLen, 3);
    }
}
