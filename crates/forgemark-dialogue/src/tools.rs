//! The tool that the assistant may call: a search in the documents.

use std::sync::Arc;

use forgemark_contract::dialogue::ToolEvent;
use forgemark_contract::json::{Json, Object, parse_str};
use forgemark_corpus::{ChunkId, Corpus};
use forgemark_model::chat::{ToolCall, ToolSpec};

use crate::passages::neutralise;

/// Name of the search tool.
pub(crate) const SEARCH: &str = "vector_db_search";
/// Most passages that one search returns, whatever the model asks for.
const MOST: u64 = 20;

/// The tools that the assistant is offered.
pub(crate) fn specs() -> Vec<ToolSpec> {
    vec![ToolSpec {
        name: SEARCH.to_owned(),
        description: "Search the documents for passages about a query. Use it when the passages \
                      at hand do not answer the question."
            .to_owned(),
        parameters: Json::object([
            ("type", Json::from("object")),
            (
                "properties",
                Json::object([
                    (
                        "query",
                        Json::object([
                            ("type", Json::from("string")),
                            (
                                "description",
                                Json::from("What to look for, in a few words."),
                            ),
                        ]),
                    ),
                    (
                        "k",
                        Json::object([
                            ("type", Json::from("integer")),
                            ("description", Json::from("How many passages, 1 to 20.")),
                        ]),
                    ),
                ]),
            ),
            ("required", Json::Array(vec![Json::from("query")])),
            ("additionalProperties", Json::from(false)),
        ])
        .into(),
    }]
}

/// The tools in the spelling of a chat request, for the rows.
pub(crate) fn schema() -> Json {
    Json::Array(
        specs()
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

/// What a call came to.
#[derive(Debug)]
pub(crate) struct Executed {
    /// The event for the rows.
    pub(crate) event: ToolEvent,
    /// The passages that the assistant has seen through it.
    pub(crate) chunks: Vec<ChunkId>,
}

/// Executes a call. A call that is not understood is answered with an error that says what is,
/// so that the model can do better in the next round.
pub(crate) fn execute(
    corpus: &Corpus,
    default_k: usize,
    call: &ToolCall,
    round: usize,
    content: &str,
) -> Executed {
    let (arguments, parsed) = match parse_str(&call.arguments) {
        Ok(Json::Object(object)) => (Json::Object(object), true),
        _ if call.arguments.trim().is_empty() => (Json::empty_object(), true),
        _ => (
            Json::object([("unparsed", Json::from(call.arguments.as_str()))]),
            false,
        ),
    };
    let (result, chunks) = if call.name != SEARCH {
        (
            refusal(&format!(
                "there is no tool named {:?}; the only tool is {SEARCH}",
                call.name
            )),
            vec![],
        )
    } else if !parsed {
        (refusal("the arguments are not a JSON object"), vec![])
    } else {
        match arguments.get("query").and_then(Json::as_str).map(str::trim) {
            Some(query) if !query.is_empty() => {
                let k = arguments
                    .get("k")
                    .and_then(Json::as_u64)
                    .unwrap_or(default_k as u64);
                search(corpus, query, k.clamp(1, MOST) as usize)
            }
            _ => (refusal("`query` must be text that is not empty"), vec![]),
        }
    };
    let event = ToolEvent {
        id: Some(call.id.clone()),
        name: call.name.clone(),
        arguments: Arc::new(arguments),
        result: Arc::new(result),
        extra: Object::new(),
        forgemark: Some(Json::object([
            ("round", Json::from(round)),
            ("content", Json::from(content)),
        ])),
    };
    Executed { event, chunks }
}

fn refusal(what: &str) -> Json {
    Json::object([("error", Json::from(what))])
}

fn search(corpus: &Corpus, query: &str, k: usize) -> (Json, Vec<ChunkId>) {
    let chunks: Vec<ChunkId> = corpus
        .search(query, k, &|_| true)
        .into_iter()
        .map(|hit| hit.chunk)
        .collect();
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
    let result = Json::object([
        ("query", Json::from(query)),
        ("results", Json::Array(results)),
        ("rendered", Json::from(rendered)),
    ]);
    (result, chunks)
}

#[cfg(test)]
mod tests;
