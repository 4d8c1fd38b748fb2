//! Enhanced and Legacy Converted Enhanced CT: one file, many slices.
//!
//! What classic files say of themselves stands in functional groups, shared by all frames or per frame
//! (PS3.3 C.7.6.16). A frame becomes a [`SliceHeader`] as if it were a file; what does not fit is said in its
//! `problem`, so that the series is refused and not the folder.

use dicom_core::Tag;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

use super::header::{SliceHeader, integer, items, numbers, text, words};

/// More frames than any CT has; only a damaged header does.
const MOST_FRAMES: usize = 1 << 16;

/// One header per frame; `common` is what the object says outside its functional groups.
pub(super) fn frames(object: &InMemDicomObject, mut common: SliceHeader) -> Vec<SliceHeader> {
    let per_frame = items(object, tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE);
    let shared = items(object, tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE).first();
    common.volume = volume_of(object);
    let part = [tags::IN_CONCATENATION_NUMBER, tags::IN_CONCATENATION_TOTAL_NUMBER].map(|tag| integer(object, tag));
    if let [Some(number), Some(total)] = part {
        common.part = Some((number, total));
    }
    if per_frame.is_empty() && shared.is_none() {
        common.problem = Some(format!("a multi-frame object ({} frames) without functional groups", common.frames));
        return vec![common];
    }
    if per_frame.len() != common.frames || common.frames > MOST_FRAMES {
        let found = per_frame.len();
        common.problem = Some(format!("NumberOfFrames is {}, and functional groups describe {found}", common.frames));
        return vec![common];
    }
    per_frame.iter().enumerate().map(|(number, own)| frame(&Groups { own, shared }, &common, number)).collect()
}

/// The parts of a concatenation form one volume; other objects are volumes of their own.
fn volume_of(object: &InMemDicomObject) -> String {
    let concatenation = text(object, tags::CONCATENATION_UID);
    if concatenation.is_empty() { text(object, tags::SOP_INSTANCE_UID) } else { concatenation }
}

/// Where the attributes of one frame stand.
struct Groups<'a> {
    own: &'a InMemDicomObject,
    shared: Option<&'a InMemDicomObject>,
}

impl Groups<'_> {
    /// The functional group macro of the frame, or of all frames.
    fn group(&self, sequence: Tag) -> Option<&InMemDicomObject> {
        items(self.own, sequence).first().or_else(|| items(self.shared?, sequence).first())
    }

    fn numbers<const COUNT: usize>(&self, sequence: Tag, tag: Tag) -> Option<[f64; COUNT]> {
        numbers(self.group(sequence)?, tag)
    }

    fn integer(&self, sequence: Tag, tag: Tag) -> Option<i64> {
        integer(self.group(sequence)?, tag)
    }

    fn text(&self, sequence: Tag, tag: Tag) -> String {
        self.group(sequence).map(|group| text(group, tag)).unwrap_or_default()
    }
}

fn frame(groups: &Groups<'_>, common: &SliceHeader, number: usize) -> SliceHeader {
    let mut slice = common.clone();
    slice.frame = Some(number);
    let or = |own: Option<[f64; 1]>, of_all: Option<f64>| own.map(|[x]| x).or(of_all);
    slice.position_mm = groups.numbers(tags::PLANE_POSITION_SEQUENCE, tags::IMAGE_POSITION_PATIENT);
    slice.orientation = groups.numbers(tags::PLANE_ORIENTATION_SEQUENCE, tags::IMAGE_ORIENTATION_PATIENT);
    slice.pixel_spacing_mm = groups.numbers(tags::PIXEL_MEASURES_SEQUENCE, tags::PIXEL_SPACING);
    let thickness = groups.numbers(tags::PIXEL_MEASURES_SEQUENCE, tags::SLICE_THICKNESS);
    slice.slice_thickness_mm = or(thickness, common.slice_thickness_mm);

    let rescale = tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE;
    let kind = groups.text(rescale, tags::RESCALE_TYPE);
    let line = [tags::RESCALE_SLOPE, tags::RESCALE_INTERCEPT].map(|tag| groups.numbers::<1>(rescale, tag));
    if let [Some([slope]), Some([intercept])] = line {
        slice.layout.set_rescale(slope, intercept, kind);
    }

    let content = tags::FRAME_CONTENT_SEQUENCE;
    let stack = groups.text(content, tags::STACK_ID);
    let time = groups.integer(content, tags::TEMPORAL_POSITION_INDEX);
    slice.volume = format!("{}/{stack}/{}", common.volume, time.unwrap_or(0));
    slice.acquisition_number = groups.integer(content, tags::FRAME_ACQUISITION_NUMBER).or(common.acquisition_number);
    let frame_type = [tags::CT_IMAGE_FRAME_TYPE_SEQUENCE].map(|sequence| groups.group(sequence));
    if let [Some(group)] = frame_type {
        let values = words(group, tags::FRAME_TYPE);
        if !values.is_empty() {
            slice.image_type = values;
        }
    }
    if let Some(group) = groups.group(tags::CT_RECONSTRUCTION_SEQUENCE) {
        slice.kernel = words(group, tags::CONVOLUTION_KERNEL).join("/");
    }
    slice.has_contrast |= groups.group(tags::CONTRAST_BOLUS_USAGE_SEQUENCE).is_some();
    slice
}
