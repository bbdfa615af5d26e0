//! Several limits on one request.

use super::{
    Answer, Limit, State, Verdict,
    limit::Standing,
    slot::{Place, Slot},
    table::{Client, OnFull, ROUNDS, Table, count},
};
use crate::store::{Store, Unavailable};

/// What one limit is to count of a request.
#[derive(Clone, Copy, Debug)]
pub struct Charge<'a> {
    /// Where the limit's clients are.
    pub table: &'a Table,
    /// The limit, scaled for this client.
    pub limit: &'a Limit,
    /// The client, of that table.
    pub client: Client,
    /// How much is taken.
    pub cost: u32,
    /// Whether the limit refuses requests; if not, it only tells that it would have.
    pub enforced: bool,
    /// Whether it is judged and nothing taken: [`Decider::count`] does so when the response is known.
    pub later: bool,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decided<'a> {
    /// The first charge that refuses the request; then nothing was taken for any.
    pub refused_by: Option<usize>,
    /// What each charge's limit says, and how its client stands now.
    pub verdicts: &'a [Verdict],
}

/// Decides; kept from request to request, so that it need not allocate.
#[derive(Debug, Default)]
pub struct Decider {
    pages: Vec<Page>,
    works: Vec<Work>,
    verdicts: Vec<Verdict>,
}

/// A slot that charges fall into.
#[derive(Debug)]
struct Page {
    /// The first of them.
    charge: usize,
    slot: Slot,
    cas: u32,
    /// Whether something is to be set.
    is_changed: bool,
    /// Whether it was.
    is_set: bool,
}

/// What is known of a charge.
#[derive(Clone, Copy, Debug)]
struct Work {
    page: usize,
    answer: Answer,
    retry_ns: Option<u64>,
    /// Without any charge of this request.
    before: State,
    /// With those up to this one.
    after: State,
    is_taken: bool,
    evicts: bool,
}

impl Work {
    const fn new(page: usize) -> Self {
        let state = State { time: 0, first: 0, second: 0 };
        let (answer, retry_ns) = (Answer::Passes, Some(0));
        Self { page, answer, retry_ns, before: state, after: state, is_taken: false, evicts: false }
    }
}

impl Decider {
    /// Takes what all charges cost, at `now` in nanoseconds since 1970, or nothing if one that is enforced refuses. One that
    /// is not enforced takes where its own limit lets it. Charges of one client in one table add up.
    ///
    /// # Errors
    /// The store does not work, or holds what is no table of ours; then nothing was taken, as far as the store let it be
    /// given back.
    pub fn decide(&mut self, store: &dyn Store, now: u64, charges: &[Charge<'_>]) -> Result<Decided<'_>, Unavailable> {
        self.assign(charges);
        for page in 0..self.pages.len() {
            self.judge(page, store, now, charges)?;
        }
        let mut refused_by = self.refused_by(charges);
        if refused_by.is_none() {
            for page in 0..self.pages.len() {
                let set = self.set(page, store, now, charges);
                refused_by = self.refused_by(charges);
                if set.is_err() || refused_by.is_some() {
                    self.give_back(store, charges);
                }
                set?;
                if refused_by.is_some() {
                    break;
                }
            }
        }
        self.conclude(now, charges, refused_by.is_some());
        Ok(Decided { refused_by, verdicts: &self.verdicts })
    }

    /// Counts what has happened already, such as a failure that only the response told: above a limit as well, as
    /// [`Limit::take_anyway`] does. What finds no room is not counted, unless another client may be forgotten.
    ///
    /// # Errors
    /// The store does not work: some were not counted.
    pub fn count(&mut self, store: &dyn Store, now: u64, charges: &[Charge<'_>]) -> Result<(), Unavailable> {
        let mut result = Ok(());
        for charge in charges.iter().filter(|charge| charge.cost > 0) {
            if add(store, now, charge).is_err() {
                result = Err(Unavailable);
            }
        }
        result
    }

    /// Gives each charge its page.
    fn assign(&mut self, charges: &[Charge<'_>]) {
        self.pages.clear();
        self.works.clear();
        for (index, charge) in charges.iter().enumerate() {
            let same = |page: &Page| {
                charges
                    .get(page.charge)
                    .is_some_and(|first| first.client.slot == charge.client.slot && first.table.is(charge.table))
            };
            let page = self.pages.iter().position(same).unwrap_or_else(|| {
                self.pages.push(Page { charge: index, slot: Slot::EMPTY, cas: 0, is_changed: false, is_set: false });
                self.pages.len().saturating_sub(1)
            });
            self.works.push(Work::new(page));
        }
    }

    /// Reads a page and judges all its charges, one after another.
    fn judge(&mut self, index: usize, store: &dyn Store, now: u64, charges: &[Charge<'_>]) -> Result<(), Unavailable> {
        let Some(page) = self.pages.get_mut(index) else { return Ok(()) };
        let Some(Charge { table, client: Client { slot, .. }, .. }) = charges.get(page.charge) else { return Ok(()) };
        'rounds: for _ in 0..ROUNDS {
            (page.slot, page.cas) = table.read(store, *slot)?;
            page.is_changed = false;
            for (at, charge) in charges.iter().enumerate() {
                if self.works.get(at).is_none_or(|work| work.page != index) {
                    continue;
                }
                let Some((earlier, [work, ..])) = self.works.split_at_mut_checked(at) else { continue };
                let earlier = || earlier.iter().zip(charges).filter(|(work, _)| work.page == index);
                let keeps = |tag| earlier().any(|(_, charge)| charge.client.tag == tag);
                let tag = charge.client.tag;
                let place = page.slot.find(tag, charge.limit, charge.cost, table.on_full(), now, keeps);
                *work = Work::new(index);
                let (place, state) = match place {
                    Place::Odd => {
                        let (mut healed, cas) = table.read(store, *slot)?;
                        healed.heal(tag, charge.limit, now);
                        table.write(store, *slot, &healed, cas)?;
                        continue 'rounds;
                    }
                    Place::Full(_) if table.on_full() == OnFull::Allow => {
                        work.answer = Answer::Uncounted;
                        continue;
                    }
                    Place::Full(wait) => {
                        (work.answer, work.retry_ns) = (Answer::TableFull, Some(wait));
                        continue;
                    }
                    Place::Known(place, state) => (place, state),
                    Place::Free(place) => (place, State::default()),
                    Place::Evict(place) => {
                        work.evicts = true;
                        (place, State::default())
                    }
                };
                (work.before, work.after) = (state, state);
                if let Some((first, _)) = earlier().find(|(_, charge)| charge.client.tag == tag) {
                    work.before = first.before;
                }
                match charge.limit.judge(state, charge.cost, now) {
                    Ok(after) if !charge.later && charge.cost > 0 => {
                        (work.after, work.is_taken) = (after, true);
                        page.slot.put(place, tag, after);
                        page.is_changed = true;
                    }
                    Ok(_) => {}
                    Err(retry_ns) => (work.answer, work.retry_ns) = (Answer::Limited, retry_ns),
                }
            }
            return Ok(());
        }
        Err(Unavailable)
    }

    /// Sets what was judged; judges again when another worker was first.
    fn set(&mut self, index: usize, store: &dyn Store, now: u64, charges: &[Charge<'_>]) -> Result<(), Unavailable> {
        for _ in 0..ROUNDS {
            let Some(page) = self.pages.get_mut(index).filter(|page| page.is_changed) else { return Ok(()) };
            let Some(Charge { table, client, .. }) = charges.get(page.charge) else { return Ok(()) };
            if table.write(store, client.slot, &page.slot, page.cas)? {
                page.is_set = true;
                let works = self.works.iter().filter(|work| work.page == index && work.is_taken && work.evicts);
                works.for_each(|_| count(&table.counts.evicted));
                return Ok(());
            }
            self.judge(index, store, now, charges)?;
            if self.refused_by(charges).is_some() {
                return Ok(());
            }
        }
        Err(Unavailable)
    }

    /// Gives back what was taken. Where the store fails, it stays taken.
    fn give_back(&self, store: &dyn Store, charges: &[Charge<'_>]) {
        for (index, page) in self.pages.iter().enumerate().filter(|(_, page)| page.is_set) {
            let Some(Charge { table, client, .. }) = charges.get(page.charge) else { continue };
            for _ in 0..ROUNDS {
                let Ok((mut slot, cas)) = table.read(store, client.slot) else { break };
                for (work, charge) in self.works.iter().zip(charges) {
                    let tag = charge.client.tag;
                    // One that was forgotten meanwhile has nothing taken.
                    if work.page == index
                        && work.is_taken
                        && let Some((place, state)) = slot.known(tag)
                    {
                        slot.put(place, tag, charge.limit.give_back(state, work.after, charge.cost));
                    }
                }
                match table.write(store, client.slot, &slot, cas) {
                    Ok(true) | Err(Unavailable) => break,
                    Ok(false) => {}
                }
            }
        }
    }

    fn refused_by(&self, charges: &[Charge<'_>]) -> Option<usize> {
        let mut all = self.works.iter().zip(charges);
        all.position(|(work, charge)| charge.enforced && !work.answer.passes())
    }

    fn conclude(&mut self, now: u64, charges: &[Charge<'_>], is_refused: bool) {
        self.verdicts.clear();
        for (work, charge) in self.works.iter().zip(charges) {
            let Work { answer, retry_ns, .. } = *work;
            let state = if is_refused { work.before } else { work.after };
            let Standing { mut remaining, reset_ns } = charge.limit.standing(state, now);
            match answer {
                Answer::Passes | Answer::Limited => {}
                Answer::TableFull => {
                    count(&charge.table.counts.full);
                    remaining = 0;
                }
                Answer::Uncounted => count(&charge.table.counts.uncounted),
            }
            self.verdicts.push(Verdict { answer, remaining, reset_ns, retry_ns });
        }
    }
}

/// Counts one charge, whatever its limit says.
fn add(store: &dyn Store, now: u64, charge: &Charge<'_>) -> Result<(), Unavailable> {
    let Charge { table, limit, client: Client { slot: index, tag }, cost, .. } = *charge;
    for _ in 0..ROUNDS {
        let (mut slot, cas) = table.read(store, index)?;
        let (place, state, evicts) = match slot.find(tag, limit, cost, table.on_full(), now, |_| false) {
            Place::Known(place, state) => (place, state, false),
            Place::Free(place) => (place, State::default(), false),
            Place::Evict(place) => (place, State::default(), true),
            Place::Full(_) => {
                count(&table.counts.uncounted);
                return Ok(());
            }
            Place::Odd => {
                slot.heal(tag, limit, now);
                table.write(store, index, &slot, cas)?;
                continue;
            }
        };
        slot.put(place, tag, limit.force(state, cost, now));
        if table.write(store, index, &slot, cas)? {
            if evicts {
                count(&table.counts.evicted);
            }
            return Ok(());
        }
    }
    Err(Unavailable)
}
