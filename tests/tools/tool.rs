//! The program, run as an operator runs it.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// What came of a command.
#[derive(Debug)]
pub struct Ran {
    /// Exit code.
    pub code: Option<i32>,
    /// stdout.
    pub out: String,
    /// stderr.
    pub err: String,
    /// How long it took.
    pub took: Duration,
}

impl Ran {
    /// stdout as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Runs a command to its end.
pub fn run(command: &mut Command) -> Ran {
    let begun = Instant::now();
    let output = command.stdin(Stdio::null()).output().expect("the program starts");
    let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("UTF-8"));
    Ran { code: output.status.code(), out, err, took: begun.elapsed() }
}

/// The program with these arguments.
pub fn tool(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kafka-shell-spout"));
    command.args(arguments);
    command
}

/// `load`, with its results in a directory of its own.
pub struct Load {
    dir: TempDir,
}

impl Load {
    /// A new directory.
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a directory") }
    }

    /// The command, for more arguments.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = tool(&["load", "--out"]);
        command.arg(self.dir.path().join("result")).args(arguments);
        command
    }

    /// Runs it.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        run(&mut self.command(arguments))
    }

    /// One of the result files.
    pub fn file(&self, kind: &str) -> PathBuf {
        self.dir.path().join(format!("result.{kind}"))
    }

    /// The lines of the CSV, split; the first is the head.
    pub fn csv(&self) -> Vec<Vec<String>> {
        let text = std::fs::read_to_string(self.file("csv")).expect("the CSV");
        text.lines().map(|line| line.split(',').map(|cell| cell.trim_matches('"').to_owned()).collect()).collect()
    }
}
