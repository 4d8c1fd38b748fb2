//! Involvement by level, drawn as a lung outline: shapes that HTML and PDF draw alike.
//!
//! The patient is seen from the front: the right lung stands on the left. At each height the width of a lung is its
//! volume there and the coloured width the volume of opacity there, both from the inner edge on and smoothed alike, so
//! that coloured and whole areas are to each other as the volumes are. Orange on grey differ in lightness too, for colour-blind eyes
//! and grey printers.

use std::fmt::Write;

use pulmo_measure::quantify::Level;

use super::document::Report;
use super::language::Language;
use crate::chart::escape;

/// Width and height of the drawing, in points and CSS pixels alike.
pub const SIZE: [f64; 2] = [300.0, 250.0];

/// Colour of lung.
pub const LUNG: [u8; 3] = [214, 220, 225];
/// Colour of a lung's edge and of text.
pub const INK: [u8; 3] = [70, 80, 88];
/// Colour of opacity: that of its contour in the pictures.
pub const OPACITY: [u8; 3] = crate::picture::PREDICTION;

/// Half the gap between the lungs.
const HALF_GAP: f64 = 16.0;
/// The widest that a lung is drawn.
const WIDEST: f64 = 88.0;
/// By which slabs next to each other are averaged.
const WEIGHTS: [f64; 5] = [1.0, 2.0, 3.0, 2.0, 1.0];
/// Where the lungs begin and end, from the top.
const TOP: f64 = 26.0;
const BOTTOM: f64 = 236.0;

/// One thing to draw; x to the right and y down.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// A filled area, with a line around it if asked for.
    Area {
        /// Its corners.
        points: Vec<[f64; 2]>,
        /// What fills it.
        colour: [u8; 3],
        /// Whether it is lined in [`INK`].
        is_lined: bool,
    },
    /// Words on one line.
    Text {
        /// Where: the middle, the left or the right end of the base line.
        at: [f64; 2],
        /// Which of them.
        anchor: Anchor,
        /// The words.
        text: String,
        /// Whether they are emphasised.
        is_bold: bool,
    },
}

/// Which point of a text lies where it is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// Its left end.
    Start,
    /// Its middle.
    Middle,
    /// Its right end.
    End,
}

/// The shapes of a report's drawing, those behind first; none without levels.
#[must_use]
pub fn shapes(report: &Report, language: Language) -> Vec<Shape> {
    let found = &report.quantities;
    let widest = found.levels.iter().flat_map(|level| [level.left_lung_ml, level.right_lung_ml]).fold(0.0, f64::max);
    if found.levels.is_empty() || widest <= 0.0 {
        return Vec::new();
    }
    let middle = SIZE[0] / 2.0;
    let scale = WIDEST / widest;
    let (right, left) = ((middle - HALF_GAP, -scale), (middle + HALF_GAP, scale));
    let mut shapes = Vec::new();
    type Ml = fn(&Level) -> f64;
    let (right_ml, left_ml): ([Ml; 2], [Ml; 2]) = (
        [|level| level.right_lung_ml, |level| level.right_opacity_ml],
        [|level| level.left_lung_ml, |level| level.left_opacity_ml],
    );
    for (edge, [lung, opacity]) in [(right, right_ml), (left, left_ml)] {
        let area = |ml: fn(&Level) -> f64, colour, is_lined| Shape::Area {
            points: outline(&found.levels, edge, ml),
            colour,
            is_lined,
        };
        shapes.push(area(lung, LUNG, true));
        shapes.push(area(opacity, OPACITY, false));
    }
    shapes.extend(labels(report, language));
    shapes
}

/// Each slab's volume beside a straight inner edge, from the head down.
///
/// Slabs hold one slice more or less than their neighbours, so volumes are averaged over five of them, weighted 1, 2, 3,
/// 2, 1; the sum over all slabs stays the same.
fn outline(levels: &[Level], (edge, scale): (f64, f64), ml: fn(&Level) -> f64) -> Vec<[f64; 2]> {
    let volumes: Vec<f64> = levels.iter().rev().map(ml).collect();
    // One slab more at either end, where nothing is left, so that the area stays the sum.
    let reach = WEIGHTS.len() / 2;
    let at =
        |slab: usize, shift: usize| (slab + shift).checked_sub(2 * reach + 1).and_then(|at| volumes.get(at)).copied();
    let smooth = (0..volumes.len() + 2 * reach + 2).map(|slab| {
        let parts = WEIGHTS.iter().enumerate().map(|(shift, weight)| weight * at(slab, shift).unwrap_or(0.0));
        parts.sum::<f64>() / WEIGHTS.iter().sum::<f64>()
    });
    let smooth: Vec<f64> = smooth.collect();
    let step = (BOTTOM - TOP) / smooth.len() as f64;
    let mut points = vec![[edge, TOP]];
    points.extend(smooth.iter().enumerate().map(|(at, ml)| [edge + scale * ml, TOP + step * (at as f64 + 0.5)]));
    points.push([edge, BOTTOM]);
    points
}

/// Sides, head and feet, and the share of each third beside it.
fn labels(report: &Report, language: Language) -> Vec<Shape> {
    let words = language.words();
    let text = |x: f64, y: f64, anchor, text: &str, is_bold| Shape::Text {
        at: [x, y],
        anchor,
        text: text.to_owned(),
        is_bold,
    };
    let middle = SIZE[0] / 2.0;
    let mut shapes = vec![
        text(middle - HALF_GAP, 12.0, Anchor::End, &format!("{} (R)", words.right), true),
        text(middle + HALF_GAP, 12.0, Anchor::Start, &format!("{} (L)", words.left), true),
        text(middle, TOP + 2.0, Anchor::Middle, words.head, false),
        text(middle, BOTTOM + 8.0, Anchor::Middle, words.feet, false),
    ];
    let third = (BOTTOM - TOP) / 3.0;
    for (at, part) in ["upper", "middle", "lower"].into_iter().enumerate() {
        let y = TOP + third * (at as f64 + 0.5) + 3.0;
        for (side, x, anchor) in [("right", 0.0, Anchor::Start), ("left", SIZE[0], Anchor::End)] {
            let region = report.quantities.regions.iter().find(|region| {
                region.group == "height_thirds" && super::content::side_and_part(&region.id) == (side, part)
            });
            if let Some(percent) = region.and_then(|region| region.percent) {
                shapes.push(text(x, y, anchor, &language.percent(percent), false));
            }
        }
    }
    shapes
}

/// The drawing as SVG without any style from elsewhere; empty without shapes. `name` says what it shows.
#[must_use]
pub fn svg(shapes: &[Shape], name: &str) -> String {
    if shapes.is_empty() {
        return String::new();
    }
    let [width, height] = SIZE;
    let colour = |[red, green, blue]: [u8; 3]| format!("#{red:02x}{green:02x}{blue:02x}");
    let mut svg = format!(
        "<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{}\" font-size=\"10\" \
         font-family=\"system-ui,sans-serif\">",
        escape(name)
    );
    for shape in shapes {
        let _ = match shape {
            Shape::Area { points, colour: fill, is_lined } => {
                let points: Vec<String> = points.iter().map(|[x, y]| format!("{x:.1},{y:.1}")).collect();
                let stroke =
                    if *is_lined { format!(" stroke=\"{}\" stroke-width=\"0.8\"", colour(INK)) } else { String::new() };
                write!(svg, "<polygon points=\"{}\" fill=\"{}\"{stroke}/>", points.join(" "), colour(*fill))
            }
            Shape::Text { at: [x, y], anchor, text, is_bold } => {
                let anchor = match anchor {
                    Anchor::Start => "start",
                    Anchor::Middle => "middle",
                    Anchor::End => "end",
                };
                let weight = if *is_bold { " font-weight=\"600\"" } else { "" };
                write!(
                    svg,
                    "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"{}\"{weight}>{}</text>",
                    colour(INK),
                    escape(text)
                )
            }
        };
    }
    svg + "</svg>"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(at: usize, right_lung_ml: f64, right_opacity_ml: f64) -> Level {
        let height_mm = [at as f64, at as f64 + 1.0];
        Level { height_mm, left_lung_ml: 0.0, left_opacity_ml: 0.0, right_lung_ml, right_opacity_ml }
    }

    /// Twice the area of a polygon: the shoelace formula.
    fn twice_area(points: &[[f64; 2]]) -> f64 {
        let next = points.iter().cycle().skip(1);
        points.iter().zip(next).map(|(a, b)| a[0] * b[1] - a[1] * b[0]).sum::<f64>().abs()
    }

    #[test]
    fn areas_are_as_the_volumes_and_the_head_is_at_the_top() {
        let levels: Vec<Level> = (0..20).map(|at| level(at, 100.0, if at < 5 { 40.0 } else { 0.0 })).collect();
        let lung = outline(&levels, (0.0, 1.0), |level| level.right_lung_ml);
        let opacity = outline(&levels, (0.0, 1.0), |level| level.right_opacity_ml);
        let share = twice_area(&opacity) / twice_area(&lung);
        assert!((share - 200.0 / 2000.0).abs() < 1e-9, "200 of 2000 mL, drawn {share}");
        let widest = opacity.iter().max_by(|a, b| a[0].total_cmp(&b[0])).unwrap();
        assert!(widest[1] > (TOP + BOTTOM) / 2.0, "the lowest levels are at the bottom");
    }

    #[test]
    fn words_in_the_drawing_are_escaped() {
        let text = Shape::Text { at: [0.0; 2], anchor: Anchor::Start, text: "<b>&".to_owned(), is_bold: false };
        let svg = svg(&[text], "\"name\"");
        assert!(svg.contains(">&#60;b&#62;&#38;</text>") && svg.contains("aria-label=\"&#34;name&#34;\""), "{svg}");
        assert_eq!(super::svg(&[], "name"), "");
    }
}
