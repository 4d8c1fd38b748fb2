//! The report of one case, by the program: phantoms in, pages out.

mod german;
mod identity;
mod input;
mod longest;
mod page;
mod run;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Output;

use pulmo::ct::format::{write_label_map, write_volume};
use pulmo::ct::phantom::{Phantom, PhantomOptions, thorax};
use pulmo::engine::Model;
use pulmo::engine::Recipe;
use pulmo::engine::model::{DataSource, Provenance};
use tempfile::TempDir;

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
