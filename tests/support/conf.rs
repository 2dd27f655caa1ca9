//! What Storm hands to the child: the configuration and the topology's context.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::kafka::{Topic, unique};
use super::stack::stack;

/// A handshake in the making. The topology has a name of its own, and so has the offsets' path.
#[derive(Debug, Clone)]
pub struct Conf {
    storm: Map<String, Value>,
    fields: Vec<String>,
    streams: Map<String, Value>,
    task: i64,
    tasks: Vec<i64>,
    wire: Vec<u32>,
}

impl Conf {
    /// A spout that reads these topics from the stack and commits often.
    pub fn new(topics: &[&Topic]) -> Self {
        let (stack, name) = (stack(), unique("bb"));
        let topics: Vec<&str> = topics.iter().map(|topic| topic.name.as_str()).collect();
        let conf = json!({
            "storm.local.dir": "/var/lib/storm",
            "storm.id": format!("{name}-1-1700000000"),
            "storm.zookeeper.servers": ["127.0.0.1"],
            "storm.zookeeper.port": stack.zookeeper_port(),
            "storm.zookeeper.root": "/storm",
            "topology.name": name,
            "topology.acker.executors": null,
            "topology.max.spout.pending": null,
            "topology.message.timeout.secs": 30,
            "kafka.spout.bootstrap.servers": stack.kafka,
            "kafka.spout.topics": topics,
            "kafka.spout.offset.commit.period.ms": 50,
        });
        let Value::Object(conf) = conf else { unreachable!("written above") };
        Self {
            storm: conf,
            fields: vec!["value".to_owned()],
            streams: Map::new(),
            task: 3,
            tasks: vec![3],
            wire: vec![],
        }
    }

    /// Sets any key of Storm's configuration.
    pub fn set(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.storm.insert(key.to_owned(), value.into());
        self
    }

    /// Whether the spout may answer before it is asked.
    pub fn answers_ahead(&self) -> bool {
        self.storm.get("kafka.spout.answer.ahead") != Some(&Value::Bool(false))
            && self.storm["topology.acker.executors"] != 0
    }

    /// Sets a key of the spout.
    pub fn spout(self, key: &str, value: impl Into<Value>) -> Self {
        self.set(&format!("kafka.spout.{key}"), value)
    }

    /// What a tuple is made of; as many output fields are declared.
    pub fn fields(self, fields: &[&str]) -> Self {
        let declared = fields.to_vec();
        self.spout("fields", fields).declare(&declared)
    }

    /// The component's declared output fields.
    pub fn declare(mut self, fields: &[&str]) -> Self {
        self.fields = fields.iter().map(|field| (*field).to_owned()).collect();
        self
    }

    /// Declares one more stream, beside `default`.
    pub fn stream(mut self, stream: &str, fields: &[&str]) -> Self {
        self.streams.insert(stream.to_owned(), json!(fields));
        self
    }

    /// This process is `task` of the component's `tasks`.
    pub fn task(mut self, task: i64, tasks: &[i64]) -> Self {
        (self.task, self.tasks) = (task, tasks.to_vec());
        self
    }

    /// The parent is a companion that speaks these versions of the binary wire.
    pub fn wire(mut self, versions: &[u32]) -> Self {
        self.wire = versions.to_vec();
        self
    }

    /// The topology's id as the znodes have it.
    pub fn topology_id(&self) -> &str {
        self.storm["storm.id"].as_str().expect("a string")
    }

    /// The topology's name.
    pub fn topology_name(&self) -> &str {
        self.storm["topology.name"].as_str().expect("a string")
    }

    /// The znode of a partition of a spout with one topic.
    pub fn node(&self, partition: i32) -> String {
        format!("/kafka-spout/{}-kafka/partition_{partition}", self.topology_name())
    }

    /// The znode of a partition of a spout with several topics.
    pub fn node_of(&self, topic: &Topic, partition: i32) -> String {
        format!("/kafka-spout/{}-kafka/{}/partition_{partition}", self.topology_name(), topic.name)
    }

    /// The first frame, without its `end` line: `/` escaped as Storm's JSON libraries do.
    pub fn handshake(&self, pid_dir: &Path) -> String {
        let mut components: Map<String, Value> =
            self.tasks.iter().map(|task| (task.to_string(), json!("kafka"))).collect();
        components.insert("1".to_owned(), json!("__acker"));
        components.insert("99".to_owned(), json!("split"));
        let mut streams = self.streams.clone();
        streams.insert("default".to_owned(), json!(self.fields));
        let context = json!({
            "componentid": "kafka",
            "taskid": self.task,
            "task->component": components,
            "streams": streams.keys().collect::<Vec<_>>(),
            "stream->outputfields": streams,
            "stream->target->grouping": {"default": {"split": {"type": "SHUFFLE"}}},
            "source->stream->grouping": {},
            "source->stream->fields": {},
        });
        let mut handshake = json!({"pidDir": pid_dir, "conf": self.storm, "context": context});
        if !self.wire.is_empty() {
            handshake["wire"] = json!(self.wire);
        }
        handshake.to_string().replace('/', "\\/")
    }
}
