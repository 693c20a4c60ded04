//! A fault at every point at which a run touches the disk, a stop at every call, and the same command again.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use forgemark_arena::pipeline::{ArenaError, Ending};
use forgemark_contract::json::Json;
use forgemark_journal::JournalError;
use forgemark_model::Budget;
use forgemark_run::Cancel;
use forgemark_testkit::Fault;
use forgemark_testkit::aftermath::Then;

use super::bench::{Bench, assert_same, files};

/// Tasks that may lose a reply each: those of three models, two of them at a time.
const IN_FLIGHT: usize = 6;

/// Two models that do everything and one that judges; some of what they do is wrong.
fn small() -> Bench {
    let model = |name: &str, roles: &[&str]| {
        Json::object([
            ("name", Json::from(name)),
            (
                "roles",
                roles.iter().map(|role| Json::from(*role)).collect(),
            ),
        ])
    };
    let plays = ["benchmark", "answer", "critique", "debate"];
    let models: Json = [
        model("lab/ben", &plays),
        model("lab/dan", &plays),
        model("lab/judge", &["judge"]),
    ]
    .into_iter()
    .collect();
    let mut bench = Bench::new()
        .set("topics", Json::from(vec![Json::from("sums")]))
        .set("questions.max_outer_attempts", 2)
        .set("run.concurrency", 2)
        .set("models", models);
    bench.models = vec![
        ("lab/ben".to_owned(), 70),
        ("lab/dan".to_owned(), 30),
        ("lab/judge".to_owned(), 100),
    ];
    bench
}

/// What a run leaves when nothing happens, and how often it asked.
fn whole() -> (BTreeMap<String, Vec<u8>>, usize, u64) {
    let bench = small();
    let before = bench.disk.points();
    assert_eq!(bench.run().ending, Ending::Complete);
    assert!(
        bench
            .files()
            .contains_key("automated_evaluations/lab-judge.json")
    );
    assert!(bench.files().contains_key("adjudications.jsonl"));
    (bench.files(), bench.calls(), bench.disk.points() - before)
}

#[test]
fn kill_matrix_over_every_point_of_the_disk() {
    let (expected, calls, points) = whole();
    let mut total = 0;
    let mut most = 0;
    for (then, step) in [
        (Then::Kill, 1),
        (Then::PowerLoss, 2),
        (Then::FullDisk, 3),
        (Then::ShortWrite, 3),
        (Then::PartialPowerLoss, 5),
    ] {
        // How writes gather into batches differs from run to run, and with it their number.
        let (mut at, mut missed) = (1, 0);
        while missed < 3 {
            let bench = small();
            bench.disk.set_fault(Fault {
                at,
                kind: then.fault(),
            });
            let ended = bench.try_run();
            let what = format!("{then:?} at {at}: {:?}", bench.disk.point(at));
            if !bench.disk.fault_happened() {
                assert_eq!(ended.unwrap().ending, Ending::Complete, "{what}");
                missed += 1;
                at += step;
                continue;
            }
            missed = 0;
            if let Err(error) = &ended {
                assert!(matches!(error, ArenaError::Journal(_)), "{what}: {error}");
            }
            let next = bench.clone().on(&then.next(&bench.disk, at));
            let again = next.try_run();
            match again.map(|summary| summary.ending) {
                Ok(Ending::Complete | Ending::AlreadyComplete) => {}
                other => panic!("{what}: the second command ended with {other:?}"),
            }
            assert_same(&expected, &files(&next.disk), &what);
            // Both commands share a log.
            let paid_again = bench.calls().saturating_sub(calls);
            assert!(
                paid_again <= IN_FLIGHT,
                "{what}: {paid_again} calls paid again"
            );
            most = most.max(paid_again);
            total += 1;
            at += step;
        }
    }
    println!(
        "kill matrix: {points} points, {total} faults, at most {most} of {calls} calls paid again"
    );
    assert!(
        points > 50 && total >= points + points / 2,
        "{points} points, {total} faults"
    );
}

#[test]
fn a_stop_at_every_call_pays_nothing_twice() {
    let (expected, calls, _) = whole();
    for budget in 1..calls as u64 {
        let mut bench = small();
        bench.budget = Budget {
            max_calls: Some(budget),
            ..Budget::default()
        };
        let ended = bench.run().ending;
        assert!(matches!(ended, Ending::Budget(_)), "{budget}: {ended:?}");
        bench.budget = Budget::default();
        assert_eq!(bench.run().ending, Ending::Complete, "{budget}");
        assert_eq!(bench.calls(), calls, "stopped at call {budget}");
        assert_same(
            &expected,
            &bench.files(),
            &format!("stopped at call {budget}"),
        );
    }
}

#[test]
fn a_drain_ends_what_is_in_flight_and_the_same_command_goes_on() {
    let (expected, calls, _) = whole();
    for wanted in [1, 7, 20] {
        let cancel = Cancel::new();
        let pulled = cancel.clone();
        let asked = AtomicUsize::new(0);
        let bench = small().before(move |_| {
            if asked.fetch_add(1, Ordering::SeqCst) + 1 == wanted {
                pulled.cancel();
            }
            None
        });
        let summary = bench.try_run_with(cancel).unwrap();
        assert_eq!(summary.ending, Ending::Interrupted, "at call {wanted}");
        assert!(bench.calls() <= wanted + IN_FLIGHT);
        let again = small().on(&bench.disk);
        assert_eq!(again.run().ending, Ending::Complete);
        assert_eq!(
            bench.calls() + again.calls(),
            calls,
            "nothing is paid twice"
        );
        assert_same(
            &expected,
            &again.files(),
            &format!("drained at call {wanted}"),
        );
    }
}

#[test]
fn a_second_process_is_refused_while_the_first_runs() {
    let bench = small();
    let first = bench.open().unwrap();
    let error = bench.open().unwrap_err();
    assert!(
        matches!(error, ArenaError::Journal(JournalError::Locked { .. })),
        "{error:?}"
    );
    assert!(error.to_string().contains("this test"), "{error}");
    drop(first);
    assert_eq!(bench.run().ending, Ending::Complete);
}
