//! What a WebAssembly module needs of its own when the standard library is left out.

use lol_alloc::{FreeListAllocator, LockedAllocator};

/// 2.4 KB smaller, compressed, than the allocator that Rust brings. It looks for room from one free piece to the next,
/// which is fast here: what a client holds are a dozen lists, and freed neighbours become one piece.
#[global_allocator]
static ALLOCATOR: LockedAllocator<FreeListAllocator> = LockedAllocator::new(FreeListAllocator::new());

/// Stops the module. Nothing here panics on what a page or a server does, so there is nothing to say; a message would
/// bring Rust's formatting into every page.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
