//! The proof of a cut, from its files alone.
//!
//! Digests say that nothing has changed since the cut was made. Everything else is recomputed: the counts of the stages from the
//! decisions, those of the sides from the provenance and the rows, what no side may share with another, and whether the trainer
//! reads every row as it is meant.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;

use forgemark_contract::json::{Json, to_compact};
use forgemark_contract::text::sha256_hex;

use super::manifest::SCHEMA_VERSION;
use super::{DECISIONS, PROVENANCE, REDACTIONS};
use crate::compat;
use crate::encode::Rows;
use crate::formats::{Finding, Format, Task, validate};
use crate::output::FileDigest;
use crate::stages::{STAGES, fingerprint};

/// Findings about the rows of one file at most.
const ROWS_SHOWN: usize = 20;

/// The files of a cut, by the names that the manifest gives them.
pub trait CutFiles {
    /// What the file is now, a table that is kept in a folder included; `None` where there is none. Of a file of rows `lines` may be
    /// anything.
    ///
    /// # Errors
    /// A file that cannot be read.
    fn digest(&mut self, name: &str) -> io::Result<Option<FileDigest>>;

    /// Its rows; of JSON lines each line.
    ///
    /// # Errors
    /// A file that cannot be read, or is none of the kind that its name says.
    fn rows(&mut self, name: &str) -> io::Result<Rows>;
}

/// Everything in which the files of a cut differ from its manifest; empty when it is proven.
///
/// # Errors
/// A file that is there and cannot be read.
pub fn verify(manifest: &Json, files: &mut dyn CutFiles) -> io::Result<Vec<String>> {
    let mut proof = Proof {
        manifest,
        files,
        findings: Vec::new(),
    };
    // The profile of the original keeps its own keys apart from ours, and says less.
    if let Some(ours) = manifest.get("forgemark") {
        proof.expect(
            "schema_version",
            manifest.at("schema_version"),
            &compat::SCHEMA_VERSION.into(),
        );
        proof.files(ours.items("files"))?;
        return Ok(proof.findings);
    }
    proof.expect(
        "schema_version",
        manifest.at("schema_version"),
        &SCHEMA_VERSION.into(),
    );
    let recipe = sha256_hex(&to_compact(manifest.at("recipe")));
    proof.expect(
        "recipe_sha256, the digest of the recipe",
        manifest.at("recipe_sha256"),
        &recipe.into(),
    );
    if proof.files(manifest.items("files"))? {
        proof.stages()?;
        proof.sides()?;
    }
    Ok(proof.findings)
}

struct Proof<'m, 'f> {
    manifest: &'m Json,
    files: &'f mut dyn CutFiles,
    findings: Vec<String>,
}

impl Proof<'_, '_> {
    fn say(&mut self, what: String) {
        self.findings.push(what);
    }

    /// Notes where the manifest does not say what was recomputed.
    fn expect(&mut self, what: &str, said: &Json, found: &Json) {
        if said != found {
            let text = |value: &Json| String::from_utf8_lossy(&to_compact(value)).into_owned();
            self.say(format!(
                "{what}: the manifest says {}, it is {}",
                text(said),
                text(found)
            ));
        }
    }

    fn expect_count(&mut self, what: &str, said: &Json, found: u64) {
        self.expect(what, said, &found.into());
    }

    /// Compares the files with their digests; whether all are there.
    fn files(&mut self, entries: &[Json]) -> io::Result<bool> {
        let mut all = true;
        for file in entries {
            let name = file.str_or("path", "");
            let Some(found) = self.files.digest(name)? else {
                self.say(format!("{name}: the file is missing"));
                all = false;
                continue;
            };
            let what = format!("{name}, bytes");
            self.expect_count(&what, file.at("bytes"), found.bytes);
            let what = format!("{name}, sha256");
            self.expect(&what, file.at("sha256"), &found.sha256.into());
        }
        Ok(all)
    }

    /// The one file whose name ends so.
    fn named(&self, end: &str) -> Option<String> {
        let files = self.manifest.items("files").iter();
        let mut names = files.map(|file| file.str_or("path", ""));
        names.find(|name| name.ends_with(end)).map(str::to_owned)
    }

    /// Hands over every row of a file; rows that cannot be read are findings.
    fn each(&mut self, name: &str, visit: &mut dyn FnMut(&Json)) -> io::Result<u64> {
        let mut count = 0;
        for row in self.files.rows(name)? {
            count += 1;
            match row {
                Ok(row) => visit(&row),
                Err(error) => self.say(format!("{name}: {error}")),
            }
        }
        Ok(count)
    }

    /// Recomputes what was left after each stage from the decisions.
    fn stages(&mut self) -> io::Result<()> {
        let Some(name) = self.named(DECISIONS) else {
            self.say("the manifest names no decisions".to_owned());
            return Ok(());
        };
        let mut dropped: BTreeMap<String, u64> = BTreeMap::new();
        let mut units = 0;
        let lines = self.each(&name, &mut |line| {
            let stage = line.str_or("stage", "");
            let kept = line.bool_or("kept", false);
            units += u64::from(kept || STAGES.contains(&stage));
            if !kept {
                *dropped.entry(stage.to_owned()).or_default() += 1;
            }
        })?;
        self.expect_lines(&name, lines);
        let gone = |stage: &str| dropped.get(stage).copied().unwrap_or(0);
        let counts = self.manifest.at("counts");
        let said = |stage: &str| counts.at(stage).as_u64();
        let mut left = said("rows").unwrap_or(0);
        left = left.saturating_sub(gone("lifecycle") + gone("contradicted"));
        self.expect_count("counts, lifecycle", counts.at("lifecycle"), left);
        left = left.saturating_sub(gone("filter"));
        self.expect_count("counts, filter", counts.at("filter"), left);
        left = units;
        self.expect_count("counts, units", counts.at("units"), left);
        for stage in STAGES {
            left = left.saturating_sub(gone(stage));
            let ran = said(stage).is_some();
            if ran || gone(stage) > 0 {
                self.expect_count(&format!("counts, {stage}"), counts.at(stage), left);
            }
        }
        left = said("examples").unwrap_or(0).saturating_sub(gone("format"));
        self.expect_count("counts, format", counts.at("format"), left);
        if said("mix").is_some() || gone("mix") > 0 {
            left = left.saturating_sub(gone("mix"));
            self.expect_count("counts, mix", counts.at("mix"), left);
        }
        if let Some(name) = self.named(REDACTIONS) {
            let lines = self.each(&name, &mut |_| {})?;
            self.expect_lines(&name, lines);
            self.expect_count("counts, redacted", counts.at("redacted"), lines);
        }
        let sides = self.manifest.items("sides").iter();
        let examples = sides.map(|side| side.at("examples").as_u64().unwrap_or(0));
        let examples = examples.sum::<u64>();
        if examples != left {
            let what = format!("the sides have {examples} examples, {left} were left");
            self.say(what);
        }
        Ok(())
    }

    fn expect_lines(&mut self, name: &str, lines: u64) {
        let files = self.manifest.items("files").iter();
        let mut entries = files.filter(|file| file.str_or("path", "") == name);
        let said = entries
            .next()
            .map_or(Json::Null, |file| file.at("lines").clone());
        self.expect_count(&format!("{name}, lines"), &said, lines);
    }

    /// Recomputes what each side holds.
    fn sides(&mut self) -> io::Result<()> {
        // By hashes: the side that has a record, an example.
        let mut records: HashMap<u128, usize> = HashMap::new();
        let mut examples: HashSet<u128> = HashSet::new();
        for (place, side) in self.manifest.items("sides").iter().enumerate() {
            let name = side.str_or("name", "");
            let end = match name {
                "" => PROVENANCE.to_owned(),
                name => format!(".{name}{PROVENANCE}"),
            };
            let Some(provenance) = self.named(&end) else {
                self.say(format!("side {name:?}: there is no provenance"));
                continue;
            };
            let (mut own, mut shared) = (HashSet::new(), Vec::new());
            let lines = self.each(&provenance, &mut |line| {
                let id = line.str_or("id", "");
                let mark = fingerprint(id.as_bytes());
                if own.insert(mark) && !examples.insert(mark) {
                    shared.push(format!("example {id}"));
                }
                for id in line.items("record_ids") {
                    let id = id.as_str().unwrap_or_default();
                    let other = *records.entry(fingerprint(id.as_bytes())).or_insert(place);
                    if other != place {
                        shared.push(format!("record {id}"));
                    }
                }
            })?;
            shared.dedup();
            for what in shared.iter().take(ROWS_SHOWN) {
                self.say(format!(
                    "side {name:?}: {what} is on an earlier side as well"
                ));
            }
            self.expect_lines(&provenance, lines);
            let what = format!("side {name:?}, lines of its provenance");
            self.expect_count(&what, side.at("lines"), lines);
            let what = format!("side {name:?}, examples");
            self.expect_count(&what, side.at("examples"), own.len() as u64);
            let mut rows = 0;
            for file in side.items("files") {
                rows += self.rows(file.as_str().unwrap_or_default())?;
            }
            let what = format!("side {name:?}, rows of its files");
            self.expect_count(&what, side.at("lines"), rows);
        }
        Ok(())
    }

    /// Asks the validator of the format about every row of a file; how many rows there are.
    fn rows(&mut self, name: &str) -> io::Result<u64> {
        let recipe = self.manifest.at("recipe");
        let format = Format::of_word(recipe.str_or("format", ""));
        let task = Task::of_word(recipe.str_or("task", ""));
        let mut count = 0;
        let rows = self.files.rows(name)?;
        let counted = rows.inspect(|_| count += 1);
        let readable = counted.map(|row| row.map_err(|error| error.to_string()));
        let findings = if let (Some(format), Some(task)) = (format, task) {
            validate(format, task, readable)
        } else {
            readable.for_each(drop);
            self.say("recipe: it names no format or task that is known".to_owned());
            Vec::new()
        };
        // How many rows a trainer wants at least is no fault of the cut.
        let findings: Vec<Finding> = findings.into_iter().filter(|f| f.row.is_some()).collect();
        for finding in findings.iter().take(ROWS_SHOWN) {
            self.say(format!("{name}: {finding}"));
        }
        if findings.len() > ROWS_SHOWN {
            let more = findings.len() - ROWS_SHOWN;
            self.say(format!("{name}: {more} more findings of its rows"));
        }
        self.expect_lines(name, count);
        Ok(count)
    }
}
