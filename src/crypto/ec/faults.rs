//! Faults in the private value of an ECDSA key. A signature that was made under a value with one wrong bit verifies under the
//! public key that differs by that bit's multiple of the base point: whoever has it tries the bits, and knows one of the key.

use super::*;

/// A new copy of a key with one bit of its private value flipped in the engine's memory.
fn faulty(key: &PrivateKey, bit: i32) -> PrivateKey {
    let copy = PrivateKey::new(key.curve, key.kept.as_bytes()).unwrap();
    // SAFETY: a live key that nobody else has; its number lives as long as it, and is changed in place.
    unsafe {
        let number = aws_lc_sys::EC_KEY_get0_private_key(copy.key.as_ptr()).cast_mut();
        let code = match aws_lc_sys::BN_is_bit_set(number, bit) {
            0 => aws_lc_sys::BN_set_bit(number, bit),
            _ => aws_lc_sys::BN_clear_bit(number, bit),
        };
        assert_eq!(code, 1);
    }
    copy
}

#[test]
fn a_faulty_signature_that_left_would_give_a_bit_away() {
    let key = PrivateKey::generate(Curve::P256).unwrap();
    let mut harmed = faulty(&key, 77);
    // As if nobody looked.
    harmed.kept = harmed.value().unwrap();
    let mut signature = [0; 64];
    harmed.sign(&[7; 32], &mut signature).unwrap();
    let public = |key: &PrivateKey| PublicKey::new(Curve::P256, &key.public_point().unwrap()).unwrap();
    assert_eq!(public(&key).verify(&[7; 32], &signature), Err(Error::Signature));
    assert_eq!(public(&harmed).verify(&[7; 32], &signature), Ok(()), "the guess of the bit is confirmed");
}

#[test]
fn no_signature_leaves_that_was_made_with_a_flipped_bit() {
    let mut refused = 0;
    for (curve, bits) in [(Curve::P256, 255), (Curve::P384, 383), (Curve::P521, 520)] {
        let key = PrivateKey::generate(curve).unwrap();
        let mut signature = vec![0; 2 * curve.order_len()];
        for bit in (0..bits).step_by(if curve == Curve::P256 { 1 } else { 13 }) {
            assert_eq!(faulty(&key, bit).sign(&[7; 32], &mut signature), Err(Error::Engine), "bit {bit}");
            assert!(signature.iter().all(|byte| *byte == 0), "bit {bit}");
            refused += 1;
        }
        assert_eq!(key.sign(&[7; 32], &mut signature), Ok(signature.len()));
    }
    println!("{refused} faulty signatures stopped, 0 left");
}
