//! Tables for people, and all single runs as CSV.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use kafka_shell_spout::tools::say;

use super::chart::{Bars, Panel};
use super::compare::{Comparison, Runs};
use super::rows::Kind;
use super::run::Measured;
use super::stats::{Spread, short};
use super::table::Table;

const MIB: f64 = 1_048_576.0;

/// Rows that say more beside each other than beside the reference.
const PAIRS: [(&str, &str); 5] = [
    ("stock", "constant-stock"),
    ("companion", "constant-companion"),
    ("companion", "java-constant"),
    ("stock", "java"),
    ("companion", "java"),
];

/// One line a row, and one a pair.
pub fn table(comparison: &Comparison) -> String {
    let head = [
        comparison.title.as_str(),
        "tuples/s",
        "min - max",
        "/ java",
        "min - max",
        "CPU s/M",
        "worker",
        "spout",
        "spout MiB",
        "runs",
    ];
    let mut table = Table::new(head.map(str::to_owned).into());
    for runs in &comparison.rows {
        table.row(cells(comparison, runs));
    }
    let mut text = table.to_string();
    if let Some(pairs) = pairs(comparison) {
        // Writing to a String does not fail.
        let _ = write!(text, "\n{pairs}");
    }
    for runs in &comparison.rows {
        if let Some(problem) = &runs.problem {
            let _ = writeln!(text, "{}: {problem}", runs.row.name);
        }
        let short = runs.rounds.iter().flatten().filter(|measured| measured.ran_out).count();
        if short > 0 {
            let _ = writeln!(
                text,
                "{}: the topic ended before the time in {short} runs; --records makes it longer",
                runs.row.name
            );
        }
    }
    text
}

fn pairs(comparison: &Comparison) -> Option<Table> {
    let line = |(name, other): &(&str, &str)| {
        let ratios = [Measured::rate, Measured::cpu_per_million].map(|value| comparison.ratio(name, other, value));
        // Both or none: they are of the same rounds.
        let [Some(rate), Some(cpu)] = ratios else { return None };
        let of = |ratio: Spread| [format!("{:.2}", ratio.median), ends(Some(ratio), |value| format!("{value:.2}"))];
        Some([vec![format!("{name} / {other}")], of(rate).into(), of(cpu).into()].concat())
    };
    let lines: Vec<Vec<String>> = PAIRS.iter().filter_map(line).collect();
    if lines.is_empty() {
        return None;
    }
    let head = ["within a round", "tuples/s", "min - max", "CPU s/M", "min - max"];
    let mut table = Table::new(head.map(str::to_owned).into());
    for line in lines {
        table.row(line);
    }
    Some(table)
}

fn cells(comparison: &Comparison, runs: &Runs) -> Vec<String> {
    let rate = runs.spread(Measured::rate);
    let ratio = comparison.ratios(runs);
    let child = runs.row.has_child();
    let cpu = |with: fn(&Measured) -> f64| {
        runs.spread(|run| run.per_million(with(run))).map_or_else(dash, |cpu| format!("{:.2}", cpu.median))
    };
    let only = |cell: String| if child { cell } else { dash() };
    vec![
        runs.row.name.clone(),
        rate.map_or_else(dash, |rate| short(rate.median)),
        ends(rate, short),
        ratio.map_or_else(dash, |ratio| format!("{:.2}", ratio.median)),
        ends(ratio, |value| format!("{value:.2}")),
        runs.spread(Measured::cpu_per_million).map_or_else(dash, |cpu| format!("{:.2}", cpu.median)),
        cpu(|run| run.worker_cpu),
        only(cpu(|run| run.spout_cpu)),
        only(runs.spread(|run| run.spout_rss as f64 / MIB).map_or_else(dash, |rss| format!("{:.0}", rss.max))),
        runs.rounds.iter().flatten().count().to_string(),
    ]
}

fn ends(spread: Option<Spread>, text: impl Fn(f64) -> String) -> String {
    spread.map_or_else(dash, |spread| format!("{} - {}", text(spread.min), text(spread.max)))
}

pub(super) fn dash() -> String {
    "-".to_owned()
}

/// The same as bars.
pub fn panel(comparison: &Comparison) -> Panel {
    let bar = |runs: &Runs| {
        let ours = matches!(runs.row.kind, Kind::Ours(..));
        Some((runs.row.name.clone(), ours, runs.spread(Measured::rate)?))
    };
    Panel::Bars(Bars {
        title: comparison.title.clone(),
        unit: "tuples/s",
        values: comparison.rows.iter().filter_map(bar).collect(),
    })
}

/// One line a run.
pub fn csv(comparisons: &[Comparison]) -> String {
    let mut text = "comparison,partitions,bytes,tasks,row,round,tuples,seconds,tuples_per_second,worker_cpu_seconds,\
                    spout_cpu_seconds,worker_rss_bytes,spout_rss_bytes,ran_out\n"
        .to_owned();
    for comparison in comparisons {
        for runs in &comparison.rows {
            for (round, measured) in runs.rounds.iter().enumerate() {
                let Some(run) = measured else { continue };
                let _ = writeln!(
                    text,
                    "\"{}\",{},{},{},{},{},{},{:.3},{:.0},{:.3},{:.3},{},{},{}",
                    comparison.title,
                    comparison.partitions,
                    comparison.size,
                    comparison.setting.tasks,
                    runs.row.name,
                    round + 1,
                    run.tuples,
                    run.seconds,
                    run.rate(),
                    run.worker_cpu,
                    run.spout_cpu,
                    run.worker_rss,
                    run.spout_rss,
                    run.ran_out
                );
            }
        }
    }
    text
}

/// Writes a file of the results and says where it is.
///
/// # Errors
/// The system's.
pub fn write(file: &Path, text: &str) -> Result<()> {
    if let Some(dir) = file.parent() {
        fs::create_dir_all(dir).with_context(|| dir.display().to_string())?;
    }
    fs::write(file, text).with_context(|| file.display().to_string())?;
    say(&format!("written: {}", file.display()));
    Ok(())
}
