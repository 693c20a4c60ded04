//! What the pipeline writes is clean.

use forgemark_contract::json::Json;
use forgemark_contract::time::Clock;
use forgemark_dialogue::run::Ending;
use forgemark_model::scripted::Dialogue;

use super::{assert_clean, check_files, files_of, said, searching, small, without_journal};
use crate::bench::Bench;

#[test]
fn a_small_run_with_everything_is_clean() {
    let bench = small();
    let summary = bench.run();
    assert_eq!(summary.ending, Ending::Complete);
    let files = files_of(&bench.disk);
    let report = assert_clean(&files, "with its journal");
    assert!(report.has_journal);
    assert!(report.conversations > 3, "some are dropped: {report:?}");
    assert_eq!(report.notes, Vec::<String>::new());
    let report = assert_clean(&without_journal(files), "without its journal");
    assert!(!report.has_journal);
}

#[test]
fn runs_of_every_configuration_are_clean() {
    let set = |bench: Bench, values: &[(&str, Json)]| {
        values
            .iter()
            .fold(bench, |bench, (key, value)| bench.set(key, value.clone()))
    };
    let text = |text: &str| Json::from(text);
    let languages: Json = ["English", "Français"]
        .into_iter()
        .map(Json::from)
        .collect();
    let matrix: Vec<(&str, Vec<(&str, Json)>)> = vec![
        ("single", vec![("run.batch_size", 1.into())]),
        (
            "a clipped wave",
            vec![
                ("run.batch_size", 3.into()),
                ("run.total_samples", 4.into()),
            ],
        ),
        (
            "one wave that is not full",
            vec![("run.batch_size", 16.into())],
        ),
        ("judge off", vec![("judge.enabled", false.into())]),
        (
            "judge by conversation",
            vec![("judge.granularity", text("conversation"))],
        ),
        (
            "compat",
            vec![
                ("saving.profile", text("compat")),
                ("run.batch_size", 2.into()),
            ],
        ),
        ("compat, single", vec![("saving.profile", text("compat"))]),
        (
            "renamed columns",
            vec![
                ("saving.output_columns.messages", text("chat")),
                ("saving.output_columns.metadata", text("about")),
                ("saving.output_columns.judge", text("verdict")),
            ],
        ),
        (
            "two languages",
            vec![
                ("run.target_languages", languages),
                ("run.batch_size", 2.into()),
            ],
        ),
        ("no personas", vec![("personas.enabled", false.into())]),
        (
            "a run question",
            vec![("run.data.seeding.question", text("How do valves open?"))],
        ),
    ];
    let mut failed = Vec::new();
    for (name, values) in matrix {
        let agent = searching(
            9,
            Dialogue {
                conflict_rate: 0.2,
                shared_questions: 3,
                ..Dialogue::PLAIN
            },
        );
        let bench = set(Bench::new(agent), &values);
        let bench = bench.set("run.turns.max", 3);
        let summary = bench.run();
        assert_eq!(summary.ending, Ending::Complete, "{name}");
        let files = files_of(&bench.disk);
        for (with, files) in [
            ("journal", files.clone()),
            ("no journal", without_journal(files)),
        ] {
            let report = check_files(&files);
            if !report.is_clean() {
                failed.push(format!("{name}, {with}: {}", said(&report)));
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

#[test]
fn a_real_clock_and_two_runs_in_one_folder_are_clean() {
    let (mut bench, _) = Bench::scripted(5, Dialogue::PLAIN);
    bench.row_clock = Clock::System;
    bench.run();
    let (mut other, _) = Bench::scripted(6, Dialogue::PLAIN);
    other.row_clock = Clock::System;
    let other = other
        .on(&bench.disk)
        .set("run.seed", 1)
        .options(|options| options.new_run = true);
    other.run();
    let report = assert_clean(&files_of(&bench.disk), "two runs");
    assert_eq!(report.conversations, 20);
}

#[test]
fn a_run_that_is_stopped_resumed_and_extended_is_clean_all_the_way() {
    let bench = |total: i64| {
        let (bench, _) = Bench::scripted(5, Dialogue::PLAIN);
        bench
            .set("run.batch_size", 4)
            .set("run.total_samples", total)
    };
    let first = bench(6).options(|options| options.limit = Some(3));
    assert_eq!(first.run().ending, Ending::Limit);
    assert_clean(&files_of(&first.disk), "stopped");
    let second = bench(6).on(&first.disk);
    assert_eq!(second.run().ending, Ending::Complete);
    assert_clean(&files_of(&first.disk), "resumed");
    let third = bench(9).on(&first.disk);
    assert_eq!(third.run().ending, Ending::Complete);
    let report = assert_clean(&files_of(&first.disk), "extended");
    assert_eq!(report.conversations, 9);
}
