use std::io;

use arrow_array::RecordBatch;
use arrow_schema::Schema;
use bytes::Bytes;
use forgemark_contract::json::parse_str;
use forgemark_contract::store::ContextRecord;

use super::*;
use crate::cut::{Plan, verify};
use crate::formats::schema::Uses;
use crate::formats::{Format, Task};
use crate::output::MemoryOutput;
use crate::split::SplitRule;
use crate::testing::{With, plan, rec, recipe, try_cut};

fn columns(uses: Uses) -> Columns {
    Columns::of(Format::Trl, Task::Sft, uses).unwrap()
}

/// Rows with a call, its result, and texts that are not ASCII.
fn rows_of(count: usize) -> Vec<Json> {
    (0..count)
        .map(|number| {
            let line = if number % 3 == 0 {
                format!(
                    r#"{{"messages":[{{"role":"user","content":"Größe {number} 你好"}},{{"role":"assistant","content":"","tool_calls":[{{"type":"function","function":{{"name":"look","arguments":{{"at":{number},"in":["x",null]}}}}}}]}},{{"role":"tool","content":"42","name":"look"}},{{"role":"assistant","content":"a"}}]}}"#
                )
            } else {
                format!(
                    r#"{{"messages":[{{"role":"user","content":"q{number}"}},{{"role":"assistant","content":"a\n\"b\""}}]}}"#
                )
            };
            parse_str(&line).unwrap()
        })
        .collect()
}

fn write(encoding: Encoding, rows: &[Json], expected: u64) -> (MemoryOutput, Vec<FileDigest>) {
    let mut output = MemoryOutput::default();
    let mut writer = RowsWriter::create(
        &mut output,
        "cut.train",
        columns(Uses::TOOLS),
        encoding,
        expected,
    )
    .unwrap();
    for row in rows {
        writer.write(&mut output, row.clone()).unwrap();
    }
    assert_eq!(writer.written(), rows.len() as u64);
    let files = writer.finish(&mut output).unwrap();
    (output, files)
}

fn read_back(output: &MemoryOutput, files: &[FileDigest]) -> Vec<Json> {
    files
        .iter()
        .flat_map(|file| {
            let bytes = Bytes::from(output.files[&file.name].clone());
            super::rows(&file.name, bytes).unwrap()
        })
        .map(|row| row.unwrap())
        .collect()
}

fn encodings() -> Vec<Encoding> {
    let mut all = Vec::new();
    for container in [Container::Jsonl, Container::Parquet, Container::Arrow] {
        for compression in Compression::ALL {
            let encoding = Encoding {
                container,
                compression,
                shards: Shards::One,
            };
            if encoding.check().is_ok() {
                all.push(encoding);
            }
        }
    }
    all
}

#[test]
fn d25_every_container_gives_back_what_it_took() {
    let rows = rows_of(1300);
    let all = encodings();
    assert_eq!(all.len(), 8);
    for encoding in all {
        for shards in [Shards::One, Shards::Count(3), Shards::Rows(1000)] {
            let encoding = Encoding { shards, ..encoding };
            let (output, files) = write(encoding, &rows, rows.len() as u64);
            assert_eq!(read_back(&output, &files), rows, "{encoding:?}");
            let lines: Vec<u64> = files.iter().map(|file| file.lines).collect();
            match shards {
                Shards::One => assert_eq!(lines, [1300]),
                Shards::Count(_) => assert_eq!(lines, [433, 433, 434]),
                Shards::Rows(_) => assert_eq!(lines, [1000, 300]),
            }
            for file in &files {
                let digest = FileDigest::of(&file.name, &output.files[&file.name]);
                assert_eq!(file.sha256, digest.sha256);
                assert_eq!(file.bytes, digest.bytes);
            }
            let again = write(encoding, &rows, rows.len() as u64);
            assert!(again.0 == output, "{encoding:?} differs from run to run");
        }
    }
}

#[test]
fn names_say_the_shard_and_the_container() {
    let encoding = Encoding {
        container: Container::Parquet,
        compression: Compression::Zstd,
        shards: Shards::Count(2),
    };
    let names = [
        "cut.train-00000-of-00002.parquet",
        "cut.train-00001-of-00002.parquet",
    ];
    // Empty shards are files too, so that what names them finds them.
    let (output, files) = write(encoding, &[], 0);
    let written: Vec<&str> = output.files.keys().map(String::as_str).collect();
    assert_eq!(written, names);
    assert_eq!(files.len(), 2);
    assert_eq!(read_back(&output, &files), []);
    // More than was said goes to the last.
    let (_, files) = write(encoding, &rows_of(9), 4);
    let lines: Vec<u64> = files.iter().map(|file| file.lines).collect();
    assert_eq!(lines, [2, 7]);
    assert_eq!(Encoding::LINES.names("a", 5), ["a.jsonl"]);
}

#[test]
fn encodings_that_do_not_exist_are_refused() {
    let encoding = |container, compression, shards| Encoding {
        container,
        compression,
        shards,
    };
    for (refused, part) in [
        (
            encoding(Container::Arrow, Compression::Gzip, Shards::One),
            "arrow files are not compressed with gzip; use one of none, zstd",
        ),
        (
            encoding(Container::Jsonl, Compression::Snappy, Shards::One),
            "jsonl files are not compressed with snappy",
        ),
        (
            encoding(Container::Jsonl, Compression::None, Shards::Count(0)),
            "at least one file",
        ),
        (
            encoding(Container::Jsonl, Compression::None, Shards::Rows(0)),
            "at least one row",
        ),
    ] {
        let error = refused.check().unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
    for container in Container::ALL {
        assert_eq!(Container::of_word(container.word()), Some(container));
    }
    for compression in Compression::ALL {
        assert_eq!(Compression::of_word(compression.word()), Some(compression));
    }
}

#[test]
fn a_row_that_does_not_fit_is_named() {
    let mut output = MemoryOutput::default();
    let mut writer =
        RowsWriter::create(&mut output, "cut", columns(Uses::NONE), Encoding::LINES, 2).unwrap();
    writer.write(&mut output, rows_of(2).remove(1)).unwrap();
    let error = writer.write(&mut output, rows_of(1).remove(0)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cut.jsonl, row 2: messages[1].tool_calls is not known to the format"
    );
}

#[test]
fn no_column_has_the_type_null_and_arguments_are_json() {
    for format in Format::ALL {
        for task in Task::ALL {
            for uses in [Uses::NONE, Uses::TOOLS | Uses::REASONING | Uses::TRUTH] {
                let Some(columns) = Columns::of(format, task, uses) else {
                    continue;
                };
                let text = format!("{:?}", arrow_schema(&columns));
                assert!(!text.contains("Null"), "{text}");
                assert!(!uses.any(Uses::TOOLS) || !text.contains("Union"));
            }
        }
    }
    let with_calls = format!("{:?}", arrow_schema(&columns(Uses::TOOLS)));
    assert!(with_calls.contains("arrow.json"), "{with_calls}");
    assert!(!format!("{:?}", arrow_schema(&columns(Uses::NONE))).contains("tool_calls"));
}

#[test]
fn damaged_files_end_in_an_error() {
    let rows = rows_of(3);
    for encoding in encodings() {
        let (output, files) = write(encoding, &rows, 3);
        let name = &files[0].name;
        let whole = &output.files[name];
        let cut = Bytes::from(whole[..whole.len() / 2].to_vec());
        let read: std::result::Result<Vec<Json>, ReadError> =
            super::rows(name, cut).and_then(Iterator::collect);
        assert!(read.is_err(), "{name}");
    }
    let text = Bytes::from_static(b"{\"a\": 1}\n\nnot json\n{\"a\": 2}\n");
    let read: Vec<_> = super::rows("x.jsonl", text.clone()).unwrap().collect();
    assert_eq!(read.len(), 3);
    let error = read[1].as_ref().unwrap_err().to_string();
    assert!(error.starts_with("line 3: "), "{error}");
    assert!(matches!(super::rows("x.csv", text), Err(ReadError::Name)));
}

/// Tables in memory.
#[derive(Default)]
struct Tables {
    bytes: MemoryOutput,
    rows: Vec<(String, usize)>,
}

impl Output for Tables {
    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.bytes.append(name, bytes)
    }

    fn tables(&mut self) -> Option<&mut dyn TableSink> {
        Some(self)
    }
}

impl TableSink for Tables {
    fn begin(&mut self, name: &str, schema: &Schema) -> io::Result<()> {
        assert_eq!(schema.field(0).name(), "messages");
        self.rows.push((name.to_owned(), 0));
        Ok(())
    }

    fn batch(&mut self, batch: &RecordBatch) -> io::Result<()> {
        self.rows.last_mut().unwrap().1 += batch.num_rows();
        Ok(())
    }

    fn finish(&mut self) -> io::Result<Vec<FileDigest>> {
        Ok(vec![FileDigest::of("data/0.lance", b"x")])
    }
}

#[test]
fn tables_go_to_whoever_takes_them() {
    let lance = Encoding {
        container: Container::Lance,
        ..Encoding::LINES
    };
    let mut output = Tables::default();
    let columns = columns(Uses::TOOLS);
    let mut writer = RowsWriter::create(&mut output, "cut", columns, lance, 1500).unwrap();
    for row in rows_of(1500) {
        writer.write(&mut output, row).unwrap();
    }
    let files = writer.finish(&mut output).unwrap();
    assert_eq!(output.rows, [("cut.lance".to_owned(), 1500)]);
    assert_eq!((files[0].lines, files[0].bytes), (1500, 1));
    assert!(output.bytes.files.is_empty());
    let mut none = MemoryOutput::default();
    let error = RowsWriter::create(&mut none, "cut", columns, lance, 0)
        .err()
        .unwrap();
    assert!(
        error.to_string().contains("takes no Lance tables"),
        "{error}"
    );
}

/// Conversations of two records.
fn talks(count: i64) -> Vec<ContextRecord> {
    let talk = |number: i64| {
        let session = format!("s{number:03}");
        let asked = rec(
            &format!("q{number:03}"),
            "user",
            &format!("question {number}"),
            number * 10,
        );
        let answer = rec(
            &format!("a{number:03}"),
            "assistant",
            "an answer",
            number * 10 + 1,
        );
        [asked.session(&session), answer.session(&session)]
    };
    (0..count).flat_map(talk).collect()
}

#[test]
fn a_cut_in_shards_holds_the_rows_of_a_cut_in_lines() {
    let lines = Plan {
        split: Some(SplitRule::train_eval(0.3, 1)),
        shuffle: Some(7),
        ..plan(recipe(crate::recipe::Task::Sft), Format::Verl)
    };
    let parquet = Plan {
        encoding: Encoding {
            container: Container::Parquet,
            compression: Compression::Zstd,
            shards: Shards::Count(3),
        },
        ..lines.clone()
    };
    let neutral = |plan: &Plan| Plan {
        format: Format::Neutral,
        ..plan.clone()
    };
    let plain = try_cut(talks(50), &neutral(&lines)).unwrap();
    let sharded = try_cut(talks(50), &neutral(&parquet)).unwrap();
    for side in ["train", "eval"] {
        let names = parquet.encoding.names(&format!("cut.{side}"), 0);
        let rows: Vec<Json> = names
            .iter()
            .flat_map(|name| {
                let bytes = Bytes::from(sharded.output.files[name].clone());
                super::rows(name, bytes).unwrap()
            })
            .map(|row| row.unwrap())
            .collect();
        let mut written = plain.lines(&format!("cut.{side}.jsonl"));
        for row in &mut written {
            // A null has no key in columns.
            row.as_object_mut().unwrap().remove("reward");
        }
        assert_eq!(rows, written);
        assert_eq!(
            plain.text(&format!("cut.{side}.provenance.jsonl")),
            sharded.text(&format!("cut.{side}.provenance.jsonl"))
        );
    }
    let manifest = parse_str(sharded.text("cut.manifest.json")).unwrap();
    let findings = verify(&manifest, &mut &sharded.output).unwrap();
    assert_eq!(findings, [""; 0]);
    assert_eq!(manifest.at("recipe").str_or("container", ""), "parquet");
    let card = sharded.text("cut.README.md");
    assert!(
        card.contains(
            "path: [cut.train-00000-of-00003.parquet, cut.train-00001-of-00003.parquet, "
        ),
        "{card}"
    );
    // verl's SFT reads nothing but Parquet.
    let error = try_cut(talks(2), &lines).err().unwrap().to_string();
    assert_eq!(error, "format: verl for sft reads Parquet, not jsonl");
    try_cut(talks(2), &parquet).unwrap();
}

#[test]
fn llama_factory_finds_its_files() {
    let plan = Plan {
        split: Some(SplitRule::train_eval(0.5, 1)),
        name: "sft/v1".to_owned(),
        ..plan(recipe(crate::recipe::Task::Sft), Format::LlamaFactory)
    };
    let written = try_cut(talks(20), &plan).unwrap();
    let info = parse_str(written.text("sft/dataset_info.json")).unwrap();
    for side in ["train", "eval"] {
        let entry = info.at(&format!("v1.{side}"));
        assert_eq!(entry.str_or("file_name", ""), format!("v1.{side}.jsonl"));
        assert_eq!(entry.at("columns").str_or("system", ""), "system");
    }
}

#[test]
fn a_format_without_rows_for_the_task_is_refused_at_once() {
    let ranked = plan(recipe(crate::recipe::Task::Ranked), Format::Trl);
    let error = try_cut(talks(2), &ranked).err().unwrap().to_string();
    assert_eq!(error, "shape: trl has no rows for ranked");
}
