//! The benchmark; `scripts/bench --help` tells what it does. Not a test: nothing here passes or fails by speed.
//!
//! - [`cluster`], [`topic`]: real servers and what is in them
//! - [`rows`], [`run`], [`compare`]: the rows, one run, all of them in turns
//! - [`counts`], [`sample`], [`stats`]: what was measured
//! - [`latency`], [`curves`], [`idle`], [`nostorm`]: the other parts
//! - [`report`], [`chart`]: tables, CSV, pictures

mod chart;
mod cluster;
mod compare;
mod counts;
mod curves;
mod floor;
mod idle;
mod latency;
mod nostorm;
mod options;
mod report;
mod rows;
mod run;
mod sample;
mod stats;
mod stop;
#[path = "../../src/tools/table.rs"]
mod table;
mod topic;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser as _;
use kafka_shell_spout::tools::{print, say};

use self::chart::Panel;
use self::compare::Comparison;
use self::nostorm::Source;
use self::options::{Options, Part};
use self::rows::Row;
use self::run::{Bench, Setting};
use self::topic::Topic;

/// What the program itself exits with when a server is not to be had.
const UNAVAILABLE: u8 = 69;
const USAGE: u8 = 64;
const INTERRUPTED: u8 = 130;

/// That the part without Storm reads of the topic: some seconds for the slowest.
const RECORDS: u64 = 8_000_000;
const QUICK_RECORDS: u64 = 3_000_000;

fn main() -> ExitCode {
    let options = match Options::try_parse() {
        Ok(options) => options,
        Err(error) => {
            // Nobody is left to be told.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { USAGE } else { 0 });
        }
    };
    match bench(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) if stop::asked() => {
            say("bench: stopped by a signal; what was written so far stays");
            ExitCode::from(INTERRUPTED)
        }
        Err(error) => {
            say(&format!("bench: {error:#}"));
            ExitCode::from(UNAVAILABLE)
        }
    }
}

fn bench(options: &Options) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    stop::listen()?;
    say("starting Kafka, ZooKeeper, Nimbus and Supervisor");
    let mut bench = Bench::start(options, root)?;
    let asked = |part| options.part.contains(&part);
    let mut panels = Vec::new();
    if asked(Part::Main) || asked(Part::NoStorm) {
        for &partitions in &options.partitions {
            for &size in &options.size {
                topic_parts(&mut bench, root, partitions, size, &mut panels)?;
                // After each one: what comes later may fail.
                chart::draw(&panels, &options.file("main", "svg"), &options.file("main", "png"))?;
            }
        }
    }
    if asked(Part::Latency) {
        latency::run(&mut bench)?;
    }
    if asked(Part::Idle) {
        idle::run(&mut bench)?;
    }
    if asked(Part::Curves) {
        curves::run(&mut bench)?;
    }
    Ok(())
}

/// The parts that read one and the same topic.
fn topic_parts(bench: &mut Bench<'_>, root: &Path, partitions: u32, size: u32, panels: &mut Vec<Panel>) -> Result<()> {
    let options = bench.options;
    let pace = options.pace(if options.quick { 1 } else { 5 });
    let guarantees = if options.quick { &options.guarantee[..1] } else { &options.guarantee[..] };
    let mut topic = Topic::new(&bench.cluster.kafka, &format!("main-{partitions}-{size}"), partitions, size as usize)?;
    topic.fill(options.records_for(size, guarantees, pace))?;
    let name = format!("{size}b-{partitions}p");
    if options.part.contains(&Part::NoStorm) {
        let most = if options.quick { QUICK_RECORDS } else { RECORDS };
        let mut source = Source {
            options,
            root,
            dir: bench.cluster.dir.join("bench"),
            kafka: bench.cluster.kafka.clone(),
            zookeeper: bench.cluster.zookeeper.clone(),
            topic: &topic,
            records: topic.records.min(most),
            id: String::new(),
        };
        std::fs::create_dir_all(&source.dir)?;
        panels.push(nostorm::run(&mut source, pace.rounds, &name)?);
    }
    if options.part.contains(&Part::Main) {
        for &guarantee in guarantees {
            let (rows, without) = Row::compared(options, guarantee)?;
            for line in &without {
                say(line);
            }
            let title = format!("{}, {size} B, {partitions} partitions", guarantee.name());
            let setting = Setting { guarantee, tasks: options.tasks, latency: false };
            let comparison = Comparison::run(bench, title, rows, &topic, setting, pace)?;
            print(&format!("\n{}\n", report::table(&comparison)))?;
            let file = options.file(&format!("main-{}-{name}", guarantee.word()), "csv");
            report::write(&file, &report::csv(std::slice::from_ref(&comparison)))?;
            panels.push(report::panel(&comparison));
        }
    }
    Ok(())
}
