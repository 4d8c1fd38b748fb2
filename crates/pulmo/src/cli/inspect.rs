//! `pulmo inspect`: what a path holds, and what `pulmo segment` would take of it.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use pulmo::ct::format::{OpenOptions, SeriesSummary, list_series, open_ct};
use serde_json::{Value, json};

use crate::terminal::Terminal;

/// Lists the series of a DICOM folder, or describes a NIfTI file; reads no more than it must.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: pulmo inspect scans/study_17/")]
pub(crate) struct Args {
    /// A folder with DICOM files, or a NIfTI file.
    path: PathBuf,

    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Describes the path; see [`Args`].
pub(crate) fn run(args: Args, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let (table, value, usable) = if args.path.is_dir() { series(&args)? } else { file(&args)? };
    if args.json {
        terminal.data(&serde_json::to_string_pretty(&value)?)?;
    } else {
        terminal.data(&table)?;
    }
    Ok(if usable { ExitCode::SUCCESS } else { super::some_failed() })
}

/// Which series is taken, as an index, or why none is.
pub(super) fn chosen(series: &[SeriesSummary], wanted: Option<&str>) -> Result<usize, String> {
    if let Some(wanted) = wanted.map(str::trim) {
        let found = series.iter().position(|s| s.uid == wanted || s.number.to_string() == wanted);
        return found.ok_or_else(|| format!("there is no series `{wanted}`"));
    }
    let usable: Vec<usize> = (0..series.len()).filter(|&at| series[at].refusal.is_none()).collect();
    match usable[..] {
        [only] => Ok(only),
        [] => Err("no series can be taken as a CT volume".to_owned()),
        _ => Err(format!("{} series could be taken; choose one with --series", usable.len())),
    }
}

fn series(args: &Args) -> anyhow::Result<(String, Value, bool)> {
    let series = list_series(&args.path)?;
    let choice = chosen(&series, None);
    let mut table = String::from("  No  Type  Slices  Rows x columns  Spacing (mm)             Lies      Series\n");
    for (at, one) in series.iter().enumerate() {
        let mark = if choice == Ok(at) { '*' } else { ' ' };
        let plane = one.shape.map_or("-".to_owned(), |[_, rows, columns]| format!("{rows} x {columns}"));
        let spacing = one
            .spacing_mm
            .map_or("-".to_owned(), |[slice, row, column]| format!("{slice:.3} x {row:.3} x {column:.3}"));
        let SeriesSummary { number, modality, slices, uid, .. } = one;
        let lies = one.orientation.unwrap_or("-");
        let _ =
            writeln!(table, "{mark} {number:2}  {modality:4}  {slices:6}  {plane:14}  {spacing:23}  {lies:8}  {uid}");
        if let Some(refusal) = &one.refusal {
            let _ = writeln!(table, "      cannot be taken: {refusal}");
        }
    }
    let why = match &choice {
        Ok(at) if series.len() == 1 => format!("* series {} would be taken: it is the only one", series[*at].number),
        Ok(at) => format!("* series {} would be taken: it is the only one that is a CT volume", series[*at].number),
        Err(why) => format!("none would be taken: {why}"),
    };
    table += &why;
    let value = json!({
        "series": series.iter().map(|one| json!({
            "number": one.number,
            "uid": one.uid,
            "modality": one.modality,
            "slices": one.slices,
            "shape": one.shape,
            "spacing_mm": one.spacing_mm,
            "orientation": one.orientation,
            "transfer_syntax": one.transfer_syntax,
            "refusal": one.refusal,
        })).collect::<Vec<_>>(),
        "taken": choice.as_ref().ok().map(|&at| series[at].number),
        "why": why.trim_start_matches("* "),
    });
    Ok((table, value, choice.is_ok()))
}

fn file(args: &Args) -> anyhow::Result<(String, Value, bool)> {
    let opened = open_ct(&args.path, &OpenOptions::default())?;
    let grid = opened.volume.grid();
    let (shape, spacing) = (grid.shape(), grid.spacing().mm());
    let (low, high) =
        opened.volume.hu().iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(l, h), &x| (l.min(x), h.max(x)));
    let mut table = format!(
        "{} ({})\nvoxels (slice, row, column): {} x {} x {}\nspacing: {:.3} x {:.3} x {:.3} mm\nvalues: {low} to {high} HU",
        opened.origin.format, opened.origin.encoding, shape[0], shape[1], shape[2], spacing[0], spacing[1], spacing[2]
    );
    for warning in &opened.warnings {
        let _ = write!(table, "\nwarning: {warning}");
    }
    let value = json!({
        "format": opened.origin.format,
        "encoding": opened.origin.encoding,
        "shape": shape,
        "spacing_mm": spacing,
        "direction": grid.affine().direction(),
        "origin_mm": grid.affine().origin_mm,
        "lowest_hu": low,
        "highest_hu": high,
        "warnings": opened.warnings,
    });
    Ok((table, value, true))
}
