//! What a bundle holds, where it may go, and what a fault leaves of it.

use std::path::Path;

use forgemark_contract::dialogue::{Columns, bundle as schema};
use forgemark_contract::json::{Json, Object, parse};
use forgemark_dialogue::bundle::{BundleError, is_bundle};
use forgemark_journal::lock::RunLock;
use forgemark_journal::{JournalError, Storage as _};
use forgemark_model::scripted::Dialogue;
use forgemark_testkit::aftermath::{Then, assert_same};
use forgemark_testkit::{Fault, MemDisk};

use super::{DIR, bundle, bundle_in, config, foreign, lines, proof, put, row, shown};
use crate::bench::Bench;
use crate::check::searching;

const JUDGED: &str = "conversations_sharegpt_judged.jsonl";
const PLAIN: &str = "conversations_sharegpt.jsonl";

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn rows(bytes: &[u8]) -> Vec<Json> {
    let lines = bytes
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    lines.map(|line| parse(line).unwrap()).collect()
}

#[test]
fn a_bundle_of_a_run_is_proven_and_says_what_was_made() {
    let bench = Bench::new(searching(4, Dialogue::PLAIN))
        .set("run.total_samples", 5)
        .set(
            "run.target_languages",
            vec![Json::from("en"), Json::from("fr")],
        )
        .set("saving.hf_push.include_run_state", true)
        .set("saving.bundle.license", "cc-by-4.0");
    bench.run();
    let config = bench.config();
    let made = bundle(&bench.disk, &config).unwrap();
    assert_eq!((made.facts.rows, made.facts.judged), (10, 10));
    // Rows of ours fit as they are.
    assert_eq!(made.facts.leftovers, 0, "{:?}", made.changes.set_aside);
    let report = proof(&bench.disk);
    assert!(report.is_clean(), "{:?}", report.findings);
    assert!(report.notes.is_empty(), "{:?}", report.notes);
    let files = shown(&bench.disk);
    assert_eq!(rows(&files[JUDGED]).len(), 10);
    let states = files
        .keys()
        .filter(|name| name.starts_with("run_state/"))
        .count();
    assert!(states > 0);
    assert!(files.contains_key("run_state/last_run_id.txt"));
    let card = text(&files["README.md"]);
    for said in [
        "language:\n  - en\n  - fr\nlicense: cc-by-4.0\n",
        "split: train\n        path: conversations_sharegpt_judged.jsonl\n",
        "| `en` | 5 |",
        "| `fr` | 5 |",
        "10 of 10 rows have scores of a judge",
        "| `user` | `openai/scripted-1` | 20 |",
        "Conversations in the folder of the runs: 10 completed.",
        "Licence: cc-by-4.0.",
        "- records: 10\n",
        "](plots/turn_count_distribution.svg)",
    ] {
        assert!(card.contains(said), "{said}\n{card}");
    }
    // Made again of the same rows it is the same, byte for byte.
    let again = bundle(&bench.disk, &config).unwrap();
    assert!(again.replaced && !made.replaced);
    assert_same(&files, &shown(&bench.disk), "the same bundle again");
}

#[test]
fn acceptance_8_2_12_columns_are_remapped_and_every_row_fits() {
    let disk = foreign(&[1, 2, 3]);
    let config = config(&[
        ("saving.output_columns.messages", Json::from("chat")),
        (
            "saving.output_columns.assistant_reasoning",
            Json::from("why"),
        ),
        ("saving.output_columns.judge", Json::from("messages")),
    ]);
    let made = bundle(&disk, &config).unwrap();
    let files = shown(&disk);
    for (place, row) in rows(&files[JUDGED]).iter().enumerate() {
        assert_eq!(schema::check_row(&config.columns, row), [], "row {place}");
        let keys: Vec<&str> = row.as_object().unwrap().keys().collect();
        let expected = [
            "chat",
            "messages_with_tools",
            "metadata",
            "user_reasoning",
            "why",
            "messages",
        ];
        assert_eq!(keys, expected);
        let thinking = row.items("why")[0].at("reasoning_trace").items("thinking");
        assert_eq!(thinking[0].str_or("text", ""), "plain text");
        let left = row.at("metadata").at("forgemark").items("leftovers");
        assert_eq!(left.len(), place + 1);
        assert_eq!(
            left[0].str_or("path", ""),
            "assistant_reasoning[0].reasoning_trace.mood"
        );
        assert_eq!(left[0].str_or("value", ""), "\"good\"");
        for turn in row.at("messages").items("per_turn") {
            assert!(matches!(turn.at("score"), Json::Float(_)));
        }
    }
    assert_eq!(made.changes.leftovers(), 6);
    assert_eq!(
        made.changes.converted[&("judge.per_turn[].score".to_owned(), "text became a number")],
        2
    );
    // The schema that lies beside the rows is theirs.
    assert_eq!(files["schema.json"], schema::schema_file(&config.columns));
    let named = parse(&files["schema.json"]).unwrap();
    let row = named.at("$defs").at("BundleRow");
    assert_eq!(
        row.at("properties")
            .as_object()
            .unwrap()
            .keys()
            .collect::<Vec<_>>()
            .join(" "),
        row.items("required")
            .iter()
            .filter_map(Json::as_str)
            .collect::<Vec<_>>()
            .join(" ")
    );
    assert!(proof(&disk).is_clean());
    // A row that was renamed is read back by its names.
    let mapping = Object::from([("judge", Json::from("messages"))]);
    assert!(
        Columns::new(&mapping).is_err(),
        "two columns of one name are refused"
    );
}

/// A run whose columns are renamed is bundled under the names of the configuration, whatever they are called in its files.
#[test]
fn acceptance_8_2_12_a_run_with_renamed_columns_is_bundled() {
    let bench = Bench::new(searching(4, Dialogue::PLAIN))
        .set("run.total_samples", 3)
        .set("saving.output_columns.messages", "chat")
        .set("saving.output_columns.assistant_reasoning", "messages");
    bench.run();
    let made = bundle(&bench.disk, &bench.config()).unwrap();
    assert_eq!((made.facts.rows, made.facts.leftovers), (3, 0));
    let files = shown(&bench.disk);
    assert!(rows(&files[JUDGED]).iter().all(|row| {
        row.items("messages")
            .iter()
            .all(|turn| turn.get("reasoning_trace").is_some())
    }));
    assert!(proof(&bench.disk).is_clean());
    let plain = bundle_in(&bench.disk, "/plain", &config(&[])).unwrap();
    assert_eq!((plain.facts.rows, plain.facts.leftovers), (3, 0));
}

#[test]
fn the_file_is_the_one_that_was_asked_for() {
    // Nothing was judged: the other file, and the reason.
    let disk = foreign(&[]);
    put(&disk, &format!("/out/{PLAIN}"), &lines(&[row(2)]));
    let made = bundle(&disk, &config(&[])).unwrap();
    assert_eq!(made.source, PLAIN);
    assert_eq!(made.why, format!("{JUDGED} is empty: nothing was judged"));
    assert!(text(&shown(&disk)["README.md"]).contains("is empty: nothing was judged"));
    // Asked for by name: nothing else is taken.
    let asked = config(&[("saving.hf_push.source_file", Json::from(JUDGED))]);
    let error = bundle(&disk, &asked).unwrap_err();
    assert!(
        matches!(
            &error,
            BundleError::Source {
                what: "is empty",
                ..
            }
        ),
        "{error}"
    );
    let asked = config(&[("saving.hf_push.source_file", Json::from("other.jsonl"))]);
    let error = bundle(&disk, &asked).unwrap_err();
    assert!(
        matches!(
            &error,
            BundleError::Source {
                what: "is not there",
                ..
            }
        ),
        "{error}"
    );
    // Neither is there.
    let error = bundle(&MemDisk::new(), &config(&[])).unwrap_err();
    assert!(matches!(&error, BundleError::NoRows { .. }), "{error}");
    assert!(
        error.to_string().contains(JUDGED) && error.to_string().contains(PLAIN),
        "{error}"
    );
}

#[test]
fn rows_that_are_not_committed_do_not_count() {
    let bench = Bench::new(searching(4, Dialogue::PLAIN)).set("run.total_samples", 2);
    bench.run();
    for name in [JUDGED, "conversations_index.jsonl"] {
        let path = Path::new("/out").join(name);
        let mut file = bench.disk.open_append(&path).unwrap();
        file.write_all(b"{\"half a row").unwrap();
    }
    let made = bundle(&bench.disk, &bench.config()).unwrap();
    assert_eq!(made.facts.rows, 2);
    assert!(proof(&bench.disk).is_clean());
}

#[test]
fn judgements_that_were_made_later_are_named() {
    let disk = foreign(&[1]);
    let lines = "{\"model\": \"a\"}\n{\"model\": \"b|\"}\n{\"model\": \"a\"}\n";
    put(&disk, "/out/judgements.jsonl", lines.as_bytes());
    bundle(&disk, &config(&[])).unwrap();
    let card = text(&shown(&disk)["README.md"]);
    let says = "Judgements made after the runs, by model: `a` (2), `b\\|` (1).";
    assert!(card.contains(says), "{card}");
    assert!(proof(&disk).is_clean());
}

#[test]
fn damaged_rows_are_named_and_nothing_is_written() {
    for (line, says) in [
        (
            "{\"messages\": [}",
            "conversations_sharegpt_judged.jsonl:2: ",
        ),
        ("[1]", ":2: expected an object, found array"),
        (
            "{\"messages\": [], \"messages_with_tools\": []}",
            ":2: metadata: the column is missing",
        ),
        (
            "{\"messages\": {}, \"messages_with_tools\": [], \"metadata\": {}, \"user_reasoning\": [], \"assistant_reasoning\": []}",
            ":2: messages: expected a list of messages",
        ),
        ("", ":2: "),
    ] {
        let disk = MemDisk::new();
        let mut bytes = lines(&[row(1)]);
        bytes.extend_from_slice(line.as_bytes());
        bytes.push(b'\n');
        bytes.extend(lines(&[row(2)]));
        put(&disk, &format!("/out/{JUDGED}"), &bytes);
        let error = bundle(&disk, &config(&[])).unwrap_err();
        assert!(
            matches!(error, BundleError::Damaged { line: 2, .. }),
            "{error}"
        );
        assert!(error.to_string().contains(says), "{error}");
        assert!(!error.hint().is_empty());
        assert!(shown(&disk).is_empty(), "{line}");
    }
    // A last line that was cut.
    let disk = MemDisk::new();
    let bytes = lines(&[row(1), row(2)]);
    put(&disk, &format!("/out/{JUDGED}"), &bytes[..bytes.len() - 9]);
    let error = bundle(&disk, &config(&[])).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with(":2: the line is cut: it has no line feed"),
        "{error}"
    );
}

#[test]
fn a_folder_that_is_not_ours_is_left_alone() {
    let disk = foreign(&[1]);
    let config = config(&[]);
    put(&disk, &format!("{DIR}/notes.txt"), b"mine");
    let before = disk.files();
    let error = bundle(&disk, &config).unwrap_err();
    assert!(
        matches!(&error, BundleError::NotOurs { name, .. } if name == "notes.txt"),
        "{error}"
    );
    // The output folder itself, which holds what the bundle is made of.
    let error = bundle_in(&disk, "/out", &config).unwrap_err();
    assert!(matches!(&error, BundleError::NotOurs { .. }), "{error}");
    assert_eq!(disk.files(), before);
}

#[test]
fn what_a_person_put_into_a_bundle_stays() {
    let disk = foreign(&[1]);
    let settings = config(&[]);
    bundle(&disk, &settings).unwrap();
    // A file of theirs stays when the bundle is replaced.
    put(&disk, &format!("{DIR}/LICENSE"), b"mine");
    put(
        &disk,
        "/out/conversations_sharegpt_judged.jsonl",
        &lines(&[row(3)]),
    );
    assert!(bundle(&disk, &settings).unwrap().replaced);
    assert_eq!(shown(&disk)["LICENSE"], b"mine");
    assert_eq!(proof(&disk).notes, ["LICENSE is no file of the bundle"]);
    // A file of the bundle may not take its place.
    let meeting = config(&[("saving.hf_push.stats_file", Json::from("LICENSE"))]);
    let error = bundle(&disk, &meeting).unwrap_err();
    assert!(
        matches!(&error, BundleError::NotOurs { name, .. } if name == "LICENSE"),
        "{error}"
    );
    // What they changed is not lost either.
    put(&disk, &format!("{DIR}/README.md"), b"better words");
    let before = shown(&disk);
    let error = bundle(&disk, &settings).unwrap_err();
    assert!(
        matches!(&error, BundleError::Changed { path } if path.ends_with("README.md")),
        "{error}"
    );
    assert_eq!(shown(&disk), before);
    // Once it is away, it is made anew.
    disk.remove(&Path::new(DIR).join("README.md")).unwrap();
    bundle(&disk, &settings).unwrap();
    assert!(proof(&disk).is_clean());
}

#[test]
fn an_old_bundle_leaves_nothing_behind() {
    let disk = foreign(&[1]);
    bundle(&disk, &config(&[])).unwrap();
    assert!(shown(&disk).contains_key("plots/turn_count_distribution.svg"));
    let bare = config(&[
        ("saving.hf_push.generate_plots", Json::from(false)),
        ("saving.hf_push.generate_stats", Json::from(false)),
    ]);
    bundle(&disk, &bare).unwrap();
    let names: Vec<String> = shown(&disk).into_keys().collect();
    assert_eq!(names, ["README.md", "bundle.json", JUDGED, "schema.json"]);
    assert!(proof(&disk).is_clean());
}

#[test]
fn files_of_a_bundle_have_different_names() {
    let disk = foreign(&[1]);
    for (key, name) in [
        ("saving.hf_push.stats_file", "README.md"),
        ("saving.hf_push.plots_dir", "bundle.json"),
        ("saving.hf_push.stats_file", JUDGED),
    ] {
        let error = bundle(&disk, &config(&[(key, Json::from(name))])).unwrap_err();
        assert!(
            matches!(&error, BundleError::SameName { name: found } if found == name),
            "{error}"
        );
    }
    assert!(shown(&disk).is_empty());
}

#[test]
fn one_process_at_a_time() {
    let disk = foreign(&[1]);
    let held = RunLock::acquire(&disk, Path::new(DIR), "another process").unwrap();
    let error = bundle(&disk, &config(&[])).unwrap_err();
    assert!(
        matches!(&error, BundleError::Journal(JournalError::Locked { .. })),
        "{error}"
    );
    drop(held);
    bundle(&disk, &config(&[])).unwrap();
}

/// Whatever happens at whatever point: the next process finds the bundle that was there or the new one, whole.
#[test]
fn at_every_point_the_bundle_is_wholly_old_or_wholly_new() {
    let settings = config(&[("saving.hf_push.include_run_state", Json::from(true))]);
    let prepare = || {
        let disk = foreign(&[1, 2]);
        put(&disk, "/out/run_state/r.json", b"{}");
        bundle(&disk, &settings).unwrap();
        let rows = lines(&[row(2), row(3), row(5)]);
        put(&disk, &format!("/out/{JUDGED}"), &rows);
        disk.remove(Path::new("/out/run_state/r.json")).unwrap();
        disk.sync_dir(Path::new("/out/run_state")).unwrap();
        disk
    };
    let whole = prepare();
    let (old, before) = (shown(&whole), whole.points());
    bundle(&whole, &settings).unwrap();
    let (new, points) = (shown(&whole), whole.points());
    assert!(old.contains_key("run_state/r.json") && !new.contains_key("run_state/r.json"));
    assert!(points > before + 40, "{} points", points - before);
    let (mut stayed, mut went) = (0, 0);
    for at in before + 1..=points {
        for then in Then::ALL {
            let disk = prepare();
            disk.set_fault(Fault {
                at,
                kind: then.fault(),
            });
            let ended = bundle(&disk, &settings);
            let after = then.next(&disk, at);
            assert!(is_bundle(&after, Path::new(DIR), "the next process").unwrap());
            let found = shown(&after);
            if ended.is_ok() {
                assert_same(
                    &found,
                    &new,
                    &format!("{then:?} at {at}, which did no harm"),
                );
            }
            let is_old = found == old;
            if is_old {
                stayed += 1;
            } else {
                went += 1;
                assert_same(
                    &found,
                    &new,
                    &format!("{then:?} at {at}: {:?}", disk.point(at)),
                );
            }
            assert!(proof(&after).is_clean(), "{then:?} at {at}");
            // And it can be made on this disk.
            bundle(&after, &settings).unwrap();
            assert_same(
                &shown(&after),
                &new,
                &format!("again after {then:?} at {at}"),
            );
        }
    }
    println!(
        "{} points, five faults each: {stayed} left the old bundle, {went} the new one",
        points - before
    );
    assert!(stayed > 0 && went > 0);
}
