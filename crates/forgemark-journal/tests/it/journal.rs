//! Append, look up, add up, open again.

use forgemark_contract::json::Json;
use forgemark_journal::{
    CallOutcome, ImportRecord, JournalError, OpenOptions, Record, RunLock, Storage as _, dump,
    inspect, verify,
};
use forgemark_testkit::MemDisk;

use crate::support::{
    call, commit, failed_call, item, key, len, open, open_with, out, segments, shared,
};

#[test]
fn every_kind_of_record_comes_back_as_it_was() {
    let disk = MemDisk::new();
    let (journal, recovered) = open(&disk).unwrap();
    assert_eq!(recovered.records, 0);
    assert_eq!(recovered.last_commit, None);
    let records = vec![
        Record::Run {
            run_id: "r1".to_owned(),
            plan: Json::object([("seed", Json::Int(0)), ("x", Json::Float(1e-7))]),
        },
        Record::Call(call("a", "{\"reply\": 1}")),
        Record::Call(failed_call("b")),
        Record::Import(ImportRecord {
            file: "ledger.jsonl".to_owned(),
            sha256: "ab".repeat(32),
            rows: 3,
            bytes: 77,
        }),
        Record::End {
            status: "partial".to_owned(),
            detail: Json::object([("why", Json::from("budget"))]),
        },
    ];
    for record in &records {
        journal.append(record.clone()).wait().unwrap();
    }
    let committed = journal.append(commit(2, vec![item(0), item(1)]));
    committed.wait().unwrap();
    let found: Vec<Record> = dump(&shared(&disk), &out())
        .unwrap()
        .map(|entry| entry.unwrap().record)
        .filter(|record| !matches!(record, Record::Checkpoint { .. }))
        .collect();
    assert_eq!(found[..5], records);
    let Record::Commit(found) = &found[5] else {
        panic!("the last record is the commit");
    };
    assert_eq!(found.items, [item(0), item(1)]);
    assert_eq!(found.totals, journal.totals().to_json());
    drop(journal);

    let (journal, recovered) = open(&disk).unwrap();
    assert_eq!(recovered.records, 6);
    assert_eq!(recovered.torn_bytes, 0);
    assert_eq!(recovered.runs.len(), 1);
    let run = &recovered.runs[0];
    assert_eq!((run.run_id.as_str(), run.first_item), ("r1", 0));
    assert_eq!(run.end.as_ref().unwrap().status, "partial");
    assert_eq!(recovered.imports[0].bytes, 77);
    assert_eq!(recovered.items_committed(), 2);
    let items: Vec<_> = recovered.items().map(Result::unwrap).collect();
    assert_eq!(
        items.iter().map(|item| item.index).collect::<Vec<_>>(),
        [0, 1]
    );
    assert!(items.iter().all(|item| &*item.run_id == "r1"));
    assert_eq!(items[1].payload, item(1));
    assert_eq!(
        journal.lookup(&key("a")).unwrap(),
        Some(call("a", "{\"reply\": 1}"))
    );
    assert_eq!(journal.lookup(&key("b")).unwrap(), Some(failed_call("b")));
    assert_eq!(journal.lookup(&key("c")).unwrap(), None);
    let totals = journal.totals();
    assert_eq!(totals, recovered.totals);
    let judge = totals.by_role["judge"];
    assert_eq!((judge.calls, judge.failures, judge.retries), (1, 1, 2));
    assert_eq!((judge.unknown_price_calls, judge.cost_micro_usd), (1, 0));
    let all = totals.all();
    assert_eq!(
        (all.calls, all.prompt, all.completion, all.cached),
        (2, 200, 20, 10)
    );
    assert_eq!(all.cost_micro_usd, 7);
}

#[test]
fn a_queued_call_is_found_before_it_is_durable_and_the_first_outcome_counts() {
    let disk = MemDisk::new();
    let (journal, _) = open(&disk).unwrap();
    let first = journal.append(Record::Call(call("a", "first")));
    let second = journal.append(Record::Call(call("a", "second")));
    let reply = |journal: &forgemark_journal::Journal| match journal
        .lookup(&key("a"))
        .unwrap()
        .unwrap()
        .outcome
    {
        CallOutcome::Reply(body) => body,
        CallOutcome::Failure { .. } => panic!("a reply"),
    };
    assert_eq!(reply(&journal), "first");
    first.wait().unwrap();
    second.wait().unwrap();
    assert_eq!(reply(&journal), "first");
    drop(journal);
    let (journal, _) = open(&disk).unwrap();
    assert_eq!(reply(&journal), "first");
    journal
        .append(Record::Call(call("a", "third")))
        .wait()
        .unwrap();
    assert_eq!(reply(&journal), "first");
}

#[test]
fn what_is_queued_is_written_when_the_journal_is_dropped() {
    let disk = MemDisk::new();
    let (journal, _) = open(&disk).unwrap();
    let queued: Vec<_> = (0..50)
        .map(|n| journal.append(Record::Call(call(&n.to_string(), "x"))))
        .collect();
    drop(journal);
    assert!(
        queued
            .iter()
            .all(|durable| matches!(durable.now(), Some(Ok(()))))
    );
    let (journal, recovered) = open(&disk.power_loss()).unwrap();
    assert_eq!(recovered.records, 50);
    assert!(journal.lookup(&key("49")).unwrap().is_some());
}

#[test]
fn segments_roll_and_opening_reads_only_the_last() {
    let disk = MemDisk::new();
    let (journal, _) = open(&disk).unwrap();
    for n in 0..40 {
        journal
            .append(Record::Call(call(&n.to_string(), &"y".repeat(100))))
            .wait()
            .unwrap();
        journal.append(commit(n + 1, vec![item(n)])).wait().unwrap();
    }
    let totals = journal.totals();
    drop(journal);
    let files = segments(&disk);
    assert!(files.len() > 5, "{} segments", files.len());
    assert!(files.iter().all(|path| len(&disk, path) < 5000));
    // A damaged byte in the first segment is not met on opening, but by whoever reads there.
    assert!(disk.flip(&files[0], 1500));
    let (journal, recovered) = open(&disk).unwrap();
    assert_eq!(journal.totals(), totals);
    assert_eq!(recovered.items_committed(), 40);
    let late: Vec<u64> = recovered
        .items_from(30)
        .map(|item| item.unwrap().index)
        .collect();
    assert_eq!(late, (30..40).collect::<Vec<_>>());
    for n in 20..40 {
        assert!(journal.lookup(&key(&n.to_string())).unwrap().is_some());
    }
    drop(journal);
    let error = verify(&shared(&disk), &out()).unwrap_err();
    let JournalError::Corrupt { path, offset, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(path, &files[0]);
    assert!(*offset <= 1500, "{offset}");
    assert!(error.remedy().contains("Restore"), "{}", error.remedy());
}

#[test]
fn every_item_is_read_in_order_across_segments_and_runs() {
    let disk = MemDisk::new();
    let mut expected = Vec::new();
    for run in ["r1", "r2"] {
        let (journal, _) = open(&disk).unwrap();
        let begin = Record::Run {
            run_id: run.to_owned(),
            plan: Json::Null,
        };
        journal.append(begin).wait().unwrap();
        for _ in 0..30 {
            let start = expected.len() as u64;
            let items: Vec<Json> = (start..start + start % 4).map(item).collect();
            expected.extend(items.iter().map(|item| (run.to_owned(), item.clone())));
            let items = if items.is_empty() {
                vec![item(start)]
            } else {
                items
            };
            if expected.len() as u64 == start {
                expected.push((run.to_owned(), items[0].clone()));
            }
            journal
                .append(commit(expected.len() as u64, items))
                .wait()
                .unwrap();
        }
    }
    let recovered = inspect(&shared(&disk), &out()).unwrap().unwrap();
    assert_eq!(recovered.runs.len(), 2);
    assert_eq!(recovered.current, Some(1));
    assert!(recovered.runs[1].first_item > 0);
    let found: Vec<_> = recovered
        .items()
        .map(|item| item.unwrap())
        .map(|item| (item.run_id.to_string(), item.payload))
        .collect();
    assert_eq!(found, expected);
    for first in [1, 17, 40, expected.len() - 1, expected.len()] {
        let rest = recovered.items_from(first as u64);
        let rest: Vec<u64> = rest.map(|item| item.unwrap().index).collect();
        assert_eq!(
            rest,
            (first as u64..expected.len() as u64).collect::<Vec<_>>()
        );
    }
}

#[test]
fn a_commit_out_of_order_is_refused_and_changes_nothing() {
    let disk = MemDisk::new();
    let (journal, _) = open(&disk).unwrap();
    journal.append(commit(1, vec![item(0)])).wait().unwrap();
    for wrong in [0, 1, 3] {
        let error = journal
            .append(commit(wrong, vec![item(9)]))
            .wait()
            .unwrap_err();
        let JournalError::Order { expected, found } = error else {
            panic!("{error}");
        };
        assert_eq!((expected, found), (2, wrong));
    }
    let reserved = Record::Checkpoint { state: Json::Null };
    let refused = journal.append(reserved).wait().unwrap_err();
    assert!(matches!(refused, JournalError::Reserved));
    journal.append(commit(2, vec![item(1)])).wait().unwrap();
    assert_eq!(journal.committed().through, 2);
}

#[test]
fn a_run_that_goes_on_keeps_its_place_and_takes_the_new_plan() {
    let disk = MemDisk::new();
    let (journal, _) = open(&disk).unwrap();
    for (run, plan) in [("a", 1), ("b", 2), ("a", 3)] {
        let begin = Record::Run {
            run_id: run.to_owned(),
            plan: Json::Int(plan),
        };
        journal.append(begin).wait().unwrap();
        let end = Record::End {
            status: "completed".to_owned(),
            detail: Json::Null,
        };
        if run == "b" {
            journal.append(end).wait().unwrap();
        }
    }
    drop(journal);
    let (_, recovered) = open(&disk).unwrap();
    let runs: Vec<_> = recovered
        .runs
        .iter()
        .map(|run| (run.run_id.as_str(), run.plan.as_i64(), run.end.is_some()))
        .collect();
    assert_eq!(runs, [("a", Some(3), false), ("b", Some(2), true)]);
    assert_eq!(recovered.current, Some(0));
}

#[test]
fn a_second_handle_and_a_second_run_are_refused_with_the_name_of_the_first() {
    let disk = MemDisk::new();
    let lock = RunLock::acquire(&disk, &out(), "pid 7 on host: forgemark dialogue run").unwrap();
    let (journal, _) = open(&disk).unwrap();
    let error = RunLock::acquire(&disk, &out(), "pid 8").unwrap_err();
    assert!(error.to_string().contains("pid 7 on host"), "{error}");
    assert!(matches!(open(&disk), Err(JournalError::Locked { .. })));
    assert_eq!(
        RunLock::holder(&disk, &out()).unwrap().as_deref(),
        Some("pid 7 on host: forgemark dialogue run")
    );
    drop(lock);
    drop(journal);
    assert_eq!(RunLock::holder(&disk, &out()).unwrap(), None);
    assert!(RunLock::acquire(&disk, &out(), "pid 8").is_ok());
    assert!(open(&disk).is_ok());
}

#[test]
fn reading_a_live_journal_changes_nothing() {
    let disk = MemDisk::new();
    assert!(inspect(&shared(&disk), &out()).unwrap().is_none());
    assert_eq!(dump(&shared(&disk), &out()).unwrap().count(), 0);
    assert_eq!(disk.points(), 0);
    let (journal, _) = open(&disk).unwrap();
    for n in 0..20 {
        journal
            .append(Record::Call(call(&n.to_string(), "z")))
            .wait()
            .unwrap();
    }
    let points = disk.points();
    let recovered = inspect(&shared(&disk), &out()).unwrap().unwrap();
    assert_eq!(recovered.totals, journal.totals());
    let proven = verify(&shared(&disk), &out()).unwrap();
    assert_eq!(
        (proven.records, proven.calls, proven.torn_bytes),
        (20, 20, 0)
    );
    assert_eq!(disk.points(), points);
}

#[test]
fn bytes_written_are_what_reached_the_disk() {
    let disk = MemDisk::new();
    let (journal, _) = open_with(&disk, OpenOptions::default()).unwrap();
    let before = disk.bytes_written();
    for n in 0..100 {
        drop(journal.append(Record::Call(call(&n.to_string(), &"w".repeat(500)))));
    }
    journal.flush().wait().unwrap();
    let bytes = journal.bytes_by_kind();
    assert_eq!(bytes.journal, disk.bytes_written() - before);
    assert!(bytes.journal > 50_000);
    assert_eq!(journal.bytes_written(), bytes.journal);
    assert_eq!(disk.list(&out()).unwrap(), [".forgemark"]);
}
