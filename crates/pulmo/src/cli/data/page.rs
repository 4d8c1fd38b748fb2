//! The page of a fingerprint: histograms as SVG, tables, nothing from elsewhere.

use std::fmt::Write;

use pulmo::ct::dataset::DataList;
use pulmo::ct::dataset::fingerprint::{CaseFigures, Fingerprint};

use super::stats::{number, rows};

/// Bars of a histogram.
const BARS: usize = 20;
/// Size of a figure in pixels.
const SIZE: [usize; 2] = [360, 150];

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:74rem;margin:2rem auto;padding:0 1rem;color:#1c2733}\
    figure{display:inline-block;margin:0 1.5rem 1.5rem 0}figcaption{font-weight:600}table{border-collapse:collapse}\
    td,th{padding:.15rem .7rem;text-align:right;border-bottom:1px solid #d8dee4}td:first-child,th:first-child{text-align:left}\
    rect{fill:#3a7ca5}text{font:11px system-ui,sans-serif;fill:#51606d}.note{color:#51606d}";

/// The whole page.
pub(super) fn page(list: &DataList, found: &Fingerprint) -> String {
    let name = escape(&found.name);
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>{name}</title><style>{STYLE}</style></head><body>\n<h1>{name}</h1>\n\
         <p>{} cases of {} patients; {} without infiltrates.</p>\n",
        found.cases, found.patients, found.without_infiltrate
    );
    let along = |value: &dyn Fn(&CaseFigures) -> f64| found.figures.iter().map(value).collect::<Vec<f64>>();
    let medians: Vec<f64> = found.figures.iter().filter_map(|one| Some(one.infiltrate_intensity?[1])).collect();
    for (title, values) in [
        ("Distance of slices (mm)", along(&|one| one.spacing_mm[0])),
        ("Distance of columns (mm)", along(&|one| one.spacing_mm[2])),
        ("Slices", along(&|one| one.shape[0] as f64)),
        ("Extent from feet to head (mm)", along(&|one| one.size_mm[0])),
        ("Infiltrate (mL)", along(&|one| one.infiltrate_ml)),
        ("Median intensity of infiltrates", medians),
        ("Lowest intensity (0.5 % below)", along(&|one| one.intensity[0])),
        ("Highest intensity (99.5 % below)", along(&|one| one.intensity[2])),
    ] {
        page += &figure(title, &values);
    }
    page += "\n<h2>Distributions</h2>\n<table><tr><th></th><th>least</th><th>quarter</th><th>median</th>\
             <th>three quarters</th><th>most</th><th>mean</th></tr>\n";
    for (what, summary) in rows(found) {
        let values = [
            summary.minimum,
            summary.lower_quartile,
            summary.median,
            summary.upper_quartile,
            summary.maximum,
            summary.mean,
        ];
        let cells: String = values.iter().map(|value| format!("<td>{}</td>", number(*value))).collect();
        let _ = writeln!(page, "<tr><td>{what}</td>{cells}</tr>");
    }
    page += "</table>\n<h2>Cases</h2>\n<table><tr><th>case</th><th>split</th><th>site</th><th>voxels</th>\
             <th>spacing (mm)</th><th>infiltrate (mL)</th><th>lungs (mL)</th></tr>\n";
    for one in &found.figures {
        let ([a, b, c], [x, y, z]) = (one.shape, one.spacing_mm);
        let lungs = one.lung_ml.map_or("-".to_owned(), |ml| format!("{ml:.0}"));
        let _ = writeln!(
            page,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{a} x {b} x {c}</td><td>{x:.2} x {y:.3} x {z:.3}</td>\
             <td>{:.1}</td><td>{lungs}</td></tr>",
            escape(&one.name),
            one.split.name(),
            escape(&one.site),
            one.infiltrate_ml
        );
    }
    page += "</table>\n";
    for (what, words) in [
        ("Licence", &list.licence),
        ("Terms", &list.terms),
        ("Cite", &list.citation),
        ("From", &list.source),
        ("Note", &list.notes),
    ] {
        if !words.is_empty() {
            let _ = writeln!(page, "<p class=\"note\"><b>{what}:</b> {}</p>", escape(words));
        }
    }
    let _ = write!(page, "<p class=\"note\">{}</p>\n</body></html>\n", pulmo::RESEARCH_USE);
    page
}

/// A histogram with its least and largest value, and its number of values.
fn figure(title: &str, values: &[f64]) -> String {
    let [width, height] = SIZE;
    let (low, high) =
        values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &x| (low.min(x), high.max(x)));
    let mut text = format!(
        "<figure><figcaption>{title}</figcaption><svg width=\"{width}\" height=\"{height}\" role=\"img\" \
         aria-label=\"{title}: {} values\">",
        values.len()
    );
    if values.is_empty() {
        return text + "<text x=\"10\" y=\"40\">none</text></svg></figure>\n";
    }
    let mut bars = [0_usize; BARS];
    for value in values {
        let part = if high > low { (value - low) / (high - low) } else { 0.5 };
        bars[((part * BARS as f64) as usize).min(BARS - 1)] += 1;
    }
    let tallest = bars.iter().copied().max().unwrap_or(1).max(1);
    let (plot, step) = (height - 34, width as f64 / BARS as f64);
    for (at, count) in bars.into_iter().enumerate().filter(|(_, count)| *count > 0) {
        let tall = (count as f64 / tallest as f64 * plot as f64).max(1.0);
        let _ = write!(
            text,
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{tall:.1}\"><title>{count}</title></rect>",
            at as f64 * step + 1.0,
            14.0 + plot as f64 - tall,
            step - 2.0
        );
    }
    let _ = writeln!(
        text,
        "<text x=\"2\" y=\"10\">{tallest}</text><text x=\"2\" y=\"{0}\">{1}</text>\
         <text x=\"{width}\" y=\"{0}\" text-anchor=\"end\">{2}</text></svg></figure>",
        height - 4,
        number(low),
        number(high)
    );
    text
}

fn escape(text: &str) -> String {
    text.replace('&', "&#38;").replace('<', "&#60;").replace('>', "&#62;").replace('"', "&#34;")
}
