//! Hashed vectors of tokens, and which tokens are near which.
//!
//! A token's vector has a 1 in the dimension of each of its character trigrams, ends marked, hashed; it counts as scaled
//! to length 1. So the product of two such vectors is the share of trigrams that two words have in common, `measure` and
//! `measurement` for example 0.65. The vectors are never written out: each dimension lists the tokens that have it, and
//! for every token of the dictionary its nearest are found once.

/// A product of two vectors below this is taken for 0: short words share a trigram by chance.
const MIN_PRODUCT: f32 = 0.3;

/// The same for a token that the dictionary has: its own postings say most, and near ones only cost time.
const MIN_KNOWN_PRODUCT: f32 = 0.45;

/// How many near tokens an unknown token has at most.
const MAX_NEAR: usize = 8;

/// How many a token of the dictionary has at most, itself included.
const MAX_KNOWN_NEAR: usize = 4;

/// A dimension that more tokens have (`ing`, `tio`) tells little and is not looked at.
const MAX_SHARED: usize = 512;

/// The place of a trigram before it is folded to the number of dimensions.
pub(super) type Trigram = u32;

/// A token that is near another, and the product of their vectors, in (0, 1].
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Near {
    pub(super) token: u32,
    pub(super) product: f32,
}

/// Appends the trigrams of a token. Numbers have none: they are the same or they are not.
pub(super) fn trigrams(token: &[char], out: &mut Vec<Trigram>) {
    if token.iter().all(|c| c.is_numeric()) {
        return;
    }
    let mut window = ['\u{2}', *token.first().unwrap_or(&'\u{3}'), '\u{3}'];
    for last in token.iter().skip(1).chain(&['\u{3}']) {
        window[2] = *last;
        out.push(super::tokens::hash(&window) as Trigram);
        window = [window[1], window[2], window[2]];
    }
}

/// The vectors of a dictionary.
#[derive(Debug, Default)]
pub(super) struct Vectors {
    /// Where the tokens of each dimension begin, and one past the last at the end. The number of dimensions is a power
    /// of two.
    starts: Vec<u32>,
    tokens: Vec<u32>,
    /// How many trigrams each token has; 255 stands for more.
    lengths: Vec<u8>,
    /// Where the near tokens of each token begin, and one past the last at the end.
    near_starts: Vec<u32>,
    near: Vec<Near>,
}

/// The trigrams of every token of a dictionary, one token after the other.
#[derive(Debug)]
pub(super) struct TrigramTable {
    trigrams: Vec<Trigram>,
    starts: Vec<u32>,
}

/// Room to count in, kept from call to call. Between calls all counts are 0.
#[derive(Debug, Default)]
pub(super) struct Counter {
    counts: Vec<u16>,
    touched: Vec<u32>,
}

impl Default for TrigramTable {
    fn default() -> Self {
        TrigramTable {
            trigrams: Vec::new(),
            starts: vec![0],
        }
    }
}

impl TrigramTable {
    /// Appends the next token of the dictionary.
    pub(super) fn push(&mut self, token: &[char]) {
        trigrams(token, &mut self.trigrams);
        self.starts.push(self.trigrams.len() as u32);
    }

    fn len(&self) -> usize {
        self.starts.len() - 1
    }

    fn of(&self, token: usize) -> &[Trigram] {
        match self.starts.get(token..) {
            Some([from, to, ..]) => self
                .trigrams
                .get(*from as usize..*to as usize)
                .unwrap_or_default(),
            _ => &[],
        }
    }
}

impl Vectors {
    /// The vectors of a dictionary. Near tokens are found for those that `wanted` names; the others are near to
    /// themselves only.
    pub(super) fn build(table: &TrigramTable, wanted: impl Fn(usize) -> bool) -> Self {
        let mut vectors = Vectors::invert(table);
        let mut counter = Counter::default();
        let mut found = Vec::new();
        vectors.near_starts.reserve_exact(table.len() + 1);
        vectors.near_starts.push(0);
        for token in 0..table.len() {
            found.clear();
            let own = Near {
                token: token as u32,
                product: 1.0,
            };
            if wanted(token) {
                vectors.find_near(table.of(token), &mut counter, &mut found);
            }
            // Its own dimensions may all be too common to be looked at.
            found.retain(|near| near.token != own.token && near.product >= MIN_KNOWN_PRODUCT);
            found.truncate(MAX_KNOWN_NEAR - 1);
            vectors.near.push(own);
            vectors.near.append(&mut found);
            vectors.near_starts.push(vectors.near.len() as u32);
        }
        vectors.near.shrink_to_fit();
        vectors
    }

    fn invert(table: &TrigramTable) -> Self {
        let dimensions = (4 * table.len())
            .next_power_of_two()
            .clamp(1 << 12, 1 << 24);
        let mut vectors = Vectors {
            starts: vec![0; dimensions + 1],
            tokens: vec![0; table.trigrams.len()],
            lengths: (0..table.len())
                .map(|token| table.of(token).len().min(255) as u8)
                .collect(),
            ..Vectors::default()
        };
        for trigram in &table.trigrams {
            let dimension = vectors.dimension(*trigram);
            if let Some(n) = vectors.starts.get_mut(dimension + 1) {
                *n += 1;
            }
        }
        let mut sum = 0;
        for start in &mut vectors.starts {
            sum += *start;
            *start = sum;
        }
        let mut next = vectors.starts.clone();
        for token in 0..table.len() {
            for trigram in table.of(token) {
                if let Some(place) = next.get_mut(vectors.dimension(*trigram)) {
                    if let Some(slot) = vectors.tokens.get_mut(*place as usize) {
                        *slot = token as u32;
                    }
                    *place += 1;
                }
            }
        }
        vectors
    }

    fn dimension(&self, trigram: Trigram) -> usize {
        trigram as usize & (self.starts.len() - 2)
    }

    /// The near tokens of a token of the dictionary.
    pub(super) fn near(&self, token: u32) -> &[Near] {
        match self.near_starts.get(token as usize..) {
            Some([from, to, ..]) => self
                .near
                .get(*from as usize..*to as usize)
                .unwrap_or_default(),
            _ => &[],
        }
    }

    /// Appends the tokens of the dictionary that are near a token with these trigrams, nearest first.
    pub(super) fn find_near(
        &self,
        trigrams: &[Trigram],
        counter: &mut Counter,
        out: &mut Vec<Near>,
    ) {
        if counter.counts.len() < self.lengths.len() {
            counter.counts.resize(self.lengths.len(), 0);
        }
        for trigram in trigrams {
            let dimension = self.dimension(*trigram);
            let Some([from, to]) = self.starts.get(dimension..dimension + 2) else {
                continue;
            };
            let tokens = self
                .tokens
                .get(*from as usize..*to as usize)
                .unwrap_or_default();
            if tokens.len() > MAX_SHARED {
                continue;
            }
            for token in tokens {
                if let Some(count) = counter.counts.get_mut(*token as usize) {
                    if *count == 0 {
                        counter.touched.push(*token);
                    }
                    *count = count.saturating_add(1);
                }
            }
        }
        let from = out.len();
        for token in counter.touched.drain(..) {
            let Some((count, length)) = counter
                .counts
                .get_mut(token as usize)
                .zip(self.lengths.get(token as usize))
            else {
                continue;
            };
            let shared = f32::from(std::mem::take(count));
            // A trigram that a token has twice can be counted more often than there are.
            let product = (shared / (trigrams.len() as f32 * f32::from(*length)).sqrt()).min(1.0);
            if product >= MIN_PRODUCT {
                out.push(Near { token, product });
            }
        }
        if let Some(found) = out.get_mut(from..) {
            found.sort_unstable_by(|a, b| {
                b.product.total_cmp(&a.product).then(a.token.cmp(&b.token))
            });
        }
        out.truncate(from + MAX_NEAR);
    }

    pub(super) fn memory(&self) -> usize {
        let words = self.starts.capacity() + self.tokens.capacity() + self.near_starts.capacity();
        words * size_of::<u32>()
            + self.lengths.capacity()
            + self.near.capacity() * size_of::<Near>()
    }
}
