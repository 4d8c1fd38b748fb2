//! What readers and models warn of, in German.

use pulmo_ct::sentence::Sentence;

use super::Language;

/// English and German; `{}` and `{name}` stand for the same values in the same order. What German does not take over
/// (reasons of other parts of the program) stands last in the English sentence.
const WARNINGS: [(&str, &str); 26] = [
    (
        "its axes are {} degrees off a right angle; kept as they are",
        "die Achsen weichen {} Grad vom rechten Winkel ab; sie bleiben, wie sie sind",
    ),
    (
        "its axes are sheared: {} degrees off a right angle, as with a tilted gantry; kept as they are",
        "die Achsen sind geschert: {} Grad vom rechten Winkel, wie bei gekippter Gantry; sie bleiben, wie sie sind",
    ),
    ("damaged files ({}): `{name}`: {}", "beschädigte Dateien: {}"),
    (
        "files that the DICOMDIR lists and that are not there: {}, the first is `{name}`",
        "Dateien, die das DICOMDIR nennt und die fehlen: {}",
    ),
    (
        "ImageOrientationPatient is {} off unit vectors at right angles; corrected",
        "ImageOrientationPatient weicht um {} von rechtwinkligen Einheitsvektoren ab; berichtigt",
    ),
    ("qform and sform disagree ({}): the sform is taken", "qform und sform widersprechen einander: die sform gilt"),
    (
        "interpolated slices: {} of {}, to even distances of {} mm",
        "interpolierte Schichten: {} von {}, auf gleiche Abstände von {} mm",
    ),
    (
        "slices invented by interpolation: {} of {}, from number {} (behind {}) to {} (before {})",
        "fehlende und daher interpolierte Schichten: {} von {}, ab Nummer {}",
    ),
    (
        "the pixels were once compressed with loss: HU are approximate",
        "die Bilder wurden einmal verlustbehaftet komprimiert: HE sind ungefähr",
    ),
    ("voxels that hold NaN, taken as air: {} ({} HU)", "Voxel, die keine Zahl sind und als Luft gelten: {} ({} HE)"),
    ("files that are not DICOM, left out ({}): {name}", "Dateien, die kein DICOM sind und wegblieben: {}"),
    (
        "values span {} to {}: no voxel is air, so they are probably not HU",
        "die Werte reichen von {} bis {}: kein Voxel ist Luft, also sind es wohl keine HE",
    ),
    (
        "neither qform nor sform is set: only the voxel sizes are known, orientation and origin are guessed",
        "weder qform noch sform ist gesetzt: nur die Voxelgröße ist bekannt, Lage und Ursprung sind geraten",
    ),
    (
        "field TransformMatrix is missing: the orientation is guessed",
        "das Feld TransformMatrix fehlt: die Ausrichtung ist geraten",
    ),
    (
        "field Offset is missing: the place of the volume is guessed",
        "das Feld Offset fehlt: der Ort des Volumens ist geraten",
    ),
    (
        "field `space` is missing: only the spacings are known, orientation and origin are guessed",
        "das Feld `space` fehlt: nur die Abstände sind bekannt, Lage und Ursprung sind geraten",
    ),
    (
        "field `space origin` is missing: the place of the volume is guessed",
        "das Feld `space origin` fehlt: der Ort des Volumens ist geraten",
    ),
    (
        "PixelPaddingValue stands for {} HU, which tissue may have; such voxels become air",
        "PixelPaddingValue steht für {} HE, die auch Gewebe haben kann; solche Voxel werden zu Luft",
    ),
    ("values were rounded to float32, by up to {}", "Werte wurden auf float32 gerundet, um bis zu {}"),
    (
        "series {} was taken; other series, left out: {} ({})",
        "Serie {} wurde genommen; weitere Serien, die wegblieben: {}",
    ),
    (
        "its slices were tilted by {} degrees and were resampled to a grid with right angles",
        "die Schichten waren um {} Grad gekippt und wurden auf ein rechtwinkliges Gitter umgerechnet",
    ),
    (
        "its slices are tilted by {} degrees (gantry tilt): its grid is sheared",
        "die Schichten sind um {} Grad gekippt (Gantry): das Gitter ist geschert",
    ),
    (
        "slice positions are up to {} mm off equal distances of {} mm",
        "Schichten liegen bis zu {} mm neben gleichen Abständen von {} mm",
    ),
    (
        "no infiltrate found: the mask is empty (highest probability of any voxel: {}); look at the CT",
        "keine Verdichtung gefunden: die Maske ist leer (höchste Wahrscheinlichkeit eines Voxels: {}); CT ansehen",
    ),
    (
        "{} % of all voxels are marked, more than lungs usually fill; look at the mask",
        "{} % aller Voxel sind markiert, mehr als Lungen meist füllen; Maske ansehen",
    ),
    (
        "the network saw windows of {} voxels in place of {}, to keep to {} MiB of memory; without that limit the mask may \
         differ a little",
        "das Netz sah Fenster von {} Voxeln statt {}, um mit {} MiB Speicher auszukommen; ohne diese Grenze kann die Maske \
         etwas anders sein",
    ),
];

/// The German of a warning; `None` for one that is not known.
pub(super) fn warning(english: &str) -> Option<String> {
    WARNINGS.iter().find_map(|&(pattern, german)| {
        let values: Vec<String> = Sentence::new(pattern)
            .values(english)?
            .into_iter()
            .map(|value| match value.parse::<f64>() {
                Ok(_) => Language::German.figures(value),
                Err(_) => value.to_owned(),
            })
            .collect();
        let values: Vec<&dyn std::fmt::Display> = values.iter().map(|value| value as _).collect();
        Some(Sentence::new(german).say(&values))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A warning that is new or changed fails here, and so does a translation of one that is gone.
    #[test]
    fn every_warning_speaks_german() {
        let said: Vec<&str> = pulmo_ct::format::warning::ALL
            .iter()
            .chain(&pulmo_engine::segment::WARNINGS)
            .map(|sentence| sentence.text())
            .collect();
        let translated: Vec<&str> = WARNINGS.iter().map(|(english, _)| *english).collect();
        let missing: Vec<&&str> = said.iter().filter(|english| !translated.contains(*english)).collect();
        let left: Vec<&&str> = translated.iter().filter(|english| !said.contains(*english)).collect();
        assert!(missing.is_empty() && left.is_empty(), "not in German: {missing:?}; said no more: {left:?}");
        for (english, german) in WARNINGS {
            assert!(german.matches("{}").count() <= english.matches('{').count(), "{german}");
        }
    }

    #[test]
    fn numbers_are_taken_over() {
        for (english, german) in [
            (
                "its slices are tilted by 14.04 degrees (gantry tilt): its grid is sheared",
                "die Schichten sind um 14,04 Grad gekippt (Gantry): das Gitter ist geschert",
            ),
            (
                "series 2 was taken; other series, left out: 1 (it is the only one that is a CT volume)",
                "Serie 2 wurde genommen; weitere Serien, die wegblieben: 1",
            ),
            ("damaged files (3): `…`: cut off", "beschädigte Dateien: 3"),
            (
                "values span 0 to 255: no voxel is air, so they are probably not HU",
                "die Werte reichen von 0 bis 255: kein Voxel ist Luft, also sind es wohl keine HE",
            ),
        ] {
            assert_eq!(warning(english).as_deref(), Some(german));
        }
        assert_eq!(warning("something else"), None);
    }
}
