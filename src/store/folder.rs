//! The folder that holds the token files of a user or a service.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::{Error, Mode};

/// How the names of token files end, without the dot.
pub const EXTENSION: &str = "coffer";

/// The token files in a folder, by name. A folder that does not exist has none. Two of them may carry one
/// uuid (somebody made a copy): the caller, who reads the files, decides which one to offer.
pub fn token_files(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::from_io("list the folder of", &error)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| Error::from_io("list the folder of", &error))?.path();
        if path.extension().is_some_and(|extension| extension == EXTENSION) && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Makes the folder, with its parents, if it is not there: 0700 or 2770 (see [`Mode`]). The permissions of a folder
/// that is there are left alone.
pub fn create(folder: &Path, mode: Mode) -> Result<(), Error> {
    let failed = |error: std::io::Error| match Error::from_io("create the folder of", &error) {
        // Not the name of a token: a file stands where the folder should be.
        Error::Exists => Error::Io { operation: "create the folder of", code: error.raw_os_error() },
        error => error,
    };
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(parent) = folder.parent() {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    match DirBuilder::new().mode(mode.folder()).create(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => return Ok(()),
        result => result.map_err(failed)?,
    }
    if mode == Mode::Group {
        // The umask takes the group's bits away, and mkdir ignores the set-group-id bit on some systems.
        fs::set_permissions(folder, fs::Permissions::from_mode(mode.folder())).map_err(failed)?;
    }
    Ok(())
}

/// True when somebody other than the owner (or, in [`Mode::Group`], the group) can put files into this folder, and
/// so exchange a token file. For diagnosis; nothing is refused on its account.
pub fn is_exposed(folder: &Path, mode: Mode) -> bool {
    let allowed = match mode {
        Mode::Owner => 0o700,
        Mode::Group => 0o770,
    };
    fs::metadata(folder).is_ok_and(|metadata| metadata.mode() & 0o022 & !allowed != 0)
}

/// Bytes that can still be written in the folder, where the system tells.
pub fn room(folder: &Path) -> Option<u64> {
    let system = rustix::fs::statvfs(folder).ok()?;
    Some(system.f_bavail.saturating_mul(system.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_made_private_and_lists_only_token_files() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().join("a/b");
        assert!(token_files(&folder).unwrap().is_empty());
        create(&folder, Mode::Owner).unwrap();
        create(&folder, Mode::Owner).unwrap();
        assert_eq!(fs::metadata(&folder).unwrap().mode() & 0o7777, 0o700);
        for name in ["b.coffer", "a.coffer", "a.coffer.lock", "a.coffer.new", "notes.txt"] {
            fs::write(folder.join(name), b"").unwrap();
        }
        let names: Vec<_> = token_files(&folder).unwrap();
        assert_eq!(names, [folder.join("a.coffer"), folder.join("b.coffer")]);
        assert!(!is_exposed(&folder, Mode::Owner));
    }
}
