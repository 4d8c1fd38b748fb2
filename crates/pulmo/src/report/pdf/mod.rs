//! The report as a PDF of two A4 pages: the same words, numbers, pictures and drawing as the HTML.
//!
//! Fonts are the standard ones that every reader has. There is no time in it, so equal reports give equal bytes.

mod font;
mod sheet;

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::ZlibEncoder;
use pdf_writer::{Content as Operations, Filter, Finish, Name, Pdf, Rect, Ref, TextStr};

use super::content::{Content, Table};
use super::document::Report;
use super::figure::{self, Anchor, Shape};
use super::language::Language;
use super::pictures::Drawn;
use font::{Font, encode};
use sheet::{INK, PAGE, SOFT, Sheet};

/// Sizes by which all letters are multiplied until two pages are enough; the last is taken in any case. The longest
/// report that tests make stops at 0.74; the three below it are there so that no other one needs a third page.
const SCALES: [f32; 12] = [1.18, 1.12, 1.06, 1.0, 0.95, 0.9, 0.85, 0.8, 0.74, 0.68, 0.6, 0.52];
/// More flags than this stand in one paragraph each, in small letters, so that two pages are enough.
pub(super) const FEW_FLAGS: usize = 8;
/// Behind the numbers at the top.
const CARD: [u8; 3] = [243, 245, 247];
/// Behind what must not be overlooked.
const ALERT: [u8; 3] = [253, 240, 213];

/// Makes the PDF.
///
/// # Errors
/// None in practice: nothing is written but memory.
pub fn pdf(report: &Report, pictures: &[Drawn], language: Language) -> io::Result<Vec<u8>> {
    let content = Content::of(report, language);
    let words = language.words();
    let (_, mut pages) = fitted(&content, pictures, &figure::shapes(report, language));
    sheet::feet(&mut pages, words.research, words.page, words.of);
    assemble(pages, pictures, &content, &report.pulmo_version)
}

/// How the letters must be scaled so that two pages are enough, 1 being comfortable, and whether tables have to begin on
/// the first page. The HTML prints by it too: a page without scripts cannot measure itself.
pub(super) fn fit(content: &Content, pictures: &[Drawn], shapes: &[Shape]) -> (f32, bool) {
    let (scale, _) = fitted(content, pictures, shapes);
    (scale, flows_on(scale))
}

/// The largest scale of [`SCALES`] by which two pages are enough, and these pages.
fn fitted(content: &Content, pictures: &[Drawn], shapes: &[Shape]) -> (f32, Vec<Operations>) {
    let mut fitted = (SCALES[0], Vec::new());
    for scale in SCALES {
        fitted = (scale, lay_out(content, pictures, shapes, scale).pages);
        if fitted.1.len() <= 2 {
            break;
        }
    }
    fitted
}

/// The tables have a page of their own, unless flags and a follow-up need the room that is left.
fn flows_on(scale: f32) -> bool {
    scale <= SCALES[7]
}

fn lay_out(content: &Content, pictures: &[Drawn], shapes: &[Shape], scale: f32) -> Sheet {
    let words = content.language.words();
    let mut sheet = Sheet::new(scale);
    head(&mut sheet, content);
    tiles(&mut sheet, content);
    sheet.heading(words.flags);
    let (plain, soft) = (sheet.style(8.0, Font::Regular, INK), sheet.style(7.2, Font::Regular, SOFT));
    if content.flags.is_empty() {
        sheet.paragraph(words.no_flags, plain);
    }
    for flag in &content.flags {
        if content.flags.len() > FEW_FLAGS {
            sheet.paragraph(&format!("• {} ({})", flag.sentence, flag.details(words)), soft);
            continue;
        }
        sheet.paragraph(&format!("• {}", flag.sentence), plain);
        sheet.paragraph(&format!("   {}", flag.details(words)), soft);
    }
    if let Some(note) = content.threshold_note() {
        let style = sheet.style(6.6, Font::Regular, SOFT);
        sheet.paragraph(&note, style);
    }
    sheet.heading(words.pictures);
    picture_row(&mut sheet, pictures, content.language);
    let note = format!(
        "{}: {}; {}: {}. {}",
        words.orange, words.contour_opacity, words.blue, words.contour_lungs, words.picture_note
    );
    sheet.paragraph(&note, soft);
    if let Some(table) = &content.regions {
        drawing_beside(&mut sheet, shapes, table, content);
    }
    if sheet.pages.len() == 1 && !flows_on(scale) {
        sheet.next_page();
    }
    let tables = std::iter::once(&content.quantities).chain(&content.follow_up).chain(&content.scores);
    for table in tables {
        sheet.heading(&table.title);
        full_table(&mut sheet, table);
    }
    if !content.left_out.is_empty() {
        let left_out: Vec<String> =
            content.left_out.iter().map(|pair| format!("{} ({})", pair.name, pair.value)).collect();
        sheet.paragraph(&format!("{}: {}", words.scores_left_out, left_out.join("; ")), soft);
    }
    sheet.heading(words.done);
    for pair in &content.done {
        let (name, value) = (sheet.style(7.2, Font::Bold, SOFT), sheet.style(7.2, Font::Regular, INK));
        let columns = [(0.0, 0.2 * Sheet::width() - 6.0), (0.2 * Sheet::width(), 0.8 * Sheet::width())];
        sheet.row(&[(&pair.name, name), (&pair.value, value)], &columns, &|_| false);
    }
    sheet
}

/// Title, whose report it is, the research sentence, and what must not be overlooked.
fn head(sheet: &mut Sheet, content: &Content) {
    let (title, plain, soft) =
        (sheet.style(15.0, Font::Bold, INK), sheet.style(8.5, Font::Bold, INK), sheet.style(8.5, Font::Regular, SOFT));
    sheet.paragraph(&content.title, title);
    sheet.paragraph(&content.what, soft);
    let subject: Vec<String> = content.subject.iter().map(|pair| format!("{}: {}", pair.name, pair.value)).collect();
    sheet.paragraph(&subject.join("   ·   "), plain);
    sheet.space(2.0);
    for notice in &content.notices {
        let style = sheet.style(7.4, Font::Regular, INK);
        sheet.paragraph(notice, style);
    }
    for alert in &content.alerts {
        sheet.space(3.0);
        let (bold, plain) = (sheet.style(8.8, Font::Bold, INK), sheet.style(8.0, Font::Regular, INK));
        let lines = bold.font.wrap(&alert.sentence, bold.size, Sheet::width()).len() as f32 * Sheet::line(bold)
            + alert
                .reasons
                .iter()
                .map(|reason| plain.font.wrap(reason, plain.size, Sheet::width()).len() as f32 * Sheet::line(plain))
                .sum::<f32>();
        let area = [Sheet::left() - 4.0, sheet.y - 1.0, Sheet::width() + 8.0, lines + 4.0];
        sheet.fill(area, ALERT);
        sheet.paragraph(&alert.sentence, bold);
        alert.reasons.iter().for_each(|reason| sheet.paragraph(reason, plain));
        sheet.space(3.0);
    }
}

fn tiles(sheet: &mut Sheet, content: &Content) {
    sheet.space(4.0);
    let (number, label) = (sheet.style(12.5, Font::Bold, INK), sheet.style(7.2, Font::Regular, SOFT));
    let gap = 5.0;
    let width = (Sheet::width() + gap) / content.tiles.len() as f32 - gap;
    let height = Sheet::line(number) + Sheet::line(label) + 8.0;
    for (at, tile) in content.tiles.iter().enumerate() {
        let left = Sheet::left() + at as f32 * (width + gap);
        let top = sheet.y;
        sheet.fill([left, top, width, height], CARD);
        sheet.put(&encode(&tile.value), [left + 5.0, top + 3.0 + number.size], number);
        sheet.put(&encode(&tile.label), [left + 5.0, top + height - 6.0], label);
    }
    sheet.y += height;
}

/// All pictures in one row, equally high.
fn picture_row(sheet: &mut Sheet, pictures: &[Drawn], language: Language) {
    let gap = 6.0;
    let shapes: Vec<f32> =
        pictures.iter().map(|drawn| drawn.picture.width() as f32 / drawn.picture.height() as f32).collect();
    let room = Sheet::width() - gap * (pictures.len().max(1) - 1) as f32;
    let height = (room / shapes.iter().sum::<f32>()).min(215.0);
    let caption = sheet.style(7.0, Font::Regular, SOFT);
    sheet.need(height + 3.0 * Sheet::line(caption));
    let (top, mut left, mut lines) = (sheet.y + 2.0, Sheet::left(), 1);
    for (number, (drawn, shape)) in pictures.iter().zip(shapes).enumerate() {
        let width = height * shape;
        sheet.image(&picture_name(number), [left, top, width, height]);
        let wrapped = caption.font.wrap(&drawn.caption(language), caption.size, width);
        lines = lines.max(wrapped.len());
        for (at, line) in wrapped.iter().enumerate() {
            let y = top + height + (at + 1) as f32 * Sheet::line(caption);
            sheet.put(line, [left, y], caption);
        }
        left += width + gap;
    }
    sheet.y = top + height + lines as f32 * Sheet::line(caption) + 4.0;
}

/// The drawing of levels on the left, shares by region on the right.
fn drawing_beside(sheet: &mut Sheet, shapes: &[Shape], table: &Table, content: &Content) {
    let words = content.language.words();
    let width = 0.38 * Sheet::width();
    let scale = width / figure::SIZE[0] as f32;
    let height = figure::SIZE[1] as f32 * scale;
    sheet.heading(&format!("{} · {}", words.levels, words.regions));
    sheet.need(height);
    let (top, page) = (sheet.y, sheet.pages.len());
    draw(sheet.content(), shapes, [Sheet::left(), top], scale);
    let indent = width + 14.0;
    let rest = Sheet::width() - indent;
    let columns: Vec<(f32, f32)> = [(0.0, 0.31), (0.31, 0.23), (0.54, 0.23), (0.77, 0.23)]
        .map(|(left, share)| (indent + left * rest, share * rest - 2.0))
        .into();
    let (bold, plain) = (sheet.style(7.6, Font::Bold, INK), sheet.style(7.6, Font::Regular, INK));
    for (row, style) in std::iter::once((&table.head, bold)).chain(table.rows.iter().map(|row| (row, plain))) {
        let cells: Vec<(&str, sheet::Style)> = row.iter().map(|cell| (cell.as_str(), style)).collect();
        sheet.row(&cells, &columns, &|column| table.is_numeric(&column));
    }
    if sheet.pages.len() == page {
        sheet.y = sheet.y.max(top + height + 4.0);
    }
    let soft = sheet.style(6.8, Font::Regular, SOFT);
    sheet.paragraph(words.levels_note, soft);
    table.notes.iter().for_each(|note| sheet.paragraph(note, soft));
}

/// How wide the columns of a table are, as shares of the page.
fn shares(table: &Table) -> &'static [f32] {
    match table.id {
        "quantities" => &[0.3, 0.28, 0.42],
        "follow_up" => &[0.52, 0.12, 0.12, 0.24],
        "scores" => &[0.3, 0.16, 0.54],
        _ => &[0.25; 4],
    }
}

/// A table over the whole width.
fn full_table(sheet: &mut Sheet, table: &Table) {
    let mut columns = Vec::new();
    let mut left = 0.0;
    for share in shares(table) {
        columns.push((left * Sheet::width(), share * Sheet::width() - 8.0));
        left += share;
    }
    let (bold, plain) = (sheet.style(7.8, Font::Bold, INK), sheet.style(7.8, Font::Regular, INK));
    let small = sheet.style(7.0, Font::Regular, SOFT);
    for (row, is_head) in std::iter::once((&table.head, true)).chain(table.rows.iter().map(|row| (row, false))) {
        let style = |column: usize| match (is_head, table.numeric.contains(&column) || column == 0) {
            (true, _) => bold,
            (false, true) => plain,
            (false, false) => small,
        };
        let cells: Vec<(&str, sheet::Style)> =
            row.iter().enumerate().map(|(column, cell)| (cell.as_str(), style(column))).collect();
        sheet.row(&cells, &columns, &|column| table.is_numeric(&column));
    }
    let soft = sheet.style(7.0, Font::Regular, SOFT);
    table.notes.iter().for_each(|note| sheet.paragraph(note, soft));
}

/// Draws shapes with their upper left corner at a place.
fn draw(content: &mut Operations, shapes: &[Shape], [left, top]: [f32; 2], scale: f32) {
    let place = |[x, y]: [f64; 2]| [left + x as f32 * scale, PAGE[1] - top - y as f32 * scale];
    for shape in shapes {
        match shape {
            Shape::Area { points, colour, is_lined } => {
                let [red, green, blue] = colour.map(|c| f32::from(c) / 255.0);
                content.set_fill_rgb(red, green, blue);
                sheet::stroke(content, figure::INK, 0.6);
                for (at, point) in points.iter().enumerate() {
                    let [x, y] = place(*point);
                    if at == 0 {
                        content.move_to(x, y)
                    } else {
                        content.line_to(x, y)
                    };
                }
                content.close_path();
                if *is_lined {
                    content.fill_nonzero_and_stroke()
                } else {
                    content.fill_nonzero()
                };
            }
            Shape::Text { at, anchor, text, is_bold } => {
                let font = if *is_bold { Font::Bold } else { Font::Regular };
                let style = sheet::Style { size: 10.0 * scale, font, colour: figure::INK };
                let bytes = encode(text);
                let width = font.width(&bytes, style.size);
                let [x, y] = place(*at);
                let x = match anchor {
                    Anchor::Start => x,
                    Anchor::Middle => x - width / 2.0,
                    Anchor::End => x - width,
                };
                sheet::put(content, &bytes, [x, PAGE[1] - y], style);
            }
        }
    }
}

fn picture_name(number: usize) -> String {
    format!("P{number}")
}

/// The file of finished pages.
fn assemble(pages: Vec<Operations>, pictures: &[Drawn], content: &Content, version: &str) -> io::Result<Vec<u8>> {
    let mut number = 0;
    let mut next = || {
        number += 1;
        Ref::new(number)
    };
    let mut pdf = Pdf::new();
    let (catalog, tree, info, regular, bold) = (next(), next(), next(), next(), next());
    let images: Vec<Ref> = pictures.iter().map(|_| next()).collect();
    let leaves: Vec<(Ref, Ref)> = pages.iter().map(|_| (next(), next())).collect();
    pdf.catalog(catalog).pages(tree).lang(TextStr(content.language.code()));
    pdf.document_info(info).title(TextStr(&content.title)).producer(TextStr(&format!("pulmo {version}")));
    pdf.pages(tree).kids(leaves.iter().map(|leaf| leaf.0)).count(leaves.len() as i32);
    for (font, name) in [(regular, "Helvetica"), (bold, "Helvetica-Bold")] {
        pdf.type1_font(font).base_font(Name(name.as_bytes())).encoding_predefined(Name(b"WinAnsiEncoding"));
    }
    for (image, drawn) in images.iter().zip(pictures) {
        let data = deflate(drawn.picture.rgb().as_flattened())?;
        let mut object = pdf.image_xobject(*image, &data);
        object.filter(Filter::FlateDecode);
        object.width(drawn.picture.width() as i32).height(drawn.picture.height() as i32);
        object.color_space().device_rgb();
        object.bits_per_component(8);
    }
    for ((leaf, stream), operations) in leaves.into_iter().zip(pages) {
        let mut page = pdf.page(leaf);
        page.media_box(Rect::new(0.0, 0.0, PAGE[0], PAGE[1])).parent(tree).contents(stream);
        let mut resources = page.resources();
        resources.fonts().pair(Name(b"R"), regular).pair(Name(b"B"), bold);
        let mut objects = resources.x_objects();
        for (number, image) in images.iter().enumerate() {
            objects.pair(Name(picture_name(number).as_bytes()), *image);
        }
        objects.finish();
        resources.finish();
        page.finish();
        let data = deflate(&operations.finish())?;
        pdf.stream(stream, &data).filter(Filter::FlateDecode);
    }
    Ok(pdf.finish())
}

fn deflate(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes)?;
    encoder.finish()
}
