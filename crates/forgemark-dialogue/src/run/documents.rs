//! Which documents a run stands on, kept beside the journal so that a refusal can name those that
//! differ. The plan holds only their digest; without this file a refusal names no document.

use std::collections::BTreeMap;
use std::sync::Arc;

use forgemark_contract::json::{self, Json, Object, to_compact};
use forgemark_corpus::Corpus;
use forgemark_journal::{JournalError, write_atomic};

use super::{Environment, STATE_DIR};
use crate::error::DialogueError;

/// The file in the folder of our own state.
const FILE: &str = "documents.json";

/// Names of a kind of change that are shown.
const SHOWN: usize = 3;

/// Hashes by path.
type Documents = BTreeMap<String, String>;

/// Keeps the documents of the run that begins or goes on.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn keep(environment: &Environment) -> Result<(), DialogueError> {
    let digest = environment.corpus.digest();
    if read(environment, digest).is_some() {
        return Ok(());
    }
    let documents: Object = of(&environment.corpus)
        .into_iter()
        .map(|(path, sha)| (path, Json::from(sha)))
        .collect();
    let whole = Json::object([
        ("digest", Json::from(digest)),
        ("documents", Json::Object(documents)),
    ]);
    let path = environment.out_dir.join(STATE_DIR).join(FILE);
    write_atomic(&*environment.storage, &path, &to_compact(&whole)).map_err(|source| {
        JournalError::Write {
            path,
            source: Arc::new(source),
        }
        .into()
    })
}

/// What is different now from the documents with `digest`, one line a kind of change; nothing when
/// they are not known any more.
pub(super) fn changes(environment: &Environment, digest: &str) -> Vec<String> {
    read(environment, digest).map_or_else(Vec::new, |before| {
        compare(&before, &of(&environment.corpus))
    })
}

fn of(corpus: &Corpus) -> Documents {
    let documents = corpus.documents().iter();
    documents
        .map(|document| (document.path.clone(), document.sha256.clone()))
        .collect()
}

/// The documents that were kept, if they are those with `digest`.
fn read(environment: &Environment, digest: &str) -> Option<Documents> {
    let path = environment.out_dir.join(STATE_DIR).join(FILE);
    let bytes = environment.storage.read(&path).ok()?;
    let whole = json::parse(&bytes).ok()?;
    if whole.str_or("digest", "") != digest {
        return None;
    }
    let documents = whole.at("documents").as_object()?.iter();
    Some(
        documents
            .filter_map(|(path, sha)| Some((path.to_owned(), sha.as_str()?.to_owned())))
            .collect(),
    )
}

fn compare(before: &Documents, now: &Documents) -> Vec<String> {
    let changed = before
        .iter()
        .filter(|(path, sha)| now.get(*path).is_some_and(|new| new != *sha))
        .map(|(path, _)| path.clone())
        .collect();
    let mut removed: Vec<(&String, &String)> = before
        .iter()
        .filter(|(path, _)| !now.contains_key(*path))
        .collect();
    let mut renamed = Vec::new();
    let mut added = Vec::new();
    for (path, sha) in now.iter().filter(|(path, _)| !before.contains_key(*path)) {
        match removed.iter().position(|(_, old)| *old == sha) {
            Some(at) => renamed.push(format!("{} to {path}", removed.remove(at).0)),
            None => added.push(path.clone()),
        }
    }
    let removed = removed.into_iter().map(|(path, _)| path.clone()).collect();
    [
        ("changed", changed),
        ("renamed", renamed),
        ("added", added),
        ("removed", removed),
    ]
    .into_iter()
    .filter(|(_, names): &(_, Vec<String>)| !names.is_empty())
    .map(|(kind, names)| format!("documents {kind}: {}", few(&names)))
    .collect()
}

/// The first names, and how many there are beyond them.
fn few(names: &[String]) -> String {
    let shown = names[..names.len().min(SHOWN)].join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests;
