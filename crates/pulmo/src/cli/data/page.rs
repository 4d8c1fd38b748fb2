//! The page of a fingerprint: histograms as SVG, tables, nothing from elsewhere.

use std::fmt::Write;

use pulmo::chart::{Titles, escape, histogram};
use pulmo::ct::dataset::DataList;
use pulmo::ct::dataset::fingerprint::{CaseFigures, Fingerprint};
use pulmo::page::{figure, frame};

use super::cases_of_patients;
use super::stats::{number, rows};

/// The whole page.
pub(super) fn page(list: &DataList, found: &Fingerprint) -> String {
    let name = escape(&found.name);
    let mut page = format!(
        "<h1>{name}</h1>\n<p>{}; {} without infiltrates.</p>\n<p class=\"notice\">{}</p>\n\
         <h2>How they are distributed</h2>\n<div class=\"charts\">\n",
        cases_of_patients(found.cases, found.patients),
        found.without_infiltrate,
        pulmo::RESEARCH_USE
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
        let titles = Titles { title, x: "", y: "cases" };
        page += &figure(title, &histogram(titles, &values));
    }
    page += "</div>\n<div class=\"scroll\"><table><tr><th></th><th>least</th><th>quarter</th><th>median</th>\
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
    page += "</table></div>\n<h2>Cases</h2>\n<div class=\"scroll\"><table><tr><th>case</th><th>split</th><th>site</th><th>voxels</th>\
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
    page += "</table></div>\n";
    for (what, words) in [
        ("Licence", &list.licence),
        ("Terms", &list.terms),
        ("Cite", &list.citation),
        ("From", &list.source),
        ("Note", &list.notes),
    ] {
        if !words.is_empty() {
            let _ = writeln!(page, "<p class=\"soft\"><b>{what}:</b> {}</p>", escape(words));
        }
    }
    frame(&found.name, &page)
}
