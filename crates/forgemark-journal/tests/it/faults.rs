//! The kill matrix: a small run, disturbed at every point, ends with the files of an undisturbed one.
//!
//! The run has everything that a pipeline has: calls that are looked up before they are paid, commits with three append-only
//! files and whole files, a second run that rewinds the first and forgets a call, and a late rewrite of files that were
//! committed long before. Segments, memtable and fan-in are tiny, so that rolls, index flushes and merges happen all the
//! time. Every record is waited for, so the points come in the same order every time.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::rc::Rc;

use forgemark_contract::json::{self, Json};
use forgemark_journal::{
    ArtifactSet, CallOutcome, Journal, JournalError, OpenOptions, Record, Storage as _, dump,
    inspect, verify,
};
use forgemark_testkit::{Fault, FaultKind, MemDisk};

use crate::support::{call, key, open, open_with, out, segments, shared};

const FILES: [&str; 3] = ["rows.jsonl", "turns.jsonl", "deep/ledger.jsonl"];
const FIRST_RUN: u64 = 4;
const SECOND_RUN: u64 = 6;
/// Where the second run goes back to.
const BACK_TO: u64 = 2;
/// The call that it forgets; the model answers it differently then.
const FORGOTTEN: &str = "3/1";

/// What the outside world knows, whatever happens to the disk.
#[derive(Debug, Clone, Default)]
struct World {
    /// How often each request was paid.
    paid: BTreeMap<String, u32>,
    /// Replies that were acknowledged as durable and not forgotten since.
    acknowledged: BTreeMap<String, String>,
    /// Items whose commit was acknowledged, at most.
    committed: u64,
}

type Shared = Rc<RefCell<World>>;

/// Runs the workload on `disk`, from wherever an earlier process left it, to its end.
fn work(disk: &MemDisk, world: &Shared) -> Result<(), JournalError> {
    let (journal, recovered) = open(disk)?;
    check_promises(&journal, world)?;
    let mut set = ArtifactSet::open(&journal, &FILES)?;
    let ended = |run: &str| {
        let run = recovered.runs.iter().find(|known| known.run_id == run);
        run.is_some_and(|run| run.end.is_some())
    };
    let known = |run: &str| recovered.runs.iter().any(|known| known.run_id == run);
    if ended("r2") {
        return Ok(());
    }
    if !ended("r1") {
        begin(&journal, "r1")?;
        items(&journal, &mut set, FIRST_RUN, world)?;
        end(&journal)?;
    }
    if !known("r2") {
        {
            let mut world = world.borrow_mut();
            world.acknowledged.remove(FORGOTTEN);
            world.committed = world.committed.min(BACK_TO);
        }
        assert_eq!(set.rewind(BACK_TO, vec![key(FORGOTTEN)])?, BACK_TO);
        begin(&journal, "r2")?;
    }
    items(&journal, &mut set, SECOND_RUN, world)?;
    // Late judging: what was committed long ago is written anew, all of it or nothing. It is done once the journal says so,
    // whatever the files look like.
    let judged: Vec<String> = (0..SECOND_RUN).map(|n| format!("{n} judged\n")).collect();
    let judged_len: usize = judged.iter().map(String::len).sum();
    if journal.committed().files["turns.jsonl"] != judged_len as u64 {
        set.replace("turns.jsonl")?;
        for (n, row) in judged.iter().enumerate() {
            set.append("turns.jsonl", row.as_bytes())?;
            set.replace_whole(&format!("conv/{n}.json"), row.as_bytes())?;
        }
        set.commit(Vec::new())?.wait()?;
    }
    end(&journal)
}

fn begin(journal: &Journal, run: &str) -> Result<(), JournalError> {
    let record = Record::Run {
        run_id: run.to_owned(),
        plan: Json::object([("run", Json::from(run))]),
    };
    journal.append(record).wait()
}

fn end(journal: &Journal) -> Result<(), JournalError> {
    let record = Record::End {
        status: "completed".to_owned(),
        detail: Json::Null,
    };
    journal.append(record).wait()
}

fn items(
    journal: &Journal,
    set: &mut ArtifactSet,
    total: u64,
    world: &Shared,
) -> Result<(), JournalError> {
    for n in journal.committed().through..total {
        let mut replies = Vec::new();
        for turn in 0..3 {
            let request = format!("{n}/{turn}");
            replies.push(ask(journal, &request, world)?);
        }
        let row = format!("{n} {}\n", replies.join(" "));
        set.append("rows.jsonl", row.as_bytes())?;
        for reply in &replies {
            set.append("turns.jsonl", format!("{n} {reply}\n").as_bytes())?;
        }
        set.append("deep/ledger.jsonl", format!("{n}\n").as_bytes())?;
        set.put(&format!("conv/{n}.json"), row.as_bytes())?;
        set.put("state.json", format!("{{\"done\": {n}}}").as_bytes())?;
        let item = Json::object([("n", Json::from(n)), ("row", Json::from(row))]);
        set.commit(vec![item])?.wait()?;
        world.borrow_mut().committed = n + 1;
    }
    Ok(())
}

/// Answers from the journal, or pays.
fn ask(journal: &Journal, request: &str, world: &Shared) -> Result<String, JournalError> {
    if let Some(known) = journal.lookup(&key(request))? {
        assert_eq!(known.item, request);
        let reply = reply_of(&known.outcome);
        // What is answered from the journal is built on, so it may not be lost either.
        let mut world = world.borrow_mut();
        world.acknowledged.insert(request.to_owned(), reply.clone());
        return Ok(reply);
    }
    let reply = {
        let mut world = world.borrow_mut();
        let paid = world.paid.entry(request.to_owned()).or_default();
        *paid += 1;
        format!("reply-to-{request}-{}", "x".repeat(100))
    };
    let durable = journal.append(Record::Call(call(request, &reply)));
    durable.wait()?;
    let mut world = world.borrow_mut();
    world.acknowledged.insert(request.to_owned(), reply.clone());
    Ok(reply)
}

fn reply_of(outcome: &CallOutcome) -> String {
    match outcome {
        CallOutcome::Reply(body) => String::from_utf8(body.to_vec()).unwrap(),
        CallOutcome::Failure { .. } => panic!("only replies were appended"),
    }
}

/// Everything that was acknowledged must be there.
fn check_promises(journal: &Journal, world: &Shared) -> Result<(), JournalError> {
    let world = world.borrow();
    for (request, reply) in &world.acknowledged {
        let found = journal.lookup(&key(request))?;
        let found = found.unwrap_or_else(|| panic!("{request} was acknowledged and is gone"));
        assert_eq!(&reply_of(&found.outcome), reply);
    }
    let through = journal.committed().through;
    assert!(
        through >= world.committed,
        "{through} items, {} were acknowledged",
        world.committed
    );
    Ok(())
}

/// The files that a user sees.
fn artifacts(disk: &MemDisk) -> BTreeMap<PathBuf, Vec<u8>> {
    let ours = out().join(".forgemark");
    let files = disk.files().into_iter();
    files.filter(|(path, _)| !path.starts_with(&ours)).collect()
}

/// Checks a disk on which the workload has come to its end.
fn check_end(disk: &MemDisk, expected: &BTreeMap<PathBuf, Vec<u8>>, world: &World, crashes: u32) {
    assert_eq!(&artifacts(disk), expected);
    assert_eq!(
        &artifacts(&disk.power_loss()),
        expected,
        "the end is durable"
    );
    let proven = verify(&shared(disk), &out()).unwrap();
    assert_eq!((proven.items, proven.torn_bytes), (SECOND_RUN, 0));
    let recovered = inspect(&shared(disk), &out()).unwrap().unwrap();
    let items: Vec<_> = recovered.items().map(Result::unwrap).collect();
    for (place, item) in items.iter().enumerate() {
        assert_eq!(item.payload.at("n").as_u64(), Some(place as u64));
        let run = if item.index < BACK_TO { "r1" } else { "r2" };
        assert_eq!(&*item.run_id, run);
    }
    assert_eq!(items.len() as u64, SECOND_RUN);

    // No call stands in the journal twice, unless it was forgotten in between.
    let mut standing = BTreeSet::new();
    let mut calls = 0;
    for entry in dump(&shared(disk), &out()).unwrap() {
        match entry.unwrap().record {
            Record::Call(call) => {
                calls += 1;
                assert!(
                    standing.insert(call.key),
                    "{} stands there twice",
                    call.item
                );
            }
            Record::Rewind { forget, .. } => {
                for key in forget {
                    standing.remove(&key);
                }
            }
            _ => {}
        }
    }
    assert_eq!(recovered.totals.all().calls, calls);
    let requests = SECOND_RUN * 3 + 1;
    let paid: u32 = world.paid.values().sum();
    assert_eq!(world.paid.len() as u64, requests - 1);
    let again = u64::from(paid) - requests;
    assert!(
        again <= u64::from(crashes),
        "{again} calls were paid again, {crashes} crashes"
    );
}

/// The undisturbed run: its files, and how many points it has.
fn undisturbed() -> (BTreeMap<PathBuf, Vec<u8>>, u64) {
    let disk = MemDisk::new();
    let world = Shared::default();
    work(&disk, &world).unwrap();
    let files = artifacts(&disk);
    check_end(&disk, &files, &world.borrow(), 0);
    let ledger = &files[&out().join("deep/ledger.jsonl")];
    assert_eq!(ledger, b"0\n1\n2\n3\n4\n5\n");
    assert_eq!(files.len(), 4 + SECOND_RUN as usize);
    assert!(json::parse(&files[&out().join("state.json")]).is_ok());
    (files, disk.points())
}

/// Disturbs the run at every point with `kind`, goes on with the disk that `view` makes of it, and checks the end.
fn matrix(kind: FaultKind, view: impl Fn(&MemDisk, u64) -> MemDisk) {
    let (expected, points) = undisturbed();
    println!("{points} points x {kind:?}");
    assert!(
        points > 300,
        "only {points} points: something does not go through the storage"
    );
    let mut unnoticed = Vec::new();
    for at in 1..=points {
        let disk = MemDisk::with_fault(Fault { at, kind });
        let world = Shared::default();
        let outcome = work(&disk, &world);
        assert!(
            disk.fault_happened(),
            "point {at} of {points} was not reached"
        );
        let what = disk.point(at).unwrap_or_default();
        if outcome.is_ok() {
            unnoticed.push(what.clone());
        }
        let after = view(&disk, at);
        // Half of the time the next process is disturbed as well, somewhere in its first steps.
        let mut crashes = 1;
        let mut last = after.clone();
        if at % 2 == 0 {
            after.set_fault(Fault {
                at: 1 + at / 2 % 16,
                kind: FaultKind::Crash,
            });
            if work(&after, &world).is_err() {
                crashes += 1;
            }
            last = view(&after, at + 1);
        }
        work(&last, &world).unwrap_or_else(|e| panic!("{kind:?} at point {at}, {what}: {e}"));
        let world = world.borrow();
        let checked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            check_end(&last, &expected, &world, crashes);
        }));
        assert!(checked.is_ok(), "{kind:?} at point {at}, {what}");
    }
    // A full disk does not hinder removing and cutting; anything else must be noticed.
    unnoticed.retain(|what| !what.starts_with("remove") && !what.starts_with("truncate"));
    assert_eq!(unnoticed, Vec::<String>::new());
}

#[test]
fn a_kill_at_every_point() {
    matrix(FaultKind::Crash, |disk, _| disk.kill());
}

#[test]
fn what_a_process_found_unsynced_is_durable_before_it_builds_on_it() {
    let (expected, points) = undisturbed();
    let mut tried = 0;
    for at in 1..=points {
        let killed = MemDisk::with_fault(Fault {
            at,
            kind: FaultKind::Crash,
        });
        let world = Shared::default();
        assert!(work(&killed, &world).is_err());
        // Killed after a record was written and before it was synced: the next process reads it from the system's cache.
        let what = killed.point(at).unwrap_or_default();
        if !(what.starts_with("sync /") && what.contains(".fmj")) {
            continue;
        }
        for second in 4..=12 {
            tried += 1;
            let world = Rc::new(RefCell::new(world.borrow().clone()));
            let next = killed.kill();
            next.set_fault(Fault {
                at: second,
                kind: FaultKind::Crash,
            });
            // Near the end there may be less to do than that.
            let disturbed = work(&next, &world).is_err();
            assert_eq!(disturbed, next.fault_happened());
            let last = next.power_loss();
            work(&last, &world).unwrap();
            check_end(&last, &expected, &world.borrow(), 2);
        }
    }
    assert!(tried > 100, "{tried}");
}

#[test]
fn a_power_loss_at_every_point() {
    matrix(FaultKind::Crash, |disk, _| disk.power_loss());
}

#[test]
fn a_power_loss_that_keeps_some_of_the_unsynced_at_every_point() {
    matrix(FaultKind::Crash, MemDisk::power_loss_keeping);
}

#[test]
fn another_power_loss_that_keeps_some_of_the_unsynced_at_every_point() {
    matrix(FaultKind::Crash, |disk, at| disk.power_loss_keeping(!at));
}

#[test]
fn a_full_disk_at_every_point() {
    matrix(FaultKind::NoSpace, |disk, _| disk.kill());
}

#[test]
fn a_failed_operation_at_every_point() {
    matrix(FaultKind::ShortWrite, |disk, _| disk.kill());
}

#[test]
fn a_batch_that_the_system_wrote_in_part_and_out_of_order_is_cut() {
    let (mut torn, mut islands) = (0, 0);
    for round in 0..20 {
        let disk = MemDisk::new();
        let (journal, _) = open_with(&disk, OpenOptions::default()).unwrap();
        let durable = journal.append(Record::Call(call("safe", "x")));
        durable.wait().unwrap();
        // While the disk is slow the writer can take one batch only, so the first or the second has most of the records;
        // the power goes at the sync of the one or the other.
        disk.set_fault(Fault {
            at: disk.points() + 2 + 2 * (round % 2),
            kind: FaultKind::Crash,
        });
        let slow = disk.hold();
        let queued: Vec<_> = (0..40)
            .map(|n| journal.append(Record::Call(call(&n.to_string(), &"y".repeat(n)))))
            .collect();
        drop(slow);
        let answers: Vec<_> = queued
            .into_iter()
            .map(|durable| durable.wait().is_ok())
            .collect();
        drop(journal);
        let whole = disk.kill();
        let frames: Vec<(usize, usize)> = dump(&shared(&whole), &out())
            .unwrap()
            .map(Result::unwrap)
            .map(|entry| (entry.offset as usize, (entry.offset + entry.bytes) as usize))
            .collect();
        let path = segments(&whole).pop().unwrap();
        let written = whole.read(&path).unwrap();
        for seed in 0..50 {
            let left = disk.power_loss_keeping(seed * 100 + round);
            let found = left.read(&path).unwrap();
            let mut kept = frames
                .iter()
                .map(|(from, to)| found.get(*from..*to) == written.get(*from..*to));
            // A record that is whole behind one that is not: what damage looks like, but nobody was told of either.
            let hole = kept.by_ref().any(|kept| !kept);
            islands += u64::from(hole && kept.any(|kept| kept));
            let (journal, recovered) =
                open_with(&left, OpenOptions::default()).expect("a torn tail, no damage");
            torn += u64::from(recovered.torn_bytes > 0);
            assert!(journal.lookup(&key("safe")).unwrap().is_some());
            for (n, acknowledged) in answers.iter().enumerate() {
                let found = journal.lookup(&key(&n.to_string())).unwrap().is_some();
                assert!(found || !acknowledged, "record {n}, seed {seed}");
            }
        }
    }
    println!("{torn} torn tails, {islands} with a whole record behind the hole");
    assert!(torn > 100 && islands > 20, "{torn} {islands}");
}

#[test]
fn nothing_is_accepted_after_a_failure_until_a_reopen() {
    let (_, points) = undisturbed();
    let mut tried = 0;
    for at in (1..=points).step_by(7) {
        let disk = MemDisk::with_fault(Fault {
            at,
            kind: FaultKind::ShortWrite,
        });
        let Ok((journal, _)) = open(&disk) else {
            continue;
        };
        let Ok(mut set) = ArtifactSet::open(&journal, &FILES) else {
            continue;
        };
        let world = Shared::default();
        if items(&journal, &mut set, FIRST_RUN, &world).is_ok() {
            continue;
        }
        tried += 1;
        let first = journal.failure().expect("the journal knows its failure");
        let before = disk.files();
        let refused = journal.append(Record::Call(call("late", "x"))).wait();
        assert_eq!(refused.unwrap_err().to_string(), first.to_string());
        assert!(set.commit(Vec::new()).is_err());
        assert!(matches!(first, JournalError::Write { .. }), "{first}");
        drop((set, journal));
        assert_eq!(disk.files(), before, "point {at}");
    }
    assert!(tried > 10, "{tried}");
}
