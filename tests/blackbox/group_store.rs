//! Offsets in the consumer group alone: `offsets.store: group`.

use std::time::{Duration, Instant};

use rdkafka::mocking::{MockCluster, MockCoordinator};
use serde_json::{Value, json};

use crate::support::conf::Conf;
use crate::support::group::{self, Member};
use crate::support::kafka::{Producer, Record, Topic};
use crate::support::parent::FakeParent;
use crate::support::stack::stack;
use crate::support::{proc, report, wait_for, zk};

/// Three times the promised second.
const LIMIT: Duration = Duration::from_secs(3);

/// No configuration of ZooKeeper at all.
fn in_group(topic: &Topic) -> Conf {
    Conf::new(&[topic]).set("storm.zookeeper.servers", Value::Null).spout("offsets.store", "group").fields(&["offset"])
}

fn ten_records() -> (Topic, Conf) {
    let topic = Topic::new("store", 1);
    topic.produce(0, (0..10).map(|number| number.to_string()));
    let conf = in_group(&topic);
    (topic, conf)
}

fn group_of(conf: &Conf) -> String {
    format!("{}-kafka", conf.topology_name())
}

fn stored(conf: &Conf, topic: &Topic, partition: i32) -> Option<(i64, String)> {
    group::committed(&stack().kafka, &group_of(conf), &topic.name, partition)
}

fn wait_for_stored(conf: &Conf, topic: &Topic, offset: i64) -> String {
    wait_for(&format!("offset {offset} in the group"), || {
        let (found, metadata) = stored(conf, topic, 0)?;
        (found == offset).then_some(metadata)
    })
}

/// Another process: the offsets of what it emits.
fn second_life(conf: &Conf, count: usize) -> Vec<i64> {
    let mut parent = FakeParent::activated(conf);
    let emits = parent.collect(count);
    parent.finish();
    emits.iter().map(|emit| emit.integer(0)).collect()
}

#[test]
fn the_acked_prefix_is_in_the_group_and_nothing_is_said_to_zookeeper() {
    let (topic, conf) = ten_records();
    let mut parent = FakeParent::activated(&conf);
    let emits = parent.collect(10);
    parent.ack_all([&emits[0], &emits[1], &emits[2], &emits[5]]);
    let metadata = wait_for_stored(&conf, &topic, 3);
    let start = format!("{{\"topologyId\":\"{}\",\"taskId\":3,\"threadName\":\"", conf.topology_id());
    assert!(metadata.starts_with(&start), "{metadata}");
    let sockets = proc::sockets(parent.pid());
    assert_eq!(proc::to_port(&sockets, stack().zookeeper_port()), 0, "{sockets:?}");
    assert_eq!(zk::read(&conf.node(0)), None);
    parent.finish();
    assert_eq!(second_life(&conf, 7), (3..10).collect::<Vec<i64>>());
}

#[test]
fn every_end_leaves_the_last_acks_in_the_group() {
    for ending in ["SIGTERM", "SIGINT", "EOF", "EPIPE", "deactivate"] {
        let (topic, conf) = ten_records();
        let mut parent = FakeParent::activated(&conf.clone().spout("offset.commit.period.ms", 3_600_000));
        let emits = parent.collect(10);
        parent.ack_all(&emits[..7]);
        match ending {
            "SIGTERM" => parent.terminate(),
            "SIGINT" => parent.interrupt(),
            "EOF" => parent.close_stdin(),
            "EPIPE" => parent.close_stdout(),
            _ => {
                parent.deactivate();
                wait_for_stored(&conf, &topic, 7);
                parent.close_stdin();
            }
        }
        let exit = parent.wait_for_exit();
        report(&format!("offsets in the group, {ending}: {} ms", exit.took.as_millis()));
        assert!(exit.code == Some(0) && exit.took < LIMIT, "{ending}: {exit:?}");
        assert_eq!(stored(&conf, &topic, 0).map(|(offset, _)| offset), Some(7), "{ending}");
    }
}

#[test]
fn acks_after_the_signal_are_in_the_group() {
    let (topic, conf) = ten_records();
    let conf = conf.spout("offset.commit.period.ms", 3_600_000);
    let mut parent = FakeParent::activated(&conf);
    let emits = parent.collect(10);
    parent.ack_all(&emits[..3]);
    parent.terminate();
    parent.ack_all(&emits[3..8]);
    let exit = parent.wait_for_exit();
    report(&format!("offsets in the group, acks after SIGTERM: {} ms", exit.took.as_millis()));
    assert!(exit.code == Some(0) && exit.took < LIMIT, "{exit:?}");
    assert_eq!(stored(&conf, &topic, 0).map(|(offset, _)| offset), Some(8));
}

/// Acks that come while the topology is switched off find no client; a short-lived one takes them to the group.
fn acks_while_deactivated(conf: &Conf, topic: &Topic, end: fn(&mut FakeParent)) {
    let mut parent = FakeParent::activated(conf);
    let emits = parent.collect(10);
    parent.ack_all(&emits[..3]);
    parent.deactivate();
    wait_for_stored(conf, topic, 3);
    let (pid, port) = (parent.pid(), stack().kafka_port());
    wait_for("no socket to Kafka", || (proc::to_port(&proc::sockets(pid), port) == 0).then_some(()));
    parent.ack_all(&emits[3..8]);
    end(&mut parent);
    let exit = parent.wait_for_exit();
    report(&format!("acks while deactivated, then the end: {} ms", exit.took.as_millis()));
    assert!(exit.code == Some(0) && exit.took < LIMIT, "{exit:?}");
    assert_eq!(stored(conf, topic, 0).map(|(offset, _)| offset), Some(8));
}

#[test]
fn acks_while_deactivated_are_in_the_group_at_the_end() {
    for end in [FakeParent::terminate, FakeParent::close_stdin] {
        let (topic, conf) = ten_records();
        acks_while_deactivated(&conf, &topic, end);
    }
}

#[test]
fn acks_while_deactivated_are_in_the_groups_copy_at_the_end() {
    for end in [FakeParent::terminate, FakeParent::close_stdin] {
        let topic = Topic::new("store", 1);
        topic.produce(0, (0..10).map(|number| number.to_string()));
        let conf = Conf::new(&[&topic]);
        acks_while_deactivated(&conf, &topic, end);
        assert_eq!(zk::offset(&conf.node(0)), Some(8));
    }
}

#[test]
fn acks_while_deactivated_are_in_the_group_after_the_next_activate() {
    let (topic, conf) = ten_records();
    let mut parent = FakeParent::activated(&conf);
    let emits = parent.collect(10);
    parent.ack_all(&emits[..3]);
    parent.deactivate();
    parent.ack_all(&emits[3..8]);
    parent.activate();
    wait_for_stored(&conf, &topic, 8);
    assert_eq!(parent.idle(Duration::from_millis(300)), []);
    parent.finish();
}

#[test]
fn a_start_found_by_strategy_is_in_the_group_before_the_first_emit() {
    let (topic, conf) = ten_records();
    topic.forget_before(0, 4);
    let mut parent = FakeParent::activated(&conf.clone().spout("offset.commit.period.ms", 3_600_000));
    parent.collect(6);
    assert_eq!(stored(&conf, &topic, 0).map(|(offset, _)| offset), Some(4));
    parent.kill();
    parent.wait_for_exit();
    let latest = conf.spout("first.poll.offset.strategy", "uncommitted-latest");
    assert_eq!(second_life(&latest, 6), (4..10).collect::<Vec<i64>>());
}

#[test]
fn whose_commit_it_is_decides_under_earliest() {
    let (topic, conf) = ten_records();
    let ours = format!("{{\"topologyId\":\"{}\",\"taskId\":9,\"threadName\":\"Thread-1\"}}", conf.topology_id());
    let other = "{\"topologyId\":\"wc-1-1600000000\",\"taskId\":3,\"threadName\":\"Thread-1\"}";
    for (strategy, metadata, first) in
        [("earliest", ours.as_str(), 4), ("earliest", other, 0), ("earliest", "", 0), ("uncommitted-earliest", "", 4)]
    {
        group::commit(&stack().kafka, &group_of(&conf), &topic.name, 4, metadata);
        let conf = conf.clone().spout("first.poll.offset.strategy", strategy);
        assert_eq!(second_life(&conf, 10 - first)[0] as usize, first, "{strategy}, {metadata:?}");
    }
}

#[test]
fn what_an_operator_resets_while_deactivated_is_obeyed() {
    let (topic, conf) = ten_records();
    let mut parent = FakeParent::activated(&conf);
    let emits = parent.collect(10);
    parent.ack_all(&emits);
    parent.deactivate();
    wait_for_stored(&conf, &topic, 10);
    let said = group::reset(&stack().kafka, &group_of(&conf), &topic.name, 6);
    assert!(said.contains(&topic.name), "{said}");
    parent.activate();
    let again: Vec<i64> = parent.collect(4).iter().map(|emit| emit.integer(0)).collect();
    assert_eq!(again, [6, 7, 8, 9]);
    parent.finish();
}

#[test]
fn a_group_with_members_of_its_own_is_an_error_that_names_it_until_they_are_gone() {
    let (topic, conf) = ten_records();
    let group = group_of(&conf);
    let member = Member::join(&stack().kafka, &group, &topic.name);
    let mut parent = FakeParent::activated(&conf);
    parent.wait_for_error(&[&group, "members", "kafka.spout.group.id"]);
    // A start that cannot be stored is none: another one after a crash would lose or repeat.
    assert_eq!(parent.idle(Duration::from_millis(300)), []);
    drop(member);
    let emits = parent.collect(10);
    parent.ack_all(&emits);
    wait_for_stored(&conf, &topic, 10);
    parent.finish();
}

#[test]
fn a_topic_that_is_gone_keeps_neither_offset_nor_start_of_another_one_from_the_group() {
    let topics = [Topic::new("store", 1), Topic::new("store", 1)];
    for topic in &topics {
        topic.produce(0, (0..10).map(|number| number.to_string()));
    }
    let conf = Conf::new(&[&topics[0], &topics[1]]).spout("offsets.store", "group").fields(&["topic", "offset"]);
    let mut parent = FakeParent::activated(&conf.clone().spout("partition.refresh.period.ms", 200));
    let emits = parent.collect(20);
    topics[0].delete();
    parent.ack_all(&emits);
    wait_for("the other topic's offset", || (stored(&conf, &topics[1], 0)?.0 == 10).then_some(()));
    topics[1].grow(2);
    topics[1].produce(1, ["new"]);
    // It is emitted only after its start is stored, which goes with what the group refuses.
    let emits = parent.collect(1);
    parent.ack_all(&emits);
    wait_for("the new partition's offset", || (stored(&conf, &topics[1], 1)?.0 == 1).then_some(()));
    parent.close_stdin();
    parent.wait_for_exit();
}

/// A mock cluster whose second broker coordinates the group, leads nothing, and stops answering.
#[test]
fn a_coordinator_that_hangs_delays_no_tuple_and_no_end() {
    let mock = MockCluster::new(2).expect("mock cluster");
    let topic = Topic::later("store");
    mock.create_topic(&topic.name, 1, 2).expect("topic");
    mock.partition_leader(&topic.name, 0, Some(1)).expect("leader");
    let send = |count| {
        let record = Record { value: Some(b"x"), ..Record::default() };
        topic.send_with(&Producer::new(&mock.bootstrap_servers(), &[]), &vec![record; count]);
    };
    send(10);
    let bootstrap = mock.bootstrap_servers();
    let conf = in_group(&topic).spout("bootstrap.servers", bootstrap.split(',').next().expect("a broker"));
    mock.coordinator(MockCoordinator::Group(group_of(&conf)), 2).expect("coordinator");
    let mut parent = FakeParent::activated(&conf);
    let emits = parent.collect(10);
    mock.broker_round_trip_time(2, Duration::from_secs(1000)).expect("a slow broker");
    send(5);
    parent.ack_all(&emits);
    let begun = Instant::now();
    parent.collect(5);
    report(&format!("group is the store, coordinator hangs: the next records in {:?}", begun.elapsed()));
    parent.wait_for_error(&[&group_of(&conf)]);
    parent.send("next", &json!(""));
    parent.reply();
    parent.terminate();
    let exit = parent.wait_for_exit();
    report(&format!("group is the store, coordinator hangs: SIGTERM in {:?}, exit code {:?}", exit.took, exit.code));
    assert!(exit.code == Some(69) && exit.took < LIMIT, "{exit:?}");
}
