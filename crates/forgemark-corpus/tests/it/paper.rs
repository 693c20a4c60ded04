//! A real two-column paper.

use std::fs;
use std::path::PathBuf;

use forgemark_corpus::{Corpus, Media};

use crate::place::{Place, best, text};

const NAME: &str = "High resolution measurement.pdf";

fn paper() -> Option<Vec<u8>> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/data/bco/bcorag/test_papers")
        .join(NAME);
    match fs::read(&path) {
        Ok(bytes) => Some(bytes),
        Err(error) => {
            println!("skipped: {}: {error}", path.display());
            None
        }
    }
}

/// The page on which a quote stands, which must be in the text word by word.
#[track_caller]
fn page_of(corpus: &Corpus, quote: &str) -> u32 {
    let text = text(corpus, NAME);
    let at = text
        .find(quote)
        .unwrap_or_else(|| panic!("not in the text: {quote}"));
    corpus
        .page_of(0, u32::try_from(text[..at].chars().count()).unwrap())
        .unwrap()
}

#[test]
fn a_paper_is_read_in_order_with_pages() {
    let Some(bytes) = paper() else { return };
    let place = Place::new();
    place.write(NAME, bytes);
    let (corpus, report) = place.open();
    assert!(
        report.damaged.is_empty() && report.notes.is_empty(),
        "{report:?}"
    );
    let document = &corpus.documents()[0];
    assert_eq!(
        (document.media, document.pages, document.encoding.as_str()),
        (Media::Pdf, Some(16), "")
    );
    for (quote, page) in [
        // The title, over three lines.
        (
            "High resolution measurement of DUF1220 domain copy number from whole genome sequence data",
            1,
        ),
        // "preva-" and "lent" on two lines.
        (
            "Highly duplicated sequences, including genes, are prevalent throughout the human genome [1]. While they have been linked",
            1,
        ),
        // From the left column to the right one, past the footnotes.
        (
            "develop improved strategies for accurate copy number determination of highly duplicated sequences.",
            1,
        ),
        // A line end in the middle, and a hyphen that belongs to the word.
        (
            "the measurement of clade-specific copy number is essential because increases in the copy number of specific DUF1220 clades",
            2,
        ),
        // From page 2 to page 3 the sentence goes on; its beginning is on page 2.
        (
            "We carried out a simulation in which 100 bp paired-end reads from each DUF1220 domain were generated from the human reference genome",
            4,
        ),
        // A row of a table.
        ("CON2 89.1 89.1 83.7 0", 7),
        ("Acknowledgements\n", 15),
        (
            "38. Eddy SR, Pearson WR. Accelerated Profile HMM Searches. PLoS Computational Biology. 2011;7(10):e1002195.",
            16,
        ),
    ] {
        assert_eq!(page_of(&corpus, quote), page, "{quote}");
    }
    let text = text(&corpus, NAME);
    assert!(
        !text.contains("Page 3 of 16") && !text.contains("Astling et al. BMC Genomics"),
        "running heads are gone"
    );
    let position = |words: &str| text.find(words).unwrap_or_else(|| panic!("{words}"));
    assert!(position("METHODOLOGY ARTICLE") < position("Abstract\n"));
    assert!(position("Abstract\n") < position("Background\nHighly"));
    // The chunks know their pages too.
    let first = &corpus.search(
        "no published methods can directly measure copies of DUF1220",
        1,
        &|_| true,
    )[0];
    assert_eq!(corpus.page(first.chunk), Some(1));
    assert!(
        best(&corpus, "alignment ambiguity between NBPF genes", 3)
            .iter()
            .all(|found| found.starts_with(NAME))
    );
    // A second opening takes text and pages from the index.
    let (again, report) = place.open();
    assert_eq!(report.unchanged, 1);
    assert_eq!(page_of(&again, "Acknowledgements\n"), 15);
    assert_eq!(again.digest(), corpus.digest());
}
