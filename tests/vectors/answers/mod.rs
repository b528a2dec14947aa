//! Known answers for the mechanisms that the files of Project Wycheproof do not reach.
//!
//! One line an answer: a new mechanism gets a line in the file of its family. What is wrong is made from the answer and
//! must be refused: a flipped signature, a parameter of another size, a template that the mechanism cannot serve.
//!
//! - `digests(mechanism, data, digest)`
//! - `signs(mechanism, key, data, signature)`: the signature or MAC is always the same
//! - `verifies(mechanism, key pair, data, signature)`: signatures differ each time; a fresh one is verified too
//! - `encrypts(mechanism, key, plaintext, ciphertext)`, and `decrypts` where ciphertexts differ each time
//! - `derives(mechanism, base key, template, value)`
//! - `unwraps(mechanism, key pair, wrapped key, value)`: wrapped keys differ each time; a fresh one is unwrapped too
//! - `derives_with_key`: the same, with a second key that the parameter names
//! - `generates_known(mechanism, template, value)`: a key of a password
//! - `lattice::signs(mechanism, data, digest of the signature)`
//! - `generates(mechanism, template, wrong template)`, `generates_pair(mechanism, public template, wrong one)`,
//!   `generates_parameters(mechanism, template, wrong template)`
//!
//! Data stands in hexadecimal. Each file says where its answers come from.

mod ciphers;
mod derivations;
mod digests;
mod finite_fields;
mod generation;
mod hash_derivations;
mod key_derivations;
mod lattice;
mod legacy;
mod macs;
mod one_time;
mod protocols;
mod signatures;
mod slh_dsa;
mod stateful;
mod transport;

use coffer_pkcs11::ck::*;

use super::parameter::Mechanism;
use super::report::{Expected, Outcome, Report};
use super::symmetric::{compared, encrypt_both, readable, secret_key, sign_both};
use super::token::{Answer as Result, Attributes, Token, ulong};

/// What a mechanism is known to do.
pub enum Does {
    Digests {
        data: Vec<u8>,
        digest: Vec<u8>,
    },
    Signs {
        key: Key,
        data: Vec<u8>,
        signature: Vec<u8>,
        same: bool,
    },
    /// The signature is told by its SHA-256; the key is that of the file.
    SignsTo {
        data: Vec<u8>,
        sha256: Vec<u8>,
    },
    /// The signature is always the same, and told by its SHA-256.
    SignsLong {
        key: Key,
        data: Vec<u8>,
        sha256: Vec<u8>,
    },
    Encrypts {
        key: Key,
        plain: Vec<u8>,
        ciphertext: Vec<u8>,
        same: bool,
    },
    Derives {
        base: Attributes,
        template: Attributes,
        value: Vec<u8>,
    },
    /// The parameter is the handle of the other key.
    DerivesWithKey {
        base: Attributes,
        other: Attributes,
        template: Attributes,
        value: Vec<u8>,
    },
    GeneratesKnown {
        template: Attributes,
        value: Vec<u8>,
    },
    Generates {
        template: Attributes,
        wrong: Attributes,
    },
    GeneratesPair {
        public: Attributes,
        wrong: Attributes,
    },
    /// One after the other.
    Passwords {
        key: Attributes,
        passwords: Vec<&'static str>,
    },
    Unwraps {
        key: Key,
        wrapped: Vec<u8>,
        value: Vec<u8>,
    },
    GeneratesParameters {
        template: Attributes,
        wrong: Attributes,
    },
    /// What no other line can say: results that come back through the parameter, or a parameter that names other keys.
    Calls {
        right: fn(&Token) -> Result<Outcome>,
        wrong: fn(&Token) -> Result<()>,
    },
}

/// The halves of a key pair; a secret key is both.
#[derive(Clone)]
pub struct Key {
    pub public: Attributes,
    pub private: Attributes,
}

pub struct Known {
    mechanism: Mechanism,
    does: Does,
}

pub fn hex(digits: &str) -> Vec<u8> {
    hex::decode(digits).unwrap()
}

pub fn secret(key_type: CK_KEY_TYPE, value: &str) -> Key {
    let key = secret_key(key_type, &hex(value));
    Key { public: key.clone(), private: key }
}

fn digests(mechanism: Mechanism, data: &str, digest: &str) -> Known {
    Known { mechanism, does: Does::Digests { data: hex(data), digest: hex(digest) } }
}

fn signs(mechanism: Mechanism, key: Key, data: &str, signature: &str) -> Known {
    Known { mechanism, does: Does::Signs { key, data: hex(data), signature: hex(signature), same: true } }
}

fn verifies(mechanism: Mechanism, key: Key, data: &str, signature: &str) -> Known {
    Known { mechanism, does: Does::Signs { key, data: hex(data), signature: hex(signature), same: false } }
}

fn encrypts(mechanism: Mechanism, key: Key, plain: &str, ciphertext: &str) -> Known {
    let does = Does::Encrypts { key, plain: hex(plain), ciphertext: hex(ciphertext), same: true };
    Known { mechanism, does }
}

fn derives(mechanism: Mechanism, base: Attributes, template: Attributes, value: &str) -> Known {
    Known { mechanism, does: Does::Derives { base, template, value: hex(value) } }
}

fn derives_with_key(
    id: CK_MECHANISM_TYPE,
    base: Attributes,
    other: Attributes,
    template: Attributes,
    value: &str,
) -> Known {
    let does = Does::DerivesWithKey { base, other, template, value: hex(value) };
    Known { mechanism: Mechanism::plain(id), does }
}

fn generates_known(mechanism: Mechanism, template: Attributes, value: &str) -> Known {
    Known { mechanism, does: Does::GeneratesKnown { template, value: hex(value) } }
}

fn generates(id: CK_MECHANISM_TYPE, template: Attributes, wrong: Attributes) -> Known {
    Known { mechanism: Mechanism::plain(id), does: Does::Generates { template, wrong } }
}

fn generates_pair(id: CK_MECHANISM_TYPE, public: Attributes, wrong: Attributes) -> Known {
    Known { mechanism: Mechanism::plain(id), does: Does::GeneratesPair { public, wrong } }
}

fn unwraps(mechanism: Mechanism, key: Key, wrapped: &str, value: &str) -> Known {
    Known { mechanism, does: Does::Unwraps { key, wrapped: hex(wrapped), value: hex(value) } }
}

fn generates_parameters(id: CK_MECHANISM_TYPE, template: Attributes, wrong: Attributes) -> Known {
    Known { mechanism: Mechanism::plain(id), does: Does::GeneratesParameters { template, wrong } }
}

/// Checks the answers of the files whose name contains `pattern`. Mechanisms that are not offered are left out.
pub fn run(token: &Token, pattern: &str, report: &mut Report) {
    let files = [
        ("answers/ciphers", ciphers::answers()),
        ("answers/derivations", derivations::answers()),
        ("answers/digests", digests::answers()),
        ("answers/finite_fields", finite_fields::answers()),
        ("answers/generation", generation::answers()),
        ("answers/key_derivations", key_derivations::answers()),
        ("answers/hash_derivations", hash_derivations::answers()),
        ("answers/lattice", lattice::answers()),
        ("answers/legacy", legacy::answers()),
        ("answers/macs", macs::answers()),
        ("answers/one_time", one_time::answers()),
        ("answers/protocols", protocols::answers()),
        ("answers/signatures", signatures::answers()),
        ("answers/slh_dsa", slh_dsa::answers()),
        ("answers/stateful", stateful::answers()),
        ("answers/transport", transport::answers()),
    ];
    for (file, answers) in files.iter().filter(|(file, _)| file.contains(pattern)) {
        for (index, Known { mechanism, does }) in answers.iter().enumerate() {
            let (name, id) = (format!("answer {index}"), mechanism.id);
            if !token.offers(id) {
                continue;
            }
            report.count(file, id, &name, Expected::Accepted, right(token, mechanism, does));
            report.count(file, id, &name, Expected::Refused, wrong(token, mechanism, does));
        }
    }
}

/// Makes the known output.
fn right(token: &Token, mechanism: &Mechanism, does: &Does) -> Outcome {
    let checked = match does {
        Does::Digests { data, digest } => Ok(compared(&token.digest(mechanism, data), digest)),
        Does::Signs { key, data, signature, same } => sign(token, mechanism, key, data, signature, *same),
        Does::SignsTo { data, sha256 } => lattice::right(token, mechanism, data, sha256),
        Does::Encrypts { key, plain, ciphertext, same } => {
            encrypt(token, mechanism, key, plain, ciphertext, *same)
        }
        Does::Derives { base, template, value } => derive(token, mechanism, base, template, value),
        Does::DerivesWithKey { base, other, template, value } => token.create(other).and_then(|other| {
            let mechanism = Mechanism::number(mechanism.id, other as usize);
            let derived = derive(token, &mechanism, base, template, value);
            token.destroy(other);
            derived
        }),
        Does::GeneratesKnown { template, value } => token.generate(mechanism, template).map(|key| {
            let outcome = compared(&token.attribute(key, CKA_VALUE), value);
            token.destroy(key);
            outcome
        }),
        Does::Generates { template, .. } => generate(token, mechanism, template),
        Does::GeneratesPair { public, .. } => generate_pair(token, mechanism, public),
        Does::GeneratesParameters { template, .. } => generate_parameters(token, mechanism, template),
        Does::Unwraps { key, wrapped, value } => unwrap(token, mechanism, key, wrapped, value),
        Does::Passwords { key, passwords } => one_time::right(token, mechanism, key, passwords),
        Does::Calls { right, .. } => right(token),
        Does::SignsLong { key, data, sha256 } => slh_dsa::right(token, mechanism, key, data, sha256),
    };
    checked.unwrap_or_else(Outcome::Refused)
}

/// Does what must be refused.
fn wrong(token: &Token, mechanism: &Mechanism, does: &Does) -> Outcome {
    let longer = mechanism.longer();
    let answer = match does {
        Does::Digests { data, .. } => token.digest(&longer, data).map(drop),
        Does::Signs { key, data, signature, .. } => token.create(&key.public).and_then(|key| {
            let mut flipped = signature.clone();
            flipped[0] ^= 1;
            let verified = token.verify(mechanism, key, data, &flipped);
            token.destroy(key);
            verified
        }),
        Does::SignsTo { data, .. } => lattice::wrong(token, mechanism, data),
        Does::Encrypts { key, plain, .. } => token.create(&key.public).and_then(|key| {
            let encrypted = token.encrypt(&longer, key, plain).map(drop);
            token.destroy(key);
            encrypted
        }),
        Does::Derives { base, template, .. } => token.create(base).and_then(|base| {
            let derived = token.derive(&longer, base, template).map(drop);
            token.destroy(base);
            derived
        }),
        // A handle of no key.
        Does::DerivesWithKey { base, template, .. } => token.create(base).and_then(|base| {
            let derived = token.derive(&Mechanism::number(mechanism.id, 1 << 40), base, template).map(drop);
            token.destroy(base);
            derived
        }),
        Does::GeneratesKnown { template, .. } => token.generate(&longer, template).map(drop),
        Does::Generates { wrong, .. } => token.generate(mechanism, wrong).map(drop),
        Does::Passwords { key, .. } => one_time::wrong(token, key),
        Does::Calls { wrong, .. } => wrong(token),
        Does::SignsLong { key, data, .. } => slh_dsa::wrong(token, mechanism, key, data),
        Does::GeneratesPair { wrong, .. } => token.generate_pair(mechanism, wrong, &vec![]).map(drop),
        Does::GeneratesParameters { wrong, .. } => token.generate(mechanism, wrong).map(drop),
        Does::Unwraps { key, wrapped, .. } => token.create(&key.private).and_then(|key| {
            let mut flipped = wrapped.clone();
            *flipped.last_mut().unwrap() ^= 1;
            let unwrapped = token.unwrap(mechanism, key, &flipped, &readable(CKK_GENERIC_SECRET));
            token.destroy(key);
            unwrapped.map(drop)
        }),
    };
    match answer {
        Ok(()) => Outcome::Accepted,
        Err(rv) => Outcome::Refused(rv),
    }
}

fn sign(
    token: &Token,
    mechanism: &Mechanism,
    key: &Key,
    data: &[u8],
    signature: &[u8],
    same: bool,
) -> Result<Outcome> {
    let (public, private) = (token.create(&key.public)?, token.create(&key.private)?);
    token.verify(mechanism, public, data, signature)?;
    let outcome = if same {
        compared(&sign_both(token, mechanism, private, data), signature)
    } else {
        let fresh = token.sign(mechanism, private, data)?;
        token.verify(mechanism, public, data, &fresh)?;
        Outcome::Accepted
    };
    token.destroy(public);
    token.destroy(private);
    Ok(outcome)
}

fn encrypt(
    token: &Token,
    mechanism: &Mechanism,
    key: &Key,
    plain: &[u8],
    ciphertext: &[u8],
    same: bool,
) -> Result<Outcome> {
    let (public, private) = (token.create(&key.public)?, token.create(&key.private)?);
    let decrypted = compared(&token.decrypt(mechanism, private, ciphertext), plain);
    let encrypted = if same {
        compared(&encrypt_both(token, mechanism, public, plain), ciphertext)
    } else {
        let fresh = token.encrypt(mechanism, public, plain)?;
        compared(&token.decrypt(mechanism, private, &fresh), plain)
    };
    token.destroy(public);
    token.destroy(private);
    Ok(if decrypted == Outcome::Accepted { encrypted } else { decrypted })
}

fn derive(
    token: &Token,
    mechanism: &Mechanism,
    base: &Attributes,
    template: &Attributes,
    value: &[u8],
) -> Result<Outcome> {
    let base = token.create(base)?;
    let key = token.derive(mechanism, base, template)?;
    let outcome = compared(&token.attribute(key, CKA_VALUE), value);
    token.destroy(base);
    token.destroy(key);
    Ok(outcome)
}

/// Two keys of the type and length that the template asks for, made by this mechanism, and not the same.
fn generate(token: &Token, mechanism: &Mechanism, template: &Attributes) -> Result<Outcome> {
    let keys = [token.generate(mechanism, template)?, token.generate(mechanism, template)?];
    let mut values = Vec::new();
    for key in keys {
        for (id, wanted) in template {
            if token.attribute(key, *id)? != *wanted {
                return Ok(Outcome::Wrong(format!("attribute {id:#x}")));
            }
        }
        if let Some(wrong) = not_made_here(token, mechanism, key)? {
            return Ok(wrong);
        }
        values.push(token.attribute(key, CKA_VALUE)?);
        token.destroy(key);
    }
    Ok(if values[0] == values[1] { Outcome::Wrong("the same key twice".into()) } else { Outcome::Accepted })
}

fn not_made_here(token: &Token, mechanism: &Mechanism, key: CK_OBJECT_HANDLE) -> Result<Option<Outcome>> {
    let by = token.attribute(key, CKA_KEY_GEN_MECHANISM)? == mechanism.id.to_ne_bytes();
    let here = token.attribute(key, CKA_LOCAL)? == [CK_TRUE];
    Ok(if by && here { None } else { Some(Outcome::Wrong("made by another mechanism".into())) })
}

/// Both halves are made by this mechanism and name the same public key.
fn generate_pair(token: &Token, mechanism: &Mechanism, public: &Attributes) -> Result<Outcome> {
    let (public, private) = token.generate_pair(mechanism, public, &vec![])?;
    for key in [public, private] {
        if let Some(wrong) = not_made_here(token, mechanism, key)? {
            return Ok(wrong);
        }
    }
    let info = token.attribute(public, CKA_PUBLIC_KEY_INFO)?;
    let same = !info.is_empty() && info == token.attribute(private, CKA_PUBLIC_KEY_INFO)?;
    token.destroy(public);
    token.destroy(private);
    Ok(if same { Outcome::Accepted } else { Outcome::Wrong("two keys that are no pair".into()) })
}

fn unwrap(token: &Token, mechanism: &Mechanism, key: &Key, wrapped: &[u8], value: &[u8]) -> Result<Outcome> {
    let (public, private) = (token.create(&key.public)?, token.create(&key.private)?);
    let inside = token.unwrap(mechanism, private, wrapped, &readable(CKK_GENERIC_SECRET))?;
    let known = compared(&token.attribute(inside, CKA_VALUE), value);
    let fresh = token.wrap(mechanism, public, inside)?;
    let again = token.unwrap(mechanism, private, &fresh, &readable(CKK_GENERIC_SECRET))?;
    let fresh = compared(&token.attribute(again, CKA_VALUE), value);
    for object in [public, private, inside, again] {
        token.destroy(object);
    }
    Ok(if known == Outcome::Accepted { fresh } else { known })
}

/// Domain parameters of the size that the template asks for.
fn generate_parameters(token: &Token, mechanism: &Mechanism, template: &Attributes) -> Result<Outcome> {
    let made = token.generate(mechanism, template)?;
    let class = token.attribute(made, CKA_CLASS)? == ulong(CKO_DOMAIN_PARAMETERS);
    for (id, wanted) in template {
        if token.attribute(made, *id)? != *wanted {
            return Ok(Outcome::Wrong(format!("attribute {id:#x}")));
        }
    }
    token.destroy(made);
    Ok(if class { Outcome::Accepted } else { Outcome::Wrong("no domain parameters".into()) })
}
