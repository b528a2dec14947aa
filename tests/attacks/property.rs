//! Random steps of an attacker with a session, on keys whose values are known to the test alone. After each step,
//! protection has not loosened, and no output holds eight bytes in a row of a value that is hidden.
//!
//! A sensitive key that is extractable may be wrapped. On a `compatible` token the wrapping key may decrypt, too: such a value
//! stops being hidden when it leaves; one that is not extractable never does. On a `strict` token no value ever does.

use coffer_pkcs11::ck::*;
use coffer_pkcs11::policy::Profile;

use crate::common::bytes;
use crate::host::*;

mod attacker;
mod secrets;
use attacker::Attacker;

/// Steps with one token.
const STEPS: usize = 10_000;

#[test]
fn protection_never_loosens_and_no_hidden_value_is_in_any_output() {
    walk(Profile::Compatible, amount(50_000, 1_000_000));
}

#[test]
fn no_value_is_in_any_output_of_a_strict_token_whatever_was_wrapped() {
    walk(Profile::Strict, amount(20_000, 1_000_000));
}

fn walk(profile: Profile, steps: usize) {
    let (mut done, mut succeeded, mut outputs) = (0, 0, 0);
    let mut number = seed();
    println!("seed {number}");
    while done < steps {
        let mut attacker = Attacker::new(profile, number);
        for _ in 0..STEPS.min(steps - done) {
            attacker.step();
        }
        attacker.check_all();
        done += STEPS;
        succeeded += attacker.succeeded;
        outputs += attacker.outputs;
        number += 1;
    }
    println!("{steps} steps with {profile:?}, {succeeded} calls that succeeded, {outputs} outputs searched");
    assert!(succeeded * 10 > steps, "too few steps do anything");
}

#[test]
fn the_search_notices_a_value_that_leaves() {
    let mut attacker = Attacker::new(Profile::Compatible, seed());
    let value = attacker.random.bytes(16);
    let wanted = secret_key(CKK_AES, &[(CKA_VALUE, bytes(&value)), yes(CKA_SENSITIVE), no(CKA_EXTRACTABLE)]);
    attacker.host.session.create_object(&wanted).unwrap();
    attacker.secrets.hide(&value);
    let leak = std::panic::AssertUnwindSafe(|| attacker.hear([b"some ", &value[5..13]].concat()));
    assert!(std::panic::catch_unwind(leak).is_err());
}
