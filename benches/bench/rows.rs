//! The rows: which spout, and how.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::cluster::Cluster;
use super::options::{Guarantee, Options, pair};
use super::topic::Topic;

/// The row that all others are compared with.
pub const REFERENCE: &str = "java";

/// What a row is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A child that emits a constant in this way, under this spout of `topology/bench`.
    Constant(&'static str, &'static str),
    /// Our program under this spout of `topology/bench`; whether it may answer ahead.
    Ours(&'static str, bool),
    /// `KafkaSpout`; whether it is tuned.
    JavaKafka(bool),
    /// A Java spout without Kafka, of this kind.
    Java(&'static str),
}

/// All there are, by name.
const ROWS: [(&str, Kind); 12] = [
    ("naive", Kind::Constant("naive", "shell")),
    ("constant-stock", Kind::Constant("stock", "shell")),
    ("constant-companion", Kind::Constant("companion", "companion")),
    ("stock", Kind::Ours("shell", true)),
    ("stock-plain", Kind::Ours("shell", false)),
    ("companion", Kind::Ours("companion", true)),
    ("java", Kind::JavaKafka(true)),
    ("java-constant", Kind::Java("java-constant")),
    // On demand, and of the parts latency and idle.
    ("constant-plain", Kind::Constant("plain", "shell")),
    ("java-default", Kind::JavaKafka(false)),
    ("java-low-latency", Kind::JavaKafka(true)),
    ("java-idle", Kind::Java("java-idle")),
];

/// Those of the comparison.
const COMPARED: usize = 8;

/// One of them, or a variant.
#[derive(Debug, Clone)]
pub struct Row {
    /// As the table has it.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    program: Option<PathBuf>,
    keys: Vec<(String, String)>,
}

/// `NAME: ROW KEY=VALUE...`.
#[derive(Debug, Clone)]
pub struct Variant(Row);

impl Variant {
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (name, rest) = text.split_once(':').ok_or("it is not 'NAME: ROW KEY=VALUE...'")?;
        let words = shlex::split(rest).ok_or("a quote has no end")?;
        let (row, keys) = words.split_first().ok_or("a row is missing")?;
        let mut row = Row::named(row).map_err(|error| error.to_string())?;
        // It becomes the name of a directory and of a topology.
        let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        if name.is_empty() || !name.chars().all(plain) {
            return Err(format!("a name has letters, digits, - _ and . alone, not {name:?}"));
        }
        name.clone_into(&mut row.name);
        for key in keys {
            match key.split_once('=') {
                Some(("spout", program)) => row.program = Some(program.into()),
                _ => row.keys.push(pair(key)?),
            }
        }
        Ok(Self(row))
    }
}

impl Row {
    /// # Errors
    /// There is none of that name.
    pub fn named(name: &str) -> Result<Self> {
        let Some((_, kind)) = ROWS.iter().find(|(known, _)| *known == name) else {
            let known: Vec<&str> = ROWS.iter().map(|(name, _)| *name).collect();
            bail!("there is no row {name}, only {}", known.join(", "))
        };
        let keys = if name == "java-low-latency" { low_latency() } else { Vec::new() };
        Ok(Self { name: name.to_owned(), kind: *kind, program: None, keys })
    }

    /// Those of a comparison, and those that are left out because something is not there, with the reason.
    ///
    /// # Errors
    /// A row that was asked for is not to be had.
    pub fn compared(options: &Options, guarantee: Guarantee) -> Result<(Vec<Self>, Vec<String>)> {
        let (mut rows, mut without) = (Vec::new(), Vec::new());
        let asked = !options.rows.is_empty();
        let names: Vec<&str> = if asked {
            options.rows.iter().map(String::as_str).collect()
        } else {
            ROWS[..COMPARED].iter().map(|(name, _)| *name).collect()
        };
        for name in names {
            let row = Self::named(name)?;
            match row.missing(options) {
                Some(missing) if asked => bail!("row {name}: there is no {}", missing.display()),
                Some(missing) => without.push(format!("row {name} is left out: there is no {}", missing.display())),
                // It never answers ahead without ackers.
                None if !asked && guarantee == Guarantee::NoIds && name.ends_with("-plain") => {}
                None => rows.push(row),
            }
        }
        rows.extend(options.also.iter().map(|variant| variant.0.clone()));
        Ok((rows, without))
    }

    /// The program that it needs and that is not there.
    fn missing(&self, options: &Options) -> Option<PathBuf> {
        self.program(options).filter(|program| !program.exists()).map(Path::to_path_buf)
    }

    fn program<'a>(&'a self, options: &'a Options) -> Option<&'a Path> {
        match (self.kind, &self.program) {
            (Kind::Constant(..) | Kind::Ours(..), Some(program)) => Some(program),
            (Kind::Constant(..), None) => Some(&options.constant),
            (Kind::Ours(..), None) => Some(&options.spout),
            (Kind::JavaKafka(_) | Kind::Java(_), _) => None,
        }
    }

    /// Whether it has a process of its own.
    pub fn has_child(&self) -> bool {
        matches!(self.kind, Kind::Constant(..) | Kind::Ours(..))
    }

    /// Whether it reads the topic.
    pub fn reads_kafka(&self) -> bool {
        matches!(self.kind, Kind::Ours(..) | Kind::JavaKafka(_))
    }

    /// What `BenchTopology` is told, without the directory of the bolt; `run` is a name that no other run has.
    ///
    /// # Errors
    /// The program is not there.
    pub fn settings(
        &self,
        options: &Options,
        cluster: &Cluster,
        topic: &Topic,
        run: &str,
    ) -> Result<Vec<(String, String)>> {
        let mut lines = Lines::default();
        match self.kind {
            Kind::Constant(mode, spout) => {
                lines.add("spout", spout);
                lines.command(self.program(options), mode)?;
                if topic.size != 100 {
                    lines.add("command.2", &topic.size.to_string());
                }
            }
            Kind::Ours(spout, ahead) => {
                lines.add("spout", spout);
                lines.command(self.program(options), "spout")?;
                lines.add("kafka.spout.bootstrap.servers", &cluster.kafka);
                lines.add("kafka.spout.topics", &topic.name);
                lines.add("kafka.spout.group.id", run);
                lines.add("kafka.spout.zookeeper.connect", &cluster.zookeeper);
                lines.add("kafka.spout.zookeeper.root", &format!("/bench/{run}"));
                if !ahead {
                    lines.add("kafka.spout.answer.ahead", "false");
                }
            }
            Kind::JavaKafka(tuned) => {
                lines.add("spout", "java-kafka");
                lines.add("java.bootstrap", &cluster.kafka);
                lines.add("java.topic", &topic.name);
                lines.add("java.group", run);
                lines.add("java.tuned", if tuned { "1" } else { "0" });
            }
            Kind::Java(spout) => {
                lines.add("spout", spout);
                lines.add("size", &topic.size.to_string());
            }
        }
        let ours = matches!(self.kind, Kind::Ours(..));
        for (key, value) in options.set.iter().chain(&self.keys) {
            // The child of the constant knows no keys.
            if ours || !key.starts_with("kafka.spout.") {
                lines.0.retain(|(known, _)| known != key);
                lines.add(key, value);
            }
        }
        Ok(lines.0)
    }
}

/// What else than the defaults makes `KafkaSpout` answer sooner: it waits for records no longer than Storm's spout thread
/// sleeps, so that acks and the next poll come at once.
fn low_latency() -> Vec<(String, String)> {
    [("java.poll.timeout.ms", "1"), ("java.consumer.fetch.max.wait.ms", "100")]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
}

#[derive(Default)]
struct Lines(Vec<(String, String)>);

impl Lines {
    fn add(&mut self, key: &str, value: &str) {
        self.0.push((key.to_owned(), value.to_owned()));
    }

    /// The supervisor starts it elsewhere, so its path is whole.
    fn command(&mut self, program: Option<&Path>, argument: &str) -> Result<()> {
        let Some(program) = program else { return Ok(()) };
        let Ok(whole) = program.canonicalize() else {
            bail!("there is no {}", program.display());
        };
        self.add("command.0", &whole.display().to_string());
        self.add("command.1", argument);
        Ok(())
    }
}
