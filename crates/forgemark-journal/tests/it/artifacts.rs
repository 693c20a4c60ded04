//! Files that are committed together.

use std::path::Path;

use forgemark_contract::json::Json;
use forgemark_journal::storage::Storage;
use forgemark_journal::{ArtifactSet, ImportRecord, JournalError, Record};
use forgemark_testkit::MemDisk;

use crate::support::{item, open, out};

fn text(disk: &MemDisk, name: &str) -> String {
    String::from_utf8(disk.read(&out().join(name)).unwrap()).unwrap()
}

fn write(disk: &MemDisk, name: &str, bytes: &[u8]) {
    disk.create_dir_all(&out()).unwrap();
    let mut file = disk.open_append(&out().join(name)).unwrap();
    file.write_all(bytes).unwrap();
    file.sync().unwrap();
    disk.sync_dir(&out()).unwrap();
}

#[test]
fn a_commit_is_durable_and_what_follows_it_is_cut() {
    let disk = MemDisk::new();
    let (journal, _) = open(&disk).unwrap();
    let mut set = ArtifactSet::open(&journal, &["a.jsonl", "sub/b.jsonl"]).unwrap();
    set.append("a.jsonl", b"one\n").unwrap();
    set.append("sub/b.jsonl", b"uno\n").unwrap();
    set.put("conv/1.json", b"first").unwrap();
    set.put("conv/1.json", b"{}").unwrap();
    assert_eq!(set.length("a.jsonl"), Some(4));
    set.commit(vec![item(0)]).unwrap().wait().unwrap();
    let lost = disk.power_loss();
    assert_eq!(text(&lost, "a.jsonl"), "one\n");
    assert_eq!(text(&lost, "sub/b.jsonl"), "uno\n");
    assert_eq!(text(&lost, "conv/1.json"), "{}");

    // More than the buffer, so it reaches the file before the commit that never comes.
    set.append("a.jsonl", &vec![b'x'; 2 << 20]).unwrap();
    drop(set);
    drop(journal);
    assert!(text(&disk, "a.jsonl").len() > 2 << 20);
    let (journal, recovered) = open(&disk.kill()).unwrap();
    assert_eq!(recovered.last_commit.unwrap().files["a.jsonl"], 4);
    let set = ArtifactSet::open(&journal, &["a.jsonl", "sub/b.jsonl"]).unwrap();
    assert_eq!(set.length("a.jsonl"), Some(4));
}

#[test]
fn what_a_set_does_not_open_is_cut_too() {
    let disk = MemDisk::new();
    let (journal, _) = open(&disk).unwrap();
    let mut set = ArtifactSet::open(&journal, &["a", "b"]).unwrap();
    set.append("a", b"1").unwrap();
    set.append("b", b"2").unwrap();
    set.commit(vec![]).unwrap().wait().unwrap();
    drop((set, journal));
    write(&disk, "b", b"rest of a crash");
    let (journal, _) = open(&disk).unwrap();
    let mut set = ArtifactSet::open(&journal, &["a"]).unwrap();
    set.append("a", b"1").unwrap();
    set.commit(vec![]).unwrap().wait().unwrap();
    assert_eq!(
        (text(&disk, "a"), text(&disk, "b")),
        ("11".to_owned(), "2".to_owned())
    );
    assert_eq!(journal.committed().files["b"], 1);
}

#[test]
fn files_of_others_are_refused_unless_they_were_imported() {
    let disk = MemDisk::new();
    write(&disk, "ledger.jsonl", b"theirs\n");
    let (journal, _) = open(&disk).unwrap();
    let error = ArtifactSet::open(&journal, &["ledger.jsonl"]).unwrap_err();
    assert!(
        matches!(error, JournalError::Foreign { bytes: 7, .. }),
        "{error}"
    );
    assert_eq!(text(&disk, "ledger.jsonl"), "theirs\n");
    let import = ImportRecord {
        file: "ledger.jsonl".to_owned(),
        sha256: String::new(),
        rows: 1,
        bytes: 7,
    };
    journal.append(Record::Import(import)).wait().unwrap();
    let mut set = ArtifactSet::open(&journal, &["ledger.jsonl"]).unwrap();
    set.append("ledger.jsonl", b"ours\n").unwrap();
    set.commit(vec![item(0)]).unwrap().wait().unwrap();
    assert_eq!(set.rewind(0, Vec::new()).unwrap(), 0);
    assert_eq!(text(&disk, "ledger.jsonl"), "theirs\n");
}

#[test]
fn a_file_that_lost_committed_bytes_is_named() {
    for gone in [true, false] {
        let disk = MemDisk::new();
        let (journal, _) = open(&disk).unwrap();
        let mut set = ArtifactSet::open(&journal, &["a"]).unwrap();
        set.append("a", b"12345").unwrap();
        set.commit(vec![]).unwrap().wait().unwrap();
        drop((set, journal));
        let path = out().join("a");
        if gone {
            disk.remove(&path).unwrap();
        } else {
            disk.truncate(&path, 2).unwrap();
        }
        let (journal, _) = open(&disk).unwrap();
        let error = ArtifactSet::open(&journal, &["a"]).unwrap_err();
        let found = if gone { 0 } else { 2 };
        assert_eq!(
            error.to_string(),
            format!("/out/a has {found} bytes, 5 were committed")
        );
    }
}

#[test]
fn names_stay_in_the_folder() {
    let disk = MemDisk::new();
    let (journal, _) = open(&disk).unwrap();
    for name in [
        "",
        "/etc/x",
        "../x",
        "a/../b",
        "a//b",
        ".",
        ".forgemark/x",
        "a\0b",
    ] {
        let error = ArtifactSet::open(&journal, &[name]).unwrap_err();
        assert!(
            matches!(error, JournalError::Name { .. }),
            "{name}: {error}"
        );
    }
    let mut set = ArtifactSet::open(&journal, &["a"]).unwrap();
    assert!(set.put("../x", &[]).is_err());
    assert!(set.put("a", &[]).is_err(), "an append-only file");
    assert!(set.append("b", b"").is_err(), "not opened");
    set.append("a", b"1").unwrap();
    set.commit(vec![]).unwrap().wait().unwrap();
    assert_eq!(text(&disk, "a"), "1");
}

#[test]
fn replacing_swaps_everything_at_one_commit() {
    let disk = MemDisk::new();
    let (journal, _) = open(&disk).unwrap();
    let mut set = ArtifactSet::open(&journal, &["a", "b"]).unwrap();
    set.append("a", b"old a").unwrap();
    set.append("b", b"b").unwrap();
    set.put("w.json", b"old w").unwrap();
    set.commit(vec![item(0)]).unwrap().wait().unwrap();
    set.replace("a").unwrap();
    set.append("a", b"new").unwrap();
    set.replace_whole("w.json", b"new w").unwrap();
    assert_eq!(text(&disk, "a"), "old a");
    assert_eq!(text(&disk, "w.json"), "old w");
    set.commit(vec![]).unwrap().wait().unwrap();
    assert_eq!(text(&disk, "a"), "new");
    assert_eq!(text(&disk, "w.json"), "new w");
    set.append("a", b"er").unwrap();
    set.commit(vec![item(1)]).unwrap().wait().unwrap();
    assert_eq!(text(&disk.power_loss(), "a"), "newer");
    let error = set.rewind(0, Vec::new()).unwrap_err();
    assert!(error.to_string().contains("replaced"), "{error}");
    assert_eq!(set.rewind(1, Vec::new()).unwrap(), 1);
    assert_eq!(text(&disk, "a"), "new");
    let swap = out().join(".forgemark/swap");
    assert_eq!(disk.list(&swap).unwrap(), Vec::<String>::new());
}

#[test]
fn a_replacement_that_was_not_committed_never_takes_a_place() {
    let disk = MemDisk::new();
    for round in 0..3 {
        let (journal, _) = open(&disk).unwrap();
        let mut set = ArtifactSet::open(&journal, &["a"]).unwrap();
        set.replace("a").unwrap();
        set.append("a", b"committed").unwrap();
        set.commit(vec![]).unwrap().wait().unwrap();
        drop((set, journal));
        // The next process makes the same steps, but ends before its commit.
        let (journal, _) = open(&disk).unwrap();
        let mut set = ArtifactSet::open(&journal, &["a"]).unwrap();
        set.replace("a").unwrap();
        set.append("a", &vec![b'!'; 2 << 20]).unwrap();
        drop((set, journal));
        let (journal, _) = open(&disk).unwrap();
        let _set = ArtifactSet::open(&journal, &["a"]).unwrap();
        assert_eq!(text(&disk, "a"), "committed", "round {round}");
    }
}

#[test]
fn a_full_disk_ends_in_a_clear_error_and_goes_on_after_a_reopen() {
    use forgemark_testkit::{Fault, FaultKind};
    let disk = MemDisk::new();
    let (journal, _) = open(&disk).unwrap();
    let mut set = ArtifactSet::open(&journal, &["a"]).unwrap();
    set.append("a", b"1\n").unwrap();
    set.commit(vec![item(0)]).unwrap().wait().unwrap();
    disk.set_fault(Fault {
        at: disk.points() + 1,
        kind: FaultKind::NoSpace,
    });
    set.append("a", b"2\n").unwrap();
    let error = set.commit(vec![item(1)]).unwrap_err();
    assert_eq!(error.to_string(), "cannot write /out/a");
    assert!(
        error
            .remedy()
            .starts_with("Free space on the disk that holds /out/a"),
        "{}",
        error.remedy()
    );
    let refused = [
        set.commit(vec![]).map(|_| ()).unwrap_err(),
        set.append("a", &vec![0; 2 << 20]).unwrap_err(),
        journal
            .append(Record::End {
                status: String::new(),
                detail: Json::Null,
            })
            .wait()
            .unwrap_err(),
        set.rewind(0, Vec::new()).unwrap_err(),
    ];
    for later in refused {
        assert_eq!(later.to_string(), error.to_string());
    }
    drop((set, journal));
    let freed = disk.kill();
    let (journal, _) = open(&freed).unwrap();
    let mut set = ArtifactSet::open(&journal, &["a"]).unwrap();
    set.append("a", b"2\n").unwrap();
    set.commit(vec![item(1)]).unwrap().wait().unwrap();
    assert_eq!(text(&freed, "a"), "1\n2\n");
}

#[test]
fn it_works_on_a_real_disk() {
    let folder = tempfile::tempdir().unwrap();
    let open = || {
        let storage = std::sync::Arc::new(forgemark_journal::DiskStorage);
        forgemark_journal::Journal::open(storage, folder.path(), crate::support::TINY)
    };
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let (journal, _) = open().unwrap();
    let mut set = ArtifactSet::open(&journal, &["a.jsonl"]).unwrap();
    for n in 0..20 {
        set.append("a.jsonl", format!("{n}\n").as_bytes()).unwrap();
        set.put(&format!("c/{n}.json"), b"{}").unwrap();
        set.commit(vec![item(n)]).unwrap().wait().unwrap();
    }
    let refused = open().unwrap_err();
    assert!(matches!(refused, JournalError::Locked { .. }), "{refused}");
    assert_eq!(set.rewind(10, Vec::new()).unwrap(), 10);
    set.replace("a.jsonl").unwrap();
    set.append("a.jsonl", b"all\n").unwrap();
    set.commit(vec![]).unwrap().wait().unwrap();
    drop((set, journal));
    std::fs::write(folder.path().join("a.jsonl"), "all\ntorn").unwrap();
    let (journal, recovered) = open().unwrap();
    assert_eq!(recovered.items().count(), 10);
    let _set = ArtifactSet::open(&journal, &["a.jsonl"]).unwrap();
    assert_eq!(read("a.jsonl"), "all\n");
    assert_eq!(read("c/19.json"), "{}");
    assert!(Path::new(&folder.path().join(".forgemark/journal")).is_dir());
}
