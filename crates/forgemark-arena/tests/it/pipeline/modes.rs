//! What the configuration may ask for beyond the usual: other critiques, judges without debates, own answers, notes.

use forgemark_arena::pipeline::{Ending, Stage};
use forgemark_contract::json::Json;

use super::bench::{Bench, object};

fn list(words: &[&str]) -> Json {
    words.iter().map(|word| Json::from(*word)).collect()
}

#[test]
fn critiques_of_own_answers_and_of_declared_triples() {
    let triple = list(&["lab/ann", "lab/ben", "lab/cleo"]);
    let own = list(&["lab/dan", "lab/dan", "lab/ann"]);
    let bench = Bench::new()
        .set("questions.max_outer_attempts", 1)
        .set("critiques.modes", list(&["all", "custom"]))
        .set("critiques.custom", Json::Array(vec![triple, own]));
    assert_eq!(bench.run().ending, Ending::Complete);
    let files = bench.files();
    let critiques: Vec<&str> = files
        .keys()
        .filter_map(|path| path.strip_prefix("critiques/"))
        .collect();
    let custom: Vec<&str> = critiques
        .iter()
        .copied()
        .filter(|path| path.starts_with("custom/"))
        .collect();
    assert_eq!(
        custom,
        [
            "custom/lab-ann/lab-cleo__lab-ben.json",
            "custom/lab-dan/lab-ann__lab-dan.json"
        ]
    );
    assert!(critiques.contains(&"all/lab-ann/lab-ben__lab-ben.json"));
    assert_eq!(critiques.len(), 2 + 12, "every answerer its own answers");
    assert_eq!(bench.run().ending, Ending::AlreadyComplete);
}

#[test]
fn judges_without_debates_and_of_critiques_that_find_nothing() {
    let plain = || {
        Bench::new()
            .set("questions.max_outer_attempts", 1)
            .options(|options| {
                options.stages.remove(&Stage::Debates);
            })
    };
    let none = plain();
    assert_eq!(none.run().made[&Stage::Judge], 0, "no debate, no judgment");
    let claims = plain().set("judge.allow_no_debate", true);
    let of_claims = claims.run().made[&Stage::Judge];
    assert!(of_claims > 0);
    let all = plain()
        .set("judge.allow_no_debate", true)
        .set("judge.force_correct_critiques", true);
    let summary = all.run();
    let of_all = summary.made[&Stage::Judge];
    assert!(of_all > of_claims, "{of_all} {of_claims}");
    // Each critique has two judges that take no part in it.
    assert_eq!(of_all, 2 * summary.made[&Stage::Critiques]);
    assert!(!all.files().keys().any(|path| path.starts_with("debates/")));
}

#[test]
fn own_answers_stand_beside_those_of_others_and_nobody_looks_at_them() {
    let bench = Bench::new()
        .set("questions.max_outer_attempts", 1)
        .set("answers.allow_self_answering", true);
    assert_eq!(bench.run().ending, Ending::Complete);
    let files = bench.files();
    assert!(files.contains_key("answers/lab-ann/lab-ann.json"));
    assert!(!files.contains_key("critiques/evaluator/lab-ann/lab-ann__lab-ann.json"));
}

#[test]
fn a_judge_that_knows_nothing_is_not_asked_again_by_itself() {
    let bench = Bench::new()
        .set("questions.max_outer_attempts", 1)
        .before(|asked| {
            let strikes = asked.name == "lab-dan" && asked.task == "judge_critique";
            strikes.then(|| {
                object(&[
                    ("reasoning", Json::from("neither of them convinces")),
                    ("verdict", Json::from("unknown")),
                    ("confidence", Json::Int(1)),
                ])
            })
        });
    let summary = bench.run();
    assert!(summary.failed[&Stage::Judge] > 0);
    let lines = bench.lines("provenance.jsonl");
    let open = lines
        .iter()
        .filter(|line| line.str_or("failure", "") == "undecided");
    assert_eq!(open.count() as u64, summary.failed[&Stage::Judge]);
    assert_eq!(bench.run().ending, Ending::AlreadyComplete);
}
