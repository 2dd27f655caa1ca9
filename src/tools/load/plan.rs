//! `load --plan`.

use super::options::LoadOptions;

/// To come.
pub fn text(options: &LoadOptions) -> String {
    format!("{} {} {}\n", options.brokers, options.partitions, options.spouts)
}
