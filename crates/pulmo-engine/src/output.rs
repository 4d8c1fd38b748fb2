//! An output folder: one finished folder per case, named by its case key, never half of one.
//!
//! A case is written into a hidden folder beside its place and renamed when it is complete. What is there
//! already stays there unless the caller asks otherwise. The output folder itself is made with its first case, so that a
//! run that fails or is stopped before leaves none.

use std::path::{Path, PathBuf};

use pulmo_ct::folder::MadeFolder;
use pulmo_ct::format::{Origin, write_label_map};
use pulmo_ct::{LabelMap, atomic, dataset};

use crate::case_key;
use crate::error::{Error, Result};
use crate::result::CaseResult;

/// The mask's file name.
pub const MASK: &str = "mask.nii.gz";
/// The result's file name.
pub const RESULT: &str = "result.json";

/// A folder of finished cases.
#[derive(Debug, Clone)]
pub struct OutputFolder {
    path: PathBuf,
    key: Vec<u8>,
    naming: Naming,
}

/// By what cases are named whose files say no study: what is not DICOM, or lacks its UIDs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Naming {
    /// By the file's name: masks are paired with references by it. It may be a patient's.
    #[default]
    File,
    /// By a keyed hash of the content, which says nothing.
    Content,
    /// By a name that the user gives, whatever the input is.
    Given(String),
}

/// Where a case's result goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Nothing is there.
    Free(String),
    /// The same input was finished before, by the model of the given SHA-256.
    Finished {
        /// The case key.
        case: String,
        /// SHA-256 of the model that made it.
        model_sha256: String,
    },
    /// The result of another input has this name.
    Other(String),
    /// Something that is no result has this name.
    Taken(String),
}

impl OutputFolder {
    /// Opens a folder, which need not be there: the first case makes it. `key` is the key of the case keys
    /// ([`case_key::PROJECT_KEY`] unless the user has an own).
    ///
    /// # Errors
    /// [`Error::Ct`] if it cannot be made or written into, which is found out here.
    pub fn open(path: &Path, key: &[u8]) -> Result<Self> {
        MadeFolder::probe(path)?;
        Ok(Self { path: path.to_owned(), key: key.to_vec(), naming: Naming::default() })
    }

    /// What cases would be named, where there is no folder of cases: for [`OutputFolder::source`] and
    /// [`OutputFolder::name`] alone. Touches no disk.
    #[must_use]
    pub fn nowhere(key: &[u8]) -> Self {
        Self { path: PathBuf::new(), key: key.to_vec(), naming: Naming::default() }
    }

    /// The same folder with cases named otherwise.
    #[must_use]
    pub fn naming(self, naming: Naming) -> Self {
        Self { naming, ..self }
    }

    /// The folder of a case.
    #[must_use]
    pub fn case_folder(&self, case: &str) -> PathBuf {
        self.path.join(case)
    }

    /// A keyed hash of what was read, by which it is known again: of the series UID, or of the content of the file or of
    /// all files of the folder.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Ct`] if a file cannot be read.
    pub fn source(&self, origin: &Origin, input: &Path) -> Result<String> {
        if let Some(series) = &origin.series_instance_uid {
            return Ok(self.source_of_series(series));
        }
        let kind = if input.is_file() { "file" } else { "folder" };
        Ok(format!("{kind} {}", case_key::of_series(&self.key, &dataset::digest::of_image(input)?, None)))
    }

    /// [`OutputFolder::source`] of a DICOM series.
    #[must_use]
    pub fn source_of_series(&self, series_uid: &str) -> String {
        format!("series {}", case_key::of_series(&self.key, series_uid, None))
    }

    /// Finds the place of a case: by its study, or by study and series where another series of the study
    /// lies there already; what has no study as [`Naming`] says. `source` is [`OutputFolder::source`].
    #[must_use]
    pub fn place(&self, origin: &Origin, input: &Path, source: &str) -> Place {
        let uids = (origin.study_instance_uid.as_deref(), origin.series_instance_uid.as_deref());
        let place = self.look(self.name(origin, input, source), source);
        match (&self.naming, place, uids) {
            (Naming::File | Naming::Content, Place::Other(_), (Some(study), Some(series))) => {
                self.look(case_key::of_series(&self.key, study, Some(series)), source)
            }
            (_, place, _) => place,
        }
    }

    /// The name of a case by its study, or as [`Naming`] says, whatever the folder holds.
    #[must_use]
    pub fn name(&self, origin: &Origin, input: &Path, source: &str) -> String {
        let uid = origin.study_instance_uid.as_deref().or(origin.series_instance_uid.as_deref());
        match (&self.naming, uid) {
            (Naming::Given(name), _) => case_key::of_name(name),
            (_, Some(uid)) => case_key::of_series(&self.key, uid, None),
            (Naming::Content, None) => source.rsplit(' ').next().unwrap_or(source).to_owned(),
            (Naming::File, None) => case_key::of_file(input),
        }
    }

    fn look(&self, case: String, source: &str) -> Place {
        match self.read(&case) {
            _ if !self.case_folder(&case).exists() => Place::Free(case),
            Some(result) if result.input.source == source => {
                Place::Finished { case, model_sha256: result.model.sha256 }
            }
            Some(_) => Place::Other(case),
            None => Place::Taken(case),
        }
    }

    fn read(&self, case: &str) -> Option<CaseResult> {
        let text = std::fs::read(self.case_folder(case).join(RESULT)).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// The finished case of a source with its model's SHA-256, if there is one.
    #[must_use]
    pub fn finished(&self, source: &str) -> Option<(String, String)> {
        let entries = std::fs::read_dir(&self.path).ok()?;
        let mut cases: Vec<String> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| !name.starts_with('.'))
            .collect();
        cases.sort();
        let results = cases.iter().filter_map(|case| self.read(case));
        results
            .into_iter()
            .find(|result| result.input.source == source)
            .map(|result| (result.case, result.model.sha256))
    }

    /// Writes a case: mask, what `more` puts into the folder (pictures), and last the result.
    ///
    /// `write` in the result's times becomes the time this took up to the result itself.
    ///
    /// # Errors
    /// [`Error::Run`] if the case's folder is there and `replace` is not set; [`Error::Io`] or [`Error::Ct`]
    /// if something cannot be written, and then nothing of the case is there.
    pub fn write(
        &self,
        result: &mut CaseResult,
        mask: &LabelMap,
        replace: bool,
        more: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<PathBuf> {
        let target = self.case_folder(&result.case);
        if target.exists() && !replace {
            return Err(already_there(&target));
        }
        let start = std::time::Instant::now();
        let failed = |source| Error::write(&target, source);
        let _folder = MadeFolder::make(&self.path)?;
        atomic::write_folder(&target, |content| {
            write_label_map(&content.join(MASK), mask)?;
            more(content)?;
            result.seconds.write = crate::result::seconds(start.elapsed());
            result.peak_memory_bytes = crate::result::peak_memory_bytes();
            let mut text = serde_json::to_vec_pretty(result).map_err(|error| failed(error.into()))?;
            text.push(b'\n');
            Ok::<(), Error>(atomic::write(&content.join(RESULT), &text)?)
        })?;
        Ok(target)
    }
}

/// The error for a case whose folder is there.
#[must_use]
pub fn already_there(folder: &Path) -> Error {
    Error::run(
        format!("`{}` is there already", folder.display()),
        "--resume skips finished cases, --force replaces them, -o names another folder",
    )
}

#[cfg(test)]
mod tests {
    use pulmo_ct::format::open_label_map;
    use pulmo_ct::{Affine, Grid, Spacing};

    use super::*;
    use crate::result::{GridNote, Infiltrate, InputNote, ModelNote, Seconds};

    fn mask() -> LabelMap {
        let affine = Affine::axial(Spacing::new([5.0, 1.0, 1.0]).unwrap(), [0.0; 3]);
        LabelMap::new(Grid::new([1, 2, 2], affine).unwrap(), vec![0, 1, 1, 0]).unwrap()
    }

    fn result(case: &str, source: &str) -> CaseResult {
        CaseResult {
            schema: CaseResult::SCHEMA.to_owned(),
            case: case.to_owned(),
            infiltrate: Infiltrate { voxels: 2, volume_ml: 0.01, share_of_volume: 0.5 },
            classes: Vec::new(),
            warnings: Vec::new(),
            grid: GridNote::from(mask().grid()),
            input: InputNote {
                source: source.to_owned(),
                format: "NIfTI-1".to_owned(),
                encoding: "int16".to_owned(),
                files: 1,
                padding_share: 0.0,
                intensity: "intensity".to_owned(),
            },
            model: ModelNote {
                recipe: "test".to_owned(),
                sha256: "abc".to_owned(),
                data: Vec::new(),
                training_cases: 0,
                threshold: 0.5,
            },
            inference: None,
            seconds: Seconds::default(),
            peak_memory_bytes: None,
            pulmo_version: "0".to_owned(),
            notice: String::new(),
        }
    }

    fn series(study: &str, series: &str) -> Origin {
        Origin {
            study_instance_uid: Some(study.to_owned()),
            series_instance_uid: Some(series.to_owned()),
            ..Origin::default()
        }
    }

    #[test]
    fn a_case_appears_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        let out = OutputFolder::open(&path, b"key").unwrap();
        let mut case = result("a", "file a");
        let failed = out.write(&mut case, &mask(), false, |_| Err(Error::run("disk full", "")));
        assert!(failed.is_err());
        assert!(!path.exists(), "nothing stays behind");
        std::fs::create_dir(&path).unwrap();
        assert!(out.write(&mut case, &mask(), false, |_| Err(Error::run("disk full", ""))).is_err());
        assert_eq!(std::fs::read_dir(&path).unwrap().count(), 0, "nor in a folder that was there");

        let at = out.write(&mut case, &mask(), false, |_| Ok(())).unwrap();
        assert_eq!(open_label_map(&at.join(MASK)).unwrap().labels(), mask().labels());
        let again = out.write(&mut case, &mask(), false, |_| Ok(())).unwrap_err();
        assert!(again.hint().unwrap().contains("--resume"));
        case.infiltrate.voxels = 3;
        out.write(&mut case, &mask(), true, |_| Ok(())).unwrap();
        assert_eq!(out.read("a").unwrap(), case);
        assert_eq!(std::fs::read_dir(&path).unwrap().count(), 1);
    }

    #[test]
    fn a_second_series_of_a_study_gets_its_own_place() {
        let folder = tempfile::tempdir().unwrap();
        let out = OutputFolder::open(folder.path(), b"key").unwrap();
        let (first, second) = (series("1.2", "1.2.1"), series("1.2", "1.2.2"));
        let input = Path::new("in");
        let place = |origin: &Origin| out.place(origin, input, &out.source(origin, input).unwrap());
        let Place::Free(case) = place(&first) else { panic!("free") };
        let mut written = result(&case, &out.source(&first, input).unwrap());
        out.write(&mut written, &mask(), false, |_| Ok(())).unwrap();

        let finished = Place::Finished { case: case.clone(), model_sha256: "abc".to_owned() };
        assert_eq!(place(&first), finished);
        let Place::Free(other) = place(&second) else { panic!("free") };
        assert_ne!(other, case);
        assert_eq!(out.finished(&out.source_of_series("1.2.1")), Some((case, "abc".to_owned())));
        assert_eq!(out.finished(&out.source_of_series("1.2.2")), None);
    }

    #[test]
    fn a_foreign_folder_of_the_same_name_is_not_a_result() {
        let folder = tempfile::tempdir().unwrap();
        let out = OutputFolder::open(folder.path(), b"key").unwrap();
        std::fs::create_dir(folder.path().join("scan")).unwrap();
        let input = Path::new("x/scan.nii.gz");
        assert_eq!(out.place(&Origin::default(), input, "file a"), Place::Taken("scan".to_owned()));
    }

    #[test]
    fn without_a_study_the_content_names_a_case_where_that_is_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let scan = folder.path().join("Meier_Anna");
        std::fs::create_dir(&scan).unwrap();
        std::fs::write(scan.join("Meier.dcm"), "voxels").unwrap();
        let file = folder.path().join("Meier_Anna.nii");
        std::fs::write(&file, "voxels").unwrap();
        let out = OutputFolder::open(&folder.path().join("out"), b"key").unwrap().naming(Naming::Content);
        for (input, kind) in [(&scan, "folder"), (&file, "file")] {
            let source = out.source(&Origin::default(), input).unwrap();
            let Place::Free(case) = out.place(&Origin::default(), input, &source) else { panic!("free") };
            assert_eq!((case.len(), source), (case_key::DIGITS, format!("{kind} {case}")));
        }
        let dicom = series("1.2", "1.2.1");
        let of_study = Place::Free(case_key::of_series(b"key", "1.2", None));
        assert_eq!(out.place(&dicom, &scan, "series x"), of_study, "a study has its own key");
        let out = out.naming(Naming::Given("../p 1".to_owned()));
        assert_eq!(out.place(&dicom, &scan, "series x"), Place::Free("p_1".to_owned()));
    }

    #[test]
    fn another_file_of_the_same_name_is_not_the_same_case() {
        let folder = tempfile::tempdir().unwrap();
        let out = OutputFolder::open(&folder.path().join("out"), b"key").unwrap();
        let source = |text: &str| {
            let path = folder.path().join("scan.nii");
            std::fs::write(&path, text).unwrap();
            out.source(&Origin::default(), &path).unwrap()
        };
        let (first, second) = (source("one"), source("two"));
        assert_ne!(first, second);
        out.write(&mut result("scan", &first), &mask(), false, |_| Ok(())).unwrap();
        let input = Path::new("scan.nii");
        assert!(matches!(out.place(&Origin::default(), input, &first), Place::Finished { .. }));
        assert_eq!(out.place(&Origin::default(), input, &second), Place::Other("scan".to_owned()));
    }
}
