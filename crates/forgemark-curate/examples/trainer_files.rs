//! Files of every format, task and container from a few fixed examples: `cargo run -p forgemark-curate --example trainer_files -- DIR`.
//!
//! `DIR/index.json` lists them with their columns and with what the trainer has to be told. `tests/loaders` and
//! `tests/trainers` read them with the libraries that trainers use.

use std::error::Error;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::PathBuf;

use forgemark_contract::dialogue::{ToolCall, ToolFunction};
use forgemark_contract::json::{Json, Object, to_pretty};
use forgemark_contract::store::ChatMessage;
use forgemark_curate::encode::{Compression, Container, Encoding, RowsWriter, Shards};
use forgemark_curate::formats::schema::{Columns, Field, Kind, Uses};
use forgemark_curate::formats::{Format, Layout, Task, lines, llama_factory_info};
use forgemark_curate::output::Output;
use forgemark_curate::shape::{Body, Example, Response};

/// Examples of a set; as many as the hosted API asks for at least.
const EXAMPLES: usize = 12;

struct Folder(PathBuf);

impl Output for Folder {
    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.0.join(name);
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        file.write_all(bytes)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).ok_or("name a folder")?;
    let folder = PathBuf::from(folder);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let mut output = Folder(folder.clone());
    let mut index = Vec::new();
    let mut infos = Object::new();
    for format in Format::ALL {
        for task in Task::ALL {
            for set in Set::ALL {
                write(format, task, set, &mut output, &mut index, &mut infos)?;
            }
        }
    }
    fs::write(folder.join("index.json"), to_pretty(&Json::Array(index)))?;
    fs::write(
        folder.join("dataset_info.json"),
        to_pretty(&Json::Object(infos)),
    )?;
    Ok(())
}

fn write(
    format: Format,
    task: Task,
    set: Set,
    output: &mut Folder,
    index: &mut Vec<Json>,
    infos: &mut Object,
) -> Result<(), Box<dyn Error>> {
    let examples: Vec<Example> = (0..EXAMPLES)
        .filter_map(|number| set.example(task, number))
        .filter(|example| lines(Layout::new(format), example, "train", 0).is_ok())
        .collect();
    let layout = Layout::of(format, &examples);
    let Some(columns) = layout.columns(task).filter(|_| !examples.is_empty()) else {
        return Ok(());
    };
    let mut rows = Vec::new();
    for example in &examples {
        rows.extend(lines(layout, example, "train", rows.len())?);
    }
    let stem = format!("{}-{}-{}", format.word(), task.word(), set.word());
    for encoding in encodings(set) {
        let number = rows.len() as u64;
        let mut writer = RowsWriter::create(output, &stem, columns, encoding, number)?;
        for row in &rows {
            writer.write(output, row.clone())?;
        }
        let files = writer.finish(output)?;
        let files: Json = files.iter().map(|file| Json::from(&file.name)).collect();
        index.push(Json::object([
            ("format", format.word().into()),
            ("task", task.word().into()),
            ("set", set.word().into()),
            ("container", encoding.container.word().into()),
            ("compression", encoding.compression.word().into()),
            ("files", files),
            ("rows", Json::Array(rows.clone())),
            ("columns", columns_json(&columns)),
            (
                "settings",
                layout
                    .settings(task)
                    .iter()
                    .map(|line| Json::from(*line))
                    .collect(),
            ),
        ]));
    }
    if format == Format::LlamaFactory {
        let file = Encoding::LINES.names(&stem, 0).concat();
        infos.insert(&stem, llama_factory_info(&file, &columns, task));
    }
    Ok(())
}

fn encodings(set: Set) -> Vec<Encoding> {
    let encoding = |container, compression, shards| Encoding {
        container,
        compression,
        shards,
    };
    let mut all = vec![
        Encoding::LINES,
        encoding(Container::Parquet, Compression::Zstd, Shards::One),
    ];
    if set == Set::Plain {
        all.extend([
            encoding(Container::Jsonl, Compression::Gzip, Shards::Count(3)),
            encoding(Container::Jsonl, Compression::Zstd, Shards::Count(2)),
            encoding(Container::Parquet, Compression::Snappy, Shards::Rows(5)),
            encoding(Container::Parquet, Compression::None, Shards::Count(2)),
            encoding(Container::Arrow, Compression::None, Shards::Count(2)),
            encoding(Container::Arrow, Compression::Zstd, Shards::Rows(7)),
        ]);
    }
    all
}

fn columns_json(columns: &Columns) -> Json {
    fields_json(columns.fields(), columns.uses)
}

fn fields_json<'a>(fields: impl Iterator<Item = &'a Field>, uses: Uses) -> Json {
    let entries = fields.map(|field| (field.name.to_owned(), kind_json(field.kind, uses)));
    Json::Object(entries.collect())
}

fn kind_json(kind: Kind, uses: Uses) -> Json {
    match kind {
        Kind::Text => "text".into(),
        Kind::Bool => "bool".into(),
        Kind::Int => "int".into(),
        Kind::Float => "float".into(),
        Kind::Json => "json".into(),
        Kind::List(item) => Json::Array(vec![kind_json(*item, uses)]),
        Kind::Struct(fields) => fields_json(fields.iter().filter(|field| field.is_in(uses)), uses),
    }
}

/// What the examples hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Set {
    /// Texts of several scripts, system messages, several turns.
    Plain,
    /// Calls with arguments of different types, and their results.
    Tools,
    /// What a model thought before it spoke.
    Reasoning,
    /// Answers that are not learned before one that is.
    Masks,
}

/// The definition of the tool that is called.
fn definitions() -> Json {
    let parameters = Json::object([
        ("type", "object".into()),
        (
            "properties",
            Json::object([("größe", Json::object([("type", "number".into())]))]),
        ),
    ]);
    let function = [("name", "look".into()), ("parameters", parameters)];
    let function = Json::object(function);
    Json::Array(vec![Json::object([
        ("type", "function".into()),
        ("function", function),
    ])])
}

impl Set {
    const ALL: [Set; 4] = [Set::Plain, Set::Tools, Set::Reasoning, Set::Masks];

    fn word(self) -> &'static str {
        match self {
            Set::Plain => "plain",
            Set::Tools => "tools",
            Set::Reasoning => "reasoning",
            Set::Masks => "masks",
        }
    }

    fn example(self, task: Task, number: usize) -> Option<Example> {
        let conversations_only = matches!(self, Set::Reasoning | Set::Masks);
        if conversations_only && task != Task::Sft {
            return None;
        }
        let prompt = self.prompt(task, number);
        let good = text(
            "assistant",
            &format!("Die Antwort ist {number}, 答案 ✅\n\"done\"."),
        );
        let bad = text("assistant", &format!("No idea about {number}."));
        let body = match task {
            Task::Sft => Body::Conversation {
                messages: self.conversation(prompt, good),
                reward: (number.is_multiple_of(2)).then_some(0.5),
            },
            Task::Pairs => Body::Pair {
                prompt,
                chosen: vec![good],
                rejected: vec![bad],
                scores: (1.0, 0.25),
            },
            Task::Labels => Body::Labelled {
                prompt,
                completion: vec![if number.is_multiple_of(2) { good } else { bad }],
                label: number.is_multiple_of(2),
            },
            Task::Ranked => Body::Ranked {
                prompt,
                answers: vec![(vec![good], 1), (vec![bad], 2)],
            },
            Task::Rollout => Body::Rollout {
                prompt,
                responses: vec![Response {
                    messages: vec![good],
                    reward: Some(1.0),
                    source: Some("tests".to_owned()),
                }],
                group_id: Some(format!("g{number}")),
                ground_truth: Some(number.into()),
            },
        };
        Some(Example {
            id: format!("{number:016x}"),
            body,
            tools: (self == Set::Tools && number.is_multiple_of(2)).then(definitions),
            records: Vec::new(),
        })
    }

    /// What is asked, after what was said before.
    fn prompt(self, task: Task, number: usize) -> Vec<ChatMessage> {
        let question = format!("Was ist {number}? Ελλάδα, עברית, naïve…");
        if self == Set::Tools {
            return vec![
                text("user", &question),
                call(number),
                result(number),
                text("assistant", "It is there."),
                text("user", "And now?"),
            ];
        }
        // Some formats have prompts of one message only.
        if task == Task::Rollout || number % 3 == 1 {
            return vec![text("user", &question)];
        }
        vec![
            text("system", "Antworte kurz."),
            text("user", "Hallo"),
            text("assistant", "Hallo! 👋"),
            text("user", &question),
        ]
    }

    fn conversation(self, mut messages: Vec<ChatMessage>, answer: ChatMessage) -> Vec<ChatMessage> {
        messages.push(answer);
        for message in &mut messages {
            message.train = Some(message.is_assistant());
        }
        match self {
            Set::Masks => {
                let mut answers = messages.iter_mut().filter(|one| one.is_assistant()).rev();
                answers.next();
                answers.for_each(|one| one.train = Some(false));
            }
            Set::Reasoning => {
                if let Some(last) = messages.last_mut() {
                    last.reasoning = Some("First the sum,\nthen the rest.".to_owned());
                }
            }
            Set::Plain | Set::Tools => {}
        }
        messages
    }
}

fn text(role: &str, text: &str) -> ChatMessage {
    ChatMessage::text(role, text)
}

fn call(number: usize) -> ChatMessage {
    // Arguments of another type in every other example.
    let arguments = if number.is_multiple_of(2) {
        format!(r#"{{"at": {number}, "in": ["naïve", "日本"]}}"#)
    } else {
        r#"{"at": "here", "deep": {"a": 1.5}}"#.to_owned()
    };
    ChatMessage {
        role: "assistant".to_owned(),
        tool_calls: vec![ToolCall {
            id: format!("call{number:05}"),
            kind: "function".to_owned(),
            function: ToolFunction {
                name: "look_up".to_owned(),
                arguments,
                ..ToolFunction::default()
            },
            ..ToolCall::default()
        }],
        ..ChatMessage::default()
    }
}

fn result(number: usize) -> ChatMessage {
    ChatMessage {
        tool_call_id: Some(format!("call{number:05}")),
        name: Some("look_up".to_owned()),
        ..text("tool", r#"{"found": "日本"}"#)
    }
}
