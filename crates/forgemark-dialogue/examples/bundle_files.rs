//! Writes bundles of rows whose keys and types differ from row to row, for loaders to read.
//!
//!     cargo run -p forgemark-dialogue --example bundle_files -- FOLDER
//!
//! `FOLDER/default` has the default names of columns, `FOLDER/renamed` others. The rows are made here and were written by no
//! model.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use forgemark_contract::json::Json;
use forgemark_contract::settings::{Origin, Resolved};
use forgemark_dialogue::bundle::{Request, make};
use forgemark_dialogue::config::{Config, KEYS};
use forgemark_journal::DiskStorage;

/// Rows as models and other programs write them: no two have the same keys with the same types.
const ROWS: &[&str] = &[
    // Nothing but the columns.
    r#"{"messages": [], "messages_with_tools": [], "metadata": {}, "user_reasoning": [], "assistant_reasoning": []}"#,
    // Nulls in place of lists and objects.
    r#"{"messages": [{"role": "user", "content": null}], "messages_with_tools": null, "metadata": {"n_turns": null, "language": "en",
        "personas": null, "difficulty_sequence": null}, "user_reasoning": null, "assistant_reasoning": [{"reasoning_trace": null}], "judge": null}"#,
    // Plain texts in place of lists and objects.
    r#"{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a", "refusal": null}],
        "messages_with_tools": [{"role": "assistant", "content": "", "tool_calls": [{"id": 1, "type": "function", "function": {"name": "s", "arguments": {"k": 4}}}]},
            {"role": "tool", "tool_call_id": "1", "content": [{"text": "found"}]}],
        "metadata": {"n_turns": "1", "language": "fr", "seed_topics": "tax", "temperature": 0.7},
        "user_reasoning": [{"turn_index": 1, "grounding_facts": "one fact", "notes_for_assistant": "be kind"}],
        "assistant_reasoning": [{"turn_index": 1, "assistant_message": "a", "reasoning_trace": {"thinking": "step by step", "evidence": "E1", "premises": ["p"],
            "confidence": 0.9, "known_limits": "none", "retrieval_queries": {"vector_db_search": "q"}}, "did_web_search": "false"}],
        "judge": {"per_turn": [{"turn_index": 1, "score": "8", "reasons": "vague"}], "avg_score": 8, "conversation": {}}}"#,
    // The types that the contract has, and keys that it has not.
    r#"{"messages": [{"role": "user", "content": "a\ud800b", "agent": "m"}], "messages_with_tools": [], "metadata": {"n_turns": 3, "language": "en",
        "forgemark": {"status": "completed", "seed": 0, "usage": {"prompt_tokens": 5}, "support": 0.5}},
        "user_reasoning": [{"turn_index": 1, "grounding_facts": [{"fact": "f", "source_descriptor": "d", "page": 3}]}],
        "assistant_reasoning": [{"turn_index": 1, "reasoning_trace": {"thinking": [{"thought": "t", "n": 1}], "mood": {"good": true},
            "premises": [{"id": 1, "text": "x", "evidence_refs": [1], "note": true}]}}],
        "judge": {"per_turn": [{"turn_index": 1, "score": 7.5}, {"turn_index": 2, "score": [9]}, "bad"], "avg_score": "high",
            "conversation": {"score": true, "reasons": [null, "vague"], "extra": []}}, "more": [1, "two"]}"#,
];

/// Times that each row stands in a file, so that a loader reads more than it infers from.
const TIMES: usize = 50;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("which folder?")?);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let out = folder.join("out");
    fs::create_dir_all(&out)?;
    let line = |row: &&str| row.split('\n').map(str::trim).collect::<Vec<_>>().join(" ") + "\n";
    let rows: String = ROWS
        .iter()
        .flat_map(|row| std::iter::repeat_n(line(row), TIMES))
        .collect();
    fs::write(out.join("conversations_sharegpt.jsonl"), rows)?;
    bundle(&out, &folder.join("default"), &[])?;
    let renamed = [
        ("saving.output_columns.messages", "chat"),
        ("saving.output_columns.assistant_reasoning", "why"),
        ("saving.output_columns.judge", "messages"),
    ];
    bundle(&out, &folder.join("renamed"), &renamed)
}

fn bundle(out: &Path, dir: &Path, settings: &[(&str, &str)]) -> Result<(), Box<dyn Error>> {
    let mut values = Resolved::defaults(KEYS)?;
    let models = ["llm.agents.user.model", "llm.agents.assistant.model"].map(|key| (key, "none"));
    for (key, value) in settings.iter().chain(&models) {
        values.set(*key, Json::from(*value), Origin::Default);
    }
    let config = Config::new(&values).map_err(|errors| format!("{errors:?}"))?;
    make(&Request {
        storage: Arc::new(DiskStorage),
        out_dir: out,
        dir,
        config: &config,
        title: "rows of an example",
        version: env!("CARGO_PKG_VERSION"),
        owner: "an example",
    })?;
    Ok(())
}
