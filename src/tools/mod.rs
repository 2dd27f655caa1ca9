//! The subcommands that an operator types. They talk to people on stdout and stderr, not to Storm.

pub mod load;
pub mod sockets;
mod table;

use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// Has the command's program start with stdin, stdout and stderr alone. librdkafka's mock cluster does not mark its
/// sockets to be closed by an exec: a child would hold them, and they would be counted as its own.
pub fn inherit_nothing(command: &mut Command) {
    // SAFETY: one system call between fork and exec, and no memory is touched.
    unsafe { command.pre_exec(mark_descriptors) };
}

fn mark_descriptors() -> io::Result<()> {
    // SAFETY: no pointer is passed; descriptors are only marked to be closed by the exec that follows.
    let done = unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

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
