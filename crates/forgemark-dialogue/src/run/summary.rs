//! How a run ended and what it made.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use forgemark_contract::ids::RunId;
use forgemark_journal::{Journal, Totals};

use super::{Environment, Live, spending};
use crate::config::{EMBEDDINGS, RERANK, WEB_SEARCH};
use crate::pipeline::MOST_DROPS_IN_A_ROW;

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// Every language has its total.
    Complete,
    /// There was nothing to do.
    AlreadyComplete,
    /// `--limit` was reached.
    Limit,
    /// `--max-failed` was exceeded.
    TooManyFailed,
    /// One conversation after the other was dropped, and `--max-failed` does not say how many may be.
    NoProgress,
    /// A budget is spent.
    Budget(String),
    /// No unused passage is left and the policy is `stop`.
    Exhausted,
    /// The run was asked to drain.
    Interrupted,
    /// Nothing could be reached any more.
    EndpointsUnusable(String),
}

impl Ending {
    /// Word of the journal: `completed`, `partial` or `failed`.
    pub fn word(&self) -> &'static str {
        match self {
            Ending::Complete | Ending::AlreadyComplete => "completed",
            Ending::TooManyFailed | Ending::NoProgress | Ending::EndpointsUnusable(_) => "failed",
            Ending::Limit | Ending::Budget(_) | Ending::Exhausted | Ending::Interrupted => {
                "partial"
            }
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ending::Complete => f.write_str("complete"),
            Ending::AlreadyComplete => f.write_str("complete before; nothing was done"),
            Ending::Limit => f.write_str("stopped at the limit"),
            Ending::TooManyFailed => f.write_str("stopped because too many conversations failed"),
            Ending::NoProgress => write!(
                f,
                "stopped because {MOST_DROPS_IN_A_ROW} conversations in a row were dropped"
            ),
            Ending::Budget(what) => write!(f, "stopped by the budget: {what}"),
            Ending::Exhausted => f.write_str("stopped because all passages are used up"),
            Ending::Interrupted => f.write_str("interrupted"),
            Ending::EndpointsUnusable(what) => write!(f, "endpoints unusable: {what}"),
        }
    }
}

/// What a run made, all its parts together.
#[derive(Debug, Clone)]
pub struct Summary {
    /// Identifier.
    pub run_id: String,
    /// How it ended.
    pub ending: Ending,
    /// Output folder.
    pub out_dir: PathBuf,
    /// Good conversations wanted.
    pub wanted: u64,
    /// Good conversations made.
    pub good: u64,
    /// Turns of good conversations.
    pub turns: u64,
    /// Dropped conversations by reason.
    pub dropped: BTreeMap<&'static str, u64>,
    /// Mean judge score in [0, 10].
    pub mean_score: Option<f64>,
    /// Mean support score in [0, 1].
    pub mean_support: Option<f64>,
    /// Calls, tokens and cost of the run, all its parts together; those of other runs in the folder
    /// do not count.
    pub totals: Totals,
    /// Calls whose replies were thrown away by a rewind, in this process.
    pub discarded_calls: u64,
    /// Calls answered by the journal in this process.
    pub replayed_calls: u64,
    /// Bytes that this process wrote: journal, indexes, artifacts.
    pub bytes_written: u64,
    /// What the user should know of the endpoints: parameters that were refused, endpoints that were left alone, batches
    /// that were not taken.
    pub notices: Vec<String>,
}

pub(super) fn make(
    environment: &Environment,
    run: &RunId,
    ending: Ending,
    live: &Live,
    journal: &Journal,
    spent_before: &Totals,
    registry_bytes: u64,
) -> Summary {
    let tally = &live.tally;
    let load = |cell: &std::sync::atomic::AtomicU64| cell.load(Ordering::Relaxed);
    let mean = |sum: u64, n: u64| (n > 0).then(|| sum as f64 / 1000.0 / n as f64);
    let notices = live.caller.meter().take_notices();
    let totals = spending::since(&journal.totals(), spent_before);
    Summary {
        notices: notices
            .iter()
            .map(ToString::to_string)
            .chain(without_services(&totals))
            .collect(),
        run_id: run.to_string(),
        ending,
        out_dir: environment.out_dir.clone(),
        wanted: live.total,
        good: load(&tally.good),
        turns: load(&tally.turns),
        dropped: tally.drops(),
        mean_score: mean(load(&tally.score_milli), load(&tally.scored)),
        mean_support: mean(load(&tally.support_milli), load(&tally.supported)),
        totals,
        discarded_calls: live.progress.snapshot().discarded_calls,
        replayed_calls: live.caller.snapshot().replayed,
        bytes_written: journal.bytes_written() + registry_bytes,
    }
}

/// What was done without a service that failed, counted.
fn without_services(totals: &Totals) -> Vec<String> {
    let of = |service: &str, what: &str| {
        let totals = totals.by_role.get(service)?;
        let (failures, calls) = (totals.failures, totals.calls);
        (failures > 0).then(|| format!("{failures} of {calls} {what}; the rows say where"))
    };
    [
        of(
            RERANK,
            "rankings failed, and the fused order of the passages stands there",
        ),
        of(
            WEB_SEARCH,
            "web searches failed, and the assistant was told so",
        ),
        of(
            EMBEDDINGS,
            "texts got no vector, and were searched for by words or asked anew",
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}
