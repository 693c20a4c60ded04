//! One run an output folder.

use std::path::Path;

use crate::error::JournalError;
use crate::storage::{Held, LockAttempt, Storage};

/// The folder of ours inside an output folder.
pub const STATE_DIR: &str = ".forgemark";

/// The right to work in an output folder, until it is dropped or the process dies.
#[derive(Debug)]
pub struct RunLock {
    _held: Box<dyn Held>,
}

impl RunLock {
    /// Takes `OUT/.forgemark/lock`. `owner` is one line for whoever is refused: process, host, command, since when.
    ///
    /// # Errors
    /// [`JournalError::Locked`] with the other's line, [`JournalError::Write`] when the folder cannot be written.
    pub fn acquire(
        storage: &dyn Storage,
        out_dir: &Path,
        owner: &str,
    ) -> Result<RunLock, JournalError> {
        let folder = out_dir.join(STATE_DIR);
        storage
            .create_dir_all(&folder)
            .map_err(JournalError::write(&folder))?;
        let held = lock(storage, &folder.join("lock"), owner)?;
        Ok(RunLock { _held: held })
    }

    /// The line of whoever holds the lock of `out_dir`, or `None` when it is free. It takes the lock for an instant to find
    /// out, and writes nothing where no run ever was.
    ///
    /// # Errors
    /// [`JournalError::Write`] when the lock file cannot be opened.
    pub fn holder(storage: &dyn Storage, out_dir: &Path) -> Result<Option<String>, JournalError> {
        let path = out_dir.join(STATE_DIR).join("lock");
        let known = storage.len(&path).map_err(JournalError::read(&path))?;
        if known.is_none() {
            return Ok(None);
        }
        match lock(storage, &path, "") {
            Ok(_) => Ok(None),
            Err(JournalError::Locked { owner, .. }) => Ok(Some(owner)),
            Err(error) => Err(error),
        }
    }
}

/// Takes the lock at `path` or says who has it.
pub(crate) fn lock(
    storage: &dyn Storage,
    path: &Path,
    owner: &str,
) -> Result<Box<dyn Held>, JournalError> {
    match storage
        .try_lock(path, owner)
        .map_err(JournalError::write(path))?
    {
        LockAttempt::Held(held) => Ok(held),
        LockAttempt::Busy { owner } => Err(JournalError::Locked {
            path: path.to_owned(),
            owner: if owner.is_empty() {
                "an unnamed process".to_owned()
            } else {
                owner
            },
        }),
    }
}
