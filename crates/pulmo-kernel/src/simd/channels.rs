//! Channels a few at a time, so that a loop over voxels keeps what belongs to them in registers.

/// Work on channels-last voxels that goes channel by channel. A trait and no closure, for that the compiler must inline it.
pub(crate) trait ByChannels {
    /// Does it for the channels `first..first + N` of all voxels; to be `#[inline(always)]`.
    fn channels<const N: usize>(&mut self, first: usize);
}

/// Does work for all channels: in blocks as long as the longest register, and then in shorter ones.
#[inline(always)]
pub(crate) fn by_channels(channels: usize, mut work: impl ByChannels) {
    let mut first = 0;
    while channels - first >= 16 {
        work.channels::<16>(first);
        first += 16;
    }
    if channels - first >= 8 {
        work.channels::<8>(first);
        first += 8;
    }
    if channels - first >= 4 {
        work.channels::<4>(first);
        first += 4;
    }
    while first < channels {
        work.channels::<1>(first);
        first += 1;
    }
}

/// `N` values from `first` on.
///
/// # Panics
/// If there are fewer.
#[inline(always)]
pub(crate) fn block<const N: usize, T>(values: &[T], first: usize) -> &[T; N] {
    values[first..].first_chunk().expect("a block within the channels")
}

/// The same, to write.
#[inline(always)]
pub(crate) fn block_mut<const N: usize, T>(values: &mut [T], first: usize) -> &mut [T; N] {
    values[first..].first_chunk_mut().expect("a block within the channels")
}

/// `N` values, each by its place. The standard `from_fn` is not always inlined.
#[inline(always)]
pub(crate) fn lanes<const N: usize, T: Copy + Default>(value: impl Fn(usize) -> T) -> [T; N] {
    let mut values = [T::default(); N];
    for (place, to) in values.iter_mut().enumerate() {
        *to = value(place);
    }
    values
}
