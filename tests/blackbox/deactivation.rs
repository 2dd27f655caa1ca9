//! Switched off and on again.

use std::time::Duration;

use procfs::net::TcpState;

use crate::support::conf::Conf;
use crate::support::kafka::Topic;
use crate::support::parent::FakeParent;
use crate::support::stack::stack;
use crate::support::{proc, report, wait_for, zk};

fn topic_with(count: usize) -> Topic {
    let topic = Topic::new("deactivation", 1);
    topic.produce(0, (0..count).map(|number| number.to_string()));
    topic
}

fn kafka_sockets(parent: &FakeParent) -> usize {
    proc::to_port(&proc::sockets(parent.pid()), stack().kafka_port())
}

fn wait_until_kafka_is_left(parent: &FakeParent) {
    wait_for("no socket to Kafka", || (kafka_sockets(parent) == 0).then_some(()));
}

#[test]
fn deactivate_closes_every_socket_to_kafka_and_keeps_the_one_to_zookeeper() {
    let topic = topic_with(10);
    let conf = Conf::new(&[&topic]);
    let mut parent = FakeParent::activated(&conf);
    let emits = parent.collect(10);
    parent.ack_all(&emits[..4]);
    assert!(kafka_sockets(&parent) >= 1);
    let before = proc::sockets(parent.pid());
    parent.deactivate();
    wait_until_kafka_is_left(&parent);
    let left = proc::sockets(parent.pid());
    assert_eq!(proc::to_port(&left, stack().zookeeper_port()), 1);
    assert_eq!(proc::count(&left, &TcpState::Established), left.len(), "{left:?}");
    let kafka: Vec<_> = before.into_iter().filter(|socket| socket.remote == stack().kafka_port()).collect();
    wait_for("no socket but in TIME_WAIT", || proc::remains(&kafka).is_empty().then_some(()));
    // Acks still come, and count.
    parent.ack_all(&emits[4..8]);
    zk::wait_for_offset(&conf.node(0), 8);
    parent.finish();
}

#[test]
fn activate_goes_on_without_losing_or_repeating_anything() {
    let topic = topic_with(20);
    let conf = Conf::new(&[&topic]).spout("max.in.flight", 10);
    let mut parent = FakeParent::activated(&conf);
    let mut emits = parent.collect(10);
    parent.ack_all(&emits[..5]);
    parent.deactivate();
    wait_until_kafka_is_left(&parent);
    parent.ack_all([&emits[6], &emits[8]]);
    parent.activate();
    emits.append(&mut parent.collect(7));
    parent.ack_all([&emits[5], &emits[7], &emits[9]]);
    emits.append(&mut parent.collect(3));
    parent.ack_all(&emits[10..]);
    zk::wait_for_offset(&conf.node(0), 20);
    assert_eq!(parent.idle(Duration::from_millis(300)), []);
    assert!(emits.iter().map(|emit| emit.text(0)).eq((0..20).map(|number| number.to_string())));
    parent.finish();
}

#[test]
fn tuples_that_fail_while_deactivated_come_again_once_activated() {
    let topic = topic_with(3);
    let conf = Conf::new(&[&topic]);
    let mut parent = FakeParent::activated(&conf);
    let emits = parent.collect(3);
    parent.deactivate();
    parent.fail(&emits[1]);
    parent.ack_all([&emits[0], &emits[2]]);
    assert_eq!(parent.idle(Duration::from_millis(300)), [], "a spout that is switched off emits nothing");
    parent.activate();
    let again = parent.collect(1);
    assert_eq!(again[0].frame, emits[1].frame);
    parent.ack_all(&again);
    zk::wait_for_offset(&conf.node(0), 3);
    parent.finish();
}

#[test]
fn before_the_first_activate_nothing_is_emitted() {
    let topic = topic_with(3);
    let mut parent = FakeParent::start(&Conf::new(&[&topic]));
    assert_eq!(parent.idle(Duration::from_millis(500)), []);
    parent.activate();
    parent.activate();
    assert_eq!(parent.collect(3).len(), 3);
    parent.finish();
}

#[test]
fn a_topology_that_is_deactivated_at_once_ends_content() {
    let topic = topic_with(3);
    let conf = Conf::new(&[&topic]);
    let mut parent = FakeParent::start(&conf);
    parent.deactivate();
    parent.deactivate();
    wait_until_kafka_is_left(&parent);
    parent.activate();
    let emits = parent.collect(3);
    parent.ack_all(&emits);
    zk::wait_for_offset(&conf.node(0), 3);
    parent.finish();
}

#[test]
fn twenty_times_off_and_on_leave_no_more_than_once() {
    let topic = topic_with(0);
    let conf = Conf::new(&[&topic]);
    let mut parent = FakeParent::activated(&conf);
    let mut once = None;
    for round in 0..20 {
        parent.deactivate();
        wait_until_kafka_is_left(&parent);
        parent.activate();
        topic.produce(0, [round.to_string()]);
        let emits = parent.collect(1);
        assert_eq!(emits[0].text(0), round.to_string());
        parent.ack_all(&emits);
        once.get_or_insert_with(|| count(&parent));
    }
    let once = once.expect("at least one round");
    report(&format!(
        "[sockets, descriptors, threads]: {once:?} after one time off and on, {:?} after 20",
        count(&parent)
    ));
    // Two more may be on their way up or down; a leak would be nineteen.
    wait_for("no more than after the first time", || {
        count(&parent).iter().zip(&once).all(|(now, then)| *now <= then + 2).then_some(())
    });
    zk::wait_for_offset(&conf.node(0), 20);
    parent.finish();
}

#[test]
fn off_and_on_in_a_hurry_opens_no_second_client() {
    let topic = topic_with(5);
    let conf = Conf::new(&[&topic]).spout("max.in.flight", 3);
    let mut parent = FakeParent::activated(&conf);
    let mut emits = parent.collect(3);
    let before = count(&parent);
    for _ in 0..20 {
        parent.deactivate();
        parent.activate();
        let now = count(&parent);
        assert!(now[2] <= before[2] + 8, "threads of a second client: {before:?}, {now:?}");
    }
    parent.ack_all(&emits);
    emits.append(&mut parent.collect(2));
    assert!(emits.iter().map(|emit| emit.text(0)).eq(["0", "1", "2", "3", "4"]));
    parent.ack_all(&emits[3..]);
    zk::wait_for_offset(&conf.node(0), 5);
    parent.finish();
}

fn count(parent: &FakeParent) -> [usize; 3] {
    let pid = parent.pid();
    [proc::sockets(pid).len(), proc::descriptors(pid), proc::threads(pid)]
}
