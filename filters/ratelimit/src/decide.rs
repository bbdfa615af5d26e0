//! From the limits that apply to a decision: the service is asked, counters are moved, clients are told.

use portcullis_shared::{
    decision::{Decision, Detail, OutcomeId},
    fleet::{self, Reason},
    policy::{Answer, Call, Measure, Next, Trail},
    quota::{self, Charge, Counts, Table},
    request::{Request, Unavailable},
    response::{Response, ResponseBody, ResponseCheck},
    store::Store,
};
use std::rc::Rc;

use crate::{
    Applied, Check, Limit, Place, Scratch,
    config::{Count, Told},
    key::Keys,
    outcomes::detail,
    told::{self, Standing},
};

/// A limit that applies, and its client's key.
#[derive(Clone, Copy)]
struct Asked<'a> {
    position: usize,
    limit: &'a Limit,
    key: &'a [u8],
}

/// What the limits that a service counts say.
type Global = Result<Vec<fleet::Verdict>, Reason>;

/// What one limit says of the request.
#[derive(Clone, Copy, Debug)]
struct Said {
    passes: bool,
    /// What it is refused for, or would be; of one that passes, what is noted besides.
    outcome: Option<OutcomeId>,
    quota: u32,
    window_s: u32,
    remaining: u32,
    reset_ns: u64,
    /// `None`: never.
    retry_ns: Option<u64>,
}

impl Check {
    /// Decides about a request by the limits that apply to it.
    pub(crate) fn decide(
        self: &Rc<Self>,
        factor: usize,
        scratch: &Scratch,
        request: &dyn Request,
        trail: &mut Trail,
    ) -> Result<Next, Unavailable> {
        let Scratch { keys, applied } = scratch;
        let asked = self.asked(applied, keys);
        let Some(fleet) = self.fleet.as_ref().filter(|_| asked.iter().any(|it| it.limit.is_global())) else {
            self.finish(factor, &asked, None, request, trail)?;
            return Ok(Next::Done);
        };
        let own: Vec<_> = asked.iter().filter(|it| !it.limit.is_global()).copied().collect();
        if !own.is_empty() {
            let said = self.count(factor, &own, false, request)?;
            if said.iter().zip(&own).any(|(said, it)| !said.passes && it.limit.refusing.enforced) {
                self.conclude(&own, &said, trail)?;
                return Ok(Next::Done);
            }
        }
        let global: Vec<_> = asked.iter().filter(|it| it.limit.is_global()).map(|it| (it.limit, it.key)).collect();
        match fleet.decide(&global, request).ok_or(Unavailable)? {
            fleet::Decision::Known(verdicts) => self.finish(factor, &asked, Some(Ok(verdicts)), request, trail)?,
            fleet::Decision::Fallback(reason) => self.finish(factor, &asked, Some(Err(reason)), request, trail)?,
            fleet::Decision::Call(call) => {
                let fleet::Call { id, body } = call;
                let (check, keys, applied, sent) = (Rc::clone(self), keys.clone(), applied.clone(), request.now());
                let then = move |request: &dyn Request, answer: Option<&Answer<'_>>, trail: &mut Trail| {
                    let fleet = check.fleet.as_ref().ok_or(Unavailable)?;
                    let global = fleet.answered(id, sent, answer, request);
                    check.finish(factor, &check.asked(&applied, &keys), Some(global), request, trail)
                };
                return Ok(Next::Call(Call { service: Rc::clone(&fleet.service), body, then: Box::new(then) }));
            }
        }
        Ok(Next::Done)
    }

    fn asked<'a>(&'a self, applied: &[Applied], keys: &'a Keys) -> Vec<Asked<'a>> {
        let asked = |it: &Applied| {
            Some(Asked { position: it.limit, limit: self.limits.get(it.limit)?, key: keys.get(it.start, it.end) })
        };
        applied.iter().filter_map(asked).collect()
    }

    /// Takes from the limits that count here, if the service lets the request pass, and concludes.
    fn finish(
        self: &Rc<Self>,
        factor: usize,
        asked: &[Asked<'_>],
        global: Option<Global>,
        request: &dyn Request,
        trail: &mut Trail,
    ) -> Result<(), Unavailable> {
        let said = match global {
            None | Some(Err(_)) => self.count(factor, asked, true, request)?,
            Some(Ok(verdicts)) => {
                let mut verdicts = verdicts.into_iter();
                let mut from_service: Vec<_> = asked
                    .iter()
                    .map(|it| {
                        if it.limit.is_global() {
                            verdicts.next().map(|verdict| it.limit.served(factor, &verdict, request.now()))
                        } else {
                            None
                        }
                    })
                    .collect();
                let is_refused = from_service
                    .iter()
                    .zip(asked)
                    .any(|(said, it)| said.is_some_and(|said| !said.passes) && it.limit.refusing.enforced);
                let own: Vec<_> = asked.iter().filter(|it| !it.limit.is_global()).copied().collect();
                let mut counted = self.count(factor, &own, !is_refused, request)?.into_iter();
                for (said, it) in from_service.iter_mut().zip(asked) {
                    if !it.limit.is_global() {
                        *said = counted.next();
                    }
                }
                from_service.into_iter().collect::<Option<_>>().ok_or(Unavailable)?
            }
        };
        let passes = self.conclude(asked, &said, trail)?;
        if passes {
            self.watch(factor, asked, &said, trail);
        }
        Ok(())
    }

    /// Asks the counters of this Envoy, and takes from them where `takes`, all or none.
    fn count(
        &self,
        factor: usize,
        asked: &[Asked<'_>],
        takes: bool,
        request: &dyn Request,
    ) -> Result<Vec<Said>, Unavailable> {
        let (tables, store) = (self.tables(request)?, request.store());
        let mut charges = Vec::with_capacity(asked.len());
        for it in asked {
            let later = !takes || it.limit.count != Count::All;
            let limit = it.limit.local(factor);
            charges.push(charge(tables.get(it.position), limit, it.limit, it.key, later, store)?);
        }
        let mut decider = self.decider.try_borrow_mut().map_err(|_| Unavailable)?;
        let verdicts = decider.decide(store, request.now(), &charges).map_err(|_| Unavailable)?.verdicts;
        let said = |((verdict, charge), it): ((&quota::Verdict, &Charge<'_>), &Asked<'_>)| {
            let refusing = &it.limit.refusing;
            let exceeded = refusing.exceeded_in_fallback.unwrap_or(refusing.exceeded);
            Said {
                passes: verdict.answer.passes(),
                outcome: match verdict.answer {
                    quota::Answer::Passes => None,
                    quota::Answer::Limited => Some(exceeded),
                    quota::Answer::TableFull => Some(refusing.full),
                    quota::Answer::Uncounted => Some(refusing.uncounted),
                },
                quota: charge.limit.quota(),
                window_s: charge.limit.window_s(),
                remaining: verdict.remaining,
                reset_ns: verdict.reset_ns,
                retry_ns: verdict.retry_ns,
            }
        };
        Ok(verdicts.iter().zip(&charges).zip(asked).map(said).collect())
    }

    /// The tables of this configuration, one for each limit.
    fn tables(&self, request: &dyn Request) -> Result<&[Table], Unavailable> {
        if let Some(tables) = self.tables.get() {
            return Ok(tables);
        }
        let namespace = match &self.place.namespace {
            Some(name) => name.clone(),
            // Two plugins without names of their own share what Envoy gives them, an empty one.
            None => String::from_utf8_lossy(request.property("plugin_name")?.unwrap_or_default()).into_owned(),
        };
        let table = |limit: &Limit| {
            let [low, high] = [request.random(), request.random()].map(u64::to_le_bytes);
            let mut random = [0; quota::SECRET_LEN];
            for (byte, random) in low.into_iter().chain(high).zip(&mut random) {
                *random = byte;
            }
            let Place { entries, on_full, .. } = self.place;
            Table::new(&namespace, &limit.name, limit.algorithm, entries, on_full, random)
        };
        Ok(self.tables.get_or_init(|| self.limits.iter().map(table).collect()))
    }

    /// Records what the limits say; whether the request passes.
    fn conclude(&self, asked: &[Asked<'_>], said: &[Said], trail: &mut Trail) -> Result<bool, Unavailable> {
        let passing = self.passing.as_ref().ok_or(Unavailable)?;
        let both = || said.iter().zip(asked);
        let refused = |said: &Said, it: &Asked<'_>| !said.passes && it.limit.refusing.enforced;
        // Who waits for the one that takes longest, waits for all.
        let longest =
            both().filter(|(said, it)| refused(said, it)).max_by_key(|(said, _)| said.retry_ns.unwrap_or(u64::MAX));
        for (said, it) in both().filter(|(said, it)| said.outcome.is_some() && !refused(said, it)) {
            let Some(outcome) = said.outcome else { continue };
            let details = if said.passes { Vec::new() } else { self.details(&[*it], &[*said], said) };
            trail.note(Decision { outcome, details });
        }
        let Some((refusing, it)) = longest else {
            trail.conclude(passing.within);
            return Ok(true);
        };
        let outcome = refusing.outcome.unwrap_or(it.limit.refusing.exceeded);
        trail.conclude(Decision { outcome, details: self.details(asked, said, refusing) });
        Ok(false)
    }

    /// What clients and events are told of a refusal.
    fn details(&self, asked: &[Asked<'_>], said: &[Said], refusing: &Said) -> Vec<Detail> {
        // What is never there is there no sooner than all of the quota.
        let retry_ns = refusing.retry_ns.unwrap_or(refusing.reset_ns);
        let mut details = vec![Detail { name: detail::RETRY_AFTER, value: told::seconds(retry_ns).max(1).into() }];
        if let Some([left, policy]) = self.standard(asked, said) {
            details.push(Detail { name: detail::LEFT, value: left.into() });
            details.push(Detail { name: detail::POLICY, value: policy.into() });
        }
        details.push(Detail { name: detail::LIMIT, value: refusing.quota.into() });
        details.push(Detail { name: detail::REMAINING, value: refusing.remaining.into() });
        details.push(Detail { name: detail::RESET, value: told::seconds(refusing.reset_ns).into() });
        details
    }

    /// Asks for the response, where it is told of limits or counted by its status.
    fn watch(self: &Rc<Self>, factor: usize, asked: &[Asked<'_>], said: &[Said], trail: &mut Trail) {
        if !cfg!(feature = "responses") && cfg!(target_arch = "wasm32") {
            return;
        }
        if self.headers.on == Told::All {
            for (name, value) in self.response_headers(asked, said) {
                trail.set_response_header(name, value);
            }
        }
        let counted = asked.iter().filter(|it| it.limit.count != Count::All);
        let counted: Vec<(usize, Box<[u8]>)> = counted.map(|it| (it.position, it.key.into())).collect();
        if counted.is_empty() {
            return;
        }
        let check = Rc::clone(self);
        let judge = move |response: &Response<'_>, _: &mut Trail| -> Option<ResponseBody> {
            for (position, key) in &counted {
                check.count_response(factor, *position, key, response.status, response.now, response.store);
            }
            None
        };
        let judge = Box::new(judge);
        trail.watch_response(ResponseCheck { holds: false, judges_local: true, decides: false, judge });
    }

    /// Counts a request by what came of it.
    fn count_response(&self, factor: usize, position: usize, key: &[u8], status: u16, now: u64, store: &dyn Store) {
        let (Some(limit), Some(table)) =
            (self.limits.get(position), self.tables.get().and_then(|all| all.get(position)))
        else {
            return;
        };
        if !limit.count.holds(status) {
            return;
        }
        // What cannot be counted now is not counted: the response is on its way.
        if let (Ok(charge), Ok(mut decider)) =
            (charge(Some(table), limit.local(factor), limit, key, false, store), self.decider.try_borrow_mut())
        {
            let _ = decider.count(store, now, &[charge]);
        }
    }

    /// What `RateLimit` and `RateLimit-Policy` say, where they are told and there is anything to tell.
    fn standard(&self, asked: &[Asked<'_>], said: &[Said]) -> Option<[String; 2]> {
        let is_told = self.headers.standard && standings(asked, said).next().is_some();
        is_told.then(|| [told::left(standings(asked, said)), told::policy(standings(asked, said))])
    }

    fn response_headers(&self, asked: &[Asked<'_>], said: &[Said]) -> Vec<(&'static str, String)> {
        let mut headers = Vec::with_capacity(5);
        if let Some([left, policy]) = self.standard(asked, said) {
            headers.extend([("ratelimit", left), ("ratelimit-policy", policy)]);
        }
        if self.headers.legacy
            && let Some(least) = standings(asked, said).min_by_key(|standing| standing.remaining)
        {
            headers.push(("x-ratelimit-limit", least.quota.to_string()));
            headers.push(("x-ratelimit-remaining", least.remaining.to_string()));
            headers.push(("x-ratelimit-reset", told::seconds(least.reset_ns).to_string()));
        }
        headers
    }

    /// What all limits have come to in this worker.
    pub(crate) fn measures(&self) -> Vec<Measure> {
        let sum = |of: fn(Counts) -> u64| {
            let all = self.tables.get().into_iter().flatten().map(|table| of(table.counts()));
            all.fold(0, u64::saturating_add)
        };
        let counter = |name, value| Measure { name, only_grows: true, value };
        let mut all = vec![
            counter("portcullis_ratelimit_table_evicted_total", sum(|counts| counts.evicted)),
            counter(
                "portcullis_ratelimit_table_full_total",
                sum(|counts| counts.full.saturating_add(counts.uncounted)),
            ),
            counter("portcullis_ratelimit_table_races_total", sum(|counts| counts.lost_races)),
        ];
        all.extend(self.fleet.iter().flat_map(crate::fleet::Fleet::measures));
        all
    }
}

/// What is counted of a request by one limit.
fn charge<'a>(
    table: Option<&'a Table>,
    counts: Option<&'a quota::Limit>,
    limit: &Limit,
    key: &[u8],
    later: bool,
    store: &dyn Store,
) -> Result<Charge<'a>, Unavailable> {
    let (table, counts) = table.zip(counts).ok_or(Unavailable)?;
    let client = table.client(store, &[key]).map_err(|_| Unavailable)?;
    Ok(Charge { table, limit: counts, client, cost: limit.cost, enforced: limit.refusing.enforced, later })
}

/// How a client stands, as it is told: not with limits in shadow mode, which refuse nobody.
fn standings<'a>(asked: &'a [Asked<'_>], said: &'a [Said]) -> impl Iterator<Item = Standing<'a>> {
    let all = asked.iter().zip(said).filter(|(it, _)| it.limit.refusing.enforced);
    all.map(|(it, said)| Standing {
        name: &it.limit.name,
        quota: said.quota,
        window_s: said.window_s,
        remaining: said.remaining,
        reset_ns: said.reset_ns,
    })
}

impl Limit {
    const fn is_global(&self) -> bool {
        self.in_fallback.is_some()
    }

    /// What counts in this Envoy.
    fn local(&self, factor: usize) -> Option<&quota::Limit> {
        self.in_fallback.as_ref().unwrap_or(&self.by_factor).get(factor)
    }

    /// What a service says.
    fn served(&self, factor: usize, verdict: &fleet::Verdict, now: u64) -> Said {
        let own = self.by_factor.get(factor);
        let window_s = own.map_or(1, quota::Limit::window_s);
        let reset_ns =
            verdict.resets_at.map_or_else(|| u64::from(window_s).saturating_mul(NANOS), |at| at.saturating_sub(now));
        let quota = verdict.quota.unwrap_or_else(|| {
            let limit = own.map_or(1, quota::Limit::quota);
            fleet::Quota { limit, remaining: if verdict.is_allowed { limit } else { 0 } }
        });
        Said {
            passes: verdict.is_allowed,
            outcome: (!verdict.is_allowed).then_some(self.refusing.exceeded),
            quota: quota.limit,
            window_s,
            remaining: quota.remaining,
            reset_ns,
            retry_ns: if verdict.is_allowed { Some(0) } else { Some(reset_ns) },
        }
    }
}

/// Nanoseconds in a second.
const NANOS: u64 = 1_000_000_000;
