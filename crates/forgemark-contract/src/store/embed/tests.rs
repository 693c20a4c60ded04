use super::*;
use crate::store::memory::MemoryStore;
use crate::store::{ContextRecord, StoreOptions};

fn store() -> MemoryStore {
    let at = Timestamp::from_epoch_seconds(1_900_000_000);
    let row = |id: &str, text: &str| ContextRecord::text(id, "user", text, at);
    let mut there = row("there", "has one");
    there.embedding = Some(vec![9.0, 9.0]);
    let mut none = row("none", "");
    none.text_payload = None;
    let rows = [
        row("a", "one"),
        there,
        row("b", "three"),
        row("blank", " \n"),
        none,
        row("c", "fives"),
    ];
    MemoryStore::of_records("m", rows, &StoreOptions::default()).unwrap()
}

fn model(name: &str) -> VectorModel {
    VectorModel {
        name: name.to_owned(),
        digest: "d".to_owned(),
        dimensions: 2,
    }
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "it stands for a model, which can fail"
)]
fn lengths(texts: &[String]) -> Result<Vec<Vec<f32>>, String> {
    Ok(texts
        .iter()
        .map(|text| vec![text.len() as f32, 0.1])
        .collect())
}

fn vectors(store: &MemoryStore) -> Vec<(String, Option<Vec<f32>>)> {
    let snapshot = store.snapshot(&At::Latest).unwrap();
    let rows = snapshot.scan(&Scan::everything()).unwrap();
    rows.map(|row| row.unwrap().1)
        .map(|row| (row.id, row.embedding))
        .collect()
}

fn run(
    store: &MemoryStore,
    model: &VectorModel,
    f: &mut Embedder<'_, String>,
) -> Result<Embedded, EmbedError<String>> {
    embed(
        store,
        model,
        f,
        2,
        Timestamp::from_epoch_seconds(1_900_000_100),
    )
}

#[test]
fn rows_with_a_text_and_no_vector_get_one_and_others_stay() {
    let store = store();
    let done = run(&store, &model("m"), &mut lengths).unwrap();
    assert_eq!((done.rows, done.batches), (3, 2));
    let expected = [
        ("a", Some(vec![3.0, 0.1])),
        ("there", Some(vec![9.0, 9.0])),
        ("b", Some(vec![5.0, 0.1])),
        ("blank", None),
        ("none", None),
        ("c", Some(vec![5.0, 0.1])),
    ];
    assert_eq!(
        vectors(&store),
        expected.map(|(id, vector)| (id.to_owned(), vector))
    );
    let again = run(&store, &model("m"), &mut |_| Err("asked again".to_owned())).unwrap();
    assert_eq!((again.rows, again.batches), (0, 0));
}

#[test]
fn what_was_written_before_an_error_stays_and_the_same_call_goes_on() {
    let store = store();
    let mut calls = 0;
    let error = run(&store, &model("m"), &mut |texts| {
        calls += 1;
        if calls == 1 {
            lengths(texts)
        } else {
            Err("gone".to_owned())
        }
    });
    assert_eq!(error.unwrap_err().to_string(), "gone");
    let mut asked = Vec::new();
    let done = run(&store, &model("m"), &mut |texts| {
        asked.extend_from_slice(texts);
        lengths(texts)
    });
    assert_eq!(done.unwrap().rows, 1);
    assert_eq!(asked, ["fives"]);
}

#[test]
fn another_model_is_refused_before_it_is_asked() {
    let store = store();
    run(&store, &model("m"), &mut lengths).unwrap();
    let error = run(&store, &model("n"), &mut |_| Err("asked".to_owned())).unwrap_err();
    assert!(
        matches!(error, EmbedError::Store(StoreError::Invalid { .. })),
        "{error}"
    );
}

#[test]
fn an_answer_that_cannot_be_used_is_named_and_nothing_is_written() {
    let cases: [(Vec<Vec<f32>>, &str); 3] = [
        (vec![vec![1.0, 2.0]], "1 vectors came back"),
        (
            vec![vec![1.0, 2.0], vec![1.0]],
            "vector 1 has 1 values, and 2 were declared",
        ),
        (
            vec![vec![1.0, f32::NAN], vec![1.0, 1.0]],
            "vector 0 has a value that is not a finite number",
        ),
    ];
    for (answer, what) in cases {
        let store = store();
        let error = run(&store, &model("m"), &mut |_| Ok(answer.clone())).unwrap_err();
        let expected =
            format!("the model m answered 2 texts, the first of them that of record a: {what}");
        assert_eq!(error.to_string(), expected);
        assert_eq!(vectors(&store), vectors(&self::store()));
    }
}
