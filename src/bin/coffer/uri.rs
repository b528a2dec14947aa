//! PKCS#11 URIs (RFC 7512): how tokens and objects are named on the command line and in the output.

use std::fmt;

use coffer_pkcs11::ck::*;

/// A PKCS#11 URI, taken apart. What is `None` was not named and fits everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Uri {
    pub token: Option<String>,
    pub manufacturer: Option<String>,
    pub serial: Option<String>,
    pub model: Option<String>,
    pub slot_id: Option<u64>,
    pub object: Option<String>,
    pub id: Option<Vec<u8>>,
    pub class: Option<Class>,
    /// The file that holds the PIN; never the PIN itself.
    pub pin_source: Option<String>,
    /// The library of the module that the token is in, for tokens that are not ours.
    pub module_path: Option<String>,
}

/// The classes that RFC 7512 has names for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Class {
    Public,
    Private,
    Cert,
    SecretKey,
    Data,
}

impl Class {
    const ALL: [Class; 5] = [Class::Public, Class::Private, Class::Cert, Class::SecretKey, Class::Data];

    pub fn name(self) -> &'static str {
        match self {
            Class::Public => "public",
            Class::Private => "private",
            Class::Cert => "cert",
            Class::SecretKey => "secret-key",
            Class::Data => "data",
        }
    }

    pub fn id(self) -> CK_OBJECT_CLASS {
        match self {
            Class::Public => CKO_PUBLIC_KEY,
            Class::Private => CKO_PRIVATE_KEY,
            Class::Cert => CKO_CERTIFICATE,
            Class::SecretKey => CKO_SECRET_KEY,
            Class::Data => CKO_DATA,
        }
    }

    pub fn of(class: CK_OBJECT_CLASS) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.id() == class)
    }
}

/// The path attributes; `library-` and `slot-` ones are accepted and fit, as there is one library only.
const PATH: [&str; 13] = [
    "token",
    "manufacturer",
    "serial",
    "model",
    "slot-id",
    "object",
    "id",
    "type",
    "library-manufacturer",
    "library-description",
    "library-version",
    "slot-manufacturer",
    "slot-description",
];

impl Uri {
    pub fn is_uri(text: &str) -> bool {
        text.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("pkcs11:"))
    }

    /// Reads a URI. The error is a sentence for people.
    pub fn parse(text: &str) -> Result<Self, String> {
        if !Self::is_uri(text) {
            return Err(format!("`{text}` is not a PKCS#11 URI; these begin with pkcs11:"));
        }
        let rest = text.get(7..).unwrap_or_default();
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut uri = Uri::default();
        let mut seen = Vec::new();
        for (name, value) in attributes(path, ';')? {
            if seen.contains(&name) {
                return Err(format!("the URI names {name} twice"));
            }
            seen.push(name);
            uri.set(name, value)?;
        }
        for (name, value) in attributes(query, '&')? {
            match name {
                "module-path" => uri.module_path = Some(utf8(name, value)?),
                "pin-source" => uri.pin_source = Some(utf8(name, value)?),
                "pin-value" => {
                    return Err("the URI contains pin-value, which everybody on this machine could read in the list of \
                                processes; use pin-source=file:PATH, --pin-file or COFFER_PIN"
                        .into());
                }
                // RFC 7512 section 2.5: query attributes that are not known are ignored.
                _ => {}
            }
        }
        Ok(uri)
    }

    fn set(&mut self, name: &str, value: Vec<u8>) -> Result<(), String> {
        match name {
            "token" => self.token = Some(utf8(name, value)?),
            "manufacturer" => self.manufacturer = Some(utf8(name, value)?),
            "serial" => self.serial = Some(utf8(name, value)?),
            "model" => self.model = Some(utf8(name, value)?),
            "object" => self.object = Some(utf8(name, value)?),
            "id" => self.id = Some(value),
            "slot-id" => {
                let text = utf8(name, value)?;
                self.slot_id =
                    Some(text.parse().map_err(|_| format!("slot-id is `{text}`, but must be a number"))?);
            }
            "type" => {
                let text = utf8(name, value)?;
                let class = Class::ALL.into_iter().find(|class| class.name() == text);
                self.class = Some(class.ok_or_else(|| {
                    format!("type is `{text}`, but must be public, private, cert, secret-key or data")
                })?);
            }
            _ if PATH.contains(&name) => {}
            // RFC 7512 section 2.5: a path attribute that is not known fits no object.
            _ => {
                let likely = PATH.iter().max_by(|one, other| {
                    strsim::jaro_winkler(name, one).total_cmp(&strsim::jaro_winkler(name, other))
                });
                let likely = likely.filter(|known| strsim::jaro_winkler(name, known) > 0.75);
                let question = likely.map(|known| format!("; did you mean {known}?")).unwrap_or_default();
                return Err(format!("the URI has the attribute {name}, which fits nothing here{question}"));
            }
        }
        Ok(())
    }

    /// True where an object, not only a token, is named.
    pub fn names_object(&self) -> bool {
        self.object.is_some() || self.id.is_some() || self.class.is_some()
    }
}

fn attributes(part: &str, separator: char) -> Result<Vec<(&str, Vec<u8>)>, String> {
    let pieces = part.split(separator).filter(|piece| !piece.is_empty());
    pieces
        .map(|piece| {
            let (name, value) = piece
                .split_once('=')
                .ok_or_else(|| format!("`{piece}` in the URI has no value: write NAME=VALUE"))?;
            Ok((
                name,
                percent_decoded(value)
                    .ok_or_else(|| format!("{name} has a % without two hexadecimal digits after it"))?,
            ))
        })
        .collect()
}

fn percent_decoded(text: &str) -> Option<Vec<u8>> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::new();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        let value = digit(bytes.next())? * 16 + digit(bytes.next())?;
        decoded.push(u8::try_from(value).ok()?);
    }
    Some(decoded)
}

fn utf8(name: &str, value: Vec<u8>) -> Result<String, String> {
    String::from_utf8(value).map_err(|_| format!("{name} in the URI is not UTF-8"))
}

/// Text with everything but unreserved characters of RFC 3986 escaped; `id` is always escaped, as section 2.3 advises.
fn escape(formatter: &mut fmt::Formatter<'_>, bytes: &[u8], all: bool) -> fmt::Result {
    for byte in bytes {
        let plain = byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
        if plain && !all {
            write!(formatter, "{}", char::from(*byte))?
        } else {
            write!(formatter, "%{byte:02X}")?
        }
    }
    Ok(())
}

impl fmt::Display for Uri {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "pkcs11:")?;
        let texts = [
            ("token", &self.token),
            ("manufacturer", &self.manufacturer),
            ("model", &self.model),
            ("serial", &self.serial),
        ];
        let mut separator = "";
        for (name, value) in texts.into_iter().chain([("object", &self.object)]) {
            if let Some(value) = value {
                write!(formatter, "{separator}{name}=")?;
                escape(formatter, value.as_bytes(), false)?;
                separator = ";";
            }
        }
        if let Some(slot) = self.slot_id {
            write!(formatter, "{separator}slot-id={slot}")?;
            separator = ";";
        }
        if let Some(id) = &self.id {
            write!(formatter, "{separator}id=")?;
            escape(formatter, id, true)?;
            separator = ";";
        }
        if let Some(class) = self.class {
            write!(formatter, "{separator}type={}", class.name())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_encoding_is_undone_and_done() {
        let uri = Uri::parse("pkcs11:token=My%20token%3B1;object=caf%C3%A9;id=%01%aF;type=private").unwrap();
        assert_eq!(uri.token.as_deref(), Some("My token;1"));
        assert_eq!(uri.object.as_deref(), Some("café"));
        assert_eq!(uri.id.as_deref(), Some(&[1, 0xaf][..]));
        assert_eq!(uri.class, Some(Class::Private));
        assert_eq!(uri.to_string(), "pkcs11:token=My%20token%3B1;object=caf%C3%A9;id=%01%AF;type=private");
        assert_eq!(Uri::parse(&uri.to_string()).unwrap(), uri);
    }

    #[test]
    fn an_id_of_plain_characters_is_their_bytes() {
        assert_eq!(Uri::parse("pkcs11:id=ab").unwrap().id, Some(b"ab".to_vec()));
    }

    #[test]
    fn an_empty_uri_fits_everything() {
        assert_eq!(Uri::parse("PKCS11:").unwrap(), Uri::default());
    }

    #[test]
    fn the_query_gives_a_pin_source_and_the_rest_of_it_is_ignored() {
        let uri =
            Uri::parse("pkcs11:token=a?pin-source=file:/run/pin&module-name=coffer&x-unknown=1").unwrap();
        assert_eq!(uri.pin_source.as_deref(), Some("file:/run/pin"));
    }

    #[test]
    fn bad_uris_are_refused_with_the_reason() {
        for (text, reason) in [
            ("http://x", "begin with pkcs11:"),
            ("pkcs11:token", "has no value"),
            ("pkcs11:token=%4", "two hexadecimal digits"),
            ("pkcs11:token=%zz", "two hexadecimal digits"),
            ("pkcs11:token=%ff", "not UTF-8"),
            ("pkcs11:token=a;token=b", "twice"),
            ("pkcs11:type=key", "public, private, cert, secret-key or data"),
            ("pkcs11:slot-id=x", "must be a number"),
            ("pkcs11:tokn=a", "did you mean token?"),
            ("pkcs11:token=a?pin-value=1234", "list of processes"),
        ] {
            let error = Uri::parse(text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn a_pin_in_a_uri_is_not_repeated_in_the_error() {
        assert!(!Uri::parse("pkcs11:token=a?pin-value=987654").unwrap_err().contains("987654"));
    }
}
