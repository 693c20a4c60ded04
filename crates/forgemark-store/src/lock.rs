//! Writers of a table on a local disk queue at a lock, so that none does its work in vain. That keys stay unique does not
//! depend on it: see [`crate::commit`].

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::time::{Duration, Instant};

use forgemark_contract::store::StoreError;

use crate::table::Table;

/// How long a writer waits for others.
const PATIENCE: Duration = Duration::from_mins(2);
/// How long it sleeps between looks.
const PAUSE: Duration = Duration::from_millis(5);
/// The file, in the folder of the table; the system lets go of it when its holder ends, however it ends.
const FILE: &str = "_forgemark.lock";

/// The right to write, until it is dropped.
pub(crate) struct WriteLock(Option<File>);

impl WriteLock {
    /// Waits for the right to write.
    pub(crate) fn take(table: &Table) -> Result<Self, StoreError> {
        let Some(folder) = &table.folder else {
            return Ok(WriteLock(None));
        };
        let path = folder.join(FILE);
        let failed = |error: std::io::Error| {
            table.fault(&format!("locking {}", path.display()), error.into())
        };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(&path).map_err(failed)?;
        let started = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if started.elapsed() < PATIENCE => {
                    std::thread::sleep(PAUSE);
                }
                Err(TryLockError::WouldBlock) => {
                    let mut owner = String::new();
                    let _ = file.read_to_string(&mut owner);
                    return Err(StoreError::Busy {
                        uri: table.uri.clone(),
                        owner: if owner.is_empty() {
                            "another process".to_owned()
                        } else {
                            owner
                        },
                    });
                }
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
        }
        // For whoever waits; on a full disk it stays empty.
        let _ = file
            .set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| write!(file, "process {}", std::process::id()));
        Ok(WriteLock(Some(file)))
    }
}

impl Drop for WriteLock {
    fn drop(&mut self) {
        if let Some(file) = &self.0 {
            let _ = file.unlock();
        }
    }
}
