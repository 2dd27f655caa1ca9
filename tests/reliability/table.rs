//! The table of docs/reliability.md: what each cell promises, and what came of it.

use std::fmt::Write as _;
use std::time::Duration;

use crate::scene::{Cause, Outcome, Parts, play};
use crate::support::parents::Parent;
use crate::support::report;

/// Three times the promised second.
const LIMIT: Duration = Duration::from_secs(3);

/// Acked, and behind a record that is not: it has to come again.
const BEHIND_A_GAP: usize = 1;

/// Acked after the parts changed; what cannot be stored comes again.
const UNSTORED: usize = 50;

/// Plays the cells with one kind of parent, prints their rows, and fails if one of them is not as promised.
pub fn play_all<P: Parent>(cells: impl Iterator<Item = (Cause, Parts)>) {
    let mut table = String::from(
        "\n| cause of the end | the parts | exit code | ms to release | lost | duplicates | sockets left | descriptors left | threads left |\n|---|---|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    let mut wrong = Vec::new();
    for (cause, parts) in cells {
        let outcome = play::<P>(cause, parts);
        let Outcome { took, code, lost, duplicates, sockets, descriptors, threads } = &outcome;
        let code = code.map_or_else(|| "-".to_owned(), |code| code.to_string());
        let _ = writeln!(
            table,
            "| {cause} | {parts} | {code} | {} | {lost} | {duplicates} | {sockets} | {descriptors} | {threads} |",
            took.as_millis()
        );
        if !is_as_promised(cause, parts, &outcome) {
            wrong.push(format!("{cause}, {parts}: {outcome:?}"));
        }
    }
    report(&table);
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn is_as_promised(cause: Cause, parts: Parts, outcome: &Outcome) -> bool {
    let may_come_again = if cause != Cause::Deactivate && (!parts.stores() || cause == Cause::Kill) {
        BEHIND_A_GAP + UNSTORED
    } else {
        BEHIND_A_GAP
    };
    let clean = outcome.sockets == 0 && outcome.descriptors == 0 && outcome.threads == 0;
    let in_time = outcome.took < LIMIT || cause == Cause::Deactivate;
    let code = match cause {
        Cause::Deactivate | Cause::Kill => outcome.code.is_none(),
        _ => matches!(outcome.code, Some(0 | 69)),
    };
    outcome.lost == 0 && outcome.duplicates <= may_come_again && clean && in_time && code
}
