use std::io::{BufReader, Read};

use super::*;

/// Lines that are made as they are read; remembers how far.
struct Made {
    line: usize,
    rest: Vec<u8>,
}

impl Read for Made {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.rest.is_empty() {
            self.line += 1;
            self.rest = format!("{{\"id\": {}, \"question\": \"how many?\"}}\n", self.line).into();
        }
        let size = self.rest.len().min(buffer.len());
        buffer[..size].copy_from_slice(&self.rest[..size]);
        self.rest.drain(..size);
        Ok(size)
    }
}

#[test]
fn d28_items_are_read_line_by_line_and_need_no_vectors() {
    // The file has no end: only what is asked for is read.
    let made = BufReader::with_capacity(
        64,
        Made {
            line: 0,
            rest: Vec::new(),
        },
    );
    let first: Vec<HoldoutItem> = items("eval.jsonl", made)
        .take(1_000)
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(
        (first[999].id.as_str(), first[999].text.as_str()),
        ("1000", "how many?")
    );
    assert_eq!(first[0].vector, None);
}

#[test]
fn texts_vectors_and_names_are_found_under_their_keys() {
    let lines = br#"{"text": "a", "vector": [1, 0.5]}

{"id": "x", "embedding": [0]}
"#;
    let read: Vec<HoldoutItem> = items("e.jsonl", &lines[..])
        .collect::<Result<_, _>>()
        .unwrap();
    let item = |id: &str, text: &str, vector: &[f32]| HoldoutItem {
        id: id.to_owned(),
        text: text.to_owned(),
        vector: Some(vector.to_vec()),
    };
    assert_eq!(
        read,
        [item("e.jsonl:1", "a", &[1.0, 0.5]), item("x", "", &[0.0])]
    );
}

#[test]
fn a_line_that_is_no_item_is_named() {
    for (line, what) in [
        ("[1]", "expected an object, found"),
        ("{", "it is no JSON"),
        ("{\"id\": 1}", "it has neither a text"),
        (
            "{\"vector\": [1, \"x\"]}",
            "its vector holds what is no finite number",
        ),
        (
            "{\"vector\": [1e300]}",
            "its vector holds what is no finite number",
        ),
    ] {
        let file = format!("{{\"text\": \"fine\"}}\n{line}\n{{\"text\": \"not reached\"}}\n");
        let read: Vec<_> = items("e.jsonl", file.as_bytes()).collect();
        assert_eq!(read.len(), 2, "{line}");
        let error = read[1].as_ref().unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("e.jsonl, line 2: {what}")),
            "{error}"
        );
    }
}
