//! What a peer hears that sends nonsense.
