//! Throughput as one thing grows and all else stays: partitions, bytes of a value, tasks.

use anyhow::Result;
use kafka_shell_spout::tools::print;

use super::chart::{self, Lines, Panel};
use super::compare::Comparison;
use super::options::Guarantee;
use super::report;
use super::rows::Row;
use super::run::{Bench, Measured, Setting};
use super::topic::Topic;

/// What grows.
const PARTITIONS: [u32; 4] = [1, 12, 100, 1000];
const SIZES: [u32; 3] = [100, 1000, 10_000];
const TASKS: [u32; 3] = [1, 2, 4];

const USUAL_PARTITIONS: u32 = 12;
const USUAL_SIZE: u32 = 100;

const ROWS: [&str; 3] = ["stock", "companion", "java"];

/// One axis.
struct Curve {
    axis: &'static str,
    steps: &'static [u32],
    /// Partitions, bytes and tasks at a step.
    at: fn(u32) -> (u32, u32, u32),
    points: Vec<Comparison>,
}

impl Curve {
    fn new(axis: &'static str, steps: &'static [u32], at: fn(u32) -> (u32, u32, u32)) -> Self {
        Self { axis, steps, at, points: Vec::new() }
    }
}

/// All three.
///
/// # Errors
/// A signal came, or Kafka fails.
pub fn run(bench: &mut Bench<'_>) -> Result<()> {
    let mut curves = [
        Curve::new("partitions", &PARTITIONS, |value| (value, USUAL_SIZE, 1)),
        Curve::new("bytes of a value", &SIZES, |value| (USUAL_PARTITIONS, value, 1)),
        Curve::new("tasks, and as many bolts and ackers", &TASKS, |value| (USUAL_PARTITIONS, USUAL_SIZE, value)),
    ];
    // No topic has the name of one that is being deleted.
    let mut number = 0;
    for curve in &mut curves {
        // The usual point comes once a curve: what a picture has beside each other was measured one after the other.
        for step in curve.steps {
            let point = (curve.at)(*step);
            number += 1;
            curve.points.push(measure(bench, &format!("curve-{number}"), point)?);
        }
    }
    let panels: Vec<Panel> = curves.iter().map(panel).collect();
    chart::draw(&panels, &bench.options.file("curves", "svg"), &bench.options.file("curves", "png"))?;
    let points: Vec<Comparison> = curves.into_iter().flat_map(|curve| curve.points).collect();
    report::write(&bench.options.file("curves", "csv"), &report::csv(&points))
}

fn measure(bench: &mut Bench<'_>, name: &str, (partitions, size, tasks): (u32, u32, u32)) -> Result<Comparison> {
    let options = bench.options;
    let pace = options.pace(3);
    let guarantee = Guarantee::AtLeastOnce;
    let rows: Result<Vec<Row>> = if options.rows.is_empty() {
        ROWS.iter().map(|name| Row::named(name)).collect()
    } else {
        Ok(Row::compared(options, guarantee)?.0)
    };
    let mut topic = Topic::new(&bench.cluster.kafka, name, partitions, size as usize)?;
    topic.fill(options.records_for(size, &[guarantee], pace))?;
    let title = format!("{}, {size} B, {partitions} partitions, {tasks} tasks", guarantee.name());
    let setting = Setting { guarantee, tasks, latency: false };
    let comparison = Comparison::run(bench, title, rows?, &topic, setting, pace)?;
    print(&format!("\n{}\n", report::table(&comparison)))?;
    Ok(comparison)
}

fn panel(curve: &Curve) -> Panel {
    let names = curve.points.first().map(|point| point.rows.iter().map(|runs| runs.row.name.clone()).collect());
    let names: Vec<String> = names.unwrap_or_default();
    let line = |(at, name): (usize, String)| {
        let values = curve.points.iter().map(|point| point.rows.get(at)?.spread(Measured::rate)).collect();
        (name, values)
    };
    Panel::Lines(Lines {
        title: format!("at least once, by {}", curve.axis),
        unit: "tuples/s",
        axis: curve.axis,
        steps: curve.steps.iter().map(ToString::to_string).collect(),
        values: names.into_iter().enumerate().map(line).collect(),
    })
}
