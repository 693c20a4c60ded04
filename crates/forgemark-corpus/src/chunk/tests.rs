use proptest::prelude::{Strategy, prop, prop_assert, prop_assert_eq, proptest};

use super::{chunks, windows};
use crate::canonical::count;

/// The original's loop, character by character, as the reading gives it.
fn original(text: &str, size: usize, overlap: usize) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    let (mut start, mut found) = (0, Vec::new());
    while start < characters.len() {
        let end = characters.len().min(start + size);
        let chunk: String = characters[start..end].iter().collect();
        let stripped = chunk.trim();
        if !stripped.is_empty() {
            found.push(stripped.to_owned());
        }
        if end == characters.len() {
            break;
        }
        start = end - overlap;
    }
    found
}

fn texts_of(text: &str, size: u32, overlap: u32) -> Vec<String> {
    chunks(text, count(text), size, overlap)
        .iter()
        .map(|span| text[span.byte_start as usize..span.byte_end as usize].to_owned())
        .collect()
}

#[test]
fn the_default_window_is_750_by_600() {
    assert_eq!(
        windows(1_500, 750, 150).collect::<Vec<_>>(),
        [(0, 750), (600, 1_350), (1_200, 1_500)]
    );
    assert_eq!(
        windows(1_350, 750, 150).collect::<Vec<_>>(),
        [(0, 750), (600, 1_350)]
    );
    assert_eq!(windows(750, 750, 150).collect::<Vec<_>>(), [(0, 750)]);
    assert_eq!(windows(0, 750, 150).count(), 0);
}

#[test]
fn blank_windows_do_not_count() {
    let text = format!("ab{}cd", " ".repeat(20));
    assert_eq!(texts_of(&text, 4, 1), ["ab", "cd"]);
    let spans = chunks(&text, count(&text), 4, 1);
    assert_eq!((spans[1].start, spans[1].end), (22, 24));
}

fn cases() -> impl Strategy<Value = (String, u32, u32)> {
    let text = prop::collection::vec(
        prop::sample::select(vec![
            'a', 'Z', ' ', '\n', 'é', '漢', '𝄞', '\u{2028}', '\u{85}',
        ]),
        0..400,
    )
    .prop_map(String::from_iter);
    (text, 1_u32..40).prop_flat_map(|(text, size)| {
        (
            prop::strategy::Just(text),
            prop::strategy::Just(size),
            0..size,
        )
    })
}

proptest! {
    #[test]
    fn chunks_are_the_originals((text, size, overlap) in cases()) {
        prop_assert_eq!(texts_of(&text, size, overlap), original(&text, size as usize, overlap as usize));
    }

    #[test]
    fn windows_cover_the_text_and_overlap_exactly(chars in 0_u32..5_000, size in 1_u32..900, share in 0_u32..100) {
        let overlap = (size - 1) * share / 100;
        let all: Vec<_> = windows(chars, size, overlap).collect();
        prop_assert_eq!(all.first().map(|w| w.0), (chars > 0).then_some(0));
        prop_assert_eq!(all.last().map(|w| w.1), (chars > 0).then_some(chars));
        for pair in all.windows(2) {
            prop_assert_eq!(pair[0].1 - pair[1].0, overlap);
            prop_assert_eq!(pair[0].1 - pair[0].0, size);
        }
    }

    #[test]
    fn offsets_map_back_and_every_word_is_covered((text, size, overlap) in cases()) {
        let characters: Vec<char> = text.chars().collect();
        let mut covered = vec![false; characters.len()];
        for span in chunks(&text, count(&text), size, overlap) {
            let by_chars: String = characters[span.start as usize..span.end as usize].iter().collect();
            prop_assert_eq!(by_chars.as_str(), &text[span.byte_start as usize..span.byte_end as usize]);
            prop_assert_eq!(by_chars.trim(), by_chars.as_str());
            covered[span.start as usize..span.end as usize].fill(true);
        }
        for (at, character) in characters.iter().enumerate() {
            prop_assert!(covered[at] || character.is_whitespace());
        }
    }
}
