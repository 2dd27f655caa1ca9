//! Without Storm: how fast records come out of Kafka at all, and what is left of that when they are multilang frames.

mod frames;
mod librdkafka;
mod others;
mod pipe;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Result;
use kafka_shell_spout::tools::{print, say};

use super::chart::{Bars, Panel};
use super::options::Options;
use super::report;
use super::stats::{Spread, short, spread};
use super::stop;
use super::table::Table;
use super::topic::Topic;

pub use librdkafka::{consumer, our_settings};

/// What all readers have in common.
pub struct Source<'a> {
    /// What is asked.
    pub options: &'a Options,
    /// Top of the sources.
    pub root: &'a Path,
    /// A directory for small files.
    pub dir: PathBuf,
    /// Kafka, `host:port`.
    pub kafka: String,
    /// ZooKeeper, `host:port`.
    pub zookeeper: String,
    /// What is read.
    pub topic: &'a Topic,
    /// So many of its records.
    pub records: u64,
    /// No other reading has it: a group to begin with.
    pub id: String,
}

/// What came of it.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// Records that came after the first of them, or since the start where the first is not seen.
    pub records: u64,
    /// In so many seconds.
    pub seconds: f64,
    /// CPU seconds of the process, its start included, as far as it can be seen.
    pub cpu: Option<f64>,
}

impl Reading {
    fn rate(&self) -> f64 {
        self.records as f64 / self.seconds
    }
}

/// From the first records, which came in one go, to the last one.
#[derive(Default)]
struct Clock {
    first: Option<(Instant, u64)>,
}

impl Clock {
    /// So many have come up to now.
    fn at(&mut self, count: u64) {
        if count > 0 && self.first.is_none() {
            self.first = Some((Instant::now(), count));
        }
    }

    /// All of them have come.
    fn stop(self, count: u64, cpu: Option<f64>) -> Option<Reading> {
        let (begun, first) = self.first?;
        Some(Reading { records: count - first, seconds: begun.elapsed().as_secs_f64(), cpu })
    }
}

type Read = fn(&Source<'_>) -> Result<Reading>;

/// Name, the same for the picture, and how.
const READERS: [(&str, &str, Read); 7] = [
    ("ours, multilang, into a reader that discards", "ours, multilang", frames::multilang),
    ("ours, companion's wire, the same reader", "ours, binary", frames::companion),
    (KCAT, "kcat -J", others::kcat_to_reader),
    ("kcat -J to /dev/null, with its start", "kcat -J >/dev/null", others::kcat_to_null),
    (LIBRDKAFKA, "librdkafka", librdkafka::as_ours),
    ("librdkafka alone, much fetched ahead", "librdkafka, ahead", librdkafka::far_ahead),
    ("Kafka's ConsumerPerformance", "ConsumerPerformance", others::consumer_performance),
];

const KCAT: &str = "kcat -J into the same reader";
const LIBRDKAFKA: &str = "librdkafka alone, our settings";

/// One way to read, in all rounds.
struct Runs {
    name: &'static str,
    short: &'static str,
    read: Read,
    rounds: Vec<Option<Reading>>,
    problem: Option<String>,
}

/// All readers take turns, as in the comparison.
///
/// # Errors
/// A signal came, or a result cannot be written.
pub fn run(source: &mut Source<'_>, rounds: u32, name: &str) -> Result<Panel> {
    let mut all: Vec<Runs> = READERS
        .iter()
        .map(|&(name, short, read)| Runs { name, short, read, rounds: Vec::new(), problem: None })
        .collect();
    for round in 1..=rounds {
        for (number, runs) in all.iter_mut().enumerate() {
            source.id = format!("no-storm-{round}-{number}");
            let result = (runs.read)(source);
            stop::check()?;
            let said = match &result {
                Ok(reading) => format!("{}/s over {:.1} s", short(reading.rate()), reading.seconds),
                Err(error) => format!("failed: {error:#}"),
            };
            say(&format!("no Storm, round {round} of {rounds}: {}: {said}", runs.name));
            runs.problem = result.as_ref().err().map(|error| format!("{error:#}")).or(runs.problem.take());
            runs.rounds.push(result.ok());
        }
    }
    let title = format!(
        "no Storm, {} B, {} partitions, {} records",
        source.topic.size, source.topic.partitions, source.records
    );
    print(&format!("\n{}\n", table(&title, &all)))?;
    report::write(&source.options.file(&format!("no-storm-{name}"), "csv"), &csv(&all))?;
    let bar = |runs: &Runs| {
        let rate = spread(runs.rounds.iter().flatten().map(Reading::rate))?;
        Some((runs.short.to_owned(), runs.short.starts_with("ours"), rate))
    };
    Ok(Panel::Bars(Bars { title, unit: "records/s", values: all.iter().filter_map(bar).collect() }))
}

fn table(title: &str, all: &[Runs]) -> String {
    let head =
        [title, "records/s", "min - max", "/ kcat -J", "min - max", "/ librdkafka", "min - max", "CPU s/M", "runs"];
    let mut table = Table::new(head.map(str::to_owned).into());
    for runs in all {
        let rate = spread(runs.rounds.iter().flatten().map(Reading::rate));
        let (kcat, librdkafka) = (ratio(runs, all, KCAT), ratio(runs, all, LIBRDKAFKA));
        let cpu = spread(runs.rounds.iter().flatten().filter_map(|run| Some(run.cpu? / run.records as f64 * 1e6)));
        table.row(vec![
            runs.name.to_owned(),
            middle(rate, short),
            ends(rate, short),
            middle(kcat, two_digits),
            ends(kcat, two_digits),
            middle(librdkafka, two_digits),
            ends(librdkafka, two_digits),
            middle(cpu, two_digits),
            runs.rounds.iter().flatten().count().to_string(),
        ]);
    }
    let mut text = table.to_string();
    for runs in all {
        if let Some(problem) = &runs.problem {
            // Writing to a String does not fail.
            let _ = writeln!(text, "{}: {problem}", runs.name);
        }
    }
    text
}

fn two_digits(value: f64) -> String {
    format!("{value:.2}")
}

fn middle(spread: Option<Spread>, text: fn(f64) -> String) -> String {
    spread.map_or_else(report::dash, |spread| text(spread.median))
}

fn ends(spread: Option<Spread>, text: fn(f64) -> String) -> String {
    spread.map_or_else(report::dash, |spread| format!("{} - {}", text(spread.min), text(spread.max)))
}

/// To that row, within each round.
fn ratio(runs: &Runs, all: &[Runs], to: &str) -> Option<Spread> {
    let reference = all.iter().find(|runs| runs.name == to)?;
    let both = runs.rounds.iter().zip(&reference.rounds);
    spread(both.filter_map(|(ours, theirs)| Some(ours.as_ref()?.rate() / theirs.as_ref()?.rate())))
}

fn csv(all: &[Runs]) -> String {
    let mut text = "reader,round,records,seconds,records_per_second,cpu_seconds\n".to_owned();
    for runs in all {
        for (round, run) in runs.rounds.iter().enumerate() {
            let Some(run) = run else { continue };
            let cpu = run.cpu.map_or_else(String::new, |cpu| format!("{cpu:.3}"));
            // Writing to a String does not fail.
            let _ = writeln!(
                text,
                "\"{}\",{},{},{:.3},{:.0},{cpu}",
                runs.name,
                round + 1,
                run.records,
                run.seconds,
                run.rate()
            );
        }
    }
    text
}
