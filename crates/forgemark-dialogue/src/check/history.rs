//! The journal of an output folder, as far as its rows are compared with it.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::path::Path;
use std::sync::Arc;

use forgemark_contract::dialogue::{Columns, DatasetRow};
use forgemark_contract::json::Json;
use forgemark_journal::lock::STATE_DIR;
use forgemark_journal::{Items, JournalError, Storage, inspect, verify};

use super::columns;
use super::diff::shown;
use super::report::{At, Collector, Kind};
use crate::outcome::Outcome;
use crate::question::{Matching, Question};
use crate::render::{DATASET, round4};

/// Where findings about the journal itself stand.
const JOURNAL: &str = ".forgemark/journal";

/// What the journal says, or nothing where there is none.
#[derive(Debug, Default)]
pub(super) struct History {
    /// Committed lengths of append-only files.
    pub(super) committed: BTreeMap<String, u64>,
    /// States of the original whose run went on here.
    pub(super) past: Vec<String>,
    /// The columns of its runs.
    pub(super) columns: Vec<Columns>,
    /// Whether its newest run has not ended, so that some files may be behind.
    pub(super) is_open: bool,
    /// Rows of the dataset that were there before the journal.
    imported: u64,
    outcomes: Option<Peekable<Items>>,
    /// Outcomes cannot be read any more.
    lost: bool,
}

impl History {
    /// Proves the journal and reads what it says.
    pub(super) fn read(storage: &Arc<dyn Storage>, dir: &Path, to: &mut Collector) -> Self {
        let listed = storage.list(&dir.join(STATE_DIR).join("journal"));
        let is_segment = |name: &String| Path::new(name).extension().is_some_and(|e| e == "fmj");
        if !listed.is_ok_and(|names| names.iter().any(is_segment)) {
            return History::default();
        }
        to.report.has_journal = true;
        to.count(JOURNAL).files += 1;
        match verify(storage, dir) {
            Ok(proven) => {
                let count = to.count(JOURNAL);
                count.rows += proven.records;
                count.bytes += proven.bytes;
                if proven.torn_bytes > 0 {
                    let what = format!(
                        "{} bytes after the last record, which were never acknowledged",
                        proven.torn_bytes
                    );
                    to.add(At::file(JOURNAL), Kind::Uncommitted, "", what);
                }
            }
            Err(error) => damaged(dir, &error, to),
        }
        let recovered = match inspect(storage, dir) {
            Ok(Some(recovered)) => recovered,
            Ok(None) => return History::default(),
            Err(error) => {
                // `verify` reads all that this reads, so it has said it; unless it could read on another try.
                if to.report.is_clean() {
                    damaged(dir, &error, to);
                }
                return History::default();
            }
        };
        let newest = recovered
            .current
            .and_then(|place| recovered.runs.get(place));
        let commit = recovered.last_commit.clone().unwrap_or_default();
        let waiting = commit.swaps.values().any(|name| {
            let path = dir.join(STATE_DIR).join("swap").join(name);
            matches!(storage.len(&path), Ok(Some(_)))
        });
        if waiting {
            let what = "files of the last commit have not taken their places yet";
            to.add(At::file(JOURNAL), Kind::Uncommitted, "", what);
        }
        let imported = recovered
            .imports
            .iter()
            .find(|import| import.file == DATASET)
            .map_or(0, |import| import.rows);
        History {
            committed: commit.files,
            columns: recovered
                .runs
                .iter()
                .filter_map(|run| columns::of_plan(&run.plan))
                .collect(),
            past: recovered
                .runs
                .iter()
                .flat_map(|run| crate::run::states_taken_over(&run.plan))
                .collect(),
            is_open: newest.is_some_and(|run| run.end.is_none()),
            imported,
            outcomes: Some(recovered.items().peekable()),
            lost: false,
        }
    }

    /// Whether rows are compared with outcomes.
    pub(super) fn has_outcomes(&self) -> bool {
        self.outcomes.is_some() && !self.lost
    }

    fn next(&mut self, to: &mut Collector) -> Option<Outcome> {
        loop {
            match self.outcomes.as_mut()?.next()? {
                Ok(item) => {
                    if let Some(outcome) = Outcome::from_json(&item.payload) {
                        return Some(outcome);
                    }
                    let what = format!("item {} is no outcome of a conversation", item.index);
                    to.add(At::file(JOURNAL), Kind::Journal, "", what);
                }
                Err(error) => {
                    self.lost = true;
                    if !to.report.counts.contains_key(&Kind::Journal) {
                        to.add(At::file(JOURNAL), Kind::Journal, "", error.to_string());
                    }
                    return None;
                }
            }
        }
    }

    fn peek_id(&mut self) -> Option<String> {
        let item = self.outcomes.as_mut()?.peek()?.as_ref().ok()?;
        Some(item.payload.str_or("id", "").to_owned())
    }

    /// A row that cannot be read stands for one outcome.
    pub(super) fn skip(&mut self, row: u64, to: &mut Collector) {
        if row >= self.imported && self.has_outcomes() {
            self.next(to);
        }
    }

    /// Compares a row with its outcome. `row` is its number from 0.
    pub(super) fn compare(&mut self, row: u64, line: u64, data: &DatasetRow, to: &mut Collector) {
        if row < self.imported || !self.has_outcomes() {
            return;
        }
        let at = At::line(DATASET, line).of(&data.conversation_id);
        let Some(outcome) = self.next(to) else {
            if !self.lost {
                let what = "the journal has committed no such conversation";
                to.add(at, Kind::Orphan, "", what);
            }
            return;
        };
        if outcome.id == data.conversation_id {
            return same(at, &outcome, data, to);
        }
        if self.peek_id().as_deref() == Some(data.conversation_id.as_str()) {
            let what = format!(
                "the row of {} is missing before this one; the journal has committed it",
                outcome.id
            );
            to.add(
                At::line(DATASET, line).of(&outcome.id),
                Kind::Missing,
                "",
                what,
            );
            if let Some(outcome) = self.next(to) {
                same(at, &outcome, data, to);
            }
            return;
        }
        let what = format!("the journal has committed {} here", outcome.id);
        to.add(at, Kind::Order, "", what);
    }

    /// Reports the outcomes that no row stands for.
    pub(super) fn finish(&mut self, to: &mut Collector) {
        while self.has_outcomes() {
            let Some(outcome) = self.next(to) else { return };
            let what = "the journal has committed this conversation; its row is missing";
            to.add(At::file(DATASET).of(&outcome.id), Kind::Missing, "", what);
        }
    }
}

fn damaged(dir: &Path, error: &JournalError, to: &mut Collector) {
    let place = match error {
        JournalError::Corrupt { path, .. } | JournalError::Read { path, .. } => path
            .strip_prefix(dir)
            .ok()
            .map(|path| path.to_string_lossy().into_owned()),
        _ => None,
    };
    let file = place.unwrap_or_else(|| JOURNAL.to_owned());
    to.add(At::file(&file), Kind::Journal, "", error.to_string());
}

/// What a row has to have in common with the outcome in the journal.
fn same(at: At<'_>, outcome: &Outcome, data: &DatasetRow, to: &mut Collector) {
    let summary = data.forgemark.clone().unwrap_or_default();
    let exact = Matching::EXACT;
    let mut differs = |path: &str, expected: Json, found: Json| {
        if expected != found {
            let what = format!("is {}, the journal has {}", shown(&found), shown(&expected));
            to.add(at, Kind::Journal, path, what);
        }
    };
    differs(
        "turns",
        Json::from(outcome.turns),
        Json::from(data.turns.len()),
    );
    if crate::judge::is_ours(data.forgemark.as_ref()) {
        let reason = outcome.dropped.map_or("", crate::DropReason::as_str);
        differs(
            "forgemark.drop_reason",
            Json::from(reason),
            summary.at("drop_reason").clone(),
        );
        differs(
            "forgemark.ordinal",
            Json::from(outcome.key.ordinal),
            summary.at("ordinal").clone(),
        );
        // What was judged later is not in the outcome, which is of the run; the row is proven against itself.
        let later = summary.get("judging").is_some();
        let scores = [
            ("judge_score", outcome.judge_score),
            ("support", outcome.support),
        ];
        for (key, score) in scores.into_iter().skip(usize::from(later)) {
            differs(
                &format!("forgemark.{key}"),
                Json::from(score.map(round4)),
                summary.at(key).clone(),
            );
        }
    }
    for (place, turn) in data.turns.iter().enumerate() {
        let Some(asked) = forgemark_contract::dialogue::derive::user_message(turn) else {
            continue;
        };
        let asked = Question::new(&asked, exact);
        let claimed = outcome.claims.get(place).map_or("", String::as_str);
        if claimed != asked.text() {
            let path = format!("turns[{place}].qa_generation.user_message");
            let what = format!("is another question than the journal has accepted: {claimed:?}");
            to.add(at, Kind::Journal, &path, what);
        }
    }
}
