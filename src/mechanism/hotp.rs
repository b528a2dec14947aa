//! One-time passwords from a counter: HOTP (PKCS#11 section 6.53, RFC 4226), with keys of the class CKO_OTP_KEY.

use zeroize::Zeroizing;

use crate::ck::*;
use crate::crypto::digest::Hash;
use crate::crypto::{self, hmac::hmac, random};
use crate::error::{Error, Result};
use crate::object::{Attributes, Value};
use crate::policy::UsableKey;

use super::hmac::MAX_KEY;
use super::operation::{Sign, Verify};
use super::params::{ParamKind, Params};
use super::row::{Approval, KeyNeed, Mechanism, Ops};
use super::{put, secret_value};

/// Lengths of generated keys in bytes; RFC 4226 section 4 wants 128 bits and recommends 160.
const GENERATED: (u64, u64) = (16, MAX_KEY);
const RECOMMENDED: u64 = 20;

pub(super) static ROWS: &[Mechanism] = &[
    Mechanism {
        id: CKM_HOTP_KEY_GEN,
        name: "CKM_HOTP_KEY_GEN",
        params: ParamKind::None,
        key: KeyNeed::one_time(&[CKK_HOTP]),
        sizes: GENERATED,
        flags: 0,
        approval: Approval::NotApproved,
        ops: Ops { generate_key: Some(|_, template| generate(template)), ..Ops::NONE },
    },
    Mechanism {
        id: CKM_HOTP,
        name: "CKM_HOTP",
        params: ParamKind::OptionalOtp,
        key: KeyNeed::one_time(&[CKK_HOTP]),
        sizes: (1, MAX_KEY),
        flags: 0,
        approval: Approval::NotApproved,
        ops: Ops {
            sign: Some(|key, params| Ok(Box::new(Generating(Password::new(key, params)?)))),
            verify: Some(|key, params| {
                Ok(Box::new(Checking(Password::new(key, params)?.verifying(params)?)))
            }),
            one_message: true,
            ..Ops::NONE
        },
    },
];

/// The mechanism contributes class, type, value, length and counter. A length that is not asked for is the recommended
/// one; CKR_ATTRIBUTE_VALUE_INVALID for a wrong one.
fn generate(template: &Attributes) -> Result<Attributes> {
    let length = template.ulong(CKA_VALUE_LEN).unwrap_or(RECOMMENDED);
    if !(GENERATED.0..=GENERATED.1).contains(&length) {
        return Err(Error::AttributeValueInvalid);
    }
    if template.contains(CKA_VALUE) {
        return Err(Error::TemplateInconsistent);
    }
    let counter = template.bytes(CKA_OTP_COUNTER).filter(|counter| !counter.is_empty());
    Ok(Attributes::from_iter([
        (CKA_CLASS, Value::Ulong(CKO_OTP_KEY)),
        (CKA_KEY_TYPE, Value::Ulong(CKK_HOTP)),
        (CKA_VALUE, Value::Secret(random::secret(usize::try_from(length)?)?)),
        (CKA_VALUE_LEN, Value::Ulong(length)),
        (CKA_OTP_COUNTER, Value::Bytes(counter.unwrap_or(&[0; 8]).to_vec())),
    ]))
}

/// A password to be computed: of the counter that was given, else of the key's own.
struct Password {
    key: UsableKey,
    counter: Option<u64>,
    digits: usize,
}

impl Password {
    /// Errors: CKR_MECHANISM_PARAM_INVALID for a length or format that HOTP does not have, for a flag that asks for the
    /// next password or for one without a counter, for a password to be read by people where the key has none
    /// (CKA_OTP_USER_FRIENDLY_MODE), and for no counter where the key wants one.
    fn new(key: UsableKey, params: &Params) -> Result<Self> {
        let (counter, flags, length, format) = match params {
            Params::None => (None, 0, None, None),
            Params::Otp { counter, flags, length, format } => (*counter, *flags, *length, *format),
            _ => return Err(Error::MechanismParamInvalid),
        };
        let object = key.object();
        let digits = length.or(object.ulong(CKA_OTP_LENGTH)).ok_or(Error::GeneralError)?;
        let friendly = flags & CKF_USER_FRIENDLY_OTP == 0 || object.is_true(CKA_OTP_USER_FRIENDLY_MODE);
        let requirement = object.ulong(CKA_OTP_COUNTER_REQUIREMENT).unwrap_or(CK_OTP_PARAM_OPTIONAL);
        let lacking = requirement == CK_OTP_PARAM_MANDATORY && counter.is_none();
        let refused = flags & (CKF_NEXT_OTP | CKF_EXCLUDE_COUNTER) != 0 || !friendly || lacking;
        if refused
            || !(6..=8).contains(&digits)
            || format.is_some_and(|format| format != CK_OTP_FORMAT_DECIMAL)
        {
            return Err(Error::MechanismParamInvalid);
        }
        let counter = counter.filter(|_| requirement != CK_OTP_PARAM_IGNORED);
        Ok(Self { counter, digits: usize::try_from(digits)?, key })
    }

    /// The verifier "must" give the counter, whatever the key says. Errors: CKR_MECHANISM_PARAM_INVALID without it.
    fn verifying(self, params: &Params) -> Result<Self> {
        match params {
            Params::Otp { counter: Some(counter), .. } => Ok(Self { counter: Some(*counter), ..self }),
            _ => Err(Error::MechanismParamInvalid),
        }
    }

    /// RFC 4226 section 5.3: the decimal digits of the truncated HMAC-SHA-1.
    fn at(&self, counter: u64) -> Result<Zeroizing<String>> {
        let mac = hmac(Hash::Sha1, secret_value(&self.key)?, &counter.to_be_bytes())?;
        let mac = mac.as_bytes();
        let offset = usize::from(mac.last().ok_or(Error::GeneralError)? & 0x0f);
        let word = mac.get(offset..).and_then(<[u8]>::first_chunk::<4>).ok_or(Error::GeneralError)?;
        let modulus = 10u32.pow(self.digits as u32);
        let code = (u32::from_be_bytes(*word) & 0x7fff_ffff) % modulus;
        Ok(Zeroizing::new(format!("{code:0width$}", width = self.digits)))
    }
}

/// "pData shall be set to NULL_PTR and ulDataLen shall be set to 0".
fn no_data(data: &[u8]) -> Result<()> {
    if data.is_empty() { Ok(()) } else { Err(Error::DataLenRange) }
}

/// A password in the making. Its signature is a CK_OTP_SIGNATURE_INFO: structure, parameters and their values one
/// behind the other in the caller's buffer, whose addresses they hold.
struct Generating(Password);

/// The parameters of the answer: password and counter.
const PARAMS: usize = 2;
const VALUES: usize = size_of::<CK_OTP_SIGNATURE_INFO>() + PARAMS * size_of::<CK_OTP_PARAM>();
const COUNTER: usize = size_of::<u64>();

impl Sign for Generating {
    fn output_len(&self) -> usize {
        VALUES + COUNTER + self.0.digits
    }

    fn update(&mut self, data: &[u8]) -> Result<()> {
        no_data(data)
    }

    fn finish(self: Box<Self>, signature: &mut [u8]) -> Result<usize> {
        let counter = match self.0.counter {
            Some(counter) => counter,
            None => self.0.key.take_counter()?,
        };
        let password = self.0.at(counter)?;
        let at = |offset: usize| (signature.as_ptr().expose_provenance() + offset) as CK_ULONG;
        let params = size_of::<CK_OTP_SIGNATURE_INFO>();
        let words: [CK_ULONG; 8] = [
            at(params),
            PARAMS as CK_ULONG,
            CK_OTP_VALUE,
            at(VALUES + COUNTER),
            password.len() as CK_ULONG,
            CK_OTP_COUNTER,
            at(VALUES),
            COUNTER as CK_ULONG,
        ];
        let mut block = Zeroizing::new(Vec::with_capacity(self.output_len()));
        block.extend(words.iter().flat_map(|word| word.to_ne_bytes()));
        block.extend(counter.to_be_bytes());
        block.extend(password.as_bytes());
        put(&block, signature)
    }
}

/// A password being checked: the signature is the password itself.
struct Checking(Password);

impl Verify for Checking {
    fn update(&mut self, data: &[u8]) -> Result<()> {
        no_data(data)
    }

    fn finish(self: Box<Self>, signature: &[u8]) -> Result<()> {
        if signature.len() != self.0.digits {
            return Err(Error::SignatureLenRange);
        }
        let password = self.0.at(self.0.counter.ok_or(Error::MechanismParamInvalid)?)?;
        if crypto::equal(password.as_bytes(), signature) { Ok(()) } else { Err(Error::SignatureInvalid) }
    }
}

#[cfg(test)]
mod tests;
