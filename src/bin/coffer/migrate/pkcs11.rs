//! Any PKCS#11 module as a source, through the C functions alone: what it shows is read, and keys that it hides but lets out
//! wrapped come over under an AES key that lives as long as the session.

use coffer_pkcs11::ck::*;
use coffer_pkcs11::crypto::{aes, key_wrap, random};
use coffer_pkcs11::mechanism::private_key_info;
use coffer_pkcs11::object::{Attributes, Value, Value as Held, attribute, classes};
use coffer_pkcs11::policy::State;
use coffer_pkcs11::secret::Secret;
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeInfo, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::RawAuthPin;

use super::{Item, Material, Source};
use crate::failure::{Failure, Result};
use crate::pin::SourcePin;
use crate::progress::Progress;
use crate::uri::Uri;

/// The initial values of RFC 3394 and RFC 5649.
const IV: [u8; 8] = [0xa6; 8];
const PADDED_IV: [u8; 4] = [0xa6, 0x59, 0x59, 0xa6];

/// What restricts a key and cannot be read by the crate.
const RESTRICTIONS: &[CK_ATTRIBUTE_TYPE] = &[
    CKA_WRAP_TEMPLATE,
    CKA_UNWRAP_TEMPLATE,
    CKA_DERIVE_TEMPLATE,
    CKA_ENCAPSULATE_TEMPLATE,
    CKA_DECAPSULATE_TEMPLATE,
    CKA_COFFER_STATE,
    CKA_COFFER_ACTIVATION_DATE,
    CKA_COFFER_PROTECT_STOP_DATE,
    CKA_COFFER_PROCESS_STOP_DATE,
    CKA_COFFER_USE_LIMIT,
    CKA_COFFER_BYTE_LIMIT,
];

fn failed(what: &str) -> impl Fn(cryptoki::error::Error) -> Failure + '_ {
    move |error| Failure::new(format!("{what}: {error}"))
}

/// The objects of the token that the URI names, in the module that its `module-path` names.
pub fn read(uri: &Uri, pin: &SourcePin) -> Result<Source> {
    let path = uri.module_path.as_deref().ok_or_else(|| {
        Failure::new("the URI does not say which module the token is in")
            .advise("add it: --from 'pkcs11:token=LABEL?module-path=/usr/lib/…/module.so'")
    })?;
    let module = Pkcs11::new(path).map_err(failed(&format!("{path} is no PKCS#11 module")))?;
    module
        .initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK))
        .map_err(failed(&format!("{path} does not start")))?;
    let (slot, label) = choose(&module, uri)?;
    let session = module.open_rw_session(slot).map_err(failed("no session with the token at the source"))?;
    let pin = pin.source().read(uri.pin_source.as_deref())?;
    let pin = RawAuthPin::new(Box::new(pin.as_bytes().to_vec()));
    session.login_with_raw(UserType::User, &pin).map_err(|error| {
        failed(&format!("the user cannot log in to `{label}` at the source"))(error)
            .advise("check --source-pin-file or COFFER_SOURCE_PIN; repeated wrong PINs may lock the token")
    })?;
    let wrapping = Wrapping::new(&module, slot, &session);
    let handles = session
        .find_objects(&[Attribute::Token(true)])
        .map_err(failed("the objects at the source cannot be listed"))?;
    let progress = Progress::new("reading");
    let mut items = Vec::new();
    for (done, handle) in handles.iter().enumerate() {
        items.push(item(&session, *handle, wrapping.as_ref()));
        progress.show(done as u64 + 1, handles.len() as u64);
    }
    Ok(Source { name: format!("the token `{label}` of {path}"), items, unreadable: Vec::new() })
}

/// The slot of the token, and its label.
fn choose(module: &Pkcs11, uri: &Uri) -> Result<(Slot, String)> {
    let slots = module.get_slots_with_initialized_token().map_err(failed("the slots cannot be listed"))?;
    let mut fitting = Vec::new();
    let mut labels = Vec::new();
    for slot in slots {
        let info = module.get_token_info(slot).map_err(failed("a token cannot be asked for its label"))?;
        let (label, serial) = (info.label().trim_end(), info.serial_number().trim_end());
        labels.push(format!("`{label}` (serial number {serial})"));
        let equal = |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|wanted| wanted == is);
        if equal(&uri.token, label) && equal(&uri.serial, serial) {
            fitting.push((slot, label.to_string()));
        }
    }
    match (fitting.len(), fitting.pop()) {
        (1, Some(one)) => Ok(one),
        (0, _) | (_, None) => Err(Failure::new("no token of the module fits the URI")
            .advise(format!("there are: {}", labels.join(", ")))),
        _ => Err(Failure::new("several tokens of the module fit the URI")
            .advise(format!("name one by token= or serial=: {}", labels.join(", ")))),
    }
}

fn item(session: &Session, handle: ObjectHandle, wrapping: Option<&Wrapping<'_>>) -> Item {
    let mut attributes = shown(session, handle);
    let material = match missing(&attributes) {
        None => Material::Here,
        Some(why) if attributes.is_true(CKA_EXTRACTABLE) => {
            match wrapping.and_then(|wrapping| wrapping.fetch(handle, &attributes)) {
                Some(values) => {
                    for (id, value) in values {
                        if !attributes.contains(id) {
                            attributes.set(id, value);
                        }
                    }
                    Material::Here
                }
                None => {
                    Material::Missing(format!("{why}, and it does not come out under AES key wrap either"))
                }
            }
        }
        Some(why) => Material::Missing(format!("{why}, and it is not extractable")),
    };
    let unread = unread(session, handle);
    Item { attributes, material, unread }
}

/// What restricts a key and is not among what is shown: a key without it may do more than at the source. Where that is Coffer
/// itself, a state, dates and limits too.
fn unread(session: &Session, handle: ObjectHandle) -> Vec<&'static str> {
    let held = |id: &CK_ATTRIBUTE_TYPE| {
        let asked = [AttributeType::VendorDefined(*id)];
        match *id {
            CKA_COFFER_STATE => match session.get_attributes(handle, &asked).ok()?.pop()? {
                Attribute::VendorDefined((_, state)) => Some(state != State::Active.number().to_ne_bytes()),
                _ => None,
            },
            _ => match session.get_attribute_info(handle, &asked).ok()?.pop()? {
                AttributeInfo::Available(length) => Some(length > 0),
                _ => None,
            },
        }
    };
    let restricts = RESTRICTIONS.iter().filter(|id| held(id) == Some(true));
    restricts.filter_map(|id| attribute::lookup(*id).map(|info| info.name)).collect()
}

/// Every attribute that the object shows and that both sides know. Each is asked for alone: modules answer differently
/// for lists of which one attribute is hidden.
fn shown(session: &Session, handle: ObjectHandle) -> Attributes {
    let known = attribute::all().iter().filter(|info| info.id & CKA_VENDOR_DEFINED == 0);
    let asked = known.filter_map(|info| {
        let kind = AttributeType::try_from(info.id).ok()?;
        let value = session.get_attributes(handle, &[kind]).ok()?.pop()?;
        Some((info.id, value_of(value, info.may_be_secret)?))
    });
    asked.collect()
}

/// Why a key cannot be made of what is shown; `None` where it can.
fn missing(attributes: &Attributes) -> Option<String> {
    if !matches!(attributes.ulong(CKA_CLASS), Some(CKO_PRIVATE_KEY | CKO_SECRET_KEY)) {
        return None;
    }
    let table = classes::table_of(attributes).ok()?;
    // Footnote 7: what sensitive keys do not show; 1: what a key is not made without.
    let hidden = table
        .rules()
        .any(|rule| rule.footnotes.has(7) && rule.footnotes.has(1) && !attributes.contains(rule.id));
    let of_its_own =
        matches!(attributes.ulong(CKA_CLASS), Some(CKO_SECRET_KEY)) && !attributes.contains(CKA_VALUE);
    (hidden || of_its_own).then(|| "the token does not show its value".into())
}

/// A key that both sides have, under which keys come out of the source.
struct Wrapping<'a> {
    session: &'a Session,
    handle: ObjectHandle,
    key: aes::Key,
}

impl<'a> Wrapping<'a> {
    /// `None` where the source cannot wrap so, or takes no key for it.
    fn new(module: &Pkcs11, slot: Slot, session: &'a Session) -> Option<Self> {
        let offered = module.get_mechanism_list(slot).ok()?;
        if !offered.contains(&MechanismType::AES_KEY_WRAP_PAD)
            && !offered.contains(&MechanismType::AES_KEY_WRAP)
        {
            return None;
        }
        let value = random::secret(32).ok()?;
        let template = [
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::KeyType(KeyType::AES),
            Attribute::Token(false),
            Attribute::Private(true),
            Attribute::Wrap(true),
            Attribute::Sensitive(true),
            Attribute::Value(value.as_bytes().to_vec()),
        ];
        let handle = session.create_object(&template).ok()?;
        Some(Self { session, handle, key: aes::Key::new(value.as_bytes()).ok()? })
    }

    /// The values of a key, as attributes.
    fn fetch(&self, handle: ObjectHandle, attributes: &Attributes) -> Option<Attributes> {
        let private = attributes.ulong(CKA_CLASS) == Some(CKO_PRIVATE_KEY);
        let padded = self.session.wrap_key(&Mechanism::AesKeyWrapPad, self.handle, handle).ok();
        let opened = padded.and_then(|wrapped| self.open_padded(&wrapped));
        let opened = opened.or_else(|| {
            let wrapped = self.session.wrap_key(&Mechanism::AesKeyWrap, self.handle, handle).ok()?;
            key_wrap::unwrap(&self.key, &IV, &wrapped).ok()
        })?;
        if private {
            return private_key_info::decode(opened.as_bytes()).ok();
        }
        Some(Attributes::from_iter([(CKA_VALUE, Value::Secret(opened))]))
    }

    /// Modules mean two things by CKM_AES_KEY_WRAP_PAD: RFC 5649, or RFC 3394 of what PKCS #7 padded.
    fn open_padded(&self, wrapped: &[u8]) -> Option<Secret> {
        if let Ok(opened) = key_wrap::unwrap_padded(&self.key, &PADDED_IV, wrapped) {
            return Some(opened);
        }
        let mut opened = key_wrap::unwrap(&self.key, &IV, wrapped).ok()?;
        let padding =
            opened.as_bytes().last().copied().map(usize::from).filter(|count| (1..=8).contains(count))?;
        opened.truncate(opened.len().checked_sub(padding)?);
        Some(opened)
    }
}

fn value_of(attribute: Attribute, may_be_secret: bool) -> Option<Held> {
    use Attribute::*;
    let bytes = |bytes: Vec<u8>| match may_be_secret {
        true => Held::Secret(Secret::new(bytes)),
        false => Held::Bytes(bytes),
    };
    Some(match attribute {
        AlwaysAuthenticate(is)
        | AlwaysSensitive(is)
        | Copyable(is)
        | Decapsulate(is)
        | Decrypt(is)
        | Derive(is)
        | Destroyable(is)
        | Encapsulate(is)
        | Encrypt(is)
        | Extractable(is)
        | Local(is)
        | Modifiable(is)
        | NeverExtractable(is)
        | Private(is)
        | Sensitive(is)
        | Sign(is)
        | SignRecover(is)
        | Token(is)
        | Trusted(is)
        | Unwrap(is)
        | Verify(is)
        | VerifyRecover(is)
        | Wrap(is)
        | WrapWithTrusted(is) => Held::Bool(is),
        AcIssuer(value)
        | Application(value)
        | AttrTypes(value)
        | Base(value)
        | CheckValue(value)
        | Coefficient(value)
        | EcParams(value)
        | EcPoint(value)
        | Exponent1(value)
        | Exponent2(value)
        | HashOfIssuerPublicKey(value)
        | HashOfSubjectPublicKey(value)
        | Id(value)
        | Issuer(value)
        | Label(value)
        | Modulus(value)
        | ObjectId(value)
        | Owner(value)
        | Prime(value)
        | Prime1(value)
        | Prime2(value)
        | PrivateExponent(value)
        | PublicExponent(value)
        | PublicKeyInfo(value)
        | Seed(value)
        | SerialNumber(value)
        | Subject(value)
        | UniqueId(value)
        | Url(value)
        | Attribute::Value(value) => bytes(value),
        ModulusBits(number) | ValueLen(number) => Held::Ulong(*number),
        ParameterSet(number) => Held::Ulong(**number),
        Class(class) => Held::Ulong(*class),
        KeyType(kind) => Held::Ulong(*kind),
        CertificateType(kind) => Held::Ulong(*kind),
        StartDate(date) | EndDate(date) => {
            Held::Bytes([&date.year[..], &date.month[..], &date.day[..]].concat())
        }
        AllowedMechanisms(list) => Held::Mechanisms(list.iter().map(|mechanism| **mechanism).collect()),
        _ => return None,
    })
}
