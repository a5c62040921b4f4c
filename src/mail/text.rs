//! From a rendered template to the two parts of a mail.
//!
//! A template yields a subject line and paragraphs. Which paragraph is a button or a quotation is read off
//! marks that only the template's own functions can make: [`plain`] takes every control character out of what
//! users wrote, so that nobody can write themselves a button or a paragraph in our name.

/// A mail's subject and its two bodies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// One line.
    pub subject: String,
    pub text: String,
    pub html: String,
}

/// A piece of a mail's body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Block {
    Paragraph(Vec<String>),
    /// What a user wrote, line by line.
    Quote(Vec<String>),
    Button {
        label: String,
        url: String,
    },
}

/// Marks around an address that `link` made.
const LINK: (char, char) = ('\u{2}', '\u{3}');

/// Mark before each line that `quote` made.
const QUOTE: char = '\u{4}';

/// What a user wrote, without control characters and without those that turn the direction of the text
/// around; every kind of line break becomes `\n`.
pub(super) fn plain(text: &str) -> String {
    text.replace("\r\n", "\n")
        .chars()
        .map(|c| if is_line_break(c) { '\n' } else { c })
        .filter(|c| *c == '\n' || !(c.is_control() || turns_direction(*c)))
        .collect()
}

fn is_line_break(c: char) -> bool {
    matches!(c, '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Bidirectional embeddings, overrides and isolates: with them, a name can make an address read backwards.
fn turns_direction(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The same text on one line.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Marks an address as one of ours.
pub(super) fn marked_link(url: &str) -> String {
    format!("{}{url}{}", LINK.0, LINK.1)
}

/// Marks the lines of a text as a quotation; blank lines in a row become one.
pub(super) fn marked_quote(text: &str) -> String {
    let mut lines: Vec<String> = text.trim().lines().map(one_line).collect();
    lines.dedup_by(|line, previous| line.is_empty() && previous.is_empty());
    lines.iter().map(|line| format!("{QUOTE}{line}\n")).collect()
}

/// Parts a rendered template into the subject and the rest. `None` if it does not begin with a subject.
pub(super) fn split_subject(rendered: &str) -> Option<(String, &str)> {
    let (first, rest) = rendered.split_once('\n')?;
    let subject = one_line(first.strip_prefix("Subject:")?);
    (!subject.is_empty()).then_some((subject, rest))
}

/// Reads the paragraphs of a rendered template. `None` if a link stands anywhere but in a paragraph of the
/// form `[Label] link`.
pub(super) fn blocks(rendered: &str) -> Option<Vec<Block>> {
    let mut paragraphs: Vec<Vec<&str>> = Vec::new();
    let mut open = false;
    for line in rendered.lines().map(str::trim) {
        match paragraphs.last_mut() {
            _ if line.is_empty() => open = false,
            Some(paragraph) if open => paragraph.push(line),
            _ => {
                open = true;
                paragraphs.push(vec![line]);
            }
        }
    }
    paragraphs.iter().map(|lines| block(lines)).collect()
}

fn block(lines: &[&str]) -> Option<Block> {
    if let Some(quoted) = lines.iter().map(|line| line.strip_prefix(QUOTE)).collect() {
        let quoted: Vec<&str> = quoted;
        return Some(Block::Quote(quoted.into_iter().map(str::to_owned).collect()));
    }
    if let [line] = lines
        && let Some((label, link)) = line.strip_prefix('[').and_then(|rest| rest.split_once("] "))
        && let Some(url) = link.strip_prefix(LINK.0).and_then(|rest| rest.strip_suffix(LINK.1))
    {
        return Some(Block::Button { label: label.to_owned(), url: url.to_owned() });
    }
    let stray = |c: char| c == LINK.0 || c == LINK.1 || c == QUOTE;
    let clean = lines.iter().all(|line| !line.contains(stray));
    clean.then(|| Block::Paragraph(lines.iter().map(|line| (*line).to_owned()).collect()))
}

/// The plain text of a mail: the body, and under a signature mark the footer.
pub(super) fn text(body: &[Block], footer: &[Block]) -> String {
    let join = |blocks: &[Block]| blocks.iter().map(plain_block).collect::<Vec<_>>().join("\n\n");
    format!("{}\n\n-- \n{}\n", join(body), join(footer))
}

fn plain_block(block: &Block) -> String {
    match block {
        Block::Paragraph(lines) => lines.join("\n"),
        Block::Quote(lines) => {
            let quoted = lines.iter().map(|line| format!("> {line}").trim_end().to_owned());
            quoted.collect::<Vec<_>>().join("\n")
        }
        Block::Button { label, url } => format!("{label}\n{url}"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    #[test]
    fn paragraphs_quotations_and_buttons_are_told_apart() {
        let rendered = format!(
            "\nHello,\nyou.\n\n\n{}\n\n[Go] {}\n",
            marked_quote("a\n\n\n\nb"),
            marked_link("https://x.eu/y")
        );
        let read = blocks(&rendered).unwrap();
        let own = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            read,
            [
                Block::Paragraph(own(&["Hello,", "you."])),
                Block::Quote(own(&["a", "", "b"])),
                Block::Button { label: "Go".to_owned(), url: "https://x.eu/y".to_owned() },
            ]
        );
        let footer = [Block::Paragraph(own(&["Bye"]))];
        let expected = "Hello,\nyou.\n\n> a\n>\n> b\n\nGo\nhttps://x.eu/y\n\n-- \nBye\n";
        assert_eq!(text(&read, &footer), expected);
    }

    #[test]
    fn a_link_inside_a_sentence_is_refused() {
        assert_eq!(blocks(&format!("See {} now", marked_link("https://x.eu"))), None);
        assert_eq!(blocks(&format!("[See] {}\nand more", marked_link("https://x.eu"))), None);
    }

    #[test]
    fn users_cannot_write_marks() {
        assert_eq!(plain("[Pay] \u{2}https://evil.example\u{3}"), "[Pay] https://evil.example");
        assert_eq!(plain("a\r\nb\rc\u{2028}d\u{0}\u{7f}\u{202e}e"), "a\nb\nc\nde");
        assert_eq!(one_line(" a\n\n[Pay]\tb "), "a [Pay] b");
    }

    #[test]
    fn a_template_begins_with_its_subject() {
        assert_eq!(split_subject("Subject:  A  b\nrest"), Some(("A b".to_owned(), "rest")));
        assert_eq!(split_subject("Subject: \nrest"), None);
        assert_eq!(split_subject("Hello\nrest"), None);
    }
}
