//! Inside the machine: looks at the token, tells what it holds, and then changes it until the power is cut.

use std::sync::Arc;

use coffer_pkcs11::ck::*;
use coffer_pkcs11::config::Config;
use coffer_pkcs11::error::Result;
use coffer_pkcs11::mechanism::Params;
use coffer_pkcs11::module::Module;
use coffer_pkcs11::object::{SearchTemplate, Template, Value};
use coffer_pkcs11::secret::Secret;
use coffer_pkcs11::session::Session;
use coffer_pkcs11::store::{FileBackend, Mode};
use coffer_pkcs11::token::{ObjectHandle, SlotId, padded};
use coffer_pkcs11::vault::{Entry, Options, Vault};

use crate::Random;
use crate::model::{Contents, apply};

const PIN: &[u8] = b"user-pin";
const SO_PIN: &[u8] = b"so-pin-1";
const SLOT: SlotId = SlotId(0);
/// So many objects at most.
const CROWD: usize = 24;
const P256: &[u8] = &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];

/// One line, whole: the host disregards lines without their end.
fn tell(line: &str) {
    println!("coffer: {line} .");
}

pub fn run(home: &str, seed: u64) {
    let mut config = Config::with_home(home);
    config.pin.kdf_iterations = 10_000;
    config.pin.attempts = 255;
    if let Err(error) = look_and_work(&Module::new(config), seed) {
        tell(&format!("unusable {error:?}"));
    }
    // The power goes, not the program: the first process of a machine must not end.
    loop {
        std::thread::park();
    }
}

fn look_and_work(module: &Module, seed: u64) -> Result<()> {
    if !module.token_info(SLOT).is_ok_and(|info| info.flags & CKF_TOKEN_INITIALIZED != 0) {
        make_token(module)?;
    }
    let path = module.slot_info(SLOT)?.path;
    let session = module.session(module.open_session(SLOT, CKF_SERIAL_SESSION | CKF_RW_SESSION)?)?;
    session.login(CKU_USER, &Secret::copy_of(PIN))?;
    let mut contents = look(&session)?;
    // Every authentication code and every sealed part of the file.
    let vault = Vault::open(Arc::new(FileBackend::new(path, Mode::Owner)), Options::default());
    let verified = vault.and_then(|vault| vault.login(Entry::User, &Secret::copy_of(PIN))?.verify(|_, _| {}));
    if let Err(error) = verified {
        tell(&format!("unusable {error:?}"));
        return Ok(());
    }
    contents.iter().for_each(|(name, label)| tell(&format!("holds {name} {label}")));
    tell("looked");
    work(&session, &mut contents, seed);
    Ok(())
}

fn make_token(module: &Module) -> Result<()> {
    module.init_token(SLOT, &Secret::copy_of(SO_PIN), padded("power"))?;
    let session = module.session(module.open_session(SLOT, CKF_SERIAL_SESSION | CKF_RW_SESSION)?)?;
    session.login(CKU_SO, &Secret::copy_of(SO_PIN))?;
    session.init_pin(&Secret::copy_of(PIN))?;
    session.logout()?;
    module.close_session(session.handle())
}

/// All objects. The value of a secret key follows from its name, so that half a key shows.
fn look(session: &Session) -> Result<Contents> {
    let mut contents = Contents::new();
    session.find_init(&SearchTemplate::new())?;
    let found = session.find(usize::MAX)?;
    session.find_final()?;
    for object in found {
        let values = session.attribute_values(object, &[CKA_CLASS, CKA_ID, CKA_LABEL])?;
        let [Ok(class), Ok(id), Ok(label)] = &values[..] else { continue };
        let text = |value: &Value| String::from_utf8_lossy(value.as_bytes().unwrap_or_default()).into_owned();
        let (name, label) = (text(id), text(label));
        let name = match class.as_ulong() {
            Some(CKO_PUBLIC_KEY) => format!("{name}/public"),
            Some(CKO_PRIVATE_KEY) => format!("{name}/private"),
            _ => {
                let value = session.attribute_values(object, &[CKA_VALUE])?.remove(0)?;
                if value.as_bytes() == Some(&value_of(&name)[..]) { name } else { format!("{name}/half") }
            }
        };
        contents.insert(name, label);
    }
    Ok(contents)
}

fn value_of(name: &str) -> [u8; 16] {
    padded(name)
}

fn work(session: &Session, contents: &mut Contents, seed: u64) {
    let mut random = Random::new(seed);
    for round in 0.. {
        let label = format!("{seed}.{round}");
        let any = contents.keys().nth(random.below(CROWD as u64) as usize).cloned();
        let step = match (random.below(16), any) {
            (0, _) => "pin".to_owned(),
            (1..5, Some(name)) if !name.contains('/') => format!("key {name} {label}"),
            (5..8, Some(name)) => format!("destroy {name}"),
            (_, Some(name)) if contents.len() >= CROWD => format!("destroy {name}"),
            (8..10, _) => format!("pair {label} {label}"),
            _ => format!("key {label} {label}"),
        };
        tell(&format!("tries {step}"));
        if let Err(error) = carry_out(session, &step) {
            tell(&format!("failed {error:?}"));
            return;
        }
        tell(&format!("did {step}"));
        apply(contents, &step);
    }
}

fn carry_out(session: &Session, step: &str) -> Result<()> {
    match step.split(' ').collect::<Vec<_>>()[..] {
        ["key", name, label] => match object(session, name)? {
            Some(object) => session.set_attribute_values(object, &template(&[(CKA_LABEL, text(label))])?),
            None => session.create_object(&key(name, label)?).map(drop),
        },
        ["pair", name, label] => {
            let common = [(CKA_TOKEN, Value::Bool(true)), (CKA_ID, text(name)), (CKA_LABEL, text(label))];
            let mut public = template(&common)?;
            public.push_value(CKA_EC_PARAMS, Value::Bytes(P256.to_vec()))?;
            let (mechanism, none) = (CKM_EC_KEY_PAIR_GEN, Params::None);
            session.generate_key_pair(mechanism, &none, &public, &template(&common)?).map(drop)
        }
        ["destroy", name] => object(session, name)?.map_or(Ok(()), |object| session.destroy_object(object)),
        _ => session.set_pin(&Secret::copy_of(PIN), &Secret::copy_of(PIN)),
    }
}

fn object(session: &Session, name: &str) -> Result<Option<ObjectHandle>> {
    let (id, half) = name.split_once('/').unwrap_or((name, ""));
    let class = match half {
        "public" => CKO_PUBLIC_KEY,
        "private" => CKO_PRIVATE_KEY,
        _ => CKO_SECRET_KEY,
    };
    let mut search = SearchTemplate::new();
    search.push(CKA_ID, id.as_bytes())?;
    search.push(CKA_CLASS, &class.to_ne_bytes())?;
    session.find_init(&search)?;
    let found = session.find(1)?;
    session.find_final()?;
    Ok(found.first().copied())
}

fn key(name: &str, label: &str) -> Result<Template> {
    template(&[
        (CKA_CLASS, Value::Ulong(CKO_SECRET_KEY)),
        (CKA_KEY_TYPE, Value::Ulong(CKK_AES)),
        (CKA_TOKEN, Value::Bool(true)),
        (CKA_EXTRACTABLE, Value::Bool(true)),
        (CKA_VALUE, Value::Bytes(value_of(name).to_vec())),
        (CKA_ID, text(name)),
        (CKA_LABEL, text(label)),
    ])
}

fn text(text: &str) -> Value {
    Value::Bytes(text.as_bytes().to_vec())
}

fn template(attributes: &[(CK_ATTRIBUTE_TYPE, Value)]) -> Result<Template> {
    let mut template = Template::new();
    for (id, value) in attributes {
        template.push_value(*id, value.clone())?;
    }
    Ok(template)
}
