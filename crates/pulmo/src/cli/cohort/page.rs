//! The page: what it is of, then its parts in the order in which they are read.

use std::fmt::Write;

use pulmo::chart::escape;
use pulmo::ct::sentence::counted;
use pulmo::measure::statistics::Summary;
use pulmo::page::{frame_with, numbers, swatch};
use pulmo::picture::{PREDICTION, REFERENCE};

use super::model::{Cohort, title};
use super::table::shown;
use super::worst::Card;
use super::{charts, table};

/// The whole page.
pub(super) fn page(cohort: &Cohort, cards: &[Card<'_>]) -> String {
    let mut body = format!("<h1>{}</h1>\n<p>{}.</p>\n", escape(&cohort.title), escape(&cohort.sentence()));
    let _ = writeln!(body, "<p class=\"notice\">{}</p>", pulmo::RESEARCH_USE);
    body += &boxes(cohort);
    notes(&mut body, cohort);
    failed(&mut body, cohort);
    measured(&mut body, cohort);
    for (number, judged) in (1..).zip(&cohort.judged) {
        if cohort.judged.len() > 1 {
            body += &judged.heading(number, cohort.judged.len());
        }
        body += &judged.html();
    }
    worst(&mut body, cards);
    trainings(&mut body, cohort);
    if !cohort.rows.is_empty() {
        let class = if cohort.metrics.len() > table::UPRIGHT { " class=\"wide\"" } else { "" };
        let _ = write!(body, "<section{class}>\n<h2>Every case</h2>\n{}</section>\n", table::cases(cohort));
    }
    rules(&mut body, cohort);
    if !cohort.rows.is_empty() {
        let _ = write!(body, "<script>\n{}</script>\n", table::SCRIPT);
    }
    frame_with(&cohort.title, &[table::STYLE, STYLE].concat(), &body)
}

const STYLE: &str = "\
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,26rem),1fr));gap:1.4rem}
.card{background:var(--card);border-radius:.5rem;padding:.8rem 1rem}
.card h3{margin:0;overflow-wrap:anywhere}.card p{margin:.2rem 0 .6rem}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:.6rem;align-items:start}.pair img{width:100%;border-radius:.3rem;background:#000}
.pair figcaption{text-transform:capitalize}
@media print{.cards{grid-template-columns:1fr 1fr;gap:5mm}.card{break-inside:avoid;border:1px solid var(--line)}}";

fn boxes(cohort: &Cohort) -> String {
    let summary = |values: Vec<Option<f64>>| Summary::of(&values);
    let lesions = || cohort.rows.iter().filter(|row| !row.is_lung());
    let mut boxes = Vec::new();
    if let Some(dice) = summary(lesions().map(|row| row.get("dice")).collect()) {
        boxes.push((shown(Some(dice.mean), "1"), "mean Dice"));
        boxes.push((shown(Some(dice.median), "1"), "median Dice"));
    }
    let errors = lesions().map(|row| row.volume_error_ml().map(f64::abs)).collect();
    if let Some(error) = summary(errors) {
        boxes.push((format!("{} mL", shown(Some(error.median), "mL")), "median volume error, either way"));
    }
    if boxes.is_empty()
        && let Some(volume) = summary(lesions().map(|row| row.prediction_ml).collect())
    {
        boxes.push((format!("{} mL", shown(Some(volume.median), "mL")), "median volume"));
    }
    if !cohort.rows.is_empty() || !cohort.failed.is_empty() {
        let (with, without) = (cohort.cases(), cohort.failed.len());
        boxes.push((with.to_string(), if with == 1 { "case with numbers" } else { "cases with numbers" }));
        boxes.push((without.to_string(), if without == 1 { "case without numbers" } else { "cases without numbers" }));
    }
    if boxes.is_empty() { String::new() } else { numbers(&boxes) }
}

fn notes(body: &mut String, cohort: &Cohort) {
    if cohort.notes.is_empty() && cohort.models.is_empty() {
        return;
    }
    body.push_str("<h2>To know beforehand</h2>\n<ul>\n");
    for model in &cohort.models {
        let _ = writeln!(body, "<li>Masks by the model of the recipe {} (SHA-256).</li>", escape(model));
    }
    for note in &cohort.notes {
        let _ = writeln!(body, "<li>{}</li>", escape(note));
    }
    body.push_str("</ul>\n");
}

fn failed(body: &mut String, cohort: &Cohort) {
    if cohort.failed.is_empty() {
        return;
    }
    body.push_str(
        "<h2>Cases without numbers</h2>\n<p>They are in no mean and no chart.</p>\n<div class=\"scroll\"><table>\n\
         <thead><tr><th scope=\"col\">Case</th><th scope=\"col\" class=\"words\">Reason</th></tr></thead>\n<tbody>\n",
    );
    for case in &cohort.failed {
        let hint = case.hint.as_deref().map_or(String::new(), |hint| format!("; {hint}"));
        let reason = escape(&format!("{}{hint}", case.reason));
        let _ = writeln!(body, "<tr><td>{}</td><td class=\"words\">{reason}</td></tr>", escape(&case.case));
    }
    body.push_str("</tbody>\n</table></div>\n");
}

/// Numbers and charts, label by label.
fn measured(body: &mut String, cohort: &Cohort) {
    let labels = cohort.labels();
    for label in &labels {
        let of = if labels.len() > 1 { format!(": {}", escape(label)) } else { String::new() };
        if let Some(table) = table::summary(cohort, label) {
            let _ = write!(body, "<h2>Summary{of}</h2>\n{table}");
            body.push_str(
                "<p class=\"soft\">Each case counts once. Left out: cases where the quantity is not defined.</p>\n",
            );
        }
        let volumes = charts::volumes(cohort, label);
        if !volumes.is_empty() {
            let _ = write!(body, "<h2>Agreement of volumes{of}</h2>\n<div class=\"charts\">\n{volumes}</div>\n");
            body.push_str(charts::VOLUMES_NOTE);
            if cohort.patients() < cohort.cases() + cohort.failed.len() {
                body.push_str(
                    "<p class=\"soft\">Some patients have several cases: the limits mix what differs between patients \
                     and within them.</p>\n",
                );
            }
        }
        let _ = write!(
            body,
            "<h2>Distributions{of}</h2>\n<div class=\"charts\">\n{}</div>\n\
             <p class=\"soft\">Dashed: median. Boxes reach from the first to the third quartile with the median as a \
             heavy line, thin lines to the least and the largest value; every dot is a case.</p>\n",
            charts::distributions(cohort, label)
        );
    }
}

fn worst(body: &mut String, cards: &[Card<'_>]) {
    if cards.is_empty() {
        return;
    }
    body.push_str("<h2>Cases to look at first</h2>\n");
    if cards.iter().any(|card| !card.pictures.is_empty()) {
        let _ = writeln!(
            body,
            "<p>{} reference, {} prediction, in the slices where they differ most. Lung window; the patient's right (R) \
             is on the left.</p>",
            swatch(REFERENCE),
            swatch(PREDICTION)
        );
    } else {
        body.push_str("<p class=\"soft\">Pictures appear here with <code>--data</code> and the predicted masks.</p>\n");
    }
    body.push_str("<div class=\"cards\">\n");
    for card in cards {
        let case = escape(&card.row.case);
        let _ = write!(
            body,
            "<article class=\"card\"><h3>{case}</h3>\n<p>{}: Dice {}, reference {} mL, prediction {} mL{}</p>\n",
            card.why.join(" · "),
            shown(card.row.get("dice"), "1"),
            shown(card.row.reference_ml, "mL"),
            shown(card.row.prediction_ml, "mL"),
            card.problem.map_or(String::new(), |problem| format!("; {problem}"))
        );
        if !card.pictures.is_empty() {
            body.push_str("<div class=\"pair\">");
            for picture in &card.pictures {
                let _ = write!(
                    body,
                    "<figure><img src=\"data:image/png;base64,{}\" alt=\"{} slice of {case} with the contours of \
                     reference and prediction\"><figcaption>{}</figcaption></figure>",
                    picture.png, picture.view, picture.view
                );
            }
            body.push_str("</div>\n");
        }
        body.push_str("</article>\n");
    }
    body.push_str("</div>\n");
}

fn trainings(body: &mut String, cohort: &Cohort) {
    for run in &cohort.runs {
        let _ = writeln!(body, "<h2>Training: {}</h2>", escape(&run.name));
        let Some(last) = run.epochs.last() else {
            body.push_str("<p>No epoch is finished yet.</p>\n");
            continue;
        };
        let of = if last.epochs > last.epoch { format!(" of {}", last.epochs) } else { String::new() };
        let best = match run.best() {
            Some(best) if best.validation.is_some() => format!("; epoch {} was the best", best.epoch),
            _ if run.epochs.iter().all(|epoch| epoch.validation.is_none()) => "; nothing was validated".to_owned(),
            _ => String::new(),
        };
        let hours = run.epochs.iter().map(|epoch| epoch.seconds).sum::<f64>() / 3600.0;
        let _ = write!(
            body,
            "<p>{} in {hours:.1} hours{best}.</p>\n<div class=\"charts\">\n{}</div>\n",
            if of.is_empty() { counted(last.epoch, "epoch", "epochs") } else { format!("{}{of} epochs", last.epoch) },
            charts::learning(run)
        );
    }
}

fn rules(body: &mut String, cohort: &Cohort) {
    let with_rule: Vec<_> = cohort.metrics.iter().filter(|metric| !metric.rule.is_empty()).collect();
    if with_rule.is_empty() {
        return;
    }
    body.push_str("<h2>What the numbers mean</h2>\n<dl>\n");
    for metric in with_rule {
        let unit = if metric.unit == "1" { String::new() } else { format!(" ({})", escape(&metric.unit)) };
        let _ = writeln!(body, "<dt>{}{unit}</dt><dd>{}</dd>", escape(&title(&metric.name)), escape(&metric.rule));
    }
    body.push_str("</dl>\n");
}
