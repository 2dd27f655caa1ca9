//! Exit codes, as in BSD's `sysexits.h`.

/// The end that was asked for: SIGTERM, SIGINT, EOF on stdin, or the parent gone.
pub const OK: u8 = 0;
/// The answer is no: a process that is not there, a limit that was broken.
pub const NO: u8 = 1;
/// Ended by Ctrl-C before its time, as a shell has it.
pub const INTERRUPTED: u8 = 130;
/// The command line is wrong (`EX_USAGE`).
pub const USAGE: u8 = 64;
/// Asked to end while Kafka, a topic or ZooKeeper was not to be had, or a close had to be abandoned (`EX_UNAVAILABLE`).
pub const UNAVAILABLE: u8 = 69;
/// The system gave no thread, descriptor or memory (`EX_OSERR`).
pub const SYSTEM: u8 = 71;
/// What came on stdin is not multilang (`EX_PROTOCOL`).
pub const PROTOCOL: u8 = 76;
/// The configuration is wrong (`EX_CONFIG`).
pub const CONFIG: u8 = 78;
