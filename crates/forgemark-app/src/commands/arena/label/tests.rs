//! Keys, and what the screen shows after them; the terminal is one in memory.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use forgemark_arena::label::{Book, QueuePolicy, Session, Sight, queue};
use forgemark_arena::{Adjudicator, Corpus, Docket, Graph, Policy};
use forgemark_journal::Storage;
use forgemark_testkit::{MemDisk, arena};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::front::{Flow, Front};
use super::screen;

const DIR: &str = "/arena";

fn disk() -> MemDisk {
    let disk = MemDisk::new();
    for (path, text) in arena::contested() {
        let path = Path::new(DIR).join(path);
        disk.create_dir_all(path.parent().unwrap()).unwrap();
        forgemark_journal::write_atomic(&disk, &path, text.as_bytes()).unwrap();
    }
    disk
}

/// Runs with a labeller over contested claims.
fn at_work<T>(disk: &MemDisk, f: impl FnOnce(&mut Front<'_>) -> T) -> T {
    let dir = Path::new(DIR);
    let corpus = Corpus::load(disk, dir, false).unwrap();
    let graph = Graph::new(&corpus, &HashSet::new());
    let docket = Docket::new(&corpus, &graph);
    let policy = Policy::preset("panel-then-human").unwrap();
    let adjudicator = Adjudicator::new(&docket, &policy);
    let tasks = queue(&corpus, &adjudicator, "ann", QueuePolicy::Contested);
    let book = Book::open(Arc::new(disk.clone()), dir, "ann", "test").unwrap();
    let place = (disk as &dyn Storage, dir);
    let session = Session::new(
        &corpus,
        &adjudicator,
        place,
        "ann",
        book,
        tasks,
        Sight::Blind,
    );
    f(&mut Front::new(session, "ann", "contested"))
}

/// Presses keys: characters as they are, `\n` for Enter, `\t` for Tab, `\u{8}` for Backspace, `\u{1b}` for Esc.
fn press(front: &mut Front<'_>, keys: &str) -> Flow {
    let mut flow = Flow::On;
    for key in keys.chars() {
        let code = match key {
            '\n' => KeyCode::Enter,
            '\t' => KeyCode::Tab,
            '\u{8}' => KeyCode::Backspace,
            '\u{1b}' => KeyCode::Esc,
            c => KeyCode::Char(c),
        };
        flow = front.key(KeyEvent::new(code, KeyModifiers::NONE));
    }
    flow
}

/// The screen as lines.
fn shown(front: &mut Front<'_>, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| screen::draw(frame, front)).unwrap();
    let lines = terminal.backend().to_string();
    let lines = lines.lines().map(|line| line.trim_matches('"').trim_end());
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_claim_is_shown_without_names() {
    at_work(&disk(), |front| {
        insta::assert_snapshot!(shown(front, 110, 28), @"
         ann | contested | claim 1/2 | 0 labelled | open
        ┌Question and answer──────────────────────────────────┐┌Claim and debate─────────────────────────────────────┐
        │Question: Number theory                              ││Claim 06d8eced7a: the answer is faulty               │
        │How many primes are even?                            ││The answer is incorrect.                             │
        │                                                     ││                                                     │
        │Answer                                               ││As [claimant] knows, 2 is prime and even.            │
        │None, because a prime is odd. I am [defender].       ││                                                     │
        │                                                     ││Round 1, defender                                    │
        │                                                     ││Two is not odd.                                      │
        │                                                     ││                                                     │
        │                                                     ││Round 1, claimant                                    │
        │                                                     ││That is the point.                                   │
        │                                                     ││                                                     │
        │                                                     ││                                                     │
        │                                                     ││                                                     │
        └─────────────────────────────────────────────────────┘└─────────────────────────────────────────────────────┘
        ┌Your label──────────────────────────────────────────────────────────────────────────────────────────────────┐
        │ 1 claimant_wins           the claim holds                                                                  │
        │ 2 defender_wins_incorrect the claim does not hold                                                          │
        │ 3 defender_wins_minor     it holds, but the fault is one of style                                          │
        │ 4 wrong_problem           something is wrong, but not what is claimed                                      │
        │ 5 mixed                   part of the claim holds, part of it does not                                     │
        │ 6 unknown                 I cannot tell                                                                    │
        │ 7 other                   none of these: say what in the comment                                           │
        │ confidence 3   comment:                                                                                    │
        │                                                                                                            │
        └────────────────────────────────────────────────────────────────────────────────────────────────────────────┘
        1-7 verdict  + - sure  c comment  Enter save  x on  u undo  Tab  ? help  q leave
        ");
    });
}

#[test]
fn a_saved_claim_shows_everything() {
    at_work(&disk(), |front| {
        press(front, "1+ctwo is prime\n\n");
        insta::assert_snapshot!(shown(front, 80, 34), @"
         ann | contested | claim 1/2 | 1 labelled | labelled
        ┌Claim and debate──────────────────────────────────────────────────────────────┐
        │Your label: claimant_wins, confidence 4                                       │
        │two is prime                                                                  │
        │                                                                              │
        │Names: 1/openai-gpt-4o/meta-llama-4/openai-gpt-4o/evaluator/1                 │
        │claimant: openai-gpt-4o                                                       │
        │defender: meta-llama-4                                                        │
        │decided so far: unresolved                                                    │
        │                                                                              │
        │Judge deepseek-v3: claimant_wins (5)                                          │
        │Because of 2.                                                                 │
        │                                                                              │
        │Judge microsoft-phi-4: wrong_problem (5)                                      │
        │Because of 2.                                                                 │
        │                                                                              │
        │Claim 06d8eced7a: the answer is faulty                                        │
        │The answer is incorrect.                                                      │
        │                                                                              │
        │As GPT 4o knows, 2 is prime and even.                                         │
        │                                                                              │
        └ 5 more ──────────────────────────────────────────────────────────────────────┘
        ┌Your label────────────────────────────────────────────────────────────────────┐
        │*1 claimant_wins           the claim holds                                    │
        │ 2 defender_wins_incorrect the claim does not hold                            │
        │ 3 defender_wins_minor     it holds, but the fault is one of style            │
        │ 4 wrong_problem           something is wrong, but not what is claimed        │
        │ 5 mixed                   part of the claim holds, part of it does not       │
        │ 6 unknown                 I cannot tell                                      │
        │ 7 other                   none of these: say what in the comment             │
        │ confidence 4   comment: two is prime                                         │
        │ saved: Enter goes on to the next open claim, u takes it back                 │
        └──────────────────────────────────────────────────────────────────────────────┘
        1-7 verdict  + - sure  c comment  Enter save  x on  u undo  Tab  ? help  q leave
        ");
    });
}

#[test]
fn keys_do_what_the_help_says() {
    let disk = disk();
    at_work(&disk, |front| {
        // Without a verdict nothing is saved.
        press(front, "\n");
        assert_eq!(
            (&*front.news, front.session.labelled()),
            ("no verdict is chosen", 0)
        );
        press(front, "5--cab\u{8}c\ncxyz\u{1b}");
        let draft = front.session.draft();
        assert_eq!(draft.verdict.as_deref(), Some("mixed"));
        assert_eq!((draft.confidence, &*draft.comment), (1, "ac"));
        // Less than 1 and a verdict that is not there change nothing.
        press(front, "-9");
        assert_eq!(front.session.draft(), draft);
        assert_eq!(press(front, "q"), Flow::On, "it is not saved");
        assert_eq!(press(front, "n"), Flow::On);
        assert_eq!(front.session.position(), 1);
        press(front, "g1\n");
        assert_eq!(front.session.position(), 0);
        press(front, "g7\n");
        assert_eq!(
            (front.session.position(), &*front.news),
            (0, "there is no claim 7: they are 1 to 2")
        );
        press(front, "s");
        assert!(front.news.starts_with("saved"));
        // Enter on a saved claim goes on.
        press(front, "\n");
        assert_eq!((front.session.position(), front.session.labelled()), (1, 1));
        press(front, "u");
        assert_eq!((front.session.position(), front.session.labelled()), (0, 0));
        assert_eq!(front.session.draft(), draft);
        press(front, "sx3s\n");
        assert_eq!(front.news, "every other claim of the queue is labelled");
        assert_eq!(press(front, "?q"), Flow::On, "the help takes one key");
        assert_eq!(press(front, "q"), Flow::Leave);
        let held = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        assert_eq!(front.key(held), Flow::Leave);
    });
    at_work(&disk, |front| assert_eq!(front.session.labelled(), 2));
}

#[test]
fn no_size_of_the_screen_and_no_key_breaks_it() {
    at_work(&disk(), |front| {
        for keys in [
            "", "\t", "jjjj   ", "kk", "?", "?", "c", "\u{1b}", "g", "\u{1b}", "1\n",
        ] {
            press(front, keys);
            for (width, height) in [(1, 1), (2, 9), (20, 5), (99, 24), (100, 24), (300, 100)] {
                shown(front, width, height);
            }
        }
        assert_eq!(front.session.labelled(), 1);
    });
}
