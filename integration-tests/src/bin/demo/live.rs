//! After the tour: shows what comes in, until told to stop.

use std::io;
use std::time::Duration;

use portcullis_integration_tests::Received;
use serde_json::Value;
use tokio::time::interval;

use crate::stage::Stage;
use crate::style::{Style, Tone, tame};
use crate::{curl, idp, say, tour};

pub(crate) async fn serve(stage: &Stage, style: Style) -> io::Result<()> {
    stage.upstream.clear();
    stage.collector.clear();
    stage.limits.let_time_pass();
    say(&invitation(stage, style))?;
    let mut looks = interval(Duration::from_millis(50));
    loop {
        looks.tick().await;
        // Nothing is awaited between looking and clearing, so nothing is lost.
        let requests = stage.upstream.requests();
        stage.upstream.clear();
        let batches = stage.collector.batches();
        stage.collector.clear();
        for request in requests {
            say(&request_line(&request, style))?;
        }
        for batch in batches {
            match &batch.events {
                Ok(events) => events.iter().try_for_each(|event| say(&event_line(event, style)))?,
                Err(why) => say(&format!("  collector  {}\n", tame(why)))?,
            }
        }
    }
}

fn invitation(stage: &Stage, style: Style) -> String {
    let (agents, tokens, limits) = (stage.gateway("ua_block"), stage.gateway("jwt_bola"), stage.gateway("ratelimit"));
    let admin = stage.admin();
    let title = |text| style.paint(Tone::Title, text);
    let quiet = |text: &str| style.paint(Tone::Quiet, text);
    let variables = tour::good_tokens().iter().fold(String::new(), |text, token| {
        let contents = idp::contents(token).into_iter().map(|(name, value)| format!("{name}={value}"));
        let comment = quiet(&format!("# {}", contents.collect::<Vec<_>>().join("  ")));
        text + &format!("{comment}\n{}\n", curl::assignment(token, &idp::mint(token)))
    });
    format!(
        "\n{}\n\n  \
           gateway    http://{agents}/  {}\n  \
           gateway    http://{tokens}/  {}\n  \
           gateway    http://{limits}/  {}\n  \
           metrics    http://{admin}/stats/prometheus  {}\n  \
           upstream   http://{}/  {}\n  \
           collector  http://{}/ingest  {}\n\n\
         {}\n\n{variables}\n\
         Try:\n\n  \
           curl -i -A BadBot http://{agents}/\n  \
           curl -i http://{agents}/internal/report\n  \
           curl -i http://{tokens}/users/alice/orders\n  \
           curl -i -H \"authorization: Bearer $ALICE\" http://{tokens}/users/alice/orders\n  \
           curl -i -H \"authorization: Bearer $ALICE\" http://{tokens}/users/bob/orders\n  \
           curl -i -H \"authorization: Bearer $ADMIN\" http://{tokens}/users/bob/orders\n  \
           for i in 1 2 3 4 5 6; do curl -i --interface 127.0.0.4 http://{limits}/login; done\n  \
           curl -i -H 'x-api-key: mine' http://{limits}/reports/q3\n  \
           curl -s http://{admin}/stats/prometheus | grep ^portcullis\n\n",
        title("It goes on serving until Ctrl-C. What comes in is shown below, events a second late."),
        quiet("(with ua_block)"),
        quiet("(with jwt_bola)"),
        quiet("(with ratelimit)"),
        quiet("(from Envoy's admin pages)"),
        stage.upstream.address(),
        quiet("(a line for each request that gets there)"),
        stage.collector.address(),
        quiet("(a line for each event)"),
        title("Good tokens, by the key that the provider has now. Nobody else trusts it; paste them first:"),
    )
}

fn request_line(request: &Received, style: Style) -> String {
    let agent = request.headers.get("user-agent").unwrap_or_default().escape_ascii();
    let what = tame(&format!("{} {}", request.method, request.path));
    format!("  upstream   {}  {what}  {agent}\n", style.paint(Tone::Good, "got"))
}

fn event_line(event: &Value, style: Style) -> String {
    let field = |pointer| tame(event.pointer(pointer).and_then(Value::as_str).unwrap_or_default());
    let tone = match (field("/portcullis/mode").as_str(), field("/portcullis/action").as_str()) {
        ("shadow", _) => Tone::Shadow,
        (_, "allow") => Tone::Good,
        _ => Tone::Refused,
    };
    let decision = format!("{} by {}, {}", field("/portcullis/action"), field("/rule/name"), field("/portcullis/mode"));
    format!(
        "  event      {}  {}  {} {}  {}\n",
        style.paint(tone, &decision),
        field("/event/reason"),
        field("/http/request/method"),
        field("/url/path"),
        field("/user_agent/original"),
    )
}
