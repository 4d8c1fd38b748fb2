//! The command line from outside: exit codes, files, streams.

mod check;
mod cohort;
mod compare;
mod convert;
mod data;
mod deidentify;
mod evaluate;
mod evaluate_mosmed;
mod evaluate_protocol;
mod evaluate_schema;
mod inspect;
#[cfg(unix)]
mod interrupt;
mod limits;
mod lungs;
mod memory;
mod output;
mod probabilities;
mod report;
mod series;

use std::process::{Command, Output};

/// Runs the binary with `args`.
fn pulmo(args: &[&std::ffi::OsStr]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pulmo")).args(args).output().expect("the binary of this package is built")
}

#[test]
fn help_succeeds_and_wrong_usage_is_exit_code_2() {
    let help = pulmo(&["--help".as_ref()]);
    assert_eq!(help.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&help.stdout).contains("Not a medical device"));
    assert_eq!(pulmo(&["no-such-command".as_ref()]).status.code(), Some(2));
    assert_eq!(pulmo(&[]).status.code(), Some(2));
}
