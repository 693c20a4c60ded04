//! The extraction child alone, for the tests of this crate.

use std::process::ExitCode;

fn main() -> ExitCode {
    forgemark_corpus::pdf_child_main(std::env::args_os().skip(1))
}
