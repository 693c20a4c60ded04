//! The kinds of document that the corpus reads, by file extension.

/// A kind of document. The extension alone decides; the content must then agree with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Media {
    /// Plain text: `.txt`, `.text`.
    Text,
    /// Markdown: `.md`, `.markdown`.
    Markdown,
    /// HTML: `.html`, `.htm`, `.xhtml`.
    Html,
    /// PDF with a text layer: `.pdf`.
    Pdf,
}

impl Media {
    /// The kind of a file name, or `None` for an extension that the corpus does not read. Letter case does not matter.
    pub fn of_name(name: &str) -> Option<Self> {
        let (_, extension) = name.rsplit_once('.')?;
        Some(match extension.to_ascii_lowercase().as_str() {
            "txt" | "text" => Media::Text,
            "md" | "markdown" => Media::Markdown,
            "html" | "htm" | "xhtml" => Media::Html,
            "pdf" => Media::Pdf,
            _ => return None,
        })
    }

    /// The word for it in files and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Media::Text => "text",
            Media::Markdown => "markdown",
            Media::Html => "html",
            Media::Pdf => "pdf",
        }
    }

    /// The reverse of [`Media::as_str`].
    pub fn from_word(word: &str) -> Option<Self> {
        [Media::Text, Media::Markdown, Media::Html, Media::Pdf]
            .into_iter()
            .find(|media| media.as_str() == word)
    }

    /// The version of the extraction. It is part of a document's identity: when the rules or the library behind one
    /// kind change so that its text may differ, raise that kind's number, and only its documents are read again.
    pub(crate) fn extractor(self) -> &'static str {
        match self {
            Media::Text => "text/1",
            Media::Markdown => "markdown/1",
            Media::Html => "html/1",
            Media::Pdf => "pdf/1 docling-pdf/2.62.0",
        }
    }
}
