//! `pulmo doctor`: what this computer offers, for a bug report or a surprise in speed.

use std::process::ExitCode;

use crate::terminal::Terminal;

/// Prints version, processor, kernels, threads and memory.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: pulmo doctor")]
pub(crate) struct Args {}

/// Prints one line per fact; see [`Args`].
pub(crate) fn run(_args: Args, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let unknown = || "not told by this system".to_owned();
    let threads = std::thread::available_parallelism().map_or_else(|_| unknown(), |n| n.to_string());
    let (total, available) = memory_gib();
    let gib = |value: Option<f64>| value.map_or_else(unknown, |gib| format!("{gib:.1} GiB"));
    terminal.data(&format!(
        "pulmo      {}\nsystem     {} {}\nprocessor  {}\nkernels    {}\nthreads    {threads}\nmemory     {}, {} available",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS,
        std::env::consts::ARCH,
        processor().unwrap_or_else(unknown),
        pulmo::kernel::selected(),
        gib(total),
        gib(available),
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// The processor's name, from Linux.
fn processor() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// Memory of the computer and what is free of it, from Linux.
fn memory_gib() -> (Option<f64>, Option<f64>) {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let value = |key: &str| -> Option<f64> {
        let line = text.lines().find_map(|line| line.strip_prefix(key))?;
        let kibibytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kibibytes / f64::from(1 << 20))
    };
    (value("MemTotal:"), value("MemAvailable:"))
}
