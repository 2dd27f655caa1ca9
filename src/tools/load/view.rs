//! What a person sees while it runs, on stderr.

use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressStyle};

use super::options::LoadOptions;
use super::sample::Sample;
use crate::tools::say;

/// Lines of plain output between two heads.
const HEAD_EVERY: usize = 20;

/// A bar and the last figures on a terminal, a line a second elsewhere.
pub struct View {
    bar: Option<ProgressBar>,
    /// Of `--nexts` or `--seconds`.
    goal: u64,
    by_nexts: bool,
    lines: usize,
    last: (f64, u64),
}

impl View {
    /// Of one contender's run.
    pub fn new(name: &str, options: &LoadOptions) -> Self {
        let goal = options.nexts.map_or(options.seconds, |nexts| nexts * u64::from(options.spouts));
        let bar = std::io::stderr().is_terminal().then(|| {
            let unit = if options.nexts.is_some() { "nexts" } else { "s" };
            let template = format!("{{prefix}}  [{{bar:40}}] {{pos}} of {{len}} {unit}\n{{msg}}");
            // The template is ours, and sound.
            let style = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::new(goal).with_style(style.progress_chars("##-")).with_prefix(name.to_owned())
        });
        if bar.is_none() {
            say(&format!("load: {name}"));
        }
        Self { bar, goal, by_nexts: options.nexts.is_some(), lines: 0, last: (0.0, 0) }
    }

    /// Shows a sample.
    pub fn show(&mut self, sample: &Sample) {
        let (second, emits) = self.last;
        let rate = (sample.emits - emits) as f64 / (sample.second - second).max(0.001);
        self.last = (sample.second, sample.emits);
        if let Some(bar) = &self.bar {
            let position = if self.by_nexts { sample.nexts } else { sample.second.round() as u64 };
            bar.set_position(position.min(self.goal));
            bar.set_message(figures(sample, rate));
        } else {
            if self.lines.is_multiple_of(HEAD_EVERY) {
                say("second     tuples   tuples/s   acks pending  sockets by state");
            }
            self.lines += 1;
            say(&line(sample, rate));
        }
    }
}

impl Drop for View {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn sockets(sample: &Sample) -> String {
    let mut words: Vec<String> = sample.states().present().map(|(state, count)| format!("{count} {state}")).collect();
    if sample.time_wait > 0 {
        words.push(format!("{} TIME_WAIT", sample.time_wait));
    }
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

fn line(sample: &Sample, rate: f64) -> String {
    let pending = sample.emits.saturating_sub(sample.acks + sample.fails);
    format!("{:>6.0} {:>10} {rate:>10.0} {pending:>14}  {}", sample.second, sample.emits, sockets(sample))
}

fn figures(sample: &Sample, rate: f64) -> String {
    let spouts = sample.spouts.len().max(1) as u64;
    let pending = sample.emits.saturating_sub(sample.acks + sample.fails);
    format!(
        "sockets   {}\nspouts    {}, each about {} descriptors, {} threads, {:.1} MiB RSS\ntuples    {} at {rate:.0} a second, {pending} wait for their ack",
        sockets(sample),
        sample.spouts.len(),
        sample.sum(|spout| spout.fds as u64) / spouts,
        sample.sum(|spout| spout.threads) / spouts,
        sample.sum(|spout| spout.rss_bytes) as f64 / spouts as f64 / f64::from(1 << 20),
        sample.emits,
    )
}
