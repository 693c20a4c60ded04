//! A fault at every point at which a run touches the disk, and the same command again.
//!
//! After each one the second command, on a disk that works, has to leave exactly the files of a run
//! that nothing happened to, and may have paid again only for what was in flight.

use std::path::Path;
use std::sync::Arc;

use forgemark_contract::json::Json;
use forgemark_dialogue::run::Ending;
use forgemark_dialogue::{DialogueError, DropReason};
use forgemark_journal::{JournalError, Storage};
use forgemark_model::scripted::Dialogue;
use forgemark_model::{AgentReply, Backend};
use forgemark_testkit::aftermath::Then;
use forgemark_testkit::{Fault, FaultKind, MemDisk};

use super::bench::{Bench, Counting, OUT, artifacts, assert_same, corpus, role, script};

/// Replies that may be lost without being durable: those in flight in the two slots, and the last one of each
/// conversation, which only its commit waits for.
const IN_FLIGHT: u64 = 2;
/// Calls of a turn that a rewind throws away: which of two equal questions comes first differs from run to run, so one
/// run may make them and the other not.
const REWOUND: u64 = 4;

/// A plan, and what a run of it leaves when nothing happens.
struct Matrix {
    bench: Bench,
    /// What stands on the disk before the first start.
    before: Box<dyn Fn() -> MemDisk>,
    calls: u64,
    files: std::collections::BTreeMap<String, Vec<u8>>,
    points: u64,
    /// Most calls that were paid again.
    again: u64,
}

impl Matrix {
    fn new(bench: Bench, before: impl Fn() -> MemDisk + 'static) -> Self {
        let disk = before();
        let mut matrix = Self {
            bench,
            before: Box::new(before),
            calls: 0,
            files: std::collections::BTreeMap::default(),
            points: 0,
            again: 0,
        };
        let at_start = disk.points();
        let (ended, calls) = matrix.start(&disk);
        assert_eq!(ended.unwrap(), Ending::Complete);
        matrix.calls = calls;
        matrix.files = artifacts(&disk);
        matrix.points = disk.points() - at_start;
        matrix
    }

    /// How many conversations there are at the end.
    fn conversations(&self) -> u64 {
        let index = &self.files["conversations_index.jsonl"];
        index.split(|byte| *byte == b'\n').count() as u64 - 1
    }

    /// The command, and the calls that it made.
    fn start(&self, disk: &MemDisk) -> (Result<Ending, DialogueError>, u64) {
        let agent = Arc::new(model());
        let mut bench = self.bench.clone().on(disk);
        bench.backend = Backend::Agent(Arc::clone(&agent) as Arc<dyn forgemark_model::Agent>);
        let ended = bench.try_run().map(|summary| summary.ending);
        (ended, agent.calls())
    }

    /// One fault and the command again. Returns whether the point was reached.
    fn at(&mut self, at: u64, then: Then) -> bool {
        let disk = (self.before)();
        disk.set_fault(Fault {
            at: disk.points() + at,
            kind: then.fault(),
        });
        let (ended, first) = self.start(&disk);
        if !disk.fault_happened() {
            assert_eq!(ended.unwrap(), Ending::Complete);
            return false;
        }
        let what = || format!("{then:?} at {at}: {:?}", disk.point(at));
        if let Err(error) = &ended {
            assert!(
                matches!(error, DialogueError::Journal(_)),
                "{}: {error}",
                what()
            );
        }
        let next = then.next(&disk, at);
        let (ended, second) = self.start(&next);
        match ended {
            Ok(Ending::Complete | Ending::AlreadyComplete) => {}
            other => panic!("{}: the second command ended with {other:?}", what()),
        }
        assert_same(&self.files, &artifacts(&next), &what());
        let again = (first + second).saturating_sub(self.calls);
        assert!(
            again <= IN_FLIGHT + REWOUND + self.conversations(),
            "{}: {again} calls paid again",
            what()
        );
        self.again = self.again.max(again);
        true
    }

    /// A disk on which the command was killed at this point, or at the last one before it that this run reaches: how
    /// writes gather into batches differs from run to run, and with it their number.
    fn killed_near(&self, wanted: u64) -> (u64, MemDisk) {
        for at in (1..=wanted).rev() {
            let disk = MemDisk::new();
            disk.set_fault(Fault {
                at,
                kind: FaultKind::Crash,
            });
            let _ = self.start(&disk);
            if disk.fault_happened() {
                return (at, disk);
            }
        }
        panic!("no point up to {wanted} was reached");
    }

    /// Every `step`-th point, with each fault.
    fn all(&mut self, name: &str, step: u64) {
        let mut total = 0;
        for then in Then::ALL {
            // A part of a power loss lies between the whole one and a kill.
            let step = if then == Then::PartialPowerLoss {
                step * 3
            } else {
                step
            };
            // How writes gather into batches differs from run to run, and with it their number.
            let (mut at, mut missed) = (1, 0);
            while missed < 3 {
                if self.at(at, then) {
                    total += 1;
                    missed = 0;
                } else {
                    missed += 1;
                }
                at += step;
            }
        }
        println!(
            "kill matrix, {name}: {} points, {total} faults, at most {} of {} calls paid again",
            self.points, self.again, self.calls
        );
        assert!(
            self.points > 0 && total >= self.points * 3 / step,
            "{} points, {total} faults",
            self.points
        );
    }
}

/// The model that every command asks: some of its questions conflict.
fn model() -> Counting {
    Counting::new(&script(
        31,
        Dialogue {
            conflict_rate: 0.3,
            shared_questions: 3,
            ..Dialogue::PLAIN
        },
    ))
}

fn small() -> Bench {
    let agent = Arc::new(Counting::new(&script(0, Dialogue::PLAIN)));
    Bench::with(corpus(2, 4), Backend::Agent(agent))
        .set("run.total_samples", 3)
        .set("run.turns.max", 2)
        .set("run.batch_size", 2)
        .set("run.concurrency", 2)
}

#[test]
fn acceptance_8_2_3_kill_matrix_three_conversations_of_two_turns() {
    Matrix::new(small(), MemDisk::new).all("3 conversations of 2 turns", 1);
}

/// A folder with a ledger and turns of another program.
fn with_ledger() -> MemDisk {
    let disk = MemDisk::new();
    disk.create_dir_all(Path::new(OUT)).unwrap();
    for (name, n) in [("coverage_ledger.jsonl", 2), ("turns.jsonl", 1)] {
        let mut file = disk.create(&Path::new(OUT).join(name)).unwrap();
        for row in 0..n {
            let text = format!(
                "{{\"timestamp\": \"\", \"topic_id\": \"\", \"source_path\": \"\", \"question\": \"Old question {row}?\", \"question_hash\": \"\", \"question_mode\": \"fresh\", \"seed_topic\": \"\", \"seed_question\": \"\", \"seed_question_hash\": \"\"}}\n"
            );
            file.write_all(text.as_bytes()).unwrap();
        }
        file.sync().unwrap();
    }
    disk.sync_dir(Path::new(OUT)).unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    disk
}

#[test]
fn kill_matrix_of_a_folder_with_a_foreign_ledger_and_two_languages() {
    let bench = small()
        .set("run.total_samples", 1)
        .set("run.turns.max", 2)
        .set(
            "run.target_languages",
            Json::from(vec![Json::from("en"), "de".into()]),
        )
        .set("judge.granularity", "conversation");
    Matrix::new(bench, with_ledger).all("an imported ledger and two languages", 4);
}

#[test]
fn kill_matrix_of_the_second_command_itself() {
    let mut matrix = Matrix::new(small(), MemDisk::new);
    let mut total = 0;
    for wanted in [matrix.points / 2, matrix.points - 3] {
        let (first, disk) = matrix.killed_near(wanted);
        for then in [Then::Kill, Then::PowerLoss] {
            let mut at = 1;
            loop {
                let second = disk.kill();
                second.set_fault(Fault {
                    at: second.points() + at,
                    kind: then.fault(),
                });
                let _ = matrix.start(&second);
                if !second.fault_happened() {
                    break;
                }
                let third = then.next(&second, at);
                let (ended, _) = matrix.start(&third);
                assert!(
                    matches!(ended, Ok(Ending::Complete | Ending::AlreadyComplete)),
                    "{first}, then {then:?} at {at}: {ended:?}"
                );
                assert_same(
                    &matrix.files,
                    &artifacts(&third),
                    &format!("{first}, {then:?} at {at}"),
                );
                total += 1;
                at += 3;
            }
        }
    }
    println!("kill matrix, second command: {total} faults");
    assert!(total >= 40, "{total}");
    matrix.again = 0;
}

#[test]
fn kill_matrix_of_a_command_that_makes_dropped_conversations_again() {
    // A model that sometimes could not be read has left a complete folder with dropped conversations.
    let failing = model().before(|_, request| {
        let bad = role(request) == "user_turn" && request.sample % 2 == 0;
        bad.then(|| AgentReply::text("no"))
    });
    let bench = small().set("coverage.question_dedup_retries", 1);
    let mut first = bench.clone();
    first.backend = Backend::Agent(failing);
    let summary = first.run();
    assert_eq!(summary.ending, Ending::Complete);
    assert!(
        summary.dropped.contains_key("parse_error"),
        "{:?}",
        summary.dropped
    );

    let disk = first.disk;
    let retry = bench.options(|options| options.retry_failed = Some(Some(DropReason::ParseError)));
    let mut matrix = Matrix::new(retry, move || disk.kill());
    let rows = matrix.conversations();
    assert!(rows > 3, "good ones behind a dropped one stay: {rows}");
    // Every point takes over a minute; each of them passes.
    matrix.all("dropped conversations again", 23);
}

#[test]
fn acceptance_8_2_14_a_second_process_is_refused_while_the_first_runs() {
    let bench = small();
    let first = bench.open().unwrap();
    let error = bench.open().unwrap_err();
    assert!(
        matches!(error, DialogueError::Journal(JournalError::Locked { .. })),
        "{error:?}"
    );
    assert!(
        error.to_string().contains("this test"),
        "it names the owner: {error}"
    );
    drop(first);
    assert_eq!(bench.run().ending, Ending::Complete);
}
