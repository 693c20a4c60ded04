//! A table of ours: where it lies, its newest version, and what is known of it between calls.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow_array::{RecordBatch, RecordBatchIterator};
use arrow_schema::{Schema, SchemaRef};
use forgemark_contract::store::{Metric, StoreError, StoreOptions, VectorModel};
use lance::Dataset;
use lance::dataset::builder::DatasetBuilder;
use lance::dataset::{InsertBuilder, WriteMode, WriteParams};
use lance::index::DatasetIndexExt as _;

use crate::columns::{self, LAYOUT, LAYOUT_VERSION, METRIC};
use crate::commit::{Committer, Durable};
use crate::fault::fault;
use crate::keys::Keys;
use crate::order::Orders;

/// Keys of the metadata of the schema that say what made the vectors.
pub(crate) const MODEL: [&str; 3] = [
    "forgemark:embedding_model",
    "forgemark:embedding_digest",
    "forgemark:embedding_dimensions",
];

/// A table, shared by the handles of it in this process.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) uri: String,
    /// Its folder, where it lies on a local disk.
    pub(crate) folder: Option<PathBuf>,
    pub(crate) committer: Committer,
    pub(crate) keys: Mutex<Keys>,
    pub(crate) orders: Orders,
    newest: Mutex<Arc<Dataset>>,
}

/// A table as it was opened.
pub(crate) enum Opened {
    /// One of ours.
    Ours(Arc<Table>),
    /// One that another program wrote.
    Foreign(Arc<Dataset>),
}

/// The folder of a table that lies on a local disk.
pub(crate) fn local_folder(uri: &str) -> Option<PathBuf> {
    match uri.split_once("://") {
        Some(("file", path)) => Some(PathBuf::from(path)),
        Some(_) => None,
        None => Some(PathBuf::from(uri)),
    }
}

fn committer(uri: &str) -> Committer {
    Committer::new(local_folder(uri).map(|folder| Arc::new(Durable::new(folder))))
}

/// Opens the table at `uri`.
pub(crate) async fn open(uri: &str) -> Result<Opened, StoreError> {
    let committer = committer(uri);
    let builder = DatasetBuilder::from_uri(uri).with_commit_handler(Arc::new(committer.clone()));
    let loaded = builder.load().await;
    let dataset = loaded.map_err(|error| fault(uri, "opening the table", error))?;
    match dataset.schema().metadata.get(LAYOUT).map(String::as_str) {
        None => Ok(Opened::Foreign(Arc::new(dataset))),
        Some(LAYOUT_VERSION) => Ok(Opened::Ours(Arc::new(
            Table::new(uri, committer, dataset).await?,
        ))),
        Some(other) => Err(StoreError::ReadOnly {
            uri: uri.to_owned(),
            why: format!("written by a later version (layout {other}); use that version"),
        }),
    }
}

/// Makes an empty table at `uri`.
pub(crate) async fn create(uri: &str, options: &StoreOptions) -> Result<Table, StoreError> {
    if options.dimensions == Some(0)
        || options
            .dimensions
            .is_some_and(|n| i32::try_from(n).is_err())
    {
        return Err(StoreError::Invalid {
            record: "options".to_owned(),
            field: "dimensions".to_owned(),
            what: "the length of vectors is at least 1 and fits 31 bits".to_owned(),
        });
    }
    let committer = committer(uri);
    let schema = Arc::new(columns::schema(options));
    let params = WriteParams {
        mode: WriteMode::Create,
        commit_handler: Some(Arc::new(committer.clone())),
        skip_auto_cleanup: true,
        ..WriteParams::default()
    };
    let nothing = RecordBatchIterator::new(
        std::iter::empty::<Result<RecordBatch, arrow_schema::ArrowError>>(),
        schema,
    );
    let insert = InsertBuilder::new(uri).with_params(&params);
    let made =
        insert.execute_stream(Box::new(nothing) as Box<dyn arrow_array::RecordBatchReader + Send>);
    match made.await {
        Ok(dataset) => Table::new(uri, committer, dataset).await,
        Err(
            lance::Error::DatasetAlreadyExists { .. }
            | lance::Error::CommitConflict { .. }
            | lance::Error::RetryableCommitConflict { .. },
        ) => Err(StoreError::Exists {
            uri: uri.to_owned(),
        }),
        Err(error) => Err(fault(uri, "making the table", error)),
    }
}

impl Table {
    async fn new(uri: &str, committer: Committer, dataset: Dataset) -> Result<Self, StoreError> {
        let indices = dataset.load_indices().await;
        let indices = indices.map_err(|error| fault(uri, "reading the list of indexes", error))?;
        committer.trust(dataset.manifest(), &indices);
        Ok(Table {
            uri: uri.to_owned(),
            folder: local_folder(uri),
            committer,
            keys: Mutex::default(),
            orders: Orders::default(),
            newest: Mutex::new(Arc::new(dataset)),
        })
    }

    /// The newest version, as storage has it now.
    pub(crate) async fn latest(&self) -> Result<Arc<Dataset>, StoreError> {
        let known = lock(&self.newest).clone();
        let mut dataset = (*known).clone();
        let found = dataset.checkout_latest().await;
        found.map_err(|error| fault(&self.uri, "looking for the newest version", error))?;
        Ok(self.advance(dataset))
    }

    /// Remembers a version, if it is newer than what is known.
    pub(crate) fn advance(&self, dataset: Dataset) -> Arc<Dataset> {
        let mut newest = lock(&self.newest);
        let dataset = Arc::new(dataset);
        if dataset.version_id() > newest.version_id() {
            *newest = dataset.clone();
        }
        dataset
    }

    /// The table at `version`, for changes that hold only if the version after it is the next one.
    pub(crate) async fn only_after(&self, dataset: &Dataset) -> Result<Dataset, StoreError> {
        let version = dataset.version_id();
        let builder = DatasetBuilder::from_uri(&self.uri)
            .with_session(dataset.session())
            .with_version(version)
            .with_commit_handler(self.committer.only(version + 1));
        let loaded = builder.load().await;
        loaded.map_err(|error| fault(&self.uri, "opening the table", error))
    }

    /// An error of Lance's while `doing` something with this table.
    pub(crate) fn fault(&self, doing: &str, error: lance::Error) -> StoreError {
        fault(&self.uri, doing, error)
    }
}

/// The columns of a version.
pub(crate) fn schema_of(dataset: &Dataset) -> SchemaRef {
    Arc::new(Schema::from(dataset.schema()))
}

/// How vectors of a version are compared; the original's tables without a word for it use the first.
pub(crate) fn metric(dataset: &Dataset) -> Metric {
    let word = dataset.schema().metadata.get(METRIC);
    word.and_then(|word| Metric::of_word(word))
        .unwrap_or(Metric::L2)
}

/// What made the vectors of a version, where that was declared.
pub(crate) fn model(dataset: &Dataset) -> Option<VectorModel> {
    let metadata = &dataset.schema().metadata;
    let [name, digest, dimensions] = MODEL.map(|key| metadata.get(key).cloned());
    Some(VectorModel {
        name: name?,
        digest: digest?,
        dimensions: dimensions?.parse().ok()?,
    })
}

/// The value, also after a thread panicked while it held the lock: what is kept here is whole at every instant.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
