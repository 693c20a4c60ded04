//! From a configuration file to everything that a run of an arena stands on.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use forgemark_arena::pipeline::config::Settings;
use forgemark_arena::pipeline::prompts::Prompts;
use forgemark_arena::pipeline::{Environment, PARSER, Stage};
use forgemark_contract::settings::SettingError;
use forgemark_journal::lock::STATE_DIR;
use forgemark_journal::{OpenOptions, Storage};
use forgemark_model::settings::RoleSettings;
use forgemark_model::{Agent, CallerConfig};

use crate::Context;
use crate::agents;
use crate::assemble::owner;
use crate::cli::arena::ArenaStageArgs;
use crate::clock;
use crate::config::{Flag, Loaded, read_file};
use crate::error::AppError;
use crate::models::{self, Wanted};
use crate::tables::ARENA;

/// A configuration of an arena with the folder that its paths are relative to.
#[derive(Debug)]
pub(in crate::commands) struct ArenaProject {
    pub(in crate::commands) settings: Arc<Settings>,
    pub(in crate::commands) loaded: Loaded,
    /// The parsing model, as the role that it has.
    parser: Option<RoleSettings>,
    root: PathBuf,
}

impl ArenaProject {
    /// Reads the configuration of a command, and the files that it names.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(in crate::commands) fn read(
        path: &Path,
        flags: &[Flag],
        context: &Context<'_>,
    ) -> Result<Self, AppError> {
        let file = read_file(path)?;
        let root = path.parent().unwrap_or(Path::new("")).to_owned();
        let loaded = context.load(&ARENA, Some(&file), flags)?;
        let read = |name: &str| read_named(&root.join(name));
        let settings =
            Settings::new(&loaded.settings, &read).map_err(|errors| loaded.explain(&errors))?;
        let parser = settings.parser.as_ref().map(|model| RoleSettings {
            role: PARSER.to_owned(),
            ..model.call.clone()
        });
        Ok(Self {
            settings: Arc::new(settings),
            loaded,
            parser,
            root,
        })
    }

    /// Reads the configuration of a stage's command.
    ///
    /// # Errors
    /// As [`ArenaProject::read`].
    pub(super) fn of_stage(args: &ArenaStageArgs, context: &Context<'_>) -> Result<Self, AppError> {
        let mut flags = args.set.set.clone();
        if let Some(concurrency) = args.concurrency {
            let flag = Flag::named("--concurrency", "run.concurrency", &concurrency);
            flags.push(flag);
        }
        Self::read(&args.config, &flags, context)
    }

    /// The arena folder.
    pub(in crate::commands) fn out_dir(&self) -> PathBuf {
        self.root.join(&self.settings.output_dir)
    }

    /// Everything together.
    ///
    /// # Errors
    /// Prompts, models or an output folder that cannot be used.
    pub(super) fn environment(
        &self,
        storage: Arc<dyn Storage>,
        context: &Context<'_>,
    ) -> Result<Environment, AppError> {
        let out_dir = self.out_dir();
        match storage.create_dir_all(&out_dir.join(STATE_DIR)) {
            Err(error) if error.kind() != io::ErrorKind::StorageFull => {
                return Err(self.wrong(
                    "output.dir",
                    format!("{} cannot be used as a folder: {error}", out_dir.display()),
                    "name a folder in which this user may make files",
                ));
            }
            _ => {}
        }
        Ok(Environment {
            storage,
            out_dir,
            settings: Arc::clone(&self.settings),
            prompts: Arc::new(self.prompts()?),
            callers: self.callers(context)?,
            clock: Arc::new(clock::now),
            owner: owner(),
            journal: OpenOptions::default(),
        })
    }

    /// The models of the registry, each as the role of its slug, and the parsing model.
    ///
    /// # Errors
    /// Unknown providers, keys that are not in the environment, built-in agents that do not exist.
    pub(super) fn callers(&self, context: &Context<'_>) -> Result<CallerConfig, AppError> {
        let agent = |role: &RoleSettings| self.agent(role);
        let found = models::caller_config(&self.wanted(), context.env, &agent);
        found.map_err(|errors| self.loaded.explain(&errors).into())
    }

    /// What it says of its models.
    pub(in crate::commands) fn wanted(&self) -> Wanted<'_> {
        Wanted::of_arena(&self.settings, self.parser.as_ref(), &self.root)
    }

    /// The model of this process that a role is, if it is one.
    pub(in crate::commands) fn agent(&self, role: &RoleSettings) -> Option<Arc<dyn Agent>> {
        let settings = &self.settings;
        let model = settings.models.iter().find(|model| model.slug == role.role);
        let solver = model.and_then(|model| agents::of_arena(model, settings.seed));
        solver.or_else(|| agents::of_role(role))
    }

    /// The templates with the overrides of `prompts`.
    ///
    /// # Errors
    /// A folder that cannot be read, or a template that is wrong.
    pub(in crate::commands) fn prompts(&self) -> Result<Prompts, AppError> {
        let mut overrides = BTreeMap::new();
        if let Some(folder) = &self.settings.prompts {
            let folder = self.root.join(folder);
            if !folder.is_dir() {
                return Err(self.wrong(
                    "prompts",
                    format!("there is no folder {}", folder.display()),
                    "`forgemark arena prompts export DIR` makes one, with the built-in templates",
                ));
            }
            overrides = read_templates(&folder)?;
        }
        Prompts::load(self.settings.protocol, &overrides).map_err(|error| {
            let hint = "`forgemark arena prompts export DIR` writes the built-in templates";
            self.wrong("prompts", error.to_string(), hint)
        })
    }

    fn wrong(&self, path: &str, what: impl Into<String>, hint: &str) -> AppError {
        let error = SettingError::new(path, what).with_hint(hint);
        self.loaded.explain(&[error]).into()
    }
}

/// The file of a name, if it is there.
fn read_named(path: &Path) -> Result<Option<Vec<u8>>, String> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("cannot read {}: {error}", path.display())),
    }
}

/// The files of a folder by name, hidden ones left out.
fn read_templates(folder: &Path) -> Result<BTreeMap<String, String>, AppError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| AppError::Io {
            action: "read",
            path,
            source,
        }
    };
    let mut templates = BTreeMap::new();
    for entry in std::fs::read_dir(folder).map_err(failed(folder))? {
        let path = entry.map_err(failed(folder))?.path();
        let name = path.file_name().map(|name| name.to_string_lossy());
        let Some(name) = name.filter(|name| !name.starts_with('.') && path.is_file()) else {
            continue;
        };
        let text = std::fs::read_to_string(&path).map_err(failed(&path))?;
        templates.insert(name.into_owned(), text);
    }
    Ok(templates)
}

/// All stages, or all but the first.
pub(super) fn stages(no_new_questions: bool) -> std::collections::BTreeSet<Stage> {
    let all = Stage::ALL.into_iter();
    all.filter(|stage| !(no_new_questions && *stage == Stage::Questions))
        .collect()
}
