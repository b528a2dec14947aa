//! What will become of each object of a source, decided with the rules of the token that it goes to. Nothing is changed.

use coffer_pkcs11::ck::*;
use coffer_pkcs11::error::Error;
use coffer_pkcs11::object::{Attributes, SearchTemplate, Template, Value, attribute, classes, encode};
use coffer_pkcs11::session::Session;

use super::{Item, Material, Source};
use crate::failure::Result;
use crate::objects;
use crate::output;

/// One object and what is to become of it.
pub struct Step {
    pub item: Item,
    pub verdict: Verdict,
    /// What will be different in its new place.
    pub notes: Vec<String>,
}

pub enum Verdict {
    /// It is made of this template.
    Move(Template),
    /// It is there already.
    Present,
    /// It stays behind, and why.
    Stays(String),
}

impl Verdict {
    pub fn name(&self) -> &'static str {
        match self {
            Verdict::Move(_) => "move",
            Verdict::Present => "present",
            Verdict::Stays(_) => "stays",
        }
    }
}

/// What the token tells of its own objects: how they were made, what follows from their values. It is not carried over.
const TOLD_BY_THE_TOKEN: &[CK_ATTRIBUTE_TYPE] = &[
    CKA_UNIQUE_ID,
    CKA_LOCAL,
    CKA_ALWAYS_SENSITIVE,
    CKA_NEVER_EXTRACTABLE,
    CKA_KEY_GEN_MECHANISM,
    CKA_CHECK_VALUE,
    CKA_PUBLIC_KEY_INFO,
];

/// What was used of PKCS#11 in the past and means nothing any more.
const OUT_OF_USE: &[CK_ATTRIBUTE_TYPE] = &[CKA_SECONDARY_AUTH, CKA_AUTH_PIN_FLAGS];

/// A plan for everything in a source. `force`: keys may have an id that another key has.
pub fn of(source: Source, session: &Session, force: bool) -> Result<Vec<Step>> {
    let mut steps: Vec<Step> =
        source.items.into_iter().map(|item| step(item, session, force)).collect::<Result<_>>()?;
    steps.sort_by_key(|step| (step.item.label(), step.item.id().to_vec(), step.item.class()));
    Ok(steps)
}

fn step(item: Item, session: &Session, force: bool) -> Result<Step> {
    let mut notes = Vec::new();
    let verdict = match &item.material {
        Material::Missing(why) => Verdict::Stays(why.clone()),
        Material::Here => verdict(&item, session, force, &mut notes)?,
    };
    Ok(Step { item, verdict, notes })
}

fn verdict(item: &Item, session: &Session, force: bool, notes: &mut Vec<String>) -> Result<Verdict> {
    let (template, mut left_out) = match template(&item.attributes) {
        Ok(made) => made,
        Err(error) => return Ok(Verdict::Stays(refusal(item, error))),
    };
    left_out.extend(&item.unread);
    if !left_out.is_empty() {
        notes.push(format!("without {}", left_out.join(", ")));
    }
    let attributes = match session.object_to_be(&template) {
        Ok(attributes) => attributes,
        Err(error) => return Ok(Verdict::Stays(refusal(item, error))),
    };
    match twin(&attributes, session)? {
        Some(Twin::Same) => Ok(Verdict::Present),
        Some(Twin::OtherKey(label)) if !force => Ok(Verdict::Stays(format!(
            "another key, `{label}`, has the id {} (--force takes it all the same)",
            output::hex(item.id())
        ))),
        _ => Ok(Verdict::Move(template)),
    }
}

/// What C_CreateObject takes of an object's attributes, and the names of those that are lost.
fn template(attributes: &Attributes) -> std::result::Result<(Template, Vec<&'static str>), Error> {
    let table = classes::table_of(attributes)?;
    let mut template = Template::new();
    let mut left_out = Vec::new();
    for (id, value) in attributes.iter() {
        let empty = value.as_bytes().is_some_and(<[u8]>::is_empty)
            || matches!(value, Value::Template(inside) if inside.is_empty())
            || matches!(value, Value::Mechanisms(list) if list.is_empty());
        // What is empty is so by itself, and trust is given by the security officer.
        if empty || TOLD_BY_THE_TOKEN.contains(&id) || OUT_OF_USE.contains(&id) || id == CKA_TRUSTED {
            continue;
        }
        match table.rule(id) {
            // Footnote 2: not to be given to C_CreateObject, because it follows from other values.
            Some(rule) if rule.footnotes.has(2) => {}
            Some(_) => template.push_value(id, value.clone())?,
            // SoftHSM2 gives keys attributes that their class does not have, such as encrypting EC keys.
            None if value.as_bool() == Some(false) => {}
            None => left_out.extend(attribute::lookup(id).map(|info| info.name)),
        }
    }
    template.push_value(CKA_TOKEN, Value::Bool(true))?;
    Ok((template, left_out))
}

fn refusal(item: &Item, error: Error) -> String {
    match error {
        Error::AttributeValueInvalid if classes::table_of(&item.attributes).is_err() => {
            "Coffer has no objects of this class or type".into()
        }
        error => format!("the token does not take it: {error}"),
    }
}

enum Twin {
    Same,
    /// A key of the same class and id with another value; its label.
    OtherKey(String),
}

/// The object of the token that is the one to be, or that has its id.
fn twin(to_be: &Attributes, session: &Session) -> Result<Option<Twin>> {
    let class = to_be.ulong(CKA_CLASS).unwrap_or(UNAVAILABLE);
    let id = to_be.bytes(CKA_ID).filter(|id| !id.is_empty());
    let mut search = SearchTemplate::new();
    search.push(CKA_CLASS, &encode(&Value::Ulong(class)))?;
    search.push(CKA_TOKEN, &[CK_TRUE])?;
    match id {
        Some(id) => search.push(CKA_ID, id)?,
        None => search.push(CKA_LABEL, to_be.bytes(CKA_LABEL).unwrap_or_default())?,
    }
    let compared: &[CK_ATTRIBUTE_TYPE] = match class {
        CKO_PRIVATE_KEY | CKO_PUBLIC_KEY => &[CKA_KEY_TYPE, CKA_PUBLIC_KEY_INFO],
        CKO_SECRET_KEY => &[CKA_KEY_TYPE, CKA_VALUE_LEN, CKA_CHECK_VALUE],
        CKO_CERTIFICATE => &[CKA_VALUE],
        _ => &[CKA_APPLICATION, CKA_OBJECT_ID, CKA_VALUE],
    };
    let mut other = None;
    for handle in objects::search(session, &search)? {
        let held = objects::values(session, handle, compared)?;
        let same = compared.iter().all(|attribute| alike(held.value(*attribute), to_be.value(*attribute)));
        if same {
            return Ok(Some(Twin::Same));
        }
        if id.is_some() && matches!(class, CKO_PRIVATE_KEY | CKO_PUBLIC_KEY | CKO_SECRET_KEY) {
            other = Some(Twin::OtherKey(objects::Entry::read(session, handle)?.label()));
        }
    }
    Ok(other)
}

/// Equal, where an empty value is as none and secret bytes are bytes.
fn alike(one: Option<&Value>, other: Option<&Value>) -> bool {
    let bytes = |value: Option<&Value>| value.map(|value| encode(value).into_owned()).unwrap_or_default();
    bytes(one) == bytes(other)
}
