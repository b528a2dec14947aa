//! The example of RFC 6979 appendix A.2.1, signatures that OpenSSL made with its key, and what is refused.

use super::*;
use crate::crypto::digest::Hash;

pub(crate) const PRIME: &str = "86f5ca03dcfeb225063ff830a0c769b9dd9d6153ad91d7ce27f787c43278b447e6533b86b18bed6e8a48b784a14c252c\
     5be0dbf60b86d6385bd2f12fb763ed8873abfd3f5ba2e0a8c0a59082eac056935e529daf7c610467899c77adedfc846c\
     881870b7b19b2b58f9be0521a17002e3bdd6b86685ee90b3d9a1b02b782b1779";
pub(crate) const SUBPRIME: &str = "996f967f6c8e388d9e28d01e205fba957a5698b1";
pub(crate) const BASE: &str = "07b0f92546150b62514bb771e2a0c0ce387f03bda6c56b505209ff25fd3c133d89bbcd97e904e09114d9a7defdeadfc9\
     078ea544d2e401aeecc40bb9fbbf78fd87995a10a1c27cb7789b594ba7efb5c4326a9fe59a070e136db77175464adca4\
     17be5dce2f40d10a46a3a3943f26ab7fd9c0398ff8c76ee0a56826a8a88f1dbd";
pub(crate) const PRIVATE: &str = "411602cb19a6ccc34494d79d98ef1e7ed5af25f7";
pub(crate) const PUBLIC: &str = "5df5e01ded31d0297e274e1691c192fe5868fef9e19a84776454b100cf16f65392195a38b90523e2542ee61871c0440c\
     b87c322fc4b4d2ec5e1e7ec766e1be8d4ce935437dc11c3c8fd426338933ebfe739cb3465f4d3668c5e473508253b1e6\
     82f65cbdc4fae93c2ea212390e54905a86e2223170b44eaa7da5dd9ffcfb7f3b";

/// Signatures of "sample", r and s: those with SHA-1, SHA-224, SHA-256 and SHA-384 are the RFC's, the others OpenSSL's.
pub(crate) const SIGNATURES: &[(Hash, &str)] = &[
    (Hash::Sha1, "2e1a0c2562b2912caaf89186fb0f42001585da5529efb6b0aff2d7a68eb70ca313022253b9a88df5"),
    (Hash::Sha224, "4bc3b686aea70145856814a6f1bb53346f02101e410697b92295d994d21edd2f4ada85566f6f94c1"),
    (Hash::Sha256, "81f2f5850be5bc123c43f71a3033e9384611c5454cdd914b65eb6c66a8aaad27299bee6b035f5e89"),
    (Hash::Sha384, "07f2108557ee0e3921bc1774f1ca9b410b4ce65a54df70456c86fac10fab47c1949ab83f2c6f7595"),
    (Hash::Sha512, "979661df170b8e7db968f0b63e0629c0288792f909d858afe590826b44876c02ac26c026268c811c"),
    (Hash::Sha3_224, "51c28849833536afea5c7fc90bc02c371cdd037a71b60c85f8265b6eb3fd98fac620a19f483fe0d1"),
    (Hash::Sha3_256, "93279ace0415ff63d70f0a8e7cabd482dc97351c26ac018deb17d497fc07b0b248bdf498363478d5"),
    (Hash::Sha3_384, "2f05e6f3ec577fd692e41d3014c1306f54fa160c470e3c84ec0fe9901b313b4746d1d3146744df1b"),
    (Hash::Sha3_512, "8e4b81af5a4017e76e0e0b6229faf7ae8ac7572c1300eef146045d9377db7a70600643ed34aaa0ea"),
];

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap()
}

fn with(test: impl FnOnce(&Numbers)) {
    let (prime, subprime, base) = (bytes(PRIME), bytes(SUBPRIME), bytes(BASE));
    test(&Numbers { prime: &prime, subprime: &subprime, base: &base });
}

#[test]
fn the_signatures_of_rfc_6979_and_of_openssl_verify() {
    with(|numbers| {
        let domain = numbers.domain().unwrap();
        assert_eq!(domain.public_of(&bytes(PRIVATE)).unwrap(), bytes(PUBLIC));
        let key = PublicKey::new(numbers, &bytes(PUBLIC)).unwrap();
        for (hash, signature) in SIGNATURES {
            let digest = hash.digest(b"sample").unwrap();
            let mut signature = bytes(signature);
            key.verify(digest.as_bytes(), &signature).unwrap();
            signature[30] ^= 1;
            assert_eq!(key.verify(digest.as_bytes(), &signature), Err(Error::Signature), "{hash:?}");
            assert_eq!(key.verify(digest.as_bytes(), &signature[1..]), Err(Error::Length));
        }
        assert_eq!(key.verify(b"digest", &[0; 40]), Err(Error::Signature));
        assert_eq!(key.verify(b"digest", &[0xff; 40]), Err(Error::Signature));
    });
}

#[test]
fn what_is_signed_verifies_and_a_short_buffer_is_refused() {
    with(|numbers| {
        let key = PrivateKey::new(numbers, &bytes(PRIVATE)).unwrap();
        let public = PublicKey::new(numbers, &bytes(PUBLIC)).unwrap();
        for length in [1, 20, 64] {
            let mut signature = [0; 40];
            assert_eq!(key.sign(&vec![9; length], &mut signature), Ok(40));
            public.verify(&vec![9; length], &signature).unwrap();
            assert_eq!(public.verify(&vec![8; length], &signature), Err(Error::Signature));
        }
        assert_eq!(key.sign(b"digest", &mut [0; 39]), Err(Error::Buffer));
    });
}

#[test]
fn parameters_and_values_that_make_no_group_are_refused() {
    with(|numbers| {
        let domain = numbers.domain().unwrap();
        assert_eq!(domain.check_private(&bytes(SUBPRIME)), Err(Error::Key));
        assert_eq!(domain.check_private(&[0]), Err(Error::Key));
        for value in [&[][..], &[1], &bytes(PRIME)] {
            assert_eq!(domain.check_public(value), Err(Error::PublicKey));
        }
        // Two is in the field, but not in the subgroup.
        assert_eq!(domain.check_public(&[2]), Err(Error::PublicKey));
        domain.check_public(&bytes(PUBLIC)).unwrap();
        let wrong = Numbers { base: &[2], ..*numbers };
        assert_eq!(wrong.domain().err(), Some(Error::Parameters));
        let mut even = numbers.prime.to_vec();
        even[127] ^= 1;
        assert_eq!(Numbers { prime: &even, ..*numbers }.domain().err(), Some(Error::Parameters));
        assert_eq!(Numbers { subprime: &[3], ..*numbers }.domain().err(), Some(Error::Parameters));
        assert_eq!(Numbers { prime: &[0xff; 20], ..*numbers }.domain().err(), Some(Error::KeySize));
        assert_eq!(PublicKey::new(numbers, numbers.prime).err(), Some(Error::PublicKey));
    });
}
