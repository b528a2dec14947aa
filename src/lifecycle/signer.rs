//! The key with which a token signs what it certifies and its backups: Ed25519 (RFC 8032), made when it is needed for the first time, kept in
//! the ledger, and no object of PKCS#11.

use crate::crypto::edwards::{Curve, PrivateKey, PublicKey, Scheme};
use crate::error::{Error, Result};
use crate::token::{LedgerKind, Token};

/// The public key (32 bytes), where the token has one already. Errors: CKR_USER_NOT_LOGGED_IN.
pub fn public_key(token: &Token) -> Result<Option<Vec<u8>>> {
    Ok(stored(token)?.map(|key| key.public_point().to_vec()))
}

/// The public key (32 bytes); the key is made where there is none yet. Errors: CKR_USER_NOT_LOGGED_IN,
/// CKR_TOKEN_WRITE_PROTECTED.
pub fn ensured(token: &Token) -> Result<Vec<u8>> {
    match stored(token)? {
        Some(key) => Ok(key.public_point().to_vec()),
        None => Ok(make(token)?.public_point().to_vec()),
    }
}

/// Signs a text. Answers the public key (32 bytes) and the signature (64 bytes). Errors: CKR_USER_NOT_LOGGED_IN,
/// CKR_TOKEN_WRITE_PROTECTED.
pub fn sign(token: &Token, text: &[u8]) -> Result<(Vec<u8>, Vec<u8>)> {
    let key = match stored(token)? {
        Some(key) => key,
        None => make(token)?,
    };
    let mut signature = vec![0; Curve::Ed25519.signature_len()];
    key.sign(Scheme::Pure, text, &mut signature)?;
    Ok((key.public_point().to_vec(), signature))
}

/// True for a signature of this text under this key.
pub fn verifies(public_key: &[u8], text: &[u8], signature: &[u8]) -> bool {
    PublicKey::new(Curve::Ed25519, public_key)
        .is_ok_and(|key| key.verify(Scheme::Pure, text, signature).is_ok())
}

/// Of several (processes may have made one at the same time) the first counts.
fn stored(token: &Token) -> Result<Option<PrivateKey>> {
    let Some(first) = token.ledger(LedgerKind::CERTIFICATE_KEY)?.into_iter().next() else { return Ok(None) };
    match token.ledger_secret(first.id)? {
        Some(seed) => Ok(Some(PrivateKey::new(Curve::Ed25519, seed.as_bytes())?)),
        None => Ok(None),
    }
}

fn make(token: &Token) -> Result<PrivateKey> {
    let seed = PrivateKey::generate(Curve::Ed25519)?.seed();
    token.transact(|batch| batch.put_secret(LedgerKind::CERTIFICATE_KEY, seed.clone()))?;
    stored(token)?.ok_or(Error::GeneralError)
}
