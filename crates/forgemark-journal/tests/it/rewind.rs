//! Going back.

use forgemark_contract::json::Json;
use forgemark_journal::{Journal, JournalError, Record, inspect, verify};
use forgemark_testkit::MemDisk;

use crate::support::{call, commit, item, key, open, out, shared};

fn items(disk: &MemDisk) -> Vec<(u64, Option<i64>)> {
    let recovered = inspect(&shared(disk), &out()).unwrap().unwrap();
    let items = recovered.items().map(Result::unwrap);
    items
        .map(|item| (item.index, item.payload.at("n").as_i64()))
        .collect()
}

fn rewind(journal: &Journal, to: u64, forget: &[&str]) -> Result<(), JournalError> {
    let forget = forget.iter().map(|name| key(name)).collect();
    journal.append(Record::Rewind { to, forget }).wait()
}

#[test]
fn a_rewind_drops_items_and_calls_and_the_totals_keep_what_was_paid() {
    let disk = MemDisk::new();
    let (journal, _) = open(&disk).unwrap();
    for n in 0..12 {
        journal
            .append(Record::Call(call(&n.to_string(), "old")))
            .wait()
            .unwrap();
        journal.append(commit(n + 1, vec![item(n)])).wait().unwrap();
    }
    rewind(&journal, 8, &["9", "11"]).unwrap();
    assert_eq!(journal.committed().through, 8);
    assert!(journal.lookup(&key("9")).unwrap().is_none());
    assert!(journal.lookup(&key("10")).unwrap().is_some());
    journal
        .append(Record::Call(call("9", "new")))
        .wait()
        .unwrap();
    let new = Some(call("9", "new"));
    assert_eq!(journal.lookup(&key("9")).unwrap(), new);
    journal
        .append(commit(10, vec![item(100), item(101)]))
        .wait()
        .unwrap();
    rewind(&journal, 3, &[]).unwrap();
    for n in 3..6 {
        journal
            .append(commit(n + 1, vec![item(200 + n)]))
            .wait()
            .unwrap();
    }
    let expected: Vec<(u64, Option<i64>)> = (0..3_u64)
        .map(|n| (n, Some(n.cast_signed())))
        .chain((3..6_u64).map(|n| (n, Some((200 + n).cast_signed()))))
        .collect();
    assert_eq!(items(&disk), expected);
    drop(journal);
    let (journal, recovered) = open(&disk.power_loss()).unwrap();
    assert_eq!(recovered.items_committed(), 6);
    assert_eq!(items(&disk), expected);
    assert_eq!(journal.lookup(&key("9")).unwrap(), new);
    assert!(journal.lookup(&key("11")).unwrap().is_none());
    assert_eq!(journal.totals().all().calls, 13);
    assert_eq!(verify(&shared(&disk), &out()).unwrap().items, 6);
}

#[test]
fn a_rewind_goes_to_the_end_of_a_commit_only() {
    let disk = MemDisk::new();
    let (journal, _) = open(&disk).unwrap();
    for through in [2, 5, 6] {
        let start = journal.committed().through;
        let items: Vec<Json> = (start..through).map(item).collect();
        journal.append(commit(through, items)).wait().unwrap();
    }
    for (to, point) in [(0, 0), (1, 0), (2, 2), (4, 2), (5, 5), (6, 6), (9, 6)] {
        assert_eq!(journal.rewind_point(to).unwrap(), point, "{to}");
    }
    for wrong in [1, 3, 7] {
        let error = rewind(&journal, wrong, &[]).unwrap_err();
        assert!(matches!(error, JournalError::Rewind { .. }), "{error}");
    }
    assert_eq!(journal.committed().through, 6);
    rewind(&journal, 5, &[]).unwrap();
    rewind(&journal, 2, &[]).unwrap();
    rewind(&journal, 0, &[]).unwrap();
    assert_eq!(items(&disk), []);
    journal.append(commit(1, vec![item(7)])).wait().unwrap();
    assert_eq!(items(&disk), [(0, Some(7))]);
}

#[test]
fn a_key_can_be_forgotten_while_its_call_is_queued() {
    let disk = MemDisk::new();
    let (journal, _) = open(&disk).unwrap();
    for round in 0..20 {
        let reply = round.to_string();
        // Nobody waits in between, so the writer finds these in any split.
        drop(journal.append(Record::Call(call("k", &reply))));
        assert_eq!(journal.lookup(&key("k")).unwrap(), Some(call("k", &reply)));
        let forgotten = journal.append(Record::Rewind {
            to: 0,
            forget: vec![key("k")],
        });
        assert_eq!(journal.lookup(&key("k")).unwrap(), None, "round {round}");
        drop(forgotten);
    }
    drop(journal);
    let (journal, _) = open(&disk).unwrap();
    assert_eq!(journal.lookup(&key("k")).unwrap(), None);
}
