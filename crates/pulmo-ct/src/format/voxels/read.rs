//! From a parsed header to a CT or a label map.

use std::path::PathBuf;

use super::angle_warning;
use super::number::{Field, Number, Stored, nearest_label, with_field};
use super::section::{Packing, Section};
use super::stream::for_each_slab;
use crate::error::{Error, Result};
use crate::format::warning;
use crate::format::{Opened, Origin, table};
use crate::geometry::Grid;
use crate::volume::{CtVolume, LabelMap};

/// HU may lose this much when they become float32 before it is worth a word.
const ROUNDING_HU: f64 = 1e-3;

/// A header that was read and checked, and voxels that were not.
#[derive(Debug)]
pub(in crate::format) struct Unread {
    /// The file that the user named.
    pub(in crate::format) path: PathBuf,
    /// The format by name.
    pub(in crate::format) format: &'static str,
    pub(in crate::format) grid: Grid,
    pub(in crate::format) stored: Stored,
    pub(in crate::format) section: Section,
    pub(in crate::format) warnings: Vec<String>,
}

impl Unread {
    /// Reads a CT. NaN voxels, which resampling tools leave outside the field of view, become air with a
    /// warning; infinite ones are an error.
    pub(in crate::format) fn into_ct(mut self) -> Result<Opened> {
        let mut reading = HuReading::default();
        let stored = self.stored_in_stream();
        self.for_each_slab(|out, slab| with_field!(stored.number, hu(&stored, slab, out, &mut reading)))
            .and_then(|hu| CtVolume::new(self.grid, hu))
            .map(|volume| {
                self.warnings.extend(angle_warning(&self.grid));
                reading.warn(&mut self.warnings);
                let origin = Origin {
                    format: self.format,
                    file_stem: table::stem(&self.path),
                    encoding: self.stored.number.name().to_owned(),
                    files: if self.section.file == self.path { 1 } else { 2 },
                    slices: self.grid.shape()[0],
                    padding_share: reading.padding as f64 / self.grid.voxels() as f64,
                    ..Origin::default()
                };
                Opened { volume, origin, warnings: self.warnings }
            })
    }

    /// Reads a label map: integers from 0 to 255.
    pub(in crate::format) fn into_label_map(self) -> Result<LabelMap> {
        let stored = self.stored_in_stream();
        let labels = self.for_each_slab(|out, slab| with_field!(stored.number, labels(&stored, slab, out)))?;
        LabelMap::new(self.grid, labels)
    }

    /// Text has become float64 by the time it is converted.
    fn stored_in_stream(&self) -> Stored {
        if self.section.packing == Packing::Text {
            return Stored { number: Number::Float64, big_endian: false, ..self.stored };
        }
        self.stored
    }

    /// Reads all voxels; `convert` appends those of a slab, or says what is wrong with the next one.
    fn for_each_slab<T>(
        &self,
        mut convert: impl FnMut(&mut Vec<T>, &[u8]) -> std::result::Result<(), Wrong>,
    ) -> Result<Vec<T>> {
        let voxels = self.grid.voxels();
        self.section.must_hold(voxels, self.stored.number)?;
        // Pages are only used once written, so a header that lies a little costs nothing.
        let mut out = Vec::new();
        out.try_reserve_exact(voxels).map_err(|_| {
            let problem = format!("{voxels} voxels do not fit into memory");
            Error::invalid(&self.path, problem, "the header may be damaged")
        })?;
        let bytes = voxels * self.stored_in_stream().number.bytes();
        for_each_slab(&self.section, voxels, bytes, |slab| {
            let before = out.len();
            convert(&mut out, slab).map_err(|wrong| {
                let [_, rows, columns] = self.grid.shape();
                let at = before + wrong.at;
                let index = (at / (rows * columns), at / columns % rows, at % columns);
                let problem = format!("voxel {index:?} holds {}, {}", wrong.found, wrong.expected);
                Error::invalid(&self.path, problem, wrong.hint)
            })
        })?;
        Ok(out)
    }
}

/// A voxel that cannot be taken.
struct Wrong {
    /// Its place in the slab.
    at: usize,
    found: f64,
    expected: &'static str,
    hint: &'static str,
}

/// What was noticed while HU were read.
#[derive(Debug, Default)]
struct HuReading {
    /// Voxels that held NaN.
    padding: usize,
    /// The most that rounding to float32 moved a voxel, in HU.
    rounded_hu: f64,
}

impl HuReading {
    fn warn(&self, warnings: &mut Vec<String>) {
        if self.padding > 0 {
            let air = CtVolume::AIR_HU;
            warnings.push(warning::NAN_IS_AIR.say(&[&self.padding, &air]));
        }
        if self.rounded_hu > ROUNDING_HU {
            warnings.push(warning::ROUNDED.say(&[&self.rounded_hu]));
        }
    }
}

/// Appends the HU of a slab.
fn hu<T: Field<BYTES>, const BYTES: usize>(
    stored: &Stored,
    slab: &[u8],
    out: &mut Vec<f32>,
    reading: &mut HuReading,
) -> std::result::Result<(), Wrong> {
    let fields = slab.as_chunks::<BYTES>().0;
    let from = out.len();
    let numbers = fields.iter().map(|field| T::read(*field, stored.big_endian));
    if stored.is_plain() {
        out.extend(numbers.clone().map(T::to_f32));
        if !T::EXACT {
            note_rounding(numbers.map(T::to_f64), &out[from..], reading);
        }
        if T::FINITE {
            return Ok(());
        }
    } else {
        let values = numbers.map(|number| number.to_f64() * stored.slope + stored.intercept);
        out.extend(values.clone().map(|value| value as f32));
        note_rounding(values, &out[from..], reading);
    }
    for (at, value) in out[from..].iter_mut().enumerate().filter(|(_, value)| !value.is_finite()) {
        if !value.is_nan() {
            let found = f64::from(*value);
            return Err(Wrong { at, found, expected: "not a finite HU", hint: "check how the file was made" });
        }
        *value = CtVolume::AIR_HU;
        reading.padding += 1;
    }
    Ok(())
}

/// Keeps the largest difference between exact values and what became of them; NaN has none.
fn note_rounding(exact: impl Iterator<Item = f64>, taken: &[f32], reading: &mut HuReading) {
    let apart = exact.zip(taken).map(|(exact, &taken)| (exact - f64::from(taken)).abs());
    reading.rounded_hu = apart.fold(reading.rounded_hu, f64::max);
}

/// Appends the labels of a slab.
fn labels<T: Field<BYTES>, const BYTES: usize>(
    stored: &Stored,
    slab: &[u8],
    out: &mut Vec<u8>,
) -> std::result::Result<(), Wrong> {
    let scale = |number: T| number.to_f64() * stored.slope + stored.intercept;
    let plain = stored.is_plain();
    for (at, field) in slab.as_chunks::<BYTES>().0.iter().enumerate() {
        let number = T::read(*field, stored.big_endian);
        let label = if plain { number.label() } else { nearest_label(scale(number)) };
        let Some(label) = label else {
            return Err(Wrong {
                at,
                found: if plain { number.to_f64() } else { scale(number) },
                expected: "expected labels: integers from 0 to 255",
                hint: "give a mask; larger codes, such as chest regions of 16 bits, must be renumbered first",
            });
        };
        out.push(label);
    }
    Ok(())
}
