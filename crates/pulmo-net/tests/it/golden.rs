use std::fmt::Write as _;
use std::path::Path;

use pulmo_net::verify::{Arithmetic, Options, Verification, verify};

fn run(folder: &str, precision: Arithmetic) -> Verification {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../oracles/paper_net"));
    let options = Options { precision, reference_kernels: false, dump: None, against: None };
    verify(&root.join(folder), &options).unwrap()
}

fn assert_passes(verification: &Verification) {
    let mut table = String::new();
    for kind in &verification.kinds {
        writeln!(table, "{:18} {:.2e} of {:.2e} {:5} {}", kind.kind, kind.deviation, kind.bound, kind.passes, kind.at)
            .unwrap();
    }
    let passes = verification.kinds.iter().all(|kind| kind.passes);
    assert!(passes, "{} in {:.1} s\n{table}", verification.precision, verification.elapsed_s);
}

#[test]
fn float32_is_as_close_to_float64_as_pytorch() {
    assert_passes(&run("1x3x3x32x32", Arithmetic::F32));
}

/// The larger folders are for `pulmo model verify DIR --f64`.
#[test]
fn float64_is_equal_to_one_part_in_a_hundred_million() {
    assert_passes(&run("1x3x3x32x32", Arithmetic::F64));
}
