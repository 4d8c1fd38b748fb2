//! Bland-Altman plots.

use super::plot::{Plot, Stroke, WIDTH};
use super::{Axis, Point, Titles, counted, left_out, number};

/// Mean difference and its limits of agreement, as they are drawn; computed elsewhere.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Agreement {
    /// Mean difference.
    pub bias: f64,
    /// Lower limit of agreement.
    pub lower: f64,
    /// Upper limit of agreement.
    pub upper: f64,
}

/// Differences (vertical) against means (horizontal) of two measurements of the same quantity, with the bias as a
/// heavy line and the limits of agreement as dashed ones, if there are any.
///
/// `series` names the series; the key is left out for a single one.
///
/// # Edge cases
/// No finite point: empty axes that say so. Lines that are not finite are not drawn.
///
/// # References
/// J. M. Bland, D. G. Altman, Statistical methods for assessing agreement between two methods of clinical
/// measurement, Lancet 1986.
#[must_use]
pub fn bland_altman(titles: Titles<'_>, points: &[Point], lines: Option<Agreement>, series: &[&str]) -> String {
    let finite: Vec<&Point> = points.iter().filter(|point| point.is_finite()).collect();
    let lines = lines.filter(|lines| [lines.bias, lines.lower, lines.upper].iter().all(|value| value.is_finite()));
    let levels = lines.iter().flat_map(|lines| [lines.bias, lines.lower, lines.upper]);
    let x = Axis::over(finite.iter().map(|point| point.x));
    let y = if finite.is_empty() {
        Axis::over([-1.0, 1.0])
    } else {
        Axis::over(finite.iter().map(|point| point.y).chain(levels).chain([0.0]))
    };
    let mut plot = Plot::new(titles, [x, y], 260.0);
    let level = |plot: &mut Plot, at: f64, stroke: Stroke| plot.line(&[[x.low, at], [x.high, at]], stroke);
    level(&mut plot, 0.0, Stroke { colour: "currentColor", width: 1.0, dash: "" });
    let mut about = counted(finite.len(), "point", "points");
    if let Some(Agreement { bias, lower, upper }) = lines {
        let heavy = Stroke { colour: super::COLOURS[1], width: 2.0, dash: "" };
        level(&mut plot, bias, heavy);
        for limit in [lower, upper] {
            level(&mut plot, limit, Stroke { dash: "7 4", ..heavy });
        }
        about += &format!("; bias {}, limits of agreement {} and {}", number(bias), number(lower), number(upper));
    }
    for point in &finite {
        let words = format!("{}: mean {}, difference {}", point.name, number(point.x), number(point.y));
        plot.mark(plot.at(point.x, point.y), point.series, &words);
    }
    if let Some(lines) = lines {
        let words = [("upper limit", lines.upper), ("bias", lines.bias), ("lower limit", lines.lower)];
        let places = apart(words.map(|(_, value)| plot.at(x.high, value)[1]));
        for ((word, value), y) in words.into_iter().zip(places) {
            plot.label([WIDTH - 18.0, y - 4.0], &format!("{word} {}", number(value)));
        }
    }
    if finite.is_empty() {
        plot.text(plot.middle(), "middle", "no values");
    }
    plot.key(series, true, None);
    plot.finish(&format!("{about}.{}", left_out(points.len(), finite.len())))
}

/// Heights of three labels from the top, moved so far apart that they do not overlap.
fn apart([top, middle, bottom]: [f64; 3]) -> [f64; 3] {
    const LINE: f64 = 15.0;
    [top.min(middle - LINE), middle, bottom.max(middle + LINE)]
}
