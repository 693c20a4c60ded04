use super::*;
use crate::json::{Json, parse_str};
use crate::shape::record_schema;

const ANSWER: &str = r#"{
    "question_model": "q", "answer_model": "a", "question": "1+1?", "run_id": "7", "outer_attempt": 1,
    "topic_slug": "sums", "status": "succeeded",
    "attempts": [{"round": 1, "answer": "2", "raw_answer": "2", "evaluation": {"verdict": "pass", "odd": [1, null]}}]
}"#;

fn written(entries: &str) -> String {
    let file = ListFile::<Answer>::parse(entries.as_bytes()).unwrap();
    String::from_utf8(file.to_bytes()).unwrap()
}

/// As Python's `json.dumps(value, indent=2)`.
fn dumped(text: &str) -> String {
    let style = crate::json::Style {
        ascii: true,
        ..crate::json::Style::FILE
    };
    let mut out = Vec::new();
    crate::json::Writer::new(&mut out, style).json(&parse_str(text).unwrap());
    String::from_utf8(out).unwrap()
}

#[test]
fn a_file_is_written_as_python_writes_it() {
    let text = ANSWER.replace("1+1?", "caf\u{e9} \u{1d4b3}");
    let list = format!("[{text}]");
    let bytes = written(&list);
    assert_eq!(bytes, dumped(&list));
    assert!(bytes.contains(r"caf\u00e9 \ud835\udcb3"), "{bytes}");
    assert!(bytes.starts_with("[\n  {\n    \"question_model\": \"q\","));
    assert!(bytes.ends_with(']'));
    assert_eq!(written("[]"), "[]");
}

#[test]
fn nothing_that_a_file_says_is_lost() {
    // Another order, nulls for what is absent, unknown keys at three levels, a lone surrogate, placeholders, nonsense.
    let list = r#"[
        {"status": "succeeded", "x": 1, "question": "q\ud800", "answer_model": "a", "question_model": "q",
         "run_id": null, "attempts": [{"answer": "\udfff", "round": 1, "y": {"z": []}, "evaluation": null}, {"round": 2, "answer": ""}]},
        {}, null, 17, {"question_model": 3}
    ]"#;
    assert_eq!(written(list), dumped(list));
    let file = ListFile::<Answer>::parse(list.as_bytes()).unwrap();
    assert!(matches!(file.slots[1], Slot::Placeholder(_)));
    assert!(matches!(file.slots[2], Slot::Placeholder(_)));
    let Slot::Unreadable { error, .. } = &file.slots[4] else {
        panic!("{:?}", file.slots[4]);
    };
    assert_eq!(
        error.to_string(),
        "question_model: expected a string, found integer"
    );
    assert_eq!(file.records().count(), 1);
}

#[test]
fn what_changes_in_a_record_changes_in_its_layout() {
    let list = r#"[{"status": "succeeded", "question": "q\ud800", "answer_model": "a", "question_model": "q", "run_id": null}]"#;
    let mut file = ListFile::<Answer>::parse(list.as_bytes()).unwrap();
    let Slot::Entry(entry) = &mut file.slots[0] else {
        panic!("no record");
    };
    entry.record.question = "other".to_owned();
    entry.record.run_id = Some("9".to_owned());
    entry.record.outer_attempt = Some(2);
    let expected = r#"[{"status": "succeeded", "question": "other", "answer_model": "a", "question_model": "q", "run_id": "9", "outer_attempt": 2}]"#;
    assert_eq!(
        String::from_utf8(file.to_bytes()).unwrap(),
        dumped(expected)
    );
}

#[test]
fn epoch_two_has_attempts_and_no_placeholders() {
    let old = ANSWER.replace(r#""outer_attempt": 1,"#, "");
    let file = ListFile::<Answer>::parse(format!("[{{}}, {old}]").as_bytes()).unwrap();
    let new = file.in_epoch(Epoch::Two).unwrap();
    assert_eq!(
        String::from_utf8(new.to_bytes()).unwrap(),
        dumped(&format!("[{ANSWER}]"))
    );
    // And back: the placeholder is gone for good.
    let back = new.in_epoch(Epoch::One).unwrap();
    assert_eq!(
        String::from_utf8(back.to_bytes()).unwrap(),
        dumped(&format!("[{old}]"))
    );
    assert_eq!(
        String::from_utf8(file.in_epoch(Epoch::One).unwrap().to_bytes()).unwrap(),
        dumped(&format!("[{{}}, {old}]"))
    );
}

#[test]
fn lists_of_epoch_one_stand_beside_their_benchmark() {
    let run = |run: &str| ANSWER.replace("\"7\"", &format!("\"{run}\""));
    let list = format!("[{}, {}, {{}}, 17, {}]", run("3"), run("1"), run("1"));
    let file = ListFile::<Answer>::parse(list.as_bytes()).unwrap();
    let aligned = file.aligned_to(&["1", "2", "3", "4"]);
    let expected = format!("[{}, {{}}, {}, {{}}, 17, {}]", run("1"), run("3"), run("1"));
    assert_eq!(
        String::from_utf8(aligned.to_bytes()).unwrap(),
        dumped(&expected)
    );
}

#[test]
fn epoch_one_has_ids_and_one_attempt() {
    let list = |more: &str| {
        format!(
            r#"{{"decisions": [{{{more} "type": "critique", "mode": "evaluator", "question_model": "q", "answer_model": "a",
                "critic_model": "c", "verdict": "mixed", "run_id": "7"}}], "by": 1}}"#
        )
    };
    let file = ListFile::<Judgment>::parse(list("").as_bytes()).unwrap();
    let one = file.in_epoch(Epoch::One).unwrap();
    let expected = list(r#""id": "critique/evaluator/q/c__a/7","#);
    assert_eq!(
        String::from_utf8(one.to_bytes()).unwrap(),
        dumped(&expected)
    );
    assert_eq!(one.in_epoch(Epoch::One).unwrap(), one);
    let two = one.in_epoch(Epoch::Two).unwrap();
    assert_eq!(two.slots[0].record().unwrap().id, None);
    assert_eq!(two.slots[0].record().unwrap().outer_attempt, Some(1));

    let second = list("").replace(r#""run_id": "7""#, r#""run_id": "7", "outer_attempt": 2"#);
    let file = ListFile::<Judgment>::parse(second.as_bytes()).unwrap();
    let error = file.in_epoch(Epoch::One).unwrap_err();
    assert_eq!((error.index, error.attempt), (0, 2));
}

#[test]
fn ids_of_the_first_epoch() {
    assert_eq!(
        epoch_one_id("q", "a", None, Some("3"), None),
        "illposed/q/a/3"
    );
    // The digits of `printf '1+1?' | sha1sum`.
    assert_eq!(
        epoch_one_id(
            "q",
            "a",
            Some(("evaluator", "c")),
            None,
            Some(("sums", "1+1?"))
        ),
        "critique/evaluator/q/c__a/sums/2c71358fd8"
    );
    assert_eq!(
        epoch_one_id("q", "a", None, None, None),
        "illposed/q/a/unknown"
    );
}

#[test]
fn a_file_of_another_form_says_so() {
    let error = ListFile::<Answer>::parse(b"{}").unwrap_err();
    assert_eq!(
        error.to_string(),
        "expected an array of entries, found object"
    );
    let error = ListFile::<Judgment>::parse(b"{\"decisions\": 1}").unwrap_err();
    assert_eq!(
        error.to_string(),
        "expected an object with a list of `decisions`, found object"
    );
    let cut = &b"[{\"question_model\": \"q"[..];
    assert!(matches!(
        ListFile::<Answer>::parse(cut),
        Err(FileError::Json(_))
    ));
}

#[test]
fn places_and_keys() {
    let place = Place::of_path("debates/critiques/evaluator/q/c__a.json").unwrap();
    assert_eq!(place.kind, FileKind::Debates);
    assert_eq!(place.critic_and_answerer(), Some(("c", "a")));
    assert_eq!(Place::of_path("debates/evaluator/q/c__a.json"), Some(place));
    let ill = Place::of_path("debates/illposed/q/a.json").unwrap();
    assert_eq!((ill.mode, ill.stem.as_str()), (None, "a"));
    for none in [
        "answers/q.json",
        "answers/q/a.txt",
        "x/a.json",
        "answers//a.json",
        "benchmarks/.json",
    ] {
        assert_eq!(Place::of_path(none), None, "{none}");
    }
    let question = QuestionKey {
        run: "39",
        questioner: "q",
        attempt: 5,
    };
    let answer = AnswerKey {
        question,
        answerer: "a",
    };
    let claim = ClaimKey {
        answer,
        critique: Some(("contradictor", "c")),
    };
    assert_eq!(claim.to_string(), "39/q/a/c/contradictor/5");
    let ill = ClaimKey {
        critique: None,
        ..claim
    };
    assert_eq!(
        ill.map(str::len).map(|n| n.to_string()).to_string(),
        "2/1/1/unknown/unknown/5"
    );
    assert_eq!(slug("openai/gpt:4o"), "openai-gpt-4o");
}

#[test]
fn a_check_is_seen_through() {
    let value = parse_str(
        r#"{"verdict": "pass", "ill_posed": true, "issues": "one", "improvements": ["a", 1, "b"]}"#,
    )
    .unwrap();
    let check = SelfCheck(&value);
    assert!(check.passes() && check.ill_posed() == Some(true));
    assert_eq!(
        (check.issues(), check.improvements()),
        (vec!["one".into()], vec!["a".into(), "b".into()])
    );
    let echo = parse_str(r#"{"type": "object", "properties": {"verdict": {}}}"#).unwrap();
    assert!(SelfCheck(&echo).is_schema_echo() && !SelfCheck(&value).is_schema_echo());
    assert!(!SelfCheck(&Json::Null).passes());
}

#[test]
fn every_record_has_a_schema_with_all_its_keys() {
    for (name, place, table) in RECORDS {
        let schema = record_schema(table, place);
        let def = schema.at("$defs").at(table.name);
        let keys = def
            .at("properties")
            .as_object()
            .map(crate::json::Object::len);
        assert_eq!(keys, Some(table.fields.len()), "{name}: {schema:?}");
    }
}
