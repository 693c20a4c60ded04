//! Run states.

use super::*;

#[test]
fn states_that_disagree_are_found() {
    prove(plant);
}

fn plant(good: &Good, table: &mut Table) {
    let state = good.state(0);
    let text = String::from_utf8(good.files[&state].clone()).unwrap();
    let line_of = |start: &str, nth: usize| -> u64 {
        let mut found = text
            .lines()
            .enumerate()
            .filter(|(_, line)| line.starts_with(start));
        found.nth(nth).unwrap().0 as u64 + 1
    };
    table.one(
        "a state that is called otherwise",
        Kind::State,
        &state,
        line_of("  \"run_id\"", 0),
        |good, files| {
            edit_file(files, &good.state(0), set("run_id", "r00-w0000"));
        },
    );
    table.more(
        "a state with other targets",
        Kind::State,
        &state,
        line_of("      \"target_n_turns\"", 0),
        |good, files| {
            edit_file(files, &good.state(0), |state| {
                *at(state, "conversations/0/target_n_turns") = Json::from(0);
            });
        },
    );
    table.one(
        "a slot with other turns",
        Kind::State,
        &state,
        line_of("      \"turns\"", 0),
        |good, files| {
            edit_file(files, &good.state(0), |state| {
                let turns = at(state, "conversations/0/turns").as_array_mut().unwrap();
                if turns.pop().is_none() {
                    *at(state, "conversations/0/raw_results") = Json::Array(vec![Json::Null]);
                }
            });
        },
    );
    table.one(
        "a slot that is still active",
        Kind::State,
        &state,
        line_of("      \"status\"", 0),
        |good, files| {
            edit_file(files, &good.state(0), |state| {
                *at(state, "status") = Json::from("in_progress");
                *at(state, "conversations/0/status") = Json::from("active");
                *at(state, "conversations/0/drop_reason") = Json::from("");
            });
        },
    );
    table.one(
        "a status that is none",
        Kind::Shape,
        &state,
        line_of("  \"status\"", 0),
        |good, files| {
            edit_file(files, &good.state(0), set("status", "lost"));
        },
    );
    table.more(
        "a state that is missing",
        Kind::State,
        DATASET,
        good.line(DATASET, &good.ids[0], 0),
        |good, files| {
            files.remove(&good.state(0));
        },
    );
    let inputs = text[..text.find("\n    \"target_language\"").unwrap()]
        .lines()
        .count();
    table.one(
        "a wave of another language",
        Kind::State,
        &state,
        inputs as u64 + 1,
        |good, files| edit_file(files, &good.state(0), set("inputs/target_language", "xx")),
    );
    table.one(
        "a newest state that is not there",
        Kind::State,
        LAST,
        1,
        |_, files| {
            files.insert(LAST.to_owned(), b"r00-w0000".to_vec());
        },
    );
    table.one("no newest state", Kind::Missing, LAST, None, |_, files| {
        files.remove(LAST);
    });
}
