//! A token file on disk.
//!
//! Durability: `create` and `replace` write the whole image under a temporary name, sync it, give it its name in one
//! step (`link` and `rename`) and sync the folder; `sync` is `fdatasync`.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::lock::FileLock;
use super::{Backend, Error, Guard, Identity, Image};

/// Who may use the token files that are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// The owner alone: files 0600, folder 0700.
    #[default]
    Owner,
    /// The owner and the group, for services that share a token: files 0660, folder 2770.
    Group,
}

impl Mode {
    fn file(self) -> u32 {
        match self {
            Self::Owner => 0o600,
            Self::Group => 0o660,
        }
    }

    pub(super) fn folder(self) -> u32 {
        match self {
            Self::Owner => 0o700,
            Self::Group => 0o2770,
        }
    }
}

/// Ends the name of the lock file that is shared by all processes with sessions.
const SESSIONS: &str = ".sessions";

/// A token file under a path. Beside `NAME` it keeps the lock files `NAME.lock` and `NAME.sessions` (made once, never
/// renamed or deleted) and, while a new image is being written, `NAME.new`.
pub struct FileBackend {
    path: PathBuf,
    mode: Mode,
}

impl FileBackend {
    /// The token file of this path; nothing is opened yet.
    pub fn new(path: impl Into<PathBuf>, mode: Mode) -> Self {
        Self { path: path.into(), mode }
    }

    /// Where the token file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(suffix);
        PathBuf::from(name)
    }

    /// Writes a whole new file under a temporary name and syncs it. `like`: the file whose owner and permissions
    /// it takes over.
    fn write_new(&self, path: &Path, contents: &[u8], like: Option<&File>) -> Result<File, Error> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(self.mode.file())
            .custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC)
            .open(path)
            .map_err(|error| Error::from_io("create", &error))?;
        match like {
            Some(old) => take_over_permissions(old, &file)?,
            // The umask may have taken bits away that the mode promises to the group.
            None => file
                .set_permissions(Permissions::from_mode(self.mode.file()))
                .map_err(|error| Error::from_io("set the permissions of", &error))?,
        }
        let image = FileImage::new(file, true)?;
        super::write_all(&image, contents, 0)?;
        loop {
            match image.file.sync_all() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::from_io("sync", &error)),
                Ok(()) => return Ok(image.file),
            }
        }
    }

    /// Lock files are for those who may use the token file.
    fn lock_mode(&self) -> u32 {
        fs::metadata(&self.path).map_or(self.mode.file(), |metadata| metadata.mode() & 0o660)
    }

    fn sync_folder(&self) -> Result<(), Error> {
        let folder = match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|error| Error::from_io("sync the folder of", &error))
    }
}

impl Backend for FileBackend {
    fn open(&self) -> Result<Arc<dyn Image>, Error> {
        let open = |write: bool, extra: i32| {
            OpenOptions::new()
                .read(true)
                .write(write)
                .custom_flags(libc::O_CLOEXEC | libc::O_NONBLOCK | libc::O_NOCTTY | extra)
                .open(&self.path)
        };
        let (file, writable) = match open(true, libc::O_NOFOLLOW) {
            Ok(file) => (file, true),
            // ELOOP: the path is a symbolic link, as for secrets of containers; such a token is read only.
            Err(error)
                if matches!(
                    error.raw_os_error(),
                    Some(libc::EACCES | libc::EPERM | libc::EROFS | libc::ELOOP)
                ) =>
            {
                (open(false, 0).map_err(|error| Error::from_io("open", &error))?, false)
            }
            Err(error) if error.raw_os_error() == Some(libc::EISDIR) => {
                return Err(Error::Unsafe("it is not a regular file"));
            }
            Err(error) => return Err(Error::from_io("open", &error)),
        };
        let metadata = file.metadata().map_err(|error| Error::from_io("examine", &error))?;
        if !metadata.is_file() {
            return Err(Error::Unsafe("it is not a regular file"));
        }
        if metadata.mode() & 0o002 != 0 {
            return Err(Error::Unsafe("everybody may write to it; take that permission away (chmod o-w)"));
        }
        Ok(Arc::new(FileImage::new(file, writable)?))
    }

    fn identity(&self) -> Result<Identity, Error> {
        let metadata = fs::metadata(&self.path).map_err(|error| Error::from_io("examine", &error))?;
        Ok(Identity { device: metadata.dev(), inode: metadata.ino() })
    }

    fn create(&self, contents: &[u8]) -> Result<Arc<dyn Image>, Error> {
        // A name of its own for each attempt: two creators must not disturb each other before one wins.
        let temporary = self.beside(&format!(".{}.new", uuid::Uuid::new_v4().simple()));
        let made = self.write_new(&temporary, contents, None).and_then(|file| {
            fs::hard_link(&temporary, &self.path).map_err(|error| Error::from_io("create", &error))?;
            Ok(file)
        });
        let removed = fs::remove_file(&temporary);
        let file = match made {
            Ok(file) => file,
            // File systems without hard links: the name is claimed first and the contents follow.
            Err(Error::Denied | Error::Io { operation: "create", .. }) if removed.is_ok() => {
                self.write_new(&self.path, contents, None).inspect_err(|error| {
                    if *error != Error::Exists {
                        let _ = fs::remove_file(&self.path);
                    }
                })?
            }
            Err(error) => return Err(error),
        };
        self.sync_folder()?;
        Ok(Arc::new(FileImage::new(file, true)?))
    }

    fn replace(&self, old: &dyn Image, contents: &[u8]) -> Result<Arc<dyn Image>, Error> {
        let temporary = self.beside(".new");
        let not_replaceable = |error: Error| match error {
            Error::Denied | Error::ReadOnly => Error::NotReplaceable,
            Error::Io { code: Some(libc::EBUSY | libc::EXDEV), .. } => Error::NotReplaceable,
            error => error,
        };
        let current = File::open(&self.path).map_err(|error| Error::from_io("open", &error))?;
        if FileImage::identity_of(&current)? != old.identity() {
            return Err(Error::Unsafe("it was exchanged while its lock was held"));
        }
        // What a process that died here has left behind; nobody else is here, because the lock is held.
        match fs::remove_file(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(not_replaceable(Error::from_io("clean up beside", &error)));
            }
            _ => {}
        }
        let made = self.write_new(&temporary, contents, Some(&current)).and_then(|file| {
            fs::rename(&temporary, &self.path).map_err(|error| Error::from_io("rename", &error))?;
            Ok(file)
        });
        let file = made.map_err(|error| {
            let _ = fs::remove_file(&temporary);
            not_replaceable(error)
        })?;
        self.sync_folder()?;
        Ok(Arc::new(FileImage::new(file, true)?))
    }

    fn sync_name(&self) -> Result<(), Error> {
        match self.sync_folder() {
            // A folder that we may not read is none that we could have renamed in; some file systems sync no folders.
            Err(Error::Denied | Error::Io { code: Some(libc::EINVAL), .. }) => Ok(()),
            result => result,
        }
    }

    fn lock(&self, timeout: Duration) -> Result<Box<dyn Guard>, Error> {
        Ok(Box::new(FileLock::take(&self.beside(".lock"), self.lock_mode(), timeout)?))
    }

    fn attend(&self) -> Result<Option<Box<dyn Guard + Send + Sync>>, Error> {
        match FileLock::share(&self.beside(SESSIONS), self.lock_mode()) {
            Ok(lock) => Ok(lock.map(|lock| Box::new(lock) as _)),
            Err(error) => unless_unknowable(error),
        }
    }

    fn exclude(&self) -> Result<Option<Box<dyn Guard + Send + Sync>>, Error> {
        match FileLock::take(&self.beside(SESSIONS), self.lock_mode(), Duration::ZERO) {
            Ok(lock) => Ok(Some(Box::new(lock))),
            Err(Error::Busy) => Err(Error::InUse),
            Err(error) => unless_unknowable(error),
        }
    }
}

/// Where no lock file can be made, nobody can be told of sessions.
fn unless_unknowable<T>(error: Error) -> Result<Option<T>, Error> {
    match error {
        Error::Denied | Error::ReadOnly | Error::NotFound | Error::Full => Ok(None),
        error => Err(error),
    }
}

/// Gives `new` the owner, group, permissions and access control list of `old`.
fn take_over_permissions(old: &File, new: &File) -> Result<(), Error> {
    let examine = |file: &File| file.metadata().map_err(|error| Error::from_io("examine", &error));
    let (from, to) = (examine(old)?, examine(new)?);
    if (from.uid(), from.gid()) != (to.uid(), to.gid()) {
        // Who may not give the file away must not replace it: others would lose access to their token.
        fchown(new, Some(from.uid()), Some(from.gid())).map_err(|_| Error::NotReplaceable)?;
    }
    new.set_permissions(Permissions::from_mode(from.mode() & 0o7777))
        .map_err(|error| Error::from_io("set the permissions of", &error))?;
    copy_access_list(old, new)
}

/// Copies the POSIX access control list, where the file system has such lists and the file has one.
fn copy_access_list(old: &File, new: &File) -> Result<(), Error> {
    const NAME: &str = "system.posix_acl_access";
    let mut list = vec![0_u8; 64 * 1024];
    match rustix::fs::fgetxattr(old, NAME, &mut list) {
        Ok(length) => rustix::fs::fsetxattr(
            new,
            NAME,
            list.get(..length).unwrap_or_default(),
            rustix::fs::XattrFlags::empty(),
        )
        .map_err(|_| Error::NotReplaceable),
        Err(_) => Ok(()),
    }
}

struct FileImage {
    file: File,
    identity: Identity,
    writable: bool,
}

impl FileImage {
    fn new(file: File, writable: bool) -> Result<Self, Error> {
        let identity = Self::identity_of(&file)?;
        Ok(Self { file, identity, writable })
    }

    fn identity_of(file: &File) -> Result<Identity, Error> {
        let metadata = file.metadata().map_err(|error| Error::from_io("examine", &error))?;
        Ok(Identity { device: metadata.dev(), inode: metadata.ino() })
    }
}

impl Image for FileImage {
    fn identity(&self) -> Identity {
        self.identity
    }

    fn writable(&self) -> bool {
        self.writable
    }

    fn length(&self) -> io::Result<u64> {
        let metadata = self.file.metadata()?;
        // A host that closes descriptors behind our back may have put another file in this one's place.
        if (Identity { device: metadata.dev(), inode: metadata.ino() }) != self.identity {
            return Err(io::Error::from_raw_os_error(libc::EBADF));
        }
        Ok(metadata.len())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.file.write_at(bytes, offset)
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.file.set_len(length)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backend(folder: &tempfile::TempDir) -> FileBackend {
        FileBackend::new(folder.path().join("a.coffer"), Mode::Owner)
    }

    #[test]
    fn a_name_is_created_once_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let backend = backend(&folder);
        assert_eq!(backend.open().err(), Some(Error::NotFound));
        backend.create(b"first").unwrap();
        assert_eq!(backend.create(b"second").err(), Some(Error::Exists));
        assert_eq!(fs::read(backend.path()).unwrap(), b"first");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(fs::metadata(backend.path()).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_replacement_keeps_the_permissions_and_is_another_inode() {
        let folder = tempfile::tempdir().unwrap();
        let backend = backend(&folder);
        let old = backend.create(b"old").unwrap();
        fs::set_permissions(backend.path(), Permissions::from_mode(0o640)).unwrap();
        fs::write(backend.beside(".new"), b"left by a crash").unwrap();
        let new = backend.replace(&*old, b"new").unwrap();
        assert_ne!(old.identity(), new.identity());
        assert_eq!(backend.identity().unwrap(), new.identity());
        assert_eq!(fs::metadata(backend.path()).unwrap().mode() & 0o777, 0o640);
        assert_eq!(super::super::read_to_end(&*old, 0).unwrap(), b"old");
        assert_eq!(super::super::read_to_end(&*new, 0).unwrap(), b"new");
    }

    #[test]
    fn files_that_others_may_write_and_things_that_are_no_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let backend = backend(&folder);
        backend.create(b"x").unwrap();
        fs::set_permissions(backend.path(), Permissions::from_mode(0o602)).unwrap();
        assert!(matches!(backend.open().err(), Some(Error::Unsafe(_))));
        let directory = FileBackend::new(folder.path(), Mode::Owner);
        assert!(matches!(directory.open().err(), Some(Error::Unsafe(_))));
    }

    #[test]
    fn a_token_behind_a_link_is_read_only() {
        let folder = tempfile::tempdir().unwrap();
        let backend = backend(&folder);
        backend.create(b"x").unwrap();
        assert!(backend.open().unwrap().writable());
        let link = folder.path().join("link.coffer");
        std::os::unix::fs::symlink(backend.path(), &link).unwrap();
        assert!(!FileBackend::new(link, Mode::Owner).open().unwrap().writable());
    }
}
