//! A comparison: all rows once, then all rows again, and so on.

use anyhow::{Result, ensure};
use kafka_shell_spout::tools::say;

use super::options::Pace;
use super::rows::{REFERENCE, Row};
use super::run::{Bench, Measured, Setting};
use super::stats::{Spread, short, spread};
use super::stop;
use super::topic::Topic;

/// All runs of a comparison.
pub struct Comparison {
    /// What was compared.
    pub title: String,
    /// Its topic.
    pub partitions: u32,
    /// Bytes of a value.
    pub size: usize,
    /// What all rows had in common.
    pub setting: Setting,
    /// In order of the table.
    pub rows: Vec<Runs>,
}

/// All runs of a row.
pub struct Runs {
    /// The row.
    pub row: Row,
    /// By round; `None` where it failed.
    pub rounds: Vec<Option<Measured>>,
    /// Why the last one of those failed.
    pub problem: Option<String>,
}

impl Runs {
    /// Of what was measured in all rounds.
    pub fn spread(&self, value: impl Fn(&Measured) -> f64) -> Option<Spread> {
        spread(self.rounds.iter().flatten().map(value))
    }
}

impl Comparison {
    /// Runs it.
    ///
    /// # Errors
    /// A signal came, or no row could be measured.
    pub fn run(
        bench: &mut Bench<'_>,
        title: String,
        rows: Vec<Row>,
        topic: &Topic,
        setting: Setting,
        pace: Pace,
    ) -> Result<Self> {
        let rows = rows.into_iter().map(|row| Runs { row, rounds: Vec::new(), problem: None }).collect();
        let mut all = Self { title, partitions: topic.partitions, size: topic.size, setting, rows };
        for round in 1..=pace.rounds {
            for runs in &mut all.rows {
                let result = bench.run(&runs.row, topic, setting, pace);
                stop::check()?;
                let said = match &result {
                    Ok(measured) => {
                        let end = if measured.ran_out { ", until the topic ended" } else { "" };
                        format!("{}/s over {:.1} s{end}", short(measured.rate()), measured.seconds)
                    }
                    Err(error) => format!("failed: {error:#}"),
                };
                say(&format!("{}, round {round} of {}: {}: {said}", all.title, pace.rounds, runs.row.name));
                if let Err(error) = &result {
                    runs.problem = Some(format!("{error:#}"));
                }
                runs.rounds.push(result.ok());
            }
        }
        ensure!(all.rows.iter().any(|runs| runs.rounds.iter().any(Option::is_some)), "no row could be measured");
        Ok(all)
    }

    /// Ratios of a row to the reference, each within one round.
    pub fn ratios(&self, runs: &Runs) -> Option<Spread> {
        self.ratio(&runs.row.name, REFERENCE, Measured::rate)
    }

    /// Ratios of one row to another, each within one round.
    pub fn ratio(&self, name: &str, other: &str, value: impl Fn(&Measured) -> f64) -> Option<Spread> {
        let rounds = |name| self.rows.iter().find(|runs| runs.row.name == name).map(|runs| &runs.rounds);
        let both = rounds(name)?.iter().zip(rounds(other)?);
        spread(both.filter_map(|(one, other)| Some(value(one.as_ref()?) / value(other.as_ref()?))))
    }
}
