//! Records and texts that are made: the same for the same number.

use forgemark_contract::json::Json;
use forgemark_contract::store::{
    ContextRecord, Hit, Key, Parts, RowNumber, Rows, Scan, Search, Snapshot, StoreError, StoreStats,
};
use forgemark_contract::time::Timestamp;

use crate::similar::text::finish;

/// Messages of a conversation.
const TURNS: u64 = 5;

/// Sources of full records.
const SOURCES: u64 = 100;

const WORDS: [&str; 24] = [
    "bolt", "thread", "lock", "torque", "the", "of", "a", "blue", "manual", "wheel", "check",
    "before", "pressure", "valve", "never", "always", "oil", "filter", "change", "every", "month",
    "and", "then", "pump",
];

/// Numbers below a bound, the same for the same start.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(1);
        finish(self.0) % bound
    }
}

/// Every tenth text repeats an earlier one with one word more.
pub(super) fn short_text(number: u64) -> String {
    let mut numbers = Numbers(number << 20);
    if number % 10 == 9 {
        let of = numbers.below(number);
        let of = of - u64::from(of % 10 == 9);
        return format!("{} again", short_text(of));
    }
    let count = 10 + numbers.below(8);
    let words = (0..count).map(|_| match numbers.below(3) {
        0 => format!("item{}", numbers.below(5_000)),
        _ => WORDS[numbers.below(WORDS.len() as u64) as usize].to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// The record of this number of a store of conversations: 500 characters, five messages to a conversation, users first.
pub fn talk(number: u64, parts: Parts) -> ContextRecord {
    let mut numbers = Numbers(number << 20);
    let mut text = String::new();
    while parts.text && text.len() < 500 {
        text.push_str(WORDS[numbers.below(WORDS.len() as u64) as usize]);
        text.push(' ');
    }
    text.truncate(500);
    let role = if (number % TURNS).is_multiple_of(2) {
        "user"
    } else {
        "assistant"
    };
    let id = format!("{:016x}-{number:012}", finish(number));
    ContextRecord {
        session_id: Some(format!("session-{:016x}", finish(number / TURNS))),
        run_id: "run".to_owned(),
        text_payload: parts.text.then_some(text),
        ..ContextRecord::text(id, role, "", Timestamp(number as i64 * 1_000))
    }
}

/// The record of this number with every scope filled, metadata and a vector of `dim` components.
pub fn full_record(number: u64, dim: usize) -> ContextRecord {
    let mut numbers = Numbers(number << 20 | 1 << 19);
    // 24 bits: what an f32 holds exactly.
    let mut component = || numbers.below(1 << 24) as f32 / (1 << 23) as f32 - 1.0;
    let metadata = Json::object([
        ("reward", Json::from((number % 11) as f64 / 10.0)),
        (
            "lang",
            Json::from(["en", "de", "fr", "ja"][(number % 4) as usize]),
        ),
    ]);
    ContextRecord {
        external_id: Some(format!("made/{number}")),
        bot_id: Some("bot".to_owned()),
        tenant: Some(format!("tenant-{}", number % 7)),
        source: Some(source_of(number)),
        metadata: Some(metadata),
        seq: Some((number % TURNS) as i64),
        embedding: Some((0..dim).map(|_| component()).collect()),
        ..talk(number, Parts::ALL)
    }
}

/// The source of a full record: one of a hundred, each with as many records.
pub fn source_of(number: u64) -> String {
    format!("source-{:02}", number % SOURCES)
}

/// [`talk`]s that are made as they are read: a snapshot of this many without a store.
#[derive(Debug, Clone, Copy)]
pub struct Talks(pub u64);

impl Snapshot for Talks {
    fn uri(&self) -> &'static str {
        "made:talks"
    }

    fn version(&self) -> u64 {
        1
    }

    fn stats(&self) -> std::result::Result<StoreStats, StoreError> {
        Ok(StoreStats::of_rows(self.0))
    }

    fn scan<'s>(&'s self, scan: &Scan) -> std::result::Result<Rows<'s>, StoreError> {
        let parts = scan.parts;
        let end = scan
            .limit
            .map_or(self.0, |limit| self.0.min(scan.offset + limit));
        let rows = (scan.offset..end).map(move |row| Ok((RowNumber(row), talk(row, parts))));
        Ok(Box::new(rows))
    }

    fn take(
        &self,
        rows: &[RowNumber],
        parts: Parts,
    ) -> std::result::Result<Vec<ContextRecord>, StoreError> {
        Ok(rows.iter().map(|row| talk(row.0, parts)).collect())
    }

    fn get(&self, _: &Key) -> std::result::Result<Option<ContextRecord>, StoreError> {
        Ok(None)
    }

    fn search(&self, _: &Search) -> std::result::Result<Vec<Hit>, StoreError> {
        Ok(Vec::new())
    }
}
