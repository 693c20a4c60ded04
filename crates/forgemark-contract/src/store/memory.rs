//! A store that lives in memory: for tests, and for work over records of a plain file.
//!
//! Rows are shared between versions, so a version costs a list of pointers. All rules are those of [`super::resolve`] and
//! [`super::select`]; nothing here decides what an edit means.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::api::{
    At, CleanedUp, Compacted, Finding, Hit, IndexKind, Key, Parts, RecordStore, RowNumber, Rows,
    Scan, Search, Snapshot, StoreOptions, StoreStats, Stores, VectorModel, Version, Written,
};
use super::resolve::{self, Existing, resolve};
use super::select::superseded_by;
use super::{ContextRecord, Edit, EditResult, StoreError, audit, measure};
use crate::time::Timestamp;

#[cfg(test)]
mod tests;

/// Stores in memory, by name, for as long as this value lives.
#[derive(Debug, Default)]
pub struct MemoryStores {
    stores: Mutex<HashMap<String, MemoryStore>>,
}

impl Stores for MemoryStores {
    fn open(&self, uri: &str) -> Result<Box<dyn RecordStore>, StoreError> {
        let stores = lock(&self.stores);
        let store = stores.get(uri).cloned();
        store
            .map(|store| Box::new(store) as Box<dyn RecordStore>)
            .ok_or_else(|| StoreError::NotFound {
                uri: uri.to_owned(),
            })
    }

    fn create(
        &self,
        uri: &str,
        options: &StoreOptions,
    ) -> Result<Box<dyn RecordStore>, StoreError> {
        let mut stores = lock(&self.stores);
        if stores.contains_key(uri) {
            return Err(StoreError::Exists {
                uri: uri.to_owned(),
            });
        }
        let store = MemoryStore::new(uri, options);
        stores.insert(uri.to_owned(), store.clone());
        Ok(Box::new(store))
    }
}

/// One store in memory. Clones are handles of the same store.
#[derive(Debug, Clone)]
pub struct MemoryStore {
    uri: Arc<str>,
    state: Arc<Mutex<Versions>>,
}

#[derive(Debug)]
struct Versions {
    versions: BTreeMap<u64, Arc<Table>>,
    tags: BTreeMap<String, u64>,
}

/// The rows of one version; they never change.
#[derive(Debug)]
struct Table {
    rows: Vec<Arc<ContextRecord>>,
    options: StoreOptions,
    model: Option<VectorModel>,
    made_at: Timestamp,
    operation: &'static str,
    index: OnceLock<Index>,
}

#[derive(Debug, Default)]
struct Index {
    ids: HashMap<String, usize>,
    holders: HashMap<String, usize>,
    superseded: HashSet<String>,
}

impl Table {
    fn index(&self) -> &Index {
        self.index.get_or_init(|| {
            let mut index = Index::default();
            for (place, row) in self.rows.iter().enumerate() {
                index.ids.insert(row.id.clone(), place);
                if let Some(external) = row.external_id.as_ref().filter(|_| !row.is_tombstone()) {
                    index.holders.insert(external.clone(), place);
                }
                index
                    .superseded
                    .extend(superseded_by(row).map(str::to_owned));
            }
            index
        })
    }

    fn live(&self) -> u64 {
        self.rows.iter().filter(|row| !row.is_tombstone()).count() as u64
    }
}

impl Existing for &Table {
    fn by_id(&mut self, id: &str) -> Result<Option<ContextRecord>, StoreError> {
        let place = self.index().ids.get(id);
        Ok(place.map(|&place| (*self.rows[place]).clone()))
    }

    fn by_external_id(&mut self, external_id: &str) -> Result<Option<ContextRecord>, StoreError> {
        let place = self.index().holders.get(external_id);
        Ok(place.map(|&place| (*self.rows[place]).clone()))
    }
}

impl MemoryStore {
    /// An empty store.
    pub fn new(uri: &str, options: &StoreOptions) -> Self {
        let table = Table {
            rows: Vec::new(),
            options: options.clone(),
            model: None,
            made_at: Timestamp(0),
            operation: "create",
            index: OnceLock::new(),
        };
        MemoryStore {
            uri: uri.into(),
            state: Arc::new(Mutex::new(Versions {
                versions: BTreeMap::from([(1, Arc::new(table))]),
                tags: BTreeMap::new(),
            })),
        }
    }

    /// A store that holds `records`, in their order.
    ///
    /// # Errors
    /// As [`RecordStore::write`] of as many additions.
    pub fn of_records(
        uri: &str,
        records: impl IntoIterator<Item = ContextRecord>,
        options: &StoreOptions,
    ) -> Result<Self, StoreError> {
        let store = MemoryStore::new(uri, options);
        let edits = records.into_iter().map(Edit::Add).collect();
        store.write(edits, Timestamp(0))?;
        Ok(store)
    }

    fn no_version(&self, at: &str, versions: &Versions) -> StoreError {
        let numbers: Vec<String> = versions.versions.keys().map(u64::to_string).collect();
        let tags: Vec<&str> = versions.tags.keys().map(String::as_str).collect();
        StoreError::NoVersion {
            uri: self.uri.to_string(),
            at: at.to_owned(),
            there_is: match tags.as_slice() {
                [] => format!("there are {}", numbers.join(", ")),
                tags => format!("there are {} and {}", numbers.join(", "), tags.join(", ")),
            },
        }
    }

    /// Makes a version of the newest one; `None` leaves everything as it is.
    fn advance(
        &self,
        change: impl FnOnce(&Table) -> Result<Option<Table>, StoreError>,
    ) -> Result<u64, StoreError> {
        let mut state = lock(&self.state);
        let Some((&newest, table)) = state.versions.last_key_value() else {
            return Err(self.no_version("latest", &state));
        };
        match change(table)? {
            None => Ok(newest),
            Some(next) => {
                state.versions.insert(newest + 1, Arc::new(next));
                Ok(newest + 1)
            }
        }
    }
}

/// What one list of edits makes of the rows of a version.
fn apply(
    table: &Table,
    edits: &[Edit],
    now: Timestamp,
) -> Result<(Option<Table>, Vec<EditResult>), StoreError> {
    let mut existing = table;
    let resolved = resolve(edits, &mut existing, table.options.dimensions, now)?;
    if resolved.is_empty() {
        return Ok((None, resolved.results));
    }
    let resolve::Resolved {
        replaced,
        added,
        reused,
        results,
        dimensions,
    } = resolved;
    let mut rows = table.rows.clone();
    let ids = &table.index().ids;
    for row in replaced {
        if let Some(&place) = ids.get(&row.id) {
            rows[place] = Arc::new(row);
        }
    }
    let gone: HashSet<&str> = reused.iter().map(String::as_str).collect();
    if !gone.is_empty() {
        rows.retain(|row| !gone.contains(row.id.as_str()));
    }
    rows.extend(added.into_iter().map(Arc::new));
    let next = Table {
        rows,
        options: StoreOptions {
            dimensions,
            ..table.options.clone()
        },
        model: table.model.clone(),
        made_at: now,
        operation: "write",
        index: OnceLock::new(),
    };
    Ok((Some(next), results))
}

impl RecordStore for MemoryStore {
    fn uri(&self) -> &str {
        &self.uri
    }

    fn snapshot(&self, at: &At) -> Result<Box<dyn Snapshot>, StoreError> {
        let state = lock(&self.state);
        let newest = state.versions.last_key_value().map(|(&number, _)| number);
        let (number, asked) = match at {
            At::Latest => (newest, "latest".to_owned()),
            At::Version(number) => (Some(*number), number.to_string()),
            At::Tag(name) => (state.tags.get(name).copied(), name.clone()),
        };
        let found = number.and_then(|number| state.versions.get_key_value(&number));
        match found {
            Some((&version, table)) => Ok(Box::new(MemorySnapshot {
                uri: self.uri.clone(),
                version,
                table: table.clone(),
            })),
            None => Err(self.no_version(&asked, &state)),
        }
    }

    fn write(&self, edits: Vec<Edit>, now: Timestamp) -> Result<Written, StoreError> {
        let mut results = Vec::new();
        let version = self.advance(|table| {
            let (next, done) = apply(table, &edits, now)?;
            results = done;
            Ok(next)
        })?;
        Ok(Written { version, results })
    }

    fn versions(&self) -> Result<Vec<Version>, StoreError> {
        let state = lock(&self.state);
        let version = |(&number, table): (&u64, &Arc<Table>)| Version {
            number,
            made_at: table.made_at,
            rows: Some(table.live()),
            tags: {
                let named = state.tags.iter().filter(|(_, tagged)| **tagged == number);
                named.map(|(name, _)| name.clone()).collect()
            },
            operation: table.operation.to_owned(),
        };
        Ok(state.versions.iter().map(version).collect())
    }

    fn set_tag(&self, name: &str, version: u64) -> Result<(), StoreError> {
        let mut state = lock(&self.state);
        if let Some(&version) = state.tags.get(name) {
            return Err(StoreError::TagExists {
                name: name.to_owned(),
                version,
            });
        }
        if !state.versions.contains_key(&version) {
            return Err(self.no_version(&version.to_string(), &state));
        }
        state.tags.insert(name.to_owned(), version);
        Ok(())
    }

    fn remove_tag(&self, name: &str) -> Result<(), StoreError> {
        let mut state = lock(&self.state);
        match state.tags.remove(name) {
            Some(_) => Ok(()),
            None => Err(self.no_version(name, &state)),
        }
    }

    fn compact(&self) -> Result<Compacted, StoreError> {
        let version = self.advance(|_| Ok(None))?;
        Ok(Compacted {
            version,
            ..Compacted::default()
        })
    }

    fn clean_up(&self, before: Timestamp, keep: &[u64]) -> Result<CleanedUp, StoreError> {
        let mut state = lock(&self.state);
        let newest = state.versions.last_key_value().map(|(&number, _)| number);
        let tagged: HashSet<u64> = state.tags.values().copied().collect();
        let count = state.versions.len();
        state.versions.retain(|number, table| {
            Some(*number) == newest
                || tagged.contains(number)
                || keep.contains(number)
                || table.made_at >= before
        });
        Ok(CleanedUp {
            versions: (count - state.versions.len()) as u64,
            bytes: 0,
        })
    }

    fn build_index(&self, _kind: IndexKind) -> Result<(), StoreError> {
        Ok(())
    }

    fn declare_vectors(&self, model: &VectorModel) -> Result<(), StoreError> {
        self.advance(|table| {
            let has_vectors = table.rows.iter().any(|row| row.embedding.is_some());
            if !resolve::check_model(
                table.options.dimensions,
                table.model.as_ref(),
                has_vectors,
                model,
            )? {
                return Ok(None);
            }
            Ok(Some(Table {
                rows: table.rows.clone(),
                options: StoreOptions {
                    dimensions: Some(model.dimensions),
                    ..table.options.clone()
                },
                model: Some(model.clone()),
                made_at: table.made_at,
                operation: "declare-vectors",
                index: OnceLock::new(),
            }))
        })?;
        Ok(())
    }

    fn fsck(&self) -> Result<Vec<Finding>, StoreError> {
        let table = {
            let state = lock(&self.state);
            state.versions.last_key_value().map(|(_, t)| t.clone())
        };
        let rows = table.as_ref().map_or(&[][..], |table| &table.rows);
        audit::audit(|| Ok(rows.iter().map(|row| Ok((**row).clone()))), &|_| None)
    }
}

struct MemorySnapshot {
    uri: Arc<str>,
    version: u64,
    table: Arc<Table>,
}

impl MemorySnapshot {
    /// The places of the rows that are asked for.
    fn places<'s>(&'s self, scan: &Scan) -> impl Iterator<Item = usize> + Send + 's + use<'s> {
        let (visibility, filter) = (scan.visibility, scan.filter.clone());
        let superseded = &self.table.index().superseded;
        let seen = move |row: &ContextRecord| {
            let visible = visibility.map_or(!row.is_tombstone(), |visibility| {
                visibility.shows(row, |id| superseded.contains(id))
            });
            visible && filter.matches(row)
        };
        let places = self.table.rows.iter().enumerate();
        let places = places.filter(move |(_, row)| seen(row));
        let offset = usize::try_from(scan.offset).unwrap_or(usize::MAX);
        let limit = scan.limit.map_or(usize::MAX, |limit| {
            usize::try_from(limit).unwrap_or(usize::MAX)
        });
        places.map(|(place, _)| place).skip(offset).take(limit)
    }

    fn row(&self, place: usize, parts: Parts) -> ContextRecord {
        let mut row = (*self.table.rows[place]).clone();
        parts.strip(&mut row);
        row
    }
}

impl Snapshot for MemorySnapshot {
    fn uri(&self) -> &str {
        &self.uri
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn stats(&self) -> Result<StoreStats, StoreError> {
        let rows = &self.table.rows;
        let live = self.table.live();
        Ok(StoreStats {
            tombstones: rows.len() as u64 - live,
            vectors: rows.iter().filter(|row| row.embedding.is_some()).count() as u64,
            dimensions: self.table.options.dimensions,
            metric: self.table.options.metric,
            model: self.table.model.clone(),
            ..StoreStats::of_rows(live)
        })
    }

    fn scan<'s>(&'s self, scan: &Scan) -> Result<Rows<'s>, StoreError> {
        let parts = scan.parts;
        let rows = self.places(scan).map(move |place| {
            let number = RowNumber(place as u64);
            Ok((number, self.row(place, parts)))
        });
        Ok(Box::new(rows))
    }

    fn take(&self, rows: &[RowNumber], parts: Parts) -> Result<Vec<ContextRecord>, StoreError> {
        let row = |number: &RowNumber| {
            let place = usize::try_from(number.0).unwrap_or(usize::MAX);
            let there = self
                .table
                .rows
                .get(place)
                .is_some_and(|row| !row.is_tombstone());
            there
                .then(|| self.row(place, parts))
                .ok_or_else(|| StoreError::NoRecord {
                    key: format!("row number {}", number.0),
                })
        };
        rows.iter().map(row).collect()
    }

    fn get(&self, key: &Key) -> Result<Option<ContextRecord>, StoreError> {
        let index = self.table.index();
        let place = match key {
            Key::Id(id) => index.ids.get(id),
            Key::External(id) => index.holders.get(id),
        };
        let row = place.map(|&place| &self.table.rows[place]);
        let row = row.filter(|row| !row.is_tombstone());
        Ok(row.map(|row| (**row).clone()))
    }

    fn search(&self, search: &Search) -> Result<Vec<Hit>, StoreError> {
        resolve::check_query(search, self.table.options.dimensions)?;
        let places = self.places(&Scan {
            visibility: Some(search.visibility),
            filter: search.filter.clone(),
            ..Scan::everything()
        });
        let terms = search.text.as_deref().map(measure::words);
        let metric = self.table.options.metric;
        let mut distances = search.vector.as_ref().map(|_| Vec::new());
        let mut shares = terms.as_ref().map(|_| Vec::new());
        for place in places {
            let row = &self.table.rows[place];
            // Equal hits go by id.
            let item = (row.id.as_str(), place);
            if let (Some(list), Some(query), Some(vector)) =
                (&mut distances, &search.vector, &row.embedding)
            {
                list.push((item, metric.distance(query, vector)));
            }
            if let (Some(list), Some(terms), Some(text)) = (&mut shares, &terms, &row.text_payload)
            {
                let share = measure::word_share(terms, text);
                if share > 0.0 {
                    list.push((item, share));
                }
            }
        }
        let parts = Parts {
            vector: false,
            binary: false,
            ..Parts::ALL
        };
        let hits = measure::rank(distances, shares, search.k).into_iter();
        let hits = hits.map(|hit| Hit {
            record: self.row(hit.item.1, parts),
            distance: hit.distance,
            text_score: hit.text_score,
            score: hit.score,
        });
        Ok(hits.collect())
    }
}

/// The value, also after a thread panicked while it held the lock: a version is put in whole or not at all.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
