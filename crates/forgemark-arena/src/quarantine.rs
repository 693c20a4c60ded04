//! Puts entries aside that the rest of a folder cannot stand on. Nothing is deleted.
//!
//! ```text
//! DIR/quarantine/0001/answers/Q/A.json     the entries that were taken, in the form of their file
//! DIR/quarantine/0001/manifest.json        from where each one is, why, and the hashes of the files before and after
//! ```
//!
//! Copies and manifest are durable before the first file changes, and each file changes in one step. A fix that was
//! interrupted leaves every entry in its file, in the quarantine, or in both; the next one goes on in a folder of its own.
//! What a folder without a manifest holds is in the files too, and the next fix takes its number.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};

use forgemark_contract::json::{Json, to_pretty};
use forgemark_journal::{JournalError, RunLock, Storage, write_atomic};

use crate::check::{Class, check_without};
use crate::corpus::{Content, Corpus, CorpusError, CorpusFile, Ref, is_arena, with_list};

/// The folder of everything that was put aside.
pub const FOLDER: &str = "quarantine";

/// The format of the manifest, with its version.
const FORMAT: &str = "forgemark-arena-quarantine-1";

/// What was put aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantine {
    /// Where it is, relative to the arena folder.
    pub folder: String,
    /// How many entries each class took.
    pub entries: BTreeMap<Class, u64>,
    /// Files that were put aside as a whole.
    pub files: Vec<String>,
}

/// A fix that could not be made. Whatever it names, nothing is lost.
#[derive(Debug, thiserror::Error)]
pub enum QuarantineError {
    /// The folder cannot be read as an arena.
    #[error(transparent)]
    Corpus(#[from] CorpusError),
    /// Another process works on the folder.
    #[error(transparent)]
    Lock(#[from] JournalError),
    /// A file was changed by somebody else meanwhile.
    #[error("{} was changed while it was checked", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// A file cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// Why an entry or a file is taken.
struct Reason {
    class: Class,
    key: String,
    what: String,
}

/// What is taken, by file: the whole of it, or places of its list.
#[derive(Default)]
struct Plan {
    whole: BTreeMap<usize, Reason>,
    entries: BTreeMap<usize, BTreeMap<usize, Reason>>,
}

/// A file as it is going to be.
struct Change {
    path: String,
    /// What goes into the quarantine.
    taken: Vec<u8>,
    /// What stays; `None` when nothing does.
    kept: Option<Vec<u8>>,
}

/// Puts aside what [`Class::stage`] gives a stage, stage by stage until nothing is left to take: a critique whose answer
/// was taken is an orphan too. `owner` is the line that another process sees while this one holds the folder's lock.
/// Answers `None` when there is nothing to put aside.
///
/// # Errors
/// [`QuarantineError`] when the folder cannot be read, is in use, changes meanwhile, or cannot be written.
pub fn put_aside(
    storage: &dyn Storage,
    dir: &Path,
    owner: &str,
) -> Result<Option<Quarantine>, QuarantineError> {
    if !is_arena(storage, dir) {
        // Before a lock is left in a folder that is none of ours.
        let dir = dir.to_owned();
        return Err(CorpusError::NoArena { dir }.into());
    }
    let _lock = RunLock::acquire(storage, dir, owner)?;
    let corpus = Corpus::load(storage, dir, false)?;
    let plan = Plan::of(&corpus);
    if plan.whole.is_empty() && plan.entries.is_empty() {
        return Ok(None);
    }
    let changes = plan.changes(storage, dir, &corpus)?;
    let folder = next_folder(storage, dir)?;
    for change in &changes {
        let path = dir.join(&folder).join(&change.path);
        let above = path.parent().unwrap_or(dir);
        storage.create_dir_all(above).map_err(at(above))?;
        write_atomic(storage, &path, &change.taken).map_err(at(&path))?;
    }
    let manifest = dir.join(&folder).join("manifest.json");
    let text = to_pretty(&plan.manifest(&corpus, &changes));
    write_atomic(storage, &manifest, &text).map_err(at(&manifest))?;
    for change in &changes {
        let path = dir.join(&change.path);
        if let Some(kept) = &change.kept {
            write_atomic(storage, &path, kept).map_err(at(&path))?;
        } else {
            storage.remove(&path).map_err(at(&path))?;
            let above = path.parent().unwrap_or(dir);
            storage.sync_dir(above).map_err(at(above))?;
        }
    }
    Ok(Some(plan.done(&corpus, folder)))
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> QuarantineError {
    let path = path.to_owned();
    |source| QuarantineError::Write { path, source }
}

/// The folder after the last one that has a manifest.
fn next_folder(storage: &dyn Storage, dir: &Path) -> Result<String, QuarantineError> {
    let folder = dir.join(FOLDER);
    let mut last = 0;
    for name in storage.list(&folder).map_err(at(&folder))? {
        let manifest = folder.join(&name).join("manifest.json");
        if let Ok(number) = name.parse::<u32>()
            && storage.len(&manifest).map_err(at(&manifest))?.is_some()
        {
            last = last.max(number);
        }
    }
    Ok(format!("{FOLDER}/{:04}", last.saturating_add(1)))
}

impl Plan {
    fn of(corpus: &Corpus) -> Self {
        let mut plan = Plan::default();
        let mut gone: HashSet<Ref> = HashSet::new();
        loop {
            let findings = check_without(corpus, &gone);
            let stages = findings.iter().filter_map(|finding| {
                let taken = finding.entries.is_empty() && plan.takes_file(corpus, &finding.file);
                finding.class.stage().filter(|_| !taken)
            });
            let Some(stage) = stages.min() else {
                return plan;
            };
            for finding in findings {
                if finding.class.stage() != Some(stage) {
                    continue;
                }
                let reason = || Reason {
                    class: finding.class,
                    key: finding.key.clone(),
                    what: finding.what.clone(),
                };
                if finding.entries.is_empty()
                    && let Some(file) = position(corpus, &finding.file)
                {
                    plan.whole.entry(file).or_insert_with(reason);
                }
                for entry in &finding.entries {
                    if gone.insert(*entry) {
                        let entries = plan.entries.entry(entry.file as usize).or_default();
                        entries.insert(entry.entry as usize, reason());
                    }
                }
            }
        }
    }

    fn takes_file(&self, corpus: &Corpus, path: &str) -> bool {
        position(corpus, path).is_none_or(|file| self.whole.contains_key(&file))
    }

    /// Every file with something to take, proven to be as it was when it was checked.
    fn changes(
        &self,
        storage: &dyn Storage,
        dir: &Path,
        corpus: &Corpus,
    ) -> Result<Vec<Change>, QuarantineError> {
        let mut changes = Vec::new();
        for (number, file) in corpus.files.iter().enumerate() {
            let entries = self.entries.get(&number);
            if entries.is_none() && !self.whole.contains_key(&number) {
                continue;
            }
            let path = dir.join(&file.path);
            let read = storage.read(&path);
            let bytes = read.map_err(|source| CorpusError::Unreadable {
                path: path.clone(),
                source,
            })?;
            if blake3::hash(&bytes) != file.digest {
                return Err(QuarantineError::Changed { path });
            }
            let parts = entries.and_then(|entries| split(&file.content, entries));
            let (taken, kept) = match parts {
                Some((kept, taken)) => (taken, Some(kept)),
                None => (bytes, None),
            };
            let path = file.path.clone();
            changes.push(Change { path, taken, kept });
        }
        Ok(changes)
    }

    fn manifest(&self, corpus: &Corpus, changes: &[Change]) -> Json {
        let files = changes.iter().filter_map(|change| {
            let number = position(corpus, &change.path)?;
            let file = corpus.files.get(number)?;
            let hex = |digest: blake3::Hash| Json::from(digest.to_hex().as_str());
            let after = change.kept.as_ref().map(|kept| hex(blake3::hash(kept)));
            let reason = |reason: &Reason| {
                [
                    ("class", Json::from(reason.class.as_str())),
                    ("key", reason.key.as_str().into()),
                    ("what", reason.what.as_str().into()),
                ]
            };
            let entries = self.entries.get(&number).into_iter().flatten();
            let entries = entries.map(|(entry, why)| {
                let [class, key, what] = reason(why);
                Json::from([("entry", Json::from(*entry)), class, key, what])
            });
            let whole = self.whole.get(&number);
            Some(Json::from([
                ("file", Json::from(file.path.as_str())),
                ("before_blake3", hex(file.digest)),
                ("after_blake3", after.into()),
                ("whole", whole.map(|why| Json::from(reason(why))).into()),
                ("entries", entries.collect()),
            ]))
        });
        Json::from([("format", Json::from(FORMAT)), ("files", files.collect())])
    }

    fn done(self, corpus: &Corpus, folder: String) -> Quarantine {
        let mut entries = BTreeMap::new();
        for reason in self.entries.values().flat_map(BTreeMap::values) {
            *entries.entry(reason.class).or_default() += 1;
        }
        let files = self.whole.keys().filter_map(|file| corpus.files.get(*file));
        Quarantine {
            folder,
            entries,
            files: files.map(|file: &CorpusFile| file.path.clone()).collect(),
        }
    }
}

fn position(corpus: &Corpus, path: &str) -> Option<usize> {
    let found = corpus
        .files
        .binary_search_by(|file| file.path.as_str().cmp(path));
    found.ok()
}

/// The file without the entries, and the entries in the form of the file.
fn split(content: &Content, entries: &BTreeMap<usize, Reason>) -> Option<(Vec<u8>, Vec<u8>)> {
    with_list!(
        content,
        |list| {
            let (kept, taken) = list.partition(|index| entries.contains_key(&index));
            Some((kept.to_bytes(), taken.to_bytes()))
        },
        None
    )
}
