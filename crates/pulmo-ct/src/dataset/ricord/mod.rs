//! RICORD 1a: a DICOM tree in any nesting, and polygons in an export of MD.ai.
//!
//! A series with annotations becomes a case; its mask is drawn from the polygons of the chosen classes on the series'
//! own grid. Series that nobody annotated are left out by name. Annotations that cannot be drawn (their slice is not
//! in the series, their series is not there, they are no outline) are listed, never dropped in silence.
//!
//! Where a folder holds more than one series, or a series holds slices twice, the slices to take are linked (not
//! copied) into a folder of their own beside `data.toml`.

mod draw;
mod links;
mod mdai;
pub mod polygon;
mod scan;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use self::draw::{Drawing, Drawn};
use self::mdai::{Annotation, Export, Label, Shape};
use self::scan::Series;
use super::DatasetKind;
use super::digest;
use super::import::{Candidate, Cause, Expected, Facts, Found, Readers, Reference, Search, Unit};
use super::list::LabelValue;
use crate::error::{Error, Result};
use crate::format::OpenOptions;
use crate::format::dicom::SourceSeries;

/// The classes that are infiltrates; the others are atelectasis, nodules and what is not infectious.
pub const INFECTIOUS: [&str; 3] = ["Infectious opacity", "Infectious TIB/micronodules", "Infectious cavity"];

/// MIDRC-RICORD-1A as the Imaging Archive gives it out.
#[derive(Debug, Clone, Copy)]
pub struct Ricord1a;

impl DatasetKind for Ricord1a {
    fn name(&self) -> &'static str {
        "ricord_1a"
    }

    fn about(&self) -> &'static str {
        "RICORD 1a: the folder with the DICOM tree (any nesting) and MIDRC-RICORD-1a_annotations_….json in it or beside \
         it; masks are drawn from the polygons"
    }

    fn options(&self) -> &'static [&'static str] {
        &["annotations", "class", "readers"]
    }

    fn find(&self, search: &Search<'_>) -> Result<Found> {
        if !search.root.is_dir() {
            return Err(Error::invalid(search.root, "not a folder", "give the folder of the DICOM tree"));
        }
        let file = match &search.options.annotations {
            Some(file) => file.clone(),
            None => annotation_file(search.root)?,
        };
        (search.progress)("reading annotations", 0, 1);
        let export = Export::read(&file)?;
        let mut found = Found { facts: facts(), ..Found::default() };
        found.labels = BTreeMap::from([(LabelValue(1), "infiltrate".to_owned())]);
        let chosen = Chosen::of(&export, search, &file)?;
        let series = scan::scan(search, &mut found)?;
        if series.is_empty() {
            return Err(Error::invalid(search.root, "no DICOM file lies in it", "give the folder of the DICOM tree"));
        }
        count(&export, &chosen, &series, &mut found);
        let mut sorted = sort(&export, &chosen, &series, &mut found);
        let total = series.len();
        let folders = links::Folders::of(&series);
        for (done, one) in series.into_iter().enumerate() {
            (search.progress)("arranging series", done, total);
            let own = sorted.remove(&one.uid).unwrap_or_default();
            arrange(one, own, &folders, (search, &chosen), &mut found)?;
        }
        Ok(found)
    }
}

fn facts() -> Facts {
    Facts::fixed([
        "RICORD 1a",
        "The Cancer Imaging Archive, collection MIDRC-RICORD-1A, https://doi.org/10.7937/VTW4-X588",
        "CC BY-NC 4.0",
        "may be used and shared with credit, not for commercial purposes; a model trained on it is best taken to inherit this",
        "Tsai EB, Simpson S, Lungren MP, et al. The RSNA International COVID-19 Open Radiology Database (RICORD). \
         Radiology 2021;299(1):E204-E213",
        "",
    ])
}

/// A code of 12 hexadecimal digits for something that must not be shown.
fn code(text: &str) -> String {
    digest::of_bytes(text.as_bytes())[..12].to_owned()
}

/// The export that lies in the folder, one level below or beside it.
fn annotation_file(root: &Path) -> Result<PathBuf> {
    let mut found = BTreeSet::new();
    let real = std::path::absolute(root).map_err(|source| Error::read(root, source))?;
    let folders = [Some(root.to_owned()), real.parent().map(Path::to_owned)];
    for folder in folders.into_iter().flatten() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for path in entries.flatten().map(|entry| entry.path()) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
            if name.ends_with(".json") && name.contains("annotation") {
                found.insert(path);
            }
        }
        if !found.is_empty() {
            break;
        }
    }
    let mut found = found.into_iter();
    match (found.next(), found.next()) {
        (Some(only), None) => Ok(only),
        (Some(first), Some(second)) => {
            let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let problem = format!("two annotation files: `{}` and `{}`", name(&first), name(&second));
            Err(Error::invalid(root, problem, "choose one with --annotations"))
        }
        (None, _) => {
            let problem = "no annotation file (….annotations….json) lies in it or beside it";
            Err(Error::invalid(root, problem, "download it too, and name it with --annotations"))
        }
    }
}

/// What the user chose, against what the file knows.
struct Chosen<'a> {
    labels: BTreeMap<&'a str, Label>,
    /// In lower case.
    classes: BTreeSet<String>,
    rule: Readers,
}

impl<'a> Chosen<'a> {
    fn of(export: &'a Export, search: &Search<'_>, file: &Path) -> Result<Self> {
        let labels = export.labels();
        let wanted: Vec<String> = match search.options.classes.as_slice() {
            [] => INFECTIOUS.map(str::to_owned).to_vec(),
            given => given.to_vec(),
        };
        let known: BTreeSet<&str> =
            labels.values().filter(|label| label.is_drawn).map(|label| label.name.as_str()).collect();
        let classes: BTreeSet<String> = wanted.iter().map(|name| name.trim().to_ascii_lowercase()).collect();
        let is_known = |class: &String| known.iter().any(|name| name.to_ascii_lowercase() == *class);
        // The standard classes need not all be there; a class that the user names must be.
        let missing = wanted.iter().find(|name| !is_known(&name.trim().to_ascii_lowercase()));
        if let Some(missing) = missing.filter(|_| !search.options.classes.is_empty() || !classes.iter().any(is_known)) {
            let problem = format!("it knows no class `{missing}`");
            let hint = format!("it knows {}", known.into_iter().collect::<Vec<_>>().join(", "));
            return Err(Error::invalid(file, problem, hint));
        }
        let rule = search.options.readers.clone().unwrap_or_default();
        if let Readers::Only(reader) = &rule {
            let readers: BTreeSet<&str> =
                export.annotations().filter_map(|one| Some(one.reader(labels.get(one.label_id())?))).collect();
            let is_group = labels.values().any(|label| label.group.contains(reader));
            if !readers.contains(reader.as_str()) && !is_group {
                let hint = format!("readers are {}", readers.into_iter().collect::<Vec<_>>().join(", "));
                return Err(Error::invalid(file, format!("it knows no reader `{reader}`"), hint));
            }
        }
        Ok(Self { labels, classes, rule })
    }

    fn takes(&self, label: &Label) -> bool {
        self.classes.contains(&label.name.to_ascii_lowercase())
    }

    fn takes_reader(&self, annotation: &Annotation, label: &Label) -> bool {
        match &self.rule {
            Readers::Only(reader) => annotation.reader(label) == reader || label.group.contains(reader),
            _ => true,
        }
    }
}

/// Published numbers beside those found.
fn count(export: &Export, chosen: &Chosen<'_>, series: &[Series], found: &mut Found) {
    let studies: BTreeSet<&str> = series.iter().map(|one| one.study_uid.as_str()).collect();
    let all = export.annotations().count();
    let without = export.annotations().filter(|one| !one.has_series()).count();
    let null = export.annotations().filter(|one| one.has_series() && one.data == Shape::Nothing).count();
    found.expected.push(Expected::of_archive("studies", 120, studies.len()));
    found.expected.push(Expected::of_archive("series", 155, series.len()));
    let file = "another version of the annotation file than that of 8 December 2020";
    for (what, published, number) in [
        ("annotations", 26_408, all),
        ("annotations without a series (of whole studies)", 803, without),
        ("annotations of a series with null data", 1, null),
    ] {
        found.expected.push(Expected::new(what, published, number, file));
    }
    let names: BTreeSet<&str> = chosen.labels.values().map(|label| label.name.as_str()).collect();
    if names.len() < chosen.labels.len() {
        let (groups, ids, names) = (export.groups(), chosen.labels.len(), names.len());
        found
            .remarks
            .push(format!("{groups} label groups give {ids} label ids to {names} names; they are joined by name"));
    }
}

/// The annotations of one series.
#[derive(Default)]
struct Own<'a> {
    /// Those of the chosen classes and readers.
    wanted: Vec<(&'a Annotation, &'a Label)>,
    /// Whoever annotated anything on a slice of it.
    readers: BTreeSet<&'a str>,
}

/// Annotations by series; what belongs to none that is here is listed.
fn sort<'a>(
    export: &'a Export,
    chosen: &'a Chosen<'_>,
    series: &[Series],
    found: &mut Found,
) -> BTreeMap<String, Own<'a>> {
    let mut sorted: BTreeMap<String, Own<'a>> = BTreeMap::new();
    let here: BTreeSet<&str> = series.iter().map(|one| one.uid.as_str()).collect();
    let of_slice: BTreeMap<&str, &str> =
        series.iter().flat_map(|one| one.slices.iter().map(|s| (s.sop_uid.as_str(), one.uid.as_str()))).collect();
    for (at, one) in export.annotations().enumerate() {
        let name = one.id.clone().unwrap_or_else(|| format!("annotation {}", at + 1));
        let mut leave_out = |cause, reason: &str| found.leave_out(name.clone(), Unit::Annotation, cause, reason);
        let Some(label) = chosen.labels.get(one.label_id()) else {
            leave_out(Cause::Foreign, "its label is in no label group");
            continue;
        };
        if !label.is_drawn {
            continue;
        }
        let by_slice = one.sop_uid.as_deref().and_then(|sop| of_slice.get(sop).copied());
        let uid = match (one.series_uid.as_deref().filter(|uid| !uid.is_empty()), by_slice) {
            (Some(uid), Some(other)) if uid != other => {
                leave_out(Cause::Mismatch, "its slice belongs to another series than it names");
                continue;
            }
            (Some(uid), _) => uid,
            (None, Some(uid)) => uid,
            (None, None) => {
                leave_out(Cause::Missing, "it names neither a series nor a slice that is here");
                continue;
            }
        };
        if !here.contains(uid) {
            leave_out(Cause::Missing, "its series is not here");
            continue;
        }
        let own = sorted.entry(uid.to_owned()).or_default();
        own.readers.insert(one.reader(label));
        if chosen.takes(label) && chosen.takes_reader(one, label) {
            own.wanted.push((one, label));
        }
    }
    sorted
}

/// Makes a case of a series, or says why not.
fn arrange(
    mut series: Series,
    own: Own<'_>,
    folders: &links::Folders,
    (search, chosen): (&Search<'_>, &Chosen<'_>),
    found: &mut Found,
) -> Result<()> {
    let name = format!("ricord_{}", code(&series.uid));
    if own.wanted.is_empty() {
        let reason = if own.readers.is_empty() {
            "nobody annotated this series".to_owned()
        } else {
            "the chosen classes and readers drew nothing on it".to_owned()
        };
        let cause = if own.readers.is_empty() { Cause::NotAnnotated } else { Cause::NotChosen };
        found.leave_out(name, Unit::Case, cause, reason);
        return Ok(());
    }
    let annotated: BTreeSet<&str> = own.wanted.iter().filter_map(|(one, _)| one.sop_uid.as_deref()).collect();
    let copies = links::without_copies(&mut series, &annotated);
    for (file, reason) in &copies {
        let what = file.strip_prefix(search.root).unwrap_or(file).display().to_string();
        found.leave_out(what, Unit::File, Cause::Duplicated, *reason);
    }
    let folder = folders.of_series(&series, !copies.is_empty(), (&search.work.join("series"), &name))?;
    let options = OpenOptions { series: Some(series.uid.clone()), ..OpenOptions::default() };
    let source = match SourceSeries::open(&folder, &options) {
        Ok(source) => source,
        Err(error) => {
            let problem = match &error {
                Error::Invalid { problem, .. } | Error::Unsupported { problem, .. } => problem.clone(),
                other => other.to_string(),
            };
            let cause = if problem.contains("missing") { Cause::Missing } else { Cause::Damaged };
            found.leave_out(name, Unit::Case, cause, problem);
            return Ok(());
        }
    };
    let drawing = place(&source, &own, chosen, found);
    if drawing.annotations.is_empty() {
        found.leave_out(name, Unit::Case, Cause::Mismatch, "none of its annotations can be drawn");
        return Ok(());
    }
    let grid = Some(*source.grid());
    let candidate = Candidate::new(name, folder, Reference::Made(Box::new(drawing)));
    found.candidates.push(Candidate { patient: series.patient, site: series.site, grid, ..candidate });
    Ok(())
}

/// Puts the annotations on their slices.
fn place(source: &SourceSeries, own: &Own<'_>, chosen: &Chosen<'_>, found: &mut Found) -> Drawing {
    let places: BTreeMap<&str, usize> =
        source.slices().iter().enumerate().map(|(at, slice)| (slice.sop_instance_uid.as_str(), at)).collect();
    let readers: Vec<&str> = own.readers.iter().copied().collect();
    let mut annotations = Vec::with_capacity(own.wanted.len());
    for (one, label) in &own.wanted {
        let slice = one.sop_uid.as_deref().and_then(|sop| places.get(sop).copied());
        let problem = match (&one.data, slice) {
            (Shape::Nothing, _) => Some((Cause::NotAnnotated, "its data are null".to_owned())),
            (Shape::Other(what), _) => Some((Cause::Foreign, what.clone())),
            (_, None) => Some((Cause::Missing, "its slice is not in the series".to_owned())),
            (Shape::Polygons { drawn, .. }, _) if drawn.iter().all(Vec::is_empty) => {
                Some((Cause::Damaged, "it has no vertices".to_owned()))
            }
            _ => match one.frame_number {
                None | Some(0) => None,
                Some(n) => {
                    Some((Cause::Foreign, format!("it is on frame {n}; frames of multi-frame objects are not read")))
                }
            },
        };
        match (problem, slice) {
            (Some((cause, reason)), _) => {
                let name = one.id.clone().unwrap_or_else(|| "annotation without an id".to_owned());
                found.leave_out(name, Unit::Annotation, cause, reason);
            }
            (None, Some(slice)) => {
                let reader = readers.iter().position(|reader| *reader == one.reader(label)).unwrap_or(0);
                annotations.push(Drawn { slice, reader, shape: one.data.clone() });
            }
            (None, None) => {}
        }
    }
    // A stable order, so that the key of the mask does not depend on the order in the file.
    annotations.sort_by_key(|one| (one.slice, one.reader));
    Drawing { annotations, readers: readers.len(), rule: chosen.rule.clone() }
}
