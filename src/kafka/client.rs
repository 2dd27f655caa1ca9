//! The librdkafka clients of the process: one that reads, and one for the group's offsets.

use std::fs::File;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};

use super::reason::{LastError, advice};
use super::sizes::Sizes;
use crate::config::{ConfigError, KafkaConfig};

/// A client. It never subscribes: partitions are assigned to it, so nobody joins the group.
pub type Consumer = BaseConsumer<SpoutContext>;

/// librdkafka's callbacks; called on the thread that polls the client.
#[derive(Debug, Default)]
pub struct SpoutContext {
    last_error: Mutex<LastError>,
}

impl SpoutContext {
    /// What librdkafka said lately about a broker: why a call failed is often only there.
    pub fn last_error(&self) -> Option<String> {
        self.last_error.lock().unwrap_or_else(PoisonError::into_inner).text()
    }
}

impl ClientContext for SpoutContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        match level {
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical | RDKafkaLogLevel::Error => {
                // An unreachable broker is an error to librdkafka, which goes on connecting for ever; what lasts is
                // reported by the spout.
                tracing::warn!("librdkafka: {facility} {message}");
            }
            RDKafkaLogLevel::Warning => tracing::warn!("librdkafka: {facility} {message}"),
            RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => tracing::info!("librdkafka: {facility} {message}"),
            RDKafkaLogLevel::Debug => tracing::debug!("librdkafka: {facility} {message}"),
        }
    }

    fn stats_raw(&self, _: &[u8]) {}

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!("librdkafka: {error}: {reason}");
        let mut last = self.last_error.lock().unwrap_or_else(PoisonError::into_inner);
        last.note(error.rdkafka_error_code(), reason, Instant::now());
    }
}

impl ConsumerContext for SpoutContext {}

/// Properties that are the spout's own business, and the key to use instead.
const RESERVED: &[(&str, &str)] = &[
    ("bootstrap.servers", "kafka.spout.bootstrap.servers"),
    ("metadata.broker.list", "kafka.spout.bootstrap.servers"),
    ("group.id", "kafka.spout.group.id"),
    ("auto.offset.reset", "kafka.spout.first.poll.offset.strategy"),
    ("enable.auto.commit", "kafka.spout.processing.guarantee"),
    ("enable.auto.offset.store", "kafka.spout.processing.guarantee"),
];

/// Properties that name files, which are read when a client is made; a word instead of a path is [`PROBE`].
const FILES: &[&str] =
    &["ssl.ca.location", "ssl.certificate.location", "ssl.crl.location", "ssl.key.location", "ssl.keystore.location"];

/// Where the system has its authorities.
const PROBE: &str = "probe";

/// Polls of the main queue each time; a poll that gives nothing may have consumed a log line.
const SERVE_POLLS: usize = 32;

const IDLE: &str = "connections.max.idle.ms";

fn properties(config: &KafkaConfig, sizes: Sizes) -> ClientConfig {
    let mut client = ClientConfig::new();
    client
        .set("bootstrap.servers", &config.bootstrap)
        // Without a group librdkafka refuses to assign; nobody joins it.
        .set("group.id", &config.group_id)
        // Offsets are committed when Storm has acked them, by us.
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        // Any other value resets silently. We want to know, count what was lost, say so, and seek.
        .set("auto.offset.reset", "error")
        // Aborted transactions are not data.
        .set("isolation.level", "read_committed")
        // A broker that vanished without a FIN must not hold a socket for hours.
        .set("socket.keepalive.enable", "true")
        // The connection to a broker that leads none of our partitions any more goes after this time: librdkafka
        // cannot close a single one by hand. Brokers we read from are never idle: a fetch is always under way.
        .set(IDLE, "30000")
        // Our own idle closes, and the broker's, are no news.
        .set("log.connection.close", "false")
        // A broker that restarts is back in a second or two; the default backs off up to 10 s.
        .set("reconnect.backoff.max.ms", "1000")
        // A partition that becomes fetchable waits for the long poll under way on its broker.
        .set("fetch.wait.max.ms", "100")
        // Leaders move; the default looks every 5 minutes.
        .set("topic.metadata.refresh.interval.ms", "60000")
        // KIP-714 telemetry delays the close by up to a second, and nobody asked for it.
        .set("enable.metrics.push", "false");
    client
        .set("queued.min.messages", sizes.records.to_string())
        // The default, 1000, leaves a fast reader waiting.
        .set("fetch.queue.backoff.ms", sizes.backoff_ms.to_string())
        .set("queued.max.messages.kbytes", sizes.kbytes.to_string());
    if cfg!(feature = "ssl-vendored") {
        // An OpenSSL that was built elsewhere looks for authorities where they were there.
        client.set("ssl.ca.location", PROBE);
    }
    for (name, value) in &config.properties {
        client.set(name, value);
    }
    client
}

/// Checks the user's librdkafka properties, without connecting.
///
/// # Errors
/// A property that the spout owns, or librdkafka's own text about a name or value it does not take.
pub fn check_properties(config: &KafkaConfig) -> Result<(), ConfigError> {
    for (name, _) in &config.properties {
        if let Some((_, key)) = RESERVED.iter().find(|(reserved, _)| reserved == name) {
            return Err(ConfigError::new(
                format!("kafka.spout.consumer.{name}"),
                format!("is the spout's own business: use {key}"),
            ));
        }
    }
    let client = properties(config, Sizes::of(0));
    match client.create_native_config() {
        Ok(_) => {}
        Err(KafkaError::ClientConfig(_, description, name, _)) => {
            let problem = format!("librdkafka: {description}");
            return Err(ConfigError::new(format!("kafka.spout.consumer.{name}"), problem));
        }
        Err(error) => return Err(ConfigError::new("kafka.spout.consumer.*", error.to_string())),
    }
    if config.properties.is_empty() {
        return Ok(());
    }
    for (name, path) in config.properties.iter().filter(|(name, _)| FILES.contains(&name.as_str())) {
        // Of a file that is not there librdkafka says that there was an error in the system's library.
        if path != PROBE
            && let Err(error) = File::open(path)
        {
            return Err(ConfigError::new(format!("kafka.spout.consumer.{name}"), format!("{path}: {error}")));
        }
    }
    // Properties that exclude each other and certificates that cannot be read are found only when a client is made.
    // Without brokers it connects to nobody, and without a group it is closed at once.
    let mut alone = client;
    for name in ["bootstrap.servers", "group.id"] {
        alone.remove(name);
    }
    match alone.create_with_context::<_, BaseConsumer<Silent>>(Silent) {
        Ok(_) => Ok(()),
        Err(KafkaError::ClientCreation(reason)) => {
            let advice = advice(&reason).map(|advice| format!("; {advice}")).unwrap_or_default();
            Err(ConfigError::new("kafka.spout.consumer.*", format!("librdkafka: {reason}{advice}")))
        }
        Err(error) => Err(ConfigError::new("kafka.spout.consumer.*", error.to_string())),
    }
}

/// The context of a client that is never used.
struct Silent;

impl ClientContext for Silent {
    fn log(&self, _: RDKafkaLogLevel, _: &str, _: &str) {}
}

impl ConsumerContext for Silent {}

/// Opens the client that reads, with buffers for so many partitions. It connects behind this call.
///
/// # Errors
/// librdkafka's, for properties that exclude each other, or when no thread can be made.
pub fn open(config: &KafkaConfig, sizes: Sizes) -> KafkaResult<Arc<Consumer>> {
    create(properties(config, sizes))
}

/// Opens the client that writes the group's offsets. A broker answers what comes by one connection one after the other,
/// and a commit waits for every copy in sync: by the connection that reads, it would hold back the records. Without a
/// group of its own it is connected to the coordinator alone.
///
/// # Errors
/// As [`open`].
pub fn open_for_group(config: &KafkaConfig) -> KafkaResult<Arc<Consumer>> {
    let mut client = properties(config, Sizes::of(0));
    client.remove("group.id");
    if !config.properties.iter().any(|(name, _)| name == IDLE) {
        // The broker that it asks first who coordinates the group is of no use to it after that.
        client.set(IDLE, "10000");
    }
    create(client)
}

fn create(mut client: ClientConfig) -> KafkaResult<Arc<Consumer>> {
    // librdkafka filters before we do; it need not build lines that nobody reads.
    client.set_log_level(if tracing::enabled!(tracing::Level::DEBUG) {
        RDKafkaLogLevel::Debug
    } else {
        RDKafkaLogLevel::Info
    });
    client.create_with_context(SpoutContext::default()).map(Arc::new)
}

/// Takes what librdkafka has to say of a client: its logs, its errors, and how many records came this way.
pub fn serve(client: &Consumer) -> (Vec<KafkaError>, usize) {
    let (mut errors, mut records) = (Vec::new(), 0);
    for _ in 0..SERVE_POLLS {
        match client.poll(Duration::ZERO) {
            None => {}
            Some(Err(error)) => errors.push(error),
            Some(Ok(_)) => records += 1,
        }
    }
    (errors, records)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn config(properties: &[(&str, &str)]) -> KafkaConfig {
        KafkaConfig {
            bootstrap: "127.0.0.1:1".to_owned(),
            topics: vec!["t".to_owned()],
            group_id: "g".to_owned(),
            refresh: Duration::from_secs(1),
            properties: properties.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        }
    }

    #[test]
    fn the_users_properties_are_applied_last() {
        let config = config(&[("fetch.wait.max.ms", "7")]);
        assert_eq!(check_properties(&config), Ok(()));
        assert_eq!(properties(&config, Sizes::of(0)).get("fetch.wait.max.ms"), Some("7"));
    }

    /// librdkafka takes `fetch.max.bytes` from them; a value of our own would exclude what is below or above it.
    #[test]
    fn any_size_of_records_and_answers_goes_with_any_number_of_partitions() {
        for properties in [[("message.max.bytes", "100000000")], [("receive.message.max.bytes", "5000000")]] {
            let config = config(&properties);
            assert_eq!(check_properties(&config), Ok(()));
            for partitions in [1, 100, 1000] {
                open(&config, Sizes::of(partitions)).unwrap_or_else(|error| panic!("{properties:?}: {error}"));
            }
        }
    }

    #[test]
    fn a_wrong_property_fails_with_librdkafkas_own_words() {
        for (name, value, words) in [
            ("fetch.wait.max.mss", "7", "No such configuration property"),
            ("fetch.wait.max.ms", "-7", "outside allowed range"),
            ("auto.offset.reset", "latest", "kafka.spout.first.poll.offset.strategy"),
        ] {
            let error = check_properties(&config(&[(name, value)])).expect_err(name).to_string();
            assert!(error.contains(words) && error.contains(name), "{error}");
        }
    }
}
