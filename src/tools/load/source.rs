//! The Kafka that the spouts read: a real one, or librdkafka's mock cluster, and the records in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::metadata::MetadataTopic;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer as _};
use serde_json::{Map, Value, json};

use super::options::LoadOptions;

/// How long Kafka may take for one answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long it may take for the records of the start, of which the producer holds up to 64 MiB.
const FLUSH: Duration = Duration::from_mins(1);

/// How long a broker may take to be told of a topic's leaders by the controller, and the topic to be seen.
const SETTLE: Duration = Duration::from_secs(10);

/// Kafka, and a topic of ours in it.
pub struct Source {
    bootstrap: String,
    topic: String,
    /// To be deleted.
    ours: bool,
    keys: Map<String, Value>,
    /// Its thread, and the flag that ends it.
    producer: Option<(Arc<AtomicBool>, JoinHandle<()>)>,
    mock: Option<MockCluster<'static, DefaultProducerContext>>,
}

impl Source {
    /// Finds or makes all that is needed, and produces what is to be there at the start; `progress` is told how many
    /// records there are so far.
    ///
    /// # Errors
    /// Kafka is not to be had, or makes no topic.
    pub fn open(options: &LoadOptions, progress: impl FnMut(u64)) -> Result<Self> {
        let mock = options.embedded.map(|brokers| MockCluster::new(i32::from(brokers))).transpose();
        let mock = mock.context("librdkafka's mock cluster")?;
        let bootstrap = match (&mock, &options.bootstrap) {
            (Some(mock), _) => mock.bootstrap_servers(),
            (None, Some(bootstrap)) => bootstrap.clone(),
            // Seen before it came to this.
            (None, None) => String::new(),
        };
        let topic = options.topic.clone().unwrap_or_else(|| format!("kafka-shell-spout-load-{}", std::process::id()));
        let keys = keys(options, &bootstrap, &topic);
        let mut source = Self { bootstrap, topic, ours: false, keys, producer: None, mock };
        if options.topic.is_none() {
            source.make_topic(options.partitions)?;
            source.ours = true;
            source.produce(options, progress)?;
        }
        Ok(source)
    }

    /// Keys of the spouts' configuration that say where to read and where to keep offsets.
    pub fn keys(&self) -> &Map<String, Value> {
        &self.keys
    }

    fn make_topic(&self, partitions: u32) -> Result<()> {
        let (name, count) = (self.topic.as_str(), partitions as i32);
        if let Some(mock) = &self.mock {
            return mock.create_topic(name, count, 1).with_context(|| format!("topic {name} in the mock cluster"));
        }
        let context = || format!("topic {name} with {count} partitions at {}", self.bootstrap);
        // -1: as many copies as the broker's own default (KIP-464).
        let topic = NewTopic::new(name, count, TopicReplication::Fixed(-1));
        let options = AdminOptions::new().operation_timeout(Some(PATIENCE)).request_timeout(Some(PATIENCE));
        let made = block_on(self.admin()?.create_topics([&topic], &options))?.with_context(context)?;
        for result in made {
            if let Err((_, code)) = result {
                return Err(KafkaError::AdminOp(code)).with_context(context);
            }
        }
        self.wait_for_leaders(partitions)
    }

    /// A topic that was just made has no leaders yet, and to some brokers is none.
    fn wait_for_leaders(&self, partitions: u32) -> Result<()> {
        let producer: BaseProducer = self.client().create()?;
        let begun = Instant::now();
        loop {
            let metadata = producer.client().fetch_metadata(Some(&self.topic), PATIENCE)?;
            let led = metadata.topics().iter().flat_map(MetadataTopic::partitions).filter(|part| part.leader() >= 0);
            if led.count() == partitions as usize {
                return Ok(());
            }
            anyhow::ensure!(begun.elapsed() < SETTLE, "topic {}: not all partitions have a leader", self.topic);
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn admin(&self) -> Result<AdminClient<DefaultClientContext>> {
        self.client().create().with_context(|| format!("a client of {}", self.bootstrap))
    }

    fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.bootstrap).set("log.connection.close", "false");
        config
    }

    fn produce(&mut self, options: &LoadOptions, mut progress: impl FnMut(u64)) -> Result<()> {
        let mut config = self.client();
        // A Kafka that is gone meanwhile must not hold a full queue, and with it our end, for minutes.
        config
            .set("message.timeout.ms", "30000")
            .set("linger.ms", "5")
            .set("batch.num.messages", "2000")
            .set("queue.buffering.max.kbytes", "65536");
        let producer: BaseProducer = config.create()?;
        let mut writer = Writer::new(producer, &self.topic, options);
        for count in 0..options.records {
            writer.write()?;
            if count % 10_000 == 0 {
                progress(count);
            }
        }
        writer.producer.flush(FLUSH).with_context(|| format!("records for {}", self.topic))?;
        if let Some(period) = options.produce.period() {
            let stop = Arc::new(AtomicBool::new(false));
            let theirs = Arc::clone(&stop);
            let thread = std::thread::Builder::new().name("producer".to_owned());
            let thread = thread.spawn(move || writer.run(&theirs, period))?;
            self.producer = Some((stop, thread));
        }
        Ok(())
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.producer.take() {
            stop.store(true, Ordering::Relaxed);
            // It panics on nothing; and if it did, the topic should go all the same.
            let _ = thread.join();
        }
        if self.ours && self.mock.is_none() {
            let deleted = self.admin().and_then(|admin| {
                Ok(block_on(admin.delete_topics(&[&self.topic], &AdminOptions::new().request_timeout(Some(SETTLE))))??)
            });
            if !matches!(deleted.as_deref(), Ok([Ok(_)])) {
                crate::tools::complain(&format!("topic {} could not be deleted; please do", self.topic));
            }
        }
    }
}

fn keys(options: &LoadOptions, bootstrap: &str, topic: &str) -> Map<String, Value> {
    let keys = match &options.zookeeper {
        Some(servers) => json!({"kafka.spout.zookeeper.connect": servers}),
        None => json!({"kafka.spout.offsets.store": "group"}),
    };
    let Value::Object(mut keys) = keys else { return Map::new() };
    keys.insert("kafka.spout.bootstrap.servers".to_owned(), bootstrap.into());
    keys.insert("kafka.spout.topics".to_owned(), topic.into());
    keys
}

fn block_on<T>(future: impl Future<Output = T>) -> Result<T> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(future))
}

/// Writes records of one size, to one partition after the other.
struct Writer {
    producer: BaseProducer,
    topic: String,
    partitions: u32,
    value: Vec<u8>,
    count: u64,
}

impl Writer {
    fn new(producer: BaseProducer, topic: &str, options: &LoadOptions) -> Self {
        let value = vec![b'x'; options.size as usize];
        Self { producer, topic: topic.to_owned(), partitions: options.partitions, value, count: 0 }
    }

    /// Hands one record over, waiting while the queue is full.
    fn write(&mut self) -> Result<()> {
        // Each record is another one: what comes twice can be told.
        let number = format!("{:016}", self.count);
        let length = number.len().min(self.value.len());
        self.value[..length].copy_from_slice(&number.as_bytes()[number.len() - length..]);
        let partition = (self.count % u64::from(self.partitions)) as i32;
        self.count += 1;
        let mut record = BaseRecord::<(), [u8]>::to(&self.topic).partition(partition).payload(&self.value[..]);
        loop {
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    record = back;
                    self.producer.poll(Duration::from_millis(10));
                }
                Err((error, _)) => return Err(error).with_context(|| format!("a record for {}", self.topic)),
            }
        }
    }

    /// Until it is told to stop; a Kafka that takes no records any more shows in the table.
    fn run(mut self, stop: &AtomicBool, period: Duration) {
        let (begun, before) = (Instant::now(), self.count);
        while !stop.load(Ordering::Relaxed) {
            // Without a time between two, all that goes.
            let due = begun.elapsed().as_nanos().checked_div(period.as_nanos()).map_or(u64::MAX, |due| due as u64);
            let batch = due.saturating_sub(self.count - before).min(1000);
            for _ in 0..batch {
                if self.write().is_err() {
                    return;
                }
            }
            self.producer.poll(if batch == 0 { Duration::from_millis(1) } else { Duration::ZERO });
        }
        // What is not there yet is not missed.
        let _ = self.producer.flush(Duration::from_secs(1));
    }
}
