//! What a versioned store can do, whatever it is made of.
//!
//! Everything that reads goes through a [`Snapshot`], which shows one version and never changes; everything that writes is
//! one call of [`RecordStore::write`], which applies a list of [`Edit`]s all or nothing and makes one new version. Supersede,
//! contradict, retire and expire are edits of fields, so they need no words of their own here (see [`super::edit`]).

use std::path::Path;

use super::select::{Filter, Visibility};
use super::{ContextRecord, Edit, EditResult, StoreError};
use crate::json::Json;
use crate::time::Timestamp;

/// What opens and makes stores, by path or URI.
pub trait Stores: Send + Sync {
    /// Opens the store at `uri`: a path, or an address such as `s3://bucket/folder`.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Unreachable`], or what is wrong with the files there.
    fn open(&self, uri: &str) -> Result<Box<dyn RecordStore>, StoreError>;

    /// Makes an empty store.
    ///
    /// # Errors
    /// [`StoreError::Exists`] where there is one; else as [`Stores::open`].
    fn create(&self, uri: &str, options: &StoreOptions)
    -> Result<Box<dyn RecordStore>, StoreError>;

    /// Puts a copy of `file` beside the rows of the store at `uri`. Bytes that are there already are not written again.
    ///
    /// # Errors
    /// [`StoreError::Storage`] where the file cannot be read, changes while it is read, or cannot be written there, and for a kind
    /// of store that keeps no payloads.
    fn put_payload(&self, uri: &str, file: &Path) -> Result<Payload, StoreError> {
        let _ = file;
        Err(no_payloads(uri))
    }

    /// Copies the payload that `record` names to `into`, which appears only when size and checksum are those that the record
    /// names; how many bytes it has. A path in the record is one below the store, an address is taken as it is.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] names the record where it has no payload of its own kind, the payload is not there, or is another
    /// one; [`StoreError::Storage`] and [`StoreError::Unreachable`] where it cannot be read or written.
    fn fetch_payload(
        &self,
        uri: &str,
        record: &ContextRecord,
        into: &Path,
    ) -> Result<u64, StoreError> {
        let _ = (record, into);
        Err(no_payloads(uri))
    }
}

fn no_payloads(uri: &str) -> StoreError {
    StoreError::Storage {
        uri: uri.to_owned(),
        what: "a store of this kind keeps no payloads beside its rows".to_owned(),
        source: None,
    }
}

/// What a record says of a payload that is not in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    /// Where it lies: a path below the store.
    pub uri: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its SHA-256, as `sha256:` and 64 hexadecimal digits.
    pub checksum: String,
}

impl Payload {
    /// Makes `record` name this payload.
    pub fn name_in(&self, record: &mut ContextRecord) {
        record.payload_uri = Some(self.uri.clone());
        record.payload_size = i64::try_from(self.size).ok();
        record.payload_checksum = Some(self.checksum.clone());
    }
}

/// What is fixed when a store is made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StoreOptions {
    /// The length of all vectors; `None` is decided by the first vector that comes.
    pub dimensions: Option<u32>,
    /// How vectors are compared.
    pub metric: Metric,
}

/// How vectors are compared. Smaller is nearer in each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Metric {
    /// Square root of the sum of squared differences; the original's default.
    L2,
    /// 1 minus the cosine; 1 where a vector has no length.
    #[default]
    Cosine,
    /// The negated dot product.
    Dot,
}

impl Metric {
    /// The word for it in a table's metadata.
    pub fn word(self) -> &'static str {
        match self {
            Metric::L2 => "l2",
            Metric::Cosine => "cosine",
            Metric::Dot => "dot",
        }
    }

    /// The metric of a word.
    pub fn of_word(word: &str) -> Option<Self> {
        [Metric::L2, Metric::Cosine, Metric::Dot]
            .into_iter()
            .find(|metric| metric.word() == word)
    }
}

/// A store that is open. Calls wait for the disk or the network; none needs an asynchronous runtime around it.
pub trait RecordStore: Send + Sync {
    /// Where it lies, as it was given.
    fn uri(&self) -> &str;

    /// The store as it is at `at`. The handle shows that version for ever and disturbs no other.
    ///
    /// # Errors
    /// [`StoreError::NoVersion`] names what there is.
    fn snapshot(&self, at: &At) -> Result<Box<dyn Snapshot>, StoreError>;

    /// Applies all `edits` in their order, or none. Other writers of the same store wait or are waited for; keys stay unique.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`], [`StoreError::NoRecord`], [`StoreError::Invalid`] name the record; nothing is written.
    fn write(&self, edits: Vec<Edit>, now: Timestamp) -> Result<Written, StoreError>;

    /// All versions that can still be read, oldest first.
    ///
    /// # Errors
    /// Where the store cannot be read.
    fn versions(&self) -> Result<Vec<Version>, StoreError>;

    /// Names a version; a name that exists is an error, so that what it pins cannot change unseen.
    ///
    /// # Errors
    /// [`StoreError::TagExists`], [`StoreError::NoVersion`].
    fn set_tag(&self, name: &str, version: u64) -> Result<(), StoreError>;

    /// Takes a name away.
    ///
    /// # Errors
    /// [`StoreError::NoVersion`] where there is no such name.
    fn remove_tag(&self, name: &str) -> Result<(), StoreError>;

    /// Rewrites many small files as few, drops the rows that were replaced, and brings the indexes up to date. Makes a new version
    /// with the same rows.
    ///
    /// # Errors
    /// Where the store cannot be read or written.
    fn compact(&self) -> Result<Compacted, StoreError>;

    /// Removes the files of versions that are older than `before` and neither tagged nor in `keep`; the newest always stays.
    ///
    /// # Errors
    /// Where the store cannot be read or written.
    fn clean_up(&self, before: Timestamp, keep: &[u64]) -> Result<CleanedUp, StoreError>;

    /// Builds the index of a kind, or brings it up to date.
    ///
    /// # Errors
    /// Where the store has nothing to index in that way, and where it cannot be written.
    fn build_index(&self, kind: IndexKind) -> Result<(), StoreError>;

    /// Fixes the length of vectors and what makes them, before the first vector is written.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] where the store has vectors of another length or another model.
    fn declare_vectors(&self, model: &VectorModel) -> Result<(), StoreError>;

    /// Looks for everything that should not be: keys held twice, edges to records that are not there, files that are
    /// missing, vectors that are no numbers. Reads the whole store.
    ///
    /// # Errors
    /// Where it cannot be read at all.
    fn fsck(&self) -> Result<Vec<Finding>, StoreError>;
}

/// One version of a store.
pub trait Snapshot: Send + Sync {
    /// Where the store lies.
    fn uri(&self) -> &str;

    /// The number of the version.
    fn version(&self) -> u64;

    /// What the store says of itself at this version.
    ///
    /// # Errors
    /// Where it cannot be read.
    fn stats(&self) -> Result<StoreStats, StoreError>;

    /// The rows that are asked for, in the order of insertion; memory stays bounded however many there are.
    ///
    /// # Errors
    /// Where the store cannot be read, or the filter cannot be applied. Each row may fail too.
    fn scan<'s>(&'s self, scan: &Scan) -> Result<Rows<'s>, StoreError>;

    /// The rows of these numbers, in this order.
    ///
    /// # Errors
    /// [`StoreError::NoRecord`] for a number that this snapshot has not given out.
    fn take(&self, rows: &[RowNumber], parts: Parts) -> Result<Vec<ContextRecord>, StoreError>;

    /// The record of a key, whatever its lifecycle; deleted ones are not there.
    ///
    /// # Errors
    /// Where the store cannot be read.
    fn get(&self, key: &Key) -> Result<Option<ContextRecord>, StoreError>;

    /// The records that are nearest to a query, best first.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for a vector of another length than the store's.
    fn search(&self, search: &Search) -> Result<Vec<Hit>, StoreError>;
}

/// Rows of a scan with the numbers by which [`Snapshot::take`] finds them again.
pub type Rows<'s> =
    Box<dyn Iterator<Item = Result<(RowNumber, ContextRecord), StoreError>> + Send + 's>;

/// Finds a row again in the snapshot that gave it out; means nothing in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowNumber(pub u64);

/// Which version.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum At {
    /// The newest.
    #[default]
    Latest,
    /// The one of this number.
    Version(u64),
    /// The one of this name.
    Tag(String),
}

/// Which rows of a snapshot, and how much of each.
#[derive(Debug, Clone, PartialEq)]
pub struct Scan {
    /// Which lifecycles; `None` is every row that is not deleted.
    pub visibility: Option<Visibility>,
    /// What they must be like.
    pub filter: Filter,
    /// Which of the large columns are read.
    pub parts: Parts,
    /// How many are passed over.
    pub offset: u64,
    /// How many are given at most.
    pub limit: Option<u64>,
}

impl Scan {
    /// Every row that is not deleted, whole.
    pub fn everything() -> Self {
        Scan {
            visibility: None,
            filter: Filter::none(),
            parts: Parts::ALL,
            offset: 0,
            limit: None,
        }
    }
}

/// Which of the columns that may be large are read; the others always are. What is not read is `None` in the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says of one group of columns whether it is read, and any of them may be"
)]
pub struct Parts {
    /// `text_payload` and `message`.
    pub text: bool,
    /// `metadata` and `state_metadata`.
    pub metadata: bool,
    /// `embedding`.
    pub vector: bool,
    /// `binary_payload`.
    pub binary: bool,
}

impl Parts {
    /// Everything.
    pub const ALL: Parts = Parts {
        text: true,
        metadata: true,
        vector: true,
        binary: true,
    };
    /// Only keys, scope, times and lifecycle.
    pub const KEYS: Parts = Parts {
        text: false,
        metadata: false,
        vector: false,
        binary: false,
    };

    /// What is in either.
    #[must_use]
    pub fn union(self, other: Parts) -> Parts {
        Parts {
            text: self.text || other.text,
            metadata: self.metadata || other.metadata,
            vector: self.vector || other.vector,
            binary: self.binary || other.binary,
        }
    }

    /// Takes out of a record what is not asked for.
    pub fn strip(self, record: &mut ContextRecord) {
        if !self.text {
            record.text_payload = None;
            record.message = None;
        }
        if !self.metadata {
            record.metadata = None;
            record.state_metadata = None;
        }
        if !self.vector {
            record.embedding = None;
        }
        if !self.binary {
            record.binary_payload = None;
        }
    }
}

/// By what a record is found.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Key {
    /// Its id.
    Id(String),
    /// The caller's identity.
    External(String),
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Key::Id(id) => write!(f, "id {id}"),
            Key::External(id) => write!(f, "external id {id}"),
        }
    }
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The new version; the one before where nothing changed.
    pub version: u64,
    /// What became of each edit, in their order.
    pub results: Vec<EditResult>,
}

/// One version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Its number.
    pub number: u64,
    /// When it was made.
    pub made_at: Timestamp,
    /// Rows, deleted ones left out.
    pub rows: Option<u64>,
    /// Its names.
    pub tags: Vec<String>,
    /// What made it: `append`, `update`, `compact` and so on.
    pub operation: String,
}

/// What a store says of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct StoreStats {
    /// Rows, tombstones left out.
    pub rows: u64,
    /// Tombstones.
    pub tombstones: u64,
    /// Rows with a vector.
    pub vectors: u64,
    /// The length of vectors; `None` before there is one.
    pub dimensions: Option<u32>,
    /// How vectors are compared.
    pub metric: Metric,
    /// What made the vectors.
    pub model: Option<VectorModel>,
    /// Data files.
    pub files: u64,
    /// Bytes of data files.
    pub bytes: u64,
    /// Rows that were replaced or deleted and still lie in the files.
    pub dead_rows: u64,
    /// Names of the indexes, with how many rows each has not seen yet.
    pub indexes: Vec<(String, u64)>,
    /// Whether another program wrote the table, which can then be read and not written.
    pub foreign: bool,
}

impl StoreStats {
    /// Those of `rows` rows that lie in no file, without vectors.
    pub fn of_rows(rows: u64) -> Self {
        StoreStats {
            rows,
            tombstones: 0,
            vectors: 0,
            dimensions: None,
            metric: Metric::default(),
            model: None,
            files: 0,
            bytes: 0,
            dead_rows: 0,
            indexes: Vec::new(),
            foreign: false,
        }
    }
}

/// What made the vectors of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VectorModel {
    /// Its name, as the endpoint knows it.
    pub name: String,
    /// A digest of what it makes of fixed texts, so that another model behind the same name is found out; see
    /// [`probe`](super::probe).
    pub digest: String,
    /// The length of its vectors.
    pub dimensions: u32,
}

/// What was rewritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Compacted {
    /// The version afterwards.
    pub version: u64,
    /// Files before.
    pub files_removed: u64,
    /// Files afterwards.
    pub files_added: u64,
}

/// What was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CleanedUp {
    /// Versions that can no longer be read.
    pub versions: u64,
    /// Bytes of their files.
    pub bytes: u64,
}

/// The kinds of index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexKind {
    /// Ids, external ids, sessions: point reads and equality filters.
    Keys,
    /// Words of the text.
    Text,
    /// Vectors; searches become approximate.
    Vectors,
}

/// Something that should not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The kind, as a word with hyphens.
    pub kind: &'static str,
    /// The record or file.
    pub what: String,
    /// What is wrong with it and what to do.
    pub why: String,
}

/// A query.
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    /// Words to look for.
    pub text: Option<String>,
    /// A vector to be near to.
    pub vector: Option<Vec<f32>>,
    /// How many hits.
    pub k: usize,
    /// Which lifecycles.
    pub visibility: Visibility,
    /// What hits must be like; applied before the search, so `k` hits come where there are as many.
    pub filter: Filter,
    /// Whether an index may be used, which is faster and may miss hits.
    pub approximate: bool,
}

/// A record that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The record, without its vector and binary payload.
    pub record: ContextRecord,
    /// The distance under the store's metric, where a vector was given and the record was among the nearest.
    pub distance: Option<f32>,
    /// The score of the words (BM25, or the original's share of query words), where words were given and it was among the best.
    pub text_score: Option<f32>,
    /// What the order follows: with both, the sum of 1 / (60 + rank) over the two lists (reciprocal rank fusion,
    /// Cormack, Clarke and Büttcher 2009).
    pub score: f64,
}

impl Hit {
    /// The hit as an object, for `--json`.
    pub fn to_json(&self) -> Json {
        Json::object([
            ("record", self.record.to_json()),
            ("distance", self.distance.map(f64::from).into()),
            ("text_score", self.text_score.map(f64::from).into()),
            ("score", self.score.into()),
        ])
    }
}
