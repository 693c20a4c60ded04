//! PDF: the text layer, in reading order, page by page.
//!
//! ```text
//! bytes --docling-pdf--> line cells with boxes, per page
//!       --furniture-->   without running heads and page numbers
//!       --columns-->     leaves: runs of cells in one column, in reading order
//!       --paragraphs-->  lines grouped by spacing, indent and line ends
//!       --join-->        words that were split at line ends put together, ligatures folded
//! ```
//!
//! Everything here runs in the extraction child: the parser behind it can be made to take any amount of time and memory.
//! Nothing here knows of processes, and the geometry below [`read`] knows nothing of PDF.

mod columns;
mod furniture;
mod join;
mod paragraphs;
#[cfg(test)]
mod tests;

use std::panic::{AssertUnwindSafe, catch_unwind};

use docling_pdf::pdf_meta::PdfMeta;
use docling_pdf::textparse::{PageTextParser, TextLayerTally};

/// A piece of text on a page, usually one line of one column, with its box in points from the top left corner.
#[derive(Debug, Clone, PartialEq)]
struct Cell {
    l: f32,
    t: f32,
    r: f32,
    b: f32,
    text: String,
}

impl Cell {
    fn width(&self) -> f32 {
        self.r - self.l
    }

    fn height(&self) -> f32 {
        self.b - self.t
    }

    fn middle(&self) -> f32 {
        f32::midpoint(self.t, self.b)
    }

    fn words(&self) -> usize {
        self.text.split_whitespace().count()
    }

    /// Whether the text runs up or down the page: a box far taller than wide that holds more than a letter or two.
    fn is_upright(&self) -> bool {
        self.height() > 1.5 * self.width() && self.text.chars().count() > 2
    }
}

/// The cells of one page.
#[derive(Debug, Clone, Default)]
struct Page {
    height: f32,
    cells: Vec<Cell>,
}

/// The text of a document's pages.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct PdfText {
    /// Physical page from 1, and its text with the separator that follows it. Pages without text are empty.
    pub(crate) pages: Vec<(u32, String)>,
    /// What the reader should know, for a person.
    pub(crate) notes: Vec<String>,
}

/// Why a PDF has no text for us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It needs a password.
    Encrypted,
    /// No reader can make sense of it.
    Damaged(String),
    /// Its pages are pictures.
    NoTextLayer {
        /// How many pages it has.
        pages: usize,
    },
}

/// Reads the text layer.
pub(crate) fn read(bytes: &[u8]) -> Result<PdfText, Refusal> {
    let Some(mut parser) = PageTextParser::open(bytes) else {
        return Err(match PdfMeta::open_with_password(bytes, None) {
            Err(docling_pdf::PdfError::Encrypted(_)) => Refusal::Encrypted,
            _ => Refusal::Damaged("its structure cannot be read".to_owned()),
        });
    };
    let n_pages = parser.page_count();
    let mut tally = TextLayerTally::default();
    let mut pages = Vec::new();
    let mut notes = Vec::new();
    let mut lost = Vec::new();
    for index in 0..n_pages {
        // One page that the parser fails on must not cost the others.
        let page = catch_unwind(AssertUnwindSafe(|| {
            let page = parser.text_page(index);
            tally.add(&page);
            page
        }));
        if page.is_err() {
            lost.push(index + 1);
        }
        pages.push(page.map(Page::of).unwrap_or_default());
    }
    if n_pages == 0 && bytes.windows(8).any(|window| window == b"/Encrypt") {
        // The parser looks for the key dictionary in one of the two places where it may stand.
        return Err(Refusal::Encrypted);
    }
    if n_pages == 0 || lost.len() == n_pages {
        return Err(Refusal::Damaged(match n_pages {
            0 => "it has no pages".to_owned(),
            n => format!("none of its {n} pages can be read"),
        }));
    }
    if !lost.is_empty() {
        notes.push(format!(
            "{} could not be read and is missing from the text",
            page_list(&lost)
        ));
    }
    if tally.is_vestigial() && pages.iter().all(|page| page.cells.is_empty()) {
        return Err(Refusal::NoTextLayer { pages: n_pages });
    }
    if tally.is_vestigial() {
        notes.push(format!(
            "has hardly any text for its number of pages ({n_pages}): they may be pictures, and text recognition (OCR) may find more"
        ));
    }
    let texts = compose(pages);
    if unreadable_share(&texts) > 0.1 {
        notes.push("many characters have no known meaning, because its fonts do not say which letters they draw".to_owned());
    }
    Ok(PdfText {
        pages: (1..).zip(texts).collect(),
        notes,
    })
}

impl Page {
    fn of(page: docling_pdf::pdfium_backend::PdfPage) -> Self {
        let cells = page
            .cells
            .into_iter()
            .filter(|cell| !cell.text.trim().is_empty())
            .map(|cell| {
                let known = [cell.l, cell.t, cell.r, cell.b]
                    .iter()
                    .all(|edge| edge.is_finite());
                let (l, t, r, b) = if known {
                    (cell.l, cell.t, cell.r, cell.b)
                } else {
                    (0.0, 0.0, 0.0, 0.0)
                };
                Cell {
                    l: l.min(r),
                    t: t.min(b),
                    r: r.max(l),
                    b: b.max(t),
                    text: join::fold(&cell.text),
                }
            })
            .collect();
        Page {
            height: page.height,
            cells,
        }
    }
}

/// The texts of the pages, in order, each with the separator that follows it.
fn compose(mut pages: Vec<Page>) -> Vec<String> {
    furniture::remove(&mut pages);
    let words = join::Vocabulary::of(
        pages
            .iter()
            .flat_map(|page| &page.cells)
            .map(|cell| cell.text.as_str()),
    );
    let mut texts = vec![String::new(); pages.len()];
    let mut all: Vec<(usize, String, f32)> = Vec::new();
    for (page, content) in pages.into_iter().enumerate() {
        for paragraph in paragraphs::of_page(columns::order(content.cells)) {
            all.push((
                page,
                join::lines(&paragraph.lines, &words),
                paragraph.height,
            ));
        }
    }
    let mut rest = all.into_iter().peekable();
    while let Some((page, mut text, height)) = rest.next() {
        let mut separator = "\n";
        if let Some((next_page, next, next_height)) = rest.peek()
            && *next_page != page
            && paragraphs::same_size(height, *next_height)
            && join::runs_on(&text, next)
        {
            // The sentence goes on over the page break.
            separator = words.glue(&mut text, next);
        }
        if let Some(target) = texts.get_mut(page) {
            target.push_str(&text);
            target.push_str(separator);
        }
    }
    texts
}

fn unreadable_share(texts: &[String]) -> f64 {
    let (mut all, mut odd) = (0_u64, 0_u64);
    for character in texts
        .iter()
        .flat_map(|text| text.chars())
        .filter(|c| !c.is_whitespace())
    {
        all += 1;
        odd +=
            u64::from(matches!(character, '\u{fffd}' | '\u{e000}'..='\u{f8ff}' | '\0'..='\u{1f}'));
    }
    odd as f64 / all.max(1) as f64
}

fn page_list(pages: &[usize]) -> String {
    let shown: Vec<String> = pages.iter().take(8).map(usize::to_string).collect();
    let more = pages.len().saturating_sub(shown.len());
    let word = if pages.len() == 1 { "page" } else { "pages" };
    let tail = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    format!("{word} {}{tail}", shown.join(", "))
}
