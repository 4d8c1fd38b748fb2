//! NumPy's `.npy`, as much of it as golden logits need: little-endian floats in C order.

/// An array with its shape, as float64.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Array {
    pub(super) shape: Vec<usize>,
    pub(super) values: Vec<f64>,
}

pub(super) fn parse(bytes: &[u8]) -> Result<Array, String> {
    let rest = bytes.strip_prefix(b"\x93NUMPY").ok_or("not a NumPy file: it lacks `\\x93NUMPY` at its beginning")?;
    let (header, data) = match *rest {
        [1, _, low, high, ..] => split(rest, 4, usize::from(u16::from_le_bytes([low, high])))?,
        [2 | 3, _, a, b, c, d, ..] => {
            let length = usize::try_from(u32::from_le_bytes([a, b, c, d])).map_err(|error| error.to_string())?;
            split(rest, 6, length)?
        }
        _ => return Err("unknown version of the NumPy format".to_owned()),
    };
    let header = std::str::from_utf8(header).map_err(|_| "header is not text")?;
    if field(header, "fortran_order")?.starts_with("True") {
        return Err("the array is in Fortran order, expected C order".to_owned());
    }
    let shape = field(header, "shape")?.strip_prefix('(').and_then(|text| text.split_once(')')).ok_or("no shape")?.0;
    let shape = shape
        .split(',')
        .map(str::trim)
        .filter(|size| !size.is_empty())
        .map(|size| size.parse::<usize>().map_err(|_| format!("`{size}` in the shape is no number")))
        .collect::<Result<Vec<_>, _>>()?;
    let kind = field(header, "descr")?;
    let values: Vec<f64> = if kind.starts_with("'<f8'") {
        data.as_chunks::<8>().0.iter().map(|chunk| f64::from_le_bytes(*chunk)).collect()
    } else if kind.starts_with("'<f4'") {
        data.as_chunks::<4>().0.iter().map(|chunk| f32::from_le_bytes(*chunk).into()).collect()
    } else {
        return Err(format!("element type {}, expected '<f8' or '<f4'", kind.split(',').next().unwrap_or_default()));
    };
    let expected = shape.iter().try_fold(1_usize, |count, &size| count.checked_mul(size));
    if expected != Some(values.len()) {
        return Err(format!(
            "{} values, the shape {shape:?} needs another number: the file is cut short",
            values.len()
        ));
    }
    Ok(Array { shape, values })
}

fn split(rest: &[u8], begin: usize, length: usize) -> Result<(&[u8], &[u8]), String> {
    let end = begin + length;
    if rest.len() < end {
        return Err("the header is cut short".to_owned());
    }
    Ok((&rest[begin..end], &rest[end..]))
}

fn field<'a>(header: &'a str, name: &str) -> Result<&'a str, String> {
    let (_, value) = header.split_once(&format!("'{name}':")).ok_or_else(|| format!("header lacks `{name}`"))?;
    Ok(value.trim_start())
}

#[cfg(test)]
mod tests {
    use super::{Array, parse};

    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        let length = u16::try_from(header.len()).unwrap().to_le_bytes();
        [b"\x93NUMPY\x01\x00", length.as_slice(), header.as_bytes(), data].concat()
    }

    #[test]
    fn reads_both_float_widths_and_refuses_the_rest() {
        let eight = [1.5_f64.to_le_bytes(), (-2.0_f64).to_le_bytes()].concat();
        let header = "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 1), }\n";
        assert_eq!(parse(&file(header, &eight)), Ok(Array { shape: vec![2, 1], values: vec![1.5, -2.0] }));
        let narrow = header.replace("f8", "f4").replace("(2, 1)", "(1,)");
        assert_eq!(parse(&file(&narrow, &0.25_f32.to_le_bytes())), Ok(Array { shape: vec![1], values: vec![0.25] }));
        for (header, data, expected) in [
            (header.to_owned(), &eight[..8], "cut short"),
            (header.replace("False", "True"), &eight[..], "Fortran"),
            (header.replace("<f8", ">i8"), &eight[..], "element type"),
        ] {
            assert!(parse(&file(&header, data)).unwrap_err().contains(expected), "{expected}");
        }
        for bytes in [&b"\x93NUM"[..], b"\x93NUMPY\x01\x00\xff\xff{", b"\x93NUMPY\x09\x00    "] {
            assert!(parse(bytes).is_err());
        }
    }
}
