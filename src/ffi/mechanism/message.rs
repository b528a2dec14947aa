//! Parameters of messages: CK_GCM_MESSAGE_PARAMS, CK_CCM_MESSAGE_PARAMS and CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS
//! (PKCS#11 sections 6.13 and 6.61). Nonce and tag are written back into what they point to.

use std::ffi::c_void;

use crate::ck::*;
use crate::error::{Error, Result};
use crate::mechanism::{self, MessageParams, ParamKind, Params};
use crate::session::Sealed;

use super::{Parameter, ciphers, field, pointer};

/// The tag of ChaCha20-Poly1305, which tells no length, and the longest of all, in bytes.
const TAG: CK_ULONG = 16;

/// A parameter of a message that has been read, and the places in it.
pub(in crate::ffi) struct Message {
    pub(in crate::ffi) params: MessageParams,
    nonce: *mut CK_BYTE,
    tag: *mut CK_BYTE,
}

/// The mechanism of C_MessageEncryptInit and C_MessageDecryptInit. It has no parameter, or that of a message, which is
/// not looked at: each message brings its own.
///
/// # Safety
/// NULL, or a CK_MECHANISM.
pub(in crate::ffi) unsafe fn read_without_message(
    mechanism: *const CK_MECHANISM,
) -> Result<(CK_MECHANISM_TYPE, Params)> {
    // SAFETY: passed on from the caller.
    let mechanism = unsafe { pointer::read(mechanism) }?;
    let row = mechanism::lookup(mechanism.mechanism).ok_or(Error::MechanismInvalid)?;
    let size = match row.params {
        ParamKind::Gcm => size_of::<CK_GCM_MESSAGE_PARAMS>(),
        ParamKind::Ccm => size_of::<CK_CCM_MESSAGE_PARAMS>(),
        ParamKind::ChaCha20Poly1305 => size_of::<CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS>(),
        _ => return Err(Error::MechanismInvalid),
    };
    match mechanism.ulParameterLen {
        0 => Ok((row.id, Params::None)),
        len if len == size as CK_ULONG && !mechanism.pParameter.is_null() => Ok((row.id, Params::None)),
        _ => Err(Error::MechanismParamInvalid),
    }
}

impl Message {
    /// A mechanism that has the parameter of a message: for keys that are wrapped as one. Errors as those of `read`.
    ///
    /// # Safety
    /// As `read`.
    pub(in crate::ffi) unsafe fn of_mechanism(
        mechanism: *const CK_MECHANISM,
    ) -> Result<(CK_MECHANISM_TYPE, Self)> {
        // SAFETY: passed on from the caller.
        unsafe {
            let CK_MECHANISM { mechanism: id, pParameter, ulParameterLen } = pointer::read(mechanism)?;
            let row = mechanism::lookup(id).ok_or(Error::MechanismInvalid)?;
            Ok((id, Self::read(row.params, pParameter, ulParameterLen)?))
        }
    }

    /// The parameter of a message. `form`: that of the mechanism's row. Errors: CKR_MECHANISM_INVALID for a mechanism
    /// without messages, CKR_MECHANISM_PARAM_INVALID.
    ///
    /// # Safety
    /// `place` has `len` readable bytes; pointers in them have the lengths that stand beside them, and are writable
    /// where something is written back.
    pub(in crate::ffi) unsafe fn read(form: ParamKind, place: *const c_void, len: CK_ULONG) -> Result<Self> {
        let parameter = Parameter { place: place.cast(), len };
        // SAFETY: passed on from the caller.
        unsafe {
            match form {
                ParamKind::Gcm => Self::gcm(parameter.structure()?),
                ParamKind::Ccm => Self::ccm(parameter.structure()?),
                ParamKind::ChaCha20Poly1305 => Self::chacha20_poly1305(parameter.structure()?),
                _ => Err(Error::MechanismInvalid),
            }
        }
    }

    /// # Safety
    /// As `read`.
    unsafe fn gcm(params: CK_GCM_MESSAGE_PARAMS) -> Result<Self> {
        if !params.ulTagBits.is_multiple_of(8) {
            return Err(Error::MechanismParamInvalid);
        }
        let message = MessageParams {
            // SAFETY: passed on from the caller.
            nonce: unsafe { field(params.pIv, params.ulIvLen) }?,
            fixed_bits: params.ulIvFixedBits,
            generator: params.ivGenerator,
            tag_len: tag_len(params.ulTagBits / 8)?,
            data_len: 0,
        };
        Ok(Self { params: message, nonce: params.pIv, tag: params.pTag })
    }

    /// # Safety
    /// As `read`.
    unsafe fn ccm(params: CK_CCM_MESSAGE_PARAMS) -> Result<Self> {
        let message = MessageParams {
            // SAFETY: passed on from the caller.
            nonce: unsafe { field(params.pNonce, params.ulNonceLen) }?,
            fixed_bits: params.ulNonceFixedBits,
            generator: params.nonceGenerator,
            tag_len: tag_len(params.ulMACLen)?,
            data_len: params.ulDataLen,
        };
        Ok(Self { params: message, nonce: params.pNonce, tag: params.pMAC })
    }

    /// # Safety
    /// As `read`.
    unsafe fn chacha20_poly1305(params: CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS) -> Result<Self> {
        let message = MessageParams {
            // SAFETY: passed on from the caller.
            nonce: unsafe { field(params.pNonce, ciphers::poly1305_nonce_len(params.ulNonceLen)) }?,
            fixed_bits: 0,
            generator: CKG_NO_GENERATE,
            tag_len: tag_len(TAG)?,
            data_len: 0,
        };
        Ok(Self { params: message, nonce: params.pNonce, tag: params.pTag })
    }

    /// The parameter of C_WrapKey and C_UnwrapKey with a nonce that may be the token's: CK_GCM_WRAP_PARAMS and
    /// CK_CCM_WRAP_PARAMS, told apart from those of encryption by their size; and its additional data. `None`: it is no
    /// such parameter. The tag stands behind the wrapped key.
    ///
    /// # Safety
    /// As `of_mechanism`.
    pub(in crate::ffi) unsafe fn of_wrapping(
        mechanism: *const CK_MECHANISM,
    ) -> Result<Option<(CK_MECHANISM_TYPE, Self, Vec<u8>)>> {
        // SAFETY: passed on from the caller.
        unsafe {
            let CK_MECHANISM { mechanism: id, pParameter, ulParameterLen } = pointer::read(mechanism)?;
            let row = mechanism::lookup(id).ok_or(Error::MechanismInvalid)?;
            let parameter = Parameter { place: pParameter.cast(), len: ulParameterLen };
            let has_size_of = |size: usize| ulParameterLen == size as CK_ULONG;
            let (message, aad) = match row.params {
                ParamKind::Gcm if has_size_of(size_of::<CK_GCM_WRAP_PARAMS>()) => {
                    let params: CK_GCM_WRAP_PARAMS = parameter.structure()?;
                    let message = CK_GCM_MESSAGE_PARAMS {
                        pIv: params.pIv,
                        ulIvLen: params.ulIvLen,
                        ulIvFixedBits: params.ulIvFixedBits,
                        ivGenerator: params.ivGenerator,
                        pTag: std::ptr::null_mut(),
                        ulTagBits: params.ulTagBits,
                    };
                    (Self::gcm(message)?, field(params.pAAD, params.ulAADLen)?)
                }
                ParamKind::Ccm if has_size_of(size_of::<CK_CCM_WRAP_PARAMS>()) => {
                    let params: CK_CCM_WRAP_PARAMS = parameter.structure()?;
                    let message = CK_CCM_MESSAGE_PARAMS {
                        ulDataLen: params.ulDataLen,
                        pNonce: params.pNonce,
                        ulNonceLen: params.ulNonceLen,
                        ulNonceFixedBits: params.ulNonceFixedBits,
                        nonceGenerator: params.nonceGenerator,
                        pMAC: std::ptr::null_mut(),
                        ulMACLen: params.ulMACLen,
                    };
                    (Self::ccm(message)?, field(params.pAAD, params.ulAADLen)?)
                }
                _ => return Ok(None),
            };
            Ok(Some((id, message, aad)))
        }
    }

    /// Errors: CKR_MECHANISM_PARAM_INVALID where there is no place for the tag.
    pub(in crate::ffi) fn check_tag_place(&self) -> Result<()> {
        if self.tag.is_null() { Err(Error::MechanismParamInvalid) } else { Ok(()) }
    }

    /// The tag that the caller gives.
    ///
    /// # Safety
    /// The parameter that was read is still there.
    pub(in crate::ffi) unsafe fn tag(&self) -> Result<Vec<u8>> {
        self.check_tag_place()?;
        // SAFETY: passed on from the caller.
        unsafe { field(self.tag, self.params.tag_len as CK_ULONG) }
    }

    /// Writes nonce and tag of what was sealed; there is none where only its length was asked for.
    ///
    /// # Safety
    /// As `tag`.
    pub(in crate::ffi) unsafe fn write_sealed(&self, sealed: Option<Sealed>) {
        if let Some(sealed) = sealed {
            // SAFETY: passed on from the caller.
            unsafe {
                self.write_nonce(&sealed.nonce);
                self.write_tag(&sealed.tag);
            }
        }
    }

    /// Writes the nonce that was generated.
    ///
    /// # Safety
    /// As `tag`.
    pub(in crate::ffi) unsafe fn write_nonce(&self, nonce: &[u8]) {
        if self.params.generator != CKG_NO_GENERATE && nonce.len() == self.params.nonce.len() {
            // SAFETY: the place was read with this length, and can be written as the caller promises.
            unsafe { pointer::write_items(nonce, self.nonce) };
        }
    }

    /// Writes the tag. Its place has been checked before the work.
    ///
    /// # Safety
    /// As `tag`.
    pub(in crate::ffi) unsafe fn write_tag(&self, tag: &[u8]) {
        if tag.len() <= self.params.tag_len && !self.tag.is_null() {
            // SAFETY: not NULL, and as long as the caller has told.
            unsafe { pointer::write_items(tag, self.tag) };
        }
    }
}

fn tag_len(bytes: CK_ULONG) -> Result<usize> {
    usize::try_from(bytes).ok().filter(|_| bytes <= TAG).ok_or(Error::MechanismParamInvalid)
}
