//! Extraction in a process of its own.
//!
//! PDF and HTML files can be made to take any amount of time and memory, and a parser may crash. So the product executes
//! itself once more with a hidden subcommand, and that process reads one document:
//!
//! ```text
//! host                                             guest (pdf_child_main)
//! spawn with an empty environment ---------------> limits on address space, CPU, files, core dumps
//! document on standard input --------------------> read, extract, catch panics
//! standard output up to a cap <------------------- frames: text, notes, refusal, end
//! deadline, kill; exit status and signal -> Damage
//! ```
//!
//! The bytes go through the pipe, so that what is extracted is exactly what was hashed, and the guest needs no file. The
//! empty environment keeps the variables that tune the parser from changing a text.

mod frames;
mod guest;
mod host;
#[cfg(test)]
mod tests;

pub use guest::pdf_child_main;
pub(crate) use host::{bytes_text, extract};

/// What the guest is asked to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Pdf,
    /// UTF-8.
    Html,
}

impl Format {
    const fn as_str(self) -> &'static str {
        match self {
            Format::Pdf => "pdf",
            Format::Html => "html",
        }
    }
}

/// A document's text in pages; a format without pages has one, with the number 0.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Extracted {
    pub(crate) pages: Vec<(u32, String)>,
    pub(crate) notes: Vec<String>,
}
