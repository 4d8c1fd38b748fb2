//! The change since an earlier CT.

use pulmo_measure::quantify::FollowUp;
use pulmo_measure::quantify::follow_up::Change;

use super::Table;
use super::measures::side_and_part;
use crate::report::language::Language;

/// Earlier, later and the change, a row for each quantity that both results have.
pub(super) fn table(follow_up: &FollowUp, language: Language) -> Table {
    let words = language.words();
    let scans: Vec<String> = follow_up
        .scans
        .iter()
        .zip(follow_up.slices_apart_mm)
        .map(|(scan, apart_mm)| {
            let kernel = scan.kernel.as_deref().unwrap_or("–");
            let thickness = scan.slice_thickness_mm.map_or_else(|| "–".to_owned(), |mm| language.mm(mm));
            format!(
                "{} {kernel}, {} {thickness}, {} {}",
                words.kernel,
                words.slice_thickness,
                words.spacing,
                language.mm(apart_mm)
            )
        })
        .collect();
    let mut notes = Vec::new();
    if let [earlier, later] = &scans[..] {
        notes.push(format!("{}: {earlier}. {}: {later}.", words.earlier, words.now));
    }
    Table {
        id: "follow_up",
        title: words.follow_up.to_owned(),
        head: [words.quantity, words.earlier, words.now, words.change].map(str::to_owned).to_vec(),
        numeric: 1..4,
        rows: follow_up.changes.iter().map(|change| row(change, language)).collect(),
        notes,
    }
}

fn row(change: &Change, language: Language) -> Vec<String> {
    let value = |x: f64| match change.unit.as_str() {
        "mL" => language.ml(x),
        "%" => language.percent(x),
        _ => language.number(x, 0),
    };
    let sign = if change.difference > 0.0 { "+" } else { "" };
    let unit = if change.unit == "%" { language.points(change.difference) } else { value(change.difference) };
    let relative = change.difference_percent.map(|percent| {
        let sign = if percent > 0.0 { "+" } else { "" };
        format!(" ({sign}{}\u{a0}%)", language.number(percent, 0))
    });
    vec![
        name(&change.id, language),
        value(change.earlier),
        value(change.later),
        format!("{sign}{unit}{}", relative.unwrap_or_default()),
    ]
}

/// The name of a quantity by its `id`.
fn name(id: &str, language: Language) -> String {
    let words = language.words();
    match (id, id.split_once('.')) {
        ("opacity", _) => words.opacity_volume.to_owned(),
        ("lung", _) => words.lung_volume_name.to_owned(),
        ("left_lung", _) => format!("{}, {}", words.lung_volume_name, words.left),
        ("right_lung", _) => format!("{}, {}", words.lung_volume_name, words.right),
        (_, Some(("involvement", rule))) => match rule {
            "inside_lung" => words.percent_of_lung.to_owned(),
            other => format!("{} ({})", words.percent_of_lung, language.involvement_rule(other, other)),
        },
        (_, Some(("region", region))) => {
            let (side, part) = side_and_part(region);
            let side = match side {
                "left" => words.left,
                "right" => words.right,
                _ => words.both,
            };
            format!("{}, {side}", language.part(part))
        }
        (_, Some(("score", score))) => format!("{} {}", words.score, language.score_short(score)),
        _ => language.change_name(id),
    }
}
