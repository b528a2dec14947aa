//! The attacker of the property tests: random calls, and what is checked after each.

use coffer_pkcs11::ck::*;
use coffer_pkcs11::error::{Error, Result};
use coffer_pkcs11::mechanism::Params;
use coffer_pkcs11::object::{SearchTemplate, Value};
use coffer_pkcs11::policy::Profile;
use coffer_pkcs11::token::ObjectHandle;

use crate::common::{USER_PIN, bytes, find, secret, template};
use crate::host::*;
use crate::random::Random;

use super::secrets::{Secrets, part_of};

/// Keys at a time.
const MOST: usize = 24;

const PROTECTION: [CK_ATTRIBUTE_TYPE; 6] = [
    CKA_SENSITIVE,
    CKA_EXTRACTABLE,
    CKA_WRAP_WITH_TRUSTED,
    CKA_COPYABLE,
    CKA_ALWAYS_SENSITIVE,
    CKA_NEVER_EXTRACTABLE,
];

/// True where the change of an attribute of [`PROTECTION`] takes protection away, or makes history better than it was.
fn loosens(attribute: CK_ATTRIBUTE_TYPE, before: bool, after: bool) -> bool {
    match attribute {
        CKA_SENSITIVE | CKA_WRAP_WITH_TRUSTED => before && !after,
        _ => !before && after,
    }
}

struct Key {
    handle: ObjectHandle,
    /// What the test knows of it and the attacker does not; nothing for generated and unwrapped keys.
    value: Option<Vec<u8>>,
    /// The values that it was put together of; its own where it was not.
    parts: Vec<Vec<u8>>,
    protection: [bool; 6],
}

pub struct Attacker {
    pub host: Host,
    strict: bool,
    pub random: Random,
    keys: Vec<Key>,
    pub secrets: Secrets,
    /// What the token has said, to be said to it again.
    heard: Vec<Vec<u8>>,
    pub succeeded: usize,
    pub outputs: usize,
}

impl Attacker {
    pub fn new(profile: Profile, seed: u64) -> Self {
        let strict = profile == Profile::Strict;
        let mut attacker = Self {
            host: if strict { Host::strict() } else { Host::new() },
            strict,
            random: Random::new(seed),
            keys: Vec::new(),
            secrets: Secrets::default(),
            heard: vec![vec![0; 32]],
            succeeded: 0,
            outputs: 0,
        };
        attacker.create_some();
        attacker
    }

    pub fn step(&mut self) {
        match self.random.below(100) {
            0..8 => self.create(),
            8..16 => self.generate(),
            16..21 => self.copy(),
            21..31 => self.set(),
            31..46 => self.derive(),
            46..58 => self.wrap(),
            58..68 => self.unwrap(),
            68..74 => self.crypt(true),
            74..82 => self.crypt(false),
            82..88 => self.mac(),
            88..93 => self.read(),
            93..96 => self.search(),
            96..99 => self.destroy(),
            _ if self.random.chance(100) => self.log_in_anew(),
            _ => self.check_all(),
        }
    }

    fn pick(&mut self) -> usize {
        self.random.below(self.keys.len())
    }

    fn handle(&mut self) -> ObjectHandle {
        let index = self.pick();
        self.keys[index].handle
    }

    /// Something heard, cut or as it was, or random bytes.
    fn input(&mut self) -> Vec<u8> {
        let length = [16, 24, 32, 40, 48][self.random.below(5)];
        if self.random.chance(3) {
            return self.random.bytes(length);
        }
        let index = self.random.below(self.heard.len());
        let mut input = self.heard[index].clone();
        if self.random.chance(4) {
            input.resize(length, 0);
        }
        input
    }

    pub fn hear(&mut self, output: Vec<u8>) {
        self.outputs += 1;
        self.secrets.search(&output);
        if output.is_empty() {
            return;
        }
        if self.heard.len() < 64 {
            self.heard.push(output);
        } else {
            let index = self.random.below(64);
            self.heard[index] = output;
        }
    }

    /// Each attribute told or left out by chance.
    fn attributes(&mut self, all: &[CK_ATTRIBUTE_TYPE]) -> Vec<Attribute> {
        let mut chosen = Vec::new();
        for id in all {
            if self.random.chance(2) {
                chosen.push((*id, Value::Bool(self.random.chance(2))));
            }
        }
        chosen
    }

    fn key_attributes(&mut self) -> Vec<Attribute> {
        let mut all = self.attributes(&[
            CKA_SENSITIVE,
            CKA_EXTRACTABLE,
            CKA_WRAP_WITH_TRUSTED,
            CKA_COPYABLE,
            CKA_MODIFIABLE,
            CKA_ENCRYPT,
            CKA_DECRYPT,
            CKA_SIGN,
            CKA_WRAP,
            CKA_UNWRAP,
        ]);
        all.push((CKA_DERIVE, Value::Bool(!self.random.chance(4))));
        if self.random.chance(200) {
            all.push(yes(CKA_TOKEN));
        }
        all
    }

    fn key_type(&mut self) -> CK_KEY_TYPE {
        if self.random.chance(3) { CKK_GENERIC_SECRET } else { CKK_AES }
    }

    /// Takes a new key in; `from` are the keys whose protection it inherits.
    fn add(&mut self, handle: ObjectHandle, value: Option<Vec<u8>>, parts: Vec<Vec<u8>>, from: &[[bool; 6]]) {
        let protection = self.protection(handle);
        for parent in from {
            for (index, id) in PROTECTION.iter().enumerate().take(2) {
                let looser = loosens(*id, parent[index], protection[index]);
                assert!(!looser, "a key that comes from another has a looser {id:#x}");
            }
        }
        self.succeeded += 1;
        self.keys.push(Key { handle, value, parts, protection });
        if self.keys.len() > MOST {
            let index = self.pick();
            let key = self.keys.swap_remove(index);
            self.host.session.destroy_object(key.handle).unwrap();
        }
    }

    fn create_some(&mut self) {
        while self.keys.len() < 8 {
            self.create();
        }
    }

    fn create(&mut self) {
        let (key_type, more) = (self.key_type(), self.key_attributes());
        let length = [16, 24, 32][self.random.below(3)];
        let value = self.random.bytes(length);
        let wanted = secret_key(key_type, &[&[(CKA_VALUE, bytes(&value))], &more[..]].concat());
        let made = self.host.session.create_object(&wanted);
        let Some(handle) = self.made(made) else { return };
        let [sensitive, extractable, ..] = self.protection(handle);
        if sensitive || !extractable {
            self.secrets.hide(&value);
        }
        self.add(handle, Some(value.clone()), vec![value], &[]);
    }

    /// A new key; a strict token refuses most templates.
    fn made(&self, made: Result<ObjectHandle>) -> Option<ObjectHandle> {
        assert!(self.strict || made.is_ok(), "{made:?}");
        made.ok()
    }

    fn generate(&mut self) {
        let more = self.key_attributes();
        let wanted = template(&[&[(CKA_VALUE_LEN, Value::Ulong(32))], &more[..]].concat());
        let made = self.host.session.generate_key(CKM_AES_KEY_GEN, &Params::None, &wanted);
        let Some(handle) = self.made(made) else { return };
        self.add(handle, None, Vec::new(), &[]);
    }

    fn copy(&mut self) {
        let index = self.pick();
        let wanted = template(&self.attributes(&[
            CKA_SENSITIVE,
            CKA_EXTRACTABLE,
            CKA_WRAP_WITH_TRUSTED,
            CKA_COPYABLE,
            CKA_DECRYPT,
            CKA_WRAP,
        ]));
        let original = &self.keys[index];
        let (value, parts, before) = (original.value.clone(), original.parts.clone(), original.protection);
        if let Ok(handle) = self.host.session.copy_object(original.handle, &wanted) {
            let after = self.protection(handle);
            for (index, id) in PROTECTION.iter().enumerate() {
                assert!(!loosens(*id, before[index], after[index]), "a copy has a looser {id:#x}");
            }
            self.add(handle, value, parts, &[before]);
        }
    }

    fn set(&mut self) {
        let index = self.pick();
        let mut all = self.attributes(&PROTECTION[..4]);
        all.extend(self.attributes(&[CKA_DECRYPT, CKA_WRAP, CKA_UNWRAP, CKA_DERIVE, CKA_TRUSTED]));
        let handle = self.keys[index].handle;
        if self.host.session.set_attribute_values(handle, &template(&all)).is_ok() {
            self.succeeded += 1;
        }
        self.check(index);
    }

    fn derive(&mut self) {
        let (base, other) = (self.pick(), self.pick());
        let length = 16 + self.random.below(17);
        let data = self.random.bytes(length);
        self.secrets.know(&data);
        let first = self.random.below(256) as u64;
        let (id, params, others, both) = match self.random.below(6) {
            0 => (CKM_CONCATENATE_BASE_AND_KEY, Params::None, vec![self.keys[other].handle], true),
            1 => (CKM_CONCATENATE_BASE_AND_DATA, Params::Bytes(data.clone()), Vec::new(), false),
            2 => (CKM_CONCATENATE_DATA_AND_BASE, Params::Bytes(data.clone()), Vec::new(), false),
            3 => (CKM_XOR_BASE_AND_DATA, Params::Bytes(data.clone()), Vec::new(), false),
            4 => (CKM_EXTRACT_KEY_FROM_KEY, Params::FirstBit(first), Vec::new(), false),
            _ => (CKM_SHA256_KEY_DERIVATION, Params::None, Vec::new(), false),
        };
        let mut more = self.key_attributes();
        let length = 1 + self.random.below(48);
        if id == CKM_EXTRACT_KEY_FROM_KEY || self.random.chance(2) {
            more.push((CKA_VALUE_LEN, Value::Ulong(length as u64)));
        }
        let wanted = secret_key(CKK_GENERIC_SECRET, &more);
        let handle = self.keys[base].handle;
        let Ok(made) = self.host.session.derive_key(id, &params, handle, &others, &wanted) else { return };
        let handle = made.main.unwrap();
        let length = self.host.read(handle, CKA_VALUE_LEN).unwrap().as_ulong().unwrap() as usize;
        let key = |index: usize| self.keys[index].value.as_deref();
        let value = match id {
            CKM_CONCATENATE_BASE_AND_KEY => {
                key(base).zip(key(other)).map(|(left, right)| [left, right].concat())
            }
            CKM_CONCATENATE_BASE_AND_DATA => key(base).map(|base| [base, &data].concat()),
            CKM_CONCATENATE_DATA_AND_BASE => key(base).map(|base| [&data, base].concat()),
            CKM_XOR_BASE_AND_DATA => {
                key(base).map(|base| base.iter().zip(&data).map(|(left, right)| left ^ right).collect())
            }
            CKM_EXTRACT_KEY_FROM_KEY => key(base).map(|base| part_of(base, first as usize, length)),
            // A digest that C_DigestKey gives as well: it is no secret of its own.
            _ => None,
        };
        let value = value.map(|value| value[..length].to_vec());
        let mut parts = self.keys[base].parts.clone();
        let mut parents = vec![self.keys[base].protection];
        if both {
            parts.extend(self.keys[other].parts.clone());
            parents.push(self.keys[other].protection);
        }
        // A changed key, or a part of one, is as secret as that was.
        if let (CKM_XOR_BASE_AND_DATA | CKM_EXTRACT_KEY_FROM_KEY, Some(value), [whole]) =
            (id, &value, &parts[..])
            && self.keys[base].value.as_ref() == Some(whole)
            && self.secrets.holds(whole)
        {
            self.secrets.hide(value);
        }
        match (id, &value) {
            (CKM_SHA256_KEY_DERIVATION, _) => parents.clear(),
            (CKM_XOR_BASE_AND_DATA, Some(value)) => parts = vec![value.clone()],
            _ => {}
        }
        self.add(handle, value, parts, &parents);
    }

    fn wrapping(&mut self) -> (CK_MECHANISM_TYPE, Params) {
        match self.random.below(6) {
            0 => (CKM_AES_ECB, Params::None),
            1 => (CKM_AES_CBC, iv()),
            2 => (CKM_AES_CBC_PAD, iv()),
            3 => (CKM_AES_GCM, gcm()),
            4 => (CKM_AES_KEY_WRAP, Params::None),
            _ => (CKM_AES_KEY_WRAP_KWP, Params::None),
        }
    }

    fn wrap(&mut self) {
        let ((id, params), by, index) = (self.wrapping(), self.handle(), self.pick());
        let Ok(wrapped) = self.host.wrap(id, &params, by, self.keys[index].handle) else { return };
        let key = &self.keys[index];
        let [_, extractable, trusting, ..] = key.protection;
        assert!(extractable && !trusting, "a key was wrapped that must not be");
        if !self.strict {
            key.value.iter().chain(&key.parts).for_each(|value| self.secrets.expose(value));
        }
        self.succeeded += 1;
        self.hear(wrapped);
    }

    fn unwrap(&mut self) {
        let ((id, params), by, wrapped) = (self.wrapping(), self.handle(), self.input());
        let (key_type, more) = (self.key_type(), self.key_attributes());
        let wanted = secret_key(key_type, &more);
        if let Ok(handle) = self.host.session.unwrap_key(id, &params, by, &wrapped, &wanted) {
            self.add(handle, None, Vec::new(), &[]);
        }
    }

    fn crypt(&mut self, encrypt: bool) {
        let (key, input) = (self.handle(), self.input());
        let (id, params) = match self.random.below(5) {
            0 => (CKM_AES_ECB, Params::None),
            1 => (CKM_AES_CBC, iv()),
            2 => (CKM_AES_CBC_PAD, iv()),
            3 => (CKM_AES_KEY_WRAP, Params::None),
            _ => (CKM_AES_GCM, gcm()),
        };
        let done = if encrypt {
            self.host.encrypt(id, &params, key, &input)
        } else {
            self.host.decrypt(id, &params, key, &input)
        };
        if let Ok(output) = done {
            self.succeeded += 1;
            self.hear(output);
        }
    }

    fn mac(&mut self) {
        let (key, input) = (self.handle(), self.input());
        let id = [CKM_AES_CMAC, CKM_SHA256_HMAC][self.random.below(2)];
        let made = if self.random.chance(3) {
            self.host.session.digest_init(CKM_SHA256, &Params::None).unwrap();
            match self.host.session.digest_key(key) {
                Ok(()) => filled(|output| self.host.session.digest_final(output)),
                Err(error) => Err(error),
            }
        } else {
            self.host.sign(id, &Params::None, key, &input)
        };
        self.host.session.digest_cancel();
        if let Ok(output) = made {
            self.succeeded += 1;
            self.hear(output);
        }
    }

    /// All attributes that a key can have, and its size.
    fn read(&mut self) {
        let index = self.pick();
        let key = &self.keys[index];
        let all: Vec<CK_ATTRIBUTE_TYPE> =
            (0..0x700).chain(0x4000_0210..0x4000_0220).chain([CKA_ALLOWED_MECHANISMS]).collect();
        let hidden = key.protection[0] || !key.protection[1];
        let values = self.host.session.attribute_values(key.handle, &all).unwrap();
        self.host.session.object_size(key.handle).unwrap();
        self.succeeded += 1;
        for (id, value) in all.iter().zip(values) {
            if *id == CKA_VALUE {
                assert_eq!(value == Err(Error::AttributeSensitive), hidden);
            }
            if let Ok(Value::Bytes(value)) = value {
                self.hear(value);
            } else if let Ok(Value::Secret(value)) = value {
                self.hear(value.as_bytes().to_vec());
            }
        }
    }

    /// A search by the right value finds the keys alone whose value can be read.
    fn search(&mut self) {
        let index = self.pick();
        let Some(value) = self.keys[index].value.clone() else { return };
        let mut search = SearchTemplate::new();
        search.push(CKA_VALUE, &value).unwrap();
        for found in find(&self.host.session, &search) {
            let [sensitive, extractable, ..] = self.protection(found);
            assert!(!sensitive && extractable, "a search has found a hidden value");
        }
        self.succeeded += 1;
    }

    fn destroy(&mut self) {
        if self.keys.len() > 8 {
            let index = self.pick();
            let key = self.keys.swap_remove(index);
            self.host.session.destroy_object(key.handle).unwrap();
        }
    }

    /// Private session objects end with the login; those of the token stay and are found again.
    fn log_in_anew(&mut self) {
        self.check_all();
        self.host.session.logout().unwrap();
        for key in &self.keys {
            assert!(self.host.session.attribute_values(key.handle, &[CKA_CLASS]).is_err());
        }
        self.host.session.login(CKU_USER, &secret(USER_PIN)).unwrap();
        for handle in find(&self.host.session, &SearchTemplate::new()) {
            self.host.session.destroy_object(handle).unwrap();
        }
        self.keys.clear();
        self.create_some();
    }

    fn protection(&self, handle: ObjectHandle) -> [bool; 6] {
        PROTECTION.map(|id| self.host.is(handle, id))
    }

    /// The key is protected as well as it was.
    fn check(&mut self, index: usize) {
        let after = self.protection(self.keys[index].handle);
        let key = &mut self.keys[index];
        for ((id, before), after) in PROTECTION.iter().zip(key.protection).zip(after) {
            assert!(!loosens(*id, before, after), "{id:#x} has loosened");
        }
        key.protection = after;
    }

    pub fn check_all(&mut self) {
        (0..self.keys.len()).for_each(|index| self.check(index));
    }
}
