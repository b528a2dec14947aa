//! Signatures of HashML-DSA that are always the same, made with the Python package dilithium-py 1.5.1 over messages that
//! were formatted by FIPS 204, Algorithm 4; told by their SHA-256, for they have 2420 bytes. The key pair is that of the seed
//! 00 01 02 … 1f.

use coffer_pkcs11::ck::*;

use super::super::parameter::Mechanism;
use super::super::public_keys::key;
use super::super::report::Outcome;
use super::super::symmetric::{compared, sign_both};
use super::super::token::{Answer, Token, ulong};
use super::{Does, Known, generates_pair, hex};

/// "message".
const MESSAGE: &str = "6d657373616765";

fn signs(mechanism: Mechanism, data: &str, sha256: &str) -> Known {
    Known { mechanism, does: Does::SignsTo { data: hex(data), sha256: hex(sha256) } }
}

/// Public key, private key.
fn pair(token: &Token) -> Answer<(CK_OBJECT_HANDLE, CK_OBJECT_HANDLE)> {
    let (set, seed): (_, Vec<u8>) = (ulong(CKP_ML_DSA_44), (0..32).collect());
    let private = key(CKO_PRIVATE_KEY, CKK_ML_DSA, &[(CKA_PARAMETER_SET, &set), (CKA_SEED, &seed)]);
    let private = token.create(&private)?;
    let info = token.attribute(private, CKA_PUBLIC_KEY_INFO)?;
    let value = &info[info.len() - 1312..];
    let public = key(CKO_PUBLIC_KEY, CKK_ML_DSA, &[(CKA_PARAMETER_SET, &set), (CKA_VALUE, value)]);
    Ok((token.create(&public)?, private))
}

pub fn right(token: &Token, mechanism: &Mechanism, data: &[u8], sha256: &[u8]) -> Answer<Outcome> {
    let (public, private) = pair(token)?;
    let signature = sign_both(token, mechanism, private, data)?;
    token.verify(mechanism, public, data, &signature)?;
    token.destroy(public);
    token.destroy(private);
    Ok(compared(&token.digest(&Mechanism::plain(CKM_SHA256), &signature), sha256))
}

/// Another message under the signature.
pub fn wrong(token: &Token, mechanism: &Mechanism, data: &[u8]) -> Answer<()> {
    let (public, private) = pair(token)?;
    let signature = token.sign(mechanism, private, data)?;
    let mut other = data.to_vec();
    other[0] ^= 1;
    let verified = token.verify(mechanism, public, &other, &signature);
    token.destroy(public);
    token.destroy(private);
    verified
}

#[rustfmt::skip]
pub fn answers() -> Vec<Known> {
    let context = |id| Mechanism::sign_context(id, CKH_DETERMINISTIC_REQUIRED, b"context");
    let hashed = |hash| Mechanism::hash_sign_context(CKM_HASH_ML_DSA, CKH_DETERMINISTIC_REQUIRED, b"context", hash);
    let set = |set| vec![(CKA_PARAMETER_SET, ulong(set))];
    vec![
        generates_pair(CKM_ML_DSA_KEY_PAIR_GEN, set(CKP_ML_DSA_65), set(4)),
        generates_pair(CKM_ML_KEM_KEY_PAIR_GEN, set(CKP_ML_KEM_1024), set(0)),
        signs(hashed(CKM_SHA256), "ab530a13e45914982b79f9b7e3fba994cfd1f3fb22f71cea1afbf02b460c6d1d", "f8d78cb19dd423a5dc8d3e82f75905cab34aeab87cf47716c7db63b49352ad06"),
        signs(hashed(CKM_SHA512_256), "0e9ac8bcdf5aeb5a0345108d5e9c9affa9d25601033f70386b4d3533d42d10f8", "967d611b978956b28e7c5dae24e3622555690c4106724b2fc98e3c1c79f680f6"),
        signs(context(CKM_HASH_ML_DSA_SHA224), MESSAGE, "f787d81e3349fe1ce3ea926a8fc46c3dcfd8120b7f222d2f98034420923d590e"),
        signs(context(CKM_HASH_ML_DSA_SHA256), MESSAGE, "f8d78cb19dd423a5dc8d3e82f75905cab34aeab87cf47716c7db63b49352ad06"),
        signs(context(CKM_HASH_ML_DSA_SHA384), MESSAGE, "18ddf6ef075dc24f6203eb87fbfa1aaaaad72dcbb06985b6a4641c562882520f"),
        signs(context(CKM_HASH_ML_DSA_SHA512), MESSAGE, "f0dcc5ad58155c8663e012ce906bafff99ff470b65f55074d3cd654a312e2543"),
        signs(context(CKM_HASH_ML_DSA_SHA3_224), MESSAGE, "0013e7f374df74135c1dfcac9d3aa0b3b37f366ba9c8144d66fb8f04912e5bb4"),
        signs(context(CKM_HASH_ML_DSA_SHA3_256), MESSAGE, "460ac48261966606be2b04871b0045b5e5627efbff97aa9bdd513f04420f13a6"),
        signs(context(CKM_HASH_ML_DSA_SHA3_384), MESSAGE, "03fc84eaaa5ca71583697c0faa8691f469df5de6a965a4cb4ad9da13de586a70"),
        signs(context(CKM_HASH_ML_DSA_SHA3_512), MESSAGE, "90b7f9caa82d20646f77a4af6e8f4c28f303a9c521e2b68e74fc384d9f8e5072"),
        signs(context(CKM_HASH_ML_DSA_SHAKE128), MESSAGE, "1ee3c77e95f8433e7c85df844de05ac52c91a22b6cfb84f8eb89fa55d4e93e40"),
        signs(context(CKM_HASH_ML_DSA_SHAKE256), MESSAGE, "fb07243da3fe25a92d777019dc1f619cede96a233a63bd41210fa33993ee4b6b"),
    ]
}
