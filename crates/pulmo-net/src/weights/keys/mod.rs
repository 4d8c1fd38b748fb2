//! From the names in foreign checkpoints to ours: one file per source.

pub(crate) mod faimed3d;
mod torchvision_r3d18;

use crate::{Error, Result, Weights};

/// Where a checkpoint's names come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyTable {
    /// torchvision's `r3d_18`: fills the encoder of "paper".
    Torchvision,
    /// faimed3d's `DynamicUnet3D` as of January 2021 (`layers.0` to `layers.11`): fills all of "paper".
    Faimed3d,
    /// Our own names.
    Pulmo,
}

/// What a table says about a name in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mapping {
    /// Our name for it.
    To(String),
    /// Known and not used, with the reason.
    Unused(&'static str),
    /// Not a name of this source.
    Unknown,
}

impl KeyTable {
    /// All tables.
    pub const ALL: [Self; 3] = [Self::Torchvision, Self::Faimed3d, Self::Pulmo];

    /// The source in words.
    #[must_use]
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Torchvision => "torchvision r3d_18",
            Self::Faimed3d => "faimed3d DynamicUnet3D",
            Self::Pulmo => "pulmo",
        }
    }

    /// Our name for a name in the file.
    #[must_use]
    pub fn our_name(self, key: &str) -> Mapping {
        if key.ends_with(".num_batches_tracked") {
            return Mapping::Unused("counter of batches, not used: the momentum of BatchNorm is fixed");
        }
        match self {
            Self::Torchvision => torchvision_r3d18::our_name(key),
            Self::Faimed3d => faimed3d::our_name(key),
            Self::Pulmo => Mapping::To(key.to_owned()),
        }
    }

    /// Whether the source is expected to fill this tensor of ours.
    #[must_use]
    pub fn fills(self, our_name: &str) -> bool {
        self != Self::Torchvision || our_name.starts_with("encoder.")
    }

    /// The table that knows most of the file's names.
    ///
    /// # Errors
    /// [`Error::Weights`] where no table knows half of them: another network's checkpoint.
    pub fn detect(file: &Weights) -> Result<Self> {
        let known = |table: Self| {
            let is_ours = |name: &str| OUR_BEGINNINGS.iter().any(|begin| name.starts_with(begin));
            file.keys()
                .filter(|key| match table.our_name(key) {
                    Mapping::To(name) => is_ours(&name),
                    Mapping::Unused(_) => !key.ends_with(".num_batches_tracked"),
                    Mapping::Unknown => false,
                })
                .count()
        };
        let counted = file.keys().filter(|key| !key.ends_with(".num_batches_tracked")).count();
        let best = Self::ALL.into_iter().max_by_key(|&table| known(table)).unwrap_or(Self::Pulmo);
        if known(best) == 0 || known(best) * 2 < counted {
            let some: Vec<_> = file.keys().take(3).map(String::as_str).collect();
            return Err(Error::Weights {
                problem: format!("its {} names belong to no known source, for instance `{}`", file.len(), some.join("`, `")),
                hint: "known are torchvision's r3d_18 (`stem.0.weight`), faimed3d's DynamicUnet3D (`layers.0.0.0.weight`) \
                       and files written by pulmo"
                    .into(),
            });
        }
        Ok(best)
    }
}

/// Beginnings of our own names, over all architectures.
const OUR_BEGINNINGS: [&str; 8] =
    ["encoder.", "bridge.", "decoder", "final_up.", "last_cross.", "head.", "stage", "bottleneck."];
