//! Proving an output folder: every file against its contract, and all files against each other.
//!
//! ```text
//! journal ──> committed lengths, columns, outcomes ┐
//! turns, ledger, ShareGPT, judged, index ──────────┤ one pass each: lines, shapes, hashes; one small entry a row
//!                                                  v
//! synthetic_qa.jsonl ──> one pass: each conversation gives all its other rows again, by the rules that write
//!                        them (`contract::dialogue::derive`); equal digests prove a row, others are compared
//!                        key by key ──> conversations/*.json ──> run_state/*
//! ```
//!
//! `synthetic_qa.jsonl` is the richest file, so it is what the others are compared with; which of two that differ was
//! changed nobody can tell. Memory is one row at a time and about fifty bytes for each row of each file, whatever the rows
//! hold. The run states are read one wave at a time.
//!
//! Without a journal everything but committed lengths and outcomes is checked. Rows without our `forgemark` keys (the
//! compat profile, the original's own output) are checked as far as they go: their dropped conversations may stand in the
//! `ShareGPT` files, and what their rows do not say is not asked for.
//!
//! # What is not proven
//! The texts of passages (they stand in the documents, not in the folder), and that a support score is right rather than
//! the mean of its claims. A byte that is changed in the same way in every file that repeats it is found only where a hash
//! or the journal knows better.

pub(crate) mod columns;
mod dataset;
mod diff;
mod expect;
mod grounding;
mod history;
mod judgements;
pub(crate) mod lines;
pub(crate) mod report;
mod row;
mod scan;
mod side;
mod state;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use forgemark_contract::dialogue::Columns;
use forgemark_contract::json;
use forgemark_contract::shape::ArtifactKind;
use forgemark_journal::lock::STATE_DIR;
use forgemark_journal::{ReadFile, Storage};

pub use report::{FileCount, Finding, Kind, Report};

use columns::Names;
use dataset::{Pass, Sides};
use history::History;
use judgements::Sheet;
use lines::Lines;
use report::{At, Collector};
use side::Side;

use crate::judge::JUDGEMENTS;
use crate::render::{CONVERSATIONS, RUN_STATE};

/// How a folder is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckOptions {
    /// Findings that are kept; all are counted.
    pub keep: usize,
}

impl Default for CheckOptions {
    /// Ten thousand findings.
    fn default() -> Self {
        CheckOptions { keep: 10_000 }
    }
}

/// Why a folder could not be checked at all.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// None of the nine artifacts is there.
    #[error("{} holds no artifact of a dialogue run", folder.display())]
    NoArtifacts {
        /// The folder.
        folder: PathBuf,
    },
    /// The folder cannot be listed.
    #[error("cannot read {}", folder.display())]
    Unreadable {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Checks an output folder. Changes nothing on disk and takes no lock; of a run that is still going on it sees what is
/// committed, and says what is not.
///
/// # Errors
/// [`CheckError`] when there is nothing to check. Everything else that is wrong is a finding.
pub fn check(
    storage: &Arc<dyn Storage>,
    dir: &Path,
    options: &CheckOptions,
) -> Result<Report, CheckError> {
    let unreadable = |source| CheckError::Unreadable {
        folder: dir.to_owned(),
        source,
    };
    let names = storage.list(dir).map_err(unreadable)?;
    let there = |name: &str| names.iter().any(|other| other == name);
    let conversations = storage.list(&dir.join(CONVERSATIONS)).map_err(unreadable)?;
    let states = storage.list(&dir.join(RUN_STATE)).map_err(unreadable)?;
    let any_lines = ArtifactKind::ALL
        .iter()
        .any(|kind| kind.is_lines() && there(kind.path()));
    if !any_lines && conversations.is_empty() && states.is_empty() {
        return Err(CheckError::NoArtifacts {
            folder: dir.to_owned(),
        });
    }
    let mut to = Collector::new(options.keep);
    for name in &names {
        let known = ArtifactKind::of_path(name).is_some()
            || [CONVERSATIONS, RUN_STATE, STATE_DIR, JUDGEMENTS].contains(&name.as_str());
        let inner = dir.join(name);
        if !known && crate::bundle::is_there(&**storage, &inner) {
            let inner = inner.display();
            to.note(format!(
                "{name} is a bundle; `forgemark validate {inner}` proves it"
            ));
        } else if !known {
            to.note(format!("{name} is no file of the contract"));
        }
    }
    let folder = Folder {
        storage,
        dir,
        history: History::read(storage, dir, &mut to),
    };
    folder.check(&conversations, &mut to);
    Ok(to.report)
}

/// A folder and what its journal says.
struct Folder<'a> {
    storage: &'a Arc<dyn Storage>,
    dir: &'a Path,
    history: History,
}

impl Folder<'_> {
    fn check(mut self, conversations: &[String], to: &mut Collector) {
        let mut names = Names::new(std::mem::take(&mut self.history.columns));
        let mut usable = [true; 2];
        for (place, kind) in [ArtifactKind::ShareGptJudged, ArtifactKind::ShareGpt]
            .into_iter()
            .enumerate()
        {
            usable[place] = self.name_columns(kind, &mut names, to);
        }
        let mut side = |kind: ArtifactKind, usable: bool| self.side(kind, &names, usable, to);
        let sides = Sides {
            turns: side(ArtifactKind::Turns, true),
            ledger: side(ArtifactKind::CoverageLedger, true),
            sharegpt: side(ArtifactKind::ShareGpt, usable[1]),
            judged: side(ArtifactKind::ShareGptJudged, usable[0]),
            index: side(ArtifactKind::ConversationsIndex, true),
        };
        let sheet = self.sheet(to);
        let dataset = self.open(ArtifactKind::SyntheticQa, to);
        let storage = self.storage.as_ref();
        let pass = Pass::new(
            storage,
            self.dir,
            names,
            sides,
            sheet,
            self.history,
            conversations,
        );
        if let Err(error) = pass.run(dataset, to) {
            let at = At::file(ArtifactKind::SyntheticQa.path());
            to.add(at, Kind::Unreadable, "", error.to_string());
        }
    }

    /// The single judgements; an empty sheet where nobody was judged later.
    fn sheet(&self, to: &mut Collector) -> Sheet {
        let path = self.dir.join(JUDGEMENTS);
        let read = |to: &mut Collector| {
            let Some(length) = self.storage.len(&path)? else {
                return Ok(Sheet::default());
            };
            let committed = self.history.committed.get(JUDGEMENTS).copied();
            let end = committed.map_or(length, |committed| committed.min(length));
            if committed.is_some_and(|committed| committed != length) {
                let what = format!("has {length} bytes, the journal has committed {end}");
                let kind = if length > end {
                    Kind::Uncommitted
                } else {
                    Kind::Journal
                };
                to.add(At::file(JUDGEMENTS), kind, "", what);
            }
            Sheet::read(self.storage.open_read(&path)?, end, to)
        };
        read(to).unwrap_or_else(|error: io::Error| {
            to.add(
                At::file(JUDGEMENTS),
                Kind::Unreadable,
                "",
                error.to_string(),
            );
            Sheet::default()
        })
    }

    /// Opens a file up to its committed length, or says what prevents it.
    fn open(&self, kind: ArtifactKind, to: &mut Collector) -> Option<(Arc<dyn ReadFile>, u64)> {
        let name = kind.path();
        let path = self.dir.join(name);
        let at = At::file(name);
        let length = match self.storage.len(&path) {
            Ok(Some(length)) => length,
            Ok(None) => {
                // The others are missed by the conversations that need them.
                if kind == ArtifactKind::SyntheticQa
                    && self.history.committed.get(name).is_some_and(|n| *n > 0)
                {
                    let what = "there is no such file, and the journal has committed rows of it";
                    to.add(at, Kind::Missing, "", what);
                }
                return None;
            }
            Err(error) => {
                to.add(at, Kind::Unreadable, "", error.to_string());
                return None;
            }
        };
        let file = match self.storage.open_read(&path) {
            Ok(file) => file,
            Err(error) => {
                to.add(at, Kind::Unreadable, "", error.to_string());
                return None;
            }
        };
        let count = to.count(name);
        count.files += 1;
        count.bytes += length;
        let committed = self.history.committed.get(name).copied();
        let mut end = length;
        if let Some(committed) = committed {
            if length < committed {
                let what = format!("has {length} bytes, the journal has committed {committed}");
                to.add(at, Kind::Journal, "", what);
            } else if length > committed {
                let more = length - committed;
                if ends_a_row(file.as_ref(), committed) {
                    end = committed;
                    let what = format!("{more} bytes after byte {committed} are not committed");
                    to.add(at, Kind::Uncommitted, "", what);
                } else {
                    let what = format!(
                        "has {more} bytes more than the journal has committed, and not at its end: something was put in"
                    );
                    to.add(at, Kind::Journal, "", what);
                }
            }
        }
        Some((file, end))
    }

    /// Finds out what the columns of a `ShareGPT` file are called, where no plan says it. False when that is in vain.
    fn name_columns(&self, kind: ArtifactKind, names: &mut Names, to: &mut Collector) -> bool {
        /// Rows that are looked at. Most of them have to agree, so that one damaged name is no new name.
        const SAMPLE: usize = 9;
        let file = self.storage.open_read(&self.dir.join(kind.path()));
        let lines = file.and_then(|file| Ok((file.len()?, file)));
        let (Ok((end, file)), false) = (lines, names.are_planned()) else {
            return true;
        };
        let mut lines = Lines::new(file, end);
        let (mut seen, mut first) = (0, 1);
        let mut votes: Vec<(Option<Columns>, usize)> = Vec::new();
        while let Ok(Some(line)) = lines.next() {
            let Ok(row) = json::parse(line.bytes) else {
                continue;
            };
            seen += 1;
            if names.are_foreign_to(&row) {
                first = if votes.is_empty() { line.number } else { first };
                let columns = columns::infer(&row);
                match votes.iter_mut().find(|(other, _)| *other == columns) {
                    Some((_, n)) => *n += 1,
                    None => votes.push((columns, 1)),
                }
            }
            if seen == SAMPLE {
                break;
            }
        }
        let winner = votes.into_iter().find(|(_, n)| n * 2 > seen);
        match winner {
            None => true,
            Some((Some(columns), _)) => {
                let renamed: Vec<String> = columns
                    .iter()
                    .filter(|(default, name)| default != name)
                    .map(|(default, name)| format!("{default} is called {name}"))
                    .collect();
                to.note(format!("{}: {}", kind.path(), renamed.join(", ")));
                names.add(columns);
                true
            }
            Some((None, _)) => {
                let what = "which column is which cannot be told from the plan of a run nor from the values; the file \
                            is not compared";
                to.add(At::line(kind.path(), first), Kind::Columns, "", what);
                false
            }
        }
    }

    fn side(
        &self,
        kind: ArtifactKind,
        names: &Names,
        usable: bool,
        to: &mut Collector,
    ) -> Option<Side> {
        if !usable {
            return None;
        }
        let Some((file, end)) = self.open(kind, to) else {
            return Some(Side::absent(kind, names));
        };
        match Side::read(kind, names, file, end, to) {
            Ok(side) => Some(side),
            Err(error) => {
                to.add(
                    At::file(kind.path()),
                    Kind::Unreadable,
                    "",
                    error.to_string(),
                );
                None
            }
        }
    }
}

/// Whether a row ends before this byte.
fn ends_a_row(file: &dyn ReadFile, end: u64) -> bool {
    let mut last = [b'\n'];
    end == 0 || (file.read_exact_at(&mut last, end - 1).is_ok() && last == [b'\n'])
}
