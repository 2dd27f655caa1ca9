//! Consumer groups as others see them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::stack::kafka_tool;
use super::{PATIENCE, wait_for};

fn client(servers: &str, group: &str) -> BaseConsumer {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", servers).set("group.id", group).set("enable.auto.commit", "false");
    config.create().expect("consumer")
}

/// The offset (next to read) and the metadata that a group has for a partition.
pub fn committed(servers: &str, group: &str, topic: &str, partition: i32) -> Option<(i64, String)> {
    let mut list = TopicPartitionList::new();
    list.add_partition(topic, partition);
    let client = client(servers, group);
    // The first question of a broker's life makes it set up its coordinator; it is not one until that is done.
    let list = wait_for("the group's offsets", || client.committed_offsets(list.clone(), PATIENCE).ok());
    let element = list.find_partition(topic, partition).expect("the partition");
    match element.offset() {
        Offset::Offset(offset) => Some((offset, element.metadata().to_owned())),
        _ => None,
    }
}

/// Commits an offset of partition 0, as anybody may while the group has no members.
pub fn commit(servers: &str, group: &str, topic: &str, offset: i64, metadata: &str) {
    let mut list = TopicPartitionList::new();
    let mut element = list.add_partition(topic, 0);
    element.set_offset(Offset::Offset(offset)).expect("an offset");
    element.set_metadata(metadata);
    client(servers, group).commit(&list, CommitMode::Sync).expect("commit");
}

/// Whether the group's coordinator answers.
pub fn has_coordinator(servers: &str, group: &str) -> bool {
    let mut list = TopicPartitionList::new();
    list.add_partition("any", 0);
    client(servers, group).committed_offsets(list, Duration::from_secs(4)).is_ok()
}

/// What `kafka-consumer-groups --describe` of Kafka itself prints.
pub fn consumer_groups(servers: &str, group: &str) -> String {
    tool(servers, group, &["--describe"])
}

/// Moves the group to an offset of the topic, as an operator does.
pub fn reset(servers: &str, group: &str, topic: &str, offset: i64) -> String {
    tool(servers, group, &["--reset-offsets", "--to-offset", &offset.to_string(), "--topic", topic, "--execute"])
}

fn tool(servers: &str, group: &str, arguments: &[&str]) -> String {
    kafka_tool("consumer.group.ConsumerGroupCommand", servers, &[&["--group", group], arguments].concat())
}

/// A consumer that has joined a group, as anybody's consumer may.
pub struct Member {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Member {
    /// Joins and waits until the group has given it its partitions.
    pub fn join(servers: &str, group: &str, topic: &str) -> Self {
        let consumer = client(servers, group);
        consumer.subscribe(&[topic]).expect("subscribe");
        wait_for("membership", || {
            let _ = consumer.poll(Duration::from_millis(100));
            (consumer.assignment().expect("assignment").count() > 0).then_some(())
        });
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                let _ = consumer.poll(Duration::from_millis(100));
            }
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
