//! What a working run is doing, in a small file for `forgemark status`.
//!
//! A thread of its own puts the file beside the journal every two seconds and takes it away at the
//! end. Nothing else reads it and nothing is lost with it, so it is not synced, and a write that
//! fails is left out. After a kill it stays and tells what was in progress.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use forgemark_contract::json::{self, Json, to_compact};
use forgemark_dialogue::run::Live;
use forgemark_journal::Storage;
use forgemark_journal::lock::STATE_DIR;

/// How often the file is written.
const EVERY: Duration = Duration::from_secs(2);

/// The file in the folder of our own state, and where it is made.
const FILE: &str = "in_progress.json";
const TEMPORARY: &str = ".in_progress.json.tmp";

/// What a run was doing when it last said so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InProgress {
    /// The line of the run lock's owner, which tells this process's file from an older one.
    pub owner: String,
    /// Conversations that were being made.
    pub running: u64,
    /// Conversations that were made and waited for an earlier one to be committed.
    pub waiting: u64,
    /// Model calls in flight.
    pub calls: u64,
    /// Model calls that might be in flight.
    pub limit: u64,
}

impl InProgress {
    fn of(owner: &str, live: &Live) -> Self {
        let (items, calls) = (live.progress.snapshot(), live.caller.snapshot());
        let running = items.running as u64;
        let open = items.admitted.saturating_sub(items.committed);
        Self {
            owner: owner.to_owned(),
            running,
            waiting: open.saturating_sub(running),
            calls: calls.in_flight,
            limit: calls.limit,
        }
    }

    /// The picture for programs.
    pub fn to_json(&self) -> Json {
        Json::object([
            ("owner", Json::from(self.owner.as_str())),
            ("conversations", Json::from(self.running)),
            ("waiting_for_commit", Json::from(self.waiting)),
            ("calls_in_flight", Json::from(self.calls)),
            ("calls_limit", Json::from(self.limit)),
        ])
    }

    /// What the latest process in an output folder wrote; `None` when there is nothing that can be
    /// read.
    pub fn read(storage: &dyn Storage, out_dir: &Path) -> Option<Self> {
        let bytes = storage.read(&out_dir.join(STATE_DIR).join(FILE)).ok()?;
        let found = json::parse(&bytes).ok()?;
        let number = |key: &str| found.get(key)?.as_u64();
        Some(Self {
            owner: found.get("owner")?.as_str()?.to_owned(),
            running: number("conversations")?,
            waiting: number("waiting_for_commit")?,
            calls: number("calls_in_flight")?,
            limit: number("calls_limit")?,
        })
    }

    fn write(&self, storage: &dyn Storage, folder: &Path) -> std::io::Result<()> {
        let temporary = folder.join(TEMPORARY);
        let mut file = storage.create(&temporary)?;
        file.write_all(&to_compact(&self.to_json()))?;
        drop(file);
        storage.rename(&temporary, &folder.join(FILE))
    }
}

/// Keeps the file until it is dropped.
#[derive(Debug)]
pub struct Pulse {
    storage: Arc<dyn Storage>,
    folder: PathBuf,
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Pulse {
    /// Begins to write what `live` does. `owner` is the line in the run lock.
    pub fn start(storage: Arc<dyn Storage>, out_dir: &Path, owner: String, live: Live) -> Self {
        let folder = out_dir.join(STATE_DIR);
        let (stop, stopped) = mpsc::channel();
        let body = {
            let (storage, folder) = (Arc::clone(&storage), folder.clone());
            move || {
                loop {
                    // Whoever looks sees an older picture, or none.
                    let _ = InProgress::of(&owner, &live).write(&*storage, &folder);
                    if !matches!(stopped.recv_timeout(EVERY), Err(RecvTimeoutError::Timeout)) {
                        return;
                    }
                }
            }
        };
        // Without a thread there is no file; the run goes on all the same.
        let thread = std::thread::Builder::new()
            .name("pulse".to_owned())
            .spawn(body)
            .ok();
        Self {
            storage,
            folder,
            stop: Some(stop),
            thread,
        }
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in it was reported by the hook; it must not fail the run.
            let _ = thread.join();
        }
        for name in [FILE, TEMPORARY] {
            // A file that stays is told apart by its owner.
            let _ = self.storage.remove(&self.folder.join(name));
        }
    }
}
