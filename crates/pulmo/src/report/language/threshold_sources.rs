//! Where the thresholds of flags come from, in the few words of a footnote; JSON and `docs/quantities.md` say more.

/// The source or the reasoning by a flag's identifier, in English and in German.
pub(super) fn of(id: &str) -> Option<[&'static str; 2]> {
    SOURCES.iter().find(|(known, _)| *known == id).map(|(_, texts)| *texts)
}

/// Limits that nobody published.
const OWN: [&str; 2] = ["chosen by this project", "von diesem Projekt gewählt"];

const SOURCES: [(&str, [&str; 2]); 22] = [
    (
        "lung_mask_failed",
        ["a share of a wrong lung is a wrong number", "ein Anteil an einer falschen Lunge ist eine falsche Zahl"],
    ),
    ("not_hu", ["air is -1000 HU by definition", "Luft hat definitionsgemäß -1000 HE"]),
    (
        "lowest_hu",
        [
            "air is -1000 HU by definition, tests of scanners (IEC 61223-3-5) allow some tens of HU",
            "Luft hat definitionsgemäß -1000 HE, Konstanzprüfungen (IEC 61223-3-5) erlauben einige zehn HE",
        ],
    ),
    (
        "wrong_side",
        [
            "two thirds of the heart lie left of the midline; limits chosen by this project",
            "zwei Drittel des Herzens liegen links der Mitte; Grenzen von diesem Projekt gewählt",
        ],
    ),
    (
        "liver_side",
        [
            "the liver lies under the right diaphragm; limits chosen by this project",
            "die Leber liegt unter dem rechten Zwerchfell; Grenzen von diesem Projekt gewählt",
        ],
    ),
    (
        "outside_lung",
        [
            "chosen by this project: above it the rules for per cent of lung differ by more than readers do",
            "von diesem Projekt gewählt: darüber unterscheiden sich die Regeln für den Anteil mehr als Leser",
        ],
    ),
    (
        "lung_volume",
        [
            "chosen by this project, wide around Hall et al., Eur Respir J 2021;57:2000289",
            "von diesem Projekt gewählt, weit um Hall et al., Eur Respir J 2021;57:2000289",
        ],
    ),
    (
        "lung_ratio",
        [
            "the left lung has about 45 to 48 % of both; limits chosen by this project",
            "die linke Lunge hat etwa 45 bis 48 % von beiden; Grenzen von diesem Projekt gewählt",
        ],
    ),
    (
        "cut_by_field_of_view",
        [
            "a lung ends inside the body; area chosen by this project",
            "eine Lunge endet im Körper; Fläche von diesem Projekt gewählt",
        ],
    ),
    (
        "padding_in_lung",
        [
            "padding is read as -1024 HU; share chosen by this project",
            "Füllwerte werden als -1024 HE gelesen; Anteil von diesem Projekt gewählt",
        ],
    ),
    (
        "lobes_differ",
        [
            "lobe models leave out dense lung; share chosen by this project",
            "Modelle für Lappen lassen dichte Lunge aus; Anteil von diesem Projekt gewählt",
        ],
    ),
    (
        "metal",
        [
            "bone stays below about 2000 HU, 12-bit CT ends at 3071 HU; limits chosen by this project",
            "Knochen bleibt unter etwa 2000 HE, CT mit 12 Bit endet bei 3071 HE; Grenzen von diesem Projekt gewählt",
        ],
    ),
    (
        "thick_slices",
        [
            "chosen by this project; the Fleischner Society asks for 1.5 mm (Radiology 2017;284:228)",
            "von diesem Projekt gewählt; die Fleischner Society verlangt 1,5 mm (Radiology 2017;284:228)",
        ],
    ),
    (
        "sharp_kernel",
        [
            "makers\u{2019} manuals; Boedeker et al., Radiology 2004;232:295-301",
            "Handbücher der Hersteller; Boedeker et al., Radiology 2004;232:295-301",
        ],
    ),
    (
        "contrast_agent",
        ["the agent raises the HU of what is perfused", "das Mittel hebt die HE von allem, was durchblutet ist"],
    ),
    ("prone", ["DICOM PS3.3 C.7.3.1.1.2", "DICOM PS3.3 C.7.3.1.1.2"]),
    (
        "age_under_18",
        [
            "scores and training data are of adults (Pan 2020, Chung 2020, MosMedData)",
            "Scores und Trainingsdaten stammen von Erwachsenen (Pan 2020, Chung 2020, MosMedData)",
        ],
    ),
    ("lung_volume_changed", OWN),
    ("lung_volume_unknown", OWN),
    ("contrast_changed", OWN),
    ("kernel_changed", OWN),
    ("thickness_changed", OWN),
];

#[cfg(test)]
mod tests {
    use pulmo_measure::quantify::flags::ALL;

    use super::*;

    #[test]
    fn every_flag_says_where_its_threshold_comes_from_in_a_line() {
        for flag in ALL {
            let texts = of(flag.id());
            assert!(texts.is_some(), "`{}` has no short source", flag.id());
            for text in texts.unwrap() {
                assert!((5..=105).contains(&text.chars().count()), "`{text}` is no footnote");
            }
            // A published source named in full is named in short too.
            for year in ["2004", "2017", "2021"] {
                let said = flag.source().contains(&format!("{year};"));
                assert!(texts.unwrap().iter().all(|text| text.contains(&format!("{year};")) == said), "{}", flag.id());
            }
        }
    }
}
