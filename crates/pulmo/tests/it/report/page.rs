//! What a report says of a phantom, in every format.

use pulmo::ct::format::{write_label_map, write_volume};
use pulmo::ct::{CtVolume, LabelMap};
use pulmo::report::document::LungMaker;
use pulmo::report::{Language, Report};

use super::{Case, must_succeed, pages};
use crate::evaluate_schema::must_fit;

#[test]
fn a_report_says_what_was_drawn_in_every_format() {
    let case = Case::new();
    must_succeed(&case.report("a", &["--percent-rule", "all"]));
    let report: Report = serde_json::from_str(&case.text("a/report.json")).unwrap();
    let exact = case.phantom.exact;
    assert_eq!(report.schema, Report::SCHEMA);
    assert!((report.quantities.opacity.total_ml - exact.infiltrate_ml).abs() < 1e-3);
    let share = 100.0 * exact.infiltrate_ml / exact.lung_ml;
    assert_eq!(report.quantities.involvement.len(), 3);
    assert!((report.quantities.involvement[0].percent - share).abs() < 1e-3);
    let cut = &report.quantities.attenuation.as_ref().unwrap().cuts[0];
    assert!((cut.higher_ml + cut.lower_ml - exact.infiltrate_ml).abs() < 1e-3);
    let right = report.quantities.region("right").unwrap();
    assert!((right.opacity_ml - exact.right_infiltrate_ml).abs() < 1e-3, "the patient's right is the right");

    let score = report.quantities.score("height_thirds24").unwrap();
    let points: Vec<String> = score.parts.iter().map(|part| part.points.to_string()).collect();
    let (left, right) = (points[..3].join("+"), points[3..].join("+"));
    assert!(score.parts[..3].iter().all(|part| part.region.starts_with("left_")), "{:?}", score.parts);
    let sides = format!("{} of 24 (Right {right}, Left {left})", score.points);
    assert!(case.text("a/report.md").contains(&sides), "{sides}");
    let html = case.text("a/report.html");
    let written = pulmo::report::Language::English.ml(exact.infiltrate_ml);
    assert!(html.contains(&written), "{written}");
    let lower = pulmo::report::Language::English.ml(cut.lower_ml);
    assert!(html.contains(&format!("lower attenuation (mostly ground-glass), below: {lower}")), "{lower}");
    assert!(case.text("a/report.md").contains(&written));
    let csv = case.text("a/report.csv");
    let lines: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!((lines.len(), lines[0].len()), (2, lines[1].len()));
    let cell = |name: &str| lines[1][lines[0].iter().position(|column| *column == name).unwrap()];
    let number = |name: &str| cell(name).parse::<f64>().unwrap();
    assert!((number("opacity_ml") - exact.infiltrate_ml).abs() < 1e-3);
    assert_eq!([number("below_-300_hu_ml"), number("from_-300_hu_ml")], [cut.lower_ml, cut.higher_ml]);
    assert_eq!(number("from_-300_hu_percent"), cut.higher_percent);
    assert_eq!([cell("earlier_opacity_ml"), cell("change_opacity_ml"), cell("follow_up_flags")], [""; 3]);
    let pdf = std::fs::read(case.at("a/report.pdf")).unwrap();
    assert!(pdf.starts_with(b"%PDF-"));
    assert_eq!(pages(&pdf), 2);
}

#[test]
fn the_page_needs_nothing_from_elsewhere() {
    let case = Case::new();
    must_succeed(&case.report("a", &[]));
    let html = case.text("a/report.html");
    for banned in ["http", "<script", "@import", "url(", "src=\"/", "<link", "onload", "COVID", "neumonia", "severe"] {
        assert!(!html.contains(banned), "`{banned}` in the page");
    }
    for id in ["flags", "pictures", "involvement", "levels", "regions", "quantities", "scores", "left_out", "done"] {
        assert!(html.contains(&format!("id=\"{id}\"")), "`{id}` is missing");
    }
    assert_eq!(html.matches("src=\"data:image/png;base64,").count(), 3, "axial, coronal, sagittal");
    assert!(html.contains(pulmo::RESEARCH_USE) && html.contains("@page{size:A4"));
}

#[test]
fn the_same_input_gives_the_same_bytes_and_nothing_is_replaced_unasked() {
    let case = Case::new();
    must_succeed(&case.report("a", &[]));
    must_succeed(&case.report("b", &[]));
    for name in ["report.html", "report.json", "report.csv", "report.md", "report.pdf"] {
        assert!(
            std::fs::read(case.at("a").join(name)).unwrap() == std::fs::read(case.at("b").join(name)).unwrap(),
            "{name}"
        );
    }
    let again = case.report("a", &[]);
    assert_eq!(again.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&again.stderr).contains("--force"));
    must_succeed(&case.report("a", &["--force", "--format", "html"]));
}

#[test]
fn an_empty_mask_and_a_missing_lung_are_said_plainly() {
    let case = Case::new();
    let grid = *case.phantom.volume.grid();
    write_label_map(&case.at("mask.nii.gz"), &LabelMap::new(grid, vec![0; grid.voxels()]).unwrap()).unwrap();
    must_succeed(&case.report("empty", &[]));
    must_fit("report", &case.text("empty/report.json"));
    assert!(case.text("empty/report.html").contains("An empty mask does not prove clear lungs"));

    let left = case.phantom.lungs.labels().iter().map(|&label| u8::from(label == 1)).collect();
    write_label_map(&case.at("lungs.nii.gz"), &LabelMap::new(grid, left).unwrap()).unwrap();
    let air = CtVolume::new(grid, vec![40.0; grid.voxels()]).unwrap();
    write_volume(&case.at("ct.nii.gz"), &air).unwrap();
    write_label_map(&case.at("lungs.nii.gz"), &LabelMap::new(grid, vec![0; grid.voxels()]).unwrap()).unwrap();
    must_succeed(&case.report("failed", &["--language", "de"]));
    must_fit("report", &case.text("failed/report.json"));
    let html = case.text("failed/report.html");
    assert!(html.contains("Anteile an der Lunge, Regionen und Scores werden nicht angegeben."));
    assert!(!html.contains("id=\"regions\"") && !html.contains("id=\"scores\""), "suppressed, not footnoted");
}

#[test]
fn what_is_declared_not_to_be_hu_has_no_attenuation() {
    let case = Case::new();
    must_succeed(&case.report("hu", &[]));
    must_succeed(&case.report("grey", &["--not-hu"]));
    let [hu, grey] = ["hu", "grey"]
        .map(|folder| -> Report { serde_json::from_str(&case.text(&format!("{folder}/report.json"))).unwrap() });
    let is_flagged = |report: &Report| report.quantities.flags.iter().any(|flag| flag.id == "not_hu");
    assert!(hu.quantities.attenuation.is_some() && !is_flagged(&hu), "the phantom holds air, so it is taken for HU");
    assert!(grey.quantities.attenuation.is_none() && is_flagged(&grey));
    assert_eq!(grey.quantities.attenuation_left_out.as_ref().unwrap().reason_id, "not_hu");
    assert_eq!(grey.quantities.opacity, hu.quantities.opacity, "volumes do not need HU");
    assert_eq!(grey.quantities.involvement, hu.quantities.involvement);
    assert!(case.text("hu/report.html").contains("Higher attenuation"));
    assert!(!case.text("grey/report.html").contains("Higher attenuation"));
}

#[test]
fn what_counts_as_lung_is_said_of_each_kind_of_mask() {
    let case = Case::new();
    must_succeed(&case.report("given", &[]));
    let given: Report = serde_json::from_str(&case.text("given/report.json")).unwrap();
    let mut found = given.clone();
    found.lungs.as_mut().unwrap().maker = LungMaker::Threshold;
    let mut own = given.clone();
    own.lungs.as_mut().unwrap().maker = LungMaker::Model;
    for (report, english, german) in [
        (
            &given,
            "of the given lung mask; consolidation and fluid count where",
            "der gegebenen Lungenmaske; Konsolidierung",
        ),
        (&found, "fluid inside as far as they were found, windpipe", "soweit sie gefunden wurden, ohne Luftröhre"),
        (&own, "that the model marks, lung and opacity", "die das Modell markiert, Lunge und Verdichtungen"),
    ] {
        for (language, rule) in [(Language::English, english), (Language::German, german)] {
            let text = pulmo::report::markdown(report, language);
            assert_eq!(text.matches(rule).count(), 1, "`{rule}` in {text}");
        }
    }
}
