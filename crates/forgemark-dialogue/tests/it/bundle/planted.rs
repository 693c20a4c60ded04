//! Damage that is planted into a bundle, its digests forged or not, is found.

use std::path::Path;

use forgemark_contract::json::{Json, parse, to_compact, to_pretty};
use forgemark_contract::text::sha256_hex;
use forgemark_dialogue::check::Kind;
use forgemark_testkit::MemDisk;

use super::{DIR, bundle, config, foreign, proof, put, shown};

const ROWS: &str = "conversations_sharegpt_judged.jsonl";

fn made() -> MemDisk {
    let disk = foreign(&[1, 2, 4]);
    bundle(&disk, &config(&[])).unwrap();
    assert!(proof(&disk).is_clean());
    disk
}

/// Replaces text in a file of the bundle and gives the manifest the digests that belong to it.
fn forge(disk: &MemDisk, name: &str, from: &str, to: &str) {
    let files = shown(disk);
    let text = String::from_utf8(files[name].clone()).unwrap();
    assert!(text.contains(from), "{name} has no {from}\n{text}");
    let bytes = text.replacen(from, to, 1).into_bytes();
    put(disk, &format!("{DIR}/{name}"), &bytes);
    if name != "bundle.json" {
        let mut manifest = parse(&files["bundle.json"]).unwrap();
        let entries = manifest.as_object_mut().unwrap().get_mut("files").unwrap();
        for entry in entries.as_array_mut().unwrap() {
            if entry.str_or("path", "") == name {
                let entry = entry.as_object_mut().unwrap();
                entry.insert("bytes", bytes.len());
                entry.insert("sha256", sha256_hex(&bytes));
            }
        }
        seal(disk, manifest);
    }
}

fn seal(disk: &MemDisk, mut manifest: Json) {
    let object = manifest.as_object_mut().unwrap();
    object.remove("sha256");
    let digest = sha256_hex(&to_compact(&*object));
    object.insert("sha256", digest);
    put(disk, &format!("{DIR}/bundle.json"), &to_pretty(&manifest));
}

#[test]
fn a_flipped_byte_anywhere_is_found() {
    let disk = made();
    for (name, bytes) in shown(&disk) {
        for offset in [0, bytes.len() / 3, bytes.len() - 1] {
            let disk = disk.kill();
            assert!(disk.flip(&Path::new(DIR).join(&name), offset));
            let report = proof(&disk);
            assert!(!report.is_clean(), "{name} byte {offset}");
            assert!(
                report.findings.iter().any(|found| found.file == name),
                "{name} byte {offset}: {:?}",
                report.findings
            );
        }
    }
}

#[test]
fn a_forged_file_is_found_by_what_it_says() {
    for (name, from, to, kind) in [
        (ROWS, "\"score\": 8.0", "\"score\": 9.0", Kind::Derived),
        (ROWS, "\"score\": 8.0", "\"score\": \"8\"", Kind::Shape),
        (
            ROWS,
            "\"tool_calls\": []",
            "\"tool_calls\": null",
            Kind::Shape,
        ),
        (
            ROWS,
            "\"tool_calls\": []",
            "\"tool_calls\": [], \"more\": 1",
            Kind::Shape,
        ),
        (
            ROWS,
            "\"language\": \"english\"",
            "\"language\": \"french\"",
            Kind::Derived,
        ),
        (ROWS, "{\"messages\"", "{messages\"", Kind::NotJson),
        (
            "dataset_stats.json",
            "\"records\": 3",
            "\"records\": 4",
            Kind::Derived,
        ),
        (
            "plots/turn_count_distribution.svg",
            "width='700'",
            "width='600'",
            Kind::Derived,
        ),
        (
            "README.md",
            "| `english` | 3 |",
            "| `english` | 300 |",
            Kind::Derived,
        ),
        (
            "README.md",
            "- records: 3",
            "- records: 3000",
            Kind::Derived,
        ),
        (
            "README.md",
            "3 of 3 rows have scores",
            "0 of 3 rows have scores",
            Kind::Derived,
        ),
        (
            "schema.json",
            "\"additionalProperties\": false",
            "\"additionalProperties\": true",
            Kind::Derived,
        ),
        ("bundle.json", "\"rows\": 3", "\"rows\": 4", Kind::Hash),
        ("bundle.json", "\"format\"", "\"form\"", Kind::Hash),
    ] {
        let disk = made();
        forge(&disk, name, from, to);
        let report = proof(&disk);
        assert!(
            report.counts.contains_key(&kind),
            "{name} {from}: {:?}",
            report.findings
        );
        assert!(
            report
                .findings
                .iter()
                .all(|found| found.remedy.contains("forgemark dialogue bundle"))
        );
    }
}

#[test]
fn rows_that_are_missing_and_a_count_that_is_forged_are_found() {
    let disk = made();
    let bytes = shown(&disk)[ROWS].clone();
    let first = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let first = String::from_utf8(bytes[..first].to_vec()).unwrap();
    forge(&disk, ROWS, &first, "");
    let report = proof(&disk);
    assert!(
        report
            .findings
            .iter()
            .any(|found| found.file == ROWS && found.what.contains("2 rows"))
    );
    assert!(
        report
            .findings
            .iter()
            .any(|found| found.file == "README.md")
    );
    // The manifest's own numbers stand on the card and in the rows.
    let disk = made();
    let mut manifest = parse(&shown(&disk)["bundle.json"]).unwrap();
    manifest.as_object_mut().unwrap().insert("rows", 2);
    seal(&disk, manifest);
    assert!(proof(&disk).counts.contains_key(&Kind::Derived));
}

#[test]
fn a_manifest_that_names_files_elsewhere_is_refused() {
    let disk = made();
    put(&disk, "/out/mine.txt", b"mine");
    let mut manifest = parse(&shown(&disk)["bundle.json"]).unwrap();
    let files = manifest.as_object_mut().unwrap().get_mut("files").unwrap();
    files.as_array_mut().unwrap().push(Json::object([
        ("path", Json::from("../mine.txt")),
        ("bytes", Json::from(4)),
        ("sha256", Json::from(sha256_hex(b"mine"))),
    ]));
    seal(&disk, manifest);
    assert!(proof(&disk).counts.contains_key(&Kind::Hash));
    let error = bundle(&disk, &config(&[])).unwrap_err();
    assert!(
        error.to_string().contains("a path leaves the folder"),
        "{error}"
    );
    assert!(disk.files().contains_key(Path::new("/out/mine.txt")));
}

#[test]
fn a_file_that_is_missing_is_found() {
    for name in shown(&made())
        .into_keys()
        .filter(|name| !["bundle.json", "schema.json"].contains(&name.as_str()))
    {
        let disk = made();
        forgemark_journal::Storage::remove(&disk, &Path::new(DIR).join(&name)).unwrap();
        let report = proof(&disk);
        assert_eq!(
            report.counts.get(&Kind::Missing),
            Some(&1),
            "{name}: {:?}",
            report.findings
        );
    }
}
