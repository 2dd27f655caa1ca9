//! What stands beside an offset in the consumer group, as storm-kafka-client writes it.

use serde::{Deserialize, Serialize};

use super::{Stored, Writer};

/// `org.apache.storm.kafka.spout.internal.CommitMetadata`, in its order:
/// `{"topologyId":"wc-1-1700000000","taskId":3,"threadName":"..."}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CommitMetadata {
    topology_id: String,
    task_id: i64,
    thread_name: String,
}

impl CommitMetadata {
    /// In the name of a task.
    pub fn new(writer: &Writer, task_id: i64) -> Self {
        Self { topology_id: writer.topology_id.clone(), task_id, thread_name: "kafka-shell-spout".to_owned() }
    }

    /// The text to store.
    pub fn to_json(&self) -> String {
        // A struct of two strings and a number is always JSON.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What the group has for a partition, and whether this task has written it. Without metadata that can be read it
    /// is somebody else's, of no topology (`CommitMetadataManager.isOffsetCommittedByThisTopology`).
    pub fn stored(&self, offset: i64, metadata: &str) -> (Stored, bool) {
        let writer: Option<Self> = serde_json::from_str(metadata).ok();
        let ours =
            writer.as_ref().is_some_and(|them| them.topology_id == self.topology_id && them.task_id == self.task_id);
        (Stored { offset, topology_id: writer.map(|them| them.topology_id).unwrap_or_default() }, ours)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(topology_id: &str, task_id: i64) -> CommitMetadata {
        let writer = Writer { topology_id: topology_id.to_owned(), topology_name: "wc".to_owned() };
        CommitMetadata::new(&writer, task_id)
    }

    #[test]
    fn the_metadata_is_that_of_the_java_spout() {
        let expected = r#"{"topologyId":"wc-1","taskId":3,"threadName":"kafka-shell-spout"}"#;
        assert_eq!(metadata("wc-1", 3).to_json(), expected);
    }

    #[test]
    fn an_offset_is_ours_only_if_this_task_of_this_topology_wrote_it() {
        let ours = metadata("wc-1", 3);
        let stored = |topology_id: &str| Stored { offset: 7, topology_id: topology_id.to_owned() };
        for (text, topology, is_ours) in [
            (ours.to_json(), "wc-1", true),
            (
                r#"{"topologyId":"wc-1","taskId":3,"threadName":"Thread-9-kafka-executor[3, 3]"}"#.to_owned(),
                "wc-1",
                true,
            ),
            (metadata("wc-1", 4).to_json(), "wc-1", false),
            (metadata("wc-2", 3).to_json(), "wc-2", false),
            (String::new(), "", false),
            ("{}".to_owned(), "", false),
        ] {
            assert_eq!(ours.stored(7, &text), (stored(topology), is_ours), "{text}");
        }
    }
}
