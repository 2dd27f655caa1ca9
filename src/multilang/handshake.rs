//! The first document from the parent: where to leave the pid file, the configuration, and who we are.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};
use thiserror::Error;

use crate::companion;

/// Storm's `{"pidDir","conf","context"}` (`ShellProcess.launch`).
#[derive(Debug, Deserialize)]
pub struct Handshake {
    /// Where a file named by our decimal pid makes the supervisor know, wait for and signal us.
    #[serde(rename = "pidDir")]
    pub pid_dir: PathBuf,
    /// storm.yaml under topology under component configuration. May hold secrets: never logged.
    pub conf: Map<String, Value>,
    /// `TopologyContext.toJSONString`, read later by [`Context::read`].
    pub context: Map<String, Value>,
    /// Versions of the binary wire that the parent speaks; Storm's own sends no such thing.
    #[serde(default)]
    pub wire: Vec<u32>,
}

/// How the conversation goes on after the handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Wire {
    /// Storm's multilang: JSON, in turns.
    #[default]
    Multilang,
    /// The binary frames of [`crate::companion`].
    Companion,
}

/// Our place in the topology.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// The component's id, for example `kafka`.
    pub component: String,
    /// The task's id, unique in the topology.
    pub task_id: i64,
    /// Rank of the task among the component's tasks in numeric order, from 0.
    pub task_index: usize,
    /// Number of tasks of the component.
    pub task_count: usize,
    /// Declared streams and their output fields.
    pub streams: BTreeMap<String, Vec<String>>,
    /// Declared streams that no bolt reads. Storm 1 acks their tuples inside the emit.
    pub unread: Vec<String>,
}

/// A handshake that cannot be Storm's.
#[derive(Debug, Error)]
pub enum HandshakeError {
    /// Not JSON, or a part is missing.
    #[error("the handshake on stdin is not Storm's {{\"pidDir\",\"conf\",\"context\"}}: {0}")]
    Malformed(#[from] serde_json::Error),
    /// The context lacks something or has it in another form.
    #[error("the handshake's context has no usable {0:?}")]
    Context(&'static str),
}

impl Handshake {
    /// Reads the first frame.
    ///
    /// # Errors
    /// [`HandshakeError::Malformed`].
    pub fn parse(frame: &[u8]) -> Result<Self, HandshakeError> {
        Ok(serde_json::from_slice(frame)?)
    }

    /// The wire that both sides speak.
    pub fn wire(&self) -> Wire {
        if self.wire.contains(&companion::VERSION) { Wire::Companion } else { Wire::Multilang }
    }

    /// Creates the empty pid file. No other file may ever stand in that directory: the supervisor reads each name
    /// as a number.
    ///
    /// # Errors
    /// The error of creating it; without the file the supervisor cannot signal us, and only EOF ends us.
    pub fn write_pid_file(pid_dir: &Path, pid: u32) -> std::io::Result<()> {
        File::create(pid_dir.join(pid.to_string())).map(drop)
    }
}

impl Context {
    /// Finds our place in Storm's context.
    ///
    /// # Errors
    /// [`HandshakeError::Context`] naming the key.
    pub fn read(context: &Map<String, Value>) -> Result<Self, HandshakeError> {
        let component =
            context.get("componentid").and_then(Value::as_str).ok_or(HandshakeError::Context("componentid"))?;
        let task_id = context.get("taskid").and_then(Value::as_i64).ok_or(HandshakeError::Context("taskid"))?;
        let tasks = context
            .get("task->component")
            .and_then(Value::as_object)
            .ok_or(HandshakeError::Context("task->component"))?;
        // The keys are strings, and "10" < "9": sort as numbers.
        let mut ours: Vec<i64> = tasks
            .iter()
            .filter(|(_, name)| name.as_str() == Some(component))
            .filter_map(|(task, _)| task.parse().ok())
            .collect();
        ours.sort_unstable();
        let task_index = ours.binary_search(&task_id).map_err(|_| HandshakeError::Context("task->component"))?;
        let streams = context.get("stream->outputfields").and_then(Value::as_object).into_iter().flatten();
        let streams: BTreeMap<_, _> = streams.map(|(stream, fields)| (stream.clone(), texts(fields))).collect();
        // Storm always says who reads what; where nobody says it, nothing is known.
        let unread =
            context.get("stream->target->grouping").and_then(Value::as_object).map_or_else(Vec::new, |readers| {
                let is_read = |stream: &str| {
                    readers.get(stream).and_then(Value::as_object).is_some_and(|bolts| !bolts.is_empty())
                };
                streams.keys().filter(|stream| !is_read(stream)).cloned().collect()
            });
        Ok(Self { component: component.to_owned(), task_id, task_index, task_count: ours.len(), streams, unread })
    }
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handshake() -> Handshake {
        Handshake::parse(
            br#"{"conf":{"topology.name":"t"},"pidDir":"\/tmp\/pids","context":{"componentid":"kafka","taskid":10,
            "task->component":{"10":"kafka","9":"kafka","1":"__acker","11":"kafka","12":"split"},
            "stream->outputfields":{"default":["value"],"dlq":["value"]},
            "stream->target->grouping":{"default":{"split":{"type":"SHUFFLE"}}}}}"#,
        )
        .expect("handshake")
    }

    #[test]
    fn the_task_index_is_the_rank_in_numeric_order() {
        let handshake = handshake();
        assert_eq!(handshake.pid_dir, Path::new("/tmp/pids"));
        let context = Context::read(&handshake.context).expect("context");
        assert_eq!((context.task_index, context.task_count), (1, 3));
        let fields = || vec!["value".to_owned()];
        assert_eq!(context.streams, BTreeMap::from([("default".to_owned(), fields()), ("dlq".to_owned(), fields())]));
        assert_eq!(context.unread, ["dlq"]);
        assert_eq!(handshake.wire(), Wire::Multilang);
    }

    #[test]
    fn what_is_missing_is_named() {
        for key in ["componentid", "taskid", "task->component"] {
            let mut context = handshake().context;
            context.remove(key);
            let error = Context::read(&context).expect_err(key);
            assert!(error.to_string().contains(key), "{error}");
        }
        let error = Handshake::parse(br#"{"conf":{},"context":{}}"#).expect_err("no pidDir");
        assert!(error.to_string().contains("pidDir"), "{error}");
    }
}
