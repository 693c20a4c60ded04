//! Records and disks for tests.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use forgemark_contract::ids::CallKey;
use forgemark_contract::json::Json;
use forgemark_contract::time::Timestamp;
use forgemark_journal::{
    Attempt, CallOutcome, CallRecord, CommitRecord, IndexOptions, Journal, JournalError,
    OpenOptions, Record, Recovered, Storage, Usage,
};

pub(crate) fn out() -> PathBuf {
    PathBuf::from("/out")
}

/// Everything tiny, so that a few records roll segments, flush the index and merge its runs.
pub(crate) const TINY: OpenOptions = OpenOptions {
    segment_bytes: 3000,
    gather: Duration::ZERO,
    sync: true,
    index: IndexOptions {
        memtable_entries: 4,
        fan_in: 2,
    },
};

pub(crate) fn open(
    storage: &(impl Storage + Clone + 'static),
) -> Result<(Journal, Recovered), JournalError> {
    open_with(storage, TINY)
}

pub(crate) fn open_with(
    storage: &(impl Storage + Clone + 'static),
    options: OpenOptions,
) -> Result<(Journal, Recovered), JournalError> {
    Journal::open(Arc::new(storage.clone()), &out(), options)
}

pub(crate) fn shared(storage: &(impl Storage + Clone + 'static)) -> Arc<dyn Storage> {
    Arc::new(storage.clone())
}

pub(crate) fn key(name: &str) -> CallKey {
    CallKey::of(name.as_bytes())
}

/// A call that is named by its request and answers with `reply`.
pub(crate) fn call(request: &str, reply: &str) -> CallRecord {
    CallRecord {
        key: key(request),
        at: Timestamp(1_900_000_000_000_000),
        item: request.to_owned(),
        role: "assistant".to_owned(),
        model: "model \"m\"".to_owned(),
        endpoint: "http://localhost:1".to_owned(),
        attempts: Vec::new(),
        usage: Usage {
            prompt: 100,
            completion: 10,
            cached: 5,
            reasoning: 1,
        },
        cost_micro_usd: Some(7),
        latency_ms: 250,
        outcome: CallOutcome::Reply(Bytes::copy_from_slice(reply.as_bytes())),
    }
}

/// A call with every field in use.
pub(crate) fn failed_call(request: &str) -> CallRecord {
    CallRecord {
        role: "judge".to_owned(),
        attempts: vec![
            Attempt {
                at: Timestamp(-5),
                endpoint: "e\u{2028}1".to_owned(),
                ms: 12,
                what: "429".to_owned(),
                status: Some(429),
                retry_after_ms: Some(1500),
            },
            Attempt::default(),
        ],
        cost_micro_usd: None,
        outcome: CallOutcome::Failure {
            kind: "refusal".to_owned(),
            detail: "no\nthanks".to_owned(),
            body: Bytes::from_static(b"\x00\xff{not json"),
        },
        ..call(request, "")
    }
}

pub(crate) fn commit(through: u64, items: Vec<Json>) -> Record {
    Record::Commit(CommitRecord {
        through,
        items,
        ..CommitRecord::default()
    })
}

pub(crate) fn item(number: u64) -> Json {
    Json::object([
        ("n", Json::from(number)),
        ("text", Json::from("ä\u{2028}\"\n")),
    ])
}

/// The segments on a disk, in order.
pub(crate) fn segments(storage: &dyn Storage) -> Vec<PathBuf> {
    let dir = out().join(".forgemark/journal");
    let names = storage.list(&dir).expect("a journal folder");
    let segments = names.into_iter().filter(|name| name.contains(".fmj"));
    segments.map(|name| dir.join(name)).collect()
}

pub(crate) fn len(storage: &dyn Storage, path: &Path) -> u64 {
    storage.len(path).expect("a disk").expect("a file")
}
