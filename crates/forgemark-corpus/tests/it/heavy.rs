//! Large files.

use std::fs::File;
use std::io::{BufWriter, Write};

use crate::place::{Place, best, damage};

const LARGE: u64 = 200 << 20;

/// A text of 200 MiB with one line that no other is like, and about as many different words as a language has in use.
fn write_large(place: &Place) {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(place.file("large.txt")).unwrap());
    let mut state = 1_u32;
    let words: Vec<String> = (0..400_000)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // Few words are common and most are rare.
            let rank = (f64::from(state >> 8) / f64::from(1_u32 << 24) * 10.6).exp();
            let mut number = rank as u32 * 7_919;
            let mut word = String::new();
            while number > 0 || word.len() < 2 {
                word.push_str(
                    ["ka", "ro", "min", "te", "sul", "da", "vo", "per"][number as usize % 8],
                );
                number /= 8;
            }
            word
        })
        .collect();
    let blocks: Vec<String> = words
        .chunks(10_000)
        .map(|block| block.join(" ") + "\n")
        .collect();
    out.write_all("A zebra crossing stands alone.\n".as_bytes())
        .unwrap();
    let mut written = 0;
    for block in blocks.iter().cycle() {
        out.write_all(block.as_bytes()).unwrap();
        written += block.len() as u64;
        if written > LARGE {
            break;
        }
    }
    out.flush().unwrap();
}

#[test]
fn a_large_file_is_refused_by_default_and_read_with_a_higher_limit() {
    let mut place = Place::new();
    place.write("small.txt", "A small document.");
    write_large(&place);
    let (corpus, report) = place.open();
    assert_eq!(corpus.documents().len(), 1);
    let said = damage(&report, "large.txt");
    assert!(
        said.starts_with(
            "it is too large: 200.2 MiB, and the limit is 64 MiB; split it, or raise the limit"
        ),
        "{said}"
    );

    place.options.max_document_bytes = 300 << 20;
    let (corpus, report) = place.open();
    assert!(report.damaged.is_empty(), "{report:?}");
    assert!(u64::from(corpus.documents()[0].chars) >= LARGE);
    assert_eq!(best(&corpus, "zebra crossing", 1), ["large.txt#chunk0"]);
    let memory = corpus.memory();
    println!("{} chunks, {memory:?}", corpus.chunks().len());
    assert!((memory.total() as u64) < 5 * LARGE, "{memory:?}");
    if let Some(peak) = peak_bytes() {
        println!("peak resident memory {} MiB", peak >> 20);
        assert!(peak < 8 * LARGE, "{} MiB at the peak", peak >> 20);
    }
}

/// The highest resident memory of this process so far, where the system tells.
fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(
        line.trim()
            .strip_suffix(" kB")?
            .trim()
            .parse::<u64>()
            .ok()?
            << 10,
    )
}
