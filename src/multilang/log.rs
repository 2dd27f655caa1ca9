//! Log lines on their way to Storm: any thread writes them, the spout thread sends them inside its replies.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tracing::field::{Field, Visit};
use tracing_log::AsLog as _;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

/// Lines kept while nobody asks for a reply (a deactivated spout may wait for hours); the oldest go first.
const MAX_LINES: usize = 1000;

/// Longest message, in bytes; what Kafka or ZooKeeper say about a 10 MB record need not repeat it.
const MAX_MESSAGE_BYTES: usize = 8 << 10;

/// Levels of the multilang `log` command (`ShellSpout.handleLog`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// 0
    Trace,
    /// 1
    Debug,
    /// 2
    Info,
    /// 3
    Warn,
    /// 4
    Error,
}

impl Level {
    /// The number on the wire.
    pub fn code(self) -> u8 {
        self as u8
    }
}

impl From<&tracing::Level> for Level {
    fn from(level: &tracing::Level) -> Self {
        match *level {
            tracing::Level::TRACE => Self::Trace,
            tracing::Level::DEBUG => Self::Debug,
            tracing::Level::INFO => Self::Info,
            tracing::Level::WARN => Self::Warn,
            tracing::Level::ERROR => Self::Error,
        }
    }
}

/// A bounded queue of log lines. The spout thread looks at one atomic when it is empty, so the lock is not on the
/// way of a record.
#[derive(Debug, Default)]
pub struct LogQueue {
    len: AtomicUsize,
    lines: Mutex<Lines>,
    /// `kafka.spout.log.file`: also gets what is logged when nobody reads stdout any more.
    file: OnceLock<File>,
}

#[derive(Debug, Default)]
struct Lines {
    queue: VecDeque<(Level, String)>,
    dropped: u64,
}

impl LogQueue {
    /// Adds a line; the oldest line is dropped, and counted, when the queue is full.
    pub fn push(&self, level: Level, mut message: String) {
        if message.len() > MAX_MESSAGE_BYTES {
            message.truncate(message.floor_char_boundary(MAX_MESSAGE_BYTES));
            message.push_str("...");
        }
        if let Some(mut file) = self.file.get() {
            // A full disk must not stop the spout; the line still travels to Storm.
            let _ = writeln!(file, "{} {level:?} {message}", unix_millis());
        }
        let mut lines = self.lock();
        if lines.queue.len() == MAX_LINES {
            lines.queue.pop_front();
            lines.dropped += 1;
        }
        lines.queue.push_back((level, message));
        self.len.store(lines.queue.len(), Ordering::Release);
    }

    /// Appends every line to `file` too, from now on; a second call changes nothing.
    pub fn copy_to(&self, file: File) {
        let _ = self.file.set(file);
    }

    /// Hands out at most `max` lines, the oldest first, after a line that says how many were dropped.
    pub fn drain(&self, max: usize, mut send: impl FnMut(Level, &str)) {
        if self.len.load(Ordering::Acquire) == 0 {
            return;
        }
        let (lines, dropped) = {
            let mut lines = self.lock();
            let count = lines.queue.len().min(max);
            let batch: Vec<_> = lines.queue.drain(..count).collect();
            self.len.store(lines.queue.len(), Ordering::Release);
            (batch, std::mem::take(&mut lines.dropped))
        };
        if dropped > 0 {
            send(Level::Warn, &format!("{dropped} log lines were dropped: more than {MAX_LINES} waited for a command"));
        }
        for (level, message) in &lines {
            send(*level, message);
        }
    }

    /// Makes this queue the destination of the process's log lines, the `log` crate's (rdkafka) included.
    pub fn install(self: &Arc<Self>, level: tracing::Level) {
        let subscriber = tracing_subscriber::registry().with(QueueLayer { queue: Arc::clone(self), level });
        // Both fail only if a subscriber is set already, as in tests that run the spout twice in one process.
        let _ = tracing::subscriber::set_global_default(subscriber);
        // The crate rdkafka has a line at level trace for each record that it lets go: what nobody wants must cost nothing.
        let _ = tracing_log::LogTracer::builder().with_max_level(level.as_log().to_level_filter()).init();
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unix_millis() -> u128 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_millis())
}

struct QueueLayer {
    queue: Arc<LogQueue>,
    level: tracing::Level,
}

impl<S: tracing::Subscriber> Layer<S> for QueueLayer {
    fn enabled(&self, metadata: &tracing::Metadata<'_>, _: Context<'_, S>) -> bool {
        *metadata.level() <= self.level
    }

    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let mut text = MessageText::default();
        event.record(&mut text);
        text.message.push_str(&text.fields);
        self.queue.push(event.metadata().level().into(), text.message);
    }
}

#[derive(Default)]
struct MessageText {
    message: String,
    fields: String,
}

impl Visit for MessageText {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        // Writing to a String cannot fail. `log.*` is where the `log` crate's macro stood: noise in a worker log.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name if name.starts_with("log.") => Ok(()),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drained(queue: &LogQueue, max: usize) -> Vec<(Level, String)> {
        let mut lines = Vec::new();
        queue.drain(max, |level, message| lines.push((level, message.to_owned())));
        lines
    }

    #[test]
    fn the_oldest_lines_give_way_and_are_counted() {
        let queue = LogQueue::default();
        for n in 0..MAX_LINES + 5 {
            queue.push(Level::Info, n.to_string());
        }
        let first = drained(&queue, 1);
        assert!(first[0].0 == Level::Warn && first[0].1.starts_with("5 log lines were dropped"), "{first:?}");
        assert_eq!(first[1], (Level::Info, "5".to_owned()));
        assert_eq!(drained(&queue, usize::MAX).len(), MAX_LINES - 1);
        assert!(drained(&queue, usize::MAX).is_empty());
    }

    #[test]
    fn a_long_message_is_cut_at_a_character() {
        let queue = LogQueue::default();
        queue.push(Level::Debug, "é".repeat(MAX_MESSAGE_BYTES));
        let message = &drained(&queue, 1)[0].1;
        assert!(message.len() <= MAX_MESSAGE_BYTES + 3 && message.ends_with("é..."));
    }

    #[test]
    fn events_keep_their_level_and_fields() {
        let queue = Arc::new(LogQueue::default());
        let layer = QueueLayer { queue: Arc::clone(&queue), level: tracing::Level::INFO };
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            tracing::warn!(partition = 3, "slow {}", "broker");
            tracing::debug!("not wanted");
        });
        assert_eq!(drained(&queue, 9), [(Level::Warn, "slow broker partition=3".to_owned())]);
    }
}
