//! The command line: parse, dispatch, exit code. Read `cli/mod.rs` next.

mod cli;
mod terminal;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(usage) => {
            // Help and version go to stdout and are no failure; a reader that closed the pipe is none either.
            let _ = usage.print();
            return if usage.use_stderr() { cli::nothing_done() } else { ExitCode::SUCCESS };
        }
    };
    let terminal = terminal::Terminal::new(cli.quiet);
    terminal::clean_up_on_interrupt();
    let outcome = cli.command.run(&terminal);
    pulmo::ct::unfinished::wait_where_ending();
    outcome.unwrap_or_else(|error| {
        terminal.error(&error);
        cli::nothing_done()
    })
}
