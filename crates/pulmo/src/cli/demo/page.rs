//! The demonstration's page: one HTML file without scripts, with its pictures beside it.

use std::fmt::Write;

use pulmo::chart::{Curve, Titles, curves};
use pulmo::engine::demo::Report;
use pulmo::page::{frame, numbers, swatch};
use pulmo::picture::{PREDICTION, REFERENCE};

/// The page. `pictures` holds for each case the places of its pictures, relative to the page.
pub(super) fn html(report: &Report, pictures: &[Vec<String>]) -> String {
    let mut page = String::from("<h1>A network learns to find infiltrates</h1>\n");
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
    page += &figures_of(report);
    table(&mut page, report);
    figures(&mut page, report, pictures);
    page += "<h2>How it learnt</h2>\n<p>Mean training loss (soft Dice plus cross-entropy) of each epoch.</p>\n";
    let _ = write!(page, "<div class=\"charts\">\n{}</div>\n", curve(&report.training_loss));
    files(&mut page);
    frame("pulmo demo", &page)
}

fn figures_of(report: &Report) -> String {
    let memory = report
        .peak_memory_bytes
        .map_or("–".to_owned(), |bytes| format!("{:.2} GiB", bytes as f64 / f64::from(1 << 30)));
    numbers(&[
        (format!("{:.3}", report.mean.dice), "mean Dice of the network"),
        (format!("{:.3}", report.mean.hu_band_dice), "mean Dice of the best HU band"),
        (format!("{:.0} mL", report.mean.absolute_volume_error_ml), "mean volume error, either way"),
        (format!("{:.0} s", report.seconds[1]), "of training"),
        (memory, "of memory at most"),
    ])
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
    let points = losses.iter().enumerate().map(|(epoch, &loss)| ((epoch + 1) as f64, loss)).collect();
    let titles = Titles { title: "Training loss by epoch", x: "epoch", y: "loss" };
    curves(titles, &[Curve { name: "training loss", points }], &[])
}

fn files(page: &mut String) {
    page.push_str("<h2>What lies here</h2>\n<dl>\n");
    for (name, what) in [
        ("data/", "the synthetic CTs, their infiltrates and lungs, as NIfTI: any viewer opens them"),
        ("data.toml", "the list of these cases, as `pulmo train` reads it"),
        ("run/", "the training's folder: recipe, log of every step, checkpoint"),
        ("model.safetensors", "the trained network with its recipe and origin in one file"),
        ("predictions/", "mask and result of each held-out CT, as `pulmo segment` writes them"),
        ("demo.txt, .json", "the numbers above"),
        (
            "evaluation.json, .csv, .md, .tex, methods.md",
            "every metric of the held-out CTs, as `pulmo evaluate` writes them; `pulmo cohort . -o cohort.html` shows them",
        ),
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
    fn the_curve_runs_down_to_the_last_epoch() {
        let svg = curve(&[2.0, 1.0]);
        assert!(svg.contains("training loss: 2.00 at first, 1.00 at last."), "{svg}");
        assert!(svg.contains("training loss: 1.00 at 2.00"), "{svg}");
        assert!(curve(&[]).contains("<svg"), "no epoch, no panic");
    }
}
