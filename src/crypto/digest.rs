//! Hash functions: FIPS 180-4 (SHA-1, SHA-2), FIPS 202 (SHA-3), RFC 1321 (MD5).

use std::ffi::c_uint;

use aws_lc_sys::{EVP_MD, EVP_MD_CTX, EVP_MD_CTX_free, EVP_MD_CTX_new};
use zeroize::Zeroize;

use super::{Error, Owned, Result, succeed};

/// A hash function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hash {
    Md5,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
    Sha512_224,
    Sha512_256,
    Sha3_224,
    Sha3_256,
    Sha3_384,
    Sha3_512,
}

/// The largest digest, in bytes.
pub const MAX_LEN: usize = 64;

impl Hash {
    pub const ALL: &'static [Hash] = &[
        Hash::Md5,
        Hash::Sha1,
        Hash::Sha224,
        Hash::Sha256,
        Hash::Sha384,
        Hash::Sha512,
        Hash::Sha512_224,
        Hash::Sha512_256,
        Hash::Sha3_224,
        Hash::Sha3_256,
        Hash::Sha3_384,
        Hash::Sha3_512,
    ];

    /// The length of the digest in bytes.
    pub const fn output_len(self) -> usize {
        match self {
            Hash::Md5 => 16,
            Hash::Sha1 => 20,
            Hash::Sha224 | Hash::Sha512_224 | Hash::Sha3_224 => 28,
            Hash::Sha256 | Hash::Sha512_256 | Hash::Sha3_256 => 32,
            Hash::Sha384 | Hash::Sha3_384 => 48,
            Hash::Sha512 | Hash::Sha3_512 => 64,
        }
    }

    /// The length in bytes of the blocks that the function works on (HMAC keys are padded to it).
    pub const fn block_len(self) -> usize {
        match self {
            Hash::Md5 | Hash::Sha1 | Hash::Sha224 | Hash::Sha256 => 64,
            Hash::Sha384 | Hash::Sha512 | Hash::Sha512_224 | Hash::Sha512_256 => 128,
            Hash::Sha3_224 => 144,
            Hash::Sha3_256 => 136,
            Hash::Sha3_384 => 104,
            Hash::Sha3_512 => 72,
        }
    }

    /// The engine's description of the function: static, never NULL.
    pub(crate) fn engine(self) -> *const EVP_MD {
        // SAFETY: these functions take nothing and answer pointers to static data.
        unsafe {
            match self {
                Hash::Md5 => aws_lc_sys::EVP_md5(),
                Hash::Sha1 => aws_lc_sys::EVP_sha1(),
                Hash::Sha224 => aws_lc_sys::EVP_sha224(),
                Hash::Sha256 => aws_lc_sys::EVP_sha256(),
                Hash::Sha384 => aws_lc_sys::EVP_sha384(),
                Hash::Sha512 => aws_lc_sys::EVP_sha512(),
                Hash::Sha512_224 => aws_lc_sys::EVP_sha512_224(),
                Hash::Sha512_256 => aws_lc_sys::EVP_sha512_256(),
                Hash::Sha3_224 => aws_lc_sys::EVP_sha3_224(),
                Hash::Sha3_256 => aws_lc_sys::EVP_sha3_256(),
                Hash::Sha3_384 => aws_lc_sys::EVP_sha3_384(),
                Hash::Sha3_512 => aws_lc_sys::EVP_sha3_512(),
            }
        }
    }

    /// The digest of `data` in one step.
    pub fn digest(self, data: &[u8]) -> Result<Value> {
        let mut hasher = Hasher::new(self)?;
        hasher.update(data)?;
        hasher.finish()
    }
}

/// A digest or MAC: at most `MAX_LEN` bytes, without an allocation; wiped when dropped.
#[derive(Clone)]
pub struct Value {
    bytes: [u8; MAX_LEN],
    length: usize,
}

impl Value {
    /// Lets `write` fill the front of a buffer of `MAX_LEN` bytes; it answers the length.
    pub(crate) fn written_by(write: impl FnOnce(&mut [u8; MAX_LEN]) -> Result<usize>) -> Result<Self> {
        let mut value = Self { bytes: [0; MAX_LEN], length: 0 };
        value.length = write(&mut value.bytes)?.min(MAX_LEN);
        Ok(value)
    }

    /// `Error::Length` for more than `MAX_LEN` bytes.
    pub(crate) fn copy_of(bytes: &[u8]) -> Result<Self> {
        Self::written_by(|place| {
            place.get_mut(..bytes.len()).ok_or(Error::Length)?.copy_from_slice(bytes);
            Ok(bytes.len())
        })
    }

    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or(&[])
    }
}

impl AsRef<[u8]> for Value {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

/// What takes bytes in and ends in a short value: a digest or a MAC in the making.
pub trait Accumulate: Send {
    /// The length of the whole value in bytes; truncation is the caller's.
    fn output_len(&self) -> usize;

    fn update(&mut self, data: &[u8]) -> Result<()>;

    fn finish(self) -> Result<Value>;
}

/// A digest in the making whose state can be had twice.
pub trait Copyable: Accumulate + Sized {
    fn try_clone(&self) -> Result<Self>;
}

/// A digest in the making.
pub struct Hasher {
    context: Owned<EVP_MD_CTX>,
    hash: Hash,
}

impl Hasher {
    pub fn new(hash: Hash) -> Result<Self> {
        // SAFETY: a new context, released by its own function.
        let mut context = unsafe { Owned::new(EVP_MD_CTX_new(), EVP_MD_CTX_free)? };
        // SAFETY: a live context and a static description.
        let code = unsafe {
            aws_lc_sys::EVP_DigestInit_ex(context.as_mut_ptr(), hash.engine(), std::ptr::null_mut())
        };
        succeed(code, Error::Engine)?;
        Ok(Self { context, hash })
    }

    pub fn hash(&self) -> Hash {
        self.hash
    }

    pub fn update(&mut self, data: &[u8]) -> Result<()> {
        // SAFETY: an initialised context; pointer and length are those of one live slice.
        let code = unsafe {
            aws_lc_sys::EVP_DigestUpdate(self.context.as_mut_ptr(), data.as_ptr().cast(), data.len())
        };
        succeed(code, Error::Engine)
    }

    pub fn finish(mut self) -> Result<Value> {
        Value::written_by(|bytes| {
            let mut length: c_uint = 0;
            // SAFETY: an initialised context; no digest is longer than MAX_LEN, the size of the buffer.
            let code = unsafe {
                aws_lc_sys::EVP_DigestFinal_ex(self.context.as_mut_ptr(), bytes.as_mut_ptr(), &mut length)
            };
            succeed(code, Error::Engine)?;
            Ok(self.hash.output_len())
        })
    }

    /// A second hasher in the same state.
    pub fn try_clone(&self) -> Result<Self> {
        let mut copy = Self::new(self.hash)?;
        // SAFETY: two live contexts, both initialised.
        let code =
            unsafe { aws_lc_sys::EVP_MD_CTX_copy_ex(copy.context.as_mut_ptr(), self.context.as_ptr()) };
        succeed(code, Error::Engine)?;
        Ok(copy)
    }
}

impl Copyable for Hasher {
    fn try_clone(&self) -> Result<Self> {
        Hasher::try_clone(self)
    }
}

impl Accumulate for Hasher {
    fn output_len(&self) -> usize {
        self.hash.output_len()
    }

    fn update(&mut self, data: &[u8]) -> Result<()> {
        Hasher::update(self, data)
    }

    fn finish(self) -> Result<Value> {
        Hasher::finish(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Digests of "abc" (FIPS 180-4 and FIPS 202 examples, RFC 1321 appendix A.5).
    const ABC: &[(Hash, &str)] = &[
        (Hash::Md5, "900150983cd24fb0d6963f7d28e17f72"),
        (Hash::Sha1, "a9993e364706816aba3e25717850c26c9cd0d89d"),
        (Hash::Sha224, "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"),
        (Hash::Sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            Hash::Sha384,
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
        ),
        (
            Hash::Sha512,
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
             2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        ),
        (Hash::Sha512_224, "4634270f707b6a54daae7530460842e20e37ed265ceee9a43e8924aa"),
        (Hash::Sha512_256, "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23"),
        (Hash::Sha3_224, "e642824c3f8cf24ad09234ee7d3c766fc9a3a5168d0c94ad73b46fdf"),
        (Hash::Sha3_256, "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"),
        (
            Hash::Sha3_384,
            "ec01498288516fc926459f58e2c6ad8df9b473cb0fc08c2596da7cf0e49be4b298d88cea927ac7f539f1edf228376d25",
        ),
        (
            Hash::Sha3_512,
            "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e\
             10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0",
        ),
    ];

    #[test]
    fn every_hash_gives_the_published_digest_of_abc() {
        assert_eq!(ABC.len(), Hash::ALL.len());
        for (hash, expected) in ABC {
            assert_eq!(hex::encode(hash.digest(b"abc").unwrap()), *expected, "{hash:?}");
        }
    }

    #[test]
    fn lengths_are_those_of_the_engine() {
        for hash in Hash::ALL {
            // SAFETY: static descriptions.
            let (size, block) = unsafe {
                (aws_lc_sys::EVP_MD_size(hash.engine()), aws_lc_sys::EVP_MD_block_size(hash.engine()))
            };
            assert_eq!((hash.output_len(), hash.block_len()), (size, block), "{hash:?}");
        }
    }

    #[test]
    fn a_copy_goes_its_own_way() {
        let mut first = Hasher::new(Hash::Sha256).unwrap();
        first.update(b"a").unwrap();
        let mut second = first.try_clone().unwrap();
        first.update(b"bc").unwrap();
        second.update(b"xyz").unwrap();
        assert_eq!(first.finish().unwrap().as_bytes(), Hash::Sha256.digest(b"abc").unwrap().as_bytes());
        assert_eq!(second.finish().unwrap().as_bytes(), Hash::Sha256.digest(b"axyz").unwrap().as_bytes());
    }
}
