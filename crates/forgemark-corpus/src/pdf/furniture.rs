//! Running heads, feet and page numbers: text in the margins that returns on page after page.

use std::collections::BTreeMap;

use super::Page;

/// The share of a page's height that counts as margin, at the top and at the bottom.
const MARGIN: f32 = 0.09;

/// On how many pages a line must stand before it can be furniture.
const MIN_PAGES: usize = 3;

/// On which share of the pages: left and right pages may differ, and the first page of a chapter has none.
const MIN_SHARE: f32 = 0.3;

/// Removes the cells that repeat in the margins. Digits count as equal, so that page numbers repeat.
pub(super) fn remove(pages: &mut [Page]) {
    if pages.len() < MIN_PAGES {
        return;
    }
    let mut seen: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for (number, page) in pages.iter().enumerate() {
        for cell in page
            .cells
            .iter()
            .filter(|cell| in_margin(page.height, cell.t, cell.b))
        {
            let entry = seen.entry(pattern(&cell.text)).or_insert((usize::MAX, 0));
            if entry.0 != number {
                *entry = (number, entry.1 + 1);
            }
        }
    }
    let needed = MIN_PAGES.max((pages.len() as f32 * MIN_SHARE).ceil() as usize);
    for page in pages {
        let height = page.height;
        page.cells.retain(|cell| {
            !in_margin(height, cell.t, cell.b)
                || seen
                    .get(&pattern(&cell.text))
                    .is_none_or(|(_, n)| *n < needed)
        });
    }
}

fn in_margin(height: f32, top: f32, bottom: f32) -> bool {
    bottom <= height * MARGIN || top >= height * (1.0 - MARGIN)
}

fn pattern(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars().filter(|c| !c.is_whitespace()).take(120) {
        if !character.is_numeric() {
            out.extend(character.to_lowercase());
        } else if !out.ends_with('#') {
            out.push('#');
        }
    }
    out
}
