use super::*;
use crate::json::parse_str;
use crate::store::lifecycle::CONTRADICTED;
use crate::store::{Bytes, ChatMessage, Relationship, StateMetadata};

const NOW: Timestamp = Timestamp(9_000_000);

/// The rows of a store, in their order.
#[derive(Clone)]
struct Rows(Vec<ContextRecord>);

impl Existing for Rows {
    fn by_id(&mut self, id: &str) -> Result<Option<ContextRecord>, StoreError> {
        Ok(self.0.iter().find(|row| row.id == id).cloned())
    }

    fn by_external_id(&mut self, external: &str) -> Result<Option<ContextRecord>, StoreError> {
        let mut rows = self.0.iter();
        let holds = |row: &&ContextRecord| row.external_id.as_deref() == Some(external);
        Ok(rows.find(holds).cloned())
    }
}

impl Rows {
    fn resolve(&self, edits: &[Edit]) -> Result<Resolved, StoreError> {
        resolve(edits, &mut self.clone(), None, NOW)
    }

    fn error(&self, edits: &[Edit]) -> String {
        self.resolve(edits).unwrap_err().to_string()
    }
}

fn row(id: &str) -> ContextRecord {
    ContextRecord::text(id, "user", id, Timestamp(1_000_000))
}

fn named(id: &str, external: &str) -> ContextRecord {
    ContextRecord {
        external_id: Some(external.to_owned()),
        ..row(id)
    }
}

fn patch(id: &str, fields: &str) -> Edit {
    Edit::Patch {
        key: Key::Id(id.to_owned()),
        fields: parse_str(fields).unwrap().into_object(),
    }
}

fn delete(id: &str) -> Edit {
    Edit::Delete(Key::Id(id.to_owned()))
}

fn supersede(id: &str, record: ContextRecord) -> Edit {
    Edit::Supersede {
        key: Key::Id(id.to_owned()),
        record,
    }
}

#[test]
fn keys_that_are_held_are_refused_whatever_the_lifecycle_of_their_holder() {
    let mut retired = named("a", "e");
    retired.retired_at = Some(Timestamp(1));
    let mut expired = row("b");
    expired.expires_at = Some(Timestamp(1));
    let rows = Rows(vec![retired, expired]);
    let adds = [
        Edit::Add(named("c", "e")),
        Edit::Add(row("fresh")),
        Edit::Add(row("a")),
        Edit::Add(row("b")),
    ];
    assert_eq!(
        rows.error(&adds),
        "external_id \"e\" is held by another record (and 2 more are); nothing was written"
    );
}

#[test]
fn keys_that_come_twice_in_one_list_are_refused() {
    let rows = Rows(vec![named("there", "t")]);
    let error = rows.error(&[Edit::Add(row("a")), Edit::Add(row("a"))]);
    assert!(error.starts_with("id \"a\" is held"), "{error}");
    let error = rows.error(&[Edit::Add(named("a", "e")), Edit::Add(named("b", "e"))]);
    assert!(error.starts_with("external_id \"e\" is held"), "{error}");
    let error = rows.error(&[Edit::Upsert(named("a", "t")), Edit::Upsert(named("b", "t"))]);
    assert!(error.starts_with("external_id \"t\" is held"), "{error}");
}

#[test]
fn the_cause_is_said_and_not_what_follows_from_it() {
    let rows = Rows(vec![named("a", "e")]);
    let edits = [Edit::Add(named("b", "e")), patch("b", r#"{"role":"x"}"#)];
    let error = rows.error(&edits);
    assert!(error.starts_with("external_id \"e\" is held"), "{error}");
}

#[test]
fn the_keys_of_a_deleted_record_are_free_and_its_tombstone_goes() {
    let rows = Rows(vec![named("a", "e"), row("b")]);
    let once = rows.resolve(&[delete("a")]).unwrap();
    assert_eq!(once.results, [EditResult::Deleted("a".to_owned())]);
    let rows = Rows(vec![once.replaced[0].clone(), row("b")]);
    let again = rows.resolve(&[Edit::Add(named("a", "e"))]).unwrap();
    assert_eq!(
        (again.added.len(), &again.reused[..]),
        (1, &["a".to_owned()][..])
    );
    let both = Rows(vec![named("a", "e")])
        .resolve(&[delete("a"), Edit::Add(named("a", "e"))])
        .unwrap();
    assert_eq!(both.replaced, []);
    assert_eq!((both.added.len(), both.reused.len()), (1, 1));
    let within = Rows(Vec::new())
        .resolve(&[Edit::Add(row("a")), delete("a"), Edit::Add(named("a", "e"))])
        .unwrap();
    assert_eq!(within.added, [named("a", "e")]);
    assert_eq!(within.reused, [] as [String; 0]);
}

#[test]
fn a_tombstone_keeps_its_scope_and_edges_and_nothing_of_the_content() {
    let mut full = named("a", "e");
    full.session_id = Some("s".to_owned());
    full.supersedes_id = Some("older".to_owned());
    full.metadata = Some(parse_str(r#"{"x":1}"#).unwrap());
    full.message = Some(ChatMessage::text("user", "secret"));
    full.embedding = Some(vec![1.0]);
    full.binary_payload = Some(Bytes(vec![1]));
    full.payload_uri = Some("u".to_owned());
    full.origin_digest = Some("d".to_owned());
    let resolved = Rows(vec![full]).resolve(&[delete("a")]).unwrap();
    let expected = ContextRecord {
        session_id: Some("s".to_owned()),
        supersedes_id: Some("older".to_owned()),
        content_type: TOMBSTONE_CONTENT_TYPE.to_owned(),
        text_payload: None,
        updated_at: Some(NOW),
        ..row("a")
    };
    assert_eq!(resolved.replaced, [expected]);
    let tomb = Rows(resolved.replaced);
    assert_eq!(tomb.error(&[delete("a")]), "there is no record with id a");
}

#[test]
fn what_a_deleted_record_replaced_stays_hidden_when_its_id_is_taken_again() {
    let mut newer = row("b");
    newer.supersedes_id = Some("a".to_owned());
    let rows = Rows(vec![row("a"), newer]);
    let resolved = rows.resolve(&[delete("b"), Edit::Add(row("b"))]).unwrap();
    assert_eq!(resolved.replaced.len(), 1);
    assert_eq!(resolved.replaced[0].id, "a");
    assert_eq!(resolved.replaced[0].superseded_by_id.as_deref(), Some("b"));
}

#[test]
fn an_upsert_of_the_same_origin_undoes_no_edit() {
    let mut old = named("a", "e");
    old.origin_digest = Some("d".to_owned());
    let edited = ContextRecord {
        lifecycle_status: "contradicted".to_owned(),
        ..old.clone()
    };
    let rows = Rows(vec![edited]);
    let same = rows.resolve(&[Edit::Upsert(old.clone())]).unwrap();
    assert_eq!(same.results, [EditResult::Unchanged("a".to_owned())]);
    assert!(same.is_empty());
    old.origin_digest = Some("later".to_owned());
    let changed = rows.resolve(&[Edit::Upsert(old)]).unwrap();
    assert_eq!(changed.replaced[0].lifecycle_status, "active");
}

#[test]
fn an_upsert_keeps_the_identity_and_place_of_its_record() {
    let mut old = named("a", "e");
    old.seq = Some(4);
    old.embedding = Some(vec![0.5]);
    old.superseded_by_id = Some("z".to_owned());
    let rows = Rows(vec![old.clone()]);
    let same = ContextRecord {
        text_payload: old.text_payload.clone(),
        seq: Some(99),
        created_at: Timestamp(5),
        ..named("other", "e")
    };
    let unchanged = rows.resolve(&[Edit::Upsert(same)]).unwrap();
    assert_eq!(unchanged.results, [EditResult::Unchanged("a".to_owned())]);
    assert!(unchanged.is_empty());
    let changed = rows.resolve(&[Edit::Upsert(named("other", "e"))]).unwrap();
    let expected = ContextRecord {
        id: "a".to_owned(),
        seq: Some(4),
        superseded_by_id: Some("z".to_owned()),
        updated_at: Some(NOW),
        ..named("other", "e")
    };
    // The vector was that of another text.
    assert_eq!(changed.replaced, [expected]);
    let new = rows.resolve(&[Edit::Upsert(named("n", "new"))]).unwrap();
    assert_eq!(new.added, [named("n", "new")]);
    let error = rows.error(&[Edit::Upsert(row("n"))]);
    assert!(error.starts_with("record n: external_id:"), "{error}");
}

#[test]
fn a_patch_sets_and_clears_fields_and_keys_of_the_metadata() {
    let mut old = named("a", "e");
    old.metadata = Some(parse_str(r#"{"x":{"y":1},"z":2}"#).unwrap());
    old.embedding = Some(vec![0.1]);
    let rows = Rows(vec![old.clone()]);
    let fields = r#"{"metadata.x.y":null,"metadata.new.deep":[1],"metadata.z":3,"lifecycle_status":"contradicted","external_id":null,"session_id":"s"}"#;
    let resolved = rows.resolve(&[patch("a", fields)]).unwrap();
    let expected = ContextRecord {
        external_id: None,
        session_id: Some("s".to_owned()),
        metadata: Some(parse_str(r#"{"x":{},"z":3,"new":{"deep":[1]}}"#).unwrap()),
        lifecycle_status: CONTRADICTED.to_owned(),
        updated_at: Some(NOW),
        ..old
    };
    assert_eq!(resolved.replaced, [expected]);
    let nothing = r#"{"metadata.no.such":null,"role":"user"}"#;
    let unchanged = rows.resolve(&[patch("a", nothing)]).unwrap();
    assert_eq!(unchanged.results, [EditResult::Unchanged("a".to_owned())]);
    let vector = rows
        .resolve(&[patch("a", r#"{"embedding":[0.25,1]}"#)])
        .unwrap();
    assert_eq!(
        vector.replaced[0].embedding.as_deref(),
        Some(&[0.25, 1.0][..])
    );
    assert_eq!(vector.dimensions, Some(2));
}

#[test]
fn a_patch_that_cannot_be_names_the_field() {
    let mut old = row("a");
    old.metadata = Some(Json::from("text"));
    let rows = Rows(vec![old, named("b", "held")]);
    for (fields, start) in [
        (r#"{"id":"x"}"#, "record a: id: it cannot be changed"),
        (r#"{"created_at":null}"#, "record a: created_at: it cannot"),
        (r#"{"seq":1}"#, "record a: seq: it cannot"),
        (r#"{"updated_at":null}"#, "record a: updated_at: the store"),
        (r#"{"colour":1}"#, "record a: colour: there is no such"),
        (r#"{"metadata.k":1}"#, "record a: metadata.k: what holds"),
        (r#"{"role":null}"#, "record a: role: missing"),
        (r#"{"role":3}"#, "record a: role: expected a string"),
        (r#"{"embedding":["x"]}"#, "record a: embedding[0]: expected"),
        (r#"{"external_id":"held"}"#, "external_id \"held\" is held"),
        (
            r#"{"external_id":""}"#,
            "record a: external_id: it is empty",
        ),
        (
            r#"{"content_type":"application/vnd.lance-context.tombstone"}"#,
            "record a: content_type: this type marks",
        ),
    ] {
        let error = rows.error(&[patch("a", fields)]);
        assert!(error.starts_with(start), "{fields}: {error}");
    }
    assert_eq!(
        rows.error(&[patch("nobody", "{}")]),
        "there is no record with id nobody"
    );
}

#[test]
fn an_external_id_that_a_patch_gives_away_can_be_taken_in_the_same_list() {
    let rows = Rows(vec![named("a", "e")]);
    let edits = [
        patch("a", r#"{"external_id":"f"}"#),
        Edit::Add(named("b", "e")),
        patch("b", r#"{"role":"system"}"#),
    ];
    let resolved = rows.resolve(&edits).unwrap();
    assert_eq!(resolved.replaced[0].external_id.as_deref(), Some("f"));
    assert_eq!(resolved.added[0].role, "system");
    let error = rows.error(&[edits[0].clone(), Edit::Add(named("b", "f"))]);
    assert!(error.starts_with("external_id \"f\""), "{error}");
}

#[test]
fn superseding_writes_both_ends_of_the_edge() {
    let rows = Rows(vec![row("a")]);
    let resolved = rows.resolve(&[supersede("a", row("b"))]).unwrap();
    assert_eq!(resolved.results, [EditResult::Added("b".to_owned())]);
    assert_eq!(resolved.replaced[0].superseded_by_id.as_deref(), Some("b"));
    assert_eq!(resolved.replaced[0].updated_at, Some(NOW));
    assert_eq!(resolved.added[0].supersedes_id.as_deref(), Some("a"));
    let error = rows.error(&[supersede("a", row("b")), supersede("a", row("c"))]);
    assert!(error.contains("it was replaced by b already"), "{error}");
    let error = rows.error(&[supersede("a", row("a"))]);
    assert!(error.starts_with("id \"a\" is held"), "{error}");
}

#[test]
fn records_that_cannot_be_are_refused_with_their_field() {
    let refused = |change: &dyn Fn(&mut ContextRecord), start: &str| {
        let mut record = row("a");
        change(&mut record);
        let error = Rows(Vec::new()).error(&[Edit::Add(row("first")), Edit::Add(record)]);
        assert!(error.starts_with(start), "{error}");
    };
    refused(&|r| r.id = String::new(), "record : id: it is empty");
    refused(
        &|r| r.content_type = TOMBSTONE_CONTENT_TYPE.to_owned(),
        "record a: content_type",
    );
    refused(
        &|r| r.embedding = Some(vec![1.0, f32::NAN]),
        "record a: embedding: value 1 is no finite",
    );
    refused(&|r| r.embedding = Some(Vec::new()), "record a: embedding");
    refused(
        &|r| r.metadata = Some(Json::from(vec![f64::INFINITY])),
        "record a: metadata",
    );
    refused(
        &|r| {
            r.extra.insert("colour", "red");
        },
        "record a: colour: there is no such column",
    );
    refused(
        &|r| {
            let state = r.state_metadata.insert(StateMetadata::default());
            state.step = Some(1 << 40);
        },
        "record a: state_metadata.step: it does not fit",
    );
    refused(
        &|r| {
            r.relationships = vec![Relationship {
                weight: Some(f32::NAN),
                ..Relationship::default()
            }];
        },
        "record a: relationships",
    );
}

#[test]
fn vectors_have_one_length() {
    let vector = |id: &str, length: usize| ContextRecord {
        embedding: Some(vec![1.0; length]),
        ..row(id)
    };
    let adds = [Edit::Add(vector("a", 2)), Edit::Add(vector("b", 3))];
    let rows = Rows(Vec::new());
    assert_eq!(
        rows.error(&adds),
        "record b: its vector has 3 values, and the store's have 2"
    );
    let fits = resolve(&adds[1..], &mut rows.clone(), Some(3), NOW).unwrap();
    assert_eq!(fits.dimensions, Some(3));
    assert!(resolve(&adds[1..], &mut rows.clone(), Some(4), NOW).is_err());
}

#[test]
fn all_keys_that_edits_may_touch_are_named() {
    let edits = [
        Edit::Add(named("a", "ea")),
        patch("b", r#"{"external_id":"eb"}"#),
        supersede("c", row("d")),
        Edit::Delete(Key::External("ee".to_owned())),
    ];
    let names: Vec<String> = keys(&edits).iter().map(Key::to_string).collect();
    assert_eq!(
        names,
        [
            "id a",
            "external id ea",
            "id b",
            "external id eb",
            "id c",
            "id d",
            "external id ee"
        ]
    );
}
