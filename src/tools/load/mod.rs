//! `kafka-shell-spout load`: a load test of connection counts for any multilang spout.

mod chart;
mod child;
mod contender;
mod counters;
mod handshake;
mod limits;
mod options;
mod parent;
mod plan;
mod report;
mod run;
mod sample;
mod source;
mod view;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result};
use serde_json::{Map, Value};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

pub use self::options::LoadOptions;

use self::contender::{Contender, contenders};
use self::run::Run;
use self::source::Source;
use self::view::View;
use super::sockets::find::find;
use super::{complain, print, say};
use crate::sockets::{Census, Look};
use crate::{config, exit};

/// Runs what is asked for; gives the exit code.
///
/// # Errors
/// The system gives no thread, directory or file.
pub fn run(options: &LoadOptions) -> Result<u8> {
    if options.plan {
        print(&plan::text(options))?;
        return Ok(exit::OK);
    }
    let Prepared { contenders, brokers, file } = match prepare(options) {
        Ok(prepared) => prepared,
        Err(problem) => {
            complain(&problem);
            return Ok(exit::USAGE);
        }
    };
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        // The second one ends us at once; the spouts see the end of their stdin.
        signal_hook::flag::register_conditional_shutdown(signal, exit::INTERRUPTED.into(), Arc::clone(&interrupted))?;
        signal_hook::flag::register(signal, Arc::clone(&interrupted))?;
    }
    let source = match open(options) {
        Ok(source) => source,
        Err(error) => {
            complain(&format!("{error:#}"));
            return Ok(exit::UNAVAILABLE);
        }
    };
    let mut runs = vec![];
    for (index, contender) in contenders.iter().enumerate() {
        if interrupted.load(Ordering::Relaxed) {
            break;
        }
        let conf = configuration(options, &source, &file, contender, index);
        let mut view = View::new(&contender.name, options);
        runs.push(run::run(contender, options, &conf, &brokers, &interrupted, |sample| view.show(sample))?);
    }
    drop(source);
    show(&runs, options)?;
    let code = verdict(&runs);
    Ok(if code == exit::OK && interrupted.load(Ordering::Relaxed) { exit::INTERRUPTED } else { code })
}

/// What is known before anything is started.
struct Prepared {
    contenders: Vec<Contender>,
    /// Processes of `--broker`.
    brokers: Vec<i32>,
    /// Keys of `--config`.
    file: Map<String, Value>,
}

/// What can be wrong with the command line beyond what clap sees.
fn prepare(options: &LoadOptions) -> std::result::Result<Prepared, String> {
    if options.embedded.is_none() && options.bootstrap.is_none() {
        return Err("which Kafka? --embedded needs none, --bootstrap HOST:PORT names one".to_owned());
    }
    let contenders = contenders(options)?;
    let brokers = find(&options.broker);
    let mut census = Census::default();
    let unseen = brokers.pids.iter().find(|pid| !matches!(census.look(**pid), Look::At(_)));
    let unseen = unseen.map(|pid| format!("process {pid} is not there, or not yours to look at"));
    if let Some(problem) = brokers.missing.into_iter().next().or(unseen) {
        return Err(format!("--broker: {problem}"));
    }
    // Rather now than when all is done.
    let csv = with_extension(&options.out, "csv");
    std::fs::write(&csv, "").map_err(|error| format!("--out: {}: {error}", csv.display()))?;
    let file = options.config.as_deref().map(config::read_file).transpose().map_err(|error| error.to_string())?;
    Ok(Prepared { contenders, brokers: brokers.pids, file: file.unwrap_or_default() })
}

fn open(options: &LoadOptions) -> Result<Source> {
    if let Some(brokers) = options.embedded {
        say(&format!("librdkafka's mock cluster with {brokers} brokers stands in for Kafka, inside this process"));
    }
    let bar = indicatif::ProgressBar::new(options.records).with_message("records produced");
    let source = Source::open(options, |records| bar.set_position(records));
    bar.finish_and_clear();
    source
}

/// What a contender's spouts get, the later the stronger: ours, the file's, `--set`, its own.
fn configuration(
    options: &LoadOptions,
    source: &Source,
    file: &Map<String, Value>,
    contender: &Contender,
    index: usize,
) -> Map<String, Value> {
    let mut keys = source.keys().clone();
    keys.extend(file.clone());
    keys.extend(options.keys.iter().map(|(key, value)| (key.clone(), value.as_str().into())));
    keys.extend(contender.keys.clone());
    // Each begins at the beginning, with offsets of its own.
    let name = format!("load-{}-{}", std::process::id(), index + 1);
    handshake::configuration(&name, options.pending, keys)
}

fn show(runs: &[Run], options: &LoadOptions) -> Result<()> {
    let [csv, svg, png] = ["csv", "svg", "png"].map(|kind| with_extension(&options.out, kind));
    if options.json {
        print(&format!("{:#}\n", report::json(runs, options)))?;
    } else {
        print(&report::table(runs))?;
    }
    std::fs::write(&csv, report::csv(runs)).with_context(|| format!("--out: {}", csv.display()))?;
    chart::draw(runs, &svg, &png).context("--out")?;
    say(&format!("every second is in {}, the chart is {} and {}", csv.display(), svg.display(), png.display()));
    for complaint in report::complaints(runs) {
        complain(&complaint);
    }
    Ok(())
}

/// Appended: a dot in the prefix is a part of it.
fn with_extension(prefix: &Path, kind: &str) -> PathBuf {
    let mut name = prefix.as_os_str().to_owned();
    name.push(".");
    name.push(kind);
    name.into()
}

/// What went wrong comes before what was too much.
fn verdict(runs: &[Run]) -> u8 {
    for problem in runs.iter().filter_map(|run| run.problem.as_ref()) {
        complain(problem);
    }
    if runs.iter().any(|run| run.problem.is_some()) {
        return exit::UNAVAILABLE;
    }
    let broken = runs.iter().find_map(|run| Some((&run.name, run.broken.as_ref()?)));
    match broken {
        Some((name, limit)) => {
            complain(&format!("{name}: limit broken: {limit}"));
            exit::NO
        }
        None => exit::OK,
    }
}
