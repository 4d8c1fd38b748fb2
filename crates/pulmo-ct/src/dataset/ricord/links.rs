//! A folder for each series: its own, or one with links to its slices.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::scan::{Head, Series};
use crate::error::{Error, Result};
use crate::unfinished;

/// A series with more places taken twice than this part of its slices holds two acquisitions, and is left as it is.
const DOUBLED_AT_MOST: f64 = 0.1;

/// Which folders hold slices of one series only.
#[derive(Debug)]
pub(super) struct Folders {
    /// Every folder that has DICOM files in or below it, and the series they are of, unless there are several.
    owners: BTreeMap<PathBuf, Option<String>>,
}

impl Folders {
    pub(super) fn of(series: &[Series]) -> Self {
        let mut owners: BTreeMap<PathBuf, Option<String>> = BTreeMap::new();
        for one in series {
            let parents: BTreeSet<&Path> = one.slices.iter().filter_map(|slice| slice.file.parent()).collect();
            let folders: BTreeSet<&Path> = parents.into_iter().flat_map(Path::ancestors).collect();
            for folder in folders {
                owners
                    .entry(folder.to_owned())
                    .and_modify(|owner| *owner = owner.take().filter(|uid| *uid == one.uid))
                    .or_insert_with(|| Some(one.uid.clone()));
            }
        }
        Self { owners }
    }

    /// The folder to open a series from. It is its own if it lies in one folder, alone and whole; otherwise
    /// `place.0/place.1`, with links to its slices.
    pub(super) fn of_series(&self, series: &Series, is_partial: bool, place: (&Path, &str)) -> Result<PathBuf> {
        let parents: BTreeSet<&Path> = series.slices.iter().filter_map(|slice| slice.file.parent()).collect();
        if let (Some(only), 1, false) = (parents.first(), parents.len(), is_partial)
            && self.owners.get(*only).is_some_and(|owner| owner.as_ref() == Some(&series.uid))
        {
            return Ok((*only).to_owned());
        }
        let folder = place.0.join(place.1);
        let failed = |source| Error::write(&folder, source);
        // Links of an earlier import may be of other slices.
        match std::fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        unfinished::make_folder(&folder).map_err(failed)?;
        for (number, slice) in series.slices.iter().enumerate() {
            let file = std::path::absolute(&slice.file).map_err(failed)?;
            link(&file, &folder.join(format!("{:05}.dcm", number + 1))).map_err(failed)?;
        }
        Ok(folder)
    }
}

#[cfg(unix)]
fn link(file: &Path, name: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(file, name)
}

/// Symbolic links need rights that users of other systems do not have.
#[cfg(not(unix))]
fn link(file: &Path, name: &Path) -> std::io::Result<()> {
    std::fs::hard_link(file, name).or_else(|_| std::fs::copy(file, name).map(|_| ()))
}

/// Takes away slices that are there twice: first equal SOPInstanceUIDs, then slices at one place. Of two, the annotated
/// one stays, then that with the lower InstanceNumber. Gives what was taken away and why.
pub(super) fn without_copies(series: &mut Series, annotated: &BTreeSet<&str>) -> Vec<(PathBuf, &'static str)> {
    let mut gone = Vec::new();
    let mut seen = BTreeSet::new();
    series.slices.retain(|slice| {
        let is_new = seen.insert(slice.sop_uid.clone());
        if !is_new {
            gone.push((slice.file.clone(), "another file of its series has the same SOPInstanceUID"));
        }
        is_new
    });
    let rank = |slice: &Head| (!annotated.contains(slice.sop_uid.as_str()), slice.instance, slice.file.clone());
    let mut order: Vec<&Head> = series.slices.iter().collect();
    order.sort_by(|a, b| a.height().total_cmp(&b.height()).then_with(|| rank(a).cmp(&rank(b))));
    let mut doubled = BTreeSet::new();
    for pair in order.windows(2) {
        if pair[0].is_at(pair[1]) {
            let worse = if rank(pair[0]) <= rank(pair[1]) { pair[1] } else { pair[0] };
            doubled.insert(worse.file.clone());
        }
    }
    if (doubled.len() as f64) <= DOUBLED_AT_MOST * series.slices.len() as f64 {
        series.slices.retain(|slice| !doubled.contains(&slice.file));
        gone.extend(doubled.into_iter().map(|file| (file, "it lies at the place of another slice of its series")));
    }
    gone
}
