//! `forgemark export sft|preference|rollout STORE DIR`

use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Instant;

use forgemark_contract::json::{Json, Object, parse};
use forgemark_contract::store::{ContextRecord, Scan, Snapshot};
use forgemark_contract::text::sha256_hex;
use forgemark_curate::bench::Gauge;
use forgemark_curate::compat::{self, Task};
use forgemark_curate::config::{Call, CutSettings, Settings, TokenFiles};
use forgemark_curate::cut::{DECISIONS, Manifest, Plan, Previous, cut, cut_after, forecast};
use forgemark_curate::holdout;
use forgemark_curate::template::ChatTemplate;
use forgemark_curate::tokens::{self, TokenRule};

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
    if args.dry_run {
        return dry_run(task, args, context);
    }
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
    let mut folder = Folder::begin(&args.dir, args.replace, context.build.tables)?;
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
            let path = Path::new(file);
            let lines = BufReader::new(folder::opened(path)?);
            for item in holdout::items(file, lines) {
                let item =
                    item.map_err(|error| AppError::new(ErrorKind::Usage, error.to_string()))?;
                holdout.items.push(item);
            }
        }
    }
    if let Some(files) = &settings.tokens {
        recipe.tokens = Some(token_rule(files)?);
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

/// What tokens are counted with, read from its files.
fn token_rule(files: &TokenFiles) -> Result<TokenRule, AppError> {
    let fail = |path: &str, error: &dyn std::fmt::Display| {
        AppError::new(ErrorKind::Usage, format!("{path}: {error}"))
    };
    let bytes = folder::read(Path::new(&files.tokenizer))?;
    let (tokenizer, digest) =
        tokens::read(&bytes).map_err(|error| fail(&files.tokenizer, &error))?;
    let template = match &files.template {
        None => None,
        Some(path) => {
            let bytes = folder::read(Path::new(path))?;
            let source = String::from_utf8(bytes).map_err(|error| fail(path, &error))?;
            let template =
                ChatTemplate::new(&source, "", "").map_err(|error| fail(path, &error))?;
            Some((sha256_hex(source.as_bytes()), Arc::new(template)))
        }
    };
    Ok(TokenRule {
        max: files.max,
        digest,
        tokenizer: Arc::new(tokenizer),
        template,
    })
}

/// Says what a cut is expected to cost, and writes nothing.
fn dry_run(task: Task, args: &ExportArgs, context: &Context<'_>) -> Result<Exit, AppError> {
    let settings = settings(task, args, context)?;
    let snapshot = snapshot(&args.store, &args.at, context)?;
    let Settings::Cut(settings) = settings else {
        let what = "a dry run is of the default profile";
        return Err(AppError::new(ErrorKind::Usage, what));
    };
    let plan = plan(*settings, name(args)?)?;
    let start = Instant::now();
    let gauge = Gauge {
        now: &|| start.elapsed(),
        peak: &|| 0,
    };
    let forecast = forecast(&*snapshot, &plan, &gauge)?;
    let mut facts = vec![
        (
            "rows",
            Json::from(forecast.rows),
            human::count(forecast.rows),
        ),
        (
            "sampled",
            forecast.sampled.into(),
            human::count(forecast.sampled),
        ),
    ];
    let mut about = |key, value: f64, shown: String| facts.push((key, value.into(), shown));
    let count = |value: f64| human::count(value.round() as u64);
    about("listed", forecast.listed, count(forecast.listed));
    about("units", forecast.units, count(forecast.units));
    about("examples", forecast.examples, count(forecast.examples));
    if let Some(tokens) = forecast.tokens {
        about("tokens", tokens, count(tokens));
    }
    about("pairs", forecast.pairs, count(forecast.pairs));
    about("bytes", forecast.bytes, human::bytes(forecast.bytes as u64));
    about(
        "seconds",
        forecast.seconds,
        format!("{:.1}", forecast.seconds),
    );
    about(
        "memory",
        forecast.memory,
        human::bytes(forecast.memory as u64),
    );
    if args.json.json {
        let object: Object = facts
            .into_iter()
            .map(|(key, value, _)| (key, value))
            .collect();
        context.printer.json_line(&Json::Object(object))?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&[("expected", Align::Left), ("", Align::Right)]);
    for (key, _, shown) in facts {
        table.row([key, &shown]);
    }
    context.printer.result(table.to_string())?;
    let note = "told from a sample; nothing was written. Duplicates between parts of the sample are not seen, so examples come out high.";
    context.printer.note(note);
    Ok(Exit::Done)
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
    folder::each_line(dir, &manifest, DECISIONS, &mut |line| {
        previous.decided(&line);
    })?;
    Ok(previous)
}

/// All rows of a version: the profile of the original holds them in memory, as the original does.
fn rows(snapshot: &dyn Snapshot) -> Result<Vec<ContextRecord>, AppError> {
    let rows = snapshot.scan(&Scan::everything())?;
    Ok(rows
        .map(|row| row.map(|(_, record)| record))
        .collect::<Result<_, _>>()?)
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
