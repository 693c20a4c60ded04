use forgemark_contract::dialogue::bundle::check_row;
use forgemark_contract::json::{parse_str, to_compact};
use proptest::prelude::*;

use super::*;

fn fitted(row: &str) -> (Json, Changes) {
    let mut changes = Changes::default();
    let row = parse_str(row).unwrap().into_object();
    let row = fit(row, &Columns::default(), &mut changes);
    assert_eq!(check_row(&Columns::default(), &row), []);
    (row, changes)
}

fn text(value: &Json) -> String {
    String::from_utf8(to_compact(value)).unwrap()
}

fn leftovers(row: &Json) -> Vec<(String, String)> {
    let list = row.at("metadata").at("forgemark").items("leftovers");
    list.iter()
        .map(|item| {
            (
                item.str_or("path", "?").to_owned(),
                item.str_or("value", "?").to_owned(),
            )
        })
        .collect()
}

fn trace(trace: &str) -> (Json, Changes, Vec<(String, String)>) {
    let (row, changes) = fitted(&format!(
        r#"{{"assistant_reasoning": [{{"turn_index": 1, "assistant_message": "a", "reasoning_trace": {trace}, "did_web_search": "False"}}]}}"#
    ));
    let left = leftovers(&row);
    let turn = row.items("assistant_reasoning")[0].clone();
    assert_eq!(turn.at("did_web_search"), &Json::Bool(false));
    (turn.at("reasoning_trace").clone(), changes, left)
}

#[test]
fn thinking_is_kept_whatever_it_is() {
    for (given, expected) in [
        (r#""step by step""#, r#"[{"text":"step by step"}]"#),
        (
            r#"["a", 2, true]"#,
            r#"[{"text":"a"},{"text":"2"},{"text":"true"}]"#,
        ),
        (
            r#"[{"thought": "a"}, {"note": "b"}]"#,
            r#"[{"text":"a"},{"text":"b"}]"#,
        ),
        (r#"{"text": "one"}"#, r#"[{"text":"one"}]"#),
        (r#"[null, ""]"#, r#"[{"text":null}]"#),
        ("null", "[]"),
        (r#""""#, "[]"),
    ] {
        let (trace, _, left) = trace(&format!(r#"{{"thinking": {given}}}"#));
        assert_eq!(text(trace.at("thinking")), expected, "{given}");
        assert_eq!(left, [], "{given}");
    }
}

#[test]
fn what_no_column_holds_stands_in_the_leftovers() {
    let (trace, changes, left) = trace(
        r#"{"thinking": [{"text": "t", "note": {"deep": [1]}}], "evidence": [[1, 2]], "plan": "b", "gone": null, "confidence": 0.5,
            "known_limits": [{"a": 1}], "premises": [{"id": 1, "note": true}]}"#,
    );
    assert_eq!(text(trace.at("evidence")), "[]");
    assert_eq!(trace.str_or("confidence", ""), "0.5");
    assert_eq!(text(trace.at("known_limits")), r#"["{\"a\": 1}"]"#);
    assert_eq!(
        text(trace.at("premises")),
        r#"[{"id":"1","text":null,"evidence_refs":[],"assumption":"true"}]"#
    );
    let at = |rest: &str| format!("assistant_reasoning[0].reasoning_trace.{rest}");
    assert_eq!(
        left,
        [
            (at("evidence[0]"), "[1, 2]".to_owned()),
            (at("thinking[0].note"), r#"{"deep": [1]}"#.to_owned()),
            (at("plan"), r#""b""#.to_owned()),
        ]
    );
    assert_eq!(changes.leftovers(), 3);
    let known = "null under an unknown key was left out";
    let place = "assistant_reasoning[].reasoning_trace.gone".to_owned();
    assert_eq!(changes.converted[&(place, known)], 1);
}

#[test]
fn scores_of_any_type_become_numbers_or_are_set_aside() {
    for (given, expected, left) in [
        ("8", "8.0", false),
        ("7.5", "7.5", false),
        (r#"" 9 ""#, "9.0", false),
        (r#""9/10""#, "null", true),
        ("true", "null", true),
        ("[8]", "null", true),
        ("NaN", "null", true),
        (r#""inf""#, "null", true),
        ("123456789012345678901234567890", "null", true),
        ("9007199254740993", "null", true),
        ("null", "null", false),
    ] {
        let (row, changes) = fitted(&format!(
            r#"{{"judge": {{"per_turn": [{{"turn_index": 1, "score": {given}}}], "avg_score": null, "conversation": {{}}}}}}"#
        ));
        let turn = &row.at("judge").items("per_turn")[0];
        assert_eq!(text(turn.at("score")), expected, "{given}");
        let aside = leftovers(&row);
        assert_eq!(aside.len(), usize::from(left), "{given}");
        assert_eq!(changes.leftovers(), u64::from(left), "{given}");
        if let Some((path, value)) = aside.first() {
            assert_eq!(path, "judge.per_turn[0].score");
            assert_eq!(
                parse_str(value).unwrap().type_name(),
                parse_str(given).unwrap().type_name()
            );
        }
    }
}

#[test]
fn every_key_is_there_and_lists_are_never_null() {
    let (row, changes) = fitted(
        r#"{"messages": [{"role": "user", "content": "q", "refusal": null}], "metadata": {"difficulty_sequence": null, "personas": null}}"#,
    );
    assert_eq!(
        text(&row.items("messages")[0]),
        r#"{"role":"user","content":"q","tool_call_id":null,"name":null,"tool_calls":[],"agent":null}"#
    );
    assert_eq!(text(row.at("metadata").at("difficulty_sequence")), "[]");
    assert_eq!(text(row.at("judge").at("per_turn")), "[]");
    assert!(row.at("judge").at("conversation").at("score").is_null());
    assert_eq!(changes.leftovers(), 0);
}

#[test]
fn half_characters_are_replaced_and_kept_as_they_were() {
    let (row, _) = fitted(r#"{"messages": [{"role": "user", "content": "a\ud800b"}]}"#);
    let message = &row.items("messages")[0];
    assert_eq!(message.str_or("content", ""), "a\u{fffd}b");
    assert_eq!(
        leftovers(&row),
        [("messages[0].content".to_owned(), r#""a\ud800b""#.to_owned())]
    );
}

#[test]
fn a_fitted_row_fits_unchanged() {
    let (row, _) = fitted(
        r#"{"messages": [{"role": "user", "content": "q", "x": 1}], "metadata": {"n_turns": "3"}, "judge": {"per_turn": "none"}, "more": {}}"#,
    );
    assert_eq!(leftovers(&row).len(), 3);
    let mut changes = Changes::default();
    let again = fit(row.clone().into_object(), &Columns::default(), &mut changes);
    assert_eq!(again, row);
    assert_eq!(changes, Changes::default());
}

#[test]
fn paths_have_the_names_of_the_file() {
    let mapping = Object::from([("messages", Json::from("chat"))]);
    let columns = Columns::new(&mapping).unwrap();
    let mut changes = Changes::default();
    let row = parse_str(r#"{"messages": [{"role": "user", "x": 1}], "'messages'": 2}"#).unwrap();
    fit(row.into_object(), &columns, &mut changes);
    let paths: Vec<&String> = changes.set_aside.keys().collect();
    assert_eq!(paths, ["'messages'", "chat[].x"]);
}

/// Any JSON of a few levels, with the keys of the schema among others.
fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        any::<i64>().prop_map(Json::Int),
        any::<f64>().prop_map(Json::Float),
        Just(Json::integer("99999999999999999999").unwrap()),
        Just(Json::from_utf16(vec![0x61, 0xD800])),
        "[a-z0-9. ]{0,6}".prop_map(Json::Str),
    ];
    let key = prop_oneof![
        Just("messages"),
        Just("messages_with_tools"),
        Just("metadata"),
        Just("user_reasoning"),
        Just("assistant_reasoning"),
        Just("judge"),
        Just("role"),
        Just("content"),
        Just("tool_calls"),
        Just("function"),
        Just("reasoning_trace"),
        Just("thinking"),
        Just("premises"),
        Just("evidence"),
        Just("note"),
        Just("text"),
        Just("per_turn"),
        Just("score"),
        Just("conversation"),
        Just("forgemark"),
        Just("leftovers"),
        Just("n_turns"),
        Just("grounding_facts"),
        Just("other"),
    ];
    leaf.prop_recursive(5, 40, 5, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Json::Array),
            proptest::collection::vec((key.clone(), inner), 0..6)
                .prop_map(|entries| Json::Object(entries.into_iter().collect())),
        ]
    })
}

/// Every text, number and boolean in a value, as text.
fn atoms(value: &Json, into: &mut Vec<String>) {
    match value {
        Json::Array(items) => items.iter().for_each(|item| atoms(item, into)),
        Json::Object(object) => object.values().for_each(|item| atoms(item, into)),
        Json::Null => {}
        other => into.push(text(other)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever stands in a row, it fits afterwards, and every text of it can still be found.
    #[test]
    fn whatever_is_written_fits_and_nothing_is_lost(
        columns in proptest::collection::vec(any_json(), 6), other in any_json()
    ) {
        let names = Columns::NAMES.into_iter().chain(["else"]);
        let row: Object = names.zip(columns.into_iter().chain([other])).collect();
        let mut changes = Changes::default();
        let made = fit(row.clone(), &Columns::default(), &mut changes);
        prop_assert_eq!(check_row(&Columns::default(), &made), []);
        let mut kept = Vec::new();
        atoms(&made, &mut kept);
        let kept = kept.join("\n");
        let mut written = Vec::new();
        atoms(&Json::Object(row), &mut written);
        for atom in written {
            // Texts without letters and digits say nothing where a list or an object is expected; half characters are
            // kept as escapes, numbers may be spelled as floats.
            if let Ok(Json::Str(word)) = parse_str(&atom)
                && !word.trim().is_empty()
            {
                let trimmed = word.trim();
                let float = trimmed.parse().ok().map(|x| text(&Json::Float(x)));
                let int = trimmed.parse().ok().map(|x| text(&Json::Int(x)));
                let number = |x: &Option<String>| x.as_ref().is_some_and(|x| kept.contains(x.as_str()));
                let found = kept.contains(trimmed) || number(&float) || number(&int);
                prop_assert!(found, "{} is lost", atom);
            }
        }
        let mut again = Changes::default();
        let twice = fit(made.clone().into_object(), &Columns::default(), &mut again);
        prop_assert_eq!(twice, made);
    }
}
