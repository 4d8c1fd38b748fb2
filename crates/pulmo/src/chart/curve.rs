//! Curves over time.

use super::plot::{Plot, Stroke};
use super::{Axis, DASHES, Titles, colour, counted, left_out, number};

/// Curves of so few points show each one.
const MARKED: usize = 40;

/// One line of a chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve<'a> {
    /// What the key calls it.
    pub name: &'a str,
    /// Pairs of values in the order in which the line runs.
    pub points: Vec<(f64, f64)>,
}

/// Lines over a common axis, each with its colour and dash; `events` are places on the horizontal axis with a word.
///
/// # Edge cases
/// A value that is not finite breaks its line. No finite value: empty axes that say so.
#[must_use]
pub fn curves(titles: Titles<'_>, curves: &[Curve<'_>], events: &[(f64, &str)]) -> String {
    let is_finite = |(x, y): &&(f64, f64)| x.is_finite() && y.is_finite();
    let finite = || curves.iter().flat_map(|curve| curve.points.iter().filter(is_finite));
    let (drawn, all) = (finite().count(), curves.iter().map(|curve| curve.points.len()).sum());
    let x = Axis::over(finite().map(|point| point.0));
    let y = Axis::over(finite().map(|point| point.1));
    let mut plot = Plot::new(titles, [x, y], 190.0);
    for &(at, word) in events.iter().filter(|(at, _)| (x.low..=x.high).contains(at)) {
        plot.line(&[[at, y.low], [at, y.high]], Stroke { colour: "currentColor", width: 1.0, dash: "4 3" });
        let [left, top] = plot.at(at, y.high);
        let (left, anchor) = if x.share(at) > 0.5 { (left - 5.0, "end") } else { (left + 5.0, "start") };
        plot.text([left, top + 12.0], anchor, word);
    }
    for (series, curve) in curves.iter().enumerate() {
        let stroke = Stroke { colour: colour(series), width: 2.0, dash: DASHES[series % DASHES.len()] };
        for part in curve.points.split(|point| !is_finite(&point)).filter(|part| part.len() > 1) {
            plot.line(&part.iter().map(|&(x, y)| [x, y]).collect::<Vec<_>>(), stroke);
        }
        let shown = curve.points.iter().filter(is_finite);
        if curve.points.len() <= MARKED {
            for &(x, y) in shown {
                let words = format!("{}: {} at {}", curve.name, number(y), number(x));
                plot.mark(plot.at(x, y), series, &words);
            }
        }
    }
    if drawn == 0 {
        plot.text(plot.middle(), "middle", "no values");
    }
    let names: Vec<&str> = curves.iter().map(|curve| curve.name).collect();
    plot.key(&names, curves.iter().all(|curve| curve.points.len() <= MARKED), Some(&DASHES));
    let ends = curves.iter().filter_map(|curve| {
        let mut finite = curve.points.iter().filter(is_finite);
        let first = finite.next()?;
        let last = finite.next_back().unwrap_or(first);
        Some(format!(" {}: {} at first, {} at last.", curve.name, number(first.1), number(last.1)))
    });
    let ends: String = ends.collect();
    plot.finish(&format!("{}.{ends}{}", counted(curves.len(), "line", "lines"), left_out(all, drawn)))
}
