//! Elements of HTML and SVG.
//!
//! Text and attributes are escaped when they are written, and only then. Only constants of this
//! program are written unescaped: the style sheet, and the names of elements and attributes.

use std::fmt::{self, Display, Formatter, Write};

use crate::numbers::finite;

/// Elements without content and end tag.
const VOID: [&str; 1] = ["meta"];

/// Elements of SVG that close themselves if they have no content.
const SHAPES: [&str; 4] = ["rect", "line", "path", "circle"];

/// An element with its content.
#[derive(Clone, Debug)]
pub struct Element {
    name: &'static str,
    attributes: Vec<(&'static str, String)>,
    content: Vec<Content>,
}

#[derive(Clone, Debug)]
enum Content {
    Element(Element),
    Text(String),
    /// A constant of this program, written unescaped.
    Constant(&'static str),
}

impl Element {
    /// Makes an empty element.
    pub fn new(name: &'static str) -> Self {
        Self { name, attributes: Vec::new(), content: Vec::new() }
    }

    /// Makes an empty element of a class.
    pub fn of(name: &'static str, class: &str) -> Self {
        Self::new(name).with("class", class)
    }

    /// Adds an attribute.
    pub fn with(mut self, attribute: &'static str, value: impl ToString) -> Self {
        self.attributes.push((attribute, value.to_string()));
        self
    }

    /// Adds coordinates or lengths, to a hundredth of a pixel.
    pub fn at<const COUNT: usize>(mut self, lengths: [(&'static str, f64); COUNT]) -> Self {
        self.attributes.extend(lengths.map(|(name, length)| (name, coordinate(length))));
        self
    }

    /// Appends a text.
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.content.push(Content::Text(text.into()));
        self
    }

    /// Appends a style sheet of this program, unescaped.
    pub fn style_sheet(mut self, sheet: &'static str) -> Self {
        self.content.push(Content::Constant(sheet));
        self
    }

    /// Appends an element.
    pub fn child(mut self, child: Self) -> Self {
        self.content.push(Content::Element(child));
        self
    }

    /// Appends elements.
    pub fn children(mut self, children: impl IntoIterator<Item = Self>) -> Self {
        self.content.extend(children.into_iter().map(Content::Element));
        self
    }
}

/// Writes a coordinate for SVG. Callers leave out numbers that are not finite; they become 0.
pub fn coordinate(length: f64) -> String {
    let hundredths = (finite(length).unwrap_or(0.0) * 100.0).round() / 100.0;
    // No `-0`.
    (hundredths + 0.0).to_string()
}

impl Display for Element {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "<{}", self.name)?;
        for (name, value) in &self.attributes {
            write!(formatter, " {name}=\"")?;
            escape(formatter, value)?;
            formatter.write_char('"')?;
        }
        if VOID.contains(&self.name) {
            return formatter.write_char('>');
        }
        if self.content.is_empty() && SHAPES.contains(&self.name) {
            return formatter.write_str("/>");
        }
        formatter.write_char('>')?;
        for content in &self.content {
            match content {
                Content::Element(element) => element.fmt(formatter)?,
                Content::Text(text) => escape(formatter, text)?,
                Content::Constant(sheet) => formatter.write_str(sheet)?,
            }
        }
        write!(formatter, "</{}>", self.name)
    }
}

fn escape(formatter: &mut Formatter<'_>, text: &str) -> fmt::Result {
    for character in text.chars() {
        match character {
            '&' => formatter.write_str("&amp;")?,
            '<' => formatter.write_str("&lt;")?,
            '>' => formatter.write_str("&gt;")?,
            '"' => formatter.write_str("&quot;")?,
            '\'' => formatter.write_str("&#39;")?,
            // HTML cannot represent control characters.
            control if control.is_control() && control != '\n' => {
                formatter.write_char('\u{fffd}')?
            }
            other => formatter.write_char(other)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_attributes_are_escaped() {
        let element = Element::new("p").with("title", "\"><script>").text("<b> & 'c'\u{0}");
        let expected =
            "<p title=\"&quot;&gt;&lt;script&gt;\">&lt;b&gt; &amp; &#39;c&#39;\u{fffd}</p>";
        assert_eq!(element.to_string(), expected);
    }

    #[test]
    fn elements_are_closed_as_their_kind_asks_for() {
        let meta = Element::new("meta").with("charset", "utf-8");
        assert_eq!(meta.to_string(), "<meta charset=\"utf-8\">");
        assert_eq!(Element::new("td").to_string(), "<td></td>");
        let titled = Element::new("rect").child(Element::new("title").text("a"));
        assert_eq!(titled.to_string(), "<rect><title>a</title></rect>");
        let rect = Element::new("rect").at([("x", 1.0), ("y", 2.345_6)]);
        assert_eq!(rect.to_string(), "<rect x=\"1\" y=\"2.35\"/>");
    }

    #[test]
    fn coordinates_are_always_numbers() {
        assert_eq!(coordinate(-0.001), "0");
        assert_eq!(coordinate(f64::NAN), "0");
        assert_eq!(coordinate(f64::INFINITY), "0");
    }
}
