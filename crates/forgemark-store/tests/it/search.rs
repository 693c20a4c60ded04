//! Searches of tables of ours, with indexes and without.

use forgemark_contract::store::select::{Filter, Visibility};
use forgemark_contract::store::{
    Edit, Hit, IndexKind, Metric, Search, Snapshot, StoreError, StoreOptions,
};
use forgemark_contract::time::Timestamp;

use crate::support::{delete, latest, patch, row, temporary, write};

const DIMENSIONS: usize = 8;

/// Numbers from 0 to 1 that look random and are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 40) as f32 / (1_u64 << 24) as f32
    }

    fn vector(&mut self) -> Vec<f32> {
        (0..DIMENSIONS).map(|_| self.next() - 0.5).collect()
    }
}

fn query(text: Option<&str>, vector: Option<Vec<f32>>) -> Search {
    Search {
        text: text.map(str::to_owned),
        vector,
        k: 10,
        visibility: Visibility::at(Timestamp(9_000_000)),
        filter: Filter::none(),
        approximate: false,
    }
}

fn ids(hits: &[Hit]) -> Vec<String> {
    hits.iter().map(|hit| hit.record.id.clone()).collect()
}

fn found(snapshot: &dyn Snapshot, search: &Search) -> Vec<String> {
    ids(&snapshot.search(search).unwrap())
}

/// Rows with vectors and one of ten words each, in two sessions.
fn rows(count: usize) -> Vec<Edit> {
    let mut numbers = Numbers(7);
    let rows = (0..count).map(|n| {
        let mut record = row(&format!("r{n:04}"));
        record.embedding = Some(numbers.vector());
        record.session_id = Some(format!("s{}", n % 2));
        record.text_payload = Some(format!("word{} and more words", n % 10));
        Edit::Add(record)
    });
    rows.collect()
}

#[test]
fn vectors_are_found_exactly_and_filters_come_first() {
    for metric in [Metric::L2, Metric::Cosine, Metric::Dot] {
        let options = StoreOptions {
            metric,
            ..StoreOptions::default()
        };
        let made = temporary(&options);
        let store = &*made.store;
        let edits = rows(600);
        let mut vectors: Vec<(String, Vec<f32>)> = edits
            .iter()
            .filter_map(|edit| match edit {
                Edit::Add(row) => Some((row.id.clone(), row.embedding.clone()?)),
                _ => None,
            })
            .collect();
        write(store, edits);
        write(
            store,
            vec![
                delete("r0000"),
                patch("r0002", r#"{"lifecycle_status":"withdrawn"}"#),
            ],
        );
        let vector = Numbers(99).vector();
        let hits = latest(store)
            .search(&query(None, Some(vector.clone())))
            .unwrap();
        let distance = |other: &[f32]| metric.distance(&vector, other);
        vectors.sort_by(|a, b| distance(&a.1).total_cmp(&distance(&b.1)));
        vectors.retain(|(id, _)| !["r0000", "r0002"].contains(&id.as_str()));
        let expected: Vec<&String> = vectors.iter().map(|(id, _)| id).take(10).collect();
        assert_eq!(
            ids(&hits).iter().collect::<Vec<_>>(),
            expected,
            "{metric:?}"
        );
        assert_eq!(hits[0].distance, Some(distance(&vectors[0].1)));
        assert_eq!(hits[0].record.embedding, None);
        assert!(hits[0].record.text_payload.is_some());

        let farthest = &vectors.last().unwrap().0;
        let search = Search {
            filter: Filter::column_equals("id", farthest),
            ..query(None, Some(vector))
        };
        assert_eq!(
            found(&*latest(store), &search),
            std::slice::from_ref(farthest),
            "{metric:?}"
        );
    }
}

#[test]
fn an_index_of_vectors_is_asked_only_where_the_answer_may_be_approximate() {
    let made = temporary(&StoreOptions::default());
    let store = &*made.store;
    write(store, rows(2000));
    let vector = Numbers(99).vector();
    let exact = query(None, Some(vector));
    let before = latest(store).search(&exact).unwrap();
    store.build_index(IndexKind::Vectors).unwrap();
    // Rows that the index has not seen are found too.
    let mut near = row("unseen");
    near.embedding = exact.vector.clone();
    write(store, vec![Edit::Add(near)]);
    let snapshot = latest(store);
    let after = snapshot.search(&exact).unwrap();
    assert_eq!(after[0].record.id, "unseen");
    assert_eq!(ids(&after)[1..], ids(&before)[..9]);
    let approximate = Search {
        approximate: true,
        ..exact.clone()
    };
    let hits = snapshot.search(&approximate).unwrap();
    assert_eq!(hits.len(), 10);
    assert_eq!(hits[0].record.id, "unseen");
    let right = hits
        .iter()
        .filter(|hit| ids(&after).contains(&hit.record.id))
        .count();
    assert!(
        right >= 5,
        "{right} of the ten nearest are among the ten that were found"
    );
    for hit in &hits {
        if let Some(same) = after.iter().find(|other| other.record.id == hit.record.id) {
            assert_eq!(same.distance, hit.distance, "distances are exact in both");
        }
    }
    let filtered = Search {
        filter: Filter::column_equals("session_id", "s1"),
        ..approximate
    };
    let hits = snapshot.search(&filtered).unwrap();
    assert_eq!(hits.len(), 10, "the filter comes first");
    assert!(
        hits.iter()
            .all(|hit| hit.record.session_id.as_deref() == Some("s1"))
    );
}

#[test]
fn words_are_found_with_an_index_and_without() {
    let made = temporary(&StoreOptions::default());
    let store = &*made.store;
    let texts = [
        ("a", "The quick brown fox"),
        ("b", "fox fox fox"),
        ("c", "a dog, and nothing more"),
        ("d", "Der Hund heißt Größe"),
        ("e", "今天天气很好"),
        ("f", "fox in a retired record"),
        ("g", "running and runs"),
    ];
    let edits = texts.iter().map(|(id, text)| {
        let mut record = row(id);
        record.text_payload = Some((*text).to_owned());
        record.retired_at = (*id == "f").then_some(Timestamp(1));
        Edit::Add(record)
    });
    write(store, edits.collect());
    let check = |what: &str| {
        let snapshot = latest(store);
        let found = |text| found(&*snapshot, &query(Some(text), None));
        assert_eq!(found("FOX"), ["b", "a"], "{what}");
        assert_eq!(found("dog fox").len(), 3, "{what}: any of the words");
        assert_eq!(found("GROSSE"), ["d"], "{what}: no accents");
        assert_eq!(found("天气"), ["e"], "{what}");
        assert_eq!(found("run"), Vec::<String>::new(), "{what}: no stemming");
        assert_eq!(found("and").len(), 2, "{what}: no stop words");
        assert_eq!(found("!?"), Vec::<String>::new(), "{what}");
        let retired = Search {
            visibility: Visibility {
                include_retired: true,
                ..Visibility::at(Timestamp(9_000_000))
            },
            ..query(Some("retired"), None)
        };
        let hits = snapshot.search(&retired).unwrap();
        assert_eq!(ids(&hits), ["f"], "{what}");
        assert!(
            hits[0].text_score.is_some_and(|score| score > 0.0),
            "{what}"
        );
        assert!(
            (hits[0].score - f64::from(hits[0].text_score.unwrap())).abs() < 1e-9,
            "{what}"
        );
    };
    check("scan");
    store.build_index(IndexKind::Text).unwrap();
    check("index");
    let mut late = row("late");
    late.text_payload = Some("fox fox fox fox zebra".to_owned());
    write(store, vec![Edit::Add(late)]);
    let found = found(&*latest(store), &query(Some("zebra"), None));
    assert_eq!(
        found,
        ["late"],
        "rows that the index has not seen are found too"
    );
}

#[test]
fn words_and_vectors_are_fused_in_every_way_of_finding_them() {
    let made = temporary(&StoreOptions::default());
    let store = &*made.store;
    write(store, rows(600));
    let both = query(Some("word3"), Some(Numbers(99).vector()));
    let scanned = latest(store).search(&both).unwrap();
    let with_word = scanned
        .iter()
        .filter(|hit| hit.text_score.is_some())
        .count();
    assert!(with_word >= 5, "{with_word}");
    let sum = |hit: &Hit| hit.score <= 2.0 / 61.0 && hit.score >= 1.0 / (60.0 + 600.0);
    assert!(scanned.iter().all(sum));
    store.build_index(IndexKind::Text).unwrap();
    let indexed = latest(store).search(&both).unwrap();
    // All texts are of one length, so the weights are equal in both ways and ties go by id.
    assert_eq!(ids(&indexed), ids(&scanned));
    store.build_index(IndexKind::Vectors).unwrap();
    let approximate = Search {
        approximate: true,
        ..both
    };
    assert_eq!(latest(store).search(&approximate).unwrap().len(), 10);
}

#[test]
fn a_query_that_cannot_be_is_an_error() {
    let made = temporary(&StoreOptions::default());
    let store = &*made.store;
    write(store, rows(3));
    let snapshot = latest(store);
    for search in [
        query(None, None),
        query(None, Some(vec![1.0])),
        query(None, Some(vec![f32::NAN; DIMENSIONS])),
    ] {
        let error = snapshot.search(&search).unwrap_err();
        assert!(matches!(error, StoreError::Invalid { .. }), "{error}");
    }
}
