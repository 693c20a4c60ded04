//! The one door to the disk.
//!
//! Every write of the product goes through [`Storage`], so that a simulated disk can number the writes, fail any of them
//! and lose what was not synced. The rules are those of a POSIX file system:
//!
//! - the content of a file is durable after [`AppendFile::sync`];
//! - a name (created, renamed, removed) is durable after [`Storage::sync_dir`] of its folder;
//! - a rename is atomic; a failed write may leave any part of its bytes at the end of the file.

mod disk;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use disk::DiskStorage;

/// Files by path. Errors name the path and keep their [`io::ErrorKind`].
pub trait Storage: Send + Sync + fmt::Debug {
    /// Opens a file to write at its end, and creates it empty when it is missing.
    ///
    /// # Errors
    /// Those of the system; the folder must be there.
    fn open_append(&self, path: &Path) -> io::Result<Box<dyn AppendFile>>;

    /// Creates a file, or empties the one that is there, and opens it to write.
    ///
    /// # Errors
    /// Those of the system; the folder must be there.
    fn create(&self, path: &Path) -> io::Result<Box<dyn AppendFile>>;

    /// Opens a file to read. The handle sees what is appended later.
    ///
    /// # Errors
    /// Those of the system; a missing file is [`io::ErrorKind::NotFound`].
    fn open_read(&self, path: &Path) -> io::Result<Arc<dyn ReadFile>>;

    /// Reads a whole file.
    ///
    /// # Errors
    /// As [`Storage::open_read`].
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// The length of a file in bytes, or `None` when there is none.
    ///
    /// # Errors
    /// Those of the system, but for a missing file.
    fn len(&self, path: &Path) -> io::Result<Option<u64>>;

    /// The names in a folder in byte order, without their path; names that are not UTF-8 are left out. A missing folder has
    /// none.
    ///
    /// # Errors
    /// Those of the system, but for a missing folder.
    fn list(&self, path: &Path) -> io::Result<Vec<String>>;

    /// Creates a folder and those above it, durably.
    ///
    /// # Errors
    /// Those of the system.
    fn create_dir_all(&self, path: &Path) -> io::Result<()>;

    /// Renames a file, over the target when it is there. Durable after [`Storage::sync_dir`] of the target's folder.
    ///
    /// # Errors
    /// Those of the system.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file. Durable after [`Storage::sync_dir`]; a missing file is no error.
    ///
    /// # Errors
    /// Those of the system, but for a missing file.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Cuts a file to `len` bytes, durably.
    ///
    /// # Errors
    /// Those of the system; the file must have at least that length.
    fn truncate(&self, path: &Path, len: u64) -> io::Result<()>;

    /// Makes the names in a folder durable.
    ///
    /// # Errors
    /// Those of the system.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;

    /// Locks `path` for as long as the answer lives, and writes `owner` into it. The system gives the lock back when the
    /// process dies, however it dies.
    ///
    /// # Errors
    /// Those of the system; a lock that somebody else holds is no error but [`LockAttempt::Busy`].
    fn try_lock(&self, path: &Path, owner: &str) -> io::Result<LockAttempt>;
}

/// The answer of [`Storage::try_lock`].
#[derive(Debug)]
pub enum LockAttempt {
    /// Locked until this is dropped.
    Held(Box<dyn Held>),
    /// Somebody else holds it.
    Busy {
        /// What the owner wrote into it.
        owner: String,
    },
}

/// A lock; dropping it gives the lock back.
pub trait Held: Send + Sync + fmt::Debug {}

/// A file that only grows.
pub trait AppendFile: Send + fmt::Debug {
    /// Writes all of `bytes` at the end. After an error any part of them may be there.
    ///
    /// # Errors
    /// Those of the system, such as [`io::ErrorKind::StorageFull`].
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Makes everything written so far durable.
    ///
    /// # Errors
    /// Those of the system. What is durable after an error is unknown.
    fn sync(&mut self) -> io::Result<()>;

    /// The length in bytes.
    fn len(&self) -> u64;

    /// Whether there is nothing in it.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A file to read at any place, from many threads at once.
pub trait ReadFile: Send + Sync + fmt::Debug {
    /// Fills `buffer` from `offset` on.
    ///
    /// # Errors
    /// [`io::ErrorKind::UnexpectedEof`] when the file ends before, and those of the system.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;

    /// The length in bytes at this moment.
    ///
    /// # Errors
    /// Those of the system.
    fn len(&self) -> io::Result<u64>;

    /// Whether there is nothing in it at this moment.
    ///
    /// # Errors
    /// Those of the system.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
}

/// Puts `bytes` at `path` so that after a crash either the old file or the whole new one is there: a temporary file
/// beside it (`.NAME.tmp`), sync, rename, sync of the folder. Durable when it returns.
///
/// # Errors
/// The first failing step; the old file is untouched unless only the last sync failed.
pub fn write_atomic(storage: &dyn Storage, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = temporary_path(path)?;
    let mut file = storage.create(&temporary)?;
    file.write_all(bytes)?;
    file.sync()?;
    drop(file);
    storage.rename(&temporary, path)?;
    storage.sync_dir(folder_of(path))
}

/// The temporary file beside `path`.
fn temporary_path(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("{} names no file", path.display()),
        )
    })?;
    Ok(path.with_file_name(format!(".{name}.tmp")))
}

/// The folder that holds `path`; the current one for a bare name.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}
