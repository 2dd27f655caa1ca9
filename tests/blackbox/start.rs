//! Where reading begins, and where it goes on.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::support::conf::Conf;
use crate::support::kafka::Topic;
use crate::support::parent::FakeParent;
use crate::support::{wait_for, zk};

const RECORDS: i64 = 10;
const STORED: i64 = 4;

/// A partition with no stored offset, one that this topology stored, one that another topology stored.
fn first_offsets(strategy: &str) -> [i64; 3] {
    let topic = Topic::new("start", 3);
    for partition in 0..3 {
        topic.produce(partition, (0..RECORDS).map(|_| "before"));
    }
    let conf = Conf::new(&[&topic]).fields(&["partition", "offset"]).spout("first.poll.offset.strategy", strategy);
    zk::write(&conf.node(1), &zk::legacy(conf.topology_id(), STORED, 1, &topic.name));
    zk::write(&conf.node(2), &zk::legacy("older-1-1600000000", STORED, 2, &topic.name));
    let mut parent = FakeParent::activated(&conf);
    // A start that was found by strategy is stored: from then on it is known where the end of the log was taken to be.
    zk::wait_for_node(&conf.node(0));
    if !strategy.to_lowercase().starts_with("uncommitted") {
        wait_for("the start of partition 2", || zk::read(&conf.node(2))?.0.contains(conf.topology_id()).then_some(()));
    }
    for partition in 0..3 {
        topic.produce(partition, ["after"]);
    }
    let mut first = BTreeMap::new();
    parent.next_until("tuple of each partition", |reply| {
        for emit in &reply.emits {
            first.entry(emit.integer(0)).or_insert(emit.integer(1));
        }
        first.len() == 3
    });
    parent.finish();
    [first[&0], first[&1], first[&2]]
}

#[test]
fn earliest_begins_at_the_beginning_unless_this_topology_has_stored_an_offset() {
    assert_eq!(first_offsets("earliest"), [0, STORED, 0]);
}

#[test]
fn latest_begins_at_the_end_unless_this_topology_has_stored_an_offset() {
    assert_eq!(first_offsets("LATEST"), [RECORDS, STORED, RECORDS]);
}

#[test]
fn uncommitted_earliest_goes_on_from_any_stored_offset_else_begins_at_the_beginning() {
    assert_eq!(first_offsets("UNCOMMITTED_EARLIEST"), [0, STORED, STORED]);
}

#[test]
fn uncommitted_latest_goes_on_from_any_stored_offset_else_begins_at_the_end() {
    assert_eq!(first_offsets("uncommitted-latest"), [RECORDS, STORED, STORED]);
}

#[test]
fn a_start_found_by_strategy_is_stored_before_the_first_emit() {
    let topic = Topic::new("start", 1);
    topic.produce(0, ["a", "b"]);
    topic.forget_before(0, 1);
    let conf = Conf::new(&[&topic]).spout("offset.commit.period.ms", 3_600_000);
    let mut parent = FakeParent::activated(&conf);
    parent.collect(1);
    assert_eq!(zk::offset(&conf.node(0)), Some(1));
    // It dies before it acks anything; what comes next begins at the same place.
    parent.kill();
    parent.wait_for_exit();
    let conf = conf.spout("first.poll.offset.strategy", "uncommitted-latest");
    let mut parent = FakeParent::activated(&conf);
    assert_eq!(parent.collect(1)[0].text(0), "b");
    parent.finish();
}

#[test]
fn a_restart_goes_on_at_the_committed_offset() {
    let topic = Topic::new("start", 1);
    topic.produce(0, (0..10).map(|number| number.to_string()));
    let conf = Conf::new(&[&topic]);
    let mut parent = FakeParent::activated(&conf);
    let emits = parent.collect(10);
    parent.ack_all(emits[..4].iter().chain(&emits[5..7]));
    parent.finish();
    let mut parent = FakeParent::activated(&conf);
    let again: Vec<String> = parent.collect(6).iter().map(|emit| emit.text(0).to_owned()).collect();
    assert_eq!(again, ["4", "5", "6", "7", "8", "9"]);
    parent.finish();
}

#[test]
fn offsets_that_retention_has_passed_are_counted_and_reading_goes_on() {
    let topic = Topic::new("start", 1);
    topic.produce(0, (0..10).map(|number| number.to_string()));
    topic.forget_before(0, 7);
    let conf = Conf::new(&[&topic]);
    zk::write(&conf.node(0), &zk::legacy("older", 2, 0, &topic.name));
    let mut parent = FakeParent::activated(&conf);
    parent.wait_for_error(&[&topic.name, "5 offsets", "retention"]);
    let emits = parent.collect(3);
    assert_eq!(emits[0].text(0), "7");
    parent.ack_all(&emits);
    zk::wait_for_offset(&conf.node(0), 10);
    parent.finish();
}

#[test]
fn a_log_that_is_shorter_than_the_stored_offset_is_told_and_read_from_its_beginning() {
    let topic = Topic::new("start", 1);
    topic.produce(0, ["0", "1", "2"]);
    let conf = Conf::new(&[&topic]);
    zk::write(&conf.node(0), &zk::legacy("older", 10_650, 0, &topic.name));
    let mut parent = FakeParent::activated(&conf);
    parent.wait_for_error(&[&topic.name, "10650", "made anew"]);
    let emits = parent.collect(3);
    assert_eq!(emits[0].text(0), "0");
    parent.ack_all(&emits);
    zk::wait_for_offset(&conf.node(0), 3);
    parent.finish();
}

#[test]
fn a_topic_that_is_made_anew_while_it_is_read_is_read_from_its_beginning() {
    let topic = Topic::new("start", 1);
    topic.produce(0, (0..5).map(|_| "of the first topic"));
    let conf = Conf::new(&[&topic])
        .spout("partition.refresh.period.ms", 200)
        .spout("consumer.topic.metadata.refresh.interval.ms", 500);
    let mut parent = FakeParent::activated(&conf);
    let emits = parent.collect(5);
    parent.ack_all(&emits);
    zk::wait_for_offset(&conf.node(0), 5);
    topic.delete();
    topic.create(1, &[]);
    topic.produce(0, ["of the second topic"]);
    let emits = parent.collect(1);
    assert_eq!(emits[0].text(0), "of the second topic");
    parent.ack_all(&emits);
    zk::wait_for_offset(&conf.node(0), 1);
    parent.finish();
}

/// An operator's edit while the topology is switched off, and the very same one again; gives what came after the first.
fn edit_while_deactivated(offset: i64) -> Vec<String> {
    let topic = Topic::new("start", 1);
    topic.produce(0, (0..RECORDS).map(|number| number.to_string()));
    let conf = Conf::new(&[&topic]);
    let mut parent = FakeParent::activated(&conf);
    let emits = parent.collect(RECORDS as usize);
    parent.ack_all(&emits[..6]);
    parent.deactivate();
    zk::wait_for_offset(&conf.node(0), 6);
    zk::write(&conf.node(0), &zk::legacy("operator", offset, 0, &topic.name));
    let mut after_activate = || -> Vec<String> {
        parent.activate();
        let emits = parent.collect((RECORDS - offset) as usize);
        assert_eq!(parent.idle(Duration::from_millis(300)), []);
        parent.ack_all(&emits);
        zk::wait_for_offset(&conf.node(0), RECORDS);
        parent.deactivate();
        emits.iter().map(|emit| emit.text(0).to_owned()).collect()
    };
    let first = after_activate();
    zk::write(&conf.node(0), &zk::legacy("operator", offset, 0, &topic.name));
    assert_eq!(after_activate(), first);
    parent.finish();
    first
}

#[test]
fn an_offset_that_is_set_back_while_deactivated_is_obeyed() {
    assert_eq!(edit_while_deactivated(2), ["2", "3", "4", "5", "6", "7", "8", "9"]);
}

#[test]
fn an_offset_that_is_set_forward_while_deactivated_is_obeyed() {
    assert_eq!(edit_while_deactivated(8), ["8", "9"]);
}
