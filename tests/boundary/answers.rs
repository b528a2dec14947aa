//! The answers that section 5 of PKCS#11 3.2 allows to each function, and those that Coffer gives beyond them.
//!
//! CKR_GENERAL_ERROR, CKR_FUNCTION_FAILED, CKR_HOST_MEMORY and the errors of the device are allowed to every function;
//! here they would be mistakes of ours, because the storage is sound and memory is there.

use std::sync::LazyLock;

use coffer_pkcs11::ck::*;
use coffer_pkcs11::error::Error;

use super::functions::{FUNCTIONS, Kind};

/// The lists of the standard, transcribed: `tests/golden/return-values.txt`.
const LISTS: &str = include_str!("../golden/return-values.txt");

/// What Coffer answers although the list of the function has not got it. docs/conformance.md says why.
const BEYOND: &[(&[&str], CK_RV)] = &[
    (&["C_DestroyObject"], CKR_USER_NOT_LOGGED_IN),
    (&["C_SetPIN"], CKR_USER_PIN_NOT_INITIALIZED),
    (&["C_InitToken"], CKR_PIN_INVALID),
    (&["C_InitToken"], CKR_PIN_LEN_RANGE),
    (&["C_EncryptMessageBegin"], CKR_OPERATION_NOT_INITIALIZED),
    (&["C_GetSessionValidationFlags"], CKR_ARGUMENTS_BAD),
    (
        &[
            "C_DeriveKey",
            "C_WrapKey",
            "C_UnwrapKey",
            "C_WrapKeyAuthenticated",
            "C_UnwrapKeyAuthenticated",
            "C_EncapsulateKey",
            "C_DecapsulateKey",
        ],
        CKR_KEY_FUNCTION_NOT_PERMITTED,
    ),
];

/// For each function, in the order of the table, what it may answer.
static ALLOWED: LazyLock<Vec<Vec<CK_RV>>> =
    LazyLock::new(|| FUNCTIONS.iter().map(|row| allowed_to(row.name, row.kinds)).collect());

fn allowed_to(name: &str, kinds: &[Kind]) -> Vec<CK_RV> {
    let row = LISTS.lines().find(|line| line.split(' ').next() == Some(name));
    let listed = row.unwrap_or_else(|| panic!("{name} has no list")).split(' ').skip(1);
    // A name that no error of Coffer has cannot be answered.
    let listed = listed
        .filter_map(|short| Error::ALL.iter().find(|error| error.name().strip_prefix("CKR_") == Some(short)));
    let mut allowed: Vec<CK_RV> = listed.map(|error| error.rv()).collect();
    if !is_parallel(name) {
        allowed.push(CKR_OK);
    }
    if !is_anytime(name) {
        allowed.push(CKR_CRYPTOKI_NOT_INITIALIZED);
    }
    if kinds.first() == Some(&Kind::Session) {
        allowed.extend([CKR_SESSION_HANDLE_INVALID, CKR_SESSION_CLOSED]);
    }
    allowed.extend(BEYOND.iter().filter(|(functions, _)| functions.contains(&name)).map(|(_, rv)| rv));
    allowed
}

/// Whether the function may be called before C_Initialize (5.4).
pub fn is_anytime(name: &str) -> bool {
    matches!(name, "C_Initialize" | "C_GetFunctionList" | "C_GetInterfaceList" | "C_GetInterface")
}

/// Whether the function is one of the two that are only there for old applications (5.20).
pub fn is_parallel(name: &str) -> bool {
    matches!(name, "C_GetFunctionStatus" | "C_CancelFunction")
}

/// Whether the function at this place of the table may answer this.
pub fn is_allowed(function: usize, rv: CK_RV) -> bool {
    ALLOWED[function].contains(&rv)
}

/// The name of an answer, as far as Coffer has it.
pub fn name(rv: CK_RV) -> String {
    let known = Error::ALL.iter().find(|error| error.rv() == rv);
    match known {
        Some(error) => error.name().to_owned(),
        None if rv == CKR_OK => "CKR_OK".to_owned(),
        None => format!("{rv:#x}"),
    }
}

#[test]
fn every_list_is_one_of_a_function_and_names_return_values() {
    for line in LISTS.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split(' ');
        let name = words.next().unwrap();
        assert!(FUNCTIONS.iter().any(|row| row.name == name), "{name} is no function");
        assert!(
            words.all(|word| word.chars().all(|letter| letter.is_ascii_uppercase() || letter == '_')),
            "{line}"
        );
    }
    for (functions, _) in BEYOND {
        assert!(functions.iter().all(|name| FUNCTIONS.iter().any(|row| row.name == *name)), "{functions:?}");
    }
}
