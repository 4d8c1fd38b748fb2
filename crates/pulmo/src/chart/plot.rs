//! What all charts share: the frame with its axes, marks, lines and the key.

use std::fmt::Write;

use super::{Axis, Titles, colour, escape};

/// Width of every chart in its own units.
pub(super) const WIDTH: f64 = 400.0;
/// Height of letters.
const LETTER: f64 = 12.0;
/// Width of a digit of that height, roughly.
const DIGIT: f64 = 6.7;
/// Height of a line of the key.
const KEY_LINE: f64 = 18.0;
/// Letters of a series' name in the key; longer ones are cut.
const KEY_LETTERS: usize = 40;

/// A chart that is being drawn.
#[derive(Debug)]
pub(super) struct Plot {
    body: String,
    title: String,
    /// Left, top, right, bottom of the area that the axes span.
    area: [f64; 4],
    x: Axis,
    y: Axis,
    /// Lowest used place.
    bottom: f64,
}

/// What a line is drawn for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stroke {
    pub(super) colour: &'static str,
    pub(super) width: f64,
    pub(super) dash: &'static str,
}

impl Plot {
    /// Axes with their ticks, labels and titles; the area between them is `height` high.
    pub(super) fn new(titles: Titles<'_>, [x, y]: [Axis; 2], height: f64) -> Self {
        let longest = y.ticks().iter().map(|&tick| y.label(tick).chars().count()).max().unwrap_or(1);
        let left = (longest as f64 * DIGIT + 10.0).min(WIDTH / 3.0);
        let mut plot = Self::frame(titles, x, y, [left, 24.0, right_of(&x), 24.0 + height]);
        let [left, top, right, _] = plot.area;
        for tick in y.ticks() {
            let at = plot.across_y(tick);
            plot.grid([left, at, right, at]);
            plot.text([left - 6.0, at + 4.0], "end", &y.label(tick));
        }
        plot.text([0.0, top - 12.0], "start", titles.y);
        plot
    }

    /// A horizontal axis only, over an area of `height`.
    pub(super) fn flat(titles: Titles<'_>, x: Axis, height: f64) -> Self {
        let y = Axis { low: 0.0, high: height, step: height };
        Self::frame(titles, x, y, [14.0, 4.0, right_of(&x), 4.0 + height])
    }

    fn frame(titles: Titles<'_>, x: Axis, y: Axis, area: [f64; 4]) -> Self {
        let [_, top, right, bottom] = area;
        let mut plot = Self { body: String::new(), title: titles.title.to_owned(), area, x, y, bottom: bottom + 36.0 };
        let ticks = x.ticks();
        // Labels that would touch are left out, every second one first.
        let wide = ticks.iter().map(|&tick| x.label(tick).chars().count()).max().unwrap_or(1) as f64 * DIGIT + 8.0;
        let room = (right - area[0]) / (ticks.len().max(2) - 1) as f64;
        let every = (wide / room).ceil().max(1.0) as usize;
        for (n, &tick) in ticks.iter().enumerate() {
            let at = plot.across_x(tick);
            plot.grid([at, top, at, bottom]);
            if n % every == 0 {
                plot.text([at, bottom + 16.0], "middle", &x.label(tick));
            }
        }
        plot.text([right, bottom + 32.0], "end", titles.x);
        plot
    }

    /// Where a pair of values lies.
    pub(super) fn at(&self, x: f64, y: f64) -> [f64; 2] {
        [self.across_x(x), self.across_y(y)]
    }

    fn across_x(&self, value: f64) -> f64 {
        self.area[0] + (self.area[2] - self.area[0]) * self.x.share(value)
    }

    fn across_y(&self, value: f64) -> f64 {
        self.area[3] - (self.area[3] - self.area[1]) * self.y.share(value)
    }

    /// The highest value of the vertical axis.
    pub(super) fn highest(&self) -> f64 {
        self.y.high
    }

    /// The middle of the area.
    pub(super) fn middle(&self) -> [f64; 2] {
        let [left, top, right, bottom] = self.area;
        [(left + right) / 2.0, (top + bottom) / 2.0]
    }

    /// The vertical value at a height of the picture.
    pub(super) fn value_at(&self, height: f64) -> f64 {
        let [_, top, _, bottom] = self.area;
        self.y.low + (self.y.high - self.y.low) * (bottom - height) / (bottom - top)
    }

    fn grid(&mut self, [x1, y1, x2, y2]: [f64; 4]) {
        let _ = writeln!(
            self.body,
            "<line x1=\"{x1:.2}\" y1=\"{y1:.2}\" x2=\"{x2:.2}\" y2=\"{y2:.2}\" stroke=\"currentColor\" \
             stroke-opacity=\".15\"/>"
        );
    }

    /// Words at a place; `anchor` is `start`, `middle` or `end`.
    pub(super) fn text(&mut self, [x, y]: [f64; 2], anchor: &str, words: &str) {
        let _ =
            writeln!(self.body, "<text x=\"{x:.2}\" y=\"{y:.2}\" text-anchor=\"{anchor}\">{}</text>", escape(words));
    }

    /// Words that end at a place and stay readable over marks.
    pub(super) fn label(&mut self, [x, y]: [f64; 2], words: &str) {
        let _ = writeln!(
            self.body,
            "<text x=\"{x:.2}\" y=\"{y:.2}\" text-anchor=\"end\" font-weight=\"600\" paint-order=\"stroke\" \
             stroke=\"var(--paper,#fff)\" stroke-width=\"3\">{}</text>",
            escape(words)
        );
    }

    /// A line through pairs of values, which should be finite.
    pub(super) fn line(&mut self, values: &[[f64; 2]], stroke: Stroke) {
        let points: Vec<String> = values
            .iter()
            .map(|&[x, y]| {
                let [x, y] = self.at(x, y);
                format!("{x:.2},{y:.2}")
            })
            .collect();
        let dash =
            if stroke.dash.is_empty() { String::new() } else { format!(" stroke-dasharray=\"{}\"", stroke.dash) };
        let _ = writeln!(
            self.body,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\"{dash} stroke-linejoin=\"round\"/>",
            points.join(" "),
            stroke.colour,
            stroke.width
        );
    }

    /// A mark of a series at a place of the picture; `words` appear when it is pointed at.
    pub(super) fn mark(&mut self, [x, y]: [f64; 2], series: usize, words: &str) {
        let _ = writeln!(self.body, "{}", shape([x, y], series, words));
    }

    /// A box from one place of the picture to another.
    pub(super) fn area(&mut self, [x1, y1, x2, y2]: [f64; 4], opacity: f64, words: &str) {
        let _ = writeln!(
            self.body,
            "<rect x=\"{x1:.2}\" y=\"{y1:.2}\" width=\"{:.2}\" height=\"{:.2}\" fill=\"{}\" fill-opacity=\"{opacity}\" \
             stroke=\"{}\"><title>{}</title></rect>",
            x2 - x1,
            y2 - y1,
            colour(0),
            colour(0),
            escape(words)
        );
    }

    /// The key below the chart, one line per series: mark, dash or both, and the name.
    pub(super) fn key(&mut self, names: &[&str], has_marks: bool, dashes: Option<&[&'static str]>) {
        if names.len() < 2 {
            return;
        }
        for (series, name) in names.iter().enumerate() {
            let at = self.bottom + 4.0;
            if let Some(dashes) = dashes {
                let dash = dashes[series % dashes.len()];
                let _ = writeln!(
                    self.body,
                    "<line x1=\"4\" x2=\"36\" y1=\"{at:.2}\" y2=\"{at:.2}\" stroke=\"{}\" stroke-width=\"2.5\" \
                     stroke-dasharray=\"{dash}\"/>",
                    colour(series)
                );
            }
            if has_marks {
                let _ = writeln!(self.body, "{}", shape([20.0, at], series, name));
            }
            let mut short: String = name.chars().take(KEY_LETTERS).collect();
            if short.len() < name.len() {
                short.push('…');
            }
            self.text([44.0, at + 4.0], "start", &short);
            self.bottom += KEY_LINE;
        }
    }

    /// The SVG element; `about` says in words what is to be seen.
    pub(super) fn finish(self, about: &str) -> String {
        format!(
            "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {:.0}\" role=\"img\" fill=\"currentColor\" \
             font-family=\"system-ui,sans-serif\" font-size=\"{LETTER}\">\n<title>{}</title>\n<desc>{}</desc>\n{}</svg>\n",
            self.bottom,
            escape(&self.title),
            escape(about),
            self.body
        )
    }
}

/// Where the area ends, so that half of the last tick's label has room.
fn right_of(x: &Axis) -> f64 {
    WIDTH - (x.label(x.high).chars().count() as f64 * DIGIT / 2.0 + 2.0).max(14.0)
}

/// The mark of a series: circle, square, triangle, diamond, cross or plus in the series' colour.
fn shape([x, y]: [f64; 2], series: usize, words: &str) -> String {
    let colour = colour(series);
    let words = escape(words);
    let filled = |path: String| {
        format!(
            "<path data-at=\"{x:.2},{y:.2}\" d=\"{path}\" fill=\"{colour}\" fill-opacity=\".55\" stroke=\"{colour}\">\
             <title>{words}</title></path>"
        )
    };
    let open = |path: String| {
        format!(
            "<path data-at=\"{x:.2},{y:.2}\" d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\">\
             <title>{words}</title></path>"
        )
    };
    match series % 6 {
        0 => filled(format!("M{:.2} {y:.2}a4 4 0 1 0 8 0a4 4 0 1 0-8 0z", x - 4.0)),
        1 => filled(format!("M{:.2} {:.2}h7v7h-7z", x - 3.5, y - 3.5)),
        2 => filled(format!("M{x:.2} {:.2}l4.5 8h-9z", y - 5.0)),
        3 => filled(format!("M{x:.2} {:.2}l5 5-5 5-5-5z", y - 5.0)),
        4 => open(format!("M{:.2} {:.2}l7 7m0-7l-7 7", x - 3.5, y - 3.5)),
        _ => open(format!("M{:.2} {y:.2}h9m-4.5-4.5v9", x - 4.5)),
    }
}
