//! Which functions of the newest list a module has: each is called once, with nothing that it could do anything with.

use cryptoki_sys::*;

use crate::module::Module;
use crate::names;

/// The functions of the list of version 3.2, in its order; the lists of versions 2.40 and 3.0 are its beginnings.
const FUNCTIONS: [&str; 104] = [
    "C_Initialize",
    "C_Finalize",
    "C_GetInfo",
    "C_GetFunctionList",
    "C_GetSlotList",
    "C_GetSlotInfo",
    "C_GetTokenInfo",
    "C_GetMechanismList",
    "C_GetMechanismInfo",
    "C_InitToken",
    "C_InitPIN",
    "C_SetPIN",
    "C_OpenSession",
    "C_CloseSession",
    "C_CloseAllSessions",
    "C_GetSessionInfo",
    "C_GetOperationState",
    "C_SetOperationState",
    "C_Login",
    "C_Logout",
    "C_CreateObject",
    "C_CopyObject",
    "C_DestroyObject",
    "C_GetObjectSize",
    "C_GetAttributeValue",
    "C_SetAttributeValue",
    "C_FindObjectsInit",
    "C_FindObjects",
    "C_FindObjectsFinal",
    "C_EncryptInit",
    "C_Encrypt",
    "C_EncryptUpdate",
    "C_EncryptFinal",
    "C_DecryptInit",
    "C_Decrypt",
    "C_DecryptUpdate",
    "C_DecryptFinal",
    "C_DigestInit",
    "C_Digest",
    "C_DigestUpdate",
    "C_DigestKey",
    "C_DigestFinal",
    "C_SignInit",
    "C_Sign",
    "C_SignUpdate",
    "C_SignFinal",
    "C_SignRecoverInit",
    "C_SignRecover",
    "C_VerifyInit",
    "C_Verify",
    "C_VerifyUpdate",
    "C_VerifyFinal",
    "C_VerifyRecoverInit",
    "C_VerifyRecover",
    "C_DigestEncryptUpdate",
    "C_DecryptDigestUpdate",
    "C_SignEncryptUpdate",
    "C_DecryptVerifyUpdate",
    "C_GenerateKey",
    "C_GenerateKeyPair",
    "C_WrapKey",
    "C_UnwrapKey",
    "C_DeriveKey",
    "C_SeedRandom",
    "C_GenerateRandom",
    "C_GetFunctionStatus",
    "C_CancelFunction",
    "C_WaitForSlotEvent",
    "C_GetInterfaceList",
    "C_GetInterface",
    "C_LoginUser",
    "C_SessionCancel",
    "C_MessageEncryptInit",
    "C_EncryptMessage",
    "C_EncryptMessageBegin",
    "C_EncryptMessageNext",
    "C_MessageEncryptFinal",
    "C_MessageDecryptInit",
    "C_DecryptMessage",
    "C_DecryptMessageBegin",
    "C_DecryptMessageNext",
    "C_MessageDecryptFinal",
    "C_MessageSignInit",
    "C_SignMessage",
    "C_SignMessageBegin",
    "C_SignMessageNext",
    "C_MessageSignFinal",
    "C_MessageVerifyInit",
    "C_VerifyMessage",
    "C_VerifyMessageBegin",
    "C_VerifyMessageNext",
    "C_MessageVerifyFinal",
    "C_EncapsulateKey",
    "C_DecapsulateKey",
    "C_VerifySignatureInit",
    "C_VerifySignature",
    "C_VerifySignatureUpdate",
    "C_VerifySignatureFinal",
    "C_GetSessionValidationFlags",
    "C_AsyncComplete",
    "C_AsyncGetID",
    "C_AsyncJoin",
    "C_WrapKeyAuthenticated",
    "C_UnwrapKeyAuthenticated",
];

/// Functions that begin or end the work with the library, or need no library at all: that they work is seen already.
const SEEN: [&str; 5] =
    ["C_Initialize", "C_Finalize", "C_GetFunctionList", "C_GetInterfaceList", "C_GetInterface"];

/// All arguments are passed in registers or stack places of 64 bits, so that one shape of call serves all functions.
type Any = unsafe extern "C" fn(u64, u64, u64, u64, u64, u64, u64, u64, u64, u64) -> CK_RV;

/// For each function "yes", the code of a function that is only there in name, or "absent". `module` is initialised.
pub fn answers(module: &Module) -> Vec<(&'static str, String)> {
    let newest = module.newest_functions();
    let answer = |(index, name): (usize, &&'static str)| {
        let address = newest.get(index).copied().filter(|address| !address.is_null());
        let answer = match address {
            None => "absent".to_owned(),
            Some(_) if SEEN.contains(name) => "yes".to_owned(),
            Some(address) => told(call(name, address)),
        };
        (*name, answer)
    };
    FUNCTIONS.iter().enumerate().map(answer).collect()
}

/// Session handle, slot and object 0, NULL and length 0 throughout.
fn call(name: &str, address: *const ()) -> CK_RV {
    // Otherwise it waits.
    let first = if name == "C_WaitForSlotEvent" { CKF_DONT_BLOCK } else { 0 };
    // SAFETY: an entry of the function list; on 64-bit System V and AArch64 integers and pointers are passed alike, and
    // surplus arguments are ignored. A module that dies of NULL ends this child process and nothing else.
    unsafe {
        let function = std::mem::transmute::<*const (), Any>(address);
        function(first, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    }
}

fn told(rv: CK_RV) -> String {
    match rv {
        CKR_FUNCTION_NOT_SUPPORTED | CKR_FUNCTION_NOT_PARALLEL => names::rv(rv),
        _ => "yes".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::functions_of;

    #[test]
    fn the_list_has_every_function_once_and_each_version_is_a_beginning_of_the_next() {
        let of = |major, minor| functions_of(CK_VERSION { major, minor });
        assert_eq!(of(3, 2), FUNCTIONS.len());
        assert_eq!(FUNCTIONS[of(2, 40)], "C_GetInterfaceList");
        assert_eq!(FUNCTIONS[of(3, 0)], "C_EncapsulateKey");
        let mut names = FUNCTIONS.to_vec();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), FUNCTIONS.len());
    }

    #[test]
    fn only_two_codes_mean_that_a_function_is_there_in_name_alone() {
        assert_eq!(told(CKR_FUNCTION_NOT_SUPPORTED), "CKR_FUNCTION_NOT_SUPPORTED");
        assert_eq!(told(CKR_FUNCTION_NOT_PARALLEL), "CKR_FUNCTION_NOT_PARALLEL");
        for rv in [CKR_OK, CKR_SESSION_HANDLE_INVALID, CKR_ARGUMENTS_BAD] {
            assert_eq!(told(rv), "yes");
        }
    }
}
