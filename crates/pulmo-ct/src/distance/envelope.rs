//! The lower envelope of parabolas along one line: which site is nearest to each place.

/// A site seen from a line: where along the line, how far from the line (squared), and what the caller knows of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Site {
    /// Position along the line in mm.
    pub at: f64,
    /// Squared distance from the line in mm².
    pub height: f64,
    /// The caller's name for it.
    pub key: u32,
    /// Its number along the line.
    pub index: u32,
}

impl Site {
    fn squared_from(&self, at: f64) -> f64 {
        let along = at - self.at;
        along * along + self.height
    }
}

/// The sites of one line that are nearest somewhere, in order of position.
#[derive(Debug, Default)]
pub(super) struct Envelope {
    sites: Vec<Site>,
}

impl Envelope {
    /// Forgets all sites and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.sites.clear();
    }

    /// Whether there is no site.
    pub(super) fn is_empty(&self) -> bool {
        self.sites.is_empty()
    }

    /// Adds a site that lies further along the line than all before.
    #[inline]
    pub(super) fn push(&mut self, new: Site) {
        while let [.., before, last] = &self.sites[..] {
            if !hidden(before, last, &new) {
                break;
            }
            self.sites.pop();
        }
        self.sites.push(new);
    }

    /// A walk along the line, from its start to its end.
    pub(super) fn walk(&self) -> Walk<'_> {
        Walk { sites: &self.sites, current: 0 }
    }
}

/// Whether `middle` is nowhere nearer than the sites on both its sides (Maurer's test).
#[inline]
fn hidden(left: &Site, middle: &Site, right: &Site) -> bool {
    let (to_middle, to_right) = (middle.at - left.at, right.at - middle.at);
    let whole = right.at - left.at;
    whole * middle.height - to_right * left.height - to_middle * right.height - to_middle * to_right * whole >= 0.0
}

/// Answers for rising positions.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    sites: &'a [Site],
    current: usize,
}

impl Walk<'_> {
    /// The site nearest to `at`, which is not before the last one asked for. The envelope must not be empty.
    #[inline]
    pub(super) fn nearest(&mut self, at: f64) -> &Site {
        let mut squared = self.sites[self.current].squared_from(at);
        while let Some(next) = self.sites.get(self.current + 1) {
            let next = next.squared_from(at);
            if next > squared {
                break;
            }
            squared = next;
            self.current += 1;
        }
        &self.sites[self.current]
    }
}
