//! The released sample of the original, where it lies beside the checkout.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use forgemark_contract::json::{Json, parse, to_pretty};
use forgemark_dialogue::bundle::{Wanted, plots, statistics};
use forgemark_journal::{DiskStorage, Storage};
use forgemark_testkit::{MemDisk, shared_dir};

use super::{bundle, config, proof, put, shown};

const ROWS: &str = "conversations_sharegpt_judged.jsonl";

fn sample() -> Option<PathBuf> {
    let found =
        shared_dir().map(|shared| shared.join("data/dialogue/release_assets/sample_dataset"));
    if found.is_none() {
        println!("skipped: there is no folder of shared files");
    }
    found
}

#[test]
fn acceptance_8_2_1_statistics_and_charts_of_the_sample_are_byte_identical() {
    let Some(sample) = sample() else { return };
    let export = sample.join("hf_export");
    let storage: Arc<dyn Storage> = Arc::new(DiskStorage);
    let folder = sample.join("source");
    for path in [folder.clone(), folder.join(ROWS), export.clone()] {
        let (source, stats) = statistics(&storage, &path, Wanted::Best).unwrap();
        let stats = stats.to_json(&source.name);
        let expected = std::fs::read(export.join("dataset_stats.json")).unwrap();
        assert!(
            to_pretty(&stats) == expected,
            "{}: {}",
            path.display(),
            String::from_utf8_lossy(&to_pretty(&stats))
        );
        let made: BTreeMap<String, String> = plots(&stats)
            .into_iter()
            .map(|plot| (plot.name.to_owned(), plot.svg))
            .collect();
        let released: BTreeMap<String, String> = std::fs::read_dir(export.join("plots"))
            .unwrap()
            .map(|entry| {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                (name, std::fs::read_to_string(path).unwrap())
            })
            .collect();
        assert_eq!(released.len(), 4);
        assert_eq!(made, released);
    }
}

/// The sample went through the original's sanitiser, so nothing of it needs to be changed, and a bundle of it has the
/// statistics and charts that were released.
#[test]
fn acceptance_8_2_1_a_bundle_of_the_sample_has_the_released_files() {
    let Some(sample) = sample() else { return };
    let bytes = std::fs::read(sample.join("source").join(ROWS)).unwrap();
    let disk = MemDisk::new();
    put(&disk, &format!("/out/{ROWS}"), &bytes);
    let made = bundle(&disk, &config(&[])).unwrap();
    assert_eq!(
        (made.facts.rows, made.facts.leftovers),
        (2, 0),
        "{:?}",
        made.changes
    );
    assert_eq!(made.changes.conversions(), 0, "{:?}", made.changes);
    let files = shown(&disk);
    let export = sample.join("hf_export");
    for name in [
        "dataset_stats.json",
        "plots/turn_count_distribution.svg",
        "plots/judge_avg_score_distribution.svg",
        "plots/word_count_distribution.svg",
        "plots/token_estimate_distribution.svg",
    ] {
        let released = std::fs::read(export.join(Path::new(name))).unwrap();
        assert!(files[name] == released, "{name}");
    }
    // Every value of the sample stands where it stood.
    let rows = |bytes: &[u8]| -> Vec<Json> {
        let lines = bytes
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty());
        lines.map(|line| parse(line).unwrap()).collect()
    };
    for (before, after) in rows(&bytes).iter().zip(rows(&files[ROWS])) {
        assert_inside(before, &after, "$");
    }
    let report = proof(&disk);
    assert!(report.is_clean(), "{:?}", report.findings);
    assert_eq!((report.conversations, report.turns), (2, 11));
}

/// All that `small` says, `large` says too.
#[track_caller]
fn assert_inside(small: &Json, large: &Json, path: &str) {
    match (small, large) {
        (Json::Object(object), _) => {
            for (key, value) in object {
                assert_inside(value, large.at(key), &format!("{path}.{key}"));
            }
        }
        (Json::Array(items), Json::Array(others)) => {
            assert_eq!(items.len(), others.len(), "{path}");
            for (place, (item, other)) in items.iter().zip(others).enumerate() {
                assert_inside(item, other, &format!("{path}[{place}]"));
            }
        }
        (Json::Int(number), Json::Float(other)) => {
            assert!((*number as f64).total_cmp(other).is_eq(), "{path}");
        }
        _ => assert_eq!(small, large, "{path}"),
    }
}
