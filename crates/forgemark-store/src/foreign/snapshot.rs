//! What the original lists, as a snapshot.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray as _;
use arrow_array::types::UInt64Type;
use arrow_schema::DataType;
use forgemark_contract::store::search::{self, Words};
use forgemark_contract::store::select::superseded_by;
use forgemark_contract::store::{
    Bytes, ContextRecord, Hit, Key, Metric, Parts, RowNumber, Rows, Scan, Search, Snapshot,
    StoreError, StoreStats,
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use lance::Dataset;
use lance::dataset::ProjectionRequest;

use crate::decode::records;
use crate::fault::fault;
use crate::runtime::wait;

/// Rows that are read together.
const CHUNK: usize = 1024;

/// Tables that are read at once.
const AT_ONCE: usize = 16;

/// The columns by which rows are ordered and told apart.
const KEYS: [&str; 5] = [
    "id",
    "external_id",
    "created_at",
    "supersedes_id",
    "content_type",
];

pub(super) struct ForeignSnapshot {
    uri: String,
    /// The base, then the generations from old to new.
    tables: Vec<Arc<Dataset>>,
    /// Where the rows lie, in the order of the list, tombstones among them: the number of a row is its place here.
    places: Vec<Place>,
    ids: HashMap<String, usize>,
    /// The rows that hold an external id: several, where one replaced another.
    holders: HashMap<String, Vec<usize>>,
    /// Ids that a row names as replaced.
    superseded: HashSet<String>,
    /// Rows of the tables, replaced ones among them.
    stored: u64,
}

#[derive(Clone, Copy)]
struct Place {
    table: usize,
    row: u64,
    tombstone: bool,
}

impl ForeignSnapshot {
    /// The rows of `tables`, where those of a later table count before those of an earlier one.
    pub(super) async fn new(uri: &str, tables: Vec<Arc<Dataset>>) -> Result<Self, StoreError> {
        let keys = stream::iter(tables.clone().into_iter().enumerate())
            .map(|(table, dataset)| async move { keys(uri, table, &dataset).await })
            .buffered(AT_ONCE);
        let mut newest: HashMap<String, (ContextRecord, Place)> = HashMap::new();
        let mut stored = 0;
        futures_util::pin_mut!(keys);
        while let Some(rows) = keys.try_next().await? {
            stored += rows.len() as u64;
            for (row, place) in rows {
                newest.insert(row.id.clone(), (row, place));
            }
        }
        let mut rows: Vec<(ContextRecord, Place)> = newest.into_values().collect();
        rows.sort_unstable_by(|(a, _), (b, _)| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        let mut snapshot = ForeignSnapshot {
            uri: uri.to_owned(),
            tables,
            places: Vec::with_capacity(rows.len()),
            ids: HashMap::with_capacity(rows.len()),
            holders: HashMap::new(),
            superseded: HashSet::new(),
            stored,
        };
        for (number, (row, place)) in rows.into_iter().enumerate() {
            snapshot
                .superseded
                .extend(superseded_by(&row).map(str::to_owned));
            if let Some(external) = row.external_id.filter(|_| !place.tombstone) {
                snapshot.holders.entry(external).or_default().push(number);
            }
            snapshot.ids.insert(row.id, number);
            snapshot.places.push(place);
        }
        Ok(snapshot)
    }

    /// All rows, tombstones among them, whole and in their order.
    pub(super) fn all(&self) -> impl Iterator<Item = Result<ContextRecord, StoreError>> + '_ {
        let numbers = (0..self.places.len()).collect();
        self.chunks(numbers, Parts::ALL)
            .map(|row| row.map(|(_, row)| row))
    }

    /// The rows of these numbers, in this order, read a chunk at a time.
    fn chunks(
        &self,
        numbers: Vec<usize>,
        parts: Parts,
    ) -> impl Iterator<Item = Result<(usize, ContextRecord), StoreError>> + Send + '_ {
        let mut rest = numbers.into_iter();
        let mut ready: VecDeque<(usize, ContextRecord)> = VecDeque::new();
        std::iter::from_fn(move || {
            if ready.is_empty() {
                let chunk: Vec<usize> = rest.by_ref().take(CHUNK).collect();
                match wait(&self.uri, self.fetch(&chunk, parts)) {
                    Ok(rows) => ready.extend(chunk.into_iter().zip(rows)),
                    Err(error) => {
                        // What comes after an error would have a hole.
                        rest = Vec::new().into_iter();
                        return Some(Err(error));
                    }
                }
            }
            ready.pop_front().map(Ok)
        })
    }

    async fn fetch(
        &self,
        numbers: &[usize],
        parts: Parts,
    ) -> Result<Vec<ContextRecord>, StoreError> {
        let mut wanted: BTreeMap<usize, Vec<(usize, u64)>> = BTreeMap::new();
        for (at, number) in numbers.iter().enumerate() {
            if let Some(place) = self.places.get(*number) {
                let rows = wanted.entry(place.table).or_default();
                rows.push((at, place.row));
            }
        }
        let fetched = stream::iter(wanted)
            .map(|(table, rows)| async move {
                let numbers: Vec<u64> = rows.iter().map(|(_, row)| *row).collect();
                let records = match self.tables.get(table) {
                    Some(table) => take(&self.uri, table, &numbers, parts).await?,
                    None => Vec::new(),
                };
                let places = rows.into_iter().map(|(at, _)| at);
                Ok::<_, StoreError>(places.zip(records).collect::<Vec<_>>())
            })
            .buffer_unordered(AT_ONCE);
        let fetched: Vec<Vec<(usize, ContextRecord)>> = fetched.try_collect().await?;
        let mut records: Vec<(usize, ContextRecord)> = fetched.into_iter().flatten().collect();
        records.sort_unstable_by_key(|(at, _)| *at);
        Ok(records.into_iter().map(|(_, record)| record).collect())
    }

    fn metric(&self) -> Metric {
        let words = self.base().map(|base| &base.schema().metadata);
        let word = words.and_then(|words| words.get("lance-context:distance_metric"));
        // Tables from before the key compare by L2.
        word.and_then(|word| Metric::of_word(word))
            .unwrap_or(Metric::L2)
    }

    fn dimensions(&self) -> Option<u32> {
        let field = self.base()?.schema().field("embedding")?;
        match field.data_type() {
            DataType::FixedSizeList(_, length) => u32::try_from(length).ok(),
            _ => None,
        }
    }

    fn base(&self) -> Option<&Dataset> {
        self.tables.first().map(Arc::as_ref)
    }

    fn no_row(number: RowNumber) -> StoreError {
        StoreError::NoRecord {
            key: format!("row number {}", number.0),
        }
    }
}

impl Snapshot for ForeignSnapshot {
    fn uri(&self) -> &str {
        &self.uri
    }

    fn version(&self) -> u64 {
        self.base().map_or(0, |base| base.version().version)
    }

    fn stats(&self) -> Result<StoreStats, StoreError> {
        let tombstones = self.places.iter().filter(|place| place.tombstone).count() as u64;
        let with_vectors = Scan {
            parts: Parts {
                vector: true,
                ..Parts::KEYS
            },
            ..Scan::everything()
        };
        let mut vectors = 0;
        for row in self.scan(&with_vectors)? {
            vectors += u64::from(row?.1.embedding.is_some());
        }
        let fragments = self.tables.iter().flat_map(|table| table.get_fragments());
        let files: Vec<Option<u64>> = fragments
            .flat_map(|fragment| fragment.metadata().files.clone())
            .map(|file| file.file_size_bytes.get().map(std::num::NonZero::get))
            .collect();
        Ok(StoreStats {
            rows: self.places.len() as u64 - tombstones,
            tombstones,
            vectors,
            dimensions: self.dimensions(),
            metric: self.metric(),
            model: None,
            files: files.len() as u64,
            bytes: files.into_iter().flatten().sum(),
            dead_rows: self.stored - self.places.len() as u64,
            indexes: Vec::new(),
            foreign: true,
        })
    }

    fn scan<'s>(&'s self, scan: &Scan) -> Result<Rows<'s>, StoreError> {
        let (visibility, filter, parts) = (scan.visibility, scan.filter.clone(), scan.parts);
        let there = (0..self.places.len()).filter(|number| !self.places[*number].tombstone);
        let rows = self.chunks(there.collect(), parts.union(filter.parts()));
        let seen = move |row: &ContextRecord| {
            let visible = visibility
                .is_none_or(|visibility| visibility.shows(row, |id| self.superseded.contains(id)));
            visible && filter.matches(row)
        };
        let rows = rows.filter(move |row| row.as_ref().map_or(true, |(_, row)| seen(row)));
        let rows = rows.map(move |row| {
            row.map(|(number, mut row)| {
                parts.strip(&mut row);
                (RowNumber(number as u64), row)
            })
        });
        let offset = usize::try_from(scan.offset).unwrap_or(usize::MAX);
        let limit = scan.limit.map_or(usize::MAX, |limit| {
            usize::try_from(limit).unwrap_or(usize::MAX)
        });
        Ok(Box::new(rows.skip(offset).take(limit)))
    }

    fn take(&self, rows: &[RowNumber], parts: Parts) -> Result<Vec<ContextRecord>, StoreError> {
        let number = |row: &RowNumber| {
            let number = usize::try_from(row.0).unwrap_or(usize::MAX);
            let place = self.places.get(number).filter(|place| !place.tombstone);
            place.map(|_| number).ok_or_else(|| Self::no_row(*row))
        };
        let numbers: Vec<usize> = rows.iter().map(number).collect::<Result<_, _>>()?;
        let rows = self.chunks(numbers, parts);
        rows.map(|row| row.map(|(_, row)| row)).collect()
    }

    fn get(&self, key: &Key) -> Result<Option<ContextRecord>, StoreError> {
        let numbers = match key {
            Key::Id(id) => self.ids.get(id).into_iter().copied().collect(),
            Key::External(id) => self.holders.get(id).cloned().unwrap_or_default(),
        };
        let there = |number: &usize| {
            self.places
                .get(*number)
                .is_some_and(|place| !place.tombstone)
        };
        let numbers: Vec<usize> = numbers.into_iter().filter(there).collect();
        let rows = self.chunks(numbers, Parts::ALL);
        let rows: Vec<ContextRecord> = rows
            .map(|row| row.map(|(_, row)| row))
            .collect::<Result<_, _>>()?;
        // Of the versions of a record the one that none replaced, else the last.
        let replaced = |row: &ContextRecord| self.superseded.contains(&row.id);
        Ok(rows.into_iter().max_by_key(|row| !replaced(row)))
    }

    /// Words count by the share of the query's words that a text has, as in the original's own search.
    fn search(&self, search: &Search) -> Result<Vec<Hit>, StoreError> {
        let (metric, dimensions) = (self.metric(), self.dimensions());
        search::by_scan(self, search, metric, dimensions, Words::Share)
    }
}

/// The keys of all rows of a table, in the order in which they were written.
async fn keys(
    uri: &str,
    table: usize,
    dataset: &Dataset,
) -> Result<Vec<(ContextRecord, Place)>, StoreError> {
    let reading = |error| fault(uri, "reading keys", error);
    let columns = KEYS
        .into_iter()
        .filter(|name| dataset.schema().field(name).is_some());
    let columns: Vec<&str> = columns.collect();
    let mut scanner = dataset.scan();
    scanner.project(&columns).map_err(reading)?;
    scanner.with_row_id().scan_in_order(true);
    let mut batches = scanner.try_into_stream().await.map_err(reading)?;
    let mut rows = Vec::new();
    while let Some(batch) = batches.try_next().await.map_err(reading)? {
        let numbers = batch.column_by_name(lance::dataset::ROW_ID).map(|column| {
            let numbers = column.as_primitive::<UInt64Type>();
            numbers.values().to_vec()
        });
        let keys = decoded(uri, &batch)?;
        rows.extend(
            keys.into_iter()
                .zip(numbers.unwrap_or_default())
                .map(|(row, number)| {
                    let place = Place {
                        table,
                        row: number,
                        tombstone: row.is_tombstone(),
                    };
                    (row, place)
                }),
        );
    }
    Ok(rows)
}

/// The rows of these row ids of a table, in this order.
async fn take(
    uri: &str,
    dataset: &Arc<Dataset>,
    rows: &[u64],
    parts: Parts,
) -> Result<Vec<ContextRecord>, StoreError> {
    let reading = |error| fault(uri, "reading rows", error);
    let wanted = |name: &str| match name {
        "text_payload" | "message" => parts.text,
        "metadata" | "state_metadata" => parts.metadata,
        "embedding" => parts.vector,
        "binary_payload" => parts.binary,
        _ => true,
    };
    let fields = dataset.schema().fields.iter();
    let fields = fields.filter(|field| wanted(&field.name));
    let (blobs, columns): (Vec<_>, Vec<_>) = fields.partition(|field| field.is_blob());
    let names = columns.iter().map(|field| &field.name);
    let projection = ProjectionRequest::from_columns(names, dataset.schema());
    let batch = dataset.take_rows(rows, projection).await.map_err(reading)?;
    let mut records = decoded(uri, &batch)?;
    for field in blobs {
        let values = dataset
            .take_blobs(rows, &field.name)
            .await
            .map_err(reading)?;
        for (record, value) in records.iter_mut().zip(values) {
            let Some(value) = value else { continue };
            let value = value.read().await.map_err(reading)?.to_vec();
            if field.name == "binary_payload" {
                record.binary_payload = Some(Bytes(value));
            } else if field.name == "text_payload" {
                let text = String::from_utf8(value).map_err(|_| StoreError::Storage {
                    uri: uri.to_owned(),
                    what: format!("text_payload of record {} is not UTF-8", record.id),
                    source: None,
                })?;
                record.text_payload = Some(text);
            }
        }
    }
    Ok(records)
}

fn decoded(uri: &str, batch: &RecordBatch) -> Result<Vec<ContextRecord>, StoreError> {
    records(batch).map_err(|error| StoreError::Storage {
        uri: uri.to_owned(),
        what: error.to_string(),
        source: None,
    })
}
