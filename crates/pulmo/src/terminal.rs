//! The only place that prints: data to stdout, everything else to stderr.
//!
//! Colour and progress appear on a terminal only, colour not with `NO_COLOR`. A reader that closes the pipe
//! (`pulmo … | head`) ends the output, not the work.

use std::error::Error;
use std::io::{self, IsTerminal, Write};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use pulmo::ct::unfinished;

/// Work that is over sooner shows no progress line.
const QUICK: Duration = Duration::from_secs(2);

const BOLD: &str = "1";
const RED: &str = "1;31";
const YELLOW: &str = "1;33";
const CYAN: &str = "36";

/// Where a subcommand speaks.
#[derive(Debug)]
pub(crate) struct Terminal {
    quiet: bool,
    colour: bool,
}

impl Terminal {
    /// Looks at stderr and at `NO_COLOR`; `quiet` leaves only data, warnings and errors.
    pub(crate) fn new(quiet: bool) -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        Self { quiet, colour: io::stderr().is_terminal() && !refused && !dumb }
    }

    /// Prints a result, and a line break if it has none, to stdout.
    ///
    /// # Errors
    /// Whatever stdout says, but not a closed pipe: its reader has seen enough.
    pub(crate) fn data(&self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        let end = if text.ends_with('\n') { "" } else { "\n" };
        match write!(out, "{text}{end}").and_then(|()| out.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            result => result,
        }
    }

    /// Says on stderr what is going on.
    pub(crate) fn say(&self, text: &str) {
        if !self.quiet {
            to_stderr(&format!("{text}\n"));
        }
    }

    /// Says on stderr what the user should know although the work goes on.
    pub(crate) fn warn(&self, text: &str) {
        to_stderr(&format!("{} {text}\n", self.paint(YELLOW, "warning:")));
    }

    /// Prints an error, its causes and the hint of the innermost error that has one.
    pub(crate) fn error(&self, error: &anyhow::Error) {
        to_stderr(&self.error_text(error));
    }

    /// Prints what became of one case among many.
    pub(crate) fn case_failed(&self, case: &str, reason: &str, hint: Option<&str>) {
        let mut text = format!("{} {case}: {reason}\n", self.paint(RED, "failed:"));
        if let Some(hint) = hint {
            text += &format!("  {} {hint}\n", self.paint(CYAN, "hint:"));
        }
        to_stderr(&text);
    }

    fn error_text(&self, error: &anyhow::Error) -> String {
        let mut chain = error.chain();
        let first = chain.next().map(ToString::to_string).unwrap_or_default();
        let mut text = format!("{} {}\n", self.paint(RED, "error:"), self.paint(BOLD, &first));
        for cause in chain {
            text += &format!("  {} {cause}\n", self.paint(BOLD, "caused by:"));
        }
        if let Some(hint) = hint(error) {
            text += &format!("  {} {hint}\n", self.paint(CYAN, "hint:"));
        }
        text
    }

    fn paint(&self, style: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{style}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// A progress line for `steps` steps of work, shown on a terminal from the third second on.
    pub(crate) fn progress(&self, what: &str, steps: u64) -> Progress {
        let bar = ProgressBar::with_draw_target(Some(steps), ProgressDrawTarget::hidden());
        let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len}, {eta} left");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_message(what.to_owned());
        Progress { bar, started: Instant::now(), wanted: !self.quiet && io::stderr().is_terminal() }
    }
}

/// A progress line; it vanishes when dropped.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    started: Instant,
    wanted: bool,
}

impl Progress {
    /// `done` steps are finished.
    pub(crate) fn at(&self, done: u64) {
        if self.wanted && self.bar.is_hidden() && self.started.elapsed() > QUICK {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.set_position(done);
    }

    /// `done` of `all` steps are finished, where their number was not known from the start.
    pub(crate) fn of(&self, done: u64, all: u64) {
        self.bar.set_length(all);
        self.at(done);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// An error of the command line itself that knows what to do next.
#[derive(Debug)]
pub(crate) struct Advice {
    message: String,
    hint: String,
}

/// An error with a hint.
pub(crate) fn advice(message: impl Into<String>, hint: impl Into<String>) -> anyhow::Error {
    Advice { message: message.into(), hint: hint.into() }.into()
}

impl std::fmt::Display for Advice {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl Error for Advice {}

/// The hint of the innermost error in the chain that has one.
pub(crate) fn hint(error: &anyhow::Error) -> Option<&str> {
    error.chain().filter_map(hint_of).last()
}

/// Knows the errors of every crate; a new error enum gets its line here.
fn hint_of<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a str> {
    if let Some(advice) = error.downcast_ref::<Advice>() {
        return Some(&advice.hint);
    }
    if let Some(error) = error.downcast_ref::<pulmo::engine::Error>() {
        return error.hint();
    }
    if let Some(error) = error.downcast_ref::<pulmo::net::Error>() {
        return error.hint();
    }
    error.downcast_ref::<pulmo::ct::Error>()?.hint()
}

fn to_stderr(text: &str) {
    // If even stderr is closed there is nobody left to tell.
    let _ = io::stderr().write_all(text.as_bytes());
}

static CAUGHT: AtomicBool = AtomicBool::new(false);
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// From now on Ctrl-C takes back what is not finished and ends the process with exit code 130.
pub(crate) fn clean_up_on_interrupt() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let caught = ctrlc::set_handler(|| {
            if CAUGHT.load(Ordering::SeqCst) && !INTERRUPTED.swap(true, Ordering::SeqCst) {
                return;
            }
            let _held = unfinished::remove_all();
            std::process::exit(130);
        });
        if caught.is_err() {
            to_stderr("warning: Ctrl-C cannot be caught here; it will end the program at once\n");
        }
    });
}

/// From now on Ctrl-C only sets [`interrupted`], so that the work can end cleanly; a second one ends the process.
pub(crate) fn catch_interrupt() {
    CAUGHT.store(true, Ordering::SeqCst);
}

/// Whether Ctrl-C was pressed since [`catch_interrupt`]; long loops ask after each step.
pub(crate) fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::SeqCst)
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn an_error_shows_its_causes_and_the_innermost_hint() {
        let inner = pulmo::ct::Error::invalid(std::path::Path::new("a.nii"), "bad header", "export it again");
        let error = Err::<(), _>(inner)
            .context("cannot read the reference")
            .context(Advice { message: "case `a` failed".into(), hint: "outer".into() })
            .unwrap_err();
        let terminal = Terminal { quiet: false, colour: false };
        let expected = "error: case `a` failed\n  caused by: cannot read the reference\n  \
                        caused by: `a.nii` is not usable: bad header\n  hint: export it again\n";
        assert_eq!(terminal.error_text(&error), expected);
        assert!(Terminal { quiet: false, colour: true }.error_text(&error).starts_with("\x1b[1;31merror:\x1b[0m"));
    }

    #[test]
    fn nothing_has_interrupted_us() {
        assert!(!interrupted());
    }
}
