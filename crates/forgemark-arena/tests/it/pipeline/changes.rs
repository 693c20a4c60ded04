//! Folders that are more than one configuration's: another model, questions from elsewhere, people's labels.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use forgemark_arena::Corpus;
use forgemark_arena::check::Level;
use forgemark_arena::pipeline::import::import;
use forgemark_arena::pipeline::{Ending, Stage};
use forgemark_contract::json::{Json, Style, Writer};
use forgemark_journal::{Storage, write_atomic};
use forgemark_model::AgentReply;
use forgemark_testkit::MemDisk;

use super::bench::{Bench, object, root};

/// Puts a file into the folder, as a pipeline would write it.
fn put(disk: &MemDisk, path: &str, value: &Json) {
    let mut bytes = Vec::new();
    let style = Style {
        ascii: true,
        ..Style::FILE
    };
    Writer::new(&mut bytes, style).json(value);
    let full = root().join(path);
    disk.create_dir_all(full.parent().unwrap()).unwrap();
    write_atomic(disk, &full, &bytes).unwrap();
}

fn check(ill_posed: bool) -> Json {
    Json::object([
        ("verdict", Json::from("pass")),
        ("ill_posed", Json::Bool(ill_posed)),
        ("issues", Json::Array(Vec::new())),
        ("improvements", Json::from("")),
    ])
}

#[test]
fn one_more_model_changes_no_question_and_no_earlier_record() {
    let bench = Bench::new();
    bench.run();
    let before = bench.files();
    let more = bench.clone().player("lab/eve", 80).options(|options| {
        options.stages.remove(&Stage::Questions);
    });
    more.log.lock().unwrap().clear();
    let summary = more.run();
    assert_eq!(summary.ending, Ending::Complete);
    assert_eq!(summary.made[&Stage::Questions], 0);
    for stage in [Stage::Answers, Stage::Critiques, Stage::Judge] {
        assert!(summary.made[&stage] > 0, "{stage:?}");
    }
    let after = more.files();
    for (path, bytes) in &before {
        if path.starts_with("benchmarks/") {
            assert_eq!(&after[path], bytes, "{path}");
        }
    }
    assert!(after.contains_key("answers/lab-ann/lab-eve.json"));
    // Earlier provenance lines stand as they did: nothing was made anew.
    let lines = |files: &BTreeMap<String, Vec<u8>>| -> BTreeSet<Vec<u8>> {
        let lines = files["provenance.jsonl"].split(|byte| *byte == b'\n');
        lines.map(<[u8]>::to_vec).collect()
    };
    assert!(lines(&before).is_subset(&lines(&after)));
    // Nobody but the new model was asked for an answer.
    let log = more.log.lock().unwrap();
    let answers = log.iter().filter(|line| line.ends_with(" answer"));
    assert!(answers.clone().count() > 0);
    for line in answers {
        assert_eq!(line, "lab-eve answer");
    }
}

#[test]
fn questions_and_answers_from_elsewhere_are_worked_on_and_kept_as_they_are() {
    let bench = Bench::new().options(|options| {
        options.stages.remove(&Stage::Questions);
    });
    let question = "What is 20 + 22?";
    let refinement = Json::object([
        ("round", Json::Int(1)),
        ("question", Json::from(question)),
        ("answer", Json::from("The sum is 42.")),
        ("evaluation", check(false)),
    ]);
    let rounds = Json::object([
        ("refinement_rounds", Json::Array(vec![refinement])),
        ("status", Json::from("succeeded")),
    ]);
    let brought = Json::object([
        ("run_id", Json::from("exam-7")),
        ("topic_slug", Json::from("exams")),
        ("status", Json::from("succeeded")),
        ("generation_rounds", Json::Array(vec![rounds])),
        ("from", Json::from("a textbook")),
    ]);
    put(
        &bench.disk,
        "benchmarks/lab-ann.json",
        &Json::Array(vec![brought]),
    );
    let attempt = Json::object([
        ("round", Json::Int(1)),
        ("answer", Json::from("The sum is 41.")),
    ]);
    let answer = Json::object([
        ("question_model", Json::from("lab-ann")),
        ("answer_model", Json::from("lab-ben")),
        ("question", Json::from(question)),
        ("run_id", Json::from("exam-7")),
        ("status", Json::from("succeeded")),
        ("attempts", Json::Array(vec![attempt])),
        ("by_hand", Json::Bool(true)),
    ]);
    put(
        &bench.disk,
        "answers/lab-ann/lab-ben.json",
        &Json::Array(vec![answer]),
    );
    let before = bench.files();
    let summary = bench.run();
    assert_eq!(summary.ending, Ending::Complete);
    assert_eq!(summary.made[&Stage::Questions], 0);
    let after = bench.files();
    for path in ["benchmarks/lab-ann.json", "answers/lab-ann/lab-ben.json"] {
        assert_eq!(
            before[path], after[path],
            "{path}: nothing was added, so nothing changed"
        );
    }
    for other in ["cleo", "dan"] {
        let answers = bench.entries(&format!("answers/lab-ann/lab-{other}.json"));
        assert_eq!(answers[0].str_or("question", ""), question);
        assert_eq!(answers[0].str_or("run_id", ""), "exam-7");
        assert_eq!(answers[0].at("outer_attempt").as_i64(), Some(1));
    }
    // The wrong answer from elsewhere was criticised by the questioner.
    let critique = bench.entries("critiques/evaluator/lab-ann/lab-ann__lab-ben.json");
    assert_eq!(critique[0].str_or("answer_author", ""), "lab-ben");
    assert_eq!(bench.run().ending, Ending::AlreadyComplete);
}

#[test]
fn invalid_and_failed_questions_are_replaced_with_the_reason() {
    // Ann's questions are answered wrongly by herself and all others see it; dan never approves of his.
    let bench = Bench::new().before(|asked| {
        let critic = asked.task == "critique" || asked.task == "critique_refine";
        match (asked.name, asked.task) {
            ("lab-ann", "question") => Some(AgentReply::text(format!(
                "[QUESTION] What is {} + 1?\n[ANSWER] The sum is 0.",
                asked.request.sample % 1_000
            ))),
            ("lab-dan", "question_check") => Some(object(&[
                ("issues", Json::Array(vec![Json::from("unsure")])),
                ("ill_posed", Json::Bool(false)),
                ("improvements", Json::from("be sure")),
                ("verdict", Json::from("fail")),
            ])),
            _ if critic && asked.prompt.contains("The sum is 0.") => Some(object(&[
                ("notes", Json::from("the sum is not 0")),
                ("suggestions", Json::from("")),
                ("verdict", Json::from("incorrect")),
            ])),
            _ => None,
        }
    });
    let bench = bench.set("questions.max_question_attempts", 2);
    let summary = bench.run();
    assert_eq!(summary.ending, Ending::Complete);
    let attempts = |path: &str| -> Vec<(i64, String)> {
        let entries = bench.entries(path);
        let show = |entry: &Json| {
            let attempt = entry.at("outer_attempt").as_i64().unwrap();
            (attempt, entry.str_or("status", "").to_owned())
        };
        entries.iter().map(show).collect()
    };
    let three = |status: &str| -> Vec<(i64, String)> {
        (1..=3)
            .flat_map(|attempt| [(attempt, status.to_owned()), (attempt, status.to_owned())])
            .collect()
    };
    assert_eq!(attempts("benchmarks/lab-ann.json"), three("succeeded"));
    assert_eq!(attempts("benchmarks/lab-dan.json"), three("failed"));
    for entry in bench.entries("benchmarks/lab-dan.json") {
        assert_eq!(
            entry.items("generation_rounds").len(),
            2,
            "all tries were used"
        );
    }
    assert!(!bench.files().contains_key("answers/lab-ann/lab-ben.json"));
    let lines = bench.lines("adjudications.jsonl");
    let invalid = lines.iter().filter(|line| {
        line.str_or("subject", "") == "question"
            && line.str_or("question_model", "") == "lab-ann"
            && line.str_or("outcome", "") == "invalid"
    });
    assert_eq!(invalid.count(), 6, "every attempt of ann's");
    assert_eq!(bench.run().ending, Ending::AlreadyComplete);
}

#[test]
fn a_question_that_is_called_ill_posed_with_reason_is_replaced() {
    let bench = Bench::new().before(|asked| {
        let first = asked.prompt.contains("What is blue + blue?");
        match (asked.name, asked.task) {
            ("lab-ann", "question") if !asked.prompt.contains("blue") => Some(AgentReply::text(
                "[QUESTION] What is blue + blue?\n[ANSWER] The sum is blue.",
            )),
            (_, "critique") if first => Some(object(&[
                ("notes", Json::from("fine")),
                ("suggestions", Json::from("")),
                ("verdict", Json::from("correct")),
            ])),
            ("lab-ben", "answer_check") if first => Some(object(&[
                (
                    "issues",
                    Json::Array(vec![Json::from("colours have no sum")]),
                ),
                ("ill_posed", Json::Bool(true)),
                ("improvements", Json::from("use numbers")),
                ("verdict", Json::from("pass")),
            ])),
            (_, "judge_illposed") => {
                assert!(
                    asked.prompt.contains("colours have no sum"),
                    "the claim is shown"
                );
                Some(object(&[
                    ("reasoning", Json::from("colours")),
                    ("verdict", Json::from("claimant_wins")),
                    ("confidence", Json::Int(5)),
                ]))
            }
            _ => None,
        }
    });
    assert_eq!(bench.run().ending, Ending::Complete);
    let answers = bench.entries("answers/lab-ann/lab-ben.json");
    assert_eq!(answers[0].str_or("status", ""), "ill-posed");
    assert!(
        answers[0]
            .at("ill_posed_claim")
            .at("ill_posed")
            .as_bool()
            .unwrap()
    );
    let debates = bench.entries("debates/illposed/lab-ann/lab-ben.json");
    assert_eq!(debates[0].str_or("claimant", ""), "lab-ben");
    assert_eq!(debates[0].str_or("bob_model", ""), "lab-ann");
    let questions = bench.entries("benchmarks/lab-ann.json");
    let second = questions
        .iter()
        .filter(|entry| entry.at("outer_attempt").as_i64() == Some(2));
    assert_eq!(second.count(), 2, "both runs were asked again");
    assert_eq!(bench.run().ending, Ending::AlreadyComplete);
}

#[test]
fn a_label_of_a_person_invalidates_a_question_by_the_policy() {
    // Judges that never agree leave the claim to people.
    let bench = Bench::new().before(|asked| {
        let verdict = match (asked.task, asked.name) {
            ("judge_critique", "lab-ann" | "lab-ben") => "claimant_wins",
            ("judge_critique", _) => "defender_wins_incorrect",
            _ => return None,
        };
        Some(object(&[
            ("reasoning", Json::from("so")),
            ("verdict", Json::from(verdict)),
            ("confidence", Json::Int(3)),
        ]))
    });
    bench.run();
    let lines = bench.lines("adjudications.jsonl");
    let open = lines.iter().find(|line| {
        line.str_or("subject", "") == "claim"
            && line.str_or("mode", "") == "contradictor"
            && line.str_or("outcome", "") == "unresolved"
            && line.at("outer_attempt").as_i64() == Some(1)
    });
    let open = open.expect("a claim that judges disagree about").clone();
    let questioner = open.str_or("question_model", "").to_owned();
    let asked = |bench: &Bench| {
        bench
            .entries(&format!("benchmarks/{questioner}.json"))
            .len()
    };
    let before = asked(&bench);
    let text = |key: &'static str| (key, Json::from(open.str_or(key, "")));
    let label = Json::object([
        text("run_id"),
        ("outer_attempt", Json::Int(1)),
        ("type", Json::from("critique")),
        text("mode"),
        text("question_model"),
        text("answer_model"),
        text("critic_model"),
        ("verdict", Json::from("claimant_wins")),
        ("confidence", Json::Int(5)),
        ("comment", Json::from("")),
    ]);
    let labels = Json::object([("decisions", Json::Array(vec![label]))]);
    put(&bench.disk, "evaluations/eve.json", &labels);
    let summary = bench.run();
    assert_eq!(summary.ending, Ending::Complete);
    assert!(summary.made[&Stage::Questions] > 0);
    assert!(asked(&bench) > before);
}

#[test]
fn lines_of_questions_and_answers_are_taken_whole_or_not_at_all() {
    let bench = Bench::new().options(|options| {
        options.stages.remove(&Stage::Questions);
    });
    let file = Path::new("exam.jsonl");
    let good = r#"{"questioner": "lab/ann", "run": "e1", "topic": "exam", "question": "What is 1 + 2?", "answer": "The sum is 3.", "answers": {"lab/ben": "The sum is 4.", "a person": "The sum is 3."}}"#;
    let cases = [
        ("{", "1: "),
        (r#"{"questioner": "lab/anne"}"#, "did you mean lab-ann?"),
        (
            r#"{"questioner": "lab/ann", "run": 7}"#,
            "`run` must be text",
        ),
        (r#"{"questioner": "lab/ann", "runs": "7"}"#, "no key 'runs'"),
    ];
    for (bad, says) in cases {
        let text = format!("{good}\n\n{bad}\n");
        let error = import(&bench.environment(), file, text.as_bytes()).unwrap_err();
        let says = if says == "1: " { "exam.jsonl:3" } else { says };
        assert!(error.to_string().contains(says), "{bad}: {error}");
        assert!(bench.files().is_empty(), "{bad}");
    }
    let text = format!("{good}\n");
    let taken = import(&bench.environment(), file, text.as_bytes()).unwrap();
    assert_eq!((taken.questions, taken.answers), (1, 2));
    let error = import(&bench.environment(), file, text.as_bytes()).unwrap_err();
    assert!(error.to_string().contains("already"), "{error}");

    assert_eq!(bench.run().ending, Ending::Complete);
    let corpus = Corpus::load(&bench.disk, root(), true).unwrap();
    let report = forgemark_arena::check(&corpus);
    let faults = report.findings.iter();
    let faults: Vec<_> = faults
        .filter(|finding| finding.class.level() == Level::Fault)
        .collect();
    assert!(faults.is_empty(), "{faults:#?}");
    // The wrong one of the two was criticised, and the person's answer too.
    for answerer in ["lab-ben", "a person"] {
        let path = format!("critiques/evaluator/lab-ann/lab-ann__{answerer}.json");
        assert_eq!(bench.entries(&path).len(), 1, "{answerer}");
    }
    let lines = bench.lines("provenance.jsonl");
    assert!(
        !lines
            .iter()
            .any(|line| line.str_or("record", "") == "answer e1/lab-ann/lab-ben/1")
    );
}
