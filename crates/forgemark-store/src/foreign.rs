//! Tables that the original wrote, which can be read and are never written.
//!
//! ```text
//! base table           rows of early versions and of merges; its versions are the versions of the store
//! _mem_wal/SHARD/      manifest/    the newest says which generations count
//!                      HASH_gen_N/  a small Lance table for each write since: where all additions go
//! ```
//!
//! What the original lists is the base and all generations: of several rows with one id the newest counts, a tombstone hides
//! its id, the rest is in the order of `created_at` and `id` (all of it tried with the published wheel 0.6.7). The write-ahead
//! log itself is not read, by the original neither: it holds rows whose writing never ended.
//!
//! Versions are those of the base. The newest snapshot shows the generations too, one of a numbered version or a tag does not,
//! because nothing says which of them were there then.

mod generations;
mod snapshot;

use std::sync::Arc;

use forgemark_contract::store::audit::audit;
use forgemark_contract::store::{
    At, CleanedUp, Compacted, Edit, Finding, IndexKind, RecordStore, Snapshot, StoreError,
    VectorModel, Version, Written,
};
use forgemark_contract::time::Timestamp;
use lance::Dataset;

use self::snapshot::ForeignSnapshot;
use crate::fault::fault;
use crate::runtime::wait;

/// A table of the original.
pub(crate) struct ForeignStore {
    uri: String,
    base: Arc<Dataset>,
}

impl ForeignStore {
    /// The table at `uri`, of which `base` is a version.
    ///
    /// # Errors
    /// [`StoreError::Storage`] where the table has not the columns of records.
    pub(crate) fn new(uri: &str, base: Arc<Dataset>) -> Result<Self, StoreError> {
        let columns = ["id", "run_id", "created_at", "role", "content_type"];
        let missing = columns
            .into_iter()
            .find(|name| base.schema().field(name).is_none());
        if let Some(name) = missing {
            return Err(StoreError::Storage {
                uri: uri.to_owned(),
                what: format!("a Lance table, but not one of records: it has no column {name}"),
                source: None,
            });
        }
        Ok(ForeignStore {
            uri: uri.to_owned(),
            base,
        })
    }

    fn read_only<T>(&self) -> Result<T, StoreError> {
        let uri = &self.uri;
        Err(StoreError::ReadOnly {
            uri: uri.clone(),
            why: format!(
                "another program wrote this table, so it is only read; `forgemark store ingest NEW {uri}` copies it"
            ),
        })
    }

    async fn at(&self, at: &At) -> Result<ForeignSnapshot, StoreError> {
        let fault = |doing: &str, error| fault(&self.uri, doing, error);
        let base = match at {
            At::Latest => {
                let mut base = (*self.base).clone();
                let latest = base.checkout_latest().await;
                latest.map_err(|error| fault("looking for the newest version", error))?;
                let generations = generations::open(&self.uri, &base).await?;
                let tables = std::iter::once(Arc::new(base)).chain(generations);
                return ForeignSnapshot::new(&self.uri, tables.collect()).await;
            }
            At::Version(number) => self.base.checkout_version(*number).await,
            At::Tag(name) => self.base.checkout_version(name.as_str()).await,
        };
        let base = match base {
            Ok(base) => base,
            Err(error) => {
                let there_are = self.listed().await?;
                let known = |version: &Version| match at {
                    At::Latest => true,
                    At::Version(number) => version.number == *number,
                    At::Tag(name) => version.tags.contains(name),
                };
                if there_are.iter().any(known) {
                    return Err(fault("opening a version", error));
                }
                let numbers: Vec<String> = there_are
                    .iter()
                    .map(|version| version.number.to_string())
                    .collect();
                return Err(StoreError::NoVersion {
                    uri: self.uri.clone(),
                    at: match at {
                        At::Latest => "latest".to_owned(),
                        At::Version(number) => number.to_string(),
                        At::Tag(name) => name.clone(),
                    },
                    there_is: format!("there are {}", numbers.join(", ")),
                });
            }
        };
        ForeignSnapshot::new(&self.uri, vec![Arc::new(base)]).await
    }

    async fn listed(&self) -> Result<Vec<Version>, StoreError> {
        let fault = |error| fault(&self.uri, "listing versions", error);
        let versions = self.base.versions().await.map_err(fault)?;
        let tags = self.base.tags().list().await.map_err(fault)?;
        let version = |version: lance::dataset::Version| Version {
            number: version.version,
            made_at: Timestamp(version.timestamp.timestamp_micros()),
            rows: None,
            tags: {
                let named = tags
                    .iter()
                    .filter(|(_, tag)| tag.version == version.version);
                let mut names: Vec<String> = named.map(|(name, _)| name.clone()).collect();
                names.sort_unstable();
                names
            },
            operation: "unknown".to_owned(),
        };
        Ok(versions.into_iter().map(version).collect())
    }
}

impl RecordStore for ForeignStore {
    fn uri(&self) -> &str {
        &self.uri
    }

    fn snapshot(&self, at: &At) -> Result<Box<dyn Snapshot>, StoreError> {
        let snapshot = wait(&self.uri, self.at(at))?;
        Ok(Box::new(snapshot))
    }

    fn write(&self, _: Vec<Edit>, _: Timestamp) -> Result<Written, StoreError> {
        self.read_only()
    }

    fn versions(&self) -> Result<Vec<Version>, StoreError> {
        wait(&self.uri, self.listed())
    }

    fn set_tag(&self, _: &str, _: u64) -> Result<(), StoreError> {
        self.read_only()
    }

    fn remove_tag(&self, _: &str) -> Result<(), StoreError> {
        self.read_only()
    }

    fn compact(&self) -> Result<Compacted, StoreError> {
        self.read_only()
    }

    fn clean_up(&self, _: Timestamp, _: &[u64]) -> Result<CleanedUp, StoreError> {
        self.read_only()
    }

    fn build_index(&self, _: IndexKind) -> Result<(), StoreError> {
        self.read_only()
    }

    fn declare_vectors(&self, _: &VectorModel) -> Result<(), StoreError> {
        self.read_only()
    }

    fn fsck(&self) -> Result<Vec<Finding>, StoreError> {
        let snapshot = wait(&self.uri, self.at(&At::Latest))?;
        audit(|| Ok(snapshot.all()), &|_| None)
    }
}
