//! Bringing files to what the last commit says.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::error::JournalError;
use crate::lock::STATE_DIR;
use crate::storage::{Storage, folder_of};

/// Cuts a file to its committed length; a file of length 0 may be missing.
pub(super) fn cut_to_committed(
    storage: &dyn Storage,
    path: &Path,
    committed: u64,
) -> Result<(), JournalError> {
    let found = storage.len(path).map_err(JournalError::read(path))?;
    let found = found.unwrap_or(0);
    if found < committed {
        return Err(JournalError::Shortened {
            path: path.to_owned(),
            committed,
            found,
        });
    }
    if found > committed {
        storage
            .truncate(path, committed)
            .map_err(JournalError::write(path))?;
    }
    Ok(())
}

/// Moves what a commit swaps in to its place. What was moved already is not there any more, so doing it again is no harm.
pub(super) fn finish_swaps(
    storage: &dyn Storage,
    out_dir: &Path,
    swaps: &BTreeMap<String, String>,
) -> Result<(), JournalError> {
    if swaps.is_empty() {
        return Ok(());
    }
    let from_dir = out_dir.join(STATE_DIR).join("swap");
    let mut folders = BTreeSet::new();
    for (name, from) in swaps {
        let from = from_dir.join(from);
        let to = out_dir.join(name);
        let waiting = storage.len(&from).map_err(JournalError::read(&from))?;
        let folder = folder_of(&to);
        if waiting.is_some() {
            storage
                .create_dir_all(folder)
                .map_err(JournalError::write(folder))?;
            storage
                .rename(&from, &to)
                .map_err(JournalError::write(&to))?;
        }
        // Also when it was moved before: that rename may not have reached the disk.
        folders.insert(folder.to_owned());
    }
    for folder in folders.iter().map(std::path::PathBuf::as_path) {
        storage
            .sync_dir(folder)
            .map_err(JournalError::write(folder))?;
    }
    // The names in the swap folder go last: until the targets are durable they are the only ones.
    storage
        .sync_dir(&from_dir)
        .map_err(JournalError::write(&from_dir))
}

/// Empties a folder of leftovers.
pub(super) fn remove_all(storage: &dyn Storage, folder: &Path) -> Result<(), JournalError> {
    let names = storage.list(folder).map_err(JournalError::read(folder))?;
    for name in &names {
        let path = folder.join(name);
        storage.remove(&path).map_err(JournalError::write(&path))?;
    }
    if names.is_empty() {
        return Ok(());
    }
    storage
        .sync_dir(folder)
        .map_err(JournalError::write(folder))
}
