//! What Storm would send to the child first.

use std::path::Path;

use serde_json::{Map, Value, json};

/// Configuration that all children get. Keys of `over` win.
pub fn configuration(name: &str, pending: u64, over: Map<String, Value>) -> Map<String, Value> {
    let conf = json!({
        "storm.id": format!("{name}-1-{}", std::process::id()),
        "storm.zookeeper.servers": ["127.0.0.1"],
        "storm.zookeeper.port": 2181,
        "topology.name": name,
        "topology.acker.executors": null,
        "topology.max.spout.pending": pending,
        "topology.message.timeout.secs": 30,
    });
    let Value::Object(mut conf) = conf else { return over };
    conf.extend(over);
    conf
}

/// The first frame to task `index` of `count`, without its `end` line (`ShellProcess.launch`).
pub fn handshake(pid_dir: &Path, conf: &Map<String, Value>, index: usize, count: usize) -> String {
    const COMPONENT: &str = "kafka";
    let fields = match conf.get("kafka.spout.fields") {
        Some(Value::Array(fields)) => Value::Array(fields.clone()),
        Some(Value::String(text)) => text.split(',').map(str::trim).collect(),
        _ => json!(["value"]),
    };
    let mut components: Map<String, Value> = (1..=count).map(|task| (task.to_string(), COMPONENT.into())).collect();
    components.insert((count + 1).to_string(), "__acker".into());
    components.insert((count + 2).to_string(), "bolt".into());
    let context = json!({
        "componentid": COMPONENT,
        "taskid": index + 1,
        "task->component": components,
        "streams": ["default"],
        "stream->outputfields": {"default": fields},
        "stream->target->grouping": {"default": {"bolt": {"type": "SHUFFLE"}}},
        "source->stream->grouping": {},
        "source->stream->fields": {},
    });
    json!({"pidDir": pid_dir, "conf": conf, "context": context}).to_string()
}
