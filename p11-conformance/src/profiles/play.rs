//! Plays a test case on a module: each call is made as it is written, and its answer compared.

use super::calls::{self, Answer};
use super::case::{Element, Step};
use super::constants::attribute;
use super::datum::{Datum, Kind, parse};
use super::told::{Difference, Known, compare, placeholder};
use crate::module::Module;
use crate::names;
use crate::scenario::USER_PIN;
use crate::template::Template;
use cryptoki_sys::*;

/// What the arguments of a call are read from: the case, and the placeholders that earlier answers have filled.
pub struct Arguments<'a> {
    call: &'a Element,
    known: &'a Known,
}

/// An argument that cannot be had: the case cannot be played on.
pub type Argument<T> = Result<T, String>;

impl<'a> Arguments<'a> {
    /// The function that is called.
    pub fn function(&self) -> &'a str {
        &self.call.name
    }

    /// Those inside an element of this call.
    pub fn inside(&self, name: &str) -> Argument<Arguments<'a>> {
        Ok(Arguments { call: self.element(name)?, known: self.known })
    }

    pub fn has(&self, name: &str) -> bool {
        self.call.child(name).is_some()
    }

    pub fn element(&self, name: &str) -> Argument<&'a Element> {
        self.call.child(name).ok_or_else(|| format!("{} without {name}", self.call.name))
    }

    pub fn datum(&self, name: &str, kind: Kind) -> Argument<Datum> {
        let text = self.element(name)?.value.as_deref();
        self.resolve(kind, text.ok_or_else(|| format!("{name} without a value"))?)
    }

    fn resolve(&self, kind: Kind, text: &str) -> Argument<Datum> {
        match placeholder(text) {
            Some(name) => self.known.get(name).cloned().ok_or_else(|| format!("nothing has told {text}")),
            None => parse(kind, text),
        }
    }

    pub fn number(&self, name: &str, kind: Kind) -> Argument<CK_ULONG> {
        self.datum(name, kind)?.number().ok_or_else(|| format!("{name} is no number"))
    }

    /// The bytes of an element; none where it is not there.
    pub fn bytes(&self, name: &str, kind: Kind) -> Argument<Vec<u8>> {
        match self.has(name) {
            true => Ok(self.datum(name, kind)?.bytes(kind)),
            false => Ok(Vec::new()),
        }
    }

    /// The room for an output; `None` where only its length is asked for.
    pub fn room(&self, name: &str) -> Argument<Option<usize>> {
        let text = self.call.child(name).and_then(|element| element.length.as_deref());
        text.map(|text| self.room_of(text)).transpose()
    }

    pub fn room_of(&self, text: &str) -> Argument<usize> {
        let number = self.resolve(Kind::Number, text)?.number();
        // No case has more: a wrong length must not take all memory.
        number
            .and_then(|number| usize::try_from(number).ok())
            .filter(|room| *room <= 1 << 24)
            .ok_or_else(|| format!("no room of {text} bytes"))
    }

    /// A template with values.
    pub fn template(&self, name: &str) -> Argument<Template> {
        let mut template = Template::new();
        for element in self.call.child(name).map_or(&[][..], |element| &element.children) {
            let (id, kind) = attribute_of(element)?;
            let text = element.value.as_deref().unwrap_or_default();
            template = template.bytes(id, &self.resolve(kind, text)?.bytes(kind));
        }
        Ok(template)
    }
}

/// The type and kind of the attribute that an element names.
pub fn attribute_of(element: &Element) -> Argument<(CK_ATTRIBUTE_TYPE, Kind)> {
    let name = element.kind.as_deref().unwrap_or_default();
    attribute(name).ok_or_else(|| format!("'{name}' is not an attribute that this program knows"))
}

/// What playing a case has shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Played {
    pub differences: Vec<Difference>,
    /// Why the case was not played to its end.
    pub stopped: Option<String>,
}

/// Plays the steps in their order. It ends at the first call that returns another code, since what follows builds on it.
pub fn play(module: &Module, steps: &[Step]) -> Played {
    let mut known = Known::from([("Pin".to_owned(), Datum::Bytes(USER_PIN.to_vec()))]);
    let mut played = Played::default();
    for step in steps {
        let arguments = Arguments { call: &step.call, known: &known };
        let Answer { rv, told } = match calls::perform(module, &arguments) {
            Ok(answer) => answer,
            Err(why) => {
                played.stopped = Some(format!("line {}: {why}", step.call.line));
                return played;
            }
        };
        let wanted = step.answer.rv.as_deref().unwrap_or_default();
        if parse(Kind::Name("CKR_", names::RETURN_VALUES), wanted) != Ok(Datum::Number(rv)) {
            let got = names::rv(rv);
            played.stopped =
                Some(format!("line {}: {} returned {got}, not CKR_{wanted}", step.call.line, step.call.name));
            return played;
        }
        compare(&step.call.name, &step.answer.children, &told, &mut known, &mut played.differences);
    }
    played
}
