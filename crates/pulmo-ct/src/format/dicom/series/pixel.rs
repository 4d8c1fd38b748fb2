//! From stored pixels to HU: sign, padding and the slice's own rescale.

use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

use super::super::codec::{self, Frame};
use super::header::{SliceHeader, integer, numbers, text};
use crate::error::{Error, Result};
use crate::volume::CtVolume;

/// RescaleType of CT values, as the standard and as scanners write it; reformats of one maker misspell the name.
const HOUNSFIELD_UNITS: [&str; 5] = ["", "HU", "HOUNSFIELD UNIT", "HOUNSFIELD UNITS", "HOUNDSFIELD UNIT"];
/// A padding value above this many HU might be tissue.
const HIGHEST_PADDING_HU: f64 = -900.0;

/// How pixels are stored and what they mean.
#[derive(Debug, Clone)]
pub(super) struct PixelLayout {
    bits_allocated: u16,
    bits_stored: u16,
    high_bit: u16,
    is_signed: bool,
    samples: i64,
    photometric: String,
    slope: Option<f64>,
    intercept: Option<f64>,
    rescale_type: String,
    /// PixelPaddingValue and PixelPaddingRangeLimit as 16 bit words: which of US and SS they carry is
    /// often wrong in files, the bits are right.
    padding: Option<(u16, u16)>,
    pub(super) is_lossy: bool,
}

impl PixelLayout {
    pub(super) fn of(object: &InMemDicomObject) -> Self {
        let small = |tag| integer(object, tag).and_then(|n| u16::try_from(n).ok()).unwrap_or(0);
        let word = |tag| integer(object, tag).map(|n| n as u16);
        let padding = word(tags::PIXEL_PADDING_VALUE);
        Self {
            bits_allocated: small(tags::BITS_ALLOCATED),
            bits_stored: small(tags::BITS_STORED),
            high_bit: small(tags::HIGH_BIT),
            is_signed: small(tags::PIXEL_REPRESENTATION) == 1,
            samples: integer(object, tags::SAMPLES_PER_PIXEL).unwrap_or(1),
            photometric: text(object, tags::PHOTOMETRIC_INTERPRETATION),
            slope: numbers::<1>(object, tags::RESCALE_SLOPE).map(|[slope]| slope),
            intercept: numbers::<1>(object, tags::RESCALE_INTERCEPT).map(|[intercept]| intercept),
            rescale_type: text(object, tags::RESCALE_TYPE),
            padding: padding.map(|first| (first, word(tags::PIXEL_PADDING_RANGE_LIMIT).unwrap_or(first))),
            is_lossy: text(object, tags::LOSSY_IMAGE_COMPRESSION) == "01",
        }
    }

    /// Takes the rescale of a single frame.
    pub(super) fn set_rescale(&mut self, slope: f64, intercept: f64, rescale_type: String) {
        (self.slope, self.intercept) = (Some(slope), Some(intercept));
        self.rescale_type = rescale_type;
    }

    /// Says which field cannot be read, if one cannot.
    pub(super) fn check(&self) -> std::result::Result<(), String> {
        let Self { bits_allocated, bits_stored, high_bit, .. } = *self;
        if self.samples != 1 || self.photometric != "MONOCHROME2" {
            let problem = format!("{} samples of `{}`", self.samples, self.photometric);
            return Err(format!("{problem} per pixel, expected 1 of MONOCHROME2"));
        }
        if ![8, 16].contains(&bits_allocated) {
            return Err(format!("BitsAllocated is {bits_allocated}, expected 8 or 16"));
        }
        if bits_stored == 0 || bits_stored > bits_allocated || high_bit != bits_stored - 1 {
            return Err(format!(
                "BitsStored {bits_stored} and HighBit {high_bit} in {bits_allocated} bits, \
                 expected the low bits to be used"
            ));
        }
        match (self.slope, self.intercept) {
            (Some(slope), Some(_)) if slope != 0.0 => (),
            _ => return Err("RescaleSlope or RescaleIntercept is missing or zero, so its HU are unknown".to_owned()),
        }
        if !HOUNSFIELD_UNITS.contains(&self.rescale_type.to_ascii_uppercase().as_str()) {
            return Err(format!("RescaleType is {}, expected HU", self.rescale_type));
        }
        Ok(())
    }

    /// The HU of the padding value, if it is one that tissue may have.
    pub(super) fn suspicious_padding_hu(&self) -> Option<f64> {
        let (first, _) = self.padding?;
        let hu = f64::from(self.value(first, u32::from(self.bits_stored))) * self.slope? + self.intercept?;
        (HIGHEST_PADDING_HU..3071.0).contains(&hu).then_some(hu)
    }

    /// The number in the low `bits` of a word.
    fn value(&self, word: u16, bits: u32) -> i32 {
        let unused = 16 - bits.clamp(1, 16);
        if self.is_signed { i32::from((word << unused) as i16 >> unused) } else { i32::from(word << unused >> unused) }
    }

    /// Whether a stored pixel marks a place that was not measured.
    ///
    /// The whole word counts too: some scanners write a 16 bit mark beside values of 12 bits.
    fn is_padding(&self, word: u16, bits: u32) -> bool {
        let Some((first, last)) = self.padding else { return false };
        let (low, high) = (self.value(first, 16), self.value(last, 16));
        let within = |x: i32| (low.min(high)..=low.max(high)).contains(&x);
        within(self.value(word, bits)) || within(self.value(word, 16))
    }
}

/// Reads the HU of one slice into `out`; returns how many pixels were padding.
pub(super) fn read_slice(slice: &SliceHeader, out: &mut [f32]) -> Result<usize> {
    let damaged = |problem| Error::invalid(&slice.file, problem, "copy the file again from its source");
    let pixels = slice.pixel_data.as_ref().ok_or_else(|| damaged("it has no PixelData".to_owned()))?;
    let number = slice.frame.unwrap_or(0);
    let layout = &slice.layout;
    let frame = Frame {
        rows: slice.rows,
        columns: slice.columns,
        bits_allocated: layout.bits_allocated,
        bits_stored: layout.bits_stored,
        is_signed: layout.is_signed,
    };
    let bytes = if codec::is_uncompressed(&slice.transfer_syntax) {
        pixels.native_frame(number, slice.frames, frame.rows * frame.columns * usize::from(frame.bits_allocated / 8))
    } else {
        pixels.encapsulated_frame(number, slice.frames)
    };
    let samples = bytes.and_then(|bytes| codec::decode(&slice.transfer_syntax, &bytes, frame)).map_err(damaged)?;

    let (slope, intercept) = (layout.slope.unwrap_or(1.0), layout.intercept.unwrap_or(0.0));
    let mut padding = 0;
    for (hu, &word) in out.iter_mut().zip(&samples.words) {
        *hu = if layout.is_padding(word, samples.bits) {
            padding += 1;
            CtVolume::AIR_HU
        } else {
            (f64::from(layout.value(word, samples.bits)) * slope + intercept) as f32
        };
    }
    Ok(padding)
}
