use super::*;
use crate::random::Purpose;

/// An item with a bright box whose label is 1, off centre in every axis.
fn boxed(shape: [usize; 3]) -> Item {
    let [slices, rows, columns] = shape;
    let mut item = Item {
        shape,
        spacing_mm: [5.0, 1.0, 1.0],
        values: vec![0.0; slices * rows * columns],
        target: vec![0; slices * rows * columns],
    };
    for slice in slices / 4..slices / 2 {
        for row in rows / 4..rows / 2 {
            for column in columns / 2..columns * 7 / 8 {
                let at = (slice * rows + row) * columns + column;
                item.values[at] = 1.0;
                item.target[at] = 1;
            }
        }
    }
    item
}

fn random(seed: u64) -> Random {
    Random::new(Purpose::Augmentation, &[seed])
}

fn all(strength: f64) -> Vec<Transform> {
    vec![
        Transform::Perspective(Perspective { strength: strength * 0.25 }),
        Transform::Warp(Warp { strength: strength * 0.25 }),
        Transform::Shear(Shear { strength: strength * 0.25 }),
        Transform::Trapezoid(Trapezoid { strength: strength * 0.25 }),
        Transform::Rotate(Rotate { degrees: [30.0 * strength, 2.0 * strength, 2.0 * strength] }),
        Transform::Brightness(Brightness { strength: strength * 0.3 }),
        Transform::Contrast(Contrast { low: 1.0 - 0.3 * strength, high: 1.0 + strength }),
        Transform::Noise(Noise { strength: strength * 0.05 }),
        Transform::Blur(Blur { strength_voxels: strength }),
    ]
}

#[test]
fn zero_strength_changes_nothing() {
    let item = boxed([6, 16, 20]);
    for transform in all(0.0) {
        let after = apply(&[transform.draw(&mut random(3))], item.clone());
        assert_eq!(after, item, "{transform:?}");
    }
}

#[test]
fn every_strength_of_the_paper_is_accepted_and_acts() {
    let item = boxed([6, 16, 20]);
    for transform in all(1.0) {
        assert_eq!(transform.problem(), None);
        // Brightness and contrast may draw a direction the clamping hides, so several draws.
        let acted = (0..16).any(|seed| apply(&[transform.draw(&mut random(seed))], item.clone()).values != item.values);
        assert!(acted, "{transform:?}");
    }
}

#[test]
fn labels_follow_the_image() {
    let item = boxed([8, 32, 40]);
    for transform in all(1.0).into_iter().take(5) {
        for seed in 0..6 {
            let after = apply(&[transform.draw(&mut random(seed))], item.clone());
            // Interpolated intensity above one half is where the box is, up to its border voxels.
            let (mut agree, mut either) = (0, 0);
            for (value, label) in after.values.iter().zip(&after.target) {
                let bright = *value > 0.5;
                agree += usize::from(bright && *label == 1);
                either += usize::from(bright || *label == 1);
            }
            assert!(either > 50 && agree * 10 >= either * 8, "{transform:?}: {agree} of {either}");
            assert!(after.target.iter().all(|&label| label <= 1));
        }
    }
}

#[test]
fn flips_are_exact_and_undo_themselves() {
    let mut item = boxed([4, 6, 6]);
    for (i, value) in item.values.iter_mut().enumerate() {
        *value = (i as f32 * 0.37).sin();
    }
    for (axes, transpose) in [([true, false, false], false), ([false, true, true], false), ([false; 3], true)] {
        let drawn = [Drawn::Flip(FlipDrawn { axes, transpose })];
        let once = apply(&drawn, item.clone());
        assert_ne!(once, item);
        assert_eq!(apply(&drawn, once), item, "{axes:?} {transpose}");
    }
    let mirrored = apply(&[Drawn::Flip(FlipDrawn { axes: [false, false, true], transpose: false })], item.clone());
    assert_eq!(mirrored.values[0], item.values[5]);
}

#[test]
fn a_quarter_turn_is_a_rotation_in_millimetres() {
    // Rows of 1 mm and columns of 1 mm: a turn by 90 degrees about the slice axis maps the grid onto itself
    // and, unlike the library's "90 degrees", keeps left-handed and right-handed apart.
    let mut item = boxed([1, 5, 5]);
    for (i, value) in item.values.iter_mut().enumerate() {
        *value = i as f32;
    }
    let turned = apply(&[Drawn::Rotate(RotateDrawn { degrees: [90.0, 0.0, 0.0] })], item.clone());
    let at = |item: &Item, row: usize, column: usize| item.values[row * 5 + column];
    let corner = at(&turned, 0, 0);
    assert!(corner == at(&item, 0, 4) || corner == at(&item, 4, 0), "{corner}");
    let next = if corner == at(&item, 0, 4) { at(&item, 4, 4) } else { at(&item, 0, 0) };
    assert_eq!(at(&turned, 0, 4), next, "the corners go round, they are not exchanged");
}

#[test]
fn several_spatial_transforms_act_in_their_order() {
    // Flip columns, then shift by a shear: the composition is not commutative, so the order shows.
    let item = boxed([2, 17, 17]);
    let flip = Drawn::Flip(FlipDrawn { axes: [false, false, true], transpose: false });
    let shear = Drawn::Shear(ShearDrawn { shift: 0.3, rows: false });
    let together = apply(&[flip.clone(), shear.clone()], item.clone());
    let apart = apply(&[shear], apply(&[flip], item));
    assert_eq!(together.target, apart.target);
}

#[test]
fn draws_depend_on_the_stream_alone_and_survive_toml() {
    let list: Vec<Augmentation> =
        all(1.0).into_iter().map(|transform| Augmentation { probability: 0.5, transform }).collect();
    let drawn = draw(&list, &mut random(9));
    assert_eq!(drawn, draw(&list, &mut random(9)));
    assert_ne!(drawn, draw(&list, &mut random(10)));
    let text = serde_json::to_string(&drawn).unwrap();
    assert_eq!(serde_json::from_str::<Vec<Drawn>>(&text).unwrap(), drawn);
    // Raising one probability leaves the other draws as they are.
    let mut more = list.clone();
    more[0].probability = 1.0;
    let others =
        |drawn: &[Drawn]| drawn.iter().filter(|d| !matches!(d, Drawn::Perspective(_))).cloned().collect::<Vec<_>>();
    assert_eq!(others(&draw(&more, &mut random(9))), others(&drawn));
}
