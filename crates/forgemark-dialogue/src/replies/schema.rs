//! JSON Schemas of the replies, in the subset that strict structured output accepts everywhere:
//! every property required, no further ones.
//!
//! The order of the properties is the order in which a model writes them: what decides comes
//! before the decision, so the passage before the question, the trace before the answer, the
//! reasons before the score.

use forgemark_contract::json::Json;

use forgemark_model::schema::{list, object, of_type, one_of, text, within};

use forgemark_contract::dialogue::{CONFIDENCES, DIFFICULTIES, INTENTS};

/// JSON Schema of the user role's reply.
pub fn user_turn_schema() -> Json {
    object([
        ("coverage_target", text()),
        (
            "grounding_facts",
            list(object([("fact", text()), ("source_descriptor", text())])),
        ),
        ("user_message", text()),
        ("intent", one_of(&INTENTS)),
        ("difficulty", one_of(&DIFFICULTIES)),
        ("notes_for_assistant", list(text())),
    ])
}

/// JSON Schema of the assistant role's reply.
pub fn assistant_turn_schema() -> Json {
    let queries = object([
        ("vector_db_search", list(text())),
        ("web_search", list(text())),
    ]);
    let evidence = object([("id", text()), ("cue", text()), ("content", text())]);
    let premise = object([
        ("id", text()),
        ("text", text()),
        ("evidence_refs", list(text())),
    ]);
    object([
        (
            "reasoning_trace",
            object([
                ("question", text()),
                ("retrieval_queries", queries),
                ("evidence", list(evidence)),
                ("premises", list(premise)),
                ("thinking", list(object([("text", text())]))),
                ("confidence", one_of(&CONFIDENCES)),
                ("known_limits", list(text())),
            ]),
        ),
        ("assistant_message", text()),
        ("did_web_search", of_type("boolean")),
    ])
}

/// JSON Schema of a judge's reply; `reasons` is the configured vocabulary, empty for any words.
pub fn judge_schema(reasons: &[String]) -> Json {
    let words: Vec<&str> = reasons.iter().map(String::as_str).collect();
    let score = within("number", 0, 10);
    object([
        ("notes", text()),
        (
            "reasons",
            list(if words.is_empty() {
                text()
            } else {
                one_of(&words)
            }),
        ),
        ("question_ok", of_type("boolean")),
        ("answer_ok", of_type("boolean")),
        ("score", score),
    ])
}
