//! What is measured once a second.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Instant;

use procfs::process::Process;
use procfs::{Current as _, WithCurrentSystemInfo as _};

use super::counters::Counters;
use crate::sockets::{Census, Endpoint, Look, SocketCount};

/// One process at one moment.
#[derive(Debug, Clone, Default)]
pub struct ProcessSample {
    /// Process id.
    pub pid: i32,
    /// TCP sockets by state.
    pub states: SocketCount,
    /// TCP sockets that no table shows any more.
    pub off_table: usize,
    /// Open descriptors.
    pub fds: usize,
    /// Threads.
    pub threads: u64,
    /// Resident memory.
    pub rss_bytes: u64,
    /// User and system time since its start.
    pub cpu_ms: u64,
}

/// All processes at one moment.
#[derive(Debug, Clone, Default)]
pub struct Sample {
    /// Since the spouts were started.
    pub second: f64,
    /// `next` commands so far, of all spouts.
    pub nexts: u64,
    /// Tuples so far.
    pub emits: u64,
    /// Acks so far.
    pub acks: u64,
    /// Fails so far.
    pub fails: u64,
    /// The spouts that live.
    pub spouts: Vec<ProcessSample>,
    /// The processes named by `--broker`.
    pub brokers: Vec<ProcessSample>,
    /// Sockets in TIME_WAIT toward the spouts' endpoints.
    pub time_wait: usize,
    /// Connections that the whole machine opened in the second before (`Tcp: ActiveOpens`).
    pub connects: u64,
}

impl Sample {
    /// Sockets of all spouts.
    pub fn states(&self) -> SocketCount {
        let mut sum = SocketCount::default();
        for spout in &self.spouts {
            sum += spout.states;
        }
        sum
    }

    /// The sum over all spouts.
    pub fn sum(&self, count: impl Fn(&ProcessSample) -> u64) -> u64 {
        self.spouts.iter().map(count).sum()
    }
}

/// Takes samples.
pub struct Sampler {
    begun: Instant,
    brokers: Vec<i32>,
    /// Where the spouts' sockets have led to so far.
    endpoints: BTreeSet<Endpoint>,
    opened: u64,
}

impl Sampler {
    /// Knows already that the spouts will connect to `endpoints`.
    pub fn new(brokers: Vec<i32>, endpoints: impl IntoIterator<Item = Endpoint>) -> Self {
        Self { begun: Instant::now(), brokers, endpoints: endpoints.into_iter().collect(), opened: active_opens() }
    }

    /// Looks at all spouts now.
    pub fn take(&mut self, counters: &[Counters]) -> Sample {
        let mut census = Census::default();
        let mut sample = Sample { second: self.begun.elapsed().as_secs_f64(), ..Sample::default() };
        for counter in counters {
            sample.nexts += counter.nexts.load(Ordering::Relaxed);
            sample.emits += counter.emits.load(Ordering::Relaxed);
            sample.acks += counter.acks.load(Ordering::Relaxed);
            sample.fails += counter.fails.load(Ordering::Relaxed);
            let pid = counter.pid.load(Ordering::Relaxed);
            sample.spouts.extend(look(&mut census, pid, Some(&mut self.endpoints)));
        }
        sample.brokers = self.brokers.iter().filter_map(|pid| look(&mut census, *pid, None)).collect();
        if sample.spouts.is_empty() {
            // Our own network is theirs.
            census.look(std::process::id() as i32);
        }
        let time_wait = census.time_wait();
        sample.time_wait = self.endpoints.iter().filter_map(|endpoint| time_wait.get(endpoint)).sum();
        let opened = active_opens();
        sample.connects = opened.saturating_sub(self.opened);
        self.opened = opened;
        sample
    }

    /// Where the spouts' sockets have led to.
    pub fn endpoints(&self) -> &BTreeSet<Endpoint> {
        &self.endpoints
    }
}

fn look(census: &mut Census, pid: i32, endpoints: Option<&mut BTreeSet<Endpoint>>) -> Option<ProcessSample> {
    if pid == 0 {
        return None;
    }
    // One that ends while we look is not there.
    let Look::At(account) = census.look(pid) else { return None };
    if let Some(endpoints) = endpoints {
        endpoints
            .extend(account.endpoints.keys().filter(|endpoint| matches!(endpoint, Endpoint::To(to) if to.port() != 0)));
    }
    let stat = Process::new(pid).ok()?.stat().ok()?;
    let ticks = stat.utime + stat.stime;
    Some(ProcessSample {
        pid,
        states: account.states,
        off_table: account.off_table,
        fds: account.fds,
        threads: u64::try_from(stat.num_threads).unwrap_or(0),
        rss_bytes: stat.rss_bytes().get(),
        cpu_ms: ticks * 1000 / procfs::ticks_per_second(),
    })
}

/// Connections opened since the machine's network was started; 0 where that is not told.
fn active_opens() -> u64 {
    procfs::net::Snmp::current().map_or(0, |snmp| snmp.tcp_active_opens)
}
