//! Arrays of CK_ATTRIBUTE: templates that come in, values that go out (C_GetAttributeValue).
//!
//! The arrays may be unaligned and are read once. Nested arrays (CKA_WRAP_TEMPLATE and its like) are bounded.

use crate::ck::*;
use crate::error::{Error, Result};
use crate::object::{Attributes, SearchTemplate, Template, Value, encode};

use super::pointer;

/// Most attributes in one array.
const MAX_COUNT: usize = 4096;
/// Most bytes that the values of one template have together, nested ones included.
const MAX_BYTES: usize = 64 << 20;
/// How deep templates may stand in templates.
const MAX_DEPTH: usize = 3;

/// What is left of the limits while a template is read.
struct Budget {
    bytes: usize,
    attributes: usize,
}

impl Budget {
    fn new() -> Self {
        Self { bytes: MAX_BYTES, attributes: MAX_COUNT }
    }

    /// Errors: CKR_ARGUMENTS_BAD where too little is left.
    fn take(&mut self, bytes: usize) -> Result<()> {
        self.bytes = self.bytes.checked_sub(bytes).ok_or(Error::ArgumentsBad)?;
        self.attributes = self.attributes.checked_sub(1).ok_or(Error::ArgumentsBad)?;
        Ok(())
    }
}

/// A CK_ATTRIBUTE array of the caller.
#[derive(Clone, Copy)]
struct Array {
    place: *mut CK_ATTRIBUTE,
    count: usize,
}

impl Array {
    /// Errors: CKR_ARGUMENTS_BAD for NULL with a count, or for more attributes than any object has.
    fn new(place: *mut CK_ATTRIBUTE, count: CK_ULONG) -> Result<Self> {
        let count = pointer::length(count, size_of::<CK_ATTRIBUTE>())?;
        if count > MAX_COUNT || (place.is_null() && count > 0) {
            return Err(Error::ArgumentsBad);
        }
        Ok(Self { place, count })
    }

    /// The array that is an attribute's value. Errors: CKR_ATTRIBUTE_VALUE_INVALID.
    fn nested(attribute: &CK_ATTRIBUTE) -> Result<Self> {
        let size = size_of::<CK_ATTRIBUTE>() as CK_ULONG;
        if !attribute.ulValueLen.is_multiple_of(size) {
            return Err(Error::AttributeValueInvalid);
        }
        Self::new(attribute.pValue.cast(), attribute.ulValueLen / size)
            .map_err(|_| Error::AttributeValueInvalid)
    }

    /// # Safety
    /// The array has `count` readable elements; `index` is below `count`.
    unsafe fn read(self, index: usize) -> CK_ATTRIBUTE {
        // SAFETY: within the array, as the caller promises; alignment is not assumed.
        unsafe { self.place.add(index).read_unaligned() }
    }

    /// # Safety
    /// The array has `count` writable elements; `index` is below `count`.
    unsafe fn write(self, index: usize, attribute: CK_ATTRIBUTE) {
        // SAFETY: within the array, as the caller promises; alignment is not assumed.
        unsafe { self.place.add(index).write_unaligned(attribute) }
    }
}

/// The value of an attribute. NULL with a length is CKR_ATTRIBUTE_VALUE_INVALID.
///
/// # Safety
/// A pointer that is not NULL has `ulValueLen` readable bytes.
unsafe fn value<'a>(attribute: &CK_ATTRIBUTE) -> Result<&'a [u8]> {
    // SAFETY: passed on from the caller.
    let bytes = unsafe { pointer::bytes(attribute.pValue.cast(), attribute.ulValueLen) };
    bytes.map_err(|_| Error::AttributeValueInvalid)
}

fn holds_array(attribute: &CK_ATTRIBUTE) -> bool {
    // CKA_ALLOWED_MECHANISMS has the flag too, but holds numbers (section 4.8).
    attribute.type_ & CKF_ARRAY_ATTRIBUTE != 0 && attribute.type_ != CKA_ALLOWED_MECHANISMS
        || matches!(attribute.type_, CKA_ENCAPSULATE_TEMPLATE | CKA_DECAPSULATE_TEMPLATE)
}

/// Reads a template that makes or changes an object. Errors: CKR_ARGUMENTS_BAD, CKR_ATTRIBUTE_VALUE_INVALID, and
/// those of `Template::push`.
///
/// # Safety
/// NULL, or `count` attributes whose values have the lengths that they tell.
pub(super) unsafe fn read(place: *mut CK_ATTRIBUTE, count: CK_ULONG) -> Result<Template> {
    // SAFETY: passed on from the caller.
    unsafe { read_array(Array::new(place, count)?, 0, &mut Budget::new()) }
}

/// # Safety
/// As `read`.
unsafe fn read_array(array: Array, depth: usize, budget: &mut Budget) -> Result<Template> {
    let mut template = Template::new();
    for index in 0..array.count {
        // SAFETY: `index` is within the array; the values are as the caller promises.
        unsafe {
            let attribute = array.read(index);
            let value = value(&attribute)?;
            budget.take(value.len())?;
            if holds_array(&attribute) {
                template.push_template(attribute.type_, read_nested(&attribute, depth, budget)?)?;
            } else {
                template.push(attribute.type_, value)?;
            }
        }
    }
    Ok(template)
}

/// # Safety
/// As `read`.
unsafe fn read_nested(attribute: &CK_ATTRIBUTE, depth: usize, budget: &mut Budget) -> Result<Template> {
    if depth >= MAX_DEPTH {
        return Err(Error::AttributeValueInvalid);
    }
    // SAFETY: passed on from the caller.
    unsafe { read_array(Array::nested(attribute)?, depth + 1, budget) }
}

/// Reads what C_FindObjectsInit searches for. Errors: CKR_ARGUMENTS_BAD, CKR_ATTRIBUTE_VALUE_INVALID.
///
/// # Safety
/// As `read`.
pub(super) unsafe fn read_search(place: *mut CK_ATTRIBUTE, count: CK_ULONG) -> Result<SearchTemplate> {
    let array = Array::new(place, count)?;
    let mut budget = Budget::new();
    let mut search = SearchTemplate::new();
    for index in 0..array.count {
        // SAFETY: `index` is within the array; the values are as the caller promises.
        unsafe {
            let attribute = array.read(index);
            let value = value(&attribute)?;
            budget.take(value.len())?;
            if holds_array(&attribute) {
                search.push_template(attribute.type_, read_nested(&attribute, 0, &mut budget)?);
            } else {
                search.push(attribute.type_, value)?;
            }
        }
    }
    Ok(search)
}

/// The attributes that C_GetAttributeValue is asked for, read once: a value may be written over the array itself. Errors:
/// CKR_ARGUMENTS_BAD.
///
/// # Safety
/// NULL, or `count` readable attributes.
pub(super) unsafe fn wanted(place: *mut CK_ATTRIBUTE, count: CK_ULONG) -> Result<Vec<CK_ATTRIBUTE>> {
    let array = Array::new(place, count)?;
    let mut asked = Vec::new();
    asked.try_reserve_exact(array.count)?;
    // SAFETY: each index is within the array.
    asked.extend((0..array.count).map(|index| unsafe { array.read(index) }));
    Ok(asked)
}

/// Writes the values back, every one that can be told, whatever becomes of the others (C_GetAttributeValue, section
/// 5.7). Errors: that of the first attribute which is refused: CKR_ATTRIBUTE_SENSITIVE, CKR_ATTRIBUTE_TYPE_INVALID
/// or CKR_BUFFER_TOO_SMALL.
///
/// # Safety
/// `asked` is what `wanted` has read at `place`; the buffers are NULL or have the lengths that they tell.
pub(super) unsafe fn write_back(
    place: *mut CK_ATTRIBUTE,
    asked: Vec<CK_ATTRIBUTE>,
    values: &[Result<Value>],
) -> Result<()> {
    let array = Array { place, count: asked.len() };
    let mut outcome = Ok(());
    for (index, (mut attribute, value)) in asked.into_iter().zip(values).enumerate() {
        // SAFETY: the array has an attribute for each value, with a buffer as the caller promises.
        unsafe {
            let written = match value {
                Ok(value) => write_value(&mut attribute, value),
                Err(error) => {
                    attribute.ulValueLen = UNAVAILABLE;
                    Err(*error)
                }
            };
            array.write(index, attribute);
            outcome = outcome.and(written);
        }
    }
    outcome
}

/// Copies a value where the caller has given a buffer, and tells its length. Errors: CKR_BUFFER_TOO_SMALL, with
/// CK_UNAVAILABLE_INFORMATION as the length of what did not fit.
///
/// # Safety
/// The attribute's buffer is NULL or has the length that it tells.
unsafe fn write_value(attribute: &mut CK_ATTRIBUTE, value: &Value) -> Result<()> {
    let encoded = encode(value);
    let len = match value {
        Value::Template(nested) => nested.len() * size_of::<CK_ATTRIBUTE>(),
        _ => encoded.len(),
    } as CK_ULONG;
    let room = std::mem::replace(&mut attribute.ulValueLen, len);
    if attribute.pValue.is_null() {
        return Ok(());
    }
    // CK_UNAVAILABLE_INFORMATION is no room: a caller may pass back what the call before has told.
    if room < len || room == UNAVAILABLE {
        attribute.ulValueLen = UNAVAILABLE;
        return Err(Error::BufferTooSmall);
    }
    // SAFETY: the buffer is not NULL and has room.
    unsafe {
        match value {
            Value::Template(nested) => write_nested(attribute.pValue.cast(), nested),
            _ => {
                pointer::write_items(&encoded, attribute.pValue.cast::<u8>());
                Ok(())
            }
        }
    }
}

/// Fills an array within an array: types are told, and values where the caller has given buffers for them.
///
/// # Safety
/// `place` has an attribute for each of `nested`, initialised by the caller; their buffers as in `write_value`.
unsafe fn write_nested(place: *mut CK_ATTRIBUTE, nested: &Attributes) -> Result<()> {
    let array = Array { place, count: nested.len() };
    let mut outcome = Ok(());
    for (index, (id, value)) in nested.iter().enumerate() {
        // SAFETY: the array has an attribute for each of `nested`.
        unsafe {
            let mut attribute = array.read(index);
            attribute.type_ = id;
            outcome = outcome.and(write_value(&mut attribute, value));
            array.write(index, attribute);
        }
    }
    outcome
}

#[cfg(test)]
mod tests {
    use std::ptr;

    use super::*;

    fn attribute<T>(id: CK_ATTRIBUTE_TYPE, value: &mut [T]) -> CK_ATTRIBUTE {
        let len = size_of_val(value) as CK_ULONG;
        CK_ATTRIBUTE { type_: id, pValue: value.as_mut_ptr().cast(), ulValueLen: len }
    }

    fn parse(attributes: &mut [CK_ATTRIBUTE]) -> Result<Template> {
        // SAFETY: the attributes are ours.
        unsafe { read(attributes.as_mut_ptr(), attributes.len() as CK_ULONG) }
    }

    #[test]
    fn a_template_is_read_from_unaligned_memory() {
        let mut label = *b"key";
        let mut bytes = [0; 1 + size_of::<CK_ATTRIBUTE>()];
        let place: *mut CK_ATTRIBUTE = bytes[1..].as_mut_ptr().cast();
        // SAFETY: the bytes have room for one attribute behind the first.
        let template = unsafe {
            place.write_unaligned(attribute(CKA_LABEL, &mut label));
            read(place, 1)
        };
        assert_eq!(template.unwrap().bytes(CKA_LABEL), Some(&b"key"[..]));
    }

    #[test]
    fn null_templates_are_empty_only_without_a_count() {
        // SAFETY: NULL is never read.
        unsafe {
            assert!(read(ptr::null_mut(), 0).unwrap().is_empty());
            assert_eq!(read(ptr::null_mut(), 1), Err(Error::ArgumentsBad));
            assert_eq!(wanted(ptr::null_mut(), 1).map(drop), Err(Error::ArgumentsBad));
            assert!(read_search(ptr::null_mut(), 0).unwrap().is_empty());
        }
    }

    #[test]
    fn absurd_counts_and_lengths_are_refused_before_they_are_read() {
        let mut label = *b"key";
        let mut one = attribute(CKA_LABEL, &mut label);
        for count in [4097, 1 << 32, 1 << 62, CK_ULONG::MAX] {
            // SAFETY: the count is refused, so that nothing is read.
            assert_eq!(unsafe { read(&mut one, count) }, Err(Error::ArgumentsBad), "{count:#x}");
        }
        one.ulValueLen = 1 << 62;
        assert_eq!(parse(&mut [one]), Err(Error::AttributeValueInvalid));
        let null = CK_ATTRIBUTE { type_: CKA_LABEL, pValue: ptr::null_mut(), ulValueLen: 3 };
        assert_eq!(parse(&mut [null]), Err(Error::AttributeValueInvalid));
    }

    #[test]
    fn nested_templates_are_read_and_bounded_in_depth() {
        let mut truth = [CK_TRUE];
        let mut inner = [attribute(CKA_TOKEN, &mut truth)];
        let template = parse(&mut [attribute(CKA_WRAP_TEMPLATE, &mut inner)]).unwrap();
        let Some(Value::Template(nested)) = template.value(CKA_WRAP_TEMPLATE) else {
            panic!("no nested template")
        };
        assert!(nested.is_true(CKA_TOKEN));

        let mut endless = [attribute(CKA_WRAP_TEMPLATE, &mut [0u8; 0])];
        endless[0].pValue = endless.as_mut_ptr().cast();
        endless[0].ulValueLen = size_of::<CK_ATTRIBUTE>() as CK_ULONG;
        assert_eq!(parse(&mut endless), Err(Error::AttributeValueInvalid));

        let mut ragged = [attribute(CKA_WRAP_TEMPLATE, &mut inner)];
        ragged[0].ulValueLen -= 1;
        assert_eq!(parse(&mut ragged), Err(Error::AttributeValueInvalid));
    }

    #[test]
    fn every_value_that_can_be_told_is_written_whatever_becomes_of_the_others() {
        let (mut label, mut short, mut class) = ([0u8; 8], [0u8; 1], [0u64; 1]);
        let mut asked = [
            attribute(CKA_VALUE, &mut [0u8; 0]),
            attribute(CKA_LABEL, &mut label),
            attribute(CKA_ID, &mut short),
            CK_ATTRIBUTE { type_: CKA_MODULUS, pValue: ptr::null_mut(), ulValueLen: 7 },
            attribute(CKA_CLASS, &mut class),
            attribute(CKA_WRAP, &mut [0u8; 0]),
        ];
        let values = [
            Err(Error::AttributeSensitive),
            Ok(Value::Bytes(b"key".to_vec())),
            Ok(Value::Bytes(vec![1, 2])),
            Ok(Value::Bytes(vec![0; 256])),
            Ok(Value::Ulong(CKO_SECRET_KEY)),
            Err(Error::AttributeTypeInvalid),
        ];
        // SAFETY: the attributes are ours.
        let outcome = unsafe { write_back(asked.as_mut_ptr(), asked.to_vec(), &values) };
        assert_eq!(outcome, Err(Error::AttributeSensitive));
        assert_eq!(
            asked.map(|attribute| attribute.ulValueLen),
            [UNAVAILABLE, 3, UNAVAILABLE, 256, 8, UNAVAILABLE]
        );
        assert_eq!((&label[..4], short, class), (&b"key\0"[..], [0], [CKO_SECRET_KEY]));
        // SAFETY: the attributes are ours.
        let short = unsafe { write_back(asked[2..].as_mut_ptr(), asked[2..3].to_vec(), &values[2..3]) };
        assert_eq!(short, Err(Error::BufferTooSmall));
    }

    #[test]
    fn a_nested_template_is_counted_described_and_filled() {
        let nested = Attributes::from_iter([
            (CKA_TOKEN, Value::Bool(true)),
            (CKA_LABEL, Value::Bytes(b"key".to_vec())),
        ]);
        let values = [Ok(Value::Template(nested))];
        let mut asked = [CK_ATTRIBUTE { type_: CKA_WRAP_TEMPLATE, pValue: ptr::null_mut(), ulValueLen: 0 }];
        let mut inner = [CK_ATTRIBUTE::default(); 2];
        // SAFETY: all attributes and buffers are ours.
        unsafe {
            assert_eq!(write_back(asked.as_mut_ptr(), asked.to_vec(), &values), Ok(()));
            assert_eq!(asked[0].ulValueLen, 48);
            asked[0].pValue = inner.as_mut_ptr().cast();
            assert_eq!(write_back(asked.as_mut_ptr(), asked.to_vec(), &values), Ok(()));
            assert_eq!(inner.map(|a| (a.type_, a.ulValueLen)), [(CKA_TOKEN, 1), (CKA_LABEL, 3)]);
            let mut label = [0u8; 3];
            inner[1] = attribute(0, &mut label);
            assert_eq!(write_back(asked.as_mut_ptr(), asked.to_vec(), &values), Ok(()));
            assert_eq!(&label, b"key");
            inner[1].ulValueLen = 2;
            assert_eq!(write_back(asked.as_mut_ptr(), asked.to_vec(), &values), Err(Error::BufferTooSmall));
            assert_eq!(inner[1].ulValueLen, UNAVAILABLE);
            asked[0].ulValueLen = 24;
            assert_eq!(write_back(asked.as_mut_ptr(), asked.to_vec(), &values), Err(Error::BufferTooSmall));
            assert_eq!(asked[0].ulValueLen, UNAVAILABLE);
        }
    }
}
