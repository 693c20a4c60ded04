//! The corpus: documents, chunks, and the search over them, in memory.

use std::collections::HashMap;
use std::fmt::{self, Write as _};
use std::ops::Range;
use std::sync::Arc;

use forgemark_contract::ids::topic_id;
use forgemark_contract::text::hex;
use forgemark_journal::storage::Storage;

use crate::canonical::{PageStart, page_at};
use crate::chunk;
use crate::error::CorpusError;
use crate::follow::{Content, follow};
use crate::media::Media;
use crate::options::{CorpusOptions, MAX_DOCUMENT_BYTES};
use crate::report::Report;
use crate::search::{ChunkVectors, Hit, SearchIndex};

/// The number of a chunk, from 0 in document order and then in order of the text.
///
/// It is valid for one opening of a corpus. What lasts is the topic id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChunkId(pub u32);

impl ChunkId {
    /// The position in [`Corpus::chunks`].
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for ChunkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A document of the corpus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Path relative to the root, with `/` between its parts.
    pub path: String,
    /// SHA-256 of the file, 64 hexadecimal digits.
    pub sha256: String,
    /// Its kind.
    pub media: Media,
    /// Length of its canonical text in Unicode scalar values.
    pub chars: u32,
    /// The number of its last page with text; `None` for formats without pages.
    pub pages: Option<u32>,
    /// Name of the encoding it was read in, for example `UTF-8`; empty for PDF.
    pub encoding: String,
    /// Whether bytes without a meaning in that encoding became U+FFFD.
    pub replaced: bool,
}

/// A chunk: a piece of a document's canonical text without white space at its ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk {
    /// Position of its document in [`Corpus::documents`].
    pub doc: u32,
    /// Its number in the document, from 0.
    pub ordinal: u32,
    /// Its first character, counted in Unicode scalar values from the start of the canonical text.
    pub start: u32,
    /// The character after its last one.
    pub end: u32,
}

/// How much memory the parts of a corpus take, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MemoryUse {
    /// Canonical texts.
    pub texts: usize,
    /// Chunk tables.
    pub chunks: usize,
    /// Keyword index.
    pub keywords: usize,
    /// Vectors.
    pub vectors: usize,
}

impl MemoryUse {
    /// The sum.
    pub fn total(&self) -> usize {
        self.texts + self.chunks + self.keywords + self.vectors
    }
}

/// Documents, chunks and search. Immutable once opened, and shared freely between threads.
#[derive(Debug)]
pub struct Corpus {
    documents: Vec<Document>,
    texts: Vec<String>,
    pages: Vec<Vec<PageStart>>,
    chunks: Vec<Chunk>,
    /// The chunks' places in their texts, in bytes.
    places: Vec<(u32, u32)>,
    /// The first chunk of each document, and one past the last chunk at the end.
    first_chunk: Vec<u32>,
    /// Documents by the hash in their topic ids, and the hash of each.
    by_topic: HashMap<Arc<str>, u32>,
    hashes: Vec<Arc<str>>,
    digest: String,
    search: SearchIndex,
}

impl Corpus {
    /// Reads the documents under the root, through the index, and brings the index up to date.
    ///
    /// The result depends on the files and on the options, not on the index. Files that cannot be read are in the
    /// report; an empty folder is an empty corpus.
    ///
    /// # Errors
    /// [`CorpusError`] when the root cannot be read, an option is out of range, or the index cannot be written or comes
    /// from a newer program.
    pub fn open(
        storage: &dyn Storage,
        options: &CorpusOptions,
    ) -> Result<(Corpus, Report), CorpusError> {
        check(options)?;
        let (contents, report) = follow(storage, options)?;
        Ok((Corpus::build(contents, options)?, report))
    }

    fn build(contents: Vec<Content>, options: &CorpusOptions) -> Result<Corpus, CorpusError> {
        let digest = digest(&contents, options);
        let mut corpus = Corpus {
            documents: Vec::with_capacity(contents.len()),
            texts: Vec::with_capacity(contents.len()),
            pages: Vec::with_capacity(contents.len()),
            chunks: Vec::new(),
            places: Vec::new(),
            first_chunk: vec![0],
            by_topic: HashMap::new(),
            hashes: Vec::with_capacity(contents.len()),
            digest,
            search: SearchIndex::default(),
        };
        for (doc, content) in (0_u32..).zip(contents) {
            let spans = chunk::chunks(
                &content.text,
                content.chars,
                options.chunk_size,
                options.chunk_overlap,
            );
            for (ordinal, span) in (0_u32..).zip(spans) {
                corpus.chunks.push(Chunk {
                    doc,
                    ordinal,
                    start: span.start,
                    end: span.end,
                });
                corpus.places.push((span.byte_start, span.byte_end));
            }
            let end = u32::try_from(corpus.chunks.len()).map_err(|_| CorpusError::TooManyChunks)?;
            corpus.first_chunk.push(end);
            let topic = topic_id(&content.found.path, 0);
            let hash: Arc<str> = topic.split('-').next().unwrap_or_default().into();
            corpus.by_topic.insert(Arc::clone(&hash), doc);
            corpus.hashes.push(hash);
            corpus.documents.push(Document {
                path: content.found.path,
                sha256: hex(&content.sha),
                media: content.found.media,
                chars: content.chars,
                pages: content.pages.last().map(|mark| mark.page),
                encoding: content.reading.encoding,
                replaced: content.reading.replaced,
            });
            corpus.texts.push(content.text);
            corpus.pages.push(content.pages);
        }
        corpus.chunks.shrink_to_fit();
        corpus.places.shrink_to_fit();
        let search = SearchIndex::build(corpus.chunk_ids().map(|id| corpus.text(id)));
        corpus.search = search;
        Ok(corpus)
    }

    /// The documents, in path order.
    pub fn documents(&self) -> &[Document] {
        &self.documents
    }

    /// The canonical text of a document; empty when there is no such document.
    pub fn document_text(&self, doc: u32) -> &str {
        self.texts.get(doc as usize).map_or("", String::as_str)
    }

    /// All chunks, in the order of their ids.
    pub fn chunks(&self) -> &[Chunk] {
        &self.chunks
    }

    /// The ids of all chunks.
    pub fn chunk_ids(&self) -> impl ExactSizeIterator<Item = ChunkId> + use<> {
        // `build` checks that the number of chunks fits.
        (0..self.chunks.len() as u32).map(ChunkId)
    }

    /// The chunks of a document; none when there is no such document.
    pub fn chunks_of(&self, doc: u32) -> Range<u32> {
        match self.first_chunk.get(doc as usize..) {
            Some([first, end, ..]) => *first..*end,
            _ => 0..0,
        }
    }

    /// A chunk, or `None` for an id from elsewhere.
    pub fn chunk(&self, id: ChunkId) -> Option<&Chunk> {
        self.chunks.get(id.index())
    }

    /// The text of a chunk; empty for an id from elsewhere.
    pub fn text(&self, id: ChunkId) -> &str {
        let place = self.chunk(id).zip(self.places.get(id.index()));
        place.map_or("", |(chunk, (start, end))| {
            self.document_text(chunk.doc)
                .get(*start as usize..*end as usize)
                .unwrap_or_default()
        })
    }

    /// The document of a chunk, or `None` for an id from elsewhere.
    pub fn document_of(&self, id: ChunkId) -> Option<&Document> {
        self.documents.get(self.chunk(id)?.doc as usize)
    }

    /// The topic id of a chunk, which lasts as long as the document's path and the chunk parameters; empty for an id from
    /// elsewhere.
    pub fn topic_id(&self, id: ChunkId) -> String {
        let Some(chunk) = self.chunk(id) else {
            return String::new();
        };
        let hash = self.hashes.get(chunk.doc as usize);
        let mut topic = String::with_capacity(hash.map_or(0, |hash| hash.len()) + 11);
        topic.push_str(hash.map_or("", |hash| hash));
        // Writing to a string cannot fail.
        let _ = write!(topic, "-{}", chunk.ordinal);
        topic
    }

    /// The chunk of a topic id, or `None` when no document of this corpus has it.
    pub fn find_topic(&self, topic: &str) -> Option<ChunkId> {
        let (hash, ordinal) = topic.rsplit_once('-')?;
        let chunks = self.chunks_of(*self.by_topic.get(hash)?);
        let id = chunks.start.checked_add(ordinal.parse().ok()?)?;
        // "01" parses too, but is not how an id is written.
        (id < chunks.end && !(ordinal.len() > 1 && ordinal.starts_with(['0', '+'])))
            .then_some(ChunkId(id))
    }

    /// Path of the chunk's document, relative to the root, with `/`; empty for an id of another corpus.
    pub fn source(&self, id: ChunkId) -> &str {
        self.document_of(id)
            .map_or("", |document| document.path.as_str())
    }

    /// What people call a chunk: `<path>#chunk<ordinal>`; empty for an id from elsewhere.
    pub fn descriptor(&self, id: ChunkId) -> String {
        let named = self.chunk(id).zip(self.document_of(id));
        named.map_or_else(String::new, |(chunk, document)| {
            format!("{}#chunk{}", document.path, chunk.ordinal)
        })
    }

    /// The page on which a chunk begins, from 1; `None` for formats without pages.
    pub fn page(&self, id: ChunkId) -> Option<u32> {
        let chunk = self.chunk(id)?;
        self.page_of(chunk.doc, chunk.start)
    }

    /// The page of the character at `offset` in a document's canonical text, from 1; `None` for formats without pages.
    pub fn page_of(&self, doc: u32, offset: u32) -> Option<u32> {
        page_at(self.pages.get(doc as usize)?, offset)
    }

    /// A hash of everything that decides the texts and chunks: paths, contents, readers, chunk parameters. 64 hexadecimal
    /// digits.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The `k` chunks that fit `query` best among those that `filter` lets pass, best first.
    ///
    /// Fewer come back when fewer have anything in common with the query. The same corpus and query give the same answer
    /// on every thread and run; chunks of equal rank stand in the order of their ids. See [`search`](crate::Hit) for the
    /// method and where it fails.
    pub fn search(&self, query: &str, k: usize, filter: &dyn Fn(ChunkId) -> bool) -> Vec<Hit> {
        self.search.search(query, None, k, filter)
    }

    /// As [`Corpus::search`], with the vectors of a model in place of the built-in ones: `of_query` is what it made of the query.
    /// Every vector is looked at, so the time grows with the number of chunks and values.
    pub fn search_by(
        &self,
        query: &str,
        vectors: &ChunkVectors,
        of_query: &[f32],
        k: usize,
        filter: &dyn Fn(ChunkId) -> bool,
    ) -> Vec<Hit> {
        self.search.search(query, Some((vectors, of_query)), k, filter)
    }

    /// How much memory the corpus takes.
    pub fn memory(&self) -> MemoryUse {
        let (keywords, vectors) = self.search.memory();
        MemoryUse {
            texts: self.texts.iter().map(String::capacity).sum(),
            chunks: self.chunks.capacity() * size_of::<Chunk>()
                + self.places.capacity() * size_of::<(u32, u32)>(),
            keywords,
            vectors,
        }
    }
}

fn check(options: &CorpusOptions) -> Result<(), CorpusError> {
    let wrong = |option, value, rule| {
        Err(CorpusError::Option {
            option,
            value,
            rule,
        })
    };
    if options.chunk_size == 0 {
        return wrong("chunk_size", 0, "it must be at least 1");
    }
    if options.chunk_overlap >= options.chunk_size {
        return wrong(
            "chunk_overlap",
            options.chunk_overlap.into(),
            "it must be less than chunk_size",
        );
    }
    if options.max_document_bytes > MAX_DOCUMENT_BYTES {
        return wrong(
            "max_document_bytes",
            options.max_document_bytes,
            "the most is 1 GiB (1073741824)",
        );
    }
    Ok(())
}

/// The corpus digest, from parts that are each preceded by their length.
fn digest(contents: &[Content], options: &CorpusOptions) -> String {
    let mut hasher = blake3::Hasher::new();
    let mut part = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    part(b"forgemark corpus 1");
    part(&options.chunk_size.to_le_bytes());
    part(&options.chunk_overlap.to_le_bytes());
    for content in contents {
        part(content.found.path.as_bytes());
        part(&content.sha);
        part(content.found.media.extractor().as_bytes());
    }
    hasher.finalize().to_hex().to_string()
}
