use proptest::prelude::*;

use super::*;
use crate::store::select::{Filter, Visibility};

fn row(id: &str) -> ContextRecord {
    ContextRecord::text(id, "user", format!("text of {id}"), Timestamp(1))
}

fn store(ids: &[&str]) -> MemoryStore {
    let rows = ids.iter().map(|id| row(id));
    MemoryStore::of_records("m", rows, &StoreOptions::default()).unwrap()
}

fn ids(snapshot: &dyn Snapshot) -> Vec<String> {
    let rows = snapshot.scan(&Scan::everything()).unwrap();
    rows.map(|row| row.unwrap().1.id).collect()
}

fn delete(id: &str) -> Edit {
    Edit::Delete(Key::Id(id.to_owned()))
}

#[test]
fn a_snapshot_shows_its_version_for_ever() {
    let store = store(&["a", "b"]);
    let pinned = store.snapshot(&At::Latest).unwrap();
    let written = store.write(vec![delete("a"), Edit::Add(row("c"))], Timestamp(2));
    assert_eq!(written.unwrap().version, pinned.version() + 1);
    assert_eq!(ids(&*pinned), ["a", "b"]);
    assert_eq!(ids(&*store.snapshot(&At::Latest).unwrap()), ["b", "c"]);
    let back = store.snapshot(&At::Version(pinned.version())).unwrap();
    assert_eq!(ids(&*back), ["a", "b"]);
}

#[test]
fn a_write_that_fails_or_changes_nothing_makes_no_version() {
    let store = store(&["a"]);
    let before = store.versions().unwrap();
    assert!(
        store
            .write(vec![Edit::Add(row("b")), Edit::Add(row("a"))], Timestamp(2))
            .is_err()
    );
    let written = store.write(Vec::new(), Timestamp(2)).unwrap();
    assert_eq!(written.version, before.last().unwrap().number);
    assert_eq!(store.versions().unwrap(), before);
}

#[test]
fn tags_pin_and_clean_up_spares_them() {
    let store = store(&["a"]);
    for id in ["b", "c", "d"] {
        store.write(vec![Edit::Add(row(id))], Timestamp(2)).unwrap();
    }
    store.set_tag("cut", 3).unwrap();
    assert!(matches!(
        store.set_tag("cut", 4),
        Err(StoreError::TagExists { version: 3, .. })
    ));
    let cleaned = store.clean_up(Timestamp(9), &[2]).unwrap();
    assert_eq!(cleaned.versions, 2);
    let left: Vec<u64> = store.versions().unwrap().iter().map(|v| v.number).collect();
    assert_eq!(left, [2, 3, 5]);
    assert_eq!(
        ids(&*store.snapshot(&At::Tag("cut".to_owned())).unwrap()),
        ["a", "b"]
    );
    let gone = store.snapshot(&At::Version(4)).err().unwrap().to_string();
    assert_eq!(gone, "m: there is no version 4; there are 2, 3, 5 and cut");
}

#[test]
fn stores_are_found_by_name() {
    let stores = MemoryStores::default();
    assert!(matches!(stores.open("x"), Err(StoreError::NotFound { .. })));
    let made = stores.create("x", &StoreOptions::default()).unwrap();
    made.write(vec![Edit::Add(row("a"))], Timestamp(2)).unwrap();
    let opened = stores.open("x").unwrap();
    assert_eq!(ids(&*opened.snapshot(&At::Latest).unwrap()), ["a"]);
    assert!(matches!(
        stores.create("x", &StoreOptions::default()),
        Err(StoreError::Exists { .. })
    ));
}

#[test]
fn scans_give_numbers_that_take_finds_again_and_only_the_parts_asked_for() {
    let store = store(&["a", "b", "c", "d"]);
    store.write(vec![delete("b")], Timestamp(2)).unwrap();
    let snapshot = store.snapshot(&At::Latest).unwrap();
    let scan = Scan {
        parts: Parts::KEYS,
        offset: 1,
        limit: Some(1),
        ..Scan::everything()
    };
    let rows: Vec<_> = snapshot.scan(&scan).unwrap().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 1);
    assert_eq!(
        (rows[0].1.id.as_str(), &rows[0].1.text_payload),
        ("c", &None)
    );
    let taken = snapshot.take(&[rows[0].0, rows[0].0], Parts::ALL).unwrap();
    assert_eq!(taken, [row("c"), row("c")]);
    assert!(snapshot.take(&[RowNumber(1)], Parts::ALL).is_err());
    assert!(snapshot.take(&[RowNumber(u64::MAX)], Parts::ALL).is_err());
}

#[test]
fn a_search_filters_first_and_fuses_both_lists() {
    let store = MemoryStore::new("m", &StoreOptions::default());
    let with = |id: &str, text: &str, vector: [f32; 2]| {
        Edit::Add(ContextRecord {
            embedding: Some(vector.to_vec()),
            ..ContextRecord::text(id, "user", text, Timestamp(1))
        })
    };
    let edits = vec![
        with("a", "red green", [1.0, 0.0]),
        with("b", "red", [0.9, 0.1]),
        with("c", "blue", [0.0, 1.0]),
        Edit::Add(row("d")),
    ];
    store.write(edits, Timestamp(2)).unwrap();
    let snapshot = store.snapshot(&At::Latest).unwrap();
    let mut search = Search {
        text: Some("blue".to_owned()),
        vector: Some(vec![1.0, 0.0]),
        k: 2,
        visibility: Visibility::at(Timestamp(2)),
        filter: Filter::none(),
        approximate: false,
    };
    let found = |search: &Search| -> Vec<String> {
        let hits = snapshot.search(search).unwrap();
        hits.into_iter().map(|hit| hit.record.id).collect()
    };
    assert_eq!(found(&search), ["c", "a"]);
    search.text = None;
    assert_eq!(found(&search), ["a", "b"]);
    search.filter = Filter::Not(Box::new(Filter::column_equals("id", "a")));
    assert_eq!(found(&search), ["b", "c"]);
    search.vector = Some(vec![1.0]);
    let error = snapshot.search(&search).unwrap_err().to_string();
    assert!(
        error.contains("it has 1 values, and the store's vectors have 2"),
        "{error}"
    );
}

#[test]
fn a_model_is_declared_once_vectors_are_there() {
    let store = store(&["a"]);
    let model = |name: &str, dimensions| VectorModel {
        name: name.to_owned(),
        digest: "d".to_owned(),
        dimensions,
    };
    store.declare_vectors(&model("one", 2)).unwrap();
    store.declare_vectors(&model("two", 2)).unwrap();
    assert!(store.declare_vectors(&model("two", 3)).is_err());
    let vector = ContextRecord {
        embedding: Some(vec![1.0, 0.0]),
        ..row("v")
    };
    store.write(vec![Edit::Add(vector)], Timestamp(2)).unwrap();
    let versions = store.versions().unwrap().len();
    store.declare_vectors(&model("two", 2)).unwrap();
    assert_eq!(store.versions().unwrap().len(), versions);
    assert!(store.declare_vectors(&model("one", 2)).is_err());
    let stats = store.snapshot(&At::Latest).unwrap().stats().unwrap();
    assert_eq!((stats.vectors, stats.model), (1, Some(model("two", 2))));
    assert_eq!(store.fsck().unwrap(), []);
}

/// Edits over few keys, so that they meet.
fn any_edit() -> impl Strategy<Value = Edit> {
    let id = (0..5_u8).prop_map(|id| format!("r{id}"));
    let external = prop::option::of((0..4_u8).prop_map(|id| format!("e{id}")));
    let record = (id.clone(), external, prop::option::of(id.clone()), 0..3_u8);
    let record = record.prop_map(|(id, external_id, supersedes_id, text)| ContextRecord {
        external_id,
        supersedes_id,
        text_payload: Some(format!("text {text}")),
        ..row(&id)
    });
    let key = prop_oneof![
        id.prop_map(Key::Id),
        (0..4_u8).prop_map(|id| Key::External(format!("e{id}"))),
    ];
    let patch = (key.clone(), 0..4_u8).prop_map(|(key, external)| Edit::Patch {
        key,
        fields: crate::json::Object::from([("external_id", format!("e{external}").into())]),
    });
    prop_oneof![
        record.clone().prop_map(Edit::Add),
        record.clone().prop_map(Edit::Upsert),
        patch,
        (key.clone(), record).prop_map(|(key, record)| Edit::Supersede { key, record }),
        key.prop_map(Edit::Delete),
    ]
}

proptest! {
    #[test]
    fn keys_stay_unique_order_stays_and_nothing_that_was_hidden_by_an_edge_comes_back(
        lists in prop::collection::vec(prop::collection::vec(any_edit(), 1..4), 1..12)
    ) {
        let store = MemoryStore::new("m", &StoreOptions::default());
        let mut hidden: HashMap<String, Timestamp> = HashMap::new();
        for (step, edits) in lists.into_iter().enumerate() {
            let now = Timestamp(10 + step as i64);
            let before = store.snapshot(&At::Latest).unwrap();
            let mut results = Vec::new();
            if let Ok(written) = store.write(edits.clone(), now) {
                results = written.results;
            } else {
                prop_assert_eq!(store.snapshot(&At::Latest).unwrap().version(), before.version());
            }
            let after = store.snapshot(&At::Latest).unwrap();
            prop_assert_eq!(
                store.fsck().unwrap().into_iter().filter(|f| f.kind.starts_with("duplicate")).count(),
                0
            );
            // What was there and still is stands in the same order, in front of what is new.
            let fresh: HashSet<&String> = results.iter().filter_map(|result| match result {
                EditResult::Added(id) | EditResult::Deleted(id) => Some(id),
                _ => None,
            }).collect();
            let stays = |id: &String| !fresh.contains(id);
            let old: Vec<String> = ids(&*before).into_iter().filter(stays).collect();
            let new: Vec<String> = ids(&*after).into_iter().filter(stays).collect();
            prop_assert_eq!(old, new);
            // An id that is added anew is another record; every other one stays hidden.
            for id in &fresh {
                hidden.remove(*id);
            }
            let everything = Scan { visibility: Some(Visibility::at(now)), ..Scan::everything() };
            let visible: HashSet<String> = after.scan(&everything).unwrap().map(|row| row.unwrap().1.id).collect();
            for id in hidden.keys() {
                prop_assert!(!visible.contains(id), "{} came back", id);
            }
            for id in ids(&*after) {
                if !visible.contains(&id) {
                    hidden.insert(id, now);
                }
            }
        }
    }
}
