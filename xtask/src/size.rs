//! How large files and functions are, crate by crate, tests left out.

use std::path::Path;

use crate::{Outcome, source};

/// The size budget of a function, in lines.
const FUNCTION_LINES: usize = 70;

/// Prints the table and the functions over budget.
pub(crate) fn run(root: &Path) -> Outcome {
    println!("{:<14} {:>5} {:>7}   {:>18}   {:>18}", "crate", "files", "lines", "file med/p90/max", "fn med/p90/max");
    let mut long = Vec::new();
    let folders = source::entries(&root.join("crates")).into_iter().chain([root.join("xtask")]);
    for folder in folders.filter(|folder| folder.join("Cargo.toml").is_file()) {
        let (mut file_lines, mut function_lines) = (Vec::new(), Vec::new());
        for file in source::files(&folder.join("src"), "rs").iter().filter(|file| !source::is_test_file(file)) {
            let text = source::text(file);
            let lines = source::without_tests(&text);
            file_lines.push(lines.len());
            for (name, length) in functions(&lines) {
                function_lines.push(length);
                if length > FUNCTION_LINES {
                    long.push(format!(
                        "{}: {name} has {length} lines",
                        file.strip_prefix(root).unwrap_or(file).display()
                    ));
                }
            }
        }
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let (files, total) = (file_lines.len(), file_lines.iter().sum::<usize>());
        println!("{name:<14} {files:>5} {total:>7}   {:>18}   {:>18}", spread(file_lines), spread(function_lines));
    }
    println!("functions over {FUNCTION_LINES} lines: {}", long.len());
    long.iter().for_each(|line| println!("  {line}"));
    Ok(())
}

/// Names and lengths of the functions: from `fn` to the closing brace at the same depth, as rustfmt lays them out.
fn functions<'a>(lines: &[&'a str]) -> Vec<(&'a str, usize)> {
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let Some((before, after)) = code.split_once("fn ") else { continue };
        let is_function = before.split_whitespace().all(|word| {
            ["pub", "pub(crate)", "pub(super)", "const", "unsafe", "async", "extern", "\"C\""].contains(&word)
        });
        if !is_function || code.ends_with(';') {
            continue;
        }
        let name = after.split(['(', '<']).next().unwrap_or_default();
        let end = format!("{}}}", &line[..line.len() - code.len()]);
        let length = if code.ends_with('}') { Some(0) } else { lines[start..].iter().position(|line| *line == end) };
        found.extend(length.map(|length| (name, length + 1)));
    }
    found
}

/// Median, 90th percentile and maximum.
fn spread(mut sizes: Vec<usize>) -> String {
    sizes.sort_unstable();
    let at = |percent: usize| sizes.get((sizes.len().max(1) - 1) * percent / 100).copied().unwrap_or(0);
    format!("{} / {} / {}", at(50), at(90), at(100))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_a_function_from_its_name_to_its_brace() {
        let text = "fn one() {}\nimpl X {\n    pub(crate) fn two<T>(\n        x: T,\n    ) {\n        if x {\n        }\n    }\n}\n";
        assert_eq!(functions(&text.lines().collect::<Vec<_>>()), [("one", 1), ("two", 6)]);
        assert_eq!(spread(vec![3, 1, 2]), "2 / 2 / 3");
    }
}
