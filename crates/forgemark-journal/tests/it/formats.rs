//! Damage, torn tails, newer formats.

use std::path::PathBuf;

use forgemark_journal::storage::Storage;
use forgemark_journal::{JournalError, Record, dump, rebuild_index, verify};
use forgemark_testkit::MemDisk;

use crate::support::{call, key, len, open, out, segments, shared};

fn filled(calls: u64) -> MemDisk {
    let disk = MemDisk::new();
    let (journal, _) = open(&disk).unwrap();
    for n in 0..calls {
        let record = Record::Call(call(&n.to_string(), &"reply ".repeat(20)));
        journal.append(record).wait().unwrap();
    }
    drop(journal);
    disk.kill()
}

/// Where the records begin in the last segment.
fn offsets(disk: &MemDisk) -> Vec<(PathBuf, u64, u64)> {
    let last = segments(disk).pop().unwrap();
    dump(&shared(disk), &out())
        .unwrap()
        .map(Result::unwrap)
        .filter(|entry| entry.segment == last)
        .map(|entry| (entry.segment, entry.offset, entry.bytes))
        .collect()
}

#[test]
fn a_tail_cut_at_any_byte_is_cut_off_and_reported() {
    let disk = filled(3);
    let offsets = offsets(&disk);
    let (path, last, bytes) = offsets.last().unwrap().clone();
    for cut in last..last + bytes {
        let torn = disk.kill();
        torn.truncate(&path, cut).unwrap();
        let (journal, recovered) = open(&torn).unwrap();
        assert_eq!(recovered.torn_bytes, cut - last, "cut at {cut}");
        assert_eq!(recovered.records, 2, "cut at {cut}");
        assert!(journal.lookup(&key("1")).unwrap().is_some());
        assert!(journal.lookup(&key("2")).unwrap().is_none());
        journal
            .append(Record::Call(call("2", "again")))
            .wait()
            .unwrap();
        drop(journal);
        let (journal, recovered) = open(&torn).unwrap();
        assert_eq!((recovered.torn_bytes, recovered.records), (0, 3));
        assert_eq!(journal.lookup(&key("2")).unwrap(), Some(call("2", "again")));
    }
}

#[test]
fn a_tail_of_garbage_or_zeros_is_cut_off() {
    let disk = filled(3);
    let path = segments(&disk).pop().unwrap();
    for tail in [
        vec![0; 4096],
        b"FMf1FMf1 garbage".repeat(100),
        vec![b'F'; 3],
    ] {
        let torn = disk.kill();
        let mut file = torn.open_append(&path).unwrap();
        file.write_all(&tail).unwrap();
        drop(file);
        let mut entries = dump(&shared(&torn), &out()).unwrap();
        assert!(entries.by_ref().all(|entry| entry.is_ok()));
        assert_eq!(entries.torn_bytes(), tail.len() as u64);
        let (_, recovered) = open(&torn).unwrap();
        assert_eq!(recovered.torn_bytes, tail.len() as u64);
        assert_eq!(recovered.records, 3);
    }
}

#[test]
fn a_flipped_byte_before_the_last_records_is_damage_with_its_place() {
    let disk = filled(3);
    let offsets = offsets(&disk);
    let (path, last, _) = offsets.last().unwrap().clone();
    for offset in [0, 9, 40, offsets[1].1, offsets[1].1 + 25, last - 1] {
        let broken = disk.kill();
        assert!(broken.flip(&path, usize::try_from(offset).unwrap()));
        let error = open(&broken).unwrap_err();
        let JournalError::Corrupt {
            path: named,
            offset: at,
            ..
        } = &error
        else {
            panic!("{offset}: {error}");
        };
        assert_eq!(named, &path);
        assert!(
            *at <= offset,
            "{at} names the frame that holds byte {offset}"
        );
        assert!(
            error.remedy().contains("forgemark journal dump"),
            "{}",
            error.remedy()
        );
        assert!(verify(&shared(&broken), &out()).is_err(), "byte {offset}");
        assert_eq!(broken.files(), {
            let untouched = disk.kill();
            untouched.flip(&path, usize::try_from(offset).unwrap());
            untouched.files()
        });
    }
}

#[test]
fn a_missing_or_short_segment_is_damage() {
    let disk = filled(40);
    let files = segments(&disk);
    assert!(files.len() > 3);
    for place in [0, 1, files.len() - 2] {
        let missing = disk.kill();
        missing.remove(&files[place]).unwrap();
        assert!(
            matches!(open(&missing), Err(JournalError::Corrupt { .. })),
            "{place}"
        );
        let short = disk.kill();
        let cut = len(&short, &files[place]) - 1;
        short.truncate(&files[place], cut).unwrap();
        assert!(
            matches!(open(&short), Err(JournalError::Corrupt { .. })),
            "{place}"
        );
    }
}

#[test]
fn a_newer_segment_format_is_refused_by_name() {
    let disk = filled(1);
    let path = segments(&disk).pop().unwrap();
    let mut bytes = disk.read(&path).unwrap();
    bytes[8..12].copy_from_slice(&3_u32.to_le_bytes());
    let crc = crc32fast::hash(&bytes[..28]);
    bytes[28..32].copy_from_slice(&crc.to_le_bytes());
    let mut file = disk.create(&path).unwrap();
    file.write_all(&bytes).unwrap();
    let error = open(&disk).unwrap_err();
    assert!(error.is_too_new());
    assert!(
        error
            .to_string()
            .ends_with("has format 3, this release reads up to 2"),
        "{error}"
    );
    let dumped = dump(&shared(&disk), &out()).unwrap().next().unwrap();
    assert!(dumped.unwrap_err().is_too_new());
    assert_eq!(disk.read(&path).unwrap(), bytes, "nothing was changed");
}

#[test]
fn the_index_is_made_again_from_the_segments() {
    let disk = filled(40);
    let keys = out().join(".forgemark/keys");
    let names = disk.list(&keys).unwrap();
    assert!(names.len() > 1, "{names:?}");
    for name in &names {
        let broken = disk.kill();
        let path = keys.join(name);
        let middle = usize::try_from(len(&broken, &path) - 40).unwrap();
        assert!(broken.flip(&path, middle));
        let (journal, _) = open(&broken).unwrap();
        for n in 0..40 {
            assert!(
                journal.lookup(&key(&n.to_string())).unwrap().is_some(),
                "{name} {n}"
            );
        }
    }
    for name in &names {
        disk.remove(&keys.join(name)).unwrap();
    }
    let (journal, _) = open(&disk).unwrap();
    assert!(matches!(
        rebuild_index(&shared(&disk), &out()),
        Err(JournalError::Locked { .. })
    ));
    assert!(journal.lookup(&key("0")).unwrap().is_some());
    drop(journal);
    assert_eq!(rebuild_index(&shared(&disk), &out()).unwrap(), 40);
    assert_eq!(verify(&shared(&disk), &out()).unwrap().index_entries, 40);
    let (journal, _) = open(&disk).unwrap();
    assert!(journal.lookup(&key("39")).unwrap().is_some());
}

/// Segments that release 0.1.0 wrote before it knew batches: a run, eight calls, a failed one.
const EARLIER: [(&str, &[u8]); 2] = [
    (
        "00000000000000000000.fmj",
        include_bytes!("../fixtures/v1/00000000000000000000.fmj"),
    ),
    (
        "00000000000000002950.fmj",
        include_bytes!("../fixtures/v1/00000000000000002950.fmj"),
    ),
];

fn earlier() -> MemDisk {
    let disk = MemDisk::new();
    let dir = out().join(".forgemark/journal");
    disk.create_dir_all(&dir).unwrap();
    for (name, bytes) in EARLIER {
        let mut file = disk.create(&dir.join(name)).unwrap();
        file.write_all(bytes).unwrap();
        file.sync().unwrap();
    }
    disk.sync_dir(&dir).unwrap();
    disk
}

#[test]
fn a_journal_of_the_first_format_is_read_and_goes_on_in_a_segment_of_the_second() {
    let disk = earlier();
    let before = segments(&disk);
    let bytes: Vec<Vec<u8>> = before.iter().map(|path| disk.read(path).unwrap()).collect();
    let (journal, recovered) = open(&disk).unwrap();
    assert_eq!(recovered.records, 10);
    assert_eq!(recovered.totals.all().calls, 9);
    for n in 0..8 {
        assert_eq!(
            journal.lookup(&key(&n.to_string())).unwrap(),
            Some(call(&n.to_string(), &"reply ".repeat(20)))
        );
    }
    assert_eq!(journal.pending_batches().unwrap(), []);
    journal
        .append(Record::Call(call("new", "x")))
        .wait()
        .unwrap();
    drop(journal);
    let after = segments(&disk);
    assert_eq!(after.len(), before.len() + 1);
    for (path, bytes) in before.iter().zip(&bytes) {
        assert_eq!(
            &disk.read(path).unwrap(),
            bytes,
            "an old segment was changed"
        );
    }
    let (journal, recovered) = open(&disk).unwrap();
    assert_eq!(recovered.records, 11);
    assert!(journal.lookup(&key("new")).unwrap().is_some());
    // By role everything counts, by endpoint what came after the last old checkpoint.
    let totals = journal.totals();
    assert_eq!(totals.all().calls, 10);
    let endpoint = &totals.by_endpoint["http://localhost:1"];
    assert!(endpoint["model \"m\""].calls < 10);
    drop(journal);
    assert_eq!(verify(&shared(&disk), &out()).unwrap().calls, 10);
}
