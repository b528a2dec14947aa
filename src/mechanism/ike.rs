//! Keys of IKE (PKCS#11 section 6.64, RFC 2409, RFC 7296).
//!
//! The section does not say what the keys inherit; here they are as hidden as any key that they come from.

use crate::ck::*;
use crate::crypto::digest::Value as Output;
use crate::error::{Error, Result};
use crate::object::rules::Inheritance;
use crate::object::{Attributes, Value};
use crate::secret::Secret;

use super::concatenate::{MIN_HIDDEN, is_hidden};
use super::operation::{Derivation, Derived, End, cut};
use super::params::{ParamKind, Params};
use super::prf::{self, Prf, row};
use super::row::Mechanism;
use super::secret_value;

/// CK_IKE2_PRF_PLUS_DERIVE_PARAMS; the seed key is the one that the parameter names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrfPlusParams {
    pub prf: CK_MECHANISM_TYPE,
    pub seed: Vec<u8>,
}

/// CK_IKE_PRF_DERIVE_PARAMS; the new key is the one that the parameter names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IkePrfParams {
    pub prf: CK_MECHANISM_TYPE,
    pub data_as_key: bool,
    pub rekey: bool,
    /// Ni and Nr.
    pub nonces: Vec<u8>,
}

/// CK_IKE1_PRF_DERIVE_PARAMS; the parameter names g^xy and, before it, the previous key if there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ike1PrfParams {
    pub prf: CK_MECHANISM_TYPE,
    /// CKYi and CKYr.
    pub cookies: Vec<u8>,
    pub number: u8,
}

/// CK_IKE1_EXTENDED_DERIVE_PARAMS; g^xy is the one key that the parameter names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ike1ExtendedParams {
    pub prf: CK_MECHANISM_TYPE,
    pub extra: Vec<u8>,
}

pub(super) static ROWS: &[Mechanism] = &[
    row(CKM_IKE2_PRF_PLUS_DERIVE, "CKM_IKE2_PRF_PLUS_DERIVE", ParamKind::Ike2PrfPlus, prf_plus),
    row(CKM_IKE_PRF_DERIVE, "CKM_IKE_PRF_DERIVE", ParamKind::IkePrf, initial),
    row(CKM_IKE1_PRF_DERIVE, "CKM_IKE1_PRF_DERIVE", ParamKind::Ike1Prf, ike1),
    row(CKM_IKE1_EXTENDED_DERIVE, "CKM_IKE1_EXTENDED_DERIVE", ParamKind::Ike1Extended, ike1_extended),
];

/// The pseudo-random function of IKE. Those of AES take keys of any length: another than 16 bytes is hashed first, but
/// for AES-XCBC a shorter one is filled with zeros (RFC 4615, RFC 4434).
fn output(prf: Prf, key: &[u8], parts: &[&[u8]]) -> Result<Output> {
    const KEY: usize = 16;
    match (prf, key.len()) {
        (Prf::AesXcbc, ..KEY) => {
            let mut filled = Secret::zeroed(KEY);
            filled.as_mut_bytes().iter_mut().zip(key).for_each(|(place, byte)| *place = *byte);
            prf.keyed(filled.as_bytes())?.output(parts)
        }
        (Prf::AesCmac | Prf::AesXcbc, length) if length != KEY => {
            let key = prf.keyed(&[0; KEY])?.output(&[key])?;
            prf.keyed(key.as_bytes())?.output(parts)
        }
        _ => prf.keyed(key)?.output(parts),
    }
}

/// The functions that IKE has. CKR_MECHANISM_PARAM_INVALID for others.
fn prf_of(id: CK_MECHANISM_TYPE) -> Result<Prf> {
    match prf::of_parameter(id)? {
        Prf::Des3Cmac => Err(Error::MechanismParamInvalid),
        prf => Ok(prf),
    }
}

fn secret(value: Secret) -> Derived {
    Derived::key(value).inheriting(Inheritance::Strictest)
}

/// The values of the keys that the parameter names.
fn values<'a>(input: &Derivation<'a>) -> Result<Vec<&'a [u8]>> {
    input.keys.iter().map(secret_value).collect()
}

/// prf(Ni | Nr, base), prf(base, Ni | Nr) or prf(base, new key | Ni | Nr). Errors: CKR_ARGUMENTS_BAD for the first and the
/// last at once, CKR_KEY_SIZE_RANGE for another length than the function's.
fn initial(input: &Derivation) -> Result<Derived> {
    let Params::IkePrf(params) = input.params else { return Err(Error::MechanismParamInvalid) };
    let prf = prf_of(params.prf)?;
    let base = secret_value(input.base)?;
    let nonces = params.nonces.as_slice();
    let output = match (params.data_as_key, params.rekey, values(input)?.as_slice()) {
        (true, true, _) => return Err(Error::ArgumentsBad),
        (true, false, _) => output(prf, nonces, &[base])?,
        (false, false, _) => output(prf, base, &[nonces])?,
        (false, true, [new]) => output(prf, base, &[new, nonces])?,
        (false, true, _) => return Err(Error::MechanismParamInvalid),
    };
    if input.wanted.is_some_and(|wanted| wanted != prf.output_len()) {
        return Err(Error::KeySizeRange);
    }
    let made = Attributes::from_iter([
        (CKA_KEY_TYPE, Value::Ulong(prf.key_type())),
        (CKA_VALUE, Value::Secret(Secret::copy_of(output.as_bytes()))),
    ]);
    Ok(Derived::object(made).inheriting(Inheritance::Strictest))
}

/// prf(base, [previous |] g^xy | CKYi | CKYr | number), or its leading bytes. Errors: CKR_TEMPLATE_INCOMPLETE without a
/// key type.
fn ike1(input: &Derivation) -> Result<Derived> {
    let Params::Ike1Prf(params) = input.params else { return Err(Error::MechanismParamInvalid) };
    if !input.template.contains(CKA_KEY_TYPE) {
        return Err(Error::TemplateIncomplete);
    }
    let mut parts = values(input)?;
    if parts.is_empty() {
        return Err(Error::MechanismParamInvalid);
    }
    let number = [params.number];
    parts.extend([&params.cookies[..], &number]);
    let output = output(prf_of(params.prf)?, secret_value(input.base)?, &parts)?;
    Ok(secret(cut(Secret::copy_of(output.as_bytes()), input.wanted, End::Leading)?))
}

/// prf+ (RFC 7296 section 2.13): T(n) = prf(base, T(n-1) | seed key | seed | n).
fn prf_plus(input: &Derivation) -> Result<Derived> {
    let Params::Ike2PrfPlus(params) = input.params else { return Err(Error::MechanismParamInvalid) };
    let seed = [&values(input)?.concat()[..], &params.seed].concat();
    chained(input, prf_of(params.prf)?, &seed, true)
}

/// RFC 2409 section 5.5 and appendix B: K(n) = prf(base, K(n-1) | g^xy | extra data), or the base key itself where that is
/// long enough and there is no g^xy.
fn ike1_extended(input: &Derivation) -> Result<Derived> {
    let Params::Ike1Extended(params) = input.params else { return Err(Error::MechanismParamInvalid) };
    let prf = prf_of(params.prf)?;
    let wanted = input.wanted.ok_or(Error::TemplateIncomplete)?;
    let data = [&values(input)?.concat()[..], &params.extra].concat();
    if input.keys.is_empty() && wanted <= prf.output_len() {
        let base = secret_value(input.base)?;
        if is_hidden(input.base) && wanted < base.len().min(MIN_HIDDEN) {
            return Err(Error::KeySizeRange);
        }
        return Ok(secret(cut(Secret::copy_of(base), Some(wanted), End::Leading)?));
    }
    chained(input, prf, &data, false)
}

/// Outputs one behind the other, each of the previous one, the data and, where they are `numbered`, its number; without
/// number and data the first is that of a zero byte. Errors: CKR_TEMPLATE_INCOMPLETE without a length,
/// CKR_KEY_SIZE_RANGE for more than 255 outputs.
fn chained(input: &Derivation, prf: Prf, data: &[u8], numbered: bool) -> Result<Derived> {
    let wanted = input.wanted.ok_or(Error::TemplateIncomplete)?;
    let base = secret_value(input.base)?;
    if wanted > 255 * prf.output_len() {
        return Err(Error::KeySizeRange);
    }
    let mut value = Secret::zeroed(wanted);
    let mut previous: Option<Output> = None;
    for (number, chunk) in (1..=255u8).zip(value.as_mut_bytes().chunks_mut(prf.output_len())) {
        let before = previous.as_ref().map_or(&[][..], Output::as_bytes);
        let last: &[u8] = match (numbered, before, data) {
            (true, _, _) => &[number],
            (false, [], []) => &[0],
            (false, _, _) => &[],
        };
        let next = output(prf, base, &[before, data, last])?;
        for (to, from) in chunk.iter_mut().zip(next.as_bytes()) {
            *to = *from;
        }
        previous = Some(next);
    }
    Ok(secret(value))
}

#[cfg(test)]
mod tests;
