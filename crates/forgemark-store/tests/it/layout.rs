//! How a table looks to other programs.

use arrow_schema::{DataType, Schema, TimeUnit};
use forgemark_contract::shape::Record as _;
use forgemark_contract::store::{
    At, ContextRecord, Metric, Scan, StoreError, StoreOptions, Stores as _,
};
use forgemark_store::LanceStores;
use lance::Dataset;

use crate::support::{add, ids, latest, temporary, write};

fn schema(uri: &str) -> Schema {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let dataset = runtime.block_on(Dataset::open(uri)).unwrap();
    Schema::from(dataset.schema())
}

#[test]
fn the_columns_are_those_of_the_original_and_then_ours() {
    let kept = temporary(&StoreOptions {
        dimensions: Some(4),
        metric: Metric::Cosine,
    });
    let schema = schema(&kept.uri);
    let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
    let mut expected: Vec<&str> = ContextRecord::TABLE.fields.iter().map(|f| f.key).collect();
    expected.push("ordinal");
    assert_eq!(names, expected);
    let kind = |name: &str| schema.field_with_name(name).unwrap().data_type().clone();
    assert_eq!(kind("id"), DataType::Utf8);
    let instant = DataType::Timestamp(TimeUnit::Microsecond, None);
    assert_eq!(kind("created_at"), instant);
    assert_eq!(kind("role"), DataType::Utf8);
    assert_eq!(kind("metadata"), DataType::LargeUtf8);
    assert!(matches!(kind("embedding"), DataType::FixedSizeList(_, 4)));
    let metadata = schema.metadata();
    assert_eq!(metadata["lance-context:distance_metric"], "cosine");
    assert_eq!(metadata["forgemark:layout"], "1");
    let id = schema.field_with_name("id").unwrap();
    assert_eq!(id.metadata()["lance-schema:unenforced-primary-key"], "true");
}

#[test]
fn stores_that_are_not_there_or_are_there_already_are_named() {
    let kept = temporary(&StoreOptions::default());
    let again = LanceStores.create(&kept.uri, &StoreOptions::default());
    assert!(matches!(again.err(), Some(StoreError::Exists { .. })));
    let missing = LanceStores.open(&format!("{}-no", kept.uri)).err();
    assert!(
        matches!(missing, Some(StoreError::NotFound { .. })),
        "{missing:?}"
    );
    write(&*kept.store, vec![add("a")]);
    let other = LanceStores.open(&kept.uri).unwrap();
    assert_eq!(ids(&*latest(&*other)), ["a"]);
    // Each handle sees what the other wrote.
    write(&*other, vec![add("b")]);
    assert_eq!(ids(&*latest(&*kept.store)), ["a", "b"]);
}

#[test]
fn calls_work_inside_of_another_runtime() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let kept = temporary(&StoreOptions::default());
        write(&*kept.store, vec![add("a")]);
        assert_eq!(ids(&*latest(&*kept.store)), ["a"]);
    });
}

/// The data files of a table, in no order.
fn data_files(uri: &str) -> Vec<std::path::PathBuf> {
    let folder = std::path::Path::new(uri).join("data");
    let files = std::fs::read_dir(folder).unwrap();
    files.map(|file| file.unwrap().path()).collect()
}

#[test]
fn a_file_that_is_missing_is_found_and_older_versions_stay_readable() {
    let kept = temporary(&StoreOptions::default());
    let first = write(&*kept.store, vec![add("a")]);
    let before = data_files(&kept.uri);
    write(&*kept.store, vec![add("b")]);
    let added = data_files(&kept.uri);
    let added = added.iter().find(|file| !before.contains(file)).unwrap();
    std::fs::remove_file(added).unwrap();
    let store = LanceStores.open(&kept.uri).unwrap();
    let findings = store.fsck().unwrap();
    let kinds: Vec<&str> = findings.iter().map(|finding| finding.kind).collect();
    assert_eq!(kinds, ["file-missing"]);
    let snapshot = latest(&*store);
    let rows = snapshot.scan(&Scan::everything());
    let error = rows
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .unwrap_err();
    assert!(
        error.to_string().contains("forgemark store fsck"),
        "{error}"
    );
    let old = store.snapshot(&At::Version(first)).unwrap();
    assert_eq!(ids(&*old), ["a"]);
}

#[test]
fn a_file_that_is_cut_off_is_an_error_that_names_the_store() {
    let kept = temporary(&StoreOptions::default());
    write(&*kept.store, vec![add("a")]);
    for file in data_files(&kept.uri) {
        std::fs::write(file, b"LANC").unwrap();
    }
    let store = LanceStores.open(&kept.uri).unwrap();
    let snapshot = latest(&*store);
    let rows = snapshot.scan(&Scan::everything());
    let error = rows
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .unwrap_err();
    assert!(matches!(error, StoreError::Storage { .. }), "{error}");
    assert!(error.to_string().starts_with(&kept.uri), "{error}");
}
