//! SLH-DSA: a signature of NIST's ACVP server (SLH-DSA-sigGen-FIPS205), and of a message with the context "coffer" by fast
//! parameter sets and every hash function, made with the crate `fips205`. All are deterministic, and told by
//! their SHA-256. `src/crypto/slh_dsa/tests.rs` has answers of every set.

use coffer_pkcs11::ck::*;

use super::super::parameter::Mechanism;
use super::super::public_keys::key;
use super::super::report::Outcome;
use super::super::token::{Answer as Result, Token, ulong};
use super::{Does, Key, Known, generates_pair, hex};

const MESSAGE: &str = "d81c4d8d734fcbfbeade3d3f8a039faa2a2c9957e835ad55b22e75bf57bb556ac8";
const SHA256_OF_MESSAGE: &str = "3eed63c9f5990c8e436e12f5765cbbba5d7b90b1297b9b0d7547b659bcc8af58";

/// A private key of FIPS 205, whose second half is the public key.
fn pair(set: CK_SLH_DSA_PARAMETER_SET_TYPE, private: &str) -> Key {
    let (set, private) = (ulong(set), hex(private));
    let public = private[private.len() / 2..].to_vec();
    let with =
        |class, value: &[u8]| key(class, CKK_SLH_DSA, &[(CKA_PARAMETER_SET, &set), (CKA_VALUE, value)]);
    Key { public: with(CKO_PUBLIC_KEY, &public), private: with(CKO_PRIVATE_KEY, &private) }
}

fn context(id: CK_MECHANISM_TYPE, context: &[u8]) -> Mechanism {
    Mechanism::with(id, [context], |[context]| CK_SIGN_ADDITIONAL_CONTEXT {
        hedgeVariant: CKH_DETERMINISTIC_REQUIRED,
        pContext: context.0,
        ulContextLen: context.1,
    })
}

fn hashed(hash: CK_MECHANISM_TYPE, context: &[u8]) -> Mechanism {
    Mechanism::with(CKM_HASH_SLH_DSA, [context], |[context]| CK_HASH_SIGN_ADDITIONAL_CONTEXT {
        hedgeVariant: CKH_DETERMINISTIC_REQUIRED,
        pContext: context.0,
        ulContextLen: context.1,
        hash,
    })
}

fn signs(mechanism: Mechanism, key: Key, data: &str, sha256: &str) -> Known {
    Known { mechanism, does: Does::SignsLong { key, data: hex(data), sha256: hex(sha256) } }
}

const SHA2_128F: &str = "7c9935a0b07694aa0c6d10e4db6b1add2fd81a25ccb148032dcd739936737f2db505d7cfad1b497499323c8686325e47fdf7400ab7a5d8c7aba7350ac4092add";

#[rustfmt::skip]
pub fn answers() -> Vec<Known> {
    let pure = |set, key: &str, sha256| signs(context(CKM_SLH_DSA, b"coffer"), pair(set, key), MESSAGE, sha256);
    let hashing = |id, sha256| signs(context(id, b"coffer"), pair(CKP_SLH_DSA_SHA2_128F, SHA2_128F), MESSAGE, sha256);
    let set = |set| vec![(CKA_PARAMETER_SET, ulong(set))];
    vec![
        generates_pair(CKM_SLH_DSA_KEY_PAIR_GEN, set(CKP_SLH_DSA_SHA2_192F), set(13)),
        signs(context(CKM_SLH_DSA, b""), pair(CKP_SLH_DSA_SHA2_128F, "d5213ba4bb6470f1b9eda88cbc94e6277a58a951ef7f2b81461dbac41b5a6b83fa495fb834defea7cc96a81309479135a67029e90668c5a58b96e60111491f3d"), "3f", "d3537e05ae63876bf78015ff86cc9e284f91cabfac191298fbaa375596351d55"),
        pure(CKP_SLH_DSA_SHA2_128F, SHA2_128F, "f73a7d240ade3d2c7182ba7f2a2411d30c80ffd406e964c3a205ebbd74bb1397"),
        pure(CKP_SLH_DSA_SHAKE_128F, "7c9935a0b07694aa0c6d10e4db6b1add2fd81a25ccb148032dcd739936737f2db505d7cfad1b497499323c8686325e47afbc007ba1e2b4a138f03aa9a6195ac8", "176826880108a58b98cd878731aa845ece0226384dfe402e6f47efef7c84b479"),
        pure(CKP_SLH_DSA_SHA2_192F, "7c9935a0b07694aa0c6d10e4db6b1add2fd81a25ccb148032dcd739936737f2db505d7cfad1b497499323c8686325e4792f267aafa3f87ca60d01cb54f29202a3e784ccb7ebcdcfdad7ef867981e22877aa4c2a8829f657e931c55409b897d2e", "4a690dd28dfcf97e465189fdba6e891d05aa253f5fbbd6464f8602936ffacc08"),
        pure(CKP_SLH_DSA_SHA2_256F, "7c9935a0b07694aa0c6d10e4db6b1add2fd81a25ccb148032dcd739936737f2db505d7cfad1b497499323c8686325e4792f267aafa3f87ca60d01cb54f29202a3e784ccb7ebcdcfd45542b7f6af778742e0f4479175084aa488b3b74340678aad9d73f07f69a7d12c49b9a367de0668544e8471660678a4ef7cee8be9638ca53", "8d3a5d110a4a7738e1f51ceee7dda24f908f75a5d273833cde6e513b5dc197b6"),
        hashing(CKM_HASH_SLH_DSA_SHA224, "b930a7522ee01059cf31491f089d35bdfc2d69f5b13e39bbe7175e151c2edefb"),
        hashing(CKM_HASH_SLH_DSA_SHA256, "9938f68bfad7f406fa424461cfe1d3314f6d54743121a01eb6139fdac94980b4"),
        signs(hashed(CKM_SHA256, b"coffer"), pair(CKP_SLH_DSA_SHA2_128F, SHA2_128F), SHA256_OF_MESSAGE, "9938f68bfad7f406fa424461cfe1d3314f6d54743121a01eb6139fdac94980b4"),
        hashing(CKM_HASH_SLH_DSA_SHA384, "51fb73271b57c721dd9376ecdc6f8e2d5a9e71af111c15f24e40aa862c1d40b0"),
        hashing(CKM_HASH_SLH_DSA_SHA512, "39837f57774ae20c2d401efe1d59334951247f598c61e8d05afaf50df6e44739"),
        hashing(CKM_HASH_SLH_DSA_SHA3_224, "4722279f481fb8d19cfc0627798f94f05ada5c84242364e2544ae12a21ca3efc"),
        hashing(CKM_HASH_SLH_DSA_SHA3_256, "282a76dfc9167159d99cb3ea3e910d0063078f6ef5583bb37727812fd3d7fac8"),
        hashing(CKM_HASH_SLH_DSA_SHA3_384, "492cb0921661080b48ff3fc6364318a923055848ef1352939019adbed3c3b324"),
        hashing(CKM_HASH_SLH_DSA_SHA3_512, "708bd4e53c0dc0c298278db6b74021ad6dedf06e02084e8c129a43a50efe0060"),
        hashing(CKM_HASH_SLH_DSA_SHAKE128, "ceedc3180b02de5b1570c46bd32d98d8ffec89fe26cbd709a61bc1dfcbd753f1"),
        hashing(CKM_HASH_SLH_DSA_SHAKE256, "4e28bceb5d3b11eed5683373d5341e8e85f1b399474d4a69017d29b6827d10be"),
    ]
}

pub fn right(token: &Token, mechanism: &Mechanism, key: &Key, data: &[u8], sha256: &[u8]) -> Result<Outcome> {
    let (public, private) = (token.create(&key.public)?, token.create(&key.private)?);
    let mut signature = token.sign(mechanism, private, data)?;
    token.verify(mechanism, public, data, &signature)?;
    let digest = token.digest(&Mechanism::plain(CKM_SHA256), &signature)?;
    *signature.last_mut().unwrap() ^= 1;
    if token.verify(mechanism, public, data, &signature) != Err(CKR_SIGNATURE_INVALID) {
        return Ok(Outcome::Wrong("a flipped bit was not noticed".into()));
    }
    token.destroy(public);
    token.destroy(private);
    Ok(if digest == sha256 { Outcome::Accepted } else { Outcome::Wrong("another signature".into()) })
}

/// A signature of nothing but zeros.
pub fn wrong(token: &Token, mechanism: &Mechanism, key: &Key, data: &[u8]) -> Result<()> {
    let public = token.create(&key.public)?;
    let verified = token.verify(mechanism, public, data, &[0; 17088]);
    token.destroy(public);
    verified
}
