use super::*;

fn answered(body: &str, texts: usize) -> Result<Vec<Vec<f32>>, Wrong> {
    match read(&Bytes::copy_from_slice(body.as_bytes()), texts) {
        Ok(answered) => answered.vectors,
        Err(error) => panic!("{error:?}"),
    }
}

#[test]
fn vectors_stand_in_the_order_of_their_texts() {
    let body =
        r#"{"data": [{"index": 1, "embedding": [3, 4.5]}, {"index": 0, "embedding": [1, 2]}]}"#;
    assert_eq!(answered(body, 2), Ok(vec![vec![1.0, 2.0], vec![3.0, 4.5]]));
    let none =
        r#"{"data": [{"embedding": [1]}, {"embedding": [2]}], "usage": {"total_tokens": 7}}"#;
    assert_eq!(answered(none, 2), Ok(vec![vec![1.0], vec![2.0]]));
    let tokens = read(&Bytes::from_static(none.as_bytes()), 2)
        .unwrap()
        .tokens;
    assert_eq!(tokens, Some(7));
}

#[test]
fn an_answer_that_cannot_be_used_says_where() {
    for (items, what) in [
        ("", "0 vectors came back"),
        (r#"{"embedding": [1]}"#, "1 vectors came back"),
        (
            r#"{"index": 0, "embedding": [1]}, {"index": 0, "embedding": [1]}"#,
            "item 1 has the index 0",
        ),
        (
            r#"{"index": 0, "embedding": [1]}, {"index": 2, "embedding": [1]}"#,
            "item 1 has the index 2",
        ),
        (
            r#"{"index": "a", "embedding": [1]}, {"index": 1, "embedding": [1]}"#,
            "item 0 has the index -1",
        ),
        (
            r#"{"embedding": [1]}, {"embedding": "AAAAAA=="}"#,
            "the vector of text 1 is a string and no list of numbers",
        ),
        (
            r#"{"embedding": []}, {"embedding": [1]}"#,
            "the vector of text 0 is empty",
        ),
        (
            r#"{"embedding": [1]}, {"embedding": [1, null]}"#,
            "the vector of text 1 has a null at 1",
        ),
        (
            r#"{"embedding": [1]}, {"embedding": [NaN]}"#,
            "the vector of text 1 has NaN at 0",
        ),
        (
            r#"{"embedding": [1e39]}, {"embedding": [1]}"#,
            "the vector of text 0 has inf at 0",
        ),
    ] {
        let wrong = answered(&format!("{{\"data\": [{items}]}}"), 2).unwrap_err();
        assert_eq!(wrong.to_string(), what);
    }
}
