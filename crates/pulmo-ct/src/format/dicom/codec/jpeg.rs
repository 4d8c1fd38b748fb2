//! JPEG (ITU-T T.81) with one component: lossless of 2 to 16 bits, baseline, and extended sequential of 8 and 12.
//!
//! Written after the standard. Lossless samples agree to the bit with every decoder; those of the lossy processes
//! to the bit with libjpeg's and DCMTK's slow integer transform, of which [`inverse_dct`] is the arithmetic.

use super::bits::EntropyBits;

type Result<T> = std::result::Result<T, String>;

/// A decoded picture.
pub(super) struct Picture {
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// Bits per sample.
    pub(super) precision: u32,
    pub(super) is_lossless: bool,
    pub(super) words: Vec<u16>,
}

/// The frame header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) rows: usize,
    pub(super) columns: usize,
    precision: u32,
    is_lossless: bool,
}

/// Codes in order of length.
struct Huffman {
    /// By the next 10 bits: length of the code and its symbol; length 0 for longer codes.
    fast: Vec<(u8, u8)>,
    symbols: Vec<u8>,
    /// By length: the first code, and where its symbol stands; how many there are.
    first: [(u32, u32, u32); 17],
}

const FAST_BITS: u32 = 10;

impl Huffman {
    fn new(counts: &[u8], symbols: &[u8]) -> Result<Self> {
        let mut fast = vec![(0, 0); 1 << FAST_BITS];
        let mut first = [(0, 0, 0); 17];
        let (mut code, mut at) = (0_u32, 0_u32);
        for (length, &count) in (1_u32..).zip(counts) {
            let count = u32::from(count);
            first[length as usize] = (code, at, count);
            if code + count > 1 << length {
                return Err("a Huffman table of its JPEG stream is damaged".to_owned());
            }
            if length <= FAST_BITS {
                for number in 0..count {
                    let begin = ((code + number) << (FAST_BITS - length)) as usize;
                    let entry = (length as u8, symbols[(at + number) as usize]);
                    fast[begin..begin + (1 << (FAST_BITS - length))].fill(entry);
                }
            }
            (code, at) = ((code + count) << 1, at + count);
        }
        Ok(Self { fast, symbols: symbols.to_vec(), first })
    }

    /// The next symbol; `bits` have been refilled. `None` for a code that is not in the table.
    #[inline]
    fn decode(&self, bits: &mut EntropyBits<'_>) -> Option<u8> {
        let ahead = bits.peek16();
        let (length, symbol) = self.fast[(ahead >> (16 - FAST_BITS)) as usize];
        if length != 0 {
            bits.drop(u32::from(length));
            return Some(symbol);
        }
        for length in FAST_BITS + 1..=16 {
            let (first, at, count) = self.first[length as usize];
            let code = ahead >> (16 - length);
            if code >= first && code - first < count {
                bits.drop(length);
                return self.symbols.get((at + code - first) as usize).copied();
            }
        }
        None
    }
}

/// A number of `size` bits with its sign (F.2.2.1).
#[inline]
fn extend(value: u32, size: u32) -> i32 {
    if size == 0 {
        0
    } else if value < 1 << (size - 1) {
        value as i32 - (1 << size) + 1
    } else {
        value as i32
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
    let length = usize::from(u16::from_be_bytes(*bytes.get(at + 1..)?.first_chunk()?));
    Some((bytes[at], bytes.get(at + 3..at + 1 + length)?, at + 1 + length))
}

/// The frame header of a code stream, without decoding.
pub(super) fn header(bytes: &[u8]) -> Result<Header> {
    let mut at = 2;
    loop {
        let (marker, body, next) = segment(bytes, at).ok_or("its JPEG stream has no frame header")?;
        if (0xc0..=0xcf).contains(&marker) && ![0xc4, 0xc8, 0xcc].contains(&marker) {
            return frame(marker, body);
        }
        if marker == 0xda {
            return Err("its JPEG stream has no frame header".to_owned());
        }
        at = next;
    }
}

fn frame(marker: u8, body: &[u8]) -> Result<Header> {
    let [precision, a, b, c, d, components, ..] = *body else {
        return Err("its JPEG stream has a damaged frame header".to_owned());
    };
    if components != 1 {
        return Err(format!("its JPEG stream has {components} components, expected 1 of grey values"));
    }
    let (precision, is_lossless) = match (marker, precision) {
        (0xc0 | 0xc1, 8) | (0xc1, 12) => (u32::from(precision), false),
        (0xc3, 2..=16) => (u32::from(precision), true),
        (0xc0 | 0xc1 | 0xc3, _) => return Err(format!("its JPEG stream has {precision} bits per sample")),
        _ => {
            let number = marker - 0xc0;
            return Err(format!("its JPEG stream is of process SOF{number}, which is not read"));
        }
    };
    let size = [[a, b], [c, d]].map(|pair| usize::from(u16::from_be_bytes(pair)));
    Ok(Header { rows: size[0], columns: size[1], precision, is_lossless })
}

#[derive(Default)]
struct Tables {
    dc: [Option<Huffman>; 4],
    ac: [Option<Huffman>; 4],
    quantisation: [Option<[i64; 64]>; 4],
    restart: usize,
}

/// Decodes a code stream whose size has been checked with [`header`].
pub(super) fn decode(bytes: &[u8]) -> Result<Picture> {
    if !bytes.starts_with(&[0xff, 0xd8]) {
        return Err("its JPEG stream has no beginning".to_owned());
    }
    let header = header(bytes)?;
    let mut tables = Tables::default();
    let mut quantisation = 0;
    let mut at = 2;
    loop {
        let (marker, body, next) = segment(bytes, at).ok_or("its JPEG stream is cut off in a header")?;
        match marker {
            0xc4 => tables.read_huffman(body)?,
            0xdb => tables.read_quantisation(body)?,
            0xdd => tables.restart = body.iter().fold(0, |all, &byte| all << 8 | usize::from(byte)),
            0xc0 | 0xc1 | 0xc3 => quantisation = usize::from(body.get(8).copied().unwrap_or(0)),
            0xda => {
                let [1, _, table, first, _, transform] = *body else {
                    return Err("its JPEG stream has a damaged scan header".to_owned());
                };
                let bits = EntropyBits::jpeg(&bytes[next..]);
                let (dc, ac) = (usize::from(table >> 4), usize::from(table & 15));
                let words = if header.is_lossless {
                    let transform = u32::from(transform & 15);
                    Lossless { bits, header, transform, predictor: first }.decode(&tables, dc)?
                } else {
                    sequential(bits, header, &tables, [dc, ac, quantisation])?
                };
                let Header { rows, columns, precision, is_lossless } = header;
                return Ok(Picture { rows, columns, precision, is_lossless, words });
            }
            _ => (),
        }
        at = next;
    }
}

impl Tables {
    fn read_huffman(&mut self, mut body: &[u8]) -> Result<()> {
        let cut = "a Huffman table of its JPEG stream is cut off";
        while let Some((&class, rest)) = body.split_first() {
            let counts = rest.get(..16).ok_or(cut)?;
            let total: usize = counts.iter().map(|&count| usize::from(count)).sum();
            let symbols = rest.get(16..16 + total).ok_or(cut)?;
            let of_class = if class >> 4 == 0 { &mut self.dc } else { &mut self.ac };
            let slot = of_class.get_mut(usize::from(class & 15)).ok_or("its JPEG stream has too many tables")?;
            *slot = Some(Huffman::new(counts, symbols)?);
            body = &rest[16 + total..];
        }
        Ok(())
    }

    fn read_quantisation(&mut self, mut body: &[u8]) -> Result<()> {
        while let Some((&kind, rest)) = body.split_first() {
            let width = if kind >> 4 == 0 { 1 } else { 2 };
            let values = rest.get(..64 * width).ok_or("a quantisation table of its JPEG stream is cut off")?;
            let slot =
                self.quantisation.get_mut(usize::from(kind & 15)).ok_or("its JPEG stream has too many tables")?;
            let value = |bytes: &[u8]| bytes.iter().fold(0_i64, |all, &byte| all << 8 | i64::from(byte));
            *slot = Some(std::array::from_fn(|n| value(&values[n * width..(n + 1) * width])));
            body = &rest[64 * width..];
        }
        Ok(())
    }
}

fn table(tables: &[Option<Huffman>; 4], at: usize) -> Result<&Huffman> {
    tables.get(at).and_then(Option::as_ref).ok_or_else(|| "a Huffman table of its JPEG stream is missing".to_owned())
}

const DAMAGED: &str = "its JPEG stream is damaged or cut off";

struct Lossless<'a> {
    bits: EntropyBits<'a>,
    header: Header,
    /// The point transform (Pt).
    transform: u32,
    predictor: u8,
}

impl Lossless<'_> {
    fn decode(mut self, tables: &Tables, table_number: usize) -> Result<Vec<u16>> {
        let Header { rows, columns, precision, .. } = self.header;
        let huffman = table(&tables.dc, table_number)?;
        if self.transform >= precision || !(1..=7).contains(&self.predictor) {
            return Err("its JPEG stream has an unknown predictor".to_owned());
        }
        if columns == 0 || !tables.restart.is_multiple_of(columns) {
            return Err("its JPEG stream restarts within a line".to_owned());
        }
        let restart_lines = tables.restart / columns;
        let middle = 1 << (precision - self.transform - 1);
        let mut words = vec![0_u16; rows * columns];
        let mut expected = 0;
        for row in 0..rows {
            let is_restart = restart_lines > 0 && row > 0 && row % restart_lines == 0;
            if is_restart {
                if self.bits.restart() != Some(expected) {
                    return Err(DAMAGED.to_owned());
                }
                expected = (expected + 1) % 8;
            }
            let (above, line) = words.split_at_mut(row * columns);
            let line = &mut line[..columns];
            // Lines without one above predict from the left (H.1.2.1).
            if row == 0 || is_restart {
                self.line(huffman, line, middle, |left, _| left)?;
            } else {
                let above = &above[(row - 1) * columns..];
                self.line_below(huffman, line, above)?;
            }
            if self.bits.is_beyond_end() {
                return Err(DAMAGED.to_owned());
            }
        }
        if self.transform > 0 {
            words.iter_mut().for_each(|word| *word <<= self.transform);
        }
        Ok(words)
    }

    /// The predictors of table H.1, of left (a), above (b) and above left (c).
    fn line_below(&mut self, huffman: &Huffman, line: &mut [u16], above: &[u16]) -> Result<()> {
        let first = i32::from(above[0]);
        let predicted = |n: usize| (i32::from(above[n]), i32::from(above[n - 1]));
        match self.predictor {
            1 => self.line(huffman, line, first, |a, _| a),
            2 => self.line(huffman, line, first, |_, n| predicted(n).0),
            3 => self.line(huffman, line, first, |_, n| predicted(n).1),
            4 => self.line(huffman, line, first, |a, n| a + predicted(n).0 - predicted(n).1),
            5 => self.line(huffman, line, first, |a, n| a + ((predicted(n).0 - predicted(n).1) >> 1)),
            6 => self.line(huffman, line, first, |a, n| predicted(n).0 + ((a - predicted(n).1) >> 1)),
            _ => self.line(huffman, line, first, |a, n| (a + predicted(n).0) >> 1),
        }
    }

    /// One line: `first` predicts its first sample, `predict(left, column)` the others.
    #[inline]
    fn line(
        &mut self,
        huffman: &Huffman,
        line: &mut [u16],
        first: i32,
        predict: impl Fn(i32, usize) -> i32,
    ) -> Result<()> {
        let mut left = first;
        for (column, word) in line.iter_mut().enumerate() {
            let prediction = if column == 0 { first } else { predict(left, column) };
            self.bits.refill();
            let size = huffman.decode(&mut self.bits).ok_or(DAMAGED)?;
            let difference = match size {
                0..=15 => extend(self.bits.take(u32::from(size)), u32::from(size)),
                16 => 32768,
                _ => return Err(DAMAGED.to_owned()),
            };
            *word = (prediction + difference) as u16;
            left = i32::from(*word);
        }
        Ok(())
    }
}

/// Where coefficient n of a block lies (figure A.6).
const ZIGZAG: [usize; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21,
    28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54,
    47, 55, 62, 63,
];

/// Baseline and extended sequential: blocks of 8 x 8 coefficients (annex F).
fn sequential(
    mut bits: EntropyBits<'_>,
    header: Header,
    tables: &Tables,
    [dc, ac, quantisation]: [usize; 3],
) -> Result<Vec<u16>> {
    let Header { rows, columns, precision, .. } = header;
    let (dc, ac) = (table(&tables.dc, dc)?, table(&tables.ac, ac)?);
    let steps = tables.quantisation.get(quantisation).and_then(Option::as_ref);
    let steps = steps.ok_or("a quantisation table of its JPEG stream is missing")?;
    let across = columns.div_ceil(8);
    let mut words = vec![0_u16; rows * columns];
    let (mut last, mut expected) = (0_i64, 0);
    for block in 0..across * rows.div_ceil(8) {
        if tables.restart > 0 && block > 0 && block % tables.restart == 0 {
            if bits.restart() != Some(expected) {
                return Err(DAMAGED.to_owned());
            }
            (last, expected) = (0, (expected + 1) % 8);
        }
        let mut coefficients = [0_i64; 64];
        bits.refill();
        let size = u32::from(dc.decode(&mut bits).filter(|&size| size <= 15).ok_or(DAMAGED)?);
        last += i64::from(extend(bits.take(size), size));
        coefficients[0] = last * steps[0];
        let mut at = 1;
        while at < 64 {
            bits.refill();
            let symbol = ac.decode(&mut bits).ok_or(DAMAGED)?;
            let (zeros, size) = (usize::from(symbol >> 4), u32::from(symbol & 15));
            match (zeros, size) {
                (15, 0) => at += 16,
                (_, 0) => break,
                _ => {
                    at += zeros;
                    let value = i64::from(extend(bits.take(size), size));
                    let place = *ZIGZAG.get(at).ok_or(DAMAGED)?;
                    coefficients[place] = value * steps[at];
                    at += 1;
                }
            }
        }
        if bits.is_beyond_end() {
            return Err(DAMAGED.to_owned());
        }
        let samples = inverse_dct(&coefficients, precision);
        let (top, left) = (block / across * 8, block % across * 8);
        for (row, samples) in samples.as_chunks::<8>().0.iter().enumerate().take(rows - top) {
            let width = (columns - left).min(8);
            words[(top + row) * columns + left..][..width].copy_from_slice(&samples[..width]);
        }
    }
    Ok(words)
}

/// The accurate integer transform of the Independent JPEG Group (`jidctint.c`), in 64 bits.
fn inverse_dct(coefficients: &[i64; 64], precision: u32) -> [u16; 64] {
    // Extra bits that are kept between the passes.
    let kept = if precision == 8 { 2 } else { 1 };
    let mut between = [0_i64; 64];
    for column in 0..8 {
        let line = one_dimension(std::array::from_fn(|row| coefficients[row * 8 + column]), 13 - kept);
        for (row, value) in line.into_iter().enumerate() {
            between[row * 8 + column] = value;
        }
    }
    let (middle, largest) = (1_i64 << (precision - 1), (1_i64 << precision) - 1);
    let mut samples = [0; 64];
    for row in 0..8 {
        let line = one_dimension(std::array::from_fn(|column| between[row * 8 + column]), 13 + kept + 3);
        for (column, value) in line.into_iter().enumerate() {
            samples[row * 8 + column] = (value + middle).clamp(0, largest) as u16;
        }
    }
    samples
}

/// Eight values, each rounded and shifted down by `shift` bits. The factors are cosines times 2^13.
fn one_dimension(x: [i64; 8], shift: u32) -> [i64; 8] {
    let common = (x[2] + x[6]) * 4433;
    let (low, high) = (common - x[6] * 15137, common + x[2] * 6270);
    let (sum, difference) = ((x[0] + x[4]) << 13, (x[0] - x[4]) << 13);
    let even = [sum + high, difference + low, difference - low, sum - high];

    let (z1, z2, z3, z4) = (x[7] + x[1], x[5] + x[3], x[7] + x[3], x[5] + x[1]);
    let z5 = (z3 + z4) * 9633;
    let (z1, z2, z3, z4) = (z1 * -7373, z2 * -20995, z3 * -16069 + z5, z4 * -3196 + z5);
    let odd = [x[1] * 12299 + z1 + z4, x[3] * 25172 + z2 + z3, x[5] * 16819 + z2 + z4, x[7] * 2446 + z1 + z3];
    let round = 1 << (shift - 1);
    std::array::from_fn(|n| {
        let value = if n < 4 { even[n] + odd[n] } else { even[7 - n] - odd[7 - n] };
        (value + round) >> shift
    })
}
