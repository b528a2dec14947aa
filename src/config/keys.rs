//! The keys of `coffer.toml`, one row each.

use std::path::PathBuf;
use std::time::Duration;

use toml::{Table, Value};

use super::{Characters, Config, Mechanisms, Mode, PinKdf, PointEncoding, Problem};

/// A key of `coffer.toml`.
pub struct Key {
    /// The name with its table, such as `pin.min-length`.
    pub name: &'static str,
    /// What it can be, in words for people.
    pub expected: &'static str,
    set: fn(&mut Config, &Value) -> Option<()>,
}

/// Every key that exists.
pub const KEYS: &[Key] = &[
    Key { name: "home", expected: "an absolute path, or one that begins with ~/", set: home },
    Key { name: "mode", expected: "\"owner\" or \"group\"", set: mode },
    Key { name: "allow-readonly-login", expected: "true or false", set: allow_readonly_login },
    Key { name: "pin.min-length", expected: "a number from 1 to 255", set: pin_min_length },
    Key {
        name: "pin.max-length",
        expected: "a number from 1 to 255, not less than pin.min-length",
        set: pin_max_length,
    },
    Key {
        name: "pin.characters",
        expected: "\"any\", \"ascii\", \"alphanumeric\" or \"digits\"",
        set: pin_characters,
    },
    Key { name: "pin.attempts", expected: "a number from 1 to 255", set: pin_attempts },
    Key { name: "pin.kdf", expected: "\"pbkdf2\" or \"argon2id\"", set: pin_kdf },
    Key { name: "pin.kdf-iterations", expected: "a number from 10000 to 10000000", set: pin_kdf_iterations },
    Key { name: "mechanisms.allow", expected: MECHANISMS, set: mechanisms_allow },
    Key { name: "mechanisms.deny", expected: MECHANISMS, set: mechanisms_deny },
    Key { name: "mechanisms.legacy", expected: "true or false", set: mechanisms_legacy },
    Key { name: "audit.write", expected: "\"buffered\" or \"each\"", set: audit_write },
    Key { name: "ec.point-encoding", expected: "\"der\" or \"raw\"", set: ec_point_encoding },
    Key {
        name: "limits.gcm-decrypt-bytes",
        expected: "a number from 1024 to 68719476736",
        set: limits_gcm_decrypt_bytes,
    },
    Key {
        name: "limits.lock-timeout-ms",
        expected: "a number from 1 to 600000",
        set: limits_lock_timeout_ms,
    },
];

const MECHANISMS: &str = "a list of mechanism names such as \"CKM_RSA_PKCS\" or \"CKM_MD5*\" (and only one of allow and deny can be given)";

fn home(config: &mut Config, value: &Value) -> Option<()> {
    let path = PathBuf::from(value.as_str()?);
    (path.is_absolute() || path.starts_with("~")).then(|| config.home = path)
}

fn mode(config: &mut Config, value: &Value) -> Option<()> {
    config.mode = match value.as_str()? {
        "owner" => Mode::Owner,
        "group" => Mode::Group,
        _ => return None,
    };
    Some(())
}

fn allow_readonly_login(config: &mut Config, value: &Value) -> Option<()> {
    config.allow_readonly_login = value.as_bool()?;
    Some(())
}

fn pin_min_length(config: &mut Config, value: &Value) -> Option<()> {
    config.pin.min_length = number(value, 1, 255)?;
    Some(())
}

fn pin_max_length(config: &mut Config, value: &Value) -> Option<()> {
    config.pin.max_length = number(value, 1, 255)?;
    Some(())
}

fn pin_characters(config: &mut Config, value: &Value) -> Option<()> {
    config.pin.characters = match value.as_str()? {
        "any" => Characters::Any,
        "ascii" => Characters::Ascii,
        "alphanumeric" => Characters::Alphanumeric,
        "digits" => Characters::Digits,
        _ => return None,
    };
    Some(())
}

fn pin_attempts(config: &mut Config, value: &Value) -> Option<()> {
    config.pin.attempts = number(value, 1, 255)?;
    Some(())
}

fn pin_kdf(config: &mut Config, value: &Value) -> Option<()> {
    config.pin.kdf = match value.as_str()? {
        "pbkdf2" => PinKdf::Pbkdf2,
        "argon2id" => PinKdf::Argon2id,
        _ => return None,
    };
    Some(())
}

fn pin_kdf_iterations(config: &mut Config, value: &Value) -> Option<()> {
    config.pin.kdf_iterations = number(value, 10_000, 10_000_000)?;
    Some(())
}

fn mechanisms_allow(config: &mut Config, value: &Value) -> Option<()> {
    config.mechanisms = Mechanisms::Only(patterns(config, value)?);
    Some(())
}

fn mechanisms_deny(config: &mut Config, value: &Value) -> Option<()> {
    config.mechanisms = Mechanisms::AllBut(patterns(config, value)?);
    Some(())
}

fn mechanisms_legacy(config: &mut Config, value: &Value) -> Option<()> {
    config.legacy = value.as_bool()?;
    Some(())
}

fn audit_write(config: &mut Config, value: &Value) -> Option<()> {
    config.audit_each = match value.as_str()? {
        "buffered" => false,
        "each" => true,
        _ => return None,
    };
    Some(())
}

fn ec_point_encoding(config: &mut Config, value: &Value) -> Option<()> {
    config.point_encoding = match value.as_str()? {
        "der" => PointEncoding::Der,
        "raw" => PointEncoding::Raw,
        _ => return None,
    };
    Some(())
}

fn limits_gcm_decrypt_bytes(config: &mut Config, value: &Value) -> Option<()> {
    config.limits.gcm_decrypt_bytes = number(value, 1_024, 1 << 36)?;
    Some(())
}

fn limits_lock_timeout_ms(config: &mut Config, value: &Value) -> Option<()> {
    config.limits.lock_timeout = Duration::from_millis(number(value, 1, 600_000)?);
    Some(())
}

fn number<T: TryFrom<i64>>(value: &Value, least: i64, most: i64) -> Option<T> {
    let number = value.as_integer()?;
    (least..=most).contains(&number).then(|| T::try_from(number).ok())?
}

fn patterns(config: &Config, value: &Value) -> Option<Vec<String>> {
    let proper = |name: &str| {
        name.starts_with("CKM_")
            && name
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"_*".contains(&byte))
    };
    let names: Option<Vec<String>> = value
        .as_array()?
        .iter()
        .map(|name| name.as_str().filter(|name| proper(name)).map(String::from))
        .collect();
    names.filter(|_| config.mechanisms == Mechanisms::All)
}

/// Reads the text of a configuration file into `config`.
pub(super) fn apply(config: &mut Config, text: &str) -> Result<(), Problem> {
    let table: Table = text.parse().map_err(|error| syntax(text, &error))?;
    for (name, value) in flatten(table)? {
        let Some(key) = KEYS.iter().find(|key| key.name == name) else {
            return Err(Problem::UnknownKey { suggestion: suggestion(&name), key: name });
        };
        (key.set)(config, &value).ok_or_else(|| unsuitable(key, &value))?;
    }
    if config.pin.min_length > config.pin.max_length {
        let found = Value::Integer(i64::try_from(config.pin.max_length).unwrap_or(i64::MAX));
        let key = KEYS.iter().find(|key| key.name == "pin.max-length");
        return key.map_or(Ok(()), |key| Err(unsuitable(key, &found)));
    }
    Ok(())
}

/// Where the text stops being TOML, and why.
fn syntax(text: &str, error: &toml::de::Error) -> Problem {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|char| *char != '\n').count() + 1;
    Problem::Syntax { line, column, reason: error.message().trim().replace('\n', ", ") }
}

/// The name that `name` was probably meant to be.
pub(super) fn nearest<'a, 'b>(name: &str, names: &'a [&'b str]) -> Option<&'a &'b str> {
    let nearness = |other: &&&str| strsim::jaro_winkler(name, other);
    let best = names.iter().max_by(|one, other| nearness(one).total_cmp(&nearness(other)))?;
    (nearness(&best) > 0.9).then_some(best)
}

fn unsuitable(key: &Key, value: &Value) -> Problem {
    Problem::Value { key: key.name.into(), found: value.to_string(), expected: key.expected.into() }
}

/// The keys with their table's name before them; tables that do not exist are unknown keys.
fn flatten(table: Table) -> Result<Vec<(String, Value)>, Problem> {
    let mut flat = Vec::new();
    for (name, value) in table {
        let is_table =
            KEYS.iter().any(|key| key.name.split_once('.').is_some_and(|(table, _)| table == name));
        match value {
            Value::Table(inner) if is_table => {
                flat.extend(inner.into_iter().map(|(key, value)| (format!("{name}.{key}"), value)))
            }
            other if is_table => {
                let expected = format!("a table: write [{name}] and the keys below it");
                return Err(Problem::Value { key: name, found: other.to_string(), expected });
            }
            other => flat.push((name, other)),
        }
    }
    Ok(flat)
}

/// The existing key that `name` was probably meant to be: similar as a whole, or in its last part, which finds
/// keys in a wrong table.
fn suggestion(name: &str) -> Option<&'static str> {
    let last =
        |name: &str| name.rsplit('.').next().unwrap_or_default().replace('_', "-").to_ascii_lowercase();
    let nearness = |key: &Key| {
        strsim::jaro_winkler(name, key.name).max(strsim::jaro_winkler(&last(name), &last(key.name)))
    };
    let best = KEYS.iter().max_by(|one, other| nearness(one).total_cmp(&nearness(other)))?;
    (nearness(best) > 0.85).then_some(best.name)
}
