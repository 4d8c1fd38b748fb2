//! What readers say although a CT could be opened: every warning, in one place.
//!
//! To add one: a constant here and its entry in [`ALL`]; a test then asks for its translations.

use crate::sentence::Sentence;

/// Every warning.
pub const ALL: [Sentence; 23] = [
    AXES_OFF,
    AXES_SHEARED,
    DAMAGED,
    DICOMDIR_MISSING,
    DIRECTIONS_CORRECTED,
    FORMS_DISAGREE,
    INTERPOLATED,
    INVENTED,
    LOSSY,
    NAN_IS_AIR,
    NOT_DICOM,
    NOT_HU,
    NO_FORM,
    NO_MATRIX,
    NO_OFFSET,
    NO_SPACE,
    NO_SPACE_ORIGIN,
    PADDING,
    ROUNDED,
    SERIES_TAKEN,
    STRAIGHTENED,
    TILTED,
    UNEVEN,
];

/// A tilted gantry in a DICOM series; the readers of other formats say [`AXES_SHEARED`].
pub(super) const TILTED: Sentence =
    Sentence::new("its slices are tilted by {} degrees (gantry tilt): its grid is sheared");
pub(super) const AXES_OFF: Sentence = Sentence::new("its axes are {} degrees off a right angle; kept as they are");
pub(super) const AXES_SHEARED: Sentence =
    Sentence::new("its axes are sheared: {} degrees off a right angle, as with a tilted gantry; kept as they are");
pub(super) const DAMAGED: Sentence = Sentence::new("damaged files ({}): `{name}`: {}");
pub(super) const DICOMDIR_MISSING: Sentence =
    Sentence::new("files that the DICOMDIR lists and that are not there: {}, the first is `{name}`");
pub(super) const DIRECTIONS_CORRECTED: Sentence =
    Sentence::new("ImageOrientationPatient is {} off unit vectors at right angles; corrected");
pub(super) const FORMS_DISAGREE: Sentence = Sentence::new("qform and sform disagree ({}): the sform is taken");
pub(super) const INTERPOLATED: Sentence = Sentence::new("interpolated slices: {} of {}, to even distances of {} mm");
pub(super) const INVENTED: Sentence =
    Sentence::new("slices invented by interpolation: {} of {}, from number {} (behind {}) to {} (before {})");
pub(super) const LOSSY: Sentence = Sentence::new("the pixels were once compressed with loss: HU are approximate");
pub(super) const NAN_IS_AIR: Sentence = Sentence::new("voxels that hold NaN, taken as air: {} ({} HU)");
pub(super) const NOT_DICOM: Sentence = Sentence::new("files that are not DICOM, left out ({}): {name}");
pub(super) const NOT_HU: Sentence = Sentence::new("values span {} to {}: no voxel is air, so they are probably not HU");
pub(super) const NO_FORM: Sentence =
    Sentence::new("neither qform nor sform is set: only the voxel sizes are known, orientation and origin are guessed");
pub(super) const NO_MATRIX: Sentence = Sentence::new("field TransformMatrix is missing: the orientation is guessed");
pub(super) const NO_OFFSET: Sentence = Sentence::new("field Offset is missing: the place of the volume is guessed");
pub(super) const NO_SPACE: Sentence =
    Sentence::new("field `space` is missing: only the spacings are known, orientation and origin are guessed");
pub(super) const NO_SPACE_ORIGIN: Sentence =
    Sentence::new("field `space origin` is missing: the place of the volume is guessed");
pub(super) const PADDING: Sentence =
    Sentence::new("PixelPaddingValue stands for {} HU, which tissue may have; such voxels become air");
pub(super) const ROUNDED: Sentence = Sentence::new("values were rounded to float32, by up to {}");
pub(super) const SERIES_TAKEN: Sentence = Sentence::new("series {} was taken; other series, left out: {} ({})");
pub(super) const STRAIGHTENED: Sentence =
    Sentence::new("its slices were tilted by {} degrees and were resampled to a grid with right angles");
pub(super) const UNEVEN: Sentence = Sentence::new("slice positions are up to {} mm off equal distances of {} mm");

/// A warning without names of files, which may be a patient's: for results that are handed on.
#[must_use]
pub fn without_names(warning: &str) -> String {
    ALL.iter().find_map(|sentence| sentence.without_names(warning)).unwrap_or_else(|| warning.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_result_names_a_file() {
        for (said, kept) in [
            (NOT_DICOM.say(&[&2, &"`MEIER_ANNA.txt`, `b`"]), "files that are not DICOM, left out (2): …"),
            (DAMAGED.say(&[&1, &"MEIER.dcm", &"cut off"]), "damaged files (1): `…`: cut off"),
            (LOSSY.say(&[]), LOSSY.text()),
            ("of a model".to_owned(), "of a model"),
        ] {
            assert_eq!(without_names(&said), kept);
        }
    }

    #[test]
    fn no_two_sentences_are_mistaken_for_each_other() {
        for one in ALL {
            let said = one.say(&[&1, &2, &3, &4, &5, &6]);
            let matching: Vec<&str> = ALL.iter().filter(|s| s.values(&said).is_some()).map(|s| s.text()).collect();
            assert_eq!(matching, [one.text()]);
        }
    }
}
