//! Which processes are meant.

use procfs::process::{Process, all_processes};

use crate::sockets::command_line;

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// Processes, each once, in the order they were asked for.
    pub pids: Vec<i32>,
    /// What was asked for and is not there, in words.
    pub missing: Vec<String>,
}

/// A number is a process id; anything else a part of a command line.
pub fn find(who: &[String]) -> Found {
    let mut found = Found::default();
    for word in who {
        match word.parse::<i32>() {
            Ok(pid) if pid > 0 => found.add([pid]),
            _ => {
                let pids = matching(word);
                if pids.is_empty() {
                    found.missing.push(format!("no process has {word:?} in its command line"));
                }
                found.add(pids);
            }
        }
    }
    found
}

impl Found {
    fn add(&mut self, pids: impl IntoIterator<Item = i32>) {
        for pid in pids {
            if !self.pids.contains(&pid) {
                self.pids.push(pid);
            }
        }
    }
}

/// Never ourselves: our own command line has the word, too.
fn matching(word: &str) -> Vec<i32> {
    let ourselves = std::process::id() as i32;
    let mut pids: Vec<i32> = all_processes()
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .filter(|process: &Process| process.pid() != ourselves && command_line(process).contains(word))
        .map(|process| process.pid())
        .collect();
    pids.sort_unstable();
    pids
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_pids_and_words_are_looked_for() {
        // Written in two, so that no compiler or debugger that is given this line is found.
        let nobody = ["no such ", "command line"].concat();
        let found = find(&["7".to_owned(), "7".to_owned(), nobody]);
        assert_eq!(found.pids, [7]);
        assert_eq!(found.missing.len(), 1, "{:?}", found.missing);
    }
}
