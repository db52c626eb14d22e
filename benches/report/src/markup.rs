//! Elements of HTML and SVG.
//!
//! Text and attributes are escaped where they are written, and only there; there is no way past it
//! but for text that stands in this program. Names of elements and attributes are the program's too.

use std::fmt::{self, Display, Formatter, Write};

use crate::numbers::finite;

/// Elements that have no content and no end.
const VOID: [&str; 1] = ["meta"];

/// Elements of SVG that mostly have no content, and are then closed where they are opened.
const SHAPES: [&str; 4] = ["rect", "line", "path", "circle"];

/// An element with what is in it.
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
    /// Written as it is.
    Ours(&'static str),
}

impl Element {
    /// An empty element.
    pub fn new(name: &'static str) -> Self {
        Self { name, attributes: Vec::new(), content: Vec::new() }
    }

    /// An element of a class.
    pub fn of(name: &'static str, class: &str) -> Self {
        Self::new(name).with("class", class)
    }

    /// With an attribute more.
    pub fn with(mut self, attribute: &'static str, value: impl ToString) -> Self {
        self.attributes.push((attribute, value.to_string()));
        self
    }

    /// With coordinates or lengths more, to a hundredth of a pixel.
    pub fn at<const COUNT: usize>(mut self, lengths: [(&'static str, f64); COUNT]) -> Self {
        self.attributes.extend(lengths.map(|(name, length)| (name, coordinate(length))));
        self
    }

    /// With a text after what it has.
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.content.push(Content::Text(text.into()));
        self
    }

    /// With a style sheet of this program: it is not escaped.
    pub fn style_sheet(mut self, sheet: &'static str) -> Self {
        self.content.push(Content::Ours(sheet));
        self
    }

    /// With an element after what it has.
    pub fn child(mut self, child: Self) -> Self {
        self.content.push(Content::Element(child));
        self
    }

    /// With elements after what it has.
    pub fn children(mut self, children: impl IntoIterator<Item = Self>) -> Self {
        self.content.extend(children.into_iter().map(Content::Element));
        self
    }
}

/// A coordinate as SVG reads it. What is no number lies at the origin; callers have left it out.
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
                Content::Ours(sheet) => formatter.write_str(sheet)?,
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
            // HTML has no way to write them.
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
