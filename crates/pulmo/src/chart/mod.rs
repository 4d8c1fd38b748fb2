//! Charts as SVG: small, still, and readable by everybody.
//!
//! Each is one `<svg>` element for the inside of an HTML page (without a namespace it is no file of its own). It scales
//! to the width it is given and is drawn for 400 units, so that its letters stay readable on a phone; several stand
//! side by side on a wide screen. Letters and lines have the colour of the text around them. Series differ by colour
//! (Okabe and Ito's, which simulated colour-blind eyes tell apart: `colour_blind` in this crate's tests) and by shape
//! or dash, so that a grey print tells them too. Title and description are for screen readers; every mark says its
//! values when pointed at.
//!
//! Values that are not finite are left out and counted in the description. A new kind is a file beside [`scatter()`].

mod axis;
mod bland_altman;
mod curve;
mod histogram;
mod plot;
mod reliability;
mod scatter;
mod strip;

use pulmo_ct::sentence::counted;

pub use axis::Axis;
pub use bland_altman::{Agreement, bland_altman};
pub use curve::{Curve, curves};
pub use histogram::histogram;
pub use reliability::{Bin, reliability};
pub use scatter::{Point, scatter};
pub use strip::{Strip, strips};

/// What stands at a chart: its title and what its axes are, with units.
#[derive(Debug, Clone, Copy)]
pub struct Titles<'a> {
    /// What is shown, for screen readers; a caption beside the chart says it to all others.
    pub title: &'a str,
    /// Horizontal axis.
    pub x: &'a str,
    /// Vertical axis.
    pub y: &'a str,
}

/// Colours that differ for colour-blind eyes and stand out from white: blue, vermilion, bluish green and reddish
/// purple of Okabe and Ito, and the colour of the text.
///
/// # References
/// M. Okabe, K. Ito, Color universal design, 2008. Their yellow, orange and sky blue are too light on white paper.
pub const COLOURS: [&str; 5] = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "currentColor"];

/// Lines of a series: unbroken first.
const DASHES: [&str; 6] = ["", "7 3", "2 3", "9 3 2 3", "4 2", "12 4"];

/// The colour of the series with this number.
fn colour(series: usize) -> &'static str {
    COLOURS[series % COLOURS.len()]
}

/// Text as it may stand in HTML and SVG, between tags and in quoted attributes.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&#38;"),
            '<' => safe.push_str("&#60;"),
            '>' => safe.push_str("&#62;"),
            '"' => safe.push_str("&#34;"),
            '\'' => safe.push_str("&#39;"),
            _ => safe.push(letter),
        }
    }
    safe
}

/// A number for readers, with three or four digits that matter and a true minus sign.
#[must_use]
pub fn number(value: f64) -> String {
    let text = match value.abs() {
        _ if !value.is_finite() => return "not defined".to_owned(),
        0.0 => "0".to_owned(),
        x if !(5e-4..1e7).contains(&x) => format!("{value:.2e}"),
        x if x >= 1000.0 => format!("{value:.0}"),
        x if x >= 10.0 => format!("{value:.1}"),
        x if x >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    };
    text.replace('-', "\u{2212}")
}

/// How many values could not be drawn, as a sentence; nothing if all could.
fn left_out(all: usize, drawn: usize) -> String {
    match all - drawn {
        0 => String::new(),
        1 => " 1 value is not defined and left out.".to_owned(),
        n => format!(" {n} values are not defined and left out."),
    }
}

#[cfg(test)]
mod tests;
