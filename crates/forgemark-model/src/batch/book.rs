//! From the results of a batch to replies in the journal, and to what was left over.

use std::collections::BTreeMap;

use forgemark_contract::ids::CallKey;
use forgemark_journal::{BatchCall, CallOutcome, CallRecord, PendingBatch, Record};

use super::Delivered;
use super::run::{Stop, Task};
use super::service::Outcome;
use crate::caller::Inner;
use crate::chat::ChatRequest;
use crate::chat::reply::parse_reply;
use crate::config::Leftover;

/// Results that are booked before others get their turn.
const AT_A_TIME: usize = 64;

/// Why a call has no reply although its batch has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    Unfinished,
    Error,
}

impl Task {
    /// Books the replies of a batch. Those of its calls that have none, and the records of the others.
    pub(super) async fn book(
        &self,
        pending: &PendingBatch,
        results: Vec<(CallKey, Outcome)>,
    ) -> Result<(BTreeMap<CallKey, Left>, Vec<CallRecord>), Stop> {
        let inner = self.upgrade()?;
        let calls = pending.intent.calls.iter();
        let calls: BTreeMap<CallKey, &BatchCall> = calls.map(|call| (call.key, call)).collect();
        let mut left: BTreeMap<CallKey, Left> =
            calls.keys().map(|key| (*key, Left::Unfinished)).collect();
        let mut done = Vec::new();
        for (n, (key, outcome)) in results.into_iter().enumerate() {
            let Some(call) = calls.get(&key) else {
                continue;
            };
            match outcome {
                Outcome::Unfinished => {}
                Outcome::Error => {
                    left.entry(key).and_modify(|left| *left = Left::Error);
                }
                Outcome::Reply(body) if inner.journal.lookup(&key)?.is_none() => {
                    let body = inner.shared.scrubber.reply(body);
                    if let Some(record) = self.record(&inner, pending, call, &body) {
                        // Waited for below, with all the others.
                        drop(inner.journal.append(Record::Call(record)));
                    } else {
                        left.insert(key, Left::Error);
                    }
                }
                Outcome::Reply(_) => {}
            }
            if n % AT_A_TIME == AT_A_TIME - 1 {
                tokio::task::yield_now().await;
            }
        }
        inner.journal.flush().await?;
        // What the journal has counts, whoever brought it.
        for key in calls.keys() {
            if let Some(record) = inner.journal.lookup(key)? {
                left.remove(key);
                done.push(record);
            }
        }
        Ok((left, done))
    }

    /// The record of a reply, booked; `None` when the body is none.
    pub(super) fn record(
        &self,
        inner: &Inner,
        pending: &PendingBatch,
        call: &BatchCall,
        body: &bytes::Bytes,
    ) -> Option<CallRecord> {
        // Only usage is read here; whoever asked reads the reply with his request.
        let reply = parse_reply(body, &ChatRequest::new(Vec::new(), 0)).ok()?;
        let at = (inner.shared.clock)();
        let endpoints = &self.batches.pool.endpoints;
        let endpoint = endpoints
            .iter()
            .position(|e| e.name == pending.intent.endpoint);
        let percent = u64::from(self.config(endpoint.unwrap_or(0)).price_percent);
        let cost = |prices: crate::config::Prices| {
            let full = prices.cost(reply.usage);
            full.saturating_mul(percent).div_ceil(100)
        };
        let cost_micro_usd = self.batches.prices.filter(|_| reply.usage_known).map(cost);
        inner.book(&call.role, reply.usage, reply.usage_known, cost_micro_usd);
        let micros = at.0.saturating_sub(pending.at.0);
        Some(CallRecord {
            key: call.key,
            at,
            item: call.item.clone(),
            role: call.role.clone(),
            model: self.batches.model.clone(),
            endpoint: pending.intent.endpoint.clone(),
            attempts: Vec::new(),
            usage: reply.usage,
            cost_micro_usd,
            latency_ms: u64::try_from(micros / 1_000).unwrap_or(0),
            outcome: CallOutcome::Reply(body.clone()),
        })
    }

    /// Sends on what a batch left over, as far as somebody waits for it.
    pub(super) fn spread(
        &self,
        left: &BTreeMap<CallKey, Left>,
        endpoint: usize,
        how: &str,
        sent: bool,
    ) {
        let config = self.config(endpoint);
        let again = config.leftover == Leftover::Batch && self.batches.is_on();
        // What was never sent has lost no round.
        let rounds = if sent { config.rounds.max(1) } else { u32::MAX };
        let mut alone = Vec::new();
        for (key, why) in left {
            let batched = *why == Left::Unfinished
                && (again || !sent && self.batches.is_on())
                && self.batches.regather(*key, rounds);
            if !batched {
                alone.push(*key);
            }
        }
        let (single, unfinished): (Vec<CallKey>, Vec<CallKey>) = alone
            .into_iter()
            .partition(|key| left.get(key) == Some(&Left::Error));
        let delivered = Delivered::Single;
        for key in &single {
            self.batches.deliver(key, &delivered);
        }
        if !unfinished.is_empty() {
            let why = format!(
                "{} calls of a batch were not finished ({how})",
                unfinished.len()
            );
            self.alone(&unfinished, endpoint, &why);
        }
    }
}
