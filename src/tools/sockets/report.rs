//! The tables, and the JSON document.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::sockets::{Account, Census, Endpoint, STATES, SocketCount};
use crate::tools::table::Table;

/// Processes side by side in one table.
const COLUMNS: usize = 6;

/// Endpoints listed; the rest is summed up.
const ENDPOINTS: usize = 20;

/// Characters of a command line, of which a JVM's has thousands.
const COMMAND: usize = 110;

/// All that was seen.
pub struct Report {
    accounts: Vec<Account>,
    time_wait: BTreeMap<Endpoint, usize>,
}

impl Report {
    /// Takes the processes, and TIME_WAIT from where they were looked up.
    pub fn new(accounts: Vec<Account>, census: &Census) -> Self {
        Self { accounts, time_wait: census.time_wait() }
    }

    /// Whether no process was seen.
    pub fn is_empty(&self) -> bool {
        self.accounts.is_empty()
    }

    /// `{"processes":[{"pid","command","storm","fds","off_table","states":{...},"endpoints":[...]}],"time_wait":[...]}`,
    /// with all eleven states.
    pub fn json(&self) -> Value {
        let states = |count: &SocketCount| -> Map<String, Value> {
            count.all().map(|(state, count)| (state.to_owned(), count.into())).collect()
        };
        let endpoint =
            |(endpoint, count): (&Endpoint, &SocketCount)| json!({"endpoint": endpoint.to_string(), "states": count});
        let process = |account: &Account| {
            json!({
                "pid": account.pid,
                "command": account.command,
                "storm": account.storm,
                "fds": account.fds,
                "off_table": account.off_table,
                "states": states(&account.states),
                "endpoints": account.endpoints.iter().map(endpoint).collect::<Vec<_>>(),
            })
        };
        let time_wait =
            |(endpoint, count): (&Endpoint, &usize)| json!({"endpoint": endpoint.to_string(), "count": count});
        json!({
            "processes": self.accounts.iter().map(process).collect::<Vec<_>>(),
            "time_wait": self.time_wait.iter().map(time_wait).collect::<Vec<_>>(),
        })
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for account in &self.accounts {
            describe(account, &mut text);
        }
        for accounts in self.accounts.chunks(COLUMNS) {
            text.push('\n');
            text.push_str(&self.by_state(accounts));
        }
        if self.accounts.iter().any(|account| account.states.total() > 0) {
            text.push('\n');
            text.push_str(&self.by_endpoint());
        }
        text.push('\n');
        self.say_time_wait(&mut text);
        text
    }

    fn by_state(&self, accounts: &[Account]) -> String {
        let mut head = vec!["state".to_owned()];
        head.extend(accounts.iter().map(|account| format!("pid {}", account.pid)));
        let all = self.accounts.len() > 1;
        if all {
            head.push(format!("all {}", self.accounts.len()));
        }
        let mut table = Table::new(head);
        let mut row = |name: &str, count: &dyn Fn(&Account) -> usize| {
            let mut cells = vec![name.to_owned()];
            cells.extend(accounts.iter().map(|account| count(account).to_string()));
            if all {
                cells.push(self.accounts.iter().map(count).sum::<usize>().to_string());
            }
            table.row(cells);
        };
        for (index, state) in STATES.into_iter().enumerate() {
            row(state, &|account| account.states.of(index));
        }
        row("in no table any more", &|account| account.off_table);
        row("open descriptors", &|account| account.fds);
        table.to_string()
    }

    fn by_endpoint(&self) -> String {
        let mut sums = BTreeMap::<Endpoint, SocketCount>::new();
        for (endpoint, count) in self.accounts.iter().flat_map(|account| &account.endpoints) {
            *sums.entry(*endpoint).or_default() += *count;
        }
        let used: BTreeSet<usize> =
            (0..STATES.len()).filter(|state| sums.values().any(|count| count.of(*state) > 0)).collect();
        let mut head = vec!["other end".to_owned()];
        head.extend(used.iter().map(|state| STATES[*state].to_owned()));
        let mut table = Table::new(head);
        let mut rows: Vec<_> = sums.into_iter().collect();
        rows.sort_by_key(|(endpoint, count)| (std::cmp::Reverse(count.total()), *endpoint));
        let mut row = |name: String, count: &SocketCount| {
            let mut cells = vec![name];
            cells.extend(used.iter().map(|state| count.of(*state).to_string()));
            table.row(cells);
        };
        let (shown, rest) = rows.split_at(rows.len().min(ENDPOINTS));
        for (endpoint, count) in shown {
            row(endpoint.to_string(), count);
        }
        if !rest.is_empty() {
            let mut sum = SocketCount::default();
            for (_, count) in rest {
                sum += *count;
            }
            row(format!("{} others", rest.len()), &sum);
        }
        table.to_string()
    }

    fn say_time_wait(&self, text: &mut String) {
        let total: usize = self.time_wait.values().sum();
        // Writing to a String does not fail.
        let _ = writeln!(text, "TIME_WAIT belongs to no process. In the same network: {total}");
        let mut rows: Vec<_> = self.time_wait.iter().collect();
        rows.sort_by_key(|(endpoint, count)| (std::cmp::Reverse(**count), **endpoint));
        for (endpoint, count) in rows.iter().take(ENDPOINTS) {
            let _ = writeln!(text, "{count:>8}  {endpoint}");
        }
        if let Some(rest @ 1..) = rows.len().checked_sub(ENDPOINTS) {
            let _ = writeln!(text, "          and {rest} others");
        }
    }
}

fn describe(account: &Account, text: &mut String) {
    let command: String = account.command.chars().take(COMMAND).collect();
    let cut = if command.len() < account.command.len() { "..." } else { "" };
    // Writing to a String does not fail.
    let _ = writeln!(text, "pid {}: {command}{cut}", account.pid);
    if let Some(storm) = &account.storm {
        let _ = writeln!(text, "    Storm worker {} of {} on port {}", storm.worker_id, storm.storm_id, storm.port);
    }
    if account.off_table > 0 {
        let _ = writeln!(
            text,
            "    {} descriptors are TCP sockets that netstat and ss no longer show: never closed",
            account.off_table
        );
    }
}
