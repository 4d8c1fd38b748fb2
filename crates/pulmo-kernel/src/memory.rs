//! What the system's allocator does with large blocks.

/// Makes large blocks go back to the system when they are freed, for the whole process.
///
/// The allocator of glibc keeps freed blocks of up to 32 MB, scattered over the heaps of all threads: a training took 6 %
/// more than was allocated at any time (paper network at 3x20x112x112). Others were not measured and are left as they are.
pub fn return_large_blocks() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        static ONCE: std::sync::Once = std::sync::Once::new();
        ONCE.call_once(|| {
            // SAFETY: settings of the allocator, which may be changed at any time. The second would otherwise become so small that heaps
            // grow and shrink all the time.
            unsafe {
                libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE);
                libc::mallopt(libc::M_TRIM_THRESHOLD, 4 * LARGE);
            }
        });
    }
}

/// Bytes from which on a block is large.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const LARGE: libc::c_int = 4 << 20;
