//! Answers that are written before their commands come, on a stock `ShellSpout` at full load.

use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::cells::{Cell, run, watched};
use super::kafka_sockets;
use super::settings::tracked;
use super::support::submitted::Submitted;
use super::support::{Cluster, report, wait_for};

on_each_storm! {
    alone at_full_load_deactivate_is_seen_in_time_and_a_pause_leaves_no_stale_answers
    alone at_full_load_no_more_are_in_flight_than_the_window_has
}

/// The window where Storm sets none.
const WINDOW: usize = 2000;

/// A window so large that acks do not run dry by chance.
const WIDE: usize = 20_000;

/// The bolt notes values that are a multiple of this: noting all of them would be what is measured.
const NOTED: usize = 100;

/// Records that wait in Kafka, so that the load never ends by itself.
const BACKLOG: usize = 300_000;

/// What the load has done before anything else happens.
const WARM: usize = 200_000;

/// A worker asks every second whether its topology is active; then the spout has to let it see the answer.
const SEEN_WITHIN: Duration = Duration::from_secs(2);

/// Between two `next` of a topology that is active: until tuples stop, and until what is in flight has come back.
const NEXT_WITHIN: Duration = Duration::from_secs(1);

/// Between the first record after a pause and the bolt.
const FRESH: Duration = Duration::from_millis(30);

const BURSTS: usize = 30;

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis() as u64
}

/// Keeps the backlog while `look` finds nothing.
fn under_load<T>(topology: &mut Submitted<'_>, what: &str, look: impl Fn(&Submitted<'_>) -> Option<T>) -> T {
    wait_for(what, || {
        if topology.produced() < topology.seen_count() * NOTED + BACKLOG {
            topology.produce(BACKLOG / 3);
        }
        look(topology)
    })
}

fn at_full_load_deactivate_is_seen_in_time_and_a_pause_leaves_no_stale_answers(cluster: &Cluster) {
    let mut topology =
        Submitted::new(cluster, "full", &format!("watch=1 note.one.in={NOTED} topology.max.spout.pending={WIDE}"));
    topology.produce(BACKLOG);
    under_load(&mut topology, "full load", |topology| (topology.seen_count() * NOTED > WARM).then_some(()));
    let program = topology.wait_for_worker().children[0];
    let command = format!("deactivate {}", topology.name);
    let begun = now();
    let told = thread::scope(|scope| {
        let told = scope.spawn(|| {
            cluster.command(&command);
            now()
        });
        let deactivated = |topology: &Submitted<'_>| (!watched(topology).deactivated.is_empty()).then_some(());
        under_load(&mut topology, "deactivate, seen by the spout", deactivated);
        told.join().expect("the command")
    });
    let until_then = watched(&topology);
    let (seen, gap) = (until_then.deactivated[0], until_then.gap);
    // The command is a JVM that starts, speaks to Nimbus and ends: somewhere in between Storm knows.
    let (command_took, took) = (Duration::from_millis(told - begun), Duration::from_millis(seen - begun));
    let promised = command_took + SEEN_WITHIN;
    wait_for("no socket to Kafka", || (kafka_sockets(cluster, program) == 0).then_some(()));
    let before = topology.seen();
    let (first, last) = (&before[0], &before[before.len() - 1]);
    let rate = (before.len() * NOTED) as u64 * 1000 / (last.millis - first.millis).max(1);
    let late = last.millis.saturating_sub(seen);
    report(&format!(
        "{}: deactivate was seen {took:?} after the command was given, which took {command_took:?}, at {rate} tuples/s; \
         promised: {promised:?}; the last tuple came to the bolt {late} ms later; at \
         most {gap} ms between two next",
        topology.name
    ));
    assert!(u128::from(gap) < 3 * NEXT_WITHIN.as_millis(), "Storm said no next for {gap} ms");
    assert!(took < command_took + 3 * SEEN_WITHIN, "deactivate was seen {took:?} after the command");

    cluster.command(&format!("activate {}", topology.name));
    topology.wait_for_ends();
    let in_flight_and_late = watched(&topology);
    report(&format!(
        "{}: {} records, 0 lost; at most {} in flight, {} tuples while inactive",
        topology.name,
        topology.produced(),
        in_flight_and_late.in_flight,
        in_flight_and_late.inactive
    ));
    assert_eq!(topology.seen_count(), topology.produced() / NOTED, "each was seen once");
    assert!(in_flight_and_late.in_flight <= WIDE && in_flight_and_late.twice.is_empty(), "{in_flight_and_late:?}");
    fresh_after_a_pause(&mut topology);
}

/// Each burst leaves answers that were written for its acks; none may stand between the next burst and the bolt.
fn fresh_after_a_pause(topology: &mut Submitted<'_>) {
    let first = topology.produced();
    assert_eq!(first % NOTED, 0, "the first record of each burst is noted");
    let mut sent = Vec::new();
    for _ in 0..BURSTS {
        sent.push(now());
        topology.produce(NOTED);
        topology.wait_for_ends();
        thread::sleep(Duration::from_millis(200));
    }
    let mut came: Vec<_> = topology.seen().into_iter().filter(|seen| seen.number >= first).collect();
    came.sort_unstable_by_key(|seen| seen.number);
    assert_eq!(came.len(), BURSTS);
    let mut waits: Vec<u64> = came.iter().zip(sent).map(|(seen, sent)| seen.millis.saturating_sub(sent)).collect();
    waits.sort_unstable();
    let (median, most) = (waits[BURSTS / 2], waits[BURSTS - 1]);
    report(&format!(
        "{}: the first record after a pause was in the bolt {median} ms after it was sent (median of {BURSTS}), {most} \
         ms at most; promised: {FRESH:?}",
        topology.name
    ));
    assert!(u128::from(median) < 3 * FRESH.as_millis(), "{waits:?}");
}

/// All come once, and the window is kept.
fn within(topology: &Submitted<'_>, window: usize) -> (usize, String) {
    topology.wait_for_ends();
    let watched = watched(topology);
    let in_flight = watched.in_flight;
    assert!(in_flight <= window && watched.twice.is_empty(), "{watched:?}");
    assert_eq!(topology.seen_count(), topology.produced() / NOTED, "each was seen once");
    let seen = topology.seen();
    let took = seen[seen.len() - 1].millis - seen[0].millis;
    let rate = topology.produced() as u64 * 1000 / took.max(1);
    (0, format!("at most {in_flight} in flight, {rate} tuples/s beside the others"))
}

fn fails(topology: &Submitted<'_>) -> (usize, String) {
    let (again, _) = tracked(topology);
    let in_flight = watched(topology).in_flight;
    assert!(in_flight <= WINDOW, "{in_flight}");
    (again, format!("all that failed came again; at most {in_flight} in flight"))
}

fn at_full_load_no_more_are_in_flight_than_the_window_has(cluster: &Cluster) {
    let full = |topology: &Submitted<'_>| within(topology, WINDOW);
    let few = |topology: &Submitted<'_>| within(topology, 10);
    let one = |topology: &Submitted<'_>| within(topology, 1);
    let fast = |arguments: &str| format!("watch=1 note.one.in={NOTED} {arguments}");
    let cells = [
        Cell { name: "full load, 1 acker", arguments: fast(""), records: 40_000, check: &full },
        Cell {
            name: "full load, 2 ackers, topology.max.spout.pending 2000",
            arguments: fast("topology.acker.executors=2 topology.max.spout.pending=2000"),
            records: 40_000,
            check: &full,
        },
        Cell {
            name: "full load, topology.max.spout.pending 10",
            arguments: fast("topology.max.spout.pending=10"),
            records: 2000,
            check: &few,
        },
        Cell {
            name: "full load, topology.max.spout.pending 1",
            arguments: fast("topology.max.spout.pending=1"),
            records: 300,
            check: &one,
        },
        Cell {
            name: "full load, the bolt fails one in 100",
            arguments: "watch=1 fail.one.in=100".to_owned(),
            records: 20_000,
            check: &fails,
        },
    ];
    run(cluster, &cells);
}
