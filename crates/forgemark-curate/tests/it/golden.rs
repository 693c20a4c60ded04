//! The profile `lance-context-1` against files that the original's own wheel wrote (`tests/golden/generate.py`).

use std::fs;
use std::path::PathBuf;

use forgemark_contract::json::{Json, parse, parse_str};
use forgemark_contract::store::ContextRecord;
use forgemark_contract::time::Timestamp;
use forgemark_curate::compat::{Config, Form, GroupBy, Snapshot, Split, Task, export};
use forgemark_curate::output::MemoryOutput;
use forgemark_curate::select::filter_from_original;

fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name)
}

fn read(name: &str) -> Json {
    parse(&fs::read(golden(name)).unwrap()).unwrap()
}

fn records() -> Vec<ContextRecord> {
    let text = fs::read_to_string(golden("records.jsonl")).unwrap();
    text.lines()
        .map(|line| ContextRecord::from_json(&parse_str(line).unwrap()).unwrap())
        .collect()
}

fn config(case: &Json) -> Config {
    let number = |key: &str| case.at(key).as_f64();
    let label = |value: &Json| {
        value
            .as_str()
            .map(|label| GroupBy::of_label(label).unwrap())
    };
    let vector = |vector: &Json| {
        vector
            .as_array()
            .unwrap()
            .iter()
            .map(|x| x.as_f64().unwrap() as f32)
            .collect()
    };
    let split = case.get("split").map(|split| Split {
        eval_fraction: split.at("eval_fraction").as_f64().unwrap(),
        by: label(split.at("by")).unwrap(),
        seed: split.at("seed").as_u64().unwrap(),
    });
    let plain = Config::at(Timestamp::parse("2030-01-01T00:00:00Z").unwrap());
    Config {
        task: Task::of_word(case.str_or("task", "sft")).unwrap(),
        group_by: label(case.at("group_by")).unwrap_or_default(),
        form: Form::of_word(case.str_or("preference_form", "paired")).unwrap(),
        filter: case.get("filters").map_or(plain.filter.clone(), |filter| {
            filter_from_original(filter.as_object().unwrap()).unwrap()
        }),
        filters_summary: case.get("filters").cloned(),
        dedup_threshold: number("dedup_threshold").map(|x| x as f32),
        decontaminate_against: case
            .items("decontaminate_against")
            .iter()
            .map(vector)
            .collect(),
        decontaminate_threshold: number("decontaminate_threshold").map(|x| x as f32),
        min_reward: number("min_reward"),
        split,
        emit_stats: case.bool_or("emit_stats", false),
        ..plain
    }
}

#[test]
fn exports_are_those_of_the_original_wheel() {
    let cases = read("cases.json");
    let mut compared = 0;
    for (name, case) in cases.as_object().unwrap() {
        let version = fs::read_dir(golden("")).unwrap().filter_map(|entry| {
            let file = entry.unwrap().file_name().into_string().unwrap();
            (file.starts_with(&format!("{name}.")) && file.ends_with(".manifest.json"))
                .then(|| read(&file).at("version").as_u64().unwrap())
        });
        let snapshot = Snapshot {
            uri: "ctx.lance".to_owned(),
            version: version.max().unwrap(),
        };
        let mut output = MemoryOutput::default();
        export(
            records(),
            &snapshot,
            &config(case),
            &format!("{name}.jsonl"),
            &mut output,
        )
        .unwrap();
        for (file, bytes) in &output.files {
            let expected = fs::read(golden(file)).unwrap();
            if file.ends_with(".manifest.json") {
                let mut ours = parse(bytes).unwrap();
                ours.as_object_mut().unwrap().remove("forgemark").unwrap();
                assert_eq!(ours, parse(&expected).unwrap(), "{file}");
            } else {
                let (ours, theirs) = (
                    String::from_utf8_lossy(bytes),
                    String::from_utf8_lossy(&expected),
                );
                for (number, (ours, theirs)) in ours.lines().zip(theirs.lines()).enumerate() {
                    assert_eq!(ours, theirs, "{file}:{}", number + 1);
                }
                assert_eq!(ours.len(), theirs.len(), "{file}");
            }
            compared += 1;
        }
    }
    let golden_files = fs::read_dir(golden("")).unwrap().count();
    // All but the rows, the cases and the program.
    assert_eq!(compared, golden_files - 3);
}
