//! MetaImage: what SimpleITK reads, headers by hand, and what must be refused.

use std::path::Path;

use pulmo_ct::format::{OpenOptions, Opened, open_ct, open_label_map, write_label_map, write_volume};
use pulmo_ct::{Affine, CtVolume, Error, Grid, LabelMap, Spacing};

use super::text_oracle;

fn open(path: &Path) -> Result<Opened, Error> {
    open_ct(path, &OpenOptions::default())
}

#[test]
fn agrees_with_simpleitk() {
    assert_eq!(text_oracle::check("meta_image", &["mha", "mhd"]), 21);
}

const HEADER: &str = "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\n\
    CompressedData = False\nTransformMatrix = 1 0 0 0 1 0 0 0 1\nOffset = 1 2 3\nElementSpacing = 0.7 0.8 2.5\n\
    DimSize = 5 4 3\nElementType = MET_SHORT\nElementDataFile = LOCAL\n";

/// Opens the header with some text replaced, and 60 voxels of int16 behind it.
fn open_with(from: &str, to: &str) -> Result<Opened, Error> {
    assert!(HEADER.contains(from), "{from}");
    let folder = tempfile::tempdir().unwrap();
    // The name must not matter.
    let path = folder.path().join("hand.bin");
    let voxels: Vec<u8> = (0..60_i16).flat_map(|n| (n - 1000).to_le_bytes()).collect();
    std::fs::write(&path, [HEADER.replace(from, to).into_bytes(), voxels].concat()).unwrap();
    open(&path)
}

fn refusal(from: &str, to: &str) -> String {
    let error = open_with(from, to).unwrap_err();
    let message = error.to_string();
    assert!(message.contains("hand.bin") && error.hint().is_some(), "{message}");
    message
}

#[test]
fn a_header_says_where_voxels_lie() {
    let opened = open_with("", "").unwrap();
    assert_eq!(opened.volume.grid().shape(), [3, 4, 5]);
    assert_eq!(opened.volume.grid().affine().columns, [[0.0, 0.0, 2.5], [0.0, 0.8, 0.0], [0.7, 0.0, 0.0]]);
    assert_eq!(opened.volume.grid().affine().origin_mm, [1.0, 2.0, 3.0]);
    assert_eq!(opened.volume.hu()[59], -941.0);
    assert_eq!((opened.origin.format, opened.origin.files), ("MetaImage", 1));
    assert_eq!(opened.warnings, Vec::<String>::new());
    let windows = open_with("\n", "\r\n").unwrap();
    assert_eq!(windows.volume, opened.volume);
    let no_place = open_with("TransformMatrix = 1 0 0 0 1 0 0 0 1\nOffset = 1 2 3\n", "").unwrap();
    assert_eq!(no_place.warnings.len(), 2, "{:?}", no_place.warnings);
    // A tilted gantry, as some writers put it there although ITK takes no such image.
    let tilted = open_with("0 0 0 1\n", "0 0 -0.25881904510252 0.96592582628907\n").unwrap();
    assert!((tilted.volume.grid().shear_degrees() - 15.0).abs() < 1e-6);
    assert!(tilted.warnings[0].contains("15.00 degrees"), "{:?}", tilted.warnings);
    let rounded = open_with("1 0 0 0 1", "1 0.0005 0 0 1").unwrap();
    assert!(rounded.warnings[0].contains("0.0286 degrees off a right angle"), "{:?}", rounded.warnings);
}

#[test]
fn what_is_not_read_is_refused_by_name() {
    assert!(refusal("NDims = 3", "NDims = 4").contains("NDims is 4"));
    assert!(refusal("NDims = 3", "NDims = 2").contains("NDims is 2"));
    assert!(refusal("ObjectType = Image", "ObjectType = Tube").contains("Tube"));
    assert!(refusal("DimSize", "ElementNumberOfChannels = 3\nDimSize").contains("ElementNumberOfChannels is 3"));
    assert!(refusal("DimSize", "ElementToIntensityFunctionSlope = 2\nDimSize").contains("Slope is 2"));
    assert!(refusal("DimSize", "ElementToIntensityFunctionOffset = -1024\nDimSize").contains("Offset is -1024"));
    assert!(open_with("DimSize", "ElementToIntensityFunctionSlope = 1.0\nDimSize").is_ok());
    assert!(refusal("LOCAL", "LIST").contains("several files"));
    assert!(refusal("LOCAL", "slice%03d.raw 1 3 1").contains("several files"));
    assert!(refusal("LOCAL", "none.raw").contains("names `none.raw`"));
    assert!(refusal("LOCAL", "/dev/zero").contains("names `/dev/zero`"));
    assert!(refusal("MET_SHORT", "MET_USHORT_ARRAY").contains("MET_USHORT_ARRAY"));
    assert!(refusal("CompressedData = False", "CompressedData = True\nHeaderSize = -1").contains("HeaderSize -1"));
}

#[test]
fn damaged_headers_are_refused_by_field() {
    assert!(refusal("DimSize = 5 4 3", "DimSize = 5 4").contains("DimSize"));
    assert!(refusal("DimSize = 5 4 3", "DimSize = 5 4 -3").contains("DimSize"));
    assert!(refusal("DimSize = 5 4 3", "DimSize = 5 4 300").contains("bytes long, expected"));
    assert!(refusal("DimSize = 5 4 3\n", "").contains("DimSize is missing"));
    assert!(refusal("ElementSpacing = 0.7 0.8 2.5\n", "").contains("ElementSpacing is missing"));
    assert!(refusal("0.7 0.8 2.5", "0.7 0.8 0").contains("ElementSpacing"));
    assert!(refusal("0.7 0.8 2.5", "0.7 0.8 inf").contains("positive and finite"));
    assert!(refusal("1 0 0 0 1 0 0 0 1", "1 0 0 0 1 0 0 0").contains("nine numbers"));
    assert!(refusal("1 0 0 0 1 0 0 0 1", "1 0 0 0 1 0 0 0 2").contains("row 2 of TransformMatrix has length 2"));
    assert!(refusal("1 0 0 0 1 0 0 0 1", "1 0 0 0 1 0 0 0 nan").contains("length NaN"));
    assert!(refusal("1 0 0 0 1 0 0 0 1", "1 0 0 0 1 0 0 1 0").contains("one plane"));
    assert!(refusal("Offset = 1 2 3", "Offset = 1 2").contains("Offset"));
    assert!(refusal("NDims = 3", "NDims = 3\nNDims = 3").contains("twice"));
    assert!(refusal("NDims = 3", "NDims = 3\nnothing").contains("Key = Value"));
    assert!(refusal("ElementDataFile = LOCAL", "Comment = none").contains("ElementDataFile"));
    assert!(refusal("BinaryData = True", "BinaryData = maybe").contains("BinaryData"));
    let lies = "CompressedData = True\nCompressedDataSize = 99999";
    assert!(refusal("CompressedData = False", lies).contains("expected 99999"));
    assert!(refusal("CompressedData = False", "CompressedData = True").contains("zlib stream is damaged"));
    let huge = open_with("CompressedData = False", "CompressedData = True\nDimSize = 99999 99999 99").unwrap_err();
    assert!(huge.to_string().contains("twice"), "{huge}");
}

#[test]
fn what_is_written_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let spacing = Spacing::new([2.5, 0.8, 0.7]).unwrap();
    let grid = Grid::new([2, 3, 4], Affine::axial(spacing, [-1.0 / 7.0, 1e3, 1e-30])).unwrap();
    let volume = CtVolume::new(grid, (0..24).map(|n| n as f32 - 1000.0).collect()).unwrap();
    let labels = LabelMap::new(grid, (0..24).map(|n| n * 10).collect()).unwrap();
    for name in ["x.mha", "y.mhd", "z.MHD"] {
        let path = folder.path().join(name);
        write_volume(&path, &volume).unwrap();
        assert_eq!(open(&path).unwrap().volume, volume);
        write_label_map(&path, &labels).unwrap();
        assert_eq!(open_label_map(&path).unwrap(), labels);
    }
    assert!(folder.path().join("y.zraw").is_file());
}
