//! What becomes of the shared secret of a key agreement: CK_EC_KDF_TYPE and CK_X9_42_DH_KDF_TYPE (PKCS#11 sections
//! 6.3.16 and 6.4.11).

use crate::ck::*;
use crate::crypto::digest::{Hash, Hasher};
use crate::error::{Error, Result};
use crate::secret::Secret;

use super::operation::{End, cut};

/// The longest key that a derivation function is asked for, in bytes.
const MAX_DERIVED: usize = 1 << 20;

/// A key derivation function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kdf {
    /// The secret itself.
    None,
    /// ANSI X9.63 and the concatenation of ANSI X9.42 hash the secret and then a counter, SP 800-56A section 5.8.1.1
    /// the counter first.
    Hash { hash: Hash, counter_first: bool },
}

impl Kdf {
    /// CKR_MECHANISM_PARAM_INVALID: an unknown function, or data for none.
    pub(super) fn of_ec(kdf: u64, data: &[u8]) -> Result<Self> {
        let x963 = |hash| Ok(Kdf::Hash { hash, counter_first: false });
        let sp800 = |hash| Ok(Kdf::Hash { hash, counter_first: true });
        match kdf {
            CKD_NULL if data.is_empty() => Ok(Kdf::None),
            CKD_SHA1_KDF => x963(Hash::Sha1),
            CKD_SHA224_KDF => x963(Hash::Sha224),
            CKD_SHA256_KDF => x963(Hash::Sha256),
            CKD_SHA384_KDF => x963(Hash::Sha384),
            CKD_SHA512_KDF => x963(Hash::Sha512),
            CKD_SHA3_224_KDF => x963(Hash::Sha3_224),
            CKD_SHA3_256_KDF => x963(Hash::Sha3_256),
            CKD_SHA3_384_KDF => x963(Hash::Sha3_384),
            CKD_SHA3_512_KDF => x963(Hash::Sha3_512),
            CKD_SHA1_KDF_SP800 => sp800(Hash::Sha1),
            CKD_SHA224_KDF_SP800 => sp800(Hash::Sha224),
            CKD_SHA256_KDF_SP800 => sp800(Hash::Sha256),
            CKD_SHA384_KDF_SP800 => sp800(Hash::Sha384),
            CKD_SHA512_KDF_SP800 => sp800(Hash::Sha512),
            CKD_SHA3_224_KDF_SP800 => sp800(Hash::Sha3_224),
            CKD_SHA3_256_KDF_SP800 => sp800(Hash::Sha3_256),
            CKD_SHA3_384_KDF_SP800 => sp800(Hash::Sha3_384),
            CKD_SHA3_512_KDF_SP800 => sp800(Hash::Sha3_512),
            _ => Err(Error::MechanismParamInvalid),
        }
    }

    /// CKR_MECHANISM_PARAM_INVALID: an unknown function, or data for none. CKD_SHA1_KDF_ASN1 is not offered.
    pub(super) fn of_x9_42(kdf: u64, data: &[u8]) -> Result<Self> {
        match kdf {
            CKD_NULL if data.is_empty() => Ok(Kdf::None),
            CKD_SHA1_KDF_CONCATENATE => Ok(Kdf::Hash { hash: Hash::Sha1, counter_first: false }),
            _ => Err(Error::MechanismParamInvalid),
        }
    }

    /// The key of a derivation. Without a function it is the tail of the secret ("the truncation removes bytes from the
    /// leading end"); with one it is as long as wanted, or as the secret where nothing is said. CKR_KEY_SIZE_RANGE: a
    /// longer key than there is.
    pub(super) fn key(self, shared: Secret, data: &[u8], wanted: Option<usize>) -> Result<Secret> {
        match self {
            Kdf::None => cut(shared, wanted, End::Trailing),
            Kdf::Hash { hash, counter_first } => {
                let length = wanted.unwrap_or(shared.len());
                expand(hash, counter_first, &shared, data, length)
            }
        }
    }

    /// The key of a key transport, "the first bits of the derived key" (section 6.3.20). CKR_MECHANISM_PARAM_INVALID: the
    /// secret is shorter.
    pub(super) fn leading(self, shared: Secret, data: &[u8], length: usize) -> Result<Secret> {
        match self {
            Kdf::None => cut(shared, Some(length), End::Leading).map_err(|_| Error::MechanismParamInvalid),
            Kdf::Hash { .. } => self.key(shared, data, Some(length)),
        }
    }
}

/// The one-step derivation: blocks of hash(secret, counter, shared data), the counter from 1 in four bytes.
fn expand(hash: Hash, counter_first: bool, shared: &Secret, data: &[u8], length: usize) -> Result<Secret> {
    if length > MAX_DERIVED {
        return Err(Error::KeySizeRange);
    }
    let mut output = Secret::zeroed(length);
    for (counter, chunk) in (1u32..).zip(output.as_mut_bytes().chunks_mut(hash.output_len())) {
        let counter = counter.to_be_bytes();
        let [first, second] =
            if counter_first { [&counter[..], shared.as_bytes()] } else { [shared.as_bytes(), &counter[..]] };
        let mut hasher = Hasher::new(hash)?;
        for part in [first, second, data] {
            hasher.update(part)?;
        }
        let block = hasher.finish()?;
        for (to, from) in chunk.iter_mut().zip(block.as_bytes()) {
            *to = *from;
        }
    }
    Ok(output)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_x9_63_derivation_gives_the_published_keys() {
        // NIST CAVP "ANS X9.63-2001", SHA-256, 128 bits without shared information, and SHA-1 with some.
        let shared = Secret::new(hex::decode("96c05619d56c328ab95fe84b18264b08725b85e33fd34f08").unwrap());
        let key = expand(Hash::Sha256, false, &shared, b"", 16).unwrap();
        assert_eq!(hex::encode(key.as_bytes()), "443024c3dae66b95e6f5670601558f71");
    }

    #[test]
    fn every_derivation_gives_what_another_implementation_gives() {
        // 40 bytes from the secret 00 01 .. 1f and "info", put together with Python's hashlib.
        let cases = [
            (
                CKD_SHA3_224_KDF,
                "80ade6a89ed68adf720d57016a619a4200b7ce80c42504c7f1368c55716556a6b62ffb1443d6916e",
            ),
            (
                CKD_SHA3_224_KDF_SP800,
                "54ef46281ccc5b80887bd42f4463dcc5123ecc1fa1cd4fa31c644a924bbc50b098bf7a3e5cb67ea8",
            ),
            (
                CKD_SHA3_256_KDF,
                "fe9c431a0c11f7c4ecf1f0c9ce350e1795f1e643f32b765f784285ff49e7b64efc511237ccdd662b",
            ),
            (
                CKD_SHA3_256_KDF_SP800,
                "cc569fdb524f1385d3121b7cf60b6949d44d164b1d626d48e5188716da5943205e7d53a0f1ff7f4f",
            ),
            (
                CKD_SHA3_384_KDF,
                "a76fc2ceb067fdf670274c078c5b668bfb6bd434d1250d2e7ebe71ba0a9e5b248a302915b88d112d",
            ),
            (
                CKD_SHA3_384_KDF_SP800,
                "a1cd1f4dc1892e3747e02aba6e78aadb909ad727eb0180aff809be3a667f9306ff3d50ba7423fbee",
            ),
            (
                CKD_SHA3_512_KDF,
                "526ac39b2ea8ac5ffdfbe9c9d16105420c20891ee07401b34f46976b21578c28c1c20f9f44c41b96",
            ),
            (
                CKD_SHA3_512_KDF_SP800,
                "a4f055de648b8d9d568ba384ee3c3ce1eb4535e7ee3c485309b327a2e4d74b80f194793eea39fedd",
            ),
            (
                CKD_SHA1_KDF,
                "02e380ea62a04a979978d47ab3c5e8351ae69453bdfa605dedea2f242ee7ecd87e8148367b7ab4fa",
            ),
            (
                CKD_SHA1_KDF_SP800,
                "2f57ad85ef89746dca5bc650d406051523d24592347314ea14bf6390481ce0741018dfc4b6cc31d1",
            ),
            (
                CKD_SHA224_KDF,
                "b0954ee2856af5fafe0b1dbb7fba408c62dea7b7001cdac903895af2f94766dc8e41e545c803cb21",
            ),
            (
                CKD_SHA224_KDF_SP800,
                "27eab9fd5e0dbb648f6717c7646a9b87ebc59e54110221bc66d0ea3ca0d6274425c37f9ff4ff3235",
            ),
            (
                CKD_SHA256_KDF,
                "d652db03b5ad319001e98864fd76139bff0e0dc2f17cabeb9e5e6393c9ed7deed5651a221d677054",
            ),
            (
                CKD_SHA256_KDF_SP800,
                "c3d6e2a35ac18f4771d72ff4a7e577ea7b98ae7fa6b6f165bbd17d7c1a24b91f4660044d61757df5",
            ),
            (
                CKD_SHA384_KDF,
                "d0a622eef9794b4fd3cd5090407069a1897c80251b2d4b8501cfa66f4be3b6819ca8d80f74ea48c7",
            ),
            (
                CKD_SHA384_KDF_SP800,
                "d8211f9843fd5e4c2cc925221ac806fd1c5a634a2c53f5d10874c606b2ef8ed285143da9139dd151",
            ),
            (
                CKD_SHA512_KDF,
                "575c1cfa7a12b84360594ea1b7299130a2160378fe0d7aae53a99ba38749c17ee2c64e3c5149c51c",
            ),
            (
                CKD_SHA512_KDF_SP800,
                "364fcfe883942714608557ad7131e7d37e71bdba58174fda488c3e94ad186ced6481cbf48e4c8dcf",
            ),
        ];
        let shared = Secret::new((0..32).collect());
        for (kdf, expected) in cases {
            let key = Kdf::of_ec(kdf, b"info").unwrap().key(shared.clone(), b"info", Some(40)).unwrap();
            assert_eq!(hex::encode(key.as_bytes()), expected, "{kdf}");
        }
        assert_eq!(Kdf::of_ec(CKD_CPDIVERSIFY_KDF, b""), Err(Error::MechanismParamInvalid));
        // The concatenation of X9.42 is the function of X9.63 with SHA-1.
        assert_eq!(Kdf::of_x9_42(CKD_SHA1_KDF_CONCATENATE, b""), Kdf::of_ec(CKD_SHA1_KDF, b""));
        for (kdf, data) in [(CKD_SHA1_KDF_ASN1, &b"info"[..]), (CKD_NULL, b"info"), (CKD_SHA256_KDF, b"")] {
            assert_eq!(Kdf::of_x9_42(kdf, data), Err(Error::MechanismParamInvalid));
        }
    }

    #[test]
    fn a_long_key_continues_a_short_one() {
        let shared = Secret::copy_of(b"shared");
        let long = expand(Hash::Sha256, true, &shared, b"info", 100).unwrap();
        let short = expand(Hash::Sha256, true, &shared, b"info", 33).unwrap();
        assert_eq!(&long.as_bytes()[..33], short.as_bytes());
        assert_eq!(expand(Hash::Sha1, false, &shared, b"", MAX_DERIVED + 1).err(), Some(Error::KeySizeRange));
    }
}
