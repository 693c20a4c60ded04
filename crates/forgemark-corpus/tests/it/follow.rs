//! The index follows the files, and never changes what comes out.

use std::fs;
use std::time::{Duration, SystemTime};

use forgemark_corpus::{CorpusError, Renamed};

use crate::place::{Place, best, text, whole};

const QUERIES: [&str; 3] = ["alpha river", "the second document", "nothing of the kind"];

fn filled() -> Place {
    let place = Place::new();
    place.write(
        "b/one.txt",
        "Alpha. The river runs through the valley. ".repeat(60),
    );
    place.write("a.md", "# Second\n\nThe second document speaks of bridges.");
    place.write(
        "c.html",
        "<p>The third document speaks of <b>towers</b>.</p>",
    );
    place.write("z/notes.csv", "not,a,document");
    place
}

fn set_mtime(place: &Place, path: &str, seconds: u64) {
    let file = fs::File::options()
        .write(true)
        .open(place.file(path))
        .unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
        .unwrap();
}

#[test]
fn a_first_opening_adds_and_a_second_reads_nothing() {
    let place = filled();
    let (first, report) = place.open();
    assert_eq!(report.added, ["a.md", "b/one.txt", "c.html"]);
    assert_eq!(report.ignored, ["z/notes.csv"]);
    assert!(report.damaged.is_empty(), "{report:?}");
    assert_eq!(best(&first, "where are the towers", 1), ["c.html#chunk0"]);
    // Even the reader of HTML is not needed any more.
    let mut place = place;
    place.options.pdf_child.program = "/nonexistent".into();
    let before = place.index_files();
    let (second, report) = place.open();
    assert_eq!((report.unchanged, report.added.len()), (3, 0), "{report:?}");
    assert_eq!(whole(&second, &QUERIES), whole(&first, &QUERIES));
    assert_eq!(
        place.index_files(),
        before,
        "an unchanged corpus writes nothing"
    );
}

#[test]
fn changes_are_named_and_the_result_is_that_of_a_fresh_index() {
    let place = filled();
    place.open();
    place.write("b/one.txt", "Changed altogether.");
    place.write("d/new.txt", "A new document.");
    fs::rename(place.file("a.md"), place.file("moved.md")).unwrap();
    fs::remove_file(place.file("c.html")).unwrap();
    let (corpus, report) = place.open();
    assert_eq!(report.added, ["d/new.txt"]);
    assert_eq!(report.changed, ["b/one.txt"]);
    assert_eq!(
        report.renamed,
        [Renamed {
            from: "a.md".to_owned(),
            to: "moved.md".to_owned()
        }]
    );
    assert_eq!(report.deleted, ["c.html"]);
    assert_eq!(report.unchanged, 0);
    assert!(
        best(&corpus, "towers", 5)
            .iter()
            .all(|found| !found.starts_with("c.html")),
        "a deleted document is not found"
    );
    assert_eq!(
        whole(&corpus, &QUERIES),
        whole(&place.open_fresh(), &QUERIES)
    );
}

#[test]
fn a_rename_needs_no_reader() {
    let mut place = filled();
    place.open();
    fs::rename(place.file("c.html"), place.file("b/tower.html")).unwrap();
    place.options.pdf_child.program = "/nonexistent".into();
    let (corpus, report) = place.open();
    assert_eq!(report.renamed.len(), 1, "{report:?}");
    assert_eq!(
        text(&corpus, "b/tower.html"),
        "The third document speaks of towers."
    );
}

#[test]
fn a_copy_is_new_and_one_of_two_copies_can_move() {
    let place = filled();
    place.open();
    fs::copy(place.file("a.md"), place.file("copy.md")).unwrap();
    assert_eq!(place.open().1.added, ["copy.md"]);
    fs::rename(place.file("copy.md"), place.file("other.md")).unwrap();
    let (_, report) = place.open();
    assert_eq!(
        (report.added.as_slice(), report.deleted.as_slice()),
        (&["other.md".to_owned()][..], &["copy.md".to_owned()][..])
    );
    assert_eq!(report.unchanged, 3);
}

#[test]
fn a_rebuild_is_a_fresh_build() {
    let mut place = filled();
    let first = whole(&place.open().0, &QUERIES);
    let files = place.index_files();
    place.options.rebuild = true;
    let (rebuilt, report) = place.open();
    assert_eq!(report.added.len(), 3, "a rebuild starts from nothing");
    assert_eq!(whole(&rebuilt, &QUERIES), first);
    assert_eq!(place.index_files(), files, "and leaves the same files");
    assert_eq!(
        best(&rebuilt, "towers", 1),
        ["c.html#chunk0"],
        "the index is not empty afterwards"
    );
}

#[test]
fn a_change_that_keeps_size_and_time_is_found_by_verify() {
    let mut place = filled();
    set_mtime(&place, "a.md", 1_700_000_000);
    let (before, _) = place.open();
    let old = text(&before, "a.md").to_owned();
    place.write("a.md", "# Second\n\nThe second document speaks of castles.");
    set_mtime(&place, "a.md", 1_700_000_000);
    let (unaware, report) = place.open();
    assert_eq!(
        (text(&unaware, "a.md"), report.unchanged),
        (old.as_str(), 3),
        "size and time say nothing changed"
    );
    place.options.verify = true;
    let (aware, report) = place.open();
    assert_eq!(report.changed, ["a.md"]);
    assert!(text(&aware, "a.md").contains("castles"));
    assert_ne!(aware.digest(), unaware.digest());
}

#[test]
fn a_new_time_alone_is_no_change() {
    let place = filled();
    place.open();
    set_mtime(&place, "a.md", 1_600_000_000);
    let (_, report) = place.open();
    assert_eq!((report.unchanged, report.changed.len()), (3, 0));
}

#[test]
fn chunk_parameters_change_chunks_and_digest_and_read_nothing() {
    let mut place = filled();
    let (first, _) = place.open();
    place.options.chunk_size = 100;
    place.options.chunk_overlap = 20;
    place.options.pdf_child.program = "/nonexistent".into();
    let (second, report) = place.open();
    assert_eq!(report.unchanged, 3, "{report:?}");
    assert!(second.chunks().len() > first.chunks().len());
    assert_ne!(second.digest(), first.digest());
}

#[test]
fn a_damaged_index_is_built_anew() {
    let place = filled();
    let (corpus, _) = place.open();
    let expected = whole(&corpus, &QUERIES);
    let good = place.index_files();
    for (name, bytes) in &good {
        for cut in [0, 10, bytes.len() / 2, bytes.len() - 1] {
            fs::write(place.options.index_dir.join(name), &bytes[..cut]).unwrap();
            let (again, report) = place.open();
            assert_eq!(whole(&again, &QUERIES), expected, "{name} cut at {cut}");
            assert!(
                !report.notes.is_empty(),
                "{name} cut at {cut}: said nothing"
            );
            let (_, repaired) = place.open();
            assert_eq!(
                (repaired.unchanged, repaired.notes.len()),
                (3, 0),
                "{name} cut at {cut}: not repaired"
            );
            restore(&place, &good);
        }
        let mut flipped = bytes.clone();
        flipped[bytes.len() / 2] ^= 1;
        fs::write(place.options.index_dir.join(name), flipped).unwrap();
        assert_eq!(
            whole(&place.open().0, &QUERIES),
            expected,
            "{name} with a flipped bit"
        );
        restore(&place, &good);
        fs::remove_file(place.options.index_dir.join(name)).unwrap();
        assert_eq!(whole(&place.open().0, &QUERIES), expected, "{name} removed");
        restore(&place, &good);
    }
}

fn restore(place: &Place, files: &[(String, Vec<u8>)]) {
    fs::remove_dir_all(&place.options.index_dir).unwrap();
    fs::create_dir(&place.options.index_dir).unwrap();
    for (name, bytes) in files {
        fs::write(place.options.index_dir.join(name), bytes).unwrap();
    }
}

#[test]
fn a_newer_index_is_left_alone_unless_a_rebuild_is_wanted() {
    let mut place = filled();
    place.open();
    let path = place.options.index_dir.join("corpus-index.jsonl");
    let newer = fs::read_to_string(&path)
        .unwrap()
        .replacen("\"version\": 1", "\"version\": 2", 1);
    fs::write(&path, &newer).unwrap();
    match place.try_open() {
        Err(CorpusError::TooNew {
            found: 2, known: 1, ..
        }) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), newer);
    place.options.rebuild = true;
    assert_eq!(place.open().1.added.len(), 3);
}

#[test]
fn packs_do_not_grow_without_end() {
    let place = Place::new();
    place.write("stays.txt", "This one stays. ".repeat(50));
    for round in 0..20 {
        place.write("changes.txt", format!("Round {round}. ").repeat(100));
        place.open();
    }
    let bytes: usize = place
        .index_files()
        .iter()
        .map(|(_, bytes)| bytes.len())
        .sum();
    let texts = fs::metadata(place.file("stays.txt")).unwrap().len()
        + fs::metadata(place.file("changes.txt")).unwrap().len();
    assert!(
        bytes as u64 <= 2 * texts + 4_096,
        "{bytes} bytes of index for {texts} bytes of text"
    );
    assert_eq!(
        whole(&place.open().0, &QUERIES),
        whole(&place.open_fresh(), &QUERIES)
    );
}

#[test]
fn an_index_inside_the_documents_is_no_document() {
    let mut place = filled();
    place.options.index_dir = place.file("index");
    place.open();
    fs::write(place.file("index/stray.txt"), "not a document").unwrap();
    let (corpus, report) = place.open();
    assert_eq!(corpus.documents().len(), 3);
    assert_eq!(report.ignored, ["z/notes.csv"]);
}

#[test]
fn topic_ids_last_and_lead_back() {
    let place = filled();
    let (corpus, _) = place.open();
    for id in corpus.chunk_ids() {
        assert_eq!(corpus.find_topic(&corpus.topic_id(id)), Some(id));
    }
    assert_eq!(corpus.documents()[1].path, "b/one.txt");
    let second = corpus.chunks_of(1).nth(1).unwrap();
    // md5 of "b/one.txt"
    assert_eq!(
        corpus.topic_id(forgemark_corpus::ChunkId(second)),
        "78b5ad2491b07ff432f68ca318028966-1"
    );
    assert_eq!(
        corpus.descriptor(forgemark_corpus::ChunkId(second)),
        "b/one.txt#chunk1"
    );
    let unknown = [
        "",
        "-",
        "x-0",
        "78b5ad2491b07ff432f68ca318028966-9999",
        "78b5ad2491b07ff432f68ca318028966-01",
        "78b5ad2491b07ff432f68ca318028966-+1",
        "78b5ad2491b07ff432f68ca318028966",
    ];
    for topic in unknown {
        assert_eq!(corpus.find_topic(topic), None, "{topic}");
    }
}

type Change = fn(&mut forgemark_corpus::CorpusOptions);

#[test]
fn options_out_of_range_are_refused() {
    let place = filled();
    let changes: [(&str, Change); 3] = [
        ("chunk_size", |o| o.chunk_size = 0),
        ("chunk_overlap", |o| o.chunk_overlap = o.chunk_size),
        ("max_document_bytes", |o| o.max_document_bytes = 1 << 40),
    ];
    for (name, change) in changes {
        let mut wrong = Place::new();
        wrong.options.root.clone_from(&place.options.root);
        change(&mut wrong.options);
        match wrong.try_open() {
            Err(CorpusError::Option { option, .. }) => assert_eq!(option, name),
            other => panic!("{name}: {other:?}"),
        }
    }
    let mut missing = Place::new();
    missing.options.root = missing.file("nowhere");
    let error = missing.try_open().unwrap_err();
    assert!(error.to_string().contains("nowhere"), "{error}");
}
