//! `coffer explain`: whether a key may be used for something, why, and what would allow it.

use clap::{Args, ValueEnum};
use coffer_pkcs11::ck::*;
use coffer_pkcs11::mechanism;
use coffer_pkcs11::policy::{Answer, Role, Use};
use coffer_pkcs11::session::{Explanation, Session};
use serde::Serialize;

use crate::context::{Context, Found};
use crate::failure::{Exit, Failure, Result};
use crate::objects::{self, Entry, ObjectOption};
use crate::output;
use crate::pin::UserPin;

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    objects: ObjectOption,
    /// What the key is to be used for
    #[arg(long, value_enum, value_name = "USE")]
    op: Operation,
    /// With this mechanism only, such as CKM_ECDSA_SHA256
    #[arg(long, value_name = "NAME")]
    mechanism: Option<String>,
    /// With `--op wrap`: whether this key may be wrapped under it; its label, or a PKCS#11 URI
    #[arg(long, value_name = "LABEL|URI")]
    of: Option<String>,
    #[command(flatten)]
    pin: UserPin,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Uses of a key by their names.
#[derive(Clone, Copy, ValueEnum)]
enum Operation {
    Sign,
    Verify,
    Encrypt,
    Decrypt,
    Wrap,
    Unwrap,
    Derive,
    Encapsulate,
    Decapsulate,
}

impl Operation {
    fn purpose(self) -> Use {
        match self {
            Operation::Sign => Use::Sign,
            Operation::Verify => Use::Verify,
            Operation::Encrypt => Use::Encrypt,
            Operation::Decrypt => Use::Decrypt,
            Operation::Wrap => Use::Wrap,
            Operation::Unwrap => Use::Unwrap,
            Operation::Derive => Use::Derive,
            Operation::Encapsulate => Use::Encapsulate,
            Operation::Decapsulate => Use::Decapsulate,
        }
    }

    /// What the key does, for a sentence.
    fn verb(self) -> &'static str {
        match self {
            Operation::Sign => "sign",
            Operation::Verify => "verify",
            Operation::Encrypt => "encrypt",
            Operation::Decrypt => "decrypt",
            Operation::Wrap => "wrap keys",
            Operation::Unwrap => "unwrap keys",
            Operation::Derive => "derive keys",
            Operation::Encapsulate => "encapsulate keys",
            Operation::Decapsulate => "decapsulate keys",
        }
    }

    /// The half of a key pair that does it.
    fn half(self) -> CK_OBJECT_CLASS {
        match self {
            Operation::Verify | Operation::Encrypt | Operation::Wrap | Operation::Encapsulate => {
                CKO_PUBLIC_KEY
            }
            _ => CKO_PRIVATE_KEY,
        }
    }
}

#[derive(Serialize)]
struct Document {
    key: String,
    allowed: bool,
    checks: Vec<CheckDocument>,
    /// With which mechanisms it is allowed, where none was named.
    mechanisms: Vec<&'static str>,
    /// Whose role allows it: `user`, `so`, names of accounts; `public` where no login is needed.
    who: Vec<String>,
}

#[derive(Serialize)]
struct CheckDocument {
    allowed: bool,
    sentence: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

impl Arguments {
    pub fn run(self) -> Result<Exit> {
        let context = Context::load()?;
        let wanted = self.objects.named()?;
        let token = context.token(&wanted)?;
        let mechanism = self.mechanism.as_deref().map(mechanism_of).transpose()?;
        let session = context.user_session(&token, false, &self.pin, &wanted)?;
        let keys = objects::find(&session, &wanted)?;
        let keys = keys.into_iter().filter(|entry| KEYS.contains(&entry.class)).collect();
        let mut keys = self.choose(keys);
        if keys.len() > 1 {
            return Err(objects::several(&keys, &token));
        }
        let Some(key) = keys.pop() else { return Err(objects::nothing(&wanted, &token)) };
        let mut explanation = session.explain(key.handle, self.op.purpose(), mechanism)?;
        name_key(&mut explanation.answers, &key, &token);
        if let Some(of) = &self.of {
            let wrapped = self.wrapped(of, &session, &token)?;
            let mut answers = session.explain_wrapped(key.handle, wrapped.handle)?;
            name_key(&mut answers, &wrapped, &token);
            explanation.answers.extend(answers);
        }
        let allowed = explanation.allowed();
        let who = who(&session, &key, self.op.purpose())?;
        if self.json {
            output::json("explain", 1, document(key.uri(&token).to_string(), explanation, who))?;
        } else {
            self.tell(&key, &explanation)?;
            let nobody = if who.is_empty() { "nobody" } else { "" };
            output::line(&format!("roles allow it to: {nobody}{}", who.join(", ")))?;
        }
        Ok(if allowed { Exit::Success } else { Exit::Denied })
    }

    /// The key that is to be wrapped: of a pair, the private half.
    fn wrapped(&self, of: &str, session: &Session, token: &Found) -> Result<Entry> {
        if !matches!(self.op, Operation::Wrap) {
            return Err(Failure::new("--of names a key that is to be wrapped").advise("say --op wrap"));
        }
        let wanted = ObjectOption {
            object: Some(of.to_owned()),
            id: None,
            class: None,
            token: self.objects.token.clone(),
        };
        let wanted = wanted.named()?;
        let mut keys = objects::find(session, &wanted)?;
        keys.retain(|entry| matches!(entry.class, CKO_PRIVATE_KEY | CKO_SECRET_KEY));
        let mut keys = objects::newest(keys);
        if keys.len() > 1 {
            return Err(objects::several(&keys, token));
        }
        keys.pop().ok_or_else(|| objects::nothing(&wanted, token))
    }

    /// The keys that may be meant: of a pair, the half that does it; of several versions, the newest.
    fn choose(&self, mut keys: Vec<Entry>) -> Vec<Entry> {
        if keys.len() > 1 {
            let other = if self.op.half() == CKO_PUBLIC_KEY { CKO_PRIVATE_KEY } else { CKO_PUBLIC_KEY };
            keys.retain(|key| key.class != other);
        }
        objects::newest(keys)
    }

    fn tell(&self, key: &Entry, explanation: &Explanation) -> Result<()> {
        let may = if explanation.allowed() { "may" } else { "may not" };
        let with = self.mechanism.as_ref().map(|name| format!(" with {name}")).unwrap_or_default();
        output::line(&format!(
            "The {} key `{}` ({}) {may} {}{with}:",
            key.class_name().trim_end_matches("-key"),
            output::printable(&key.label()),
            key.kind(),
            self.op.verb()
        ))?;
        for answer in &explanation.answers {
            output::line(&format!("  {}  {}", if answer.allowed { "yes" } else { "no " }, answer.sentence))?;
            if let Some(remedy) = &answer.remedy {
                output::line(&format!("       → {remedy}"))?;
            }
        }
        if !explanation.mechanisms.is_empty() {
            output::line(&format!("with {}", explanation.mechanisms.join(", ")))?;
        }
        Ok(())
    }
}

const KEYS: [CK_OBJECT_CLASS; 4] = [CKO_PUBLIC_KEY, CKO_PRIVATE_KEY, CKO_SECRET_KEY, CKO_OTP_KEY];

/// Those whose role lets them use the key so. Names of accounts are ASCII, and neither `user` nor `so`.
fn who(session: &Session, key: &Entry, purpose: Use) -> Result<Vec<String>> {
    let roles = session.roles_that_use(key.handle, purpose)?;
    if roles.contains(&Role::Public) {
        return Ok(vec![Role::Public.name().into()]);
    }
    let accounts = session.accounts()?.into_iter().filter(|account| roles.contains(&account.role));
    let without_name = [Role::User, Role::SecurityOfficer].into_iter().filter(|role| roles.contains(role));
    Ok(without_name.map(|role| role.name().into()).chain(accounts.map(|account| account.name)).collect())
}

/// Puts the key into the commands of the remedies, so that they can be pasted.
fn name_key(answers: &mut [Answer], key: &Entry, token: &Found) {
    let named = format!(" '{}'", key.uri(token));
    for remedy in answers.iter_mut().filter_map(|answer| answer.remedy.as_mut()) {
        *remedy = remedy.replace(" KEY", &named);
    }
}

/// The mechanism of a name, with CKM_ before it or without.
fn mechanism_of(name: &str) -> Result<CK_MECHANISM_TYPE> {
    let upper = name.to_ascii_uppercase().replace('-', "_");
    let full = if upper.starts_with("CKM_") { upper } else { format!("CKM_{upper}") };
    let row = mechanism::all().iter().find(|row| row.name == full);
    row.map(|row| row.id).ok_or_else(|| {
        Failure::new(format!("there is no mechanism `{name}`")).advise("`coffer mechanisms` lists them")
    })
}

fn document(key: String, explanation: Explanation, who: Vec<String>) -> Document {
    Document {
        key,
        allowed: explanation.allowed(),
        checks: explanation
            .answers
            .into_iter()
            .map(|answer| CheckDocument {
                allowed: answer.allowed,
                sentence: answer.sentence,
                remedy: answer.remedy,
            })
            .collect(),
        mechanisms: explanation.mechanisms,
        who,
    }
}
