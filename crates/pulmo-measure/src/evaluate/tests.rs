use super::*;
use pulmo_ct::{Affine, Grid, LabelMap, Spacing};

fn row(labels: &[u8]) -> LabelMap {
    let affine = Affine::axial(Spacing::new([10.0, 10.0, 10.0]).unwrap(), [0.0; 3]);
    LabelMap::new(Grid::new([1, 1, labels.len()], affine).unwrap(), labels.to_vec()).unwrap()
}

fn protocol(network_shape: Option<[usize; 3]>) -> Protocol {
    Protocol { network_shape, ..Protocol::of(vec![Label { name: "infiltrate".into(), value: 1 }]) }
}

fn case(name: &str, reference: &[u8], prediction: &[u8], protocol: &Protocol) -> CaseResult {
    let measures = measure_case(&row(reference), &row(prediction), protocol).unwrap();
    let facts = CaseFacts::of_case(name).with_measures(&measures, protocol);
    CaseResult { case: name.into(), facts, outcome: Outcome::Measured(measures) }
}

#[test]
fn macro_counts_cases_and_micro_counts_voxels() {
    let protocol = protocol(None);
    let failure = Failure { cause: Cause::PredictionMissing, reason: "prediction missing".into(), hint: None };
    let cases = [
        case("a", &[1, 1, 0, 0], &[1, 1, 0, 0], &protocol),
        case("b", &[1, 1, 1, 1], &[0, 0, 0, 0], &protocol),
        case("c", &[0, 0, 0, 0], &[0, 0, 0, 0], &protocol),
        CaseResult { case: "d".into(), facts: CaseFacts::of_case("d"), outcome: Outcome::Failed(failure) },
    ];
    let rows = summarise(&cases, &protocol);
    let dice = rows.iter().find(|r| r.metric == "dice").unwrap();
    let over_cases = dice.over_cases.unwrap();
    assert_eq!((over_cases.n, over_cases.left_out, over_cases.mean), (2, 1, 0.5));
    assert_eq!(dice.pooled, Some(2.0 * 2.0 / 8.0));
    let volume = rows.iter().find(|r| r.metric == "volume_error_ml").unwrap();
    assert_eq!((volume.over_cases.unwrap().mean, volume.pooled), (-4.0 / 3.0, None));
}

#[test]
fn the_network_grid_sees_other_voxels_and_gives_no_volumes() {
    let protocol = protocol(Some([1, 1, 2]));
    let Outcome::Measured(measures) = case("a", &[1, 1, 0, 0], &[1, 0, 0, 0], &protocol).outcome else {
        panic!("not measured")
    };
    let [native, network] = &measures.results[..] else { panic!("two grids") };
    assert_eq!((native.grid, native.metrics[0].value), (MeasuredOn::Native, Some(2.0 / 3.0)));
    assert_eq!((native.reference_ml, native.prediction_ml), (Some(2.0), Some(1.0)));
    assert_eq!((network.grid, network.metrics[0].value), (MeasuredOn::Network, Some(1.0)));
    assert_eq!(network.reference_ml, None);
    assert!(network.metrics.iter().all(|m| m.unit == "1"));
}

#[test]
fn unlisted_labels_and_other_grids_are_not_passed_over() {
    let protocol = protocol(None);
    let measures = measure_case(&row(&[1, 2, 0]), &row(&[1, 0, 7]), &protocol).unwrap();
    assert_eq!((measures.unlisted_in_reference, measures.unlisted_in_prediction), (vec![2], vec![7]));
    assert!(measure_case(&row(&[1, 2, 0]), &row(&[1, 0]), &protocol).is_err());
}

#[test]
fn facts_say_whose_case_it_is_and_whether_there_is_a_lesion() {
    let protocol = protocol(None);
    let facts = |reference: &[u8]| case("a", reference, &[1, 0], &protocol).facts;
    let expected = CaseFacts {
        patient: "a".into(),
        slice_spacing_mm: Some(10.0),
        lesion_free: Some(false),
        ..CaseFacts::default()
    };
    assert_eq!(facts(&[0, 1]), expected);
    assert_eq!(facts(&[0, 2]).lesion_free, Some(true), "a label that is not measured is no lesion");
}
