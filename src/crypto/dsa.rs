//! DSA (FIPS 186-4 section 4), over domain parameters of `ffc`.

use aws_lc_sys::{BIGNUM, DSA, DSA_SIG_free, DSA_free, DSA_new};
use std::ptr;

use super::ffc::Domain;
use super::number::Number;
use super::{Error, Owned, Result, succeed};

/// A public key.
pub struct PublicKey {
    dsa: Owned<DSA>,
    order_len: usize,
}

/// A private key.
pub struct PrivateKey {
    dsa: Owned<DSA>,
    order_len: usize,
}

// SAFETY: the engine takes a constant DSA in every function used below but the setters, which only the constructors
// call; its Montgomery contexts have a lock of their own (`crypto/dsa/dsa.c`).
unsafe impl Sync for PublicKey {}
// SAFETY: as for `PublicKey`.
unsafe impl Sync for PrivateKey {}

/// The numbers of a key, big-endian.
pub struct Numbers<'a> {
    pub prime: &'a [u8],
    pub subprime: &'a [u8],
    pub base: &'a [u8],
}

impl Numbers<'_> {
    /// The parameters, checked. Errors: as for `Domain::new`; `Parameters` for a subprime that has not 160, 224 or 256
    /// bits.
    pub fn domain(&self) -> Result<Domain> {
        let bits = Number::from_bytes(self.subprime)?.bits();
        if !matches!(bits, 160 | 224 | 256) {
            return Err(Error::Parameters);
        }
        Domain::new(self.prime, Some(self.subprime), self.base)
    }

    fn engine(&self) -> Result<Owned<DSA>> {
        let [p, q, g] = [self.prime, self.subprime, self.base].map(Number::from_bytes);
        let (p, q, g) = (p?, q?, g?);
        // SAFETY: a new object, released by its own function; copies of live numbers, which the object takes over.
        unsafe {
            let mut dsa = Owned::new(DSA_new(), DSA_free)?;
            let code = aws_lc_sys::DSA_set0_pqg(dsa.as_mut_ptr(), copy(&p)?, copy(&q)?, copy(&g)?);
            succeed(code, Error::Engine)?;
            Ok(dsa)
        }
    }

    /// Bytes of the subprime, and so of both halves of a signature.
    fn order_len(&self) -> Result<usize> {
        Ok(Number::from_bytes(self.subprime)?.bits().div_ceil(8))
    }
}

/// A number for the engine to take over.
fn copy(number: &Number) -> Result<*mut BIGNUM> {
    // SAFETY: a live number.
    let copy = unsafe { aws_lc_sys::BN_dup(number.as_ptr()) };
    if copy.is_null() { Err(Error::Memory) } else { Ok(copy) }
}

impl PublicKey {
    /// The parameters must have been checked. `PublicKey`: a value that is not below p.
    pub fn new(numbers: &Numbers, value: &[u8]) -> Result<Self> {
        let mut dsa = numbers.engine()?;
        let (y, p) = (Number::from_bytes(value)?, Number::from_bytes(numbers.prime)?);
        if y.is_zero() || y.compare(&p).is_ge() {
            return Err(Error::PublicKey);
        }
        // SAFETY: a live object that nobody else sees, and a copy that it takes over.
        let code = unsafe { aws_lc_sys::DSA_set0_key(dsa.as_mut_ptr(), copy(&y)?, ptr::null_mut()) };
        succeed(code, Error::Engine)?;
        Ok(Self { dsa, order_len: numbers.order_len()? })
    }

    /// Checks r and s, each as long as the subprime, over a digest, which is cut to that length. Errors: `Length` for
    /// a signature of another length, otherwise `Signature`.
    pub fn verify(&self, digest: &[u8], signature: &[u8]) -> Result<()> {
        if signature.len() != 2 * self.order_len {
            return Err(Error::Length);
        }
        let (r, s) = signature.split_at(self.order_len);
        let (r, s) = (Number::from_bytes(r)?, Number::from_bytes(s)?);
        // SAFETY: a new signature that takes over two copies, then is only read; pointer and length are those of one
        // live slice; a live key.
        let code = unsafe {
            let mut parsed = Owned::new(aws_lc_sys::DSA_SIG_new(), DSA_SIG_free)?;
            succeed(aws_lc_sys::DSA_SIG_set0(parsed.as_mut_ptr(), copy(&r)?, copy(&s)?), Error::Engine)?;
            aws_lc_sys::DSA_do_verify(digest.as_ptr(), digest.len(), parsed.as_ptr(), self.dsa.as_ptr())
        };
        succeed(code, Error::Signature)
    }
}

impl PrivateKey {
    /// The parameters and the value must have been checked (`Numbers::domain`, `Domain::check_private`).
    pub fn new(numbers: &Numbers, value: &[u8]) -> Result<Self> {
        let mut dsa = numbers.engine()?;
        let x = Number::from_bytes(value)?;
        // The engine wants a public value before a private one, and does not use it to sign.
        let y = Number::one()?;
        // SAFETY: a live object that nobody else sees, and copies that it takes over.
        let code = unsafe { aws_lc_sys::DSA_set0_key(dsa.as_mut_ptr(), copy(&y)?, copy(&x)?) };
        succeed(code, Error::Engine)?;
        Ok(Self { dsa, order_len: numbers.order_len()? })
    }

    /// Bytes of a signature.
    pub fn signature_len(&self) -> usize {
        2 * self.order_len
    }

    /// Signs a digest, which is cut to the length of the subprime: r and s, each as long. `Buffer`: the signature has
    /// fewer bytes.
    pub fn sign(&self, digest: &[u8], signature: &mut [u8]) -> Result<usize> {
        let length = self.signature_len();
        let Some((r_out, s_out)) =
            signature.get_mut(..length).and_then(|signature| signature.split_at_mut_checked(self.order_len))
        else {
            return Err(Error::Buffer);
        };
        // SAFETY: pointer and length are those of one live slice; a live key with a private value; the signature is
        // ours, and its numbers live as long as it; both outputs have `order_len` bytes.
        unsafe {
            let made = aws_lc_sys::DSA_do_sign(digest.as_ptr(), digest.len(), self.dsa.as_ptr());
            let made = Owned::new(made, DSA_SIG_free).map_err(|_| Error::Engine)?;
            let (mut r, mut s) = (ptr::null(), ptr::null());
            aws_lc_sys::DSA_SIG_get0(made.as_ptr(), &mut r, &mut s);
            succeed(aws_lc_sys::BN_bn2bin_padded(r_out.as_mut_ptr(), self.order_len, r), Error::Engine)?;
            succeed(aws_lc_sys::BN_bn2bin_padded(s_out.as_mut_ptr(), self.order_len, s), Error::Engine)?;
        }
        Ok(length)
    }
}

#[cfg(test)]
pub(crate) mod tests;
