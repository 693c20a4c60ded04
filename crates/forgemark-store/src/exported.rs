//! Tables of cuts: plain Lance tables in folders, without anything of the store.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread::JoinHandle;

use arrow_array::{RecordBatch, RecordBatchIterator, RecordBatchReader};
use arrow_schema::{ArrowError, Schema};
use forgemark_contract::store::StoreError;
use forgemark_curate::encode::{OpenTable, TableBatches, Tables};
use futures_util::TryStreamExt as _;
use lance::Dataset;
use lance::dataset::{InsertBuilder, WriteMode, WriteParams};

use crate::fault::fault;
use crate::runtime::wait;

/// Batches that wait for the writer.
const WAITING: usize = 2;

/// Writes and reads Lance tables.
#[derive(Debug, Clone, Copy, Default)]
pub struct LanceTables;

impl Tables for LanceTables {
    fn begin(&self, dir: &Path, schema: &Schema) -> io::Result<Box<dyn OpenTable>> {
        let uri = place(dir)?;
        let (batches, waiting) = mpsc::sync_channel(WAITING);
        let schema = Arc::new(schema.clone());
        let writer = std::thread::Builder::new().name("forgemark-table".to_owned());
        let writer = writer.spawn(move || write(&uri, schema, waiting))?;
        Ok(Box::new(Writing {
            batches: Some(batches),
            writer: Some(writer),
        }))
    }

    fn read(&self, dir: &Path) -> io::Result<TableBatches> {
        let uri = place(dir)?;
        let broken = |error| fault(&uri, "reading a table", error);
        let dataset = wait(&uri, async { Dataset::open(&uri).await.map_err(broken) });
        let dataset = dataset.map_err(io::Error::other)?;
        let mut fragments = dataset.get_fragments().into_iter();
        let mut batches = Vec::new().into_iter();
        Ok(Box::new(std::iter::from_fn(move || {
            loop {
                if let Some(batch) = batches.next() {
                    return Some(Ok(batch));
                }
                let fragment = fragments.next()?;
                let broken = |error| fault(&uri, "reading a table", error);
                // One fragment at a time is in memory.
                let read = wait(&uri, async {
                    let mut scan = fragment.scan();
                    scan.scan_in_order(true);
                    let rows = scan.try_into_stream().await.map_err(broken)?;
                    rows.try_collect::<Vec<RecordBatch>>().await.map_err(broken)
                });
                match read {
                    Ok(read) => batches = read.into_iter(),
                    Err(error) => return Some(Err(io::Error::other(error))),
                }
            }
        })))
    }
}

fn place(dir: &Path) -> io::Result<String> {
    let place = std::path::absolute(dir)?;
    let place = place.to_str().map(str::to_owned);
    place.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the path is not UTF-8"))
}

fn write(uri: &str, schema: Arc<Schema>, waiting: Receiver<RecordBatch>) -> Result<(), StoreError> {
    let batches = waiting.into_iter().map(Ok::<_, ArrowError>);
    let source = RecordBatchIterator::new(batches, schema);
    let source: Box<dyn RecordBatchReader + Send> = Box::new(source);
    let params = WriteParams {
        mode: WriteMode::Create,
        skip_auto_cleanup: true,
        ..WriteParams::default()
    };
    wait(uri, async {
        let insert = InsertBuilder::new(uri).with_params(&params);
        let made = insert.execute_stream(source).await;
        made.map(drop)
            .map_err(|error| fault(uri, "writing a table", error))
    })
}

/// A table whose writer runs in a thread of its own.
struct Writing {
    batches: Option<SyncSender<RecordBatch>>,
    writer: Option<JoinHandle<Result<(), StoreError>>>,
}

impl Writing {
    /// Closes the table and waits for its writer.
    fn end(&mut self) -> io::Result<()> {
        self.batches = None;
        match self.writer.take().map(JoinHandle::join) {
            None => Ok(()),
            Some(Ok(written)) => written.map_err(io::Error::other),
            Some(Err(_)) => Err(io::Error::other("the writer of the table broke off")),
        }
    }
}

impl OpenTable for Writing {
    fn batch(&mut self, batch: &RecordBatch) -> io::Result<()> {
        let taken = self.batches.as_ref().map(|to| to.send(batch.clone()));
        match taken {
            Some(Ok(())) => Ok(()),
            // It only goes away early where it has failed.
            _ => self.end(),
        }
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.end()
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        // Whoever takes the folder away must not find the writer in it.
        let _ = self.end();
    }
}
