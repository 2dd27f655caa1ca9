//! The driver of `scripts/bench` on a real Kafka and a real Storm cluster: that it measures at all, never how much.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::tempdir;

use crate::support::report;
use crate::tool::run;

/// Builds the driver and the child that emits a constant, as `scripts/bench` does.
fn built() -> [PathBuf; 2] {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    let ran = run(cargo.args(["build", "--locked", "--quiet", "--message-format=json"]).args([
        "--bench",
        "bench",
        "--example",
        "constant",
    ]));
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    ["bench", "constant"].map(|name| {
        let artifact = |line: &str| -> Option<PathBuf> {
            let said: Value = serde_json::from_str(line).ok()?;
            (said["target"]["name"] == name).then(|| said["executable"].as_str().map(PathBuf::from))?
        };
        ran.out.lines().find_map(artifact).unwrap_or_else(|| panic!("cargo did not say where {name} is"))
    })
}

#[test]
fn each_row_of_the_benchmark_is_measured_on_a_real_cluster() {
    let [bench, constant] = built();
    let dir = tempdir().expect("a directory");
    let prefix = dir.path().join("result");
    let mut command = Command::new(bench);
    command.args([
        "--part",
        "main",
        "--guarantee",
        "at-least-once",
        "--rounds",
        "1",
        "--warm-up",
        "1",
        "--seconds",
        "3",
    ]);
    command.args(["--rows", "constant-stock,stock,companion,java", "--records", "4000000"]);
    command.arg("--spout").arg(env!("CARGO_BIN_EXE_kafka-shell-spout")).arg("--constant").arg(constant);
    let ran = run(command.arg("--out").arg(&prefix));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    report(&format!("scripts/bench --rounds 1 --seconds 3, of an unoptimised program\n{}", ran.out));

    let file = |end: &str| Path::new(&format!("{}-{end}", prefix.display())).to_path_buf();
    let csv = std::fs::read_to_string(file("main-acks-100b-12p.csv")).expect("the CSV");
    let mut lines = csv.lines().map(|line| line.rsplit(',').collect::<Vec<_>>());
    let head = lines.next().expect("a head");
    let at = |name: &str| head.iter().position(|head| *head == name).unwrap_or_else(|| panic!("no {name} in {head:?}"));
    let rows: Vec<_> = lines.collect();
    let names: Vec<_> = rows.iter().map(|row| row[at("row")]).collect();
    assert_eq!(names, ["constant-stock", "stock", "companion", "java"]);
    for row in &rows {
        let number = |name| row[at(name)].parse::<f64>().unwrap_or_else(|_| panic!("{name} of {row:?}"));
        assert!(number("tuples") > 0.0 && number("tuples_per_second") > 0.0, "{row:?}");
        assert!(number("worker_cpu_seconds") > 0.0, "{row:?}");
        let has_spout = row[at("row")] != "java";
        assert_eq!(number("spout_cpu_seconds") > 0.0, has_spout, "{row:?}");
        assert_eq!(number("spout_rss_bytes") > 0.0, has_spout, "{row:?}");
    }
    for picture in ["main.svg", "main.png"] {
        assert!(file(picture).metadata().is_ok_and(|file| file.len() > 1000), "{picture}");
    }
}
