//! What the program writes as JSON against docs/schemas, by the keywords that the schemas use.

use serde_json::Value;

/// What is wrong with an evaluation.json, each with its place; empty if nothing is.
pub(crate) fn errors(document: &Value) -> Vec<String> {
    errors_by("evaluation", document)
}

/// What is wrong with a document by one of the schemas.
pub(crate) fn errors_by(name: &str, document: &Value) -> Vec<String> {
    let path = format!("{}/../../docs/schemas/{name}.schema.json", env!("CARGO_MANIFEST_DIR"));
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut errors = Vec::new();
    check(document, &schema, &schema, "", &mut errors);
    errors
}

/// Stops the test if a JSON file does not fit one of the schemas, as `pulmo schema` prints it.
#[track_caller]
pub(crate) fn must_fit(name: &str, text: &str) {
    let printed = super::pulmo(&["schema".as_ref(), name.as_ref()]);
    let schema: Value = serde_json::from_slice(&printed.stdout).unwrap();
    let mut errors = Vec::new();
    check(&serde_json::from_str(text).unwrap(), &schema, &schema, "", &mut errors);
    assert_eq!(errors, Vec::<String>::new(), "the schema of {name} and the output differ");
}

fn check(value: &Value, rule: &Value, root: &Value, at: &str, errors: &mut Vec<String>) {
    if let Some(name) = rule["$ref"].as_str() {
        let target = root.pointer(name.trim_start_matches('#')).unwrap_or_else(|| panic!("{name} is not defined"));
        return check(value, target, root, at, errors);
    }
    let mut wrong = |what: String| errors.push(format!("{at}: {what}"));
    let matches = |rule: &Value| {
        let mut inner = Vec::new();
        check(value, rule, root, at, &mut inner);
        inner.is_empty()
    };
    let types: Vec<&str> = match &rule["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if !types.is_empty() && !types.iter().any(|kind| is(value, kind)) {
        wrong(format!("{value} is no {}", types.join(" or ")));
    }
    if rule.get("const").is_some_and(|constant| constant != value) {
        wrong(format!("{value} is not {}", rule["const"]));
    }
    if rule["enum"].as_array().is_some_and(|values| !values.contains(value)) {
        wrong(format!("{value} is none of {}", rule["enum"]));
    }
    if rule["anyOf"].as_array().is_some_and(|rules| !rules.iter().any(matches)) {
        wrong("it fits none of several forms".to_owned());
    }
    if rule["oneOf"].as_array().is_some_and(|rules| rules.iter().filter(|rule| matches(rule)).count() != 1) {
        wrong("it must fit one of several forms".to_owned());
    }
    if let (Some(least), Some(number)) = (rule["minimum"].as_f64(), value.as_f64())
        && number < least
    {
        wrong(format!("{number} is less than {least}"));
    }
    if let (Some(items), Some(count)) = (rule["minItems"].as_u64(), value.as_array().map(Vec::len))
        && (count as u64) < items
    {
        wrong(format!("{count} items, at least {items}"));
    }
    if let (Some(items), Some(count)) = (rule["maxItems"].as_u64(), value.as_array().map(Vec::len))
        && (count as u64) > items
    {
        wrong(format!("{count} items, at most {items}"));
    }
    for key in rule["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        // As JSON Schema has it: what is no object lacks nothing.
        if value.is_object() && value.get(key).is_none() {
            wrong(format!("`{key}` is missing"));
        }
    }
    if let (Some(object), Some(properties)) = (value.as_object(), rule["properties"].as_object()) {
        for (key, inner) in object {
            match properties.get(key) {
                Some(rule) => check(inner, rule, root, &format!("{at}/{key}"), errors),
                None if rule["additionalProperties"] == false => {
                    errors.push(format!("{at}: the schema does not know `{key}`"));
                }
                None => (),
            }
        }
    }
    if let (Some(array), Some(rule)) = (value.as_array(), rule.get("items")) {
        array.iter().enumerate().for_each(|(i, item)| check(item, rule, root, &format!("{at}/{i}"), errors));
    }
}

fn is(value: &Value, kind: &str) -> bool {
    match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        other => panic!("the schema names the type `{other}`"),
    }
}

#[test]
fn what_does_not_fit_is_found() {
    let empty = serde_json::json!({ "schema": "pulmo-evaluation/0", "more": 1, "cases": [{ "case": 3 }] });
    let errors = errors(&empty);
    for wrong in ["/schema", "does not know `more`", "`summary` is missing", "/cases/0/case: 3 is no string"] {
        assert!(errors.iter().any(|error| error.contains(wrong)), "`{wrong}` not in {errors:?}");
    }
}
