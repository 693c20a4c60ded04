//! Evaluation items that occur in a text: shared n-grams of words.

use std::collections::{HashMap, HashSet};

use forgemark_contract::text::python_lower_collapse;

use crate::recipe::HoldoutItem;

/// The n-grams of evaluation items.
pub(crate) struct Grams {
    n: usize,
    share: f64,
    /// The items that have an n-gram, by its text.
    items: HashMap<String, Vec<usize>>,
    /// Different n-grams of each item.
    sizes: Vec<usize>,
    /// Words of items that are shorter than an n-gram.
    short: HashSet<usize>,
}

/// An item that occurs in a text.
pub(crate) struct Found {
    pub(crate) item: usize,
    /// The share of its n-grams that occur.
    pub(crate) share: f64,
    /// The longest run of shared words.
    pub(crate) span: String,
}

/// The words of the normal form, without the punctuation around them.
fn words(text: &str) -> Vec<String> {
    let normal = python_lower_collapse(text);
    let words = normal
        .split(' ')
        .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()));
    words
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

impl Grams {
    pub(crate) fn new(items: &[HoldoutItem], n: usize, share: f64) -> Self {
        let mut grams = Grams {
            n,
            share,
            items: HashMap::new(),
            sizes: vec![0; items.len()],
            short: HashSet::new(),
        };
        for (place, item) in items.iter().enumerate() {
            let words = words(&item.text);
            if words.is_empty() {
                continue;
            }
            let size = n.min(words.len());
            if size < n {
                grams.short.insert(size);
            }
            let own: HashSet<String> = words.windows(size).map(|gram| gram.join(" ")).collect();
            grams.sizes[place] = own.len();
            for gram in own {
                grams.items.entry(gram).or_default().push(place);
            }
        }
        grams
    }

    /// The item of which the largest share occurs in `text`, the first of several, if it suffices.
    pub(crate) fn find(&self, text: &str) -> Option<Found> {
        let words = words(text);
        let mut shared: HashMap<usize, HashSet<&str>> = HashMap::new();
        let sizes = self
            .short
            .iter()
            .copied()
            .chain([self.n])
            .filter(|size| *size <= words.len());
        for size in sizes {
            for gram in words.windows(size) {
                if let Some((gram, items)) = self.items.get_key_value(&gram.join(" ")) {
                    for item in items {
                        shared.entry(*item).or_default().insert(gram);
                    }
                }
            }
        }
        let share =
            |item: usize, found: &HashSet<&str>| found.len() as f64 / self.sizes[item] as f64;
        let (item, found) = shared
            .iter()
            .filter(|(item, found)| share(**item, found) >= self.share)
            .max_by(|a, b| {
                share(*a.0, a.1)
                    .total_cmp(&share(*b.0, b.1))
                    .then(b.0.cmp(a.0))
            })?;
        Some(Found {
            item: *item,
            share: share(*item, found),
            span: self.span(&words, found),
        })
    }

    /// The longest run of words that shared n-grams cover.
    fn span(&self, words: &[String], shared: &HashSet<&str>) -> String {
        let mut covered = vec![false; words.len()];
        for size in self
            .short
            .iter()
            .copied()
            .chain([self.n])
            .filter(|size| *size <= words.len())
        {
            for (start, gram) in words.windows(size).enumerate() {
                if shared.contains(gram.join(" ").as_str()) {
                    covered[start..start + size].fill(true);
                }
            }
        }
        let mut longest = 0..0;
        let mut start = 0;
        for place in 0..=words.len() {
            if !covered.get(place).copied().unwrap_or(false) {
                if place - start > longest.len() {
                    longest = start..place;
                }
                start = place + 1;
            }
        }
        words[longest].join(" ")
    }
}
