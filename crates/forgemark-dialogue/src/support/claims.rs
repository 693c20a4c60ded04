//! The claims of an answer.

use std::ops::Range;

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
        let citations = citations(answer);
        let speaks = Speaks::new();
        let mut list = Vec::new();
        let mut found: Vec<Token> = Vec::new();
        for span in sentences(answer) {
            let text = &answer[span.clone()];
            if text.ends_with(['?', '؟', '？']) {
                continue;
            }
            let skipped = lead_in(text);
            found.clear();
            scan(&text[skipped..], |token| {
                let start = span.start + skipped + token.start as usize;
                if !citations.iter().any(|cited| cited.contains(&start)) {
                    found.push(token);
                }
            });
            list.extend(claim(span, &found, &speaks));
        }
        let table = Table::new(&list);
        Self { list, table }
    }

    /// Calls `each` with the claim and the place in its words, for every claim that has the word.
    pub(super) fn matches(&self, hash: u64, mut each: impl FnMut(usize, usize)) {
        let mut slot = self.table.slot(hash);
        while let Some((found, claim, place)) = self.table.slots[slot] {
            if found == hash {
                each(usize::from(claim), usize::from(place));
            }
            slot = (slot + 1) & self.table.mask;
        }
    }
}

/// Open addressing from hash to (claim, place); a word of two claims has two entries.
struct Table {
    slots: Vec<Option<(u64, u16, u8)>>,
    mask: usize,
}

impl Table {
    fn new(claims: &[Claim]) -> Self {
        let entries: usize = claims.iter().map(|claim| claim.words.len()).sum();
        let size = (entries * 4).next_power_of_two().max(16);
        let mut table = Self {
            slots: vec![None; size],
            mask: size - 1,
        };
        for (index, claim) in claims.iter().enumerate().take(usize::from(u16::MAX)) {
            for (place, hash) in claim.words.iter().enumerate() {
                let mut slot = table.slot(*hash);
                while table.slots[slot].is_some() {
                    slot = (slot + 1) & table.mask;
                }
                table.slots[slot] = Some((*hash, index as u16, place as u8));
            }
        }
        table
    }

    fn slot(&self, hash: u64) -> usize {
        (hash ^ (hash >> 32)) as usize & self.mask
    }
}

/// Hashes of the words of [`MATERIAL`] and [`HOLDING`].
struct Speaks {
    material: Vec<u64>,
    holding: Vec<u64>,
}

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
fn claim(span: Range<usize>, tokens: &[Token], speaks: &Speaks) -> Option<Claim> {
    let mut found = Claim {
        span,
        words: Vec::new(),
        order: Vec::new(),
        numbers: Vec::new(),
        names: Vec::new(),
        denies: false,
    };
    let content: Vec<&Token> = tokens.iter().filter(|token| token.counts()).collect();
    let capitals = content.iter().filter(|token| token.capital).count();
    // In German and in titles a capital letter says nothing about names.
    let telling = capitals * 2 <= content.len();
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
    if found.words.len() < 2 || (found.denies && speaks.of_no_answer(tokens)) {
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

/// Ranges of the answer that name a source: a descriptor, with its brackets when it has them.
fn citations(answer: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for (at, _) in answer.match_indices("#chunk") {
        let before = &answer[..at];
        let word = before
            .rfind(char::is_whitespace)
            .map_or(0, |space| space + 1);
        let open = before
            .rfind(['(', '['])
            .filter(|open| !before[*open..].contains([')', ']', '\n']));
        let after = &answer[at..];
        let end = match open {
            Some(_) => after.find([')', ']', '\n']),
            None => after.find(char::is_whitespace),
        };
        found.push(open.unwrap_or(word)..at + end.unwrap_or(after.len()));
    }
    found
}
