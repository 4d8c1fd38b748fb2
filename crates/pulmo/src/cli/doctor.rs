//! `pulmo doctor`: what this computer offers, for a bug report or a surprise in speed.

use std::process::ExitCode;

use pulmo::kernel::{KernelState, Variant, kernel_state, tile_state};

use crate::terminal::Terminal;

/// Prints version, processor, kernels and why these, threads and memory.
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
        "pulmo      {}\nsystem     {} {}\nprocessor  {}\n{}\nbfloat16   {}\nthreads    {threads}\nmemory     {}, {} available",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS,
        std::env::consts::ARCH,
        processor().unwrap_or_else(unknown),
        kernels(pulmo::kernel::selected(), kernel_state),
        bfloat16(tile_state()),
        gib(total),
        gib(available),
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// A line for each kernel set: whether it is used, could be, or why not.
fn kernels<'a>(used: &str, state: impl Fn(Variant) -> &'a KernelState) -> String {
    let line = |variant: Variant| {
        let name = variant.name();
        let (is_used, is_portable) = (name == used, variant == Variant::Portable);
        match state(variant) {
            KernelState::Passed if is_used => format!("{name} is used: the fastest that passes its self-test here"),
            KernelState::Passed => format!("{name} passes its self-test too, but is slower than {used}"),
            KernelState::Lacks(names) => format!("{name} cannot be used: the processor lacks {}", names.join(" and ")),
            KernelState::Failed(what) if is_portable && is_used => {
                format!(
                    "{name} is used since nothing else is left, but FAILS its self-test: {what}; do not trust results"
                )
            }
            KernelState::Failed(what) => format!("{name} is passed over, since it FAILS its self-test: {what}"),
        }
    };
    let lines: Vec<String> = Variant::ALL.into_iter().map(line).collect();
    format!("kernels    {}", lines.join("\n           "))
}

/// How activations that are held as bfloat16 are computed with.
fn bfloat16(tiles: Result<&str, &str>) -> String {
    match tiles {
        Ok(name) => format!("{name} multiplies what is held in it; passed its self-test"),
        Err(reason) => format!("halves the memory, computed in float32: {reason}"),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kernel_set_is_told_with_its_reason() {
        let passed = KernelState::Passed;
        let lacks = KernelState::Lacks(vec!["AVX2", "AVX-512F"]);
        let failed = KernelState::Failed("a convolution gave 1 in place of 2".to_owned());
        let text = kernels("portable", |variant| match variant {
            Variant::Avx512 => &lacks,
            Variant::Avx2 => &failed,
            Variant::Portable => &passed,
        });
        let expected = "kernels    avx512 cannot be used: the processor lacks AVX2 and AVX-512F\n           \
                        avx2 is passed over, since it FAILS its self-test: a convolution gave 1 in place of 2\n           \
                        portable is used: the fastest that passes its self-test here";
        assert_eq!(text, expected);
        assert!(kernels("avx512", |_| &passed).contains("avx2 passes its self-test too, but is slower than avx512"));
        assert!(kernels("portable", |_| &failed).contains("do not trust results"));
        assert!(kernels(pulmo::kernel::selected(), kernel_state).contains(" is used: "), "on this machine");
        assert!(bfloat16(Ok("AMX")).contains("AMX multiplies"));
        assert!(bfloat16(Err("the processor lacks AMX-TILE")).ends_with("float32: the processor lacks AMX-TILE"));
    }
}
