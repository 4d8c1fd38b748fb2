//! The German report.

use pulmo::engine::model::DataSource;
use pulmo::engine::result::ModelNote;
use pulmo::measure::quantify::{Finding, LeftOut};
use pulmo::report::{Language, Report};

use super::{Case, english_lines, must_succeed};

#[test]
fn the_german_report_is_german() {
    let case = Case::new();
    must_succeed(&case.report("a", &[]));
    must_succeed(&case.report("de", &["--language", "de"]));
    let (english, german) = (case.text("a/report.md"), case.text("de/report.md"));
    for said in ["Lungenverdichtungen", "Milchglas", "Konsolidierung", "Kein Medizinprodukt", "Not a medical device"] {
        assert!(german.contains(said), "{said}");
    }
    let sentence = pulmo::report::Language::German.ml(case.phantom.exact.infiltrate_ml);
    assert!(german.contains(&sentence), "{sentence}");
    // Every line of words was translated; what is the same are the research sentence, names and hashes.
    let is_same_in_both = |line: &&str| english.lines().any(|other| other == *line);
    let words = |line: &&str| line.split(|c: char| !c.is_ascii_lowercase()).filter(|word| word.len() > 3).count() > 3;
    let left: Vec<&str> = german.lines().filter(is_same_in_both).filter(words).collect();
    assert_eq!(left, [format!("> {}", pulmo::RESEARCH_USE)]);
    assert_eq!(case.text("a/report.json"), case.text("de/report.json"), "data have no language");
}

#[test]
fn a_german_report_with_all_flags_has_no_english_sentence() {
    let case = Case::new();
    must_succeed(&case.report("a", &["--percent-rule", "all"]));
    let plain: Report = serde_json::from_str(&case.text("a/report.json")).unwrap();
    let mut full = plain.clone();
    full.quantities.flags = pulmo::measure::quantify::flags::ALL
        .iter()
        .map(|flag| Finding {
            id: flag.id().to_owned(),
            sentence: "an English sentence".to_owned(),
            found: "5 mm".to_owned(),
            threshold: flag.threshold(),
            affects: Vec::new(),
            source: flag.source().to_owned(),
        })
        .collect();
    let said = pulmo::ct::format::warning::ALL.iter().chain(&pulmo::engine::segment::WARNINGS);
    full.warnings = said.map(|warning| warning.say(&[&1, &2, &3, &4, &5, &6])).collect();
    let mut failed = full.clone();
    let problems = [
        "the lungs hold 376 mL; adults have 1200 to 9500 mL",
        "the lungs are cut at the side: 148 cm² of lung at the rim of the field",
        "59 mL inside the mask lie below -968 HU: a bulla or air around the lung",
    ];
    failed.lungs.as_mut().unwrap().problems = problems.map(str::to_owned).to_vec();
    failed.quantities.lung_left_out = Some(LeftOut {
        id: "lung".to_owned(),
        reason_id: "lung_mask_failed".to_owned(),
        reason: format!("the lung mask failed: {}", problems.join("; ")),
    });
    for report in [&plain, &full, &failed] {
        let german = pulmo::report::markdown(report, pulmo::report::Language::German);
        assert_eq!(english_lines(&german), Vec::<&str>::new());
    }
    let english = pulmo::report::markdown(&failed, pulmo::report::Language::English);
    assert!(english_lines(&english).len() > 30, "the words tell English");
}

#[test]
fn one_thing_is_counted_as_one_in_either_language() {
    let case = Case::new();
    must_succeed(&case.report("a", &[]));
    let mut report: Report = serde_json::from_str(&case.text("a/report.json")).unwrap();
    report.quantities.foci.smaller_count = 1;
    report.quantities.scan.age_years = Some(1);
    report.warnings = vec![pulmo::ct::format::warning::ALL[2].say(&[&1, &"a.dcm", &"cut off"])];
    let source = DataSource { name: "phantoms".to_owned(), ..DataSource::default() };
    report.mask.model = Some(ModelNote {
        recipe: "tiny".to_owned(),
        sha256: "0".repeat(64),
        data: vec![source],
        training_cases: 1,
        threshold: 0.5,
    });
    for (language, words) in [
        (Language::English, ["smaller ones: 1 (", "age 1 year\n", "damaged files (1): ", "phantoms (cases: 1)"]),
        (Language::German, ["kleinere: 1 (", "Alter 1 Jahr\n", "beschädigte Dateien: 1", "phantoms (Fälle: 1)"]),
    ] {
        let text = pulmo::report::markdown(&report, language) + "\n";
        for said in words {
            assert!(text.contains(said), "`{said}` is not in {text}");
        }
    }
}
