//! From the handshake to the exit code: the loop that drives [`Spout`].

use std::fs::OpenOptions;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Instant;

use serde_json::Map;

use super::Spout;
use super::ending::{READ_TIME, say_last};
use super::life::End;
use super::pipes::Pipes;
use crate::companion;
use crate::config::{ConfigError, SpoutConfig, read_file};
use crate::exit;
use crate::kafka::check_properties;
use crate::multilang::{Command, Context, Handshake, LogQueue, Wire};
use crate::wake::Waker;

/// Runs as Storm's child until it is told to end; gives the exit code. `config_file` holds defaults for the keys of
/// the handshake's configuration.
///
/// # Errors
/// The system gives no descriptor or thread.
pub fn run(config_file: Option<&Path>) -> anyhow::Result<u8> {
    let waker = Waker::new()?;
    let mut pipes = Pipes::take(waker.clone())?;
    let Some(handshake) = shake_hands(&mut pipes)? else { return Ok(exit::OK) };
    let handshake = match handshake {
        Ok(handshake) => handshake,
        Err(problem) => {
            say_last(&problem);
            return Ok(exit::PROTOCOL);
        }
    };
    let logs = Arc::new(LogQueue::default());
    let (config, context) = match configure(&handshake, config_file) {
        Ok(configured) => configured,
        Err(error) => return refuse(&mut pipes, &logs, &error.to_string(), exit::CONFIG),
    };
    drop(handshake);
    logs.install(config.log_level);
    if let Some(path) = &config.log_file {
        match OpenOptions::new().create(true).append(true).open(path) {
            Ok(file) => logs.copy_to(file),
            Err(error) => {
                let problem = format!("configuration: kafka.spout.log.file: {}: {error}", path.display());
                return refuse(&mut pipes, &logs, &problem, exit::CONFIG);
            }
        }
    }
    tracing::info!(
        "kafka-shell-spout {} (librdkafka {}), pid {}, component {:?}, task {} ({} of {})",
        env!("CARGO_PKG_VERSION"),
        rdkafka::util::get_rdkafka_version().1,
        std::process::id(),
        context.component,
        context.task_id,
        context.task_index + 1,
        context.task_count,
    );
    if config.wire == Wire::Companion {
        pipes.widen();
        companion::streams(&config.stream_names, pipes.replies.frames());
    }
    let (sender, events) = channel();
    let mut spout = match Spout::start(config, context, Arc::clone(&logs), sender, waker) {
        Ok(spout) => spout,
        Err(error) => return refuse(&mut pipes, &logs, &format!("{error:#}"), exit::SYSTEM),
    };
    loop {
        let now = Instant::now();
        for event in events.try_iter() {
            spout.event(event, now);
        }
        read_commands(&mut pipes, &mut spout, now);
        look_for_the_end(&mut pipes, &mut spout, now);
        spout.tick(now);
        let more = spout.speak(&mut pipes.replies, now);
        pipes.flush();
        if let Some(verdict) = spout.verdict(now) {
            if verdict.abandon {
                // A destructor would wait for what hangs; the kernel closes the rest.
                signal_hook::low_level::exit(verdict.code.into());
            }
            return Ok(verdict.code);
        }
        if spout.ahead.is_comfortable() {
            Pipes::nap();
        }
        let at_once = more && pipes.replies.unsent() == 0;
        pipes.wait(Some(if at_once { now } else { spout.next_tick(now) }))?;
    }
}

fn read_commands(pipes: &mut Pipes, spout: &mut Spout, now: Instant) {
    loop {
        match pipes.input.next_command() {
            Ok(Some(command)) => spout.command(command, &mut pipes.replies, now),
            Ok(None) => return,
            Err(error) => {
                tracing::error!("{error}");
                say_last(&error.to_string());
                pipes.ended = true;
                return spout.end(End::Protocol, now);
            }
        }
    }
}

fn look_for_the_end(pipes: &mut Pipes, spout: &mut Spout, now: Instant) {
    let ends = [
        (pipes.terminated(), End::Terminate),
        (pipes.interrupted(), End::Interrupt),
        (pipes.ended, End::InputClosed),
        (pipes.broken, End::BrokenPipe),
    ];
    for (_, reason) in ends.into_iter().filter(|(has_come, _)| *has_come) {
        spout.end(reason, now);
    }
}

/// Reads the first frame and answers it, before anything slow: `ShellSpout.open` has no timeout. `None` is the end of
/// a parent that never spoke.
fn shake_hands(pipes: &mut Pipes) -> anyhow::Result<Option<Result<Handshake, String>>> {
    loop {
        let handshake = match pipes.input.handshake() {
            Ok(handshake) => handshake,
            Err(error) => return Ok(Some(Err(error.to_string()))),
        };
        match handshake {
            Some(Ok(handshake)) => {
                let pid = std::process::id();
                if let Err(error) = Handshake::write_pid_file(&handshake.pid_dir, pid) {
                    say_last(&format!(
                        "no pid file in {}: {error}; the supervisor will not know this process",
                        handshake.pid_dir.display()
                    ));
                }
                pipes.replies.pid(pid, handshake.wire());
                pipes.input.goes_on_with(handshake.wire());
                pipes.flush();
                return Ok(Some(Ok(handshake)));
            }
            Some(Err(error)) => return Ok(Some(Err(error.to_string()))),
            None if pipes.ended && pipes.input.unfinished() > 0 => {
                return Ok(Some(Err("stdin ended in the middle of the handshake".to_owned())));
            }
            None if pipes.ended || pipes.terminated() || pipes.interrupted() => return Ok(None),
            None => pipes.wait(None)?,
        }
    }
}

fn configure(handshake: &Handshake, config_file: Option<&Path>) -> Result<(SpoutConfig, Context), ConfigError> {
    let file = config_file.map_or_else(|| Ok(Map::new()), read_file)?;
    let context =
        Context::read(&handshake.context).map_err(|error| ConfigError::new("handshake", error.to_string()))?;
    let config = SpoutConfig::read(&handshake.conf, &file, &context, handshake.wire())?;
    check_properties(&config.kafka)?;
    Ok((config, context))
}

/// Tells Storm UI what is wrong in the answer to the first command, and on stderr, then gives up. Storm restarts the
/// worker; the error stays visible in the UI.
fn refuse(pipes: &mut Pipes, logs: &LogQueue, problem: &str, code: u8) -> anyhow::Result<u8> {
    say_last(problem);
    let mut told = None;
    loop {
        while let Ok(Some(command)) = pipes.input.next_command() {
            if !matches!(command, Ok(Command::TaskIds)) {
                if told.is_none() {
                    pipes.replies.error(problem);
                    told = Some(Instant::now() + READ_TIME);
                }
                pipes.replies.sync(logs);
            }
        }
        pipes.flush();
        let read = told.is_some_and(|until| Instant::now() >= until);
        if read || pipes.ended || pipes.broken || pipes.terminated() || pipes.interrupted() {
            return Ok(code);
        }
        pipes.wait(told)?;
    }
}
