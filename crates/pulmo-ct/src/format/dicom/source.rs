//! A CT series as DICOM outputs see it: who is on it, where its slices lie, what to refer to.

use std::path::{Path, PathBuf};

use dicom_core::Tag;
use dicom_dictionary_std::{tags, uids};
use rayon::prelude::*;

use super::dataset::DataSet;
use super::raw;
use super::series::{self, TakenSlice};
use super::uid::Hash;
use crate::error::{Error, Result};
use crate::format::OpenOptions;
use crate::geometry::Grid;

/// Beyond it stand functional groups and pixels.
const LAST_OF_HEADER: Tag = Tag(0x0040, 0xffff);

/// One slice (or frame) of the source.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceSlice {
    /// SOPClassUID of its object.
    pub sop_class_uid: String,
    /// SOPInstanceUID of its object.
    pub sop_instance_uid: String,
    /// Number of the frame, from 1, in an enhanced multi-frame object; `None` for a classic slice.
    pub frame: Option<u32>,
    /// ImagePositionPatient: the patient position (LPS, mm) of the centre of its first pixel.
    pub position_mm: [f64; 3],
    /// ImageOrientationPatient: the directions of a row (to higher columns) and of a column (to higher rows).
    pub orientation: [f64; 6],
}

/// One CT series: the same choice, order and grid as [`crate::format::open_ct`] gives, without pixels.
///
/// Holds the patient's attributes as bytes, to be copied; its debug output shows none of them.
pub struct SourceSeries {
    path: PathBuf,
    grid: Grid,
    slices: Vec<SourceSlice>,
    /// The first slice's header.
    header: DataSet,
    study_uid: String,
    series_uid: String,
    frame_of_reference_uid: String,
    /// Identifying attributes that the source lacks, by name.
    missing: Vec<&'static str>,
    used_numbers: Vec<UsedNumber>,
    lossy: Option<Lossy>,
    is_resampled: bool,
}

impl std::fmt::Debug for SourceSeries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SourceSeries").field("grid", &self.grid).field("slices", &self.slices.len()).finish()
    }
}

/// A SeriesNumber that a series of the study has in the folder.
struct UsedNumber {
    number: i64,
    /// Manufacturer and software versions, to know our own earlier outputs.
    maker: [Vec<u8>; 2],
}

/// What is known of earlier compression with loss: the elements to carry on.
struct Lossy {
    header: DataSet,
}

/// What one file of the series says.
struct Head {
    path: PathBuf,
    data: DataSet,
}

impl Head {
    fn read(path: &Path) -> Result<Self> {
        Ok(Self { path: path.to_owned(), data: raw::read_head(path, LAST_OF_HEADER, &is_wanted)? })
    }

    fn uid(&self, tag: Tag) -> String {
        self.data.ascii(tag).unwrap_or_default().to_owned()
    }
}

/// All public elements of the header, pictures in it excepted.
fn is_wanted(tag: Tag) -> bool {
    tag.0.is_multiple_of(2) && tag != tags::ICON_IMAGE_SEQUENCE
}

impl SourceSeries {
    /// Opens a folder with a DICOM series, as [`crate::format::open_ct`] does.
    ///
    /// # Errors
    /// As [`crate::format::open_ct`]; [`Error::Invalid`] if slices of the series name different patients,
    /// studies or frames of reference. Missing identifying UIDs are no error here but when an object is made.
    pub fn open(path: &Path, options: &OpenOptions) -> Result<Self> {
        let taken = series::take(path, options)?;
        // A file with many frames is read once.
        let mut files: Vec<&Path> = taken.slices.iter().map(|slice| slice.file.as_path()).collect();
        files.dedup();
        let heads: Vec<Head> = files.par_iter().map(|path| Head::read(path)).collect::<Result<_>>()?;
        must_be_of_one_patient(path, &heads)?;
        let first = &heads[0];
        let mut slices = Vec::with_capacity(taken.slices.len());
        let mut at = 0;
        for slice in &taken.slices {
            at += usize::from(slice.file != heads[at].path);
            slices.push(SourceSlice {
                sop_class_uid: heads[at].uid(tags::SOP_CLASS_UID),
                sop_instance_uid: heads[at].uid(tags::SOP_INSTANCE_UID),
                frame: slice.frame,
                position_mm: slice.position_mm,
                orientation: slice.orientation,
            });
        }
        let lossy = heads.iter().find(|head| head.data.ascii(tags::LOSSY_IMAGE_COMPRESSION) == Some("01"));
        let mut source = Self {
            path: path.to_owned(),
            grid: taken.grid,
            slices,
            header: first.data.clone(),
            study_uid: first.uid(tags::STUDY_INSTANCE_UID),
            series_uid: first.uid(tags::SERIES_INSTANCE_UID),
            frame_of_reference_uid: first.uid(tags::FRAME_OF_REFERENCE_UID),
            missing: Vec::new(),
            used_numbers: used_numbers(&taken.headers, &first.uid(tags::STUDY_INSTANCE_UID)),
            lossy: lossy.map(|head| Lossy { header: head.data.clone() }),
            is_resampled: taken.is_resampled,
        };
        source.name_what_is_missing(&taken.slices, &heads)?;
        Ok(source)
    }

    /// The grid that [`crate::format::open_ct`] gives.
    #[must_use]
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// Its slices in the order of the grid: slice k of the grid is slice k here unless
    /// [`SourceSeries::is_resampled`].
    #[must_use]
    pub fn slices(&self) -> &[SourceSlice] {
        &self.slices
    }

    /// Whether slices of the grid were invented (`allow_gaps`) or shifted in their planes (`straighten`), so that
    /// they are not those of the source.
    #[must_use]
    pub fn is_resampled(&self) -> bool {
        self.is_resampled
    }

    /// StudyInstanceUID; made from the content where the source has none (then [`SourceSeries::missing`] says so).
    #[must_use]
    pub fn study_instance_uid(&self) -> &str {
        &self.study_uid
    }

    /// SeriesInstanceUID; made from the content where the source has none.
    #[must_use]
    pub fn series_instance_uid(&self) -> &str {
        &self.series_uid
    }

    /// FrameOfReferenceUID; made from the content where the source has none.
    #[must_use]
    pub fn frame_of_reference_uid(&self) -> &str {
        &self.frame_of_reference_uid
    }

    /// The identifying attributes that are empty or absent in the source, by name; none in an ordinary series.
    #[must_use]
    pub fn missing(&self) -> &[&'static str] {
        &self.missing
    }

    /// The first slice's header: what is to be copied.
    pub(super) fn header(&self) -> &DataSet {
        &self.header
    }

    /// Refuses a source that cannot be referred to, unless its missing UIDs may be made.
    ///
    /// # Errors
    /// [`Error::Unsupported`] that names the fields.
    pub fn must_be_identified(&self, new_study: bool) -> Result<()> {
        if self.missing.is_empty() || new_study {
            return Ok(());
        }
        let problem = format!("its {} is empty, so a DICOM object cannot refer to it", self.missing.join(", "));
        let hint = "write .nii.gz instead, or give --new-study to make the missing UIDs from the content";
        Err(Error::unsupported(&self.path, problem, hint))
    }

    /// Checks that each plane of the grid is a slice, which objects that lie on slices need.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the series was opened straightened or with gaps filled.
    pub(super) fn must_be_the_grid(&self) -> Result<()> {
        let smallest = self.grid.spacing().mm().into_iter().fold(f64::INFINITY, f64::min);
        // Slices that are accepted as equally spaced lie up to 0.1 mm off their places.
        let allowed_mm = (smallest / 4.0).max(0.15);
        let lies_there = |(at, slice): (usize, &SourceSlice)| {
            let expected = self.grid.affine().voxel_to_world([at as f64, 0.0, 0.0]);
            let off = expected.iter().zip(slice.position_mm).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt();
            off <= allowed_mm
        };
        if self.slices.len() == self.grid.shape()[0] && self.slices.iter().enumerate().all(lies_there) {
            return Ok(());
        }
        let problem = "it was opened straightened or with gaps filled, so its slices are not those of the grid";
        Err(Error::unsupported(&self.path, problem, "open it as it is, or write another format"))
    }

    /// Refuses a source whose slices were resampled, for objects that speak of its own slices.
    ///
    /// # Errors
    /// [`Error::Unsupported`].
    pub(super) fn must_have_its_slices(&self) -> Result<()> {
        if !self.is_resampled {
            return Ok(());
        }
        let problem = "its slices were resampled, so this object cannot lie on them";
        let hint = "write a SEG or another format, or leave the slices as they are";
        Err(Error::unsupported(&self.path, problem, hint))
    }

    /// Copies LossyImageCompression and its history, or says that there was none.
    pub(super) fn put_lossy_history(&self, data: &mut DataSet) {
        match &self.lossy {
            None => _ = data.put_text(tags::LOSSY_IMAGE_COMPRESSION, "00"),
            Some(Lossy { header }) => {
                for tag in [
                    tags::LOSSY_IMAGE_COMPRESSION,
                    tags::LOSSY_IMAGE_COMPRESSION_RATIO,
                    tags::LOSSY_IMAGE_COMPRESSION_METHOD,
                ] {
                    data.copy(header, tag);
                }
            }
        }
    }

    /// Whether a series of the study has this number, other than one that `maker` made before.
    pub(super) fn is_number_used(&self, number: i64, maker: [&str; 2]) -> bool {
        let is_ours = |used: &UsedNumber| used.maker.iter().zip(maker).all(|(one, other)| one == other.as_bytes());
        self.used_numbers.iter().any(|used| used.number == number && !is_ours(used))
    }

    /// Names missing UIDs and makes them from the files' content.
    fn name_what_is_missing(&mut self, taken: &[TakenSlice], heads: &[Head]) -> Result<()> {
        for (uid, name) in [
            (&self.study_uid, "StudyInstanceUID"),
            (&self.series_uid, "SeriesInstanceUID"),
            (&self.frame_of_reference_uid, "FrameOfReferenceUID"),
        ] {
            if uid.is_empty() {
                self.missing.push(name);
            }
        }
        if self.slices.iter().any(|slice| slice.sop_instance_uid.is_empty()) {
            self.missing.push("SOPInstanceUID");
        }
        if self.slices.iter().any(|slice| slice.sop_class_uid.is_empty()) {
            self.missing.push("SOPClassUID");
        }
        if self.missing.is_empty() {
            return Ok(());
        }
        let contents = heads.par_iter().map(|Head { path, .. }| {
            let bytes = std::fs::read(path).map_err(|e| Error::read(path, e))?;
            Ok(Hash::new("content").field(bytes).digest())
        });
        let contents: Vec<[u8; 32]> = contents.collect::<Result<_>>()?;
        let mut at = 0;
        for (slice, taken) in self.slices.iter_mut().zip(taken) {
            at += usize::from(taken.file != heads[at].path);
            if slice.sop_instance_uid.is_empty() {
                slice.sop_instance_uid = Hash::new("instance").field(contents[at]).uid();
            }
            if slice.sop_class_uid.is_empty() {
                slice.sop_class_uid = uids::CT_IMAGE_STORAGE.to_owned();
            }
        }
        let made = |purpose| contents.iter().fold(Hash::new(purpose), |hash, content| hash.field(content)).uid();
        for (uid, purpose) in [
            (&mut self.study_uid, "study"),
            (&mut self.series_uid, "series"),
            (&mut self.frame_of_reference_uid, "frame of reference"),
        ] {
            if uid.is_empty() {
                *uid = made(purpose);
            }
        }
        Ok(())
    }
}

/// A series that mixes patients must never lend one's name to the other's findings.
fn must_be_of_one_patient(path: &Path, heads: &[Head]) -> Result<()> {
    for (tag, name) in [
        (tags::PATIENT_ID, "PatientID"),
        (tags::PATIENT_NAME, "PatientName"),
        (tags::PATIENT_BIRTH_DATE, "PatientBirthDate"),
        (tags::STUDY_INSTANCE_UID, "StudyInstanceUID"),
        (tags::FRAME_OF_REFERENCE_UID, "FrameOfReferenceUID"),
    ] {
        let first = heads[0].data.bytes(tag);
        if let Some(other) = heads.iter().find(|head| head.data.bytes(tag) != first) {
            let [one, other] =
                [&heads[0], other].map(|head| head.path.file_name().unwrap_or_default().to_string_lossy());
            let problem = format!("slices of one series differ in {name}: `{one}` and `{other}`");
            return Err(Error::invalid(path, problem, "keep the slices of one acquisition in the folder"));
        }
    }
    Ok(())
}

/// The numbers of the study's series, from one file of each.
fn used_numbers(headers: &[PathBuf], study_uid: &str) -> Vec<UsedNumber> {
    let used = headers.iter().filter_map(|path| {
        // A file that cannot be read was judged when the folder was; here it has no number.
        let head = Head::read(path).ok()?;
        let number = head.data.ascii(tags::SERIES_NUMBER)?.parse().ok()?;
        let bytes = |tag| head.data.bytes(tag).unwrap_or_default().to_vec();
        let maker = [bytes(tags::MANUFACTURER), bytes(tags::SOFTWARE_VERSIONS)];
        (head.uid(tags::STUDY_INSTANCE_UID) == study_uid).then_some(UsedNumber { number, maker })
    });
    used.collect()
}
