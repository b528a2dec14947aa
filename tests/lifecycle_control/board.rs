//! A token under dual control, and the people who approve.

use std::collections::BTreeMap;
use std::sync::Arc;

use coffer_pkcs11::ck::*;
use coffer_pkcs11::error::Result;
use coffer_pkcs11::lifecycle::approval::{self, Ask, ParticipantKey, Refusal, Standing};
use coffer_pkcs11::mechanism::Params;
use coffer_pkcs11::module::Module;
use coffer_pkcs11::object::Value;
use coffer_pkcs11::policy::{Control, Controlled, Profile, SignedRequest, Subject};
use coffer_pkcs11::session::{Output, Session};
use coffer_pkcs11::token::{Event, ObjectHandle, SlotId};

use super::common::world::World;
use super::common::{SO_PIN, USER_PIN, bytes, open, secret, template};

pub const NAMES: [&str; 4] = ["alice", "bob", "carol", "dora"];
pub const VALIDITY: u32 = 3600;

/// An enforcing token in which everything needs two of alice, bob, carol and dora besides the one who asks.
pub struct Board {
    pub world: World,
    pub session: Arc<Session>,
    pub keys: Vec<ParticipantKey>,
}

impl Board {
    pub fn new() -> Self {
        let board = Self::without_rules();
        approval::set_control(board.session.token(), Some(&board.control(2))).unwrap();
        board
    }

    pub fn without_rules() -> Self {
        let world = World::new(Profile::Compatible);
        let session = world.session();
        let keys = NAMES.iter().map(|name| ParticipantKey::generate(name).unwrap()).collect();
        Self { world, session, keys }
    }

    /// Rules by which each operation needs so many approvals.
    pub fn control(&self, needed: u8) -> Control {
        Control {
            rules: Controlled::ALL
                .into_iter()
                .map(|operation| (operation, needed))
                .collect::<BTreeMap<_, _>>(),
            participants: self.keys.iter().map(ParticipantKey::participant).collect(),
            validity: VALIDITY,
        }
    }

    pub fn key_of(&self, name: &str) -> &ParticipantKey {
        self.keys.iter().find(|key| key.name() == name).unwrap()
    }

    pub fn ask(&self, operation: Controlled, subject: Subject) -> [u8; 16] {
        self.try_ask(operation, subject, Vec::new()).unwrap().request.id
    }

    pub fn try_ask(
        &self,
        operation: Controlled,
        subject: Subject,
        proposal: Vec<u8>,
    ) -> std::result::Result<SignedRequest, Refusal> {
        let (about, reason) = ("what it is about".into(), "why".into());
        let ask = Ask { operation, subject, about, reason, proposal, valid: None };
        approval::request(self.session.token(), self.key_of("alice"), &ask)
    }

    pub fn approve(&self, id: &[u8; 16], name: &str) -> std::result::Result<Standing, Refusal> {
        approval::approve(self.session.token(), id, self.key_of(name))
    }

    /// alice asks, bob and carol approve.
    pub fn approved(&self, operation: Controlled, subject: Subject) -> [u8; 16] {
        let id = self.ask(operation, subject);
        self.approve(&id, "bob").unwrap();
        assert!(self.approve(&id, "carol").unwrap().is_approved());
        id
    }

    pub fn aes(&self, label: &str) -> ObjectHandle {
        let wanted = template(&[
            (CKA_TOKEN, Value::Bool(true)),
            (CKA_LABEL, bytes(label.as_bytes())),
            (CKA_VALUE_LEN, Value::Ulong(32)),
            (CKA_EXTRACTABLE, Value::Bool(true)),
            (CKA_SENSITIVE, Value::Bool(false)),
            (CKA_WRAP, Value::Bool(true)),
        ]);
        self.session.generate_key(CKM_AES_KEY_GEN, &Params::None, &wanted).unwrap()
    }

    pub fn subject(&self, key: ObjectHandle) -> Subject {
        Subject::key(&self.unique_id(key))
    }

    pub fn unique_id(&self, key: ObjectHandle) -> String {
        let id = value(&self.session, key, CKA_UNIQUE_ID).unwrap();
        String::from_utf8(id.as_bytes().unwrap().to_vec()).unwrap()
    }

    /// True where the key is there and works.
    pub fn works(&self, key: ObjectHandle) -> bool {
        let works = self.session.encrypt_init(CKM_AES_ECB, &Params::None, key).is_ok();
        self.session.encrypt_cancel();
        works
    }

    pub fn wrap(&self, by: ObjectHandle, key: ObjectHandle) -> Result<Vec<u8>> {
        wrap(&self.session, by, key)
    }

    /// The same people with a token in the folder of this module.
    pub fn moved_to(self, module: Module) -> Self {
        let world = self.world.with_module(module);
        let session = world.session();
        Self { world, session, keys: self.keys }
    }

    pub fn log_in(&self, pin: &str) -> Result<()> {
        self.session.login(CKU_USER, &secret(pin))
    }

    /// With the security officer logged in; nobody is afterwards.
    pub fn as_officer_until<T>(&self, work: impl FnOnce(&Session) -> T) -> T {
        // The user may have left before.
        let _ = self.session.logout();
        self.session.login(CKU_SO, &secret(SO_PIN)).unwrap();
        let result = work(&self.session);
        self.session.logout().unwrap();
        result
    }

    /// With the security officer logged in instead of the user.
    pub fn as_officer<T>(&self, work: impl FnOnce(&Session) -> T) -> T {
        let result = self.as_officer_until(work);
        self.log_in(USER_PIN).unwrap();
        result
    }

    /// A session of another process.
    pub fn elsewhere(&self) -> (Module, Arc<Session>) {
        let module = self.world.second_module();
        let session = open(&module, SlotId(0), true);
        session.login(CKU_USER, &secret(USER_PIN)).unwrap();
        (module, session)
    }

    pub fn events(&self) -> Vec<Event> {
        let events = self.session.token().events(1).unwrap();
        events.iter().map(|(_, text)| Event::decode(text.text()).unwrap()).collect()
    }

    /// How many requests wait.
    pub fn waiting(&self) -> usize {
        approval::list(self.session.token()).unwrap().len()
    }
}

pub fn wrap(session: &Session, by: ObjectHandle, key: ObjectHandle) -> Result<Vec<u8>> {
    let mut wrapped = vec![0; 256];
    let mut output = Output::buffer(&mut wrapped);
    session.wrap_key(CKM_AES_KEY_WRAP_KWP, &Params::None, by, key, &mut output)?;
    let length = output.length();
    wrapped.truncate(length);
    Ok(wrapped)
}

pub fn value(session: &Session, key: ObjectHandle, attribute: CK_ATTRIBUTE_TYPE) -> Result<Value> {
    session.attribute_values(key, &[attribute]).unwrap().remove(0)
}
