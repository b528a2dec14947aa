//! Big unsigned integers of the engine, for what the key formats need: bytes in, bytes out, and the arithmetic that
//! completes an RSA key. Not for use on every operation: what is computed here happens once for a key.

use aws_lc_sys::{BIGNUM, BN_CTX, BN_CTX_free, BN_CTX_new, BN_clear_free, BN_new};
use std::cmp::Ordering;
use std::ffi::{CStr, c_int};
use std::ptr;

use super::{Error, Owned, Result, succeed};
use crate::secret::Secret;

/// An unsigned integer, wiped when dropped.
pub(crate) struct Number(Owned<BIGNUM>);

// SAFETY: the engine does not change a number that it is given as constant, and only `&mut self` gives another pointer.
unsafe impl Sync for Number {}

/// Scratch space of the engine's arithmetic.
pub(crate) struct Scratch(Owned<BN_CTX>);

impl Scratch {
    pub(crate) fn new() -> Result<Self> {
        // SAFETY: a new context, released by its own function.
        Ok(Self(unsafe { Owned::new(BN_CTX_new(), BN_CTX_free)? }))
    }

    pub(crate) fn as_mut_ptr(&mut self) -> *mut BN_CTX {
        self.0.as_mut_ptr()
    }
}

impl Number {
    pub(crate) fn zero() -> Result<Self> {
        // SAFETY: a new number, released (and wiped) by its own function.
        Ok(Self(unsafe { Owned::new(BN_new(), BN_clear_free)? }))
    }

    pub(crate) fn one() -> Result<Self> {
        Self::from_bytes(&[1])
    }

    /// Most significant byte first; leading zeros do not matter.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut number = Self::zero()?;
        // SAFETY: pointer and length are those of one live slice; the number is ours.
        let answer = unsafe { aws_lc_sys::BN_bin2bn(bytes.as_ptr(), bytes.len(), number.as_mut_ptr()) };
        if answer.is_null() {
            super::clear_errors();
            return Err(Error::Memory);
        }
        Ok(number)
    }

    /// Hexadecimal digits, most significant first. `Data`: there are none.
    pub(crate) fn from_hex(digits: &CStr) -> Result<Self> {
        let mut number = ptr::null_mut();
        // SAFETY: a C string; the engine makes a new number and stores it where it is told.
        let read = unsafe { aws_lc_sys::BN_hex2bn(&mut number, digits.as_ptr()) };
        // SAFETY: NULL, or the new number, released (and wiped) by its own function.
        let number = Self(unsafe { Owned::new(number, BN_clear_free)? });
        succeed((read > 0).into(), Error::Data)?;
        Ok(number)
    }

    /// Copies a number that the engine owns.
    ///
    /// # Safety
    /// `number` is NULL or points to a number that lives through the call.
    pub(crate) unsafe fn copy_of(number: *const BIGNUM) -> Result<Self> {
        if number.is_null() {
            return Err(Error::Key);
        }
        // SAFETY: promised by the caller; the copy is ours.
        Ok(Self(unsafe { Owned::new(aws_lc_sys::BN_dup(number), BN_clear_free)? }))
    }

    pub(crate) fn as_ptr(&self) -> *const BIGNUM {
        self.0.as_ptr()
    }

    pub(crate) fn as_mut_ptr(&mut self) -> *mut BIGNUM {
        self.0.as_mut_ptr()
    }

    /// Length in bits without leading zeros.
    pub(crate) fn bits(&self) -> usize {
        // SAFETY: a live number.
        unsafe { aws_lc_sys::BN_num_bits(self.as_ptr()) as usize }
    }

    pub(crate) fn is_odd(&self) -> bool {
        // SAFETY: a live number.
        unsafe { aws_lc_sys::BN_is_odd(self.as_ptr()) == 1 }
    }

    pub(crate) fn is_one(&self) -> bool {
        // SAFETY: a live number.
        unsafe { aws_lc_sys::BN_is_one(self.as_ptr()) == 1 }
    }

    pub(crate) fn is_zero(&self) -> bool {
        self.bits() == 0
    }

    pub(crate) fn compare(&self, other: &Number) -> Ordering {
        // SAFETY: two live numbers.
        unsafe { aws_lc_sys::BN_cmp(self.as_ptr(), other.as_ptr()) }.cmp(&0)
    }

    /// The shortest big-endian form: no leading zeros.
    pub(crate) fn to_secret(&self) -> Result<Secret> {
        self.to_secret_of(self.bits().div_ceil(8))
    }

    /// Big-endian in exactly `length` bytes; `Error::Length` where the number is larger.
    pub(crate) fn to_secret_of(&self, length: usize) -> Result<Secret> {
        let mut secret = Secret::zeroed(length);
        // SAFETY: a live number; pointer and length are those of one live, writable slice.
        let code = unsafe {
            aws_lc_sys::BN_bn2bin_padded(secret.as_mut_bytes().as_mut_ptr(), length, self.as_ptr())
        };
        succeed(code, Error::Length)?;
        Ok(secret)
    }

    /// The shortest big-endian form of a number that is public.
    pub(crate) fn to_public(&self) -> Result<Vec<u8>> {
        Ok(self.to_secret()?.as_bytes().to_vec())
    }

    pub(crate) fn minus(&self, other: &Number) -> Result<Number> {
        if self.compare(other) == Ordering::Less {
            return Err(Error::Data);
        }
        let mut difference = Number::zero()?;
        // SAFETY: three live numbers.
        let code = unsafe { aws_lc_sys::BN_sub(difference.as_mut_ptr(), self.as_ptr(), other.as_ptr()) };
        succeed(code, Error::Memory)?;
        Ok(difference)
    }

    pub(crate) fn plus(&self, other: &Number) -> Result<Number> {
        let mut sum = Number::zero()?;
        // SAFETY: three live numbers.
        let code = unsafe { aws_lc_sys::BN_add(sum.as_mut_ptr(), self.as_ptr(), other.as_ptr()) };
        succeed(code, Error::Memory)?;
        Ok(sum)
    }

    pub(crate) fn times(&self, other: &Number, scratch: &mut Scratch) -> Result<Number> {
        let mut product = Number::zero()?;
        // SAFETY: three live numbers and a live context.
        let code = unsafe {
            aws_lc_sys::BN_mul(product.as_mut_ptr(), self.as_ptr(), other.as_ptr(), scratch.as_mut_ptr())
        };
        succeed(code, Error::Memory)?;
        Ok(product)
    }

    /// Quotient and remainder.
    pub(crate) fn divided_by(&self, divisor: &Number, scratch: &mut Scratch) -> Result<(Number, Number)> {
        let (mut quotient, mut remainder) = (Number::zero()?, Number::zero()?);
        // SAFETY: four live numbers and a live context; a zero divisor is answered with a failure.
        let code = unsafe {
            aws_lc_sys::BN_div(
                quotient.as_mut_ptr(),
                remainder.as_mut_ptr(),
                self.as_ptr(),
                divisor.as_ptr(),
                scratch.as_mut_ptr(),
            )
        };
        succeed(code, Error::Data)?;
        Ok((quotient, remainder))
    }

    /// The greatest common divisor.
    pub(crate) fn gcd(&self, other: &Number, scratch: &mut Scratch) -> Result<Number> {
        let mut divisor = Number::zero()?;
        // SAFETY: three live numbers and a live context.
        let code = unsafe {
            aws_lc_sys::BN_gcd(divisor.as_mut_ptr(), self.as_ptr(), other.as_ptr(), scratch.as_mut_ptr())
        };
        succeed(code, Error::Memory)?;
        Ok(divisor)
    }

    /// The inverse modulo `modulus`; `Error::Data` where there is none.
    pub(crate) fn inverse(&self, modulus: &Number, scratch: &mut Scratch) -> Result<Number> {
        let mut inverse = Number::zero()?;
        // SAFETY: three live numbers and a live context.
        let answer = unsafe {
            aws_lc_sys::BN_mod_inverse(
                inverse.as_mut_ptr(),
                self.as_ptr(),
                modulus.as_ptr(),
                scratch.as_mut_ptr(),
            )
        };
        if answer.is_null() {
            super::clear_errors();
            return Err(Error::Data);
        }
        Ok(inverse)
    }

    /// `self` to the power of a secret exponent, modulo an odd number larger than `self`.
    pub(crate) fn power(&self, exponent: &Number, modulus: &Number, scratch: &mut Scratch) -> Result<Number> {
        let mut power = Number::zero()?;
        // SAFETY: live numbers and a live context; NULL lets the engine make the Montgomery context itself.
        let code = unsafe {
            aws_lc_sys::BN_mod_exp_mont_consttime(
                power.as_mut_ptr(),
                self.as_ptr(),
                exponent.as_ptr(),
                modulus.as_ptr(),
                scratch.as_mut_ptr(),
                ptr::null(),
            )
        };
        succeed(code, Error::Data)?;
        Ok(power)
    }

    /// The square modulo `modulus`.
    pub(crate) fn squared(&self, modulus: &Number, scratch: &mut Scratch) -> Result<Number> {
        let mut square = Number::zero()?;
        // SAFETY: three live numbers and a live context.
        let code = unsafe {
            aws_lc_sys::BN_mod_sqr(square.as_mut_ptr(), self.as_ptr(), modulus.as_ptr(), scratch.as_mut_ptr())
        };
        succeed(code, Error::Data)?;
        Ok(square)
    }

    /// Divides by two as often as that leaves no remainder: the odd part and how often. Zero has none.
    pub(crate) fn odd_part(&self) -> Result<(Number, usize)> {
        if self.is_zero() {
            return Err(Error::Data);
        }
        let mut odd = Number::zero()?;
        // SAFETY: two live numbers; the count is below the number's length in bits.
        let (code, zeros) = unsafe {
            let zeros = aws_lc_sys::BN_count_low_zero_bits(self.as_ptr());
            (aws_lc_sys::BN_rshift(odd.as_mut_ptr(), self.as_ptr(), zeros), zeros)
        };
        succeed(code, Error::Memory)?;
        Ok((odd, usize::try_from(zeros).map_err(|_| Error::Engine)?))
    }

    /// A random number from 2 to below `bound`.
    pub(crate) fn random_below(bound: &Number) -> Result<Number> {
        let mut number = Number::zero()?;
        // SAFETY: two live numbers.
        let code = unsafe { aws_lc_sys::BN_rand_range_ex(number.as_mut_ptr(), 2, bound.as_ptr()) };
        succeed(code, Error::Random)?;
        Ok(number)
    }

    /// A random number of exactly `bits` bits.
    pub(crate) fn random_of_bits(bits: usize) -> Result<Number> {
        let mut number = Number::zero()?;
        let bits = i32::try_from(bits).map_err(|_| Error::Argument)?;
        // SAFETY: a live number; the highest bit is set, the lowest is any.
        let code = unsafe {
            aws_lc_sys::BN_rand(
                number.as_mut_ptr(),
                bits,
                aws_lc_sys::BN_RAND_TOP_ONE,
                aws_lc_sys::BN_RAND_BOTTOM_ANY,
            )
        };
        succeed(code, Error::Random)?;
        Ok(number)
    }

    /// Whether this is a prime, with an error probability of at most 2^-128 whoever chose it.
    pub(crate) fn is_prime(&self) -> Result<bool> {
        let mut answer = 0;
        // SAFETY: a live number; the engine makes its own scratch space for NULL and takes NULL for no callback.
        let code = unsafe {
            aws_lc_sys::BN_primality_test(
                &mut answer,
                self.as_ptr(),
                aws_lc_sys::BN_prime_checks_for_validation,
                ptr::null_mut(),
                1,
                ptr::null_mut(),
            )
        };
        succeed(code, Error::Engine)?;
        Ok(answer == 1)
    }

    /// A random prime of exactly `bits` bits, the two highest set.
    pub(crate) fn random_prime(bits: usize) -> Result<Number> {
        Self::random_prime_of_kind(bits, 0)
    }

    /// A random prime p of exactly `bits` bits for which (p - 1) / 2 is a prime too.
    pub(crate) fn random_safe_prime(bits: usize) -> Result<Number> {
        Self::random_prime_of_kind(bits, 1)
    }

    fn random_prime_of_kind(bits: usize, safe: c_int) -> Result<Number> {
        let mut prime = Number::zero()?;
        let bits = i32::try_from(bits).map_err(|_| Error::KeySize)?;
        // SAFETY: a live number; the engine accepts NULL for the conditions and for the callback.
        let code = unsafe {
            aws_lc_sys::BN_generate_prime_ex(
                prime.as_mut_ptr(),
                bits,
                safe,
                ptr::null(),
                ptr::null(),
                ptr::null_mut(),
            )
        };
        succeed(code, Error::Engine)?;
        Ok(prime)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_in_their_shortest_form_or_the_length_asked_for() {
        let number = Number::from_bytes(&[0, 0, 1, 2]).unwrap();
        assert_eq!(number.to_public().unwrap(), [1, 2]);
        assert_eq!(number.to_secret_of(4).unwrap().as_bytes(), [0, 0, 1, 2]);
        assert_eq!(number.to_secret_of(1).err(), Some(Error::Length));
        assert!(Number::from_bytes(&[]).unwrap().is_zero());
    }

    #[test]
    fn a_division_by_zero_and_a_missing_inverse_are_errors() {
        let mut scratch = Scratch::new().unwrap();
        let six = Number::from_bytes(&[6]).unwrap();
        let zero = Number::zero().unwrap();
        assert_eq!(six.divided_by(&zero, &mut scratch).err(), Some(Error::Data));
        let three = Number::from_bytes(&[3]).unwrap();
        assert_eq!(three.inverse(&six, &mut scratch).err(), Some(Error::Data));
        assert_eq!(three.minus(&six).err(), Some(Error::Data));
    }
}
