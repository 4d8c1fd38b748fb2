//! Numbers beside those of scipy, statsmodels and numpy: `oracles/statistics`.

use super::bland_altman::agreement;
use super::bootstrap::clustered_mean_interval;
use super::cluster::Clusters;
use super::holm::holm;
use super::permutation::sign_flips;
use super::runs::spread;
use super::wilcoxon::signed_rank;
use super::{Interval, Resampling};
use serde_json::Value;

fn truth(part: &str) -> Vec<Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../oracles/statistics/truth.json");
    let truth: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let part = truth[part].as_array().cloned().unwrap_or_else(|| vec![truth[part].clone()]);
    assert!(!part.is_empty() && !part[0].is_null());
    part
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

fn keys(value: &Value) -> Vec<u64> {
    value.as_array().unwrap().iter().map(|x| x.as_u64().unwrap()).collect()
}

fn close(found: f64, expected: f64, tolerance: f64, what: &str) {
    assert!((found - expected).abs() <= tolerance, "{what}: found {found}, expected {expected}");
}

fn ends_close(found: &Interval, expected: &Value, tolerance: f64, what: &str) {
    let expected = numbers(expected);
    close(found.low, expected[0], tolerance, what);
    close(found.high, expected[1], tolerance, what);
}

fn how(entry: &Value) -> Resampling {
    let level = entry["level"].as_f64().unwrap_or(0.95);
    let resamples = entry["resamples"].as_u64().unwrap() as usize;
    Resampling { seed: entry["seed"].as_u64().unwrap(), resamples, level }
}

#[test]
fn bootstrap_agrees_with_numpy_and_scipy() {
    for entry in truth("bootstrap") {
        let (values, patients) = (numbers(&entry["values"]), keys(&entry["patients"]));
        let found = clustered_mean_interval(&values, &patients, &how(&entry)).unwrap();
        ends_close(&found, &entry["same_draws"], 1e-12, "the same draws");
        // The end of a 95 % interval from 10,000 draws has a standard error of some 0.027 SD of the drawn means.
        let many =
            clustered_mean_interval(&values, &patients, &Resampling { resamples: 10_000, ..how(&entry) }).unwrap();
        ends_close(&many, &entry["scipy"], 0.1 * entry["sd_of_means"].as_f64().unwrap(), "scipy's draws");
    }
}

#[test]
fn wilcoxon_agrees_with_scipy() {
    for entry in truth("wilcoxon") {
        let differences = numbers(&entry["differences"]);
        let found = signed_rank(&differences).unwrap();
        let what = format!("{} differences, {:?}", differences.len(), found.distribution);
        close(found.p, entry["p"].as_f64().unwrap(), 1e-12, &what);
        let smaller = found.positive_rank_sum.min(found.negative_rank_sum);
        assert_eq!(smaller, entry["statistic"].as_f64().unwrap(), "{what}");
    }
}

#[test]
fn permutation_agrees_with_scipy() {
    for entry in truth("permutation") {
        let clusters = Clusters::of(&numbers(&entry["values"]), &keys(&entry["patients"]));
        let found = sign_flips(&clusters, &Resampling::default()).unwrap();
        assert!(found.exact);
        close(found.p, entry["p"].as_f64().unwrap(), 1e-12, "all arrangements");
    }
    for entry in truth("drawn") {
        let values = numbers(&entry["values"]);
        let found = sign_flips(&Clusters::of(&values, &(0..values.len()).collect::<Vec<_>>()), &how(&entry)).unwrap();
        assert!(!found.exact);
        close(found.p, entry["p"].as_f64().unwrap(), 1e-12, "the same draws");
        close(found.p, entry["normal"].as_f64().unwrap(), 0.03, "normal approximation");
    }
}

#[test]
fn holm_agrees_with_statsmodels() {
    for entry in truth("holm") {
        let p: Vec<Option<f64>> = numbers(&entry["p"]).into_iter().map(Some).collect();
        for (found, expected) in holm(&p).into_iter().zip(numbers(&entry["corrected"])) {
            close(found.unwrap(), expected, 1e-12, "Holm");
        }
    }
}

#[test]
fn bland_altman_agrees_with_scipy() {
    for entry in truth("bland_altman") {
        let found = agreement(&numbers(&entry["differences"]), entry["level"].as_f64().unwrap()).unwrap();
        close(found.bias, entry["bias"].as_f64().unwrap(), 1e-12, "bias");
        close(found.sd, entry["sd"].as_f64().unwrap(), 1e-12, "SD");
        ends_close(&found.bias_interval, &entry["bias_interval"], 1e-9, "bias");
        ends_close(&found.lower_interval, &entry["lower_interval"], 1e-9, "lower limit");
        ends_close(&found.upper_interval, &entry["upper_interval"], 1e-9, "upper limit");
        if found.n >= 40 {
            // The exact interval is shifted outwards by less than 0.15 SD from 40 pairs on.
            ends_close(&found.upper_interval, &entry["upper_exact"], 0.15 * found.sd, "exact interval of the limit");
        }
    }
}

#[test]
fn spread_over_runs_agrees_with_numpy() {
    for entry in truth("spread") {
        let runs: Vec<Vec<Option<f64>>> =
            entry["runs"].as_array().unwrap().iter().map(|run| numbers(run).into_iter().map(Some).collect()).collect();
        let found = spread(&runs).unwrap();
        for (found, expected) in found.run_means.iter().zip(numbers(&entry["means"])) {
            close(*found, expected, 1e-12, "mean of a run");
        }
        close(found.over_runs.mean, entry["mean"].as_f64().unwrap(), 1e-12, "mean");
        close(found.over_runs.sd.unwrap(), entry["sd"].as_f64().unwrap(), 1e-12, "SD over runs");
        close(found.case_sd.unwrap(), entry["case_sd"].as_f64().unwrap(), 1e-12, "SD of a case");
    }
}
