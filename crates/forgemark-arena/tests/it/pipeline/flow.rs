//! A run from nothing, and the same again.

use std::collections::{BTreeMap, BTreeSet};

use forgemark_arena::check::Level;
use forgemark_arena::pipeline::estimate::estimate;
use forgemark_arena::pipeline::{Ending, Stage};
use forgemark_arena::{Corpus, check};
use forgemark_contract::json::Json;

use super::bench::{Bench, assert_same, root};

#[test]
fn a_run_from_nothing_makes_a_sound_arena() {
    let bench = Bench::new();
    let summary = bench.run();
    assert_eq!(summary.ending, Ending::Complete);
    for stage in Stage::ALL {
        assert!(summary.made[&stage] > 0, "{stage:?}: {summary:?}");
    }
    assert_eq!(bench.calls() as u64, summary.totals.all().calls);
    let corpus = Corpus::load(&bench.disk, root(), true).unwrap();
    let report = check(&corpus);
    let wrong: Vec<_> = (report.findings.iter())
        .filter(|finding| finding.class.level() != Level::Note)
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    for file in &corpus.files {
        assert_eq!(file.canonical, Some(true), "{}", file.path);
    }
    // Nobody judges what it takes part in, and every claim has all others as judges.
    for name in ["ann", "ben", "cleo", "dan"] {
        for decision in bench.entries(&format!("automated_evaluations/lab-{name}.json")) {
            for part in ["answer_model", "critic_model"] {
                assert_ne!(decision.str_or(part, ""), format!("lab-{name}"));
            }
        }
    }
    let lines = bench.lines("provenance.jsonl");
    let made: u64 = summary.made.values().sum();
    assert_eq!(lines.len() as u64, made);
    let calls: BTreeSet<&str> = lines
        .iter()
        .flat_map(|line| line.items("calls"))
        .filter_map(Json::as_str)
        .collect();
    assert_eq!(
        calls.len(),
        bench.calls(),
        "every call belongs to one record"
    );
}

#[test]
fn a_finished_run_makes_no_call_and_changes_nothing() {
    let bench = Bench::new();
    bench.run();
    let (files, calls) = (bench.files(), bench.calls());
    let again = bench.run();
    assert_eq!(again.ending, Ending::AlreadyComplete);
    assert_eq!(bench.calls(), calls);
    assert_eq!(
        again.replayed_calls, 0,
        "what exists is not replayed either"
    );
    assert_same(&files, &bench.files(), "the second command");
}

#[test]
fn equal_files_whatever_runs_at_the_same_time() {
    let alone = Bench::new().set("run.concurrency", 1);
    alone.run();
    for concurrency in [2, 7, 64] {
        let bench = Bench::new().set("run.concurrency", concurrency);
        bench.run();
        assert_same(&alone.files(), &bench.files(), &format!("{concurrency}"));
    }
}

#[test]
fn stages_one_by_one_and_limits_end_in_the_same_records() {
    let whole = Bench::new().set("questions.max_outer_attempts", 1);
    whole.run();
    let steps = Bench::new().set("questions.max_outer_attempts", 1);
    for stage in [
        Stage::Questions,
        Stage::Critiques,
        Stage::Debates,
        Stage::Judge,
        Stage::Answers,
        Stage::Critiques,
        Stage::Debates,
        Stage::Judge,
    ] {
        let command = steps.clone().stages(&[stage]);
        let part = command.clone().options(|options| options.limit = Some(2));
        let part = part.run();
        assert!(part.made.iter().all(|(made, n)| *made == stage || *n == 0));
        let rest = command.run();
        let ended = matches!(rest.ending, Ending::Complete | Ending::AlreadyComplete);
        assert!(ended, "{stage:?}: {:?}", rest.ending);
    }
    assert_same(&whole.files(), &steps.files(), "stage by stage");
}

#[test]
fn an_estimate_bounds_what_a_run_takes_and_ends_at_nothing() {
    let bench = Bench::new();
    let forecast = || {
        let (settings, options) = (bench.settings(), bench.options.clone());
        estimate(&bench.disk, root(), &settings, &options).unwrap()
    };
    let before = forecast();
    assert_eq!(bench.calls(), 0);
    assert!(bench.files().is_empty(), "nothing is written");
    assert!(before.calls() > 50.0 && before.calls() < before.most_calls());
    assert_eq!(before.cost_usd(), None, "no price is configured");
    bench.run();
    let mut taken: BTreeMap<(Stage, String), f64> = BTreeMap::new();
    for line in bench.lines("provenance.jsonl") {
        let stage = match line.str_or("record", "").split(' ').next() {
            Some("question") => Stage::Questions,
            Some("answer") => Stage::Answers,
            Some("critique") => Stage::Critiques,
            Some("judgment") => Stage::Judge,
            _ => continue,
        };
        let model = line.str_or("model", "").to_owned();
        *taken.entry((stage, model)).or_default() += line.items("calls").len() as f64;
    }
    for ((stage, model), calls) in taken {
        let row = before.rows.iter();
        let row = row
            .clone()
            .find(|row| row.stage == stage && row.model == model);
        let most = row.map_or(0.0, |row| row.most_calls);
        assert!(
            calls <= most,
            "{stage:?} {model}: {calls} of at most {most}"
        );
    }
    let after = forecast();
    assert!(after.calls() < 1e-9, "{:#?}", after.rows);
}

#[test]
fn the_first_epoch_is_written_on_request_and_gone_on_with() {
    let bench = Bench::new()
        .set("output.epoch", 1)
        .set("questions.max_outer_attempts", 1);
    let run = |stage: Option<Stage>| {
        let stages: Vec<Stage> = stage.map_or(Stage::ALL.to_vec(), |stage| vec![stage]);
        bench.clone().stages(&stages).run()
    };
    run(Some(Stage::Questions));
    let decisions = || bench.entries("automated_evaluations/lab-ann.json");
    // A limit leaves holes, which are places of their own in this epoch.
    bench
        .clone()
        .options(|options| options.limit = Some(5))
        .run();
    assert_eq!(run(None).ending, Ending::Complete);
    for entry in bench.entries("benchmarks/lab-ann.json") {
        assert!(entry.get("outer_attempt").is_none(), "{entry:?}");
    }
    for decision in decisions() {
        let id = decision.str_or("id", "");
        assert!(
            id.starts_with("critique/") || id.starts_with("illposed/"),
            "{id}"
        );
    }
    assert_eq!(run(None).ending, Ending::AlreadyComplete);
    let whole = Bench::new()
        .set("output.epoch", 1)
        .set("questions.max_outer_attempts", 1);
    whole.run();
    assert_same(&whole.files(), &bench.files(), "in steps");
    let lists = |folder: &str| {
        let files = whole.files();
        let paths = files.keys().filter(|path| path.starts_with(folder));
        paths
            .map(|path| whole.entries(path).len())
            .collect::<BTreeSet<_>>()
    };
    assert_eq!(
        lists("answers/"),
        BTreeSet::from([2]),
        "two runs, two places"
    );
}
