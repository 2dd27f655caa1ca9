//! The topologies of `topology/flux` as they stand there, submitted by Storm's own Flux. Their bolts write what they get
//! to the worker's log.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use super::beside_others;
use super::support::kafka::{Record, Topic, unique};
use super::support::{Cluster, cluster, report, wait_or, zk};

const RECORDS: usize = 20;

/// A topology of `topology/flux`; it is killed at the end of the test.
struct Yaml<'a> {
    name: String,
    cluster: &'a Cluster,
}

/// A tuple that a bolt got: which bolt, from which stream, the values as JSON.
type Logged = (String, String, String);

impl<'a> Yaml<'a> {
    /// Submits a file. `values` are put into the example's properties in place of those that are there.
    fn submit(cluster: &'a Cluster, file: &str, values: &[(&str, &str)]) -> Self {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("topology/flux");
        let name = unique("flux");
        let mut values = [values, &[("topology.name", &name)]].concat();
        let mut properties = String::new();
        let example = std::fs::read_to_string(shipped.join("example.properties")).expect("the example");
        for line in example.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            let (key, value) = line.split_once('=').expect("key=value");
            let ours = values.iter().position(|(other, _)| *other == key).map(|at| values.swap_remove(at).1);
            let _ = writeln!(properties, "{key}={}", ours.unwrap_or(value));
        }
        assert_eq!(values, [], "the example lacks these");
        let dir = tempfile::tempdir().expect("a directory");
        let filter = dir.path().join("test.properties");
        std::fs::write(&filter, properties).expect("write");
        cluster.command(&format!("flux {} {}", shipped.join(file).display(), filter.display()));
        Self { name, cluster }
    }

    /// Waits for that many tuples; gives them in an order of their own.
    fn wait_for(&self, count: usize) -> Vec<Logged> {
        let what = || {
            let logs = self.cluster.worker_logs(&self.name);
            let last = logs.iter().map(|(_, text)| text.split_at(text.len().saturating_sub(4000)).1.to_owned());
            format!("{count} tuples, not {:?}; {}", self.logged(), last.collect::<String>())
        };
        let logged = wait_or(what, || Some(self.logged()).filter(|logged| logged.len() >= count));
        report(&format!("{}: {} tuples, the first {:?}", self.name, logged.len(), logged[0]));
        logged
    }

    fn logged(&self) -> Vec<Logged> {
        let logs = self.cluster.worker_logs(&self.name);
        let mut logged: Vec<Logged> = logs.iter().flat_map(|(_, text)| text.lines().filter_map(tuple)).collect();
        logged.sort_unstable();
        logged
    }

    /// The stored offset, waited for.
    fn wait_for_offset(&self, below: &str, offset: usize) {
        zk::wait_for_offset(&format!("/kafka-spout/{}-kafka/{below}", self.name), offset as i64);
    }
}

impl Drop for Yaml<'_> {
    /// Its slot is needed by others. A test that failed has said enough.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.cluster.command(&format!("kill-topology {} 1", self.name));
            let what = || format!("the end of {:?}", self.cluster.workers_of(&self.name));
            wait_or(what, || self.cluster.workers_of(&self.name).is_empty().then_some(()));
        }
    }
}

/// A line `... LogInfoBolt [Thread-9-BOLT-executor[2, 2]] source: kafka:3, stream: STREAM, id: {..}, VALUES PROC_START...`
fn tuple(line: &str) -> Option<Logged> {
    let (thread, tuple) = line.split_once("] source: kafka:")?;
    let bolt = thread.split_once("[Thread-")?.1.split_once('-')?.1.split_once("-executor")?.0;
    let stream = tuple.split_once("stream: ")?.1.split_once(", id: ")?.0;
    let values = tuple.split_once("}, ")?.1.split_once(" PROC_START")?.0;
    Some((bolt.to_owned(), stream.to_owned(), values.to_owned()))
}

/// What a bolt logs of these values.
fn expected(bolt: &str, stream: &str, values: impl IntoIterator<Item = Value>) -> Vec<Logged> {
    values.into_iter().map(|values| (bolt.to_owned(), stream.to_owned(), values.to_string())).collect()
}

/// Values that no other topic has, in one partition.
fn fill(topic: &Topic) -> Vec<String> {
    let values: Vec<String> = (0..RECORDS).map(|number| format!("{} {number}", topic.name)).collect();
    topic.produce(0, &values);
    values
}

#[test]
fn flux_submits_a_spout_of_one_topic() {
    one_topic("single-topic.yaml", |[partition, offset, key, value]| {
        json!([partition, offset, key, value]).to_string()
    });
}

#[test]
fn flux_submits_the_companion() {
    // A plain Java list, where ShellSpout hands on the JSON library's.
    one_topic("native.yaml", |[partition, offset, key, value]| {
        let text = |value: &Value| value.as_str().expect("a string").to_owned();
        format!("[{partition}, {offset}, {}, {}]", text(key), text(value))
    });
}

/// `logged` is how the worker's log has a tuple's values.
fn one_topic(file: &str, logged: impl Fn(&[Value; 4]) -> String) {
    let _turn = beside_others();
    let topic = Topic::new("single", 2);
    let mut values = Vec::new();
    for (partition, offset) in (0..2).flat_map(|partition| (0..RECORDS).map(move |offset| (partition, offset))) {
        let (key, value) = (format!("k{offset}"), format!("{partition} and {offset}"));
        let (key_bytes, value_bytes) = (Some(key.as_bytes()), Some(value.as_bytes()));
        topic.send(&[Record { partition, key: key_bytes, value: value_bytes, ..Record::default() }]);
        values.push(logged(&[partition.into(), offset.into(), key.into(), value.into()]));
    }
    let cluster = cluster();
    let servers = ("kafka.bootstrap.servers", &*cluster.kafka);
    let topology = Yaml::submit(cluster, file, &[servers, ("topic.clicks", &topic.name)]);
    let came = topology.wait_for(2 * RECORDS);
    let mut expected: Vec<Logged> =
        values.into_iter().map(|values| ("log".to_owned(), "default".to_owned(), values)).collect();
    expected.sort_unstable();
    assert_eq!(came, expected);
    for partition in 0..2 {
        topology.wait_for_offset(&format!("partition_{partition}"), RECORDS);
    }
}

#[test]
fn flux_submits_a_spout_of_several_topics_and_streams() {
    let _turn = beside_others();
    let topics = ["clicks", "orders", "other"].map(|stem| Topic::new(stem, 1));
    let mut expectations = Vec::new();
    let ways = [("clicks-log", "clicks"), ("orders-log", "orders"), ("other-log", "default")];
    for (topic, (bolt, stream)) in topics.iter().zip(ways) {
        let values = fill(topic).into_iter().map(|value| json!([topic.name, value]));
        expectations.extend(expected(bolt, stream, values));
    }
    expectations.sort_unstable();
    let cluster = cluster();
    let [clicks, orders, other] = topics.each_ref().map(|topic| topic.name.as_str());
    let values = [
        ("kafka.bootstrap.servers", &*cluster.kafka),
        ("topic.clicks", clicks),
        ("topic.orders", orders),
        ("topic.other", other),
    ];
    let topology = Yaml::submit(cluster, "topics-to-streams.yaml", &values);
    assert_eq!(topology.wait_for(3 * RECORDS), expectations);
    for topic in [clicks, orders, other] {
        topology.wait_for_offset(&format!("{topic}/partition_0"), RECORDS);
    }
}

#[test]
fn flux_submits_a_spout_that_speaks_tls_with_a_password_out_of_a_file() {
    let _turn = beside_others();
    let topic = Topic::new("tls", 1);
    let mut expected = expected("log", "default", fill(&topic).into_iter().map(|value| json!([value])));
    expected.sort_unstable();
    let cluster = cluster();
    let dir = tempfile::tempdir().expect("a directory");
    let secrets = dir.path().join("secrets.properties");
    let password = "client-secret";
    std::fs::write(&secrets, format!("kafka.spout.consumer.ssl.keystore.password={password}\n")).expect("write");
    let certificates = Path::new(cluster.told("tlsDir"));
    let [authority, store] = ["ca.pem", "client.p12"].map(|file| certificates.join(file).display().to_string());
    let values = [
        ("kafka.bootstrap.servers", cluster.told("kafkaTls")),
        ("topic.clicks", &topic.name),
        ("tls.ca", &authority),
        ("tls.keystore", &store),
        ("secrets.file", secrets.to_str().expect("UTF-8")),
    ];
    let topology = Yaml::submit(cluster, "tls.yaml", &values);
    assert_eq!(topology.wait_for(RECORDS), expected);
    topology.wait_for_offset("partition_0", RECORDS);
    let logs = cluster.worker_logs(&topology.name);
    assert!(logs.iter().all(|(_, text)| !text.contains(password)), "the worker's log has the password");
}
