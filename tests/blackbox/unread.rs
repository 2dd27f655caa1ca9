//! A parent that does not read: a worker in a long collection, or one that is about to be killed.

use std::time::Duration;

use serde_json::json;

use crate::support::conf::Conf;
use crate::support::exit::until_in_time;
use crate::support::kafka::Topic;
use crate::support::parent::FakeParent;
use crate::support::stack::stack;
use crate::support::{proc, wait_for, zk};

/// Three times the promised second.
const LIMIT: Duration = Duration::from_secs(3);

#[test]
fn a_record_that_does_not_fit_into_the_pipe_keeps_sigterm_from_nothing() {
    let (exit, conf) = until_in_time("SIGTERM with 10 MB unread", || {
        let topic = Topic::later("unread");
        topic.create(1, &[("max.message.bytes", "12000000")]);
        topic.produce(0, ["a", "b", "c"]);
        let conf = Conf::new(&[&topic]).spout("offset.commit.period.ms", 3_600_000);
        let mut parent = FakeParent::activated(&conf);
        let emits = parent.collect(3);
        topic.produce(0, ["x".repeat(10_000_000)]);
        // In flight are three; so each of these is answered at once, and one of them with the record.
        wait_for("the large record in the pipe", || {
            parent.send("next", &json!(""));
            (parent.unread_bytes() > 50_000).then_some(())
        });
        for emit in &emits[..2] {
            parent.send("ack", &emit.id());
        }
        parent.terminate();
        (parent.wait_for_exit(), conf)
    });
    assert!(exit.code == Some(0) && exit.took < LIMIT, "{:?} {:?} {}", exit.code, exit.took, exit.stderr);
    assert!(exit.stderr.contains("4 emitted"), "{}", exit.stderr);
    assert_eq!(zk::offset(&conf.node(0)), Some(2));
}

#[test]
fn many_records_that_nobody_reads_keep_the_end_of_stdin_from_nothing() {
    let (exit, conf) = until_in_time("EOF with a full pipe", || {
        let topic = Topic::new("unread", 1);
        topic.produce(0, (0..3000).map(|_| "x".repeat(500)));
        let conf = Conf::new(&[&topic]).spout("offset.commit.period.ms", 3_600_000);
        let mut parent = FakeParent::activated(&conf);
        let emits = parent.collect_at_least(100);
        for _ in 0..50 {
            parent.send("next", &json!(""));
        }
        for emit in &emits[..70] {
            parent.send("ack", &emit.id());
        }
        parent.close_stdin();
        (parent.wait_for_exit(), conf)
    });
    assert!(exit.code == Some(0) && exit.took < LIMIT, "{:?} {:?} {}", exit.code, exit.took, exit.stderr);
    assert_eq!(zk::offset(&conf.node(0)), Some(70));
}

#[test]
fn acks_and_deactivate_are_obeyed_while_the_pipe_is_full() {
    let topic = Topic::new("unread", 1);
    topic.produce(0, (0..3000).map(|_| "x".repeat(500)));
    let conf = Conf::new(&[&topic]).fields(&["offset", "value"]);
    let mut parent = FakeParent::activated(&conf);
    let mut emits = parent.collect_at_least(100);
    for _ in 0..50 {
        parent.send("next", &json!(""));
    }
    let acks = emits.len();
    for emit in &emits {
        parent.send("ack", &emit.id());
    }
    zk::wait_for_offset(&conf.node(0), acks as i64);
    parent.send("deactivate", &json!(""));
    let port = stack().kafka_port();
    wait_for("no socket to Kafka", || (proc::to_port(&proc::sockets(parent.pid()), port) == 0).then_some(()));
    // Now it reads: everything is there, and in order.
    for _ in 0..=50 + acks {
        emits.append(&mut parent.reply().emits);
    }
    assert!(emits.len() > acks);
    parent.ack_all(&emits[acks..]);
    parent.activate();
    while emits.len() < 3000 {
        let more = parent.collect_at_least(1);
        parent.ack_all(&more);
        emits.extend(more);
    }
    assert!(emits.iter().map(|emit| emit.integer(0)).eq(0..3000));
    zk::wait_for_offset(&conf.node(0), 3000);
    parent.finish();
}
