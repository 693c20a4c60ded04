//! The disk index against a model, and under faults.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use forgemark_journal::{DiskIndex, IndexOptions, JournalError, Storage as _};
use forgemark_testkit::{Fault, FaultKind, MemDisk};
use proptest::prelude::*;

const TINY: IndexOptions = IndexOptions {
    memtable_entries: 8,
    fan_in: 3,
};

fn dir() -> PathBuf {
    PathBuf::from("/index")
}

fn open(disk: &MemDisk, limit: u64, options: IndexOptions) -> Result<DiskIndex, JournalError> {
    DiskIndex::open_with(Arc::new(disk.clone()), &dir(), limit, options)
}

type Model = BTreeMap<u64, BTreeSet<u64>>;

#[derive(Debug, Clone)]
enum Step {
    Insert(u64, u64),
    Many(u64, u16),
    Flush,
    Reopen,
}

fn hash() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => 0_u64..20,
        2 => any::<u64>(),
        1 => Just(u64::MAX),
        1 => Just(0),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => (hash(), 0_u64..6).prop_map(|(hash, value)| Step::Insert(hash, value)),
        2 => (any::<u64>(), 1_u16..700).prop_map(|(seed, count)| Step::Many(seed, count)),
        4 => Just(Step::Flush),
        2 => Just(Step::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// What was inserted and flushed is found, exactly, whatever was merged in between; what was not flushed is gone
    /// after a reopen.
    #[test]
    fn it_answers_as_a_map_does(steps in prop::collection::vec(step(), 1..120)) {
        let disk = MemDisk::new();
        let mut index = open(&disk, 0, TINY).unwrap();
        let (mut model, mut flushed, mut covered) = (Model::new(), Model::new(), 0);
        let mut asked = BTreeSet::from([0, 1, 7, u64::MAX, u64::MAX - 1, 1 << 63]);
        for step in steps {
            match step {
                Step::Insert(hash, value) => {
                    index.insert(hash, value);
                    model.entry(hash).or_default().insert(value);
                    asked.extend([hash, hash.wrapping_add(1), hash.wrapping_sub(1)]);
                }
                Step::Many(seed, count) => {
                    for n in 0..u64::from(count) {
                        let hash = (seed ^ n).wrapping_mul(0x9E37_79B9_7F4A_7C15);
                        index.insert(hash, n);
                        model.entry(hash).or_default().insert(n);
                        asked.insert(hash);
                    }
                    // A hash with more values than a block holds.
                    for n in 0..u64::from(count) {
                        index.insert(seed, n);
                        model.entry(seed).or_default().insert(n);
                    }
                    asked.insert(seed);
                }
                Step::Flush => {
                    covered += 1;
                    index.flush(covered).unwrap();
                    flushed = model.clone();
                }
                Step::Reopen => {
                    drop(index);
                    index = open(&disk.power_loss(), covered, TINY).unwrap();
                    prop_assert_eq!(index.covered(), covered);
                    prop_assert!(!index.was_reset());
                    index = open(&disk, covered, TINY).unwrap();
                    model = flushed.clone();
                }
            }
        }
        for hash in asked {
            let expected: Vec<u64> = model.get(&hash).into_iter().flatten().copied().collect();
            prop_assert_eq!(index.lookup(hash).unwrap(), expected, "hash {}", hash);
        }
        index.verify().unwrap();
    }
}

#[test]
fn a_large_index_finds_all_keys_and_no_others() {
    let disk = MemDisk::new();
    let options = IndexOptions {
        memtable_entries: 1000,
        fan_in: 4,
    };
    let mut index = open(&disk, 0, options).unwrap();
    let hash = |n: u64| n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    for n in 0..50_500 {
        index.insert(hash(n), n);
        if index.needs_flush() {
            index.flush(n + 1).unwrap();
        }
    }
    assert_eq!(index.covered(), 50_000);
    assert_eq!(index.verify().unwrap(), 50_000);
    let runs = disk.list(&dir()).unwrap().len() - 1;
    assert!(runs <= 3 * 4, "{runs} runs");
    for n in 0..50_500 {
        assert_eq!(index.lookup(hash(n)).unwrap(), [n]);
        assert!(index.lookup(hash(n) + 1).unwrap().is_empty());
    }
    // Each entry is written once a level, filters and fences included.
    assert!(
        index.bytes_written() < 50_000 * 16 * 5,
        "{}",
        index.bytes_written()
    );
    drop(index);
    let index = open(&disk, 50_000, options).unwrap();
    assert_eq!(index.entries_on_disk(), 50_000);
    assert_eq!(index.lookup(hash(49_999)).unwrap(), [49_999]);
    assert!(index.lookup(hash(50_001)).unwrap().is_empty());
}

#[test]
fn an_index_that_covers_more_than_the_log_is_emptied() {
    let disk = MemDisk::new();
    let mut index = open(&disk, 0, TINY).unwrap();
    index.insert(1, 1);
    index.flush(10).unwrap();
    drop(index);
    let index = open(&disk, 9, TINY).unwrap();
    assert!(index.was_reset());
    assert_eq!((index.covered(), index.lookup(1).unwrap()), (0, Vec::new()));
    assert_eq!(disk.list(&dir()).unwrap(), Vec::<String>::new());
}

#[test]
fn a_damaged_block_is_an_error_and_never_a_wrong_answer() {
    let disk = MemDisk::new();
    let mut index = open(&disk, 0, TINY).unwrap();
    for n in 0..600 {
        index.insert(n, n);
    }
    index.flush(600).unwrap();
    drop(index);
    let run = dir().join(disk.list(&dir()).unwrap().pop().unwrap());
    for offset in [0, 4000, 4097, 8300] {
        let broken = disk.kill();
        assert!(broken.flip(&run, offset));
        let index = open(&broken, 600, TINY).unwrap();
        let error = index.verify().unwrap_err();
        assert!(error.remedy().contains("built again"), "{}", error.remedy());
        let wrong = (0..600)
            .filter_map(|n| Some((n, index.lookup(n).ok()?)))
            .find(|(n, values)| *values != [*n]);
        assert_eq!(wrong, None, "byte {offset}");
    }
    let cut = disk.kill();
    cut.truncate(&run, 5000).unwrap();
    assert!(open(&cut, 600, TINY).unwrap().was_reset());
}

/// Inserts the log from where the index ends, as an owner does after every open. The log is `hash = n / 2, value = n`.
fn work(disk: &MemDisk, rows: u64) -> Result<(), JournalError> {
    let mut index = open(disk, rows, TINY)?;
    for n in index.covered()..rows {
        index.insert(n / 2, n);
        if index.needs_flush() {
            index.flush(n + 1)?;
        }
    }
    for n in 0..rows {
        let values = index.lookup(n / 2)?;
        assert!(values.contains(&n), "row {n} of hash {}: {values:?}", n / 2);
        assert!(values.len() <= 2, "{values:?}");
    }
    index.flush(rows)
}

#[test]
fn lookups_are_right_after_a_fault_at_every_point() {
    const ROWS: u64 = 100;
    let healthy = MemDisk::new();
    work(&healthy, ROWS).unwrap();
    let points = healthy.points();
    println!("{points} points in the index");
    assert!(points > 50, "{points}");
    for at in 1..=points {
        for kind in [FaultKind::Crash, FaultKind::NoSpace, FaultKind::ShortWrite] {
            let disk = MemDisk::with_fault(Fault { at, kind });
            let outcome = work(&disk, ROWS);
            assert!(disk.fault_happened());
            let what = disk.point(at).unwrap();
            // A full disk does not hinder removing.
            assert!(
                outcome.is_err() || what.starts_with("remove"),
                "{kind:?} at {at}, {what}"
            );
            let mut views = vec![disk.kill()];
            if kind == FaultKind::Crash {
                views.push(disk.power_loss());
                views.extend((0..2).map(|seed| disk.power_loss_keeping(seed * 1000 + at)));
            }
            for view in views {
                work(&view, ROWS).unwrap_or_else(|e| panic!("{kind:?} at {at}, {what}: {e}"));
                let index = open(&view, ROWS, TINY).unwrap();
                assert!(!index.was_reset(), "{kind:?} at {at}, {what}");
                let runs = view.list(&dir()).unwrap();
                assert!(runs.len() < 12, "leftovers: {runs:?}");
            }
        }
    }
}

#[test]
fn it_works_on_a_real_disk() {
    let folder = tempfile::tempdir().unwrap();
    let storage = Arc::new(forgemark_journal::DiskStorage);
    let dir: &Path = folder.path();
    let mut index = DiskIndex::open_with(storage.clone(), dir, 0, TINY).unwrap();
    for n in 0..2000 {
        index.insert(n * n, n);
    }
    index.flush(2000).unwrap();
    drop(index);
    let index = DiskIndex::open(storage, dir, 2000).unwrap();
    for n in 0..2000 {
        assert_eq!(index.lookup(n * n).unwrap(), [n]);
    }
    assert!(index.lookup(3).unwrap().is_empty());
}
