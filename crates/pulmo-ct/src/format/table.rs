//! The list of formats, and what each must be able to do.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use super::{OpenOptions, Opened, dicom, meta_image, nifti, nrrd};
use crate::error::{Error, Result};
use crate::volume::{CtVolume, LabelMap};

/// Every format, in the order they are tried.
pub(super) const ALL: &[&dyn FileFormat] =
    &[&dicom::Folder, &dicom::Single, &nifti::Nifti, &nrrd::Nrrd, &meta_image::MetaImage];

/// Bytes of a file that are looked at to recognise it.
const HEAD_BYTES: u64 = 1024;

/// Called as `progress(done, total)`, from several threads.
pub(in crate::format) type Progress<'a> = &'a (dyn Fn(usize, usize) + Sync);

/// One format: how to tell it, read it and write it.
pub(in crate::format) trait FileFormat: Sync {
    /// The name in messages, with its article: `an NRRD file`.
    fn name(&self) -> &'static str;

    /// Whether the content is of this format; its name must not matter.
    fn recognises(&self, probe: &Probe<'_>) -> bool;

    /// Opens a CT.
    fn open_ct(&self, path: &Path, options: &OpenOptions, progress: Progress<'_>) -> Result<Opened>;

    /// Opens a label map.
    fn open_label_map(&self, path: &Path) -> Result<LabelMap>;

    /// How the names of its files end, in lower case; these are the names that can be written.
    fn endings(&self) -> &'static [&'static str] {
        &[]
    }

    /// Writes a label map to a name with one of [`FileFormat::endings`].
    fn write_label_map(&self, path: &Path, _: &LabelMap) -> Result<()> {
        Err(Error::unsupported(path, format!("{} is not written here", self.name()), writable()))
    }

    /// Writes a CT to a name with one of [`FileFormat::endings`].
    fn write_volume(&self, path: &Path, _: &CtVolume) -> Result<()> {
        Err(Error::unsupported(path, format!("{} is not written here", self.name()), writable()))
    }
}

/// What can be seen of a path without reading all of it.
#[derive(Debug)]
pub(in crate::format) struct Probe<'a> {
    /// The file or folder.
    pub(in crate::format) path: &'a Path,
    /// Whether it is a folder; it then has no bytes.
    pub(in crate::format) is_folder: bool,
    /// The first bytes of the file.
    pub(in crate::format) head: Vec<u8>,
    /// The first bytes of what it holds, if it is compressed with gzip: empty if that is damaged.
    pub(in crate::format) unpacked: Option<Vec<u8>>,
}

impl<'a> Probe<'a> {
    pub(in crate::format) fn of(path: &'a Path) -> Result<Self> {
        let failed = |e| Error::read(path, e);
        // A pipe or a device would be waited for; the length of what it gives cannot be checked.
        let kind = std::fs::metadata(path).map_err(failed)?;
        if kind.is_dir() {
            return Ok(Self { path, is_folder: true, head: Vec::new(), unpacked: None });
        }
        if !kind.is_file() {
            let problem = "neither a file nor a folder but a pipe or a device";
            return Err(Error::unsupported(path, problem, "save it to a file first"));
        }
        let mut head = Vec::with_capacity(HEAD_BYTES as usize);
        File::open(path).map_err(failed)?.take(HEAD_BYTES).read_to_end(&mut head).map_err(failed)?;
        let unpacked = head.starts_with(&[0x1f, 0x8b]).then(|| {
            let mut unpacked = Vec::new();
            // The head ends inside the stream, so an error at its end is expected; what came before counts.
            let _ = MultiGzDecoder::new(head.as_slice()).take(HEAD_BYTES).read_to_end(&mut unpacked);
            unpacked
        });
        Ok(Self { path, is_folder: false, head, unpacked })
    }

    /// The first bytes of the content, unpacked if need be.
    pub(in crate::format) fn content(&self) -> &[u8] {
        self.unpacked.as_deref().unwrap_or(&self.head)
    }
}

/// Whether a file begins as a gzip member.
pub(in crate::format) fn is_gzip(path: &Path) -> Result<bool> {
    let mut magic = Vec::with_capacity(2);
    let failed = |e| Error::read(path, e);
    File::open(path).map_err(failed)?.take(2).read_to_end(&mut magic).map_err(failed)?;
    Ok(magic == [0x1f, 0x8b])
}

/// The format of what a path holds.
pub(super) fn recognise(path: &Path) -> Result<&'static dyn FileFormat> {
    let probe = Probe::of(path)?;
    if let Some(format) = ALL.iter().find(|format| format.recognises(&probe)) {
        return Ok(*format);
    }
    if has_ending(path, nifti::Nifti.endings()) {
        return Err(nifti::not_nifti(path));
    }
    // The other formats are not packed as a whole: their own compression keeps the header readable.
    if let Some(unpacked) = &probe.unpacked {
        let inner = Probe { head: unpacked.clone(), unpacked: None, ..probe };
        let found = ALL.iter().find(|format| format.recognises(&inner)).map_or("nothing known", |f| f.name());
        let problem = format!("a gzip file that holds {found}");
        return Err(Error::unsupported(path, problem, "unpack it with gunzip; only NIfTI is read packed"));
    }
    Err(Error::unsupported(path, "neither DICOM, NIfTI, NRRD nor MetaImage by its content", readable()))
}

/// The format whose names end like this one.
pub(super) fn by_ending(path: &Path) -> Result<&'static dyn FileFormat> {
    ALL.iter().find(|format| has_ending(path, format.endings())).copied().ok_or_else(|| {
        let problem = "its name does not say a format that is written";
        Error::unsupported(path, problem, writable())
    })
}

/// The endings that can be written, for hints.
fn writable() -> String {
    let endings: Vec<&str> = ALL.iter().flat_map(|format| format.endings()).copied().collect();
    format!("choose a name that ends in one of {}", endings.join(", "))
}

fn readable() -> String {
    "readable are a folder with the DICOM files of a CT series, and NIfTI, NRRD and MetaImage files".to_owned()
}

/// Whether the name ends in one of these, in any case.
pub(in crate::format) fn has_ending(path: &Path, endings: &[&str]) -> bool {
    ending(path, endings).is_some()
}

fn ending<'e>(path: &Path, endings: &[&'e str]) -> Option<&'e str> {
    let name = path.file_name()?.to_string_lossy().to_ascii_lowercase();
    endings.iter().copied().filter(|ending| name.ends_with(ending)).max_by_key(|ending| ending.len())
}

/// The file name without the ending of its format: `a.v2` for `a.v2.nii.gz`.
///
/// An unknown ending is cut off as far as the last dot.
pub(in crate::format) fn stem(path: &Path) -> Option<String> {
    let known: Vec<&str> = ALL.iter().flat_map(|format| format.endings()).copied().chain(nifti::PAIR_ENDINGS).collect();
    match ending(path, &known) {
        Some(ending) => {
            let name = path.file_name()?.to_string_lossy();
            Some(name[..name.len() - ending.len()].to_owned())
        }
        None => path.file_stem().map(|name| name.to_string_lossy().into_owned()),
    }
}
