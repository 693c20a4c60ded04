//! `forgemark journal dump`: every record as a line of JSON, in order.

use std::sync::Arc;

use forgemark_contract::json::{Json, Object};
use forgemark_journal::{
    Attempt, BatchRecord, BatchStage, CallOutcome, CallRecord, Entry, Record, Storage, dump,
};

use crate::Context;
use crate::cli::JournalDumpArgs;
use crate::error::AppError;

/// Prints the records. What is readable before a damage is printed before the error.
pub(super) fn run(
    args: &JournalDumpArgs,
    storage: &Arc<dyn Storage>,
    context: &Context<'_>,
) -> Result<(), AppError> {
    let mut entries = dump(storage, &args.dir)?;
    for entry in &mut entries {
        context
            .printer
            .json_line(&entry_json(&entry?, args.bodies))?;
    }
    let torn = entries.torn_bytes();
    if torn > 0 {
        context.printer.warn(format!(
            "{torn} bytes after the last record are torn; they were never acknowledged"
        ));
    }
    Ok(())
}

fn entry_json(entry: &Entry, bodies: bool) -> Json {
    let (kind, fields) = record_json(&entry.record, bodies);
    let segment = entry
        .segment
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    let mut line = Object::from([
        ("position", entry.position.into()),
        ("segment", segment.into()),
        ("offset", entry.offset.into()),
        ("bytes", entry.bytes.into()),
        ("kind", kind.into()),
    ]);
    for (name, value) in fields {
        line.insert(name, value);
    }
    Json::Object(line)
}

fn record_json(record: &Record, bodies: bool) -> (&'static str, Object) {
    match record {
        Record::Run { run_id, plan } => (
            "run",
            Object::from([("run_id", run_id.into()), ("plan", plan.clone())]),
        ),
        Record::Call(call) => ("call", call_json(call, bodies)),
        Record::Commit(commit) => {
            let fields = Object::from([
                ("through", commit.through.into()),
                ("files", commit.files.clone().into()),
                ("swaps", commit.swaps.clone().into()),
                ("items", Json::Array(commit.items.clone())),
                ("totals", commit.totals.clone()),
            ]);
            ("commit", fields)
        }
        Record::Rewind { to, forget } => {
            let forget = forget
                .iter()
                .map(|key| Json::from(key.to_string()))
                .collect();
            (
                "rewind",
                Object::from([("to", (*to).into()), ("forget", forget)]),
            )
        }
        Record::Import(import) => {
            let fields = Object::from([
                ("file", import.file.as_str().into()),
                ("sha256", import.sha256.as_str().into()),
                ("rows", import.rows.into()),
                ("file_bytes", import.bytes.into()),
            ]);
            ("import", fields)
        }
        Record::End { status, detail } => (
            "end",
            Object::from([("status", status.into()), ("detail", detail.clone())]),
        ),
        Record::Batch(batch) => ("batch", batch_json(batch)),
        Record::Checkpoint { state } => ("checkpoint", Object::from([("state", state.clone())])),
    }
}

fn batch_json(batch: &BatchRecord) -> Object {
    let mut fields = Object::from([
        ("id", batch.id.as_str().into()),
        ("at", batch.at.dataset_style().into()),
    ]);
    match &batch.stage {
        BatchStage::Intended(intent) => {
            fields.insert("stage", "intended");
            fields.insert("model", intent.model.as_str());
            fields.insert("endpoint", intent.endpoint.as_str());
            fields.insert("after", intent.after.clone());
            let calls = intent.calls.iter();
            let keys: Json = calls.map(|call| Json::from(call.key.to_string())).collect();
            fields.insert("calls", keys);
        }
        BatchStage::Submitted { provider_id } => {
            fields.insert("stage", "submitted");
            fields.insert("provider_id", provider_id.as_str());
        }
        BatchStage::Closed { how } => {
            fields.insert("stage", "closed");
            fields.insert("how", how.as_str());
        }
    }
    fields
}

fn call_json(call: &CallRecord, bodies: bool) -> Object {
    let mut fields = Object::from([
        ("key", call.key.to_string().into()),
        ("at", call.at.dataset_style().into()),
        ("item", call.item.as_str().into()),
        ("role", call.role.as_str().into()),
        ("model", call.model.as_str().into()),
        ("endpoint", call.endpoint.as_str().into()),
        ("attempts", call.attempts.iter().map(attempt_json).collect()),
        ("prompt_tokens", call.usage.prompt.into()),
        ("completion_tokens", call.usage.completion.into()),
        ("cached_tokens", call.usage.cached.into()),
        ("reasoning_tokens", call.usage.reasoning.into()),
        ("cost_micro_usd", call.cost_micro_usd.into()),
        ("latency_ms", call.latency_ms.into()),
    ]);
    let body = match &call.outcome {
        CallOutcome::Reply(body) => {
            fields.insert("outcome", "reply");
            body
        }
        CallOutcome::Failure { kind, detail, body } => {
            fields.insert("outcome", "failure");
            fields.insert("failure", kind.as_str());
            fields.insert("detail", detail.as_str());
            body
        }
    };
    fields.insert("body_bytes", body.len());
    if bodies {
        // A body that is no UTF-8 text shows replacement characters; `body_bytes` counts the real ones.
        fields.insert("body", String::from_utf8_lossy(body).into_owned());
    }
    fields
}

fn attempt_json(attempt: &Attempt) -> Json {
    Json::object([
        ("at", attempt.at.dataset_style().into()),
        ("endpoint", attempt.endpoint.as_str().into()),
        ("ms", attempt.ms.into()),
        ("what", attempt.what.as_str().into()),
        ("status", attempt.status.map(u32::from).into()),
        ("retry_after_ms", attempt.retry_after_ms.into()),
    ])
}
