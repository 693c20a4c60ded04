//! The index on a disk that fails: whatever happens while it is written, the next opening gives the same corpus.

use std::fs;
use std::path::{Path, PathBuf};

use forgemark_corpus::{Corpus, CorpusError};
use forgemark_testkit::mem_disk::{Fault, FaultKind, MemDisk};

use crate::place::{Place, whole};

const QUERIES: [&str; 1] = ["the river and the bridge"];

/// Documents whose index lies on the simulated disk, which no folder of theirs is on.
fn place() -> Place {
    let mut place = Place::new();
    place.options.index_dir = PathBuf::from("/index");
    for name in ["a", "b", "c"] {
        place.write(
            &format!("{name}.txt"),
            format!("Document {name} of the river. ").repeat(40),
        );
    }
    place
}

/// Something of everything: an addition, a change, a move and a removal.
fn change(place: &Place) {
    place.write("b.txt", "Another text about the bridge.");
    place.write("d.txt", "A new text.");
    fs::rename(place.file("a.txt"), place.file("e.txt")).unwrap();
    fs::remove_file(place.file("c.txt")).unwrap();
}

#[track_caller]
fn check(place: &Place, disk: &MemDisk, expected: &str, what: &str) {
    let (corpus, _) =
        Corpus::open(disk, &place.options).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(whole(&corpus, &QUERIES), expected, "{what}");
    let (again, report) = Corpus::open(disk, &place.options).unwrap();
    assert_eq!(
        (report.unchanged, report.notes.len()),
        (again.documents().len(), 0),
        "{what}: {report:?}"
    );
    // What a fault left behind goes with the next change.
    place.write("z.txt", what);
    Corpus::open(disk, &place.options).unwrap();
    fs::remove_file(place.file("z.txt")).unwrap();
    Corpus::open(disk, &place.options).unwrap();
    let stray: Vec<PathBuf> = disk
        .files()
        .into_keys()
        .filter(|file| is_stray(file))
        .collect();
    assert!(stray.is_empty(), "{what}: {stray:?}");
}

fn is_stray(file: &Path) -> bool {
    let name = file.file_name().unwrap().to_str().unwrap();
    !(name == "corpus-index.jsonl" || name.starts_with("texts-"))
}

#[test]
fn the_index_survives_a_fault_at_every_point() {
    let place = place();
    let first = MemDisk::new();
    Corpus::open(&first, &place.options).unwrap();
    change(&place);
    // How many points the second opening has, and what comes out of it.
    let before = first.points();
    let healthy = first.kill();
    let start = healthy.points();
    let (corpus, _) = Corpus::open(&healthy, &place.options).unwrap();
    let expected = whole(&corpus, &QUERIES);
    let points = healthy.points() - start;
    assert!(before > 0 && points > 4, "{before} {points}");
    for kind in [FaultKind::Crash, FaultKind::NoSpace, FaultKind::ShortWrite] {
        for point in 1..=points {
            let what = format!("{kind:?} at point {point} of {points}");
            let disk = first.kill();
            disk.set_fault(Fault {
                at: disk.points() + point,
                kind,
            });
            match Corpus::open(&disk, &place.options) {
                // A full disk still lets go of what is no longer used.
                Ok((corpus, _)) => {
                    assert!(
                        kind == FaultKind::NoSpace && point == points,
                        "{what}: not noticed"
                    );
                    assert_eq!(whole(&corpus, &QUERIES), expected, "{what}");
                }
                Err(CorpusError::Index { .. }) => assert!(disk.fault_happened(), "{what}"),
                Err(other) => panic!("{what}: {other}"),
            }
            check(&place, &disk.kill(), &expected, &what);
            check(
                &place,
                &disk.power_loss(),
                &expected,
                &format!("{what}, power loss"),
            );
            for seed in 0..3 {
                let lost = disk.power_loss_keeping(seed);
                check(
                    &place,
                    &lost,
                    &expected,
                    &format!("{what}, power loss that keeps {seed}"),
                );
            }
        }
    }
    println!("{points} points");
}

#[test]
fn an_index_that_was_written_outlasts_a_power_loss() {
    let place = place();
    let disk = MemDisk::new();
    Corpus::open(&disk, &place.options).unwrap();
    change(&place);
    Corpus::open(&disk, &place.options).unwrap();
    let (_, report) = Corpus::open(&disk.power_loss(), &place.options).unwrap();
    assert_eq!(report.unchanged, 3, "{report:?}");
}
