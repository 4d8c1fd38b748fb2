//! The case flow: how many cases there were, which were left out and why, and how the numbers compare with the
//! published ones.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;

use super::{Cause, Excluded, Facts, Unit};
use crate::sentence::counted;

/// How many names a table shows of one group; the JSON has all.
const NAMES_SHOWN: usize = 5;

/// A published number beside the one found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Expected {
    /// What was counted.
    pub what: String,
    /// The published number.
    pub published: usize,
    /// The number found.
    pub found: usize,
    /// Why they may differ, in a sentence; empty if they agree.
    pub explanation: String,
}

impl Expected {
    /// Compares; `explanation` is kept only where the numbers differ.
    #[must_use]
    pub fn new(what: &str, published: usize, found: usize, explanation: &str) -> Self {
        let explanation = if published == found { String::new() } else { explanation.to_owned() };
        Self { what: what.to_owned(), published, found, explanation }
    }

    /// Compares how many things of an archive lie here.
    #[must_use]
    pub fn of_archive(what: &str, published: usize, found: usize) -> Self {
        let explanation = if found < published {
            "not all of the archive lies here"
        } else {
            "more than was published: another version, or files that do not belong to it"
        };
        Self::new(what, published, found, explanation)
    }

    /// Whether the numbers are equal.
    #[must_use]
    pub fn agrees(&self) -> bool {
        self.published == self.found
    }
}

/// One line of the flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// What happened.
    pub what: String,
    /// To how many cases.
    pub cases: usize,
}

/// From what was found to what is in `data.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CaseFlow {
    /// The data set.
    pub facts: Facts,
    /// Found, left out (by cause), taken: the first is the sum of the others.
    pub steps: Vec<Step>,
    /// Published and found numbers.
    pub expected: Vec<Expected>,
    /// What was left out, each with its reason.
    pub excluded: Vec<Excluded>,
    /// What the user should know.
    pub remarks: Vec<String>,
}

impl CaseFlow {
    pub(super) fn new(
        facts: Facts,
        taken: usize,
        mut excluded: Vec<Excluded>,
        (expected, remarks): (Vec<Expected>, Vec<String>),
    ) -> Self {
        excluded.sort_by(|a, b| (a.unit, a.cause, &a.what).cmp(&(b.unit, b.cause, &b.what)));
        let mut by_cause: BTreeMap<Cause, usize> = BTreeMap::new();
        for one in excluded.iter().filter(|one| one.unit == Unit::Case) {
            *by_cause.entry(one.cause).or_default() += 1;
        }
        let step = |what: String, cases| Step { what, cases };
        let mut steps = vec![step("found".to_owned(), taken + by_cause.values().sum::<usize>())];
        steps.extend(by_cause.into_iter().map(|(cause, n)| step(format!("left out: {}", cause.words()), n)));
        steps.push(step("in data.toml".to_owned(), taken));
        Self { facts, steps, expected, excluded, remarks }
    }

    /// Whether something is wrong with the archive: left out for a defect.
    #[must_use]
    pub fn has_defects(&self) -> bool {
        self.excluded.iter().any(|one| one.cause.is_defect())
    }

    /// As Markdown tables, which also read well on a terminal.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let mut text = format!("# Case flow: {}\n\n| step | cases |\n|---|---:|\n", self.facts.name);
        for step in &self.steps {
            let _ = writeln!(text, "| {} | {} |", step.what, step.cases);
        }
        if !self.expected.is_empty() {
            text += "\n| number | published | found | |\n|---|---:|---:|---|\n";
            for one in &self.expected {
                let verdict = if one.agrees() { "agrees" } else { &one.explanation };
                let _ = writeln!(text, "| {} | {} | {} | {verdict} |", one.what, one.published, one.found);
            }
        }
        let mut groups: BTreeMap<(Unit, Cause, &str), Vec<&str>> = BTreeMap::new();
        for one in &self.excluded {
            groups.entry((one.unit, one.cause, &one.reason)).or_default().push(&one.what);
        }
        if !groups.is_empty() {
            text += "\n| left out | cause | reason | which |\n|---|---|---|---|\n";
            for ((unit, cause, reason), names) in groups {
                let _ = writeln!(
                    text,
                    "| {} | {} | {} | {} |",
                    count(names.len(), unit),
                    cause.words(),
                    reason.replace('|', "\\|"),
                    shown(&names)
                );
            }
        }
        for remark in &self.remarks {
            let _ = write!(text, "\n{remark}.\n");
        }
        let Facts { licence, terms, citation, source, notes, .. } = &self.facts;
        for (what, words) in
            [("Licence", licence), ("Terms", terms), ("Cite", citation), ("From", source), ("Note", notes)]
        {
            if !words.is_empty() {
                let _ = write!(text, "\n{what}: {words}\n");
            }
        }
        text
    }
}

fn count(n: usize, unit: Unit) -> String {
    let [one, many] = match unit {
        Unit::Case => ["case", "cases"],
        Unit::File => ["file", "files"],
        Unit::Annotation => ["annotation", "annotations"],
    };
    counted(n, one, many)
}

fn shown(names: &[&str]) -> String {
    let mut list = names[..names.len().min(NAMES_SHOWN)].join(", ");
    if names.len() > NAMES_SHOWN {
        let _ = write!(list, ", … (all {} in the JSON)", names.len());
    }
    list
}
