//! A Kafka of several brokers: who leads what, and having it led by another one.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::LazyLock;
use std::time::Duration;

use rdkafka::admin::{AdminOptions, NewPartitions};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::metadata::{Metadata, MetadataPartition, MetadataTopic};
use serde_json::json;

use super::kafka::{Topic, admin, run, unique};
use super::stack::{kafka_tool, stack};
use super::{group, wait_for, wait_or};

/// How long a broker that hangs may take the time of a question that another one will answer.
const QUESTION: Duration = Duration::from_secs(4);

/// Kafka's own topic with the groups' offsets.
const GROUPS: &str = "__consumer_offsets";

static EYES: LazyLock<BaseConsumer> = LazyLock::new(|| {
    let mut config = rdkafka::config::ClientConfig::new();
    config.set("bootstrap.servers", &stack().kafka).set("group.id", "eyes").set("reconnect.backoff.max.ms", "500");
    config.create().expect("consumer")
});

/// The launcher's name of a broker.
pub fn server(id: i32) -> String {
    format!("kafka-{id}")
}

/// A broker's port.
pub fn port_of(id: i32) -> u16 {
    stack().kafka_ports()[id as usize - 1]
}

fn metadata(topic: Option<&str>) -> Option<Metadata> {
    EYES.fetch_metadata(topic, QUESTION).ok()
}

/// Who leads each partition of a topic; -1 is nobody.
pub fn leaders(topic: &str) -> Vec<i32> {
    wait_for(&format!("the leaders of {topic}"), || {
        let metadata = metadata(Some(topic))?;
        let mut found: Vec<_> = metadata.topics().first()?.partitions().iter().map(|p| (p.id(), p.leader())).collect();
        found.sort_unstable();
        (!found.is_empty()).then(|| found.into_iter().map(|(_, leader)| leader).collect())
    })
}

/// Waits until these brokers lead the topic's partitions.
pub fn wait_for_leaders(topic: &Topic, wanted: &[i32]) {
    wait_for(&format!("{wanted:?} to lead {}", topic.name), || (leaders(&topic.name) == wanted).then_some(()));
}

/// Waits until every broker is there and every copy of every partition is up to date.
pub fn wait_until_whole() {
    wait_for("all brokers and all copies", || {
        let metadata = metadata(None)?;
        let mut partitions = metadata.topics().iter().flat_map(MetadataTopic::partitions);
        let whole = partitions.all(|p| p.leader() >= 0 && p.isr().len() == p.replicas().len());
        (whole && metadata.brokers().len() == stack().brokers().len()).then_some(())
    });
}

/// Starts again and thaws whatever a test has left otherwise.
pub fn mend() {
    for id in 1..=stack().brokers().len() as i32 {
        // One of the two is of no use, and says so.
        let _ = stack().try_order(&format!("thaw {}", server(id)));
        let _ = stack().try_order(&format!("start {}", server(id)));
    }
}

/// A group of its own whose coordinator is this broker.
pub fn group_coordinated_by(id: i32) -> String {
    // The first question makes Kafka make the topic.
    wait_for("a coordinator", || group::has_coordinator(&stack().kafka, "eyes").then_some(()));
    // What one broker says of leaders may be of yesterday, just after a restart.
    let coordinators =
        |group: &str| stack().kafka_ports().into_iter().map(|port| coordinator(port, group)).collect::<Vec<_>>();
    let what = || {
        let seen = (leaders(GROUPS), coordinators("any"), coordinators("other"));
        format!("a group coordinated by {id}; leaders, and the coordinators of two groups by broker: {seen:?}")
    };
    wait_or(what, || {
        let leaders = leaders(GROUPS);
        if !leaders.contains(&id) {
            elect_preferred();
            return None;
        }
        let group = std::iter::repeat_with(|| unique("group"))
            .find(|group| leaders[java_hash(group) as usize % leaders.len()] == id)
            .expect("names without end");
        coordinators(&group).iter().all(|answer| *answer == Some(id)).then_some(group)
    })
}

/// Who coordinates a group, in the words of one broker: Kafka's own request, since a client asks any of them.
fn coordinator(port: u16, group: &str) -> Option<i32> {
    const FIND_COORDINATOR: [u8; 4] = [0, 10, 0, 2];
    let mut request = FIND_COORDINATOR.to_vec();
    // Correlation id, client id (none), the group with its length, and that it is a group.
    request.extend([0, 0, 0, 1, 0xff, 0xff]);
    request.extend((group.len() as u16).to_be_bytes());
    request.extend(group.bytes().chain([0]));
    let mut broker = TcpStream::connect(("127.0.0.1", port)).ok()?;
    broker.set_read_timeout(Some(QUESTION)).ok()?;
    broker.write_all(&[&(request.len() as u32).to_be_bytes()[..], &request].concat()).ok()?;
    // Length, correlation id, throttle time, error, length of its message.
    let mut head = [0; 4 + 4 + 4 + 2 + 2];
    broker.read_exact(&mut head).ok()?;
    let message = i16::from_be_bytes([head[14], head[15]]).max(0);
    let mut rest = vec![0; message as usize + 4];
    broker.read_exact(&mut rest).ok()?;
    let node: [u8; 4] = rest[message as usize..].try_into().expect("four bytes");
    (head[12..14] == [0, 0]).then(|| i32::from_be_bytes(node))
}

/// `hashCode() & Integer.MAX_VALUE` of a Java string of ASCII.
fn java_hash(text: &str) -> i32 {
    text.bytes().fold(0i32, |hash, byte| hash.wrapping_mul(31).wrapping_add(i32::from(byte))) & i32::MAX
}

/// Has each partition led by the first of its brokers, by Kafka's own tool.
pub fn elect_preferred() {
    let arguments = ["--election-type", "preferred", "--all-topic-partitions"];
    let said = kafka_tool("LeaderElectionCommand", &stack().kafka, &arguments);
    assert!(!said.contains("rror"), "{said}");
}

/// Moves partition 0, 1, ... of a topic to these brokers, by Kafka's own tool, and waits until that is done.
pub fn reassign(topic: &Topic, replicas: &[&[i32]]) {
    let partitions: Vec<_> = replicas
        .iter()
        .enumerate()
        .map(|(partition, brokers)| json!({"topic": topic.name, "partition": partition, "replicas": brokers}))
        .collect();
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), json!({"version": 1, "partitions": partitions}).to_string()).expect("written");
    let path = file.path().to_str().expect("UTF-8");
    let arguments = ["--reassignment-json-file", path, "--execute"];
    let said = kafka_tool("reassign.ReassignPartitionsCommand", &stack().kafka, &arguments);
    assert!(said.contains("Successfully started"), "{said}");
    wait_for(&format!("{replicas:?} of {}", topic.name), || {
        let metadata = metadata(Some(&topic.name))?;
        let moved =
            |p: &MetadataPartition| p.replicas() == replicas[p.id() as usize] && p.isr().len() == p.replicas().len();
        metadata.topics().first()?.partitions().iter().all(moved).then_some(())
    });
}

/// Adds a partition on this broker, even while another broker does not answer.
pub fn add_partition(topic: &Topic, broker: i32) {
    let before = leaders(&topic.name).len();
    wait_for(&format!("partition {before} of {}", topic.name), || {
        let options = AdminOptions::new().request_timeout(Some(QUESTION));
        let replicas: &[&[i32]] = &[&[broker]];
        let new = NewPartitions::new(&topic.name, before + 1).assign(replicas);
        // Each time another client: the broker it takes for the controller may be the one that does not answer.
        let _ = run(admin().create_partitions(&[new], &options));
        (leaders(&topic.name).get(before) == Some(&broker)).then_some(())
    });
}
