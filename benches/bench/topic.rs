//! Topics, and the records in them.

use std::future::Future;
use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use kafka_shell_spout::tools::say;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::metadata::MetadataTopic;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

use super::stop;

/// How long Kafka may take for one answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a broker may take until it leads all partitions of a new topic.
const SETTLE: Duration = Duration::from_mins(1);

/// How long it may take for what the producer holds at the end.
const FLUSH: Duration = Duration::from_mins(2);

/// Records between two looks at the clock.
const STEP: u64 = 10_000;

/// Between two lines of progress where no bar can be drawn.
const LINE_PERIOD: Duration = Duration::from_secs(10);

/// Values are cut out of this many bytes at changing places.
const LETTERS: usize = 1 << 16;

/// A topic of ours; it is deleted when it is dropped.
pub struct Topic {
    /// Its name.
    pub name: String,
    /// Partitions.
    pub partitions: u32,
    /// Bytes of a value.
    pub size: usize,
    /// Records in it.
    pub records: u64,
    bootstrap: String,
}

impl Topic {
    /// Makes an empty one, and waits until all of its partitions are led.
    ///
    /// # Errors
    /// Kafka's.
    pub fn new(bootstrap: &str, name: &str, partitions: u32, size: usize) -> Result<Self> {
        let context = || format!("topic {name} with {partitions} partitions at {bootstrap} cannot be made");
        let new = NewTopic::new(name, partitions as i32, TopicReplication::Fixed(1));
        // Whatever is produced stays to the end.
        let new = new.set("retention.ms", "-1").set("retention.bytes", "-1");
        let options = AdminOptions::new().operation_timeout(Some(PATIENCE)).request_timeout(Some(PATIENCE));
        for made in block_on(admin(bootstrap)?.create_topics([&new], &options))?.with_context(context)? {
            if let Err((_, code)) = made {
                return Err(KafkaError::AdminOp(code)).with_context(context);
            }
        }
        let topic = Self { name: name.to_owned(), partitions, size, records: 0, bootstrap: bootstrap.to_owned() };
        topic.wait_for_leaders()?;
        Ok(topic)
    }

    fn wait_for_leaders(&self) -> Result<()> {
        let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", &self.bootstrap).create()?;
        let led = || {
            let metadata = producer.client().fetch_metadata(Some(&self.name), PATIENCE)?;
            let led = metadata.topics().iter().flat_map(MetadataTopic::partitions).filter(|part| part.leader() >= 0);
            Ok((led.count() == self.partitions as usize).then_some(()))
        };
        let found = stop::wait_for(SETTLE, led)?;
        ensure!(
            found.is_some(),
            "topic {}: not all of its partitions have a leader after {} s",
            self.name,
            SETTLE.as_secs()
        );
        Ok(())
    }

    /// Fills it, the partitions in turn, with printable values.
    ///
    /// # Errors
    /// Kafka's, or a signal came.
    pub fn fill(&mut self, records: u64) -> Result<()> {
        let producer: BaseProducer = ClientConfig::new()
            .set("bootstrap.servers", &self.bootstrap)
            .set("linger.ms", "100")
            .set("batch.size", "1000000")
            .set("batch.num.messages", "100000")
            .set("queue.buffering.max.messages", "1000000")
            .set("queue.buffering.max.kbytes", "262144")
            .set("acks", "1")
            .create()
            .with_context(|| format!("a producer for {}", self.bootstrap))?;
        let progress = Progress::new(&self.name, records);
        let letters = letters(self.size);
        for number in 0..records {
            let from = (number as usize).wrapping_mul(97) % LETTERS;
            let partition = (number % u64::from(self.partitions)) as i32;
            let record =
                BaseRecord::<(), [u8]>::to(&self.name).partition(partition).payload(&letters[from..from + self.size]);
            self.send(&producer, record)?;
            if number % STEP == 0 {
                stop::check()?;
                progress.at(number);
            }
        }
        producer.flush(FLUSH).with_context(|| format!("the last records for {}", self.name))?;
        progress.end();
        self.records = records;
        Ok(())
    }

    fn send(&self, producer: &BaseProducer, mut record: BaseRecord<'_, (), [u8]>) -> Result<()> {
        while let Err((error, back)) = producer.send(record) {
            ensure!(
                error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull),
                "a record for {}: {error}",
                self.name
            );
            record = back;
            stop::check()?;
            producer.poll(Duration::from_millis(10));
        }
        Ok(())
    }
}

impl Drop for Topic {
    /// Its data would be in the way of the next one.
    fn drop(&mut self) {
        let options = AdminOptions::new().request_timeout(Some(PATIENCE));
        if let Ok(admin) = admin(&self.bootstrap) {
            // The whole Kafka goes soon.
            let _ = block_on(admin.delete_topics(&[&self.name], &options));
        }
    }
}

fn admin(bootstrap: &str) -> Result<AdminClient<DefaultClientContext>> {
    ClientConfig::new().set("bootstrap.servers", bootstrap).create().with_context(|| format!("a client of {bootstrap}"))
}

fn block_on<T>(future: impl Future<Output = T>) -> Result<T> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(future))
}

/// Letters and digits enough for a value that begins anywhere in the first part.
fn letters(size: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(7);
    std::iter::repeat_with(|| random.alphanumeric() as u8).take(LETTERS + size).collect()
}

/// A bar on a terminal; elsewhere a line now and then.
struct Progress {
    name: String,
    records: u64,
    bar: ProgressBar,
    begun: Instant,
    said: std::cell::Cell<Instant>,
}

impl Progress {
    fn new(name: &str, records: u64) -> Self {
        let bar = ProgressBar::with_draw_target(Some(records), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {human_pos}/{human_len} {eta}") {
            bar.set_style(style);
        }
        bar.set_message(format!("filling {name}"));
        let now = Instant::now();
        Self { name: name.to_owned(), records, bar, begun: now, said: now.into() }
    }

    fn at(&self, count: u64) {
        self.bar.set_position(count);
        if !std::io::stderr().is_terminal() && self.said.get().elapsed() > LINE_PERIOD {
            self.said.set(Instant::now());
            say(&format!("filling {}: {count} of {} records", self.name, self.records));
        }
    }

    fn end(self) {
        self.bar.finish_and_clear();
        let seconds = self.begun.elapsed().as_secs_f64();
        say(&format!("{}: {} records produced in {seconds:.0} s", self.name, self.records));
    }
}
