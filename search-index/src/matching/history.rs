//! The parameters that have been in force, so that an answer of the past can be understood.

use super::parameters::{Feature, Parameters, Weights};

/// Parameters, since when they have been in force, and why they replaced those before.
#[derive(Debug, Clone, PartialEq)]
pub struct Release {
    /// ISO 8601.
    pub since: &'static str,
    pub reason: &'static str,
    pub parameters: Parameters,
}

/// All versions, the newest first: that in force.
pub fn history() -> Vec<Release> {
    vec![
        Release {
            since: "2026-11-24",
            reason: "Judged needs in 14 languages found the right person first in one case out of five, because people \
                     describe their trouble in everyday words; what both sides write about now counts in all languages.",
            parameters: Parameters::default(),
        },
        Release { since: "2026-11-23", reason: "The first version.", parameters: first() },
    ]
}

fn first() -> Parameters {
    use Feature::*;
    Parameters {
        version: "1".to_owned(),
        forward: Weights::new([
            (Expertise, 0.38),
            (Text, 0.20),
            (TrackRecord, 0.15),
            (Sector, 0.07),
            (Stage, 0.03),
            (Region, 0.06),
            (Language, 0.03),
            (Format, 0.02),
            (Freshness, 0.05),
            (Newcomer, 0.01),
        ]),
        backward: Weights::new([
            (Expertise, 0.32),
            (Text, 0.14),
            (TrackRecord, 0.05),
            (Sector, 0.12),
            (Stage, 0.08),
            (Region, 0.05),
            (Language, 0.03),
            (Format, 0.01),
            (Neutral, 0.20),
        ]),
        ..Parameters::default()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_valid_and_count_down_to_the_first() {
        let history = history();
        assert_eq!(history[0].parameters, Parameters::default());
        for (release, version) in history.iter().zip((1..=history.len()).rev()) {
            assert_eq!(release.parameters.version, version.to_string());
            release.parameters.clone().validated().unwrap();
        }
        assert!(history.windows(2).all(|pair| pair[0].since > pair[1].since));
    }
}
