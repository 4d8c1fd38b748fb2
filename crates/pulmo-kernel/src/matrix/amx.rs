//! Intel's AMX: tiles of 16 rows of 64 bytes, and products of bfloat16 with float32 sums.
//!
//! Each kernel is one block of assembly, because nothing keeps tile registers between two of them. Rust has no stable intrinsics for
//! AMX yet.

use std::arch::asm;
use std::arch::x86_64::{__cpuid, __cpuid_count};
use std::sync::OnceLock;

use super::unit::{DEPTH, Job, Step, Unit};

/// Proof that this process may use the instructions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Amx(());

impl Amx {
    /// The instructions, or why this process cannot use them. Asks the system at the first call.
    pub(crate) fn available() -> Result<Self, &'static str> {
        static STATE: OnceLock<Result<(), &'static str>> = OnceLock::new();
        (*STATE.get_or_init(available)).map(|()| Self(()))
    }
}

fn available() -> Result<(), &'static str> {
    if __cpuid(0).eax < 7 {
        return Err("the processor lacks AMX-TILE");
    }
    let features = __cpuid_count(7, 0).edx;
    if features >> 24 & 1 == 0 {
        return Err("the processor lacks AMX-TILE");
    }
    if features >> 22 & 1 == 0 {
        return Err("the processor lacks AMX-BF16");
    }
    // OSXSAVE, without which XGETBV may not be used; then the states of tile configuration and tile data.
    if __cpuid(1).ecx >> 27 & 1 == 0 || enabled_states() >> 17 & 3 != 3 {
        return Err("the system does not keep tile registers");
    }
    permitted()
}

/// The processor states that the system saves and restores.
fn enabled_states() -> u32 {
    let states: u32;
    // SAFETY: reads a register; the system allows it, as OSXSAVE says.
    unsafe { asm!("xgetbv", in("ecx") 0, out("eax") states, out("edx") _, options(nomem, nostack, preserves_flags)) };
    states
}

/// Asks Linux for the right to use tile data, for all threads of the process.
#[cfg(target_os = "linux")]
fn permitted() -> Result<(), &'static str> {
    const ARCH_PRCTL: i64 = 158;
    const ARCH_REQ_XCOMP_PERM: i64 = 0x1023;
    const XTILEDATA: i64 = 18;
    let answer: i64;
    // SAFETY: the call takes two numbers and touches no memory of ours; the kernel overwrites rcx and r11.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") ARCH_PRCTL => answer,
            in("rdi") ARCH_REQ_XCOMP_PERM,
            in("rsi") XTILEDATA,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    if answer == 0 { Ok(()) } else { Err("Linux does not permit the use of tile registers (5.16 or later does)") }
}

#[cfg(not(target_os = "linux"))]
fn permitted() -> Result<(), &'static str> {
    Err("tile registers are used on Linux only")
}

/// What LDTILECFG reads.
#[repr(C, align(64))]
struct Configuration {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    row_bytes: [u16; 16],
    rows: [u8; 16],
}

/// All eight registers with 16 rows of 64 bytes.
static CONFIGURATION: Configuration = Configuration {
    palette: 1,
    start_row: 0,
    reserved: [0; 14],
    row_bytes: [64, 64, 64, 64, 64, 64, 64, 64, 0, 0, 0, 0, 0, 0, 0, 0],
    rows: [16, 16, 16, 16, 16, 16, 16, 16, 0, 0, 0, 0, 0, 0, 0, 0],
};

/// Releases the tiles, also when the work breaks off.
struct Configured;

impl Configured {
    fn new() -> Self {
        // SAFETY: only an `Amx` leads here, so the instruction may be used; it reads 64 bytes.
        unsafe {
            asm!("ldtilecfg [{}]", in(reg) &raw const CONFIGURATION, options(readonly, nostack, preserves_flags))
        };
        Self
    }
}

impl Drop for Configured {
    fn drop(&mut self) {
        // SAFETY: as above. Threads without tile data are cheaper to switch, and cores without may sleep deeper.
        unsafe { asm!("tilerelease", options(nomem, nostack, preserves_flags)) };
    }
}

impl Unit for Amx {
    fn session<R>(self, work: impl FnOnce() -> R) -> R {
        let _configured = Configured::new();
        work()
    }

    fn granule(self) -> usize {
        DEPTH
    }

    #[inline]
    unsafe fn multiply(self, shape: [usize; 2], job: &Job<'_>) {
        // SAFETY: the caller's contract, and the instructions are there.
        unsafe {
            match shape {
                [2, 2] => two_by_two(job),
                [2, 1] => two_by_one(job),
                [1, 2] => one_by_two(job),
                _ => one_by_one(job),
            }
        }
    }
}

/// A kernel: how its sums become zero, how they are loaded, one step, how they are stored. tmm0 to tmm3 hold sums, tmm4 and
/// tmm5 factors on the left, tmm6 and tmm7 on the right.
macro_rules! kernel {
    ($name:ident, zero $zero:tt, load $load:tt, step $step:tt, store $store:tt) => {
        kernel!(@ $name, $zero, $load, $step, $store);
    };
    (@ $name:ident, [$($zero:literal),*], [$($load:literal),*], [$($step:literal),*], [$($store:literal),*]) => {
        /// # Safety
        /// As for [`Unit::multiply`], with the instructions there.
        unsafe fn $name(job: &Job<'_>) {
            // SAFETY: reads 16 rows of 64 bytes at every used base and step, and reads and writes the tiles of sums: the caller
            // lends all of them.
            unsafe {
                asm!(
                    "test {fresh:e}, {fresh:e}",
                    "jz 2f",
                    $($zero,)*
                    "jmp 3f",
                    "2:",
                    $($load,)*
                    "3:",
                    "test {count}, {count}",
                    "jz 5f",
                    "4:",
                    $($step,)*
                    "add {steps}, {size}",
                    "dec {count}",
                    "jnz 4b",
                    "5:",
                    $($store,)*
                    fresh = in(reg) u32::from(job.fresh),
                    count = inout(reg) job.steps.len() => _,
                    steps = inout(reg) job.steps.as_ptr() => _,
                    left = in(reg) job.left[0],
                    below = in(reg) job.left[1],
                    right = in(reg) job.right[0],
                    beside = in(reg) job.right[1],
                    sums = in(reg) job.sums,
                    pitch = in(reg) 64_usize,
                    size = const size_of::<Step>(),
                    at = out(reg) _,
                    out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                    out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                    options(nostack),
                );
            }
        }
    };
}

kernel!(two_by_two,
    zero ["tilezero tmm0", "tilezero tmm1", "tilezero tmm2", "tilezero tmm3"],
    load [
        "tileloadd tmm0, [{sums} + {pitch}]",
        "tileloadd tmm1, [{sums} + {pitch} + 1024]",
        "tileloadd tmm2, [{sums} + {pitch} + 2048]",
        "tileloadd tmm3, [{sums} + {pitch} + 3072]"
    ],
    step [
        "mov {at}, [{steps}]",
        "add {at}, {left}",
        "tileloadd tmm4, [{at} + {pitch}]",
        "mov {at}, [{steps} + 8]",
        "add {at}, {right}",
        "tileloadd tmm6, [{at} + {pitch}]",
        "tdpbf16ps tmm0, tmm4, tmm6",
        "mov {at}, [{steps} + 8]",
        "add {at}, {beside}",
        "tileloadd tmm7, [{at} + {pitch}]",
        "tdpbf16ps tmm1, tmm4, tmm7",
        "mov {at}, [{steps}]",
        "add {at}, {below}",
        "tileloadd tmm5, [{at} + {pitch}]",
        "tdpbf16ps tmm2, tmm5, tmm6",
        "tdpbf16ps tmm3, tmm5, tmm7"
    ],
    store [
        "tilestored [{sums} + {pitch}], tmm0",
        "tilestored [{sums} + {pitch} + 1024], tmm1",
        "tilestored [{sums} + {pitch} + 2048], tmm2",
        "tilestored [{sums} + {pitch} + 3072], tmm3"
    ]
);

kernel!(two_by_one,
    zero ["tilezero tmm0", "tilezero tmm1"],
    load ["tileloadd tmm0, [{sums} + {pitch}]", "tileloadd tmm1, [{sums} + {pitch} + 1024]"],
    step [
        "mov {at}, [{steps} + 8]",
        "add {at}, {right}",
        "tileloadd tmm6, [{at} + {pitch}]",
        "mov {at}, [{steps}]",
        "add {at}, {left}",
        "tileloadd tmm4, [{at} + {pitch}]",
        "tdpbf16ps tmm0, tmm4, tmm6",
        "mov {at}, [{steps}]",
        "add {at}, {below}",
        "tileloadd tmm5, [{at} + {pitch}]",
        "tdpbf16ps tmm1, tmm5, tmm6",
        "/* {beside} */"
    ],
    store ["tilestored [{sums} + {pitch}], tmm0", "tilestored [{sums} + {pitch} + 1024], tmm1"]
);

kernel!(one_by_two,
    zero ["tilezero tmm0", "tilezero tmm1"],
    load ["tileloadd tmm0, [{sums} + {pitch}]", "tileloadd tmm1, [{sums} + {pitch} + 1024]"],
    step [
        "mov {at}, [{steps}]",
        "add {at}, {left}",
        "tileloadd tmm4, [{at} + {pitch}]",
        "mov {at}, [{steps} + 8]",
        "add {at}, {right}",
        "tileloadd tmm6, [{at} + {pitch}]",
        "tdpbf16ps tmm0, tmm4, tmm6",
        "mov {at}, [{steps} + 8]",
        "add {at}, {beside}",
        "tileloadd tmm7, [{at} + {pitch}]",
        "tdpbf16ps tmm1, tmm4, tmm7",
        "/* {below} */"
    ],
    store ["tilestored [{sums} + {pitch}], tmm0", "tilestored [{sums} + {pitch} + 1024], tmm1"]
);

kernel!(one_by_one,
    zero ["tilezero tmm0"],
    load ["tileloadd tmm0, [{sums} + {pitch}]"],
    step [
        "mov {at}, [{steps}]",
        "add {at}, {left}",
        "tileloadd tmm4, [{at} + {pitch}]",
        "mov {at}, [{steps} + 8]",
        "add {at}, {right}",
        "tileloadd tmm6, [{at} + {pitch}]",
        "tdpbf16ps tmm0, tmm4, tmm6",
        "/* {below} {beside} */"
    ],
    store ["tilestored [{sums} + {pitch}], tmm0"]
);
