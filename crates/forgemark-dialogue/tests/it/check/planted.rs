//! A table of corruptions, one a rule. Each changes bytes on a good folder, and has to be found as what it is, where it is.

use forgemark_contract::json::{self, Json, to_line, to_pretty};
use forgemark_dialogue::check::Kind;

use super::{Files, assert_clean, check_files, files_of, said, small, without_journal};

mod bytes;
mod derived;
mod ground;
mod journal;
mod rows;
mod states;

const DATASET: &str = "synthetic_qa.jsonl";
const LEDGER: &str = "coverage_ledger.jsonl";
const TURNS: &str = "turns.jsonl";
const SHAREGPT: &str = "conversations_sharegpt.jsonl";
const JUDGED: &str = "conversations_sharegpt_judged.jsonl";
const INDEX: &str = "conversations_index.jsonl";
const LAST: &str = "run_state/last_run_id.txt";

/// A good folder and the names of what is in it.
struct Good {
    files: Files,
    /// Two completed conversations, in their order.
    ids: [String; 2],
    dropped: String,
}

impl Good {
    fn make() -> Self {
        let bench = small();
        bench.run();
        let with = |status: &str| -> Vec<String> {
            let rows = bench.rows(INDEX);
            let rows = rows
                .iter()
                .filter(|row| row.at("forgemark").str_or("status", "") == status);
            rows.map(|row| row.str_or("conversation_id", "").to_owned())
                .collect()
        };
        let completed = with("completed");
        Good {
            files: files_of(&bench.disk),
            ids: [completed[0].clone(), completed[1].clone()],
            dropped: with("dropped")[0].clone(),
        }
    }

    /// The line of the `nth` row of a conversation.
    fn line(&self, file: &str, id: &str, nth: usize) -> u64 {
        let mut lines = lines(&self.files, file).into_iter().enumerate();
        let mut rows = lines
            .by_ref()
            .filter(|(_, line)| line.contains(&format!("\"{id}\"")));
        rows.nth(nth)
            .map(|(place, _)| place as u64 + 1)
            .expect("no such row")
    }

    fn conversation(&self, n: usize) -> String {
        format!("conversations/{}.json", self.ids[n])
    }

    /// The state of the wave of a conversation.
    fn state(&self, n: usize) -> String {
        let (wave, _) = self.ids[n].rsplit_once("-s").unwrap();
        format!("run_state/{wave}.json")
    }
}

fn lines(files: &Files, file: &str) -> Vec<String> {
    let text = String::from_utf8(files[file].clone()).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn put_lines(files: &mut Files, file: &str, lines: &[String]) {
    let text: String = lines
        .iter()
        .flat_map(|line| [line.as_str(), "\n"])
        .collect();
    files.insert(file.to_owned(), text.into_bytes());
}

fn edit_lines(files: &mut Files, file: &str, edit: impl FnOnce(&mut Vec<String>)) {
    let mut all = lines(files, file);
    edit(&mut all);
    put_lines(files, file, &all);
}

/// Changes the row in a line; lines are counted from 1.
fn edit_row(files: &mut Files, file: &str, line: u64, edit: impl FnOnce(&mut Json)) {
    edit_lines(files, file, |lines| {
        let text = &mut lines[line as usize - 1];
        let mut row = json::parse_str(text).unwrap();
        edit(&mut row);
        *text = String::from_utf8(to_line(&row)).unwrap();
    });
}

fn edit_file(files: &mut Files, file: &str, edit: impl FnOnce(&mut Json)) {
    let mut value = json::parse(&files[file]).unwrap();
    edit(&mut value);
    files.insert(file.to_owned(), to_pretty(&value));
}

/// The value at a path such as `turns/0/qa_judge`.
fn at<'a>(value: &'a mut Json, path: &str) -> &'a mut Json {
    path.split('/')
        .fold(value, |value, step| match step.parse::<usize>() {
            Ok(place) => &mut value.as_array_mut().unwrap()[place],
            Err(_) => value
                .as_object_mut()
                .unwrap()
                .get_mut(step)
                .unwrap_or_else(|| panic!("no {step}")),
        })
}

fn set(path: &'static str, to: impl Into<Json>) -> impl Fn(&mut Json) {
    let to = to.into();
    move |value| *at(value, path) = to.clone()
}

fn remove(holder: &'static str, key: &'static str) -> impl Fn(&mut Json) {
    move |value| {
        let holder = if holder.is_empty() {
            value
        } else {
            at(value, holder)
        };
        holder.as_object_mut().unwrap().remove(key);
    }
}

/// Changes what we say of the first turn of a conversation, in every file that repeats it.
fn edit_turn(good: &Good, files: &mut Files, n: usize, edit: &dyn Fn(&mut Json)) {
    let id = &good.ids[n];
    edit_row(files, DATASET, good.line(DATASET, id, 0), |row| {
        edit(at(row, "turns/0"));
    });
    edit_file(files, &good.conversation(n), |file| {
        edit(at(file, "turns/0"));
    });
    edit_file(files, &good.state(n), |state| {
        let slots = at(state, "conversations").as_array_mut().unwrap();
        let slot = slots
            .iter_mut()
            .find(|slot| slot.str_or("conversation_id", "") == id)
            .unwrap();
        edit(at(slot, "turns/0"));
    });
    edit_row(files, TURNS, good.line(TURNS, id, 0), |row| edit(row));
}

/// The same for something that only the turn has, not its row.
fn edit_whole_turn(good: &Good, files: &mut Files, n: usize, edit: &dyn Fn(&mut Json)) {
    let before = files[TURNS].clone();
    let guarded = |value: &mut Json| {
        if value.get("qa_generation").is_some() {
            edit(value);
        }
    };
    edit_turn(good, files, n, &guarded);
    files.insert(TURNS.to_owned(), before);
}

/// Replaces a text in every artifact.
fn replace_everywhere(files: &mut Files, from: &str, to: &str) {
    for (name, bytes) in files.iter_mut() {
        if !name.starts_with(".forgemark") {
            let text = String::from_utf8(bytes.clone()).unwrap();
            *bytes = text.replace(from, to).into_bytes();
        }
    }
}

fn replace_in_line(files: &mut Files, file: &str, line: u64, from: &str, to: &str) {
    edit_lines(files, file, |lines| {
        let text = &mut lines[line as usize - 1];
        assert!(text.contains(from), "{text} has no {from}");
        *text = text.replacen(from, to, 1);
    });
}

/// How much of the report a corruption may explain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Also {
    /// Exactly one finding.
    Nothing,
    /// Findings of other files and kinds follow from it.
    More,
}

/// A change of files.
type Edit = Box<dyn Fn(&Good, &mut Files)>;

struct Plant {
    name: &'static str,
    kind: Kind,
    file: String,
    line: Option<u64>,
    also: Also,
    edit: Edit,
}

struct Table {
    plants: Vec<Plant>,
}

impl Table {
    fn one(
        &mut self,
        name: &'static str,
        kind: Kind,
        file: &str,
        line: impl Into<Option<u64>>,
        edit: impl Fn(&Good, &mut Files) + 'static,
    ) {
        self.add(name, kind, file, line.into(), Also::Nothing, edit);
    }

    fn more(
        &mut self,
        name: &'static str,
        kind: Kind,
        file: &str,
        line: impl Into<Option<u64>>,
        edit: impl Fn(&Good, &mut Files) + 'static,
    ) {
        self.add(name, kind, file, line.into(), Also::More, edit);
    }

    fn add(
        &mut self,
        name: &'static str,
        kind: Kind,
        file: &str,
        line: Option<u64>,
        also: Also,
        edit: impl Fn(&Good, &mut Files) + 'static,
    ) {
        self.plants.push(Plant {
            name,
            kind,
            file: file.to_owned(),
            line,
            also,
            edit: Box::new(edit),
        });
    }

    /// Plants each corruption alone and looks for it.
    fn prove(&self, good: &Good, files: &Files) {
        let mut lost = Vec::new();
        for plant in &self.plants {
            let mut planted = files.clone();
            (plant.edit)(good, &mut planted);
            assert_ne!(&planted, files, "{} changes nothing", plant.name);
            let report = check_files(&planted);
            let found = report.findings.iter().any(|found| {
                found.kind == plant.kind && found.file == plant.file && found.line == plant.line
            });
            let alone = plant.also == Also::More || report.total() == 1;
            if !found || !alone {
                lost.push(format!(
                    "{}: expected {} at {}:{:?}, {}",
                    plant.name,
                    plant.kind.as_str(),
                    plant.file,
                    plant.line,
                    said(&report)
                ));
            }
        }
        let planted = self.plants.len();
        println!(
            "{planted} corruptions planted, {} found",
            planted - lost.len()
        );
        assert!(lost.is_empty(), "{}", lost.join("\n\n"));
    }
}

/// Proves the table that `plant` fills, on a good folder without a journal.
fn prove(plant: fn(&Good, &mut Table)) {
    let good = Good::make();
    let files = without_journal(good.files.clone());
    assert_clean(&files, "the good folder");
    let mut table = Table { plants: Vec::new() };
    plant(&good, &mut table);
    table.prove(&good, &files);
}
