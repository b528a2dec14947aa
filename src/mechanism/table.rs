//! The table of all mechanisms: the rows of the families, one line a family.

use std::sync::LazyLock;

use crate::ck::*;

use super::row::Mechanism;

/// The rows of every family, in the order of the documentation.
static FAMILIES: &[&[Mechanism]] = &[
    super::digest::ROWS,
    super::sha512_t::ROWS,
    super::blake2::ROWS,
    super::hmac::ROWS,
    super::aes_mac::ROWS,
    super::des_mac::ROWS,
    super::poly1305::ROWS,
    super::generate::ROWS,
    super::aes_modes::ROWS,
    super::aes_feedback::ROWS,
    super::aes_stealing::ROWS,
    super::aes_aead::ROWS,
    super::aes_wrap::ROWS,
    super::des::ROWS,
    super::rsa_keys::ROWS,
    super::rsa_cipher::ROWS,
    super::rsa_sign::ROWS,
    super::ec_keys::ROWS,
    super::ecdsa::ROWS,
    super::eddsa::ROWS,
    super::ecdh::ROWS,
];

/// All rows by ascending id.
static BY_ID: LazyLock<Vec<&'static Mechanism>> = LazyLock::new(|| {
    let mut rows: Vec<_> = FAMILIES.iter().flat_map(|family| family.iter()).collect();
    rows.sort_by_key(|row| row.id);
    rows
});

/// Every mechanism that Coffer implements, by ascending id.
pub fn all() -> &'static [&'static Mechanism] {
    &BY_ID
}

/// The row of a mechanism, where it is implemented.
pub fn lookup(id: CK_MECHANISM_TYPE) -> Option<&'static Mechanism> {
    let index = BY_ID.binary_search_by_key(&id, |row| row.id).ok()?;
    BY_ID.get(index).copied()
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
