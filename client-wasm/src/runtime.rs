//! What a WebAssembly module needs of its own when the standard library is left out.

/// Two kilobytes smaller, compressed, than the allocator that Rust brings.
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

/// Stops the module. Nothing here panics on what a page or a server does, so there is nothing to say; a message would
/// bring Rust's formatting into every page.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
