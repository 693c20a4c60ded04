//! The claims of an answer.

use std::ops::Range;
use std::sync::LazyLock;

use super::sentences::sentences;
use super::tokens::{Kind, Token, scan};

/// One claim, ready to be looked up.
pub(super) struct Claim {
    /// Where it stands in the answer.
    pub(super) span: Range<usize>,
    /// Distinct hashes of its content words and numbers, at most 64.
    pub(super) words: Vec<u64>,
    /// Hashes of all its content words and numbers, in order.
    pub(super) order: Vec<u64>,
    /// Hashes of its numbers, a part of `words`.
    pub(super) numbers: Vec<u64>,
    /// Hashes of its names, a part of `words`.
    pub(super) names: Vec<u64>,
    /// Whether it denies.
    pub(super) denies: bool,
}

/// The claims of an answer and a table from word to claims.
pub(super) struct Claims {
    pub(super) list: Vec<Claim>,
    table: Table,
}

/// Words that speak of the material and of what it holds; with a denial, a sentence that has one
/// of each says that there is no answer.
const MATERIAL: &[&str] = &[
    "passage",
    "document",
    "source",
    "material",
    "excerpt",
    "text",
    "passages",
    "documents",
];
const HOLDING: &[&str] = &[
    "answer",
    "say",
    "mention",
    "contain",
    "cover",
    "state",
    "provide",
    "specify",
    "information",
    "describe",
    "give",
    "include",
];
/// Ways to name a source before the claim begins.
const LEAD_INS: &[&str] = &[
    "According to ",
    "Based on ",
    "As stated in ",
    "D'après ",
    "D’après ",
    "Selon ",
    "Laut ",
    "Según ",
    "De acuerdo con ",
];

const LIMIT: usize = 64;

impl Claims {
    pub(super) fn read(answer: &str) -> Self {
        let cited = citations(answer);
        // Words come in order, so those of the citations are passed one after the other.
        let mut cited = cited.iter().peekable();
        let spans = sentences(answer);
        let mut list = Vec::with_capacity(spans.len());
        let mut found: Vec<Token> = Vec::with_capacity(64);
        for span in spans {
            let text = &answer[span.clone()];
            if text.ends_with(['?', '؟', '？']) {
                continue;
            }
            let skipped = lead_in(text);
            found.clear();
            scan(&text[skipped..], |token| {
                let start = span.start + skipped + token.start as usize;
                while cited.next_if(|cited| cited.end <= start).is_some() {}
                if cited.peek().is_none_or(|cited| start < cited.start) {
                    found.push(token);
                }
            });
            list.extend(claim(span, &found));
        }
        let table = Table::new(&list);
        Self { list, table }
    }

    /// Calls `each` with the claim and the place in its words, for every claim that has the word.
    pub(super) fn matches(&self, hash: u64, mut each: impl FnMut(usize, usize)) {
        let mut next = self.table.slots[self.table.slot(hash)].1;
        while let Some(entry) = self.table.entries.get(next as usize) {
            each(entry.claim as usize, usize::from(entry.place));
            next = entry.next;
        }
    }
}

/// Open addressing from hash to the claims that have the word.
struct Table {
    /// Hash and first entry; [`NONE`] where the slot is free.
    slots: Vec<(u64, u32)>,
    entries: Vec<Entry>,
}

/// A word of a claim.
struct Entry {
    claim: u32,
    /// Place among the words of the claim.
    place: u8,
    /// The next entry of the same word.
    next: u32,
}

const NONE: u32 = u32::MAX;

impl Table {
    fn new(claims: &[Claim]) -> Self {
        let words: usize = claims.iter().map(|claim| claim.words.len()).sum();
        let size = (words * 4).next_power_of_two().max(16);
        let mut table = Self {
            slots: vec![(0, NONE); size],
            entries: Vec::with_capacity(words),
        };
        for (index, claim) in claims.iter().enumerate() {
            for (place, hash) in claim.words.iter().enumerate() {
                let slot = table.slot(*hash);
                let first = table.entries.len() as u32;
                let (_, next) = std::mem::replace(&mut table.slots[slot], (*hash, first));
                table.entries.push(Entry {
                    claim: index as u32,
                    place: place as u8,
                    next,
                });
            }
        }
        table
    }

    /// The slot of a word, or the free one where it would stand.
    fn slot(&self, hash: u64) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = (hash ^ (hash >> 32)) as usize & mask;
        while self.slots[slot].1 != NONE && self.slots[slot].0 != hash {
            slot = (slot + 1) & mask;
        }
        slot
    }
}

/// Hashes of the words of [`MATERIAL`] and [`HOLDING`].
struct Speaks {
    material: Vec<u64>,
    holding: Vec<u64>,
}

static SPEAKS: LazyLock<Speaks> = LazyLock::new(Speaks::new);

impl Speaks {
    fn new() -> Self {
        let hashes = |words: &[&str]| {
            let mut found = Vec::with_capacity(words.len());
            for word in words {
                scan(word, |token| found.push(token.hash));
            }
            found
        };
        Self {
            material: hashes(MATERIAL),
            holding: hashes(HOLDING),
        }
    }

    fn of_no_answer(&self, tokens: &[Token]) -> bool {
        let any = |list: &[u64]| tokens.iter().any(|token| list.contains(&token.hash));
        any(&self.material) && any(&self.holding)
    }
}

/// The claim that `tokens` make, if they make one.
fn claim(span: Range<usize>, tokens: &[Token]) -> Option<Claim> {
    let content = tokens.iter().filter(|token| token.counts());
    let (count, capitals) = content.fold((0, 0), |(count, capitals), token| {
        (count + 1, capitals + usize::from(token.capital))
    });
    let mut found = Claim {
        span,
        words: Vec::with_capacity(count.min(LIMIT)),
        order: Vec::with_capacity(count),
        numbers: Vec::new(),
        names: Vec::new(),
        denies: false,
    };
    // In German and in titles a capital letter says nothing about names.
    let telling = capitals * 2 <= count;
    for (index, token) in tokens.iter().enumerate() {
        found.denies |= token.kind == Kind::Negation;
        if !token.counts() {
            continue;
        }
        if !found.words.contains(&token.hash) {
            if found.words.len() == LIMIT {
                continue;
            }
            found.words.push(token.hash);
        }
        found.order.push(token.hash);
        if token.kind == Kind::Number {
            found.numbers.push(token.hash);
        }
        // A sentence begins with a capital anyway, unless a second one follows at once.
        let second = tokens
            .get(index + 1)
            .is_some_and(|next| next.capital && next.counts());
        if telling && token.capital && (index > 0 || second) {
            found.names.push(token.hash);
        }
    }
    if found.words.len() < 2 || (found.denies && SPEAKS.of_no_answer(tokens)) {
        return None;
    }
    Some(found)
}

/// Length of "According to the guide, " at the start of a claim, 0 without one.
fn lead_in(text: &str) -> usize {
    if !LEAD_INS.iter().any(|lead| text.starts_with(lead)) {
        return 0;
    }
    text.find([',', ':', '،']).map_or(0, |at| {
        at + text[at..].chars().next().map_or(1, char::len_utf8)
    })
}

/// Ranges of the answer that name a source: a descriptor, with its brackets when it has them. In
/// order and apart.
fn citations(answer: &str) -> Vec<Range<usize>> {
    const CLOSING: [char; 3] = [')', ']', '\n'];
    let mut found: Vec<Range<usize>> = Vec::new();
    // Of the text before a descriptor: where its last word begins, and a bracket that is open.
    let (mut word, mut open, mut read) = (0, None, 0);
    // The next ends behind it, looked for once.
    let (mut closed, mut space) = (0, 0);
    let next = |known: &mut usize, at: usize, ends: &dyn Fn(char) -> bool| {
        if *known <= at {
            *known = answer[at..].find(ends).map_or(answer.len(), |end| at + end);
        }
        *known
    };
    for (at, _) in answer.match_indices("#chunk") {
        let between = &answer[read..at];
        if let Some((place, mark)) = between.rmatch_indices(['(', '[', ')', ']', '\n']).next() {
            open = ["(", "["].contains(&mark).then_some(read + place);
        }
        if let Some((place, mark)) = between.rmatch_indices(char::is_whitespace).next() {
            word = read + place + mark.len();
        }
        read = at;
        let end = match open {
            Some(_) => next(&mut closed, at, &|c| CLOSING.contains(&c)),
            None => next(&mut space, at, &char::is_whitespace),
        };
        let mut range = open.unwrap_or(word)..end;
        while let Some(last) = found.pop_if(|last| range.start <= last.end) {
            range = last.start.min(range.start)..last.end.max(range.end);
        }
        found.push(range);
    }
    found
}
