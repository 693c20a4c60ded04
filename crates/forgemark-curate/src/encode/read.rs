//! Rows of files that were written here or elsewhere.

use std::io::{BufRead, BufReader, Read};

use arrow_ipc::reader::StreamReader;
use forgemark_contract::json::{Json, parse};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::reader::ChunkReader;

use super::batch;

/// Why rows cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The end of the name says nothing that is known.
    #[error(
        "the name ends with no known extension; expected .jsonl, .jsonl.gz, .jsonl.zst, .parquet or .arrow"
    )]
    Name,
    /// A line is no JSON.
    #[error("line {line}: {source}")]
    Line {
        /// Its number, from 1.
        line: u64,
        /// What is wrong with it.
        source: forgemark_contract::json::JsonError,
    },
    /// The bytes cannot be read or decompressed.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// It is no Parquet file, or a damaged one.
    #[error("{0}")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// It is no Arrow stream, or a damaged one.
    #[error("{0}")]
    Arrow(#[from] arrow_schema::ArrowError),
}

/// The rows of a file, in order. After an error of the file itself there are no more; a line that is no JSON is one of its own.
pub type Rows = Box<dyn Iterator<Item = Result<Json, ReadError>>>;

/// The rows of a file, by the end of its name. Of columns, one batch is in memory at a time; a null value has no key.
///
/// # Errors
/// A name that says nothing, and a file of columns whose beginning or end cannot be read.
pub fn rows<R: ChunkReader + 'static>(name: &str, file: R) -> Result<Rows, ReadError>
where
    R::T: 'static,
{
    let ends = |end: &str| name.ends_with(end);
    if ends(".parquet") {
        let reader = ParquetRecordBatchReaderBuilder::try_new(file)?.build()?;
        return Ok(batches(reader));
    }
    let reader = file.get_read(0)?;
    if ends(".arrow") {
        return Ok(batches(StreamReader::try_new_buffered(reader, None)?));
    }
    if ends(".jsonl") || ends(".json") || ends(".ndjson") {
        Ok(lines(reader))
    } else if ends(".jsonl.gz") {
        Ok(lines(flate2::read::MultiGzDecoder::new(reader)))
    } else if ends(".jsonl.zst") {
        Ok(lines(zstd::stream::read::Decoder::new(reader)?))
    } else {
        Err(ReadError::Name)
    }
}

/// The rows of a table's batches.
pub fn table_rows(table: super::TableBatches) -> Rows {
    batches(table)
}

fn batches<E: Into<ReadError> + 'static>(
    batches: impl Iterator<Item = Result<arrow_array::RecordBatch, E>> + 'static,
) -> Rows {
    Box::new(batches.flat_map(|batch| match batch {
        Ok(batch) => batch::rows(&batch).into_iter().map(Ok).collect::<Vec<_>>(),
        Err(error) => vec![Err(error.into())],
    }))
}

fn lines(reader: impl Read + 'static) -> Rows {
    let mut reader = BufReader::with_capacity(1 << 16, reader);
    let mut line = 0;
    let mut ended = false;
    Box::new(std::iter::from_fn(move || {
        let mut bytes = Vec::new();
        loop {
            if ended {
                return None;
            }
            bytes.clear();
            match reader.read_until(b'\n', &mut bytes) {
                Ok(0) => ended = true,
                Ok(_) => {
                    line += 1;
                    let text = bytes.trim_ascii();
                    if !text.is_empty() {
                        return Some(
                            parse(text).map_err(|source| ReadError::Line { line, source }),
                        );
                    }
                }
                Err(error) => {
                    ended = true;
                    return Some(Err(error.into()));
                }
            }
        }
    }))
}
