//! CK_MECHANISM → id and `Params`, by the form that the mechanism's row tells.

use crate::ck::*;
use crate::error::{Error, Result};
use crate::mechanism::{self, ParamKind, Params};

use super::pointer;

/// Most bytes of an embedded field, such as additional data: what the structures of the standard can describe.
const MAX_FIELD: CK_ULONG = u32::MAX as CK_ULONG;

/// Reads the caller's mechanism. Errors: CKR_ARGUMENTS_BAD for NULL, CKR_MECHANISM_INVALID for a mechanism that
/// Coffer does not have, CKR_MECHANISM_PARAM_INVALID for a parameter of another size or with a NULL field.
///
/// # Safety
/// NULL, or a CK_MECHANISM whose pointers have the lengths that it tells.
pub(super) unsafe fn read(mechanism: *const CK_MECHANISM) -> Result<(CK_MECHANISM_TYPE, Params)> {
    // SAFETY: passed on from the caller.
    let CK_MECHANISM { mechanism: id, pParameter, ulParameterLen } = unsafe { pointer::read(mechanism) }?;
    let row = mechanism::lookup(id).ok_or(Error::MechanismInvalid)?;
    let parameter = Parameter { place: pParameter.cast(), len: ulParameterLen };
    // SAFETY: the caller promises that the parameter has its length, and what it points to as well.
    let params = unsafe { parameter.params(row.params) }?;
    Ok((id, params))
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
    unsafe fn params(self, kind: ParamKind) -> Result<Params> {
        // SAFETY: passed on from the caller.
        unsafe {
            match kind {
                ParamKind::None if self.len == 0 => Ok(Params::None),
                ParamKind::None => Err(Error::MechanismParamInvalid),
                ParamKind::Bytes(len) => self.exactly(len).map(Params::Bytes),
                ParamKind::OptionalBytes(_) if self.len == 0 => Ok(Params::None),
                ParamKind::OptionalBytes(len) => self.exactly(len).map(Params::Bytes),
                ParamKind::MacGeneral => self.structure().map(|MacGeneral(len)| Params::MacGeneral(len)),
                ParamKind::AesCtr => self.structure().map(aes_ctr),
                ParamKind::Gcm => gcm(self.structure()?),
                ParamKind::Pss => self.structure().map(pss),
                ParamKind::Oaep => oaep(self.structure()?),
                ParamKind::OptionalEddsa if self.len == 0 => Ok(Params::None),
                ParamKind::OptionalEddsa => eddsa(self.structure()?),
                ParamKind::Ecdh1 => ecdh1(self.structure()?),
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

fn aes_ctr(params: CK_AES_CTR_PARAMS) -> Params {
    Params::AesCtr { counter_bits: params.ulCounterBits, counter_block: params.cb }
}

fn pss(params: CK_RSA_PKCS_PSS_PARAMS) -> Params {
    Params::Pss { hash: params.hashAlg, mgf: params.mgf, salt_len: params.sLen }
}

/// `ulIvBits` is not looked at: clients leave it zero, and the IV has whole bytes.
///
/// # Safety
/// As `Parameter::params`.
unsafe fn gcm(params: CK_GCM_PARAMS) -> Result<Params> {
    // SAFETY: passed on from the caller.
    let (iv, aad) = unsafe { (field(params.pIv, params.ulIvLen)?, field(params.pAAD, params.ulAADLen)?) };
    Ok(Params::Gcm { iv, aad, tag_bits: params.ulTagBits })
}

/// A label needs the source CKZ_DATA_SPECIFIED (section 6.1.7); clients without one leave the source zero.
///
/// # Safety
/// As `Parameter::params`.
unsafe fn oaep(params: CK_RSA_PKCS_OAEP_PARAMS) -> Result<Params> {
    if params.source != CKZ_DATA_SPECIFIED && (params.source != 0 || params.ulSourceDataLen != 0) {
        return Err(Error::MechanismParamInvalid);
    }
    // SAFETY: passed on from the caller.
    let label = unsafe { field(params.pSourceData.cast(), params.ulSourceDataLen) }?;
    Ok(Params::Oaep { hash: params.hashAlg, mgf: params.mgf, label })
}

/// # Safety
/// As `Parameter::params`.
unsafe fn eddsa(params: CK_EDDSA_PARAMS) -> Result<Params> {
    let prehash = match params.phFlag {
        CK_FALSE => false,
        CK_TRUE => true,
        _ => return Err(Error::MechanismParamInvalid),
    };
    // SAFETY: passed on from the caller.
    let context = unsafe { field(params.pContextData, params.ulContextDataLen) }?;
    Ok(Params::Eddsa { prehash, context })
}

/// # Safety
/// As `Parameter::params`.
unsafe fn ecdh1(params: CK_ECDH1_DERIVE_PARAMS) -> Result<Params> {
    // SAFETY: passed on from the caller.
    unsafe {
        Ok(Params::Ecdh1 {
            kdf: params.kdf,
            shared_data: field(params.pSharedData, params.ulSharedDataLen)?,
            public_data: field(params.pPublicData, params.ulPublicDataLen)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::ptr;

    use super::*;

    fn parse<T>(kind: ParamKind, value: &T, len: usize) -> Result<Params> {
        let parameter = Parameter { place: ptr::from_ref(value).cast(), len: len as CK_ULONG };
        // SAFETY: `value` has at least the length that is read, or the length is refused first.
        unsafe { parameter.params(kind) }
    }

    fn gcm_params(iv: &mut [u8], aad: &mut [u8]) -> CK_GCM_PARAMS {
        CK_GCM_PARAMS {
            pIv: iv.as_mut_ptr(),
            ulIvLen: iv.len() as CK_ULONG,
            ulIvBits: 0,
            pAAD: aad.as_mut_ptr(),
            ulAADLen: aad.len() as CK_ULONG,
            ulTagBits: 128,
        }
    }

    #[test]
    fn gcm_parameters_are_read_at_exactly_their_size() {
        let (mut iv, mut aad) = ([7; 12], [9; 3]);
        let params = gcm_params(&mut iv, &mut aad);
        let wanted = Params::Gcm { iv: vec![7; 12], aad: vec![9; 3], tag_bits: 128 };
        assert_eq!(parse(ParamKind::Gcm, &params, size_of::<CK_GCM_PARAMS>()), Ok(wanted));
        for len in [0, 40, 47, 49, 56] {
            assert_eq!(parse(ParamKind::Gcm, &params, len), Err(Error::MechanismParamInvalid), "{len}");
        }
    }

    #[test]
    fn a_structure_may_be_unaligned() {
        let params = CK_AES_CTR_PARAMS { ulCounterBits: 32, cb: [5; 16] };
        let mut bytes = [0; 1 + size_of::<CK_AES_CTR_PARAMS>()];
        // SAFETY: the bytes have room for the structure behind the first.
        unsafe { bytes.as_mut_ptr().add(1).cast::<CK_AES_CTR_PARAMS>().write_unaligned(params) };
        let parameter = Parameter { place: bytes[1..].as_ptr(), len: 24 };
        // SAFETY: as above.
        let read = unsafe { parameter.params(ParamKind::AesCtr) };
        assert_eq!(read, Ok(Params::AesCtr { counter_bits: 32, counter_block: [5; 16] }));
    }

    #[test]
    fn a_null_field_with_a_length_or_an_absurd_length_is_refused() {
        let (mut iv, mut aad) = ([7; 12], [9; 3]);
        let good = gcm_params(&mut iv, &mut aad);
        for bad in [
            CK_GCM_PARAMS { pIv: ptr::null_mut(), ..good },
            CK_GCM_PARAMS { pAAD: ptr::null_mut(), ..good },
            CK_GCM_PARAMS { ulAADLen: 1 << 62, ..good },
        ] {
            assert_eq!(parse(ParamKind::Gcm, &bad, 48), Err(Error::MechanismParamInvalid));
        }
        let no_aad = CK_GCM_PARAMS { pAAD: ptr::null_mut(), ulAADLen: 0, ..good };
        assert!(parse(ParamKind::Gcm, &no_aad, 48).is_ok());
    }

    #[test]
    fn plain_bytes_have_the_length_of_the_mechanism() {
        let iv = [3u8; 16];
        assert_eq!(parse(ParamKind::Bytes(16), &iv, 16), Ok(Params::Bytes(vec![3; 16])));
        assert_eq!(parse(ParamKind::Bytes(16), &iv, 12), Err(Error::MechanismParamInvalid));
        assert_eq!(parse(ParamKind::OptionalBytes(8), &iv, 0), Ok(Params::None));
        assert_eq!(parse(ParamKind::None, &iv, 16), Err(Error::MechanismParamInvalid));
        assert_eq!(parse(ParamKind::None, &iv, 0), Ok(Params::None));
    }

    #[test]
    fn an_oaep_label_needs_its_source() {
        let mut label = *b"label";
        let params = CK_RSA_PKCS_OAEP_PARAMS {
            hashAlg: CKM_SHA256,
            mgf: CKG_MGF1_SHA256,
            source: CKZ_DATA_SPECIFIED,
            pSourceData: label.as_mut_ptr().cast(),
            ulSourceDataLen: 5,
        };
        let wanted = Params::Oaep { hash: CKM_SHA256, mgf: CKG_MGF1_SHA256, label: label.to_vec() };
        assert_eq!(parse(ParamKind::Oaep, &params, 40), Ok(wanted));
        let unspecified = CK_RSA_PKCS_OAEP_PARAMS { source: 0, ..params };
        assert_eq!(parse(ParamKind::Oaep, &unspecified, 40), Err(Error::MechanismParamInvalid));
        let none = CK_RSA_PKCS_OAEP_PARAMS { source: 0, ulSourceDataLen: 0, ..params };
        assert!(parse(ParamKind::Oaep, &none, 40).is_ok());
    }

    #[test]
    fn null_and_unknown_mechanisms_are_told_apart() {
        // SAFETY: NULL is not read; the other is ours.
        unsafe {
            assert_eq!(read(ptr::null()), Err(Error::ArgumentsBad));
            let unknown =
                CK_MECHANISM { mechanism: 0x7fff_ffff, pParameter: ptr::null_mut(), ulParameterLen: 0 };
            assert_eq!(read(&unknown), Err(Error::MechanismInvalid));
        }
    }
}
