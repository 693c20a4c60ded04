//! Names, points and faults of the simulated disk.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::node::{Node, Random};
use super::{Fault, FaultKind, missing};

/// What happens at a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Write,
    Sync,
    Create,
    Rename,
    Remove,
    Truncate,
    SyncDir,
    CreateDir,
    Lock,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Write => "write",
            Kind::Sync => "sync",
            Kind::Create => "create",
            Kind::Rename => "rename to",
            Kind::Remove => "remove",
            Kind::Truncate => "truncate",
            Kind::SyncDir => "sync folder",
            Kind::CreateDir => "create folder",
            Kind::Lock => "lock",
        })
    }
}

/// A change of names that is not durable yet. A rename changes two, at once.
#[derive(Debug, Clone)]
struct NameChange {
    set: Option<(PathBuf, usize)>,
    unset: Option<PathBuf>,
}

impl NameChange {
    fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        self.set.iter().map(|(path, _)| path).chain(&self.unset)
    }

    fn apply(&self, names: &mut BTreeMap<PathBuf, usize>) {
        if let Some(path) = &self.unset {
            names.remove(path);
        }
        if let Some((path, node)) = &self.set {
            names.insert(path.clone(), *node);
        }
    }
}

/// The disk.
#[derive(Debug, Clone, Default)]
pub(super) struct Inner {
    nodes: Vec<Node>,
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    /// From `durable_names` to `names`, in order.
    changes: Vec<NameChange>,
    folders: BTreeSet<PathBuf>,
    pub(super) locks: BTreeMap<PathBuf, String>,
    pub(super) points: u64,
    pub(super) log: Vec<String>,
    pub(super) fault: Option<Fault>,
    pub(super) happened: bool,
    full: bool,
    crashed: bool,
    pub(super) bytes_written: u64,
}

impl Inner {
    pub(super) fn killed(&self) -> Inner {
        Inner {
            nodes: self.nodes.clone(),
            names: self.names.clone(),
            durable_names: self.durable_names.clone(),
            changes: self.changes.clone(),
            folders: self.folders.clone(),
            ..Inner::default()
        }
    }

    pub(super) fn lost(&self) -> Inner {
        Inner {
            nodes: self.nodes.iter().map(Node::lost).collect(),
            names: self.durable_names.clone(),
            durable_names: self.durable_names.clone(),
            folders: self.folders.clone(),
            ..Inner::default()
        }
    }

    pub(super) fn lost_in_part(&self, seed: u64) -> Inner {
        let mut random = Random(seed);
        let mut names = self.durable_names.clone();
        let kept = random.below(self.changes.len() as u64 + 1) as usize;
        for change in &self.changes[..kept] {
            change.apply(&mut names);
        }
        let nodes = self.nodes.iter();
        Inner {
            nodes: nodes.map(|node| node.lost_in_part(&mut random)).collect(),
            durable_names: names.clone(),
            names,
            folders: self.folders.clone(),
            ..Inner::default()
        }
    }

    /// Fails when the process has crashed.
    pub(super) fn alive(&self) -> io::Result<()> {
        if self.crashed {
            return Err(io::Error::other("simulated crash"));
        }
        Ok(())
    }

    /// Counts a point and lets the fault happen when it is due.
    pub(super) fn point(&mut self, kind: Kind, path: &Path) -> io::Result<()> {
        self.alive()?;
        self.points += 1;
        self.log.push(format!("{kind} {}", path.display()));
        if let Some(fault) = self.fault
            && fault.at == self.points
        {
            self.happened = true;
            match fault.kind {
                FaultKind::Crash => {
                    self.crashed = true;
                    return self.alive();
                }
                FaultKind::NoSpace => {
                    self.full = true;
                    if !matches!(kind, Kind::Remove | Kind::Truncate) {
                        return Err(full());
                    }
                }
                FaultKind::ShortWrite if kind == Kind::Write => return Err(full()),
                FaultKind::ShortWrite => return Err(io::Error::other("simulated fault")),
            }
        }
        let grows = matches!(kind, Kind::Write | Kind::Create | Kind::CreateDir);
        if self.full && grows {
            return Err(full());
        }
        Ok(())
    }

    pub(super) fn find(&self, path: &Path) -> Option<usize> {
        self.names.get(path).copied()
    }

    pub(super) fn node(&self, node: usize) -> &Node {
        &self.nodes[node]
    }

    pub(super) fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let files = self.names.iter();
        files
            .map(|(path, node)| (path.clone(), self.nodes[*node].data().to_vec()))
            .collect()
    }

    pub(super) fn flip(&mut self, path: &Path, offset: usize) -> bool {
        self.find(path)
            .is_some_and(|node| self.nodes[node].flip(offset))
    }

    pub(super) fn list(&self, folder: &Path) -> Vec<String> {
        let paths = self.names.keys().chain(&self.folders);
        let inside = paths.filter(|path| path.parent() == Some(folder));
        let names: BTreeSet<String> = inside
            .filter_map(|path| path.file_name()?.to_str().map(str::to_owned))
            .collect();
        names.into_iter().collect()
    }

    /// Creates or empties a file; a point.
    pub(super) fn create(&mut self, path: &Path) -> io::Result<usize> {
        self.point(Kind::Create, path)?;
        if let Some(node) = self.find(path) {
            self.nodes[node].clear();
            return Ok(node);
        }
        self.add_file(path)
    }

    /// Adds an empty file; no point of its own.
    pub(super) fn add_file(&mut self, path: &Path) -> io::Result<usize> {
        self.check_folder(path)?;
        let node = self.nodes.len();
        self.nodes.push(Node::default());
        self.change(NameChange {
            set: Some((path.to_owned(), node)),
            unset: None,
        });
        Ok(node)
    }

    pub(super) fn write(&mut self, node: usize, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let happened = self.happened;
        let outcome = self.point(Kind::Write, path);
        let fault_now = self.happened && !happened;
        let kind = self.fault.map(|fault| fault.kind);
        let kept = match (&outcome, fault_now, kind) {
            (Ok(()), ..) => bytes.len(),
            (Err(_), true, Some(FaultKind::Crash | FaultKind::ShortWrite)) => bytes.len() / 2,
            (Err(_), ..) => 0,
        };
        self.nodes[node].append(&bytes[..kept]);
        self.bytes_written += kept as u64;
        outcome
    }

    pub(super) fn sync(&mut self, node: usize, path: &Path) -> io::Result<()> {
        self.point(Kind::Sync, path)?;
        self.nodes[node].sync();
        Ok(())
    }

    pub(super) fn create_dir_all(&mut self, path: &Path) -> io::Result<()> {
        self.alive()?;
        if self.folders.contains(path) {
            return Ok(());
        }
        self.point(Kind::CreateDir, path)?;
        let folders = path.ancestors().map(Path::to_owned);
        self.folders.extend(folders);
        Ok(())
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        self.point(Kind::Rename, to)?;
        self.check_folder(to)?;
        let node = self.find(from).ok_or_else(|| missing(from))?;
        self.change(NameChange {
            set: Some((to.to_owned(), node)),
            unset: Some(from.to_owned()),
        });
        Ok(())
    }

    pub(super) fn remove(&mut self, path: &Path) -> io::Result<()> {
        self.alive()?;
        if self.find(path).is_none() {
            return Ok(());
        }
        self.point(Kind::Remove, path)?;
        self.change(NameChange {
            set: None,
            unset: Some(path.to_owned()),
        });
        Ok(())
    }

    pub(super) fn truncate(&mut self, path: &Path, len: u64) -> io::Result<()> {
        self.point(Kind::Truncate, path)?;
        let node = self.find(path).ok_or_else(|| missing(path))?;
        let len = usize::try_from(len).map_err(io::Error::other)?;
        if self.nodes[node].data().len() < len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.nodes[node].truncate(len);
        Ok(())
    }

    /// Makes the changes of names in a folder durable. A rename between two folders is durable as a whole with either.
    pub(super) fn sync_dir(&mut self, folder: &Path) -> io::Result<()> {
        self.point(Kind::SyncDir, folder)?;
        let touches = |change: &NameChange| change.paths().any(|p| p.parent() == Some(folder));
        let mut settled: BTreeSet<PathBuf> = BTreeSet::new();
        for change in self.changes.iter().filter(|change| touches(change)) {
            settled.extend(change.paths().cloned());
        }
        for path in &settled {
            match self.names.get(path) {
                Some(node) => self.durable_names.insert(path.clone(), *node),
                None => self.durable_names.remove(path),
            };
        }
        self.changes
            .retain(|change| !change.paths().any(|path| settled.contains(path)));
        Ok(())
    }

    fn change(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        self.changes.push(change);
    }

    fn check_folder(&self, path: &Path) -> io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new(""));
        if self.folders.contains(folder) || folder == Path::new("") || folder == Path::new("/") {
            return Ok(());
        }
        Err(missing(folder))
    }
}

fn full() -> io::Error {
    io::Error::new(io::ErrorKind::StorageFull, "simulated full disk")
}
