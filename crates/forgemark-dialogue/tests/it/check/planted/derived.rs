//! What follows from the turns.

use super::*;

#[test]
fn what_turns_do_not_give_is_found() {
    prove(plant);
}

fn plant(good: &Good, table: &mut Table) {
    let first = good.ids[0].clone();
    let line = |file: &str| good.line(file, &first, 0);
    let wrong: [(&'static str, &'static str, &'static str, Json); 17] = [
        ("a message", DATASET, "messages/0/content", "x".into()),
        (
            "the history",
            DATASET,
            "conversation_history/1/message",
            "x".into(),
        ),
        (
            "the last answer",
            DATASET,
            "raw_result/assistant_message",
            "x".into(),
        ),
        (
            "the last question",
            DATASET,
            "qa_generation_plan/intent",
            "x".into(),
        ),
        ("a flat question", TURNS, "user_message", "x".into()),
        ("a flat score", TURNS, "judge_score", 1.into()),
        (
            "a flat trace",
            TURNS,
            "reasoning_trace/confidence",
            "x".into(),
        ),
        (
            "our object in a flat turn",
            TURNS,
            "forgemark/attempt",
            9.into(),
        ),
        (
            "an exported message",
            SHAREGPT,
            "messages/1/content",
            "x".into(),
        ),
        (
            "a tool's reply",
            SHAREGPT,
            "messages_with_tools/2/content",
            "{}".into(),
        ),
        (
            "the hardest difficulty",
            SHAREGPT,
            "metadata/difficulty_max",
            "".into(),
        ),
        ("the language", SHAREGPT, "metadata/language", "xx".into()),
        (
            "a persona",
            SHAREGPT,
            "metadata/personas/user_id",
            "nobody".into(),
        ),
        (
            "an exported trace",
            SHAREGPT,
            "assistant_reasoning/0/reasoning_trace/confidence",
            "x".into(),
        ),
        ("the mean score", JUDGED, "judge/avg_score", 0.5.into()),
        ("the number of turns", INDEX, "n_turns", 77.into()),
        ("the claimed topic", LEDGER, "topic_id", "x".into()),
    ];
    for (name, file, path, to) in wrong {
        table.one(name, Kind::Derived, file, line(file), move |good, files| {
            edit_row(
                files,
                file,
                good.line(file, &good.ids[0], 0),
                set(path, to.clone()),
            );
        });
    }
    table.one(
        "the document of a topic",
        Kind::Derived,
        LEDGER,
        line(LEDGER),
        |good, files| {
            edit_row(
                files,
                LEDGER,
                good.line(LEDGER, &good.ids[0], 0),
                set("source_path", "elsewhere.md"),
            );
        },
    );
    table.one(
        "a row that lost our object",
        Kind::Derived,
        INDEX,
        line(INDEX),
        |good, files| {
            edit_row(
                files,
                INDEX,
                good.line(INDEX, &good.ids[0], 0),
                remove("", "forgemark"),
            );
        },
    );
    table.one(
        "an id of a tool call",
        Kind::Tools,
        SHAREGPT,
        line(SHAREGPT),
        |good, files| {
            edit_row(
                files,
                SHAREGPT,
                good.line(SHAREGPT, &good.ids[0], 0),
                set("messages_with_tools/2/tool_call_id", "call_x"),
            );
        },
    );
    let key_line = {
        let text = String::from_utf8(good.files[&good.conversation(0)].clone()).unwrap();
        text.lines()
            .position(|line| line.starts_with("  \"language\""))
            .unwrap() as u64
            + 1
    };
    table.one(
        "a conversation's file",
        Kind::Derived,
        &good.conversation(0),
        key_line,
        |good, files| {
            edit_file(files, &good.conversation(0), set("language", "xx"));
        },
    );
    let end = String::from_utf8(good.files[&good.conversation(0)].clone())
        .unwrap()
        .lines()
        .count() as u64;
    table.one(
        "a conversation's file that is cut",
        Kind::NotJson,
        &good.conversation(0),
        end - 1,
        |good, files| {
            let bytes = files.get_mut(&good.conversation(0)).unwrap();
            bytes.truncate(bytes.len() - 2);
        },
    );
    table.more(
        "a judged score in the turn only",
        Kind::Derived,
        TURNS,
        line(TURNS),
        |good, files| {
            edit_row(
                files,
                DATASET,
                good.line(DATASET, &good.ids[0], 0),
                set("turns/0/qa_judge/score", 1),
            );
        },
    );
    table.more(
        "a status that does not fit",
        Kind::Derived,
        DATASET,
        line(DATASET),
        |good, files| {
            edit_row(
                files,
                DATASET,
                good.line(DATASET, &good.ids[0], 0),
                set("forgemark/status", "dropped"),
            );
        },
    );
}
