//! A disk in memory that can fail and forget.
//!
//! It keeps two states. The volatile one is what the running process sees, and what the next process sees after a kill. The
//! durable one is what is left after a power loss: file content up to the last sync, names up to the last sync of their
//! folder. Every operation that changes something is a numbered point, and one [`Fault`] can be set at any of them:
//!
//! ```text
//! write  sync  create  rename  remove  truncate  sync folder  create folder  lock
//!   1     2      3 ...
//! ```
//!
//! A test runs its work once without a fault, reads [`MemDisk::points`], and runs it again with a fault at every point.

mod node;
mod state;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use forgemark_journal::storage::{AppendFile, Held, LockAttempt, ReadFile, Storage};

use state::{Inner, Kind};

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// The process ends: a write is cut in half, any other operation does not happen, and every later operation fails.
    /// Go on with [`MemDisk::kill`] or [`MemDisk::power_loss`].
    Crash,
    /// The disk is full: the operation fails (removing and truncating work), and so does every later write and creation.
    NoSpace,
    /// A write ends in the middle with an error; any other operation fails. Later operations work.
    ShortWrite,
}

/// A fault at a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// Number of the point, from 1.
    pub at: u64,
    /// What happens there.
    pub kind: FaultKind,
}

/// The disk. Clones are the same disk.
#[derive(Clone)]
pub struct MemDisk {
    inner: Arc<Mutex<Inner>>,
}

/// See [`MemDisk::hold`].
#[derive(Debug)]
pub struct Hold<'a> {
    _guard: MutexGuard<'a, Inner>,
}

impl Default for MemDisk {
    fn default() -> Self {
        MemDisk::new()
    }
}

impl MemDisk {
    /// An empty disk that works.
    pub fn new() -> Self {
        MemDisk::of(Inner::default())
    }

    /// An empty disk with a fault.
    pub fn with_fault(fault: Fault) -> Self {
        let disk = MemDisk::new();
        disk.set_fault(fault);
        disk
    }

    fn of(inner: Inner) -> Self {
        MemDisk {
            inner: Arc::new(Mutex::new(inner)),
        }
    }

    /// Sets the fault. Points are counted from the making of this disk.
    pub fn set_fault(&self, fault: Fault) {
        self.lock().fault = Some(fault);
    }

    /// The disk as the next process finds it when this one was killed: everything written is there, locks are free, and
    /// nothing fails any more. This disk stays as it is.
    #[must_use]
    pub fn kill(&self) -> MemDisk {
        MemDisk::of(self.lock().killed())
    }

    /// The disk after a power loss: only what is durable is there.
    #[must_use]
    pub fn power_loss(&self) -> MemDisk {
        MemDisk::of(self.lock().lost())
    }

    /// The disk after a power loss in which the system had already written some of what was not synced: of each file a random
    /// part of the tail, in sectors of 512 bytes of which any may be zeros, and of the changed names the first few.
    #[must_use]
    pub fn power_loss_keeping(&self, seed: u64) -> MemDisk {
        MemDisk::of(self.lock().lost_in_part(seed))
    }

    /// How many points there were.
    pub fn points(&self) -> u64 {
        self.lock().points
    }

    /// Whether the fault has happened.
    pub fn fault_happened(&self) -> bool {
        self.lock().happened
    }

    /// What happened at the last point that has the number `at`, to say in a failing test: `write /out/a.jsonl`.
    pub fn point(&self, at: u64) -> Option<String> {
        let inner = self.lock();
        let place = usize::try_from(at.checked_sub(1)?).ok()?;
        inner.log.get(place).cloned()
    }

    /// Every file that the running process sees.
    pub fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        self.lock().files()
    }

    /// Changes a byte of a file behind the back of the program, durably. Answers whether the file has that byte.
    pub fn flip(&self, path: &Path, offset: usize) -> bool {
        self.lock().flip(path, offset)
    }

    /// Makes every operation of other threads wait for as long as the answer lives, as a slow disk does. The thread that
    /// holds it must not use the disk.
    pub fn hold(&self) -> Hold<'_> {
        Hold {
            _guard: self.lock(),
        }
    }

    /// Bytes written to all files so far.
    pub fn bytes_written(&self) -> u64 {
        self.lock().bytes_written
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = self.lock();
        f.debug_struct("MemDisk")
            .field("points", &inner.points)
            .field("fault", &inner.fault)
            .finish_non_exhaustive()
    }
}

impl Storage for MemDisk {
    fn open_append(&self, path: &Path) -> io::Result<Box<dyn AppendFile>> {
        let mut inner = self.lock();
        inner.alive()?;
        let node = match inner.find(path) {
            Some(node) => node,
            None => inner.create(path)?,
        };
        Ok(self.handle(&inner, node, path))
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn AppendFile>> {
        let mut inner = self.lock();
        let node = inner.create(path)?;
        Ok(self.handle(&inner, node, path))
    }

    fn open_read(&self, path: &Path) -> io::Result<Arc<dyn ReadFile>> {
        let inner = self.lock();
        inner.alive()?;
        let node = inner.find(path).ok_or_else(|| missing(path))?;
        Ok(Arc::new(Handle {
            disk: self.clone(),
            node,
            path: path.to_owned(),
        }))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let inner = self.lock();
        inner.alive()?;
        let node = inner.find(path).ok_or_else(|| missing(path))?;
        Ok(inner.node(node).data().to_vec())
    }

    fn len(&self, path: &Path) -> io::Result<Option<u64>> {
        let inner = self.lock();
        inner.alive()?;
        let node = inner.find(path);
        Ok(node.map(|node| inner.node(node).data().len() as u64))
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let inner = self.lock();
        inner.alive()?;
        Ok(inner.list(path))
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        self.lock().create_dir_all(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.lock().rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.lock().remove(path)
    }

    fn truncate(&self, path: &Path, len: u64) -> io::Result<()> {
        self.lock().truncate(path, len)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.lock().sync_dir(path)
    }

    fn try_lock(&self, path: &Path, owner: &str) -> io::Result<LockAttempt> {
        let mut inner = self.lock();
        if let Some(holder) = inner.locks.get(path) {
            inner.alive()?;
            return Ok(LockAttempt::Busy {
                owner: holder.clone(),
            });
        }
        inner.point(Kind::Lock, path)?;
        if inner.find(path).is_none() {
            inner.add_file(path)?;
        }
        inner.locks.insert(path.to_owned(), owner.to_owned());
        Ok(LockAttempt::Held(Box::new(MemLock {
            disk: self.clone(),
            path: path.to_owned(),
        })))
    }
}

impl MemDisk {
    fn handle(&self, inner: &Inner, node: usize, path: &Path) -> Box<dyn AppendFile> {
        let len = inner.node(node).data().len() as u64;
        Box::new(Append {
            handle: Handle {
                disk: self.clone(),
                node,
                path: path.to_owned(),
            },
            len,
        })
    }
}

fn missing(path: &Path) -> io::Error {
    io::Error::new(
        io::ErrorKind::NotFound,
        format!("no file {}", path.display()),
    )
}

/// A file that is open; like a file descriptor it outlives its name.
#[derive(Debug)]
struct Handle {
    disk: MemDisk,
    node: usize,
    path: PathBuf,
}

impl ReadFile for Handle {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let inner = self.disk.lock();
        inner.alive()?;
        let data = inner.node(self.node).data();
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let found = data.get(start..start.saturating_add(buffer.len()));
        let found = found.ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(found);
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        let inner = self.disk.lock();
        inner.alive()?;
        Ok(inner.node(self.node).data().len() as u64)
    }
}

#[derive(Debug)]
struct Append {
    handle: Handle,
    len: u64,
}

impl AppendFile for Append {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let handle = &self.handle;
        handle.disk.lock().write(handle.node, &handle.path, bytes)?;
        self.len += bytes.len() as u64;
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let handle = &self.handle;
        handle.disk.lock().sync(handle.node, &handle.path)
    }

    fn len(&self) -> u64 {
        self.len
    }
}

#[derive(Debug)]
struct MemLock {
    disk: MemDisk,
    path: PathBuf,
}

impl Held for MemLock {}

impl Drop for MemLock {
    fn drop(&mut self) {
        self.disk.lock().locks.remove(&self.path);
    }
}
