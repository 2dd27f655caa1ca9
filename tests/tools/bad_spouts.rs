//! `load` with what is no spout, or a bad one: a clear message, no hang, and no process left behind.

use std::time::Duration;

use crate::support::wait_for;
use crate::tool::{Load, Ran};

/// A multilang spout in six lines of shell. It wants the tasks of each tuple, as is the default.
const SHELL: &str = r#"
while read -r line && [ "$line" != end ]; do :; done
printf '{"pid":%s}\nend\n' $$
while read -r line; do
    read -r end
    case $line in
    *'"next"'*) printf '{"command":"emit","tuple":["x"],"id":7}\nend\n'; read -r tasks; read -r end ;;
    esac
    printf '{"command":"sync"}\nend\n'
done"#;

fn load(script: &str) -> Ran {
    Load::new().run(&[
        "--embedded",
        "--produce",
        "0",
        "--seconds",
        "3",
        "--patience",
        "2",
        "--spouts",
        "2",
        "--",
        "sh",
        "-c",
        script,
    ])
}

fn fails_with(script: &str, words: &[&str]) -> Ran {
    let ran = load(script);
    assert_eq!(ran.code, Some(69), "{ran:?}");
    for word in words {
        assert!(ran.err.contains(word), "no {word:?} in {ran:?}");
    }
    // Two patiences and some more, three times.
    assert!(ran.took < Duration::from_secs(30), "{:?}", ran.took);
    ran
}

#[test]
fn a_spout_in_any_language_is_driven_and_told_the_tasks_it_asks_for() {
    let ran = load(SHELL);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let tuples = ran.out.lines().find_map(|line| line.trim().strip_prefix("tuples  ")).expect("a row");
    assert!(tuples.trim().parse::<u64>().expect("a number") > 10, "{ran:?}");
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let ran = Load::new().run(&["--embedded", "--", "/no/such/program"]);
    assert_eq!(ran.code, Some(69), "{ran:?}");
    assert!(ran.err.contains("/no/such/program cannot be started"), "{ran:?}");
}

#[test]
fn what_is_no_spout_is_told_by_its_answer_to_the_handshake() {
    fails_with("exec cat", &["is no multilang spout", "kafka.spout.bootstrap.servers"]);
    fails_with("exec true", &["the handshake", "ended (exit status: 0)"]);
    fails_with("exec yes", &["without a line `end`"]);
}

#[test]
fn a_child_that_never_answers_is_given_up_and_all_that_it_started_is_killed() {
    // A time that nobody else sleeps for.
    let time = format!("4713.{}", std::process::id());
    fails_with(&format!("sleep {time} & sleep {time}"), &["gave no answer for 2 s"]);
    wait_for("nothing to be left", || {
        let all = procfs::process::all_processes().expect("/proc").flatten();
        let sleeping = |words: Vec<String>| words == ["sleep", time.as_str()];
        (all.filter(|process| process.cmdline().is_ok_and(sleeping)).count() == 0).then_some(())
    });
}

#[test]
fn a_child_that_falls_silent_later_is_given_up_at_that_command() {
    let script = SHELL.replace("*'\"next\"'*)", "*'\"ack\"'*) sleep 4713.25 ;;\n    *'\"next\"'*)");
    fails_with(&script, &["the answer to \"ack\"", "gave no answer for 2 s"]);
}

#[test]
fn a_child_that_dies_meanwhile_is_named_with_its_code_and_its_last_words() {
    let script = SHELL.replace("*'\"ack\"'*)", "").replace(
        "while read -r line; do",
        "n=0; while read -r line; do n=$((n+1)); [ $n -lt 9 ] || { echo no more >&2; exit 3; }",
    );
    fails_with(&script, &["ended (exit status: 3)", "its last words: no more"]);
}

#[test]
fn a_child_that_says_what_storm_does_not_know_is_quoted() {
    let script = SHELL.replace("{\"command\":\"sync\"}", "{\"command\":\"sing\"}");
    fails_with(&script, &["is no command that Storm knows", "sing"]);
}

#[test]
fn a_child_that_does_not_end_is_killed_and_told_of() {
    let script = format!("trap '' TERM\n{SHELL}\nwhile :; do sleep 0.1; done");
    fails_with(&script, &["was still there 2 s after it was told to end"]);
}

#[test]
fn a_command_line_that_cannot_be_is_refused_before_anything_starts() {
    for (arguments, words) in [
        (vec!["--embedded", "--max-close-wait", "many"], "many"),
        (vec!["--embedded", "--fail", "1.5"], "0 to 1"),
        (vec!["--embedded", "--rate", "often"], "often"),
        (vec!["--embedded", "--spouts", "0"], "0"),
        (vec!["--embedded", "--set", "key"], "KEY=VALUE"),
        (vec!["--embedded", "--broker", "2147483647"], "--broker: process 2147483647 is not there"),
        (vec!["--embedded", "--broker", "no such broker"], "--broker: no process has"),
        (vec!["--embedded", "--compare", "only a program"], "NAME: "),
        (vec!["--embedded", "--config", "/no/such/file"], "/no/such/file"),
        (vec!["--embedded", "--bootstrap", "127.0.0.1:1"], "--bootstrap"),
        (vec![], "which Kafka?"),
    ] {
        let ran = Load::new().run(&arguments);
        assert_eq!(ran.code, Some(64), "{arguments:?}: {ran:?}");
        assert!(ran.err.contains(words), "{arguments:?}: {ran:?}");
    }
}

#[test]
fn a_place_for_the_results_that_cannot_be_written_is_refused_before_anything_starts() {
    let ran = crate::tool::run(&mut crate::tool::tool(&["load", "--embedded", "--out", "/no/such/dir/x"]));
    assert_eq!(ran.code, Some(64), "{ran:?}");
    assert!(ran.err.contains("--out: /no/such/dir/x.csv"), "{ran:?}");
}

#[test]
fn a_kafka_that_is_not_there_is_named() {
    let ran = Load::new().run(&["--bootstrap", "127.0.0.1:1", "--seconds", "2"]);
    assert_eq!(ran.code, Some(69), "{ran:?}");
    assert!(ran.err.contains("127.0.0.1:1"), "{ran:?}");
}
