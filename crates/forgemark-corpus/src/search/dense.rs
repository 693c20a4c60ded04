//! Hashed words as one dense vector, for places that want vectors and have no model.

use std::collections::BTreeMap;

use super::tokens::{Scratch, each_token};
use super::vectors::trigrams;

/// The vector of a text's words, of length 1.
///
/// Each word adds its character trigrams and itself, hashed to a dimension and a sign, scaled to length 1 and weighted with
/// 1 + ln of how often it stands there. So the cosine of two texts is about the share of words, and of parts of words, that
/// they have in common, with a noise of about 1 / √`dimensions`. It knows no meaning: a paraphrase in other words is as far
/// away as any text, and since no collection is looked at, frequent words count as much as rare ones. All texts
/// without a word have one vector. `dimensions` of 0 count as 1.
///
/// # Source
/// Weinberger et al., "Feature Hashing for Large Scale Multitask Learning", 2009, for the signs.
pub fn hashed_words(text: &str, dimensions: usize) -> Vec<f32> {
    let (mut scratch, mut spelt) = (Scratch::default(), Vec::new());
    // In the order of the hashes, so that sums are made in one order.
    let mut words: BTreeMap<u64, (f32, Vec<u32>)> = BTreeMap::new();
    each_token(text, &mut scratch, |token| {
        let (count, _) = words.entry(token.hash).or_insert_with(|| {
            let mut features = vec![(token.hash >> 32) as u32];
            spelt.clear();
            token.spell(&mut spelt);
            trigrams(&spelt, &mut features);
            (0.0, features)
        });
        *count += 1.0;
    });
    let mut vector = vec![0.0; dimensions.max(1)];
    for (count, features) in words.values() {
        let value = (1.0 + count.ln()) / (features.len() as f32).sqrt();
        for feature in features {
            let place = (feature >> 1) as usize % vector.len();
            if let Some(sum) = vector.get_mut(place) {
                *sum += if feature & 1 == 0 { value } else { -value };
            }
        }
    }
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    if length > 0.0 {
        for value in &mut vector {
            *value /= length;
        }
    } else if let Some(first) = vector.first_mut() {
        // No direction is none for a cosine.
        *first = 1.0;
    }
    vector
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cosine(a: &str, b: &str) -> f32 {
        let (a, b) = (hashed_words(a, 512), hashed_words(b, 512));
        a.iter().zip(&b).map(|(a, b)| a * b).sum()
    }

    #[test]
    fn common_words_and_parts_of_words_are_near() {
        let text = "the pump starts at nine each morning";
        assert!((cosine(text, text) - 1.0).abs() < 1e-5);
        assert!(cosine(text, "at nine each morning the pump starts!") > 0.99);
        let inflected = cosine(text, "pumps started at nine every morning");
        let other = cosine(text, "weather over northern hills stays mild");
        assert!(inflected > 0.4, "{inflected}");
        assert!(other < 0.2, "{other}");
    }

    #[test]
    fn every_text_has_a_direction_and_every_length_is_served() {
        for text in ["", " ... ", "a", "漢字", "1 2 3", &"word ".repeat(10_000)] {
            for dimensions in [0, 1, 2, 7, 512] {
                let vector = hashed_words(text, dimensions);
                assert_eq!(vector.len(), dimensions.max(1));
                let square: f32 = vector.iter().map(|value| value * value).sum();
                assert!(
                    (square - 1.0).abs() < 1e-4,
                    "{text:?} {dimensions} {square}"
                );
            }
        }
    }

    #[test]
    fn vectors_are_pinned() {
        // Stores hold them: a change here makes every store refuse the built-in model.
        let vector = hashed_words("The pump starts at 9.", 8);
        let thousandths: Vec<i32> = vector
            .iter()
            .map(|v| (v * 1_000.0).round() as i32)
            .collect();
        assert_eq!(thousandths, [-606, 198, -191, 610, -79, 0, -423, 0]);
    }
}
