//! The network against the authors' code.

mod golden;
