//! The jar that `scripts/package` makes, submitted as an operator would submit it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use tempfile::TempDir;

use super::program_of;
use super::support::kafka::{Topic, unique};
use super::support::{Cluster, wait_for, wait_or, zk};

const PARTITIONS: usize = 2;
const RECORDS: usize = 100;
const MAIN: &str = "io.github.kafkashellspout.example.ExampleTopology";

on_each_storm! {
    beside_others the_packaged_jar_reads_records
}

/// Names the jar of a release, to be tested instead of one with the test's own program.
const RELEASE: &str = "KAFKA_SHELL_SPOUT_JAR";

fn jar() -> PathBuf {
    static MADE: LazyLock<TempDir> = LazyLock::new(|| {
        let dir = tempfile::tempdir().expect("a directory");
        let made = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/package"))
            .args(["--binary", env!("CARGO_BIN_EXE_kafka-shell-spout"), "--out"])
            .arg(dir.path())
            .output()
            .expect("the script");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        dir
    });
    let release = std::env::var_os(RELEASE).map(PathBuf::from);
    release.unwrap_or_else(|| MADE.path().join(format!("kafka-shell-spout-topology-{}.jar", env!("CARGO_PKG_VERSION"))))
}

/// What the example's bolt has logged, of all workers of the topology.
fn logged(cluster: &Cluster, name: &str) -> String {
    let id = format!("{name}-");
    let artifacts = cluster.dir.join("storm/logs/workers-artifacts");
    let topologies = std::fs::read_dir(artifacts).into_iter().flatten().flatten();
    let own = topologies.filter(|dir| dir.file_name().to_string_lossy().starts_with(&id));
    let ports = own.flat_map(|dir| std::fs::read_dir(dir.path()).into_iter().flatten().flatten());
    ports.map(|port| std::fs::read_to_string(port.path().join("worker.log")).unwrap_or_default()).collect()
}

fn the_packaged_jar_reads_records(cluster: &Cluster) {
    let (name, topic) = (unique("packaged"), Topic::new("packaged", PARTITIONS as i32));
    cluster.command(&format!(
        "submit-jar {} {MAIN} {name} tasks=2 kafka.spout.bootstrap.servers={} kafka.spout.topics={} \
         kafka.spout.zookeeper.connect={} kafka.spout.offset.commit.period.ms=200 topology.message.timeout.secs=300",
        jar().display(),
        cluster.kafka,
        topic.name,
        cluster.zookeeper
    ));
    for partition in 0..PARTITIONS {
        let values = (0..RECORDS / PARTITIONS).map(|number| format!("record {partition}/{number}."));
        topic.produce(partition as i32, values);
    }
    let all = || {
        let log = logged(cluster, &name);
        let numbers = (0..PARTITIONS).flat_map(|partition| (0..RECORDS / PARTITIONS).map(move |n| (partition, n)));
        let missing = numbers.filter(|(partition, n)| !log.contains(&format!("[record {partition}/{n}.]"))).count();
        (missing == 0).then_some(())
    };
    wait_or(|| format!("the records in the worker's log:\n{}", logged(cluster, &name)), all);
    for partition in 0..PARTITIONS {
        zk::wait_for_offset(&format!("/kafka-spout/{name}-kafka/partition_{partition}"), (RECORDS / PARTITIONS) as i64);
    }
    // The supervisor extracted it without its exec bit.
    let id = format!("{name}-");
    let worker =
        wait_for("the worker", || cluster.workers().into_iter().find(|worker| worker.topology.starts_with(&id)));
    let programs: Vec<PathBuf> = worker.children.iter().filter_map(|child| program_of(*child)).collect();
    assert_eq!(programs.len(), 2, "{programs:?}");
    for program in programs {
        assert!(program.ends_with("resources/kafka-shell-spout"), "{}", program.display());
    }
    cluster.command(&format!("kill-topology {name} 1"));
    wait_for("its end", || cluster.workers().iter().all(|worker| !worker.topology.starts_with(&id)).then_some(()));
}
