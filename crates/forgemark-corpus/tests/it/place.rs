//! A temporary folder of documents with an index beside it.

use std::fs;
use std::path::PathBuf;

use forgemark_corpus::{ChunkId, Corpus, CorpusError, CorpusOptions, PdfChild, Report};
use forgemark_journal::storage::DiskStorage;

pub(crate) struct Place {
    dir: tempfile::TempDir,
    pub(crate) options: CorpusOptions,
}

pub(crate) fn child() -> PdfChild {
    PdfChild {
        program: env!("CARGO_BIN_EXE_forgemark-corpus-child").into(),
        leading_args: Vec::new(),
    }
}

impl Place {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("documents");
        fs::create_dir(&root).unwrap();
        let options = CorpusOptions::new(root, dir.path().join("index"), child());
        Place { dir, options }
    }

    pub(crate) fn file(&self, path: &str) -> PathBuf {
        self.options.root.join(path)
    }

    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let file = self.file(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, content).unwrap();
    }

    pub(crate) fn try_open(&self) -> Result<(Corpus, Report), CorpusError> {
        Corpus::open(&DiskStorage, &self.options)
    }

    #[track_caller]
    pub(crate) fn open(&self) -> (Corpus, Report) {
        self.try_open().unwrap()
    }

    /// Opens a corpus over the same documents that has never had an index.
    #[track_caller]
    pub(crate) fn open_fresh(&self) -> Corpus {
        let mut options = self.options.clone();
        options.index_dir = self.dir.path().join("fresh");
        let corpus = Corpus::open(&DiskStorage, &options).unwrap().0;
        fs::remove_dir_all(&options.index_dir).unwrap();
        corpus
    }

    /// The files of the index and their bytes.
    pub(crate) fn index_files(&self) -> Vec<(String, Vec<u8>)> {
        let mut files: Vec<_> = fs::read_dir(&self.options.index_dir)
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| {
                (
                    entry.file_name().into_string().unwrap(),
                    fs::read(entry.path()).unwrap(),
                )
            })
            .collect();
        files.sort();
        files
    }
}

/// Everything that a corpus says, to compare two of them.
pub(crate) fn whole(corpus: &Corpus, queries: &[&str]) -> String {
    let head = format!(
        "{}\n{:?}\n{:?}",
        corpus.digest(),
        corpus.documents(),
        corpus.chunks()
    );
    let chunk = |id| {
        format!(
            "{} {} {:?} {:?}",
            corpus.topic_id(id),
            corpus.descriptor(id),
            corpus.page(id),
            corpus.text(id)
        )
    };
    let answer = |query: &&str| format!("{query}: {:?}", corpus.search(query, 10, &|_| true));
    let parts = std::iter::once(head)
        .chain(corpus.chunk_ids().map(chunk))
        .chain(queries.iter().map(answer));
    parts.collect::<Vec<_>>().join("\n")
}

/// The damage of one file as "why; remedy", which must be there.
#[track_caller]
pub(crate) fn damage(report: &Report, path: &str) -> String {
    let found = report.damaged.iter().find(|damaged| damaged.path == path);
    let damaged = found.unwrap_or_else(|| panic!("{path} is not damaged: {report:#?}"));
    assert!(
        !damaged.why.is_empty() && !damaged.remedy.is_empty(),
        "{damaged:?}"
    );
    format!("{}; {}", damaged.why, damaged.remedy)
}

/// The text of the only document of that path.
#[track_caller]
pub(crate) fn text<'a>(corpus: &'a Corpus, path: &str) -> &'a str {
    let at = corpus
        .documents()
        .iter()
        .position(|document| document.path == path);
    corpus.document_text(
        u32::try_from(at.unwrap_or_else(|| panic!("{path} is no document"))).unwrap(),
    )
}

/// The descriptors of the best chunks.
pub(crate) fn best(corpus: &Corpus, query: &str, k: usize) -> Vec<String> {
    corpus
        .search(query, k, &|_: ChunkId| true)
        .iter()
        .map(|hit| corpus.descriptor(hit.chunk))
        .collect()
}
