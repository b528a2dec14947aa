//! A failed self-test at the C boundary, in a process of its own: a verdict is for the whole process.

use std::process::Command;
use std::ptr;

use crate::ck::*;
use crate::mechanism::self_test;

use super::entry::LIST_3_2;

const NAME: &str = "ffi::blocked_tests::a_failed_self_test_blocks_its_mechanisms_and_no_others";
const CHILD: &str = "COFFER_TEST_BLOCKED";

/// Calls a C function of the list.
macro_rules! call {
    ($function:ident $(, $argument:expr)*) => {{
        // SAFETY: every argument is a value, or a pointer to something alive of the type that the function asks for.
        unsafe { (LIST_3_2.$function.unwrap())($($argument),*) }
    }};
}

#[test]
fn a_failed_self_test_blocks_its_mechanisms_and_no_others() {
    if std::env::var_os(CHILD).is_some() {
        return check();
    }
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", NAME, "--nocapture"])
        .env(CHILD, "1")
        .env("COFFER_HOME", folder.path())
        .env("HOME", folder.path())
        .env_remove("COFFER_CONF")
        .env_remove("XDG_CONFIG_HOME")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}{output:?}");
}

fn check() {
    let (pin, label) = (b"so-pin-1234", [b' '; 32]);
    assert_eq!(call!(C_Initialize, ptr::null_mut()), CKR_OK);
    let (pin, label) = (pin.as_ptr().cast_mut(), label.as_ptr().cast_mut());
    assert_eq!(call!(C_InitToken, 0, pin, 11, label), CKR_OK);
    let (mut session, flags) = (0, CKF_SERIAL_SESSION | CKF_RW_SESSION);
    assert_eq!(call!(C_OpenSession, 0, flags, ptr::null_mut(), None, &mut session), CKR_OK);

    self_test::fail_from_now_on("BLAKE2b");
    let digest = |id| {
        let mut mechanism = CK_MECHANISM { mechanism: id, pParameter: ptr::null_mut(), ulParameterLen: 0 };
        call!(C_DigestInit, session, &mut mechanism)
    };
    let generate = |id| {
        let mut mechanism = CK_MECHANISM { mechanism: id, pParameter: ptr::null_mut(), ulParameterLen: 0 };
        let mut key = 0;
        call!(C_GenerateKey, session, &mut mechanism, ptr::null_mut(), 0, &mut key)
    };
    for _ in 0..2 {
        assert_eq!(digest(CKM_BLAKE2B_256), CKR_DEVICE_ERROR);
        assert_eq!(generate(CKM_BLAKE2B_512_KEY_GEN), CKR_DEVICE_ERROR);
    }
    assert_eq!(digest(CKM_SHA256), CKR_OK);
    assert_eq!(call!(C_Finalize, ptr::null_mut()), CKR_OK);
}
