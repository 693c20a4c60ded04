//! `forgemark export sft|preference|rollout STORE DIR`

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::thread::available_parallelism;

use forgemark_contract::json::{Json, parse, parse_str, to_compact};
use forgemark_contract::store::{ContextRecord, Scan, Snapshot};
use forgemark_curate::compat::{self, Task};
use forgemark_curate::config::{Call, CutSettings, Settings};
use forgemark_curate::cut::{Manifest, Plan, Previous, cut, cut_after};
use forgemark_curate::recipe::HoldoutItem;

use super::folder::{self, Folder};
use crate::Context;
use crate::cli::ExportArgs;
use crate::clock;
use crate::commands::store::cuts::remember;
use crate::commands::store::snapshot;
use crate::config::{self, Flag};
use crate::error::{AppError, ErrorKind};
use crate::exit::Exit;
use crate::human;
use crate::table::{Align, Table};
use crate::tables::EXPORT;

/// Makes a cut.
///
/// # Errors
/// A configuration, store or folder that cannot be used, and whatever the curation refuses.
pub(super) fn run(task: Task, args: &ExportArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    match make(task, args, context)? {
        Made::Cut(manifest) => say(&manifest, args, context),
        Made::Original(manifest) => say_original(&manifest, args, context),
    }
}

/// What was made.
pub enum Made {
    /// A cut of the default profile.
    Cut(Box<Manifest>),
    /// One of the profile `lance-context-1`.
    Original(Box<compat::Manifest>),
}

/// Makes a cut without a word on stdout.
///
/// # Errors
/// As the command.
pub fn make(task: Task, args: &ExportArgs, context: &Context<'_>) -> Result<Made, AppError> {
    let settings = settings(task, args, context)?;
    let name = name(args)?;
    let snapshot = snapshot(&args.store, &args.at, context)?;
    let mut folder = Folder::begin(&args.dir, args.replace)?;
    let made = match settings {
        Settings::Cut(settings) => {
            let plan = plan(*settings, name)?;
            let scratch = Folder::scratch(&args.dir);
            let manifest = match &args.incremental {
                None => cut(&*snapshot, &plan, &scratch, &mut folder)?,
                Some(dir) => {
                    let previous = previous(dir, &plan)?;
                    cut_after(&previous, &*snapshot, &plan, &scratch, &mut folder)?
                }
            };
            Made::Cut(Box::new(manifest))
        }
        Settings::Original {
            mut config,
            vectors_file,
        } => {
            if let Some(file) = vectors_file {
                config.decontaminate_against = vectors(Path::new(&file))?;
            }
            let path = format!("{name}.jsonl");
            let origin = compat::Snapshot {
                uri: snapshot.uri().to_owned(),
                version: snapshot.version(),
            };
            let manifest = compat::export(rows(&*snapshot)?, &origin, &config, &path, &mut folder)?;
            Made::Original(Box::new(manifest))
        }
    };
    folder.commit()?;
    let manifests = folder::manifests(&args.dir)?;
    remember(
        &args.store,
        snapshot.version(),
        &args.dir,
        &manifests,
        clock::now(),
    )?;
    Ok(made)
}

fn settings(task: Task, args: &ExportArgs, context: &Context<'_>) -> Result<Settings, AppError> {
    let file = args.config.as_deref().map(config::read_file).transpose()?;
    let mut flags = args.set.set.clone();
    if let Some(shape) = &args.shape {
        flags.push(Flag::named("--shape", "shape", shape));
    }
    if let Some(format) = &args.format {
        flags.push(Flag::named("--format", "format", format));
    }
    let loaded = context.load(&EXPORT, file.as_ref(), &flags)?;
    let call = Call {
        task,
        now: clock::now(),
        cores: available_parallelism().map_or(1, usize::from),
    };
    Settings::read(&loaded.settings, call).map_err(|errors| loaded.explain(&errors).into())
}

/// What the names of the files begin with.
fn name(args: &ExportArgs) -> Result<String, AppError> {
    let given = args.name.clone();
    let name = given.or_else(|| {
        let absolute = std::path::absolute(&args.dir).ok()?;
        Some(absolute.file_name()?.to_str()?.to_owned())
    });
    match name {
        Some(name) if !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\']) => {
            Ok(name)
        }
        _ => Err(AppError::new(
            ErrorKind::Usage,
            "the files of the cut need a name without / and not beginning with a dot",
        )
        .hint("add --name NAME")),
    }
}

fn plan(settings: CutSettings, name: String) -> Result<Plan, AppError> {
    let mut recipe = settings.recipe;
    if let Some(holdout) = &mut recipe.holdout {
        for file in &settings.holdout_files {
            holdout.items.extend(holdout_items(Path::new(file))?);
        }
    }
    Ok(Plan {
        recipe,
        format: settings.format,
        encoding: settings.encoding,
        name,
        split: settings.split,
        mix: settings.mix,
        shuffle: settings.shuffle,
    })
}

/// The decisions of an earlier cut.
fn previous(dir: &Path, plan: &Plan) -> Result<Previous, AppError> {
    let names = folder::manifests(dir)?;
    let [name] = names.as_slice() else {
        let what = format!("{} holds several cuts", dir.display());
        return Err(AppError::new(ErrorKind::Usage, what)
            .hint("--incremental goes on from a cut of the default profile"));
    };
    let manifest = folder::read_json(dir, name)?;
    let mut previous = Previous::new(&manifest, plan)?;
    for file in manifest.items("files") {
        let name = file.str_or("path", "");
        if !name.ends_with(".decisions.jsonl") {
            continue;
        }
        let path = dir.join(name);
        let mut reader = BufReader::new(folder::opened(&path)?);
        let (mut line, mut number) = (Vec::new(), 0);
        loop {
            line.clear();
            number += 1;
            let read = reader.read_until(b'\n', &mut line);
            if read.map_err(|source| folder::unreadable(&path, source))? == 0 {
                break;
            }
            let decision = parse(&line).map_err(|error| {
                let what = format!("{}:{number}: {error}", path.display());
                AppError::new(ErrorKind::Damaged, what)
                    .hint("`forgemark export verify` says what is wrong with the earlier cut")
            })?;
            previous.decided(&decision);
        }
    }
    Ok(previous)
}

/// All rows of a version: the profile of the original holds them in memory, as the original does.
fn rows(snapshot: &dyn Snapshot) -> Result<Vec<ContextRecord>, AppError> {
    let rows = snapshot.scan(&Scan::everything())?;
    Ok(rows
        .map(|row| row.map(|(_, record)| record))
        .collect::<Result<_, _>>()?)
}

/// Reads evaluation items: JSON lines with `text` (or `question`, or `prompt`), and `id` and `embedding` where there are such.
fn holdout_items(path: &Path) -> Result<Vec<HoldoutItem>, AppError> {
    let bytes = folder::read(path)?;
    let text = String::from_utf8(bytes)
        .map_err(|_| AppError::new(ErrorKind::Usage, format!("{}: not UTF-8", path.display())))?;
    let mut items = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let place = format!("{}:{}", path.display(), number + 1);
        let fail = |what: String| AppError::new(ErrorKind::Usage, format!("{place}: {what}"));
        let value = parse_str(line).map_err(|error| fail(error.to_string()))?;
        let words = ["text", "question", "prompt"];
        let text = words.iter().find_map(|key| value.get(key)?.as_str());
        let vector = match value.get("embedding") {
            None | Some(Json::Null) => None,
            Some(list) => Some(
                vector(list)
                    .ok_or_else(|| fail("embedding: expected a list of numbers".to_owned()))?,
            ),
        };
        let Some(text) = text else {
            return Err(fail("no text, question or prompt".to_owned())
                .hint("each line is an object such as {\"id\": \"q1\", \"text\": \"...\"}"));
        };
        let id = match value.get("id") {
            Some(Json::Str(id)) => id.clone(),
            Some(id) if !id.is_null() => String::from_utf8_lossy(&to_compact(id)).into_owned(),
            _ => place.clone(),
        };
        items.push(HoldoutItem {
            id,
            text: text.to_owned(),
            vector,
        });
    }
    Ok(items)
}

fn vector(list: &Json) -> Option<Vec<f32>> {
    let numbers = list.as_array()?.iter();
    numbers.map(|x| x.as_f64().map(|x| x as f32)).collect()
}

/// Reads the vectors of the original's `decontaminate_against`.
fn vectors(path: &Path) -> Result<Vec<Vec<f32>>, AppError> {
    let fail = |what: &str| {
        let what = format!("{}: {what}", path.display());
        AppError::new(ErrorKind::Usage, what)
    };
    let value = parse(&folder::read(path)?).map_err(|error| fail(&error.to_string()))?;
    let list = value.as_array();
    let vectors = list.and_then(|list| list.iter().map(vector).collect());
    vectors.ok_or_else(|| fail("expected a list of lists of numbers"))
}

fn say(manifest: &Manifest, args: &ExportArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    let printer = &context.printer;
    if args.json.json {
        printer.json_line(&manifest.json)?;
        return Ok(Exit::Done);
    }
    let mut stages = Table::new(&[("after", Align::Left), ("left", Align::Right)]);
    for (stage, count) in &manifest.counts {
        stages.row([stage.as_str(), &human::count(*count)]);
    }
    printer.result(stages.to_string())?;
    let mut sides = Table::new(&[
        ("side", Align::Left),
        ("examples", Align::Right),
        ("lines", Align::Right),
    ]);
    for side in &manifest.sides {
        let name = if side.name.is_empty() {
            "all"
        } else {
            &side.name
        };
        sides.row([
            name,
            &human::count(side.examples),
            &human::count(side.lines),
        ]);
    }
    printer.result(format!("\n{sides}"))?;
    let total: u64 = manifest.sides.iter().map(|side| side.examples).sum();
    if total == 0 {
        printer.warn("the cut has no example; its decisions file says why each row was left out");
    }
    whereabouts(args, context)
}

fn say_original(
    manifest: &compat::Manifest,
    args: &ExportArgs,
    context: &Context<'_>,
) -> Result<Exit, AppError> {
    if args.json.json {
        context.printer.json_line(manifest)?;
        return Ok(Exit::Done);
    }
    let counts = &manifest.counts;
    let mut stages = Table::new(&[("after", Align::Left), ("left", Align::Right)]);
    for (stage, count) in [
        ("list", counts.input_records),
        ("lifecycle", counts.after_lifecycle),
        ("reward", counts.after_reward_filter),
        ("dedup", counts.after_dedup),
        ("decontaminate", counts.after_decontaminate),
        ("examples", counts.examples),
    ] {
        stages.row([stage, &human::count(count as u64)]);
    }
    context.printer.result(stages.to_string())?;
    whereabouts(args, context)
}

fn whereabouts(args: &ExportArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    let dir = args.dir.display();
    context.printer.result(format!(
        "\nfiles   {dir}\nnext    forgemark export verify {dir}"
    ))?;
    Ok(Exit::Done)
}
