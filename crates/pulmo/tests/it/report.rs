use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use pulmo::ct::format::dicom::{Kind, SourceSeries, kind_of};
use pulmo::ct::format::{OpenOptions, write_label_map, write_volume};
use pulmo::ct::phantom::{Phantom, PhantomOptions, thorax};
use pulmo::ct::{CtVolume, LabelMap};
use pulmo::engine::Model;
use pulmo::engine::Recipe;
use pulmo::engine::model::{DataSource, Provenance};
use pulmo::engine::result::ModelNote;
use pulmo::measure::quantify::flags::ALL;
use pulmo::measure::quantify::{Finding, LeftOut, follow_up};
use pulmo::report::Report;
use tempfile::TempDir;

use super::evaluate_schema::must_fit;

/// A phantom's files (NIfTI keeps spacings in float32, so volumes agree to seven digits) and a place for reports.
struct Case {
    folder: TempDir,
    phantom: Phantom,
}

impl Case {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = PhantomOptions { shape: [64, 96, 96], spacing_mm: [4.0, 3.6, 3.6], ..PhantomOptions::seeded(7) };
        let phantom = thorax(&options).unwrap();
        let at = |name: &str| folder.path().join(name);
        write_volume(&at("ct.nii.gz"), &phantom.volume).unwrap();
        write_label_map(&at("mask.nii.gz"), &phantom.infiltrate).unwrap();
        write_label_map(&at("lungs.nii.gz"), &phantom.lungs).unwrap();
        Self { folder, phantom }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `pulmo report` of the phantom into a folder.
    fn report(&self, folder: &str, more: &[&str]) -> Output {
        let (ct, mask, lungs) = (self.at("ct.nii.gz"), self.at("mask.nii.gz"), self.at("lungs.nii.gz"));
        let mut arguments: Vec<&OsStr> = vec!["report".as_ref(), ct.as_ref(), "--mask".as_ref(), mask.as_ref()];
        arguments.extend::<[&OsStr; 2]>(["--lungs".as_ref(), lungs.as_ref()]);
        arguments.extend(more.iter().map(OsStr::new));
        let output = self.at(folder);
        arguments.extend::<[&OsStr; 2]>(["-o".as_ref(), output.as_ref()]);
        super::pulmo(&arguments)
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.at(name)).unwrap()
    }
}

#[track_caller]
fn must_succeed(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Page objects of a PDF whose objects are not compressed, as ours are.
fn pages(pdf: &[u8]) -> usize {
    let count = |what: &[u8]| pdf.windows(what.len()).filter(|window| *window == what).count();
    count(b"/Type /Page") - count(b"/Type /Pages")
}

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

/// English words that no German sentence holds.
const ENGLISH: [&str; 14] = [
    " the ", " of ", " and ", " is ", " are ", " with ", " than ", " below ", " lung ", " lungs ", " no ", " not ",
    " or ", " given",
];

/// Lines of a German text in English, but the research sentence.
fn english_lines(text: &str) -> Vec<&str> {
    let is_said = |line: &&str| !line.contains(pulmo::RESEARCH_USE);
    text.lines().filter(is_said).filter(|line| ENGLISH.iter().any(|word| line.contains(word))).collect()
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
fn labels_and_landmarks_that_cannot_be_meant_are_said() {
    let case = Case::new();
    let said = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();
    let other = case.report("other", &["--labels", "7"]);
    must_succeed(&other);
    assert!(said(&other).contains("the mask holds [1] and no voxel of [7]"), "{}", said(&other));
    assert_eq!(case.report("background", &["--labels", "0"]).status.code(), Some(2));
    must_succeed(&case.report("zones", &["--carina", "30", "--vein", "-20"]));
    for (carina, vein, problem) in [
        ("-20", "30", "--carina -20 does not lie above --vein 30"),
        ("30", "30", "does not lie above"),
        ("9000", "30", "--carina 9000: the CT reaches from"),
        ("30", "nan", "--vein NaN: the CT reaches from"),
    ] {
        let refused = case.report("refused", &["--carina", carina, "--vein", vein]);
        assert_eq!(refused.status.code(), Some(2), "{carina} {vein}");
        assert!(said(&refused).contains(problem), "{}", said(&refused));
    }
    assert!(!case.at("refused").exists());
}

#[test]
fn a_mask_that_is_not_understood_is_refused() {
    let case = Case::new();
    let grid = *case.phantom.volume.grid();
    let two = case.phantom.infiltrate.labels().iter().enumerate().map(|(at, &label)| label * (1 + (at % 2) as u8));
    write_label_map(&case.at("mask.nii.gz"), &LabelMap::new(grid, two.collect()).unwrap()).unwrap();
    let refused = case.report("a", &[]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--labels 1,2"));
    must_succeed(&case.report("a", &["--labels", "1,2"]));
    let report: Report = serde_json::from_str(&case.text("a/report.json")).unwrap();
    assert!((report.quantities.opacity.total_ml - case.phantom.exact.infiltrate_ml).abs() < 1e-3);
}

/// A DICOM series made by pydicom, and an empty mask of it.
fn series_and_mask(folder: &Path) -> (PathBuf, PathBuf) {
    let series = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../oracles/dicom_series/signed16_explicit");
    let source = SourceSeries::open(&series, &OpenOptions::default()).unwrap();
    let mask = folder.join("mask.nii.gz");
    let mut labels = vec![0; source.grid().voxels()];
    labels[3] = 1;
    write_label_map(&mask, &LabelMap::new(*source.grid(), labels).unwrap()).unwrap();
    (series, mask)
}

#[test]
fn nobody_is_named_unless_asked() {
    let folder = tempfile::tempdir().unwrap();
    let (series, mask) = series_and_mask(folder.path());
    let person = SourceSeries::open(&series, &OpenOptions::default()).unwrap().person();
    assert!(!person.name.is_empty() && !person.id.is_empty(), "the oracle names somebody");
    let made = |name: &str, more: &[&str]| {
        let output = folder.path().join(name);
        let mut command = Command::new(env!("CARGO_BIN_EXE_pulmo"));
        command.env("SOURCE_DATE_EPOCH", "1700000000").arg("report").arg(&series).arg("--mask").arg(&mask);
        let result = command.args(more).arg("-o").arg(&output).output().unwrap();
        must_succeed(&result);
        let said = [result.stdout, result.stderr].concat();
        (output, String::from_utf8_lossy(&said).into_owned())
    };
    let (plain, said) = made("plain", &["--dicom", "pdf"]);
    assert!(!said.contains(&person.name));
    // Names of files may be those of patients: the terminal may repeat them, what is handed on may not.
    let folder_of_scans = folder.path().join("scans");
    std::fs::create_dir(&folder_of_scans).unwrap();
    for file in std::fs::read_dir(&series).unwrap().map(|file| file.unwrap().path()) {
        std::fs::copy(&file, folder_of_scans.join(file.file_name().unwrap())).unwrap();
    }
    std::fs::write(folder_of_scans.join("MEIER_ANNA.txt"), "no DICOM").unwrap();
    let output = folder.path().join("scans_report");
    let arguments: [&OsStr; 6] =
        ["report".as_ref(), folder_of_scans.as_ref(), "--mask".as_ref(), mask.as_ref(), "-o".as_ref(), output.as_ref()];
    must_succeed(&super::pulmo(&arguments));
    for name in ["report.html", "report.json", "report.md"] {
        let text = std::fs::read_to_string(output.join(name)).unwrap();
        assert!(text.contains("files are not DICOM and were left out: …") && !text.contains("MEIER"), "{name}");
    }
    for name in ["report.html", "report.json", "report.csv", "report.md", "report.pdf"] {
        let bytes = std::fs::read(plain.join(name)).unwrap();
        for secret in [&person.name, &person.id] {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "identity in {name}");
        }
    }
    assert_eq!(kind_of(&plain.join("report.dcm")).unwrap(), Some(Kind::Pdf));
    let (named, _) = made("named", &["--with-identity"]);
    must_fit("report", &std::fs::read_to_string(named.join("report.json")).unwrap());
    let html = std::fs::read_to_string(named.join("report.html")).unwrap();
    assert!(html.contains(&person.name) && html.contains(&person.id));
}

/// A model that has learnt nothing: its first weights.
pub(super) fn model(path: &Path) {
    const RECIPE: &str = r#"
name = "tiny"
network = { architecture = "unet", input_channels = 1, classes = 2, widths = [4, 8] }
input.grid = { mode = "whole", size = [8, 24, 24] }
input.intensity = { kind = "window", center_hu = -450.0, width_hu = 1300.0 }
training.phase = [{ name = "one", epochs = 1, learning_rate = 1e-2 }]
"#;
    let recipe = Recipe::parse(RECIPE, "tiny", &[]).unwrap();
    let weights = recipe.network.initial_weights(5).unwrap();
    let data = DataSource { name: "phantoms <b>".to_owned(), licence: "CC0-1.0".to_owned(), ..DataSource::default() };
    let provenance = Provenance { data: vec![data], training_cases: 3, ..Provenance::default() };
    let labels = vec!["infiltrate".to_owned()];
    Model { recipe, labels, provenance, weights, sha256: String::new() }.save(path).unwrap();
}

#[test]
fn run_segments_measures_and_reports_and_lists_what_failed() {
    let case = Case::new();
    model(&case.at("model.safetensors"));
    let (ct, model, out) = (case.at("ct.nii.gz"), case.at("model.safetensors"), case.at("out"));
    let missing = case.at("missing.nii.gz");
    let run = |inputs: &[&Path], more: &[&str]| {
        let mut arguments: Vec<&OsStr> = vec!["run".as_ref()];
        arguments.extend(inputs.iter().map(|input| input.as_os_str()));
        arguments.extend::<[&OsStr; 4]>(["-m".as_ref(), model.as_ref(), "-o".as_ref(), out.as_ref()]);
        arguments.push("--file-names".as_ref());
        arguments.extend(more.iter().map(OsStr::new));
        super::pulmo(&arguments)
    };
    let first = run(&[&ct, &missing], &["--pictures"]);
    assert_eq!(first.status.code(), Some(1), "{}", String::from_utf8_lossy(&first.stderr));
    assert!(String::from_utf8_lossy(&first.stderr).contains("failed: "));
    for name in ["mask.nii.gz", "lungs.nii.gz", "result.json", "report.html", "report.json", "report.pdf", "axial.png"]
    {
        assert!(out.join("ct").join(name).is_file(), "{name}");
    }
    let html = case.text("out/ct/report.html");
    assert!(html.contains("phantoms &#60;b&#62;") && !html.contains("phantoms <b>"), "what a model says is escaped");
    assert!(html.contains("CC0-1.0"), "licence of the model's data");
    must_fit("report", &case.text("out/ct/report.json"));
    must_fit("result", &case.text("out/ct/result.json"));
    let report: Report = serde_json::from_str(&case.text("out/ct/report.json")).unwrap();
    let hash = pulmo::engine::digest::of_file(&model).unwrap();
    assert_eq!(report.mask.model.unwrap().sha256, hash);

    must_succeed(&run(&[&ct], &["--resume"]));
    assert_eq!(run(&[&ct], &[]).status.code(), Some(2), "nothing is replaced unasked");

    // The same mask by `report`, with the result that says which model it is of.
    let folder = case.at("out/ct");
    let files = ["mask.nii.gz", "result.json"].map(|name| folder.join(name).into_os_string());
    let [mask, result] = &files;
    let output = case.at("again");
    let arguments: [&OsStr; 10] = [
        "report".as_ref(),
        ct.as_ref(),
        "--mask".as_ref(),
        mask,
        "--result".as_ref(),
        result,
        "--case".as_ref(),
        "ct".as_ref(),
        "-o".as_ref(),
        output.as_ref(),
    ];
    must_succeed(&super::pulmo(&arguments));
    let again: Report = serde_json::from_str(&case.text("again/report.json")).unwrap();
    assert_eq!(again.quantities, report.quantities);
}

/// Every file below a folder, with what is packed in it unpacked.
fn files_below(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            found.extend(files_below(&path));
            continue;
        }
        let mut bytes = std::fs::read(&path).unwrap();
        if path.extension().is_some_and(|end| end == "gz") {
            let mut unpacked = Vec::new();
            flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut unpacked).unwrap();
            bytes.extend(unpacked);
        }
        found.push((path, bytes));
    }
    found
}

#[test]
fn no_output_of_report_and_run_bears_the_name_of_a_file() {
    const NAMES: [&str; 3] = ["Mueller", "mueller", "Johannes"];
    let case = Case::new();
    model(&case.at("model.safetensors"));
    for (from, to) in
        [("ct", "Mueller_Johannes"), ("mask", "Mueller_Johannes_mask"), ("lungs", "lungs_of_Mueller_Johannes")]
    {
        std::fs::rename(case.at(&format!("{from}.nii.gz")), case.at(&format!("{to}.nii.gz"))).unwrap();
    }
    std::fs::copy(case.at("Mueller_Johannes.nii.gz"), case.at("other.nii.gz")).unwrap();
    let (model, ct, other) =
        (case.at("model.safetensors"), case.at("Mueller_Johannes.nii.gz"), case.at("other.nii.gz"));
    let (mask, lungs) = (case.at("Mueller_Johannes_mask.nii.gz"), case.at("lungs_of_Mueller_Johannes.nii.gz"));
    let start = |output: &str, words: &[&OsStr], more: &[&str]| {
        let output = case.at(output);
        let mut arguments = words.to_vec();
        arguments.extend::<[&OsStr; 2]>(["-o".as_ref(), output.as_ref()]);
        arguments.extend(more.iter().map(OsStr::new));
        super::pulmo(&arguments)
    };
    let run: [&OsStr; 4] = ["run".as_ref(), ct.as_ref(), "-m".as_ref(), model.as_ref()];
    let report: [&OsStr; 6] =
        ["report".as_ref(), ct.as_ref(), "--mask".as_ref(), mask.as_ref(), "--lungs".as_ref(), lungs.as_ref()];
    must_succeed(&start("run", &run, &["--pictures", "--probabilities"]));
    must_succeed(&start("report", &report, &[]));
    // The result of `segment` is named by the file, for masks are paired by it; a report made from it is not.
    let segment: [&OsStr; 4] = ["segment".as_ref(), ct.as_ref(), "-m".as_ref(), model.as_ref()];
    must_succeed(&start("segment", &segment, &[]));
    let result = case.at("segment/Mueller_Johannes/result.json").display().to_string();
    must_succeed(&start("of_result", &report, &["--result", &result]));
    for folder in ["run", "report", "of_result"] {
        let files = files_below(&case.at(folder));
        assert!(files.len() >= 5, "{folder}");
        for (path, bytes) in files {
            let path = path.strip_prefix(case.folder.path()).unwrap().display().to_string();
            for name in NAMES {
                let is_in = bytes.windows(name.len()).any(|window| window == name.as_bytes());
                assert!(!is_in && !path.contains(name), "`{name}` in {path}");
            }
        }
    }
    // The key is that of the content: the same file by another name is the same case, in report and in run.
    let of = |folder: &str| -> Report { serde_json::from_str(&case.text(&format!("{folder}/report.json"))).unwrap() };
    let key = of("report").case;
    assert!(key.len() == 12 && key.bytes().all(|letter| letter.is_ascii_hexdigit()), "{key}");
    assert_eq!(of(&format!("run/{key}")).case, key);
    let renamed = [&[report[0], other.as_os_str()], &report[2..]].concat();
    must_succeed(&start("renamed", &renamed, &["--case", "P 07/b"]));
    assert_eq!(of("renamed").case, "P_07_b", "a name that is given is made fit for a folder");
    assert_eq!(of("renamed").input.source, format!("file {key}"));
    must_succeed(&start("named", &run, &["--case", "p07"]));
    assert_eq!(of("named/p07").case, "p07");
    must_succeed(&start("named", &run, &["--file-names"]));
    assert_eq!(of("named/Mueller_Johannes").case, "Mueller_Johannes", "where it was asked for");
    let two = [&run[..], &[other.as_os_str()]].concat();
    let refused = start("two", &two, &["--case", "p07"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--case names one CT"));
}

#[test]
fn a_follow_up_needs_the_same_patient_and_model() {
    let case = Case::new();
    model(&case.at("model.safetensors"));
    let (ct, model, out) = (case.at("ct.nii.gz"), case.at("model.safetensors"), case.at("out"));
    let segment: [&OsStr; 6] =
        ["segment".as_ref(), ct.as_ref(), "-m".as_ref(), model.as_ref(), "-o".as_ref(), out.as_ref()];
    must_succeed(&super::pulmo(&segment));
    std::fs::copy(out.join("ct/mask.nii.gz"), case.at("mask.nii.gz")).unwrap();
    let result = out.join("ct/result.json");
    let result = result.to_str().unwrap();
    must_succeed(&case.report("first", &["--result", result, "--patient", "p1"]));
    let earlier = case.at("first/report.json");
    let earlier = earlier.to_str().unwrap();
    must_succeed(&case.report("second", &["--result", result, "--patient", "p1", "--previous", earlier]));
    let html = case.text("second/report.html");
    assert!(html.contains("id=\"follow_up\"") && html.contains("Change since the earlier CT"));
    must_fit("report", &case.text("second/report.json"));
    let report: Report = serde_json::from_str(&case.text("second/report.json")).unwrap();
    let csv = case.text("second/report.csv");
    let lines: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    let follow_up = report.follow_up.unwrap();
    assert!(follow_up.changes.len() > 10, "{:?}", follow_up.changes);
    for change in &follow_up.changes {
        // Every change has its two columns; names are the identifier and the unit.
        let unit = if change.unit == "%" { "percent" } else { &change.unit.to_lowercase() };
        for (when, value) in [("earlier", change.earlier), ("change", change.difference)] {
            let name = format!("{when}_{}_{unit}", change.id.replace('.', "_"));
            let Some(at) = lines[0].iter().position(|column| *column == name) else {
                // Thirds have names of their own by rule.
                assert!(change.id.contains("region."), "no column {name}");
                continue;
            };
            assert_eq!(lines[1][at].parse::<f64>().unwrap(), value, "{name}");
        }
    }
    let other = case.report("third", &["--result", result, "--patient", "p2", "--previous", earlier]);
    assert_eq!(other.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&other.stderr).contains("different patients"));
    assert!(!case.at("third").exists(), "nothing is left behind");
}

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
