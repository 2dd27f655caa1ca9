//! The spout's configuration: checked once, then plain typed values.

mod backoff;
pub mod keys;
mod store;
mod streams;
mod values;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value};

pub use backoff::Backoff;
pub use values::{ConfigError, Values, read_file};

use crate::multilang::{Context, Wire};
use crate::offsets::{OffsetStore, Writer};
use crate::tuple::{Encoder, Encoding, Field, Stream, Undecodable};

/// Everything the spout needs to know, valid.
#[derive(Debug, Clone)]
pub struct SpoutConfig {
    /// How to reach and read Kafka.
    pub kafka: KafkaConfig,
    /// Where to begin without, or in spite of, a stored offset.
    pub first_poll: FirstPoll,
    /// Where the offsets are kept.
    pub store: OffsetStore,
    /// Whether the consumer group gets a copy of the offsets; as the store it needs none.
    pub mirror: bool,
    /// Who writes them.
    pub writer: Writer,
    /// How often acked offsets are committed.
    pub commit_period: Duration,
    /// What stops new records.
    pub limits: Limits,
    /// When failed tuples come again.
    pub backoff: Backoff,
    /// How records become tuples.
    pub encoder: Encoder,
    /// The stream of each topic whose records do not go to `default`.
    pub streams: BTreeMap<String, Stream>,
    /// The names of all streams by their number, `default` first.
    pub stream_names: Vec<String>,
    /// Whether records without a value are passed over.
    pub skip_tombstones: bool,
    /// Whether the topology has ackers. Without them tuples carry no id, and a record is done when Storm has
    /// surely taken it.
    pub ackers: bool,
    /// How the parent is spoken to.
    pub wire: Wire,
    /// When its commands are answered.
    pub answers: Answers,
    /// How long an empty `next` may be held open.
    pub hold: Duration,
    /// How often the state is logged, if at all.
    pub status_period: Option<Duration>,
    /// Which log lines travel to Storm.
    pub log_level: tracing::Level,
    /// A file that gets the log lines too.
    pub log_file: Option<PathBuf>,
}

/// More would not fit into any worker.
const MOST_IN_FLIGHT: i64 = 10_000_000;

/// How to reach and read Kafka.
#[derive(Debug, Clone)]
pub struct KafkaConfig {
    /// `host:port,host:port`.
    pub bootstrap: String,
    /// Topics, sorted, without repeats.
    pub topics: Vec<String>,
    /// Consumer group; nobody joins it.
    pub group_id: String,
    /// How often to ask for new partitions.
    pub refresh: Duration,
    /// librdkafka properties of the user, applied last.
    pub properties: Vec<(String, String)>,
}

/// `kafka.spout.first.poll.offset.strategy` (storm-kafka-client's `FirstPollOffsetStrategy`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FirstPoll {
    /// Begin at the earliest record, else at the end.
    pub earliest: bool,
    /// Go on from any stored offset; else only from one that this topology id stored.
    pub uncommitted: bool,
}

/// When a stock `ShellSpout` is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answers {
    /// When it has asked.
    InTurns,
    /// Before it asks, too.
    Ahead,
}

/// What stops new records; retries are bound by `in_flight` alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Tuples emitted and not yet acked or failed, per task.
    pub in_flight: usize,
    /// Offsets from the lowest unacked to the last emitted one, per partition.
    pub offsets: usize,
    /// Bytes of kept frames, per task.
    pub bytes: usize,
}

impl SpoutConfig {
    /// Reads and checks the configuration.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn read(
        storm: &Map<String, Value>,
        file: &Map<String, Value>,
        context: &Context,
        wire: Wire,
    ) -> Result<Self, ConfigError> {
        let values = Values { storm, file };
        values.check_names()?;
        values.one_of(
            "kafka.spout.processing.guarantee",
            (),
            &[("at-least-once", ())],
            &["at-most-once", "no-guarantee"],
        )?;
        let level_words = [
            ("error", tracing::Level::ERROR),
            ("warn", tracing::Level::WARN),
            ("info", tracing::Level::INFO),
            ("debug", tracing::Level::DEBUG),
            ("trace", tracing::Level::TRACE),
        ];
        let tombstones = [("emit", false), ("skip", true)];
        let kafka = kafka(&values, context)?;
        let streams = streams::streams(&values, &kafka.topics, context)?;
        Ok(Self {
            first_poll: first_poll(&values)?,
            store: store::store(&values, context, kafka.topics.len() == 1)?,
            writer: store::writer(&values)?,
            mirror: values.one_of(
                "kafka.spout.offsets.mirror.group",
                true,
                &[("true", true), ("false", false)],
                &[],
            )?,
            commit_period: values.millis("kafka.spout.offset.commit.period.ms", 2000, 10)?,
            limits: limits(&values, wire)?,
            backoff: backoff(&values)?,
            encoder: encoder(&values, &kafka.topics, &streams, context, wire)?,
            stream_names: streams::names(&streams),
            streams,
            skip_tombstones: values.one_of("kafka.spout.tombstones", false, &tombstones, &[])?,
            ackers: ackers(&values)?,
            wire,
            answers: answers(&values, context, wire)?,
            hold: values.millis("kafka.spout.next.hold.ms", 50, 0)?,
            status_period: Some(values.millis("kafka.spout.status.period.ms", 0, 0)?)
                .filter(|period| !period.is_zero()),
            log_level: values.one_of("kafka.spout.log.level", tracing::Level::INFO, &level_words, &[])?,
            log_file: values.text("kafka.spout.log.file")?.map(PathBuf::from),
            kafka,
        })
    }
}

fn kafka(values: &Values<'_>, context: &Context) -> Result<KafkaConfig, ConfigError> {
    let (key, default) = ("kafka.spout.bootstrap.servers", "config.bootstrap.servers");
    let servers = values.list(key)?.or(values.list(default)?);
    let bootstrap = servers.ok_or_else(|| missing(key, "the Kafka brokers, as host:port,host:port"))?.join(",");
    let (key, default) = ("kafka.spout.topics", "config.topics");
    let mut topics = values.list(key)?.or(values.list(default)?).ok_or_else(|| missing(key, "the topics to read"))?;
    if let Some(topic) = topics.iter().find(|topic| !is_topic_name(topic)) {
        return Err(ConfigError::new(
            key,
            format!("{topic:?} is no topic name: at most 249 of letters, digits, `.`, `_` and `-`"),
        ));
    }
    topics.sort_unstable();
    topics.dedup();
    let group = values.text("kafka.spout.group.id")?.or(values.text("config.groupid")?);
    Ok(KafkaConfig {
        bootstrap,
        topics,
        group_id: group.unwrap_or(default_id(values, context)?),
        refresh: values.millis("kafka.spout.partition.refresh.period.ms", 30_000, 100)?,
        properties: values.with_prefix("kafka.spout.consumer.")?,
    })
}

/// Kafka's own rule (`org.apache.kafka.common.internals.Topic`).
fn is_topic_name(name: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=249).contains(&name.len()) && name.bytes().all(legal) && name != "." && name != ".."
}

/// Not ahead without ackers, nor where Storm 1 acks inside the emit because nobody reads a stream: each emit nests an ack
/// then, and answers that are there already would never let the recursion end.
fn answers(values: &Values<'_>, context: &Context, wire: Wire) -> Result<Answers, ConfigError> {
    let words = [("true", Answers::Ahead), ("false", Answers::InTurns)];
    let wanted = values.one_of("kafka.spout.answer.ahead", Answers::Ahead, &words, &[])?;
    let safe = wire == Wire::Multilang && ackers(values)? && context.unread.is_empty();
    Ok(if safe { wanted } else { Answers::InTurns })
}

fn ackers(values: &Values<'_>) -> Result<bool, ConfigError> {
    Ok(values.integer("topology.acker.executors", 1, 0..=i64::MAX)? > 0)
}

fn first_poll(values: &Values<'_>) -> Result<FirstPoll, ConfigError> {
    let strategy = |earliest, uncommitted| FirstPoll { earliest, uncommitted };
    let words = [
        ("uncommitted-earliest", strategy(true, true)),
        ("uncommitted-latest", strategy(false, true)),
        ("earliest", strategy(true, false)),
        ("latest", strategy(false, false)),
    ];
    let not_yet = ["timestamp", "uncommitted-timestamp"];
    values.one_of("kafka.spout.first.poll.offset.strategy", strategy(true, true), &words, &not_yet)
}

/// Tuples that the companion may have decoded beyond those in the topology: it never meets an empty pipe then.
const DECODED_AHEAD: i64 = 6000;

fn limits(values: &Values<'_>, wire: Wire) -> Result<Limits, ConfigError> {
    let pending = values.integer("topology.max.spout.pending", 2000, 1..=i64::MAX)?.min(MOST_IN_FLIGHT);
    let ahead = if wire == Wire::Companion { DECODED_AHEAD } else { 0 };
    Ok(Limits {
        in_flight: values.integer("kafka.spout.max.in.flight", pending + ahead, 1..=MOST_IN_FLIGHT + ahead)? as usize,
        offsets: values.integer("kafka.spout.max.uncommitted.offsets", 100_000, 1..=i64::MAX)? as usize,
        bytes: values.integer("kafka.spout.max.uncommitted.bytes", 64 << 20, 1..=i64::MAX)? as usize,
    })
}

fn backoff(values: &Values<'_>) -> Result<Backoff, ConfigError> {
    let limit = values.integer("kafka.spout.retry.limit", -1, -1..=i64::from(u32::MAX))?;
    let not_yet = ["stream:", "topic:", "stop"];
    values.one_of("kafka.spout.retry.exhausted", (), &[("log", ())], &not_yet)?;
    Ok(Backoff {
        initial: values.millis("kafka.spout.retry.initial.delay.ms", 0, 0)?,
        delay: values.millis("kafka.spout.retry.delay.ms", 100, 0)?,
        max: values.millis("kafka.spout.retry.max.delay.ms", 10_000, 0)?,
        jitter: values.share("kafka.spout.retry.jitter", 0.2)?,
        limit: u32::try_from(limit).ok(),
    })
}

fn encoder(
    values: &Values<'_>,
    topics: &[String],
    streams: &BTreeMap<String, Stream>,
    context: &Context,
    wire: Wire,
) -> Result<Encoder, ConfigError> {
    let key = "kafka.spout.fields";
    let names = values.list(key)?.unwrap_or_else(|| vec!["value".to_owned()]);
    let fields: Result<Vec<Field>, String> = names.iter().map(|name| name.parse()).collect();
    let fields = fields.map_err(|problem| ConfigError::new(key, problem))?;
    streams::check_field_count(&names, topics, streams, context)?;
    let encoding = |key: &str| {
        let known = [("utf8", Encoding::Utf8), ("base64", Encoding::Base64), ("bytes", Encoding::Bytes)];
        match values.one_of(key, Encoding::Utf8, &known, &["hex", "latin1", "json"])? {
            Encoding::Bytes if wire == Wire::Multilang => {
                let problem = "bytes: JSON has no bytes; it needs NativeKafkaSpout, the Java companion. Use base64, or the companion";
                Err(ConfigError::new(key, problem))
            }
            encoding => Ok(encoding),
        }
    };
    let undecodable = [("replace", Undecodable::Replace), ("base64", Undecodable::Base64)];
    let undecodable_not_yet = ["stream:", "topic:", "stop"];
    Ok(Encoder {
        wire,
        fields,
        key: encoding("kafka.spout.key.encoding")?,
        value: encoding("kafka.spout.value.encoding")?,
        undecodable: values.one_of(
            "kafka.spout.undecodable",
            Undecodable::Replace,
            &undecodable,
            &undecodable_not_yet,
        )?,
    })
}

fn topology_name(values: &Values<'_>) -> Result<String, ConfigError> {
    values.text("topology.name")?.ok_or_else(|| missing("topology.name", "Storm sets it; a test parent must, too"))
}

fn default_id(values: &Values<'_>, context: &Context) -> Result<String, ConfigError> {
    Ok(format!("{}-{}", topology_name(values)?, context.component))
}

fn missing(key: &str, what: &str) -> ConfigError {
    ConfigError::new(key, format!("is not set: {what}"))
}

#[cfg(test)]
mod tests;
