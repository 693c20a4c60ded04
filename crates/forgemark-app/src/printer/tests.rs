use super::*;
use forgemark_contract::json::Json;

/// A writer whose bytes a test can read.
#[derive(Clone, Default)]
pub(crate) struct Capture(Arc<Mutex<Vec<u8>>>);

impl Capture {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(lock(&self.0).clone()).unwrap()
    }
}

impl Write for Capture {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        lock(&self.0).write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A printer with captured stdout and stderr.
pub(crate) fn captured(verbosity: Verbosity) -> (Printer, Capture, Capture) {
    let (out, err) = (Capture::default(), Capture::default());
    (
        Printer::to_writers(Box::new(out.clone()), Box::new(err.clone()), verbosity),
        out,
        err,
    )
}

struct Failing(io::ErrorKind);

impl Write for Failing {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }
    fn flush(&mut self) -> io::Result<()> {
        Err(self.0.into())
    }
}

fn say_everything(verbosity: Verbosity) -> (String, String) {
    let (printer, out, err) = captured(verbosity);
    printer.result("result").unwrap();
    printer.note("note");
    printer.detail("detail");
    printer.warn("careful");
    printer.error_raw("error: bad");
    (out.text(), err.text())
}

#[test]
fn stdout_holds_only_results_at_every_level() {
    for (counts, expected) in [
        ((2, 0), "error: bad\n"),
        ((1, 0), "warning: careful\nerror: bad\n"),
        ((0, 0), "note\nwarning: careful\nerror: bad\n"),
        ((0, 1), "note\ndetail\nwarning: careful\nerror: bad\n"),
        ((1, 1), "note\nwarning: careful\nerror: bad\n"),
    ] {
        let (out, err) = say_everything(Verbosity::from_counts(counts.0, counts.1));
        assert_eq!(out, "result\n");
        assert_eq!(err, expected);
    }
}

#[test]
fn styles_are_stripped_where_there_is_no_colour() {
    let (printer, out, err) = captured(Verbosity::Normal);
    printer.result(paint(RED, "red")).unwrap();
    printer.note(paint(BOLD, "bold"));
    assert_eq!(
        (out.text().as_str(), err.text().as_str()),
        ("red\n", "bold\n")
    );
}

#[test]
fn json_escapes_what_a_terminal_would_obey() {
    let (printer, out, _) = captured(Verbosity::Normal);
    printer
        .json_line(&Json::from("a\u{1b}[31m\u{9b}b"))
        .unwrap();
    assert_eq!(out.text(), "\"a\\u001b[31m\\u009bb\"\n");
}

#[test]
fn a_closed_pipe_and_a_full_disk_are_told_apart() {
    let printer = |kind| {
        Printer::to_writers(
            Box::new(Failing(kind)),
            Box::new(io::sink()),
            Verbosity::Normal,
        )
    };
    assert!(matches!(
        printer(io::ErrorKind::BrokenPipe).result("x"),
        Err(OutputError::Closed)
    ));
    assert!(matches!(
        printer(io::ErrorKind::StorageFull).result("x"),
        Err(OutputError::Failed(_))
    ));
}

#[test]
fn secrets_never_reach_stderr() {
    let (printer, _, err) = captured(Verbosity::Normal);
    printer.hide("hunter2-secret");
    printer.error_raw("error: 401 for hunter2-secret");
    assert_eq!(err.text(), "error: 401 for ***\n");
}

#[test]
fn a_drawing_steps_aside_for_every_line() {
    #[derive(Default)]
    struct Counting(Mutex<u32>);
    impl StepAside for Counting {
        fn step_aside(&self, print: &mut dyn FnMut()) {
            *lock(&self.0) += 1;
            print();
        }
    }
    let (printer, ..) = captured(Verbosity::Normal);
    let drawing = Arc::new(Counting::default());
    printer.lend(Arc::clone(&drawing) as Arc<dyn StepAside>);
    printer.note("one");
    printer.result("two").unwrap();
    printer.release();
    printer.note("three");
    assert_eq!(*lock(&drawing.0), 2);
}
