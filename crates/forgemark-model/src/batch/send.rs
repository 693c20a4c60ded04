//! From gathered calls to a batch that the provider has, and back to it when its id was lost.

use std::collections::BTreeSet;

use forgemark_contract::ids::CallKey;
use forgemark_journal::{BatchCall, BatchIntent, BatchStage, JournalError, PendingBatch};
use tokio::time::Instant;

use super::Delivered;
use super::run::{Refusal, Stop, Task};
use super::service::Item;
use crate::retry::pauses;
use crate::wire::ErrorKind;

impl Task {
    /// Makes a batch of these calls durable and sends it. `None` when it was not taken, and its calls were told so.
    pub(super) async fn begin(
        &self,
        keys: &[CallKey],
        endpoint: usize,
    ) -> Result<Option<PendingBatch>, Stop> {
        if self.drain.is_draining() {
            return Err(Stop::Drained);
        }
        let Some((calls, items)) = self.items(keys, endpoint)? else {
            return Ok(None);
        };
        match self.intend_and_submit(calls, items, endpoint).await {
            Ok(pending) => Ok(pending),
            Err(Refusal::Stop(stop)) => Err(stop),
            Err(Refusal::Refused(fault)) => {
                self.alone(keys, endpoint, &fault.line());
                Ok(None)
            }
        }
    }

    /// The calls that somebody still waits for and that the journal does not know, as they are sent.
    #[expect(
        clippy::type_complexity,
        reason = "two views of one list, used in the next line"
    )]
    pub(super) fn items(
        &self,
        keys: &[CallKey],
        endpoint: usize,
    ) -> Result<Option<(Vec<BatchCall>, Vec<Item>)>, Stop> {
        let inner = self.upgrade()?;
        let mut known = Vec::new();
        let (mut calls, mut items) = (Vec::new(), Vec::new());
        {
            let mut state = self.batches.lock();
            for key in keys {
                let Some(entry) = state.calls.get_mut(key) else {
                    continue;
                };
                entry.waiting.retain(|waiting| !waiting.is_closed());
                let call = entry.call.as_ref().filter(|_| !entry.waiting.is_empty());
                let place = self.batches.pool.endpoints.get(endpoint);
                let (Some(call), Some(place)) = (call, place) else {
                    state.calls.remove(key);
                    continue;
                };
                let Some(role) = inner.roles.get(&call.role) else {
                    continue;
                };
                if let Some(record) = inner.journal.lookup(key)? {
                    known.push(record);
                    continue;
                }
                entry.rounds += 1;
                let body = call.body.for_endpoint(
                    place,
                    &call.request,
                    &role.model,
                    &role.params,
                    place.accepts(),
                );
                items.push(Item { key: *key, body });
                calls.push(BatchCall {
                    key: *key,
                    role: call.role.clone(),
                    item: call.item.clone(),
                });
            }
        }
        for record in known {
            let key = record.key;
            let delivered = Delivered::Record(Box::new(record), inner.journal.flush());
            self.batches.deliver(&key, &delivered);
        }
        Ok((!items.is_empty()).then_some((calls, items)))
    }

    pub(super) async fn intend_and_submit(
        &self,
        calls: Vec<BatchCall>,
        items: Vec<Item>,
        endpoint: usize,
    ) -> Result<Option<PendingBatch>, Refusal> {
        let after = self.newest(endpoint).await?;
        let mut pending = {
            let inner = self.upgrade()?;
            let name = self
                .batches
                .pool
                .endpoints
                .get(endpoint)
                .map(|e| e.name.clone());
            PendingBatch {
                id: batch_id(&calls, inner.journal.end()),
                at: (inner.shared.clock)(),
                intent: BatchIntent {
                    model: self.batches.model.clone(),
                    endpoint: name.unwrap_or_default(),
                    after,
                    calls,
                },
                provider_id: None,
            }
        };
        let intended = BatchStage::Intended(pending.intent.clone());
        self.note(&pending.id, intended).await?;
        match self.submit(&pending, &items, endpoint).await {
            Ok(provider_id) => {
                self.submitted(&mut pending, provider_id).await?;
                Ok(Some(pending))
            }
            Err(Refusal::Refused(fault)) => {
                let how = format!("refused: {}", fault.line());
                self.note(&pending.id, BatchStage::Closed { how }).await?;
                Err(Refusal::Refused(fault))
            }
            // The provider may have it.
            Err(Refusal::Stop(stop)) => {
                self.batches.put_back(pending, &self.why(stop));
                Ok(None)
            }
        }
    }

    pub(super) async fn submitted(
        &self,
        pending: &mut PendingBatch,
        provider_id: String,
    ) -> Result<(), JournalError> {
        if let Some(inner) = self.inner() {
            pending
                .intent
                .calls
                .iter()
                .for_each(|_| inner.shared.meter.on_attempt(0));
        }
        pending.provider_id = Some(provider_id.clone());
        self.note(&pending.id, BatchStage::Submitted { provider_id })
            .await
    }

    /// Sends a batch until the provider has it. After an end without an answer it may have it already.
    pub(super) async fn submit(
        &self,
        pending: &PendingBatch,
        items: &[Item],
        endpoint: usize,
    ) -> Result<String, Refusal> {
        let retry = self.batches.pool.retry;
        let mut pauses = pauses(&retry, endpoint as u64);
        let began = Instant::now();
        loop {
            let result = {
                let inner = self.upgrade()?;
                let Some(service) = self.service(&inner, endpoint) else {
                    return Err(Stop::Drained.into());
                };
                service.submit(&pending.id, items).await
            };
            let fault = match result {
                Ok(id) => return Ok(id),
                Err(fault) => fault,
            };
            match fault.kind {
                kind if !kind.is_transient() => return Err(Refusal::Refused(fault)),
                // It was not sent, or not taken.
                ErrorKind::RateLimited | ErrorKind::Connect => {}
                _ => {
                    if let Some(id) = self.find(pending, endpoint).await? {
                        return Ok(id);
                    }
                }
            }
            if began.elapsed() >= retry.give_up_after {
                return Err(Stop::Failing(fault).into());
            }
            let pause = pauses.next().unwrap_or(retry.max_backoff);
            let asked = fault
                .retry_after
                .map(|wait| wait.min(retry.max_retry_after));
            self.sleep(asked.unwrap_or(pause)).await?;
        }
    }

    /// Looks for a batch among those that the provider got after it was intended. A pause comes first: lists may lag behind.
    pub(super) async fn find(
        &self,
        pending: &PendingBatch,
        endpoint: usize,
    ) -> Result<Option<String>, Refusal> {
        self.sleep(self.config(endpoint).poll).await?;
        let after = pending.intent.after.as_deref();
        let listed = self.since(endpoint, after).await?;
        if let Some(ours) = listed
            .iter()
            .find(|batch| batch.ours.as_ref() == Some(&pending.id))
        {
            return Ok(Some(ours.id.clone()));
        }
        let keys: BTreeSet<CallKey> = pending.intent.calls.iter().map(|call| call.key).collect();
        // Where the protocol does not keep our id, the calls tell; oldest first, as ours is most likely that.
        for batch in listed.iter().rev() {
            let count = batch.calls.is_none_or(|calls| calls == keys.len() as u64);
            if batch.ours.is_some() || !count || !self.is_anthropic(endpoint) {
                continue;
            }
            let (_, files) = self.wait_for_end(&batch.id, endpoint).await?;
            let results = self.results(endpoint, &files).await?;
            if results.iter().any(|(key, _)| keys.contains(key)) {
                return Ok(Some(batch.id.clone()));
            }
        }
        Ok(None)
    }
}

/// An id that no other batch has: of its calls, and of a position of the journal that never comes again.
fn batch_id(calls: &[BatchCall], position: u64) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"forgemark batch 1\n");
    hasher.update(&position.to_le_bytes());
    for call in calls {
        hasher.update(&call.key.0);
    }
    hasher.finalize().to_hex().as_str()[..32].to_owned()
}
