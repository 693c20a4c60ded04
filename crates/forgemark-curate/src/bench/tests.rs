use super::*;
use crate::spill::MemoryScratch;

const GAUGE: Gauge<'static> = Gauge {
    now: &|| Duration::ZERO,
    peak: &|| 0,
};

fn exported(rows: u64) -> Exported {
    export(&Talks(rows), &MemoryScratch, &mut Counted(0), &GAUGE).unwrap()
}

#[test]
fn an_export_writes_a_line_for_each_conversation_and_the_same_bytes_again() {
    let once = exported(1_003);
    assert_eq!((once.rows, once.lines), (1_003, 201));
    assert!(once.bytes > 500 * 800, "{}", once.bytes);
    assert_eq!(once.digest.len(), 64);
    assert_eq!(once, exported(1_003));
}

#[test]
fn planted_copies_are_found() {
    let found = minhash(2_000, &GAUGE);
    assert!((150..=200).contains(&found.dropped), "{}", found.dropped);
    assert!(found.miss_probability < 1e-3);
    assert_eq!(found, minhash(2_000, &GAUGE));
}
