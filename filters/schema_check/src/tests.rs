#![allow(clippy::arithmetic_side_effects, reason = "tests may panic")]

mod contracts;
mod documentation;
mod fuzz;
