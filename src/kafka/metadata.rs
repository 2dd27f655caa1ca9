//! Partition lists, watermarks and the group's offsets: librdkafka calls that block, on a thread of their own.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Weak};
use std::time::Duration;

use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::metadata::Metadata as KafkaMetadata;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::client::Consumer;
use super::group::GroupError;
use crate::offsets::{Broker, Part};

/// How long one call may take. A close waits for the call under way, so this stays short.
const CALL_TIMEOUT: Duration = Duration::from_secs(2);

/// A question. The handle is weak: a question that comes too late does not keep the client open.
pub enum Ask {
    /// Which partitions do the topics have, and who leads them?
    Partitions(Weak<Consumer>, Vec<String>),
    /// Where do the partitions' logs begin and end?
    Watermarks(Weak<Consumer>, Vec<Part>),
    /// Which offsets has the client's group for the partitions?
    Committed(Weak<Consumer>, Vec<Part>),
}

/// An answer.
#[derive(Debug)]
pub enum Answer {
    /// One entry per topic.
    Partitions(Vec<TopicPartitions>),
    /// One partition; the rest follow.
    Watermarks(Part, Result<Watermarks, String>),
    /// All partitions that were asked for, or nothing.
    Committed(Result<Vec<(Part, Option<Committed>)>, GroupError>),
}

/// What the group has for a partition.
#[derive(Debug, PartialEq, Eq)]
pub struct Committed {
    /// The next offset to read.
    pub offset: i64,
    /// What was written beside it.
    pub metadata: String,
}

/// A topic's partitions.
#[derive(Debug)]
pub struct TopicPartitions {
    /// Topic.
    pub topic: String,
    /// Partition numbers and leaders, ascending, or why they cannot be had.
    pub partitions: Result<Vec<(i32, Option<Broker>)>, NoPartitions>,
}

/// Why a topic's partitions cannot be had.
#[derive(Debug, PartialEq, Eq)]
pub enum NoPartitions {
    /// The brokers do not know the topic.
    UnknownTopic,
    /// They refuse, or do not answer; in librdkafka's words.
    Error(String),
}

/// The ends of a partition's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watermarks {
    /// The first offset still there.
    pub low: i64,
    /// The next offset to be written (of committed transactions).
    pub high: i64,
}

/// The spout thread's end of the thread.
pub struct Metadata(Sender<Ask>);

impl Metadata {
    /// Starts the thread. `tell` is called there with each answer.
    ///
    /// # Errors
    /// No thread can be made.
    pub fn start(tell: impl Fn(Answer) + Send + 'static) -> std::io::Result<Self> {
        let (asks, inbox) = channel();
        std::thread::Builder::new().name("kafka-metadata".to_owned()).spawn(move || serve(&inbox, &tell))?;
        Ok(Self(asks))
    }

    /// Asks a question.
    pub fn ask(&self, ask: Ask) {
        // The thread lives as long as this handle.
        let _ = self.0.send(ask);
    }
}

fn serve(inbox: &Receiver<Ask>, tell: &dyn Fn(Answer)) {
    for ask in inbox {
        match ask {
            Ask::Partitions(consumer, topics) => {
                let found = topics.into_iter().map_while(|topic| {
                    let consumer = consumer.upgrade()?;
                    Some(TopicPartitions { partitions: partitions(&consumer, &topic), topic })
                });
                tell(Answer::Partitions(found.collect()));
            }
            Ask::Watermarks(consumer, parts) => {
                for part in parts {
                    let Some(consumer) = consumer.upgrade() else { break };
                    let found = watermarks(&consumer, &part);
                    drop(consumer);
                    tell(Answer::Watermarks(part, found));
                }
            }
            Ask::Committed(consumer, parts) => {
                let Some(consumer) = consumer.upgrade() else { continue };
                let found = committed(&consumer, parts);
                drop(consumer);
                tell(Answer::Committed(found));
            }
        }
    }
}

fn partitions(consumer: &Arc<Consumer>, topic: &str) -> Result<Vec<(i32, Option<Broker>)>, NoPartitions> {
    let metadata = consumer.fetch_metadata(Some(topic), CALL_TIMEOUT).map_err(|error| {
        let last = consumer.context().last_error().map(|reason| format!(" ({reason})")).unwrap_or_default();
        NoPartitions::Error(format!("{}{last}", reason(&error)))
    })?;
    let Some(found) = metadata.topics().iter().find(|found| found.name() == topic) else {
        return Err(NoPartitions::UnknownTopic);
    };
    if let Some(error) = found.error() {
        return Err(match RDKafkaErrorCode::from(error) {
            RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic => NoPartitions::UnknownTopic,
            error => NoPartitions::Error(error.to_string()),
        });
    }
    let mut partitions: Vec<_> =
        found.partitions().iter().map(|partition| (partition.id(), broker(&metadata, partition.leader()))).collect();
    partitions.sort_unstable_by_key(|(partition, _)| *partition);
    Ok(partitions)
}

fn broker(metadata: &KafkaMetadata, id: i32) -> Option<Broker> {
    let broker = metadata.brokers().iter().find(|broker| broker.id() == id)?;
    Some(Broker { host: broker.host().to_owned(), port: broker.port() })
}

fn watermarks(consumer: &Consumer, part: &Part) -> Result<Watermarks, String> {
    let (low, high) = consumer.fetch_watermarks(&part.topic, part.partition, CALL_TIMEOUT).map_err(|error| {
        format!("where the log of {}/{} begins and ends cannot be had: {}", part.topic, part.partition, reason(&error))
    })?;
    Ok(Watermarks { low, high })
}

fn committed(consumer: &Consumer, parts: Vec<Part>) -> Result<Vec<(Part, Option<Committed>)>, GroupError> {
    let mut list = TopicPartitionList::with_capacity(parts.len());
    for part in &parts {
        list.add_partition(&part.topic, part.partition);
    }
    let list = consumer.committed_offsets(list, CALL_TIMEOUT).map_err(|error| GroupError::new(&error))?;
    let found = parts.into_iter().map(|part| {
        let Some(element) = list.find_partition(&part.topic, part.partition) else { return Ok((part, None)) };
        element.error().map_err(|error| GroupError::new(&error))?;
        let committed = match element.offset() {
            Offset::Offset(offset) => Some(Committed { offset, metadata: element.metadata().to_owned() }),
            _ => None,
        };
        Ok((part, committed))
    });
    found.collect()
}

/// librdkafka's words without rdkafka's wrapping.
fn reason(error: &KafkaError) -> String {
    error.rdkafka_error_code().map_or_else(|| error.to_string(), |code| code.to_string())
}
