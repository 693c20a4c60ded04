//! What a turn rests on.

use super::*;

#[test]
fn turns_that_rest_on_nothing_are_found() {
    prove(plant);
}

fn plant(good: &Good, table: &mut Table) {
    let line = good.line(DATASET, &good.ids[0], 0);
    let wrong: [(&'static str, Kind, &'static str, Json); 9] = [
        (
            "a topic that is none",
            Kind::Grounding,
            "forgemark/offered/0",
            "zz".into(),
        ),
        (
            "nothing offered",
            Kind::Grounding,
            "forgemark/offered",
            Json::Array(Vec::new()),
        ),
        (
            "a retrieved passage that was not shown",
            Kind::Grounding,
            "forgemark/retrieved/0",
            "0123456789abcdef0123456789abcdef-3".into(),
        ),
        (
            "another source of a passage",
            Kind::Grounding,
            "forgemark/evidence/0/source",
            "else.md#chunk1".into(),
        ),
        (
            "a passage that ends before it begins",
            Kind::Grounding,
            "forgemark/evidence/0/char_end",
            0.into(),
        ),
        (
            "evidence that is missing",
            Kind::Grounding,
            "forgemark/evidence",
            Json::Array(Vec::new()),
        ),
        (
            "a claim without its topic",
            Kind::Grounding,
            "forgemark/coverage/topic_id",
            Json::Null,
        ),
        (
            "a support score above 1",
            Kind::Support,
            "forgemark/support/score",
            1.5.into(),
        ),
        (
            "a call key that is none",
            Kind::Shape,
            "forgemark/calls/0",
            "abc".into(),
        ),
    ];
    for (name, kind, path, to) in wrong {
        table.more(name, kind, DATASET, line, move |good, files| {
            edit_turn(good, files, 0, &set(path, to.clone()));
        });
    }
    table.one(
        "a claim's support that the mean does not have",
        Kind::Support,
        DATASET,
        line,
        |good, files| {
            edit_turn(good, files, 0, &|turn: &mut Json| {
                let claims = at(turn, "forgemark/support/claims").as_array_mut().unwrap();
                let score = claims[0].at("score").as_f64().unwrap();
                *at(&mut claims[0], "score") = Json::from(if score > 0.5 {
                    score - 0.4
                } else {
                    score + 0.4
                });
            });
        },
    );
    table.one(
        "a score though the judge failed",
        Kind::Judge,
        DATASET,
        line,
        |good, files| {
            edit_turn(good, files, 0, &|turn: &mut Json| {
                at(turn, "forgemark")
                    .as_object_mut()
                    .unwrap()
                    .insert("judge_error", Json::empty_object());
            });
        },
    );
    table.more(
        "a judge's score above 10",
        Kind::Judge,
        DATASET,
        line,
        |good, files| {
            edit_whole_turn(good, files, 0, &set("qa_judge/score", 11));
        },
    );
    table.more(
        "a tool's result that names another passage",
        Kind::Tools,
        DATASET,
        line,
        |good, files| {
            edit_whole_turn(
                good,
                files,
                0,
                &set("tool_events/0/result/results/0/chunk_index", 4_000),
            );
        },
    );
    table.more(
        "a tool's result for another query",
        Kind::Tools,
        DATASET,
        line,
        |good, files| {
            edit_whole_turn(good, files, 0, &set("tool_events/0/result/query", "else"));
        },
    );
}
