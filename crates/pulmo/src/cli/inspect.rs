//! `pulmo inspect`: what a path holds, and what `pulmo segment` would take of it.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use pulmo::ct::Error;
use pulmo::ct::format::{Listing, OpenOptions, Opened, SINGLE_SLICE, SeriesSummary, list, open_ct};
use pulmo::ct::geometry::Grid;
use serde_json::{Value, json};

use super::ct::CtArgs;
use crate::terminal::Terminal;

/// Says what is there: the series of a DICOM folder and the one that is taken, its grid and its HU range.
///
/// Never prints a patient's name, nor descriptions, which may hold one.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: pulmo inspect scans/study_17/\n\n\
                        Exit code: 0 a CT can be taken, or the file is a single slice or another object that was read; \
                        1 no CT can be taken (the reasons are listed).")]
pub(crate) struct Args {
    /// A folder with DICOM files, a DICOMDIR, or a file.
    path: PathBuf,

    #[command(flatten)]
    ct: CtArgs,

    /// Read headers only: no HU range, faster.
    #[arg(long)]
    headers_only: bool,

    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Describes the path; see [`Args`].
pub(crate) fn run(args: Args, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    args.ct.must_fit(&args.path)?;
    let options = args.ct.options();
    let (table, value, usable) = match list(&args.path, &options) {
        Ok(listing) if args.path.is_dir() || is_volume(&listing) => series(&args, &options, &listing)?,
        Ok(listing) => object(&listing),
        Err(Error::Io { action, path, source }) => return Err(Error::Io { action, path, source }.into()),
        Err(error) if args.path.is_dir() => return Err(error.into()),
        // It is no DICOM file, or a damaged one, which opening it says as well.
        Err(_) => file(&args, &options)?,
    };
    if args.json {
        terminal.data(&serde_json::to_string_pretty(&value)?)?;
    } else {
        terminal.data(table.trim_end())?;
    }
    Ok(if usable { ExitCode::SUCCESS } else { super::some_failed() })
}

/// The place of the series that is taken, or why none is.
pub(super) fn chosen(listing: &Listing) -> Result<usize, String> {
    listing.taken.ok_or_else(|| listing.why.clone())
}

/// Whether a single DICOM file is a volume, and not a slice or another object.
fn is_volume(listing: &Listing) -> bool {
    listing.taken.is_some() || listing.series.len() > 1
}

fn series(args: &Args, options: &OpenOptions, listing: &Listing) -> anyhow::Result<(String, Value, bool)> {
    let choice = chosen(listing);
    let mut table = String::from("   No  Type  Slices  Rows x columns  Spacing (mm)             Lies      Kernel\n");
    for (at, one) in listing.series.iter().enumerate() {
        table += &lines(one, choice == Ok(at));
    }
    let mut value = json!({
        "series": listing.series.iter().map(json_of).collect::<Vec<_>>(),
        "taken": listing.taken.map(|at| listing.series[at].number),
        "why": listing.why,
        "problems": listing.warnings,
    });
    for warning in &listing.warnings {
        let _ = writeln!(table, "warning: {warning}");
    }
    let mut usable = choice.is_ok();
    match choice {
        Err(_) if listing.series.iter().all(|one| one.refusal.is_some()) => {
            let _ = writeln!(table, "none is taken: no series is a CT volume, for the reasons above");
        }
        Err(why) => _ = writeln!(table, "none is taken: {why}"),
        Ok(at) => {
            let _ = writeln!(table, "* series {} is taken: {}", listing.series[at].number, listing.why);
            if !args.headers_only {
                let opened = open_ct(&args.path, options);
                match opened {
                    Ok(mut opened) => {
                        opened.warnings.retain(|warning| !listing.warnings.contains(warning));
                        table += &voxels(&opened);
                        value["volume"] = json_of_volume(&opened);
                    }
                    Err(error) => {
                        usable = false;
                        let _ = writeln!(table, "but it cannot be read: {error}");
                        value["error"] = json!(error.to_string());
                    }
                }
            }
        }
    }
    Ok((table, value, usable))
}

/// A series in the table, its details indented below.
fn lines(one: &SeriesSummary, is_taken: bool) -> String {
    let mark = if is_taken { '*' } else { ' ' };
    let shape = one.grid.map(|grid| grid.shape());
    let plane = shape.map_or("-".to_owned(), |[_, rows, columns]| format!("{rows} x {columns}"));
    let spacing = one.grid.map_or("-".to_owned(), |grid| millimetres(&grid));
    let SeriesSummary { number, modality, slices, kernel, .. } = one;
    let lies = one.orientation.unwrap_or("-");
    let mut text =
        format!("{mark} {number:3}  {modality:4}  {slices:6}  {plane:14}  {spacing:23}  {lies:8}  {kernel}\n");
    let mut details = vec![one.object.clone()];
    if !one.image_type.is_empty() {
        details.push(one.image_type.clone());
    }
    details.extend(one.slice_thickness_mm.map(|mm| format!("slices {mm} mm thick")));
    if one.has_contrast {
        details.push("contrast agent".to_owned());
    }
    details.push(one.transfer_syntax.clone() + if one.is_lossy { " (with loss)" } else { "" });
    details.extend(one.split_by.map(|attribute| format!("one of several stacks, by {attribute}")));
    let uid = if one.uid.is_empty() { "without SeriesInstanceUID" } else { &one.uid };
    let _ = writeln!(text, "       {}\n       {uid}", details.join("; "));
    for warning in &one.warnings {
        let _ = writeln!(text, "       warning: {warning}");
    }
    if let Some(refusal) = &one.refusal {
        let _ = writeln!(text, "       cannot be taken: {refusal}");
    }
    text
}

fn json_of(one: &SeriesSummary) -> Value {
    json!({
        "number": one.number,
        "uid": one.uid,
        "modality": one.modality,
        "object": one.object,
        "slices": one.slices,
        "grid": one.grid.as_ref().map(json_of_grid),
        "orientation": one.orientation,
        "slice_thickness_mm": one.slice_thickness_mm,
        "kernel": one.kernel,
        "image_type": one.image_type,
        "contrast_agent": one.has_contrast,
        "transfer_syntax": one.transfer_syntax,
        "lossy": one.is_lossy,
        "split_by": one.split_by,
        "warnings": one.warnings,
        "refusal": one.refusal,
    })
}

fn json_of_grid(grid: &Grid) -> Value {
    json!({
        "shape": grid.shape(),
        "spacing_mm": grid.spacing().mm(),
        "direction": grid.affine().direction(),
        "origin_mm": grid.affine().origin_mm,
        "tilt_degrees": if grid.is_sheared() { grid.shear_degrees() } else { 0.0 },
    })
}

/// A DICOM file that is no volume by itself.
fn object(listing: &Listing) -> (String, Value, bool) {
    let Some(one) = listing.series.first() else {
        return ("an empty DICOM index\n".to_owned(), json!({ "object": null }), false);
    };
    let uid = if one.uid.is_empty() { "without SeriesInstanceUID" } else { &one.uid };
    let table = format!(
        "{} (DICOM, modality {}, {})\nseries: {uid}\nno CT volume by itself: {}\n",
        one.object, one.modality, one.transfer_syntax, listing.why
    );
    // A sound slice and an object of another kind are what they are; a CT that no folder would make whole is not.
    let is_sound = one.modality != "CT" || one.refusal.as_deref().is_none_or(|why| why == SINGLE_SLICE);
    (table, json!({ "object": one.object, "series": [json_of(one)], "taken": null, "why": listing.why }), is_sound)
}

/// A file of another format than DICOM.
fn file(args: &Args, options: &OpenOptions) -> anyhow::Result<(String, Value, bool)> {
    let opened = open_ct(&args.path, options)?;
    let mut value = json_of_volume(&opened);
    value["format"] = json!(opened.origin.format);
    value["encoding"] = json!(opened.origin.encoding);
    let table = format!("{} ({})\n{}", opened.origin.format, opened.origin.encoding, voxels(&opened));
    Ok((table, value, true))
}

/// What only the voxels tell.
fn voxels(opened: &Opened) -> String {
    let grid = opened.volume.grid();
    let [slices, rows, columns] = grid.shape();
    let [low, high] = range(opened);
    let mut text = format!(
        "voxels (slice, row, column): {slices} x {rows} x {columns}\nspacing: {} mm\naxes (LPS): {}\nvalues: {low} to {high} HU\n",
        millimetres(grid),
        axes(grid)
    );
    if grid.is_sheared() {
        let _ = writeln!(text, "tilt: {:.2} degrees", grid.shear_degrees());
    }
    if opened.origin.padding_share > 0.0 {
        let _ = writeln!(text, "padding: {:.1} % of the voxels", opened.origin.padding_share * 100.0);
    }
    for warning in &opened.warnings {
        let _ = writeln!(text, "warning: {warning}");
    }
    text
}

fn json_of_volume(opened: &Opened) -> Value {
    let grid = opened.volume.grid();
    let [low, high] = range(opened);
    let mut value = json_of_grid(grid);
    value["lowest_hu"] = json!(low);
    value["highest_hu"] = json!(high);
    value["padding_share"] = json!(opened.origin.padding_share);
    value["files"] = json!(opened.origin.files);
    value["warnings"] = json!(opened.warnings);
    value
}

fn range(opened: &Opened) -> [f32; 2] {
    let hu = opened.volume.hu().iter();
    let (low, high) = hu.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &x| (low.min(x), high.max(x)));
    [low, high]
}

fn millimetres(grid: &Grid) -> String {
    let [slice, row, column] = grid.spacing().mm();
    format!("{slice:.3} x {row:.3} x {column:.3}")
}

/// Where the axes run: to the patient's left or right, front (A) or back (P), head (S) or feet (I).
fn axes(grid: &Grid) -> String {
    let names = [["R", "L"], ["A", "P"], ["I", "S"]];
    let towards = |axis: [f64; 3]| {
        let mut order = [0, 1, 2];
        order.sort_by(|&a, &b| axis[b].abs().total_cmp(&axis[a].abs()));
        let parts = order.into_iter().filter(|&at| axis[at].abs() > 0.02);
        parts.map(|at| names[at][usize::from(axis[at] > 0.0)]).collect::<String>()
    };
    let [slice, row, column] = grid.affine().direction().map(towards);
    format!("slices to {slice}, rows to {row}, columns to {column}")
}
