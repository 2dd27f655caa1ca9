//! Storm's settings of who tracks tuples and how many are in flight.

use std::collections::BTreeSet;

use super::alone;
use super::cells::{Cell, run, watched};
use super::support::submitted::Submitted;
use super::support::{cluster, old_cluster, report};

/// With ackers, what the bolt fails comes again.
pub fn tracked(topology: &Submitted<'_>) -> (usize, String) {
    let again = topology.wait_for_all();
    assert_eq!(again, topology.failed().len(), "all that failed comes again, and nothing else");
    let watched = watched(topology);
    assert!(watched.with_id && !watched.without_id, "Storm has to track all tuples: {watched:?}");
    assert_eq!((watched.nested, &watched.twice[..]), (0, &[][..]));
    (again, "with ids".to_owned())
}

/// Without ackers nobody waits for the bolt, which here gives no answer and is slow.
pub fn untracked(topology: &Submitted<'_>) -> (usize, String) {
    let (at_the_ends, again) = not_waiting(topology);
    let watched = watched(topology);
    assert!(watched.without_id && !watched.with_id, "no tuple may have an id: {watched:?}");
    assert_eq!((watched.in_flight, watched.nested), (0, 0), "Storm nests its acks into the emits");
    (again, format!("no ids; committed when the bolt had seen {at_the_ends}"))
}

/// The same, but the spout's process was told that there are ackers.
fn nested(topology: &Submitted<'_>) -> (usize, String) {
    let (at_the_ends, again) = not_waiting(topology);
    let watched = watched(topology);
    assert!(watched.with_id && !watched.without_id, "{watched:?}");
    assert!(watched.nested > 0, "no ack came inside an emit, so nothing was tested: {watched:?}");
    (again, format!("acks nested {} deep; committed when the bolt had seen {at_the_ends}", watched.nested))
}

/// The offsets are at the end while the bolt is far from it; then it sees everything once.
fn not_waiting(topology: &Submitted<'_>) -> (usize, usize) {
    topology.wait_for_ends();
    let at_the_ends = topology.seen_count();
    assert!(at_the_ends < topology.produced(), "the offsets waited for the bolt");
    topology.wait_for_seen(topology.produced());
    (at_the_ends, topology.seen_count() - topology.produced())
}

/// A stream that nobody reads: it is done with the emit, and that shows in ZooKeeper only.
fn unread(topology: &Submitted<'_>, is_nested: bool) -> (usize, String) {
    topology.wait_for_ends();
    let watched = watched(topology);
    assert!(watched.with_id && !watched.without_id, "{watched:?}");
    assert_eq!(watched.nested > 0, is_nested, "{watched:?}");
    assert_eq!(watched.twice, [""; 0]);
    (0, format!("acks nested {} deep", watched.nested))
}

fn cell<'a>(name: &'a str, arguments: &str, check: &'a (dyn Fn(&Submitted<'_>) -> (usize, String) + Sync)) -> Cell<'a> {
    Cell { name, arguments: format!("watch=1 {arguments}"), records: 5000, check }
}

/// Slow enough that the spout is through when the bolt has hardly begun.
const NO_ANSWERS: &str = "drop.one.in=1 sleep.ms=2";

#[test]
fn every_number_of_ackers_of_storm_2_8_3() {
    let _turn = alone();
    run(
        cluster(),
        &[
            cell("topology.acker.executors absent", "fail.one.in=500", &tracked),
            cell("topology.acker.executors 1", "topology.acker.executors=1 fail.one.in=500", &tracked),
            cell("topology.acker.executors 2", "topology.acker.executors=2 fail.one.in=500", &tracked),
            cell("topology.acker.executors 0", &format!("topology.acker.executors=0 {NO_ANSWERS}"), &untracked),
            // In turns: told the truth, the spout would write nothing ahead either.
            cell(
                "topology.acker.executors 0, the spout told of 1",
                &format!("topology.acker.executors=0 told.ackers=1 kafka.spout.answer.ahead=false {NO_ANSWERS}"),
                &nested,
            ),
            // The acker acks what has no receivers.
            cell("nobody reads the stream", "readers=0", &|topology| unread(topology, false)),
        ],
    );
}

#[test]
fn ackers_and_none_of_storm_1_1_3() {
    let _turn = alone();
    run(
        old_cluster(),
        &[
            cell("1.1.3: topology.acker.executors absent", "fail.one.in=500", &tracked),
            cell("1.1.3: topology.acker.executors 0", &format!("topology.acker.executors=0 {NO_ANSWERS}"), &untracked),
            // 1.1.3 asks no acker about what has no receivers.
            cell("1.1.3: nobody reads the stream", "readers=0", &|topology| unread(topology, true)),
        ],
    );
}

/// The bolt gives no answer to the first `pending` tuples of all tasks, so there may be no other one until Storm fails
/// them.
fn limited(topology: &Submitted<'_>, pending: usize, tasks: usize) -> (usize, String) {
    let again = topology.wait_for_all();
    let seen = topology.seen();
    let (first, rest) = seen.split_at(pending * tasks);
    assert!(first.iter().all(|seen| seen.how == "drop"), "the bolt answers none of the first");
    let unanswered: BTreeSet<usize> = first.iter().map(|seen| seen.number).collect();
    let more = rest[0].number;
    assert!(unanswered.contains(&more), "{more} came while {} tuples were without an answer", first.len());
    let waited = rest[0].millis - first[first.len() - 1].millis;
    report(&format!("{}: the first {} tuples came again after {waited} ms", topology.name, first.len()));

    let watched = topology.watched();
    let most: Vec<usize> = watched.iter().map(|watched| watched.in_flight).collect();
    assert_eq!(most, vec![pending; tasks], "the most in flight, by task");
    assert!(watched.iter().all(|watched| watched.twice.is_empty()), "{watched:?}");
    (again, format!("at most {pending} in flight a task"))
}

#[test]
fn never_more_in_flight_than_max_spout_pending() {
    let _turn = alone();
    let settings = [
        ("absent", "", 2000, 1, 8000),
        ("1", "topology.max.spout.pending=1", 1, 1, 500),
        ("10", "topology.max.spout.pending=10", 10, 1, 2000),
        (
            "10, two tasks in one executor",
            "topology.max.spout.pending=10 tasks=2 kafka.spout.next.hold.ms=0",
            10,
            2,
            2000,
        ),
        ("2000", "topology.max.spout.pending=2000", 2000, 1, 8000),
    ];
    let names = settings.map(|(name, ..)| format!("topology.max.spout.pending {name}"));
    let checks =
        settings.map(|(_, _, pending, tasks, _)| move |topology: &Submitted<'_>| limited(topology, pending, tasks));
    let cells: Vec<Cell<'_>> = settings
        .iter()
        .zip(&names)
        .zip(&checks)
        .map(|((&(_, argument, pending, tasks, records), name), check)| Cell {
            name,
            arguments: format!("{argument} watch=1 topology.message.timeout.secs=5 drop.first={}", pending * tasks),
            records,
            check,
        })
        .collect();
    run(cluster(), &cells);
}
