//! The three pictures of a report: where most opacity is, cut to the chest.

use pulmo_ct::{CtVolume, LabelMap, Result};

use super::language::Language;
use crate::picture::{Layers, Picture, View};

/// One picture and what it shows.
#[derive(Debug, Clone)]
pub struct Drawn {
    /// Which way it looks.
    pub view: View,
    /// The slice, counted from 1 along the array's axis through the picture.
    pub slice: usize,
    /// How many there are.
    pub slices: usize,
    /// Whether it was chosen for its opacity; else it is where most lung is, or in the middle.
    pub shows_opacity: bool,
    /// The pixels.
    pub picture: Picture,
}

/// Draws the slice with most opacity of each view, with contours of opacity and lungs.
///
/// Without opacity it is the slice with most lung, and without lungs the middle one.
///
/// # Errors
/// [`pulmo_ct::Error::GridMismatch`] if a mask does not lie on the CT's grid.
pub fn draw(volume: &CtVolume, opacity: &LabelMap, lungs: Option<&LabelMap>) -> Result<Vec<Drawn>> {
    for mask in [Some(opacity), lungs].into_iter().flatten() {
        volume.grid().must_equal(mask.grid())?;
    }
    let layers = Layers { volume, reference: None, prediction: Some(opacity) };
    let shows_opacity = opacity.labels().iter().any(|&label| label > 0);
    let chosen = if shows_opacity { layers } else { Layers { prediction: lungs, ..layers } };
    let draw = |view| {
        let index = chosen.fullest_slice(view);
        let slices = volume.grid().shape()[view.through(volume.grid())];
        let picture = layers.draw_contours(view, index, lungs);
        Drawn { view, slice: index + 1, slices, shows_opacity, picture }
    };
    Ok([View::Axial, View::Coronal, View::Sagittal].map(draw).into())
}

impl Drawn {
    /// What stands below it: `Axial, slice 120 of 300 (most opacity)`.
    #[must_use]
    pub fn caption(&self, language: Language) -> String {
        let words = language.words();
        let view = match self.view {
            View::Axial => words.axial,
            View::Coronal => words.coronal,
            View::Sagittal => words.sagittal,
        };
        let why = if self.shows_opacity { words.most_opacity } else { words.middle_slice };
        format!("{view}, {} {} {} {} ({why})", words.slice, self.slice, words.of, self.slices)
    }
}
