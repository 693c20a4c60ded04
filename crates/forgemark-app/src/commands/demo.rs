//! `forgemark demo`: a first run on embedded documents.

use std::fmt::Write as _;
use std::path::Path;

use forgemark_dialogue::demo;
use forgemark_dialogue::run::RunOptions;
use forgemark_journal::write_atomic;

use crate::Context;
use crate::assemble::{Project, disk};
use crate::cli::DemoArgs;
use crate::commands::dialogue::{report, run as dialogue_run};
use crate::error::{AppError, ErrorKind};
use crate::exit::Exit;

const CONFIG: &str = "forgemark.yaml";
const DOCUMENTS: &str = "knowledge";

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
    if args.json.json {
        context.printer.json_line(&report::json(&summary))?;
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
    if args.endpoint.is_none() {
        context.printer.note(
            "      forgemark demo --dir demo-model --endpoint URL --model NAME   (with a real model)",
        );
    }
    Ok(report::exit(&summary))
}

/// The configuration as a file that a newcomer can read and change.
fn configuration(args: &DemoArgs) -> Result<String, AppError> {
    let mut text = String::from(
        "# Written by `forgemark demo`. `forgemark config keys` explains every key.\n\
         run:\n  total_samples: 8\n  batch_size: 4\n  turns: {min: 2, max: 4}\n\
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
