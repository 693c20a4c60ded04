use super::*;
use crate::store::memory::MemoryStore;
use crate::store::select::{Filter, Visibility};
use crate::store::{At, RecordStore as _, Relationship, StoreOptions};
use crate::time::Timestamp;

const DAY: i64 = 1_900_000_000;

fn snapshot(rows: Vec<ContextRecord>) -> Box<dyn Snapshot> {
    let store = MemoryStore::of_records("m", rows, &StoreOptions::default()).unwrap();
    store.snapshot(&At::Latest).unwrap()
}

/// The rows and the expected orders were shown to the original's published wheel.
fn rows() -> Vec<ContextRecord> {
    let rows = [
        ("e0", "the quick fox", Some([1.0, 0.0, 0.0])),
        ("e1", "Quick quick dog", Some([0.0, 1.0, 0.0])),
        ("e2", "fox", Some([0.0, 0.0, 0.0])),
        ("e3", "none here", Some([1.0, 0.0, 0.0])),
        ("e4", "dog fox", Some([-1.0, 0.0, 0.0])),
        ("e5", "the THE fox quick", None),
        ("e6", "é Été x", Some([2.0, 0.0, 0.0])),
        ("e7", "a_b fox-dog", Some([1.0, 1.0, 0.0])),
        ("e8", "dup", Some([3.0, 0.0, 0.0])),
    ];
    let rows = rows.into_iter().rev().map(|(id, text, vector)| {
        let at = Timestamp::from_epoch_seconds(DAY);
        let mut row = ContextRecord::text(id, "user", text, at);
        row.embedding = vector.map(|vector: [f32; 3]| vector.to_vec());
        row
    });
    rows.collect()
}

fn query(text: Option<&str>, vector: Option<[f32; 3]>) -> Search {
    Search {
        text: text.map(str::to_owned),
        vector: vector.map(|vector| vector.to_vec()),
        k: 20,
        visibility: Visibility::at(Timestamp::from_epoch_seconds(DAY)),
        filter: Filter::none(),
        approximate: false,
    }
}

fn search(query: &Search, metric: Metric, words: Words<'_>) -> Vec<Hit> {
    by_scan(snapshot(rows()).as_ref(), query, metric, Some(3), words).unwrap()
}

fn ids(hits: &[Hit]) -> Vec<&str> {
    hits.iter().map(|hit| hit.record.id.as_str()).collect()
}

#[test]
fn distances_are_the_original_ones() {
    let distances = |metric, vector| {
        let hits = search(&query(None, Some(vector)), metric, Words::Share);
        let pairs = hits
            .into_iter()
            .map(|hit| (hit.record.id, hit.distance.unwrap()));
        pairs
            .map(|(id, distance)| format!("{id} {distance}"))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        distances(Metric::Cosine, [1.0, 0.0, 0.0]),
        [
            "e0 0",
            "e3 0",
            "e6 0",
            "e8 0",
            "e7 0.29289323",
            "e1 1",
            "e2 1",
            "e4 2"
        ]
    );
    assert_eq!(
        distances(Metric::L2, [1.0, 2.0, 0.0])[..5],
        ["e7 1", "e1 1.4142135", "e0 2", "e3 2", "e2 2.236068"]
    );
    assert_eq!(
        distances(Metric::Dot, [1.0, 2.0, 0.0]),
        [
            "e7 -3", "e8 -3", "e1 -2", "e6 -2", "e0 -1", "e3 -1", "e2 -0", "e4 1"
        ]
    );
    assert_eq!(
        distances(Metric::Cosine, [0.0, 0.0, 0.0]).len(),
        8,
        "a query without length is 1 away from everything"
    );
}

#[test]
fn shares_of_words_are_the_original_ones() {
    let hits = search(
        &query(Some("the quick Quick fox!"), None),
        Metric::Cosine,
        Words::Share,
    );
    assert_eq!(ids(&hits), ["e0", "e5", "e1", "e2", "e4", "e7"]);
    assert_eq!(hits[0].text_score, Some(1.0));
    assert_eq!(hits[2].text_score, Some(1.0 / 3.0));
    let hits = search(&query(Some("a b été"), None), Metric::Cosine, Words::Share);
    assert_eq!(ids(&hits), ["e7", "e6"]);
    assert_eq!(
        search(&query(Some("ox !!"), None), Metric::Cosine, Words::Share),
        []
    );
}

#[test]
fn both_lists_are_fused_as_the_original_fuses_them() {
    let both = query(Some("fox dog"), Some([1.0, 0.0, 0.0]));
    let hits = search(&both, Metric::Cosine, Words::Share);
    assert_eq!(
        ids(&hits),
        ["e0", "e7", "e4", "e1", "e2", "e3", "e6", "e8", "e5"]
    );
    let expected = [
        0.032_266_460,
        0.031_513_646,
        0.031_099_323,
        0.030_776_516,
        0.030_309_988,
        0.016_129_032,
        0.015_873_017,
        0.015_625,
        0.015_151_516,
    ];
    for (hit, expected) in hits.iter().zip(expected) {
        assert!(
            (hit.score - expected).abs() < 1e-8,
            "{} {}",
            hit.record.id,
            hit.score
        );
    }
    assert_eq!((hits[8].distance, hits[8].text_score), (None, Some(0.5)));
    let few = Search { k: 3, ..both };
    assert_eq!(
        ids(&search(&few, Metric::Cosine, Words::Share)),
        ["e0", "e7", "e4"]
    );
}

#[test]
fn the_lists_are_fused_whole() {
    let rows = (0..400_u16).map(|n| {
        let at = Timestamp::from_epoch_seconds(DAY);
        let fox = if n < 100 { "" } else { "fox " };
        let text = format!("{fox}w{n}");
        let mut row = ContextRecord::text(format!("e{n:04}"), "user", text, at);
        row.embedding = Some(vec![f32::from(n)]);
        row
    });
    let search = Search {
        vector: Some(vec![0.0]),
        k: 1,
        ..query(Some("fox w399"), None)
    };
    let page = snapshot(rows.collect());
    let hits = by_scan(page.as_ref(), &search, Metric::L2, Some(1), Words::Share).unwrap();
    assert_eq!(
        ids(&hits),
        ["e0100"],
        "the 101st of one list and the 2nd of the other"
    );
    assert!((hits[0].score - 0.022_340_212).abs() < 1e-8);
}

#[test]
fn bm25_is_the_formula() {
    let cut = |text: &str| {
        let words = text.split(|c: char| !c.is_alphanumeric());
        words
            .map(str::to_lowercase)
            .filter(|word| !word.is_empty())
            .collect::<Vec<_>>()
    };
    let hits = search(
        &query(Some("quick dog"), None),
        Metric::Cosine,
        Words::Bm25(&cut),
    );
    assert_eq!(ids(&hits), ["e1", "e4", "e0", "e5", "e7"]);
    // By hand: 9 texts of 23 words; "quick" is in 3 of them, "dog" in 3. e1 has 3 words, "quick" twice, "dog" once.
    let idf = (1.0_f64 + 6.5 / 3.5).ln();
    let norm = 1.2 * (0.25 + 0.75 * 3.0 / (23.0 / 9.0));
    let expected = idf * 2.2 * 2.0 / (2.0 + norm) + idf * 2.2 / (1.0 + norm);
    assert!(
        (hits[0].score - expected).abs() < 1e-5,
        "{} {expected}",
        hits[0].score
    );
}

#[test]
fn filters_come_first_so_that_there_are_k_hits() {
    let filtered = Search {
        k: 2,
        filter: Filter::Not(Box::new(Filter::Any(vec![
            Filter::column_equals("id", "e0"),
            Filter::column_equals("id", "e3"),
        ]))),
        ..query(None, Some([1.0, 0.0, 0.0]))
    };
    assert_eq!(
        ids(&search(&filtered, Metric::Cosine, Words::Share)),
        ["e6", "e8"]
    );
}

#[test]
fn more_rows_than_are_kept_leave_the_best() {
    let rows = (0..10_000_u32).map(|n| {
        let at = Timestamp::from_epoch_seconds(DAY);
        let mut row = ContextRecord::text(format!("r{n:05}"), "user", "t", at);
        row.embedding = Some(vec![(n * 7919 % 10_000) as f32]);
        row
    });
    let page = snapshot(rows.collect());
    let search = Search {
        vector: Some(vec![0.0]),
        k: 3,
        ..query(None, None)
    };
    let hits = by_scan(page.as_ref(), &search, Metric::L2, Some(1), Words::Share).unwrap();
    let distances: Vec<f32> = hits.iter().filter_map(|hit| hit.distance).collect();
    assert_eq!(distances, [0.0, 1.0, 2.0]);
}

#[test]
fn related_records_are_those_that_point_there() {
    let edge = |target: &str, relation: &str| Relationship {
        target_id: target.to_owned(),
        relation: relation.to_owned(),
        ..Relationship::default()
    };
    let mut rows = rows();
    rows[1].relationships = vec![edge("e8", "answers"), edge("e8", "cites")];
    rows[2].relationships = vec![edge("e8", "cites")];
    rows[3].relationships = vec![edge("e8", "cites")];
    rows[3].lifecycle_status = "withdrawn".to_owned();
    rows[4].relationships = vec![edge("e1", "cites")];
    let page = snapshot(rows);
    let at = Visibility::at(Timestamp::from_epoch_seconds(DAY));
    let found = |relation| {
        let rows = related(page.as_ref(), "e8", relation, at).unwrap();
        rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
    };
    assert_eq!(found(None), ["e7", "e6"]);
    assert_eq!(found(Some("answers")), ["e7"]);
}
