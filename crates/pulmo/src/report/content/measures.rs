//! Regions, quantities and scores.

use pulmo_measure::quantify::{Quantities, Region, Score};

use super::{Pair, Table};
use crate::report::document::{LungMaker, Report};
use crate::report::language::{Language, Words};

/// The largest foci that are named.
const NAMED_FOCI: usize = 3;

/// One row per part of the lung, with both lungs, the right and the left beside each other.
pub(super) fn regions(report: &Report, language: Language) -> Option<Table> {
    let words = language.words();
    let found = &report.quantities;
    let mut parts: Vec<&str> = Vec::new();
    for region in &found.regions {
        let (_, part) = side_and_part(&region.id);
        if !parts.contains(&part) {
            parts.push(part);
        }
    }
    let cell = |side: &str, part: &str| {
        let region = found.regions.iter().find(|region| side_and_part(&region.id) == (side, part));
        region.map_or_else(|| "–".to_owned(), |region| share(region, language))
    };
    let rows: Vec<Vec<String>> = parts
        .iter()
        .map(|part| vec![language.part(part), cell("right", part), cell("left", part), cell("both", part)])
        .collect();
    if rows.is_empty() {
        return None;
    }
    let mut notes = vec![words.region_note.to_owned()];
    let mut groups: Vec<&str> = vec!["lungs"];
    for region in &found.regions {
        if !groups.contains(&region.group.as_str()) {
            groups.push(&region.group);
            let (_, part) = side_and_part(&region.id);
            notes.push(format!("{}: {}.", language.part(part), language.region_rule(region)));
        }
    }
    let head = [words.region, words.right, words.left, words.both].map(str::to_owned).to_vec();
    Some(Table { id: "regions", title: words.regions.to_owned(), head, numeric: 1..4, rows, notes })
}

/// `left_upper` is (`left`, `upper`); `both` and `left` are the whole.
pub(in crate::report) fn side_and_part(id: &str) -> (&'static str, &str) {
    match id {
        "both" => ("both", ""),
        "left" => ("left", ""),
        "right" => ("right", ""),
        _ => match (id.strip_prefix("left_"), id.strip_prefix("right_")) {
            (Some(part), _) => ("left", part),
            (_, Some(part)) => ("right", part),
            _ => ("both", id),
        },
    }
}

fn share(region: &Region, language: Language) -> String {
    let percent = region.percent.map_or_else(|| "–".to_owned(), |percent| language.percent(percent));
    format!("{} · {percent}", language.ml(region.opacity_ml))
}

/// Every quantity with its value and its rule.
pub(super) fn quantities(report: &Report, language: Language) -> Table {
    let words = language.words();
    let found = &report.quantities;
    let mut rows: Vec<[String; 3]> = Vec::new();
    let mut add = |name: &str, value: String, rule: String| rows.push([name.to_owned(), value, rule]);
    add(words.opacity_volume, language.ml(found.opacity.total_ml), words.volume_rule.to_owned());
    if let Some(interval) = &found.interval {
        let [low, high] = interval.ml;
        let value = format!("{} – {}", language.ml(low), language.ml(high));
        let rule = format!(
            "{} % {} {} / {}",
            language.short(interval.nominal_percent),
            words.interval_rule,
            interval.covered,
            interval.checked
        );
        add(words.interval, value, rule);
    }
    if let Some(ml) = found.opacity.inside_lung_ml {
        add(words.inside_lung, language.ml(ml), words.inside_lung_rule.to_owned());
    }
    if let Some(ml) = found.opacity.outside_lung_ml {
        let share = found.opacity.outside_lung_percent.map(|percent| format!(" · {}", language.percent(percent)));
        let value = format!("{}{}", language.ml(ml), share.unwrap_or_default());
        add(words.outside_lung, value, words.outside_lung_rule.to_owned());
    }
    for share in &found.involvement {
        let rule = language.involvement_rule(&share.rule_id, &share.rule);
        add(words.percent_of_lung, language.percent(share.percent), format!("{}: {rule}", share.rule_id));
    }
    if let Some(lung) = &found.lung {
        let value = format!(
            "{} ({} {}, {} {})",
            language.ml(lung.total_ml),
            words.right,
            language.ml(lung.right_ml),
            words.left,
            language.ml(lung.left_ml)
        );
        add(words.lung_volume_name, value, lung_rule(report, words).to_owned());
    }
    attenuation(found, language, &mut add);
    foci(found, language, &mut add);
    Table {
        id: "quantities",
        title: words.quantities.to_owned(),
        head: [words.quantity, words.value, words.rule].map(str::to_owned).to_vec(),
        numeric: 1..2,
        rows: rows.into_iter().map(Vec::from).collect(),
        notes: Vec::new(),
    }
}

/// What counts as lung, which depends on who made the mask.
fn lung_rule(report: &Report, words: &Words) -> &'static str {
    match report.lungs.as_ref().map(|lungs| lungs.maker).unwrap_or_default() {
        LungMaker::Threshold => words.lung_rule_threshold,
        LungMaker::File => words.lung_rule_file,
        LungMaker::Model => words.lung_rule_model,
    }
}

fn attenuation(found: &Quantities, language: Language, add: &mut dyn FnMut(&str, String, String)) {
    let words = language.words();
    let Some(attenuation) = &found.attenuation else { return };
    add(words.mean_attenuation, language.hu(attenuation.mean_hu), words.mean_attenuation_rule.to_owned());
    for cut in &attenuation.cuts {
        let [lower, higher] = cut.higher_percent_if_moved.map(|percent| language.percent(percent));
        let value = format!("{} · {}", language.ml(cut.higher_ml), language.percent(cut.higher_percent));
        // The parts are the whole, so that the rest needs no row of its own.
        let rest = format!("{} · {}", language.ml(cut.lower_ml), language.percent(100.0 - cut.higher_percent));
        let rule = format!(
            "{}: {rest}; {} {}; {} {lower}, {higher}",
            words.lower_attenuation,
            words.smoothed_by,
            language.smoothing(attenuation),
            words.cut_moved
        );
        add(&format!("{} {}", words.higher_attenuation, language.hu(cut.cut_hu)), value, rule);
    }
}

fn foci(found: &Quantities, language: Language, add: &mut dyn FnMut(&str, String, String)) {
    let words = language.words();
    let foci = &found.foci;
    let mut value = foci.count.to_string();
    let named: Vec<String> = foci.sizes_ml.iter().take(NAMED_FOCI).map(|ml| language.ml(*ml)).collect();
    if !named.is_empty() {
        value += &format!(" ({}: {})", words.largest, named.join(", "));
    }
    let mut rule = language.foci_rule(&foci.rule);
    if foci.smaller_count > 0 {
        rule += &format!("; {}: {} ({})", words.smaller_foci, foci.smaller_count, language.ml(foci.smaller_ml));
    }
    add(&format!("{} {} {}", words.foci, words.foci_from, language.ml(foci.smallest_ml)), value, rule);
}

/// The scores, their classes and where these come from.
pub(super) fn scores(report: &Report, language: Language) -> Option<Table> {
    let words = language.words();
    let found = &report.quantities.scores;
    if found.is_empty() {
        return None;
    }
    let row = |score: &Score| {
        vec![
            language.score_name(score),
            points(score, words),
            format!(
                "{}; {}. {}",
                language.classes(&score.boundaries),
                language.score_rules(score).join("; "),
                language.score_source(score)
            ),
        ]
    };
    Some(Table {
        id: "scores",
        title: words.scores.to_owned(),
        head: [words.score, words.points, words.classes].map(str::to_owned).to_vec(),
        numeric: 1..2,
        rows: found.iter().map(row).collect(),
        notes: vec![words.scores_note.to_owned()],
    })
}

/// `7 of 25 (Right 0+1+2, Left 3+1)`, or a grade alone.
fn points(score: &Score, words: &Words) -> String {
    if score.parts.len() < 2 {
        return score.text.clone();
    }
    let of_side = |side: &str| {
        let parts = score.parts.iter().filter(|part| side_and_part(&part.region).0 == side);
        parts.map(|part| part.points.to_string()).collect::<Vec<_>>().join("+")
    };
    let (right, left) = (of_side("right"), of_side("left"));
    format!("{} {} {} ({} {right}, {} {left})", score.text, words.of, score.most, words.right, words.left)
}

/// What could not be given and why; what has one reason stands together.
pub(super) fn left_out(report: &Report, language: Language) -> Vec<Pair> {
    let words = language.words();
    let found = &report.quantities;
    let attenuation = found.attenuation_left_out.iter().map(|left_out| (words.attenuation, left_out));
    let interval = found.interval_left_out.iter().map(|left_out| (words.interval, left_out));
    let scores = found.scores_left_out.iter().map(|left_out| (language.score_short(&left_out.id), left_out));
    let mut pairs: Vec<Pair> = Vec::new();
    for (name, left_out) in attenuation.chain(interval).chain(scores) {
        let reason = language.reason(left_out);
        match pairs.iter_mut().find(|pair| pair.value == reason) {
            Some(pair) => pair.name += &format!(", {name}"),
            None => pairs.push(Pair::new(name, reason)),
        }
    }
    pairs
}
