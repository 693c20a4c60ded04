//! A fault at every point at which judging touches the disk, and the same command again.

use std::collections::BTreeMap;
use std::sync::Arc;

use forgemark_dialogue::DialogueError;
use forgemark_dialogue::judge::Options;
use forgemark_dialogue::run::Ending;
use forgemark_model::{Agent, Backend};
use forgemark_testkit::aftermath::Then;
use forgemark_testkit::{Fault, MemDisk};

use super::{clean, model, offline};
use crate::bench::{Bench, artifacts, assert_same};

/// Replies that may be lost without being durable: those in flight.
const IN_FLIGHT: u64 = 2;

fn start(bench: &Bench, disk: &MemDisk) -> (Result<Ending, DialogueError>, u64) {
    let agent = model();
    let mut bench = bench.clone().on(disk);
    bench.backend = Backend::Agent(Arc::clone(&agent) as Arc<dyn Agent>);
    let ended = bench
        .try_judge(Options::default())
        .map(|summary| summary.ending);
    (ended, agent.calls())
}

/// What opening the folder makes of it: a commit that stands is ended.
fn settled(bench: &Bench, disk: &MemDisk) -> BTreeMap<String, Vec<u8>> {
    let settled = disk.kill();
    let environment = bench.clone().on(&settled).judging();
    drop(forgemark_dialogue::judge::LateJudge::open(environment, Options::default()).unwrap());
    artifacts(&settled)
}

#[test]
fn kill_matrix_of_late_judging() {
    let bench = offline(&model())
        .set("run.total_samples", 2)
        .set("run.batch_size", 2)
        .set("run.turns.max", 2)
        .set("judge.repeats", 2);
    bench.run();
    let made = bench.disk.kill();
    // The sheet of judgements is there from the first start on, empty.
    let mut old = artifacts(&made);
    old.insert("judgements.jsonl".to_owned(), Vec::new());
    let whole = made.kill();
    let (ended, calls) = start(&bench, &whole);
    assert_eq!(ended.unwrap(), Ending::Complete);
    let new = artifacts(&whole);
    clean(&bench.clone().on(&whole), "without a fault");
    assert!(old != new);

    // How writes gather into batches differs from run to run, and with it their number.
    let points = whole.points() - made.points();
    let (mut faults, mut between, mut again) = (0, 0, 0);
    for then in Then::ALL {
        // Each is killed at every point; a power loss and a full disk are one more kind of the same.
        let step = if then == Then::Kill { 1 } else { 4 };
        for at in (1..=points + 2).step_by(step) {
            let disk = made.kill();
            let before = disk.points();
            disk.set_fault(Fault {
                at: before + at,
                kind: then.fault(),
            });
            let (ended, first) = start(&bench, &disk);
            if !disk.fault_happened() {
                continue;
            }
            let what = format!("{then:?} at {at}: {:?}", disk.point(before + at));
            if let Err(error) = &ended {
                assert!(
                    matches!(error, DialogueError::Journal(_)),
                    "{what}: {error}"
                );
            }
            let next = then.next(&disk, at);
            let there = settled(&bench, &next);
            if there == new {
                between += 1;
            } else {
                assert_same(&old, &there, &what);
            }
            let (ended, second) = start(&bench, &next);
            assert!(
                matches!(ended, Ok(Ending::Complete | Ending::AlreadyComplete)),
                "{what}: {ended:?}"
            );
            assert_same(&new, &artifacts(&next), &what);
            let paid_again = (first + second).saturating_sub(calls);
            assert!(
                paid_again <= IN_FLIGHT,
                "{what}: {paid_again} of {calls} paid again"
            );
            again = again.max(paid_again);
            faults += 1;
        }
    }
    println!(
        "kill matrix of late judging: {points} points, {faults} faults, after {between} of them the new files stood; at most {again} of {calls} calls paid again"
    );
    assert!(
        points > 0 && faults >= points,
        "{points} points, {faults} faults"
    );
    assert!(between > 0 && between < faults, "{between} of {faults}");
}
