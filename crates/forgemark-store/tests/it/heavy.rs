//! Several processes that write at once, some of them killed, and a disk that is full.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use forgemark_contract::store::{ContextRecord, Edit, Scan, StoreError, StoreOptions, Stores as _};
use forgemark_contract::time::Timestamp;
use forgemark_store::LanceStores;

use crate::support::{add, ids, latest, named, row, temporary, write};

const CHILD: &str = "FORGEMARK_STORE_CHILD";
const KEYS: usize = 20;
const WRITERS: usize = 8;
const KILLED: usize = 3;

/// What a writing process does: it adds all keys, in an order of its own, and notes what was acknowledged.
fn write_as_child(task: &str) {
    let (uri, log, number) = {
        let parts: Vec<&str> = task.split('|').collect();
        (parts[0], parts[1], parts[2].parse::<usize>().unwrap())
    };
    let store = LanceStores.open(uri).unwrap();
    let mut log = std::fs::File::create(log).unwrap();
    for step in 0..KEYS {
        // Odd steps have coprime strides, so each process meets the keys in another order.
        let key = (step * (2 * number + 1) + number * 3) % KEYS;
        let record = ContextRecord {
            source: Some(format!("writer {number}")),
            ..named(&format!("id{key}-{}", number % 2), &format!("e{key}"))
        };
        let line = match store.write(vec![Edit::Add(record)], Timestamp(1)) {
            Ok(_) => format!("won {key}"),
            Err(StoreError::Duplicate { .. }) => format!("lost {key}"),
            Err(error) => format!("failed {key} {error}"),
        };
        writeln!(log, "{line}").unwrap();
        log.sync_all().unwrap();
    }
    writeln!(log, "end").unwrap();
}

#[test]
fn writer_child() {
    // Only does something when the test below starts this program again.
    if let Ok(task) = std::env::var(CHILD) {
        write_as_child(&task);
    }
}

fn spawn(uri: &str, log: &Path, number: usize) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "heavy::writer_child", "--nocapture"])
        .env(CHILD, format!("{uri}|{}|{number}", log.display()))
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap()
}

fn lines(log: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn writers_in_many_processes_keep_keys_unique_when_some_are_killed() {
    let kept = temporary(&StoreOptions::default());
    let logs = tempfile::tempdir().unwrap();
    let log = |number: usize| logs.path().join(number.to_string());
    let mut children: Vec<Child> = (0..WRITERS)
        .map(|number| spawn(&kept.uri, &log(number), number))
        .collect();
    // Each of these is killed wherever it happens to be once it has noted something.
    for (number, child) in children.iter_mut().enumerate().take(KILLED) {
        let started = Instant::now();
        while lines(&log(number)).len() <= number && started.elapsed() < Duration::from_secs(90) {
            std::thread::sleep(Duration::from_millis(2));
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    for child in &mut children[KILLED..] {
        assert!(child.wait().unwrap().success());
    }
    let store = LanceStores.open(&kept.uri).unwrap();
    let snapshot = latest(&*store);
    let mut holders: BTreeMap<String, String> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for row in snapshot.scan(&Scan::everything()).unwrap() {
        let (_, row) = row.unwrap();
        assert!(seen.insert(row.id.clone()), "{} is there twice", row.id);
        let key = row.external_id.unwrap();
        let before = holders.insert(key.clone(), row.source.unwrap());
        assert_eq!(before, None, "{key} is held twice");
    }
    assert_eq!(holders.len(), KEYS);
    let mut acknowledged = 0;
    for number in 0..WRITERS {
        let noted = lines(&log(number));
        assert!(
            noted.iter().all(|line| !line.starts_with("failed")),
            "{noted:?}"
        );
        assert!(number < KILLED || noted.last().is_some_and(|line| line == "end"));
        for line in noted {
            if let Some(key) = line.strip_prefix("won ") {
                let holder = &holders[&format!("e{key}")];
                assert_eq!(
                    *holder,
                    format!("writer {number}"),
                    "{key} was acknowledged"
                );
                acknowledged += 1;
            }
        }
    }
    // A killed process may have written one more than it noted.
    assert!(
        (KEYS - KILLED..=KEYS).contains(&acknowledged),
        "{acknowledged}"
    );
    assert_eq!(store.fsck().unwrap(), []);
    write(&*store, vec![add("afterwards")]);
    assert_eq!(ids(&*latest(&*store)).len(), KEYS + 1);
}

#[test]
fn writers_without_a_lock_keep_keys_unique() {
    // A store in the memory of this process that is opened by its address, as one in an object store is.
    let uri = format!("shared-memory://writers-{}/s.lance", std::process::id());
    LanceStores.create(&uri, &StoreOptions::default()).unwrap();
    let writers = (0..4).map(|number| {
        let uri = uri.clone();
        std::thread::spawn(move || {
            let store = LanceStores.open(&uri).unwrap();
            let won = (0..6).filter(|key| {
                let record = named(&format!("{key}-{number}"), &format!("e{key}"));
                match store.write(vec![Edit::Add(record)], Timestamp(1)) {
                    Ok(_) => true,
                    Err(StoreError::Duplicate { .. }) => false,
                    Err(error) => panic!("{error}"),
                }
            });
            won.count()
        })
    });
    let writers: Vec<_> = writers.collect();
    let won: usize = writers
        .into_iter()
        .map(|writer| writer.join().unwrap())
        .sum();
    assert_eq!(won, 6);
    let store = LanceStores.open(&uri).unwrap();
    assert_eq!(latest(&*store).stats().unwrap().rows, 6);
    assert_eq!(store.fsck().unwrap(), []);
}

/// A small disk of its own, taken away at the end.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]);
        mount.arg(folder.path()).stderr(Stdio::null());
        let mounted = mount.status().is_ok_and(|status| status.success());
        mounted.then_some(SmallDisk(folder))
    }

    fn resize(&self, size: &str) {
        let mut mount = Command::new("mount");
        mount.args(["-o", &format!("remount,size={size}")]);
        assert!(mount.arg(self.0.path()).status().unwrap().success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_loses_nothing_that_was_acknowledged() {
    let Some(disk) = SmallDisk::mount("1m") else {
        println!("skipped: this user cannot mount a small disk");
        return;
    };
    let uri = disk.0.path().join("s.lance").to_str().unwrap().to_owned();
    let store = LanceStores.create(&uri, &StoreOptions::default()).unwrap();
    let mut acknowledged = Vec::new();
    let error = loop {
        let id = format!("r{}", acknowledged.len());
        // Bytes that no encoding makes smaller.
        let seed = acknowledged.len() as u32;
        let noise = (0..60_000_u32).map(|at| {
            let mixed = (at ^ seed.wrapping_mul(0x9E37_79B9)).wrapping_mul(0x85EB_CA6B);
            (mixed ^ mixed >> 15)
                .wrapping_mul(0xC2B2_AE35)
                .to_le_bytes()[2]
        });
        let record = ContextRecord {
            binary_payload: Some(forgemark_contract::store::Bytes(noise.collect())),
            ..row(&id)
        };
        match store.write(vec![Edit::Add(record)], Timestamp(1)) {
            Ok(_) => acknowledged.push(id),
            Err(error) => break error,
        }
        assert!(acknowledged.len() < 200, "the disk never filled up");
    };
    let text = error.to_string();
    assert!(text.contains("make room on the disk"), "{text}");
    let reopened = LanceStores.open(&uri).unwrap();
    assert_eq!(ids(&*latest(&*reopened)), acknowledged);
    disk.resize("16m");
    write(&*reopened, vec![add("afterwards")]);
    acknowledged.push("afterwards".to_owned());
    assert_eq!(ids(&*latest(&*reopened)), acknowledged);
    assert_eq!(reopened.fsck().unwrap(), []);
}
