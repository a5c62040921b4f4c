//! Which countries are neighbours, in and around the European Union.

use super::vector::Code;

/// Pairs of countries (ISO 3166-1 alpha-2, each pair in alphabetical order) with a common land border, or joined by a
/// bridge, a tunnel or a strait that people cross for a day's work: DK–SE, FR–GB, EE–FI, IT–MT, CY–GR, DE–SE.
const NEIGHBOURS: &[(&Code, &Code)] = &[
    (b"AL", b"GR"),
    (b"AL", b"ME"),
    (b"AL", b"MK"),
    (b"AL", b"XK"),
    (b"AT", b"CH"),
    (b"AT", b"CZ"),
    (b"AT", b"DE"),
    (b"AT", b"HU"),
    (b"AT", b"IT"),
    (b"AT", b"LI"),
    (b"AT", b"SI"),
    (b"AT", b"SK"),
    (b"BA", b"HR"),
    (b"BA", b"ME"),
    (b"BA", b"RS"),
    (b"BE", b"DE"),
    (b"BE", b"FR"),
    (b"BE", b"LU"),
    (b"BE", b"NL"),
    (b"BG", b"GR"),
    (b"BG", b"MK"),
    (b"BG", b"RO"),
    (b"BG", b"RS"),
    (b"BG", b"TR"),
    (b"CH", b"DE"),
    (b"CH", b"FR"),
    (b"CH", b"IT"),
    (b"CH", b"LI"),
    (b"CY", b"GR"),
    (b"CZ", b"DE"),
    (b"CZ", b"PL"),
    (b"CZ", b"SK"),
    (b"DE", b"DK"),
    (b"DE", b"FR"),
    (b"DE", b"LU"),
    (b"DE", b"NL"),
    (b"DE", b"PL"),
    (b"DE", b"SE"),
    (b"DK", b"SE"),
    (b"EE", b"FI"),
    (b"EE", b"LV"),
    (b"ES", b"FR"),
    (b"ES", b"PT"),
    (b"FI", b"NO"),
    (b"FI", b"SE"),
    (b"FR", b"GB"),
    (b"FR", b"IT"),
    (b"FR", b"LU"),
    (b"GB", b"IE"),
    (b"GR", b"MK"),
    (b"GR", b"TR"),
    (b"HR", b"HU"),
    (b"HR", b"ME"),
    (b"HR", b"RS"),
    (b"HR", b"SI"),
    (b"HU", b"RO"),
    (b"HU", b"RS"),
    (b"HU", b"SI"),
    (b"HU", b"SK"),
    (b"HU", b"UA"),
    (b"IT", b"MT"),
    (b"IT", b"SI"),
    (b"LT", b"LV"),
    (b"LT", b"PL"),
    (b"MD", b"RO"),
    (b"MD", b"UA"),
    (b"ME", b"RS"),
    (b"ME", b"XK"),
    (b"MK", b"RS"),
    (b"MK", b"XK"),
    (b"NO", b"SE"),
    (b"PL", b"SK"),
    (b"PL", b"UA"),
    (b"RO", b"RS"),
    (b"RO", b"UA"),
    (b"RS", b"XK"),
    (b"SK", b"UA"),
];

/// Whether two different countries are neighbours, in either order.
pub fn are_neighbours(one: Code, other: Code) -> bool {
    let (first, second) = if one < other { (one, other) } else { (other, one) };
    NEIGHBOURS.iter().any(|(a, b)| **a == first && **b == second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_symmetric_and_sorted() {
        assert!(are_neighbours(*b"SK", *b"AT") && are_neighbours(*b"AT", *b"SK"));
        assert!(!are_neighbours(*b"PT", *b"FI") && !are_neighbours(*b"PT", *b"PT"));
        assert!(NEIGHBOURS.iter().all(|(a, b)| a < b));
        assert!(NEIGHBOURS.is_sorted());
    }
}
