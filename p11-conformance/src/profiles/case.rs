//! A test case of the "PKCS #11 Profiles" document: an XML file in which each call is followed by its answer (chapter
//! "PKCS#11 XML Representation").

use roxmltree::{Document, Node};

/// One XML element: a call, an answer, an argument, or a member of a structure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element {
    pub name: String,
    pub value: Option<String>,
    pub length: Option<String>,
    /// Of an attribute: its name without `CKA_`.
    pub kind: Option<String>,
    pub rv: Option<String>,
    /// Of a CK_VERSION.
    pub version: Option<(String, String)>,
    pub children: Vec<Element>,
    /// Where it stands in the file.
    pub line: u32,
}

impl Element {
    pub fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }
}

/// A call and what it must answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub call: Element,
    pub answer: Element,
}

/// Reads a case. Text between elements is a comment; `#` begins it.
pub fn read(text: &str) -> Result<Vec<Step>, String> {
    let document = Document::parse(text).map_err(|error| error.to_string())?;
    let root = document.root_element();
    if root.tag_name().name() != "PKCS11" {
        return Err(format!("the root element is {}, not PKCS11", root.tag_name().name()));
    }
    let mut steps = Vec::new();
    let mut elements = root.children().filter(Node::is_element);
    while let Some(call) = elements.next() {
        let call = element(call)?;
        let at = format!("line {}: {}", call.line, call.name);
        let answer = elements.next().ok_or_else(|| format!("{at} has no answer"))?;
        let answer = element(answer)?;
        if call.rv.is_some() || answer.rv.is_none() || answer.name != call.name {
            return Err(format!("{at} is not followed by its answer, an element of the same name with rv"));
        }
        steps.push(Step { call, answer });
    }
    Ok(steps)
}

fn element(node: Node) -> Result<Element, String> {
    let line = node.document().text_pos_at(node.range().start).row;
    let mut element = Element { name: node.tag_name().name().into(), line, ..Element::default() };
    let (mut major, mut minor) = (None, None);
    for attribute in node.attributes() {
        let value = Some(attribute.value().to_owned());
        match attribute.name() {
            "value" => element.value = value,
            "length" => element.length = value,
            "type" => element.kind = value,
            "rv" => element.rv = value,
            "major" => major = value,
            "minor" => minor = value,
            other => return Err(format!("line {line}: {} has the attribute {other}", element.name)),
        }
    }
    element.version = major.zip(minor);
    element.children =
        node.children().filter(Node::is_element).map(self::element).collect::<Result<_, _>>()?;
    Ok(element)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_stands_before_its_answer_and_text_is_a_comment() {
        let steps = read(
            "<PKCS11>\n<C_GetInfo/>\n<C_GetInfo rv=\"OK\"><Info>\n# a \"comment\", that isn't XML\n\
             <LibraryVersion major=\"1\" minor=\"0\"/></Info></C_GetInfo></PKCS11>",
        )
        .expect("a case");
        let [step] = steps.as_slice() else { panic!("{steps:?}") };
        assert_eq!((step.call.name.as_str(), step.call.line), ("C_GetInfo", 2));
        let version = step.answer.child("Info").and_then(|info| info.child("LibraryVersion"));
        assert_eq!(version.and_then(|version| version.version.clone()), Some(("1".into(), "0".into())));
    }

    #[test]
    fn a_call_without_an_answer_is_no_case() {
        for text in [
            "<PKCS11><C_GetInfo/></PKCS11>",
            "<PKCS11><C_GetInfo/><C_Finalize rv=\"OK\"/></PKCS11>",
            "<PKCS11><C_GetInfo rv=\"OK\"/><C_GetInfo rv=\"OK\"/></PKCS11>",
            "<PKCS11><C_GetInfo color=\"red\"/><C_GetInfo rv=\"OK\"/></PKCS11>",
            "<KMIP/>",
            "<PKCS11>",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
