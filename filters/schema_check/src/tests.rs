#![allow(clippy::arithmetic_side_effects, reason = "tests may panic")]

mod configuration;
mod contracts;
mod documentation;
mod fuzz;
