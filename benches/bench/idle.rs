//! What a topology costs that has nothing to do.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use kafka_shell_spout::tools::{print, say};

use super::options::Guarantee;
use super::report;
use super::rows::Row;
use super::run::{Bench, Setting};
use super::sample;
use super::stats::spread;
use super::stop;
use super::table::Table;
use super::topic::Topic;

/// A tick of the kernel's clock is 0.05 % of this.
const MEASURE: Duration = Duration::from_secs(20);

/// The compilers of a JVM that has just started have their own work for a while.
const WARM_UP: Duration = Duration::from_secs(15);

/// The first one's spout never emits and asks nobody: all that is above it is the spout's.
const ROWS: [&str; 4] = [NOTHING, "stock", "companion", "java"];
const NOTHING: &str = "java-idle";

/// Shares of a core, in percent.
#[derive(Debug, Clone, Copy)]
struct Load {
    worker: f64,
    spout: f64,
}

impl Load {
    fn sum(&self) -> f64 {
        self.worker + self.spout
    }
}

struct Runs {
    row: Row,
    rounds: Vec<Option<Load>>,
}

/// All rows take turns.
///
/// # Errors
/// A signal came, or Kafka fails.
pub fn run(bench: &mut Bench<'_>) -> Result<()> {
    let options = bench.options;
    let rows = ROWS.iter().map(|name| Ok(Runs { row: Row::named(name)?, rounds: Vec::new() }));
    let mut all: Vec<Runs> = rows.collect::<Result<_>>()?;
    let topic = Topic::new(&bench.cluster.kafka, "idle", 12, 100)?;
    let rounds = options.pace(3).rounds;
    for round in 1..=rounds {
        for runs in &mut all {
            let result = measure(bench, &runs.row, &topic);
            stop::check()?;
            let said = match &result {
                Ok(load) => format!("worker {:.2} %, spout {:.2} %", load.worker, load.spout),
                Err(error) => format!("failed: {error:#}"),
            };
            say(&format!("idle, round {round} of {rounds}: {}: {said}", runs.row.name));
            runs.rounds.push(result.ok());
        }
    }
    print(&format!("\n{}\n", table(&all)))?;
    report::write(&options.file("idle", "csv"), &csv(&all))
}

fn measure(bench: &mut Bench<'_>, row: &Row, topic: &Topic) -> Result<Load> {
    let setting = Setting { guarantee: Guarantee::AtLeastOnce, tasks: 1, latency: false };
    let running = bench.submit(row, topic, setting)?;
    let cpu = || {
        let of = |pid: &i32| sample::of(*pid).map(|(cpu, _)| cpu);
        let spouts: Option<f64> = running.worker.children.iter().map(of).sum();
        of(&running.worker.pid).zip(spouts).context("the worker or the spout has ended")
    };
    let look = || -> Result<Load> {
        stop::sleep(WARM_UP)?;
        let (begun, before) = (Instant::now(), cpu()?);
        stop::sleep(MEASURE)?;
        let (seconds, after) = (begun.elapsed().as_secs_f64(), cpu()?);
        let share = |before: f64, after: f64| (after - before) / seconds * 100.0;
        Ok(Load { worker: share(before.0, after.0), spout: share(before.1, after.1) })
    };
    let load = look();
    let killed = bench.kill(running);
    let load = load?;
    killed?;
    Ok(load)
}

fn table(all: &[Runs]) -> String {
    let head = ["idle, % of a core", "worker", "spout", "both", "min - max", "above java-idle", "min - max", "runs"];
    let mut table = Table::new(head.map(str::to_owned).into());
    let nothing = all.iter().find(|runs| runs.row.name == NOTHING);
    for runs in all {
        let of = |value: fn(&Load) -> f64| spread(runs.rounds.iter().flatten().map(value));
        let middle = |value| of(value).map_or_else(report::dash, |values| format!("{:.2}", values.median));
        let both = runs.rounds.iter().zip(nothing.iter().flat_map(|nothing| &nothing.rounds));
        let above = spread(both.filter_map(|(own, nothing)| Some(own.as_ref()?.sum() - nothing.as_ref()?.sum())));
        let ends = |values: Option<super::stats::Spread>| {
            values.map_or_else(report::dash, |values| format!("{:.2} - {:.2}", values.min, values.max))
        };
        table.row(vec![
            runs.row.name.clone(),
            middle(|load| load.worker),
            middle(|load| load.spout),
            middle(Load::sum),
            ends(of(Load::sum)),
            above.map_or_else(report::dash, |values| format!("{:.2}", values.median)),
            ends(above),
            runs.rounds.iter().flatten().count().to_string(),
        ]);
    }
    table.to_string()
}

fn csv(all: &[Runs]) -> String {
    let mut text = "row,round,worker_percent,spout_percent\n".to_owned();
    for runs in all {
        for (round, load) in runs.rounds.iter().enumerate() {
            let Some(load) = load else { continue };
            // Writing to a String does not fail.
            let _ = writeln!(text, "{},{},{:.3},{:.3}", runs.row.name, round + 1, load.worker, load.spout);
        }
    }
    text
}
