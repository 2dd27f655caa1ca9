//! The table of configuration keys: the one source for checking and for documentation.

/// What all keys begin with.
pub const PREFIX: &str = "kafka.spout.";

/// What pass-through librdkafka properties begin with, after [`PREFIX`].
pub const CONSUMER_PREFIX: &str = "consumer.";

/// A key of the configuration.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// The name after [`PREFIX`].
    pub name: &'static str,
    /// The default, as text for people.
    pub default: &'static str,
    /// What it does, with its unit.
    pub doc: &'static str,
}

const fn key(name: &'static str, default: &'static str, doc: &'static str) -> Key {
    Key { name, default, doc }
}

/// The keys that this version understands.
pub const KEYS: &[Key] = &[
    key(
        "bootstrap.servers",
        "`config.bootstrap.servers`",
        "Kafka brokers to begin with, `host:port,host:port`. Required.",
    ),
    key("topics", "`config.topics`", "Topics to read: a list, or names with commas between. Required."),
    key(
        "group.id",
        "`config.groupid`, else `<topology name>-<component>`",
        "Consumer group; the same for all tasks. Nobody joins it.",
    ),
    key(
        "processing.guarantee",
        "`at-least-once`",
        "`at-least-once`: an offset is committed when its record and all before it are acked.",
    ),
    key(
        "first.poll.offset.strategy",
        "`uncommitted-earliest`",
        "Where to begin: `uncommitted-earliest` and `uncommitted-latest` go on from a stored offset; `earliest` and `latest` only from one that this very topology stored.",
    ),
    key(
        "offset.commit.period.ms",
        "2000",
        "How often acked offsets are committed, in ms. Also on deactivate, SIGTERM and EOF.",
    ),
    key(
        "max.in.flight",
        "`topology.max.spout.pending`, else 2000; 6000 more under NativeKafkaSpout",
        "Tuples emitted and not yet acked or failed, per task; under NativeKafkaSpout those it has not yet given to Storm included.",
    ),
    key(
        "max.uncommitted.offsets",
        "100000",
        "Offsets between the lowest unacked and the last emitted record, per partition. Stops new records, never retries.",
    ),
    key(
        "max.uncommitted.bytes",
        "67108864",
        "Encoded tuples kept for replay, in bytes, per task. Stops new records, never retries; one tuple is always admitted.",
    ),
    key("retry.initial.delay.ms", "0", "Wait after the first fail of a tuple, in ms."),
    key("retry.delay.ms", "100", "Wait after the second fail, in ms; doubles with each one more."),
    key("retry.max.delay.ms", "10000", "Longest wait, in ms."),
    key("retry.jitter", "0.2", "Share of the wait, 0 to 1, of which a random part is taken off."),
    key(
        "retry.limit",
        "-1",
        "Emits after the first one; then the tuple is given up as `retry.exhausted` says. -1 is without end.",
    ),
    key("retry.exhausted", "`log`", "`log`: a WARN line names the record, and it counts as done."),
    key(
        "fields",
        "`[\"value\"]`",
        "What a tuple is made of: `topic partition offset timestamp key value headers header.NAME`. Their number must equal that of the declared output fields.",
    ),
    key(
        "stream.by.topic",
        "all to `default`",
        "Which topic's records go to which stream: a map of topic to stream, or `topic=stream` with commas between. A topic may be a regular expression that matches the whole name; a name wins over an expression. Each stream must be declared with as many fields as a tuple has.",
    ),
    key(
        "key.encoding",
        "`utf8`",
        "`utf8`, `base64` (always), or `bytes`: the tuple has a `byte[]`, for NativeKafkaSpout alone.",
    ),
    key("value.encoding", "`utf8`", "As for the key. Header values go by it too."),
    key(
        "undecodable",
        "`replace`",
        "Bytes that are not UTF-8 under `utf8`: `replace` (U+FFFD) or `base64` (the whole key or value).",
    ),
    key("tombstones", "`emit`", "Records without a value: `emit` (the value is null) or `skip`."),
    key("partition.refresh.period.ms", "30000", "How often Kafka is asked for new partitions, in ms."),
    key(
        "zookeeper.connect",
        "`config.zkServers`, else `storm.zookeeper.servers` with `storm.zookeeper.port`",
        "ZooKeeper for the offsets, `host:port,host:port/chroot`. Empty items are ignored.",
    ),
    key("zookeeper.root", "`/kafka-spout`", "First part of the offsets' path."),
    key(
        "zookeeper.id",
        "`<topology name>-<component>`",
        "Second part. One topic: `<root>/<id>/partition_<n>`; several: `<root>/<id>/<topic>/partition_<n>`. `config.zkRoot`, when neither is set, is the whole prefix.",
    ),
    key("zookeeper.session.timeout.ms", "20000", "ZooKeeper session timeout, in ms."),
    key(
        "offsets.store",
        "`zookeeper`",
        "`zookeeper`, or `group`: the consumer group alone, as storm-kafka-client does it; then no ZooKeeper is spoken to. A group has no versions: the last of two writers wins.",
    ),
    key(
        "offsets.mirror.group",
        "true",
        "Under `zookeeper`, keep a copy of the offsets in the consumer group, for Storm UI, `kafka-consumer-groups` and exporters of lag. Nothing waits for it.",
    ),
    key(
        "answer.ahead",
        "true",
        "Under a stock ShellSpout, write answers before their commands come: several times the throughput. docs/performance.md has the rules. Without ackers, and when nobody reads one of the component's streams, it is off by itself.",
    ),
    key(
        "next.hold.ms",
        "50",
        "How long a `next` is held open for a record when nothing is in flight, in ms. 0 for several tasks in one executor.",
    ),
    key(
        "status.period.ms",
        "0",
        "How often the state is logged, in ms; 0 is never. The line is `status` and a JSON object: counters, lag, offsets of each partition, sockets by TCP state, memory.",
    ),
    key("log.level", "`info`", "`error`, `warn`, `info`, `debug` or `trace`."),
    key("log.file", "none", "A file that gets every log line too, the last ones of a dying process included."),
    key("consumer.*", "", "Any librdkafka property, applied last."),
];

/// Keys of the plan that this version does not have: better a clear word than a key that does nothing.
pub const NOT_YET: &[&str] = &[
    "topics.pattern",
    "tuple.tracking",
    "start.timestamp.ms",
    "max.records.per.second",
    "max.bytes.per.second",
    "zookeeper.path",
    "zookeeper.format",
    "zookeeper.number.is",
    "zookeeper.auth",
    "zookeeper.acl",
    "zookeeper.tls.",
    "offsets.takeover",
];

/// Whether `name`, without [`PREFIX`], is a key of this version.
pub fn is_known(name: &str) -> bool {
    (name.len() > CONSUMER_PREFIX.len() && name.starts_with(CONSUMER_PREFIX)) || KEYS.iter().any(|key| key.name == name)
}

/// Whether `name`, without [`PREFIX`], is planned.
pub fn is_not_yet(name: &str) -> bool {
    NOT_YET.iter().any(|planned| name == *planned || planned.ends_with('.') && name.starts_with(planned))
}

/// The known key that looks most like `name`.
pub fn nearest(name: &str) -> &'static str {
    KEYS.iter().map(|key| key.name).min_by_key(|known| strsim::damerau_levenshtein(known, name)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    /// The table of docs/configuration.md.
    fn markdown() -> String {
        let mut table = String::from("| key | default | |\n|---|---|---|\n");
        for Key { name, default, doc } in KEYS {
            let _ = writeln!(table, "| `{PREFIX}{name}` | {default} | {doc} |");
        }
        table
    }

    /// When it fails, put what it prints between the two lines.
    #[test]
    fn the_documentation_has_exactly_these_keys() {
        let page = include_str!("../../docs/configuration.md");
        let (begin, end) = ("<!-- keys: begin -->\n", "<!-- keys: end -->");
        let written = page.split_once(begin).and_then(|(_, rest)| rest.split_once(end)).expect("both marks").0;
        assert_eq!(written.trim(), markdown().trim(), "\n{}", markdown());
    }

    #[test]
    fn no_key_is_both_known_and_planned() {
        for Key { name, .. } in KEYS {
            assert!(is_known(name) || *name == "consumer.*", "{name}");
            assert!(!is_not_yet(name), "{name}");
        }
        assert!(is_not_yet("offsets.takeover") && is_not_yet("zookeeper.tls.keystore"));
    }

    #[test]
    fn a_misspelt_key_finds_the_one_that_was_meant() {
        for (wrong, right) in
            [("topic", "topics"), ("max.inflight", "max.in.flight"), ("zookeper.connect", "zookeeper.connect")]
        {
            assert_eq!(nearest(wrong), right);
        }
    }
}
