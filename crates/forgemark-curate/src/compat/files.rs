//! The files of one side: lines, statistics, manifest.

use forgemark_contract::json::{Json, Style, WriteJson, Writer};
use forgemark_contract::store::ContextRecord;
use forgemark_contract::time::Timestamp;

use super::config::{Config, Form, Task};
use super::lines::{self, optional, rust_time};
use super::{PROFILE, SCHEMA_VERSION, Snapshot, group, stats};
use crate::cut::MANIFEST;
use crate::error::Result;
use crate::output::{FileDigest, LineFile, Output, put};

/// How many records there were after each stage. The reward filter comes before the dedup, whatever the order here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Records that the list returned.
    pub input_records: usize,
    /// Of these, not contradicted.
    pub after_lifecycle: usize,
    /// Of those after the reward filter, no near duplicates of earlier ones.
    pub after_dedup: usize,
    /// Of these, not near a holdout.
    pub after_decontaminate: usize,
    /// Of those after the lifecycle, without a reward or with one that suffices.
    pub after_reward_filter: usize,
    /// Lines written.
    pub examples: usize,
}

/// Which side of a split a file is.
#[derive(Debug, Clone, PartialEq)]
pub struct SplitSide {
    /// `train` or `eval`.
    pub side: &'static str,
    /// The expected share of keys on the eval side.
    pub eval_fraction: f64,
    /// The label of the key.
    pub by: String,
    /// The seed.
    pub seed: u64,
    /// The path of the other side.
    pub complement_path: String,
}

/// What was written, and from what; `PATH.manifest.json`.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// The address of the store.
    pub context_uri: String,
    /// Its version.
    pub version: u64,
    /// The task.
    pub task: Task,
    /// The label of the grouping.
    pub group_by: String,
    /// The form; only of preferences.
    pub form: Option<Form>,
    /// What the caller says of the filters.
    pub filters: Option<Json>,
    /// Distance of duplicates.
    pub dedup_threshold: Option<f32>,
    /// Distance to a holdout.
    pub decontaminate_threshold: Option<f32>,
    /// Smallest reward.
    pub min_reward: Option<f64>,
    /// The side.
    pub split: Option<SplitSide>,
    /// The first and the last instant of the records.
    pub created_at: Option<(Timestamp, Timestamp)>,
    /// The records, in the order of the groups.
    pub source_record_ids: Vec<String>,
    /// Counts; those of a split are of both sides together, except `examples`.
    pub counts: Counts,
    /// The instant at which lifetimes were judged.
    pub reference_time: Timestamp,
    /// The files that belong to it.
    pub files: Vec<FileDigest>,
}

/// Writes one side.
pub(super) fn write(
    records: Vec<ContextRecord>,
    config: &Config,
    snapshot: &Snapshot,
    mut counts: Counts,
    path: &str,
    split: Option<SplitSide>,
    output: &mut dyn Output,
) -> Result<Manifest> {
    let groups = group::group(records, &config.group_by);
    let mut file = LineFile::create(output, path)?;
    counts.examples = lines::write(&groups, config, snapshot, &mut file)?;
    let mut files = vec![file.finish()?];
    if config.emit_stats {
        let name = format!("{path}.stats.json");
        let mut bytes = Vec::new();
        stats::write(&groups, counts, config, &mut bytes);
        put(output, &name, &bytes)?;
        files.push(FileDigest::of(&name, &bytes));
    }
    let all = || groups.iter().flat_map(|group| &group.records);
    let manifest = Manifest {
        context_uri: snapshot.uri.clone(),
        version: snapshot.version,
        task: config.task,
        group_by: config.group_by.label(),
        form: (config.task == Task::Preference).then_some(config.form),
        filters: config.filters_summary.clone(),
        dedup_threshold: config.dedup_threshold,
        decontaminate_threshold: config.decontaminate_threshold,
        min_reward: config.min_reward,
        split,
        created_at: lines::bounds(all()),
        source_record_ids: all().map(|record| record.id.clone()).collect(),
        counts,
        reference_time: config.visibility.reference_time,
        files,
    };
    let mut bytes = Vec::new();
    manifest.write_json(&mut Writer::new(&mut bytes, Style::RUST_FILE));
    put(output, &format!("{path}{MANIFEST}"), &bytes)?;
    Ok(manifest)
}

impl WriteJson for Manifest {
    fn write_json(&self, w: &mut Writer<'_>) {
        w.begin_object();
        w.field("context_uri", &self.context_uri);
        w.field("version", &self.version);
        w.field("task", self.task.word());
        w.field("group_by", &self.group_by);
        w.field("schema_version", SCHEMA_VERSION);
        optional(w, "preference_form", self.form.map(Form::word));
        optional(w, "filters", self.filters.as_ref());
        optional(w, "dedup_threshold", self.dedup_threshold.as_ref());
        optional(
            w,
            "decontaminate_threshold",
            self.decontaminate_threshold.as_ref(),
        );
        optional(w, "min_reward", self.min_reward.as_ref());
        optional(w, "split", self.split.as_ref());
        if let Some((start, end)) = self.created_at {
            w.field("created_at_start", &rust_time(start));
            w.field("created_at_end", &rust_time(end));
        }
        w.field("source_record_ids", &self.source_record_ids);
        w.field("counts", &self.counts);
        w.key("forgemark");
        w.begin_object();
        w.field("profile", PROFILE);
        w.field("tool_version", env!("CARGO_PKG_VERSION"));
        w.field("reference_time", &self.reference_time);
        w.field("files", &self.files);
        w.end_object();
        w.end_object();
    }
}

impl WriteJson for SplitSide {
    fn write_json(&self, w: &mut Writer<'_>) {
        w.begin_object();
        w.field("side", self.side);
        w.field("eval_fraction", &self.eval_fraction);
        w.field("by", &self.by);
        w.field("seed", &self.seed);
        w.field("complement_path", &self.complement_path);
        w.end_object();
    }
}

impl WriteJson for Counts {
    fn write_json(&self, w: &mut Writer<'_>) {
        w.begin_object();
        for (key, count) in [
            ("input_records", self.input_records),
            ("after_lifecycle", self.after_lifecycle),
            ("after_dedup", self.after_dedup),
            ("after_decontaminate", self.after_decontaminate),
            ("after_reward_filter", self.after_reward_filter),
            ("examples", self.examples),
        ] {
            w.field(key, &(count as u64));
        }
        w.end_object();
    }
}
