//! JPEG-LS (ITU-T T.87, ISO/IEC 14495-1): one component, lossless and near-lossless, 2 to 16 bits.
//!
//! Written after the standard; names in brackets are those of its annexes. Agrees to the bit with CharLS and DCMTK.

use super::bits::EntropyBits;

/// A decoded picture.
pub(super) struct Picture {
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// Bits per sample.
    pub(super) precision: u32,
    pub(super) words: Vec<u16>,
}

type Result<T> = std::result::Result<T, String>;

/// The logarithm of the length of a run's segment, by run index (J, A.2.1).
const RUN_LOG: [u32; 32] =
    [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11, 12, 13, 14, 15];

/// The size in the frame header, without decoding.
pub(super) fn size(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut at = 2;
    loop {
        let (marker, body, next) = segment(bytes, at)?;
        if marker == 0xf7 {
            let [_, a, b, c, d, ..] = *body else { return None };
            return Some((usize::from(u16::from_be_bytes([a, b])), usize::from(u16::from_be_bytes([c, d]))));
        }
        if marker == 0xda {
            return None;
        }
        at = next;
    }
}

/// A marker, what its segment holds, and where the next one begins.
fn segment(bytes: &[u8], mut at: usize) -> Option<(u8, &[u8], usize)> {
    if *bytes.get(at)? != 0xff {
        return None;
    }
    while *bytes.get(at)? == 0xff {
        at += 1;
    }
    let marker = bytes[at];
    let length = usize::from(u16::from_be_bytes(*bytes.get(at + 1..)?.first_chunk()?));
    let body = bytes.get(at + 3..(at + 1).checked_add(length)?)?;
    Some((marker, body, at + 1 + length))
}

/// Decodes a code stream whose size has been checked with [`size`].
pub(super) fn decode(bytes: &[u8]) -> Result<Picture> {
    if !bytes.starts_with(&[0xff, 0xd8]) {
        return Err("its JPEG-LS stream has no beginning".to_owned());
    }
    let cut = || "its JPEG-LS stream is cut off in a header".to_owned();
    let (mut frame, mut preset, mut restart, mut at) = (None, None, 0, 2);
    loop {
        let (marker, body, next) = segment(bytes, at).ok_or_else(cut)?;
        match marker {
            0xf7 => {
                let [precision, a, b, c, d, components, ..] = *body else { return Err(cut()) };
                if components != 1 {
                    return Err(format!("its JPEG-LS stream has {components} components, expected 1"));
                }
                if !(2..=16).contains(&precision) {
                    return Err(format!("its JPEG-LS stream has {precision} bits"));
                }
                frame = Some((
                    u32::from(precision),
                    usize::from(u16::from_be_bytes([a, b])),
                    usize::from(u16::from_be_bytes([c, d])),
                ));
            }
            0xf8 => match *body {
                [1, a, b, c, d, e, f, g, h, i, j] => {
                    preset =
                        Some([[a, b], [c, d], [e, f], [g, h], [i, j]].map(|pair| i32::from(u16::from_be_bytes(pair))));
                }
                _ => return Err("its JPEG-LS stream has a mapping table or an extended size".to_owned()),
            },
            0xdd => restart = body.iter().fold(0_usize, |all, &byte| all << 8 | usize::from(byte)),
            0xda => {
                let (precision, rows, columns) = frame.ok_or("its JPEG-LS stream has no frame header")?;
                let [1, _, table, near, interleave, transform] = *body else { return Err(cut()) };
                if table != 0 || interleave != 0 || transform != 0 || restart != 0 {
                    return Err("its JPEG-LS stream uses a mapping, an interleave or restarts".to_owned());
                }
                let model = Model::new(precision, i32::from(near), preset)?;
                let words = Scan::new(model, &bytes[next..], columns).rows(rows)?;
                return Ok(Picture { rows, columns, precision, words });
            }
            _ => (),
        }
        at = next;
    }
}

/// The coding parameters (annex C.2.4.1.1).
struct Model {
    near: i32,
    maximum: i32,
    thresholds: [i32; 3],
    reset: i32,
    /// RANGE, qbpp, LIMIT.
    range: i32,
    error_bits: u32,
    limit: u32,
}

impl Model {
    fn new(precision: u32, near: i32, preset: Option<[i32; 5]>) -> Result<Self> {
        let [maximum, t1, t2, t3, reset] = preset.unwrap_or_default();
        let maximum = if maximum == 0 { (1 << precision) - 1 } else { maximum };
        if maximum >= 1 << precision || near > 255.min(maximum / 2) {
            return Err(format!("its JPEG-LS stream has a largest value of {maximum} and a loss of {near}"));
        }
        let defaults = default_thresholds(maximum, near);
        let pick = |own: i32, default: i32| if own == 0 { default } else { own };
        let thresholds = [pick(t1, defaults[0]), pick(t2, defaults[1]), pick(t3, defaults[2])];
        let is_ordered = near < thresholds[0] && thresholds.is_sorted() && thresholds[2] <= maximum;
        let reset = pick(reset, 64);
        if !is_ordered || reset < 3 {
            return Err(format!("its JPEG-LS stream has thresholds {thresholds:?} and reset {reset}"));
        }
        let range = (maximum + 2 * near) / (2 * near + 1) + 1;
        let bits = |n: i32| 32 - (n - 1).leading_zeros();
        let value_bits = bits(maximum + 1).max(2);
        let limit = 2 * (value_bits + value_bits.max(8));
        Ok(Self { near, maximum, thresholds, reset, range, error_bits: bits(range), limit })
    }

    /// The region of a gradient (A.3.3).
    fn region(&self, gradient: i32) -> i32 {
        let [t1, t2, t3] = self.thresholds;
        let size = gradient.abs();
        let region = if size <= self.near {
            0
        } else if size < t1 {
            1
        } else if size < t2 {
            2
        } else if size < t3 {
            3
        } else {
            4
        };
        if gradient < 0 { -region } else { region }
    }

    /// The sample that a prediction and an error give (A.4.5 and A.5).
    fn sample(&self, prediction: i32, error: i32) -> i32 {
        let span = self.range * (2 * self.near + 1);
        let mut value = prediction + error * (2 * self.near + 1);
        if value < -self.near {
            value += span;
        } else if value > self.maximum + self.near {
            value -= span;
        }
        value.clamp(0, self.maximum)
    }
}

/// The thresholds that hold if none are given (C.2.4.1.1.1).
fn default_thresholds(maximum: i32, near: i32) -> [i32; 3] {
    let clamp = |value: i32, low: i32| if value > maximum || value < low { low } else { value };
    if maximum >= 128 {
        let factor = (maximum.min(4095) + 128) / 256;
        let t1 = clamp(factor + 2 + 3 * near, near + 1);
        let t2 = clamp(factor * 4 + 3 + 5 * near, t1);
        [t1, t2, clamp(factor * 17 + 4 + 7 * near, t2)]
    } else {
        let factor = 256 / (maximum + 1);
        let t1 = clamp((3 / factor + 3 * near).max(2), near + 1);
        let t2 = clamp((7 / factor + 5 * near).max(3), t1);
        [t1, t2, clamp((21 / factor + 7 * near).max(4), t2)]
    }
}

/// What has been learnt in one context: A, B, C and N.
#[derive(Clone, Copy)]
struct Context {
    sum: i32,
    bias: i32,
    correction: i32,
    count: i32,
}

/// What has been learnt at the ends of runs: A, Nn and N.
#[derive(Clone, Copy)]
struct RunContext {
    sum: i32,
    negative: i32,
    count: i32,
}

struct Scan<'a> {
    model: Model,
    bits: EntropyBits<'a>,
    columns: usize,
    contexts: Vec<Context>,
    run_contexts: [RunContext; 2],
    run_index: usize,
}

impl<'a> Scan<'a> {
    fn new(model: Model, bytes: &'a [u8], columns: usize) -> Self {
        let sum = ((model.range + 32) / 64).max(2);
        Self {
            bits: EntropyBits::jpeg_ls(bytes),
            columns,
            contexts: vec![Context { sum, bias: 0, correction: 0, count: 1 }; 365],
            run_contexts: [RunContext { sum, negative: 0, count: 1 }; 2],
            run_index: 0,
            model,
        }
    }

    fn rows(mut self, rows: usize) -> Result<Vec<u16>> {
        let columns = self.columns;
        let mut words = Vec::with_capacity(rows * columns);
        // Lines with one sample before the first column and one behind the last (A.2.1).
        let mut above = vec![0_i32; columns + 2];
        let mut line = vec![0_i32; columns + 2];
        for _ in 0..rows {
            above[columns + 1] = above[columns];
            line[0] = above[1];
            self.line(&above, &mut line)?;
            if self.bits.is_beyond_end() {
                return Err("its JPEG-LS stream is cut off".to_owned());
            }
            words.extend(line[1..=columns].iter().map(|&sample| sample as u16));
            std::mem::swap(&mut above, &mut line);
        }
        Ok(words)
    }

    fn line(&mut self, above: &[i32], line: &mut [i32]) -> Result<()> {
        let mut at = 1;
        while at <= self.columns {
            // The neighbours: left (a), above (b), above left (c), above right (d).
            let (a, b, c, d) = (line[at - 1], above[at], above[at - 1], above[at + 1]);
            let regions = [d - b, b - c, c - a].map(|gradient| self.model.region(gradient));
            if regions == [0; 3] {
                at = self.run(above, line, at)?;
                continue;
            }
            let mut index = regions[0] * 81 + regions[1] * 9 + regions[2];
            let is_mirrored = index < 0;
            index = index.abs();
            let prediction = if c >= a.max(b) {
                a.min(b)
            } else if c <= a.min(b) {
                a.max(b)
            } else {
                a + b - c
            };
            line[at] = self.regular(index as usize, is_mirrored, prediction)?;
            at += 1;
        }
        Ok(())
    }

    /// A sample beside an edge (A.4 to A.6).
    fn regular(&mut self, index: usize, is_mirrored: bool, prediction: i32) -> Result<i32> {
        let model = &self.model;
        let context = &mut self.contexts[index];
        let sign = if is_mirrored { -1 } else { 1 };
        let prediction = (prediction + sign * context.correction).clamp(0, model.maximum);
        let mut bits = 0;
        while bits < 24 && context.count << bits < context.sum {
            bits += 1;
        }
        let mapped = golomb(&mut self.bits, bits, model.limit, model.error_bits)?;
        let mut error = if mapped & 1 == 0 { mapped >> 1 } else { -((mapped + 1) >> 1) };
        if bits == 0 && model.near == 0 && 2 * context.bias <= -context.count {
            error = -(error + 1);
        }
        context.learn(error, model);
        Ok(model.sample(prediction, sign * error))
    }

    /// A run of equal samples and the one that ends it (A.7); gives the column behind.
    fn run(&mut self, above: &[i32], line: &mut [i32], start: usize) -> Result<usize> {
        let value = line[start - 1];
        let left = self.columns + 1 - start;
        let mut length = 0;
        while self.bits.bit() == 1 {
            let segment = 1_usize << RUN_LOG[self.run_index];
            if segment <= left - length {
                self.run_index = (self.run_index + 1).min(31);
            }
            length += segment.min(left - length);
            if length == left {
                line[start..start + length].fill(value);
                return Ok(start + length);
            }
        }
        length += self.bits.bits(RUN_LOG[self.run_index]) as usize;
        if length >= left {
            return Err("its JPEG-LS stream has a run beyond the line".to_owned());
        }
        line[start..start + length].fill(value);
        let at = start + length;
        line[at] = self.end_of_run(line[at - 1], above[at])?;
        self.run_index = self.run_index.saturating_sub(1);
        Ok(at + 1)
    }

    /// The sample that ends a run (A.7.2).
    fn end_of_run(&mut self, left: i32, above: i32) -> Result<i32> {
        let model = &self.model;
        let kind = usize::from((left - above).abs() <= model.near);
        let context = &mut self.run_contexts[kind];
        let (prediction, sign) = if kind == 1 { (left, 1) } else { (above, if left > above { -1 } else { 1 }) };
        let total = context.sum + if kind == 1 { context.count >> 1 } else { 0 };
        let mut bits = 0;
        while bits < 24 && context.count << bits < total {
            bits += 1;
        }
        let limit = model.limit - RUN_LOG[self.run_index] - 1;
        let mapped = golomb(&mut self.bits, bits, limit, model.error_bits)?;
        // EMErrval = 2 |Errval| - RItype - map (A.7.2.1 and A.7.2.2).
        let twice = mapped + kind as i32;
        let size = (twice + 1) / 2;
        let map = twice & 1 == 1;
        let is_usual_negative = bits != 0 || 2 * context.negative >= context.count;
        let error = if map == is_usual_negative { -size } else { size };
        context.learn(error, mapped, kind as i32, model.reset);
        Ok(model.sample(prediction, sign * error))
    }
}

impl Context {
    /// A.6.1 and A.6.2.
    fn learn(&mut self, error: i32, model: &Model) {
        self.bias += error * (2 * model.near + 1);
        self.sum += error.abs();
        if self.count == model.reset {
            self.sum >>= 1;
            self.bias >>= 1;
            self.count >>= 1;
        }
        self.count += 1;
        if self.bias <= -self.count {
            self.bias = (self.bias + self.count).max(1 - self.count);
            self.correction = (self.correction - 1).max(-128);
        } else if self.bias > 0 {
            self.bias = (self.bias - self.count).min(0);
            self.correction = (self.correction + 1).min(127);
        }
    }
}

impl RunContext {
    /// A.7.2.3.
    fn learn(&mut self, error: i32, mapped: i32, kind: i32, reset: i32) {
        self.negative += i32::from(error < 0);
        self.sum += (mapped + 1 - kind) >> 1;
        if self.count == reset {
            self.sum >>= 1;
            self.count >>= 1;
            self.negative >>= 1;
        }
        self.count += 1;
    }
}

/// A number in the limited-length Golomb code (A.5.3).
fn golomb(bits: &mut EntropyBits<'_>, low: u32, limit: u32, error_bits: u32) -> Result<i32> {
    let escape = limit - error_bits - 1;
    let zeros = bits.zeros(escape).ok_or("its JPEG-LS stream is damaged or cut off")?;
    let value = if zeros < escape { zeros << low | bits.bits(low) } else { bits.bits(error_bits) + 1 };
    i32::try_from(value).map_err(|_| "its JPEG-LS stream is damaged".to_owned())
}
