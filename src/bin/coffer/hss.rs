//! Levels of HSS keys as people write them: `10/4` or `20/8,10/8`, for each level the height of its tree and the bits of a digit of
//! its one-time signatures; with SHA-256.

use std::fmt;
use std::str::FromStr;

/// The most levels (RFC 8554 section 6).
const MAX_LEVELS: usize = 8;

const HEIGHTS: [u64; 5] = [5, 10, 15, 20, 25];
const WIDTHS: [u64; 4] = [1, 2, 4, 8];

/// Height and width of each level, the first tree first.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Levels {
    levels: [(u64, u64); MAX_LEVELS],
    count: usize,
}

impl Levels {
    fn all(&self) -> impl Iterator<Item = &(u64, u64)> {
        self.levels.iter().take(self.count)
    }

    /// The LMS types (RFC 8554 section 5.1: `LMS_SHA256_M32_H5` is 5) and the LM-OTS types (section 4.1: width 1 is 1).
    pub fn types(&self) -> (Vec<u64>, Vec<u64>) {
        let number =
            |known: &[u64], wanted: u64| known.iter().position(|one| *one == wanted).unwrap_or(0) as u64;
        self.all().map(|(height, width)| (5 + number(&HEIGHTS, *height), 1 + number(&WIDTHS, *width))).unzip()
    }
}

impl fmt::Display for Levels {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = self.all().map(|(height, width)| format!("{height}/{width}")).collect();
        formatter.write_str(&parts.join(","))
    }
}

impl FromStr for Levels {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let level = |part: &str| {
            let (height, width) = part.split_once('/')?;
            let level = (height.parse().ok()?, width.parse().ok()?);
            (HEIGHTS.contains(&level.0) && WIDTHS.contains(&level.1)).then_some(level)
        };
        let mut made = Self { levels: [(0, 0); MAX_LEVELS], count: 0 };
        for part in text.split(',') {
            let place = made.levels.get_mut(made.count);
            let (Some(place), Some(level)) = (place, level(part)) else {
                return Err(format!(
                    "`{text}` are no levels of HSS; write for each level height/width, as in hss:10/8 or hss:20/4,10/4: \
                     heights 5, 10, 15, 20 and 25, widths 1, 2, 4 and 8, up to {MAX_LEVELS} levels"
                ));
            };
            *place = level;
            made.count += 1;
        }
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_read_and_written_and_others_refused() {
        let levels: Levels = "20/8,10/4,5/1".parse().unwrap();
        assert_eq!(levels.types(), (vec![8, 6, 5], vec![4, 3, 1]));
        assert_eq!(levels.to_string(), "20/8,10/4,5/1");
        for wrong in ["", "10", "10/3", "11/4", "10/4,", &"5/1,".repeat(9)[..35]] {
            assert!(wrong.parse::<Levels>().is_err(), "{wrong}");
        }
    }
}
