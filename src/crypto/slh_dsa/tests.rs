//! Answers of the reference implementation of SPHINCS+ (branch "consistent-basew"), which is SLH-DSA under the names of
//! FIPS 205: the first of each known-answer file. A signature is compared by its SHA-256 (SHA2 sets) or SHA3-256.

use super::super::digest::Hash;
use super::*;
use ParameterSet::*;

const MESSAGE: &str = "d81c4d8d734fcbfbeade3d3f8a039faa2a2c9957e835ad55b22e75bf57bb556ac8";
/// SK.seed, SK.prf and PK.seed, as many bytes of it as the set needs.
const SEEDS: &str = "7c9935a0b07694aa0c6d10e4db6b1add2fd81a25ccb148032dcd739936737f2db505d7cfad1b497499323c8686325e4792f267aafa3f87ca60d01cb54f29202a3e784ccb7ebcdcfd45542b7f6af778742e0f4479175084aa488b3b74340678aa";
/// The random numbers of the signatures, by their length.
const RANDOMNESS: [&str; 3] = [
    "33b3c07507e4201748494d832b6ee2a6",
    "8bf0f459f0fb3ea8d32764c259ae631178976baf3683d333",
    "ee716762c15e3b72aa7650a63b9a510040b03c0fe70475c0463bbc45a0ba5b79",
];

/// Makes the key from its seeds, signs and verifies.
fn compare(set: ParameterSet, public: &str, hash: Hash, answer: &str) {
    let seeds = hex::decode(SEEDS).unwrap();
    let n = set.lengths().0;
    let private = from_seeds(set, &seeds[..3 * n]).unwrap();
    assert_eq!(hex::encode(public_of(set, &private).unwrap()), public);
    let message = hex::decode(MESSAGE).unwrap();
    let randomness = hex::decode(RANDOMNESS[n / 8 - 2]).unwrap();
    let mut signature = vec![0; set.signature_len()];
    let made = sign_internal(set, private.as_bytes(), &[&message], Some(&randomness), &mut signature);
    assert_eq!(made, Ok(set.signature_len()));
    assert_eq!(hex::encode(hash.digest(&signature).unwrap()), answer);
}

macro_rules! answers {
    ($($(#[$attribute:meta])* $test:ident $set:ident $public:literal $hash:ident $answer:literal)*) => {
        $(
            $(#[$attribute])*
            #[test]
            fn $test() {
                compare($set, $public, Hash::$hash, $answer);
            }
        )*
    };
}

answers! {
    #[ignore = "slow without optimisation; scripts/test.sh runs it"]
    sha2_128s_gives_the_reference_answer Sha2_128s
        "b505d7cfad1b497499323c8686325e476d2e5993d919b7f288cc823133046cf9"
        Sha256 "d0ae5b5734cd15a0512747896e674401a88cfd2c61a3fec9dd32562ff7f88b16"
    #[ignore = "slow without optimisation; scripts/test.sh runs it"]
    shake_128s_gives_the_reference_answer Shake128s
        "b505d7cfad1b497499323c8686325e47ac524902fc81f5032bc27b17d9261ebd"
        Sha3_256 "18d5fcdddd23c5964d50ca73cd5e0ac782f95cc723695a1f84466126e1ace25b"
    sha2_128f_gives_the_reference_answer Sha2_128f
        "b505d7cfad1b497499323c8686325e47fdf7400ab7a5d8c7aba7350ac4092add"
        Sha256 "41b7ef1b824615c3b4b699154c8fe94f9f2aff9597695917d2cf9bd7c921f033"
    shake_128f_gives_the_reference_answer Shake128f
        "b505d7cfad1b497499323c8686325e47afbc007ba1e2b4a138f03aa9a6195ac8"
        Sha3_256 "b7ceb514e5962585a842016d4f039b7a2eee3efa5889fbd6f0b94e3f9cfc3feb"
    #[ignore = "slow without optimisation; scripts/test.sh runs it"]
    sha2_192s_gives_the_reference_answer Sha2_192s
        "92f267aafa3f87ca60d01cb54f29202a3e784ccb7ebcdcfdee27692ef30bad87b55c4e2a25e7f47875c1f53723ce31c6"
        Sha256 "f15d2b7d4f9a3fccb22d823696d500eb30a80e03140f4f6e04c721db59f6947f"
    #[ignore = "slow without optimisation; scripts/test.sh runs it"]
    shake_192s_gives_the_reference_answer Shake192s
        "92f267aafa3f87ca60d01cb54f29202a3e784ccb7ebcdcfd0bde2780ed4ccdaf544d88f22d41610d4ef994825cfb4d45"
        Sha3_256 "c01a1216d10d77cbfcbc926e89d902570187bf40b83768b51c8f38f8614a2c3b"
    #[ignore = "slow without optimisation; scripts/test.sh runs it"]
    sha2_192f_gives_the_reference_answer Sha2_192f
        "92f267aafa3f87ca60d01cb54f29202a3e784ccb7ebcdcfdad7ef867981e22877aa4c2a8829f657e931c55409b897d2e"
        Sha256 "535fd6592d279f7a1aa16abd49d5fa257272c026629794da3f6fc92b41e59146"
    #[ignore = "slow without optimisation; scripts/test.sh runs it"]
    shake_192f_gives_the_reference_answer Shake192f
        "92f267aafa3f87ca60d01cb54f29202a3e784ccb7ebcdcfd9b836b00b9f458c1a193f062a9a3cdafe7869f47546cb346"
        Sha3_256 "37bfd608ef6890087d3cd8deaa61d884cfa4c2b0d46d0e9661c58b3a592056e2"
    #[ignore = "slow without optimisation; scripts/test.sh runs it"]
    sha2_256s_gives_the_reference_answer Sha2_256s
        "3e784ccb7ebcdcfd45542b7f6af778742e0f4479175084aa488b3b74340678aa026f566cdcd2987eb7ab1ec71e86b617f97b98ef63902e283fb5249119c6ceb0"
        Sha256 "a002feee9119c3ecc835d4e76117a7de5d326a137dbd2f9503f9a1f0d8b81463"
    #[ignore = "slow without optimisation; scripts/test.sh runs it"]
    shake_256s_gives_the_reference_answer Shake256s
        "3e784ccb7ebcdcfd45542b7f6af778742e0f4479175084aa488b3b74340678aa3623940d5d834494148a661f9ac6a96bdc54ad4d0b8b0913484a9233c56212a4"
        Sha3_256 "6eeaa28e6cb4188f28d43ec8315c1d1509d32ad581b5d93cec8fb1f030528b2e"
    #[ignore = "slow without optimisation; scripts/test.sh runs it"]
    sha2_256f_gives_the_reference_answer Sha2_256f
        "3e784ccb7ebcdcfd45542b7f6af778742e0f4479175084aa488b3b74340678aad9d73f07f69a7d12c49b9a367de0668544e8471660678a4ef7cee8be9638ca53"
        Sha256 "9d5caaee879dd946dc158872ef25fd7da631f54bd61ed1745717b3bda6886dfd"
    #[ignore = "slow without optimisation; scripts/test.sh runs it"]
    shake_256f_gives_the_reference_answer Shake256f
        "3e784ccb7ebcdcfd45542b7f6af778742e0f4479175084aa488b3b74340678aa514264d1b7ef27574ae6933e374225cf87683de3bfee657200f3667c8d800722"
        Sha3_256 "6dfc48c3dbf6c8485287affb3aee52e67b5cf9d7aa00ce105d74ed698be64a08"
}

const PURE: Domain = Domain { context: b"", prehash: None };

#[test]
fn keys_sign_in_every_domain_and_signatures_serve_no_other() {
    let set = Sha2_128f;
    let (private, public) = generate(set).unwrap();
    assert_eq!(check_private(set, private.as_bytes()), Ok(()));
    assert_eq!(check_public(set, &public), Ok(()));
    let hashed = Domain { context: b"", prehash: Some(b"an identifier") };
    let message = [7; 32];
    for (domain, other) in [(PURE, hashed), (hashed, PURE), (Domain { context: b"c", ..PURE }, PURE)] {
        let mut signature = vec![0; set.signature_len()];
        sign(set, private.as_bytes(), domain, &message, true, &mut signature).unwrap();
        assert_eq!(verify(set, &public, domain, &message, &signature), Ok(()));
        assert_eq!(verify(set, &public, other, &message, &signature), Err(Error::Signature));
        signature[100] ^= 1;
        assert_eq!(verify(set, &public, domain, &message, &signature), Err(Error::Signature));
        assert_eq!(verify(set, &public, domain, &message, &signature[1..]), Err(Error::Length));
    }
}

#[test]
fn wrong_keys_and_contexts_are_refused() {
    let set = Sha2_128f;
    let (mut private, public) = generate(set).unwrap();
    let mut signature = vec![0; set.signature_len()];
    let mut refused = |private: &[u8], domain, message: &[u8]| {
        sign(set, private, domain, message, false, &mut signature).err()
    };
    assert_eq!(refused(&private.as_bytes()[1..], PURE, b"m"), Some(Error::Key));
    assert_eq!(
        refused(private.as_bytes(), Domain { context: &[0; 256], ..PURE }, b"m"),
        Some(Error::Argument)
    );
    assert_eq!(check_public(set, &public[1..]), Err(Error::PublicKey));
    private.as_mut_bytes()[60] ^= 1;
    assert_eq!(check_private(set, private.as_bytes()), Err(Error::Key));
}

/// Stacks of musl's threads have 128 KiB.
#[test]
fn a_thread_with_a_small_stack_makes_keys_signs_and_verifies() {
    let work = || {
        let set = ParameterSet::Sha2_256f;
        let (private, public) = generate(set).unwrap();
        let domain = Domain { context: b"", prehash: None };
        let mut signature = vec![0; set.signature_len()];
        sign(set, private.as_bytes(), domain, b"message", true, &mut signature).unwrap();
        verify(set, &public, domain, b"message", &signature).unwrap();
    };
    std::thread::Builder::new().stack_size(64 << 10).spawn(work).unwrap().join().unwrap();
}
