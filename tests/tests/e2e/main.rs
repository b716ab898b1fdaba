//! What users of SwampDragon would notice, in the order they would care.

mod attacks;
mod backend;
mod bad_input_at_start;
mod bad_input_on_the_wire;
mod bound_session;
mod demo_page;
mod fallback;
mod faults;
mod framework_cookies;
mod framework_sessions;
mod guides;
mod keys_left_alone;
mod many_connections;
mod original_client;
mod original_server;
mod origins;
mod page_keeps_answering;
mod page_life;
mod redis_outage;
mod server_restarts;
mod session_ends;
mod session_lives_with_its_page;
mod shared_connection;
mod shutdown;
mod sockjs_client;
