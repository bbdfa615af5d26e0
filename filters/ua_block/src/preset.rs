//! Lists of patterns that come with the filter: data files in `presets/`, each with its version and, for each pattern,
//! what it stands for and where that is published.

use portcullis_shared::matcher::Kind;
use schemars::JsonSchema;
use serde::Deserialize;

macro_rules! presets {
    ($($variant:ident $name:literal $doc:literal)*) => {
        /// A list of patterns by name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, eserde::Deserialize, JsonSchema)]
        pub enum Preset {
            $(
                #[doc = $doc]
                #[serde(rename = $name)]
                $variant,
            )*
        }

        impl Preset {
            /// All presets.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The preset's name in configurations.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            const fn file(self) -> &'static str {
                match self { $(Self::$variant => include_str!(concat!("../presets/", $name, ".json"))),* }
            }
        }
    };
}

presets! {
    Scanners "scanners" "Vulnerability scanners and attack tools."
    AiCrawlers "ai-crawlers" "Crawlers that gather for AI models and assistants."
    HttpLibraries "http-libraries" "HTTP libraries and command-line tools. Hits many phone apps, too."
    HeadlessBrowsers "headless-browsers" "Browsers that are driven by programs."
    SearchEngines "search-engines" "Search engines' crawlers."
    Seo "seo" "Crawlers of search engine optimisation services."
    SocialPreviews "social-previews" "Fetchers that make previews of links in social networks and messengers."
    Monitoring "monitoring" "Uptime and health checks."
    FeedReaders "feed-readers" "Fetchers of RSS and Atom feeds."
    Archivers "archivers" "Web archives and site copiers."
}

/// A preset's data file. Its other keys are for readers.
#[derive(Deserialize)]
struct File {
    patterns: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    contains: Option<String>,
    prefix: Option<String>,
    exact: Option<String>,
    regex: Option<String>,
}

impl Preset {
    /// The preset's patterns; an error only when the data file that was built in is faulty, which a test excludes.
    pub fn patterns(self) -> Result<Vec<(Kind, String)>, serde_json::Error> {
        let file: File = serde_json::from_str(self.file())?;
        let kinds = |entry: Entry| {
            [
                (Kind::Contains, entry.contains),
                (Kind::Prefix, entry.prefix),
                (Kind::Exact, entry.exact),
                (Kind::Regex, entry.regex),
            ]
        };
        Ok(file.patterns.into_iter().flat_map(kinds).filter_map(|(kind, text)| Some((kind, text?))).collect())
    }
}
