//! The command line of `load`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::limits::Limits;

/// What is asked.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kafka-shell-spout load --embedded --spouts 4 --seconds 10 --max-close-wait 0 --max-established-per-spout 6
  kafka-shell-spout load --bootstrap 127.0.0.1:9092 --zookeeper 127.0.0.1:2181 --partitions 100 --produce max
  kafka-shell-spout load --embedded --rate 1 --compare 'ours: kafka-shell-spout spout' 'theirs: python3 spout.py'
  kafka-shell-spout load --plan --brokers 100 --partitions 3000 --spouts 60

Exit codes: 0 done, and no limit was broken; 1 a limit was broken, and the first one is named; 64 wrong command line; \
69 Kafka is not to be had, or a child was no spout, gave no answer, or ended before its time; 71 the system gave no \
process, thread or file; 130 ended by Ctrl-C.")]
pub struct LoadOptions {
    /// librdkafka's mock cluster with this many brokers inside this process, and the offsets in it (offsets.store:
    /// group). It is no Kafka: sockets and threads are real, everything behind them is played.
    #[arg(long, value_name = "BROKERS", num_args = 0..=1, default_missing_value = "3", conflicts_with_all = ["bootstrap", "topic", "zookeeper"],
        value_parser = clap::value_parser!(u16).range(1..=100), help_heading = "Kafka")]
    pub embedded: Option<u16>,
    /// A real Kafka, host:port,host:port.
    #[arg(long, value_name = "SERVERS", help_heading = "Kafka")]
    pub bootstrap: Option<String>,
    /// Where the spouts keep their offsets; without it in Kafka (offsets.store: group).
    #[arg(long, value_name = "SERVERS", help_heading = "Kafka")]
    pub zookeeper: Option<String>,
    /// Read this topic, which is there, and produce nothing. Otherwise a topic is made, and deleted at the end.
    #[arg(long, conflicts_with_all = ["partitions", "produce", "records"], help_heading = "Kafka")]
    pub topic: Option<String>,
    /// Partitions of the topic.
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=100_000), help_heading = "Kafka")]
    pub partitions: u32,
    /// Records produced each second meanwhile, all partitions together; or max.
    #[arg(long, default_value = "1000", value_parser = pace, value_name = "RATE", help_heading = "Kafka")]
    pub produce: Pace,
    /// Records produced before the spouts start.
    #[arg(long, default_value_t = 0, help_heading = "Kafka")]
    pub records: u64,
    /// Bytes of a record's value.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000_000), help_heading = "Kafka")]
    pub size: u32,

    /// Processes at once: the tasks of one component, among which the partitions are divided.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000), help_heading = "Storm's part")]
    pub spouts: u16,
    /// How long.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..), help_heading = "Storm's part")]
    pub seconds: u64,
    /// Or until each spout was asked so often for the next tuple.
    #[arg(long, value_name = "K", conflicts_with = "seconds", help_heading = "Storm's part")]
    pub nexts: Option<u64>,
    /// How often a second each spout is asked for the next tuple; or max, as Storm does, with 1 ms of sleep when there
    /// was none.
    #[arg(long, default_value = "max", value_parser = pace, help_heading = "Storm's part")]
    pub rate: Pace,
    /// topology.max.spout.pending: no `next` while so many tuples are neither acked nor failed.
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u64).range(1..), help_heading = "Storm's part")]
    pub pending: u64,
    /// A tuple is acked so many ms after its emit.
    #[arg(long, default_value_t = 0, value_name = "MS", help_heading = "Storm's part")]
    pub ack_delay: u64,
    /// Share of the tuples that fail instead, 0 to 1.
    #[arg(long, default_value_t = 0.0, value_parser = share, value_name = "SHARE", help_heading = "Storm's part")]
    pub fail: f64,
    /// Deactivate every so many seconds, and activate a second later.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..), help_heading = "Storm's part")]
    pub cycle: Option<u64>,
    /// How the spouts are ended. term: `deactivate`, then SIGTERM and the end of stdin, as a topology that is killed; kill:
    /// SIGKILL amidst their work; eof: the end of stdin, as by a worker that was killed.
    // Their list is hidden: in a man page clap_mangen makes a gap of it that mandoc warns of.
    #[arg(long, value_enum, default_value_t = Ending::Term, hide_possible_values = true, help_heading = "Storm's part")]
    pub end: Ending,
    /// How many seconds a child may take for one answer, or for its end.
    #[arg(long, default_value_t = 30, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..), help_heading = "Storm's part")]
    pub patience: u64,
    /// One more key of the configuration in the handshake.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value, help_heading = "Storm's part")]
    pub keys: Vec<(String, String)>,
    /// Keys kafka.spout.* from a file, as `spout --config` takes it.
    #[arg(long, value_name = "FILE", help_heading = "Storm's part")]
    pub config: Option<PathBuf>,

    /// A process to watch as well, as `sockets` takes it: a broker, ZooKeeper. May come more than once.
    #[arg(long, value_name = "PID|NAME", help_heading = "What is measured")]
    pub broker: Vec<String>,
    /// Where the results go: PREFIX.csv, PREFIX.svg and PREFIX.png.
    #[arg(long, default_value = "load", value_name = "PREFIX", help_heading = "What is measured")]
    pub out: PathBuf,
    /// One JSON document on stdout instead of the table.
    #[arg(long, help_heading = "What is measured")]
    pub json: bool,
    /// Assertions.
    #[command(flatten)]
    pub limits: Limits,

    /// Several spouts under the same load, one after the other: one table and one chart. Each is
    /// 'NAME: [KEY=VALUE ...] PROGRAM [ARGUMENT ...]', with keys that only this one gets.
    #[arg(long, num_args = 1.., value_name = "SPOUT", conflicts_with = "command")]
    pub compare: Vec<String>,
    /// The spout's program and its arguments; ours without.
    #[arg(last = true, value_name = "PROGRAM")]
    pub command: Vec<String>,

    /// Run nothing: compute what --spouts processes hold in sockets, threads and memory for --partitions and --brokers.
    #[arg(long, conflicts_with_all = ["embedded", "bootstrap", "compare", "command"])]
    pub plan: bool,
    /// For --plan.
    #[arg(long, default_value_t = 3, requires = "plan", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub brokers: u32,
}

/// How often something is done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// As fast as it goes.
    Max,
    /// Times a second, at least 0.
    PerSecond(f64),
}

/// How a spout is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Ending {
    /// `deactivate`, then SIGTERM and the end of its stdin.
    Term,
    /// SIGKILL.
    Kill,
    /// The end of its stdin.
    Eof,
}

impl Pace {
    /// Time between two, `None` for never.
    pub fn period(self) -> Option<Duration> {
        match self {
            Self::Max => Some(Duration::ZERO),
            Self::PerSecond(rate) if rate > 0.0 => Some(Duration::from_secs_f64(1.0 / rate)),
            Self::PerSecond(_) => None,
        }
    }
}

fn pace(text: &str) -> Result<Pace, String> {
    if text == "max" {
        return Ok(Pace::Max);
    }
    match text.parse::<f64>() {
        // Less often than once a day is never.
        Ok(rate) if rate == 0.0 || (1e-5..=1e9).contains(&rate) => Ok(Pace::PerSecond(rate)),
        _ => Err("a number of times a second, or max".to_owned()),
    }
}

fn share(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|share| (0.0..=1.0).contains(share)).ok_or_else(|| "not from 0 to 1".to_owned())
}

/// Reads `KEY=VALUE`.
pub fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("not KEY=VALUE".to_owned()),
    }
}
