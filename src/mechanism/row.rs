//! One row of the mechanism table. Flags, lists, dispatch, documentation and the list of tests are derived from it.

use crate::ck::*;
use crate::error::Result;
use crate::object::Attributes;
use crate::policy::{Need, Profile, Role, UsableKey, Use, Validity};
use crate::secret::Secret;

use super::message::MessageParams;
use super::operation::{Cipher, Derivation, Derived, Digest, Encapsulation, KeyPair, Sign, Verify};
use super::params::{ParamKind, Params};

/// How NIST SP 800-131A and SP 800-140C/D see the mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Approval {
    Approved,
    /// Allowed for data that exists already (verification, decryption).
    Legacy,
    NotApproved,
}

pub type SignFn = fn(UsableKey, &Params) -> Result<Box<dyn Sign>>;
pub type VerifyFn = fn(UsableKey, &Params) -> Result<Box<dyn Verify>>;
pub type CipherFn = fn(UsableKey, &Params) -> Result<Box<dyn Cipher>>;
/// The parameter of one message (its nonce is there) and its associated data as the parameter of an encryption.
pub type MessageFn = fn(MessageParams, Vec<u8>) -> Params;
pub type DigestFn = fn(&Params) -> Result<Box<dyn Digest>>;
/// Takes the template; answers the attributes that belong to the key type, CKA_VALUE first of all.
pub type GenerateKeyFn = fn(&Params, &Attributes) -> Result<Attributes>;
/// The IV that comes with a password-based key: C_GenerateKey writes it back into the parameter.
pub type GenerateIvFn = fn(&Params) -> Result<Vec<u8>>;
/// Public template, private template.
pub type GenerateKeyPairFn = fn(&Params, &Attributes, &Attributes) -> Result<KeyPair>;
/// The material to be wrapped: a secret key's value, or a private key as PKCS#8 PrivateKeyInfo (section 6.7).
pub type WrapFn = fn(&UsableKey, &Params, &[u8]) -> Result<Vec<u8>>;
pub type UnwrapFn = fn(&UsableKey, &Params, &[u8]) -> Result<Secret>;
/// The ciphertext, and the value of the new key.
pub type EncapsulateFn = fn(&Encapsulation) -> Result<(Vec<u8>, Secret)>;
pub type DecapsulateFn = fn(&Encapsulation, &[u8]) -> Result<Secret>;
pub type DeriveFn = fn(&Derivation) -> Result<Derived>;

/// The functions that a mechanism serves; `None` where it does not.
pub struct Ops {
    pub sign: Option<SignFn>,
    /// C_SignRecover: data in, signature out, in one part.
    pub sign_recover: Option<CipherFn>,
    pub verify: Option<VerifyFn>,
    /// C_VerifyRecover: signature in, data out, in one part.
    pub verify_recover: Option<CipherFn>,
    pub encrypt: Option<CipherFn>,
    pub decrypt: Option<CipherFn>,
    /// Messages can be encrypted and decrypted (C_MessageEncryptInit …).
    pub message: Option<MessageFn>,
    /// Key and parameter serve for one message alone (they hold a nonce, or count): no C_MessageSignInit.
    pub one_message: bool,
    /// Takes so long that an asynchronous session has a thread of its own work on it.
    pub slow: bool,
    /// Makes or uses keys that must sign only once with each of their parts: offered where the token's settings say so.
    pub stateful: bool,
    pub digest: Option<DigestFn>,
    pub generate_key: Option<GenerateKeyFn>,
    pub generate_iv: Option<GenerateIvFn>,
    pub generate_key_pair: Option<GenerateKeyPairFn>,
    pub wrap: Option<WrapFn>,
    pub unwrap: Option<UnwrapFn>,
    pub derive: Option<DeriveFn>,
    pub encapsulate: Option<EncapsulateFn>,
    pub decapsulate: Option<DecapsulateFn>,
}

impl Ops {
    /// Whether there is a function for this use of a key.
    pub fn serve(&self, purpose: Use) -> bool {
        match purpose {
            Use::Sign => self.sign.is_some(),
            Use::SignRecover => self.sign_recover.is_some(),
            Use::Verify => self.verify.is_some(),
            Use::VerifyRecover => self.verify_recover.is_some(),
            Use::Encrypt => self.encrypt.is_some(),
            Use::Decrypt => self.decrypt.is_some(),
            Use::Wrap => self.wrap.is_some(),
            Use::Unwrap => self.unwrap.is_some(),
            Use::Derive => self.derive.is_some(),
            Use::Encapsulate => self.encapsulate.is_some(),
            Use::Decapsulate => self.decapsulate.is_some(),
        }
    }

    /// No function at all: rows name what they have and take the rest from here.
    pub const NONE: Ops = Ops {
        sign: None,
        sign_recover: None,
        verify: None,
        verify_recover: None,
        encrypt: None,
        decrypt: None,
        message: None,
        one_message: false,
        slow: false,
        stateful: false,
        digest: None,
        generate_key: None,
        generate_iv: None,
        generate_key_pair: None,
        wrap: None,
        unwrap: None,
        derive: None,
        encapsulate: None,
        decapsulate: None,
    };
}

/// What `policy::permit` asks of a key before the mechanism sees it.
#[derive(Clone, Copy, Debug)]
pub struct KeyNeed {
    /// The key types that the mechanism works with; empty for mechanisms without a key (digests).
    pub types: &'static [CK_KEY_TYPE],
    /// True for public-key mechanisms: verify, encrypt, wrap and encapsulate take CKO_PUBLIC_KEY, sign, decrypt,
    /// unwrap, derive and decapsulate take CKO_PRIVATE_KEY. False: `secret_class` throughout.
    pub asymmetric: bool,
    /// CKO_SECRET_KEY, or CKO_OTP_KEY for one-time passwords.
    pub secret_class: CK_OBJECT_CLASS,
}

impl KeyNeed {
    pub const NONE: KeyNeed = Self::secret(&[]);

    pub const fn secret(types: &'static [CK_KEY_TYPE]) -> Self {
        KeyNeed { types, asymmetric: false, secret_class: CKO_SECRET_KEY }
    }

    pub const fn pair(types: &'static [CK_KEY_TYPE]) -> Self {
        KeyNeed { asymmetric: true, ..Self::secret(types) }
    }

    pub const fn one_time(types: &'static [CK_KEY_TYPE]) -> Self {
        KeyNeed { secret_class: CKO_OTP_KEY, ..Self::secret(types) }
    }
}

/// A mechanism.
pub struct Mechanism {
    pub id: CK_MECHANISM_TYPE,
    /// The standard's name, such as "CKM_RSA_PKCS".
    pub name: &'static str,
    /// The form of its parameter.
    pub params: ParamKind,
    pub key: KeyNeed,
    /// Smallest and largest key size in the unit of C_GetMechanismInfo: bits for RSA, EC, DH and DSA, bytes for AES
    /// and the HMAC keys, zero where a size means nothing.
    pub sizes: (u64, u64),
    /// Flags of C_GetMechanismInfo that do not follow from `ops`: CKF_EC_F_P, CKF_EC_NAMEDCURVE …
    pub flags: CK_FLAGS,
    pub approval: Approval,
    pub ops: Ops,
}

impl Mechanism {
    /// The same mechanism for keys and parameters that serve for one message alone.
    pub const fn for_one_message(self) -> Self {
        Self { ops: Ops { one_message: true, ..self.ops }, ..self }
    }

    /// The flags of C_GetMechanismInfo (PKCS#11 section 3.3, CK_MECHANISM_INFO).
    pub fn info_flags(&self) -> CK_FLAGS {
        let ops = &self.ops;
        let message = ops.message.is_some();
        let messages = !ops.one_message;
        let has = [
            (message && ops.encrypt.is_some(), CKF_MESSAGE_ENCRYPT | CKF_MULTI_MESSAGE),
            (message && ops.decrypt.is_some(), CKF_MESSAGE_DECRYPT | CKF_MULTI_MESSAGE),
            (messages && ops.sign.is_some(), CKF_MESSAGE_SIGN | CKF_MULTI_MESSAGE),
            (messages && ops.verify.is_some(), CKF_MESSAGE_VERIFY | CKF_MULTI_MESSAGE),
            (ops.sign.is_some(), CKF_SIGN),
            (ops.sign_recover.is_some(), CKF_SIGN_RECOVER),
            (ops.verify.is_some(), CKF_VERIFY),
            (ops.verify_recover.is_some(), CKF_VERIFY_RECOVER),
            (ops.encrypt.is_some(), CKF_ENCRYPT),
            (ops.decrypt.is_some(), CKF_DECRYPT),
            (ops.digest.is_some(), CKF_DIGEST),
            (ops.generate_key.is_some(), CKF_GENERATE),
            (ops.generate_key_pair.is_some(), CKF_GENERATE_KEY_PAIR),
            (ops.wrap.is_some(), CKF_WRAP),
            (ops.unwrap.is_some(), CKF_UNWRAP),
            (ops.derive.is_some(), CKF_DERIVE),
            (ops.encapsulate.is_some(), CKF_ENCAPSULATE),
            (ops.decapsulate.is_some(), CKF_DECAPSULATE),
        ];
        has.iter().filter(|(offered, _)| *offered).fold(self.flags, |flags, (_, flag)| flags | flag)
    }

    /// True for mechanisms that are offered only where the configuration sets `mechanisms.legacy`: those of Camellia and
    /// ARIA keys alone.
    pub fn is_legacy(&self) -> bool {
        let legacy = |key_type: &CK_KEY_TYPE| matches!(*key_type, CKK_CAMELLIA | CKK_ARIA);
        !self.key.types.is_empty() && self.key.types.iter().all(legacy)
    }

    /// The uses (CKF_SIGN …) that only a token with stateful signatures offers.
    pub fn stateful_flags(&self) -> CK_FLAGS {
        if self.ops.stateful { CKF_SIGN | CKF_MESSAGE_SIGN | CKF_GENERATE_KEY_PAIR } else { 0 }
    }

    /// The table of section 3.3: minimum and maximum key size, and what the mechanism can do.
    pub fn info(&self) -> CK_MECHANISM_INFO {
        CK_MECHANISM_INFO { ulMinKeySize: self.sizes.0, ulMaxKeySize: self.sizes.1, flags: self.info_flags() }
    }
}

impl Mechanism {
    /// True where the key that is generated follows from a password.
    pub fn takes_password(&self) -> bool {
        matches!(self.params, ParamKind::Pbkdf2 | ParamKind::Pbe { .. })
    }

    /// What `policy::permit` asks of a key for this mechanism, in a token of this profile that asks this of
    /// the life of its keys, of this role.
    pub fn need<'a>(
        &'a self,
        params: &'a Params,
        profile: Profile,
        validity: Validity,
        role: Role,
    ) -> Need<'a> {
        Need {
            mechanism: self.id,
            types: self.key.types,
            asymmetric: self.key.asymmetric,
            secret_class: self.key.secret_class,
            sizes: self.sizes,
            parameter: params.told(),
            profile,
            validity,
            role,
        }
    }
}
