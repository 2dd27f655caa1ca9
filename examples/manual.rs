//! Writes the man pages and the shell completions into a directory; `scripts/package` calls it.

#[path = "../src/cli.rs"]
mod cli;

use std::path::PathBuf;
use std::{fs, io};

use clap::{CommandFactory as _, Parser};
use clap_complete::Shell;

/// Write the man pages and the shell completions.
#[derive(Parser)]
struct Arguments {
    /// Where to; it is made if it is not there.
    dir: PathBuf,
    /// Date of the man pages.
    #[arg(long, value_name = "YYYY-MM-DD")]
    date: String,
}

fn main() -> io::Result<()> {
    let Arguments { dir, date } = Arguments::parse();
    fs::create_dir_all(&dir)?;
    let program = cli::Cli::command();
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        clap_complete::generate_to(shell, &mut program.clone(), "kafka-shell-spout", &dir)?;
    }
    // The long version names libraries, and would be the name of the page's source.
    let mut program = program.long_version(None::<&str>).disable_help_subcommand(true);
    program.build();
    pages(&program, &dir, &date)
}

/// One page for the command and one for each of those below it.
fn pages(command: &clap::Command, dir: &std::path::Path, date: &str) -> io::Result<()> {
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        pages(below, dir, date)?;
    }
    // `kafka-shell-spout spout` has the page kafka-shell-spout-spout(1).
    let name = command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned();
    let man = clap_mangen::Man::new(command.clone().name(name.clone())).date(date).manual("User Commands");
    let mut page = Vec::new();
    man.render(&mut page)?;
    fs::write(dir.join(format!("{name}.1")), page)
}
