//! The tour: for each filter, a list of steps.

mod ua_block;

use crate::step::Group;

/// In the order in which they are walked through.
pub(crate) const fn groups() -> &'static [Group] {
    &[ua_block::GROUP]
}
