//! Scatter plots.

use super::plot::{Plot, Stroke};
use super::{Axis, Titles, counted, left_out, number};

/// One case of a chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Horizontal value.
    pub x: f64,
    /// Vertical value.
    pub y: f64,
    /// What it is, said when it is pointed at.
    pub name: String,
    /// Which series it belongs to, by number.
    pub series: usize,
}

impl Point {
    pub(super) fn is_finite(&self) -> bool {
        self.x.is_finite() && self.y.is_finite()
    }
}

/// Two quantities of the same unit against each other on equal axes from 0, with the line on which they are equal.
///
/// `series` names the series; the key is left out for a single one.
///
/// # Edge cases
/// No finite point: empty axes that say so. Negative values widen the axes.
#[must_use]
pub fn scatter(titles: Titles<'_>, points: &[Point], series: &[&str]) -> String {
    let finite: Vec<&Point> = points.iter().filter(|point| point.is_finite()).collect();
    let axis = Axis::over(finite.iter().flat_map(|point| [point.x, point.y]).chain([0.0]));
    let axis = if finite.is_empty() { Axis::over([0.0, 1.0]) } else { axis };
    let mut plot = Plot::new(titles, [axis, axis], 300.0);
    let equal = Stroke { colour: "currentColor", width: 1.0, dash: "4 3" };
    plot.line(&[[axis.low, axis.low], [axis.high, axis.high]], equal);
    for point in &finite {
        let words = format!("{}: {}, {}", point.name, number(point.x), number(point.y));
        plot.mark(plot.at(point.x, point.y), point.series, &words);
    }
    if finite.is_empty() {
        plot.text(plot.middle(), "middle", "no values");
    }
    plot.key(series, true, None);
    let above = finite.iter().filter(|point| point.y > point.x).count();
    plot.finish(&format!(
        "{} of {} (vertical) against {} (horizontal); {above} above the dashed line of equal values.{}",
        counted(finite.len(), "point", "points"),
        titles.y,
        titles.x,
        left_out(points.len(), finite.len())
    ))
}
