//! oneDNN as a process that answers one layer after another.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use pulmo_kernel::Conv3d;
use serde_json::json;

/// The process and its pipes.
pub(crate) struct Rival {
    pub(crate) name: String,
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Rival {
    /// Starts it with `$PULMO_PYTHON`, or with the environment that `cargo xtask bench peers` makes; `None` without either.
    pub(crate) fn start(kernels: &str, threads: usize, element: &str) -> Option<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let made = root.join("../../target/bench/peers-python/bin/python");
        let python = std::env::var_os("PULMO_PYTHON").map_or(made, Into::into);
        let mut command = Command::new(python);
        command.arg(root.join("examples/kernel_bench/onednn.py")).args([&threads.to_string(), element]);
        if kernels != "avx512" {
            command.env("ONEDNN_MAX_CPU_ISA", "AVX2").env("MKL_ENABLE_INSTRUCTIONS", "AVX2");
        }
        command.env("THP_MEM_ALLOC_ENABLE", "1").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().ok()?;
        let (input, output) = (process.stdin.take()?, BufReader::new(process.stdout.take()?));
        let mut rival = Self { name: String::new(), process, input, output };
        rival.name = rival.line()?;
        Some(rival)
    }

    /// Least seconds of forward, data gradient and weight gradient.
    pub(crate) fn seconds(&mut self, conv: &Conv3d, repeats: usize) -> Option<[f64; 3]> {
        let case = json!({
            "channels": [conv.in_channels, conv.out_channels], "input": conv.input, "kernel": conv.kernel,
            "stride": conv.stride, "padding": conv.padding, "repeats": repeats,
        });
        writeln!(self.input, "{case}").ok()?;
        serde_json::from_str(&self.line()?).ok()
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        self.output.read_line(&mut line).ok().filter(|&read| read > 0)?;
        Some(line.trim().to_owned())
    }
}

impl Drop for Rival {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
