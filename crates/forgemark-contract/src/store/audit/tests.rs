use super::*;
use crate::store::Relationship;
use crate::time::Timestamp;

fn row(id: &str) -> ContextRecord {
    ContextRecord::text(id, "user", id, Timestamp(0))
}

fn kinds(rows: &[ContextRecord]) -> Vec<(&'static str, String)> {
    let again = || Ok(rows.iter().cloned().map(Ok));
    let payload = |uri: &str| Some(uri != "gone");
    let findings = audit(again, &payload).unwrap();
    findings
        .into_iter()
        .map(|finding| (finding.kind, finding.what))
        .collect()
}

#[test]
fn rows_that_are_as_they_should_be_give_no_findings() {
    let mut a = row("a");
    a.external_id = Some("e".to_owned());
    a.embedding = Some(vec![1.0, 0.0]);
    a.payload_uri = Some("here".to_owned());
    let mut b = row("b");
    b.parent_id = Some("a".to_owned());
    b.relationships = vec![Relationship {
        target_id: "e".to_owned(),
        relation: "answers".to_owned(),
        ..Relationship::default()
    }];
    assert_eq!(kinds(&[b, a]), []);
}

#[test]
fn each_kind_of_damage_is_found() {
    let mut rows: Vec<ContextRecord> = ["a", "a", "b", "c", "d", "e", "f"].map(row).to_vec();
    rows[2].external_id = Some("x".to_owned());
    rows[3].external_id = Some("x".to_owned());
    rows[3].embedding = Some(vec![1.0, 2.0]);
    rows[4].embedding = Some(vec![f32::NAN, 2.0]);
    rows[5].embedding = Some(vec![0.0, 0.0]);
    rows[6].embedding = Some(vec![1.0]);
    rows[6].payload_uri = Some("gone".to_owned());
    rows[6].supersedes_id = Some("nobody".to_owned());
    rows[6].relationships = vec![Relationship {
        target_id: "nowhere".to_owned(),
        ..Relationship::default()
    }];
    let expected = [
        ("duplicate-id", "a"),
        ("duplicate-external-id", "c"),
        ("vector-not-finite", "d"),
        ("vector-zero", "e"),
        ("vector-length", "f"),
        ("payload-missing", "f"),
        ("dangling-edge", "f"),
        ("dangling-relation", "f"),
    ];
    assert_eq!(
        kinds(&rows),
        expected.map(|(kind, id)| (kind, id.to_owned()))
    );
}
