//! Where to begin reading a partition.

use super::metadata::Watermarks;
use crate::config::FirstPoll;
use crate::offsets::Stored;

/// An absolute offset to begin at. librdkafka waits for the group's coordinator only when it is asked for a stored
/// one, so it never is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    /// The first offset to read.
    pub offset: i64,
    /// What led there.
    pub why: Why,
}

/// What led to a start offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It was stored.
    Stored,
    /// Nothing was stored that counts; `first.poll.offset.strategy`.
    Strategy,
    /// Retention has passed the offset; so many were not read.
    Passed {
        /// Offsets between the wanted one and the first still there.
        lost: i64,
    },
    /// The log ends before the offset: it was truncated, or the topic was deleted and made anew.
    Truncated,
}

/// The stored offset, if it counts: under the uncommitted strategies always, else only from the same topology id
/// (storm-kafka-client's `KafkaSpout.doSeek`, legacy `ignoreZkOffsets`).
pub fn stored_offset(stored: Option<&Stored>, topology_id: &str, first_poll: FirstPoll) -> Option<i64> {
    stored.filter(|stored| first_poll.uncommitted || stored.topology_id == topology_id).map(|stored| stored.offset)
}

/// Where to begin in a log with these ends. A wanted offset outside of it goes the way of the strategy: with the
/// earliest ones nothing that is still there is missed.
pub fn begin(wanted: Option<i64>, first_poll: FirstPoll, log: Watermarks) -> Start {
    let strategy = if first_poll.earliest { log.low } else { log.high };
    match wanted {
        None => Start { offset: strategy, why: Why::Strategy },
        Some(offset) if offset < log.low => Start { offset: log.low, why: Why::Passed { lost: log.low - offset } },
        Some(offset) if offset > log.high => Start { offset: strategy, why: Why::Truncated },
        Some(offset) => Start { offset, why: Why::Stored },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: Watermarks = Watermarks { low: 10, high: 20 };

    fn first_poll(earliest: bool, uncommitted: bool) -> FirstPoll {
        FirstPoll { earliest, uncommitted }
    }

    #[test]
    fn a_stored_offset_of_another_topology_counts_only_under_uncommitted() {
        let stored = Stored { offset: 15, topology_id: "wc-1".to_owned() };
        for (topology, uncommitted, expected) in
            [("wc-1", true, Some(15)), ("wc-1", false, Some(15)), ("wc-2", true, Some(15)), ("wc-2", false, None)]
        {
            assert_eq!(stored_offset(Some(&stored), topology, first_poll(true, uncommitted)), expected);
        }
        assert_eq!(stored_offset(None, "wc-1", first_poll(true, true)), None);
    }

    #[test]
    fn the_start_is_inside_the_log() {
        let start = |offset, why| Start { offset, why };
        for (wanted, earliest, expected) in [
            (None, true, start(10, Why::Strategy)),
            (None, false, start(20, Why::Strategy)),
            (Some(10), true, start(10, Why::Stored)),
            (Some(20), true, start(20, Why::Stored)),
            (Some(4), true, start(10, Why::Passed { lost: 6 })),
            (Some(4), false, start(10, Why::Passed { lost: 6 })),
            (Some(21), true, start(10, Why::Truncated)),
            (Some(21), false, start(20, Why::Truncated)),
        ] {
            assert_eq!(begin(wanted, first_poll(earliest, true), LOG), expected, "{wanted:?} {earliest}");
        }
    }
}
