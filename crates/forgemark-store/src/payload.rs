//! Payloads that are too large for a row: files beside the table, named by the digest of their bytes.
//!
//! ```text
//! STORE/payloads/ab/abcdef…   the bytes whose SHA-256 is abcdef…; two records with the same bytes share them
//! ```
//!
//! A record names its payload by a path below the store, so a store can be moved; records of other programs may have an
//! address of any kind. What is written appears whole under its name or not at all.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use forgemark_contract::store::{ContextRecord, Payload, StoreError};
use futures_util::TryStreamExt as _;
use lance_io::object_store::ObjectStore;
use object_store::ObjectStoreExt as _;
use object_store::{PutPayload, WriteMultipart};
use sha2::{Digest as _, Sha256};

use crate::fault::fault;
use crate::runtime::wait;
use crate::table::local_folder;

/// The folder of payloads below a store.
const FOLDER: &str = "payloads";

/// The algorithm of checksums, as it stands in front of them.
const ALGORITHM: &str = "sha256";

/// Bytes that are read at once.
const PORTION: usize = 1 << 20;

/// Puts a copy of `file` under the store at `store`. Bytes that are there already are not written again.
///
/// # Errors
/// [`StoreError::Storage`] where the file cannot be read, changes while it is read, or cannot be written there.
pub(crate) fn put_payload(store: &str, file: &Path) -> Result<Payload, StoreError> {
    let reading = |error| broken(file.display().to_string(), "reading the payload", error);
    let (digest, size) = digest(File::open(file).map_err(reading)?).map_err(reading)?;
    let payload = Payload {
        uri: format!("{FOLDER}/{}/{digest}", digest.get(..2).unwrap_or_default()),
        size,
        checksum: format!("{ALGORITHM}:{digest}"),
    };
    let source = File::open(file).map_err(reading)?;
    let source = Digesting::new(source);
    let copied = match local_folder(store) {
        Some(folder) => put_on_disk(store, &folder.join(&payload.uri), size, source)?,
        None => wait(
            store,
            put_in_object_store(store, &payload.uri, size, source),
        )?,
    };
    if copied.is_some_and(|copied| copied != digest) {
        let changed = io::Error::other("it changed meanwhile; try again");
        return Err(reading(changed));
    }
    Ok(payload)
}

/// Copies the payload that `record` names to `into`, which appears only when size and checksum are those that the record
/// names. A path in the record is one below `store`; an address is taken as it is.
///
/// # Errors
/// [`StoreError::Invalid`] names the record where it has no payload of its own kind, the payload is not there, or is another
/// one; [`StoreError::Storage`] and [`StoreError::Unreachable`] where it cannot be read or written.
pub(crate) fn fetch_payload(
    store: &str,
    record: &ContextRecord,
    into: &Path,
) -> Result<u64, StoreError> {
    let invalid = |field: &str, what: String| StoreError::Invalid {
        record: record.id.clone(),
        field: field.to_owned(),
        what,
    };
    let Some(uri) = &record.payload_uri else {
        return Err(invalid(
            "payload_uri",
            "the record names no payload".to_owned(),
        ));
    };
    let checksum = match record
        .payload_checksum
        .as_deref()
        .map(|sum| sum.split_once(':'))
    {
        None => None,
        Some(Some((ALGORITHM, digest))) => Some(digest.to_lowercase()),
        Some(_) => {
            let what =
                format!("expected {ALGORITHM}: and the digest, as nothing else can be verified");
            return Err(invalid("payload_checksum", what));
        }
    };
    let address = resolve(store, uri).ok_or_else(|| {
        invalid(
            "payload_uri",
            format!("{uri} leads out of the store; give a whole address"),
        )
    })?;
    let not_there = || invalid("payload_uri", format!("nothing is at {address}"));
    let part = Part::beside(into).map_err(|error| written(into, error))?;
    let mut sink = Digesting::new(
        part.file
            .try_clone()
            .map_err(|error| written(into, error))?,
    );
    match local_folder(&address) {
        Some(path) => {
            let reading = |error| broken(address.clone(), "reading the payload", error);
            match File::open(&path) {
                Ok(mut source) => {
                    io::copy(&mut source, &mut sink).map_err(reading)?;
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(not_there()),
                Err(error) => return Err(reading(error)),
            }
        }
        None => {
            if !wait(&address, fetch_from_object_store(&address, into, &mut sink))? {
                return Err(not_there());
            }
        }
    }
    let (digest, size) = sink.finish();
    if let Some(expected) = record.payload_size
        && u64::try_from(expected) != Ok(size)
    {
        let what = format!("says {expected} bytes, and {size} are at {address}");
        return Err(invalid("payload_size", what));
    }
    if let Some(expected) = checksum
        && expected != digest
    {
        let what = format!("says {ALGORITHM}:{expected}, and the bytes at {address} have {digest}");
        return Err(invalid("payload_checksum", what));
    }
    part.appear(into).map_err(|error| written(into, error))?;
    Ok(size)
}

/// The whole address of a payload; `None` for a path that leaves the store.
pub(crate) fn resolve(store: &str, uri: &str) -> Option<String> {
    if uri.contains("://") || Path::new(uri).is_absolute() {
        return Some(uri.to_owned());
    }
    let inside = uri.split('/').all(|part| !matches!(part, "" | "." | ".."));
    inside.then(|| format!("{}/{uri}", store.trim_end_matches('/')))
}

/// Whether there is something at the address of a payload, where that can be told without asking a network.
pub(crate) fn is_there(store: &str, uri: &str) -> Option<bool> {
    local_folder(&resolve(store, uri)?)?.try_exists().ok()
}

fn broken(uri: String, doing: &str, error: io::Error) -> StoreError {
    StoreError::Storage {
        uri,
        what: format!("{doing} failed: {error}"),
        source: Some(Box::new(error)),
    }
}

fn written(path: &Path, error: io::Error) -> StoreError {
    broken(path.display().to_string(), "writing the payload", error)
}

/// Bytes that pass through, with their digest and number.
struct Digesting<F> {
    inner: F,
    digest: Sha256,
    size: u64,
}

impl<F> Digesting<F> {
    fn new(inner: F) -> Self {
        Digesting {
            inner,
            digest: Sha256::new(),
            size: 0,
        }
    }

    fn pass(&mut self, bytes: &[u8]) {
        self.digest.update(bytes);
        self.size += bytes.len() as u64;
    }

    fn finish(self) -> (String, u64) {
        let digest = self.digest.finalize();
        let digits = digest.iter().map(|byte| format!("{byte:02x}"));
        (digits.collect(), self.size)
    }
}

impl<F: Read> Read for Digesting<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.pass(buffer.get(..count).unwrap_or_default());
        Ok(count)
    }
}

impl<F: Write> Write for Digesting<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.pass(bytes.get(..count).unwrap_or_default());
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

fn digest(source: File) -> io::Result<(String, u64)> {
    let mut source = Digesting::new(source);
    io::copy(&mut source, &mut io::sink())?;
    Ok(source.finish())
}

/// A file that is being written, beside the one that it will be. Left alone it goes away.
struct Part {
    path: PathBuf,
    file: File,
}

impl Part {
    fn beside(path: &Path) -> io::Result<Self> {
        // No two parts of this process ever have one name.
        static PARTS: AtomicU64 = AtomicU64::new(0);
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let number = PARTS.fetch_add(1, Ordering::Relaxed);
        let path = path.with_file_name(format!(".{name}.{}.{number}", std::process::id()));
        // One that is there was left by a killed process of the same number.
        let file = File::create(&path)?;
        Ok(Part { path, file })
    }

    fn appear(self, path: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.path, path)?;
        match path.parent() {
            Some(folder) if folder != Path::new("") => File::open(folder)?.sync_all(),
            _ => Ok(()),
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // After a rename there is nothing of this name.
        let _ = fs::remove_file(&self.path);
    }
}

/// Writes what comes from `source` at `path`, unless it is there; the digest of what was written.
fn put_on_disk(
    store: &str,
    path: &Path,
    size: u64,
    mut source: Digesting<File>,
) -> Result<Option<String>, StoreError> {
    if fs::metadata(path).is_ok_and(|there| there.len() == size) {
        return Ok(None);
    }
    if !local_folder(store).is_some_and(|folder| folder.is_dir()) {
        let uri = store.to_owned();
        return Err(StoreError::NotFound { uri });
    }
    let copy = |source: &mut Digesting<File>| -> io::Result<Part> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut part = Part::beside(path)?;
        io::copy(source, &mut part.file)?;
        Ok(part)
    };
    let part = copy(&mut source).map_err(|error| written(path, error))?;
    let (digest, copied) = source.finish();
    if copied == size && path.ends_with(&digest) {
        part.appear(path).map_err(|error| written(path, error))?;
    }
    Ok(Some(digest))
}

/// As [`put_on_disk`], in an object store, where an upload appears when it is complete.
async fn put_in_object_store(
    store: &str,
    path: &str,
    size: u64,
    mut source: Digesting<File>,
) -> Result<Option<String>, StoreError> {
    let address = format!("{}/{path}", store.trim_end_matches('/'));
    let opened = ObjectStore::from_uri(&address).await;
    let (objects, place) = opened.map_err(|error| fault(&address, "opening", error))?;
    let failed = |error: object_store::Error| fault(&address, "writing the payload", error.into());
    match objects.inner.head(&place).await {
        Ok(there) if there.size == size => return Ok(None),
        Ok(_) | Err(object_store::Error::NotFound { .. }) => {}
        Err(error) => return Err(failed(error)),
    }
    let reading = |error| broken(address.clone(), "reading the payload", error);
    let mut buffer = vec![0; PORTION];
    if size <= PORTION as u64 {
        let mut bytes = Vec::new();
        source.read_to_end(&mut bytes).map_err(reading)?;
        let digest = source.finish().0;
        if path.ends_with(&digest) {
            let put = objects.inner.put(&place, PutPayload::from(bytes)).await;
            put.map_err(failed)?;
        }
        return Ok(Some(digest));
    }
    let upload = objects.inner.put_multipart(&place).await.map_err(failed)?;
    let mut upload = WriteMultipart::new(upload);
    loop {
        let count = source.read(&mut buffer).map_err(reading)?;
        if count == 0 {
            break;
        }
        upload.wait_for_capacity(4).await.map_err(failed)?;
        upload.write(buffer.get(..count).unwrap_or_default());
    }
    let digest = source.finish().0;
    if path.ends_with(&digest) {
        upload.finish().await.map_err(failed)?;
    } else {
        upload.abort().await.map_err(failed)?;
    }
    Ok(Some(digest))
}

/// Whether there is something at the address.
async fn fetch_from_object_store(
    address: &str,
    into: &Path,
    sink: &mut Digesting<File>,
) -> Result<bool, StoreError> {
    let opened = ObjectStore::from_uri(address).await;
    let (objects, place) = opened.map_err(|error| fault(address, "opening", error))?;
    let failed = |error: object_store::Error| fault(address, "reading the payload", error.into());
    let found = match objects.inner.get(&place).await {
        Ok(found) => found,
        Err(object_store::Error::NotFound { .. }) => return Ok(false),
        Err(error) => return Err(failed(error)),
    };
    let mut portions = found.into_stream();
    while let Some(portion) = portions.try_next().await.map_err(failed)? {
        sink.write_all(&portion)
            .map_err(|error| written(into, error))?;
    }
    Ok(true)
}
