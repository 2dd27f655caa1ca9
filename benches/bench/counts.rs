//! What the bolts wrote: how many tuples there were by when, and how old they were.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

/// One line of `topology/bench`'s `Counts`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// Tuples so far.
    pub count: u64,
    /// Milliseconds since the epoch.
    pub millis: u64,
    /// The JVM's clock.
    pub nanos: u64,
    /// CPU of the worker so far.
    pub cpu_nanos: u64,
}

/// A stretch of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// Its ends.
    pub first: Line,
    /// Its ends.
    pub last: Line,
    /// The topic ended before the time was over.
    pub ran_out: bool,
}

/// So long without one tuple is the end of the topic.
const FLAT_MILLIS: u64 = 400;

impl Line {
    fn parse(line: &str) -> Option<Self> {
        let mut numbers = line.split(' ').map(|word| word.parse().ok());
        let mut next = || numbers.next().flatten();
        Some(Self { count: next()?, nanos: next()?, millis: next()?, cpu_nanos: next()? })
    }
}

impl Window {
    /// Tuples in it.
    pub fn tuples(&self) -> u64 {
        self.last.count - self.first.count
    }

    /// Its length.
    pub fn seconds(&self) -> f64 {
        (self.last.nanos - self.first.nanos) as f64 / 1e9
    }
}

/// The lines of all bolts of a run, added up. Those of several bolts of one worker are some milliseconds apart, which is
/// little beside a window.
///
/// # Errors
/// The directory is not to be read.
pub fn lines(dir: &Path) -> Result<Vec<Line>> {
    let mut sum: Vec<Line> = Vec::new();
    for entry in fs::read_dir(dir).with_context(|| dir.display().to_string())?.flatten() {
        if !entry.file_name().to_string_lossy().starts_with("count-") {
            continue;
        }
        let text = fs::read_to_string(entry.path()).with_context(|| entry.path().display().to_string())?;
        // A line without an end is being written.
        let whole = &text[..text.rfind('\n').map_or(0, |end| end)];
        let lines = whole.lines().filter_map(Line::parse);
        if sum.is_empty() {
            sum = lines.collect();
        } else {
            let mut count = 0;
            for (line, other) in sum.iter_mut().zip(lines) {
                line.count += other.count;
                count += 1;
            }
            sum.truncate(count);
        }
    }
    Ok(sum)
}

/// From the first line at or after `begin` to the last one at or before `end`, both in milliseconds since the epoch; if
/// all `records` of a topic have come and nothing more did, to where that began.
pub fn window(lines: &[Line], begin: u64, end: u64, records: Option<u64>) -> Option<Window> {
    let within: Vec<Line> = lines.iter().copied().filter(|line| line.millis >= begin && line.millis <= end).collect();
    let (first, mut last) = (*within.first()?, *within.last()?);
    let stood = within.iter().copied().find(|line| line.count == last.count)?;
    // A busy machine makes pauses, too.
    let all = records.is_some_and(|records| last.count >= records);
    let ran_out = all && last.millis - stood.millis >= FLAT_MILLIS;
    if ran_out {
        last = stood;
    }
    (last.nanos > first.nanos).then_some(Window { first, last, ran_out })
}

/// Ages of the tuples that were made in a stretch of time, both in nanoseconds, in order of their making.
///
/// # Errors
/// A file is not to be read.
pub fn ages(dir: &Path, begin: u64, end: u64) -> Result<Vec<u64>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).with_context(|| dir.display().to_string())?.flatten() {
        if !entry.file_name().to_string_lossy().starts_with("age-") {
            continue;
        }
        let bytes = fs::read(entry.path()).with_context(|| entry.path().display().to_string())?;
        let (numbers, _) = bytes.as_chunks::<8>();
        for pair in numbers.chunks_exact(2) {
            let (made, age) = (u64::from_be_bytes(pair[0]), i64::from_be_bytes(pair[1]));
            if (begin..end).contains(&made) {
                // The clock of the machine may be set back by a little.
                found.push((made, age.max(0) as u64));
            }
        }
    }
    found.sort_unstable();
    Ok(found.into_iter().map(|(_, age)| age).collect())
}
