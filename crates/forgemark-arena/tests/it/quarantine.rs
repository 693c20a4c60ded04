//! Putting aside: what goes, what stays, and that nothing is lost whatever fails.

use std::collections::BTreeMap;
use std::path::Path;

use forgemark_arena::{Class, Corpus, QuarantineError, put_aside};
use forgemark_contract::json::{Json, parse, to_compact};
use forgemark_journal::{RunLock, Storage};
use forgemark_testkit::mem_disk::{Fault, FaultKind, MemDisk};

use crate::arena::{
    ANSWERED, ASKED, Arena, CONTRADICTED, CRITICISED, DEBATED, JUDGED, LABELLED, counts, judgment,
    report, root, write,
};

/// An arena with something of every stage.
fn spoilt() -> MemDisk {
    let arena = Arena::sound()
        .add(ASKED, r#"{"run_id": 7, "mine": "kept"}"#)
        .add(JUDGED, &judgment("j", "mixed"))
        .edit(CONTRADICTED, r#""critic":"a""#, r#""critic":"b""#)
        .remove(ANSWERED);
    let disk = arena.disk();
    write(&disk, LABELLED, b"{\"decisions\": [{\"type\"");
    disk
}

fn all(disk: &MemDisk) -> BTreeMap<String, Vec<u8>> {
    let files = disk.files().into_iter();
    let inside = files.filter_map(|(path, bytes)| {
        let path = path.strip_prefix(root()).ok()?.to_str()?.to_owned();
        let json = Path::new(&path)
            .extension()
            .is_some_and(|end| end == "json");
        (json && !path.contains("/.")).then_some((path, bytes))
    });
    inside.collect()
}

/// Every entry that can be read, and the text of every file that cannot, in files or in quarantine.
fn contents(files: &BTreeMap<String, Vec<u8>>) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for (path, bytes) in files {
        if path.ends_with("manifest.json") {
            continue;
        }
        match parse(bytes) {
            Ok(Json::Array(entries)) => all.extend(entries.iter().map(to_compact)),
            Ok(object) => all.extend(object.items("decisions").iter().map(to_compact)),
            Err(_) => all.push(bytes.clone()),
        }
    }
    all
}

#[test]
fn stage_by_stage_until_the_rest_stands() {
    let disk = spoilt();
    let before = all(&disk);
    let put = put_aside(&disk, &root(), "test").unwrap().unwrap();
    assert_eq!(put.folder, "quarantine/0001");
    assert_eq!(put.files, [LABELLED]);
    let taken: Vec<(Class, u64)> = put.entries.into_iter().collect();
    assert_eq!(
        taken,
        [
            (Class::UnreadableEntry, 1),
            (Class::WrongPlace, 1),
            (Class::DuplicateJudgment, 1),
            (Class::CritiqueWithoutAnswer, 1),
            (Class::DebateWithoutClaim, 1),
            (Class::JudgedWithoutCritique, 2),
            (Class::AdjudicationWithoutClaim, 1),
        ]
    );
    let after = all(&disk);
    let (mut old, mut new) = (contents(&before), contents(&after));
    old.sort_unstable();
    new.sort_unstable();
    assert_eq!(old, new, "every entry is in a file or in quarantine, once");
    assert!(!after.contains_key(LABELLED));
    assert_eq!(
        after["quarantine/0001/evaluations/eve.json"],
        before[LABELLED]
    );
    assert_eq!(after[CRITICISED], b"[]");
    assert_eq!(counts(&report(&disk)), []);

    let manifest = parse(&after["quarantine/0001/manifest.json"]).unwrap();
    let files = manifest.items("files");
    let of = |path: &str| {
        files
            .iter()
            .find(|file| file.str_or("file", "") == path)
            .unwrap()
    };
    let debated = of(DEBATED);
    assert_eq!(
        debated.items("entries")[0].str_or("class", ""),
        "debate_without_claim"
    );
    assert_eq!(
        debated.items("entries")[0].str_or("key", ""),
        "1/q/a/q/evaluator/1"
    );
    let hash = |bytes: &[u8]| blake3::hash(bytes).to_hex().to_string();
    assert_eq!(debated.str_or("before_blake3", ""), hash(&before[DEBATED]));
    assert_eq!(debated.str_or("after_blake3", ""), hash(&after[DEBATED]));
    assert_eq!(
        of(LABELLED).at("whole").str_or("class", ""),
        "unreadable_file"
    );
    // The last judgment of a judge counts, so the first went.
    let judged = of(JUDGED).items("entries");
    assert_eq!(judged[0].i64_or("entry", -1), 0);
    assert_eq!(judged[0].str_or("class", ""), "duplicate_judgment");

    assert_eq!(put_aside(&disk, &root(), "test").unwrap(), None);
    assert_eq!(all(&disk), after, "a second fix changes nothing");
}

#[test]
fn a_sound_arena_stays_as_it_is() {
    let disk = Arena::sound().disk();
    let before = all(&disk);
    assert_eq!(put_aside(&disk, &root(), "test").unwrap(), None);
    assert_eq!(all(&disk), before);
}

#[test]
fn two_processes_do_not_fix_one_folder() {
    let disk = spoilt();
    let before = all(&disk);
    let _lock = RunLock::acquire(&disk, &root(), "process 7").unwrap();
    let error = put_aside(&disk, &root(), "process 8").unwrap_err();
    assert!(matches!(error, QuarantineError::Lock(_)));
    assert!(error.to_string().contains("process 7"), "{error}");
    assert_eq!(all(&disk), before);
}

/// How the next process finds the disk.
type Next = fn(&MemDisk) -> MemDisk;

#[test]
fn nothing_is_lost_to_a_fault_at_every_point() {
    let mut undisturbed = spoilt();
    let start = undisturbed.points();
    let original = contents(&all(&undisturbed));
    put_aside(&undisturbed, &root(), "test").unwrap().unwrap();
    let points = undisturbed.points();
    assert!(points > start + 40, "{points} after {start}");
    undisturbed = undisturbed.power_loss();
    let data = |disk: &MemDisk| {
        let mut files = all(disk);
        files.retain(|path, _| !path.starts_with("quarantine"));
        files
    };
    let expected = data(&undisturbed);
    let kinds: [(FaultKind, Next); 4] = [
        (FaultKind::Crash, MemDisk::kill),
        (FaultKind::Crash, MemDisk::power_loss),
        (FaultKind::NoSpace, MemDisk::kill),
        (FaultKind::ShortWrite, MemDisk::kill),
    ];
    for (kind, next) in kinds {
        for at in start + 1..=points {
            let disk = spoilt();
            disk.set_fault(Fault { at, kind });
            let result = put_aside(&disk, &root(), "test");
            let what = format!("{kind:?} at {at}, {}", disk.point(at).unwrap_or_default());
            let disk = next(&disk);
            let found = contents(&all(&disk));
            for entry in &original {
                assert!(
                    found.contains(entry),
                    "{what}: {}",
                    String::from_utf8_lossy(entry)
                );
            }
            if result.is_ok() {
                assert_eq!(data(&disk), expected, "{what}");
            }
            // Whatever was left undone, the next fix does.
            put_aside(&disk, &root(), "test").unwrap();
            assert_eq!(data(&disk), expected, "{what}");
            let found = contents(&all(&disk));
            assert!(original.iter().all(|entry| found.contains(entry)), "{what}");
            let corpus = Corpus::load(&disk, &root(), true).unwrap();
            assert!(
                corpus.files.iter().all(|file| file.canonical == Some(true)),
                "{what}"
            );
            let manifest = root().join("quarantine/0001/manifest.json");
            assert!(disk.len(Path::new(&manifest)).unwrap().is_some(), "{what}");
        }
    }
}
