//! One file to canonical text, or the reason why not.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::canonical::Canonical;
use crate::child::{self, Format};
use crate::decode::{self, Decoded};
use crate::media::Media;
use crate::options::CorpusOptions;
use crate::report::Damage;
use crate::walk::Stat;
use crate::{html, markdown};

/// SHA-256 of a file's bytes.
pub(crate) type Sha = [u8; 32];

/// A document that was read.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) canonical: Canonical,
    pub(crate) reading: Reading,
}

/// How a document was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Reading {
    /// Name of the encoding; empty for formats that say it themselves.
    pub(crate) encoding: String,
    /// Whether bytes without a meaning became U+FFFD.
    pub(crate) replaced: bool,
    /// What a person should know.
    pub(crate) notes: Vec<String>,
}

/// The bytes of a file and the state in which they were read.
pub(crate) struct Bytes {
    pub(crate) content: Vec<u8>,
    pub(crate) sha: Sha,
    pub(crate) stat: Stat,
}

/// Why a file of `size` bytes is not read, if it is too large.
pub(crate) fn too_large(size: u64, options: &CorpusOptions) -> Option<Damage> {
    (size > options.max_document_bytes).then(|| {
        Damage::passing(
            format!(
                "it is too large: {}, and the limit is {}",
                child::bytes_text(size),
                child::bytes_text(options.max_document_bytes)
            ),
            format!("split it, or raise {}", options.max_document_name),
        )
    })
}

/// Reads and hashes a whole file.
pub(crate) fn read(path: &Path, options: &CorpusOptions) -> Result<Bytes, Damage> {
    let unreadable = |error: std::io::Error| {
        let remedy = match error.kind() {
            std::io::ErrorKind::PermissionDenied => "give this user the right to read it",
            std::io::ErrorKind::NotFound => "it vanished while the corpus was read: run again",
            _ => "check the file and its disk",
        };
        Damage::passing(format!("it cannot be read: {error}"), remedy)
    };
    let mut file = File::open(path).map_err(unreadable)?;
    let before = Stat::of(&file.metadata().map_err(unreadable)?);
    let mut bytes = Vec::new();
    if let Some(damage) = too_large(before.size, options) {
        return Err(damage);
    }
    bytes
        .try_reserve_exact(before.size as usize)
        .map_err(|error| {
            Damage::passing(
                format!("it does not fit into memory: {error}"),
                "split it, or close other programs",
            )
        })?;
    file.by_ref()
        .take(options.max_document_bytes + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if let Some(damage) = too_large(bytes.len() as u64, options) {
        return Err(damage);
    }
    let after = Stat::of(&file.metadata().map_err(unreadable)?);
    // A file that is being written has no state to remember: the next opening reads it again.
    let stat = if before == after {
        after
    } else {
        Stat {
            mtime_ns: i64::MIN,
            ..after
        }
    };
    Ok(Bytes {
        sha: Sha256::digest(&bytes).into(),
        content: bytes,
        stat,
    })
}

/// Extracts the text of a document.
pub(crate) fn extract(
    media: Media,
    bytes: Vec<u8>,
    options: &CorpusOptions,
) -> Result<Loaded, Damage> {
    if bytes.is_empty() {
        return Err(Damage::lasting(
            "it is empty",
            "put text into it, or remove it",
        ));
    }
    let mut reading = Reading::default();
    let canonical = match media {
        Media::Text => Canonical::of_text(text(bytes, None, &mut reading)?),
        Media::Markdown => Canonical::of_text(markdown::to_text(&text(bytes, None, &mut reading)?)),
        Media::Html => {
            let declared = html::declared_charset(&bytes);
            let source = text(bytes, declared, &mut reading)?;
            let extracted = child::extract(
                &options.pdf_child,
                &options.pdf,
                Format::Html,
                source.as_bytes(),
            )?;
            reading.notes.extend(extracted.notes);
            Canonical::of_text(extracted.pages.into_iter().map(|(_, text)| text).collect())
        }
        Media::Pdf => {
            let head = bytes.get(..bytes.len().min(1024)).unwrap_or_default();
            if !head.windows(5).any(|window| window == b"%PDF-") {
                let what = decode::binary_format(&bytes)
                    .map(|format| format!(" but {format}"))
                    .unwrap_or_default();
                return Err(Damage::lasting(
                    format!("it is no PDF{what}, whatever its name says"),
                    "give it the extension of what it is, or remove it",
                ));
            }
            let extracted = child::extract(&options.pdf_child, &options.pdf, Format::Pdf, &bytes)?;
            reading.notes.extend(extracted.notes);
            Canonical::of_pages(
                extracted
                    .pages
                    .iter()
                    .map(|(page, text)| (*page, text.as_str())),
            )
        }
    };
    if canonical.chars == 0 {
        return Err(Damage::lasting(
            "it has no text",
            "check that it is the right file, or remove it",
        ));
    }
    Ok(Loaded { canonical, reading })
}

fn text(
    bytes: Vec<u8>,
    declared: Option<&'static encoding_rs::Encoding>,
    reading: &mut Reading,
) -> Result<String, Damage> {
    let remedy = "give it the extension of what it is, or remove it";
    if let Some(format) = decode::binary_format(&bytes) {
        return Err(Damage::lasting(format!("it is {format}, not text"), remedy));
    }
    let Decoded {
        text,
        encoding,
        guessed,
        replaced,
    } = decode::decode(bytes, declared);
    if decode::looks_binary(&text) {
        return Err(Damage::lasting("it holds binary data, not text", remedy));
    }
    if guessed {
        reading.notes.push(format!(
            "is no UTF-8 and was read as {encoding}, which is a guess"
        ));
    }
    if replaced {
        reading.notes.push(format!(
            "has bytes that mean nothing in {encoding}; U+FFFD stands for them"
        ));
    }
    encoding.clone_into(&mut reading.encoding);
    reading.replaced = replaced;
    Ok(text)
}
