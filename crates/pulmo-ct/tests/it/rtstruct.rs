//! RT Structure Sets: exact round trips, contours of other makers, hostile files.

use std::path::Path;

use dicom_core::value::DataSetSequence;
use dicom_core::{DataElement, Length, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{FileMetaTableBuilder, InMemDicomObject, open_file};
use pulmo_ct::format::dicom::seg::Segment;
use pulmo_ct::format::dicom::{Algorithm, AlgorithmKind, Settings, SourceSeries, Timestamp, rtstruct};
use pulmo_ct::format::{OpenOptions, open_ct, open_label_map};
use pulmo_ct::{Affine, Grid, LabelMap, Spacing};

use super::ct_series;
use super::format_real::real;

pub(crate) fn settings() -> Settings {
    Settings {
        algorithm: Algorithm { name: "test".to_owned(), version: "1".to_owned(), kind: AlgorithmKind::Automatic },
        created: Timestamp::from_seconds(1_790_000_000).unwrap(),
        new_study: false,
    }
}

fn segment(number: u16, name: &str) -> Segment {
    Segment::named(number, name)
}

fn axial(shape: [usize; 3]) -> Grid {
    Grid::new(shape, Affine::axial(Spacing::new([2.5, 0.8, 0.7]).unwrap(), [-20.5, -31.25, -300.0])).unwrap()
}

/// Turned about all axes.
fn oblique(shape: [usize; 3]) -> Grid {
    let (sin, cos) = (0.6, 0.8);
    let turn_z = |[x, y, z]: [f64; 3]| [cos * x - sin * y, sin * x + cos * y, z];
    let turn_x = |[x, y, z]: [f64; 3]| [x, cos * y - sin * z, sin * y + cos * z];
    let mut affine = *axial(shape).affine();
    affine.columns = affine.columns.map(|column| turn_x(turn_z(column)));
    Grid::new(shape, affine).unwrap()
}

/// Labels 0, 1 and 2 at random, with runs, holes and pixels that touch at corners.
fn random_labels(grid: Grid, seed: u64) -> LabelMap {
    let mut state = seed;
    let mut next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    let labels = (0..grid.voxels()).map(|_| [0, 0, 1, 1, 1, 2][(next() % 6) as usize]).collect();
    LabelMap::new(grid, labels).unwrap()
}

fn source(folder: &Path, grid: &Grid) -> SourceSeries {
    ct_series::write(folder, grid);
    SourceSeries::open(folder, &OpenOptions::default()).unwrap()
}

#[test]
fn random_masks_come_back_on_axial_and_oblique_grids() {
    let folder = tempfile::tempdir().unwrap();
    let shapes = [[3, 13, 7], [2, 7, 13], [4, 33, 40]];
    let makers: [fn([usize; 3]) -> Grid; 2] = [axial, oblique];
    for (number, (shape, make)) in shapes.into_iter().flat_map(|shape| makers.map(|make| (shape, make))).enumerate() {
        let source = source(&folder.path().join(format!("ct{number}")), &make(shape));
        let labels = random_labels(*source.grid(), number as u64);
        let structures = [segment(1, "infiltrate"), segment(2, "left_lung")];
        let object = rtstruct::write(&source, &labels, &structures, &settings()).unwrap();
        let path = folder.path().join("rtstruct.dcm");
        object.write(&path).unwrap();
        let set = rtstruct::read(&path, source.grid()).unwrap();
        assert_eq!(set.to_label_map().unwrap().labels(), labels.labels(), "{number}");
        assert_eq!(set.warnings, Vec::<String>::new());
        assert_eq!(set.series_instance_uid.as_deref(), Some("2.25.2"));
        assert_eq!(set.frame_of_reference_uid.as_deref(), Some("2.25.4"));
        let first = &set.structures[0];
        assert_eq!((first.number, first.name.as_str(), first.rgb), (1, "Infiltrate", Some([230, 60, 40])));
        assert_eq!(set.structures[1].kind, "ORGAN");
        assert_eq!(first.voxels(), labels.count(1));
        assert_eq!(set.mask(1).unwrap().count(1), labels.count(2));
    }
}

#[test]
fn the_same_input_gives_the_same_bytes_and_another_voxel_other_uids() {
    let folder = tempfile::tempdir().unwrap();
    let source = source(&folder.path().join("ct"), &axial([2, 13, 7]));
    let labels = random_labels(*source.grid(), 9);
    let structures = [segment(1, "infiltrate")];
    let write = |labels: &LabelMap| rtstruct::write(&source, labels, &structures, &settings()).unwrap();
    let one = write(&labels);
    assert_eq!(one.bytes().unwrap(), write(&labels).bytes().unwrap());
    let mut changed = labels.labels().to_vec();
    changed[20] = 1 - changed[20].min(1);
    let other = write(&LabelMap::new(*source.grid(), changed).unwrap());
    assert_ne!(one.sop_instance_uid(), other.sop_instance_uid());
    assert_ne!(one.series_instance_uid(), other.series_instance_uid());
}

#[test]
fn long_contours_are_written_without_vr_and_come_back() {
    // A comb: one contour of 2,000 points and more.
    let grid = axial([2, 10, 2400]);
    let folder = tempfile::tempdir().unwrap();
    let source = source(&folder.path().join("ct"), &grid);
    let comb = |at: usize| u8::from(at % 24_000 < 2400 || (at % 2400).is_multiple_of(2));
    let labels = LabelMap::new(*source.grid(), (0..grid.voxels()).map(comb).collect()).unwrap();
    let object = rtstruct::write(&source, &labels, &[segment(1, "opacity")], &settings()).unwrap();
    let path = folder.path().join("rtstruct.dcm");
    object.write(&path).unwrap();
    assert_eq!(open_file(&path).unwrap().meta().transfer_syntax(), uids::IMPLICIT_VR_LITTLE_ENDIAN);
    let set = rtstruct::read(&path, source.grid()).unwrap();
    assert_eq!(set.to_label_map().unwrap().labels(), labels.labels());
}

#[test]
fn a_label_without_voxels_is_a_structure_without_contours() {
    let folder = tempfile::tempdir().unwrap();
    let source = source(&folder.path().join("ct"), &axial([2, 5, 4]));
    let labels = LabelMap::new(*source.grid(), vec![0; 40]).unwrap();
    let path = folder.path().join("rtstruct.dcm");
    rtstruct::write(&source, &labels, &[segment(1, "opacity")], &settings()).unwrap().write(&path).unwrap();
    let set = rtstruct::read(&path, source.grid()).unwrap();
    assert_eq!((set.structures.len(), set.structures[0].voxels()), (1, 0));
    for bad in [vec![], vec![segment(0, "lung")], vec![segment(1, "lung"), segment(1, "opacity")]] {
        assert!(rtstruct::write(&source, &labels, &bad, &settings()).is_err(), "{bad:?}");
    }
}

/// A structure set as another program might write it.
struct Foreign {
    contours: Vec<(&'static str, Vec<[f64; 3]>)>,
}

fn sequence(tag: Tag, items: Vec<InMemDicomObject>) -> DataElement<InMemDicomObject> {
    DataElement::new(tag, VR::SQ, DataSetSequence::new(items, Length::UNDEFINED))
}

fn text(object: &mut InMemDicomObject, tag: Tag, vr: VR, value: &str) {
    object.put(DataElement::new(tag, vr, PrimitiveValue::from(value)));
}

impl Foreign {
    fn object(&self) -> InMemDicomObject {
        let mut roi = InMemDicomObject::new_empty();
        text(&mut roi, tags::ROI_NUMBER, VR::IS, "7");
        text(&mut roi, tags::ROI_NAME, VR::LO, "GTV");
        let contours = self.contours.iter().map(|(kind, points)| {
            let mut contour = InMemDicomObject::new_empty();
            text(&mut contour, tags::CONTOUR_GEOMETRIC_TYPE, VR::CS, kind);
            text(&mut contour, tags::NUMBER_OF_CONTOUR_POINTS, VR::IS, &points.len().to_string());
            let numbers: Vec<String> = points.iter().flatten().map(|x| format!("{x:.4}")).collect();
            text(&mut contour, tags::CONTOUR_DATA, VR::DS, &numbers.join("\\"));
            contour
        });
        let mut item = InMemDicomObject::new_empty();
        text(&mut item, tags::REFERENCED_ROI_NUMBER, VR::IS, "7");
        item.put(sequence(tags::CONTOUR_SEQUENCE, contours.collect()));
        let mut object = InMemDicomObject::new_empty();
        text(&mut object, tags::SOP_CLASS_UID, VR::UI, uids::RT_STRUCTURE_SET_STORAGE);
        text(&mut object, tags::SOP_INSTANCE_UID, VR::UI, "2.25.9");
        object.put(sequence(tags::STRUCTURE_SET_ROI_SEQUENCE, vec![roi]));
        object.put(sequence(tags::ROI_CONTOUR_SEQUENCE, vec![item]));
        object
    }

    fn read(&self, grid: &Grid) -> pulmo_ct::Result<rtstruct::StructureSet> {
        read_object(self.object(), grid)
    }
}

fn read_object(object: InMemDicomObject, grid: &Grid) -> pulmo_ct::Result<rtstruct::StructureSet> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("foreign.dcm");
    let meta = FileMetaTableBuilder::new().transfer_syntax(uids::IMPLICIT_VR_LITTLE_ENDIAN);
    object.with_meta(meta).unwrap().write_to_file(&path).unwrap();
    rtstruct::read(&path, grid)
}

/// A grid of 1 mm with its origin at the patient's: voxels are at whole mm.
fn unit_grid() -> Grid {
    Grid::new([3, 8, 9], Affine::axial(Spacing::new([2.0, 1.0, 1.0]).unwrap(), [0.0; 3])).unwrap()
}

fn square(z: f64, from: f64, to: f64) -> Vec<[f64; 3]> {
    vec![[from, from, z], [to, from, z], [to, to, z], [from, to, z]]
}

#[test]
fn contours_of_others_follow_the_even_odd_rule() {
    let closed = |points: Vec<[f64; 3]>| ("CLOSED_PLANAR", points);
    let grid = unit_grid();
    let voxels = |contours: Vec<_>| Foreign { contours }.read(&grid).unwrap().structures[0].voxels();
    let outer = square(2.0, 0.5, 5.5);
    let mut inner = square(2.0, 1.5, 3.5);
    assert_eq!(voxels(vec![closed(outer.clone())]), 25);
    assert_eq!(voxels(vec![closed(outer.clone()), closed(inner.clone())]), 21, "a hole");
    inner.reverse();
    assert_eq!(voxels(vec![closed(inner.clone()), closed(outer.clone())]), 21, "whichever way it runs");
    assert_eq!(voxels(vec![closed(outer.clone()), closed(outer.clone())]), 25, "drawn twice");
    let keyhole = [&outer[..], &outer[..1], &inner[..], &inner[..1]].concat();
    assert_eq!(voxels(vec![closed(keyhole)]), 21);
    assert_eq!(voxels(vec![("CLOSEDPLANAR_XOR", outer.clone()), ("CLOSEDPLANAR_XOR", inner)]), 21);
    assert_eq!(voxels(vec![closed(square(2.05, 0.5, 5.5))]), 25, "rounded to its plane");
    assert_eq!(voxels(vec![closed(square(2.0, -50.0, 50.0))]), 72, "cut at the edges");
    let crossing = Foreign { contours: vec![closed(outer), closed(square(2.0, 3.5, 6.5))] }.read(&grid).unwrap();
    assert_eq!(crossing.structures[0].voxels(), 25 + 9 - 2 * 4);
    assert!(crossing.warnings[0].contains("overlap in part on 1 slice;"), "{:?}", crossing.warnings);
}

#[test]
fn contours_that_are_no_part_of_a_slice_are_named() {
    let grid = unit_grid();
    let left_out = Foreign {
        contours: vec![
            ("POINT", vec![[1.0, 1.0, 2.0]]),
            ("OPEN_PLANAR", square(0.0, 0.5, 2.5)),
            ("CLOSED_PLANAR", Vec::new()),
            ("CLOSED_PLANAR", square(8.0, 0.5, 2.5)),
        ],
    };
    let set = left_out.read(&grid).unwrap();
    assert_eq!(set.structures[0].voxels(), 0);
    for expected in [
        "structure 7 `GTV`: left out: 1 contour of type POINT",
        "structure 7 `GTV`: left out: 1 contour of type OPEN_PLANAR",
        "structure 7 `GTV`: left out: 1 contour of type CLOSED_PLANAR without points",
        "structure 7 `GTV`: left out: 1 contour beyond the first or last slice",
    ] {
        assert!(set.warnings.iter().any(|warning| warning == expected), "{:?}", set.warnings);
    }
    let error = |points: Vec<[f64; 3]>| {
        let foreign = Foreign { contours: vec![("CLOSED_PLANAR", points)] };
        foreign.read(&grid).unwrap_err().to_string()
    };
    let between = error(square(2.9, 0.5, 2.5));
    assert!(between.contains("contour 1 lies 0.900 mm off the nearest slice (planes are 2.000 mm apart)"), "{between}");
    let mut upright = square(2.0, 0.5, 2.5);
    upright[2][2] = 4.0;
    assert!(error(upright).contains("reaches over 2.000 mm across the slices"));
}

#[test]
fn damaged_structure_sets_are_refused() {
    let grid = unit_grid();
    let good = || Foreign { contours: vec![("CLOSED_PLANAR", square(2.0, 0.5, 2.5))] }.object();
    let spoil = |change: &dyn Fn(&mut InMemDicomObject)| {
        let mut object = good();
        let mut item = object.take_element(tags::ROI_CONTOUR_SEQUENCE).unwrap().items().unwrap()[0].clone();
        let mut contour = item.take_element(tags::CONTOUR_SEQUENCE).unwrap().items().unwrap()[0].clone();
        change(&mut contour);
        item.put(sequence(tags::CONTOUR_SEQUENCE, vec![contour]));
        object.put(sequence(tags::ROI_CONTOUR_SEQUENCE, vec![item]));
        read_object(object, &grid).unwrap_err().to_string()
    };
    let data = |value: &'static str| spoil(&move |contour| text(contour, tags::CONTOUR_DATA, VR::DS, value));
    assert!(data("1\\2\\3\\4").contains("4 numbers in ContourData"));
    assert!(data("1\\2\\x").contains("not numbers"));
    assert!(data("1\\2\\inf").contains("not"));
    assert!(data("1\\2\\2").contains("says that it has 4 points and has 1"));
    let without_roi = {
        let mut object = good();
        object.put(sequence(tags::STRUCTURE_SET_ROI_SEQUENCE, vec![]));
        read_object(object, &grid).unwrap_err().to_string()
    };
    assert!(without_roi.contains("not in StructureSetROISequence"), "{without_roi}");
    let mut other = good();
    text(&mut other, tags::SOP_CLASS_UID, VR::UI, uids::CT_IMAGE_STORAGE);
    assert!(matches!(read_object(other, &grid).unwrap_err(), pulmo_ct::Error::Unsupported { .. }));
}

#[test]
fn cut_off_and_mutated_files_never_panic() {
    let folder = tempfile::tempdir().unwrap();
    let source = source(&folder.path().join("ct"), &axial([2, 13, 7]));
    let labels = random_labels(*source.grid(), 2);
    let structures = [segment(1, "infiltrate")];
    let bytes = rtstruct::write(&source, &labels, &structures, &settings()).unwrap().bytes().unwrap();
    let path = folder.path().join("hostile.dcm");
    let try_bytes = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let _ = rtstruct::read(&path, source.grid());
    };
    for length in (0..bytes.len()).step_by(97) {
        try_bytes(&bytes[..length]);
    }
    for at in (132..bytes.len()).step_by(61) {
        let mut changed = bytes.clone();
        changed[at] ^= 0xff;
        try_bytes(&changed);
    }
}

#[test]
fn a_tumour_drawn_by_hand_is_the_mask_beside_it_but_for_a_centre_on_its_contour() {
    let Some(folder) = real("ibsi") else { return };
    let grid = *open_ct(&folder.join("dicom/image"), &OpenOptions::default()).unwrap().volume.grid();
    let set = rtstruct::read(&folder.join("dicom/mask/DCM_RS_00060.dcm"), &grid).unwrap();
    assert_eq!(set.warnings, Vec::<String>::new());
    let mask = open_label_map(&folder.join("nifti/mask/mask.nii.gz")).unwrap();
    grid.must_equal(mask.grid()).unwrap();
    let ours = set.mask(0).unwrap();
    assert_eq!((set.structures[0].name.as_str(), set.structures[0].rgb), ("GTV-1", Some([0, 230, 0])));
    assert_eq!(mask.count(1), 125_256);
    // One centre lies on the contour to a ten thousandth of a pixel; here the border belongs to the tumour.
    assert_eq!(ours.count(1), 125_257);
    let differ = ours.labels().iter().zip(mask.labels()).filter(|(one, other)| one != other).count();
    assert_eq!(differ, 1);
}

/// `oracles/reports`: the mask from which rt-utils drew the contours, through the centres of its outermost pixels.
#[test]
fn contours_through_pixel_centres_give_the_mask_they_were_drawn_from() {
    let oracle = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../oracles/reports"));
    let truth = std::fs::read(oracle.join("rt_utils.json")).unwrap();
    let truth: serde_json::Value = serde_json::from_slice(&truth).unwrap();
    let affine = Affine::axial(Spacing::new([2.5, 0.75, 0.75]).unwrap(), [-20.5, -31.25, -300.0]);
    let grid = Grid::new(serde_json::from_value(truth["shape"].clone()).unwrap(), affine).unwrap();
    let set = rtstruct::read(&oracle.join("rt_utils.dcm"), &grid).unwrap();
    let mask = set.mask(0).unwrap();
    let places: Vec<usize> = (0..grid.voxels()).filter(|&at| mask.labels()[at] == 1).collect();
    assert_eq!(places, serde_json::from_value::<Vec<usize>>(truth["places"].clone()).unwrap());
    assert_eq!((set.structures[0].name.as_str(), set.structures[0].rgb), ("GTV", Some([10, 20, 30])));
    assert_eq!(set.series_instance_uid.as_deref(), Some("2.25.2"));
}
