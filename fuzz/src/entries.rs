//! One function per reader: opens the bytes as a file and checks what must hold of whatever comes out.
//!
//! `tests/it/format_fuzz.rs` of `pulmo-ct` calls the same functions with the committed corpus.

use std::path::Path;

use pulmo_ct::format::dicom::seg;
use pulmo_ct::format::{OpenOptions, list_series, open_ct, open_label_map, write_label_map, write_volume};

/// Opens and label maps of at most this many voxels are also written and read again.
const VOXELS_TO_WRITE: usize = 1 << 12;

/// A folder that goes away afterwards, in memory where the system has such a place.
fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.expect("a temporary folder")
}

/// Opens a file both ways; what opens must come back from NRRD to the bit.
fn open_both(path: &Path) {
    if let Ok(opened) = open_ct(path, &OpenOptions::default()) {
        assert_eq!(opened.volume.hu().len(), opened.volume.grid().voxels());
        assert!(opened.volume.hu().iter().all(|hu| hu.is_finite()));
        if opened.volume.hu().len() <= VOXELS_TO_WRITE {
            let copy = path.with_file_name("copy.nrrd");
            write_volume(&copy, &opened.volume).expect("any volume can be written");
            let back = open_ct(&copy, &OpenOptions::default()).expect("what was written opens");
            assert_eq!(back.volume, opened.volume);
        }
    }
    if let Ok(labels) = open_label_map(path)
        && labels.labels().len() <= VOXELS_TO_WRITE
    {
        let copy = path.with_file_name("copy.nrrd");
        write_label_map(&copy, &labels).expect("any label map can be written");
        assert_eq!(open_label_map(&copy).expect("what was written opens"), labels);
    }
}

/// A NIfTI file; a header of a pair finds its voxels in the same bytes.
pub fn nifti(bytes: &[u8]) {
    let folder = folder();
    let path = folder.path().join("x.hdr");
    std::fs::write(&path, bytes).expect("the folder is ours");
    std::fs::write(folder.path().join("x.img"), bytes).expect("the folder is ours");
    open_both(&path);
}

/// An NRRD file, which may name `x.raw` as the file with its voxels.
pub fn nrrd(bytes: &[u8]) {
    with_data("x.nhdr", bytes);
}

/// A MetaImage file, which may name `x.raw` as the file with its voxels.
pub fn meta_image(bytes: &[u8]) {
    with_data("x.mhd", bytes);
}

fn with_data(name: &str, bytes: &[u8]) {
    let folder = folder();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).expect("the folder is ours");
    std::fs::write(folder.path().join("x.raw"), bytes).expect("the folder is ours");
    open_both(&path);
}

/// Files of a folder: each is two bytes of length, little endian, and its bytes.
pub fn series(mut bytes: &[u8]) {
    let folder = folder();
    let mut number = 0;
    while let Some((length, rest)) = bytes.split_first_chunk::<2>() {
        let length = usize::from(u16::from_le_bytes(*length)).min(rest.len());
        std::fs::write(folder.path().join(format!("{number}.dcm")), &rest[..length]).expect("the folder is ours");
        bytes = &rest[length..];
        number += 1;
        if number == 16 {
            break;
        }
    }
    let _ = list_series(folder.path());
    let options = [
        OpenOptions::default(),
        OpenOptions { allow_gaps: true, straighten: true, series: Some("1".to_owned()), ..OpenOptions::default() },
    ];
    for options in options {
        if let Ok(opened) = open_ct(folder.path(), &options) {
            assert_eq!(opened.volume.hu().len(), opened.volume.grid().voxels());
        }
    }
    let _ = open_ct(&folder.path().join("0.dcm"), &OpenOptions::default());
}

/// A DICOM Segmentation object.
pub fn seg(bytes: &[u8]) {
    let folder = folder();
    let path = folder.path().join("x.dcm");
    std::fs::write(&path, bytes).expect("the folder is ours");
    let _ = seg::read(&path);
    if let Ok(labels) = open_label_map(&path) {
        assert_eq!(labels.labels().len(), labels.grid().voxels());
    }
}
