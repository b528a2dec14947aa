//! The structures that are parameters of mechanisms, word by word (PKCS#11 3.2 section 6), for every form that the
//! mechanism table knows.

use coffer_pkcs11::ck::*;
use coffer_pkcs11::mechanism::ParamKind;

/// One or two words of a structure. Each has eight bytes; flags and small numbers are padded.
#[derive(Clone, Copy, Debug)]
pub enum Field {
    /// A number: the usual one first.
    Number(&'static [u64]),
    /// Two words: bytes, usually so many, and their length.
    Bytes(usize),
    /// The same, the length first.
    LengthBytes(usize),
    /// The same, the length in bits behind the bytes.
    Bits(usize),
    /// A pointer to a structure that is read.
    Structure(&'static [Field]),
    /// Two words: how many structures, and a pointer to them. There is one.
    Array(&'static [Field]),
    /// The same, the pointer first.
    ArrayCount(&'static [Field]),
    /// A pointer to a structure that is written.
    Place(&'static [Field]),
    /// A pointer to room for so many bytes.
    Room(usize),
}

use Field::*;

const HASH: Field = Number(&[CKM_SHA256, 0, CKM_SHA256_HMAC, CKM_AES_CBC, 0x7fff_ffff, u64::MAX]);
const PRF: Field = Number(&[CKM_SHA256_HMAC, 0, CKM_SHA256, CKM_AES_CMAC, 0x7fff_ffff, u64::MAX]);
const FLAG: Field = Number(&[1, 0, 2, 255]);
/// Two flags side by side.
const FLAGS: Field = Number(&[0x101, 0, 1, 0x100, 0x201]);
const HANDLE: Field = Number(&[0, 1, 1 << 31, u64::MAX]);
const SMALL: Field = Number(&[1, 0, 2, 3, 4, 16, 255, 1 << 16, 1 << 31, 1 << 32, i64::MAX as u64, u64::MAX]);
const BITS: Field =
    Number(&[128, 0, 1, 7, 8, 64, 127, 256, 1 << 16, 1 << 31, 1 << 32, i64::MAX as u64, u64::MAX]);
/// Bits for which there is room, and such as must be refused.
const IV_BITS: Field = Number(&[128, 0, 1, 8, 64, 127, i64::MAX as u64, u64::MAX]);
const EIGHT: Field = Number(&[0x0102_0304_0506_0708]);
const OAEP: &[Field] = &[HASH, SMALL, Number(&[CKZ_DATA_SPECIFIED, 0, 2, u64::MAX]), Bytes(4)];
const VERSION: Field = Room(2);
const MATERIAL: Field = Place(&[HANDLE, HANDLE, HANDLE, HANDLE, Room(16), Room(16)]);
/// A segment of SP 800-108: an iteration variable with a counter, and other types with a value of that size.
const SEGMENTS: &[Field] = &[Number(&[1, 0, 2, 3, 4, 5, u64::MAX]), Bytes(16)];
/// A further key, without a template.
const FURTHER: &[Field] = &[Number(&[0]), Number(&[0, 1, 1 << 32, u64::MAX]), Room(8)];

/// The words of a parameter, none of them for plain bytes; `None` for a form that was added and must be told here.
pub fn layout(kind: ParamKind) -> Option<&'static [Field]> {
    Some(match kind {
        ParamKind::None | ParamKind::Bytes(_) | ParamKind::OptionalBytes(_) | ParamKind::AnyBytes => &[],
        ParamKind::MacGeneral | ParamKind::FirstBit => &[SMALL],
        ParamKind::OptionalOtp => &[ArrayCount(&[Number(&[1, 0, 2, 3, 4, 5, 6, u64::MAX]), Bytes(8)])],
        ParamKind::KeyHandle => &[HANDLE],
        ParamKind::AesCtr => &[BITS, EIGHT, EIGHT],
        ParamKind::Gcm => &[Bytes(12), SMALL, Bytes(16), BITS],
        ParamKind::Ccm => &[SMALL, Bytes(12), Bytes(16), SMALL],
        ParamKind::ChaCha20 => &[Bits(4), Bits(12)],
        ParamKind::Salsa20 => &[Room(8), Bits(8)],
        ParamKind::ChaCha20Poly1305 => &[Bytes(12), Bytes(16)],
        ParamKind::Pss => &[HASH, SMALL, SMALL],
        ParamKind::Oaep => OAEP,
        ParamKind::OptionalSignContext => &[SMALL, Bytes(8)],
        ParamKind::HashSignContext => &[SMALL, Bytes(8), HASH],
        ParamKind::OptionalEddsa => &[FLAG, LengthBytes(8)],
        ParamKind::Ecdh1 | ParamKind::X942Dh1 => &[SMALL, LengthBytes(8), LengthBytes(65)],
        ParamKind::StringData => &[Bytes(16)],
        ParamKind::CbcData(8) => &[EIGHT, Bytes(16)],
        ParamKind::CbcData(_) => &[EIGHT, EIGHT, Bytes(16)],
        ParamKind::Hkdf => &[FLAGS, HASH, Number(&[2, 0, 1, 4, u64::MAX]), Bytes(16), HANDLE, Bytes(16)],
        ParamKind::Sp800108 => &[PRF, Array(SEGMENTS), Array(FURTHER)],
        ParamKind::Sp800108Feedback => &[PRF, Array(SEGMENTS), LengthBytes(32), Array(FURTHER)],
        ParamKind::Pbkdf2 => {
            &[Number(&[CKZ_SALT_SPECIFIED, 0, u64::MAX]), Bytes(16), SMALL, SMALL, Bytes(0), Bytes(8)]
        }
        ParamKind::Pbe { .. } => &[Room(8), Bytes(8), Bytes(8), SMALL],
        ParamKind::TlsMaster | ParamKind::TlsMasterDh => &[Bytes(32), Bytes(32), VERSION],
        ParamKind::Tls12Master | ParamKind::Tls12MasterDh => &[Bytes(32), Bytes(32), VERSION, HASH],
        ParamKind::TlsExtendedMaster | ParamKind::TlsExtendedMasterDh => &[HASH, Bytes(32), VERSION],
        ParamKind::TlsKeyMaterial => &[BITS, BITS, IV_BITS, FLAG, Bytes(32), Bytes(32), MATERIAL],
        ParamKind::Tls12KeyMaterial | ParamKind::Tls12KeySafe => {
            &[BITS, BITS, IV_BITS, Number(&[0, 1, 2]), Bytes(32), Bytes(32), MATERIAL, HASH]
        }
        ParamKind::TlsKdf => &[PRF, Bytes(16), Bytes(32), Bytes(32), Bytes(16)],
        ParamKind::TlsPrf => {
            &[Bytes(32), Bytes(8), Room(16), Structure(&[Number(&[16, 0, 1, i64::MAX as u64, u64::MAX])])]
        }
        ParamKind::TlsMac => &[HASH, SMALL, SMALL],
        ParamKind::Ike2PrfPlus => &[PRF, FLAG, HANDLE, Bytes(16)],
        ParamKind::IkePrf => &[PRF, FLAGS, Bytes(16), Bytes(16), HANDLE],
        ParamKind::Ike1Prf => &[PRF, FLAG, HANDLE, HANDLE, Bytes(8), Bytes(8), Number(&[0, 1, 255])],
        ParamKind::Ike1Extended => &[PRF, FLAG, HANDLE, Bytes(16)],
        ParamKind::RsaAesKeyWrap => &[BITS, Structure(OAEP)],
        ParamKind::EcdhAesKeyWrap => &[BITS, SMALL, LengthBytes(8)],
        #[allow(unreachable_patterns)]
        _ => return None,
    })
}
