//! `NativeKafkaSpout`, the Java companion, with the program of the topology's jar.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::cells::{Cell, run, watched};
use super::settings::{tracked, untracked};
use super::support::submitted::Submitted;
use super::support::{Cluster, Worker, cluster, is_running, kill, report, wait_for, wait_or};
use super::{alone, beside_others, kafka_sockets, program_of};

on_each_storm! {
    beside_others the_companion_loses_nothing_though_it_is_switched_off_and_its_program_and_its_worker_are_killed
}

/// When the worker is gone, so is the program, in that time.
const PROGRAM_ENDS_WITHIN: Duration = Duration::from_millis(700);

/// `topology.subprocess.timeout.secs` of the program that hangs.
const TIMEOUT: Duration = Duration::from_secs(3);

fn wait_for_another(topology: &Submitted<'_>, before: &Worker) -> Worker {
    let workers = topology.wait_for_workers("a new worker with a new program", |workers| match workers {
        [worker] => worker.id != before.id && worker.children.len() == 1,
        _ => false,
    });
    workers.into_iter().next().expect("one")
}

fn the_companion_loses_nothing_though_it_is_switched_off_and_its_program_and_its_worker_are_killed(cluster: &Cluster) {
    let mut topology = Submitted::new(cluster, "native", "spout=native watch=1 sleep.ms=1");
    topology.produce(4000);
    assert_eq!(topology.wait_for_all(), 0, "nothing failed, so nothing may come twice");
    let worker = topology.wait_for_worker();
    let program = program_of(worker.children[0]).expect("the child's program");
    assert_eq!(program, topology.resources().join("kafka-shell-spout"));

    is_switched_off_and_on(cluster, &mut topology, worker.children[0]);
    assert_eq!(topology.workers(), [worker], "nobody was started anew");
    let watched = watched(&topology);
    assert!(watched.with_id && watched.twice.is_empty() && watched.nested == 0, "{watched:?}");

    let worker = its_program_is_killed(&mut topology);
    let worker = its_worker_is_killed(&mut topology, &worker);

    let pid_file =
        cluster.local_dir().join("workers").join(&worker.id).join("pids").join(worker.children[0].to_string());
    assert!(pid_file.exists(), "the supervisor does not know of the program: {}", pid_file.display());
    topology.kill(2);
    assert!(!is_running(worker.children[0]), "the worker is gone, and its program is not");
    wait_for("the end of the pid file", || (!pid_file.exists()).then_some(()));
    topology.wait_for_ends();
}

/// With tuples in flight.
fn is_switched_off_and_on(cluster: &Cluster, topology: &mut Submitted<'_>, program: u32) {
    let before = topology.produced();
    topology.produce(8000);
    topology.wait_for_acked(before + 500);
    assert!(kafka_sockets(cluster, program) > 0);
    cluster.command(&format!("deactivate {}", topology.name));
    wait_for("no socket to Kafka", || (kafka_sockets(cluster, program) == 0).then_some(()));
    cluster.command(&format!("activate {}", topology.name));
    assert_eq!(topology.wait_for_all(), 0, "nobody failed a tuple");
    assert!(kafka_sockets(cluster, program) > 0);
}

/// The worker says how it ended, and ends.
fn its_program_is_killed(topology: &mut Submitted<'_>) -> Worker {
    let before = topology.wait_for_worker();
    let acked = topology.produced();
    topology.produce(4000);
    topology.wait_for_acked(acked + 500);
    kill(before.children[0]);
    topology.audit();
    let after = wait_for_another(topology, &before);
    assert!(!is_running(before.pid), "the old worker runs beside the new one: {before:?}, {after:?}");
    topology.wait_for_all();
    let told = format!("process {} has closed its stdout; it ended with exit code 137", before.children[0]);
    let log = topology.log();
    let line = log.lines().find(|line| line.contains(&told)).unwrap_or_else(|| panic!("no {told:?} in:\n{log}"));
    report(&format!("{}: {line}", topology.name));
    after
}

/// The program ends by itself.
fn its_worker_is_killed(topology: &mut Submitted<'_>, before: &Worker) -> Worker {
    let acked = topology.produced();
    topology.produce(4000);
    topology.wait_for_acked(acked + 500);
    let program = before.children[0];
    let begun = Instant::now();
    kill(before.pid);
    wait_for("the orphan's end", || (!is_running(program)).then_some(()));
    let took = begun.elapsed();
    report(&format!("{}: the program ended {took:?} after its worker was killed", topology.name));
    assert!(took < 3 * PROGRAM_ENDS_WITHIN, "the orphan ran for {took:?}");
    topology.audit();
    let after = wait_for_another(topology, before);
    topology.wait_for_all();
    after
}

/// No more are in flight than Storm allows, though the companion has decoded more, and the figures are a metric.
fn fails_and_tells(topology: &Submitted<'_>) -> (usize, String) {
    let (again, _) = tracked(topology);
    let in_flight = watched(topology).in_flight;
    assert_eq!(in_flight, 10, "topology.max.spout.pending");
    let all = format!("emitted={}", topology.produced());
    let line = wait_or(
        || format!("a metric with {all}: {}", topology.log()),
        || {
            let is_metric = |line: &&str| line.contains("kafka-shell-spout") && line.contains("totalSpoutLag=");
            topology.log().lines().filter(is_metric).find(|line| line.contains(&all)).map(str::to_owned)
        },
    );
    report(&format!("metric: {}", line.split_at(line.len().min(400)).0));
    (again, format!("at most {in_flight} in flight; a metric"))
}

fn shares_partitions(topology: &Submitted<'_>) -> (usize, String) {
    let again = topology.wait_for_all();
    assert_eq!(again, 0, "nothing failed, so nothing may come twice");
    let workers = topology.workers();
    assert!(workers.len() == 1 && workers[0].children.len() == 2, "{workers:?}");
    let tasks: BTreeSet<u32> = topology.seen().iter().map(|seen| seen.task).collect();
    assert_eq!(tasks.len(), 2, "both tasks read");
    (again, "two tasks read".to_owned())
}

/// The spout has more to emit than Storm takes all the while, and its offsets follow what was taken.
fn is_behind(topology: &Submitted<'_>) -> (usize, String) {
    let sum = |offsets: Vec<usize>| offsets.into_iter().sum::<usize>();
    let stored = wait_or(
        || format!("offsets behind a backlog; {} were seen", topology.seen_count()),
        || Some(sum(topology.stored())).filter(|stored| *stored > 0),
    );
    let seen = topology.seen_count();
    assert!(seen < topology.produced() / 2, "all was taken before an offset was stored");
    assert!(stored < topology.produced(), "offsets of what only waits in the companion are stored");
    topology.wait_for_seen(topology.produced());
    (0, format!("{stored} offsets were stored when the bolt had seen {seen}"))
}

/// Storm starts the worker again.
fn hangs(topology: &Submitted<'_>) -> (usize, String) {
    topology.wait_for_acked(500);
    let before = topology.wait_for_worker();
    let program = before.children[0];
    let begun = Instant::now();
    kill_process(Pid::from_raw(program as i32).expect("a pid"), Signal::STOP).expect("it runs");
    wait_for("the end of the worker", || (!is_running(before.pid)).then_some(()));
    let took = begun.elapsed();
    topology.audit();
    let words = "has said nothing for 3 s";
    wait_or(
        || format!("{words:?} in {}", topology.log()),
        || topology.log().lines().any(|line| line.contains(words) && line.contains("ending the worker")).then_some(()),
    );
    wait_for_another(topology, &before);
    let again = topology.wait_for_all();
    wait_for("the end of the program that hangs", || (!is_running(program)).then_some(()));
    // A second more until the first ping, one for the last words, and three until Storm halts a worker that does not end.
    let promised = TIMEOUT + Duration::from_secs(5);
    report(&format!("{}: the worker ended {took:?} after its program hung; promised: {promised:?}", topology.name));
    assert!(took >= TIMEOUT && took < 3 * promised, "{took:?}");
    (again, format!("the worker ended after {:.1} s", took.as_secs_f64()))
}

#[test]
fn a_topology_that_takes_nothing_for_long_is_not_taken_for_a_program_that_hangs() {
    let _turn = beside_others();
    let arguments = format!(
        "spout=native topology.max.spout.pending=1 drop.first=1 topology.message.timeout.secs={} \
         topology.subprocess.timeout.secs={}",
        4 * TIMEOUT.as_secs(),
        TIMEOUT.as_secs()
    );
    let mut topology = Submitted::new(cluster(), "full", &arguments);
    topology.produce(1);
    topology.wait_for_seen(1);
    let before = topology.wait_for_worker();
    // Until Storm gives the first one up it takes no other. They come one by one, so that all room for them fills up, and
    // the program's answers stand behind them.
    for _ in 0..40 {
        topology.produce(1);
        std::thread::sleep(Duration::from_millis(50));
    }
    topology.wait_for_all();
    assert_eq!(topology.workers(), [before], "the worker was ended:\n{}", topology.log());
}

#[test]
fn the_companion_in_every_kind_of_topology() {
    let _turn = alone();
    let cells = [
        Cell {
            name: "native: the bolt fails one in 100, topology.max.spout.pending 10, a metric",
            arguments: "spout=native watch=1 topology.max.spout.pending=10 fail.one.in=100 metrics=1 \
                        topology.builtin.metrics.bucket.size.secs=1"
                .to_owned(),
            records: 3000,
            check: &fails_and_tells,
        },
        Cell {
            name: "native: topology.acker.executors 0",
            arguments: "spout=native watch=1 topology.acker.executors=0 drop.one.in=1 sleep.ms=2".to_owned(),
            records: 5000,
            check: &untracked,
        },
        Cell {
            name: "native: no ackers, and a bolt that is slower than Kafka",
            arguments: "spout=native topology.acker.executors=0 sleep.ms=2 \
                        topology.executor.receive.buffer.size=64"
                .to_owned(),
            records: 10_000,
            check: &is_behind,
        },
        Cell {
            name: "native: two tasks in two executors",
            arguments: "spout=native executors=2".to_owned(),
            records: 20_000,
            check: &shares_partitions,
        },
        Cell {
            name: "native: the program hangs",
            arguments: format!("spout=native sleep.ms=1 topology.subprocess.timeout.secs={}", TIMEOUT.as_secs()),
            records: 6000,
            check: &hangs,
        },
    ];
    run(cluster(), &cells);
}
