//! Where a partition's offset is kept in ZooKeeper (storm-kafka's `PartitionManager.committedPath`).

/// The layout of the znodes under one prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    prefix: String,
    single_topic: bool,
}

impl Layout {
    /// `prefix` is everything before `partition_<n>` or `<topic>/partition_<n>`, a chroot included; slashes may be
    /// doubled. With one topic the topic is no part of the path, as the old spout has it.
    ///
    /// # Errors
    /// What ZooKeeper would refuse in a path.
    pub fn new(prefix: &str, single_topic: bool) -> Result<Self, String> {
        let parts: Vec<&str> = prefix.split('/').filter(|part| !part.is_empty()).collect();
        for part in &parts {
            let legal = |c: char| {
                !c.is_control() && !('\u{e000}'..='\u{f8ff}').contains(&c) && !('\u{fff0}'..='\u{ffff}').contains(&c)
            };
            if *part == "." || *part == ".." || !part.chars().all(legal) {
                return Err(format!("{prefix:?} is no ZooKeeper path: {part:?} cannot be a part of one"));
            }
        }
        if parts.is_empty() {
            return Err("the offsets need a path of their own".to_owned());
        }
        Ok(Self { prefix: format!("/{}", parts.join("/")), single_topic })
    }

    /// The znode of a partition.
    pub fn path(&self, topic: &str, partition: i32) -> String {
        self.build(self.single_topic, topic, partition)
    }

    /// Where the znode would be if the number of topics were another: a spout that gets its second topic finds its
    /// offsets there.
    pub fn other_path(&self, topic: &str, partition: i32) -> String {
        self.build(!self.single_topic, topic, partition)
    }

    fn build(&self, single_topic: bool, topic: &str, partition: i32) -> String {
        if single_topic {
            format!("{}/partition_{partition}", self.prefix)
        } else {
            format!("{}/{topic}/partition_{partition}", self.prefix)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_old_spout() {
        let one = Layout::new("/zkroot/id", true).expect("layout");
        assert_eq!(
            (one.path("t", 0), one.other_path("t", 0)),
            ("/zkroot/id/partition_0".to_owned(), "/zkroot/id/t/partition_0".to_owned())
        );
        let many = Layout::new("//zkroot//id/", false).expect("layout");
        assert_eq!(many.path("t", 12), "/zkroot/id/t/partition_12");
    }

    #[test]
    fn what_zookeeper_refuses_is_refused_here() {
        for wrong in ["", "/", "/a/../b", "/a/./b", "/a\u{1}"] {
            assert!(Layout::new(wrong, true).is_err(), "{wrong:?}");
        }
    }
}
