//! Tables of settings: a topology for each cell, all of a table at once.

use std::thread;

use super::support::submitted::{Submitted, Watched};
use super::support::{Cluster, report};

/// One topology with its settings.
pub struct Cell<'a> {
    /// What it is called in the table.
    pub name: &'a str,
    /// `KEY=VALUE`s for the topology.
    pub arguments: String,
    /// How many are produced.
    pub records: usize,
    /// What has to be true; gives what came again and a remark for the table.
    pub check: &'a (dyn Fn(&Submitted<'_>) -> (usize, String) + Sync),
}

/// Runs all cells, prints a row for each, and names those that failed.
pub fn run<'env>(cluster: &Cluster, cells: &'env [Cell<'env>]) {
    let failed: Vec<&str> = thread::scope(|scope| {
        let start = |(number, cell): (usize, &'env Cell<'env>)| {
            // A panic says in which thread it was.
            let thread = thread::Builder::new().name(format!("cell {}", cell.name));
            (cell, thread.spawn_scoped(scope, move || row(cluster, number, cell)).expect("a thread"))
        };
        let running: Vec<_> = cells.iter().enumerate().map(start).collect();
        running.into_iter().filter_map(|(cell, thread)| thread.join().is_err().then_some(cell.name)).collect()
    });
    assert!(failed.is_empty(), "these cells failed, see above: {failed:?}");
}

fn row(cluster: &Cluster, number: usize, cell: &Cell<'_>) {
    let mut topology = Submitted::new(cluster, &format!("cell{number}"), &cell.arguments);
    topology.produce(cell.records);
    let (again, remark) = (cell.check)(&topology);
    report(&format!("| {} | {} | 0 | {again} | {remark} |", cell.name, cell.records));
}

/// What was seen of the only task of a spout that was never started again.
pub fn watched(topology: &Submitted<'_>) -> Watched {
    let mut lives = topology.watched();
    assert_eq!(lives.len(), 1, "the spout was started again: {lives:?}");
    lives.remove(0)
}
