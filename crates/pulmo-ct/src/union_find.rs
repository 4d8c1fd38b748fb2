//! Sets that are joined one pair at a time: which things hang together.
//!
//! `parent` holds for each thing another one of its set; roots are their own. All begin as their own roots.

/// The first thing of the set that `thing` is in; paths are halved on the way.
pub(crate) fn root(parent: &mut [u32], mut thing: u32) -> u32 {
    while parent[thing as usize] != thing {
        let up = parent[parent[thing as usize] as usize];
        parent[thing as usize] = up;
        thing = up;
    }
    thing
}

/// Joins two sets under the earlier root.
pub(crate) fn unite(parent: &mut [u32], a: u32, b: u32) {
    let (a, b) = (root(parent, a), root(parent, b));
    parent[a.max(b) as usize] = a.min(b);
}
