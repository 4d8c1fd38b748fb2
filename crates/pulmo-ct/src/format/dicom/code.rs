//! Coded concepts: what a segment is, by the codes that other systems know.
//!
//! Meanings are those of PS3.16 and of SNOMED CT as DICOM uses it (checked against pydicom 3.0.2's dictionary,
//! consolidation excepted, which it does not hold).
//!
//! To add a name that a user may give a label: one line in [`SegmentMeaning::ALL`].

use std::borrow::Cow;

use dicom_dictionary_std::tags;

use super::dataset::DataSet;

/// A coded concept: code value, coding scheme and meaning (PS3.3 section 8).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    /// At most 16 characters.
    pub value: Cow<'static, str>,
    /// `DCM`, `SCT`, `LN`, `UCUM`, …
    pub scheme: Cow<'static, str>,
    /// For people, at most 64 characters.
    pub meaning: Cow<'static, str>,
}

impl Code {
    /// A code that is known when the program is compiled.
    #[must_use]
    pub const fn new(value: &'static str, scheme: &'static str, meaning: &'static str) -> Self {
        Self { value: Cow::Borrowed(value), scheme: Cow::Borrowed(scheme), meaning: Cow::Borrowed(meaning) }
    }

    /// Whether both name the same concept: the meaning is only for people.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.value == other.value && self.scheme == other.scheme
    }

    /// The item of a code sequence.
    pub(super) fn item(&self) -> DataSet {
        let mut item = DataSet::new();
        item.put_text(tags::CODE_VALUE, &self.value)
            .put_text(tags::CODING_SCHEME_DESIGNATOR, &self.scheme)
            .put_text(tags::CODE_MEANING, &self.meaning);
        item
    }
}

/// Any increase of lung density, of any cause.
pub const OPACITY: Code = Code::new("112001", "DCM", "Opacity");
/// Ground glass opacity.
pub const GROUND_GLASS: Code = Code::new("112120", "DCM", "Ground glass opacity");
/// Infiltrate: opacity of either kind.
pub const INFILTRATE: Code = Code::new("112121", "DCM", "Infiltrate");
/// Consolidation of the lung; a finding that is stated only on request.
pub const CONSOLIDATION: Code = Code::new("95436008", "SCT", "Lung consolidation");
/// The lung.
pub const LUNG: Code = Code::new("39607008", "SCT", "Lung");
/// Something that only its label names.
pub const TISSUE: Code = Code::new("85756007", "SCT", "Tissue");

/// Where a LABELMAP shows no segment.
pub const BACKGROUND: Code = Code::new("125040", "DCM", "Background");

/// Category of a segment that shows disease.
pub const MORPHOLOGICALLY_ABNORMAL_STRUCTURE: Code = Code::new("49755003", "SCT", "Morphologically Abnormal Structure");
/// Category of a segment that shows an organ.
pub const ANATOMICAL_STRUCTURE: Code = Code::new("91723000", "SCT", "Anatomical Structure");

/// The right side.
pub const RIGHT: Code = Code::new("24028007", "SCT", "Right");
/// The left side.
pub const LEFT: Code = Code::new("7771000", "SCT", "Left");
/// Both sides.
pub const BILATERAL: Code = Code::new("51440002", "SCT", "Right and left");

/// The family of our algorithms (CID 7162).
pub const ARTIFICIAL_INTELLIGENCE: Code = Code::new("123110", "DCM", "Artificial Intelligence");
/// How a segmentation derives from its images (CID 7203).
pub const SEGMENTATION_DERIVATION: Code = Code::new("113076", "DCM", "Segmentation");
/// What the images are to a segmentation (CID 7202).
pub const SOURCE_IMAGE: Code = Code::new("121322", "DCM", "Source image for image processing operation");
/// The scanner among contributing equipment (CID 7005).
pub const ACQUISITION_EQUIPMENT: Code = Code::new("109101", "DCM", "Acquisition Equipment");
/// Our software among contributing equipment (CID 7005).
pub const PROCESSING_EQUIPMENT: Code = Code::new("109102", "DCM", "Processing Equipment");

/// What a label of a label map means, in the words of DICOM.
#[derive(Debug, Clone, PartialEq)]
pub struct SegmentMeaning {
    /// The name in recipes and on the command line.
    pub name: &'static str,
    /// The segment's label for people.
    pub label: &'static str,
    /// What kind of thing it is.
    pub category: Code,
    /// What it is.
    pub kind: Code,
    /// Which side, for a paired organ.
    pub laterality: Option<Code>,
    /// The colour to show it in: red, green, blue.
    pub rgb: [u8; 3],
}

impl SegmentMeaning {
    /// The names that a user may give a label.
    pub const ALL: &'static [Self] = &[
        Self::finding("infiltrate", "Infiltrate", INFILTRATE, [230, 60, 40]),
        Self::finding("opacity", "Opacity", OPACITY, [230, 60, 40]),
        Self::finding("ground_glass", "Ground glass opacity", GROUND_GLASS, [255, 170, 0]),
        Self::finding("consolidation", "Consolidation", CONSOLIDATION, [170, 0, 70]),
        Self::lung("lung", "Lung", BILATERAL, [110, 180, 230]),
        Self::lung("right_lung", "Right lung", RIGHT, [110, 180, 230]),
        Self::lung("left_lung", "Left lung", LEFT, [120, 200, 120]),
    ];

    const fn finding(name: &'static str, label: &'static str, kind: Code, rgb: [u8; 3]) -> Self {
        Self { name, label, category: MORPHOLOGICALLY_ABNORMAL_STRUCTURE, kind, laterality: None, rgb }
    }

    const fn lung(name: &'static str, label: &'static str, side: Code, rgb: [u8; 3]) -> Self {
        Self { name, label, category: ANATOMICAL_STRUCTURE, kind: LUNG, laterality: Some(side), rgb }
    }

    /// The meaning of a name; case, blanks and hyphens do not matter.
    #[must_use]
    pub fn of(name: &str) -> Option<&'static Self> {
        let name = name.trim().to_ascii_lowercase().replace([' ', '-'], "_");
        Self::ALL.iter().find(|meaning| meaning.name == name)
    }
}

/// A colour as DICOM wants it: CIELab of the D50 white point in three 16 bit numbers (PS3.3 section C.10.7.1.1).
pub(super) fn cielab(rgb: [u8; 3]) -> [u16; 3] {
    let linear = rgb.map(|byte| {
        let x = f64::from(byte) / 255.0;
        if x <= 0.04045 { x / 12.92 } else { ((x + 0.055) / 1.055).powf(2.4) }
    });
    // sRGB to XYZ, adapted from D65 to D50 (Bradford), relative to the white point.
    const ROWS: [[f64; 3]; 3] = [
        [0.436_074_7, 0.385_064_9, 0.143_080_4],
        [0.222_504_5, 0.716_878_6, 0.060_616_9],
        [0.013_932_2, 0.097_104_5, 0.714_173_3],
    ];
    const WHITE: [f64; 3] = [0.964_22, 1.0, 0.825_21];
    let f = |at: usize| {
        let x = ROWS[at].iter().zip(linear).map(|(a, b)| a * b).sum::<f64>() / WHITE[at];
        if x > 216.0 / 24_389.0 { x.cbrt() } else { (24_389.0 / 27.0 * x + 16.0) / 116.0 }
    };
    let [x, y, z] = [f(0), f(1), f(2)];
    let (lightness, a, b) = (116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z));
    // Casts saturate: a colour outside the range becomes the nearest one in it.
    [
        (lightness / 100.0 * 65_535.0).round() as u16,
        ((a + 128.0) / 255.0 * 65_535.0).round() as u16,
        ((b + 128.0) / 255.0 * 65_535.0).round() as u16,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_as_people_type_them() {
        assert_eq!(SegmentMeaning::of("Ground-Glass").unwrap().kind, GROUND_GLASS);
        assert_eq!(SegmentMeaning::of("left lung").unwrap().laterality, Some(LEFT));
        assert!(SegmentMeaning::of("pneumonia").is_none());
        for meaning in SegmentMeaning::ALL {
            assert_eq!(SegmentMeaning::of(meaning.name), Some(meaning));
            for code in [&meaning.category, &meaning.kind] {
                assert!(code.value.len() <= 16 && code.meaning.len() <= 64, "{}", meaning.name);
            }
        }
    }

    #[test]
    fn colours_are_cielab() {
        assert_eq!(cielab([0, 0, 0]), [0, 32_896, 32_896]);
        let [lightness, a, b] = cielab([255, 255, 255]);
        assert!(lightness > 65_530 && a.abs_diff(32_896) < 10 && b.abs_diff(32_896) < 10, "{lightness} {a} {b}");
    }
}
