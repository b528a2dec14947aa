//! The one place that decides whether a key may be used: class, type, usage attribute, state and dates, allowed
//! mechanisms, size, login, the role of who is logged in, and the token's profile.
//!
//! `permit` is the only maker of `UsableKey`, and mechanisms take nothing else. `explain` tells people what it says.

use std::fmt;
use std::sync::Arc;

use crate::ck::*;
use crate::error::{Error, Result};
use crate::object::{Attributes, Object, Value};

use super::access::{self, Role};
use super::profile::{Parameter, Profile, Refusal};
use super::strength::bit_length;
use super::validity::{Concern, Validity};

/// What a key is to be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Use {
    Sign,
    SignRecover,
    Verify,
    VerifyRecover,
    Encrypt,
    Decrypt,
    Wrap,
    Unwrap,
    Derive,
    Encapsulate,
    Decapsulate,
}

impl Use {
    pub const ALL: [Use; 11] = [
        Use::Sign,
        Use::SignRecover,
        Use::Verify,
        Use::VerifyRecover,
        Use::Encrypt,
        Use::Decrypt,
        Use::Wrap,
        Use::Unwrap,
        Use::Derive,
        Use::Encapsulate,
        Use::Decapsulate,
    ];

    /// The usage attribute that must be CK_TRUE (section 4.9 to 4.11).
    pub fn attribute(self) -> CK_ATTRIBUTE_TYPE {
        match self {
            Use::Sign => CKA_SIGN,
            Use::SignRecover => CKA_SIGN_RECOVER,
            Use::Verify => CKA_VERIFY,
            Use::VerifyRecover => CKA_VERIFY_RECOVER,
            Use::Encrypt => CKA_ENCRYPT,
            Use::Decrypt => CKA_DECRYPT,
            Use::Wrap => CKA_WRAP,
            Use::Unwrap => CKA_UNWRAP,
            Use::Derive => CKA_DERIVE,
            Use::Encapsulate => CKA_ENCAPSULATE,
            Use::Decapsulate => CKA_DECAPSULATE,
        }
    }

    /// True where a public-key mechanism takes the public half.
    fn takes_public_half(self) -> bool {
        matches!(self, Use::Verify | Use::VerifyRecover | Use::Encrypt | Use::Wrap | Use::Encapsulate)
    }

    /// False for functions that have no Init, and so no place for a context-specific login.
    fn has_init(self) -> bool {
        !matches!(self, Use::Wrap | Use::Unwrap | Use::Derive | Use::Encapsulate | Use::Decapsulate)
    }

    fn type_inconsistent(self) -> Error {
        match self {
            Use::Wrap => Error::WrappingKeyTypeInconsistent,
            Use::Unwrap | Use::Decapsulate => Error::UnwrappingKeyTypeInconsistent,
            _ => Error::KeyTypeInconsistent,
        }
    }

    pub(super) fn size_range(self) -> Error {
        match self {
            Use::Wrap => Error::WrappingKeySizeRange,
            Use::Unwrap | Use::Decapsulate => Error::UnwrappingKeySizeRange,
            _ => Error::KeySizeRange,
        }
    }
}

/// What a mechanism needs of a key; the caller fills it in from the mechanism's row.
#[derive(Clone, Debug)]
pub struct Need<'a> {
    pub mechanism: CK_MECHANISM_TYPE,
    pub types: &'a [CK_KEY_TYPE],
    /// See `KeyNeed::asymmetric` of the mechanism table.
    pub asymmetric: bool,
    /// The class of the key where it is no key pair.
    pub secret_class: CK_OBJECT_CLASS,
    /// Smallest and largest size, bits for RSA and finite fields, bytes for secret keys; `(0, 0)`: any.
    pub sizes: (u64, u64),
    pub parameter: Parameter<'a>,
    /// The token's.
    pub profile: Profile,
    /// What the token asks of the key's life, now.
    pub validity: Validity,
    /// Of who is logged in.
    pub role: Role,
}

impl Need<'_> {
    /// What the key's life or the algorithm policy says against it.
    pub(super) fn concern(&self, key: &Object, purpose: Use) -> Option<Concern> {
        self.validity.concern(key, purpose, Some((self.mechanism, self.parameter.hash)))
    }
}

/// Takes the next counter of a one-time-password key, or the next one-time key: durable before it is answered, never the same
/// one twice.
pub type TakeCounter = Arc<dyn Fn() -> Result<u64> + Send + Sync>;

/// Counts what a key does, where that is limited. Errors: CKR_KEY_EXHAUSTED, and those of writing the token.
pub trait Meter: Send + Sync {
    fn count_use(&self) -> Result<()>;
    fn count_bytes(&self, bytes: usize) -> Result<()>;
}

/// A key that may be used for one purpose with one mechanism. Only `permit` makes it.
#[derive(Clone)]
pub struct UsableKey {
    object: Arc<Object>,
    needs_auth: bool,
    counter: Option<TakeCounter>,
    concern: Option<Concern>,
    meter: Option<Arc<dyn Meter>>,
}

impl UsableKey {
    pub fn object(&self) -> &Object {
        &self.object
    }

    /// True where each operation needs a context-specific login of its own (CKA_ALWAYS_AUTHENTICATE).
    pub fn needs_auth(&self) -> bool {
        self.needs_auth
    }

    /// Why the key should not be used, in a token that only warns.
    pub fn concern(&self) -> Option<Concern> {
        self.concern
    }

    /// The key with what counts its uses.
    pub fn with_meter(self, meter: Arc<dyn Meter>) -> Self {
        Self { meter: Some(meter), ..self }
    }

    /// What counts the uses of a key with a limit.
    pub fn meter(&self) -> Option<&Arc<dyn Meter>> {
        self.meter.as_ref()
    }

    /// One use of the key begins. Errors: CKR_KEY_EXHAUSTED, and those of writing the token.
    pub fn count_use(&self) -> Result<()> {
        self.meter.as_ref().map_or(Ok(()), |meter| meter.count_use())
    }

    /// The key with the way to its counter, which changes with the use of the key.
    pub fn with_counter(self, take: TakeCounter) -> Self {
        Self { counter: Some(take), ..self }
    }

    /// The next counter. Errors: CKR_KEY_EXHAUSTED, and those of writing the token.
    pub fn take_counter(&self) -> Result<u64> {
        self.counter.as_ref().ok_or(Error::GeneralError)?()
    }

    /// A key that has passed no check: for the tests of mechanisms only.
    #[cfg(test)]
    pub fn unchecked(attributes: Attributes) -> Self {
        Self {
            object: Arc::new(Object::new(attributes)),
            needs_auth: false,
            counter: None,
            concern: None,
            meter: None,
        }
    }
}

impl fmt::Debug for UsableKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "UsableKey({:?})", self.object)
    }
}

/// One of the questions that are asked before a key is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// Its class and type are the mechanism's.
    Type,
    /// Its usage attribute is CK_TRUE.
    Usage,
    /// Its state and dates allow it, or the token only warns.
    State,
    /// CKA_ALLOWED_MECHANISMS lists the mechanism.
    Mechanism,
    /// Its size is one that the mechanism takes.
    Size,
    /// Its use needs no login that the function has no place for (CKA_ALWAYS_AUTHENTICATE).
    Login,
    /// The role of who is logged in uses such keys so.
    Role,
    /// The token's profile does not refuse it.
    Profile,
}

/// What is wrong with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Denial {
    pub error: Error,
    /// Why the profile refuses it, where it is the profile.
    pub refusal: Option<Refusal>,
    /// What its state or a date says, where it is that.
    pub concern: Option<Concern>,
}

impl From<Error> for Denial {
    fn from(error: Error) -> Self {
        Self { error, refusal: None, concern: None }
    }
}

impl Check {
    /// In the order in which they are asked.
    pub const ALL: [Check; 8] = [
        Check::Type,
        Check::Usage,
        Check::State,
        Check::Mechanism,
        Check::Size,
        Check::Login,
        Check::Role,
        Check::Profile,
    ];

    pub fn ask(self, key: &Object, need: &Need, purpose: Use) -> std::result::Result<(), Denial> {
        let (passes, error) = match self {
            Check::Type => (type_fits(key, need, purpose), purpose.type_inconsistent()),
            Check::Usage => (key.is_true(purpose.attribute()), Error::KeyFunctionNotPermitted),
            Check::State => {
                let concern = need.concern(key, purpose);
                let settled = need.validity.settle(concern, Error::KeyFunctionNotPermitted);
                return settled.map(|_| ()).map_err(|error| Denial { concern, ..error.into() });
            }
            Check::Mechanism => {
                (mechanism_allowed(key.attributes(), need.mechanism), Error::MechanismInvalid)
            }
            Check::Size => (size_fits(key, need.sizes), purpose.size_range()),
            Check::Login => {
                (purpose.has_init() || !key.is_true(CKA_ALWAYS_AUTHENTICATE), Error::UserNotLoggedIn)
            }
            Check::Role => (access::may_use(need.role, key, purpose), Error::UserNotLoggedIn),
            Check::Profile => {
                return match need.profile.refuses(key, need, purpose) {
                    Some(refusal) => Err(Denial { refusal: Some(refusal), ..refusal.error(purpose).into() }),
                    None => Ok(()),
                };
            }
        };
        if passes { Ok(()) } else { Err(error.into()) }
    }
}

/// Decides whether `object` may be used. Errors, in the order of the checks: CKR_KEY_TYPE_INCONSISTENT (or its
/// wrapping forms), CKR_KEY_FUNCTION_NOT_PERMITTED (usage, state and dates), CKR_MECHANISM_INVALID (CKA_ALLOWED_MECHANISMS),
/// CKR_KEY_SIZE_RANGE (or its wrapping forms), CKR_USER_NOT_LOGGED_IN (a key with CKA_ALWAYS_AUTHENTICATE in a function
/// without an Init; a role that does not use keys so), and those of the profile: CKR_MECHANISM_INVALID, CKR_MECHANISM_PARAM_INVALID.
pub fn permit(object: Arc<Object>, need: &Need, purpose: Use) -> Result<UsableKey> {
    for check in Check::ALL {
        check.ask(&object, need, purpose).map_err(|denial| denial.error)?;
    }
    let needs_auth = object.is_true(CKA_ALWAYS_AUTHENTICATE);
    let concern = need.concern(&object, purpose);
    Ok(UsableKey { object, needs_auth, counter: None, concern, meter: None })
}

/// Decides whether the value of a key may be digested (C_DigestKey). Errors: CKR_KEY_INDIGESTIBLE for other keys than
/// secret keys, for a key with CKA_ALLOWED_MECHANISMS, and where the profile, its state or a date refuses it: a digest of a key
/// is as good as a derivation from it; CKR_USER_NOT_LOGGED_IN for a role that uses no keys. Answers why it should not have been
/// used, where the token only warns.
pub fn permit_digest(
    key: &Object,
    profile: Profile,
    validity: &Validity,
    role: Role,
) -> Result<Option<Concern>> {
    let restricted = match key.attributes().value(CKA_ALLOWED_MECHANISMS) {
        Some(Value::Mechanisms(allowed)) => !allowed.is_empty(),
        _ => false,
    };
    let digestible = key.class() == CKO_SECRET_KEY && !restricted && profile.digests(key);
    if !digestible {
        return Err(Error::KeyIndigestible);
    }
    if !access::may_use(role, key, Use::Sign) {
        return Err(Error::UserNotLoggedIn);
    }
    validity.settle(validity.concern(key, Use::Derive, None), Error::KeyIndigestible)
}

fn type_fits(key: &Object, need: &Need, purpose: Use) -> bool {
    let class = match (need.asymmetric, purpose.takes_public_half()) {
        (false, _) => need.secret_class,
        (true, true) => CKO_PUBLIC_KEY,
        (true, false) => CKO_PRIVATE_KEY,
    };
    key.class() == class && key.key_type().is_some_and(|key_type| need.types.contains(&key_type))
}

/// CKA_ALLOWED_MECHANISMS: an absent or empty list allows every mechanism (section 4.8).
fn mechanism_allowed(attributes: &Attributes, mechanism: CK_MECHANISM_TYPE) -> bool {
    match attributes.value(CKA_ALLOWED_MECHANISMS) {
        Some(Value::Mechanisms(allowed)) => allowed.is_empty() || allowed.contains(&mechanism),
        _ => true,
    }
}

/// Checks what the attributes tell without opening a secret; curves are checked by their mechanisms.
fn size_fits(object: &Object, (smallest, largest): (u64, u64)) -> bool {
    if (smallest, largest) == (0, 0) {
        return true;
    }
    let size = match object.key_type() {
        Some(CKK_RSA) => object.bytes(CKA_MODULUS).map(bit_length),
        Some(CKK_DSA | CKK_DH | CKK_X9_42_DH) => object.bytes(CKA_PRIME).map(bit_length),
        _ if matches!(object.class(), CKO_SECRET_KEY | CKO_OTP_KEY) => object.ulong(CKA_VALUE_LEN),
        _ => None,
    };
    size.is_none_or(|size| (smallest..=largest).contains(&size))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aes(extra: &[(CK_ATTRIBUTE_TYPE, Value)]) -> Arc<Object> {
        let mut attributes = Attributes::from_iter([
            (CKA_CLASS, Value::Ulong(CKO_SECRET_KEY)),
            (CKA_KEY_TYPE, Value::Ulong(CKK_AES)),
            (CKA_VALUE_LEN, Value::Ulong(16)),
            (CKA_ENCRYPT, Value::Bool(true)),
        ]);
        for (attribute, value) in extra {
            attributes.set(*attribute, value.clone());
        }
        Arc::new(Object::new(attributes))
    }

    const CBC: Need = Need {
        mechanism: CKM_AES_CBC,
        types: &[CKK_AES],
        asymmetric: false,
        secret_class: CKO_SECRET_KEY,
        sizes: (16, 32),
        parameter: Parameter { iv: None, tag_bits: None, hash: None },
        profile: Profile::Compatible,
        validity: Validity::NONE,
        role: Role::User,
    };

    #[test]
    fn a_key_is_usable_only_for_what_its_attributes_say() {
        assert!(permit(aes(&[]), &CBC, Use::Encrypt).is_ok());
        assert_eq!(permit(aes(&[]), &CBC, Use::Decrypt).err(), Some(Error::KeyFunctionNotPermitted));
        let rsa = Need { types: &[CKK_RSA], ..CBC };
        assert_eq!(permit(aes(&[]), &rsa, Use::Encrypt).err(), Some(Error::KeyTypeInconsistent));
        assert_eq!(permit(aes(&[]), &rsa, Use::Wrap).err(), Some(Error::WrappingKeyTypeInconsistent));
    }

    #[test]
    fn allowed_mechanisms_allow_no_other() {
        let only_ctr = aes(&[(CKA_ALLOWED_MECHANISMS, Value::Mechanisms(vec![CKM_AES_CTR]))]);
        assert_eq!(permit(only_ctr, &CBC, Use::Encrypt).err(), Some(Error::MechanismInvalid));
    }

    #[test]
    fn a_key_of_another_size_is_refused() {
        let short = aes(&[(CKA_VALUE_LEN, Value::Ulong(8))]);
        assert_eq!(permit(short, &CBC, Use::Encrypt).err(), Some(Error::KeySizeRange));
    }
}
