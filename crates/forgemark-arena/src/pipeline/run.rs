//! A command on an arena from its beginning to its end.
//!
//! ```text
//! open:  lock ─> journal ─> folder ─> what is to be made again ─> models
//! drive: a chain for every questioner and run, all at once ─> files ─> adjudications.jsonl ─> summary
//! ```

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use forgemark_contract::arena::Epoch;
use forgemark_contract::json::{Json, to_line};
use forgemark_journal::{
    ArtifactSet, Journal, JournalError, OpenOptions, Record, RunLock, Storage, Totals,
};
use forgemark_model::{CallError, Caller, CallerConfig, Clock};
use forgemark_run::Cancel;
use futures_util::future::join_all;
use tokio::task::JoinSet;

use crate::adjudicate::{Adjudicator, Docket};
use crate::corpus::Corpus;
use crate::games::Walk;
use crate::graph::Graph;
use crate::ledger;

use super::chain::Chain;
use super::config::{Role, Run, Settings};
use super::controls;
use super::dossier::{Dossiers, dossiers, newest};
use super::engine::{Engine, Halt, Stage, Tally};
use super::error::ArenaError;
use super::estimate;
use super::folder::Folder;
use super::keeper::Keeper;
use super::prompts::Prompts;
use super::retry::{self, Retry};

/// Everything that a run stands on, made by the application.
pub struct Environment {
    /// Where everything is written.
    pub storage: Arc<dyn Storage>,
    /// The arena folder.
    pub out_dir: PathBuf,
    /// The configuration.
    pub settings: Arc<Settings>,
    /// The templates.
    pub prompts: Arc<Prompts>,
    /// The models: a role for each, named by its slug, and [`PARSER`](super::PARSER).
    pub callers: CallerConfig,
    /// Instants of replies.
    pub clock: Clock,
    /// One line for a second process that is refused.
    pub owner: String,
    /// How the journal is opened.
    pub journal: OpenOptions,
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("out_dir", &self.out_dir)
            .finish_non_exhaustive()
    }
}

/// What the command line asks for beyond the configuration.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// The stages at work.
    pub stages: BTreeSet<Stage>,
    /// Most records to make in this command.
    pub limit: Option<u64>,
    /// Failed records to make again.
    pub retry: Option<Retry>,
    /// Leave out the one-token probe of each model.
    pub skip_probe: bool,
}

impl Default for RunOptions {
    fn default() -> Self {
        RunOptions {
            stages: Stage::ALL.into(),
            limit: None,
            retry: None,
            skip_probe: false,
        }
    }
}

/// Live view of a run, for progress displays.
#[derive(Debug, Clone)]
pub struct Live {
    /// Records.
    pub tally: Arc<Tally>,
    /// Calls, tokens, cost.
    pub caller: Caller,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// Everything that the configuration asks for is there.
    Complete,
    /// There was nothing to do.
    AlreadyComplete,
    /// A limit of records was reached.
    Limit,
    /// A budget is spent.
    Budget(String),
    /// The command was asked to drain.
    Interrupted,
    /// At least one model could not be reached any more; all was done that needs none of them.
    EndpointsUnusable(String),
}

impl Ending {
    /// Word of the journal: `completed`, `partial` or `failed`.
    pub fn word(&self) -> &'static str {
        match self {
            Ending::Complete | Ending::AlreadyComplete => "completed",
            Ending::EndpointsUnusable(_) => "failed",
            Ending::Limit | Ending::Budget(_) | Ending::Interrupted => "partial",
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ending::Complete => f.write_str("complete"),
            Ending::AlreadyComplete => f.write_str("complete before; nothing was done"),
            Ending::Limit => f.write_str("stopped at the limit"),
            Ending::Budget(what) => write!(f, "stopped by the budget: {what}"),
            Ending::Interrupted => f.write_str("interrupted"),
            Ending::EndpointsUnusable(what) => write!(f, "endpoints unusable: {what}"),
        }
    }
}

/// What a command did.
#[derive(Debug, Clone)]
pub struct Summary {
    /// How it ended.
    pub ending: Ending,
    /// The arena folder.
    pub out_dir: PathBuf,
    /// Records made, by stage.
    pub made: BTreeMap<Stage, u64>,
    /// Those of them that failed, by stage.
    pub failed: BTreeMap<Stage, u64>,
    /// Records that were there.
    pub kept: u64,
    /// Controls put before judges and critics.
    pub controls: u64,
    /// Calls, tokens and cost of the folder, all commands together, by model.
    pub totals: Totals,
    /// Calls that the journal answered in this command.
    pub replayed_calls: u64,
    /// Bytes that this command wrote.
    pub bytes_written: u64,
    /// What the user should know of the endpoints: parameters that were refused, endpoints that were left alone, batches
    /// that were not taken.
    pub notices: Vec<String>,
}

/// An opened run.
#[derive(Debug)]
pub struct ArenaRun {
    environment: Environment,
    options: RunOptions,
    journal: Journal,
    folder: Folder,
    artifacts: ArtifactSet,
    dossiers: Dossiers,
    caller: Caller,
    tally: Arc<Tally>,
    /// Dropped last: nothing may write any more when another process gets it.
    _lock: RunLock,
}

impl ArenaRun {
    /// Opens the folder and reads what is there.
    ///
    /// # Errors
    /// [`ArenaError`]; nothing is begun then.
    pub fn open(environment: Environment, options: RunOptions) -> Result<Self, ArenaError> {
        let settings = &environment.settings;
        let attempts = settings.questions.max_outer_attempts;
        if settings.epoch == Epoch::One && attempts > 1 {
            return Err(ArenaError::OneAttempt { attempts });
        }
        let storage = Arc::clone(&environment.storage);
        let out_dir = &environment.out_dir;
        storage
            .create_dir_all(out_dir)
            .map_err(|source| JournalError::Write {
                path: out_dir.clone(),
                source: Arc::new(source),
            })?;
        let lock = RunLock::acquire(&*storage, out_dir, &environment.owner)?;
        let (journal, _) = Journal::open(Arc::clone(&storage), out_dir, environment.journal)?;
        // Ends what a killed command had committed and not yet put in place.
        let mut artifacts = ArtifactSet::open(&journal, &[])?;
        let mut folder = Folder::load(&*storage, out_dir, settings)?;
        let mut known = dossiers(folder.corpus(), folder.gone());
        let again = retry::again(
            folder.corpus(),
            &known,
            folder.provenance(),
            settings,
            &options.stages,
            options.retry.as_ref(),
        );
        for (at, name) in &again.records {
            folder.forget(*at, name);
        }
        // First the records, then their replies: in between they are made of what is known.
        folder.commit(&mut artifacts)?;
        if !again.records.is_empty() {
            known = dossiers(folder.corpus(), folder.gone());
        }
        if !again.calls.is_empty() {
            let through = journal.committed().through;
            artifacts.rewind(through, again.calls)?;
        }
        let caller = Caller::new(
            &environment.callers,
            journal.clone(),
            Arc::clone(&environment.clock),
        )?;
        Ok(ArenaRun {
            environment,
            options,
            journal,
            folder,
            artifacts,
            dossiers: known,
            caller,
            tally: Arc::default(),
            _lock: lock,
        })
    }

    /// The live view.
    pub fn live(&self) -> Live {
        Live {
            tally: Arc::clone(&self.tally),
            caller: self.caller.clone(),
        }
    }

    /// Works until everything is there, `cancel` is pulled, a budget is spent or nothing works.
    ///
    /// # Errors
    /// [`ArenaError`] when the run cannot go on at all; what was committed stays.
    ///
    /// # Cancel safety
    /// Dropping the future aborts the work in flight; a later command continues from the journal.
    pub async fn drive(self, cancel: Cancel) -> Result<Summary, ArenaError> {
        let ArenaRun {
            environment,
            options,
            journal,
            folder,
            artifacts,
            dossiers,
            caller,
            tally,
            _lock: lock,
        } = self;
        let (keeper, sender) = Keeper::start(folder, artifacts)?;
        let engine = Arc::new(Engine::new(
            Arc::clone(&environment.settings),
            Arc::clone(&environment.prompts),
            caller.clone(),
            options.stages.clone(),
            options.limit,
            Arc::clone(&tally),
            sender,
        ));
        let drains = {
            let caller = caller.clone();
            cancel.when_cancelled(move || caller.drain())
        };
        if !options.skip_probe {
            let expected = estimate::count(&environment.settings, &options, &dossiers);
            let at_work = expected.rows.into_iter().filter(|row| row.calls > 0.0);
            let models: BTreeSet<String> = at_work.map(|row| row.model).collect();
            // A run that is asked to drain meanwhile ends below, before any call.
            tokio::select! {
                probed = probe(&caller, models) => probed?,
                () = cancel.cancelled() => {}
            }
        }
        let mut chains = JoinSet::new();
        for (chain, known) in plan(&engine, dossiers) {
            chains.spawn(async move {
                let (attempts, _) = chain.work(known).await;
                (chain.questioner, chain.run.id, attempts)
            });
        }
        let mut worked = Vec::new();
        while let Some(ended) = chains.join_next().await {
            match ended {
                Ok(chain) => worked.push(chain),
                Err(error) => {
                    if let Ok(panic) = error.try_into_panic() {
                        std::panic::resume_unwind(panic);
                    }
                }
            }
        }
        worked.sort_unstable_by(|(a, a_run, _), (b, b_run, _)| (a, a_run).cmp(&(b, b_run)));
        let controls = control(&environment, &engine, &worked).await;
        drop(drains);
        // A run whose last call ended before the drain is complete.
        let reason = engine.reason();
        // The last sender.
        drop(engine);
        let (mut folder, mut artifacts) = blocking(move || keeper.finish()).await?;
        let controls = controls?;
        let ending = match reason {
            Some(Halt::Call(CallError::Journal(error))) => return Err(error.into()),
            Some(Halt::Prompt(error)) => return Err(error.into()),
            Some(Halt::Call(CallError::Budget(stop))) => Ending::Budget(stop.to_string()),
            Some(Halt::Call(CallError::Cancelled)) => Ending::Interrupted,
            Some(Halt::Call(error)) => Ending::EndpointsUnusable(error.to_string()),
            Some(Halt::Limit) => Ending::Limit,
            Some(Halt::Stopped) => Ending::Interrupted,
            None if tally.all_made() == 0 && controls == 0 => Ending::AlreadyComplete,
            None => Ending::Complete,
        };
        let changed = tally.all_made() > 0 || !folder.gone().is_empty();
        let (storage, out_dir) = (environment.storage.clone(), environment.out_dir.clone());
        let settings = Arc::clone(&environment.settings);
        blocking(move || {
            if changed {
                folder = Folder::load(&*storage, &out_dir, &settings)?;
            }
            adjudicate(&*storage, &out_dir, &folder, &settings, &mut artifacts)
        })
        .await?;
        if changed {
            let status = ending.word().to_owned();
            let detail = Json::object([("ending", Json::from(ending.to_string()))]);
            journal.append(Record::End { status, detail }).wait()?;
        }
        drop(lock);
        let of = |count: &dyn Fn(Stage) -> u64| {
            let stages = Stage::ALL.into_iter();
            stages.map(|stage| (stage, count(stage))).collect()
        };
        let notices = caller.meter().take_notices();
        Ok(Summary {
            controls,
            ending,
            out_dir: environment.out_dir,
            made: of(&|stage| tally.made(stage)),
            failed: of(&|stage| tally.failed(stage)),
            kept: tally.kept(),
            totals: journal.totals(),
            replayed_calls: caller.snapshot().replayed,
            bytes_written: journal.bytes_written(),
            notices: notices.iter().map(ToString::to_string).collect(),
        })
    }
}

/// Makes the controls that are missing. Answers how many.
async fn control(
    environment: &Environment,
    engine: &Engine,
    worked: &[controls::Worked],
) -> Result<u64, ArenaError> {
    let wanted = environment.settings.controls;
    if wanted.planted_faults + wanted.planted_correct == 0 {
        return Ok(0);
    }
    let (storage, out_dir) = (&environment.storage, &environment.out_dir);
    let known = controls::load(&**storage, out_dir)?;
    let before = known.len();
    // Why some could not be made is remembered by the engine.
    let (all, _) = controls::work(engine, worked, known).await;
    let made = (all.len() - before) as u64;
    if made > 0 {
        let (storage, out_dir) = (Arc::clone(storage), out_dir.clone());
        blocking(move || controls::save(&*storage, &out_dir, all)).await?;
    }
    Ok(made)
}

/// One token from every endpoint of the models.
async fn probe(caller: &Caller, models: BTreeSet<String>) -> Result<(), ArenaError> {
    let probes = models.iter().map(|model| caller.probe_patiently(model));
    for found in join_all(probes).await {
        let found = found?;
        if !found.is_usable() {
            let said = found.endpoints.iter().filter_map(|endpoint| {
                let (_, what) = endpoint.result.as_ref().err()?;
                Some(format!("{}: {what}", endpoint.endpoint))
            });
            return Err(ArenaError::Probe {
                what: said.collect::<Vec<_>>().join("; "),
                model: found.model,
            });
        }
    }
    Ok(())
}

/// Runs something that waits for the disk.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ArenaError> + Send + 'static,
) -> Result<T, ArenaError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Only a runtime that is shut down drops such work.
            Err(_) => Err(JournalError::WriterGone.into()),
        },
    }
}

/// Every questioner and run: those of the configuration, run by run, then what the folder has beside them.
fn plan(engine: &Arc<Engine>, mut dossiers: Dossiers) -> Vec<(Chain, super::dossier::Attempts)> {
    let settings = &engine.settings;
    let mut chains = Vec::new();
    for run in &settings.runs {
        for model in settings.with_role(Role::Benchmark) {
            let whose = (model.slug.clone(), run.id.clone());
            let known = dossiers.remove(&whose).unwrap_or_default();
            let chain = Chain {
                engine: Arc::clone(engine),
                questioner: model.slug.clone(),
                run: run.clone(),
                asked_for: true,
                topic: settings.topic(run),
            };
            chains.push((chain, known));
        }
    }
    let mut others: Vec<_> = dossiers.into_iter().collect();
    others.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    for ((questioner, id), known) in others {
        let asked = newest(&known).and_then(|(_, dossier)| dossier.question.as_ref());
        let topic = asked.map(|question| question.topic_slug.clone());
        let run = Run {
            id,
            topic: topic.unwrap_or_default(),
            outer_attempt: 1,
        };
        let chain = Chain {
            engine: Arc::clone(engine),
            questioner,
            asked_for: false,
            topic: settings.topic(&run),
            run,
        };
        chains.push((chain, known));
    }
    chains
}

/// Writes `adjudications.jsonl` where it is not what it should be.
fn adjudicate(
    storage: &dyn Storage,
    out_dir: &std::path::Path,
    folder: &Folder,
    settings: &Settings,
    artifacts: &mut ArtifactSet,
) -> Result<(), ArenaError> {
    let corpus: &Corpus = folder.corpus();
    if corpus.files.is_empty() {
        return Ok(());
    }
    let graph = Graph::new(corpus, &HashSet::new());
    let docket = Docket::new(corpus, &graph);
    let adjudicator = Adjudicator::new(&docket, &settings.policy);
    let walk = Walk::new(corpus, &adjudicator);
    let mut bytes = Vec::new();
    for line in ledger::adjudications(corpus, &adjudicator, &walk) {
        bytes.extend_from_slice(&to_line(&line));
        bytes.push(b'\n');
    }
    let path = out_dir.join(ledger::FILE);
    let stands = storage.len(&path).ok().flatten() == Some(bytes.len() as u64)
        && storage.read(&path).is_ok_and(|old| old == bytes);
    if !stands {
        artifacts.replace_whole(ledger::FILE, &bytes)?;
        artifacts.commit(Vec::new())?.wait()?;
    }
    Ok(())
}
