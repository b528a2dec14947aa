//! Random histories: a token, the operations on it, and the model beside it.

use std::collections::BTreeSet;
use std::sync::Arc;

use coffer_pkcs11::store::Backend;
use coffer_pkcs11::vault::{Change, Entry, Error, RecordId, Unlocked, Vault};

use super::model::{FAST, Item, Model, PIN_LIMIT, new_token, options, pin};
use super::random::Random;

/// An operation, with everything that it needs decided.
#[derive(Clone, Debug)]
pub enum Operation {
    /// One transaction: additions, replacements, deletions, token information.
    Commit(Vec<Edit>),
    AddUnauthenticated([u8; 16], Item),
    Login,
    WrongLogin,
    UserPin(Vec<u8>),
    UserPinBySo(Vec<u8>),
    SoPin(Vec<u8>),
    Compact,
    Rotate,
    Reinitialise(Vec<u8>),
}

#[derive(Clone, Debug)]
pub enum Edit {
    Add([u8; 16], Item),
    Replace([u8; 16], Item),
    Delete([u8; 16]),
    Info(Vec<u8>),
}

impl Operation {
    /// The token after it.
    pub fn apply(&self, before: &Model) -> Model {
        let mut model = before.clone();
        // What was not waited for is durable once something later is.
        model.failures_allowed = BTreeSet::from([model.failures]);
        match self {
            Self::Commit(edits) => {
                for edit in edits {
                    match edit {
                        Edit::Add(id, item) | Edit::Replace(id, item) => {
                            model.items.insert(*id, item.clone());
                        }
                        Edit::Delete(id) => {
                            model.items.remove(id);
                        }
                        Edit::Info(info) => model.info = info.clone(),
                    }
                }
                model.revision += 1;
            }
            Self::AddUnauthenticated(id, item) => {
                model.items.insert(*id, item.clone());
                model.revision += 1;
            }
            Self::WrongLogin => {
                model.failures += 1;
                model.failures_allowed = BTreeSet::from([model.failures]);
            }
            Self::Login => {
                model.failures_allowed = BTreeSet::from([0, model.failures + 1]);
                model.failures = 0;
            }
            Self::UserPin(new) | Self::UserPinBySo(new) => {
                model.user_pin = Some(new.clone());
                model.failures = 0;
                model.failures_allowed = BTreeSet::from([0]);
                model.revision += 1;
            }
            Self::SoPin(new) => {
                model.so_pin = new.clone();
                model.revision += 1;
            }
            Self::Compact | Self::Rotate => model.revision += 1,
            Self::Reinitialise(info) => {
                let revision = model.revision + 1;
                model = Model { revision, ..Model::new(&model.so_pin, info) };
            }
        }
        model
    }
}

fn item(random: &mut Random, private: bool, authenticated: bool) -> Item {
    let length = [10, 200, 700, 1600][random.below(4)];
    let tag_length = random.below(33);
    let length = random.below(length);
    let secret_length = 16 + random.below(64);
    let has_secret = authenticated && (private || random.chance(2));
    Item {
        private,
        authenticated,
        tag: random.bytes(tag_length),
        metadata: random.bytes(length),
        secret: has_secret.then(|| random.bytes(secret_length)),
    }
}

fn id(random: &mut Random) -> [u8; 16] {
    std::array::from_fn(|_| (random.number() >> 24) as u8)
}

fn any(model: &Model, random: &mut Random) -> Option<[u8; 16]> {
    model.items.keys().nth(random.below(model.items.len())).copied()
}

/// What happens next to a token.
pub fn next(model: &Model, random: &mut Random) -> Operation {
    if model.user_pin.is_none() || model.failures >= u32::from(PIN_LIMIT) {
        return Operation::UserPinBySo(random.bytes(6));
    }
    let private = random.chance(2);
    let existing = any(model, random);
    let many = model.items.len() > 10;
    match (random.below(40), existing) {
        (0..10, Some(id)) if many => Operation::Commit(vec![Edit::Delete(id)]),
        (0..7, _) => Operation::Commit(vec![Edit::Add(id(random), item(random, private, true))]),
        // A key pair.
        (7..11, _) => Operation::Commit(vec![
            Edit::Add(id(random), item(random, false, true)),
            Edit::Add(id(random), item(random, true, true)),
        ]),
        (11..16, Some(old)) => {
            // A mark is never lost.
            let authenticated = model.items[&old].authenticated;
            let item = Item { authenticated, ..item(random, private, true) };
            Operation::Commit(vec![Edit::Replace(old, item)])
        }
        (16..20, Some(id)) => Operation::Commit(vec![Edit::Delete(id)]),
        (20..22, Some(old)) => Operation::Commit(vec![
            Edit::Delete(old),
            Edit::Info(random.bytes(40)),
            Edit::Add(id(random), item(random, private, true)),
        ]),
        (22..24, _) => Operation::AddUnauthenticated(id(random), item(random, false, false)),
        (24..27, _) => Operation::Login,
        (27..31, _) => Operation::WrongLogin,
        (31..33, _) => Operation::UserPin(random.bytes(6)),
        (33, _) => Operation::UserPinBySo(random.bytes(6)),
        (34, _) => Operation::SoPin(random.bytes(8)),
        (35..37, _) => Operation::Compact,
        (37, _) => Operation::Rotate,
        (38, _) if random.chance(4) => Operation::Reinitialise(random.bytes(20)),
        _ => Operation::Commit(vec![Edit::Info(random.bytes(30))]),
    }
}

/// A process that uses a token.
pub struct Process {
    pub vault: Arc<Vault>,
    /// Whoever is logged in here: the security officer, who may change everything.
    pub officer: Unlocked,
}

impl Process {
    pub fn create(backend: Arc<dyn Backend>, model: &Model) -> Result<Arc<Vault>, Error> {
        Vault::create(backend, options(), new_token(&pin(&model.so_pin), &model.info))
    }

    pub fn start(backend: Arc<dyn Backend>, model: &Model) -> Result<Self, Error> {
        let vault = Vault::open(backend, options())?;
        let officer = vault.login(Entry::SecurityOfficer, &pin(&model.so_pin))?;
        Ok(Self { vault, officer })
    }

    /// Does it. A wrong login that was refused as it must be is `Ok`.
    pub fn run(&mut self, operation: &Operation, model: &Model) -> Result<(), Error> {
        let user_pin = pin(model.user_pin.as_deref().unwrap_or_default());
        match operation {
            Operation::Commit(edits) => self.officer.commit(edits.iter().map(change).collect()).map(|_| ()),
            Operation::AddUnauthenticated(id, item) => {
                self.vault.add_unauthenticated(vec![item.put(*id)]).map(|_| ())
            }
            Operation::Login => self.vault.login(Entry::User, &user_pin).map(|_| ()),
            Operation::WrongLogin => match self.vault.login(Entry::User, &pin(b"wrong")) {
                Err(Error::PinIncorrect) => Ok(()),
                Err(error) => Err(error),
                Ok(_) => panic!("a wrong PIN was accepted"),
            },
            Operation::UserPin(new) | Operation::UserPinBySo(new) => {
                self.officer.set_entry(Entry::User, &pin(new), FAST).map(|_| ())
            }
            Operation::SoPin(new) => {
                self.officer.set_entry(Entry::SecurityOfficer, &pin(new), FAST).map(|_| ())
            }
            Operation::Compact => self.officer.compact().map(|_| ()),
            Operation::Rotate => self.officer.rotate_root().map(|_| ()),
            Operation::Reinitialise(info) => {
                let so_pin = pin(&model.so_pin);
                self.vault.reinitialise(new_token(&so_pin, info))?;
                self.officer = self.vault.login(Entry::SecurityOfficer, &so_pin)?;
                Ok(())
            }
        }
    }
}

fn change(edit: &Edit) -> Change {
    match edit {
        Edit::Add(id, item) => Change::Add(item.put(*id)),
        Edit::Replace(id, item) => Change::Replace { put: item.put(*id), expected: None },
        Edit::Delete(id) => Change::Delete(RecordId(*id)),
        Edit::Info(info) => Change::Info(info.clone()),
    }
}
