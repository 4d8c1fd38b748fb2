//! The report with everything that one can have, as a browser shows and prints it.

use std::path::Path;
use std::process::{Command, Output};

use pulmo::ct::LabelMap;
use pulmo::ct::format::write_label_map;
use pulmo::ct::phantom::Phantom;
use pulmo::engine::model::DataSource;
use pulmo::engine::result::ModelNote;
use pulmo::measure::quantify::flags::ALL;
use pulmo::measure::quantify::{Finding, follow_up};
use pulmo::report::Report;

use super::{Case, english_lines, must_succeed, pages};
use crate::evaluate_schema::must_fit;

/// The report with everything that one can have: three rules, lobes, zones, a follow-up and every flag.
fn longest(case: &Case) -> Report {
    let grid = *case.phantom.lungs.grid();
    let plane = 96 * 96;
    let lobes = case.phantom.lungs.labels().iter().enumerate().map(|(voxel, &lung)| match (lung, voxel / plane) {
        (1, slice) => 1 + u8::from(slice < 32),
        (2, slice) => 5 - (slice / 22).min(2) as u8,
        _ => 0,
    });
    write_label_map(&case.at("lobes.nii.gz"), &LabelMap::new(grid, lobes.collect()).unwrap()).unwrap();
    let lobes = case.at("lobes.nii.gz").display().to_string();
    let more = ["--lobes", &lobes, "--lobe-names", "lungmask", "--carina", "30", "--vein", "-20"];
    must_succeed(&case.report("longest", &[&["--percent-rule", "all"][..], &more].concat()));
    let mut report: Report = serde_json::from_str(&case.text("longest/report.json")).unwrap();
    assert!(report.quantities.scores.len() >= 4, "scores of lobes and of zones");
    report.quantities.subject.patient = Some("p1".to_owned());
    report.quantities.subject.model_sha256 = Some("0".repeat(64));
    let mut earlier = report.quantities.clone();
    earlier.scan.kernel = Some("B70f".to_owned());
    earlier.scan.slice_thickness_mm = Some(9.0);
    earlier.scan.contrast_agent = Some(true);
    earlier.lung.as_mut().unwrap().total_ml *= 1.5;
    report.follow_up = Some(follow_up(&earlier, &report.quantities).unwrap());
    assert_eq!(report.follow_up.as_ref().unwrap().flags.len(), 4, "all that can be raised at once");
    report.quantities.flags = ALL
        .iter()
        .map(|flag| Finding {
            id: flag.id().to_owned(),
            sentence: "an English sentence as long as those of flags are, which fill a line or a little more"
                .to_owned(),
            found: "5 mm".to_owned(),
            threshold: flag.threshold(),
            affects: Vec::new(),
            source: flag.source().to_owned(),
        })
        .collect();
    report.mask.model = Some(model_of_many_sources());
    // More than any reader or model says of one CT.
    let said = pulmo::ct::format::warning::ALL.iter().chain(&pulmo::engine::segment::WARNINGS);
    report.warnings = said.map(|warning| warning.say(&[&1, &2, &3, &4, &5, &6])).collect();
    must_fit("report", &String::from_utf8(report.to_json().unwrap()).unwrap());
    report
}

/// A model that learnt from a dozen data sets, each with long terms.
fn model_of_many_sources() -> ModelNote {
    let source = |number: usize| DataSource {
        name: format!("Data set number {number}"),
        licence: format!("CC BY-NC {number}.0"),
        terms: "only for what was asked for and nothing beyond, by whom it was asked for ".repeat(6),
        citation: format!("Author {number} et al. {}", "A title of a paper that is as long as titles are. ".repeat(5)),
        note: "slices with lesions alone".to_owned(),
    };
    ModelNote {
        recipe: "a model with a name that is much longer than names of models should ever be ".repeat(4),
        sha256: "0".repeat(64),
        data: (1..=12).map(source).collect(),
        training_cases: 1234,
        threshold: 0.5,
    }
}

/// What a browser prints of a page; `None` where there is no Chromium.
fn printed(page: &Path) -> Option<Vec<u8>> {
    let pdf = page.with_extension("print.pdf");
    let output = chromium(page, &["--no-pdf-header-footer", &format!("--print-to-pdf={}", pdf.display())])?;
    let said = String::from_utf8_lossy(&output.stderr);
    Some(std::fs::read(pdf).unwrap_or_else(|error| panic!("nothing was printed ({error}): {said}")))
}

/// What Chromium says of a page; `None` where there is none.
#[allow(clippy::print_stderr, reason = "a test says why it did not run")]
fn chromium(page: &Path, more: &[&str]) -> Option<Output> {
    let profile = tempfile::tempdir().unwrap();
    let started = ["chromium", "chromium-browser", "google-chrome"].into_iter().find_map(|browser| {
        let mut command = Command::new(browser);
        command.args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]);
        command.args(["--disable-background-networking", "--disable-component-update", "--disable-sync"]);
        command.arg(format!("--user-data-dir={}", profile.path().display())).args(more).arg(page).output().ok()
    });
    if started.is_none() {
        eprintln!("not run: no Chromium to look at the page with");
    }
    started
}

#[test]
fn the_longest_report_fits_a_phone() {
    // A window is no narrower than 500 pixels, a frame in it may be.
    const FRAME: &str = "<iframe src=\"page.html\" style=\"width:390px;height:844px;border:0\"></iframe>
<pre id=\"said\"></pre><script>
onload = () => {
  const page = document.querySelector('iframe').contentDocument, root = page.documentElement;
  const wide = [root, ...page.querySelectorAll('.scroll')].filter(box => box.scrollWidth > box.clientWidth);
  said.textContent = 'width ' + root.clientWidth + ' too wide: ' + wide.map(box => box.firstElementChild.id).join(' ') + '.';
};
</script>";
    let case = Case::new();
    let report = longest(&case);
    std::fs::write(case.at("frame.html"), FRAME).unwrap();
    for language in pulmo::report::Language::ALL {
        std::fs::write(case.at("page.html"), pulmo::report::html(&report, &[], language).unwrap()).unwrap();
        let Some(output) = chromium(&case.at("frame.html"), &["--allow-file-access-from-files", "--dump-dom"]) else {
            return;
        };
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.contains("<pre id=\"said\">width 3"), "the frame was not read: {said}");
        assert!(said.contains(" too wide: ."), "{language:?}: {said}");
    }
}

#[test]
fn the_longest_report_prints_to_two_pages_and_is_german_throughout() {
    let case = Case::new();
    let report = longest(&case);
    let Phantom { volume, infiltrate, lungs, .. } = &case.phantom;
    let pictures = pulmo::report::draw(volume, infiltrate, Some(lungs)).unwrap();
    for language in pulmo::report::Language::ALL {
        let pdf = pulmo::report::pdf(&report, &pictures, language).unwrap();
        let count = pages(&pdf);
        if let Some(folder) = std::env::var_os("PULMO_KEEP_PAGES") {
            let folder = Path::new(&folder);
            std::fs::write(folder.join(format!("{}.pdf", language.code())), pdf).unwrap();
            let html = pulmo::report::html(&report, &pictures, language).unwrap();
            std::fs::write(folder.join(format!("{}.html", language.code())), html).unwrap();
        }
        assert_eq!(count, 2, "{language:?}");
        let page = case.at("longest.html");
        std::fs::write(&page, pulmo::report::html(&report, &pictures, language).unwrap()).unwrap();
        if let Some(printed) = printed(&page) {
            assert_eq!(pages(&printed), 2, "the page, {language:?}");
        }
    }
    let german = pulmo::report::markdown(&report, pulmo::report::Language::German);
    let is_terms = |line: &&str| line.contains("Data set number");
    let left: Vec<&str> = english_lines(&german).into_iter().filter(|line| !is_terms(line)).collect();
    assert_eq!(left, [german.lines().find(|line| line.contains("a model with a name")).unwrap()]);
}

#[test]
fn a_page_counts_the_sources_and_warnings_that_it_has_no_room_for() {
    let case = Case::new();
    let report = longest(&case);
    let warnings = report.warnings.len();
    let html = String::from_utf8(pulmo::report::html(&report, &[], pulmo::report::Language::English).unwrap()).unwrap();
    for said in ["Data set number 3;", "9 more (further licences: CC BY-NC 4.0, CC BY-NC 5.0", "CC BY-NC 12.0); all of"]
    {
        assert!(html.contains(said), "`{said}` is missing");
    }
    assert!(!html.contains("Data set number 4"), "the page ends its list");
    assert!(html.contains(&format!("{} more; all of them in the JSON and the Markdown", warnings - 6)));
    let markdown = pulmo::report::markdown(&report, pulmo::report::Language::English);
    let json = String::from_utf8(report.to_json().unwrap()).unwrap();
    for number in 1..=12 {
        let name = format!("Data set number {number}");
        assert!(markdown.contains(&name) && json.contains(&name), "{name}");
    }
    assert_eq!(markdown.matches("as long as titles are. ").count(), 12 * 5, "the list without pages is whole");
}

#[test]
fn every_flag_says_in_a_note_where_its_threshold_comes_from() {
    let case = Case::new();
    let report = longest(&case);
    for (language, begins, thick) in [
        (pulmo::report::Language::English, "Where the thresholds come from: [1] ", "Fleischner Society asks for"),
        (pulmo::report::Language::German, "Woher die Schwellen stammen: [1] ", "Fleischner Society verlangt"),
    ] {
        let content = pulmo::report::content::Content::of(&report, language);
        assert!(content.flags.len() > 17, "those of the follow-up too");
        assert!(content.flags.iter().all(|flag| (1..=content.threshold_sources.len()).contains(&flag.note)));
        let note = content.threshold_note().unwrap();
        assert!(note.starts_with(begins) && note.contains(thick), "{note}");
        let html = String::from_utf8(pulmo::report::html(&report, &[], language).unwrap()).unwrap();
        assert!(html.contains(begins) && html.contains("[2]"));
        assert!(pulmo::report::markdown(&report, language).contains(thick));
    }
    let mut plain = report.clone();
    plain.quantities.flags.clear();
    plain.follow_up = None;
    assert_eq!(pulmo::report::content::Content::of(&plain, pulmo::report::Language::English).threshold_note(), None);
}
