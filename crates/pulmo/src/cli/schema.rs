//! `pulmo schema`: the forms of the JSON files, for whoever reads them by a program.

use std::process::ExitCode;

use crate::terminal::Terminal;

/// Prints the JSON Schema of a file that this program writes.
///
/// The draft is 2020-12. Each such file names its form in a field `schema`; a form that changes in a way that
/// breaks readers gets another number there.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: pulmo schema report > report.schema.json")]
pub(crate) struct Args {
    /// Which file.
    #[arg(value_enum, value_name = "FILE")]
    form: Form,
}

/// A file that has a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// `evaluation.json` of `pulmo evaluate` and `pulmo demo`.
    Evaluation,
    /// `compare.json` of `pulmo compare`.
    Comparison,
    /// `report.json` of `pulmo report` and `pulmo run`.
    Report,
    /// `result.json` of `pulmo segment` and `pulmo run`.
    Result,
}

impl Form {
    fn schema(self) -> &'static str {
        match self {
            Self::Evaluation => include_str!("../../../../docs/schemas/evaluation.schema.json"),
            Self::Comparison => include_str!("../../../../docs/schemas/comparison.schema.json"),
            Self::Report => include_str!("../../../../docs/schemas/report.schema.json"),
            Self::Result => include_str!("../../../../docs/schemas/result.schema.json"),
        }
    }
}

/// Prints a schema; see [`Args`].
pub(crate) fn run(args: Args, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    terminal.data(args.form.schema().trim_end())?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;
    use serde_json::Value;

    use super::Form;

    #[test]
    fn every_schema_is_json_and_fixes_the_name_of_its_form() {
        for form in Form::value_variants() {
            let schema: Value = serde_json::from_str(form.schema()).unwrap();
            let name = schema["properties"]["schema"]["const"].as_str().unwrap();
            assert!(name.ends_with('1') && name.starts_with("pulmo"), "{name}");
            assert!(schema["required"].as_array().unwrap().contains(&"schema".into()), "{form:?}");
        }
    }
}
