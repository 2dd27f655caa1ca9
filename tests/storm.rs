//! The main job on a real Storm: Kafka, ZooKeeper and `LocalCluster` from Maven jars, driven by `scripts/demo`.

use std::path::Path;
use std::process::Command;

/// Runs the demonstration with our binary; gives what it printed, and asserts that it found everything in order.
fn demo(arguments: &[&str]) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/demo");
    let output = Command::new(script)
        .args(["--spout", env!("CARGO_BIN_EXE_kafka-shell-spout")])
        .args(arguments)
        .output()
        .expect("scripts/demo can be run");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "scripts/demo ended with {}:\n{printed}\n{errors}", output.status);
    printed
}

/// The number at the beginning of a row of the summary.
fn row(printed: &str, name: &str) -> u64 {
    let line =
        printed.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name:?} in:\n{printed}"));
    let digits: String = line[name.len()..].trim_start().chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or_else(|_| panic!("{line:?} has no number"))
}

#[test]
fn every_line_arrives_through_a_real_storm_with_failing_tuples() {
    let printed = demo(&["--records", "20000", "--fail-one-in", "100"]);
    assert_eq!(row(&printed, "produced"), 20_000, "{printed}");
    assert_eq!(row(&printed, "distinct"), 20_000, "{printed}");
    assert_eq!(row(&printed, "received"), 20_200, "{printed}");
    assert_eq!(row(&printed, "lost"), 0, "{printed}");
    assert_eq!(row(&printed, "committed in ZooKeeper"), 20_000, "{printed}");
    assert_eq!(row(&printed, "sockets after close"), 0, "{printed}");
    assert!(!printed.contains("CLOSE_WAIT"), "{printed}");
}

#[test]
fn two_spout_tasks_share_the_partitions_in_a_real_storm() {
    let printed = demo(&["--records", "5000", "--spout-tasks", "2", "--partitions", "5"]);
    assert_eq!(row(&printed, "distinct"), 5000, "{printed}");
    assert_eq!(row(&printed, "duplicates"), 0, "{printed}");
    assert_eq!(row(&printed, "spout processes"), 2, "{printed}");
}
