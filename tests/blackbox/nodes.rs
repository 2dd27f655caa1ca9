//! The znodes: where they are, what is in them, and who else writes them.

use std::time::Duration;

use serde_json::json;

use crate::support::conf::Conf;
use crate::support::kafka::Topic;
use crate::support::parent::FakeParent;
use crate::support::stack::stack;
use crate::support::wire::{Emit, level};
use crate::support::zk;

fn topic_with(count: usize) -> Topic {
    let topic = Topic::new("nodes", 1);
    topic.produce(0, (0..count).map(|number| number.to_string()));
    topic
}

/// Reads and acks `count` records, and waits until they are committed to `path`.
fn read_to(path: &str, conf: &Conf, count: usize, offset: i64) {
    let mut parent = FakeParent::activated(conf);
    let emits = parent.collect(count);
    parent.ack_all(&emits);
    zk::wait_for_offset(path, offset);
    parent.finish();
}

/// A spout that has emitted `count` records and committed the first `acked` of them.
fn committed(count: usize, acked: usize) -> (Topic, Conf, FakeParent, Vec<Emit>) {
    let topic = topic_with(count);
    let conf = Conf::new(&[&topic]);
    let mut parent = FakeParent::activated(&conf);
    let emits = parent.collect(count);
    parent.ack_all(&emits[..acked]);
    zk::wait_for_offset(&conf.node(0), acked as i64);
    (topic, conf, parent, emits)
}

#[test]
fn the_bytes_are_those_of_the_old_spout() {
    let topic = topic_with(3);
    // json-simple escapes slashes.
    let conf = Conf::new(&[&topic]).set("storm.id", "a/b-1-1700000000");
    read_to(&conf.node(0), &conf, 3, 3);
    let expected = format!(
        r#"{{"topology":{{"id":"a\/b-1-1700000000","name":"{}"}},"offset":3,"partition":0,"broker":{{"host":"127.0.0.1","port":{}}},"topic":"{}"}}"#,
        conf.topology_name(),
        stack().kafka_port(),
        topic.name,
    );
    assert_eq!(zk::read(&conf.node(0)).expect("the node").0, expected);
}

#[test]
fn with_several_topics_the_topic_is_a_part_of_the_path() {
    let (a, b) = (topic_with(2), topic_with(3));
    let conf = Conf::new(&[&a, &b]);
    let mut parent = FakeParent::activated(&conf);
    let emits = parent.collect(5);
    parent.ack_all(&emits);
    zk::wait_for_offset(&conf.node_of(&a, 0), 2);
    zk::wait_for_offset(&conf.node_of(&b, 0), 3);
    assert_eq!(zk::read(&conf.node(0)), None);
    parent.finish();
}

#[test]
fn root_and_id_are_the_users_to_choose_and_doubled_slashes_do_no_harm() {
    let topic = topic_with(1);
    let conf = Conf::new(&[&topic]);
    let root = format!("//old/{}/", conf.topology_name());
    let path = format!("/old/{}/spout/partition_0", conf.topology_name());
    let conf = conf.spout("zookeeper.root", root).spout("zookeeper.id", "spout");
    read_to(&path, &conf, 1, 1);
}

#[test]
fn the_old_key_for_the_ui_is_the_whole_prefix() {
    let topic = topic_with(1);
    let conf = Conf::new(&[&topic]);
    let root = format!("/ui/{}", conf.topology_name());
    let conf = conf.set("config.zkRoot", root.as_str());
    read_to(&format!("{root}/partition_0"), &conf, 1, 1);
}

#[test]
fn a_chroot_that_does_not_exist_is_made() {
    let topic = topic_with(1);
    let conf = Conf::new(&[&topic]);
    let chroot = format!("/{}/deep", conf.topology_name());
    // Java writes a comma after the last server.
    let connect = format!("{},{chroot}", stack().zookeeper);
    let conf = conf.spout("zookeeper.connect", connect);
    read_to(&format!("{chroot}{}", conf.node(0)), &conf, 1, 1);
}

#[test]
fn offsets_are_taken_over_when_a_second_topic_comes() {
    let (a, b) = (topic_with(5), topic_with(1));
    let conf = Conf::new(&[&a, &b]).fields(&["topic", "offset"]);
    zk::write(&conf.node(0), &zk::legacy("older", 3, 0, &a.name));
    let mut parent = FakeParent::activated(&conf);
    let emits = parent.collect(3);
    let mut came: Vec<_> = emits.iter().map(|emit| (emit.text(0), emit.integer(1))).collect();
    came.sort_unstable();
    assert_eq!(came, [(a.name.as_str(), 3), (&a.name, 4), (&b.name, 0)]);
    parent.ack_all(&emits);
    zk::wait_for_offset(&conf.node_of(&a, 0), 5);
    zk::wait_for_offset(&conf.node_of(&b, 0), 1);
    assert_eq!(zk::offset(&conf.node(0)), Some(3), "the old node is left as it is");
    parent.finish();
}

#[test]
fn offsets_are_taken_over_when_the_second_topic_goes() {
    let topic = topic_with(5);
    let conf = Conf::new(&[&topic]);
    zk::write(&conf.node_of(&topic, 0), &zk::legacy("older", 4, 0, &topic.name));
    read_to(&conf.node(0), &conf, 1, 5);
}

#[test]
fn a_node_of_another_topic_is_reported_and_never_written() {
    let topic = topic_with(3);
    let conf = Conf::new(&[&topic]).spout("partition.refresh.period.ms", 100);
    let theirs = zk::legacy("older", 1, 0, "another.topic");
    zk::write(&conf.node(0), &theirs);
    let mut parent = FakeParent::activated(&conf);
    parent.wait_for_error(&[&conf.node(0), "\"another.topic\"", "kafka.spout.zookeeper.id"]);
    assert_eq!(parent.idle(Duration::from_millis(500)), [], "nothing is read whose offset cannot be kept");
    parent.deactivate();
    parent.terminate();
    parent.wait_for_exit();
    assert_eq!(zk::read(&conf.node(0)), Some((theirs, 0)));
}

#[test]
fn once_a_node_of_another_topic_is_gone_reading_begins() {
    let topic = topic_with(3);
    let conf = Conf::new(&[&topic]);
    zk::write(&conf.node(0), &zk::legacy("older", 1, 0, "another.topic"));
    let mut parent = FakeParent::activated(&conf);
    parent.wait_for_error(&[&conf.node(0), "\"another.topic\""]);
    zk::delete(&conf.node(0));
    let emits = parent.collect(3);
    parent.ack_all(&emits);
    zk::wait_for_offset(&conf.node(0), 3);
    parent.finish();
}

#[test]
fn a_node_of_another_topic_that_appears_while_we_run_is_reported_and_never_written() {
    let (_topic, conf, mut parent, emits) = committed(20, 3);
    let theirs = zk::legacy("older", 1, 0, "another.topic");
    zk::write(&conf.node(0), &theirs);
    let (_, version) = zk::read(&conf.node(0)).expect("the node");
    parent.ack(&emits[3]);
    parent.wait_for_error(&[&conf.node(0), "\"another.topic\""]);
    for emit in &emits[4..] {
        parent.ack(emit);
        parent.idle(Duration::from_millis(20));
    }
    parent.terminate();
    parent.wait_for_exit();
    assert_eq!(zk::read(&conf.node(0)), Some((theirs, version)));
}

#[test]
fn a_node_that_cannot_be_read_is_taken_for_none_aloud() {
    let topic = topic_with(2);
    for wrong in [
        "",
        "42",
        "{\"offset\":1}",
        "{\"topology\":{\"id\":\"x\"},\"offset\":-2}",
        "{\"topology\":{\"id\":\"x\"},\"offset\":\"1\"}",
    ] {
        let conf = Conf::new(&[&topic]);
        zk::write(&conf.node(0), wrong);
        let mut parent = FakeParent::activated(&conf);
        let mut logs = Vec::new();
        let mut emits = Vec::new();
        parent.next_until("two tuples", |reply| {
            logs.append(&mut reply.logs);
            emits.append(&mut reply.emits);
            emits.len() == 2
        });
        assert!(logs.iter().any(|(at, text)| *at == level::WARN && text.contains(&conf.node(0))), "{logs:?}");
        parent.ack_all(&emits);
        zk::wait_for_offset(&conf.node(0), 2);
        parent.finish();
    }
}

#[test]
fn a_running_spout_never_moves_another_hands_offset_back() {
    let (topic, conf, mut parent, emits) = committed(20, 3);
    // A worker that was thought dead.
    zk::write(&conf.node(0), &zk::legacy("zombie", 11, 0, &topic.name));
    parent.ack(&emits[3]);
    let mut logs = Vec::new();
    parent.next_until("line about the other writer", |reply| {
        logs.append(&mut reply.logs);
        logs.iter().any(|(at, text)| *at == level::WARN && text.contains("zombie") && text.contains("11"))
    });
    for emit in &emits[4..9] {
        parent.ack(emit);
        parent.idle(Duration::from_millis(60));
        assert_eq!(zk::offset(&conf.node(0)), Some(11));
    }
    parent.ack_all(&emits[9..]);
    zk::wait_for_offset(&conf.node(0), 20);
    parent.finish();
}

#[test]
fn a_lower_offset_of_another_hand_is_overtaken() {
    let (topic, conf, mut parent, emits) = committed(6, 4);
    zk::write(&conf.node(0), &zk::legacy("zombie", 1, 0, &topic.name));
    parent.ack_all(&emits[4..]);
    zk::wait_for_offset(&conf.node(0), 6);
    parent.finish();
}

#[test]
fn two_writers_that_go_on_are_an_error() {
    let (topic, conf, mut parent, emits) = committed(20, 0);
    for (index, emit) in emits[..3].iter().enumerate() {
        parent.ack(emit);
        zk::wait_for_offset(&conf.node(0), index as i64 + 1);
        zk::write(&conf.node(0), &zk::legacy("zombie", 0, 0, &topic.name));
    }
    parent.ack(&emits[3]);
    parent.wait_for_error(&[&conf.node(0), "two writers", "zombie", conf.topology_id()]);
    parent.finish();
}

#[test]
fn a_node_that_is_deleted_while_we_run_is_written_again() {
    let (_topic, conf, mut parent, emits) = committed(4, 2);
    zk::delete(&conf.node(0));
    parent.ack_all(&emits[2..]);
    zk::wait_for_offset(&conf.node(0), 4);
    parent.finish();
}

#[test]
fn nothing_is_written_while_nothing_changes() {
    let topic = topic_with(2);
    let conf = Conf::new(&[&topic]).spout("offset.commit.period.ms", 10);
    let mut parent = FakeParent::activated(&conf);
    let emits = parent.collect(2);
    parent.ack_all(&emits);
    zk::wait_for_offset(&conf.node(0), 2);
    let before = zk::read(&conf.node(0));
    parent.idle(Duration::from_millis(300));
    parent.command("ack", &json!("0:0"));
    parent.idle(Duration::from_millis(100));
    assert_eq!(zk::read(&conf.node(0)), before);
    parent.finish();
}
