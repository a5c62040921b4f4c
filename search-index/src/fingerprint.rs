//! A stable hash for fingerprints and tie-breaks: the same bytes give the same number in every build and process.

/// FNV-1a, 64 bits (Fowler, Noll, Vo; constants from their specification). Not for anything that needs secrecy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fingerprint(u64);

impl Fingerprint {
    pub(crate) fn new() -> Self {
        Fingerprint(0xcbf2_9ce4_8422_2325)
    }

    /// Adds a piece together with its end, so that `ab`, `c` and `a`, `bc` differ.
    pub(crate) fn add(mut self, piece: &str) -> Self {
        for byte in piece.bytes().chain([0xff]) {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        self
    }

    pub(crate) fn value(self) -> u64 {
        self.0
    }
}

/// The stable hash of one text.
pub(crate) fn stable_hash(text: &str) -> u64 {
    Fingerprint::new().add(text).value()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_keep_their_borders() {
        let one = Fingerprint::new().add("ab").add("c").value();
        let other = Fingerprint::new().add("a").add("bc").value();
        assert_ne!(one, other);
        assert_eq!(stable_hash("a"), Fingerprint::new().add("a").value());
    }
}
