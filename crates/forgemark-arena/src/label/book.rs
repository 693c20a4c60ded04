//! The labels of one person: `evaluations/USER.json`, written after every label.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use forgemark_contract::arena::{ClaimKey, Entry, FileKind, Label, ListFile, Slot};
use forgemark_journal::lock::STATE_DIR;
use forgemark_journal::storage::{Held, LockAttempt};
use forgemark_journal::{JournalError, Storage, write_atomic};

use super::LabelError;
use crate::keys;

/// Longest name of a user, in bytes.
const LONGEST_USER: usize = 80;

/// The labels of one person, and the right to change them until it is dropped.
///
/// Each change is one atomic replacement of the file. What somebody else wrote there meanwhile (a pull from elsewhere, say) is read
/// before and stays.
#[derive(Debug)]
pub struct Book {
    storage: Arc<dyn Storage>,
    path: PathBuf,
    lock: PathBuf,
    owner: String,
    list: ListFile<Label>,
    /// The file as it was read or written last; `None` where there is none.
    bytes: Option<Vec<u8>>,
    held: Option<Box<dyn Held>>,
}

/// Whether a name of a user is one of a file that every system takes.
///
/// # Errors
/// [`LabelError::User`] with the reason.
pub fn check_user(user: &str) -> Result<(), LabelError> {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ' ' | '@' | '+');
    let why = if user.is_empty() {
        "it is empty"
    } else if user.len() > LONGEST_USER {
        "it is longer than 80 bytes"
    } else if !user.chars().all(plain) {
        "letters, digits, spaces and - _ . @ + are taken"
    } else if user.starts_with(['.', ' ', '-']) || user.ends_with(['.', ' ']) {
        "it begins with a dot, a dash or a space, or ends with a dot or a space"
    } else {
        return Ok(());
    };
    let user = user.to_owned();
    Err(LabelError::User { user, why })
}

impl Book {
    /// Opens a person's labels in the arena folder `dir`, and keeps other processes off them. The file need not be there yet. `owner` is
    /// the line that another process sees meanwhile.
    ///
    /// # Errors
    /// [`LabelError::User`] for a name that is none, [`LabelError::Lock`] when another process has them,
    /// [`LabelError::Unreadable`] or [`LabelError::Read`] for a file that cannot be read: it is left as it is.
    pub fn open(
        storage: Arc<dyn Storage>,
        dir: &Path,
        user: &str,
        owner: &str,
    ) -> Result<Self, LabelError> {
        let mut book = Self::unread(storage, dir, user, owner)?;
        book.own()?;
        book.refresh()?;
        Ok(book)
    }

    /// The same without keeping others off and without writing anything, until the first change.
    ///
    /// # Errors
    /// As [`Book::open`], but for the lock.
    pub fn look(
        storage: Arc<dyn Storage>,
        dir: &Path,
        user: &str,
        owner: &str,
    ) -> Result<Self, LabelError> {
        let mut book = Self::unread(storage, dir, user, owner)?;
        book.refresh()?;
        Ok(book)
    }

    fn unread(
        storage: Arc<dyn Storage>,
        dir: &Path,
        user: &str,
        owner: &str,
    ) -> Result<Self, LabelError> {
        check_user(user)?;
        let folder = dir.join(FileKind::Labels.folder());
        Ok(Book {
            storage,
            path: folder.join(format!("{user}.json")),
            lock: dir.join(STATE_DIR).join(format!("label-{user}.lock")),
            owner: owner.to_owned(),
            list: ListFile::default(),
            bytes: None,
            held: None,
        })
    }

    fn own(&mut self) -> Result<(), LabelError> {
        if self.held.is_some() {
            return Ok(());
        }
        let at = |path: &Path| {
            let path = path.to_owned();
            |source| LabelError::Write { path, source }
        };
        if let Some(state) = self.lock.parent() {
            self.storage.create_dir_all(state).map_err(at(state))?;
        }
        let taken = self.storage.try_lock(&self.lock, &self.owner);
        match taken.map_err(at(&self.lock))? {
            LockAttempt::Held(held) => self.held = Some(held),
            LockAttempt::Busy { owner } => {
                let path = self.lock.clone();
                return Err(JournalError::Locked { path, owner }.into());
            }
        }
        Ok(())
    }

    /// Where the labels stand.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The label of a claim; of several the last, which counts.
    pub fn label(&self, key: &ClaimKey<&str>) -> Option<&Label> {
        self.list.slots.get(self.place(key)?)?.record()
    }

    /// Sets the label of a claim, and answers what stood there before.
    ///
    /// # Errors
    /// [`LabelError::Write`], or those of [`Book::open`]. Nothing has changed then.
    pub fn put(&mut self, key: &ClaimKey<&str>, label: Label) -> Result<Option<Label>, LabelError> {
        self.own()?;
        self.refresh()?;
        let mut list = self.list.clone();
        let slot = self.place(key).and_then(|place| list.slots.get_mut(place));
        let before = if let Some(Slot::Entry(entry)) = slot {
            Some(std::mem::replace(&mut entry.record, label))
        } else {
            list.slots.push(Slot::Entry(Entry::new(label)));
            None
        };
        self.write(list)?;
        Ok(before)
    }

    /// Takes the label of a claim away, and answers it.
    ///
    /// # Errors
    /// As [`Book::put`].
    pub fn remove(&mut self, key: &ClaimKey<&str>) -> Result<Option<Label>, LabelError> {
        self.own()?;
        self.refresh()?;
        let Some(place) = self.place(key) else {
            return Ok(None);
        };
        let (kept, taken) = self.list.partition(|index| index == place);
        let label = taken.records().next().map(|(_, label)| label.clone());
        self.write(kept)?;
        Ok(label)
    }

    fn place(&self, key: &ClaimKey<&str>) -> Option<usize> {
        let mut records = self.list.records().collect::<Vec<_>>().into_iter().rev();
        let found = records.find(|(_, label)| keys::of_label(label).as_ref() == Some(key));
        found.map(|(place, _)| place)
    }

    /// Reads the file again where it is not as this book left it.
    fn refresh(&mut self) -> Result<(), LabelError> {
        let read = |source| LabelError::Read {
            path: self.path.clone(),
            source,
        };
        let there = self.storage.len(&self.path).map_err(read)?;
        let bytes = match there {
            Some(_) => Some(self.storage.read(&self.path).map_err(read)?),
            None => None,
        };
        if bytes == self.bytes && bytes.is_some() {
            return Ok(());
        }
        self.list = match &bytes {
            None => ListFile::default(),
            Some(bytes) => ListFile::parse(bytes).map_err(|source| LabelError::Unreadable {
                path: self.path.clone(),
                source,
            })?,
        };
        self.bytes = bytes;
        Ok(())
    }

    fn write(&mut self, list: ListFile<Label>) -> Result<(), LabelError> {
        let bytes = list.to_bytes();
        let failed = |source| LabelError::Write {
            path: self.path.clone(),
            source,
        };
        if let Some(folder) = self.path.parent() {
            self.storage.create_dir_all(folder).map_err(failed)?;
        }
        write_atomic(&*self.storage, &self.path, &bytes).map_err(failed)?;
        (self.list, self.bytes) = (list, Some(bytes));
        Ok(())
    }
}
