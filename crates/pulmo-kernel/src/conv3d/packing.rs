//! Channels of lines packed side by side, as the outer products of the weight gradient read them.

use super::aligned::Aligned;

/// Some channels that are packed together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Panel {
    pub(super) first: usize,
    pub(super) count: usize,
    /// Floats that a voxel takes, at least `count`.
    pub(super) width: usize,
}

/// Where the channels of packed voxels lie: `[point][panel][place][width]`.
pub(super) struct Packing<'a> {
    panels: &'a [Panel],
    /// Voxels there is room for, and those of a line.
    places: usize,
    line: usize,
}

/// A line to pack: where its voxels begin, how many floats lie between them, and which channel comes first.
#[derive(Clone, Copy)]
pub(super) struct Line<'a> {
    pub(super) floats: &'a [f32],
    pub(super) pitch: usize,
    pub(super) first: usize,
}

impl<'p> Packing<'p> {
    /// Room for so many lines of `line` voxels.
    pub(super) fn new(panels: &'p [Panel], lines: usize, line: usize) -> Self {
        Self { panels, places: lines * line, line }
    }

    /// Floats of a voxel.
    fn width(&self) -> usize {
        self.panels.iter().map(|panel| panel.width).sum()
    }

    /// Floats of all points.
    pub(super) fn len(&self, points: usize) -> usize {
        points * self.places * self.width()
    }

    /// A panel's voxels at one point.
    pub(super) fn panel<'a>(&self, packed: &'a Aligned, point: usize, panel: usize) -> &'a [f32] {
        let before: usize = self.panels[..panel].iter().map(|panel| panel.width).sum();
        let start = (point * self.width() + before) * self.places;
        &packed.as_slice()[start..start + self.places * self.panels[panel].width]
    }

    /// Packs a line at one point as the `slot`th.
    pub(super) fn pack(&self, line: Line<'_>, (point, slot): (usize, usize), packed: &mut Aligned) {
        let mut start = point * self.width() * self.places;
        for panel in self.panels {
            let to = &mut packed.as_mut()[start + slot * self.line * panel.width..][..self.line * panel.width];
            line.pack(panel, to);
            start += panel.width * self.places;
        }
    }
}

impl Line<'_> {
    /// Packs the channels of a panel.
    ///
    /// What lies in the floats behind `count` does not matter: sums of those rows and columns are never written out.
    fn pack(&self, panel: &Panel, to: &mut [f32]) {
        // Copies of a length known to the compiler are a few moves instead of a library call.
        match panel.width {
            1 => self.pack_fixed::<1>(panel, to),
            2 => self.pack_fixed::<2>(panel, to),
            3 => self.pack_fixed::<3>(panel, to),
            4 => self.pack_fixed::<4>(panel, to),
            7 => self.pack_fixed::<7>(panel, to),
            8 => self.pack_fixed::<8>(panel, to),
            9 => self.pack_fixed::<9>(panel, to),
            10 => self.pack_fixed::<10>(panel, to),
            11 => self.pack_fixed::<11>(panel, to),
            12 => self.pack_fixed::<12>(panel, to),
            13 => self.pack_fixed::<13>(panel, to),
            14 => self.pack_fixed::<14>(panel, to),
            16 => self.pack_fixed::<16>(panel, to),
            32 => self.pack_fixed::<32>(panel, to),
            width => {
                for (voxel, to) in to.chunks_exact_mut(width).enumerate() {
                    to[..panel.count].copy_from_slice(&self.voxel(voxel, panel)[..panel.count]);
                }
            }
        }
    }

    /// [`Self::pack`] for one width; reads past `count` where there is something to read.
    fn pack_fixed<const WIDTH: usize>(&self, panel: &Panel, to: &mut [f32]) {
        let (places, _) = to.as_chunks_mut::<WIDTH>();
        for (voxel, to) in places.iter_mut().enumerate() {
            let from = self.voxel(voxel, panel);
            match from.first_chunk::<WIDTH>() {
                Some(from) => *to = *from,
                None => to[..panel.count].copy_from_slice(&from[..panel.count]),
            }
        }
    }

    #[inline(always)]
    fn voxel(&self, voxel: usize, panel: &Panel) -> &[f32] {
        &self.floats[voxel * self.pitch + panel.first - self.first..]
    }
}
