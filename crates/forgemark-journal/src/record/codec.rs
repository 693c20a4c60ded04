//! Records as frames: a JSON header and a raw body.
//!
//! | record | header | body |
//! |---|---|---|
//! | run | id | plan, JSON |
//! | call | everything but the reply | the reply as it came |
//! | commit | through, files, swaps, totals, links | items, one JSON value a line |
//! | rewind | to, forget, links | |
//! | import, end, checkpoint | everything | |
//! | batch | id, stage and what belongs to it | the calls of an intended one, `[key, role, item]` a line |

use std::collections::BTreeMap;

use bytes::Bytes;
use forgemark_contract::ids::CallKey;
use forgemark_contract::json::{self, Json, Object, Style, Writer};
use forgemark_contract::time::Timestamp;

use super::{
    Attempt, BatchCall, BatchIntent, BatchRecord, BatchStage, CallOutcome, CallRecord,
    CommitRecord, ImportRecord, Record, Usage,
};

/// What the journal adds to commits and rewinds so that a reader can walk back without reading the calls in between.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Link {
    /// Position of the commit before, or for a rewind the commit that is the last again.
    pub(crate) prev: Option<u64>,
    /// The run at the time of a commit.
    pub(crate) run: String,
    /// The committed lengths after a rewind. Commits carry their own.
    pub(crate) files: BTreeMap<String, u64>,
}

const RUN: u8 = 1;
const CALL: u8 = 2;
const COMMIT: u8 = 3;
const REWIND: u8 = 4;
const IMPORT: u8 = 5;
const END: u8 = 6;
const CHECKPOINT: u8 = 7;
const BATCH: u8 = 8;

/// The number of a kind of record.
pub(crate) fn kind_of(record: &Record) -> u8 {
    match record {
        Record::Run { .. } => RUN,
        Record::Call(_) => CALL,
        Record::Commit(_) => COMMIT,
        Record::Rewind { .. } => REWIND,
        Record::Import(_) => IMPORT,
        Record::End { .. } => END,
        Record::Checkpoint { .. } => CHECKPOINT,
        Record::Batch(_) => BATCH,
    }
}

/// The raw body of a record. That of a call is shared, not copied.
pub(crate) fn body_of(record: &Record) -> Bytes {
    match record {
        Record::Call(call) => match &call.outcome {
            CallOutcome::Reply(body) | CallOutcome::Failure { body, .. } => body.clone(),
        },
        Record::Run { plan, .. } => json::to_compact(plan).into(),
        Record::Commit(commit) => items_body(&commit.items),
        Record::Checkpoint { state } => json::to_compact(state).into(),
        Record::Batch(BatchRecord {
            stage: BatchStage::Intended(intent),
            ..
        }) => calls_body(&intent.calls),
        Record::Batch(_) | Record::Rewind { .. } | Record::Import(_) | Record::End { .. } => {
            Bytes::new()
        }
    }
}

/// The body of a commit: one item a line.
pub(crate) fn items_body(items: &[Json]) -> Bytes {
    let mut body = Vec::new();
    for item in items {
        Writer::new(&mut body, Style::COMPACT).json(item);
        body.push(b'\n');
    }
    body.into()
}

/// The body of an intended batch: one call a line.
fn calls_body(calls: &[BatchCall]) -> Bytes {
    let mut body = Vec::with_capacity(calls.len() * 128);
    for call in calls {
        let mut w = Writer::new(&mut body, Style::COMPACT);
        w.begin_array();
        w.str(&call.key.to_string());
        w.str(&call.role);
        w.str(&call.item);
        w.end_array();
        body.push(b'\n');
    }
    body.into()
}

/// Appends the JSON header of a record.
pub(crate) fn write_header(out: &mut Vec<u8>, record: &Record, link: &Link) {
    let mut w = Writer::new(out, Style::COMPACT);
    w.begin_object();
    match record {
        Record::Run { run_id, .. } => w.field("run_id", run_id),
        Record::Call(call) => write_call(&mut w, call),
        Record::Commit(commit) => {
            w.field("through", &commit.through);
            w.key("files");
            write_lengths(&mut w, &commit.files);
            if !commit.swaps.is_empty() {
                w.key("swaps");
                w.begin_object();
                for (file, from) in &commit.swaps {
                    w.field(file, from);
                }
                w.end_object();
            }
            w.key("totals");
            w.json(&commit.totals);
            w.field("run", &link.run);
            w.field("prev", &link.prev);
        }
        Record::Rewind { to, forget } => {
            w.field("to", to);
            w.key("forget");
            w.begin_array();
            for key in forget {
                w.str(&key.to_string());
            }
            w.end_array();
            w.key("files");
            write_lengths(&mut w, &link.files);
            w.field("prev", &link.prev);
        }
        Record::Import(import) => {
            w.field("file", &import.file);
            w.field("sha256", &import.sha256);
            w.field("rows", &import.rows);
            w.field("bytes", &import.bytes);
        }
        Record::End { status, detail } => {
            w.field("status", status);
            w.key("detail");
            w.json(detail);
        }
        Record::Batch(batch) => write_batch(&mut w, batch),
        Record::Checkpoint { .. } => {}
    }
    w.end_object();
}

fn write_lengths(w: &mut Writer<'_>, files: &BTreeMap<String, u64>) {
    w.begin_object();
    for (file, len) in files {
        w.field(file, len);
    }
    w.end_object();
}

fn write_batch(w: &mut Writer<'_>, batch: &BatchRecord) {
    w.field("id", &batch.id);
    w.field("at", &batch.at.0);
    match &batch.stage {
        BatchStage::Intended(intent) => {
            w.field("stage", "intended");
            w.field("model", &intent.model);
            w.field("endpoint", &intent.endpoint);
            w.field("after", &intent.after);
        }
        BatchStage::Submitted { provider_id } => {
            w.field("stage", "submitted");
            w.field("provider_id", provider_id);
        }
        BatchStage::Closed { how } => {
            w.field("stage", "closed");
            w.field("how", how);
        }
    }
}

fn write_call(w: &mut Writer<'_>, call: &CallRecord) {
    w.field("key", call.key.to_string().as_str());
    w.field("at", &call.at.0);
    w.field("item", &call.item);
    w.field("role", &call.role);
    w.field("model", &call.model);
    w.field("endpoint", &call.endpoint);
    if !call.attempts.is_empty() {
        w.key("attempts");
        w.begin_array();
        for attempt in &call.attempts {
            w.begin_object();
            w.field("at", &attempt.at.0);
            w.field("endpoint", &attempt.endpoint);
            w.field("ms", &attempt.ms);
            w.field("what", &attempt.what);
            if let Some(status) = attempt.status {
                w.field("status", &u64::from(status));
            }
            if let Some(wait) = attempt.retry_after_ms {
                w.field("retry_after_ms", &wait);
            }
            w.end_object();
        }
        w.end_array();
    }
    w.key("usage");
    w.begin_array();
    let usage = &call.usage;
    for tokens in [
        usage.prompt,
        usage.completion,
        usage.cached,
        usage.reasoning,
    ] {
        w.uint(tokens);
    }
    w.end_array();
    w.field("cost_micro_usd", &call.cost_micro_usd);
    w.field("latency_ms", &call.latency_ms);
    if let CallOutcome::Failure { kind, detail, .. } = &call.outcome {
        w.field("failure", kind);
        w.field("detail", detail);
    }
}

/// Reads a record back from its frame. The error says what is wrong, as a fragment.
pub(crate) fn decode(kind: u8, header: &[u8], body: Bytes) -> Result<(Record, Link), String> {
    let header = json::parse(header).map_err(|e| format!("record header: {e}"))?;
    let mut link = Link::default();
    let record = match kind {
        RUN => Record::Run {
            run_id: text(&header, "run_id")?,
            plan: json::parse(&body).map_err(|e| format!("plan: {e}"))?,
        },
        CALL => Record::Call(read_call(&header, body)?),
        COMMIT => {
            link.prev = header.at("prev").as_u64();
            link.run = text(&header, "run")?;
            Record::Commit(read_commit(header, &body)?)
        }
        REWIND => {
            link.prev = header.at("prev").as_u64();
            link.files = lengths(header.at("files"))?;
            let forget = header
                .items("forget")
                .iter()
                .map(|key| key.as_str().unwrap_or_default().parse::<CallKey>())
                .collect::<Result<_, _>>()
                .map_err(|e| e.to_string())?;
            Record::Rewind {
                to: number(&header, "to")?,
                forget,
            }
        }
        IMPORT => Record::Import(ImportRecord {
            file: text(&header, "file")?,
            sha256: text(&header, "sha256")?,
            rows: number(&header, "rows")?,
            bytes: number(&header, "bytes")?,
        }),
        END => Record::End {
            status: text(&header, "status")?,
            detail: take(header, "detail"),
        },
        CHECKPOINT => Record::Checkpoint {
            state: json::parse(&body).map_err(|e| format!("checkpoint: {e}"))?,
        },
        BATCH => Record::Batch(read_batch(&header, &body)?),
        other => return Err(format!("record of unknown kind {other}")),
    };
    Ok((record, link))
}

fn read_call(header: &Json, body: Bytes) -> Result<CallRecord, String> {
    let tokens = |place: usize| {
        let count = header.items("usage").get(place).and_then(Json::as_u64);
        count.ok_or_else(|| "call without usage".to_owned())
    };
    let attempts = header.items("attempts").iter().map(|attempt| {
        Ok(Attempt {
            at: Timestamp(attempt.i64_or("at", 0)),
            endpoint: text(attempt, "endpoint")?,
            ms: number(attempt, "ms")?,
            what: text(attempt, "what")?,
            status: attempt
                .at("status")
                .as_u64()
                .and_then(|s| u16::try_from(s).ok()),
            retry_after_ms: attempt.at("retry_after_ms").as_u64(),
        })
    });
    let outcome = match header.get("failure") {
        None => CallOutcome::Reply(body),
        Some(kind) => CallOutcome::Failure {
            kind: kind.as_str().unwrap_or_default().to_owned(),
            detail: text(header, "detail")?,
            body,
        },
    };
    Ok(CallRecord {
        key: text(header, "key")?
            .parse()
            .map_err(|e: forgemark_contract::ids::IdError| e.to_string())?,
        at: Timestamp(header.i64_or("at", 0)),
        item: text(header, "item")?,
        role: text(header, "role")?,
        model: text(header, "model")?,
        endpoint: text(header, "endpoint")?,
        attempts: attempts.collect::<Result<_, String>>()?,
        usage: Usage {
            prompt: tokens(0)?,
            completion: tokens(1)?,
            cached: tokens(2)?,
            reasoning: tokens(3)?,
        },
        cost_micro_usd: header.at("cost_micro_usd").as_u64(),
        latency_ms: number(header, "latency_ms")?,
        outcome,
    })
}

fn read_batch(header: &Json, body: &[u8]) -> Result<BatchRecord, String> {
    let stage = match text(header, "stage")?.as_str() {
        "intended" => BatchStage::Intended(BatchIntent {
            model: text(header, "model")?,
            endpoint: text(header, "endpoint")?,
            after: header.at("after").as_str().map(str::to_owned),
            calls: read_calls(body)?,
        }),
        "submitted" => BatchStage::Submitted {
            provider_id: text(header, "provider_id")?,
        },
        "closed" => BatchStage::Closed {
            how: text(header, "how")?,
        },
        other => return Err(format!("batch in the unknown stage '{other}'")),
    };
    Ok(BatchRecord {
        id: text(header, "id")?,
        at: Timestamp(header.i64_or("at", 0)),
        stage,
    })
}

fn read_calls(body: &[u8]) -> Result<Vec<BatchCall>, String> {
    let lines = body.split(|byte| *byte == b'\n').filter(|l| !l.is_empty());
    let call = |line: &[u8]| {
        let call = json::parse(line).map_err(|e| format!("call of a batch: {e}"))?;
        let parts = call.as_array().unwrap_or_default();
        let part = |place: usize| {
            let part = parts.get(place).and_then(Json::as_str);
            part.ok_or_else(|| "call of a batch without key, role or item".to_owned())
        };
        Ok(BatchCall {
            key: part(0)?
                .parse()
                .map_err(|e: forgemark_contract::ids::IdError| e.to_string())?,
            role: part(1)?.to_owned(),
            item: part(2)?.to_owned(),
        })
    };
    lines.map(call).collect()
}

fn read_commit(header: Json, body: &[u8]) -> Result<CommitRecord, String> {
    let mut items = Vec::new();
    for line in body.split(|byte| *byte == b'\n').filter(|l| !l.is_empty()) {
        items.push(json::parse(line).map_err(|e| format!("item: {e}"))?);
    }
    let swaps = match header.get("swaps").and_then(Json::as_object) {
        None => BTreeMap::new(),
        Some(swaps) => swaps
            .iter()
            .map(|(file, from)| {
                (
                    file.to_owned(),
                    from.as_str().unwrap_or_default().to_owned(),
                )
            })
            .collect(),
    };
    Ok(CommitRecord {
        through: number(&header, "through")?,
        files: lengths(header.at("files"))?,
        swaps,
        items,
        totals: take(header, "totals"),
    })
}

pub(crate) fn text(object: &Json, key: &str) -> Result<String, String> {
    let found = object.at(key).as_str();
    found
        .map(str::to_owned)
        .ok_or_else(|| format!("record without text '{key}'"))
}

pub(crate) fn number(object: &Json, key: &str) -> Result<u64, String> {
    let found = object.at(key).as_u64();
    found.ok_or_else(|| format!("record without number '{key}'"))
}

pub(crate) fn lengths(files: &Json) -> Result<BTreeMap<String, u64>, String> {
    let none = Object::new();
    let files = files.as_object().unwrap_or(&none);
    files
        .iter()
        .map(|(file, len)| {
            let len = len.as_u64();
            len.map(|len| (file.to_owned(), len))
                .ok_or_else(|| format!("length of '{file}' is no number"))
        })
        .collect()
}

fn take(object: Json, key: &str) -> Json {
    object.into_object().remove(key).unwrap_or_default()
}
