//! `pulmo data split`: who is learnt from, who validates, who tests.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use pulmo::ct::dataset::fold::{self, Fold};
use pulmo::ct::dataset::published::PublishedFolds;
use pulmo::ct::dataset::{DataList, Split, published};
use pulmo::ct::folder::MadeFolder;

use crate::terminal::{Terminal, advice};

/// Splits a data set by patient and writes a list for each split, ready for pulmo train.
///
/// All cases of a patient stay together, and the seed alone decides. With --folds, patients are dealt into parts that
/// are alike in site and in volume of infiltrates, and each part validates once. FOLDER gets fold_0.toml, fold_1.toml,
/// ... (or split.toml) and splits_final.json, which nnU-Net reads too. Cases for testing stay so; --retest gives them up.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("rule").required(true).args(["folds", "validation", "by_site", "from", "published"])))]
#[command(after_help = "Examples:\n  \
    pulmo data split data.toml -o splits --folds 5 --seed 1\n  \
    pulmo data split data.toml -o split --validation 0.15 --test 0.15\n  \
    pulmo data split data.toml -o sites --by-site\n  \
    pulmo data split data.toml -o theirs --from splits_final.json\n  \
    pulmo data split ma/data.toml -o ma_folds --published ma_2021")]
pub(super) struct Args {
    /// The list.
    #[arg(value_name = "DATA")]
    data: PathBuf,

    /// Where the lists go.
    #[arg(long, short, value_name = "FOLDER")]
    output: PathBuf,

    /// Deal the patients into N parts, alike in site and volume.
    #[arg(long, value_name = "N")]
    folds: Option<usize>,

    /// The part of the patients that validates, such as 0.2.
    #[arg(long, value_name = "PART")]
    validation: Option<f64>,

    /// The part of the patients that tests.
    #[arg(long, value_name = "PART", requires = "validation", default_value_t = 0.0)]
    test: f64,

    /// Validate on each site in turn, and learn from the others.
    #[arg(long)]
    by_site: bool,

    /// Take the folds of a splits_final.json.
    #[arg(long, value_name = "JSON")]
    from: Option<PathBuf>,

    /// Take folds that others have published: ma_2021 or nnunet_covid_19_ct_seg, both of COVID-19-CT-Seg's twenty cases.
    /// Those that the list has not are passed over; a patient on both sides stays there and is named.
    #[arg(long, value_name = "NAME", value_parser = clap::builder::PossibleValuesParser::new(
        published::ALL.iter().map(|folds| folds.name)))]
    published: Option<String>,

    /// Deal out cases that are for testing too.
    #[arg(long)]
    retest: bool,

    /// Another seed gives another split.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

pub(super) fn run(args: Args, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let mut list = super::load(&args.data)?;
    if args.retest {
        list.cases.iter_mut().for_each(|case| case.split = Split::Train);
    }
    let splits = match args.published.as_deref().and_then(published::named) {
        Some(folds) => as_published(folds, &list, terminal)?,
        None => splits(&args, &list)?,
    };
    let _folder = MadeFolder::make(&args.output)?;
    let mut folds = Vec::with_capacity(splits.len());
    for (name, list) in &splits {
        let path = args.output.join(format!("{name}.toml"));
        list.save(&path).with_context(|| format!("cannot write `{}`", path.display()))?;
        let of = |split| -> Vec<String> { list.of_split(split).map(|case| case.name.clone()).collect() };
        folds.push(Fold { train: of(Split::Train), val: of(Split::Validation) });
        terminal.data(&format!("{}: {}", path.display(), counts(list)))?;
    }
    fold::write(&args.output.join("splits_final.json"), &folds)?;
    Ok(ExitCode::SUCCESS)
}

/// Lists by the name of their file.
fn splits(args: &Args, list: &DataList) -> anyhow::Result<Vec<(String, DataList)>> {
    let numbered = |folds: Vec<Fold>| -> anyhow::Result<Vec<(String, DataList)>> {
        let folds = folds.iter().enumerate();
        folds.map(|(at, fold)| Ok((format!("fold_{at}"), list.with_fold(fold)?))).collect()
    };
    let retest = "cases for testing are not dealt out; --retest gives them up";
    if let Some(folds) = args.folds {
        let dealt = list.folds(folds, args.seed).map_err(|error| advice(error.to_string(), retest))?;
        return numbered(dealt);
    }
    if let Some(file) = &args.from {
        return numbered(fold::read(file)?);
    }
    if args.by_site {
        let folds = list.leave_one_site_out().map_err(|error| {
            advice(error.to_string(), "give every case its `site` in the list; ".to_owned() + retest)
        })?;
        let name =
            |site: &str| -> String { site.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect() };
        let with = |(site, fold): &(String, Fold)| Ok((format!("without_{}", name(site)), list.with_fold(fold)?));
        return folds.iter().map(with).collect();
    }
    let mut split = list.clone();
    let validation = args.validation.unwrap_or_default();
    if list.of_split(Split::Test).count() > 0 && args.test == 0.0 {
        // Those for testing stay; the others are dealt out among themselves.
        let mut others = DataList { cases: Vec::new(), ..list.clone() };
        others.cases = list.cases.iter().filter(|case| case.split != Split::Test).cloned().collect();
        others.split_by_patient(validation, 0.0, args.seed)?;
        let dealt = |name: &str| others.cases.iter().find(|case| case.name == name).map(|case| case.split);
        split.cases.iter_mut().for_each(|case| case.split = dealt(&case.name).unwrap_or(Split::Test));
    } else {
        split.split_by_patient(validation, args.test, args.seed)?;
    }
    Ok(vec![("split".to_owned(), split)])
}

/// The folds as they are, with a word on what that means for this list.
fn as_published(
    published: &PublishedFolds,
    list: &DataList,
    terminal: &Terminal,
) -> anyhow::Result<Vec<(String, DataList)>> {
    terminal.say(&format!("{}: {}", published.name, published.source));
    let folds = published.folds();
    let mut lists = Vec::with_capacity(folds.len());
    for (at, fold) in folds.iter().enumerate() {
        let with = match list.with_fold_as_is(fold) {
            Ok(with) => with,
            Err(error) => {
                terminal.warn(&format!("fold {at} is left out: {error}"));
                continue;
            }
        };
        let torn = with.on_both_sides();
        if !torn.is_empty() {
            let names = torn.join(", ");
            terminal.warn(&format!("fold {at} as published has a patient on both sides: that of {names}"));
        }
        lists.push((format!("fold_{at}"), with));
    }
    if lists.is_empty() {
        let hint = format!("these folds are for a list of `pulmo import {}`", published.dataset);
        return Err(advice("the list has none of the published cases".to_owned(), &hint));
    }
    let known = folds[0].train.len() + folds[0].val.len();
    let here =
        list.cases.iter().filter(|case| folds[0].train.iter().chain(&folds[0].val).any(|name| *name == case.name));
    let here = here.count();
    if here < known {
        terminal.warn(&format!("the list has {here} of the {known} published cases; the folds hold these alone"));
    }
    Ok(lists)
}

fn counts(list: &DataList) -> String {
    let of = |split: Split| format!("{} {}", list.of_split(split).count(), split.name());
    [Split::Train, Split::Validation, Split::Test].map(of).join(", ")
}
