//! What is asked: which labels and metrics, on which grid, with which margins.

use pulmo::measure::compare::Better;
use pulmo::measure::evaluate::MeasuredOn;
use pulmo::measure::statistics::Resampling;

use super::methods::{Method, shared_labels, shared_metrics};
use crate::cli::evaluation::{Direction, Rule};
use crate::terminal::advice;

/// What to compare.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) labels: Vec<String>,
    pub(super) metrics: Vec<Asked>,
    pub(super) grid: MeasuredOn,
    pub(super) how: Resampling,
}

/// A metric, and the loss that would be accepted of it.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) name: String,
    pub(super) unit: String,
    pub(super) better: Better,
    pub(super) margin: Option<f64>,
}

impl Asked {
    /// Whether the sign is dropped: of two values around zero the smaller one is better.
    pub(super) fn is_absolute(&self) -> bool {
        self.better == Better::NearZero
    }

    /// How much better `second` is, if the mean difference is `difference`.
    pub(super) fn gain_sign(&self) -> f64 {
        if self.better == Better::Higher { 1.0 } else { -1.0 }
    }
}

/// A margin of the command line.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Margin {
    metric: String,
    size: f64,
}

/// Reads `METRIC=SIZE`.
pub(super) fn parse_margin(text: &str) -> Result<Margin, String> {
    let expected = "expected METRIC=SIZE with a size from 0, in the metric's unit, such as dice=0.02";
    let (metric, size) = text.split_once('=').ok_or(expected)?;
    match size.parse() {
        Ok(size) if (0.0..f64::INFINITY).contains(&size) && !metric.is_empty() => {
            Ok(Margin { metric: metric.to_owned(), size })
        }
        _ => Err(expected.into()),
    }
}

/// Reads a level such as `0.95`.
pub(super) fn parse_level(text: &str) -> Result<f64, String> {
    let level = text.parse().ok().filter(|level| *level > 0.0 && *level < 1.0);
    level.ok_or_else(|| "expected a level over 0 and under 1, such as 0.95".into())
}

/// What the command line asks of these methods; empty lists ask for everything that all have.
///
/// # Errors
/// If the methods do not have it, or have it in different forms.
pub(super) fn ask(
    methods: &[Method],
    wanted: (&[String], &[String]),
    margins: &[Margin],
    grid: MeasuredOn,
    how: Resampling,
) -> anyhow::Result<Question> {
    let labels = chosen("label", &shared_labels(methods)?, wanted.0, String::as_str)?;
    let rules = chosen("metric", &shared_metrics(methods)?, wanted.1, |rule: &Rule| &rule.name)?;
    if grid == MeasuredOn::Network {
        same_network_grid(methods)?;
    }
    for margin in margins {
        if !rules.iter().any(|rule| rule.name == margin.metric) {
            let names: Vec<&str> = rules.iter().map(|rule| rule.name.as_str()).collect();
            let problem = format!("--margin names `{}`, which is not compared", margin.metric);
            return Err(advice(problem, format!("compared are: {}", names.join(", "))));
        }
    }
    let margin_of = |name: &str| margins.iter().rfind(|margin| margin.metric == name).map(|margin| margin.size);
    let metrics = rules.into_iter().map(|rule| {
        let Direction(better) = rule.better;
        Asked { margin: margin_of(&rule.name), name: rule.name, unit: rule.unit, better }
    });
    // Volumes and distances are measured on the native grid only.
    let metrics = metrics.filter(|metric| grid == MeasuredOn::Native || metric.unit == "1").collect();
    Ok(Question { labels, metrics, grid, how })
}

fn chosen<T: Clone>(what: &str, all: &[T], wanted: &[String], name: fn(&T) -> &str) -> anyhow::Result<Vec<T>> {
    if wanted.is_empty() {
        return Ok(all.to_vec());
    }
    let find = |wanted: &String| {
        all.iter().find(|one| name(one) == wanted).cloned().ok_or_else(|| {
            let names: Vec<&str> = all.iter().map(name).collect();
            advice(format!("{what} `{wanted}` is not in all results"), format!("there are: {}", names.join(", ")))
        })
    };
    let mut unique: Vec<String> = Vec::new();
    wanted.iter().for_each(|one| {
        if !unique.contains(one) {
            unique.push(one.clone());
        }
    });
    unique.iter().map(find).collect()
}

fn same_network_grid(methods: &[Method]) -> anyhow::Result<()> {
    let mut shapes =
        methods.iter().flat_map(|m| m.runs.iter().map(|run| (m.name.as_str(), run.protocol.network_shape)));
    let first = shapes.next().and_then(|(_, shape)| shape);
    match (first, shapes.find(|(_, shape)| *shape != first)) {
        (Some(_), None) => Ok(()),
        (None, _) => Err(advice("the first result has no network's grid", "evaluate with --network-grid DxHxW")),
        (Some(first), Some((name, other))) => {
            let told = other.map_or("none".to_owned(), |shape| format!("{shape:?}"));
            let problem = format!("the network's grid is {first:?} in the first result and {told} in {name}");
            Err(advice(problem, "evaluate both with the same --network-grid"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_say_what_they_expect() {
        assert_eq!(parse_margin("dice=0.02"), Ok(Margin { metric: "dice".into(), size: 0.02 }));
        for bad in ["dice", "dice=-1", "=1", "dice=x", "dice=inf", "dice=NaN"] {
            assert!(parse_margin(bad).unwrap_err().contains("dice=0.02"), "{bad}");
        }
        assert_eq!(parse_level("0.9"), Ok(0.9));
        for bad in ["95", "0", "1", "x", "NaN"] {
            assert!(parse_level(bad).is_err(), "{bad}");
        }
    }
}
