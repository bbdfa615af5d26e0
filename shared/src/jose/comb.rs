//! Multiplication of points that are known beforehand (Lim and Lee, CRYPTO '94), in variable time: for public numbers
//! only.
//!
//! The crates' verification doubles a point once for each bit of a number, for each signature: in WebAssembly that takes
//! two to four times as long as a token may cost. A table of the key and one of the generator leave an eighth of the
//! doublings; the points' arithmetic remains that of the crates.

#[cfg(test)]
mod tests;

use std::sync::OnceLock;

/// The bits that are looked up at once: 32 doublings and additions of each point for 256 bits, with tables of 18 to
/// 40 KB.
const TEETH: usize = 8;

/// A group whose points are added.
pub(super) trait Group: Sized + 'static {
    /// A point to calculate with.
    type Point: Copy;
    /// A point in a table.
    type Entry: Copy;

    /// Bits of a number that a point is multiplied by, at most.
    const BITS: usize;

    fn identity() -> Self::Point;
    fn generator() -> Self::Point;
    fn double(point: Self::Point) -> Self::Point;
    fn add(point: Self::Point, other: Self::Point) -> Self::Point;
    fn add_entry(point: Self::Point, entry: &Self::Entry) -> Self::Point;
    fn entries(points: &[Self::Point]) -> Vec<Self::Entry>;

    /// The generator's table, made when it is first asked for.
    fn generator_table() -> &'static Comb<Self>;
}

/// Sums of P · 2^(i · distance): the one at an index has those i that are bits of it.
#[derive(Clone)]
pub(super) struct Comb<G: Group>(Vec<G::Entry>);

impl<G: Group> Comb<G> {
    fn new(point: G::Point) -> Self {
        let mut sums = vec![G::identity()];
        let mut tooth = point;
        for index in 0..TEETH {
            if index > 0 {
                tooth = (0..distance::<G>()).fold(tooth, |point, _| G::double(point));
            }
            for index in 0..sums.len() {
                if let Some(sum) = sums.get(index) {
                    sums.push(G::add(*sum, tooth));
                }
            }
        }
        Self(G::entries(&sums))
    }

    /// In a static of its own for each group.
    pub(super) fn of_generator(table: &'static OnceLock<Self>) -> &'static Self {
        table.get_or_init(|| Self::new(G::generator()))
    }
}

/// A point and its table, made when it is first multiplied: many keys of a set never are.
#[derive(Clone)]
pub(super) struct Known<G: Group> {
    point: G::Point,
    table: OnceLock<Comb<G>>,
}

impl<G: Group> Known<G> {
    pub(super) const fn new(point: G::Point) -> Self {
        Self { point, table: OnceLock::new() }
    }

    pub(super) const fn point(&self) -> G::Point {
        self.point
    }

    /// The generator times `factor`, plus this point times `own`: big-endian numbers of as many bits as the group has.
    pub(super) fn sum(&self, factor: &[u8], own: &[u8]) -> G::Point {
        let table = self.table.get_or_init(|| Comb::new(self.point));
        let products = [(G::generator_table(), factor), (table, own)];
        let distance = distance::<G>();
        let mut sum = G::identity();
        for place in (0..distance).rev() {
            sum = G::double(sum);
            for (Comb(entries), number) in products {
                let bits = (place..distance.saturating_mul(TEETH)).step_by(distance.max(1));
                let index = bits.rev().fold(0, |index, bit| (index << 1) | usize::from(is_set(number, bit)));
                if index > 0
                    && let Some(entry) = entries.get(index)
                {
                    sum = G::add_entry(sum, entry);
                }
            }
        }
        sum
    }
}

/// From one tooth to the next, in bits.
const fn distance<G: Group>() -> usize {
    G::BITS.div_ceil(TEETH)
}

/// Whether a big-endian number has a bit.
fn is_set(number: &[u8], bit: usize) -> bool {
    number.iter().rev().nth(bit / 8).is_some_and(|byte| byte >> (bit % 8) & 1 == 1)
}
