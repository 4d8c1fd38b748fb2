//! Pixels, contours and four letters.

use std::io;

/// An RGB picture, rows from the top.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    width: usize,
    height: usize,
    rgb: Vec<[u8; 3]>,
}

/// Pixels of a letter's dot.
const DOT: usize = 3;
/// Pixels between a letter and the edge.
const MARGIN: usize = 8;

impl Picture {
    /// An all black picture.
    #[must_use]
    pub fn black(width: usize, height: usize) -> Self {
        Self { width, height, rgb: vec![[0; 3]; width * height] }
    }

    /// Pixels from left to right.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Pixels from top to bottom.
    #[must_use]
    pub fn height(&self) -> usize {
        self.height
    }

    /// Red, green and blue of a pixel.
    ///
    /// # Panics
    /// If there is no such pixel.
    #[must_use]
    pub fn pixel(&self, x: usize, y: usize) -> [u8; 3] {
        assert!(x < self.width && y < self.height, "pixel {x}, {y} of {} x {}", self.width, self.height);
        self.rgb[y * self.width + x]
    }

    /// All pixels, rows from the top.
    #[must_use]
    pub fn rgb(&self) -> &[[u8; 3]] {
        &self.rgb
    }

    /// The picture as a PNG file.
    ///
    /// # Errors
    /// If it cannot be encoded, which no picture of a volume has shown.
    pub fn to_png(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, self.width as u32, self.height as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(self.rgb.as_flattened())?;
        writer.finish()?;
        Ok(bytes)
    }

    /// The middle of a pixel as shares of height and width.
    fn place(&self, x: usize, y: usize) -> (f64, f64) {
        ((y as f64 + 0.5) / self.height as f64, (x as f64 + 0.5) / self.width as f64)
    }

    /// Gives every pixel a colour by its place (share of height, share of width).
    pub(super) fn paint(&mut self, colour: impl Fn(f64, f64) -> [u8; 3]) {
        for y in 0..self.height {
            for x in 0..self.width {
                let (down, across) = self.place(x, y);
                self.rgb[y * self.width + x] = colour(down, across);
            }
        }
    }

    /// Tints a region by a share from 0 to 1 and draws its contour, two pixels wide, just inside it.
    pub(super) fn overlay(&mut self, inside: impl Fn(f64, f64) -> bool, colour: [u8; 3], fill: f32) {
        let mask: Vec<bool> = (0..self.rgb.len())
            .map(|at| {
                let (down, across) = self.place(at % self.width, at / self.width);
                inside(down, across)
            })
            .collect();
        let marked = |x: isize, y: isize| {
            (0..self.width as isize).contains(&x)
                && (0..self.height as isize).contains(&y)
                && mask[y as usize * self.width + x as usize]
        };
        for at in (0..mask.len()).filter(|&at| mask[at]) {
            let (x, y) = ((at % self.width) as isize, (at / self.width) as isize);
            let is_edge =
                (1..=2).any(|d| !(marked(x - d, y) && marked(x + d, y) && marked(x, y - d) && marked(x, y + d)));
            let share = if is_edge { 1.0 } else { fill };
            for (value, tint) in self.rgb[at].iter_mut().zip(colour) {
                *value = (f32::from(*value) + share * (f32::from(tint) - f32::from(*value))).round() as u8;
            }
        }
    }

    /// Draws `A`, `L`, `P` or `R` in white with a black rim, half-way down one side.
    pub(super) fn letter(&mut self, letter: char, at_right: bool) {
        let rows: [u8; 7] = match letter {
            'A' => [0b01110, 0b10001, 0b10001, 0b11111, 0b10001, 0b10001, 0b10001],
            'L' => [0b10000, 0b10000, 0b10000, 0b10000, 0b10000, 0b10000, 0b11111],
            'P' => [0b11110, 0b10001, 0b10001, 0b11110, 0b10000, 0b10000, 0b10000],
            _ => [0b11110, 0b10001, 0b10001, 0b11110, 0b10100, 0b10010, 0b10001],
        };
        let (wide, high) = (5 * DOT, 7 * DOT);
        if self.width < 2 * (wide + 2 * MARGIN) || self.height < high + 4 {
            return;
        }
        let left = if at_right { self.width - MARGIN - wide } else { MARGIN };
        let top = (self.height - high) / 2;
        let is_ink = |x: isize, y: isize| {
            let (column, row) = (x.div_euclid(DOT as isize), y.div_euclid(DOT as isize));
            (0..5).contains(&column) && (0..7).contains(&row) && rows[row as usize] >> (4 - column) & 1 == 1
        };
        for y in -1..=high as isize {
            for x in -1..=wide as isize {
                let near = (-1..=1).any(|dy| (-1..=1).any(|dx| is_ink(x + dx, y + dy)));
                let colour = if is_ink(x, y) { [255; 3] } else { [0; 3] };
                if near {
                    let at = (top as isize + y) * self.width as isize + left as isize + x;
                    self.rgb[at as usize] = colour;
                }
            }
        }
    }
}
