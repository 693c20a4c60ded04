//! The documents of `forgemark demo`: short texts of our own about everyday subjects, in every
//! format that the loader reads.

/// File name and content of each document.
pub fn documents() -> &'static [(&'static str, &'static [u8])] {
    &[
        (
            "bicycle-handbook.md",
            include_bytes!("../data/demo/bicycle-handbook.md"),
        ),
        (
            "garden-rules.txt",
            include_bytes!("../data/demo/garden-rules.txt"),
        ),
        (
            "hut-safety.txt",
            include_bytes!("../data/demo/hut-safety.txt"),
        ),
        (
            "library-of-things.md",
            include_bytes!("../data/demo/library-of-things.md"),
        ),
        (
            "lighthouse-museum.pdf",
            include_bytes!("../data/demo/lighthouse-museum.pdf"),
        ),
        (
            "observatory-guide.md",
            include_bytes!("../data/demo/observatory-guide.md"),
        ),
        (
            "rate-limits.html",
            include_bytes!("../data/demo/rate-limits.html"),
        ),
        (
            "sourdough-process.md",
            include_bytes!("../data/demo/sourdough-process.md"),
        ),
    ]
}
