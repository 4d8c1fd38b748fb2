//! The report as a CSV of one row, always with the same columns, in English and with decimal points.

use pulmo_measure::quantify::follow_up::FollowUp;

use super::document::Report;

/// Regions that have a column of their own.
const REGIONS: [&str; 11] = [
    "both",
    "left",
    "right",
    "left_upper",
    "left_middle",
    "left_lower",
    "right_upper",
    "right_middle",
    "right_lower",
    "dorsal",
    "ventral",
];
/// Lobes.
const LOBES: [&str; 5] =
    ["left_upper_lobe", "left_lower_lobe", "right_upper_lobe", "right_middle_lobe", "right_lower_lobe"];
/// Cuts of attenuation in HU.
const CUTS_HU: [f64; 2] = [-300.0, -200.0];
/// What a follow-up compares besides regions, scores and attenuation: by its `id`, with its unit.
const CHANGES: [(&str, &str); 7] = [
    ("opacity", "ml"),
    ("lung", "ml"),
    ("left_lung", "ml"),
    ("right_lung", "ml"),
    ("involvement.inside_lung", "percent"),
    ("involvement.all_of_lung", "percent"),
    ("involvement.all_of_union", "percent"),
];
/// Scores.
const SCORES: [&str; 5] = ["pan25", "tss20", "zones24", "height_thirds24", "mosmed"];

/// Names of the columns and one row. A cell is empty where nothing was measured.
#[must_use]
pub fn csv(report: &Report) -> String {
    let (names, values): (Vec<String>, Vec<String>) = columns(report).into_iter().unzip();
    let line = |cells: &[String]| cells.iter().map(|cell| quoted(cell)).collect::<Vec<_>>().join(",");
    format!("{}\n{}\n", line(&names), line(&values))
}

fn columns(report: &Report) -> Vec<(String, String)> {
    let found = &report.quantities;
    let number = |x: Option<f64>| x.map_or_else(String::new, |x| x.to_string());
    let mut columns: Vec<(String, String)> = Vec::new();
    let mut add = |name: &str, value: String| columns.push((name.to_owned(), value));
    add("case", report.case.clone());
    add("opacity_ml", found.opacity.total_ml.to_string());
    add("opacity_inside_lung_ml", number(found.opacity.inside_lung_ml));
    add("opacity_outside_lung_ml", number(found.opacity.outside_lung_ml));
    let lung = found.lung.as_ref();
    add("lung_ml", number(lung.map(|lung| lung.total_ml)));
    add("left_lung_ml", number(lung.map(|lung| lung.left_ml)));
    add("right_lung_ml", number(lung.map(|lung| lung.right_ml)));
    for rule in ["inside_lung", "all_of_lung", "all_of_union"] {
        let share = found.involvement.iter().find(|share| share.rule_id == rule);
        add(&format!("percent_{rule}"), number(share.map(|share| share.percent)));
    }
    for region in REGIONS.into_iter().chain(LOBES) {
        let found = found.region(region);
        add(&format!("{region}_opacity_ml"), number(found.map(|region| region.opacity_ml)));
        add(&format!("{region}_percent"), number(found.and_then(|region| region.percent)));
    }
    let thirds = found.regions.iter().find(|region| region.group.ends_with("_thirds"));
    add("thirds", thirds.map_or_else(String::new, |region| region.group.clone()));
    let attenuation = found.attenuation.as_ref();
    add("mean_hu", number(attenuation.map(|attenuation| attenuation.mean_hu)));
    for cut_hu in CUTS_HU {
        let cut = attenuation.and_then(|found| found.cuts.iter().find(|cut| cut.cut_hu == cut_hu));
        add(&format!("below_{cut_hu}_hu_ml"), number(cut.map(|cut| cut.lower_ml)));
        add(&format!("from_{cut_hu}_hu_ml"), number(cut.map(|cut| cut.higher_ml)));
        add(&format!("from_{cut_hu}_hu_percent"), number(cut.map(|cut| cut.higher_percent)));
    }
    add("foci", found.foci.count.to_string());
    add("largest_focus_ml", number(found.foci.sizes_ml.first().copied()));
    for score in SCORES {
        add(score, found.score(score).map_or_else(String::new, |score| score.points.to_string()));
    }
    add("flags", found.flags.iter().map(|flag| flag.id.as_str()).collect::<Vec<_>>().join(";"));
    add("lung_left_out", found.lung_left_out.as_ref().map_or_else(String::new, |left_out| left_out.reason_id.clone()));
    add("model_sha256", found.subject.model_sha256.clone().unwrap_or_default());
    add("mask_sha256", report.mask.sha256.clone().unwrap_or_default());
    add("pulmo_version", report.pulmo_version.clone());
    columns.extend(follow_up(report.follow_up.as_ref()));
    columns
}

/// The earlier value and the difference of everything that a follow-up may compare.
fn follow_up(found: Option<&FollowUp>) -> Vec<(String, String)> {
    let mut ids: Vec<(String, &str)> = CHANGES.map(|(id, unit)| (id.to_owned(), unit)).to_vec();
    ids.extend(CUTS_HU.map(|cut_hu| (format!("higher_attenuation.{cut_hu}"), "ml")));
    ids.extend(REGIONS.iter().chain(&LOBES).map(|region| (format!("region.{region}"), "percent")));
    ids.extend(SCORES.map(|score| (format!("score.{score}"), "points")));
    let mut columns = Vec::new();
    for (id, unit) in ids {
        let change = found.and_then(|found| found.change(&id));
        let number = |x: Option<f64>| x.map_or_else(String::new, |x| x.to_string());
        let name = id.replace('.', "_");
        columns.push((format!("earlier_{name}_{unit}"), number(change.map(|change| change.earlier))));
        columns.push((format!("change_{name}_{unit}"), number(change.map(|change| change.difference))));
    }
    let flags = found.map_or_else(String::new, |found| {
        found.flags.iter().map(|flag| flag.id.as_str()).collect::<Vec<_>>().join(";")
    });
    columns.push(("follow_up_flags".to_owned(), flags));
    columns
}

/// A cell in quotes where it needs them (RFC 4180); a leading sign of a formula is kept from spreadsheets.
#[must_use]
pub fn quoted(cell: &str) -> String {
    let is_number = cell.parse::<f64>().is_ok();
    let cell = if !is_number && cell.starts_with(['=', '+', '-', '@']) { format!("'{cell}") } else { cell.to_owned() };
    if cell.contains([',', '"', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell }
}
