use forgemark_contract::json::parse;
use forgemark_contract::store::{ContextRecord, Parts};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::error::CurateError;
use crate::output::MemoryOutput;
use crate::recipe::{HoldoutItem, HoldoutRule, NearRule, OnMissing, Task};
use crate::similar::text::Proposals;
use crate::spill::MemoryScratch;
use crate::split::SplitRule;
use crate::testing::{Fixed, With, Written, plan, rec, recipe, try_cut};

impl Manifest {
    /// The version of the earlier cut, and how many units have its decision.
    fn at_previous(&self) -> (u64, u64) {
        let previous = self.json.at("previous");
        let number = |key| previous.at(key).as_u64().unwrap_or(u64::MAX);
        (number("version"), number("units"))
    }
}

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
    verify(&manifest, &mut &written.output).unwrap()
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
        findings[0].starts_with("cut.eval.jsonl, bytes: ")
            && findings[2] == "cut.README.md: the file is missing"
    );
}

/// Changes a file and what the manifest says of it, so that its digest proves it.
fn forge(written: &mut Written, name: &str, change: impl Fn(&str) -> String) {
    let files = &mut written.output.files;
    let text = String::from_utf8(files[name].clone()).unwrap();
    let bytes = change(&text).into_bytes();
    let (old, new) = (
        FileDigest::of(name, text.as_bytes()),
        FileDigest::of(name, &bytes),
    );
    files.insert(name.to_owned(), bytes);
    let manifest = String::from_utf8(files["cut.manifest.json"].clone()).unwrap();
    let entry = |file: &FileDigest| {
        let (bytes, lines) = (file.bytes, file.lines);
        format!(
            "\"bytes\": {bytes},\n      \"lines\": {lines},\n      \"sha256\": \"{}\"",
            file.sha256
        )
    };
    assert!(manifest.contains(&entry(&old)), "{manifest}");
    let manifest = manifest.replace(&entry(&old), &entry(&new));
    files.insert("cut.manifest.json".to_owned(), manifest.into_bytes());
}

#[test]
fn d18_counts_sides_and_rows_are_recomputed_and_not_believed() {
    let made = || try_cut(talks(20), &halves()).unwrap();
    let found = |name: &str, change: &dyn Fn(&str) -> String| {
        let mut written = made();
        forge(&mut written, name, change);
        check(&written)
    };
    assert_eq!(found("cut.eval.jsonl", &str::to_owned), [""; 0]);
    let without_first = |text: &str| text.split_once('\n').unwrap().1.to_owned();
    let findings = found("cut.decisions.jsonl", &without_first);
    assert!(
        findings
            .iter()
            .any(|what| what.starts_with("counts, units: ")),
        "{findings:?}"
    );
    let findings = found("cut.eval.jsonl", &without_first);
    assert!(
        findings
            .iter()
            .any(|what| what.contains("rows of its files")),
        "{findings:?}"
    );
    let speaker = |text: &str| text.replacen("assistant", "nobody", 1);
    let findings = found("cut.eval.jsonl", &speaker);
    assert!(
        findings
            .iter()
            .any(|what| what.starts_with("cut.eval.jsonl: row 1, messages[1]")),
        "{findings:?}"
    );
    let train = made().output.files["cut.train.provenance.jsonl"].clone();
    let train = String::from_utf8(train).unwrap();
    let (stolen, _) = train.split_once('\n').unwrap();
    let findings = found("cut.eval.provenance.jsonl", &|text| {
        format!("{stolen}\n{}", without_first(text))
    });
    assert!(
        findings
            .iter()
            .any(|what| what.contains("is on an earlier side as well")),
        "{findings:?}"
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

#[test]
fn d10_rows_are_read_in_batches_and_only_what_is_looked_at() {
    let snapshot = Fixed::new(talks(4_000));
    let plan = plan(recipe(Task::Sft), Format::Trl);
    let mut output = MemoryOutput::default();
    cut(&snapshot, &plan, &MemoryScratch, &mut output).unwrap();
    let asked = snapshot.asked.lock().unwrap();
    assert_eq!(asked.scans, [Parts::KEYS], "first only keys, once");
    let rows: usize = asked.takes.iter().map(|(rows, _)| rows).sum();
    assert_eq!(rows, 8_000, "then each row once");
    for (rows, parts) in &asked.takes {
        assert!(*rows <= 2_050, "{rows} at once");
        assert!(parts.text && !parts.vector && !parts.binary);
    }
    let lines = String::from_utf8_lossy(&output.files["cut.jsonl"]);
    assert_eq!(lines.lines().count(), 4_000);
}

#[test]
fn d10_vectors_are_read_where_a_stage_compares_them() {
    let rows: Vec<_> = talks(3)
        .into_iter()
        .map(|row| row.vector(&[1.0, 0.0]))
        .collect();
    let semantic = Some(crate::recipe::SemanticRule {
        distance: 0.1,
        on_missing: OnMissing::Error,
        threads: 1,
    });
    let recipe = Recipe {
        semantic,
        ..recipe(Task::Sft)
    };
    let snapshot = Fixed::new(rows);
    let plan = plan(recipe, Format::Trl);
    cut(
        &snapshot,
        &plan,
        &MemoryScratch,
        &mut MemoryOutput::default(),
    )
    .unwrap();
    let asked = snapshot.asked.lock().unwrap();
    let vectors: Vec<bool> = asked.takes.iter().map(|(_, parts)| parts.vector).collect();
    assert_eq!(vectors, [true, false]);
}

#[test]
fn d19_what_is_written_to_the_store_meanwhile_changes_nothing() {
    use forgemark_contract::store::memory::MemoryStore;
    use forgemark_contract::store::{At, Edit, RecordStore as _, StoreOptions};

    let options = StoreOptions::default();
    let store = MemoryStore::of_records("mem:store", talks(5), &options).unwrap();
    let pinned = store.snapshot(&At::Latest).unwrap();
    let run = |snapshot: &dyn Snapshot| {
        let mut output = MemoryOutput::default();
        let plan = plan(recipe(Task::Sft), Format::Trl);
        cut(snapshot, &plan, &MemoryScratch, &mut output).unwrap();
        output
    };
    let before = run(&*pinned);
    let more = rec("late", "user", "more", 900).session("s0");
    let now = more.created_at;
    store.write(vec![Edit::Add(more)], now).unwrap();
    let gone = forgemark_contract::store::Key::Id("q1".to_owned());
    store.write(vec![Edit::Delete(gone)], now).unwrap();
    assert_eq!(run(&*pinned), before);
    assert_ne!(run(&*store.snapshot(&At::Latest).unwrap()), before);
}

#[test]
fn d30_names_have_slashes_on_every_machine_and_lead_nowhere_else() {
    let named = |name: &str| Plan {
        name: name.to_owned(),
        ..halves()
    };
    let written = try_cut(talks(4), &named("sft/v1.2/cut")).unwrap();
    assert!(written.output.files.contains_key("sft/v1.2/cut.eval.jsonl"));
    for name in ["", "a\\b", "../cut", "/cut", "a//b", "C:cut", "a/."] {
        let error = try_cut(talks(1), &named(name)).err().unwrap();
        assert!(
            matches!(error, CurateError::Recipe { key: "name", .. }),
            "{name}: {error}"
        );
    }
}

/// Goes on from a cut of the first rows to one of all.
fn go_on(first: &[ContextRecord], all: &[ContextRecord], plan: &Plan) -> (Written, Written) {
    let before = try_cut(first.to_vec(), plan).unwrap();
    let mut previous = Previous::new(&before.manifest.json, plan).unwrap();
    for line in before.lines("cut.decisions.jsonl") {
        previous.decided(&line);
    }
    let mut output = MemoryOutput::default();
    let snapshot = Fixed::new(all.to_vec());
    let manifest = cut_after(&previous, &snapshot, plan, &MemoryScratch, &mut output).unwrap();
    (before, Written { manifest, output })
}

fn wordy(seed: &[u8], texts: &[String], from: usize) -> Vec<ContextRecord> {
    let talk = |(place, choice): (usize, &u8)| {
        let n = from + place;
        let text = &texts[usize::from(*choice) % texts.len()];
        let session = format!("s{n:03}");
        let angle = f32::from(*choice % 7) * 0.3;
        let at = n as i64 * 10;
        [
            rec(&format!("q{n:03}"), "user", text, at)
                .session(&session)
                .vector(&[angle.cos(), angle.sin()]),
            rec(&format!("a{n:03}"), "assistant", "so", at + 1)
                .session(&session)
                .vector(&[1.0, 0.2]),
        ]
    };
    seed.iter().enumerate().flat_map(talk).collect()
}

fn comparing(which: u8) -> Plan {
    let mut recipe = recipe(Task::Sft);
    recipe.scope = vec!["user".to_owned()];
    recipe.exact = which & 1 == 0;
    recipe.near = (which & 2 == 0).then_some(NearRule {
        shingle: 2,
        jaccard: 0.6,
        proposals: Proposals::All,
    });
    recipe.semantic = (which & 4 == 0).then_some(crate::recipe::SemanticRule {
        distance: 0.02,
        on_missing: OnMissing::Error,
        threads: 1,
    });
    Plan {
        split: (which & 8 == 0).then(|| SplitRule::train_eval(0.5, 1)),
        ..plan(recipe, Format::Neutral)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Where all that is new comes after what is old, going on and beginning anew are one.
    #[test]
    fn d27_a_cut_that_goes_on_is_a_cut_of_the_whole(
        old in vec(0_u8..40, 1..12), new in vec(0_u8..40, 0..12),
        texts in vec("[ab ]{1,8}", 1..10), which in 0_u8..16,
    ) {
        let plan = comparing(which);
        let first = wordy(&old, &texts, 0);
        let mut all = first.clone();
        all.extend(wordy(&new, &texts, old.len()));
        let (_, after) = go_on(&first, &all, &plan);
        let whole = try_cut(all, &plan).unwrap();
        for (name, bytes) in &whole.output.files {
            if !name.ends_with("manifest.json") {
                prop_assert_eq!(&after.output.files[name], bytes, "{}", name);
            }
        }
        prop_assert_eq!(after.manifest.at_previous(), (3, old.len() as u64));
    }

    /// Wherever new units stand, old ones keep their decisions.
    #[test]
    fn d27_old_units_keep_their_decisions(
        old in vec(0_u8..40, 1..12), new in vec(0_u8..40, 0..12),
        texts in vec("[ab ]{1,8}", 1..10), which in 0_u8..16,
    ) {
        let plan = comparing(which);
        let first = wordy(&old, &texts, 500);
        let mut all = wordy(&new, &texts, 0);
        all.extend(first.clone());
        let (before, after) = go_on(&first, &all, &plan);
        let units = |written: &Written| -> Vec<Json> {
            let lines = written.lines("cut.decisions.jsonl").into_iter();
            lines.filter(|line| line.str_or("unit", "") == "conversation").collect()
        };
        let (before, after) = (units(&before), units(&after));
        prop_assert_eq!(&after[..before.len()], &before[..]);
        prop_assert_eq!(after.len(), old.len() + new.len());
    }
}

#[test]
fn d27_what_was_changed_is_decided_on_anew_and_another_recipe_is_refused() {
    let mut rows = talks(3);
    let plan = Plan {
        name: "cut".to_owned(),
        ..plan(
            Recipe {
                exact: true,
                ..recipe(Task::Sft)
            },
            Format::Neutral,
        )
    };
    let first = rows.clone();
    rows[5].updated_at = Some(rows[5].created_at);
    let (before, after) = go_on(&first, &rows, &plan);
    assert_eq!(after.manifest.at_previous(), (3, 2));
    let mut other = plan;
    other.recipe.exact = false;
    let error = Previous::new(&before.manifest.json, &other).unwrap_err();
    assert_eq!(
        error.to_string(),
        "exact: the earlier cut had true, now it is null; use the same recipe, or cut the whole anew"
    );
}

#[test]
fn d27_a_forecast_reads_a_sample_and_scales_it() {
    let small = Fixed::new(talks(300));
    let gauge = crate::bench::Gauge {
        now: &|| std::time::Duration::ZERO,
        peak: &|| 0,
    };
    let plan = plan(recipe(Task::Sft), Format::Trl);
    let exact = forecast(&small, &plan, &gauge).unwrap();
    assert_eq!((exact.rows, exact.sampled), (600, 600));
    assert!((exact.examples - 300.0).abs() < 1e-9, "{exact:?}");
    let large = Fixed::new(talks(20_000));
    let told = forecast(&large, &plan, &gauge).unwrap();
    assert_eq!((told.rows, told.sampled), (40_000, 2_048));
    assert!((told.examples / 20_000.0 - 1.0).abs() < 0.05, "{told:?}");
    assert_eq!((told.tokens, told.pairs), (None, 0.0));
    let asked = large.asked.lock().unwrap();
    assert!(asked.takes.is_empty() && asked.scans.iter().all(|parts| !parts.vector));
}
