//! The released sample of the original: read, rewritten and recomputed.

use std::path::Path;

use super::super::*;
use crate::dialogue::derive::mean_score;
use crate::json::{parse, to_line};
use crate::shape::{ArtifactKind, check_line};

const SAMPLE: &str = "../shared/data/dialogue/release_assets/sample_dataset/source/conversations_sharegpt_judged.jsonl";

#[test]
fn the_released_sample_survives_byte_for_byte() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(SAMPLE);
    let Ok(bytes) = std::fs::read(&path) else {
        println!("skipped: no sample dataset at {}", path.display());
        return;
    };
    let lines: Vec<&[u8]> = bytes
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .collect();
    assert_eq!(lines.len(), 2);
    for line in lines {
        let value = parse(line).unwrap();
        assert!(to_line(&value) == line, "the tree changed");
        let row = ShareGptRow::from_json(&value).unwrap();
        assert!(to_line(&row) == line, "the record changed");
        assert_eq!(row.metadata.conversation_id, None);
        assert!(row.extra.is_empty() && row.metadata.extra.is_empty());
        assert_eq!(check_line(ArtifactKind::ShareGptJudged, &value), []);
        let judge = row.judge.unwrap();
        assert_eq!(
            mean_score(judge.per_turn.iter().map(|turn| &turn.score)),
            judge.avg_score
        );
        for slice in row.assistant_reasoning.iter() {
            assert_eq!(
                normalize_reasoning(&slice.reasoning_trace),
                slice.reasoning_trace
            );
        }
    }
}
