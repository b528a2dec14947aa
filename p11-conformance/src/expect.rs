//! What a scenario says about a module, and the small assertions from which scenarios are made.

use crate::module::{CallError, Outcome};
use crate::names;
use cryptoki_sys::{CK_RV, CKR_FUNCTION_NOT_SUPPORTED, CKR_OK};
use serde::{Deserialize, Serialize};

/// Why a scenario did not pass.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub enum Verdict {
    /// The module does not offer what the scenario is about.
    NotSupported(String),
    Failed {
        /// What was seen: a function and its CKR code, or a wrong value.
        got: String,
        expected: String,
    },
}

/// The result of a scenario and of each assertion in it.
pub type Check<T = ()> = Result<T, Verdict>;

/// A call that had to succeed did not. A stub that says so is 'not supported' (PKCS#11 3.2, 5.1.6).
impl From<CallError> for Verdict {
    fn from(error: CallError) -> Verdict {
        if error.rv == CKR_FUNCTION_NOT_SUPPORTED {
            return Verdict::NotSupported(error.to_string());
        }
        failed(error, "CKR_OK")
    }
}

/// A failure in words.
pub fn failed(got: impl ToString, expected: impl ToString) -> Verdict {
    Verdict::Failed { got: got.to_string(), expected: expected.to_string() }
}

/// The call must return exactly `wanted`.
pub fn expect<T>(outcome: Outcome<T>, wanted: CK_RV) -> Check {
    expect_any(outcome, &[wanted])
}

/// The call must return one of `wanted`, where the standard leaves a choice.
pub fn expect_any<T>(outcome: Outcome<T>, wanted: &[CK_RV]) -> Check {
    let names: Vec<String> = wanted.iter().copied().map(names::rv).collect();
    let names = names.join(" or ");
    match outcome {
        Ok(_) if wanted.contains(&CKR_OK) => Ok(()),
        Ok(_) => Err(failed("CKR_OK", names)),
        Err(error) if wanted.contains(&error.rv) => Ok(()),
        Err(error) if error.rv == CKR_FUNCTION_NOT_SUPPORTED => Err(error.into()),
        Err(error) => Err(failed(error, names)),
    }
}

/// The call must be refused, with whatever code.
pub fn refused<T>(outcome: Outcome<T>) -> Check {
    match outcome {
        Ok(_) => Err(failed("CKR_OK", "an error")),
        Err(_) => Ok(()),
    }
}

/// Something that must hold; `what` says it in the affirmative.
pub fn holds(what: &str, truth: bool) -> Check {
    if truth { Ok(()) } else { Err(failed(format!("not so: {what}"), what)) }
}

/// Two values that must be equal; byte strings print in hexadecimal.
pub fn same(what: &str, got: impl AsRef<[u8]>, wanted: impl AsRef<[u8]>) -> Check {
    let (got, wanted) = (got.as_ref(), wanted.as_ref());
    if got == wanted { Ok(()) } else { Err(failed(format!("{what} = {}", hex(got)), hex(wanted))) }
}

/// Two numbers that must be equal.
pub fn equal<N: PartialEq + std::fmt::Display>(what: &str, got: N, wanted: N) -> Check {
    if got == wanted { Ok(()) } else { Err(failed(format!("{what} = {got}"), format!("{wanted}"))) }
}

/// Bytes as hexadecimal digits, cut after 40 bytes.
pub fn hex(bytes: &[u8]) -> String {
    let digits: String = bytes.iter().take(40).map(|byte| format!("{byte:02x}")).collect();
    if bytes.len() > 40 { format!("{digits}… ({} bytes)", bytes.len()) } else { digits }
}

/// The bytes of a hexadecimal literal; blanks are ignored. Only for constants of this program.
pub fn unhex(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        digits.bytes().filter_map(|c| char::from(c).to_digit(16)).map(|d| d as u8).collect();
    digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use cryptoki_sys::{CKR_ARGUMENTS_BAD, CKR_BUFFER_TOO_SMALL};

    const fn returned(rv: CK_RV) -> Outcome {
        Err(CallError { call: "C_Sign", rv })
    }

    #[test]
    fn hexadecimal_literals_may_be_broken_into_lines() {
        assert_eq!(unhex("00 ff\n  7F"), [0x00, 0xff, 0x7f]);
    }

    #[test]
    fn long_bytes_are_cut_in_print() {
        assert_eq!(hex(&[0xab; 2]), "abab");
        assert!(hex(&[0xab; 41]).ends_with("… (41 bytes)"));
    }

    #[test]
    fn success_is_a_failure_where_an_error_is_wanted() {
        assert_eq!(expect(Ok(()), CKR_ARGUMENTS_BAD), Err(failed("CKR_OK", "CKR_ARGUMENTS_BAD")));
    }

    #[test]
    fn another_error_names_both_codes_and_the_function() {
        let verdict = expect(returned(CKR_BUFFER_TOO_SMALL), CKR_ARGUMENTS_BAD);
        assert_eq!(verdict, Err(failed("C_Sign returned CKR_BUFFER_TOO_SMALL", "CKR_ARGUMENTS_BAD")));
    }

    #[test]
    fn a_stub_is_not_supported_and_not_failed() {
        let verdict = expect(returned(CKR_FUNCTION_NOT_SUPPORTED), CKR_ARGUMENTS_BAD);
        assert!(matches!(verdict, Err(Verdict::NotSupported(_))));
    }

    #[test]
    fn a_stub_passes_where_it_is_wanted() {
        assert_eq!(expect(returned(CKR_FUNCTION_NOT_SUPPORTED), CKR_FUNCTION_NOT_SUPPORTED), Ok(()));
    }
}
