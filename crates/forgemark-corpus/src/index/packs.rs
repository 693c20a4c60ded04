//! Canonical texts on disk.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use forgemark_journal::storage::{ReadFile, Storage};

use crate::error::CorpusError;

const PREFIX: &str = "texts-";
const SUFFIX: &str = ".pack";
/// A pack that is being written; a crash may leave it.
const TEMPORARY: &str = ".texts.tmp";

/// Where a text stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TextRef {
    /// The pack's hash, as in its name.
    pub(crate) pack: String,
    pub(crate) offset: u64,
    pub(crate) bytes: u64,
    /// BLAKE3 of the text.
    pub(crate) hash: [u8; 32],
}

/// The packs of an index, opened as they are needed.
pub(crate) struct Packs<'a> {
    storage: &'a dyn Storage,
    dir: &'a Path,
    open: BTreeMap<String, Arc<dyn ReadFile>>,
}

impl<'a> Packs<'a> {
    pub(crate) fn new(storage: &'a dyn Storage, dir: &'a Path) -> Self {
        Packs {
            storage,
            dir,
            open: BTreeMap::new(),
        }
    }

    /// Reads a text, or says why it is not what was stored. `max_bytes` bounds what a wrong length can allocate.
    pub(crate) fn read(&mut self, at: &TextRef, max_bytes: u64) -> Result<String, String> {
        if at.bytes > max_bytes {
            return Err(format!("{} bytes are more than any text has", at.bytes));
        }
        let said = |error: io::Error| error.to_string();
        let file = if let Some(file) = self.open.get(&at.pack) {
            Arc::clone(file)
        } else {
            let file = self.storage.open_read(&self.path(&at.pack)).map_err(said)?;
            self.open.insert(at.pack.clone(), Arc::clone(&file));
            file
        };
        let mut bytes = vec![0; at.bytes as usize];
        file.read_exact_at(&mut bytes, at.offset).map_err(said)?;
        if *blake3::hash(&bytes).as_bytes() != at.hash {
            return Err("its checksum does not match".to_owned());
        }
        String::from_utf8(bytes).map_err(|error| error.to_string())
    }

    /// Writes texts into one new pack, durably, and says where each stands.
    pub(crate) fn write(&mut self, texts: &[&str]) -> Result<Vec<TextRef>, CorpusError> {
        let temporary = self.dir.join(TEMPORARY);
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| CorpusError::Index {
                doing: "write",
                path,
                source,
            }
        };
        let mut whole = blake3::Hasher::new();
        let mut places = Vec::with_capacity(texts.len());
        let mut file = self
            .storage
            .create(&temporary)
            .map_err(failed(&temporary))?;
        let mut offset = 0;
        for text in texts {
            file.write_all(text.as_bytes())
                .map_err(failed(&temporary))?;
            whole.update(text.as_bytes());
            places.push(TextRef {
                pack: String::new(),
                offset,
                bytes: text.len() as u64,
                hash: *blake3::hash(text.as_bytes()).as_bytes(),
            });
            offset += text.len() as u64;
        }
        file.sync().map_err(failed(&temporary))?;
        drop(file);
        let pack: String = whole.finalize().to_hex().chars().take(16).collect();
        let path = self.path(&pack);
        // A pack of the same name has the same bytes, so replacing it is safe.
        self.storage
            .rename(&temporary, &path)
            .map_err(failed(&path))?;
        self.storage.sync_dir(self.dir).map_err(failed(&path))?;
        self.open.remove(&pack);
        for place in &mut places {
            place.pack.clone_from(&pack);
        }
        Ok(places)
    }

    /// Bytes of all packs on disk.
    pub(crate) fn total_bytes(&self) -> Result<u64, CorpusError> {
        let mut total = 0;
        for name in self.names()? {
            let path = self.dir.join(name);
            let length = self
                .storage
                .len(&path)
                .map_err(|source| CorpusError::Index {
                    doing: "read",
                    path,
                    source,
                })?;
            total += length.unwrap_or(0);
        }
        Ok(total)
    }

    /// Removes every pack that `used` does not name, and what a crash left.
    pub(crate) fn remove_unused(&mut self, used: &BTreeSet<&str>) -> Result<(), CorpusError> {
        self.open.clear();
        for name in self.names()? {
            let pack = name
                .strip_prefix(PREFIX)
                .and_then(|name| name.strip_suffix(SUFFIX));
            if pack.is_some_and(|pack| used.contains(pack)) {
                continue;
            }
            let path = self.dir.join(name);
            self.storage
                .remove(&path)
                .map_err(|source| CorpusError::Index {
                    doing: "remove",
                    path,
                    source,
                })?;
        }
        Ok(())
    }

    /// The names of our files in the folder, but for the index.
    fn names(&self) -> Result<Vec<String>, CorpusError> {
        let names = self
            .storage
            .list(self.dir)
            .map_err(|source| CorpusError::Index {
                doing: "read",
                path: self.dir.to_owned(),
                source,
            })?;
        let ours = |name: &String| {
            name == TEMPORARY || (name.starts_with(PREFIX) && name.ends_with(SUFFIX))
        };
        Ok(names.into_iter().filter(ours).collect())
    }

    fn path(&self, pack: &str) -> PathBuf {
        self.dir.join(format!("{PREFIX}{pack}{SUFFIX}"))
    }
}
