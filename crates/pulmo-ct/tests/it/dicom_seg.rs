//! Segmentation objects: other makers' objects against highdicom, pydicom and dcmqi, and our own there and back.

use std::path::{Path, PathBuf};

use dicom_dictionary_std::tags;
use pulmo_ct::format::dicom::seg::{self, LabelRule, Overlap, SegKind, Segment, Segmentation};
use pulmo_ct::format::dicom::{SegmentMeaning, SourceSeries};
use pulmo_ct::format::{OpenOptions, open_ct, open_label_map};
use pulmo_ct::{Affine, Error, Grid, LabelMap, Spacing};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::dicom_objects::{Series, oracle, settings, truth};

fn ct_grid() -> Grid {
    *open_ct(&oracle("ct"), &OpenOptions::default()).unwrap().volume.grid()
}

fn set(mask: &[u8]) -> Vec<usize> {
    (0..mask.len()).filter(|&n| mask[n] != 0).collect()
}

fn list(value: &Value) -> Vec<usize> {
    serde_json::from_value(value.clone()).unwrap()
}

#[test]
fn objects_of_other_makers_give_their_voxels_on_the_grid_of_the_ct() {
    let grid = ct_grid();
    let truth = truth();
    let objects = truth["segmentations"].as_object().unwrap();
    assert!(objects.len() >= 12);
    for (name, object) in objects {
        let segmentation = match seg::read(&oracle(&format!("{name}.dcm"))) {
            Ok(segmentation) => segmentation,
            // Only where the codec is not built in, and by name.
            Err(e) if name.ends_with("jpegls") && e.to_string().contains("JPEG-LS") => continue,
            Err(e) => panic!("{name}: {e}"),
        };
        assert_eq!(segmentation.kind().name(), object["kind"].as_str().unwrap(), "{name}");
        let segments = object["segments"].as_object().unwrap();
        assert_eq!(segmentation.segments().len(), segments.len(), "{name}");
        let placed = segmentation.onto(&grid).unwrap_or_else(|e| panic!("{name}: {e}"));
        for (number, expected) in segments {
            let number: u16 = number.parse().unwrap();
            if segmentation.kind() == SegKind::Fractional {
                let shares = placed.shares(number).unwrap();
                let voxels = (0..shares.len()).filter(|&n| shares[n] > 0.0);
                let values: Vec<(usize, u8)> = voxels.map(|n| (n, (shares[n] * 255.0).round() as u8)).collect();
                let numbers = list(&expected["values"]).into_iter().map(|value| value as u8);
                let expected: Vec<(usize, u8)> = list(&expected["voxels"]).into_iter().zip(numbers).collect();
                assert_eq!(values, expected, "{name}, segment {number}");
            } else {
                assert_eq!(set(&placed.mask(number, 0.5).unwrap()), list(expected), "{name}, segment {number}");
            }
        }
    }
}

#[test]
fn segments_become_labels_by_a_stated_rule() {
    let one = open_label_map(&oracle("highdicom_binary.dcm")).unwrap();
    assert_eq!((one.count(1), one.count(2)), (35, 8));
    // Slices 1 to 3 of the CT: its own grid begins where its frames do.
    assert_eq!(one.grid().shape(), [3, 7, 13]);
    assert_eq!(one.grid().affine().origin_mm, [-20.5, -10.25, -297.5]);

    let path = oracle("highdicom_overlap.dcm");
    let message = open_label_map(&path).unwrap_err().to_string();
    assert!(message.contains("segments 1 and 2 overlap"), "{message}");
    let overlapping = seg::read(&path).unwrap();
    let labels = |overlap| overlapping.to_label_map(&LabelRule { overlap, ..LabelRule::default() }).unwrap();
    assert_eq!(labels(Overlap::HigherNumber).count(2), 35);
    assert_eq!(labels(Overlap::LowerNumber).count(1), 35);

    let fractional = seg::read(&oracle("highdicom_fractional.dcm")).unwrap();
    let count = |threshold| {
        let labels = fractional.to_label_map(&LabelRule { threshold, ..LabelRule::default() }).unwrap();
        [labels.count(1), labels.count(2)]
    };
    let shares = fractional.onto(&ct_grid()).unwrap().shares(1).unwrap();
    let above = |share: f32| shares.iter().filter(|&&x| x >= share && x > 0.0).count();
    assert_eq!(count(0.5), [above(0.5), 8]);
    assert_eq!(count(0.0), [above(0.0), 8], "the background is never inside");

    let gaps = open_label_map(&oracle("highdicom_labelmap_gaps.dcm")).unwrap();
    assert_eq!((gaps.count(7), gaps.count(200)), (35, 8));
}

#[test]
fn codes_and_labels_of_other_makers_are_read() {
    let segmentation = seg::read(&oracle("highdicom_binary.dcm")).unwrap();
    let [one, two] = segmentation.segments() else { panic!("two segments") };
    assert_eq!(one.segment.label, "Segment 1");
    assert!(one.segment.kind.is_same(&SegmentMeaning::of("infiltrate").unwrap().kind));
    assert!(two.segment.kind.is_same(&SegmentMeaning::of("ground glass").unwrap().kind));
    assert_eq!(one.segment.tracking_uid.as_deref(), Some("2.25.9876543210.77.1"));
    assert_eq!(one.algorithm_name, "oracle");
    assert_eq!(segmentation.referenced_series_uid(), "2.25.9876543210.1.2");
    assert_eq!(segmentation.frame_of_reference_uid(), "2.25.9876543210.1.4");
}

#[allow(clippy::print_stderr, reason = "a test says what it measured or why it did not run")]
#[test]
fn the_objects_of_highdicoms_tests_give_highdicoms_voxels() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/objects"));
    if !folder.is_dir() {
        eprintln!("not checked: `{}` is not there", folder.display());
        return;
    }
    let truth: Value = serde_json::from_slice(&std::fs::read(oracle("real.json")).unwrap()).unwrap();
    for (name, segments) in truth.as_object().unwrap() {
        let segmentation = seg::read(&folder.join(format!("{name}.dcm"))).unwrap();
        let grid = segmentation.grid().unwrap();
        let placed = segmentation.onto(&grid).unwrap();
        for (number, expected) in segments.as_object().unwrap() {
            let number: u16 = number.parse().unwrap();
            assert_eq!(grid.shape().to_vec(), list(&expected["shape"]), "{name}");
            let affine: Vec<Vec<f64>> = serde_json::from_value(expected["affine"].clone()).unwrap();
            for (axis, ours) in grid.affine().columns.iter().chain([&grid.affine().origin_mm]).enumerate() {
                for (row, x) in ours.iter().enumerate() {
                    assert!((x - affine[row][axis]).abs() < 1e-4, "{name}: {ours:?}, expected {affine:?}");
                }
            }
            let whole = if segmentation.kind() == SegKind::Fractional { 255.0 } else { 1.0 };
            let values: Vec<u8> =
                placed.shares(number).unwrap().into_iter().map(|share| (share * whole).round() as u8).collect();
            assert_eq!(values.iter().filter(|&&x| x > 0).count() as u64, expected["count"].as_u64().unwrap());
            let digest: String = Sha256::digest(&values).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(digest, expected["sha256"].as_str().unwrap(), "{name}, segment {number}");
        }
    }
}

/// Two segments that no flip, turn or shift maps onto themselves.
fn shapes(grid: Grid) -> LabelMap {
    let [slices, rows, columns] = grid.shape();
    let mut labels = vec![0; grid.voxels()];
    let mut put =
        |slice: usize, row: usize, column: usize, label| labels[(slice * rows + row) * columns + column] = label;
    for slice in 1..slices {
        (1..6).for_each(|row| put(slice, row, 2, 1));
        (2..9).for_each(|column| put(slice, 5, column, 1));
    }
    put(1, 1, 3, 1);
    (0..4).for_each(|row| put(0, row, 11, 2));
    put(0, 3, 12, 2);
    LabelMap::new(grid, labels).unwrap()
}

fn segments() -> Vec<Segment> {
    vec![Segment::named(1, "infiltrate"), Segment::named(2, "left lung")]
}

/// CT series that lie in space in every way that matters.
fn all_series() -> Vec<(&'static str, Series)> {
    let (sin, cos) = 0.35_f64.sin_cos();
    let series = |orientation: [f64; 6], step: [f64; 3]| Series { orientation, step, ..Series::default() };
    let axial = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0];
    vec![
        ("axial", series(axial, [0.0, 0.0, 2.5])),
        ("stored from the head down", series(axial, [0.0, 0.0, -2.5])),
        ("coronal", series([1.0, 0.0, 0.0, 0.0, 0.0, -1.0], [0.0, 2.5, 0.0])),
        ("sagittal", series([0.0, 1.0, 0.0, 0.0, 0.0, -1.0], [2.5, 0.0, 0.0])),
        ("prone", series([-1.0, 0.0, 0.0, 0.0, -1.0, 0.0], [0.0, 0.0, 2.5])),
        ("flipped rows", series([1.0, 0.0, 0.0, 0.0, -1.0, 0.0], [0.0, 0.0, 2.5])),
        ("tilted gantry", series(axial, [0.0, 0.9, 2.5])),
        ("oblique", series([cos, 0.0, sin, 0.0, 1.0, 0.0], [-2.5 * sin, 0.0, 2.5 * cos])),
    ]
}

#[test]
fn label_maps_come_back_exactly_however_the_series_lies() {
    for (name, series) in all_series() {
        let folder = series.write();
        let source = SourceSeries::open(folder.path(), &OpenOptions::default()).unwrap();
        let labels = shapes(*source.grid());
        let out = folder.path().join("seg.dcm");
        for kind in [SegKind::Binary, SegKind::LabelMap] {
            seg::write(&source, &labels, &segments(), kind, &settings()).unwrap().write(&out).unwrap();
            let read = seg::read(&out).unwrap();
            assert_eq!(read.kind(), kind);
            let back = read.onto(source.grid()).unwrap().to_label_map(&LabelRule::default()).unwrap();
            assert_eq!(back, labels, "{name}, {}", kind.name());
            // Every slice shows something, so its own grid is the CT's.
            let own = open_label_map(&out).unwrap();
            source.grid().must_equal(own.grid()).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!(own.labels(), labels.labels(), "{name}, {}", kind.name());
            assert_eq!(read.segments()[1].segment.laterality, SegmentMeaning::of("left_lung").unwrap().laterality);
        }
    }
}

#[test]
fn resampled_series_keep_their_places_and_name_both_neighbours() {
    let folder = Series::default().write();
    std::fs::remove_file(folder.path().join("2.dcm")).unwrap();
    assert!(SourceSeries::open(folder.path(), &OpenOptions::default()).is_err());
    let tilted = Series { step: [0.0, 0.9, 2.5], ..Series::default() }.write();
    for (name, folder, options, neighbours) in [
        ("gap", &folder, OpenOptions { allow_gaps: true, ..OpenOptions::default() }, ["2.25.3.1", "2.25.3.3"]),
        ("tilt", &tilted, OpenOptions { straighten: true, ..OpenOptions::default() }, ["2.25.3.2", "2.25.3.2"]),
    ] {
        let source = SourceSeries::open(folder.path(), &options).unwrap();
        assert!(source.is_resampled(), "{name}");
        let opened = open_ct(folder.path(), &options).unwrap();
        opened.volume.grid().must_equal(source.grid()).unwrap();
        // One voxel of the slice in the middle, which the gap had no image of.
        let mut labels = vec![0; source.grid().voxels()];
        let middle = labels.len() / 2;
        labels[middle] = 1;
        let labels = LabelMap::new(*source.grid(), labels).unwrap();
        let out = folder.path().join("seg.dcm");
        let segments = [Segment::named(1, "infiltrate")];
        seg::write(&source, &labels, &segments, SegKind::Binary, &settings()).unwrap().write(&out).unwrap();
        let back = seg::read(&out).unwrap().onto(source.grid()).unwrap().to_label_map(&LabelRule::default()).unwrap();
        assert_eq!(back, labels, "{name}");
        let frames = dicom_object::open_file(&out).unwrap();
        let frame = &frames.element(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE).unwrap().items().unwrap()[0];
        let derivation = &frame.element(tags::DERIVATION_IMAGE_SEQUENCE).unwrap().items().unwrap()[0];
        let sources = derivation.element(tags::SOURCE_IMAGE_SEQUENCE).unwrap().items().unwrap();
        let text = |item: &dicom_object::InMemDicomObject, tag| {
            item.element(tag).unwrap().to_str().unwrap().trim_end_matches(['\0', ' ']).to_owned()
        };
        let uids: Vec<String> = sources.iter().map(|item| text(item, tags::REFERENCED_SOP_INSTANCE_UID)).collect();
        let mut expected = neighbours.map(str::to_owned).to_vec();
        expected.dedup();
        assert_eq!(uids, expected, "{name}");
        assert_eq!(text(&sources[0], tags::SPATIAL_LOCATIONS_PRESERVED), "NO", "{name}");
    }
}

#[test]
fn probabilities_come_back_within_half_a_step() {
    let folder = Series::default().write();
    let source = SourceSeries::open(folder.path(), &OpenOptions::default()).unwrap();
    let voxels = source.grid().voxels();
    let one: Vec<f32> = (0..voxels).map(|n| n as f32 / (voxels - 1) as f32).collect();
    let two: Vec<f32> = one.iter().map(|x| if *x > 0.7 { 1.0 - x } else { 0.0 }).collect();
    let write = |one: &[f32]| seg::write_fractional(&source, source.grid(), &[one, &two], &segments(), &settings());
    let out = folder.path().join("seg.dcm");
    write(&one).unwrap().write(&out).unwrap();
    let read = seg::read(&out).unwrap();
    let placed = read.onto(source.grid()).unwrap();
    for (number, expected) in [(1, &one), (2, &two)] {
        let shares = placed.shares(number).unwrap();
        let worst = shares.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst <= 0.5 / 255.0 + 1e-6, "{worst}");
    }
    let mut bad = one.clone();
    bad[3] = f32::NAN;
    assert!(write(&bad).unwrap_err().to_string().contains("a probability of NaN"));
    bad[3] = 1.5;
    assert!(write(&bad).is_err());
    assert!(write(&one[1..]).is_err());
}

#[test]
fn a_turned_or_cropped_grid_gets_the_same_voxels() {
    let folder = Series::default().write();
    let source = SourceSeries::open(folder.path(), &OpenOptions::default()).unwrap();
    let labels = shapes(*source.grid());
    let out = folder.path().join("seg.dcm");
    seg::write(&source, &labels, &segments(), SegKind::Binary, &settings()).unwrap().write(&out).unwrap();
    let read = seg::read(&out).unwrap();
    let affine = source.grid().affine();
    let [slices, rows, columns] = source.grid().shape();
    // Axes (column, slice, row), the columns counted backwards, with one more slice at both ends.
    let [slice, row, column] = affine.columns;
    let turned = Affine {
        columns: [column.map(|x| -x), slice, row],
        origin_mm: affine.voxel_to_world([-1.0, 0.0, columns as f64 - 1.0]),
    };
    let turned = Grid::new([columns, slices + 2, rows], turned).unwrap();
    let back = read.onto(&turned).unwrap().to_label_map(&LabelRule::default()).unwrap();
    for (n, &label) in labels.labels().iter().enumerate() {
        let (k, r, c) = (n / (rows * columns), n / columns % rows, n % columns);
        let there = ((columns - 1 - c) * (slices + 2) + k + 1) * rows + r;
        assert_eq!(back.labels()[there], label, "slice {k}, row {r}, column {c}");
    }
    assert_eq!(back.labels().iter().filter(|&&x| x > 0).count(), labels.labels().iter().filter(|&&x| x > 0).count());

    // Half a voxel aside, another spacing, turned by a little, or too small: refused with the reason.
    let problem = |affine: Affine, shape| {
        let placed =
            read.onto(&Grid::new(shape, affine).unwrap()).and_then(|placed| placed.to_label_map(&LabelRule::default()));
        placed.unwrap_err().to_string()
    };
    let shape = [slices, rows, columns];
    let mut moved = *affine;
    moved.origin_mm[0] += 0.35;
    assert!(problem(moved, shape).contains("lies 0.350 mm from the voxels of the CT"), "{}", problem(moved, shape));
    let mut coarse = *affine;
    coarse.columns[2][0] *= 3.0;
    assert!(problem(coarse, shape).contains("do not run along"), "{}", problem(coarse, shape));
    let mut tilted = *affine;
    tilted.columns[1] = [0.0, 0.8 * 0.1_f64.cos(), 0.8 * 0.1_f64.sin()];
    assert!(problem(tilted, shape).contains("mm from the voxels"), "{}", problem(tilted, shape));
    assert!(problem(*affine, [slices, rows, 5]).contains("outside the CT"));
}

#[test]
fn an_empty_label_map_has_one_empty_frame() {
    let folder = Series::default().write();
    let source = SourceSeries::open(folder.path(), &OpenOptions::default()).unwrap();
    let labels = LabelMap::new(*source.grid(), vec![0; source.grid().voxels()]).unwrap();
    for kind in [SegKind::Binary, SegKind::LabelMap] {
        let out = folder.path().join("seg.dcm");
        seg::write(&source, &labels, &segments(), kind, &settings()).unwrap().write(&out).unwrap();
        let read = seg::read(&out).unwrap();
        assert_eq!(read.frame_count(), 1);
        assert_eq!(read.onto(source.grid()).unwrap().to_label_map(&LabelRule::default()).unwrap(), labels);
    }
}

#[test]
fn what_cannot_be_written_exactly_is_refused() {
    let folder = Series::default().write();
    let source = SourceSeries::open(folder.path(), &OpenOptions::default()).unwrap();
    let labels = shapes(*source.grid());
    let write = |labels: &LabelMap, segments: &[Segment], kind| {
        seg::write(&source, labels, segments, kind, &settings()).map(|_| ()).map_err(|e| e.to_string())
    };
    let [one, two] = [Segment::named(1, "infiltrate"), Segment::named(2, "spot")];
    let gap = [one.clone(), Segment { number: 3, ..two.clone() }];
    assert!(write(&labels, &gap, SegKind::Binary).unwrap_err().contains("without gaps"));
    assert!(
        write(&labels, std::slice::from_ref(&one), SegKind::Binary).unwrap_err().contains("label 2 has no segment")
    );
    assert!(write(&labels, &gap, SegKind::LabelMap).unwrap_err().contains("label 2 has no segment"));
    assert!(write(&labels, &[one.clone(), two.clone()], SegKind::Fractional).unwrap_err().contains("no probabilities"));
    let long = Segment { label: "x".repeat(65), ..two.clone() };
    let problem = write(&labels, &[one.clone(), long], SegKind::Binary).unwrap_err();
    assert_eq!(problem, "DICOM element (0062,0005) (VR LO) has 65 characters, at most 64 are allowed");
    let moved = Affine { origin_mm: [0.0; 3], ..*source.grid().affine() };
    let moved = Grid::new(source.grid().shape(), moved).unwrap();
    let moved = LabelMap::new(moved, labels.labels().to_vec()).unwrap();
    assert!(write(&moved, &[one.clone(), two.clone()], SegKind::Binary).unwrap_err().contains("grids differ"));
    let other = Grid::new([1, 1, 1], Affine::axial(Spacing::new([1.0; 3]).unwrap(), [0.0; 3])).unwrap();
    assert!(write(&LabelMap::new(other, vec![1]).unwrap(), &[one], SegKind::Binary).is_err());
}

/// An oracle's object with the bytes of one element replaced.
fn edited(name: &str, old: &[u8], new: &[u8]) -> (tempfile::TempDir, Result<Segmentation, Error>) {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join(name);
    let bytes = std::fs::read(oracle(name)).unwrap();
    let at = bytes.windows(old.len()).position(|window| window == old).expect("the element is there");
    let edited = [&bytes[..at], new, &bytes[at + old.len()..]].concat();
    std::fs::write(&path, edited).unwrap();
    let read = seg::read(&path);
    (folder, read)
}

#[test]
fn nothing_that_an_object_says_of_its_size_is_believed() {
    let problem = |old: &[u8], new: &[u8]| edited("highdicom_binary.dcm", old, new).1.unwrap_err().to_string();
    // NumberOfFrames.
    let frames = b"\x28\x00\x08\x00IS\x02\x005 ";
    let problem_of_frames = problem(frames, b"\x28\x00\x08\x00IS\x02\x0099");
    assert!(problem_of_frames.contains("NumberOfFrames is 99, and 5 frames"), "{problem_of_frames}");
    assert!(problem(frames, b"\x28\x00\x08\x00IS\x02\x00-1").contains("NumberOfFrames is -1"));
    // Rows and Columns.
    let rows = b"\x28\x00\x10\x00US\x02\x00\x07\x00";
    let problem_of_rows = problem(rows, b"\x28\x00\x10\x00US\x02\x00\xff\x1f");
    assert!(problem_of_rows.contains("PixelData has"), "{problem_of_rows}");
    assert!(problem(rows, b"\x28\x00\x10\x00US\x02\x00\xff\xff").contains("Rows is 65535"));
    // A frame far away from the others: no memory is spent on what lies between.
    let last = b"-297.5";
    let (_folder, read) = edited("highdicom_binary.dcm", last, b"-9.9e9");
    let problem = read.unwrap().to_label_map(&LabelRule::default()).unwrap_err().to_string();
    assert!(problem.contains("without a CT") || problem.contains("not equally spaced"), "{problem}");
    let (_folder, read) = edited("highdicom_binary.dcm", last, b"-298.9");
    let problem = read.unwrap().to_label_map(&LabelRule::default()).unwrap_err().to_string();
    assert!(problem.contains("not equally spaced"), "{problem}");
}

#[test]
fn what_is_no_segmentation_is_refused_by_name() {
    let ct = std::fs::read_dir(oracle("ct")).unwrap().next().unwrap().unwrap().path();
    assert!(seg::read(&ct).unwrap_err().to_string().contains("expected a Segmentation"));
    let (_folder, read) = edited("highdicom_binary.dcm", b"BINARY", b"BINARX");
    assert!(read.unwrap_err().to_string().contains("SegmentationType `BINARX`"));
}

#[test]
fn damaged_objects_are_errors_or_odd_voxels() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("seg.dcm");
    let grid = ct_grid();
    let mut state = 5_u64;
    let mut below = |limit: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % limit
    };
    for name in [
        "highdicom_binary",
        "fractional_rle",
        "highdicom_labelmap",
        "dcmqi_binary",
        "sagittal",
        "deflated_shared_number",
    ] {
        let whole = std::fs::read(oracle(&format!("{name}.dcm"))).unwrap();
        for _ in 0..150 {
            let mut bytes = whole.clone();
            if below(5) == 0 {
                bytes.truncate(below(whole.len()));
            } else {
                for _ in 0..=below(6) {
                    let at = below(bytes.len());
                    bytes[at] = [0, 0xff, b'9', b'-', below(256) as u8][below(5)];
                }
            }
            std::fs::write(&path, bytes).unwrap();
            let _ = open_label_map(&path);
            if let Ok(segmentation) = seg::read(&path) {
                let _ = segmentation.onto(&grid).and_then(|placed| placed.to_label_map(&LabelRule::default()));
            }
        }
    }
}

/// The parser must not see these: it would fall out of step and clear gigabytes.
#[test]
fn items_out_of_place_are_refused_before_they_are_parsed() {
    for name in ["item_tag_damaged", "item_at_the_root"] {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/seg");
        let error = seg::read(&std::path::Path::new(path).join(name)).unwrap_err().to_string();
        assert!(error.contains("is out of place"), "{name}: {error}");
    }
}
