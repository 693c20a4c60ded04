//! Under an asynchronous runtime: sharing syncs, waking, waiting.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use forgemark_journal::{DiskStorage, Durable, Journal, OpenOptions, Record};
use forgemark_testkit::{Fault, FaultKind, MemDisk};

use crate::support::{call, key, open_with};

fn options() -> OpenOptions {
    OpenOptions {
        segment_bytes: 256 * 1024,
        index: forgemark_journal::IndexOptions {
            memtable_entries: 500,
            fan_in: 4,
        },
        ..OpenOptions::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_tasks_share_syncs_and_each_sees_its_own_reply() {
    let disk = MemDisk::new();
    let (journal, _) = open_with(&disk, options()).unwrap();
    let tasks = (0..64).map(|task| {
        let journal = journal.clone();
        tokio::spawn(async move {
            for round in 0..40 {
                let request = format!("{task}/{round}");
                assert!(journal.lookup(&key(&request)).unwrap().is_none());
                let record = call(&request, &"r".repeat(1000));
                let durable = journal.append(Record::Call(record.clone()));
                assert_eq!(journal.lookup(&record.key).unwrap().as_ref(), Some(&record));
                durable.await.unwrap();
                assert_eq!(journal.lookup(&record.key).unwrap(), Some(record));
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    assert_eq!(journal.totals().all().calls, 64 * 40);
    let syncs = (1..=disk.points())
        .filter(|at| {
            disk.point(*at)
                .is_some_and(|what| what.starts_with("sync /") && what.contains(".fmj"))
        })
        .count();
    assert!(syncs < 64 * 40, "{syncs} syncs for {} calls", 64 * 40);
    drop(journal);
    let (journal, recovered) = open_with(&disk.power_loss(), options()).unwrap();
    assert_eq!(recovered.records, 64 * 40);
    for task in 0..64 {
        for round in 0..40 {
            assert!(
                journal
                    .lookup(&key(&format!("{task}/{round}")))
                    .unwrap()
                    .is_some()
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_wakes_everybody_who_waits() {
    let disk = MemDisk::new();
    let (journal, _) = open_with(&disk, options()).unwrap();
    disk.set_fault(Fault {
        at: disk.points() + 41,
        kind: FaultKind::NoSpace,
    });
    let refused = Arc::new(AtomicU64::new(0));
    let tasks = (0..32).map(|task| {
        let (journal, refused) = (journal.clone(), Arc::clone(&refused));
        tokio::spawn(async move {
            for round in 0..100 {
                let record = call(&format!("{task}/{round}"), "r");
                if let Err(error) = journal.append(Record::Call(record)).await {
                    assert!(error.remedy().starts_with("Free space"), "{error}");
                    refused.fetch_add(1, Ordering::Relaxed);
                    return;
                }
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    assert_eq!(refused.load(Ordering::Relaxed), 32);
}

#[tokio::test]
async fn a_durable_can_be_dropped_cloned_and_asked_again() {
    let disk = MemDisk::new();
    let (journal, _) = open_with(&disk, options()).unwrap();
    Durable::ready().await.unwrap();
    drop(journal.append(Record::Call(call("a", "1"))));
    let durable = journal.append(Record::Call(call("b", "2")));
    let clone = durable.clone();
    durable.await.unwrap();
    assert!(matches!(clone.now(), Some(Ok(()))));
    clone.await.unwrap();
    journal.flush().await.unwrap();
}

#[test]
fn every_record_is_read_back_from_a_real_disk() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Journal::open(Arc::new(DiskStorage), folder.path(), options()).unwrap();
    let mut requests = BTreeSet::new();
    for round in 0..3 {
        let (journal, recovered) = open();
        assert_eq!(recovered.records, requests.len() as u64);
        for n in 0..400 {
            let request = format!("{round}/{n}");
            drop(journal.append(Record::Call(call(&request, &"q".repeat(300)))));
            requests.insert(request);
        }
        journal.flush().wait().unwrap();
    }
    let (journal, _) = open();
    for request in &requests {
        assert_eq!(
            journal.lookup(&key(request)).unwrap(),
            Some(call(request, &"q".repeat(300)))
        );
    }
}
