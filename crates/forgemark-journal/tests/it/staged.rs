//! Files that appear together: every write point is killed, refused and lost to a power cut.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use forgemark_journal::{JournalError, Staged, Storage, recover, write_atomic};
use forgemark_testkit::{Fault, FaultKind, MemDisk};

fn dir() -> &'static Path {
    Path::new("/cuts/a")
}

/// What the folder shows, by name; our own state left out.
fn shown(disk: &MemDisk) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = disk.files().into_iter();
    files
        .filter(|(path, _)| {
            !path
                .components()
                .any(|part| part.as_os_str() == ".forgemark")
        })
        .collect()
}

fn old() -> BTreeMap<PathBuf, Vec<u8>> {
    BTreeMap::from([
        (dir().join("a.jsonl"), b"old a".to_vec()),
        (dir().join("gone.jsonl"), b"old".to_vec()),
    ])
}

fn new() -> BTreeMap<PathBuf, Vec<u8>> {
    BTreeMap::from([
        (dir().join("a.jsonl"), b"new a, longer".to_vec()),
        (dir().join("sub/b.jsonl"), b"b".to_vec()),
        (dir().join("empty"), Vec::new()),
    ])
}

fn prepare(disk: &MemDisk) {
    let mut written = disk.create_dir_all(dir());
    for (path, bytes) in old() {
        written = written.and_then(|()| write_atomic(disk, &path, &bytes));
    }
    assert!(written.is_ok(), "{written:?}");
}

fn make(disk: &MemDisk) -> Result<(), JournalError> {
    let mut staged = Staged::begin(Arc::new(disk.clone()), dir(), "a test")?;
    staged.append("a.jsonl", b"new a")?;
    staged.append("sub/b.jsonl", b"b")?;
    staged.append("a.jsonl", b", longer")?;
    staged.append("empty", b"")?;
    staged.commit(&["gone.jsonl".to_owned(), "a.jsonl".to_owned()])
}

#[test]
fn files_appear_together_and_what_is_old_goes() {
    let disk = MemDisk::new();
    prepare(&disk);
    make(&disk).unwrap();
    assert_eq!(shown(&disk), new());
    assert_eq!(shown(&disk.power_loss()), new(), "durable when it returns");
}

#[test]
fn without_a_commit_the_folder_is_as_it_was() {
    let disk = MemDisk::new();
    prepare(&disk);
    let mut staged = Staged::begin(Arc::new(disk.clone()), dir(), "a test").unwrap();
    staged.append("a.jsonl", b"new").unwrap();
    let second = Staged::begin(Arc::new(disk.clone()), dir(), "another");
    assert!(matches!(second, Err(JournalError::Locked { .. })));
    drop(staged);
    assert_eq!(shown(&disk), old());
    make(&disk).unwrap();
    assert_eq!(shown(&disk), new());
}

#[test]
fn names_that_leave_the_folder_are_refused() {
    let disk = MemDisk::new();
    prepare(&disk);
    let mut staged = Staged::begin(Arc::new(disk.clone()), dir(), "a test").unwrap();
    for name in [
        "",
        "/etc/x",
        "../x",
        "a//b",
        ".forgemark/lock",
        "a/../../b",
        "a\\b",
    ] {
        let refused = staged.append(name, b"x");
        assert!(matches!(refused, Err(JournalError::Name { .. })), "{name}");
    }
}

#[test]
fn at_every_point_the_folder_is_wholly_old_or_wholly_new() {
    let whole = MemDisk::new();
    prepare(&whole);
    let before = whole.points();
    make(&whole).unwrap();
    let points = whole.points();
    assert!(points > before + 10, "there are points to fail at");
    for point in before..=points {
        for kind in [FaultKind::Crash, FaultKind::NoSpace, FaultKind::ShortWrite] {
            let fault = Fault { at: point, kind };
            let disk = MemDisk::new();
            prepare(&disk);
            disk.set_fault(fault);
            let result = make(&disk);
            for (how, after) in [("kill", disk.kill()), ("power loss", disk.power_loss())] {
                recover(&after, dir(), "a test").unwrap();
                let found = shown(&after);
                assert!(
                    found == old() || found == new(),
                    "{fault:?}, {how}: {found:?}"
                );
                if result.is_ok() && !disk.fault_happened() {
                    assert_eq!(found, new(), "{fault:?}, {how}");
                }
                make(&after).unwrap();
                assert_eq!(shown(&after), new(), "{fault:?}, {how}, made again");
            }
        }
    }
}

#[test]
fn a_record_of_another_kind_is_refused() {
    let disk = MemDisk::new();
    prepare(&disk);
    make(&disk).unwrap();
    let path = dir().join(".forgemark/staged.commit");
    for (text, kind) in [
        (r#"{"format":2,"files":[],"remove":[]}"#, "too new"),
        (r#"{"format":1,"files":["../x"],"remove":[]}"#, "name"),
        ("{", "corrupt"),
        (r#"{"format":1}"#, "corrupt"),
    ] {
        write_atomic(&disk, &path, text.as_bytes()).unwrap();
        let found = match recover(&disk, dir(), "a test") {
            Err(JournalError::TooNew { .. }) => "too new",
            Err(JournalError::Name { .. }) => "name",
            Err(JournalError::Corrupt { .. }) => "corrupt",
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(found, kind, "{text}");
    }
    assert_eq!(shown(&disk), new());
}
