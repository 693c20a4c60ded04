//! Judging later: conversations that lie in an output folder are judged by turn or as a whole, whoever made them.
//!
//! ```text
//! open:  lock ─> journal ─> import (folders of the original) ─> rows of synthetic_qa.jsonl
//! hear:  row ─> what the answers were shown ─> the calls of each judge ─┬─ all in the journal: judged already
//!                                                                       └─ else: asked, each reply into the journal
//! write: the same rows once more, every reply from the journal ─> files beside the folder ─> one commit swaps them all
//! ```
//!
//! What is judged is what the journal has replies for: a call's key is the hash of model, prompt and sample, so "not judged
//! yet by this judge, prompt and granularity" needs no mark anywhere, a conversation that was judged in its run is judged
//! already, and a killed command goes on where it stopped. The rows are a function of themselves and of these replies.
//! Nothing that an artifact holds is changed before the one commit at the end.

mod agreement;
mod hear;
mod revise;
mod ruling;
mod sheet;
mod subject;
mod swap;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use forgemark_contract::ids::CallKey;
use forgemark_contract::json::Json;
use forgemark_corpus::Corpus;
use forgemark_journal::{ArtifactSet, Journal, OpenOptions, RunLock, Storage, Totals};
use forgemark_model::caller::{CallError, Caller, Clock};
use forgemark_model::config::CallerConfig;
use forgemark_run::Cancel;
use tokio::task::JoinSet;

use crate::config::{Config, Judging};
use crate::error::DialogueError;
use crate::prompts::Prompts;
use crate::run::{self, Ending};
use crate::work::Cause;

pub use agreement::{Agreement, JudgeMarks, Pair};
pub use hear::Forecast;
pub use sheet::{JUDGEMENTS, standing};

pub(crate) use revise::{INPUT_KEYS, inputs_of_later};
pub(crate) use sheet::Line as JudgementLine;
pub(crate) use subject::is_ours;

use hear::{Bench, Heard, UnitHeard, recall_only};
use sheet::Docket;

/// Everything that late judging stands on, made by the application.
pub struct Environment {
    /// Where everything lies.
    pub storage: Arc<dyn Storage>,
    /// Output folder.
    pub out_dir: PathBuf,
    /// The configuration; whether and when it judges by itself is not asked.
    pub config: Arc<Config>,
    /// The documents, for rows that name passages in them; `None` where there are none.
    pub corpus: Option<Arc<Corpus>>,
    /// The templates.
    pub prompts: Arc<Prompts>,
    /// Models and roles: each of [`Config::judges`] is one.
    pub callers: CallerConfig,
    /// Instants of replies.
    pub clock: Clock,
    /// One line for a second process that is refused.
    pub owner: String,
    /// How the journal is opened.
    pub journal: OpenOptions,
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Environment")
            .field("out_dir", &self.out_dir)
            .finish_non_exhaustive()
    }
}

/// What the command line asks for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Begin to judge at most this many conversations in this command.
    pub limit: Option<u64>,
    /// Ask again what could not be read or answered.
    pub retry_failed: bool,
    /// Leave out the one-token probe of each judge.
    pub skip_probe: bool,
}

/// Live view, for progress displays.
#[derive(Clone)]
pub struct Live {
    /// Conversations whose judging is complete, those that were so before included.
    pub done: Arc<AtomicU64>,
    /// Conversations that are to be judged.
    pub total: u64,
    /// Calls, tokens, cost.
    pub caller: Caller,
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live")
            .field("total", &self.total)
            .finish_non_exhaustive()
    }
}

/// What a command did, and how the folder is judged now.
#[derive(Debug, Clone)]
pub struct Summary {
    /// How it ended.
    pub ending: Ending,
    /// Output folder.
    pub out_dir: PathBuf,
    /// Turns or conversations.
    pub granularity: Judging,
    /// Conversations that are to be judged: complete ones, and those of other programs.
    pub conversations: u64,
    /// Of these, how many are judged now.
    pub judged: u64,
    /// Of these, how many this command asked about.
    pub newly: u64,
    /// Things that are judged now: turns, or conversations.
    pub units: u64,
    /// Of these, how many have no score because no judgement could be read, by the kind of failure.
    pub failed: BTreeMap<String, u64>,
    /// Judgements that could not be read, where another one of the same thing could, by the kind of failure.
    pub unreadable: BTreeMap<String, u64>,
    /// Mean score in [0, 10]; what has no score does not count.
    pub mean_score: Option<f64>,
    /// What the judges have in common.
    pub agreement: Agreement,
    /// Rows that cannot be judged, and why.
    pub left_out: Vec<String>,
    /// Whether files were changed.
    pub changed: bool,
    /// Calls, tokens and cost of all judging and of the run that it belongs to.
    pub totals: Totals,
    /// Calls of this command that were paid.
    pub calls: u64,
    /// What the user should know of the endpoints.
    pub notices: Vec<String>,
}

/// A folder that is opened to be judged.
pub struct LateJudge {
    environment: Environment,
    options: Options,
    journal: Journal,
    artifacts: ArtifactSet,
    docket: Docket,
    bench: Arc<Bench>,
    live: Live,
    spent_before: Totals,
    /// Dropped last: nothing may write any more when another process gets it.
    _lock: RunLock,
}

impl std::fmt::Debug for LateJudge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LateJudge")
            .field("live", &self.live)
            .finish_non_exhaustive()
    }
}

impl LateJudge {
    /// Opens the output folder.
    ///
    /// # Errors
    /// [`DialogueError`]; nothing is asked then.
    pub fn open(environment: Environment, options: Options) -> Result<Self, DialogueError> {
        let (storage, out_dir) = (&environment.storage, &environment.out_dir);
        sheet::require_rows(&**storage, out_dir)?;
        let lock = RunLock::acquire(&**storage, out_dir, &environment.owner)?;
        let (journal, recovered) =
            Journal::open(Arc::clone(storage), out_dir, environment.journal)?;
        if recovered.last_commit.is_none() {
            run::import(storage, out_dir, &journal, &recovered)?;
        }
        let artifacts = ArtifactSet::open(&journal, &sheet::FILES)?;
        let spent_before = run::spent_before_newest(&recovered);
        let docket = Docket::read(&**storage, out_dir)?;
        let recall = Caller::of_run(
            &recall_only(&environment.callers),
            journal.clone(),
            Arc::clone(&environment.clock),
            &Totals::default(),
        )?;
        recall.drain();
        let bench = Arc::new(Bench::new(&environment, recall));
        let caller = Caller::of_run(
            &environment.callers,
            journal.clone(),
            Arc::clone(&environment.clock),
            &spent_before,
        )?;
        let live = Live {
            done: Arc::default(),
            total: docket.len() as u64,
            caller,
        };
        Ok(Self {
            options,
            journal,
            artifacts,
            docket,
            bench,
            live,
            spent_before,
            _lock: lock,
            environment,
        })
    }

    /// The live view.
    pub fn live(&self) -> Live {
        self.live.clone()
    }

    /// What is still to be asked, without asking it. Prompt tokens are exact prompts at four characters a token.
    ///
    /// # Errors
    /// Rows or replies that cannot be read.
    pub async fn forecast(&self) -> Result<Forecast, DialogueError> {
        hear::forecast(&self.bench, &self.docket).await
    }

    /// Judges until everything is judged, `cancel` is pulled, a budget is spent or nothing works, and then writes what is
    /// judged.
    ///
    /// # Errors
    /// [`DialogueError`] when it cannot go on at all; the files are as they were then, and every reply is kept.
    ///
    /// # Cancel safety
    /// Dropping the future aborts the work in flight; the same command goes on from the journal.
    pub async fn drive(mut self, cancel: Cancel) -> Result<Summary, DialogueError> {
        if self.options.retry_failed {
            let forget = failed_calls(&self.bench, &self.docket).await?;
            if !forget.is_empty() {
                // Nothing that is committed goes; only these replies do.
                let through = self.journal.committed().through;
                self.artifacts.rewind(through, forget)?;
            }
        }
        let drains = {
            let caller = self.live.caller.clone();
            cancel.when_cancelled(move || caller.drain())
        };
        let mut tally = Tally::default();
        let heard = self.hear(&cancel, &mut tally).await;
        drop(drains);
        // Also after a failure of an endpoint: what is judged is written. A journal that failed takes nothing more.
        let cause = heard?;
        let mut changed = false;
        if tally.changed {
            swap::write(
                &mut self.artifacts,
                &self.environment,
                &self.bench,
                &self.docket,
            )
            .await?;
            changed = true;
        }
        let complete = tally.judged == self.docket.len() as u64;
        let ending = match cause {
            Some(Cause::Call(CallError::Journal(error))) => return Err(error.into()),
            Some(Cause::Prompt(error)) => return Err(error.into()),
            Some(Cause::Call(CallError::Budget(stop))) => Ending::Budget(stop.to_string()),
            Some(Cause::Call(CallError::Unusable(error))) => {
                Ending::EndpointsUnusable(error.to_string())
            }
            Some(Cause::Call(error @ CallError::UnknownRole(_))) => {
                Ending::EndpointsUnusable(error.to_string())
            }
            Some(Cause::Call(CallError::Cancelled)) => Ending::Interrupted,
            None if complete && !changed && tally.newly == 0 => Ending::AlreadyComplete,
            None if complete => Ending::Complete,
            None if cancel.is_cancelled() => Ending::Interrupted,
            None => Ending::Limit,
        };
        let scores = tally.scores();
        let failed = scores.failed.values().sum();
        let standing = tally.standing(&self.environment.config, failed, ending.word());
        sheet::keep_standing(
            &*self.environment.storage,
            &self.environment.out_dir,
            &standing,
        )?;
        let config = &self.environment.config;
        let notices = self.live.caller.meter().take_notices();
        Ok(Summary {
            ending,
            out_dir: self.environment.out_dir.clone(),
            granularity: config.granularity,
            conversations: self.docket.len() as u64,
            judged: tally.judged,
            newly: tally.newly,
            units: tally.units,
            mean_score: forgemark_stats::mean(&scores.found),
            failed: scores.failed,
            unreadable: scores.unreadable,
            agreement: agreement::of(&config.judges(), config.repeats, &scores.marks),
            left_out: self.docket.left_out.clone(),
            changed,
            totals: run::spent_since(&self.journal.totals(), &self.spent_before),
            calls: tally.paid,
            notices: notices.iter().map(ToString::to_string).collect(),
        })
    }

    /// Hears every conversation; answers why it stopped before the last one.
    async fn hear(
        &self,
        cancel: &Cancel,
        tally: &mut Tally,
    ) -> Result<Option<Cause>, DialogueError> {
        let mut probed = self.options.skip_probe;
        let mut cause: Option<Cause> = None;
        let mut set: JoinSet<Result<Heard, Cause>> = JoinSet::new();
        let concurrency = self.environment.config.concurrency;
        let mut begun = 0;
        for place in 0..self.docket.len() {
            if cause.is_some() {
                break;
            }
            let row = self.docket.row(place)?;
            // What the journal knows is settled here, without a task.
            match self.bench.hear(&self.bench.recall, &row, place).await {
                Ok(heard) => {
                    tally.add(heard, &self.live);
                    continue;
                }
                Err(Cause::Call(CallError::Cancelled)) => {}
                Err(other) => {
                    cause = Some(other);
                    break;
                }
            }
            let full = self.options.limit.is_some_and(|limit| begun >= limit);
            if full || cancel.is_cancelled() {
                // The rest may be known all the same.
                continue;
            }
            if !probed {
                probed = true;
                for role in self.bench.roles() {
                    run::probe_role(&self.live.caller, role).await?;
                }
            }
            while set.len() >= concurrency
                && let Some(heard) = set.join_next().await
            {
                take(heard, tally, &self.live, &mut cause);
            }
            if cause.is_some() {
                break;
            }
            begun += 1;
            let (bench, caller) = (Arc::clone(&self.bench), self.live.caller.clone());
            set.spawn(async move {
                let mut heard = bench.hear(&caller, &row, place).await?;
                heard.is_new = true;
                Ok(heard)
            });
        }
        while let Some(heard) = set.join_next().await {
            take(heard, tally, &self.live, &mut cause);
        }
        if cancel.is_cancelled() && cause.is_none() && tally.judged < self.docket.len() as u64 {
            cause = Some(Cause::Call(CallError::Cancelled));
        }
        if let Some(Cause::Call(CallError::Journal(error))) = cause {
            return Err(error.into());
        }
        Ok(cause)
    }
}

fn take(
    heard: Result<Result<Heard, Cause>, tokio::task::JoinError>,
    tally: &mut Tally,
    live: &Live,
    cause: &mut Option<Cause>,
) {
    match heard {
        Ok(Ok(heard)) => tally.add(heard, live),
        // The first cause counts; later ones follow from it.
        Ok(Err(why)) => {
            cause.get_or_insert(why);
        }
        Err(error) => {
            if let Ok(panic) = error.try_into_panic() {
                std::panic::resume_unwind(panic);
            }
            cause.get_or_insert(Cause::Call(CallError::Cancelled));
        }
    }
}

/// The keys of the calls behind judgements that could not be read.
async fn failed_calls(bench: &Bench, docket: &Docket) -> Result<Vec<CallKey>, DialogueError> {
    let mut keys = Vec::new();
    for place in 0..docket.len() {
        let failed = bench.failed(&docket.row(place)?).await?;
        for key in failed {
            keys.push(key.parse()?);
        }
    }
    Ok(keys)
}

/// Counts of what was heard.
#[derive(Debug, Default)]
struct Tally {
    judged: u64,
    newly: u64,
    units: u64,
    paid: u64,
    changed: bool,
    /// What was heard, as it arrived.
    heard: Vec<(usize, Vec<UnitHeard>)>,
}

/// All scores in the order of the rows.
#[derive(Debug, Default)]
struct Scores {
    failed: BTreeMap<String, u64>,
    unreadable: BTreeMap<String, u64>,
    found: Vec<f64>,
    marks: Vec<agreement::Mark>,
}

impl Tally {
    fn add(&mut self, heard: Heard, live: &Live) {
        live.done.fetch_add(1, Ordering::Relaxed);
        self.judged += 1;
        self.newly += u64::from(heard.is_new);
        self.paid += heard.paid;
        self.changed |= heard.changed;
        self.units += heard.units.len() as u64;
        self.heard.push((heard.place, heard.units));
    }

    /// The scores; which of them arrived first makes no difference.
    fn scores(&mut self) -> Scores {
        self.heard.sort_by_key(|(place, _)| *place);
        let mut all = Scores::default();
        for (number, unit) in (0..).zip(self.heard.iter().flat_map(|(_, units)| units)) {
            match &unit.score {
                Ok(score) => all.found.push(*score),
                Err(kind) => *all.failed.entry(kind.clone()).or_default() += 1,
            }
            for (judge, repeat, score) in &unit.marks {
                match score {
                    Ok(value) => all.marks.push(agreement::Mark {
                        unit: number,
                        judge: *judge as u32,
                        repeat: *repeat,
                        value: *value,
                    }),
                    Err(kind) if unit.score.is_ok() => {
                        *all.unreadable.entry(kind.clone()).or_default() += 1;
                    }
                    Err(_) => {}
                }
            }
        }
        all
    }

    /// What `forgemark status` says of the judging.
    fn standing(&self, config: &Config, failed: u64, status: &str) -> Json {
        let judges = config.judges();
        Json::object([
            ("granularity", Json::from(revise::word(config.granularity))),
            (
                "judges",
                judges
                    .iter()
                    .map(|one| Json::from(one.role.as_str()))
                    .collect(),
            ),
            ("status", Json::from(status)),
            ("conversations", Json::from(self.judged)),
            ("units", Json::from(self.units)),
            ("failed", Json::from(failed)),
        ])
    }
}
