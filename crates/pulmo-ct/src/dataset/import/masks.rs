//! Label maps that are made at import and kept beside `data.toml`.
//!
//! Each lies as `masks/<case>.nii.gz` with a `<case>.key` beside it that says what it was made of. An import that is
//! repeated takes it again if the key and the grid are the same, and makes it anew otherwise.

use std::path::{Path, PathBuf};

use crate::dataset::digest;
use crate::error::{Error, Result};
use crate::format::{open_label_map, write_label_map};
use crate::geometry::Grid;
use crate::unfinished;
use crate::volume::LabelMap;

/// Makes the reference of one case.
pub trait MakeMask: std::fmt::Debug + Send + Sync {
    /// What the mask depends on besides the grid, as text: equal keys give equal masks.
    ///
    /// # Errors
    /// If a source file cannot be read.
    fn key(&self) -> Result<String>;

    /// The mask on the CT's grid.
    ///
    /// # Errors
    /// If a source cannot be read or lies on another grid.
    fn make(&self, grid: &Grid) -> Result<LabelMap>;
}

/// Nothing to find: the mask of a case without infiltrates.
#[derive(Debug, Clone, Copy)]
pub struct Empty;

impl MakeMask for Empty {
    fn key(&self) -> Result<String> {
        Ok("empty".to_owned())
    }

    fn make(&self, grid: &Grid) -> Result<LabelMap> {
        LabelMap::new(*grid, vec![0; grid.voxels()])
    }
}

/// Some values of another label map become label 1.
#[derive(Debug, Clone)]
pub struct Values {
    /// The other label map.
    pub file: PathBuf,
    /// The values that become 1; all others become 0.
    pub values: Vec<u8>,
}

impl MakeMask for Values {
    fn key(&self) -> Result<String> {
        Ok(format!("values {:?} of {}", self.values, digest::of_file(&self.file)?))
    }

    fn make(&self, grid: &Grid) -> Result<LabelMap> {
        let map = open_label_map(&self.file)?;
        grid.must_equal(map.grid())?;
        let labels = map.labels().iter().map(|label| u8::from(self.values.contains(label))).collect();
        LabelMap::new(*grid, labels)
    }
}

/// Makes a mask in `work`, or takes the one that lies there; gives its path and itself.
pub(super) fn make(work: &Path, case: &str, maker: &dyn MakeMask, grid: &Grid) -> Result<(PathBuf, LabelMap)> {
    let folder = work.join("masks");
    let (path, key_path) = (folder.join(format!("{case}.nii.gz")), folder.join(format!("{case}.key")));
    let key = format!("mask 1\n{}\n{:?} {:?}\n", maker.key()?, grid.shape(), grid.affine());
    if std::fs::read_to_string(&key_path).is_ok_and(|found| found == key)
        && let Ok(mask) = open_label_map(&path)
        && grid.must_equal(mask.grid()).is_ok()
    {
        return Ok((path, mask));
    }
    let mask = maker.make(grid)?;
    unfinished::make_folder(&folder).map_err(|source| Error::write(&folder, source))?;
    // The key comes last: an import that is killed in between makes the mask anew.
    let _ = std::fs::remove_file(&key_path);
    write_label_map(&path, &mask)?;
    crate::atomic::write(&key_path, key.as_bytes())?;
    Ok((path, mask))
}
