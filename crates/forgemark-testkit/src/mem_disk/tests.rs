use std::io::ErrorKind;
use std::path::Path;

use forgemark_journal::storage::{AppendFile, LockAttempt, Storage, write_atomic};

use super::{Fault, FaultKind, MemDisk};

fn disk() -> MemDisk {
    let disk = MemDisk::new();
    disk.create_dir_all(Path::new("/d")).unwrap();
    disk
}

fn write(disk: &MemDisk, path: &str, bytes: &[u8]) -> Box<dyn AppendFile> {
    let mut file = disk.open_append(Path::new(path)).unwrap();
    file.write_all(bytes).unwrap();
    file
}

fn text(disk: &MemDisk, path: &str) -> Option<String> {
    let bytes = disk.read(Path::new(path)).ok()?;
    Some(String::from_utf8(bytes).unwrap())
}

#[test]
fn a_kill_keeps_what_a_power_loss_forgets() {
    let disk = disk();
    let mut file = write(&disk, "/d/a", b"one");
    assert_eq!(text(&disk.kill(), "/d/a").as_deref(), Some("one"));
    assert_eq!(
        text(&disk.power_loss(), "/d/a"),
        None,
        "the name is not durable"
    );
    disk.sync_dir(Path::new("/d")).unwrap();
    assert_eq!(text(&disk.power_loss(), "/d/a").as_deref(), Some(""));
    file.sync().unwrap();
    file.write_all(b"two").unwrap();
    assert_eq!(text(&disk.power_loss(), "/d/a").as_deref(), Some("one"));
    assert_eq!(text(&disk.kill(), "/d/a").as_deref(), Some("onetwo"));
    assert_eq!(
        text(&disk.kill().power_loss(), "/d/a").as_deref(),
        Some("one")
    );
}

#[test]
fn emptying_a_file_is_durable_only_after_a_sync_and_cutting_at_once() {
    let disk = disk();
    let mut file = write(&disk, "/d/a", b"old content");
    file.sync().unwrap();
    disk.sync_dir(Path::new("/d")).unwrap();
    disk.truncate(Path::new("/d/a"), 3).unwrap();
    assert_eq!(text(&disk.power_loss(), "/d/a").as_deref(), Some("old"));
    let mut again = disk.create(Path::new("/d/a")).unwrap();
    again.write_all(b"new").unwrap();
    assert_eq!(text(&disk.power_loss(), "/d/a").as_deref(), Some("old"));
    again.sync().unwrap();
    assert_eq!(text(&disk.power_loss(), "/d/a").as_deref(), Some("new"));
    let longer = disk.truncate(Path::new("/d/a"), 4).unwrap_err();
    assert_eq!(longer.kind(), ErrorKind::UnexpectedEof);
}

#[test]
fn a_rename_is_atomic_and_whole_with_either_folder() {
    let disk = disk();
    disk.create_dir_all(Path::new("/tmp")).unwrap();
    let mut old = write(&disk, "/d/a", b"old");
    old.sync().unwrap();
    disk.sync_dir(Path::new("/d")).unwrap();
    let mut new = write(&disk, "/tmp/1", b"new");
    new.sync().unwrap();
    disk.rename(Path::new("/tmp/1"), Path::new("/d/a")).unwrap();
    assert_eq!(text(&disk, "/d/a").as_deref(), Some("new"));
    assert_eq!(text(&disk.power_loss(), "/d/a").as_deref(), Some("old"));
    for seed in 0..32 {
        let lost = disk.power_loss_keeping(seed);
        let content = text(&lost, "/d/a").unwrap();
        assert!(
            content == "old" || content == "new",
            "seed {seed}: {content}"
        );
    }
    disk.sync_dir(Path::new("/d")).unwrap();
    let lost = disk.power_loss();
    assert_eq!(text(&lost, "/d/a").as_deref(), Some("new"));
    assert_eq!(text(&lost, "/tmp/1"), None);
    for seed in 0..8 {
        assert_eq!(
            text(&disk.power_loss_keeping(seed), "/tmp/1"),
            None,
            "seed {seed}"
        );
    }
}

#[test]
fn a_power_loss_in_part_keeps_the_synced_prefix_and_varies_the_rest() {
    let disk = disk();
    let mut file = write(&disk, "/d/a", &[1; 700]);
    file.sync().unwrap();
    disk.sync_dir(Path::new("/d")).unwrap();
    file.write_all(&[2; 3000]).unwrap();
    let mut lengths = std::collections::BTreeSet::new();
    let mut holes = 0;
    for seed in 0..64 {
        let left = disk
            .power_loss_keeping(seed)
            .read(Path::new("/d/a"))
            .unwrap();
        assert_eq!(left[..700], [1; 700], "seed {seed}");
        assert!(
            left[700..].iter().all(|byte| matches!(byte, 0 | 2)),
            "seed {seed}"
        );
        holes += usize::from(left.contains(&0) && left.last() == Some(&2));
        lengths.insert(left.len());
    }
    assert!(lengths.len() > 32, "{lengths:?}");
    assert!(
        holes > 8,
        "a later sector may be there without an earlier one"
    );
    let again = disk.power_loss_keeping(7).files();
    assert_eq!(
        again,
        disk.power_loss_keeping(7).files(),
        "the seed decides"
    );
}

#[test]
fn every_change_is_a_point_and_reading_is_none() {
    let disk = disk();
    let before = disk.points();
    write_atomic(&disk, Path::new("/d/a"), b"x").unwrap();
    let names: Vec<String> = (before + 1..=disk.points())
        .map(|at| disk.point(at).unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "create /d/.a.tmp",
            "write /d/.a.tmp",
            "sync /d/.a.tmp",
            "rename to /d/a",
            "sync folder /d"
        ]
    );
    let before = disk.points();
    disk.read(Path::new("/d/a")).unwrap();
    disk.list(Path::new("/d")).unwrap();
    drop(disk.open_append(Path::new("/d/a")).unwrap());
    disk.create_dir_all(Path::new("/d")).unwrap();
    assert_eq!(disk.points(), before);
}

#[test]
fn a_crash_halves_the_write_and_fails_everything_after_it() {
    let disk = disk();
    let mut file = write(&disk, "/d/a", b"");
    disk.set_fault(Fault {
        at: disk.points() + 1,
        kind: FaultKind::Crash,
    });
    assert!(file.write_all(b"abcd").is_err());
    assert!(disk.fault_happened());
    assert!(file.write_all(b"e").is_err());
    assert!(disk.read(Path::new("/d/a")).is_err());
    assert!(disk.try_lock(Path::new("/d/lock"), "me").is_err());
    let next = disk.kill();
    assert_eq!(text(&next, "/d/a").as_deref(), Some("ab"));
    write(&next, "/d/a", b"!");
    assert_eq!(text(&next, "/d/a").as_deref(), Some("ab!"));
}

#[test]
fn a_full_disk_still_removes_and_a_short_write_happens_once() {
    let full = disk();
    let mut file = write(&full, "/d/a", b"1");
    full.set_fault(Fault {
        at: full.points() + 1,
        kind: FaultKind::NoSpace,
    });
    assert_eq!(
        file.write_all(b"2").unwrap_err().kind(),
        ErrorKind::StorageFull
    );
    assert_eq!(
        full.create(Path::new("/d/b")).unwrap_err().kind(),
        ErrorKind::StorageFull
    );
    file.sync().unwrap();
    full.truncate(Path::new("/d/a"), 0).unwrap();
    full.remove(Path::new("/d/a")).unwrap();
    let freed = full.kill();
    write(&freed, "/d/b", b"ok");
    assert_eq!(text(&freed, "/d/b").as_deref(), Some("ok"));

    let short = disk();
    let mut file = write(&short, "/d/a", b"1");
    short.set_fault(Fault {
        at: short.points() + 1,
        kind: FaultKind::ShortWrite,
    });
    assert!(file.write_all(b"2345").is_err());
    file.write_all(b"!").unwrap();
    assert_eq!(text(&short, "/d/a").as_deref(), Some("123!"));
}

#[test]
fn a_lock_has_one_holder_until_it_is_dropped_or_killed() {
    let disk = disk();
    let path = Path::new("/d/lock");
    let LockAttempt::Held(held) = disk.try_lock(path, "first").unwrap() else {
        panic!("the lock was free");
    };
    let busy = disk.try_lock(path, "second").unwrap();
    assert!(matches!(busy, LockAttempt::Busy { owner } if owner == "first"));
    assert!(matches!(
        disk.kill().try_lock(path, "next").unwrap(),
        LockAttempt::Held(_)
    ));
    drop(held);
    assert!(matches!(
        disk.try_lock(path, "second").unwrap(),
        LockAttempt::Held(_)
    ));
}
