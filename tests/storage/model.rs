//! What a token should contain, and whether the bytes of a file do contain it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use coffer_pkcs11::secret::Secret;
use coffer_pkcs11::store::MemoryBackend;
use coffer_pkcs11::vault::{
    Change, Entry, Error, Kdf, NewToken, Note, Options, Put, RecordId, SecretPart, Unlocked, Vault,
    Visibility,
};

pub const PIN_LIMIT: u8 = 10;
/// So few iterations that a campaign can log in a million times.
pub const FAST: Kdf = Kdf::Pbkdf2Sha512 { iterations: 1 };

pub fn options() -> Options {
    Options { minimum_iterations: 1, compact_above: 12_000, ..Options::default() }
}

pub fn pin(bytes: &[u8]) -> Secret {
    Secret::copy_of(bytes)
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub private: bool,
    pub authenticated: bool,
    pub tag: Vec<u8>,
    pub metadata: Vec<u8>,
    pub secret: Option<Vec<u8>>,
}

impl Item {
    pub fn put(&self, id: [u8; 16]) -> Put {
        let secret = match &self.secret {
            Some(secret) => SecretPart::New(Secret::copy_of(secret)),
            None => SecretPart::None,
        };
        Put {
            id: RecordId(id),
            visibility: if self.private { Visibility::Private } else { Visibility::Public },
            tag: self.tag.clone(),
            metadata: self.metadata.clone(),
            secret,
        }
    }
}

/// A token as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    pub items: BTreeMap<[u8; 16], Item>,
    pub info: Vec<u8>,
    pub so_pin: Vec<u8>,
    pub user_pin: Option<Vec<u8>>,
    /// Wrong attempts of the user.
    pub failures: u32,
    /// What a crash may make of them: a count that was set back is not waited for.
    pub failures_allowed: BTreeSet<u32>,
    /// The lowest revision that the token may have.
    pub revision: u64,
}

impl Model {
    pub fn new(so_pin: &[u8], info: &[u8]) -> Self {
        Self {
            items: BTreeMap::new(),
            info: info.to_vec(),
            so_pin: so_pin.to_vec(),
            user_pin: None,
            failures: 0,
            failures_allowed: BTreeSet::from([0]),
            revision: 1,
        }
    }
}

pub fn new_token<'a>(so_pin: &'a Secret, info: &[u8]) -> NewToken<'a> {
    NewToken {
        info: info.to_vec(),
        so_pin,
        kdf: FAST,
        allow_readonly_login: false,
        pin_limit: PIN_LIMIT,
        separated: false,
    }
}

/// Everything that is in a token.
pub fn observe(unlocked: &Unlocked) -> Result<BTreeMap<[u8; 16], Item>, Error> {
    let mut items = BTreeMap::new();
    for record in unlocked.records()? {
        let secret = match record.has_secret {
            true => Some(unlocked.secret(record.id)?.as_bytes().to_vec()),
            false => None,
        };
        let item = Item {
            private: record.visibility == Visibility::Private,
            authenticated: record.authenticated,
            tag: record.tag.as_deref().unwrap_or_default().to_vec(),
            metadata: unlocked.metadata(record.id)?,
            secret,
        };
        items.insert(record.id.0, item);
    }
    Ok(items)
}

pub fn open(bytes: &[u8]) -> Result<Arc<Vault>, Error> {
    Vault::open(Arc::new(MemoryBackend::with_contents(bytes.to_vec())), options())
}

/// Opens a file and compares it with what it may be. Says which of the candidates it is, or what is wrong with it.
pub fn judge(bytes: &[u8], candidates: &[&Model]) -> Result<usize, String> {
    let vault = open(bytes).map_err(|error| format!("it does not open: {error}"))?;
    if let Some(note) = vault.notes().iter().find(|note| matches!(note, Note::RolledBack | Note::Superseded))
    {
        return Err(format!("it was left with the note {note:?}"));
    }
    let lowest = candidates.iter().map(|model| model.revision).min().unwrap_or(0);
    if vault.revision().0 < lowest {
        return Err(format!("its revision is {} and not {lowest} or more", vault.revision().0));
    }
    let failures = vault.pin_state(Entry::User).map_err(|error| error.to_string())?.failures;
    let mut reasons = Vec::new();
    for (number, candidate) in candidates.iter().enumerate() {
        match is(bytes, candidate) {
            Ok(()) if candidates.iter().any(|model| model.failures_allowed.contains(&failures)) => {
                return Ok(number);
            }
            Ok(()) => return Err(format!("{failures} wrong attempts are counted")),
            Err(reason) => reasons.push(reason),
        }
    }
    Err(reasons.join("; "))
}

/// Whether the file holds what the model says, opens with its PINs, verifies, and takes a further transaction.
fn is(bytes: &[u8], model: &Model) -> Result<(), String> {
    let text = |what: &'static str| move |error: Error| format!("{what}: {error}");
    let backend = Arc::new(MemoryBackend::with_contents(bytes.to_vec()));
    let vault = Vault::open(backend.clone(), options()).map_err(text("open"))?;
    let officer = vault.login(Entry::SecurityOfficer, &pin(&model.so_pin)).map_err(text("SO login"))?;
    if vault.info() != model.info {
        return Err("the token information differs".into());
    }
    let items = observe(&officer).map_err(text("read"))?;
    if items != model.items {
        let lost = model.items.keys().filter(|id| !items.contains_key(*id)).count();
        let extra = items.keys().filter(|id| !model.items.contains_key(*id)).count();
        return Err(format!("the records differ: {lost} are missing, {extra} should not be there"));
    }
    let state = vault.pin_state(Entry::User).map_err(text("PIN state"))?;
    if state.initialised != model.user_pin.is_some() {
        return Err("the user PIN is set or not set wrongly".into());
    }
    if let (Some(user), false) = (&model.user_pin, state.locked) {
        vault.login(Entry::User, &pin(user)).map_err(text("user login"))?;
    }
    officer.verify(|_, _| {}).map_err(text("verification"))?;
    let probe = Item {
        private: true,
        authenticated: true,
        tag: b"probe".to_vec(),
        metadata: b"probe".to_vec(),
        secret: None,
    };
    officer.commit(vec![Change::Add(probe.put([0xff; 16]))]).map_err(text("the next commit"))?;
    let bytes = backend.contents().unwrap_or_default();
    let again = open(&bytes).map_err(text("opening again"))?;
    // What was torn in one of two places is written anew by one of the next two commits.
    if again.notes().iter().any(|note| !matches!(note, Note::CommitPointer | Note::PinState)) {
        return Err(format!("notes after the next commit: {:?}", again.notes()));
    }
    if again.records().len() != model.items.len() + 1 {
        return Err("the next commit did not add one record".into());
    }
    Ok(())
}
