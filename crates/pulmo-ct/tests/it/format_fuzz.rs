//! Damaged files are errors or odd values, never panics or endless loops.

use std::path::{Path, PathBuf};

use pulmo_ct::format::{OpenOptions, list_series, open_ct, open_label_map};

#[path = "../../../../fuzz/src/entries.rs"]
#[allow(unreachable_pub, reason = "the fuzzer's crate gives them away")]
mod entries;

/// A fuzzer's function.
type Entry = fn(&[u8]);

#[test]
fn the_corpus_of_the_fuzzers_is_read_without_harm() {
    let corpus = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus"));
    let targets: [(&str, Entry); 5] = [
        ("nifti", entries::nifti),
        ("nrrd", entries::nrrd),
        ("meta_image", entries::meta_image),
        ("series", entries::series),
        ("seg", entries::seg),
    ];
    for (target, read) in targets {
        let mut files = 0;
        for entry in std::fs::read_dir(corpus.join(target)).unwrap() {
            read(&std::fs::read(entry.unwrap().path()).unwrap());
            files += 1;
        }
        assert!(files >= 8, "{target}: {files} files");
    }
}

fn oracle(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../oracles")).join(name)
}

/// SplitMix64: the same damage on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % limit as u64) as usize
    }

    /// A few bytes changed, or the end cut off.
    fn damage(&mut self, whole: &[u8]) -> Vec<u8> {
        let mut bytes = whole.to_vec();
        if self.below(4) == 0 {
            bytes.truncate(self.below(whole.len()));
        } else {
            for _ in 0..=self.below(8) {
                let at = self.below(bytes.len());
                bytes[at] = [0, 0xff, 0x7f, self.below(256) as u8][self.below(4)];
            }
        }
        bytes
    }
}

#[test]
fn damaged_nifti() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = Random(1);
    for name in ["int16_be.nii", "float64_be.nii", "scaled.nii.gz", "members.nii.gz"] {
        let whole = std::fs::read(oracle("nifti").join(name)).unwrap();
        let path = folder.path().join(name);
        for _ in 0..400 {
            std::fs::write(&path, random.damage(&whole)).unwrap();
            let _ = open_ct(&path, &OpenOptions::default());
            let _ = open_label_map(&path);
        }
    }
}

#[test]
fn damaged_text_headers() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = Random(3);
    for name in [
        "nrrd/int16_le.nrrd",
        "nrrd/float64_be.nrrd",
        "nrrd/text.nrrd",
        "nrrd/skip_both.nhdr",
        "meta_image/int16.mha",
        "meta_image/text.mha",
        "meta_image/origin.mha",
        "meta_image/header_to_end.mhd",
        "nifti/version2_int16_be.nii",
        "nifti/pair_le.hdr",
    ] {
        let whole = std::fs::read(oracle(name)).unwrap();
        for beside in ["nrrd/skip_both.raw", "meta_image/header_to_end.raw", "nifti/pair_le.img"] {
            std::fs::copy(oracle(beside), folder.path().join(Path::new(beside).file_name().unwrap())).unwrap();
        }
        let path = folder.path().join(Path::new(name).file_name().unwrap());
        for _ in 0..300 {
            std::fs::write(&path, random.damage(&whole)).unwrap();
            let _ = open_ct(&path, &OpenOptions::default());
            let _ = open_label_map(&path);
        }
    }
}

/// Zeros, packed a thousandfold.
fn zeros(bytes: usize) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..bytes >> 20 {
        std::io::Write::write_all(&mut packer, &[0; 1 << 20]).unwrap();
    }
    packer.finish().unwrap()
}

#[test]
fn what_lies_behind_the_voxels_is_not_unpacked_without_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bomb.nii.gz");
    let whole = std::fs::read(oracle("nifti/int16_le.nii.gz")).unwrap();
    std::fs::write(&path, [whole.clone(), zeros(1 << 20)].concat()).unwrap();
    open_ct(&path, &OpenOptions::default()).unwrap();
    std::fs::write(&path, [whole, zeros(200 << 20)].concat()).unwrap();
    let error = open_ct(&path, &OpenOptions::default()).unwrap_err().to_string();
    assert!(error.contains("bytes follow its voxels"), "{error}");
}

#[test]
fn a_header_cannot_ask_for_more_than_its_file_could_hold() {
    let folder = tempfile::tempdir().unwrap();
    let open = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        open_ct(&path, &OpenOptions::default()).unwrap_err().to_string()
    };
    // 32767 voxels along each axis: 70 terabytes.
    let mut header = std::fs::read(oracle("nifti/int16_be.nii")).unwrap();
    header[42..48].copy_from_slice(&[0x7f, 0xff].repeat(3));
    assert!(open("huge.nii", &header).contains("bytes long, expected"));
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut packer, &header).unwrap();
    assert!(open("huge.nii.gz", &packer.finish().unwrap()).contains("compressed bytes, which cannot hold"));
    // Version 2 can say more than fits into an address.
    let mut header = std::fs::read(oracle("nifti/version2_int16_le.nii")).unwrap();
    header[24..48].copy_from_slice(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f].repeat(3));
    assert!(open("huge2.nii", &header).contains("no volume has it"));
    let mut header = std::fs::read(oracle("nifti/version2_int16_le.nii")).unwrap();
    header[168..176].copy_from_slice(&i64::MAX.to_le_bytes());
    assert!(open("offset.nii", &header).contains("vox_offset"));
}

#[cfg(unix)]
#[test]
fn a_device_is_no_file() {
    let error = open_ct(Path::new("/dev/zero"), &OpenOptions::default()).unwrap_err().to_string();
    assert!(error.contains("a pipe or a device"), "{error}");
}

#[test]
fn damaged_dicom() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = Random(2);
    for name in ["explicit", "implicit", "rle", "jpeg_70", "j2k"] {
        let series = oracle("dicom_series").join(format!("signed16_{name}"));
        std::fs::copy(series.join("0.dcm"), folder.path().join("0.dcm")).unwrap();
        let whole = std::fs::read(series.join("1.dcm")).unwrap();
        for _ in 0..100 {
            std::fs::write(folder.path().join("1.dcm"), random.damage(&whole)).unwrap();
            let _ = open_ct(folder.path(), &OpenOptions::default());
            let _ = list_series(folder.path());
        }
    }
}

#[test]
fn a_slice_that_is_cut_off_is_never_taken() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["explicit", "implicit", "deflated", "big_endian", "rle", "jpeg_57", "jpeg_70", "j2k"] {
        let series = oracle("dicom_series").join(format!("unsigned12_{name}"));
        std::fs::copy(series.join("0.dcm"), folder.path().join("0.dcm")).unwrap();
        let whole = std::fs::read(series.join("1.dcm")).unwrap();
        // The last bytes of encapsulated pixel data are an empty delimiter and padding.
        for length in (whole.len() / 2..whole.len() - 24).step_by(37) {
            std::fs::write(folder.path().join("1.dcm"), &whole[..length]).unwrap();
            let error = open_ct(folder.path(), &OpenOptions::default());
            assert!(error.is_err(), "{name}: {length} of {} bytes were taken", whole.len());
        }
    }
}
