//! The one automation of this repository, standard library only: `cargo xtask <job>`.
//!
//! What continuous integration does, a laptop does: both run these jobs.

mod oracles;
mod proof;
mod readme;
mod size;
mod source;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// What a job gives: nothing, or the text of what is wrong.
type Outcome = Result<(), String>;

const USAGE: &str = "usage: cargo xtask <job>

  check              format, clippy, tidy, documentation links
  test               all tests, then the console blocks of README.md
  tidy               layers, file sizes, words, printing: what no compiler checks
  oracles [--check]  list the oracles; with --check remake them with Python ($PULMO_PYTHON, default python3) and compare
  bench [NAME [...]] time convolutions (kernels), training steps (step), other engines (peers), files and resampling (volumes),
                     metrics of masks (metrics); compare bfloat16 with float32 (precision); what follows the name goes to
                     the benchmark
  proof [NAME|all]   list the proofs with real archives, viewers and readers, or run them; see proofs/README.md
  size               table of file and function sizes
  ci                 check, then test";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let outcome = match words[..] {
        ["check"] => check(),
        ["test"] => test(),
        ["tidy"] => tidy::run(root()),
        ["oracles"] => oracles::list(root()),
        ["oracles", "--check"] => oracles::check(root()),
        ["bench"] => bench(None, &[]),
        ["bench", name, ref arguments @ ..] => bench(Some(name), arguments),
        ["proof"] => proof::list(root()),
        ["proof", "all"] => proof::run(root(), None),
        ["proof", name] => proof::run(root(), Some(name)),
        ["size"] => size::run(root()),
        ["ci"] => check().and_then(|()| test()),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}

/// The repository's root.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a folder of the root")
}

fn check() -> Outcome {
    cargo(&["fmt", "--all", "--check"], &[])?;
    tidy::run(root())?;
    cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"], &[])?;
    cargo(&["doc", "--workspace", "--no-deps"], &[("RUSTDOCFLAGS", "-D rustdoc::broken_intra_doc_links")])
}

fn test() -> Outcome {
    cargo(&["test", "--workspace"], &[])?;
    cargo(&["build", "--release", "--package", "pulmo"], &[])?;
    readme::run(root(), &target_folder().join("release"))
}

/// The benchmarks: programs that print a table, by name.
const BENCHES: [(&str, &str, &str); 9] = [
    ("kernels", "pulmo-kernel", "kernel_bench"), // GFLOP/s of each layer beside the peak and oneDNN
    ("step", "pulmo-net", "step_bench"),         // seconds of a training step and of an inference
    ("peers", "pulmo-net", "peer_bench"),        // inference and training against PyTorch, ONNX Runtime and OpenVINO
    ("precision", "pulmo-engine", "precision_bench"), // whether bfloat16 trains as well as float32
    ("volumes", "pulmo-ct", "volume_bench"),     // files and resampling against the tools in use; needs Python
    ("resample", "pulmo-ct", "resample_bench"),  // seconds of resampling a CT and its label map
    ("metrics", "pulmo-measure", "metric_bench"), // seconds and memory of all metrics of a pair of masks
    ("quantities", "pulmo-measure", "quantify_bench"), // seconds of the quantities of a report
    ("lungs", "pulmo-ct", "lung_bench"),         // lungs without a model against phantoms and references
];

fn bench(name: Option<&str>, arguments: &[&str]) -> Outcome {
    let chosen: Vec<_> = BENCHES.iter().filter(|bench| name.is_none_or(|name| name == bench.0)).collect();
    if chosen.is_empty() {
        return Err(format!("no benchmark of that name; there are {}", BENCHES.map(|bench| bench.0).join(", ")));
    }
    chosen.iter().try_for_each(|(_, package, example)| {
        let run = ["run", "--release", "--package", package, "--example", example, "--"];
        cargo(&[&run, arguments].concat(), &[])
    })
}

/// Where cargo puts what it builds.
fn target_folder() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |folder| root().join(folder))
}

/// Runs cargo in the root, showing the command.
fn cargo(arguments: &[&str], environment: &[(&str, &str)]) -> Outcome {
    println!("$ cargo {}", arguments.join(" "));
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.args(arguments).envs(environment.iter().copied()).current_dir(root());
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`cargo {}`: {status}", arguments.join(" "))),
        Err(error) => Err(format!("cannot run cargo: {error}")),
    }
}
