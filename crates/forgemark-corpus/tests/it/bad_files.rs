//! Files that are no good are listed with a reason and a remedy, and never silently empty.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::time::Duration;

use forgemark_corpus::{Media, PdfChild};

use crate::place::{Place, damage, text};

#[test]
fn every_kind_of_bad_file_is_listed() {
    let place = Place::new();
    place.write("good.txt", "This one is good.");
    place.write("empty.txt", "");
    place.write("blank.md", " \n\u{2028}\t\n");
    place.write("only-markup.md", "---\ntitle: x\n---\n<!-- nothing -->\n");
    place.write("script.html", "<script>var x = 1;</script>");
    place.write(
        "noise.txt",
        (0..20_000_u32)
            .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
            .collect::<Vec<_>>(),
    );
    place.write("zip.txt", b"PK\x03\x04rest");
    place.write("paper.txt", b"%PDF-1.7 rest");
    place.write("text.pdf", "This is plain text.");
    place.write("cut.pdf", b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog");
    fs::create_dir_all(place.file("folder.txt")).unwrap();
    place.write(
        "folder.txt/inside.txt",
        "Text inside a folder with an odd name.",
    );
    symlink("nowhere", place.file("dead.txt")).unwrap();
    symlink(".", place.file("loop")).unwrap();
    let _socket = UnixListener::bind(place.file("socket.txt")).unwrap();
    symlink("/dev/zero", place.file("endless.txt")).unwrap();
    let (corpus, report) = place.open();
    let paths: Vec<&str> = corpus
        .documents()
        .iter()
        .map(|document| document.path.as_str())
        .collect();
    assert_eq!(paths, ["folder.txt/inside.txt", "good.txt"]);
    for (path, why) in [
        ("empty.txt", "it is empty;"),
        ("blank.md", "it has no text;"),
        ("only-markup.md", "it has no text;"),
        ("script.html", "it has no text;"),
        ("noise.txt", "it holds binary data, not text;"),
        (
            "zip.txt",
            "it is a ZIP archive or an Office document, not text;",
        ),
        ("paper.txt", "it is a PDF, not text;"),
        ("text.pdf", "it is no PDF, whatever its name says;"),
        ("cut.pdf", "it is no readable PDF:"),
        (
            "folder.txt",
            "it is a folder, although its name is that of a document;",
        ),
        ("dead.txt", "it is a symbolic link to nothing;"),
        ("loop", "it is a symbolic link to a folder that it lies in;"),
        ("socket.txt", "it is no regular file"),
        ("endless.txt", "it is no regular file"),
    ] {
        let said = damage(&report, path);
        assert!(said.starts_with(why), "{path}: {said}");
    }
    assert_eq!(report.damaged.len(), 14, "{report:#?}");
    // The same again from the index.
    let (_, again) = place.open();
    assert_eq!(again.damaged, report.damaged);
    // A damaged file that is mended is a new document.
    place.write("empty.txt", "Now with text.");
    assert_eq!(place.open().1.added, ["empty.txt"]);
}

#[test]
fn a_file_without_permission_is_listed() {
    let place = Place::new();
    place.write("secret.txt", "secret");
    place.write("locked/inside.txt", "secret");
    for path in ["secret.txt", "locked"] {
        fs::set_permissions(place.file(path), fs::Permissions::from_mode(0o000)).unwrap();
    }
    if fs::read(place.file("secret.txt")).is_ok() {
        println!("skipped: this user may read everything");
        return;
    }
    let (corpus, report) = place.open();
    assert!(corpus.documents().is_empty());
    assert!(damage(&report, "secret.txt").contains("right to read"));
    assert!(damage(&report, "locked").contains("right to read"));
    fs::set_permissions(place.file("locked"), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn names_that_are_no_text_are_listed() {
    use std::os::unix::ffi::OsStrExt;
    let place = Place::new();
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9.txt");
    if fs::write(place.options.root.join(name), "text").is_err() {
        println!("skipped: this file system wants UTF-8 names");
        return;
    }
    let (_, report) = place.open();
    assert!(damage(&report, "caf\u{fffd}.txt").starts_with("its path is not valid UTF-8"));
}

#[test]
fn encodings_are_read_and_named() {
    let place = Place::new();
    let text16: Vec<u8> = "Grüße aus UTF-16"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    place.write("utf16.txt", [&b"\xff\xfe"[..], &text16].concat());
    place.write(
        "latin.txt",
        b"Un \xe9l\xe8ve fran\xe7ais a mang\xe9 des cr\xeapes au caf\xe9.",
    );
    place.write(
        "broken.txt",
        b"D\xc3\xa9j\xc3\xa0 vu \xff caf\xc3\xa9, na\xc3\xafve",
    );
    place.write(
        "latin.html",
        b"<meta charset=windows-1250><p>\x8elu\x9dou\xe8k\xfd k\xf9\xf2</p>",
    );
    let (corpus, report) = place.open();
    assert_eq!(text(&corpus, "utf16.txt"), "Grüße aus UTF-16");
    assert_eq!(
        text(&corpus, "latin.txt"),
        "Un élève français a mangé des crêpes au café."
    );
    assert_eq!(text(&corpus, "latin.html"), "Žluťoučký kůň");
    let by_path = |path: &str| {
        corpus
            .documents()
            .iter()
            .find(|d| d.path == path)
            .unwrap()
            .clone()
    };
    assert_eq!(
        (
            by_path("utf16.txt").encoding.as_str(),
            by_path("utf16.txt").replaced
        ),
        ("UTF-16LE", false)
    );
    assert_eq!(
        (
            by_path("latin.txt").encoding.as_str(),
            by_path("latin.txt").media
        ),
        ("windows-1252", Media::Text)
    );
    assert_eq!(
        (
            by_path("broken.txt").encoding.as_str(),
            by_path("broken.txt").replaced
        ),
        ("UTF-8", true)
    );
    let notes: Vec<&str> = report.notes.iter().map(|note| note.path.as_str()).collect();
    assert_eq!(notes, ["broken.txt", "latin.txt"], "{report:#?}");
    assert_eq!(
        place.open().1.notes,
        report.notes,
        "the notes last as long as the document"
    );
}

#[test]
fn unicode_line_separators_stay_in_the_text() {
    let place = Place::new();
    place.write("a.txt", "one\u{2028}two\u{85}three\r\nfour\0five");
    let (corpus, _) = place.open();
    assert_eq!(
        text(&corpus, "a.txt"),
        "one\u{2028}two\u{85}three\nfourfive"
    );
    assert_eq!(
        corpus.text(forgemark_corpus::ChunkId(0)),
        text(&corpus, "a.txt")
    );
}

#[test]
fn a_reader_that_fails_is_reported_and_asked_again() {
    let mut place = Place::new();
    place.write("a.html", "<p>text</p>");
    let shell = |command: &str| PdfChild {
        program: "/bin/sh".into(),
        leading_args: vec!["-c".into(), command.into()],
    };
    for (child, why) in [
        (shell("sleep 60"), "reading it takes longer than 0.3 s"),
        (
            shell("sleep 60 & wait"),
            "reading it takes longer than 0.3 s",
        ),
        (
            shell("exec >&-; sleep 60"),
            "reading it takes longer than 0.3 s",
        ),
        (
            shell("kill -SEGV $$"),
            "its reader crashed on it (signal 11)",
        ),
        (
            shell("kill -XCPU $$"),
            "reading it takes more than 60 s of processor time",
        ),
        (
            shell("kill -TERM $$"),
            "its reader was stopped from outside (signal 15)",
        ),
        (
            shell("echo 'memory allocation of 5 bytes failed' >&2; kill -ABRT $$"),
            "reading it takes more than 1 GiB of memory",
        ),
        (
            shell("echo hello"),
            "its reader gave no answer (exit status: 0)",
        ),
        (
            shell("exit 7"),
            "its reader gave no answer (exit status: 7)",
        ),
        (
            PdfChild {
                program: "/nonexistent".into(),
                leading_args: Vec::new(),
            },
            "the program that reads such files, /nonexistent, does not start",
        ),
    ] {
        // Another index each time, because what is lasting is not asked again.
        place.options.index_dir = place
            .options
            .index_dir
            .with_file_name(format!("index-{}", why.len()));
        place.options.rebuild = true;
        place.options.pdf_child = child.clone();
        let hangs = why.contains("longer than");
        place.options.pdf.wall = if hangs {
            Duration::from_millis(300)
        } else {
            Duration::from_mins(1)
        };
        let (corpus, report) = place.open();
        assert!(corpus.documents().is_empty());
        let said = damage(&report, "a.html");
        assert!(said.starts_with(why), "{child:?}: {said}");
    }
    // What passes is tried again without a rebuild.
    place.options.rebuild = false;
    place.options.pdf.wall = Duration::from_mins(1);
    place.options.pdf_child = crate::place::child();
    assert_eq!(place.open().0.documents().len(), 1);
}
