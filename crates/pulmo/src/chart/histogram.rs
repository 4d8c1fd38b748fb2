//! Histograms.

use pulmo_measure::statistics::Summary;

use super::plot::{Plot, Stroke};
use super::{Axis, Titles, counted, left_out, number};

/// Bars of equal width with round limits, and the median as a dashed line.
///
/// A value on a limit counts to the bar above it, at the highest limit to the one below. About 2·∛n bars (Rice's
/// rule), at least 5 and at most 24.
///
/// # Edge cases
/// No finite value: empty axes that say so.
#[must_use]
pub fn histogram(titles: Titles<'_>, values: &[f64]) -> String {
    let finite: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    let wanted = (2.0 * (finite.len() as f64).cbrt()).ceil().clamp(5.0, 24.0);
    let bins = Axis::with_steps(finite.iter().copied(), wanted);
    let mut counts = vec![0_usize; bins.ticks().len() - 1];
    for value in &finite {
        let bar = ((value - bins.low) / bins.step + 1e-9).floor().max(0.0) as usize;
        let last = counts.len() - 1;
        counts[bar.min(last)] += 1;
    }
    let most = counts.iter().copied().max().unwrap_or(0);
    let mut plot = Plot::new(titles, [Axis::over([bins.low, bins.high]), Axis::of_counts(most)], 180.0);
    for (bar, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let from = bins.low + bar as f64 * bins.step;
        let ([left, top], [right, bottom]) = (plot.at(from, count as f64), plot.at(from + bins.step, 0.0));
        let words = format!("{} to {}: {count}", bins.label(from), bins.label(from + bins.step));
        plot.area([left + 0.5, top, right - 0.5, bottom], 0.45, &words);
    }
    let Some(found) = Summary::of(&finite.iter().map(|&value| Some(value)).collect::<Vec<_>>()) else {
        plot.text(plot.middle(), "middle", "no values");
        return plot.finish(&format!("No values.{}", left_out(values.len(), 0)));
    };
    let top = plot.highest();
    let line = Stroke { colour: "currentColor", width: 1.5, dash: "4 3" };
    plot.line(&[[found.median, 0.0], [found.median, top]], line);
    let [x, y] = plot.at(found.median, top);
    let (x, anchor) = if x > super::plot::WIDTH / 2.0 { (x - 5.0, "end") } else { (x + 5.0, "start") };
    plot.text([x, y - 6.0], anchor, &format!("median {}", number(found.median)));
    let about = format!(
        "Histogram of {} from {} to {}, median {}; the highest bar has {most}.{}",
        counted(found.n, "value", "values"),
        number(found.min),
        number(found.max),
        number(found.median),
        left_out(values.len(), found.n)
    );
    plot.finish(&about)
}
