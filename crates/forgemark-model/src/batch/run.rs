//! The life of a batch.

use std::sync::{Arc, Weak};
use std::time::Duration;

use forgemark_contract::ids::CallKey;
use forgemark_journal::{BatchRecord, BatchStage, JournalError, PendingBatch, Record};
use tokio::time::Instant;

use super::service::{Listed, Look, Outcome, Service};
use super::{Batches, Delivered};
use crate::caller::{CallError, Drain, Inner};
use crate::config::BatchConfig;
use crate::meter::Notice;
use crate::pool::{EndpointError, EndpointFailure, Unusable};
use crate::retry::{Pauses, pauses};
use crate::wire::Fault;

/// What a task of the runtime needs. It does not keep the caller alive: when that goes, the batch waits for the next process.
#[derive(Debug, Clone)]
pub(super) struct Task {
    pub(super) batches: Arc<Batches>,
    pub(super) inner: Weak<Inner>,
    pub(super) drain: Arc<Drain>,
}

/// Why a task leaves a batch as it is.
#[derive(Debug)]
pub(super) enum Stop {
    /// The run drains, or the caller is gone.
    Drained,
    /// The endpoint failed for too long.
    Failing(Fault),
    /// The journal takes nothing.
    Journal(JournalError),
}

impl From<JournalError> for Stop {
    fn from(error: JournalError) -> Self {
        Stop::Journal(error)
    }
}

/// A service answered that it does not take something.
pub(super) enum Refusal {
    Stop(Stop),
    Refused(Fault),
}

impl From<Stop> for Refusal {
    fn from(stop: Stop) -> Self {
        Refusal::Stop(stop)
    }
}

impl From<JournalError> for Refusal {
    fn from(error: JournalError) -> Self {
        Refusal::Stop(Stop::Journal(error))
    }
}

/// How long a service has been failing.
struct Patience {
    pauses: Pauses,
    failing: Option<Instant>,
}

/// Asks a service until it answers, or answers that it will not. What is only asked may be left unanswered when the run
/// drains. (A function of a closure would not do: its future could not be known to be sendable.)
macro_rules! patiently {
    ($task:expr, $endpoint:expr, |$service:ident| $ask:expr) => {{
        let mut patience = $task.patience($endpoint);
        loop {
            let result = {
                let inner = $task.upgrade()?;
                let Some($service) = $task.service(&inner, $endpoint) else {
                    return Err(Stop::Drained.into());
                };
                tokio::select! {
                    answer = $ask => answer,
                    () = $task.drain.drained() => return Err(Stop::Drained.into()),
                }
            };
            match result {
                Ok(answer) => return Ok(answer),
                Err(fault) => $task.bear(&mut patience, fault).await?,
            }
        }
    }};
}

impl Task {
    /// Begins the task that looks after what is gathered.
    pub(super) fn spawn_gather(self) {
        tokio::spawn(self.gather());
    }

    /// Sends what is gathered, whenever it is time, until nothing is.
    async fn gather(self) {
        loop {
            let notified = self.batches.woken.notified();
            let Some(wait) = self.batches.window() else {
                return;
            };
            if !wait.is_zero() && !self.drain.is_draining() {
                tokio::select! {
                    () = notified => {}
                    () = tokio::time::sleep(wait) => {}
                    () = self.drain.drained() => {}
                }
                continue;
            }
            let (keys, endpoint) = self.batches.take();
            tokio::spawn(self.clone().send(keys, endpoint));
        }
    }

    /// Sends a batch and sees it through.
    async fn send(self, keys: Vec<CallKey>, endpoint: usize) {
        let pending = match self.begin(&keys, endpoint).await {
            Ok(Some(pending)) => pending,
            Ok(None) => return,
            Err(stop) => return self.tell(&keys, stop),
        };
        self.see_through(pending).await;
    }

    /// Takes up a batch of an earlier process.
    pub(super) async fn adopt(self, pending: PendingBatch) {
        self.see_through(pending).await;
    }

    async fn see_through(&self, mut pending: PendingBatch) {
        if let Err(stop) = self.finish(&mut pending).await {
            self.batches.put_back(pending, &self.why(stop));
        }
        if self.batches.begin_gathering() {
            self.clone().spawn_gather();
        }
    }

    /// Ends the waiting of those whose calls cannot go on now.
    fn tell(&self, keys: &[CallKey], stop: Stop) {
        let delivered = self.why(stop);
        for key in keys {
            self.batches.deliver(key, &delivered);
        }
    }

    pub(super) fn why(&self, stop: Stop) -> Delivered {
        let error = match stop {
            Stop::Drained => CallError::Cancelled,
            Stop::Journal(error) => CallError::Journal(error),
            Stop::Failing(fault) => {
                let pool = &self.batches.pool;
                let failure = EndpointFailure {
                    endpoint: "batches".to_owned(),
                    kind: Some(fault.kind),
                    error: fault.line(),
                };
                CallError::Unusable(EndpointError {
                    model: pool.model.clone(),
                    why: Unusable::NothingSucceeded {
                        for_at_least: pool.retry.give_up_after,
                    },
                    endpoints: vec![failure],
                })
            }
        };
        Delivered::Error(error)
    }

    pub(super) fn upgrade(&self) -> Result<Arc<Inner>, Stop> {
        self.inner().ok_or(Stop::Drained)
    }

    pub(super) fn config(&self, endpoint: usize) -> BatchConfig {
        let config = self.batches.configs.get(endpoint).copied().flatten();
        config.unwrap_or_default()
    }

    /// Sleeps unless the run drains.
    pub(super) async fn sleep(&self, pause: Duration) -> Result<(), Stop> {
        tokio::select! {
            () = tokio::time::sleep(pause) => Ok(()),
            () = self.drain.drained() => Err(Stop::Drained),
        }
    }

    /// Waits before a service is asked again, as long as it fails in a way that passes.
    async fn bear(&self, patience: &mut Patience, fault: Fault) -> Result<(), Refusal> {
        let retry = self.batches.pool.retry;
        if !fault.kind.is_transient() {
            return Err(Refusal::Refused(fault));
        }
        let since = *patience.failing.get_or_insert_with(Instant::now);
        if since.elapsed() >= retry.give_up_after {
            return Err(Stop::Failing(fault).into());
        }
        let pause = patience.pauses.next().unwrap_or(retry.max_backoff);
        let asked = fault
            .retry_after
            .map(|wait| wait.min(retry.max_retry_after));
        self.sleep(asked.unwrap_or(pause))
            .await
            .map_err(Refusal::Stop)
    }

    fn patience(&self, endpoint: usize) -> Patience {
        Patience {
            pauses: pauses(&self.batches.pool.retry, endpoint as u64),
            failing: None,
        }
    }

    pub(super) async fn newest(&self, endpoint: usize) -> Result<Option<String>, Refusal> {
        patiently!(self, endpoint, |service| service.newest())
    }

    pub(super) async fn since(
        &self,
        endpoint: usize,
        after: Option<&str>,
    ) -> Result<Vec<Listed>, Refusal> {
        patiently!(self, endpoint, |service| service.since(after))
    }

    async fn look(&self, endpoint: usize, id: &str) -> Result<Look, Refusal> {
        patiently!(self, endpoint, |service| service.look(id))
    }

    pub(super) async fn results(
        &self,
        endpoint: usize,
        files: &[String],
    ) -> Result<Vec<(CallKey, Outcome)>, Refusal> {
        patiently!(self, endpoint, |service| service.results(files))
    }

    pub(super) fn service<'a>(&'a self, inner: &'a Inner, endpoint: usize) -> Option<Service<'a>> {
        Some(Service {
            shared: &inner.shared,
            endpoint: self.batches.pool.endpoints.get(endpoint)?,
            patience: self.batches.pool.retry.attempt_timeout,
        })
    }

    pub(super) async fn note(&self, id: &str, stage: BatchStage) -> Result<(), JournalError> {
        let Some(inner) = self.inner() else {
            return Ok(());
        };
        let record = BatchRecord {
            id: id.to_owned(),
            at: (inner.shared.clock)(),
            stage,
        };
        inner.journal.append(Record::Batch(record)).await
    }

    /// Lets these calls be sent by themselves, and says so once.
    pub(super) fn alone(&self, keys: &[CallKey], endpoint: usize, why: &str) {
        let name = self
            .batches
            .pool
            .endpoints
            .get(endpoint)
            .map(|e| e.name.clone());
        if let Some(inner) = self.inner() {
            inner.shared.meter.notice(Notice::Unbatched {
                model: self.batches.pool.model.clone(),
                endpoint: name.unwrap_or_default(),
                why: why.to_owned(),
            });
        }
        let single = Delivered::Single;
        for key in keys {
            self.batches.deliver(key, &single);
        }
    }

    pub(super) fn is_anthropic(&self, endpoint: usize) -> bool {
        let endpoint = self.batches.pool.endpoints.get(endpoint);
        endpoint.is_some_and(|e| e.wire == crate::config::Wire::Anthropic)
    }

    pub(super) async fn wait_for_end(
        &self,
        provider_id: &str,
        endpoint: usize,
    ) -> Result<(String, Vec<String>), Refusal> {
        loop {
            let look = self.look(endpoint, provider_id).await?;
            match look {
                Look::Ended { how, files } => return Ok((how, files)),
                Look::Running => self.sleep(self.config(endpoint).poll).await?,
            }
        }
    }

    /// Waits for a pending batch to end and books what came of it.
    async fn finish(&self, pending: &mut PendingBatch) -> Result<(), Stop> {
        let endpoints = &self.batches.pool.endpoints;
        let endpoint = endpoints
            .iter()
            .position(|e| e.name == pending.intent.endpoint);
        // Building the caller has made sure of it.
        let endpoint = endpoint.unwrap_or(0);
        let ended = match self.ended(pending, endpoint).await {
            Ok(Some((how, files))) => {
                let results = self.results(endpoint, &files).await;
                results.map(|results| (how, results))
            }
            Ok(None) => Ok(("never sent".to_owned(), Vec::new())),
            Err(refusal) => Err(refusal),
        };
        let (how, results) = match ended {
            Ok(ended) => ended,
            Err(Refusal::Stop(stop)) => return Err(stop),
            // The provider does not know it any more, or nobody may ask: what it gave is lost.
            Err(Refusal::Refused(fault)) if is_gone(&fault) => {
                (format!("gone: {}", fault.line()), Vec::new())
            }
            Err(Refusal::Refused(fault)) => return Err(Stop::Failing(fault)),
        };
        let (left, done) = self.book(pending, results).await?;
        let closed = BatchStage::Closed { how: how.clone() };
        self.note(&pending.id, closed).await?;
        // Not before: whoever has all his replies may end the process, and the next one would look at the batch again.
        for record in done {
            let key = record.key;
            let durable = self.upgrade()?.journal.flush();
            self.batches
                .deliver(&key, &Delivered::Record(Box::new(record), durable));
        }
        self.spread(&left, endpoint, &how, pending.provider_id.is_some());
        Ok(())
    }

    /// How a batch ended, with its files; `None` when it was never sent.
    async fn ended(
        &self,
        pending: &mut PendingBatch,
        endpoint: usize,
    ) -> Result<Option<(String, Vec<String>)>, Refusal> {
        if pending.provider_id.is_none() {
            let Some(found) = self.find(pending, endpoint).await? else {
                return Ok(None);
            };
            self.submitted(pending, found).await?;
        }
        let id = pending.provider_id.clone().unwrap_or_default();
        self.wait_for_end(&id, endpoint).await.map(Some)
    }
}

/// Whether a service says that it does not have something.
fn is_gone(fault: &Fault) -> bool {
    matches!(fault.status, Some(404 | 410))
}
