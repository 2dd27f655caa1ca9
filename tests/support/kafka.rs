//! Topics of a test's own, with known records.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer as _, ProducerContext, ThreadedProducer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::{ClientContext, Message as _};

use super::stack::stack;
use super::{PATIENCE, wait_for};

static ADMIN: LazyLock<AdminClient<DefaultClientContext>> = LazyLock::new(admin);

/// A client that knows nothing yet, not even which broker does not answer.
pub fn admin() -> AdminClient<DefaultClientContext> {
    ClientConfig::new().set("bootstrap.servers", &stack().kafka).create().expect("admin client")
}

static PRODUCER: LazyLock<Producer> = LazyLock::new(|| Producer::new(&stack().kafka, &[]));

/// A name that no other topic, topology or run has.
pub fn unique(stem: &str) -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("{stem}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A record to produce.
#[derive(Debug, Default, Clone)]
pub struct Record<'a> {
    /// Partition.
    pub partition: i32,
    /// Key.
    pub key: Option<&'a [u8]>,
    /// Value; `None` is a tombstone.
    pub value: Option<&'a [u8]>,
    /// Milliseconds since the epoch; else the time of producing.
    pub timestamp: Option<i64>,
    /// Headers.
    pub headers: Option<OwnedHeaders>,
}

/// Headers of every kind: a name twice, an empty value, none, and one that is not UTF-8.
pub fn headers() -> OwnedHeaders {
    OwnedHeaders::new()
        .insert(Header { key: "trace", value: Some("first") })
        .insert(Header { key: "trace", value: Some("last") })
        .insert(Header { key: "empty", value: Some("") })
        .insert(Header::<&[u8]> { key: "null", value: None })
        .insert(Header { key: "bytes", value: Some(b"\xff".as_slice()) })
}

/// A topic of the stack's Kafka.
pub struct Topic {
    /// Its name.
    pub name: String,
}

impl Topic {
    /// Makes a topic with a name of its own.
    pub fn new(stem: &str, partitions: i32) -> Self {
        let topic = Self::later(stem);
        topic.create(partitions, &[]);
        topic
    }

    /// A name for a topic that does not exist yet.
    pub fn later(stem: &str) -> Self {
        Self { name: unique(stem) }
    }

    /// Makes a topic with a partition for each list of brokers; the first of a list leads.
    pub fn placed(stem: &str, replicas: &[&[i32]]) -> Self {
        let topic = Self::later(stem);
        let new = NewTopic::new(&topic.name, replicas.len() as i32, TopicReplication::Variable(replicas));
        settle(ADMIN.create_topics(&[new], &options()));
        topic.wait_for_partitions(replicas.len());
        topic
    }

    /// Makes it, and waits until the broker leads all of its partitions.
    pub fn create(&self, partitions: i32, properties: &[(&str, &str)]) {
        let mut topic = NewTopic::new(&self.name, partitions, TopicReplication::Fixed(1));
        for (name, value) in properties {
            topic = topic.set(name, value);
        }
        settle(ADMIN.create_topics(&[topic], &options()));
        self.wait_for_partitions(partitions as usize);
    }

    /// Adds partitions.
    pub fn grow(&self, partitions: usize) {
        settle(ADMIN.create_partitions(&[NewPartitions::new(&self.name, partitions)], &options()));
        self.wait_for_partitions(partitions);
    }

    /// Removes the topic.
    pub fn delete(&self) {
        settle(ADMIN.delete_topics(&[&self.name], &options()));
    }

    /// Does what retention would do: the log of `partition` begins at `offset`.
    pub fn forget_before(&self, partition: i32, offset: i64) {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&self.name, partition, Offset::Offset(offset)).expect("an offset");
        let done = run(ADMIN.delete_records(&list, &options())).expect("delete records");
        for element in done.elements() {
            element.error().expect("delete records");
        }
    }

    /// Produces values, in order, to one partition.
    pub fn produce<V: AsRef<[u8]>>(&self, partition: i32, values: impl IntoIterator<Item = V>) {
        for value in values {
            PRODUCER.enqueue(&self.name, &Record { partition, value: Some(value.as_ref()), ..Record::default() });
        }
        PRODUCER.finish();
    }

    /// Produces records, in order.
    pub fn send(&self, records: &[Record<'_>]) {
        self.send_with(&PRODUCER, records);
    }

    /// The same, through a producer of its own.
    pub fn send_with(&self, producer: &Producer, records: &[Record<'_>]) {
        for record in records {
            producer.enqueue(&self.name, record);
        }
        producer.finish();
    }

    fn wait_for_partitions(&self, count: usize) {
        wait_for("the topic's partitions and their leaders", || {
            let metadata = ADMIN.inner().fetch_metadata(Some(&self.name), Duration::from_secs(5)).ok()?;
            let led = metadata.topics().first()?.partitions().iter().filter(|partition| partition.leader() >= 0);
            (led.count() == count).then_some(())
        });
    }
}

/// A producer that sees whether each record was taken.
pub struct Producer(ThreadedProducer<Failures>);

#[derive(Default)]
struct Failures(Mutex<Vec<String>>);

impl ClientContext for Failures {}

impl ProducerContext for Failures {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, message)) = result {
            let text = format!("{}/{}: {error}", message.topic(), message.partition());
            self.0.lock().expect("never poisoned").push(text);
        }
    }
}

impl Producer {
    /// Connects to `servers`. Records keep their order.
    pub fn new(servers: &str, properties: &[(&str, &str)]) -> Self {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", servers).set("message.max.bytes", "15000000").set("linger.ms", "2");
        config.set("max.in.flight.requests.per.connection", "1");
        for (name, value) in properties {
            config.set(*name, *value);
        }
        Self(config.create_with_context(Failures::default()).expect("producer"))
    }

    /// Hands a record over.
    pub fn enqueue(&self, topic: &str, record: &Record<'_>) {
        let mut next = BaseRecord::<[u8], [u8]>::to(topic).partition(record.partition);
        next.key = record.key;
        next.payload = record.value;
        next.timestamp = record.timestamp;
        next.headers.clone_from(&record.headers);
        let begun = Instant::now();
        while let Err((error, same)) = self.0.send(next) {
            assert!(begun.elapsed() < PATIENCE, "{topic}/{}: {error}", record.partition);
            match error.rdkafka_error_code() {
                Some(RDKafkaErrorCode::QueueFull) => self.0.flush(PATIENCE).expect("flush"),
                // A partition that was added since we looked.
                Some(RDKafkaErrorCode::UnknownPartition) => {
                    self.0.client().fetch_metadata(Some(topic), PATIENCE).expect("metadata");
                }
                _ => panic!("{topic}/{}: {error}", record.partition),
            }
            next = same;
        }
    }

    /// Waits until all records are in Kafka.
    pub fn finish(&self) {
        self.0.flush(PATIENCE).expect("all records are taken");
        assert_eq!(*self.0.context().0.lock().expect("never poisoned"), [""; 0]);
    }
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(PATIENCE)).operation_timeout(Some(PATIENCE))
}

fn settle(work: impl Future<Output = Result<Vec<Result<String, (String, RDKafkaErrorCode)>>, KafkaError>>) {
    for result in run(work).expect("admin request") {
        result.expect("admin request");
    }
}

/// Waits for an admin request.
pub fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().expect("runtime").block_on(work)
}
