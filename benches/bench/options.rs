//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};

use super::rows::Variant;

/// How fast the spout is beside Storm's own Kafka spout: real Kafka 4.3.1, real Storm 2.8.3.
///
/// Starts Kafka, ZooKeeper, Nimbus and Supervisor, fills topics, and submits one topology after the other: one spout, one
/// bolt that acks and counts, one acker or none. All rows of a comparison read the same topic from its beginning. They take
/// turns: all rows once, then all rows again, so that what else happens on the machine happens to all of them. Ratios are
/// made within a round. Nothing passes or fails by speed.
#[derive(Debug, Parser)]
#[command(
    name = "scripts/bench",
    bin_name = "scripts/bench",
    verbatim_doc_comment,
    after_help = "\
Rows:
  naive               a child that emits one constant for each next (needs --constant, as all constant ones)
  constant-stock      a child that emits a constant by the means of `stock`: what is left when Kafka costs nothing
  constant-plain      the same by the means of `stock-plain`; only if asked for
  constant-companion  the same by the means of `companion`
  stock               ours under Storm's own ShellSpout, answering ahead
  stock-plain         the same with kafka.spout.answer.ahead=false
  companion           ours under the Java companion
  java                Storm's own KafkaSpout, tuned; all ratios are to this row
  java-constant       a Java spout that emits a constant: what Storm itself can do

Examples:
  scripts/bench --quick
  scripts/bench --rows stock,companion,java --rounds 3
  scripts/bench --rows stock,java --set kafka.spout.consumer.fetch.wait.max.ms=10
  scripts/bench --rows java --also 'old: stock spout=/tmp/old/kafka-shell-spout' --also 'new: stock'
  scripts/bench --part latency,idle
  scripts/bench --partitions 1,12,100 --size 100,1000,10000 --rounds 3

Exit codes: 0 done; 64 wrong command line; 69 the cluster did not start, or no row could be measured; 130 ended by Ctrl-C."
)]
pub struct Options {
    /// What to measure: main is the comparison of the rows; no-storm is our program, kcat, librdkafka and Kafka's own
    /// consumer without Storm; latency, curves and idle take half an hour and more.
    #[arg(long, value_enum, value_delimiter = ',', default_values = ["main", "no-storm"])]
    pub part: Vec<Part>,
    /// In under 5 minutes: one round of the rows with acks, shorter, and no-storm.
    #[arg(long, conflicts_with = "part")]
    pub quick: bool,
    /// Only these rows; otherwise all that can be had.
    #[arg(long, value_delimiter = ',', value_name = "ROW")]
    pub rows: Vec<String>,
    /// One row more, 'NAME: ROW KEY=VALUE...': that row with another program (spout=PROGRAM) or other keys.
    #[arg(long, value_name = "VARIANT", value_parser = Variant::parse)]
    pub also: Vec<Variant>,
    /// at-least-once is one acker and ids, no-ids is no acker.
    #[arg(long, value_enum, value_delimiter = ',', default_values = ["at-least-once", "no-ids"])]
    pub guarantee: Vec<Guarantee>,
    /// How often each row is measured; default 5.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub rounds: Option<u32>,
    /// How long a row is measured each time; default 10.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub seconds: Option<u64>,
    /// And how long it runs before that; default 5.
    #[arg(long, value_parser = clap::value_parser!(u64).range(0..=3600))]
    pub warm_up: Option<u64>,
    /// Partitions of the topic; several for a comparison each.
    #[arg(long, value_delimiter = ',', default_value = "12", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub partitions: Vec<u32>,
    /// Bytes of a value; several for a comparison each.
    #[arg(long, value_delimiter = ',', default_value = "100", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub size: Vec<u32>,
    /// Records in the topic; otherwise as many as the fastest row should need.
    #[arg(long)]
    pub records: Option<u64>,
    /// Tasks of the spout, and as many bolts and ackers.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub tasks: u32,
    /// topology.max.spout.pending.
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..))]
    pub pending: u32,
    /// kafka.spout.* for ours, java.* for Storm's own Kafka spout, topology.* for all rows.
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    pub set: Vec<(String, String)>,
    /// JVM options of the workers, after the launcher's.
    // The launcher has options for many workers that start fast: no second compiler, and the serial collector.
    #[arg(
        long,
        default_value = "-Xms1g -Xmx1g -XX:TieredStopAtLevel=4 -XX:-UseSerialGC -XX:+UseG1GC",
        allow_hyphen_values = true
    )]
    pub worker_jvm: String,
    /// The program; scripts/bench builds it otherwise.
    #[arg(long, default_value = "target/release/kafka-shell-spout", value_name = "PROGRAM")]
    pub spout: PathBuf,
    /// The child that emits a constant: PROGRAM naive|plain|stock|companion [BYTES].
    #[arg(
        long,
        default_value = "target/release/examples/constant",
        value_name = "PROGRAM",
        overrides_with = "constant"
    )]
    pub constant: PathBuf,
    /// Results go to PREFIX-*.csv, .svg and .png.
    #[arg(long, default_value = "target/bench/bench", value_name = "PREFIX", overrides_with = "out")]
    pub out: PathBuf,
    /// cargo bench adds it.
    #[arg(long, hide = true)]
    pub bench: bool,
}

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// The comparison.
    Main,
    /// Without Storm.
    NoStorm,
    /// From produce to bolt.
    Latency,
    /// Throughput as partitions, tasks and values grow.
    Curves,
    /// What doing nothing costs.
    Idle,
}

/// What is promised of a tuple.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Guarantee {
    /// One acker for each task of the spout.
    AtLeastOnce,
    /// No acker.
    NoIds,
}

impl Guarantee {
    /// As it is told to people.
    pub fn name(self) -> &'static str {
        match self {
            Self::AtLeastOnce => "at least once",
            Self::NoIds => "no ids",
        }
    }

    /// In names of files.
    pub fn word(self) -> &'static str {
        match self {
            Self::AtLeastOnce => "acks",
            Self::NoIds => "no-ids",
        }
    }
}

/// How long and how often.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Rounds.
    pub rounds: u32,
    /// Before the measurement.
    pub warm_up: Duration,
    /// The measurement.
    pub measure: Duration,
}

impl Options {
    /// With these where nothing was asked for.
    pub fn pace(&self, rounds: u32) -> Pace {
        let (warm_up, measure) = if self.quick { (4, 5) } else { (5, 10) };
        Pace {
            rounds: self.rounds.unwrap_or(rounds),
            warm_up: Duration::from_secs(self.warm_up.unwrap_or(warm_up)),
            measure: Duration::from_secs(self.seconds.unwrap_or(measure)),
        }
    }

    /// Records of a topic: what the fastest row known takes in that time, and some more.
    pub fn records_for(&self, size: u32, guarantee: &[Guarantee], pace: Pace) -> u64 {
        if let Some(records) = self.records {
            return records;
        }
        let fastest = if guarantee.contains(&Guarantee::NoIds) { 1_500_000.0 } else { 500_000.0 };
        // Of larger values the bytes are what takes the time.
        let rate = fastest / (1.0 + f64::from(size) / 1000.0);
        (rate * (pace.warm_up + pace.measure).as_secs_f64() * 1.2) as u64
    }

    /// A file of the results.
    pub fn file(&self, name: &str, extension: &str) -> PathBuf {
        let mut file = self.out.clone().into_os_string();
        file.push(format!("-{name}.{extension}"));
        file.into()
    }
}

/// `KEY=VALUE` with a key that somebody takes.
pub fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or_else(|| format!("{text} is not KEY=VALUE"))?;
    if !["kafka.spout.", "java.", "topology."].iter().any(|prefix| key.starts_with(prefix)) {
        return Err(format!("{key}: only keys kafka.spout.*, java.* and topology.* are taken"));
    }
    Ok((key.to_owned(), value.to_owned()))
}
