//! Tables of a kind that is not written here: who takes them, and who writes them.

use std::fmt::Debug;
use std::io;
use std::path::Path;

use arrow_array::RecordBatch;
use arrow_schema::Schema;

use crate::output::FileDigest;

/// Takes tables in batches. An [`Output`](crate::output::Output) hands out its own.
pub trait TableSink {
    /// Begins a table.
    ///
    /// # Errors
    /// Whatever keeps it from being made.
    fn begin(&mut self, name: &str, schema: &Schema) -> io::Result<()>;

    /// Appends to the table that was begun last.
    ///
    /// # Errors
    /// Whatever keeps the rows from being written.
    fn batch(&mut self, batch: &RecordBatch) -> io::Result<()>;

    /// Ends the table; says which files it is made of, by names that begin with its own and a slash. `lines` is 0 for those that
    /// hold no rows.
    ///
    /// # Errors
    /// Whatever keeps it from being complete.
    fn finish(&mut self) -> io::Result<Vec<FileDigest>>;
}

/// Writes and reads Lance tables in folders. The program that links a library for them brings it.
pub trait Tables: Debug + Send + Sync {
    /// Begins a table in the folder `dir`, which is not there yet. Its files name each other by paths inside the folder, so that
    /// the folder may be moved.
    ///
    /// # Errors
    /// A folder that cannot be made.
    fn begin(&self, dir: &Path, schema: &Schema) -> io::Result<Box<dyn OpenTable>>;

    /// The rows of a table, in order.
    ///
    /// # Errors
    /// A folder that holds no table, or a damaged one.
    fn read(&self, dir: &Path) -> io::Result<TableBatches>;
}

/// The batches of a table.
pub type TableBatches = Box<dyn Iterator<Item = io::Result<RecordBatch>>>;

/// A table on its way.
pub trait OpenTable {
    /// Appends rows.
    ///
    /// # Errors
    /// Whatever keeps them from being written.
    fn batch(&mut self, batch: &RecordBatch) -> io::Result<()>;

    /// Ends it. It is a table when this returns.
    ///
    /// # Errors
    /// Whatever keeps it from being complete.
    fn finish(self: Box<Self>) -> io::Result<()>;
}
