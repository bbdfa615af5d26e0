//! Only requests that the API's contract allows (R1, R18, R22).

pub mod config;
