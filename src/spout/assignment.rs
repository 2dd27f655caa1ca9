//! Which partitions are this task's (storm-kafka-client's `RoundRobinManualPartitioner`).

/// Deals the partitions of all topics out to the tasks like cards: sorted by topic, then number, every `count`-th one
/// from `index` on. All tasks come to the same deal without talking to one another.
pub fn ours<'a>(
    topics: impl IntoIterator<Item = (&'a str, Vec<i32>)>,
    index: usize,
    count: usize,
) -> Vec<(&'a str, i32)> {
    let mut all: Vec<(&str, i32)> = topics
        .into_iter()
        .flat_map(|(topic, partitions)| partitions.into_iter().map(move |partition| (topic, partition)))
        .collect();
    all.sort_unstable();
    all.into_iter().skip(index).step_by(count.max(1)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn partitions_are_dealt_over_all_topics_together() {
        let topics = || [("b", vec![1, 0]), ("a", vec![0, 1, 2])];
        assert_eq!(ours(topics(), 0, 2), [("a", 0), ("a", 2), ("b", 1)]);
        assert_eq!(ours(topics(), 1, 2), [("a", 1), ("b", 0)]);
        assert_eq!(ours(topics(), 7, 8), []);
    }

    proptest! {
        #[test]
        fn every_partition_has_exactly_one_task(a in 0..20i32, b in 0..20i32, count in 1..9usize) {
            let topics = || [("a", (0..a).collect()), ("b", (0..b).collect::<Vec<i32>>())];
            let mut dealt: Vec<_> = (0..count).flat_map(|index| ours(topics(), index, count)).collect();
            dealt.sort_unstable();
            prop_assert_eq!(dealt, ours(topics(), 0, 1));
        }
    }
}
