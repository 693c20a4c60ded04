//! The one strict schema of a bundle's rows: every key is there, lists are never `null`, no other key is allowed.
//!
//! The rows of the `ShareGPT` files hold what models wrote, so their keys and types differ from row to row, and a loader
//! that infers a schema from the first rows fails at a later one. A bundle's rows are made to fit these tables, whatever was
//! written; what no column can hold stands as JSON text under `metadata.forgemark.leftovers`.

#[cfg(test)]
mod tests;

use super::Columns;
use crate::json::{Json, Object, to_pretty};
use crate::shape::{FieldRule, Shape, ShapeFinding, Table, check, schema_document};

/// Text, or nothing.
const TEXT: Shape = Shape::Nullable(&Shape::Text);
/// A list of texts; empty where there is nothing.
const TEXTS: Shape = Shape::Array(&Shape::Text);
/// A whole number from 0, or nothing.
const COUNT: Shape = Shape::Nullable(&Shape::Integer { min: 0 });
/// A number, or nothing.
const NUMBER: Shape = Shape::Nullable(&Shape::Number);
/// True, false, or nothing.
const BOOL: Shape = Shape::Nullable(&Shape::Bool);

const fn field(key: &'static str, shape: Shape, doc: &'static str) -> FieldRule {
    FieldRule {
        key,
        legacy: None,
        shape,
        required: true,
        doc,
    }
}

/// A row: the columns of the judged `ShareGPT` file under their default names.
pub static ROW: Table = Table {
    name: "BundleRow",
    doc: "A conversation.",
    fields: &[
        field(
            Columns::NAMES[0],
            MESSAGES,
            "The conversation without tools.",
        ),
        field(
            Columns::NAMES[1],
            MESSAGES,
            "The conversation with tool calls and replies.",
        ),
        field(
            Columns::NAMES[2],
            Shape::Closed(&METADATA),
            "What the conversation is.",
        ),
        field(
            Columns::NAMES[3],
            Shape::Array(&Shape::Closed(&USER_REASONING)),
            "What the user role thought, turn by turn.",
        ),
        field(
            Columns::NAMES[4],
            Shape::Array(&Shape::Closed(&ASSISTANT_REASONING)),
            "What the assistant role thought, turn by turn.",
        ),
        field(
            Columns::NAMES[5],
            Shape::Closed(&JUDGE),
            "What the judge says; without any score where the conversation was not judged.",
        ),
    ],
};

const MESSAGES: Shape = Shape::Array(&Shape::Closed(&MESSAGE));

static MESSAGE: Table = Table {
    name: "BundleMessage",
    doc: "A chat message.",
    fields: &[
        field(
            "role",
            TEXT,
            "Who speaks: `user`, `assistant`, `tool` or `system`.",
        ),
        field("content", TEXT, "The text; JSON text in a tool's message."),
        field(
            "tool_call_id",
            TEXT,
            "The call that a tool's message answers.",
        ),
        field("name", TEXT, "The tool that a tool's message comes from."),
        field(
            "tool_calls",
            Shape::Array(&Shape::Closed(&TOOL_CALL)),
            "The calls that an assistant's message makes.",
        ),
        field("agent", TEXT, "The model that wrote it."),
    ],
};

static TOOL_CALL: Table = Table {
    name: "BundleToolCall",
    doc: "A call of a tool.",
    fields: &[
        field("id", TEXT, "The id that the tool's message repeats."),
        field("type", TEXT, "Always `function`."),
        field("function", Shape::Closed(&FUNCTION), "What is called."),
    ],
};

static FUNCTION: Table = Table {
    name: "BundleFunction",
    doc: "The name and the arguments of a call.",
    fields: &[
        field("name", TEXT, "The name of the tool."),
        field("arguments", TEXT, "The arguments as JSON text."),
    ],
};

static METADATA: Table = Table {
    name: "BundleMetadata",
    doc: "What the conversation is.",
    fields: &[
        field("conversation_id", TEXT, "Its id."),
        field("timestamp", TEXT, "When it was written."),
        field("n_turns", COUNT, "Turns that it was to have."),
        field("language", TEXT, "Its language, as configured."),
        field("judge_granularity", TEXT, "`turn` or `conversation`."),
        field("personas", Shape::Closed(&PERSONAS), "Who speaks."),
        field(
            "difficulty_sequence",
            TEXTS,
            "Difficulty of the turns that have one.",
        ),
        field("difficulty_max", TEXT, "The hardest of them."),
        field(
            "intent_sequence",
            TEXTS,
            "Intent of the turns that have one.",
        ),
        field(
            "coverage_targets",
            TEXTS,
            "Topic of the turns that have one.",
        ),
        field("question_modes", TEXTS, "Question mode of each turn."),
        field("seed_topics", TEXTS, "Seed topic of each seeded turn."),
        field(
            "seed_questions",
            TEXTS,
            "Seed question of each seeded turn.",
        ),
        field(
            OURS,
            Shape::Closed(&FORGEMARK),
            "What Forgemark adds; without values in rows of other programs.",
        ),
    ],
};

/// The key of what Forgemark adds.
pub const OURS: &str = "forgemark";

/// The key below [`OURS`] of what no column can hold.
pub const LEFTOVERS: &str = "leftovers";

static PERSONAS: Table = Table {
    name: "BundlePersonas",
    doc: "Rendered personas and their ids.",
    fields: &[
        field("user", TEXT, "The user's persona as one line."),
        field("assistant", TEXT, "The assistant's persona as one line."),
        field("user_id", TEXT, "The id of the user's persona."),
        field("assistant_id", TEXT, "The id of the assistant's persona."),
    ],
};

static FORGEMARK: Table = Table {
    name: "BundleForgemark",
    doc: "What Forgemark adds to a conversation.",
    fields: &[
        field("status", TEXT, "`completed` or `dropped`."),
        field(
            "drop_reason",
            TEXT,
            "Why it was dropped; empty where it was not.",
        ),
        field("run_id", TEXT, "The run that made it."),
        field("ordinal", COUNT, "Its number in its language, from 0."),
        field("seed", COUNT, "The seed of the run."),
        field("turns", COUNT, "Turns that it has."),
        field("support", NUMBER, "Mean support score, 0 to 1."),
        field("judge_score", NUMBER, "Mean judge score, 0 to 10."),
        field("judge_error", TEXT, "Why the judge failed, as JSON text."),
        field(
            "judging",
            TEXT,
            "How it was judged after its run, as JSON text.",
        ),
        field(
            "languages",
            TEXT,
            "What its texts were found to be written in, as JSON text.",
        ),
        field("drop", TEXT, "Where and why it was dropped, as JSON text."),
        field("left_out", TEXT, "Views that were left out, as JSON text."),
        field(
            "material_uses",
            COUNT,
            "How often its passages were offered before.",
        ),
        field("calls", COUNT, "Model calls."),
        field("usage", Shape::Closed(&USAGE), "Tokens of these calls."),
        field(
            "cost_usd",
            NUMBER,
            "Their cost in US dollars, where prices are known.",
        ),
        field("prompts", TEXT, "Digest of the prompts."),
        field("tools", TEXT, "The tools that were offered, as JSON text."),
        field("version", TEXT, "The version of Forgemark."),
        field(
            LEFTOVERS,
            Shape::Array(&Shape::Closed(&LEFTOVER)),
            "What was in the row and fits no column.",
        ),
    ],
};

static USAGE: Table = Table {
    name: "BundleUsage",
    doc: "Tokens.",
    fields: &[
        field("prompt_tokens", COUNT, "Of prompts."),
        field("completion_tokens", COUNT, "Of replies."),
        field("cached_tokens", COUNT, "Of prompts, from a cache."),
        field("reasoning_tokens", COUNT, "Of replies, not shown."),
    ],
};

static LEFTOVER: Table = Table {
    name: "BundleLeftover",
    doc: "A value that fits no column.",
    fields: &[
        field(
            "path",
            Shape::Text,
            "Where it stood in the row, such as `messages[0].refusal`.",
        ),
        field("value", Shape::Text, "The value as JSON text."),
    ],
};

static USER_REASONING: Table = Table {
    name: "BundleUserReasoning",
    doc: "What the user role thought at a turn.",
    fields: &[
        field("turn_index", COUNT, "Number of the turn, from 1."),
        field("user_message", TEXT, "The question."),
        field("intent", TEXT, "What it is for."),
        field(
            "difficulty",
            TEXT,
            "`easy`, `medium` or `hard`, where the model kept to it.",
        ),
        field("coverage_target", TEXT, "The topic that it claims."),
        field(
            "grounding_facts",
            Shape::Array(&Shape::Closed(&FACT)),
            "The facts that it took from the passages.",
        ),
        field("notes_for_assistant", TEXTS, "Its notes."),
        field("seed_topic", TEXT, "The seed topic."),
        field("seed_question", TEXT, "The seed question."),
        field(
            "question_mode",
            TEXT,
            "How the question was to relate to what went before.",
        ),
    ],
};

static FACT: Table = Table {
    name: "BundleFact",
    doc: "A fact from a passage.",
    fields: &[
        field("fact", TEXT, "The fact."),
        field("source_descriptor", TEXT, "The passage that it comes from."),
    ],
};

static ASSISTANT_REASONING: Table = Table {
    name: "BundleAssistantReasoning",
    doc: "What the assistant role thought at a turn.",
    fields: &[
        field("turn_index", COUNT, "Number of the turn, from 1."),
        field("assistant_message", TEXT, "The answer."),
        field(
            "reasoning_trace",
            Shape::Closed(&TRACE),
            "How it got there.",
        ),
        field("did_web_search", BOOL, "Whether it searched the web."),
    ],
};

static TRACE: Table = Table {
    name: "BundleTrace",
    doc: "A reasoning trace.",
    fields: &[
        field("question", TEXT, "What it answers."),
        field(
            "retrieval_queries",
            Shape::Closed(&QUERIES),
            "What was searched for.",
        ),
        field(
            "evidence",
            Shape::Array(&Shape::Closed(&EVIDENCE)),
            "What was found.",
        ),
        field(
            "premises",
            Shape::Array(&Shape::Closed(&PREMISE)),
            "What it builds on.",
        ),
        field(
            "thinking",
            Shape::Array(&Shape::Closed(&THOUGHT)),
            "Its steps.",
        ),
        field("confidence", TEXT, "How sure it is."),
        field("known_limits", TEXTS, "What it does not know."),
    ],
};

static QUERIES: Table = Table {
    name: "BundleQueries",
    doc: "Searches.",
    fields: &[
        field("vector_db_search", TEXTS, "In the documents."),
        field("web_search", TEXTS, "In the web."),
    ],
};

static EVIDENCE: Table = Table {
    name: "BundleEvidence",
    doc: "A piece of evidence.",
    fields: &[
        field("id", TEXT, "Its id in the trace."),
        field("cue", TEXT, "Where it is from."),
        field("content", TEXT, "What it says."),
    ],
};

static PREMISE: Table = Table {
    name: "BundlePremise",
    doc: "A premise.",
    fields: &[
        field("id", TEXT, "Its id in the trace."),
        field("text", TEXT, "What it says."),
        field("evidence_refs", TEXTS, "The evidence that it rests on."),
        field("assumption", TEXT, "Whether, or what, it assumes."),
    ],
};

static THOUGHT: Table = Table {
    name: "BundleThought",
    doc: "A step of thinking.",
    fields: &[field("text", TEXT, "What it says.")],
};

static JUDGE: Table = Table {
    name: "BundleJudge",
    doc: "What the judge says of a conversation.",
    fields: &[
        field(
            "per_turn",
            Shape::Array(&Shape::Closed(&JUDGED_TURN)),
            "Each turn that was judged.",
        ),
        field("avg_score", NUMBER, "The mean of the numeric scores."),
        field(
            "conversation",
            Shape::Closed(&JUDGEMENT),
            "Of the conversation as a whole.",
        ),
    ],
};

static JUDGED_TURN: Table = Table {
    name: "BundleJudgedTurn",
    doc: "What the judge says of a turn.",
    fields: &[
        field("turn_index", COUNT, "Number of the turn, from 1."),
        field("user_message", TEXT, "The question."),
        field("assistant_message", TEXT, "The answer."),
        field("score", NUMBER, "0 to 10, where the judge kept to it."),
        field("reasons", TEXTS, "Labels of what is wrong."),
        field("notes", TEXT, "Free text."),
        field("question_ok", BOOL, "Whether the question is fine."),
        field("answer_ok", BOOL, "Whether the answer is fine."),
    ],
};

static JUDGEMENT: Table = Table {
    name: "BundleJudgement",
    doc: "What the judge says of a whole conversation.",
    fields: &[
        field("score", NUMBER, "0 to 10, where the judge kept to it."),
        field("reasons", TEXTS, "Labels of what is wrong."),
        field("notes", TEXT, "Free text."),
        field("question_ok", BOOL, "Whether the questions are fine."),
        field("answer_ok", BOOL, "Whether the answers are fine."),
    ],
};

/// The JSON Schema (draft 2020-12) of a row whose columns have these names.
pub fn schema(columns: &Columns) -> Json {
    let mut document = schema_document(Shape::Closed(&ROW), "a row of a dialogue bundle");
    let row = document
        .as_object_mut()
        .and_then(|document| document.get_mut("$defs")?.as_object_mut())
        .and_then(|defs| defs.get_mut(ROW.name)?.as_object_mut());
    if let Some(row) = row {
        if let Some(properties) = row.get_mut("properties") {
            let named = std::mem::take(properties).into_object().into_iter();
            *properties = Json::Object(
                named
                    .map(|(key, schema)| (columns.name(&key).to_owned(), schema))
                    .collect(),
            );
        }
        let names: Vec<&str> = columns.iter().map(|(_, name)| name).collect();
        row.insert("required", names);
    }
    document
}

/// The file of the schema: `schemas/dialogue-bundle.schema.json` for the default names, `schema.json` in a bundle.
pub fn schema_file(columns: &Columns) -> Vec<u8> {
    let mut bytes = to_pretty(&schema(columns));
    bytes.push(b'\n');
    bytes
}

/// Everything in a row that is not as the schema says; paths have the default names of columns.
pub fn check_row(columns: &Columns, row: &Json) -> Vec<ShapeFinding> {
    let Some(object) = row.as_object() else {
        return check(Shape::Closed(&ROW), row);
    };
    let restored: Object = object
        .iter()
        .map(|(key, value)| (restored(columns, key), value.clone()))
        .collect();
    check(Shape::Closed(&ROW), &Json::Object(restored))
}

/// The default name of a column, or the key itself; one that is a default name of another column is marked.
fn restored(columns: &Columns, key: &str) -> String {
    match columns.iter().find(|(_, name)| *name == key) {
        Some((default, _)) => default.to_owned(),
        None if Columns::NAMES.contains(&key) => format!("'{key}'"),
        None => key.to_owned(),
    }
}
