//! The tour: for each filter, a list of steps.

mod jwt_bola;
mod ratelimit;
mod schema_check;
mod ua_block;

use crate::step::{Group, Token};

/// In the order in which they are walked through.
pub(crate) const fn groups() -> &'static [Group] {
    &[ua_block::GROUP, jwt_bola::GROUP, schema_check::GROUP, ratelimit::GROUP]
}

/// Tokens that are good after the tour.
pub(crate) const fn good_tokens() -> &'static [Token] {
    jwt_bola::GOOD_AFTERWARDS
}
