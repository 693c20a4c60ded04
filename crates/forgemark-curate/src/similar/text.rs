//! Near duplicates among texts by their wording, under the greedy first-kept-wins rule.
//!
//! ```text
//! texts ─ normal form ─ shingles ─ candidates ─ difference of parities small enough? ─ Jaccard of the whole sets ─ decide
//! ```
//!
//! Two texts are near when the Jaccard index of their sets of shingles (runs of characters of the normal form) reaches a
//! threshold `t`. Every pair is decided by the sets themselves; what differs is where candidates come from:
//!
//! * [`Proposals::All`] misses none. Near texts share at least `t` of either set, so that in any one order of shingles the
//!   first `n - ceil(t n) + 1` of each set have one in common (the prefix filter of Chaudhuri, Ganti and Kaushik, ICDE 2006);
//!   these are indexed, rarest first. Its time grows with how often the rarest shingles of a text occur.
//! * [`Proposals::MinHash`] misses a pair at the threshold with the probability that [`Wording::miss_probability`] tells,
//!   and more similar ones far less often (Broder, 1997). Its time hardly grows with the number of texts.
//!
//! A sketch of parities settles most candidates: each shingle toggles one of 256 bits, so two sketches differ in at most as
//! many bits as the sets differ in shingles.

#[cfg(test)]
mod tests;

use forgemark_contract::text::python_lower_collapse;

/// When two texts are near.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wording {
    /// Characters of a shingle, at least 1.
    pub shingle: usize,
    /// Smallest Jaccard index of near texts, above 0 and at most 1; equality counts.
    pub jaccard: f64,
    /// Where candidates come from.
    pub proposals: Proposals,
}

/// Where candidates for near texts come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proposals {
    /// Every near pair is a candidate.
    All,
    /// Pairs that agree in a band of a `MinHash` signature.
    MinHash,
}

/// Values of a signature.
const SIGNATURE: usize = 128;

/// Largest probability with which the bands may miss a pair at the threshold.
const MISS: f64 = 1e-3;

impl Wording {
    /// The probability with which a pair at the threshold is no candidate.
    pub fn miss_probability(&self) -> f64 {
        match self.proposals {
            Proposals::All => 0.0,
            Proposals::MinHash => miss(self.jaccard, self.band()),
        }
    }

    /// Values of a band: as many as the smallest probability allows, because more make fewer candidates.
    fn band(&self) -> usize {
        (1..=SIGNATURE)
            .rev()
            .find(|rows| miss(self.jaccard, *rows) <= MISS)
            .unwrap_or(1)
    }
}

fn miss(jaccard: f64, rows: usize) -> f64 {
    let agree = jaccard.powi(rows as i32);
    (1.0 - agree).powi((SIGNATURE / rows) as i32)
}

/// Another text and how like it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Likeness {
    /// Its place, from 0.
    pub row: usize,
    /// The Jaccard index of the sets of shingles.
    pub jaccard: f64,
}

/// The hashes of the shingles of the normal form (lower case, white space collapsed), ascending, each once. A text shorter
/// than a shingle is one shingle; an empty one has none.
pub fn shingles(text: &str, size: usize) -> Vec<u64> {
    let normal: Vec<char> = python_lower_collapse(text).chars().collect();
    let size = size.clamp(1, normal.len().max(1));
    let mut hashes: Vec<u64> = normal.windows(size).map(hash).collect();
    hashes.sort_unstable();
    hashes.dedup();
    hashes
}

/// The Jaccard index of two ascending sets, 0 to 1; of two empty sets 0.
pub fn jaccard(a: &[u64], b: &[u64]) -> f64 {
    let (mut i, mut j, mut shared) = (0, 0, 0_usize);
    while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
        shared += usize::from(x == y);
        i += usize::from(x <= y);
        j += usize::from(y <= x);
    }
    let all = a.len() + b.len() - shared;
    if all == 0 {
        0.0
    } else {
        shared as f64 / all as f64
    }
}

/// For each text the first earlier one that was kept and is near; `None` for texts that stay.
pub fn first_kept_wins(texts: &[&str], wording: &Wording) -> Vec<Option<Likeness>> {
    let mut index = Index::new(texts, wording);
    let mut keeper = vec![None; texts.len()];
    for (row, text) in texts.iter().enumerate() {
        let set = shingles(text, wording.shingle);
        keeper[row] = index.near(&set).next();
        if keeper[row].is_none() {
            index.push(row, &set);
        }
    }
    keeper
}

/// For each text the first of `held` that is near.
pub fn first_matches(texts: &[&str], held: &[&str], wording: &Wording) -> Vec<Option<Likeness>> {
    let mut index = Index::new(held, wording);
    for (row, text) in held.iter().enumerate() {
        index.push(row, &shingles(text, wording.shingle));
    }
    let near = |text: &&str| index.near(&shingles(text, wording.shingle)).next();
    texts.iter().map(near).collect()
}

/// Hands over all near pairs, the later text first, in the order of the later one.
pub fn edges(texts: &[&str], wording: &Wording, visit: &mut dyn FnMut(usize, Likeness)) {
    let mut index = Index::new(texts, wording);
    for (row, text) in texts.iter().enumerate() {
        let set = shingles(text, wording.shingle);
        for near in index.near(&set) {
            visit(row, near);
        }
        index.push(row, &set);
    }
}

/// Counters of how often a shingle occurs; several shingles may share one, which only changes the order.
const COUNTERS: usize = 1 << 20;

/// No posting.
const END: u32 = u32::MAX;

/// The rarest shingles of texts, each with the texts that have it.
struct Index<'t> {
    texts: &'t [&'t str],
    wording: Wording,
    counts: Vec<u32>,
    /// The newest posting of each bucket.
    heads: Vec<u32>,
    postings: Vec<Posting>,
    /// What is known of each text that was put in.
    known: Vec<Known>,
}

#[derive(Clone, Copy, Default)]
struct Known {
    shingles: u32,
    parities: [u64; 4],
}

impl Known {
    fn of(set: &[u64]) -> Self {
        let mut parities = [0; 4];
        for shingle in set {
            parities[(shingle >> 62) as usize] ^= 1 << (shingle >> 56 & 63);
        }
        Known {
            shingles: set.len() as u32,
            parities,
        }
    }

    /// Whether the sets can be as near as this.
    fn can_reach(&self, other: &Self, jaccard: f64) -> bool {
        let (a, b) = (f64::from(self.shingles), f64::from(other.shingles));
        let bits = self
            .parities
            .iter()
            .zip(&other.parities)
            .map(|(a, b)| (a ^ b).count_ones());
        a.min(b) + 1e-9 >= jaccard * a.max(b)
            && f64::from(bits.sum::<u32>()) <= (1.0 - jaccard) / (1.0 + jaccard) * (a + b) + 1e-9
    }
}

#[derive(Clone, Copy)]
struct Posting {
    row: u32,
    /// The part of the hash that the bucket does not tell.
    tag: u32,
    next: u32,
}

impl<'t> Index<'t> {
    fn new(texts: &'t [&'t str], wording: &Wording) -> Self {
        let mut counts = Vec::new();
        if wording.proposals == Proposals::All {
            counts.resize(COUNTERS, 0_u32);
            for shingle in texts
                .iter()
                .flat_map(|text| shingles(text, wording.shingle))
            {
                let count = &mut counts[counter(shingle)];
                *count = count.saturating_add(1);
            }
        }
        let buckets = (texts.len() * 8).next_power_of_two().clamp(1 << 8, 1 << 26);
        Index {
            texts,
            wording: *wording,
            counts,
            heads: vec![END; buckets],
            postings: Vec::new(),
            known: vec![Known::default(); texts.len()],
        }
    }

    /// Keys of which a near text has at least one, for sure or nearly so.
    fn keys(&self, set: &[u64]) -> Vec<u64> {
        match self.wording.proposals {
            Proposals::All => self.prefix(set),
            Proposals::MinHash if set.is_empty() => Vec::new(),
            Proposals::MinHash => {
                let bands = signature(set);
                let bands = bands.chunks_exact(self.wording.band()).enumerate();
                bands
                    .map(|(number, band)| {
                        let start = finish(number as u64 + 1);
                        band.iter()
                            .fold(start, |hash, value| finish(hash ^ u64::from(*value)))
                    })
                    .collect()
            }
        }
    }

    fn prefix(&self, set: &[u64]) -> Vec<u64> {
        let shared = (self.wording.jaccard * set.len() as f64 - 1e-9)
            .ceil()
            .max(1.0) as usize;
        let length = (set.len() + 1).saturating_sub(shared).min(set.len());
        let mut ordered: Vec<(u32, u64)> = set
            .iter()
            .map(|shingle| (self.counts[counter(*shingle)], *shingle))
            .collect();
        if length < ordered.len() && length > 0 {
            ordered.select_nth_unstable(length - 1);
        }
        ordered.truncate(length);
        ordered.into_iter().map(|(_, shingle)| shingle).collect()
    }

    fn bucket(&self, shingle: u64) -> usize {
        (shingle >> 32) as usize & (self.heads.len() - 1)
    }

    fn push(&mut self, row: usize, set: &[u64]) {
        self.known[row] = Known::of(set);
        for shingle in self.keys(set) {
            let bucket = self.bucket(shingle);
            let posting = Posting {
                row: row as u32,
                tag: shingle as u32,
                next: self.heads[bucket],
            };
            self.heads[bucket] = self.postings.len() as u32;
            self.postings.push(posting);
        }
    }

    /// The texts of the index that are near, in their order.
    fn near<'s>(&'s self, set: &'s [u64]) -> impl Iterator<Item = Likeness> + 's {
        let mut candidates: Vec<u32> = Vec::new();
        let known = Known::of(set);
        for key in self.keys(set) {
            let mut next = self.heads[self.bucket(key)];
            while let Some(posting) = self.postings.get(next as usize) {
                next = posting.next;
                let other = &self.known[posting.row as usize];
                if posting.tag == key as u32 && known.can_reach(other, self.wording.jaccard) {
                    candidates.push(posting.row);
                }
            }
        }
        candidates.sort_unstable();
        candidates.dedup();
        candidates.into_iter().filter_map(move |row| {
            let row = row as usize;
            let jaccard = jaccard(set, &shingles(self.texts[row], self.wording.shingle));
            (jaccard >= self.wording.jaccard).then_some(Likeness { row, jaccard })
        })
    }
}

fn counter(shingle: u64) -> usize {
    shingle as usize % COUNTERS
}

/// For each of [`SIGNATURE`] hash functions the smallest value over the set.
fn signature(set: &[u64]) -> [u32; SIGNATURE] {
    let mut smallest = [u32::MAX; SIGNATURE];
    for shingle in set {
        // The shingle is a good hash already; a multiple of its halves gives the others (Kirsch and Mitzenmacher, 2006),
        // and the finish of 32 bits keeps them from being ordered alike.
        let (mut value, step) = (*shingle as u32, (shingle >> 32) as u32 | 1);
        for smallest in &mut smallest {
            value = value.wrapping_add(step);
            let mixed = (value ^ (value >> 16)).wrapping_mul(0x85eb_ca6b);
            let mixed = (mixed ^ (mixed >> 13)).wrapping_mul(0xc2b2_ae35);
            *smallest = (*smallest).min(mixed ^ (mixed >> 16));
        }
    }
    smallest
}

/// FNV-1a over the characters, finished as `MurmurHash3` does.
fn hash(characters: &[char]) -> u64 {
    let hash = characters
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, character| {
            (hash ^ u64::from(u32::from(*character))).wrapping_mul(0x0000_0100_0000_01b3)
        });
    finish(hash)
}

/// The 64-bit finalizer of `MurmurHash3`.
pub(crate) fn finish(mut hash: u64) -> u64 {
    for factor in [0xff51_afd7_ed55_8ccd, 0xc4ce_b9fe_1a85_ec53] {
        hash = (hash ^ (hash >> 33)).wrapping_mul(factor);
    }
    hash ^ (hash >> 33)
}
