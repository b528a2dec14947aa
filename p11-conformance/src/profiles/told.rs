//! What a call answered, in the form of a test case, and how it is compared with the answer that is written there.

use super::case::Element;
use super::datum::{Datum, Kind, equal, parse, show};
use std::collections::BTreeMap;

/// An element of an answer.
#[derive(Clone, Default)]
pub struct Told {
    pub name: String,
    /// Of an attribute: its name without `CKA_`.
    pub kind: Option<String>,
    pub value: Option<(Kind, Datum)>,
    pub length: Option<u64>,
    pub version: Option<(u8, u8)>,
    pub children: Vec<Told>,
    /// A list whose order and number of entries may vary.
    pub unordered: bool,
}

impl Told {
    pub fn new(name: &str) -> Told {
        Told { name: name.into(), ..Told::default() }
    }

    pub fn of(name: &str, children: Vec<Told>) -> Told {
        Told { children, ..Told::new(name) }
    }

    pub fn value(name: &str, kind: Kind, value: Datum) -> Told {
        Told { value: Some((kind, value)), ..Told::new(name) }
    }

    pub fn number(name: &str, number: u64) -> Told {
        Told::value(name, Kind::Number, Datum::Number(number))
    }

    pub fn text(name: &str, text: &[u8]) -> Told {
        Told::value(name, Kind::Text, Datum::Bytes(text.to_vec()))
    }

    pub fn version(name: &str, version: cryptoki_sys::CK_VERSION) -> Told {
        Told { version: Some((version.major, version.minor)), ..Told::new(name) }
    }

    fn is_called(&self, wanted: &Element) -> bool {
        self.name == wanted.name && self.kind == wanted.kind
    }
}

/// Values of the placeholders `${…}`.
pub type Known = BTreeMap<String, Datum>;

/// A place at which an answer is not the written one.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Difference {
    /// Function, elements and attribute: `C_GetMechanismInfo/MechanismInfo/MinKeySize`.
    pub path: String,
    pub line: u32,
    pub got: String,
    pub wanted: String,
    /// Whether the document lets the value vary ("Variable Items").
    pub may_vary: bool,
}

/// The elements and attributes whose values may vary (chapter "Conformance Test Cases").
const VARIABLE: [&str; 29] = [
    "LibraryDescription",
    "LibraryVersion",
    "ManufacturerID",
    "SlotDescription",
    "HardwareVersion",
    "FirmwareVersion",
    "serialNumber",
    "label",
    "model",
    "utcTime",
    "SlotID",
    "Object",
    "Session",
    "Data",
    "EncryptedData",
    "RandomData",
    "VALUE",
    "PUBLIC_EXPONENT",
    "PRIVATE_EXPONENT",
    "PRIME_1",
    "PRIME_2",
    "EXPONENT_1",
    "EXPONENT_2",
    "COEFFICIENT",
    "PRIME",
    "SUBPRIME",
    "BASE",
    "EC_POINT",
    "UNIQUE_ID",
];

/// The name of a placeholder.
pub fn placeholder(text: &str) -> Option<&str> {
    text.strip_prefix("${")?.strip_suffix('}')
}

/// Compares the elements of an answer; placeholders take the values that were told.
pub fn compare(
    path: &str,
    wanted: &[Element],
    told: &[Told],
    known: &mut Known,
    found: &mut Vec<Difference>,
) {
    let mut rest: Vec<&Told> = told.iter().collect();
    for element in wanted {
        let name = element.kind.as_deref().unwrap_or(&element.name);
        let path = format!("{path}/{name}");
        match rest.iter().position(|told| told.is_called(element)) {
            Some(place) => one(&path, element, rest.remove(place), known, found),
            None => found.push(difference(&path, element, "nothing".into(), "an answer".into())),
        }
    }
}

fn one(path: &str, wanted: &Element, told: &Told, known: &mut Known, found: &mut Vec<Difference>) {
    let length = told.length.map(|length| (Kind::Number, Datum::Number(length)));
    for (text, value, what) in [(&wanted.value, &told.value, ""), (&wanted.length, &length, "length ")] {
        let Some(text) = text else { continue };
        let Some((kind, value)) = value else {
            found.push(difference(path, wanted, format!("no {what}value"), format!("{what}{text}")));
            continue;
        };
        if let Some(name) = placeholder(text) {
            known.insert(name.into(), value.clone());
        } else if !parse(*kind, text).is_ok_and(|wanted| equal(*kind, &wanted, value)) {
            let (got, expected) = (format!("{what}{}", show(*kind, value)), format!("{what}{text}"));
            found.push(difference(path, wanted, got, expected));
        }
    }
    if let Some((major, minor)) = &wanted.version {
        let got = told.version.map(|(major, minor)| (major.to_string(), minor.to_string()));
        if got.as_ref() != Some(&(major.clone(), minor.clone())) {
            let got = got.map_or("no version".into(), |(major, minor)| format!("{major}.{minor}"));
            found.push(difference(path, wanted, got, format!("{major}.{minor}")));
        }
    }
    if told.unordered {
        return members(path, &wanted.children, &told.children, known, found);
    }
    // How many objects there are is told by the number of elements.
    if wanted.name == "Object" && wanted.value.is_none() && wanted.children.len() != told.children.len() {
        let count = |count: usize| format!("{count} objects");
        let (got, expected) = (count(told.children.len()), count(wanted.children.len()));
        found.push(Difference { may_vary: false, ..difference(path, wanted, got, expected) });
    }
    compare(path, &wanted.children, &told.children, known, found);
}

/// Entries of a list in any order: placeholders take its entries one by one, everything else must be among them.
fn members(path: &str, wanted: &[Element], told: &[Told], known: &mut Known, found: &mut Vec<Difference>) {
    let mut entries = told.iter().filter_map(|entry| entry.value.as_ref());
    for element in wanted {
        let path = format!("{path}/{}", element.name);
        let text = element.value.as_deref().unwrap_or_default();
        if let Some(name) = placeholder(text) {
            match entries.next() {
                Some((_, value)) => _ = known.insert(name.into(), value.clone()),
                None => found.push(difference(&path, element, "the end of the list".into(), text.into())),
            }
            continue;
        }
        let is_it = |(kind, value): &(Kind, Datum)| parse(*kind, text).is_ok_and(|wanted| wanted == *value);
        if !told.iter().filter_map(|entry| entry.value.as_ref()).any(is_it) {
            found.push(difference(&path, element, "a list without it".into(), text.into()));
        }
    }
}

fn difference(path: &str, element: &Element, got: String, wanted: String) -> Difference {
    let name = element.kind.as_deref().unwrap_or(&element.name);
    Difference { path: path.into(), line: element.line, got, wanted, may_vary: VARIABLE.contains(&name) }
}

#[cfg(test)]
mod tests {
    use super::super::case;
    use super::*;
    use crate::names::MECHANISMS;

    /// The differences between an answer of these elements and what was told.
    fn differences(wanted: &str, told: Told, known: &mut Known) -> Vec<Difference> {
        let text = format!("<PKCS11><C_Call/><C_Call rv=\"OK\">{wanted}</C_Call></PKCS11>");
        let steps = case::read(&text).expect("a case");
        let mut found = Vec::new();
        compare("C_Call", &steps[0].answer.children, &[told], known, &mut found);
        found
    }

    #[test]
    fn a_wrong_expectation_is_a_difference() {
        let told = Told::number("MinPinLen", 4);
        let mut known = Known::new();
        assert_eq!(differences("<MinPinLen value=\"4\"/>", told.clone(), &mut known), []);
        let found = differences("<MinPinLen value=\"5\"/>", told.clone(), &mut known);
        let [only] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((only.path.as_str(), only.got.as_str(), only.may_vary), ("C_Call/MinPinLen", "4", false));
        let missing = differences("<MaxPinLen value=\"4\"/>", told, &mut known);
        assert!(matches!(missing.as_slice(), [only] if !only.may_vary));
        let varies = differences("<label value=\"a\"/>", Told::text("label", b"b"), &mut known);
        assert!(matches!(varies.as_slice(), [only] if only.may_vary));
    }

    #[test]
    fn a_placeholder_takes_what_was_told() {
        let mut known = Known::new();
        let told = Told::number("Session", 7);
        assert_eq!(differences("<Session value=\"${Session}\"/>", told, &mut known), []);
        assert_eq!(known.get("Session"), Some(&Datum::Number(7)));
    }

    #[test]
    fn a_list_may_have_more_entries_in_another_order_but_not_fewer() {
        let mechanism = Kind::Name("CKM_", MECHANISMS);
        let entries = ["SHA256", "RSA_PKCS", "SHA512"];
        let entries = entries.map(|name| Told::value("Type", mechanism, parse(mechanism, name).expect(name)));
        let list = Told { unordered: true, ..Told::of("MechanismList", entries.to_vec()) };
        let wanted = |names: &[&str]| {
            let types: String = names.iter().map(|name| format!("<Type value=\"{name}\"/>")).collect();
            format!("<MechanismList>{types}</MechanismList>")
        };
        let mut known = Known::new();
        assert_eq!(differences(&wanted(&["SHA512", "RSA_PKCS"]), list.clone(), &mut known), []);
        assert_eq!(differences(&wanted(&["SHA512", "AES_CBC"]), list, &mut known).len(), 1);
    }

    #[test]
    fn the_number_of_objects_is_part_of_the_answer() {
        let told = Told::of("Object", vec![Told::number("Object", 3)]);
        let mut known = Known::new();
        assert_eq!(differences("<Object/>", told.clone(), &mut known).len(), 1);
        let one = "<Object><Object value=\"${Object.Object[0]}\"/></Object>";
        assert_eq!(differences(one, told, &mut known), []);
        assert_eq!(known.get("Object.Object[0]"), Some(&Datum::Number(3)));
    }
}
