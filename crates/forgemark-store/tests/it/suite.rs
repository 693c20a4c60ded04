//! What every store does, tried with the one in memory and the one on Lance.

use forgemark_contract::json::parse_str;
use forgemark_contract::store::memory::MemoryStores;
use forgemark_contract::store::{
    At, Bytes, ContextRecord, Edit, EditResult, IndexKind, Key, Metric, Parts, RecordStore,
    RowNumber, Scan, StoreError, StoreOptions, Stores, VectorModel,
};
use forgemark_contract::time::Timestamp;
use forgemark_store::LanceStores;

use crate::support::{add, delete, ids, latest, named, patch, place, row, visible, write};

/// Runs a test with a new store of each kind.
fn each(options: &StoreOptions, test: impl Fn(&dyn RecordStore, &str)) {
    let memory = MemoryStores::default();
    test(&*memory.create("memory", options).unwrap(), "memory");
    let (uri, _folder) = place();
    let store = LanceStores.create(&uri, options).unwrap();
    test(&*store, "lance");
}

fn plain(test: impl Fn(&dyn RecordStore, &str)) {
    each(&StoreOptions::default(), test);
}

/// A record with a value in every column.
fn full() -> ContextRecord {
    let text = r#"{"id":"full","external_id":"e","run_id":"r","bot_id":"b","session_id":"s","tenant":"t","source":"web","created_at":"2030-01-02T03:04:05.000006Z","role":"assistant","state_metadata":{"step":1,"active_plan_id":"p","tokens_used":11,"custom":"c"},"metadata":{"reward":0.5,"big":123456789012345678901234567890,"text":"ä\u0000\ud800"},"relationships":[{"target_id":"r0","relation":"answers","weight":0.1},{"target_id":"r1","relation":"follows"}],"expires_at":"2040-01-02T03:04:05Z","retention_policy":"long","lifecycle_status":"contradicted","retired_at":"2031-01-02T03:04:05Z","retired_reason":"old","supersedes_id":"x","superseded_by_id":"y","content_type":"text/plain","text_payload":"hi","binary_payload":"AAEC","payload_uri":"file:///no/where","payload_size":3,"payload_checksum":"sha256:0","embedding":[0.1,1.0,-2.5],"seq":3,"parent_id":"r0","branch_id":"main","candidate_group":"g","message":{"role":"assistant","content":[{"type":"text","text":"hi"}],"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}],"train":false},"updated_at":"2030-01-02T03:04:06Z","origin_digest":"d"}"#;
    ContextRecord::from_json(&parse_str(text).unwrap()).unwrap()
}

#[test]
fn a_record_comes_back_as_it_went_in() {
    plain(|store, kind| {
        let bare = ContextRecord::text("bare", "", "", Timestamp(-1));
        write(store, vec![Edit::Add(full()), Edit::Add(bare.clone())]);
        let snapshot = latest(store);
        let rows = snapshot.scan(&Scan::everything()).unwrap();
        let rows: Vec<ContextRecord> = rows.map(|row| row.unwrap().1).collect();
        assert_eq!(rows, [full(), bare], "{kind}");
        let found = snapshot.get(&Key::Id("full".to_owned())).unwrap();
        assert_eq!(found, Some(full()), "{kind}");
        let found = snapshot.get(&Key::External("e".to_owned())).unwrap();
        assert_eq!(found, Some(full()), "{kind}");
        assert_eq!(snapshot.get(&Key::Id("none".to_owned())).unwrap(), None);
    });
}

#[test]
fn only_the_parts_that_are_asked_for_are_read() {
    plain(|store, kind| {
        write(store, vec![Edit::Add(full())]);
        let scan = Scan {
            parts: Parts::KEYS,
            ..Scan::everything()
        };
        let snapshot = latest(store);
        let mut rows = snapshot.scan(&scan).unwrap();
        let (number, keys) = rows.next().unwrap().unwrap();
        let expected = ContextRecord {
            text_payload: None,
            message: None,
            metadata: None,
            state_metadata: None,
            embedding: None,
            binary_payload: None,
            ..full()
        };
        assert_eq!(keys, expected, "{kind}");
        let taken = snapshot.take(&[number, number], Parts::ALL).unwrap();
        assert_eq!(taken, [full(), full()], "{kind}");
        let wrong = snapshot.take(&[RowNumber(u64::MAX)], Parts::ALL);
        assert!(matches!(wrong, Err(StoreError::NoRecord { .. })), "{kind}");
    });
}

#[test]
fn keys_are_held_whatever_the_lifecycle_and_nothing_is_written_in_part() {
    plain(|store, kind| {
        let mut retired = named("a", "e");
        retired.retired_at = Some(Timestamp(1));
        let version = write(store, vec![Edit::Add(retired), add("b")]);
        for (edits, key) in [
            (vec![add("new"), add("b")], "b"),
            (vec![add("new"), Edit::Add(named("other", "e"))], "e"),
            (vec![add("new"), add("new")], "new"),
        ] {
            match store.write(edits, Timestamp(2)) {
                Err(StoreError::Duplicate { value, .. }) => assert_eq!(value, key, "{kind}"),
                other => panic!("{kind}: {other:?}"),
            }
        }
        let snapshot = latest(store);
        assert_eq!(snapshot.version(), version, "{kind}");
        assert_eq!(ids(&*snapshot), ["a", "b"], "{kind}");
    });
}

#[test]
fn lists_stay_in_the_order_of_insertion_through_changes() {
    plain(|store, kind| {
        write(store, ["a", "b", "c"].map(add).to_vec());
        write(store, ["d", "e"].map(add).to_vec());
        write(store, vec![patch("b", r#"{"metadata.reward":1}"#)]);
        write(
            store,
            vec![delete("c"), patch("d", r#"{"role":"assistant"}"#), add("f")],
        );
        assert_eq!(ids(&*latest(store)), ["a", "b", "d", "e", "f"], "{kind}");
        let page = Scan {
            offset: 1,
            limit: Some(3),
            ..Scan::everything()
        };
        let snapshot = latest(store);
        let rows = snapshot.scan(&page).unwrap();
        let page: Vec<ContextRecord> = rows.map(|row| row.unwrap().1).collect();
        let page: Vec<&str> = page.iter().map(|row| row.id.as_str()).collect();
        assert_eq!(page, ["b", "d", "e"], "{kind}");
        let changed = snapshot.get(&Key::Id("b".to_owned())).unwrap().unwrap();
        assert_eq!(changed.reward(), Some(1.0), "{kind}");
        assert_eq!(changed.updated_at, Some(Timestamp(5_000_000)), "{kind}");
        assert_eq!(changed.created_at, row("b").created_at, "{kind}");
        // A deleted id that is used again is a new record.
        write(store, vec![add("c")]);
        assert_eq!(
            ids(&*latest(store)),
            ["a", "b", "d", "e", "f", "c"],
            "{kind}"
        );
    });
}

#[test]
fn versions_pin_their_content() {
    plain(|store, kind| {
        let first = write(store, vec![add("a"), add("b")]);
        let pinned = latest(store);
        let second = write(
            store,
            vec![patch("a", r#"{"text_payload":"new"}"#), delete("b")],
        );
        assert!(second > first, "{kind}");
        store.set_tag("cut", first).unwrap();
        for snapshot in [
            pinned,
            store.snapshot(&At::Version(first)).unwrap(),
            store.snapshot(&At::Tag("cut".to_owned())).unwrap(),
        ] {
            assert_eq!(snapshot.version(), first, "{kind}");
            assert_eq!(ids(&*snapshot), ["a", "b"], "{kind}");
            let old = snapshot.get(&Key::Id("a".to_owned())).unwrap();
            assert_eq!(old, Some(row("a")), "{kind}");
        }
        assert_eq!(ids(&*latest(store)), ["a"], "{kind}");
        // Looking at an old version does not keep anyone from writing.
        write(store, vec![add("c")]);
        let tagged = store.versions().unwrap();
        let tagged: Vec<_> = tagged.iter().filter(|v| !v.tags.is_empty()).collect();
        assert_eq!(tagged.len(), 1, "{kind}");
        assert_eq!(
            (tagged[0].number, tagged[0].rows),
            (first, Some(2)),
            "{kind}"
        );
    });
}

#[test]
fn versions_and_tags_that_are_not_there_are_named() {
    plain(|store, kind| {
        let version = write(store, vec![add("a")]);
        let missing = store.snapshot(&At::Version(99)).err().unwrap();
        assert!(matches!(missing, StoreError::NoVersion { .. }), "{kind}");
        let missing = store.snapshot(&At::Tag("t".to_owned())).err().unwrap();
        assert!(matches!(missing, StoreError::NoVersion { .. }), "{kind}");
        store.set_tag("t", version).unwrap();
        let taken = store.set_tag("t", version).unwrap_err();
        assert!(
            matches!(taken, StoreError::TagExists { .. }),
            "{kind}: {taken}"
        );
        assert!(matches!(
            store.set_tag("u", 99),
            Err(StoreError::NoVersion { .. })
        ));
        store.remove_tag("t").unwrap();
        assert!(matches!(
            store.remove_tag("t"),
            Err(StoreError::NoVersion { .. })
        ));
    });
}

#[test]
fn a_deleted_record_brings_nothing_back() {
    plain(|store, kind| {
        write(store, vec![add("a")]);
        let newer = Edit::Supersede {
            key: Key::Id("a".to_owned()),
            record: named("b", "e"),
        };
        write(store, vec![newer]);
        let mut forward_only = row("c");
        forward_only.supersedes_id = Some("z".to_owned());
        write(store, vec![add("z"), Edit::Add(forward_only)]);
        assert_eq!(visible(&*latest(store)), ["b", "c"], "{kind}");
        write(store, vec![delete("b"), delete("c")]);
        assert_eq!(visible(&*latest(store)), [] as [&str; 0], "{kind}");
        assert_eq!(ids(&*latest(store)), ["a", "z"], "{kind}");
        let stats = latest(store).stats().unwrap();
        assert_eq!((stats.rows, stats.tombstones), (2, 2), "{kind}");
        write(store, vec![Edit::Add(named("b", "e"))]);
        assert_eq!(visible(&*latest(store)), ["b"], "{kind}");
        let again = store.write(vec![delete("c")], Timestamp(3));
        assert!(matches!(again, Err(StoreError::NoRecord { .. })), "{kind}");
    });
}

#[test]
fn an_upsert_adds_changes_or_leaves_alone() {
    plain(|store, kind| {
        let upsert = |text: &str| {
            let record = ContextRecord {
                text_payload: Some(text.to_owned()),
                ..named("u", "e")
            };
            store
                .write(vec![Edit::Upsert(record)], Timestamp(7))
                .unwrap()
        };
        let added = upsert("one");
        assert_eq!(added.results, [EditResult::Added("u".to_owned())], "{kind}");
        let same = upsert("one");
        assert_eq!(
            same.results,
            [EditResult::Unchanged("u".to_owned())],
            "{kind}"
        );
        assert_eq!(same.version, added.version, "{kind}");
        let changed = upsert("two");
        assert_eq!(
            changed.results,
            [EditResult::Changed("u".to_owned())],
            "{kind}"
        );
        assert_eq!(latest(store).stats().unwrap().rows, 1, "{kind}");
    });
}

#[test]
fn the_length_of_vectors_is_decided_once() {
    plain(|store, kind| {
        let vector = |id: &str, values: &[f32]| {
            Edit::Add(ContextRecord {
                embedding: Some(values.to_vec()),
                ..row(id)
            })
        };
        write(store, vec![add("before")]);
        write(store, vec![vector("a", &[1.0, 2.0])]);
        let wrong = store.write(vec![vector("b", &[1.0])], Timestamp(2));
        assert!(
            matches!(wrong, Err(StoreError::Dimensions { .. })),
            "{kind}"
        );
        let stats = latest(store).stats().unwrap();
        assert_eq!((stats.dimensions, stats.vectors), (Some(2), 1), "{kind}");
        assert_eq!(ids(&*latest(store)), ["before", "a"], "{kind}");
        let model = |digest: &str| VectorModel {
            name: "m".to_owned(),
            digest: digest.to_owned(),
            dimensions: 2,
        };
        store.declare_vectors(&model("1")).unwrap();
        store.declare_vectors(&model("1")).unwrap();
        assert!(store.declare_vectors(&model("2")).is_err(), "{kind}");
        let stats = latest(store).stats().unwrap();
        assert_eq!(stats.model, Some(model("1")), "{kind}");
        write(store, vec![vector("c", &[3.0, 4.0])]);
    });
    let fixed = StoreOptions {
        dimensions: Some(3),
        metric: Metric::Dot,
    };
    each(&fixed, |store, kind| {
        let stats = latest(store).stats().unwrap();
        assert_eq!(
            (stats.dimensions, stats.metric),
            (Some(3), Metric::Dot),
            "{kind}"
        );
        assert_eq!(stats.rows, 0, "{kind}");
    });
}

#[test]
fn compaction_changes_no_row_and_clean_up_spares_what_is_cited() {
    plain(|store, kind| {
        for id in ["a", "b", "c", "d", "e", "f"] {
            write(store, vec![add(id)]);
        }
        write(store, vec![patch("b", r#"{"role":"x"}"#), delete("a")]);
        let before = latest(store);
        store.set_tag("cut", before.version() - 2).unwrap();
        store.compact().unwrap();
        let after = latest(store);
        assert_eq!(ids(&*after), ids(&*before), "{kind}");
        assert_eq!(after.stats().unwrap().rows, 5, "{kind}");
        write(store, vec![add("g"), patch("c", r#"{"role":"y"}"#)]);
        assert_eq!(
            ids(&*latest(store)),
            ["b", "c", "d", "e", "f", "g"],
            "{kind}"
        );
        let cited = before.version() - 4;
        let far = Timestamp(i64::MAX);
        let cleaned = store.clean_up(far, &[cited]).unwrap();
        assert!(cleaned.versions > 0, "{kind}");
        let left: Vec<u64> = store.versions().unwrap().iter().map(|v| v.number).collect();
        let newest = latest(store).version();
        assert_eq!(left, [cited, before.version() - 2, newest], "{kind}");
        let old = store.snapshot(&At::Version(cited)).unwrap();
        assert_eq!(ids(&*old), ["a", "b", "c"], "{kind}");
        let gone = store.snapshot(&At::Version(before.version() - 3)).err();
        assert!(matches!(gone, Some(StoreError::NoVersion { .. })), "{kind}");
        assert_eq!(ids(&*latest(store)).len(), 6, "{kind}");
    });
}

#[test]
fn indexes_change_no_answer() {
    plain(|store, kind| {
        let with = |id: &str, at: f32| {
            Edit::Add(ContextRecord {
                embedding: Some(vec![at, 1.0]),
                ..named(id, &format!("e-{id}"))
            })
        };
        write(store, vec![with("a", 0.0), with("b", 0.5)]);
        for index in [IndexKind::Keys, IndexKind::Text, IndexKind::Vectors] {
            store.build_index(index).unwrap();
        }
        write(
            store,
            vec![with("c", 0.9), delete("a"), patch("b", r#"{"role":"x"}"#)],
        );
        let snapshot = latest(store);
        let found = |key: Key| snapshot.get(&key).unwrap().map(|row| row.id);
        assert_eq!(found(Key::Id("a".to_owned())), None, "{kind}");
        assert_eq!(
            found(Key::External("e-b".to_owned())).as_deref(),
            Some("b"),
            "{kind}"
        );
        assert_eq!(
            found(Key::Id("c".to_owned())).as_deref(),
            Some("c"),
            "{kind}"
        );
        let held = store.write(vec![Edit::Add(named("x", "e-b"))], Timestamp(2));
        assert!(matches!(held, Err(StoreError::Duplicate { .. })), "{kind}");
        store.compact().unwrap();
        store.build_index(IndexKind::Keys).unwrap();
        assert_eq!(ids(&*latest(store)), ["b", "c"], "{kind}");
        let snapshot = latest(store);
        let found = snapshot.get(&Key::External("e-b".to_owned())).unwrap();
        assert_eq!(found.map(|row| row.role).as_deref(), Some("x"), "{kind}");
        assert_eq!(store.fsck().unwrap(), [], "{kind}");
    });
}

#[test]
fn what_is_wrong_is_found() {
    plain(|store, kind| {
        let mut wrong = row("a");
        wrong.parent_id = Some("nobody".to_owned());
        wrong.embedding = Some(vec![0.0, 0.0]);
        write(store, vec![Edit::Add(wrong), add("b")]);
        let findings = store.fsck().unwrap();
        let kinds: Vec<&str> = findings.iter().map(|finding| finding.kind).collect();
        assert_eq!(kinds, ["vector-zero", "dangling-edge"], "{kind}");
    });
}

#[test]
fn hundreds_of_roles_and_bytes_survive() {
    plain(|store, kind| {
        let records = (0..300).map(|number| ContextRecord {
            role: format!("role {number}"),
            binary_payload: Some(Bytes(vec![number as u8; 3])),
            ..row(&format!("r{number:03}"))
        });
        let records: Vec<ContextRecord> = records.collect();
        write(store, records.iter().cloned().map(Edit::Add).collect());
        let snapshot = latest(store);
        let rows = snapshot.scan(&Scan::everything()).unwrap();
        let rows: Vec<ContextRecord> = rows.map(|row| row.unwrap().1).collect();
        assert_eq!(rows, records, "{kind}");
    });
}
