//! `coffer generate`: makes keys in a token.

use clap::{Args, ValueEnum};
use coffer_pkcs11::ck::*;
use coffer_pkcs11::mechanism::Params;
use coffer_pkcs11::object::{SearchTemplate, Template, Value};
use coffer_pkcs11::policy::Profile;
use coffer_pkcs11::session::Session;
use coffer_pkcs11::token::ObjectHandle;
use serde::Serialize;

use crate::context::{Found, Login, LoginOption};
use crate::cryptoperiod::CryptoperiodOption;
use crate::failure::{Exit, Failure, Result};
use crate::kind::Kind;
use crate::objects::{self, Entry, ObjectDocument};
use crate::output;

#[derive(Args)]
pub struct Arguments {
    /// What to make: rsa:3072, ec:P-256, ed25519, x25519, ml-dsa-65, ml-kem-768, slh-dsa-sha2-128s, aes:256, generic:256, hss:20/4,10/4 …
    #[arg(value_parser = str::parse::<Kind>)]
    kind: Kind,
    /// What the key is called
    #[arg(value_name = "LABEL", required_unless_present = "label_option")]
    label: Option<String>,
    /// The label, for those who look for an option
    #[arg(long = "label", value_name = "LABEL", hide = true, conflicts_with = "label")]
    label_option: Option<String>,
    /// The key's id (CKA_ID) in hexadecimal; a random one where it is left out
    #[arg(long, value_name = "HEX")]
    id: Option<String>,
    #[command(flatten)]
    uses: Uses,
    #[command(flatten)]
    protection: Protection,
    /// How long it protects: auto (what NIST SP 800-57 says of such keys), none, or a period such as 90d or 2y
    #[arg(long, value_name = "PERIOD", default_value = "none")]
    cryptoperiod: CryptoperiodOption,
    #[command(flatten)]
    login: LoginOption,
    /// Allow an id that another key has
    #[arg(long)]
    force: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What a key is made for.
#[derive(Args, Clone, Default)]
pub struct Uses {
    /// What the key may be used for; where this is left out, everything that its type can do, but deriving
    /// keys only for x25519, which can do nothing else. A token with the strict profile wants it told
    #[arg(long, value_enum, value_delimiter = ',', value_name = "USE,…")]
    uses: Vec<Use>,
}

impl Uses {
    pub fn is_empty(&self) -> bool {
        self.uses.is_empty()
    }

    /// Refuses keys that could be used for nothing: in a strict token, usages that are not told are false.
    pub fn check(&self, token: &Found) -> Result<()> {
        if token.profile == Profile::Compatible || !self.is_empty() {
            return Ok(());
        }
        Err(Failure::new(format!(
            "the token `{}` is strict: a key in it does only what it is made for",
            token.label
        ))
        .advise("add --uses, such as --uses sign (docs/policy.md)"))
    }

    /// Adds the usage attributes of a key of this class to its template, where uses are told.
    pub fn add_to(&self, template: &mut Template, class: CK_OBJECT_CLASS) -> Result<()> {
        if self.is_empty() {
            return Ok(());
        }
        let (does, undoes) = (class != CKO_PRIVATE_KEY, class != CKO_PUBLIC_KEY);
        for (attribute, purpose, here) in [
            (CKA_SIGN, Use::Sign, undoes),
            (CKA_VERIFY, Use::Sign, does),
            (CKA_DECRYPT, Use::Decrypt, undoes),
            (CKA_ENCRYPT, Use::Decrypt, does),
            (CKA_UNWRAP, Use::Unwrap, undoes),
            (CKA_WRAP, Use::Unwrap, does),
            (CKA_DECAPSULATE, Use::Decapsulate, undoes && class == CKO_PRIVATE_KEY),
            (CKA_ENCAPSULATE, Use::Decapsulate, does && class == CKO_PUBLIC_KEY),
            (CKA_DERIVE, Use::Derive, true),
        ] {
            if here {
                template.push_value(attribute, Value::Bool(self.uses.contains(&purpose)))?;
            }
        }
        Ok(())
    }
}

/// How a private or secret key is protected. Without an option it never leaves the token.
#[derive(Args, Clone, Copy, Default)]
pub struct Protection {
    /// Allow the key to leave the token wrapped by another key (CKA_EXTRACTABLE)
    #[arg(long)]
    pub extractable: bool,
    /// Allow the key to be read in the clear, by `coffer export` and by every application (not CKA_SENSITIVE)
    #[arg(long)]
    pub exportable: bool,
    /// Ask for the PIN before each use of the private key (CKA_ALWAYS_AUTHENTICATE)
    #[arg(long)]
    pub always_authenticate: bool,
}

impl Protection {
    /// Adds the attributes to the template of a private or secret key.
    pub fn add_to(self, template: &mut Template, class: CK_OBJECT_CLASS) -> Result<()> {
        template.push_value(CKA_SENSITIVE, Value::Bool(!self.exportable))?;
        template.push_value(CKA_EXTRACTABLE, Value::Bool(self.extractable || self.exportable))?;
        if self.always_authenticate && class == CKO_PRIVATE_KEY {
            template.push_value(CKA_ALWAYS_AUTHENTICATE, Value::Bool(true))?;
        }
        Ok(())
    }
}

/// Uses by their name for the key that works in secret; the public key gets the counterpart.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Use {
    /// Sign, and verify
    Sign,
    /// Decrypt, and encrypt
    Decrypt,
    /// Unwrap, and wrap
    Unwrap,
    /// Decapsulate keys, and encapsulate them
    Decapsulate,
    /// Derive keys
    Derive,
}

#[derive(Serialize)]
struct Generated {
    objects: Vec<ObjectDocument>,
}

impl Arguments {
    pub fn run(self) -> Result<Exit> {
        let Login { session, token, context } = self.login.log_in(true)?;
        let id = match &self.id {
            Some(id) => output::unhex(id).map_err(Failure::new)?,
            None => random_id(&session)?,
        };
        if !self.kind.derives_only() {
            self.uses.check(&token)?;
        }
        if matches!(self.kind, Kind::Hss(_)) && !token.settings.stateful_signatures {
            return Err(Failure::new(format!("the token `{}` makes no HSS keys", token.label)).advise(
                "their one-time keys must sign only once, which a copied file breaks: read docs/threat-model.md, and then \
                 `coffer settings set --stateful-signatures on`",
            ));
        }
        if !self.force {
            refuse_used_id(&session, &id, self.kind.is_pair())?;
        }
        let now = context.config().clock.now();
        let handles = self.generate(&session, &id, now).map_err(|failure| {
            failure.while_doing(&format!("no {} key was made in `{}`", self.kind, token.label))
        })?;
        let entries: Vec<Entry> =
            handles.into_iter().map(|handle| Entry::read(&session, handle)).collect::<Result<_>>()?;
        if self.json {
            output::json(
                "generate",
                1,
                Generated { objects: entries.iter().map(|entry| entry.document(&token)).collect() },
            )?;
        } else {
            let what = if self.kind.is_pair() { "key pair" } else { "key" };
            output::line(&format!(
                "Made the {} {what} `{}` in token `{}`.",
                self.kind,
                self.label(),
                token.label
            ))?;
            for entry in &entries {
                output::line(&format!("  {}", entry.uri(&token)))?;
            }
        }
        Ok(Exit::Success)
    }

    fn generate(&self, session: &Session, id: &[u8], now: u64) -> Result<Vec<ObjectHandle>> {
        let secret_class = if self.kind.is_pair() { CKO_PRIVATE_KEY } else { CKO_SECRET_KEY };
        let mut secret = self.template(secret_class, id)?;
        self.protection.add_to(&mut secret, secret_class)?;
        let mut public = self.template(CKO_PUBLIC_KEY, id)?;
        let key = (secret_class, self.kind.key_type());
        self.cryptoperiod.add_to(&mut [&mut secret, &mut public], key, now)?;
        let mechanism = match self.kind {
            Kind::Rsa(bits) => {
                public.push_value(CKA_MODULUS_BITS, Value::Ulong(bits))?;
                public.push_value(CKA_PUBLIC_EXPONENT, Value::Bytes(vec![1, 0, 1]))?;
                CKM_RSA_PKCS_KEY_PAIR_GEN
            }
            Kind::Curve(curve) => {
                public.push_value(CKA_EC_PARAMS, Value::Bytes(curve.params.to_vec()))?;
                match curve.key_type {
                    CKK_EC_EDWARDS => CKM_EC_EDWARDS_KEY_PAIR_GEN,
                    CKK_EC_MONTGOMERY => CKM_EC_MONTGOMERY_KEY_PAIR_GEN,
                    _ => CKM_EC_KEY_PAIR_GEN,
                }
            }
            Kind::Des3 => CKM_DES3_KEY_GEN,
            Kind::ChaCha20 => CKM_CHACHA20_KEY_GEN,
            Kind::Lattice(set) => {
                public.push_value(CKA_PARAMETER_SET, Value::Ulong(set.number))?;
                if set.key_type == CKK_ML_DSA { CKM_ML_DSA_KEY_PAIR_GEN } else { CKM_ML_KEM_KEY_PAIR_GEN }
            }
            Kind::SlhDsa { number, .. } => {
                public.push_value(CKA_PARAMETER_SET, Value::Ulong(number))?;
                CKM_SLH_DSA_KEY_PAIR_GEN
            }
            Kind::Hss(levels) => {
                let (trees, one_time) = levels.types();
                secret.push_value(CKA_HSS_LEVELS, Value::Ulong(trees.len() as u64))?;
                secret.push_value(CKA_HSS_LMS_TYPES, Value::Mechanisms(trees))?;
                secret.push_value(CKA_HSS_LMOTS_TYPES, Value::Mechanisms(one_time))?;
                CKM_HSS_KEY_PAIR_GEN
            }
            Kind::Aes(bits) | Kind::Generic(bits) => {
                secret.push_value(CKA_VALUE_LEN, Value::Ulong(bits / 8))?;
                if matches!(self.kind, Kind::Aes(_)) { CKM_AES_KEY_GEN } else { CKM_GENERIC_SECRET_KEY_GEN }
            }
        };
        if self.kind.is_pair() {
            let (public, private) = session.generate_key_pair(mechanism, &Params::None, &public, &secret)?;
            return Ok(vec![public, private]);
        }
        Ok(vec![session.generate_key(mechanism, &Params::None, &secret)?])
    }

    fn label(&self) -> &str {
        self.label.as_deref().or(self.label_option.as_deref()).unwrap_or_default()
    }

    fn template(&self, class: CK_OBJECT_CLASS, id: &[u8]) -> Result<Template> {
        let mut template = named(class, self.label(), id)?;
        self.uses.add_to(&mut template, class)?;
        if self.uses.is_empty() && class == CKO_PRIVATE_KEY && self.kind.derives_only() {
            template.push_value(CKA_DERIVE, Value::Bool(true))?;
        }
        Ok(template)
    }
}

/// The template that every token object begins with.
pub fn named(class: CK_OBJECT_CLASS, label: &str, id: &[u8]) -> Result<Template> {
    let mut template = Template::new();
    template.push_value(CKA_CLASS, Value::Ulong(class))?;
    template.push_value(CKA_TOKEN, Value::Bool(true))?;
    template.push_value(CKA_LABEL, Value::Bytes(label.as_bytes().to_vec()))?;
    template.push_value(CKA_ID, Value::Bytes(id.to_vec()))?;
    Ok(template)
}

/// Eight bytes: short enough to read, long enough not to meet another.
pub fn random_id(session: &Session) -> Result<Vec<u8>> {
    let mut id = vec![0; 8];
    session.generate_random(&mut id)?;
    Ok(id)
}

/// Refuses an id that a key of the token has: applications would not know which one is meant.
pub fn refuse_used_id(session: &Session, id: &[u8], pair: bool) -> Result<()> {
    let mut template = SearchTemplate::new();
    template.push(CKA_ID, id)?;
    for handle in objects::search(session, &template)? {
        let entry = Entry::read(session, handle)?;
        let same_kind = if pair {
            matches!(entry.class, CKO_PRIVATE_KEY | CKO_PUBLIC_KEY)
        } else {
            entry.class == CKO_SECRET_KEY
        };
        if same_kind {
            return Err(Failure::new(format!(
                "the id {} is that of `{}` ({})",
                output::hex(id),
                entry.label(),
                entry.class_name()
            ))
            .advise("take another --id, or add --force if both are to have it"));
        }
    }
    Ok(())
}
