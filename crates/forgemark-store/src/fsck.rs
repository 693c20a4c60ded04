//! Looks for everything that should not be.

use std::collections::HashSet;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::Int64Type;
use forgemark_contract::store::audit::audit;
use forgemark_contract::store::{Finding, Parts, StoreError};
use futures_util::TryStreamExt as _;
use lance_table::io::deletion::deletion_file_path;

use crate::columns::ORDINAL;
use crate::payload;
use crate::runtime::wait;
use crate::snapshot::LanceSnapshot;
use crate::table::Table;

/// Looks through the newest version of a table.
pub(crate) fn fsck(table: &Arc<Table>) -> Result<Vec<Finding>, StoreError> {
    let uri = &table.uri;
    let snapshot = LanceSnapshot::new(table.clone(), wait(uri, table.latest())?);
    let mut findings = wait(uri, missing_files(&snapshot))?;
    if !findings.is_empty() {
        // Rows cannot be read then.
        return Ok(findings);
    }
    findings.extend(wait(uri, doubled_ordinals(&snapshot))?);
    let parts = Parts {
        vector: true,
        ..Parts::KEYS
    };
    let payload_is_there = |address: &str| payload::is_there(uri, address);
    findings.extend(audit(|| snapshot.every_row(parts), &payload_is_there)?);
    Ok(findings)
}

/// Data files and lists of deleted rows that the version names and that are not there.
async fn missing_files(snapshot: &LanceSnapshot) -> Result<Vec<Finding>, StoreError> {
    let table = &snapshot.table;
    let fault = |error| table.fault("looking for files", error);
    let dataset = &snapshot.dataset;
    let store = dataset.object_store(None).await.map_err(fault)?;
    let root = dataset.branch_location().path;
    let mut findings = Vec::new();
    for fragment in dataset.iter_fragments() {
        let files = fragment.files.iter();
        let mut paths: Vec<_> = files
            .map(|file| dataset.data_dir().join(file.path.as_str()))
            .collect();
        if let Some(deletions) = &fragment.deletion_file {
            paths.push(deletion_file_path(&root, fragment.id, deletions));
        }
        for path in paths {
            if !store.exists(&path).await.map_err(fault)? {
                findings.push(Finding {
                    kind: "file-missing",
                    what: path.to_string(),
                    why: "the newest version names this file; restore it from a copy, or read an older version".to_owned(),
                });
            }
        }
    }
    Ok(findings)
}

async fn doubled_ordinals(snapshot: &LanceSnapshot) -> Result<Vec<Finding>, StoreError> {
    let names = [ORDINAL.to_owned()];
    let mut batches = snapshot.batches(&names, None, None, None).await?;
    let mut seen = HashSet::new();
    let mut findings = Vec::new();
    while let Some(batch) = batches.try_next().await? {
        for ordinal in batch.column(0).as_primitive::<Int64Type>().values() {
            if !seen.insert(*ordinal) {
                findings.push(Finding {
                    kind: "ordinal-doubled",
                    what: ordinal.to_string(),
                    why: "two rows have this position; their order in lists may change; delete one and add it again".to_owned(),
                });
            }
        }
    }
    Ok(findings)
}
