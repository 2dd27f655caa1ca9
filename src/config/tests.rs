use serde_json::json;

use super::*;
use crate::offsets::{Layout, ZooKeeperConfig};

fn context() -> Context {
    Context {
        component: "kafka".to_owned(),
        task_id: 3,
        task_index: 0,
        task_count: 1,
        unread: Vec::new(),
        streams: [("default", &["value"][..]), ("orders", &["value"]), ("wide", &["key", "value"])]
            .map(|(stream, fields)| (stream.to_owned(), fields.iter().map(|field| (*field).to_owned()).collect()))
            .into(),
    }
}

fn read(extra: &Value) -> Result<SpoutConfig, ConfigError> {
    let mut conf = json!({
        "topology.name": "wc",
        "storm.id": "wc-1-1700000000",
        "storm.zookeeper.servers": ["z1", "z2"],
        "storm.zookeeper.port": 2182,
        "topology.acker.executors": null,
        "topology.max.spout.pending": null,
        "kafka.spout.bootstrap.servers": "k1:9092,k2:9092",
        "kafka.spout.topics": "t",
    });
    let conf = conf.as_object_mut().expect("object");
    conf.extend(extra.as_object().expect("object").clone());
    SpoutConfig::read(conf, &Map::new(), &context(), Wire::Multilang)
}

fn zookeeper(config: &SpoutConfig) -> &ZooKeeperConfig {
    match &config.store {
        OffsetStore::ZooKeeper(zookeeper) => zookeeper,
        OffsetStore::Group => panic!("no ZooKeeper"),
    }
}

fn path(config: &SpoutConfig) -> String {
    zookeeper(config).layout.path("t", 3)
}

#[test]
fn storms_own_keys_are_the_defaults() {
    let config = read(&json!({})).expect("config");
    assert_eq!(zookeeper(&config).servers, "z1:2182,z2:2182");
    assert_eq!(path(&config), "/kafka-spout/wc-kafka/partition_3");
    assert_eq!(config.kafka.group_id, "wc-kafka");
    assert_eq!(config.limits.in_flight, 2000);
    assert!(config.ackers);
    let config = read(&json!({"topology.max.spout.pending": 10, "topology.acker.executors": "0"})).expect("config");
    assert_eq!((config.limits.in_flight, config.ackers), (10, false));
}

#[test]
fn the_keys_of_storm_ui_serve_as_defaults() {
    let config = read(&json!({
        "kafka.spout.topics": null, "config.topics": "t", "config.groupid": "g",
        "config.zkServers": "z9:2181,z8,", "config.zkRoot": "/old/id",
    }))
    .expect("config");
    assert_eq!(zookeeper(&config).servers, "z9:2181,z8:2181");
    assert_eq!(path(&config), "/old/id/partition_3");
    assert_eq!((config.kafka.topics, config.kafka.group_id), (vec!["t".to_owned()], "g".to_owned()));
}

#[test]
fn a_chroot_is_a_part_of_the_paths_and_several_topics_have_nodes_of_their_own() {
    let config = read(&json!({"kafka.spout.zookeeper.connect": "z1:1/a/b", "kafka.spout.zookeeper.id": "me", "kafka.spout.topics": ["u", "t", "u"]})).expect("config");
    assert_eq!(path(&config), "/a/b/kafka-spout/me/t/partition_3");
    assert_eq!(config.kafka.topics, ["t", "u"]);
    assert_eq!(zookeeper(&config).layout, Layout::new("/a/b//kafka-spout/me", false).expect("layout"));
}

#[test]
fn java_spellings_and_passed_on_properties_are_accepted() {
    let config = read(&json!({
        "kafka.spout.processing.guarantee": "AT_LEAST_ONCE",
        "kafka.spout.first.poll.offset.strategy": "UNCOMMITTED_LATEST",
        "kafka.spout.consumer.fetch.min.bytes": 1,
        "kafka.spout.consumer.client.rack": "r1",
    }))
    .expect("config");
    assert_eq!(config.first_poll, FirstPoll { earliest: false, uncommitted: true });
    let properties = [("client.rack", "r1"), ("fetch.min.bytes", "1")];
    assert_eq!(config.kafka.properties, properties.map(|(key, value)| (key.to_owned(), value.to_owned())));
}

#[test]
fn offsets_in_the_group_need_no_zookeeper() {
    let without = json!({"storm.zookeeper.servers": null});
    let error = read(&without).expect_err("no ZooKeeper").to_string();
    assert!(error.contains("kafka.spout.zookeeper.connect") && error.contains("kafka.spout.offsets.store"), "{error}");
    let group = json!({"storm.zookeeper.servers": null, "kafka.spout.offsets.store": "group"});
    let config = read(&group).expect("config");
    assert!(matches!(config.store, OffsetStore::Group), "{config:?}");
    assert_eq!(config.writer.topology_id, "wc-1-1700000000");
    let unnamed = read(&json!({"storm.id": null})).expect("config");
    assert_eq!((unnamed.writer.topology_id, unnamed.writer.topology_name), ("wc".to_owned(), "wc".to_owned()));
}

#[test]
fn each_mistake_is_named_with_its_key() {
    for (conf, key, words) in [
        (json!({"kafka.spout.topics": null}), "kafka.spout.topics", "is not set"),
        (json!({"kafka.spout.topics": "a b"}), "kafka.spout.topics", "no topic name"),
        (json!({"kafka.spout.bootstrap.servers": ""}), "kafka.spout.bootstrap.servers", "is not set"),
        (json!({"kafka.spout.max.in.flight": 0}), "kafka.spout.max.in.flight", "from 1"),
        (json!({"kafka.spout.processing.guarantee": "at-most-once"}), "kafka.spout.processing.guarantee", "not yet"),
        (json!({"kafka.spout.retry.exhausted": "topic:dead"}), "kafka.spout.retry.exhausted", "not yet"),
        (json!({"kafka.spout.value.encoding": "json"}), "kafka.spout.value.encoding", "not yet"),
        (json!({"kafka.spout.fields": "value,key"}), "kafka.spout.fields", "declares 1 output fields (value)"),
        (json!({"kafka.spout.fields": "valeu"}), "kafka.spout.fields", "\"valeu\" is no field"),
        (json!({"kafka.spout.zookeeper.connect": ",/x"}), "kafka.spout.zookeeper.connect", "names no server"),
        (json!({"kafka.spout.zookeeper.id": "a\u{0}b"}), "kafka.spout.zookeeper.root", "path"),
        (json!({"topology.name": null}), "topology.name", "is not set"),
    ] {
        let error = read(&conf).expect_err(key).to_string();
        assert!(error.contains(key) && error.contains(words), "{error}");
    }
}
