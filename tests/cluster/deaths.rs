//! What dies, on Storm 2.8.3 and 1.1.3.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::program_of;
use super::support::submitted::Submitted;
use super::support::{Cluster, Worker, is_running, kill, proc, report, wait_for};

on_each_storm! {
    beside_others a_submitted_jar_runs_though_storm_extracts_it_without_exec_bits
    beside_others nothing_is_lost_when_the_spout_is_killed_with_minus_nine
    beside_others the_spout_ends_with_its_killed_worker_and_nothing_is_lost
    alone tuples_flow_while_the_supervisor_is_dead_and_it_takes_the_same_worker_up_again
    beside_others a_rebalance_to_two_executors_on_two_workers_loses_nothing
    beside_others a_killed_topology_leaves_no_child_no_socket_no_pid_file_and_the_offsets_of_what_was_acked
}

/// Slows the bolt down so that there is a time in the middle.
const SLOW: &str = "sleep.ms=1";

/// When the worker is gone, so is its child, in that time: what is not closed then is left to the kernel.
const CHILD_ENDS_WITHIN: Duration = Duration::from_millis(700);

/// Whether anybody may run the file.
fn is_executable(path: &Path) -> bool {
    std::fs::metadata(path).expect("the file").permissions().mode() & 0o111 != 0
}

/// The supervisor is killed, and started again at the end: other tests need it.
struct DeadSupervisor<'a>(&'a Cluster);

impl<'a> DeadSupervisor<'a> {
    fn new(cluster: &'a Cluster) -> Self {
        cluster.command("kill supervisor");
        Self(cluster)
    }
}

impl Drop for DeadSupervisor<'_> {
    fn drop(&mut self) {
        let started = self.0.try_command("start supervisor");
        assert!(std::thread::panicking() || started.is_ok(), "{started:?}");
    }
}

fn a_submitted_jar_runs_though_storm_extracts_it_without_exec_bits(cluster: &Cluster) {
    let mut topology = Submitted::new(cluster, "jar", "");
    topology.produce(20_000);
    topology.wait_for_all();
    assert_eq!(topology.seen().len(), 20_000, "nothing failed, so nothing may come twice");

    let resources = topology.resources();
    assert!(!is_executable(&resources.join("launcher.sh")), "Storm keeps exec bits now: does it need a launcher?");
    let worker = topology.wait_for_worker();
    let program = program_of(worker.children[0]).expect("the child's program");
    assert_eq!(program, resources.join("kafka-shell-spout"), "a shell is between the worker and the program");
    the_worker_is_named(&worker);
}

/// Its log writer has the whole of the worker's command line in its own, and is none.
fn the_worker_is_named(worker: &Worker) {
    let ours = Command::new(env!("CARGO_BIN_EXE_kafka-shell-spout")).args(["sockets", &worker.id, "--json"]).output();
    let document: Value = serde_json::from_slice(&ours.expect("the program starts").stdout).expect("JSON");
    let processes = document["processes"].as_array().expect("a list");
    let named: Vec<&Value> = processes.iter().filter(|process| !process["storm"].is_null()).collect();
    assert_eq!(named.len(), 1, "{processes:?}");
    assert_eq!((&named[0]["pid"], &named[0]["storm"]["worker_id"]), (&worker.pid.into(), &worker.id.as_str().into()));
    assert!(named[0]["storm"]["port"].as_u64() > Some(0), "{named:?}");
}

fn nothing_is_lost_when_the_spout_is_killed_with_minus_nine(cluster: &Cluster) {
    let mut topology = Submitted::new(cluster, "child", SLOW);
    topology.produce(8000);
    topology.wait_for_acked(2000);
    let before = topology.wait_for_worker();
    kill(before.children[0]);
    topology.audit();
    // Storm ends a worker whose component died.
    let after = topology.wait_for_workers("a new worker with a new child", |workers| match workers {
        [worker] => worker.id != before.id && worker.children.len() == 1,
        _ => false,
    });
    assert!(!is_running(before.pid), "the old worker runs beside the new one: {before:?}, {after:?}");
    topology.wait_for_all();
}

fn the_spout_ends_with_its_killed_worker_and_nothing_is_lost(cluster: &Cluster) {
    let mut topology = Submitted::new(cluster, "worker", SLOW);
    topology.produce(8000);
    topology.wait_for_acked(2000);
    let before = topology.wait_for_worker();
    let child = before.children[0];
    let begun = Instant::now();
    kill(before.pid);
    wait_for("the orphan's end", || (!is_running(child)).then_some(()));
    let took = begun.elapsed();
    report(&format!("the spout ended {took:?} after its worker was killed"));
    assert!(took < 3 * CHILD_ENDS_WITHIN, "the orphan ran for {took:?}");
    topology.audit();
    topology.wait_for_workers("a new worker with a new child", |workers| match workers {
        [worker] => worker.id != before.id && worker.children.len() == 1 && worker.children[0] != child,
        _ => false,
    });
    topology.wait_for_all();
}

fn tuples_flow_while_the_supervisor_is_dead_and_it_takes_the_same_worker_up_again(cluster: &Cluster) {
    let mut topology = Submitted::new(cluster, "supervisor", "");
    topology.produce(1000);
    topology.wait_for_all();
    let before = topology.wait_for_worker();
    let dead = DeadSupervisor::new(cluster);
    topology.produce(1000);
    topology.wait_for_all();
    drop(dead);
    topology.produce(1000);
    topology.wait_for_all();
    let pid = before.pid;
    assert_eq!(topology.workers(), [before], "the worker or its child was started anew");
    // Only a supervisor that has taken its worker up again sees that it is gone.
    kill(pid);
    topology.produce(1000);
    topology.wait_for_all();
}

fn a_rebalance_to_two_executors_on_two_workers_loses_nothing(cluster: &Cluster) {
    // Two tasks share one executor at first: none may keep the other waiting. What a worker sends to one that is not
    // there yet Storm drops: it comes again after the timeout.
    let arguments = "executors=1 tasks=2 kafka.spout.next.hold.ms=0 sleep.ms=1 topology.message.timeout.secs=20";
    let mut topology = Submitted::new(cluster, "rebalance", arguments);
    topology.produce(12_000);
    topology.wait_for_acked(1000);
    let before = topology.wait_for_workers("one worker with two children", |workers| match workers {
        [worker] => worker.children.len() == 2,
        _ => false,
    });
    cluster.command(&format!("rebalance {} 2 2", topology.name));
    topology.wait_for_workers("two workers with a child each", |workers| {
        workers.len() == 2 && workers.iter().all(|worker| worker.children.len() == 1)
    });
    let old = &before[0].children;
    topology.audit();
    wait_for("the end of the old children", || old.iter().all(|child| !is_running(*child)).then_some(()));
    topology.produce(2000);
    topology.wait_for_all();
    let late = topology.seen().into_iter().filter(|seen| seen.number >= 12_000);
    let tasks: BTreeSet<u32> = late.map(|seen| seen.task).collect();
    assert_eq!(tasks.len(), 2, "both tasks read after the rebalance: {tasks:?}");
}

fn a_killed_topology_leaves_no_child_no_socket_no_pid_file_and_the_offsets_of_what_was_acked(cluster: &Cluster) {
    // Of numbers that are a multiple of 1501 the first delivery is never answered: offsets must stop there.
    let mut topology = Submitted::new(cluster, "kill", "drop.one.in=1501");
    topology.produce(20_000);
    topology.wait_for_acked(20_000 - 14);
    let worker = topology.wait_for_worker();
    let child = worker.children[0];
    let pid_file = cluster.local_dir().join("workers").join(&worker.id).join("pids").join(child.to_string());
    assert!(pid_file.exists(), "the supervisor does not know of the child: {}", pid_file.display());
    let sockets = proc::sockets(child);
    assert!(sockets.len() >= 2, "one to Kafka and one to ZooKeeper at least: {sockets:?}");

    topology.kill(5);
    assert!(!is_running(child), "the worker is gone, and its child is not");
    assert_eq!(proc::remains(&sockets), []);
    wait_for("the end of the pid file", || (!pid_file.exists()).then_some(()));
    let first = topology.first_not_acked();
    assert_eq!(topology.stored(), first, "the stored offsets are not the first ones that were not acked");
}
