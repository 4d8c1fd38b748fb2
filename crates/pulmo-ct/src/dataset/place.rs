//! Paths in `data.toml`: relative to the file where they lie near it, and below `{root}` where they lie in an archive.

use std::path::{Component, Path, PathBuf};

/// What stands for the archive's folder at the beginning of a path.
const ROOT: &str = "{root}";
/// How many folders up a relative path may lead before an absolute one is plainer.
const UP_AT_MOST: usize = 3;

/// Where the paths of one `data.toml` begin.
#[derive(Debug)]
pub(super) struct Places {
    folder: PathBuf,
    pub(super) root: Option<PathBuf>,
}

impl Places {
    /// For a file in `folder` whose `root` is as it stands there.
    pub(super) fn of_file(folder: &Path, root: Option<&Path>) -> Self {
        Self { folder: folder.to_owned(), root: root.map(|root| folder.join(root)) }
    }

    /// The path that is meant; `None` if it needs a root and there is none.
    pub(super) fn find(&self, written: &Path) -> Option<PathBuf> {
        match written.strip_prefix(ROOT) {
            Ok(below) => Some(self.root.as_ref()?.join(below)),
            Err(_) => Some(self.folder.join(written)),
        }
    }
}

/// How an absolute path is written in a file in `base`, also absolute.
pub(super) fn shorten(path: &Path, base: &Path, root: Option<&Path>) -> PathBuf {
    if let Ok(below) = path.strip_prefix(base) {
        return if below.as_os_str().is_empty() { PathBuf::from(".") } else { below.to_owned() };
    }
    if let Some(Ok(below)) = root.map(|root| path.strip_prefix(root)) {
        return Path::new(ROOT).join(below);
    }
    let same = path.components().zip(base.components()).take_while(|(a, b)| a == b).count();
    let up = base.components().count() - same;
    let shared_more_than_the_system = path.components().take(same).any(|part| matches!(part, Component::Normal(_)));
    if up > UP_AT_MOST || !shared_more_than_the_system {
        return path.to_owned();
    }
    let ups = std::iter::repeat_n(Component::ParentDir, up);
    ups.chain(path.components().skip(same)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shortened_is_found_again() {
        let base = Path::new("/srv/me/lists");
        let root = Path::new("/data/archive");
        for (path, written) in [
            ("/srv/me/lists/masks/a.nii.gz", "masks/a.nii.gz"),
            ("/data/archive/ct/a.nii.gz", "{root}/ct/a.nii.gz"),
            ("/srv/me/other/a.nii.gz", "../other/a.nii.gz"),
            ("/media/disk/a.nii.gz", "/media/disk/a.nii.gz"),
        ] {
            let short = shorten(Path::new(path), base, Some(root));
            assert_eq!(short, Path::new(written));
            let found = Places::of_file(base, Some(root)).find(&short).unwrap();
            assert!(found == Path::new(path) || written.starts_with(".."), "{path}");
        }
        assert!(Places::of_file(base, None).find(Path::new("{root}/a")).is_none());
        assert_eq!(shorten(base, base, None), Path::new("."));
    }
}
