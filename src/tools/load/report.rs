//! The table, the CSV and the JSON document.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use super::options::LoadOptions;
use super::run::Run;
use super::sample::{ProcessSample, Sample};
use crate::sockets::STATES;
use crate::tools::table::Table;

/// One column a contender: at the end and the most of what the story counted, then what it cost.
pub fn table(runs: &[Run]) -> String {
    let mut head = vec![String::new()];
    head.extend(runs.iter().map(|run| run.name.clone()));
    let mut table = Table::new(head);
    let mut row = |name: &str, cell: &dyn Fn(&Run) -> String| {
        let mut cells = vec![name.to_owned()];
        cells.extend(runs.iter().map(cell));
        table.row(cells);
    };
    row("seconds", &|run| format!("{:.0}", last(run, |sample| sample.second)));
    row("next commands", &|run| last(run, |sample| sample.nexts).to_string());
    row("tuples", &|run| last(run, |sample| sample.emits).to_string());
    row("tuples a second", &|run| format!("{:.0}", last(run, |sample| sample.emits as f64 / sample.second)));
    row("acks", &|run| last(run, |sample| sample.acks).to_string());
    row("fails", &|run| last(run, |sample| sample.fails).to_string());
    for state in STATES {
        if state != "TIME_WAIT" && runs.iter().any(|run| most(run, |sample| sample.states().named(state) as u64) > 0) {
            row(&format!("{state} at the end"), &|run| last(run, |sample| sample.states().named(state)).to_string());
            row(&format!("{state} at most"), &|run| most(run, |s| s.states().named(state) as u64).to_string());
        }
    }
    row("TIME_WAIT toward their endpoints", &|run| last(run, |sample| sample.time_wait).to_string());
    row("in no table any more", &|run| most(run, |sample| sample.sum(|spout| spout.off_table as u64)).to_string());
    row("sockets of one spout, at most", &|run| {
        per_spout(run, |spout| (spout.states.total() + spout.off_table) as u64)
    });
    row("descriptors of one spout, at most", &|run| per_spout(run, |spout| spout.fds as u64));
    row("threads of one spout, at most", &|run| per_spout(run, |spout| spout.threads));
    row("RSS of one spout, at most, MiB", &|run| per_spout(run, |spout| spout.rss_bytes.div_ceil(1 << 20)));
    row("CPU seconds, all spouts", &|run| format!("{:.1}", cpu_seconds(run)));
    row("connections opened, whole machine", &|run| run.samples.iter().map(|s| s.connects).sum::<u64>().to_string());
    row("the same in one second, at most", &|run| most(run, |sample| sample.connects).to_string());
    row("first tuple after, ms, slowest spout", &|run| slowest(run, |outcome| outcome.first_tuple));
    row("end took, ms, slowest spout", &|run| slowest(run, |outcome| Some(outcome.end)));
    row("exit codes", &exit_codes);
    row("errors told to Storm", &|run| run.outcomes.iter().map(|outcome| outcome.errors.0).sum::<u64>().to_string());
    row("sockets left after the end", &|run| run.left.to_string());
    row("and in TIME_WAIT", &|run| run.time_wait.to_string());
    if runs.iter().any(|run| last(run, |sample| !sample.brokers.is_empty())) {
        row("sockets of the --broker processes", &|run| brokers(run, |broker| broker.states.total() as u64));
        row("descriptors of them", &|run| brokers(run, |broker| broker.fds as u64));
    }
    table.to_string()
}

/// What the spouts complained of: the last error told to Storm, and last words, one of each contender.
pub fn complaints(runs: &[Run]) -> Vec<String> {
    let error = |run: &Run| {
        let text = run.outcomes.iter().rev().find_map(|outcome| outcome.errors.1.as_deref())?;
        Some(format!("{}: the last error told to Storm: {text}", run.name))
    };
    let words = |run: &Run| {
        let outcome = run.outcomes.iter().find(|outcome| !outcome.last_words.is_empty())?;
        Some(format!("{}: a spout ended with code {}{}", run.name, outcome.code, outcome.last_words))
    };
    runs.iter().flat_map(|run| [error(run), words(run)]).flatten().collect()
}

/// One line a second and contender.
pub fn csv(runs: &[Run]) -> String {
    let mut text = "spout,second,nexts,emits,acks,fails".to_owned();
    for state in STATES {
        let state = state.to_ascii_lowercase();
        // Writing to a String does not fail.
        let _ = write!(text, ",{state}");
    }
    text.push_str(",off_table,fds,threads,rss_bytes,cpu_ms,connects,spouts,brokers_sockets,brokers_fds,brokers_rss_bytes,brokers_cpu_ms\n");
    for run in runs {
        for sample in &run.samples {
            line(&run.name, sample, &mut text);
        }
    }
    text
}

fn line(name: &str, sample: &Sample, text: &mut String) {
    let Sample { second, nexts, emits, acks, fails, .. } = sample;
    let quoted = name.replace('"', "\"\"");
    let _ = write!(text, "\"{quoted}\",{second:.3},{nexts},{emits},{acks},{fails}");
    for (state, count) in sample.states().all() {
        // No process holds those: they are counted by the other end.
        let _ = write!(text, ",{}", if state == "TIME_WAIT" { sample.time_wait } else { count });
    }
    let broker = |count: fn(&ProcessSample) -> u64| sample.brokers.iter().map(count).sum::<u64>();
    let _ = writeln!(
        text,
        ",{},{},{},{},{},{},{},{},{},{},{}",
        sample.sum(|spout| spout.off_table as u64),
        sample.sum(|spout| spout.fds as u64),
        sample.sum(|spout| spout.threads),
        sample.sum(|spout| spout.rss_bytes),
        sample.sum(|spout| spout.cpu_ms),
        sample.connects,
        sample.spouts.len(),
        broker(|broker| broker.states.total() as u64),
        broker(|broker| broker.fds as u64),
        broker(|broker| broker.rss_bytes),
        broker(|broker| broker.cpu_ms),
    );
}

/// All of it.
pub fn json(runs: &[Run], options: &LoadOptions) -> Value {
    let process = |spout: &ProcessSample| {
        json!({
            "pid": spout.pid, "states": spout.states, "off_table": spout.off_table, "fds": spout.fds,
            "threads": spout.threads, "rss_bytes": spout.rss_bytes, "cpu_ms": spout.cpu_ms,
        })
    };
    let sample = |sample: &Sample| {
        json!({
            "second": sample.second, "nexts": sample.nexts, "emits": sample.emits, "acks": sample.acks,
            "fails": sample.fails, "time_wait": sample.time_wait, "connects": sample.connects,
            "states": sample.states(),
            "spouts": sample.spouts.iter().map(process).collect::<Vec<_>>(),
            "brokers": sample.brokers.iter().map(process).collect::<Vec<_>>(),
        })
    };
    let run = |run: &Run| {
        let outcomes = run.outcomes.iter().map(|outcome| {
            json!({
                "exit_code": outcome.code, "handshake_ms": millis(outcome.handshake),
                "first_tuple_ms": outcome.first_tuple.map(millis), "end_ms": millis(outcome.end),
                "last_words": outcome.last_words, "errors": outcome.errors.0, "last_error": outcome.errors.1,
            })
        });
        json!({
            "name": run.name, "problem": run.problem, "broken_limit": run.broken, "sockets_left": run.left,
            "time_wait_left": run.time_wait,
            "endpoints": run.endpoints.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "ends": outcomes.collect::<Vec<_>>(),
            "samples": run.samples.iter().map(sample).collect::<Vec<_>>(),
        })
    };
    json!({
        "spouts": options.spouts,
        "partitions": if options.topic.is_some() { Value::Null } else { options.partitions.into() },
        "embedded_brokers": options.embedded,
        "runs": runs.iter().map(run).collect::<Vec<_>>(),
    })
}

/// Of the last sample; 0 if there is none.
fn last<T: Default>(run: &Run, value: impl FnOnce(&Sample) -> T) -> T {
    run.samples.last().map(value).unwrap_or_default()
}

fn most(run: &Run, count: impl Fn(&Sample) -> u64) -> u64 {
    run.samples.iter().map(count).max().unwrap_or(0)
}

fn per_spout(run: &Run, count: fn(&ProcessSample) -> u64) -> String {
    most(run, |sample| sample.spouts.iter().map(count).max().unwrap_or(0)).to_string()
}

fn brokers(run: &Run, count: fn(&ProcessSample) -> u64) -> String {
    most(run, |sample| sample.brokers.iter().map(count).sum()).to_string()
}

fn cpu_seconds(run: &Run) -> f64 {
    most(run, |sample| sample.sum(|spout| spout.cpu_ms)) as f64 / 1000.0
}

fn slowest(run: &Run, time: impl Fn(&super::parent::Outcome) -> Option<Duration>) -> String {
    run.outcomes.iter().filter_map(time).max().map_or("-".to_owned(), |time| millis(time).to_string())
}

fn exit_codes(run: &Run) -> String {
    let mut codes: Vec<i32> = run.outcomes.iter().map(|outcome| outcome.code).collect();
    codes.sort_unstable();
    codes.dedup();
    if codes.is_empty() { "-".to_owned() } else { codes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ") }
}

fn millis(time: Duration) -> u64 {
    time.as_millis() as u64
}
