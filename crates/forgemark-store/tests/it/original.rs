//! Tables that the original's published wheel wrote: we read what it reads.

use forgemark_contract::json::Json;
use forgemark_contract::store::search::related;
use forgemark_contract::store::select::{Filter, Visibility};
use forgemark_contract::store::{
    At, ContextRecord, Edit, IndexKind, Key, Metric, Parts, RecordStore, Scan, Search, Snapshot,
    StateMetadata, StoreError, Stores as _,
};
use forgemark_contract::time::Timestamp;
use forgemark_store::LanceStores;

use crate::python::Python;

/// The instant of the test, for what is expired: the wheel takes its own clock, and all instants are days away.
fn now() -> Timestamp {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    Timestamp(since.as_micros().try_into().unwrap())
}

fn record(json: &Json) -> ContextRecord {
    ContextRecord::from_json(json).unwrap_or_else(|error| panic!("{error}: {json:?}"))
}

/// What both programs say of a row: the wheel does not tell a struct of nulls from a null.
fn comparable(mut row: ContextRecord) -> ContextRecord {
    row.state_metadata = row
        .state_metadata
        .filter(|state| *state != StateMetadata::default());
    row
}

fn list(snapshot: &dyn Snapshot, expired: bool, retired: bool) -> Vec<ContextRecord> {
    let scan = Scan {
        visibility: Some(Visibility {
            include_expired: expired,
            include_retired: retired,
            reference_time: now(),
        }),
        ..Scan::everything()
    };
    let rows = snapshot.scan(&scan).unwrap();
    rows.map(|row| comparable(row.unwrap().1)).collect()
}

fn open(table: &str) -> Box<dyn RecordStore> {
    LanceStores.open(table).unwrap()
}

fn approximately(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-5 * a.abs().max(1.0)
}

fn check_search(snapshot: &dyn Snapshot, expected: &Json, what: &str) {
    let vector = expected.at("vector").as_array();
    let search = Search {
        text: expected.at("text").as_str().map(str::to_owned),
        vector: vector.map(|vector| vector.iter().map(|v| v.as_f64().unwrap() as f32).collect()),
        k: 12,
        visibility: Visibility::at(now()),
        filter: Filter::none(),
        approximate: false,
    };
    let hits = snapshot.search(&search).unwrap();
    let ours: Vec<&str> = hits.iter().map(|hit| hit.record.id.as_str()).collect();
    let theirs: Vec<&str> = expected
        .items("hits")
        .iter()
        .map(|hit| hit.at("id").as_str().unwrap())
        .collect();
    assert_eq!(ours, theirs, "{what}");
    for (hit, expected) in hits.iter().zip(expected.items("hits")) {
        let distance = expected.at("distance").as_f64();
        let score = expected.at("text_score").as_f64();
        let equal = |ours: Option<f32>, theirs: Option<f64>| match (ours, theirs) {
            (Some(ours), Some(theirs)) => approximately(f64::from(ours), theirs),
            (ours, theirs) => ours.is_none() && theirs.is_none(),
        };
        assert!(
            equal(hit.distance, distance),
            "{what}: {hit:?} {expected:?}"
        );
        assert!(equal(hit.text_score, score), "{what}: {hit:?} {expected:?}");
        if search.text.is_some() && search.vector.is_some() {
            assert!(
                approximately(hit.score, expected.at("score").as_f64().unwrap()),
                "{what}"
            );
        }
    }
}

mod heavy {
    use super::*;

    #[test]
    fn we_list_what_the_wheel_lists_after_any_operations() {
        let Some(python) = Python::new() else { return };
        for seed in ["1", "2", "3"] {
            let folder = tempfile::tempdir().unwrap();
            let table = folder.path().join("table");
            let table = table.to_str().unwrap();
            let expected = python.json("original.py", &[table, seed, "20"]);
            let snapshot = open(table).snapshot(&At::Latest).unwrap();
            for listed in expected.items("lists") {
                let expired = listed.bool_or("include_expired", false);
                let retired = listed.bool_or("include_retired", false);
                let rows: Vec<ContextRecord> = listed.items("rows").iter().map(record).collect();
                let ours = list(snapshot.as_ref(), expired, retired);
                assert!(!retired || !rows.is_empty(), "seed {seed} tries nothing");
                assert_eq!(ours, rows, "seed {seed}, {expired} {retired}");
            }
            for (external, theirs) in expected.at("gets").as_object().unwrap() {
                // The wheel gets what is visible; we get what is there.
                if !theirs.is_null() {
                    let ours = snapshot.get(&Key::External(external.to_owned())).unwrap();
                    assert_eq!(comparable(ours.unwrap()), record(theirs), "seed {seed}");
                }
            }
            for search in expected.items("searches") {
                check_search(
                    snapshot.as_ref(),
                    search,
                    &format!("seed {seed}: {search:?}"),
                );
            }
            let ours = related(
                snapshot.as_ref(),
                "e1",
                Some("cites"),
                Visibility::at(now()),
            );
            let ours: Vec<String> = ours.unwrap().into_iter().map(|row| row.id).collect();
            let theirs = expected
                .items("related")
                .iter()
                .map(|id| id.as_str().unwrap());
            assert_eq!(ours, theirs.collect::<Vec<_>>(), "seed {seed}");
            let stats = snapshot.stats().unwrap();
            assert_eq!(Some(stats.metric.word()), expected.at("metric").as_str());
            assert_eq!((stats.dimensions, stats.foreign), (Some(4), true));
            assert_eq!(stats.rows, list_all(snapshot.as_ref()).len() as u64);
            assert_eq!(expected.at("version").as_u64(), Some(snapshot.version()));
        }
    }

    fn list_all(snapshot: &dyn Snapshot) -> Vec<ContextRecord> {
        let rows = snapshot.scan(&Scan::everything()).unwrap();
        rows.map(|row| row.unwrap().1).collect()
    }

    #[test]
    fn a_table_of_the_wheel_is_only_read_and_its_versions_have_no_generations() {
        let Some(python) = Python::new() else { return };
        let folder = tempfile::tempdir().unwrap();
        let table = folder.path().join("table");
        let table = table.to_str().unwrap();
        let listed = python.json("fixed.py", &[table]);
        let store = open(table);
        let snapshot = store.snapshot(&At::Latest).unwrap();
        let everything = list_all(snapshot.as_ref());
        let listed: Vec<_> = listed
            .as_array()
            .unwrap()
            .iter()
            .map(Json::as_str)
            .collect();
        let ours: Vec<_> = everything.iter().map(|row| Some(row.id.as_str())).collect();
        assert_eq!(ours, listed);
        let texts: Vec<_> = everything
            .iter()
            .filter_map(|row| row.text_payload.clone())
            .collect();
        let kept = (0..12).filter(|n| ![1, 9].contains(n));
        let base = ["base 2", "base 0"].map(str::to_owned).into_iter();
        let expected = base.chain(kept.map(|n| format!("text {n}")));
        assert_eq!(texts, expected.collect::<Vec<_>>());
        let stats = snapshot.stats().unwrap();
        assert_eq!((stats.rows, stats.tombstones, stats.dead_rows), (12, 3, 3));
        assert_eq!(stats.metric, Metric::L2);
        assert!(stats.bytes > 0 && stats.files == 5, "{stats:?}");

        let row = everything[4].clone();
        let numbers = snapshot.scan(&Scan::everything()).unwrap();
        let numbers: Vec<_> = numbers.map(|row| row.unwrap().0).collect();
        let taken = snapshot
            .take(&[numbers[4], numbers[0], numbers[4]], Parts::ALL)
            .unwrap();
        assert_eq!(taken, [row.clone(), everything[0].clone(), row.clone()]);
        let page = Scan {
            offset: 3,
            limit: Some(2),
            ..Scan::everything()
        };
        let page: Vec<_> = snapshot
            .scan(&page)
            .unwrap()
            .map(|row| row.unwrap().1)
            .collect();
        assert_eq!(page, everything[3..5]);
        let filtered = Scan {
            filter: Filter::column_equals("text_payload", "text 7"),
            parts: Parts::KEYS,
            ..Scan::everything()
        };
        let found: Vec<_> = snapshot
            .scan(&filtered)
            .unwrap()
            .map(|row| row.unwrap().1)
            .collect();
        assert_eq!(found.len(), 1, "a filter reads what it needs");
        assert_eq!(found[0].text_payload, None, "and gives what is asked for");

        let versions = store.versions().unwrap();
        let ids_at = |number| {
            let numbered = store.snapshot(&At::Version(number)).unwrap();
            let rows = list_all(numbered.as_ref()).into_iter();
            rows.map(|row| row.id).collect::<Vec<_>>()
        };
        // Nothing says which rows beside the base were there then.
        assert_eq!(
            ids_at(versions.last().unwrap().number),
            ["base-2", "base-1", "base-0"]
        );
        assert_eq!(ids_at(versions[0].number), Vec::<String>::new());
        let none = store.snapshot(&At::Version(99)).map(|_| ()).unwrap_err();
        assert!(matches!(none, StoreError::NoVersion { .. }), "{none}");
        for refused in [
            store.write(vec![Edit::Add(row)], now()).map(|_| ()),
            store.compact().map(|_| ()),
            store.build_index(IndexKind::Keys),
            store.set_tag("t", 1),
        ] {
            let error = refused.unwrap_err();
            assert!(matches!(error, StoreError::ReadOnly { .. }), "{error}");
            assert!(
                error.to_string().contains("forgemark store ingest NEW"),
                "{error}"
            );
        }
        assert_eq!(store.fsck().unwrap(), []);
    }
}
