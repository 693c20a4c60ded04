//! What is wrong with the rows of a store, whatever it is made of.

use std::collections::{HashMap, HashSet};

use super::api::Finding;
use super::{ContextRecord, StoreError};

#[cfg(test)]
mod tests;

/// Looks at all rows of a snapshot, tombstones included, twice: `rows` gives them anew each time, with their vectors.
/// `payload_is_there` answers for a payload's address where that can be told.
///
/// # Errors
/// What a row fails with.
pub fn audit<R>(
    mut rows: impl FnMut() -> Result<R, StoreError>,
    payload_is_there: &dyn Fn(&str) -> Option<bool>,
) -> Result<Vec<Finding>, StoreError>
where
    R: Iterator<Item = Result<ContextRecord, StoreError>>,
{
    let mut findings = Vec::new();
    let mut ids: HashSet<String> = HashSet::new();
    let mut holders: HashMap<String, String> = HashMap::new();
    let mut length: Option<usize> = None;
    for row in rows()? {
        let row = row?;
        if !ids.insert(row.id.clone()) {
            let why = "more than one row has this id; delete it and add the right one again";
            findings.push(finding("duplicate-id", &row.id, why));
        }
        if let Some(external) = row.external_id.as_ref().filter(|_| !row.is_tombstone())
            && let Some(other) = holders.insert(external.clone(), row.id.clone())
        {
            let why =
                format!("{other} has the external id {external} too; change it in one of them");
            findings.push(finding("duplicate-external-id", &row.id, why));
        }
        if let Some(vector) = &row.embedding {
            let expected = *length.get_or_insert(vector.len());
            if let Some((kind, why)) = wrong_vector(vector, expected) {
                findings.push(finding(kind, &row.id, why));
            }
        }
        if let Some(uri) = &row.payload_uri
            && payload_is_there(uri) == Some(false)
        {
            let why = format!("its payload should be at {uri}, and is not");
            findings.push(finding("payload-missing", &row.id, why));
        }
    }
    for row in rows()? {
        let row = row?;
        for (field, target) in [
            ("supersedes_id", row.supersedes_id.as_ref()),
            ("superseded_by_id", row.superseded_by_id.as_ref()),
            ("parent_id", row.parent_id.as_ref()),
        ] {
            if let Some(target) = target.filter(|target| !ids.contains(*target)) {
                let why = format!("its {field} is {target}, and no record has that id");
                findings.push(finding("dangling-edge", &row.id, why));
            }
        }
        for edge in &row.relationships {
            let target = &edge.target_id;
            if !ids.contains(target) && !holders.contains_key(target) {
                let relation = &edge.relation;
                let why = format!("its relation {relation} leads to {target}, which is not here");
                findings.push(finding("dangling-relation", &row.id, why));
            }
        }
    }
    Ok(findings)
}

fn wrong_vector(vector: &[f32], expected: usize) -> Option<(&'static str, &'static str)> {
    if vector.iter().any(|value| !value.is_finite()) {
        Some((
            "vector-not-finite",
            "a value of its vector is no finite number; embed it again",
        ))
    } else if vector.len() != expected {
        Some((
            "vector-length",
            "its vector has another length than others; embed it again",
        ))
    } else if vector.iter().all(|value| *value == 0.0) {
        Some((
            "vector-zero",
            "its vector is zero, which is near to nothing; embed it again",
        ))
    } else {
        None
    }
}

fn finding(kind: &'static str, what: &str, why: impl Into<String>) -> Finding {
    Finding {
        kind,
        what: what.to_owned(),
        why: why.into(),
    }
}
