//! An inference and a training take what was forecast: not one step alone, but several, with and without a limit.
//!
//! In a process of its own, as the system counts the peak of a whole process.
#![expect(clippy::print_stdout, reason = "says what was found, or why nothing was looked for")]

use pulmo_net::forecast::forecast;
use pulmo_net::{Adam, Error, Kernels, LearningRate, Loss, Network, Precision, Purpose, Session, Shape, Step};

#[test]
fn several_steps_take_what_was_forecast() {
    let Some(_) = status("VmHWM:") else { return println!("skipped: this system does not tell a process's peak") };
    let network = Network { architecture: "unet".into(), input_channels: 1, classes: 2, widths: vec![16, 32, 64, 128] };
    let shape = Shape { batch: 1, channels: 1, size: [16, 112, 112] };
    let loss = Loss::DiceCrossEntropy;
    let purpose = Purpose::Training { loss, frozen: false };
    let of = |max_bytes| forecast(&network, shape, purpose, Precision::Float32, max_bytes);
    let free = of(None).unwrap().peak_bytes;
    let Err(Error::Memory { needed_bytes: least, .. }) = of(Some(0)) else { panic!("nothing fits into no memory") };
    let before = status("VmRSS:").unwrap();
    // Beside the network: weights as they were read, input and target, stacks of threads, the code itself.
    let beside = 12 << 20;
    let input: Vec<f32> = (0..shape.len()).map(|i| (i * 7919 % 1009) as f32 / 1009.0).collect();
    // The peak only ever rises, so what takes least comes first.
    {
        let mut session = Session::<f32>::new(&network, &network.initial_weights(1).unwrap(), Kernels::Fast).unwrap();
        session.set_precision(Precision::Bfloat16);
        let predicted = session.forecast(shape, Purpose::Inference).unwrap().peak_bytes;
        for _ in 0..3 {
            session.infer(shape, &input).unwrap();
        }
        let real = status("VmHWM:").unwrap() - before;
        println!("inference in bfloat16: {real} bytes, {predicted} were forecast");
        assert!(real <= predicted + predicted / 20 + beside, "more than forecast");
        assert!(real >= predicted - predicted / 8, "less than forecast");
    }
    for max_bytes in [Some((free + least) / 2), None] {
        let weights = network.initial_weights(1).unwrap();
        let mut session = Session::<f32>::new(&network, &weights, Kernels::Fast).unwrap();
        session.set_max_bytes(max_bytes);
        let predicted = session.forecast(shape, purpose).unwrap().peak_bytes;
        let target: Vec<u8> = (0..shape.voxels()).map(|i| u8::from(i % 97 == 0)).collect();
        let step = Step { loss, freeze_encoder: false, adam: Adam::default(), learning_rate: LearningRate::same(1e-3) };
        for _ in 0..4 {
            session.train_step(shape, &input, &target, &step).unwrap();
        }
        let real = status("VmHWM:").unwrap() - before;
        println!("within {max_bytes:?}: {real} bytes, {predicted} were forecast");
        assert!(real <= predicted + predicted / 20 + beside, "more than forecast");
        assert!(real >= predicted - predicted / 8, "less than forecast");
    }
}

/// A line of what Linux says of this process, in bytes.
fn status(name: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let value = status.lines().find_map(|line| line.strip_prefix(name))?.trim().strip_suffix(" kB")?.parse().ok()?;
    1024_u64.checked_mul(value)
}
