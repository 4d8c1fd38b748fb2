//! Reads a structure set onto the grid of a CT.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use dicom_core::header::HasLength as _;
use dicom_dictionary_std::{tags, uids};
use dicom_object::InMemDicomObject;

use super::fill::{self, Span};
use super::{Structure, StructureSet};
use crate::error::{Error, Result};
use crate::format::dicom::fields::{first, integer, items, text};
use crate::format::dicom::file;
use crate::geometry::{Affine, Grid, cross, dot};
use crate::sentence::counted;

/// How far a point may lie off the plane of a slice: systems write positions rounded to 0.1 mm, and then some.
const OFF_PLANE_MM: f64 = 0.1;
/// And never more than this fraction of the distance between planes.
const OFF_PLANE_FRACTION: f64 = 0.25;
/// Points nearer than this fraction of a pixel are the same when copies of a contour are looked for.
const SAME_POINT: f64 = 1e-3;
/// More runs of voxels than all structures of a real file have together.
const MOST_SPANS: usize = 1 << 26;

/// Reads an RT Structure Set, whoever made it, as one mask for each structure on the CT's grid.
///
/// A voxel belongs to a structure if its centre lies inside the structure's closed contours on its slice by the even-odd rule or on one
/// of them, so inner contours are holes whether they are drawn as such or joined by a keyhole. A contour that is in the file twice counts once.
/// Agrees with plastimatch (`--xor-contours` where contours are nested) and scikit-image up to centres on a contour, and with rt-utils on
/// contours that it wrote. Structures are given in
/// full even where they overlap; structures without contours are given empty.
///
/// # Errors
/// [`Error::Unsupported`] for other objects; [`Error::Invalid`] for damaged files and for contours that do not lie in slices of
/// the grid, with the distance.
pub fn read(path: &Path, grid: &Grid) -> Result<StructureSet> {
    let object = file::open(path)?;
    let class = text(&object, tags::SOP_CLASS_UID);
    if class != uids::RT_STRUCTURE_SET_STORAGE {
        let problem = format!("SOP class `{class}`, expected RT Structure Set Storage");
        return Err(Error::unsupported(path, problem, "give an RT Structure Set"));
    }
    let damaged = |problem| Error::invalid(path, problem, "export the structure set again from its source");
    let mut reader = Reader { planes: Planes::of(grid), shape: grid.shape(), warnings: Vec::new(), spans: 0 };
    let mut structures = structures_of(&object).map_err(damaged)?;
    let by_number: HashMap<i64, usize> = structures.iter().enumerate().map(|(at, one)| (one.number, at)).collect();
    for item in items(&object, tags::ROI_CONTOUR_SEQUENCE) {
        let Some(&at) = integer(item, tags::REFERENCED_ROI_NUMBER).and_then(|number| by_number.get(&number)) else {
            return Err(damaged("contours refer to a structure that is not in StructureSetROISequence".to_owned()));
        };
        let structure = &mut structures[at];
        structure.rgb = colour(item);
        reader.contours(item, structure).map_err(|off| off.at(path, structure))?;
    }
    let frame = first(&object, tags::REFERENCED_FRAME_OF_REFERENCE_SEQUENCE);
    let study = frame.and_then(|item| first(item, tags::RT_REFERENCED_STUDY_SEQUENCE));
    let series = study.and_then(|item| first(item, tags::RT_REFERENCED_SERIES_SEQUENCE));
    let uid = |item: Option<&InMemDicomObject>, tag| item.map(|item| text(item, tag)).filter(|uid| !uid.is_empty());
    Ok(StructureSet {
        grid: *grid,
        structures,
        frame_of_reference_uid: uid(frame, tags::FRAME_OF_REFERENCE_UID),
        series_instance_uid: uid(series, tags::SERIES_INSTANCE_UID),
        warnings: reader.warnings,
    })
}

/// The structures by name, still without contours.
fn structures_of(object: &InMemDicomObject) -> std::result::Result<Vec<Structure>, String> {
    let mut structures: Vec<Structure> = Vec::new();
    let mut kinds: HashMap<i64, String> = HashMap::new();
    for item in items(object, tags::RTROI_OBSERVATIONS_SEQUENCE) {
        if let Some(number) = integer(item, tags::REFERENCED_ROI_NUMBER) {
            kinds.insert(number, text(item, tags::RTROI_INTERPRETED_TYPE));
        }
    }
    for item in items(object, tags::STRUCTURE_SET_ROI_SEQUENCE) {
        let number = integer(item, tags::ROI_NUMBER).ok_or("a structure has no ROINumber")?;
        let kind = kinds.remove(&number).unwrap_or_default();
        let name = text(item, tags::ROI_NAME);
        structures.push(Structure { number, name, kind, rgb: None, slices: Vec::new() });
    }
    let mut numbers: Vec<i64> = structures.iter().map(|structure| structure.number).collect();
    numbers.sort_unstable();
    match numbers.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(twice) => Err(format!("two structures have the ROINumber {}", twice[0])),
        None => Ok(structures),
    }
}

/// Why a contour cannot be put on the grid.
enum Off {
    Damaged(String),
    Elsewhere(String),
}

impl Off {
    fn at(self, path: &Path, structure: &Structure) -> Error {
        let (how, hint) = match self {
            Self::Damaged(how) => (how, "export the structure set again from its source"),
            Self::Elsewhere(how) => (how, "give the CT series on which the structures were drawn"),
        };
        Error::invalid(path, format!("{}: {how}", structure.name_for_messages()), hint)
    }
}

struct Reader {
    planes: Planes,
    shape: [usize; 3],
    warnings: Vec<String>,
    /// Of all structures so far.
    spans: usize,
}

/// Polygons in (row, column) by slice.
type BySlice = BTreeMap<usize, Vec<Vec<[f64; 2]>>>;

impl Reader {
    /// Fills the contours of one item of ROIContourSequence into its structure.
    fn contours(&mut self, item: &InMemDicomObject, structure: &mut Structure) -> std::result::Result<(), Off> {
        let mut by_slice = BySlice::new();
        let mut other_kinds: BTreeMap<String, usize> = BTreeMap::new();
        let mut beyond = 0;
        for (number, contour) in (1..).zip(items(item, tags::CONTOUR_SEQUENCE)) {
            let points = points(contour).map_err(|how| Off::Damaged(format!("contour {number} {how}")))?;
            let kind = text(contour, tags::CONTOUR_GEOMETRIC_TYPE);
            if !["CLOSED_PLANAR", "CLOSEDPLANAR_XOR"].contains(&kind.as_str()) {
                *other_kinds.entry(kind).or_default() += 1;
            } else if points.is_empty() {
                *other_kinds.entry(format!("{kind} without points")).or_default() += 1;
            } else {
                let (slice, polygon) = self.planes.place(number, &points).map_err(Off::Elsewhere)?;
                match usize::try_from(slice) {
                    Ok(slice) if slice < self.shape[0] => by_slice.entry(slice).or_default().push(polygon),
                    _ => beyond += 1,
                }
            }
        }
        let name = structure.name_for_messages();
        for (kind, count) in other_kinds {
            let contours = counted(count, "contour", "contours");
            self.warnings.push(format!("{name}: left out: {contours} of type {kind}"));
        }
        if beyond > 0 {
            let contours = counted(beyond, "contour", "contours");
            self.warnings.push(format!("{name}: left out: {contours} beyond the first or last slice"));
        }
        self.fill(by_slice, structure).map_err(Off::Damaged)
    }

    fn fill(&mut self, by_slice: BySlice, structure: &mut Structure) -> std::result::Result<(), String> {
        let shape = [self.shape[1], self.shape[2]];
        let mut is_crossing = 0;
        for (slice, mut polygons) in by_slice {
            drop_copies(&mut polygons);
            let polygons: Vec<&[[f64; 2]]> = polygons.iter().map(Vec::as_slice).collect();
            let too_many = || format!("its contours on slice {} cross more rows than any that was drawn", slice + 1);
            is_crossing += usize::from(do_cross(&polygons, shape));
            let spans = fill::closed(&polygons, shape).ok_or_else(too_many)?;
            self.spans += spans.len();
            if self.spans > MOST_SPANS {
                return Err(format!("the file's structures have more than {MOST_SPANS} runs of voxels"));
            }
            if !spans.is_empty() {
                structure.slices.push((slice, spans));
            }
        }
        // A structure whose contours come in several items.
        structure.slices.sort_by_key(|(slice, _)| *slice);
        if structure.slices.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return Err("its contours stand in several items of ROIContourSequence and share slices".to_owned());
        }
        if is_crossing > 0 {
            self.warnings.push(format!(
                "{}: contours overlap in part on {}; what lies inside two of them was left out (even-odd)",
                structure.name_for_messages(),
                counted(is_crossing, "slice", "slices")
            ));
        }
        Ok(())
    }
}

/// Whether two of the polygons share pixels without one lying inside the other. Not told for more polygons than anybody draws.
fn do_cross(polygons: &[&[[f64; 2]]], shape: [usize; 2]) -> bool {
    const MOST: usize = 64;
    if polygons.len() < 2 || polygons.len() > MOST {
        return false;
    }
    let filled: Vec<Vec<Span>> = polygons.iter().filter_map(|polygon| fill::even_odd(&[polygon], shape)).collect();
    let sizes: Vec<usize> = filled.iter().map(|spans| spans.iter().map(|span| span.pixels()).sum()).collect();
    let mut pairs = (0..filled.len()).flat_map(|a| (0..a).map(move |b| (a, b)));
    pairs.any(|(a, b)| {
        let shared = fill::shared_pixels(&filled[a], &filled[b]);
        shared > 0 && shared < sizes[a].min(sizes[b])
    })
}

/// Keeps one of several contours with the same points: drawn twice is not a hole.
fn drop_copies(polygons: &mut Vec<Vec<[f64; 2]>>) {
    if polygons.len() < 2 {
        return;
    }
    let mut seen = std::collections::BTreeSet::new();
    polygons.retain(|polygon| {
        let mut points: Vec<[i64; 2]> = polygon.iter().map(|p| p.map(|x| (x / SAME_POINT).round() as i64)).collect();
        points.sort_unstable();
        seen.insert(points)
    });
}

/// Patient space to places on the grid.
struct Planes {
    origin_mm: [f64; 3],
    /// What a position is multiplied with to give slice, row and column.
    inverse: [[f64; 3]; 3],
    /// Between the planes of two slices.
    apart_mm: f64,
}

impl Planes {
    fn of(grid: &Grid) -> Self {
        let Affine { columns: [slice, row, column], origin_mm } = *grid.affine();
        let volume = dot(slice, cross(row, column));
        let over = |a: [f64; 3]| a.map(|x| x / volume);
        let normal = cross(row, column);
        Self {
            origin_mm,
            inverse: [over(normal), over(cross(column, slice)), over(cross(slice, row))],
            apart_mm: volume.abs() / dot(normal, normal).sqrt(),
        }
    }

    /// The slice of a contour, which may lie beyond the grid, and its points as (row, column).
    fn place(&self, number: usize, points: &[[f64; 3]]) -> std::result::Result<(i64, Vec<[f64; 2]>), String> {
        let place = |point: &[f64; 3]| {
            let off: [f64; 3] = std::array::from_fn(|axis| point[axis] - self.origin_mm[axis]);
            self.inverse.map(|row| dot(row, off))
        };
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        let mut polygon = Vec::with_capacity(points.len());
        for point in points {
            let [slice, row, column] = place(point);
            (low, high) = (low.min(slice), high.max(slice));
            polygon.push([row, column]);
        }
        let slice = ((low + high) / 2.0).round();
        let off_mm = (high - slice).max(slice - low) * self.apart_mm;
        if off_mm <= OFF_PLANE_MM.min(OFF_PLANE_FRACTION * self.apart_mm) {
            return Ok((slice as i64, polygon));
        }
        let spread_mm = (high - low) * self.apart_mm;
        let apart_mm = self.apart_mm;
        Err(if spread_mm > OFF_PLANE_MM {
            format!("contour {number} reaches over {spread_mm:.3} mm across the slices: it was drawn on other planes")
        } else {
            format!("contour {number} lies {off_mm:.3} mm off the nearest slice (planes are {apart_mm:.3} mm apart)")
        })
    }
}

/// The points of a contour in patient space.
fn points(contour: &InMemDicomObject) -> std::result::Result<Vec<[f64; 3]>, String> {
    let Some(data) = contour.get(tags::CONTOUR_DATA).filter(|data| !data.is_empty()) else { return Ok(Vec::new()) };
    let numbers = data.to_multi_float64().map_err(|_| "has ContourData that are not numbers")?;
    if numbers.len() % 3 != 0 {
        return Err(format!("has {} numbers in ContourData, expected three for each point", numbers.len()));
    }
    if !numbers.iter().all(|x| x.is_finite()) {
        return Err("has a number in ContourData that is not finite".to_owned());
    }
    let points: Vec<[f64; 3]> = numbers.chunks_exact(3).map(|p| [p[0], p[1], p[2]]).collect();
    match integer(contour, tags::NUMBER_OF_CONTOUR_POINTS) {
        Some(count) if count != points.len() as i64 => {
            Err(format!("says that it has {count} points and has {}: the file is damaged", points.len()))
        }
        _ => Ok(points),
    }
}

fn colour(item: &InMemDicomObject) -> Option<[u8; 3]> {
    let numbers: Vec<i64> = item.get(tags::ROI_DISPLAY_COLOR)?.to_multi_int().ok()?;
    let rgb: [i64; 3] = numbers.try_into().ok()?;
    Some(rgb.map(|x| x.clamp(0, 255) as u8))
}
