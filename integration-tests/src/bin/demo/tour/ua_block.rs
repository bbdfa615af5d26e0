//! User agents: by the rules in `envoy/ua_block.yaml`.

use crate::step::{Decision, Expect, Group, Step, get};

pub(crate) const GROUP: Group = Group {
    filter: "ua_block",
    about: "turns away clients by their user agent, before anything else is computed",
    deciding: &["user-agent"],
    steps: STEPS,
};

const FIREFOX: &[u8] = b"Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";
const GOOGLEBOT: &[u8] = b"Mozilla/5.0 (compatible; Googlebot/2.1)";

const NO_RULE: Decision = Decision::allow("default", "no_rule_matched");
const NAMED: Decision = Decision::deny("named", "user_agent_denied");
const API_TOOLS: Decision = Decision::shadow("api-tools", "user_agent_denied");
const API_TOOLS_MAYBE: Decision = Decision::shadow("api-tools", "path_ambiguous");

const STEPS: &[Step] = &[
    Step::new(
        "An ordinary browser",
        "People must never notice the filter: no rule matches a browser, so `default` lets it in.",
        get("/", &[("user-agent", FIREFOX)]),
        Expect::passes(&[NO_RULE]),
    ),
    Step::new(
        "A bad bot, by its name",
        "The rule `named` refuses it before the upstream has spent anything on it.",
        get("/", &[("user-agent", b"BadBot")]),
        Expect::refused(403, &[NAMED]),
    ),
    Step::new(
        "The same, spelt oddly",
        "Case is ignored unless a rule says otherwise.",
        get("/", &[("user-agent", b"bAdBoT")]),
        Expect::refused(403, &[NAMED]),
    ),
    Step::new(
        "A scanner",
        "Nobody wants to keep such lists: the preset `scanners` comes with the filter and knows sqlmap.",
        get("/", &[("user-agent", b"sqlmap/1.8.11#stable (https://sqlmap.org)")]),
        Expect::refused(403, &[Decision::deny("scanners", "user_agent_denied")]),
    ),
    Step::new(
        "No user agent",
        "Browsers always send one, careless scripts do not; `missing` says what becomes of those.",
        get("/", &[]),
        Expect::refused(403, &[Decision::deny("missing", "user_agent_missing")]),
    ),
    Step::new(
        "An empty user agent",
        "A case of its own, `empty`, so that it slips past neither `missing` nor the rules.",
        get("/", &[("user-agent", b"")]),
        Expect::refused(403, &[Decision::deny("empty", "user_agent_empty")]),
    ),
    Step::new(
        "Two user agents",
        "Envoy joins them with a comma; a browser put in front does not hide the bot behind it.",
        get("/", &[("user-agent", b"Mozilla/5.0"), ("user-agent", b"BadBot")]),
        Expect::refused(403, &[Decision::deny("multiple", "user_agent_multiple")]),
    ),
    Step::new(
        "A byte that is not UTF-8",
        "One such byte has crashed many a Wasm filter; here it is an ordinary reason to refuse.",
        get("/", &[("user-agent", b"caf\xa1")]),
        Expect::refused(403, &[Decision::deny("non_utf8", "user_agent_not_utf8")]),
    ),
    Step::new(
        "Googlebot from elsewhere",
        "`search-engines` holds for Google's network only. Here no rule matches, so `default` decides.",
        get("/", &[("user-agent", GOOGLEBOT)]),
        Expect::passes(&[NO_RULE]),
    ),
    Step::new(
        "Posing as Googlebot",
        "It even claims Google's address; but that of the connection counts, so `named` gets its turn.",
        get("/", &[("user-agent", b"Googlebot/2.1 Scraper"), ("x-forwarded-for", b"66.249.66.1")]),
        Expect::refused(403, &[NAMED]),
    ),
    Step::new(
        "A rule in shadow mode",
        "`api-tools` is on trial: it lets curl pass, and counts and reports whom it would refuse.",
        get("/internal/report", &[("user-agent", b"curl/8.5.0")]),
        Expect::passes(&[API_TOOLS, NO_RULE]),
    ),
    Step::new(
        "Its path, in disguise",
        "Envoy and the filter read a path in one way, so dot segments and %69 for `i` change nothing.",
        get("/public/../%69nternal/report", &[("user-agent", b"curl/8.5.0")]),
        Expect::passes(&[API_TOOLS, NO_RULE]),
    ),
    Step::new(
        "A path with two readings",
        "Some servers drop `;x` and serve /internal: a rule that denies takes such a path to match.",
        get("/internal;x/report", &[("user-agent", b"curl/8.5.0")]),
        Expect::passes(&[API_TOOLS_MAYBE, NO_RULE]),
    ),
    Step::new(
        "An encoded slash",
        "As this configuration has it, Envoy refuses it by itself; the filter is not even asked.",
        get("/internal/../internal%2f", &[("user-agent", b"curl/8.5.0")]),
        Expect::refused(400, &[]),
    ),
    Step::new(
        "Credentials in a request",
        "Events go to people who must not see secrets: the token below is cut, the header is not in it.",
        get(
            "/login?user=7&access_token=opensesame",
            &[("user-agent", b"BadBot"), ("authorization", b"Bearer open-sesame")],
        ),
        Expect::refused(403, &[NAMED]).without(&["opensesame", "open-sesame"]),
    ),
];
