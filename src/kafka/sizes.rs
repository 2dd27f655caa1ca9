//! How much of each partition librdkafka keeps, so that many partitions need no more memory than few. The bytes of one answer
//! stay librdkafka's: a batch that is larger than `max.partition.fetch.bytes` comes alone in its answer (KIP-74).
//!
//! All of it is per partition once queues are split, and fixed when the client is made
//! (<https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md>).

/// Partitions that the first client of a process is made for: it is not known yet how many there will be.
const FEWEST: usize = 16;

/// Records kept of all partitions together. librdkafka holds some 400 bytes beside each.
const RECORDS: usize = 32_000;

/// Bytes of records kept of all partitions together.
const BYTES: usize = 32 << 20;

/// The buffers of a client: for so many partitions or fewer, and how much of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    partitions: usize,
    /// Fetched ahead until there are so many records, `queued.min.messages`.
    pub records: usize,
    /// Or so many KiB, `queued.max.messages.kbytes`. The most in one answer of a broker, of all partitions, follows it:
    /// librdkafka makes it no larger than this and no smaller than `message.max.bytes`.
    pub kbytes: usize,
    /// How long a partition whose queue was full is not asked for again, `fetch.queue.backoff.ms`. The broker's thread looks
    /// at all partitions each time.
    pub backoff_ms: usize,
}

impl Sizes {
    /// For so many partitions, with room for some more: a topic that grows by one needs no other client.
    pub fn of(partitions: usize) -> Self {
        let mut class = FEWEST;
        while class < partitions {
            class *= 4;
        }
        let each = |all: usize, least, most| (all / class).clamp(least, most);
        Self {
            partitions: class,
            records: each(RECORDS, 100, 20_000),
            kbytes: each(BYTES >> 10, 64, 4096),
            backoff_ms: (class / 100).clamp(1, 10),
        }
    }

    /// Whether so many partitions can be read with them.
    pub fn fit(self, partitions: usize) -> bool {
        partitions <= self.partitions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_partitions_are_kept_no_more_of_than_few() {
        let bytes = |partitions: usize| {
            let sizes = Sizes::of(partitions);
            partitions * (sizes.records * 400 + (sizes.kbytes << 10))
        };
        for partitions in [1, 12, 100, 1000] {
            assert!(bytes(partitions) < 160 << 20, "{partitions} partitions: {} MiB", bytes(partitions) >> 20);
        }
    }

    #[test]
    fn few_partitions_are_asked_again_at_once_and_many_cost_no_core() {
        assert_eq!(
            [1, 64, 65, 256, 257, 1000].map(|partitions| Sizes::of(partitions).backoff_ms),
            [1, 1, 2, 2, 10, 10]
        );
    }

    #[test]
    fn a_client_fits_until_there_are_more_partitions_than_it_was_made_for() {
        assert!(Sizes::of(1).fit(12) && Sizes::of(1).fit(16) && !Sizes::of(1).fit(17));
        assert!(Sizes::of(1000).fit(1024) && !Sizes::of(1000).fit(1025));
        assert_eq!(Sizes::of(0), Sizes::of(16));
    }
}
