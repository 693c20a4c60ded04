//! One version of a table of ours.

use std::collections::HashSet;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, UInt64Type};
use arrow_schema::SchemaRef;
use datafusion::logical_expr::{Expr, lit};
use forgemark_contract::store::{
    ContextRecord, Hit, Key, Parts, RowNumber, Rows, Scan, Search, Snapshot, StoreError,
    StoreStats, TOMBSTONE_CONTENT_TYPE,
};
use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use lance::Dataset;
use lance::dataset::ProjectionRequest;
use lance::index::DatasetIndexExt as _;

use crate::columns::{self, EMBEDDING, ORDINAL};
use crate::decode;
use crate::pushdown::{Pushdown, column};
use crate::runtime::{Pending, start, wait};
use crate::search;
use crate::table::{Table, metric, model, schema_of};

/// The name under which a scan gives the addresses of rows.
const ADDRESS: &str = "_rowaddr";

/// Rows of one batch: many enough to be quick, few enough that media do not fill the memory.
const BATCH: usize = 2048;

/// One version of a table. Rows are numbered by their address in its files, which is theirs in this version only.
pub(crate) struct LanceSnapshot {
    pub(crate) table: Arc<Table>,
    pub(crate) dataset: Arc<Dataset>,
    pub(crate) schema: SchemaRef,
    superseded: OnceLock<Arc<HashSet<String>>>,
}

type Batches = Pin<Box<dyn Stream<Item = Result<RecordBatch, StoreError>> + Send>>;

impl LanceSnapshot {
    pub(crate) fn new(table: Arc<Table>, dataset: Arc<Dataset>) -> Self {
        let schema = schema_of(&dataset);
        LanceSnapshot {
            table,
            dataset,
            schema,
            superseded: OnceLock::new(),
        }
    }

    /// The rows that a scan lets through, as an expression.
    pub(crate) async fn condition(&self, scan: &Scan) -> Result<Expr, StoreError> {
        let needed = scan.visibility.is_some_and(|seen| !seen.include_retired);
        let pushdown = Pushdown {
            schema: &self.schema,
            superseded: if needed {
                self.superseded().await?
            } else {
                Arc::default()
            },
        };
        Ok(pushdown.rows(scan.visibility, &scan.filter))
    }

    /// The ids that rows of this version name as replaced, tombstones among them.
    async fn superseded(&self) -> Result<Arc<HashSet<String>>, StoreError> {
        if let Some(known) = self.superseded.get() {
            return Ok(known.clone());
        }
        // Few rows replace others: compared here, the ids of all others need not be read.
        let rows = column("supersedes_id").is_not_null();
        let names = vec!["supersedes_id".to_owned(), "id".to_owned()];
        let mut batches = self.batches(&names, Some(rows), None, None).await?;
        let mut found = HashSet::new();
        while let Some(batch) = batches.try_next().await? {
            let replaced = batch.column(0).as_string::<i32>().iter();
            let pairs = replaced.zip(batch.column(1).as_string::<i32>());
            let others = pairs.filter(|(replaced, id)| replaced != id);
            found.extend(others.filter_map(|(replaced, _)| replaced.map(str::to_owned)));
        }
        Ok(self.superseded.get_or_init(|| Arc::new(found)).clone())
    }

    /// Columns of rows with their addresses, in the order in which they lie.
    pub(crate) async fn batches(
        &self,
        columns: &[String],
        rows: Option<Expr>,
        offset: Option<u64>,
        limit: Option<u64>,
    ) -> Result<Batches, StoreError> {
        let table = self.table.clone();
        let fault = move |error| table.fault("reading rows", error);
        let mut scan = self.dataset.scan();
        scan.project(columns).map_err(&fault)?;
        scan.with_row_address();
        scan.batch_size(BATCH);
        if let Some(rows) = rows {
            scan.filter_expr(rows);
        }
        if offset.is_some_and(|offset| offset > 0) || limit.is_some() {
            let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
            scan.limit(limit.map(whole), offset.map(whole))
                .map_err(&fault)?;
        }
        let stream = scan.try_into_stream().await.map_err(&fault)?;
        Ok(Box::pin(stream.map_err(fault)))
    }

    /// The addresses of the rows that a scan asks for, of those for which `rows` holds, in the order of their ordinals.
    async fn addresses(&self, scan: &Scan, rows: Expr) -> Result<Vec<u64>, StoreError> {
        let names = vec![ORDINAL.to_owned()];
        let mut batches = self.batches(&names, Some(rows), None, None).await?;
        let mut found: Vec<(i64, u64)> = Vec::new();
        while let Some(batch) = batches.try_next().await? {
            let ordinals = batch.column(0).as_primitive::<Int64Type>().values().iter();
            let addresses = addresses_of(&batch);
            found.extend(ordinals.copied().zip(addresses));
        }
        found.sort_unstable();
        let offset = usize::try_from(scan.offset).unwrap_or(usize::MAX);
        let limit = scan.limit.map_or(usize::MAX, |limit| {
            usize::try_from(limit).unwrap_or(usize::MAX)
        });
        let window = found.into_iter().skip(offset).take(limit);
        Ok(window.map(|(_, address)| address).collect())
    }

    /// The rows that are asked for, in the order of their ordinals. Where they do not lie in it, their addresses are read first,
    /// sixteen bytes a row, and then the rows in portions.
    async fn ordered(&self, scan: &Scan) -> Result<Batches, StoreError> {
        let names = columns::projection(&self.schema, scan.parts);
        let sorted = self.table.orders.is_sorted(&self.table.uri, &self.dataset);
        let (sorted, rows) = futures_util::try_join!(sorted, self.condition(scan))?;
        if sorted {
            return self
                .batches(&names, Some(rows), Some(scan.offset), scan.limit)
                .await;
        }
        let addresses = self.addresses(scan, rows).await?;
        let (table, dataset) = (self.table.clone(), self.dataset.clone());
        let portions: Vec<Vec<u64>> = addresses.chunks(BATCH).map(<[u64]>::to_vec).collect();
        let batches = futures_util::stream::iter(portions).then(move |portion| {
            let (table, dataset, names) = (table.clone(), dataset.clone(), names.clone());
            async move { taken(&table, &dataset, &names, &portion).await }
        });
        Ok(Box::pin(batches))
    }

    /// Every row, tombstones too, in the order in which they lie.
    pub(crate) fn every_row(
        &self,
        parts: Parts,
    ) -> Result<impl Iterator<Item = Result<ContextRecord, StoreError>>, StoreError> {
        let names = columns::projection(&self.schema, parts);
        let batches = wait(&self.table.uri, self.batches(&names, None, None, None))?;
        let rows = RowStream::new(self.table.clone(), batches)?;
        Ok(rows.map(|row| row.map(|(_, record)| record)))
    }

    /// Rows for which `rows` holds, whole, with their ordinals and addresses.
    pub(crate) async fn find(
        &self,
        rows: Expr,
    ) -> Result<Vec<(ContextRecord, i64, u64)>, StoreError> {
        let names = columns::projection(&self.schema, Parts::ALL);
        let mut batches = self.batches(&names, Some(rows), None, None).await?;
        let mut found = Vec::new();
        while let Some(batch) = batches.try_next().await? {
            let records = records(&self.table.uri, &batch)?;
            let ordinals = batch.column_by_name(ORDINAL);
            let ordinals = ordinals.map(AsArray::as_primitive::<Int64Type>);
            for (place, (record, address)) in
                records.into_iter().zip(addresses_of(&batch)).enumerate()
            {
                let ordinal = ordinals.map_or(0, |ordinals| ordinals.value(place));
                found.push((record, ordinal, address));
            }
        }
        Ok(found)
    }

    /// How many rows meet a condition.
    pub(crate) async fn count(&self, rows: Option<Expr>) -> Result<u64, StoreError> {
        let fault = |error| self.table.fault("counting rows", error);
        let mut scan = self.dataset.scan();
        if let Some(rows) = rows {
            scan.filter_expr(rows);
        }
        scan.count_rows().await.map_err(fault)
    }

    async fn read_stats(&self) -> Result<StoreStats, StoreError> {
        let all = self.count(None).await?;
        let dead = column("content_type").eq(lit(TOMBSTONE_CONTENT_TYPE));
        let tombstones = self.count(Some(dead)).await?;
        let vectors = match columns::dimensions(&self.schema) {
            Some(_) => self.count(Some(column(EMBEDDING).is_not_null())).await?,
            None => 0,
        };
        let fragments = self.dataset.iter_fragments();
        let (mut files, mut bytes, mut dead_rows) = (0, 0, 0);
        for fragment in fragments {
            files += fragment.files.len() as u64;
            let sizes = fragment
                .files
                .iter()
                .filter_map(|file| file.file_size_bytes.get());
            bytes += sizes.map(std::num::NonZero::get).sum::<u64>();
            let deletions = fragment.deletion_file.as_ref();
            dead_rows += deletions
                .and_then(|file| file.num_deleted_rows)
                .unwrap_or(0) as u64;
        }
        Ok(StoreStats {
            rows: all - tombstones,
            tombstones,
            vectors,
            dimensions: columns::dimensions(&self.schema),
            metric: metric(&self.dataset),
            model: model(&self.dataset),
            files,
            bytes,
            dead_rows,
            indexes: self.indexes().await?,
            foreign: false,
        })
    }

    /// The indexes, with how many rows each has not seen.
    async fn indexes(&self) -> Result<Vec<(String, u64)>, StoreError> {
        let fault = |error| self.table.fault("reading the list of indexes", error);
        let indices = self.dataset.load_indices().await.map_err(fault)?;
        let mut found: Vec<(String, u64)> = Vec::new();
        let mut names: Vec<&str> = indices.iter().map(|index| index.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            let parts = indices.iter().filter(|index| index.name == name);
            let seen: HashSet<u32> = parts
                .filter_map(|index| index.fragment_bitmap.as_ref())
                .flat_map(|fragments| fragments.iter())
                .collect();
            let unseen = self.dataset.iter_fragments().filter(|fragment| {
                u32::try_from(fragment.id).map_or(true, |id| !seen.contains(&id))
            });
            let rows = unseen.map(|fragment| fragment.num_rows().unwrap_or(0) as u64);
            found.push((name.to_owned(), rows.sum()));
        }
        Ok(found)
    }
}

pub(crate) fn addresses_of(batch: &RecordBatch) -> impl Iterator<Item = u64> {
    let addresses = batch.column_by_name(ADDRESS);
    let addresses = addresses.map(|addresses| addresses.as_primitive::<UInt64Type>().values());
    addresses
        .into_iter()
        .flat_map(|values| values.iter().copied())
}

/// The rows of addresses, in their order, with the addresses as the scan gives them.
async fn taken(
    table: &Table,
    dataset: &Arc<Dataset>,
    names: &[String],
    addresses: &[u64],
) -> Result<RecordBatch, StoreError> {
    let fault = |error| table.fault("reading rows", error);
    let request = ProjectionRequest::from_columns(names, dataset.schema());
    let batch = dataset.take_rows(addresses, request).await.map_err(fault)?;
    if batch.num_rows() != addresses.len() {
        return Err(StoreError::NoRecord {
            key: "a row number of another snapshot".to_owned(),
        });
    }
    let mut fields: Vec<_> = batch.schema().fields().iter().cloned().collect();
    let mut columns = batch.columns().to_vec();
    let address = arrow_schema::Field::new(ADDRESS, arrow_schema::DataType::UInt64, true);
    fields.push(Arc::new(address));
    columns.push(Arc::new(arrow_array::UInt64Array::from(addresses.to_vec())));
    let schema = Arc::new(arrow_schema::Schema::new(fields));
    RecordBatch::try_new(schema, columns).map_err(|error| fault(error.into()))
}

fn records(uri: &str, batch: &RecordBatch) -> Result<Vec<ContextRecord>, StoreError> {
    decode::records(batch).map_err(|error| StoreError::Storage {
        uri: uri.to_owned(),
        what: format!("a row cannot be read: {error}"),
        source: Some(Box::new(error)),
    })
}

/// A batch that is being read, and what comes after it.
type Reading = Pending<(Option<Result<RecordBatch, StoreError>>, Batches)>;

/// The rows of batches, of which the next one is read while this one is used.
struct RowStream {
    table: Arc<Table>,
    next: Option<Reading>,
    rows: std::vec::IntoIter<(RowNumber, ContextRecord)>,
}

impl RowStream {
    fn new(table: Arc<Table>, batches: Batches) -> Result<Self, StoreError> {
        let next = Self::read(&table.uri, batches)?;
        Ok(RowStream {
            table,
            next: Some(next),
            rows: Vec::new().into_iter(),
        })
    }

    fn read(uri: &str, mut batches: Batches) -> Result<Reading, StoreError> {
        start(uri, async move {
            let batch = batches.next().await;
            (batch, batches)
        })
    }

    /// The rows of the next batch; `None` at the end.
    fn refill(&mut self) -> Result<Option<()>, StoreError> {
        let Some(next) = self.next.take() else {
            return Ok(None);
        };
        let (batch, batches) = next.wait(&self.table.uri)?;
        let Some(batch) = batch.transpose()? else {
            return Ok(None);
        };
        self.next = Some(Self::read(&self.table.uri, batches)?);
        let numbers: Vec<RowNumber> = addresses_of(&batch).map(RowNumber).collect();
        let records = records(&self.table.uri, &batch)?;
        let rows: Vec<_> = numbers.into_iter().zip(records).collect();
        self.rows = rows.into_iter();
        Ok(Some(()))
    }
}

impl Iterator for RowStream {
    type Item = Result<(RowNumber, ContextRecord), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(row) = self.rows.next() {
                return Some(Ok(row));
            }
            match self.refill() {
                Ok(Some(())) => {}
                Ok(None) => return None,
                Err(error) => {
                    self.next = None;
                    return Some(Err(error));
                }
            }
        }
    }
}

impl Snapshot for LanceSnapshot {
    fn uri(&self) -> &str {
        &self.table.uri
    }

    fn version(&self) -> u64 {
        self.dataset.version_id()
    }

    fn stats(&self) -> Result<StoreStats, StoreError> {
        wait(&self.table.uri, self.read_stats())
    }

    fn scan<'s>(&'s self, scan: &Scan) -> Result<Rows<'s>, StoreError> {
        let batches = wait(&self.table.uri, self.ordered(scan))?;
        Ok(Box::new(RowStream::new(self.table.clone(), batches)?))
    }

    fn take(&self, rows: &[RowNumber], parts: Parts) -> Result<Vec<ContextRecord>, StoreError> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let numbers: HashSet<u64> = self.dataset.iter_fragments().map(|f| f.id).collect();
        if let Some(row) = rows.iter().find(|row| !numbers.contains(&(row.0 >> 32))) {
            return Err(StoreError::NoRecord {
                key: format!("row number {}", row.0),
            });
        }
        let names = columns::projection(&self.schema, parts);
        let addresses: Vec<u64> = rows.iter().map(|row| row.0).collect();
        let batch = wait(
            &self.table.uri,
            taken(&self.table, &self.dataset, &names, &addresses),
        )?;
        let records = records(&self.table.uri, &batch)?;
        if let Some(place) = records.iter().position(ContextRecord::is_tombstone) {
            return Err(StoreError::NoRecord {
                key: format!("row number {}", addresses[place]),
            });
        }
        Ok(records)
    }

    fn get(&self, key: &Key) -> Result<Option<ContextRecord>, StoreError> {
        let rows = match key {
            Key::Id(id) => column("id").eq(lit(id.as_str())),
            Key::External(id) => column("external_id").eq(lit(id.as_str())),
        };
        let found = wait(&self.table.uri, self.find(rows))?;
        let mut records = found.into_iter().map(|(record, ..)| record);
        Ok(records.find(|record| !record.is_tombstone()))
    }

    fn search(&self, search: &Search) -> Result<Vec<Hit>, StoreError> {
        search::search(self, search)
    }
}
