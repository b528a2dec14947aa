//! The curves: NIST (SP 800-186), secp256k1 (SEC 2) and Brainpool (RFC 5639).

use aws_lc_sys::EC_GROUP;

use super::super::Result;
use super::domain;

/// A named curve over a prime field, with the cofactor one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Curve {
    P192,
    P224,
    P256,
    P384,
    P521,
    Secp256k1,
    BrainpoolP160r1,
    BrainpoolP160t1,
    BrainpoolP192r1,
    BrainpoolP192t1,
    BrainpoolP224r1,
    BrainpoolP224t1,
    BrainpoolP256r1,
    BrainpoolP256t1,
    BrainpoolP320r1,
    BrainpoolP320t1,
    BrainpoolP384r1,
    BrainpoolP384t1,
    BrainpoolP512r1,
    BrainpoolP512t1,
}

/// The arc 1.3.36.3.3.2.8.1.1 of the Brainpool curves, with the last number.
macro_rules! brainpool {
    ($last:literal) => {
        &[0x2b, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, $last]
    };
}

impl Curve {
    pub const ALL: &'static [Curve] = &[
        Curve::P192,
        Curve::P224,
        Curve::P256,
        Curve::P384,
        Curve::P521,
        Curve::Secp256k1,
        Curve::BrainpoolP160r1,
        Curve::BrainpoolP160t1,
        Curve::BrainpoolP192r1,
        Curve::BrainpoolP192t1,
        Curve::BrainpoolP224r1,
        Curve::BrainpoolP224t1,
        Curve::BrainpoolP256r1,
        Curve::BrainpoolP256t1,
        Curve::BrainpoolP320r1,
        Curve::BrainpoolP320t1,
        Curve::BrainpoolP384r1,
        Curve::BrainpoolP384t1,
        Curve::BrainpoolP512r1,
        Curve::BrainpoolP512t1,
    ];

    /// The content of the object identifier's DER encoding (without tag and length).
    pub fn oid(self) -> &'static [u8] {
        match self {
            Curve::P192 => &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x01],
            Curve::P224 => &[0x2b, 0x81, 0x04, 0x00, 0x21],
            Curve::P256 => &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07],
            Curve::P384 => &[0x2b, 0x81, 0x04, 0x00, 0x22],
            Curve::P521 => &[0x2b, 0x81, 0x04, 0x00, 0x23],
            Curve::Secp256k1 => &[0x2b, 0x81, 0x04, 0x00, 0x0a],
            Curve::BrainpoolP160r1 => brainpool!(1),
            Curve::BrainpoolP160t1 => brainpool!(2),
            Curve::BrainpoolP192r1 => brainpool!(3),
            Curve::BrainpoolP192t1 => brainpool!(4),
            Curve::BrainpoolP224r1 => brainpool!(5),
            Curve::BrainpoolP224t1 => brainpool!(6),
            Curve::BrainpoolP256r1 => brainpool!(7),
            Curve::BrainpoolP256t1 => brainpool!(8),
            Curve::BrainpoolP320r1 => brainpool!(9),
            Curve::BrainpoolP320t1 => brainpool!(10),
            Curve::BrainpoolP384r1 => brainpool!(11),
            Curve::BrainpoolP384t1 => brainpool!(12),
            Curve::BrainpoolP512r1 => brainpool!(13),
            Curve::BrainpoolP512t1 => brainpool!(14),
        }
    }

    /// The names that the standards give it, the usual one first.
    pub fn names(self) -> &'static [&'static str] {
        match self {
            Curve::P192 => &["secp192r1", "prime192v1", "P-192"],
            Curve::P224 => &["secp224r1", "P-224"],
            Curve::P256 => &["secp256r1", "prime256v1", "P-256"],
            Curve::P384 => &["secp384r1", "P-384"],
            Curve::P521 => &["secp521r1", "P-521"],
            Curve::Secp256k1 => &["secp256k1"],
            Curve::BrainpoolP160r1 => &["brainpoolP160r1"],
            Curve::BrainpoolP160t1 => &["brainpoolP160t1"],
            Curve::BrainpoolP192r1 => &["brainpoolP192r1"],
            Curve::BrainpoolP192t1 => &["brainpoolP192t1"],
            Curve::BrainpoolP224r1 => &["brainpoolP224r1"],
            Curve::BrainpoolP224t1 => &["brainpoolP224t1"],
            Curve::BrainpoolP256r1 => &["brainpoolP256r1"],
            Curve::BrainpoolP256t1 => &["brainpoolP256t1"],
            Curve::BrainpoolP320r1 => &["brainpoolP320r1"],
            Curve::BrainpoolP320t1 => &["brainpoolP320t1"],
            Curve::BrainpoolP384r1 => &["brainpoolP384r1"],
            Curve::BrainpoolP384t1 => &["brainpoolP384t1"],
            Curve::BrainpoolP512r1 => &["brainpoolP512r1"],
            Curve::BrainpoolP512t1 => &["brainpoolP512t1"],
        }
    }

    pub fn from_oid(oid: &[u8]) -> Option<Self> {
        Self::ALL.iter().copied().find(|curve| curve.oid() == oid)
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|curve| curve.names().iter().any(|held| held.eq_ignore_ascii_case(name)))
    }

    /// Length of the field in bits.
    pub const fn bits(self) -> usize {
        match self {
            Curve::BrainpoolP160r1 | Curve::BrainpoolP160t1 => 160,
            Curve::P192 | Curve::BrainpoolP192r1 | Curve::BrainpoolP192t1 => 192,
            Curve::P224 | Curve::BrainpoolP224r1 | Curve::BrainpoolP224t1 => 224,
            Curve::P256 | Curve::Secp256k1 | Curve::BrainpoolP256r1 | Curve::BrainpoolP256t1 => 256,
            Curve::BrainpoolP320r1 | Curve::BrainpoolP320t1 => 320,
            Curve::P384 | Curve::BrainpoolP384r1 | Curve::BrainpoolP384t1 => 384,
            Curve::BrainpoolP512r1 | Curve::BrainpoolP512t1 => 512,
            Curve::P521 => 521,
        }
    }

    /// Length of a coordinate in bytes.
    pub const fn field_len(self) -> usize {
        self.bits().div_ceil(8)
    }

    /// Length of the order in bytes; the order of each of these curves is as long as its field.
    pub const fn order_len(self) -> usize {
        self.field_len()
    }

    /// The engine's description of the curve, which lives as long as the process.
    pub(super) fn engine(self) -> Result<*const EC_GROUP> {
        // SAFETY: these functions take nothing and answer pointers to static data.
        unsafe {
            Ok(match self {
                Curve::P224 => aws_lc_sys::EC_group_p224(),
                Curve::P256 => aws_lc_sys::EC_group_p256(),
                Curve::P384 => aws_lc_sys::EC_group_p384(),
                Curve::P521 => aws_lc_sys::EC_group_p521(),
                Curve::Secp256k1 => aws_lc_sys::EC_group_secp256k1(),
                Curve::BrainpoolP224r1 => aws_lc_sys::EC_group_brainpoolP224r1(),
                Curve::BrainpoolP256r1 => aws_lc_sys::EC_group_brainpoolP256r1(),
                Curve::BrainpoolP320r1 => aws_lc_sys::EC_group_brainpoolP320r1(),
                Curve::BrainpoolP384r1 => aws_lc_sys::EC_group_brainpoolP384r1(),
                Curve::BrainpoolP512r1 => aws_lc_sys::EC_group_brainpoolP512r1(),
                _ => return domain::group(self),
            })
        }
    }
}
