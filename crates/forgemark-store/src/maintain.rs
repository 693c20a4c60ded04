//! Versions, names, compaction, clean-up, indexes and the model of the vectors.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use forgemark_contract::store::resolve::check_model;
use forgemark_contract::store::{
    At, CleanedUp, Compacted, IndexKind, Metric, StoreError, VectorModel, Version,
};
use forgemark_contract::time::Timestamp;
use futures_util::{StreamExt as _, TryStreamExt as _};
use lance::Dataset;
use lance::dataset::cleanup::CleanupPolicyBuilder;
use lance::dataset::optimize::{CompactionOptions, compact_files};
use lance::dataset::transaction::Transaction;
use lance::index::DatasetIndexExt as _;
use lance::index::vector::VectorIndexParams;
use lance_index::optimize::OptimizeOptions;
use lance_index::scalar::{BuiltinIndexType, ScalarIndexParams};
use lance_index::{IndexParams, IndexType};
use lance_linalg::distance::MetricType;

use crate::columns::{self, EMBEDDING, ORDINAL};
use crate::pushdown::column;
use crate::runtime::wait;
use crate::snapshot::LanceSnapshot;
use crate::table::{MODEL, Table, metric, model, schema_of};
use crate::tally::{OPERATION, Tally, leaves_rows};
use crate::write::{Failure, wait_commit, with_vectors};

/// How often a compaction or an index is begun anew because a writer came in between.
const ROUNDS: usize = 10;
/// Versions whose transactions are read at a time.
const AT_A_TIME: usize = 16;

impl Table {
    /// The table as it is at `at`.
    pub(crate) async fn at(&self, at: &At) -> Result<Arc<Dataset>, StoreError> {
        let latest = self.latest().await?;
        let (number, asked) = match at {
            At::Latest => return Ok(latest),
            At::Version(number) => (Some(*number), number.to_string()),
            At::Tag(name) => {
                let tags = latest.tags().list().await;
                let tags = tags.map_err(|error| self.fault("reading the tags", error))?;
                (tags.get(name).map(|tag| tag.version), name.clone())
            }
        };
        let known = self.numbers(&latest).await?;
        let Some(number) = number.filter(|number| known.contains(number)) else {
            return Err(self.no_version(asked, &latest).await);
        };
        let found = latest.checkout_version(number).await;
        found
            .map(Arc::new)
            .map_err(|error| self.fault("opening a version", error))
    }

    async fn numbers(&self, latest: &Dataset) -> Result<Vec<u64>, StoreError> {
        let refs = latest.version_refs().await;
        let refs = refs.map_err(|error| self.fault("listing the versions", error))?;
        let mut numbers: Vec<u64> = refs.iter().map(|version| version.version).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    async fn no_version(&self, asked: String, latest: &Dataset) -> StoreError {
        let numbers = match self.numbers(latest).await {
            Ok(numbers) => numbers,
            Err(error) => return error,
        };
        let tags = latest.tags().list().await.unwrap_or_default();
        let mut names: Vec<String> = numbers.iter().map(u64::to_string).collect();
        if names.len() > 12 {
            let from = &names[0];
            let to = &names[names.len() - 1];
            names = vec![format!("{} from {from} to {to}", names.len())];
        }
        let mut tags: Vec<String> = tags.into_keys().collect();
        tags.sort_unstable();
        let tags = match tags.as_slice() {
            [] => String::new(),
            tags => format!(" and {}", tags.join(", ")),
        };
        StoreError::NoVersion {
            uri: self.uri.clone(),
            at: asked,
            there_is: format!("there are {}{tags}", names.join(", ")),
        }
    }

    pub(crate) async fn versions(&self) -> Result<Vec<Version>, StoreError> {
        let latest = self.latest().await?;
        let fault = |error| self.fault("listing the versions", error);
        let mut versions = latest.versions().await.map_err(fault)?;
        versions.sort_by_key(|version| version.version);
        let mut names: HashMap<u64, Vec<String>> = HashMap::new();
        for (name, tag) in latest.tags().list().await.map_err(fault)? {
            names.entry(tag.version).or_default().push(name);
        }
        let numbers: Vec<u64> = versions.iter().map(|version| version.version).collect();
        // What made a version may be lost with the ones before; that makes it no less readable.
        let latest = &latest;
        let transactions = futures_util::stream::iter(numbers)
            .map(|number| async move {
                let read = latest.read_transaction_by_version(number).await;
                Ok::<_, StoreError>(read.unwrap_or_default())
            })
            .buffered(AT_A_TIME);
        let transactions: Vec<Option<Transaction>> = transactions.try_collect().await?;
        let mut rows = None;
        let mut listed = Vec::with_capacity(versions.len());
        for (version, transaction) in versions.into_iter().zip(transactions) {
            let operation = transaction.as_ref().map(operation);
            rows = match &transaction {
                Some(made) => match Tally::carried(made) {
                    Some(tally) => Some(tally.rows),
                    None if leaves_rows(&made.operation) => rows,
                    None if operation.as_deref() == Some("create") => Some(0),
                    None => None,
                },
                None => None,
            };
            let mut tags = names.remove(&version.version).unwrap_or_default();
            tags.sort_unstable();
            listed.push(Version {
                number: version.version,
                made_at: Timestamp(version.timestamp.timestamp_micros()),
                rows,
                tags,
                operation: operation.unwrap_or_else(|| "unknown".to_owned()),
            });
        }
        Ok(listed)
    }

    pub(crate) async fn set_tag(&self, name: &str, version: u64) -> Result<(), StoreError> {
        let latest = self.latest().await?;
        let taken = |version| StoreError::TagExists {
            name: name.to_owned(),
            version,
        };
        let tags = latest.tags().list().await;
        let tags = tags.map_err(|error| self.fault("reading the tags", error))?;
        if let Some(tag) = tags.get(name) {
            return Err(taken(tag.version));
        }
        if !self.numbers(&latest).await?.contains(&version) {
            return Err(self.no_version(version.to_string(), &latest).await);
        }
        match latest.tags().create(name, version).await {
            Ok(()) => Ok(()),
            Err(lance::Error::InvalidRef { message }) => Err(StoreError::Invalid {
                record: name.to_owned(),
                field: "tag".to_owned(),
                what: message,
            }),
            Err(lance::Error::RefConflict { .. }) => {
                let there = latest.tags().get_version(name).await;
                Err(taken(there.unwrap_or(version)))
            }
            Err(error) => Err(self.fault("writing a tag", error)),
        }
    }

    pub(crate) async fn remove_tag(&self, name: &str) -> Result<(), StoreError> {
        let latest = self.latest().await?;
        match latest.tags().delete(name).await {
            Ok(()) => Ok(()),
            Err(lance::Error::RefNotFound { .. } | lance::Error::InvalidRef { .. }) => {
                Err(self.no_version(name.to_owned(), &latest).await)
            }
            Err(error) => Err(self.fault("removing a tag", error)),
        }
    }

    /// Does something long that Lance commits beside the writers, anew when one of them got in its way.
    async fn beside_writers<T, F>(
        &self,
        doing: &str,
        work: impl Fn(Dataset) -> F + Send + Sync,
    ) -> Result<(T, Arc<Dataset>), StoreError>
    where
        F: Future<Output = Result<(T, Dataset), lance::Error>> + Send,
    {
        for _ in 0..ROUNDS {
            let dataset = (*self.latest().await?).clone();
            match work(dataset).await {
                Ok((done, dataset)) => return Ok((done, self.advance(dataset))),
                Err(error) => match self.failure(doing, error) {
                    Failure::Conflict => {}
                    Failure::Error(error) => return Err(error),
                },
            }
        }
        Err(StoreError::Busy {
            uri: self.uri.clone(),
            owner: "another process".to_owned(),
        })
    }

    /// Builds an index of one column, or builds it anew.
    async fn index(
        &self,
        name: &'static str,
        named: &str,
        kind: IndexType,
        params: &(dyn IndexParams + Sync),
    ) -> Result<(), StoreError> {
        let built = self.beside_writers("building an index", |mut dataset| async move {
            let named = Some(named.to_owned());
            dataset
                .create_index(&[name], kind, named, params, true)
                .await?;
            Ok(((), dataset))
        });
        built.await.map(|_| ())
    }

    pub(crate) async fn compact(&self) -> Result<Compacted, StoreError> {
        let options = CompactionOptions {
            // A row that was replaced is gone from the newest version for good.
            materialize_deletions_threshold: 0.0,
            ..CompactionOptions::default()
        };
        let compacted = self
            .beside_writers("compacting", |mut dataset| {
                let options = options.clone();
                async move {
                    let done = compact_files(&mut dataset, options, None).await?;
                    dataset
                        .optimize_indices(&OptimizeOptions::default())
                        .await?;
                    Ok((done, dataset))
                }
            })
            .await;
        let (done, dataset) = compacted?;
        Ok(Compacted {
            version: dataset.version_id(),
            files_removed: done.files_removed as u64,
            files_added: done.files_added as u64,
        })
    }

    pub(crate) async fn clean_up(
        &self,
        before: Timestamp,
        keep: &[u64],
    ) -> Result<CleanedUp, StoreError> {
        let fault = |error| self.fault("cleaning up", error);
        let latest = self.latest().await?;
        let tags = latest.tags().list().await.map_err(fault)?;
        let tagged: HashSet<u64> = tags.values().map(|tag| tag.version).collect();
        let goes = |version: &lance::dataset::Version| {
            version.version != latest.version_id()
                && !tagged.contains(&version.version)
                && !keep.contains(&version.version)
                && Timestamp(version.timestamp.timestamp_micros()) < before
        };
        let versions = latest.versions().await.map_err(fault)?;
        let going = versions.iter().filter(|version| goes(version));
        let going: Vec<u64> = going.map(|version| version.version).collect();
        if going.is_empty() {
            return Ok(CleanedUp::default());
        }
        let policy = CleanupPolicyBuilder::default().versions(going);
        let policy = policy.map_err(fault)?.build();
        let removed = latest.cleanup_with_policy(policy).await.map_err(fault)?;
        Ok(CleanedUp {
            versions: removed.old_versions,
            bytes: removed.bytes_removed,
        })
    }

    pub(crate) async fn build_index(self: &Arc<Self>, kind: IndexKind) -> Result<(), StoreError> {
        let snapshot = LanceSnapshot::new(self.clone(), self.latest().await?);
        let missing = |what: &str| StoreError::Invalid {
            record: "index".to_owned(),
            field: format!("{kind:?}").to_lowercase(),
            what: what.to_owned(),
        };
        match kind {
            IndexKind::Keys => {
                let params = ScalarIndexParams::for_builtin(BuiltinIndexType::BTree);
                for name in ["id", "external_id", "session_id", ORDINAL] {
                    let named = format!("{name}_btree");
                    self.index(name, &named, IndexType::BTree, &params).await?;
                }
            }
            IndexKind::Text => {
                let texts = column("text_payload").is_not_null();
                if snapshot.count(Some(texts)).await? == 0 {
                    return Err(missing("no record has a text"));
                }
                let params = crate::search::word_params();
                self.index(
                    "text_payload",
                    "text_payload_words",
                    IndexType::Inverted,
                    &params,
                )
                .await?;
            }
            IndexKind::Vectors => {
                let vectors = match columns::dimensions(&snapshot.schema) {
                    Some(_) => {
                        snapshot
                            .count(Some(column(EMBEDDING).is_not_null()))
                            .await?
                    }
                    None => 0,
                };
                if vectors == 0 {
                    return Err(missing("no record has a vector; embed the records first"));
                }
                // As many partitions as there are vectors in each, which is what a search reads least of.
                let partitions = ((vectors as f64).sqrt() as usize).max(1);
                let distance = match metric(&snapshot.dataset) {
                    Metric::L2 => MetricType::L2,
                    Metric::Cosine => MetricType::Cosine,
                    Metric::Dot => MetricType::Dot,
                };
                let params = VectorIndexParams::ivf_flat(partitions, distance);
                self.index(EMBEDDING, "embedding_ivf", IndexType::Vector, &params)
                    .await?;
            }
        }
        Ok(())
    }
}

/// Declares what makes the vectors; see [`forgemark_contract::store::RecordStore::declare_vectors`].
pub(crate) fn declare_vectors(table: &Arc<Table>, asked: &VectorModel) -> Result<(), StoreError> {
    table.serially(|dataset| {
        let snapshot = LanceSnapshot::new(table.clone(), dataset.clone());
        let dimensions = columns::dimensions(&schema_of(&dataset));
        let vectors = match dimensions {
            Some(_) => wait(
                &table.uri,
                snapshot.count(Some(column(EMBEDDING).is_not_null())),
            )?,
            None => 0,
        };
        if !check_model(dimensions, model(&dataset).as_ref(), vectors > 0, asked)? {
            return Ok(());
        }
        wait_commit(table, async {
            let dataset = with_vectors(table, dataset, Some(asked.dimensions)).await?;
            let mut next = table.only_after(&dataset).await?;
            let dimensions = asked.dimensions.to_string();
            let values = [&asked.name, &asked.digest, &dimensions].map(String::as_str);
            let entries: Vec<(&str, &str)> = MODEL.into_iter().zip(values).collect();
            let declared = next.update_schema_metadata(entries).await;
            declared.map_err(|error| table.failure("declaring the model", error))?;
            Ok(())
        })
    })
}

/// What made a version, as a word.
fn operation(transaction: &Transaction) -> String {
    use lance::dataset::transaction::Operation;
    let properties = transaction.transaction_properties.as_ref();
    if let Some(named) = properties.and_then(|properties| properties.get(OPERATION)) {
        return named.clone();
    }
    let word = match &transaction.operation {
        Operation::Overwrite { .. } => "create",
        Operation::Rewrite { .. } => "compact",
        Operation::CreateIndex { .. } => "index",
        Operation::ReserveFragments { .. } => "compact",
        Operation::UpdateConfig { .. } | Operation::Merge { .. } => "declare-vectors",
        other => return other.name().to_lowercase(),
    };
    word.to_owned()
}
