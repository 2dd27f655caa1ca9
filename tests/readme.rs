//! Every command that the documentation tells a user to type is run, in the order of the text, as a user would run it:
//! by a shell at the top of the repository. One that takes long is run with less to do. A command that the table does
//! not know fails the test, so that none goes untried.

use std::collections::BTreeSet;
use std::time::Instant;

#[expect(dead_code, reason = "each test binary uses a part of it")]
mod support;

use support::local::{Local, compose, root, text_of};
use support::report;

/// Where commands are looked for, if the file is there.
const FILES: [&str; 3] = ["README.md", "docs/deploying.md", "CONTRIBUTING.md"];

/// What a command that begins with these words is run as; the longest beginning counts.
///
/// `{line}` is the command as it stands and `{rest}` what follows these words; `{spout}` is the program that the tests
/// have built, `{ports}` are options for ports that nobody else uses, and `{compose}` is whichever Compose is there.
const TABLE: &[(&str, How)] = &[
    ("cargo build --release", Run("cargo build --locked{rest}")),
    ("cargo run --release -- load", Run("{spout} load{rest} --out target/tmp/readme-load")),
    ("cargo run --release -- sockets", Run("{spout} sockets{rest}")),
    ("cargo test --lib", Run("cargo test --locked --lib{rest} -- --list")),
    ("docker compose", Run("{compose} config --quiet")),
    ("docker compose --profile storm", Run("{compose} --profile storm config --quiet")),
    ("docker-compose", Run("{compose} config --quiet")),
    ("docker-compose --profile storm", Run("{compose} --profile storm config --quiet")),
    ("scripts/bench", By("tests/tools/bench.rs")),
    ("scripts/demo", Run("scripts/demo{rest} --seconds 5 --spout {spout}")),
    ("scripts/demo --help", Run("{line}")),
    ("scripts/demo --records 1000000", Run("scripts/demo --records 20000{rest} --spout {spout}")),
    ("scripts/leak-demo", By("tests/tools/leak_demo.rs")),
    ("scripts/package", By("tests/package.rs")),
    ("scripts/stack", Run("{line}")),
    ("scripts/stack up", Run("{line} {ports}")),
    ("scripts/test", Run("bash -n scripts/test")), // it is what runs this very test
    ("storm jar", By("tests/cluster/main.rs")),
];

use How::{By, Run};

/// What is done about a command.
#[derive(Debug, Clone, Copy)]
enum How {
    /// This is run.
    Run(&'static str),
    /// Another test does it, in this file.
    By(&'static str),
}

/// A command of the text.
#[derive(Debug, PartialEq, Eq)]
struct Command {
    line: String,
    /// In a block, not within a sentence.
    in_block: bool,
}

/// The commands of a page: lines of its `sh` blocks, lines with a prompt in blocks that show a dialogue, and what stands
/// between backquotes and begins as a row of the table does or with one of the scripts.
fn commands(page: &str) -> Vec<Command> {
    let mut found = Vec::new();
    let mut block: Option<&str> = None;
    let mut begun = String::new();
    for line in page.lines() {
        if let Some(language) = line.trim_start().strip_prefix("```") {
            block = if block.is_some() { None } else { Some(language.trim()) };
            continue;
        }
        let Some(language) = block else {
            let spans = line.split('`').skip(1).step_by(2).filter(|span| is_command(span));
            found.extend(spans.map(|span| Command { line: span.to_owned(), in_block: false }));
            continue;
        };
        let typed = line.trim_start().strip_prefix("$ ").or_else(|| (language == "sh").then_some(line));
        let Some(typed) = typed else { continue };
        let typed = typed.find(" #").map_or(typed, |comment| &typed[..comment]).trim();
        if let Some(more) = typed.strip_suffix('\\') {
            begun.push_str(more);
            continue;
        }
        let line = std::mem::take(&mut begun) + typed;
        if !line.is_empty() && !line.starts_with('#') {
            found.push(Command { line, in_block: true });
        }
    }
    found
}

fn is_command(span: &str) -> bool {
    let word = span.split(' ').next().unwrap_or_default();
    let is_script = word.matches('/').count() == 1 && word.starts_with("scripts/") && root().join(word).is_file();
    is_script || row(span).is_some()
}

/// The row of a command, and what follows the row's words.
fn row(line: &str) -> Option<(&'static str, How, &str)> {
    // What is set for this command alone does not change which one it is.
    let is_setting = |word: &str| word.split_once('=').is_some_and(|(name, _)| !name.contains(['/', '-']));
    let mut rest = line;
    while let Some((word, more)) = rest.split_once(' ') {
        if !is_setting(word) {
            break;
        }
        rest = more;
    }
    let fits = |(words, how): &(&'static str, How)| {
        let after = rest.strip_prefix(words)?;
        (after.is_empty() || after.starts_with(' ')).then_some((*words, *how, after))
    };
    TABLE.iter().filter_map(fits).max_by_key(|(words, ..)| words.len())
}

/// What is run instead of a command.
fn substituted(template: &str, line: &str, rest: &str, local: &Local) -> String {
    let ports = format!("{} --until-end-of {}", local.port_options(), std::process::id());
    let command = template.replace("{line}", line).replace("{rest}", rest).replace("{ports}", &ports);
    let command = command.replace("{compose}", compose());
    let command = command.replace("{spout}", env!("CARGO_BIN_EXE_kafka-shell-spout"));
    // Where the page names the servers by their usual ports.
    let command = ["127.0.0.1", "localhost"].iter().fold(command, |command, host| {
        let command = command.replace(&format!("{host}:9092"), &format!("127.0.0.1:{}", local.kafka));
        command.replace(&format!("{host}:2181"), &format!("127.0.0.1:{}", local.zookeeper))
    });
    command.trim().to_owned()
}

#[test]
fn every_command_of_the_documentation_works() {
    let local = Local::new();
    let mut done: BTreeSet<String> = BTreeSet::new();
    let mut rows: BTreeSet<&str> = BTreeSet::new();
    let files = FILES.into_iter().filter(|file| root().join(file).is_file());
    let pages: Vec<_> = files.map(|file| (file, commands(&text_of(file)))).collect();
    // All of them before the first takes its time.
    for (file, line) in pages.iter().flat_map(|(file, all)| all.iter().map(move |command| (file, &command.line))) {
        let is_known = row(line).is_some();
        assert!(
            is_known,
            "{file} has the command `{line}`, which nothing tries: give it a row in the table of {}",
            file!()
        );
    }
    for (file, mut all) in pages {
        // Within sentences they are named again, in any order.
        all.sort_by_key(|command| !command.in_block);
        for Command { line, in_block } in all {
            let (words, how, rest) = row(&line).expect("known");
            if !in_block && rows.contains(words) || !line.starts_with("scripts/stack") && !done.insert(line.clone()) {
                continue;
            }
            rows.insert(words);
            report(&match how {
                By(test) => {
                    assert!(root().join(test).is_file(), "{file}: `{line}` is tried by {test}, which is not there");
                    format!("{file}: `{line}` is tried by {test}")
                }
                Run(template) => {
                    let command = substituted(template, &line, rest, &local);
                    let begun = Instant::now();
                    let ran = local.run(&command);
                    assert_eq!(ran.code, Some(0), "{file}: `{line}`, run as `{command}`:\n{}\n{}", ran.out, ran.err);
                    format!("{file}: `{line}` run as `{command}`, {:.1} s", begun.elapsed().as_secs_f64())
                }
            });
        }
    }
    assert!(rows.contains("scripts/demo") && rows.contains("scripts/test"), "the two commands of README.md: {rows:?}");
}

#[test]
fn each_script_has_a_row() {
    for script in root().join("scripts").read_dir().expect("scripts/").flatten().filter(|file| file.path().is_file()) {
        let name = format!("scripts/{}", script.file_name().to_string_lossy());
        assert!(row(&name).is_some(), "{name} has no row in the table of {}", file!());
    }
}

#[test]
fn commands_are_found_where_a_reader_sees_them() {
    let page = "Type `scripts/demo --help`, see `docs/x.md`, `scripts/lib/tools.sh` or `next`.\n\
        ```sh\nscripts/demo     # some words\n# a line of words\n\nstorm jar a.jar \\\n  b.C\n```\n\
        ```\n$ A=1 scripts/test --lib\nall is well\n```\n```java\nint i;\n```\n";
    let found: Vec<_> = commands(page).into_iter().map(|command| (command.line, command.in_block)).collect();
    let expected = [
        ("scripts/demo --help", false),
        ("scripts/demo", true),
        ("storm jar a.jar b.C", true),
        ("A=1 scripts/test --lib", true),
    ];
    assert_eq!(found, expected.map(|(line, in_block)| (line.to_owned(), in_block)));
    assert!(matches!(row("A=1 scripts/test --lib"), Some(("scripts/test", Run(_), " --lib"))));
    assert!(matches!(row("scripts/demo --help"), Some(("scripts/demo --help", Run("{line}"), ""))));
    assert!(row("scripts/demonstrate").is_none() && row("rm -rf /").is_none());
    let local = Local::new();
    let lag = substituted("{line}", "look --at localhost:9092", "", &local);
    assert_eq!(lag, format!("look --at 127.0.0.1:{}", local.kafka));
}
