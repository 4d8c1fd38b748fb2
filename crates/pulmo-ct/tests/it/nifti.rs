//! NIfTI: what nibabel reads, what headers by hand say, what must be refused, and the way back.

use std::io::Write;
use std::path::{Path, PathBuf};

use pulmo_ct::format::{OpenOptions, Opened, open_ct, open_label_map, write_label_map, write_volume};
use pulmo_ct::{Affine, CtVolume, Error, Grid, LabelMap, Spacing};
use serde_json::Value;

fn oracle(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../oracles/nifti")).join(name)
}

fn open(path: &Path) -> Result<Opened, Error> {
    open_ct(path, &OpenOptions::default())
}

/// The RAS matrix of a volume, (i, j, k) order, rows first.
fn ras(grid: &Grid) -> [[f64; 4]; 3] {
    let Affine { columns: [k, j, i], origin_mm } = *grid.affine();
    let sign = [-1.0, -1.0, 1.0];
    std::array::from_fn(|row| [i, j, k, origin_mm].map(|column| sign[row] * column[row]))
}

#[test]
fn agrees_with_nibabel() {
    let truth: Value = serde_json::from_slice(&std::fs::read(oracle("truth.json")).unwrap()).unwrap();
    let truth = truth.as_object().unwrap();
    assert_eq!(truth.len(), 42);
    for (name, truth) in truth {
        let opened = open(&oracle(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
        let shape: Vec<usize> = serde_json::from_value(truth["shape_ijk"].clone()).unwrap();
        let [slices, rows, columns] = opened.volume.grid().shape();
        // A fourth axis of one volume is left out.
        assert_eq!([columns, rows, slices], shape[..3], "{name}");
        let values: Vec<f64> = serde_json::from_value(truth["values"].clone()).unwrap();
        for (at, (hu, expected)) in opened.volume.hu().iter().zip(&values).enumerate() {
            assert_eq!(*hu, *expected as f32, "{name} voxel {at}");
        }
        if name.starts_with("neither") {
            // nibabel centres such a volume; here only the sizes are kept, and said so.
            assert!(opened.warnings.iter().any(|w| w.contains("neither qform nor sform")), "{name}");
            assert_eq!(opened.volume.grid().spacing().mm(), [2.0, 0.5, 0.75]);
            continue;
        }
        let sheared = opened.warnings.iter().any(|w| w.contains("sheared"));
        assert_eq!(sheared, name == "sheared.nii.gz", "{name}: {:?}", opened.warnings);
        let expected: [[f64; 4]; 4] = serde_json::from_value(truth["affine_ras"].clone()).unwrap();
        for (row, expected) in ras(opened.volume.grid()).iter().zip(expected) {
            for (found, expected) in row.iter().zip(expected) {
                assert!((found - expected).abs() < 2e-5, "{name}: {found} for {expected}");
            }
        }
    }
}

/// A header by hand, little or big endian, with one voxel value in all 2 x 3 x 4 (k, j, i) places.
struct ByHand {
    bytes: Vec<u8>,
    big_endian: bool,
}

impl ByHand {
    fn new(big_endian: bool) -> Self {
        let mut file = Self { bytes: vec![0; 352], big_endian };
        file.i32(0, 348);
        for (n, dim) in [3, 4, 3, 2, 1, 1, 1, 1].into_iter().enumerate() {
            file.i16(40 + 2 * n, dim);
        }
        file.i16(70, 4).i16(72, 16);
        for (n, size) in [1.0, 0.5, 0.75, 2.0].into_iter().enumerate() {
            file.f32(76 + 4 * n, size);
        }
        file.f32(108, 352.0).i16(254, 1);
        for (at, size) in [(280, 0.5), (300, 0.75), (320, 2.0), (292, 10.0)] {
            file.f32(at, size);
        }
        file.bytes[344..348].copy_from_slice(b"n+1\0");
        for value in 0..24_i16 {
            let field = if big_endian { value.to_be_bytes() } else { value.to_le_bytes() };
            file.bytes.extend(field);
        }
        file
    }

    fn put<const N: usize>(&mut self, at: usize, mut field: [u8; N]) -> &mut Self {
        if self.big_endian {
            field.reverse();
        }
        self.bytes[at..at + N].copy_from_slice(&field);
        self
    }

    fn i16(&mut self, at: usize, value: i16) -> &mut Self {
        self.put(at, value.to_le_bytes())
    }

    fn i32(&mut self, at: usize, value: i32) -> &mut Self {
        self.put(at, value.to_le_bytes())
    }

    fn f32(&mut self, at: usize, value: f32) -> &mut Self {
        self.put(at, value.to_le_bytes())
    }

    fn cut(&mut self, length: usize) -> &mut Self {
        self.bytes.truncate(length);
        self
    }

    fn open(&self) -> Result<Opened, Error> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hand.nii");
        std::fs::write(&path, &self.bytes).unwrap();
        open(&path)
    }

    fn hu(&self) -> Vec<f32> {
        self.open().unwrap().volume.into_hu()
    }

    /// The message, which must name the file.
    fn refusal(&self) -> String {
        let message = self.open().unwrap_err().to_string();
        assert!(message.contains("hand.nii"), "{message}");
        message
    }
}

#[test]
fn voxels_keep_the_order_of_the_file() {
    for big_endian in [false, true] {
        let opened = ByHand::new(big_endian).open().unwrap();
        assert_eq!(opened.volume.grid().shape(), [2, 3, 4]);
        assert_eq!(opened.volume.hu()[..5], [0.0, 1.0, 2.0, 3.0, 4.0]);
        let affine = opened.volume.grid().affine();
        // One voxel along i goes 0.5 mm to the right of RAS, which is -0.5 mm in LPS.
        assert_eq!(affine.columns, [[0.0, 0.0, 2.0], [0.0, -0.75, 0.0], [-0.5, 0.0, 0.0]]);
        assert_eq!(affine.origin_mm, [-10.0, 0.0, 0.0]);
        assert_eq!((opened.origin.format, opened.origin.file_stem.as_deref()), ("NIfTI-1", Some("hand")));
    }
}

#[test]
fn odd_slopes_mean_no_scaling() {
    for slope in [0.0, f32::NAN, f32::INFINITY] {
        assert_eq!(ByHand::new(false).f32(112, slope).f32(116, 100.0).hu()[3], 3.0, "{slope}");
    }
    assert_eq!(ByHand::new(false).f32(112, 2.0).f32(116, f32::NAN).hu()[3], 6.0);
    assert_eq!(ByHand::new(true).f32(112, 2.0).f32(116, -1.0).hu()[3], 5.0);
}

#[test]
fn the_voxel_offset_is_honoured() {
    let mut file = ByHand::new(false);
    file.f32(108, 400.0);
    let voxels = file.bytes.split_off(352);
    file.bytes.resize(400, 7);
    file.bytes.extend(voxels);
    assert_eq!(file.hu()[..3], [0.0, 1.0, 2.0]);
    assert_eq!(ByHand::new(false).f32(108, 0.0).hu()[..3], [0.0, 1.0, 2.0]);
    for offset in [-4.0, 12.0, 352.5, f32::NAN, 1e20] {
        assert!(ByHand::new(false).f32(108, offset).refusal().contains("vox_offset"), "{offset}");
    }
}

#[test]
fn the_sform_wins_and_a_qform_that_disagrees_is_mentioned() {
    let mut file = ByHand::new(false);
    file.i16(252, 1).f32(268, 99.0);
    let opened = file.open().unwrap();
    assert_eq!(opened.volume.grid().affine().origin_mm[0], -10.0);
    assert!(opened.warnings.iter().any(|w| w.contains("disagree")), "{:?}", opened.warnings);
    // qfac 0 counts as +1.
    file.i16(254, 0).f32(76, 0.0);
    assert_eq!(file.open().unwrap().volume.grid().affine().columns[0], [0.0, 0.0, 2.0]);
    file.f32(76, -1.0);
    assert_eq!(file.open().unwrap().volume.grid().affine().columns[0][2], -2.0);
}

#[test]
fn damaged_headers_are_refused_by_field() {
    let field = |edit: fn(&mut ByHand) -> &mut ByHand| {
        let mut file = ByHand::new(false);
        edit(&mut file);
        file.refusal()
    };
    assert!(field(|f| f.i16(40, 4).i16(48, 3)).contains("4-dimensional"));
    assert!(field(|f| f.i16(40, 2)).contains("2-dimensional"));
    assert!(field(|f| f.i16(40, 9)).contains("dim[0] is 9"));
    assert!(field(|f| f.i16(42, -4)).contains("-4 voxels"));
    assert!(field(|f| f.i16(46, 0)).contains("0 voxels"));
    assert!(field(|f| f.i16(42, 400)).contains("bytes long, expected"));
    assert!(field(|f| f.i16(70, 128)).contains("RGB"));
    assert!(field(|f| f.i16(72, 8)).contains("bitpix 8"));
    assert!(field(|f| f.f32(280, 0.0)).contains("voxel sizes"));
    assert!(field(|f| f.f32(280, f32::NAN)).contains("voxel sizes"));
    assert!(field(|f| f.i16(254, 0).i16(252, 1).f32(256, 3.0)).contains("quatern"));
    assert!(field(|f| f.i32(0, 540)).contains("NIfTI header"));
    assert!(field(|f| f.put(344, *b"ni1\0")).contains("pair"));
    assert!(field(|f| f.put(344, [0])).contains("Analyze"));
    assert!(field(|f| f.cut(200)).contains("NIfTI header"));
    assert!(field(|f| f.cut(380)).contains("380 bytes long, expected 400"));
    // A fourth dimension of one volume is fine.
    assert!(ByHand::new(false).i16(40, 4).open().is_ok());
}

#[test]
fn what_is_not_nifti_is_named() {
    assert!(open(&oracle("four_dimensions.nii.gz")).unwrap_err().to_string().contains("4-dimensional"));
    let folder = tempfile::tempdir().unwrap();
    let refuse = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        let error = open(&path).unwrap_err();
        assert!(open_label_map(&path).is_err());
        assert!(error.to_string().contains(name), "{error}");
        error.to_string()
    };
    assert!(refuse("text.nii", b"hello").contains("does not begin with a NIfTI header"));
    assert!(refuse("empty.nii.gz", b"").contains("does not begin"));
    assert!(refuse("notes.txt", b"hello").contains("neither DICOM, NIfTI"));
    assert!(refuse("a.nrrd", b"NRRD0004\n").contains("`type` is missing"));
    let whole = std::fs::read(oracle("int16_le.nii.gz")).unwrap();
    for length in [30, whole.len() / 2, whole.len() - 20, whole.len() - 4] {
        let message = refuse("cut.nii.gz", &whole[..length]);
        assert!(message.contains("cut off") || message.contains("damaged") || message.contains("begin"), "{message}");
        assert!(!message.contains("more than"), "{message}");
    }
    let mut flipped = whole.clone();
    let checksum = flipped.len() - 6;
    flipped[checksum] ^= 1;
    assert!(refuse("flipped.nii.gz", &flipped).contains("gzip stream is damaged"));
    assert!(matches!(open(&folder.path().join("none.nii")), Err(Error::Io { .. })));
}

#[test]
fn nan_voxels_become_air_and_infinite_ones_an_error() {
    let mut file = ByHand::new(false);
    file.i16(70, 16).i16(72, 32);
    file.bytes.truncate(352);
    let mut values = [-900.0_f32; 24];
    values[5] = f32::NAN;
    file.bytes.extend(values.iter().flat_map(|x| x.to_le_bytes()));
    let opened = file.open().unwrap();
    assert_eq!(opened.volume.hu()[5], CtVolume::AIR_HU);
    assert_eq!(opened.origin.padding_share, 1.0 / 24.0);
    assert!(opened.warnings.iter().any(|w| w.contains("NaN, taken as air: 1 (")));
    file.bytes[352 + 4 * 17..][..4].copy_from_slice(&f32::INFINITY.to_le_bytes());
    assert!(file.refusal().contains("voxel (1, 1, 1) holds inf"));
}

#[test]
fn labels_must_be_labels() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mask.nii");
    let open_with = |value: f32| {
        let mut file = ByHand::new(false);
        file.i16(70, 16).i16(72, 32);
        file.bytes.truncate(352);
        let mut values = [1.0_f32; 24];
        values[23] = value;
        file.bytes.extend(values.iter().flat_map(|x| x.to_le_bytes()));
        std::fs::write(&path, &file.bytes).unwrap();
        open_label_map(&path)
    };
    assert_eq!(open_with(2.0005).unwrap().labels()[23], 2);
    assert_eq!(open_with(0.9995).unwrap().count(1), 24);
    assert_eq!(open_with(255.0).unwrap().labels()[23], 255);
    for bad in [0.5, -1.0, 256.0, f32::NAN, f32::INFINITY] {
        let message = open_with(bad).unwrap_err().to_string();
        assert!(message.contains(&format!("voxel (1, 2, 3) holds {bad}")), "{message}");
    }
}

/// A grid turned by three angles, left-handed if `flip`.
fn turned(angles: [f64; 3], flip: bool, spacing: [f64; 3]) -> Grid {
    let [(s1, c1), (s2, c2), (s3, c3)] = angles.map(f64::sin_cos);
    let mut axes = [
        [c1 * c2, s1 * c2, -s2],
        [c1 * s2 * s3 - s1 * c3, s1 * s2 * s3 + c1 * c3, c2 * s3],
        [c1 * s2 * c3 + s1 * s3, s1 * s2 * c3 - c1 * s3, c2 * c3],
    ];
    if flip {
        axes[0] = axes[0].map(|x| -x);
    }
    let columns = std::array::from_fn(|n| axes[n].map(|x| x * spacing[n]));
    Grid::new([3, 4, 5], Affine { columns, origin_mm: [-101.7, 88.1, -712.3] }).unwrap()
}

#[test]
fn grids_survive_the_way_out_and_back() {
    let folder = tempfile::tempdir().unwrap();
    for step in 0..60 {
        let step = f64::from(step);
        let spacing = [1.0 + step / 7.0, 0.5 + step / 90.0, 0.7];
        let grid = turned([step * 0.37, step * 0.91, step * 1.7], (step as usize).is_multiple_of(2), spacing);
        let labels: Vec<u8> = (0..60).map(|n| (n % 7) as u8).collect();
        let labels = LabelMap::new(grid, labels).unwrap();
        let path = folder.path().join("mask.v2.nii.gz");
        write_label_map(&path, &labels).unwrap();
        let back = open_label_map(&path).unwrap();
        assert_eq!(back.labels(), labels.labels());
        grid.must_equal(back.grid()).unwrap();
        // From float32 on, nothing changes any more.
        write_label_map(&path, &back).unwrap();
        assert_eq!(open_label_map(&path).unwrap(), back);

        // sform and qform of one file must say the same, or readers that prefer the other see another grid.
        let plain = folder.path().join("mask.nii");
        write_label_map(&plain, &labels).unwrap();
        let mut bytes = std::fs::read(&plain).unwrap();
        bytes[254] = 0;
        std::fs::write(&plain, bytes).unwrap();
        grid.must_equal(open_label_map(&plain).unwrap().grid()).unwrap_or_else(|e| panic!("step {step}: {e}"));
    }
    let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "exactly the two names that were asked for: {names:?}");
}

#[test]
fn the_matrix_of_an_input_comes_back_to_the_bit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.nii");
    let input = oracle("int16_be.nii");
    let opened = open(&input).unwrap();
    let labels = LabelMap::new(*opened.volume.grid(), vec![1; opened.volume.hu().len()]).unwrap();
    write_label_map(&path, &labels).unwrap();
    let (mut big, little) = (std::fs::read(input).unwrap(), std::fs::read(path).unwrap());
    big[280..328].as_chunks_mut::<4>().0.iter_mut().for_each(|field| field.reverse());
    assert_eq!(big[280..328], little[280..328]);
}

#[test]
fn volumes_are_written_without_loss() {
    let folder = tempfile::tempdir().unwrap();
    let grid = turned([0.1, 0.2, 0.3], false, [2.0, 0.7, 0.8]);
    for (offset, data_type) in [(0.0, "int16"), (0.25, "float32"), (40_000.0, "float32")] {
        let hu: Vec<f32> = (0..60).map(|n| n as f32 * 31.0 - 1024.0 + offset).collect();
        let volume = CtVolume::new(grid, hu).unwrap();
        let path = folder.path().join("ct.nii.gz");
        write_volume(&path, &volume).unwrap();
        let back = open(&path).unwrap();
        assert_eq!(back.volume.hu(), volume.hu());
        assert_eq!(back.origin.encoding, data_type);
    }
}

#[test]
fn a_failed_write_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let grid = turned([0.0; 3], false, [1.0; 3]);
    let labels = LabelMap::new(grid, vec![0; 60]).unwrap();
    let error = write_label_map(&folder.path().join("none/mask.nii.gz"), &labels).unwrap_err();
    assert!(matches!(error, Error::Io { action: "write", .. }));
    let error = write_label_map(&folder.path().join("mask.tif"), &labels).unwrap_err();
    assert!(error.hint().unwrap().contains(".nii.gz"), "{error}");
    // A folder in the way: the rename fails after everything was written.
    let taken = folder.path().join("taken.nii");
    std::fs::create_dir(&taken).unwrap();
    std::fs::File::create(taken.join("x")).unwrap().write_all(b"x").unwrap();
    assert!(write_label_map(&taken, &labels).is_err());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_pair_opens_by_either_name() {
    let by_header = open(&oracle("pair_le.hdr")).unwrap();
    let by_voxels = open(&oracle("pair_le.img")).unwrap();
    assert_eq!(by_header.volume, by_voxels.volume);
    assert_eq!((by_header.origin.file_stem.as_deref(), by_header.origin.files), (Some("pair_le"), 2));
    assert_eq!(by_voxels.origin.file_stem.as_deref(), Some("pair_le"));
    assert_eq!(open(&oracle("packed_pair.img.gz")).unwrap().origin.format, "NIfTI-1");
    assert_eq!(open(&oracle("version2_pair_be.img")).unwrap().origin.format, "NIfTI-2");

    let folder = tempfile::tempdir().unwrap();
    let (header, voxels) = (folder.path().join("X.HDR"), folder.path().join("X.IMG"));
    std::fs::copy(oracle("pair_le.hdr"), &header).unwrap();
    assert!(open(&header).unwrap_err().to_string().contains("without its .img"));
    std::fs::copy(oracle("pair_le.img"), &voxels).unwrap();
    assert_eq!(open(&header).unwrap().volume, by_header.volume);
    assert_eq!(open(&voxels).unwrap().volume, by_header.volume);
    std::fs::write(&voxels, [0; 100]).unwrap();
    let error = open(&header).unwrap_err().to_string();
    assert!(error.contains("X.IMG") && error.contains("100 bytes long, expected 120"), "{error}");
}

#[test]
fn an_axis_too_long_for_version_1_is_written_as_version_2() {
    let folder = tempfile::tempdir().unwrap();
    for longest in [32_767, 32_768] {
        let affine =
            Affine { columns: [[0.1, 0.0, 2.5], [0.0, 0.7, 0.0], [0.3, 0.0, 0.0]], origin_mm: [0.1, 0.2, 0.3] };
        let grid = Grid::new([1, 2, longest], affine).unwrap();
        let labels = LabelMap::new(grid, (0..2 * longest).map(|n| n as u8).collect()).unwrap();
        let path = folder.path().join("long.nii.gz");
        write_label_map(&path, &labels).unwrap();
        let opened = open(&path).unwrap();
        assert_eq!(opened.origin.format, if longest > 32_767 { "NIfTI-2" } else { "NIfTI-1" });
        let back = open_label_map(&path).unwrap();
        assert_eq!(back.labels(), labels.labels());
        grid.must_equal(back.grid()).unwrap();
        if longest > 32_767 {
            assert_eq!(back, labels, "version 2 holds float64: nothing moves at all");
        }
    }
}

#[test]
fn a_sheared_grid_stands_in_the_sform_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tilted.nii");
    let mut affine = *turned([0.3, 0.2, 0.1], false, [2.0, 0.7, 0.8]).affine();
    affine.columns[0] = std::array::from_fn(|n| affine.columns[0][n] + 0.5 * affine.columns[1][n]);
    let grid = Grid::new([3, 4, 5], affine).unwrap();
    let labels = LabelMap::new(grid, vec![1; 60]).unwrap();
    write_label_map(&path, &labels).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!((bytes[252], bytes[254]), (0, 1), "qform_code and sform_code");
    let back = open_label_map(&path).unwrap();
    grid.must_equal(back.grid()).unwrap();
    assert!((back.volume_ml(1) - labels.volume_ml(1)).abs() < 1e-6);
}

#[test]
fn a_small_deviation_from_right_angles_is_said() {
    let opened = ByHand::new(false).f32(284, 0.0005).open().unwrap();
    assert!(opened.warnings.iter().any(|w| w.contains("degrees off a right angle; kept")), "{:?}", opened.warnings);
}

#[test]
fn numbers_beyond_float32_are_rounded_with_a_warning() {
    let mut file = ByHand::new(false);
    file.i16(70, 8).i16(72, 32);
    file.bytes.truncate(352);
    let mut values = [-1000_i32; 24];
    values[3] = 16_777_217;
    file.bytes.extend(values.iter().flat_map(|x| x.to_le_bytes()));
    let opened = file.open().unwrap();
    assert_eq!(opened.volume.hu()[3], 16_777_216.0);
    assert!(opened.warnings.iter().any(|w| w.contains("rounded to float32, by up to 1")), "{:?}", opened.warnings);
}

#[test]
fn the_same_voxels_give_the_same_bytes_at_any_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    // More than one batch of blocks, none of them full.
    let grid = Grid::new([40, 300, 401], *turned([0.1, 0.2, 0.3], false, [1.0; 3]).affine()).unwrap();
    let hu: Vec<f32> = (0..grid.voxels()).map(|n| (n * n % 1999) as f32 - 1000.0).collect();
    let volume = CtVolume::new(grid, hu).unwrap();
    let write = |threads: usize, name: &str| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let path = folder.path().join(name);
        pool.install(|| write_volume(&path, &volume)).unwrap();
        assert_eq!(open(&path).unwrap().volume.hu(), volume.hu(), "{name}");
        std::fs::read(path).unwrap()
    };
    for name in ["x.nii.gz", "x.nrrd", "x.mha"] {
        assert!(write(1, name) == write(5, name), "{name}");
    }
    // One gzip member, as readers that stop at the first one need it.
    let packed = std::fs::read(folder.path().join("x.nii.gz")).unwrap();
    let mut member = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(packed.as_slice()), &mut member).unwrap();
    assert_eq!(member.len(), 352 + 2 * grid.voxels());
}

#[test]
fn shares_are_floats_to_every_reader_and_bytes_on_disk() {
    use pulmo_ct::format::{open_shares, write_shares};
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let grid = Grid::new([2, 1, 3], Affine::axial(Spacing::new([5.0, 0.8, 0.7]).unwrap(), [1.0, 2.0, 3.0])).unwrap();
    let bytes = vec![0, 1, 51, 128, 254, 255];
    let map = LabelMap::new(grid, bytes.clone()).unwrap();
    write_shares(&path("a.nii"), &map).unwrap();
    assert_eq!(std::fs::metadata(path("a.nii")).unwrap().len(), 352 + 6, "a byte per voxel");
    let header = std::fs::read(path("a.nii")).unwrap();
    assert_eq!(f32::from_le_bytes(header[112..116].try_into().unwrap()), 1.0 / 255.0, "scl_slope");
    // The same in 255ths without a slope, and as floats.
    write_label_map(&path("b.nrrd"), &map).unwrap();
    let floats = CtVolume::new(grid, bytes.iter().map(|&byte| f32::from(byte) / 255.0).collect()).unwrap();
    write_volume(&path("c.mha"), &floats).unwrap();
    for name in ["a.nii", "b.nrrd", "c.mha"] {
        let shares = open_shares(&path(name)).unwrap();
        for (share, &byte) in shares.hu().iter().zip(&bytes) {
            assert!((share - f32::from(byte) / 255.0).abs() < 1e-6 && (0.0..=1.0).contains(share), "{name}: {share}");
        }
    }
    write_volume(&path("d.nii"), &CtVolume::new(grid, vec![0.0, 0.5, 1.5, 0.0, 0.0, 0.0]).unwrap()).unwrap();
    assert!(open_shares(&path("d.nii")).unwrap_err().to_string().contains("1.5"));
    assert!(write_shares(&path("e.nrrd"), &map).is_err());
}
