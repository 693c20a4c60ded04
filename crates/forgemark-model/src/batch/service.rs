//! The batch services of the two protocols.
//!
//! | | `OpenAI` | Anthropic |
//! |---|---|---|
//! | submit | `POST files` (JSON lines as a form), `POST batches` with our id as metadata | `POST messages/batches` |
//! | find again | the list, by our id in the metadata | the list since a known batch, by the calls of its results |
//! | look | `GET batches/ID`: validating, `in_progress`, finalizing; completed, failed, expired, cancelled | `GET messages/batches/ID`: `in_progress`, canceling; ended |
//! | results | `GET files/ID/content` of output and errors | `GET messages/batches/ID/results` |
//!
//! Results stand in any order; what they do not name was not finished. Addresses that an answer names are not followed: the
//! key goes nowhere but to the endpoint.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use forgemark_contract::ids::CallKey;
use forgemark_contract::json::{self, Json};
use reqwest::header::HeaderValue;
use reqwest::{Method, Url};

use crate::adapt::{Accepts, Sent};
use crate::caller::Shared;
use crate::chat::ChatRequest;
use crate::config::{Params, RoleParams, Wire};
use crate::endpoint::Endpoint;
use crate::http::{self, RawAnswer};
use crate::retry::bounded;
use crate::wire::{Answer, ErrorKind, Fault, classify};

/// Most bytes of the results of a batch.
const MAX_RESULTS: usize = 1 << 30;

/// Least time for an upload or a download; a batch is large.
const TRANSFER: Duration = Duration::from_mins(10);

/// Batches of a page of a list.
const PAGE: &str = "100";

/// Pages of a list that are looked through: more batches than anybody has begun since ours.
const PAGES: usize = 100;

/// What our id is called in the metadata of a batch.
const ID: &str = "forgemark_batch";

/// An endpoint's batch service.
#[derive(Clone, Copy)]
pub(super) struct Service<'a> {
    pub(super) shared: &'a Shared,
    pub(super) endpoint: &'a Endpoint,
    /// Longest wait for a short answer.
    pub(super) patience: Duration,
}

/// A call on its way into a batch.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) key: CallKey,
    /// The body that the endpoint would get for the call alone.
    pub(super) body: Bytes,
}

/// How a batch is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Look {
    /// Not done yet.
    Running,
    /// Done; the files with its results, where the protocol has any.
    Ended { how: String, files: Vec<String> },
}

/// What became of a call of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It was answered with this body.
    Reply(Bytes),
    /// It was answered with an error.
    Error,
    /// It was never made.
    Unfinished,
}

/// A batch in a list of the provider.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) id: String,
    /// Our id, where the protocol keeps it.
    pub(super) ours: Option<String>,
    /// Its calls, where the list tells their number.
    pub(super) calls: Option<u64>,
}

impl Service<'_> {
    fn path(&self) -> &'static str {
        match self.endpoint.wire {
            Wire::OpenAi => "/batches",
            Wire::Anthropic => "/messages/batches",
        }
    }

    fn url(&self, rest: &str) -> Url {
        self.endpoint.beside(&format!("{}{rest}", self.path()))
    }

    /// Sends a batch; the provider's id.
    pub(super) async fn submit(&self, id: &str, items: &[Item]) -> Result<String, Fault> {
        let body = match self.endpoint.wire {
            Wire::OpenAi => {
                let file = self.upload(id, items).await?;
                let metadata = Json::object([(ID, Json::from(id))]);
                json::to_compact(&Json::object([
                    ("input_file_id", Json::from(file)),
                    ("endpoint", Json::from("/v1/chat/completions")),
                    ("completion_window", Json::from("24h")),
                    ("metadata", metadata),
                ]))
            }
            Wire::Anthropic => message_requests(items),
        };
        let answer = self.post_json(self.url(""), body.into()).await?;
        part_of_address(&answer, "id")
    }

    async fn upload(&self, id: &str, items: &[Item]) -> Result<String, Fault> {
        let (content_type, body) = form(id, items);
        let content_type = HeaderValue::from_str(&content_type)
            .map_err(|_| not_ours("the batch's id cannot stand in a header"))?;
        let url = self.endpoint.beside("/files");
        let answer = self
            .ask(Method::POST, url, Some((content_type, body)), TRANSFER)
            .await?;
        part_of_address(&parsed(&answer)?, "id")
    }

    /// How a batch is doing.
    pub(super) async fn look(&self, id: &str) -> Result<Look, Fault> {
        let answer = self.get(self.url(&format!("/{id}")), self.patience).await?;
        let answer = parsed(&answer)?;
        match self.endpoint.wire {
            Wire::OpenAi => {
                let status = text(&answer, "status")?;
                let ended = ["completed", "failed", "expired", "cancelled"];
                if !ended.contains(&status.as_str()) {
                    return Ok(Look::Running);
                }
                let mut files = Vec::new();
                for key in ["output_file_id", "error_file_id"] {
                    if answer.at(key).as_str().is_some() {
                        files.push(part_of_address(&answer, key)?);
                    }
                }
                let how = match answer.at("errors").items("data").first() {
                    Some(error) => format!("{status}: {}", error.str_or("message", "")),
                    None => status,
                };
                Ok(Look::Ended { how, files })
            }
            Wire::Anthropic if text(&answer, "processing_status")? == "ended" => Ok(Look::Ended {
                how: "ended".to_owned(),
                files: vec![id.to_owned()],
            }),
            Wire::Anthropic => Ok(Look::Running),
        }
    }

    /// What became of the calls of a batch that has ended, in the order of its files.
    pub(super) async fn results(&self, files: &[String]) -> Result<Vec<(CallKey, Outcome)>, Fault> {
        let mut outcomes = Vec::new();
        for file in files {
            let url = match self.endpoint.wire {
                Wire::OpenAi => self.endpoint.beside(&format!("/files/{file}/content")),
                Wire::Anthropic => self.url(&format!("/{file}/results")),
            };
            let lines = self.get(url, TRANSFER).await?;
            for line in lines.split(|byte| *byte == b'\n') {
                if line.trim_ascii().is_empty() {
                    continue;
                }
                let line = json::parse(line)
                    .map_err(|error| not_ours(&format!("a line of results is no JSON: {error}")))?;
                // A call that is none of ours is somebody else's business.
                if let Ok(key) = line.str_or("custom_id", "").parse() {
                    outcomes.push((key, self.outcome(&line)));
                }
            }
        }
        Ok(outcomes)
    }

    fn outcome(&self, line: &Json) -> Outcome {
        let reply = |body: &Json| Outcome::Reply(json::to_compact(body).into());
        match self.endpoint.wire {
            Wire::OpenAi => {
                let response = line.at("response");
                let code = line.at("error").str_or("code", "");
                match response.at("status_code").as_u64() {
                    Some(200) => reply(response.at("body")),
                    Some(_) => Outcome::Error,
                    None if code == "batch_expired" || code == "batch_cancelled" => {
                        Outcome::Unfinished
                    }
                    None => Outcome::Error,
                }
            }
            Wire::Anthropic => {
                let result = line.at("result");
                match result.str_or("type", "") {
                    "succeeded" => reply(result.at("message")),
                    "expired" | "canceled" => Outcome::Unfinished,
                    _ => Outcome::Error,
                }
            }
        }
    }

    /// The id of the newest batch, `None` where there is none.
    pub(super) async fn newest(&self) -> Result<Option<String>, Fault> {
        let page = self.page(None, "1").await?;
        Ok(page.0.into_iter().next().map(|batch| batch.id))
    }

    /// The batches that are newer than `after`, newest first; all where that is not found among them.
    pub(super) async fn since(&self, after: Option<&str>) -> Result<Vec<Listed>, Fault> {
        let mut newer: Vec<Listed> = Vec::new();
        for _ in 0..PAGES {
            let cursor = newer.last().map(|batch| batch.id.clone());
            let (page, more) = self.page(cursor.as_deref(), PAGE).await?;
            let seen: BTreeSet<String> = newer.iter().map(|batch| batch.id.clone()).collect();
            let before = newer.len();
            for batch in page {
                if Some(batch.id.as_str()) == after {
                    return Ok(newer);
                }
                if !seen.contains(&batch.id) {
                    newer.push(batch);
                }
            }
            if !more || newer.len() == before {
                break;
            }
        }
        Ok(newer)
    }

    /// One page of the list, and whether there are more.
    async fn page(&self, after: Option<&str>, limit: &str) -> Result<(Vec<Listed>, bool), Fault> {
        let mut url = self.url("");
        {
            let mut query = url.query_pairs_mut();
            query.append_pair("limit", limit);
            if let Some(after) = after {
                let name = match self.endpoint.wire {
                    Wire::OpenAi => "after",
                    Wire::Anthropic => "after_id",
                };
                query.append_pair(name, after);
            }
        }
        let answer = parsed(&self.get(url, self.patience).await?)?;
        let Some(list) = answer.at("data").as_array() else {
            return Err(not_ours("the list of batches has no data"));
        };
        let listed = list.iter().map(|batch| {
            let counts = batch.at("request_counts").as_object();
            let counts = counts.map(|counts| match counts.get("total") {
                Some(total) => total.as_u64().unwrap_or(0),
                None => counts.values().filter_map(Json::as_u64).sum(),
            });
            Ok(Listed {
                id: part_of_address(batch, "id")?,
                ours: batch.at("metadata").at(ID).as_str().map(str::to_owned),
                calls: counts,
            })
        });
        let more = *answer.at("has_more") == Json::Bool(true);
        Ok((listed.collect::<Result<_, Fault>>()?, more))
    }

    async fn get(&self, url: Url, patience: Duration) -> Result<Bytes, Fault> {
        self.ask(Method::GET, url, None, patience).await
    }

    async fn post_json(&self, url: Url, body: Bytes) -> Result<Json, Fault> {
        let content_type = HeaderValue::from_static("application/json");
        let answer = self
            .ask(Method::POST, url, Some((content_type, body)), TRANSFER)
            .await?;
        parsed(&answer)
    }

    async fn ask(
        &self,
        method: Method,
        url: Url,
        body: Option<(HeaderValue, Bytes)>,
        patience: Duration,
    ) -> Result<Bytes, Fault> {
        let sending = http::send(self.endpoint, method, url, body, MAX_RESULTS);
        let patience = patience.max(self.patience);
        bounded(&self.shared.scrubber, sending, patience, |answer| {
            self.judge(answer)
        })
        .await
    }

    fn judge(&self, answer: RawAnswer) -> Result<Bytes, Fault> {
        if answer.status.is_success() {
            return Ok(answer.body);
        }
        let (request, params) = (
            ChatRequest::new(Vec::new(), 0),
            RoleParams::plain(Params::default()),
        );
        let sent = Sent {
            wire: self.endpoint.wire,
            accepts: Accepts::everything(),
            request: &request,
            params: &params,
        };
        let answer = Answer {
            status: answer.status,
            headers: &answer.headers,
            body: answer.body,
            now: (self.shared.clock)(),
        };
        Err(classify(&answer, &sent))
    }
}

/// A success that is none: whatever answered is not the service.
fn not_ours(what: &str) -> Fault {
    Fault::transport(ErrorKind::NotChat, what.to_owned())
}

fn parsed(body: &Bytes) -> Result<Json, Fault> {
    json::parse(body).map_err(|error| not_ours(&format!("the body is no JSON: {error}")))
}

fn text(json: &Json, key: &str) -> Result<String, Fault> {
    let text = json.at(key).as_str().filter(|text| !text.is_empty());
    let text = text.ok_or_else(|| not_ours(&format!("the answer has no {key}")))?;
    Ok(text.to_owned())
}

/// An id of the provider, which becomes a part of addresses.
fn part_of_address(json: &Json, key: &str) -> Result<String, Fault> {
    let id = text(json, key)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
    if id.chars().all(plain) {
        return Ok(id);
    }
    Err(not_ours(&format!("the answer's {key} is no id")))
}

/// The calls as an upload: content type and body.
fn form(id: &str, items: &[Item]) -> (String, Bytes) {
    let boundary = format!("forgemark-{id}");
    let size: usize = items.iter().map(|item| item.body.len() + 192).sum();
    let mut out = Vec::with_capacity(size + 512);
    out.extend_from_slice(
        format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n\
             --{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{id}.jsonl\"\r\n\
             Content-Type: application/jsonl\r\n\r\n"
        )
        .as_bytes(),
    );
    for item in items {
        out.extend_from_slice(b"{\"custom_id\":\"");
        out.extend_from_slice(item.key.to_string().as_bytes());
        out.extend_from_slice(b"\",\"method\":\"POST\",\"url\":\"/v1/chat/completions\",\"body\":");
        out.extend_from_slice(&item.body);
        out.extend_from_slice(b"}\n");
    }
    out.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    (
        format!("multipart/form-data; boundary={boundary}"),
        out.into(),
    )
}

fn message_requests(items: &[Item]) -> Vec<u8> {
    let mut out = b"{\"requests\":[".to_vec();
    for (n, item) in items.iter().enumerate() {
        if n > 0 {
            out.push(b',');
        }
        out.extend_from_slice(b"{\"custom_id\":\"");
        out.extend_from_slice(item.key.to_string().as_bytes());
        out.extend_from_slice(b"\",\"params\":");
        out.extend_from_slice(&item.body);
        out.push(b'}');
    }
    out.extend_from_slice(b"]}");
    out
}
