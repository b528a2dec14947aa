//! Shamir's secret sharing over GF(2^8), byte by byte: any `threshold` of the shares give the secret, fewer tell nothing of it.
//!
//! The field is that of AES (FIPS 197 section 4). The share with the number x holds the values at x of one polynomial for each
//! byte, whose constant term is that byte. The crate works without tables and branches that depend on secrets, and draws
//! every other coefficient from the whole field.

use std::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};
use vsss_rs::{Error as Refusal, Gf256};
use zeroize::{Zeroize, Zeroizing};

use super::{Error, Result, random};
use crate::secret::Secret;

/// The most shares of one secret here.
const MAX_SHARES: u8 = 16;
/// The fewest shares that give the secret.
const MIN_THRESHOLD: u8 = 2;

/// One share: its number, from 1, and as many bytes as the secret has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    pub number: u8,
    pub value: Secret,
}

/// Splits a secret into `count` shares. `Argument`: not 2 ≤ `threshold` ≤ `count` ≤ 16, or an empty secret. `Random`: no random
/// numbers are to be had.
pub fn split(secret: &[u8], threshold: u8, count: u8) -> Result<Vec<Share>> {
    if threshold < MIN_THRESHOLD || threshold > count || count > MAX_SHARES {
        return Err(Error::Argument);
    }
    let mut generator = Generator { failed: false };
    let split = Gf256::split_bytes(threshold.into(), count.into(), secret, &mut generator);
    let shares = Zeroizing::new(split.map_err(|_| Error::Argument)?);
    if generator.failed {
        return Err(Error::Random);
    }
    shares.iter().map(|share| share_of(share)).collect()
}

/// The crate's form of a share: its number, then the value.
fn share_of(bytes: &[u8]) -> Result<Share> {
    let (number, value) = bytes.split_first().ok_or(Error::Engine)?;
    Ok(Share { number: *number, value: Secret::copy_of(value) })
}

/// The secret that these shares give; all of them are used. Shares of different secrets, or fewer than the threshold, give
/// other bytes and no error: whoever combines must know the secret when he sees it. `Data`: fewer than two, one of them
/// twice, the number zero, or values of different lengths.
pub fn combine(shares: &[Share]) -> Result<Secret> {
    let form = |share: &Share| [&[share.number], share.value.as_bytes()].concat();
    let shares = Zeroizing::new(shares.iter().map(form).collect::<Vec<_>>());
    Gf256::combine_bytes(&*shares).map(Secret::new).map_err(|error| match error {
        Refusal::InvalidShareConversion => Error::Engine,
        _ => Error::Data,
    })
}

/// Random numbers for the crate, which knows none that could fail: what failed is told afterwards.
struct Generator {
    failed: bool,
}

impl TryRng for Generator {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> std::result::Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> std::result::Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, buffer: &mut [u8]) -> std::result::Result<(), Infallible> {
        if random::fill(buffer).is_err() {
            buffer.zeroize();
            self.failed = true;
        }
        Ok(())
    }
}

impl TryCryptoRng for Generator {}

#[cfg(test)]
mod tests {
    use super::*;

    /// Multiplication of FIPS 197 section 4.2, by the book.
    fn times(mut a: u8, mut b: u8) -> u8 {
        let mut product = 0;
        while b > 0 {
            product ^= if b & 1 == 1 { a } else { 0 };
            a = a << 1 ^ if a & 0x80 == 0 { 0 } else { 0x1b };
            b >>= 1;
        }
        product
    }

    /// Lagrange's interpolation at zero, by the book.
    fn interpolated(shares: &[Share]) -> Vec<u8> {
        let inverse = |a: u8| (1..=255).find(|b| times(a, *b) == 1).unwrap();
        let weight = |x: u8| {
            let others = shares.iter().map(|share| share.number).filter(|other| *other != x);
            others.fold(1, |weight, other| times(weight, times(other, inverse(other ^ x))))
        };
        let byte = |at: usize| {
            shares.iter().fold(0, |sum, share| sum ^ times(weight(share.number), share.value.as_bytes()[at]))
        };
        (0..shares[0].value.len()).map(byte).collect()
    }

    fn chosen(shares: &[Share], subset: u32) -> Vec<Share> {
        let inside = |place: &usize| subset >> place & 1 == 1;
        (0..shares.len()).filter(inside).map(|place| shares[place].clone()).collect()
    }

    #[test]
    fn any_k_of_n_shares_give_the_secret_and_fewer_do_not() {
        let secret: Vec<u8> = (0..32).map(|byte| byte * 7 + 1).collect();
        for (threshold, count) in [(2, 2), (2, 3), (3, 3), (2, 5), (3, 5), (5, 5), (4, 7), (16, 16)] {
            let shares = split(&secret, threshold, count).unwrap();
            assert_eq!(
                shares.iter().map(|share| share.number).collect::<Vec<_>>(),
                Vec::from_iter(1..=count)
            );
            let subsets = if count > 8 { u32::from(u16::MAX)..1 << 16 } else { 1..1_u32 << count };
            for subset in subsets {
                let some = chosen(&shares, subset);
                if some.len() < 2 {
                    assert_eq!(combine(&some), Err(Error::Data));
                    continue;
                }
                let combined = combine(&some).unwrap();
                assert_eq!(
                    combined.as_bytes() == secret,
                    some.len() >= threshold.into(),
                    "{threshold} {subset:b}"
                );
                assert_eq!(combined.as_bytes(), interpolated(&some));
            }
        }
    }

    #[test]
    fn the_test_case_of_draft_mcgrew_tss_03_section_9_comes_out() {
        let share = |number, value: &str| Share { number, value: Secret::new(hex::decode(value).unwrap()) };
        let shares = [share(1, "b9fa07e185"), share(2, "f5409b4511")];
        assert_eq!(combine(&shares).unwrap().as_bytes(), hex::decode("7465737400").unwrap());
        assert_eq!(interpolated(&shares), hex::decode("7465737400").unwrap());
    }

    #[test]
    fn one_share_takes_every_value_whatever_the_secret() {
        for secret in [0, 0xff] {
            let mut seen = [false; 256];
            for _ in 0..8000 {
                seen[usize::from(split(&[secret], 2, 2).unwrap()[0].value.as_bytes()[0])] = true;
            }
            assert!(seen.iter().all(|seen| *seen));
        }
    }

    #[test]
    fn what_cannot_be_split_or_combined_is_refused() {
        for (threshold, count) in [(0, 3), (1, 3), (4, 3), (2, 17), (2, 0)] {
            assert_eq!(split(b"secret", threshold, count), Err(Error::Argument));
        }
        assert_eq!(split(b"", 2, 3), Err(Error::Argument));
        let shares = split(b"secret", 2, 3).unwrap();
        assert_eq!(combine(&[shares[0].clone(), shares[0].clone()]), Err(Error::Data));
        let zero = Share { number: 0, ..shares[1].clone() };
        assert_eq!(combine(&[shares[0].clone(), zero]), Err(Error::Data));
        let short = Share { value: Secret::copy_of(b"secre"), ..shares[1].clone() };
        assert_eq!(combine(&[shares[0].clone(), short]), Err(Error::Data));
        assert_eq!(combine(&[]), Err(Error::Data));
    }
}
