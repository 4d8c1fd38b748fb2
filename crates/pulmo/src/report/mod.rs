//! What a radiologist reads of one case, from what was measured.
//!
//! A [`Report`] is plain data ([`document`]). [`content`] puts it into words of a [`Language`]; [`html()`], [`markdown()`]
//! and the PDF only lay that out. To add a rendering: a file that takes a [`Report`] and gives bytes. To add a language: a
//! file beside `language/german.rs` and its lines in `language/mod.rs`; a word that it lacks does not compile.

pub mod content;
pub mod csv;
pub mod document;
pub mod figure;
pub mod html;
pub mod language;
pub mod lungs;
pub mod markdown;
pub mod pdf;
pub mod pictures;

pub use csv::csv;
pub use document::Report;
pub use html::html;
pub use language::Language;
pub use markdown::markdown;
pub use pdf::pdf;
pub use pictures::{Drawn, draw};
