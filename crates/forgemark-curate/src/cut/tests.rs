use forgemark_contract::json::parse;
use forgemark_contract::store::ContextRecord;

use super::*;
use crate::error::CurateError;
use crate::recipe::{HoldoutItem, HoldoutRule, NearRule, OnMissing, Task};
use crate::similar::text::Proposals;
use crate::spill::MemoryScratch;
use crate::split::SplitRule;
use crate::testing::{Fixed, With, Written, plan, rec, recipe, try_cut};

fn talks(n: i64) -> Vec<ContextRecord> {
    let talk = |s: i64| {
        let session = format!("s{s}");
        [
            rec(&format!("q{s}"), "user", &format!("question {s}"), s * 10).session(&session),
            rec(
                &format!("a{s}"),
                "assistant",
                &format!("answer {s}"),
                s * 10 + 1,
            )
            .session(&session),
        ]
    };
    (0..n).flat_map(talk).collect()
}

fn halves() -> Plan {
    Plan {
        split: Some(SplitRule::train_eval(0.5, 1)),
        ..plan(recipe(Task::Sft), Format::Trl)
    }
}

fn check(written: &Written) -> Vec<String> {
    let manifest = parse(&written.output.files["cut.manifest.json"]).unwrap();
    verify(&manifest, &mut |name| {
        written.output.files.get(name).cloned()
    })
}

#[test]
fn d18_a_manifest_proves_its_files() {
    let mut written = try_cut(talks(20), &halves()).unwrap();
    assert_eq!(check(&written), [""; 0]);
    let names: Vec<&str> = written.output.files.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "cut.README.md",
            "cut.decisions.jsonl",
            "cut.eval.jsonl",
            "cut.eval.provenance.jsonl",
            "cut.manifest.json",
            "cut.train.jsonl",
            "cut.train.provenance.jsonl",
        ]
    );
    written
        .output
        .files
        .get_mut("cut.eval.jsonl")
        .unwrap()
        .push(b'\n');
    written.output.files.remove("cut.README.md");
    let findings = check(&written);
    assert_eq!(findings.len(), 3, "{findings:?}");
    assert!(
        findings[0].starts_with("cut.eval.jsonl: ")
            && findings[2] == "cut.README.md: the file is missing"
    );
}

#[test]
fn d18_the_manifest_says_what_decides_and_lists_no_ids() {
    let items = vec![HoldoutItem {
        id: "e".to_owned(),
        text: "some evaluation text".to_owned(),
        vector: None,
    }];
    let rule = HoldoutRule {
        items,
        n: 3,
        share: 1.0,
        distance: None,
        on_missing: OnMissing::Error,
        threads: 1,
    };
    let near = Some(NearRule {
        shingle: 5,
        jaccard: 0.8,
        proposals: Proposals::MinHash,
    });
    let recipe = Recipe {
        holdout: Some(rule),
        near,
        ..recipe(Task::Sft)
    };
    let of = |recipe: &Recipe| {
        try_cut(talks(3), &plan(recipe.clone(), Format::OpenAi))
            .unwrap()
            .manifest
            .json
    };
    let manifest = of(&recipe);
    assert_eq!(
        manifest.str_or("reference_time", ""),
        "2027-01-15T08:00:00Z"
    );
    assert_eq!(manifest.at("holdout").i64_or("items", 0), 1);
    assert!(
        manifest
            .at("recipe")
            .at("near")
            .at("miss_probability")
            .as_f64()
            .unwrap()
            > 0.0,
        "what is approximate is named"
    );
    let mut other = recipe.clone();
    other.holdout.as_mut().unwrap().items[0].text.push('!');
    assert_ne!(of(&other).at("holdout"), manifest.at("holdout"));
    let mut later = recipe;
    later.unit = crate::recipe::Unit::Branch;
    assert_ne!(of(&later).at("recipe_sha256"), manifest.at("recipe_sha256"));
    assert!(
        !String::from_utf8(forgemark_contract::json::to_compact(&manifest))
            .unwrap()
            .contains("\"q1\"")
    );
}

#[test]
fn d20_each_side_has_its_counts() {
    let written = try_cut(talks(30), &halves()).unwrap();
    let counts: Vec<u64> = written
        .manifest
        .sides
        .iter()
        .map(|side| side.lines)
        .collect();
    assert_eq!(
        counts,
        ["train", "eval"].map(|side| written.lines(&format!("cut.{side}.jsonl")).len() as u64)
    );
    assert_eq!(counts.iter().sum::<u64>(), 30);
}

#[test]
fn d22_counts_follow_the_stages_down_to_the_lines() {
    let mut rows = talks(4);
    rows[6].text_payload = Some("question 0".to_owned());
    rows[7].text_payload = Some("answer 0".to_owned());
    let mut gone = rec("gone", "user", "x", 1);
    gone.retired_at = Some(gone.created_at);
    rows.push(gone);
    let written = try_cut(
        rows,
        &plan(
            Recipe {
                exact: true,
                ..recipe(Task::Sft)
            },
            Format::Trl,
        ),
    )
    .unwrap();
    let counts: Vec<(&str, u64)> = written
        .manifest
        .counts
        .iter()
        .map(|(stage, count)| (stage.as_str(), *count))
        .collect();
    assert_eq!(
        counts,
        [
            ("rows", 9),
            ("lifecycle", 8),
            ("filter", 8),
            ("units", 4),
            ("exact", 3),
            ("examples", 3),
            ("format", 3)
        ]
    );
}

#[test]
fn d23_provenance_names_every_scope_and_keeps_ids_side_by_side() {
    let mut rows = talks(1);
    rows[0].tenant = Some("t1".to_owned());
    rows[1].tenant = Some("t2".to_owned());
    rows[1].external_id = Some("x".to_owned());
    let line = &try_cut(rows, &plan(recipe(Task::Sft), Format::Trl))
        .unwrap()
        .lines("cut.provenance.jsonl")[0];
    assert_eq!(line.items("tenants").len(), 2);
    assert_eq!(
        line.items("record_ids").len(),
        line.items("external_ids").len()
    );
    assert_eq!(line.items("external_ids")[1].as_str(), Some("x"));
    assert!(line.items("external_ids")[0].is_null());
}

/// Takes so many bytes and no more.
struct Full(usize);

impl Output for Full {
    fn append(&mut self, _: &str, bytes: &[u8]) -> std::io::Result<()> {
        self.0 = self
            .0
            .checked_sub(bytes.len())
            .ok_or(std::io::ErrorKind::StorageFull)?;
        Ok(())
    }
}

#[test]
fn d17_a_full_disk_is_an_error_that_names_the_file() {
    let error = cut(
        &Fixed::new(talks(20)),
        &halves(),
        &MemoryScratch,
        &mut Full(2_000),
    )
    .unwrap_err();
    assert!(
        matches!(&error, CurateError::Output { file, .. } if file.starts_with("cut.")),
        "{error}"
    );
}

#[test]
fn d17_the_manifest_is_the_last_file() {
    struct Order(Vec<String>);
    impl Output for Order {
        fn append(&mut self, name: &str, _: &[u8]) -> std::io::Result<()> {
            self.0.retain(|other| other != name);
            self.0.push(name.to_owned());
            Ok(())
        }
    }
    let mut order = Order(Vec::new());
    cut(&Fixed::new(talks(5)), &halves(), &MemoryScratch, &mut order).unwrap();
    assert_eq!(order.0.last().unwrap(), "cut.manifest.json");
}

#[test]
fn d27_two_cuts_are_compared_with_reasons() {
    let before = try_cut(talks(4), &plan(recipe(Task::Sft), Format::Trl)).unwrap();
    let mut rows = talks(5);
    rows[6].text_payload = Some("question 0".to_owned());
    rows[7].text_payload = Some("answer 0".to_owned());
    let after = try_cut(
        rows,
        &plan(
            Recipe {
                exact: true,
                ..recipe(Task::Sft)
            },
            Format::Trl,
        ),
    )
    .unwrap();
    let name = "cut.provenance.jsonl";
    let changes = diff(
        &before.lines(name),
        &after.lines(name),
        &after.lines("cut.decisions.jsonl"),
    );
    let mut what: Vec<&str> = changes.iter().map(|(_, what)| what.as_str()).collect();
    what.sort_unstable();
    assert_eq!(what, ["came", "went (exact: the same wording, by q0)"]);
}

#[test]
fn a_recipe_that_cannot_be_followed_names_its_key() {
    let near = Some(NearRule {
        shingle: 5,
        jaccard: 1.5,
        proposals: Proposals::All,
    });
    let error = try_cut(
        talks(1),
        &plan(
            Recipe {
                near,
                ..recipe(Task::Sft)
            },
            Format::Trl,
        ),
    )
    .err()
    .unwrap();
    assert_eq!(
        error.to_string(),
        "near.jaccard: 1.5 is not above 0 and at most 1"
    );
}

#[test]
fn the_card_names_the_files_of_each_side() {
    let written = try_cut(talks(6), &halves()).unwrap();
    let card = written.text("cut.README.md");
    assert!(card.starts_with("---\nconfigs:\n- config_name: default\n  data_files:\n  - split: train\n    path: cut.train.jsonl\n  - split: eval\n"), "{card}");
    assert!(card.contains("| rows | 12 |"), "{card}");
}
