use forgemark_contract::json::parse_str;

use super::*;

const OURS: Protocol = Protocol::Forgemark1;
const THEIRS: Protocol = Protocol::Crb1;

fn value(text: &str) -> Json {
    parse_str(text).unwrap()
}

#[test]
fn json_is_found_in_talk() {
    let cases = [
        ("{\"a\": 1}", Some(ParseStatus::Exact)),
        (
            "Here:\n```json\n{\"a\": 1}\n```\nDone.",
            Some(ParseStatus::Lenient),
        ),
        ("so {\"a\": 1,} it is", Some(ParseStatus::Lenient)),
        ("[1, 2]", None),
        ("no object here", None),
        ("  \n", None),
    ];
    for (text, wanted) in cases {
        let found = json(text);
        assert_eq!(
            found.as_ref().ok().map(|(_, status)| *status),
            wanted,
            "{text}"
        );
        if let Ok((value, _)) = found {
            assert_eq!(value.at("a").as_i64(), Some(1));
        }
    }
    assert_eq!(json("").unwrap_err().kind, ReplyProblem::Empty);
    assert_eq!(
        json("[1]").unwrap_err().to_string(),
        "the reply is array, not a JSON object"
    );
}

#[test]
fn a_schema_in_place_of_an_object_is_refused_everywhere() {
    let echo = value(r#"{"type": "object", "properties": {"verdict": {"type": "string"}}}"#);
    for protocol in [OURS, THEIRS] {
        let kinds = [
            SelfCheck::from_json(&echo, Checked::Answer, protocol)
                .unwrap_err()
                .kind,
            Critique::from_json(&echo, protocol).unwrap_err().kind,
            Turn::from_json(&echo).unwrap_err().kind,
            Judgment::from_json(&echo, Task::Critique, Confidence::Required, protocol)
                .unwrap_err()
                .kind,
        ];
        assert_eq!(kinds, [ReplyProblem::SchemaEcho; 4]);
    }
}

#[test]
fn self_checks() {
    let read =
        |text: &str, checked, protocol| SelfCheck::from_json(&value(text), checked, protocol);
    let whole = r#"{"verdict": " Fail", "ill_posed": "false", "issues": "one", "improvements": ["a", "b"]}"#;
    let check = read(whole, Checked::Answer, OURS).unwrap();
    assert!(!check.passes && !check.ill_posed);
    assert_eq!(check.issues, ["one"]);
    assert_eq!(check.improvements, "a; b");
    assert_eq!(check.flags, ["ill_posed is text"]);
    assert_eq!(check.json, value(whole), "kept as it was written");
    // Ill-posed is independent of the verdict.
    let both = r#"{"verdict": "pass", "ill_posed": true}"#;
    let check = read(both, Checked::OwnAnswer, OURS).unwrap();
    assert!(check.passes && check.ill_posed);
    let errors = |text| read(text, Checked::Answer, OURS).unwrap_err().to_string();
    assert_eq!(
        errors(r#"{"verdict": "correct"}"#),
        "`verdict` is \"correct\", but must be pass or fail; `ill_posed` must be true or false; a check that fails must name issues or improvements"
    );
    let lax = read(r#"{"verdict": "pass"}"#, Checked::Answer, THEIRS).unwrap();
    assert_eq!((lax.passes, lax.ill_posed), (true, false));
    assert!(read(r#"{"verdict": "correct"}"#, Checked::Answer, THEIRS).is_err());
    let wrong = read(r#"{"verdict": "correct"}"#, Checked::Critique, THEIRS).unwrap();
    assert!(!wrong.passes);
    let critique = read(
        r#"{"verdict": "pass", "issues": [], "improvements": ""}"#,
        Checked::Critique,
        OURS,
    );
    assert!(critique.unwrap().passes);
    for checked in [Checked::Answer, Checked::Critique] {
        let unreadable = SelfCheck::unreadable(checked);
        assert!(!unreadable.passes);
        assert_eq!(
            unreadable.json.get("ill_posed").is_some(),
            checked == Checked::Answer
        );
    }
}

#[test]
fn critiques() {
    let ours = |text: &str| Critique::from_json(&value(text), OURS);
    let theirs = |text: &str| Critique::from_json(&value(text), THEIRS).unwrap();
    let whole =
        ours(r#"{"notes": ["a", "b"], "suggestions": "", "verdict": "Incorrect"}"#).unwrap();
    assert_eq!(whole.claim(), "Verdict: incorrect\nNotes: a; b");
    assert_eq!(whole.suggestions, None);
    let word = ours(r#"{"notes": "n", "verdict": "wrong"}"#).unwrap_err();
    assert_eq!(word.kind, ReplyProblem::BadField);
    assert_eq!(
        word.to_string(),
        "`verdict` is \"wrong\", but must be one of correct, incorrect, insufficient, obscure"
    );
    assert!(ours(r#"{"verdict": "correct"}"#).is_err());
    assert!(ours(r#"{"notes": "n", "verdict": "unknown"}"#).is_err());
    assert_eq!(
        theirs(r#"{"notes": "n", "verdict": "wrong"}"#).verdict,
        "unknown"
    );
    assert_eq!(theirs(r#"{"verdict": "correct"}"#).verdict, "unknown");
    let both = theirs(r#"{"notes": "n", "suggestions": ["x", "y"], "verdict": "obscure"}"#);
    assert_eq!(
        both.claim(),
        "Verdict: obscure\nNotes: n\nSuggestions: x; y"
    );
    let unreadable = Critique::unreadable("prose");
    assert_eq!(
        (unreadable.verdict.as_str(), unreadable.notes.as_str()),
        ("unknown", "prose")
    );
}

#[test]
fn turns() {
    let read = |text: &str| Turn::from_json(&value(text));
    assert!(
        read(r#"{"message": "m", "concede": true}"#)
            .unwrap()
            .concede
    );
    let silent = read(r#"{"message": "m"}"#).unwrap();
    assert_eq!((silent.concede, silent.flags.len()), (false, 1));
    assert!(
        read(r#"{"message": "m", "concede": "True"}"#)
            .unwrap()
            .concede
    );
    assert!(read(r#"{"concede": true}"#).is_err());
    assert!(read(r#"{"message": 3}"#).is_err());
    assert!(!Turn::unreadable("I concede.").concede);
}

#[test]
fn judgments() {
    let read = |text: &str, task, confidence, protocol| {
        Judgment::from_json(&value(text), task, confidence, protocol)
    };
    let ours = |text: &str, task| read(text, task, Confidence::Required, OURS);
    let whole = r#"{"reasoning": "r", "verdict": " Claimant_Wins ", "confidence": 4.0}"#;
    let judgment = ours(whole, Task::IllPosed).unwrap();
    assert_eq!(
        (judgment.verdict.as_str(), judgment.confidence),
        ("claimant_wins", Some(4))
    );
    let minor = r#"{"reasoning": "r", "verdict": "defender_wins_minor", "confidence": 4}"#;
    assert!(ours(minor, Task::Critique).is_ok());
    assert!(ours(minor, Task::IllPosed).is_err());
    for confidence in ["0", "6", "3.5", "\"sure\"", "null"] {
        let text =
            format!(r#"{{"reasoning": "r", "verdict": "mixed", "confidence": {confidence}}}"#);
        let error = ours(&text, Task::Critique).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`confidence` must be a whole number from 1 to 5"
        );
        let lax = read(&text, Task::Critique, Confidence::Required, THEIRS).unwrap();
        assert_eq!((lax.verdict.as_str(), lax.confidence), ("unknown", None));
        let optional = read(&text, Task::Critique, Confidence::Optional, OURS).unwrap();
        assert_eq!(
            (optional.verdict.as_str(), optional.confidence),
            ("mixed", None)
        );
    }
    let unknown = r#"{"reasoning": "r", "verdict": "unknown", "confidence": 1}"#;
    assert_eq!(ours(unknown, Task::Critique).unwrap().verdict, "unknown");
    let silent = r#"{"verdict": "mixed", "confidence": "5"}"#;
    assert!(ours(silent, Task::Critique).is_err());
    assert_eq!(
        read(silent, Task::Critique, Confidence::Required, THEIRS)
            .unwrap()
            .confidence,
        Some(5)
    );
}

#[test]
fn tags() {
    let whole = "Sure!\n[QUESTION]\nWhat is $1+1$?\n[ANSWER]\nIt is $2$.\n";
    let tagged_text = tagged(whole).unwrap();
    assert_eq!(tagged_text.question, "What is $1+1$?");
    assert_eq!(tagged_text.answer, "It is $2$.");
    let closed = tagged("[QUESTION] a [/QUESTION] [ANSWER] b [/ANSWER] talk").unwrap();
    assert_eq!(
        (closed.question.as_str(), closed.answer.as_str()),
        ("a", "b")
    );
    assert_eq!(tagged("[QUESTION]a[ANSWER]").unwrap().answer, "");
    for bad in [
        "",
        "a question",
        "[ANSWER]b[QUESTION]a",
        "[QUESTION][ANSWER]b",
    ] {
        assert!(tagged(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_repair_may_not_invent() {
    let raw = r#"{"verdict": "incorrect", "notes": "the step \frac{1}{2} = "two" fails", "confidence": 4"#;
    let good = r#"{"verdict": "incorrect", "notes": "the step \\frac{1}{2} = \"two\" fails", "confidence": 4}"#;
    assert_eq!(
        repaired(raw, good).unwrap().at("verdict").as_str(),
        Some("incorrect")
    );
    for bad in [
        r#"{"verdict": "correct and more", "notes": "", "confidence": 4}"#,
        r#"{"verdict": "incorrect", "notes": "the step fails", "confidence": 5}"#,
        r#"{"verdict": "incorrect", "ill_posed": true}"#,
    ] {
        assert_eq!(
            repaired(raw, bad).unwrap_err().kind,
            ReplyProblem::Unfaithful,
            "{bad}"
        );
    }
    let gave_up = repaired(raw, r#"{"parsing_error": "no"}"#).unwrap_err();
    assert_eq!(gave_up.kind, ReplyProblem::NotJson);
}

#[test]
fn claims_of_ill_posed_questions_are_read_whatever_they_hold() {
    let text = |json: &str| ill_posed_claim(&value(json));
    assert_eq!(
        text(r#"{"ill_posed": true, "issues": ["no $n$"], "improvements": "say what $n$ is"}"#),
        "The question is ill-posed.\nIssues: no $n$\nWhat would make it well-posed: say what $n$ is"
    );
    assert_eq!(text("{}"), "The question is ill-posed.");
}

#[test]
fn schemas_accept_what_is_read() {
    let formats = [
        self_check_format(Checked::OwnAnswer),
        self_check_format(Checked::Answer),
        self_check_format(Checked::Critique),
        critique_format(),
        turn_format(),
        judgment_format(Task::Critique),
        judgment_format(Task::IllPosed),
    ];
    let mut names = Vec::new();
    for format in formats {
        let forgemark_model::ReplyFormat::JsonSchema { name, schema } = format else {
            panic!("a schema");
        };
        let schema = schema.json();
        assert_eq!(schema.at("additionalProperties"), &Json::Bool(false));
        let keys: Vec<&str> = schema
            .at("properties")
            .as_object()
            .unwrap()
            .keys()
            .collect();
        let required: Vec<&str> = schema
            .items("required")
            .iter()
            .filter_map(Json::as_str)
            .collect();
        assert_eq!(keys, required, "{name}");
        names.push(name);
    }
    names.dedup();
    assert_eq!(names.len(), 7);
}

#[test]
fn latex_with_single_backslashes_is_read_as_it_is_meant() {
    let text = r#"{"notes": "so \(\frac{1}{2}\times \beta\) is \sqrt{2},\nand \\alpha \"stays\" \u00e9", "verdict": "correct"}"#;
    let (found, status) = json(text).unwrap();
    assert_eq!(status, ParseStatus::Lenient);
    assert_eq!(
        found.at("notes").as_str(),
        Some("so \\(\\frac{1}{2}\\times \\beta\\) is \\sqrt{2},\nand \\alpha \"stays\" \u{e9}")
    );
    // Without a slip nothing is guessed.
    let (found, _) = json(r#"{"notes": "a\tb \\frac", "verdict": "correct",}"#).unwrap();
    assert_eq!(found.at("notes").as_str(), Some("a\tb \\frac"));
    assert!(json("{\"notes\": \"ends in \\").is_err());
}

#[test]
fn a_formatter_may_only_add_tags() {
    let raw = "Question: what is $1 + 1$?\n\nSolution: it is $2$.";
    let good = "[QUESTION]\nWhat is $1+1$?\n[ANSWER]\nIt is $2$.";
    assert_eq!(retagged(raw, good).unwrap().answer, "It is $2$.");
    for bad in [
        "[QUESTION]\nWhat is $1 + 2$?\n[ANSWER]\nIt is $2$.",
        "[QUESTION]\nWhat is $1 + 1$?\n[ANSWER]\nIt is $2$, of course.",
    ] {
        assert_eq!(
            retagged(raw, bad).unwrap_err().kind,
            ReplyProblem::Unfaithful
        );
    }
    assert_eq!(retagged(raw, raw).unwrap_err().kind, ReplyProblem::NoTags);
}

mod anything {
    use std::collections::BTreeMap;
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::super::super::prompts::Prompts;
    use super::super::super::{latex, solver};
    use super::*;

    /// Text with many of the pieces that the readers look for.
    fn text() -> impl Strategy<Value = String> {
        let pieces = prop::sample::select(vec![
            "\\",
            "\\(",
            "\\)",
            "\\[",
            "$",
            "$$",
            "{",
            "}",
            "\"",
            "\"verdict\": ",
            "[QUESTION]",
            "[ANSWER]",
            "[/ANSWER]",
            "\\begin{align}",
            "\\frac",
            "\\u12",
            "An exercise by a simulated model. ",
            "Start from $",
            "Result: $",
            "ẞ",
            "\n",
            ",",
            "9",
            "170141183460469231731687303715884105727",
            "-",
            " and do this in order: ",
            "multiply by $0$",
            ". Which number results?",
        ]);
        let piece = prop_oneof![pieces.prop_map(str::to_owned), ".{0,3}"];
        prop::collection::vec(piece, 0..24).prop_map(|parts| parts.concat())
    }

    /// Compiling the templates takes longer than all that is done with them here.
    static PROMPTS: LazyLock<Prompts> =
        LazyLock::new(|| Prompts::load(Protocol::Forgemark1, &BTreeMap::new()).unwrap());

    proptest! {
        #[test]
        fn no_reply_ends_a_run(text in text(), other in text()) {
            if let Ok(found) = retagged(&text, &other) {
                prop_assert_eq!(Ok(found), tagged(&other));
            }
            if repaired(&text, &other).is_ok() {
                prop_assert!(json(&other).is_ok());
            }
            if let Ok((value, _)) = json(&text) {
                prop_assert!(value.as_object().is_some());
            }
            if let Some(truth) = solver::truth(&text, &other) {
                prop_assert!(solver::problem::Problem::read(&text).is_some());
                prop_assert_eq!(Some(truth), solver::truth(&text, &other));
            }
            let once = latex::clean(&text).into_owned();
            prop_assert_eq!(latex::clean(&once).into_owned(), once.clone());
        }

        #[test]
        fn extreme_numbers_are_computed_or_not(a in any::<i128>(), b in any::<i128>(), c in any::<i128>(), power in 1_usize..64) {
            use solver::problem::{Change, Problem};
            let changes = vec![Change::Multiply(a), Change::Subtract(b), Change::Add(c), Change::Multiply(-1)];
            for problem in [
                Problem::Forward { start: c, changes: changes.clone() },
                Problem::Backward { changes, end: a },
                Problem::Roots { b, c, power },
            ] {
                prop_assert_eq!(Problem::read(&problem.text()), Some(problem.clone()));
                let agent = solver::agent("a", 0.1, 1);
                let reply = agent.reply(&PROMPTS.answer(&problem.text()).unwrap().request(0));
                prop_assert!(!reply.content.is_empty());
            }
        }
    }
}
