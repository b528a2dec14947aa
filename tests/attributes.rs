//! The rule tables say what the specification says: they are compared, both ways, with a transcription of it
//! (`tests/golden/attributes.tsv`). Where they differ, the reason stands here and in `docs/conformance.md`.

use std::collections::BTreeMap;

use coffer_pkcs11::ck::*;
use coffer_pkcs11::object::Kind;
use coffer_pkcs11::object::attribute;
use coffer_pkcs11::object::classes::{Initial, Rule, Table, tables};

/// A line of the transcription.
#[derive(Clone, Debug)]
struct Line {
    classes: String,
    subtypes: String,
    attribute: String,
    kind: String,
    footnotes: Vec<u8>,
    default: String,
}

/// What differs on purpose: class (`*` for all), attribute, what the tables have instead, and why.
struct Difference {
    class: &'static str,
    subtypes: &'static [&'static str],
    attribute: &'static str,
    /// Footnotes of the tables; `None` where they agree.
    footnotes: Option<&'static [u8]>,
    /// Default of the tables; `None` where they agree.
    default: Option<&'static str>,
    reason: &'static str,
}

const ANY: &[&str] = &[];

const DIFFERENCES: &[Difference] = &[
    Difference {
        class: "CKO_DATA",
        subtypes: ANY,
        attribute: "CKA_APPLICATION",
        footnotes: Some(&[8]),
        default: None,
        reason: "applications rewrite their data objects in place",
    },
    Difference {
        class: "CKO_DATA",
        subtypes: ANY,
        attribute: "CKA_OBJECT_ID",
        footnotes: Some(&[8]),
        default: None,
        reason: "applications rewrite their data objects in place",
    },
    Difference {
        class: "CKO_DATA",
        subtypes: ANY,
        attribute: "CKA_VALUE",
        footnotes: Some(&[8]),
        default: None,
        reason: "applications rewrite their data objects in place",
    },
    Difference {
        class: "*",
        subtypes: ANY,
        attribute: "CKA_TRUSTED",
        footnotes: None,
        default: Some("CK_FALSE"),
        reason: "the standard names no default, and trust must be given",
    },
    Difference {
        class: "CKO_CERTIFICATE",
        subtypes: &["CKC_WTLS"],
        attribute: "CKA_URL",
        footnotes: None,
        default: Some("empty"),
        reason: "the standard names a default for X.509 certificates only",
    },
    Difference {
        class: "*",
        subtypes: ANY,
        attribute: "CKA_OBJECT_VALIDATION_FLAGS",
        footnotes: Some(&[2, 4, 6, 9, 12]),
        default: Some("0"),
        reason: "a validation is the module's claim: an application must not make it for it",
    },
    Difference {
        class: "*",
        subtypes: ANY,
        attribute: "CKA_PUBLIC_CRC64_VALUE",
        footnotes: Some(&[4, 13]),
        default: Some("-"),
        reason: "no client gives it, so that requiring it would refuse every import",
    },
    Difference {
        class: "CKO_PRIVATE_KEY",
        subtypes: &["CKK_ML_DSA", "CKK_ML_KEM"],
        attribute: "CKA_VALUE",
        footnotes: Some(&[4, 6, 7]),
        default: None,
        reason: "the text below the table: one of CKA_SEED and CKA_VALUE is enough",
    },
    Difference {
        class: "CKO_OTP_KEY",
        subtypes: ANY,
        attribute: "CKA_OTP_LENGTH",
        footnotes: None,
        default: Some("6"),
        reason: "token-specific: what HOTP is",
    },
    Difference {
        class: "CKO_OTP_KEY",
        subtypes: ANY,
        attribute: "CKA_OTP_USER_FRIENDLY_MODE",
        footnotes: None,
        default: Some("CK_TRUE"),
        reason: "token-specific: what HOTP is",
    },
    Difference {
        class: "CKO_OTP_KEY",
        subtypes: ANY,
        attribute: "CKA_OTP_CHALLENGE_REQUIREMENT",
        footnotes: None,
        default: Some("0"),
        reason: "token-specific: what HOTP is",
    },
    Difference {
        class: "CKO_OTP_KEY",
        subtypes: ANY,
        attribute: "CKA_OTP_TIME_REQUIREMENT",
        footnotes: None,
        default: Some("0"),
        reason: "token-specific: what HOTP is",
    },
    Difference {
        class: "CKO_OTP_KEY",
        subtypes: ANY,
        attribute: "CKA_OTP_COUNTER_REQUIREMENT",
        footnotes: None,
        default: Some("1"),
        reason: "token-specific: what HOTP is",
    },
    Difference {
        class: "CKO_OTP_KEY",
        subtypes: ANY,
        attribute: "CKA_OTP_PIN_REQUIREMENT",
        footnotes: None,
        default: Some("0"),
        reason: "token-specific: what HOTP is",
    },
];

/// Rows that only the tables have, and why.
const ADDITIONS: &[(&str, &[&str], &str, &str)] = &[
    (
        "CKO_PRIVATE_KEY",
        &["CKK_EC", "CKK_EC_EDWARDS", "CKK_EC_MONTGOMERY"],
        "CKA_EC_POINT",
        "clients give it with the private key and look for it there",
    ),
    (
        "CKO_DOMAIN_PARAMETERS",
        &["CKK_DSA"],
        "CKA_SUBPRIME_BITS",
        "the text below the table and the generation mechanisms of section 6.2 name it",
    ),
];

#[test]
fn every_rule_is_the_one_of_the_specification() {
    let golden = golden();
    for table in tables() {
        let expected = expected(&golden, table);
        for rule in table.rules() {
            let name = attribute::lookup(rule.id).expect("in the catalogue").name;
            let place = format!("{} {} {name}", class_name(table), subtype_name(table));
            let Some(line) = expected.get(name) else {
                assert!(is_addition(table, name), "{place}: not in the specification");
                continue;
            };
            compare(table, rule, line, &place);
        }
    }
}

#[test]
fn every_attribute_of_the_specification_has_its_rule() {
    let golden = golden();
    for table in tables() {
        for name in expected(&golden, table).keys() {
            let info = attribute::by_name(name).unwrap_or_else(|| panic!("{name}: not in the catalogue"));
            let place = format!("{} {} {name}", class_name(table), subtype_name(table));
            assert!(table.rule(info.id).is_some(), "{place}: no rule");
        }
    }
}

#[test]
fn every_class_and_type_of_the_transcription_has_its_table() {
    for line in golden() {
        for class in line.classes.split(',').filter(|class| *class != "*") {
            for subtype in line.subtypes.split(',') {
                let found =
                    tables().any(|table| class_name(table) == class && fits(subtype, subtype_name(table)));
                assert!(found, "{class} {subtype}");
            }
        }
    }
}

#[test]
fn every_difference_is_one_and_has_a_reason() {
    let golden = golden();
    for difference in DIFFERENCES {
        assert!(!difference.reason.is_empty());
        let differs = tables().filter(|table| applies(difference, table)).any(|table| {
            let expected = expected(&golden, table);
            let Some(line) = expected.get(difference.attribute) else { return false };
            difference.footnotes.is_some_and(|footnotes| footnotes != line.footnotes)
                || difference.default.is_some_and(|default| default != line.default)
        });
        assert!(differs, "{} {}", difference.class, difference.attribute);
    }
}

fn compare(table: &Table, rule: &Rule, line: &Line, place: &str) {
    let difference = DIFFERENCES
        .iter()
        .find(|difference| applies(difference, table) && difference.attribute == line.attribute);
    let footnotes = difference.and_then(|difference| difference.footnotes).unwrap_or(&line.footnotes);
    assert_eq!(rule.footnotes.numbers().collect::<Vec<_>>(), footnotes, "{place}: footnotes");
    let default = difference.and_then(|difference| difference.default).unwrap_or(&line.default);
    assert_eq!(default_name(rule.initial, default), default, "{place}: default");
    let kind = attribute::lookup(rule.id).expect("in the catalogue").kind;
    assert!(kind_fits(rule.id, kind, &line.kind), "{place}: {kind:?}, not {}", line.kind);
}

/// CKA_VALUE is bytes in some tables and a big integer in others; the catalogue tells each attribute once.
fn kind_fits(id: CK_ATTRIBUTE_TYPE, kind: Kind, told: &str) -> bool {
    format!("{kind:?}") == told || (id == CKA_VALUE && told == "BigInteger")
}

fn default_name(initial: Initial, told: &str) -> String {
    match initial {
        Initial::Absent => "-".into(),
        Initial::Empty => "empty".into(),
        Initial::False => "CK_FALSE".into(),
        Initial::True => "CK_TRUE".into(),
        Initial::Computed => "module".into(),
        Initial::Private | Initial::Usage | Initial::Sensitive | Initial::Extractable => "token".into(),
        Initial::Ulong(number) => match told {
            "CKM_SHA_1" if number == CKM_SHA_1 => told.into(),
            "CK_OTP_FORMAT_DECIMAL" if number == CK_OTP_FORMAT_DECIMAL => told.into(),
            "CKT_TRUST_UNKNOWN" if number == u64::from(CKT_TRUST_UNKNOWN) => told.into(),
            "CK_CERTIFICATE_CATEGORY_UNSPECIFIED" if number == CK_CERTIFICATE_CATEGORY_UNSPECIFIED => {
                told.into()
            }
            "CK_SECURITY_DOMAIN_UNSPECIFIED" if number == CK_SECURITY_DOMAIN_UNSPECIFIED => told.into(),
            _ => number.to_string(),
        },
    }
}

fn golden() -> Vec<Line> {
    let text = include_str!("golden/attributes.tsv");
    let line = |line: &str| {
        let fields: Vec<&str> = line.split('\t').collect();
        let [classes, subtypes, attribute, kind, footnotes, default] = fields[..] else {
            panic!("not six columns: {line:?}");
        };
        let number = |number: &str| number.parse().expect("a footnote number");
        Line {
            classes: classes.into(),
            subtypes: subtypes.into(),
            attribute: attribute.into(),
            kind: kind.into(),
            footnotes: footnotes.split(',').filter(|number| !number.is_empty()).map(number).collect(),
            default: default.into(),
        }
    };
    text.lines().filter(|line| !line.starts_with('#')).map(line).collect()
}

/// The lines that speak of a table, by attribute; a later line replaces an earlier one, as in the specification.
fn expected(golden: &[Line], table: &Table) -> BTreeMap<String, Line> {
    let (class, subtype) = (class_name(table), subtype_name(table));
    let speaks = |line: &&Line| fits(&line.classes, class) && fits(&line.subtypes, subtype);
    golden.iter().filter(speaks).map(|line| (line.attribute.clone(), line.clone())).collect()
}

fn fits(list: &str, name: &str) -> bool {
    list == "*" || list.split(',').any(|entry| entry == name)
}

fn applies(difference: &Difference, table: &Table) -> bool {
    fits(difference.class, class_name(table))
        && (difference.subtypes.is_empty() || difference.subtypes.contains(&subtype_name(table)))
}

fn is_addition(table: &Table, attribute: &str) -> bool {
    ADDITIONS.iter().any(|(class, subtypes, name, _)| {
        *class == class_name(table) && subtypes.contains(&subtype_name(table)) && *name == attribute
    })
}

fn class_name(table: &Table) -> &'static str {
    let names = [
        (CKO_DATA, "CKO_DATA"),
        (CKO_CERTIFICATE, "CKO_CERTIFICATE"),
        (CKO_PUBLIC_KEY, "CKO_PUBLIC_KEY"),
        (CKO_PRIVATE_KEY, "CKO_PRIVATE_KEY"),
        (CKO_SECRET_KEY, "CKO_SECRET_KEY"),
        (CKO_DOMAIN_PARAMETERS, "CKO_DOMAIN_PARAMETERS"),
        (CKO_TRUST, "CKO_TRUST"),
        (CKO_OTP_KEY, "CKO_OTP_KEY"),
    ];
    names.iter().find(|(class, _)| *class == table.class).expect("a class with a name").1
}

macro_rules! names {
    ($subtype:expr, $($name:ident)*) => {
        match $subtype {
            $(Some($name) => stringify!($name),)*
            other => panic!("no name for the type {other:?}"),
        }
    };
}

fn subtype_name(table: &Table) -> &'static str {
    match table.class {
        CKO_DATA | CKO_TRUST => "",
        CKO_CERTIFICATE => names!(table.subtype, CKC_X_509 CKC_WTLS CKC_X_509_ATTR_CERT),
        _ => names!(table.subtype,
            CKK_RSA CKK_DSA CKK_DH CKK_X9_42_DH CKK_EC CKK_EC_EDWARDS CKK_EC_MONTGOMERY CKK_ML_DSA CKK_ML_KEM
            CKK_SLH_DSA CKK_HSS CKK_XMSS CKK_XMSSMT CKK_GENERIC_SECRET CKK_HKDF CKK_AES CKK_AES_XTS CKK_CHACHA20 CKK_SALSA20 CKK_CAMELLIA CKK_ARIA CKK_POLY1305 CKK_DES CKK_DES2
            CKK_DES3 CKK_MD5_HMAC CKK_SHA_1_HMAC CKK_SHA224_HMAC CKK_SHA256_HMAC CKK_SHA384_HMAC CKK_SHA512_HMAC
            CKK_SHA512_224_HMAC CKK_SHA512_256_HMAC CKK_SHA512_T_HMAC CKK_SHA3_224_HMAC CKK_SHA3_256_HMAC
            CKK_SHA3_384_HMAC CKK_SHA3_512_HMAC CKK_BLAKE2B_160_HMAC CKK_BLAKE2B_256_HMAC CKK_BLAKE2B_384_HMAC
            CKK_BLAKE2B_512_HMAC CKK_HOTP),
    }
}
