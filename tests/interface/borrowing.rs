//! Structures of C that point to values: each borrows them, so that none can point to a value that is gone.

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::ptr;

use coffer_pkcs11::ck::*;

/// A structure with pointers to what lives for `'a`. An array of them is an array of `T` for C.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Borrowing<'a, T> {
    raw: T,
    values: PhantomData<&'a ()>,
}

pub type Attribute<'a> = Borrowing<'a, CK_ATTRIBUTE>;
pub type Mechanism<'a> = Borrowing<'a, CK_MECHANISM>;

impl<T> Deref for Borrowing<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.raw
    }
}

impl<T> DerefMut for Borrowing<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.raw
    }
}

/// An attribute with its value.
pub fn attribute<T>(id: CK_ATTRIBUTE_TYPE, value: &[T]) -> Attribute<'_> {
    let len = size_of_val(value) as CK_ULONG;
    let raw = CK_ATTRIBUTE { type_: id, pValue: value.as_ptr().cast_mut().cast(), ulValueLen: len };
    Borrowing { raw, values: PhantomData }
}

/// An attribute that is asked for, with room for its value.
pub fn asked<T>(id: CK_ATTRIBUTE_TYPE, room: &mut [T]) -> Attribute<'_> {
    let len = size_of_val(room) as CK_ULONG;
    let raw = CK_ATTRIBUTE { type_: id, pValue: room.as_mut_ptr().cast(), ulValueLen: len };
    Borrowing { raw, values: PhantomData }
}

/// A mechanism without a parameter.
pub fn mechanism(id: CK_MECHANISM_TYPE) -> CK_MECHANISM {
    CK_MECHANISM { mechanism: id, pParameter: ptr::null_mut(), ulParameterLen: 0 }
}

/// A mechanism with its parameter, which no function writes to; what it points to may be written.
pub fn mechanism_with<T>(id: CK_MECHANISM_TYPE, parameter: &T) -> Mechanism<'_> {
    let Place { start, size } = *passed(parameter);
    let raw = CK_MECHANISM { mechanism: id, pParameter: start, ulParameterLen: size };
    Borrowing { raw, values: PhantomData }
}

/// Where a parameter is, and its size in bytes.
#[derive(Clone, Copy)]
pub struct Place {
    pub start: CK_VOID_PTR,
    pub size: CK_ULONG,
}

/// A parameter as an argument, as that of `mechanism_with`.
pub fn passed<T>(parameter: &T) -> Borrowing<'_, Place> {
    let raw = Place { start: ptr::from_ref(parameter).cast_mut().cast(), size: size_of::<T>() as CK_ULONG };
    Borrowing { raw, values: PhantomData }
}
