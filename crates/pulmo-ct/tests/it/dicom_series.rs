//! DICOM series: every transfer syntax against pydicom, and every way a folder can be wrong.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};
use pulmo_ct::format::{OpenOptions, Opened, list_series, open_ct, open_ct_with_progress, open_label_map};
use pulmo_ct::{CtVolume, Error};
use serde_json::Value;

fn oracle(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../oracles/dicom_series")).join(name)
}

fn open(folder: &Path) -> Result<Opened, Error> {
    open_ct(folder, &OpenOptions::default())
}

#[test]
fn every_transfer_syntax_gives_the_hu_of_pydicom() {
    let truth: Value = serde_json::from_slice(&std::fs::read(oracle("truth.json")).unwrap()).unwrap();
    let syntaxes = ["implicit", "explicit", "big_endian", "deflated", "rle", "jpeg_57", "jpeg_70", "j2k", "jpegls"]
        .map(String::from);
    let folders = ["signed16", "unsigned12"].map(|layout| syntaxes.clone().map(|name| (layout, name)));
    let mut folders: Vec<_> = folders.into_iter().flatten().collect();
    folders.push(("signed12", "explicit".to_owned()));
    for (layout, syntax) in folders {
        let name = format!("{layout}_{syntax}");
        let opened = open(&oracle(&name)).unwrap_or_else(|e| panic!("{name}: {e}"));
        let expected: Vec<f32> = serde_json::from_value(truth[layout]["hu"].clone()).unwrap();
        assert_eq!(opened.volume.hu(), expected, "{name}");
        let padding = truth[layout]["padding"].as_f64().unwrap() / expected.len() as f64;
        assert_eq!(opened.origin.padding_share, padding, "{name}");
        let grid = opened.volume.grid();
        assert_eq!(
            grid.shape().to_vec(),
            serde_json::from_value::<Vec<usize>>(truth["grid"]["shape"].clone()).unwrap()
        );
        assert_eq!(grid.spacing().mm(), [2.5, 0.8, 0.7], "{name}: not SliceThickness, which is 5");
        assert_eq!(grid.affine().origin_mm, [-100.5, -90.25, -300.0]);
        assert_eq!(opened.origin.study_instance_uid.as_deref(), Some("2.25.1234567890.1"));
        assert_eq!(opened.warnings, Vec::<String>::new(), "{name}");
    }
}

#[test]
fn an_unknown_transfer_syntax_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..3 {
        let mut slice = Slice::new(number);
        slice.transfer_syntax = "1.2.840.10008.1.2.4.110";
        slice.write(&folder.path().join(number.to_string()));
    }
    let error = open(folder.path()).unwrap_err();
    assert!(matches!(error, Error::Unsupported { .. }));
    assert!(error.to_string().contains("JPEG XL Lossless"), "{error}");
    assert!(error.hint().unwrap().contains("convert"));
}

/// A slice of 3 rows and 4 columns; every pixel holds its number plus 100 times the slice's.
pub(super) struct Slice {
    pub(super) object: InMemDicomObject,
    pub(super) transfer_syntax: &'static str,
}

impl Slice {
    pub(super) fn new(number: u16) -> Self {
        let mut slice =
            Self { object: InMemDicomObject::new_empty(), transfer_syntax: uids::EXPLICIT_VR_LITTLE_ENDIAN };
        for (tag, vr, value) in [
            (tags::SOP_CLASS_UID, VR::UI, uids::CT_IMAGE_STORAGE),
            (tags::MODALITY, VR::CS, "CT"),
            (tags::IMAGE_TYPE, VR::CS, "ORIGINAL\\PRIMARY\\AXIAL"),
            (tags::STUDY_INSTANCE_UID, VR::UI, "2.25.1"),
            (tags::SERIES_INSTANCE_UID, VR::UI, "2.25.2"),
            (tags::IMAGE_ORIENTATION_PATIENT, VR::DS, "1\\0\\0\\0\\1\\0"),
            (tags::PIXEL_SPACING, VR::DS, "0.8\\0.7"),
            (tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME2"),
            (tags::RESCALE_SLOPE, VR::DS, "1"),
            (tags::RESCALE_INTERCEPT, VR::DS, "-1024"),
            (tags::SERIES_NUMBER, VR::IS, "3"),
        ] {
            slice.text(tag, vr, value);
        }
        for (tag, value) in [
            (tags::SAMPLES_PER_PIXEL, 1),
            (tags::ROWS, 3),
            (tags::COLUMNS, 4),
            (tags::BITS_ALLOCATED, 16),
            (tags::BITS_STORED, 16),
            (tags::HIGH_BIT, 15),
            (tags::PIXEL_REPRESENTATION, 0),
        ] {
            slice.number(tag, value);
        }
        slice.text(tags::SOP_INSTANCE_UID, VR::UI, &format!("2.25.3.{number}"));
        slice.text(tags::INSTANCE_NUMBER, VR::IS, &number.to_string());
        slice.at(0.0, 0.0, f64::from(number) * 2.0);
        slice.pixels((0..12).map(|pixel| pixel + 100 * number).collect());
        slice
    }

    pub(super) fn text(&mut self, tag: Tag, vr: VR, value: &str) -> &mut Self {
        self.object.put(DataElement::new(tag, vr, PrimitiveValue::from(value)));
        self
    }

    pub(super) fn number(&mut self, tag: Tag, value: u16) -> &mut Self {
        self.object.put(DataElement::new(tag, VR::US, PrimitiveValue::from(value)));
        self
    }

    pub(super) fn at(&mut self, x: f64, y: f64, z: f64) -> &mut Self {
        self.text(tags::IMAGE_POSITION_PATIENT, VR::DS, &format!("{x:.6}\\{y:.6}\\{z:.6}"))
    }

    pub(super) fn pixels(&mut self, words: Vec<u16>) -> &mut Self {
        self.object.put(DataElement::new(tags::PIXEL_DATA, VR::OW, PrimitiveValue::U16(words.into())));
        self
    }

    pub(super) fn write(&self, path: &Path) {
        let meta = FileMetaTableBuilder::new()
            .transfer_syntax(self.transfer_syntax)
            .media_storage_sop_class_uid(uids::CT_IMAGE_STORAGE)
            .media_storage_sop_instance_uid("2.25.3");
        self.object.clone().with_meta(meta).unwrap().write_to_file(path).unwrap();
    }
}

/// Writes five slices after `edit` has seen each with its number (0 to 4), and opens the folder.
fn open_edited(edit: impl Fn(u16, &mut Slice)) -> (Result<Opened, Error>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..5 {
        let mut slice = Slice::new(number);
        edit(number, &mut slice);
        slice.write(&folder.path().join(format!("{}.dcm", 9 - number)));
    }
    (open(folder.path()), folder)
}

fn refusal(edit: impl Fn(u16, &mut Slice)) -> String {
    open_edited(edit).0.unwrap_err().to_string()
}

#[test]
fn slices_are_ordered_by_position() {
    let (opened, _folder) = open_edited(|_, _| ());
    let volume = opened.unwrap().volume;
    assert_eq!(volume.grid().shape(), [5, 3, 4]);
    assert_eq!(volume.hu()[12..14], [-924.0, -923.0]);
    assert_eq!(volume.grid().affine().columns, [[0.0, 0.0, 2.0], [0.0, 0.8, 0.0], [0.7, 0.0, 0.0]]);

    // The same slices stored upside down lie at the same places.
    let (opened, _folder) = open_edited(|number, slice| {
        slice.at(0.0, 0.0, -2.0 * f64::from(number));
    });
    let volume = opened.unwrap().volume;
    assert_eq!(volume.hu()[0], -1024.0 + 400.0);
    assert_eq!(volume.grid().affine().origin_mm, [0.0, 0.0, -8.0]);
}

#[test]
fn coronal_and_oblique_slices_keep_their_place() {
    let (opened, _folder) = open_edited(|number, slice| {
        slice.text(tags::IMAGE_ORIENTATION_PATIENT, VR::DS, "1\\0\\0\\0\\0\\-1").at(0.0, 2.0 * f64::from(number), 50.0);
    });
    let opened = opened.unwrap();
    assert_eq!(opened.volume.grid().affine().columns, [[0.0, 2.0, 0.0], [0.0, 0.0, -0.8], [0.7, 0.0, 0.0]]);

    let (sin, cos) = 0.3_f64.sin_cos();
    let (opened, _folder) = open_edited(|number, slice| {
        let apart = 2.0 * f64::from(number);
        let orientation = format!("1\\0\\0\\0\\{cos:.9}\\{sin:.9}");
        slice.text(tags::IMAGE_ORIENTATION_PATIENT, VR::DS, &orientation).at(0.0, -sin * apart, cos * apart);
    });
    let [apart, ..] = opened.unwrap().volume.grid().spacing().mm();
    assert!((apart - 2.0).abs() < 1e-6);
}

#[test]
fn missing_and_double_slices_are_named_with_their_gaps() {
    let folder = tempfile::tempdir().unwrap();
    for number in [0, 1, 2, 4, 5] {
        Slice::new(number).write(&folder.path().join(format!("{number}.dcm")));
    }
    let message = open(folder.path()).unwrap_err().to_string();
    let expected = "slices are missing: 4.000 mm between instance 2 (`2.dcm`) at 4.000 mm and instance 4 (`4.dcm`) at \
                    8.000 mm; expected 2.000 mm";
    assert!(message.contains(expected), "{message}");

    let message = refusal(|number, slice| {
        slice.at(0.0, 0.0, if number == 3 { 4.0 } else { f64::from(number) * 2.0 });
    });
    assert!(message.contains("1 slice lies at the place of another: instance 3 (`6.dcm`) at 4.000 mm"), "{message}");

    let message = refusal(|number, slice| {
        slice.at(0.0, 0.0, [0.0, 2.0, 4.5, 6.5, 8.0][usize::from(number)]);
    });
    assert!(message.contains("not equally spaced: gaps range from 1.500 to 2.500 mm"), "{message}");

    // Positions rounded to 0.1 mm are no reason to refuse.
    let (opened, _folder) = open_edited(|number, slice| {
        slice.at(0.0, 0.0, [0.0, 0.6, 1.3, 1.9, 2.5][usize::from(number)]);
    });
    let opened = opened.unwrap();
    assert_eq!(opened.volume.grid().spacing().mm()[0], 0.625);
    assert!(opened.warnings[0].contains("off equal distances of 0.625 mm"), "{:?}", opened.warnings);
}

#[test]
fn slices_that_do_not_belong_together_are_named() {
    let message = refusal(|number, slice| {
        if number == 2 {
            slice.text(tags::IMAGE_ORIENTATION_PATIENT, VR::DS, "1\\0\\0\\0\\0\\-1");
        }
    });
    // The coronal slice is set apart, and the others miss it.
    assert!(message.contains("none of its 2 series") && message.contains("slices are missing: 4.000 mm"), "{message}");
    let message = refusal(|number, slice| {
        if number == 2 {
            slice.text(tags::IMAGE_ORIENTATION_PATIENT, VR::DS, "1\\0\\0\\0\\0.9998\\0.02");
        }
    });
    assert!(message.contains("different orientations: 1 of 5 differ (instance 2 (`7.dcm`))"), "{message}");
    let message = refusal(|number, slice| {
        if number == 4 {
            slice.number(tags::ROWS, 4);
        }
    });
    assert!(message.contains("instance 4 (`5.dcm`) has 4 x 4 pixels") || message.contains("has 3 x 4"), "{message}");
    let message = refusal(|number, slice| {
        if number == 4 {
            slice.text(tags::PIXEL_SPACING, VR::DS, "0.9\\0.7");
        }
    });
    assert!(message.contains("PixelSpacing"), "{message}");
    let message = refusal(|number, slice| {
        slice.at(0.0, if number == 3 { 0.5 } else { 0.0 }, 2.0 * f64::from(number));
    });
    assert!(message.contains("instance 3 (`6.dcm`) is shifted sideways by 0.500 mm"), "{message}");
}

#[test]
fn what_is_no_ct_is_refused_by_field() {
    let with = |tag, vr, value: &'static str| {
        refusal(move |_, slice| {
            slice.text(tag, vr, value);
        })
    };
    assert!(with(tags::MODALITY, VR::CS, "MR").contains("modality MR, expected CT"));
    assert!(with(tags::IMAGE_TYPE, VR::CS, "ORIGINAL\\PRIMARY\\LOCALIZER").contains("only localisers"));
    assert!(with(tags::SOP_CLASS_UID, VR::UI, uids::ENHANCED_CT_IMAGE_STORAGE).contains("without functional groups"));
    assert!(with(tags::NUMBER_OF_FRAMES, VR::IS, "20").contains("multi-frame object (20 frames)"));
    assert!(with(tags::SOP_CLASS_UID, VR::UI, uids::SECONDARY_CAPTURE_IMAGE_STORAGE).contains("SOP class"));
    assert!(with(tags::IMAGE_POSITION_PATIENT, VR::DS, "1\\2").contains("ImagePositionPatient"));
    assert!(with(tags::PIXEL_SPACING, VR::DS, "0\\1").contains("PixelSpacing"));
    assert!(with(tags::IMAGE_ORIENTATION_PATIENT, VR::DS, "1\\0\\0\\0.1\\1\\0").contains("right angles"));
    assert!(with(tags::RESCALE_SLOPE, VR::DS, "0").contains("RescaleSlope"));
    assert!(with(tags::RESCALE_TYPE, VR::LO, "OD").contains("RescaleType is OD"));
    assert!(with(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME1").contains("MONOCHROME1"));
    let (opened, _folder) = open_edited(|_, slice| {
        slice.text(tags::IMAGE_ORIENTATION_PATIENT, VR::DS, "1\\0.0005\\0\\0\\1\\0");
    });
    assert!(opened.unwrap().warnings[0].contains("corrected"));
}

#[test]
fn padding_becomes_air() {
    for (first, limit, padded) in [("5", None, 1), ("5", Some("7"), 3), ("7", Some("5"), 3)] {
        let number = |slice: &mut Slice, tag, value: &str| {
            slice.number(tag, value.parse().unwrap());
        };
        let (opened, _folder) = open_edited(|_, slice| {
            number(slice, tags::PIXEL_PADDING_VALUE, first);
            if let Some(limit) = limit {
                number(slice, tags::PIXEL_PADDING_RANGE_LIMIT, limit);
            }
        });
        let opened = opened.unwrap();
        assert_eq!(opened.volume.hu()[5], CtVolume::AIR_HU);
        assert_eq!(opened.origin.padding_share, f64::from(padded) / 60.0);
    }
    let (opened, _folder) = open_edited(|_, slice| {
        slice.number(tags::PIXEL_PADDING_VALUE, 1064);
    });
    assert!(opened.unwrap().warnings.iter().any(|w| w.contains("40 HU, which tissue may have")));
}

#[test]
fn pixel_data_of_another_size_names_the_file() {
    for pixels in [11, 14, 24] {
        let message = refusal(|number, slice| {
            if number == 1 {
                slice.pixels(vec![0; pixels]);
            }
        });
        assert!(message.contains("8.dcm") && message.contains("expected 24"), "{message}");
    }
    let (_, folder) = open_edited(|_, _| ());
    let path = folder.path().join("9.dcm");
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 5]).unwrap();
    let message = open(folder.path()).unwrap_err().to_string();
    assert!(message.contains("9.dcm") && message.contains("cut off"), "{message}");
}

#[test]
fn other_files_in_the_folder_are_named_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert!(open(folder.path()).unwrap_err().to_string().contains("holds no file"));
    std::fs::write(folder.path().join("text.dcm"), "not an image").unwrap();
    let message = open(folder.path()).unwrap_err().to_string();
    assert!(message.contains("its one file is no DICOM file: `text.dcm`"), "{message}");
    let (_, folder) = open_edited(|_, _| ());
    std::fs::write(folder.path().join("text.dcm"), "not an image").unwrap();
    assert!(open(folder.path()).unwrap().warnings[0].contains("`text.dcm`"));
    let message = open(&folder.path().join("5.dcm")).unwrap_err();
    assert!(message.hint().unwrap().contains("folder"), "{message}");
    assert!(open_label_map(folder.path()).is_err());
}

#[test]
fn one_of_several_series_is_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let write = |uid: &str, series: &str, modality: &str, nested: &str| {
        std::fs::create_dir_all(folder.path().join(nested)).unwrap();
        for number in 0..3 {
            let mut slice = Slice::new(number);
            slice.text(tags::SERIES_INSTANCE_UID, VR::UI, uid).text(tags::SERIES_NUMBER, VR::IS, series);
            slice.text(tags::MODALITY, VR::CS, modality);
            slice.write(&folder.path().join(nested).join(format!("{uid}-{number}")));
        }
    };
    let choose = |series: &str| {
        let options = OpenOptions { series: Some(series.to_owned()), ..OpenOptions::default() };
        open_ct(folder.path(), &options).map(|opened| opened.origin.series_instance_uid.unwrap())
    };
    write("2.25.10", "1", "SR", "");
    write("2.25.11", "2", "CT", "a/b");
    let opened = open(folder.path()).unwrap();
    assert_eq!(opened.origin.series_instance_uid.as_deref(), Some("2.25.11"));
    assert!(
        opened.warnings.iter().any(|w| w.contains("series 2 was taken; other series, left out: 1 (")),
        "{:?}",
        opened.warnings
    );

    write("2.25.12", "10", "CT", "a");
    let message = open(folder.path()).unwrap_err().to_string();
    assert!(message.contains("2 of its series could be taken equally well"), "{message}");
    assert_eq!(choose("3").unwrap(), "2.25.12");
    assert_eq!(choose("2.25.11").unwrap(), "2.25.11");
    assert!(choose("1").unwrap_err().to_string().contains("modality SR"));
    assert!(choose("4").unwrap_err().hint().unwrap().contains("2.25.12"));

    let listed = list_series(folder.path()).unwrap();
    let numbers: Vec<_> = listed.iter().map(|s| (s.number, s.uid.as_str(), s.slices, s.refusal.is_some())).collect();
    assert_eq!(numbers, [(1, "2.25.10", 3, true), (2, "2.25.11", 3, false), (3, "2.25.12", 3, false)]);
    assert_eq!((listed[1].grid.unwrap().shape(), listed[1].orientation), ([3, 3, 4], Some("axial")));
    assert_eq!(listed[1].transfer_syntax, "Explicit VR Little Endian");
}

#[test]
fn progress_counts_every_slice_once() {
    let calls = AtomicUsize::new(0);
    let sum = AtomicUsize::new(0);
    open_ct_with_progress(&oracle("unsigned12_rle"), &OpenOptions::default(), &|done, total| {
        calls.fetch_add(1, Ordering::Relaxed);
        sum.fetch_add(done, Ordering::Relaxed);
        assert_eq!(total, 2);
    })
    .unwrap();
    assert_eq!((calls.into_inner(), sum.into_inner()), (2, 3));
}
