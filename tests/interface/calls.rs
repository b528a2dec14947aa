//! Arguments and results of C functions, for tests that make many calls.

use coffer_pkcs11::ck::*;

use super::Attribute;
use crate::call;

/// Calls with a buffer of so many bytes.
pub fn output(room: usize, call: impl FnOnce(CK_BYTE_PTR, &mut CK_ULONG) -> CK_RV) -> Result<Vec<u8>, CK_RV> {
    let (mut bytes, mut len) = (vec![0; room], room as CK_ULONG);
    match call(bytes.as_mut_ptr(), &mut len) {
        CKR_OK => {
            bytes.truncate(len as usize);
            Ok(bytes)
        }
        rv => Err(rv),
    }
}

/// Bytes as an argument: the functions do not write to input.
pub fn place(bytes: &[u8]) -> CK_BYTE_PTR {
    bytes.as_ptr().cast_mut()
}

pub fn len(bytes: &[u8]) -> CK_ULONG {
    bytes.len() as CK_ULONG
}

pub fn create(
    functions: &CK_FUNCTION_LIST_3_2,
    session: CK_SESSION_HANDLE,
    template: &[Attribute],
) -> CK_OBJECT_HANDLE {
    let (mut key, count) = (0, template.len() as CK_ULONG);
    let template = template.as_ptr().cast_mut().cast();
    assert_eq!(call!(functions, C_CreateObject, session, template, count, &mut key), CKR_OK);
    key
}
