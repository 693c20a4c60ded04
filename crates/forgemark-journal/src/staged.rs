//! Files that appear together or not at all, for folders that are made at once and not row by row.
//!
//! ```text
//! DIR/.forgemark/lock              one maker at a time
//! DIR/.forgemark/staged/0, 1, ...  the files on their way
//! DIR/.forgemark/staged.commit     once it stands, they are the folder's files: whoever comes next finishes the renames
//! ```
//!
//! Before the commit record stands the folder shows what it showed before; afterwards [`recover`] brings it to the new files,
//! however often it is cut short. So every reader of such a folder calls it first.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use forgemark_contract::json::{Json, parse, to_compact};

use crate::error::JournalError;
use crate::lock::{RunLock, STATE_DIR};
use crate::storage::{AppendFile, Storage, folder_of, write_atomic};

/// The format of the commit record.
const FORMAT: u32 = 1;

/// Files on their way into a folder. Dropped without [`Staged::commit`] they are removed and the folder is as it was.
#[derive(Debug)]
pub struct Staged {
    storage: Arc<dyn Storage>,
    dir: PathBuf,
    files: Vec<(String, Box<dyn AppendFile>)>,
    committed: bool,
    _lock: RunLock,
}

impl Staged {
    /// Begins, after [`recover`]. `owner` is the line for a second process that is refused.
    ///
    /// # Errors
    /// [`JournalError::Locked`] while another process makes files for `dir`; [`JournalError::Write`].
    pub fn begin(storage: Arc<dyn Storage>, dir: &Path, owner: &str) -> Result<Self, JournalError> {
        let lock = RunLock::acquire(&*storage, dir, owner)?;
        finish(&*storage, dir)?;
        let staged = staged_dir(dir);
        storage
            .create_dir_all(&staged)
            .map_err(JournalError::write(&staged))?;
        let staged = Staged {
            storage,
            dir: dir.to_owned(),
            files: Vec::new(),
            committed: false,
            _lock: lock,
        };
        staged.discard()?;
        Ok(staged)
    }

    /// Appends to the file `name`, a path inside the folder with `/` between its parts; the first call makes it.
    ///
    /// # Errors
    /// [`JournalError::Name`] for a name that leaves the folder, [`JournalError::Write`].
    pub fn append(&mut self, name: &str, bytes: &[u8]) -> Result<(), JournalError> {
        let place = match self.files.iter().position(|(known, _)| known == name) {
            Some(place) => place,
            None => self.create(name)?,
        };
        let path = staged_path(&self.dir, place);
        self.files[place]
            .1
            .write_all(bytes)
            .map_err(JournalError::write(&path))
    }

    fn create(&mut self, name: &str) -> Result<usize, JournalError> {
        check_name(name)?;
        let place = self.files.len();
        let path = staged_path(&self.dir, place);
        let file = self
            .storage
            .create(&path)
            .map_err(JournalError::write(&path))?;
        self.files.push((name.to_owned(), file));
        Ok(place)
    }

    /// Puts the files into the folder and takes `remove` out of it. Durable when it returns.
    ///
    /// # Errors
    /// [`JournalError::Write`]. When the commit record was not written the folder is as before; else the next
    /// [`recover`] ends what was begun.
    pub fn commit(mut self, remove: &[String]) -> Result<(), JournalError> {
        for (place, (_, file)) in self.files.iter_mut().enumerate() {
            let path = staged_path(&self.dir, place);
            file.sync().map_err(JournalError::write(&path))?;
        }
        let staged = staged_dir(&self.dir);
        self.storage
            .sync_dir(&staged)
            .map_err(JournalError::write(&staged))?;
        let names: Vec<&str> = self.files.iter().map(|(name, _)| name.as_str()).collect();
        let kept = |name: &&String| !names.contains(&name.as_str());
        let gone: Vec<&str> = remove.iter().filter(kept).map(String::as_str).collect();
        for name in &gone {
            check_name(name)?;
        }
        let record = Json::object([
            ("format", Json::from(u64::from(FORMAT))),
            ("files", names.into()),
            ("remove", gone.into()),
        ]);
        let path = commit_path(&self.dir);
        // From here on the record may stand even where writing it fails, and then it needs the files.
        self.committed = true;
        write_atomic(&*self.storage, &path, &to_compact(&record))
            .map_err(JournalError::write(&path))?;
        finish(&*self.storage, &self.dir)
    }

    fn discard(&self) -> Result<(), JournalError> {
        let staged = staged_dir(&self.dir);
        let names = self
            .storage
            .list(&staged)
            .map_err(JournalError::read(&staged))?;
        for name in names {
            let path = staged.join(name);
            self.storage
                .remove(&path)
                .map_err(JournalError::write(&path))?;
        }
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.committed {
            // What stays is removed by whoever comes next.
            let _ = self.discard();
        }
    }
}

/// Ends a commit that was cut short. It waits for nobody: while another process makes files for `dir` nothing is done.
///
/// # Errors
/// [`JournalError::Corrupt`] or [`JournalError::TooNew`] for a commit record that this release did not write, and
/// [`JournalError::Write`].
pub fn recover(storage: &dyn Storage, dir: &Path, owner: &str) -> Result<(), JournalError> {
    let path = commit_path(dir);
    let there = storage.len(&path).map_err(JournalError::read(&path))?;
    if there.is_none() {
        return Ok(());
    }
    match RunLock::acquire(storage, dir, owner) {
        Ok(_lock) => finish(storage, dir),
        Err(JournalError::Locked { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Renames what the commit record names. Each step may have been done before.
fn finish(storage: &dyn Storage, dir: &Path) -> Result<(), JournalError> {
    let path = commit_path(dir);
    let there = storage.len(&path).map_err(JournalError::read(&path))?;
    if there.is_none() {
        return Ok(());
    }
    let bytes = storage.read(&path).map_err(JournalError::read(&path))?;
    let (files, gone) = read_record(&path, &bytes)?;
    let mut folders = vec![dir.to_owned()];
    for (place, name) in files.iter().enumerate() {
        let from = staged_path(dir, place);
        let known = storage.len(&from).map_err(JournalError::read(&from))?;
        if known.is_none() {
            continue;
        }
        let to = dir.join(name);
        let folder = folder_of(&to).to_owned();
        if !folders.contains(&folder) {
            storage
                .create_dir_all(&folder)
                .map_err(JournalError::write(&folder))?;
            folders.push(folder);
        }
        storage
            .rename(&from, &to)
            .map_err(JournalError::write(&to))?;
    }
    for name in &gone {
        let old = dir.join(name);
        storage.remove(&old).map_err(JournalError::write(&old))?;
        folders.push(folder_of(&old).to_owned());
    }
    folders.push(staged_dir(dir));
    for folder in &folders {
        storage
            .sync_dir(folder)
            .map_err(JournalError::write(folder))?;
    }
    storage.remove(&path).map_err(JournalError::write(&path))?;
    let state = dir.join(STATE_DIR);
    storage
        .sync_dir(&state)
        .map_err(JournalError::write(&state))
}

fn read_record(path: &Path, bytes: &[u8]) -> Result<(Vec<String>, Vec<String>), JournalError> {
    let corrupt = |what: &str| JournalError::Corrupt {
        path: path.to_owned(),
        offset: 0,
        what: what.to_owned(),
    };
    let record = parse(bytes).map_err(|error| corrupt(&error.to_string()))?;
    let format = record.get("format").and_then(Json::as_u64);
    match format.and_then(|format| u32::try_from(format).ok()) {
        Some(FORMAT) => {}
        Some(found) => {
            return Err(JournalError::TooNew {
                path: path.to_owned(),
                found,
                supported: FORMAT,
            });
        }
        None => return Err(corrupt("it names no format")),
    }
    let names = |key: &str| -> Result<Vec<String>, JournalError> {
        let list = record.get(key).and_then(Json::as_array);
        let list = list.ok_or_else(|| corrupt("a list is missing"))?;
        let mut names = Vec::with_capacity(list.len());
        for item in list {
            let name = item.as_str().ok_or_else(|| corrupt("a name is no text"))?;
            check_name(name)?;
            names.push(name.to_owned());
        }
        Ok(names)
    };
    Ok((names("files")?, names("remove")?))
}

/// A name must stay inside the folder and out of ours.
fn check_name(name: &str) -> Result<(), JournalError> {
    let fine = name
        .split('/')
        .all(|part| !matches!(part, "" | "." | ".." | STATE_DIR) && !part.contains(['\\', '\0']));
    if fine {
        Ok(())
    } else {
        Err(JournalError::Name {
            name: name.to_owned(),
        })
    }
}

fn staged_dir(dir: &Path) -> PathBuf {
    dir.join(STATE_DIR).join("staged")
}

fn staged_path(dir: &Path, place: usize) -> PathBuf {
    staged_dir(dir).join(place.to_string())
}

fn commit_path(dir: &Path) -> PathBuf {
    dir.join(STATE_DIR).join("staged.commit")
}
