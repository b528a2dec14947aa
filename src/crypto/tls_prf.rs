//! The pseudo-random function of TLS 1.0 to 1.2 (RFC 2246 section 5, RFC 5246 section 5).

use super::digest::Hash;
use super::{Error, Result, succeed};
use crate::secret::Secret;

/// The function of one version and cipher suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prf {
    /// TLS 1.0 and 1.1: MD5 and SHA-1 together.
    Tls10,
    /// TLS 1.2, with the hash of the cipher suite.
    Tls12(Hash),
}

impl Prf {
    /// `length` bytes.
    pub fn bytes(self, secret: &[u8], label: &[u8], seed: &[u8], length: usize) -> Result<Secret> {
        let hash = match self {
            // SAFETY: takes nothing and answers a pointer to static data.
            Prf::Tls10 => unsafe { aws_lc_sys::EVP_md5_sha1() },
            Prf::Tls12(hash) => hash.engine(),
        };
        let mut output = Secret::zeroed(length);
        let bytes = output.as_mut_bytes();
        // SAFETY: each pointer has the length of its slice, the hash is static; there is no second seed.
        let code = unsafe {
            aws_lc_sys::CRYPTO_tls1_prf(
                hash,
                bytes.as_mut_ptr(),
                bytes.len(),
                secret.as_ptr(),
                secret.len(),
                label.as_ptr().cast(),
                label.len(),
                seed.as_ptr(),
                seed.len(),
                std::ptr::null(),
                0,
            )
        };
        succeed(code, Error::Engine)?;
        Ok(output)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values that the TLS working group published for TLS 1.2 with SHA-256.
    #[test]
    fn the_published_output_of_tls_1_2_comes_out() {
        let secret = hex::decode("9bbe436ba940f017b17652849a71db35").unwrap();
        let seed = hex::decode("a0ba9f936cda311827a6f796ffd5198c").unwrap();
        let output = Prf::Tls12(Hash::Sha256).bytes(&secret, b"test label", &seed, 100).unwrap();
        let wanted = "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14baf9\
                      af0fa022f7077def17abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110ff\
                      f70187347b66";
        assert_eq!(hex::encode(output.as_bytes()), wanted);
    }

    /// NIST CAVP, component test of SP 800-135, TLS 1.0 and 1.1, count 0.
    #[test]
    fn the_cavp_master_secret_of_tls_1_0_comes_out() {
        let secret = hex::decode(
            "bded7fa5c1699c010be23dd06ada3a48349f21e5f86263d512c0c5cc379f0e780ec55d9844b2f1db02a96453513568d0",
        )
        .unwrap();
        let randoms = "e5acaf549cd25c22d964c0d930fa4b5261d2507fad84c33715b7b9a864020693\
                       135e4d557fdf3aa6406d82975d5c606a9734c9334b42136e96990fbd5358cdb2";
        let output = Prf::Tls10.bytes(&secret, b"master secret", &hex::decode(randoms).unwrap(), 48).unwrap();
        let wanted = "2f6962dfbc744c4b2138bb6b3d33054c5ecc14f24851d9896395a44ab3964efc2090c5bf51a0891209f46c1e1e998f62";
        assert_eq!(hex::encode(output.as_bytes()), wanted);
    }
}
