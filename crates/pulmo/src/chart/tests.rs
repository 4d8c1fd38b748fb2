//! Marks land where they must, whatever the values are.

use super::*;

const TITLES: Titles<'_> = Titles { title: "A & B", x: "reference (mL)", y: "prediction (mL)" };

/// Places of the marks in the order in which they are drawn.
fn marks(svg: &str) -> Vec<[f64; 2]> {
    svg.split("data-at=\"")
        .skip(1)
        .map(|rest| {
            let (x, y) = rest.split_once('"').unwrap().0.split_once(',').unwrap();
            [x.parse().unwrap(), y.parse().unwrap()]
        })
        .collect()
}

/// Every number after an attribute's name.
fn numbers(svg: &str, attribute: &str) -> Vec<f64> {
    svg.split(&format!(" {attribute}=\""))
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap().parse().unwrap())
        .collect()
}

/// Places of the points of the polylines.
fn lines(svg: &str) -> Vec<Vec<[f64; 2]>> {
    let pair = |text: &str| {
        let (x, y) = text.split_once(',').unwrap();
        [x.parse().unwrap(), y.parse().unwrap()]
    };
    let list = |rest: &str| rest.split('"').next().unwrap().split(' ').map(pair).collect();
    svg.split(" points=\"").skip(1).map(list).collect()
}

fn point(x: f64, y: f64) -> Point {
    Point { x, y, name: format!("case at {x}"), series: 0 }
}

/// Says what is wrong with a chart that any chart must have.
#[track_caller]
fn is_sound(svg: &str) {
    for part in ["<svg class=\"chart\" viewBox=\"0 0 400 ", "role=\"img\"", "<title>A &#38; B</title>", "<desc>"] {
        assert!(svg.contains(part), "{part}: {svg}");
    }
    let height: f64 = svg.split("viewBox=\"0 0 400 ").nth(1).unwrap().split('"').next().unwrap().parse().unwrap();
    for bad in ["NaN", "inf", "http", "<script"] {
        assert!(!svg.contains(bad), "{bad}: {svg}");
    }
    let all = [marks(svg), lines(svg).concat()].concat();
    for [x, y] in all {
        assert!((0.0..=400.0).contains(&x) && (0.0..=height).contains(&y), "{x}, {y} of 400 x {height}: {svg}");
    }
}

#[test]
fn equal_values_lie_on_the_line_of_equal_values() {
    let svg = scatter(TITLES, &[point(100.0, 100.0), point(50.0, 50.0), point(100.0, 50.0)], &["a"]);
    is_sound(&svg);
    let ([equal], points) = (&lines(&svg)[..], marks(&svg)) else { panic!("{svg}") };
    let slope = (equal[1][1] - equal[0][1]) / (equal[1][0] - equal[0][0]);
    for [x, y] in &points[..2] {
        let on_line = equal[0][1] + slope * (x - equal[0][0]);
        assert!((on_line - y).abs() < 0.02, "{x}, {y}");
    }
    // The axes run from 0 to 100: the first point is at the line's end, the third half-way below it.
    assert_eq!(points[0], equal[1]);
    assert_eq!(points[2][0], points[0][0]);
    assert!((points[2][1] - (equal[0][1] + equal[1][1]) / 2.0).abs() < 0.02);
    assert!(svg.contains("3 points") && svg.contains("0 above"));
}

#[test]
fn bias_and_limits_lie_at_their_heights() {
    let lines_at = Agreement { bias: 10.0, lower: -30.0, upper: 50.0 };
    let svg = bland_altman(TITLES, &[point(100.0, 10.0), point(200.0, -30.0)], Some(lines_at), &["a"]);
    is_sound(&svg);
    let drawn = lines(&svg);
    let heights: Vec<f64> = drawn.iter().map(|line| line[0][1]).collect();
    let points = marks(&svg);
    let [zero, bias, lower, upper] = heights[..] else { panic!("{svg}") };
    assert_eq!((points[0][1], points[1][1]), (bias, lower));
    assert!(((bias - upper) - 4.0 * (zero - bias)).abs() < 0.1, "40 above the bias, which is 10 above 0");
    assert!(svg.contains("bias 10.0, limits of agreement \u{2212}30.0 and 50.0"), "{svg}");
    let none = bland_altman(TITLES, &[point(1.0, 2.0)], None, &["a"]);
    assert_eq!(lines(&none).len(), 1, "only zero");
    let broken = Agreement { upper: f64::NAN, ..lines_at };
    is_sound(&bland_altman(TITLES, &[point(1.0, 2.0)], Some(broken), &["a"]));
}

#[test]
fn bars_count_every_value_once() {
    let values = [0.0, 0.1, 0.2, 0.2, 0.3, 0.5, 0.7, 0.9, 1.0, f64::NAN];
    let svg = histogram(TITLES, &values);
    is_sound(&svg);
    let counts: Vec<usize> = svg
        .split("<rect ")
        .skip(1)
        .map(|bar| bar.split("</title>").next().unwrap().rsplit(": ").next().unwrap().parse().unwrap())
        .collect();
    assert_eq!(counts.iter().sum::<usize>(), 9);
    // Bars of 0.2: 0 and 0.1; 0.2, 0.2 and 0.3; 0.5; 0.7; 0.9 and 1.0, the highest limit.
    assert_eq!(counts, [2, 3, 1, 1, 2]);
    let heights = numbers(&svg, "height");
    assert!((heights[1] / heights[0] - 1.5).abs() < 1e-3 && (heights[2] / heights[0] - 0.5).abs() < 1e-3);
    assert!(svg.contains("1 value is not defined") && svg.contains("median 0.300"), "{svg}");
}

#[test]
fn dots_lie_in_order_and_the_median_between_the_quartiles() {
    let values = vec![(0.9, "c"), (0.1, "a"), (f64::NAN, "none"), (0.5, "b")];
    let svg = strips(TITLES, &[Strip { name: "Dice", values }], &[0.0, 1.0]);
    is_sound(&svg);
    let across: Vec<f64> = marks(&svg).iter().map(|at| at[0]).collect();
    assert!((across[1] - across[0] - (across[2] - across[1])).abs() < 0.02, "equal distances: {across:?}");
    let (left, width) = (numbers(&svg, "x"), numbers(&svg, "width"));
    let quartile = left.iter().find(|x| (**x - (across[0] + across[1]) / 2.0).abs() < 0.02);
    assert!(quartile.is_some(), "the box begins at 0.3: {svg}");
    assert!((width[0] - (across[2] - across[0]) / 2.0).abs() < 0.02);
    assert!(svg.contains("Dice: 3 values, median 0.500, quartiles 0.300 and 0.700, from 0.100 to 0.900. 1 value is"));
}

#[test]
fn curves_begin_and_end_where_they_should_and_break_at_gaps() {
    let falling =
        Curve { name: "training", points: vec![(1.0, 2.0), (2.0, 1.0), (3.0, f64::NAN), (4.0, 1.0), (5.0, 0.0)] };
    let flat = Curve { name: "validation", points: vec![(1.0, 1.0), (5.0, 1.0)] };
    let svg = curves(TITLES, &[falling, flat], &[(2.0, "best"), (99.0, "nowhere")]);
    is_sound(&svg);
    let drawn = lines(&svg);
    assert_eq!(drawn.len(), 1 + 2 + 1, "one event, a broken line, a whole one");
    let (best, flat) = (&drawn[0], &drawn[3]);
    assert_eq!(drawn[1][1][0], best[0][0]);
    assert_eq!(drawn[1][1][1], flat[0][1], "1 is 1 on both lines");
    assert_eq!(drawn[2][1][0], flat[1][0], "both end at 5");
    assert!(svg.contains(">best</text>") && !svg.contains("nowhere"));
    assert!(svg.contains("stroke-dasharray=\"7 3\""), "the second line is dashed");
    assert!(svg.contains("training: 2.00 at first, 0 at last."), "{svg}");
}

#[test]
fn a_reliability_curve_lies_where_its_shares_are() {
    let bin = |probability, share| Bin { probability, share, voxels: 7 };
    let svg = reliability(TITLES, &[bin(0.25, 0.25), bin(0.75, 0.5), bin(f64::NAN, 0.5), bin(1.0, 1.0)]);
    is_sound(&svg);
    let (drawn, points) = (lines(&svg), marks(&svg));
    let [perfect, curve] = &drawn[..] else { panic!("{svg}") };
    assert_eq!((curve.len(), points.len()), (3, 3));
    assert_eq!(points[2], perfect[1], "1 of 1 at the end of the line");
    let on_line = |x: f64| {
        perfect[0][1] + (x - perfect[0][0]) * (perfect[1][1] - perfect[0][1]) / (perfect[1][0] - perfect[0][0])
    };
    assert!((points[0][1] - on_line(points[0][0])).abs() < 0.02);
    assert!((points[1][1] - (perfect[0][1] + perfect[1][1]) / 2.0).abs() < 0.02, "a half is half-way");
    assert!(svg.contains("3 bins, 1 below") && svg.contains("1 value is not defined"), "{svg}");
}

#[test]
fn every_chart_bears_every_value() {
    let lists: [&[f64]; 11] = [
        &[],
        &[f64::NAN],
        &[f64::INFINITY, f64::NEG_INFINITY],
        &[0.0],
        &[-3.0],
        &[5.0, 5.0, 5.0],
        &[1e-300, 2e-300],
        &[-1e308, 1e308],
        &[1e6, 1e6 + 1e-3],
        &[1e-9, 1.0, 1e9],
        &[f64::MAX, f64::MIN_POSITIVE, f64::NAN],
    ];
    for values in lists {
        let points: Vec<Point> = values.iter().map(|&value| point(value, value)).collect();
        let lines = Agreement { bias: values.first().copied().unwrap_or(f64::NAN), lower: -1.0, upper: 1.0 };
        is_sound(&histogram(TITLES, values));
        let bins: Vec<Bin> = values.iter().map(|&v| Bin { probability: v, share: v, voxels: 1 }).collect();
        is_sound(&reliability(TITLES, &bins));
        is_sound(&scatter(TITLES, &points, &["a", "b"]));
        is_sound(&bland_altman(TITLES, &points, Some(lines), &["a"]));
        is_sound(&strips(TITLES, &[Strip { name: "a", values: values.iter().map(|&v| (v, "case")).collect() }], &[]));
        is_sound(&curves(TITLES, &[Curve { name: "a", points: values.iter().map(|&v| (v, v)).collect() }], &[]));
    }
    for empty in [strips(TITLES, &[], &[]), curves(TITLES, &[], &[])] {
        is_sound(&empty);
    }
}

#[test]
fn names_are_escaped_and_series_differ_by_shape() {
    let hostile = "</title><script>alert('x')</script>\"";
    let points: Vec<Point> = (0..6).map(|series| Point { x: 1.0, y: 2.0, name: hostile.to_owned(), series }).collect();
    let svg = scatter(TITLES, &points, &[hostile, "b", "c", "d", "e", "f"]);
    is_sound(&svg);
    assert!(svg.contains("&#60;script&#62;"));
    let shapes: std::collections::BTreeSet<String> = svg
        .split(" d=\"")
        .skip(1)
        .take(6)
        .map(|rest| rest.split('"').next().unwrap().chars().filter(char::is_ascii_lowercase).collect())
        .collect();
    assert_eq!(shapes.len(), 6, "{shapes:?}");
}

#[test]
fn numbers_have_the_digits_that_matter() {
    let shown = [0.0, 0.8734, -12.54, 4290.3, 1.5, 1e-6, 2e9, f64::NAN].map(number);
    assert_eq!(shown, ["0", "0.873", "\u{2212}12.5", "4290", "1.50", "1.00e\u{2212}6", "2.00e9", "not defined"]);
}
