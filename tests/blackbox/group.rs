//! The copy of the offsets in the consumer group.

use std::time::{Duration, Instant};

use rdkafka::mocking::{MockCluster, MockCoordinator};
use serde_json::{Value, json};

use crate::support::conf::Conf;
use crate::support::group::{Member, committed, consumer_groups};
use crate::support::kafka::{Producer, Record, Topic};
use crate::support::parent::FakeParent;
use crate::support::stack::stack;
use crate::support::wire::level;
use crate::support::{report, wait_for, zk};

/// Three times the promised second.
const LIMIT: Duration = Duration::from_secs(3);

fn ten_records() -> (Topic, Conf, String) {
    let topic = Topic::new("group", 1);
    topic.produce(0, (0..10).map(|number| number.to_string()));
    let conf = Conf::new(&[&topic]);
    let group = format!("{}-kafka", conf.topology_name());
    (topic, conf, group)
}

fn wait_for_copy(group: &str, topic: &Topic, offset: i64) -> String {
    wait_for(&format!("offset {offset} in group {group}"), || {
        let (found, metadata) = committed(&stack().kafka, group, &topic.name, 0)?;
        (found == offset).then_some(metadata)
    })
}

#[test]
fn the_group_follows_the_acked_prefix_with_javas_metadata() {
    let (topic, conf, group) = ten_records();
    let mut parent = FakeParent::activated(&conf);
    let emits = parent.collect(10);
    parent.ack_all([&emits[0], &emits[1], &emits[2], &emits[5]]);
    let metadata = wait_for_copy(&group, &topic, 3);
    let start = format!("{{\"topologyId\":\"{}\",\"taskId\":3,\"threadName\":\"", conf.topology_id());
    assert!(metadata.starts_with(&start), "{metadata}");
    assert!(serde_json::from_str::<Value>(&metadata).is_ok(), "{metadata}");
    parent.ack_all(&emits[3..]);
    wait_for_copy(&group, &topic, 10);
    parent.finish();
}

#[test]
fn kafkas_own_tool_shows_offset_and_lag() {
    let (topic, conf, group) = ten_records();
    let mut parent = FakeParent::activated(&conf);
    let emits = parent.collect(10);
    parent.ack_all(&emits[..6]);
    wait_for_copy(&group, &topic, 6);
    let shown = consumer_groups(&stack().kafka, &group);
    report(&format!("kafka-consumer-groups --describe --group {group}:{shown}"));
    let row = shown.lines().find(|line| line.contains(&topic.name)).expect("a row for the topic");
    let columns: Vec<&str> = row.split_whitespace().collect();
    // GROUP TOPIC PARTITION CURRENT-OFFSET LOG-END-OFFSET LAG ...
    assert_eq!(columns[..6], [&group, topic.name.as_str(), "0", "6", "10", "4"], "{shown}");
    parent.ack_all(&emits[6..]);
    parent.finish();
}

#[test]
fn the_group_has_the_start_before_anything_is_acked() {
    let (topic, conf, group) = ten_records();
    zk::write(&conf.node(0), &zk::legacy("older", 4, 0, &topic.name));
    let mut parent = FakeParent::activated(&conf);
    parent.collect(6);
    wait_for_copy(&group, &topic, 4);
    parent.finish();
}

#[test]
fn the_last_acks_are_in_the_group_when_the_client_is_closed() {
    for ending in ["deactivate", "EOF", "SIGTERM"] {
        let (topic, conf, group) = ten_records();
        let mut parent = FakeParent::activated(&conf.spout("offset.commit.period.ms", 3_600_000));
        let emits = parent.collect(10);
        parent.ack_all(&emits[..7]);
        match ending {
            "deactivate" => drop(parent.deactivate()),
            "EOF" => parent.close_stdin(),
            _ => parent.terminate(),
        }
        wait_for_copy(&group, &topic, 7);
        report(&format!("{ending}: the group has the last acks"));
        if ending == "deactivate" {
            parent.finish();
        } else {
            assert_eq!(parent.wait_for_exit().code, Some(0));
        }
    }
}

#[test]
fn no_copy_is_kept_when_none_is_wanted() {
    let (topic, conf, group) = ten_records();
    let conf = conf.spout("offsets.mirror.group", false);
    let mut parent = FakeParent::activated(&conf);
    let emits = parent.collect(10);
    parent.ack_all(&emits);
    zk::wait_for_offset(&conf.node(0), 10);
    parent.finish();
    assert_eq!(committed(&stack().kafka, &group, &topic.name, 0), None);
}

#[test]
fn a_group_with_members_of_its_own_is_left_alone_with_one_warning() {
    let (topic, conf, group) = ten_records();
    let _member = Member::join(&stack().kafka, &group, &topic.name);
    let mut parent = FakeParent::activated(&conf);
    let emits = parent.collect(10);
    let mut logs = Vec::new();
    for emit in &emits {
        logs.extend(parent.ack(emit).logs);
        std::thread::sleep(Duration::from_millis(60));
    }
    zk::wait_for_offset(&conf.node(0), 10);
    logs.extend(parent.next().logs);
    let warnings: Vec<_> = logs.iter().filter(|(at, text)| *at == level::WARN && text.contains(&group)).collect();
    assert_eq!(warnings.len(), 1, "{logs:?}");
    assert!(warnings[0].1.contains("kafka.spout.offsets.mirror.group"), "{warnings:?}");
    parent.finish();
}

/// A coordinator that never answers keeps neither reading nor the end: a mock cluster whose second broker coordinates the
/// group and leads nothing.
#[test]
fn a_coordinator_that_hangs_delays_nothing() {
    hung_coordinator(Duration::from_millis(300));
}

/// The same once it is known not to answer: the request that waits for it must not hold the client.
#[test]
fn a_coordinator_that_has_hung_for_long_delays_nothing() {
    hung_coordinator(Duration::from_secs(8));
}

fn hung_coordinator(time: Duration) {
    let mock = MockCluster::new(2).expect("mock cluster");
    let topics = [Topic::later("group"), Topic::later("group")];
    for topic in &topics {
        mock.create_topic(&topic.name, 1, 2).expect("topic");
        mock.partition_leader(&topic.name, 0, Some(1)).expect("leader");
    }
    let send = |topic: &Topic, count| {
        let record = Record { value: Some(b"x"), ..Record::default() };
        topic.send_with(&Producer::new(&mock.bootstrap_servers(), &[]), &vec![record; count]);
    };
    send(&topics[0], 10);
    let bootstrap = mock.bootstrap_servers();
    let first = bootstrap.split(',').next().expect("a broker");
    let conf = Conf::new(&[&topics[0]]).spout("bootstrap.servers", first);
    mock.coordinator(MockCoordinator::Group(format!("{}-kafka", conf.topology_name())), 2).expect("coordinator");
    let mut parent = FakeParent::activated(&conf);
    let emits = parent.collect(10);
    parent.ack_all(&emits[..5]);
    zk::wait_for_offset(&conf.node(0), 5);
    mock.broker_round_trip_time(2, Duration::from_secs(1000)).expect("a slow broker");
    parent.ack_all(&emits[5..]);
    zk::wait_for_offset(&conf.node(0), 10);
    parent.idle(time);
    let begun = Instant::now();
    parent.deactivate();
    parent.activate();
    send(&topics[0], 1);
    let more = parent.collect(1);
    report(&format!("coordinator hangs: deactivate, activate and the next record in {:?}", begun.elapsed()));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    parent.ack_all(&more);
    zk::wait_for_offset(&conf.node(0), 11);
    parent.send("next", &json!(""));
    parent.reply();
    parent.terminate();
    let exit = parent.wait_for_exit();
    report(&format!("SIGTERM while the coordinator hangs: {:?}, exit code {:?}", exit.took, exit.code));
    assert!(exit.code == Some(0) && exit.took < LIMIT, "{exit:?}");
}
