//! NRRD: what SimpleITK and pynrrd read, headers by hand, and what must be refused.

use std::path::{Path, PathBuf};

use pulmo_ct::format::{OpenOptions, Opened, open_ct, open_label_map, write_label_map, write_volume};
use pulmo_ct::{Affine, CtVolume, Error, Grid, LabelMap, Spacing};

use super::text_oracle;

fn open(path: &Path) -> Result<Opened, Error> {
    open_ct(path, &OpenOptions::default())
}

#[test]
fn agrees_with_other_tools() {
    assert_eq!(text_oracle::check("nrrd", &["nrrd", "nhdr"]), 34);
}

/// A header of lines that can be changed, 3 x 4 x 5 voxels of int16 behind it.
struct ByHand {
    lines: Vec<String>,
    voxels: Vec<u8>,
}

impl ByHand {
    fn new() -> Self {
        let lines = [
            "NRRD0004",
            "type: short",
            "dimension: 3",
            "space: left-posterior-superior",
            "sizes: 5 4 3",
            "space directions: (0.7,0,0) (0,0.8,0) (0,0,2.5)",
            "kinds: domain domain domain",
            "endian: little",
            "encoding: raw",
            "space origin: (-10,20,-30.5)",
        ];
        let voxels = (0..60_i16).flat_map(|n| (n - 1000).to_le_bytes()).collect();
        Self { lines: lines.map(str::to_owned).to_vec(), voxels }
    }

    /// Replaces the line of a field, or removes it if `line` is empty.
    fn with(mut self, field: &str, line: &str) -> Self {
        let at = self.lines.iter().position(|known| known.starts_with(&format!("{field}:")));
        match (at, line) {
            (Some(at), "") => drop(self.lines.remove(at)),
            (Some(at), line) => self.lines[at] = line.to_owned(),
            (None, line) => self.lines.push(line.to_owned()),
        }
        self
    }

    fn bytes(&self) -> Vec<u8> {
        [(self.lines.join("\n") + "\n\n").into_bytes(), self.voxels.clone()].concat()
    }

    fn open(&self) -> Result<Opened, Error> {
        let folder = tempfile::tempdir().unwrap();
        // The name must not matter.
        let path: PathBuf = folder.path().join("hand.bin");
        std::fs::write(&path, self.bytes()).unwrap();
        open(&path)
    }

    fn refusal(&self) -> String {
        let error = self.open().unwrap_err();
        let message = error.to_string();
        assert!(message.contains("hand.bin") && error.hint().is_some(), "{message}");
        message
    }
}

#[test]
fn a_header_says_where_voxels_lie() {
    let opened = ByHand::new().open().unwrap();
    assert_eq!(opened.volume.grid().shape(), [3, 4, 5]);
    assert_eq!(opened.volume.grid().affine().columns, [[0.0, 0.0, 2.5], [0.0, 0.8, 0.0], [0.7, 0.0, 0.0]]);
    assert_eq!(opened.volume.grid().affine().origin_mm, [-10.0, 20.0, -30.5]);
    assert_eq!(opened.volume.hu()[..2], [-1000.0, -999.0]);
    assert_eq!((opened.origin.format, opened.origin.encoding.as_str()), ("NRRD", "int16"));
    assert_eq!((opened.origin.file_stem.as_deref(), opened.origin.files), (Some("hand"), 1));
    assert_eq!(opened.warnings, Vec::<String>::new());
    // Line ends of Windows, comments, key and value pairs, any case, a fourth axis of one value.
    let mut file = ByHand::new().with("space", "Space: LEFT-POSTERIOR-SUPERIOR").with("type", "type: INT16");
    file.lines.extend([
        "# comment".to_owned(),
        "Segment0_Name:=a: b".to_owned(),
        "centerings: cell cell cell".to_owned(),
    ]);
    assert_eq!(file.open().unwrap().volume, opened.volume);
    let windows = (file.lines.join("\r\n") + "\r\n\r\n").into_bytes();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.nrrd");
    std::fs::write(&path, [windows, file.voxels.clone()].concat()).unwrap();
    assert_eq!(open(&path).unwrap().volume, opened.volume);
    let file = ByHand::new()
        .with("dimension", "dimension: 4")
        .with("sizes", "sizes: 1 5 4 3")
        .with("kinds", "kinds: list domain domain domain")
        .with("space directions", "space directions: none (0.7,0,0) (0,0.8,0) (0,0,2.5)");
    assert_eq!(file.open().unwrap().volume, opened.volume);
}

#[test]
fn what_is_missing_is_said() {
    let no_origin = ByHand::new().with("space origin", "").open().unwrap();
    assert!(no_origin.warnings[0].contains("`space origin` is missing"), "{:?}", no_origin.warnings);
    let no_space = ByHand::new().with("space", "").with("space origin", "").with("space directions", "spacings: 1 2 3");
    let opened = no_space.open().unwrap();
    assert!(opened.warnings[0].contains("orientation and origin are guessed"), "{:?}", opened.warnings);
    assert_eq!(opened.volume.grid().spacing().mm(), [3.0, 2.0, 1.0]);
    assert!(no_space.with("spacings", "").refusal().contains("`spacings` is missing"));
}

#[test]
fn what_is_not_read_is_refused_by_name() {
    let refusal = |field: &str, line: &str| ByHand::new().with(field, line).refusal();
    assert!(refusal("space", "space: scanner-xyz").contains("space `scanner-xyz`"));
    assert!(refusal("space", "space: left-posterior-superior-time").contains("space `left-posterior-superior-time`"));
    assert!(refusal("space", "").contains("field `space` is missing"));
    assert!(refusal("encoding", "encoding: bzip2").contains("encoding `bzip2`"));
    assert!(refusal("encoding", "encoding: hex").contains("encoding `hex`"));
    assert!(refusal("type", "type: block").contains("type `block`"));
    assert!(refusal("data file", "data file: LIST").contains("several files"));
    assert!(refusal("data file", "data file: slice%03d.raw 1 3 1").contains("several files"));
    assert!(refusal("data file", "data file: none.raw").contains("names `none.raw`"));
    assert!(refusal("data file", "data file: /dev/zero").contains("names `/dev/zero`"));
    assert!(refusal("kinds", "kinds: vector domain domain").contains("5 values per voxel"));
    assert!(refusal("kinds", "kinds: domain domain time").contains("axis 2 holds 3 values"));
    assert!(refusal("space units", "space units: \"mm\" \"mm\" \"m\"").contains("lengths in `m`"));
    let four = ByHand::new()
        .with("dimension", "dimension: 4")
        .with("sizes", "sizes: 2 5 4 3")
        .with("kinds", "kinds: list domain domain domain")
        .with("space directions", "space directions: none (0.7,0,0) (0,0.8,0) (0,0,2.5)");
    assert!(four.refusal().contains("axis 0 holds 2 values per voxel (`list`)"));
    let plain_four = ByHand::new().with("dimension", "dimension: 4").with("sizes", "sizes: 5 4 3 2").with("kinds", "");
    assert!(plain_four.refusal().contains("4 axes of space"));
}

#[test]
fn damaged_headers_are_refused_by_field() {
    let refusal = |field: &str, line: &str| ByHand::new().with(field, line).refusal();
    assert!(refusal("type", "").contains("`type` is missing"));
    assert!(refusal("sizes", "sizes: 5 4").contains("`sizes`"));
    assert!(refusal("sizes", "sizes: 5 0 3").contains("`sizes`"));
    assert!(refusal("sizes", "sizes: 5 -4 3").contains("`sizes`"));
    assert!(refusal("sizes", "sizes: 4294967295 4294967295 4294967295").contains("no volume has it"));
    assert!(refusal("sizes", "sizes: 500 400 300").contains("bytes long, expected"));
    assert!(refusal("dimension", "dimension: 99").contains("`dimension`"));
    assert!(refusal("endian", "").contains("`endian` is missing"));
    assert!(refusal("endian", "endian: middle").contains("middle"));
    assert!(refusal("space directions", "space directions: (1,0,0) (0,1,0)").contains("holds 2 vectors"));
    assert!(refusal("space directions", "space directions: (1,0,0) (0,1,0) (0,0)").contains("(0,0)"));
    assert!(refusal("space directions", "space directions: (1,0,0) (0,1,0) (0,0,nan)").contains("spacing"));
    assert!(refusal("space directions", "space directions: (1,0,0) (0,1,0) (0,1,0)").contains("one plane"));
    assert!(refusal("space origin", "space origin: (1,2)").contains("`space origin`"));
    assert!(refusal("byte skip", "byte skip: -2").contains("byteskip"));
    assert!(refusal("line skip", "line skip: 1000").contains("lines before its voxels"));
    assert!(refusal("byte skip", "byte skip: 9223372036854775807").contains("bytes long, expected"));
    assert!(refusal("no field", "no field").contains("is no field"));
    let mut twice = ByHand::new();
    twice.lines.push("Type: short".to_owned());
    assert!(twice.refusal().contains("twice"));
    let mut version = ByHand::new();
    version.lines[0] = "NRRD0009".to_owned();
    assert!(version.refusal().contains("NRRD0009"));
    let endless = ByHand { lines: vec!["NRRD0004".to_owned(), format!("# {}", "x".repeat(5 << 20))], voxels: vec![] };
    assert!(endless.refusal().contains("no blank line"));
}

#[test]
fn a_claim_that_no_compression_can_keep_is_refused_before_memory_is_asked_for() {
    let file = ByHand::new().with("encoding", "encoding: gzip").with("sizes", "sizes: 100000 100000 100");
    assert!(file.refusal().contains("cannot hold the 2000000000000 bytes"));
    let text = ByHand::new().with("encoding", "encoding: ascii").with("sizes", "sizes: 100000 100000 100");
    assert!(text.refusal().contains("bytes long, expected"));
}

#[test]
fn labels_must_fit_and_larger_codes_get_a_hint() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("codes.nrrd");
    let mut file = ByHand::new();
    file.voxels = (0..60_i16).flat_map(|n| (n * 5).to_le_bytes()).collect();
    std::fs::write(&path, file.bytes()).unwrap();
    let error = open_label_map(&path).unwrap_err();
    assert!(error.to_string().contains("voxel (2, 2, 2) holds 260, expected labels"), "{error}");
    assert!(error.hint().unwrap().contains("renumbered"));
}

#[test]
fn numbers_come_back_to_the_bit() {
    let folder = tempfile::tempdir().unwrap();
    let mut affine = Affine::axial(Spacing::new([1.0 / 3.0, 0.1, 1e-7]).unwrap(), [-1.0 / 7.0, 1e17, 1e-300]);
    affine.columns[0][1] = 0.2;
    let grid = Grid::new([2, 3, 4], affine).unwrap();
    let volume = CtVolume::new(grid, (0..24).map(|n| n as f32 / 3.0 - 1000.0).collect()).unwrap();
    let labels = LabelMap::new(grid, (0..24).map(|n| n * 10).collect()).unwrap();
    for name in ["x.nrrd", "y.nhdr", "With Space.NHDR"] {
        write_volume(&folder.path().join(name), &volume).unwrap();
        assert_eq!(open(&folder.path().join(name)).unwrap().volume, volume);
        write_label_map(&folder.path().join(name), &labels).unwrap();
        assert_eq!(open_label_map(&folder.path().join(name)).unwrap(), labels);
    }
    assert!(folder.path().join("With Space.raw.gz").is_file());
    let error = write_labels_error(&folder.path().join("a%d.nhdr"), &labels);
    assert!(error.contains("cannot stand in the header"), "{error}");
}

fn write_labels_error(path: &Path, labels: &LabelMap) -> String {
    write_label_map(path, labels).unwrap_err().to_string()
}
