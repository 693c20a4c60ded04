//! How a version comes to be: one after the other, and on a local disk for good.
//!
//! Lance lets two appends pass side by side: each is rebased on the other. Two processes that each found a key free would
//! both write it. So a write of ours commits only the version that follows the one in which it looked for its keys; when another
//! one is there, it looks again. Whether it is there is decided by creating the file of the version, which one process can do, on a
//! disk and in an object store.
//!
//! Lance hands local files to the system without waiting for the disk. Here everything that a version names is on the disk
//! before its manifest gets its name, so after a power cut a version is there whole or not at all.

use std::collections::HashSet;
use std::fs::File;
use std::path::{Path as FilePath, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use lance::io::ObjectStore;
use lance_table::format::{IndexMetadata, Manifest, Transaction};
use lance_table::io::commit::{
    CommitError, CommitHandler, ConditionalPutCommitHandler, ManifestLocation,
    ManifestNamingScheme, ManifestWriter,
};
use object_store::local::LocalFileSystem;
use object_store::path::Path;

/// The files of a local table that are known to be on the disk.
#[derive(Debug)]
pub(crate) struct Durable {
    root: PathBuf,
    synced: Mutex<HashSet<PathBuf>>,
}

impl Durable {
    pub(crate) fn new(root: PathBuf) -> Self {
        Durable {
            root,
            synced: Mutex::default(),
        }
    }

    fn trust(&self, manifest: &Manifest, indices: &[IndexMetadata]) {
        let mut synced = self.synced.lock().unwrap_or_else(PoisonError::into_inner);
        synced.extend(self.files(manifest, indices));
    }

    fn files(&self, manifest: &Manifest, indices: &[IndexMetadata]) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for fragment in manifest.fragments.iter() {
            let data = self.root.join("data");
            files.extend(fragment.files.iter().map(|file| data.join(&file.path)));
            if let Some(deletions) = &fragment.deletion_file {
                let path = lance_table::io::deletion::deletion_file_path(
                    &Path::default(),
                    fragment.id,
                    deletions,
                );
                files.push(self.root.join(path.as_ref()));
            }
        }
        let folder = self.root.join("_indices");
        files.extend(
            indices
                .iter()
                .map(|index| folder.join(index.uuid.to_string())),
        );
        files
    }

    /// Waits until the disk has every file that `manifest` names, and their folders.
    fn sync(&self, manifest: &Manifest, indices: &[IndexMetadata]) -> std::io::Result<()> {
        let mut synced = self.synced.lock().unwrap_or_else(PoisonError::into_inner);
        let files = self.files(manifest, indices);
        let mut folders = HashSet::new();
        for file in files.iter().filter(|file| !synced.contains(*file)) {
            sync_tree(file)?;
            folders.extend(file.parent().map(FilePath::to_owned));
        }
        // Also the folder of the folder, which may be new.
        if !folders.is_empty() {
            folders.insert(self.root.clone());
        }
        for folder in folders {
            File::open(folder)?.sync_all()?;
        }
        *synced = files.into_iter().collect();
        Ok(())
    }
}

/// Whether a commit failed because of another one.
pub(crate) fn is_conflict(error: &lance::Error) -> bool {
    matches!(
        error,
        lance::Error::CommitConflict { .. }
            | lance::Error::RetryableCommitConflict { .. }
            | lance::Error::IncompatibleTransaction { .. }
            | lance::Error::TooMuchWriteContention { .. }
            | lance::Error::VersionConflict { .. }
    )
}

/// Syncs a file, or a folder with all that is in it.
fn sync_tree(path: &FilePath) -> std::io::Result<()> {
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        for entry in std::fs::read_dir(path)? {
            sync_tree(&entry?.path())?;
        }
    }
    file.sync_all()
}

/// Commits the versions of a table.
#[derive(Debug, Clone)]
pub(crate) struct Committer {
    /// Of a table on a local disk.
    durable: Option<Arc<Durable>>,
    /// The only version that may come to be; `None` leaves it to Lance which commits pass each other.
    only: Option<u64>,
}

impl Committer {
    pub(crate) fn new(durable: Option<Arc<Durable>>) -> Self {
        Committer {
            durable,
            only: None,
        }
    }

    /// Takes the files of `manifest` as being on the disk, which they are when it was read from there.
    pub(crate) fn trust(&self, manifest: &Manifest, indices: &[IndexMetadata]) {
        if let Some(durable) = &self.durable {
            durable.trust(manifest, indices);
        }
    }

    /// The same, for a commit that holds only if `version` is the next one.
    pub(crate) fn only(&self, version: u64) -> Arc<dyn CommitHandler> {
        Arc::new(Committer {
            only: Some(version),
            ..self.clone()
        })
    }
}

#[async_trait]
impl CommitHandler for Committer {
    fn is_version_not_found_definitive(&self) -> bool {
        true
    }

    fn propagate_commit_error_after_success(&self) -> bool {
        false
    }

    async fn commit(
        &self,
        manifest: &mut Manifest,
        indices: Option<Vec<IndexMetadata>>,
        base_path: &Path,
        object_store: &ObjectStore,
        manifest_writer: ManifestWriter,
        naming_scheme: ManifestNamingScheme,
        transaction: Option<Transaction>,
    ) -> Result<ManifestLocation, CommitError> {
        if self.only.is_some_and(|only| only != manifest.version) {
            // Not the conflict of this trait: that would be tried again, with the keys looked for in an older version.
            return Err(CommitError::OtherError(
                lance::Error::retryable_commit_conflict_source(
                    manifest.version,
                    "another version came in between".into(),
                ),
            ));
        }
        let mut store = object_store.clone();
        if let Some(durable) = &self.durable {
            let (durable, named) = (durable.clone(), manifest.clone());
            let indices = indices.clone().unwrap_or_default();
            let synced = tokio::task::spawn_blocking(move || durable.sync(&named, &indices)).await;
            synced
                .map_err(std::io::Error::other)
                .and_then(|synced| synced)
                .map_err(|error| CommitError::OtherError(error.into()))?;
            store.inner = Arc::new(LocalFileSystem::new().with_fsync(true));
        }
        ConditionalPutCommitHandler
            .commit(
                manifest,
                indices,
                base_path,
                &store,
                manifest_writer,
                naming_scheme,
                transaction,
            )
            .await
    }
}
