//! Secondary captures: the right pixels at the right place, in the study, with the sentence.

use dicom_core::Tag;
use dicom_dictionary_std::{tags, uids};
use dicom_object::{DefaultDicomObject, open_file};
use pulmo_ct::format::dicom::SourceSeries;
use pulmo_ct::format::dicom::capture::{self, Slices};
use pulmo_ct::format::dicom::seg::Segment;
use pulmo_ct::format::{OpenOptions, open_ct};
use pulmo_ct::{Affine, Grid, LabelMap, Spacing};

use super::ct_series;
use super::rtstruct::settings;

fn numbers(object: &DefaultDicomObject, tag: Tag) -> Vec<f64> {
    object.get(tag).unwrap().to_multi_float64().unwrap()
}

fn text(object: &DefaultDicomObject, tag: Tag) -> String {
    object.get(tag).unwrap().to_str().unwrap().trim_end_matches(['\0', ' ']).to_owned()
}

#[test]
fn a_label_is_drawn_where_it_is_and_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let ct = folder.path().join("ct");
    let affine = Affine::axial(Spacing::new([2.5, 0.8, 0.6]).unwrap(), [-20.0, -30.0, -300.0]);
    ct_series::write(&ct, &Grid::new([4, 20, 30], affine).unwrap());
    let source = SourceSeries::open(&ct, &OpenOptions::default()).unwrap();
    let volume = open_ct(&ct, &OpenOptions::default()).unwrap().volume;
    // An L on the third slice, near the left edge of the picture: the patient's right.
    let mut labels = vec![0_u8; 4 * 20 * 30];
    for row in 2..10 {
        labels[(2 * 20 + row) * 30 + 3] = 1;
    }
    labels[(2 * 20 + 9) * 30 + 4] = 1;
    let labels = LabelMap::new(*source.grid(), labels).unwrap();
    let segments = [Segment::named(1, "infiltrate")];
    let write = |slices| capture::write(&source, &volume, (&labels, &segments), slices, &settings()).unwrap();
    assert_eq!(write(Slices::All).len(), 4);
    let objects = write(Slices::WithLabels);
    assert_eq!(objects.len(), 1);

    let path = folder.path().join("sc.dcm");
    objects[0].write(&path).unwrap();
    let object = open_file(&path).unwrap();
    assert_eq!(text(&object, tags::SOP_CLASS_UID), uids::SECONDARY_CAPTURE_IMAGE_STORAGE);
    assert_eq!(text(&object, tags::BURNED_IN_ANNOTATION), "NO");
    assert_eq!(text(&object, tags::CONVERSION_TYPE), "WSD");
    assert_eq!(text(&object, tags::FRAME_OF_REFERENCE_UID), "2.25.4");
    assert_eq!(text(&object, tags::PATIENT_NAME), ct_series::PATIENT);
    let referenced = &object.get(tags::SOURCE_IMAGE_SEQUENCE).unwrap().items().unwrap()[0];
    let slice = referenced.get(tags::REFERENCED_SOP_INSTANCE_UID).unwrap().to_str().unwrap().into_owned();
    assert_eq!(slice.trim_end_matches('\0'), "2.25.3.3");

    // 30 columns become 390: each pixel 13 x 13.
    let [rows, columns] = [tags::ROWS, tags::COLUMNS].map(|tag| numbers(&object, tag)[0] as usize);
    assert_eq!(columns, 390);
    assert!(rows > 260 + 3 * 11, "two lines of text and a name at least");
    let [row_mm, column_mm] = numbers(&object, tags::PIXEL_SPACING).try_into().unwrap();
    assert!((row_mm - 0.8 / 13.0_f64).abs() < 1e-12 && (column_mm - 0.6 / 13.0_f64).abs() < 1e-12);
    let first = numbers(&object, tags::IMAGE_POSITION_PATIENT);
    let pixels = object.get(tags::PIXEL_DATA).unwrap().to_bytes().unwrap().into_owned();
    let mut coloured = vec![0; 20 * 30];
    for (at, pixel) in pixels.chunks_exact(3).take(260 * 390).enumerate() {
        if pixel[0] != pixel[1] {
            assert_eq!(pixel, [230, 60, 40]);
            // By the picture's own geometry back to the patient, and from there to the voxel.
            let (row, column) = (at / 390, at % 390);
            let (x, y) = (first[0] + column as f64 * column_mm, first[1] + row as f64 * row_mm);
            let voxel = [((y + 30.0) / 0.8).round() as usize, ((x + 20.0) / 0.6).round() as usize];
            coloured[voxel[0] * 30 + voxel[1]] += 1;
        }
    }
    for (at, count) in coloured.iter().enumerate() {
        let is_in = labels.labels()[2 * 600 + at] == 1;
        assert_eq!(is_in, *count > 0, "pixel {at} of the slice holds {count} coloured ones");
    }
    assert!(pixels[260 * 390 * 3..].chunks_exact(3).any(|pixel| pixel == [255; 3]), "the sentence");
}

#[test]
fn one_series_of_numbered_pictures_that_is_the_same_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let ct = folder.path().join("ct");
    let affine = Affine::axial(Spacing::new([2.5, 0.8, 0.6]).unwrap(), [0.0; 3]);
    ct_series::write(&ct, &Grid::new([3, 6, 5], affine).unwrap());
    let source = SourceSeries::open(&ct, &OpenOptions::default()).unwrap();
    let volume = open_ct(&ct, &OpenOptions::default()).unwrap().volume;
    let labels = LabelMap::new(*source.grid(), vec![1; 90]).unwrap();
    let segments = [Segment::named(1, "lung")];
    let write = || capture::write(&source, &volume, (&labels, &segments), Slices::All, &settings()).unwrap();
    let (one, again) = (write(), write());
    let uids: Vec<&str> = one.iter().map(|object| object.sop_instance_uid()).collect();
    assert!(uids[0] != uids[1] && uids[1] != uids[2]);
    for (number, (object, again)) in (1..).zip(one.iter().zip(&again)) {
        assert_eq!(object.series_instance_uid(), one[0].series_instance_uid());
        assert_eq!(object.bytes().unwrap(), again.bytes().unwrap());
        let path = folder.path().join("sc.dcm");
        object.write(&path).unwrap();
        assert_eq!(text(&open_file(&path).unwrap(), tags::INSTANCE_NUMBER), number.to_string());
    }
    let other = [Segment::named(2, "lung")];
    let none = capture::write(&source, &volume, (&labels, &other), Slices::WithLabels, &settings()).unwrap();
    assert!(none.is_empty(), "no slice holds label 2");
}
