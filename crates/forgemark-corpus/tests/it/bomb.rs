//! Documents that attack their reader. The bytes are made here.

use std::time::Duration;

use crate::place::{Place, damage, text};

/// A PDF of these objects, numbered from 1; the first is the catalogue.
fn pdf(objects: &[Vec<u8>]) -> Vec<u8> {
    let mut out = b"%PDF-1.7\n".to_vec();
    let mut offsets = Vec::new();
    for (number, object) in (1..).zip(objects) {
        offsets.push(out.len());
        out.extend_from_slice(format!("{number} 0 obj\n").as_bytes());
        out.extend_from_slice(object);
        out.extend_from_slice(b"\nendobj\n");
    }
    let xref = out.len();
    out.extend_from_slice(
        format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).as_bytes(),
    );
    for offset in offsets {
        out.extend_from_slice(format!("{offset:010} 00000 n \n").as_bytes());
    }
    out.extend_from_slice(
        format!(
            "trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{xref}\n%%EOF\n",
            objects.len() + 1
        )
        .as_bytes(),
    );
    out
}

fn stream(dictionary: &str, data: &[u8]) -> Vec<u8> {
    let head = format!("<< {dictionary} /Length {} >>\nstream\n", data.len());
    [head.as_bytes(), data, b"\nendstream"].concat()
}

/// A PDF of one page with that content stream and a plain font.
fn one_page(content: Vec<u8>) -> Vec<u8> {
    pdf(&one_page_objects(content))
}

fn one_page_objects(content: Vec<u8>) -> Vec<Vec<u8>> {
    vec![
        b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_vec(),
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>".to_vec(),
        content,
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_vec(),
    ]
}

/// Writes a zlib stream with the fixed Huffman codes of RFC 1951.
struct Deflate {
    out: Vec<u8>,
    bits: u32,
    n_bits: u32,
}

impl Deflate {
    fn new() -> Self {
        let mut deflate = Deflate {
            out: vec![0x78, 0x01],
            bits: 0,
            n_bits: 0,
        };
        // Last block, fixed codes.
        deflate.put(0b011, 3);
        deflate
    }

    /// Least significant bit first.
    fn put(&mut self, bits: u32, n: u32) {
        self.bits |= bits << self.n_bits;
        self.n_bits += n;
        while self.n_bits >= 8 {
            self.out.push(self.bits as u8);
            self.bits >>= 8;
            self.n_bits -= 8;
        }
    }

    /// A Huffman code, most significant bit first.
    fn code(&mut self, code: u32, n: u32) {
        self.put(code.reverse_bits() >> (32 - n), n);
    }

    fn literal(&mut self, byte: u8) {
        match byte {
            0..=143 => self.code(0x30 + u32::from(byte), 8),
            _ => self.code(0x190 + u32::from(byte) - 144, 9),
        }
    }

    /// 258 bytes again from `distance` bytes before, which is 1 or 13.
    fn repeat(&mut self, distance: u32) {
        self.code(0xc0 + 285 - 280, 8);
        if distance == 1 {
            self.code(0, 5);
        } else {
            assert_eq!(distance, 13);
            self.code(7, 5);
            self.put(0, 2);
        }
    }

    fn finish(mut self) -> Vec<u8> {
        self.code(0, 7);
        self.put(0, 7);
        // No checksum: nobody gets that far.
        self.out
    }
}

/// A zlib stream within a zlib stream that ends as `size` spaces.
fn bomb(size: u64) -> Vec<u8> {
    let mut inner = Deflate::new();
    inner.literal(b' ');
    // Eight repeats are thirteen bytes, so the inner stream itself repeats every thirteen bytes.
    for _ in 0..40 {
        inner.repeat(1);
    }
    let mut outer = Deflate::new();
    for byte in &inner.out {
        outer.literal(*byte);
    }
    for _ in 0..size / 258 * 13 / 8 / 258 {
        outer.repeat(13);
    }
    outer.finish()
}

fn text_content(lines: &[&str]) -> Vec<u8> {
    let shown: Vec<String> = lines.iter().map(|line| format!("({line}) Tj T*")).collect();
    stream(
        "",
        format!("BT /F1 12 Tf 14 TL 72 700 Td {} ET", shown.join(" ")).as_bytes(),
    )
}

#[test]
fn a_harmless_pdf_is_read() {
    let place = Place::new();
    place.write(
        "a.pdf",
        one_page(text_content(&[
            "The bridge was inau-",
            "gurated in 1932 by the",
            "mayor.",
        ])),
    );
    let (corpus, report) = place.open();
    assert!(report.damaged.is_empty(), "{report:?}");
    assert_eq!(
        text(&corpus, "a.pdf"),
        "The bridge was inaugurated in 1932 by the mayor."
    );
    assert_eq!(corpus.page_of(0, 10), Some(1));
}

#[test]
fn a_pdf_with_more_text_than_allowed_is_damaged() {
    let mut place = Place::new();
    place.options.pdf.output_bytes = 1_000;
    place.write(
        "long.pdf",
        one_page(text_content(&["A line of text that is long enough."; 45])),
    );
    place.write("long.html", "<p>text</p>".repeat(1_000));
    let (_, report) = place.open();
    for path in ["long.pdf", "long.html"] {
        assert!(
            damage(&report, path).starts_with("it holds more than 1000 bytes of text"),
            "{report:?}"
        );
    }
}

#[test]
fn a_pdf_with_a_password_says_so() {
    let place = Place::new();
    // The keys belong to no password that this test or a reader knows.
    let key = "5A".repeat(32);
    let dictionary = format!("<< /Filter /Standard /V 1 /R 2 /O <{key}> /U <{key}> /P -4 >>");
    let mut objects = one_page_objects(text_content(&[
        "A secret line of text that nobody may read.",
    ]));
    objects.push(dictionary.clone().into_bytes());
    for (name, encrypt) in [("apart.pdf", "6 0 R"), ("within.pdf", dictionary.as_str())] {
        let trailer = format!("trailer\n<< /Encrypt {encrypt} /ID [<{key}> <{key}>]");
        let open = String::from_utf8(pdf(&objects)).unwrap();
        place.write(name, open.replacen("trailer\n<<", &trailer, 1));
    }
    let (_, report) = place.open();
    for name in ["apart.pdf", "within.pdf"] {
        let said = damage(&report, name);
        assert!(
            said.starts_with("it is protected by a password; remove the password"),
            "{name}: {said}"
        );
    }
}

#[test]
fn a_pdf_of_pictures_asks_for_text_recognition() {
    let place = Place::new();
    place.write("scan.pdf", one_page(stream("", b"0 0 m 9 9 l S")));
    let (_, report) = place.open();
    assert!(
        damage(&report, "scan.pdf").contains("text recognition"),
        "{report:?}"
    );
}

mod heavy {
    use super::*;

    #[test]
    fn hostile_files_end_as_damaged_and_the_others_are_read() {
        let mut place = Place::new();
        place.options.pdf.memory_bytes = 256 << 20;
        place.options.pdf.cpu = Duration::from_secs(5);
        // On a loaded machine, memory and processor time must run out before this does.
        place.options.pdf.wall = Duration::from_mins(3);
        // A stream that becomes eight gigabytes.
        place.write(
            "inflate.pdf",
            one_page(stream(
                "/Filter [/FlateDecode /FlateDecode]",
                &bomb(8 << 30),
            )),
        );
        // A page tree that contains itself.
        place.write(
            "loop.pdf",
            pdf(&[
                b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
                b"<< /Type /Pages /Kids [2 0 R 3 0 R 2 0 R] /Count 1000000 /Parent 3 0 R >>"
                    .to_vec(),
                b"<< /Type /Pages /Kids [2 0 R 3 0 R] /Count 1000000 /Parent 2 0 R >>".to_vec(),
            ]),
        );
        // Arrays in arrays, half a million deep.
        let deep = [b"[".repeat(500_000), b"]".repeat(500_000)].concat();
        place.write(
            "deep.pdf",
            pdf(&[
                b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
                [&b"<< /Type /Pages /Kids "[..], &deep, b" >>"].concat(),
            ]),
        );
        // A form that draws itself, twice.
        place.write(
            "form.pdf",
            pdf(&[
                b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
                b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_vec(),
                b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R /Resources << /XObject << /X 5 0 R >> >> >>".to_vec(),
                stream("", b"/X Do"),
                stream("/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X 5 0 R >> >>", b"/X Do /X Do"),
            ]),
        );
        // Open elements with attributes of their own, which the parser opens again in every paragraph.
        let formats: Vec<String> = (0..3_000).map(|n| format!("<b id={n}>")).collect();
        place.write(
            "reopen.html",
            format!("<p>{}{}", formats.concat(), "<p>x".repeat(200_000)),
        );
        place.write("good.pdf", one_page(text_content(&["A good document."])));
        place.write("good.html", "<p>Another good document.</p>");

        let (corpus, report) = place.open();
        let paths: Vec<&str> = corpus
            .documents()
            .iter()
            .map(|document| document.path.as_str())
            .collect();
        assert_eq!(paths, ["good.html", "good.pdf"], "{report:#?}");
        for path in [
            "inflate.pdf",
            "loop.pdf",
            "deep.pdf",
            "form.pdf",
            "reopen.html",
        ] {
            println!("{path}: {}", damage(&report, path));
        }
        let inflated = damage(&report, "inflate.pdf");
        assert!(
            inflated.contains("more than 256 MiB of memory") || inflated.contains("processor time"),
            "{inflated}"
        );
        assert!(
            damage(&report, "reopen.html").contains("more than"),
            "{report:#?}"
        );
        // What is known to be hostile is not read again.
        place.options.pdf_child.program = "/nonexistent".into();
        assert_eq!(place.open().1.damaged, report.damaged);
    }
}
