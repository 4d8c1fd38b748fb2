#![no_main]

libfuzzer_sys::fuzz_target!(init: pulmo_fuzz::only_what_nobody_catches(), |bytes: &[u8]| pulmo_fuzz::seg(bytes));
