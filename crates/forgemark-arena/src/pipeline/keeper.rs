//! The thread that owns the folder while a run works: it takes records in whatever order they come, and writes files.

use std::thread::JoinHandle;

use forgemark_journal::ArtifactSet;
use tokio::sync::mpsc;

use super::error::ArenaError;
use super::folder::{Folder, Made};

/// Records that may wait to be taken.
const QUEUE: usize = 256;

/// Fewest new records before files are written while the run goes on.
const LEAST: usize = 256;

/// Files are written again when the new records are one in this many of all, which bounds how often a byte is written.
const SHARE: usize = 4;

/// The thread.
#[derive(Debug)]
pub(crate) struct Keeper {
    thread: JoinHandle<Result<(Folder, ArtifactSet), ArenaError>>,
}

impl Keeper {
    /// Starts the thread. It ends when all senders are gone.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn start(
        folder: Folder,
        artifacts: ArtifactSet,
    ) -> Result<(Self, mpsc::Sender<Made>), ArenaError> {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("arena-files".to_owned())
            .spawn(move || work(folder, artifacts, receiver))
            .map_err(ArenaError::Thread)?;
        Ok((Keeper { thread }, sender))
    }

    /// Waits until everything is written. Blocks.
    ///
    /// # Errors
    /// The first that writing met.
    pub(crate) fn finish(self) -> Result<(Folder, ArtifactSet), ArenaError> {
        match self.thread.join() {
            Ok(ended) => ended,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

fn work(
    mut folder: Folder,
    mut artifacts: ArtifactSet,
    mut receiver: mpsc::Receiver<Made>,
) -> Result<(Folder, ArtifactSet), ArenaError> {
    let (mut new, mut all) = (0_usize, folder.provenance().len());
    while let Some(made) = receiver.blocking_recv() {
        folder.add(made);
        new += 1;
        all += 1;
        if new >= LEAST.max(all / SHARE) {
            folder.commit(&mut artifacts)?;
            new = 0;
        }
    }
    folder.commit(&mut artifacts)?;
    Ok((folder, artifacts))
}
