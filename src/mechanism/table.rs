//! The table of all mechanisms: the rows of the families, one line a family.

use std::sync::LazyLock;

use crate::ck::*;
use crate::error::{Error, Result};

use super::row::Mechanism;
use super::self_test::Tested;

/// The rows of every family, in the order of the documentation.
static FAMILIES: &[&[Mechanism]] = &[
    super::digest::ROWS,
    super::sha512_t::ROWS,
    super::blake2::ROWS,
    super::hmac::ROWS,
    super::aes_mac::ROWS,
    super::des_mac::ROWS,
    super::poly1305::ROWS,
    super::hash_derive::ROWS,
    super::hotp::ROWS,
    super::generate::ROWS,
    super::aes_modes::ROWS,
    super::aes_feedback::ROWS,
    super::aes_stealing::ROWS,
    super::aes_aead::ROWS,
    super::aes_wrap::ROWS,
    super::chacha20::ROWS,
    super::salsa20::ROWS,
    super::des::ROWS,
    super::legacy::ROWS,
    super::rsa_keys::ROWS,
    super::rsa_cipher::ROWS,
    super::rsa_sign::ROWS,
    super::rsa_x9_31::ROWS,
    super::ec_keys::ROWS,
    super::ecdsa::ROWS,
    super::eddsa::ROWS,
    super::ecdh::ROWS,
    super::concatenate::ROWS,
    super::encrypt_data::ROWS,
    super::hkdf::ROWS,
    super::sp800_108::ROWS,
    super::password::ROWS,
    super::tls_keys::ROWS,
    super::tls_mac::ROWS,
    super::ike::ROWS,
    super::key_transport::ROWS,
    super::ffc_keys::ROWS,
    super::dsa::ROWS,
    super::dh::ROWS,
    super::slh_dsa::ROWS,
    super::hss::ROWS,
    super::stateful::ROWS,
    super::public_key::ROWS,
    super::ml_dsa::ROWS,
    super::ml_kem::ROWS,
];

/// All rows by ascending id, and beside each what its self-tests have come to.
static BY_ID: LazyLock<(Vec<&'static Mechanism>, Vec<Tested>)> = LazyLock::new(|| {
    let mut rows: Vec<_> = FAMILIES.iter().flat_map(|family| family.iter()).collect();
    rows.sort_by_key(|row| row.id);
    let tested = rows.iter().map(|_| Tested::not_yet()).collect();
    (rows, tested)
});

/// Every mechanism that Coffer implements, by ascending id.
pub fn all() -> &'static [&'static Mechanism] {
    &BY_ID.0
}

/// The row of a mechanism, where it is implemented.
pub fn lookup(id: CK_MECHANISM_TYPE) -> Option<&'static Mechanism> {
    let (rows, _) = &*BY_ID;
    let index = rows.binary_search_by_key(&id, |row| row.id).ok()?;
    rows.get(index).copied()
}

/// As `lookup`, for use: the first use in a process runs the self-tests of the mechanism. Errors: CKR_MECHANISM_INVALID,
/// CKR_DEVICE_ERROR where a test has failed.
pub fn ready(id: CK_MECHANISM_TYPE) -> Result<&'static Mechanism> {
    let (rows, tested) = &*BY_ID;
    let index = rows.binary_search_by_key(&id, |row| row.id).map_err(|_| Error::MechanismInvalid)?;
    match (rows.get(index), tested.get(index)) {
        (Some(row), Some(tested)) => {
            tested.check(row)?;
            Ok(row)
        }
        _ => Err(Error::MechanismInvalid),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_mechanism_stands_in_the_table_twice() {
        for pair in all().windows(2) {
            assert!(pair[0].id < pair[1].id, "{} is told twice", pair[0].name);
        }
    }
}
