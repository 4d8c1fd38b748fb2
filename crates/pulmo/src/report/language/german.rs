//! German. Sentences of a measurement are found by its identifier; an identifier that is not here stays English.

use pulmo_measure::quantify::{Finding, LeftOut, Region};

use super::{Language, Words};

/// Every fixed word.
pub(super) const WORDS: Words = Words {
    title: "Lungenverdichtungen im CT",
    what: "Milchglas und Konsolidierung jeder Ursache",
    case: "Fall",
    patient: "Patient",
    patient_id: "ID",
    study_date: "Untersuchungsdatum",
    research: "Forschungssoftware. Kein Medizinprodukt, ohne CE-Kennzeichnung oder FDA-Zulassung. \
               Nicht für Diagnose- oder Therapieentscheidungen.",
    opacity: "Verdichtungen",
    of_lung: "der Lunge sind verdichtet",
    right_lung: "der rechten Lunge",
    left_lung: "der linken Lunge",
    lung_volume: "Lungenvolumen",
    right: "Rechts",
    left: "Links",
    both: "Beide",
    not_given: "keine Angabe",
    no_percent: "Anteile an der Lunge, Regionen und Scores werden nicht angegeben.",
    nothing_marked: "Es ist keine Verdichtung markiert. Eine leere Maske beweist keine freie Lunge: CT ansehen.",
    flags: "Vor dem Verwenden der Zahlen",
    no_flags: "Keine der Prüfungen hat etwas beanstandet.",
    found: "Gefunden",
    threshold: "Hinweis bei",
    threshold_sources: "Woher die Schwellen stammen",
    pictures: "Bilder",
    picture_note: "Lungenfenster (Mitte −600 HE, Breite 1500 HE). R und L sind die Seiten des Patienten, A und P vorn und hinten.",
    orange: "Orange",
    blue: "blau",
    contour_opacity: "Verdichtung",
    contour_lungs: "Lungenmaske",
    axial: "Axial",
    coronal: "Koronal",
    sagittal: "Sagittal",
    most_opacity: "am meisten Verdichtung",
    middle_slice: "Mitte der Lungen",
    slice: "Schicht",
    of: "von",
    levels: "Befall nach Höhe",
    levels_note: "Von vorn gesehen. In jeder Höhe zeigt die Breite, wie viel Lunge es gibt (grau) und wie viel davon \
                  verdichtet ist (orange), nicht wo es in der Schicht liegt.",
    head: "Kopf",
    feet: "Füße",
    regions: "Regionen",
    region: "Region",
    region_note: "Verdichtungen innerhalb der Lungenmaske, in mL und in Prozent der Region.",
    quantities: "Messgrößen",
    quantity: "Größe",
    value: "Wert",
    rule: "Regel",
    opacity_volume: "Volumen der Verdichtungen",
    volume_rule: "markierte Voxel mal Voxelvolumen, innerhalb und außerhalb der Lungenmaske",
    inside_lung: "Verdichtungen in der Lungenmaske",
    inside_lung_rule: "der Teil, auf dem die Angaben je Lunge und Region beruhen",
    outside_lung: "Verdichtungen außerhalb der Lungenmaske",
    outside_lung_rule: "zählt nicht für den Anteil an der Lunge; Hinweis ab 5 % der Verdichtungen",
    percent_of_lung: "Verdichtungen in Prozent der Lunge",
    lung_volume_name: "Lungenvolumen",
    lung_rule_threshold: "Voxel der Lungenmaske, mit Konsolidierung und Erguss, soweit sie gefunden wurden, ohne Luftröhre und Hauptbronchien",
    lung_rule_file: "Voxel der gegebenen Lungenmaske; Konsolidierung und Erguss zählen, wo sie markiert sind",
    lung_rule_model: "Voxel, die das Modell markiert, Lunge und Verdichtungen zusammen",
    mean_attenuation: "Mittlere Dichte der Verdichtungen",
    mean_attenuation_rule: "Mittel über alle markierten Voxel",
    higher_attenuation: "Höhere Dichte (meist Konsolidierung), ab",
    lower_attenuation: "niedrigere Dichte (meist Milchglas), darunter",
    smoothed_by: "nach",
    smoothing: "Gauß-Glättung innerhalb der Verdichtungen, Standardabweichung",
    cut_moved: "höhere Dichte bei um 50 HE tieferem und höherem Schnitt",
    attenuation: "Dichte",
    foci: "Herde",
    foci_from: "ab",
    smaller_foci: "kleinere",
    largest: "größte",
    interval: "Intervall des Verdichtungsvolumens",
    interval_rule: "aus der Unsicherheit des Modells; Anteil zurückgehaltener Phantome, deren wahres Volumen darin lag:",
    scores: "Scores",
    score: "Score",
    points: "Punkte",
    classes: "Klassen (Prozent der Region: Punkte)",
    source: "Quelle",
    scores_note: "Forschungsgrade aus den Anteilen oben, nach den hier gedruckten Grenzen; in Klammern die Punkte der Teile jeder Lunge von oben nach unten.",
    scores_left_out: "Nicht angegeben",
    follow_up: "Veränderung seit dem früheren CT",
    follow_up_regions: "Veränderung nach Region: früher · jetzt · Änderung in Prozentpunkten",
    earlier: "Früher",
    now: "Jetzt",
    change: "Änderung",
    done: "Was getan wurde",
    series: "CT",
    files: "Dateien",
    grid: "Gitter",
    voxels: "Voxel (Schichten × Zeilen × Spalten)",
    spacing: "Abstand",
    scanner: "Gerät",
    kernel: "Kern",
    slice_thickness: "Schichtdicke",
    position: "Lage",
    contrast: "Kontrastmittel",
    yes: "ja",
    none_named: "keines genannt",
    age: "Alter",
    year: "Jahr",
    years: "Jahre",
    input_key: "Schlüssel der Eingabe",
    mask: "Maske der Verdichtungen",
    mask_from_file: "aus einer Datei",
    model: "Modell",
    trained_on: "Modell trainiert mit",
    training_cases: "Fälle",
    probability_from: "Wahrscheinlichkeit ab",
    licence: "Lizenz",
    terms: "Bedingungen",
    cite: "zu zitieren",
    note: "Hinweis",
    lungs: "Lungenmaske",
    lungs_by_threshold: "Schwellen, Zusammenhang und Form, ohne Modell; dichte Lunge an den Rippen kann fehlen, Anteile an der Lunge sind daher vorläufig (--lungs nimmt eine andere Maske)",
    lungs_from_file: "aus einer Datei",
    lungs_by_model: "die eigene Klasse des Modells",
    warnings: "Warnungen",
    software: "Software",
    page: "Seite",
    more: "weitere",
    more_listed: "alle stehen im JSON und im Markdown dieses Berichts",
    further_licences: "weitere Lizenzen",
};

/// A part of the lungs, without its side.
pub(super) fn part(id: &str) -> Option<&'static str> {
    Some(match id {
        "" => "Ganze Lunge",
        "upper" => "Oberes Drittel",
        "middle" => "Mittleres Drittel",
        "lower" => "Unteres Drittel",
        "dorsal" => "Dorsale Hälfte (hinten)",
        "ventral" => "Ventrale Hälfte (vorn)",
        "upper_lobe" => "Oberlappen",
        "middle_lobe" => "Mittellappen",
        "lower_lobe" => "Unterlappen",
        "upper_zone" => "Obere Zone",
        "middle_zone" => "Mittlere Zone",
        "lower_zone" => "Untere Zone",
        _ => return None,
    })
}

pub(super) fn region_rule(region: &Region) -> Option<String> {
    let rule = match region.group.as_str() {
        "lungs" => "die ganze Lunge",
        "height_thirds" => "jede Lunge bei einem und zwei Dritteln ihrer Höhe entlang der Körperachse geteilt",
        "volume_thirds" => {
            "jede Lunge so entlang der Körperachse geteilt, dass jedes Drittel ein Drittel ihres Volumens hat"
        }
        "dorsal_ventral" => {
            "jede Lunge in der Mitte ihrer Ausdehnung von vorn nach hinten geteilt, nach den Achsen des Patienten in jeder Lagerung"
        }
        "lobes" => "der Lappen, wie die gegebene Karte ihn zeichnet, gleich wo die Lungenmaske liegt",
        "zones" => "beide Lungen in Höhe der Carina und der unteren Lungenvenen geteilt",
        _ => return None,
    };
    Some(rule.to_owned())
}

pub(super) fn involvement_rule(id: &str) -> Option<&'static str> {
    Some(match id {
        "inside_lung" => "Verdichtungen innerhalb der Lungenmaske, bezogen auf die Lungenmaske",
        "all_of_lung" => "alle Verdichtungen, auch außerhalb der Lungenmaske, bezogen auf die Lungenmaske",
        "all_of_union" => "alle Verdichtungen, bezogen auf Lungenmaske und Verdichtungen zusammen",
        _ => return None,
    })
}

pub(super) const FOCI_RULE: &str =
    "Voxel, die sich an Fläche, Kante oder Ecke berühren (26 Nachbarn), bilden einen Herd";

/// Flags by identifier: what each means; what was found and the threshold stand beside it.
pub(super) fn flag(flag: &Finding) -> Option<String> {
    sentence_of(&FLAGS, &flag.id).map(|(sentence, _)| sentence.to_owned())
}

/// What raises a flag: the numbers of the English text in German words.
pub(super) fn threshold(flag: &Finding) -> Option<String> {
    let (_, template) = sentence_of(&FLAGS, &flag.id)?;
    fill(template, &flag.threshold)
}

/// What was found, with the English words that flags use for it in German.
///
/// Nothing for a failed lung mask, whose problems are sentences of their own.
pub(super) fn found(flag: &Finding) -> Option<String> {
    let is_plain = flag.id != "lung_mask_failed" || flag.found == "no usable lung mask";
    is_plain.then(|| FOUND.iter().fold(flag.found.clone(), |text, (english, german)| text.replace(english, german)))
}

/// Identifier, what the flag means, and its threshold with `{}` for each number of the English one.
type FlagWords = (&'static str, (&'static str, &'static str));

fn sentence_of(list: &'static [FlagWords], id: &str) -> Option<(&'static str, &'static str)> {
    list.iter().find(|(known, _)| *known == id).map(|(_, words)| *words)
}

/// Puts the numbers of an English text into a German one; nothing if there are not as many.
fn fill(template: &str, english: &str) -> Option<String> {
    let numbers: Vec<&str> = english
        .split(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-'))
        .map(|word| word.trim_matches('.'))
        .filter(|word| word.parse::<f64>().is_ok())
        .collect();
    let mut parts = template.split("{}");
    let mut text = parts.next().unwrap_or_default().to_owned();
    let parts: Vec<&str> = parts.collect();
    if !parts.is_empty() && parts.len() != numbers.len() {
        return None;
    }
    for (part, number) in parts.into_iter().zip(numbers) {
        text += &Language::German.figures(number);
        text += part;
    }
    Some(text)
}

const FLAGS: [FlagWords; 22] = [
    (
        "lung_mask_failed",
        (
            "Es gibt keine verlässliche Lungenmaske: Anteile an der Lunge, Regionen und Scores werden nicht angegeben.",
            "keine Lungenmaske, eine leere Lunge oder eine misslungene Prüfung der Maske",
        ),
    ),
    (
        "not_hu",
        (
            "Die Werte sind keine HE: über die Dichte wird nichts gesagt.",
            "kein Voxel bei {} HE oder darunter, oder so angegeben",
        ),
    ),
    (
        "lowest_hu",
        (
            "Kein Voxel ist so dünn wie Luft: die Werte können abgeschnitten, verschoben oder keine HE sein.",
            "niedrigster Wert über {} HE",
        ),
    ),
    (
        "wrong_side",
        (
            "Das Herz scheint rechts zu liegen: das Volumen kann gespiegelt oder die Seiten können vertauscht sein.",
            "{} % oder mehr der Herzregion zwischen den Lungen liegen rechts von deren Mitte, und die linke Lunge hat {} % oder mehr von beiden",
        ),
    ),
    (
        "liver_side",
        (
            "Die Leber scheint links zu liegen: das Volumen kann gespiegelt oder die Seiten können vertauscht sein.",
            "{} % oder mehr des Weichteilgewebes ({} bis {} HE) in den {} mm unter den Lungen liegen unter der linken",
        ),
    ),
    (
        "outside_lung",
        (
            "Verdichtungen liegen außerhalb der Lungenmaske: eine der Masken kann falsch sein; der Anteil an der Lunge lässt sie aus.",
            "mehr als {} % der Verdichtungen",
        ),
    ),
    (
        "lung_volume",
        (
            "Die Lungen haben ein für Erwachsene unwahrscheinliches Volumen: Maske, Abstände oder Bildfeld können falsch sein.",
            "unter {} mL oder über {} mL",
        ),
    ),
    (
        "lung_ratio",
        (
            "Eine Lunge ist neben der anderen ungewöhnlich groß: ein Teil der anderen kann in der Maske fehlen, kollabiert oder entfernt sein.",
            "linke Lunge unter {} % oder über {} % von beiden",
        ),
    ),
    (
        "cut_by_field_of_view",
        (
            "Das Volumen endet innerhalb der Lungen: Volumina und Anteile gelten für den erfassten Teil.",
            "mehr als {} cm² Lunge an einer Fläche des Volumens",
        ),
    ),
    (
        "padding_in_lung",
        (
            "Ein Teil der Lunge enthält Füllwerte (oder dort abgeschnittene Werte): er wurde nicht gemessen.",
            "mehr als {} % der Lunge bei {} HE oder darunter",
        ),
    ),
    (
        "lobes_differ",
        (
            "Die Lappen zusammen sind nicht die Lungen: Scores nach Lappen beruhen allein auf der Karte der Lappen.",
            "Lappen und Lungen unterscheiden sich um mehr als {} % des Lungenvolumens",
        ),
    ),
    (
        "metal",
        (
            "Es gibt Metall: Streifen können wie Verdichtungen aussehen oder sie verdecken.",
            "{} mL oder mehr bei {} HE oder mehr",
        ),
    ),
    (
        "thick_slices",
        ("Die Schichten sind dick: kleine Herde und Ränder sind unscharf, Volumina weniger genau.", "mehr als {} mm"),
    ),
    (
        "sharp_kernel",
        (
            "Der Kern ist scharf: Rauschen und überhöhte Kanten verändern die gemessene Dichte.",
            "Siemens B, Br, Bl, Bv, Hr und verwandte ab 50; GE LUNG, BONE, BONEPLUS, EDGE; Philips YC, YD, YE; Canon und Toshiba FC30 bis FC39 und FC50 bis FC89",
        ),
    ),
    (
        "contrast_agent",
        (
            "Kontrastmittel wurde gegeben: es erhöht die Dichte durchbluteter Verdichtungen.",
            "ContrastBolusAgent ist genannt",
        ),
    ),
    (
        "prone",
        (
            "Der Patient liegt auf dem Bauch: die vordere Lunge ist die dichtere; dorsal heißt weiter: am Rücken.",
            "PatientPosition HFP oder FFP",
        ),
    ),
    ("age_under_18", ("Der Patient ist ein Kind: Scores und Modelle stammen von Erwachsenen.", "weniger als {} Jahre")),
    (
        "lung_volume_changed",
        ("Die Lungen waren verschieden gefüllt: Anteile und Dichte ändern sich schon mit dem Atem.", "mehr als {} %"),
    ),
    (
        "lung_volume_unknown",
        ("Ob die Lungen gleich gefüllt waren, ist nicht bekannt.", "eine Lungenmaske fehlt oder ist misslungen"),
    ),
    ("contrast_changed", ("Kontrastmittel ist verschieden: die Dichte ist nicht dieselbe.", "verschieden")),
    ("kernel_changed", ("Die Kerne sind verschieden: die Dichte ist nicht dieselbe.", "verschiedene Kerne")),
    ("thickness_changed", ("Die Schichten sind verschieden dick.", "mehr als {} %")),
];

/// English words in what flags found, longer ones first.
const FOUND: [(&str, &str); 25] = [
    ("below the left lung", "unter der linken Lunge"),
    ("no usable lung mask", "keine brauchbare Lungenmaske"),
    ("right of the middle", "rechts der Mitte"),
    ("of the lung", "der Lunge"),
    ("no lung volume", "kein Lungenvolumen"),
    ("not given", "nicht angegeben"),
    ("not named", "nicht genannt"),
    ("not known", "nicht bekannt"),
    ("given", "gegeben"),
    ("named", "genannt"),
    ("at the first slice", "an der ersten Schicht"),
    ("at the last slice", "an der letzten Schicht"),
    ("at the first row", "an der ersten Zeile"),
    ("at the last row", "an der letzten Zeile"),
    ("at the first column", "an der ersten Spalte"),
    ("at the last column", "an der letzten Spalte"),
    ("of both", "von beiden"),
    (" years", " Jahre"),
    (" year", " Jahr"),
    (", then ", ", dann "),
    (" HU", " HE"),
    ("left lung", "linke Lunge"),
    ("left ", "links "),
    (" to ", " bis "),
    (" of ", " von "),
];

/// Reasons by identifier.
pub(super) fn reason(left_out: &LeftOut) -> Option<String> {
    REASONS.iter().find(|(id, _)| *id == left_out.reason_id).map(|(_, sentence)| (*sentence).to_owned())
}

/// Why something is left out.
const REASONS: [(&str, &str); 12] = [
    ("no_lung_mask", "es gibt keine Lungenmaske"),
    ("lung_mask_failed", "die Lungenmaske ist misslungen"),
    ("no_lobe_map", "es gibt keine Karte der Lappen"),
    ("no_landmarks", "die Höhen der Carina und der unteren Lungenvenen sind nicht bekannt"),
    ("volume_thirds", "die Drittel wurden nach Volumen geteilt, dieser Score gilt für Drittel nach Höhe"),
    ("region_missing", "einer Region fehlt jedes Voxel"),
    ("not_hu", "die Werte sind keine HE"),
    ("no_opacity", "es gibt keine Verdichtung"),
    ("lung_empty", "die Maske der linken oder der rechten Lunge ist leer"),
    ("nominal", "nur Intervalle von 90 % werden geprüft"),
    ("too_few_checked", "an zu wenigen zurückgehaltenen Phantomen geprüft"),
    ("coverage", "die Intervalle dieses Modells enthielten die Wahrheit nicht oft genug oder zu oft"),
];

pub(super) fn score_name(id: &str) -> Option<&'static str> {
    Some(match id {
        "pan25" => "Lappen-Score nach Pan et al., 0 bis 25",
        "tss20" => "Lappen-Score nach Chung et al., 0 bis 20",
        "zones24" => "Sechs-Zonen-Score, 0 bis 24: über der Carina, bis zu den unteren Lungenvenen, darunter",
        "height_thirds24" => {
            "Score aus sechs Höhendritteln, 0 bis 24; nicht die veröffentlichten Zonen, deren Landmarken fehlen"
        }
        "mosmed" => "Grad nach MosMedData aus dem Anteil an der Lunge, CT-0 bis CT-4; ein Forschungsgrad",
        _ => return None,
    })
}

/// What happens between two printed classes.
pub(super) fn gap_rule(id: &str) -> Option<&'static str> {
    Some(match id {
        "pan25" => {
            "ein Wert zwischen zwei gedruckten Klassen, wie 25,5 % oder 49,5 %, gehört zur unteren: er hat die nächste nicht erreicht"
        }
        "tss20" => {
            "ein Wert zwischen zwei gedruckten Klassen, wie 25,5 %, gehört zur unteren: er hat die nächste nicht erreicht; zwischen 0 und 1 % entscheidet die Untergrenze"
        }
        "mosmed" => {
            "50 %, die zwei gedruckte Klassen teilen, zählen als CT-3; der Grad folgt allein dem Anteil beider Lungen, während die Leser des Datensatzes auch auf die Art der Verdichtung sahen"
        }
        _ => return None,
    })
}

/// Below which size a region scores nothing; the two numbers are those of the English sentence.
pub(super) fn floor_rule(rule: &str) -> Option<String> {
    let numbers: Vec<&str> = rule.split(' ').filter(|word| word.parse::<f64>().is_ok()).collect();
    // "a region scores 0 below the larger of 0.1 mL and 0.1 % of it"
    let ["0", ml, percent] = numbers[..] else { return None };
    let rule = format!("eine Region bekommt 0 unter dem größeren von {ml} mL und {percent} % von ihr");
    Some(Language::German.figures(&rule))
}

#[cfg(test)]
mod tests {
    use pulmo_measure::quantify::flags::ALL;

    use super::*;

    fn finding(id: &str, found: &str, threshold: String) -> Finding {
        Finding {
            id: id.to_owned(),
            sentence: "english".to_owned(),
            found: found.to_owned(),
            threshold,
            affects: Vec::new(),
            source: String::new(),
        }
    }

    #[test]
    fn every_flag_speaks_german_with_the_numbers_of_the_english_one() {
        for raised in ALL {
            let flag = finding(raised.id(), "", raised.threshold());
            assert!(super::flag(&flag).is_some(), "`{}` has no German sentence", flag.id);
            let german = super::threshold(&flag);
            assert!(german.is_some(), "the German threshold of `{}` does not take `{}`", flag.id, flag.threshold);
        }
        let thick = finding("thick_slices", "4.5 mm", "more than 3.5 mm".to_owned());
        assert_eq!(super::threshold(&thick).unwrap(), "mehr als 3,5 mm");
        assert_eq!(Language::German.found(&thick), "4,5 mm");
        let cut = finding("cut_by_field_of_view", "15 cm² at the last slice", String::new());
        assert_eq!(Language::German.found(&cut), "15 cm² an der letzten Schicht");
        for (id, english, german) in [
            (
                "wrong_side",
                "57 % right of the middle, left lung 52 % of both",
                "57 % rechts der Mitte, linke Lunge 52 % von beiden",
            ),
            ("liver_side", "70 % of 812 mL below the left lung", "70 % von 812 mL unter der linken Lunge"),
            ("contrast_agent", "named", "genannt"),
            ("contrast_changed", "given, then not named", "gegeben, dann nicht genannt"),
            ("kernel_changed", "not given, then B70f", "nicht angegeben, dann B70f"),
            ("lung_ratio", "left 58 % of both", "links 58 % von beiden"),
        ] {
            assert_eq!(Language::German.found(&finding(id, english, String::new())), german);
        }
    }

    #[test]
    fn the_floor_keeps_its_numbers() {
        let english = "a region scores 0 below the larger of 0.1 mL and 0.5 % of it";
        assert_eq!(
            floor_rule(english).unwrap(),
            "eine Region bekommt 0 unter dem größeren von 0,1 mL und 0,5 % von ihr"
        );
        assert_eq!(floor_rule("another rule"), None);
    }
}
