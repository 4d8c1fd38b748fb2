//! COVID-19-CT-Seg of Ma et al.: ten Coronacases in HU and ten Radiopaedia cases in greys, in four zips.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::DatasetKind;
use super::digest;
use super::folder::volume_stem;
use super::import::{Candidate, Cause, Expected, Facts, Found, Reference, Search, Unit, Values};
use super::list::{LabelValue, Split};
use super::nnunet::names;
use super::zips;
use crate::error::{Error, Result};

/// The four parts: zip or folder of this name, and the zip's published SHA-256.
const PARTS: [(&str, &str); 4] = [
    ("COVID-19-CT-Seg_20cases", "a5060480eff9315b069b086312dac4872777901fb80d268a5a83edd9f4e7b440"),
    ("Infection_Mask", "87901c73fdd2230260e61d2dbc57bf56026efc28264006b8ea2bf411453c1694"),
    ("Lung_Mask", "f060b0d0299939a6d95ddefdbfa281de1a779c4d230a5adbd32414711d6d8187"),
    ("Lung_and_Infection_Mask", "34f5a573cb8fb53cb15abe81868395d9addf436854826a6fd6e70c2b294f19c3"),
];

/// The ten Radiopaedia cases: number of the Radiopaedia case, study, series.
const RADIOPAEDIA: [&str; 10] = [
    "4_85506_1",
    "7_85703_0",
    "10_85902_1",
    "10_85902_3",
    "14_85914_0",
    "27_86410_0",
    "29_86490_1",
    "29_86491_1",
    "36_86526_0",
    "40_86625_0",
];

/// The value of infection in `Lung_and_Infection_Mask`.
const INFECTION: u8 = 3;

/// The twenty cases of Ma et al., zipped or unpacked.
#[derive(Debug, Clone, Copy)]
pub struct Covid19CtSeg;

impl DatasetKind for Covid19CtSeg {
    fn name(&self) -> &'static str {
        "covid_19_ct_seg"
    }

    fn about(&self) -> &'static str {
        "COVID-19-CT-Seg (Coronacases and Radiopaedia): the four zips, or folders of their names; Radiopaedia, which is \
         not in HU, is set apart unless --intensity eight_bit asks for it"
    }

    fn options(&self) -> &'static [&'static str] {
        &["masks"]
    }

    fn find(&self, search: &Search<'_>) -> Result<Found> {
        let mut found = Found { facts: facts(), ..Found::default() };
        let with_lungs = match search.options.masks.as_deref() {
            None | Some("infection") => false,
            Some("lung_and_infection") => true,
            Some(other) => {
                let problem = format!("--masks {other}: expected infection or lung_and_infection");
                return Err(Error::Value { problem });
            }
        };
        let mut parts = Vec::with_capacity(PARTS.len());
        for (name, sha256) in PARTS {
            parts.push(part(search, name, sha256, &mut found)?);
        }
        let [images, infection, lungs, both] = parts.as_slice() else { unreachable!("there are four parts") };
        if images.files.is_empty() {
            let problem = format!("neither `{0}.zip` nor a folder `{0}` with volumes lies in it", PARTS[0].0);
            return Err(Error::invalid(search.root, problem, "download it from https://zenodo.org/records/3757476"));
        }
        found.labels = if with_lungs {
            let names = [(1, "left lung"), (2, "right lung"), (INFECTION, "infiltrate")];
            names.map(|(value, name)| (LabelValue(value), name.to_owned())).into()
        } else {
            BTreeMap::from([(LabelValue(1), "infiltrate".to_owned())])
        };
        let published = published();
        for (what, part) in
            [("CTs", images), ("infection masks", infection), ("lung masks", lungs), ("joint masks", both)]
        {
            let here = published.iter().filter(|name| part.get(name).is_some()).count();
            found.expected.push(Expected::new(
                what,
                published.len(),
                here,
                "not all four parts lie here, or not whole",
            ));
        }
        for name in &published {
            let Some(image) = images.get(name) else {
                found.leave_out(name.as_str(), Unit::Case, Cause::Missing, "its CT is not here");
                continue;
            };
            let reference = match (with_lungs, infection.get(name), both.get(name)) {
                (true, _, Some(both)) => Reference::File(both),
                (false, Some(infection), _) => Reference::File(infection),
                (false, None, Some(file)) => Reference::Made(Box::new(Values { file, values: vec![INFECTION] })),
                _ => {
                    found.leave_out(name.as_str(), Unit::Case, Cause::Missing, "its mask is not here");
                    continue;
                }
            };
            found.candidates.push(candidate(name, image, reference, lungs.get(name)));
        }
        let foreign: Vec<&String> = images.files.keys().filter(|name| !published.contains(name.as_str())).collect();
        for name in foreign {
            found.leave_out(name.as_str(), Unit::Case, Cause::Foreign, "not one of the twenty published cases");
        }
        let split =
            "all cases are for testing, as in the paper that this program follows; `pulmo data split` makes others";
        found.remarks.push(split.to_owned());
        Ok(found)
    }
}

fn facts() -> Facts {
    Facts::fixed([
        "COVID-19-CT-Seg",
        "https://doi.org/10.5281/zenodo.3757476",
        "CC BY-NC-SA 4.0",
        "may be used, changed and shared with credit, not for commercial purposes, and what is made of it only under the \
         same licence; a model trained on it is best taken to inherit this",
        "Ma J, Wang Y, An X, et al. Toward data-efficient learning: A benchmark for COVID-19 CT lung and infection \
         segmentation. Medical Physics 2021;48(3):1197-1210",
        "",
    ])
}

fn published() -> BTreeSet<String> {
    let coronacases = (1..=10).map(|number| format!("coronacases_{number:03}"));
    coronacases.chain(RADIOPAEDIA.iter().map(|name| format!("radiopaedia_{name}"))).collect()
}

fn candidate(name: &str, image: PathBuf, reference: Reference, lungs: Option<PathBuf>) -> Candidate {
    // One Radiopaedia case is one patient, who may have several studies and series.
    let patient = match name.strip_prefix("radiopaedia_").and_then(|rest| rest.split('_').next()) {
        Some(number) => format!("radiopaedia_{number}"),
        None => name.to_owned(),
    };
    let site = name.split('_').next().unwrap_or_default().to_owned();
    let candidate = Candidate::new(name.to_owned(), image, reference);
    Candidate { lungs, patient, site, split: Split::Test, ..candidate }
}

/// The volumes of one part by case name.
#[derive(Default)]
struct Part {
    files: BTreeMap<String, PathBuf>,
}

impl Part {
    fn get(&self, name: &str) -> Option<PathBuf> {
        self.files.get(name).cloned()
    }

    fn of_folder(folder: &Path) -> Self {
        let names = names(folder).unwrap_or_default();
        let named = |file: String| Some((volume_stem(&file)?.to_owned(), folder.join(&file)));
        Self { files: names.into_iter().filter_map(named).collect() }
    }
}

/// A part from its folder, a folder in that folder, or its zip.
fn part(search: &Search<'_>, name: &str, sha256: &str, found: &mut Found) -> Result<Part> {
    for folder in [search.root.join(name), search.root.join(name).join(name)] {
        let part = Part::of_folder(&folder);
        if !part.files.is_empty() {
            return Ok(part);
        }
    }
    let zip = search.root.join(format!("{name}.zip"));
    if !zip.is_file() {
        return Ok(Part::default());
    }
    (search.progress)("checking zips", 0, 1);
    let is_published = digest::of_file(&zip)? == sha256;
    if !is_published {
        found
            .remarks
            .push(format!("`{name}.zip` is not the published file (its SHA-256 differs): another version, or damaged"));
    }
    let folder = search.work.join("unpacked").join(name);
    match zips::unpack(&zip, &folder, search.progress) {
        Ok(left) => {
            for (what, cause, reason) in left {
                found.leave_out(format!("{name}/{what}"), Unit::File, cause, reason);
            }
        }
        Err(Error::Invalid { problem, .. }) => {
            found.leave_out(format!("{name}.zip"), Unit::File, Cause::Damaged, problem);
        }
        Err(error) => return Err(error),
    }
    Ok(Part::of_folder(&folder))
}
