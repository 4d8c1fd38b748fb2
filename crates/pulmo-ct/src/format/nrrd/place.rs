//! Which axes are space, and where they lie.

use super::header::Fields;
use crate::error::{Error, Result};
use crate::format::text::numbers;
use crate::format::warning;
use crate::geometry::{Affine, Grid};

/// The grid that the header describes, in LPS and (slice, row, column) order.
pub(super) fn grid(fields: &Fields<'_>, warnings: &mut Vec<String>) -> Result<Grid> {
    let dimension: usize = fields
        .need("dimension")?
        .parse()
        .ok()
        .filter(|n| (1..=16).contains(n))
        .ok_or_else(|| fields.invalid("field `dimension` is no number from 1 to 16".to_owned()))?;
    let sizes: Vec<usize> = numbers(fields.need("sizes")?)
        .filter(|sizes: &Vec<usize>| sizes.len() == dimension && sizes.iter().all(|&n| n > 0))
        .ok_or_else(|| fields.invalid(format!("field `sizes` holds no {dimension} positive numbers")))?;
    let axes = spatial_axes(fields, &sizes)?;
    must_be_mm(fields)?;
    let shape = [2, 1, 0].map(|n| sizes[axes[n]]);
    let affine = match fields.get(&["space"]) {
        Some(space) => placed(fields, space, (dimension, axes), warnings)?,
        None => unplaced(fields, (dimension, axes), warnings)?,
    };
    Grid::new(shape, affine).map_err(|e| fields.invalid(e.to_string()))
}

/// The three axes that are space; others may have one value only.
fn spatial_axes(fields: &Fields<'_>, sizes: &[usize]) -> Result<[usize; 3]> {
    let kinds: Vec<String> =
        fields.get(&["kinds"]).unwrap_or_default().split_whitespace().map(str::to_ascii_lowercase).collect();
    let is_space = |axis: usize| {
        kinds.get(axis).is_none_or(|kind| ["domain", "space", "none", "???"].contains(&kind.as_str()))
            && direction_words(fields).get(axis).is_none_or(|word| word != "none")
    };
    let space: Vec<usize> = (0..sizes.len()).filter(|&axis| is_space(axis)).collect();
    let other = (0..sizes.len()).find(|&axis| !is_space(axis) && sizes[axis] > 1);
    match (other, <[usize; 3]>::try_from(space)) {
        (None, Ok(axes)) => Ok(axes),
        (Some(axis), _) => {
            let kind = kinds.get(axis).map_or("no space", String::as_str);
            let problem = format!("axis {axis} holds {} values per voxel (`{kind}`), expected one", sizes[axis]);
            let hint = "save one volume per file; of segments that overlap, export one label map each";
            Err(Error::unsupported(fields.path, problem, hint))
        }
        (None, Err(space)) => {
            let problem = format!("{} axes of space (sizes {sizes:?}), expected 3", space.len());
            Err(Error::unsupported(fields.path, problem, "save one volume of three dimensions per file"))
        }
    }
}

/// The vectors of `space directions`, `none` for axes that are not space.
fn direction_words(fields: &Fields<'_>) -> Vec<String> {
    let text = fields.get(&["spacedirections"]).unwrap_or_default();
    let mut words = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let end = if rest.starts_with('(') {
            rest.find(')').map_or(rest.len(), |at| at + 1)
        } else {
            rest.find(|c: char| c.is_whitespace() || c == '(').unwrap_or(rest.len())
        };
        words.push(rest[..end].to_ascii_lowercase());
        rest = rest[end..].trim_start();
    }
    words
}

/// `(x,y,z)`.
fn vector(word: &str) -> Option<[f64; 3]> {
    let inner = word.strip_prefix('(')?.strip_suffix(')')?;
    let numbers: Option<Vec<f64>> = inner.split(',').map(|number| number.trim().parse().ok()).collect();
    numbers?.try_into().ok()
}

/// A grid in patient space.
fn placed(
    fields: &Fields<'_>,
    space: &str,
    (dimension, axes): (usize, [usize; 3]),
    warnings: &mut Vec<String>,
) -> Result<Affine> {
    let [x, y] = match space.to_ascii_lowercase().replace([' ', '_'], "-").as_str() {
        "left-posterior-superior" | "lps" => [1.0, 1.0],
        "right-anterior-superior" | "ras" => [-1.0, -1.0],
        "left-anterior-superior" | "las" => [1.0, -1.0],
        _ => {
            let problem = format!("space `{space}`, expected left-posterior-superior, or RAS or LAS");
            return Err(Error::unsupported(fields.path, problem, "save it in the space left-posterior-superior"));
        }
    };
    // Only signs change, so the numbers of an LPS file are kept to the bit.
    let turn = |[a, b, c]: [f64; 3]| [a * x, b * y, c];
    let words = direction_words(fields);
    if words.len() != dimension {
        let problem = format!("field `space directions` holds {} vectors, expected {dimension}", words.len());
        return Err(fields.invalid(problem));
    }
    let mut columns = [[0.0; 3]; 3];
    for (column, axis) in columns.iter_mut().zip(axes.iter().rev()) {
        let found = vector(&words[*axis]);
        *column = turn(found.ok_or_else(|| {
            fields.invalid(format!("field `space directions` holds {:?}, expected (x,y,z)", words[*axis]))
        })?);
    }
    let origin_mm = match fields.get(&["spaceorigin"]) {
        Some(text) => turn(
            vector(text)
                .ok_or_else(|| fields.invalid(format!("field `space origin` is {text:?}, expected (x,y,z)")))?,
        ),
        None => {
            warnings.push(warning::NO_SPACE_ORIGIN.say(&[]));
            [0.0; 3]
        }
    };
    Ok(Affine { columns, origin_mm })
}

/// A grid of which only the spacings are known.
fn unplaced(fields: &Fields<'_>, (dimension, axes): (usize, [usize; 3]), warnings: &mut Vec<String>) -> Result<Affine> {
    if fields.get(&["spacedirections", "spaceorigin", "spacedimension"]).is_some() {
        let problem = "field `space` is missing, so nobody knows which side of the patient an axis goes to";
        return Err(Error::unsupported(fields.path, problem, "save it in the space left-posterior-superior"));
    }
    let spacings: Vec<f64> = numbers(fields.need("spacings")?)
        .filter(|spacings: &Vec<f64>| spacings.len() == dimension)
        .ok_or_else(|| fields.invalid(format!("field `spacings` holds no {dimension} numbers")))?;
    warnings.push(warning::NO_SPACE.say(&[]));
    let [i, j, k] = axes.map(|axis| spacings[axis]);
    if [i, j, k].iter().any(|&mm| mm <= 0.0) {
        return Err(fields.invalid(format!("field `spacings` is {spacings:?}: each must be positive")));
    }
    Ok(Affine { columns: [[0.0, 0.0, k], [0.0, j, 0.0], [i, 0.0, 0.0]], origin_mm: [0.0; 3] })
}

/// Refuses units of length other than mm.
fn must_be_mm(fields: &Fields<'_>) -> Result<()> {
    let given = fields.get(&["spaceunits", "units"]).unwrap_or_default();
    let mut units = given.split('"').flat_map(str::split_whitespace);
    match units.find(|unit| !["mm", "millimeter", "millimeters", "none", "???"].contains(unit)) {
        None => Ok(()),
        Some(unit) => {
            let problem = format!("lengths in `{unit}`, expected mm");
            Err(Error::unsupported(fields.path, problem, "save it with lengths in mm"))
        }
    }
}
