//! CK_MECHANISM → id and `Params`, by the form that the mechanism's row tells. The structures stand in one file a family.

mod asymmetric;
mod ciphers;
mod otp;
mod derivation;
mod ike;
mod message;
mod password;
mod sp800_108;
mod tls;

use crate::ck::*;
use crate::error::{Error, Result};
use crate::mechanism::{self, ParamKind, Params};
use crate::token::ObjectHandle;

use super::pointer;

pub(super) use message::{Message, read_without_message};

/// Most bytes of an embedded field, such as additional data: what the structures of the standard can describe.
const MAX_FIELD: CK_ULONG = u32::MAX as CK_ULONG;

/// Reads the caller's mechanism. Errors: CKR_ARGUMENTS_BAD for NULL, CKR_MECHANISM_INVALID for a mechanism that
/// Coffer does not have, CKR_MECHANISM_PARAM_INVALID for a parameter of another size or with a NULL field.
///
/// # Safety
/// NULL, or a CK_MECHANISM whose pointers have the lengths that it tells.
pub(super) unsafe fn read(mechanism: *const CK_MECHANISM) -> Result<(CK_MECHANISM_TYPE, Params)> {
    // SAFETY: passed on from the caller.
    unsafe { read_with_references(mechanism) }.map(|(id, params, _)| (id, params))
}

/// As `read`, with what the parameter refers to: for C_GenerateKey and C_DeriveKey.
///
/// # Safety
/// As `read`; places for results stay writable during the call.
pub(super) unsafe fn read_with_references(
    mechanism: *const CK_MECHANISM,
) -> Result<(CK_MECHANISM_TYPE, Params, References)> {
    // SAFETY: passed on from the caller.
    let CK_MECHANISM { mechanism: id, pParameter, ulParameterLen } = unsafe { pointer::read(mechanism) }?;
    let row = mechanism::lookup(id).ok_or(Error::MechanismInvalid)?;
    let parameter = Parameter { place: pParameter.cast(), len: ulParameterLen };
    let mut references = References::default();
    // SAFETY: the caller promises that the parameter has its length, and what it points to as well.
    let params = unsafe { parameter.params(row.params, &mut references) }?;
    Ok((id, params, references))
}

/// What a parameter refers to besides its values.
#[derive(Default)]
pub(super) struct References {
    /// Other keys, in the order in which the mechanism takes them.
    pub(super) keys: Vec<ObjectHandle>,
    /// Places for the handles of further keys, none of them NULL.
    further: Vec<*mut CK_OBJECT_HANDLE>,
    /// Places for handles of keys that are not wanted, none of them NULL.
    absent: Vec<*mut CK_OBJECT_HANDLE>,
    /// Places for bytes that are written back, with their lengths, none of them NULL.
    returned: Vec<(*mut CK_BYTE, usize)>,
    /// True for mechanisms that answer no handle apart from those of `further`.
    pub(super) no_main_key: bool,
}

impl References {
    /// A place for the handle of one more key. Errors: CKR_MECHANISM_PARAM_INVALID for NULL.
    fn further_key(&mut self, place: *mut CK_OBJECT_HANDLE) -> Result<()> {
        if place.is_null() {
            return Err(Error::MechanismParamInvalid);
        }
        self.further.push(place);
        Ok(())
    }

    /// The place of a key that is not wanted, not NULL.
    fn absent_key(&mut self, place: *mut CK_OBJECT_HANDLE) {
        self.absent.push(place);
    }

    /// A place for `len` bytes. Errors: CKR_MECHANISM_PARAM_INVALID for NULL.
    fn returned_bytes(&mut self, place: *mut CK_BYTE, len: usize) -> Result<()> {
        if place.is_null() && len > 0 {
            return Err(Error::MechanismParamInvalid);
        }
        self.returned.push((place, len));
        Ok(())
    }

    /// Writes handles and bytes to their places, in order, after everything has succeeded.
    ///
    /// # Safety
    /// The parameter that was read is still there, with its places as they were.
    pub(super) unsafe fn write(self, further: &[ObjectHandle], returned: &[Vec<u8>]) {
        for (place, handle) in self.further.into_iter().zip(further) {
            // SAFETY: not NULL, and writable as the caller promises; alignment is not assumed.
            unsafe { place.write_unaligned(handle.0) };
        }
        for place in self.absent {
            // SAFETY: as above.
            unsafe { place.write_unaligned(CK_INVALID_HANDLE) };
        }
        for ((place, len), bytes) in self.returned.into_iter().zip(returned) {
            // SAFETY: not NULL where there is a byte to write, and writable for `len` bytes.
            unsafe { pointer::write_items(bytes.get(..len).unwrap_or(bytes), place) };
        }
    }
}

/// The parameter of a mechanism, not read yet.
#[derive(Clone, Copy)]
struct Parameter {
    place: *const CK_BYTE,
    len: CK_ULONG,
}

impl Parameter {
    /// # Safety
    /// `place` has `len` readable bytes; pointers in them have the lengths that stand beside them.
    unsafe fn params(self, kind: ParamKind, references: &mut References) -> Result<Params> {
        // SAFETY: passed on from the caller.
        unsafe {
            match kind {
                ParamKind::None if self.len == 0 => Ok(Params::None),
                ParamKind::None => Err(Error::MechanismParamInvalid),
                ParamKind::Bytes(len) => self.exactly(len).map(Params::Bytes),
                ParamKind::OptionalBytes(_) if self.len == 0 => Ok(Params::None),
                ParamKind::OptionalBytes(len) => self.exactly(len).map(Params::Bytes),
                ParamKind::AnyBytes if self.len == 0 => Err(Error::MechanismParamInvalid),
                ParamKind::AnyBytes => field(self.place, self.len).map(Params::Bytes),
                ParamKind::MacGeneral => self.structure().map(|MacGeneral(len)| Params::MacGeneral(len)),
                ParamKind::AesCtr => self.structure().map(ciphers::aes_ctr),
                ParamKind::Gcm => ciphers::gcm(self.structure()?),
                ParamKind::Ccm => ciphers::ccm(self.structure()?),
                ParamKind::ChaCha20 => ciphers::chacha20(self.structure()?),
                ParamKind::Salsa20 => ciphers::salsa20(self.structure()?),
                ParamKind::ChaCha20Poly1305 => ciphers::chacha20_poly1305(self.structure()?),
                ParamKind::Pss => self.structure().map(asymmetric::pss),
                ParamKind::Oaep => asymmetric::oaep(self.structure()?),
                ParamKind::OptionalEddsa if self.len == 0 => Ok(Params::None),
                ParamKind::OptionalEddsa => asymmetric::eddsa(self.structure()?),
                ParamKind::OptionalSignContext if self.len == 0 => Ok(Params::None),
                ParamKind::OptionalSignContext => asymmetric::sign_context(self.structure()?),
                ParamKind::HashSignContext => asymmetric::hash_sign_context(self.structure()?),
                ParamKind::OptionalOtp if self.len == 0 => Ok(Params::None),
                ParamKind::OptionalOtp => otp::otp(self.structure()?),
                ParamKind::Ecdh1 => asymmetric::ecdh1(self.structure()?),
                ParamKind::KeyHandle => {
                    references.keys.push(ObjectHandle(self.structure()?));
                    Ok(Params::None)
                }
                ParamKind::StringData => derivation::string_data(self.structure()?),
                ParamKind::FirstBit => self.structure().map(Params::FirstBit),
                ParamKind::CbcData(iv_len) => derivation::cbc_data(self, iv_len),
                ParamKind::Hkdf => derivation::hkdf(self.structure()?, references),
                ParamKind::Sp800108 => sp800_108::kdf(self.structure()?, references),
                ParamKind::Sp800108Feedback => sp800_108::feedback(self.structure()?, references),
                ParamKind::Pbkdf2 => password::pbkdf2(self.structure()?),
                ParamKind::Pbe { iv } => password::pbe(self.structure()?, iv, references),
                ParamKind::TlsMaster => tls::master(self.structure()?, true, references),
                ParamKind::TlsMasterDh => tls::master(self.structure()?, false, references),
                ParamKind::Tls12Master => tls::tls12_master(self.structure()?, true, references),
                ParamKind::Tls12MasterDh => tls::tls12_master(self.structure()?, false, references),
                ParamKind::TlsExtendedMaster => tls::extended_master(self.structure()?, true, references),
                ParamKind::TlsExtendedMasterDh => tls::extended_master(self.structure()?, false, references),
                ParamKind::TlsKeyMaterial => tls::key_material(self.structure()?, references),
                ParamKind::Tls12KeyMaterial => tls::tls12_key_material(self.structure()?, references),
                ParamKind::Tls12KeySafe => {
                    let params = CK_TLS12_KEY_MAT_PARAMS { ulIVSizeInBits: 0, ..self.structure()? };
                    tls::tls12_key_material(params, references)
                }
                ParamKind::TlsKdf => tls::kdf(self.structure()?),
                ParamKind::TlsPrf => tls::prf(self.structure()?, references),
                ParamKind::TlsMac => self.structure().map(tls::mac),
                ParamKind::Ike2PrfPlus => ike::prf_plus(self.structure()?, references),
                ParamKind::IkePrf => ike::initial(self.structure()?, references),
                ParamKind::Ike1Prf => ike::ike1(self.structure()?, references),
                ParamKind::Ike1Extended => ike::ike1_extended(self.structure()?, references),
                ParamKind::X942Dh1 => asymmetric::x9_42_dh1(self.structure()?),
                ParamKind::RsaAesKeyWrap => asymmetric::rsa_aes_key_wrap(self.structure()?),
                ParamKind::EcdhAesKeyWrap => asymmetric::ecdh_aes_key_wrap(self.structure()?),
            }
        }
    }

    /// Plain bytes of this length.
    ///
    /// # Safety
    /// As `params`.
    unsafe fn exactly(self, len: usize) -> Result<Vec<u8>> {
        if self.len != len as CK_ULONG {
            return Err(Error::MechanismParamInvalid);
        }
        // SAFETY: passed on from the caller.
        unsafe { field(self.place, self.len) }
    }

    /// A structure, read unaligned; of another size it is refused, so that a client can try an older form first.
    ///
    /// # Safety
    /// As `params`; `T` is a structure of numbers and pointers, valid whatever its bytes are.
    unsafe fn structure<T: Copy>(self) -> Result<T> {
        if self.place.is_null() || self.len != size_of::<T>() as CK_ULONG {
            return Err(Error::MechanismParamInvalid);
        }
        // SAFETY: not NULL and as long as `T`.
        Ok(unsafe { self.place.cast::<T>().read_unaligned() })
    }
}

/// CK_MAC_GENERAL_PARAMS, a plain number.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct MacGeneral(CK_ULONG);

/// A CK_BBOOL of a structure.
fn flag(value: CK_BBOOL) -> Result<bool> {
    match value {
        CK_FALSE => Ok(false),
        CK_TRUE => Ok(true),
        _ => Err(Error::MechanismParamInvalid),
    }
}

/// The structures of an array, read unaligned. CKR_MECHANISM_PARAM_INVALID for NULL with a count, and for more than `most`.
///
/// # Safety
/// A pointer that is not NULL has `count` readable structures that are valid whatever their bytes are.
unsafe fn array<T: Copy>(place: *const T, count: CK_ULONG, most: usize) -> Result<Vec<T>> {
    let count =
        usize::try_from(count).ok().filter(|count| *count <= most && (*count == 0 || !place.is_null()));
    let mut items = Vec::new();
    for index in 0..count.ok_or(Error::MechanismParamInvalid)? {
        // SAFETY: not NULL, and the caller promises `count` structures; alignment is not assumed.
        items.push(unsafe { place.add(index).read_unaligned() });
    }
    Ok(items)
}

/// The bytes of a pointer field, copied. NULL with a length is CKR_MECHANISM_PARAM_INVALID.
///
/// # Safety
/// A pointer that is not NULL has `len` readable bytes.
unsafe fn field(place: *const CK_BYTE, len: CK_ULONG) -> Result<Vec<u8>> {
    if len > MAX_FIELD {
        return Err(Error::MechanismParamInvalid);
    }
    // SAFETY: passed on from the caller.
    let bytes = unsafe { pointer::bytes(place, len) }.map_err(|_| Error::MechanismParamInvalid)?;
    let mut copy = Vec::new();
    copy.try_reserve_exact(bytes.len())?;
    copy.extend_from_slice(bytes);
    Ok(copy)
}

#[cfg(test)]
mod tests;
