use super::*;

fn region(id: &str, group: &str, percent: f64, lung_ml: f64) -> Region {
    Region {
        id: id.to_owned(),
        group: group.to_owned(),
        rule: String::new(),
        lung_ml,
        opacity_ml: lung_ml * percent / 100.0,
        percent: Some(percent),
    }
}

fn points(rubric: &Rubric, percent: f64) -> u32 {
    let regions = [region(rubric.regions[0], "", percent, 1000.0)];
    let one = Rubric { regions: &rubric.regions[..1], ..*rubric };
    one.score(&regions, &Options::default()).unwrap().points
}

#[test]
fn every_class_begins_where_its_source_prints_it() {
    for (id, expected) in [
        (
            "pan25",
            &[
                (0.0, 0),
                (0.1, 1),
                (4.999, 1),
                (5.0, 2),
                (25.0, 2),
                (26.0, 3),
                (49.0, 3),
                (50.0, 4),
                (75.0, 4),
                (75.1, 5),
            ][..],
        ),
        ("tss20", &[(0.0, 0), (1.0, 1), (25.0, 1), (26.0, 2), (50.0, 2), (51.0, 3), (75.0, 3), (76.0, 4), (100.0, 4)]),
        ("zones24", &[(0.0, 0), (24.99, 1), (25.0, 2), (49.99, 2), (50.0, 3), (74.99, 3), (75.0, 4), (100.0, 4)]),
        ("height_thirds24", &[(0.0, 0), (24.99, 1), (25.0, 2), (75.0, 4)]),
        ("mosmed", &[(0.0, 0), (1.0, 1), (24.9, 1), (25.0, 2), (49.9, 2), (50.0, 3), (75.0, 3), (75.01, 4)]),
    ] {
        let rubric = ALL.iter().find(|rubric| rubric.id == id).unwrap();
        for &(percent, points_expected) in expected {
            assert_eq!(points(rubric, percent), points_expected, "{id} at {percent} %");
        }
    }
}

#[test]
fn gaps_go_to_the_lower_class_and_say_so() {
    for (id, percent, expected) in [
        ("pan25", 25.5, 2),
        ("pan25", 49.5, 3),
        ("tss20", 25.5, 1),
        ("tss20", 50.5, 2),
        ("tss20", 75.5, 3),
        ("tss20", 0.5, 1),
    ] {
        let rubric = ALL.iter().find(|rubric| rubric.id == id).unwrap();
        assert_eq!(points(rubric, percent), expected, "{id} at {percent} %");
        assert!(rubric.gap_rule.unwrap().contains("25.5 %"));
    }
}

#[test]
fn below_the_floor_a_region_scores_nothing() {
    let score = |percent, lung_ml| {
        let regions = [region("both", "lungs", percent, lung_ml)];
        mosmed::MOSMED.score(&regions, &Options::default()).unwrap().points
    };
    assert_eq!(score(0.11, 1000.0), 1, "1.1 mL and 0.11 %");
    assert_eq!(score(0.09, 1000.0), 0, "0.9 mL, but 0.09 %");
    assert_eq!(score(0.5, 10.0), 0, "0.5 %, but 0.05 mL");
    assert_eq!(score(1.0, 11.0), 1, "0.11 mL and 1 %");
    let none = Options { score_floor_ml: 0.0, score_floor_percent: 0.0, ..Options::default() };
    let regions = [region("both", "lungs", 0.0, 1000.0)];
    assert_eq!(mosmed::MOSMED.score(&regions, &none).unwrap().text, "CT-0", "no opacity is no floor's business");
}

#[test]
fn a_score_without_its_regions_is_left_out_with_its_reason() {
    let mut regions = vec![region("both", "lungs", 10.0, 4000.0)];
    for side in ["left", "right"] {
        for third in ["upper", "middle", "lower"] {
            regions.push(region(&format!("{side}_{third}"), "height_thirds", 30.0, 600.0));
        }
    }
    let ids = |scores: &[Score]| scores.iter().map(|score| score.id.clone()).collect::<Vec<_>>();
    let (given, left_out) = scores(&regions, &Options::default());
    assert_eq!(ids(&given), ["height_thirds24", "mosmed"]);
    assert_eq!(given[0].points, 12);
    assert_eq!(given[0].most, 24);
    let why: Vec<(&str, &str)> = left_out.iter().map(|l| (l.id.as_str(), l.reason_id.as_str())).collect();
    assert_eq!(why, [("pan25", "no_lobe_map"), ("tss20", "no_lobe_map"), ("zones24", "no_landmarks")]);

    for side in ["left", "right"] {
        for zone in ["upper", "middle", "lower"] {
            regions.push(region(&format!("{side}_{zone}_zone"), "zones", 80.0, 600.0));
        }
    }
    for (k, lobe) in super::super::lobes::LOBES.iter().enumerate() {
        regions.push(region(lobe, "lobes", [0.0, 3.0, 20.0, 40.0, 90.0][k], 800.0));
    }
    let (given, left_out) = scores(&regions, &Options::default());
    assert_eq!(ids(&given), ["pan25", "tss20", "zones24", "mosmed"], "no thirds under the name of zones");
    assert!(left_out.is_empty());
    assert_eq!(given[0].points, 1 + 2 + 3 + 5);
    assert_eq!(given[1].points, 1 + 1 + 2 + 4);
    assert_eq!(given[2].points, 24);
    assert_eq!(given[3].text, "CT-1");

    regions.retain(|region| region.id != "right_middle_lobe");
    let (_, left_out) = scores(&regions, &Options::default());
    assert_eq!(left_out[0].reason_id, "region_missing");
    assert!(left_out[0].reason.contains("right_middle_lobe"));
}

#[test]
fn contract() {
    for rubric in ALL {
        assert_eq!(ALL.iter().filter(|other| other.id == rubric.id).count(), 1, "{}", rubric.id);
        assert!(rubric.classes.windows(2).all(|pair| pair[0].from_percent < pair[1].from_percent), "{}", rubric.id);
        assert!(rubric.classes.windows(2).all(|pair| pair[0].points < pair[1].points), "{}", rubric.id);
        assert_eq!(rubric.classes[0].from_percent, 0.0, "{}: the first class begins at the floor", rubric.id);
        assert!(!rubric.source.is_empty(), "{}", rubric.id);
    }
}
