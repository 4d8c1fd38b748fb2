//! RICORD 1a: the whole collection in small, its irregularities, polygons against scikit-image, the real series.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use pulmo_ct::dataset::import::{Cause, Options, Readers, Unit};
use pulmo_ct::dataset::ricord::polygon;
use pulmo_ct::format::{OpenOptions, open_ct, open_label_map};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::archive::{cut, text};
use super::dicom::Slice;
use super::{Run, left_out, listing};

const GROUPS: &str = r#""labelGroups": [
  {"id": "G_1", "name": "Team 1", "labels": [
    {"id": "L_1", "name": "Infectious opacity", "scope": "INSTANCE", "annotationMode": "freeform"},
    {"id": "L_2", "name": "Infectious TIB/micronodules", "scope": "INSTANCE"},
    {"id": "L_3", "name": "Infectious cavity", "scope": "INSTANCE"},
    {"id": "L_4", "name": "Noninfectious nodule/mass", "scope": "INSTANCE"},
    {"id": "L_5", "name": "Atelectasis", "scope": "INSTANCE"},
    {"id": "L_6", "name": "Other noninfectious opacity", "scope": "INSTANCE"}]},
  {"id": "G_2", "name": "Team 2", "labels": [
    {"id": "L_7", "name": "Infectious opacity", "scope": "INSTANCE"},
    {"id": "L_8", "name": "Atelectasis", "scope": "INSTANCE"}]},
  {"id": "G_3", "name": "Study", "labels": [{"id": "L_9", "name": "Typical Appearance", "scope": "STUDY"}]}]"#;

/// Annotations as the export writes them.
#[derive(Default)]
struct Annotations {
    text: String,
    count: usize,
}

impl Annotations {
    fn add(&mut self, label: &str, reader: &str, (series, sop): (&str, &str), data: &str) {
        self.count += 1;
        let comma = if self.count > 1 { ",\n" } else { "" };
        let _ = write!(
            self.text,
            r#"{comma}{{"id": "A_{}", "labelId": "{label}", "createdById": "{reader}", "StudyInstanceUID": "1",
               "SeriesInstanceUID": "{series}", "SOPInstanceUID": "{sop}", "note": null, "data": {data}}}"#,
            self.count
        );
    }

    fn of_study(&mut self) {
        self.count += 1;
        let comma = if self.count > 1 { ",\n" } else { "" };
        let _ = write!(
            self.text,
            r#"{comma}{{"id": "A_{}", "labelId": "L_9", "StudyInstanceUID": "1", "data": null}}"#,
            self.count
        );
    }

    fn write(&self, path: &Path) {
        let all = &self.text;
        let file = format!(
            "{{{GROUPS}, \"datasets\": [{{\"id\": \"D\", \"name\": \"x\", \"studies\": [], \"annotations\": [{all}]}}]}}"
        );
        text(path, &file);
    }
}

fn square(x: usize, y: usize) -> String {
    let (right, down) = (x + 2, y + 2);
    format!(r#"{{"vertices": [[{x}, {y}], [{right}, {y}], [{right}, {down}], [{x}, {down}]]}}"#)
}

fn patient(study: usize) -> String {
    format!("MIDRC-RICORD-1A-{}-{:06}", [419639, 440808, 601267, 882211][study % 4], study)
}

/// 120 studies, 155 series of 4 slices in three nestings, 26,408 annotations. Series from the 121st on have none.
fn whole_collection(root: &Path) {
    let tree = root.join("MIDRC-RICORD-1A");
    let mut annotations = Annotations::default();
    for number in 0..155 {
        let study = number % 120;
        let (study_uid, series_uid) = (format!("2.25.1{study:03}"), format!("2.25.2{number:03}"));
        for slice in 1..=4 {
            let one = Slice::new(&patient(study), &study_uid, &series_uid, slice);
            let place = match number % 3 {
                0 => format!(
                    "{}/08-02-2002-NA-CT CHEST-0{study:04}/{number}.000000-ROUTINE-97100/1-{slice:03}.dcm",
                    patient(study)
                ),
                1 => format!("{series_uid}/{slice:08}.dcm"),
                _ => format!("all/{number:03}-{slice:03}.dcm"),
            };
            one.write(&tree.join(place));
        }
    }
    (0..803).for_each(|_| annotations.of_study());
    for number in 0..26_408 - 803 {
        let series = number % 120;
        let turn = number / 120;
        let uid = format!("2.25.2{series:03}");
        let sop = format!("{uid}.{}", 1 + turn % 4);
        let (label, reader) = [("L_1", "U_1"), ("L_7", "U_2"), ("L_2", "U_1"), ("L_5", "U_1")][turn / 4 % 4];
        let data = if number == 25_604 { "null".to_owned() } else { square(turn % 6, turn / 6 % 6) };
        annotations.add(if data == "null" { "L_1" } else { label }, reader, (&uid, &sop), &data);
    }
    annotations.write(&root.join("MIDRC-RICORD-1a_annotations_labelgroup_all_2020-Dec-8.json"));
    text(&root.join("MIDRC-RICORD-1A Clinical Data.csv"), "x");
}

#[test]
fn the_whole_collection_agrees_with_its_published_numbers() {
    let (run, archive) = (Run::new(), tempfile::tempdir().unwrap());
    whole_collection(archive.path());
    let before = listing(archive.path());
    let imported = run.import("ricord_1a", archive.path(), &Options::default()).unwrap();
    for one in &imported.flow.expected {
        assert!(one.agrees(), "{one:?}");
    }
    assert_eq!(imported.list.cases.len(), 120);
    assert!(!imported.flow.has_defects(), "{}", imported.flow.to_markdown());
    let cases = imported.flow.excluded.iter().filter(|one| one.unit == Unit::Case);
    assert_eq!(cases.filter(|one| one.cause == Cause::NotAnnotated).count(), 35);
    let null: Vec<_> = imported.flow.excluded.iter().filter(|one| one.unit == Unit::Annotation).collect();
    assert!(null.len() == 1 && null[0].reason.contains("null"), "{null:?}");
    assert!(imported.flow.remarks.iter().any(|remark| remark.contains("9 label ids to 7 names")));
    let sites: std::collections::BTreeSet<&str> = imported.list.cases.iter().map(|case| case.site.as_str()).collect();
    assert_eq!(sites.into_iter().collect::<Vec<_>>(), ["419639", "440808", "601267", "882211"]);
    assert_eq!(listing(archive.path()), before, "nothing is written into the archive");
    let mut said = imported.flow.to_markdown() + &serde_json::to_string(&imported.flow).unwrap();
    imported.list.cases.iter().for_each(|case| said += &format!("{} {} ", case.name, case.patient));
    assert!((0..120).all(|study| !said.contains(&format!("-{study:06}"))), "no patient's id is carried on");
    for case in &imported.list.cases {
        let (image, mask) =
            (open_ct(&case.image, &OpenOptions::default()).unwrap(), open_label_map(&case.labels).unwrap());
        image.volume.grid().must_equal(mask.grid()).unwrap();
        assert_eq!(image.origin.slices, 4, "flat folders are taken apart");
        assert!(mask.count(1) > 0);
    }
    assert_eq!(imported.list.licence, "CC BY-NC 4.0");
    let first = run.text();
    let made = run.folder.path().join("data.files/masks");
    let times = |folder: &Path| -> BTreeMap<PathBuf, _> {
        listing(folder)
            .into_iter()
            .map(|(path, _)| (path.clone(), path.metadata().unwrap().modified().unwrap()))
            .collect()
    };
    let times_before = times(&made);
    let one_mask = times_before.keys().find(|path| path.to_string_lossy().ends_with(".nii.gz")).unwrap();
    std::fs::remove_file(one_mask).unwrap();
    run.import("ricord_1a", archive.path(), &Options::default()).unwrap();
    assert_eq!(run.text(), first, "an import can be repeated");
    let changed = times(&made).into_iter().filter(|(path, time)| times_before[path] != *time).count();
    assert_eq!(changed, 2, "only the mask that was lost, and its key, are made again");
}

/// One study with everything that can be wrong.
fn irregular(root: &Path) {
    let mut annotations = Annotations::default();
    let series = |name: &str, edit: &dyn Fn(&mut Slice) -> bool| {
        for number in 1..=12 {
            let mut slice = Slice::new(&patient(82), "2.25.1", &format!("2.25.{name}"), number);
            if edit(&mut slice) {
                slice.write(&root.join(format!("dicom/{name}/{number}.dcm")));
            }
        }
    };
    series("10", &|_| true);
    Slice { sop: "2.25.10.99".to_owned(), number: 99, ..Slice::new(&patient(82), "2.25.1", "2.25.10", 3) }
        .write(&root.join("dicom/10/99.dcm"));
    std::fs::copy(root.join("dicom/10/4.dcm"), root.join("dicom/10/4 (1).dcm")).unwrap();
    series("11", &|slice| slice.number != 6);
    series("12", &|_| true);
    cut(&root.join("dicom/12/5.dcm"));
    series("13", &|_| true);
    text(
        &root.join("dicom/10/notes.exe"),
        "not an image, whatever it is called; it is longer than a preamble is, so that nobody takes it for one of these files by mistake",
    );
    let on = |series: &'static str, number: usize| (series, format!("2.25.{series}.{number}"));
    for (label, reader, (series, sop), data) in [
        ("L_1", "U_1", on("10", 1), square(1, 1)),
        ("L_7", "U_2", on("10", 1), square(2, 1)),
        ("L_5", "U_3", on("10", 1), square(4, 4)),
        ("L_1", "U_1", on("10", 99), square(0, 0)),
        ("L_1", "U_1", on("10", 77), square(0, 0)),
        ("L_1", "U_1", on("12", 1), square(0, 0)),
        ("L_1", "U_1", on("11", 1), square(0, 0)),
        ("L_1", "U_1", on("10", 2), "{\"x\": 1, \"y\": 2}".to_owned()),
        ("L_2", "U_1", on("10", 2), "{\"vertices\": []}".to_owned()),
        ("L_0", "U_1", on("10", 2), square(0, 0)),
        ("L_5", "U_1", on("13", 2), square(0, 0)),
        ("L_1", "U_1", on("14", 2), square(0, 0)),
        ("L_1", "U_1", ("13", "2.25.10.1".to_owned()), square(0, 0)),
    ] {
        annotations.add(label, reader, (&format!("2.25.{series}"), &sop), &data);
    }
    annotations.add("L_1", "U_1", ("", "2.25.10.5"), &square(3, 3));
    annotations.write(&root.join("my annotations.json"));
}

#[test]
fn whatever_is_wrong_is_listed_and_the_rest_imported() {
    let (run, archive) = (Run::new(), tempfile::tempdir().unwrap());
    irregular(archive.path());
    let imported = run.import("ricord_1a", archive.path(), &Options::default()).unwrap();
    let mut counted: BTreeMap<(Unit, Cause), usize> = BTreeMap::new();
    imported.flow.excluded.iter().for_each(|one| *counted.entry((one.unit, one.cause)).or_default() += 1);
    let expected = [
        ((Unit::Case, Cause::Missing), 2),
        ((Unit::Case, Cause::NotChosen), 1),
        ((Unit::File, Cause::Damaged), 1),
        ((Unit::File, Cause::Duplicated), 2),
        ((Unit::File, Cause::Foreign), 1),
        ((Unit::Annotation, Cause::Missing), 2),
        ((Unit::Annotation, Cause::Damaged), 1),
        ((Unit::Annotation, Cause::Foreign), 2),
        ((Unit::Annotation, Cause::Mismatch), 1),
    ];
    assert_eq!(counted.into_iter().collect::<Vec<_>>(), expected, "{}", imported.flow.to_markdown());
    let mask = open_label_map(&imported.list.cases[0].labels).unwrap();
    assert_eq!(mask.grid().shape(), [12, 8, 8]);
    let of_slice =
        |slice: usize| mask.labels()[slice * 64..(slice + 1) * 64].iter().filter(|&&label| label == 1).count();
    assert_eq!(of_slice(0), 12, "two squares of 9 that share 6");
    assert_eq!(of_slice(2), 9, "of two slices at one place the annotated one stays");
    assert_eq!(of_slice(4), 9, "an annotation without a series is known by its slice");

    for (readers, voxels) in
        [(Readers::Majority, 6), (Readers::Only("U_2".to_owned()), 9), (Readers::Only("Team 1".to_owned()), 9)]
    {
        let options = Options { readers: Some(readers.clone()), ..Options::default() };
        let imported = run.import("ricord_1a", archive.path(), &options).unwrap();
        let mask = open_label_map(&imported.list.cases[0].labels).unwrap();
        assert_eq!(mask.labels()[..64].iter().filter(|&&label| label == 1).count(), voxels, "{readers:?}");
    }
    let options = Options { classes: vec!["atelectasis".to_owned()], ..Options::default() };
    let imported = run.import("ricord_1a", archive.path(), &options).unwrap();
    assert_eq!(imported.list.cases.len(), 2, "10 and 13: {:?}", left_out(&imported));
    for (options, words) in [
        (Options { classes: vec!["opacities".to_owned()], ..Options::default() }, "no class `opacities`"),
        (Options { readers: Some(Readers::Only("U_8".to_owned())), ..Options::default() }, "no reader `U_8`"),
    ] {
        let error = run.import("ricord_1a", archive.path(), &options).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
    std::fs::remove_file(archive.path().join("my annotations.json")).unwrap();
    let error = run.import("ricord_1a", archive.path(), &Options::default()).unwrap_err();
    assert!(error.to_string().contains("no annotation file"), "{error}");
}

fn truth() -> Value {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../oracles/polygon/truth.json"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn polygons_are_those_of_scikit_image() {
    for (number, case) in truth()["small"].as_array().unwrap().iter().enumerate() {
        let vertices: Vec<[f64; 2]> = serde_json::from_value(case["vertices"].clone()).unwrap();
        let mut mask = vec![0_u8; 40 * 50];
        polygon::fill(&vertices, [40, 50], |row, column| mask[row * 50 + column] = 1);
        let pixels: usize = mask.iter().map(|&label| usize::from(label)).sum();
        assert_eq!(pixels as u64, case["pixels"].as_u64().unwrap(), "polygon {number}");
        assert_eq!(sha256(&mask)[..16], *case["sha256"].as_str().unwrap(), "polygon {number}");
    }
}

/// The numbers of `oracles/polygon/make.py`.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

/// The synthetic annotations of `oracles/polygon/make.py` on 255 slices.
fn synthetic_annotations(series: &str, slices: &[String]) -> Annotations {
    let mut numbers = Numbers(255);
    let mut annotations = Annotations::default();
    for (k, sop) in slices.iter().enumerate() {
        for reader in ["U_1", "U_2"].iter().take(if k % 3 == 0 { 2 } else { 1 }) {
            for _ in 0..1 + numbers.below(3) {
                let (x, y) = (60 + numbers.below(300), 60 + numbers.below(300));
                let count = 5 + numbers.below(20);
                let mut vertex = || {
                    let x = x as f64 + numbers.below(800) as f64 / 8.0;
                    format!("[{x}, {}]", y as f64 + numbers.below(800) as f64 / 8.0)
                };
                let vertices: Vec<String> = (0..count).map(|_| vertex()).collect();
                annotations.add("L_1", reader, (series, sop), &format!("{{\"vertices\": [{}]}}", vertices.join(", ")));
            }
        }
    }
    annotations
}

#[test]
fn synthetic_polygons_on_the_real_series_are_those_of_scikit_image() {
    let Some(root) = super::real("ricord") else { return };
    let run = Run::new();
    let source = pulmo_ct::format::dicom::SourceSeries::open(&root, &OpenOptions::default()).unwrap();
    let heights: Vec<f64> = source.slices().iter().map(|slice| slice.position_mm[2]).collect();
    assert!((heights[0] + 349.25).abs() < 1e-6 && heights.windows(2).all(|pair| pair[1] > pair[0]), "from the feet up");
    let sops: Vec<String> = source.slices().iter().map(|slice| slice.sop_instance_uid.clone()).collect();
    let file = run.folder.path().join("synthetic.json");
    synthetic_annotations(source.series_instance_uid(), &sops).write(&file);
    let truth = &truth()["series"];
    for (rule, name) in [(Readers::Union, "union"), (Readers::Majority, "majority")] {
        let options = Options { annotations: Some(file.clone()), readers: Some(rule), ..Options::default() };
        let imported = run.import("ricord_1a", &root, &options).unwrap();
        let [case] = imported.list.cases.as_slice() else { panic!("one case") };
        assert_eq!((case.site.as_str(), case.slices), ("419639", Some(255)));
        let mask = open_label_map(&case.labels).unwrap();
        source.grid().must_equal(mask.grid()).unwrap();
        assert_eq!(mask.count(1) as u64, truth[name]["voxels"].as_u64().unwrap(), "{name}");
        assert_eq!(sha256(mask.labels()), truth[name]["sha256"].as_str().unwrap(), "{name}");
        assert!(imported.flow.expected.iter().all(|one| one.agrees() || !one.explanation.is_empty()));
        if name == "union" {
            through_dicom(&source, &mask, run.folder.path());
        }
    }
}

/// The mask as a DICOM segmentation of the real series, and back.
fn through_dicom(source: &pulmo_ct::format::dicom::SourceSeries, mask: &pulmo_ct::LabelMap, folder: &Path) {
    use pulmo_ct::format::dicom::seg::{self, LabelRule, SegKind, Segment};
    use pulmo_ct::format::dicom::{Algorithm, AlgorithmKind, Settings, Timestamp};
    let algorithm = Algorithm { name: "polygons".to_owned(), version: "1".to_owned(), kind: AlgorithmKind::Manual };
    let settings = Settings { algorithm, created: Timestamp::from_seconds(1_600_000_000).unwrap(), new_study: false };
    let segments = [Segment::named(1, "infiltrate")];
    let object = seg::write(source, mask, &segments, SegKind::Binary, &settings).unwrap();
    let file = folder.join("mask.dcm");
    object.write(&file).unwrap();
    let read = seg::read(&file).unwrap();
    let again = read.onto(source.grid()).unwrap().to_label_map(&LabelRule::default()).unwrap();
    assert!(again.labels() == mask.labels(), "every voxel on its slice");
}
