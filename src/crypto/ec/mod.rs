//! Elliptic curves in short Weierstrass form: keys, ECDSA (FIPS 186-5 section 6) and ECDH (NIST SP 800-56A section
//! 5.7.1.2). All curves here have the cofactor one.

mod curve;
mod domain;
#[cfg(test)]
mod faults;

use aws_lc_sys::{
    EC_GROUP, EC_KEY, EC_KEY_free, EC_KEY_new, EC_POINT, EC_POINT_free, EC_POINT_new, ECDSA_SIG_free,
};
use std::ptr;

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use super::number::Number;
use super::{Error, Owned, Result, succeed};
use crate::secret::Secret;

pub use curve::Curve;

/// A point of a curve, checked to lie on it and not to be the point at infinity.
pub struct PublicKey {
    curve: Curve,
    key: Owned<EC_KEY>,
}

/// A private key.
pub struct PrivateKey {
    curve: Curve,
    key: Owned<EC_KEY>,
    /// The private value once more, to see that the engine's has not changed.
    kept: Secret,
}

/// Bytes of the longest order, that of P-521.
const MAXIMUM_ORDER_LEN: usize = 66;

// SAFETY: the engine reads an EC_KEY in every function used below but the setters, which only the constructors call
// (`openssl/ec_key.h`: const use from several threads is safe).
unsafe impl Sync for PublicKey {}
// SAFETY: as for `PublicKey`.
unsafe impl Sync for PrivateKey {}

fn new_key(group: *const EC_GROUP) -> Result<Owned<EC_KEY>> {
    // SAFETY: a new key, released by its own function.
    let mut key = unsafe { Owned::new(EC_KEY_new(), EC_KEY_free)? };
    // SAFETY: a live key that nobody else sees and a static group.
    succeed(unsafe { aws_lc_sys::EC_KEY_set_group(key.as_mut_ptr(), group) }, Error::Memory)?;
    Ok(key)
}

/// The private value of a key that has one, as long as the order.
fn private_value(curve: Curve, key: &Owned<EC_KEY>) -> Result<Secret> {
    // SAFETY: a live key with a private value that lives as long as it.
    let value = unsafe { Number::copy_of(aws_lc_sys::EC_KEY_get0_private_key(key.as_ptr()))? };
    value.to_secret_of(curve.order_len())
}

impl PublicKey {
    /// A point as SEC 1 section 2.3.3 writes it, compressed or not. `PublicKey`: anything else, a point that is not on
    /// the curve, and the point at infinity.
    pub fn new(curve: Curve, point: &[u8]) -> Result<Self> {
        let group = curve.engine()?;
        let mut key = new_key(group)?;
        // The engine takes the hybrid form (06, 07) too, which SEC 1 no longer has; 00 is the point at infinity.
        if !matches!(point, [2..=4, _, ..]) {
            return Err(Error::PublicKey);
        }
        // SAFETY: a static group; a new point, released by its own function.
        let mut parsed = unsafe { Owned::<EC_POINT>::new(EC_POINT_new(group), EC_POINT_free)? };
        // SAFETY: static group, live point; pointer and length are those of one live slice; the engine makes its own
        // scratch space for NULL, and checks that the point is on the curve.
        let code = unsafe {
            aws_lc_sys::EC_POINT_oct2point(
                group,
                parsed.as_mut_ptr(),
                point.as_ptr(),
                point.len(),
                ptr::null_mut(),
            )
        };
        succeed(code, Error::PublicKey)?;
        // SAFETY: two live objects of the same static group; the engine copies the point.
        let code = unsafe {
            if aws_lc_sys::EC_POINT_is_at_infinity(group, parsed.as_ptr()) == 1 {
                0
            } else {
                aws_lc_sys::EC_KEY_set_public_key(key.as_mut_ptr(), parsed.as_ptr())
            }
        };
        succeed(code, Error::PublicKey)?;
        Ok(Self { curve, key })
    }

    pub fn curve(&self) -> Curve {
        self.curve
    }

    /// The point, uncompressed: 04, x, y.
    pub fn point(&self) -> Result<Vec<u8>> {
        // SAFETY: a live key with a public point.
        unsafe { octets(self.curve, aws_lc_sys::EC_KEY_get0_public_key(self.key.as_ptr())) }
    }

    /// Checks r and s (each at most `order_len` bytes, of equal length) over a digest, which is cut to the length of
    /// the order. Errors: `Length` for a signature of no possible length, otherwise `Signature`.
    pub fn verify(&self, digest: &[u8], signature: &[u8]) -> Result<()> {
        verify(self.curve, &self.key, digest, signature)
    }
}

impl PrivateKey {
    /// A private value, big-endian; leading zeros do not matter. `Key`: it is not between 1 and the order less one.
    pub fn new(curve: Curve, value: &[u8]) -> Result<Self> {
        let mut key = new_key(curve.engine()?)?;
        let value = Number::from_bytes(value)?;
        // SAFETY: a live key that nobody else sees and a live number, which the engine copies and checks.
        let code = unsafe { aws_lc_sys::EC_KEY_set_private_key(key.as_mut_ptr(), value.as_ptr()) };
        succeed(code, Error::Key)?;
        let kept = private_value(curve, &key)?;
        Ok(Self { curve, key, kept })
    }

    pub fn generate(curve: Curve) -> Result<Self> {
        let mut key = new_key(curve.engine()?)?;
        // SAFETY: a live key with a group that nobody else sees.
        succeed(unsafe { aws_lc_sys::EC_KEY_generate_key(key.as_mut_ptr()) }, Error::Engine)?;
        let kept = private_value(curve, &key)?;
        let key = Self { curve, key, kept };
        check_pair(&key, &key.key)?;
        Ok(key)
    }

    pub fn curve(&self) -> Curve {
        self.curve
    }

    /// The private value, big-endian, as long as the order.
    pub fn value(&self) -> Result<Secret> {
        private_value(self.curve, &self.key)
    }

    /// The public point, uncompressed: 04, x, y.
    pub fn public_point(&self) -> Result<Vec<u8>> {
        let group = self.curve.engine()?;
        // SAFETY: a static group; a live key whose private value and point, if it has one, live as long as it; a new point,
        // released by its own function; NULL stands for "no further summand" and for scratch space of the engine's own.
        unsafe {
            // A generated pair has its point, and was checked with it.
            let known = aws_lc_sys::EC_KEY_get0_public_key(self.key.as_ptr());
            if !known.is_null() {
                return octets(self.curve, known);
            }
            let mut point = Owned::new(EC_POINT_new(group), EC_POINT_free)?;
            let value = aws_lc_sys::EC_KEY_get0_private_key(self.key.as_ptr());
            let code = aws_lc_sys::EC_POINT_mul(
                group,
                point.as_mut_ptr(),
                value,
                ptr::null(),
                ptr::null(),
                ptr::null_mut(),
            );
            succeed(code, Error::Engine)?;
            octets(self.curve, point.as_ptr())
        }
    }

    /// Signs a digest, which is cut to the length of the order: r and s, each `order_len` bytes. `Buffer`: the
    /// signature has fewer.
    pub fn sign(&self, digest: &[u8], signature: &mut [u8]) -> Result<usize> {
        let half = self.curve.order_len();
        let Some((r_out, s_out)) =
            signature.get_mut(..2 * half).and_then(|signature| signature.split_at_mut_checked(half))
        else {
            return Err(Error::Buffer);
        };
        // SAFETY: pointer and length are those of one live slice; a live key with a private value; the signature is
        // ours, and its numbers live as long as it; both outputs have `half` bytes.
        unsafe {
            let made = aws_lc_sys::ECDSA_do_sign(digest.as_ptr(), digest.len(), self.key.as_ptr());
            let made = Owned::new(made, ECDSA_SIG_free).map_err(|_| Error::Engine)?;
            let (mut r, mut s) = (ptr::null(), ptr::null());
            aws_lc_sys::ECDSA_SIG_get0(made.as_ptr(), &mut r, &mut s);
            succeed(aws_lc_sys::BN_bn2bin_padded(r_out.as_mut_ptr(), half, r), Error::Engine)?;
            succeed(aws_lc_sys::BN_bn2bin_padded(s_out.as_mut_ptr(), half, s), Error::Engine)?;
        }
        if !self.is_sound() {
            signature.zeroize();
            return Err(Error::Engine);
        }
        Ok(2 * half)
    }

    /// Whether the private value in the engine's memory is still the one that was put there. A signature under a value with
    /// one wrong bit would tell the right one (`faults.rs`).
    fn is_sound(&self) -> bool {
        let mut present = Zeroizing::new([0; MAXIMUM_ORDER_LEN]);
        let Some(present) = present.get_mut(..self.kept.len()) else { return false };
        // SAFETY: a live key with a private value that lives as long as it; the output has the length that is told.
        let code = unsafe {
            let value = aws_lc_sys::EC_KEY_get0_private_key(self.key.as_ptr());
            aws_lc_sys::BN_bn2bin_padded(present.as_mut_ptr(), present.len(), value)
        };
        code == 1 && bool::from(present.ct_eq(self.kept.as_bytes()))
    }

    /// The x coordinate of the shared point, as long as the field. `Curve`: the other key is of another curve.
    pub fn agree(&self, other: &PublicKey) -> Result<Secret> {
        if other.curve != self.curve {
            return Err(Error::Curve);
        }
        let mut shared = Secret::zeroed(self.curve.field_len());
        // SAFETY: two live keys of the same group; the engine writes at most `shared.len()` bytes; no KDF.
        let written = unsafe {
            aws_lc_sys::ECDH_compute_key(
                shared.as_mut_bytes().as_mut_ptr().cast(),
                shared.len(),
                aws_lc_sys::EC_KEY_get0_public_key(other.key.as_ptr()),
                self.key.as_ptr(),
                None,
            )
        };
        let complete = usize::try_from(written).is_ok_and(|written| written == shared.len());
        succeed(complete.into(), Error::PublicKey)?;
        Ok(shared)
    }
}

/// The pairwise check: what the private key signs, the point of the other verifies. `Engine` otherwise.
fn check_pair(private: &PrivateKey, public: &Owned<EC_KEY>) -> Result<()> {
    let mut signature = vec![0; 2 * private.curve.order_len()];
    private.sign(b"pairwise check", &mut signature)?;
    verify(private.curve, public, b"pairwise check", &signature).map_err(|_| Error::Engine)
}

/// As [`PublicKey::verify`], with a key that has its point.
fn verify(curve: Curve, key: &Owned<EC_KEY>, digest: &[u8], signature: &[u8]) -> Result<()> {
    let half = signature.len() / 2;
    if signature.is_empty() || !signature.len().is_multiple_of(2) || half > curve.order_len() {
        return Err(Error::Length);
    }
    let (r, s) = signature.split_at(half);
    let (r, s) = (Number::from_bytes(r)?, Number::from_bytes(s)?);
    // SAFETY: a new signature that copies two live numbers, then is only read; pointer and length are those of one
    // live slice; a live key, which the engine refuses if it has no point.
    let code = unsafe {
        let mut parsed = Owned::new(aws_lc_sys::ECDSA_SIG_new(), ECDSA_SIG_free)?;
        let (r, s) = (aws_lc_sys::BN_dup(r.as_ptr()), aws_lc_sys::BN_dup(s.as_ptr()));
        if r.is_null() || s.is_null() || aws_lc_sys::ECDSA_SIG_set0(parsed.as_mut_ptr(), r, s) != 1 {
            aws_lc_sys::BN_free(r);
            aws_lc_sys::BN_free(s);
            super::clear_errors();
            return Err(Error::Memory);
        }
        aws_lc_sys::ECDSA_do_verify(digest.as_ptr(), digest.len(), parsed.as_ptr(), key.as_ptr())
    };
    succeed(code, Error::Signature)
}

/// A point in its uncompressed form.
///
/// # Safety
/// `point` lives through the call and belongs to the curve's group.
unsafe fn octets(curve: Curve, point: *const EC_POINT) -> Result<Vec<u8>> {
    let mut bytes = vec![0; 1 + 2 * curve.field_len()];
    // SAFETY: a static group and, as promised, a live point of it; the engine writes at most `bytes.len()` bytes and
    // makes its own scratch space for NULL.
    let written = unsafe {
        aws_lc_sys::EC_POINT_point2oct(
            curve.engine()?,
            point,
            aws_lc_sys::point_conversion_form_t::POINT_CONVERSION_UNCOMPRESSED,
            bytes.as_mut_ptr(),
            bytes.len(),
            ptr::null_mut(),
        )
    };
    succeed((written == bytes.len()).into(), Error::Engine)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
