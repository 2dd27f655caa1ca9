//! The subcommands that an operator types. They talk to people on stdout and stderr, not to Storm.

pub mod load;
pub mod sockets;
mod table;

use std::io::{self, Write as _};

/// Writes to stdout. A reader that has gone, as of `| head`, is no error.
///
/// # Errors
/// Any other failure of the write.
pub fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// A line for the person at the terminal.
pub fn complain(text: &str) {
    // Nobody is left to be told.
    let _ = writeln!(io::stderr(), "kafka-shell-spout: {text}");
}

/// A line for the person at the terminal that is no complaint.
pub fn say(text: &str) {
    // Nobody is left to be told.
    let _ = writeln!(io::stderr(), "{text}");
}
