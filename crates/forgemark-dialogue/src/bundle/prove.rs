//! Proving a bundle: the digest of every file, every row against the schema, and everything that is made of the rows
//! made again. So a file that was changed is found by its digest, and one whose digest was changed too by its content.

use std::path::Path;
use std::sync::Arc;

use forgemark_contract::dialogue::{Columns, bundle};
use forgemark_contract::json::{Json, Object, to_pretty};
use forgemark_journal::Storage;

use super::error::BundleError;
use super::facts::Facts;
use super::make::digest;
use super::manifest::Manifest;
use super::stats::Stats;
use super::{CARD, MANIFEST, SCHEMA, card, plots};
use crate::check::lines::{Lines, parse_line};
use crate::check::report::{At, Collector};
use crate::check::{CheckOptions, Kind, Report};

/// What to do about any finding.
const REMEDY: &str =
    "Remove the file and make the bundle again: `forgemark dialogue bundle CONFIG`.";

/// Checks a bundle; what is wrong is a finding. Changes nothing on disk. [`super::is_bundle`] first.
///
/// # Errors
/// [`BundleError::TooNew`] for a bundle of a newer release.
pub fn prove(
    storage: &Arc<dyn Storage>,
    dir: &Path,
    options: &CheckOptions,
) -> Result<Report, BundleError> {
    let mut to = Collector::new(options.keep);
    match Manifest::read(&**storage, dir) {
        Ok(Some(manifest)) => {
            let mut proof = Proof {
                storage,
                dir,
                manifest: &manifest,
                to: &mut to,
            };
            proof.files();
            proof.content();
        }
        Ok(None) => to.add(
            At::file(MANIFEST),
            Kind::Missing,
            "",
            "there is no such file",
        ),
        Err(error @ BundleError::TooNew { .. }) => return Err(error),
        Err(BundleError::Damaged { what, .. }) => {
            to.add(At::file(MANIFEST), Kind::Hash, "", what);
        }
        Err(error) => to.add(At::file(MANIFEST), Kind::Unreadable, "", error.to_string()),
    }
    for finding in &mut to.report.findings {
        finding.remedy = REMEDY;
    }
    Ok(to.report)
}

struct Proof<'a> {
    storage: &'a Arc<dyn Storage>,
    dir: &'a Path,
    manifest: &'a Manifest,
    to: &'a mut Collector,
}

impl Proof<'_> {
    /// Every file that the manifest names, by size and digest.
    fn files(&mut self) {
        for file in &self.manifest.files {
            let count = self.to.count(&file.path);
            count.files += 1;
            count.bytes += file.bytes;
            let at = At::file(&file.path);
            match digest(&**self.storage, &self.dir.join(&file.path)) {
                Ok(Some(found)) if found == (file.bytes, file.sha256.clone()) => {}
                Ok(Some((bytes, _))) => {
                    let what = format!(
                        "has {bytes} bytes of another content than the {} that were written",
                        file.bytes
                    );
                    self.to.add(at, Kind::Hash, "", what);
                }
                Ok(None) => self.to.add(at, Kind::Missing, "", "there is no such file"),
                Err(error) => self.to.add(at, Kind::Unreadable, "", error.to_string()),
            }
        }
        let names = self.storage.list(self.dir).unwrap_or_default();
        for name in names.iter().filter(|name| !name.starts_with('.')) {
            let folder = format!("{name}/");
            let is_ours = |path: &str| path == name || path.starts_with(&folder);
            if name != MANIFEST && !self.manifest.files.iter().any(|file| is_ours(&file.path)) {
                self.to.note(format!("{name} is no file of the bundle"));
            }
        }
    }

    /// Rows against the schema, and what is made of them against what is there.
    fn content(&mut self) {
        let manifest = self.manifest;
        let (mut facts, mut stats) = (Facts::default(), Stats::default());
        if self.rows(&mut facts, &mut stats).is_none() {
            return;
        }
        if facts.rows != manifest.rows {
            let what = format!(
                "has {} rows, the manifest says {}",
                facts.rows, manifest.rows
            );
            self.to
                .add(At::file(&manifest.data), Kind::Derived, "", what);
        }
        let report = &mut self.to.report;
        (report.conversations, report.turns) = (facts.rows, stats.turns());
        let numbers = stats.to_json(&manifest.data);
        let charts = match &manifest.plots {
            Some(_) => plots(&numbers),
            None => Vec::new(),
        };
        if let Some(name) = &manifest.stats {
            self.same(name, &to_pretty(&numbers));
        }
        for chart in &charts {
            let folder = manifest.plots.as_deref().unwrap_or_default();
            self.same(&format!("{folder}/{}", chart.name), chart.svg.as_bytes());
        }
        self.same(SCHEMA, &bundle::schema_file(&manifest.columns));
        let card = card::card(manifest, &facts, &numbers, &charts);
        self.same(CARD, card.as_bytes());
    }

    fn rows(&mut self, facts: &mut Facts, stats: &mut Stats) -> Option<()> {
        let name = &self.manifest.data;
        let path = self.dir.join(name);
        let length = self.storage.len(&path).ok().flatten()?;
        let file = self.storage.open_read(&path).ok()?;
        let mut lines = Lines::new(file, length);
        loop {
            let line = match lines.next() {
                Ok(Some(line)) => line,
                Ok(None) => return Some(()),
                Err(error) => {
                    self.to
                        .add(At::file(name), Kind::Unreadable, "", error.to_string());
                    return None;
                }
            };
            self.to.count(name).rows += 1;
            let at = At::line(name, line.number);
            let Some(row) = parse_line(name, line, self.to) else {
                continue;
            };
            for found in bundle::check_row(&self.manifest.columns, &row) {
                self.to.add(at, Kind::Shape, &found.path, found.what);
            }
            let row = under_default_names(row, &self.manifest.columns);
            facts.add(&row);
            stats.add(&row);
        }
    }

    /// A file that is made of the rows must be what they give.
    fn same(&mut self, name: &str, expected: &[u8]) {
        let path = self.dir.join(name);
        // A file that is not there was reported.
        let Ok(found) = self.storage.read(&path) else {
            if self.manifest.files.iter().all(|file| file.path != name) {
                let what = "there is no such file, and the rows give one";
                self.to.add(At::file(name), Kind::Missing, "", what);
            }
            return;
        };
        if found == expected {
            return;
        }
        let (found, expected) = (
            String::from_utf8_lossy(&found),
            String::from_utf8_lossy(expected),
        );
        let (mut left, mut right) = (found.lines(), expected.lines());
        let mut number = 0;
        loop {
            number += 1;
            let (one, other) = (left.next(), right.next());
            if one != other || one.is_none() {
                let (one, other) = (one.unwrap_or_default(), other.unwrap_or_default());
                let place = common(one, other);
                let what = format!(
                    "the rows give {:?}, found {:?}",
                    around(other, place),
                    around(one, place)
                );
                self.to.add(At::line(name, number), Kind::Derived, "", what);
                return;
            }
        }
    }
}

/// Characters that two lines begin with.
fn common(one: &str, other: &str) -> usize {
    one.chars()
        .zip(other.chars())
        .take_while(|(a, b)| a == b)
        .count()
}

/// A line around the place where it differs from another.
fn around(line: &str, place: usize) -> String {
    const BEFORE: usize = 20;
    const SHOWN: usize = 80;
    let from = place.saturating_sub(BEFORE);
    line.chars().skip(from).take(SHOWN).collect()
}

fn under_default_names(row: Json, columns: &Columns) -> Json {
    let entries = row.into_object().into_iter().map(|(key, value)| {
        let default = columns.iter().find(|(_, name)| *name == key);
        (
            default.map_or(key.clone(), |(default, _)| default.to_owned()),
            value,
        )
    });
    Json::Object(entries.collect::<Object>())
}
