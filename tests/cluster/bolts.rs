//! Bolts that fail, forget or are slow, and Storm's message timeout.

use std::collections::BTreeMap;
use std::time::Duration;

use super::alone;
use super::cells::{Cell, run, watched};
use super::support::submitted::{Seen, Submitted};
use super::support::{cluster, report, wait_for};

/// `topology.message.timeout.secs` of the bolt that forgets: long enough that all others are acked before.
const TIMEOUT: Duration = Duration::from_secs(8);

/// `kafka.spout.retry.initial.delay.ms` of the bolt that fails.
const DELAY: Duration = Duration::from_secs(8);

/// How long each tuple that was not acked took to come again.
fn waits(seen: &[Seen]) -> BTreeMap<usize, Duration> {
    let mut refused = BTreeMap::new();
    let mut waits = BTreeMap::new();
    for seen in seen {
        if seen.how != "ack" {
            refused.insert(seen.number, seen.millis);
        } else if let Some(since) = refused.remove(&seen.number) {
            waits.insert(seen.number, Duration::from_millis(seen.millis.saturating_sub(since)));
        }
    }
    waits
}

/// Gives the shortest and the longest wait.
fn between(what: &str, waits: &BTreeMap<usize, Duration>, least: Duration, most: Duration) -> (Duration, Duration) {
    let shortest = *waits.values().min().expect("something came again");
    let longest = *waits.values().max().expect("something came again");
    report(&format!("{what} came again {shortest:?} to {longest:?} later; promised: {least:?} to {most:?}"));
    assert!(shortest >= least, "{what} came again {shortest:?} later, too early: {waits:?}");
    assert!(longest < 3 * most, "{what} came again only {longest:?} later: {waits:?}");
    (shortest, longest)
}

/// What the bolt forgets comes again when the timeout is over, and the offsets wait for it.
fn forgets(topology: &Submitted<'_>) -> (usize, String) {
    let forgotten = topology.produced() / 500;
    topology.wait_for_acked(topology.produced() - forgotten);
    wait_for("the offsets of what was acked", || {
        topology.audit();
        let first = topology.first_not_acked();
        assert!(topology.acked().len() < topology.produced(), "all came before the offsets were looked at");
        (topology.stored() == first).then_some(())
    });
    wait_for("all that was forgotten", || {
        topology.audit();
        (topology.acked().len() == topology.produced()).then_some(())
    });
    let again = topology.wait_for_all();
    assert_eq!(again, forgotten, "what was forgotten comes again, and nothing else");
    assert_eq!(watched(topology).twice, [""; 0], "tuples came again before Storm failed them");
    let waits = waits(&topology.seen());
    assert_eq!(waits.len(), forgotten);
    // From the emit on Storm counts one to two timeouts; the bolt saw the tuple somewhat later, by a second at most.
    let (shortest, longest) = between("forgotten tuples", &waits, TIMEOUT.mul_f64(0.875), 2 * TIMEOUT);
    (again, format!("{:.1} to {:.1} s later", shortest.as_secs_f64(), longest.as_secs_f64()))
}

/// What the bolt fails comes again after its delay; meanwhile all others pass, though fewer may be in flight than wait.
fn fails(topology: &Submitted<'_>) -> (usize, String) {
    let again = topology.wait_for_all();
    let seen = topology.seen();
    let failed = topology.failed();
    assert_eq!(again, failed.len(), "what failed comes again, and nothing else");
    let waits = waits(&seen);
    assert_eq!(waits.len(), failed.len());
    let (shortest, longest) = between("failed tuples", &waits, DELAY, DELAY);
    // One line each for all records, then one more for those that failed.
    let early = seen[..topology.produced()].iter().filter(|seen| seen.how == "ack").count();
    assert_eq!(early, topology.produced() - failed.len(), "what failed held others up");
    (again, format!("{:.1} to {:.1} s later, after all others", shortest.as_secs_f64(), longest.as_secs_f64()))
}

/// Few are in flight, so none waits for longer than the timeout.
fn slow_with_few_pending(topology: &Submitted<'_>) -> (usize, String) {
    let again = topology.wait_for_all();
    assert_eq!(again, 0, "no tuple was in flight for long");
    let watched = watched(topology);
    assert_eq!((watched.in_flight, &watched.twice[..]), (5, &[][..]));
    (again, "at most 5 in flight".to_owned())
}

/// Tuples wait before the bolt until Storm gives them up.
fn slower_than_the_timeout(topology: &Submitted<'_>) -> (usize, String) {
    let again = topology.wait_for_all();
    assert!(again > 0, "nothing timed out, so nothing was tested");
    assert_eq!(watched(topology).twice, [""; 0], "tuples came again before Storm failed them");
    (again, "the offsets reach the end".to_owned())
}

#[test]
fn bolts_that_fail_forget_or_are_slow_lose_nothing() {
    let _turn = alone();
    let (timeout, delay) = (TIMEOUT.as_secs(), DELAY.as_millis());
    run(
        cluster(),
        &[
            Cell {
                name: "the bolt forgets one in 500",
                arguments: format!("watch=1 topology.message.timeout.secs={timeout} drop.one.in=500"),
                records: 8000,
                check: &forgets,
            },
            Cell {
                name: "the bolt fails one in 100, topology.max.spout.pending 10",
                arguments: format!(
                    "watch=1 topology.max.spout.pending=10 fail.one.in=100 kafka.spout.retry.jitter=0 \
                     kafka.spout.retry.initial.delay.ms={delay}"
                ),
                records: 2000,
                check: &fails,
            },
            Cell {
                name: "a slow bolt, topology.max.spout.pending 5",
                arguments: "watch=1 topology.message.timeout.secs=10 topology.max.spout.pending=5 sleep.ms=5"
                    .to_owned(),
                records: 1000,
                check: &slow_with_few_pending,
            },
            // All in flight at once take 8 s, and Storm gives up those that took 3 s, or 6 at the latest.
            Cell {
                name: "a bolt slower than topology.message.timeout.secs",
                arguments: "watch=1 topology.message.timeout.secs=3 sleep.ms=4".to_owned(),
                records: 2000,
                check: &slower_than_the_timeout,
            },
        ],
    );
}
