//! What a journal holds.
//!
//! ```text
//! Run ─ Call ─ Call ─ Commit ─ Call ─ ... ─ End ─ Run ─ ...      one journal serves every run of an output folder
//! ```
//!
//! Items (for dialogues: conversations) are numbered from 0 over the whole journal, across its runs. A commit appends
//! items; a rewind drops the last ones again. Paid calls are never forgotten by the totals.

mod codec;

use std::collections::BTreeMap;

use bytes::Bytes;
use forgemark_contract::ids::CallKey;
use forgemark_contract::json::Json;
use forgemark_contract::time::Timestamp;

pub(crate) use codec::{
    Link, body_of, decode, items_body, kind_of, lengths, number, text, write_header,
};

/// One record.
#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    /// A run begins or goes on.
    Run {
        /// Its id.
        run_id: String,
        /// What identifies it: configuration, prompts, corpus, seed. The newest plan of a run counts.
        plan: Json,
    },
    /// A model was asked and answered, or failed for good.
    Call(CallRecord),
    /// Items are complete and their artifacts durable.
    Commit(CommitRecord),
    /// The items from `to` on are dropped, and so are the named calls: asked again, they are paid again.
    Rewind {
        /// The first item to drop; a commit must have ended there.
        to: u64,
        /// Calls whose replies no longer count.
        forget: Vec<CallKey>,
    },
    /// A file that was there before the journal was read, once.
    Import(ImportRecord),
    /// Calls that go to a provider as one batch.
    Batch(BatchRecord),
    /// The run ended.
    End {
        /// How: `completed`, `partial`, `failed`, as the pipeline says.
        status: String,
        /// Whatever else the pipeline wants to know of it.
        detail: Json,
    },
    /// The first record of every segment: everything that the journal must know of the segments before it. Written by
    /// the journal itself; only dumps show it.
    Checkpoint {
        /// The state, in the journal's own shape.
        state: Json,
    },
}

/// A model call with its outcome.
#[derive(Debug, Clone, PartialEq)]
pub struct CallRecord {
    /// Hash of the canonical request.
    pub key: CallKey,
    /// When the outcome arrived.
    pub at: Timestamp,
    /// What it was for, as the pipeline names its items.
    pub item: String,
    /// The role in the pipeline, such as `user`, `assistant` or `judge`.
    pub role: String,
    /// The model as configured.
    pub model: String,
    /// The endpoint that gave the outcome, without secrets.
    pub endpoint: String,
    /// The tries before the outcome, oldest first.
    pub attempts: Vec<Attempt>,
    /// Tokens, zero where the endpoint said nothing.
    pub usage: Usage,
    /// Cost in millionths of a US dollar, or `None` when the price is unknown.
    pub cost_micro_usd: Option<u64>,
    /// From sending to the last byte of the last try, in milliseconds.
    pub latency_ms: u64,
    /// What came of it.
    pub outcome: CallOutcome,
}

/// One try of a call that did not give its outcome.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attempt {
    /// When it ended.
    pub at: Timestamp,
    /// The endpoint, without secrets.
    pub endpoint: String,
    /// How long it took in milliseconds.
    pub ms: u64,
    /// What happened, as a fragment.
    pub what: String,
    /// The HTTP status, when one came.
    pub status: Option<u16>,
    /// How long the endpoint asked to wait, in milliseconds.
    pub retry_after_ms: Option<u64>,
}

/// Tokens of a call, or of many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Tokens of the request, cached ones included.
    pub prompt: u64,
    /// Tokens of the reply, reasoning included.
    pub completion: u64,
    /// Tokens of the request that the endpoint had cached.
    pub cached: u64,
    /// Tokens of the reply that were reasoning.
    pub reasoning: u64,
}

/// What came of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallOutcome {
    /// The raw body of the reply.
    Reply(Bytes),
    /// A typed failure that decides the item, such as a refusal.
    Failure {
        /// Its kind, from the closed set of the model layer.
        kind: String,
        /// What the endpoint said.
        detail: String,
        /// The raw body, empty when there was none.
        body: Bytes,
    },
}

/// A step in the life of a batch of calls.
///
/// ```text
/// Intended ──(sent)──> Submitted ──> Call ─ Call ─ ... ──> Closed
/// ```
///
/// The calls are recorded before they are sent, so that a batch whose id was lost with the process can be found again among
/// the provider's, and is not paid for twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchRecord {
    /// Its id with us.
    pub id: String,
    /// When the step was made.
    pub at: Timestamp,
    /// The step.
    pub stage: BatchStage,
}

/// A step of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BatchStage {
    /// It is about to be sent.
    Intended(BatchIntent),
    /// The provider has it.
    Submitted {
        /// Its id with the provider.
        provider_id: String,
    },
    /// Nothing more comes of it: every reply that it gave stands in the journal.
    Closed {
        /// How it ended, in the provider's word or ours.
        how: String,
    },
}

/// What a batch is to hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BatchIntent {
    /// The model's name in the configuration.
    pub model: String,
    /// The endpoint, without secrets.
    pub endpoint: String,
    /// The provider's newest batch before this one, when there was any: what it lists after it may be this one.
    pub after: Option<String>,
    /// The calls. Their keys are their ids in the batch.
    pub calls: Vec<BatchCall>,
}

/// A call of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchCall {
    /// Hash of the canonical request.
    pub key: CallKey,
    /// The role in the pipeline.
    pub role: String,
    /// What it is for, as the pipeline names its items.
    pub item: String,
}

/// A batch that is not closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingBatch {
    /// Its id with us.
    pub id: String,
    /// When it was intended.
    pub at: Timestamp,
    /// What it holds.
    pub intent: BatchIntent,
    /// Its id with the provider, when that is known.
    pub provider_id: Option<String>,
}

/// A commit: everything up to item `through` is complete.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CommitRecord {
    /// Items committed so far: those before plus `items`.
    pub through: u64,
    /// Append-only artifacts by name and their committed length in bytes. Names that a commit leaves out keep theirs; the
    /// journal completes the map when it writes the record.
    pub files: BTreeMap<String, u64>,
    /// Files that this commit replaces, and the file under `.forgemark/swap/` that takes their place.
    pub swaps: BTreeMap<String, String>,
    /// What the pipeline wants to know of each new item, in order.
    pub items: Vec<Json>,
    /// Usage and cost so far. The journal fills it in.
    pub totals: Json,
}

/// A file that was there before the journal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImportRecord {
    /// Its name in the output folder.
    pub file: String,
    /// Hash of its content, as hexadecimal digits.
    pub sha256: String,
    /// Its rows.
    pub rows: u64,
    /// Its length in bytes, which becomes its committed length.
    pub bytes: u64,
}
