//! Artifacts that belong together are committed together.
//!
//! ```text
//! append(file, bytes) ─> buffer ─> file, past its committed length ┐
//! put(path, bytes) ──────────────> .forgemark/tmp/N                ├─ commit: write, sync, rename, sync folders,
//! replace(file), replace_whole ──> .forgemark/swap/N               ┘          then the commit record
//!                                                                             then the swaps take their places
//! ```
//!
//! After a crash the files are those of the last commit record: what an append-only file holds beyond its committed length
//! is cut off on open, and swaps that the record names are finished. A whole file of [`ArtifactSet::put`] may already be
//! the newer one; the pipeline writes it again with the same content. Late rewrites, which must not be half done, go
//! through [`ArtifactSet::replace`].

mod place;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use forgemark_contract::ids::CallKey;
use forgemark_contract::json::Json;

use crate::error::JournalError;
use crate::journal::{Durable, Journal};
use crate::lock::STATE_DIR;
use crate::record::{CommitRecord, Record};
use crate::storage::{AppendFile, Storage, folder_of};

use place::{cut_to_committed, finish_swaps, remove_all};

/// Appended bytes are held back up to this many a file, so that small rows do not cost a system call each.
const BUFFER: usize = 1 << 20;

/// The artifacts of one output folder. One a journal; it belongs to whoever commits.
#[derive(Debug)]
pub struct ArtifactSet {
    storage: Arc<dyn Storage>,
    journal: Journal,
    out_dir: PathBuf,
    files: BTreeMap<String, Open>,
    /// Whole files of the next commit.
    puts: BTreeMap<String, Put>,
    /// Files that the next commit replaces, and the name of what takes their place.
    swaps: BTreeMap<String, String>,
    /// Makes names of temporary files.
    made: u64,
}

/// An append-only file.
#[derive(Debug)]
struct Open {
    path: PathBuf,
    file: Box<dyn AppendFile>,
    buffer: Vec<u8>,
    /// Whether something was written since the last sync.
    dirty: bool,
}

/// A whole file that waits for its commit.
#[derive(Debug)]
struct Put {
    temporary: PathBuf,
    file: Box<dyn AppendFile>,
}

impl Open {
    fn write_out(&mut self) -> Result<u64, JournalError> {
        let bytes = self.buffer.len() as u64;
        if bytes > 0 {
            self.file
                .write_all(&self.buffer)
                .map_err(JournalError::write(&self.path))?;
            self.buffer.clear();
            self.dirty = true;
        }
        Ok(bytes)
    }

    fn sync(&mut self) -> Result<(), JournalError> {
        if self.dirty {
            self.file.sync().map_err(JournalError::write(&self.path))?;
            self.dirty = false;
        }
        Ok(())
    }
}

impl ArtifactSet {
    /// Opens the append-only artifacts (names relative to the output folder, `/` between parts): finishes swaps, cuts every
    /// file to its committed length, creates missing ones empty. Files that the journal did not know are committed as
    /// they are: empty, or as long as their import said.
    ///
    /// # Errors
    /// [`JournalError::Shortened`] when committed bytes are gone, [`JournalError::Foreign`] when a file has content that was
    /// neither committed nor imported, [`JournalError::Name`], and the system's own.
    pub fn open(journal: &Journal, append_files: &[&str]) -> Result<ArtifactSet, JournalError> {
        let storage = journal.storage();
        let out_dir = journal.out_dir().to_owned();
        let committed = journal.committed();
        let state = out_dir.join(STATE_DIR);
        for folder in ["tmp", "swap"] {
            let folder = state.join(folder);
            storage
                .create_dir_all(&folder)
                .map_err(JournalError::write(&folder))?;
        }
        finish_swaps(storage.as_ref(), &out_dir, &committed.swaps)?;
        remove_all(storage.as_ref(), &state.join("tmp"))?;
        remove_all(storage.as_ref(), &state.join("swap"))?;
        for (name, len) in &committed.files {
            if !append_files.contains(&name.as_str()) {
                cut_to_committed(storage.as_ref(), &out_dir.join(name), *len)?;
            }
        }
        let mut set = ArtifactSet {
            storage,
            journal: journal.clone(),
            out_dir,
            files: BTreeMap::new(),
            puts: BTreeMap::new(),
            swaps: BTreeMap::new(),
            made: 0,
        };
        let mut folders = BTreeSet::new();
        for name in append_files {
            let known = committed.files.get(*name).copied();
            set.open_file(name, known, &mut folders)?;
        }
        set.sync_folders(&folders)?;
        let unknown = |name: &&str| !committed.files.contains_key(*name);
        if append_files.iter().any(unknown) || !journal.has_commit() {
            set.commit(Vec::new())?.wait()?;
        }
        Ok(set)
    }

    fn open_file(
        &mut self,
        name: &str,
        known: Option<u64>,
        folders: &mut BTreeSet<PathBuf>,
    ) -> Result<(), JournalError> {
        check_name(name)?;
        let path = self.out_dir.join(name);
        let storage = Arc::clone(&self.storage);
        let folder = folder_of(&path);
        storage
            .create_dir_all(folder)
            .map_err(JournalError::write(folder))?;
        let found = storage.len(&path).map_err(JournalError::read(&path))?;
        let expected = known.or_else(|| self.journal.imported(name));
        match (expected, found) {
            (None, Some(bytes)) if bytes > 0 => return Err(JournalError::Foreign { path, bytes }),
            (None, _) => {}
            (Some(len), Some(bytes)) if known.is_none() && bytes > len => {
                return Err(JournalError::Foreign { path, bytes });
            }
            (Some(len), _) => cut_to_committed(storage.as_ref(), &path, len)?,
        }
        let mut file = storage
            .open_append(&path)
            .map_err(JournalError::write(&path))?;
        // Also when it was there: a killed process may have made it without living to sync its name, and the content of an
        // imported file was never ours to sync.
        file.sync().map_err(JournalError::write(&path))?;
        folders.insert(folder.to_owned());
        let open = Open {
            path,
            file,
            buffer: Vec::new(),
            dirty: false,
        };
        self.files.insert(name.to_owned(), open);
        Ok(())
    }

    /// Adds bytes (whole rows, with their newline) at the end of an append-only artifact. They count with the next commit.
    ///
    /// # Errors
    /// [`JournalError::Name`] when the set was not opened with `file`, [`JournalError::Write`], and whatever ended the
    /// journal before.
    pub fn append(&mut self, file: &str, bytes: &[u8]) -> Result<(), JournalError> {
        let Some(open) = self.files.get_mut(file) else {
            return Err(JournalError::Name {
                name: file.to_owned(),
            });
        };
        open.buffer.extend_from_slice(bytes);
        if open.buffer.len() < BUFFER {
            return Ok(());
        }
        self.guarded(|set| {
            let written = match set.files.get_mut(file) {
                Some(open) => open.write_out()?,
                None => 0,
            };
            set.journal.count_artifact_bytes(written);
            Ok(())
        })
    }

    /// The length that an append-only artifact will have with the next commit, in bytes; `None` when the set was not opened
    /// with it.
    pub fn length(&self, file: &str) -> Option<u64> {
        let open = self.files.get(file)?;
        Some(open.file.len() + open.buffer.len() as u64)
    }

    /// Sets the content of a whole file as of the next commit; the last content before it counts. It is written at once
    /// beside the artifacts and takes no memory, but a file handle until the commit.
    ///
    /// # Errors
    /// [`JournalError::Name`] when the path leaves the output folder or names an append-only artifact, and
    /// [`JournalError::Write`].
    pub fn put(&mut self, path: &str, content: &[u8]) -> Result<(), JournalError> {
        self.check_whole(path)?;
        self.guarded(|set| {
            set.made += 1;
            let temporary = set.state_dir("tmp").join(set.made.to_string());
            let file = set.write_new(&temporary, content)?;
            match set.puts.insert(path.to_owned(), Put { temporary, file }) {
                Some(earlier) => set.drop_put(&earlier),
                None => Ok(()),
            }
        })
    }

    fn drop_put(&self, put: &Put) -> Result<(), JournalError> {
        let removed = self.storage.remove(&put.temporary);
        removed.map_err(JournalError::write(&put.temporary))
    }

    /// Empties an append-only artifact as of the next commit: what is appended from now on is its whole new content, and
    /// takes its place together with everything else that is replaced, or not at all.
    ///
    /// # Errors
    /// As [`ArtifactSet::append`]. Bytes that were appended and not yet committed are dropped.
    pub fn replace(&mut self, file: &str) -> Result<(), JournalError> {
        if !self.files.contains_key(file) {
            return Err(JournalError::Name {
                name: file.to_owned(),
            });
        }
        self.guarded(|set| {
            let (name, path) = set.new_swap();
            let created = set.storage.create(&path);
            let created = created.map_err(JournalError::write(&path))?;
            if let Some(open) = set.files.get_mut(file) {
                *open = Open {
                    path,
                    file: created,
                    buffer: Vec::new(),
                    dirty: true,
                };
            }
            set.swaps.insert(file.to_owned(), name);
            Ok(())
        })
    }

    /// Replaces a whole file together with everything else that is replaced by the next commit, or not at all.
    ///
    /// # Errors
    /// As [`ArtifactSet::put`], and [`JournalError::Write`].
    pub fn replace_whole(&mut self, path: &str, content: &[u8]) -> Result<(), JournalError> {
        self.check_whole(path)?;
        self.guarded(|set| {
            let (name, temporary) = set.new_swap();
            let mut file = set.write_new(&temporary, content)?;
            file.sync().map_err(JournalError::write(&temporary))?;
            set.swaps.insert(path.to_owned(), name);
            Ok(())
        })
    }

    /// Commits: everything appended and put becomes durable, then the commit record with `items` (one for each item that is
    /// complete now) follows. The record is on its way when this returns; the commit is done when the [`Durable`] says so,
    /// and commits may follow each other without waiting. Blocks for the disk, so it is not for threads that serve an
    /// asynchronous runtime.
    ///
    /// # Errors
    /// [`JournalError::Write`]: the commit did not happen, and the journal accepts nothing more until it is opened again.
    pub fn commit(&mut self, items: Vec<Json>) -> Result<Durable, JournalError> {
        self.guarded(|set| set.commit_inner(items))
    }

    fn commit_inner(&mut self, items: Vec<Json>) -> Result<Durable, JournalError> {
        let mut written = 0;
        for open in self.files.values_mut() {
            written += open.write_out()?;
        }
        self.journal.count_artifact_bytes(written);
        let mut temporaries = Vec::with_capacity(self.puts.len());
        for (name, put) in std::mem::take(&mut self.puts) {
            let Put {
                temporary,
                mut file,
            } = put;
            file.sync().map_err(JournalError::write(&temporary))?;
            temporaries.push((temporary, self.out_dir.join(name)));
        }
        for open in self.files.values_mut() {
            open.sync()?;
        }
        let mut folders = BTreeSet::new();
        for (temporary, path) in temporaries {
            let folder = folder_of(&path);
            if !folders.contains(folder) {
                let created = self.storage.create_dir_all(folder);
                created.map_err(JournalError::write(folder))?;
                folders.insert(folder.to_owned());
            }
            let renamed = self.storage.rename(&temporary, &path);
            renamed.map_err(JournalError::write(&path))?;
        }
        self.sync_folders(&folders)?;
        if !self.swaps.is_empty() {
            self.sync_folders(&BTreeSet::from([self.state_dir("swap")]))?;
        }
        let lengths = self.files.iter();
        let record = CommitRecord {
            through: self.journal.committed().through + items.len() as u64,
            files: lengths
                .map(|(name, open)| (name.clone(), open.file.len()))
                .collect(),
            swaps: std::mem::take(&mut self.swaps),
            items,
            totals: Json::Null,
        };
        let swaps = record.swaps.clone();
        let durable = self.journal.append(Record::Commit(record));
        if !swaps.is_empty() {
            durable.clone().wait()?;
            finish_swaps(self.storage.as_ref(), &self.out_dir, &swaps)?;
            self.reopen(swaps.keys())?;
        }
        Ok(durable)
    }

    /// Drops the committed items from `to` on (from the end of the commit before, when `to` lies inside one) and the
    /// replies of the calls in `forget`, and cuts the append-only files. Answers the number of items that are left. What was
    /// appended or put since the last commit is dropped too. Whole files of dropped items stay until they are written
    /// again or removed by the pipeline.
    ///
    /// # Errors
    /// [`JournalError::Rewind`] when a commit after that point replaced files; otherwise as [`ArtifactSet::commit`].
    pub fn rewind(&mut self, to: u64, forget: Vec<CallKey>) -> Result<u64, JournalError> {
        let to = self.journal.rewind_point(to)?;
        self.guarded(|set| {
            for put in std::mem::take(&mut set.puts).into_values() {
                set.drop_put(&put)?;
            }
            set.swaps.clear();
            set.journal.append(Record::Rewind { to, forget }).wait()?;
            let committed = set.journal.committed();
            for (name, len) in &committed.files {
                cut_to_committed(set.storage.as_ref(), &set.out_dir.join(name), *len)?;
            }
            set.reopen(committed.files.keys())?;
            Ok(to)
        })
    }

    /// Opens append-only files again at their place, because what is there has changed.
    fn reopen<'a>(&mut self, names: impl Iterator<Item = &'a String>) -> Result<(), JournalError> {
        for name in names {
            let Some(open) = self.files.get_mut(name) else {
                continue;
            };
            let path = self.out_dir.join(name);
            let file = self.storage.open_append(&path);
            *open = Open {
                file: file.map_err(JournalError::write(&path))?,
                path,
                buffer: Vec::new(),
                dirty: false,
            };
        }
        Ok(())
    }

    /// Runs something that writes. When it fails, the journal ends with the same error: files and journal must not part.
    fn guarded<T>(
        &mut self,
        write: impl FnOnce(&mut Self) -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        if let Some(error) = self.journal.failure() {
            return Err(error);
        }
        write(self).inspect_err(|error| self.journal.fail(error))
    }

    /// A new file with this content, not yet durable.
    fn write_new(&self, path: &Path, content: &[u8]) -> Result<Box<dyn AppendFile>, JournalError> {
        let write = JournalError::write(path);
        let mut file = self.storage.create(path).map_err(&write)?;
        file.write_all(content).map_err(&write)?;
        self.journal.count_artifact_bytes(content.len() as u64);
        Ok(file)
    }

    fn sync_folders(&self, folders: &BTreeSet<PathBuf>) -> Result<(), JournalError> {
        for folder in folders {
            let synced = self.storage.sync_dir(folder);
            synced.map_err(JournalError::write(folder))?;
        }
        Ok(())
    }

    fn state_dir(&self, name: &str) -> PathBuf {
        self.out_dir.join(STATE_DIR).join(name)
    }

    /// A name that no commit has ever used: the last one's swaps are looked for on every open, so an unfinished file with
    /// one of their names would take a place that it was not made for.
    fn new_swap(&mut self) -> (String, PathBuf) {
        self.made += 1;
        let name = format!("{}-{}", self.journal.end(), self.made);
        let path = self.state_dir("swap").join(&name);
        (name, path)
    }

    fn check_whole(&self, path: &str) -> Result<(), JournalError> {
        check_name(path)?;
        if self.files.contains_key(path) {
            return Err(JournalError::Name {
                name: path.to_owned(),
            });
        }
        Ok(())
    }
}

/// Checks that a name stays inside the output folder and outside our own.
fn check_name(name: &str) -> Result<(), JournalError> {
    let sound = |part: &str| !part.is_empty() && part != "." && part != "..";
    let ours = name.split('/').next() == Some(STATE_DIR);
    if name.split('/').all(sound) && !ours && !name.contains('\0') {
        return Ok(());
    }
    Err(JournalError::Name {
        name: name.to_owned(),
    })
}
