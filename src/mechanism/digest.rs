//! Message digests (PKCS#11 section 6.20): MD5 (RFC 1321), SHA-1 and SHA-2 (FIPS 180-4), SHA-3 (FIPS 202).

use crate::ck::*;
use crate::crypto::digest::{Copyable, Hash, Hasher};
use crate::error::Result;

use super::operation::Digest;
use super::params::ParamKind;
use super::row::{Approval, DigestFn, KeyNeed, Mechanism, Ops};

pub(super) static ROWS: &[Mechanism] = &[
    Mechanism { approval: Approval::NotApproved, ..row(CKM_MD5, "CKM_MD5", |_| start(Hash::Md5)) },
    row(CKM_SHA_1, "CKM_SHA_1", |_| start(Hash::Sha1)),
    row(CKM_SHA224, "CKM_SHA224", |_| start(Hash::Sha224)),
    row(CKM_SHA256, "CKM_SHA256", |_| start(Hash::Sha256)),
    row(CKM_SHA384, "CKM_SHA384", |_| start(Hash::Sha384)),
    row(CKM_SHA512, "CKM_SHA512", |_| start(Hash::Sha512)),
    row(CKM_SHA512_224, "CKM_SHA512_224", |_| start(Hash::Sha512_224)),
    row(CKM_SHA512_256, "CKM_SHA512_256", |_| start(Hash::Sha512_256)),
    row(CKM_SHA3_224, "CKM_SHA3_224", |_| start(Hash::Sha3_224)),
    row(CKM_SHA3_256, "CKM_SHA3_256", |_| start(Hash::Sha3_256)),
    row(CKM_SHA3_384, "CKM_SHA3_384", |_| start(Hash::Sha3_384)),
    row(CKM_SHA3_512, "CKM_SHA3_512", |_| start(Hash::Sha3_512)),
];

/// The row of a digest without a parameter.
pub(super) const fn row(id: CK_MECHANISM_TYPE, name: &'static str, digest: DigestFn) -> Mechanism {
    Mechanism {
        id,
        name,
        params: ParamKind::None,
        key: KeyNeed::NONE,
        sizes: (0, 0),
        flags: 0,
        approval: Approval::Approved,
        ops: Ops { digest: Some(digest), ..Ops::NONE },
    }
}

fn start(hash: Hash) -> Result<Box<dyn Digest>> {
    Ok(running(Hasher::new(hash)?))
}

/// The operation over a hash function of any family.
pub(super) fn running(hash: impl Copyable + 'static) -> Box<dyn Digest> {
    Box::new(Running(hash))
}

struct Running<H>(H);

impl<H: Copyable + 'static> Digest for Running<H> {
    fn output_len(&self) -> usize {
        self.0.output_len()
    }

    fn update(&mut self, data: &[u8]) -> Result<()> {
        Ok(self.0.update(data)?)
    }

    fn finish(self: Box<Self>, digest: &mut [u8]) -> Result<usize> {
        super::put(self.0.finish()?.as_bytes(), digest)
    }

    fn copy(&self) -> Result<Box<dyn Digest>> {
        Ok(running(self.0.try_clone()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mechanism::Params;
    use crate::mechanism::testing;

    fn digest(id: CK_MECHANISM_TYPE, parts: &[&[u8]]) -> String {
        hex::encode(testing::digest(id, &Params::None, parts).unwrap())
    }

    /// The two-block messages of the FIPS 180 examples.
    #[test]
    fn the_examples_of_fips_180_come_out() {
        let short = b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq".as_slice();
        let long = b"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn\
                     hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu"
            .as_slice();
        for (id, message, expected) in [
            (CKM_SHA_1, short, "84983e441c3bd26ebaae4aa1f95129e5e54670f1"),
            (CKM_SHA224, short, "75388b16512776cc5dba5da1fd890150b0c6455cb4f58b1952522525"),
            (CKM_SHA256, short, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"),
            (
                CKM_SHA384,
                long,
                "09330c33f71147e83d192fc782cd1b4753111b173b3b05d22fa08086e3b0f712fcc7c71a557e2db966c3e9fa91746039",
            ),
            (
                CKM_SHA512,
                long,
                "8e959b75dae313da8cf4f72814fc143f8f7779c6eb9f7fa17299aeadb6889018\
                 501d289e4900f7e4331b99dec4b5433ac7d329eeb6dd26545e96e55b874be909",
            ),
            (CKM_SHA512_224, long, "23fec5bb94d60b23308192640b0c453335d664734fe40e7268674af9"),
            (CKM_SHA512_256, long, "3928e184fb8690f840da3988121d31be65cb9d3ef83ee6146feac861e19b563a"),
        ] {
            assert_eq!(digest(id, &[message]), expected);
        }
    }

    /// NIST's examples for FIPS 202: the message of 1600 bits.
    #[test]
    fn the_examples_of_fips_202_come_out() {
        for (id, expected) in [
            (CKM_SHA3_224, "9376816aba503f72f96ce7eb65ac095deee3be4bf9bbc2a1cb7e11e0"),
            (CKM_SHA3_256, "79f38adec5c20307a98ef76e8324afbfd46cfd81b22e3973c65fa1bd9de31787"),
            (
                CKM_SHA3_384,
                "1881de2ca7e41ef95dc4732b8f5f002b189cc1e42b74168ed1732649ce1dbcdd76197a31fd55ee989f2d7050dd473e8f",
            ),
            (
                CKM_SHA3_512,
                "e76dfad22084a8b1467fcf2ffa58361bec7628edf5f3fdc0e4805dc48caeeca8\
                 1b7c13c30adf52a3659584739a2df46be589c51ca1a4a8416df6545a1ce8ba00",
            ),
        ] {
            assert_eq!(digest(id, &[&[0xa3; 200]]), expected);
        }
    }

    /// RFC 1321 appendix A.5.
    #[test]
    fn md5_gives_the_digest_of_rfc_1321() {
        assert_eq!(digest(CKM_MD5, &[b"message digest"]), "f96b697d7cb7938d525a2f31aaf161d0");
    }

    #[test]
    fn a_million_letters_in_uneven_parts_give_the_published_digest() {
        let letters = vec![b'a'; 1_000_000];
        let parts: Vec<&[u8]> = letters.chunks(997).collect();
        assert_eq!(
            digest(CKM_SHA256, &parts),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
        );
    }

    #[test]
    fn every_split_gives_the_same_digest_as_one_part() {
        let message: Vec<u8> = (0..130).collect();
        for row in ROWS {
            let whole = digest(row.id, &[&message]);
            for split in 0..=message.len() {
                let (left, right) = message.split_at(split);
                assert_eq!(digest(row.id, &[left, right]), whole, "{} at {split}", row.name);
            }
        }
    }
}
