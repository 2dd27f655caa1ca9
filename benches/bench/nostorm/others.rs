//! Programs of others that read Kafka: `kcat -J`, which makes JSON of records, too, and Kafka's own measurement.

use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use memchr::memchr_iter;

use super::pipe::Process;
use super::{Clock, Reading, Source};
use crate::cluster::{built, java};

const BUFFER: usize = 256 << 10;

/// A line a record, as fast as it can: it reads far ahead and never waits for a full queue.
fn kcat(source: &Source<'_>) -> Command {
    let mut command = Command::new("kcat");
    command.args(["-C", "-J", "-q", "-o", "beginning", "-b", &source.kafka, "-t", &source.topic.name]);
    command.args(["-c", &source.records.to_string()]);
    command.args(["-X", "queued.min.messages=1000000", "-X", "queued.max.messages.kbytes=1048576"]);
    command
}

/// Into a pipe, from its first line on.
pub fn kcat_to_reader(source: &Source<'_>) -> Result<Reading> {
    let mut process = Process::piped(&mut kcat(source)).context("Debian has it as the package kcat")?;
    let (mut buffer, mut lines, mut clock) = (vec![0; BUFFER], 0, Clock::default());
    loop {
        let count = process.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        lines += memchr_iter(b'\n', &buffer[..count]).count() as u64;
        clock.at(lines);
    }
    let cpu = process.cpu();
    let reading = clock.stop(lines, cpu);
    process.wait()?;
    ensure!(lines == source.records, "it printed {lines} lines of {}", source.records);
    reading.context("all came in one go")
}

/// Where it costs least.
pub fn kcat_to_null(source: &Source<'_>) -> Result<Reading> {
    let begun = Instant::now();
    let mut process = Process::start(kcat(source).stdin(Stdio::null()).stdout(Stdio::null()))
        .context("Debian has it as the package kcat")?;
    process.wait()?;
    Ok(Reading { records: source.records, seconds: begun.elapsed().as_secs_f64(), cpu: process.cpu() })
}

/// What it calls `fetch.nMsg.sec`: without the time of joining its group.
pub fn consumer_performance(source: &Source<'_>) -> Result<Reading> {
    const CLASS: &str = "org.apache.kafka.tools.ConsumerPerformance";
    const COLUMN: &str = "fetch.time.ms";
    const COUNT: &str = "data.consumed.in.nMsg";
    let lib = built(source.root, "kafka/target/lib")?;
    let mut command = Command::new(java());
    command.args(["-Xms512m", "-Xmx512m", "-cp"]).arg(format!("{}/*", lib.display())).arg(CLASS);
    command.args(["--bootstrap-server", &source.kafka, "--topic", &source.topic.name, "--group", &source.id]);
    command.args(["--num-records", &source.records.to_string(), "--fetch-size", "4194304"]);
    for property in ["fetch.max.bytes=67108864", "max.poll.records=5000", "check.crcs=false"] {
        command.args(["--command-property", property]);
    }
    // Log4j has no configuration there, and says so.
    let mut process = Process::piped(command.stderr(Stdio::null()))?;
    let (mut buffer, mut text) = (vec![0; BUFFER], String::new());
    loop {
        let count = process.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        text.push_str(&String::from_utf8_lossy(&buffer[..count]));
    }
    let cpu = process.cpu();
    process.wait().with_context(|| format!("{CLASS}: {text}"))?;
    // A line of names and a line of numbers.
    let cell = |name: &str| {
        let mut lines = text.lines().skip_while(|line| !line.contains(COLUMN));
        let place = lines.next()?.split(',').position(|column| column.trim() == name)?;
        lines.next()?.split(',').nth(place)?.trim().parse::<f64>().ok()
    };
    let found = cell(COUNT).zip(cell(COLUMN));
    let (records, millis) = found.with_context(|| format!("{CLASS} printed no {COUNT} and {COLUMN}: {text}"))?;
    Ok(Reading { records: records as u64, seconds: millis / 1000.0, cpu })
}
