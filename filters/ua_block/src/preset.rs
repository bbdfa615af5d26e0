//! Lists of patterns that come with the filter: data files in `presets/`, each with its version and, for each pattern,
//! what it stands for and where that is published.

use portcullis_shared::{
    config_enum,
    json::{Document, Limits, Value},
    matcher::Kind,
};

config_enum! {
    /// A list of patterns by name.
    pub enum Preset {
        /// Vulnerability scanners and attack tools.
        Scanners = "scanners",
        /// Crawlers that gather for AI models and assistants.
        AiCrawlers = "ai-crawlers",
        /// HTTP libraries and command-line tools. Hits many phone apps, too.
        HttpLibraries = "http-libraries",
        /// Browsers that are driven by programs.
        HeadlessBrowsers = "headless-browsers",
        /// Search engines' crawlers.
        SearchEngines = "search-engines",
        /// Crawlers of search engine optimisation services.
        Seo = "seo",
        /// Fetchers that make previews of links in social networks and messengers.
        SocialPreviews = "social-previews",
        /// Uptime and health checks.
        Monitoring = "monitoring",
        /// Fetchers of RSS and Atom feeds.
        FeedReaders = "feed-readers",
        /// Web archives and site copiers.
        Archivers = "archivers",
    }
}

/// The data file of a preset.
macro_rules! file {
    ($name:literal) => {
        include_str!(concat!("../presets/", $name, ".json"))
    };
}

impl Preset {
    const fn file(self) -> &'static str {
        match self {
            Self::Scanners => file!("scanners"),
            Self::AiCrawlers => file!("ai-crawlers"),
            Self::HttpLibraries => file!("http-libraries"),
            Self::HeadlessBrowsers => file!("headless-browsers"),
            Self::SearchEngines => file!("search-engines"),
            Self::Seo => file!("seo"),
            Self::SocialPreviews => file!("social-previews"),
            Self::Monitoring => file!("monitoring"),
            Self::FeedReaders => file!("feed-readers"),
            Self::Archivers => file!("archivers"),
        }
    }

    /// The preset's patterns; none only when the data file that was built in is faulty, which a test excludes.
    pub fn patterns(self) -> Vec<(Kind, String)> {
        let file = Document::parse(self.file().as_bytes(), &Limits::NONE).unwrap_or_default();
        let entries = file.root().get("patterns").into_iter().flat_map(Value::elements);
        let pattern =
            |entry: Value<'_>| KINDS.iter().find_map(|(key, kind)| Some((*kind, entry.get(key)?.as_str()?.to_owned())));
        entries.filter_map(pattern).collect()
    }
}

/// An entry has one of these keys; its others are for readers.
const KINDS: [(&str, Kind); 4] =
    [("contains", Kind::Contains), ("prefix", Kind::Prefix), ("exact", Kind::Exact), ("regex", Kind::Regex)];
