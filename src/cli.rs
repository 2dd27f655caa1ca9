//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use kafka_shell_spout::tools::load::LoadOptions;
use kafka_shell_spout::tools::sockets::SocketsOptions;

/// A Kafka spout for Apache Storm in one native program.
///
/// Storm starts it as the command of a ShellSpout, or of Flux's FluxShellSpout, without arguments, and talks to it
/// over stdin and stdout in its multilang protocol. All configuration comes with Storm's handshake: keys that begin
/// with kafka.spout. in the component's configuration, for example
///
///   kafka.spout.bootstrap.servers: "broker1:9092,broker2:9092"
///   kafka.spout.topics: "clicks"
///
/// Offsets are kept in ZooKeeper, in the paths and the format of the storm-kafka spout.
#[derive(Debug, Parser)]
#[command(name = "kafka-shell-spout", version, long_version = long_version(), verbatim_doc_comment)]
#[command(
    after_help = "Exit codes: 0 ended as asked; 64 wrong command line; 69 Kafka, a topic or ZooKeeper was not to be had at the end; \
    71 the system gave no thread or descriptor; 76 stdin is not multilang; 78 wrong configuration."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Tool>,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Tool {
    /// Be the spout: what Storm starts. Also without arguments, when stdin is not a terminal.
    Spout {
        /// Defaults for the keys of Storm's configuration: a JSON object, or lines key=value.
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// Count the TCP sockets of processes by state and by the other end, and their descriptors.
    Sockets(SocketsOptions),
    /// Load-test the connection counts of any multilang spout: play Storm's part for many at once, and count.
    Load(Box<LoadOptions>),
}

fn long_version() -> String {
    let codecs =
        rdkafka::ClientConfig::new().create_native_config().ok().and_then(|config| config.get("builtin.features").ok());
    format!(
        "{}\nfeatures: {}\nlibrdkafka {} ({})",
        env!("CARGO_PKG_VERSION"),
        if cfg!(feature = "ssl-vendored") {
            "ssl (OpenSSL linked statically)"
        } else if cfg!(feature = "ssl") {
            "ssl"
        } else {
            "none"
        },
        rdkafka::util::get_rdkafka_version().1,
        codecs.as_deref().unwrap_or("unknown"),
    )
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
        assert!(long_version().contains("gzip") && long_version().contains("zstd"), "{}", long_version());
    }
}
