//! Random damage never panics, and a change of any byte of a file that another file repeats is found.

use super::{Files, check_files, files_of, said, tiny, try_check, without_journal};

/// Bits that are flipped, one a folder.
const FLIPS: usize = 200;
/// Folders that are damaged in several ways.
const FOLDERS: usize = 80;

/// A generator of its own, so that the bytes are the same on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % sides
    }
}

fn pick<'f>(files: &'f Files, dice: &mut Dice) -> &'f String {
    let names: Vec<&String> = files
        .iter()
        .filter(|(_, bytes)| !bytes.is_empty())
        .map(|(name, _)| name)
        .collect();
    names[dice.roll(names.len())]
}

/// Whether a byte says what nothing else says: when a question was asked, and when a state was written.
fn is_said_once(name: &str, bytes: &[u8], place: usize) -> bool {
    let start = bytes[..place].iter().rposition(|byte| *byte == b'\n');
    let before = String::from_utf8_lossy(&bytes[start.map_or(0, |at| at + 1)..place]).into_owned();
    match name {
        "coverage_ledger.jsonl" => before.starts_with("{\"timestamp\": \"") && before.len() < 44,
        _ if name.starts_with("run_state/") => before.starts_with("  \"updated_at\": \""),
        _ => false,
    }
}

#[test]
fn flipped_bytes_are_found() {
    let bench = tiny();
    bench.run();
    let files = without_journal(files_of(&bench.disk));
    let mut dice = Dice(11);
    let (mut found, mut harmless) = (0, 0);
    let mut missed = Vec::new();
    for _ in 0..FLIPS {
        let name = pick(&files, &mut dice).clone();
        let mut damaged = files.clone();
        let bytes = damaged.get_mut(&name).unwrap();
        let (place, bit) = (dice.roll(bytes.len()), dice.roll(8));
        bytes[place] ^= 1 << bit;
        let report = check_files(&damaged);
        if !report.is_clean() {
            found += 1;
        } else if is_said_once(&name, &files[&name], place) {
            harmless += 1;
        } else {
            let from = place.saturating_sub(60);
            let to = (place + 20).min(files[&name].len());
            missed.push(format!(
                "{name} byte {place} bit {bit}: {}",
                String::from_utf8_lossy(&damaged[&name][from..to])
            ));
        }
    }
    println!(
        "{FLIPS} bits flipped: {found} found, {harmless} said nowhere else, {} missed",
        missed.len()
    );
    assert!(missed.is_empty(), "{}", missed.join("\n"));
    assert!(
        harmless < 60,
        "{harmless} of 600 are too many to be excused"
    );
}

#[test]
fn damage_of_any_kind_is_never_a_panic() {
    let bench = tiny();
    bench.run();
    let files = files_of(&bench.disk);
    let mut dice = Dice(23);
    let mut clean = 0;
    for round in 0..FOLDERS {
        let mut damaged = files.clone();
        for _ in 0..=dice.roll(4) {
            let name = pick(&damaged, &mut dice).clone();
            let bytes = damaged.get_mut(&name).unwrap();
            let place = dice.roll(bytes.len());
            match dice.roll(7) {
                0 => bytes.truncate(place),
                1 => bytes.insert(place, dice.roll(256) as u8),
                2 => drop(bytes.remove(place)),
                3 => bytes[place] = b"{}[]\",:0\n\\-"[dice.roll(11)],
                4 => {
                    let end = (place + dice.roll(400)).min(bytes.len());
                    let part = bytes[place..end].to_vec();
                    bytes.splice(place..place, part);
                }
                5 => drop(damaged.remove(&name)),
                _ => {
                    let other = pick(&files, &mut dice);
                    damaged.insert(name, files[other].clone());
                }
            }
        }
        // A folder without any artifact is an error, everything else a report.
        if let Ok(report) = try_check(&damaged)
            && report.is_clean()
        {
            clean += 1;
            assert!(clean <= FOLDERS / 5, "round {round}: {}", said(&report));
        }
    }
    println!(
        "{FOLDERS} damaged folders checked, {clean} of them with damage outside of what is checked"
    );
}
