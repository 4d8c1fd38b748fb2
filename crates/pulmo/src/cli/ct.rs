//! How a CT is opened: the flags that every subcommand that reads one shares.

use std::path::Path;
use std::sync::OnceLock;

use pulmo::ct::format::dicom::{Kind, kind_of};
use pulmo::ct::format::{OpenOptions, Opened, open_ct_with_progress};

use crate::terminal::{Terminal, advice};

/// Flags of whatever reads a CT.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct CtArgs {
    /// Which series of a DICOM folder: its number in `pulmo inspect` or its SeriesInstanceUID.
    #[arg(long, value_name = "UID|N")]
    pub(crate) series: Option<String>,

    /// Fill missing slices of a DICOM series and even out unequal distances by linear interpolation, and say where.
    #[arg(long)]
    pub(crate) allow_gaps: bool,

    /// Resample a DICOM series of a tilted gantry to right angles; masks then lie on the new grid.
    #[arg(long)]
    pub(crate) straighten: bool,
}

impl CtArgs {
    /// The library's options.
    pub(crate) fn options(&self) -> OpenOptions {
        OpenOptions {
            series: self.series.clone(),
            allow_gaps: self.allow_gaps,
            straighten: self.straighten,
            ..OpenOptions::default()
        }
    }

    /// Refuses, before any work, flags that say how a DICOM series is read, for what holds none.
    ///
    /// What cannot be read is left to the reader, whose words say more.
    pub(crate) fn must_fit(&self, input: &Path) -> anyhow::Result<()> {
        let Some((flag, about)) = self.only_of_series().filter(|_| !input.is_dir()) else { return Ok(()) };
        let what = match kind_of(input) {
            Ok(None) => "no DICOM file",
            Ok(Some(Kind::Segmentation | Kind::StructureSet | Kind::Report | Kind::Pdf)) => "no CT",
            Ok(Some(_)) | Err(_) => return Ok(()),
        };
        let problem = format!("{flag}: `{}` is {what}, so there is no series to {about}", input.display());
        let flag = flag.split(' ').next().unwrap_or_default();
        Err(advice(problem, format!("leave {flag} out, or give the folder of the DICOM series")))
    }

    /// The first flag given that belongs to a DICOM series, and what it does with one.
    fn only_of_series(&self) -> Option<(String, &'static str)> {
        if let Some(series) = &self.series {
            return Some((format!("--series {series}"), "choose"));
        }
        let flags =
            [(self.allow_gaps, "--allow-gaps", "fill the gaps of"), (self.straighten, "--straighten", "straighten")];
        flags.into_iter().find(|(given, ..)| *given).map(|(_, flag, about)| (flag.to_owned(), about))
    }

    /// Opens a CT with a progress line.
    pub(crate) fn open(&self, path: &Path, terminal: &Terminal) -> pulmo::ct::Result<Opened> {
        open(path, &self.options(), terminal)
    }
}

/// Opens a CT with a progress line.
pub(crate) fn open(path: &Path, options: &OpenOptions, terminal: &Terminal) -> pulmo::ct::Result<Opened> {
    let progress = OnceLock::new();
    open_ct_with_progress(path, options, &|done, of| {
        progress.get_or_init(|| terminal.progress("reading", of as u64)).at(done as u64);
    })
}
