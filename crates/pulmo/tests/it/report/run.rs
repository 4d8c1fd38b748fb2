//! `pulmo run`: segment, measure and report in one.

use std::ffi::OsStr;
use std::path::Path;

use pulmo::report::Report;

use super::{Case, model, must_succeed};
use crate::evaluate_schema::must_fit;
use crate::pulmo;

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
        pulmo(&arguments)
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
    must_succeed(&pulmo(&arguments));
    let again: Report = serde_json::from_str(&case.text("again/report.json")).unwrap();
    assert_eq!(again.quantities, report.quantities);
}
