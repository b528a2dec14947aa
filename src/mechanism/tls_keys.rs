//! Keys of TLS 1.0 to 1.2 (PKCS#11 sections 6.39 and 6.40, RFC 2246, RFC 5246, RFC 7627, RFC 5705).

use crate::ck::*;
use crate::crypto::random;
use crate::crypto::tls_prf::Prf;
use crate::error::{Error, Result};
use crate::object::rules::Inheritance;
use crate::object::{Attributes, Template, Value};
use crate::secret::Secret;

use super::operation::{Derivation, Derived};
use super::params::{ParamKind, Params};
use super::row::{Approval, KeyNeed, Mechanism, Ops};
use super::{hashes, secret_value};

/// The length of pre-master (RSA) and master secrets in bytes.
const MASTER_LEN: usize = 48;

/// The most keying material of one call, in bytes.
const MAX_DERIVED: usize = 1 << 16;

/// What a master secret of TLS 1.2 may be used for (section 6.40, "Master key derivation").
const USES_OF_MASTER: &[CK_MECHANISM_TYPE] = &[
    CKM_TLS12_KEY_AND_MAC_DERIVE,
    CKM_TLS12_KEY_SAFE_DERIVE,
    CKM_TLS_KDF,
    CKM_TLS_MAC,
    CKM_TLS12_KDF,
    CKM_TLS12_MAC,
];

/// Labels with which TLS makes its own keys: CKM_TLS_PRF, whose output anybody can read, refuses them.
const LABELS_OF_KEYS: &[&[u8]] =
    &[b"master secret", b"extended master secret", b"key expansion", b"IV block"];

/// CK_SSL3_MASTER_KEY_DERIVE_PARAMS, CK_TLS12_MASTER_KEY_DERIVE_PARAMS and CK_TLS12_EXTENDED_MASTER_KEY_DERIVE_PARAMS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MasterParams {
    /// The hash of TLS 1.2; `None` for earlier versions.
    pub hash: Option<CK_MECHANISM_TYPE>,
    pub seed: MasterSeed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MasterSeed {
    Randoms(Randoms),
    /// The hash of the handshake (RFC 7627).
    Session(Vec<u8>),
}

/// CK_SSL3_RANDOM_DATA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Randoms {
    pub client: Vec<u8>,
    pub server: Vec<u8>,
}

/// CK_SSL3_KEY_MAT_PARAMS and CK_TLS12_KEY_MAT_PARAMS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyMaterialParams {
    /// As in `MasterParams`.
    pub hash: Option<CK_MECHANISM_TYPE>,
    pub mac_bits: u64,
    pub key_bits: u64,
    pub iv_bits: u64,
    pub randoms: Randoms,
}

/// CK_TLS_KDF_PARAMS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsKdfParams {
    /// The hash of TLS 1.2, or CKM_TLS_PRF for earlier versions.
    pub prf: CK_MECHANISM_TYPE,
    pub label: Vec<u8>,
    pub randoms: Randoms,
    pub context: Option<Vec<u8>>,
}

/// CK_TLS_PRF_PARAMS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsPrfParams {
    pub seed: Vec<u8>,
    pub label: Vec<u8>,
    /// Bytes of the output.
    pub length: u64,
}

/// One row of a derivation: mechanism, parameter, sizes of the base key in bytes, function.
macro_rules! derivation {
    ($id:ident, $params:ident, $sizes:expr, $derive:expr) => {
        row($id, stringify!($id), ParamKind::$params, $sizes, Ops { derive: Some($derive), ..Ops::NONE })
    };
}

/// Pre-master secrets of RSA cipher suites; those of Diffie-Hellman have any length.
const RSA: (u64, u64) = (MASTER_LEN as u64, MASTER_LEN as u64);
const ANY: (u64, u64) = (0, 0);

pub(super) static ROWS: &[Mechanism] = &[
    row(
        CKM_TLS_PRE_MASTER_KEY_GEN,
        "CKM_TLS_PRE_MASTER_KEY_GEN",
        ParamKind::Bytes(2),
        RSA,
        Ops { generate_key: Some(pre_master), ..Ops::NONE },
    ),
    derivation!(CKM_TLS_MASTER_KEY_DERIVE, TlsMaster, RSA, |input| master(input, true)),
    derivation!(CKM_TLS_MASTER_KEY_DERIVE_DH, TlsMasterDh, ANY, |input| master(input, false)),
    derivation!(CKM_TLS12_MASTER_KEY_DERIVE, Tls12Master, RSA, |input| master(input, true)),
    derivation!(CKM_TLS12_MASTER_KEY_DERIVE_DH, Tls12MasterDh, ANY, |input| master(input, false)),
    derivation!(CKM_TLS12_EXTENDED_MASTER_KEY_DERIVE, TlsExtendedMaster, RSA, |input| master(input, true)),
    derivation!(CKM_TLS12_EXTENDED_MASTER_KEY_DERIVE_DH, TlsExtendedMasterDh, ANY, |input| master(
        input, false
    )),
    derivation!(CKM_TLS_KEY_AND_MAC_DERIVE, TlsKeyMaterial, RSA, key_material),
    derivation!(CKM_TLS12_KEY_AND_MAC_DERIVE, Tls12KeyMaterial, RSA, key_material),
    derivation!(CKM_TLS12_KEY_SAFE_DERIVE, Tls12KeySafe, RSA, key_material),
    derivation!(CKM_TLS_KDF, TlsKdf, ANY, kdf),
    derivation!(CKM_TLS12_KDF, TlsKdf, ANY, kdf),
    derivation!(CKM_TLS_PRF, TlsPrf, ANY, prf_output),
];

const fn row(
    id: CK_MECHANISM_TYPE,
    name: &'static str,
    params: ParamKind,
    sizes: (u64, u64),
    ops: Ops,
) -> Mechanism {
    Mechanism {
        id,
        name,
        params,
        key: KeyNeed::secret(&[CKK_GENERIC_SECRET]),
        sizes,
        flags: 0,
        approval: Approval::Approved,
        ops,
    }
}

/// The pseudo-random function of a version: TLS 1.2 with a hash, earlier versions with `None` or CKM_TLS_PRF.
pub(super) fn prf_of(hash: Option<CK_MECHANISM_TYPE>) -> Result<Prf> {
    match hash {
        None | Some(CKM_TLS_PRF) => Ok(Prf::Tls10),
        Some(hash) => hashes::of_mechanism(hash).map(Prf::Tls12).ok_or(Error::MechanismParamInvalid),
    }
}

/// 48 bytes: the version of the client and 46 random ones (RFC 5246 section 7.4.7.1).
fn pre_master(params: &Params, template: &Attributes) -> Result<Attributes> {
    check_master(template)?;
    let mut value = random::secret(MASTER_LEN)?;
    for (byte, version) in value.as_mut_bytes().iter_mut().zip(params.bytes()) {
        *byte = *version;
    }
    let mut made = Attributes::from_iter([
        (CKA_CLASS, Value::Ulong(CKO_SECRET_KEY)),
        (CKA_KEY_TYPE, Value::Ulong(CKK_GENERIC_SECRET)),
        (CKA_VALUE_LEN, Value::Ulong(MASTER_LEN as u64)),
        (CKA_VALUE, Value::Secret(value)),
    ]);
    contribute(&mut made, template, CKA_DERIVE);
    Ok(made)
}

/// CKR_TEMPLATE_INCONSISTENT where a template asks for another type or length than a master secret has.
fn check_master(template: &Attributes) -> Result<()> {
    let other = |id, own| template.ulong(id).is_some_and(|asked| asked != own);
    if other(CKA_KEY_TYPE, CKK_GENERIC_SECRET) || other(CKA_VALUE_LEN, MASTER_LEN as u64) {
        return Err(Error::TemplateInconsistent);
    }
    Ok(())
}

/// Sets a usage attribute that the mechanism contributes where the template does not tell it.
fn contribute(made: &mut Attributes, template: &Attributes, usage: CK_ATTRIBUTE_TYPE) {
    if !template.contains(usage) {
        made.set(usage, Value::Bool(true));
    }
}

/// The master secret; with `version` also the two bytes of the version before an RSA pre-master secret.
fn master(input: &Derivation, version: bool) -> Result<Derived> {
    let Params::TlsMaster(params) = input.params else { return Err(Error::MechanismParamInvalid) };
    let template = input.template.attributes();
    check_master(template)?;
    let base = secret_value(input.base)?;
    let (label, seed) = match &params.seed {
        MasterSeed::Randoms(randoms) => {
            (&b"master secret"[..], [&randoms.client[..], &randoms.server].concat())
        }
        MasterSeed::Session(hash) => (&b"extended master secret"[..], hash.clone()),
    };
    let value = prf_of(params.hash)?.bytes(base, label, &seed, MASTER_LEN)?;
    let mut made = Attributes::from_iter([
        (CKA_KEY_TYPE, Value::Ulong(CKK_GENERIC_SECRET)),
        (CKA_VALUE, Value::Secret(value)),
    ]);
    contribute(&mut made, template, CKA_DERIVE);
    if params.hash.is_some() {
        restrict_master(&mut made, template)?;
    }
    let returned = if version { vec![base.get(..2).unwrap_or_default().to_vec()] } else { Vec::new() };
    Ok(Derived { returned, ..Derived::object(made) })
}

/// CKA_ALLOWED_MECHANISMS of a master secret of TLS 1.2: what TLS needs, or less where the template says so.
fn restrict_master(made: &mut Attributes, template: &Attributes) -> Result<()> {
    match template.value(CKA_ALLOWED_MECHANISMS) {
        None => {
            made.set(CKA_ALLOWED_MECHANISMS, Value::Mechanisms(USES_OF_MASTER.to_vec()));
            Ok(())
        }
        Some(Value::Mechanisms(asked)) if asked.iter().all(|id| USES_OF_MASTER.contains(id)) => Ok(()),
        Some(_) => Err(Error::TemplateInconsistent),
    }
}

/// A length in bytes. CKR_MECHANISM_PARAM_INVALID for parts of bytes and more than `MAX_DERIVED`.
fn bytes_of(bits: u64) -> Result<usize> {
    let bytes = usize::try_from(bits / 8).ok().filter(|bytes| *bytes <= MAX_DERIVED);
    bytes.filter(|_| bits.is_multiple_of(8)).ok_or(Error::MechanismParamInvalid)
}

/// The key block (RFC 5246 section 6.3): MAC keys, keys and IVs, of client and server.
fn key_material(input: &Derivation) -> Result<Derived> {
    let Params::TlsKeyMaterial(params) = input.params else { return Err(Error::MechanismParamInvalid) };
    let lengths = [bytes_of(params.mac_bits)?, bytes_of(params.key_bits)?, bytes_of(params.iv_bits)?];
    let [mac, key, iv] = lengths;
    let seed = [&params.randoms.server[..], &params.randoms.client].concat();
    let total = 2 * lengths.iter().sum::<usize>();
    let block = prf_of(params.hash)?.bytes(secret_value(input.base)?, b"key expansion", &seed, total)?;

    let (mac_keys, rest) = block.as_bytes().split_at_checked(2 * mac).ok_or(Error::GeneralError)?;
    let (keys, ivs) = rest.split_at_checked(2 * key).ok_or(Error::GeneralError)?;
    let template = input.template;
    let mut further = Vec::new();
    for value in mac_keys.chunks(mac.max(1)) {
        further.push((of_mac_key(template), of_value(value)));
    }
    for value in keys.chunks(key.max(1)) {
        let mut made = of_value(value);
        for usage in [CKA_ENCRYPT, CKA_DECRYPT, CKA_DERIVE] {
            contribute(&mut made, template.attributes(), usage);
        }
        further.push((template.clone(), made));
    }
    let returned = ivs.chunks(iv.max(1)).map(<[u8]>::to_vec).collect();
    Ok(Derived { further, returned, ..Derived::nothing() }.inheriting(Inheritance::Same))
}

fn of_value(value: &[u8]) -> Attributes {
    Attributes::from_iter([(CKA_VALUE, Value::Secret(Secret::copy_of(value)))])
}

/// The template of a MAC key: a generic secret for signatures, which is kept as the caller's template says; what that tells
/// of the keys beside it does not concern it.
fn of_mac_key(template: &Template) -> Template {
    const OF_THE_OTHER_KEYS: &[CK_ATTRIBUTE_TYPE] = &[
        CKA_KEY_TYPE,
        CKA_VALUE_LEN,
        CKA_ENCRYPT,
        CKA_DECRYPT,
        CKA_SIGN,
        CKA_VERIFY,
        CKA_WRAP,
        CKA_UNWRAP,
        CKA_DERIVE,
        CKA_ALLOWED_MECHANISMS,
        CKA_CHECK_VALUE,
    ];
    let kept = template.attributes().iter().filter(|(id, _)| !OF_THE_OTHER_KEYS.contains(id));
    let mut own: Attributes = kept.map(|(id, value)| (id, value.clone())).collect();
    own.set(CKA_SIGN, Value::Bool(true));
    own.set(CKA_VERIFY, Value::Bool(true));
    own.into()
}

/// RFC 5705: the exporter. CKR_TEMPLATE_INCOMPLETE without a length.
fn kdf(input: &Derivation) -> Result<Derived> {
    let Params::TlsKdf(params) = input.params else { return Err(Error::MechanismParamInvalid) };
    let length = input.wanted.ok_or(Error::TemplateIncomplete)?;
    if length > MAX_DERIVED {
        return Err(Error::KeySizeRange);
    }
    let mut seed = [&params.randoms.client[..], &params.randoms.server].concat();
    if let Some(context) = &params.context {
        let length = u16::try_from(context.len()).map_err(|_| Error::MechanismParamInvalid)?;
        seed.extend_from_slice(&length.to_be_bytes());
        seed.extend_from_slice(context);
    }
    let value = prf_of(Some(params.prf))?.bytes(secret_value(input.base)?, &params.label, &seed, length)?;
    Ok(Derived::key(value).inheriting(Inheritance::Strictest))
}

/// The output of the function of TLS 1.0, written into the parameter. It makes no key, so that labels of keys are
/// CKR_MECHANISM_PARAM_INVALID.
fn prf_output(input: &Derivation) -> Result<Derived> {
    let Params::TlsPrf(params) = input.params else { return Err(Error::MechanismParamInvalid) };
    let length = usize::try_from(params.length).ok().filter(|length| (1..=MAX_DERIVED).contains(length));
    let length = length.ok_or(Error::MechanismParamInvalid)?;
    if LABELS_OF_KEYS.contains(&params.label.as_slice()) {
        return Err(Error::MechanismParamInvalid);
    }
    let output = Prf::Tls10.bytes(secret_value(input.base)?, &params.label, &params.seed, length)?;
    Ok(Derived { returned: vec![output.as_bytes().to_vec()], ..Derived::nothing() })
}

#[cfg(test)]
mod tests;
