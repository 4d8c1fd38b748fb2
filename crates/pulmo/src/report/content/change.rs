//! The change since an earlier CT.

use pulmo_measure::quantify::FollowUp;
use pulmo_measure::quantify::follow_up::Change;

use super::Table;
use super::measures::side_and_part;
use crate::report::language::Language;

/// Two tables: what both results have of the whole, and of regions. The second is missing if there are no regions.
pub(super) fn tables(follow_up: &FollowUp, language: Language) -> Vec<Table> {
    let words = language.words();
    let whole = follow_up.changes.iter().filter(|change| region(change).is_none());
    let mut tables = vec![Table {
        id: "follow_up",
        title: words.follow_up.to_owned(),
        head: [words.quantity, words.earlier, words.now, words.change].map(str::to_owned).to_vec(),
        numeric: 1..4,
        rows: whole.map(|change| row(change, language)).collect(),
        notes: scans(follow_up, language).into_iter().collect(),
    }];
    tables.extend(regions(follow_up, language));
    tables
}

/// The region of a change of a region's share.
fn region(change: &Change) -> Option<&str> {
    change.id.strip_prefix("region.")
}

/// One row per part of the lung, as in the table of regions: three times fewer rows than changes.
fn regions(follow_up: &FollowUp, language: Language) -> Option<Table> {
    let words = language.words();
    let mut parts: Vec<&str> = Vec::new();
    for (_, part) in follow_up.changes.iter().filter_map(region).map(side_and_part) {
        if !parts.contains(&part) {
            parts.push(part);
        }
    }
    let cell = |side: &str, part: &str| {
        let found = follow_up.changes.iter().find(|change| region(change).map(side_and_part) == Some((side, part)));
        found.map_or_else(
            || "–".to_owned(),
            |change| {
                let [earlier, later] = [change.earlier, change.later].map(|percent| language.percent(percent));
                format!("{earlier} · {later} · {}{}", plus(change.difference), language.number(change.difference, 2))
            },
        )
    };
    let rows: Vec<Vec<String>> = parts
        .iter()
        .map(|part| vec![language.part(part), cell("right", part), cell("left", part), cell("both", part)])
        .collect();
    (!rows.is_empty()).then(|| Table {
        id: "follow_up_regions",
        title: words.follow_up_regions.to_owned(),
        head: [words.region, words.right, words.left, words.both].map(str::to_owned).to_vec(),
        numeric: 1..4,
        rows,
        notes: Vec::new(),
    })
}

/// How both CTs were made.
fn scans(follow_up: &FollowUp, language: Language) -> Option<String> {
    let words = language.words();
    let mut scans = follow_up.scans.iter().zip(follow_up.slices_apart_mm).map(|(scan, apart_mm)| {
        let kernel = scan.kernel.as_deref().unwrap_or("–");
        let thickness = scan.slice_thickness_mm.map_or_else(|| "–".to_owned(), |mm| language.mm(mm));
        format!(
            "{} {kernel}, {} {thickness}, {} {}",
            words.kernel,
            words.slice_thickness,
            words.spacing,
            language.mm(apart_mm)
        )
    });
    let (earlier, later) = (scans.next()?, scans.next()?);
    Some(format!("{}: {earlier}. {}: {later}.", words.earlier, words.now))
}

/// The sign that growth bears.
fn plus(difference: f64) -> &'static str {
    if difference > 0.0 { "+" } else { "" }
}

fn row(change: &Change, language: Language) -> Vec<String> {
    let value = |x: f64| match change.unit.as_str() {
        "mL" => language.ml(x),
        "%" => language.percent(x),
        _ => language.number(x, 0),
    };
    let unit = if change.unit == "%" { language.points(change.difference) } else { value(change.difference) };
    let relative = change
        .difference_percent
        .map(|percent| format!(" ({}{}\u{a0}%)", plus(percent), language.number(percent, 0)))
        .unwrap_or_default();
    vec![
        name(&change.id, language),
        value(change.earlier),
        value(change.later),
        format!("{}{unit}{relative}", plus(change.difference)),
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
        (_, Some(("higher_attenuation", cut))) => {
            let hu = cut.parse().map_or_else(|_| cut.to_owned(), |cut| language.hu(cut));
            format!("{} {hu}", words.higher_attenuation)
        }
        (_, Some(("score", score))) => format!("{} {}", words.score, language.score_short(score)),
        _ => id.replace(['_', '.'], " "),
    }
}
