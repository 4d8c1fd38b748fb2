//! What the program takes beside a network.

/// Bytes that the program takes beside network and volumes: its code, its threads, a batch on its way.
///
/// Part of every predicted peak, of a training and of a segmentation.
pub const PROGRAM_BYTES: u64 = 64 << 20;
