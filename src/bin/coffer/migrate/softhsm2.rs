//! The folders of SoftHSM2: its configuration, its tokens, and the objects of one of them.

use std::path::{Path, PathBuf};

use coffer_pkcs11::lifecycle::softhsm2::{self, Error, FILE_LIMIT, TokenFile};

use super::{Item, Material, Source};
use crate::commands::import::read_file_up_to;
use crate::failure::{Failure, Result};
use crate::output;
use crate::pin::SourcePin;

/// The folder of Debian and of a plain `make install`.
const USUAL_FOLDER: &str = "/var/lib/softhsm/tokens";

/// A token of SoftHSM2.
struct Folder {
    path: PathBuf,
    token: TokenFile,
}

/// The objects of the token `wanted` (its label or serial number), or of the only one. `folder` holds tokens or is one;
/// without it, it is where SoftHSM2's configuration says.
pub fn read(folder: Option<&Path>, wanted: Option<&str>, pin: &SourcePin) -> Result<Source> {
    let folder = match folder {
        Some(folder) => folder.to_owned(),
        None => configured()?,
    };
    let Folder { path, token } = choose(&folder, wanted)?;
    let pin = pin.source().read(None)?;
    let key = token.unlock(&pin).map_err(|error| refused(&token, error))?;
    let mut source = Source {
        name: format!("the SoftHSM2 token `{}` in {}", token.label, path.display()),
        items: Vec::new(),
        unreadable: Vec::new(),
    };
    for file in objects(&path)? {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let bytes = read_file_up_to(&file, FILE_LIMIT)?;
        match softhsm2::object(bytes.as_bytes(), &key) {
            Ok(attributes) => {
                source.items.push(Item { attributes, material: Material::Here, unread: Vec::new() });
            }
            Err(error) => source.unreadable.push((name, error.to_string())),
        }
    }
    Ok(source)
}

fn refused(token: &TokenFile, error: Error) -> Failure {
    let failure = Failure::new(format!("the SoftHSM2 token `{}` does not open: {error}", token.label));
    match error {
        Error::PinIncorrect => failure.advise(
            "it is the user PIN of the token at the source that is needed: --source-pin-file, --source-pin-fd or \
             COFFER_SOURCE_PIN. SoftHSM2 does not count wrong tries in its files",
        ),
        Error::NoPin => failure.advise("a token without a user PIN holds no keys; there is nothing to migrate"),
        _ => failure.advise("token.object in its folder is damaged; restore it from a backup"),
    }
}

/// The folder that SoftHSM2's own configuration names.
fn configured() -> Result<PathBuf> {
    let named = std::env::var_os("SOFTHSM2_CONF").map(PathBuf::from);
    let of_the_user =
        std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".config/softhsm2/softhsm2.conf"));
    let of_the_system = ["/etc/softhsm/softhsm2.conf", "/etc/softhsm2.conf"].map(PathBuf::from);
    let places = match named {
        Some(named) => vec![named],
        None => of_the_user.into_iter().chain(of_the_system).collect(),
    };
    let Some((path, text)) = places.iter().find_map(|path| Some((path, std::fs::read_to_string(path).ok()?)))
    else {
        return Ok(PathBuf::from(USUAL_FOLDER));
    };
    if setting(&text, "objectstore.backend") == Some("db") {
        return Err(database(&path.display().to_string()));
    }
    Ok(PathBuf::from(setting(&text, "directories.tokendir").unwrap_or(USUAL_FOLDER)))
}

/// The value of `KEY = VALUE`.
fn setting<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let values = text.lines().filter_map(|line| line.split('#').next()?.split_once('='));
    values.filter(|(name, _)| name.trim() == key).map(|(_, value)| value.trim()).next_back()
}

/// The refusal of tokens in SQLite.
fn database(place: &str) -> Failure {
    Failure::new(format!("{place} keeps its tokens in SQLite databases, which are not read")).advise(
        "go through the library of SoftHSM2: --from 'pkcs11:token=LABEL?module-path=/usr/lib/softhsm/libsofthsm2.so'; \
         keys that are not extractable stay behind on that way",
    )
}

/// The tokens in a folder, or the one that it is.
fn tokens(folder: &Path) -> Result<Vec<Folder>> {
    let unreadable =
        |error: std::io::Error| Failure::new(format!("{} cannot be read: {error}", folder.display()));
    let mut places = vec![folder.to_owned()];
    for entry in std::fs::read_dir(folder).map_err(|error| {
        unreadable(error).advise(
            "name the folder with the tokens: --from softhsm2:FOLDER; it is directories.tokendir of softhsm2.conf, and \
             often of the user `softhsm` or of the service that uses it",
        )
    })? {
        places.push(entry.map_err(unreadable)?.path());
    }
    places.sort();
    if places.iter().any(|place| place.join("sqlite3.db").exists()) {
        return Err(database(&folder.display().to_string()));
    }
    let mut found = Vec::new();
    for path in places {
        let file = path.join("token.object");
        if file.is_file() {
            let bytes = read_file_up_to(&file, FILE_LIMIT)?;
            let token = TokenFile::decode(bytes.as_bytes()).map_err(|error| {
                Failure::new(format!("{} is no token of SoftHSM2: {error}", file.display()))
                    .advise("restore it from a backup, or move its folder away")
            })?;
            found.push(Folder { path, token });
        }
    }
    Ok(found)
}

fn choose(folder: &Path, wanted: Option<&str>) -> Result<Folder> {
    let all = tokens(folder)?;
    let listed: Vec<String> = all
        .iter()
        .map(|one| format!("`{}` (serial number {})", output::printable(&one.token.label), one.token.serial))
        .collect();
    let mut fitting: Vec<Folder> = all
        .into_iter()
        .filter(|one| wanted.is_none_or(|wanted| wanted == one.token.label || wanted == one.token.serial))
        .collect();
    match (fitting.len(), fitting.pop()) {
        (1, Some(one)) => Ok(one),
        (0, _) | (_, None) if listed.is_empty() => Err(Failure::new(format!(
            "there is no SoftHSM2 token in {}",
            folder.display()
        ))
        .advise(
            "name the folder with the tokens: --from softhsm2:FOLDER (directories.tokendir of softhsm2.conf)",
        )),
        (0, _) | (_, None) => Err(Failure::new(format!("no SoftHSM2 token in {} fits", folder.display()))
            .advise(format!("there are: {}", listed.join(", ")))),
        _ => Err(Failure::new(format!("there are several SoftHSM2 tokens in {}", folder.display())).advise(
            format!("say which with --source-token LABEL or its serial number: {}", listed.join(", ")),
        )),
    }
}

/// The object files of a token, in the order of their names.
fn objects(folder: &Path) -> Result<Vec<PathBuf>> {
    let unreadable =
        |error: std::io::Error| Failure::new(format!("{} cannot be read: {error}", folder.display()));
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let is_object = path.extension().is_some_and(|extension| extension == "object");
        if is_object && path.file_name().is_some_and(|name| name != "token.object") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_without_comments_and_the_last_one_counts() {
        let text = "# directories.tokendir = /no\ndirectories.tokendir = /one # note\n directories.tokendir=/two\nlog.level = INFO\n";
        assert_eq!(setting(text, "directories.tokendir"), Some("/two"));
        assert_eq!(setting(text, "objectstore.backend"), None);
    }
}
