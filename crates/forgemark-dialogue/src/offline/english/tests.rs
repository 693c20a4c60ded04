use super::*;

/// The best question of a sentence, by weight.
fn best(sentence: &str) -> Option<String> {
    best_in(sentence, None, sentence)
}

fn best_in(sentence: &str, before: Option<&str>, passage: &str) -> Option<String> {
    let mut all = questions(sentence, before, passage);
    all.sort_by_key(|made| std::cmp::Reverse(made.weight));
    all.into_iter().next().map(|made| made.text)
}

#[test]
fn one_question_for_each_kind_of_sentence() {
    for (sentence, question) in [
        // Conditions and orders.
        (
            "If the gauge drops, close the valve.",
            "What should I do if the gauge drops?",
        ),
        (
            "If you hear thunder, leave your bicycle and lie down.",
            "What should I do if I hear thunder?",
        ),
        (
            "If the motor fails, the dome can be turned by hand.",
            "What happens if the motor fails?",
        ),
        (
            "To clean the chain, hold a cloth around it.",
            "How do I clean the chain?",
        ),
        ("In fog, follow the cairns.", "What should I do in fog?"),
        (
            "Put a yellow tag on the handlebar if a lamp is broken.",
            "What should I do if a lamp is broken?",
        ),
        (
            "A visit is cancelled if fog is forecast.",
            "What happens if fog is forecast?",
        ),
        (
            "The pads must be replaced when the grooves are gone.",
            "What should be done when the grooves are gone?",
        ),
        // Reasons.
        (
            "Excess oil must be wiped off because it collects sand.",
            "Why must excess oil be wiped off?",
        ),
        (
            "Spirit must not be used, since it dissolves the putty.",
            "Why must spirit not be used?",
        ),
        (
            "Never wipe the glass, because dust scratches it.",
            "Why should I not wipe the glass?",
        ),
        (
            "Folding replaces kneading, because it is gentler.",
            "Why does folding replace kneading?",
        ),
        // Numbers.
        (
            "The station lends 42 bicycles.",
            "How many bicycles does the station lend?",
        ),
        (
            "The tank holds 40 litres of rain water.",
            "How many litres of rain water does the tank hold?",
        ),
        ("A bed costs 24 euros.", "How much does a bed cost?"),
        (
            "The valley path takes three hours.",
            "How long does the valley path take?",
        ),
        (
            "The main tower is 31 metres high.",
            "How high is the main tower?",
        ),
        (
            "The yearly fee is 48 euros, plus a deposit.",
            "What is the yearly fee?",
        ),
        (
            "There are three ways to the hut.",
            "How many ways are there to the hut?",
        ),
        (
            "At most 18 people may be in the dome.",
            "How many people may be in the dome?",
        ),
        // Times.
        (
            "The chain should be oiled every 300 kilometres.",
            "How often should the chain be oiled?",
        ),
        (
            "The horn is sounded once a year.",
            "How often is the horn sounded?",
        ),
        (
            "Let the mixture rest for 40 minutes.",
            "How long should I let the mixture rest?",
        ),
        (
            "Bicycles must be returned by 19:30.",
            "By what time must bicycles be returned?",
        ),
        (
            "Finished compost is shared out in October.",
            "When is finished compost shared out?",
        ),
        (
            "Fog can fill the pass within ten minutes.",
            "How quickly can fog fill the pass?",
        ),
        (
            "Beds have to be booked at least two days ahead.",
            "How far in advance do beds have to be booked?",
        ),
        (
            "Sealant dries out after about six months.",
            "After how long does sealant dry out?",
        ),
        // Places, people, means, things.
        (
            "Brake fluid is kept in the red cabinet.",
            "Where is brake fluid kept?",
        ),
        (
            "Only members of the team may bleed brakes.",
            "Who may bleed brakes?",
        ),
        (
            "Labels are printed by the shift leader.",
            "Who are labels printed by?",
        ),
        (
            "The dome is turned by an electric motor.",
            "How is the dome turned?",
        ),
        (
            "The kit contains two levers, six patches and a tube of glue.",
            "What does the kit contain?",
        ),
        (
            "The starter is a culture of flour, water and yeast.",
            "What is the starter?",
        ),
        (
            "City bicycles have rim brakes, while tandems have disc brakes.",
            "How do city bicycles differ from tandems?",
        ),
        // Rules.
        (
            "Trees may not grow higher than three metres.",
            "May trees grow higher than three metres?",
        ),
        (
            "Nobody may look at the Sun without the filter.",
            "May I look at the Sun without the filter?",
        ),
        (
            "The address must answer within five seconds and use HTTPS.",
            "How quickly must the address answer?",
        ),
        (
            "Requests that fail with status 500 are given back within 15 minutes.",
            "How quickly are requests that fail with status 500 given back?",
        ),
    ] {
        assert_eq!(best(sentence).as_deref(), Some(question), "{sentence}");
    }
}

#[test]
fn a_pronoun_takes_the_subject_before_it() {
    let before = "The main telescope is a reflector.";
    assert_eq!(
        best_in("It was built in 1994.", Some(before), before).as_deref(),
        Some("When was the main telescope built?")
    );
    // Not when the numbers do not agree, and not without anything before.
    assert_eq!(
        best_in("They were built in 1994.", Some(before), before),
        None
    );
    assert_eq!(best("It was built in 1994."), None);
}

#[test]
fn names_keep_their_capital() {
    let passage = "Greystone Hut opens in June. We like Greystone Hut.";
    assert_eq!(
        best_in("Greystone Hut opens in June.", None, passage).as_deref(),
        Some("When does Greystone Hut open?")
    );
    assert_eq!(
        best("Membership costs 30 euros.").as_deref(),
        Some("How much does membership cost?")
    );
}

#[test]
fn what_cannot_be_asked_well_is_not_asked() {
    for sentence in [
        "Its tower is 31 metres high.",
        "In that case a talk is held in the library instead.",
        "If it does not answer, the delivery is dropped.",
        "This page describes how many requests a client may send.",
        "Polling wastes units.",
        "Batch size: 48 loaves of 900 grams.",
        "| a | b |",
        "let x = { 1 };",
        "",
        "Oui.",
        "Le refuge accueille 24 personnes.",
    ] {
        assert_eq!(best(sentence), None, "{sentence}");
    }
}

#[test]
fn every_question_reads_as_one() {
    let text = concat!(
        include_str!("../../../data/demo/bicycle-handbook.md"),
        include_str!("../../../data/demo/garden-rules.txt"),
        include_str!("../../../data/demo/hut-safety.txt"),
        include_str!("../../../data/demo/library-of-things.md"),
        include_str!("../../../data/demo/observatory-guide.md"),
        include_str!("../../../data/demo/sourdough-process.md"),
    );
    let mut sentences_asked = 0;
    let mut whole = 0;
    for span in crate::support::sentences::sentences(text) {
        let sentence = crate::offline::quote::collapse(&text[span]);
        let all = questions(&sentence, None, text);
        whole += usize::from(sentence.ends_with('.'));
        sentences_asked += usize::from(!all.is_empty());
        for made in all {
            let question = made.text;
            assert!(
                question.ends_with('?') && question.matches('?').count() == 1,
                "{question}"
            );
            assert!(question.starts_with(char::is_uppercase), "{question}");
            assert!(
                !question.contains("  ") && !question.contains(" ,"),
                "{question}"
            );
            assert!(
                !question
                    .split(' ')
                    .any(|word| word == "you" || word == "your"),
                "{question}"
            );
            assert!(forgemark_contract::dialogue::INTENTS.contains(&made.intent));
            assert!(made.weight <= 100);
        }
    }
    // The rules are worth their lines as long as most sentences give a question.
    assert!(
        sentences_asked * 10 >= whole * 6,
        "{sentences_asked} of {whole}"
    );
}

#[test]
fn any_text_is_read_without_harm() {
    for sentence in [
        "( ( ) ) )",
        "a, b, c, d, e, f",
        "If if if, if if",
        "Only only only may may",
        "Never never never not",
        "must must must must must",
        "the the the the the the",
        "It it it it",
        "— — — — —",
        "1 2 3 4 5 6 7",
        "There are three",
        "At most 18",
        "To be, or not to be",
        "Do not do not do not",
        "May may may in May",
        "For 5 minutes for 5 minutes for",
        "every every every every",
        "wait 5 minutes before it goes",
    ] {
        for made in questions(sentence, Some(sentence), sentence) {
            assert!(made.text.ends_with('?'));
        }
        let _ = topic(sentence, sentence);
    }
}
