//! The first reading of a snapshot: which rows are seen, and which of them belong together.
//!
//! ```text
//! rows ─ lifecycle, filter ─ by group, then time ─ by the first time of the group ─> members of groups, in the order of groups
//!              └─> decisions on rows that are not seen
//! ```
//!
//! Only keys are read, and metadata or texts where a filter or a group asks for them; of a row that stays its number is
//! kept, by which it is read again.

use std::collections::HashSet;

use forgemark_contract::store::{Parts, RowNumber, Scan, Snapshot, lifecycle};
use forgemark_contract::time::Timestamp;

use super::line_of;
use crate::error::{CurateError, Result};
use crate::recipe::Recipe;
use crate::select::{Filter, Path, superseded_by};
use crate::spill::code::{Key, Pack, Unpack};
use crate::spill::{Scratch, Sorted, Sorter, Spool};
use crate::stages::{Decision, Reason, fingerprint};
use crate::tree::group_key;

/// What the first reading found.
pub(super) struct Scanned {
    /// Rows of the snapshot.
    pub(super) rows: u64,
    /// Rows that are not hidden.
    pub(super) living: u64,
    /// Rows that are not hidden and pass the filter.
    pub(super) listed: u64,
    /// Lines of the decisions on the others, in the order of rows.
    pub(super) hidden: Spool,
    /// The members of groups in the order of these: see [`Member`].
    pub(super) members: Sorted,
    /// When a row was changed last, of those that say it.
    pub(super) changed_at: Option<Timestamp>,
}

/// A row that is seen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member {
    /// Its place among the rows that are seen.
    pub(super) ordinal: u64,
    pub(super) row: RowNumber,
}

impl Member {
    /// Bytes of the ordinal at the end of a key; what is before it names the group.
    pub(super) const ORDINAL: usize = 8;

    pub(super) fn of_entry(key: &[u8], value: &[u8]) -> Result<Self> {
        let mut ordinal = [0; Self::ORDINAL];
        let start = key.len().saturating_sub(Self::ORDINAL);
        ordinal.copy_from_slice(&key[start..]);
        Ok(Member {
            ordinal: u64::from_be_bytes(ordinal),
            row: RowNumber(Unpack(value).uint()?),
        })
    }
}

/// What of a row a stage of the reading has said.
const SEEN: u8 = 0;
const HIDDEN: u8 = 1;
const FILTERED: u8 = 2;
const CONTRADICTED: u8 = 3;

/// Reads all rows of `snapshot`.
pub(super) fn scan(
    snapshot: &dyn Snapshot,
    recipe: &Recipe,
    scratch: &dyn Scratch,
) -> Result<Scanned> {
    let mut rows = Spool::new(scratch)?;
    // Which rows are superseded is known when all were read. Only these are held, as digests.
    let mut superseded: HashSet<u128> = HashSet::new();
    let mut changed_at = None;
    let visibility = recipe.visibility;
    let everything = Scan {
        parts: parts(recipe),
        ..Scan::everything()
    };
    for row in snapshot.scan(&everything)? {
        let (number, row) = row?;
        changed_at = changed_at.max(row.updated_at);
        if let Some(id) = superseded_by(&row).filter(|_| !visibility.include_retired) {
            superseded.insert(fingerprint(id.as_bytes()));
        }
        let state = if !visibility.shows(&row, |_| false) {
            HIDDEN
        } else if !recipe.filter.matches(&row) {
            FILTERED
        } else if row.lifecycle_status == lifecycle::CONTRADICTED {
            // What is contradicted is visible to a list, and never trained on.
            CONTRADICTED
        } else {
            SEEN
        };
        let key = group_key(&row, &recipe.group_by).filter(|_| state == SEEN);
        let mut entry = Pack::default();
        entry
            .byte(state)
            .uint(number.0)
            .int(row.created_at.0)
            .text(&row.id)
            .maybe(key, |entry, key| {
                let key = key.iter().fold(Key::default(), |key, part| key.text(part));
                entry.bytes(&key.0);
            });
        rows.push(&entry.0)?;
    }

    let mut hidden = Spool::new(scratch)?;
    let mut grouped = Sorter::new(scratch);
    let mut members = Sorter::new(scratch);
    let mut ids = Sorter::new(scratch);
    let (mut living, mut listed) = (0, 0);
    let all = rows.len();
    let mut entries = rows.read()?;
    while let Some(entry) = entries.next()? {
        let mut entry = Unpack(entry);
        let mut state = entry.byte()?;
        let (number, time, id) = (entry.uint()?, entry.int()?, entry.text()?);
        if !superseded.is_empty() && superseded.contains(&fingerprint(id.as_bytes())) {
            state = HIDDEN;
        }
        let stage = match state {
            SEEN => None,
            HIDDEN => Some("lifecycle"),
            FILTERED => Some("filter"),
            _ => Some("contradicted"),
        };
        living += u64::from(matches!(state, SEEN | FILTERED));
        if let Some(stage) = stage {
            let decision = Decision {
                unit: "row",
                records: vec![id.to_owned()],
                dropped: Some(Reason::new(stage, "not to be seen")),
            };
            hidden.push(&line_of(&decision))?;
            continue;
        }
        let mut value = Pack::default();
        value.uint(number);
        ids.push(&fingerprint(id.as_bytes()).to_be_bytes(), &value.0)?;
        let moment = Key::default().int(time).text(id);
        match entry.maybe(Unpack::bytes)? {
            Some(group) => {
                let mut key = group.to_vec();
                key.extend_from_slice(&moment.0);
                value.uint(listed).uint(group.len() as u64);
                grouped.push(&key, &value.0)?;
            }
            None => members.push(&moment.uint(listed).0, &value.0)?,
        }
        listed += 1;
    }
    drop(rows);
    refuse_repeated(snapshot, ids)?;
    order_groups(grouped, &mut members)?;
    Ok(Scanned {
        rows: all,
        living,
        listed,
        hidden,
        members: members.finish()?,
        changed_at,
    })
}

/// An id that two of the rows have is an error.
fn refuse_repeated(snapshot: &dyn Snapshot, ids: Sorter<'_>) -> Result<()> {
    let mut ids = ids.finish()?;
    let mut entries = ids.read()?;
    let mut before = Vec::new();
    while let Some((id, number)) = entries.next()? {
        if before == id {
            let row = RowNumber(Unpack(number).uint()?);
            let found = snapshot.take(&[row], Parts::KEYS)?;
            let record = found.into_iter().next().map(|row| row.id);
            return Err(CurateError::DuplicateId {
                record: record.unwrap_or_default(),
            });
        }
        before.clear();
        before.extend_from_slice(id);
    }
    Ok(())
}

/// Members by group and time become members by the first time and id of their group.
fn order_groups(grouped: Sorter<'_>, members: &mut Sorter<'_>) -> Result<()> {
    let mut grouped = grouped.finish()?;
    let mut entries = grouped.read()?;
    let (mut group, mut first) = (None, Key::default());
    while let Some((key, value)) = entries.next()? {
        let mut value = Unpack(value);
        let (number, ordinal, size) = (value.uint()?, value.uint()?, value.uint()? as usize);
        let (of, moment) = key.split_at(size.min(key.len()));
        if group.as_deref() != Some(of) {
            group = Some(of.to_vec());
            first = Key(moment.to_vec());
        }
        let mut row = Pack::default();
        row.uint(number);
        members.push(&first.clone().uint(ordinal).0, &row.0)?;
    }
    Ok(())
}

/// What of the rows filter and groups look at.
fn parts(recipe: &Recipe) -> Parts {
    let mut parts = Parts::KEYS;
    let mut see = |path: &Path| match path.parts().first().map_or("", String::as_str) {
        "text_payload" => parts.text = true,
        // Where the columns are empty, these two are looked for in the metadata.
        "metadata" | "state_metadata" | "tenant" | "source" => parts.metadata = true,
        _ => {}
    };
    recipe.group_by.iter().for_each(&mut see);
    paths(&recipe.filter, &mut see);
    parts
}

fn paths(filter: &Filter, see: &mut dyn FnMut(&Path)) {
    match filter {
        Filter::All(filters) | Filter::Any(filters) => {
            for filter in filters {
                paths(filter, see);
            }
        }
        Filter::Not(filter) => paths(filter, see),
        Filter::Field(path, _) => see(path),
    }
}
