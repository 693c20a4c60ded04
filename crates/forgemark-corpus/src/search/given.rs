//! Vectors of the chunks that a model made: kept beside the index, and searched exactly.
//!
//! ```text
//! index_dir/vectors-<hash of model and length>/
//!   <hash of its bytes>.vec      magic, length of a vector, count; for each text its BLAKE3 and its values; BLAKE3 of all before
//! ```
//!
//! A vector belongs to a text and a model, so a document that moves keeps its vectors, another model has another folder, and
//! lengths never mix. Files are immutable and named by what they hold: two processes may write at once, and a damaged file is
//! one whose texts are asked for again.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use forgemark_contract::text::hex;
use forgemark_journal::storage::{Storage, write_atomic};

use crate::corpus::{ChunkId, Corpus};
use crate::error::CorpusError;

const MAGIC: &[u8; 8] = b"fmvec 1\n";
const SUFFIX: &str = ".vec";
const DIGEST: usize = 32;

/// More files than this are made one.
const MOST_FILES: usize = 32;

type Digest = [u8; DIGEST];

/// The vectors of a model's that are kept, while more are added.
#[derive(Debug)]
pub struct VectorCache {
    storage: Arc<dyn Storage>,
    dir: PathBuf,
    length: Option<usize>,
    known: HashMap<Digest, Arc<[f32]>>,
    files: Vec<PathBuf>,
}

/// A vector for each chunk of a corpus.
#[derive(Debug, Clone, PartialEq)]
pub struct ChunkVectors {
    length: usize,
    values: Vec<f32>,
}

impl VectorCache {
    /// Opens or makes the folder of `model` under `index_dir`. `asked` is the length that the model is asked for, where it is asked
    /// for one; it takes part in the folder's name.
    ///
    /// # Errors
    /// [`CorpusError::Index`] when the folder cannot be read or written.
    pub fn open(
        storage: Arc<dyn Storage>,
        index_dir: &Path,
        model: &str,
        asked: Option<u32>,
    ) -> Result<Self, CorpusError> {
        let name = blake3::hash(format!("{model}\n{asked:?}").as_bytes()).to_hex();
        let name: String = name.chars().take(16).collect();
        let dir = index_dir.join(format!("vectors-{name}"));
        let made = storage.create_dir_all(&dir);
        made.map_err(failed("create", &dir))?;
        let mut cache = Self {
            storage,
            dir,
            length: asked.map(|n| n as usize),
            known: HashMap::new(),
            files: Vec::new(),
        };
        let mut names = cache
            .storage
            .list(&cache.dir)
            .map_err(failed("read", &cache.dir))?;
        names.sort_unstable();
        for name in names.iter().filter(|name| name.ends_with(SUFFIX)) {
            let path = cache.dir.join(name);
            let bytes = match cache.storage.read(&path) {
                Ok(bytes) => bytes,
                // Another process has made one file of several.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(failed("read", &path)(error)),
            };
            // What is damaged is asked for again.
            cache.take_in(&bytes);
            cache.files.push(path);
        }
        Ok(cache)
    }

    /// The first chunk of each text that has no vector.
    pub fn missing(&self, corpus: &Corpus) -> Vec<ChunkId> {
        let mut seen = std::collections::HashSet::new();
        corpus
            .chunk_ids()
            .filter(|id| {
                let digest = digest(corpus.text(*id));
                !self.known.contains_key(&digest) && seen.insert(digest)
            })
            .collect()
    }

    /// Keeps vectors, durably.
    ///
    /// # Errors
    /// [`CorpusError::VectorLength`] for one of another length than those that are there, and a file that cannot be written.
    pub fn add(
        &mut self,
        corpus: &Corpus,
        made: &[(ChunkId, Vec<f32>)],
    ) -> Result<(), CorpusError> {
        let mut entries = Vec::with_capacity(made.len());
        for (chunk, vector) in made {
            let expected = *self.length.get_or_insert(vector.len());
            if vector.len() != expected || expected == 0 {
                return Err(CorpusError::VectorLength {
                    found: vector.len(),
                    expected,
                });
            }
            entries.push((
                digest(corpus.text(*chunk)),
                Arc::<[f32]>::from(vector.as_slice()),
            ));
        }
        let path = self.write(&entries)?;
        self.files.push(path);
        self.known.extend(entries);
        Ok(())
    }

    /// The vectors of all chunks; `None` when one is missing or there is no chunk. Makes one file of many, or of one that is
    /// mostly about texts that are gone.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn finish(mut self, corpus: &Corpus) -> Result<Option<ChunkVectors>, CorpusError> {
        let length = self.length.unwrap_or(0);
        let mut values = Vec::with_capacity(corpus.chunks().len() * length);
        let mut used: HashMap<Digest, Arc<[f32]>> = HashMap::new();
        for id in corpus.chunk_ids() {
            let digest = digest(corpus.text(id));
            let Some(vector) = self.known.get(&digest) else {
                return Ok(None);
            };
            values.extend_from_slice(vector);
            used.entry(digest).or_insert_with(|| Arc::clone(vector));
        }
        if values.is_empty() {
            return Ok(None);
        }
        if self.files.len() > MOST_FILES || used.len() * 2 < self.known.len() {
            let mut entries: Vec<_> = used.into_iter().collect();
            entries.sort_unstable_by_key(|(digest, _)| *digest);
            let whole = self.write(&entries)?;
            for file in self.files.drain(..).filter(|file| *file != whole) {
                match self.storage.remove(&file) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        return Err(failed("remove", &file)(error));
                    }
                    _ => {}
                }
            }
        }
        Ok(Some(ChunkVectors { length, values }))
    }

    fn write(&self, entries: &[(Digest, Arc<[f32]>)]) -> Result<PathBuf, CorpusError> {
        let length = self.length.unwrap_or(0);
        let mut bytes = Vec::with_capacity(16 + entries.len() * (DIGEST + length * 4) + DIGEST);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&(length as u32).to_le_bytes());
        bytes.extend_from_slice(&(entries.len() as u32).to_le_bytes());
        for (digest, vector) in entries {
            bytes.extend_from_slice(digest);
            for value in vector.iter() {
                bytes.extend_from_slice(&value.to_le_bytes());
            }
        }
        let whole = *blake3::hash(&bytes).as_bytes();
        bytes.extend_from_slice(&whole);
        let name: String = hex(&whole).chars().take(16).collect();
        let path = self.dir.join(format!("{name}{SUFFIX}"));
        write_atomic(&*self.storage, &path, &bytes).map_err(failed("write", &path))?;
        Ok(path)
    }

    /// Takes in a file, all of it or nothing.
    fn take_in(&mut self, bytes: &[u8]) -> Option<()> {
        let (body, whole) = bytes.split_last_chunk::<DIGEST>()?;
        if blake3::hash(body).as_bytes() != whole {
            return None;
        }
        let rest = body.strip_prefix(MAGIC.as_slice())?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let (count, rest) = rest.split_first_chunk::<4>()?;
        let length = u32::from_le_bytes(*length) as usize;
        let count = u32::from_le_bytes(*count) as usize;
        let entry = DIGEST + length * 4;
        if length == 0 || rest.len() != count.checked_mul(entry)? {
            return None;
        }
        if *self.length.get_or_insert(length) != length {
            return None;
        }
        for entry in rest.chunks_exact(entry) {
            let (digest, values) = entry.split_first_chunk::<DIGEST>()?;
            let values = values.as_chunks::<4>().0;
            let vector: Arc<[f32]> = values.iter().map(|v| f32::from_le_bytes(*v)).collect();
            self.known.insert(*digest, vector);
        }
        Some(())
    }
}

impl ChunkVectors {
    /// Values of a vector.
    pub fn length(&self) -> usize {
        self.length
    }

    /// The product of each chunk's vector with `of_query`, by the number of the chunk: its cosine, where both have length 1. Nothing
    /// where the query's has another length.
    pub(super) fn products(&self, of_query: &[f32]) -> impl Iterator<Item = f32> {
        let fits = of_query.len() == self.length;
        let values = if fits { self.values.as_slice() } else { &[] };
        values.chunks_exact(self.length.max(1)).map(move |vector| {
            let products = vector.iter().zip(of_query);
            products.map(|(a, b)| a * b).sum()
        })
    }
}

fn digest(text: &str) -> Digest {
    *blake3::hash(text.as_bytes()).as_bytes()
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> CorpusError {
    let path = path.to_owned();
    move |source| CorpusError::Index {
        doing,
        path,
        source,
    }
}
