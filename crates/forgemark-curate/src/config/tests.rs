use forgemark_contract::json::parse_str;
use forgemark_contract::settings::Origin;

use super::*;

fn read(pairs: &[(&str, &str)]) -> Result<Settings, Vec<SettingError>> {
    read_for(compat::Task::Sft, pairs)
}

fn read_for(task: compat::Task, pairs: &[(&str, &str)]) -> Result<Settings, Vec<SettingError>> {
    let mut values = Resolved::defaults(KEYS).unwrap();
    for (path, json) in pairs {
        let key = KEYS.iter().find(|key| key.path == *path).unwrap();
        let value = key.check(&parse_str(json).unwrap()).unwrap();
        values.set(*path, value, Origin::Default);
    }
    let call = Call {
        task,
        now: Timestamp::from_epoch_seconds(7),
        cores: 3,
    };
    Settings::read(&values, call)
}

fn cut(task: compat::Task, pairs: &[(&str, &str)]) -> CutSettings {
    match read_for(task, pairs) {
        Ok(Settings::Cut(cut)) => *cut,
        other => panic!("{other:?}"),
    }
}

fn paths(result: Result<Settings, Vec<SettingError>>) -> Vec<String> {
    let problems = result.expect_err("a problem");
    problems.into_iter().map(|problem| problem.path).collect()
}

#[test]
fn the_defaults_are_the_recipe_that_drops_nothing() {
    let settings = cut(compat::Task::Sft, &[]);
    let visibility = Visibility::at(Timestamp::from_epoch_seconds(7));
    assert_eq!(settings.recipe, {
        let mut recipe = Recipe::new(Task::Sft, visibility);
        recipe.filter = Filter::All(Vec::new());
        recipe
    });
    assert_eq!(settings.format, Format::Neutral);
    assert_eq!(settings.encoding, Encoding::LINES);
    assert!(
        settings.split.is_none() && settings.mix.is_none() && settings.holdout_files.is_empty()
    );
    assert_eq!(
        cut(compat::Task::Rollout, &[]).recipe.unit,
        Unit::CandidateGroup
    );
}

#[test]
fn every_stage_is_asked_for_by_its_keys() {
    let settings = cut(
        compat::Task::Preference,
        &[
            ("preference.choose", "\"top\""),
            ("preference.top", "3"),
            ("dedup.exact", "true"),
            ("dedup.near.jaccard", "0.8"),
            ("dedup.semantic.distance", "0.05"),
            ("dedup.semantic.on_missing", "\"keep\""),
            ("holdout.files", "[\"eval.jsonl\"]"),
            ("redact.kinds", "[\"email\", \"iban\"]"),
            ("language.allowed", "[\"eng\"]"),
            ("length.max_words", "9"),
            ("mix.by", "\"source\""),
            ("mix.parts", "{\"a\": 2, \"b\": 1}"),
            ("split.sides", "{\"train\": 0.9, \"eval\": 0.1}"),
            ("split.how", "\"quota\""),
            ("split.stratum", "\"metadata.topic\""),
            ("shape", "\"trl\""),
        ],
    );
    let recipe = &settings.recipe;
    assert!(matches!(&recipe.task, Task::Pairs(rule) if rule.choose == Choose::Top(3)));
    assert!(recipe.exact);
    assert!((recipe.near.unwrap().jaccard - 0.8).abs() < 1e-12);
    let semantic = recipe.semantic.unwrap();
    assert_eq!(
        (semantic.on_missing, semantic.threads),
        (OnMissing::Keep, 3)
    );
    assert_eq!(settings.holdout_files, ["eval.jsonl"]);
    assert_eq!(recipe.holdout.as_ref().unwrap().n, 8);
    assert_eq!(
        recipe.redact.as_ref().unwrap().kinds,
        [Kind::Email, Kind::Iban]
    );
    assert_eq!(recipe.length.unwrap().max_words, 9);
    assert_eq!(settings.mix.as_ref().unwrap().parts.len(), 2);
    let split = settings.split.unwrap();
    assert!(matches!(split.how, How::Quota { stratum: Some(_) }));
    assert_eq!(settings.format, Format::Trl);
}

#[test]
fn problems_name_the_keys_of_the_file() {
    assert_eq!(
        paths(read(&[
            ("split.sides", "{\"train\": 0.9}"),
            ("group_by", "[\"nowhere\"]"),
            ("redact.kinds", "[\"shoe\"]"),
            ("select.reference_time", "\"yesterday\""),
            ("mix.by", "\"source\""),
            ("select.where", "\"role = \""),
            ("length.max_tokens", "9"),
        ])),
        [
            "select.reference_time",
            "select.where",
            "group_by",
            "redact.kinds",
            "length.tokenizer",
            "split.sides",
            "mix.parts"
        ]
    );
    let labels = [
        ("preference.form", "\"labels\""),
        ("preference.good", "0"),
        ("preference.bad", "1"),
    ];
    assert_eq!(
        paths(read_for(compat::Task::Preference, &labels)),
        ["preference.bad"]
    );
    assert_eq!(
        paths(read(&[("language.allowed", "[\"zz\"]")])),
        ["language.allowed"]
    );
}

#[test]
fn the_original_is_asked_for_in_its_own_words() {
    let settings = read(&[
        ("profile", "\"lance-context-1\""),
        ("compat.group_by", "\"external_id_prefix:-\""),
        ("compat.dedup_threshold", "0.25"),
        ("compat.eval_fraction", "0.5"),
        ("select.filters", "{\"tenant\": \"t\"}"),
    ]);
    let Ok(Settings::Original { config, .. }) = settings else {
        panic!("{settings:?}");
    };
    assert_eq!(
        config.group_by,
        compat::GroupBy::ExternalIdPrefix("-".to_owned())
    );
    assert_eq!(config.dedup_threshold, Some(0.25));
    assert!((config.split.unwrap().eval_fraction - 0.5).abs() < 1e-12);
    assert!(config.filters_summary.is_some());
    let alone = [
        ("profile", "\"lance-context-1\""),
        ("compat.decontaminate_threshold", "0.1"),
    ];
    assert_eq!(paths(read(&alone)), ["compat.decontaminate_threshold"]);
}

#[test]
fn what_rows_are_kept_in_is_what_the_trainer_reads() {
    let verl = cut(compat::Task::Sft, &[("shape", "\"verl\"")]).encoding;
    assert_eq!(
        (verl.container, verl.compression),
        (Container::Parquet, Compression::Zstd)
    );
    let sharded = [
        ("shape", "\"trl\""),
        ("format", "\"jsonl\""),
        ("compression", "\"gzip\""),
        ("shards", "4"),
    ];
    let sharded = cut(compat::Task::Sft, &sharded).encoding;
    assert_eq!(sharded.extension(), ".jsonl.gz");
    assert_eq!(sharded.shards, Shards::Count(4));
    for (pairs, path) in [
        (vec![("compression", "\"snappy\"")], "compression"),
        (
            vec![("shape", "\"verl\""), ("format", "\"jsonl\"")],
            "format",
        ),
        (
            vec![("shape", "\"openai\""), ("format", "\"parquet\"")],
            "format",
        ),
        (vec![("shards", "2"), ("shard_rows", "5")], "shard_rows"),
        (vec![("shards", "100000")], "shards"),
    ] {
        assert_eq!(paths(read(&pairs)), [path]);
    }
}
