//! What a bundle holds: `saving.hf_push.*` and `saving.bundle.*`.

use std::path::PathBuf;

use forgemark_contract::settings::{Resolved, SettingError};

/// What a bundle holds and where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleSettings {
    /// Whether a run that is complete is bundled at once.
    pub auto: bool,
    /// The folder, as configured: relative to the output folder.
    pub dir: PathBuf,
    /// The file of rows when it is named: no other is taken in its place.
    pub source: Option<String>,
    /// The file of the statistics, if there is to be one.
    pub stats: Option<String>,
    /// The folder of the charts, if there are to be any.
    pub plots: Option<String>,
    /// Whether the run states are copied.
    pub run_state: bool,
    /// What the dataset is called; empty for the name of the output folder.
    pub title: String,
    /// The licence; nothing is said of one that is not configured.
    pub licence: Option<String>,
}

/// Reads them.
pub(super) fn bundle(
    values: &Resolved,
    problems: &mut Vec<SettingError>,
) -> Result<BundleSettings, SettingError> {
    let mut inside = |key: &str| -> Result<String, SettingError> {
        let path = format!("saving.hf_push.{key}");
        let text = values.str(&path)?.trim().to_owned();
        let parts: Vec<&str> = text.split('/').filter(|part| *part != ".").collect();
        let wrong = |part: &&str| {
            part.is_empty() || part.starts_with('.') || part.contains(['\\', '\0', '\n'])
        };
        if parts.is_empty() || parts.iter().any(wrong) {
            problems.push(
                SettingError::new(path, format!("{text:?} names nothing inside the bundle"))
                    .with_hint("write a relative path without `..` and hidden names"),
            );
        }
        Ok(parts.join("/"))
    };
    let source = inside("source_file")?;
    let (stats, plots) = (inside("stats_file")?, inside("plots_dir")?);
    let wanted = |key: &str| values.bool(&format!("saving.hf_push.{key}"));
    let repository = values.str("saving.hf_push.repo_id")?.trim();
    Ok(BundleSettings {
        auto: wanted("enabled")? && wanted("auto_push_on_run")?,
        dir: PathBuf::from(values.str("saving.hf_push.export_dir")?),
        source: values
            .is_set("saving.hf_push.source_file")
            .then_some(source),
        stats: wanted("generate_stats")?.then_some(stats),
        plots: wanted("generate_plots")?.then_some(plots),
        run_state: wanted("include_run_state")?,
        title: repository.rsplit('/').next().unwrap_or_default().to_owned(),
        licence: values
            .opt_str("saving.bundle.license")?
            .map(str::trim)
            .filter(|licence| !licence.is_empty())
            .map(str::to_owned),
    })
}
