//! Colours that must be told apart, judged as colour-blind eyes see them: Machado, Oliveira and Fernandes' simulation
//! (IEEE Transactions on Visualization and Computer Graphics, 2009) of eyes that lack one kind of cone, and the
//! difference CIEDE2000 of what is seen. Only tests need it.

use crate::chart::COLOURS;
use crate::picture::{OUTLINE, PREDICTION, REFERENCE};
use crate::report::figure;

type Rgb = [u8; 3];
type Matrix = [[f64; 3]; 3];

/// Eyes without green, red and blue cones, on linear RGB; first the usual ones.
const EYES: [(&str, Matrix); 4] = [
    ("usual", [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
    (
        "deuteranopia",
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    ),
    ("protanopia", [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]),
    ("tritanopia", [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]),
];
/// CIE XYZ of linear sRGB (IEC 61966-2-1).
const XYZ: Matrix = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]];
/// The chromaticity of its white, D65.
const WHITE: [f64; 2] = [0.3127, 0.3290];

/// Thin lines and small marks: 1 is just seen where areas touch, and 10 at a glance. Shape and dash tell them too.
const MARKS_DIFFER: f64 = 10.0;
/// Contours on a CT and filled areas, which nothing but colour and place tells.
const AREAS_DIFFER: f64 = 25.0;

fn times(matrix: Matrix, vector: [f64; 3]) -> [f64; 3] {
    matrix.map(|row| row.iter().zip(vector).map(|(a, b)| a * b).sum())
}

/// CIE L*a*b* of a colour as some eyes see it.
fn lab(colour: Rgb, eyes: Matrix) -> [f64; 3] {
    let linear = colour.map(|part| {
        let value = f64::from(part) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    });
    let seen = times(eyes, linear).map(|part| part.clamp(0.0, 1.0));
    let white = [WHITE[0] / WHITE[1], 1.0, (1.0 - WHITE[0] - WHITE[1]) / WHITE[1]];
    let xyz = times(XYZ, seen);
    let [x, y, z] = std::array::from_fn(|k| {
        let part: f64 = xyz[k] / white[k];
        if part > (6.0_f64 / 29.0).powi(3) { part.cbrt() } else { part * 841.0 / 108.0 + 4.0 / 29.0 }
    });
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

/// CIEDE2000 of two colours in L*a*b* (Sharma, Wu and Dalal, Color Research & Application, 2005).
fn difference([l1, a1, b1]: [f64; 3], [l2, a2, b2]: [f64; 3]) -> f64 {
    let pull = |chroma: f64| (chroma.powi(7) / (chroma.powi(7) + 25.0_f64.powi(7))).sqrt();
    let stretch = 1.0 + 0.5 * (1.0 - pull(0.5 * (a1.hypot(b1) + a2.hypot(b2))));
    let [(c1, h1), (c2, h2)] = [(a1, b1), (a2, b2)].map(|(a, b)| {
        let a = a * stretch;
        (a.hypot(b), b.atan2(a).to_degrees().rem_euclid(360.0))
    });
    let is_grey = c1 * c2 == 0.0;
    let turn = if is_grey { 0.0 } else { (h2 - h1 + 180.0).rem_euclid(360.0) - 180.0 };
    let hue_step = 2.0 * (c1 * c2).sqrt() * (0.5 * turn).to_radians().sin();
    let hue = if is_grey { h1 + h2 } else { (h1 + 0.5 * turn).rem_euclid(360.0) };
    let (lightness, chroma) = (0.5 * (l1 + l2), 0.5 * (c1 + c2));
    let cos = |factor: f64, shift: f64| (factor * hue - shift).to_radians().cos();
    let t = 1.0 - 0.17 * cos(1.0, 30.0) + 0.24 * cos(2.0, 0.0) + 0.32 * cos(3.0, -6.0) - 0.20 * cos(4.0, 63.0);
    let off = (lightness - 50.0).powi(2);
    let l = (l2 - l1) / (1.0 + 0.015 * off / (20.0 + off).sqrt());
    let c = (c2 - c1) / (1.0 + 0.045 * chroma);
    let h = hue_step / (1.0 + 0.015 * chroma * t);
    let blue = 30.0 * (-((hue - 275.0) / 25.0).powi(2)).exp();
    let turned = -2.0 * pull(chroma) * (2.0 * blue).to_radians().sin();
    (l * l + c * c + h * h + turned * c * h).sqrt()
}

#[derive(serde::Deserialize)]
struct Truth {
    colours: [Rgb; 2],
    eyes: String,
    lab: [[f64; 3]; 2],
    ciede2000: f64,
}

#[test]
fn colours_are_seen_as_colour_science_says() {
    let truths: Vec<Truth> = serde_json::from_str(include_str!("../../../oracles/colours/truth.json")).unwrap();
    for truth in truths {
        let (_, eyes) = EYES.into_iter().find(|(name, _)| *name == truth.eyes).unwrap();
        let seen = truth.colours.map(|colour| lab(colour, eyes));
        for (found, expected) in seen.as_flattened().iter().zip(truth.lab.as_flattened()) {
            assert!((found - expected).abs() < 1e-6, "{:?} by {}: {found} {expected}", truth.colours, truth.eyes);
        }
        let found = difference(seen[0], seen[1]);
        assert!((found - truth.ciede2000).abs() < 1e-6, "{:?} by {}: {found}", truth.colours, truth.eyes);
    }
}

/// Fails if two of the colours are closer than `least` for any eyes.
#[track_caller]
fn are_told_apart(colours: &[Rgb], least: f64) {
    for (name, eyes) in EYES {
        for (at, &one) in colours.iter().enumerate() {
            for &other in &colours[at + 1..] {
                let found = difference(lab(one, eyes), lab(other, eyes));
                assert!(found >= least, "{one:?} and {other:?} differ by {found:.1} for {name}, less than {least}");
            }
        }
    }
}

fn of_hex(hex: &str) -> Rgb {
    std::array::from_fn(|part| u8::from_str_radix(&hex[2 * part + 1..2 * part + 3], 16).unwrap())
}

#[test]
fn series_of_charts_are_told_apart_on_white_and_black_pages() {
    let named: Vec<Rgb> = COLOURS.iter().filter(|colour| colour.starts_with('#')).map(|hex| of_hex(hex)).collect();
    assert_eq!(named.len() + 1, COLOURS.len(), "and the colour of the text");
    for text in ["ink:#1c2329", "ink:#e6eaed", "ink:#000"] {
        assert!(crate::page::frame("", "").contains(text), "the page's texts have other colours");
    }
    for text in [of_hex("#1c2329"), of_hex("#e6eaed"), [0; 3]] {
        are_told_apart(&[named.clone(), vec![text]].concat(), MARKS_DIFFER);
    }
}

#[test]
fn contours_and_areas_are_told_apart() {
    are_told_apart(&[REFERENCE, PREDICTION], AREAS_DIFFER);
    are_told_apart(&[OUTLINE, PREDICTION], AREAS_DIFFER);
    are_told_apart(&[figure::LUNG, figure::OPACITY, figure::INK], AREAS_DIFFER);
    are_told_apart(&[[255; 3], figure::OPACITY, figure::INK], AREAS_DIFFER);
}

/// What the palette is chosen against: red and green of the same lightness.
#[test]
#[should_panic(expected = "for deuteranopia")]
fn red_and_green_are_not_told_apart() {
    are_told_apart(&[[170, 60, 60], [110, 100, 40]], MARKS_DIFFER);
}
