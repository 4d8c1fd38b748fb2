//! A pile of A4 pages that are filled from the top.

use pdf_writer::{Content, Name, Str};

use super::font::{Font, encode};

/// A4 in points.
pub(super) const PAGE: [f32; 2] = [595.28, 841.89];
/// White around everything.
const MARGIN: f32 = 34.0;
/// Room for the line at the foot.
const FOOT: f32 = 16.0;
/// Lines are this much higher than their letters.
const LEADING: f32 = 1.22;

/// A colour of ink.
pub(super) type Rgb = [u8; 3];
pub(super) const INK: Rgb = [28, 35, 41];
pub(super) const SOFT: Rgb = [85, 97, 107];
const RULE: Rgb = [200, 207, 213];

/// How a text looks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    pub(super) size: f32,
    pub(super) font: Font,
    pub(super) colour: Rgb,
}

/// The pages and where the next thing goes.
pub(super) struct Sheet {
    pub(super) pages: Vec<Content>,
    /// Distance of the next thing from the upper edge of the page.
    pub(super) y: f32,
    /// By which all sizes are multiplied.
    scale: f32,
}

impl Sheet {
    pub(super) fn new(scale: f32) -> Self {
        Self { pages: vec![Content::new()], y: MARGIN, scale }
    }

    /// The left edge of what is written.
    pub(super) fn left() -> f32 {
        MARGIN
    }

    /// How wide what is written may be.
    pub(super) fn width() -> f32 {
        PAGE[0] - 2.0 * MARGIN
    }

    pub(super) fn style(&self, size: f32, font: Font, colour: Rgb) -> Style {
        Style { size: size * self.scale, font, colour }
    }

    /// Moves down.
    pub(super) fn space(&mut self, points: f32) {
        self.y += points * self.scale;
    }

    /// Begins the next page.
    pub(super) fn next_page(&mut self) {
        self.pages.push(Content::new());
        self.y = MARGIN;
    }

    /// Begins the next page if so many points do not fit on this one.
    pub(super) fn need(&mut self, points: f32) {
        if self.y + points > PAGE[1] - MARGIN - FOOT {
            self.next_page();
        }
    }

    pub(super) fn content(&mut self) -> &mut Content {
        let last = self.pages.len() - 1;
        &mut self.pages[last]
    }

    /// The height of a line.
    pub(super) fn line(style: Style) -> f32 {
        style.size * LEADING
    }

    /// Writes bytes at a base line, `y` from the top.
    pub(super) fn put(&mut self, bytes: &[u8], [x, y]: [f32; 2], style: Style) {
        put(self.content(), bytes, [x, y], style);
    }

    /// A paragraph over the whole width.
    pub(super) fn paragraph(&mut self, text: &str, style: Style) {
        for line in style.font.wrap(text, style.size, Self::width()) {
            self.need(Self::line(style));
            self.y += Self::line(style);
            let y = self.y - 0.25 * style.size;
            self.put(&line, [MARGIN, y], style);
        }
    }

    /// A heading with a rule below, kept with what follows.
    pub(super) fn heading(&mut self, text: &str) {
        let style = self.style(10.0, Font::Bold, INK);
        self.space(5.0);
        self.need(60.0);
        self.paragraph(text, style);
        self.rule_from(0.0, INK, 0.9);
        self.space(2.0);
    }

    fn rule_from(&mut self, left: f32, colour: Rgb, width: f32) {
        let y = PAGE[1] - self.y - 1.0;
        stroke(self.content(), colour, width);
        self.content().move_to(MARGIN + left, y).line_to(PAGE[0] - MARGIN, y).stroke();
        self.y += 1.5;
    }

    /// A row of cells, each wrapped in its column; `columns` are left edges and widths from the left margin.
    pub(super) fn row(
        &mut self,
        cells: &[(&str, Style)],
        columns: &[(f32, f32)],
        right_aligned: &dyn Fn(usize) -> bool,
    ) {
        let wrapped: Vec<Vec<Vec<u8>>> = cells
            .iter()
            .zip(columns)
            .map(|((text, style), (_, width))| style.font.wrap(text, style.size, *width))
            .collect();
        let height = wrapped.iter().zip(cells).map(|(lines, (_, style))| lines.len() as f32 * Self::line(*style));
        let height = height.fold(0.0, f32::max);
        self.need(height + 3.0);
        for (column, (lines, ((_, style), (left, width)))) in wrapped.iter().zip(cells.iter().zip(columns)).enumerate()
        {
            for (at, line) in lines.iter().enumerate() {
                let shift = if right_aligned(column) { width - style.font.width(line, style.size) } else { 0.0 };
                let y = self.y + (at + 1) as f32 * Self::line(*style) - 0.25 * style.size;
                self.put(line, [MARGIN + left + shift, y], *style);
            }
        }
        self.y += height + 1.0;
        let left = columns.first().map_or(0.0, |(left, _)| *left);
        self.rule_from(left, RULE, 0.4);
    }

    /// Fills a rectangle given by its left, upper edge, width and height.
    pub(super) fn fill(&mut self, [x, y, width, height]: [f32; 4], colour: Rgb) {
        let [red, green, blue] = colour.map(|c| f32::from(c) / 255.0);
        self.content().set_fill_rgb(red, green, blue);
        self.content().rect(x, PAGE[1] - y - height, width, height).fill_nonzero();
    }

    /// Puts an image, named as among the page's resources, into a rectangle.
    pub(super) fn image(&mut self, name: &str, [x, y, width, height]: [f32; 4]) {
        let content = self.content();
        content.save_state();
        content.transform([width, 0.0, 0.0, height, x, PAGE[1] - y - height]);
        content.x_object(Name(name.as_bytes()));
        content.restore_state();
    }
}

/// Sets the colour and width of lines.
pub(super) fn stroke(content: &mut Content, colour: Rgb, width: f32) {
    let [red, green, blue] = colour.map(|c| f32::from(c) / 255.0);
    content.set_stroke_rgb(red, green, blue).set_line_width(width);
}

/// Writes bytes at a base line, `y` from the top.
pub(super) fn put(content: &mut Content, bytes: &[u8], [x, y]: [f32; 2], style: Style) {
    let [red, green, blue] = style.colour.map(|c| f32::from(c) / 255.0);
    let name = match style.font {
        Font::Regular => Name(b"R"),
        Font::Bold => Name(b"B"),
    };
    content.set_fill_rgb(red, green, blue);
    content.begin_text().set_font(name, style.size).next_line(x, PAGE[1] - y).show(Str(bytes)).end_text();
}

/// Writes the research sentence and the page's number at the foot of each page.
pub(super) fn feet(pages: &mut [Content], sentence: &str, page: &str, of: &str) {
    let style = Style { size: 6.5, font: Font::Regular, colour: SOFT };
    let count = pages.len();
    for (at, content) in pages.iter_mut().enumerate() {
        let y = PAGE[1] - MARGIN + 8.0;
        put(content, &encode(sentence), [MARGIN, y], style);
        let number = encode(&format!("{page} {} {of} {count}", at + 1));
        put(content, &number, [PAGE[0] - MARGIN - style.font.width(&number, style.size), y], style);
    }
}
