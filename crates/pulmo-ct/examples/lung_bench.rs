//! Lungs without a model, judged: `cargo run --release -p pulmo-ct --example lung_bench -- [DATA] [--only NAME] [--dump FOLDER]`.
//! `--only "held out" --seeds 31-90` judges other phantoms instead of those.
#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::time::Instant;

use pulmo_ct::format::{OpenOptions, open_ct, open_label_map, write_label_map, write_volume};
use pulmo_ct::lungs::{self, Lungs};
use pulmo_ct::phantom::{PhantomOptions, thorax};
use pulmo_ct::{CtVolume, LabelMap};

#[path = "../tests/it/hard_phantoms.rs"]
mod hard_phantoms;

/// Seeds of phantoms that say what others than the tuned ones would.
const HELD_OUT: std::ops::RangeInclusive<u64> = 6..=30;

/// Judges a mask of a CT by reference lungs (and whether they were made), and a lesion.
type Row<'a> = dyn Fn(&str, &CtVolume, Option<(&LabelMap, bool)>, Option<&LabelMap>) + 'a;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let option = |name: &str| Some(arguments[arguments.iter().position(|a| a == name)? + 1].clone());
    let data = arguments.first().filter(|first| !first.starts_with("--"));
    let data = PathBuf::from(data.cloned().unwrap_or_else(|| "../shared/data".to_owned()));
    let dump = option("--dump").map(PathBuf::from);
    let only = option("--only");
    println!(
        "case                           | dice   | volume err % | lesion in % | left/right ref | mL      | s    | problems"
    );
    let wants = |name: &str| only.as_ref().is_none_or(|only| name.contains(only.as_str()));
    let together = RefCell::new(Vec::new());
    let row = |name: &str, volume: &CtVolume, reference: Option<(&LabelMap, bool)>, lesion: Option<&LabelMap>| {
        if !wants(name) {
            return;
        }
        let start = Instant::now();
        let found = lungs::segment(volume).unwrap();
        let seconds = start.elapsed().as_secs_f64();
        let counts = Counts::of(&found.labels, reference.map(|(labels, _)| labels), lesion);
        let made = reference.is_some_and(|(_, made)| made);
        report(name, &found, &counts, made, seconds);
        if reference.is_some() && lesion.is_some() && !made {
            together.borrow_mut().push((counts, volume.grid().voxel_ml()));
        }
        if let Some(folder) = &dump {
            let file = |what: &str| folder.join(format!("{name}{what}.nii.gz"));
            write_label_map(&file(""), &found.labels).unwrap();
            if made {
                write_volume(&file("_ct"), volume).unwrap();
            }
            reference.iter().for_each(|(labels, _)| write_label_map(&file("_ref"), labels).unwrap());
            lesion.iter().for_each(|labels| write_label_map(&file("_lesion"), labels).unwrap());
        }
    };
    phantoms(&wants, &row);
    if wants("held out") {
        let seeds = option("--seeds").map_or(HELD_OUT, |seeds| {
            let [first, last] = [0, 1].map(|at| seeds.split('-').nth(at).unwrap().parse().unwrap());
            first..=last
        });
        held_out(seeds);
    }
    drawn(&data, &wants, &row);
    report_together(&together.borrow());
    // What is filled in a chest is named after it.
    let wants_chest = |name: &str| {
        let filled = hard_phantoms::FILLS.iter().map(|fill| format!("{name} {}", fill.name));
        filled.chain([name.to_owned(), format!("{name} oblique")]).any(|name| wants(&name))
    };
    let cip = data.join("cip");
    if cip.exists() && wants_chest("cip") {
        let ct = open(&cip.join("ct-64.nrrd"));
        let lung = open_label_map(&cip.join("wholeLung-64.nrrd")).unwrap();
        row("cip", &ct, Some((&lung, false)), None);
        let oblique = open(&cip.join("ct-64-transformed.nrrd"));
        row("cip oblique", &oblique, None, None);
        without_air("cip", &ct, &row);
    }
    if data.join("ricord").exists() && wants_chest("ricord") {
        let ct = open(&data.join("ricord"));
        row("ricord", &ct, None, None);
        without_air("ricord", &ct, &row);
    }
}

fn phantoms(wants: &dyn Fn(&str) -> bool, row: &Row<'_>) {
    for seed in 0..6 {
        let phantom = thorax(&PhantomOptions::seeded(seed)).unwrap();
        row(&format!("phantom {seed}"), &phantom.volume, Some((&phantom.lungs, true)), Some(&phantom.infiltrate));
    }
    for seed in [1, 2] {
        for hard in hard_phantoms::all(seed) {
            row(&format!("{} {seed}", hard.name), &hard.volume, Some((&hard.lungs, true)), Some(&hard.dense));
        }
    }
    if wants("phantom fine 9") {
        let options =
            PhantomOptions { shape: [100, 200, 200], spacing_mm: [2.56, 1.728, 1.728], ..PhantomOptions::seeded(9) };
        let phantom = thorax(&options).unwrap();
        row("phantom fine 9", &phantom.volume, Some((&phantom.lungs, true)), Some(&phantom.infiltrate));
    }
}

/// Phantoms that nobody looked at and nothing was tuned on.
fn held_out(seeds: std::ops::RangeInclusive<u64>) {
    let judged = |seed: u64| {
        let phantom = thorax(&PhantomOptions::seeded(seed)).unwrap();
        let found = lungs::segment(&phantom.volume).unwrap().labels;
        Counts::of(&found, Some(&phantom.lungs), Some(&phantom.infiltrate))
    };
    let cases: Vec<Counts> = seeds.clone().map(judged).collect();
    let all = |of: &dyn Fn(&Counts) -> f64| cases.iter().map(of).collect::<Vec<f64>>();
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let [dice, inside] = [all(&Counts::dice), all(&Counts::inside)];
    let off = all(&|counts| counts.volume_error().abs());
    println!(
        "{} phantoms, {} to {}: Dice {:.4}; volume off by {:.2}% on average, {:.2}% at most, over 5% in {}; {:.2}% of the lesion \
         inside on average, {:.2}% at least, under 97% in {}",
        cases.len(),
        seeds.start(),
        seeds.end(),
        mean(&dice),
        mean(&off),
        off.iter().copied().fold(0.0, f64::max),
        off.iter().filter(|&&off| off > 5.0).count(),
        mean(&inside),
        inside.iter().copied().fold(100.0, f64::min),
        inside.iter().filter(|&&inside| inside < 97.0).count()
    );
}

/// The 8-bit slices with drawn lungs and lesions.
fn drawn(data: &Path, wants: &dyn Fn(&str) -> bool, row: &Row<'_>) {
    let mut names: Vec<_> =
        std::fs::read_dir(data.join("covid8bit/ct")).into_iter().flatten().map(|e| e.unwrap().path()).collect();
    names.sort();
    for path in names {
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        let name = file.trim_end_matches(".nii.gz");
        if wants(name) {
            let [lung, lesion] = ["lung", "infection"]
                .map(|what| open_label_map(&data.join("covid8bit").join(what).join(&file)).unwrap());
            row(name, &open(&path), Some((&lung, false)), Some(&lesion));
        }
    }
}

/// Real chests with a part of one lung filled, against the mask that was found before.
fn without_air(name: &str, ct: &CtVolume, row: &Row<'_>) {
    let found = lungs::segment(ct).unwrap().labels;
    let none = LabelMap::new(*ct.grid(), vec![0; ct.grid().voxels()]).unwrap();
    for hard in hard_phantoms::without_air(ct, &found, &none) {
        row(&format!("{name} {}", hard.name), &hard.volume, Some((&hard.lungs, true)), Some(&hard.dense));
    }
}

fn open(path: &Path) -> CtVolume {
    open_ct(path, &OpenOptions::default()).unwrap().volume
}

/// Voxels of the lungs found, of the reference, of both, of both with different sides; of the lesion, and of it inside the lungs.
#[derive(Default)]
struct Counts {
    found: f64,
    reference: f64,
    both: f64,
    swapped: f64,
    lesion: f64,
    inside: f64,
}

impl Counts {
    /// What is not given has no voxels.
    fn of(found: &LabelMap, reference: Option<&LabelMap>, lesion: Option<&LabelMap>) -> Self {
        let [reference, lesion] = [reference, lesion].map(|map| map.map(LabelMap::labels));
        let mut counts = Self::default();
        for (voxel, &label) in found.labels().iter().enumerate() {
            let [reference, lesion] = [reference, lesion].map(|labels| labels.map_or(0, |labels| labels[voxel]));
            let both = label > 0 && reference > 0;
            counts.found += f64::from(label > 0);
            counts.reference += f64::from(reference > 0);
            counts.both += f64::from(both);
            counts.swapped += f64::from(both && label != reference);
            counts.lesion += f64::from(lesion > 0);
            counts.inside += f64::from(label > 0 && lesion > 0);
        }
        counts
    }

    /// Not a number without a reference.
    fn dice(&self) -> f64 {
        if self.reference > 0.0 { 2.0 * self.both / (self.found + self.reference) } else { f64::NAN }
    }

    /// Of the lesion inside the lungs found, in per cent; not a number without one.
    fn inside(&self) -> f64 {
        100.0 * self.inside / self.lesion
    }

    /// In per cent; not a number without a reference.
    fn volume_error(&self) -> f64 {
        if self.reference > 0.0 { 100.0 * (self.found - self.reference) / self.reference } else { f64::NAN }
    }
}

/// Sides are counted where the reference was `made`: drawn ones have none.
fn report(name: &str, found: &Lungs, counts: &Counts, made: bool, seconds: f64) {
    let swapped = if made { format!("{:.2}% wrong side", 100.0 * counts.swapped / counts.both) } else { String::new() };
    println!(
        "{name:30} | {:.4} | {:+8.2} | {:7.2} | {swapped:16} | {:.0}+{:.0} | {seconds:.2} | {}",
        counts.dice(),
        counts.volume_error(),
        counts.inside(),
        found.left_ml,
        found.right_ml,
        found.problems.join("; ")
    );
}

/// The drawn cases, each with the mL of its voxels, as if they were one.
fn report_together(cases: &[(Counts, f64)]) {
    let sum = |of: &dyn Fn(&Counts, f64) -> f64| cases.iter().map(|(counts, ml)| of(counts, *ml)).sum::<f64>();
    let [lesion, inside] = [sum(&|counts, _| counts.lesion), sum(&|counts, _| counts.inside)];
    let [found, reference] = [sum(&|counts, ml| ml * counts.found), sum(&|counts, ml| ml * counts.reference)];
    let mean = sum(&|counts, _| counts.volume_error().abs()) / cases.len() as f64;
    if !cases.is_empty() {
        println!(
            "{} drawn cases together: {:.2}% of the lesions inside, volume {:+.2}%, off by {mean:.2}% on average",
            cases.len(),
            100.0 * inside / lesion,
            100.0 * (found - reference) / reference
        );
    }
}
