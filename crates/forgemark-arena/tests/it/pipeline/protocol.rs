//! Where the original's rules and ours differ, one test for each.

use std::sync::{Arc, Mutex};

use forgemark_arena::pipeline::{Ending, Stage};
use forgemark_contract::json::Json;
use forgemark_model::AgentReply;

use super::bench::{Bench, object};

fn verdict(verdict: &str, ill_posed: bool) -> AgentReply {
    object(&[
        ("issues", Json::Array(vec![Json::from("something")])),
        ("ill_posed", Json::Bool(ill_posed)),
        ("improvements", Json::from("something else")),
        ("verdict", Json::from(verdict)),
    ])
}

/// What `look` makes of a finished run under both protocols: ours, and the original's.
fn both<T>(
    hook: impl Fn(&super::bench::Asked<'_>) -> Option<AgentReply> + Send + Sync + Copy + 'static,
    look: impl Fn(&Bench) -> T,
) -> (T, T) {
    let run = |protocol: &str| {
        let bench = Bench::new()
            .set("protocol", protocol)
            .set("questions.max_outer_attempts", 1)
            .before(hook);
        assert_eq!(bench.run().ending, Ending::Complete, "{protocol}");
        look(&bench)
    };
    (run("forgemark-1"), run("crb-1"))
}

/// How often a value of `key` stands in the entries of all files below a folder.
fn count(bench: &Bench, folder: &str, key: &str, value: &str) -> usize {
    let files = bench.files();
    let paths = files.keys().filter(|path| path.starts_with(folder));
    paths
        .flat_map(|path| bench.entries(path))
        .filter(|entry| entry.str_or(key, "") == value)
        .count()
}

#[test]
fn a_passed_check_that_calls_the_question_ill_posed() {
    let hook = |asked: &super::bench::Asked<'_>| {
        (asked.task == "answer_check").then(|| verdict("pass", true))
    };
    let look = |bench: &Bench| {
        let ill_posed = count(bench, "answers/", "status", "ill-posed");
        (
            ill_posed > 0,
            count(bench, "debates/illposed/", "run_id", "1") > 0,
        )
    };
    assert_eq!(both(hook, look), ((true, true), (false, false)));
}

#[test]
fn a_critique_whose_check_never_passes() {
    let hook = |asked: &super::bench::Asked<'_>| {
        (asked.task == "critique_check").then(|| {
            object(&[
                ("issues", Json::Array(vec![Json::from("thin")])),
                ("improvements", Json::from("say more")),
                ("verdict", Json::from("fail")),
            ])
        })
    };
    let look = |bench: &Bench| count(bench, "critiques/", "status", "failed") > 0;
    assert_eq!(both(hook, look), (true, false));
}

#[test]
fn a_check_that_echoes_the_critique() {
    let hook = |asked: &super::bench::Asked<'_>| {
        (asked.task == "critique_check").then(|| {
            object(&[
                ("notes", Json::from("the digits")),
                ("verdict", Json::from("correct")),
            ])
        })
    };
    // Ours is told and asked again; the original takes it as a check that does not pass.
    let look = |bench: &Bench| {
        let lines = bench.lines("provenance.jsonl");
        let critiques = lines
            .iter()
            .filter(|line| line.str_or("record", "").starts_with("critique"));
        critiques.map(|line| line.items("calls").len()).max()
    };
    let (ours, theirs) = both(hook, look);
    assert_eq!(ours, Some(3), "critique, check, check again");
    assert_eq!(theirs, Some(4), "critique, check, critique, check");
}

#[test]
fn a_judgment_that_cannot_be_read() {
    let hook = |asked: &super::bench::Asked<'_>| {
        let strikes = asked.name == "lab-dan" && asked.task == "judge_critique";
        strikes.then(|| AgentReply::text("Alice."))
    };
    let look = |bench: &Bench| {
        let decisions = bench.entries("automated_evaluations/lab-dan.json");
        let first = &decisions[0];
        let lines = bench.lines("provenance.jsonl");
        let line = lines
            .iter()
            .find(|line| line.str_or("record", "").ends_with("by lab-dan"));
        (
            first.str_or("verdict", "").to_owned(),
            first.get("error").is_some(),
            line.unwrap().items("calls").len(),
            // The next command asks again, or passes over it.
            bench.run().made[&Stage::Judge] > 0,
        )
    };
    let unknown = || "unknown".to_owned();
    assert_eq!(
        both(hook, look),
        ((unknown(), true, 2, true), (unknown(), false, 1, false))
    );
}

#[test]
fn what_debaters_and_judges_are_shown() {
    for (protocol, ours) in [("forgemark-1", true), ("crb-1", false)] {
        let seen: Arc<Mutex<Vec<(String, bool, String)>>> = Arc::default();
        let log = Arc::clone(&seen);
        let bench = Bench::new()
            .set("protocol", protocol)
            .set("questions.max_outer_attempts", 1)
            .before(move |asked| {
                if asked.task.starts_with("debate") || asked.task.starts_with("judge") {
                    let alice = asked.prompt.contains("side=\"claimant\"");
                    let entry = (asked.task.to_owned(), alice, asked.prompt.to_owned());
                    log.lock().unwrap().push(entry);
                }
                match asked.task {
                    "answer_check" if asked.name == "lab-ben" => Some(verdict("fail", true)),
                    "debate_critique" | "debate_illposed" => Some(object(&[
                        (
                            "message",
                            Json::from("lab/dan told lab-ann so, and nobody else"),
                        ),
                        ("concede", Json::Bool(false)),
                    ])),
                    _ => None,
                }
            });
        bench.run();
        let seen = seen.lock().unwrap();
        let any = |task: &str, alice: bool, text: &str| {
            let mut of = seen
                .iter()
                .filter(|(of, side, _)| of == task && *side == alice);
            of.any(|(.., prompt)| prompt.contains(text))
        };
        assert!(
            any("debate_critique", false, "<answer>"),
            "Bob sees his answer"
        );
        assert_eq!(
            any("debate_critique", true, "<answer>"),
            ours,
            "Alice sees the answer"
        );
        assert_eq!(
            any("debate_critique", true, "<message"),
            ours,
            "the whole transcript"
        );
        assert_eq!(
            any("debate_illposed", true, "<claim>"),
            ours,
            "her own claim"
        );
        assert_eq!(any("judge_illposed", false, "<claim>"), ours, "the claim");
        assert!(any("judge_critique", false, "<claim>"));
        // Names of all models go, or of the two that take part.
        let named = seen.iter().filter(|(task, ..)| task == "judge_critique");
        let named =
            named.filter(|(.., prompt)| prompt.contains("lab/dan") || prompt.contains("lab-ann"));
        assert_eq!(named.count() == 0, ours);
        let redacted = bench.lines("provenance.jsonl");
        assert!(
            redacted
                .iter()
                .any(|line| !line.items("redactions").is_empty())
        );
    }
}

#[test]
fn refined_texts_are_cleaned_too() {
    let hook = |asked: &super::bench::Asked<'_>| match asked.task {
        "answer" => Some(AgentReply::text("The sum is 1. \\(x\\)")),
        "refine" => Some(AgentReply::text("The sum is 2. \\(y\\)")),
        "answer_check" if asked.prompt.contains("The sum is 1.") => Some(verdict("fail", false)),
        _ => None,
    };
    let look = |bench: &Bench| {
        let entry = bench.entries("answers/lab-ann/lab-ben.json").remove(0);
        let attempts = entry.items("attempts").to_vec();
        let text = |n: usize| attempts[n].str_or("answer", "").to_owned();
        (text(0), text(1))
    };
    let (ours, theirs) = both(hook, look);
    let cleaned = "The sum is 1. $x$".to_owned();
    assert_eq!(ours, (cleaned.clone(), "The sum is 2. $y$".to_owned()));
    assert_eq!(theirs, (cleaned, "The sum is 2. \\(y\\)".to_owned()));
}
