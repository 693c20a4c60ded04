//! How far the runs of a folder are, read from the journal without touching anything.

use std::collections::BTreeMap;

use forgemark_contract::json::Json;
use forgemark_journal::{JournalError, Recovered, Totals};

use crate::conversation::DropReason;
use crate::outcome::Outcome;

use super::{identity, spending};

/// One run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunStanding {
    /// Identifier.
    pub run_id: String,
    /// How it ended; `None` while it works or after it was killed.
    pub ending: Option<String>,
    /// Good conversations that are committed.
    pub good: u64,
    /// Their turns.
    pub turns: u64,
    /// Dropped conversations by reason.
    pub dropped: BTreeMap<String, u64>,
    /// Calls, tokens and cost, those that no committed conversation rests on yet included.
    pub totals: Totals,
}

/// All runs of a folder, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// The runs.
    pub runs: Vec<RunStanding>,
}

/// Reads how far the runs are.
///
/// # Errors
/// When the journal cannot be read.
pub fn standing(recovered: &Recovered) -> Result<Standing, JournalError> {
    let mut runs: Vec<RunStanding> = recovered
        .runs
        .iter()
        .enumerate()
        .map(|(index, run)| RunStanding {
            run_id: run.run_id.clone(),
            ending: run.end.as_ref().map(|end| {
                match end.detail.get("ending").and_then(Json::as_str) {
                    Some(text) => text.to_owned(),
                    None => end.status.clone(),
                }
            }),
            good: identity::counted_before(&run.plan).0,
            turns: identity::counted_before(&run.plan).1,
            dropped: BTreeMap::new(),
            totals: {
                // Only the newest run can go on, so the calls of a run end where the next begins.
                let next = recovered.runs.get(index + 1);
                let end = next.map(|next| identity::spent_before(&next.plan));
                spending::since(
                    end.as_ref().unwrap_or(&recovered.totals),
                    &identity::spent_before(&run.plan),
                )
            },
        })
        .collect();
    for item in recovered.items() {
        let item = item?;
        let Some(run) = runs.iter_mut().find(|run| *run.run_id == *item.run_id) else {
            continue;
        };
        let Some(outcome) = Outcome::from_json(&item.payload) else {
            continue;
        };
        match outcome.dropped.map(DropReason::as_str) {
            None => {
                run.good += 1;
                run.turns += outcome.turns;
            }
            Some(reason) => *run.dropped.entry(reason.to_owned()).or_insert(0) += 1,
        }
    }
    Ok(Standing { runs })
}
