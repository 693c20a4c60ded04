//! `forgemark demo`: a first run on embedded documents.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use forgemark_contract::json::Json;
use forgemark_curate::compat::Task;
use forgemark_dialogue::demo;
use forgemark_dialogue::run::RunOptions;
use forgemark_journal::write_atomic;

use crate::Context;
use crate::assemble::{Project, disk};
use crate::cli::store::{AtArgs, StoreArgs, StoreIngestArgs};
use crate::cli::{DemoArgs, ExportArgs, JsonArgs, SetArgs};
use crate::commands::dialogue::{report, run as dialogue_run};
use crate::commands::export::cut::{self, Made};
use crate::commands::store::ingest;
use crate::config::Flag;
use crate::error::{AppError, ErrorKind};
use crate::exit::Exit;
use crate::human;

const CONFIG: &str = "forgemark.yaml";
const DOCUMENTS: &str = "knowledge";

/// Answers with a label, good and bad ones.
const PREFERENCE: &[&str] = &[
    "shape=trl",
    "preference.form=labels",
    "preference.good=1",
    "preference.bad=0.99",
];

/// Writes documents and a configuration into the folder and runs it. Files that are there are kept,
/// so a second demo goes on with the first.
///
/// # Errors
/// A folder that cannot be written, and whatever ends the run.
pub fn run(args: &DemoArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    let text = configuration(args)?;
    let storage = disk();
    let documents = args.dir.join(DOCUMENTS);
    storage
        .create_dir_all(&documents)
        .map_err(|source| AppError::Io {
            action: "create",
            path: documents.clone(),
            source,
        })?;
    let write = |path: &Path, bytes: &[u8]| {
        if path.exists() {
            return Ok(());
        }
        write_atomic(&*storage, path, bytes).map_err(|source| AppError::Io {
            action: "write",
            path: path.to_owned(),
            source,
        })
    };
    for (name, bytes) in demo::documents() {
        write(&documents.join(name), bytes)?;
    }
    let config = args.dir.join(CONFIG);
    if let Ok(found) = std::fs::read_to_string(&config)
        && found != text
    {
        return Err(AppError::new(
            ErrorKind::Usage,
            format!("{} is there already, with other settings", config.display()),
        )
        .hint(format!(
            "`forgemark dialogue run {}` runs it as it is",
            config.display()
        ))
        .hint(format!(
            "`--dir DIR` makes a new demo elsewhere; or remove {} to begin anew",
            args.dir.display()
        )));
    }
    write(&config, text.as_bytes())?;
    let project = Project::read(&config, &[], context)?;
    let summary = dialogue_run::make(
        &project,
        RunOptions::default(),
        false,
        args.progress,
        context,
    )?;
    let sets = match report::exit(&summary) {
        Exit::Done if context.build.tables.is_some() => {
            Some(training_sets(&args.dir, &summary.out_dir, context)?)
        }
        Exit::Done => {
            context.printer.note(
                "the demo ends with the conversations: this binary was built without the store, in which they would go on to training sets",
            );
            None
        }
        _ => None,
    };
    if args.json.json {
        let mut json = report::json(&summary);
        if let (Some(sets), Some(object)) = (&sets, json.as_object_mut()) {
            object.insert("training_sets", sets.to_json());
        }
        context.printer.json_line(&json)?;
        return Ok(report::exit(&summary));
    }
    context.printer.result(report::table(&summary))?;
    let dir = summary.out_dir.display();
    let mut paths = String::new();
    let _ = writeln!(paths, "documents       {}", documents.display());
    let _ = writeln!(paths, "configuration   {}", config.display());
    let _ = write!(
        paths,
        "conversations   {dir}/conversations_sharegpt_judged.jsonl"
    );
    if let Some(sets) = &sets {
        let _ = write!(paths, "\n{sets}");
    }
    context.printer.result(paths)?;
    if args.endpoint.is_none() {
        context.printer.note(
            "made by the offline agents, which quote the documents: a baseline and a dry run, not a language model",
        );
    }
    context
        .printer
        .note(format!("next: forgemark dialogue show {dir}"));
    context
        .printer
        .note(format!("      forgemark validate {dir}"));
    if let Some(sets) = &sets {
        let store = sets.store.display();
        context
            .printer
            .note(format!("      forgemark store list {store}"));
        context.printer.note(format!(
            "      forgemark export sft {store} cuts/verl --shape verl"
        ));
    }
    if args.endpoint.is_none() {
        context.printer.note(
            "      forgemark demo --dir demo-model --endpoint URL --model NAME   (with a real model)",
        );
    }
    Ok(report::exit(&summary))
}

/// What the conversations become: records, and two training sets.
struct TrainingSets {
    store: PathBuf,
    records: u64,
    version: u64,
    /// The task, the file and how many examples it holds.
    cuts: Vec<(&'static str, PathBuf, u64)>,
}

impl TrainingSets {
    fn to_json(&self) -> Json {
        let cuts = self.cuts.iter().map(|(task, file, examples)| {
            Json::object([
                ("task", Json::from(*task)),
                ("file", file.to_string_lossy().as_ref().into()),
                ("examples", (*examples).into()),
            ])
        });
        Json::object([
            ("store", Json::from(self.store.to_string_lossy().as_ref())),
            ("version", self.version.into()),
            ("records", self.records.into()),
            ("cuts", cuts.collect()),
        ])
    }
}

impl std::fmt::Display for TrainingSets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let records = human::plural(self.records, "record", "records");
        write!(
            f,
            "store           {} ({records}, version {})",
            self.store.display(),
            self.version
        )?;
        for (task, file, examples) in &self.cuts {
            let examples = human::plural(*examples, "example", "examples");
            write!(f, "\n{task:<15} {} ({examples}, TRL)", file.display())?;
        }
        Ok(())
    }
}

/// Takes the output folder into a store beside it and cuts two sets for TRL out of it: conversations to imitate, and answers with
/// a label, of which those that the judge or the support score found weaker are the bad ones.
fn training_sets(
    dir: &Path,
    outputs: &Path,
    context: &Context<'_>,
) -> Result<TrainingSets, AppError> {
    let store = dir.join("data.lance");
    let quiet = JsonArgs { json: false };
    let of_store = StoreArgs {
        store: store.to_string_lossy().into_owned(),
        json: quiet,
    };
    let taken = StoreIngestArgs {
        store: of_store,
        paths: vec![outputs.to_owned()],
        shape: None,
        reward: "judge".to_owned(),
        source: None,
        strict: true,
        quarantine: None,
    };
    let counts = ingest::take(&taken, context)?;
    let mut sets = TrainingSets {
        records: counts.added + counts.changed + counts.unchanged,
        version: counts.version,
        store,
        cuts: Vec::new(),
    };
    let tasks: [(Task, &[&str]); 2] = [(Task::Sft, &["shape=trl"]), (Task::Preference, PREFERENCE)];
    for (task, settings) in tasks {
        let folder = dir.join("cuts").join(task.word());
        let mut set = Vec::new();
        for setting in settings {
            let flag = Flag::parse_set(setting);
            set.push(flag.map_err(|error| AppError::new(ErrorKind::Bug, error))?);
        }
        let args = ExportArgs {
            store: taken.store.store.clone(),
            dir: folder.clone(),
            config: None,
            shape: None,
            format: None,
            at: AtArgs {
                version: None,
                tag: None,
            },
            name: None,
            replace: true,
            incremental: None,
            dry_run: false,
            set: SetArgs { set },
            json: quiet,
        };
        if let Made::Cut(manifest) = cut::make(task, &args, context)? {
            let examples = manifest.sides.iter().map(|side| side.examples).sum();
            let file = folder.join(format!("{}.jsonl", task.word()));
            sets.cuts.push((task.word(), file, examples));
        }
    }
    Ok(sets)
}

/// The configuration as a file that a newcomer can read and change.
fn configuration(args: &DemoArgs) -> Result<String, AppError> {
    let mut text = String::from(
        "# Written by `forgemark demo`. `forgemark config keys` explains every key.\n\
         run:\n  seed: 1\n  total_samples: 8\n  batch_size: 4\n  turns: {min: 2, max: 4}\n\
         documents: {path: knowledge}\n\
         judge: {mode: online, granularity: turn}\n\
         saving: {output_dir: outputs}\n",
    );
    match (&args.endpoint, &args.model) {
        (None, None) => text.push_str(
            "llm:\n  agents:\n    user: {model: \"offline:user\"}\n    assistant: {model: \"offline:assistant\"}\n    judge: {model: \"offline:judge\"}\n",
        ),
        (Some(endpoint), Some(model)) => {
            text.push_str("llm:\n");
            if let Some(variable) = &args.api_key_env {
                let _ = writeln!(text, "  api_key_env: {}", quoted(variable));
            }
            text.push_str("  agents:\n");
            for role in ["user", "assistant", "judge"] {
                let _ = writeln!(
                    text,
                    "    {role}: {{model: {}, base_url: {}}}",
                    quoted(model),
                    quoted(endpoint)
                );
            }
        }
        _ => {
            return Err(AppError::new(
                ErrorKind::Usage,
                "--endpoint and --model belong together",
            )
            .hint("for example: --endpoint http://127.0.0.1:8000/v1 --model NAME"));
        }
    }
    Ok(text)
}

/// A text as a YAML double-quoted scalar, which JSON's spelling is.
fn quoted(text: &str) -> String {
    String::from_utf8_lossy(&forgemark_contract::json::to_line(
        &forgemark_contract::json::Json::from(text),
    ))
    .into_owned()
}
