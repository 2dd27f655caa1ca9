//! `kafka-shell-spout sockets`: the table of the story, in one command.

pub(super) mod find;
mod report;

use std::io::IsTerminal as _;
use std::time::Duration;

use clap::Args;

use self::find::{Found, find};
use self::report::Report;
use super::{complain, print};
use crate::exit;
use crate::sockets::{Census, Look};

/// How often `--watch` looks.
const PERIOD: Duration = Duration::from_secs(1);

/// Home, and clear from there: drawn again over itself without flicker.
const REDRAW: &str = "\x1b[H\x1b[J";

/// What is asked.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  kafka-shell-spout sockets 4711\n  kafka-shell-spout sockets wordcount-3-1700000000 --watch\n  \
    kafka-shell-spout sockets kafka.Kafka --json | jq '.processes[].states.CLOSE_WAIT'\n\n\
    Exit codes: 0 all were looked at; 1 one is not there, or not yours to look at; 64 wrong command line."
)]
pub struct SocketsOptions {
    /// Process ids, or words that are looked for in the command lines of all processes, as `pgrep -f` does: a topology's
    /// id, a class name, a program.
    #[arg(required = true, value_name = "PID|NAME")]
    who: Vec<String>,
    /// Look again every second, until Ctrl-C or until all are gone.
    #[arg(long)]
    watch: bool,
    /// One JSON document instead of tables; with --watch one line a second.
    #[arg(long)]
    json: bool,
}

/// Looks, once or again and again; gives the exit code.
///
/// # Errors
/// stdout cannot be written to.
pub fn run(options: &SocketsOptions) -> std::io::Result<u8> {
    let redraw = options.watch && !options.json && std::io::stdout().is_terminal();
    loop {
        let (report, complaints) = look(&options.who);
        let text = match (options.json, options.watch) {
            (true, true) => format!("{}\n", report.json()),
            (true, false) => format!("{:#}\n", report.json()),
            (false, _) if report.is_empty() => String::new(),
            (false, _) => report.text(),
        };
        print(&format!("{}{text}", if redraw { REDRAW } else { "" }))?;
        for complaint in &complaints {
            complain(complaint);
        }
        if !options.watch || report.is_empty() {
            return Ok(if complaints.is_empty() { exit::OK } else { exit::NO });
        }
        std::thread::sleep(PERIOD);
    }
}

fn look(who: &[String]) -> (Report, Vec<String>) {
    let (mut census, mut accounts, mut complaints) = (Census::default(), vec![], vec![]);
    let Found { pids, missing } = find(who);
    complaints.extend(missing);
    for pid in pids {
        match census.look(pid) {
            Look::At(account) => accounts.push(*account),
            Look::Gone => complaints.push(format!("there is no process {pid}")),
            Look::Denied(path) => complaints.push(format!(
                "process {pid} belongs to another user and {} may not be read; run this as that user or as root",
                path.display()
            )),
        }
    }
    (Report::new(accounts, &census), complaints)
}
