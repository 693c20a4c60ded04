//! From a configuration file to everything that a dialogue run stands on: documents, prompts,
//! personas, seed topics, models, clocks.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use forgemark_contract::settings::SettingError;
use forgemark_contract::time::{Clock as RowClock, Timestamp};
use forgemark_corpus::{Corpus, CorpusOptions, PdfChild, PdfLimits, Report};
use forgemark_dialogue::config::{Config, Personas, SeedError, SeedTopics};
use forgemark_dialogue::prompts::Prompts;
use forgemark_dialogue::run::Environment as RunEnvironment;
use forgemark_journal::lock::STATE_DIR;
use forgemark_journal::{DiskStorage, OpenOptions, Storage};
use forgemark_model::CallerConfig;

use crate::Context;
use crate::agents;
use crate::clock;
use crate::config::document::Document;
use crate::config::{Flag, Loaded, SourceFile, read_file, seed_file};
use crate::env::Environment;
use crate::error::{AppError, ErrorKind};
use crate::models::{self, Wanted};
use crate::tables::DIALOGUE;

/// The hidden command that reads one PDF with limits on itself.
pub const PDF_CHILD: &str = "__pdf-text";

/// Where the original keeps its own personas. Its configurations name the path, so that away from its
/// source tree the file is usually not there.
const PERSONAS_OF_THE_ORIGINAL: &str = "src/dlgforge/prompts/personas.yaml";

/// A configuration of a dialogue run with the folder that its paths are relative to.
#[derive(Debug)]
pub struct Project {
    /// The typed values.
    pub config: Arc<Config>,
    /// What they were made from, to place errors.
    pub loaded: Loaded,
    /// The folder of the configuration file.
    pub root: PathBuf,
    /// The environment, with the secrets of a `.env` file beside the configuration.
    pub env: Environment,
}

impl Project {
    /// Reads a configuration file.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read(path: &Path, flags: &[Flag], context: &Context<'_>) -> Result<Self, AppError> {
        let file = read_file(path)?;
        let env = context.env_beside(path)?;
        let context = &context.with_env(&env);
        let root = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        Self::from_source(&file, root, flags, context)
    }

    /// The same from a text.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn from_source(
        file: &SourceFile,
        root: PathBuf,
        flags: &[Flag],
        context: &Context<'_>,
    ) -> Result<Self, AppError> {
        let loaded = context.load(&DIALOGUE, Some(file), flags)?;
        let config = Config::new(&loaded.settings).map_err(|errors| loaded.explain(&errors))?;
        Ok(Self {
            config: Arc::new(config),
            loaded,
            root,
            env: context.env.clone(),
        })
    }

    /// A configured path: relative ones belong to the configuration's folder.
    pub fn path(&self, configured: impl AsRef<Path>) -> PathBuf {
        self.root.join(configured)
    }

    /// The output folder.
    pub fn out_dir(&self) -> PathBuf {
        self.path(&self.config.output_dir)
    }

    /// Makes the output folder, so that one that cannot be is told as what it is: a wrong setting.
    ///
    /// # Errors
    /// A folder that cannot be made. A full disk is left to whoever writes first.
    pub fn make_out_dir(&self, storage: &dyn Storage) -> Result<(), AppError> {
        let folder = self.out_dir();
        match storage.create_dir_all(&folder.join(STATE_DIR)) {
            Err(error) if error.kind() != io::ErrorKind::StorageFull => Err(self.wrong(
                "saving.output_dir",
                format!("{} cannot be used as a folder: {error}", folder.display()),
                "name a folder in which this user may make files",
            )),
            _ => Ok(()),
        }
    }

    fn wrong(&self, path: &str, what: impl Into<String>, hint: impl Into<String>) -> AppError {
        self.loaded
            .explain(&[SettingError::new(path, what).with_hint(hint)])
            .into()
    }

    /// Loads the documents, and says what could not be used.
    ///
    /// # Errors
    /// A folder that is missing or an index that cannot be written.
    pub fn corpus(
        &self,
        storage: &dyn Storage,
        verify: bool,
        context: &Context<'_>,
    ) -> Result<(Corpus, Report), AppError> {
        let config = &self.config;
        let root = self.path(&config.documents);
        if !root.is_dir() {
            return Err(self.wrong(
                "documents.path",
                format!("there is no folder {}", root.display()),
                "make it and put .txt, .md, .html or .pdf files into it",
            ));
        }
        let program = std::env::current_exe().map_err(|error| {
            AppError::new(ErrorKind::Io, "cannot find this program").caused_by(error)
        })?;
        let child = PdfChild {
            program,
            leading_args: vec![OsString::from(PDF_CHILD)],
        };
        let mut options = CorpusOptions::new(root.clone(), self.path(&config.index_dir), child);
        options.chunk_size = config.chunk_size as u32;
        options.chunk_overlap = config.chunk_overlap as u32;
        options.rebuild = config.rebuild;
        options.verify = verify
            || !self
                .loaded
                .settings
                .bool("tools.retrieval.index.skip_if_unchanged")
                .unwrap_or(true);
        options.max_document_bytes = config.max_document_bytes;
        options.max_document_name = "`documents.max_document_mb`";
        options.pdf = PdfLimits {
            memory_bytes: config.pdf_memory_bytes,
            wall: Duration::from_secs(config.pdf_timeout_s),
            cpu: Duration::from_secs(config.pdf_timeout_s),
            memory_name: "`documents.pdf.memory_mb`",
            time_name: "`documents.pdf.timeout_s`",
            ..PdfLimits::default()
        };
        let (corpus, report) = Corpus::open(storage, &options).map_err(|error| {
            AppError::new(ErrorKind::Io, "cannot load the documents").caused_by(error)
        })?;
        for damaged in &report.damaged {
            context.printer.warn(format!(
                "{}: {} ({})",
                damaged.path, damaged.why, damaged.remedy
            ));
        }
        for note in &report.notes {
            context
                .printer
                .detail(format!("{}: {}", note.path, note.what));
        }
        if corpus.chunks().is_empty() {
            return Err(self.wrong(
                "documents.path",
                format!("{} holds no text that can be used", root.display()),
                "put .txt, .md, .html or .pdf files into it; what could not be read is listed above",
            ));
        }
        Ok((corpus, report))
    }

    /// The templates with the overrides of `prompts`.
    ///
    /// # Errors
    /// A folder that cannot be read, or a template that is wrong.
    pub fn prompts(&self) -> Result<Prompts, AppError> {
        let mut overrides = BTreeMap::new();
        if let Some(folder) = &self.config.prompts {
            let folder = self.path(folder);
            let failed = |source| AppError::Io {
                action: "read",
                path: folder.clone(),
                source,
            };
            if !folder.is_dir() {
                return Err(self.wrong(
                    "prompts",
                    format!("there is no folder {}", folder.display()),
                    format!(
                        "`forgemark dialogue prompts export {}` makes it, with the built-in templates",
                        folder.display()
                    ),
                ));
            }
            for entry in std::fs::read_dir(&folder).map_err(failed)? {
                let path = entry.map_err(failed)?.path();
                let name = path
                    .file_name()
                    .map(|name| name.to_string_lossy().into_owned());
                let Some(name) = name.filter(|name| !name.starts_with('.') && path.is_file())
                else {
                    continue;
                };
                let text =
                    std::fs::read_to_string(&path).map_err(|source| match source.kind() {
                        std::io::ErrorKind::InvalidData => self.wrong(
                            "prompts",
                            format!("{} is not UTF-8", path.display()),
                            "save it as UTF-8",
                        ),
                        _ => AppError::Io {
                            action: "read",
                            path: path.clone(),
                            source,
                        },
                    })?;
                overrides.insert(name, text);
            }
        }
        Prompts::load(&overrides).map_err(|error| {
            self.wrong(
                "prompts",
                error.to_string(),
                "`forgemark dialogue prompts export DIR` writes the built-in templates",
            )
        })
    }

    /// The personas; `None` when they are off.
    ///
    /// # Errors
    /// A file that is missing (unless it is the default's, or the original's own) or has another shape.
    pub fn personas(&self, context: &Context<'_>) -> Result<Option<Personas>, AppError> {
        let Some(configured) = &self.config.personas else {
            return Ok(None);
        };
        let path = self.path(configured);
        let is_set = self.loaded.settings.is_set("personas.path");
        if !path.exists() && !is_set {
            return Ok(Some(Personas::built_in()));
        }
        if !path.exists() && configured == PERSONAS_OF_THE_ORIGINAL {
            context.printer.warn(format!(
                "`personas.path`: there is no file {}; the built-in personas are used instead of the original's",
                path.display()
            ));
            return Ok(Some(Personas::built_in()));
        }
        if !path.is_file() {
            return Err(self.wrong(
                "personas.path",
                format!("there is no file {}", path.display()),
                "remove the key to use the built-in personas, or set `personas.enabled: false`",
            ));
        }
        let document = Document::read(&path)?;
        Personas::from_json(&document.value)
            .map(Some)
            .map_err(|what| {
                self.wrong(
                "personas.path",
                format!("{}: {what}", path.display()),
                "the file needs `personas: {user: [{id, name, traits, style}], assistant: [...]}`",
            )
            })
    }

    /// The seed topics; `None` when they are off or the default's file is not there.
    ///
    /// # Errors
    /// A file that is missing though it is named, or has another shape.
    pub fn seeds(&self) -> Result<Option<SeedTopics>, AppError> {
        let Some((configured, variant, probability)) = &self.config.seed_topics else {
            return Ok(None);
        };
        let path = self.path(configured);
        if !path.exists() && !self.loaded.settings.is_set("run.data.seeding.topics.path") {
            return Ok(None);
        }
        let place = seed_file::find(&path);
        if let seed_file::Place::Missing(path) = &place {
            return Err(self.wrong(
                "run.data.seeding.topics.path",
                format!("there is no file {}", path.display()),
                "correct it, or set `run.data.seeding.topics.enabled: false`",
            ));
        }
        SeedTopics::from_json(&seed_file::read(&place)?, variant, *probability)
            .map(Some)
            .map_err(|error| match &error {
                SeedError::Shape(_) => self.wrong(
                    "run.data.seeding.topics.path",
                    format!("{}: {error}", path.display()),
                    "the simplest shape is a mapping of topics to lists of questions",
                ),
                SeedError::UnknownVariant { known, .. } => self.wrong(
                    "run.data.seeding.topics.variant",
                    format!("{error} in {}", path.display()),
                    format!("it has {}; empty chooses by language", known.join(", ")),
                ),
            })
    }

    /// Models and roles.
    ///
    /// # Errors
    /// Unknown providers, keys that are not in the environment, built-in agents that do not exist.
    pub fn callers(&self) -> Result<CallerConfig, AppError> {
        models::caller_config(
            &Wanted::of_dialogue(&self.config, &self.root),
            &self.env,
            &agents::of_role,
        )
        .map_err(|errors| self.loaded.explain(&errors).into())
    }

    /// The judges alone, for judging later: no other role needs a model or a key then.
    ///
    /// # Errors
    /// As [`Project::callers`].
    pub fn judges(&self, context: &Context<'_>) -> Result<CallerConfig, AppError> {
        models::caller_config(
            &Wanted::of_judges(&self.config, &self.root),
            context.env,
            &agents::of_role,
        )
        .map_err(|errors| self.loaded.explain(&errors).into())
    }

    /// Everything together.
    ///
    /// # Errors
    /// As the single parts.
    pub fn environment(
        &self,
        corpus: Corpus,
        storage: Arc<dyn Storage>,
        context: &Context<'_>,
    ) -> Result<RunEnvironment, AppError> {
        let out_dir = self.out_dir();
        if out_dir.exists() && !out_dir.is_dir() {
            return Err(self.wrong(
                "saving.output_dir",
                format!("{} is a file, not a folder", out_dir.display()),
                "name a folder; it is made if it is not there",
            ));
        }
        let output_prefix = if self.config.output_dir.is_absolute() {
            out_dir
                .strip_prefix(std::path::absolute(&self.root).unwrap_or_else(|_| self.root.clone()))
                .map_or_else(|_| String::new(), prefix)
        } else {
            prefix(&self.config.output_dir)
        };
        let row_clock = match context.env.get("SOURCE_DATE_EPOCH") {
            Ok(Some(text)) => match text.parse() {
                Ok(epoch_s) => RowClock::Logical { epoch_s },
                Err(_) => {
                    return Err(AppError::new(
                        ErrorKind::Usage,
                        format!("SOURCE_DATE_EPOCH is {text:?}, not a number of seconds"),
                    ));
                }
            },
            _ => RowClock::System,
        };
        Ok(RunEnvironment {
            storage,
            out_dir,
            output_prefix,
            config: Arc::clone(&self.config),
            corpus: Arc::new(corpus),
            index_dir: self.path(&self.config.index_dir),
            prompts: Arc::new(self.prompts()?),
            personas: self.personas(context)?,
            seeds: self.seeds()?,
            callers: self.callers()?,
            clock: Arc::new(clock::now),
            row_clock,
            version: context.build.version,
            owner: owner(),
            journal: OpenOptions::default(),
        })
    }
}

/// The machine's disk.
pub fn disk() -> Arc<dyn Storage> {
    Arc::new(DiskStorage)
}

/// A relative path with `/` between its parts and at its end; empty when it leaves the folder.
fn prefix(path: &Path) -> String {
    let mut text = String::new();
    for part in path.components() {
        match part {
            std::path::Component::Normal(name) => {
                text.push_str(&name.to_string_lossy());
                text.push('/');
            }
            std::path::Component::CurDir => {}
            _ => return String::new(),
        }
    }
    text
}

/// The line that a second process sees.
pub fn owner() -> String {
    let Timestamp(micros) = clock::now();
    format!(
        "process {} since {}",
        std::process::id(),
        Timestamp(micros / 1_000_000 * 1_000_000).dataset_style()
    )
}
