use crate::json::parse_str;

use super::*;
use crate::store::Parts;

fn row(id: &str) -> ContextRecord {
    ContextRecord::text(id, "user", id, Timestamp::from_epoch_seconds(100))
}

fn listed(rows: Vec<ContextRecord>, visibility: Visibility) -> Vec<String> {
    let rows = list(rows, visibility, &Filter::none());
    rows.into_iter().map(|row| row.id).collect()
}

fn now() -> Visibility {
    Visibility::at(Timestamp::from_epoch_seconds(200))
}

#[test]
fn hidden_rows_are_those_of_the_rules() {
    let mut rows: Vec<ContextRecord> = [
        "plain", "expired", "later", "retired", "replaced", "archived", "tomb", "old", "new",
        "self", "wrong",
    ]
    .iter()
    .map(|id| row(id))
    .collect();
    rows[1].expires_at = Some(Timestamp::from_epoch_seconds(200));
    rows[2].expires_at = Some(Timestamp::from_epoch_seconds(201));
    rows[3].retired_at = Some(Timestamp::from_epoch_seconds(1));
    rows[4].superseded_by_id = Some("elsewhere".to_owned());
    rows[5].lifecycle_status = "archived".to_owned();
    rows[6].content_type = crate::store::TOMBSTONE_CONTENT_TYPE.to_owned();
    rows[8].supersedes_id = Some("old".to_owned());
    rows[9].supersedes_id = Some("self".to_owned());
    rows[10].lifecycle_status = lifecycle::CONTRADICTED.to_owned();
    assert_eq!(
        listed(rows.clone(), now()),
        ["plain", "later", "new", "self", "wrong"]
    );
    let all = Visibility {
        include_expired: true,
        include_retired: true,
        ..now()
    };
    assert_eq!(listed(rows, all).len(), 10, "all but the tombstone");
}

#[test]
fn a_row_that_the_filter_hides_still_supersedes() {
    let mut newer = row("newer");
    newer.supersedes_id = Some("old".to_owned());
    newer.role = "tool".to_owned();
    let filter = filter_from_original(
        parse_str(r#"{"role": "user"}"#)
            .unwrap()
            .as_object()
            .unwrap(),
    )
    .unwrap();
    assert!(list([row("old"), newer], now(), &filter).is_empty());
}

fn passes(filter: &str, metadata: &str) -> bool {
    let mut record = row("r");
    record.metadata = Some(parse_str(metadata).unwrap());
    filter_from_original(parse_str(filter).unwrap().as_object().unwrap())
        .unwrap()
        .matches(&record)
}

#[test]
fn the_original_filters_read_as_it_reads_them() {
    let metadata =
        r#"{"tags": ["a", 1], "text": "hello", "n": 3, "deep": {"x": null}, "tenant": "acme"}"#;
    for (filter, expected) in [
        ("{}", true),
        (r#"{"role": "user", "source": null}"#, true),
        (r#"{"role": "assistant"}"#, false),
        (r#"{"tenant": "acme"}"#, true),
        (r#"{"n": 3}"#, true),
        (r#"{"n": 3.0}"#, true),
        (r#"{"n": "3"}"#, false),
        (r#"{"absent": 1}"#, false),
        (r#"{"tags": {"contains": 1}}"#, true),
        (r#"{"tags": {"contains": "b"}}"#, false),
        (r#"{"text": {"contains": "ell"}}"#, true),
        (r#"{"deep": {"x": null}}"#, true),
        (
            r#"{"created_at": {"gte": "1970-01-01T00:01:40Z", "before": "1970-01-01T00:01:40Z"}}"#,
            true,
        ),
        (r#"{"created_after": "1970-01-01T00:01:41Z"}"#, false),
    ] {
        assert_eq!(passes(filter, metadata), expected, "{filter}");
    }
    let wrong = |text: &str| {
        filter_from_original(parse_str(text).unwrap().as_object().unwrap())
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        wrong(r#"{"role": 3}"#),
        "filter role: expected a text or null"
    );
    assert_eq!(
        wrong(r#"{"created_at": {"since": "2030-01-02T03:04:05Z"}}"#),
        "filter created_at: no such bound: since"
    );
}

#[test]
fn d11_filters_have_ranges_or_not_and_nested_paths() {
    let mut record = row("r");
    record.metadata = Some(parse_str(r#"{"judge": {"score": 7}}"#).unwrap());
    record.seq = Some(4);
    let field =
        |path: &str, condition: Condition| Filter::Field(Path::parse(path).unwrap(), condition);
    let score = |low: f64, high: f64| {
        field(
            "metadata.judge.score",
            Condition::Between(low.into(), high.into()),
        )
    };
    assert!(score(7.0, 9.0).matches(&record));
    assert!(!score(7.5, 9.0).matches(&record));
    assert!(Filter::Any(vec![score(9.0, 9.0), score(1.0, 7.0)]).matches(&record));
    assert!(Filter::Not(Box::new(score(9.0, 9.0))).matches(&record));
    assert!(field("metadata.judge.who", Condition::Missing).matches(&record));
    assert!(field("seq", Condition::OneOf(vec![1.into(), 4.into()])).matches(&record));
    assert!(
        field(
            "created_at",
            Condition::Between(Json::Null, "1970-01-01T00:01:40+00:00".into())
        )
        .matches(&record)
    );
    assert!(!Filter::Any(vec![]).matches(&record));
    assert!(Path::parse("metadata.").is_err() && Path::parse("embedding").is_err());
}

#[test]
fn a_filter_says_which_large_columns_it_looks_at() {
    let text = Filter::Field(Path::column("text_payload"), Condition::Missing);
    let source = Filter::column_equals("source", "web");
    let session = Filter::column_equals("session_id", "s");
    assert_eq!(session.parts(), Parts::KEYS);
    let parts = |text, metadata| Parts {
        text,
        metadata,
        ..Parts::KEYS
    };
    assert_eq!(
        Filter::Not(Box::new(text.clone())).parts(),
        parts(true, false)
    );
    assert_eq!(
        Filter::Any(vec![session, source.clone()]).parts(),
        parts(false, true)
    );
    assert_eq!(Filter::All(vec![text, source]).parts(), parts(true, true));
}
