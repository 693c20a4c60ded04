use forgemark_contract::json::{parse_str, to_compact};

use super::*;

fn json(text: &str) -> Json {
    parse_str(text).expect("test JSON")
}

fn reasons() -> Vec<String> {
    vec!["vague".to_owned(), "other".to_owned()]
}

#[test]
fn a_score_that_is_no_number_is_an_error_and_never_zero() {
    for (bad, error) in [
        (r#"{"score": "8", "reasons": []}"#, "`score` is"),
        (r#"{"score": true}"#, "`score` is"),
        (r#"{"score": null}"#, "`score` is"),
        (r#"{"reasons": []}"#, "`score` is missing"),
        (
            r#"{"score": 11}"#,
            "`score` is 11, but must lie between 0 and 10",
        ),
        (r#"{"score": -0.5}"#, "`score` is -0.5"),
        (r#"{"score": NaN}"#, "`score` is NaN"),
        (r#"{"score": 5, "reasons": "vague"}"#, "`reasons` is"),
        ("[]", "the reply is"),
    ] {
        let found = Verdict::from_json(&json(bad), &reasons()).expect_err(bad);
        assert!(found.starts_with(error), "{found}");
    }
    for (good, score) in [
        (r#"{"score": 0}"#, 0.0),
        (r#"{"score": 7.5}"#, 7.5),
        (r#"{"score": 10}"#, 10.0),
    ] {
        let found = Verdict::from_json(&json(good), &reasons()).unwrap();
        assert!((found.score - score).abs() < f64::EPSILON);
    }
}

#[test]
fn unknown_reasons_stay_and_are_flagged() {
    let value = json(
        r#"{"score": 3, "reasons": ["vague", "odd", 4], "question_ok": true, "answer_ok": "no"}"#,
    );
    let verdict = Verdict::from_json(&value, &reasons()).unwrap();
    assert_eq!(*verdict.json, value);
    assert_eq!(
        verdict.flags,
        [
            "judge reason \"odd\" is not in the vocabulary",
            "a judge reason is no text",
            "answer_ok is neither true nor false",
        ]
    );
    let whole = json(
        r#"{"notes": "", "reasons": ["other"], "question_ok": true, "answer_ok": false, "score": 4}"#,
    );
    assert!(
        Verdict::from_json(&whole, &reasons())
            .unwrap()
            .flags
            .is_empty()
    );
}

#[test]
fn a_user_turn_keeps_its_object_and_flags_what_is_outside_the_vocabulary() {
    let value = json(
        r#"{"user_message": " Why? ", "intent": "wonder", "difficulty": "easy", "extra": 1, "coverage_target": "t-1 ",
            "grounding_facts": [{"fact": "f", "source_descriptor": "a.md#chunk1"}, "odd"]}"#,
    );
    let turn = UserTurn::from_json(&value).expect("valid");
    assert_eq!(turn.question, "Why?");
    assert_eq!(turn.coverage_target, "t-1");
    assert_eq!(turn.fact_sources, ["a.md#chunk1"]);
    assert_eq!(
        turn.flags,
        [
            "intent \"wonder\" is not in the vocabulary",
            "a grounding fact names no source"
        ]
    );
    assert_eq!(*turn.json, value);
}

#[test]
fn a_user_turn_names_everything_that_is_wrong() {
    let found = UserTurn::from_json(&json(r#"{"user_message": "  ", "grounding_facts": {}}"#));
    let found = found.unwrap_err();
    for part in [
        "`user_message` is empty",
        "`coverage_target` is missing",
        "`grounding_facts` is",
    ] {
        assert!(found.contains(part), "{found}");
    }
    assert!(UserTurn::from_json(&json(r#"{"user_message": 3}"#)).is_err());
    let no_facts = json(r#"{"user_message": "q?", "coverage_target": "t", "grounding_facts": []}"#);
    let flags = UserTurn::from_json(&no_facts).unwrap().flags;
    assert_eq!(
        flags,
        [
            "intent is missing",
            "difficulty is missing",
            "grounding_facts is empty"
        ]
    );
}

#[test]
fn queries_are_cleaned_and_web_search_is_filled_in() {
    let turn = AssistantTurn::from_json(&json(
        r#"{"assistant_message": "A.", "reasoning_trace": {"confidence": "high",
            "retrieval_queries": {"vector_db_search": ["", " ", "en", "Arabic", "ok", "نعم", "bolt torque", 5], "web_search": null}}}"#,
    ))
    .expect("valid");
    assert!(turn.flags.is_empty(), "{:?}", turn.flags);
    let queries = turn.json.at("reasoning_trace").at("retrieval_queries");
    assert_eq!(
        queries.items("vector_db_search"),
        [Json::from("نعم"), Json::from("bolt torque")]
    );
    assert!(queries.items("web_search").is_empty());
    assert_eq!(turn.json.get("did_web_search"), Some(&Json::from(false)));
    let one = AssistantTurn::from_json(&json(
        r#"{"assistant_message": "A.", "reasoning_trace": {"retrieval_queries": {"vector_db_search": "bolt torque"}}}"#,
    ));
    let one = one.unwrap().json;
    let queries = one.at("reasoning_trace").at("retrieval_queries");
    assert_eq!(
        queries.items("vector_db_search"),
        [Json::from("bolt torque")]
    );
}

#[test]
fn an_assistant_turn_needs_an_answer_only() {
    for bad in [
        r#"{"assistant_message": ""}"#,
        r#"{"assistant_message": ["A"]}"#,
        "{}",
        "\"A\"",
    ] {
        assert!(AssistantTurn::from_json(&json(bad)).is_err(), "{bad}");
    }
    let bare = AssistantTurn::from_json(&json(r#"{"assistant_message": "A."}"#)).unwrap();
    assert_eq!(bare.flags, ["reasoning_trace is missing"]);
    let odd = json(
        r#"{"assistant_message": "A.", "reasoning_trace": "because", "did_web_search": true}"#,
    );
    let odd = AssistantTurn::from_json(&odd).unwrap();
    assert_eq!(odd.flags, ["reasoning_trace is not an object"]);
    assert_eq!(odd.json.get("did_web_search"), Some(&Json::from(true)));
}

#[test]
fn odd_characters_survive() {
    let text = r#"{"user_message":"a\u2028b\u0085c \ud800","coverage_target":"t","grounding_facts":[],"intent":"clarify","difficulty":"easy"}"#;
    let value = json(text);
    let turn = UserTurn::from_json(&value).unwrap();
    assert!(
        turn.question.starts_with("a\u{2028}b\u{85}c"),
        "{:?}",
        turn.question
    );
    assert_eq!(to_compact(&*turn.json), to_compact(&value));
}

#[test]
fn schemas_require_every_property() {
    fn check(schema: &Json, path: &str) {
        if let Some(properties) = schema.get("properties").and_then(Json::as_object) {
            let names: Vec<Json> = properties.keys().map(Json::from).collect();
            assert_eq!(schema.items("required"), names, "{path}");
            assert_eq!(
                schema.get("additionalProperties"),
                Some(&Json::Bool(false)),
                "{path}"
            );
            for (name, inner) in properties {
                check(inner, &format!("{path}.{name}"));
            }
        }
        if let Some(items) = schema.get("items") {
            check(items, &format!("{path}[]"));
        }
    }
    for (name, schema) in [
        (USER_TURN, user_turn_schema()),
        (ASSISTANT_TURN, assistant_turn_schema()),
        (JUDGE_TURN, judge_schema(&reasons())),
        (JUDGE_CONVERSATION, judge_schema(&[])),
    ] {
        check(&schema, name);
        assert!(
            schema
                .get("properties")
                .and_then(Json::as_object)
                .is_some_and(|all| all.len() >= 3)
        );
    }
    let allowed = judge_schema(&reasons());
    let allowed = allowed
        .at("properties")
        .at("reasons")
        .at("items")
        .items("enum")
        .to_vec();
    assert_eq!(allowed, [Json::from("vague"), Json::from("other")]);
}
