//! What the tests share.

use forgemark_contract::json::parse_str;
use forgemark_contract::store::select::{Filter, Visibility};
use forgemark_contract::store::{
    At, ContextRecord, Edit, Key, RecordStore, Scan, Snapshot, StoreOptions, Stores,
};
use forgemark_contract::time::Timestamp;
use forgemark_store::LanceStores;

/// A store in a folder that goes away with it.
pub(crate) struct Temporary {
    pub(crate) store: Box<dyn RecordStore>,
    pub(crate) uri: String,
    _folder: tempfile::TempDir,
}

/// Names the folder or address in which stores are made instead of a temporary folder.
pub(crate) const ROOT: &str = "FORGEMARK_TEST_ROOT";

/// A place for a store, and the folder that holds it.
pub(crate) fn place() -> (String, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let uri = match std::env::var(ROOT) {
        Ok(root) => format!("{root}{}", folder.path().display()),
        Err(_) => folder.path().join("s.lance").display().to_string(),
    };
    (uri, folder)
}

pub(crate) fn temporary(options: &StoreOptions) -> Temporary {
    let (uri, folder) = place();
    let store = LanceStores.create(&uri, options).unwrap();
    Temporary {
        store,
        uri,
        _folder: folder,
    }
}

pub(crate) fn row(id: &str) -> ContextRecord {
    ContextRecord::text(id, "user", format!("text of {id}"), Timestamp(1_000_000))
}

pub(crate) fn named(id: &str, external: &str) -> ContextRecord {
    ContextRecord {
        external_id: Some(external.to_owned()),
        ..row(id)
    }
}

pub(crate) fn add(id: &str) -> Edit {
    Edit::Add(row(id))
}

pub(crate) fn delete(id: &str) -> Edit {
    Edit::Delete(Key::Id(id.to_owned()))
}

pub(crate) fn patch(id: &str, fields: &str) -> Edit {
    Edit::Patch {
        key: Key::Id(id.to_owned()),
        fields: parse_str(fields).unwrap().into_object(),
    }
}

pub(crate) fn write(store: &dyn RecordStore, edits: Vec<Edit>) -> u64 {
    store.write(edits, Timestamp(5_000_000)).unwrap().version
}

pub(crate) fn latest(store: &dyn RecordStore) -> Box<dyn Snapshot> {
    store.snapshot(&At::Latest).unwrap()
}

/// The ids of all rows that are not deleted, in their order.
pub(crate) fn ids(snapshot: &dyn Snapshot) -> Vec<String> {
    ids_of(snapshot, &Scan::everything())
}

pub(crate) fn ids_of(snapshot: &dyn Snapshot, scan: &Scan) -> Vec<String> {
    let rows = snapshot.scan(scan).unwrap();
    rows.map(|row| row.unwrap().1.id).collect()
}

/// The ids of the rows that are in use.
pub(crate) fn visible(snapshot: &dyn Snapshot) -> Vec<String> {
    let scan = Scan {
        visibility: Some(Visibility::at(Timestamp(9_000_000))),
        filter: Filter::none(),
        ..Scan::everything()
    };
    ids_of(snapshot, &scan)
}
