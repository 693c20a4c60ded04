//! One file of rows.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use arrow_ipc::CompressionType;
use arrow_ipc::writer::{IpcWriteOptions, StreamWriter};
use arrow_schema::Schema;
use flate2::write::GzEncoder;
use forgemark_contract::json::{Json, write_line};
use forgemark_contract::text::hex;
use parquet::arrow::ArrowWriter;
use parquet::basic::ZstdLevel;
use parquet::file::properties::WriterProperties;
use sha2::{Digest, Sha256};

use super::batch::{arrow_schema, batch};
use super::{Compression, Container, Encoding, TableSink};
use crate::error::{CurateError, Result};
use crate::formats::schema::Columns;
use crate::output::{FileDigest, Output, put};

/// Rows of a batch at most.
const BATCH_ROWS: usize = 1024;
/// Characters of a batch from which it is written.
const BATCH_SIZE: usize = 4 << 20;
/// Bytes of encoded columns from which a row group is written.
const GROUP_SIZE: usize = 32 << 20;
/// Rows of a row group at most; a reader holds one group of each file.
const GROUP_ROWS: usize = 1 << 16;
/// Bytes that are gathered before the output is asked to take them.
const GATHER: usize = 1 << 16;

/// Where encoders write, and the file takes from.
#[derive(Clone, Default)]
struct Pipe(Arc<Mutex<Vec<u8>>>);

impl Pipe {
    fn with<T>(&self, use_bytes: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        use_bytes(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.with(|buffer| buffer.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

enum Encoder {
    Lines(Pipe),
    Gzip(GzEncoder<Pipe>),
    Zstd(zstd::stream::write::Encoder<'static, Pipe>),
    Parquet(Box<ArrowWriter<Pipe>>),
    Arrow(StreamWriter<Pipe>),
    Table,
}

/// A file that is being written.
pub(super) struct RowFile {
    name: String,
    columns: Columns,
    schema: Arc<Schema>,
    encoder: Encoder,
    pipe: Pipe,
    /// Rows that make no batch yet, and how much they hold.
    waiting: Vec<Json>,
    waiting_size: usize,
    line: Vec<u8>,
    hash: Sha256,
    bytes: u64,
    rows: u64,
}

impl RowFile {
    pub(super) fn create(
        output: &mut dyn Output,
        name: &str,
        columns: Columns,
        encoding: Encoding,
    ) -> Result<Self> {
        let pipe = Pipe::default();
        let schema = Arc::new(arrow_schema(&columns));
        let failed = |error| cannot(name, error);
        let encoder = match (encoding.container, encoding.compression) {
            (Container::Jsonl, Compression::Gzip) => {
                Encoder::Gzip(GzEncoder::new(pipe.clone(), flate2::Compression::default()))
            }
            (Container::Jsonl, Compression::Zstd) => {
                let level = zstd::DEFAULT_COMPRESSION_LEVEL;
                let encoder = zstd::stream::write::Encoder::new(pipe.clone(), level);
                Encoder::Zstd(encoder.map_err(failed)?)
            }
            (Container::Jsonl, _) => Encoder::Lines(pipe.clone()),
            (Container::Parquet, compression) => {
                let compression = match compression {
                    Compression::Zstd => parquet::basic::Compression::ZSTD(ZstdLevel::default()),
                    Compression::Snappy => parquet::basic::Compression::SNAPPY,
                    _ => parquet::basic::Compression::UNCOMPRESSED,
                };
                let properties = WriterProperties::builder()
                    .set_compression(compression)
                    .set_max_row_group_row_count(Some(GROUP_ROWS))
                    .set_created_by(concat!("forgemark ", env!("CARGO_PKG_VERSION")).to_owned())
                    .build();
                let writer =
                    ArrowWriter::try_new(pipe.clone(), Arc::clone(&schema), Some(properties));
                Encoder::Parquet(Box::new(writer.map_err(|error| failed(other(error)))?))
            }
            (Container::Arrow, compression) => {
                let zstd = (compression == Compression::Zstd).then_some(CompressionType::ZSTD);
                let options = IpcWriteOptions::default()
                    .try_with_compression(zstd)
                    .and_then(|options| {
                        StreamWriter::try_new_with_options(pipe.clone(), &schema, options)
                    });
                Encoder::Arrow(options.map_err(|error| failed(other(error)))?)
            }
            (Container::Lance, _) => {
                let begun = sink(output).and_then(|sink| sink.begin(name, &schema));
                begun.map_err(failed)?;
                Encoder::Table
            }
        };
        let mut file = RowFile {
            name: name.to_owned(),
            columns,
            schema,
            encoder,
            pipe,
            waiting: Vec::new(),
            waiting_size: 0,
            line: Vec::new(),
            hash: Sha256::new(),
            bytes: 0,
            rows: 0,
        };
        if !matches!(file.encoder, Encoder::Table) {
            // The file is there from now on, whatever it will hold.
            file.hand_over(output)?;
        }
        Ok(file)
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Takes a row that fits the columns.
    pub(super) fn write(&mut self, output: &mut dyn Output, row: Json) -> Result<()> {
        self.rows += 1;
        let lines: &mut dyn Write = match &mut self.encoder {
            Encoder::Lines(pipe) => pipe,
            Encoder::Gzip(encoder) => encoder,
            Encoder::Zstd(encoder) => encoder,
            Encoder::Parquet(_) | Encoder::Arrow(_) | Encoder::Table => {
                self.waiting_size += size(&row);
                self.waiting.push(row);
                if self.waiting.len() >= BATCH_ROWS || self.waiting_size >= BATCH_SIZE {
                    self.write_batch(output)?;
                }
                return Ok(());
            }
        };
        self.line.clear();
        write_line(&mut self.line, &row);
        lines
            .write_all(&self.line)
            .map_err(|error| cannot(&self.name, error))?;
        self.hand_over_if_much(output)
    }

    fn write_batch(&mut self, output: &mut dyn Output) -> Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let failed = |error| cannot(&self.name, error);
        let rows = batch(&self.columns, &self.schema, &self.waiting)
            .map_err(|error| failed(other(error)))?;
        self.waiting.clear();
        self.waiting_size = 0;
        match &mut self.encoder {
            Encoder::Parquet(writer) => {
                let mut written = writer.write(&rows);
                if writer.in_progress_size() >= GROUP_SIZE {
                    written = written.and_then(|()| writer.flush());
                }
                written.map_err(|error| failed(other(error)))?;
            }
            Encoder::Arrow(writer) => {
                writer.write(&rows).map_err(|error| failed(other(error)))?;
            }
            _ => {
                let taken = sink(output).and_then(|sink| sink.batch(&rows));
                return taken.map_err(failed);
            }
        }
        self.hand_over_if_much(output)
    }

    /// Writes the rest and says what was written.
    pub(super) fn finish(mut self, output: &mut dyn Output) -> Result<FileDigest> {
        self.write_batch(output)?;
        let name = self.name.clone();
        let failed = |error| cannot(&name, error);
        match std::mem::replace(&mut self.encoder, Encoder::Lines(self.pipe.clone())) {
            Encoder::Lines(_) => {}
            Encoder::Gzip(encoder) => _ = encoder.finish().map_err(failed)?,
            Encoder::Zstd(encoder) => _ = encoder.finish().map_err(failed)?,
            Encoder::Parquet(writer) => {
                writer.close().map_err(|error| failed(other(error)))?;
            }
            Encoder::Arrow(mut writer) => {
                writer.finish().map_err(|error| failed(other(error)))?;
            }
            Encoder::Table => {
                let files = sink(output).and_then(TableSink::finish).map_err(failed)?;
                return Ok(FileDigest::of_table(&self.name, self.rows, &files));
            }
        }
        self.hand_over(output)?;
        Ok(FileDigest {
            name: self.name,
            bytes: self.bytes,
            lines: self.rows,
            sha256: hex(&self.hash.finalize()),
        })
    }

    fn hand_over_if_much(&mut self, output: &mut dyn Output) -> Result<()> {
        if self.pipe.with(|bytes| bytes.len()) >= GATHER {
            self.hand_over(output)?;
        }
        Ok(())
    }

    fn hand_over(&mut self, output: &mut dyn Output) -> Result<()> {
        let pipe = self.pipe.clone();
        pipe.with(|bytes| {
            self.hash.update(&bytes);
            self.bytes += bytes.len() as u64;
            put(output, &self.name, bytes)?;
            bytes.clear();
            Ok(())
        })
    }
}

fn sink(output: &mut dyn Output) -> io::Result<&mut dyn TableSink> {
    output.tables().ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::Unsupported,
            "this output takes no Lance tables; use jsonl, parquet or arrow",
        )
    })
}

fn other(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::other(error)
}

fn cannot(name: &str, source: io::Error) -> CurateError {
    CurateError::Output {
        file: name.to_owned(),
        source,
    }
}

/// About how much a value holds.
fn size(value: &Json) -> usize {
    match value {
        Json::Str(text) => text.len() + 8,
        Json::Utf16(units) => units.len() * 2 + 8,
        Json::Array(items) => items.iter().map(size).sum::<usize>() + 8,
        Json::Object(object) => object.values().map(size).sum::<usize>() + 8,
        _ => 8,
    }
}
