//! Rows as files: JSON lines, Parquet, Arrow, and tables that somebody else writes; compressed, and in shards.
//!
//! All containers hold the same rows under the same declared [`Columns`]; a row that does not fit them is refused by its number.
//! Files are written as the rows come, in batches of bounded size, and are equal for equal rows.

mod batch;
mod file;
mod read;
mod table;

#[cfg(test)]
mod tests;

use forgemark_contract::json::Json;

use crate::error::{CurateError, Result};
use crate::formats::schema::Columns;
use crate::formats::{Format, Task};
use crate::output::{FileDigest, Output};
use file::RowFile;

pub use batch::arrow_schema;
pub use read::{ReadError, Rows, rows, table_rows};
pub use table::{OpenTable, TableBatches, TableSink, Tables};

/// What rows are kept in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Container {
    /// One JSON object a line.
    Jsonl,
    /// Apache Parquet.
    Parquet,
    /// A stream of Arrow record batches, as the `datasets` library keeps its own.
    Arrow,
    /// A Lance table, which the [`TableSink`] of the output writes.
    Lance,
}

impl Container {
    /// All containers.
    pub const ALL: [Container; 4] = [
        Container::Jsonl,
        Container::Parquet,
        Container::Arrow,
        Container::Lance,
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Container::Jsonl => "jsonl",
            Container::Parquet => "parquet",
            Container::Arrow => "arrow",
            Container::Lance => "lance",
        }
    }

    /// The container of a word.
    pub fn of_word(word: &str) -> Option<Self> {
        Container::ALL
            .into_iter()
            .find(|container| container.word() == word)
    }

    /// The container that a format's trainer reads: Parquet for verl, whose SFT reads nothing else, JSON lines for all others.
    pub fn of_format(format: Format) -> Self {
        if format == Format::Verl {
            Container::Parquet
        } else {
            Container::Jsonl
        }
    }
}

/// How the bytes of a file are made fewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip; JSON lines.
    Gzip,
    /// Zstandard; JSON lines, Parquet and Arrow.
    Zstd,
    /// Snappy; Parquet.
    Snappy,
}

impl Compression {
    /// All of them.
    pub const ALL: [Compression; 4] = [
        Compression::None,
        Compression::Gzip,
        Compression::Zstd,
        Compression::Snappy,
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Compression::None => "none",
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
            Compression::Snappy => "snappy",
        }
    }

    /// The one that a container usually has.
    pub fn of_container(container: Container) -> Self {
        match container {
            Container::Parquet => Compression::Zstd,
            Container::Jsonl | Container::Arrow | Container::Lance => Compression::None,
        }
    }

    /// The compression of a word.
    pub fn of_word(word: &str) -> Option<Self> {
        Compression::ALL
            .into_iter()
            .find(|compression| compression.word() == word)
    }
}

/// How many files the rows of a side go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shards {
    /// One, without a number in its name.
    One,
    /// So many, whose sizes differ by one row at most.
    Count(u32),
    /// As many as are needed for so many rows in each.
    Rows(u64),
}

/// How rows become files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Encoding {
    /// What they are kept in.
    pub container: Container,
    /// How they are compressed.
    pub compression: Compression,
    /// How many files there are.
    pub shards: Shards,
}

impl Encoding {
    /// One plain file of JSON lines.
    pub const LINES: Encoding = Encoding {
        container: Container::Jsonl,
        compression: Compression::None,
        shards: Shards::One,
    };

    /// What a format's trainer reads, in one file.
    pub fn of_format(format: Format) -> Self {
        let container = Container::of_format(format);
        Encoding {
            container,
            compression: Compression::of_container(container),
            shards: Shards::One,
        }
    }

    /// Whether it can be followed.
    ///
    /// # Errors
    /// [`CurateError::Recipe`] for a compression that the container does not have, and for no shards.
    pub fn check(&self) -> Result<()> {
        let refused = |key, what| Err(CurateError::Recipe { key, what });
        let known: &[Compression] = match self.container {
            Container::Jsonl => &[Compression::None, Compression::Gzip, Compression::Zstd],
            Container::Parquet => &[Compression::None, Compression::Snappy, Compression::Zstd],
            Container::Arrow => &[Compression::None, Compression::Zstd],
            Container::Lance => &[Compression::None],
        };
        if !known.contains(&self.compression) {
            let words: Vec<&str> = known.iter().map(|one| one.word()).collect();
            return refused(
                "compression",
                format!(
                    "{} files are not compressed with {}; use one of {}",
                    self.container.word(),
                    self.compression.word(),
                    words.join(", ")
                ),
            );
        }
        match self.shards {
            Shards::Count(0) => refused("shards", "at least one file is written".to_owned()),
            Shards::Count(100_000..) => {
                refused("shards", "names have room for 99,999 files".to_owned())
            }
            Shards::Rows(0) => refused("shards", "a file has at least one row".to_owned()),
            _ => Ok(()),
        }
    }

    /// Whether the trainer of a format reads such files; a Lance table is for tools of one's own.
    ///
    /// # Errors
    /// [`CurateError::Recipe`] says what it reads.
    pub fn check_for(&self, format: Format, task: Task) -> Result<()> {
        self.check()?;
        let is = |container| self.container == container;
        let plain_lines = is(Container::Jsonl) && self.compression == Compression::None;
        let (reads, what) = match (format, task) {
            (Format::OpenAi | Format::NemoRl, _) => (plain_lines, "JSON lines without compression"),
            (Format::Verl, Task::Sft) => (is(Container::Parquet), "Parquet"),
            (Format::Verl, _) => (
                plain_lines || is(Container::Parquet),
                "Parquet, and JSON lines without compression",
            ),
            // They go by the last extension of the name.
            (Format::OpenRlhf | Format::LlamaFactory, _) => (
                plain_lines || is(Container::Parquet) || is(Container::Arrow),
                "Parquet, Arrow, and JSON lines without compression",
            ),
            _ => (true, ""),
        };
        if reads || is(Container::Lance) {
            return Ok(());
        }
        let found = match self.compression {
            Compression::None => self.container.word().to_owned(),
            compression => format!("{} with {}", self.container.word(), compression.word()),
        };
        Err(CurateError::Recipe {
            key: "format",
            what: format!(
                "{} for {} reads {what}, not {found}",
                format.word(),
                task.word()
            ),
        })
    }

    /// What the names of the files end with, such as `.jsonl.gz`.
    pub fn extension(&self) -> &'static str {
        match (self.container, self.compression) {
            (Container::Jsonl, Compression::Gzip) => ".jsonl.gz",
            (Container::Jsonl, Compression::Zstd) => ".jsonl.zst",
            (Container::Jsonl, _) => ".jsonl",
            (Container::Parquet, _) => ".parquet",
            (Container::Arrow, _) => ".arrow",
            (Container::Lance, _) => ".lance",
        }
    }

    /// The names of the files of a side of `rows` rows, whose names begin with `stem`.
    pub fn names(&self, stem: &str, rows: u64) -> Vec<String> {
        let end = self.extension();
        let count = self.count(rows);
        if self.shards == Shards::One {
            return vec![format!("{stem}{end}")];
        }
        (0..count)
            .map(|place| format!("{stem}-{place:05}-of-{count:05}{end}"))
            .collect()
    }

    fn count(&self, rows: u64) -> u64 {
        match self.shards {
            Shards::One => 1,
            Shards::Count(count) => u64::from(count),
            Shards::Rows(each) => rows.div_ceil(each).max(1),
        }
    }

    /// The row behind the last of file `place`.
    fn end(&self, place: u64, rows: u64) -> u64 {
        match self.shards {
            Shards::One => rows,
            Shards::Count(count) => {
                let end = u128::from(place + 1) * u128::from(rows) / u128::from(count.max(1));
                u64::try_from(end).unwrap_or(rows)
            }
            Shards::Rows(each) => each.saturating_mul(place + 1),
        }
    }
}

/// Writes the rows of one side.
///
/// The output is named in each call, so that whoever writes may write other files in between.
pub struct RowsWriter {
    encoding: Encoding,
    columns: Columns,
    names: Vec<String>,
    rows: u64,
    written: u64,
    open: RowFile,
    done: Vec<FileDigest>,
}

impl RowsWriter {
    /// Begins the files of `rows` rows, whose names begin with `stem`. What comes beyond `rows` goes to the last file.
    ///
    /// # Errors
    /// An encoding that cannot be followed, and an output that takes no bytes.
    pub fn create(
        output: &mut dyn Output,
        stem: &str,
        columns: Columns,
        encoding: Encoding,
        rows: u64,
    ) -> Result<Self> {
        encoding.check()?;
        let names = encoding.names(stem, rows);
        let first = names.first().map_or(stem, String::as_str);
        let open = RowFile::create(output, first, columns, encoding)?;
        Ok(RowsWriter {
            encoding,
            columns,
            names,
            rows,
            written: 0,
            open,
            done: Vec::new(),
        })
    }

    /// Writes the next row.
    ///
    /// # Errors
    /// [`CurateError::Row`] for one that does not fit the columns, and an output that takes no bytes.
    pub fn write(&mut self, output: &mut dyn Output, row: Json) -> Result<()> {
        while self.done.len() + 1 < self.names.len()
            && self.written >= self.encoding.end(self.open_place(), self.rows)
        {
            self.next(output)?;
        }
        self.written += 1;
        self.columns.fit(&row).map_err(|misfit| CurateError::Row {
            file: self.open.name().to_owned(),
            row: self.written,
            field: misfit.field,
            what: misfit.what,
        })?;
        self.open.write(output, row)
    }

    /// Rows so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Ends the files, all of them also where there were no rows, and says what was written.
    ///
    /// # Errors
    /// An output that takes no bytes.
    pub fn finish(mut self, output: &mut dyn Output) -> Result<Vec<FileDigest>> {
        while self.done.len() + 1 < self.names.len() {
            self.next(output)?;
        }
        let RowsWriter { open, mut done, .. } = self;
        done.push(open.finish(output)?);
        Ok(done)
    }

    fn open_place(&self) -> u64 {
        self.done.len() as u64
    }

    fn next(&mut self, output: &mut dyn Output) -> Result<()> {
        let name = &self.names[self.done.len() + 1];
        let next = RowFile::create(output, name, self.columns, self.encoding)?;
        let ended = std::mem::replace(&mut self.open, next);
        self.done.push(ended.finish(output)?);
        Ok(())
    }
}
