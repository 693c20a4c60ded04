//! The benchmarks of the store and of curation in small sizes: that they measure what they say, not how fast they are.

use forgemark_contract::json::{Json, parse};

use crate::command::{Bench, code};

fn json(args: &[&str]) -> Json {
    let bench = Bench::new();
    let output = bench.run(&[&["bench"], args, &["--json"]].concat());
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(code(&output), 0, "{text}");
    parse(&output.stdout).unwrap()
}

#[test]
fn dedup_is_brute_force_on_both_sets() {
    for set in ["clustered", "isotropic"] {
        for distance in ["0.05", "0.2"] {
            let flags = ["dedup", "--rows", "600", "--dim", "48", "--set", set];
            let found = json(&[&flags[..], &["--distance", distance]].concat());
            assert_eq!(
                found.at("equals_brute_force").as_bool(),
                Some(true),
                "{found:?}"
            );
            assert!(found.at("dropped").as_u64() > Some(0), "{found:?}");
            assert!(found.at("seconds").as_f64().is_some());
            assert_eq!(found.str_or("kept_sha256", "").len(), 64);
        }
    }
}

#[test]
fn minhash_finds_the_planted_copies() {
    let found = json(&["minhash", "--rows", "2000"]);
    assert!(found.at("dropped").as_u64() > Some(150), "{found:?}");
}

#[test]
fn what_was_planted_is_found_and_nothing_else() {
    let found = json(&["planted", "--count", "50"]);
    let kinds = found.at("kinds").as_object().unwrap();
    assert!(kinds.len() > 5, "{found:?}");
    for (kind, found) in kinds {
        assert_eq!(found.at("false_positives").as_u64(), Some(0), "{kind}");
        assert!(found.at("recall").as_f64() >= Some(0.5), "{kind}");
    }
}

#[test]
fn an_export_without_a_store_writes_what_one_with_a_store_does() {
    let made = json(&["export", "--rows", "1003", "--without-store"]);
    assert_eq!(made.at("lines").as_u64(), Some(201));
    assert_eq!(made.str_or("store", ""), "made:talks");
    #[cfg(feature = "store")]
    {
        let stored = json(&["export", "--rows", "1003"]);
        assert_eq!(stored.at("sha256"), made.at("sha256"));
    }
}

#[cfg(feature = "store")]
#[test]
fn ingest_writes_lists_and_reads() {
    let sizes = ["--held", "1500", "--rows", "1000", "--batch", "300"];
    let found = json(&[&["ingest", "--dim", "16"], &sizes[..]].concat());
    assert_eq!(found.at("ids_verified").as_u64(), Some(2500));
    assert_eq!(found.at("listed").as_u64(), Some(25));
    assert!(found.at("bytes").as_u64() > Some(1000 * 500 / 4));
}
