//! `pulmo data stats`: the fingerprint of a data set as text, JSON and a page.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use pulmo::ct::atomic;
use pulmo::ct::dataset::fingerprint::{Fingerprint, Summary, fingerprint};
use pulmo::ct::sentence::counted;

use super::{cases_of_patients, page};
use crate::cli::{self, output};
use crate::terminal::Terminal;

/// Measures how spacing, shape, intensity and infiltrates are distributed in a data set.
///
/// Opens one CT after the other, so that a thousand need no more memory than one.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    pulmo data stats data.toml\n  \
    pulmo data stats data.toml --page stats.html\n  \
    pulmo data stats data.toml --json > stats.json\n\n\
    Exit code: 0 all measured, 1 some could not be opened, 2 none could.")]
pub(super) struct Args {
    /// The list.
    #[arg(value_name = "DATA")]
    data: PathBuf,

    /// Print JSON, with the figures of every case.
    #[arg(long)]
    json: bool,

    /// Write a page with figures, which needs nothing but itself.
    #[arg(long, value_name = "HTML")]
    page: Option<PathBuf>,
}

pub(super) fn run(args: Args, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let list = super::load(&args.data)?;
    args.page.as_deref().map_or(Ok(()), |page| output::must_take_file(page, true))?;
    let progress = terminal.progress("measuring", list.cases.len() as u64);
    let found = fingerprint(&list, &|done, _| progress.at(done as u64));
    drop(progress);
    terminal.data(&if args.json { serde_json::to_string_pretty(&found)? } else { text(&found) })?;
    if let Some(page) = &args.page {
        let _folder = output::make_folder_of(page)?;
        atomic::write(page, page::page(&list, &found).as_bytes())?;
        terminal.say(&format!("wrote `{}`", page.display()));
    }
    for (case, reason) in &found.failed {
        terminal.case_failed(case, reason, None);
    }
    Ok(match (found.cases, found.failed.len()) {
        (0, _) => cli::nothing_done(),
        (_, 0) => ExitCode::SUCCESS,
        _ => cli::some_failed(),
    })
}

fn text(found: &Fingerprint) -> String {
    let mut text = format!("{}: {}\n\n", found.name, cases_of_patients(found.cases, found.patients));
    let _ = writeln!(
        text,
        "{:26}{:>12}{:>12}{:>12}{:>12}{:>12}{:>12}",
        "", "least", "quarter", "median", "3 quarters", "most", "mean"
    );
    for (what, summary) in rows(found) {
        let Summary { minimum, lower_quartile, median, upper_quartile, maximum, mean, .. } = *summary;
        let _ = write!(text, "{what:26}");
        for value in [minimum, lower_quartile, median, upper_quartile, maximum, mean] {
            let _ = write!(text, "{:>12}", number(value));
        }
        text.push('\n');
    }
    let _ = write!(text, "\n{} without infiltrates", counted(found.without_infiltrate, "case", "cases"));
    if let Some(all) = &found.foreground {
        let _ = write!(
            text,
            "\nvoxels of infiltrates: {}; 0.5 % below {}, 99.5 % below {}, mean {:.1}, standard deviation {:.1}",
            all.voxels, all.percentile_00_5, all.percentile_99_5, all.mean, all.standard_deviation
        );
    }
    let list = |counts: Vec<String>| counts.join(", ");
    let splits = found.splits.iter().map(|(split, n)| format!("{n} {split}")).collect();
    let _ = write!(text, "\nsplits: {}", list(splits));
    if found.sites.keys().any(|site| !site.is_empty()) {
        let name = |site: &str| if site.is_empty() { "unknown".to_owned() } else { site.to_owned() };
        let sites = found.sites.iter().map(|(site, n)| format!("{n} from {}", name(site))).collect();
        let _ = write!(text, "\nsites: {}", list(sites));
    }
    text
}

/// The distributions by name.
pub(super) fn rows(found: &Fingerprint) -> [(&'static str, &Summary); 8] {
    let [slice_mm, row_mm, column_mm] = &found.spacing_mm;
    let [slices, rows, columns] = &found.shape;
    [
        ("distance of slices (mm)", slice_mm),
        ("distance of rows (mm)", row_mm),
        ("distance of columns (mm)", column_mm),
        ("slices", slices),
        ("rows", rows),
        ("columns", columns),
        ("infiltrate (mL)", &found.infiltrate_ml),
        ("its median intensity", &found.infiltrate_median),
    ]
}

/// A number with as many digits as it needs in a table.
pub(super) fn number(value: f64) -> String {
    match value.abs() {
        x if x >= 100.0 || value.fract() == 0.0 => format!("{value:.0}"),
        x if x >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}
