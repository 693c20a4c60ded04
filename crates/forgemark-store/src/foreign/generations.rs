//! The small tables of `_mem_wal` that count, found by the manifests of the shards.

use std::sync::Arc;

use forgemark_contract::store::StoreError;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use lance::Dataset;
use lance::dataset::builder::DatasetBuilder;
use lance::dataset::mem_wal::{DatasetMemWalExt as _, ShardManifestStore};

use crate::fault::fault;

/// Requests at once: a generation holds the rows of one write, so there are many and each is small.
const AT_ONCE: usize = 16;

/// Manifest versions that are looked for at once.
const MANIFESTS_AT_ONCE: usize = 2;

/// The generations of all shards of `base`, within a shard the oldest first.
///
/// Those that were merged into the base are left out, where it says so. A row and its tombstone are always in one shard, so the
/// order of shards means nothing.
pub(super) async fn open(uri: &str, base: &Dataset) -> Result<Vec<Arc<Dataset>>, StoreError> {
    let fault = |doing: &'static str| move |error| fault(uri, doing, error);
    let shards = base.list_mem_wal_latest_shard_ids().await;
    let shards = shards.map_err(fault("listing _mem_wal"))?;
    if shards.is_empty() {
        return Ok(Vec::new());
    }
    let details = base.mem_wal_index_details().await;
    let details = details.map_err(fault("reading what was merged"))?;
    let merged = details
        .map(|details| details.compacted_sstables)
        .unwrap_or_default();
    let files = base.object_store(None).await.map_err(fault("opening"))?;
    let root = base.branch_location().path;
    let address = base.uri().trim_end_matches('/');
    let mut paths = Vec::new();
    for shard in shards {
        let manifests = ShardManifestStore::new(files.clone(), &root, shard, MANIFESTS_AT_ONCE);
        let manifest = manifests
            .latest()
            .await
            .map_err(fault("reading _mem_wal"))?;
        let merged = merged.iter().filter(|merged| merged.shard_id == shard);
        let merged = merged.map(|merged| merged.generation).max();
        let mut generations = manifest
            .map(|manifest| manifest.sstables)
            .unwrap_or_default();
        generations.retain(|generation| merged.is_none_or(|merged| generation.generation > merged));
        generations.sort_by_key(|generation| generation.generation);
        let path = |name: &str| format!("{address}/_mem_wal/{shard}/{name}");
        paths.extend(generations.iter().map(|generation| path(&generation.path)));
    }
    let opened = stream::iter(paths).map(|path| async move {
        let mut builder = DatasetBuilder::from_uri(&path).with_session(base.session());
        if let Some(options) = base.initial_storage_options() {
            builder = builder.with_storage_options(options.clone());
        }
        let opened = builder.load().await;
        opened
            .map(Arc::new)
            .map_err(|error| crate::fault::fault(&path, "opening", error))
    });
    opened.buffered(AT_ONCE).try_collect().await
}
