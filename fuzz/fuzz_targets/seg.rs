#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pulmo_fuzz::seg(bytes));
