//! What a list of edits makes of the rows of a store: pure, so that every store keeps the same rules.
//!
//! ```text
//! edits + rows that have their keys  ->  rows to replace (same id), rows to add, what became of each edit
//! ```
//!
//! A row is looked up when an edit first touches it and stays in a working copy from then on, so a later edit of the list
//! sees what an earlier one did. All or nothing: the first error ends it, except that keys that are held are counted to the
//! end, because whoever adds ten thousand records wants to know whether one or all are there already.

mod rules;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use super::api::{Key, Search, VectorModel};
use super::{ContextRecord, Edit, EditResult, StoreError, TOMBSTONE_CONTENT_TYPE, lifecycle};
use crate::json::{Json, Object};
use crate::time::Timestamp;

/// The rows that a store has before the edits.
pub trait Existing {
    /// The row of an id, also that of a tombstone.
    ///
    /// # Errors
    /// Where the store cannot be read.
    fn by_id(&mut self, id: &str) -> Result<Option<ContextRecord>, StoreError>;

    /// The row that holds an external id. Tombstones hold none.
    ///
    /// # Errors
    /// Where the store cannot be read.
    fn by_external_id(&mut self, external_id: &str) -> Result<Option<ContextRecord>, StoreError>;
}

/// What edits make of a store.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Resolved {
    /// Rows that take the place of the row with their id, in lists too.
    pub replaced: Vec<ContextRecord>,
    /// Rows that come last, in this order.
    pub added: Vec<ContextRecord>,
    /// Ids of tombstones that go, because a row of `added` has their id.
    pub reused: Vec<String>,
    /// What became of each edit, in their order.
    pub results: Vec<EditResult>,
    /// The length of vectors afterwards; `None` while there are none.
    pub dimensions: Option<u32>,
}

impl Resolved {
    /// Whether the store stays as it is.
    pub fn is_empty(&self) -> bool {
        self.replaced.is_empty() && self.added.is_empty()
    }
}

/// The keys by which `edits` may touch rows, so that a store can fetch those rows together. [`resolve`] may ask for more.
pub fn keys(edits: &[Edit]) -> Vec<Key> {
    let mut keys = Vec::new();
    let of_record = |record: &ContextRecord, keys: &mut Vec<Key>| {
        keys.push(Key::Id(record.id.clone()));
        keys.extend(record.external_id.clone().map(Key::External));
    };
    for edit in edits {
        match edit {
            Edit::Add(record) | Edit::Upsert(record) => of_record(record, &mut keys),
            Edit::Patch { key, fields } => {
                keys.push(key.clone());
                let renamed = fields.get("external_id").and_then(Json::as_str);
                keys.extend(renamed.map(|id| Key::External(id.to_owned())));
            }
            Edit::Supersede { key, record } => {
                keys.push(key.clone());
                of_record(record, &mut keys);
            }
            Edit::Delete(key) => keys.push(key.clone()),
        }
    }
    keys
}

/// Applies `edits` in their order to the rows of `existing`. `dimensions` is the length of the vectors there; `now` becomes
/// the `updated_at` of rows that change.
///
/// # Errors
/// [`StoreError::Duplicate`], [`StoreError::NoRecord`], [`StoreError::Invalid`], [`StoreError::Dimensions`], each for the
/// first record that is not as it must be; and what `existing` fails with.
pub fn resolve(
    edits: &[Edit],
    existing: &mut dyn Existing,
    dimensions: Option<u32>,
    now: Timestamp,
) -> Result<Resolved, StoreError> {
    let mut work = Work {
        existing,
        slots: Vec::with_capacity(edits.len()),
        places: HashMap::with_capacity(edits.len()),
        holders: HashMap::new(),
        upserted: HashSet::new(),
        dimensions,
        now,
    };
    let mut results = Vec::with_capacity(edits.len());
    let mut held: Option<StoreError> = None;
    for edit in edits {
        match (work.apply(edit), &mut held) {
            (Ok(result), _) => results.push(result),
            (Err(StoreError::Duplicate { .. }), Some(StoreError::Duplicate { more, .. })) => {
                *more += 1;
            }
            (Err(error @ StoreError::Duplicate { .. }), _) => held = Some(error),
            // What follows a record that was not added may miss it: the cause is said, not the effect.
            (Err(StoreError::NoRecord { .. }), Some(_)) => {}
            (Err(error), _) => return Err(error),
        }
    }
    match held {
        Some(error) => Err(error),
        None => Ok(work.finish(results)),
    }
}

/// Whether `model` is news to a store that has vectors of `dimensions` and, where it is known, of `declared`.
///
/// # Errors
/// [`StoreError::Invalid`] where vectors are there that are of another length or another model.
pub fn check_model(
    dimensions: Option<u32>,
    declared: Option<&VectorModel>,
    has_vectors: bool,
    model: &VectorModel,
) -> Result<bool, StoreError> {
    let fail = |what: String| Err(rules::invalid("vectors", &model.name, what));
    if model.dimensions == 0 {
        return fail("its vectors have no values".to_owned());
    }
    if let Some(there) = dimensions.filter(|there| *there != model.dimensions) {
        let asked = model.dimensions;
        return fail(format!(
            "its vectors have {asked} values, and the store is made for {there}; use another store"
        ));
    }
    match declared {
        Some(declared) if declared == model => Ok(false),
        Some(declared) if has_vectors => fail(format!(
            "the vectors here are of {} ({}), and not of this model ({}); clear them first, or use another store",
            declared.name, declared.digest, model.digest
        )),
        _ => Ok(true),
    }
}

/// Checks a query against a store whose vectors have `dimensions`.
///
/// # Errors
/// [`StoreError::Invalid`] where its vector has another length or is no vector, and where it asks for nothing.
pub fn check_query(search: &Search, dimensions: Option<u32>) -> Result<(), StoreError> {
    let fail = |what: String| Err(rules::invalid("query", "vector", what));
    let Some(vector) = &search.vector else {
        return match &search.text {
            Some(_) => Ok(()),
            None => fail("a search needs a text or a vector".to_owned()),
        };
    };
    if vector.iter().any(|value| !value.is_finite()) {
        return fail("a value is no finite number".to_owned());
    }
    match dimensions {
        Some(expected) if expected as usize == vector.len() => Ok(()),
        Some(expected) => fail(format!(
            "it has {} values, and the store's vectors have {expected}",
            vector.len()
        )),
        None => fail("the store has no vectors; embed its records first".to_owned()),
    }
}

/// A row that an edit touched, as it is now.
struct Slot {
    record: ContextRecord,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// As the store has it.
    Kept,
    /// Takes the place of the store's row.
    Replaced,
    /// Comes last.
    Added,
    /// Comes last, and the store's tombstone of this id goes.
    Reused,
    /// A tombstone of the store, or of the list, whose id another slot has now.
    Gone,
}

struct Work<'e> {
    existing: &'e mut dyn Existing,
    /// In the order in which they were touched or added.
    slots: Vec<Slot>,
    /// The slot of an id; `None` where the store has no row of the id.
    places: HashMap<String, Option<usize>>,
    /// Who holds an external id, where edits looked or changed it.
    holders: HashMap<String, Option<usize>>,
    /// The external ids that were upserted: twice in one list is a mistake of the caller.
    upserted: HashSet<String>,
    dimensions: Option<u32>,
    now: Timestamp,
}

impl Work<'_> {
    fn apply(&mut self, edit: &Edit) -> Result<EditResult, StoreError> {
        match edit {
            Edit::Add(record) => self.add(record.clone()),
            Edit::Upsert(record) => self.upsert(record),
            Edit::Patch { key, fields } => self.patch(key, fields),
            Edit::Supersede { key, record } => self.supersede(key, record),
            Edit::Delete(key) => self.delete(key),
        }
    }

    fn add(&mut self, mut record: ContextRecord) -> Result<EditResult, StoreError> {
        rules::normalize(&mut record);
        let dimensions = rules::check(&record, self.dimensions)?;
        let place = self.by_id(&record.id)?;
        if place.is_some_and(|place| !self.slots[place].record.is_tombstone()) {
            return Err(duplicate("id", &record.id));
        }
        self.check_free(record.external_id.as_deref(), None)?;
        self.dimensions = dimensions;
        let state = match place {
            Some(place) => {
                let replaced = self.slots[place].record.supersedes_id.clone();
                self.hide_replaced(replaced, &record.id)?;
                let was = std::mem::replace(&mut self.slots[place].state, State::Gone);
                // A tombstone that only this list knows leaves nothing behind in the store.
                if was == State::Added {
                    State::Added
                } else {
                    State::Reused
                }
            }
            None => State::Added,
        };
        let id = record.id.clone();
        self.places.insert(id.clone(), Some(self.slots.len()));
        if let Some(external) = &record.external_id {
            self.holders
                .insert(external.clone(), Some(self.slots.len()));
        }
        self.slots.push(Slot { record, state });
        Ok(EditResult::Added(id))
    }

    fn upsert(&mut self, record: &ContextRecord) -> Result<EditResult, StoreError> {
        let Some(external) = record.external_id.as_deref().filter(|id| !id.is_empty()) else {
            return Err(rules::invalid(
                &record.id,
                "external_id",
                "an upsert finds its record by this; give one",
            ));
        };
        if !self.upserted.insert(external.to_owned()) {
            return Err(duplicate("external_id", external));
        }
        let Some(place) = self.by_external_id(external)? else {
            return self.add(record.clone());
        };
        let mut record = record.clone();
        rules::normalize(&mut record);
        let old = &self.slots[place].record;
        // Nothing came from the origin since; what was changed here meanwhile is no reason to undo it.
        if record.origin_digest.is_some() && record.origin_digest == old.origin_digest {
            return Ok(EditResult::Unchanged(old.id.clone()));
        }
        record.id.clone_from(&old.id);
        record.created_at = old.created_at;
        record.seq = old.seq.or(record.seq);
        // An edge is never lost by writing the record again: what it hides would come back.
        record.supersedes_id = old.supersedes_id.clone().or(record.supersedes_id);
        record.superseded_by_id = old.superseded_by_id.clone().or(record.superseded_by_id);
        // A vector is made of the text, often by another program and later.
        if record.embedding.is_none() && record.text_payload == old.text_payload {
            record.embedding.clone_from(&old.embedding);
        }
        self.replace(place, record)
    }

    fn patch(&mut self, key: &Key, fields: &Object) -> Result<EditResult, StoreError> {
        let place = self.find(key)?;
        let mut record = rules::patched(&self.slots[place].record, fields)?;
        rules::normalize(&mut record);
        self.replace(place, record)
    }

    fn supersede(&mut self, key: &Key, record: &ContextRecord) -> Result<EditResult, StoreError> {
        let place = self.find(key)?;
        let old = &self.slots[place].record;
        if let Some(by) = &old.superseded_by_id {
            let what = format!("it was replaced by {by} already; supersede that one");
            return Err(rules::invalid(&old.id, "superseded_by_id", what));
        }
        let record = ContextRecord {
            supersedes_id: Some(old.id.clone()),
            ..record.clone()
        };
        let id = record.id.clone();
        let added = self.add(record)?;
        self.hide(place, id);
        Ok(added)
    }

    fn delete(&mut self, key: &Key) -> Result<EditResult, StoreError> {
        let place = self.find(key)?;
        let old = std::mem::take(&mut self.slots[place].record);
        let id = old.id.clone();
        if let Some(external) = old.external_id {
            self.holders.insert(external, None);
        }
        let replaces = old.supersedes_id.clone();
        self.slots[place].record = ContextRecord {
            id: old.id,
            run_id: old.run_id,
            bot_id: old.bot_id,
            session_id: old.session_id,
            tenant: old.tenant,
            source: old.source,
            created_at: old.created_at,
            role: old.role,
            lifecycle_status: lifecycle::ACTIVE.to_owned(),
            supersedes_id: old.supersedes_id,
            superseded_by_id: old.superseded_by_id,
            content_type: TOMBSTONE_CONTENT_TYPE.to_owned(),
            updated_at: Some(self.now),
            ..ContextRecord::default()
        };
        self.changed(place);
        self.hide_replaced(replaces, &id)?;
        Ok(EditResult::Deleted(id))
    }

    /// Puts `record` in the place of the one with its id, unless it is the same.
    fn replace(
        &mut self,
        place: usize,
        mut record: ContextRecord,
    ) -> Result<EditResult, StoreError> {
        let dimensions = rules::check(&record, self.dimensions)?;
        let old = &self.slots[place].record;
        let id = old.id.clone();
        record.updated_at = old.updated_at;
        if record == *old {
            return Ok(EditResult::Unchanged(id));
        }
        let before = old.external_id.clone();
        self.check_free(record.external_id.as_deref(), Some(place))?;
        if before != record.external_id {
            if let Some(before) = before {
                self.holders.insert(before, None);
            }
            if let Some(after) = &record.external_id {
                self.holders.insert(after.clone(), Some(place));
            }
        }
        self.dimensions = dimensions;
        record.updated_at = Some(self.now);
        self.slots[place].record = record;
        self.changed(place);
        Ok(EditResult::Changed(id))
    }

    /// Writes the edge of a tombstone at its other end too: its id is free, and who takes it knows nothing of what it replaced.
    fn hide_replaced(&mut self, replaced: Option<String>, by: &str) -> Result<(), StoreError> {
        if let Some(replaced) = replaced.filter(|replaced| replaced != by)
            && let Some(older) = self.by_id(&replaced)?
            && !self.slots[older].record.is_tombstone()
            && self.slots[older].record.superseded_by_id.is_none()
        {
            self.hide(older, by.to_owned());
        }
        Ok(())
    }

    fn hide(&mut self, place: usize, by: String) {
        let record = &mut self.slots[place].record;
        record.superseded_by_id = Some(by);
        record.updated_at = Some(self.now);
        self.changed(place);
    }

    fn changed(&mut self, place: usize) {
        let state = &mut self.slots[place].state;
        if *state == State::Kept {
            *state = State::Replaced;
        }
    }

    fn check_free(&mut self, external: Option<&str>, by: Option<usize>) -> Result<(), StoreError> {
        let Some(external) = external else {
            return Ok(());
        };
        match self.by_external_id(external)? {
            Some(holder) if Some(holder) != by => Err(duplicate("external_id", external)),
            _ => Ok(()),
        }
    }

    /// The slot of a record that is not deleted.
    fn find(&mut self, key: &Key) -> Result<usize, StoreError> {
        let place = match key {
            Key::Id(id) => self.by_id(id)?,
            Key::External(id) => self.by_external_id(id)?,
        };
        place
            .filter(|&place| !self.slots[place].record.is_tombstone())
            .ok_or_else(|| StoreError::NoRecord {
                key: key.to_string(),
            })
    }

    fn by_id(&mut self, id: &str) -> Result<Option<usize>, StoreError> {
        if let Some(place) = self.places.get(id) {
            return Ok(*place);
        }
        let found = self.existing.by_id(id)?;
        let place = found.map(|record| self.keep(record));
        self.places.insert(id.to_owned(), place);
        Ok(place)
    }

    fn by_external_id(&mut self, external: &str) -> Result<Option<usize>, StoreError> {
        if let Some(place) = self.holders.get(external) {
            return Ok(*place);
        }
        let found = self.existing.by_external_id(external)?;
        // A row that is here already under its id had this external id when the edits began; the one that it has now counts,
        // and a change of it would stand in `holders`.
        let place = found.map(|record| match self.places.get(&record.id) {
            Some(Some(place)) => *place,
            _ => self.keep(record),
        });
        self.holders.insert(external.to_owned(), place);
        Ok(place)
    }

    fn keep(&mut self, record: ContextRecord) -> usize {
        let place = self.slots.len();
        self.places.insert(record.id.clone(), Some(place));
        if let Some(external) = &record.external_id {
            let held = || Some(place);
            self.holders.entry(external.clone()).or_insert_with(held);
        }
        self.slots.push(Slot {
            record,
            state: State::Kept,
        });
        place
    }

    fn finish(self, results: Vec<EditResult>) -> Resolved {
        let mut resolved = Resolved {
            results,
            dimensions: self.dimensions,
            ..Resolved::default()
        };
        for slot in self.slots {
            match slot.state {
                State::Kept | State::Gone => {}
                State::Replaced => resolved.replaced.push(slot.record),
                State::Added => resolved.added.push(slot.record),
                State::Reused => {
                    resolved.reused.push(slot.record.id.clone());
                    resolved.added.push(slot.record);
                }
            }
        }
        resolved
    }
}

fn duplicate(field: &'static str, value: &str) -> StoreError {
    StoreError::Duplicate {
        field,
        value: value.to_owned(),
        more: 0,
    }
}
