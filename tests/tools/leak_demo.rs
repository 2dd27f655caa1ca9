//! `scripts/leak-demo` on a real Kafka 3.9.1 and ZooKeeper.

use std::path::Path;
use std::process::Command;

use crate::support::report;
use crate::tool::{Load, run};

/// The column of a head.
fn column(csv: &[Vec<String>], name: &str) -> usize {
    csv[0].iter().position(|head| head == name).unwrap_or_else(|| panic!("no column {name}"))
}

#[test]
fn the_leak_piles_up_sockets_and_the_cure_keeps_four() {
    let load = Load::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut script = Command::new(root.join("scripts/leak-demo"));
    script.args(["--seconds", "15", "--spout", env!("CARGO_BIN_EXE_kafka-shell-spout"), "--out"]);
    let ran = run(script.arg(load.file("csv").with_extension("")));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    report(&format!("scripts/leak-demo --seconds 15\n{}", ran.out));
    let csv = load.csv();
    let last = |name: &str, state: &str| -> u64 {
        let state = column(&csv, state);
        let line = csv.iter().rev().find(|line| line[0] == name).unwrap_or_else(|| panic!("no {name}"));
        line[state].parse().expect("a number")
    };
    // 12 a second, closed by the broker after 10 s.
    assert!(last("leak", "close_wait") > 12, "{csv:?}");
    assert!(last("leak", "established") > 60, "{csv:?}");
    assert!(last("leak", "fds") > last("reuse", "fds") + 60, "{csv:?}");
    assert_eq!(last("close", "close_wait"), 0);
    assert!(last("close", "time_wait") > 60, "{csv:?}");
    // A partition each, and ZooKeeper.
    assert!(last("reuse", "established") <= 13, "{csv:?}");
    // The leader, the coordinator, ZooKeeper, and the bootstrap connection.
    assert!((1..=4).contains(&last("ours", "established")), "{csv:?}");
    assert_eq!(last("ours", "close_wait"), 0);
}
