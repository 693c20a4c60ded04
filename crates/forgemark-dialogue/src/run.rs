//! A run from its beginning to its end: identity, lock, journal, import, resume, work, summary.
//!
//! ```text
//! open: lock ─> journal ─> which run? ─┬─ finished: nothing to do
//!                                      ├─ newest run of the same plan: continue (or extend)
//!                                      ├─ another plan: refuse and name what differs
//!                                      └─ none, or --new-run: begin
//! drive: restore committed outcomes ─> probe roles ─> vectors ─> schedule ─> states, end record ─> summary
//! ```
//!
//! The journal is authoritative: what the artifacts hold beyond its last commit was cut when it was
//! opened, and is made again from the replies that it keeps.

mod documents;
mod foreign;
mod identity;
mod restore;
mod spending;
mod standing;
mod summary;
mod vectors;

use std::path::PathBuf;
use std::sync::Arc;

use forgemark_contract::ids::RunId;
use forgemark_contract::json::Json;
use forgemark_contract::time::Clock as RowClock;
use forgemark_corpus::Corpus;
use forgemark_journal::{
    ArtifactSet, Journal, JournalError, OpenOptions, Record, RunLock, Storage, Totals,
};
use forgemark_model::caller::{CallError, Caller, Clock};
use forgemark_model::config::CallerConfig;
use forgemark_run::{Cancel, Ended, Limits, Open, Progress, Speculation, drive};

use crate::config::{Config, Personas, SeedTopics};
use crate::conversation::{Conversation, DropReason};
use crate::error::DialogueError;
use crate::pipeline::{DialoguePipeline, MaxFailed, StoppedBy, Tally};
use crate::prompts::Prompts;
use crate::registry::Registry;
use crate::render::{APPEND_FILES, Renderer};
use crate::work::{ASSISTANT, Cause, DialogueWork, JUDGE, Schemas, Suspended, USER};

pub(crate) use restore::import;
use restore::{Earlier, build_pipeline, open_registry, rewind};
pub(crate) use spending::since as spent_since;

pub(crate) use foreign::{Adopted, Begun};
pub use identity::plan_identity;
pub(crate) use identity::states_taken_over;
pub use standing::{RunStanding, Standing, standing};
pub use summary::{Ending, Summary};

/// Folder of our own state inside the output folder.
const STATE_DIR: &str = ".forgemark";

/// Everything that a run stands on, made by the application.
pub struct Environment {
    /// Where everything is written.
    pub storage: Arc<dyn Storage>,
    /// Output folder.
    pub out_dir: PathBuf,
    /// Output folder relative to the project root, with `/` between and at its end; empty when it is
    /// outside the project.
    pub output_prefix: String,
    /// The configuration.
    pub config: Arc<Config>,
    /// The documents.
    pub corpus: Arc<Corpus>,
    /// Folder of their index, where vectors of a model are kept.
    pub index_dir: PathBuf,
    /// The templates.
    pub prompts: Arc<Prompts>,
    /// Personas; `None` when they are off.
    pub personas: Option<Personas>,
    /// Seed topics; `None` when they are off.
    pub seeds: Option<SeedTopics>,
    /// Models and roles.
    pub callers: CallerConfig,
    /// Instants of replies.
    pub clock: Clock,
    /// Times of rows.
    pub row_clock: RowClock,
    /// Version of the program.
    pub version: &'static str,
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

/// What the command line asks for beyond the configuration.
#[derive(Debug, Clone, Default)]
pub struct RunOptions {
    /// Begin another run in a folder that has one.
    pub new_run: bool,
    /// Stop after this many good conversations of this command.
    pub limit: Option<u64>,
    /// Stop when more than this is dropped.
    pub max_failed: Option<MaxFailed>,
    /// Make dropped conversations again: all, or those with this reason.
    pub retry_failed: Option<Option<DropReason>>,
    /// Leave out the one-token probe of each role.
    pub skip_probe: bool,
}

/// Live view of a run, for progress displays.
#[derive(Clone)]
pub struct Live {
    /// Scheduler counters.
    pub progress: Arc<Progress>,
    /// Conversations made.
    pub tally: Arc<Tally>,
    /// Calls, tokens, cost.
    pub caller: Caller,
    /// Good conversations wanted.
    pub total: u64,
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live")
            .field("total", &self.total)
            .finish_non_exhaustive()
    }
}

/// An opened run.
#[derive(Debug)]
pub struct DialogueRun {
    environment: Environment,
    options: RunOptions,
    run: RunId,
    resumed: bool,
    journal: Journal,
    work: Arc<DialogueWork>,
    speculation: Arc<Speculation<Registry>>,
    pipeline: DialoguePipeline,
    live: Live,
    finished_before: bool,
    spent_before: Totals,
    /// Dropped last: nothing may write any more when another process gets it.
    _lock: RunLock,
}

impl DialogueRun {
    /// Opens the output folder, finds out which run this is and restores what it has committed.
    ///
    /// # Errors
    /// [`DialogueError`]; nothing is begun then.
    pub fn open(environment: Environment, options: RunOptions) -> Result<Self, DialogueError> {
        let config = &environment.config;
        if environment.corpus.chunks().is_empty() {
            return Err(DialogueError::NoDocuments {
                path: config.documents.clone(),
                damaged: Vec::new(),
            });
        }
        let storage = Arc::clone(&environment.storage);
        let out_dir = &environment.out_dir;
        let unwritable = |source| JournalError::Write {
            path: out_dir.clone(),
            source: Arc::new(source),
        };
        storage.create_dir_all(out_dir).map_err(unwritable)?;
        let lock = RunLock::acquire(&*storage, out_dir, &environment.owner)?;
        let (journal, recovered) =
            Journal::open(Arc::clone(&storage), out_dir, environment.journal)?;
        let plan = plan_identity(&environment);
        let choice = identity::choose(&environment, &options, &recovered, &plan)?;
        let mut reopened = recovered;
        if reopened.last_commit.is_none() && import(&storage, out_dir, &journal, &reopened)? {
            // The view of the journal has changed; read it again from its files.
            if let Some(now) = forgemark_journal::inspect(&storage, out_dir)? {
                reopened = now;
            }
        }
        if let Some(found) = &choice.found {
            foreign::keep(&environment, found)?;
        }
        let adopted = match choice.adopted() {
            Some(record) => foreign::load(&environment, record)?,
            None => Adopted::default(),
        };
        let mut artifacts = ArtifactSet::open(&journal, &APPEND_FILES)?;
        let mut at_least = choice.at_least.clone();
        let begin = |at_least: &[u64]| {
            let plan = identity::recorded(plan.clone(), at_least, &choice);
            let run_id = choice.run.to_string();
            journal.append(Record::Run { run_id, plan }).wait()
        };
        if let (Some(reason), true) = (options.retry_failed, choice.resumed)
            && let Some(back) = rewind(
                &environment,
                &reopened,
                choice.first_item,
                reason,
                at_least.clone(),
            )?
        {
            // Judging later has replaced files since, and what they held before is gone.
            journal.rewind_point(back.to).map_err(|error| match error {
                JournalError::Rewind { .. } => DialogueError::JudgedSince {
                    run_id: choice.run.to_string(),
                },
                other => other.into(),
            })?;
            at_least = back.at_least;
            // First: a kill between the two must not make the run forget how far it had come.
            begin(&at_least)?;
            artifacts.rewind(back.to, back.forget)?;
            // The view of what is committed has changed; read it again from the journal's files.
            if let Some(now) = forgemark_journal::inspect(&storage, out_dir)? {
                reopened = now;
            }
        }

        let (registry, known) = open_registry(&environment, &reopened)?;
        let caller = Caller::of_run(
            &environment.callers,
            journal.clone(),
            Arc::clone(&environment.clock),
            &choice.spent_before,
        )?;
        let tally = Arc::new(Tally::default());
        let work = Arc::new(DialogueWork {
            config: Arc::clone(config),
            corpus: Arc::clone(&environment.corpus),
            prompts: Arc::clone(&environment.prompts),
            caller: caller.clone(),
            vectors: std::sync::OnceLock::new(),
            schemas: Schemas::new(&config.judge_reasons, config.services.web_search.is_some()),
            shelf: crate::work::Shelf::default(),
            run: choice.run.to_string(),
        });
        let renderer = Renderer::new(
            Arc::clone(config),
            choice.run.clone(),
            environment.row_clock,
            environment.output_prefix.clone(),
            environment.prompts.hash().to_owned(),
            if config.max_tool_rounds > 0 {
                crate::tools::schema(config.services.web_search.is_some())
            } else {
                Json::Array(Vec::new())
            },
            environment.version,
        );
        let pipeline = build_pipeline(
            &environment,
            &options,
            &choice.run,
            artifacts,
            renderer,
            &tally,
            at_least.clone(),
            adopted,
            &Earlier {
                recovered: &reopened,
                first_item: choice.first_item,
                known,
                registry: &registry,
            },
        )?;
        let finished_before = pipeline.is_complete();
        if !finished_before || choice.found.is_some() {
            begin(&at_least)?;
            documents::keep(&environment)?;
        }
        if finished_before && choice.found.is_some() {
            // The original had finished it: there is nothing to do here, now or at a later start.
            end(&journal, &Ending::AlreadyComplete)?;
        }
        let live = Live {
            progress: Arc::new(Progress::default()),
            tally,
            caller,
            total: config.quotas.iter().sum(),
        };
        Ok(Self {
            resumed: choice.resumed || choice.found.is_some(),
            run: choice.run,
            _lock: lock,
            journal,
            work,
            speculation: Arc::new(Speculation::new(registry)),
            pipeline,
            live,
            finished_before,
            spent_before: choice.spent_before,
            environment,
            options,
        })
    }

    /// The live view.
    pub fn live(&self) -> Live {
        self.live.clone()
    }

    /// Identifier of the run.
    pub fn run_id(&self) -> &RunId {
        &self.run
    }

    /// Whether the run went on from earlier work.
    pub fn is_resumed(&self) -> bool {
        self.resumed
    }

    /// Runs until the totals are reached, `cancel` is pulled, a budget is spent or nothing works.
    ///
    /// # Errors
    /// [`DialogueError`] when the run cannot go on at all; what was committed stays.
    ///
    /// # Cancel safety
    /// Dropping the future aborts the work in flight; a later run continues from the journal.
    pub async fn drive(mut self, cancel: Cancel) -> Result<Summary, DialogueError> {
        let config = Arc::clone(&self.environment.config);
        if self.finished_before {
            self.pipeline.finish(Vec::new())?;
            return Ok(summary::make(
                &self.environment,
                &self.run,
                Ending::AlreadyComplete,
                &self.live,
                &self.journal,
                &self.spent_before,
                0,
            ));
        }
        if !self.options.skip_probe {
            // A run that is asked to drain meanwhile ends below, before any call.
            tokio::select! {
                probed = self.probe() => probed?,
                () = cancel.cancelled() => {}
            }
        }
        let caller = self.live.caller.clone();
        let drains = cancel.when_cancelled(move || caller.drain());
        let closing = Closing {
            environment: &self.environment,
            run: &self.run,
            live: &self.live,
            journal: &self.journal,
            spent_before: &self.spent_before,
            registry: self.speculation.knowledge(),
        };
        let (registry, caller) = (closing.registry, &self.live.caller);
        match vectors::bring(&self.environment, caller, &self.work, registry).await {
            Ok(()) => {}
            Err(vectors::Stopped::Error(error)) => return Err(error),
            Err(vectors::Stopped::Call(error)) => {
                self.pipeline.finish(Vec::new())?;
                return close(ending_of(error)?, &closing);
            }
        }
        let limits = Limits {
            concurrency: config.concurrency,
            lookahead: config.lookahead,
        };
        let report = drive(
            &mut self.pipeline,
            Arc::clone(&self.work),
            Arc::clone(&self.speculation),
            limits,
            cancel.clone(),
            Arc::clone(&self.live.progress),
        )
        .await;
        drop(drains);
        let discarded = self.live.progress.snapshot().discarded_calls;
        self.live.caller.meter().add_discarded(discarded);
        let report = match report {
            Ok(report) => report,
            Err(error) => {
                // The writer holds the first cause; what it could make durable is durable.
                return Err(match self.pipeline.finish(Vec::new()) {
                    Err(first) => first,
                    Ok(()) => error,
                });
            }
        };
        let mut active: Vec<Arc<Conversation>> = Vec::new();
        let mut cause = None;
        for (_, open) in report.open {
            match open {
                Open::Suspended(Suspended { why, conversation }) => {
                    active.push(Arc::from(conversation));
                    cause.get_or_insert(why);
                }
                Open::Finished(conversation) => active.push(Arc::new(conversation)),
            }
        }
        let (stopped_by, complete, exhausted) = (
            self.pipeline.stopped_by(),
            self.pipeline.is_complete(),
            self.pipeline.is_exhausted(),
        );
        self.pipeline.finish(active)?;
        self.speculation.knowledge().flush()?;
        let ending = match (report.ended, cause) {
            (_, Some(Cause::Prompt(error))) => return Err(error.into()),
            (_, Some(Cause::Call(error))) => ending_of(error)?,
            (Ended::Complete, None) if complete => Ending::Complete,
            (Ended::Complete, None) if exhausted => Ending::Exhausted,
            (_, None) => match stopped_by {
                Some(StoppedBy::Limit) => Ending::Limit,
                Some(StoppedBy::MaxFailed) => Ending::TooManyFailed,
                Some(StoppedBy::NoProgress) => Ending::NoProgress,
                None if complete => Ending::Complete,
                None if exhausted => Ending::Exhausted,
                None if self.options.limit.is_some() && !cancel.is_cancelled() => Ending::Limit,
                None => Ending::Interrupted,
            },
        };
        close(ending, &closing)
    }

    /// One token from every role that will be asked.
    async fn probe(&self) -> Result<(), DialogueError> {
        let mut roles = vec![USER, ASSISTANT];
        if self.environment.config.judging != crate::config::Judging::Off {
            roles.push(JUDGE);
        }
        for role in roles {
            probe_role(&self.live.caller, role).await?;
        }
        Ok(())
    }
}

/// One token from a role.
pub(crate) async fn probe_role(caller: &Caller, role: &str) -> Result<(), DialogueError> {
    let failed = |detail: String| DialogueError::Probe {
        role: role.to_owned(),
        detail,
    };
    let probe = caller
        .probe_patiently(role)
        .await
        .map_err(|error| failed(error.to_string()))?;
    if probe.is_usable() {
        return Ok(());
    }
    let detail = probe
        .endpoints
        .iter()
        .filter_map(|endpoint| {
            let (_, what) = endpoint.result.as_ref().err()?;
            Some(format!("{}: {what}", endpoint.endpoint))
        })
        .collect::<Vec<_>>()
        .join("; ");
    Err(failed(detail))
}

/// What earlier runs of a folder had spent when its newest one first began.
pub(crate) fn spent_before_newest(recovered: &forgemark_journal::Recovered) -> Totals {
    let newest = recovered
        .current
        .and_then(|place| recovered.runs.get(place));
    newest.map_or_else(Totals::default, |run| identity::spent_before(&run.plan))
}

/// Records how a part of the run ended.
fn end(journal: &Journal, ending: &Ending) -> Result<(), JournalError> {
    let record = Record::End {
        status: ending.word().to_owned(),
        detail: Json::object([("ending", Json::from(ending.to_string()))]),
    };
    journal.append(record).wait()
}

/// How a run ends that cannot go on with a call.
fn ending_of(error: CallError) -> Result<Ending, DialogueError> {
    match error {
        CallError::Journal(error) => Err(error.into()),
        CallError::Budget(stop) => Ok(Ending::Budget(stop.to_string())),
        CallError::Cancelled => Ok(Ending::Interrupted),
        error @ (CallError::Unusable(_) | CallError::UnknownRole(_)) => {
            Ok(Ending::EndpointsUnusable(error.to_string()))
        }
    }
}

/// What the end of a run needs.
struct Closing<'a> {
    environment: &'a Environment,
    run: &'a RunId,
    live: &'a Live,
    journal: &'a Journal,
    spent_before: &'a Totals,
    registry: &'a Registry,
}

/// Writes down how a run ended, and sums it up.
fn close(ending: Ending, run: &Closing<'_>) -> Result<Summary, DialogueError> {
    end(run.journal, &ending)?;
    Ok(summary::make(
        run.environment,
        run.run,
        ending,
        run.live,
        run.journal,
        run.spent_before,
        run.registry.bytes_written(),
    ))
}
