//! What every task of a run shares: models, slots, limits, and the wish to stop.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use forgemark_contract::json::Json;
use forgemark_journal::{JournalError, Record};
use forgemark_model::{CallError, Caller};
use tokio::sync::{Semaphore, SemaphorePermit, mpsc};

use super::config::{Role, Settings};
use super::folder::Made;
use super::prompts::{PromptError, Prompts};

/// The run of the journal: a folder has one, which every command goes on with.
pub(crate) const RUN: &str = "arena";

/// A stage of the pipeline, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Models ask, and answer themselves.
    Questions,
    /// Others answer.
    Answers,
    /// Answers are criticised.
    Critiques,
    /// Claims are debated.
    Debates,
    /// Claims are judged.
    Judge,
}

impl Stage {
    /// All five.
    pub const ALL: [Stage; 5] = [
        Stage::Questions,
        Stage::Answers,
        Stage::Critiques,
        Stage::Debates,
        Stage::Judge,
    ];

    /// The word on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Stage::Questions => "questions",
            Stage::Answers => "answers",
            Stage::Critiques => "critiques",
            Stage::Debates => "debates",
            Stage::Judge => "judge",
        }
    }
}

/// Why a task did not end. Nothing of it is kept but its replies.
#[derive(Debug, Clone)]
pub(crate) enum Halt {
    /// A call has no outcome for now.
    Call(CallError),
    /// As many records were made as the command may make.
    Limit,
    /// A template that replaces a built-in one fails on what it is given.
    Prompt(Arc<PromptError>),
    /// Another task has found out that nothing can go on.
    Stopped,
}

impl From<PromptError> for Halt {
    fn from(error: PromptError) -> Self {
        Halt::Prompt(Arc::new(error))
    }
}

impl From<JournalError> for Halt {
    fn from(error: JournalError) -> Self {
        Halt::Call(CallError::Journal(error))
    }
}

/// What a run has made, for progress.
#[derive(Debug, Default)]
pub struct Tally {
    made: [AtomicU64; 5],
    failed: [AtomicU64; 5],
    begun: AtomicU64,
    kept: AtomicU64,
}

impl Tally {
    /// Records of a stage that this command made.
    pub fn made(&self, stage: Stage) -> u64 {
        self.made[stage as usize].load(Ordering::Relaxed)
    }

    /// How many of them failed.
    pub fn failed(&self, stage: Stage) -> u64 {
        self.failed[stage as usize].load(Ordering::Relaxed)
    }

    /// Records that this command has begun to make, ended ones included.
    pub fn begun(&self) -> u64 {
        self.begun.load(Ordering::Relaxed)
    }

    /// Records that were there before and are as the configuration wants them.
    pub fn kept(&self) -> u64 {
        self.kept.load(Ordering::Relaxed)
    }

    /// Records that this command made, all stages together.
    pub fn all_made(&self) -> u64 {
        Stage::ALL.into_iter().map(|stage| self.made(stage)).sum()
    }

    pub(crate) fn keep(&self) {
        self.kept.fetch_add(1, Ordering::Relaxed);
    }
}

/// What every task of a run shares.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) settings: Arc<Settings>,
    pub(crate) prompts: Arc<Prompts>,
    pub(crate) caller: Caller,
    pub(crate) stages: BTreeSet<Stage>,
    /// The slugs of all judges.
    pub(crate) judges: BTreeSet<String>,
    pub(crate) tally: Arc<Tally>,
    /// By the slug of the model.
    slots: BTreeMap<String, Semaphore>,
    /// Most records of the command.
    pub(crate) limit: Option<u64>,
    keeper: mpsc::Sender<Made>,
    counts: Mutex<HashMap<String, u64>>,
    halted: Mutex<Halted>,
}

/// What nothing can go on with.
#[derive(Debug, Default)]
struct Halted {
    /// Models whose endpoints are unusable.
    models: BTreeMap<String, CallError>,
    /// The first reason why all stop.
    all: Option<Halt>,
    limit: bool,
}

impl Engine {
    pub(crate) fn new(
        settings: Arc<Settings>,
        prompts: Arc<Prompts>,
        caller: Caller,
        stages: BTreeSet<Stage>,
        limit: Option<u64>,
        tally: Arc<Tally>,
        keeper: mpsc::Sender<Made>,
    ) -> Self {
        let judges = settings.with_role(Role::Judge);
        let judges = judges.map(|model| model.slug.clone()).collect();
        let places = settings.concurrency.clamp(1, Semaphore::MAX_PERMITS);
        let slots = settings.models.iter();
        let slots = slots.map(|model| (model.slug.clone(), Semaphore::new(places)));
        let slots = slots.collect();
        Engine {
            settings,
            prompts,
            caller,
            stages,
            judges,
            tally,
            slots,
            limit,
            keeper,
            counts: Mutex::default(),
            halted: Mutex::default(),
        }
    }

    /// A place to work in for a model's task; a slow model holds no place of another one.
    pub(crate) async fn slot(&self, model: &str) -> Result<SemaphorePermit<'_>, Halt> {
        let slots = self.slots.get(model).ok_or_else(|| {
            let unknown = CallError::UnknownRole(model.to_owned());
            Halt::Call(unknown)
        })?;
        slots.acquire().await.map_err(|_| Halt::Stopped)
    }

    /// Whether a stage is at work in this command.
    pub(crate) fn does(&self, stage: Stage) -> bool {
        self.stages.contains(&stage)
    }

    /// Counts a record that is to be made, of those that share `whose` limit.
    pub(crate) fn admit(&self, whose: String, limit: Option<u64>) -> Result<(), Halt> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let all = counts.get("").copied().unwrap_or(0);
        let own = counts.get(&whose).copied().unwrap_or(0);
        if self.limit.is_some_and(|limit| all >= limit) || limit.is_some_and(|limit| own >= limit) {
            self.halted().limit = true;
            return Err(Halt::Limit);
        }
        if all == 0 {
            self.begin();
        }
        counts.insert(String::new(), all + 1);
        counts.insert(whose, own + 1);
        self.tally.begun.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Notes in the journal that a run goes on; what it could not note its first call will find out.
    fn begin(&self) {
        let settings = &self.settings;
        let plan = Json::object([
            ("pipeline", Json::from("arena")),
            ("protocol", Json::from(settings.protocol.as_str())),
            ("policy", Json::from(settings.policy.digest())),
        ]);
        let run_id = RUN.to_owned();
        drop(self.caller.journal().append(Record::Run { run_id, plan }));
    }

    /// Hands a record over to be written.
    pub(crate) async fn keep(&self, stage: Stage, failed: bool, made: Made) -> Result<(), Halt> {
        self.tally.made[stage as usize].fetch_add(1, Ordering::Relaxed);
        if failed {
            self.tally.failed[stage as usize].fetch_add(1, Ordering::Relaxed);
        }
        // Whoever writes has failed and says why at the end.
        let kept = self.keeper.send(made).await;
        kept.map_err(|_| self.halt(Halt::Stopped))
    }

    /// Whether a model may be asked.
    pub(crate) fn may_ask(&self, role: &str) -> Result<(), Halt> {
        let halted = self.halted();
        if halted.all.is_some() {
            return Err(Halt::Stopped);
        }
        match halted.models.get(role) {
            Some(error) => Err(Halt::Call(error.clone())),
            None => Ok(()),
        }
    }

    /// Remembers why a call has no outcome: an unusable endpoint holds back its own model only, anything else all.
    pub(crate) fn failed(&self, role: &str, error: CallError) -> Halt {
        if let CallError::Unusable(_) = &error {
            let mut halted = self.halted();
            halted
                .models
                .entry(role.to_owned())
                .or_insert_with(|| error.clone());
            return Halt::Call(error);
        }
        self.halt(Halt::Call(error))
    }

    fn halt(&self, halt: Halt) -> Halt {
        self.halted().all.get_or_insert_with(|| halt.clone());
        halt
    }

    /// The first reason why the run has to end early; `None` when everything was done that can be. An unusable model counts
    /// before a limit.
    pub(crate) fn reason(&self) -> Option<Halt> {
        let halted = self.halted();
        let model = halted.models.values().next().cloned().map(Halt::Call);
        let limit = halted.limit.then_some(Halt::Limit);
        halted.all.clone().or(model).or(limit)
    }

    fn halted(&self) -> std::sync::MutexGuard<'_, Halted> {
        self.halted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
