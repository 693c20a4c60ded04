//! Payloads beside a table.

use forgemark_contract::store::Stores as _;
use forgemark_contract::store::{ContextRecord, Edit, StoreError, StoreOptions};
use forgemark_store::LanceStores;

use crate::support::{row, temporary, write};

fn invalid(error: &StoreError, expected: &str, what: &str) {
    let StoreError::Invalid {
        record,
        field,
        what: said,
    } = error
    else {
        panic!("{error}");
    };
    assert_eq!((record.as_str(), field.as_str()), ("a", expected));
    assert!(said.contains(what), "{said}");
}

#[test]
fn bytes_come_back_as_they_went_in_and_lie_there_once() {
    let made = temporary(&StoreOptions::default());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("in");
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    std::fs::write(&file, &bytes).unwrap();
    let payload = LanceStores.put_payload(&made.uri, &file).unwrap();
    assert_eq!(payload, LanceStores.put_payload(&made.uri, &file).unwrap());
    let mut record = row("a");
    payload.name_in(&mut record);
    assert_eq!(record.payload_size, Some(3_000_000));
    write(&*made.store, vec![Edit::Add(record.clone())]);
    assert_eq!(made.store.fsck().unwrap(), []);

    let out = folder.path().join("out");
    assert_eq!(
        LanceStores.fetch_payload(&made.uri, &record, &out).unwrap(),
        3_000_000
    );
    assert_eq!(std::fs::read(&out).unwrap(), bytes);
    let there = std::path::Path::new(&made.uri).join(&payload.uri);
    let beside: Vec<_> = std::fs::read_dir(there.parent().unwrap())
        .unwrap()
        .collect();
    assert_eq!(beside.len(), 1, "no part is left");
}

#[test]
fn what_is_not_the_payload_never_appears() {
    let made = temporary(&StoreOptions::default());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("in");
    std::fs::write(&file, "payload").unwrap();
    let payload = LanceStores.put_payload(&made.uri, &file).unwrap();
    let mut record = row("a");
    payload.name_in(&mut record);
    write(&*made.store, vec![Edit::Add(record.clone())]);
    let out = folder.path().join("out");
    let refused = |record: &ContextRecord, field: &str, what: &str| {
        let error = LanceStores
            .fetch_payload(&made.uri, record, &out)
            .unwrap_err();
        invalid(&error, field, what);
        let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(left.len(), 1, "{left:?}");
    };
    let changed = |change: fn(&mut ContextRecord)| {
        let mut record = record.clone();
        change(&mut record);
        record
    };
    refused(
        &changed(|r| r.payload_uri = None),
        "payload_uri",
        "names no payload",
    );
    let outside = changed(|r| r.payload_uri = Some("../in".to_owned()));
    refused(&outside, "payload_uri", "leads out of the store");
    let other = changed(|r| r.payload_checksum = Some("md5:00".to_owned()));
    refused(&other, "payload_checksum", "nothing else can be verified");
    let longer = changed(|r| r.payload_size = Some(8));
    refused(&longer, "payload_size", "says 8 bytes, and 7 are at");

    let there = std::path::Path::new(&made.uri).join(&payload.uri);
    std::fs::write(&there, "PAYLOAD").unwrap();
    refused(&record, "payload_checksum", "the bytes at");
    std::fs::remove_file(&there).unwrap();
    refused(&record, "payload_uri", "nothing is at");
    let findings = made.store.fsck().unwrap();
    let kinds: Vec<_> = findings.iter().map(|f| (f.kind, f.what.as_str())).collect();
    assert_eq!(kinds, [("payload-missing", "a")]);

    // An address that is not below the store is taken as it is, and what names no checksum is not verified.
    let elsewhere = ContextRecord {
        payload_uri: file.to_str().map(str::to_owned),
        payload_checksum: None,
        ..record
    };
    assert_eq!(
        LanceStores
            .fetch_payload(&made.uri, &elsewhere, &out)
            .unwrap(),
        7
    );
    let missing = LanceStores
        .put_payload(&made.uri, &folder.path().join("none"))
        .unwrap_err();
    assert!(matches!(missing, StoreError::Storage { .. }), "{missing}");
}
