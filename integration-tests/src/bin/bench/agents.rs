//! User agents: what the patterns look for, and what the load carries.

use std::collections::BTreeSet;

/// A browser, which no pattern here matches.
pub(crate) const BROWSER: &str =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36";

/// A client that [`TEN`] and all that holds it refuse.
pub(crate) const BAD: &str = "Mozilla/5.0 (compatible; BadBot/2.1; +https://badbot.example/about)";

pub(crate) const TEN: [&str; 10] =
    ["BadBot", "Scraper", "sqlmap", "nikto", "nuclei", "masscan", "zgrab", "wpscan", "dirbuster", "gobuster"];

/// [`TEN`] and made-up names, the same in each run: `Kemotabot`, `Zuracrawler`, ...
pub(crate) fn thousand() -> Vec<String> {
    const CONSONANTS: &[u8] = b"bdfgklmnprstvz";
    const VOWELS: &[u8] = b"aeiou";
    const KINDS: [&str; 8] = ["bot", "crawler", "spider", "fetch", "-checker", "scan", "/1.0", "Harvest"];
    let mut random = Random::new(1000);
    let mut names = BTreeSet::new();
    while names.len() < 1000 - TEN.len() {
        let mut name = String::new();
        for _ in 0..2 + random.below(2) {
            name.push(char::from(CONSONANTS[random.below(CONSONANTS.len())]));
            name.push(char::from(VOWELS[random.below(VOWELS.len())]));
        }
        name[..1].make_ascii_uppercase();
        names.insert(name + KINDS[random.below(KINDS.len())]);
    }
    TEN.map(str::to_owned).into_iter().chain(names).collect()
}

/// Xorshift: good enough to make up names and moments, and the same in each run.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        // A state of 0 would stay there.
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).expect("below a usize")
    }

    /// Above 0, up to 1.
    pub(crate) fn fraction(&mut self) -> f64 {
        ((self.next() >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_names_of_which_no_browser_has_one() {
        let names = thousand();
        assert_eq!(names.len(), 1000);
        let browser = BROWSER.to_lowercase();
        assert!(names.iter().all(|name| !browser.contains(&name.to_lowercase())));
    }
}
