//! At least once: what acks and fails do.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::conf::Conf;
use crate::support::kafka::Topic;
use crate::support::parent::FakeParent;
use crate::support::wire::{Emit, Message, Reply, level};
use crate::support::{report, zk};

/// Several commit periods of these tests: what has not been committed by then is not about to be.
const SOME_COMMITS: Duration = Duration::from_millis(400);

fn topic_with(count: usize) -> Topic {
    let topic = Topic::new("acks", 1);
    topic.produce(0, (0..count).map(|number| number.to_string()));
    topic
}

#[test]
fn only_the_acked_prefix_is_committed() {
    let topic = topic_with(6);
    let conf = Conf::new(&[&topic]);
    let mut parent = FakeParent::activated(&conf);
    let emits = parent.collect(6);
    for index in [0, 4, 2, 5] {
        parent.ack(&emits[index]);
    }
    zk::wait_for_offset(&conf.node(0), 1);
    parent.idle(SOME_COMMITS);
    assert_eq!(zk::offset(&conf.node(0)), Some(1), "record 1 is pending");
    parent.ack(&emits[1]);
    zk::wait_for_offset(&conf.node(0), 3);
    parent.idle(SOME_COMMITS);
    assert_eq!(zk::offset(&conf.node(0)), Some(3), "record 3 is pending");
    parent.ack(&emits[3]);
    zk::wait_for_offset(&conf.node(0), 6);
    parent.finish();
}

#[test]
fn a_failed_record_comes_again_with_the_same_bytes_after_its_backoff() {
    let topic = topic_with(2);
    let conf = Conf::new(&[&topic])
        .fields(&["offset", "value"])
        .spout("retry.initial.delay.ms", 300)
        .spout("retry.delay.ms", 700)
        .spout("retry.jitter", 0);
    let mut parent = FakeParent::activated(&conf.fields(&["offset", "value"]));
    let emits = parent.collect(2);
    for (attempt, wait) in [300, 700, 1400].into_iter().enumerate() {
        let failed = Instant::now();
        parent.fail(&emits[0]);
        let again = parent.collect(1);
        let took = failed.elapsed();
        assert_eq!(again[0].frame, emits[0].frame);
        report(&format!("fail {}: {took:?} for a backoff of {wait} ms", attempt + 1));
        assert!(took >= Duration::from_millis(wait), "{took:?}");
    }
    parent.finish();
}

#[test]
fn a_failed_record_blocks_the_commit_until_it_is_acked() {
    let topic = topic_with(3);
    let conf = Conf::new(&[&topic]);
    let mut parent = FakeParent::activated(&conf);
    let emits = parent.collect(3);
    parent.ack_all([&emits[0], &emits[2]]);
    parent.fail(&emits[1]);
    let again = parent.collect(1);
    zk::wait_for_offset(&conf.node(0), 1);
    parent.idle(SOME_COMMITS);
    assert_eq!(zk::offset(&conf.node(0)), Some(1));
    parent.ack_all(&again);
    zk::wait_for_offset(&conf.node(0), 3);
    parent.finish();
}

#[test]
fn an_ack_that_comes_after_the_fail_counts_and_saves_the_retry() {
    let topic = topic_with(2);
    let conf = Conf::new(&[&topic]).spout("retry.initial.delay.ms", 200).spout("retry.jitter", 0);
    let mut parent = FakeParent::activated(&conf);
    let emits = parent.collect(2);
    parent.fail(&emits[0]);
    parent.ack_all(&emits);
    zk::wait_for_offset(&conf.node(0), 2);
    assert_eq!(parent.idle(Duration::from_millis(500)), []);
    parent.finish();
}

#[test]
fn acks_and_fails_that_come_twice_or_of_nobody_change_nothing() {
    let topic = topic_with(4);
    let conf = Conf::new(&[&topic]);
    let mut parent = FakeParent::activated(&conf);
    let emits = parent.collect(4);
    for emit in [&emits[0], &emits[0], &emits[2]] {
        parent.ack(emit);
    }
    parent.fail(&emits[0]);
    parent.fail(&emits[2]);
    for foreign in [json!("0:99"), json!("7:0"), json!(17), json!("x"), json!({"a": []}), json!("0:-1")] {
        assert!(parent.command("ack", &foreign).errors.is_empty());
        assert!(parent.command("fail", &foreign).errors.is_empty());
    }
    zk::wait_for_offset(&conf.node(0), 1);
    assert_eq!(parent.idle(SOME_COMMITS), []);
    assert_eq!(zk::offset(&conf.node(0)), Some(1));
    parent.finish();
}

#[test]
fn a_record_that_fails_too_often_is_named_in_the_log_and_passed_over() {
    let topic = topic_with(2);
    let conf = Conf::new(&[&topic]).spout("retry.limit", 2).spout("retry.delay.ms", 1);
    let mut parent = FakeParent::activated(&conf);
    let emits = parent.collect(2);
    parent.ack(&emits[1]);
    for _ in 0..2 {
        parent.fail(&emits[0]);
        assert_eq!(parent.collect(1)[0].frame, emits[0].frame);
    }
    let name = format!("{}/0 offset 0", topic.name);
    let tells = |reply: &Reply| reply.logs.iter().any(|(at, text)| *at == level::WARN && text.contains(&name));
    if !tells(&parent.fail(&emits[0])) {
        parent.next_until("WARN that names the record", |reply| tells(reply));
    }
    assert_eq!(parent.idle(SOME_COMMITS), []);
    zk::wait_for_offset(&conf.node(0), 2);
    parent.finish();
}

#[test]
fn without_ackers_tuples_have_no_id_and_offsets_advance_when_the_next_command_shows_that_they_were_read() {
    let topic = topic_with(600);
    let conf = Conf::new(&[&topic]).set("topology.acker.executors", 0);
    let mut parent = FakeParent::activated(&conf);
    let emits = parent.collect(600);
    assert!(emits.iter().all(|emit| emit.id.is_none()));
    std::thread::sleep(SOME_COMMITS);
    assert!(zk::offset(&conf.node(0)) < Some(600), "a worker that dies now has the last reply in its pipe");
    parent.next();
    zk::wait_for_offset(&conf.node(0), 600);
    parent.finish();
    topic.produce(0, ["after"]);
    let mut parent = FakeParent::activated(&conf);
    assert_eq!(parent.collect(1)[0].text(0), "after");
    parent.finish();
}

/// Storm 1.1.3 acks inside the emit when nobody reads the stream: an ack for each tuple, nested, before the reply to
/// `next` has been read. Each sync goes to the innermost level.
#[test]
fn acks_nested_in_emits_do_not_deadlock() {
    let topic = Topic::new("acks", 1);
    let value = "x".repeat(150);
    topic.produce(0, (0..2000).map(|_| &value));
    let conf = Conf::new(&[&topic]);
    let mut parent = FakeParent::activated(&conf);
    let mut acked = 0;
    while acked < 2000 {
        parent.send("next", &json!(""));
        acked += answer_nested(&mut parent);
    }
    zk::wait_for_offset(&conf.node(0), 2000);
    parent.finish();
}

fn answer_nested(parent: &mut FakeParent) -> usize {
    let mut acked = 0;
    loop {
        match parent.read_message() {
            Message::Sync => return acked,
            Message::Emit(emit) => {
                parent.send("ack", &emit.id());
                acked += 1 + answer_nested(parent);
            }
            _ => {}
        }
    }
}

/// The same with the acks of a whole batch written before any answer is read: both pipes are full then.
#[test]
fn acks_that_are_written_while_nobody_reads_do_not_deadlock() {
    let topic = Topic::new("acks", 1);
    let value = "x".repeat(600);
    topic.produce(0, (0..1000).map(|_| &value));
    let conf = Conf::new(&[&topic]);
    let mut parent = FakeParent::activated(&conf);
    let emits = parent.collect(1000);
    let acks: Vec<String> = emits.iter().map(|emit| padded_ack(emit, 2000)).collect();
    // 2 MB of acks, and 90 KB of syncs for them: neither fits into a pipe.
    for ack in &acks {
        parent.write(ack.as_bytes());
        for _ in 0..3 {
            parent.send("next", &json!(""));
        }
    }
    for _ in 0..4000 {
        parent.reply();
    }
    zk::wait_for_offset(&conf.node(0), 1000);
    parent.finish();
}

fn padded_ack(emit: &Emit, size: usize) -> String {
    let command = json!({"command": "ack", "id": emit.id(), "padding": Value::String(" ".repeat(size))});
    format!("{command}\nend\n")
}
