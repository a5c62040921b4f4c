//! Distances on the Earth.

/// Latitude and longitude, WGS 84, degrees.
pub type Point = (f64, f64);

/// Mean radius of the Earth in kilometres (IUGG).
const EARTH_RADIUS_KM: f64 = 6371.0088;

/// A part of the Earth between two latitudes and, unless it holds a pole or the date line, two
/// longitudes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Area {
    pub south: f64,
    pub north: f64,
    pub west_east: Option<(f64, f64)>,
}

/// The great-circle distance in kilometres, by the haversine formula (R. W. Sinnott, "Virtues of
/// the haversine", Sky and Telescope 68, 1984).
pub fn distance_km(a: Point, b: Point) -> f64 {
    let (lat_a, lat_b) = (a.0.to_radians(), b.0.to_radians());
    let half = |from: f64, to: f64| ((to - from) / 2.0).sin().powi(2);
    let h = half(lat_a, lat_b) + lat_a.cos() * lat_b.cos() * half(a.1.to_radians(), b.1.to_radians());
    2.0 * EARTH_RADIUS_KM * h.clamp(0.0, 1.0).sqrt().asin()
}

/// The smallest box that holds a circle.
pub(super) fn bounding_box(centre: Point, km: f64) -> Area {
    let angle = (km.max(0.0) / EARTH_RADIUS_KM).to_degrees();
    let (south, north) = (centre.0 - angle, centre.0 + angle);
    let mut west_east = None;
    if south > -90.0 && north < 90.0 {
        let ratio = angle.to_radians().sin() / centre.0.to_radians().cos();
        let width = ratio.clamp(-1.0, 1.0).asin().to_degrees();
        let (west, east) = (centre.1 - width, centre.1 + width);
        west_east = (west >= -180.0 && east <= 180.0).then_some((west, east));
    }
    // A hair wider, so that rounding never excludes a point on the rim.
    let hair = 1e-9;
    Area {
        south: south - hair,
        north: north + hair,
        west_east: west_east.map(|(west, east)| (west - hair, east + hair)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_distances() {
        let (vienna, brussels) = ((48.2082, 16.3738), (50.8503, 4.3517));
        assert!((distance_km(vienna, brussels) - 915.0).abs() < 5.0);
        assert!(distance_km(vienna, vienna) < 1e-9);
    }

    proptest! {
        #[test]
        fn a_circle_is_inside_its_box(
            lat in -89.9..89.9f64, lon in -180.0..180.0f64, km in 0.0..2000.0f64,
            other_lat in -90.0..90.0f64, other_lon in -180.0..180.0f64,
        ) {
            if distance_km((lat, lon), (other_lat, other_lon)) <= km {
                let area = bounding_box((lat, lon), km);
                prop_assert!(area.south <= other_lat && other_lat <= area.north);
                if let Some((west, east)) = area.west_east {
                    prop_assert!(west <= other_lon && other_lon <= east);
                }
            }
        }
    }
}
