//! Argument dispatch and exit codes.

mod cli;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};
use kafka_shell_spout::tools::{self, complain};
use kafka_shell_spout::{exit, spout};

use self::cli::{Cli, Tool};

/// For librdkafka above all, which calls the same `malloc`. Its broker thread allocates each record, the spout thread frees
/// it: in glibc's allocator the two wait for each other's lock, and a record costs twice the time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors; the reader of a closed pipe is not told.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { exit::USAGE } else { exit::OK });
        }
    };
    let config = match cli.command {
        Some(Tool::Spout { config }) => config,
        Some(Tool::Sockets(options)) => return tool(tools::sockets::run(&options)),
        Some(Tool::Load(options)) => return tool(tools::load::run(&options)),
        None if std::io::stdin().is_terminal() => {
            let _ = Cli::command().print_long_help();
            return ExitCode::from(exit::OK);
        }
        None => None,
    };
    match spout::run(config.as_deref()) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            spout::say_last(&format!("{error:#}"));
            ExitCode::from(exit::SYSTEM)
        }
    }
}

fn tool<E: std::fmt::Display>(result: Result<u8, E>) -> ExitCode {
    ExitCode::from(result.unwrap_or_else(|error| {
        complain(&format!("{error:#}"));
        exit::SYSTEM
    }))
}
