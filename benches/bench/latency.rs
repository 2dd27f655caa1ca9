//! From the producer's clock to the bolt: at a low, a middle and a high rate, and after nothing has come for a while.

use std::fmt::Write as _;
use std::iter;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use kafka_shell_spout::tools::{print, say};
use rdkafka::ClientConfig;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

use super::counts;
use super::floor::{Floor, TIME_DIGITS, now_nanos};
use super::options::{Guarantee, Options};
use super::report;
use super::rows::{REFERENCE, Row};
use super::run::{Bench, Setting};
use super::stats::{Spread, percentile, spread};
use super::stop;
use super::table::Table;
use super::topic::Topic;

/// Records a second.
const RATES: [u32; 3] = [20, 1000, 20_000];

/// How long nothing comes before the first tuple after it, and how often.
const IDLE: Duration = Duration::from_secs(5);
const IDLE_TIMES: usize = 6;

/// Records begin to flow and are measured only after that.
const SETTLE: Duration = Duration::from_secs(3);

/// All that was produced has to have come after so long, also to a row that is slower than the rate.
const DRAIN_LIMIT: Duration = Duration::from_mins(2);

/// The bolt writes what it has ten times a second.
const WRITTEN: Duration = Duration::from_millis(300);

const PARTITIONS: u32 = 12;

/// Bytes of a value; the time that it was made at comes first.
const SIZE: usize = 100;

/// Records a second before the measurements.
const WARM_UP_RATE: u32 = 2000;

/// The row without Storm: what of a time is the producer's and the broker's.
const FLOOR: &str = "no Storm";

const ROWS: [&str; 5] = ["stock", "companion", "java", "java-default", "java-low-latency"];

/// Half, and all but one in a hundred; after idle: half, and the most.
#[derive(Debug, Clone, Copy)]
struct Ages {
    count: usize,
    half: u64,
    most: u64,
}

/// One row, in all rounds.
struct Runs {
    /// `None` without Storm.
    row: Option<Row>,
    /// In order of [`RATES`], and after idle.
    rounds: Vec<Option<Vec<Ages>>>,
    problem: Option<String>,
}

impl Runs {
    fn name(&self) -> &str {
        self.row.as_ref().map_or(FLOOR, |row| &row.name)
    }
}

/// All rows take turns.
///
/// # Errors
/// A signal came, or Kafka fails.
pub fn run(bench: &mut Bench<'_>) -> Result<()> {
    let options = bench.options;
    let rows: Vec<Row> = if options.rows.is_empty() {
        ROWS.iter().map(|name| Row::named(name)).collect::<Result<_>>()?
    } else {
        Row::compared(options, Guarantee::AtLeastOnce)?.0
    };
    let rows = iter::once(None).chain(rows.into_iter().map(Some));
    let mut all: Vec<Runs> = rows.map(|row| Runs { row, rounds: Vec::new(), problem: None }).collect();
    let rounds = options.pace(3).rounds;
    for round in 1..=rounds {
        for (number, runs) in all.iter_mut().enumerate() {
            let name = format!("latency-{round}-{number}");
            let result = measure(bench, runs.row.as_ref(), &name);
            stop::check()?;
            let said = match &result {
                Ok(ages) => ages
                    .iter()
                    .map(|ages| format!("{} / {} ms", millis(ages.half), millis(ages.most)))
                    .collect::<Vec<_>>()
                    .join(", "),
                Err(error) => format!("failed: {error:#}"),
            };
            say(&format!("latency, round {round} of {rounds}: {}: {said}", runs.name()));
            runs.problem = result.as_ref().err().map(|error| format!("{error:#}")).or(runs.problem.take());
            runs.rounds.push(result.ok());
        }
    }
    for (place, rate) in RATES.iter().enumerate() {
        print(&format!(
            "\n{}",
            table(&format!("produce to bolt, {rate} records/s"), &["p50 ms", "p99 ms"], &all, place)
        ))?;
    }
    let title = format!("first tuple after {} s of nothing", IDLE.as_secs());
    print(&format!("\n{}\n", table(&title, &["p50 ms", "most ms"], &all, RATES.len())))?;
    for runs in &all {
        if let Some(problem) = &runs.problem {
            print(&format!("{}: {problem}\n", runs.name()))?;
        }
    }
    report::write(&options.file("latency", "csv"), &csv(&all))
}

/// All of a row in one life of its topology.
fn measure(bench: &mut Bench<'_>, row: Option<&Row>, name: &str) -> Result<Vec<Ages>> {
    let kafka = &bench.cluster.kafka;
    let topic = Topic::new(kafka, name, PARTITIONS, SIZE)?;
    let Some(row) = row else {
        let floor = Floor::start(kafka, &topic)?;
        let ages = ages(bench.options, kafka, &topic, floor.dir())?;
        return floor.stop().map(|()| ages);
    };
    let setting = Setting { guarantee: Guarantee::AtLeastOnce, tasks: 1, latency: true };
    let running = bench.submit(row, &topic, setting)?;
    let ages = ages(bench.options, &bench.cluster.kafka, &topic, &running.dir);
    let killed = bench.kill(running);
    let ages = ages?;
    killed?;
    Ok(ages)
}

fn ages(options: &Options, kafka: &str, topic: &Topic, dir: &Path) -> Result<Vec<Ages>> {
    let pace = options.pace(3);
    let mut source = Source::new(kafka, topic)?;
    source.produce(WARM_UP_RATE, pace.warm_up)?;
    source.drain(dir)?;
    let mut all = Vec::new();
    for rate in RATES {
        source.produce(rate, SETTLE)?;
        let begin = now_nanos();
        source.produce(rate, pace.measure)?;
        all.push(source.ages(dir, begin, 0.99)?);
    }
    let begin = now_nanos();
    for _ in 0..IDLE_TIMES {
        stop::sleep(IDLE)?;
        source.send(1)?;
        source.producer.flush(IDLE)?;
    }
    all.push(source.ages(dir, begin, 1.0)?);
    Ok(all)
}

/// A producer that waits for nothing.
struct Source<'a> {
    producer: BaseProducer,
    topic: &'a Topic,
    next: u32,
    sent: u64,
}

impl<'a> Source<'a> {
    fn new(kafka: &str, topic: &'a Topic) -> Result<Self> {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", kafka)
            .set("linger.ms", "0")
            .set("acks", "1")
            // A record for each request is more than a broker beside Storm can take at the high rate.
            .set("max.in.flight.requests.per.connection", "5")
            .set("socket.nagle.disable", "true");
        let producer = config.create().with_context(|| format!("a producer for {kafka}"))?;
        Ok(Self { producer, topic, next: 0, sent: 0 })
    }

    /// So many a second for that time; what is late is sent at once.
    fn produce(&mut self, rate: u32, time: Duration) -> Result<()> {
        let (begun, mut sent) = (Instant::now(), 0);
        while begun.elapsed() < time {
            let due = (begun.elapsed().as_secs_f64() * f64::from(rate)) as u64 + 1;
            self.send(due.saturating_sub(sent))?;
            sent = sent.max(due);
            self.producer.poll(Duration::ZERO);
            stop::check()?;
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// All to one partition, the next time to the next one: as Kafka's own producer does (KIP-480).
    fn send(&mut self, count: u64) -> Result<()> {
        self.next = (self.next + u32::from(count > 0)) % self.topic.partitions;
        for _ in 0..count {
            let value = format!("{:0>TIME_DIGITS$}{:x>rest$}", now_nanos(), "", rest = SIZE - TIME_DIGITS);
            let record = BaseRecord::<(), str>::to(&self.topic.name).partition(self.next as i32).payload(&value);
            match self.producer.send(record) {
                Ok(()) => self.sent += 1,
                // Kafka is behind by 100,000 records; what is not produced is not measured.
                Err((error, _)) if error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull) => {}
                Err((error, _)) => bail!("a record for {}: {error}", self.topic.name),
            }
        }
        Ok(())
    }

    /// Waits until all has come.
    fn drain(&self, dir: &Path) -> Result<()> {
        self.producer.flush(DRAIN_LIMIT)?;
        let all = || Ok(counts::lines(dir)?.last().is_some_and(|line| line.count >= self.sent).then_some(()));
        let come = stop::wait_for(DRAIN_LIMIT, all)?;
        ensure!(come.is_some(), "not all of {} records have come after {} s", self.sent, DRAIN_LIMIT.as_secs());
        Ok(())
    }

    /// Of what was made from then until now, when all of it has come: also what came late counts.
    fn ages(&self, dir: &Path, begin: u64, most: f64) -> Result<Ages> {
        let end = now_nanos();
        self.drain(dir)?;
        stop::sleep(WRITTEN)?;
        let mut ages = counts::ages(dir, begin, end)?;
        ages.sort_unstable();
        let found = percentile(&ages, 0.5).zip(percentile(&ages, most));
        let (half, most) = found.context("no tuple came meanwhile")?;
        Ok(Ages { count: ages.len(), half, most })
    }
}

fn millis(nanos: u64) -> String {
    format!("{:.1}", nanos as f64 / 1e6)
}

fn table(title: &str, heads: &[&str; 2], all: &[Runs], place: usize) -> String {
    let mut head = vec![title.to_owned()];
    for value in heads {
        head.extend([value, "min - max", "/ java", "min - max"].map(str::to_owned));
    }
    head.extend(["tuples", "runs"].map(str::to_owned));
    let mut table = Table::new(head);
    let at = |runs: &Runs| -> Vec<Option<Ages>> {
        runs.rounds.iter().map(|round| round.as_ref().and_then(|ages| ages.get(place).copied())).collect()
    };
    let reference = all.iter().find(|runs| runs.name() == REFERENCE).map(at).unwrap_or_default();
    for runs in all {
        let own = at(runs);
        let mut cells = vec![runs.name().to_owned()];
        for value in [|ages: &Ages| ages.half as f64, |ages: &Ages| ages.most as f64] {
            let times = spread(own.iter().flatten().map(|ages| value(ages) / 1e6));
            let both = own.iter().zip(&reference);
            let ratio = spread(both.filter_map(|(own, theirs)| Some(value(own.as_ref()?) / value(theirs.as_ref()?))));
            cells.extend(two(times, |time| format!("{time:.1}")));
            cells.extend(two(ratio, |ratio| format!("{ratio:.2}")));
        }
        cells.push(own.iter().flatten().map(|ages| ages.count).sum::<usize>().to_string());
        cells.push(own.iter().flatten().count().to_string());
        table.row(cells);
    }
    table.to_string()
}

fn two(spread: Option<Spread>, text: impl Fn(f64) -> String) -> [String; 2] {
    spread.map_or_else(
        || [report::dash(), report::dash()],
        |values| [text(values.median), format!("{} - {}", text(values.min), text(values.max))],
    )
}

fn csv(all: &[Runs]) -> String {
    let mut text = "row,round,records_per_second,tuples,p50_ms,p99_or_most_ms\n".to_owned();
    for runs in all {
        for (round, ages) in runs.rounds.iter().enumerate() {
            let rates = RATES.iter().map(ToString::to_string).chain(["idle".to_owned()]);
            for (rate, ages) in rates.zip(ages.iter().flatten()) {
                let Ages { count, half, most } = ages;
                // Writing to a String does not fail.
                let _ =
                    writeln!(text, "{},{},{rate},{count},{},{}", runs.name(), round + 1, millis(*half), millis(*most));
            }
        }
    }
    text
}
