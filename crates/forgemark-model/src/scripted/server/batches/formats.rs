//! How batches stand on the wire.

use bytes::Bytes;
use forgemark_contract::json::{self, Json};
use memchr::memmem;

use super::{Answered, Batch, Done};
use crate::scripted::completion::CREATED;
use crate::scripted::messages;
use crate::scripted::script::BatchEnd;
use crate::scripted::server::routes::Service;

/// A part of a form.
pub(super) enum Part {
    Found(Bytes),
    Missing,
}

/// The part of this name of a multipart body.
pub(super) fn part_of(body: &Bytes, boundary: &str, name: &str) -> Part {
    let mark = format!("--{boundary}");
    let starts: Vec<usize> = memmem::find_iter(body, mark.as_bytes()).collect();
    for pair in starts.windows(2) {
        let &[start, end] = pair else { continue };
        let from = start + mark.len();
        let Some(head) = memmem::find(&body[from..end], b"\r\n\r\n") else {
            continue;
        };
        let named = format!("name=\"{name}\"");
        if memmem::find(&body[from..from + head], named.as_bytes()).is_some() {
            // What stands before the next mark ends with a line break that belongs to the mark.
            let content = from + head + 4;
            return Part::Found(body.slice(content..end.saturating_sub(2).max(content)));
        }
    }
    Part::Missing
}

/// The value of a key of a query.
pub(super) fn query<'q>(query: &'q str, name: &str) -> Option<&'q str> {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

type Calls = Vec<(String, Bytes)>;

/// The calls of an input file.
pub(super) fn chat_calls(file: &Bytes) -> Answered<Calls> {
    let lines = file
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    let call = |line: &[u8]| {
        let call = json::parse(line).map_err(|_| (400, "a line is no JSON".to_owned()))?;
        let rightly =
            call.str_or("method", "") == "POST" && call.str_or("url", "") == "/v1/chat/completions";
        if !rightly {
            return Err((
                400,
                "a line does not post to /v1/chat/completions".to_owned(),
            ));
        }
        let body = json::to_compact(call.at("body"));
        Ok((call.str_or("custom_id", "").to_owned(), body.into()))
    };
    lines.map(call).collect()
}

/// The calls of a batch of messages.
pub(super) fn message_calls(json: &Json) -> Answered<Calls> {
    let call = |call: &Json| {
        let id = call.str_or("custom_id", "");
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if id.is_empty() || id.len() > 64 || !id.chars().all(plain) {
            return Err((
                400,
                "custom_id: String should match '^[a-zA-Z0-9_-]{1,64}$'".to_owned(),
            ));
        }
        Ok((id.to_owned(), json::to_compact(call.at("params")).into()))
    };
    json.items("requests").iter().map(call).collect()
}

/// A batch as it is told of.
pub(super) fn show(batch: &Batch) -> Json {
    if batch.service == Service::Messages {
        show_messages(batch)
    } else {
        show_chat(batch)
    }
}

fn show_chat(batch: &Batch) -> Json {
    let status = match (&batch.results, batch.looks) {
        (Some(_), _) => batch.end().as_str(),
        (None, _) if batch.cancelled => "cancelling",
        (None, 0 | 1) => "validating",
        (None, looks) if looks == batch.play.polls => "finalizing",
        (None, _) => "in_progress",
    };
    let count = |right: fn(&Done) -> bool| {
        let results = batch.results.as_deref().unwrap_or_default();
        Json::from(results.iter().filter(|done| right(done)).count())
    };
    let file = |kind: &str| {
        let made = batch.results.is_some() && batch.end() != BatchEnd::Failed;
        Json::from(made.then(|| format!("file-{kind}-{}", batch.id)))
    };
    let errors = (status == "failed").then(|| {
        let error = Json::from([
            ("code", Json::from("invalid_request")),
            (
                "message",
                "The scripted batch was found to be faulty.".into(),
            ),
        ]);
        Json::from([("object", Json::from("list")), ("data", vec![error].into())])
    });
    Json::from([
        ("id", Json::from(&batch.id)),
        ("object", "batch".into()),
        ("endpoint", "/v1/chat/completions".into()),
        ("errors", errors.into()),
        ("input_file_id", (&batch.input).into()),
        ("completion_window", "24h".into()),
        ("status", status.into()),
        ("output_file_id", file("output")),
        ("error_file_id", file("error")),
        (
            "created_at",
            CREATED.parse::<i64>().unwrap_or_default().into(),
        ),
        (
            "request_counts",
            Json::from([
                ("total", Json::from(batch.calls.len())),
                ("completed", count(Done::succeeded)),
                ("failed", count(|done| !done.succeeded())),
            ]),
        ),
        ("metadata", batch.metadata.clone()),
    ])
}

fn show_messages(batch: &Batch) -> Json {
    let results = batch.results.as_deref();
    let status = match results {
        Some(_) => "ended",
        None if batch.cancelled => "canceling",
        None => "in_progress",
    };
    let end = batch.end();
    let count = |kind: &str| {
        let of_kind = |done: &&Done| kind_of(done, end) == kind;
        let results = results.unwrap_or_default();
        Json::from(results.iter().filter(of_kind).count())
    };
    let processing = results.map_or(batch.calls.len(), |_| 0);
    Json::from([
        ("id", Json::from(&batch.id)),
        ("type", "message_batch".into()),
        ("processing_status", status.into()),
        (
            "request_counts",
            Json::from([
                ("processing", Json::from(processing)),
                ("succeeded", count("succeeded")),
                ("errored", count("errored")),
                ("canceled", count("canceled")),
                ("expired", count("expired")),
            ]),
        ),
        ("created_at", "2023-11-14T22:13:20Z".into()),
        (
            "results_url",
            results
                .map(|_| format!("/v1/messages/batches/{}/results", batch.id))
                .into(),
        ),
    ])
}

/// What became of a call, in Anthropic's word.
fn kind_of(done: &Done, end: BatchEnd) -> &'static str {
    match (&done.answer, end) {
        (Some((200, _)), _) => "succeeded",
        (None, BatchEnd::Expired) => "expired",
        (None, BatchEnd::Cancelled) => "canceled",
        _ => "errored",
    }
}

impl Done {
    fn succeeded(&self) -> bool {
        matches!(self.answer, Some((200, _)))
    }
}

fn lines(lines: impl Iterator<Item = Vec<u8>>) -> Bytes {
    let mut out = Vec::new();
    for line in lines {
        out.extend_from_slice(&line);
        out.push(b'\n');
    }
    out.into()
}

/// One line of a file of results; `response` and `error` are JSON.
fn chat_line(id: &str, response: &[u8], error: &[u8]) -> Vec<u8> {
    let custom = json::to_compact(&Json::from(id));
    [
        b"{\"id\":\"batch_req\",\"custom_id\":",
        custom.as_slice(),
        b",\"response\":",
        response,
        b",\"error\":",
        error,
        b"}",
    ]
    .concat()
}

fn chat_response(status: u16, body: &[u8]) -> Vec<u8> {
    let mut out =
        format!("{{\"status_code\":{status},\"request_id\":\"req\",\"body\":").into_bytes();
    out.extend_from_slice(if body.is_empty() { b"{}" } else { body });
    out.push(b'}');
    out
}

/// The output file: what succeeded.
pub(super) fn chat_output(results: &[Done]) -> Bytes {
    let done = results.iter().filter(|done| done.succeeded());
    lines(done.filter_map(|done| {
        let (status, body) = done.answer.as_ref()?;
        Some(chat_line(&done.id, &chat_response(*status, body), b"null"))
    }))
}

/// The error file: what did not.
pub(super) fn chat_errors(results: &[Done], end: BatchEnd) -> Bytes {
    let failed = results.iter().filter(|done| !done.succeeded());
    lines(failed.map(|done| {
        if let Some((status, body)) = &done.answer {
            return chat_line(&done.id, &chat_response(*status, body), b"null");
        }
        let code = match end {
            BatchEnd::Expired => "batch_expired",
            BatchEnd::Cancelled => "batch_cancelled",
            BatchEnd::Completed | BatchEnd::Failed => "server_error",
        };
        let error = Json::from([
            ("code", Json::from(code)),
            ("message", "This request was not executed.".into()),
        ]);
        chat_line(&done.id, b"null", &json::to_compact(&error))
    }))
}

/// The results of a batch of messages.
pub(super) fn message_results(results: &[Done], end: BatchEnd) -> Bytes {
    lines(results.iter().map(|done| {
        let mut result = format!("{{\"type\":\"{}\"", kind_of(done, end)).into_bytes();
        match &done.answer {
            Some((200, body)) => {
                result.extend_from_slice(b",\"message\":");
                result.extend_from_slice(body);
            }
            Some((status, body)) => {
                result.extend_from_slice(b",\"error\":");
                if body.is_empty() {
                    result.extend_from_slice(&messages::error_body(*status, "it broke"));
                } else {
                    result.extend_from_slice(body);
                }
            }
            None if end == BatchEnd::Completed || end == BatchEnd::Failed => {
                result.extend_from_slice(b",\"error\":");
                result.extend_from_slice(&messages::error_body(500, "Internal server error"));
            }
            None => {}
        }
        result.push(b'}');
        let custom = json::to_compact(&Json::from(&done.id));
        let (head, middle): (&[u8], &[u8]) = (b"{\"custom_id\":", b",\"result\":");
        [head, &custom, middle, &result, b"}"].concat()
    }))
}
