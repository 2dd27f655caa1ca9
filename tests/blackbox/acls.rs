//! A Kafka that forbids: ACLs of a real broker.

use std::time::{Duration, Instant};

use crate::support::conf::Conf;
use crate::support::group::committed;
use crate::support::kafka::Topic;
use crate::support::parent::FakeParent;
use crate::support::stack::{kafka_tool, stack};
use crate::support::wire::level;
use crate::support::{report, wait_for, zk};

/// Three times the promised second.
const LIMIT: Duration = Duration::from_secs(3);

/// Nobody may read what the arguments name, until it is dropped.
struct Denied<'a>(Vec<&'a str>);

impl<'a> Denied<'a> {
    fn new(resource: &[&'a str]) -> Self {
        let denied = Self(resource.to_vec());
        let said = denied.tell("--add", &[]);
        assert!(said.contains("DENY"), "{said}");
        denied
    }

    fn tell(&self, what: &str, more: &[&str]) -> String {
        let read = ["--deny-principal", "User:*", "--operation", "Read"];
        kafka_tool("AclCommand", &stack().kafka, &[&[what], more, &read, &self.0].concat())
    }
}

impl Drop for Denied<'_> {
    fn drop(&mut self) {
        let said = self.tell("--remove", &["--force"]);
        assert!(std::thread::panicking() || !said.contains("Error"), "{said}");
    }
}

fn ten_records() -> (Topic, Conf, String) {
    let topic = Topic::new("acl", 1);
    topic.produce(0, (0..10).map(|number| number.to_string()));
    let conf = Conf::new(&[&topic]);
    let group = format!("{}-kafka", conf.topology_name());
    (topic, conf, group)
}

#[test]
fn a_group_that_may_not_be_written_delays_neither_reading_nor_new_partitions_nor_the_close() {
    let (topic, conf, group) = ten_records();
    let denied = Denied::new(&["--group", &group]);
    let mut parent = FakeParent::activated(&conf.clone().spout("partition.refresh.period.ms", 200));
    let mut warnings = Vec::new();
    let mut seen = 0;
    let begun = Instant::now();
    parent.next_until("ten tuples", |reply| {
        warnings.extend(reply.logs.iter().filter(|(at, text)| *at == level::WARN && text.contains(&group)).cloned());
        seen += reply.emits.len();
        seen == 10
    });
    report(&format!("group forbidden: ten tuples after {:?}", begun.elapsed()));
    wait_for("the one warning", || {
        let logs = parent.next().logs;
        warnings.extend(logs.into_iter().filter(|(at, text)| *at == level::WARN && text.contains(&group)));
        (!warnings.is_empty()).then_some(())
    });
    topic.grow(2);
    topic.produce(1, ["new"]);
    let emits = parent.collect(1);
    parent.ack_all(&emits);
    zk::wait_for_offset(&conf.node(1), 1);
    let begun = Instant::now();
    parent.deactivate();
    parent.activate();
    topic.produce(1, ["newer"]);
    let emits = parent.collect(1);
    report(&format!("group forbidden: deactivate, activate and the next record in {:?}", begun.elapsed()));
    parent.ack_all(&emits);
    zk::wait_for_offset(&conf.node(1), 2);
    let more = parent.next().logs;
    assert!(!more.iter().any(|(_, text)| text.contains(&group)), "{more:?}");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].1.contains("kafka.spout.offsets.mirror.group"), "{warnings:?}");
    parent.terminate();
    let exit = parent.wait_for_exit();
    assert!(exit.code == Some(0) && exit.took < LIMIT, "{exit:?}");
    drop(denied);
    assert_eq!(committed(&stack().kafka, &group, &topic.name, 0), None);
}

#[test]
fn a_forbidden_group_that_is_the_store_is_an_error_until_it_is_allowed() {
    let (topic, conf, group) = ten_records();
    let denied = Denied::new(&["--group", &group]);
    let mut parent = FakeParent::activated(&conf.spout("offsets.store", "group"));
    let error = parent.wait_for_error(&[&group, "uthorization", "kafka.spout.group.id"]);
    report(&format!("Storm UI says: {error}"));
    drop(denied);
    let emits = parent.collect(10);
    parent.ack_all(&emits);
    wait_for("the offset in the group", || (committed(&stack().kafka, &group, &topic.name, 0)?.0 == 10).then_some(()));
    parent.finish();
}

#[test]
fn a_group_that_is_forbidden_while_it_is_the_store_is_an_error_and_nothing_is_lost() {
    let (topic, conf, group) = ten_records();
    let mut parent = FakeParent::activated(&conf.spout("offsets.store", "group"));
    let emits = parent.collect(10);
    parent.ack_all(&emits[..5]);
    let stored = || committed(&stack().kafka, &group, &topic.name, 0).map(|(offset, _)| offset);
    wait_for("the offset in the group", || (stored() == Some(5)).then_some(()));
    let denied = Denied::new(&["--group", &group]);
    parent.ack_all(&emits[5..]);
    parent.wait_for_error(&[&group, "uthorization"]);
    drop(denied);
    wait_for("the offset in the group", || (stored() == Some(10)).then_some(()));
    parent.finish();
}

#[test]
fn a_topic_that_may_not_be_read_is_an_error_until_it_is_allowed() {
    let (topic, conf, _) = ten_records();
    let denied = Denied::new(&["--topic", &topic.name]);
    let mut parent = FakeParent::activated(&conf);
    let error = parent.wait_for_error(&[&topic.name, "uthorization"]);
    report(&format!("Storm UI says: {error}"));
    drop(denied);
    let emits = parent.collect(10);
    parent.ack_all(&emits);
    zk::wait_for_offset(&conf.node(0), 10);
    parent.finish();
}
