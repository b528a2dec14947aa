//! What can go wrong with the storage of a token file.

use std::fmt;
use std::io;

/// A failure of the storage. None of these names a path or carries bytes of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// There is no such file or folder.
    NotFound,
    /// The name that was to be created is taken.
    Exists,
    /// Another process or thread held the lock for the whole of the time allowed.
    Busy,
    /// Another process has sessions with the token.
    InUse,
    /// The device or the quota is full.
    Full,
    /// The file, its folder or its file system cannot be written to.
    ReadOnly,
    /// The operating system refuses access.
    Denied,
    /// The file must not be used as it is: it says why.
    Unsafe(&'static str),
    /// The file cannot be renamed over (a bind mount, a folder that is not writable).
    NotReplaceable,
    /// The file is larger than memory allows.
    TooLarge,
    /// Any other failure: what was tried, and the operating system's error number where there is one.
    Io { operation: &'static str, code: Option<i32> },
}

impl Error {
    /// Sorts an operating system error into the few kinds that callers treat differently.
    pub fn from_io(operation: &'static str, error: &io::Error) -> Self {
        match error.raw_os_error() {
            Some(libc::ENOENT | libc::ENOTDIR) => Self::NotFound,
            Some(libc::EEXIST) => Self::Exists,
            Some(libc::ENOSPC | libc::EDQUOT | libc::EFBIG) => Self::Full,
            Some(libc::EROFS) => Self::ReadOnly,
            Some(libc::EACCES | libc::EPERM) => Self::Denied,
            Some(libc::ENOMEM) => Self::TooLarge,
            code => Self::Io { operation, code },
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => formatter.write_str("the token file does not exist"),
            Self::Exists => formatter.write_str("a token file with this name exists already"),
            Self::Busy => formatter.write_str(
                "another process holds the lock of the token; try again, and end that process if it is stopped",
            ),
            Self::InUse => formatter.write_str("another process has sessions with the token; end it first"),
            Self::Full => formatter.write_str("the device or the quota is full; make room and try again"),
            Self::ReadOnly => formatter.write_str("the token file or its folder is read-only"),
            Self::Denied => {
                formatter.write_str("access to the token file is denied; check the owner and the permissions")
            }
            Self::Unsafe(reason) => write!(formatter, "the token file is refused: {reason}"),
            Self::NotReplaceable => formatter.write_str(
                "the token file cannot be replaced; its folder must be writable and the file not a mount point",
            ),
            Self::TooLarge => formatter.write_str("the token file does not fit into memory"),
            Self::Io { operation, code: Some(code) } => {
                write!(formatter, "cannot {operation} the token file: {}", io::Error::from_raw_os_error(*code))
            }
            Self::Io { operation, code: None } => write!(formatter, "cannot {operation} the token file"),
        }
    }
}

impl std::error::Error for Error {}
