//! Flags that do not apply are refused before any work, not passed over.

use pulmo::ct::format::dicom::Kind;

use super::Args;
use super::target::Target;
use crate::terminal::advice;

/// Refuses what only a DICOM object has where OUT is none.
pub(super) fn to_output(args: &Args, target: &Target) -> anyhow::Result<()> {
    let flags = [
        (!args.labels.is_empty(), "--label"),
        (args.lungs.is_some(), "--lungs"),
        (args.algorithm.is_some(), "--algorithm"),
        (args.manual, "--manual"),
        (args.anonymous, "--anonymous"),
        (args.new_study, "--new-study"),
    ];
    let given = flags.into_iter().find(|(given, _)| *given && !matches!(target, Target::Object(_)));
    given.map_or(Ok(()), |(_, flag)| {
        let problem = format!("{flag} is for a DICOM object, and `{}` is none", args.output.display());
        Err(advice(problem, format!("leave {flag} out, or choose a name that ends in .dcm")))
    })
}

/// Refuses what is said of segments where IN, of this kind of DICOM or of another format, has none.
pub(super) fn to_input(args: &Args, kind: Option<&Kind>) -> anyhow::Result<()> {
    let (is_segmentation, is_set) = (kind == Some(&Kind::Segmentation), kind == Some(&Kind::StructureSet));
    let flags = [
        (args.segment.is_some() && !is_segmentation && !is_set, "--segment", "a DICOM SEG or RTSTRUCT"),
        (args.overlap.is_some() && !is_segmentation, "--overlap", "a DICOM SEG"),
        (args.threshold.is_some() && !is_segmentation, "--threshold", "a DICOM SEG"),
    ];
    flags.into_iter().find(|(refused, ..)| *refused).map_or(Ok(()), |(_, flag, what)| {
        let problem = format!("{flag} is for {what}, and `{}` is none", args.input.display());
        Err(advice(problem, format!("leave {flag} out")))
    })
}

/// A fraction above 0: from 0 on every voxel would belong to every segment.
pub(super) fn parse_fraction(text: &str) -> Result<f64, String> {
    let fraction = text.parse().ok().filter(|fraction| *fraction > 0.0 && *fraction <= 1.0);
    fraction.ok_or_else(|| "expected a number above 0 and up to 1".to_owned())
}
