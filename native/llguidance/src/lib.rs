//! Pulls the `llguidance` crate, and with it the C functions that it exports, into a static library.
pub use llguidance::ffi;
