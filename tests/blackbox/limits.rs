//! What stops new records, and what it does not stop.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::support::conf::Conf;
use crate::support::kafka::Topic;
use crate::support::parent::FakeParent;
use crate::support::wire::Emit;
use crate::support::{proc, report, zk};

/// Long enough for records that were on their way to come out.
const A_WHILE: Duration = Duration::from_millis(700);

fn topic_with(partitions: i32, count: usize, value: &str) -> Topic {
    let topic = Topic::new("limits", partitions);
    for partition in 0..partitions {
        topic.produce(partition, (0..count).map(|_| value));
    }
    topic
}

/// Says `next` until nothing more comes.
fn drain(parent: &mut FakeParent) -> Vec<Emit> {
    let mut emits = Vec::new();
    parent.next_until("tuple", |reply| {
        emits.append(&mut reply.emits);
        !emits.is_empty()
    });
    emits.append(&mut parent.idle(A_WHILE));
    emits
}

#[test]
fn the_tuples_in_flight_are_limited() {
    let topic = topic_with(2, 20, "x");
    let mut parent = FakeParent::activated(&Conf::new(&[&topic]).spout("max.in.flight", 7));
    let emits = drain(&mut parent);
    assert_eq!(emits.len(), 7);
    parent.ack_all(&emits[..2]);
    // Storm does not say an ack twice; a parent that does makes no room.
    parent.ack_all(&emits[..2]);
    assert_eq!(drain(&mut parent).len(), 2);
    parent.fail(&emits[2]);
    assert_eq!(drain(&mut parent).len(), 1, "a failed tuple is not in flight");
    parent.finish();
}

#[test]
fn storms_own_limit_is_the_default() {
    let topic = topic_with(1, 20, "x");
    let mut parent = FakeParent::activated(&Conf::new(&[&topic]).set("topology.max.spout.pending", 4));
    assert_eq!(drain(&mut parent).len(), 4);
    parent.finish();
}

#[test]
fn the_window_of_each_partition_is_limited_and_retries_pass() {
    let topic = topic_with(2, 20, "x");
    let conf = Conf::new(&[&topic]).fields(&["partition", "offset"]).spout("max.uncommitted.offsets", 5);
    let mut parent = FakeParent::activated(&conf);
    let emits = drain(&mut parent);
    let of = |partition: i64| emits.iter().filter(move |emit| emit.integer(0) == partition).collect::<Vec<_>>();
    assert_eq!([of(0).len(), of(1).len()], [5, 5]);
    parent.ack_all(of(0)[1..].iter().copied());
    assert_eq!(parent.idle(A_WHILE), [], "the lowest offset is still pending");
    parent.fail(of(0)[0]);
    let again = drain(&mut parent);
    assert_eq!(again.iter().map(|emit| &emit.frame).collect::<Vec<_>>(), [&of(0)[0].frame]);
    parent.ack_all(&again);
    let more = drain(&mut parent);
    assert_eq!(more.iter().map(|emit| emit.integer(1)).collect::<Vec<_>>(), [5, 6, 7, 8, 9]);
    parent.finish();
}

#[test]
fn the_bytes_in_flight_are_limited_and_retries_pass() {
    let topic = topic_with(1, 20, &"x".repeat(600));
    let conf = Conf::new(&[&topic]).spout("max.uncommitted.bytes", 1000);
    let mut parent = FakeParent::activated(&conf);
    let emits = drain(&mut parent);
    assert_eq!(emits.len(), 2, "the second one passes the limit");
    parent.fail(&emits[0]);
    assert_eq!(drain(&mut parent)[0].frame, emits[0].frame);
    assert_eq!(parent.idle(A_WHILE), []);
    parent.ack_all(&emits);
    assert_eq!(drain(&mut parent).len(), 2);
    parent.finish();
}

#[test]
fn one_tuple_is_always_admitted() {
    let topic = topic_with(1, 3, "larger than the limit");
    let mut parent = FakeParent::activated(&Conf::new(&[&topic]).spout("max.uncommitted.bytes", 1));
    for _ in 0..3 {
        let emits = drain(&mut parent);
        assert_eq!(emits.len(), 1);
        parent.ack_all(&emits);
    }
    parent.finish();
}

#[test]
fn the_limit_in_bytes_bounds_the_memory() {
    let (size, count) = (50_000, 2000);
    let topic = topic_with(1, count, &"x".repeat(size));
    let limit = 2 << 20;
    let mut parent = FakeParent::activated(&Conf::new(&[&topic]).spout("max.uncommitted.bytes", limit));
    let emits = drain(&mut parent);
    assert!(emits.len() * size <= limit + 2 * size, "{} tuples", emits.len());
    let resident = proc::resident(parent.pid());
    report(&format!("{} MB resident with 100 MB to read and nothing acked", resident >> 20));
    assert!(resident < 60 << 20, "{resident} bytes");
    parent.finish();
}

#[test]
fn partitions_take_turns() {
    let (partitions, count) = (4, 5000);
    let topic = topic_with(partitions, count, "x");
    let conf = Conf::new(&[&topic]).fields(&["partition"]).spout("max.in.flight", 64);
    let mut parent = FakeParent::start(&conf);
    (0..partitions).for_each(|partition| assert_eq!(zk::wait_for_node(&conf.node(partition)), 0));
    parent.activate();
    // Small as they are, one fetch brings all records of a partition: when the first one is there, the others are.
    let mut came: BTreeMap<i64, usize> = BTreeMap::new();
    let mut in_flight = Vec::new();
    while came.len() < partitions as usize {
        in_flight.append(&mut parent.next().emits);
        if let Some(emit) = in_flight.pop() {
            parent.ack(&emit);
            *came.entry(emit.integer(0)).or_default() += 1;
        }
    }
    parent.ack_all(&in_flight);
    for _ in 0..4 {
        let emits = parent.collect(64);
        let mut share: BTreeMap<i64, usize> = BTreeMap::new();
        for emit in &emits {
            *share.entry(emit.integer(0)).or_default() += 1;
        }
        assert!(share.len() == partitions as usize && share.values().all(|count| *count >= 8), "{share:?}");
        parent.ack_all(&emits);
    }
    parent.finish();
}
