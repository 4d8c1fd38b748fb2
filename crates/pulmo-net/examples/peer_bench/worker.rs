//! One tool of a row as a process that waits between its steps.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

/// What a tool does and with what.
pub(crate) struct Row {
    pub(crate) network: &'static str,
    pub(crate) size: [usize; 3],
    /// `infer` or `train`, with `-bf16` behind it for bfloat16.
    pub(crate) work: &'static str,
    /// Whether all sides are held to AVX2.
    pub(crate) avx2: bool,
    pub(crate) folder: PathBuf,
    /// What first weights and input are made from.
    pub(crate) seed: u64,
}

impl Row {
    /// The row's name on the command line.
    pub(crate) fn name(&self) -> String {
        let [depth, height, width] = self.size;
        let held = if self.avx2 { "-avx2" } else { "" };
        format!("{}-{depth}x{height}x{width}-{}{held}", self.network, self.work)
    }
}

/// A running tool, and what it has said.
pub(crate) struct Worker {
    pub(crate) tool: &'static str,
    pub(crate) seconds: Vec<f64>,
    pub(crate) checks: Vec<f64>,
    pub(crate) peak_mib: f64,
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Worker {
    /// Starts a tool and waits until it is ready.
    pub(crate) fn start(tool: &'static str, row: &Row, python: &Path, script: &Path) -> Result<Self, String> {
        let [depth, height, width] = row.size;
        let mut command = if tool == "pulmo" {
            let mut command = Command::new(std::env::current_exe().map_err(|error| error.to_string())?);
            command
                .args(["work", row.work, row.network, &format!("{depth}x{height}x{width}")])
                .arg(row.seed.to_string());
            command
        } else {
            let mut command = Command::new(python);
            command.arg(script).args([tool, row.work]);
            command
        };
        command
            .arg(&row.folder)
            .envs(["RAYON_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"].map(|name| (name, "2")));
        // Huge pages, and an allocator that keeps what it has: without them PyTorch spends its time on page faults.
        command.env("THP_MEM_ALLOC_ENABLE", "1");
        command.env("MALLOC_TRIM_THRESHOLD_", "1000000000000").env("MALLOC_MMAP_THRESHOLD_", "1000000000000");
        if row.avx2 {
            command.env("PULMO_KERNELS", "avx2").env("ONEDNN_MAX_CPU_ISA", "AVX2").env("DNNL_MAX_CPU_ISA", "AVX2");
            command.env("ATEN_CPU_CAPABILITY", "avx2").env("MKL_ENABLE_INSTRUCTIONS", "AVX2");
        }
        let log = std::fs::File::create(row.folder.join(format!("{tool}.log"))).map_err(|error| error.to_string())?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log);
        let mut process = command.spawn().map_err(|error| format!("cannot run {tool}: {error}"))?;
        let (Some(input), Some(output)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(format!("{tool} has no standard input and output"));
        };
        let output = BufReader::new(output);
        let mut worker = Self { tool, seconds: vec![], checks: vec![], peak_mib: 0.0, process, input, output };
        while worker.line()? != "ready" {}
        Ok(worker)
    }

    /// Takes one step.
    pub(crate) fn step(&mut self) -> Result<(), String> {
        let answer = self.ask("step")?;
        self.seconds.push(answer["seconds"].as_f64().unwrap_or(f64::NAN));
        self.checks.push(answer["check"].as_f64().unwrap_or(f64::NAN));
        Ok(())
    }

    /// Ends the process, and learns its peak.
    pub(crate) fn end(&mut self) -> Result<(), String> {
        self.peak_mib = self.ask("end")?["peak_mib"].as_f64().unwrap_or(f64::NAN);
        self.process.wait().map_err(|error| error.to_string())?;
        Ok(())
    }

    fn ask(&mut self, what: &str) -> Result<Value, String> {
        writeln!(self.input, "{what}").map_err(|error| format!("{} has ended: {error}", self.tool))?;
        let line = self.line()?;
        serde_json::from_str(&line).map_err(|error| format!("{} said `{line}`: {error}", self.tool))
    }

    fn line(&mut self) -> Result<String, String> {
        let mut line = String::new();
        match self.output.read_line(&mut line) {
            Ok(0) => Err(format!("{} has ended; see its .log in the row's folder", self.tool)),
            Ok(_) => Ok(line.trim().to_owned()),
            Err(error) => Err(format!("{}: {error}", self.tool)),
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // A process that still waits when a row fails is of no more use.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
