//! Filters that the scan evaluates mean what they mean for a record.

use forgemark_contract::json::{Json, parse_str};
use forgemark_contract::store::memory::MemoryStore;
use forgemark_contract::store::select::{Condition, Filter, Path, Visibility};
use forgemark_contract::store::{ContextRecord, Edit, RecordStore, Scan, StateMetadata};
use forgemark_contract::store::{IndexKind, StoreOptions};
use forgemark_contract::time::Timestamp;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::support::{ids_of, latest, row, temporary, write};

/// Records that differ in every column that a filter may look at.
fn records() -> Vec<ContextRecord> {
    let texts = [None, Some("a"), Some("b"), Some("web"), Some("")];
    let metadata = [
        "null",
        "{}",
        r#"{"k":1}"#,
        r#"{"k":1.0,"source":"web"}"#,
        r#"{"k":"web","tenant":"a"}"#,
        r#"{"k":["a",2],"tenant":null}"#,
        r#"{"k":{"deep":"2030-01-01T00:00:00Z"}}"#,
        r#""web""#,
    ];
    let text = |place: usize| texts[place % texts.len()].map(str::to_owned);
    let record = |place: usize| ContextRecord {
        external_id: place.is_multiple_of(4).then(|| format!("e{place}")),
        run_id: text(place).unwrap_or_default(),
        session_id: text(place / 2),
        tenant: text(place / 3),
        source: text(place / 5),
        text_payload: text(place / 7),
        role: ["user", "assistant", "web"][place % 3].to_owned(),
        metadata: Some(parse_str(metadata[place % metadata.len()]).unwrap()),
        state_metadata: place.is_multiple_of(3).then(|| StateMetadata {
            step: Some((place % 4) as i64),
            custom: text(place),
            ..StateMetadata::default()
        }),
        created_at: Timestamp((place as i64 - 20) * 1_000_000),
        updated_at: place.is_multiple_of(5).then_some(Timestamp(place as i64)),
        expires_at: place
            .is_multiple_of(6)
            .then(|| Timestamp(place as i64 * 1000)),
        retired_at: place.is_multiple_of(11).then_some(Timestamp(1)),
        lifecycle_status: ["active", "contradicted", "gone"][place % 3].to_owned(),
        supersedes_id: place
            .is_multiple_of(9)
            .then(|| format!("r{:02}", place / 2)),
        superseded_by_id: place.is_multiple_of(13).then(|| "x".to_owned()),
        seq: place.is_multiple_of(2).then_some(place as i64 % 4),
        ..row(&format!("r{place:02}"))
    };
    (0..60).map(record).collect()
}

fn any_value() -> impl Strategy<Value = Json> {
    let values = [
        "null",
        "1",
        "1.0",
        "2",
        "true",
        r#""a""#,
        r#""b""#,
        r#""web""#,
        r#""""#,
        r#""user""#,
        r#""e""#,
        r#""r1""#,
        r#""1970-01-01T00:00:03Z""#,
        r#""1970-01-01T00:00:03+00:00""#,
        r#""2030-01-01T00:00:00Z""#,
        r#"["a",2]"#,
        "{}",
    ];
    prop::sample::select(values.to_vec()).prop_map(|text| parse_str(text).unwrap())
}

fn any_filter() -> impl Strategy<Value = Filter> {
    let names = [
        "id",
        "external_id",
        "run_id",
        "session_id",
        "tenant",
        "source",
        "role",
        "lifecycle_status",
        "text_payload",
        "created_at",
        "updated_at",
        "seq",
        "expires_at",
        "supersedes_id",
        "metadata",
        "state_metadata",
        "no_such",
    ];
    let columns = prop::sample::select(names.to_vec()).prop_map(Path::column);
    let paths = [
        "metadata.k",
        "metadata.k.deep",
        "metadata.source",
        "state_metadata.step",
        "state_metadata.custom",
    ];
    let paths = prop::sample::select(paths.to_vec()).prop_map(|path| Path::parse(path).unwrap());
    let path = prop_oneof![2 => columns, 1 => paths];
    let condition = prop_oneof![
        any_value().prop_map(Condition::Equals),
        any_value().prop_map(Condition::Contains),
        (any_value(), any_value()).prop_map(|(low, high)| Condition::Between(low, high)),
        prop::collection::vec(any_value(), 0..3).prop_map(Condition::OneOf),
        Just(Condition::Missing),
    ];
    let leaf = (path, condition).prop_map(|(path, condition)| Filter::Field(path, condition));
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Filter::All),
            prop::collection::vec(inner.clone(), 0..3).prop_map(Filter::Any),
            inner.prop_map(|filter| Filter::Not(Box::new(filter))),
        ]
    })
}

fn any_scan() -> impl Strategy<Value = Scan> {
    let visibility = (any::<bool>(), any::<bool>(), 0..60_i64);
    let visibility = visibility.prop_map(|(include_expired, include_retired, at)| Visibility {
        include_expired,
        include_retired,
        reference_time: Timestamp(at * 1000),
    });
    let limit = prop::option::of(0..20_u64);
    (prop::option::of(visibility), any_filter(), 0..5_u64, limit).prop_map(
        |(visibility, filter, offset, limit)| Scan {
            visibility,
            filter,
            offset,
            limit,
            ..Scan::everything()
        },
    )
}

/// Compares a store with the one in memory, which asks every record.
fn compare(store: &dyn RecordStore, memory: &MemoryStore, cases: u32) {
    let (snapshot, model) = (latest(store), latest(memory));
    let mut runner = TestRunner::new(ProptestConfig {
        cases,
        ..ProptestConfig::default()
    });
    let compared = runner.run(&any_scan(), |scan| {
        prop_assert_eq!(ids_of(&*snapshot, &scan), ids_of(&*model, &scan));
        Ok(())
    });
    if let Err(error) = compared {
        panic!("{error}");
    }
}

#[test]
fn a_scan_lets_through_what_the_filter_says_of_records() {
    let kept = temporary(&StoreOptions::default());
    let options = StoreOptions::default();
    let memory = MemoryStore::of_records("m", records(), &options).unwrap();
    let edits: Vec<Edit> = records().into_iter().map(Edit::Add).collect();
    for some in edits.chunks(25) {
        write(&*kept.store, some.to_vec());
    }
    compare(&*kept.store, &memory, 150);
    // The same when the rows do not lie in their order, and when an index answers.
    let changes = ["r03", "r30", "r59"].map(|id| crate::support::patch(id, r#"{"bot_id":"x"}"#));
    write(&*kept.store, changes.to_vec());
    write(&memory, changes.to_vec());
    kept.store.build_index(IndexKind::Keys).unwrap();
    compare(&*kept.store, &memory, 100);
}
