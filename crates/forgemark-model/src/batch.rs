//! Calls that go to a provider as one batch, without their callers knowing.
//!
//! ```text
//! Caller::call ──> gathered ──(full, quiet, or everybody waits)──> Batch intended ──> sent ──> Batch submitted
//!      ^                ^                                              │                           │
//!      │                └────── not finished ──────────┐               └── refused                 v
//!      ├── by itself <── answered with an error ───────┤                      │          look, pause, look ...
//!      ├── by itself <────────────────────────────────────────────────────────┘                    │ ended
//!      └── reply <── journal (Call) <──────────────────┴──────────────── results <─────────────────┘
//!                                                                           └──> Batch closed
//! ```
//!
//! What holds whatever happens to the process:
//! * the calls of a batch are durable in the journal before it is sent, and the provider's id before it is looked at;
//! * a batch that was intended and whose id nobody knows is looked for among the provider's before anything is sent again;
//! * its replies are durable before it is closed, so a batch that is not closed is looked at again, and what stands in the
//!   journal already is not booked twice;
//! * a call of a pending batch waits for that batch, and goes into no other.
//!
//! Everything that goes on here does so in tasks of the runtime, because a batch outlives the callers that wait for it: what a
//! dropped caller asked for is paid for, and so it is kept.

mod book;
mod run;
mod send;
mod service;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use forgemark_contract::ids::CallKey;
use forgemark_journal::{CallRecord, Durable, PendingBatch};
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use self::run::Task;
use crate::caller::{CallError, Inner};
use crate::chat::ChatRequest;
use crate::chat::body::RequestBody;
use crate::config::{BatchConfig, Prices};
use crate::pool::Pool;

/// The batches of one model.
#[derive(Debug)]
pub(crate) struct Batches {
    pub(crate) pool: Arc<Pool>,
    /// The model's name on the wire.
    pub(crate) model: String,
    pub(crate) prices: Option<Prices>,
    /// By endpoint of the pool.
    pub(crate) configs: Vec<Option<BatchConfig>>,
    /// Calls that wait for a batch, of all models together.
    pub(crate) waiting: Arc<AtomicUsize>,
    state: Mutex<State>,
    /// Told when a call came, or another one waits.
    woken: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Every call that is gathered or in a batch.
    calls: HashMap<CallKey, Entry>,
    /// Those that are in no batch yet, in the order in which they came.
    gathered: Vec<CallKey>,
    /// Bytes of their bodies.
    bytes: usize,
    last: Option<Instant>,
    /// Whether a task looks after them.
    gathering: bool,
    /// Pending batches that no task looks after.
    adopted: Vec<PendingBatch>,
    /// Batches that were begun, to take the endpoints in turn.
    begun: usize,
}

#[derive(Debug, Default)]
struct Entry {
    /// Those who wait for it.
    waiting: Vec<oneshot::Sender<Delivered>>,
    /// `None` while nobody has asked for a call of an adopted batch.
    call: Option<Call>,
    /// In how many batches it was sent.
    rounds: u32,
}

/// A call that is to go with a batch.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) role: String,
    pub(crate) item: String,
    pub(crate) request: ChatRequest,
    pub(crate) body: RequestBody,
}

/// What becomes of a call.
#[derive(Debug, Clone)]
pub(crate) enum Delivered {
    /// It was answered, and stands in the journal.
    Record(Box<CallRecord>, Durable),
    /// It has to be sent by itself.
    Single,
    /// The run cannot go on with it.
    Error(CallError),
}

/// A caller that waits for a batch.
pub(crate) struct Ticket {
    answer: oneshot::Receiver<Delivered>,
    waiting: Arc<AtomicUsize>,
}

impl Ticket {
    /// What became of the call. Cancel safe: a reply that comes later is booked and kept.
    pub(crate) async fn wait(mut self) -> Delivered {
        // The task ended without a word: its runtime did.
        (&mut self.answer)
            .await
            .unwrap_or(Delivered::Error(CallError::Cancelled))
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Batches {
    /// Batches of a pool, and those of earlier processes that are under way.
    pub(crate) fn new(
        pool: Arc<Pool>,
        model: String,
        prices: Option<Prices>,
        configs: Vec<Option<BatchConfig>>,
        adopted: Vec<PendingBatch>,
        waiting: Arc<AtomicUsize>,
    ) -> Self {
        let mut state = State::default();
        for pending in adopted {
            state.adopt(pending);
        }
        Batches {
            pool,
            model,
            prices,
            configs,
            waiting,
            state: Mutex::new(state),
            woken: Notify::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether new calls go with batches.
    pub(crate) fn is_on(&self) -> bool {
        self.configs.iter().any(Option::is_some)
    }

    /// Whether a call is under way.
    pub(crate) fn has(&self, key: &CallKey) -> bool {
        self.lock().calls.contains_key(key)
    }

    /// The settings of the first endpoint that takes batches, which decide when one is sent.
    fn config(&self) -> BatchConfig {
        let first = self.configs.iter().flatten().next();
        first.copied().unwrap_or_default()
    }

    /// Waits for the batch that has the call, or puts it into the next one.
    pub(crate) fn join(self: &Arc<Self>, inner: &Arc<Inner>, key: CallKey, call: Call) -> Ticket {
        let (sender, answer) = oneshot::channel();
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let (adopted, gather) = {
            let mut state = self.lock();
            let bytes = call.body.len();
            let known = state.calls.contains_key(&key);
            let entry = state.calls.entry(key).or_default();
            entry.waiting.push(sender);
            entry.call.get_or_insert(call);
            if !known {
                state.gathered.push(key);
                state.bytes += bytes;
                state.last = Some(Instant::now());
            }
            let gather = !state.gathered.is_empty() && !state.gathering;
            state.gathering |= gather;
            (std::mem::take(&mut state.adopted), gather)
        };
        for pending in adopted {
            tokio::spawn(Task::new(self, inner).adopt(pending));
        }
        if gather {
            Task::new(self, inner).spawn_gather();
        }
        // Those of other models may have waited for this one.
        inner
            .batches
            .iter()
            .for_each(|other| other.woken.notify_one());
        Ticket {
            answer,
            waiting: Arc::clone(&self.waiting),
        }
    }

    /// How long to wait before the gathered calls are sent: `None` when there are none any more, and nobody looks after
    /// them from then on.
    fn window(&self) -> Option<Duration> {
        let config = self.config();
        let mut state = self.lock();
        if state.gathered.is_empty() {
            state.gathering = false;
            return None;
        }
        let waiting = self.waiting.load(Ordering::Relaxed);
        let everybody = config.everyone.is_some_and(|all| waiting >= all);
        if everybody || state.gathered.len() >= config.max_calls || state.bytes >= config.max_bytes
        {
            return Some(Duration::ZERO);
        }
        let quiet = state.last.map_or(Duration::ZERO, |last| last.elapsed());
        Some(config.quiet.saturating_sub(quiet))
    }

    /// Takes calls for one batch, with the number of the endpoint that gets it.
    fn take(&self) -> (Vec<CallKey>, usize) {
        let config = self.config();
        let mut state = self.lock();
        let (mut count, mut bytes) = (0, 0);
        for key in &state.gathered {
            let call = state.calls.get(key).and_then(|entry| entry.call.as_ref());
            let more = call.map_or(0, |call| call.body.len());
            if count > 0 && (count >= config.max_calls || bytes + more > config.max_bytes) {
                break;
            }
            count += 1;
            bytes += more;
        }
        state.bytes = state.bytes.saturating_sub(bytes);
        let keys = state.gathered.drain(..count).collect();
        let takers = self.configs.iter().enumerate();
        let takers: Vec<usize> = takers.filter_map(|(n, c)| c.map(|_| n)).collect();
        let turn = state.begun.checked_rem(takers.len()).unwrap_or(0);
        state.begun = state.begun.wrapping_add(1);
        (keys, takers.get(turn).copied().unwrap_or(0))
    }

    /// Tells those who wait for a call what became of it; it is under way no longer.
    fn deliver(&self, key: &CallKey, delivered: &Delivered) {
        let entry = self.lock().calls.remove(key);
        for waiting in entry.into_iter().flat_map(|entry| entry.waiting) {
            // Whoever gave up waiting wants no answer.
            let _ = waiting.send(delivered.clone());
        }
    }

    /// Puts a call into the next batch, if somebody waits for it and it may go with another. Whether it does.
    fn regather(&self, key: CallKey, rounds: u32) -> bool {
        let mut state = self.lock();
        let Some(entry) = state.calls.get_mut(&key) else {
            return true;
        };
        entry.waiting.retain(|waiting| !waiting.is_closed());
        let Some(call) = entry.call.as_ref().filter(|_| !entry.waiting.is_empty()) else {
            state.calls.remove(&key);
            return true;
        };
        if entry.rounds >= rounds {
            return false;
        }
        let bytes = call.body.len();
        state.gathered.push(key);
        state.bytes += bytes;
        state.last = Some(Instant::now());
        true
    }

    /// Whether a task has to be begun for what is gathered.
    fn begin_gathering(&self) -> bool {
        let mut state = self.lock();
        let begin = !state.gathered.is_empty() && !state.gathering;
        state.gathering |= begin;
        begin
    }

    /// Gives a batch up for now and tells so those who wait for it. Whoever asks for one of its calls takes it up again.
    fn put_back(&self, pending: PendingBatch, delivered: &Delivered) {
        let mut told = Vec::new();
        {
            let mut state = self.lock();
            for call in &pending.intent.calls {
                let entry = state.calls.remove(&call.key);
                told.extend(entry.into_iter().flat_map(|entry| entry.waiting));
            }
            state.adopt(pending);
        }
        for waiting in told {
            let _ = waiting.send(delivered.clone());
        }
    }
}

impl State {
    fn adopt(&mut self, pending: PendingBatch) {
        for call in &pending.intent.calls {
            self.calls.entry(call.key).or_default();
        }
        self.adopted.push(pending);
    }
}

impl Task {
    fn new(batches: &Arc<Batches>, inner: &Arc<Inner>) -> Self {
        Task {
            batches: Arc::clone(batches),
            inner: Arc::downgrade(inner),
            drain: Arc::clone(&inner.shared.drain),
        }
    }

    fn inner(&self) -> Option<Arc<Inner>> {
        Weak::upgrade(&self.inner)
    }
}
