//! Finding the files of a folder, reading their headers and grouping them by series.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use dicom_core::Tag;
use dicom_dictionary_std::{tags, uids};
use dicom_object::DefaultDicomObject;
use rayon::prelude::*;

use super::super::file::{Unreadable, open_lazily};
use super::super::pixel_data::PixelData;
use super::pixel::PixelLayout;
use crate::error::{Error, Result};

/// How deep folders are followed, so that a link to a parent ends somewhere.
const DEEPEST: usize = 16;

/// What one file says about its slice, without its pixels.
#[derive(Debug, Clone)]
pub(super) struct SliceHeader {
    pub(super) file: PathBuf,
    pub(super) study_uid: String,
    pub(super) series_uid: String,
    pub(super) series_number: Option<i64>,
    pub(super) instance_number: Option<i64>,
    pub(super) modality: String,
    pub(super) sop_class: String,
    pub(super) transfer_syntax: String,
    pub(super) is_localizer: bool,
    pub(super) frames: u32,
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) position_mm: Option<[f64; 3]>,
    /// The direction along a row (increasing column), then along a column (increasing row).
    pub(super) orientation: Option<[f64; 6]>,
    /// Distance between rows, then between columns.
    pub(super) pixel_spacing_mm: Option<[f64; 2]>,
    pub(super) layout: PixelLayout,
    pub(super) pixel_data: Option<PixelData>,
}

impl SliceHeader {
    fn of(file: &Path, object: &DefaultDicomObject, pixel_data: Option<PixelData>) -> Self {
        Self {
            file: file.to_owned(),
            study_uid: text(object, tags::STUDY_INSTANCE_UID),
            series_uid: text(object, tags::SERIES_INSTANCE_UID),
            series_number: integer(object, tags::SERIES_NUMBER),
            instance_number: integer(object, tags::INSTANCE_NUMBER),
            modality: text(object, tags::MODALITY),
            sop_class: text(object, tags::SOP_CLASS_UID),
            transfer_syntax: object.meta().transfer_syntax().to_owned(),
            is_localizer: text(object, tags::IMAGE_TYPE).split('\\').any(|value| value.trim() == "LOCALIZER"),
            frames: integer(object, tags::NUMBER_OF_FRAMES).and_then(|n| u32::try_from(n).ok()).unwrap_or(1),
            rows: integer(object, tags::ROWS).and_then(|n| usize::try_from(n).ok()).unwrap_or(0),
            columns: integer(object, tags::COLUMNS).and_then(|n| usize::try_from(n).ok()).unwrap_or(0),
            position_mm: numbers(object, tags::IMAGE_POSITION_PATIENT),
            orientation: numbers(object, tags::IMAGE_ORIENTATION_PATIENT),
            pixel_spacing_mm: numbers(object, tags::PIXEL_SPACING),
            layout: PixelLayout::of(object),
            pixel_data,
        }
    }

    /// Whether the object is of the multi-frame kind, even if it holds a single frame.
    pub(super) fn is_multi_frame(&self) -> bool {
        self.frames > 1
            || [uids::ENHANCED_CT_IMAGE_STORAGE, uids::LEGACY_CONVERTED_ENHANCED_CT_IMAGE_STORAGE]
                .contains(&self.sop_class.as_str())
    }

    /// How messages name the slice: by InstanceNumber and file.
    pub(super) fn name(&self) -> String {
        let file = self.file.file_name().unwrap_or_default().to_string_lossy();
        match self.instance_number {
            Some(number) => format!("instance {number} (`{file}`)"),
            None => format!("`{file}`"),
        }
    }
}

/// The text of an element without padding; empty if it is absent.
pub(super) fn text(object: &DefaultDicomObject, tag: Tag) -> String {
    let value = object.get(tag).and_then(|element| element.to_str().ok());
    value.map(|text| text.trim_matches([' ', '\0']).to_owned()).unwrap_or_default()
}

/// The first integer of an element.
pub(super) fn integer(object: &DefaultDicomObject, tag: Tag) -> Option<i64> {
    object.get(tag)?.to_int::<i64>().ok()
}

/// The numbers of an element, if there are exactly `COUNT`, all finite.
pub(super) fn numbers<const COUNT: usize>(object: &DefaultDicomObject, tag: Tag) -> Option<[f64; COUNT]> {
    let values: [f64; COUNT] = object.get(tag)?.to_multi_float64().ok()?.try_into().ok()?;
    values.iter().all(|x| x.is_finite()).then_some(values)
}

/// The files of one series, in the order of their names.
#[derive(Debug)]
pub(super) struct Series {
    pub(super) slices: Vec<SliceHeader>,
}

impl Series {
    /// Any header: a series has at least one.
    pub(super) fn first(&self) -> &SliceHeader {
        &self.slices[0]
    }
}

/// What a folder holds.
#[derive(Debug)]
pub(super) struct Scan {
    /// By SeriesNumber, then SeriesInstanceUID.
    pub(super) series: Vec<Series>,
    not_dicom: Vec<PathBuf>,
    /// DICOM files whose header is damaged, and how.
    damaged: Vec<(PathBuf, String)>,
}

impl Scan {
    /// A damaged file may be a slice of any series, even the first or last one, which no gap would show.
    pub(super) fn must_be_undamaged(&self) -> Result<()> {
        match self.damaged.first() {
            None => Ok(()),
            Some((file, how)) => Err(Error::invalid(file, how, "copy the file again, or remove it from the folder")),
        }
    }

    /// One sentence on the files that were left out.
    pub(super) fn left_out_warning(&self) -> Option<String> {
        (!self.not_dicom.is_empty()).then(|| {
            format!("{} files are not DICOM and were left out: {}", self.not_dicom.len(), self.name_not_dicom())
        })
    }

    fn name_not_dicom(&self) -> String {
        let name = |path: &PathBuf| format!("`{}`", path.file_name().unwrap_or_default().to_string_lossy());
        let mut names: Vec<String> = self.not_dicom.iter().take(3).map(name).collect();
        if self.not_dicom.len() > names.len() {
            names.push("…".to_owned());
        }
        names.join(", ")
    }
}

/// Reads the headers of all files in `folder` and below.
pub(super) fn scan(folder: &Path) -> Result<Scan> {
    let mut files = Vec::new();
    collect_files(folder, 0, &mut files)?;
    files.sort();
    let headers: Vec<_> = files.par_iter().map(|file| read_header(file)).collect();

    let mut groups: BTreeMap<_, Vec<SliceHeader>> = BTreeMap::new();
    let (mut not_dicom, mut damaged) = (Vec::new(), Vec::new());
    for (file, header) in files.into_iter().zip(headers) {
        match header {
            // The index of a medium, not an image.
            Ok(header) if header.sop_class == uids::MEDIA_STORAGE_DIRECTORY_STORAGE => (),
            Ok(header) => {
                // Files that were stripped of the UID belong together if they lie together.
                let folder = header.series_uid.is_empty().then(|| file.parent().map(Path::to_owned));
                let key = (header.series_number, header.series_uid.clone(), folder);
                groups.entry(key).or_default().push(header);
            }
            Err(Unreadable::NotDicom) => not_dicom.push(file),
            Err(Unreadable::Damaged(how)) => damaged.push((file, how)),
        }
    }
    let series = groups.into_values().map(|slices| Series { slices }).collect();
    let scan = Scan { series, not_dicom, damaged };
    if scan.series.is_empty() {
        scan.must_be_undamaged()?;
        let problem = match scan.not_dicom.len() {
            0 => "it holds no file".to_owned(),
            n => format!("none of its {n} files is a DICOM file: {}", scan.name_not_dicom()),
        };
        return Err(Error::invalid(folder, problem, "give the folder that holds the .dcm files of one CT series"));
    }
    Ok(scan)
}

fn collect_files(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<()> {
    let failed = |e| Error::read(folder, e);
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let is_hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if is_hidden {
            continue;
        }
        if !path.is_dir() {
            files.push(path);
        } else if depth < DEEPEST {
            collect_files(&path, depth + 1, files)?;
        }
    }
    Ok(())
}

/// Reads everything before the pixels of one file.
pub(super) fn read_header(file: &Path) -> std::result::Result<SliceHeader, Unreadable> {
    let (object, pixel_data) = open_lazily(file)?;
    Ok(SliceHeader::of(file, &object, pixel_data))
}
