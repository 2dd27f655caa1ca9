//! Limits on what was measured: assertions for scripts.

use clap::Args;

use super::sample::Sample;

/// The most that is allowed at any second.
#[derive(Debug, Clone, Default, Args)]
#[expect(clippy::struct_field_names, reason = "they are options")]
#[command(next_help_heading = "Limits, exit code 1 when one is broken")]
pub struct Limits {
    /// Sockets in CLOSE_WAIT, all spouts together.
    #[arg(long, value_name = "N")]
    pub max_close_wait: Option<u64>,
    /// Sockets in TIME_WAIT toward the spouts' endpoints.
    #[arg(long, value_name = "N")]
    pub max_time_wait: Option<u64>,
    /// Sockets in ESTABLISHED, all spouts together.
    #[arg(long, value_name = "N")]
    pub max_established: Option<u64>,
    /// Sockets in ESTABLISHED of any one spout.
    #[arg(long, value_name = "N")]
    pub max_established_per_spout: Option<u64>,
    /// Sockets of any one spout, those that no table shows any more included.
    #[arg(long, value_name = "N")]
    pub max_sockets_per_spout: Option<u64>,
    /// Open descriptors of any one spout.
    #[arg(long, value_name = "N")]
    pub max_fds_per_spout: Option<u64>,
    /// Threads of any one spout.
    #[arg(long, value_name = "N")]
    pub max_threads_per_spout: Option<u64>,
    /// Resident memory of any one spout, in MiB.
    #[arg(long, value_name = "N")]
    pub max_rss_mib_per_spout: Option<u64>,
    /// Connections opened in a second by the whole machine.
    #[arg(long, value_name = "N")]
    pub max_connects_per_second: Option<u64>,
}

impl Limits {
    /// The first limit that this sample breaks, in words.
    pub fn broken_by(&self, sample: &Sample) -> Option<String> {
        let spouts = &sample.spouts;
        let most = |count: fn(&super::sample::ProcessSample) -> u64| spouts.iter().map(count).max().unwrap_or(0);
        let checks = [
            ("close-wait", self.max_close_wait, sample.states().named("CLOSE_WAIT") as u64),
            ("time-wait", self.max_time_wait, sample.time_wait as u64),
            ("established", self.max_established, sample.states().named("ESTABLISHED") as u64),
            (
                "established-per-spout",
                self.max_established_per_spout,
                most(|spout| spout.states.named("ESTABLISHED") as u64),
            ),
            (
                "sockets-per-spout",
                self.max_sockets_per_spout,
                most(|spout| (spout.states.total() + spout.off_table) as u64),
            ),
            ("fds-per-spout", self.max_fds_per_spout, most(|spout| spout.fds as u64)),
            ("threads-per-spout", self.max_threads_per_spout, most(|spout| spout.threads)),
            // Rounded up: a limit is a limit.
            ("rss-mib-per-spout", self.max_rss_mib_per_spout, most(|spout| spout.rss_bytes.div_ceil(1 << 20))),
            ("connects-per-second", self.max_connects_per_second, sample.connects),
        ];
        checks.into_iter().find_map(|(name, limit, seen)| {
            let limit = limit.filter(|limit| seen > *limit)?;
            Some(format!("--max-{name} {limit}: {seen} at second {:.0}", sample.second))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_limit_that_is_broken_is_named_and_one_that_is_just_met_is_not() {
        let mut sample = Sample { time_wait: 7, connects: 9, ..Sample::default() };
        let limits = Limits { max_time_wait: Some(7), max_connects_per_second: Some(9), ..Limits::default() };
        assert_eq!(limits.broken_by(&sample), None);
        (sample.time_wait, sample.connects) = (8, 10);
        assert_eq!(limits.broken_by(&sample).as_deref(), Some("--max-time-wait 7: 8 at second 0"));
    }
}
