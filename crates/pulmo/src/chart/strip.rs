//! Strip charts: every value as a dot over a box of the quartiles.

use pulmo_measure::statistics::Summary;

use super::plot::{Plot, Stroke};
use super::{Axis, Titles, counted, left_out, number};

/// Height of a row with its name.
const ROW: f64 = 58.0;
/// Where in a row the box and the dots lie.
const BOX: [f64; 2] = [22.0, 50.0];

/// One row of a chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Strip<'a> {
    /// What is measured.
    pub name: &'a str,
    /// The values, each with the name of its case.
    pub values: Vec<(f64, &'a str)>,
}

/// Rows of dots on one axis, each over a box from the first to the third quartile with the median as a heavy line and
/// whiskers to the least and the largest value. `always` are values that the axis must hold, such as 0 and 1.
///
/// # Edge cases
/// A row without a finite value says so.
#[must_use]
pub fn strips(titles: Titles<'_>, rows: &[Strip<'_>], always: &[f64]) -> String {
    let values = rows.iter().flat_map(|row| row.values.iter().map(|value| value.0));
    let axis = Axis::over(values.chain(always.iter().copied()));
    let mut plot = Plot::flat(titles, axis, ROW * rows.len().max(1) as f64);
    let mut about = String::new();
    for (index, row) in rows.iter().enumerate() {
        let top = 4.0 + ROW * index as f64;
        let list: Vec<Option<f64>> = row.values.iter().map(|value| Some(value.0).filter(|v| v.is_finite())).collect();
        let Some(found) = Summary::of(&list) else {
            plot.text([14.0, top + 15.0], "start", &format!("{}: no values", row.name));
            about += &format!("{}: no values.{} ", row.name, left_out(row.values.len(), 0));
            continue;
        };
        draw(&mut plot, row, &found, top);
        about += &format!(
            "{}: {}, median {}, quartiles {} and {}, from {} to {}.{} ",
            row.name,
            counted(found.n, "value", "values"),
            number(found.median),
            number(found.q1),
            number(found.q3),
            number(found.min),
            number(found.max),
            left_out(row.values.len(), found.n)
        );
    }
    plot.finish(about.trim_end())
}

fn draw(plot: &mut Plot, row: &Strip<'_>, found: &Summary, top: f64) {
    plot.text([14.0, top + 15.0], "start", &format!("{}: median {}, n = {}", row.name, number(found.median), found.n));
    let across = |value: f64| plot.at(value, 0.0)[0];
    let [upper, lower] = BOX.map(|at| top + at);
    let middle = (upper + lower) / 2.0;
    let (left, right) = (across(found.q1), across(found.q3));
    let height = |at: f64| plot.value_at(at);
    let thin = Stroke { colour: "currentColor", width: 1.0, dash: "" };
    let [level, high, low] = [middle, upper, lower].map(height);
    let words = format!("quartiles {} to {}", number(found.q1), number(found.q3));
    plot.line(&[[found.min, level], [found.q1, level]], thin);
    plot.line(&[[found.q3, level], [found.max, level]], thin);
    plot.area([left, upper, right, lower], 0.12, &words);
    plot.line(&[[found.median, low], [found.median, high]], Stroke { width: 3.0, ..thin });
    // Dots at the same place would hide each other: they stand on five lines in turn, by rank.
    let mut sorted: Vec<&(f64, &str)> = row.values.iter().filter(|value| value.0.is_finite()).collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    for (rank, (value, name)) in sorted.into_iter().enumerate() {
        let offset = [0.0, -6.0, 6.0, -3.0, 3.0][rank % 5];
        let place = [plot.at(*value, 0.0)[0], middle + offset];
        plot.mark(place, 0, &format!("{name}: {}", number(*value)));
    }
}
