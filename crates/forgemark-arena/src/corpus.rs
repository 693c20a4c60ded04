//! A folder of arena files in memory.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{num, thread};

use forgemark_contract::arena::{
    Answer, Benchmark, Critique, Debate, FileError, FileKind, Judgment, Label, ListFile, Place, Row,
};
use forgemark_journal::Storage;

/// Folders below the arena's that are looked into; the contract has no deeper path.
const MAX_DEPTH: usize = 4;

/// Most threads that read: beyond it the disk decides.
const MAX_THREADS: usize = 8;

/// Every file of an arena folder.
#[derive(Debug, Default)]
pub struct Corpus {
    /// The files, by path.
    pub files: Vec<CorpusFile>,
    /// Files below the arena's folders that the contract does not know, by path.
    pub strays: Vec<String>,
}

/// A file of an arena folder.
#[derive(Debug)]
pub struct CorpusFile {
    /// Its path relative to the folder, with `/` between its parts.
    pub path: String,
    /// What its path says of it.
    pub place: Place,
    /// Its length in bytes.
    pub bytes: u64,
    /// The BLAKE3 hash of its bytes.
    pub digest: blake3::Hash,
    /// Whether it is written as the pipelines write; `None` when that was not asked.
    pub canonical: Option<bool>,
    /// What it holds.
    pub content: Content,
}

/// What a file holds.
#[derive(Debug)]
pub enum Content {
    /// Questions.
    Benchmarks(ListFile<Benchmark>),
    /// Answers.
    Answers(ListFile<Answer>),
    /// Critiques.
    Critiques(ListFile<Critique>),
    /// Debates.
    Debates(ListFile<Debate>),
    /// Decisions of a judge.
    Judgments(ListFile<Judgment>),
    /// Decisions of a person, or of a model in a person's place.
    Labels(ListFile<Label>),
    /// Nothing that can be read.
    Unreadable(FileError),
}

/// A place in a file of a [`Corpus`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ref {
    /// The file, counted from 0 in the order of [`Corpus::files`].
    pub file: u32,
    /// The place in its list, from 0.
    pub entry: u32,
}

/// A record that a [`Corpus`] holds.
pub trait Stored: Row + 'static {
    /// The file as one of this record, if it is one.
    fn list(content: &Content) -> Option<&ListFile<Self>>;
}

macro_rules! stored {
    ($($record:ident in $variant:ident),*) => {$(
        impl Stored for $record {
            fn list(content: &Content) -> Option<&ListFile<Self>> {
                match content {
                    Content::$variant(list) => Some(list),
                    _ => None,
                }
            }
        }
    )*};
}

stored!(
    Benchmark in Benchmarks, Answer in Answers, Critique in Critiques, Debate in Debates,
    Judgment in Judgments, Label in Labels
);

/// Runs `$body` with `$list` as whichever list `$content` holds; `$otherwise` when it holds none.
macro_rules! with_list {
    ($content:expr, |$list:ident| $body:expr, $otherwise:expr) => {
        match $content {
            $crate::corpus::Content::Benchmarks($list) => $body,
            $crate::corpus::Content::Answers($list) => $body,
            $crate::corpus::Content::Critiques($list) => $body,
            $crate::corpus::Content::Debates($list) => $body,
            $crate::corpus::Content::Judgments($list) => $body,
            $crate::corpus::Content::Labels($list) => $body,
            $crate::corpus::Content::Unreadable(_) => $otherwise,
        }
    };
}

pub(crate) use with_list;

/// A folder that cannot be read as an arena.
#[derive(Debug, thiserror::Error)]
pub enum CorpusError {
    /// There is no file of an arena in it.
    #[error("{} holds no file of an arena", dir.display())]
    NoArena {
        /// The folder.
        dir: PathBuf,
    },
    /// A file or folder cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// Whether a folder holds at least one file whose path is that of an arena's. What cannot be listed counts as absent.
pub fn is_arena(storage: &dyn Storage, dir: &Path) -> bool {
    FileKind::ALL.into_iter().any(|kind| {
        let mut found = Walk::default();
        found.folder(storage, dir, kind.folder(), 0).is_ok() && !found.files.is_empty()
    })
}

impl Corpus {
    /// Reads every file of the arena in `dir`. `canonical` also asks which files are written as the pipelines write,
    /// which takes about as long as reading them.
    ///
    /// Files that hold no entries, and entries that are no records, are kept and said in their place.
    ///
    /// # Errors
    /// [`CorpusError`] when there is no file of an arena, or the system does not let one be read.
    pub fn load(storage: &dyn Storage, dir: &Path, canonical: bool) -> Result<Self, CorpusError> {
        let mut walk = Walk::default();
        for kind in FileKind::ALL {
            walk.folder(storage, dir, kind.folder(), 0)?;
        }
        if walk.files.is_empty() {
            let dir = dir.to_owned();
            return Err(CorpusError::NoArena { dir });
        }
        walk.files.sort_by(|a, b| a.0.cmp(&b.0));
        walk.strays.sort_unstable();
        let next = AtomicUsize::new(0);
        let threads = thread::available_parallelism().map_or(1, num::NonZero::get);
        let threads = threads.min(MAX_THREADS).min(walk.files.len());
        let work = || {
            let (mut read, mut buffer) = (Vec::new(), Vec::new());
            while let Some((path, place)) = walk.files.get(next.fetch_add(1, Ordering::Relaxed)) {
                read.push(CorpusFile::read(
                    (storage, dir),
                    path,
                    place,
                    canonical,
                    &mut buffer,
                )?);
            }
            Ok(read)
        };
        let parts = thread::scope(|scope| {
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
            let mut parts = vec![work()];
            for other in others {
                match other.join() {
                    Ok(part) => parts.push(part),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            parts
        });
        let mut files = Vec::with_capacity(walk.files.len());
        for part in parts {
            files.append(&mut part?);
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Corpus {
            files,
            strays: walk.strays,
        })
    }

    /// Every record of one kind, in the order of the files.
    pub fn all<T: Stored>(&self) -> impl Iterator<Item = (Ref, &CorpusFile, &T)> {
        self.files.iter().enumerate().flat_map(|(number, file)| {
            let list = T::list(&file.content);
            let records = list.into_iter().flat_map(ListFile::records);
            records.map(move |(entry, record)| (Ref::new(number, entry), file, record))
        })
    }

    /// The file of a place.
    pub fn file(&self, at: Ref) -> Option<&CorpusFile> {
        self.files.get(at.file as usize)
    }

    /// The record at a place.
    pub fn record<T: Stored>(&self, at: Ref) -> Option<&T> {
        let list = T::list(&self.file(at)?.content)?;
        list.slots.get(at.entry as usize)?.record()
    }
}

impl Ref {
    pub(crate) fn new(file: usize, entry: usize) -> Self {
        let narrow = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Ref {
            file: narrow(file),
            entry: narrow(entry),
        }
    }
}

impl CorpusFile {
    /// A file that stands on no disk: its length and digest are those of nothing.
    pub(crate) fn in_memory(path: String, place: Place, content: Content) -> Self {
        CorpusFile {
            path,
            place,
            bytes: 0,
            digest: blake3::hash(b""),
            canonical: None,
            content,
        }
    }

    /// Reads a file by way of `buffer`, which keeps its memory for the next one.
    fn read(
        (storage, dir): (&dyn Storage, &Path),
        path: &str,
        place: &Place,
        canonical: bool,
        buffer: &mut Vec<u8>,
    ) -> Result<Self, CorpusError> {
        let full = dir.join(path);
        read_into(storage, &full, buffer).map_err(|source| unreadable(&full, source))?;
        let bytes = buffer.as_slice();
        let content = match place.kind {
            FileKind::Benchmarks => ListFile::parse(bytes).map(Content::Benchmarks),
            FileKind::Answers => ListFile::parse(bytes).map(Content::Answers),
            FileKind::Critiques => ListFile::parse(bytes).map(Content::Critiques),
            FileKind::Debates => ListFile::parse(bytes).map(Content::Debates),
            FileKind::Judgments => ListFile::parse(bytes).map(Content::Judgments),
            FileKind::Labels | FileKind::Adjudications => {
                ListFile::parse(bytes).map(Content::Labels)
            }
        };
        let content = content.unwrap_or_else(Content::Unreadable);
        Ok(CorpusFile {
            path: path.to_owned(),
            place: place.clone(),
            bytes: bytes.len() as u64,
            digest: blake3::hash(bytes),
            canonical: canonical.then(|| content.to_bytes().is_some_and(|own| own == bytes)),
            content,
        })
    }
}

impl Content {
    /// How many places the list has.
    pub fn len(&self) -> usize {
        with_list!(self, |list| list.slots.len(), 0)
    }

    /// Whether there is no place.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The file as it is written; `None` when it holds nothing that can be read.
    pub fn to_bytes(&self) -> Option<Vec<u8>> {
        with_list!(self, |list| Some(list.to_bytes()), None)
    }
}

fn read_into(storage: &dyn Storage, path: &Path, buffer: &mut Vec<u8>) -> io::Result<()> {
    let file = storage.open_read(path)?;
    let len = usize::try_from(file.len()?).map_err(io::Error::other)?;
    buffer.resize(len, 0);
    file.read_exact_at(buffer, 0)
}

fn unreadable(path: &Path, source: io::Error) -> CorpusError {
    let path = path.to_owned();
    CorpusError::Unreadable { path, source }
}

/// The files below a folder.
#[derive(Debug, Default)]
struct Walk {
    files: Vec<(String, Place)>,
    strays: Vec<String>,
}

impl Walk {
    fn folder(
        &mut self,
        storage: &dyn Storage,
        dir: &Path,
        folder: &str,
        depth: usize,
    ) -> Result<(), CorpusError> {
        let full = dir.join(folder);
        let names = storage
            .list(&full)
            .map_err(|source| unreadable(&full, source))?;
        for name in names {
            let path = format!("{folder}/{name}");
            if name.starts_with('.') {
                // Temporary files, ours and those of others.
                continue;
            }
            if let Some(place) = Place::of_path(&path) {
                self.files.push((path, place));
                continue;
            }
            match storage.len(&dir.join(&path)) {
                Ok(Some(_)) => self.strays.push(path),
                Err(error) if error.kind() != io::ErrorKind::IsADirectory => {
                    return Err(unreadable(&dir.join(&path), error));
                }
                Ok(None) | Err(_) if depth < MAX_DEPTH => {
                    self.folder(storage, dir, &path, depth + 1)?;
                }
                Ok(None) | Err(_) => self.strays.push(path),
            }
        }
        Ok(())
    }
}
