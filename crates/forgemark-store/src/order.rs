//! In which order the fragments of a table lie.
//!
//! Rows are listed by their ordinal. As long as rows are only added they lie in that order, and a scan gives it for nothing. A
//! row that was changed lies where it was written last. What is known of a fragment's ordinals is kept by the name of its file, which never
//! changes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int64Type, UInt64Type};
use forgemark_contract::store::StoreError;
use futures_util::TryStreamExt as _;
use lance::Dataset;
use lance_table::format::Fragment;

use crate::columns::ORDINAL;
use crate::fault::fault;
use crate::table::lock;

/// The ordinals of a fragment, its deleted rows left out or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    first: i64,
    last: i64,
    ascending: bool,
}

/// What is known of fragments.
#[derive(Debug, Default)]
pub(crate) struct Orders(Mutex<HashMap<String, Span>>);

/// The name of the file that holds the ordinals, which no other fragment has.
fn name(fragment: &Fragment) -> Option<&str> {
    fragment.files.first().map(|file| file.path.as_str())
}

impl Orders {
    /// Whether a plain scan of `dataset` gives the rows in the order of their ordinals.
    pub(crate) async fn is_sorted(
        &self,
        uri: &str,
        dataset: &Arc<Dataset>,
    ) -> Result<bool, StoreError> {
        self.learn(uri, dataset).await?;
        let known = lock(&self.0);
        let mut last = i64::MIN;
        for fragment in dataset.iter_fragments() {
            let Some(span) = name(fragment).and_then(|name| known.get(name)) else {
                // All of its rows are deleted.
                continue;
            };
            if !span.ascending || span.first < last {
                return Ok(false);
            }
            last = span.last;
        }
        Ok(true)
    }

    /// Reads the ordinals of fragments that are not known yet.
    async fn learn(&self, uri: &str, dataset: &Arc<Dataset>) -> Result<(), StoreError> {
        let unknown: Vec<Fragment> = {
            let known = lock(&self.0);
            let unknown = dataset
                .iter_fragments()
                .filter(|fragment| name(fragment).is_some_and(|name| !known.contains_key(name)));
            unknown.cloned().collect()
        };
        if unknown.is_empty() {
            return Ok(());
        }
        let fault = |error| fault(uri, "reading the order of the rows", error);
        let mut scan = dataset.scan();
        scan.with_fragments(unknown.clone());
        scan.project(&[ORDINAL]).map_err(fault)?;
        scan.with_row_address();
        let mut batches = scan.try_into_stream().await.map_err(fault)?;
        let mut spans: HashMap<u64, Span> = HashMap::new();
        while let Some(batch) = batches.try_next().await.map_err(fault)? {
            let ordinals = batch.column(0).as_primitive::<Int64Type>().values();
            let addresses = batch.column(1).as_primitive::<UInt64Type>().values();
            for (&ordinal, address) in ordinals.iter().zip(addresses) {
                let span = spans.entry(address >> 32).or_insert(Span {
                    first: ordinal,
                    last: ordinal,
                    ascending: true,
                });
                span.ascending &= ordinal >= span.last;
                span.last = ordinal;
            }
        }
        let mut known = lock(&self.0);
        for fragment in &unknown {
            if let (Some(name), Some(span)) = (name(fragment), spans.get(&fragment.id)) {
                known.insert(name.to_owned(), *span);
            }
        }
        Ok(())
    }
}
