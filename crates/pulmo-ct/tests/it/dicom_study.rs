//! Studies with many series, tilted and incomplete series, and files that are not as they should be.

use std::path::Path;

use dicom_core::value::DataSetSequence;
use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};
use pulmo_ct::format::{Listing, OpenOptions, Opened, list, open_ct};
use pulmo_ct::{CtVolume, Error};

use crate::dicom_series::Slice;
use crate::format_real::real;

fn open(path: &Path) -> Result<Opened, Error> {
    open_ct(path, &OpenOptions::default())
}

fn listing(path: &Path) -> Listing {
    list(path, &OpenOptions::default()).unwrap()
}

/// Writes `count` slices of a series after `edit` has seen each with its number.
fn write(folder: &Path, series: u16, count: u16, edit: impl Fn(u16, &mut Slice)) {
    std::fs::create_dir_all(folder).unwrap();
    for number in 0..count {
        let mut slice = Slice::new(number);
        slice.text(tags::SERIES_INSTANCE_UID, VR::UI, &format!("2.25.{series}"));
        slice.text(tags::SERIES_NUMBER, VR::IS, &series.to_string());
        edit(number, &mut slice);
        slice.write(&folder.join(format!("{series}-{number}.dcm")));
    }
}

fn at(slice: &mut Slice, z: f64) {
    slice.at(0.0, 0.0, z);
}

#[test]
fn thin_axial_slices_are_taken_before_all_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    write(path, 1, 2, |_, slice| {
        slice.text(tags::IMAGE_TYPE, VR::CS, "ORIGINAL\\PRIMARY\\LOCALIZER");
    });
    write(path, 2, 5, |number, slice| at(slice, f64::from(number) * 5.0));
    write(path, 3, 20, |number, slice| at(slice, f64::from(number) * 1.25));
    write(path, 4, 40, |number, slice| {
        slice.text(tags::IMAGE_TYPE, VR::CS, "DERIVED\\SECONDARY\\REFORMATTED\\AVERAGE");
        at(slice, f64::from(number) * 0.6);
    });
    write(path, 5, 30, |number, slice| {
        slice.text(tags::IMAGE_ORIENTATION_PATIENT, VR::DS, "1\\0\\0\\0\\0\\-1");
        slice.at(0.0, f64::from(number), 0.0);
    });
    write(path, 6, 6, |number, slice| at(slice, f64::from(number) * 0.5));
    write(path, 7, 1, |_, slice| {
        slice.text(tags::SOP_CLASS_UID, VR::UI, uids::SECONDARY_CAPTURE_IMAGE_STORAGE);
    });
    write(path, 8, 1, |_, slice| {
        slice.text(tags::SOP_CLASS_UID, VR::UI, uids::X_RAY_RADIATION_DOSE_SR_STORAGE).text(
            tags::MODALITY,
            VR::CS,
            "SR",
        );
    });
    let found = listing(path);
    assert_eq!(found.series.len(), 8);
    assert_eq!(found.taken, Some(2), "{}", found.why);
    for word in ["original", "axial", "thinner", "longer along the body", "20 slices, 1.250 mm apart"] {
        assert!(found.why.contains(word), "{word}: {}", found.why);
    }
    assert_eq!(found.series[7].object, "a dose report (SR)");
    assert!(found.series[0].refusal.as_ref().unwrap().contains("only localisers"));
    let opened = open(path).unwrap();
    assert_eq!(opened.volume.grid().shape(), [20, 3, 4]);
    assert!(
        opened.warnings.iter().any(|w| w.contains("series 3 was taken; other series, left out: 7 (")),
        "{:?}",
        opened.warnings
    );
}

#[test]
fn two_kernels_of_one_scan_are_for_the_user_to_choose() {
    let folder = tempfile::tempdir().unwrap();
    for (series, kernel) in [(1, "B30f"), (2, "B70f")] {
        write(folder.path(), series, 9, |_, slice| {
            slice.text(tags::CONVOLUTION_KERNEL, VR::SH, kernel);
        });
    }
    let error = open(folder.path()).unwrap_err();
    assert!(error.to_string().contains("kernel B30f") && error.to_string().contains("kernel B70f"), "{error}");
    assert!(error.hint().unwrap().contains("--series"));
    let options = OpenOptions { series: Some("2".to_owned()), ..OpenOptions::default() };
    assert_eq!(open_ct(folder.path(), &options).unwrap().origin.series_instance_uid.unwrap(), "2.25.2");
}

#[test]
fn stacks_of_one_series_are_set_apart_where_that_makes_them_whole() {
    // A scout with the UID of the slices.
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 1, 6, |number, slice| {
        if number == 5 {
            slice.text(tags::IMAGE_TYPE, VR::CS, "ORIGINAL\\PRIMARY\\LOCALIZER");
        }
    });
    assert_eq!((listing(folder.path()).taken, open(folder.path()).unwrap().volume.grid().shape()[0]), (Some(0), 5));

    // Two acquisitions at the same places: neither is better.
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 1, 8, |number, slice| {
        slice.text(tags::ACQUISITION_NUMBER, VR::IS, &(number / 4).to_string());
        at(slice, f64::from(number % 4) * 2.0);
    });
    let found = listing(folder.path());
    assert_eq!((found.series.len(), found.series[0].split_by, found.taken), (2, Some("AcquisitionNumber"), None));
    // Without a number, by the order of the instances.
    write(folder.path(), 1, 8, |number, slice| at(slice, f64::from(number % 4) * 2.0));
    assert_eq!(listing(folder.path()).series[0].split_by, Some("InstanceNumber"));

    // Two halves of one scan that lost a slice between them: the longer half is not the scan.
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 1, 12, |number, slice| {
        slice.text(tags::ACQUISITION_NUMBER, VR::IS, if number < 8 { "1" } else { "2" });
        at(slice, f64::from(number + u16::from(number >= 8)) * 2.0);
    });
    assert!(open(folder.path()).unwrap_err().to_string().contains("equally well"));

    // A slice of another shape may be damaged: it never disappears.
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 1, 5, |number, slice| {
        if number == 4 {
            slice.number(tags::ROWS, 2);
        }
    });
    assert!(open(folder.path()).unwrap_err().to_string().contains("2 x 4"));
}

#[test]
fn a_tilted_gantry_gives_a_sheared_grid_that_is_exact() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 1, 5, |number, slice| {
        slice.at(0.0, 0.5 * f64::from(number), 2.0 * f64::from(number));
        slice.pixels(vec![number * 10; 12]);
    });
    let opened = open(folder.path()).unwrap();
    let grid = opened.volume.grid();
    assert_eq!(grid.affine().columns[0], [0.0, 0.5, 2.0]);
    assert!(grid.is_sheared() && (grid.voxel_ml() - 2.0 * 0.8 * 0.7 / 1000.0).abs() < 1e-12);
    assert!(opened.warnings.iter().any(|w| w.contains("14.04 degrees")), "{:?}", opened.warnings);
    let options = OpenOptions { straighten: true, ..OpenOptions::default() };
    let upright = open_ct(folder.path(), &options).unwrap();
    let grid = upright.volume.grid();
    assert!(!grid.is_sheared());
    assert_eq!((grid.shape(), grid.affine().columns[0]), ([5, 6, 4], [0.0, 0.0, 2.0]));
    assert_eq!(upright.volume.hu()[0], -1024.0);
    assert!(upright.warnings.iter().any(|w| w.contains("were resampled")));
    // Each slice is constant, so inside it stays what it was.
    assert_eq!(upright.volume.hu()[4 * 24 + 4 * 4], -1024.0 + 40.0);
    assert_eq!(upright.volume.hu()[4 * 24], CtVolume::AIR_HU, "not measured");
}

#[test]
fn gaps_are_filled_only_on_request_and_said() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 1, 10, |number, slice| {
        slice.pixels(vec![number * 10; 12]);
    });
    for number in [4, 5] {
        std::fs::remove_file(folder.path().join(format!("1-{number}.dcm"))).unwrap();
    }
    let error = open(folder.path()).unwrap_err();
    assert!(error.to_string().contains("slices are missing: 6.000 mm between instance 3"), "{error}");
    assert!(error.hint().unwrap().contains("--allow-gaps"));
    let options = OpenOptions { allow_gaps: true, ..OpenOptions::default() };
    let opened = open_ct(folder.path(), &options).unwrap();
    let of_slices: Vec<f32> = opened.volume.hu().chunks(12).map(|slice| slice[0] + 1024.0).collect();
    assert_eq!(of_slices, [0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0]);
    let warning = opened.warnings.iter().find(|w| w.contains("invented")).unwrap();
    assert!(
        warning.contains("interpolation: 2 of 10") && warning.contains("number 5") && warning.contains("to 6"),
        "{warning}"
    );
    // It goes into results, and a file's name may be a patient's.
    assert!(warning.contains("behind instance 3 at ") && !warning.contains(".dcm"), "{warning}");

    // Uneven distances.
    let folder = tempfile::tempdir().unwrap();
    let places = [0.0, 2.0, 4.0, 6.0, 7.4, 10.0];
    write(folder.path(), 1, 6, |number, slice| {
        let z = places[usize::from(number)];
        at(slice, z);
        slice.pixels(vec![(z * 10.0) as u16; 12]);
    });
    assert!(open(folder.path()).is_err());
    let opened = open_ct(folder.path(), &options).unwrap();
    assert_eq!(opened.volume.grid().shape()[0], 6);
    let of_slices: Vec<f32> = opened.volume.hu().chunks(12).map(|slice| slice[0] + 1024.0).collect();
    assert_eq!(of_slices, [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
    assert!(opened.warnings.iter().any(|w| w.contains("interpolated slices: 1 of 6")), "{:?}", opened.warnings);

    // Nearly nothing is no series.
    write(folder.path(), 2, 3, |number, slice| at(slice, [0.0, 1.0, 100.0][usize::from(number)]));
    let options = OpenOptions { series: Some("2".to_owned()), ..options };
    assert!(open_ct(folder.path(), &options).unwrap_err().to_string().contains("would be invented"));
}

#[test]
fn every_axis_order_and_every_oblique_plane_keeps_its_place() {
    let (sine, cosine) = 0.4_f64.sin_cos();
    // No turn, and one about each axis and about two.
    let turn = |[x, y, z]: [f64; 3], kind: usize| match kind {
        0 => [x, y, z],
        1 => [cosine * x - sine * y, sine * x + cosine * y, z],
        2 => [x, cosine * y - sine * z, sine * y + cosine * z],
        _ => {
            let [x, y, z] = [cosine * x - sine * y, sine * x + cosine * y, z];
            [cosine * x + sine * z, y, cosine * z - sine * x]
        }
    };
    for kind in 0..4 {
        for (right_axis, down_axis) in [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)] {
            for flips in 0..8 {
                let axis = |n: usize, is_flipped: bool| {
                    let mut unit = [0.0; 3];
                    unit[n] = if is_flipped { -1.0 } else { 1.0 };
                    turn(unit, kind)
                };
                let right = axis(right_axis, flips & 1 != 0);
                let down = axis(down_axis, flips & 2 != 0);
                let step = axis(3 - right_axis - down_axis, flips & 4 != 0);
                let folder = tempfile::tempdir().unwrap();
                let direction: Vec<String> = right.iter().chain(&down).map(|x| format!("{x:.9}")).collect();
                write(folder.path(), 1, 3, |number, slice| {
                    slice.text(tags::IMAGE_ORIENTATION_PATIENT, VR::DS, &direction.join("\\"));
                    let mm = f64::from(number) * 2.0;
                    slice.at(10.0 + mm * step[0], -20.0 + mm * step[1], 30.0 + mm * step[2]);
                });
                let opened = open(folder.path()).unwrap();
                let (volume, grid) = (&opened.volume, opened.volume.grid());
                for slice in 0..3_u16 {
                    for pixel in 0..12_u16 {
                        let (row, column) = (f64::from(pixel / 4), f64::from(pixel % 4));
                        let place: [f64; 3] = std::array::from_fn(|n| {
                            let origin = [10.0, -20.0, 30.0][n];
                            origin + 2.0 * f64::from(slice) * step[n] + 0.8 * row * down[n] + 0.7 * column * right[n]
                        });
                        let value = f32::from(pixel + 100 * slice) - 1024.0;
                        let voxel = volume.hu().iter().position(|&hu| hu == value).unwrap();
                        let index = [voxel / 12, voxel % 12 / 4, voxel % 4].map(|n| n as f64);
                        let found = grid.affine().voxel_to_world(index);
                        assert!(
                            (0..3).all(|n| (found[n] - place[n]).abs() < 1e-5),
                            "turn {kind}, axes {right_axis} {down_axis}, flips {flips}: {found:?} for {place:?}"
                        );
                    }
                }
            }
        }
    }
}

/// A DICOMDIR that lists files by ISO 9660 names.
fn write_index(path: &Path, files: &[(&str, &str)]) {
    let mut records = Vec::new();
    let mut series = String::new();
    for (uid, file) in files {
        let mut record = |kind: &str, more: (Tag, VR, &str)| {
            let mut record = InMemDicomObject::new_empty();
            record.put(DataElement::new(tags::DIRECTORY_RECORD_TYPE, VR::CS, PrimitiveValue::from(kind)));
            record.put(DataElement::new(more.0, more.1, PrimitiveValue::from(more.2)));
            records.push(record);
        };
        if series != *uid {
            record("SERIES", (tags::SERIES_INSTANCE_UID, VR::UI, uid));
            (*uid).clone_into(&mut series);
        }
        record("IMAGE", (tags::REFERENCED_FILE_ID, VR::CS, file));
    }
    let mut index = InMemDicomObject::new_empty();
    index.put(DataElement::new(tags::DIRECTORY_RECORD_SEQUENCE, VR::SQ, DataSetSequence::from(records)));
    let meta = FileMetaTableBuilder::new()
        .transfer_syntax(uids::EXPLICIT_VR_LITTLE_ENDIAN)
        .media_storage_sop_class_uid(uids::MEDIA_STORAGE_DIRECTORY_STORAGE)
        .media_storage_sop_instance_uid("2.25.9");
    index.with_exact_meta(meta.build().unwrap()).write_to_file(path).unwrap();
}

#[test]
fn a_dicomdir_names_the_files_in_any_letter_case_and_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("images"), 1, 4, |_, _| ());
    // Not listed, so not of the medium.
    write(&folder.path().join("other"), 2, 9, |_, _| ());
    for number in 0..4 {
        let name = folder.path().join("images").join(format!("1-{number}.dcm"));
        std::fs::rename(name, folder.path().join("images").join(format!("im{number}"))).unwrap();
    }
    let index = folder.path().join("dicomdir");
    let mut files = vec![
        ("2.25.1", "IMAGES\\IM0"),
        ("2.25.1", "IMAGES\\IM1;1"),
        ("2.25.1", "IMAGES\\IM2."),
        ("2.25.1", "IMAGES\\IM3"),
    ];
    write_index(&index, &files);
    assert_eq!(open(&index).unwrap().volume.grid().shape()[0], 4);
    assert_eq!(listing(folder.path()).series.len(), 2);

    files.push(("2.25.1", "IMAGES\\IM4"));
    files.push(("2.25.5", "..\\..\\ETC\\PASSWD"));
    write_index(&index, &files);
    let error = open(&index).unwrap_err().to_string();
    assert!(error.contains("lists 1 file that is not there") && error.contains("IMAGES/IM4"), "{error}");
    assert!(listing(&index).warnings.iter().any(|w| w.contains("lists and that are not there: 2, the first is")));
    let options = OpenOptions { series: Some("2".to_owned()), ..OpenOptions::default() };
    assert_eq!(open_ct(folder.path(), &options).unwrap().volume.grid().shape()[0], 9);
}

#[test]
fn files_without_a_proper_beginning_are_read_where_that_is_safe() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 1, 5, |_, _| ());
    let expected = open(folder.path()).unwrap().volume;
    let path = |number: usize| folder.path().join(format!("1-{number}.dcm"));
    let whole = std::fs::read(path(0)).unwrap();
    // Group length (0002,0000) wrong.
    let mut bytes = whole.clone();
    bytes[140..144].copy_from_slice(&9999_u32.to_le_bytes());
    std::fs::write(path(0), &bytes).unwrap();
    // Version (0002,0001) missing: 14 bytes behind the group length.
    let mut bytes = std::fs::read(path(1)).unwrap();
    assert_eq!(&bytes[144..148], &[2, 0, 1, 0]);
    bytes.drain(144..158);
    std::fs::write(path(1), &bytes).unwrap();
    // No preamble.
    let bytes = std::fs::read(path(2)).unwrap();
    std::fs::write(path(2), &bytes[132..]).unwrap();
    // No meta group: the data set begins with (0008,....).
    let bytes = std::fs::read(path(3)).unwrap();
    let begin = bytes.windows(4).position(|four| four == [8, 0, 8, 0] || four == [8, 0, 0x16, 0]).unwrap();
    std::fs::write(path(3), &bytes[begin..]).unwrap();
    // Zeros behind the end.
    let mut bytes = std::fs::read(path(4)).unwrap();
    bytes.resize(bytes.len() + 512, 0);
    std::fs::write(path(4), &bytes).unwrap();
    assert_eq!(open(folder.path()).unwrap().volume, expected);

    // Something else that begins alike is not DICOM.
    std::fs::write(folder.path().join("x"), [8, 0, 5, 0, 2, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]).unwrap();
    assert!(open(folder.path()).unwrap().warnings[0].contains("not DICOM"));
}

#[test]
fn a_damaged_file_of_another_series_does_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 1, 5, |_, _| ());
    write(folder.path(), 2, 1, |_, slice| {
        slice.text(tags::MODALITY, VR::CS, "SR");
    });
    let path = folder.path().join("2-0.dcm");
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 9]).unwrap();
    let opened = open(folder.path()).unwrap();
    assert!(opened.warnings.iter().any(|w| w.contains("2-0.dcm") && w.contains("cut off")), "{:?}", opened.warnings);
    // Without a UID it may be a slice of the series.
    std::fs::write(&path, &whole[..400]).unwrap();
    assert!(open(folder.path()).unwrap_err().to_string().contains("2-0.dcm"));
}

#[test]
fn a_deflated_bomb_is_refused() {
    use std::io::Write;
    let folder = tempfile::tempdir().unwrap();
    let mut slice = Slice::new(0);
    slice.transfer_syntax = uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN;
    let path = folder.path().join("0.dcm");
    slice.write(&path);
    let bytes = std::fs::read(&path).unwrap();
    let length = u32::from_le_bytes(bytes[140..144].try_into().unwrap()) as usize;
    let mut deflate = flate2::write::DeflateEncoder::new(bytes[..144 + length].to_vec(), flate2::Compression::best());
    // One element that claims what it holds: 256 MiB of zeros in some 250 kB.
    deflate.write_all(&[0x08, 0, 0x16, 0, b'O', b'B', 0, 0, 0, 0, 0, 0x10]).unwrap();
    for _ in 0..256 {
        deflate.write_all(&vec![0; 1 << 20]).unwrap();
    }
    std::fs::write(&path, deflate.finish().unwrap()).unwrap();
    let error = open(folder.path()).unwrap_err().to_string();
    assert!(error.contains("longer than 400 times"), "{error}");
}

#[test]
fn nested_sequences_do_not_overflow_the_stack() {
    let folder = tempfile::tempdir().unwrap();
    let slice = Slice::new(0);
    let path = folder.path().join("0.dcm");
    slice.write(&path);
    let mut bytes = std::fs::read(&path).unwrap();
    let begin = bytes.windows(4).position(|four| four == [0xe0, 0x7f, 0x10, 0]).unwrap();
    bytes.truncate(begin);
    for _ in 0..200_000 {
        bytes.extend([0x40, 0, 0x75, 2, b'S', b'Q', 0, 0, 0xff, 0xff, 0xff, 0xff]);
        bytes.extend([0xfe, 0xff, 0, 0xe0, 0xff, 0xff, 0xff, 0xff]);
    }
    std::fs::write(&path, bytes).unwrap();
    assert!(open(folder.path()).unwrap_err().to_string().contains("nested more than"));
}

#[test]
fn several_multi_frame_objects_of_a_series_are_volumes_of_their_own() {
    let oracle = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../oracles/dicom_codecs/unsigned12_native.dcm"));
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, concatenation: Option<(u16, u16)>, up: f64| {
        let mut object = dicom_object::open_file(oracle).unwrap();
        object.put(DataElement::new(tags::SOP_INSTANCE_UID, VR::UI, PrimitiveValue::from(format!("2.25.7.{up}"))));
        if let Some((number, total)) = concatenation {
            object.put(DataElement::new(tags::CONCATENATION_UID, VR::UI, PrimitiveValue::from("2.25.8")));
            object.put(DataElement::new(tags::IN_CONCATENATION_NUMBER, VR::US, PrimitiveValue::from(number)));
            object.put(DataElement::new(tags::IN_CONCATENATION_TOTAL_NUMBER, VR::US, PrimitiveValue::from(total)));
        }
        let groups = object.get(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE).unwrap().items().unwrap().to_vec();
        let groups = groups.into_iter().map(|mut group| {
            let plane = group.get(tags::PLANE_POSITION_SEQUENCE).unwrap().items().unwrap()[0].clone();
            let place = plane.get(tags::IMAGE_POSITION_PATIENT).unwrap().to_multi_float64().unwrap();
            let mut plane = plane;
            let moved = format!("{}\\{}\\{}", place[0], place[1], place[2] + up);
            plane.put(DataElement::new(tags::IMAGE_POSITION_PATIENT, VR::DS, PrimitiveValue::from(moved)));
            group.put(DataElement::new(tags::PLANE_POSITION_SEQUENCE, VR::SQ, DataSetSequence::from(vec![plane])));
            group
        });
        let groups: Vec<InMemDicomObject> = groups.collect();
        object.put(DataElement::new(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, VR::SQ, DataSetSequence::from(groups)));
        object.write_to_file(folder.path().join(name)).unwrap();
    };
    write("a", None, 0.0);
    write("b", None, 7.5);
    let found = listing(folder.path());
    assert_eq!((found.series.len(), found.taken), (2, None), "{}", found.why);
    write("a", Some((1, 2)), 0.0);
    assert!(open(&folder.path().join("a")).unwrap_err().to_string().contains("only 1 of 2 parts"));
    write("b", Some((2, 2)), 7.5);
    let opened = open(folder.path()).unwrap();
    assert_eq!((opened.volume.grid().shape(), opened.origin.files), ([6, 64, 80], 2));
}

#[test]
fn real_folders_open_or_are_refused_for_a_reason() {
    if let Some(folder) = real("reformats") {
        let found = listing(&folder);
        assert_eq!(found.taken, None);
        for series in &found.series {
            assert!(series.refusal.is_some(), "single slices are no volume: {series:?}");
        }
    }
    if let Some(folder) = real("objects") {
        let found = listing(&folder);
        let objects: Vec<&str> = found.series.iter().map(|series| series.object.as_str()).collect();
        assert!(
            objects.contains(&"a segmentation (SEG)") && objects.contains(&"a structured report (SR)"),
            "{objects:?}"
        );
        assert_eq!(found.taken, None);
    }
    if let (Some(dicom), Some(nrrd)) = (real("cip/ct-64Dicom"), real("cip/ct-64.nrrd")) {
        let (dicom, nrrd) = (open(&dicom).unwrap(), open(&nrrd).unwrap());
        dicom.volume.grid().must_equal(nrrd.volume.grid()).unwrap();
        assert_eq!(dicom.volume.hu(), nrrd.volume.hu(), "twins");
    }
}
