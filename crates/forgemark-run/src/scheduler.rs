//! The loop that admits, runs, rewinds and commits items.
//!
//! One task owns all state; items are tokio tasks that only ever talk to the [`Speculation`] and
//! hand back their output. Queues: at most `concurrency` running tasks; at most `lookahead` items
//! between admission and commit; the wake-up channel for rewinds carries no data and holds one.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::sync::Notify;
use tokio::task::{AbortHandle, JoinSet};

use crate::ItemKey;
use crate::cancel::Cancel;
use crate::speculation::{Knowledge, Speculation, Stale, Verdict};

/// Physical limits of a run; `concurrency` may differ between two runs of the same plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Items that run at the same time, at least 1.
    pub concurrency: usize,
    /// Items between admission and commit, at least 1. Part of a plan's identity, because
    /// pipelines may plan item n from the committed state at n minus this.
    pub lookahead: usize,
}

/// What a pipeline may know when it decides on the next admission.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct View {
    /// Admitted and not committed, by group.
    pub uncommitted: BTreeMap<u32, u64>,
}

impl View {
    /// Uncommitted items of a group.
    pub fn uncommitted_in(&self, group: u32) -> u64 {
        self.uncommitted.get(&group).copied().unwrap_or(0)
    }
}

/// Answer to "what is the next item".
#[derive(Debug)]
pub enum Next<P> {
    /// Start this item. Keys must rise inside a group and never repeat; a lower group may go on
    /// after a higher one has begun, for which [`Pipeline::may_commit`] holds the higher one back.
    Start(ItemKey, P),
    /// Nothing for now: whether there is more depends on items that are not committed yet.
    Wait,
    /// Nothing more, ever.
    Done,
}

/// What happens after a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Go on.
    Continue,
    /// Admit nothing more and drain; what is running ends and is committed in order.
    Drain,
}

/// Why an item ended without an output.
#[derive(Debug)]
pub enum Stop<S> {
    /// The item was rewound; the scheduler runs it again.
    Stale,
    /// The item cannot go on in this run (budget spent, endpoint unusable, cancelled) and stays
    /// active for the next one.
    Suspended(S),
}

impl<S> From<Stale> for Stop<S> {
    fn from(_: Stale) -> Self {
        Stop::Stale
    }
}

/// The concurrent half of a pipeline: runs one item as a pure function of its plan, the decisions
/// and the replies that the journal keeps.
pub trait Work: Send + Sync + 'static {
    /// What admission hands to an item.
    type Plan: Send + Sync + 'static;
    /// What items compete for.
    type Knowledge: Knowledge;
    /// What a finished item hands to the commit.
    type Output: Send + 'static;
    /// Why and where an item was suspended.
    type Suspended: Send + 'static;

    /// Runs an item from its beginning. Called again after a rewind or on resume, and must then do
    /// the same as before up to the first decision that comes out differently.
    fn run(
        self: Arc<Self>,
        key: ItemKey,
        plan: Arc<Self::Plan>,
        ctx: ItemCtx<Self::Knowledge>,
    ) -> impl Future<Output = Result<Self::Output, Stop<Self::Suspended>>> + Send;
}

/// The ordered half of a pipeline: admission and commit, both in key order.
pub trait Pipeline: Send {
    /// The concurrent half.
    type Work: Work;
    /// Failure that ends the run at once.
    type Error: From<<<Self::Work as Work>::Knowledge as Knowledge>::Error> + Send;

    /// The next item, or why there is none.
    ///
    /// # Errors
    /// A failure that ends the run.
    fn next(&mut self, view: &View) -> Result<Next<<Self::Work as Work>::Plan>, Self::Error>;

    /// Whether the lowest uncommitted item may be committed: false while an item with a lower key
    /// may still be admitted.
    fn may_commit(&self, key: ItemKey) -> bool {
        let _ = key;
        true
    }

    /// Takes the output of the lowest uncommitted item.
    ///
    /// # Errors
    /// A failure that ends the run (a full disk, say).
    fn commit(
        &mut self,
        key: ItemKey,
        plan: &Arc<<Self::Work as Work>::Plan>,
        output: <Self::Work as Work>::Output,
    ) -> Result<Flow, Self::Error>;

    /// Called when the loop has nothing to do until the next event: a chance to make what was
    /// committed durable.
    ///
    /// # Errors
    /// A failure that ends the run.
    fn idle(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }
}

/// Live counters of a run, written by the scheduler and read by whoever draws them.
#[derive(Debug, Default)]
pub struct Progress {
    running: AtomicUsize,
    admitted: AtomicU64,
    committed: AtomicU64,
    rewinds: AtomicU64,
    discarded_calls: AtomicU64,
}

/// A reading of [`Progress`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProgressSnapshot {
    /// Items that run now.
    pub running: usize,
    /// Items admitted so far in this process.
    pub admitted: u64,
    /// Items committed so far in this process.
    pub committed: u64,
    /// Rewinds so far.
    pub rewinds: u64,
    /// Calls whose replies a rewind threw away.
    pub discarded_calls: u64,
}

impl Progress {
    /// Reads all counters (not as one atomic picture).
    pub fn snapshot(&self) -> ProgressSnapshot {
        ProgressSnapshot {
            running: self.running.load(Ordering::Relaxed),
            admitted: self.admitted.load(Ordering::Relaxed),
            committed: self.committed.load(Ordering::Relaxed),
            rewinds: self.rewinds.load(Ordering::Relaxed),
            discarded_calls: self.discarded_calls.load(Ordering::Relaxed),
        }
    }
}

/// What an item's run may use: decisions, and the count of its calls.
pub struct ItemCtx<K: Knowledge> {
    key: ItemKey,
    epoch: u64,
    decided: usize,
    speculation: Arc<Speculation<K>>,
    calls: Arc<AtomicU64>,
    wake: Arc<Notify>,
}

impl<K: Knowledge> std::fmt::Debug for ItemCtx<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ItemCtx")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

impl<K: Knowledge> ItemCtx<K> {
    /// The item's key.
    pub fn key(&self) -> ItemKey {
        self.key
    }

    /// Counts a call that the item begins.
    pub fn count_call(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes back the count of a call that turned out to be answered by the journal: it cost
    /// nothing, so a rewind throws nothing away.
    pub fn uncount_call(&self) {
        self.calls.fetch_sub(1, Ordering::Relaxed);
    }

    /// Decides the item's next claim against all lower claims and its own earlier ones.
    ///
    /// # Errors
    /// `Ok(Err(Stale))` when the item was rewound: the run must end with [`Stop::Stale`]. The
    /// outer error is the knowledge's own failure.
    pub fn decide(&mut self, claim: &K::Claim) -> Result<Result<Verdict, Stale>, K::Error> {
        let calls = self.calls.load(Ordering::Relaxed);
        let answer = self
            .speculation
            .decide(self.key, self.epoch, self.decided, calls, claim)?;
        if answer.is_ok() {
            self.decided += 1;
        }
        // The scheduler is another thread, and most decisions leave it nothing to do.
        if self.speculation.has_rewinds() {
            self.wake.notify_one();
        }
        Ok(answer)
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Everything that the pipeline wanted is committed.
    Complete,
    /// The run was asked to drain, by its token or by the pipeline.
    Drained,
    /// At least one item was suspended.
    Suspended,
}

/// Result of [`drive`].
#[derive(Debug)]
pub struct Report<O, S> {
    /// How the run ended.
    pub ended: Ended,
    /// Items that were admitted and are not committed, in key order.
    pub open: Vec<(ItemKey, Open<O, S>)>,
}

/// How far an item came that is not committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Open<O, S> {
    /// It was suspended, and why.
    Suspended(S),
    /// It finished behind one that did not.
    Finished(O),
}

/// The [`Report`] of a pipeline.
type ReportOf<W> = Report<<W as Work>::Output, <W as Work>::Suspended>;

struct Slot<W: Work> {
    plan: Arc<W::Plan>,
    calls: Arc<AtomicU64>,
    phase: Phase<W>,
}

enum Phase<W: Work> {
    /// `generation` tells the events of a task that was aborted from those of its successor.
    Running {
        abort: AbortHandle,
        generation: u64,
    },
    Finished(W::Output),
    Suspended(W::Suspended),
}

struct Finished<W: Work> {
    key: ItemKey,
    generation: u64,
    result: Result<W::Output, Stop<W::Suspended>>,
}

/// Runs a pipeline to its end.
///
/// # Errors
/// The first failure of the pipeline's ordered half; running items are aborted, and what was
/// committed before stays committed.
///
/// # Cancel safety
/// Dropping the future aborts all items; nothing is committed afterwards.
pub async fn drive<P: Pipeline>(
    pipeline: &mut P,
    work: Arc<P::Work>,
    speculation: Arc<Speculation<<P::Work as Work>::Knowledge>>,
    limits: Limits,
    cancel: Cancel,
    progress: Arc<Progress>,
) -> Result<ReportOf<P::Work>, P::Error> {
    let mut scheduler = Scheduler {
        pipeline,
        work,
        speculation,
        limits,
        progress,
        slots: BTreeMap::new(),
        view: View::default(),
        tasks: JoinSet::new(),
        wake: Arc::new(Notify::new()),
        running: 0,
        generation: 0,
        exhausted: false,
        draining: false,
        suspended: false,
    };
    scheduler.run(cancel).await
}

struct Scheduler<'p, P: Pipeline> {
    pipeline: &'p mut P,
    work: Arc<P::Work>,
    speculation: Arc<Speculation<<P::Work as Work>::Knowledge>>,
    limits: Limits,
    progress: Arc<Progress>,
    slots: BTreeMap<ItemKey, Slot<P::Work>>,
    view: View,
    tasks: JoinSet<Finished<P::Work>>,
    wake: Arc<Notify>,
    running: usize,
    generation: u64,
    exhausted: bool,
    draining: bool,
    suspended: bool,
}

impl<P: Pipeline> Scheduler<'_, P> {
    async fn run(&mut self, cancel: Cancel) -> Result<ReportOf<P::Work>, P::Error> {
        let wake = Arc::clone(&self.wake);
        loop {
            if cancel.is_cancelled() {
                self.draining = true;
            }
            self.rewind();
            // A commit may make room for items below those that wait (a replacement in a lower
            // group), so the two alternate until neither moves.
            loop {
                let moved = self.commit()?;
                self.admit()?;
                if !moved {
                    break;
                }
            }
            if self.running == 0 {
                break;
            }
            self.pipeline.idle()?;
            tokio::select! {
                joined = self.tasks.join_next() => {
                    if let Some(joined) = joined {
                        self.absorb(joined);
                        // Take everything that is ready before looking at the books again.
                        while let Some(more) = self.tasks.try_join_next() {
                            self.absorb(more);
                        }
                    }
                }
                () = wake.notified() => {}
                () = cancel.cancelled(), if !self.draining => {}
            }
        }
        let ended = if self.suspended {
            Ended::Suspended
        } else if self.exhausted && self.slots.is_empty() {
            Ended::Complete
        } else {
            Ended::Drained
        };
        let open = std::mem::take(&mut self.slots)
            .into_iter()
            .filter_map(|(key, slot)| match slot.phase {
                Phase::Suspended(why) => Some((key, Open::Suspended(why))),
                Phase::Finished(output) => Some((key, Open::Finished(output))),
                // The loop ends when none of these is left.
                Phase::Running { .. } => None,
            })
            .collect();
        Ok(Report { ended, open })
    }

    fn admit(&mut self) -> Result<(), P::Error> {
        while !self.draining
            && !self.exhausted
            && self.running < self.limits.concurrency
            && self.slots.len() < self.limits.lookahead
        {
            match self.pipeline.next(&self.view)? {
                Next::Start(key, plan) => {
                    *self.view.uncommitted.entry(key.group).or_insert(0) += 1;
                    self.progress.admitted.fetch_add(1, Ordering::Relaxed);
                    self.start(key, Arc::new(plan), Arc::new(AtomicU64::new(0)));
                }
                Next::Wait => break,
                Next::Done => self.exhausted = true,
            }
        }
        Ok(())
    }

    fn start(&mut self, key: ItemKey, plan: Arc<<P::Work as Work>::Plan>, calls: Arc<AtomicU64>) {
        self.generation += 1;
        let generation = self.generation;
        let ctx = ItemCtx {
            key,
            epoch: self.speculation.open(key),
            decided: 0,
            speculation: Arc::clone(&self.speculation),
            calls: Arc::clone(&calls),
            wake: Arc::clone(&self.wake),
        };
        let run = Arc::clone(&self.work).run(key, Arc::clone(&plan), ctx);
        let abort = self.tasks.spawn(async move {
            Finished {
                key,
                generation,
                result: run.await,
            }
        });
        self.running += 1;
        self.progress.running.store(self.running, Ordering::Relaxed);
        self.slots.insert(
            key,
            Slot {
                plan,
                calls,
                phase: Phase::Running { abort, generation },
            },
        );
    }

    fn absorb(&mut self, joined: Result<Finished<P::Work>, tokio::task::JoinError>) {
        let finished = match joined {
            Ok(finished) => finished,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            // An aborted task: its slot belongs to a successor already.
            Err(_) => return,
        };
        let Some(slot) = self.slots.get_mut(&finished.key) else {
            return;
        };
        match slot.phase {
            Phase::Running { generation, .. } if generation == finished.generation => {}
            _ => return,
        }
        match finished.result {
            Ok(output) => slot.phase = Phase::Finished(output),
            Err(Stop::Suspended(why)) => {
                slot.phase = Phase::Suspended(why);
                // Everything above waits for this item, so starting more would only spend.
                self.suspended = true;
                self.draining = true;
            }
            // The rewind that made it stale is in the books and starts it again.
            Err(Stop::Stale) => {
                self.wake.notify_one();
                return;
            }
        }
        self.running -= 1;
        self.progress.running.store(self.running, Ordering::Relaxed);
    }

    fn rewind(&mut self) {
        for rewind in self.speculation.take_rewinds() {
            let Some(slot) = self.slots.remove(&rewind.key) else {
                continue;
            };
            let made = slot.calls.load(Ordering::Relaxed);
            slot.calls.store(rewind.calls_before, Ordering::Relaxed);
            self.progress.rewinds.fetch_add(1, Ordering::Relaxed);
            self.progress
                .discarded_calls
                .fetch_add(made.saturating_sub(rewind.calls_before), Ordering::Relaxed);
            match slot.phase {
                Phase::Running { abort, .. } => {
                    abort.abort();
                    self.running -= 1;
                }
                // Its place is free already; it may exceed the concurrency by the rewound ones,
                // because waiting for a place could wait for an item that waits for this one.
                Phase::Finished(_) => {}
                Phase::Suspended(why) => {
                    // A suspended item has no running task and keeps its reason.
                    self.slots.insert(
                        rewind.key,
                        Slot {
                            plan: slot.plan,
                            calls: slot.calls,
                            phase: Phase::Suspended(why),
                        },
                    );
                    continue;
                }
            }
            self.start(rewind.key, slot.plan, slot.calls);
        }
    }

    /// Commits from the lowest item up to the first that is not finished. Returns whether there
    /// was one.
    fn commit(&mut self) -> Result<bool, P::Error> {
        let mut moved = false;
        while let Some(entry) = self.slots.first_entry() {
            if !matches!(entry.get().phase, Phase::Finished(_)) {
                break;
            }
            let key = *entry.key();
            if !self.pipeline.may_commit(key) {
                break;
            }
            if !self.speculation.commit(key)? {
                self.rewind();
                break;
            }
            let slot = entry.remove();
            if let Phase::Finished(output) = slot.phase {
                if let Some(count) = self.view.uncommitted.get_mut(&key.group) {
                    *count -= 1;
                }
                self.progress.committed.fetch_add(1, Ordering::Relaxed);
                moved = true;
                if self.pipeline.commit(key, &slot.plan, output)? == Flow::Drain {
                    self.draining = true;
                }
            }
        }
        Ok(moved)
    }
}

#[cfg(test)]
mod tests;
