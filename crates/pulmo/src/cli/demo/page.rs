//! The demonstration's page: one HTML file without scripts, with its pictures beside it.

use std::fmt::Write;

use pulmo::engine::demo::Report;
use pulmo::picture::{PREDICTION, REFERENCE};

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1c2329;--soft:#5c6770;--line:#d9dee2;--paper:#fff;--card:#f5f7f8;--blue:#0b6fb0}
@media(prefers-color-scheme:dark){:root{--ink:#e6eaed;--soft:#9aa5ae;--line:#323a41;--paper:#14181b;--card:#1d2327;--blue:#6bb9ee}}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,sans-serif}
main{max-width:60rem;margin:0 auto;padding:2rem 1.2rem 4rem}
h1{font-size:1.7rem;margin:0 0 .3rem}h2{font-size:1.15rem;margin:2.4rem 0 .6rem}
p{max-width:44rem}.soft{color:var(--soft)}
.notice{border-left:4px solid #c9302c;background:var(--card);padding:.6rem 1rem;margin:1.2rem 0}
.numbers{display:flex;flex-wrap:wrap;gap:.8rem;margin:1.2rem 0}
.numbers div{background:var(--card);border-radius:.5rem;padding:.7rem 1.1rem;flex:1 1 9rem}
.numbers b{display:block;font-size:1.6rem;font-variant-numeric:tabular-nums}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:.4rem .8rem;border-bottom:1px solid var(--line);text-align:right}
th:first-child,td:first-child{text-align:left}tfoot td{font-weight:600}
figure{margin:0}.pictures{display:grid;grid-template-columns:repeat(auto-fit,minmax(17rem,1fr));gap:1rem;margin-bottom:1rem}
img{width:100%;border-radius:.4rem;background:#000}figcaption{font-size:.85rem;color:var(--soft)}
.key{display:inline-block;width:.9em;height:.9em;border-radius:.2em;vertical-align:-.1em}
svg{width:100%;max-width:44rem;height:auto}svg text{fill:var(--soft);font:12px system-ui,sans-serif}
code{background:var(--card);padding:.1em .3em;border-radius:.25em}dt{font-weight:600;margin-top:.5rem}dd{margin:0;color:var(--soft)}";

/// The page. `pictures` holds for each case the places of its pictures, relative to the page.
pub(super) fn html(report: &Report, pictures: &[Vec<String>]) -> String {
    let mut page = String::from("<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n");
    page += "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>pulmo demo</title>\n";
    let _ = write!(page, "<style>{STYLE}</style>\n<main>\n<h1>A network learns to find infiltrates</h1>\n");
    let [slices, rows, columns] = report.shape;
    let _ = writeln!(
        page,
        "<p>{} synthetic thorax CTs of {slices} × {rows} × {columns} voxels were drawn; a 3D U-Net with {} parameters \
         learnt from them on this computer and was judged on {} others it had not seen.</p>",
        report.training_cases,
        report.parameters,
        report.cases.len()
    );
    if report.shuffled_masks {
        page += "<p><b>This is the control:</b> every training CT had the mask of another one. There was nothing to \
                 learn, so a low Dice is the right result.</p>\n";
    }
    let _ = writeln!(page, "<p class=\"notice\">{}</p>", report.notice);
    numbers(&mut page, report);
    table(&mut page, report);
    figures(&mut page, report, pictures);
    page += "<h2>How it learnt</h2>\n<p>Mean training loss (soft Dice plus cross-entropy) of each epoch.</p>\n";
    page += &curve(&report.training_loss);
    files(&mut page);
    page += "</main>\n</html>\n";
    page
}

fn numbers(page: &mut String, report: &Report) {
    let memory = report
        .peak_memory_bytes
        .map_or("–".to_owned(), |bytes| format!("{:.2} GiB", bytes as f64 / f64::from(1 << 30)));
    let boxes = [
        (format!("{:.3}", report.mean.dice), "mean Dice of the network"),
        (format!("{:.3}", report.mean.hu_band_dice), "mean Dice of the best HU band"),
        (format!("{:.0} mL", report.mean.absolute_volume_error_ml), "mean volume error, either way"),
        (format!("{:.0} s", report.seconds[1]), "of training"),
        (memory, "of memory at most"),
    ];
    page.push_str("<div class=\"numbers\">\n");
    for (number, what) in boxes {
        let _ = writeln!(page, "<div><b>{number}</b>{what}</div>");
    }
    page.push_str("</div>\n");
}

fn table(page: &mut String, report: &Report) {
    page.push_str(
        "<h2>Case by case</h2>\n<div class=\"scroll\"><table>\n<thead><tr><th>Held-out CT<th>Dice<th>Dice of the best \
         HU band<th>Drawn (mL)<th>Found (mL)</tr></thead>\n<tbody>\n",
    );
    for case in &report.cases {
        let dice = case.dice.map_or("–".to_owned(), |dice| format!("{dice:.3}"));
        let _ = writeln!(
            page,
            "<tr><td>{}<td>{dice}<td>{:.3}<td>{:.1}<td>{:.1}</tr>",
            case.case, case.hu_band_dice, case.reference_ml, case.prediction_ml
        );
    }
    let _ = write!(
        page,
        "</tbody>\n<tfoot><tr><td>Mean<td>{:.3}<td>{:.3}<td><td></tr></tfoot>\n</table></div>\n",
        report.mean.dice, report.mean.hu_band_dice
    );
    let _ = writeln!(
        page,
        "<p class=\"soft\">Dice: twice the shared voxels over the sum of both masks, on the CT's own grid; 1 is perfect. \
         The HU band ({}) was fitted to these very cases and is given the true lungs, which the network is not. \
         Phantoms, not patients: no number here compares with a published one.</p>",
        report.hu_band.replace("<", "&lt;")
    );
}

fn figures(page: &mut String, report: &Report, pictures: &[Vec<String>]) {
    let swatch = |[red, green, blue]: [u8; 3]| {
        format!("<span class=\"key\" style=\"background:rgb({red},{green},{blue})\"></span>")
    };
    let _ = writeln!(
        page,
        "<h2>What it sees</h2>\n<p>{} drawn, {} found by the network. Lung window; the patient's right (R) is on the \
         left, as radiologists look at it.</p>",
        swatch(REFERENCE),
        swatch(PREDICTION)
    );
    for (case, names) in report.cases.iter().zip(pictures) {
        page.push_str("<div class=\"pictures\">\n");
        for name in names {
            let view = if name.contains("axial") { "axial" } else { "coronal" };
            let _ = writeln!(
                page,
                "<figure><img src=\"{name}\" alt=\"{view} slice of {} with both masks\"><figcaption>{}, {view}: the \
                 slice with most infiltrate</figcaption></figure>",
                case.case, case.case
            );
        }
        page.push_str("</div>\n");
    }
}

/// The loss curve as SVG.
fn curve(losses: &[f64]) -> String {
    let (width, height, left, bottom) = (640.0, 220.0, 44.0, 28.0);
    let highest = losses.iter().copied().fold(0.0, f64::max).max(1e-9);
    let last = (losses.len().max(2) - 1) as f64;
    let x = |epoch: usize| left + (width - left - 10.0) * epoch as f64 / last;
    let y = |loss: f64| 10.0 + (height - bottom - 10.0) * (1.0 - loss / highest);
    let mut svg =
        format!("<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"training loss by epoch\">\n");
    for step in 0..=4 {
        let loss = highest * f64::from(step) / 4.0;
        let at = y(loss);
        let _ = writeln!(
            svg,
            "<line x1=\"{left}\" x2=\"{width}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"var(--line)\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{loss:.2}</text>",
            left - 6.0,
            at + 4.0
        );
    }
    let points: Vec<String> =
        losses.iter().enumerate().map(|(epoch, &loss)| format!("{:.1},{:.1}", x(epoch), y(loss))).collect();
    let _ = writeln!(
        svg,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"var(--blue)\" stroke-width=\"2.5\"/>",
        points.join(" ")
    );
    let base = height - 8.0;
    let _ = writeln!(
        svg,
        "<text x=\"{left}\" y=\"{base}\">epoch 1</text><text x=\"{}\" y=\"{base}\" text-anchor=\"end\">epoch {}</text></svg>",
        width - 10.0,
        losses.len()
    );
    svg
}

fn files(page: &mut String) {
    page.push_str("<h2>What lies here</h2>\n<dl>\n");
    for (name, what) in [
        ("data/", "the synthetic CTs, their infiltrates and lungs, as NIfTI: any viewer opens them"),
        ("data.toml", "the list of these cases, as `pulmo train` reads it"),
        ("run/", "the training's folder: recipe, log of every step, checkpoint"),
        ("model.safetensors", "the trained network with its recipe and origin in one file"),
        ("predictions/", "mask and result of each held-out CT, as `pulmo segment` writes them"),
        ("evaluation.csv, .json, .txt", "the table above"),
        ("pictures/", "the pictures above"),
    ] {
        let mut what = what.to_owned();
        while what.contains('`') {
            what = what.replacen('`', "<code>", 1).replacen('`', "</code>", 1);
        }
        let _ = writeln!(page, "<dt><code>{name}</code></dt><dd>{what}</dd>");
    }
    page.push_str(
        "</dl>\n<p>Try the model yourself:</p>\n<p><code>pulmo segment data/held_out/images/*.nii.gz -m model.safetensors \
         -o masks --pictures</code><br><code>pulmo evaluate masks data/held_out/labels</code></p>\n",
    );
}

#[cfg(test)]
mod tests {
    use pulmo::engine::demo::{CaseScore, Mean};

    use super::*;

    fn report() -> Report {
        Report {
            notice: pulmo::RESEARCH_USE,
            shuffled_masks: false,
            training_cases: 12,
            shape: [24, 96, 96],
            spacing_mm: [10.0, 3.6, 3.6],
            cases: vec![CaseScore {
                case: "held_out_01".into(),
                dice: Some(0.876),
                hu_band_dice: 0.345,
                reference_ml: 250.0,
                prediction_ml: 260.0,
            }],
            mean: Mean { dice: 0.876, hu_band_dice: 0.345, absolute_volume_error_ml: 10.0 },
            hu_band: "-650 to 0 HU".into(),
            training_loss: vec![1.5, 0.75, 0.3],
            parameters: 12345,
            seconds: [1.0, 60.0, 2.0],
            peak_memory_bytes: Some(1 << 30),
            model_sha256: "abc".into(),
        }
    }

    #[test]
    fn the_page_stands_alone_and_says_what_matters() {
        let page = html(&report(), &[vec!["pictures/held_out_01_axial.png".into()]]);
        for part in [
            "Not for diagnosis",
            "0.876",
            "0.345",
            "1.00 GiB",
            "pictures/held_out_01_axial.png",
            "prefers-color-scheme",
            "<svg",
        ] {
            assert!(page.contains(part), "{part}");
        }
        assert!(!page.contains("http") && !page.contains("<script") && !page.contains('`'));
        assert!(!page.contains("This is the control"));
        let control = Report { shuffled_masks: true, ..report() };
        assert!(html(&control, &[]).contains("This is the control"));
    }

    #[test]
    fn the_curve_runs_from_the_top_left_to_the_last_epoch() {
        let svg = curve(&[2.0, 1.0]);
        assert!(svg.contains("points=\"44.0,10.0 630.0,101.0\""), "{svg}");
        assert!(curve(&[]).contains("<svg"), "no epoch, no panic");
    }
}
