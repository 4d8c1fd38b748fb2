//! MD.ai's export of annotations: one JSON file with label groups and the annotations of each data set.

use std::collections::BTreeMap;
use std::io::BufReader;
use std::path::Path;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::error::{Error, Result};

/// The file, reduced to what is needed.
#[derive(Debug, Deserialize)]
pub(super) struct Export {
    #[serde(rename = "labelGroups")]
    label_groups: Vec<Group>,
    datasets: Vec<Part>,
}

#[derive(Debug, Deserialize)]
struct Group {
    #[serde(default)]
    id: String,
    #[serde(default)]
    name: String,
    labels: Vec<LabelEntry>,
}

#[derive(Debug, Deserialize)]
struct LabelEntry {
    id: String,
    name: String,
    #[serde(default)]
    scope: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Part {
    #[serde(default)]
    annotations: Vec<Annotation>,
}

/// One annotation.
#[derive(Debug, Deserialize)]
pub(super) struct Annotation {
    #[serde(default)]
    pub(super) id: Option<String>,
    #[serde(rename = "labelId")]
    label_id: String,
    #[serde(rename = "SeriesInstanceUID", default)]
    pub(super) series_uid: Option<String>,
    #[serde(rename = "SOPInstanceUID", default)]
    pub(super) sop_uid: Option<String>,
    #[serde(rename = "frameNumber", default)]
    pub(super) frame_number: Option<i64>,
    #[serde(rename = "createdById", default)]
    created_by: Option<String>,
    #[serde(default, deserialize_with = "shape")]
    pub(super) data: Shape,
}

/// What an annotation draws.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) enum Shape {
    /// `data` is null or absent.
    #[default]
    Nothing,
    /// `vertices`, or `foreground` less `background`: polygons of (x, y) in pixels.
    Polygons { drawn: Vec<Vec<[f64; 2]>>, erased: Vec<Vec<[f64; 2]>> },
    /// Something that is no outline, by its keys.
    Other(String),
}

/// A label: several ids may carry one name.
#[derive(Debug, Clone)]
pub(super) struct Label {
    pub(super) name: String,
    /// Whether it belongs to a slice; others belong to a study or series and draw nothing.
    pub(super) is_drawn: bool,
    pub(super) group: [String; 2],
}

impl Export {
    /// Reads the file as it streams by.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let file = std::fs::File::open(path).map_err(|source| Error::read(path, source))?;
        serde_json::from_reader(BufReader::with_capacity(1 << 18, file)).map_err(|error| {
            let hint = "expected is the annotation file of RICORD: MIDRC-RICORD-1a_annotations_….json";
            Error::invalid(path, format!("no export of MD.ai: {error}"), hint)
        })
    }

    /// Labels by id.
    pub(super) fn labels(&self) -> BTreeMap<&str, Label> {
        let mut labels = BTreeMap::new();
        for group in &self.label_groups {
            for label in &group.labels {
                let is_drawn = label.scope.as_deref().is_none_or(|scope| scope.eq_ignore_ascii_case("INSTANCE"));
                let group = [group.id.clone(), group.name.clone()];
                labels.insert(label.id.as_str(), Label { name: label.name.trim().to_owned(), is_drawn, group });
            }
        }
        labels
    }

    /// How many label groups there are.
    pub(super) fn groups(&self) -> usize {
        self.label_groups.len()
    }

    /// All annotations.
    pub(super) fn annotations(&self) -> impl Iterator<Item = &Annotation> {
        self.datasets.iter().flat_map(|part| &part.annotations)
    }
}

impl Annotation {
    /// Its label's id.
    pub(super) fn label_id(&self) -> &str {
        &self.label_id
    }

    /// Whether it names a series.
    pub(super) fn has_series(&self) -> bool {
        self.series_uid.as_deref().is_some_and(|uid| !uid.is_empty())
    }

    /// Who drew it: the account, or the label's group where the export names none.
    pub(super) fn reader<'a>(&'a self, label: &'a Label) -> &'a str {
        self.created_by.as_deref().filter(|id| !id.is_empty()).unwrap_or(&label.group[1])
    }
}

fn shape<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Shape, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let Value::Object(map) = value else {
        return Ok(if value.is_null() { Shape::Nothing } else { Shape::Other(format!("`data` is {value}")) });
    };
    let polygons = |key: &str| match map.get(key) {
        None | Some(Value::Null) => Some(Vec::new()),
        Some(list) => list.as_array()?.iter().map(polygon).collect::<Option<Vec<_>>>(),
    };
    if let Some(vertices) = map.get("vertices") {
        return Ok(match polygon(vertices) {
            Some(polygon) => Shape::Polygons { drawn: vec![polygon], erased: Vec::new() },
            None => Shape::Other("its vertices are not pairs of numbers".to_owned()),
        });
    }
    if map.contains_key("foreground") || map.contains_key("background") {
        return Ok(match (polygons("foreground"), polygons("background")) {
            (Some(drawn), Some(erased)) => Shape::Polygons { drawn, erased },
            _ => Shape::Other("its foreground and background are not lists of polygons".to_owned()),
        });
    }
    let keys: Vec<&str> = map.keys().map(String::as_str).collect();
    Ok(Shape::Other(format!("it holds {}, which is no outline", keys.join(", "))))
}

fn polygon(value: &Value) -> Option<Vec<[f64; 2]>> {
    value.as_array()?.iter().map(vertex).collect()
}

fn vertex(value: &Value) -> Option<[f64; 2]> {
    match value.as_array()?.as_slice() {
        [x, y] => Some([x.as_f64()?, y.as_f64()?]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_data_is_known_or_named() {
        let shape = |data: &str| {
            let text = format!("{{\"labelId\": \"L\", \"data\": {data}}}");
            serde_json::from_str::<Annotation>(&text).unwrap().data
        };
        assert_eq!(shape("null"), Shape::Nothing);
        let triangle = "[[1, 2], [3, 4.5], [5, 6]]";
        let drawn = vec![vec![[1.0, 2.0], [3.0, 4.5], [5.0, 6.0]]];
        let one = Shape::Polygons { drawn: drawn.clone(), erased: Vec::new() };
        assert_eq!(shape(&format!("{{\"vertices\": {triangle}}}")), one);
        let newer = format!("{{\"foreground\": [{triangle}], \"background\": [{triangle}]}}");
        assert_eq!(shape(&newer), Shape::Polygons { drawn: drawn.clone(), erased: drawn });
        assert_eq!(shape(&format!("{{\"foreground\": [{triangle}], \"background\": null}}")), one);
        for (data, words) in [
            ("{\"x\": 1, \"y\": 2, \"width\": 3}", "x, y"),
            ("{\"vertices\": [[1, 2, 3]]}", "pairs"),
            ("{\"foreground\": [[1]]}", "lists of polygons"),
            ("7", "`data` is 7"),
        ] {
            let Shape::Other(found) = shape(data) else { panic!("{data}") };
            assert!(found.contains(words), "{found}");
        }
    }
}
