//! Writes the contract as YAML for everybody.

use utoipa::openapi::OpenApi;

/// The contract as YAML that means the same to readers of YAML 1.1, PyYAML among them: to those, the plain code of Norway
/// is a truth value, and a plain date is no text.
///
/// # Errors
/// Where it can't be written as YAML at all.
pub fn of(api: &OpenApi) -> Result<String, impl std::error::Error + use<>> {
    api.to_yaml().map(|text| portable(&text))
}

fn portable(yaml: &str) -> String {
    let mut text = String::with_capacity(yaml.len());
    // Where a text of several lines stands, whatever is further to the right belongs to it.
    let mut block: Option<usize> = None;
    for line in yaml.lines() {
        let place = line.trim_start_matches([' ', '-']);
        let indent = line.len() - place.len();
        block = block.filter(|block| place.is_empty() || line.len() - line.trim_start().len() > *block);
        match block {
            Some(_) => text.push_str(line),
            None => text.push_str(&quoted(line)),
        }
        text.push('\n');
        if block.is_none() && matches!(place.rsplit(' ').next(), Some("|" | "|-" | "|+")) {
            block = Some(if place.starts_with('|') { indent.saturating_sub(1) } else { indent });
        }
    }
    text
}

fn quoted(line: &str) -> String {
    let (before, scalar) = line.rsplit_once(' ').unwrap_or(("", line));
    let place = before.trim_start();
    let place = place.strip_prefix("- ").unwrap_or(place);
    let is_value = !place.contains(' ') && place.ends_with(['-', ':']);
    if is_value && (is_truth(scalar) || is_date(scalar)) {
        return format!("{before} '{scalar}'");
    }
    line.to_owned()
}

fn is_truth(scalar: &str) -> bool {
    matches!(scalar.to_ascii_lowercase().as_str(), "y" | "n" | "yes" | "no" | "on" | "off")
}

fn is_date(scalar: &str) -> bool {
    let year = scalar.get(..4).is_some_and(|year| year.bytes().all(|byte| byte.is_ascii_digit()));
    year && scalar.get(4..5) == Some("-") && scalar.get(7..8) == Some("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_older_yaml_would_misread_is_quoted() {
        let yaml = "- NO\n- NL\n- day: 2026-11-24\n  at: 2026-11-24T08:00:00Z\n  required: true\n  says: yes or no\n";
        let portable = portable(yaml);
        assert_eq!(
            portable,
            "- 'NO'\n- NL\n- day: '2026-11-24'\n  at: '2026-11-24T08:00:00Z'\n  required: true\n  says: yes or no\n"
        );
    }

    #[test]
    fn texts_of_several_lines_stay_as_they_are() {
        let texts = "a: |-\n  One:\n\n  - no\nb:\n- |\n  day: 2026-11-24\n- c: |-\n    - no\n";
        assert_eq!(portable(texts), texts);
        assert_eq!(portable("a: |-\n  - no\nb: no\n"), "a: |-\n  - no\nb: 'no'\n");
        assert_eq!(portable("- a: |-\n    - no\n  b: no\n"), "- a: |-\n    - no\n  b: 'no'\n");
    }
}
