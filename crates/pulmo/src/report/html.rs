//! The report as one HTML file: no script, nothing from elsewhere, two A4 pages when printed.

use std::io;

use askama::Template;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::content::Content;
use super::document::Report;
use super::figure;
use super::language::{Language, Words};
use super::pdf;
use super::pictures::Drawn;
use crate::picture::{OUTLINE, PREDICTION};

/// The page; `templates/report.html` escapes every value but the drawing, which escapes itself.
#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    content: &'a Content,
    words: &'a Words,
    pictures: Vec<Embedded>,
    drawing: String,
    opacity_colour: String,
    lung_colour: String,
    /// How letters are scaled in print, so that two pages are enough.
    fit: f32,
    /// Whether in print the tables begin on the first page.
    flows_on: bool,
    /// Whether in print flags stand in small letters.
    has_many_flags: bool,
}

/// A picture inside the page.
struct Embedded {
    caption: String,
    data: String,
    width: usize,
    height: usize,
    /// Width by height, by which pictures in a row become equally high.
    ratio: f64,
}

/// Writes the page.
///
/// # Errors
/// If a picture cannot be encoded or the page cannot be put together, which nothing has shown.
pub fn html(report: &Report, pictures: &[Drawn], language: Language) -> io::Result<Vec<u8>> {
    let words = language.words();
    let content = Content::of(report, language);
    let embed = |drawn: &Drawn| {
        Ok(Embedded {
            caption: drawn.caption(language),
            data: STANDARD.encode(drawn.picture.to_png()?),
            width: drawn.picture.width(),
            height: drawn.picture.height(),
            ratio: drawn.picture.width() as f64 / drawn.picture.height() as f64,
        })
    };
    let colour = |[red, green, blue]: [u8; 3]| format!("#{red:02x}{green:02x}{blue:02x}");
    let shapes = figure::shapes(report, language);
    let (fit, flows_on) = pdf::fit(&content, pictures, &shapes);
    let page = Page {
        content: &content,
        words,
        pictures: pictures.iter().map(embed).collect::<io::Result<_>>()?,
        drawing: figure::svg(&shapes, words.levels),
        opacity_colour: colour(PREDICTION),
        lung_colour: colour(OUTLINE),
        fit,
        flows_on,
        has_many_flags: content.flags.len() > pdf::FEW_FLAGS,
    };
    Ok(page.render().map_err(io::Error::other)?.into_bytes())
}
