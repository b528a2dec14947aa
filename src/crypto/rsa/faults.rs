//! Faults in the computation of a signature (Boneh, DeMillo, Lipton, "On the Importance of Checking Cryptographic
//! Protocols for Faults", EUROCRYPT 1997; known as the Bellcore attack): one wrong half of the Chinese remainder theorem
//! and the greatest common divisor give the prime. A bit of a number of the key is flipped after the key was checked and
//! before its first use; nothing that was computed with it may leave.

use super::super::number::Scratch;
use super::*;

/// The numbers that the private operation uses, in the order of RFC 8017 section 3.2.
const PARTS: [&str; 5] = ["p", "q", "dP", "dQ", "qInv"];

/// A new copy of a key with one bit of one of its numbers flipped in the engine's memory.
fn faulty(key: &PrivateKey, part: usize, bit: i32) -> PrivateKey {
    let copy = PrivateKey::new(&key.components().unwrap()).unwrap();
    let (mut p, mut q) = (ptr::null(), ptr::null());
    let (mut dp, mut dq, mut qinv) = (ptr::null(), ptr::null(), ptr::null());
    // SAFETY: a live key that nobody else has; its numbers live as long as it, and are changed in place.
    unsafe {
        aws_lc_sys::RSA_get0_factors(copy.rsa.as_ptr(), &mut p, &mut q);
        aws_lc_sys::RSA_get0_crt_params(copy.rsa.as_ptr(), &mut dp, &mut dq, &mut qinv);
        let number = [p, q, dp, dq, qinv][part].cast_mut();
        let code = match aws_lc_sys::BN_is_bit_set(number, bit) {
            0 => aws_lc_sys::BN_set_bit(number, bit),
            _ => aws_lc_sys::BN_clear_bit(number, bit),
        };
        assert_eq!(code, 1);
    }
    copy
}

fn number(secret: &Secret) -> Number {
    Number::from_bytes(secret.as_bytes()).unwrap()
}

/// The signature of a block as the Chinese remainder theorem computes it (RFC 8017 section 5.1.2), unchecked, with the
/// exponent of the first half changed by `fault`.
fn unchecked(key: &Components, block: &Number, fault: &Number) -> Number {
    let crt = key.crt.as_ref().unwrap();
    let mut scratch = Scratch::new().unwrap();
    let (p, q) = (number(&crt.prime_1), number(&crt.prime_2));
    let dp = number(&crt.exponent_1).plus(fault).unwrap();
    let mut rest = |number: &Number, modulus| number.divided_by(modulus, &mut scratch).unwrap().1;
    let (block_in_p, block_in_q) = (rest(block, &p), rest(block, &q));
    let first = block_in_p.power(&dp, &p, &mut scratch).unwrap();
    let second = block_in_q.power(&number(&crt.exponent_2), &q, &mut scratch).unwrap();
    let (_, second_in_p) = second.divided_by(&p, &mut scratch).unwrap();
    let difference = first.plus(&p).unwrap().minus(&second_in_p).unwrap();
    let product = difference.times(&number(&crt.coefficient), &mut scratch).unwrap();
    let (_, h) = product.divided_by(&p, &mut scratch).unwrap();
    second.plus(&q.times(&h, &mut scratch).unwrap()).unwrap()
}

#[test]
fn a_faulty_signature_that_left_would_give_a_prime_away() {
    let key = generate(1024, &[1, 0, 1]).unwrap().components().unwrap();
    let mut scratch = Scratch::new().unwrap();
    let n = Number::from_bytes(&key.modulus).unwrap();
    let e = Number::from_bytes(&key.public_exponent).unwrap();
    let block = Number::from_bytes(&[0x5a; 100]).unwrap();
    let prime_of = |signature: &Number, scratch: &mut Scratch| {
        let opened = signature.power(&e, &n, scratch).unwrap();
        opened.plus(&n).unwrap().minus(&block).unwrap().gcd(&n, scratch).unwrap()
    };
    let good = unchecked(&key, &block, &Number::zero().unwrap());
    assert!(prime_of(&good, &mut scratch).compare(&n).is_eq(), "a good signature gives nothing away");
    let bad = unchecked(&key, &block, &Number::one().unwrap());
    let found = prime_of(&bad, &mut scratch).to_secret().unwrap();
    assert!(found == key.crt.unwrap().prime_2, "the attack does not work");
}

#[test]
fn nothing_leaves_that_was_computed_with_a_flipped_bit() {
    let key = generate(1024, &[1, 0, 1]).unwrap();
    let public = key.public().unwrap();
    let digest = [7; 32];
    let (mut refused, mut unharmed) = (0, 0);
    for (part, name) in PARTS.iter().enumerate() {
        for bit in (0..510).step_by(17) {
            let told = format!("bit {bit} of {name}");
            let harmed = faulty(&key, part, bit);
            let mut signature = vec![0; 128];
            let mut outcomes = [
                harmed
                    .sign_pkcs1(b"message", &mut signature)
                    .map(|_| public.verify_pkcs1(b"message", &signature)),
                harmed
                    .sign_pss(Hash::Sha256, Hash::Sha256, 32, &digest, &mut signature)
                    .map(|_| public.verify_pss(Hash::Sha256, Hash::Sha256, 32, &digest, &signature)),
                harmed
                    .sign_x931(b"message", &mut signature)
                    .map(|_| public.verify_x931(b"message", &signature)),
                harmed.raw(&[0x5a; 128]).map(|result| match public.raw(result.as_bytes())? == [0x5a; 128] {
                    true => Ok(()),
                    false => Err(Error::Signature),
                }),
            ];
            for outcome in &mut outcomes {
                match outcome {
                    Ok(verified) => {
                        assert_eq!(*verified, Ok(()), "a faulty result left: {told}");
                        unharmed += 1;
                    }
                    Err(_) => refused += 1,
                }
            }
        }
    }
    println!("{refused} faulty results stopped, 0 left; {unharmed} results were right all the same");
    assert!(refused > 500, "the flipped bits do no harm: {refused}");
}
