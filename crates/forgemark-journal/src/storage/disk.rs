//! The real disk: `std::fs`, nothing buffered in between.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{AppendFile, Held, LockAttempt, ReadFile, Storage, folder_of};

/// The file system of this machine. Every write reaches the system at once; there is no buffer to lose.
#[derive(Debug, Clone, Copy)]
pub struct DiskStorage;

/// An error that says which path it concerns.
#[derive(Debug, thiserror::Error)]
#[error("{action} {}: {source}", path.display())]
struct PathError {
    action: &'static str,
    path: PathBuf,
    source: io::Error,
}

fn at<'a>(action: &'static str, path: &'a Path) -> impl Fn(io::Error) -> io::Error + 'a {
    move |source| {
        io::Error::new(
            source.kind(),
            PathError {
                action,
                path: path.to_owned(),
                source,
            },
        )
    }
}

impl Storage for DiskStorage {
    fn open_append(&self, path: &Path) -> io::Result<Box<dyn AppendFile>> {
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(path)
            .map_err(at("open", path))?;
        let len = file.metadata().map_err(at("open", path))?.len();
        Ok(Box::new(DiskFile {
            file,
            len,
            path: path.to_owned(),
        }))
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn AppendFile>> {
        let file = File::create(path).map_err(at("create", path))?;
        Ok(Box::new(DiskFile {
            file,
            len: 0,
            path: path.to_owned(),
        }))
    }

    fn open_read(&self, path: &Path) -> io::Result<Arc<dyn ReadFile>> {
        let file = File::open(path).map_err(at("open", path))?;
        Ok(Arc::new(DiskReader {
            file,
            path: path.to_owned(),
        }))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path).map_err(at("read", path))
    }

    fn len(&self, path: &Path) -> io::Result<Option<u64>> {
        match std::fs::metadata(path) {
            Ok(found) if found.is_file() => Ok(Some(found.len())),
            Ok(_) => Err(at("open", path)(io::ErrorKind::IsADirectory.into())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(at("open", path)(error)),
        }
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let entries = match std::fs::read_dir(path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(at("list", path)(error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(at("list", path))?;
            if let Ok(name) = entry.file_name().into_string() {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        if path.is_dir() {
            return Ok(());
        }
        let above = folder_of(path);
        if above != path {
            self.create_dir_all(above)?;
        }
        match std::fs::create_dir(path) {
            Ok(()) => self.sync_dir(above),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
            Err(error) => Err(at("create folder", path)(error)),
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to).map_err(at("rename to", to))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at("remove", path)(error)),
            _ => Ok(()),
        }
    }

    fn truncate(&self, path: &Path, len: u64) -> io::Result<()> {
        let file = OpenOptions::new()
            .write(true)
            .open(path)
            .map_err(at("open", path))?;
        if file.metadata().map_err(at("open", path))?.len() < len {
            // Cutting may never lengthen: the new part would be zeros that nobody wrote.
            return Err(at("truncate", path)(io::ErrorKind::UnexpectedEof.into()));
        }
        file.set_len(len).map_err(at("truncate", path))?;
        file.sync_all().map_err(at("sync", path))
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let folder = File::open(path).map_err(at("open", path))?;
        folder.sync_all().map_err(at("sync", path))
    }

    fn try_lock(&self, path: &Path, owner: &str) -> io::Result<LockAttempt> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(at("open", path))?;
        match file.try_lock() {
            Ok(()) => {
                file.set_len(0).map_err(at("write", path))?;
                file.rewind().map_err(at("write", path))?;
                file.write_all(owner.as_bytes())
                    .map_err(at("write", path))?;
                Ok(LockAttempt::Held(Box::new(DiskLock { _file: file })))
            }
            Err(TryLockError::WouldBlock) => {
                let mut owner = Vec::new();
                file.read_to_end(&mut owner).map_err(at("read", path))?;
                Ok(LockAttempt::Busy {
                    owner: String::from_utf8_lossy(&owner).trim().to_owned(),
                })
            }
            Err(TryLockError::Error(error)) => Err(at("lock", path)(error)),
        }
    }
}

/// An open file with the system's lock on it; closing it unlocks.
#[derive(Debug)]
struct DiskLock {
    _file: File,
}

impl Held for DiskLock {}

#[derive(Debug)]
struct DiskFile {
    file: File,
    len: u64,
    path: PathBuf,
}

impl AppendFile for DiskFile {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file
            .write_all(bytes)
            .map_err(at("write", &self.path))?;
        self.len += bytes.len() as u64;
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        // fdatasync also writes the new length, which is all that a growing file needs.
        self.file.sync_data().map_err(at("sync", &self.path))
    }

    fn len(&self) -> u64 {
        self.len
    }
}

#[derive(Debug)]
struct DiskReader {
    file: File,
    path: PathBuf,
}

impl ReadFile for DiskReader {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.file
            .read_exact_at(buffer, offset)
            .map_err(at("read", &self.path))
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata().map_err(at("read", &self.path))?.len())
    }
}
