//! The tools that the assistant may call: a search in the documents, and one in the web where it is configured.

use std::sync::Arc;

use forgemark_contract::dialogue::ToolEvent;
use forgemark_contract::json::{Json, Object, parse_str};
use forgemark_corpus::{ChunkId, Corpus};
use forgemark_model::chat::{ToolCall, ToolSpec};

use crate::passages::neutralise;
use crate::web::WebPage;

/// Name of the search in the documents.
pub(crate) const SEARCH: &str = "vector_db_search";
/// Name of the search in the web.
pub(crate) const WEB: &str = "web_search";
/// Most passages that one search returns, whatever the model asks for.
const MOST: u64 = 20;

/// The tools that the assistant is offered.
pub(crate) fn specs(web: bool) -> Vec<ToolSpec> {
    let text = |description: &str| {
        Json::object([
            ("type", Json::from("string")),
            ("description", Json::from(description)),
        ])
    };
    let parameters = |properties: Json| {
        Json::object([
            ("type", Json::from("object")),
            ("properties", properties),
            ("required", Json::Array(vec![Json::from("query")])),
            ("additionalProperties", Json::from(false)),
        ])
    };
    let query = text("What to look for, in a few words.");
    let documents = ToolSpec {
        name: SEARCH.to_owned(),
        description: "Search the documents for passages about a query. Use it when the passages \
                      at hand do not answer the question."
            .to_owned(),
        parameters: parameters(Json::object([
            ("query", query.clone()),
            (
                "k",
                Json::object([
                    ("type", Json::from("integer")),
                    ("description", Json::from("How many passages, 1 to 20.")),
                ]),
            ),
        ]))
        .into(),
    };
    let pages = web.then(|| ToolSpec {
        name: WEB.to_owned(),
        description: "Search the web for pages about a query. Use it when the documents do not \
                      answer the question."
            .to_owned(),
        parameters: parameters(Json::object([("query", query)])).into(),
    });
    std::iter::once(documents).chain(pages).collect()
}

/// The tools in the spelling of a chat request, for the rows.
pub(crate) fn schema(web: bool) -> Json {
    Json::Array(
        specs(web)
            .into_iter()
            .map(|tool| {
                Json::object([
                    ("type", Json::from("function")),
                    (
                        "function",
                        Json::object([
                            ("name", Json::from(tool.name)),
                            ("description", Json::from(tool.description)),
                            ("parameters", tool.parameters.json().clone()),
                        ]),
                    ),
                ])
            })
            .collect(),
    )
}

/// What a call asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// So many passages about this.
    Passages {
        /// The query.
        query: String,
        /// From 1 to 20.
        k: usize,
    },
    /// Pages about this.
    Pages {
        /// The query.
        query: String,
    },
    /// Nothing that there is: what to tell the model, so that it can do better in the next round.
    Nothing(String),
}

/// A call that was read.
#[derive(Debug)]
pub(crate) struct Read {
    /// The arguments as they came; under `unparsed` where they are no object.
    pub(crate) arguments: Json,
    pub(crate) wanted: Wanted,
}

/// Reads a call of one of the tools; `web` says whether the web's is among them.
pub(crate) fn read(call: &ToolCall, default_k: usize, web: bool) -> Read {
    let (arguments, parsed) = match parse_str(&call.arguments) {
        Ok(Json::Object(object)) => (Json::Object(object), true),
        _ if call.arguments.trim().is_empty() => (Json::empty_object(), true),
        _ => (
            Json::object([("unparsed", Json::from(call.arguments.as_str()))]),
            false,
        ),
    };
    let query = arguments.get("query").and_then(Json::as_str).map(str::trim);
    let query = query.filter(|query| !query.is_empty()).map(str::to_owned);
    let wanted = match (call.name.as_str(), parsed, query) {
        (SEARCH, true, Some(query)) => Wanted::Passages {
            k: arguments
                .get("k")
                .and_then(Json::as_u64)
                .unwrap_or(default_k as u64)
                .clamp(1, MOST) as usize,
            query,
        },
        (WEB, true, Some(query)) if web => Wanted::Pages { query },
        (name, _, _) if name != SEARCH && !(web && name == WEB) => {
            let there = if web {
                format!("the tools are {SEARCH} and {WEB}")
            } else {
                format!("the only tool is {SEARCH}")
            };
            Wanted::Nothing(format!("there is no tool named {name:?}; {there}"))
        }
        (_, false, _) => Wanted::Nothing("the arguments are not a JSON object".to_owned()),
        (_, true, _) => Wanted::Nothing("`query` must be text that is not empty".to_owned()),
    };
    Read { arguments, wanted }
}

/// The event for the rows.
pub(crate) fn event(
    call: &ToolCall,
    arguments: Json,
    result: Json,
    round: usize,
    content: &str,
) -> ToolEvent {
    ToolEvent {
        id: Some(call.id.clone()),
        name: call.name.clone(),
        arguments: Arc::new(arguments),
        result: Arc::new(result),
        extra: Object::new(),
        forgemark: Some(Json::object([
            ("round", Json::from(round)),
            ("content", Json::from(content)),
        ])),
    }
}

/// The result of a call that asks for nothing that there is.
pub(crate) fn refusal(what: &str) -> Json {
    Json::object([("error", Json::from(what))])
}

/// The result of a search in the documents.
pub(crate) fn passages(corpus: &Corpus, query: &str, chunks: &[ChunkId]) -> Json {
    let mut rendered = String::new();
    let results = chunks
        .iter()
        .map(|chunk| {
            // The passages stand once, in `results`; the rendering lists where they come from.
            rendered.push_str(&corpus.descriptor(*chunk));
            rendered.push('\n');
            Json::object([
                ("source", Json::from(corpus.source(*chunk))),
                (
                    "chunk_index",
                    Json::from(corpus.chunk(*chunk).map(|chunk| i64::from(chunk.ordinal))),
                ),
                (
                    "content",
                    Json::from(neutralise(corpus.text(*chunk)).into_owned()),
                ),
            ])
        })
        .collect();
    found(query, results, rendered)
}

/// The result of a search in the web.
pub(crate) fn pages(query: &str, pages: &[WebPage]) -> Json {
    let results: Vec<Json> = pages.iter().map(WebPage::result).collect();
    let mut rendered = String::new();
    for result in &results {
        rendered.push_str(result.str_or("link", ""));
        rendered.push('\n');
    }
    found(query, results, rendered)
}

/// The result of a search in the web that failed.
pub(crate) fn failed(query: &str, why: &str) -> Json {
    let what = format!("the web search failed: {}", neutralise(why));
    let mut result = found(query, Vec::new(), String::new());
    if let Some(result) = result.as_object_mut() {
        result.insert("error", what);
    }
    result
}

fn found(query: &str, results: Vec<Json>, rendered: String) -> Json {
    Json::object([
        ("query", Json::from(query)),
        ("results", Json::Array(results)),
        ("rendered", Json::from(rendered)),
    ])
}

/// Puts what was done in place of what the model says it did: the queries of the searches that were made, and whether one in
/// the web was answered. Answers with a flag where the claim was another.
pub(crate) fn tell_the_truth(answer: &mut Json, events: &[ToolEvent]) -> Option<String> {
    let of = |tool: &str| {
        let calls = events.iter().filter(|event| event.name == tool);
        let queries = calls.filter_map(|event| event.result.get("query"));
        Json::Array(queries.cloned().collect())
    };
    let searched = events
        .iter()
        .any(|event| event.name == WEB && event.result.get("error").is_none());
    let object = answer.as_object_mut()?;
    if let Some(Json::Object(trace)) = object.get_mut("reasoning_trace") {
        let queries = [(SEARCH, of(SEARCH)), (WEB, of(WEB))];
        trace.insert("retrieval_queries", Json::object(queries));
    }
    let claimed = object.get("did_web_search").and_then(Json::as_bool);
    object.insert("did_web_search", searched);
    let wrong = claimed.is_some_and(|claimed| claimed != searched);
    wrong.then(|| format!("did_web_search was given as {}", !searched))
}

#[cfg(test)]
mod tests;
