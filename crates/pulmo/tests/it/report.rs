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
use pulmo::measure::quantify::{Finding, LeftOut};
use pulmo::report::Report;
use tempfile::TempDir;

use super::evaluate_schema::must_fit;

/// A phantom's files (NIfTI keeps spacings in float32, so volumes agree to seven digits) and a place for reports.
pub(super) struct Case {
    folder: TempDir,
    pub(super) phantom: Phantom,
}

impl Case {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = PhantomOptions { shape: [64, 96, 96], spacing_mm: [4.0, 3.6, 3.6], ..PhantomOptions::seeded(7) };
        let phantom = thorax(&options).unwrap();
        let at = |name: &str| folder.path().join(name);
        write_volume(&at("ct.nii.gz"), &phantom.volume).unwrap();
        write_label_map(&at("mask.nii.gz"), &phantom.infiltrate).unwrap();
        write_label_map(&at("lungs.nii.gz"), &phantom.lungs).unwrap();
        Self { folder, phantom }
    }

    pub(super) fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `pulmo report` of the phantom into a folder.
    pub(super) fn report(&self, folder: &str, more: &[&str]) -> Output {
        let (ct, mask, lungs) = (self.at("ct.nii.gz"), self.at("mask.nii.gz"), self.at("lungs.nii.gz"));
        let mut arguments: Vec<&OsStr> = vec!["report".as_ref(), ct.as_ref(), "--mask".as_ref(), mask.as_ref()];
        arguments.extend::<[&OsStr; 2]>(["--lungs".as_ref(), lungs.as_ref()]);
        arguments.extend(more.iter().map(OsStr::new));
        let output = self.at(folder);
        arguments.extend::<[&OsStr; 2]>(["-o".as_ref(), output.as_ref()]);
        super::pulmo(&arguments)
    }

    pub(super) fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.at(name)).unwrap()
    }
}

#[track_caller]
pub(super) fn must_succeed(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Page objects of a PDF whose objects are not compressed, as ours are.
pub(super) fn pages(pdf: &[u8]) -> usize {
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
pub(super) fn english_lines(text: &str) -> Vec<&str> {
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
