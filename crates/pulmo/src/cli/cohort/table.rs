//! The table of cases and the table of means; a short script sorts and filters the first, which is complete without.

use std::fmt::Write;

use pulmo::chart::escape;
use pulmo::measure::statistics::Summary;

use super::model::{Cohort, Metric, Row, title};

/// Sorts a table by the column whose head is pressed, and hides rows without the words that are typed.
pub(super) const SCRIPT: &str = "\
document.querySelectorAll('table.cases').forEach(function(table){
 var body=table.tBodies[0],rows=Array.from(body.rows),heads=Array.from(table.tHead.rows[0].cells);
 function key(row,n){var cell=row.cells[n],v=cell.dataset.v;return v===undefined?cell.textContent.trim().toLowerCase():v===''?null:Number(v)}
 heads.forEach(function(head,n){
  var button=document.createElement('button');button.type='button';button.append(...head.childNodes);head.append(button);
  button.addEventListener('click',function(){
   var up=head.getAttribute('aria-sort')!=='ascending';
   heads.forEach(function(other){other.removeAttribute('aria-sort')});
   head.setAttribute('aria-sort',up?'ascending':'descending');
   rows.sort(function(a,b){var x=key(a,n),y=key(b,n);
    if(x===null||y===null)return (x===null)-(y===null);
    return (x<y?-1:x>y?1:0)*(up?1:-1)});
   rows.forEach(function(row){body.append(row)})})});
 var label=document.createElement('label');label.className='filter screen';label.textContent='Show only rows with ';
 var field=document.createElement('input');field.type='search';label.append(field);
 table.closest('.scroll').before(label);
 field.addEventListener('input',function(){var words=field.value.toLowerCase();
  rows.forEach(function(row){row.hidden=!row.textContent.toLowerCase().includes(words)})})});
";

/// What the table needs beside the frame's style.
pub(super) const STYLE: &str = "\
table.cases th button{all:unset;cursor:pointer;font:inherit;text-align:inherit}
table.cases th button:focus-visible{outline:2px solid var(--blue);outline-offset:2px}
table.cases th button::after{content:'\\2195';opacity:.45;margin-left:.3em}
table.cases th[aria-sort=ascending] button::after{content:'\\2191';opacity:1}
table.cases th[aria-sort=descending] button::after{content:'\\2193';opacity:1}
table.cases td:first-child,table.cases th:first-child{position:sticky;left:0;background:var(--paper)}
.filter{display:block;margin:.4rem 0}.filter input{font:inherit;padding:.2rem .5rem;border:1px solid var(--soft);border-radius:.3rem;background:var(--paper);color:var(--ink)}
@media(min-width:72rem){.wide table.cases{font-size:.8rem}.wide table.cases th,.wide table.cases td{padding:.3rem .35rem}}
@page wide{size:A4 landscape}
@media print{.wide{page:wide}table.cases{font-size:7.5pt}table.cases th button::after{content:''}
table.cases td:first-child,table.cases th:first-child{position:static}}";

/// A table of more quantities than this is printed across the paper.
pub(super) const UPRIGHT: usize = 6;

/// A cell's text: ratios with three digits after the point, all else with one.
pub(super) fn shown(value: Option<f64>, unit: &str) -> String {
    let text = match (value, unit) {
        (None, _) => return "–".to_owned(),
        (Some(value), "1") => format!("{value:.3}"),
        (Some(value), _) => format!("{value:.1}"),
    };
    let is_zero = text.trim_matches(['-', '0', '.']).is_empty();
    if is_zero { text.trim_start_matches('-').to_owned() } else { text.replace('-', "\u{2212}") }
}

fn head(metric: &Metric) -> String {
    match metric.unit.as_str() {
        "1" | "" => escape(&title(&metric.name)),
        unit => format!("{} ({})", escape(&title(&metric.name)), escape(unit)),
    }
}

fn number(value: Option<f64>, unit: &str) -> String {
    let value = value.filter(|value| value.is_finite());
    let exact = value.map_or(String::new(), |value| value.to_string());
    format!("<td data-v=\"{exact}\">{}</td>", shown(value, unit))
}

/// A column of words, shown only where some row has them.
struct Words {
    head: &'static str,
    of: fn(&Row) -> String,
}

/// A column's head and its volume.
type Volume = (&'static str, fn(&Row) -> Option<f64>);

/// Every case and label with all numbers.
pub(super) fn cases(cohort: &Cohort) -> String {
    let differs = |row: &Row| if row.patient == row.case { String::new() } else { row.patient.clone() };
    let all = [
        Words { head: "Patient", of: differs },
        Words { head: "Data set", of: |row| row.data_set.clone() },
        Words { head: "Site", of: |row| row.site.clone() },
        Words { head: "Label", of: |row| row.label.clone() },
        Words { head: "To know", of: |row| row.warnings.join(" ") },
    ];
    let used = |words: &&Words| match words.head {
        "Label" | "Data set" => cohort.rows.iter().any(|row| (words.of)(row) != (words.of)(&cohort.rows[0])),
        _ => cohort.rows.iter().any(|row| !(words.of)(row).is_empty()),
    };
    let (before, after): (Vec<&Words>, Vec<&Words>) =
        all.iter().filter(used).partition(|words| words.head != "To know");
    let has_reference = cohort.rows.iter().any(|row| row.reference_ml.is_some());
    let volumes: &[Volume] = match has_reference {
        true => &[("Reference (mL)", |row| row.reference_ml), ("Prediction (mL)", |row| row.prediction_ml)],
        false => &[("Prediction (mL)", |row| row.prediction_ml)],
    };
    // What no case has, such as false alarms where every reference shows something, would be a column of dashes.
    let has_value = |metric: &&Metric| cohort.rows.iter().any(|row| row.get(&metric.name).is_some());
    let metrics: Vec<&Metric> = cohort.metrics.iter().filter(has_value).collect();
    let mut html =
        String::from("<div class=\"scroll\"><table class=\"cases\">\n<thead><tr><th scope=\"col\">Case</th>");
    let word_heads = |list: &[&Words]| -> String {
        list.iter().map(|words| format!("<th scope=\"col\" class=\"words\">{}</th>", words.head)).collect()
    };
    html += &word_heads(&before);
    volumes.iter().for_each(|(name, _)| html += &format!("<th scope=\"col\">{name}</th>"));
    metrics.iter().for_each(|metric| html += &format!("<th scope=\"col\">{}</th>", head(metric)));
    html += &word_heads(&after);
    html += "</tr></thead>\n<tbody>\n";
    for row in &cohort.rows {
        let cells = |list: &[&Words]| -> String {
            list.iter().map(|words| format!("<td class=\"words\">{}</td>", escape(&(words.of)(row)))).collect()
        };
        let numbers: String = volumes.iter().map(|(_, volume)| number(volume(row), "mL")).collect();
        let metrics: String = metrics.iter().map(|metric| number(row.get(&metric.name), &metric.unit)).collect();
        let case = escape(&row.case);
        let _ = writeln!(html, "<tr><td>{case}</td>{}{numbers}{metrics}{}</tr>", cells(&before), cells(&after));
    }
    html + "</tbody>\n</table></div>\n"
}

/// Means and spread of every quantity of a label; `None` if there is no quantity.
pub(super) fn summary(cohort: &Cohort, label: &str) -> Option<String> {
    let rows: Vec<&Row> = cohort.rows.iter().filter(|row| row.label == label).collect();
    let mut html = String::from(
        "<div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">Quantity</th><th scope=\"col\">n</th>\
         <th scope=\"col\">Left out</th><th scope=\"col\">Mean</th><th scope=\"col\">SD</th><th scope=\"col\">Median</th>\
         <th scope=\"col\">Quartiles</th><th scope=\"col\">Least</th><th scope=\"col\">Most</th></tr></thead>\n<tbody>\n",
    );
    let mut is_empty = true;
    for metric in &cohort.metrics {
        let values: Vec<Option<f64>> = rows.iter().map(|row| row.get(&metric.name)).collect();
        let Some(found) = Summary::of(&values) else { continue };
        is_empty = false;
        let cell = |value| shown(value, &metric.unit);
        let _ = writeln!(
            html,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{} to {}</td><td>{}</td><td>{}</td></tr>",
            head(metric),
            found.n,
            found.left_out,
            cell(Some(found.mean)),
            cell(found.sd),
            cell(Some(found.median)),
            cell(Some(found.q1)),
            cell(Some(found.q3)),
            cell(Some(found.min)),
            cell(Some(found.max))
        );
    }
    (!is_empty).then(|| html + "</tbody>\n</table></div>\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_show_no_negative_nothing() {
        assert_eq!(shown(Some(-0.01), "mL"), "0.0");
        assert_eq!(shown(Some(-12.54), "mL"), "\u{2212}12.5");
        assert_eq!(shown(Some(0.8734), "1"), "0.873");
        assert_eq!(shown(None, "1"), "–");
        assert_eq!(number(Some(f64::NAN), "1"), "<td data-v=\"\">–</td>");
    }

    #[test]
    fn columns_that_say_nothing_are_left_out() {
        let mut cohort = Cohort::default();
        cohort.add_metric(Metric { name: "dice".into(), unit: "1".into(), rule: String::new() });
        cohort.add_metric(Metric { name: "false_positive_ml".into(), unit: "mL".into(), rule: String::new() });
        for (case, dice) in [("a", Some(0.25)), ("b", None)] {
            let row = cohort.row(case, "infiltrate");
            row.patient = case.to_owned();
            row.prediction_ml = Some(1.0);
            row.values.insert("dice".into(), dice);
        }
        let table = cases(&cohort);
        for absent in ["Patient", "Data set", "Site", "Label", "To know", "Reference", "False positive"] {
            assert!(!table.contains(absent), "{absent}");
        }
        assert!(
            table.contains("<tr><td>a</td><td data-v=\"1\">1.0</td><td data-v=\"0.25\">0.250</td></tr>"),
            "{table}"
        );
        cohort.rows[0].warnings.push("thick <slices>".to_owned());
        cohort.rows[1].patient = "p".to_owned();
        let table = cases(&cohort);
        assert!(table.contains("thick &#60;slices&#62;") && table.contains(">Patient</th>"), "{table}");
        let summary = summary(&cohort, "infiltrate").unwrap();
        assert!(summary.contains("<td>Dice</td><td>1</td><td>1</td><td>0.250</td><td>–</td>"), "{summary}");
    }
}
