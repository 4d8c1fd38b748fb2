//! The frame of every page that the program writes: one file of HTML that needs nothing but itself.
//!
//! A table that is wider than the screen scrolls in its box, whose edge is shaded where more of it lies.
//! The page is read on paper, on a phone, in the dark and by a screen reader: text stands out from its ground by 4.5 to 1 at
//! least, nothing is said by colour alone, and no script is needed to read. Charts come from [`crate::chart`].

use std::fmt::Write;

use crate::chart::escape;

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1c2329;--soft:#56616a;--line:#d9dee2;--paper:#fff;--card:#f3f6f8;--blue:#0b6fb0;--edge:#56616a80}
@media(prefers-color-scheme:dark){:root{--ink:#e6eaed;--soft:#9aa5ae;--line:#323a41;--paper:#14181b;--card:#1d2327;--blue:#6bb9ee;--edge:#9aa5aea0}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,sans-serif}
main{max-width:74rem;margin:0 auto;padding:2rem 1.2rem 4rem}
h1{font-size:1.7rem;line-height:1.25;margin:0 0 .3rem;overflow-wrap:anywhere}
h2{font-size:1.2rem;margin:2.6rem 0 .6rem}h3{font-size:1rem;margin:1.6rem 0 .4rem}
p,ul{max-width:46rem}.soft{color:var(--soft)}a{color:var(--blue)}
.notice{border-left:4px solid #c9302c;background:var(--card);padding:.6rem 1rem;margin:1.2rem 0}
.numbers{display:grid;grid-template-columns:repeat(auto-fit,minmax(9rem,1fr));gap:.8rem;margin:1.2rem 0}
.numbers div{background:var(--card);border-radius:.5rem;padding:.7rem 1.1rem}
.numbers b{display:block;font-size:1.6rem;line-height:1.3;font-variant-numeric:tabular-nums}
.scroll{overflow-x:auto;background:linear-gradient(to right,var(--paper),transparent) 0 0/2rem 100% no-repeat local,\
linear-gradient(to left,var(--paper),transparent) 100% 0/2rem 100% no-repeat local,\
linear-gradient(to right,var(--edge),transparent) 0 0/.7rem 100% no-repeat,\
linear-gradient(to left,var(--edge),transparent) 100% 0/.7rem 100% no-repeat}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:.35rem .8rem;border-bottom:1px solid var(--line);text-align:right;vertical-align:top}
td{white-space:nowrap}td.words{white-space:normal}
th{vertical-align:bottom}
@media(max-width:46rem){table{font-size:.88rem}th,td{padding:.3rem .35rem}}
th:first-child,td:first-child,.words{text-align:left}tfoot td{font-weight:600}
figure{margin:0}figcaption{font-size:.88rem;color:var(--soft)}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,20rem),1fr));gap:1.6rem 2.4rem;margin-bottom:1.2rem}
.charts figcaption{color:var(--ink);font-size:1rem;font-weight:600;margin-bottom:.3rem}
svg.chart{display:block;width:100%;max-width:34rem;height:auto}
.pictures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,17rem),1fr));gap:1rem;margin-bottom:1rem}
.pictures img{width:100%;border-radius:.4rem;background:#000}
.key{display:inline-block;width:.9em;height:.9em;border-radius:.2em;vertical-align:-.1em;print-color-adjust:exact}
code{background:var(--card);padding:.1em .3em;border-radius:.25em}dt{font-weight:600;margin-top:.5rem}dd{margin:0;color:var(--soft)}
@page{size:A4;margin:14mm 12mm}
@media print{:root{color-scheme:light;--ink:#000;--soft:#444;--line:#bbb;--paper:#fff;--card:#f3f6f8;--blue:#004a7a}
body{font-size:10pt}main{max-width:none;padding:0}h2,h3{break-after:avoid}figure,tr,.numbers,.notice{break-inside:avoid}
.scroll{overflow:visible;background:none}thead{display:table-header-group;break-inside:avoid}.charts{grid-template-columns:1fr 1fr;gap:6mm}
.pictures{grid-template-columns:repeat(4,1fr)}.numbers div{border:1px solid var(--line)}
th,td{padding:.15rem .4rem}.screen{display:none!important}h2{margin-top:1.5rem}}";

/// A whole page; `title` is plain text, `body` is HTML.
#[must_use]
pub fn frame(title: &str, body: &str) -> String {
    frame_with(title, "", body)
}

/// As [`frame`], with rules of style that only this page needs.
#[must_use]
pub fn frame_with(title: &str, style: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>{}</title>\n\
         <style>{STYLE}\n{style}</style>\n<main>\n{body}</main>\n</html>\n",
        escape(title)
    )
}

/// The few numbers that matter, in large letters; both parts are plain text.
#[must_use]
pub fn numbers(boxes: &[(String, &str)]) -> String {
    let mut html = String::from("<div class=\"numbers\">\n");
    for (number, what) in boxes {
        let _ = writeln!(html, "<div><b>{}</b>{}</div>", escape(number), escape(what));
    }
    html + "</div>\n"
}

/// A chart under its caption, which is plain text.
#[must_use]
pub fn figure(caption: &str, chart: &str) -> String {
    format!("<figure><figcaption>{}</figcaption>\n{chart}</figure>\n", escape(caption))
}

/// A small square of a colour, for keys.
#[must_use]
pub fn swatch([red, green, blue]: [u8; 3]) -> String {
    format!("<span class=\"key\" style=\"background:rgb({red},{green},{blue})\"></span>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_stands_alone_and_escapes_its_title() {
        let page = frame("<script>&", &numbers(&[("<1".to_owned(), "mL & more")]));
        assert!(page.contains("<title>&#60;script&#62;&#38;</title>") && page.contains("<b>&#60;1</b>mL &#38; more"));
        assert!(!page.contains("http") && !page.contains("<script") && page.contains("size:A4"));
    }

    /// Share of light that a colour sends back, after WCAG 2.1.
    fn luminance(hex: &str) -> f64 {
        let short = hex.len() == 4;
        let part = |n: usize| {
            let text = if short { hex[n + 1..n + 2].repeat(2) } else { hex[2 * n + 1..2 * n + 3].to_owned() };
            let value = f64::from(u8::from_str_radix(&text, 16).unwrap()) / 255.0;
            if value <= 0.03928 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * part(0) + 0.7152 * part(1) + 0.0722 * part(2)
    }

    fn contrast(a: &str, b: &str) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn words_and_marks_stand_out_from_their_ground() {
        assert!((contrast("#000", "#ffffff") - 21.0).abs() < 1e-9);
        let themes: Vec<&str> = STYLE.split(":root{").skip(1).map(|rest| rest.split('}').next().unwrap()).collect();
        assert_eq!(themes.len(), 3, "light, dark, print");
        for theme in themes {
            let value = |name: &str| theme.split(&format!("--{name}:")).nth(1).unwrap().split(';').next().unwrap();
            let [ink, soft, paper, card] = ["ink", "soft", "paper", "card"].map(value);
            for ground in [paper, card] {
                for words in [ink, soft] {
                    assert!(contrast(words, ground) >= 4.5, "{words} on {ground}");
                }
            }
        }
        for mark in crate::chart::COLOURS.iter().filter(|colour| colour.starts_with('#')) {
            assert!(contrast(mark, "#ffffff") >= 2.9, "{mark}");
        }
    }
}
