use forgemark_model::settings::RoleSettings;

use super::super::config::Role;
use super::*;

fn model(name: &str, display: &str, aliases: &[&str]) -> Model {
    let slug = forgemark_contract::arena::slug(name);
    Model {
        name: name.to_owned(),
        slug: slug.clone(),
        display_name: display.to_owned(),
        aliases: aliases.iter().map(|alias| (*alias).to_owned()).collect(),
        roles: Role::ALL.to_vec(),
        call: RoleSettings {
            role: slug,
            path: "models[0]".to_owned(),
            model: name.to_owned(),
            ..RoleSettings::default()
        },
        reasoning: None,
        skill: None,
    }
}

fn registry() -> Vec<Model> {
    vec![
        model("openai/gpt-4", "GPT-4", &[]),
        model("openai/gpt-4o", "GPT-4o", &["omni"]),
        model("x/pi", "Pi", &[]),
    ]
}

#[test]
fn every_name_of_the_registry_goes_longest_first() {
    let redactor = of_claim(
        &registry(),
        "openai-gpt-4",
        "openai-gpt-4o",
        Protocol::Forgemark1,
    );
    let (text, log) =
        redactor.apply("I am GPT-4o (openai/gpt-4o, Omni), not gpt-4 nor Pi; gpt-4omni stays.");
    assert_eq!(
        text,
        "I am Bob (Bob, Bob), not Alice nor another model; gpt-4omni stays."
    );
    assert_eq!(log[0].at, 5..11);
    let log: Vec<(&str, &str)> = log
        .iter()
        .map(|r| (r.was.as_str(), r.by.as_str()))
        .collect();
    assert_eq!(
        log,
        [
            ("GPT-4o", "Bob"),
            ("openai/gpt-4o", "Bob"),
            ("Omni", "Bob"),
            ("gpt-4", "Alice"),
            ("Pi", "another model"),
        ]
    );
}

#[test]
fn mathematics_is_left_alone_and_money_is_no_mathematics() {
    let redactor = of_claim(&registry(), "x-pi", "openai-gpt-4", Protocol::Forgemark1);
    assert_eq!(
        redactor.apply("Pi says $2 pi r$ and $$pi$$").0,
        "Alice says $2 pi r$ and $$pi$$"
    );
    assert_eq!(
        redactor.apply("It costs $5.\n\nPi pays $3.").0,
        "It costs $5.\n\nAlice pays $3."
    );
    assert_eq!(
        redactor.apply(r"\$5 for Pi and \$3").0,
        r"\$5 for Alice and \$3"
    );
}

#[test]
fn the_original_redacts_the_participants_only_and_everywhere() {
    let redactor = of_claim(&registry(), "x-pi", "openai-gpt-4", Protocol::Crb1);
    assert_eq!(
        redactor.apply("GPT-4o, GPT-4 and $pi$").0,
        "GPT-4o, Bob and $Alice$"
    );
}

#[test]
fn nothing_to_find_changes_nothing() {
    let redactor = of_claim(&[], "a", "b", Protocol::Forgemark1);
    let (text, log) = redactor.apply("ẞ İ GPT-4 $");
    assert_eq!((text.as_str(), log.len()), ("ẞ İ GPT-4 $", 0));
}
